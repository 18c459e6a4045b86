//! Gate 5B: the canonical models under changed inputs (spec 10), and the parameter-matched controls (spec 8.5).
//!
//! A condition is a stage that changes an artifact. Embedding and retrieval are given the changed one and do not know it.

use std::collections::BTreeMap;

use hit_battery::{Conditions, NORMAL, Sensitivity};
use hit_descriptors::{DESCRIPTORS, Describe, Side};
use hit_engine::Node;
use hit_model::ArmSpec;
use hit_perturb::{FeatureCondition, Padding, PerturbFeatures, PerturbSegments, SegmentCondition};
use hit_schema::RunId;

use super::Wiring;
use super::corpus::{dataset, features};
use super::runs::{Plan, descriptors_of, scored_as};
use crate::config::ConfirmedRun;

/// The split that the tests are run on.
pub(super) const SPLIT: &str = "validation";
/// The experiment whose selected models are tested.
pub(super) const CONFIRMATION: &str = "confirmation";
/// The scoreboard: the models without any condition (test 12).
const SCOREBOARD: &str = "t12";

/// What a model is given instead of the artifacts of the split.
#[derive(Default)]
struct Changed {
    /// Stage of another index and other segments.
    segments: Option<String>,
    /// Stages of other features, by descriptor.
    features: BTreeMap<String, String>,
}

/// A condition and the models that were put under it.
type Tested = Vec<(String, RunId)>;

impl Wiring<'_> {
    /// Tests 01, 03, 04, 06, 08, 09, 10 and 12 of the canonical models.
    pub(super) fn battery(&mut self) {
        let plan = &self.profile.campaign.battery;
        if plan.models.is_empty() {
            return;
        }
        for model in &plan.models {
            let run = run_of(model, plan.seed);
            let spec = self.profile.retrieval.clone();
            self.scores(&["battery", SCOREBOARD], (SCOREBOARD, ""), &run, &selected(&run), SPLIT, spec);
        }
        self.ablation();
        self.transposition();
        self.bands();
        self.invariance();
        self.summaries();
        self.probes();
        self.alignment();
        self.plane();
    }

    /// Test 01: a descriptor replaced at inference, each by itself and all together.
    fn ablation(&mut self) {
        let plan = &self.profile.campaign.battery;
        let noise = FeatureCondition::Noise {
            batches: plan.noise_batches,
            batch_size: plan.noise_batch_size,
            padding: Padding::LeftOut,
        };
        let conditions = [
            ("zero", FeatureCondition::Zero {}),
            ("noise", noise),
            ("shuffle_local", FeatureCondition::ShuffleLocal { batch_size: plan.local_batch_size }),
            ("shuffle_global", FeatureCondition::ShuffleGlobal {}),
        ];
        let mut tested = Tested::new();
        for model in &plan.models {
            let descriptors = self.descriptors_of_model(model);
            let mut groups: Vec<Vec<String>> = descriptors.iter().map(|id| vec![id.clone()]).collect();
            if descriptors.len() > 1 {
                groups.push(descriptors);
            }
            for (name, condition) in &conditions {
                for group in &groups {
                    let mut changed = Changed::default();
                    for id in group {
                        changed.features.insert(id.clone(), self.changed_features(name, id, SPLIT, condition, None));
                    }
                    let condition = format!("{name}.{}", group.join("+"));
                    tested.push((condition.clone(), self.under("t01", model, &condition, &changed)));
                }
            }
        }
        self.compared("t01", BTreeMap::new(), &tested);
    }

    /// Test 04: the MIDI transposed, the audio as it is.
    fn transposition(&mut self) {
        let steps = self.profile.campaign.battery.transpose_st.clone();
        let conditions = steps.iter().map(|&st| (transposed(st), SegmentCondition::Transpose { semitones: st }));
        let tested = self.segment_tests("t04", conditions.collect());
        let both = [-3, 3].map(transposed).to_vec();
        self.compared("t04", [("within_3".to_owned(), both)].into(), &tested);
    }

    /// Test 08: one value of a descriptor's rows offset (how far do embeddings move) or zeroed (what does S lose).
    fn bands(&mut self) {
        let plan = &self.profile.campaign.battery;
        let (mut zeroed, mut moved) = (Tested::new(), Tested::new());
        for model in &plan.models {
            for id in self.descriptors_of_model(model) {
                let dims = DESCRIPTORS.iter().find(|known| known.id == id).map_or(0, |known| known.dims);
                for dim in 0..dims {
                    let conditions = [
                        ("offset", FeatureCondition::Offset { dim, epsilon: plan.offset }),
                        ("zero_dim", FeatureCondition::ZeroDim { dim }),
                    ];
                    for (name, condition) in conditions {
                        let name = format!("{name}.{dim}");
                        let stage = self.changed_features(&name, &id, SPLIT, &condition, None);
                        let changed = Changed { segments: None, features: [(id.clone(), stage)].into() };
                        let label = format!("{name}.{id}");
                        if name.starts_with("offset") {
                            self.embedded("t08", model, &label, &changed);
                            moved.push((label, run_of(model, plan.seed)));
                        } else {
                            zeroed.push((label.clone(), self.under("t08", model, &label, &changed)));
                        }
                    }
                }
            }
        }
        self.compared("t08", BTreeMap::new(), &zeroed);
        if moved.is_empty() {
            return;
        }
        let stage = Sensitivity { stage: "t08".to_owned(), first: plan.noise_batches * plan.noise_batch_size };
        let mut node = Node::new("battery/t08-sensitivity", stage)
            .group("battery")
            .group("t08")
            .export("measurements", "runs/t08/sensitivity.csv");
        for (condition, run) in &moved {
            node = node.input(format!("{condition}/{run}"), format!("embed/t08/{condition}/{run}"), "embeddings");
            let normal = format!("{NORMAL}/{run}");
            if !node.inputs.contains_key(&normal) {
                node = node.input(normal, selected(run), "embeddings");
            }
        }
        self.add(node);
    }

    /// Test 09: shifted and noisy audio, other velocities and octaves.
    fn invariance(&mut self) {
        let plan = &self.profile.campaign.battery;
        let shifts = plan
            .shift_samples
            .iter()
            .map(|&samples| (format!("shift.{samples:+}"), SegmentCondition::Shift { samples }));
        let noises =
            plan.snr_db.iter().map(|&snr_db| (format!("snr_db.{snr_db}"), SegmentCondition::WhiteNoise { snr_db }));
        let velocities =
            plan.velocity.iter().map(|&factor| (format!("velocity.{factor}"), SegmentCondition::Velocity { factor }));
        let octaves = plan.octave_st.iter().map(|&st| (transposed(st), SegmentCondition::Transpose { semitones: st }));
        let conditions = shifts.chain(noises).chain(velocities).chain(octaves).collect();
        let tested = self.segment_tests("t09", conditions);
        self.compared("t09", BTreeMap::new(), &tested);
    }

    /// Every model under conditions of audio or notes.
    fn segment_tests(&mut self, test: &str, conditions: Vec<(String, SegmentCondition)>) -> Tested {
        let models = &self.profile.campaign.battery.models;
        let mut tested = Tested::new();
        for (name, condition) in conditions {
            let segments = self.changed_segments(&name, &condition);
            for model in models {
                let mut changed = Changed { segments: Some(segments.clone()), ..Changed::default() };
                for id in self.descriptors_of_model(model) {
                    // Only descriptors of what changed change.
                    let side = DESCRIPTORS.iter().find(|known| known.id == id).map(hit_descriptors::Descriptor::side);
                    if (side == Some(Side::Audio)) == condition.changes_audio() {
                        changed.features.insert(id.clone(), self.redescribed(&name, &id, &segments));
                    }
                }
                tested.push((name.clone(), self.under(test, model, &name, &changed)));
            }
        }
        tested
    }

    /// Test 02: an arm trained and evaluated on descriptors that are real, zero, random or those of other windows (spec 8.5).
    pub(super) fn controls(&mut self) {
        let Some(plan) = &self.profile.campaign.controls else { return };
        let random = FeatureCondition::Random {
            batches: plan.batches,
            batch_size: self.profile.train.batch_size,
            padding: Padding::LeftOut,
        };
        let controls = [
            ("t02", "", None),
            ("t02-zero", "zero", Some(FeatureCondition::Zero {})),
            ("t02-random", "random", Some(random)),
            ("t02-shuffled", "shuffled", Some(FeatureCondition::Shuffled {})),
        ];
        let arm = self.profile.complete(&self.config.arms[&plan.arm]);
        let mut tested = Tested::new();
        for (experiment, condition, change) in controls {
            let mut replaced = BTreeMap::new();
            if let Some(change) = &change {
                for id in descriptors_of(&arm) {
                    let statistics = matches!(change, FeatureCondition::Random { .. }).then(|| features(id, "train"));
                    for split in ["train", SPLIT] {
                        let stage = self.changed_features(condition, id, split, change, statistics.clone());
                        replaced.insert((id.to_owned(), split), stage);
                    }
                }
            }
            for &seed in &plan.seeds {
                let (schedule, evaluate) = (&plan.schedule, &plan.evaluate);
                let run = Plan { experiment, arm: &plan.arm, schedule, seed, evaluate, init: None };
                self.trained(&run, "t02", condition, &replaced);
                let name = if condition.is_empty() { NORMAL } else { condition };
                tested.push((name.to_owned(), run.run()));
            }
        }
        let mut node = Node::new("battery/t02", self.conditions("t02", BTreeMap::new(), plan.seeds[0])).pure();
        for (condition, run) in &tested {
            let label = if condition == NORMAL { format!("t02/{run}") } else { format!("t02/{condition}/{run}") };
            node = scored_as(node, &format!("{condition}/{run}"), &label);
        }
        self.add(node.group("controls").group("t02"));
    }

    fn conditions(&self, test: &str, means: BTreeMap<String, Vec<String>>, seed: u64) -> Conditions {
        Conditions { stage: test.to_owned(), means, bootstrap: self.profile.bootstrap, seed }
    }

    /// The stage that puts S under conditions beside S without.
    fn compared(&mut self, test: &str, means: BTreeMap<String, Vec<String>>, tested: &Tested) {
        if tested.is_empty() {
            return;
        }
        let stage = self.conditions(test, means, self.profile.campaign.battery.seed);
        let mut node = Node::new(format!("battery/{test}"), stage).group("battery").group(test).pure();
        for (condition, run) in tested {
            node = scored_as(node, &format!("{condition}/{run}"), &format!("{test}/{condition}/{run}"));
            if !node.inputs.contains_key(&format!("{NORMAL}/{run}/ranks")) {
                node = scored_as(node, &format!("{NORMAL}/{run}"), &format!("{SCOREBOARD}/{run}"));
            }
        }
        self.add(node);
    }

    /// Embeds and scores a model under a condition.
    fn under(&mut self, test: &str, model: &ConfirmedRun, condition: &str, changed: &Changed) -> RunId {
        let from = self.embedded(test, model, condition, changed);
        let run = run_of(model, self.profile.campaign.battery.seed);
        let spec = self.profile.retrieval.clone();
        self.scores(&["battery", test], (test, condition), &run, &from, SPLIT, spec);
        run
    }

    /// The stage that embeds a model under a condition.
    fn embedded(&mut self, test: &str, model: &ConfirmedRun, condition: &str, changed: &Changed) -> String {
        let run = run_of(model, self.profile.campaign.battery.seed);
        let id = format!("embed/{test}/{condition}/{run}");
        let segments = changed.segments.clone().unwrap_or_else(|| dataset(SPLIT));
        let node = Node::new(&id, self.embed(&run)).group("battery").group(test);
        let node = self.modelled(node, CONFIRMATION, &run, &segments, |descriptor| {
            changed.features.get(descriptor).cloned().unwrap_or_else(|| features(descriptor, SPLIT))
        });
        self.add(node);
        id
    }

    pub(super) fn descriptors_of_model(&self, model: &ConfirmedRun) -> Vec<String> {
        let arm: &ArmSpec = &self.config.arms[&model.arm];
        descriptors_of(arm).into_iter().map(str::to_owned).collect()
    }

    /// The stage that changes the features of a descriptor; it serves all models.
    fn changed_features(
        &mut self,
        name: &str,
        descriptor: &str,
        split: &str,
        condition: &FeatureCondition,
        statistics: Option<String>,
    ) -> String {
        let id = format!("perturb/{name}/{descriptor}/{split}");
        let stage = PerturbFeatures { condition: *condition, seed: self.profile.campaign.battery.seed };
        let mut node = Node::new(&id, stage).group("battery").input("index", dataset(split), "index").input(
            "features",
            features(descriptor, split),
            "features",
        );
        if let Some(statistics) = statistics {
            node = node.input("statistics", statistics, "features");
        }
        self.add_once(node);
        id
    }

    /// The stage that changes the audio or the notes of the split; it serves all models.
    fn changed_segments(&mut self, name: &str, condition: &SegmentCondition) -> String {
        let id = format!("perturb/{name}/segments/{SPLIT}");
        let stage = PerturbSegments { condition: *condition, seed: self.profile.campaign.battery.seed };
        let node = Node::new(&id, stage).group("battery").input("index", dataset(SPLIT), "index").input(
            "segments",
            dataset(SPLIT),
            "segments",
        );
        self.add_once(node);
        id
    }

    /// The stage that computes a descriptor of changed segments.
    fn redescribed(&mut self, name: &str, descriptor: &str, segments: &str) -> String {
        let id = format!("descriptor/{descriptor}/{SPLIT}/{name}");
        let stage = Describe { descriptor: descriptor.to_owned(), variant: self.profile.variant };
        let node = Node::new(&id, stage)
            .group("battery")
            .input("index", segments, "index")
            .input("segments", segments, "segments");
        self.add_once(node);
        id
    }

    pub(super) fn add_once(&mut self, node: Node) {
        if self.nodes.iter().all(|known| known.id != node.id) {
            self.add(node);
        }
    }
}

pub(super) fn run_of(model: &ConfirmedRun, seed: u64) -> RunId {
    RunId { arm: model.arm.clone(), schedule: model.schedule.clone(), seed }
}

/// The stage that holds checkpoint and embeddings of a tested model.
pub(super) fn selected(run: &RunId) -> String {
    format!("select/{CONFIRMATION}/{run}")
}

fn transposed(semitones: i32) -> String {
    format!("transpose.{semitones:+}")
}
