//! The client end of a session, as a browser is one: for Rust programs, tests and load. Part of the wall.
//!
//! Bytes in, bytes out, time as an argument. After every call that may act ([`Peer::answer`], [`Peer::accept_answer`],
//! [`Peer::receive`], [`Peer::advance`], [`Peer::send`], [`Peer::request_keyframe`], [`Peer::close`]) take what
//! [`Peer::poll_transmit`] and [`Peer::poll_event`] have, and call [`Peer::advance`] again at [`Peer::next_deadline`].
//!
//! To read it, begin with [`Peer`] in this file.

#[cfg(feature = "hostile")]
mod hostile;
#[cfg(feature = "measure")]
pub(crate) mod light;

use crate::datagram::{Datagram, Transmit};
use crate::ice::ufrag;
use crate::rtp::codec::Codec;
use crate::webrtc::{self, Certificate, SrtpProfile};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::PayloadParams;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind as RtcKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, SeqNo, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};
use tring_protocol::MediaKind;

/// First sequence number that a peer sends on a line (below 65,536: the rollover counter is not signalled).
const FIRST_SEQ: u64 = 1;

/// Shortest wait for a timer.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// A peer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// No usable local address.
    #[error("{0} cannot be a local address of a peer: give the address of a bound socket, not a wildcard")]
    Address(SocketAddr),
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random,
    /// The answer is no SDP or does not fit the offer.
    #[error("the answer cannot be used: {0}")]
    Answer(String),
    /// The offer is no SDP or cannot be answered.
    #[error("the offer cannot be answered: {0}")]
    Offer(String),
    /// The answer came before or twice.
    #[error("an answer was already accepted")]
    Answered,
    /// There is no line that sends this kind, or nothing was negotiated for it yet.
    #[error("the peer sends no {0:?}: it was not offered, not accepted, or the answer has not come")]
    NotSending(MediaKind),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// A media line to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaLine {
    /// Sound or pictures.
    pub kind: MediaKind,
    /// This peer sends on it.
    pub send: bool,
    /// This peer receives on it.
    pub receive: bool,
}

/// What a peer is made from.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// Addresses of its sockets.
    pub local: Vec<SocketAddr>,
    /// The lines to offer, in order.
    pub lines: Vec<MediaLine>,
    /// The video codecs to offer, the preferred one first.
    pub video_codecs: Vec<Codec>,
    /// The peer's DTLS certificate; may be shared by many peers.
    pub certificate: Certificate,
    /// Offer sound that repeats what was sent before too (RFC 2198), as Chromium and Safari do. It is then received so;
    /// see [`Peer::use_red`] for sending.
    pub red: bool,
    /// Offer a data channel too, behind the media lines, as some pages do. The server refuses that line.
    pub data_channel: bool,
    /// Offer this SRTP profile only, as the client of the handshake (feature `hostile`); `None`: all three.
    #[cfg(feature = "hostile")]
    pub only_profile: Option<SrtpProfile>,
}

impl PeerConfig {
    /// A voice call: one audio line, both ways.
    pub fn voice(local: SocketAddr, certificate: Certificate) -> Self {
        let lines = vec![MediaLine { kind: MediaKind::Audio, send: true, receive: true }];
        let video_codecs = vec![Codec::H264, Codec::Vp8];
        Self {
            local: vec![local],
            lines,
            video_codecs,
            certificate,
            red: false,
            data_channel: false,
            #[cfg(feature = "hostile")]
            only_profile: None,
        }
    }

    /// A video call: one audio and one video line, both ways.
    pub fn video(local: SocketAddr, certificate: Certificate) -> Self {
        let mut config = Self::voice(local, certificate);
        config.lines.push(MediaLine { kind: MediaKind::Video, send: true, receive: true });
        config
    }
}

/// An RTP packet to send or as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtp {
    /// Sound or pictures.
    pub kind: MediaKind,
    /// Index of the line among those of [`PeerConfig::lines`], or of the offer that was answered.
    pub line: usize,
    /// What the payload is coded in.
    pub codec: Codec,
    /// Payload type as negotiated.
    pub payload_type: u8,
    /// Sequence number, extended past 16 bits.
    pub seq: u64,
    /// RTP timestamp, in the codec's clock.
    pub timestamp: u32,
    /// Marker bit: the end of a picture, or the start of speech.
    pub marker: bool,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload.
    pub payload: Arc<[u8]>,
}

/// What happened to a peer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PeerEvent {
    /// ICE and DTLS are done.
    Connected {
        /// The SRTP protection profile.
        profile: Option<SrtpProfile>,
    },
    /// An RTP packet came.
    Rtp(Rtp),
    /// The other side needs a key frame.
    KeyframeRequested,
    /// The other side reports how its reception is, about once a second.
    Stats {
        /// Fraction lost of what was sent, 0 to 1.
        sent_lost: Option<f32>,
        /// Fraction lost of what was to be received.
        received_lost: Option<f32>,
        /// Round trip.
        round_trip: Option<Duration>,
    },
    /// The other side said goodbye, or the connection is gone.
    Closed,
}

struct Line {
    kind: MediaKind,
    mid: Mid,
    send: bool,
    /// Payload type and codec to send with.
    codec: Option<(Pt, Codec)>,
    next_seq: u64,
}

/// The client end of a session. See the module's text for how to drive it.
pub struct Peer {
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    lines: Vec<Line>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<PeerEvent>,
    ssrcs: Vec<(Ssrc, usize)>,
    deadline: Instant,
    profile: Option<SrtpProfile>,
    closed: bool,
    #[cfg(feature = "hostile")]
    hostile: hostile::Hostile,
    #[cfg(feature = "measure")]
    exported: Option<webrtc::ExportedKeys>,
}

impl Peer {
    /// A peer and its SDP offer. Errors: an address that cannot be used.
    pub fn new(config: PeerConfig, now: Instant) -> Result<(Self, String), PeerError> {
        let mut rtc = Self::connection(&config, now)?;
        let mut api = rtc.sdp_api();
        let lines = config
            .lines
            .iter()
            .map(|l| {
                let kind = match l.kind {
                    MediaKind::Audio => RtcKind::Audio,
                    MediaKind::Video => RtcKind::Video,
                };
                let direction = match (l.send, l.receive) {
                    (true, true) => Direction::SendRecv,
                    (true, false) => Direction::SendOnly,
                    (false, true) => Direction::RecvOnly,
                    (false, false) => Direction::Inactive,
                };
                let mid = api.add_media(kind, direction, None, None, None);
                Line { kind: l.kind, mid, send: l.send, codec: None, next_seq: FIRST_SEQ }
            })
            .collect();
        if config.data_channel {
            api.add_channel("data".into());
        }
        let (offer, pending) = api.apply().ok_or_else(|| PeerError::Answer("no lines to offer".into()))?;
        #[cfg_attr(not(feature = "hostile"), expect(unused_mut))]
        let mut peer = Self::with(rtc, Some(pending), lines, now);
        #[cfg(feature = "hostile")]
        peer.offer_only(config.only_profile);
        Ok((peer, offer.to_sdp_string()))
    }

    /// A peer that answers another's SDP offer (RFC 3264 §6), and its answer; it starts to connect. Its lines are the
    /// offer's, each used as far as the offer lets it: [`PeerConfig::lines`] and [`PeerConfig::data_channel`] are not
    /// looked at. Errors: an address that cannot be used, [`PeerError::Offer`], or the connection broke.
    pub fn answer(config: PeerConfig, offer: &str, now: Instant) -> Result<(Self, String), PeerError> {
        let refused = |e: &dyn std::fmt::Display| PeerError::Offer(e.to_string());
        let offer = SdpOffer::from_sdp_string(offer).map_err(|e| refused(&e))?;
        let mut rtc = Self::connection(&config, now)?;
        let answer = rtc.sdp_api().accept_offer(offer).map_err(|e| refused(&e))?;
        let mut peer = Self::with(rtc, None, Vec::new(), now);
        #[cfg(feature = "hostile")]
        peer.offer_only(config.only_profile);
        peer.drive(|_| Ok(()), now)?;
        Ok((peer, answer.to_sdp_string()))
    }

    /// A connection with its addresses, and no lines yet.
    fn connection(config: &PeerConfig, now: Instant) -> Result<Rtc, PeerError> {
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|_| PeerError::Random)?;
        let own = ufrag::Ufrag::new(ufrag::Owner { node: 0, worker: 0 }, random);
        let creds = webrtc::credentials(own.as_str()).ok_or(PeerError::Random)?;
        #[cfg_attr(not(feature = "hostile"), expect(unused_mut))]
        let mut provider = webrtc::overheard_provider();
        #[cfg(feature = "hostile")]
        if let Some(profile) = config.only_profile {
            provider.dtls_provider = webrtc::of_one_profile(profile);
        }
        let mut rtc = webrtc::config(&config.certificate, creds, &config.video_codecs, config.red)
            .set_crypto_provider(Arc::new(provider))
            .build(now);
        for &address in &config.local {
            let candidate =
                Candidate::host(address, Protocol::Udp).map_err(|_| PeerError::Address(address))?;
            rtc.add_local_candidate(candidate);
        }
        Ok(rtc)
    }

    fn with(rtc: Rtc, pending: Option<SdpPendingOffer>, lines: Vec<Line>, now: Instant) -> Self {
        Self {
            rtc,
            pending,
            lines,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            ssrcs: Vec::new(),
            deadline: now,
            profile: None,
            closed: false,
            #[cfg(feature = "hostile")]
            hostile: hostile::Hostile::default(),
            #[cfg(feature = "measure")]
            exported: None,
        }
    }

    /// Takes the SDP answer and starts to connect. Errors: no SDP, not an answer to the offer, or not the first.
    pub fn accept_answer(&mut self, answer: &str, now: Instant) -> Result<(), PeerError> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|e| PeerError::Answer(e.to_string()))?;
        let pending = self.pending.take().ok_or(PeerError::Answered)?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|e| PeerError::Answer(e.to_string()))?;
        self.choose_codecs();
        self.drive(|_| Ok(()), now)
    }

    /// Each line that sends does so in the first codec that the other side takes there.
    fn choose_codecs(&mut self) {
        for line in &mut self.lines {
            let Some(media) = self.rtc.media(line.mid) else { continue };
            if !line.send || !media.direction().is_sending() {
                continue;
            }
            let codec_of = |pt: &Pt| {
                let params = self.rtc.codec_config().params().iter().find(|p| p.pt() == *pt)?;
                Some((*pt, webrtc::codec_of(params.spec().codec)?))
            };
            line.codec = media.remote_pts().iter().find_map(codec_of);
        }
    }

    /// Takes a datagram. One that means nothing is dropped. Errors: the connection broke.
    pub fn receive(&mut self, d: Datagram<'_>, now: Instant) -> Result<(), PeerError> {
        let Ok(input) = Receive::new(Protocol::Udp, d.source, d.destination, d.contents) else {
            return Ok(());
        };
        self.drive(|rtc| rtc.handle_input(Input::Receive(now, input)), now)
    }

    /// Lets time pass. Errors: the connection broke.
    pub fn advance(&mut self, now: Instant) -> Result<(), PeerError> {
        self.drive(|rtc| rtc.handle_input(Input::Timeout(now)), now)
    }

    /// When [`Peer::advance`] is due; `None` once closed.
    pub fn next_deadline(&self) -> Option<Instant> {
        (!self.closed).then_some(self.deadline)
    }

    /// A datagram to send, if any.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// An event, if any.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// The codec that the first sending line of a kind uses, once negotiated.
    pub fn codec(&self, kind: MediaKind) -> Option<Codec> {
        self.lines.iter().find(|l| l.kind == kind && l.codec.is_some())?.codec.map(|(_, c)| c)
    }

    /// Sends video in another codec from now on, as a browser's `setParameters` does. `false`: it was not negotiated.
    pub fn use_codec(&mut self, codec: Codec) -> bool {
        let Some(line) = self.lines.iter_mut().find(|l| l.kind == MediaKind::Video && l.codec.is_some())
        else {
            return false;
        };
        let Some(media) = self.rtc.media(line.mid) else { return false };
        let params = self.rtc.codec_config().params().iter();
        let mut found = params.filter(|p| media.remote_pts().contains(&p.pt()));
        match found.find(|p| webrtc::codec_of(p.spec().codec) == Some(codec)) {
            Some(p) => line.codec = Some((p.pt(), codec)),
            None => return false,
        }
        true
    }

    /// Sends sound with what was sent before from now on: each payload must be one of RFC 2198. `false`: it was not
    /// negotiated.
    pub fn use_red(&mut self) -> bool {
        let params = self.rtc.codec_config().params().iter();
        let Some(red) =
            params.filter(|p| webrtc::codec_of(p.spec().codec) == Some(Codec::Opus)).find_map(|p| p.red())
        else {
            return false;
        };
        let found = self.lines.iter_mut().find(|l| l.kind == MediaKind::Audio && l.codec.is_some());
        found.map(|line| line.codec = Some((red, Codec::Opus))).is_some()
    }

    /// Sends an RTP payload on the first sending line of its kind. `timestamp` is in the codec's clock; the sequence
    /// number is counted here. Gives that number. Errors: nothing of that kind is sent, or the connection broke.
    pub fn send(
        &mut self,
        kind: MediaKind,
        timestamp: u32,
        marker: bool,
        payload: impl Into<Arc<[u8]>>,
        now: Instant,
    ) -> Result<u64, PeerError> {
        let found = self.lines.iter_mut().find(|l| l.kind == kind && l.codec.is_some());
        let Some(Line { mid, codec: Some((pt, _)), next_seq, .. }) = found else {
            return Err(PeerError::NotSending(kind));
        };
        let (mid, pt, seq) = (*mid, *pt, *next_seq);
        *next_seq += 1;
        let video = kind == MediaKind::Video;
        let extensions =
            ExtensionValues { audio_level: (!video).then_some(-30), ..ExtensionValues::default() };
        let payload = payload.into();
        self.drive(
            |rtc| {
                if let Some(stream) = rtc.direct_api().stream_tx_by_mid(mid, None) {
                    stream.write_rtp(
                        RtpWrite::new(pt, SeqNo::from(seq), timestamp, now, payload)
                            .marker(marker)
                            .nackable(video)
                            .ext_vals(extensions),
                    );
                }
                Ok(())
            },
            now,
        )?;
        Ok(seq)
    }

    /// Asks the other side for a key frame on every video line that something has come on. Errors: the connection
    /// broke.
    pub fn request_keyframe(&mut self, now: Instant) -> Result<(), PeerError> {
        let mids: Vec<Mid> =
            self.lines.iter().filter(|l| l.kind == MediaKind::Video).map(|l| l.mid).collect();
        for mid in mids {
            self.drive(
                |rtc| {
                    if let Some(stream) = rtc.direct_api().stream_rx_by_mid(mid, None) {
                        stream.request_keyframe(KeyframeRequestKind::Pli);
                    }
                    Ok(())
                },
                now,
            )?;
        }
        Ok(())
    }

    /// Says goodbye; the datagrams for it are left in [`Peer::poll_transmit`].
    pub fn close(&mut self, now: Instant) {
        if !self.closed {
            // A connection that cannot be closed any more is closed.
            let _ = self.drive(Rtc::close, now);
            self.closed = true;
        }
    }

    fn drive(
        &mut self,
        mutate: impl FnOnce(&mut Rtc) -> Result<(), RtcError>,
        now: Instant,
    ) -> Result<(), PeerError> {
        if self.closed {
            return Ok(());
        }
        webrtc::take_chosen_profile();
        #[cfg(not(feature = "measure"))]
        let done = mutate(&mut self.rtc).and_then(|()| self.drain(now));
        #[cfg(feature = "measure")]
        let done = {
            let (done, exported) = webrtc::exporting(|| mutate(&mut self.rtc).and_then(|()| self.drain(now)));
            self.exported = exported.or(self.exported.take());
            done
        };
        #[cfg(feature = "hostile")]
        self.overhear();
        if !self.rtc.is_alive() && !self.closed {
            self.closed = true;
            self.events.push_back(PeerEvent::Closed);
        }
        done.map_err(|e| PeerError::Broken(e.to_string()))
    }

    fn drain(&mut self, now: Instant) -> Result<(), RtcError> {
        let mut turns = 0;
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) if due <= now && turns < 3 => {
                    turns += 1;
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
                Output::Timeout(due) => {
                    self.deadline = due.max(now + MIN_TIMEOUT);
                    return Ok(());
                }
                Output::Transmit(t) => self.transmits.push_back(Transmit {
                    destination: t.destination,
                    source: t.source.ip(),
                    contents: t.contents.into(),
                }),
                Output::Event(e) => self.translate(e),
            }
            if let Some(profile) = webrtc::take_chosen_profile() {
                self.profile = Some(profile);
            }
        }
    }

    fn translate(&mut self, event: Event) {
        let event = match event {
            Event::Connected => {
                PeerEvent::Connected { profile: self.profile.or_else(webrtc::take_chosen_profile) }
            }
            // A line of the offer that was answered: told in its order, once connected. Those offered here are known.
            Event::MediaAdded(m) if self.lines.iter().all(|l| l.mid != m.mid) => {
                let kind = match m.kind {
                    RtcKind::Audio => MediaKind::Audio,
                    RtcKind::Video => MediaKind::Video,
                };
                let (mid, send) = (m.mid, m.direction.is_sending());
                self.lines.push(Line { kind, mid, send, codec: None, next_seq: FIRST_SEQ });
                self.choose_codecs();
                return;
            }
            Event::KeyframeRequest(_) => PeerEvent::KeyframeRequested,
            Event::Closed => {
                self.closed = true;
                PeerEvent::Closed
            }
            Event::PeerStats(s) => PeerEvent::Stats {
                sent_lost: s.egress_loss_fraction,
                received_lost: s.ingress_loss_fraction,
                round_trip: s.rtt,
            },
            Event::RtpPacket(p) => {
                let Some(line) = self.line_of(p.header.ssrc) else { return };
                let pt = p.header.payload_type;
                let is_of = |c: &&PayloadParams| c.pt() == pt || c.red() == Some(pt);
                let params = self.rtc.codec_config().params().iter().find(is_of);
                let Some(codec) = params.and_then(|c| webrtc::codec_of(c.spec().codec)) else { return };
                PeerEvent::Rtp(Rtp {
                    kind: self.lines[line].kind,
                    line,
                    codec,
                    payload_type: *p.header.payload_type,
                    seq: *p.seq_no,
                    timestamp: p.header.timestamp,
                    marker: p.header.marker,
                    ssrc: *p.header.ssrc,
                    payload: p.payload,
                })
            }
            _ => return,
        };
        self.events.push_back(event);
    }

    fn line_of(&mut self, ssrc: Ssrc) -> Option<usize> {
        if let Some((_, line)) = self.ssrcs.iter().find(|(s, _)| *s == ssrc) {
            return Some(*line);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let line = self.lines.iter().position(|l| l.mid == mid)?;
        self.ssrcs.push((ssrc, line));
        Some(line)
    }
}
