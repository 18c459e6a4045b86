//! Splits made by hand, and stages run over plain folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hit_schema::{
    AudioSource, FeatureBlock, FeatureMeta, Features, Performance, Segments, SplitIndex, Token, TokenBlock, WindowSpec,
};
use hit_stage::{Cancel, Context, Digest, FileRef, OpenFile, OpenTree, Opened, Progress, Stage, StageError};
use tempfile::TempDir;

use crate::{FeatureCondition, PerturbFeatures};

/// Windows that overlap by three quarters, long enough for an STFT.
pub const WINDOWS: WindowSpec =
    WindowSpec { sample_rate_hz: 2_000, window_s: 1.0, hop_s: 0.25, max_windows: 400, max_notes: 64 };

/// A split whose last window of each performance reaches past the end of its audio.
pub fn index(split: &str, n_windows: &[usize]) -> SplitIndex {
    let performance = |(i, &n_windows): (usize, &usize)| Performance {
        id: format!("{split}/p{i}"),
        composer: format!("composer {}", i % 2),
        title: "Piece".to_owned(),
        split: split.to_owned(),
        year: None,
        duration_s: 0.75 + 0.25 * n_windows as f64,
        n_windows,
        n_notes: 1,
        audio: AudioSource::Synthetic,
        midi_sha256: Digest::of(b"m"),
        audio_sha256: Digest::of(b"a"),
        skipped: (n_windows == 0).then(|| "silence".to_owned()),
    };
    let performances = n_windows.iter().enumerate().map(performance).collect();
    SplitIndex { split: split.to_owned(), windows: WINDOWS, performances }
}

/// A file as an input. Its digest is of its bytes, so that links can be told apart.
pub fn opened(path: &Path) -> OpenFile {
    let bytes = fs_err::read(path).unwrap();
    OpenFile { path: path.to_owned(), file: FileRef { digest: Digest::of(&bytes), size: bytes.len() as u64 } }
}

/// Samples of performance `p`: a chirp with a rest in it, a little louder in every performance.
pub fn samples(p: usize, n: usize) -> Vec<f32> {
    let level = 0.2 + 0.05 * p as f32;
    (0..n).map(|i| if i % 5_000 < 4_600 { libm::sinf((i * i) as f32 * 1e-5) * level } else { 0.0 }).collect()
}

/// Notes of window `w` of a performance: one to five.
pub fn notes(p: usize, w: usize) -> Vec<Token> {
    let note = |i: usize| Token { pitch: (30 + 9 * i + p + w % 11) as u8, velocity: (5 + 13 * i) as u8, duration: 1 };
    (0..=(w + p) % 5).map(note).collect()
}

/// A folder with the inputs of a split; the numbers of windows of its performances are given.
pub struct Bench {
    pub dir: TempDir,
    pub index: SplitIndex,
    pub inputs: BTreeMap<String, Opened>,
}

impl Bench {
    pub fn new(n_windows: &[usize]) -> Self {
        let bench =
            Self { dir: tempfile::tempdir().unwrap(), index: index("validation", n_windows), inputs: BTreeMap::new() };
        bench.with_index()
    }

    /// With the index as it is now.
    pub fn with_index(mut self) -> Self {
        let json = self.index.to_json();
        self.put("index", |path| fs_err::write(path, json).unwrap());
        self
    }

    /// Makes an input file.
    pub fn put(&mut self, name: &str, write: impl FnOnce(&Path)) {
        let path = self.dir.path().join(name);
        write(&path);
        self.inputs.insert(name.to_owned(), Opened::File(opened(&path)));
    }

    /// With audio and notes.
    pub fn with_segments(self) -> Self {
        self.with_audio(samples)
    }

    /// With notes, and the audio of `sound(performance, samples)`.
    pub fn with_audio(mut self, sound: impl Fn(usize, usize) -> Vec<f32>) -> Self {
        let mut tree = BTreeMap::new();
        for (p, performance) in self.index.performances.iter().enumerate().filter(|(_, p)| p.n_windows > 0) {
            let path = |kind: &str| self.dir.path().join(format!("in-{kind}-{p}"));
            let n = WINDOWS.start_sample(performance.n_windows) + WINDOWS.window_samples() - 700;
            Segments::write_audio(&path("audio"), &sound(p, n)).unwrap();
            TokenBlock::from_rows((0..performance.n_windows).map(|w| notes(p, w))).write(&path("tokens")).unwrap();
            for kind in ["audio", "tokens"] {
                tree.insert(format!("{kind}/{}", performance.id), opened(&path(kind)));
            }
        }
        self.inputs.insert("segments".to_owned(), Opened::Tree(OpenTree(tree)));
        self
    }

    /// With a feature block as the input `name`.
    pub fn with_features(mut self, name: &str, per_note: bool, windows: &[Vec<f32>]) -> Self {
        let (descriptor, variant) = (if per_note { "d4" } else { "a4" }.to_owned(), "reference".to_owned());
        let meta = FeatureMeta { descriptor, variant, dims: DIMS, per_note };
        self.put(name, |path| FeatureBlock::from_windows(meta, windows.to_vec()).write(path).unwrap());
        self
    }

    pub fn segments(&self) -> Segments {
        let Opened::Tree(tree) = &self.inputs["segments"] else { panic!("segments are a tree") };
        Segments::open(self.index.clone(), tree).unwrap()
    }

    pub fn context(&self, out: &str, threads: usize) -> Context {
        let mut cx = Context::new(self.dir.path().join(out), self.dir.path().join("scratch"));
        cx.inputs = self.inputs.clone();
        cx.threads = threads;
        cx
    }

    /// Runs a stage.
    pub fn run(&self, stage: &impl Stage, threads: usize) -> Result<Outcome, StageError> {
        let folder = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let mut cx = self.context(&folder.display().to_string(), threads);
        stage.run(&mut cx)?;
        Ok(Outcome { cx })
    }

    /// The message of a stage that must fail.
    #[track_caller]
    pub fn fails(&self, stage: &impl Stage) -> String {
        self.run(stage, 2).err().expect("an error").to_string()
    }

    /// The windows that a condition makes of the input `features`.
    pub fn perturbed(&self, condition: FeatureCondition, seed: u64) -> Vec<Vec<f32>> {
        self.run(&PerturbFeatures { condition, seed }, 2).unwrap().windows()
    }
}

/// Values of a row in [`Bench::with_features`].
pub const DIMS: usize = 2;

/// What a stage left: files of its own, and links to files among its inputs.
pub struct Outcome {
    pub cx: Context,
}

impl Outcome {
    pub fn path(&self, name: &str) -> PathBuf {
        self.cx.staging.join(name)
    }

    pub fn windows(&self) -> Vec<Vec<f32>> {
        let features = Features::open(&self.path("features")).unwrap();
        (0..features.n_windows()).map(|w| features.window(w).unwrap().to_vec()).collect()
    }

    /// The file of a name, written or linked; a link is looked up among the inputs, as the engine does in its store.
    fn resolve(&self, output: &str, name: &str) -> OpenFile {
        let own = self.path(output).join(name);
        let own = if name.is_empty() { self.path(output) } else { own };
        let Some(link) = self.cx.linked.get(&(output.to_owned(), name.to_owned())) else { return opened(&own) };
        assert!(!own.exists(), "{output}/{name} is linked and written as well");
        let found = match &self.cx.inputs[output] {
            Opened::File(file) => file,
            Opened::Tree(tree) => &tree.0[name],
        };
        assert_eq!(found.file, *link);
        found.clone()
    }

    pub fn index(&self) -> SplitIndex {
        SplitIndex::read(&self.resolve("index", "").path).unwrap()
    }

    pub fn tree(&self) -> OpenTree {
        let used = self.index().performances.into_iter().filter(|p| p.n_windows > 0);
        let names = used.flat_map(|p| ["audio", "tokens"].map(|kind| format!("{kind}/{}", p.id)));
        OpenTree(names.map(|name| (name.clone(), self.resolve("segments", &name))).collect())
    }

    pub fn segments(&self) -> Segments {
        Segments::open(self.index(), &self.tree()).unwrap()
    }

    /// Every byte of the outputs, by name.
    pub fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        let mut bytes = BTreeMap::new();
        let mut folders = vec![self.cx.staging.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&self.cx.staging).unwrap().display().to_string();
                    bytes.insert(name, fs_err::read(&path).unwrap());
                }
            }
        }
        for ((output, name), file) in &self.cx.linked {
            bytes.insert(format!("{output}/{name} (linked)"), file.digest.to_string().into_bytes());
        }
        bytes
    }
}

/// Notes progress; asks for the stop at the first.
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

/// Runs the stage twice, the second time stopped at the first sign of progress; what was told each time.
pub fn watched(bench: &Bench, stage: &impl Stage) -> [Vec<(u64, u64)>; 2] {
    ["whole", "stopped"].map(|out| {
        let mut cx = bench.context(out, 1);
        let cancel = (out == "stopped").then(|| cx.cancel.clone());
        let progress = Arc::new(Counting { cancel, ..Counting::default() });
        cx.progress = progress.clone();
        let result = stage.run(&mut cx);
        assert_eq!(matches!(result, Err(StageError::Cancelled)), out == "stopped", "{result:?}");
        progress.seen.lock().unwrap().clone()
    })
}
