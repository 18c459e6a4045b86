//! Data of the reference vectors, and small splits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hit_schema::{AudioSource, Embeddings, FeatureBlock, FeatureMeta, Performance, RunId, SplitIndex, WindowSpec};
use hit_stage::{Context, Digest, FileRef, OpenFile, OpenTree, Opened, Stage, StageError};
use hit_stats::Measurement;
use proptest::prelude::*;
use serde::Deserialize;

use crate::Matrix;

/// `tests/golden/represent.py` writes it.
#[derive(Deserialize)]
pub struct Golden {
    /// CKA, debiased CKA and RSA by pair.
    pub likeness: BTreeMap<String, [f64; 3]>,
    pub ridge: BTreeMap<String, GoldenRidge>,
    pub trustworthiness: BTreeMap<String, f64>,
    pub planes: GoldenPlanes,
    pub pearson: f64,
}

#[derive(Deserialize)]
pub struct GoldenRidge {
    pub alpha: f64,
    pub weights: Vec<f64>,
    pub predictions: Vec<f64>,
    pub r2: f64,
}

#[derive(Deserialize)]
pub struct GoldenPlanes {
    pub tsne: f64,
    pub umap: f64,
}

pub fn golden() -> Golden {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/represent.json")))
        .unwrap()
}

/// `n` numbers in −0.5..0.5, as the generator of the reference vectors makes them.
pub fn uniform(n: usize, seed: u32) -> Vec<f64> {
    let step = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some(f64::from(*state) / 4_294_967_296.0 - 0.5)
    };
    std::iter::repeat_n((), n).scan(seed, |state, ()| step(state)).collect()
}

pub fn matrix(rows: usize, cols: usize, seed: u32) -> Matrix {
    Matrix::new(rows, cols, uniform(rows * cols, seed))
}

pub fn plus(a: &Matrix, b: &Matrix) -> Matrix {
    Matrix::new(a.rows(), a.cols(), a.values().iter().zip(b.values()).map(|(a, b)| a + b).collect())
}

/// A matrix that shares some of what `to` says.
pub fn related(cols: usize, seed: u32, to: &Matrix) -> Matrix {
    plus(&matrix(to.rows(), cols, seed), &to.times(&matrix(to.cols(), cols, seed + 1)))
}

/// 480 points in 16 dimensions that take turns around 8 centres.
pub fn clusters() -> Matrix {
    let centres = matrix(8, 16, 77);
    let noise = (79..82).fold(matrix(480, 16, 78), |sum, seed| plus(&sum, &matrix(480, 16, seed)));
    let value = |i: usize, j: usize| 6.0 * centres.row(i % 8)[j] + (0.5 + 0.25 * (i % 8) as f64) * noise.row(i)[j];
    Matrix::new(480, 16, (0..480 * 16).map(|at| value(at / 16, at % 16)).collect())
}

pub fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "value {i}: {a}, expected {b}");
    }
}

/// Matrices of `rows` rows.
pub fn any_matrix(rows: usize, cols: usize) -> impl Strategy<Value = Matrix> {
    proptest::collection::vec(-1.0..1.0, rows * cols).prop_map(move |values| Matrix::new(rows, cols, values))
}

pub fn run() -> RunId {
    "d4a4@cosine60#42".parse().unwrap()
}

/// A stage's inputs and outputs in a folder.
pub struct Bench {
    dir: tempfile::TempDir,
    pub cx: Context,
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        Self { dir, cx }
    }

    /// A split of performances with those numbers of windows.
    pub fn split(&mut self, n_windows: &[usize]) -> SplitIndex {
        let windows = WindowSpec { sample_rate_hz: 4_000, window_s: 1.0, hop_s: 0.25, max_windows: 400, max_notes: 64 };
        let performance = |(i, &n_windows): (usize, &usize)| Performance {
            id: format!("p{i:02}"),
            composer: "Anon".to_owned(),
            title: "Study".to_owned(),
            split: "validation".to_owned(),
            year: None,
            duration_s: 1.0,
            n_windows,
            n_notes: 1,
            audio: AudioSource::Synthetic,
            midi_sha256: Digest::of(b"m"),
            audio_sha256: Digest::of(b"a"),
            skipped: None,
        };
        let performances = n_windows.iter().enumerate().map(performance).collect();
        let index = SplitIndex { split: "validation".to_owned(), windows, performances };
        let path = self.place("index");
        fs_err::write(&path, index.to_json()).unwrap();
        self.file("index", &path);
        index
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join(name.replace('/', "-"))
    }

    pub fn file(&mut self, input: &str, path: &Path) {
        self.cx.inputs.insert(input.to_owned(), Opened::File(opened(path)));
    }

    pub fn embeddings(&mut self, audio: &Matrix, midi: &Matrix) {
        self.embeddings_of("validation", audio, midi);
    }

    pub fn embeddings_of(&mut self, split: &str, audio: &Matrix, midi: &Matrix) {
        let embeddings = Embeddings {
            split: split.to_owned(),
            epoch: 4,
            dims: audio.cols(),
            audio: single(audio),
            midi: single(midi),
        };
        let path = self.place("embeddings");
        embeddings.write(&path).unwrap();
        let tree = OpenTree([(Embeddings::entry(4), opened(&path))].into());
        self.cx.inputs.insert("embeddings".to_owned(), Opened::Tree(tree));
    }

    /// Features of one row a window.
    pub fn target(&mut self, input: &str, values: &Matrix) {
        let rows = values.iter().map(|row| row.iter().map(|&value| value as f32).collect());
        self.features(input, values.cols(), false, rows);
    }

    pub fn features(&mut self, input: &str, dims: usize, per_note: bool, windows: impl IntoIterator<Item = Vec<f32>>) {
        let meta = FeatureMeta { descriptor: input.to_owned(), variant: "reference".to_owned(), dims, per_note };
        let path = self.place(input);
        FeatureBlock::from_windows(meta, windows).write(&path).unwrap();
        self.file(input, &path);
    }

    /// Runs a stage and reads its measurements.
    pub fn run(&mut self, stage: &impl Stage) -> Vec<Measurement> {
        stage.run(&mut self.cx).unwrap();
        Measurement::read(&self.out("measurements")).unwrap()
    }

    /// The error that a stage ends with.
    pub fn error(&mut self, stage: &impl Stage) -> String {
        stage.run(&mut self.cx).unwrap_err().to_string()
    }

    pub fn cancelled(&mut self, stage: &impl Stage) -> bool {
        self.cx.cancel.request();
        matches!(stage.run(&mut self.cx), Err(StageError::Cancelled))
    }

    pub fn out(&self, output: &str) -> PathBuf {
        self.cx.output(output).unwrap()
    }
}

fn opened(path: &Path) -> OpenFile {
    OpenFile { path: path.to_owned(), file: FileRef { digest: Digest::of(b""), size: 0 } }
}

pub fn single(values: &Matrix) -> Vec<f32> {
    values.values().iter().map(|&value| value as f32).collect()
}

/// The row of a metric, if there is one.
pub fn row<'a>(rows: &'a [Measurement], condition: &str, metric: &str) -> Option<&'a Measurement> {
    rows.iter().find(|row| row.condition == condition && row.metric == metric)
}

pub fn value(rows: &[Measurement], condition: &str, metric: &str) -> f64 {
    row(rows, condition, metric).unwrap_or_else(|| panic!("no row {condition}/{metric}")).value
}
