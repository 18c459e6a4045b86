//! One pass through a model: its arrays, and whether it trains.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};

use crate::Weights;
use crate::dropout::{dropout, normal};

/// What layers see while they compute.
pub struct Pass<'a> {
    /// The model's arrays.
    pub weights: &'a Weights,
    training: Option<Training>,
    noted: RefCell<Noted>,
}

/// Where a training pass stands.
#[derive(Clone, Copy)]
struct Training {
    root: u64,
    step: u64,
    progress: f64,
}

/// What layers noted beside what they returned.
#[derive(Default)]
pub struct Noted {
    /// New values of running statistics by name, which hold from the next pass on.
    pub statistics: BTreeMap<String, Tensor<1>>,
    /// Terms that the loss is to grow by, each `[1]` and weighted.
    pub penalties: Vec<Tensor<1>>,
}

impl<'a> Pass<'a> {
    /// A pass that evaluates: no dropout, running statistics.
    pub fn evaluation(weights: &'a Weights) -> Self {
        Self { weights, training: None, noted: RefCell::default() }
    }

    /// A pass that trains: dropout masks are functions of root seed, step and layer alone, BatchNorm uses the batch.
    pub fn training(weights: &'a Weights, root: u64, step: u64) -> Self {
        let training = Training { root, step, progress: 0.0 };
        Self { weights, training: Some(training), noted: RefCell::default() }
    }

    /// The same at a share of the run's epochs: 0 in the first, 1 in the last.
    #[must_use]
    pub fn at(mut self, progress: f64) -> Self {
        if let Some(training) = &mut self.training {
            training.progress = progress;
        }
        self
    }

    /// Share of the run's epochs that a training pass is at: 0 in the first, 1 in the last. 0 in evaluation.
    pub fn progress(&self) -> f64 {
        self.training.map_or(0.0, |training| training.progress)
    }

    /// Whether it trains.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// Dropout with probability `p` in a training pass, nothing otherwise. `layer` names the place.
    pub fn dropout<const D: usize>(&self, x: Tensor<D>, p: f64, layer: &str) -> Tensor<D> {
        match self.training {
            Some(Training { root, step, .. }) if p > 0.0 => dropout(x, p, root, step, layer),
            _ => x,
        }
    }

    /// Adds Gaussian noise of that standard deviation in a training pass, nothing otherwise. `layer` names the place.
    pub fn noise<const D: usize>(&self, x: Tensor<D>, std: f64, layer: &str) -> Tensor<D> {
        match self.training {
            Some(Training { root, step, .. }) if std > 0.0 => {
                let (dims, device) = (x.dims(), x.device().without_autodiff());
                let values = normal(dims.iter().product(), std, root, step, layer);
                x + Tensor::from_data(TensorData::new(values, dims), &device)
            }
            _ => x,
        }
    }

    /// Notes a new value of a running statistic.
    pub fn note(&self, name: String, value: Tensor<1>) {
        self.noted.borrow_mut().statistics.insert(name, value.without_autodiff());
    }

    /// Notes a term `[1]` of the loss beside the comparison of embeddings, already weighted.
    pub fn penalise(&self, term: Tensor<1>) {
        self.noted.borrow_mut().penalties.push(term);
    }

    /// What was noted.
    pub fn into_noted(self) -> Noted {
        self.noted.into_inner()
    }
}
