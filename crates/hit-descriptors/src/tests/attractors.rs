//! Descriptors A7 and A9: which bins are compared, what the attractors get, what changes nothing.

use proptest::prelude::*;

use super::support::{BOTH, chords, loud_noise, noise};
use crate::a7::{LOWEST_BIN, LOWEST_HZ, N_LARGEST, RATIOS, a7, activations, largest_bins, normalised};
use crate::a9::{ACTIVE, a9, active_shares, all_activations};
use crate::{N_BINS, SPACING_HZ, Stft, Variant};

/// A frame that holds these magnitudes at these bins and nothing else.
fn frame(content: &[(usize, f64)]) -> Vec<f64> {
    let mut magnitudes = vec![0.0; N_BINS];
    for &(k, m) in content {
        magnitudes[k] = m;
    }
    magnitudes
}

/// Magnitudes over some seventeen decades.
fn wild_frame(seed: u32) -> Vec<f64> {
    noise(N_BINS, seed).into_iter().map(|x| libm::exp(40.0 * x)).collect()
}

/// The eight largest by sorting everything.
fn largest_by_sorting(magnitudes: &[f64]) -> Vec<usize> {
    let mut bins: Vec<usize> = (0..magnitudes.len()).collect();
    bins.sort_by(|&a, &b| magnitudes[b].total_cmp(&magnitudes[a]));
    bins.truncate(N_LARGEST);
    bins.sort_unstable();
    bins
}

/// The definition with every exponential computed; `ratio` gives log2 of the frequencies' ratio modulo 1.
fn activations_in_full(magnitudes: &[f64], variant: Variant, ratio: impl Fn(f64, f64) -> f64) -> [f64; 12] {
    let bins = largest_by_sorting(magnitudes);
    let hz = |k: usize| (k as f64 * SPACING_HZ).max(LOWEST_HZ);
    let magnitude = |k: usize| if k < LOWEST_BIN { 0.0 } else { magnitudes[k] };
    let mut sums = [0.0; 12];
    for (i, &low) in bins.iter().enumerate() {
        for &high in &bins[i + 1..] {
            let r = ratio(hz(low), hz(high));
            let product = magnitude(low) * magnitude(high);
            let weight = if variant == Variant::Reference { (product + 1e-8).sqrt() } else { product.sqrt() };
            for (sum, (over, under)) in sums.iter_mut().zip(RATIOS) {
                let d = (r - libm::log2(f64::from(over) / f64::from(under))).abs();
                let d = if variant == Variant::Reference { d.min(1.0 - d) } else { d };
                *sum += weight * libm::exp(-(d * d / (2.0 * 0.02 * 0.02)));
            }
        }
    }
    sums
}

/// As the tables of the descriptor have it: the difference of two logarithms modulo 1, each exact for octaves.
fn by_places(low_hz: f64, high_hz: f64) -> f64 {
    let place = |hz: f64| {
        let position = hz / SPACING_HZ;
        libm::log2(position / libm::exp2(libm::floor(libm::log2(position))))
    };
    let r = place(high_hz) - place(low_hz);
    if r < 0.0 { r + 1.0 } else { r }
}

#[test]
fn of_equal_magnitudes_the_lower_bins_are_taken() {
    assert_eq!(largest_bins(&[0.0; N_BINS]), [0, 1, 2, 3, 4, 5, 6, 7]);
    let magnitudes = frame(&[(900, 2.0), (100, 1.0), (200, 1.0), (300, 1.0), (1024, 1.0), (10, 0.5), (11, 0.5)]);
    assert_eq!(largest_bins(&magnitudes), [0, 10, 11, 100, 200, 300, 900, 1024]);
    // Eight equal ones and a ninth above them: it is not taken.
    let equal: Vec<_> = (0..9).map(|i| (50 + 17 * i, 3.0)).collect();
    assert_eq!(largest_bins(&frame(&equal)), [50, 67, 84, 101, 118, 135, 152, 169]);
}

/// Two partials in each of the twelve ratios give nearly everything to its attractor; the unison is heard in octaves.
#[test]
fn a_pure_ratio_wakes_its_attractor() {
    for (c, (over, under)) in RATIOS.into_iter().enumerate() {
        for octave in [1, 2] {
            let (low, high) = (30 * usize::from(under), 30 * usize::from(over) * octave);
            let high = if c == 0 { 2 * high } else { high };
            for variant in BOTH {
                let row = normalised(activations(&frame(&[(low, 1e4), (high, 1e4)]), variant));
                assert!(row[c] > 0.98, "{over}/{under} from bin {low} to {high}, {variant:?}: {row:?}");
            }
        }
    }
}

/// I 1.6: by the plain distance a ratio just below the octave is a major seventh, by that around the octave a unison.
#[test]
fn just_below_the_octave_the_variants_part() {
    let magnitudes = frame(&[(200, 1e4), (399, 1e4)]);
    let reference = normalised(activations(&magnitudes, Variant::Reference));
    let paper = normalised(activations(&magnitudes, Variant::Paper));
    assert!(reference[0] > 0.99 && reference[11] < 1e-3, "{reference:?}");
    assert!(paper[0] < 1e-6 && paper[11] > 0.99, "{paper:?}");
}

/// A hum below 50 Hz keeps one of the eight places and has no say, however loud it is.
#[test]
fn bins_below_50_hz_count_as_50_hz_without_magnitude() {
    assert!((LOWEST_BIN - 1) as f64 * SPACING_HZ < LOWEST_HZ && LOWEST_BIN as f64 * SPACING_HZ > LOWEST_HZ);
    let partials: Vec<_> = (1..8).map(|h| (37 * h, 10.0 / h as f64)).collect();
    for variant in BOTH {
        let with = |hum: (usize, f64)| activations(&frame(&[&partials[..], &[hum]].concat()), variant);
        assert_eq!(with((2, 3.0)), with((4, 3e6)));
        assert_ne!(with((4, 3.0)), with((5, 3.0)));
    }
    // An eighth partial that the hum displaces is missed.
    let eight: Vec<_> = (1..9).map(|h| (37 * h, 10.0 / h as f64)).collect();
    let hum = [&eight[..], &[(3, 5.0)]].concat();
    assert_ne!(activations(&frame(&eight), Variant::Paper), activations(&frame(&hum), Variant::Paper));
    assert_eq!(activations(&frame(&hum), Variant::Paper), activations(&frame(&partials), Variant::Paper));
}

/// The 1e-8 under the root gives silence a row of its own; without it there is none.
#[test]
fn silence_sums_to_one_in_the_reference_and_to_zero_in_the_paper() {
    let mut stft = Stft::new();
    for descriptor in [a7, a9] {
        let reference = descriptor(&mut stft, &vec![0.0; 6_000], Variant::Reference).unwrap();
        assert!(reference.chunks_exact(12).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
        assert!(reference.chunks_exact(12).all(|row| row == &reference[..12]));
        let paper = descriptor(&mut stft, &vec![0.0; 6_000], Variant::Paper).unwrap();
        assert!(paper.iter().all(|&value| value == 0.0));
    }
}

/// Weights from the shares by the formula, straight from the activations.
#[test]
fn a9_is_a7_times_the_rarity_of_its_attractors() {
    for variant in BOTH {
        let audio = chords(0.05);
        let raw = all_activations(&mut Stft::new(), &audio, variant).unwrap();
        let shares = active_shares(&raw);
        assert!(shares.iter().any(|&share| share > 0.0 && share < 1.0), "{shares:?}");
        let rows = a9(&mut Stft::new(), &audio, variant).unwrap();
        for (row, raw) in rows.chunks_exact(12).zip(&raw) {
            let n_frames = Stft::n_frames(audio.len()) as f64;
            let weighted: Vec<f64> = (0..12)
                .map(|c| {
                    let active = (shares[c] * n_frames).round() / n_frames;
                    raw[c] * libm::log(1.0 / (active + 0.001)).clamp(0.0, 5.0)
                })
                .collect();
            let sum: f64 = weighted.iter().sum();
            for (value, expected) in row.iter().zip(&weighted) {
                assert!((f64::from(*value) - expected / sum).abs() < 1e-7);
            }
        }
    }
}

/// Where every attractor is active in every frame, all weights are 0 and nothing is left; the floor keeps it finite.
#[test]
fn a9_of_what_is_always_active_is_zero() {
    for variant in BOTH {
        let audio = loud_noise(6_000, 3, 1e20);
        let shares = active_shares(&all_activations(&mut Stft::new(), &audio, variant).unwrap());
        assert_eq!(shares, [1.0; 12]);
        assert!(a9(&mut Stft::new(), &audio, variant).unwrap().iter().all(|&value| value == 0.0));
    }
}

#[test]
fn a_share_counts_frames_above_the_threshold() {
    let row = |value: f64| std::array::from_fn(|c| if c == 4 { value } else { 0.0 });
    let shares = active_shares(&[row(ACTIVE), row(ACTIVE + 1e-12), row(7.0), row(0.0)]);
    assert_eq!((shares[4], shares[3]), (0.5, 0.0));
}

/// A gain acts on A7 only through the 1e-8 under the root: nowhere in `paper`, and on faint audio in `reference`.
#[test]
fn a_gain_matters_to_the_reference_where_audio_is_faint() {
    let largest = |level: f64, variant| {
        let (a, b) = (loud_noise(6_000, 4, level), loud_noise(6_000, 4, level * 3.0));
        let (a, b) = (a7(&mut Stft::new(), &a, variant).unwrap(), a7(&mut Stft::new(), &b, variant).unwrap());
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(largest(1.0, Variant::Reference) < 1e-6);
    assert!(largest(1e-6, Variant::Reference) > 1e-3);
    assert!(largest(1e-6, Variant::Paper) < 1e-5);
}

proptest! {
    #[test]
    fn the_largest_bins_are_those_of_a_full_sort(magnitudes in proptest::collection::vec(0u8..40, 8..300)) {
        let magnitudes: Vec<f64> = magnitudes.into_iter().map(f64::from).collect();
        prop_assert_eq!(largest_bins(&magnitudes).to_vec(), largest_by_sorting(&magnitudes));
    }

    /// Exponentials that are left out change no bit; and the tables are those of the definition.
    #[test]
    fn activations_are_those_of_the_full_sum(seed: u32) {
        let magnitudes = wild_frame(seed);
        for variant in BOTH {
            let ours = activations(&magnitudes, variant);
            prop_assert_eq!(ours, activations_in_full(&magnitudes, variant, by_places));
            let modulo = |low: f64, high: f64| libm::log2(high / low) % 1.0;
            for (ours, plain) in ours.into_iter().zip(activations_in_full(&magnitudes, variant, modulo)) {
                prop_assert!((ours - plain).abs() <= 1e-11 * plain.abs(), "{ours} and {plain}");
            }
        }
    }

    /// All partials an octave higher: not a bit moves. By another factor: rounding only.
    #[test]
    fn a7_ignores_transposition(partials in proptest::collection::btree_map(5usize..340, 1.0f64..100.0, 8), variant in 0usize..2) {
        let variant = BOTH[variant];
        let at = |factor: usize| {
            let moved: Vec<_> = partials.iter().map(|(&k, &m)| (factor * k, m)).collect();
            activations(&frame(&moved), variant)
        };
        let here = at(1);
        prop_assert_eq!(here, at(2));
        for (a, b) in here.into_iter().zip(at(3)) {
            prop_assert!((a - b).abs() <= 1e-11 * a.abs().max(1e-300), "{a} and {b}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Sign and history of the buffers never matter; a gain of a power of two not to the paper's A7.
    #[test]
    fn attractors_ignore_sign_history_and_doubling(seed: u32, n in 2_000usize..8_000, doublings in -6i32..20) {
        let audio = loud_noise(n, seed, 0.7);
        let turned: Vec<f32> = audio.iter().map(|x| -x).collect();
        let scaled: Vec<f32> = audio.iter().map(|x| x * libm::exp2f(doublings as f32)).collect();
        let mut stft = Stft::new();
        for variant in BOTH {
            for descriptor in [a7, a9] {
                let rows = descriptor(&mut Stft::new(), &audio, variant).unwrap();
                prop_assert_eq!(rows, descriptor(&mut stft, &turned, variant).unwrap());
            }
        }
        prop_assert_eq!(a7(&mut stft, &audio, Variant::Paper), a7(&mut stft, &scaled, Variant::Paper));
    }

    /// A frame's row is its own affair: audio moved by whole hops moves the rows, but for those that see an end.
    #[test]
    fn a7_moves_with_the_audio(seed: u32, hops in 1usize..6) {
        let audio = loud_noise(9_000, seed, 0.5);
        let (first, last) = (&audio[..6_000], &audio[512 * hops..512 * hops + 6_000]);
        for variant in BOTH {
            let first = a7(&mut Stft::new(), first, variant).unwrap();
            let last = a7(&mut Stft::new(), last, variant).unwrap();
            for t in 2..Stft::n_frames(6_000) - 3 - hops {
                prop_assert_eq!(&first[12 * (t + hops)..12 * (t + hops + 1)], &last[12 * t..12 * (t + 1)]);
            }
        }
    }
}
