//! What is known about a campaign before it runs: profile, corpus, arms, protocol. Filled from the configuration.

use std::collections::BTreeMap;

use hit_schema::{AudioSource, WindowSpec};
use serde::{Deserialize, Serialize};

use crate::setup::{AttractorFacts, ModelFacts, ScheduleFacts, SpectrumFacts, TrainingFacts};

/// Facts that tables and templates print. They are parameters, so they are part of the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Profile id, for example `smoke`.
    pub profile: String,
    /// What the profile is for, one sentence.
    pub description: String,
    /// Whether corpus and protocol are those of the published runs: MAESTRO v3.0.0 with the profile `reference` or
    /// `paper`. Together with recorded audio it decides whether values may be compared (spec 1.8).
    pub published_protocol: bool,
    /// The corpus.
    pub corpus: CorpusFacts,
    /// Numeric backend of training and embedding, for example `burn-flex (CPU)`.
    pub backend: String,
    /// Descriptor variant, `reference` or `paper` (spec, first table).
    pub variant: String,
    /// Arm that all differences are taken against.
    pub baseline: String,
    /// All arms of the campaign, in the order of the configuration.
    pub arms: Vec<ArmFacts>,
    /// Number of notes that [`ArmFacts::flops`] counts a window with.
    pub flops_notes: u64,
    /// Descriptors that the arms are given, in the order of the registry.
    pub descriptors: Vec<DescriptorFacts>,
    /// Spectra, and the bands that A4 is computed in.
    pub spectrum: SpectrumFacts,
    /// Ratios that A7 and A9 compare with, in the order of their values.
    pub attractors: Vec<AttractorFacts>,
    /// Sizes of the base model.
    pub model: ModelFacts,
    /// How models are trained, schedules aside.
    pub training: TrainingFacts,
    /// Schedules that the campaign uses, in the order of their ids.
    pub schedules: Vec<ScheduleFacts>,
    /// Batch size, windows.
    pub batch_size: usize,
    /// Most batches in an epoch.
    pub batches_per_epoch: usize,
    /// The retrieval protocol.
    pub retrieval: RetrievalFacts,
    /// The descriptor-free model that the screening starts from (spec 8.1).
    pub foundation: Option<ExperimentFacts>,
    /// The screening (spec 8.2).
    pub screening: Option<ExperimentFacts>,
    /// The architecture families: from the same start as the screening, against its baseline (spec 5, Table 3).
    pub families: Option<ExperimentFacts>,
    /// Long runs from scratch (spec 8.3, Table 4).
    pub confirmation: Option<ConfirmationFacts>,
    /// The replication over seeds, with the same queries for all (spec 8.4).
    pub replication: Option<ExperimentFacts>,
    /// Whether the replication was also asked with queries drawn with the training seed, as published (spec 8.4): stage
    /// `replication_as_published`.
    pub replication_as_published: bool,
}

/// The corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusFacts {
    /// Label printed beside every value.
    pub label: String,
    /// Where its audio comes from.
    pub audio: AudioSource,
    /// How its audio was rendered, if the campaign did that.
    pub recipe: Option<String>,
    /// How performances are divided into splits, in words.
    pub split: String,
    /// How it is cut.
    pub windows: WindowSpec,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmFacts {
    /// Id, for example `d4a4`.
    pub id: String,
    /// Descriptors it is given, for example `A4`, `D4`.
    pub descriptors: Vec<String>,
    /// How each is injected, for example `concat (audio)`.
    pub mechanisms: Vec<String>,
    /// Values per row of each descriptor, in the order of `descriptors`.
    pub dims: Vec<usize>,
    /// Model family, for example `dual`.
    pub family: String,
    /// Parameters.
    pub parameters: u64,
    /// Parameters that are trained.
    pub trainable: u64,
    /// Parameters by part, those that the arm has of `audio.cnn`, `audio.positions`, `audio.layers`,
    /// `midi.embedding`, `midi.layers`, `midi.norm`, `heads.audio`, `heads.midi`, `inject.audio`, `inject.midi`,
    /// `inject.tower`. They add up to `parameters`.
    pub parts: BTreeMap<String, u64>,
    /// Tokens of a window that the audio Transformer sees.
    pub audio_tokens: u64,
    /// Operations of a forward pass over one window and its [`Facts::flops_notes`] notes; a multiplication with its
    /// addition counts two.
    pub flops: u64,
    /// Whether the arm is not among those of the paper.
    pub extra: bool,
}

/// One descriptor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescriptorFacts {
    /// Id, for example `a4`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Its shape for one window, in words: `188 x 8`, `notes x 4`.
    pub shape: String,
    /// Section, equation and table of the paper.
    pub source: String,
    /// The definition in one line.
    pub formula: String,
}

/// The retrieval protocol (spec 9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievalFacts {
    /// Query windows.
    pub n_queries: usize,
    /// Candidates per query, the right one included.
    pub pool_size: usize,
    /// Negatives of the same performance.
    pub n_hard: usize,
    /// Negatives of other performances of the composer.
    pub n_semi_hard: usize,
    /// Draws of the hard-negative test.
    pub hard_trials: usize,
    /// Resamples of the grouped bootstrap.
    pub resamples: usize,
    /// Level of its intervals, 0.95.
    pub level: f64,
}

/// One experiment: which arms were trained, how long, with which seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentFacts {
    /// Arms.
    pub arms: Vec<String>,
    /// Schedule id.
    pub schedule: String,
    /// Training seeds.
    pub seeds: Vec<u64>,
    /// Epochs.
    pub epochs: usize,
    /// Epochs at which it is evaluated.
    pub evaluate: Vec<usize>,
}

/// Long runs, each under a schedule of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationFacts {
    /// The runs.
    pub runs: Vec<ConfirmedFacts>,
    /// Training seed of all.
    pub seed: u64,
    /// Arm that differences within a schedule are taken to.
    pub baseline: String,
    /// Schedule of the one run of the baseline that the paper takes all differences to.
    pub reference_schedule: String,
}

/// One long run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmedFacts {
    /// Arm.
    pub arm: String,
    /// Schedule id.
    pub schedule: String,
    /// Epochs.
    pub epochs: usize,
    /// Epochs at which it is evaluated.
    pub evaluate: Vec<usize>,
}

impl ConfirmationFacts {
    /// The run of that arm and schedule.
    pub fn run(&self, arm: &str, schedule: &str) -> Option<&ConfirmedFacts> {
        self.runs.iter().find(|run| run.arm == arm && run.schedule == schedule)
    }

    /// Condition of differences within a schedule, at the best epochs.
    pub fn within(&self) -> String {
        format!("best_vs_{}", self.baseline)
    }

    /// Condition of differences to the run that the paper chose.
    pub fn to_reference(&self) -> String {
        format!("best_vs_{}@{}", self.baseline, self.reference_schedule)
    }

    /// Length and evaluated epochs of each schedule, in the order of the runs.
    pub fn schedules(&self) -> Vec<&ConfirmedFacts> {
        let mut seen: Vec<&ConfirmedFacts> = Vec::new();
        for run in &self.runs {
            if seen.iter().all(|other| other.schedule != run.schedule) {
                seen.push(run);
            }
        }
        seen
    }
}

impl Facts {
    /// Whether values of this campaign may be put beside the published ones as the same quantity.
    pub fn comparable(&self) -> bool {
        self.published_protocol && self.corpus.audio == AudioSource::Recorded
    }

    /// Chance level of R@k for the pool, percent (spec 9.5): 3.90625 for k 10 and 256 candidates.
    pub fn chance(&self, k: usize) -> f64 {
        100.0 * k.min(self.retrieval.pool_size) as f64 / self.retrieval.pool_size as f64
    }

    /// How many times fewer products of queries and keys one self-attention layer of the arm's audio Transformer has
    /// than that of the baseline: the square of the ratio of their tokens (paper Eq. 10).
    pub fn attention_ratio(&self, arm: &str) -> Option<f64> {
        let tokens = |id: &str| self.arm(id).map(|arm| arm.audio_tokens as f64).filter(|tokens| *tokens > 0.0);
        let ratio = tokens(&self.baseline)? / tokens(arm)?;
        Some(ratio * ratio)
    }

    /// How many times fewer operations a forward pass of the arm has than that of the baseline.
    pub fn flops_ratio(&self, arm: &str) -> Option<f64> {
        let flops = |id: &str| self.arm(id).map(|arm| arm.flops as f64).filter(|flops| *flops > 0.0);
        Some(flops(&self.baseline)? / flops(arm)?)
    }

    /// The schedule of that id.
    pub fn schedule(&self, id: &str) -> Option<&ScheduleFacts> {
        self.schedules.iter().find(|schedule| schedule.id == id)
    }

    /// The arm of that id.
    pub fn arm(&self, id: &str) -> Option<&ArmFacts> {
        self.arms.iter().find(|arm| arm.id == id)
    }

    /// Place of an arm in the order of the configuration: its colour and marker.
    pub fn arm_idx(&self, id: &str) -> Option<usize> {
        self.arms.iter().position(|arm| arm.id == id)
    }

    /// The experiment of that name: `foundation`, `screening`, `families`, `replication` or its variant
    /// `replication_as_published`. Long runs have no common schedule: [`Facts::confirmation`].
    pub fn experiment(&self, stage: &str) -> Option<&ExperimentFacts> {
        match stage {
            "foundation" => self.foundation.as_ref(),
            "screening" => self.screening.as_ref(),
            "families" => self.families.as_ref(),
            "replication" => self.replication.as_ref(),
            "replication_as_published" if self.replication_as_published => self.replication.as_ref(),
            _ => None,
        }
    }
}

/// The word for an audio source, as in `synthetic audio`.
pub(crate) fn source_word(source: AudioSource) -> &'static str {
    match source {
        AudioSource::Recorded => "recorded",
        AudioSource::Rendered => "rendered",
        AudioSource::Synthetic => "synthetic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn only_recordings_under_the_published_protocol_are_comparable() {
        let mut facts = fixture::facts();
        assert!(!facts.comparable());
        facts.published_protocol = true;
        assert!(!facts.comparable(), "synthetic audio");
        facts.corpus.audio = AudioSource::Recorded;
        assert!(facts.comparable());
        facts.published_protocol = false;
        assert!(!facts.comparable(), "another protocol");
    }

    #[test]
    fn chance_is_k_of_the_pool() {
        let mut facts = fixture::facts();
        facts.retrieval.pool_size = 256;
        assert_eq!(facts.chance(10), 3.90625);
        facts.retrieval.pool_size = 8;
        assert_eq!(facts.chance(10), 100.0);
    }

    #[test]
    fn facts_survive_a_round_trip() {
        let facts = fixture::facts();
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    }

    #[test]
    fn arms_and_experiments_are_found_by_name() {
        let facts = fixture::facts();
        assert_eq!(facts.arm("d4a4").unwrap().descriptors, ["A4", "D4"]);
        assert_eq!((facts.arm_idx("d4a4"), facts.arm_idx("a7")), (Some(3), None));
        assert_eq!(facts.experiment("families").unwrap().arms[0], "film-a4");
        assert_eq!(facts.experiment("replication").unwrap().seeds, [42, 123, 456]);
        assert_eq!(facts.experiment("foundation").unwrap().arms, ["D0"]);
        assert!(facts.experiment("test").is_none(), "not an experiment of its own");
        assert!(facts.experiment("confirmation").is_none(), "no common schedule");
    }

    #[test]
    fn the_variant_of_the_replication_is_there_only_if_it_was_computed() {
        let mut facts = fixture::facts();
        assert_eq!(facts.experiment("replication_as_published"), facts.replication.as_ref());
        facts.replication_as_published = false;
        assert!(facts.experiment("replication_as_published").is_none() && facts.experiment("replication").is_some());
    }

    #[test]
    fn a_long_run_is_an_arm_and_a_schedule() {
        let confirmation = fixture::facts().confirmation.unwrap();
        assert_eq!(confirmation.run("d4a4", "cosine60").unwrap().epochs, 60);
        assert!(confirmation.run("d4a4", "cosine30").is_none());
        let schedules: Vec<_> = confirmation.schedules().into_iter().map(|run| run.schedule.as_str()).collect();
        assert_eq!(schedules, ["cosine-tail60", "cosine60", "cosine30", "trapez50"], "each once");
        assert_eq!(confirmation.to_reference(), "best_vs_D0@cosine-tail60");
    }

    #[test]
    fn costs_are_ratios_to_the_baseline() {
        let mut facts = fixture::facts();
        facts.arms[0].audio_tokens = 2400;
        facts.arms[0].flops = 300;
        facts.arms[3].audio_tokens = 188;
        facts.arms[3].flops = 100;
        assert_eq!(facts.attention_ratio("D0"), Some(1.0));
        assert!((facts.attention_ratio("d4a4").unwrap() - 162.97).abs() < 0.005, "Eq. 10");
        assert_eq!(facts.flops_ratio("d4a4"), Some(3.0));
        assert_eq!((facts.attention_ratio("zz"), facts.flops_ratio("zz")), (None, None));
        facts.arms[3].audio_tokens = 0;
        assert_eq!(facts.attention_ratio("d4a4"), None, "nothing is divided by zero");
    }

    #[test]
    fn the_parts_of_an_arm_add_up() {
        for arm in &fixture::facts().arms {
            assert_eq!(arm.parts.values().sum::<u64>(), arm.parameters, "{}", arm.id);
        }
    }

    #[test]
    fn every_fact_is_in_the_key() {
        let facts = fixture::facts();
        let key = |facts: &Facts| hit_stage::canonical_json(facts);
        let changes: [fn(&mut Facts); 23] = [
            |facts| facts.backend.push('x'),
            |facts| facts.corpus.label.push('x'),
            |facts| facts.corpus.recipe = Some("x".to_owned()),
            |facts| facts.corpus.split.push('x'),
            |facts| facts.arms[0].parameters += 1,
            |facts| facts.retrieval.level = 0.9,
            |facts| facts.published_protocol = true,
            |facts| facts.replication = None,
            |facts| facts.families = None,
            |facts| facts.replication_as_published = false,
            |facts| facts.confirmation.as_mut().unwrap().reference_schedule.push('x'),
            |facts| facts.confirmation.as_mut().unwrap().runs[1].evaluate.push(61),
            |facts| facts.flops_notes += 1,
            |facts| facts.descriptors[0].formula.push('x'),
            |facts| facts.arms[0].flops += 1,
            |facts| facts.arms[0].extra = true,
            |facts| facts.arms[1].dims[0] += 1,
            |facts| facts.spectrum.bands[7][1] -= 1,
            |facts| facts.attractors[1].over += 1,
            |facts| facts.model.audio.cnn[0].stride += 1,
            |facts| *facts.training.groups.get_mut("midi").unwrap() *= 2.0,
            |facts| facts.schedules[0].epochs += 1,
            |facts| *facts.arms[0].parts.get_mut("audio.cnn").unwrap() += 1,
        ];
        for change in changes {
            let mut other = facts.clone();
            change(&mut other);
            assert_ne!(key(&facts), key(&other));
        }
    }
}
