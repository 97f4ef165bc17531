//! What the peer sends: from a sealed packet to one that can be forwarded.

use super::super::line::{Line, Payload};
use super::super::srtp::{Opener, ReplayWindow};
use super::super::twcc::Arrivals;
use super::reception::Reception;
use crate::rtp::extension;
use crate::rtp::header::Header;
use crate::rtp::nack::NackRegister;
use crate::rtp::packet::{HeaderExtensions, Packet};
use std::time::{Instant, SystemTime};
use tring_limits::{Bucket, Rate};
use tring_protocol::MediaKind;

/// Streams of a peer that are known at a time, retransmissions included; the one that was heard the longest ago goes. Higher:
/// memory for a peer that changes SSRCs. Lower: a call of many sources forgets one that is only quiet.
const MAX_STREAMS: usize = 64;

/// SSRCs of a peer that announces none, at once and in the long run. Higher: who changes it often is still heard. Lower: who
/// never stops costs less.
const NEW_SSRCS: Rate = Rate { burst: 64.0, per_second: 0.2 };

/// Bytes before the payload of a retransmission: the number of the packet that it repeats (RFC 4588 §4).
const ORIGINAL_SEQUENCE: usize = 2;

/// One stream that the peer sends.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) line: usize,
    replay: ReplayWindow,
    /// What is missing. None: sound, which is not asked for again, and retransmissions.
    pub(super) nack: Option<NackRegister>,
    pub(super) reception: Reception,
    /// The newest sender report: NTP time, and RTP time at that moment.
    pub(super) report: Option<(SystemTime, u32)>,
    heard: Instant,
}

/// Why a packet is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not the peer's, came before, or is of a stream that was not announced. Nothing was done with it.
    Invalid,
    /// It is the peer's, and nothing in it is for anybody: padding, a payload that nobody takes, a retransmission of what has
    /// come.
    Useless,
}

/// All streams that the peer sends.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) streams: Vec<Stream>,
    /// The SSRCs that the offer announced, each with its line. None: not all lines have announced theirs.
    announced: Option<Vec<(u32, usize)>>,
    /// Announced SSRCs of retransmissions, each with the one that it repeats.
    rtx_of: Vec<(u32, u32)>,
    new_ssrcs: Bucket,
}

impl Incoming {
    pub(super) fn new(announced: Option<Vec<(u32, usize)>>, rtx_of: Vec<(u32, u32)>, now: Instant) -> Self {
        Self { streams: Vec::new(), announced, rtx_of, new_ssrcs: Bucket::full(NEW_SSRCS, now) }
    }

    /// The stream of this SSRC.
    pub(super) fn of_ssrc(&mut self, ssrc: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|s| s.ssrc == ssrc)
    }

    /// The stream of pictures on a line: the one that was heard last, else the announced one.
    pub(super) fn pictures_on(&self, line: usize) -> Option<u32> {
        let heard = self.streams.iter().filter(|s| s.line == line && s.nack.is_some());
        let announced = || {
            let repeats = |ssrc: u32| self.rtx_of.iter().any(|&(rtx, _)| rtx == ssrc);
            let mut of_line = self.announced.iter().flatten().filter(|&&(_, l)| l == line);
            of_line.find(|&&(ssrc, _)| !repeats(ssrc)).map(|&(ssrc, _)| ssrc)
        };
        heard.max_by_key(|s| s.heard).map(|s| s.ssrc).or_else(announced)
    }

    /// Opens a packet, and notes what it says of its stream and of the transport.
    pub(super) fn receive<'p>(
        &mut self,
        packet: &'p mut [u8],
        opener: &mut Opener,
        lines: &[Line],
        arrivals: &mut Arrivals,
        now: Instant,
    ) -> Result<Packet<'p>, Refused> {
        let header = Header::read(packet).ok_or(Refused::Invalid)?;
        let known = self.streams.iter().position(|s| s.ssrc == header.ssrc);
        if known.is_none() && !self.may_begin(header.ssrc, now) {
            return Err(Refused::Invalid);
        }
        let index = match known {
            Some(at) => self.streams[at].replay.index_of(header.sequence).ok_or(Refused::Invalid)?,
            // The first of a stream: its rollover counter is 0.
            None => header.sequence.into(),
        };
        let length = opener.open_rtp(packet, header.length, header.ssrc, index).ok_or(Refused::Invalid)?;
        // From here on it is the peer's.
        let packet: &'p [u8] = &packet[..length];
        let at = match known {
            Some(at) => at,
            None => self.begin(&header, packet, lines, now).ok_or(Refused::Useless)?,
        };
        let stream = &mut self.streams[at];
        stream.replay.accept(index);
        stream.heard = now;
        let line = lines.get(stream.line).ok_or(Refused::Useless)?;
        let mut extensions = HeaderExtensions::default();
        for (id, value) in header.extensions(packet) {
            let id = Some(id);
            if id == line.extensions.transport_sequence {
                if let Some(number) = extension::read_transport_sequence(value) {
                    arrivals.received(number, now);
                }
            } else if id == line.extensions.audio_level
                && let Some((level, voice)) = extension::read_audio_level(value)
            {
                (extensions.audio_level, extensions.voice_activity) = (Some(level), Some(voice));
            }
        }
        let payload = header.payload(packet).ok_or(Refused::Useless)?;
        let kind = line.payload(header.payload_type).ok_or(Refused::Useless)?;
        let (codec, seq, payload, at) = match kind {
            Payload::Retransmission(codec) => {
                let (original, payload) =
                    payload.split_first_chunk::<ORIGINAL_SEQUENCE>().ok_or(Refused::Useless)?;
                let original = u16::from_be_bytes(*original);
                let at = self.repeated_by(header.ssrc, at).ok_or(Refused::Useless)?;
                let stream = &mut self.streams[at];
                let index = stream.replay.index_of(original).ok_or(Refused::Useless)?;
                stream.replay.accept(index);
                (codec, index, payload, at)
            }
            Payload::Media(codec) => (codec, index, payload, at),
            Payload::Redundant { .. } => (crate::rtp::codec::Codec::Opus, index, payload, at),
        };
        let stream = &mut self.streams[at];
        // What came again says nothing of how the first sending arrived.
        if !matches!(kind, Payload::Retransmission(_)) {
            stream.reception.received(seq, header.timestamp, codec.clock_rate(), now);
        }
        if let Some(nack) = &mut stream.nack {
            nack.received(seq, now);
        }
        if payload.is_empty() {
            return Err(Refused::Useless);
        }
        let mut made = Packet::new(codec, seq, header.timestamp, header.marker, payload);
        (made.line, made.extensions, made.report) = (stream.line, extensions, stream.report);
        match kind {
            Payload::Redundant { opus } => made.redundant(opus).ok_or(Refused::Useless),
            _ => Ok(made),
        }
    }

    /// A stream of this SSRC may begin: it was announced, or the peer announces none and does not begin one all the time.
    fn may_begin(&self, ssrc: u32, now: Instant) -> bool {
        // SSRC 0 is how libwebrtc probes, and no stream.
        ssrc != 0
            && match &self.announced {
                Some(announced) => announced.iter().any(|&(a, _)| a == ssrc),
                None => self.new_ssrcs.has(1.0, NEW_SSRCS, now),
            }
    }

    /// Begins the stream of a packet that was opened. None: it is of no line.
    fn begin(&mut self, header: &Header, packet: &[u8], lines: &[Line], now: Instant) -> Option<usize> {
        let announced = self.announced.iter().flatten().find(|(ssrc, _)| *ssrc == header.ssrc);
        if announced.is_none() {
            self.new_ssrcs.take(NEW_SSRCS, now);
        }
        let line = match announced {
            Some(&(_, line)) => line,
            None => line_of(header, packet, lines)?,
        };
        let pictures = lines.get(line)?.kind == MediaKind::Video;
        let rtx = lines[line].rtx_payload_types.contains(&Some(header.payload_type));
        if self.streams.len() >= MAX_STREAMS
            && let Some(oldest) = (0..self.streams.len()).min_by_key(|&i| self.streams[i].heard)
        {
            self.streams.swap_remove(oldest);
        }
        self.streams.push(Stream {
            ssrc: header.ssrc,
            line,
            replay: ReplayWindow::default(),
            nack: (pictures && !rtx).then(NackRegister::new),
            reception: Reception::default(),
            report: None,
            heard: now,
        });
        Some(self.streams.len() - 1)
    }

    /// The stream that one of retransmissions repeats: the announced one, else the line's only other.
    fn repeated_by(&self, rtx: u32, at: usize) -> Option<usize> {
        if let Some(&(_, media)) = self.rtx_of.iter().find(|(ssrc, _)| *ssrc == rtx) {
            return self.streams.iter().position(|s| s.ssrc == media);
        }
        let line = self.streams.get(at)?.line;
        self.streams.iter().position(|s| s.line == line && s.nack.is_some() && s.ssrc != rtx)
    }
}

/// The line of a stream that was not announced: the one that the packet names (RFC 9143 §9.2), else the only one of its
/// payload type that the peer may send on.
fn line_of(header: &Header, packet: &[u8], lines: &[Line]) -> Option<usize> {
    for (id, value) in header.extensions(packet) {
        let named = |l: &Line| l.extensions.mid == Some(id) && l.mid.as_bytes() == value;
        if let Some(line) = lines.iter().position(named) {
            return Some(line);
        }
    }
    let takes = |l: &&Line| l.receives && l.payload(header.payload_type).is_some();
    let mut of_type = lines.iter().enumerate().filter(|(_, l)| takes(l));
    let (line, _) = of_type.next()?;
    of_type.next().is_none().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssrc_0_is_a_probe_and_no_stream() {
        let now = Instant::now();
        let unannounced = Incoming::new(None, Vec::new(), now);
        assert!(!unannounced.may_begin(0, now) && unannounced.may_begin(7, now));
        let announced = Incoming::new(Some(vec![(7, 0)]), Vec::new(), now);
        assert_eq!([0, 7, 8].map(|ssrc| announced.may_begin(ssrc, now)), [false, true, false]);
    }
}
