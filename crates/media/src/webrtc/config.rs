//! How every peer connection is set up: codecs, header extensions, certificate, crypto.

use crate::rtp::codec::Codec;
use std::time::Duration;
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::format::Codec as RtcCodec;
use str0m::media::Pt;
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{IceCreds, RtcConfig};

/// Packets kept for retransmission per outgoing video stream, at most [`RTX_CACHE_AGE`] old. Higher: later NACKs are
/// answered. Lower: memory; in the server each costs its payload and 32 bytes, so 600 kbit/s take about 85 kB, and a
/// very fast stream about 370 kB. The client end keeps as many.
pub(crate) const RTX_CACHE_PACKETS: usize = 256;

/// Oldest packet kept for retransmission. A NACK that comes later than this repairs a picture nobody waits for.
pub(crate) const RTX_CACHE_AGE: Duration = Duration::from_millis(1000);

/// How often the client end's loss and round trip are told. Lower: sooner, at more cost.
pub(crate) const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Interval of the client end's sender and receiver reports for audio. The library's 5 s would leave lip-sync unknown for that long.
const AUDIO_REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Constrained baseline, level 3.1 (RFC 6184 §8.1): what every browser and every mini-program phone decodes.
const H264_CONSTRAINED_BASELINE: u32 = 0x0042_e01f;

/// The codec that the library calls so; none for one that is not forwarded.
pub(crate) fn codec_of(codec: RtcCodec) -> Option<Codec> {
    match codec {
        RtcCodec::Opus => Some(Codec::Opus),
        RtcCodec::H264 => Some(Codec::H264),
        RtcCodec::Vp8 => Some(Codec::Vp8),
        _ => None,
    }
}

/// The DTLS certificate of this process, shared by all its sessions: making one costs more than a handshake.
#[derive(Debug, Clone)]
pub struct Certificate(DtlsCert);

/// No certificate could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not make a DTLS certificate")]
pub struct CertificateError;

impl Certificate {
    /// Makes a self-signed certificate. Errors: the cryptographic library failed.
    pub fn generate() -> Result<Self, CertificateError> {
        let cert = provider().dtls_provider.generate_certificate();
        cert.map(Self).ok_or(CertificateError)
    }
}

pub(super) fn provider() -> CryptoProvider {
    str0m::crypto::from_feature_flags()
}

/// The configuration that servers and clients share. `video` lists the video codecs, the preferred one first; `red`: sound
/// may repeat what was sent before (RFC 2198); `numbered`: all packets of the transport have a number.
pub(super) fn base(
    certificate: &Certificate,
    creds: IceCreds,
    video: &[Codec],
    (red, numbered): (bool, bool),
) -> RtcConfig {
    let mut extensions = ExtensionMap::empty();
    extensions.set(1, Extension::AudioLevel);
    if numbered {
        extensions.set(3, Extension::TransportSequenceNumber);
    }
    extensions.set(4, Extension::RtpMid);
    extensions.set(5, Extension::PlayoutDelay);
    let mut config = RtcConfig::new()
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, red)
        .set_extension_map(extensions)
        .set_dtls_cert(certificate.0.clone())
        // Chromium and this library agree on AES-256-GCM with DTLS 1.2 only; 1.3 falls to AES-CM with SHA-1.
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_local_ice_credentials(creds)
        .set_send_buffer_video(RTX_CACHE_PACKETS)
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_rtcp_report_interval_audio(AUDIO_REPORT_INTERVAL);
    for codec in video {
        match codec {
            Codec::H264 => {
                let (pt, rtx) = (Pt::new_with_value(108), Pt::new_with_value(109));
                config.codec_config().add_h264(pt, Some(rtx), true, H264_CONSTRAINED_BASELINE);
            }
            Codec::Vp8 => config = config.enable_vp8(true),
            Codec::Opus => {}
        }
    }
    config
}
