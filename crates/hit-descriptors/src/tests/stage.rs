//! The stage on a small split made by hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hit_schema::{AudioSource, Features, Performance, Segments, SplitIndex, Token, TokenBlock, WindowSpec};
use hit_stage::{Cancel, Context, Digest, FileRef, OpenFile, OpenTree, Opened, Progress, Stage, StageError};

use crate::{Compute, DESCRIPTORS, Describe, Stft, Variant};

pub const WINDOWS: WindowSpec =
    WindowSpec { sample_rate_hz: 4_000, window_s: 1.0, hop_s: 0.25, max_windows: 400, max_notes: 64 };

fn performance(id: &str, n_windows: usize) -> Performance {
    Performance {
        id: id.to_owned(),
        composer: "Anon".to_owned(),
        title: id.to_owned(),
        split: "validation".to_owned(),
        year: None,
        duration_s: 1.0 + 0.25 * n_windows as f64,
        n_windows,
        n_notes: 1,
        audio: AudioSource::Synthetic,
        midi_sha256: Digest::of(b"m"),
        audio_sha256: Digest::of(b"a"),
        skipped: None,
    }
}

pub fn opened(path: &Path) -> OpenFile {
    OpenFile { path: path.to_owned(), file: FileRef { digest: Digest::of(b""), size: 0 } }
}

/// A split of three performances, 3, 0 and 300 windows, in `dir`; the second chunk of the stage is not full.
pub fn split(dir: &Path) -> (SplitIndex, OpenTree) {
    split_of(dir, 300)
}

/// As [`split`], with that many windows in the third performance.
pub fn split_of(dir: &Path, n_windows: usize) -> (SplitIndex, OpenTree) {
    let performances = vec![performance("a", 3), performance("b", 0), performance("c", n_windows)];
    let index = SplitIndex { split: "validation".into(), windows: WINDOWS, performances };
    fs_err::write(dir.join("index"), index.to_json()).unwrap();
    let mut tree = BTreeMap::new();
    for p in index.performances.iter().filter(|p| p.n_windows > 0) {
        let samples: Vec<f32> =
            (0..4_000 + 1_000 * p.n_windows).map(|n| libm::sinf(n as f32 * n as f32 * 1e-5) * 0.3).collect();
        let row = |w: usize| {
            (0..=w % 5).map(|i| Token { pitch: (40 + 7 * i + w % 11) as u8, velocity: 60, duration: 1 }).collect()
        };
        for kind in ["audio", "tokens"] {
            let path = dir.join(format!("{}-{kind}", p.id));
            match kind {
                "audio" => Segments::write_audio(&path, &samples).unwrap(),
                _ => TokenBlock::from_rows((0..p.n_windows).map(row)).write(&path).unwrap(),
            }
            tree.insert(format!("{kind}/{}", p.id), opened(&path));
        }
    }
    (index, OpenTree(tree))
}

pub fn context(dir: &Path, tree: &OpenTree, threads: usize) -> Context {
    let mut cx = Context::new(dir.join(format!("out{threads}")), dir.join("scratch"));
    cx.inputs.insert("index".into(), Opened::File(opened(&dir.join("index"))));
    cx.inputs.insert("segments".into(), Opened::Tree(tree.clone()));
    cx.threads = threads;
    cx
}

pub fn describe(id: &str) -> Describe {
    Describe { descriptor: id.to_owned(), variant: Variant::Reference }
}

#[test]
fn features_are_those_of_each_window_whatever_the_threads() {
    let dir = tempfile::tempdir().unwrap();
    let (index, tree) = split(dir.path());
    let segments = Segments::open(index, &tree).unwrap();
    for descriptor in DESCRIPTORS {
        let id = descriptor.id;
        let bytes: Vec<_> = [1, 3]
            .into_iter()
            .map(|threads| {
                let mut cx = context(dir.path(), &tree, threads);
                describe(id).run(&mut cx).unwrap();
                fs_err::read(cx.output("features").unwrap()).unwrap()
            })
            .collect();
        assert!(bytes[0] == bytes[1], "{id}: one thread and three differ");
        let features = Features::open(&dir.path().join("out1/features")).unwrap();
        assert_eq!((features.n_windows(), features.meta().descriptor.as_str()), (303, id));
        assert_eq!(features.meta().variant, "reference");
        for w in [0, 2, 3, 255, 256, 302] {
            let expected = match descriptor.compute {
                Compute::Audio(compute) => {
                    compute(&mut Stft::new(), &segments.audio(w).unwrap(), Variant::Reference).unwrap()
                }
                Compute::Midi(compute) => compute(segments.tokens(w), Variant::Reference),
            };
            assert_eq!(features.window(w).unwrap(), expected, "{id}, window {w}");
        }
    }
}

#[derive(Default)]
pub struct Counting {
    pub seen: Mutex<Vec<(u64, u64)>>,
    pub cancel: Option<Cancel>,
}

impl Progress for Counting {
    fn update(&self, done: u64, total: u64, unit: &'static str) {
        assert_eq!(unit, "windows");
        self.seen.lock().unwrap().push((done, total));
        if let Some(cancel) = &self.cancel {
            cancel.request();
        }
    }
}

#[test]
fn it_tells_how_far_it_is_and_stops_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tree) = split(dir.path());
    let mut cx = context(dir.path(), &tree, 2);
    let progress = Arc::new(Counting::default());
    cx.progress = progress.clone();
    describe("d4").run(&mut cx).unwrap();
    assert_eq!(*progress.seen.lock().unwrap(), [(256, 303), (303, 303)]);

    let progress = Arc::new(Counting { cancel: Some(cx.cancel.clone()), ..Counting::default() });
    cx.progress = progress.clone();
    assert!(matches!(describe("a4").run(&mut cx), Err(StageError::Cancelled)));
    assert_eq!(*progress.seen.lock().unwrap(), [(256, 303)]);
}

#[test]
fn failures_name_the_window_or_the_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let (_, tree) = split(dir.path());
    let mut samples = vec![0.0; 304_000];
    samples[150_000] = f32::NAN;
    Segments::write_audio(&dir.path().join("c-audio"), &samples).unwrap();
    let mut cx = context(dir.path(), &tree, 2);
    let error = describe("a4").run(&mut cx).unwrap_err().to_string();
    // Window 147 of `c` is the first that reaches sample 150,000; three windows of `a` come before.
    assert!(error.contains("window 150") && error.contains("performance `c`"), "{error}");
    assert!(error.contains("sample 3000"), "{error}");
    let error = describe("a99").run(&mut cx).unwrap_err().to_string();
    assert!(error.contains("no descriptor `a99`"), "{error}");
    cx.inputs.remove("segments");
    assert!(matches!(describe("d4").run(&mut cx), Err(StageError::NoInput { .. })));
}

#[test]
fn an_empty_split_has_empty_features() {
    let dir = tempfile::tempdir().unwrap();
    let index = SplitIndex { split: "test".into(), windows: WINDOWS, performances: vec![performance("b", 0)] };
    fs_err::write(dir.path().join("index"), index.to_json()).unwrap();
    let mut cx = context(dir.path(), &OpenTree::default(), 1);
    describe("a4").run(&mut cx).unwrap();
    let features = Features::open(&cx.output("features").unwrap()).unwrap();
    assert_eq!(features.n_windows(), 0);
}

/// Parameters are the key: their names are a contract, and unknown ones are refused.
#[test]
fn parameters_read_back() {
    let stage: Describe = serde_json::from_str(r#"{"descriptor":"a4","variant":"paper"}"#).unwrap();
    assert_eq!(stage, Describe { descriptor: "a4".into(), variant: Variant::Paper });
    assert_eq!(hit_stage::canonical_json(&stage), r#"{"descriptor":"a4","variant":"paper"}"#);
    assert!(serde_json::from_str::<Describe>(r#"{"descriptor":"a4"}"#).is_err());
    assert!(serde_json::from_str::<Describe>(r#"{"descriptor":"a4","variant":"paper","x":1}"#).is_err());
}
