//! Small models, batches and formulas shared by the tests.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use hit_schema::{Checkpoint, CheckpointMeta, ParamArray, Token};

use crate::{
    ArmSpec, AudioSpec, ConvSpec, Declarations, Device, FinalNorm, HeadSpec, HostBatch, MidiSpec, Model, ModelSpec,
    Options, ParamSpec, Precision, Weights,
};

/// The formula of tests/golden/model.py: sin(0.37 i² + sum of the bytes of the name).
pub fn wave(name: &str, n: usize) -> Vec<f32> {
    let phase = name.bytes().map(f64::from).sum::<f64>();
    (0..n).map(|i| (0.37 * (i * i) as f64 + phase).sin() as f32).collect()
}

/// A parameter's value there.
pub fn param(name: &str, shape: &[usize]) -> Vec<f32> {
    let scale = shape.len() == 1 && (name.ends_with("weight") || name.ends_with("running_var"));
    let base = if scale { 1.0 } else { 0.0 };
    wave(name, shape.iter().product()).into_iter().map(|v| 0.3 * v + base).collect()
}

pub fn cpu() -> Device {
    Device::flex()
}

pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &cpu())
}

/// The largest difference, relative to the largest expected value or 1.
pub fn distance(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|value| value.is_finite()), "{found:?}");
    let scale = expected.iter().fold(1.0f64, |max, v| max.max(v.abs()));
    found.iter().zip(expected).fold(0.0f64, |max, (f, e)| max.max((f64::from(*f) - e).abs())) / scale
}

/// Asserts closeness to `tolerance` (relative to the largest value).
pub fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    let distance = distance(found, expected);
    assert!(distance <= tolerance, "{what}: off by {distance:e}\nfound {found:?}\nexpected {expected:?}");
}

/// The sizes of the small model in model.py.
pub fn small() -> ModelSpec {
    let conv = |channels, kernel, stride, padding| ConvSpec { channels, kernel, stride, padding };
    ModelSpec {
        audio: AudioSpec {
            cnn: vec![conv(4, 10, 5, 0), conv(8, 3, 2, 1)],
            norm_groups: 2,
            d_model: 8,
            n_layers: 2,
            n_heads: 2,
            d_ff: 16,
            dropout: 0.1,
            max_positions: 50,
            position_std: 0.02,
        },
        midi: MidiSpec {
            pitch_dim: 4,
            velocity_dim: 3,
            duration_dim: 3,
            n_durations: 32,
            d_model: 6,
            n_layers: 2,
            n_heads: 3,
            d_ff: 12,
            dropout: 0.1,
            max_notes: 64,
            norm: FinalNorm::BeforePooling,
        },
        heads: HeadSpec { hidden: vec![6, 6], embedding_dim: 5 },
        precision: Precision::F32,
    }
}

/// The published sizes.
pub fn reference() -> ModelSpec {
    let conv = |channels, kernel, stride, padding| ConvSpec { channels, kernel, stride, padding };
    let mut spec = small();
    spec.audio = AudioSpec {
        cnn: vec![conv(512, 10, 5, 0), conv(512, 3, 2, 1), conv(512, 3, 2, 1), conv(1024, 3, 2, 1)],
        norm_groups: 32,
        d_model: 1024,
        n_layers: 4,
        n_heads: 8,
        d_ff: 4096,
        dropout: 0.1,
        max_positions: 6000,
        position_std: 0.02,
    };
    spec.midi = MidiSpec {
        pitch_dim: 256,
        velocity_dim: 128,
        duration_dim: 128,
        d_model: 512,
        n_layers: 4,
        n_heads: 8,
        d_ff: 2048,
        max_notes: 2048,
        ..spec.midi
    };
    spec.heads = HeadSpec { hidden: vec![512, 512], embedding_dim: 256 };
    spec
}

pub fn d0() -> ArmSpec {
    ArmSpec { family: "base".to_owned(), injections: Vec::new(), options: Options::new(), extra: false }
}

pub fn declarations(model: &dyn Model) -> Declarations {
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    declarations
}

/// Weights by the formula of model.py.
pub fn formula_weights(declarations: &Declarations) -> Weights {
    let array = |spec: &ParamSpec| ParamArray { shape: spec.shape.clone(), values: param(&spec.name, &spec.shape) };
    let params = declarations.specs().iter().map(|spec| (spec.name.clone(), array(spec))).collect();
    let meta = CheckpointMeta { arm: "x".to_owned(), epoch: 0, step: 0 };
    Weights::of_checkpoint(declarations, &Checkpoint { meta, params }, &cpu()).unwrap()
}

/// The batch of model.py: windows of 3 and 7 notes.
pub fn golden_batch() -> HostBatch {
    let token = |w: usize, i: usize| {
        let pitch = (w * 37 + i * 11) % 128;
        Token { pitch: pitch as u8, velocity: ((pitch * 3) % 128) as u8, duration: ((pitch * 5) % 32) as u8 }
    };
    let notes = |(w, n): (usize, usize)| (0..n).map(|i| token(w, i)).collect();
    HostBatch {
        windows: vec![0, 1],
        n_samples: 400,
        audio: wave("audio", 800),
        tokens: [(0, 3), (1, 7)].into_iter().map(notes).collect(),
        n_durations: 32,
        descriptors: BTreeMap::new(),
    }
}
