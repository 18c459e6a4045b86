//! The stage on a one-performance corpus: its bytes are those of the model's own evaluation, and other inputs are refused.

use std::collections::BTreeMap;
use std::path::Path;

use hit_model::{
    ArmSpec, AudioSpec, ConvSpec, Declarations, Family, FinalNorm, HeadSpec, MidiSpec, ModelSpec, Precision, Source,
    Weights, d0, device, embed,
};
use hit_schema::{
    Activations, AudioSource, Checkpoint, CheckpointMeta, Embeddings, Performance, RunId, Segments, SplitIndex, Token,
    TokenBlock, WindowSpec,
};
use hit_stage::{Context, Digest, FileRef, OpenFile, OpenTree, Opened, Stage, StageError};

use crate::{Embed, Layers, Sample};

fn model() -> ModelSpec {
    ModelSpec {
        audio: AudioSpec {
            cnn: vec![ConvSpec { channels: 4, kernel: 50, stride: 50, padding: 0 }],
            norm_groups: 2,
            d_model: 4,
            n_layers: 1,
            n_heads: 2,
            d_ff: 8,
            dropout: 0.1,
            max_positions: 20,
            position_std: 0.02,
        },
        midi: MidiSpec {
            pitch_dim: 4,
            velocity_dim: 2,
            duration_dim: 2,
            n_durations: 32,
            d_model: 4,
            n_layers: 1,
            n_heads: 1,
            d_ff: 8,
            dropout: 0.1,
            max_notes: 16,
            norm: FinalNorm::BeforePooling,
        },
        heads: HeadSpec { hidden: vec![6], embedding_dim: 3 },
        precision: Precision::F32,
    }
}

fn stage() -> Embed {
    Embed {
        run: RunId { arm: "d0".into(), schedule: "cosine30".into(), seed: 7 },
        arm: ArmSpec { family: "base".into(), injections: vec![], options: BTreeMap::new(), extra: false },
        model: model(),
        batch_size: 3,
        family: d0::FAMILY,
    }
}

fn weights() -> Weights {
    let family: Family = d0::FAMILY;
    let mut declarations = Declarations::default();
    family.model(&model(), &stage().arm).unwrap().declare(&mut declarations);
    Weights::initial(&declarations, 7, &[], &device("cpu").unwrap())
}

fn opened(path: &Path) -> OpenFile {
    let size = fs_err::metadata(path).unwrap().len();
    OpenFile { path: path.to_owned(), file: FileRef { digest: Digest::of(b""), size } }
}

/// A split of one performance of 8 windows, and a checkpoint of epoch 12.
fn context(dir: &Path) -> Context {
    let windows = WindowSpec { sample_rate_hz: 400, window_s: 1.0, hop_s: 0.5, max_windows: 8, max_notes: 16 };
    let samples: Vec<f32> = (0..2000).map(|i| (0.001 * (i * i % 4001) as f32).sin()).collect();
    Segments::write_audio(&dir.join("audio"), &samples).unwrap();
    let token = |i: u8| Token { pitch: 40 + 3 * i, velocity: 20 * i, duration: i };
    TokenBlock::from_rows((0..8).map(|w| (0..=w % 5).map(token).collect())).write(&dir.join("tokens")).unwrap();
    let performance = Performance {
        id: "p".into(),
        composer: "c".into(),
        title: "t".into(),
        split: "test".into(),
        year: None,
        duration_s: 5.0,
        n_windows: 8,
        n_notes: 24,
        audio: AudioSource::Synthetic,
        midi_sha256: Digest::of(b"m"),
        audio_sha256: Digest::of(b"a"),
        skipped: None,
    };
    let index = SplitIndex { split: "test".into(), windows, performances: vec![performance] };
    fs_err::write(dir.join("index"), index.to_json()).unwrap();
    let meta = CheckpointMeta { arm: "d0".into(), epoch: 12, step: 99 };
    weights().checkpoint(meta).write(&dir.join("checkpoint")).unwrap();
    fs_err::create_dir_all(dir.join("out")).unwrap();
    let mut cx = Context::new(dir.join("out"), dir.join("scratch"));
    for name in ["index", "checkpoint"] {
        cx.inputs.insert(name.into(), Opened::File(opened(&dir.join(name))));
    }
    let tree = ["audio", "tokens"].map(|kind| (format!("{kind}/p"), opened(&dir.join(kind))));
    cx.inputs.insert("segments".into(), Opened::Tree(OpenTree(BTreeMap::from(tree))));
    cx
}

#[test]
fn embeddings_are_those_of_the_models_own_evaluation() {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = context(dir.path());
    stage().run(&mut cx).unwrap();
    let found = Embeddings::read(&dir.path().join("out/embeddings/e012.safetensors")).unwrap();
    assert_eq!((found.split.as_str(), found.epoch, found.n_windows(), found.dims), ("test", 12, 8, 3));
    let source = Source::open(&cx, "", "", &model(), &stage().arm).unwrap();
    let built = d0::FAMILY.model(&model(), &stage().arm).unwrap();
    let expected = embed::<StageError>(&*built, &weights(), &source, 3, 12, |_| Ok(())).unwrap();
    assert_eq!(found, expected);
    // Batches of another size change rounding at most.
    let other = embed::<StageError>(&*built, &weights(), &source, 8, 12, |_| Ok(())).unwrap();
    let pairs = || found.audio.iter().chain(&found.midi).zip(other.audio.iter().chain(&other.midi));
    assert!(pairs().all(|(a, b)| (a - b).abs() < 1e-5));
    // Windows differ, so the model sees them.
    assert!((0..3).any(|d| (found.audio[d] - found.audio[3 + d]).abs() > 1e-4));
    assert!((0..3).any(|d| (found.midi[d] - found.midi[3 + d]).abs() > 1e-4));
}

#[test]
fn checkpoints_of_another_arm_or_model_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = context(dir.path());
    let mut other = stage();
    other.run.arm = "d4".into();
    assert!(other.run(&mut cx).unwrap_err().to_string().contains("arm `d0`"));
    let mut wider = stage();
    wider.model.heads.hidden = vec![7];
    assert!(wider.run(&mut cx).unwrap_err().to_string().contains("heads.audio.0.weight"));
    let mut none = stage();
    none.batch_size = 0;
    assert!(none.run(&mut cx).unwrap_err().to_string().contains("batch_size"));
}

#[test]
fn a_diverged_model_is_named_and_a_request_to_stop_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = context(dir.path());
    cx.cancel.request();
    assert!(matches!(stage().run(&mut cx), Err(StageError::Cancelled)));
    let path = dir.path().join("checkpoint");
    let mut checkpoint = Checkpoint::read(&path).unwrap();
    checkpoint.params.get_mut("midi.norm.bias").unwrap().values[0] = f32::NAN;
    checkpoint.write(&path).unwrap();
    let mut cx = context(dir.path());
    checkpoint.write(&path).unwrap();
    let error = stage().run(&mut cx).unwrap_err().to_string();
    assert!(error.contains("windows 0..3") && error.contains("diverged"), "{error}");
}

#[test]
fn the_key_holds_what_the_result_depends_on() {
    let params = serde_json::to_value(stage()).unwrap();
    let keys: Vec<&str> = params.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["arm", "batch_size", "model", "run"]);
    assert_eq!(Stage::plugins(&stage()), ["hit-model"]);
}

#[test]
fn layers_are_those_of_the_windows_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = context(dir.path());
    let sample = Sample::Spread { n: 5, per_performance: 6, seed: 3 };
    Layers { embed: stage(), sample }.run(&mut cx).unwrap();
    let found = Activations::read(&dir.path().join("out/activations")).unwrap();
    assert_eq!(found.windows.len(), 5);
    assert!(found.windows.is_sorted_by(|a, b| a < b) && found.windows[4] < 8);
    let names: Vec<&str> = found.layers.keys().map(String::as_str).collect();
    assert_eq!(names, ["audio.0", "midi.0", "midi.0.padded"]);
    // One window by itself has the same row, up to rounding.
    let source = Source::open(&cx, "", "", &model(), &stage().arm).unwrap();
    let built = d0::FAMILY.model(&model(), &stage().arm).unwrap();
    let window = found.windows[3] as usize;
    let alone = hit_model::activations::<StageError>(&*built, &weights(), &source, &[window], 1, |_| Ok(())).unwrap();
    let rows = found.layers["audio.0"].values[12..16].iter().zip(&alone.layers["audio.0"].values);
    assert!(rows.clone().count() == 4 && rows.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
}

fn split(sizes: &[usize]) -> SplitIndex {
    let dir = tempfile::tempdir().unwrap();
    let cx = context(dir.path());
    let mut index = SplitIndex::read(&cx.file("index").unwrap().path).unwrap();
    let template = index.performances[0].clone();
    let performance = |(idx, &n_windows)| Performance { id: format!("p{idx}"), n_windows, ..template.clone() };
    index.performances = sizes.iter().enumerate().map(performance).collect();
    index
}

#[test]
fn a_sample_takes_no_more_than_it_may_of_each_performance() {
    let index = split(&[10, 0, 2, 50]);
    let sample = |n, per_performance, seed| Sample::Spread { n, per_performance, seed }.windows(&index).unwrap();
    let drawn = sample(500, 4, 42);
    let within = |from: usize, to: usize| drawn.iter().filter(|window| (from..to).contains(*window)).count();
    assert_eq!((within(0, 10), within(10, 12), within(12, 62), drawn.len()), (4, 2, 4, 10));
    assert!(drawn.is_sorted_by(|a, b| a < b));
    assert_eq!(sample(500, 4, 42), drawn, "the same again");
    assert_ne!(sample(500, 4, 43), drawn, "another seed, other windows");
    assert_eq!(sample(7, 4, 42).len(), 7);
    assert!(sample(7, 4, 42).iter().all(|window| drawn.contains(window)), "thinned, not drawn anew");
    assert_eq!(Sample::First { n: 3 }.windows(&index).unwrap(), [0, 1, 2]);
    assert_eq!(Sample::First { n: 500 }.windows(&index).unwrap().len(), 62);
}

#[test]
fn a_sample_without_windows_is_refused() {
    let index = split(&[3, 4]);
    for sample in [
        Sample::First { n: 0 },
        Sample::Spread { n: 0, per_performance: 4, seed: 0 },
        Sample::Spread { n: 4, per_performance: 0, seed: 0 },
    ] {
        assert!(sample.windows(&index).unwrap_err().to_string().contains("at least 1"), "{sample:?}");
    }
    assert!(Sample::First { n: 5 }.windows(&split(&[])).is_err());
}
