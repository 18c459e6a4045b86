//! One pass through a model: its arrays, and whether it trains.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use hit_kernels::{Mask, Precision, dropout};

use crate::random::{mask, normal};
use crate::{Padding, Weights};

/// What layers see while they compute.
pub struct Pass<'a> {
    /// The model's arrays.
    pub weights: &'a Weights,
    training: Option<Training>,
    observes: bool,
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
    /// Mean of each layer's output over the tokens, `[batch, width]`, if the pass observes: `audio.0`; where a sequence has padding,
    /// over the tokens that are there (`midi.0`) and over all (`midi.0.padded`).
    pub layers: BTreeMap<String, Tensor<2>>,
}

impl<'a> Pass<'a> {
    /// A pass that evaluates: no dropout, running statistics.
    pub fn evaluation(weights: &'a Weights) -> Self {
        Self { weights, training: None, observes: false, noted: RefCell::default() }
    }

    /// A pass that trains: dropout masks are functions of root seed, step and layer alone, BatchNorm uses the batch.
    pub fn training(weights: &'a Weights, root: u64, step: u64) -> Self {
        let training = Training { root, step, progress: 0.0 };
        Self { weights, training: Some(training), observes: false, noted: RefCell::default() }
    }

    /// The same at a share of the run's epochs: 0 in the first, 1 in the last.
    #[must_use]
    pub fn at(mut self, progress: f64) -> Self {
        if let Some(training) = &mut self.training {
            training.progress = progress;
        }
        self
    }

    /// The same, noting what layers return.
    #[must_use]
    pub fn observing(mut self) -> Self {
        self.observes = true;
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
        match self.mask(p, layer) {
            Some(mask) => dropout(x, mask),
            None => x,
        }
    }

    /// What a dropout layer called `layer` drops in this pass, if it drops anything.
    pub(crate) fn mask(&self, p: f64, layer: &str) -> Option<Mask> {
        self.training.filter(|_| p > 0.0).map(|Training { root, step, .. }| mask(p, root, step, layer))
    }

    /// Precision of products.
    pub(crate) fn precision(&self) -> Precision {
        self.weights.precision()
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

    /// Notes what layer `idx` of an encoder returns, `[batch, tokens, width]`, if the pass observes.
    pub fn observe(&self, encoder: &str, idx: usize, hidden: &Tensor<3>, padding: Option<&Padding>) {
        if !self.observes {
            return;
        }
        let layers = &mut self.noted.borrow_mut().layers;
        let name = format!("{encoder}.{idx}");
        let plain = hidden.clone().mean_dim(1).squeeze_dim(1);
        if let Some(padding) = padding {
            layers.insert(format!("{name}.padded"), plain);
            layers.insert(name, padding.mean(hidden.clone()));
        } else {
            layers.insert(name, plain);
        }
    }

    /// What was noted.
    pub fn into_noted(self) -> Noted {
        self.noted.into_inner()
    }
}
