//! A Transformer encoder layer, post-norm (audio) or pre-norm (MIDI), as PyTorch's TransformerEncoderLayer.

use burn::tensor::Tensor;

use crate::{Attention, Declarations, LayerNorm, Linear, Pass, feed_forward};

/// Where the normalisations stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// After each residual sum.
    PostNorm,
    /// Before attention and before the feed-forward part.
    PreNorm,
}

/// Attention and a feed-forward part with GELU, each in a residual.
#[derive(Clone, Debug)]
pub struct TransformerLayer {
    name: String,
    attention: Attention,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
    order: Order,
    dropout: f64,
}

impl TransformerLayer {
    /// A layer with PyTorch's names below `name`: `self_attn`, `linear1`, `linear2`, `norm1`, `norm2`.
    pub fn new(name: &str, width: usize, n_heads: usize, d_ff: usize, dropout: f64, order: Order) -> Self {
        Self {
            name: name.to_owned(),
            attention: Attention { name: format!("{name}.self_attn"), width, n_heads, dropout },
            linear1: Linear::new(format!("{name}.linear1"), width, d_ff),
            linear2: Linear::new(format!("{name}.linear2"), d_ff, width),
            norm1: LayerNorm::new(format!("{name}.norm1"), width),
            norm2: LayerNorm::new(format!("{name}.norm2"), width),
            order,
            dropout,
        }
    }

    /// Floating-point operations of `tokens` tokens.
    pub fn flops(&self, tokens: usize) -> u64 {
        self.attention.flops(tokens, tokens) + self.linear1.flops(tokens) + self.linear2.flops(tokens)
    }

    /// Declares its arrays.
    pub fn declare(&self, declarations: &mut Declarations) {
        self.attention.declare(declarations);
        self.linear1.declare(declarations);
        self.linear2.declare(declarations);
        self.norm1.declare(declarations);
        self.norm2.declare(declarations);
    }

    /// `x`: `[batch, tokens, width]`; `key_bias` as in attention: `[batch, 1, 1, tokens]`, about −∞ at padded keys.
    pub fn forward(&self, pass: &Pass, x: Tensor<3>, key_bias: Option<&Tensor<4>>) -> Tensor<3> {
        self.forward_with(pass, x, key_bias, |x, own| own(x))
    }

    /// The same with another feed-forward part: `feed` is given its input `[batch·tokens, width]` and the layer's own.
    pub fn forward_with(
        &self,
        pass: &Pass,
        x: Tensor<3>,
        key_bias: Option<&Tensor<4>>,
        feed: impl Fn(Tensor<2>, &dyn Fn(Tensor<2>) -> Tensor<2>) -> Tensor<2>,
    ) -> Tensor<3> {
        let dims @ [batch, tokens, width] = x.dims();
        let x = x.reshape([batch * tokens, width]);
        let attend = |x: &Tensor<2>| {
            let y = self.attention.forward(pass, x, batch, key_bias);
            pass.dropout(y, self.dropout, &format!("{}.dropout1", self.name))
        };
        let own = |x: Tensor<2>| {
            feed_forward(pass, x, [&self.linear1, &self.linear2], self.dropout, &format!("{}.dropout", self.name))
        };
        let feed = |x: Tensor<2>| pass.dropout(feed(x, &own), self.dropout, &format!("{}.dropout2", self.name));
        let y = match self.order {
            Order::PostNorm => {
                let x = self.norm1.forward(pass, x.clone() + attend(&x));
                self.norm2.forward(pass, x.clone() + feed(x))
            }
            Order::PreNorm => {
                let x = x.clone() + attend(&self.norm1.forward(pass, x));
                x.clone() + feed(self.norm2.forward(pass, x))
            }
        };
        y.reshape(dims)
    }
}
