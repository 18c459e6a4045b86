//! How fast this machine trains and embeds, and what a campaign would take on it.
//!
//! [`measure`] times the steps that training takes ([`hit_train::Fit`]) and the forward pass that embedding takes, on batches
//! drawn from a seed at the sizes of a profile: no corpus is needed. [`forecast`] multiplies the work of a campaign with
//! what was measured. Nothing here is a result: the crate defines no stage and is in no stage's key.

mod forecast;
mod hash;
mod measure;
mod memory;
mod spread;
mod synthetic;

pub use forecast::{Embedding, Forecast, Origin, Rate, Run, Training, Work, forecast, steps_per_epoch};
pub use hash::hash;
pub use measure::{Measured, Parts, Settings, Subject, TrainedAs, measure};
pub use memory::{gpu_bytes, peak_bytes};
pub use spread::Spread;
pub use synthetic::{N_BATCHES, Windows, batches};

/// Hears how far a measurement is and may stop it.
pub trait Watch: Sync {
    /// `done` of at most `total` repetitions of the present part are finished.
    fn progress(&self, done: u64, total: u64);

    /// A part begins.
    fn note(&self, text: &str);

    /// Whether to stop. Asked before every step.
    fn cancelled(&self) -> bool;
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be.
    #[error("{field}: {what}")]
    Setting {
        /// Name of the setting, for example `notes`.
        field: &'static str,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The loss is not a number, so a step may take another time than one of training.
    #[error(
        "arm `{arm}`: the loss is {loss} at step {step} of the measurement; lower the learning rates in train.groups"
    )]
    NotFinite {
        /// Arm.
        arm: String,
        /// 1-based step.
        step: u64,
        /// Loss found.
        loss: f64,
    },
    /// The device failed.
    #[error("device `{device}` failed: {what}; `hitrepro doctor` says what is there")]
    Device {
        /// Its name.
        device: String,
        /// What it said.
        what: String,
    },
    /// No arm was measured, so nothing can be foretold.
    #[error("a forecast needs an arm that was measured")]
    NothingMeasured,
    /// The rayon pool could not be made.
    #[error("no threads to measure with: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// From the model.
    #[error(transparent)]
    Model(#[from] hit_model::Error),
    /// From training.
    #[error(transparent)]
    Train(#[from] hit_train::Error),
    /// It was asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

#[cfg(test)]
mod tests;
