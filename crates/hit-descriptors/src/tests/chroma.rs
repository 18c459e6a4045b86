//! Descriptor A8: classes of bins, chroma, flux.

use std::f64::consts::PI;

use proptest::prelude::*;

use super::support::{BOTH, chords, frames, loud_noise, noise, signal};
use crate::a8::{a8, chroma, chroma_and_flux, class};
use crate::{N_BINS, SPACING_HZ, Stft, Variant};

fn pitch_hz(pitch: f64) -> f64 {
    440.0 * libm::exp2((pitch - 69.0) / 12.0)
}

/// A sine that comes in after 2,000 samples, 20,000 in all.
fn tone(hz: f64) -> Vec<f32> {
    let sample = |n: u32| if n < 2_000 { 0.0 } else { libm::sin(2.0 * PI * hz * f64::from(n) / 24_000.0) as f32 };
    (0..20_000).map(sample).collect()
}

fn largest(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap()
}

/// By hand: 35.16 Hz is 1.25 semitones above 32.7 Hz, 23.44 Hz 5.77 below it.
#[test]
fn the_lowest_bins_have_the_classes_of_the_definition() {
    let classes = |variant: Variant| (0..7).map(|k| class(k, variant)).collect::<Vec<_>>();
    // 0, 11.7, 23.4, 35.2, 46.9, 58.6, 70.3 Hz: −∞, −17.77, −5.77, 1.25, 6.23, 10.10, 13.25 semitones.
    let (sharp, f_sharp, a_sharp) = (Some(1), Some(6), Some(10));
    assert_eq!(classes(Variant::Reference), [None, None, None, sharp, f_sharp, a_sharp, sharp]);
    assert_eq!(classes(Variant::Paper), [None, Some(6), Some(6), sharp, f_sharp, a_sharp, sharp]);
    const { assert!(2.0 * SPACING_HZ < 30.0 && 3.0 * SPACING_HZ > 30.0) };
}

#[test]
fn bins_an_octave_apart_share_their_class() {
    for variant in BOTH {
        for k in 3..=512 {
            assert_eq!(class(k, variant), class(2 * k, variant), "bin {k}, {variant:?}");
        }
    }
}

/// A tone at a pitch sounds in its class in the reference; half a semitone above it, in the paper's (spec 2).
#[test]
fn tones_sound_in_their_class() {
    for pitch in 72..100 {
        for (variant, offset) in [(Variant::Reference, 0.0), (Variant::Paper, 0.5)] {
            let audio = tone(pitch_hz(f64::from(pitch) + offset));
            let chroma = chroma(&frames(&audio)[20], variant);
            assert_eq!(largest(&chroma), pitch as usize % 12, "pitch {pitch}, {variant:?}: {chroma:?}");
        }
    }
}

/// A flat C is a C where classes are rounded and a B where the whole number below is taken.
#[test]
fn a_flat_c_is_a_b_in_the_paper() {
    let frame = &frames(&tone(pitch_hz(95.7)))[20];
    assert_eq!(largest(&chroma(frame, Variant::Reference)), 0);
    assert_eq!(largest(&chroma(frame, Variant::Paper)), 11);
}

/// Silence has no flux; a sound that repeats from frame to frame, sample by sample, has none either and gets no row.
#[test]
fn without_flux_there_is_nothing() {
    let steady: Vec<f32> = (0..12_000).map(|n| libm::sinf((n % 64) as f32 * 0.098_174_77)).collect();
    for variant in BOTH {
        assert!(a8(&mut Stft::new(), &vec![0.0; 6_000], variant).unwrap().iter().all(|&value| value == 0.0));
        let rows = a8(&mut Stft::new(), &steady, variant).unwrap();
        let inside = &rows[12 * 3..12 * (Stft::n_frames(12_000) - 3)];
        assert!(inside.iter().all(|&value| value == 0.0));
        assert!(chroma(&frames(&steady)[5], variant).iter().sum::<f64>() > 100.0);
    }
}

/// Where C·F/max F sums to less than 1e-8 it is divided by 1e-8: only there does the flux show.
#[test]
fn below_the_floor_the_gate_is_heard() {
    for (variant, level) in [(Variant::Reference, 1e-10), (Variant::Reference, 1e-12), (Variant::Paper, 1e-6)] {
        let audio = chords(level);
        let (chromas, fluxes) = chroma_and_flux(&mut Stft::new(), &audio, variant).unwrap();
        let largest = fluxes.iter().copied().fold(1e-8, f64::max);
        let rows = a8(&mut Stft::new(), &audio, variant).unwrap();
        let mut heard = 0;
        for ((row, chroma), flux) in rows.chunks_exact(12).zip(&chromas).zip(&fluxes) {
            let gate = flux / largest;
            let sum = chroma.iter().sum::<f64>() * gate;
            heard += usize::from(sum > 1e-14 && sum < 0.9e-8);
            for (&value, class) in row.iter().zip(chroma) {
                let expected = class * gate / sum.max(1e-8);
                assert!((f64::from(value) - expected).abs() <= 1e-6 * expected, "{value} and {expected}");
            }
        }
        assert!(heard > 3, "{heard} frames at level {level}, {variant:?}");
    }
}

#[test]
fn flux_is_the_rise_of_magnitudes() {
    let frames = frames(&signal());
    for variant in BOTH {
        let (chromas, fluxes) = chroma_and_flux(&mut Stft::new(), &signal(), variant).unwrap();
        assert_eq!((chromas.len(), fluxes.len(), fluxes[0]), (frames.len(), frames.len(), 0.0));
        for (pair, flux) in frames.windows(2).zip(&fluxes[1..]) {
            let rises = pair[1].iter().zip(&pair[0]).map(|(now, last)| (now - last).max(0.0));
            assert!((rises.sum::<f64>() - flux).abs() < 1e-10 * flux);
        }
        for (frame, ours) in frames.iter().zip(&chromas) {
            assert_eq!(chroma(frame, variant), *ours);
        }
    }
}

proptest! {
    /// Every bin but the excluded ones is in one class: nothing is lost, and the order within a class does not matter.
    #[test]
    fn chroma_shares_out_the_bins(seed: u32, turn in 1usize..40) {
        let magnitudes: Vec<f64> = noise(N_BINS, seed).into_iter().map(|x| libm::exp(10.0 * x)).collect();
        for (variant, first) in [(Variant::Reference, 3), (Variant::Paper, 1)] {
            let content = |m: f64| if variant == Variant::Reference { m } else { m * m };
            let ours = chroma(&magnitudes, variant);
            let whole: f64 = magnitudes[first..].iter().map(|&m| content(m)).sum();
            prop_assert!((ours.iter().sum::<f64>() - whole).abs() < 1e-9 * whole);

            let mut turned = magnitudes.clone();
            for c in 0..12 {
                let bins: Vec<usize> = (0..N_BINS).filter(|&k| class(k, variant) == Some(c)).collect();
                let by = turn % bins.len();
                bins.iter().zip(bins.iter().cycle().skip(by)).for_each(|(&to, &from)| turned[to] = magnitudes[from]);
            }
            for (a, b) in ours.into_iter().zip(chroma(&turned, variant)) {
                prop_assert!((a - b).abs() < 1e-9 * a);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Not a bit of A8 depends on the sign, on a gain of a power of two, or on what the buffers held.
    #[test]
    fn a8_ignores_sign_doubling_and_history(seed: u32, n in 2_000usize..8_000, doublings in -6i32..20) {
        let audio = loud_noise(n, seed, 0.7);
        let turned: Vec<f32> = audio.iter().map(|x| -x * libm::exp2f(doublings as f32)).collect();
        let mut stft = Stft::new();
        for variant in BOTH {
            let rows = a8(&mut Stft::new(), &audio, variant).unwrap();
            prop_assert_eq!(rows, a8(&mut stft, &turned, variant).unwrap());
        }
    }

    /// Since the gate cancels, audio moved by whole hops moves the rows, but for those that see an end.
    #[test]
    fn a8_moves_with_the_audio(seed: u32, hops in 1usize..6) {
        let audio = loud_noise(9_000, seed, 0.5);
        let (first, last) = (&audio[..6_000], &audio[512 * hops..512 * hops + 6_000]);
        for variant in BOTH {
            let first = a8(&mut Stft::new(), first, variant).unwrap();
            let last = a8(&mut Stft::new(), last, variant).unwrap();
            for i in 12 * 3..12 * (Stft::n_frames(6_000) - 3 - hops) {
                prop_assert!((first[i + 12 * hops] - last[i]).abs() < 1e-6);
            }
        }
    }
}
