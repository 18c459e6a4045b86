//! VICReg training of a dual encoder: one visible loop (spec sections 6 to 8).
//!
//! [`Train`] is the stage. It emits checkpoints and validation embeddings at the epochs asked for, and never a score:
//! choosing an epoch is a retrieval stage. Every random number is a function of the run's seed and of what it is for, so
//! a training that was killed resumes and ends with the bytes of one that was not (on the CPU).

mod adamw;
mod fit;
mod loader;
mod loss;
mod order;
mod resume;
mod schedule;
mod spec;
mod stage;
mod vicreg;

pub use adamw::AdamW;
pub use fit::{Fit, Forward, StepLog};
pub use hit_kernels::Moments;
pub use loader::{Plan, with_batches};
pub use loss::{Loss, loss};
pub use order::order;
pub use resume::{Saved, StateMeta};
pub use schedule::{Decay, ScheduleKind, ScheduleSpec};
pub use spec::{AdamWSpec, TrainSpec, VicregSpec};
pub use stage::Train;
pub use vicreg::{Terms, vicreg};

/// What can go wrong in training.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of a spec that cannot be.
    #[error("{field}: {what}")]
    Spec {
        /// Path of the field, for example `train.groups`.
        field: String,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The loss or the gradient is not a number.
    #[error(
        "{run}: the loss is {loss} and the gradient norm {grad_norm} at step {step} (windows {windows:?}); \
         lower the learning rates in train.groups or lengthen train.warmup_steps"
    )]
    NotFinite {
        /// Run.
        run: String,
        /// 1-based step.
        step: u64,
        /// Loss found.
        loss: f64,
        /// Gradient norm found.
        grad_norm: f64,
        /// Windows of the batch.
        windows: Vec<usize>,
    },
    /// Too little data for one batch.
    #[error("the train split has {n_windows} windows, fewer than one batch of {batch_size}")]
    TooFewWindows {
        /// Windows there are.
        n_windows: usize,
        /// Windows a batch needs.
        batch_size: usize,
    },
    /// The rayon pool could not be made.
    #[error("no threads to train with: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// From the model.
    #[error(transparent)]
    Model(#[from] hit_model::Error),
    /// An artifact could not be read or written.
    #[error(transparent)]
    Data(#[from] hit_schema::Error),
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<Error> for hit_stage::StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests;
