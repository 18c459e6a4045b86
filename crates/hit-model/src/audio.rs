//! The audio encoder: convolutions, learned positions, post-norm Transformer, mean over time (spec section 3).

use burn::tensor::Tensor;
use hit_kernels::{gelu, group_norm};

use crate::cost::flops;
use crate::dual::cost_of;
use crate::{
    AudioSpec, Batch, Declarations, Error, Init, Injections, LN_EPSILON, Order, Pass, Sequence, TransformerLayer,
    WindowSize, conv1d,
};

/// MERTEncoderLite. Arrays: `audio.cnn.conv.<i>`, `audio.cnn.norm.<i>`, `audio.positions`, `audio.layers.<i>`.
#[derive(Clone, Debug)]
pub struct AudioEncoder {
    spec: AudioSpec,
    layers: Vec<TransformerLayer>,
}

const CONV: &str = "audio.cnn.conv";
const NORM: &str = "audio.cnn.norm";
const POSITIONS: &str = "audio.positions";

impl AudioEncoder {
    /// An encoder of those sizes, which have been checked.
    pub fn new(spec: AudioSpec) -> Self {
        let layer = |idx: usize| {
            let name = format!("audio.layers.{idx}");
            TransformerLayer::new(&name, spec.d_model, spec.n_heads, spec.d_ff, spec.dropout, Order::PostNorm)
        };
        Self { layers: (0..spec.n_layers).map(layer).collect(), spec }
    }

    /// Declares its arrays.
    pub fn declare(&self, declarations: &mut Declarations) {
        let mut inputs = 1;
        for (idx, conv) in self.spec.cnn.iter().enumerate() {
            let start = Init::Fan(inputs * conv.kernel);
            declarations.parameter(format!("{CONV}.{idx}.weight"), &[conv.channels, inputs, conv.kernel], start);
            declarations.parameter(format!("{CONV}.{idx}.bias"), &[conv.channels], start);
            declarations.parameter(format!("{NORM}.{idx}.weight"), &[conv.channels], Init::Constant(1.0));
            declarations.parameter(format!("{NORM}.{idx}.bias"), &[conv.channels], Init::Constant(0.0));
            inputs = conv.channels;
        }
        let table = [self.spec.max_positions, self.spec.d_model];
        declarations.parameter(POSITIONS, &table, Init::Normal(self.spec.position_std));
        for layer in &self.layers {
            layer.declare(declarations);
        }
    }

    /// The convolutions alone. `audio`: `[batch, samples]`. Returns `[batch, tokens, d_model]`.
    pub fn features(&self, pass: &Pass, audio: Tensor<2>) -> Tensor<3> {
        let mut x = audio.unsqueeze_dim::<3>(2);
        for (idx, conv) in self.spec.cnn.iter().enumerate() {
            let vector = |what: &str| pass.weights.get::<1>(&format!("{what}.{idx}.bias"));
            let kernel = pass.weights.get::<3>(&format!("{CONV}.{idx}.weight"));
            x = conv1d(x, kernel, vector(CONV), *conv, pass.precision());
            let weight = pass.weights.get::<1>(&format!("{NORM}.{idx}.weight"));
            x = gelu(group_norm(x, self.spec.norm_groups, weight, vector(NORM), LN_EPSILON));
        }
        x
    }

    /// Floating-point operations of a window, and the tokens that the layers see.
    ///
    /// # Errors
    /// [`Error::Spec`], or that of an injection that cannot take the window.
    pub fn cost(&self, window: &WindowSize, injections: &Injections) -> Result<(u64, usize), Error> {
        self.spec.check_length(window.n_samples)?;
        let (mut inputs, mut n, mut sum) = (1, window.n_samples, 0);
        for conv in &self.spec.cnn {
            n = conv.length(n);
            sum += flops(n, inputs * conv.kernel, conv.channels);
            inputs = conv.channels;
        }
        let (injected, tokens) = cost_of(injections, window, n)?;
        Ok((sum + injected + self.layers.iter().map(|layer| layer.flops(tokens)).sum::<u64>(), tokens))
    }

    /// Embeds a batch before the head: `[batch, d_model]`.
    pub fn forward(&self, pass: &Pass, batch: &Batch, injections: &Injections) -> Tensor<2> {
        let hidden = self.features(pass, batch.audio.clone());
        let positions = pass.weights.get::<2>(POSITIONS).narrow(0, 0, hidden.dims()[1]);
        let mut sequence = Sequence { hidden, padding: None, positions: Some(positions) };
        for injection in injections {
            sequence = injection.before_layers(pass, batch, sequence);
        }
        let mut hidden = sequence.positioned();
        for (idx, layer) in self.layers.iter().enumerate() {
            hidden = layer.forward_with(pass, hidden, None, |x, own| {
                let instead = injections.iter().find_map(|injection| injection.feed_forward(pass, batch, idx, &x, own));
                instead.unwrap_or_else(|| own(x))
            });
            for injection in injections {
                hidden = injection.after_layer(pass, batch, idx, hidden);
            }
            pass.observe("audio", idx, &hidden, None);
        }
        hidden.mean_dim(1).squeeze_dim(1)
    }
}
