//! What leaves into one slot: its stream and that of its retransmissions.

use super::super::line::{ExtensionIds, Line};
use super::super::rtx_budget::RtxBudget;
use super::super::rtx_ring::{RtxRing, Sent};
use super::super::srtp::{ReplayWindow, Sealer};
use super::super::transport::Write;
use super::super::twcc::SentPackets;
use crate::rtcp::ntp::NtpTime;
use crate::rtcp::reports::SenderInfo;
use crate::rtp::codec::Codec;
use crate::rtp::extension;
use crate::rtp::header::{Fixed, HeaderWriter};
use crate::rtp::packet::HeaderExtensions;
use std::time::{Duration, Instant};
use tring_protocol::MediaKind;

/// First sequence number of a stream of retransmissions: far enough from zero that nothing reordered is before it.
const FIRST_RTX: u64 = 1;

/// Everything that sealing and numbering what is sent needs.
pub(super) struct Way<'a> {
    pub(super) sealer: &'a mut Sealer,
    pub(super) sent: &'a mut SentPackets,
}

/// One slot's stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) line: usize,
    pub(super) ssrc: u32,
    /// The numbers that were sealed. One key, SSRC and number may seal one packet only (RFC 7714 §8.4), whatever number a
    /// publisher's streams make two packets of: it may lie, or change its SSRC.
    sealed: ReplayWindow,
    rtx: Option<u32>,
    next_rtx: u64,
    ring: Option<RtxRing>,
    /// Packets and bytes of payload sent so far, modulo 2^32 (RFC 3550 §6.4.1).
    packets: u32,
    octets: u32,
    /// The newest packet: RTP time, when it was captured, and ticks a second.
    newest: Option<(u32, Instant, u32)>,
    /// The receiver has told of this stream, so it knows its line without a name in each packet.
    pub(super) is_known: bool,
}

impl Outgoing {
    /// The stream of a line. None: nothing is sent there.
    pub(super) fn of_line(at: usize, line: &Line) -> Option<Self> {
        let ssrcs = line.ssrcs?;
        let repairs = line.kind == MediaKind::Video && ssrcs.rtx.is_some();
        Some(Self {
            line: at,
            ssrc: ssrcs.media,
            sealed: ReplayWindow::default(),
            rtx: ssrcs.rtx,
            next_rtx: FIRST_RTX,
            ring: repairs.then(RtxRing::new),
            packets: 0,
            octets: 0,
            newest: None,
            is_known: false,
        })
    }

    /// Appends a packet, sealed. `false`: the line does not take its codec, one of this number was sent already, or it cannot
    /// be sealed.
    pub(super) fn write(
        &mut self,
        w: &Write<'_>,
        line: &Line,
        way: &mut Way<'_>,
        now: Instant,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let Some(own) = line.payload_types[w.packet.codec.index()] else { return false };
        if !self.sealed.is_new(w.seq) {
            return false;
        }
        let red = line.red.filter(|_| w.packet.repeats());
        let start = buffer.len();
        let fixed = Fixed {
            marker: w.packet.marker,
            payload_type: red.unwrap_or(own),
            sequence: low(w.seq),
            timestamp: w.timestamp,
            ssrc: self.ssrc,
        };
        let name = (!self.is_known).then_some(&*line.mid);
        let (header, number) =
            write_header(buffer, fixed, &line.extensions, w.packet.extensions, name, way.sent);
        match red {
            Some(_) => w.packet.write_repeating(own, w.reach, buffer),
            None => buffer.extend_from_slice(w.packet.plain()),
        }
        let payload = start + header;
        let octets = buffer.len() - payload;
        if let Some(ring) = &mut self.ring {
            let packet = Sent {
                seq: w.seq,
                timestamp: w.timestamp,
                marker: w.packet.marker,
                payload_type: own,
                extensions: w.packet.extensions,
                payload: &buffer[payload..],
            };
            ring.keep(&packet, now);
        }
        self.sealed.accept(w.seq);
        if !way.sealer.seal_rtp(buffer, start, header, self.ssrc, w.seq) {
            return false;
        }
        if let Some(number) = number {
            way.sent.sent(number, buffer.len() - start, now);
        }
        self.packets = self.packets.wrapping_add(1);
        #[allow(clippy::cast_possible_truncation)] // modulo 2^32
        {
            self.octets = self.octets.wrapping_add(octets as u32);
        }
        self.newest = Some((w.timestamp, w.captured, w.packet.codec.clock_rate()));
        true
    }

    /// Appends a packet that was asked for again, sealed, as one of the stream of retransmissions. `false`: it is not kept
    /// any more, was just sent again, or the budget has nothing left; the last is counted in `refused`.
    #[allow(clippy::too_many_arguments)] // Of one call.
    pub(super) fn write_again(
        &mut self,
        seq: u16,
        line: &Line,
        way: &mut Way<'_>,
        budget: &mut RtxBudget,
        round_trip: Option<Duration>,
        now: Instant,
        refused: &mut u64,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let Some((rtx, ring)) = self.rtx.zip(self.ring.as_mut()) else { return false };
        let Some(found) = ring.find(seq, round_trip, now) else { return false };
        let codec =
            Codec::ALL.into_iter().find(|c| line.payload_types[c.index()] == Some(found.payload_type));
        let Some(payload_type) = codec.and_then(|c| line.rtx_payload_types[c.index()]) else { return false };
        let start = buffer.len();
        let fixed = Fixed {
            marker: found.marker,
            payload_type,
            sequence: low(self.next_rtx),
            timestamp: found.timestamp,
            ssrc: rtx,
        };
        let name = (!self.is_known).then_some(&*line.mid);
        let (header, number) =
            write_header(buffer, fixed, &line.extensions, found.extensions, name, way.sent);
        buffer.extend_from_slice(&low(found.seq).to_be_bytes());
        buffer.extend_from_slice(found.payload);
        let index = self.next_rtx;
        if !budget.allows(buffer.len() - start, now) {
            *refused += 1;
            return false;
        }
        self.next_rtx += 1;
        if !way.sealer.seal_rtp(buffer, start, header, rtx, index) {
            return false;
        }
        if let Some(number) = number {
            way.sent.sent(number, buffer.len() - start, now);
        }
        true
    }

    /// What a sender report says of the stream now (RFC 3550 §6.4.1). None: nothing was sent yet.
    pub(super) fn report(&self, ntp: NtpTime, now: Instant) -> Option<SenderInfo> {
        let (timestamp, captured, rate) = self.newest?;
        let passed = now.saturating_duration_since(captured);
        #[allow(clippy::cast_possible_truncation)] // RTP time is modulo 2^32.
        let ticks = (passed.as_micros() * u128::from(rate) / 1_000_000) as u32;
        Some(SenderInfo {
            sender: self.ssrc,
            ntp,
            rtp: timestamp.wrapping_add(ticks),
            packets: self.packets,
            octets: self.octets,
        })
    }
}

/// Appends the header of a packet; gives its length, and the transport-wide number that it has.
fn write_header(
    buffer: &mut Vec<u8>,
    fixed: Fixed,
    ids: &ExtensionIds,
    extensions: HeaderExtensions,
    name: Option<&str>,
    sent: &mut SentPackets,
) -> (usize, Option<u16>) {
    let mut writer = HeaderWriter::begin(buffer, fixed);
    if let Some((id, level)) = ids.audio_level.zip(extensions.audio_level) {
        let voice = extensions.voice_activity.unwrap_or_default();
        writer = writer.extension(id, &extension::write_audio_level(level, voice));
    }
    let number = ids.transport_sequence.map(|id| (id, sent.next_number()));
    if let Some((id, number)) = number {
        writer = writer.extension(id, &extension::write_transport_sequence(number));
    }
    if let Some((id, name)) = ids.mid.zip(name) {
        writer = writer.extension(id, name.as_bytes());
    }
    if let Some((id, delay)) = ids.playout_delay.zip(extensions.playout_delay) {
        writer = writer.extension(id, &extension::write_playout_delay(delay));
    }
    (writer.finish(), number.map(|(_, number)| number))
}

/// The sequence number that a packet shows of the one that is counted.
#[allow(clippy::cast_possible_truncation)] // Its lower 16 bits (RFC 3711 §3.3.1).
fn low(seq: u64) -> u16 {
    seq as u16
}
