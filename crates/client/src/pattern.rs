//! Test sound and picture: packets shaped like Opus and H.264 whose payload says who sent them, which one it is and when
//! it left, so that what arrives can be judged by its content. Nobody can hear or see them.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tring_media::MediaKind;

/// Sound packets a second: 20 ms each, as every Opus sender in a call.
const SOUND_INTERVAL: Duration = Duration::from_millis(20);

/// RTP ticks of one sound packet (48 kHz, RFC 7587 §4.2).
const SOUND_TICKS: u32 = 960;

/// Bytes of a sound packet: 32 kbit/s, what browsers send for a voice.
const SOUND_BYTES: usize = 80;

/// Pictures a second.
pub const FRAMES_PER_SECOND: u32 = 25;

/// RTP ticks of one picture (90 kHz, RFC 6184 §5.1).
const FRAME_TICKS: u32 = 90_000 / FRAMES_PER_SECOND;

/// Longest payload of one video packet. Browsers keep the whole datagram below 1,200 bytes.
pub const MAX_FRAGMENT_BYTES: usize = 1100;

/// A sender that is later than this skips what it missed instead of sending it in one burst.
const MAX_LATE: Duration = Duration::from_millis(200);

/// First byte of an Opus packet: CELT fullband 20 ms mono, one frame (RFC 6716 §3.1).
const OPUS_TOC: u8 = 0xf8;

/// FU-A, `nal_ref_idc` 3 (RFC 6184 §5.8).
const FU_INDICATOR: u8 = 0x7c;

/// NAL unit types of a picture that stands alone, and of one that does not (H.264 table 7-1).
const NAL_KEY: u8 = 5;
const NAL_DELTA: u8 = 1;

/// Marks a payload as ours.
const MAGIC: [u8; 4] = *b"Trng";

/// Bytes of a [`TestPacket`].
const TEST_BYTES: usize = 20;

/// What to send, until told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// Who sends: a number of the program's own, found again by the receiver.
    pub sender: u32,
    /// Sound: 50 packets of 80 bytes a second.
    pub sound: bool,
    /// Picture: kbit/s of payload at [`FRAMES_PER_SECOND`], each frame in equal fragments of at most
    /// [`MAX_FRAGMENT_BYTES`]; 0 for none.
    pub video_kbps: u32,
}

impl Pattern {
    /// Sound alone.
    pub fn voice_call(sender: u32) -> Self {
        Self { sender, sound: true, video_kbps: 0 }
    }

    /// Sound, and picture at 600 kbit/s.
    pub fn video_call(sender: u32) -> Self {
        Self { sender, sound: true, video_kbps: 600 }
    }
}

/// What the payload of a test packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestPacket {
    /// [`Pattern::sender`].
    pub sender: u32,
    /// Number of the packet among those of its kind, from 0.
    pub counter: u32,
    /// When it left, by [`now_ns`].
    sent_ns: u64,
}

impl TestPacket {
    /// Reads a payload; none if it is no test packet.
    pub fn read(kind: MediaKind, payload: &[u8]) -> Option<Self> {
        let text = payload.get(head_len(kind)..)?.strip_prefix(&MAGIC)?;
        let (sender, rest) = text.split_first_chunk()?;
        let (counter, rest) = rest.split_first_chunk()?;
        let (sent, _) = rest.split_first_chunk()?;
        Some(Self {
            sender: u32::from_be_bytes(*sender),
            counter: u32::from_be_bytes(*counter),
            sent_ns: u64::from_be_bytes(*sent),
        })
    }

    /// How long it travelled, by the clock of this machine: for sender and receiver on one machine.
    pub fn age(&self) -> Duration {
        Duration::from_nanos(now_ns().saturating_sub(self.sent_ns))
    }

    fn write(&self, head: &[u8], len: usize) -> Vec<u8> {
        let mut payload = Vec::with_capacity(len.max(head.len() + TEST_BYTES));
        payload.extend_from_slice(head);
        payload.extend_from_slice(&MAGIC);
        payload.extend_from_slice(&self.sender.to_be_bytes());
        payload.extend_from_slice(&self.counter.to_be_bytes());
        payload.extend_from_slice(&self.sent_ns.to_be_bytes());
        payload.resize(len.max(payload.len()), 0x55);
        payload
    }
}

fn head_len(kind: MediaKind) -> usize {
    match kind {
        MediaKind::Audio => 1,
        MediaKind::Video => 2,
    }
}

/// Nanoseconds since the Unix epoch: taken once from the wall clock and advanced by the monotonic one, so that processes
/// of one machine agree and a corrected wall clock is no delay.
fn now_ns() -> u64 {
    static START: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let (wall, start) = START.get_or_init(|| (SystemTime::now(), Instant::now()));
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default() + start.elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// An RTP payload that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Sound or picture.
    pub kind: MediaKind,
    /// In the codec's clock.
    pub timestamp: u32,
    /// The end of a picture.
    pub marker: bool,
    /// The payload, with a [`TestPacket`] in it.
    pub payload: Vec<u8>,
}

/// Plays a pattern: the one schedule of all test media, whoever sends it. Pure but for the time written into the packets.
#[derive(Debug)]
pub struct Player {
    pattern: Pattern,
    sound: Clockwork,
    video: Clockwork,
    /// The next picture stands alone.
    key: bool,
}

/// One stream: when its next packet or picture is due, and its numbers.
#[derive(Debug)]
struct Clockwork {
    due: Instant,
    interval: Duration,
    ticks: u32,
    timestamp: u32,
    counter: u32,
}

impl Clockwork {
    fn new(start: Instant, interval: Duration, ticks: u32) -> Self {
        Self { due: start, interval, ticks, timestamp: 0, counter: 0 }
    }

    /// Moves on if it is due; gives the RTP timestamp.
    fn tick(&mut self, now: Instant) -> Option<u32> {
        if self.due > now {
            return None;
        }
        while now.duration_since(self.due) > MAX_LATE {
            self.due += self.interval;
            self.timestamp = self.timestamp.wrapping_add(self.ticks);
        }
        let timestamp = self.timestamp;
        self.due += self.interval;
        self.timestamp = timestamp.wrapping_add(self.ticks);
        Some(timestamp)
    }

    fn count(&mut self) -> u32 {
        let n = self.counter;
        self.counter = n.wrapping_add(1);
        n
    }
}

impl Player {
    /// Begins at `start` with sound and a picture that stands alone.
    pub fn new(pattern: Pattern, start: Instant) -> Self {
        let frame = Duration::from_secs(1) / FRAMES_PER_SECOND;
        Self {
            pattern,
            sound: Clockwork::new(start, SOUND_INTERVAL, SOUND_TICKS),
            video: Clockwork::new(start, frame, FRAME_TICKS),
            key: true,
        }
    }

    /// Another pattern in the same streams.
    pub fn change(&mut self, pattern: Pattern) {
        self.key |= self.pattern.video_kbps == 0;
        self.pattern = pattern;
    }

    /// Goes on from here, without what was missed.
    pub fn restart(&mut self, now: Instant) {
        self.sound.due = now;
        self.video.due = now;
    }

    /// The next picture stands alone.
    pub fn want_key(&mut self) {
        self.key = true;
    }

    /// When something is due next; none if nothing is played.
    pub fn due(&self) -> Option<Instant> {
        let sound = self.pattern.sound.then_some(self.sound.due);
        let video = (self.pattern.video_kbps > 0).then_some(self.video.due);
        sound.into_iter().chain(video).min()
    }

    /// Appends all that is due.
    pub fn play(&mut self, now: Instant, out: &mut Vec<Due>) {
        let sender = self.pattern.sender;
        let sent_ns = now_ns();
        while self.pattern.sound
            && let Some(timestamp) = self.sound.tick(now)
        {
            let packet = TestPacket { sender, counter: self.sound.count(), sent_ns };
            let payload = packet.write(&[OPUS_TOC], SOUND_BYTES);
            out.push(Due { kind: MediaKind::Audio, timestamp, marker: false, payload });
        }
        while self.pattern.video_kbps > 0
            && let Some(timestamp) = self.video.tick(now)
        {
            let nal = if std::mem::take(&mut self.key) { NAL_KEY } else { NAL_DELTA };
            let frame = (self.pattern.video_kbps as usize * 1000 / 8 / FRAMES_PER_SECOND as usize).max(1);
            let fragments = frame.div_ceil(MAX_FRAGMENT_BYTES);
            for i in 0..fragments {
                let (first, last) = (i == 0, i + 1 == fragments);
                let header = u8::from(first) << 7 | u8::from(last) << 6 | nal;
                let packet = TestPacket { sender, counter: self.video.count(), sent_ns };
                let payload = packet.write(&[FU_INDICATOR, header], frame.div_ceil(fragments));
                out.push(Due { kind: MediaKind::Video, timestamp, marker: last, payload });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(pattern: Pattern) -> Vec<Due> {
        let start = Instant::now();
        let mut player = Player::new(pattern, start);
        let mut out = Vec::new();
        for ms in 0..1000 {
            player.play(start + Duration::from_millis(ms), &mut out);
        }
        out
    }

    #[test]
    fn a_second_of_a_video_call_has_fifty_sounds_and_six_hundred_kilobits_of_picture() {
        let out = second(Pattern::video_call(7));
        let (sound, video): (Vec<_>, Vec<_>) = out.into_iter().partition(|d| d.kind == MediaKind::Audio);
        assert_eq!((sound.len(), video.len()), (50, 75));
        assert_eq!(video.iter().map(|d| d.payload.len() * 8).sum::<usize>(), 600_000);
        assert!(video.iter().all(|d| d.payload.len() <= MAX_FRAGMENT_BYTES));
        assert_eq!(video.iter().filter(|d| d.marker).count(), 25);
        assert_eq!(sound[49].timestamp, 49 * SOUND_TICKS);
    }

    #[test]
    fn a_payload_tells_its_sender_and_number() {
        for due in second(Pattern::video_call(7)) {
            let packet = TestPacket::read(due.kind, &due.payload).unwrap();
            assert_eq!(packet.sender, 7);
        }
        let sounds: Vec<u32> = second(Pattern::voice_call(7))
            .iter()
            .map(|d| TestPacket::read(d.kind, &d.payload).unwrap().counter)
            .collect();
        assert_eq!(sounds, (0..50).collect::<Vec<_>>());
        assert_eq!(TestPacket::read(MediaKind::Audio, &[OPUS_TOC; 80]), None);
        assert_eq!(TestPacket::read(MediaKind::Video, b"xxTrng"), None);
    }

    #[test]
    fn a_sender_that_overslept_sends_no_burst() {
        let start = Instant::now();
        let mut player = Player::new(Pattern::voice_call(7), start);
        let mut out = Vec::new();
        player.play(start + Duration::from_secs(10), &mut out);
        assert!(out.len() <= 11, "{}", out.len());
        assert!(out[0].timestamp >= 48_000 * 9, "the clock of the stream goes on");
    }
}
