//! A peer that breaks rules (feature `hostile`).

use super::{Peer, PeerError};
use crate::datagram::Transmit;
use crate::ice::ufrag::{Kind, kind};
use crate::webrtc::hostile::Keys;
use crate::webrtc::{SrtpProfile, one_profile};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use tring_protocol::MediaKind;

/// A datagram that begins with a DTLS record of a handshake (RFC 6347 §4.1) whose message is a ClientHello.
fn is_client_hello(datagram: &[u8]) -> bool {
    datagram.first() == Some(&22) && datagram.get(13) == Some(&1)
}

/// What it needs for that.
#[derive(Debug, Default)]
pub(super) struct Hostile {
    keys: Keys,
    /// Where its media goes.
    route: Option<(SocketAddr, IpAddr)>,
    /// The one SRTP profile that its handshake offers.
    only_profile: Option<SrtpProfile>,
}

impl Peer {
    pub(super) fn offer_only(&mut self, profile: Option<SrtpProfile>) {
        self.hostile.only_profile = profile;
    }

    pub(super) fn overhear(&mut self) {
        if let Some(profile) = self.hostile.only_profile {
            for t in self.transmits.iter_mut().filter(|t| is_client_hello(&t.contents)) {
                one_profile::narrow(&mut t.contents, profile);
            }
        }
        self.hostile.keys.overhear();
        if let Some(t) = self.transmits.iter().rfind(|t| kind(&t.contents) != Kind::Stun) {
            self.hostile.route = Some((t.destination, t.source));
        }
    }

    /// Sends an RTP packet of the caller's making under this peer's keys: a whole header, and a payload. `false`: it has
    /// sent none of its own yet.
    pub fn send_raw_rtp(&mut self, header: &[u8], payload: &[u8]) -> bool {
        self.send_raw_rtp_after(0, header, payload)
    }

    /// [`Peer::send_raw_rtp`] with a rollover counter of the caller's making (RFC 3711 §3.3.1), which no packet says: its
    /// receiver guesses it.
    pub fn send_raw_rtp_after(&mut self, rollovers: u32, header: &[u8], payload: &[u8]) -> bool {
        let sealed = self.hostile.keys.rtp(header, payload, rollovers);
        self.send_sealed(sealed)
    }

    /// Sends a compound RTCP packet of the caller's making under this peer's keys. `false`: it has sent none of its own
    /// yet.
    pub fn send_raw_rtcp(&mut self, compound: &[u8]) -> bool {
        let sealed = self.hostile.keys.rtcp(compound);
        self.send_sealed(sealed)
    }

    fn send_sealed(&mut self, sealed: Option<Vec<u8>>) -> bool {
        let (Some(contents), Some((destination, source))) = (sealed, self.hostile.route) else {
            return false;
        };
        self.transmits.push_back(Transmit { destination, source, contents });
        true
    }

    /// Counts what is sent of a kind from here on, whatever was sent before. Past 65,535 the rollover counter of SRTP (RFC 3711
    /// §3.3.1) goes with it, as if all that lies between had been sent.
    pub fn skip_to(&mut self, kind: MediaKind, seq: u64) {
        for line in self.lines.iter_mut().filter(|l| l.kind == kind) {
            line.next_seq = seq;
        }
    }

    /// Starts an SCTP association that nobody has negotiated. Errors: the connection broke.
    pub fn start_sctp(&mut self, now: Instant) -> Result<(), PeerError> {
        self.drive(
            |rtc| {
                rtc.direct_api().start_sctp(true);
                Ok(())
            },
            now,
        )
    }
}
