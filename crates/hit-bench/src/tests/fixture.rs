//! A tiny arm for the tests.

use hit_model::{
    ArmSpec, AudioSpec, ConvSpec, FinalNorm, HeadSpec, InjectionSpec, MidiSpec, ModelSpec, Options, Precision, Side,
};
use hit_train::{AdamWSpec, TrainSpec, VicregSpec};

use crate::Windows;

/// d4a4 by concatenation.
pub(crate) fn arm() -> ArmSpec {
    let inject = |descriptor: &str, dims, side| InjectionSpec {
        descriptor: descriptor.into(),
        dims,
        mechanism: "concat".into(),
        side,
    };
    let options = [
        ("n_heads", 2.into()),
        ("dropout", 0.1.into()),
        ("max_frames", 64.into()),
        ("position_std", 0.02.into()),
        ("padding", "masked".into()),
    ];
    let options: Options = options.map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value)).into();
    let injections = vec![inject("d4", 4, Side::Midi), inject("a4", 8, Side::Audio)];
    ArmSpec { family: "inject".into(), injections, options, extra: false }
}

/// 2,000 samples become 20 tokens.
pub(crate) fn model() -> ModelSpec {
    let conv = |channels, kernel| ConvSpec { channels, kernel, stride: kernel, padding: 0 };
    ModelSpec {
        audio: AudioSpec {
            cnn: vec![conv(4, 20), conv(8, 5)],
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
            max_notes: 64,
            norm: FinalNorm::BeforePooling,
        },
        heads: HeadSpec { hidden: vec![16], embedding_dim: 8 },
        precision: Precision::F32,
    }
}

/// Batches of 4 and a frozen front end.
pub(crate) fn train() -> TrainSpec {
    TrainSpec {
        batch_size: 4,
        batches_per_epoch: 5,
        optimizer: AdamWSpec { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 1e-4, clip_norm: 1.0 },
        warmup_steps: 4,
        groups: [("audio", 1e-3), ("midi", 1e-3), ("heads", 1e-3), ("inject", 1e-3)]
            .map(|(prefix, lr)| (prefix.to_owned(), lr))
            .into(),
        frozen: vec!["audio.cnn".into(), "audio.positions".into()],
        loss: VicregSpec { invariance: 10.0, variance: 10.0, covariance: 1.0, gamma: 1.0, epsilon: 1e-4 },
        save_every_steps: 3,
    }
}

/// Windows of 2,000 samples, 20 frames and 12 notes.
pub(crate) fn windows() -> Windows {
    Windows { n_samples: 2000, n_notes: 12, n_frames: 20, per_note: ["d4".to_owned()].into() }
}
