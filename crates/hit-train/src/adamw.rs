//! AdamW (Loshchilov, Hutter 2019) as PyTorch computes it, with clipping of the global gradient norm.
//!
//! The state is a map by parameter name, so that it can be saved; a parameter that never had a gradient has none.

use std::collections::BTreeMap;

use hit_model::{Gradients, Tensor, Weights};

use crate::AdamWSpec;

/// First and second moment of a parameter, flat.
#[derive(Clone)]
pub struct Moments {
    /// Running mean of gradients.
    pub first: Tensor<1>,
    /// Running mean of squared gradients.
    pub second: Tensor<1>,
}

/// The optimiser.
pub struct AdamW {
    spec: AdamWSpec,
    rates: BTreeMap<String, f64>,
    /// State by parameter name.
    pub moments: BTreeMap<String, Moments>,
}

impl AdamW {
    /// An optimiser of the parameters that `rates` names with their base learning rates.
    pub fn new(spec: AdamWSpec, rates: BTreeMap<String, f64>) -> Self {
        Self { spec, rates, moments: BTreeMap::new() }
    }

    /// Updates every parameter at the 1-based step `step` with base rate × `factor`. Returns the gradient norm before
    /// clipping, `[1]`, still on the device.
    pub fn step(&mut self, weights: &mut Weights, gradients: &mut Gradients, step: u64, factor: f64) -> Tensor<1> {
        let mut grads = BTreeMap::new();
        for name in self.rates.keys() {
            if let Some(grad) = weights.flat(name).grad_remove(gradients) {
                grads.insert(name.clone(), grad);
            }
        }
        let norm = global_norm(grads.values(), weights);
        // PyTorch's clip_grad_norm_: the 1e-6 is its.
        let clip = ((norm.clone() + 1e-6).recip() * self.spec.clip_norm).clamp_max(1.0);
        for (name, grad) in grads {
            let lr = self.rates[&name] * factor;
            let value = weights.flat(&name).clone().without_autodiff();
            let value = self.update(&name, value, grad * clip.clone(), lr, step);
            weights.set(&name, value);
        }
        norm
    }

    fn update(&mut self, name: &str, value: Tensor<1>, grad: Tensor<1>, lr: f64, step: u64) -> Tensor<1> {
        let AdamWSpec { beta1, beta2, epsilon, weight_decay, .. } = self.spec;
        let square = grad.clone() * grad.clone() * (1.0 - beta2);
        let mean = grad * (1.0 - beta1);
        let (first, second) = match self.moments.remove(name) {
            Some(Moments { first, second }) => (first * beta1 + mean, second * beta2 + square),
            None => (mean, square),
        };
        let unbias = |beta: f64| 1.0 - libm::pow(beta, step as f64);
        let root = second.clone().sqrt() / unbias(beta2).sqrt() + epsilon;
        let change = first.clone() / root * (lr / unbias(beta1));
        self.moments.insert(name.to_owned(), Moments { first, second });
        value * (1.0 - lr * weight_decay) - change
    }
}

/// √Σ‖g‖² over all gradients, in the order of names.
fn global_norm<'a>(grads: impl Iterator<Item = &'a Tensor<1>>, weights: &Weights) -> Tensor<1> {
    let square = |grad: &Tensor<1>| {
        let n = grad.dims()[0];
        (grad.clone() * grad.clone()).reshape([1, n]).sum_dim(1).reshape([1])
    };
    let parts: Vec<Tensor<1>> = grads.map(square).collect();
    if parts.is_empty() {
        return Tensor::zeros([1], weights.device());
    }
    Tensor::cat(parts, 0).sum_dim(0).sqrt()
}
