//! Batches in their order, read ahead by one thread.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use hit_model::{HostBatch, Source};

use crate::order::order;

/// Which batches a run reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Root seed.
    pub seed: u64,
    /// Windows of the split.
    pub n_windows: usize,
    /// Windows a batch.
    pub batch_size: usize,
    /// Batches an epoch.
    pub per_epoch: usize,
    /// Epochs.
    pub epochs: usize,
}

impl Plan {
    /// Steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        (self.epochs * self.per_epoch) as u64
    }

    /// Share of the epochs that a 1-based step is at: 0 in the first, 1 in the last.
    pub fn progress(&self, step: u64) -> f64 {
        let epoch = step.saturating_sub(1) / self.per_epoch as u64;
        epoch as f64 / self.epochs.saturating_sub(1).max(1) as f64
    }

    /// Windows of every batch after the first `done` steps.
    pub fn batches(self, done: u64) -> impl Iterator<Item = Vec<usize>> {
        let (first_epoch, skip) = (done / self.per_epoch as u64, (done % self.per_epoch as u64) as usize);
        let epochs = first_epoch as usize + 1..=self.epochs;
        let each = move |epoch| order(self.seed, epoch, self.n_windows, self.batch_size, self.per_epoch);
        epochs.flat_map(each).skip(skip)
    }
}

/// Batches read ahead of the step that uses them.
const AHEAD: usize = 2;

/// Calls `work` with the batches after the first `done` steps, in order, while a thread reads ahead.
///
/// # Errors
/// Those of `work`; reading errors come through the receiver.
pub fn with_batches<T>(
    source: &Source,
    plan: Plan,
    done: u64,
    work: impl FnOnce(Receiver<Result<HostBatch, hit_model::Error>>) -> T,
) -> T {
    let (sender, receiver) = sync_channel(AHEAD);
    thread::scope(|scope| {
        scope.spawn(move || {
            for windows in plan.batches(done) {
                // The receiver is gone when the work has stopped.
                if sender.send(source.batch(&windows)).is_err() {
                    break;
                }
            }
        });
        work(receiver)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_by_epoch_from_0_to_1() {
        let plan = Plan { seed: 1, n_windows: 50, batch_size: 8, per_epoch: 5, epochs: 3 };
        let found: Vec<f64> = (1..=15).map(|step| plan.progress(step)).collect();
        let expected = [[0.0; 5], [0.5; 5], [1.0; 5]].concat();
        assert_eq!(found, expected);
        assert_eq!(Plan { epochs: 1, ..plan }.progress(5), 0.0);
    }

    #[test]
    fn resuming_skips_exactly_what_was_done() {
        let plan = Plan { seed: 1, n_windows: 50, batch_size: 8, per_epoch: 5, epochs: 3 };
        let all: Vec<_> = plan.batches(0).collect();
        assert_eq!(all.len() as u64, plan.total_steps());
        for done in 0..=15 {
            assert_eq!(plan.batches(done).collect::<Vec<_>>(), all[done as usize..]);
        }
    }
}
