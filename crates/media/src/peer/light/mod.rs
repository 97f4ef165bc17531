//! A peer that costs a load program little (feature `measure`): the library connects it, and from then on its packets are
//! sealed and opened by our own SRTP, with the keys that the handshake came to. What it says to the other side is what a browser says:
//! ICE checks, reports each second, transport-wide feedback. It asks for no retransmission and for no key frame.
//!
//! | file | subject |
//! |---|---|
//! | `feedback` | reports and transport-wide feedback |

mod feedback;

use super::{Peer, PeerError};
use crate::datagram::Datagram;
use crate::ice::ufrag::{Kind, kind};
use crate::webrtc::srtp::{Opener, Sealer, master_keys};
use crate::webrtc::{self, ExportedKeys, SrtpProfile};
use feedback::{Arrivals, PAYLOAD_FEEDBACK, Sent, Stream, report};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::rtp::Extension;
use tring_protocol::MediaKind;

/// Between two transport-wide feedbacks. Browsers take 50 to 250 ms by the rate of what comes. Lower: more load on the server.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);

/// Between two reports, as long as for the library's peers.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Between two looks at what the library would do: it sends an ICE check then. Browsers check each 2.5 s.
const CHECK_INTERVAL: Duration = Duration::from_millis(2500);

/// Streams that are received. Those beyond are not opened.
const MAX_STREAMS: usize = 8;

/// Level of the sound that a packet tells (RFC 6464): −30 dBov, not speech.
const AUDIO_LEVEL: u8 = 30;

/// Ids of the one-byte header extensions (RFC 8285 §4.2) of a line; 0 for one that was not agreed on.
#[derive(Debug, Default)]
struct Extensions {
    number: u8,
    mid: u8,
    level: u8,
}

/// A line that sends.
struct Sending {
    kind: MediaKind,
    ssrc: u32,
    payload_type: u8,
    mid: String,
    extensions: Extensions,
    /// SRTP index of the next packet: its number with its rollovers.
    next: u64,
    sent: Sent,
}

/// What a datagram was.
#[derive(Debug, PartialEq, Eq)]
pub enum LightReceived<'a> {
    /// The payload of an RTP packet.
    Media(MediaKind, &'a [u8]),
    /// The other side needs a key frame.
    KeyframeRequested,
    /// Nothing for the program.
    Nothing,
}

/// A connected peer that costs little. Sans-IO as [`Peer`] is, on one pair of addresses.
pub struct LightPeer {
    peer: Peer,
    local: SocketAddr,
    remote: SocketAddr,
    profile: SrtpProfile,
    sealer: Sealer,
    opener: Opener,
    sending: Vec<Sending>,
    /// By payload type.
    kinds: [Option<MediaKind>; 128],
    /// Id of the transport-wide number in what comes; 0 for none.
    number_id: u8,
    next_number: u16,
    streams: Vec<Stream>,
    arrivals: Arrivals,
    start: Instant,
    /// When feedback, reports and ICE checks are due.
    due: [Instant; 3],
    packet: Vec<u8>,
}

impl Peer {
    /// The rest of this peer's life in small. To be called at [`super::PeerEvent::Connected`]; `local` and `remote` are the
    /// addresses that it talks by from now on. What is left in [`Peer::poll_transmit`] is to be sent before.
    ///
    /// # Errors
    ///
    /// [`PeerError::Broken`]: it is not connected.
    pub fn into_light(
        mut self,
        local: SocketAddr,
        remote: SocketAddr,
        now: Instant,
    ) -> Result<LightPeer, PeerError> {
        let unconnected = || PeerError::Broken("there are no keys yet".into());
        let ExportedKeys { profile, material, is_client } = self.exported.take().ok_or_else(unconnected)?;
        let (client, server) = master_keys(profile, &material).ok_or_else(unconnected)?;
        let (own, other) = if is_client { (client, server) } else { (server, client) };
        let sealer = Sealer::new(&own).ok_or_else(unconnected)?;
        let opener = Opener::new(&other).ok_or_else(unconnected)?;
        let (mut sending, mut number_id) = (Vec::new(), 0);
        for line in &self.lines {
            let Some(media) = self.rtc.media(line.mid) else { continue };
            let map = media.remote_extmap();
            let id = |extension| map.id_of(extension).unwrap_or(0);
            let extensions = Extensions {
                number: id(Extension::TransportSequenceNumber),
                mid: id(Extension::RtpMid),
                level: if line.kind == MediaKind::Audio { id(Extension::AudioLevel) } else { 0 },
            };
            number_id = number_id.max(extensions.number);
            let (Some((pt, _)), mid) = (line.codec, line.mid) else { continue };
            let mut api = self.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { continue };
            sending.push(Sending {
                kind: line.kind,
                ssrc: *stream.ssrc(),
                payload_type: *pt,
                mid: mid.to_string(),
                extensions,
                next: 1,
                sent: Sent::default(),
            });
        }
        let mut kinds = [None; 128];
        for params in self.rtc.codec_config().params() {
            let codec = webrtc::codec_of(params.spec().codec);
            if let (Some(codec), Some(slot)) = (codec, kinds.get_mut(usize::from(*params.pt()))) {
                *slot = Some(codec.kind());
            }
        }
        Ok(LightPeer {
            peer: self,
            local,
            remote,
            profile,
            sealer,
            opener,
            sending,
            kinds,
            number_id,
            next_number: 0,
            streams: Vec::new(),
            arrivals: Arrivals::new(now),
            start: now,
            due: [now + FEEDBACK_INTERVAL, now + REPORT_INTERVAL, now + CHECK_INTERVAL],
            packet: Vec::new(),
        })
    }
}

impl LightPeer {
    /// The SRTP protection profile.
    pub fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Writes the next packet of a kind into `out`, sealed. `false`: nothing of that kind is sent.
    pub fn seal(
        &mut self,
        kind: MediaKind,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(line) = self.sending.iter_mut().find(|l| l.kind == kind) else { return false };
        let index = line.next;
        line.next += 1;
        out.clear();
        out.extend([0x90, u8::from(marker) << 7 | line.payload_type]);
        #[allow(clippy::cast_possible_truncation)] // the number without its rollovers
        out.extend((index as u16).to_be_bytes());
        out.extend(timestamp.to_be_bytes());
        out.extend(line.ssrc.to_be_bytes());
        out.extend([0xbe, 0xde, 0, 0]);
        let begin = out.len();
        let Extensions { number, mid, level } = line.extensions;
        if level > 0 {
            out.extend([level << 4, AUDIO_LEVEL]);
        }
        if number > 0 {
            out.push(number << 4 | 1);
            out.extend(self.next_number.to_be_bytes());
            self.next_number = self.next_number.wrapping_add(1);
        }
        if mid > 0 {
            let length = u8::try_from(line.mid.len()).unwrap_or(1);
            out.push(mid << 4 | (length.saturating_sub(1) & 15));
            out.extend(line.mid.bytes());
        }
        out.resize(begin + (out.len() - begin).next_multiple_of(4), 0);
        out[begin - 1] = u8::try_from((out.len() - begin) / 4).unwrap_or(0);
        let header = out.len();
        out.extend_from_slice(payload);
        line.sent.packets += 1;
        line.sent.bytes = line.sent.bytes.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
        line.sent.timestamp = timestamp;
        let ssrc = line.ssrc;
        self.sealer.seal_rtp(out, 0, header, ssrc, index)
    }

    /// Takes a datagram; opens it in place. `send` gets what is to be sent at once.
    ///
    /// # Errors
    ///
    /// [`PeerError::Broken`]: the connection is gone.
    pub fn receive<'a>(
        &mut self,
        datagram: &'a mut [u8],
        now: Instant,
        send: &mut dyn FnMut(&[u8]),
    ) -> Result<LightReceived<'a>, PeerError> {
        match kind(datagram) {
            Kind::Rtp if (192..=223).contains(datagram.get(1).unwrap_or(&0)) => {
                let compound = self.opener.open_rtcp(datagram).and_then(|length| datagram.get(..length));
                let Some(compound) = compound else { return Ok(LightReceived::Nothing) };
                let asked = packets(compound).any(|p| p[1] == PAYLOAD_FEEDBACK && matches!(p[0] & 31, 1 | 4));
                Ok(if asked { LightReceived::KeyframeRequested } else { LightReceived::Nothing })
            }
            Kind::Rtp => Ok(self.receive_rtp(datagram, now).unwrap_or(LightReceived::Nothing)),
            _ => {
                let d = Datagram { source: self.remote, destination: self.local, contents: datagram };
                self.peer.receive(d, now)?;
                self.pass_on(send);
                Ok(LightReceived::Nothing)
            }
        }
    }

    fn receive_rtp<'a>(&mut self, packet: &'a mut [u8], now: Instant) -> Option<LightReceived<'a>> {
        let fixed = packet.first_chunk::<12>()?;
        let pt = fixed[1] & 0x7f;
        let seq = u16::from_be_bytes([fixed[2], fixed[3]]);
        let ssrc = u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
        let mut header = 12 + 4 * usize::from(fixed[0] & 15);
        let mut number = None;
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(header..header + 4)?;
            let length = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            header += 4;
            number = transport_number(packet.get(header..header + length)?, self.number_id);
            header += length;
        }
        let known = self.streams.iter().position(|s| s.ssrc == ssrc);
        let index = match known {
            Some(at) => self.streams[at].window.index_of(seq)?,
            None if self.streams.len() < MAX_STREAMS => seq.into(),
            None => return None,
        };
        let length = self.opener.open_rtp(packet, header, ssrc, index)?;
        if let Some(number) = number {
            self.arrivals.take(number, now);
        }
        let at = known.unwrap_or_else(|| {
            self.streams.push(Stream::new(ssrc, seq));
            self.streams.len() - 1
        });
        self.streams[at].take(index);
        let payload = packet.get(header..length)?;
        // Repeats and probes have a payload type of their own.
        self.kinds[usize::from(pt)].map(|kind| LightReceived::Media(kind, payload))
    }

    /// Says what is due: feedback, reports, ICE checks.
    ///
    /// # Errors
    ///
    /// [`PeerError::Broken`]: the connection is gone.
    pub fn advance(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Result<(), PeerError> {
        let [feedback, reports, check] = self.due.map(|due| due <= now);
        let own = self.sending.first().map_or(1, |l| l.ssrc);
        if feedback {
            self.due[0] = now + FEEDBACK_INTERVAL;
            let media = self.streams.first().map_or(0, |s| s.ssrc);
            self.packet.clear();
            if self.arrivals.feedback(own, media, &mut self.packet) {
                self.send_control(send);
            }
        }
        if reports {
            self.due[1] = now + REPORT_INTERVAL;
            self.packet.clear();
            let mut streams = &mut self.streams[..];
            for line in self.sending.iter().filter(|l| l.sent.packets > 0) {
                report(line.ssrc, Some(&line.sent), streams, now - self.start, &mut self.packet);
                streams = &mut [];
            }
            if !streams.is_empty() {
                report(own, None, streams, now - self.start, &mut self.packet);
            }
            if !self.packet.is_empty() {
                self.send_control(send);
            }
        }
        if check {
            self.due[2] = now + CHECK_INTERVAL;
            self.peer.advance(now)?;
            self.pass_on(send);
        }
        Ok(())
    }

    /// When [`LightPeer::advance`] is due.
    pub fn next_deadline(&self) -> Instant {
        self.due.into_iter().min().unwrap_or(self.start)
    }

    fn send_control(&mut self, send: &mut dyn FnMut(&[u8])) {
        if self.sealer.seal_rtcp(&mut self.packet, 0) {
            send(&self.packet);
        }
    }

    /// Passes on what the library sends, but no media and no RTCP: their numbers are counted here.
    fn pass_on(&mut self, send: &mut dyn FnMut(&[u8])) {
        while let Some(transmit) = self.peer.poll_transmit() {
            if kind(&transmit.contents) != Kind::Rtp {
                send(&transmit.contents);
            }
        }
        while self.peer.poll_event().is_some() {}
    }
}

/// The packets of a compound one (RFC 3550 §6.1), each with its header; the rest of a broken one is left out.
fn packets(mut compound: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = 4 * (usize::from(u16::from_be_bytes([*compound.get(2)?, *compound.get(3)?])) + 1);
        let (packet, rest) = compound.split_at_checked(length)?;
        compound = rest;
        Some(packet)
    })
}

/// The transport-wide number among one-byte extensions (RFC 8285 §4.2).
fn transport_number(mut extensions: &[u8], id: u8) -> Option<u16> {
    while let Some((&first, rest)) = extensions.split_first() {
        let length = usize::from(first & 15) + 1;
        match first >> 4 {
            0 => extensions = rest,
            15 => return None,
            found => {
                let (value, rest) = rest.split_at_checked(length)?;
                if found == id {
                    return value.first_chunk().map(|n| u16::from_be_bytes(*n));
                }
                extensions = rest;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
