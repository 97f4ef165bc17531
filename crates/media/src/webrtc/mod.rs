//! The wall: only this folder and `peer/` know the WebRTC library (str0m, pinned). Its contract is kept here: one
//! mutation, then `poll_output` until it gives a timeout. A panic inside costs the session that it happened in.

mod answer;
mod config;
pub(crate) mod egress;
mod headers;
#[cfg(feature = "hostile")]
pub(crate) mod hostile;
mod line;
pub(crate) mod offer;
mod packets;
mod profile;
pub(crate) mod rtx_budget;
mod traffic;
mod transport;
mod twcc_bounds;

pub(crate) use config::codec_of;
pub use config::{Certificate, CertificateError};
pub(crate) use transport::{Broken, Event, Sink, Transport, TransportConfig, Write};

pub use profile::SrtpProfile;
pub(crate) use profile::{provider as overheard_provider, take_chosen as take_chosen_profile};
pub(crate) use shared::*;

/// What `peer.rs`, the other end, shares with the server's.
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
