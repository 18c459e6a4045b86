//! The formulas: reference vectors, oracles, invariances.

use std::f64::consts::PI;

use hit_schema::Token;
use proptest::prelude::*;

use super::support::{BOTH, assert_close, band, chords, frames, golden, loud_noise, mean, signal, tokens};
use crate::a4::{BAND_EDGES, N_BANDS, a4, band_log_energies};
use crate::d4::d4;
use crate::{Compute, DESCRIPTORS, Error, N_BINS, Rows, Side, Stft, Variant, find};

/// Both sides compute in double precision from the same float32 samples; 1e-9 leaves room for another FFT.
#[test]
fn magnitudes_agree_with_librosa() {
    let golden = golden();
    let ours = frames(&signal());
    assert_eq!(ours.len(), golden.n_frames);
    for (&t, theirs) in golden.frames.iter().zip(&golden.stft) {
        assert_close(golden.bins.iter().map(|&k| ours[t][k]), theirs, 1e-9);
    }
}

/// Rounding to f32 is the only difference: 1e-6 of values of order 1.
#[test]
fn a4_agrees_with_librosa_in_both_variants() {
    let golden = golden();
    for (variant, theirs) in [(Variant::Reference, &golden.a4_reference), (Variant::Paper, &golden.a4_paper)] {
        let ours = a4(&mut Stft::new(), &signal(), variant).unwrap();
        assert_close(ours.into_iter().map(f64::from), theirs, 1e-6);
    }
}

/// Every descriptor of audio, both variants, two signals: every ninth row, and a weighted mean over all of them. The
/// values are of order 1 and rounded to `f32`; nothing else differs.
#[test]
fn descriptors_of_audio_agree_with_numpy() {
    let golden = golden();
    assert_eq!(golden.excerpts.len(), 15);
    for (name, theirs) in &golden.excerpts {
        let parts: Vec<&str> = name.split('/').collect();
        let [sound, id, variant] = parts[..] else { panic!("{name}") };
        let audio = if sound == "signal" { signal() } else { chords(1.0) };
        let variant = if variant == "paper" { Variant::Paper } else { Variant::Reference };
        let descriptor = find(id).unwrap();
        let Compute::Audio(compute) = descriptor.compute else { panic!("{id} is computed from audio") };
        let rows = compute(&mut Stft::new(), &audio, variant).unwrap();
        let rows: Vec<&[f32]> = rows.chunks_exact(descriptor.dims).collect();
        assert_eq!(rows.len(), Stft::n_frames(audio.len()), "{name}");
        let weight = |t: usize| (t + 1) as f64 / (rows.len() * (rows.len() + 1) / 2) as f64;
        let weighted = |c: usize| rows.iter().enumerate().map(|(t, row)| weight(t) * f64::from(row[c])).sum();
        let excerpt = rows.iter().step_by(9).flat_map(|row| row.iter().map(|&value| f64::from(value)));
        println!("{name}");
        assert_close(excerpt.chain((0..descriptor.dims).map(weighted)), theirs, 1e-6);
    }
}

#[test]
fn d4_agrees_with_numpy() {
    let golden = golden();
    for variant in BOTH {
        let ours = d4(&tokens(&golden.pitches), variant);
        assert_close(ours.into_iter().map(f64::from), &golden.d4, 1e-7);
    }
}

/// The direct sum over the frame, bin by bin: no FFT, no packing.
#[test]
fn the_packed_transform_is_the_transform() {
    let audio = loud_noise(2_500, 3, 1.0);
    let ours = frames(&audio);
    let at = |i: isize| {
        let last = audio.len() as isize - 1;
        let i = if i < 0 {
            -i
        } else if i > last {
            2 * last - i
        } else {
            i
        };
        f64::from(audio[i as usize])
    };
    for (t, k) in [(0, 0), (0, 1), (1, 511), (2, 512), (3, 513), (4, 1023), (4, 1024), (2, 77)] {
        let mut sum = (0.0, 0.0);
        for n in 0..2048usize {
            let window = 0.5 - 0.5 * libm::cos(2.0 * PI * n as f64 / 2048.0);
            let x = at((t * 512 + n) as isize - 1024) * window;
            let angle = -2.0 * PI * ((k * n) % 2048) as f64 / 2048.0;
            sum = (sum.0 + x * libm::cos(angle), sum.1 + x * libm::sin(angle));
        }
        let expected = libm::hypot(sum.0, sum.1);
        assert!((ours[t][k] - expected).abs() < 1e-10, "frame {t}, bin {k}: {} and {expected}", ours[t][k]);
    }
}

/// Spec 12: 96,000 samples give 188 frames of 8; any other length works alike.
#[test]
fn shapes_follow_the_length() {
    for (n, n_frames) in [(96_000, 188), (1_025, 3), (24_000, 47), (5_120, 11), (5_119, 10)] {
        let rows = a4(&mut Stft::new(), &loud_noise(n, 1, 0.5), Variant::Reference).unwrap();
        assert_eq!(rows.len(), n_frames * 8, "{n} samples");
    }
}

#[test]
fn a_full_scale_sine_on_a_bin_gives_512() {
    let audio: Vec<f32> = (0..8_192).map(|n| libm::sin(2.0 * PI * 100.0 * n as f64 / 2_048.0) as f32).collect();
    let frame = &frames(&audio)[6];
    assert_eq!(frame.len(), N_BINS);
    assert!((frame[100] - 512.0).abs() < 1e-3 && (frame[99] - 256.0).abs() < 1e-3 && frame[200] < 1e-3);
}

/// Table 1: a partial moves the band that holds its bin and no other above the leakage.
#[test]
fn a_partial_sounds_in_its_band() {
    for (b, edge) in BAND_EDGES.windows(2).enumerate() {
        let bin = f64::midpoint(edge[0] as f64, edge[1] as f64).floor();
        let audio: Vec<f32> = (0..9_000).map(|n| libm::sin(2.0 * PI * bin * f64::from(n) / 2_048.0) as f32).collect();
        let energies = band_log_energies(&mut Stft::new(), &audio).unwrap();
        let n_frames = Stft::n_frames(audio.len());
        let loudest = (0..N_BANDS).max_by(|&x, &y| {
            let at = |band: usize| energies[band * n_frames + n_frames / 2] * (edge_len(band) as f64);
            at(x).total_cmp(&at(y))
        });
        assert_eq!(loudest, Some(b), "bin {bin}");
    }
}

fn edge_len(band: usize) -> usize {
    BAND_EDGES[band + 1] - BAND_EDGES[band]
}

#[test]
fn silence_and_a_steady_tone_give_zero() {
    let silence = a4(&mut Stft::new(), &vec![0.0; 24_000], Variant::Reference).unwrap();
    assert!(silence.iter().all(|&v| v == 0.0));
    // Of period 64, so each frame sees the same samples; mirroring keeps a cosine steady at the start, and the end is
    // placed on a crest.
    let tone: Vec<f32> = (0..24_001).map(|n| libm::cos(2.0 * PI * f64::from(n) / 64.0) as f32).collect();
    for variant in BOTH {
        let steady = a4(&mut Stft::new(), &tone, variant).unwrap();
        assert!(steady.iter().all(|v| v.abs() < 1e-4), "{:?}", steady.iter().fold(0.0f32, |m, v| m.max(v.abs())));
    }
}

#[test]
fn segments_that_cannot_be_described_say_why() {
    let mut stft = Stft::new();
    let short = a4(&mut stft, &[0.1; 1_024], Variant::Reference).unwrap_err();
    assert_eq!(short, Error::TooShort { found: 1_024 });
    assert!(short.to_string().contains("at least 1025"), "{short}");
    assert!(a4(&mut stft, &[], Variant::Paper).is_err());
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut audio = vec![0.1; 3_000];
        audio[1_234] = bad;
        assert_eq!(a4(&mut stft, &audio, Variant::Reference).unwrap_err(), Error::NotFinite { sample: 1_234 });
    }
    // A failure leaves nothing behind in the buffers.
    let audio = loud_noise(3_000, 5, 1.0);
    assert_eq!(a4(&mut stft, &audio, Variant::Paper), a4(&mut Stft::new(), &audio, Variant::Paper));
}

/// Finite samples give finite features, even where products of magnitudes leave the range of `f64`.
#[test]
fn absurd_levels_stay_finite() {
    for level in [1e30, f64::from(f32::MAX), 1e-38] {
        let rows = a4(&mut Stft::new(), &loud_noise(6_000, 9, level), Variant::Reference).unwrap();
        assert!(rows.iter().all(|v| v.is_finite()), "level {level}");
    }
}

/// The variants differ as said: a frame earlier, and by the standard deviation's denominator.
#[test]
fn the_paper_variant_is_one_frame_ahead() {
    let audio = loud_noise(20_000, 11, 0.5);
    let reference = a4(&mut Stft::new(), &audio, Variant::Reference).unwrap();
    let paper = a4(&mut Stft::new(), &audio, Variant::Paper).unwrap();
    let n = (reference.len() / N_BANDS) as f64;
    for b in 0..N_BANDS {
        let (reference, paper) = (band(&reference, b), band(&paper, b));
        for (r, p) in reference[1..].iter().zip(&paper) {
            assert!((r * (n / (n - 1.0)).sqrt() - p).abs() < 1e-5);
        }
    }
}

#[test]
fn notes_without_neighbours_have_no_intervals() {
    assert_eq!(d4(&[], Variant::Reference), Vec::<f32>::new());
    assert_eq!(d4(&tokens(&[60]), Variant::Reference), [0.0; 4]);
    assert_eq!(d4(&tokens(&[60, 72]), Variant::Reference), [0.0, 0.5, 0.0, 0.5, 0.5, 0.0, 0.5, 0.0]);
    // 87 semitones: beyond two octaves features 3 and 4 are cut, 1 and 2 are not.
    assert_eq!(d4(&tokens(&[21, 108]), Variant::Paper), [0.0, 3.625, 0.0, 1.0, 3.625, 0.0, 1.0, 0.0]);
}

#[test]
fn the_registry_knows_its_descriptors() {
    let a4 = find("a4").unwrap();
    assert_eq!((a4.dims, a4.side(), a4.rows), (8, Side::Audio, Rows::Frames));
    let d4 = find("d4").unwrap();
    assert_eq!((d4.dims, d4.side(), d4.rows), (4, Side::Midi, Rows::Notes));
    let unknown = find("a5").err().unwrap().to_string();
    assert!(unknown.contains("`a5`") && unknown.contains("a4, a4e, a7, a8, a9, d4"), "{unknown}");
    let ids: Vec<_> = DESCRIPTORS.iter().map(|descriptor| descriptor.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "sorted and unique: {ids:?}");
}

/// What a list shows is what comes out: `shape` names the rows and values of 4 s at 24 kHz.
#[test]
fn shapes_in_words_are_those_of_the_rows() {
    for descriptor in DESCRIPTORS {
        let rows = match descriptor.compute {
            Compute::Audio(compute) => {
                let n = compute(&mut Stft::new(), &loud_noise(96_000, 1, 0.5), Variant::Reference).unwrap().len();
                assert_eq!(descriptor.rows, Rows::Frames, "{}", descriptor.id);
                (n / descriptor.dims).to_string()
            }
            Compute::Midi(compute) => {
                assert_eq!(compute(&tokens(&[60, 64, 67]), Variant::Reference).len(), 3 * descriptor.dims);
                assert_eq!(descriptor.rows, Rows::Notes, "{}", descriptor.id);
                "notes".to_owned()
            }
        };
        assert_eq!(descriptor.shape, format!("{rows} x {}", descriptor.dims), "{}", descriptor.id);
    }
}

/// Finite, never negative, and summing to 1 or, under the floor of 1e-8, to less: from silence to absurd levels.
#[test]
fn normalised_descriptors_sum_to_one_or_less() {
    for level in [0.0, 1e-38, 1e-9, 1e-3, 1.0, 1e30, f64::from(f32::MAX)] {
        for (id, variant) in ["a7", "a8", "a9"].into_iter().flat_map(|id| BOTH.map(|variant| (id, variant))) {
            let Compute::Audio(compute) = find(id).unwrap().compute else { panic!("{id} is computed from audio") };
            for row in compute(&mut Stft::new(), &loud_noise(6_000, 9, level), variant).unwrap().chunks_exact(12) {
                let sum: f64 = row.iter().map(|&value| f64::from(value)).sum();
                assert!(row.iter().all(|value| value.is_finite() && *value >= 0.0), "{id}, {level}: {row:?}");
                assert!(sum < 1.0 + 1e-6 && (sum > 1.0 - 1e-6 || sum == 0.0 || level < 1e-8), "{id}, {level}: {sum}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Spec 2: per band mean 0, mean square 187/188 (any T: (T−1)/T); in the paper's variant 1.
    #[test]
    fn bands_are_standardised(n in 4_000usize..30_000, seed: u32, level in 0.01f64..1.0) {
        let audio = loud_noise(n, seed, level);
        let n_frames = Stft::n_frames(n) as f64;
        for (variant, square) in [(Variant::Reference, (n_frames - 1.0) / n_frames), (Variant::Paper, 1.0)] {
            let rows = a4(&mut Stft::new(), &audio, variant).unwrap();
            for b in 0..N_BANDS {
                let values = band(&rows, b);
                prop_assert!(mean(&values).abs() < 1e-6);
                let squares: Vec<_> = values.iter().map(|v| v * v).collect();
                prop_assert!((mean(&squares) - square).abs() < 1e-5, "band {b}: {}", mean(&squares));
            }
        }
    }

    /// The sign of the audio changes no bit, and neither does what the buffers were used for before.
    #[test]
    fn a4_ignores_sign_and_history(seed: u32, n in 2_000usize..8_000) {
        let audio = loud_noise(n, seed, 0.7);
        let turned: Vec<_> = audio.iter().map(|x| -x).collect();
        let mut stft = Stft::new();
        let before = a4(&mut stft, &audio, Variant::Reference).unwrap();
        a4(&mut stft, &loud_noise(12_345, seed, 1.0), Variant::Paper).unwrap();
        prop_assert_eq!(before, a4(&mut stft, &turned, Variant::Reference).unwrap());
    }

    /// A gain g ≥ 1 moves a band's log-energy by ln g, less at most the mean of ln(1 + 1/|X|) over its bins.
    #[test]
    fn gain_shifts_log_energies_up_to_the_floor(seed: u32, gain in 1.0f64..1000.0, level in 0.001f64..1.0) {
        let audio = loud_noise(4_000, seed, level);
        let louder: Vec<f32> = audio.iter().map(|x| (f64::from(*x) * gain) as f32).collect();
        let (a, b) = (band_log_energies(&mut Stft::new(), &audio).unwrap(),
                      band_log_energies(&mut Stft::new(), &louder).unwrap());
        for (t, magnitudes) in frames(&audio).iter().enumerate() {
            for (band, edge) in BAND_EDGES.windows(2).enumerate() {
                let i = band * Stft::n_frames(4_000) + t;
                let bins = &magnitudes[edge[0]..edge[1]];
                let floor = mean(&bins.iter().map(|m| libm::log1p(1.0 / m)).collect::<Vec<_>>());
                let shift = b[i] - a[i] - libm::log(gain);
                prop_assert!(-floor - 1e-5 <= shift && shift <= 1e-5, "shift {shift}, floor {floor}");
            }
        }
    }

    /// Far above the floor A4 ignores gain.
    #[test]
    fn loud_audio_has_the_same_a4_at_any_gain(seed: u32, gain in 0.1f64..10.0) {
        let audio = loud_noise(6_000, seed, 1e6);
        let louder: Vec<f32> = audio.iter().map(|x| (f64::from(*x) * gain) as f32).collect();
        let (a, b) = (a4(&mut Stft::new(), &audio, Variant::Reference).unwrap(),
                      a4(&mut Stft::new(), &louder, Variant::Reference).unwrap());
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a - b).abs() < 1e-2, "{a} and {b}");
        }
    }
}

proptest! {
    /// Spec 2 and I 1.4: transposition changes nothing, and features 3, 4 are 1, 2 clamped to ±1.
    #[test]
    fn d4_ignores_transposition(pitches in proptest::collection::vec(20u8..100, 0..60), k in -20i16..=27) {
        let shifted: Vec<u8> = pitches.iter().map(|&p| (i16::from(p) + k) as u8).collect();
        let rows = d4(&tokens(&pitches), Variant::Reference);
        prop_assert_eq!(&rows, &d4(&tokens(&shifted), Variant::Reference));
        for row in rows.chunks_exact(4) {
            prop_assert!((row[2] - row[0].clamp(-1.0, 1.0)).abs() < 1e-7);
            prop_assert!((row[3] - row[1].clamp(-1.0, 1.0)).abs() < 1e-7);
        }
    }

    /// What a note sees after it, the next one sees before it; velocity and duration play no part.
    #[test]
    fn d4_neighbours_agree(pitches in proptest::collection::vec(0u8..128, 1..60), velocity: u8, duration in 0u8..32) {
        let rows = d4(&tokens(&pitches), Variant::Reference);
        for pair in rows.chunks_exact(4).collect::<Vec<_>>().windows(2) {
            prop_assert_eq!((pair[0][1], pair[0][3]), (pair[1][0], pair[1][2]));
        }
        let others: Vec<_> = pitches.iter().map(|&pitch| Token { pitch, velocity, duration }).collect();
        prop_assert_eq!(rows, d4(&others, Variant::Paper));
    }
}
