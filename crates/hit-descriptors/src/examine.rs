//! The stage that measures on a split what the definitions of descriptors imply, and what a descriptor says of that.

use std::borrow::Cow;

use hit_schema::{Features, Observation, Segments, SplitIndex};
use hit_stage::{Context, Stage, StageError};
use serde::{Deserialize, Serialize};

use crate::stage::{at_window, each_window};
use crate::{Descriptor, Error, Stft, Variant, find};

/// How the windows of a split become one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduce {
    /// The largest value.
    Max,
    /// The sum of the values over the sum of the cases.
    Mean,
}

/// One number that is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its name in the table of observations.
    pub name: &'static str,
    /// Its unit; empty for plain numbers and shares.
    pub unit: &'static str,
    /// How windows are put together.
    pub reduce: Reduce,
    /// What it is, in one line.
    pub meaning: &'static str,
}

/// What one window, or several, add to a metric.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tally {
    /// The largest value ([`Reduce::Max`]) or the sum of values ([`Reduce::Mean`]); 0 without cases.
    pub value: f64,
    /// Cases: frames, notes, bands.
    pub n: u64,
}

impl Tally {
    /// `part` of `n` cases, for a metric that is a share.
    pub fn share(part: u64, n: u64) -> Self {
        Self { value: part as f64, n }
    }

    fn add(&mut self, other: Self, reduce: Reduce) {
        self.value = match reduce {
            Reduce::Max => self.value.max(other.value),
            Reduce::Mean => self.value + other.value,
        };
        self.n += other.n;
    }
}

/// A look at the features of one window: `[n_rows, dims]`, row-major. Returns a tally for each metric.
pub type FromFeatures = fn(&[f32]) -> Vec<Tally>;

/// A look at the samples of one window and its features. Returns a tally for each metric.
pub type FromSegment = fn(&mut Stft, &[f32], &[f32], Variant) -> Result<Vec<Tally>, Error>;

/// What has to be looked at.
#[derive(Clone, Copy)]
pub enum Look {
    /// The features alone.
    Features(FromFeatures),
    /// The samples as well.
    Audio(FromSegment),
}

/// What a descriptor's definition implies: the metrics, and how they are measured on one window.
#[derive(Clone, Copy)]
pub struct Examination {
    /// The metrics, in the order of the tallies.
    pub metrics: &'static [Metric],
    /// The measurement.
    pub look: Look,
}

/// Measures on a split what the definitions of descriptors imply: `examine/<split>`.
///
/// Each descriptor brings its own metrics ([`Descriptor::examine`]); one without any adds nothing.
///
/// Inputs: `index` (split index), `segments` (its tree), and for each descriptor `features/<id>` (its feature block).
/// Output: `observations` (CSV of [`Observation`], sorted by descriptor and metric). A metric without a single case,
/// as on an empty split, is left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Examine {
    /// Ids of the descriptors to examine; their order and repetitions do not matter.
    pub descriptors: Vec<String>,
    /// Definition that the features follow: `reference` or `paper`.
    pub variant: Variant,
}

impl Examine {
    /// Checks that the descriptors exist. Returns them sorted by id, each once.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn check(&self) -> Result<Vec<&'static Descriptor>, Error> {
        let mut descriptors = self.descriptors.iter().map(|id| find(id)).collect::<Result<Vec<_>, _>>()?;
        descriptors.sort_by_key(|descriptor| descriptor.id);
        descriptors.dedup_by_key(|descriptor| descriptor.id);
        Ok(descriptors)
    }
}

impl Stage for Examine {
    const KIND: &'static str = "examine";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["observations"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let descriptors = self.check()?;
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let segments = Segments::open(index, cx.tree("segments")?)?;
        let mut subjects = Vec::new();
        for descriptor in descriptors {
            let features = open(cx, descriptor, self.variant, segments.n_windows())?;
            subjects.extend(descriptor.examine.map(|examination| Subject { descriptor, examination, features }));
        }
        let mut totals: Vec<_> =
            subjects.iter().map(|subject| vec![Tally::default(); subject.examination.metrics.len()]).collect();
        let look = |stft: &mut Stft, w: usize| look(&subjects, self.variant, stft, &segments, w);
        each_window(cx, segments.n_windows(), look, |window| {
            for ((subject, totals), tallies) in subjects.iter().zip(&mut totals).zip(window) {
                for ((metric, total), tally) in subject.examination.metrics.iter().zip(totals).zip(tallies) {
                    total.add(tally, metric.reduce);
                }
            }
            Ok(())
        })?;
        let rows: Vec<_> = subjects.iter().zip(&totals).flat_map(|(subject, totals)| subject.rows(totals)).collect();
        cx.write("observations", Observation::to_csv(&rows))
    }
}

/// A descriptor under examination.
struct Subject {
    descriptor: &'static Descriptor,
    examination: Examination,
    features: Features,
}

impl Subject {
    fn rows(&self, totals: &[Tally]) -> Vec<Observation> {
        let row = |(metric, total): (&Metric, &Tally)| Observation {
            descriptor: self.descriptor.id.to_owned(),
            metric: metric.name.to_owned(),
            value: match metric.reduce {
                Reduce::Max => total.value,
                Reduce::Mean => total.value / total.n as f64,
            },
            unit: metric.unit.to_owned(),
            n: total.n,
        };
        self.examination.metrics.iter().zip(totals).filter(|(_, total)| total.n > 0).map(row).collect()
    }
}

/// Opens the features of a descriptor and checks that they are that, of that variant, of this split.
fn open(cx: &Context, descriptor: &Descriptor, variant: Variant, n_windows: usize) -> Result<Features, StageError> {
    let input = format!("features/{}", descriptor.id);
    let features = Features::open(&cx.file(&input)?.path)?;
    let say = |id: &str, variant: &str, dims: usize, n_windows: usize| {
        format!("{id} ({variant}), {dims} values a row, {n_windows} windows")
    };
    let meta = features.meta();
    let found = say(&meta.descriptor, &meta.variant, meta.dims, features.n_windows());
    let expected = say(descriptor.id, variant.name(), descriptor.dims, n_windows);
    if found == expected { Ok(features) } else { Err(Error::Features { input, found, expected }.into()) }
}

/// Tallies of one window, by subject and metric.
fn look(
    subjects: &[Subject],
    variant: Variant,
    stft: &mut Stft,
    segments: &Segments,
    window: usize,
) -> Result<Vec<Vec<Tally>>, StageError> {
    let wants_audio = subjects.iter().any(|subject| matches!(subject.examination.look, Look::Audio(_)));
    let audio = if wants_audio { segments.audio(window)? } else { Cow::default() };
    let mut tallies = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let features = subject.features.window(window)?;
        tallies.push(match subject.examination.look {
            Look::Features(look) => look(features),
            Look::Audio(look) => {
                look(stft, &audio, features, variant).map_err(|source| at_window(source, segments, window))?
            }
        });
    }
    Ok(tallies)
}
