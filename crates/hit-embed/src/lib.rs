//! Checkpoint and segments to embeddings, or to the means of layers: the forward pass of training's evaluation, on any split.

mod layers;

use hit_model::{ArmSpec, Declarations, Family, Model, ModelSpec, Source, Weights, device, device_in, embed, release};
use hit_schema::{Checkpoint, Embeddings, RunId};
use hit_stage::{Context, Needs, Numerics, Stage, StageError};
use serde::Serialize;

pub use layers::{Layers, Sample};

/// What can go wrong in embedding.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The batch size is 0.
    #[error("embed.batch_size: at least 1 is needed")]
    BatchSize,
    /// No window is asked for.
    #[error("a sample of windows needs at least 1 window, and at least 1 of a performance")]
    NoWindows,
    /// The checkpoint is another arm's.
    #[error("the checkpoint is of arm `{found}`, but `{run}` was to be embedded")]
    OtherArm {
        /// Run asked for.
        run: String,
        /// Arm of the checkpoint.
        found: String,
    },
}

impl From<Error> for StageError {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

/// Embeds every window of a split with a trained model.
///
/// Inputs: `checkpoint`, `index`, `segments`, and `features/<descriptor>` for each descriptor of the arm. Output: `embeddings`, a
/// tree with one entry `eNNN.safetensors` named by the checkpoint's epoch, as training's own evaluation has it.
#[derive(Clone, Debug, Serialize)]
pub struct Embed {
    /// Run that made the checkpoint.
    pub run: RunId,
    /// Its arm.
    pub arm: ArmSpec,
    /// Sizes of its model.
    pub model: ModelSpec,
    /// Windows a batch; it changes speed and rounding, not results.
    pub batch_size: usize,
    /// Plug-in that builds the arm; it enters the key by its crate.
    #[serde(skip)]
    pub family: Family,
}

/// What a forward pass needs.
struct Opened {
    model: Box<dyn Model>,
    weights: Weights,
    source: Source,
    epoch: usize,
}

impl Embed {
    /// The model as trained, and the windows it is given.
    fn open(&self, cx: &Context) -> Result<Opened, StageError> {
        if self.batch_size == 0 {
            return Err(Error::BatchSize.into());
        }
        let checkpoint = Checkpoint::read(&cx.file("checkpoint")?.path)?;
        if checkpoint.meta.arm != self.run.arm {
            return Err(Error::OtherArm { run: self.run.to_string(), found: checkpoint.meta.arm }.into());
        }
        let model = self.family.model(&self.model, &self.arm)?;
        let mut declarations = Declarations::default();
        model.declare(&mut declarations);
        let device = device_in(&cx.device, self.model.precision)?;
        let weights = Weights::of_checkpoint(&declarations, &checkpoint, &device)?;
        let weights = weights.in_precision(self.model.precision);
        let source = Source::open(cx, "", "", &self.model, &self.arm)?;
        Ok(Opened { model, weights, source, epoch: checkpoint.meta.epoch })
    }

    fn embed(&self, cx: &Context) -> Result<Embeddings, StageError> {
        let Opened { model, weights, source, epoch } = self.open(cx)?;
        let total = source.n_windows() as u64;
        embed(&*model, &weights, &source, self.batch_size, epoch, |done| {
            cx.progress.update(done as u64, total, "windows");
            cx.checkpoint()
        })
    }
}

impl Stage for Embed {
    const KIND: &'static str = "embed";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["embeddings"]
    }

    fn plugins(&self) -> Vec<&'static str> {
        vec![self.family.crate_name]
    }

    fn needs(&self) -> Needs {
        Needs { numerics: Numerics::Backend, device: true }
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let embeddings = self.embed(cx);
        release(&device(&cx.device)?);
        let embeddings = embeddings?;
        embeddings.write(&cx.output_in("embeddings", &Embeddings::entry(embeddings.epoch))?)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
