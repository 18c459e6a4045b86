//! Counts, reference values, gradients and refusals of the injected arms.

use std::collections::BTreeMap;

use hit_model::{
    ArmSpec, AudioSpec, Batch, ConvSpec, Declarations, Device, Error, FinalNorm, HeadSpec, HostBatch, InjectionSpec,
    MidiSpec, Model, ModelSpec, Pass, Precision, Rows, Side, Tensor, TensorData, Weights, counts, host,
};
use hit_schema::{Checkpoint, CheckpointMeta, ParamArray, Token};

use crate::FAMILY;

fn wave(name: &str, n: usize) -> Vec<f32> {
    let phase = name.bytes().map(f64::from).sum::<f64>();
    (0..n).map(|i| (0.37 * (i * i) as f64 + phase).sin() as f32).collect()
}

fn param(name: &str, shape: &[usize]) -> Vec<f32> {
    let scale = shape.len() == 1 && (name.ends_with("weight") || name.ends_with("running_var"));
    let base = if scale { 1.0 } else { 0.0 };
    wave(name, shape.iter().product()).into_iter().map(|v| 0.3 * v + base).collect()
}

fn concat(descriptor: &str, dims: usize, side: Side) -> InjectionSpec {
    InjectionSpec { descriptor: descriptor.into(), dims, mechanism: "concat".into(), side }
}

fn arm(injections: &[InjectionSpec]) -> ArmSpec {
    let options = [
        ("n_heads", 2.into()),
        ("dropout", 0.1.into()),
        ("max_frames", 30.into()),
        ("position_std", 0.02.into()),
        ("padding", "masked".into()),
    ];
    let options = options.map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value)).into();
    ArmSpec { family: "inject".into(), injections: injections.to_vec(), options, extra: false }
}

fn d4a4() -> ArmSpec {
    arm(&[concat("d4", 4, Side::Midi), concat("a4", 8, Side::Audio)])
}

fn spec(widths: [usize; 4], channels: &[(usize, usize, usize, usize)], dims: [usize; 3], heads: &[usize]) -> ModelSpec {
    let [audio, audio_ff, midi, midi_ff] = widths;
    let large = audio == 1024;
    let conv = |&(channels, kernel, stride, padding): &(usize, usize, usize, usize)| ConvSpec {
        channels,
        kernel,
        stride,
        padding,
    };
    ModelSpec {
        audio: AudioSpec {
            cnn: channels.iter().map(conv).collect(),
            norm_groups: if large { 32 } else { 2 },
            d_model: audio,
            n_layers: if large { 4 } else { 2 },
            n_heads: if large { 8 } else { 2 },
            d_ff: audio_ff,
            dropout: 0.1,
            max_positions: if large { 6000 } else { 50 },
            position_std: 0.02,
        },
        midi: MidiSpec {
            pitch_dim: dims[0],
            velocity_dim: dims[1],
            duration_dim: dims[2],
            n_durations: 32,
            d_model: midi,
            n_layers: if large { 4 } else { 2 },
            n_heads: if large { 8 } else { 3 },
            d_ff: midi_ff,
            dropout: 0.1,
            max_notes: 2048,
            norm: FinalNorm::BeforePooling,
        },
        heads: HeadSpec { hidden: heads[..2].to_vec(), embedding_dim: heads[2] },
        precision: Precision::F32,
    }
}

fn small() -> ModelSpec {
    spec([8, 16, 6, 12], &[(4, 10, 5, 0), (8, 3, 2, 1)], [4, 3, 3], &[6, 6, 5])
}

fn reference() -> ModelSpec {
    let cnn = [(512, 10, 5, 0), (512, 3, 2, 1), (512, 3, 2, 1), (1024, 3, 2, 1)];
    spec([1024, 4096, 512, 2048], &cnn, [256, 128, 128], &[512, 512, 256])
}

#[test]
fn the_published_arms_have_the_published_counts() {
    let total = |arm: &ArmSpec| {
        let frozen = ["audio.cnn", "audio.positions"].map(str::to_owned);
        let counts = counts(&*FAMILY.model(&reference(), arm).unwrap(), &frozen);
        (counts.total, counts.trainable)
    };
    assert_eq!(total(&arm(&[])).0, 74_194_432);
    assert_eq!(total(&arm(&[concat("d4", 4, Side::Midi)])).0, 74_460_160);
    assert_eq!(total(&arm(&[concat("a4", 8, Side::Audio)])).0, 75_254_272);
    assert_eq!(total(&arm(&[concat("a7", 12, Side::Audio)])).0, 75_258_368);
    assert_eq!(total(&d4a4()), (75_520_000, 66_217_472));
}

fn cpu() -> Device {
    Device::flex()
}

fn batch() -> HostBatch {
    let token = |w: usize, i: usize| {
        let pitch = (w * 37 + i * 11) % 128;
        Token { pitch: pitch as u8, velocity: ((pitch * 3) % 128) as u8, duration: ((pitch * 5) % 32) as u8 }
    };
    let notes = |(w, n): (usize, usize)| (0..n).map(|i| token(w, i)).collect();
    let d4 = wave("d4", 56);
    let d4 = Rows { dims: 4, per_note: true, windows: vec![d4[..12].to_vec(), d4[28..].to_vec()] };
    let a4 = Rows { dims: 8, per_note: false, windows: wave("a4", 336).chunks(168).map(<[f32]>::to_vec).collect() };
    HostBatch {
        windows: vec![0, 1],
        n_samples: 400,
        audio: wave("audio", 800),
        tokens: [(0, 3), (1, 7)].into_iter().map(notes).collect(),
        n_durations: 32,
        descriptors: BTreeMap::from([("d4".into(), d4), ("a4".into(), a4)]),
    }
}

fn formula_checkpoint(model: &dyn Model) -> (Declarations, Checkpoint) {
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    let params = declarations.specs().iter().map(|spec| {
        (spec.name.clone(), ParamArray { shape: spec.shape.clone(), values: param(&spec.name, &spec.shape) })
    });
    let meta = CheckpointMeta { arm: "d4a4".into(), epoch: 0, step: 0 };
    let checkpoint = Checkpoint { meta, params: params.collect() };
    (declarations, checkpoint)
}

fn outputs(arm: &ArmSpec, batch: &HostBatch) -> (Vec<f32>, Vec<f32>) {
    let model = FAMILY.model(&small(), arm).unwrap();
    let (declarations, checkpoint) = formula_checkpoint(&*model);
    let weights = Weights::of_checkpoint(&declarations, &checkpoint, &cpu()).unwrap();
    let outputs = model.forward(&Pass::evaluation(&weights), &batch.clone().upload(&cpu()));
    (host(outputs.audio), host(outputs.midi))
}

#[derive(serde::Deserialize)]
struct GoldenDual {
    injected: bool,
    audio: Vec<f64>,
    midi_before: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Golden {
    dual: Vec<GoldenDual>,
}

#[test]
fn the_whole_small_d4a4_is_pytorchs() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/model.json"));
    let case = serde_json::from_str::<Golden>(text).unwrap().dual.into_iter().find(|case| case.injected).unwrap();
    let (audio, midi) = outputs(&d4a4(), &batch());
    for (found, expected) in audio.iter().chain(&midi).zip(case.audio.iter().chain(&case.midi_before)) {
        // float32 against float64 through some twenty layers, values of order 1
        assert!((f64::from(*found) - expected).abs() < 3e-5, "{found} instead of {expected}");
    }
}

#[test]
fn each_descriptor_reaches_its_own_side_only() {
    let base = outputs(&d4a4(), &batch());
    let mut other = batch();
    other.descriptors.get_mut("d4").unwrap().windows[0][5] += 1.0;
    let changed = outputs(&d4a4(), &other);
    assert_eq!(base.0, changed.0);
    assert_ne!(base.1[..5], changed.1[..5]);
    assert_eq!(base.1[5..], changed.1[5..], "the other window keeps its embedding");
    let mut other = batch();
    other.descriptors.get_mut("a4").unwrap().windows[1][100] += 1.0;
    let changed = outputs(&d4a4(), &other);
    assert_eq!((&base.1, &base.0[..5]), (&changed.1, &changed.0[..5]));
    assert_ne!(base.0[5..], changed.0[5..]);
}

#[test]
fn arms_without_a_descriptor_ignore_it() {
    let mut other = batch();
    other.descriptors.get_mut("a4").unwrap().windows[0].fill(0.0);
    let d4 = arm(&[concat("d4", 4, Side::Midi)]);
    assert_eq!(outputs(&d4, &batch()), outputs(&d4, &other));
    assert_eq!(outputs(&arm(&[]), &batch()).0, outputs(&d4, &batch()).0, "d4's audio side is D0's");
}

#[test]
fn gradients_of_the_injection_are_those_of_central_differences() {
    let model = FAMILY.model(&small(), &d4a4()).unwrap();
    let (declarations, checkpoint) = formula_checkpoint(&*model);
    let mut weights = Weights::initial(&declarations, 1, &[], &cpu());
    weights.load(&checkpoint).unwrap();
    let uploaded: Batch = batch().upload(&cpu());
    let score = |weights: &Weights| {
        let outputs = model.forward(&Pass::evaluation(weights), &uploaded);
        (outputs.audio.clone() * outputs.audio).sum() + (outputs.midi.clone() * outputs.midi).sum()
    };
    let gradients = score(&weights).backward();
    for name in ["inject.audio.a4.linear.weight", "inject.audio.a4.norm.weight", "inject.midi.d4.linear.weight"] {
        let flat = host(weights.flat(name).clone());
        let grad = host(weights.flat(name).grad(&gradients).unwrap());
        // The last column holds the descriptor's own weights.
        let at = flat.len() - 1;
        let moved = |by: f32| {
            let mut other = weights.clone();
            let mut values = flat.clone();
            values[at] += by;
            other.set(name, Tensor::from_data(TensorData::new(values, [flat.len()]), &cpu()));
            f64::from(host(score(&other))[0])
        };
        let difference = (moved(2e-3) - moved(-2e-3)) / 4e-3;
        let error = (difference - f64::from(grad[at])).abs();
        assert!(error < 0.02 * (0.5 + difference.abs()), "{name}: {} against {difference}", grad[at]);
    }
}

#[test]
fn arms_that_cannot_be_are_refused() {
    let refused = |arm: &ArmSpec| matches!(FAMILY.model(&small(), arm), Err(Error::Arm { .. }));
    let unknown = InjectionSpec { mechanism: "conkat".into(), ..concat("a4", 8, Side::Audio) };
    assert!(refused(&arm(&[unknown])));
    assert!(refused(&arm(&[concat("a4", 8, Side::Audio), concat("a7", 12, Side::Audio)])));
    assert!(refused(&arm(&[concat("a4", 0, Side::Audio)])));
    assert!(refused(&ArmSpec { family: "film".into(), ..d4a4() }));
    assert!(FAMILY.model(&small(), &d4a4()).is_ok());
}
