//! One session of a shard: its transport and what belongs to it alone.

use crate::ice::check::Checks;
use crate::ice::path::Paths;
use crate::ice::ufrag::Ufrag;
use crate::key::Key;
use crate::room::keyframe_requests::Throttle;
use crate::room::network_level::{Quality, Sample};
use crate::rtp::loss::Holes;
use crate::rtp::rewriter::Rewriter;
use crate::webrtc::offer::MediaKind;
use crate::webrtc::{CaptureClock, Codec, Transport};
use crate::{RoomKey, SessionId, UserId};
use std::time::{Duration, Instant};
use tring_limits::{Bucket, Rate};

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

/// Datagrams that one session may bring, besides ICE checks; those beyond are dropped before they cost a decryption. A
/// 1:1 call sends about 200 a second and confirms as many. Higher: one user can take more of a worker. Lower: a burst
/// after a stall is lost.
pub(crate) const INPUT: Rate = Rate { burst: 8_000.0, per_second: 8_000.0 };

/// Bytes of media that one session may publish: 20 Mbit/s. Each is sent to everybody in the room, so it costs their
/// networks too. Higher: screens in 4K. Lower: a user who sends what no camera does takes less from the others.
pub(crate) const PUBLISHED: Rate = Rate { burst: 2_500_000.0, per_second: 2_500_000.0 };

/// Longest payload that is sent on, in bytes: with all that the egress adds (header and extensions, RTX number, tag) and
/// the headers of IPv6 and UDP it fills an Ethernet frame of 1,500 bytes. Higher: it would be lost on the way, or be cut
/// in pieces. Lower: a sender that is careless about its packets' size is not seen.
pub(crate) const MAX_PAYLOAD: usize = 1_400;

/// Shortest time between two notices that a session's codec is not everybody's. Higher: a client that changes back and
/// forth is told later. Lower: it makes the server talk more.
pub(crate) const MISMATCH_INTERVAL: Duration = Duration::from_secs(1);

/// A place where a remote user's track goes.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Its media line.
    pub(crate) line: usize,
    pub(crate) rewriter: Rewriter,
}

/// What was told of a codec that not everybody takes.
#[derive(Debug, Default)]
pub(crate) struct Mismatch {
    /// What the session sent and what was wanted; none while all is well.
    pub(crate) told: Option<(Codec, Option<Codec>)>,
    pub(crate) at: Option<Instant>,
}

/// A session.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) room: RoomKey,
    pub(crate) label: String,
    pub(crate) ufrag: Ufrag,
    pub(crate) transport: Transport,
    /// The line that the user's track of each kind comes on: the first that the offer sends on.
    pub(crate) publishes: [Option<usize>; 2],
    pub(crate) slots: [Vec<Slot>; 2],
    pub(crate) clock: CaptureClock,
    pub(crate) keyframes: Throttle,
    /// What its picture lacks.
    pub(crate) holes: Holes,
    /// The newest that was measured.
    pub(crate) round_trip: Option<Duration>,
    pub(crate) quality: Quality,
    pub(crate) heard: bool,
    /// The ways to its peer.
    pub(crate) paths: Paths,
    pub(crate) checks: Checks,
    pub(crate) input: Bucket,
    pub(crate) published: Bucket,
    pub(crate) mismatch: Mismatch,
    pub(crate) opened: Instant,
    pub(crate) connected: bool,
    /// When its first DTLS record came.
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
        let lines = || transport.lines().iter().enumerate();
        let publishes =
            MediaKind::ALL.map(|kind| lines().find(|(_, l)| l.kind == kind && l.receives).map(|(i, _)| i));
        let slots = MediaKind::ALL.map(|kind| {
            let of_kind = lines().filter(|(_, l)| l.kind == kind && l.sends);
            of_kind.map(|(line, _)| Slot { line, ..Slot::default() }).collect()
        });
        Self {
            id,
            room,
            label,
            ufrag,
            transport,
            publishes,
            slots,
            clock: CaptureClock::default(),
            keyframes: Throttle::default(),
            holes: Holes::default(),
            round_trip: None,
            quality: Quality::default(),
            heard: false,
            paths: Paths::default(),
            checks: Checks::new(now),
            input: Bucket::full(INPUT, now),
            published: Bucket::full(PUBLISHED, now),
            mismatch: Mismatch::default(),
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

    /// When it needs time to pass.
    pub(crate) fn deadline(&self) -> Instant {
        let due = self.transport.deadline().min(self.expires());
        self.keyframes.due().map_or(due, |k| k.min(due))
    }

    /// A second has passed; gives the network level if it is to be told.
    pub(crate) fn judge(&mut self, second: Sample) -> Option<u8> {
        let heard = std::mem::take(&mut self.heard);
        if !self.connected {
            return None;
        }
        self.quality.sample(Sample { heard, ..second })
    }

    /// The slot index of a line.
    pub(crate) fn slot_of(&self, line: usize) -> Option<(MediaKind, usize)> {
        MediaKind::ALL.into_iter().find_map(|kind| {
            let slot = self.slots[kind.index()].iter().position(|s| s.line == line)?;
            Some((kind, slot))
        })
    }
}

/// A session of a mini-program: it has no transport of its own, since its TCP connections come and go (`streams/`).
#[derive(Debug)]
pub(crate) struct LiveSession {
    pub(crate) id: SessionId,
    pub(crate) room: RoomKey,
    pub(crate) user: UserId,
    pub(crate) label: String,
    pub(crate) mismatch: Mismatch,
}

enum Held {
    WebRtc(Box<Session>),
    Live(Box<LiveSession>),
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

    /// Keeps a mini-program's.
    pub(crate) fn insert_live(&mut self, session: LiveSession) -> Key {
        self.hold(Held::Live(Box::new(session)))
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

    pub(crate) fn live(&self, key: Key) -> Option<&LiveSession> {
        match self.slots.get(key.0 as usize)? {
            Some(Held::Live(session)) => Some(session),
            _ => None,
        }
    }

    /// What was told of the codec of a session of either kind.
    pub(crate) fn mismatch(&mut self, key: Key) -> Option<&mut Mismatch> {
        match self.slots.get_mut(key.0 as usize)?.as_mut()? {
            Held::WebRtc(session) => Some(&mut session.mismatch),
            Held::Live(session) => Some(&mut session.mismatch),
        }
    }

    /// The room of a session of either kind.
    pub(crate) fn room(&self, key: Key) -> Option<RoomKey> {
        match self.slots.get(key.0 as usize)?.as_ref()? {
            Held::WebRtc(session) => Some(session.room),
            Held::Live(session) => Some(session.room),
        }
    }

    /// Its id.
    pub(crate) fn id(&self, key: Key) -> Option<SessionId> {
        match self.slots.get(key.0 as usize)?.as_ref()? {
            Held::WebRtc(session) => Some(session.id),
            Held::Live(session) => Some(session.id),
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

    /// Forgets a mini-program's.
    pub(crate) fn remove_live(&mut self, key: Key) -> Option<Box<LiveSession>> {
        let slot = self.slots.get_mut(key.0 as usize)?;
        match slot.take() {
            Some(Held::Live(session)) => {
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
