//! Addition: the descriptor's rows, projected to the encoder's width, on top of its tokens.

use hit_model::{
    Batch, Declarations, Error, Init, Injection, InjectionSpec, Linear, Mechanism, ModelSpec, Pass, Sequence, Side,
    WindowSize, resample,
};

/// Addition in the list of mechanisms.
pub const MECHANISM: Mechanism = Mechanism::new("add", "on top of the tokens: h + Linear(d)");

/// h ← h + Linear(d), before positions are added.
///
/// Frames are interpolated linearly to the audio tokens; notes have one row each. The projection starts at zero, so that
/// training starts from the model without the descriptor. Arrays: `inject.<side>.<descriptor>.add`.
pub struct Add {
    descriptor: String,
    side: Side,
    linear: Linear,
}

impl Add {
    /// Addition of a descriptor to the encoder of its own modality.
    pub fn new(spec: &InjectionSpec, model: &ModelSpec) -> Self {
        let name = format!("inject.{}.{}.add", spec.side.name(), spec.descriptor);
        let linear = Linear::new(name, spec.dims, model.width(spec.side));
        Self { descriptor: spec.descriptor.clone(), side: spec.side, linear }
    }
}

impl Injection for Add {
    fn declare(&self, declarations: &mut Declarations) {
        self.linear.declare_with(declarations, Init::Constant(0.0), Init::Constant(0.0));
    }

    fn before_layers(&self, pass: &Pass, batch: &Batch, sequence: Sequence) -> Sequence {
        let [n, tokens, _] = sequence.hidden.dims();
        let rows = batch.descriptor(&self.descriptor);
        let rows = match self.side {
            Side::Audio => {
                let frames = rows.dims()[1];
                resample(rows, &vec![frames; n], &vec![tokens; n], tokens)
            }
            Side::Midi => rows,
        };
        Sequence { hidden: sequence.hidden + self.linear.forward_tokens(pass, rows), ..sequence }
    }

    fn cost(&self, _: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
        Ok((self.linear.flops(tokens), tokens))
    }
}
