//! The stage that measures what definitions imply, on a small split made by hand.

use std::path::Path;
use std::sync::Arc;

use hit_schema::{AudioSource, Features, Observation, Performance, Segments, SplitIndex};
use hit_stage::{Context, OpenTree, Opened, Stage, StageError};

use super::stage::{Counting, WINDOWS, context, describe, opened, split, split_of};
use super::support::{BOTH, tokens};
use crate::{DESCRIPTORS, Describe, Examine, Look, Stft, Tally, Variant, a7, a8, a9, d4};

const IDS: [&str; 6] = ["a4", "a4e", "a7", "a8", "a9", "d4"];

fn examine(ids: &[&str], variant: Variant) -> Examine {
    Examine { descriptors: ids.iter().map(|&id| id.to_owned()).collect(), variant }
}

/// Describes the split, then hands it to the stage.
fn described(dir: &Path, tree: &OpenTree, ids: &[&str], variant: Variant, threads: usize) -> Context {
    let mut cx = context(dir, tree, threads);
    for &id in ids {
        let path = dir.join(format!("{id}-{}", variant.name()));
        if !path.exists() {
            let describe = Describe { variant, ..describe(id) };
            describe.run(&mut cx).unwrap();
            fs_err::rename(cx.output("features").unwrap(), &path).unwrap();
        }
        cx.inputs.insert(format!("features/{id}"), Opened::File(opened(&path)));
    }
    cx
}

fn run(stage: &Examine, cx: &mut Context) -> Vec<Observation> {
    stage.run(cx).unwrap();
    Observation::read(&cx.output("observations").unwrap()).unwrap()
}

fn value(rows: &[Observation], descriptor: &str, metric: &str) -> (f64, u64) {
    let row = rows.iter().find(|row| row.descriptor == descriptor && row.metric == metric).unwrap();
    (row.value, row.n)
}

/// Each number computed once more, from the windows themselves.
#[test]
fn observations_are_those_of_the_windows() {
    let dir = tempfile::tempdir().unwrap();
    let (index, tree) = split_of(dir.path(), 20);
    let segments = Segments::open(index, &tree).unwrap();
    for variant in BOTH {
        let rows = run(&examine(&IDS, variant), &mut described(dir.path(), &tree, &IDS, variant, 2));
        assert!(rows.is_sorted_by_key(|row| (row.descriptor.clone(), row.metric.clone())));
        assert_eq!(rows.iter().filter(|row| row.descriptor == "a4e").count(), 0);
        let features = Features::open(&dir.path().join(format!("a4-{}", variant.name()))).unwrap();
        let (mut time_mean_max, mut squares, mut adjacent, mut neighbours, mut active, mut notes) =
            (0.0f64, 0.0, 0, 0, 0.0, 0);
        for w in 0..23 {
            let a4 = features.window(w).unwrap();
            for b in 0..8 {
                let values: Vec<f64> = (0..8).map(|t| f64::from(a4[8 * t + b])).collect();
                time_mean_max = time_mean_max.max((values.iter().sum::<f64>() / 8.0).abs());
                squares += values.iter().map(|v| v * v).sum::<f64>() / 8.0;
            }
            let audio = segments.audio(w).unwrap();
            Stft::new()
                .for_each_frame(&audio, |_, magnitudes| {
                    let bins = a7::largest_bins(magnitudes);
                    let n = (5..1024).filter(|k| bins.contains(k) && bins.contains(&(k + 1))).count();
                    adjacent += usize::from(n > 0);
                    neighbours += n;
                })
                .unwrap();
            let raw = a9::all_activations(&mut Stft::new(), &audio, variant).unwrap();
            active += a9::active_shares(&raw).iter().sum::<f64>();
            notes += segments.tokens(w).len() as u64;
        }
        let close = |metric: (f64, u64), expected: f64, n: u64| {
            assert!((metric.0 - expected).abs() < 1e-12 && metric.1 == n, "{metric:?}, expected {expected} of {n}");
        };
        close(value(&rows, "a4", "time_mean_max"), time_mean_max, 23 * 8);
        close(value(&rows, "a4", "mean_square"), squares / (23.0 * 8.0), 23 * 8);
        close(value(&rows, "a7", "adjacent_share"), adjacent as f64 / (23.0 * 8.0), 23 * 8);
        close(value(&rows, "a7", "leakage_pair_share"), neighbours as f64 / (23.0 * 8.0 * 28.0), 23 * 8 * 28);
        close(value(&rows, "a9", "active_share"), active / (23.0 * 12.0), 23 * 8 * 12);
        close(value(&rows, "d4", "repeated_share"), 1.0, notes);
        assert!(time_mean_max < 1e-6 && (value(&rows, "a4", "mean_square").0 - 1.0).abs() < 0.13);
        let (effect, n) = value(&rows, "a8", "gate_effect_max");
        assert!(effect > 0.0 && effect < 3.1e-8, "{effect}");
        assert!(n > 23 * 6 && n <= 23 * 7, "{n}");
        close(value(&rows, "a8", "gated_share"), 0.0, n);
        close(value(&rows, "a8", "zero_frame_share"), 1.0 - n as f64 / (23.0 * 8.0), 23 * 8);
    }
}

#[test]
fn neither_threads_nor_order_nor_repetition_matter() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tree) = split(dir.path());
    let bytes: Vec<_> = [(1, &["d4", "a7"][..]), (3, &["a7", "d4", "a7"])]
        .into_iter()
        .map(|(threads, ids)| {
            let mut cx = described(dir.path(), &tree, ids, Variant::Reference, threads);
            run(&examine(ids, Variant::Reference), &mut cx);
            fs_err::read_to_string(cx.output("observations").unwrap()).unwrap()
        })
        .collect();
    assert_eq!(bytes[0], bytes[1]);
    let metrics: Vec<_> = bytes[0].lines().skip(1).map(|line| line.split(',').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(metrics, [["a7", "adjacent_share"], ["a7", "leakage_pair_share"], ["d4", "repeated_share"]]);
}

/// What is not there is not reported: no descriptors, or no windows.
#[test]
fn nothing_seen_is_nothing_said() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tree) = split_of(dir.path(), 2);
    let mut cx = described(dir.path(), &tree, &["a4e"], Variant::Reference, 1);
    assert_eq!(run(&examine(&[], Variant::Reference), &mut cx), []);
    assert_eq!(run(&examine(&["a4e"], Variant::Reference), &mut cx), []);

    let empty = tempfile::tempdir().unwrap();
    let performances: Vec<Performance> = Vec::new();
    let index = SplitIndex { split: "test".into(), windows: WINDOWS, performances };
    fs_err::write(empty.path().join("index"), index.to_json()).unwrap();
    let mut cx = described(empty.path(), &OpenTree::default(), &IDS, Variant::Paper, 1);
    assert_eq!(run(&examine(&IDS, Variant::Paper), &mut cx), []);
}

#[test]
fn features_of_something_else_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut index, tree) = split_of(dir.path(), 20);
    let mut cx = described(dir.path(), &tree, &["a4", "a7", "d4"], Variant::Reference, 1);
    let fails = |cx: &mut Context, ids: &[&str], variant| examine(ids, variant).run(cx).unwrap_err().to_string();
    let error = fails(&mut cx, &["a4"], Variant::Paper);
    assert!(error.contains("`features/a4` holds a4 (reference), 8 values a row, 23 windows"), "{error}");
    assert!(error.contains("expected is a4 (paper)"), "{error}");
    let a7 = cx.inputs["features/a7"].clone();
    cx.inputs.insert("features/a9".into(), a7);
    let error = fails(&mut cx, &["a9"], Variant::Reference);
    assert!(error.contains("`features/a9` holds a7"), "{error}");
    let error = fails(&mut cx, &["a4", "d5"], Variant::Reference);
    assert!(error.contains("no descriptor `d5`"), "{error}");

    // Other windows than those that were described.
    index.performances.retain(|p| p.id != "a");
    assert!(index.performances.iter().all(|p| p.audio == AudioSource::Synthetic));
    fs_err::write(dir.path().join("index"), index.to_json()).unwrap();
    let error = fails(&mut cx, &["d4"], Variant::Reference);
    assert!(error.contains("23 windows") && error.contains("20 windows"), "{error}");
    cx.inputs.remove("features/d4");
    assert!(matches!(examine(&["d4"], Variant::Reference).run(&mut cx), Err(StageError::NoInput { .. })));
}

#[test]
fn it_stops_on_request_and_names_the_window_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tree) = split(dir.path());
    let mut cx = described(dir.path(), &tree, &["a4", "a8", "d4"], Variant::Reference, 2);
    let progress = Arc::new(Counting { cancel: Some(cx.cancel.clone()), ..Counting::default() });
    cx.progress = progress.clone();
    assert!(matches!(examine(&["a4"], Variant::Reference).run(&mut cx), Err(StageError::Cancelled)));
    assert_eq!(*progress.seen.lock().unwrap(), [(256, 303)]);

    let mut cx = described(dir.path(), &tree, &["a4", "a8", "d4"], Variant::Reference, 2);
    let mut samples = vec![0.0; 304_000];
    samples[150_000] = f32::INFINITY;
    Segments::write_audio(&dir.path().join("c-audio"), &samples).unwrap();
    let error = examine(&["a8"], Variant::Reference).run(&mut cx).unwrap_err().to_string();
    assert!(error.contains("window 150") && error.contains("sample 3000"), "{error}");
    // Features alone do not need the samples.
    assert_eq!(run(&examine(&["d4"], Variant::Reference), &mut cx).len(), 1);
}

#[test]
fn parameters_read_back() {
    let stage = examine(&["a4", "d4"], Variant::Paper);
    let text = hit_stage::canonical_json(&stage);
    assert_eq!(text, r#"{"descriptors":["a4","d4"],"variant":"paper"}"#);
    assert_eq!(serde_json::from_str::<Examine>(&text).unwrap(), stage);
    assert!(serde_json::from_str::<Examine>(r#"{"descriptors":["a4"]}"#).is_err());
    assert_eq!((Examine::KIND, stage.outputs()), ("examine", vec!["observations"]));
}

/// The tallies come in the order of the metrics, and names are unique.
#[test]
fn each_look_fits_its_metrics() {
    for descriptor in DESCRIPTORS {
        let Some(examination) = descriptor.examine else { continue };
        let names: std::collections::BTreeSet<_> = examination.metrics.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), examination.metrics.len(), "{}", descriptor.id);
        assert!(examination.metrics.iter().all(|metric| !metric.meaning.is_empty()));
        let tallies = match examination.look {
            Look::Features(look) => look(&[]),
            Look::Audio(look) => look(&mut Stft::new(), &[0.0; 2_000], &[], Variant::Reference).unwrap(),
        };
        assert_eq!(tallies.len(), names.len(), "{}", descriptor.id);
    }
}

/// By hand: a leap of 25 semitones splits the features of both its notes; a gate that bites is seen; silence is not
/// counted among the frames that sound.
#[test]
fn looks_see_what_is_there() {
    let features = |look: Look, values: &[f32]| match look {
        Look::Features(look) => look(values),
        Look::Audio(_) => panic!("it looks at features"),
    };
    let rows = d4::d4(&tokens(&[60, 85, 86, 87]), Variant::Reference);
    assert_eq!(features(d4::DESCRIPTOR.examine.unwrap().look, &rows), [Tally { value: 2.0, n: 4 }]);

    let audio = |look: Look, audio: &[f32], values: &[f32]| match look {
        Look::Features(_) => panic!("it looks at audio"),
        Look::Audio(look) => look(&mut Stft::new(), audio, values, Variant::Reference).unwrap(),
    };
    let look = a7::DESCRIPTOR.examine.unwrap().look;
    assert_eq!(audio(look, &[0.0; 4_000], &[]), [Tally { value: 0.0, n: 0 }; 2]);

    let sound = super::support::signal();
    let mut rows = a8::a8(&mut Stft::new(), &sound, Variant::Reference).unwrap();
    rows[12 * 4..12 * 5].fill(0.0);
    rows[12 * 7] += 0.25;
    let tallies = audio(a8::DESCRIPTOR.examine.unwrap().look, &sound, &rows);
    assert!(tallies[0].value > 0.24 && tallies[0].n == 11, "{tallies:?}");
    assert_eq!(tallies[1..], [Tally { value: 2.0, n: 11 }, Tally { value: 2.0, n: 12 }]);
}
