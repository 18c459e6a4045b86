//! What the definitions imply and the paper does not say: one named test for each, as the report states it.

use super::support::{BOTH, band, chords, loud_noise, mean, tokens};
use crate::a4::{N_BANDS, a4};
use crate::a4e::a4e;
use crate::a7::{LOWEST_BIN, a7, largest_bins};
use crate::a8::{a8, chroma_and_flux};
use crate::a9::{a9, active_shares, all_activations};
use crate::d4::d4;
use crate::{Stft, Variant};

/// Four seconds: the chords, softer each time round, and a little noise.
fn four_seconds() -> Vec<f32> {
    let sounds: Vec<Vec<f32>> = [1.0, 0.3, 0.1].map(chords).into();
    let samples = (0..96_000).map(|n| sounds[n / 18_000 % 3][n % 18_000]);
    samples.zip(loud_noise(96_000, 2, 0.002)).map(|(sound, noise)| sound + noise).collect()
}

/// I 1.1: the time mean of A4, which is all that FiLM and the router of MoE see of it, is the same for every segment.
#[test]
fn a4_has_no_time_mean() {
    for (audio, variant) in [four_seconds(), loud_noise(96_000, 5, 0.5)].iter().zip(BOTH) {
        let rows = a4(&mut Stft::new(), audio, variant).unwrap();
        assert_eq!(rows.len(), 188 * N_BANDS);
        for b in 0..N_BANDS {
            assert!(mean(&band(&rows, b)).abs() < 1e-6, "band {b}");
        }
    }
}

/// I 1.5: mean square 187/188, the share of the sample standard deviation; 1 as the paper prints it.
#[test]
fn a4_has_mean_square_187_of_188() {
    // What the paper adds to the deviation, 1e-8 here, takes 2e-6 from the square of a band that hardly moves.
    let oracles = [(Variant::Reference, 187.0 / 188.0, 1e-6), (Variant::Paper, 1.0, 1e-5)];
    for (variant, expected, tolerance) in oracles {
        let rows = a4(&mut Stft::new(), &four_seconds(), variant).unwrap();
        for b in 0..N_BANDS {
            let squares: Vec<f64> = band(&rows, b).iter().map(|value| value * value).collect();
            assert!((mean(&squares) - expected).abs() < tolerance, "band {b}: {}", mean(&squares));
        }
    }
}

/// Spec 2: silence does not move, so it is 0 and not 0/0; and hardly anything is left of what moves by less than 1e-8.
#[test]
fn a4_of_a_silent_band_is_zero() {
    for variant in BOTH {
        assert_eq!(a4(&mut Stft::new(), &vec![0.0; 96_000], variant).unwrap(), [0.0; 188 * N_BANDS]);
        let faint = a4(&mut Stft::new(), &loud_noise(24_000, 1, 1e-12), variant).unwrap();
        assert!(faint.iter().all(|value| value.abs() < 1e-2), "{:?}", faint.iter().fold(0.0f32, |m, v| m.max(v.abs())));
    }
}

/// The extra keeps what A4 loses: its time mean is that of the energies and follows the level.
#[test]
fn a4e_has_a_time_mean() {
    let means = |level: f64| {
        let rows = a4e(&mut Stft::new(), &chords(level), Variant::Reference).unwrap();
        (0..N_BANDS).map(|b| mean(&band(&rows, b))).collect::<Vec<_>>()
    };
    let (loud, soft) = (means(1.0), means(0.1));
    assert!(loud.iter().zip(&soft).all(|(loud, soft)| loud > soft && *soft > 0.0), "{loud:?}, {soft:?}");
    assert!(loud[1] > 1.0, "{loud:?}");
}

/// I 1.3: wherever there is flux, A8 is the chroma of the frame, normalised; the first frame is 0.
#[test]
fn the_gate_of_a8_cancels() {
    for audio in [chords(1.0), four_seconds(), loud_noise(24_000, 7, 0.5)] {
        for variant in BOTH {
            let rows = a8(&mut Stft::new(), &audio, variant).unwrap();
            let (chroma, flux) = chroma_and_flux(&mut Stft::new(), &audio, variant).unwrap();
            assert_eq!(rows[..12], [0.0; 12]);
            assert!(flux[1..].iter().filter(|&&flux| flux > 0.0).count() > flux.len() / 2);
            for ((row, chroma), flux) in rows.chunks_exact(12).zip(&chroma).zip(&flux).skip(1) {
                let sum: f64 = chroma.iter().sum();
                for (&value, class) in row.iter().zip(chroma) {
                    let expected = if *flux > 0.0 { class / sum } else { 0.0 };
                    assert!((f64::from(value) - expected).abs() <= 2f64.powi(-25), "{value} and {expected}");
                }
            }
        }
    }
}

/// I 1.4: features 3 and 4 of D4 are 1 and 2 clamped to ±1, so they repeat them unless a leap exceeds two octaves.
#[test]
fn d4_says_everything_twice_within_two_octaves() {
    let rows = d4(&tokens(&[60, 84, 60, 61, 40, 64, 63]), Variant::Reference);
    assert!(rows.chunks_exact(4).all(|row| row[..2] == row[2..]));
    let rows = d4(&tokens(&[60, 85, 60]), Variant::Paper);
    let expected = |row: &[f32]| [row[0].clamp(-1.0, 1.0), row[1].clamp(-1.0, 1.0)];
    assert!(rows.chunks_exact(4).all(|row| row[2..] == expected(row)));
    assert!(rows.chunks_exact(4).all(|row| row[..2] != row[2..]));
}

/// I 1.7: the eight "peaks" of A7 are bins, so in polyphony each frame compares neighbours that leak from one partial.
#[test]
fn a7_compares_neighbouring_bins() {
    let (mut n_frames, mut pairs) = (0, 0);
    Stft::new()
        .for_each_frame(&chords(1.0), |t, magnitudes| {
            let bins = largest_bins(magnitudes);
            let neighbours = bins.windows(2).filter(|pair| pair[1] == pair[0] + 1 && pair[0] >= LOWEST_BIN).count();
            assert!(neighbours > 0, "frame {t}: {bins:?}");
            n_frames += 1;
            pairs += neighbours;
        })
        .unwrap();
    assert!(pairs > 2 * n_frames, "{pairs} pairs of neighbours in {n_frames} frames");
}

/// I 1.8: 0.05 is in the unit of the magnitudes: played softer, the same music has another df and another A9, while its
/// A7 stays.
#[test]
fn a9_moves_with_the_level() {
    for variant in BOTH {
        let shares = [1.0, 0.1, 0.01].map(|level| {
            active_shares(&all_activations(&mut Stft::new(), &chords(level), variant).unwrap()).iter().sum::<f64>()
                / 12.0
        });
        assert!(shares[0] > shares[1] && shares[1] > shares[2] + 0.1, "{variant:?}: {shares:?}");
        let moved = |descriptor: crate::FromAudio| {
            let [loud, soft] = [1.0, 0.01].map(|level| descriptor(&mut Stft::new(), &chords(level), variant).unwrap());
            loud.iter().zip(&soft).map(|(loud, soft)| (loud - soft).abs()).fold(0.0, f32::max)
        };
        assert!(moved(a9) > 0.1, "{variant:?}: {}", moved(a9));
        assert!(moved(a7) < 1e-3, "{variant:?}: {}", moved(a7));
    }
}
