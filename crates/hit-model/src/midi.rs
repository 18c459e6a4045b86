//! The MIDI encoder: note embedding, sinusoidal positions, pre-norm Transformer, masked mean (spec section 3).

use burn::tensor::{Device, Tensor, TensorData};
use hit_kernels::{Precision, matmul};

use crate::dual::cost_of;
use crate::{
    Batch, Declarations, Error, FinalNorm, Init, Injections, LayerNorm, Linear, MidiSpec, N_PITCHES, N_VELOCITIES,
    Order, Padding, Pass, Sequence, TransformerLayer, WindowSize,
};

/// Note encoder. Arrays: `midi.embedding.{pitch,velocity,duration,projection,norm}`, `midi.layers.<i>`, `midi.norm`.
#[derive(Clone, Debug)]
pub struct MidiEncoder {
    spec: MidiSpec,
    projection: Linear,
    embedding_norm: LayerNorm,
    layers: Vec<TransformerLayer>,
    norm: LayerNorm,
}

impl MidiEncoder {
    /// An encoder of those sizes, which have been checked.
    pub fn new(spec: MidiSpec) -> Self {
        let layer = |idx: usize| {
            let name = format!("midi.layers.{idx}");
            TransformerLayer::new(&name, spec.d_model, spec.n_heads, spec.d_ff, spec.dropout, Order::PreNorm)
        };
        let width = spec.pitch_dim + spec.velocity_dim + spec.duration_dim;
        Self {
            projection: Linear::new("midi.embedding.projection", width, spec.d_model),
            embedding_norm: LayerNorm::new("midi.embedding.norm", spec.d_model),
            layers: (0..spec.n_layers).map(layer).collect(),
            norm: LayerNorm::new("midi.norm", spec.d_model),
            spec,
        }
    }

    fn tables(&self) -> [(&'static str, usize, usize); 3] {
        let MidiSpec { pitch_dim, velocity_dim, duration_dim, n_durations, .. } = self.spec;
        [
            ("midi.embedding.pitch.weight", N_PITCHES, pitch_dim),
            ("midi.embedding.velocity.weight", N_VELOCITIES, velocity_dim),
            ("midi.embedding.duration.weight", n_durations, duration_dim),
        ]
    }

    /// Declares its arrays.
    pub fn declare(&self, declarations: &mut Declarations) {
        for (name, rows, width) in self.tables() {
            declarations.parameter(name, &[rows, width], Init::Normal(1.0));
        }
        self.projection.declare(declarations);
        self.embedding_norm.declare(declarations);
        for layer in &self.layers {
            layer.declare(declarations);
        }
        self.norm.declare(declarations);
    }

    /// Embeds notes one by one: `[batch, notes, d_model]`.
    ///
    /// Rows are looked up by a product with one-hot rows: exact, and its backward pass adds in a fixed order, which
    /// a scatter on a GPU does not.
    pub fn notes(&self, pass: &Pass, batch: &Batch) -> Tensor<3> {
        let one_hot = [&batch.pitch, &batch.velocity, &batch.duration];
        let [n, notes, _] = batch.pitch.dims();
        let look_up = |((name, rows, _), hot): ((&str, usize, usize), &Tensor<3>)| {
            matmul(hot.clone().reshape([n * notes, rows]), pass.weights.get::<2>(name), Precision::F32)
        };
        let parts = self.tables().into_iter().zip(one_hot).map(look_up).collect::<Vec<_>>();
        let x = self.projection.forward(pass, Tensor::cat(parts, 1));
        self.embedding_norm.forward(pass, x).reshape([n, notes, self.spec.d_model])
    }

    /// Floating-point operations of a window. Looking embeddings up costs none.
    ///
    /// # Errors
    /// That of an injection that cannot take the window.
    pub fn cost(&self, window: &WindowSize, injections: &Injections) -> Result<u64, Error> {
        let (injected, tokens) = cost_of(injections, window, window.n_notes)?;
        let layers = self.layers.iter().map(|layer| layer.flops(tokens)).sum::<u64>();
        Ok(self.projection.flops(window.n_notes) + injected + layers)
    }

    /// Embeds a batch before the head: `[batch, d_model]`.
    pub fn forward(&self, pass: &Pass, batch: &Batch, injections: &Injections) -> Tensor<2> {
        let hidden = self.notes(pass, batch);
        let positions = sinusoid(hidden.dims()[1], self.spec.d_model, &batch.device());
        let padding = Padding::of(&batch.valid);
        let mut sequence = Sequence { hidden, padding: Some(padding), positions: Some(positions) };
        for injection in injections {
            sequence = injection.before_layers(pass, batch, sequence);
        }
        let padding = sequence.padding.clone();
        let mut hidden = pass.dropout(sequence.positioned(), self.spec.dropout, "midi.dropout");
        for (idx, layer) in self.layers.iter().enumerate() {
            let key_bias = padding.as_ref().map(|padding| &padding.key_bias);
            hidden = layer.forward_with(pass, hidden, key_bias, |x, own| {
                let instead = injections.iter().find_map(|injection| injection.feed_forward(pass, batch, idx, &x, own));
                instead.unwrap_or_else(|| own(x))
            });
            for injection in injections {
                hidden = injection.after_layer(pass, batch, idx, hidden);
            }
            pass.observe("midi", idx, &hidden, padding.as_ref());
        }
        let mean = |x: Tensor<3>| match &padding {
            Some(padding) => padding.mean(x),
            None => x.mean_dim(1).squeeze_dim(1),
        };
        match self.spec.norm {
            FinalNorm::BeforePooling => mean(self.norm.forward_tokens(pass, hidden)),
            FinalNorm::AfterPooling => self.norm.forward(pass, mean(hidden)),
        }
    }
}

/// Sinusoidal positions `[n, width]`: sin and cos interleaved, base 10000 (Vaswani et al. 2017).
pub fn sinusoid(n: usize, width: usize, device: &Device) -> Tensor<2> {
    let mut table = Vec::with_capacity(n * width);
    for position in 0..n {
        for pair in 0..width / 2 {
            let rate = libm::exp(-libm::log(10_000.0) * (2 * pair) as f64 / width as f64);
            let angle = position as f64 * rate;
            table.extend([libm::sin(angle) as f32, libm::cos(angle) as f32]);
        }
    }
    Tensor::from_data(TensorData::new(table, [n, width]), device)
}
