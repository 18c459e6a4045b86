//! The stage that computes one descriptor for every window of a split.

use hit_schema::{FeatureBlock, FeatureMeta, Segments, SplitIndex};
use hit_stage::{Context, Stage, StageError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Compute, Descriptor, Error, Stft, Variant, find};

/// Windows between two looks at the request to stop; also what is held twice at most.
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
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cx.threads).build().map_err(StageError::failed)?;
        let n_windows = segments.n_windows();
        let meta = FeatureMeta {
            descriptor: self.descriptor.clone(),
            variant: self.variant.name().to_owned(),
            dims: descriptor.dims,
            per_note: descriptor.rows == crate::Rows::Notes,
        };
        let mut block = FeatureBlock::from_windows(meta, []);
        block.values.reserve_exact(n_values(descriptor, &segments));
        let stft = Stft::new();
        for start in (0..n_windows).step_by(CHUNK) {
            cx.checkpoint()?;
            let end = (start + CHUNK).min(n_windows);
            let windows: Vec<_> = pool.install(|| {
                let one = |stft: &mut Stft, w| window(descriptor, self.variant, stft, &segments, w);
                (start..end).into_par_iter().map_init(|| stft.clone(), one).collect()
            });
            for features in windows {
                block.values.extend(features?);
                block.offsets.push((block.values.len() / descriptor.dims) as u64);
            }
            cx.progress.update(end as u64, n_windows as u64, "windows");
        }
        Ok(block.write(&cx.output("features")?)?)
    }
}

/// Values that the whole split will have, so that they are laid out once.
fn n_values(descriptor: &Descriptor, segments: &Segments) -> usize {
    let rows = match descriptor.compute {
        Compute::Audio(_) => segments.n_windows() * Stft::n_frames(segments.index().windows.window_samples()),
        Compute::Midi(_) => (0..segments.n_windows()).map(|w| segments.tokens(w).len()).sum(),
    };
    rows * descriptor.dims
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
        Compute::Audio(compute) => compute(stft, &segments.audio(window)?, variant).map_err(|source| {
            let index = segments.index();
            let (performance, _) = index.windows()[window];
            let performance = index.performances[performance].id.clone();
            let (split, source) = (index.split.clone(), Box::new(source));
            Error::Window { window, split, performance, source }.into()
        }),
    }
}
