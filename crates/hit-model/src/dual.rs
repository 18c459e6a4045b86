//! Two encoders, two heads, and the places where descriptors may enter.

use burn::tensor::Tensor;

use crate::{
    AudioEncoder, Batch, Cost, Declarations, Error, Head, MidiEncoder, Model, ModelSpec, Outputs, Pass, Side,
    WindowSize,
};

/// Which tokens are padding.
#[derive(Clone)]
pub struct Padding {
    /// 1 where a token is real, 0 where it is padding: `[batch, tokens]`.
    pub valid: Tensor<2>,
    /// Added to attention scores: 0 at real keys, −1e30 at padded ones, whose weight then is exactly 0: `[batch, 1, 1, tokens]`.
    pub key_bias: Tensor<4>,
}

impl Padding {
    /// Padding of a batch with that validity `[batch, tokens]`.
    pub fn of(valid: &Tensor<2>) -> Self {
        let [batch, tokens] = valid.dims();
        let key_bias = ((valid.clone() - 1.0) * 1e30).reshape([batch, 1, 1, tokens]);
        Self { valid: valid.clone(), key_bias }
    }

    /// Mean over real tokens. `x`: `[batch, tokens, width]`. Returns `[batch, width]`.
    pub fn mean(&self, x: Tensor<3>) -> Tensor<2> {
        let weights = self.valid.clone() / self.valid.clone().sum_dim(1);
        (x * weights.unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim(1)
    }
}

/// What stands before an encoder's Transformer: the output of the convolutions, or the embedded notes.
pub struct Sequence {
    /// `[batch, tokens, width]`.
    pub hidden: Tensor<3>,
    /// Padding, on the MIDI side.
    pub padding: Option<Padding>,
    /// Positions `[tokens, width]` that are still to be added; a mechanism that needs them earlier takes them.
    pub positions: Option<Tensor<2>>,
}

impl Sequence {
    /// Takes the positions if they are there and adds them.
    pub fn positioned(self) -> Tensor<3> {
        match self.positions {
            Some(positions) => self.hidden + positions.unsqueeze(),
            None => self.hidden,
        }
    }
}

/// A descriptor at work in one encoder. It may change, replace or lengthen the sequence before the Transformer, and act
/// after each of its layers; the batch gives it every descriptor, also that of the other side.
pub trait Injection: Send + Sync {
    /// Declares its arrays.
    fn declare(&self, declarations: &mut Declarations);

    /// Acts before the Transformer and, unless it takes them, before the positions.
    fn before_layers(&self, _pass: &Pass, _batch: &Batch, sequence: Sequence) -> Sequence {
        sequence
    }

    /// Acts after layer `layer` on `hidden` `[batch, tokens, width]`.
    fn after_layer(&self, _pass: &Pass, _batch: &Batch, _layer: usize, hidden: Tensor<3>) -> Tensor<3> {
        hidden
    }

    /// Takes the place of the feed-forward part of layer `layer`, if it wants it. `x`: `[batch·tokens, width]`; `own` is
    /// the layer's own feed-forward part.
    fn feed_forward(
        &self,
        _pass: &Pass,
        _batch: &Batch,
        _layer: usize,
        _x: &Tensor<2>,
        _own: &dyn Fn(Tensor<2>) -> Tensor<2>,
    ) -> Option<Tensor<2>> {
        None
    }

    /// What it costs in a window for an encoder that has `tokens` tokens when it acts: floating-point operations, and how many
    /// tokens there are after it.
    ///
    /// # Errors
    /// [`Error::Options`] if it cannot take a window of that size.
    fn cost(&self, window: &WindowSize, tokens: usize) -> Result<(u64, usize), Error>;
}

/// The injections of one encoder, in the order of the arm.
pub type Injections = [Box<dyn Injection>];

/// Operations of all of them before the layers, and the tokens that the layers see.
///
/// # Errors
/// Those of the first that cannot take the window.
pub(crate) fn cost_of(injections: &Injections, window: &WindowSize, tokens: usize) -> Result<(u64, usize), Error> {
    injections.iter().try_fold((0, tokens), |(sum, tokens), injection| {
        let (flops, tokens) = injection.cost(window, tokens)?;
        Ok((sum + flops, tokens))
    })
}

/// The base model with whatever is injected. Arrays: `audio.*`, `midi.*`, `heads.audio.*`, `heads.midi.*`, and the injections'.
pub struct DualEncoder {
    audio: AudioEncoder,
    midi: MidiEncoder,
    audio_head: Head,
    midi_head: Head,
    audio_injections: Vec<Box<dyn Injection>>,
    midi_injections: Vec<Box<dyn Injection>>,
}

impl DualEncoder {
    /// The base model of those sizes, which have been checked: D0.
    pub fn new(spec: &ModelSpec) -> Self {
        Self {
            audio: AudioEncoder::new(spec.audio.clone()),
            midi: MidiEncoder::new(spec.midi.clone()),
            audio_head: Head::new("heads.audio", spec.audio.d_model, &spec.heads),
            midi_head: Head::new("heads.midi", spec.midi.d_model, &spec.heads),
            audio_injections: Vec::new(),
            midi_injections: Vec::new(),
        }
    }

    /// The same with one injection more.
    #[must_use]
    pub fn with(mut self, side: Side, injection: Box<dyn Injection>) -> Self {
        match side {
            Side::Audio => self.audio_injections.push(injection),
            Side::Midi => self.midi_injections.push(injection),
        }
        self
    }
}

impl Model for DualEncoder {
    fn declare(&self, declarations: &mut Declarations) {
        self.audio.declare(declarations);
        self.midi.declare(declarations);
        self.audio_head.declare(declarations);
        self.midi_head.declare(declarations);
        for injection in self.audio_injections.iter().chain(&self.midi_injections) {
            injection.declare(declarations);
        }
    }

    fn forward(&self, pass: &Pass, batch: &Batch) -> Outputs {
        let audio = self.audio.forward(pass, batch, &self.audio_injections);
        let midi = self.midi.forward(pass, batch, &self.midi_injections);
        Outputs::new(self.audio_head.forward(pass, audio), self.midi_head.forward(pass, midi))
    }

    fn cost(&self, window: &WindowSize) -> Result<Cost, Error> {
        let (audio, audio_tokens) = self.audio.cost(window, &self.audio_injections)?;
        let midi = self.midi.cost(window, &self.midi_injections)?;
        Ok(Cost { audio_tokens, flops: audio + midi + self.audio_head.flops() + self.midi_head.flops() })
    }
}
