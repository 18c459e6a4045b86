//! What is refused, and what is said of it.

use hit_schema::{FeatureBlock, FeatureMeta, WindowSpec};
use hit_stage::{Opened, Stage, StageError};
use proptest::prelude::*;

use super::support::{Bench, WINDOWS};
use crate::{FeatureCondition, Padding, PerturbFeatures, PerturbSegments, SegmentCondition};

fn features(condition: FeatureCondition) -> PerturbFeatures {
    PerturbFeatures { condition, seed: 1 }
}

fn segments(condition: SegmentCondition) -> PerturbSegments {
    PerturbSegments { condition, seed: 1 }
}

fn noise(batches: usize, batch_size: usize) -> FeatureCondition {
    FeatureCondition::Noise { batches, batch_size, padding: Padding::LeftOut }
}

const RANDOM: FeatureCondition = FeatureCondition::Random { batches: 1, batch_size: 16, padding: Padding::LeftOut };

/// Four windows of two rows.
fn bench() -> Bench {
    Bench::new(&[2, 2]).with_segments().with_features("features", false, &vec![vec![1.0; 4]; 4])
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn parameters_out_of_range_are_named() {
    let bench = bench();
    assert_says(&bench.fails(&features(noise(0, 16))), &["`noise`", "`batches` = 0"]);
    assert_says(&bench.fails(&features(noise(1, 0))), &["`noise`", "`batch_size` = 0"]);
    let one = FeatureCondition::ShuffleLocal { batch_size: 1 };
    assert_says(&bench.fails(&features(one)), &["`shuffle_local`", "`batch_size` = 1"]);
    let nan = FeatureCondition::Offset { dim: 0, epsilon: f64::NAN };
    assert_says(&bench.fails(&features(nan)), &["`offset`", "`epsilon` = NaN"]);
    for semitones in [128, -128, i32::MIN] {
        let wrong = segments(SegmentCondition::Transpose { semitones });
        assert_says(&bench.fails(&wrong), &["`transpose`", &format!("`semitones` = {semitones}")]);
    }
    for factor in [-0.5, f64::NAN, f64::INFINITY] {
        assert_says(&bench.fails(&segments(SegmentCondition::Velocity { factor })), &["`velocity`", "`factor`"]);
    }
    let wrong = segments(SegmentCondition::WhiteNoise { snr_db: f64::NEG_INFINITY });
    assert_says(&bench.fails(&wrong), &["`white_noise`", "`snr_db` = -inf"]);
}

#[test]
fn columns_that_are_not_there_are_named() {
    for condition in [FeatureCondition::ZeroDim { dim: 2 }, FeatureCondition::Offset { dim: 2, epsilon: 0.1 }] {
        assert_says(&bench().fails(&features(condition)), &["`dim` = 2", "`a4` has the values 0..2 a row"]);
    }
    let wrong = features(FeatureCondition::ZeroDim { dim: usize::MAX });
    assert!(bench().run(&wrong, 1).is_err());
}

#[test]
fn features_of_another_split_are_refused() {
    let bench = Bench::new(&[2, 3]).with_features("features", false, &vec![vec![1.0; 4]; 4]);
    let text = bench.fails(&features(FeatureCondition::Zero {}));
    assert_says(&text, &["`features` has 4 windows", "split `validation` has 5"]);
}

#[test]
fn statistics_of_another_descriptor_are_refused() {
    assert_says(&bench().fails(&features(RANDOM)), &["no input `statistics`"]);
    let other = bench().with_features("statistics", true, &[vec![1.0; 2]]);
    assert_says(&other.fails(&features(RANDOM)), &["holds d4 (reference), 2", "expected is a4 (reference), 2"]);
    let mut wider = bench();
    let meta = FeatureMeta { descriptor: "a4".into(), variant: "reference".into(), dims: 3, per_note: false };
    wider.put("statistics", |path| FeatureBlock::from_windows(meta, [vec![1.0; 3]]).write(path).unwrap());
    assert_says(&wider.fails(&features(RANDOM)), &["3 values a row", "2 values a row"]);
}

/// A deviation needs two values: of all together, or of each column.
#[test]
fn statistics_of_too_little_are_refused() {
    let none = bench().with_features("statistics", false, &[]);
    assert_says(&none.fails(&features(RANDOM)), &["`random`", "`statistics` has 0 values"]);
    let one = bench().with_features("statistics", false, &[vec![1.0; 2]]);
    assert_says(&one.fails(&features(RANDOM)), &["`statistics` has 1 values"]);
    let empty = Bench::new(&[1, 1]).with_features("features", true, &[vec![], vec![1.0; 2]]);
    assert_says(&empty.fails(&features(noise(1, 1))), &["`noise`", "`features` has 0 values"]);
}

#[test]
fn orders_that_do_not_exist_are_refused() {
    let text = |n_windows: &[usize], condition| {
        let rows = vec![vec![1.0; 2]; n_windows.iter().sum()];
        Bench::new(n_windows).with_features("features", false, &rows).fails(&features(condition))
    };
    let global = text(&[2, 5], FeatureCondition::ShuffleGlobal {});
    assert_says(&global, &["`shuffle_global`", "5 of the 7 windows of split `validation`"]);
    assert_says(&text(&[1], FeatureCondition::Shuffled {}), &["`shuffled`", "1 of the 1 windows"]);
}

#[test]
fn values_that_are_not_finite_are_named() {
    for value in [f32::NAN, f32::INFINITY] {
        let mut rows = vec![vec![1.0; 4]; 4];
        rows[2][3] = value;
        let bench = bench().with_features("features", false, &rows);
        for condition in [FeatureCondition::Zero {}, FeatureCondition::Shuffled {}, noise(9, 9)] {
            assert_says(&bench.fails(&features(condition)), &["value 3 of window 2 in `features`"]);
        }
        let bench = bench.with_features("features", false, &vec![vec![1.0; 4]; 4]);
        let bench = bench.with_features("statistics", false, &rows);
        assert_says(&bench.fails(&features(RANDOM)), &["value 3 of window 2 in `statistics`"]);
    }
    let bench = Bench::new(&[2, 2])
        .with_audio(|p, n| (0..n).map(|i| if p == 1 && i == 2_100 { f32::NAN } else { 0.1 }).collect());
    let text = bench.fails(&segments(SegmentCondition::Shift { samples: 0 }));
    assert_says(&text, &["value 1600 of window 1 in `segments/audio/validation/p1`"]);
    // Notes are damaged without a look at the audio.
    assert!(bench.run(&segments(SegmentCondition::Velocity { factor: 0.5 }), 1).is_ok());
}

#[test]
fn results_that_do_not_fit_are_refused() {
    let wrong = features(FeatureCondition::Offset { dim: 0, epsilon: 1e300 });
    assert_says(&bench().fails(&wrong), &["`offset`", "window 0", "too large"]);
    for snr_db in [-2_000.0, -1e9] {
        let text = bench().fails(&segments(SegmentCondition::WhiteNoise { snr_db }));
        assert_says(&text, &["`white_noise`", "window 0", "too large"]);
    }
}

#[test]
fn windows_of_no_length_are_refused() {
    for (sample_rate_hz, window_s) in [(0, 1.0), (2_000, 0.0), (2_000, f64::MAX), (2_000, -1.0)] {
        let mut bench = bench();
        bench.index.windows = WindowSpec { sample_rate_hz, window_s, ..WINDOWS };
        let text = bench.with_index().fails(&segments(SegmentCondition::Shift { samples: 1 }));
        assert_says(&text, &["`index`", "`sample_rate_hz`"]);
    }
}

#[test]
fn missing_and_damaged_inputs_are_named() {
    for name in ["index", "features", "segments"] {
        let mut bench = bench();
        bench.inputs.remove(name);
        let zero = bench.run(&features(FeatureCondition::Zero {}), 1);
        let shift = bench.run(&segments(SegmentCondition::Shift { samples: 1 }), 1);
        let missing = |result: Result<_, StageError>| matches!(result, Err(StageError::NoInput { .. }));
        assert_eq!((missing(zero), missing(shift)), (name != "segments", name != "features"));
    }
    let mut bench = bench();
    let Some(Opened::Tree(tree)) = bench.inputs.get_mut("segments") else { panic!("a tree") };
    tree.0.remove("audio/validation/p1");
    // What is not read is missed as well: it would have to be linked.
    for condition in [SegmentCondition::Shift { samples: 1 }, SegmentCondition::Velocity { factor: 1.0 }] {
        assert_says(&bench.fails(&segments(condition)), &["audio/validation/p1"]);
    }
    bench.put("index", |path| fs_err::write(path, "{").unwrap());
    assert_says(&bench.fails(&features(FeatureCondition::Zero {})), &["split index"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A cut or altered feature file is an error or reads as some features; it never panics.
    #[test]
    fn damaged_features_never_panic(cut in 0usize..300, flip in 0usize..300, bit in 0u8..8) {
        let mut bench = bench();
        let whole = match &bench.inputs["features"] {
            Opened::File(file) => fs_err::read(&file.path).unwrap(),
            Opened::Tree(_) => unreachable!(),
        };
        let mut bytes = whole[..whole.len().saturating_sub(cut)].to_vec();
        if let Some(byte) = bytes.get_mut(flip) {
            *byte ^= 1 << bit;
        }
        bench.put("features", |path| fs_err::write(path, &bytes).unwrap());
        for condition in [FeatureCondition::Zero {}, FeatureCondition::ShuffleGlobal {}, noise(2, 2)] {
            let mut cx = bench.context("out", 1);
            let result = features(condition).run(&mut cx);
            prop_assert!(cut == 0 || result.is_err());
        }
    }

    /// Any window spec is an error or a split that reads back; it never panics.
    #[test]
    fn hostile_windows_never_panic(rate in 0u32..100_000, window_s in -1.0..2.0f64, hop_s in -1.0..1.0f64) {
        let mut bench = bench();
        bench.index.windows = WindowSpec { sample_rate_hz: rate, window_s, hop_s, ..WINDOWS };
        let bench = bench.with_index();
        if let Ok(out) = bench.run(&segments(SegmentCondition::Shift { samples: 3 }), 1) {
            let (before, after) = (bench.segments(), out.segments());
            for w in 0..4 {
                let n = before.audio(w).unwrap().len();
                prop_assert_eq!(&after.audio(w).unwrap()[3.min(n)..], &before.audio(w).unwrap()[..n.saturating_sub(3)]);
            }
        }
    }

    /// Stored one after another, window `k` starts where `k` windows end, whatever the rate and length.
    #[test]
    fn windows_apart_do_not_overlap(rate in 1u32..200_000, window_s in 0.001..20.0f64, k in 0usize..2_000) {
        let windows = WindowSpec { sample_rate_hz: rate, window_s, ..WINDOWS };
        if let Ok(apart) = crate::segments::apart(&windows) {
            prop_assert_eq!(apart.window_samples(), windows.window_samples());
            prop_assert_eq!(apart.start_sample(k), k * windows.window_samples());
        }
    }
}
