//! Writes what `tests/golden/parity.py` reads: `cargo run --release --example parity_export -- FOLDER` from the root.

mod cases;

use std::path::{Path, PathBuf};

use cases::{Case, Cases, batch, checkpoint, small};
use hit_model::{AudioSpec, ConvSpec, FinalNorm, HeadSpec, HostBatch, MidiSpec, ModelSpec, Precision};
use hit_schema::BlockWriter;
use hit_train::{AdamWSpec, VicregSpec};
use hitrepro::config::Config;
use hitrepro::registry;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("a folder to write to is needed")?);
    fs_err::create_dir_all(&folder)?;
    let config = Config::load(Path::new("pipeline.toml"))?;
    let cases = Cases {
        model: model(),
        loss: VicregSpec { invariance: 10.0, variance: 10.0, covariance: 1.0, gamma: 1.0, epsilon: 1e-4 },
        optimizer: AdamWSpec { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, clip_norm: 1.0 },
        groups: [("audio", 1e-3), ("audio.layers.0", 5e-4), ("midi", 5e-3), ("heads", 1e-2), ("inject", 5e-2)]
            .map(|(prefix, rate)| (prefix.to_owned(), rate))
            .into(),
        frozen: ["audio.cnn", "audio.positions"].map(str::to_owned).to_vec(),
        schedule_factor: 0.5,
        models: all(&config)?,
    };
    for case in &cases.models {
        let model = registry::family(&case.family).model(&cases.model, &case.arm())?;
        checkpoint(&*model).write(&folder.join(format!("{}.safetensors", case.name)))?;
    }
    write_batch(&batch(), &folder.join("batch.safetensors"))?;
    Ok(fs_err::write(folder.join("cases.json"), serde_json::to_string_pretty(&cases)?)?)
}

/// Small sizes without dropout.
fn model() -> ModelSpec {
    let conv = |channels, kernel, stride, padding| ConvSpec { channels, kernel, stride, padding };
    ModelSpec {
        audio: AudioSpec {
            cnn: vec![conv(4, 10, 5, 0), conv(8, 3, 2, 1)],
            norm_groups: 2,
            d_model: 8,
            n_layers: 2,
            n_heads: 2,
            d_ff: 16,
            dropout: 0.0,
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
            dropout: 0.0,
            max_notes: 64,
            norm: FinalNorm::BeforePooling,
        },
        heads: HeadSpec { hidden: vec![6, 6], embedding_dim: 5 },
        precision: Precision::F32,
    }
}

/// Every arm, those that padding can matter to under both rules, and the mixture of feed-forward parts on the other side.
fn all(config: &Config) -> Result<Vec<Case>, Failure> {
    let (_, profile) = config.profile(Some("reference"))?;
    let case = |name: &str| {
        let arm = profile.complete(&config.arms[name]);
        let options = small(&arm.family, arm.options);
        let step = matches!(
            name,
            "D0" | "D4x" | "d4-a4r" | "d4a4cm" | "film-dual" | "moe-a4-v3" | "moe-a4-v4" | "moe-paper" | "t3-wt"
        );
        Case { name: name.to_owned(), family: arm.family, injections: arm.injections, options, step }
    };
    let mut cases: Vec<Case> = config.arms.keys().map(|name| case(name)).collect();
    for name in ["D4x", "D4r", "d4a4cm"] {
        let mut other = case(name);
        other.name = format!("{name}-reference");
        other.options.insert("padding".to_owned(), json!("reference"));
        cases.push(other);
    }
    let mut other = case("moe-paper");
    "moe-paper-midi".clone_into(&mut other.name);
    other.injections[0] = case("D4").injections[0].clone();
    "moe_ffn".clone_into(&mut other.injections[0].mechanism);
    cases.push(other);
    Ok(cases)
}

fn write_batch(batch: &HostBatch, path: &Path) -> Result<(), Failure> {
    let n = batch.windows.len();
    let lengths: Vec<f32> = batch.tokens.iter().map(|tokens| tokens.len() as f32).collect();
    let longest = batch.tokens.iter().map(Vec::len).max().unwrap_or(0);
    let column = |value: fn(&hit_schema::Token) -> u8| -> Vec<f32> {
        let one = |tokens: &Vec<hit_schema::Token>| {
            (0..longest).map(|i| tokens.get(i).map_or(0.0, |token| f32::from(value(token)))).collect::<Vec<_>>()
        };
        batch.tokens.iter().flat_map(one).collect()
    };
    let columns = [
        ("pitch", column(|token| token.pitch)),
        ("velocity", column(|token| token.velocity)),
        ("duration", column(|token| token.duration)),
    ];
    let padded = |rows: &hit_model::Rows| {
        let length = rows.windows.iter().map(Vec::len).max().unwrap_or(0);
        let window =
            |values: &Vec<f32>| values.iter().copied().chain(std::iter::repeat(0.0)).take(length).collect::<Vec<_>>();
        ([n, length / rows.dims, rows.dims], rows.windows.iter().flat_map(window).collect::<Vec<f32>>())
    };
    let descriptors: Vec<_> = batch.descriptors.iter().map(|(id, rows)| (id, padded(rows))).collect();
    let mut writer = BlockWriter::new("parity batch", &()).f32("audio", &[n, batch.n_samples], &batch.audio).f32(
        "lengths",
        &[n],
        &lengths,
    );
    for (name, values) in &columns {
        writer = writer.f32(name, &[n, longest], values);
    }
    for (id, (shape, values)) in &descriptors {
        writer = writer.f32(id, shape, values);
    }
    Ok(writer.write(path)?)
}
