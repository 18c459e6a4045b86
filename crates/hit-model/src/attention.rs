//! Multi-head attention: of a sequence to itself, or to another.

use burn::tensor::Tensor;
use hit_kernels::{Attending, Maps, multi_head};

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
        self.attend(pass, x.clone(), None, batch, key_bias)
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
        self.attend(pass, rows(queries), Some(rows(memory)), batch, key_bias).reshape(dims)
    }

    /// Floating-point operations of `tokens` queries to `others` keys, products of matrices alone.
    pub fn flops(&self, tokens: usize, others: usize) -> u64 {
        let d = self.width;
        flops(tokens, d, 2 * d) + flops(others, d, 2 * d) + 2 * flops(tokens, d, others)
    }

    fn attend(
        &self,
        pass: &Pass,
        queries: Tensor<2>,
        memory: Option<Tensor<2>>,
        batch: usize,
        key_bias: Option<&Tensor<4>>,
    ) -> Tensor<2> {
        let name = |array: &str| format!("{}.{array}", self.name);
        let maps = Maps {
            in_weight: pass.weights.get(&name("in_proj_weight")),
            in_bias: pass.weights.get(&name("in_proj_bias")),
            out_weight: pass.weights.get(&name("out_proj.weight")),
            out_bias: pass.weights.get(&name("out_proj.bias")),
        };
        let how = Attending::new(pass.mask(self.dropout, &name("dropout")), pass.precision());
        multi_head(queries, memory, maps, [batch, self.n_heads], key_bias.cloned(), how)
    }
}
