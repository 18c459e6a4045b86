//! Linear maps and normalisations, with PyTorch's names, layouts and defaults.

use burn::tensor::Tensor;
use hit_kernels::{TwoMaps, layer_norm, linear};

use crate::cost::flops;
use crate::{Declarations, Init, Pass};

/// Added to variances by LayerNorm and GroupNorm.
pub const LN_EPSILON: f64 = 1e-5;
/// Added to variances by BatchNorm.
pub const BN_EPSILON: f64 = 1e-5;
/// Weight of a batch in BatchNorm's running statistics.
pub const BN_MOMENTUM: f64 = 0.1;

/// y = x·Wᵀ + b. Arrays: `<name>.weight` `[outputs, inputs]`, `<name>.bias` `[outputs]`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Name of the layer.
    pub name: String,
    /// Width of x.
    pub inputs: usize,
    /// Width of y.
    pub outputs: usize,
}

impl Linear {
    /// A layer of that name.
    pub fn new(name: impl Into<String>, inputs: usize, outputs: usize) -> Self {
        Self { name: name.into(), inputs, outputs }
    }

    /// PyTorch's default start: weight and bias uniform in ±1/√inputs.
    pub fn declare(&self, declarations: &mut Declarations) {
        self.declare_with(declarations, Init::Fan(self.inputs), Init::Fan(self.inputs));
    }

    /// Xavier-uniform weight, zero bias: the projection heads.
    pub fn declare_xavier(&self, declarations: &mut Declarations) {
        self.declare_with(declarations, Init::Xavier(self.inputs, self.outputs), Init::Constant(0.0));
    }

    /// A start of one's own.
    pub fn declare_with(&self, declarations: &mut Declarations, weight: Init, bias: Init) {
        declarations.parameter(format!("{}.weight", self.name), &[self.outputs, self.inputs], weight);
        declarations.parameter(format!("{}.bias", self.name), &[self.outputs], bias);
    }

    /// Floating-point operations of `rows` rows.
    pub fn flops(&self, rows: usize) -> u64 {
        flops(rows, self.inputs, self.outputs)
    }

    /// `x`: `[rows, inputs]`. Returns `[rows, outputs]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<2>) -> Tensor<2> {
        let weight = pass.weights.get::<2>(&format!("{}.weight", self.name));
        let bias = pass.weights.get::<1>(&format!("{}.bias", self.name));
        linear(x, weight, bias, pass.precision())
    }

    /// `x`: `[batch, tokens, inputs]`. Returns `[batch, tokens, outputs]`.
    pub fn forward_tokens(&self, pass: &Pass, x: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, width] = x.dims();
        self.forward(pass, x.reshape([batch * tokens, width])).reshape([batch, tokens, self.outputs])
    }
}

/// GELU between two linear maps, with dropout called `layer` in front of the second. `x`: `[rows, width]`.
pub fn feed_forward(pass: &Pass, x: Tensor<2>, [first, second]: [&Linear; 2], dropout: f64, layer: &str) -> Tensor<2> {
    let weight = |linear: &Linear| pass.weights.get::<2>(&format!("{}.weight", linear.name));
    let bias = |linear: &Linear| pass.weights.get::<1>(&format!("{}.bias", linear.name));
    let maps = TwoMaps { weight1: weight(first), bias1: bias(first), weight2: weight(second), bias2: bias(second) };
    hit_kernels::feed_forward(x, maps, pass.mask(dropout, layer), pass.precision())
}

/// Normalises each row to mean 0 and variance 1 (biased), then scales and shifts. Arrays: `<name>.weight`, `<name>.bias`.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// Name of the layer.
    pub name: String,
    /// Width of a row.
    pub width: usize,
}

impl LayerNorm {
    /// A layer of that name.
    pub fn new(name: impl Into<String>, width: usize) -> Self {
        Self { name: name.into(), width }
    }

    /// Weight 1, bias 0.
    pub fn declare(&self, declarations: &mut Declarations) {
        declare_scale(declarations, &self.name, self.width);
    }

    /// `x`: `[rows, width]`.
    pub fn forward(&self, pass: &Pass, x: Tensor<2>) -> Tensor<2> {
        let weight = pass.weights.get::<1>(&format!("{}.weight", self.name));
        let bias = pass.weights.get::<1>(&format!("{}.bias", self.name));
        layer_norm(x, weight, bias, LN_EPSILON)
    }

    /// `x`: `[batch, tokens, width]`.
    pub fn forward_tokens(&self, pass: &Pass, x: Tensor<3>) -> Tensor<3> {
        let dims @ [batch, tokens, width] = x.dims();
        self.forward(pass, x.reshape([batch * tokens, width])).reshape(dims)
    }
}

/// BatchNorm of rows. Training: statistics of the batch (biased variance), noting the running ones (unbiased variance,
/// momentum 0.1). Evaluation: the running ones. Arrays: `weight`, `bias`, `running_mean`, `running_var`.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// Name of the layer.
    pub name: String,
    /// Width of a row.
    pub width: usize,
}

impl BatchNorm {
    /// A layer of that name.
    pub fn new(name: impl Into<String>, width: usize) -> Self {
        Self { name: name.into(), width }
    }

    /// Weight 1, bias 0, running mean 0, running variance 1.
    pub fn declare(&self, declarations: &mut Declarations) {
        declare_scale(declarations, &self.name, self.width);
        declarations.statistic(format!("{}.running_mean", self.name), &[self.width], Init::Constant(0.0));
        declarations.statistic(format!("{}.running_var", self.name), &[self.width], Init::Constant(1.0));
    }

    /// `x`: `[rows, width]`; a training batch needs two rows or more.
    pub fn forward(&self, pass: &Pass, x: Tensor<2>) -> Tensor<2> {
        let get = |what: &str| pass.weights.get::<1>(&format!("{}.{what}", self.name)).unsqueeze::<2>();
        let (mean, variance) = if pass.is_training() {
            let rows = x.dims()[0] as f64;
            let mean = x.clone().mean_dim(0);
            let centred = x.clone() - mean.clone();
            let variance = (centred.clone() * centred).mean_dim(0);
            let unbiased = variance.clone().without_autodiff() * (rows / (rows - 1.0));
            for (what, batch) in [("running_mean", mean.clone().without_autodiff()), ("running_var", unbiased)] {
                let running = get(what) * (1.0 - BN_MOMENTUM) + batch * BN_MOMENTUM;
                pass.note(format!("{}.{what}", self.name), running.reshape([self.width]));
            }
            (mean, variance)
        } else {
            (get("running_mean"), get("running_var"))
        };
        (x - mean) * ((variance + BN_EPSILON).sqrt().recip() * get("weight")) + get("bias")
    }
}

fn declare_scale(declarations: &mut Declarations, name: &str, width: usize) {
    declarations.parameter(format!("{name}.weight"), &[width], Init::Constant(1.0));
    declarations.parameter(format!("{name}.bias"), &[width], Init::Constant(0.0));
}
