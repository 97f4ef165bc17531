//! What a phone publishes, as packets for browsers: its pictures as they are, its sound as Opus.

use super::clock::{Shortest, moment, ms_since};
use super::h264::{Config, ConfigError, packetize};
use super::sound::{AacIn, OpusOut, PACKET_TICKS, SoundError};
use crate::rtmp::{Body, PacketType, Tag, VideoTag};
use crate::rtp::codec::Codec;
use crate::rtp::packet::{Packet, PlayoutDelay};
use std::time::Instant;
use tring_protocol::{Source, StreamFault};

/// Sound that is so far from where it should be has a gap before it, or its clock was set.
const GAP_MS: f64 = 60.0;

/// How fast a phone's clock of milliseconds is believed to go apart from its clock of samples: for each frame of 21 ms.
const SKEW_MS: f64 = 0.02;

/// RTP ticks in a millisecond.
const SOUND_TICKS: f64 = 48.0;
const PICTURE_TICKS: u32 = 90;

/// Shortest time between two pictures that those of a catching-up are put in.
const BETWEEN_MS: u32 = 10;

/// How long a browser waits before it shows a picture that was made here. Its sound comes with frames of 21 ms, waits in
/// the browser for the next, and is played through the system's buffer; a browser finds that out by itself, but takes ten
/// seconds. Higher minimum: in step at once where the sound's way is slower. Lower: pictures are shown sooner.
const PICTURE_DELAY: PlayoutDelay = PlayoutDelay { min_ms: 110, max_ms: 2_000 };

/// A packet to send to browsers, and when its content was captured.
#[derive(Debug)]
pub(crate) struct BridgedPacket {
    pub(crate) source: Source,
    pub(crate) packet: Packet<'static>,
    pub(crate) captured: Instant,
}

/// Why no browser can be given a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Unplayable {
    pub(crate) fault: StreamFault,
    pub(crate) why: String,
}

impl From<SoundError> for Unplayable {
    fn from(error: SoundError) -> Self {
        let fault = match error {
            SoundError::Unsupported(_) => StreamFault::SoundFormat,
            SoundError::Codec(..) => StreamFault::Server,
        };
        Self { fault, why: error.to_string() }
    }
}

/// One phone's stream.
#[derive(Default)]
pub(crate) struct IntoPackets {
    clock: Clock,
    pictures: Pictures,
    sound: Sound,
}

impl IntoPackets {
    /// Takes a tag of the phone; appends packets. `pauses` rises each time its pictures start again. Errors: its sound or
    /// its pictures are of a kind that no browser can be given, told once for each header.
    pub(crate) fn tag(
        &mut self,
        (tag, pauses): (&Tag, u32),
        now: Instant,
        out: &mut Vec<BridgedPacket>,
    ) -> Result<(), Unplayable> {
        match tag.body() {
            Body::Video(video) => match video.packet {
                PacketType::SequenceHeader => self.pictures.header(tag.data()),
                PacketType::Frame => {
                    let (ms, captured) = self.clock.at(tag.timestamp, now);
                    self.pictures.take((tag, video, pauses), (ms, captured), out)
                }
                PacketType::Other => Ok(()),
            },
            Body::Audio(audio) => match audio.packet {
                PacketType::SequenceHeader => Ok(self.sound.header(tag.data())?),
                PacketType::Frame => {
                    let (ms, _) = self.clock.at(tag.timestamp, now);
                    Ok(self.sound.take(tag.data(), ms, &self.clock, now, out)?)
                }
                PacketType::Other => Ok(()),
            },
            Body::Metadata | Body::Empty(_) => Ok(()),
        }
    }

    /// The newest key frame and all after it, for a browser that joins or has lost one: at times between the newest
    /// picture's, which it may have seen, and the next one's, so that it decodes through them at once. Gives nothing if
    /// there is no key frame.
    pub(crate) fn catch_up(&mut self, pictures: &[Tag], now: Instant, out: &mut Vec<BridgedPacket>) {
        let count = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
        let (Some(config), Some((newest, captured))) = (&self.pictures.config, self.pictures.newest) else {
            return;
        };
        if self.pictures.refused || count == 0 || count > BETWEEN_MS * PICTURE_TICKS {
            return;
        }
        let step = (BETWEEN_MS * PICTURE_TICKS / count).min(PICTURE_TICKS);
        for (n, tag) in (1..).zip(pictures) {
            let timestamp = newest.wrapping_add(n * step);
            let ms = f64::from(n * step) / f64::from(PICTURE_TICKS);
            let mut payloads = Vec::new();
            if packetize(tag.data(), tag.is_keyframe(), config, &mut payloads).is_ok() {
                let seq = &mut self.pictures.caught_up;
                emit_picture(payloads, seq, timestamp, moment(captured, ms, now), out);
            }
        }
    }

    /// Another connection pushes: its clock and its headers are others.
    pub(crate) fn restart(&mut self) {
        // Sequence numbers and RTP time go on: it is one stream for a browser.
        let Self { clock, pictures, sound } = std::mem::take(self);
        self.clock = Clock { started: clock.started, end: clock.end, ..Clock::default() };
        let Pictures { seq, caught_up, newest, .. } = pictures;
        self.pictures = Pictures { seq, caught_up, newest, ..Pictures::default() };
        self.sound = Sound { seq: sound.seq, rtp: sound.rtp, ..Sound::default() };
    }
}

/// The phone's clock on ours. It has no steps but those of time: they are taken out where its tags come in.
#[derive(Debug, Default)]
struct Clock {
    started: Option<Instant>,
    /// The newest time of the phone's, as it came and on a line that never jumps back.
    newest: Option<(u32, f64)>,
    /// Where the line has come to.
    end: f64,
    /// How late the line comes, at best.
    late: Shortest,
}

impl Clock {
    /// Where on the line a tag is, in milliseconds, and when it was captured.
    fn at(&mut self, timestamp: u32, now: Instant) -> (f64, Instant) {
        let started = *self.started.get_or_insert(now);
        let elapsed = ms_since(now, started);
        let step =
            self.newest.map(|(known, line)| (f64::from(timestamp.wrapping_sub(known).cast_signed()), line));
        let at = match step {
            Some((step, line)) => line + step,
            // Another connection's clock says nothing of the time that passed.
            None => f64::max(elapsed, self.end + 1.0),
        };
        if self.newest.is_none_or(|(_, line)| at > line) {
            self.newest = Some((timestamp, at));
        }
        self.end = self.end.max(at);
        self.late.take(elapsed - at, elapsed);
        (at, self.moment(at, now))
    }

    fn moment(&self, at: f64, now: Instant) -> Instant {
        moment(self.started.unwrap_or(now), at + self.late.get().unwrap_or(0.0), now)
    }
}

#[derive(Debug, Default)]
struct Pictures {
    config: Option<Config>,
    seq: u64,
    /// Sequence numbers of what is sent again, a line of their own.
    caught_up: u64,
    /// RTP time and capture of the newest picture.
    newest: Option<(u32, Instant)>,
    /// The stream has pictures that are not shown in the order in which they are sent: no browser can be given it.
    refused: bool,
    /// How often the pictures had paused before the last one.
    pauses: Option<u32>,
    /// No picture makes sense before the next key frame.
    needs_keyframe: bool,
}

impl Pictures {
    fn header(&mut self, record: &[u8]) -> Result<(), Unplayable> {
        self.config = None;
        self.refused = false;
        let unreadable =
            |e: ConfigError| Unplayable { fault: StreamFault::PictureFormat, why: e.to_string() };
        self.config = Some(Config::read(record).map_err(unreadable)?);
        Ok(())
    }

    fn take(
        &mut self,
        (tag, video, pauses): (&Tag, VideoTag, u32),
        (ms, captured): (f64, Instant),
        out: &mut Vec<BridgedPacket>,
    ) -> Result<(), Unplayable> {
        self.needs_keyframe |= self.pauses.replace(pauses) != Some(pauses);
        let Some(config) = self.config.as_ref().filter(|_| !tag.data().is_empty()) else { return Ok(()) };
        if video.composition_time != 0 && !std::mem::replace(&mut self.refused, true) {
            let why = "the stream has B-frames, which browsers do not take: encode without them".to_owned();
            return Err(Unplayable { fault: StreamFault::BFrames, why });
        }
        self.needs_keyframe &= !tag.is_keyframe();
        if self.refused || self.needs_keyframe {
            return Ok(());
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // RTP time is modulo 2^32
        let timestamp = (ms.max(0.0) * f64::from(PICTURE_TICKS)) as u64 as u32;
        self.newest = Some((timestamp, captured));
        let mut payloads = Vec::new();
        // A picture that cannot be cut is dropped, as if it were lost.
        if packetize(tag.data(), tag.is_keyframe(), config, &mut payloads).is_ok() {
            emit_picture(payloads, &mut self.seq, timestamp, captured, out);
        }
        Ok(())
    }
}

fn emit_picture(
    payloads: Vec<Vec<u8>>,
    seq: &mut u64,
    timestamp: u32,
    captured: Instant,
    out: &mut Vec<BridgedPacket>,
) {
    let last = payloads.len().saturating_sub(1);
    for (n, payload) in payloads.into_iter().enumerate() {
        let mut packet = Packet::new(Codec::H264, *seq, timestamp, n == last, payload);
        packet.extensions.playout_delay = Some(PICTURE_DELAY);
        *seq += 1;
        out.push(BridgedPacket { source: Source::Camera, packet, captured });
    }
}

#[derive(Default)]
struct Sound {
    codecs: Option<(AacIn, OpusOut)>,
    seq: u64,
    /// RTP time of the next packet.
    rtp: u32,
    /// Where on the line the next sample should be, in milliseconds; none before the first.
    expected: Option<f64>,
    /// How far the phone's milliseconds are from its samples.
    skew: f64,
    samples: Vec<i16>,
}

impl Sound {
    fn header(&mut self, config: &[u8]) -> Result<(), SoundError> {
        self.codecs = None;
        self.expected = None;
        let aac = AacIn::new(config)?;
        let opus = OpusOut::new(aac.rate())?;
        self.codecs = Some((aac, opus));
        Ok(())
    }

    fn take(
        &mut self,
        frame: &[u8],
        ms: f64,
        clock: &Clock,
        now: Instant,
        out: &mut Vec<BridgedPacket>,
    ) -> Result<(), SoundError> {
        let Some((aac, opus)) = &mut self.codecs else { return Ok(()) };
        let rate = f64::from(opus.rate());
        let apart = self.expected.map(|expected| ms - expected - self.skew);
        let mut begins = false;
        match apart {
            Some(apart) if apart.abs() <= GAP_MS => self.skew += apart.clamp(-SKEW_MS, SKEW_MS),
            _ => {
                begins = true;
                // What waits in the encoder belongs before the gap.
                let dropped = opus.flush();
                let gap = apart.unwrap_or(0.0).max(0.0) + to_f64(dropped) * 1000.0 / rate;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // RTP time is modulo 2^32
                let ticks = (gap * SOUND_TICKS) as u64 as u32;
                self.rtp = self.rtp.wrapping_add(ticks);
                self.expected = Some(ms);
                self.skew = 0.0;
            }
        }
        let start = self.expected.unwrap_or(ms);
        let waiting = opus.waiting();
        self.samples.clear();
        aac.decode(frame, &mut self.samples);
        self.expected = Some(start + to_f64(self.samples.len()) * 1000.0 / rate);
        // The first packet begins with what has waited from the frame before.
        let mut at = start + self.skew - to_f64(waiting) * 1000.0 / rate - opus.delay_ms();
        let (seq, rtp) = (&mut self.seq, &mut self.rtp);
        opus.push(&self.samples, |payload| {
            let marker = std::mem::take(&mut begins);
            let packet = Packet::new(Codec::Opus, *seq, *rtp, marker, payload.to_vec());
            out.push(BridgedPacket { source: Source::Microphone, packet, captured: clock.moment(at, now) });
            *seq += 1;
            *rtp = rtp.wrapping_add(PACKET_TICKS);
            at += f64::from(PACKET_TICKS) / SOUND_TICKS;
        })
    }
}

fn to_f64(count: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // samples of a frame
    let count = count as f64;
    count
}
