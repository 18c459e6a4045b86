//! Signals, notes, and what is read from the reference vectors.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use hit_schema::Token;
use serde::Deserialize;

use crate::a4::N_BANDS;
use crate::{Stft, Variant};

pub const BOTH: [Variant; 2] = [Variant::Reference, Variant::Paper];

/// `tests/golden/descriptors.py` writes it.
#[derive(Deserialize)]
pub struct Golden {
    pub n_frames: usize,
    pub bins: Vec<usize>,
    pub frames: Vec<usize>,
    pub stft: Vec<Vec<f64>>,
    pub a4_reference: Vec<f64>,
    pub a4_paper: Vec<f64>,
    pub pitches: Vec<u8>,
    pub d4: Vec<f64>,
    /// By `signal/descriptor/variant`.
    pub excerpts: BTreeMap<String, Vec<f64>>,
}

pub fn golden() -> Golden {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/descriptors.json")))
        .unwrap()
}

/// White noise in −0.5..0.5 from a linear congruential generator.
pub fn noise(n: usize, seed: u32) -> Vec<f64> {
    let step = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(f64::from(*state) / 4_294_967_296.0 - 0.5)
    };
    std::iter::repeat_n((), n).scan(seed, |state, ()| step(state)).collect()
}

/// The signal of `tests/golden/descriptors.py`.
pub fn signal() -> Vec<f32> {
    let sample = |(n, noise): (usize, f64)| {
        let t = n as f64 / 24_000.0;
        let level = 0.2 + 0.1 * ((n / 700) % 3) as f64;
        let partials = level * libm::sin(2.0 * PI * 220.0 * t) + 0.1 * libm::sin(2.0 * PI * 660.0 * t);
        (partials + 0.2 * libm::sin(2.0 * PI * (300.0 + 12_000.0 * t) * t) + 0.02 * noise) as f32
    };
    noise(6_000, 1).into_iter().enumerate().map(sample).collect()
}

/// Three chords on struck strings, as in `tests/golden/descriptors.py`, times `level`.
pub fn chords(level: f64) -> Vec<f32> {
    const CHORDS_HZ: [[f64; 4]; 3] =
        [[65.41, 196.0, 261.63, 329.63], [55.0, 220.0, 261.63, 329.63], [87.31, 174.61, 220.0, 349.23]];
    let string = |t: f64, frequency_hz: f64| -> f64 {
        let partial = |h: f64| {
            let partial_hz = h * frequency_hz * (1.0 + 0.0004 * h * h).sqrt();
            0.1 / h / (1.0 + 4.0 * h * t) * libm::sin(2.0 * PI * partial_hz * t)
        };
        (1..=6).map(|h| partial(f64::from(h))).sum()
    };
    let sample = |n: usize| {
        let t = (n % 6_000) as f64 / 24_000.0;
        CHORDS_HZ[n / 6_000].iter().map(|&frequency_hz| string(t, frequency_hz)).sum::<f64>()
    };
    (0..18_000).map(|n| (level * sample(n)) as f32).collect()
}

pub fn loud_noise(n: usize, seed: u32, level: f64) -> Vec<f32> {
    noise(n, seed).into_iter().map(|x| (level * x) as f32).collect()
}

pub fn tokens(pitches: &[u8]) -> Vec<Token> {
    pitches.iter().map(|&pitch| Token { pitch, velocity: 64, duration: 3 }).collect()
}

pub fn frames(audio: &[f32]) -> Vec<Vec<f64>> {
    let mut frames = Vec::new();
    Stft::new().for_each_frame(audio, |_, magnitudes| frames.push(magnitudes.to_vec())).unwrap();
    frames
}

pub fn band(rows: &[f32], band: usize) -> Vec<f64> {
    rows.iter().skip(band).step_by(N_BANDS).map(|&v| f64::from(v)).collect()
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn assert_close(ours: impl IntoIterator<Item = f64>, theirs: &[f64], tolerance: f64) {
    let ours: Vec<_> = ours.into_iter().collect();
    assert_eq!(ours.len(), theirs.len());
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "value {i}: {a}, expected {b}");
    }
}
