//! The definitions written out, one frame and one number at a time, by rustfft's scalar planner and libm. What is
//! computed in vectors has their bits, whatever the vectors.

use std::f64::consts::PI;

use proptest::prelude::*;
use pulp::Arch;
use rustfft::FftPlannerScalar;
use rustfft::num_complex::Complex;

use super::support::{BOTH, chords, loud_noise, noise, signal};
use crate::a4::{BAND_EDGES, band_log_energies};
use crate::a7::{DIMS, LOWEST_BIN, RATIOS, activations, largest_bins};
use crate::a8::{chroma_and_flux, class};
use crate::a9::all_activations;
use crate::functions::{exp_all, ln_all};
use crate::{Compute, DESCRIPTORS, HOP, N_BINS, N_FFT, Stft, Variant};

const HALF: usize = N_FFT / 2;

/// The vectors at hand, and none.
fn archs() -> [Arch; 2] {
    [Arch::new(), Arch::Scalar]
}

fn bits<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    values.into_iter().map(|value| value.to_bits()).collect()
}

/// Magnitudes by frame: `[n_frames][N_BINS]`.
fn defined_frames(audio: &[f32]) -> Vec<Vec<f64>> {
    let n = audio.len();
    let before = audio[1..=HALF].iter().rev();
    let after = audio[n - 1 - HALF..n - 1].iter().rev();
    let padded: Vec<f64> = before.chain(audio).chain(after).map(|&x| f64::from(x)).collect();
    let window: Vec<f64> = (0..N_FFT).map(|n| 0.5 - 0.5 * libm::cos(2.0 * PI * n as f64 / N_FFT as f64)).collect();
    let fft = FftPlannerScalar::new().plan_fft_forward(HALF);
    let frame = |t: usize| {
        let samples: Vec<f64> = padded[t * HOP..t * HOP + N_FFT].iter().zip(&window).map(|(x, w)| x * w).collect();
        let mut z: Vec<_> = samples.chunks_exact(2).map(|pair| Complex::new(pair[0], pair[1])).collect();
        fft.process(&mut z);
        real_spectrum(&z)
    };
    (0..Stft::n_frames(n)).map(frame).collect()
}

/// Magnitudes of a real spectrum from that of half as many complex points.
fn real_spectrum(z: &[Complex<f64>]) -> Vec<f64> {
    let mut squares = vec![0.0; N_BINS];
    squares[0] = (z[0].re + z[0].im) * (z[0].re + z[0].im);
    squares[HALF] = (z[0].re - z[0].im) * (z[0].re - z[0].im);
    squares[HALF / 2] = z[HALF / 2].norm_sqr();
    for k in 1..HALF / 2 {
        let angle = PI * k as f64 / HALF as f64;
        let twiddle = Complex::new(libm::cos(angle), -libm::sin(angle));
        let (a, b) = (z[k], z[HALF - k].conj());
        let (even, odd) = ((a + b) * 0.5, (a - b) * 0.5);
        let turned = twiddle * Complex::new(odd.im, -odd.re);
        squares[k] = (even + turned).norm_sqr();
        squares[HALF - k] = (even - turned).norm_sqr();
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// Σ ln(1 + m), one logarithm for sixteen bins.
fn defined_sum_ln_1p(magnitudes: &[f64]) -> f64 {
    let block = |block: &[f64]| {
        let mut parts = [1.0; 4];
        for fours in block.chunks(4) {
            parts.iter_mut().zip(fours).for_each(|(part, m)| *part *= 1.0 + m);
        }
        let product = (parts[0] * parts[1]) * (parts[2] * parts[3]);
        if product < f64::MAX { libm::log(product) } else { block.iter().map(|m| libm::log1p(*m)).sum() }
    };
    magnitudes.chunks(16).map(block).sum()
}

/// Σ in four sums side by side.
fn defined_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut lanes = [0.0; 4];
    terms.enumerate().for_each(|(i, term)| lanes[i % 4] += term);
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// Sums of runs of bins of one class.
fn defined_chroma(magnitudes: &[f64], variant: Variant) -> [f64; DIMS] {
    let mut classes = [0.0; DIMS];
    let mut k = 0;
    while k < N_BINS {
        let end = (k..N_BINS).find(|&i| class(i, variant) != class(k, variant)).unwrap_or(N_BINS);
        if let Some(class) = class(k, variant) {
            let bins = &magnitudes[k..end];
            classes[class] += defined_sum(bins.iter().map(|m| if variant == Variant::Paper { m * m } else { *m }));
        }
        k = end;
    }
    classes
}

/// Every exponential by libm, one pair after the other, the largest bins by sorting.
fn defined_activations(magnitudes: &[f64], variant: Variant) -> [f64; DIMS] {
    let mut bins: Vec<usize> = (0..N_BINS).collect();
    bins.sort_by(|&a, &b| magnitudes[b].total_cmp(&magnitudes[a]));
    bins.truncate(8);
    bins.sort_unstable();
    let place = |k: usize| {
        let mut position = if k < LOWEST_BIN { 50.0 / crate::SPACING_HZ } else { k as f64 };
        while position >= 2.0 {
            position /= 2.0;
        }
        libm::log2(position)
    };
    let content = |k: usize| if k < LOWEST_BIN { 0.0 } else { magnitudes[k] };
    let mut sums = [0.0; DIMS];
    for (i, &low) in bins.iter().enumerate() {
        for &high in &bins[i + 1..] {
            let ratio = place(high) - place(low);
            let ratio = if ratio < 0.0 { ratio + 1.0 } else { ratio };
            let floor = if variant == Variant::Reference { 1e-8 } else { 0.0 };
            let weight = (content(low) * content(high) + floor).sqrt();
            for (sum, (over, under)) in sums.iter_mut().zip(RATIOS) {
                let d = (ratio - libm::log2(f64::from(over) / f64::from(under))).abs();
                let d = if variant == Variant::Reference { d.min(1.0 - d) } else { d };
                let exponent = d * d / (2.0 * 0.02 * 0.02);
                *sum += if exponent <= 700.0 { weight * libm::exp(-exponent) } else { 0.0 };
            }
        }
    }
    sums
}

/// Signals of all kinds and lengths: every number of frames modulo the lanes, ends inside and at the end of a hop.
fn sounds() -> Vec<(String, Vec<f32>)> {
    let mut sounds = vec![
        ("signal".to_owned(), signal()),
        ("chords".to_owned(), chords(1.0)),
        ("silence".to_owned(), vec![0.0; 5_000]),
        ("negative silence".to_owned(), vec![-0.0; 5_000]),
        ("least denormal".to_owned(), vec![f32::from_bits(1); 3_000]),
        ("largest numbers".to_owned(), (0..4_000).map(|i| if i % 7 < 3 { f32::MAX } else { f32::MIN }).collect()),
        ("impulse".to_owned(), (0..6_000).map(|i| f32::from(i == 2_345_i16)).collect()),
    ];
    for (i, n) in
        [1_025, 1_535, 1_536, 1_537, 2_047, 2_048, 2_560, 3_072, 3_583, 4_096, 8_192, 9_999].iter().enumerate()
    {
        sounds.push((format!("noise of {n}"), loud_noise(*n, i as u32, 0.7)));
    }
    for level in [1e-44, 1e-38, 1e-9, 1e9, 3e38] {
        sounds.push((format!("noise at {level}"), loud_noise(3_333, 7, level)));
    }
    // From the least to the largest in one segment, and holes in it.
    let decades = |(i, x): (usize, f64)| if i % 50 < 7 { 0.0 } else { (x * libm::exp(170.0 * x)) as f32 };
    sounds.push(("decades".to_owned(), noise(6_000, 5).into_iter().enumerate().map(decades).collect()));
    sounds
}

#[test]
fn magnitudes_have_the_bits_of_the_scalar_plan() {
    for (name, audio) in sounds() {
        let expected = defined_frames(&audio);
        for arch in archs() {
            let mut t_expected = 0;
            let mut stft = Stft::with(arch);
            let check = |t: usize, magnitudes: &[f64]| {
                assert_eq!(t, t_expected);
                assert!(bits(magnitudes) == bits(&expected[t]), "{name}, {arch:?}: frame {t}");
                t_expected += 1;
            };
            stft.for_each_frame(&audio, check).unwrap();
            assert_eq!(t_expected, expected.len(), "{name}");
        }
    }
}

#[test]
fn log_energies_have_the_bits_of_the_definition() {
    for (name, audio) in sounds() {
        let frames = defined_frames(&audio);
        let mean =
            |edge: &[usize], frame: &[f64]| defined_sum_ln_1p(&frame[edge[0]..edge[1]]) / (edge[1] - edge[0]) as f64;
        let expected: Vec<f64> =
            BAND_EDGES.windows(2).flat_map(|edge| frames.iter().map(move |frame| mean(edge, frame))).collect();
        for arch in archs() {
            let ours = band_log_energies(&mut Stft::with(arch), &audio).unwrap();
            assert!(bits(&ours) == bits(&expected), "{name}, {arch:?}");
        }
    }
}

#[test]
fn chroma_and_flux_have_the_bits_of_the_definition() {
    for (name, audio) in sounds() {
        let frames = defined_frames(&audio);
        let rise = |pair: &[Vec<f64>]| defined_sum(pair[0].iter().zip(&pair[1]).map(|(a, b)| (b - a).max(0.0)));
        let fluxes: Vec<f64> = std::iter::once(0.0).chain(frames.windows(2).map(rise)).collect();
        for (variant, arch) in BOTH.into_iter().flat_map(|variant| archs().map(|arch| (variant, arch))) {
            let (ours, flux) = chroma_and_flux(&mut Stft::with(arch), &audio, variant).unwrap();
            let expected: Vec<_> = frames.iter().map(|frame| defined_chroma(frame, variant)).collect();
            assert!(bits(ours.as_flattened()) == bits(expected.as_flattened()), "{name}, {variant:?}, {arch:?}");
            assert!(bits(&flux) == bits(&fluxes), "{name}, {arch:?}: flux");
        }
    }
}

#[test]
fn activations_have_the_bits_of_the_definition() {
    for (name, audio) in sounds() {
        let frames = defined_frames(&audio);
        for variant in BOTH {
            let expected: Vec<_> = frames.iter().map(|frame| defined_activations(frame, variant)).collect();
            let one_by_one: Vec<_> = frames.iter().map(|frame| activations(frame, variant)).collect();
            assert!(bits(one_by_one.as_flattened()) == bits(expected.as_flattened()), "{name}, {variant:?}");
            for arch in archs() {
                let ours = all_activations(&mut Stft::with(arch), &audio, variant).unwrap();
                assert!(bits(ours.as_flattened()) == bits(expected.as_flattened()), "{name}, {variant:?}, {arch:?}");
            }
        }
    }
}

/// The whole of it: every byte of every descriptor, with vectors and without, fresh buffers and used ones.
#[test]
fn features_do_not_depend_on_the_vectors() {
    let mut used = Stft::new();
    for (name, audio) in sounds() {
        for descriptor in DESCRIPTORS {
            let Compute::Audio(compute) = descriptor.compute else { continue };
            for variant in BOTH {
                let bytes = |stft: &mut Stft| -> Vec<u32> {
                    compute(stft, &audio, variant).unwrap().iter().map(|value| value.to_bits()).collect()
                };
                let alone = bytes(&mut Stft::with(Arch::Scalar));
                assert!(alone == bytes(&mut used), "{name}, {}, {variant:?}", descriptor.id);
            }
        }
    }
}

fn exp_of(x: f64) -> f64 {
    let mut x = [x];
    exp_all(&mut x);
    x[0]
}

fn ln_of(x: f64) -> f64 {
    let mut x = [x];
    ln_all(&mut x);
    x[0]
}

/// Around every place where libm takes another branch, to the last bit.
#[test]
fn branches_that_are_gone_make_no_difference() {
    let turns = [0x3fd6_2e42_u64, 0x3fd6_2e43, 0x3ff0_a2b1, 0x3ff0_a2b2, 0x3e30_0000, 0x3e30_0001, 0x4085_e000];
    for turn in turns.map(|high| high << 32).into_iter().chain([0x3fd6_2e42_fefa_39ef, 0x3ff0_a2b2_3f3b_ab73]) {
        for x in (turn.saturating_sub(300)..turn + 300).map(|bits| -f64::from_bits(bits)).filter(|&x| x >= -700.0) {
            assert_eq!(exp_of(x).to_bits(), libm::exp(x).to_bits(), "exp({x})");
        }
    }
    for x in [0.0, -0.0, -f64::MIN_POSITIVE, -f64::from_bits(1), -1.0, -2.0, -312.5, -700.0] {
        assert_eq!(exp_of(x).to_bits(), libm::exp(x).to_bits(), "exp({x})");
    }
    for x in [-700.000_000_000_1, -745.2, -1_000.0, -1_250.0] {
        assert_eq!(exp_of(x), 0.0, "exp({x})");
        assert!(libm::exp(x) < 1e-304);
    }
    for turn in [1.0_f64, 2.0, std::f64::consts::SQRT_2, f64::from_bits(0x3ff6_a09e << 32), 1e300, f64::MAX] {
        for x in (turn.to_bits() - 300..=turn.to_bits() + 300).map(f64::from_bits) {
            if (1.0..f64::INFINITY).contains(&x) {
                assert_eq!(ln_of(x).to_bits(), libm::log(x).to_bits(), "ln({x})");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn exp_has_the_bits_of_libm(x in -700.0..=0.0_f64, decades in -20.0..0.0_f64) {
        for x in [x, -libm::exp2(decades), x * libm::exp2(decades)] {
            prop_assert_eq!(exp_of(x).to_bits(), libm::exp(x).to_bits(), "exp({})", x);
        }
    }

    #[test]
    fn ln_has_the_bits_of_libm(mantissa in 1.0..2.0_f64, exponent in 0..1_024_i32) {
        let x = mantissa * libm::exp2(f64::from(exponent));
        prop_assert_eq!(ln_of(x).to_bits(), libm::log(x).to_bits(), "ln({})", x);
        prop_assert_eq!(ln_of(mantissa).to_bits(), libm::log(mantissa).to_bits(), "ln({})", mantissa);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any samples that are finite, as bits: every decade, both zeros, denormals.
    #[test]
    fn any_finite_audio_has_the_bits_of_the_definition(raw in proptest::collection::vec(any::<u32>(), 1_025..4_000)) {
        let finite = |bits: &u32| if f32::from_bits(*bits).is_finite() { f32::from_bits(*bits) } else { 0.0 };
        let audio: Vec<f32> = raw.iter().map(finite).collect();
        let expected = defined_frames(&audio);
        for arch in archs() {
            let mut same = true;
            let check = |t: usize, magnitudes: &[f64]| same &= bits(magnitudes) == bits(&expected[t]);
            Stft::with(arch).for_each_frame(&audio, check).unwrap();
            prop_assert!(same, "{arch:?}");
            let raw = all_activations(&mut Stft::with(arch), &audio, Variant::Reference).unwrap();
            for (ours, frame) in raw.iter().zip(&expected) {
                prop_assert_eq!(bits(ours), bits(&defined_activations(frame, Variant::Reference)));
            }
        }
    }

    /// Few values, so that ties abound, in any order.
    #[test]
    fn ties_fall_to_the_lower_bins(values in proptest::collection::vec(0u8..4, N_BINS)) {
        let magnitudes: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let mut bins: Vec<usize> = (0..N_BINS).collect();
        bins.sort_by(|&a, &b| magnitudes[b].total_cmp(&magnitudes[a]));
        bins[..8].sort_unstable();
        prop_assert_eq!(&largest_bins(&magnitudes)[..], &bins[..8]);
    }
}
