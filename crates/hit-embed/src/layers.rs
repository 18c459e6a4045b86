//! What the layers of a trained model say of some windows of a split (test 06).

use hit_schema::SplitIndex;
use hit_stage::{Context, Needs, Seed, Stage, StageError};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::{Embed, Error, Opened};

/// Which windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sample {
    /// The first of the split, as published: of few performances, since windows stand in the order of performances.
    First {
        /// How many, at most.
        n: usize,
    },
    /// Drawn from every performance.
    Spread {
        /// How many, at most.
        n: usize,
        /// Of one performance, at most.
        per_performance: usize,
        /// Seed of the draw.
        seed: u64,
    },
}

impl Sample {
    /// The windows, in order.
    ///
    /// # Errors
    /// [`Error::NoWindows`].
    pub fn windows(self, index: &SplitIndex) -> Result<Vec<usize>, Error> {
        let total = index.performances.iter().map(|performance| performance.n_windows).sum();
        let (n, per_performance, seed) = match self {
            Self::First { n } => {
                let windows: Vec<usize> = (0..n.min(total)).collect();
                return if windows.is_empty() { Err(Error::NoWindows) } else { Ok(windows) };
            }
            Self::Spread { n, per_performance, seed } => (n, per_performance, seed),
        };
        let stream = |label: &str| ChaCha8Rng::from_seed(Seed::derive(seed, Layers::KIND, label).bytes());
        let (mut windows, mut first) = (Vec::new(), 0);
        for performance in &index.performances {
            let there = performance.n_windows;
            let mut rng = stream(&performance.id);
            windows.extend(sample(&mut rng, there, per_performance.min(there)).into_iter().map(|idx| first + idx));
            first += there;
        }
        let kept = sample(&mut stream("windows"), windows.len(), n.min(windows.len()));
        let mut windows: Vec<usize> = kept.into_iter().map(|idx| windows[idx]).collect();
        windows.sort_unstable();
        if windows.is_empty() { Err(Error::NoWindows) } else { Ok(windows) }
    }
}

/// Writes the mean of each layer's output over the tokens of some windows (spec 10, test 06).
///
/// Inputs as [`Embed`]. Output: `activations`, see [`hit_schema::Activations`].
#[derive(Clone, Debug, Serialize)]
pub struct Layers {
    /// The model, and how it is run.
    pub embed: Embed,
    /// The windows.
    pub sample: Sample,
}

impl Stage for Layers {
    const KIND: &'static str = "layers";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["activations"]
    }

    fn plugins(&self) -> Vec<&'static str> {
        self.embed.plugins()
    }

    fn needs(&self) -> Needs {
        self.embed.needs()
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let windows = self.sample.windows(&SplitIndex::read(&cx.file("index")?.path)?)?;
        let Opened { model, weights, source, .. } = self.embed.open(cx)?;
        let (batch_size, total) = (self.embed.batch_size, windows.len() as u64);
        let found = hit_model::activations(&*model, &weights, &source, &windows, batch_size, |done| {
            cx.progress.update(done as u64, total, "windows");
            cx.checkpoint()
        })?;
        Ok(found.write(&cx.output("activations")?)?)
    }
}
