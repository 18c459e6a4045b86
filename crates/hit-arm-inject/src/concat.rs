//! Concatenation: the descriptor's rows beside the encoder's tokens, projected back to its width.

use hit_model::{
    Batch, Declarations, Error, Injection, InjectionSpec, LayerNorm, Linear, Mechanism, ModelSpec, Pass, Sequence,
    Side, Tensor, WindowSize, resample,
};

use crate::{PaddingRule, array};

/// Concatenation, which family `tower` injects by too.
pub const CONCAT: Mechanism = Mechanism::new("concat", "beside the tokens: LayerNorm(Linear([h || d])) (Eq. 7)");

/// Concatenation with the other encoder.
pub(crate) const CROSS_MODAL: Mechanism = Mechanism {
    id: "cross_modal",
    title: "beside the tokens of the other modality, interpolated to them (Table 13, d4a4cm)",
    other_side: true,
};

/// h ← LayerNorm(Linear(\[h ‖ d\])), before positions are added (paper Eq. 7).
///
/// The rows of the descriptor are interpolated linearly to the encoder's tokens: the frames of an audio descriptor (188 of A4)
/// to those of the audio encoder, and, if it comes from the other side (`cross_modal`), notes to frames and frames to
/// notes. A descriptor of notes has one row a token on the MIDI side. Arrays: `inject.<side>.<descriptor>.linear`, `.norm`.
pub struct Concat {
    descriptor: String,
    side: Side,
    /// Where the descriptor comes from.
    from: Side,
    /// Over what rows are interpolated if they are notes; nothing else depends on it.
    padding: PaddingRule,
    linear: Linear,
    norm: LayerNorm,
}

impl Concat {
    /// Concatenation of a descriptor with the encoder of its own modality.
    pub fn new(spec: &InjectionSpec, model: &ModelSpec) -> Self {
        let width = model.width(spec.side);
        Self {
            descriptor: spec.descriptor.clone(),
            side: spec.side,
            from: spec.side,
            padding: PaddingRule::Masked,
            linear: Linear::new(array(spec, "linear"), width + spec.dims, width),
            norm: LayerNorm::new(array(spec, "norm"), width),
        }
    }

    /// Concatenation of a descriptor with the encoder of the other modality.
    pub fn of_other_side(spec: &InjectionSpec, model: &ModelSpec, padding: PaddingRule) -> Self {
        let from = match spec.side {
            Side::Audio => Side::Midi,
            Side::Midi => Side::Audio,
        };
        Self { from, padding, ..Self::new(spec, model) }
    }

    /// The descriptor with one row a token: `[batch, tokens, dims]`.
    fn rows(&self, batch: &Batch, tokens: usize) -> Tensor<3> {
        let rows = batch.descriptor(&self.descriptor);
        let [n, all, dims] = rows.dims();
        let notes = || self.padding.lengths(batch);
        match (self.from, self.side) {
            (Side::Audio, Side::Audio) => resample(rows, &vec![all; n], &vec![tokens; n], tokens),
            (Side::Midi, Side::Audio) => resample(rows, &notes(), &vec![tokens; n], tokens),
            (Side::Audio, Side::Midi) => resample(rows, &vec![all; n], &notes(), tokens),
            (Side::Midi, Side::Midi) => {
                assert_eq!(all, tokens, "descriptor `{}` has one row a note, of {dims} dims", self.descriptor);
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

    fn cost(&self, _: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
        Ok((self.linear.flops(tokens), tokens))
    }
}
