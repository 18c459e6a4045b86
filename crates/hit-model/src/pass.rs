//! One pass through a model: its arrays, and whether it trains.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::Weights;
use crate::dropout::dropout;

/// What layers see while they compute.
pub struct Pass<'a> {
    /// The model's arrays.
    pub weights: &'a Weights,
    /// Root seed and step of a training pass.
    training: Option<(u64, u64)>,
    statistics: RefCell<BTreeMap<String, Tensor<1>>>,
}

impl<'a> Pass<'a> {
    /// A pass that evaluates: no dropout, running statistics.
    pub fn evaluation(weights: &'a Weights) -> Self {
        Self { weights, training: None, statistics: RefCell::default() }
    }

    /// A pass that trains: dropout masks are functions of root seed, step and layer alone, BatchNorm uses the batch.
    pub fn training(weights: &'a Weights, root: u64, step: u64) -> Self {
        Self { weights, training: Some((root, step)), statistics: RefCell::default() }
    }

    /// Whether it trains.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// Dropout with probability `p` in a training pass, nothing otherwise. `layer` names the place.
    pub fn dropout<const D: usize>(&self, x: Tensor<D>, p: f64, layer: &str) -> Tensor<D> {
        match self.training {
            Some((root, step)) if p > 0.0 => dropout(x, p, root, step, layer),
            _ => x,
        }
    }

    /// Notes a new value of a running statistic, which holds from the next pass on.
    pub fn note(&self, name: String, value: Tensor<1>) {
        self.statistics.borrow_mut().insert(name, value.without_autodiff());
    }

    /// The statistics noted.
    pub fn into_statistics(self) -> BTreeMap<String, Tensor<1>> {
        self.statistics.into_inner()
    }
}
