//! A paired toy corpus on disk, small models, and contexts that a stage can run in. Also used by the benchmark.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::crate_under_test::{AdamWSpec, ScheduleSpec, Train, TrainSpec, VicregSpec};
use hit_model::{
    ArmSpec, AudioSpec, ConvSpec, FinalNorm, HeadSpec, InjectionSpec, MidiSpec, ModelSpec, Options, Precision, Side,
};
use hit_schema::{
    AudioSource, FeatureBlock, FeatureMeta, Performance, RunId, Segments, SplitIndex, Token, TokenBlock, WindowSpec,
};
use hit_stage::{Context, Digest, FileRef, OpenFile, OpenTree, Opened, Seed};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Frames of the toy's `a4`.
const FRAMES: usize = 20;

#[derive(Clone, Copy)]
struct ToyNote {
    onset_s: f64,
    duration_s: f64,
    pitch: u8,
    velocity: u8,
}

/// A corpus of a train and a validation split.
pub struct Toy {
    root: PathBuf,
    windows: WindowSpec,
}

impl Toy {
    /// Writes a corpus below `root`: `n` performances in train, half as many in validation, each of `seconds`.
    pub fn write(root: &Path, windows: WindowSpec, n: usize, seconds: f64) -> Self {
        let toy = Self { root: root.to_owned(), windows };
        for (split, n) in [("train", n), ("validation", n.div_ceil(2))] {
            toy.write_split(split, n, seconds);
        }
        toy
    }

    fn dir(&self, split: &str) -> PathBuf {
        self.root.join(split)
    }

    fn write_split(&self, split: &str, n: usize, seconds: f64) {
        let dir = self.dir(split);
        fs_err::create_dir_all(&dir).unwrap();
        let mut performances = Vec::new();
        let (mut a4, mut d4) = (Vec::new(), Vec::new());
        for p in 0..n {
            let id = format!("{split}{p}");
            let notes = notes(&id, seconds);
            let samples = sound(&notes, seconds, f64::from(self.windows.sample_rate_hz));
            Segments::write_audio(&dir.join(format!("audio-{id}")), &samples).unwrap();
            let n_windows = self.windows.n_windows(seconds);
            let mut rows = Vec::new();
            for k in 0..n_windows {
                let start = self.windows.start_s(k);
                let sounding = sounding(&notes, start, start + self.windows.window_s);
                a4.push(energies(&sounding, start, self.windows.window_s));
                let pitches: Vec<f32> = sounding.iter().map(|note| f32::from(note.pitch)).collect();
                d4.push(intervals(&pitches));
                rows.push(sounding.iter().map(token).collect());
            }
            TokenBlock::from_rows(rows).write(&dir.join(format!("tokens-{id}"))).unwrap();
            performances.push(performance(id, split, seconds, n_windows, notes.len()));
        }
        let index = SplitIndex { split: split.to_owned(), windows: self.windows.clone(), performances };
        fs_err::write(dir.join("index"), index.to_json()).unwrap();
        for (id, dims, windows) in [("a4", 8, a4), ("d4", 4, d4)] {
            let meta = FeatureMeta { descriptor: id.to_owned(), variant: "toy".to_owned(), dims, per_note: id == "d4" };
            FeatureBlock::from_windows(meta, windows).write(&dir.join(id)).unwrap();
        }
    }

    fn segments(&self, split: &str) -> Opened {
        let index = SplitIndex::read(&self.dir(split).join("index")).unwrap();
        let mut tree = BTreeMap::new();
        for p in &index.performances {
            for kind in ["audio", "tokens"] {
                let path = self.dir(split).join(format!("{kind}-{}", p.id));
                tree.insert(format!("{kind}/{}", p.id), open_file(path));
            }
        }
        Opened::Tree(OpenTree(tree))
    }

    /// A context with the inputs of `train`, over `work/staging` and `work/scratch`.
    pub fn context(&self, work: &Path) -> Context {
        let mut cx = Context::new(work.join("staging"), work.join("scratch"));
        fs_err::create_dir_all(work.join("staging")).unwrap();
        for split in ["train", "validation"] {
            let file = |name: &str| Opened::File(open_file(self.dir(split).join(name)));
            cx.inputs.insert(format!("{split}.index"), file("index"));
            cx.inputs.insert(format!("{split}.segments"), self.segments(split));
            for id in ["a4", "d4"] {
                cx.inputs.insert(format!("features/{id}/{split}"), file(id));
            }
        }
        cx
    }
}

/// A file as a stage's input; its digest is not looked at here.
pub fn open_file(path: PathBuf) -> OpenFile {
    let size = fs_err::metadata(&path).unwrap().len();
    OpenFile { path, file: FileRef { digest: Digest::of(b""), size } }
}

fn performance(id: String, split: &str, duration_s: f64, n_windows: usize, n_notes: usize) -> Performance {
    Performance {
        composer: "toy".into(),
        title: id.clone(),
        id,
        split: split.into(),
        year: None,
        duration_s,
        n_windows,
        n_notes,
        audio: AudioSource::Synthetic,
        midi_sha256: Digest::of(b""),
        audio_sha256: Digest::of(b""),
        skipped: None,
    }
}

/// Notes whose register, density and loudness change every two seconds.
fn notes(name: &str, seconds: f64) -> Vec<ToyNote> {
    let mut rng = ChaCha8Rng::from_seed(Seed::derive(1, "toy", name).bytes());
    let mut notes = Vec::new();
    let mut at = 0.0;
    while at < seconds {
        let (register, loudness) = (rng.random_range(35..85u8), rng.random_range(20..110u8));
        let step = rng.random_range(0.08..0.5f64);
        let end = (at + 2.0).min(seconds);
        while at < end {
            let pitch = register + rng.random_range(0..10u8);
            let velocity = loudness + rng.random_range(0..15u8);
            notes.push(ToyNote { onset_s: at, duration_s: step * 0.9, pitch, velocity });
            at += step;
        }
    }
    notes
}

fn sound(notes: &[ToyNote], seconds: f64, rate_hz: f64) -> Vec<f32> {
    let mut samples = vec![0.0f32; (seconds * rate_hz) as usize];
    for note in notes {
        let hz = 440.0 * 2f64.powf((f64::from(note.pitch) - 69.0) / 12.0);
        let (start, n) = ((note.onset_s * rate_hz) as usize, (note.duration_s * rate_hz) as usize);
        for (i, sample) in samples.iter_mut().skip(start).take(n).enumerate() {
            let t = i as f64 / rate_hz;
            let envelope = (-3.0 * t).exp() * f64::from(note.velocity) / 400.0;
            *sample += ((std::f64::consts::TAU * hz * t).sin() * envelope) as f32;
        }
    }
    samples
}

fn sounding(notes: &[ToyNote], start: f64, end: f64) -> Vec<ToyNote> {
    let inside = |note: &&ToyNote| note.onset_s < end && note.onset_s + note.duration_s > start;
    let found: Vec<ToyNote> = notes.iter().filter(inside).copied().collect();
    if found.is_empty() {
        return vec![ToyNote { onset_s: start, duration_s: 0.5, pitch: 60, velocity: 64 }];
    }
    found
}

fn token(note: &ToyNote) -> Token {
    let bucket = (31.0 * (note.duration_s.clamp(0.05, 4.0) / 0.05).ln() / 80f64.ln()).floor() as u8;
    Token { pitch: note.pitch, velocity: note.velocity, duration: bucket.min(31) }
}

/// Velocity sounding in each of eight registers, frame by frame.
fn energies(notes: &[ToyNote], start: f64, window_s: f64) -> Vec<f32> {
    let mut rows = vec![0.0f32; FRAMES * 8];
    for note in notes {
        for (frame, row) in rows.chunks_exact_mut(8).enumerate() {
            let t = start + (frame as f64 + 0.5) * window_s / FRAMES as f64;
            if note.onset_s <= t && t < note.onset_s + note.duration_s {
                row[usize::from((note.pitch.clamp(35, 98) - 35) / 8)] += f32::from(note.velocity) / 64.0;
            }
        }
    }
    rows
}

fn intervals(pitches: &[f32]) -> Vec<f32> {
    let n = pitches.len();
    let each = |i: usize| {
        let before = if i > 0 { pitches[i] - pitches[i - 1] } else { 0.0 };
        let after = if i + 1 < n { pitches[i + 1] - pitches[i] } else { 0.0 };
        let near = |step: f32| (step / 12.0).clamp(-2.0, 2.0) / 2.0;
        [before / 24.0, after / 24.0, near(before), near(after)]
    };
    (0..n).flat_map(each).collect()
}

fn inject_options() -> Options {
    let options = [
        ("n_heads", 2.into()),
        ("dropout", 0.1.into()),
        ("max_frames", 64.into()),
        ("position_std", 0.02.into()),
        ("padding", "masked".into()),
    ];
    options.map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value)).into()
}

/// Arms by id: `d0`, `d4`, `a4`, `d4a4`.
pub fn arm(id: &str) -> ArmSpec {
    let inject = |descriptor: &str, dims, side| InjectionSpec {
        descriptor: descriptor.into(),
        dims,
        mechanism: "concat".into(),
        side,
    };
    let mut injections = Vec::new();
    if id.contains("d4") {
        injections.push(inject("d4", 4, Side::Midi));
    }
    if id.contains("a4") {
        injections.push(inject("a4", 8, Side::Audio));
    }
    ArmSpec { family: "inject".into(), injections, options: inject_options(), extra: false }
}

/// A tiny model for windows of some thousand samples.
pub fn tiny_model() -> ModelSpec {
    let conv = |channels, kernel, stride, padding| ConvSpec { channels, kernel, stride, padding };
    ModelSpec {
        audio: AudioSpec {
            cnn: vec![conv(4, 20, 20, 0), conv(8, 5, 5, 0)],
            norm_groups: 2,
            d_model: 8,
            n_layers: 1,
            n_heads: 2,
            d_ff: 16,
            dropout: 0.1,
            max_positions: 64,
            position_std: 0.02,
        },
        midi: MidiSpec {
            pitch_dim: 8,
            velocity_dim: 4,
            duration_dim: 4,
            n_durations: 32,
            d_model: 8,
            n_layers: 1,
            n_heads: 2,
            d_ff: 16,
            dropout: 0.1,
            max_notes: 256,
            norm: FinalNorm::BeforePooling,
        },
        heads: HeadSpec { hidden: vec![16], embedding_dim: 8 },
        precision: Precision::F32,
    }
}

/// How the tiny model is trained.
pub fn tiny_training() -> TrainSpec {
    TrainSpec {
        batch_size: 4,
        batches_per_epoch: 5,
        optimizer: AdamWSpec { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 1e-4, clip_norm: 1.0 },
        warmup_steps: 4,
        groups: [("audio", 1e-2), ("midi", 1e-2), ("heads", 1e-2), ("inject", 1e-2)]
            .map(|(prefix, lr)| (prefix.to_owned(), lr))
            .into(),
        frozen: vec!["audio.cnn".into(), "audio.positions".into()],
        loss: VicregSpec { invariance: 10.0, variance: 10.0, covariance: 1.0, gamma: 1.0, epsilon: 1e-4 },
        save_every_steps: 3,
    }
}

/// A stage that trains the tiny model: 4 epochs of 5 steps, kept after epochs 2 and 4.
pub fn tiny_stage(arm_id: &str) -> Train {
    Train {
        run: RunId { arm: arm_id.into(), schedule: "cosine4".into(), seed: 42 },
        arm: arm(arm_id),
        model: tiny_model(),
        train: tiny_training(),
        schedule: ScheduleSpec::cosine(4),
        evaluate: vec![2, 4],
        family: hit_arm_inject::FAMILY,
    }
}

/// Windows for the tiny model: 1 s at 2 kHz, 20 tokens.
pub fn tiny_windows() -> WindowSpec {
    WindowSpec { sample_rate_hz: 2000, window_s: 1.0, hop_s: 0.5, max_windows: 9, max_notes: 256 }
}
