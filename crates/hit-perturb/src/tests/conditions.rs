//! Every condition: how it is written, that it is checked, that it tells how far it is and stops.

use serde_json::{Value, json};

use super::support::{Bench, watched};
use crate::{FeatureCondition, Padding, PerturbFeatures, PerturbSegments, SegmentCondition};

/// Every condition of features, as a configuration writes it.
fn features() -> Vec<(Value, FeatureCondition)> {
    let padding = Padding::Counted;
    vec![
        (json!({"kind": "zero"}), FeatureCondition::Zero {}),
        (
            json!({"kind": "noise", "batches": 20, "batch_size": 16, "padding": "counted"}),
            FeatureCondition::Noise { batches: 20, batch_size: 16, padding },
        ),
        (json!({"kind": "shuffle_local", "batch_size": 32}), FeatureCondition::ShuffleLocal { batch_size: 32 }),
        (json!({"kind": "shuffle_global"}), FeatureCondition::ShuffleGlobal {}),
        (json!({"kind": "offset", "dim": 1, "epsilon": 0.1}), FeatureCondition::Offset { dim: 1, epsilon: 0.1 }),
        (json!({"kind": "zero_dim", "dim": 0}), FeatureCondition::ZeroDim { dim: 0 }),
        (
            json!({"kind": "random", "batches": 50, "batch_size": 16, "padding": "left_out"}),
            FeatureCondition::Random { batches: 50, batch_size: 16, padding: Padding::LeftOut },
        ),
        (json!({"kind": "shuffled"}), FeatureCondition::Shuffled {}),
    ]
}

/// Every condition of segments.
fn segments() -> Vec<(Value, SegmentCondition)> {
    vec![
        (json!({"kind": "transpose", "semitones": -3}), SegmentCondition::Transpose { semitones: -3 }),
        (json!({"kind": "velocity", "factor": 0.5}), SegmentCondition::Velocity { factor: 0.5 }),
        (json!({"kind": "shift", "samples": -8000}), SegmentCondition::Shift { samples: -8000 }),
        (json!({"kind": "white_noise", "snr_db": 5.0}), SegmentCondition::WhiteNoise { snr_db: 5.0 }),
    ]
}

/// Parameters are the key: their names are a contract, and unknown ones are refused.
#[test]
fn conditions_are_written_by_kind() {
    for (text, condition) in features() {
        let stage = PerturbFeatures { condition, seed: 7 };
        assert_eq!(serde_json::to_value(stage).unwrap(), json!({"condition": text, "seed": 7}));
        assert_eq!(serde_json::from_value::<FeatureCondition>(text.clone()).unwrap(), condition);
        assert_eq!(text["kind"], condition.name());
        let mut more = text;
        more["x"] = json!(1);
        assert!(serde_json::from_value::<FeatureCondition>(more.clone()).is_err(), "{more}");
    }
    for (text, condition) in segments() {
        let stage = PerturbSegments { condition, seed: 7 };
        assert_eq!(serde_json::to_value(stage).unwrap(), json!({"condition": text, "seed": 7}));
        assert_eq!(serde_json::from_value::<SegmentCondition>(text.clone()).unwrap(), condition);
        assert_eq!(text["kind"], condition.name());
        let mut more = text;
        more["x"] = json!(1);
        assert!(serde_json::from_value::<SegmentCondition>(more.clone()).is_err(), "{more}");
    }
    // No value has a default, and a whole number may stand for any.
    assert!(serde_json::from_value::<FeatureCondition>(json!({"kind": "offset", "dim": 1})).is_err());
    assert!(serde_json::from_value::<SegmentCondition>(json!({"kind": "white_noise", "snr_db": 5})).is_ok());
}

/// Every condition stands in the schema with a text, under its name.
#[test]
fn the_schema_lists_every_condition() {
    for (schema, names) in [
        (schemars::schema_for!(FeatureCondition), features().iter().map(|(_, c)| c.name()).collect::<Vec<_>>()),
        (schemars::schema_for!(SegmentCondition), segments().iter().map(|(_, c)| c.name()).collect()),
    ] {
        let listed = schema.as_value()["oneOf"].as_array().unwrap();
        assert!(listed.iter().all(|one| one["description"].is_string() && one["additionalProperties"] == false));
        let kinds: Vec<_> = listed.iter().map(|one| one["properties"]["kind"]["const"].as_str().unwrap()).collect();
        assert_eq!(kinds, names);
    }
}

/// Each through the context: outputs under their names, the same bytes twice and with any number of threads, another
/// seed another result exactly where there is chance.
#[test]
fn every_condition_runs_and_repeats() {
    let rows: Vec<Vec<f32>> =
        (0..300).map(|w| (0..2 + 2 * (w % 3)).map(|i| (w * 7 + i * i) as f32).collect()).collect();
    let bench = Bench::new(&[100, 120, 0, 80]);
    let bench = bench.with_features("features", true, &rows).with_features("statistics", true, &rows);
    for (_, condition) in features() {
        let run = |seed, threads| bench.run(&PerturbFeatures { condition, seed }, threads).unwrap().bytes();
        let chance = !["zero", "offset", "zero_dim"].contains(&condition.name());
        let first = run(1, 1);
        assert_eq!(first.keys().collect::<Vec<_>>(), ["features"]);
        assert!(first == run(1, 4), "{}", condition.name());
        assert_eq!(first == run(2, 4), !chance, "{}", condition.name());
        assert_eq!(condition.needs_statistics(), condition.name() == "random");
    }
    let bench = Bench::new(&[3, 4, 0, 2]).with_segments();
    for (_, condition) in segments() {
        let run = |seed, threads| bench.run(&PerturbSegments { condition, seed }, threads).unwrap().bytes();
        let first = run(1, 1);
        // The index, and a file of audio and one of tokens for each of three performances.
        assert_eq!(first.len(), 7, "{}", condition.name());
        let side = if condition.changes_audio() { "segments/audio/" } else { "segments/tokens/" };
        let own = |name: &String| name.starts_with(side) || condition.changes_audio() && name == "index";
        let written = first.keys().filter(|name| !name.ends_with("(linked)")).all(own);
        assert!(written, "{:?}", first.keys());
        assert!(first == run(1, 4), "{}", condition.name());
        assert_eq!(first == run(2, 4), condition.name() != "white_noise");
    }
}

#[test]
fn they_tell_how_far_they_are_and_stop_on_request() {
    let rows = vec![vec![1.0; 4]; 300];
    let bench = Bench::new(&[100, 100, 100]).with_features("features", false, &rows);
    let stage = PerturbFeatures { condition: FeatureCondition::Zero {}, seed: 1 };
    assert_eq!(watched(&bench, &stage), [vec![(256, 300), (300, 300)], vec![(256, 300)]]);
    let bench = Bench::new(&[3, 0, 4, 2]).with_segments();
    for (_, condition) in segments() {
        let stage = PerturbSegments { condition, seed: 1 };
        assert_eq!(watched(&bench, &stage), [vec![(3, 9), (7, 9), (9, 9)], vec![(3, 9)]]);
    }
}

/// Stopped before it began, no condition writes anything.
#[test]
fn nothing_is_written_after_a_stop() {
    let bench = Bench::new(&[2, 2]).with_segments().with_features("features", true, &vec![vec![1.0; 2]; 4]);
    let mut cx = bench.context("out", 2);
    cx.cancel.request();
    let padding = Padding::LeftOut;
    let condition = FeatureCondition::Noise { batches: 1, batch_size: 2, padding };
    for result in [
        hit_stage::Stage::run(&PerturbFeatures { condition, seed: 1 }, &mut cx),
        hit_stage::Stage::run(
            &PerturbSegments { condition: SegmentCondition::Transpose { semitones: 1 }, seed: 1 },
            &mut cx,
        ),
    ] {
        assert!(matches!(result, Err(hit_stage::StageError::Cancelled)));
    }
    assert!(!cx.staging.exists());
}
