//! Sounds made of notes, against these notes and against others.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{note, pieces, play};

const LAG_S: f64 = 10.0;

/// `n` notes whose pitches and onsets follow a rule that differs with `seed`.
fn melody(seed: u64, n: usize) -> Vec<Note> {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut onset_s = 0.3;
    let mut one = || {
        onset_s += 0.12 + next(400) as f64 / 1000.0;
        note(onset_s, onset_s + 0.3, 45 + next(40) as u8, 40 + next(80) as u8)
    };
    (0..n).map(|_| one()).collect()
}

fn of(samples: &[f32]) -> Salience {
    Salience::of(samples).unwrap().unwrap()
}

#[test]
fn notes_fit_their_own_sound_and_no_other() {
    for seed in 0..4 {
        let notes = melody(seed, 120);
        let salience = of(&play(&notes, 45.0));
        let own = salience.against(&notes, LAG_S);
        assert_eq!(own.belongs(), Some(true), "{own:?}");
        assert!(own.offset_s.abs() < 0.02, "{own:?}");
        let other = salience.against(&melody(seed + 10, 120), LAG_S);
        assert_eq!(other.belongs(), Some(false), "{other:?}");
    }
}

/// Rhythm alone cannot tell these apart: all onsets coincide.
#[test]
fn pieces_in_one_strict_tempo_are_told_apart_by_pitch() {
    let grid = |seed| {
        let mut notes = melody(seed, 150);
        notes.iter_mut().enumerate().for_each(|(k, note)| {
            (note.onset_s, note.offset_s) = (0.25 * k as f64 + 0.25, 0.25 * k as f64 + 0.45);
        });
        notes
    };
    let salience = of(&play(&grid(1), 40.0));
    let own = salience.against(&grid(1), LAG_S);
    assert_eq!(own.belongs(), Some(true), "{own:?}");
    assert!(own.offset_s.abs() < 0.02, "the right one of 150 equal beats: {own:?}");
    let other = salience.against(&grid(2), LAG_S);
    assert_eq!(other.belongs(), Some(false), "{other:?}");
}

#[test]
fn a_repeated_figure_with_one_new_note_a_bar_is_not_off_by_a_bar() {
    let bar = |k: usize| {
        let start_s = k as f64 * 1.0 + 0.2;
        let figure = [48, 60, 55, 60].into_iter().enumerate();
        let figure = figure
            .map(move |(at, pitch)| note(start_s + 0.25 * at as f64, start_s + 0.25 * at as f64 + 0.2, pitch, 70));
        figure.chain([note(start_s, start_s + 0.9, 70 + (k * 5 % 13) as u8, 80)])
    };
    let notes: Vec<Note> = (0..25).flat_map(bar).collect();
    let pairing = of(&play(&notes, 27.0)).against(&notes, LAG_S);
    assert_eq!(pairing.belongs(), Some(true), "{pairing:?}");
    assert!(pairing.offset_s.abs() < 0.02, "{pairing:?}");
}

/// Transposed notes keep their onsets and share harmonics, so they are not told apart by a verdict, but score less.
#[test]
fn a_transposed_sound_scores_less() {
    let notes = melody(3, 120);
    let own = of(&play(&notes, 45.0)).against(&notes, LAG_S);
    for interval in [1, 6, 7] {
        let up: Vec<Note> = notes.iter().map(|note| Note { pitch: note.pitch + interval, ..*note }).collect();
        let other = of(&play(&up, 45.0)).against(&notes, LAG_S);
        assert!(other.score < 0.6 * own.score, "{interval}: {other:?} {own:?}");
    }
}

#[test]
fn level_and_noise_do_not_change_the_verdict() {
    let notes = melody(7, 60);
    let clean = play(&notes, 24.0);
    let reference = of(&clean).against(&notes, LAG_S);
    let quiet: Vec<f32> = clean.iter().map(|sample| sample * 1e-3).collect();
    let same = of(&quiet).against(&notes, LAG_S);
    assert!((same.score - reference.score).abs() < 1e-3, "{same:?} {reference:?}");
    let mut state = 1u32;
    let mut hiss = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state as f32 / u32::MAX as f32 - 0.5) * 0.01
    };
    let noisy: Vec<f32> = clean.iter().map(|sample| sample + hiss()).collect();
    assert_eq!(of(&noisy).against(&notes, LAG_S).belongs(), Some(true));
}

#[test]
fn silence_and_scraps_have_no_salience() {
    assert!(Salience::of(&[]).unwrap().is_none());
    assert!(Salience::of(&[0.1; N_FFT - 1]).unwrap().is_none());
    assert!(Salience::of(&vec![0.0; 48_000]).unwrap().is_none());
    assert!(matches!(Salience::of(&vec![f32::NAN; 48_000]), Err(Error::Io(_))));
}

#[test]
fn notes_out_of_range_or_beyond_the_sound_are_passed_over() {
    let notes = melody(5, 40);
    let salience = of(&play(&notes, 18.0));
    let reference = salience.against(&notes, LAG_S);
    let mut more = notes.clone();
    more.extend([note(3.0, 4.0, 120, 127), note(2.0, 3.0, 5, 127), note(1e12, 1e13, 60, 127)]);
    assert_eq!(salience.against(&more, LAG_S), reference);
    let nothing = salience.against(&[], LAG_S);
    assert_eq!((nothing.n_onsets, nothing.score, nothing.belongs()), (0, 0.0, None));
    let few = salience.against(&notes[..MIN_ONSETS - 1], LAG_S);
    assert_eq!(few.belongs(), None);
    let other = salience.against(&melody(50, 40), LAG_S);
    assert_eq!(other.belongs(), None, "40 onsets do not show that a pair is wrong: {other:?}");
}

#[test]
fn blocks_change_nothing() {
    let sound = &pieces()[0].samples[..6 * 24_000];
    let whole = flux(sound, 10.0, BLOCK).unwrap();
    for block in [7, 64, 281] {
        assert_eq!(flux(sound, 10.0, block).unwrap(), whole, "{block}");
    }
}

/// `against` adds rows up; this is the definition, term by term.
#[test]
fn the_score_is_the_weighted_mean_of_salience_at_the_onsets() {
    let notes = melody(9, 30);
    let salience = of(&play(&notes, 14.0));
    let row = |pitch: u8| &salience.values[usize::from(pitch - LOWEST) * salience.n_frames..][..salience.n_frames];
    let at_frame = |note: &Note, frame: i64| {
        usize::try_from(frame).ok().and_then(|at| row(note.pitch).get(at).copied()).unwrap_or(0.0)
    };
    let (max_lag, n) = (40, salience.n_frames as i64);
    let terms = |lag: i64| {
        let mut sum = (0.0, 0.0);
        for note in &notes {
            let place = note.onset_s / FRAME_S;
            let (frame, part) = (place.floor() as i64, place.fract());
            let value = (1.0 - part) * f64::from(at_frame(note, frame + lag))
                + part * f64::from(at_frame(note, frame + 1 + lag));
            let weight = f64::from(note.velocity) / 127.0;
            sum.0 += weight * value;
            sum.1 += if (0..n).contains(&(frame + lag)) { weight } else { 0.0 };
        }
        sum
    };
    let sums: Vec<(f64, f64)> = (-max_lag..=max_lag).map(terms).collect();
    let half = sums.iter().map(|(_, weight)| *weight).fold(0.0, f64::max) / 2.0;
    let best = sums.iter().map(|(sum, weight)| sum / weight.max(half)).fold(f64::MIN, f64::max);
    let found = salience.against(&notes, max_lag as f64 * FRAME_S);
    assert!((found.score - best).abs() < 1e-9, "{} {best}", found.score);
}

#[test]
fn bands_are_a_semitone_wide_and_below_half_the_rate() {
    let (bands, n_bins) = bands();
    assert_eq!(bands.len(), N_BANDS);
    assert!(n_bins <= N_BINS);
    for (band, bins) in bands.iter().enumerate() {
        let total: f64 = bins.iter().map(|(_, weight)| weight).sum();
        assert!((total - 1.0).abs() < 1e-12, "band {band}");
        let centre: f64 = bins.iter().map(|(bin, weight)| *bin as f64 * weight).sum::<f64>() * SPACING_HZ;
        let expected = 440.0 * libm::exp2((band as f64 + FIRST_BAND as f64 - 69.0) / 12.0);
        assert!((centre / expected - 1.0).abs() < 0.03, "band {band}: {centre} Hz, not {expected} Hz");
    }
    let total: f32 = GAUSS.iter().sum();
    assert!((total - 1.0).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_shift_is_found_within_20_ms(shift_s in -6.0f64..6.0, seed in 0u64..1000) {
        let notes = melody(seed, 60);
        let moved: Vec<Note> = notes
            .iter()
            .map(|note| Note { onset_s: note.onset_s + shift_s, ..*note })
            .filter(|note| note.onset_s >= 0.0)
            .collect();
        let pairing = of(&play(&moved, 30.0)).against(&notes, LAG_S);
        prop_assert_eq!(pairing.belongs(), Some(true), "{:?}", pairing);
        prop_assert!((pairing.offset_s - shift_s).abs() < 0.02, "{:?}", pairing);
    }
}
