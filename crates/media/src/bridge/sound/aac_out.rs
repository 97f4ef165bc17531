//! Samples in, frames of AAC-LC out.

use super::{RATE, SoundError};
use fdk_aac::enc::{AudioObjectType, BitRate, ChannelMode, Encoder, EncoderParams, Transport};

/// About 50 kbit/s of speech, next to nothing of silence. Higher: music. Lower: a phone's downlink has more for the
/// picture.
const BIT_RATE: BitRate = BitRate::VbrMedium;

/// Samples of a frame (ISO/IEC 14496-3 §4.5.1.1).
pub(crate) const FRAME: usize = 1024;

/// Longest frame: 6,144 bits for each channel (ISO/IEC 14496-3 §4.5.3.1).
const MAX_FRAME_BYTES: usize = 768;

/// The encoder of one stream.
pub(crate) struct AacOut {
    encoder: Encoder,
    /// Samples that do not fill a frame yet.
    waiting: Vec<i16>,
    /// Where on the line of samples the first of them is.
    position: i64,
    /// Samples by which what a decoder gives lags behind what was encoded.
    delay: i64,
    /// What a decoder must know first (AudioSpecificConfig).
    config: Vec<u8>,
}

impl AacOut {
    pub(crate) fn new() -> Result<Self, SoundError> {
        let failed = |e: fdk_aac::enc::EncoderError| SoundError::Codec("AAC encoder", e.to_string());
        let encoder = Encoder::new(EncoderParams {
            bit_rate: BIT_RATE,
            sample_rate: RATE,
            transport: Transport::Raw,
            channels: ChannelMode::Mono,
            audio_object_type: AudioObjectType::Mpeg4LowComplexity,
        })
        .map_err(failed)?;
        let info = encoder.info().map_err(failed)?;
        let config = info.confBuf.get(..info.confSize as usize).unwrap_or_default().to_vec();
        Ok(Self { encoder, waiting: Vec::new(), position: 0, delay: i64::from(info.nDelay), config })
    }

    pub(crate) fn config(&self) -> &[u8] {
        &self.config
    }

    /// Where the next sample goes.
    pub(crate) fn end(&self) -> i64 {
        self.position + i64::try_from(self.waiting.len()).unwrap_or(0)
    }

    /// The line goes on elsewhere: samples that fill no frame are dropped.
    pub(crate) fn jump(&mut self, position: i64) {
        self.waiting.clear();
        self.position = position;
    }

    /// Takes samples; gives each frame with the position of the first sample that a decoder makes of it.
    pub(crate) fn push(
        &mut self,
        samples: &[i16],
        mut frame: impl FnMut(i64, &[u8]),
    ) -> Result<(), SoundError> {
        self.waiting.extend_from_slice(samples);
        let mut taken = 0;
        let mut bytes = [0; MAX_FRAME_BYTES];
        while let Some(input) = self.waiting.get(taken..taken + FRAME) {
            let made = self.encoder.encode(input, &mut bytes);
            let made = made.map_err(|e| SoundError::Codec("AAC encoder", e.to_string()))?;
            if made.output_size > 0 {
                frame(self.position - self.delay, &bytes[..made.output_size]);
            }
            taken += FRAME;
            self.position += FRAME as i64;
        }
        self.waiting.drain(..taken);
        Ok(())
    }
}
