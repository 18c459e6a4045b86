//! Family `film`: a summary of a descriptor scales and shifts the channels after every layer (paper Eqs. 17-18, spec section 5).

use hit_model::{
    ArmSpec, Batch, Declarations, DualEncoder, Error, Family, Init, Injection, InjectionSpec, Linear, Mechanism, Model,
    ModelSpec, Pass, Side, Tensor, WindowSize, activation::relu, check_side,
};
use serde::Deserialize;

/// The family's plug-in.
pub const FAMILY: Family = Family { id: "film", crate_name: env!("CARGO_PKG_NAME"), mechanisms: &[MECHANISM], build };

const MECHANISM: Mechanism =
    Mechanism::new("film", "its mean scales and shifts the channels after every layer (Eqs. 17-18)");

/// What the profile states for the family.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Width of the hidden layer that makes scales and shifts (128).
    pub hidden: usize,
}

/// h ← (1 + γ_l)·h + β_l after each layer l, with all γ and β from one Linear-ReLU-Linear of the descriptor's summary.
///
/// The summary is the mean over frames, or over the notes that are there. That of A4 is zero, since A4 is standardised over time:
/// its arms learn one scale and shift for all windows. Arrays: `inject.<side>.<descriptor>.film.0`, `.film.2`; the second gives
/// `[layers, 2, width]` values, γ before β, and starts at zero.
pub struct Film {
    descriptor: String,
    side: Side,
    width: usize,
    first: Linear,
    second: Linear,
}

impl Film {
    /// Modulation of the encoder that the injection names.
    pub fn new(spec: &InjectionSpec, model: &ModelSpec, options: &Options) -> Self {
        let name = format!("inject.{}.{}.film", spec.side.name(), spec.descriptor);
        let (width, n_layers) = (model.width(spec.side), model.n_layers(spec.side));
        Self {
            descriptor: spec.descriptor.clone(),
            side: spec.side,
            width,
            first: Linear::new(format!("{name}.0"), spec.dims, options.hidden),
            second: Linear::new(format!("{name}.2"), options.hidden, n_layers * 2 * width),
        }
    }
}

impl Injection for Film {
    fn declare(&self, declarations: &mut Declarations) {
        self.first.declare(declarations);
        self.second.declare_with(declarations, Init::Constant(0.0), Init::Constant(0.0));
    }

    fn after_layer(&self, pass: &Pass, batch: &Batch, layer: usize, hidden: Tensor<3>) -> Tensor<3> {
        let summary = batch.summary(&self.descriptor, self.side);
        let all = self.second.forward(pass, relu(self.first.forward(pass, summary)));
        let part = |idx: usize| all.clone().narrow(1, (2 * layer + idx) * self.width, self.width).unsqueeze_dim::<3>(1);
        hidden * (part(0) + 1.0) + part(1)
    }

    fn cost(&self, _: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
        Ok((self.first.flops(1) + self.second.flops(1), tokens))
    }
}

fn build(spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
    check_side(arm, |_| true)?;
    let options: Options = arm.options()?;
    if options.hidden == 0 {
        return Err(arm.bad_option("`hidden` is at least 1"));
    }
    let add = |model: DualEncoder, injection: &InjectionSpec| {
        model.with(injection.side, Box::new(Film::new(injection, spec, &options)))
    };
    Ok(Box::new(arm.injections.iter().fold(DualEncoder::new(spec), add)))
}
