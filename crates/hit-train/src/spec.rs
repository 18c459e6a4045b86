//! How a run is trained, as `pipeline.toml` states it (spec sections 6 and 7).

use std::collections::BTreeMap;

use hit_model::has_prefix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Everything about training but model, arm, schedule and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Windows a batch (16); at least 2, since BatchNorm and VICReg need variances.
    pub batch_size: usize,
    /// At most this many batches an epoch (1,000).
    pub batches_per_epoch: usize,
    /// Optimiser.
    pub optimizer: AdamWSpec,
    /// Steps of linear warm-up (reference 200, paper 500).
    pub warmup_steps: u64,
    /// Learning rate by prefix of parameter names; the longest prefix wins. Every trained parameter needs one.
    pub groups: BTreeMap<String, f64>,
    /// Prefixes of parameters that keep their initial values (reference: `audio.cnn`, `audio.positions`).
    pub frozen: Vec<String>,
    /// Loss.
    pub loss: VicregSpec,
    /// Steps after which the state is saved, so that a killed training can resume.
    pub save_every_steps: u64,
}

/// AdamW with decoupled weight decay on every trained parameter, and clipping of the global gradient norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamWSpec {
    /// Decay of the first moment (0.9).
    pub beta1: f64,
    /// Decay of the second moment (0.999).
    pub beta2: f64,
    /// Added to the root of the second moment (1e-8).
    pub epsilon: f64,
    /// Weight decay (reference 1e-4, paper 0.01).
    pub weight_decay: f64,
    /// Largest global gradient norm (1.0).
    pub clip_norm: f64,
}

/// VICReg (spec section 6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VicregSpec {
    /// Weight of the invariance term (10).
    pub invariance: f64,
    /// Weight of the variance term (10).
    pub variance: f64,
    /// Weight of the covariance term (1).
    pub covariance: f64,
    /// Standard deviation that each dim should reach (1).
    pub gamma: f64,
    /// Added to variances under the root (1e-4).
    pub epsilon: f64,
}

impl TrainSpec {
    /// Whether a run can be trained so.
    ///
    /// # Errors
    /// [`Error::Spec`] with the field.
    pub fn check(&self) -> Result<(), Error> {
        let adamw = self.optimizer;
        let unit = 0.0..1.0;
        let rules = [
            ("batch_size", self.batch_size >= 2, "at least 2 windows are needed for variances over a batch"),
            ("batches_per_epoch", self.batches_per_epoch >= 1, "at least one batch is needed"),
            ("save_every_steps", self.save_every_steps >= 1, "at least 1"),
            ("optimizer.beta1", unit.contains(&adamw.beta1), "0 or more, below 1"),
            ("optimizer.beta2", unit.contains(&adamw.beta2), "0 or more, below 1"),
            ("optimizer.epsilon", adamw.epsilon > 0.0, "more than 0"),
            ("optimizer.weight_decay", adamw.weight_decay >= 0.0, "0 or more"),
            ("optimizer.clip_norm", adamw.clip_norm > 0.0, "more than 0"),
            ("loss.gamma", self.loss.gamma >= 0.0, "0 or more"),
            ("loss.epsilon", self.loss.epsilon > 0.0, "more than 0"),
        ];
        let rates = self.groups.iter().map(|(prefix, lr)| (prefix, lr.is_finite() && *lr >= 0.0));
        if let Some((prefix, _)) = rates.into_iter().find(|(_, fine)| !fine) {
            return Err(wrong(&format!("groups.\"{prefix}\""), "a finite learning rate, 0 or more, is needed"));
        }
        match rules.into_iter().find(|(_, fine, _)| !fine) {
            Some((field, _, what)) => Err(wrong(field, what)),
            None => Ok(()),
        }
    }

    /// Base learning rate of each trained parameter.
    ///
    /// # Errors
    /// [`Error::Spec`] if one has none.
    pub fn rates<'a>(&self, trained: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, f64>, Error> {
        let rate = |name: &str| {
            let fitting = self.groups.iter().filter(|(prefix, _)| has_prefix(name, prefix));
            let (_, &lr) = fitting.max_by_key(|(prefix, _)| prefix.len()).ok_or_else(|| {
                wrong("groups", &format!("no prefix covers the trained parameter `{name}`; add one or freeze it"))
            })?;
            Ok((name.to_owned(), lr))
        };
        trained.map(rate).collect()
    }
}

pub(crate) fn wrong(field: &str, what: &str) -> Error {
    Error::Spec { field: format!("train.{field}"), what: what.to_owned() }
}
