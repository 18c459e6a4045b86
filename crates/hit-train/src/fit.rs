//! The training loop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hit_model::{
    Batch, Declarations, Device, Gradients, HostBatch, Model, Noted, Pass, Precision, Source, Tensor, Weights, embed,
    host,
};
use hit_schema::{Checkpoint, CheckpointMeta, Embeddings, HistoryRow, RunId};
use hit_stage::{Context, StageError};

use crate::loss::{Loss, loss};
use crate::resume::{Saved, StateMeta, atomically, save, sound};
use crate::{AdamW, Error, Plan, ScheduleSpec, TrainSpec, with_batches};

/// A training in memory: what one step changes.
pub struct Fit<'a> {
    model: &'a dyn Model,
    spec: &'a TrainSpec,
    schedule: ScheduleSpec,
    plan: Plan,
    /// Arrays of the model.
    pub weights: Weights,
    /// Optimiser.
    pub adamw: AdamW,
}

/// What a step measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepLog {
    /// Loss; invariance, variance and covariance of audio and MIDI; what the loss holds beside L(audio, MIDI); gradient
    /// norm before clipping.
    pub values: [f64; 6],
}

impl<'a> Fit<'a> {
    /// Fresh weights under `seed`; those of `init` where it has them.
    ///
    /// # Errors
    /// [`Error::Spec`], or [`Error::Model`] if `init` does not fit.
    pub fn new(
        model: &'a dyn Model,
        spec: &'a TrainSpec,
        schedule: ScheduleSpec,
        plan: Plan,
        init: Option<&Checkpoint>,
        device: &Device,
    ) -> Result<Self, Error> {
        spec.check()?;
        let mut declarations = Declarations::default();
        model.declare(&mut declarations);
        let mut weights = Weights::initial(&declarations, plan.seed, &spec.frozen, device);
        if let Some(init) = init {
            weights.load(init)?;
        }
        let adamw = AdamW::new(spec.optimizer, spec.rates(weights.trained())?);
        Ok(Self { model, spec, schedule, plan, weights, adamw })
    }

    /// The same, with products in that precision.
    #[must_use]
    pub fn in_precision(mut self, precision: Precision) -> Self {
        self.weights = self.weights.in_precision(precision);
        self
    }

    /// Schedule factor at a 1-based step.
    pub fn factor(&self, step: u64) -> f64 {
        self.schedule.factor(step, self.spec.warmup_steps, self.plan.per_epoch as u64)
    }

    /// One step: forward, loss, backward, update. `step` is 1-based.
    pub fn step(&mut self, batch: &Batch, step: u64) -> StepLog {
        let forward = self.forward(batch, step);
        let gradients = forward.backward();
        self.update(forward, gradients, step)
    }

    /// The first part of a step: forward and loss. Nothing of the training changes.
    pub fn forward(&self, batch: &Batch, step: u64) -> Forward {
        let pass = Pass::training(&self.weights, self.plan.seed, step).at(self.plan.progress(step));
        let outputs = self.model.forward(&pass, batch);
        let Noted { statistics, penalties, .. } = pass.into_noted();
        Forward { loss: loss(outputs, penalties, &self.spec.loss), statistics }
    }

    /// The last part of a step, after [`Forward::backward`]: the weights move and the running statistics follow. Reads what
    /// was measured back from the device.
    pub fn update(&mut self, forward: Forward, mut gradients: Gradients, step: u64) -> StepLog {
        let Forward { loss: Loss { total, terms, auxiliary }, statistics } = forward;
        let factor = self.factor(step);
        let norm = self.adamw.step(&mut self.weights, &mut gradients, step, factor);
        for (name, value) in statistics {
            self.weights.set(&name, value);
        }
        // One read a step: the device is waited for once.
        let plain = |tensor: Tensor<1>| tensor.without_autodiff();
        let parts = [total, terms.invariance, terms.variance, terms.covariance, auxiliary].map(plain);
        let values = host(Tensor::cat(parts.into_iter().chain([norm]).collect(), 0));
        StepLog { values: std::array::from_fn(|idx| f64::from(values[idx])) }
    }
}

/// A step between its forward pass and its backward pass.
pub struct Forward {
    /// The loss.
    pub loss: Loss,
    /// New values of running statistics, which hold from the next step on.
    statistics: BTreeMap<String, Tensor<1>>,
}

impl Forward {
    /// The second part of a step: gradients of the loss.
    pub fn backward(&self) -> Gradients {
        self.loss.total.backward()
    }
}

/// A training as a stage runs it: the loop, its records and its places.
pub(crate) struct Session<'a> {
    pub run: &'a RunId,
    pub cx: &'a Context,
    pub plan: Plan,
    pub evaluate: &'a [usize],
    pub validation: &'a Source,
    pub scratch: PathBuf,
}

impl Session<'_> {
    /// Trains to the end, from the saved state if there is one. Returns the course.
    pub(crate) fn train(&self, mut fit: Fit, train: &Source) -> Result<Vec<HistoryRow>, StageError> {
        let mut state = StateMeta::default();
        if let Some(saved) = Saved::read(&self.scratch)
            && self.waiting(&saved.meta)?
            && let Some(meta) = saved.restore(&mut fit.weights, &mut fit.adamw)
        {
            state = meta;
        }
        let total = self.plan.total_steps();
        with_batches(train, self.plan, state.step, |batches| {
            while state.step < total {
                if self.cx.cancelled() {
                    save(&self.scratch, &state, &fit.weights, &fit.adamw)?;
                    return Err(StageError::Cancelled);
                }
                let batch: HostBatch = batches.recv().expect("one batch for every step").map_err(Error::from)?;
                self.advance(&mut fit, &mut state, batch)?;
                self.cx.progress.update(state.step, total, "steps");
            }
            Ok(())
        })?;
        Ok(state.history)
    }

    /// Whether what the finished epochs have written is still there, as it was written.
    fn waiting(&self, meta: &StateMeta) -> Result<bool, Error> {
        for &epoch in self.evaluate.iter().filter(|&&epoch| epoch <= meta.history.len()) {
            for kind in [CHECKPOINTS, EMBEDDINGS] {
                if !sound(&place(&self.scratch, kind, epoch)?) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn advance(&self, fit: &mut Fit, state: &mut StateMeta, batch: HostBatch) -> Result<(), StageError> {
        let step = state.step + 1;
        let windows = batch.windows.clone();
        let log = fit.step(&batch.upload(fit.weights.device()), step);
        if !log.values.iter().all(|value| value.is_finite()) {
            let run = self.run.to_string();
            let [loss, .., grad_norm] = log.values;
            return Err(Error::NotFinite { run, step, loss, grad_norm, windows }.into());
        }
        state.step = step;
        for (sum, value) in state.sums.iter_mut().zip(log.values) {
            *sum += value;
        }
        let per_epoch = self.plan.per_epoch as u64;
        let mut evaluated = false;
        if step.is_multiple_of(per_epoch) {
            let epoch = (step / per_epoch) as usize;
            let means = state.sums.map(|sum| sum / per_epoch as f64);
            state.history.push(history_row(epoch, step, means, fit.factor(step)));
            state.sums = [0.0; 6];
            if self.evaluate.contains(&epoch) {
                self.evaluate(fit, epoch, step)?;
                evaluated = true;
            }
        }
        if evaluated || step.is_multiple_of(fit.spec.save_every_steps) {
            save(&self.scratch, state, &fit.weights, &fit.adamw)?;
        }
        Ok(())
    }

    fn evaluate(&self, fit: &Fit, epoch: usize, step: u64) -> Result<(), StageError> {
        let between = |_: usize| if self.cx.cancelled() { Err(StageError::Cancelled) } else { Ok(()) };
        let embeddings = embed(fit.model, &fit.weights, self.validation, fit.spec.batch_size, epoch, between)?;
        let checkpoint = fit.weights.checkpoint(CheckpointMeta { arm: self.run.arm.clone(), epoch, step });
        let write_embeddings = |path: &Path| Ok(embeddings.write(path)?);
        atomically(&place(&self.scratch, EMBEDDINGS, epoch)?, write_embeddings)?;
        atomically(&place(&self.scratch, CHECKPOINTS, epoch)?, |path| Ok(checkpoint.write(path)?))?;
        Ok(())
    }
}

pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(crate) const EMBEDDINGS: &str = "embeddings";

/// Where the artifact of an epoch waits in the scratch folder until the run is complete.
pub(crate) fn place(scratch: &Path, kind: &str, epoch: usize) -> Result<PathBuf, Error> {
    let folder = scratch.join(kind);
    fs_err::create_dir_all(&folder)?;
    Ok(folder.join(Embeddings::entry(epoch)))
}

fn history_row(epoch: usize, step: u64, means: [f64; 6], lr_factor: f64) -> HistoryRow {
    let [loss, invariance, variance, covariance, auxiliary, grad_norm] = means;
    HistoryRow { epoch, step, loss, invariance, variance, covariance, auxiliary, grad_norm, lr_factor }
}
