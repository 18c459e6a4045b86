//! Family `inject`: descriptors enter the encoders of the base model before their Transformers (paper Eqs. 7-9, spec section 4).
//!
//! Each mechanism is a file with one constructor and its line in `MECHANISMS`.

mod concat;
mod cross;

pub use concat::{CONCAT, Concat};
pub use cross::{Cross, Direction};

use hit_model::{
    ArmSpec, Batch, DualEncoder, Error, Family, Injection, InjectionSpec, Mechanism, Model, ModelSpec, Padding, Tensor,
    TensorData, check_side,
};
use serde::Deserialize;

/// The family's plug-in.
pub const FAMILY: Family = Family { id: "inject", crate_name: env!("CARGO_PKG_NAME"), mechanisms: &KNOWN, build };

/// What the profile states for the family.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Heads of cross-attention (8).
    pub n_heads: usize,
    /// Dropout probability of its weights (0.1).
    pub dropout: f64,
    /// Rows of the table of positions that reverse cross-attention learns for the frames of a descriptor (200).
    pub max_frames: usize,
    /// Standard deviation of their initial values (0.02).
    pub position_std: f64,
    /// What padding of note lists does.
    pub padding: PaddingRule,
}

/// What the padding of note lists does where descriptors enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaddingRule {
    /// Nothing: padded keys are masked, and rows are interpolated over the notes of each window. An embedding does not depend
    /// on the other windows of its batch.
    Masked,
    /// What it did in the published runs: descriptor attention sees padded rows up to the longest list of the batch, and
    /// rows are interpolated over that length.
    Reference,
}

impl PaddingRule {
    /// Notes that interpolation counts for each window.
    fn lengths(self, batch: &Batch) -> Vec<usize> {
        match self {
            Self::Masked => batch.lengths.clone(),
            Self::Reference => vec![longest(batch); batch.lengths.len()],
        }
    }

    /// Bias of the attention scores: `[batch, 1, 1, notes]`.
    fn key_bias(self, batch: &Batch) -> Tensor<4> {
        match self {
            Self::Masked => Padding::of(&batch.valid).key_bias,
            Self::Reference => {
                let ([n, notes], longest) = (batch.valid.dims(), longest(batch));
                // The list is padded beyond the longest for the sake of kernels: that padding counts for nothing.
                let row = (0..notes).map(|i| f32::from(u8::from(i < longest)));
                let valid: Vec<f32> = row.cycle().take(n * notes).collect();
                Padding::of(&Tensor::from_data(TensorData::new(valid, [n, notes]), &batch.device())).key_bias
            }
        }
    }
}

fn longest(batch: &Batch) -> usize {
    batch.lengths.iter().copied().max().unwrap_or(1)
}

/// Name of an array: `inject.<side>.<descriptor>.<part>`.
fn array(spec: &InjectionSpec, part: &str) -> String {
    format!("inject.{}.{}.{part}", spec.side.name(), spec.descriptor)
}

/// Makes the injection of a mechanism.
type Make = fn(&InjectionSpec, &ModelSpec, &Options) -> Box<dyn Injection>;

/// Mechanisms and how each is made.
const MECHANISMS: &[(Mechanism, Make)] = &[
    (concat::CONCAT, |spec, model, _| Box::new(Concat::new(spec, model))),
    (concat::CROSS_MODAL, |spec, model, options| Box::new(Concat::of_other_side(spec, model, options.padding))),
    (cross::STANDARD, |spec, model, options| Box::new(Cross::new(spec, model, options, Direction::Standard))),
    (cross::REVERSE, |spec, model, options| Box::new(Cross::new(spec, model, options, Direction::Reverse))),
];

/// The first column of the table.
const KNOWN: [Mechanism; MECHANISMS.len()] = {
    let mut known = [CONCAT; MECHANISMS.len()];
    let mut idx = 0;
    while idx < known.len() {
        known[idx] = MECHANISMS[idx].0;
        idx += 1;
    }
    known
};

fn build(spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
    check_side(arm, |_| true)?;
    let options: Options = arm.options()?;
    check(spec, arm, &options)?;
    let mut model = DualEncoder::new(spec);
    for injection in &arm.injections {
        let known = MECHANISMS.iter().find(|(known, _)| known.id == injection.mechanism);
        let (_, make) = known.expect("mechanisms are checked before a family builds");
        model = model.with(injection.side, make(injection, spec, &options));
    }
    Ok(Box::new(model))
}

fn check(spec: &ModelSpec, arm: &ArmSpec, options: &Options) -> Result<(), Error> {
    let attends = |injection: &&InjectionSpec| [cross::STANDARD.id, cross::REVERSE.id].contains(&&*injection.mechanism);
    for injection in arm.injections.iter().filter(attends) {
        let width = spec.width(injection.side);
        if options.n_heads == 0 || !width.is_multiple_of(options.n_heads) {
            return Err(arm.bad_option(format!("`n_heads` {} do not divide {width} dims", options.n_heads)));
        }
    }
    if !(0.0..1.0).contains(&options.dropout) {
        return Err(arm.bad_option(format!("`dropout` {} is not a probability below 1", options.dropout)));
    }
    if options.max_frames == 0 {
        return Err(arm.bad_option("`max_frames` is at least 1"));
    }
    if !(options.position_std.is_finite() && options.position_std >= 0.0) {
        return Err(arm.bad_option("`position_std` is a finite number, 0 or more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
