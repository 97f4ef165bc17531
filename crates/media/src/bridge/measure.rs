//! What the codecs of the bridge cost, without rooms, sockets and cryptography. For the bench.

use super::sound::{AacIn, AacOut, Block, OpusIn, OpusOut, RATE, SoundError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Samples of a packet of Opus.
const PACKET: usize = 960;

/// Something like speech: a buzz whose pitch and loudness wander, and noise.
pub fn speech(seconds: u32) -> Vec<i16> {
    let (mut phase, mut seed) = (0.0f64, 1u32);
    let sample = |n: u32| {
        let t = f64::from(n) / f64::from(RATE);
        phase += (120.0 + 30.0 * (t * 3.1).sin()) / f64::from(RATE);
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(seed >> 16) / 65_536.0 - 0.5;
        let loudness = 6_000.0 * (0.6 + 0.4 * (t * 9.0).sin()) * f64::from(u8::from((t * 1.3).fract() < 0.8));
        #[allow(clippy::cast_possible_truncation)] // within 16 bits
        let sample = (loudness * ((phase.fract() - 0.5) + 0.2 * noise)) as i16;
        sample
    };
    (0..seconds * RATE).map(sample).collect()
}

/// Packets of Opus, 20 ms each.
pub fn opus_packets(samples: &[i16]) -> Result<Vec<Arc<[u8]>>, String> {
    let make = || {
        let (mut opus, mut packets) = (OpusOut::new(RATE)?, Vec::new());
        opus.push(samples, |packet| packets.push(packet.into()))?;
        Ok(packets)
    };
    make().map_err(|e: SoundError| e.to_string())
}

/// Frames of AAC, and their header.
pub fn aac_frames(samples: &[i16]) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
    let make = || {
        let (mut aac, mut frames) = (AacOut::new()?, Vec::new());
        aac.push(samples, |_, frame| frames.push(frame.to_vec()))?;
        Ok((aac.config().to_vec(), frames))
    };
    make().map_err(|e: SoundError| e.to_string())
}

/// How long it takes to turn sound of one codec into the other, for each direction: Opus to AAC, AAC to Opus.
pub fn both_ways(seconds: u32) -> Result<[Duration; 2], String> {
    let samples = speech(seconds);
    let packets = opus_packets(&samples)?;
    let (config, frames) = aac_frames(&samples)?;
    let failed = |e: SoundError| e.to_string();
    Ok([to_aac(&packets).map_err(failed)?, to_opus(&config, &frames).map_err(failed)?])
}

fn to_aac(packets: &[Arc<[u8]>]) -> Result<Duration, SoundError> {
    let start = Instant::now();
    let (mut opus, mut aac, mut failed) = (OpusIn::new()?, AacOut::new()?, Ok(()));
    for (n, packet) in (0u32..).zip(packets) {
        let timestamp = n.wrapping_mul(u32::try_from(PACKET).unwrap_or_default());
        opus.take(n.into(), timestamp, packet, start, &mut |block: Block<'_>| {
            if let Err(error) = aac.push(block.samples, |_, _| ()) {
                failed = Err(error);
            }
        });
    }
    failed?;
    Ok(start.elapsed())
}

fn to_opus(config: &[u8], frames: &[Vec<u8>]) -> Result<Duration, SoundError> {
    let start = Instant::now();
    let mut aac = AacIn::new(config)?;
    let (mut opus, mut samples) = (OpusOut::new(aac.rate())?, Vec::new());
    for frame in frames {
        samples.clear();
        aac.decode(frame, &mut samples);
        opus.push(&samples, |_| ())?;
    }
    Ok(start.elapsed())
}
