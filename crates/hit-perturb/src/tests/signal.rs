//! Tokens and samples of one window.

use hit_schema::Token;
use proptest::prelude::*;

use crate::draw::Normal;
use crate::signal::{louder, noisy, sample_sd, shifted, transposed};

fn token(pitch: u8, velocity: u8) -> Token {
    Token { pitch, velocity, duration: 9 }
}

/// What the published runs do: roll, then zero what wrapped.
fn rolled(window: &[f32], shift: i64) -> Vec<f32> {
    let n = window.len() as i64;
    let from = |i: i64| usize::try_from((i - shift).rem_euclid(n)).unwrap();
    let wrapped = |i: i64| i < shift || i >= n + shift;
    (0..n).map(|i| if wrapped(i) { 0.0 } else { window[from(i)] }).collect()
}

#[test]
fn velocities_are_cut_to_whole_numbers() {
    let of = |velocity, factor| louder(token(60, velocity), factor).velocity;
    assert_eq!([of(71, 0.5), of(71, 0.8), of(71, 1.2), of(71, 1.5)], [35, 56, 85, 106]);
    assert_eq!([of(127, 1.2), of(1, 0.5), of(100, 0.0), of(0, 1e300)], [127, 0, 0, 0]);
    // A factor that has no exact binary form gives the whole numbers that it would give on paper.
    assert!((0..=21).all(|n| of(5 * n, 1.2) == 6 * n && of(5 * n, 0.8) == 4 * n));
}

#[test]
fn shifts_by_the_published_amounts() {
    let window: Vec<f32> = (1..=6).map(|i| i as f32).collect();
    let of = |shift| {
        let mut window = window.clone();
        shifted(&mut window, shift);
        window
    };
    assert_eq!(of(2), [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(of(-2), [3.0, 4.0, 5.0, 6.0, 0.0, 0.0]);
    assert_eq!(of(0), window);
    for far in [6, -6, 7, i64::MAX, i64::MIN] {
        assert_eq!(of(far), [0.0; 6], "{far}");
    }
}

#[test]
fn sample_deviation_divides_by_one_less() {
    assert_eq!(sample_sd(&[1.0, 2.0, 3.0, 4.0]), (5.0f64 / 3.0).sqrt());
    assert_eq!([sample_sd(&[]), sample_sd(&[3.0]), sample_sd(&[0.5; 9])], [0.0; 3]);
}

/// The level is relative to the deviation, not to the power: a constant window has none, so it stays as it is.
#[test]
fn what_does_not_move_gets_no_noise() {
    for level in [0.0, 0.25] {
        let mut window = vec![level; 100];
        noisy(&mut window, 10.0, &mut Normal::new(1, "x"));
        assert_eq!(window, vec![level; 100]);
    }
}

proptest! {
    #[test]
    fn there_and_back_is_where_it_was_unless_clamped(pitch in 0u8..=127, by in -127i32..=127) {
        let there = transposed(token(pitch, 64), by);
        let back = transposed(there, -by);
        let inside = (0..=127).contains(&(i32::from(pitch) + by));
        prop_assert_eq!(back == token(pitch, 64), inside);
        prop_assert!(there.pitch <= 127);
        prop_assert_eq!((there.velocity, there.duration), (64, 9));
    }

    #[test]
    fn velocities_rise_with_notes_and_factors(velocity in 0u8..=127, a in 0.0..9.0f64, b in 0.0..9.0f64) {
        let of = |velocity, factor| louder(token(60, velocity), factor);
        prop_assert_eq!(of(velocity, 1.0).velocity, velocity);
        prop_assert!(of(velocity, a.min(b)).velocity <= of(velocity, a.max(b)).velocity);
        prop_assert!(of(velocity, a).velocity <= 127);
        prop_assert_eq!((of(velocity, a).pitch, of(velocity, a).duration), (60, 9));
    }

    #[test]
    fn shifting_is_rolling_with_zeros(window in proptest::collection::vec(-1f32..1.0, 1..40), shift in -60i64..60) {
        let mut ours = window.clone();
        shifted(&mut ours, shift);
        prop_assert_eq!(ours, rolled(&window, shift));
    }

    /// The ratio that comes out is the one asked for, within five standard errors of its estimate.
    #[test]
    fn noise_has_the_level_asked_for(seed: u64, snr_db in -5.0..45.0f64, level in 0.01..0.9f64) {
        let n = 4_000;
        let clean: Vec<f32> = (0..n).map(|i| (level * libm::sin(f64::from(i) * 0.1) + 0.05) as f32).collect();
        let mut window = clean.clone();
        noisy(&mut window, libm::pow(10.0, -snr_db / 20.0), &mut Normal::new(seed, "x"));
        let added = window.iter().zip(&clean).map(|(noisy, clean)| f64::from(*noisy) - f64::from(*clean));
        let squares: f64 = added.map(|noise| noise * noise).sum();
        let measured = sample_sd(&clean) / (squares / f64::from(n)).sqrt();
        let relative = measured / libm::pow(10.0, snr_db / 20.0);
        // Rounding to f32 adds little: at 45 dB and the lowest level the noise is still 40,000 times as large.
        let standard_error = (0.5 / f64::from(n)).sqrt();
        prop_assert!((relative - 1.0).abs() < 5.0 * standard_error, "{}", relative);
    }
}
