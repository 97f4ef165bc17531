//! Frames of AAC in, samples of one channel out, at a rate that Opus takes.

use super::{RATE, SoundError};
use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};
use symphonia_codec_aac::AacDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

/// Samples of a frame of each channel.
const FRAME: usize = 1024;

/// Audio object types (ISO/IEC 14496-3 table 1.17).
const LC: u8 = 2;
const SBR: u8 = 5;
const PS: u8 = 29;

/// Samples a second by index (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// The decoder of one stream.
pub(crate) struct AacIn {
    decoder: AacDecoder,
    channels: usize,
    resampler: Option<Resample>,
    /// Samples a second that come out.
    rate: u32,
    mixed: Vec<f32>,
}

struct Resample {
    filter: Async<f32>,
    out: Vec<f32>,
}

impl AacIn {
    /// Reads the stream's header (AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1). Of HE-AAC only the core is decoded: half
    /// the band, which is more than a telephone's.
    pub(crate) fn new(config: &[u8]) -> Result<Self, SoundError> {
        let unsupported = |what: &str| SoundError::Unsupported(what.to_owned());
        let &[high, low, ..] = config else { return Err(unsupported("the AAC header is cut short")) };
        let (kind, index, channels) = (high >> 3, (high & 7) << 1 | low >> 7, low >> 3 & 0x0f);
        match kind {
            LC | SBR | PS => {}
            _ => return Err(unsupported("AAC of another kind than LC")),
        }
        let source = *RATES.get(usize::from(index)).ok_or_else(|| unsupported("AAC at a rate of its own"))?;
        if !(1..=2).contains(&channels) {
            return Err(unsupported("AAC with more than two channels"));
        }
        let channels = usize::from(channels);
        // LC with the core's rate and channels: what the decoder takes, whatever extension the header announces.
        let core = [LC << 3 | index >> 1, index << 7 | u8::try_from(channels).unwrap_or(1) << 3];
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_AAC).with_extra_data(core.into());
        let decoder = AacDecoder::try_new(&parameters, &AudioDecoderOptions::default())
            .map_err(|e| SoundError::Codec("AAC decoder", e.to_string()))?;
        let native = matches!(source, 8_000 | 12_000 | 16_000 | 24_000 | 48_000);
        let resampler = if native { None } else { Some(Resample::new(source)?) };
        let rate = if native { source } else { RATE };
        Ok(Self { decoder, channels, resampler, rate, mixed: Vec::new() })
    }

    /// Samples a second that come out.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Decodes a frame. One that cannot be decoded is silence.
    pub(crate) fn decode(&mut self, frame: &[u8], out: &mut Vec<i16>) {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, frame);
        self.mixed.clear();
        let mut interleaved: Vec<f32> = Vec::new();
        match self.decoder.decode_ref(&packet) {
            Ok(buffer) => buffer.copy_to_vec_interleaved(&mut interleaved),
            Err(_) => self.decoder.reset(),
        }
        interleaved.resize(FRAME * self.channels, 0.0);
        #[allow(clippy::cast_precision_loss)] // one or two
        let share = 1.0 / self.channels as f32;
        self.mixed.extend(interleaved.chunks_exact(self.channels).map(|c| c.iter().sum::<f32>() * share));
        let samples = match &mut self.resampler {
            Some(resample) => resample.run(&self.mixed),
            None => &self.mixed,
        };
        #[allow(clippy::cast_possible_truncation)] // clamped to 16 bits
        out.extend(samples.iter().map(|s| (s.clamp(-1.0, 1.0) * 32_767.0) as i16));
    }
}

impl Resample {
    fn new(from: u32) -> Result<Self, SoundError> {
        // A short filter: speech, and 64 samples are 1.5 ms.
        let parameters = SincInterpolationParameters {
            sinc_len: 64,
            oversampling_factor: 128,
            interpolation: SincInterpolationType::Linear,
            window: WindowFunction::Blackman2,
            ..SincInterpolationParameters::default()
        };
        let ratio = f64::from(RATE) / f64::from(from);
        let filter = Async::new_sinc(ratio, 1.0, &parameters, FRAME, 1, FixedAsync::Input)
            .map_err(|e| SoundError::Codec("resampler", e.to_string()))?;
        let out = vec![0.0; filter.output_frames_max()];
        Ok(Self { filter, out })
    }

    fn run(&mut self, samples: &[f32]) -> &[f32] {
        let most = self.out.len();
        let made = InterleavedSlice::new(samples, 1, samples.len()).ok().and_then(|input| {
            let mut output = InterleavedSlice::new_mut(&mut self.out, 1, most).ok()?;
            Some(self.filter.process_into_buffer(&input, &mut output, None).ok()?.1)
        });
        &self.out[..made.unwrap_or(0)]
    }
}
