//! Sizes of the base model, as `pipeline.toml` states them (spec section 3).

use hit_kernels::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Side};

/// MIDI pitches.
pub const N_PITCHES: usize = 128;
/// MIDI velocities.
pub const N_VELOCITIES: usize = 128;

/// Sizes of a dual encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Audio encoder.
    pub audio: AudioSpec,
    /// MIDI encoder.
    pub midi: MidiSpec,
    /// Projection heads.
    pub heads: HeadSpec,
    /// Numbers that matrices are multiplied in.
    pub precision: Precision,
}

/// One convolution of the audio encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvSpec {
    /// Output channels.
    pub channels: usize,
    /// Taps.
    pub kernel: usize,
    /// Step, samples of its input.
    pub stride: usize,
    /// Zeros put before and after its input.
    pub padding: usize,
}

impl ConvSpec {
    /// Output length for an input of `n`, 0 if the input is too short.
    pub fn length(&self, n: usize) -> usize {
        (n + 2 * self.padding).checked_sub(self.kernel).map_or(0, |rest| rest / self.stride + 1)
    }
}

/// Audio encoder: convolutions, learned positions, post-norm Transformer, mean over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioSpec {
    /// Convolutions in order; the last one has `d_model` channels. Reference: 512 k10 s5 p0, 512 k3 s2 p1 twice, 1024 k3 s2 p1.
    pub cnn: Vec<ConvSpec>,
    /// Groups of the normalisation after each convolution (32).
    pub norm_groups: usize,
    /// Width of the Transformer (1024).
    pub d_model: usize,
    /// Its layers (4).
    pub n_layers: usize,
    /// Its attention heads (8).
    pub n_heads: usize,
    /// Width of its feed-forward part (4096).
    pub d_ff: usize,
    /// Dropout probability inside its layers (0.1).
    pub dropout: f64,
    /// Rows of the table of learned positions (6000).
    pub max_positions: usize,
    /// Standard deviation of their initial values (0.02).
    pub position_std: f64,
}

/// Where the MIDI encoder's last normalisation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinalNorm {
    /// Each note is normalised, then the mean is taken (the published runs).
    BeforePooling,
    /// The mean is normalised (the printed text).
    AfterPooling,
}

/// MIDI encoder: note embedding, sinusoidal positions, pre-norm Transformer, masked mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MidiSpec {
    /// Width of the pitch embedding (256).
    pub pitch_dim: usize,
    /// Width of the velocity embedding (128).
    pub velocity_dim: usize,
    /// Width of the duration embedding (128).
    pub duration_dim: usize,
    /// Duration buckets, as in the corpus (32).
    pub n_durations: usize,
    /// Width of the Transformer (512).
    pub d_model: usize,
    /// Its layers (4).
    pub n_layers: usize,
    /// Its attention heads (8).
    pub n_heads: usize,
    /// Width of its feed-forward part (2048).
    pub d_ff: usize,
    /// Dropout probability inside its layers and after the positions (0.1).
    pub dropout: f64,
    /// Longest note list (2048).
    pub max_notes: usize,
    /// Where the last normalisation stands.
    pub norm: FinalNorm,
}

/// Projection heads, one a side: Linear-BatchNorm-ReLU for each hidden width, then Linear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadSpec {
    /// Hidden widths (512, 512).
    pub hidden: Vec<usize>,
    /// Embedding width (256).
    pub embedding_dim: usize,
}

impl ModelSpec {
    /// Width of an encoder's Transformer.
    pub fn width(&self, side: Side) -> usize {
        match side {
            Side::Audio => self.audio.d_model,
            Side::Midi => self.midi.d_model,
        }
    }

    /// Layers of an encoder's Transformer.
    pub fn n_layers(&self, side: Side) -> usize {
        match side {
            Side::Audio => self.audio.n_layers,
            Side::Midi => self.midi.n_layers,
        }
    }

    /// Whether a model of these sizes can be built.
    ///
    /// # Errors
    /// [`Error::Spec`] with the field.
    pub fn check(&self) -> Result<(), Error> {
        self.audio.check()?;
        self.midi.check()?;
        for &width in self.heads.hidden.iter().chain([&self.heads.embedding_dim]) {
            positive("model.heads", width)?;
        }
        Ok(())
    }
}

impl AudioSpec {
    /// Tokens that `n_samples` of audio become: 2,400 for 96,000 at reference size; 0 if there are too few samples.
    pub fn n_tokens(&self, n_samples: usize) -> usize {
        self.cnn.iter().fold(n_samples, |n, conv| if n == 0 { 0 } else { conv.length(n) })
    }

    /// Whether windows of `n_samples` can be encoded.
    ///
    /// # Errors
    /// [`Error::Spec`] if they are too short for the convolutions or too long for the positions.
    pub fn check_length(&self, n_samples: usize) -> Result<(), Error> {
        let (n, max) = (self.n_tokens(n_samples), self.max_positions);
        match n {
            0 => Err(Error::spec("model.audio.cnn", format!("windows of {n_samples} samples leave no token"))),
            n if n > max => {
                let what = format!("windows of {n_samples} samples become {n} tokens, but there are {max} positions");
                Err(Error::spec("model.audio.max_positions", what))
            }
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let at = "model.audio";
        for conv in &self.cnn {
            for n in [conv.channels, conv.kernel, conv.stride] {
                positive("model.audio.cnn", n)?;
            }
            if self.norm_groups == 0 || !conv.channels.is_multiple_of(self.norm_groups) {
                let what = format!("{} groups do not divide {} channels", self.norm_groups, conv.channels);
                return Err(Error::spec("model.audio.norm_groups", what));
            }
        }
        if self.cnn.last().is_none_or(|conv| conv.channels != self.d_model) {
            return Err(Error::spec(
                "model.audio.cnn",
                format!("the last convolution needs {} channels", self.d_model),
            ));
        }
        positive("model.audio.max_positions", self.max_positions)?;
        if !(self.position_std.is_finite() && self.position_std >= 0.0) {
            return Err(Error::spec("model.audio.position_std", "a finite number, 0 or more, is needed"));
        }
        check_transformer(at, self.d_model, self.n_heads, self.d_ff, self.dropout)
    }
}

impl MidiSpec {
    fn check(&self) -> Result<(), Error> {
        for n in [self.pitch_dim, self.velocity_dim, self.duration_dim, self.n_durations, self.max_notes] {
            positive("model.midi", n)?;
        }
        if !self.d_model.is_multiple_of(2) {
            return Err(Error::spec("model.midi.d_model", "sinusoidal positions need an even width"));
        }
        check_transformer("model.midi", self.d_model, self.n_heads, self.d_ff, self.dropout)
    }
}

fn check_transformer(at: &str, d_model: usize, n_heads: usize, d_ff: usize, dropout: f64) -> Result<(), Error> {
    positive(&format!("{at}.d_model"), d_model)?;
    positive(&format!("{at}.d_ff"), d_ff)?;
    if n_heads == 0 || !d_model.is_multiple_of(n_heads) {
        return Err(Error::spec(format!("{at}.n_heads"), format!("{n_heads} heads do not divide {d_model} dims")));
    }
    if !(0.0..1.0).contains(&dropout) {
        return Err(Error::spec(format!("{at}.dropout"), format!("{dropout} is not a probability below 1")));
    }
    Ok(())
}

fn positive(field: &str, n: usize) -> Result<(), Error> {
    if n == 0 { Err(Error::spec(field, "sizes are at least 1")) } else { Ok(()) }
}
