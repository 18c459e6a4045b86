//! Cross-attention between the encoder's tokens and the descriptor's rows, in either direction.

use hit_model::{
    Attention, Batch, Declarations, Error, Init, Injection, InjectionSpec, LayerNorm, Linear, Mechanism, ModelSpec,
    Pass, Sequence, Side, Tensor, WindowSize, sinusoid,
};

use crate::{FAMILY, Options, PaddingRule, array};

/// Cross-attention (X).
pub(crate) const STANDARD: Mechanism =
    Mechanism::new("cross_attention", "tokens ask its rows, and stay as many (Eq. 8)");

/// Reverse cross-attention (R).
pub(crate) const REVERSE: Mechanism =
    Mechanism::new("reverse_cross_attention", "its rows ask the tokens and take their place (Eq. 9)");

/// Who asks whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The encoder's tokens ask the descriptor's rows; the Transformer sees as many tokens as before (paper Eq. 8).
    Standard,
    /// The descriptor's rows ask the encoder's tokens; the Transformer sees one token a row (paper Eq. 9).
    Reverse,
}

/// h ← LayerNorm(q + Attention(q, k, v)), with positions added before and not again after.
///
/// Standard: q are the tokens with positions, k and v the projected descriptor without. Reverse: q is the projected descriptor
/// with positions (a learned table on the audio side, the sinusoid on the MIDI side), k and v the tokens with theirs.
/// Arrays below `inject.<side>.<descriptor>`: `linear`, `attention`, `norm`, and `positions` `[max_frames, width]` if
/// it is reverse and of the audio side.
pub struct Cross {
    descriptor: String,
    side: Side,
    direction: Direction,
    padding: PaddingRule,
    max_frames: usize,
    position_std: f64,
    positions: String,
    linear: Linear,
    attention: Attention,
    norm: LayerNorm,
}

impl Cross {
    /// Cross-attention at that place.
    pub fn new(spec: &InjectionSpec, model: &ModelSpec, options: &Options, direction: Direction) -> Self {
        let width = model.width(spec.side);
        let Options { n_heads, dropout, max_frames, position_std, padding } = *options;
        Self {
            descriptor: spec.descriptor.clone(),
            side: spec.side,
            direction,
            padding,
            max_frames,
            position_std,
            positions: array(spec, "positions"),
            linear: Linear::new(array(spec, "linear"), spec.dims, width),
            attention: Attention { name: array(spec, "attention"), width, n_heads, dropout },
            norm: LayerNorm::new(array(spec, "norm"), width),
        }
    }

    fn learns_positions(&self) -> bool {
        self.direction == Direction::Reverse && self.side == Side::Audio
    }

    /// Positions of the descriptor's rows: `[rows, width]`.
    fn positions(&self, pass: &Pass, batch: &Batch, rows: usize) -> Tensor<2> {
        if !self.learns_positions() {
            return sinusoid(rows, self.norm.width, &batch.device());
        }
        pass.weights.get::<2>(&self.positions).narrow(0, 0, rows)
    }
}

impl Injection for Cross {
    fn declare(&self, declarations: &mut Declarations) {
        self.linear.declare(declarations);
        if self.learns_positions() {
            let shape = [self.max_frames, self.norm.width];
            declarations.parameter(self.positions.clone(), &shape, Init::Normal(self.position_std));
        }
        self.attention.declare(declarations);
        self.norm.declare(declarations);
    }

    fn before_layers(&self, pass: &Pass, batch: &Batch, sequence: Sequence) -> Sequence {
        let padding = sequence.padding.clone();
        let tokens = sequence.positioned();
        let rows = self.linear.forward_tokens(pass, batch.descriptor(&self.descriptor));
        let n_rows = rows.dims()[1];
        let (queries, memory) = match self.direction {
            Direction::Standard => (tokens, rows),
            Direction::Reverse => (rows + self.positions(pass, batch, n_rows).unsqueeze(), tokens),
        };
        let key_bias = (self.side == Side::Midi).then(|| self.padding.key_bias(batch));
        let mixed = self.attention.across(pass, queries.clone(), memory, key_bias.as_ref());
        Sequence { hidden: self.norm.forward_tokens(pass, queries + mixed), padding, positions: None }
    }

    fn cost(&self, window: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
        let rows = match self.side {
            Side::Audio => window.n_frames,
            Side::Midi => window.n_notes,
        };
        let (asking, asked) = match self.direction {
            Direction::Standard => (tokens, rows),
            Direction::Reverse => (rows, tokens),
        };
        if self.learns_positions() && rows > self.max_frames {
            let what = format!("`max_frames` is {}, but `{}` has {rows} frames", self.max_frames, self.descriptor);
            return Err(Error::Options { family: FAMILY.id.to_owned(), what });
        }
        Ok((self.linear.flops(rows) + self.attention.flops(asking, asked), asking))
    }
}
