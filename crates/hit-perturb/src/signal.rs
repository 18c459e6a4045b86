//! What is done to one token, or to the samples of one window.

use hit_schema::Token;

use crate::draw::Normal;

/// Highest pitch and velocity of MIDI.
const MIDI_MAX: u8 = 127;

/// The token that many semitones higher, the pitch clamped to 0..127.
pub(crate) fn transposed(token: Token, semitones: i32) -> Token {
    let pitch = i32::from(token.pitch).saturating_add(semitones).clamp(0, i32::from(MIDI_MAX));
    Token { pitch: pitch as u8, ..token }
}

/// The token with its velocity times `factor`, cut to a whole number and clamped to 0..127.
pub(crate) fn louder(token: Token, factor: f64) -> Token {
    let velocity = (f64::from(token.velocity) * factor).clamp(0.0, f64::from(MIDI_MAX));
    Token { velocity: velocity as u8, ..token }
}

/// Moves a window `shift` samples later (earlier if negative); zeros come in where it left.
pub(crate) fn shifted(window: &mut [f32], shift: i64) {
    let n = window.len();
    let distance = usize::try_from(shift.unsigned_abs()).map_or(n, |distance| distance.min(n));
    if shift >= 0 {
        window.copy_within(..n - distance, distance);
        window[..distance].fill(0.0);
    } else {
        window.copy_within(distance.., 0);
        window[n - distance..].fill(0.0);
    }
}

/// Adds white Gaussian noise of standard deviation `ratio` times the window's own (n − 1).
pub(crate) fn noisy(window: &mut [f32], ratio: f64, noise: &mut Normal) {
    let level = sample_sd(window) * ratio;
    for sample in window {
        *sample = (f64::from(*sample) + level * noise.next()) as f32;
    }
}

/// Sample standard deviation; 0 for less than two samples.
pub(crate) fn sample_sd(window: &[f32]) -> f64 {
    if window.len() < 2 {
        return 0.0;
    }
    let samples = || window.iter().map(|&sample| f64::from(sample));
    let mean = samples().sum::<f64>() / window.len() as f64;
    let squares: f64 = samples().map(|sample| (sample - mean) * (sample - mean)).sum();
    (squares / (window.len() - 1) as f64).sqrt()
}
