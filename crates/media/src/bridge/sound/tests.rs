use super::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tring_testkit::sound::{self, share};

/// A click in silence every 100 ms would survive no codec; a tone that begins does.
fn tone(hz: f64, rate: u32, count: usize) -> Vec<i16> {
    sound::tone(hz, rate, 0, count)
}

/// Where a sound begins.
fn begins(samples: &[i16]) -> i64 {
    samples.iter().position(|s| s.unsigned_abs() > 3_000).expect("a sound") as i64
}

#[test]
fn opus_becomes_aac_and_what_it_is_heard_at_is_told_right() {
    let (mut out, mut decoder) = (AacOut::new().unwrap(), None);
    let mut heard = Vec::new();
    let mut first = None;
    // Silence, then a tone from sample 48,000 on.
    let sound = [vec![0; 48_000], tone(440.0, RATE, 48_000)].concat();
    for part in sound.chunks(960) {
        let config = out.config().to_vec();
        out.push(part, |position, frame| {
            first.get_or_insert(position);
            decoder.get_or_insert_with(|| AacIn::new(&config).unwrap()).decode(frame, &mut heard);
        })
        .unwrap();
    }
    let at = begins(&heard) + first.unwrap();
    assert!((at - 48_000).abs() < 100, "heard at {at}, {} samples off", at - 48_000);
    assert!(share(&heard[60_000..84_000], 440.0, RATE) > 0.95);
}

fn packets(samples: &[i16], rate: u32) -> Vec<Arc<[u8]>> {
    let (mut out, mut packets) = (OpusOut::new(rate).unwrap(), Vec::new());
    out.push(samples, |p| packets.push(p.into())).unwrap();
    packets
}

struct Listener {
    opus: OpusIn,
    now: Instant,
    line: Vec<i16>,
}

impl Listener {
    fn new() -> Self {
        Self { opus: OpusIn::new().unwrap(), now: Instant::now(), line: Vec::new() }
    }

    fn take(&mut self, n: u32, payload: &Arc<[u8]>) {
        let Self { opus, now, line } = self;
        opus.take(u64::from(n), n.wrapping_mul(960).wrapping_sub(4_800), payload, *now, &mut |b: Block<
            '_,
        >| {
            assert_eq!(b.position, line.len() as i64, "no gap and no overlap");
            line.extend_from_slice(b.samples);
        });
    }
}

#[test]
fn lost_packets_are_concealed_and_late_ones_are_put_in_order() {
    let sent = packets(&tone(440.0, RATE, 96_000), RATE);
    let mut all = Listener::new();
    (0..100).for_each(|n| all.take(n, &sent[n as usize]));
    assert_eq!(all.line.len(), 96_000);
    assert!(share(&all.line[9_600..], 440.0, RATE) > 0.98);

    let mut some = Listener::new();
    for n in (0..100u32).filter(|n| n % 10 != 5) {
        // Every tenth is lost, and the one after comes behind the next.
        let n = match n % 10 {
            6 => n + 1,
            7 => n - 1,
            _ => n,
        };
        some.now += Duration::from_millis(20);
        some.take(n, &sent[n as usize]);
    }
    assert_eq!(some.line.len(), 96_000);
    // Concealment may shift the phase, so each 20 ms is judged alone.
    let parts: Vec<f64> = some.line[9_600..].chunks(960).map(|part| share(part, 440.0, RATE)).collect();
    assert!(parts.iter().all(|&share| share > 0.5), "concealed, not stuttered: {parts:.2?}");
}

#[test]
fn a_long_hole_is_left_and_a_clock_that_was_reset_is_followed() {
    let sent = packets(&tone(440.0, RATE, 9_600), RATE);
    let (mut opus, now) = (OpusIn::new().unwrap(), Instant::now());
    let mut starts = Vec::new();
    for (seq, timestamp) in [(1, 0), (2, 960), (3, 480_000), (4, 480_960), (5, 77), (6, 1_037)] {
        opus.take(seq, timestamp, &sent[seq as usize], now, &mut |b: Block<'_>| starts.push(b.position));
    }
    assert_eq!(starts, [0, 960, 480_000, 480_960, 481_920, 482_880]);
}

#[test]
fn long_packets_stereo_and_garbage_are_taken() {
    let (mut opus, now) = (OpusIn::new().unwrap(), Instant::now());
    let mut encoder = opus::Encoder::new(RATE, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    let stereo: Vec<i16> = tone(440.0, RATE, 5_760).into_iter().flat_map(|s| [s, s]).collect();
    let mut line = 0;
    for n in 0..5u32 {
        let long: Arc<[u8]> = if n == 3 {
            [0xff; 9].as_slice().into()
        } else {
            encoder.encode_vec(&stereo, 4_000).unwrap().into()
        };
        opus.take(n.into(), n * 5_760, &long, now, &mut |b: Block<'_>| {
            line = b.position + b.samples.len() as i64
        });
    }
    assert_eq!(line, 5 * 5_760);
}

#[test]
fn aac_of_many_kinds_becomes_a_rate_that_opus_takes() {
    for (rate, index) in [(48_000u32, 3u8), (44_100, 4), (32_000, 5), (16_000, 8), (11_025, 10)] {
        for channels in [1, 2u8] {
            let mode = if channels == 1 {
                fdk_aac::enc::ChannelMode::Mono
            } else {
                fdk_aac::enc::ChannelMode::Stereo
            };
            let encoder = fdk_aac::enc::Encoder::new(fdk_aac::enc::EncoderParams {
                bit_rate: fdk_aac::enc::BitRate::Cbr(48_000),
                sample_rate: rate,
                transport: fdk_aac::enc::Transport::Raw,
                channels: mode,
                audio_object_type: fdk_aac::enc::AudioObjectType::Mpeg4LowComplexity,
            })
            .unwrap();
            let config = [2 << 3 | index >> 1, index << 7 | channels << 3];
            assert_eq!(encoder.info().unwrap().confBuf[..2], config);
            let mut decoder = AacIn::new(&config).unwrap();
            assert!([8_000, 12_000, 16_000, 24_000, 48_000].contains(&decoder.rate()));
            let sound: Vec<i16> =
                tone(440.0, rate, 1024 * 40).into_iter().flat_map(|s| vec![s; channels.into()]).collect();
            let (mut heard, mut bytes) = (Vec::new(), [0; 2048]);
            for part in sound.chunks_exact(1024 * usize::from(channels)) {
                let made = encoder.encode(part, &mut bytes).unwrap();
                if made.output_size > 0 {
                    decoder.decode(&bytes[..made.output_size], &mut heard);
                }
            }
            let half = heard.len() / 2;
            let found = share(&heard[half..], 440.0, decoder.rate());
            assert!(found > 0.95, "{rate} Hz, {channels} channels: {found}");
        }
    }
}

#[test]
fn a_header_that_is_not_carried_is_named_and_a_broken_frame_is_silence() {
    for (config, what) in [
        (&[][..], "cut short"),
        (&[0x0a, 0x10], "another kind"),
        (&[0x17, 0x88], "rate of its own"),
        (&[0x11, 0xb0], "more than two"),
    ] {
        let error = AacIn::new(config).err().expect("refused").to_string();
        assert!(error.contains(what), "{error}");
    }
    let mut decoder = AacIn::new(&[0x11, 0x88]).unwrap();
    let mut out = Vec::new();
    for frame in [&[][..], &[0xff; 40], &[0x01, 0x18, 0x20, 0x07], &[0x21, 0x10, 0x04]] {
        let before = out.len();
        decoder.decode(frame, &mut out);
        assert_eq!(out.len() - before, 1024);
    }
}
