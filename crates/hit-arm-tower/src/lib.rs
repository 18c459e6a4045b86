//! Family `tower`: a third encoder embeds the descriptors, and the loss compares all three (paper App. C.3, Eq. 20, spec section 5).
//!
//! The tower exists in training alone: retrieval compares audio and MIDI.

use hit_arm_inject::{CONCAT, Concat};
use hit_model::{
    ArmSpec, Batch, Compared, Cost, Declarations, DualEncoder, Error, Family, Head, HeadSpec, InjectionSpec, LayerNorm,
    Linear, Mechanism, Model, ModelSpec, Order, Outputs, Pass, Side, Tensor, TransformerLayer, WindowSize, check_side,
    resample, sinusoid,
};
use serde::Deserialize;

/// The family's plug-in. `tower` gives a descriptor to the tower, `concat` injects one as family `inject` does.
pub const FAMILY: Family = Family { id: "tower", crate_name: env!("CARGO_PKG_NAME"), mechanisms: &MECHANISMS, build };

const MECHANISMS: [Mechanism; 2] =
    [Mechanism::new("tower", "a third encoder embeds it, and the loss compares all three (Eq. 20)"), CONCAT];

/// What profile and arm state.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Width of the tower's Transformer (256).
    pub d_model: usize,
    /// Its layers (2).
    pub n_layers: usize,
    /// Its attention heads (4).
    pub n_heads: usize,
    /// Width of its feed-forward part (1024).
    pub d_ff: usize,
    /// Dropout probability inside its layers and after the positions (0.1).
    pub dropout: f64,
    /// Hidden widths of its head (256); it ends at the embedding width of the others.
    pub hidden: Vec<usize>,
    /// Weight of L(audio, MIDI) in the loss.
    pub pair: f64,
    /// Weight of L(audio, tower).
    pub audio: f64,
    /// Weight of L(MIDI, tower).
    pub midi: f64,
}

impl Options {
    fn check(&self, arm: &ArmSpec) -> Result<(), Error> {
        if self.d_ff == 0 {
            return Err(arm.bad_option("`d_ff` is at least 1"));
        }
        if self.hidden.contains(&0) {
            return Err(arm.bad_option("`hidden` widths are at least 1"));
        }
        if self.d_model == 0 || !self.d_model.is_multiple_of(2) {
            return Err(arm.bad_option("`d_model` is even, as sinusoidal positions need it"));
        }
        if self.n_heads == 0 || !self.d_model.is_multiple_of(self.n_heads) {
            return Err(arm.bad_option(format!("`n_heads` {} do not divide {} dims", self.n_heads, self.d_model)));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(arm.bad_option("`dropout` is a probability below 1"));
        }
        let weights = [("pair", self.pair), ("audio", self.audio), ("midi", self.midi)];
        if let Some((name, _)) = weights.iter().find(|(_, weight)| !(weight.is_finite() && *weight >= 0.0)) {
            return Err(arm.bad_option(format!("`{name}` is a finite number, 0 or more")));
        }
        Ok(())
    }
}

/// The tower: the descriptors side by side, one row a frame, through Linear, LayerNorm, sinusoid, pre-norm layers, LayerNorm, mean, head.
///
/// Descriptors of notes are interpolated linearly from the notes of their window to the frames of the first descriptor of the audio.
/// Arrays: `inject.tower.linear`, `.norm`, `.layers.<i>`, `.final_norm`, `.head.<i>`.
struct Tower {
    inputs: Vec<(String, Side)>,
    dropout: f64,
    linear: Linear,
    norm: LayerNorm,
    layers: Vec<TransformerLayer>,
    final_norm: LayerNorm,
    head: Head,
}

impl Tower {
    fn new(inputs: &[&InjectionSpec], embedding_dim: usize, options: &Options) -> Self {
        let &Options { d_model, n_layers, n_heads, d_ff, dropout, .. } = options;
        let layer = |idx: usize| {
            let name = format!("inject.tower.layers.{idx}");
            TransformerLayer::new(&name, d_model, n_heads, d_ff, dropout, Order::PreNorm)
        };
        let dims = inputs.iter().map(|input| input.dims).sum();
        let head = HeadSpec { hidden: options.hidden.clone(), embedding_dim };
        Self {
            inputs: inputs.iter().map(|input| (input.descriptor.clone(), input.side)).collect(),
            dropout,
            linear: Linear::new("inject.tower.linear", dims, d_model),
            norm: LayerNorm::new("inject.tower.norm", d_model),
            layers: (0..n_layers).map(layer).collect(),
            final_norm: LayerNorm::new("inject.tower.final_norm", d_model),
            head: Head::new("inject.tower.head", d_model, &head),
        }
    }

    fn declare(&self, declarations: &mut Declarations) {
        self.linear.declare(declarations);
        self.norm.declare(declarations);
        self.layers.iter().for_each(|layer| layer.declare(declarations));
        self.final_norm.declare(declarations);
        self.head.declare(declarations);
    }

    /// `[batch, embedding_dim]`.
    fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor<2> {
        let frames = self.inputs.iter().find(|(_, side)| *side == Side::Audio).expect("checked when it was built");
        let n_frames = batch.descriptor(&frames.0).dims()[1];
        let rows = |(id, side): &(String, Side)| {
            let rows = batch.descriptor(id);
            let n = batch.lengths.len();
            match side {
                Side::Audio => rows,
                Side::Midi => resample(rows, &batch.lengths, &vec![n_frames; n], n_frames),
            }
        };
        let joined = Tensor::cat(self.inputs.iter().map(rows).collect(), 2);
        let hidden = self.norm.forward_tokens(pass, self.linear.forward_tokens(pass, joined));
        let positions = sinusoid(n_frames, self.norm.width, &batch.device()).unsqueeze();
        let mut hidden = pass.dropout(hidden + positions, self.dropout, "inject.tower.dropout");
        for layer in &self.layers {
            hidden = layer.forward(pass, hidden, None);
        }
        self.head.forward(pass, self.final_norm.forward_tokens(pass, hidden).mean_dim(1).squeeze_dim(1))
    }
}

struct ThreeTowers {
    dual: DualEncoder,
    tower: Tower,
    options: Options,
}

impl Model for ThreeTowers {
    fn declare(&self, declarations: &mut Declarations) {
        self.dual.declare(declarations);
        self.tower.declare(declarations);
    }

    fn forward(&self, pass: &Pass, batch: &Batch) -> Outputs {
        let mut outputs = self.dual.forward(pass, batch);
        if pass.is_training() {
            let third = self.tower.forward(pass, batch);
            let compared =
                |weight: f64, first: &Tensor<2>| Compared { weight, first: first.clone(), second: third.clone() };
            outputs.weight = self.options.pair;
            outputs.others =
                vec![compared(self.options.audio, &outputs.audio), compared(self.options.midi, &outputs.midi)];
        }
        outputs
    }

    fn cost(&self, window: &WindowSize) -> Result<Cost, Error> {
        self.dual.cost(window)
    }
}

fn build(spec: &ModelSpec, arm: &ArmSpec) -> Result<Box<dyn Model>, Error> {
    let options: Options = arm.options()?;
    options.check(arm)?;
    let (towers, injected): (Vec<_>, Vec<_>) = arm.injections.iter().partition(|spec| spec.mechanism == "tower");
    check_side(arm, |spec| spec.mechanism != "tower")?;
    if !towers.iter().any(|spec| spec.side == Side::Audio) {
        return Err(arm.wrong("the tower needs a descriptor of the audio, whose frames it runs over"));
    }
    let add = |dual: DualEncoder, injection: &&InjectionSpec| {
        dual.with(injection.side, Box::new(Concat::new(injection, spec)))
    };
    let dual = injected.iter().fold(DualEncoder::new(spec), add);
    let tower = Tower::new(&towers, spec.heads.embedding_dim, &options);
    Ok(Box::new(ThreeTowers { dual, tower, options }))
}
