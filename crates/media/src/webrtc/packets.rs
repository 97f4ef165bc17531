//! Packets and header extensions between the library's form and ours.

use crate::rtp::codec::Codec;
use crate::rtp::packet::{HeaderExtensions, Packet, PlayoutDelay};
use str0m::media::MediaTime;
use str0m::rtp::{ExtensionValues, RtpPacket};

/// A packet that the library has decrypted, of the line with this index.
pub(super) fn from_library(line: usize, codec: Codec, p: RtpPacket) -> Packet<'static> {
    let mut packet = Packet::new(codec, *p.seq_no, p.header.timestamp, p.header.marker, p.payload.to_vec());
    packet.line = line;
    packet.extensions.audio_level = p.header.ext_vals.audio_level;
    packet.extensions.voice_activity = p.header.ext_vals.voice_activity;
    #[allow(clippy::cast_possible_truncation)] // RTP timestamps are 32 bits by definition.
    let report = p.last_sender_info.map(|i| (i.ntp_time, i.rtp_time.numer() as u32));
    packet.report = report;
    packet
}

/// Our header extensions in the library's form. It writes those that a receiver has negotiated.
pub(super) fn extension_values(extensions: HeaderExtensions) -> ExtensionValues {
    let HeaderExtensions { audio_level, voice_activity, playout_delay } = extensions;
    let hundredths = |ms: u16| MediaTime::from_hundredths(u64::from(ms / 10));
    ExtensionValues {
        audio_level,
        voice_activity,
        play_delay_min: playout_delay.map(|PlayoutDelay { min_ms, .. }| hundredths(min_ms)),
        play_delay_max: playout_delay.map(|PlayoutDelay { max_ms, .. }| hundredths(max_ms)),
        ..ExtensionValues::default()
    }
}
