//! Tones, and how much of a tone is in what was heard.

use std::f64::consts::TAU;

/// Samples of a tone of `hz` at `rate` samples a second: `count` of them, beginning with the sample numbered `from`.
pub fn tone(hz: f64, rate: u32, from: usize, count: usize) -> Vec<i16> {
    let sample = |n: usize| ((n as f64 * hz / f64::from(rate) * TAU).sin() * 12_000.0) as i16;
    (from..from + count).map(sample).collect()
}

/// How much of the power of samples is a tone of `hz`, 0 to 1: one bin of a Fourier transform.
pub fn share(samples: &[i16], hz: f64, rate: u32) -> f64 {
    let (mut re, mut im, mut all) = (0.0, 0.0, 0.0);
    for (n, &s) in samples.iter().enumerate() {
        let (angle, s) = (n as f64 * hz / f64::from(rate) * TAU, f64::from(s));
        re += s * angle.cos();
        im += s * angle.sin();
        all += s * s;
    }
    2.0 * (re * re + im * im) / samples.len() as f64 / f64::max(all, 1.0)
}
