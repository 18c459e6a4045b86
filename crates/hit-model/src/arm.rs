//! Arms as data, and the families that build models of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use burn::tensor::Tensor;

use crate::{Batch, Declarations, Error, ModelSpec, Pass};

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
}

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

    /// An error about this arm.
    pub fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Arm { family: self.family.clone(), what: what.into() }
    }
}

/// Embeddings of a batch.
pub struct Outputs {
    /// Of the audio: `[batch, embedding_dim]`, not normalised.
    pub audio: Tensor<2>,
    /// Of the MIDI: `[batch, embedding_dim]`, not normalised.
    pub midi: Tensor<2>,
}

/// A model: names and shapes of its arrays, and the function of them. It holds no arrays itself.
pub trait Model: Send + Sync {
    /// All arrays, parameters and running statistics.
    fn declare(&self, declarations: &mut Declarations);

    /// Embeds a batch with the arrays of `pass`.
    fn forward(&self, pass: &Pass, batch: &Batch) -> Outputs;
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
    pub mechanisms: &'static [&'static str],
    /// Builds the model of an arm; refuses sizes, mechanisms and sides that it cannot serve.
    pub build: Build,
}

impl Family {
    /// The checked model of an arm.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Arm`].
    pub fn model(&self, spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
        spec.check()?;
        if arm.family != self.id {
            return Err(arm.wrong(format!("family `{}` was asked to build it", self.id)));
        }
        for InjectionSpec { mechanism, .. } in &arm.injections {
            if !self.mechanisms.contains(&mechanism.as_str()) {
                let known = if self.mechanisms.is_empty() { "none".into() } else { self.mechanisms.join(", ") };
                return Err(arm.wrong(format!("mechanism `{mechanism}` is unknown; it knows: {known}")));
            }
        }
        arm.descriptors()?;
        (self.build)(spec, arm)
    }
}

/// Whether at most one descriptor enters each side, as mechanisms that own a side need it.
///
/// # Errors
/// [`Error::Arm`].
pub fn check_side(arm: &ArmSpec) -> Result<(), Error> {
    for side in [Side::Audio, Side::Midi] {
        if arm.injections.iter().filter(|injection| injection.side == side).count() > 1 {
            return Err(arm.wrong(format!("more than one descriptor enters the {} encoder", side.name())));
        }
    }
    Ok(())
}
