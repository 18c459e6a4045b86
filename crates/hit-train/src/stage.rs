//! The stage `train`.

use hit_model::{ArmSpec, Device, Family, ModelSpec, Source, device_in, release};
use hit_schema::{Checkpoint, Embeddings, HistoryRow, RunId};
use hit_stage::{Context, Needs, Numerics, Stage, StageError};
use serde::Serialize;

use crate::fit::{CHECKPOINTS, EMBEDDINGS, Fit, Session, place};
use crate::{Error, Plan, ScheduleSpec, TrainSpec};

/// Trains one arm under one schedule and seed.
///
/// Inputs: `train.index`, `train.segments`, `validation.index`, `validation.segments`, `features/<descriptor>/train` and
/// `features/<descriptor>/validation` for each descriptor of the arm, and, to start from a foundation, the checkpoint
/// `init`. Outputs: `history` (CSV, one row an epoch), `checkpoints` and `embeddings` (trees, one entry `eNNN.safetensors` for
/// each epoch of `evaluate`; embeddings are of the validation split).
#[derive(Clone, Debug, Serialize)]
pub struct Train {
    /// Arm id, schedule id and root seed.
    pub run: RunId,
    /// The arm.
    pub arm: ArmSpec,
    /// Sizes of the model.
    pub model: ModelSpec,
    /// How it is trained.
    pub train: TrainSpec,
    /// Learning-rate schedule and length.
    pub schedule: ScheduleSpec,
    /// Epochs (1-based) at whose end the model is kept and the validation split embedded.
    pub evaluate: Vec<usize>,
    /// Plug-in that builds the arm; it enters the key by its crate.
    #[serde(skip)]
    pub family: Family,
}

impl Train {
    /// Whether the stage can run.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Model`].
    pub fn check(&self) -> Result<(), Error> {
        self.train.check()?;
        let model = self.family.model(&self.model, &self.arm)?;
        self.schedule.check()?;
        let epochs = self.schedule.epochs;
        if let Some(epoch) = self.evaluate.iter().find(|&&epoch| epoch == 0 || epoch > epochs) {
            let what = format!("epoch {epoch} is not among the {epochs} of the schedule");
            return Err(Error::Spec { field: "evaluate".to_owned(), what });
        }
        if self.evaluate.is_empty() {
            return Err(Error::Spec { field: "evaluate".to_owned(), what: "at least one epoch is needed".to_owned() });
        }
        let mut declarations = hit_model::Declarations::default();
        model.declare(&mut declarations);
        let frozen = |name: &str| self.train.frozen.iter().any(|prefix| hit_model::has_prefix(name, prefix));
        let parameters = declarations.specs().iter().filter(|spec| spec.kind == hit_model::Kind::Parameter);
        self.train.rates(parameters.map(|spec| spec.name.as_str()).filter(|name| !frozen(name)))?;
        Ok(())
    }

    fn plan(&self, n_windows: usize) -> Result<Plan, Error> {
        let batch_size = self.train.batch_size;
        let per_epoch = self.train.batches_per_epoch.min(n_windows / batch_size);
        if per_epoch == 0 {
            return Err(Error::TooFewWindows { n_windows, batch_size });
        }
        Ok(Plan { seed: self.run.seed, n_windows, batch_size, per_epoch, epochs: self.schedule.epochs })
    }

    fn train(&self, cx: &Context, device: &Device) -> Result<Vec<HistoryRow>, StageError> {
        let model = self.family.model(&self.model, &self.arm)?;
        let train = Source::open(cx, "train.", "/train", &self.model, &self.arm)?;
        let validation = Source::open(cx, "validation.", "/validation", &self.model, &self.arm)?;
        let init = cx.inputs.contains_key("init").then(|| cx.file("init")).transpose()?;
        let init = init.map(|file| Checkpoint::read(&file.path)).transpose()?;
        let plan = self.plan(train.n_windows())?;
        let fit = Fit::new(&*model, &self.train, self.schedule, plan, init.as_ref(), device)?
            .in_precision(self.model.precision);
        let scratch = cx.scratch()?.to_owned();
        let session = Session { run: &self.run, cx, plan, evaluate: &self.evaluate, validation: &validation, scratch };
        session.train(fit, &train)
    }

    /// Copies what waits in the scratch folder to the outputs.
    fn emit(&self, cx: &Context, history: &[HistoryRow]) -> Result<(), StageError> {
        cx.write("history", HistoryRow::to_csv(history))?;
        for &epoch in &self.evaluate {
            for kind in [CHECKPOINTS, EMBEDDINGS] {
                fs_err::copy(place(cx.scratch()?, kind, epoch)?, cx.output_in(kind, &Embeddings::entry(epoch))?)?;
            }
        }
        Ok(())
    }
}

impl Stage for Train {
    const KIND: &'static str = "train";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["history", CHECKPOINTS, EMBEDDINGS]
    }

    fn plugins(&self) -> Vec<&'static str> {
        vec![self.family.crate_name]
    }

    fn needs(&self) -> Needs {
        Needs { numerics: Numerics::Backend, device: true }
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.check()?;
        let threads = rayon::ThreadPoolBuilder::new().num_threads(cx.threads.max(1)).build().map_err(Error::from)?;
        let cx = &*cx;
        let device = device_in(&cx.device, self.model.precision)?;
        let history = threads.install(|| self.train(cx, &device));
        release(&device);
        self.emit(cx, &history?)
    }
}
