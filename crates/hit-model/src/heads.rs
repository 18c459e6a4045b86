//! Projection heads: Linear-BatchNorm-ReLU for each hidden width, then Linear (spec section 3).

use burn::tensor::{Tensor, activation::relu};

use crate::{BatchNorm, Declarations, HeadSpec, Linear, Pass};

/// A projection head, numbered as a PyTorch Sequential of (Linear, BatchNorm, ReLU)…, Linear.
#[derive(Clone, Debug)]
pub struct Head {
    hidden: Vec<(Linear, BatchNorm)>,
    last: Linear,
}

impl Head {
    /// A head of that name over `inputs` values.
    pub fn new(name: &str, inputs: usize, spec: &HeadSpec) -> Self {
        let mut width = inputs;
        let mut hidden = Vec::new();
        for (idx, &outputs) in spec.hidden.iter().enumerate() {
            let linear = Linear::new(format!("{name}.{}", 3 * idx), width, outputs);
            hidden.push((linear, BatchNorm::new(format!("{name}.{}", 3 * idx + 1), outputs)));
            width = outputs;
        }
        Self { last: Linear::new(format!("{name}.{}", 3 * hidden.len()), width, spec.embedding_dim), hidden }
    }

    /// Xavier-uniform weights, zero biases.
    pub fn declare(&self, declarations: &mut Declarations) {
        for (linear, norm) in &self.hidden {
            linear.declare_xavier(declarations);
            norm.declare(declarations);
        }
        self.last.declare_xavier(declarations);
    }

    /// `x`: `[batch, inputs]`. Returns `[batch, embedding_dim]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<2>) -> Tensor<2> {
        let hidden = self.hidden.iter().fold(x, |x, (linear, norm)| relu(norm.forward(pass, linear.forward(pass, x))));
        self.last.forward(pass, hidden)
    }

    /// Floating-point operations of one row.
    pub fn flops(&self) -> u64 {
        self.hidden.iter().map(|(linear, _)| linear.flops(1)).sum::<u64>() + self.last.flops(1)
    }
}
