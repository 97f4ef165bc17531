//! The wall: only this folder and `peer/` know the WebRTC library (str0m, pinned). Its contract is kept here: one
//! mutation, then `poll_output` until it gives a timeout. A panic inside costs the session that it happened in.
//!
//! | file | subject |
//! |---|---|
//! | `offer`, `line` | what an SDP offer must have before it is worth a session; its media lines |
//! | `config` | how every connection is set up: codecs, header extensions, certificate, cryptography |
//! | `dtls` | handshakes: one configuration for all, and the keys that they export |
//! | `transport` | one session of a browser: ICE-lite and DTLS by the library, RTP by `rtp_session` |
//! | `answer` | what is changed in the library's answer before it is sent |
//! | `rtp_session` | RTP and RTCP of one session, both ways, once there are keys |
//! | `headers` | what DTLS records say before anything is authenticated |
//! | `rtx_budget`, `rtx_ring` | how much is retransmitted; what was sent and may be sent again |
//! | `twcc` | transport-wide numbers: what came and is confirmed, what was sent and is confirmed to us |
//! | `traffic` | what a session sent and received, second by second |
//! | `profile` | which SRTP profile a handshake chose |
//! | `rtcp_interop` | the RTCP that is written here, as the library reads it (tests) |
//! | `srtp` | SRTP and SRTCP of our own, under a handshake's keys |
//! | `one_profile` | a peer that offers one SRTP profile, for tests (feature `hostile`) |
//! | `hostile` | what a hostile peer does, for tests (feature `hostile`) |
//!
//! To read it, begin with `transport`.

mod answer;
mod config;
mod dtls;
mod headers;
#[cfg(feature = "hostile")]
pub(crate) mod hostile;
mod line;
pub(crate) mod offer;
#[cfg(feature = "hostile")]
pub(crate) mod one_profile;
mod profile;
#[cfg(test)]
mod rtcp_interop;
pub(crate) mod rtp_session;
pub(crate) mod rtx_budget;
mod rtx_ring;
pub(crate) mod srtp;
mod traffic;
mod transport;
mod twcc;

pub(crate) use config::codec_of;
pub use config::{Certificate, CertificateError};
#[cfg(feature = "hostile")]
pub(crate) use dtls::of_one_profile;
#[cfg(feature = "measure")]
pub(crate) use dtls::{ExportedKeys, exporting};
pub(crate) use transport::{Broken, Event, Received, Sink, Transport, TransportConfig, Write};

pub use profile::SrtpProfile;
pub(crate) use profile::{provider as overheard_provider, take_chosen as take_chosen_profile};
pub(crate) use shared::*;

/// What `peer/`, the client end of a session, shares with the server's end.
mod shared {
    use super::config::{self, Certificate};
    use crate::ice::ufrag;
    use crate::rtp::codec::Codec;
    use str0m::{IceCreds, RtcConfig};

    pub(crate) fn config(
        certificate: &Certificate,
        creds: IceCreds,
        video: &[Codec],
        red: bool,
    ) -> RtcConfig {
        config::base(certificate, creds, video, (red, true))
    }

    /// ICE credentials with `ufrag` and a password from the system's random source. The library's own are not
    /// cryptographically random.
    pub(crate) fn credentials(ufrag: &str) -> Option<IceCreds> {
        let mut random = [0; 26];
        getrandom::fill(&mut random).ok()?;
        Some(IceCreds { ufrag: ufrag.into(), pass: ufrag::password(random) })
    }
}
