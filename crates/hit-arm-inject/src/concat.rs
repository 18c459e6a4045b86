//! Concatenation: the descriptor's rows beside the encoder's tokens, projected back to its width.

use burn::tensor::Tensor;
use hit_model::{
    Batch, Declarations, Injection, InjectionSpec, LayerNorm, Linear, Pass, Sequence, Side, interpolation,
};

/// h ← LayerNorm(Linear(\[h ‖ d\])), before positions are added (paper Eq. 7).
///
/// On the audio side the descriptor's frames (188 of A4) are interpolated linearly to the encoder's tokens; on the MIDI side
/// there is one row a note. Arrays: `inject.<side>.<descriptor>.linear`, `inject.<side>.<descriptor>.norm`.
pub struct Concat {
    descriptor: String,
    side: Side,
    linear: Linear,
    norm: LayerNorm,
}

impl Concat {
    /// Concatenation into an encoder of that width.
    pub fn new(spec: &InjectionSpec, width: usize) -> Self {
        let name = format!("inject.{}.{}", spec.side.name(), spec.descriptor);
        Self {
            descriptor: spec.descriptor.clone(),
            side: spec.side,
            linear: Linear::new(format!("{name}.linear"), width + spec.dims, width),
            norm: LayerNorm::new(format!("{name}.norm"), width),
        }
    }

    /// The descriptor with one row a token: `[batch, tokens, dims]`.
    fn rows(&self, batch: &Batch, tokens: usize) -> Tensor<3> {
        let rows = batch.descriptors.get(&self.descriptor).expect("the batch holds the arm's descriptors").clone();
        let [n, from, dims] = rows.dims();
        match self.side {
            Side::Audio if from != tokens => {
                let matrix = interpolation(from, tokens, &rows.device()).unsqueeze::<3>();
                matrix.expand([n, tokens, from]).matmul(rows)
            }
            _ => {
                assert_eq!(from, tokens, "descriptor `{}` has one row a token, of {dims} dims", self.descriptor);
                rows
            }
        }
    }
}

impl Injection for Concat {
    fn declare(&self, declarations: &mut Declarations) {
        self.linear.declare(declarations);
        self.norm.declare(declarations);
    }

    fn before_layers(&self, pass: &Pass, batch: &Batch, sequence: Sequence) -> Sequence {
        let hidden = sequence.hidden;
        let rows = self.rows(batch, hidden.dims()[1]);
        // Parts of a concatenation must agree on whether they are in the graph's device.
        let rows = if hidden.is_autodiff() { rows.autodiff() } else { rows };
        let joined = Tensor::cat(vec![hidden, rows], 2);
        let hidden = self.norm.forward_tokens(pass, self.linear.forward_tokens(pass, joined));
        Sequence { hidden, ..sequence }
    }
}
