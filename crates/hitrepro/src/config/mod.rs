//! `pipeline.toml`: one commented file that says what is done; its types are the manual and the JSON Schema.

mod check;
mod error;
mod load;
mod merge;
mod read;
pub mod schema;

use std::collections::BTreeMap;
use std::path::PathBuf;

use hit_corpus::{OnBad, RenderSpec, SyntheticSpec};
use hit_descriptors::Variant;
use hit_fetch::Download;
use hit_model::{ArmSpec, ModelSpec, Options};
use hit_retrieval::{BootstrapSpec, RetrievalSpec};
use hit_schema::{AudioSource, DurationBuckets, WindowSpec};
use hit_train::{ScheduleSpec, TrainSpec};
use serde::{Deserialize, Serialize};

pub use check::{COUNTED_NOTES, window_size};
pub use error::{ConfigError, Problem, nearest};

/// The configuration: everything that `pipeline.toml` says, with inheritance resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// Profile that runs when none is named.
    pub default_profile: String,
    /// Model arms by id.
    pub arms: BTreeMap<String, ArmSpec>,
    /// Learning-rate schedules by id.
    pub schedules: BTreeMap<String, ScheduleSpec>,
    /// Corpora that `hitrepro data fetch` gets, by id.
    pub downloads: BTreeMap<String, Download>,
    /// Profiles by name.
    pub profiles: BTreeMap<String, Profile>,
}

/// What the file states outside of its profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Profile that runs when `--profile` is not given.
    pub default_profile: String,
    /// Model arms by id: what is injected into which encoder, and how (paper §3.5, Table 13).
    pub arms: BTreeMap<String, ArmSpec>,
    /// Learning-rate schedules by id (spec 7).
    pub schedules: BTreeMap<String, ScheduleSpec>,
    /// Corpora that `hitrepro data fetch` gets, by id.
    #[serde(default)]
    pub downloads: BTreeMap<String, Download>,
}

/// One complete set of values: a corpus, a model, a protocol and what to run.
///
/// A profile states only what differs from the one it `inherits` from; every value must be stated somewhere in that
/// chain. Tables are merged key by key; lists and `train.groups` are replaced as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// One line on what this profile is for. Not inherited.
    pub description: String,
    /// Name of the profile whose values hold where this one states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherits: Option<String>,
    /// Where models run if `--device auto` is left to decide: small ones lose more than they gain on a GPU.
    pub device: DeviceChoice,
    /// Where the data come from and how they are cut.
    pub corpus: CorpusSpec,
    /// Whether corpus and protocol are those of the published runs; only then are values put beside the published
    /// ones as the same quantity.
    pub published_protocol: bool,
    /// Which definition of a descriptor to follow where the paper's text and the code behind its numbers differ (spec 2).
    pub variant: Variant,
    /// Sizes of the encoders and heads (spec 3).
    pub model: ModelSpec,
    /// Values that families of arms leave open, by family (spec 4, 5). An arm's own `options` come before them.
    pub families: BTreeMap<String, Options>,
    /// Optimisation (spec 6, 7).
    pub train: TrainSpec,
    /// Evaluation (spec 9).
    pub retrieval: RetrievalSpec,
    /// How intervals of scores are drawn (spec 9.6).
    pub bootstrap: BootstrapSpec,
    /// What is trained and compared (spec 8).
    pub campaign: Campaign,
}

impl Profile {
    /// Whether its measurements may stand beside the published ones as the same quantity: the published protocol, and recordings.
    pub fn comparable(&self) -> bool {
        self.published_protocol && self.corpus.audio_source() == AudioSource::Recorded
    }

    /// The arm with everything that its family reads: the values of this profile, and over them its own.
    pub fn complete(&self, arm: &ArmSpec) -> ArmSpec {
        let mut options = self.families.get(&arm.family).cloned().unwrap_or_default();
        options.extend(arm.options.clone());
        ArmSpec { options, ..arm.clone() }
    }
}

impl CorpusSpec {
    /// What its audio is.
    pub fn audio_source(&self) -> AudioSource {
        match self.source {
            CorpusKind::Synthetic => AudioSource::Synthetic,
            CorpusKind::Maestro => self.audio,
            CorpusKind::Rendered => AudioSource::Rendered,
        }
    }

    /// How its audio is rendered, if it is.
    pub fn recipe(&self) -> Option<String> {
        self.render.as_ref().filter(|_| self.source == CorpusKind::Rendered).map(RenderSpec::recipe)
    }

    /// Its label, with the recipe of its audio if that is rendered.
    pub fn text(&self) -> String {
        self.recipe().map_or_else(|| self.label.clone(), |recipe| format!("{}: {recipe}", self.label))
    }
}

/// Where the models of a profile run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A GPU if there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
}

/// Kind of corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CorpusKind {
    /// Composed and synthesised by hitrepro itself from a seed; needs no download.
    Synthetic,
    /// A folder in the layout of MAESTRO, with audio.
    Maestro,
    /// A folder in the layout of MAESTRO; rows without audio are rendered from their MIDI.
    Rendered,
}

/// How performances are divided into train, validation and test (spec 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SplitRule {
    /// As the corpus states it.
    Official,
    /// As the corpus states it, but a composition that it has in several splits goes wholly to one of them.
    ByComposition,
}

impl SplitRule {
    /// In words, for the report.
    pub fn words(self) -> &'static str {
        match self {
            Self::Official => "as the corpus states them",
            Self::ByComposition => "with every composition in one of them",
        }
    }
}

/// Where the data come from and how they are cut (spec 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorpusSpec {
    /// Kind of corpus.
    pub source: CorpusKind,
    /// Folder of the corpus, relative to the file; `--corpus` overrides it. None for a synthetic one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What audio that is found on disk is: `recorded` or `rendered`. It stands beside every number.
    pub audio: AudioSource,
    /// How the corpus is called in tables and captions.
    pub label: String,
    /// Whether a performance that cannot be read stops the run or is left out, counted and reported.
    pub on_bad: OnBad,
    /// How performances are divided into train, validation and test.
    pub split: SplitRule,
    /// How performances are cut into windows (spec 1.3, 1.5).
    pub windows: WindowSpec,
    /// How note durations are quantised (spec 1.6).
    pub durations: DurationBuckets,
    /// The built-in corpus; needed if `source` is `synthetic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticSpec>,
    /// How MIDI is rendered; needed if `source` is `rendered`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render: Option<RenderSpec>,
    /// SoundFont file to render with, relative to the configuration; needed if `source` is `rendered`. Its SHA-256 is
    /// stated in `render`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soundfont: Option<String>,
}

/// What is trained and compared (spec 8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// The model that every screening run starts from (spec 8.1).
    pub foundation: FoundationPlan,
    /// Short runs of many arms from the foundation (spec 8.2, Table 2).
    pub screening: ScreeningPlan,
    /// The same for arms of other families (spec 5, Table 3).
    pub families: FamiliesPlan,
    /// Long runs from scratch under several schedules (spec 8.3, Table 4).
    pub confirmation: ConfirmationPlan,
    /// Runs from scratch over several seeds (spec 8.4, Table 12).
    pub replication: ReplicationPlan,
    /// Runs whose descriptors say nothing (spec 8.5, test 02).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsPlan>,
    /// Tests of the canonical models (spec 10, Gate 5B).
    pub battery: BatteryPlan,
}

impl Campaign {
    /// Arms that it names, in its order; some more than once.
    pub fn arms(&self) -> impl Iterator<Item = &String> {
        let screened = self.screening.arms.iter().chain(&self.families.arms);
        let confirmed = self.confirmation.runs.iter().map(|run| &run.arm);
        let controlled = self.controls.iter().map(|plan| &plan.arm);
        let all = [&self.foundation.arm].into_iter().chain(screened).chain(confirmed);
        all.chain(&self.replication.arms).chain(controlled)
    }
}

/// The model that every screening run starts from (spec 8.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundationPlan {
    /// Arm that is trained, normally the one without descriptors.
    pub arm: String,
    /// Schedule id.
    pub schedule: String,
    /// Training seed.
    pub seed: u64,
    /// Epochs after which the model is evaluated; the best one is kept.
    pub evaluate: Vec<usize>,
}

/// Short runs of many arms from the foundation (spec 8.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScreeningPlan {
    /// Arms to compare.
    pub arms: Vec<String>,
    /// The arm that differences are taken to.
    pub baseline: String,
    /// Schedule id.
    pub schedule: String,
    /// Training seed.
    pub seed: u64,
    /// Epochs after which a model is evaluated; the best one is reported.
    pub evaluate: Vec<usize>,
}

/// Arms of other families, trained as those of the screening and compared with its baseline (spec 5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FamiliesPlan {
    /// Arms to compare; none leaves the experiment out.
    pub arms: Vec<String>,
    /// Epochs after which a model is evaluated; the best one is reported.
    pub evaluate: Vec<usize>,
}

/// Long runs from scratch, each under a schedule of its own, and the baseline under every one of them (spec 8.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationPlan {
    /// Runs to compare; none leaves the experiment out.
    pub runs: Vec<ConfirmedRun>,
    /// The arm that differences within a schedule are taken to.
    pub baseline: String,
    /// Schedule of the run of the baseline that the paper takes all differences to.
    pub reference_schedule: String,
    /// Training seed.
    pub seed: u64,
    /// Epochs after which a model is evaluated, by schedule; the best one is reported.
    pub evaluate: BTreeMap<String, Vec<usize>>,
}

/// An arm under a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmedRun {
    /// Arm id.
    pub arm: String,
    /// Schedule id.
    pub schedule: String,
}

/// Runs from scratch over several seeds (spec 8.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicationPlan {
    /// Arms to compare.
    pub arms: Vec<String>,
    /// The arm that the others are tested against.
    pub baseline: String,
    /// Schedule id.
    pub schedule: String,
    /// Training seeds, at least two.
    pub seeds: Vec<u64>,
    /// Epochs after which a model is evaluated; the best one is reported.
    pub evaluate: Vec<usize>,
    /// Whether queries are also drawn as published, with the training seed.
    pub as_published: bool,
}

/// An arm trained on its descriptors, on zeros, on noise and on the descriptors of other windows (spec 8.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlsPlan {
    /// The arm.
    pub arm: String,
    /// Schedule id.
    pub schedule: String,
    /// Training seeds.
    pub seeds: Vec<u64>,
    /// Epochs after which a model is evaluated; the best one is reported.
    pub evaluate: Vec<usize>,
    /// Batches of the training split that mean and deviation of the noise are taken from.
    pub batches: usize,
}

/// Tests of trained models on the validation split (spec 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatteryPlan {
    /// Runs of the confirmation whose selected models are tested; none leaves the tests out.
    pub models: Vec<ConfirmedRun>,
    /// Seed of the runs, and root of what conditions draw.
    pub seed: u64,
    /// Test 01: batches at the start of the split that mean and deviation of the noise are taken from; also those of the
    /// published means of test 08.
    pub noise_batches: usize,
    /// Windows of such a batch.
    pub noise_batch_size: usize,
    /// Test 01: windows of a batch that is shuffled within.
    pub local_batch_size: usize,
    /// Test 04: steps of the transposition, semitones.
    pub transpose_st: Vec<i32>,
    /// Test 06: windows whose layers are compared.
    pub layer_windows: usize,
    /// Test 06: windows of one performance among them, at most, where they are drawn over all performances.
    pub layer_windows_per_performance: usize,
    /// Test 08: what is added to one value of a descriptor's rows.
    pub offset: f64,
    /// Test 09: shifts of the audio, samples.
    pub shift_samples: Vec<i64>,
    /// Test 09: signal-to-noise ratios, dB.
    pub snr_db: Vec<f64>,
    /// Test 09: factors of the velocities.
    pub velocity: Vec<f64>,
    /// Test 09: transpositions by octaves, semitones.
    pub octave_st: Vec<i32>,
    /// Test 10: embeddings in the plane.
    pub plane: PlanePlan,
}

/// How embeddings are brought to the plane (spec 10, test 10).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanePlan {
    /// Windows drawn, at most; each is a point of the audio and one of the MIDI.
    pub windows: usize,
    /// Perplexity of t-SNE.
    pub perplexity: f64,
    /// Iterations of t-SNE.
    pub iterations: usize,
    /// Neighbours of UMAP, and of the trustworthiness of both.
    pub neighbours: usize,
    /// Smallest distance of UMAP.
    pub min_dist: f64,
}

#[cfg(test)]
mod tests;
