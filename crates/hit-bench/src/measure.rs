//! Steps and forward passes, timed.
//!
//! A step is [`Fit::step`] on a batch that lies in main memory, as training has it from its loader: upload, forward with
//! loss, backward, optimiser, and the one read at its end, which waits for the device. Its parts are timed in steps of their own,
//! where the device is waited for after each part, so they may add up to more than a step.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use hit_model::{
    ArmSpec, Device, Family, HostBatch, InjectionSpec, Model, ModelSpec, Options, Pass, WindowSize, counts, host,
};
use hit_stage::Digest;
use hit_train::{AdamWSpec, Fit, Plan, ScheduleSpec, StepLog, TrainSpec, VicregSpec};
use serde::Serialize;

use crate::synthetic::padded_notes;
use crate::{Error, N_BATCHES, Spread, Watch, Windows, batches, hash, memory};

/// Repetitions that are made even if the time is up.
const LEAST: usize = 3;
/// Steps before those that count: each batch twice, so that kernels for its shapes are there.
const WARM_UP: usize = 2 * N_BATCHES;

/// What is measured: an arm under a profile.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its id.
    pub id: &'a str,
    /// The arm with all options of its family.
    pub arm: &'a ArmSpec,
    /// Plug-in that builds it.
    pub family: Family,
    /// Sizes of the model.
    pub model: &'a ModelSpec,
    /// How it is trained; also the windows of a batch.
    pub train: &'a TrainSpec,
    /// Schedule of the learning rates.
    pub schedule: ScheduleSpec,
    /// Sizes of the windows.
    pub windows: &'a Windows,
}

/// How it is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Device, as [`hit_model::device`] names it.
    pub device: String,
    /// Threads.
    pub threads: usize,
    /// Steps that count; 1 or more.
    pub steps: usize,
    /// Seconds after which no further step is begun, but for the first three; parts and embedding have half of it each.
    pub seconds: f64,
    /// Steps of a further training whose end is hashed, if wanted.
    pub hash_after: Option<u64>,
    /// Root seed of weights, dropout and batches.
    pub seed: u64,
}

/// Median times of the parts of a step, each waited for, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Parts {
    /// From main memory to the device, one-hot notes and padding included.
    pub upload: f64,
    /// Forward pass and loss.
    pub forward: f64,
    /// Backward pass.
    pub backward: f64,
    /// Clipping, AdamW, running statistics, and the read of what was measured.
    pub optimizer: f64,
}

/// How the arm was trained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainedAs {
    /// Optimiser.
    pub optimizer: AdamWSpec,
    /// Loss.
    pub loss: VicregSpec,
    /// Learning rate by prefix of parameter names.
    pub groups: BTreeMap<String, f64>,
    /// Steps of warm-up of the learning rates.
    pub warmup_steps: u64,
}

/// What was measured of an arm. As JSON it is a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Arm id.
    pub arm: String,
    /// Family.
    pub family: String,
    /// Descriptors and where they enter.
    pub injections: Vec<InjectionSpec>,
    /// Options of the family.
    pub options: Options,
    /// Sizes of the model.
    pub model: ModelSpec,
    /// Prefixes of parameters that are not trained.
    pub frozen: Vec<String>,
    /// Optimiser, loss, learning rates.
    pub train: TrainedAs,
    /// Windows of a batch.
    pub batch: usize,
    /// Samples of a window.
    pub n_samples: usize,
    /// Notes of a window in the mean.
    pub n_notes: usize,
    /// Notes that the batches were padded to, which took turns.
    pub padded_notes: Vec<usize>,
    /// Rows of each descriptor that has one a frame.
    pub n_frames: BTreeMap<String, usize>,
    /// Parameters.
    pub n_parameters: usize,
    /// Those that are trained.
    pub n_trained: usize,
    /// Operations of embedding a window with `n_notes` notes, audio and MIDI.
    pub flops_per_window: u64,
    /// Seconds from opening the device and making the weights to the end of the first step. A GPU compiles its kernels here, but
    /// for those that an arm before it has had compiled.
    pub first_step_s: f64,
    /// Milliseconds of a step.
    pub step_ms: Spread,
    /// Windows that training goes through in a second, by the median step.
    pub windows_per_s: f64,
    /// The parts of a step.
    pub parts_ms: Parts,
    /// Windows embedded in a second, audio and MIDI, by the median batch: upload, evaluation pass, read.
    pub embed_windows_per_s: f64,
    /// Largest memory where the model ran, bytes: of the GPU as the driver accounts it to this process, none if it does not; on the CPU as
    /// `peak_host_bytes`.
    pub peak_memory_bytes: Option<u64>,
    /// Largest main memory of the process while this arm was measured, bytes; none where the system does not tell. What earlier arms left in
    /// the allocator is part of it.
    pub peak_host_bytes: Option<u64>,
    /// SHA-256 over all arrays after `hash_after` steps, if wanted.
    pub hash: Option<Digest>,
    /// Those steps.
    pub hash_after: Option<u64>,
}

/// Measures an arm.
///
/// # Errors
/// [`Error::Setting`], [`Error::Model`], [`Error::Train`] for what cannot be trained, [`Error::NotFinite`], [`Error::Device`],
/// [`Error::Threads`], [`Error::Cancelled`].
pub fn measure(subject: &Subject, settings: &Settings, watch: &dyn Watch) -> Result<Measured, Error> {
    if settings.steps == 0 {
        return Err(Error::Setting { field: "steps", what: "at least 1 is needed".to_owned() });
    }
    if settings.seconds.is_nan() || settings.seconds < 0.0 {
        return Err(Error::Setting { field: "seconds", what: "0 or more are needed".to_owned() });
    }
    memory::reset_peak();
    let batches = batches(subject.windows, subject.model, subject.arm, subject.train.batch_size, settings.seed)?;
    let model = subject.family.model(subject.model, subject.arm)?;
    let threads = rayon::ThreadPoolBuilder::new().num_threads(settings.threads.max(1)).build()?;
    let bench = Bench { subject, settings, watch, batches: &batches, model: &*model };
    let times = threads.install(|| bench.times())?;
    bench.measured(&times)
}

/// Everything that the parts of a measurement need.
struct Bench<'a> {
    subject: &'a Subject<'a>,
    settings: &'a Settings,
    watch: &'a dyn Watch,
    batches: &'a [HostBatch],
    model: &'a dyn Model,
}

/// Seconds.
struct Times {
    first: f64,
    steps: Vec<f64>,
    parts: [Vec<f64>; 4],
    embed: Vec<f64>,
    gpu_bytes: Option<u64>,
    hash: Option<Digest>,
}

impl<'a> Bench<'a> {
    fn times(&self) -> Result<Times, Error> {
        let Settings { steps, seconds, .. } = *self.settings;
        let id = self.subject.id;
        self.watch.note(&format!("{id}: the first step, which compiles what is not compiled yet"));
        let batch = self.batches[0].clone();
        let clock = Instant::now();
        let device = hit_model::device_in(&self.settings.device, self.subject.model.precision)?;
        let mut fit = self.fit(&device, (1 + WARM_UP + 2 * steps.max(LEAST)) as u64)?;
        let mut step = 1;
        self.sound(step, fit.step(&batch.upload(&device), step))?;
        let first = clock.elapsed().as_secs_f64();

        let batch_size = self.subject.train.batch_size;
        self.watch.note(&format!("{id}: {steps} steps of {batch_size} windows after {WARM_UP} of warm-up"));
        let mut one = |batch: HostBatch| {
            step += 1;
            let clock = Instant::now();
            let log = fit.step(&batch.upload(&device), step);
            let took = clock.elapsed().as_secs_f64();
            self.sound(step, log).map(|()| took)
        };
        self.repeat(WARM_UP, 1, seconds / 4.0, &mut one)?;
        let took = self.repeat(steps, LEAST, seconds, &mut one)?;

        self.watch.note(&format!("{id}: parts of a step"));
        let mut parts: [Vec<f64>; 4] = Default::default();
        self.repeat(steps, LEAST, seconds / 2.0, |batch| {
            step += 1;
            let (log, of_step) = self.in_parts(&mut fit, batch, step)?;
            parts.iter_mut().zip(of_step).for_each(|(all, one)| all.push(one));
            self.sound(step, log)
        })?;

        self.watch.note(&format!("{id}: embedding"));
        let embed = self.embed(&fit, steps, seconds / 2.0)?;
        let on_gpu = hit_model::backend_name(&self.settings.device) != "flex";
        let gpu_bytes = if on_gpu { memory::gpu_bytes() } else { None };
        drop(fit);
        let hash = self.settings.hash_after.map(|steps| self.hash(&device, steps)).transpose()?;
        Ok(Times { first, steps: took, parts, embed, gpu_bytes, hash })
    }

    /// A fresh training that lasts at least `steps` steps.
    fn fit(&self, device: &Device, steps: u64) -> Result<Fit<'a>, Error> {
        let Subject { train, schedule, .. } = *self.subject;
        schedule.check()?;
        let per_epoch = train.batches_per_epoch.max(steps as usize);
        let plan = Plan {
            seed: self.settings.seed,
            n_windows: per_epoch * train.batch_size,
            batch_size: train.batch_size,
            per_epoch,
            epochs: schedule.epochs,
        };
        let fit = Fit::new(self.model, train, schedule, plan, None, device)?;
        Ok(fit.in_precision(self.subject.model.precision))
    }

    /// Does `one` with the batches in turn: `n` times, or fewer if the seconds are over and at least `least` times were done.
    fn repeat<T>(
        &self,
        n: usize,
        least: usize,
        seconds: f64,
        mut one: impl FnMut(HostBatch) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let clock = Instant::now();
        let mut done = Vec::with_capacity(n.max(least));
        while done.len() < least || done.len() < n && clock.elapsed().as_secs_f64() < seconds {
            if self.watch.cancelled() {
                return Err(Error::Cancelled);
            }
            done.push(one(self.batches[done.len() % self.batches.len()].clone())?);
            self.watch.progress(done.len() as u64, n.max(least) as u64);
        }
        Ok(done)
    }

    /// A step as [`Fit::step`] makes it, the device waited for after each part.
    fn in_parts(&self, fit: &mut Fit, batch: HostBatch, step: u64) -> Result<(StepLog, [f64; 4]), Error> {
        let device = fit.weights.device().clone();
        let mut clock = Instant::now();
        let mut lap = || {
            self.wait(&device)?;
            let took = clock.elapsed().as_secs_f64();
            clock = Instant::now();
            Ok::<_, Error>(took)
        };
        let batch = batch.upload(&device);
        let upload = lap()?;
        let forward = fit.forward(&batch, step);
        black_box(host(forward.loss.total.clone()));
        let forwarded = lap()?;
        let gradients = forward.backward();
        let backward = lap()?;
        let log = fit.update(forward, gradients, step);
        Ok((log, [upload, forwarded, backward, lap()?]))
    }

    /// Waits until the device has done what it was given.
    fn wait(&self, device: &Device) -> Result<(), Error> {
        device.sync().map_err(|error| self.device_failed(&error))
    }

    fn device_failed(&self, error: &dyn std::fmt::Display) -> Error {
        Error::Device { device: self.settings.device.clone(), what: error.to_string() }
    }

    /// Batches embedded as the stage `embed` does it, after one that does not count.
    fn embed(&self, fit: &Fit, n: usize, seconds: f64) -> Result<Vec<f64>, Error> {
        let weights = fit.weights.untracked();
        let mut one = |batch: HostBatch| {
            let clock = Instant::now();
            let outputs = self.model.forward(&Pass::evaluation(&weights), &batch.upload(weights.device()));
            black_box([outputs.audio, outputs.midi].map(host));
            Ok(clock.elapsed().as_secs_f64())
        };
        self.repeat(N_BATCHES, 1, seconds / 4.0, &mut one)?;
        self.repeat(n, LEAST, seconds, &mut one)
    }

    /// Digest of the arrays after that many steps from the seed.
    fn hash(&self, device: &Device, steps: u64) -> Result<Digest, Error> {
        self.watch.note(&format!("{}: steps for the digest of the weights", self.subject.id));
        let mut fit = self.fit(device, steps)?;
        let mut step = 0;
        self.repeat(steps as usize, steps as usize, f64::INFINITY, |batch| {
            step += 1;
            let log = fit.step(&batch.upload(device), step);
            self.sound(step, log)
        })?;
        Ok(hash(&fit.weights))
    }

    fn sound(&self, step: u64, log: StepLog) -> Result<(), Error> {
        let [loss, ..] = log.values;
        if log.values.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        Err(Error::NotFinite { arm: self.subject.id.to_owned(), step, loss })
    }

    fn measured(&self, times: &Times) -> Result<Measured, Error> {
        let Subject { id, arm, model, train, windows, .. } = *self.subject;
        let &Windows { n_samples, n_notes, n_frames, .. } = windows;
        let counts = counts(self.model, &train.frozen);
        let flops = self.model.cost(&WindowSize { n_samples, n_frames, n_notes })?.flops;
        let ms = |seconds: &[f64]| seconds.iter().map(|value| value * 1e3).collect::<Vec<f64>>();
        let spread = |seconds: &[f64]| Spread::of(&ms(seconds)).expect("at least three of everything");
        let [upload, forward, backward, optimizer] = [0, 1, 2, 3].map(|idx| spread(&times.parts[idx]).median);
        let per_s = |median_ms: f64| train.batch_size as f64 / (median_ms * 1e-3);
        let step_ms = spread(&times.steps);
        let peak_host_bytes = memory::peak_bytes();
        let on_gpu = hit_model::backend_name(&self.settings.device) != "flex";
        Ok(Measured {
            arm: id.to_owned(),
            family: arm.family.clone(),
            injections: arm.injections.clone(),
            options: arm.options.clone(),
            model: model.clone(),
            frozen: train.frozen.clone(),
            train: TrainedAs {
                optimizer: train.optimizer,
                loss: train.loss,
                groups: train.groups.clone(),
                warmup_steps: train.warmup_steps,
            },
            batch: train.batch_size,
            n_samples,
            n_notes,
            padded_notes: padded_notes(self.batches),
            n_frames: windows.frames(arm)?,
            n_parameters: counts.total,
            n_trained: counts.trainable,
            flops_per_window: flops,
            first_step_s: times.first,
            step_ms,
            windows_per_s: per_s(step_ms.median),
            parts_ms: Parts { upload, forward, backward, optimizer },
            embed_windows_per_s: per_s(spread(&times.embed).median),
            peak_memory_bytes: if on_gpu { times.gpu_bytes } else { peak_host_bytes },
            peak_host_bytes,
            hash: times.hash,
            hash_after: self.settings.hash_after,
        })
    }
}
