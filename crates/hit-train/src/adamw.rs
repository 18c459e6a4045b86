//! AdamW (Loshchilov, Hutter 2019) as PyTorch computes it, with clipping of the global gradient norm.
//!
//! The state is a map by parameter name, so that it can be saved; a parameter that never had a gradient has none.

use std::collections::BTreeMap;

use hit_kernels::{Moments, Update, adamw, sum_of_squares};
use hit_model::{Gradients, Tensor, Weights};

use crate::AdamWSpec;

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
            let value = weights.flat(&name).clone().without_autodiff();
            let update = self.update(self.rates[&name] * factor, step);
            let (value, moments) = adamw(value, grad, &clip, self.moments.remove(&name), update);
            self.moments.insert(name.clone(), moments);
            weights.set(&name, value);
        }
        norm
    }

    fn update(&self, rate: f64, step: u64) -> Update {
        let AdamWSpec { beta1, beta2, epsilon, weight_decay: decay, .. } = self.spec;
        Update { beta1, beta2, epsilon, rate, decay, step }
    }
}

/// √Σ‖g‖² over all gradients, in the order of names.
fn global_norm<'a>(grads: impl Iterator<Item = &'a Tensor<1>>, weights: &Weights) -> Tensor<1> {
    let grads: Vec<Tensor<1>> = grads.cloned().collect();
    if grads.is_empty() { Tensor::zeros([1], weights.device()) } else { sum_of_squares(&grads).sqrt() }
}
