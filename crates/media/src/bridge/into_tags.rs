//! What a browser publishes, as tags for players of RTMP: its pictures as they are, its sound as AAC.
//!
//! All tags of a browser are on one line of time, whose clock is the browser's own sound: a frame of AAC is 1024 samples
//! after the one before, always. Pictures are put where the browser's sender reports say that they were captured, and
//! before there are any, where they arrived.

use super::clock::{Shortest, Unwrap, ms_since, ntp_ms};
use super::h264::{Config, Depacketizer, Picture};
use super::sound::{AacOut, Block, OpusIn, RATE, SoundError};
use crate::rtmp::{FrameType, PacketType, Tag};
use crate::rtp::codec::Codec;
use crate::rtp::packet::Packet;
use std::time::{Duration, Instant, SystemTime};

/// Longest gap in the sound that is filled with silence; a longer one is a gap for the player too. Higher: a burst of
/// silence makes the player late. Lower: more gaps.
const MAX_FILLED: i64 = RATE as i64 / 5;

/// Sound that has not come for so long is silence until it comes: a player that is sent nothing takes its stream for dead.
const SILENT_AFTER: Duration = Duration::from_millis(100);

/// Sound whose time was filled already is dropped for so long: it was held up on its way. If it goes on, its sender's clock
/// has stood still, and it is put at the end.
const LATE_FOR: Duration = Duration::from_secs(1);

/// A picture's way to its place on the line, in milliseconds for each picture: when sender reports say that it is elsewhere.
/// Higher: in step sooner. Lower: smoother.
const SLEW_MS: f64 = 4.0;

/// A picture that is further from its place than this is put there at once.
const JUMP_MS: f64 = 400.0;

/// Sender reports that put a picture further than this from where it arrived lie, or are of another clock.
const MAX_REPORTED_MS: f64 = 2_000.0;

/// RTP ticks in a millisecond.
const SOUND_TICKS: f64 = RATE as f64 / 1000.0;
const PICTURE_TICKS: f64 = 90.0;

/// The first tag's time, in milliseconds: sound goes before it by the encoder's delay.
const START_MS: f64 = 500.0;

/// One browser's stream.
pub(crate) struct IntoTags {
    started: Instant,
    pictures: Pictures,
    sound: Sound,
}

impl IntoTags {
    /// Errors: a codec could not be made.
    pub(crate) fn new(now: Instant) -> Result<Self, SoundError> {
        Ok(Self { started: now, pictures: Pictures::default(), sound: Sound::new(now)? })
    }

    /// Takes a packet of the browser; appends tags. `run` rises each time that what it is of is forwarded anew. `heard`: the
    /// microphone is on, else its sound becomes silence.
    pub(crate) fn packet(
        &mut self,
        packet: &Packet<'_>,
        (run, heard): (u32, bool),
        now: Instant,
        out: &mut Vec<Tag>,
    ) -> Result<(), SoundError> {
        let ms = ms_since(now, self.started);
        if packet.codec == Codec::Opus {
            self.sound.take(packet, (run, heard), (now, ms), out)?;
        } else {
            self.sound.fill(now, out)?;
            let place =
                Place { ms, late: self.sound.late.get().unwrap_or(-START_MS), sound: self.sound.reported() };
            self.pictures.take((packet, run), &place, now, out);
        }
        Ok(())
    }

    /// Sound has not come for a while: call [`IntoTags::tick`].
    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        now > self.sound.heard.0 + SILENT_AFTER
    }

    /// Lets time pass: what sound has not come is silence.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Vec<Tag>) -> Result<(), SoundError> {
        self.sound.fill(now, out)
    }

    /// Pictures come, but none can be shown before the next key frame.
    pub(crate) fn needs_keyframe(&self) -> bool {
        self.pictures.seen && self.pictures.units.needs_keyframe()
    }
}

/// Where pictures belong.
struct Place {
    /// Now, on the line.
    ms: f64,
    /// How late sound comes, at best.
    late: f64,
    /// A moment of the browser's NTP clock, and where sound of that moment is on the line.
    sound: Option<(SystemTime, f64)>,
}

#[derive(Debug, Default)]
struct Pictures {
    units: Depacketizer,
    line: Unwrap,
    seen: bool,
    run: u32,
    /// The header that players have.
    config: Option<Config>,
    /// What is added to RTP time to be on the line, and where the newest picture is.
    offset: Option<f64>,
    newest: Option<u32>,
    arrivals: Shortest,
    whole: Vec<Picture>,
}

impl Pictures {
    fn take(&mut self, (packet, run): (&Packet<'_>, u32), place: &Place, now: Instant, out: &mut Vec<Tag>) {
        if std::mem::replace(&mut self.run, run) != run {
            self.units.restart();
        }
        self.seen = true;
        let at = to_ms(self.line.at(packet.timestamp), PICTURE_TICKS);
        let arrived = self.arrivals.take(place.ms - place.late - at, place.ms);
        let reported = place.sound.zip(packet.report).and_then(|((ntp, sound), (of_pictures, rtp))| {
            let offset = sound + ntp_ms(ntp, of_pictures) - to_ms(self.line.near(rtp)?, PICTURE_TICKS);
            ((offset - arrived).abs() <= MAX_REPORTED_MS).then_some(offset)
        });
        self.offset = Some(match (self.offset, reported.unwrap_or(arrived)) {
            (Some(known), wanted) if (wanted - known).abs() <= JUMP_MS => known,
            (_, wanted) => wanted,
        });
        let mut whole = std::mem::take(&mut self.whole);
        self.units.take(packet.seq, (packet.timestamp, packet.marker), &packet.payload, now, &mut whole);
        for picture in whole.drain(..) {
            self.offset = self
                .offset
                .map(|known| known + (reported.unwrap_or(arrived) - known).clamp(-SLEW_MS, SLEW_MS));
            self.put(picture, out);
        }
        self.whole = whole;
    }

    fn put(&mut self, picture: Picture, out: &mut Vec<Tag>) {
        let line = self.line.near(picture.timestamp).unwrap_or(0);
        let at = whole_ms(to_ms(line, PICTURE_TICKS) + self.offset.unwrap_or(0.0));
        // Time does not stand still: some players drop what has the time of the one before.
        let timestamp = self.newest.map_or(at, |newest| at.max(newest + 1));
        self.newest = Some(timestamp);
        let config = &self.units.config;
        if picture.key
            && self.config.as_ref() != Some(config)
            && let Some(record) = config.record()
        {
            out.push(Tag::h264(timestamp, FrameType::Key, PacketType::SequenceHeader, &record));
            self.config = Some(config.clone());
        }
        let frame = if picture.key { FrameType::Key } else { FrameType::Inter };
        out.push(Tag::h264(timestamp, frame, PacketType::Frame, &picture.body));
    }
}

struct Sound {
    opus: OpusIn,
    aac: AacOut,
    line: Unwrap,
    /// What is added to a position of the reader's to be on the line, in samples; none before the first sound.
    shift: Option<i64>,
    /// RTP time and position of one sample, as the reader counts.
    anchor: Option<(i64, i64)>,
    late: Shortest,
    report: Option<(SystemTime, u32)>,
    told_header: bool,
    run: u32,
    /// Since when what comes is dropped, because its time was filled.
    behind: Option<Instant>,
    /// When sound last came, at the beginning as if it had, and where the line ended then.
    heard: (Instant, i64),
}

impl Sound {
    fn new(now: Instant) -> Result<Self, SoundError> {
        let mut aac = AacOut::new()?;
        aac.jump(samples(START_MS));
        Ok(Self {
            opus: OpusIn::new()?,
            heard: (now, aac.end()),
            aac,
            line: Unwrap::default(),
            shift: None,
            anchor: None,
            late: Shortest::default(),
            report: None,
            told_header: false,
            run: 0,
            behind: None,
        })
    }

    fn take(
        &mut self,
        packet: &Packet<'_>,
        (run, heard): (u32, bool),
        (now, ms): (Instant, f64),
        out: &mut Vec<Tag>,
    ) -> Result<(), SoundError> {
        let rtp = self.line.at(packet.timestamp);
        self.report = packet.report.or(self.report);
        let silent = now > self.heard.0 + SILENT_AFTER;
        if std::mem::replace(&mut self.run, run) != run && silent {
            // A microphone that was off: whether its clock ran on is for each browser to decide.
            self.shift = None;
        }
        // Where sound that comes now belongs, as far as is known.
        let place = samples(ms - self.late.get().unwrap_or(-START_MS)).max(self.aac.end());
        let Self { opus, aac, shift, line, anchor, told_header, behind, .. } = self;
        let mut result = Ok(());
        opus.take(packet.seq, packet.timestamp, packet.plain(), now, &mut |block: Block<'_>| {
            if !heard {
                block.samples.fill(0);
            }
            if !*told_header && shift.is_none() {
                aac.jump(place);
            }
            let shift = shift.get_or_insert(place - block.position);
            *anchor = line.near(block.timestamp).map(|at| (at, block.position));
            if result.is_ok() {
                result = put(aac, &block, (shift, behind, now), told_header, out);
            }
        });
        result?;
        self.heard = (now, self.aac.end());
        if let Some(at) = self.ms_of(rtp) {
            self.late.take(ms - at, ms);
        }
        Ok(())
    }

    /// Fills with silence what has not come.
    fn fill(&mut self, now: Instant, out: &mut Vec<Tag>) -> Result<(), SoundError> {
        let (heard, end) = self.heard;
        let Some(silent) = now.checked_duration_since(heard + SILENT_AFTER) else { return Ok(()) };
        let missing = end + samples(silent.as_secs_f64() * 1000.0) - self.aac.end();
        if missing > 0 {
            silence(&mut self.aac, missing, &mut self.told_header, out)?;
        }
        Ok(())
    }

    /// Where on the line sound of an RTP time is, in milliseconds.
    fn ms_of(&self, rtp: i64) -> Option<f64> {
        let ((anchor, position), shift) = (self.anchor?, self.shift?);
        Some(to_ms(rtp - anchor + position + shift, SOUND_TICKS))
    }

    /// A moment of the browser's NTP clock, and where sound of that moment is on the line.
    fn reported(&self) -> Option<(SystemTime, f64)> {
        let (ntp, rtp) = self.report?;
        Some((ntp, self.ms_of(self.line.near(rtp)?)?))
    }
}

/// Puts a block on the line: after what is there, behind a gap, or what is left of it if its time was filled already.
fn put(
    aac: &mut AacOut,
    block: &Block<'_>,
    (shift, behind, now): (&mut i64, &mut Option<Instant>, Instant),
    told_header: &mut bool,
    out: &mut Vec<Tag>,
) -> Result<(), SoundError> {
    let ahead = block.position + *shift - aac.end();
    let mut rest = &*block.samples;
    if ahead > MAX_FILLED {
        aac.jump(block.position + *shift);
    } else if ahead > 0 {
        silence(aac, ahead, told_header, out)?;
    } else if ahead < 0 {
        let filled = usize::try_from(-ahead).unwrap_or(usize::MAX).min(rest.len());
        rest = &rest[filled..];
    }
    if rest.is_empty() && !block.samples.is_empty() {
        if now >= *behind.get_or_insert(now) + LATE_FOR {
            *shift -= ahead;
        }
        return Ok(());
    }
    *behind = None;
    encode(aac, rest, told_header, out)
}

fn silence(
    aac: &mut AacOut,
    count: i64,
    told_header: &mut bool,
    out: &mut Vec<Tag>,
) -> Result<(), SoundError> {
    const ZEROS: [i16; 960] = [0; 960];
    let mut left = usize::try_from(count).unwrap_or(0);
    while left > 0 {
        let part = left.min(ZEROS.len());
        encode(aac, &ZEROS[..part], told_header, out)?;
        left -= part;
    }
    Ok(())
}

fn encode(
    aac: &mut AacOut,
    samples: &[i16],
    told_header: &mut bool,
    out: &mut Vec<Tag>,
) -> Result<(), SoundError> {
    let config = if *told_header { Vec::new() } else { aac.config().to_vec() };
    aac.push(samples, |position, frame| {
        let timestamp = whole_ms(to_ms(position, SOUND_TICKS));
        if !std::mem::replace(told_header, true) {
            out.push(Tag::aac(timestamp, PacketType::SequenceHeader, &config));
        }
        out.push(Tag::aac(timestamp, PacketType::Frame, frame));
    })
}

fn to_ms(ticks: i64, each: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // exact for 500 years
    let ticks = ticks as f64;
    ticks / each
}

fn samples(ms: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation)] // a call's time
    let samples = (ms * SOUND_TICKS) as i64;
    samples
}

/// A tag's time. It wraps after 49 days, as RTMP's does.
fn whole_ms(ms: f64) -> u32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ms = ms.round().max(0.0) as u64 as u32;
    ms
}
