//! Multi-head attention from matrix products: of a sequence to itself, or to another.

use burn::tensor::Tensor;

use crate::cost::flops;
use crate::{Declarations, Init, Linear, Pass};

/// PyTorch's MultiheadAttention. Arrays: `in_proj_weight` `[3·d, d]`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias`.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Name of the layer.
    pub name: String,
    /// Width of a token.
    pub width: usize,
    /// Heads; they divide the width.
    pub n_heads: usize,
    /// Dropout probability of the attention weights.
    pub dropout: f64,
}

impl Attention {
    /// Packed projections Xavier-uniform with zero bias, output projection with PyTorch's default and zero bias.
    pub fn declare(&self, declarations: &mut Declarations) {
        let d = self.width;
        // PyTorch starts the packed weight with Xavier over its packed shape.
        declarations.parameter(format!("{}.in_proj_weight", self.name), &[3 * d, d], Init::Xavier(d, 3 * d));
        declarations.parameter(format!("{}.in_proj_bias", self.name), &[3 * d], Init::Constant(0.0));
        self.output().declare_with(declarations, Init::Fan(d), Init::Constant(0.0));
    }

    fn output(&self) -> Linear {
        Linear::new(format!("{}.out_proj", self.name), self.width, self.width)
    }

    /// Self-attention. `x`: `[batch·tokens, width]`; `key_bias`: `[batch, 1, 1, tokens]`, added to the scores (very
    /// negative where a key is padding). Returns the shape of `x`.
    pub fn forward(&self, pass: &Pass, x: &Tensor<2>, batch: usize, key_bias: Option<&Tensor<4>>) -> Tensor<2> {
        self.attend(pass, x, x, batch, key_bias)
    }

    /// Attention of one sequence to another. `queries`: `[batch, tokens, width]`; `memory`, keys and values alike:
    /// `[batch, others, width]`; `key_bias`: `[batch, 1, 1, others]`. Returns the shape of `queries`.
    pub fn across(
        &self,
        pass: &Pass,
        queries: Tensor<3>,
        memory: Tensor<3>,
        key_bias: Option<&Tensor<4>>,
    ) -> Tensor<3> {
        let dims @ [batch, ..] = queries.dims();
        let rows = |x: Tensor<3>| {
            let [batch, tokens, width] = x.dims();
            x.reshape([batch * tokens, width])
        };
        self.attend(pass, &rows(queries), &rows(memory), batch, key_bias).reshape(dims)
    }

    /// Floating-point operations of `tokens` queries to `others` keys, products of matrices alone.
    pub fn flops(&self, tokens: usize, others: usize) -> u64 {
        let d = self.width;
        flops(tokens, d, 2 * d) + flops(others, d, 2 * d) + 2 * flops(tokens, d, others)
    }

    fn attend(
        &self,
        pass: &Pass,
        queries: &Tensor<2>,
        memory: &Tensor<2>,
        batch: usize,
        key_bias: Option<&Tensor<4>>,
    ) -> Tensor<2> {
        let (d, heads) = (self.width, self.n_heads);
        let weight = pass.weights.get::<2>(&format!("{}.in_proj_weight", self.name));
        let bias = pass.weights.get::<1>(&format!("{}.in_proj_bias", self.name));
        let project = |x: &Tensor<2>, part: usize, scale: Option<f64>| {
            let tokens = x.dims()[0] / batch;
            let (mut w, mut b) = (weight.clone().narrow(0, part * d, d), bias.clone().narrow(0, part * d, d));
            if let Some(scale) = scale {
                // Scaling the small weights scales the scores, at the cost of nothing.
                (w, b) = (w * scale, b * scale);
            }
            let y = x.clone().matmul(w.transpose()) + b.unsqueeze();
            y.reshape([batch, tokens, heads, d / heads]).swap_dims(1, 2)
        };
        let (q, k, v) = (
            project(queries, 0, Some(1.0 / ((d / heads) as f64).sqrt())),
            project(memory, 1, None),
            project(memory, 2, None),
        );
        let mut scores = q.matmul(k.swap_dims(2, 3));
        if let Some(key_bias) = key_bias {
            scores = scores + key_bias.clone();
        }
        // Softmax, stable by subtracting the row maximum; its division is done after the product with the values,
        // where there are fewer numbers.
        let peak = scores.clone().without_autodiff().max_dim(3);
        let weights = (scores - peak).exp();
        let sum = weights.clone().sum_dim(3);
        let mixed = pass.dropout(weights, self.dropout, &format!("{}.dropout", self.name)).matmul(v) * sum.recip();
        self.output().forward(pass, mixed.swap_dims(1, 2).reshape([queries.dims()[0], d]))
    }
}
