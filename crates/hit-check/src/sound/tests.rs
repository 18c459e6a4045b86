//! Levels of sounds whose levels are known.

use proptest::prelude::*;

use super::*;
use crate::fixtures::note;

const RATE_HZ: u32 = 1000;

fn sine(n: usize, amplitude: f32) -> Vec<f32> {
    (0..n).map(|k| amplitude * libm::sinf(k as f32 * 0.7)).collect()
}

fn kinds(levels: &Levels) -> Vec<Kind> {
    levels.findings().iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_sine_has_its_peak_and_3_db_less_of_rms() {
    let levels = Levels::of(&sine(100_000, 0.5), RATE_HZ, &[]);
    assert!((levels.peak_db + 6.02).abs() < 0.01, "{}", levels.peak_db);
    assert!((levels.rms_db + 9.03).abs() < 0.01, "{}", levels.rms_db);
    assert!(levels.mean.abs() < 1e-4);
    assert_eq!((levels.clipped_share, levels.dead_share), (0.0, 0.0));
    assert_eq!(kinds(&levels), []);
}

#[test]
fn silence_is_a_number_and_one_finding() {
    for samples in [vec![], vec![0.0; 5000]] {
        let levels = Levels::of(&samples, RATE_HZ, &[note(0.0, 5.0, 60, 60)]);
        assert_eq!((levels.peak_db, levels.rms_db), (FLOOR_DB, FLOOR_DB));
        assert_eq!(kinds(&levels), [Kind::Silent]);
    }
}

#[test]
fn clipping_is_runs_of_three_on_one_side() {
    let with = |samples: &[f32]| clipped(samples);
    assert_eq!(with(&[0.0, 1.0, 1.0, 0.9, -1.0, -1.0, 0.0]), 0);
    assert_eq!(with(&[0.0, 1.0, 1.0, 1.0, 0.9]), 3);
    assert_eq!(with(&[1.0, 1.0, -1.0, -1.0]), 0, "two on each side");
    assert_eq!(with(&[-1.0, -1.0, -1.0, -1.2, 1.0, 1.0, 1.0]), 7);
    assert_eq!(with(&[32_767.0 / 32_768.0; 3]), 3, "full scale of 16 bits");
    assert_eq!(with(&[0.999; 10]), 0);
}

#[test]
fn a_clipped_sine_is_found_and_one_that_touches_full_scale_is_not() {
    let slow =
        |gain: f32| (0..100_000).map(|k| (gain * libm::sinf(k as f32 * 0.2)).clamp(-1.0, 1.0)).collect::<Vec<_>>();
    assert_eq!(kinds(&Levels::of(&slow(1.2), RATE_HZ, &[])), [Kind::Clipped]);
    assert_eq!(kinds(&Levels::of(&slow(1.0), RATE_HZ, &[])), []);
}

#[test]
fn lost_seconds_count_only_where_notes_sound() {
    let mut samples = sine(10_000, 0.5);
    samples[4000..8000].fill(0.0);
    let notes = [note(0.5, 2.5, 60, 60), note(5.2, 5.8, 62, 60)];
    // seconds 0, 1, 2 and 5 sound, of which 5 is dead
    let levels = Levels::of(&samples, RATE_HZ, &notes);
    assert_eq!(levels.dead_share, 0.25);
    assert_eq!(kinds(&levels), [Kind::Silent]);
    assert_eq!(Levels::of(&samples, RATE_HZ, &notes[..1]).dead_share, 0.0);
    assert_eq!(Levels::of(&samples, RATE_HZ, &[]).dead_share, 0.0);
}

#[test]
fn notes_beyond_the_sound_and_at_its_edge_are_no_matter() {
    let samples = sine(3500, 0.5);
    let notes = [note(2.9, 1e9, 60, 60), note(1e12, 1e13, 60, 60), note(3.2, 3.4, 60, 60)];
    assert_eq!(Levels::of(&samples, RATE_HZ, &notes).dead_share, 0.0);
}

#[test]
fn a_mean_away_from_zero_is_found_with_its_sign() {
    let lifted: Vec<f32> = sine(50_000, 0.3).into_iter().map(|sample| sample - 0.02).collect();
    let levels = Levels::of(&lifted, RATE_HZ, &[]);
    assert_eq!(kinds(&levels), [Kind::DcOffset]);
    assert!(levels.findings()[0].what.contains("-0.020"), "{}", levels.findings()[0].what);
}

#[test]
fn quiet_lies_between_silent_and_usual() {
    let of = |amplitude| kinds(&Levels::of(&sine(10_000, amplitude), RATE_HZ, &[]));
    assert_eq!(of(0.02), []);
    assert_eq!(of(0.005), [Kind::Quiet]);
    assert_eq!(of(0.0005), [Kind::Silent]);
}

proptest! {
    /// The share is that of a count over all seconds, one by one.
    #[test]
    fn dead_seconds_are_counted_as_by_hand(
        dead in prop::collection::vec(any::<bool>(), 1..12),
        spans in prop::collection::vec((0.0f64..14.0, 0.01f64..6.0), 0..6),
    ) {
        let samples: Vec<f32> = dead.iter().flat_map(|dead| vec![if *dead { 0.0 } else { 0.1 }; 100]).collect();
        let notes: Vec<_> = spans.iter().map(|(onset_s, length_s)| note(*onset_s, onset_s + length_s, 60, 60)).collect();
        let sounds = |second: usize| notes.iter().any(|n| n.onset_s < (second + 1) as f64 && n.offset_s > second as f64);
        let sounding: Vec<usize> = (0..dead.len()).filter(|second| sounds(*second)).collect();
        let lost = sounding.iter().filter(|second| dead[**second]).count();
        let expected = lost as f64 / sounding.len().max(1) as f64;
        prop_assert_eq!(dead_share(&samples, 100, &notes), expected);
    }

    #[test]
    fn levels_do_not_depend_on_the_sign(samples in prop::collection::vec(-1.0f32..=1.0, 1..200)) {
        let turned: Vec<f32> = samples.iter().map(|sample| -sample).collect();
        let (a, b) = (Levels::of(&samples, 100, &[]), Levels::of(&turned, 100, &[]));
        prop_assert_eq!((a.peak_db, a.rms_db, a.clipped_share), (b.peak_db, b.rms_db, b.clipped_share));
        prop_assert_eq!(a.mean, -b.mean);
    }
}
