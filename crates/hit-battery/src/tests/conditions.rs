//! Models under conditions, and how far their embeddings move.

use std::collections::BTreeMap;
use std::path::Path;

use hit_schema::Embeddings;
use hit_stage::{Context, Digest, FileRef, OpenFile, OpenTree, Opened, Stage};
use hit_stats::Measurement;

use super::{BOOTSTRAP, Fake, fake, find, value};
use crate::{Conditions, Sensitivity};

fn conditions() -> Conditions {
    let means = [("within_3".to_owned(), vec!["transpose.-3".to_owned(), "transpose.+3".to_owned()])].into();
    Conditions { stage: "t04".into(), means, bootstrap: BOOTSTRAP, seed: 42 }
}

fn run(stage: &impl Stage, put: impl Fn(&Path, &mut Context)) -> Result<Vec<Measurement>, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
    put(dir.path(), &mut cx);
    stage.run(&mut cx).map_err(|error| error.to_string())?;
    Ok(Measurement::read(&dir.path().join("out/measurements")).unwrap())
}

fn under(fakes: &[(&str, Fake)]) -> Result<Vec<Measurement>, String> {
    run(&conditions(), |dir, cx| {
        for (condition, fake) in fakes {
            fake.put_under(condition, dir, cx);
        }
    })
}

#[test]
fn s_under_a_condition_stands_beside_s_without() {
    let fakes = [
        ("normal", fake("d0@c#1", 24)),
        ("transpose.-3", fake("d0@c#1", 60)),
        ("transpose.+3", fake("d0@c#1", 72)),
        ("transpose.+6", fake("d0@c#1", 90)),
        ("normal", fake("a4@c#1", 12)),
        ("transpose.-3", fake("a4@c#1", 24)),
    ];
    let rows = under(&fakes).unwrap();
    assert!(rows.iter().all(|row| row.stage == "t04" && row.seed == Some(1)));
    assert!((value(&rows, "d0", "normal", "s") - 80.0).abs() < 1e-9);
    assert!((value(&rows, "d0", "transpose.-3", "s") - 50.0).abs() < 1e-9);
    let delta = find(&rows, "d0", "transpose.-3", "delta_s").unwrap();
    assert!((delta.value + 30.0).abs() < 1e-9 && delta.unit == "pp");
    let (low, high) = delta.interval.unwrap();
    assert!(low <= delta.value && delta.value <= high && high < 0.0, "{low}..{high}");
    assert!(find(&rows, "d0", "normal", "delta_s").is_none(), "it is not compared with itself");
    // (50 + 40) / 2 of 80.
    assert!((value(&rows, "d0", "within_3", "retention") - 56.25).abs() < 1e-9);
    assert!(find(&rows, "a4", "within_3", "retention").is_none(), "one of its conditions is missing");
    assert!((value(&rows, "a4", "transpose.-3", "delta_s") + 10.0).abs() < 1e-9, "each model beside itself");
}

#[test]
fn what_cannot_be_compared_is_named() {
    assert!(under(&[]).unwrap_err().contains("no results of runs"));
    let alone = under(&[("zero.a4", fake("a4@c#1", 3))]).unwrap_err();
    assert!(alone.contains("`a4@c#1`") && alone.contains("normal"), "{alone}");
    let mut other = fake("a4@c#1", 3);
    other.hits.pop();
    let queries = under(&[("normal", fake("a4@c#1", 3)), ("zero.a4", other)]).unwrap_err();
    assert!(queries.contains("different queries"), "{queries}");
}

fn tree(dir: &Path, name: &str, audio: &[f32], midi: &[f32]) -> Opened {
    let embeddings =
        Embeddings { split: "validation".into(), epoch: 4, dims: 2, audio: audio.to_vec(), midi: midi.to_vec() };
    let path = dir.join(name);
    embeddings.write(&path).unwrap();
    let file = OpenFile { path, file: FileRef { digest: Digest::of(b""), size: 0 } };
    Opened::Tree(OpenTree(BTreeMap::from([(Embeddings::entry(4), file)])))
}

#[test]
fn embeddings_move_by_the_mean_length_of_their_differences() {
    let stage = Sensitivity { stage: "t08".into(), first: 1 };
    let rows = run(&stage, |dir, cx| {
        cx.inputs.insert("normal/a4@c#1".into(), tree(dir, "n", &[0.0, 0.0, 1.0, 1.0], &[2.0; 4]));
        cx.inputs.insert("offset.a4.3/a4@c#1".into(), tree(dir, "o", &[3.0, 4.0, 1.0, 2.0], &[2.0; 4]));
    })
    .unwrap();
    // Lengths 5 and 1.
    assert_eq!(value(&rows, "a4", "offset.a4.3", "moved_audio"), 3.0);
    assert_eq!(value(&rows, "a4", "offset.a4.3", "moved_audio_first"), 5.0);
    assert_eq!(value(&rows, "a4", "offset.a4.3", "moved_midi"), 0.0);
    assert_eq!(find(&rows, "a4", "offset.a4.3", "moved_audio").unwrap().n, Some(2));
    assert!(rows.iter().all(|row| row.condition != "normal"));
}

#[test]
fn embeddings_of_other_shapes_are_refused() {
    let stage = Sensitivity { stage: "t08".into(), first: 1 };
    let refused = run(&stage, |dir, cx| {
        cx.inputs.insert("normal/a4@c#1".into(), tree(dir, "n", &[0.0; 4], &[2.0; 4]));
        cx.inputs.insert("offset.a4.3/a4@c#1".into(), tree(dir, "o", &[3.0; 6], &[2.0; 6]));
    });
    assert!(refused.unwrap_err().contains("`offset.a4.3`"));
    let lone = run(&stage, |dir, cx| {
        cx.inputs.insert("offset.a4.3/a4@c#1".into(), tree(dir, "o", &[3.0; 6], &[2.0; 6]));
    });
    assert!(lone.unwrap_err().contains("normal"));
    assert!(run(&stage, |_, _| ()).is_err());
}
