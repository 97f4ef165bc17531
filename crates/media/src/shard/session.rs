//! One session of a shard: its transport and what belongs to it alone.

use crate::api::SessionId;
use crate::ice::check::Checks;
use crate::ice::path::Paths;
use crate::ice::ufrag::Ufrag;
use crate::key::Key;
use crate::room::keyframe_requests::KeyframeThrottle;
use crate::room::network_level::{LevelJudge, Sample};
use crate::rtp::by_kind::ByKind;
use crate::rtp::capture_clock::CaptureClock;
use crate::rtp::codec::Codec;
use crate::rtp::loss::LossDetector;
use crate::rtp::rewriter::Rewriter;
use crate::shard::first_picture::{FirstPicture, Still};
use crate::webrtc::Transport;
use std::time::{Duration, Instant};
use tring_limits::{Bucket, Rate};
use tring_protocol::RoomKey;
use tring_protocol::UserId;
use tring_protocol::{MediaKind, Source, SourceMap, SourceSet};

/// How long a new session may take until ICE and DTLS are done. Higher: a browser whose user ponders a permission
/// prompt survives. Lower: offers that nobody follows up hold memory for less long.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(40);

/// How long the DTLS handshake may take from its first record. Whoever can write the peer's address can spoil a handshake
/// with one record (none is authenticated before there are keys), and the library does not begin again: the session is
/// lost, and the client offers another. Higher: that takes longer. Lower: a handshake over a very bad network is given up.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a session lives without an authenticated ICE check. Browsers check every 2.5 to 5 s; RFC 7675 §5.1 lets
/// consent run out after 30 s. Lower: a dead peer is noticed sooner. Higher: a lift or a tunnel is survived.
pub(crate) const CONSENT_TIMEOUT: Duration = Duration::from_secs(18);

/// Datagrams of one session that its keys open and that are looked at; those beyond are dropped. A 1:1 call sends about 200 a
/// second and confirms some of ours. What does not open is not counted: it costs an attempt, and may be anybody's. Higher:
/// one user can take more of a worker. Lower: a burst after a stall is lost.
pub(crate) const INPUT: Rate = Rate { burst: 8_000.0, per_second: 8_000.0 };

/// DTLS datagrams that one session may bring: a handshake has some ten, and nothing of them is authenticated before its end.
/// Higher: who writes the peer's address on records of its own costs more. Lower: it keeps the peer from its handshake.
pub(crate) const HANDSHAKE: Rate = Rate { burst: 200.0, per_second: 50.0 };

/// Bytes of media that one session may publish: 20 Mbit/s. Each is sent to everybody in the room, so it costs their
/// networks too. Higher: screens in 4K. Lower: a user who sends what no camera does takes less from the others.
pub(crate) const PUBLISHED: Rate = Rate { burst: 2_500_000.0, per_second: 2_500_000.0 };

/// Shortest time between two notices that a session's codec is not everybody's. Higher: a client that changes back and
/// forth is told later. Lower: it makes the server talk more.
pub(crate) const MISMATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A place where a remote user's track goes.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The media line of the receiver's offer.
    pub(crate) line: usize,
    pub(crate) rewriter: Rewriter,
    /// It has a kept key frame, and waits for the next one.
    pub(crate) still: Option<Still>,
}

/// What was told of a codec that not everybody takes.
#[derive(Debug, Default)]
pub(crate) struct Mismatch {
    /// What the session sent and what was wanted; none while all is well.
    pub(crate) told: Option<(Codec, Option<Codec>)>,
    pub(crate) at: Option<Instant>,
}

/// A track that the user sends. Where it has layers one day, each has a throttle and a detector of its own.
#[derive(Debug, Default)]
pub(crate) struct SentTrack {
    /// The line that it comes on; none if the offer has no line for it.
    pub(crate) line: Option<usize>,
    /// Requests for key frames, of pictures.
    pub(crate) keyframes: KeyframeThrottle,
    /// Which packets of pictures are lost for good.
    pub(crate) loss: LossDetector,
    /// What was told of a codec that not everybody takes.
    pub(crate) mismatch: Mismatch,
}

/// A session.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) room: RoomKey,
    pub(crate) label: String,
    pub(crate) ufrag: Ufrag,
    pub(crate) transport: Transport,
    /// What comes on each line of the offer; none on one that the user does not send on.
    sources: Vec<Option<Source>>,
    pub(crate) tracks: SourceMap<SentTrack>,
    pub(crate) slots: ByKind<Vec<Slot>>,
    pub(crate) clock: CaptureClock,
    /// What waits at its gate while its user calls; none if its user does not.
    pub(crate) first_picture: Option<Box<FirstPicture>>,
    /// When the next key frame may be asked for, of those that are wanted.
    keyframes_due: Option<Instant>,
    /// The newest round trip that was measured.
    pub(crate) round_trip: Option<Duration>,
    pub(crate) network: LevelJudge,
    /// A datagram came from the peer since the last look at its network.
    pub(crate) heard: bool,
    /// The ways to the peer.
    pub(crate) paths: Paths,
    pub(crate) checks: Checks,
    pub(crate) input: Bucket,
    pub(crate) handshake: Bucket,
    pub(crate) published: Bucket,
    pub(crate) opened: Instant,
    pub(crate) connected: bool,
    /// When the peer's first DTLS record came.
    pub(crate) greeted: Option<Instant>,
    /// The last authenticated ICE check.
    pub(crate) checked: Option<Instant>,
    /// The deadline that the shard's list has.
    pub(crate) listed: Option<Instant>,
}

impl Session {
    pub(crate) fn new(
        (id, room, label): (SessionId, RoomKey, String),
        ufrag: Ufrag,
        transport: Transport,
        now: Instant,
    ) -> Self {
        let sources = sources_of_lines(transport.lines().iter().map(|l| (l.kind, l.receives)));
        let tracks = SourceMap::from_fn(|source| SentTrack {
            line: sources.iter().position(|s| *s == Some(source)),
            ..SentTrack::default()
        });
        let slots = ByKind::from_fn(|kind| {
            let of_kind = transport.lines().iter().enumerate().filter(|(_, l)| l.kind == kind && l.sends);
            of_kind.map(|(line, _)| Slot { line, ..Slot::default() }).collect()
        });
        Self {
            id,
            room,
            label,
            ufrag,
            transport,
            sources,
            tracks,
            slots,
            clock: CaptureClock::default(),
            first_picture: None,
            keyframes_due: None,
            round_trip: None,
            network: LevelJudge::default(),
            heard: false,
            paths: Paths::default(),
            checks: Checks::new(now),
            input: Bucket::full(INPUT, now),
            handshake: Bucket::full(HANDSHAKE, now),
            published: Bucket::full(PUBLISHED, now),
            opened: now,
            connected: false,
            greeted: None,
            checked: None,
            listed: None,
        }
    }

    /// When the session is dropped unless something happens.
    pub(crate) fn expires(&self) -> Instant {
        match self.checked {
            Some(checked) if self.connected => checked + CONSENT_TIMEOUT,
            _ => {
                let connect = self.opened + CONNECT_TIMEOUT;
                self.greeted.map_or(connect, |at| connect.min(at + HANDSHAKE_TIMEOUT))
            }
        }
    }

    /// When the session needs time to pass: [`Session::expires`], a timer of the library, or a key frame that is due.
    pub(crate) fn deadline(&self) -> Instant {
        let due = self.transport.deadline().min(self.expires());
        self.keyframes_due.map_or(due, |k| k.min(due))
    }

    /// The source that comes on a line.
    pub(crate) fn source_of(&self, line: usize) -> Option<Source> {
        self.sources.get(line).copied().flatten()
    }

    /// How many slots it has.
    pub(crate) fn slot_counts(&self) -> ByKind<usize> {
        ByKind::from_fn(|kind| self.slots[kind].len())
    }

    /// A key frame of a source is needed. `true`: ask for it now; else it is due later.
    pub(crate) fn want_keyframe(&mut self, source: Source, now: Instant) -> bool {
        let ask = self.tracks[source].keyframes.want(now);
        self.note_keyframes_due();
        ask
    }

    /// The sources of which a key frame was wanted and may be asked for now.
    pub(crate) fn take_due_keyframes(&mut self, now: Instant) -> SourceSet {
        if self.keyframes_due.is_none_or(|due| due > now) {
            return SourceSet::EMPTY;
        }
        let mut ask = SourceSet::EMPTY;
        for (source, track) in self.tracks.iter_mut() {
            ask.set(source, track.keyframes.take_due(now));
        }
        self.note_keyframes_due();
        ask
    }

    /// Kept, since the deadline is asked for with every packet.
    fn note_keyframes_due(&mut self) {
        self.keyframes_due = self.tracks.values().filter_map(|track| track.keyframes.due()).min();
    }

    /// A second has passed; gives the network level if it is to be told.
    pub(crate) fn judge(&mut self, second: Sample) -> Option<u8> {
        let heard = std::mem::take(&mut self.heard);
        if !self.connected {
            return None;
        }
        self.network.sample(Sample { heard, ..second })
    }

    /// The slot index of a line.
    pub(crate) fn slot_of(&self, line: usize) -> Option<(MediaKind, usize)> {
        MediaKind::ALL.into_iter().find_map(|kind| {
            let slot = self.slots[kind].iter().position(|s| s.line == line)?;
            Some((kind, slot))
        })
    }
}

/// What comes on each line, of which the kind is known and whether the user sends on it: the first of a kind brings its
/// microphone or its camera, the second the sound of a shared screen or the screen. Nothing is expected on further ones.
fn sources_of_lines(lines: impl Iterator<Item = (MediaKind, bool)>) -> Vec<Option<Source>> {
    let mut left = ByKind::from_fn(|kind| SourceSet::ALL.of_kind(kind));
    let source_of = |(kind, sends): (MediaKind, bool)| {
        let source = left[kind].iter().next().filter(|_| sends)?;
        left[kind].remove(source);
        Some(source)
    };
    lines.map(source_of).collect()
}

/// A session of a mini-program: it has no transport of its own, since its TCP connections come and go (`streams/`).
#[derive(Debug)]
pub(crate) struct StreamSession {
    pub(crate) id: SessionId,
    pub(crate) room: RoomKey,
    pub(crate) user: UserId,
    pub(crate) label: String,
    pub(crate) mismatch: Mismatch,
}

enum Held {
    WebRtc(Box<Session>),
    Streams(Box<StreamSession>),
}

/// Sessions by index, of both kinds: a room knows only their keys.
#[derive(Default)]
pub(crate) struct Sessions {
    slots: Vec<Option<Held>>,
    free: Vec<u32>,
}

impl Sessions {
    /// Keeps a session; gives its key.
    pub(crate) fn insert(&mut self, session: Session) -> Key {
        self.hold(Held::WebRtc(Box::new(session)))
    }

    /// Keeps a session of a mini-program; gives its key.
    pub(crate) fn insert_streams(&mut self, session: StreamSession) -> Key {
        self.hold(Held::Streams(Box::new(session)))
    }

    fn hold(&mut self, held: Held) -> Key {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = Some(held);
            return Key(index);
        }
        self.slots.push(Some(held));
        // The limit of sessions keeps this far below 2^32.
        Key(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Session> {
        match self.slots.get(key.0 as usize)? {
            Some(Held::WebRtc(session)) => Some(session),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Session> {
        match self.slots.get_mut(key.0 as usize)? {
            Some(Held::WebRtc(session)) => Some(session),
            _ => None,
        }
    }

    pub(crate) fn stream_session(&self, key: Key) -> Option<&StreamSession> {
        match self.slots.get(key.0 as usize)? {
            Some(Held::Streams(session)) => Some(session),
            _ => None,
        }
    }

    /// What was told of the codec of a source, of a session of either kind. A mini-program has one that is pictures.
    pub(crate) fn mismatch(&mut self, key: Key, source: Source) -> Option<&mut Mismatch> {
        match self.slots.get_mut(key.0 as usize)?.as_mut()? {
            Held::WebRtc(session) => Some(&mut session.tracks[source].mismatch),
            Held::Streams(session) => Some(&mut session.mismatch),
        }
    }

    /// The room of a session of either kind.
    pub(crate) fn room(&self, key: Key) -> Option<RoomKey> {
        match self.slots.get(key.0 as usize)?.as_ref()? {
            Held::WebRtc(session) => Some(session.room),
            Held::Streams(session) => Some(session.room),
        }
    }

    /// The id of a session of either kind.
    pub(crate) fn id(&self, key: Key) -> Option<SessionId> {
        match self.slots.get(key.0 as usize)?.as_ref()? {
            Held::WebRtc(session) => Some(session.id),
            Held::Streams(session) => Some(session.id),
        }
    }

    /// Forgets a WebRTC session.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Box<Session>> {
        let slot = self.slots.get_mut(key.0 as usize)?;
        match slot.take() {
            Some(Held::WebRtc(session)) => {
                self.free.push(key.0);
                Some(session)
            }
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Forgets a session of a mini-program.
    pub(crate) fn remove_streams(&mut self, key: Key) -> Option<Box<StreamSession>> {
        let slot = self.slots.get_mut(key.0 as usize)?;
        match slot.take() {
            Some(Held::Streams(session)) => {
                self.free.push(key.0);
                Some(session)
            }
            other => {
                *slot = other;
                None
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_bring_sources_in_their_order_and_those_for_receiving_none() {
        use MediaKind::{Audio, Video};
        let of = |lines: &[(MediaKind, bool)]| sources_of_lines(lines.iter().copied());
        assert_eq!(of(&[(Audio, true), (Video, true)]), [Some(Source::Microphone), Some(Source::Camera)]);
        let group =
            [(Audio, true), (Video, false), (Audio, false), (Video, true), (Audio, true), (Video, true)];
        let (screen, sound) = (Some(Source::Screen), Some(Source::ScreenAudio));
        assert_eq!(of(&group), [Some(Source::Microphone), None, None, Some(Source::Camera), sound, screen]);
        assert_eq!(of(&[(Video, true); 3]), [Some(Source::Camera), screen, None]);
    }
}
