//! One player: a clock of its own that never jumps, and a queue that is cut when its network is too slow.

use super::gop_cache::{GopCache, HeaderVersion};
use crate::rtmp::{Tag, TagKind};
use crate::rtp::by_kind::ByKind;
use std::collections::VecDeque;
use std::time::Instant;

/// Media time that may wait for a slow player. Beyond it the queue is cut to the newest key frame. Higher: fewer jumps on
/// a shaky network. Lower: less delay; at 300 ms a large key frame alone would be cut on a link of 1 Mb/s.
pub(crate) const MAX_WAITING_MS: u32 = 500;

/// Sound that is kept of a queue without a key frame to cut to.
const SOUND_KEPT_MS: u32 = 200;

/// Bytes that may wait, whatever the timestamps say.
pub(crate) const MAX_WAITING_BYTES: usize = 4 << 20;

/// One player.
#[derive(Debug, Default)]
pub(crate) struct Player {
    queue: VecDeque<(u32, Tag)>,
    bytes: usize,
    clock: Clock,
    /// The headers that it has; none before the first tag.
    header_version: Option<HeaderVersion>,
    /// How often the pictures had paused before the last one.
    pauses: u32,
    /// No picture makes sense before the next key frame.
    needs_keyframe: bool,
}

impl Player {
    /// A frame of the stream that it plays, already kept in the GOP cache. A player that sees its first, or the first
    /// of another connection, is given what it needs before; headers that have changed go before the frame. `pauses`
    /// rises each time the pictures start again (camera off and on): the next one must be a key frame. `true`: the
    /// player is too slow, and its queue was cut.
    pub(crate) fn push(&mut self, gop_cache: &GopCache, (frame, pauses): (&Tag, u32), now: Instant) -> bool {
        if frame.kind() == TagKind::Video && std::mem::replace(&mut self.pauses, pauses) != pauses {
            self.needs_keyframe = true;
        }
        let header_version = gop_cache.header_version();
        match self.header_version.replace(header_version) {
            Some(known) if known == header_version => self.take(frame, now),
            Some(known) if known.run == header_version.run => {
                let at = self.clock.newest;
                gop_cache.headers().for_each(|header| self.enqueue(at, header.clone()));
                self.take(frame, now);
            }
            _ => self.join(gop_cache, frame, now),
        }
        self.cut()
    }

    /// No picture is sent before the next key frame.
    #[cfg(feature = "bridge")]
    pub(crate) fn needs_keyframe(&self) -> bool {
        self.needs_keyframe
    }

    /// The next tag to send, and its time on this player's clock.
    pub(crate) fn pull(&mut self) -> Option<(u32, Tag)> {
        let (at, tag) = self.queue.pop_front()?;
        self.bytes -= tag.payload().len();
        Some((at, tag))
    }

    /// Media that waits: the time from its first frame to its last.
    pub(crate) fn waiting_ms(&self) -> u32 {
        let first = self.queue.iter().find(|(_, tag)| !tag.is_header()).map_or(0, |(at, _)| *at);
        self.queue.back().map_or(0, |(at, _)| at.saturating_sub(first))
    }

    /// Headers, then the newest key frame and all after it a millisecond apart, so that the player decodes through them
    /// at once and is where everybody is. `newest` is the last of what was kept, or is sound that follows it.
    fn join(&mut self, gop_cache: &GopCache, newest: &Tag, now: Instant) {
        let pictures = gop_cache.pictures();
        let first = pictures.first().unwrap_or(newest);
        self.clock.begin(first.timestamp, now);
        let start = self.clock.newest;
        for header in gop_cache.headers() {
            self.enqueue(start, header.clone());
        }
        self.needs_keyframe = pictures.is_empty();
        let mut at = start;
        for picture in pictures {
            let given = self.clock.never_back(TagKind::Video, at);
            self.enqueue(given, picture.clone());
            at = at.wrapping_add(1);
        }
        if let Some(last) = pictures.last() {
            self.clock.anchor(last.timestamp, at.wrapping_sub(1));
        }
        if newest.kind() == TagKind::Audio {
            self.take(newest, now);
        }
    }

    fn take(&mut self, tag: &Tag, now: Instant) {
        if tag.kind() == TagKind::Video {
            if self.needs_keyframe && !tag.is_keyframe() {
                return;
            }
            self.needs_keyframe = false;
        }
        let mapped = self.clock.map(tag.timestamp, now);
        let at = self.clock.never_back(tag.kind(), mapped);
        self.enqueue(at, tag.clone());
    }

    fn enqueue(&mut self, at: u32, tag: Tag) {
        self.bytes += tag.payload().len();
        self.queue.push_back((at, tag));
    }

    fn cut(&mut self) -> bool {
        let Some(head) = self.queue.iter().position(|(_, tag)| !tag.is_header()) else { return false };
        let last = self.queue.back().map_or(0, |(at, _)| *at);
        if self.waiting_ms() <= MAX_WAITING_MS && self.bytes <= MAX_WAITING_BYTES {
            return false;
        }
        if self.bytes > MAX_WAITING_BYTES {
            // Whatever this is, it is no call: the player begins anew with the next tag.
            *self = Self { clock: std::mem::take(&mut self.clock), ..Self::default() };
            return true;
        }
        let key = self.queue.iter().rposition(|(_, tag)| tag.is_keyframe()).filter(|&n| n > head);
        let from = key.unwrap_or(usize::MAX);
        let mut n = 0;
        self.queue.retain(|(at, tag)| {
            let after = n >= from;
            n += 1;
            let sound = tag.kind() == TagKind::Audio && last.saturating_sub(*at) <= SOUND_KEPT_MS;
            tag.is_header() || after || sound
        });
        if key.is_none() {
            self.needs_keyframe = true;
        }
        self.bytes = self.queue.iter().map(|(_, tag)| tag.payload().len()).sum();
        true
    }
}

/// The publisher's clock on the player's: begins at zero, runs on when another connection pushes. Steps of one push are taken
/// out before ([`super::push_clock`]).
#[derive(Debug, Default)]
struct Clock {
    /// Publisher's and player's time of one moment.
    anchor: Option<(u32, u32)>,
    /// The newest of the publisher's times.
    source: u32,
    /// The newest that was given out.
    newest: u32,
    /// The newest that was given to sound and to pictures: a decoder takes no time that goes back.
    given: ByKind<Option<u32>>,
    at: Option<Instant>,
}

impl Clock {
    /// A publisher's clock begins; the player's goes on by the time that passed.
    fn begin(&mut self, source: u32, now: Instant) {
        let passed = self.at.map_or(0, |at| {
            u32::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u32::MAX).max(1)
        });
        self.newest = self.newest.wrapping_add(passed);
        self.anchor = Some((source, self.newest));
        self.source = source;
        self.at = Some(now);
    }

    /// The time of a frame that is not before the last of its kind.
    fn never_back(&mut self, kind: TagKind, at: u32) -> u32 {
        let given = &mut self.given[kind.media()];
        let at = given.filter(|&before| at.wrapping_sub(before).cast_signed() < 0).unwrap_or(at);
        *given = Some(at);
        at
    }

    /// This moment of the publisher's is that one of the player's.
    fn anchor(&mut self, source: u32, at: u32) {
        self.anchor = Some((source, at));
        self.source = source;
        self.newest = self.newest.max(at);
    }

    fn map(&mut self, source: u32, now: Instant) -> u32 {
        if self.anchor.is_none() {
            self.begin(source, now);
        }
        let (from, to) = self.anchor.unwrap_or((source, self.newest));
        let since = source.wrapping_sub(from).cast_signed();
        // Sound may be a little older than the picture that the clock began with; time does not go below the start.
        let at = if since < 0 {
            to.saturating_sub(since.unsigned_abs())
        } else {
            to.wrapping_add(since.unsigned_abs())
        };
        if source.wrapping_sub(self.source).cast_signed() > 0 {
            self.source = source;
            // Long calls pass 2^31: the anchor follows.
            self.anchor = Some((source, at));
        }
        self.newest = self.newest.max(at);
        self.at = Some(now);
        at
    }
}

#[cfg(test)]
mod tests;
