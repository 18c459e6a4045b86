//! Parameters of the evaluation.

use hit_stage::Seed;
use hit_stats::Bootstrap;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How retrieval is measured (spec 9).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrievalSpec {
    /// Query windows, drawn without replacement (500; App. D).
    pub n_queries: usize,
    /// Candidates per query, the right one included (256; App. D).
    pub pool_size: usize,
    /// Candidates from the performance of the query, overlapping windows included (64; §5.1).
    pub n_hard: usize,
    /// Candidates from other performances of its composer (32; §5.1); the rest of a pool is random.
    pub n_semi_hard: usize,
    /// Seed of queries, pools and hard negatives (42 in the published runs).
    pub seed: u64,
    /// Draws of the hard-negative accuracies (500; spec 9.4).
    pub hard_trials: usize,
    /// Windows that a performance must have to be drawn for them (10; spec 9.4).
    pub hard_min_windows: usize,
}

/// How intervals are drawn: whole performances resampled (spec 9.6).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootstrapSpec {
    /// Number of resamples (10,000).
    pub resamples: usize,
    /// Share of resamples inside an interval, between 0 and 1 (0.95).
    pub level: f64,
}

impl RetrievalSpec {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Spec`].
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |field, value: usize, expected| Err(Error::Spec { field, value: value.to_string(), expected });
        if self.n_queries == 0 {
            return wrong("n_queries", 0, "at least one query is needed");
        }
        if self.pool_size < 2 {
            return wrong("pool_size", self.pool_size, "a pool has the right answer and at least one other");
        }
        let chosen = self.n_hard.saturating_add(self.n_semi_hard);
        if chosen >= self.pool_size {
            return wrong("n_hard + n_semi_hard", chosen, "it must be below pool_size, which counts the right answer");
        }
        if self.hard_trials == 0 {
            return wrong("hard_trials", 0, "at least one draw is needed");
        }
        if self.hard_min_windows < 2 {
            return wrong("hard_min_windows", self.hard_min_windows, "a query and another window make two");
        }
        Ok(())
    }
}

impl BootstrapSpec {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Bootstrap`].
    pub fn check(&self) -> Result<(), Error> {
        if self.resamples == 0 {
            let expected = "at least one resample is needed";
            return Err(Error::Bootstrap { field: "resamples", value: "0".to_owned(), expected });
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            let expected = "a number between 0 and 1 is expected, for example 0.95";
            return Err(Error::Bootstrap { field: "level", value: self.level.to_string(), expected });
        }
        Ok(())
    }

    /// The plan with its own stream of random numbers.
    pub fn plan(&self, seed: Seed) -> Bootstrap {
        Bootstrap { resamples: self.resamples, level: self.level, seed: seed.bytes() }
    }
}
