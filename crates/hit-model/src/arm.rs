//! Arms as data, and the families that build models of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use burn::tensor::Tensor;

use crate::{Batch, Cost, Declarations, Error, ModelSpec, Pass, WindowSize};

/// One of the two encoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The audio encoder.
    Audio,
    /// The MIDI encoder.
    Midi,
}

impl Side {
    /// `audio` or `midi`, as parameter names have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Midi => "midi",
        }
    }
}

/// A descriptor that enters an encoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InjectionSpec {
    /// Descriptor id, for example `a4`.
    pub descriptor: String,
    /// Values per row of the descriptor: 8 for A4, 4 for D4. Checked against the features when they are read.
    pub dims: usize,
    /// Mechanism, one that the family knows, for example `concat`.
    pub mechanism: String,
    /// Encoder that it enters.
    pub side: Side,
}

/// An arm: a family and what it injects. Its id is the key of its table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmSpec {
    /// Family that builds it, for example `inject`.
    pub family: String,
    /// Descriptors and where they enter; none for D0.
    pub injections: Vec<InjectionSpec>,
    /// What the family leaves open, by name: what the profile states for it, and over that what the arm states.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// Whether it is ours and not one of the paper's. Tables mark it; no result depends on it, so it is in no key.
    #[serde(default, skip_serializing)]
    pub extra: bool,
}

/// Values that a family reads: sizes of its modules, weights of its losses.
pub type Options = BTreeMap<String, Value>;

impl ArmSpec {
    /// Descriptors that the arm reads and their widths, each once, sorted by id.
    ///
    /// # Errors
    /// [`Error::Arm`] if one descriptor is given two widths, or width 0.
    pub fn descriptors(&self) -> Result<BTreeMap<String, usize>, Error> {
        let mut dims = BTreeMap::new();
        for injection in &self.injections {
            let before = *dims.entry(injection.descriptor.clone()).or_insert(injection.dims);
            if before != injection.dims || before == 0 {
                let what = format!("descriptor `{}` has {} and {before} dims", injection.descriptor, injection.dims);
                return Err(self.wrong(what));
            }
        }
        Ok(dims)
    }

    /// The options as the type that the family reads them by.
    ///
    /// # Errors
    /// [`Error::Options`] if one is missing, unknown or of another type.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let read = |options: Options| serde_json::from_value::<T>(Value::Object(options.into_iter().collect()));
        read(self.options.clone()).map_err(|error| {
            // serde does not say which value is of another type: it is the one that would then be missing.
            let culprit = self.options.keys().find(|key| {
                let mut fewer = self.options.clone();
                fewer.remove(*key);
                read(fewer).is_err_and(|error| error.to_string().starts_with(&format!("missing field `{key}`")))
                    && !error.to_string().contains(" field `")
            });
            self.bad_option(culprit.map_or_else(|| error.to_string(), |key| format!("`{key}`: {error}")))
        })
    }

    /// An error about the options of this arm; the first name between backquotes is the option at fault.
    pub fn bad_option(&self, what: impl Into<String>) -> Error {
        Error::Options { family: self.family.clone(), what: what.into() }
    }

    /// An error about this arm.
    pub fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Arm { family: self.family.clone(), what: what.into() }
    }
}

/// Embeddings of a batch, and which of them the loss compares.
pub struct Outputs {
    /// Of the audio: `[batch, embedding_dim]`, not normalised.
    pub audio: Tensor<2>,
    /// Of the MIDI: `[batch, embedding_dim]`, not normalised.
    pub midi: Tensor<2>,
    /// Weight of L(audio, midi) in the loss of training: 1 but for some arms with a third tower.
    pub weight: f64,
    /// What the loss of training compares beside; empty in evaluation.
    pub others: Vec<Compared>,
}

impl Outputs {
    /// Embeddings whose loss is L(audio, midi) alone.
    pub fn new(audio: Tensor<2>, midi: Tensor<2>) -> Self {
        Self { audio, midi, weight: 1.0, others: Vec::new() }
    }
}

/// Two sets of embeddings `[batch, embedding_dim]` whose VICReg loss is added with a weight.
pub struct Compared {
    /// Weight.
    pub weight: f64,
    /// One set.
    pub first: Tensor<2>,
    /// The other.
    pub second: Tensor<2>,
}

/// A model: names and shapes of its arrays, and the function of them. It holds no arrays itself.
pub trait Model: Send + Sync {
    /// All arrays, parameters and running statistics.
    fn declare(&self, declarations: &mut Declarations);

    /// Embeds a batch with the arrays of `pass`.
    fn forward(&self, pass: &Pass, batch: &Batch) -> Outputs;

    /// What embedding one window costs.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Options`] if the model cannot take a window of that size.
    fn cost(&self, window: &WindowSize) -> Result<Cost, Error>;
}

/// A way for a descriptor to enter a model.
#[derive(Clone, Copy, Debug)]
pub struct Mechanism {
    /// Id, for example `concat`.
    pub id: &'static str,
    /// What it does, in one line.
    pub title: &'static str,
    /// Whether the descriptor is of the other modality than the encoder that it enters.
    pub other_side: bool,
}

impl Mechanism {
    /// A mechanism for descriptors of the encoder's own modality.
    pub const fn new(id: &'static str, title: &'static str) -> Self {
        Self { id, title, other_side: false }
    }
}

/// Builds the model of an arm.
pub type Build = fn(&ModelSpec, &ArmSpec) -> Result<Box<dyn Model>, Error>;

/// A plug-in that builds models: its id in `pipeline.toml`, and the crate whose code the results depend on.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Id, for example `inject`.
    pub id: &'static str,
    /// Crate that defines it: always `env!("CARGO_PKG_NAME")`.
    pub crate_name: &'static str,
    /// Mechanisms that it knows.
    pub mechanisms: &'static [Mechanism],
    /// Builds the model of an arm; refuses sizes, mechanisms and sides that it cannot serve.
    pub build: Build,
}

impl Family {
    /// The mechanism of that id.
    pub fn mechanism(&self, id: &str) -> Option<&'static Mechanism> {
        self.mechanisms.iter().find(|mechanism| mechanism.id == id)
    }

    /// The checked model of an arm.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Arm`], [`Error::Options`].
    pub fn model(&self, spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
        spec.check()?;
        if arm.family != self.id {
            return Err(arm.wrong(format!("family `{}` was asked to build it", self.id)));
        }
        for InjectionSpec { mechanism, .. } in &arm.injections {
            if self.mechanism(mechanism).is_none() {
                let known = self.mechanisms.iter().map(|mechanism| mechanism.id).collect::<Vec<_>>();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                return Err(arm.wrong(format!("mechanism `{mechanism}` is unknown; it knows: {known}")));
            }
        }
        arm.descriptors()?;
        (self.build)(spec, arm)
    }
}

/// Whether at most one of the injections that `counts` picks enters each side, as mechanisms that own a side need it.
///
/// # Errors
/// [`Error::Arm`].
pub fn check_side(arm: &ArmSpec, counts: impl Fn(&InjectionSpec) -> bool) -> Result<(), Error> {
    for side in [Side::Audio, Side::Midi] {
        let entering = arm.injections.iter().filter(|injection| injection.side == side && counts(injection));
        if entering.count() > 1 {
            return Err(arm.wrong(format!("more than one descriptor enters the {} encoder", side.name())));
        }
    }
    Ok(())
}
