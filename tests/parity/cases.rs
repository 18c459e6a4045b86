//! The models that are held against PyTorch: every arm of pipeline.toml at small width, on one batch, all values by formula.

use std::collections::BTreeMap;

use hit_model::{ArmSpec, Declarations, HostBatch, InjectionSpec, Model, ModelSpec, Options, Rows};
use hit_schema::{Checkpoint, CheckpointMeta, ParamArray, Token};
use hit_train::{AdamWSpec, VicregSpec};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What `parity.py` is told, and what it writes back beside its results.
#[derive(Serialize, Deserialize)]
pub struct Cases {
    /// Sizes.
    pub model: ModelSpec,
    /// Weights of the loss.
    pub loss: VicregSpec,
    /// The optimiser.
    pub optimizer: AdamWSpec,
    /// Learning rates by prefix.
    pub groups: BTreeMap<String, f64>,
    /// Frozen prefixes.
    pub frozen: Vec<String>,
    /// Schedule factor of the step.
    pub schedule_factor: f64,
    /// The models.
    #[serde(rename = "cases")]
    pub models: Vec<Case>,
}

/// One model.
#[derive(Clone, Serialize, Deserialize)]
pub struct Case {
    /// Arm, or arm and what is other in this case.
    pub name: String,
    /// Family.
    pub family: String,
    /// Injections.
    pub injections: Vec<InjectionSpec>,
    /// Options, complete.
    pub options: Options,
    /// Whether the change by a step of the optimiser is among the results.
    pub step: bool,
}

impl Case {
    /// As an arm.
    pub fn arm(&self) -> ArmSpec {
        let Self { family, injections, options, .. } = self.clone();
        ArmSpec { family, injections, options, extra: false }
    }
}

/// sin(0.37 i² + sum of the bytes of the name).
pub fn wave(name: &str, n: usize) -> Vec<f32> {
    let phase = name.bytes().map(f64::from).sum::<f64>();
    (0..n).map(|i| (0.37 * (i * i) as f64 + phase).sin() as f32).collect()
}

/// All arrays of a model: 0.3 of a wave, plus 1 for what scales. Gates are wider and of other phases, so that every
/// expert is some token's first choice, and padding would choose otherwise.
pub fn checkpoint(model: &dyn Model) -> Checkpoint {
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    let value = |name: &str, shape: &[usize]| {
        let scale = shape.len() == 1 && (name.ends_with("weight") || name.ends_with("running_var"));
        let base = f32::from(u8::from(scale));
        let (phase, height) =
            if name.ends_with("gate.weight") { (format!("{name}b"), 1.5) } else { (name.to_owned(), 0.3) };
        wave(&phase, shape.iter().product()).into_iter().map(|v| height * v + base).collect()
    };
    let array = |shape: &[usize], name: &str| ParamArray { shape: shape.to_vec(), values: value(name, shape) };
    let params = declarations.specs().iter().map(|spec| (spec.name.clone(), array(&spec.shape, &spec.name)));
    let meta = CheckpointMeta { arm: String::new(), epoch: 0, step: 0 };
    Checkpoint { meta, params: params.collect() }
}

/// Notes of the windows.
const LENGTHS: [usize; 4] = [3, 7, 12, 5];
const N_SAMPLES: usize = 400;
const N_FRAMES: usize = 21;

/// Four windows of unequal length.
pub fn batch() -> HostBatch {
    let n = LENGTHS.len();
    let token = |w: usize, i: usize| {
        let pitch = (w * 37 + i * 11) % 128;
        Token { pitch: pitch as u8, velocity: ((pitch * 3) % 128) as u8, duration: ((pitch * 5) % 32) as u8 }
    };
    let frames = |id: &str, dims: usize| {
        let windows = wave(id, n * N_FRAMES * dims).chunks(N_FRAMES * dims).map(<[f32]>::to_vec).collect();
        (id.to_owned(), Rows { dims, per_note: false, windows })
    };
    let notes = wave("d4", 4 * LENGTHS.iter().sum::<usize>());
    let mut rest = notes.as_slice();
    let mut take = |length: usize| {
        let (own, more) = rest.split_at(4 * length);
        rest = more;
        own.to_vec()
    };
    let d4 = Rows { dims: 4, per_note: true, windows: LENGTHS.map(&mut take).to_vec() };
    let wide = [("a4", 8), ("a4e", 8), ("a7", 12), ("a8", 12), ("a9", 12)];
    let descriptors = wide.map(|(id, dims)| frames(id, dims)).into_iter().chain([("d4".to_owned(), d4)]);
    HostBatch {
        windows: (0..n).collect(),
        n_samples: N_SAMPLES,
        audio: wave("audio", n * N_SAMPLES),
        tokens: LENGTHS.iter().enumerate().map(|(w, &length)| (0..length).map(|i| token(w, i)).collect()).collect(),
        n_durations: 32,
        descriptors: descriptors.collect(),
    }
}

/// The options of a family at small width, without random numbers, and with penalties that can be seen in the loss.
pub fn small(family: &str, mut options: Options) -> Options {
    let smaller = match family {
        "inject" => json!({ "n_heads": 2, "max_frames": 25 }),
        "film" => json!({ "hidden": 4 }),
        "moe" => json!({ "bottleneck": 2, "router_hidden": 4 }),
        "tower" => json!({ "d_model": 8, "n_layers": 1, "n_heads": 2, "d_ff": 16, "hidden": [6] }),
        _ => json!({}),
    };
    options.extend(smaller.as_object().cloned().into_iter().flatten());
    for name in ["dropout", "noise_start", "noise_end"] {
        options.entry(name.to_owned()).and_modify(|value| *value = json!(0.0));
    }
    for name in ["balance", "entropy"] {
        options.entry(name.to_owned()).and_modify(|value| *value = json!(value.as_f64().unwrap_or(0.0) * 100.0));
    }
    options
}
