//! The stage that computes one descriptor for every window of a split.

use hit_schema::{FeatureMeta, FeatureWriter, Segments, SplitIndex};
use hit_stage::{Context, Stage, StageError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Compute, Descriptor, Error, Stft, Variant, find};

/// Windows between two looks at the request to stop; also what is held in memory at most, however large the split is.
const CHUNK: usize = 256;

/// Computes one descriptor for every window of a split: `descriptor/<id>/<split>`.
///
/// Inputs: `index` (split index), `segments` (its tree). Output: `features` (a feature block, rows in window order).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Describe {
    /// Id of the descriptor, one of those that `hitrepro list` shows.
    pub descriptor: String,
    /// Definition to follow: `reference` (what made the published numbers) or `paper` (what it prints).
    pub variant: Variant,
}

impl Describe {
    /// Checks that the descriptor exists.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn check(&self) -> Result<&'static Descriptor, Error> {
        find(&self.descriptor)
    }
}

impl Stage for Describe {
    const KIND: &'static str = "descriptor";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["features"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let descriptor = self.check()?;
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let segments = Segments::open(index, cx.tree("segments")?)?;
        let meta = FeatureMeta {
            descriptor: self.descriptor.clone(),
            variant: self.variant.name().to_owned(),
            dims: descriptor.dims,
            per_note: descriptor.rows == crate::Rows::Notes,
        };
        let rows = (0..segments.n_windows()).map(|w| n_rows(descriptor, &segments, w)).collect();
        let mut features = FeatureWriter::create(&cx.output("features")?, &meta, rows)?;
        let describe = |stft: &mut Stft, w: usize| window(descriptor, self.variant, stft, &segments, w);
        each_window(cx, segments.n_windows(), describe, |values| Ok(features.window(&values)?))?;
        Ok(features.finish()?)
    }
}

/// Rows that a window will have.
fn n_rows(descriptor: &Descriptor, segments: &Segments, window: usize) -> usize {
    match descriptor.compute {
        Compute::Audio(_) => Stft::n_frames(segments.index().windows.window_samples()),
        Compute::Midi(_) => segments.tokens(window).len(),
    }
}

fn window(
    descriptor: &Descriptor,
    variant: Variant,
    stft: &mut Stft,
    segments: &Segments,
    window: usize,
) -> Result<Vec<f32>, StageError> {
    match descriptor.compute {
        Compute::Midi(compute) => Ok(compute(segments.tokens(window), variant)),
        Compute::Audio(compute) => {
            Ok(compute(stft, &segments.audio(window)?, variant)
                .map_err(|source| at_window(source, segments, window))?)
        }
    }
}

/// Says which window of the split an error is about.
pub(crate) fn at_window(source: Error, segments: &Segments, window: usize) -> Error {
    let index = segments.index();
    let (performance, _) = index.windows()[window];
    let performance = index.performances[performance].id.clone();
    Error::Window { window, split: index.split.clone(), performance, source: Box::new(source) }
}

/// Computes `one` for every window on the threads of the context and hands the results to `take` in window order.
pub(crate) fn each_window<T: Send>(
    cx: &Context,
    n_windows: usize,
    one: impl Fn(&mut Stft, usize) -> Result<T, StageError> + Sync,
    mut take: impl FnMut(T) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cx.threads).build().map_err(StageError::failed)?;
    let stft = Stft::new();
    for start in (0..n_windows).step_by(CHUNK) {
        cx.checkpoint()?;
        let end = (start + CHUNK).min(n_windows);
        let results: Vec<_> = pool.install(|| (start..end).into_par_iter().map_init(|| stft.clone(), &one).collect());
        for result in results {
            take(result?)?;
        }
        cx.progress.update(end as u64, n_windows as u64, "windows");
    }
    Ok(())
}
