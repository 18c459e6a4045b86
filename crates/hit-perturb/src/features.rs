//! The stage that damages the features of a split.

use hit_schema::{FeatureBlock, SplitIndex};
use hit_stage::{Context, Stage, StageError};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::{Normal, stream};
use crate::error::require;
use crate::permute::{derangement, within_batches};
use crate::statistics::{Extent, Input};
use crate::{Error, Padding};

/// Windows between two looks at the request to stop.
const CHUNK: usize = 256;

/// What is done to the features of a split. Every window keeps its number of rows.
///
/// Source: spec 10 (tests 01 and 08) and 8.5 (test 02).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FeatureCondition {
    /// Every value is 0 (tests 01 and 02).
    Zero {},
    /// Gaussian noise with one mean and one standard deviation for all values (test 01).
    Noise {
        /// Batches at the start of the split that mean and standard deviation are taken from (20); all if there are
        /// fewer.
        batches: usize,
        /// Windows of a batch (16).
        batch_size: usize,
        /// Whether the padding of these batches counts (it did in the published runs).
        padding: Padding,
    },
    /// A random order inside batches of consecutive windows (test 01 as published). Neighbours share up to 75 % of
    /// their time, so this is mild.
    ShuffleLocal {
        /// Windows of a batch (32 for d4a4, 16 for the arms with reverse cross-attention).
        batch_size: usize,
    },
    /// Every window gets the features of a window of another performance, each being used once (test 01, sound).
    ShuffleGlobal {},
    /// One value of every row is raised (test 08).
    Offset {
        /// Which value of a row, from 0.
        dim: usize,
        /// By how much (0.1).
        epsilon: f64,
    },
    /// One value of every row is 0 (test 08).
    ZeroDim {
        /// Which value of a row, from 0.
        dim: usize,
    },
    /// Gaussian noise with the mean and standard deviation of each value of a row in training (test 02).
    Random {
        /// Batches of the training split that these are taken from (50); all there are if fewer.
        batches: usize,
        /// Windows of a batch (16).
        batch_size: usize,
        /// Whether the padding of these batches counts.
        padding: Padding,
    },
    /// Every window gets the features of another one, each being used once (test 02).
    Shuffled {},
}

impl FeatureCondition {
    /// Its name, as in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Zero {} => "zero",
            Self::Noise { .. } => "noise",
            Self::ShuffleLocal { .. } => "shuffle_local",
            Self::ShuffleGlobal {} => "shuffle_global",
            Self::Offset { .. } => "offset",
            Self::ZeroDim { .. } => "zero_dim",
            Self::Random { .. } => "random",
            Self::Shuffled {} => "shuffled",
        }
    }

    /// Whether the stage reads the input `statistics`.
    pub fn needs_statistics(&self) -> bool {
        matches!(self, Self::Random { .. })
    }

    /// Checks the parameters, as far as that can be done without the features.
    ///
    /// # Errors
    /// [`Error::Spec`].
    pub fn check(&self) -> Result<(), Error> {
        let name = self.name();
        let at_least =
            |field, value: usize, least: usize, expected| require(value >= least, name, field, &value, expected);
        match *self {
            Self::Noise { batches, batch_size, .. } | Self::Random { batches, batch_size, .. } => {
                at_least("batches", batches, 1, "at least 1 is needed")?;
                at_least("batch_size", batch_size, 1, "at least 1 is needed")
            }
            Self::ShuffleLocal { batch_size } => {
                at_least("batch_size", batch_size, 2, "at least 2 are needed for another order")
            }
            Self::Offset { epsilon, .. } => {
                require(epsilon.is_finite(), name, "epsilon", &epsilon, "a finite number is expected")
            }
            Self::Zero {} | Self::ShuffleGlobal {} | Self::ZeroDim { .. } | Self::Shuffled {} => Ok(()),
        }
    }
}

/// Damages the features of a split: `perturb_features`.
///
/// Inputs: `index` (split index), `features` (a feature block of that split), and for `random` `statistics` (the same
/// descriptor of the training split). Output: `features`, of the same descriptor, windows and numbers of rows.
///
/// # Errors
/// [`Error`]; what is not finite is refused, and nothing that is not finite is written.
/// # Choices
/// Features of notes: what a window gets from another one is cut to its own number of notes, or filled up with zeros.
/// The published runs permute padded batches and mask them after, which is the same.
///
/// Noise is drawn once per window, for its own rows. In the published runs `random` and `shuffled` are drawn afresh at
/// every call, so that training sees others in each epoch; an artifact is the same in every epoch. `shuffled` deranges
/// the windows of the split, the published runs those of a batch: in training that is a random choice too, but in
/// evaluation they exchange the descriptors of neighbours.
///
/// `random` takes its statistics from windows that are drawn without replacement, as the first batches of a shuffled
/// loader are; the same windows for every split that is perturbed.
///
/// Two descriptors of an arm are perturbed independently: the name of the descriptor is part of the stream.
///
/// Memory: the block that is written, as in the stage that computes features, and the results of 256 windows.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerturbFeatures {
    /// What is done.
    pub condition: FeatureCondition,
    /// Root of all random numbers; conditions without chance do not depend on it.
    pub seed: u64,
}

impl Stage for PerturbFeatures {
    const KIND: &'static str = "perturb_features";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["features"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.condition.check()?;
        let split = self.open(cx)?;
        let plan = self.plan(cx, &split)?;
        let meta = split.input.features.meta().clone();
        let mut block = FeatureBlock::from_windows(meta, []);
        // The file holds little but the values, so its size says how many there will be.
        block.values.reserve_exact(cx.file("features")?.file.size as usize / size_of::<f32>());
        each_window(
            cx,
            split.places.len(),
            |w| self.window(&split, &plan, w),
            |values| {
                block.values.extend(values);
                block.offsets.push((block.values.len() / block.meta.dims) as u64);
            },
        )?;
        Ok(block.write(&cx.output("features")?)?)
    }
}

/// What is perturbed.
struct Split {
    index: SplitIndex,
    /// For each window its performance and its number within it.
    places: Vec<(usize, usize)>,
    input: Input,
}

/// What happens to each window.
enum Plan {
    Zero,
    ZeroDim(usize),
    Offset(usize, f64),
    /// Value `i` of a window is drawn with mean and standard deviation `i % len`.
    Drawn(Vec<(f64, f64)>),
    /// Window `w` gets the rows of window `source[w]`.
    Taken(Vec<usize>),
}

impl PerturbFeatures {
    fn open(&self, cx: &Context) -> Result<Split, StageError> {
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let input = Input::open(cx, "features")?;
        let (found, expected) = (input.features.n_windows(), index.n_windows());
        if found != expected {
            return Err(Error::OtherSplit { found, expected, split: index.split }.into());
        }
        let meta = input.features.meta();
        if let FeatureCondition::Offset { dim, .. } | FeatureCondition::ZeroDim { dim } = self.condition
            && dim >= meta.dims
        {
            let (descriptor, dims) = (meta.descriptor.clone(), meta.dims);
            return Err(Error::NoDim { condition: self.condition.name(), dim, descriptor, dims }.into());
        }
        let places = index.windows();
        Ok(Split { index, places, input })
    }

    fn plan(&self, cx: &Context, split: &Split) -> Result<Plan, StageError> {
        let n = split.places.len();
        Ok(match self.condition {
            FeatureCondition::Zero {} => Plan::Zero,
            FeatureCondition::ZeroDim { dim } => Plan::ZeroDim(dim),
            FeatureCondition::Offset { dim, epsilon } => Plan::Offset(dim, epsilon),
            FeatureCondition::Noise { batches, batch_size, padding } => {
                let windows: Vec<_> = (0..batches.saturating_mul(batch_size).min(n)).collect();
                self.drawn(cx, &split.input, &windows, Extent { batch_size, padding, columns: 1 })?
            }
            FeatureCondition::Random { batches, batch_size, padding } => {
                let train = statistics(cx, split)?;
                let n = train.features.n_windows();
                let mut windows = within_batches(n, n.max(1), |_| self.stream(split, "statistics"));
                windows.truncate(batches.saturating_mul(batch_size));
                let columns = train.features.meta().dims;
                self.drawn(cx, &train, &windows, Extent { batch_size, padding, columns })?
            }
            FeatureCondition::ShuffleLocal { batch_size } => {
                let name = &split.index.split;
                Plan::Taken(within_batches(n, batch_size, |batch| self.stream(split, &format!("{name}/batch {batch}"))))
            }
            FeatureCondition::ShuffleGlobal {} => {
                let performances: Vec<_> = split.places.iter().map(|&(performance, _)| performance).collect();
                self.deranged(split, &performances)?
            }
            FeatureCondition::Shuffled {} => self.deranged(split, &(0..n).collect::<Vec<_>>())?,
        })
    }

    fn deranged(&self, split: &Split, groups: &[usize]) -> Result<Plan, Error> {
        let (condition, name) = (self.condition.name(), &split.index.split);
        let order = derangement(groups, &mut self.stream(split, name));
        let none = |largest| Error::NoDerangement { condition, split: name.clone(), largest, n: groups.len() };
        order.map(Plan::Taken).map_err(none)
    }

    fn drawn(&self, cx: &Context, from: &Input, windows: &[usize], extent: Extent) -> Result<Plan, StageError> {
        let moments = from.moments(cx, windows, extent)?;
        if let Some(few) = moments.iter().find(|moments| moments.n < 2) {
            return Err(Error::TooFewValues { condition: self.condition.name(), input: from.name, n: few.n }.into());
        }
        Ok(Plan::Drawn(moments.iter().map(|moments| (moments.mean, moments.sd())).collect()))
    }

    fn stream(&self, split: &Split, label: &str) -> rand_chacha::ChaCha8Rng {
        stream(self.seed, &self.label(split, label))
    }

    fn label(&self, split: &Split, label: &str) -> String {
        format!("{}/{}/{label}", self.condition.name(), split.input.features.meta().descriptor)
    }

    /// The rows of window `w` under the condition.
    fn window(&self, split: &Split, plan: &Plan, w: usize) -> Result<Vec<f32>, Error> {
        let mut values = split.input.window(w)?.to_vec();
        let dims = split.input.features.meta().dims;
        match plan {
            Plan::Zero => values.fill(0.0),
            Plan::ZeroDim(dim) => values.iter_mut().skip(*dim).step_by(dims).for_each(|value| *value = 0.0),
            Plan::Offset(dim, epsilon) => {
                let raise = |value: &mut f32| *value = (f64::from(*value) + epsilon) as f32;
                values.iter_mut().skip(*dim).step_by(dims).for_each(raise);
            }
            Plan::Drawn(levels) => {
                let (performance, k) = split.places[w];
                let label = format!("{}/{k}", split.index.performances[performance].id);
                let mut normal = Normal::new(self.seed, &self.label(split, &label));
                for (value, (mean, sd)) in values.iter_mut().zip(levels.iter().cycle()) {
                    *value = (mean + sd * normal.next()) as f32;
                }
            }
            Plan::Taken(source) => {
                let n = values.len();
                values = split.input.window(source[w])?.to_vec();
                values.resize(n, 0.0);
            }
        }
        let finite = values.iter().all(|value| value.is_finite());
        if finite { Ok(values) } else { Err(Error::Overflow { condition: self.condition.name(), window: w }) }
    }
}

/// The input `statistics`, checked to be of the same descriptor.
fn statistics(cx: &Context, split: &Split) -> Result<Input, StageError> {
    let train = Input::open(cx, "statistics")?;
    let say = |input: &Input| {
        let meta = input.features.meta();
        format!("{} ({}), {} values a row", meta.descriptor, meta.variant, meta.dims)
    };
    let (found, expected) = (say(&train), say(&split.input));
    if found == expected { Ok(train) } else { Err(Error::OtherStatistics { found, expected }.into()) }
}

/// Computes `one` for every window on the threads of the context and hands the results to `take` in window order.
fn each_window(
    cx: &Context,
    n_windows: usize,
    one: impl Fn(usize) -> Result<Vec<f32>, Error> + Sync,
    mut take: impl FnMut(Vec<f32>),
) -> Result<(), StageError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cx.threads).build().map_err(StageError::failed)?;
    for start in (0..n_windows).step_by(CHUNK) {
        cx.checkpoint()?;
        let end = (start + CHUNK).min(n_windows);
        let results: Vec<_> = pool.install(|| (start..end).into_par_iter().map(&one).collect());
        for result in results {
            take(result?);
        }
        cx.progress.update(end as u64, n_windows as u64, "windows");
    }
    Ok(())
}
