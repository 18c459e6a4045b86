//! Embeddings of both sides in one plane (test 10).

use hit_schema::{Projected, RunId, SplitIndex};
use hit_stage::{Context, Seed, Stage, StageError};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::input::{Rows, Sides};
use crate::mlp::shuffle;
use crate::{Error, Place, Points, trustworthiness, tsne, umap};

/// Windows that make a plane worth looking at: ten points.
const LEAST_WINDOWS: usize = 5;

/// Brings embeddings of some windows to the plane, audio and MIDI together (§5.8; spec 10, test 10): `projection/<run>`.
///
/// Inputs: `index`, `embeddings` (tree, one entry). Outputs: `projection` (CSV of [`Projected`]: t-SNE, then UMAP; of each
/// the windows in order, audio before MIDI) and `measurements`: under `normal`, `trust_tsne` and `trust_umap`, the
/// trustworthiness of the planes ([`crate::trustworthiness`]); n is the number of points, two a window.
///
/// # Choices
/// Embeddings are divided by their lengths, since retrieval compares directions; neighbours by distance are then those by
/// cosine. What the points do not allow is lowered: the perplexity to a third of the other points, the neighbours of UMAP
/// to all other points, those of the trustworthiness to fewer than half of the points. A split with fewer windows than
/// asked for is shown whole.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Projection {
    /// Name of the test in the measurements: `t10`.
    pub stage: String,
    /// The model's run.
    pub run: RunId,
    /// Windows drawn, at most (2,000); each is a point of the audio and one of the MIDI.
    pub windows: usize,
    /// Root seed of the draw and of the planes.
    pub seed: u64,
    /// Perplexity of t-SNE (30).
    pub perplexity: f64,
    /// Iterations of t-SNE (1,000).
    pub iterations: usize,
    /// Neighbours of UMAP, and of the trustworthiness of both (15).
    pub neighbours: usize,
    /// Smallest distance of UMAP (0.1).
    pub min_dist: f64,
}

impl Stage for Projection {
    const KIND: &'static str = "projection";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["projection", "measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.check()?;
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let sides = Sides::read(cx, &self.run, Some(&index))?.unit();
        let windows = self.draw(&index, sides.n())?;
        let points = Points::of(sides.audio.take(&windows).stacked(&sides.midi.take(&windows)));
        cx.checkpoint()?;

        let others = points.n() - 1;
        let perplexity = self.perplexity.min(others as f64 / 3.0);
        let trusted = self.neighbours.min(others / 2);
        let seed = |label: &str| Seed::derive(self.seed, Self::KIND, label).value();
        let (mut shown, mut rows) = (Vec::new(), Rows::new(&self.stage, &self.run));
        for (done, method) in ["tsne", "umap"].into_iter().enumerate() {
            let places = match method {
                "tsne" => tsne(&points, perplexity, self.iterations, seed(method))?,
                _ => umap(&points, self.neighbours.min(others), self.min_dist, seed(method))?,
            };
            cx.checkpoint()?;
            let trust = trustworthiness(&points, &places, trusted)?;
            rows.add("normal", &format!("trust_{method}"), Some(trust), points.n(), None);
            shown.extend(projected(method, &index, &windows, &places));
            cx.progress.update(done as u64 + 1, 2, "planes");
            cx.checkpoint()?;
        }
        cx.write("projection", Projected::to_csv(&shown))?;
        rows.write(cx)
    }
}

impl Projection {
    fn check(&self) -> Result<(), Error> {
        let wrong = |field, value: String, expected| Err(Error::Parameter { field, value, expected });
        if !(self.perplexity > 1.0 && self.perplexity.is_finite()) {
            return wrong("perplexity", self.perplexity.to_string(), "a number above 1 is needed, for example 30");
        }
        if self.iterations == 0 {
            return wrong("iterations", "0".to_owned(), "at least one is needed; t-SNE takes some hundred");
        }
        if self.neighbours < 2 {
            return wrong("neighbours", self.neighbours.to_string(), "at least 2 are needed, for example 15");
        }
        Ok(())
    }

    /// Windows to show, in order.
    fn draw(&self, index: &SplitIndex, n_windows: usize) -> Result<Vec<usize>, Error> {
        let found = self.windows.min(n_windows);
        if found < LEAST_WINDOWS {
            let (split, needed) = (index.split.clone(), LEAST_WINDOWS);
            return Err(Error::TooFew { split, found, unit: "windows to show", purpose: "a plane", needed });
        }
        let mut windows: Vec<usize> = (0..n_windows).collect();
        shuffle(&mut windows, &mut ChaCha8Rng::from_seed(Seed::derive(self.seed, Self::KIND, "windows").bytes()));
        windows.truncate(found);
        windows.sort_unstable();
        Ok(windows)
    }
}

/// Rows of one plane: places of the audio of all windows, then of the MIDI.
fn projected(method: &str, index: &SplitIndex, windows: &[usize], places: &[Place]) -> Vec<Projected> {
    let all = index.windows();
    let (audio, midi) = places.split_at(windows.len());
    let row = |window: usize, modality: &str, place: &Place| Projected {
        method: method.to_owned(),
        window,
        performance: index.performances[all[window].0].id.clone(),
        modality: modality.to_owned(),
        x: place[0],
        y: place[1],
    };
    let pairs = windows.iter().zip(audio.iter().zip(midi));
    pairs.flat_map(|(&window, (audio, midi))| [row(window, "audio", audio), row(window, "midi", midi)]).collect()
}
