//! Samples in, Opus packets out.

use super::{RATE, SoundError};

/// Bits a second. At 32 k speech that was AAC before loses next to nothing more. Higher: music. Lower: slow downlinks.
const BIT_RATE: i32 = 32_000;

/// Work of the encoder, 0 to 10. Higher: a little better at the same rate. Lower: less of a core; at 5 it is about half of
/// what 10 takes.
const COMPLEXITY: i32 = 5;

/// Loss that the encoder makes ready for, in per cent: from it on what is lost is repeated in the next packet. Higher: more
/// of the rate goes there.
const EXPECTED_LOSS: i32 = 5;

/// Packets a second.
const PACKETS: u32 = 50;

/// Longest packet (RFC 6716 §3.4 allows 1,275 bytes a frame).
const MAX_PACKET: usize = 1_275;

/// The encoder of one stream.
pub(crate) struct OpusOut {
    encoder: opus::Encoder,
    rate: u32,
    waiting: Vec<i16>,
    /// Samples by which what a decoder gives lags behind what was encoded.
    lookahead: u32,
}

impl OpusOut {
    /// `rate`: samples a second, one of those that Opus takes (8, 12, 16, 24 or 48 kHz).
    pub(crate) fn new(rate: u32) -> Result<Self, SoundError> {
        let make = || {
            let mut encoder = opus::Encoder::new(rate, opus::Channels::Mono, opus::Application::Voip)?;
            encoder.set_bitrate(opus::Bitrate::Bits(BIT_RATE))?;
            encoder.set_complexity(COMPLEXITY)?;
            encoder.set_inband_fec(true)?;
            encoder.set_packet_loss_perc(EXPECTED_LOSS)?;
            let lookahead = u32::try_from(encoder.get_lookahead()?).unwrap_or(0);
            Ok(Self { encoder, rate, waiting: Vec::new(), lookahead })
        };
        make().map_err(|e: opus::Error| SoundError::Codec("Opus encoder", e.to_string()))
    }

    /// Samples a second.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// The codec's own delay, in milliseconds.
    pub(crate) fn delay_ms(&self) -> f64 {
        f64::from(self.lookahead) * 1000.0 / f64::from(self.rate)
    }

    /// Samples that fill no packet yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Forgets samples that fill no packet. Gives how many there were.
    pub(crate) fn flush(&mut self) -> usize {
        let count = self.waiting.len();
        self.waiting.clear();
        count
    }

    /// Takes samples; gives each packet, of 20 ms.
    pub(crate) fn push(&mut self, samples: &[i16], mut packet: impl FnMut(&[u8])) -> Result<(), SoundError> {
        self.waiting.extend_from_slice(samples);
        let frame = (self.rate / PACKETS) as usize;
        let mut taken = 0;
        let mut bytes = [0; MAX_PACKET];
        while let Some(input) = self.waiting.get(taken..taken + frame) {
            let made = self.encoder.encode(input, &mut bytes);
            let made = made.map_err(|e| SoundError::Codec("Opus encoder", e.to_string()))?;
            packet(&bytes[..made]);
            taken += frame;
        }
        self.waiting.drain(..taken);
        Ok(())
    }
}

/// RTP time of one packet.
pub(crate) const PACKET_TICKS: u32 = RATE / PACKETS;
