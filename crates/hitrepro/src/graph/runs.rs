//! Training runs, their retrieval scores, and the experiments over them.

use std::collections::{BTreeMap, BTreeSet};

use hit_battery::{Measurements, Replication, Screening};
use hit_embed::Embed;
use hit_engine::Node;
use hit_model::ArmSpec;
use hit_retrieval::{Intervals, RetrievalSpec, Retrieve, Select};
use hit_schema::RunId;
use hit_train::Train;

use super::Wiring;
use super::corpus::{dataset, features};
use crate::config::{Campaign, ConfirmedRun};
use crate::registry;

/// The replication with queries drawn as published.
const AS_PUBLISHED: &str = "replication_as_published";

/// One run of an experiment.
pub(super) struct Plan<'p> {
    pub(super) experiment: &'static str,
    pub(super) arm: &'p str,
    pub(super) schedule: &'p str,
    pub(super) seed: u64,
    pub(super) evaluate: &'p [usize],
    /// Stage whose checkpoint it starts from; fresh weights if none.
    pub(super) init: Option<String>,
}

impl Plan<'_> {
    pub(super) fn run(&self) -> RunId {
        RunId { arm: self.arm.to_owned(), schedule: self.schedule.to_owned(), seed: self.seed }
    }

    /// `replication/d4a4@cosine30#42`.
    fn label(&self) -> String {
        format!("{}/{}", self.experiment, self.run())
    }
}

impl Wiring<'_> {
    /// The model that screening starts from (spec 8.1).
    pub(super) fn foundation(&mut self) {
        let plan = &self.profile.campaign.foundation;
        self.run(&Plan {
            experiment: "foundation",
            arm: &plan.arm,
            schedule: &plan.schedule,
            seed: plan.seed,
            evaluate: &plan.evaluate,
            init: None,
        });
    }

    /// Short runs of every arm from the foundation (spec 8.2).
    pub(super) fn screening(&mut self) {
        let campaign = &self.profile.campaign;
        let plan = &campaign.screening;
        let runs: Vec<Plan> = plan.arms.iter().map(|arm| short(campaign, "screening", arm, &plan.evaluate)).collect();
        for run in &runs {
            self.run(run);
        }
        let runs: Vec<RunId> = runs.iter().map(Plan::run).collect();
        let stage = self.single("screening", plan.arms.clone());
        self.experiment("screening", Node::new("battery/screening", stage), &runs);
    }

    /// The same for arms of other families, against the baseline of the screening (spec 5).
    pub(super) fn families(&mut self) {
        let campaign = &self.profile.campaign;
        let plan = &campaign.families;
        if plan.arms.is_empty() {
            return;
        }
        let runs: Vec<Plan> = plan.arms.iter().map(|arm| short(campaign, "families", arm, &plan.evaluate)).collect();
        for run in &runs {
            self.run(run);
        }
        let runs: Vec<RunId> = runs.iter().map(Plan::run).collect();
        let baseline = RunId { arm: campaign.screening.baseline.clone(), ..runs[0].clone() };
        let node = Node::new("battery/families", self.single("families", plan.arms.clone()));
        self.experiment("families", scored(node, "screening", &baseline), &runs);
    }

    /// Comparison of single runs with the baseline of the screening.
    fn single(&self, experiment: &str, arms: Vec<String>) -> Screening {
        let plan = &self.profile.campaign.screening;
        Screening {
            stage: experiment.to_owned(),
            arms,
            baseline: plan.baseline.clone(),
            reference: None,
            bootstrap: self.profile.bootstrap,
            seed: plan.seed,
        }
    }

    /// Long runs from scratch, the baseline under every one of their schedules (spec 8.3).
    pub(super) fn confirmation(&mut self) {
        let plan = &self.profile.campaign.confirmation;
        if plan.runs.is_empty() {
            return;
        }
        let (mut runs, mut arms) = (Vec::new(), Vec::new());
        for ConfirmedRun { arm, schedule } in &plan.runs {
            let evaluate = &plan.evaluate[schedule];
            let run = Plan { experiment: "confirmation", arm, schedule, seed: plan.seed, evaluate, init: None };
            self.run(&run);
            runs.push(run.run());
            if !arms.contains(arm) {
                arms.push(arm.clone());
            }
        }
        let reference =
            RunId { arm: plan.baseline.clone(), schedule: plan.reference_schedule.clone(), seed: plan.seed };
        let stage = Screening {
            stage: "confirmation".to_owned(),
            arms,
            baseline: plan.baseline.clone(),
            reference: Some(reference),
            bootstrap: self.profile.bootstrap,
            seed: plan.seed,
        };
        self.experiment("confirmation", Node::new("battery/confirmation", stage), &runs);
    }

    /// Every arm from scratch over the seeds (spec 8.4), and its clean estimate on the test split.
    pub(super) fn replication(&mut self) {
        let plan = &self.profile.campaign.replication;
        let mut runs = Vec::new();
        for arm in &plan.arms {
            for &seed in &plan.seeds {
                let (schedule, evaluate) = (&plan.schedule, &plan.evaluate);
                let run = Plan { experiment: "replication", arm, schedule, seed, evaluate, init: None };
                self.run(&run);
                self.test(&run);
                runs.push(run.run());
            }
        }
        self.experiment("replication", Node::new("battery/replication", self.over_seeds("replication")), &runs);
        if plan.as_published {
            self.as_published(&runs);
        }
    }

    /// The same embeddings, asked with queries of the training seed (spec 8.4).
    fn as_published(&mut self, runs: &[RunId]) {
        for run in runs {
            let spec = RetrievalSpec { seed: run.seed, ..self.profile.retrieval.clone() };
            let from = format!("train/replication/{run}");
            self.scores(&groups("replication"), (AS_PUBLISHED, ""), run, &from, "validation", spec);
        }
        let node = Node::new(format!("battery/{AS_PUBLISHED}"), self.over_seeds(AS_PUBLISHED));
        let node = runs.iter().fold(grouped(node, "replication").pure(), |node, run| scored(node, AS_PUBLISHED, run));
        self.add(node);
    }

    fn over_seeds(&self, stage: &str) -> Replication {
        let plan = &self.profile.campaign.replication;
        let (baseline, bootstrap) = (plan.baseline.clone(), self.profile.bootstrap);
        Replication { stage: stage.to_owned(), baseline, bootstrap, seed: plan.seeds[0] }
    }

    /// Everything that was measured, in one table.
    pub(super) fn measurements(&mut self) {
        let mut merged = Node::new("measurements", Measurements {})
            .group("statistics")
            .export("measurements", "measurements.csv")
            .pure();
        for node in &self.nodes {
            // What retrieval itself writes has no intervals yet.
            if node.stage.outputs().contains(&"measurements") && node.stage.kind() != "retrieve" {
                merged = merged.input(format!("{}/measurements", node.id), &node.id, "measurements");
            }
        }
        self.add(merged);
    }

    /// Trains, scores the evaluated epochs and keeps the checkpoint of the best.
    fn run(&mut self, plan: &Plan) {
        self.trained(plan, plan.experiment, "", &BTreeMap::new());
        self.select(plan);
    }

    /// Trains and scores the evaluated epochs, on other features where `replaced` names their stages by descriptor and split.
    pub(super) fn trained(
        &mut self,
        plan: &Plan,
        name: &str,
        condition: &str,
        replaced: &BTreeMap<(String, &str), String>,
    ) {
        let label = plan.label();
        let arm = self.profile.complete(&self.config.arms[plan.arm]);
        let stage = Train {
            run: plan.run(),
            arm: arm.clone(),
            model: self.profile.model.clone(),
            train: self.profile.train.clone(),
            schedule: self.config.schedules[plan.schedule],
            evaluate: plan.evaluate.to_vec(),
            family: registry::family(&arm.family),
        };
        let train = format!("train/{label}");
        // Long runs start first, so that none is left alone on one GPU of many at the end; every other stage costs 1.
        let cost = stage.schedule.epochs as u64;
        let mut node = grouped(Node::new(&train, stage).cost(cost), plan.experiment)
            .export("history", format!("runs/{label}/history.csv"));
        for split in ["train", "validation"] {
            for output in ["index", "segments"] {
                node = node.input(format!("{split}.{output}"), dataset(split), output);
            }
            for descriptor in descriptors_of(&arm) {
                let name = format!("features/{descriptor}/{split}");
                let from = replaced.get(&(descriptor.to_owned(), split)).cloned();
                node = node.input(name, from.unwrap_or_else(|| features(descriptor, split)), "features");
            }
        }
        if let Some(init) = &plan.init {
            node = node.input("init", init, "checkpoint");
        }
        self.add(node);
        let spec = self.profile.retrieval.clone();
        self.scores(&groups(plan.experiment), (name, condition), &plan.run(), &train, "validation", spec);
    }

    /// Keeps checkpoint and embeddings of the best epoch.
    fn select(&mut self, plan: &Plan) {
        let (label, train) = (plan.label(), format!("train/{}", plan.label()));
        let select = Node::new(format!("select/{label}"), Select {})
            .input("selection", format!("retrieve/{label}"), "selection")
            .input("checkpoints", &train, "checkpoints")
            .input("embeddings", &train, "embeddings");
        self.add(grouped(select, plan.experiment));
    }

    /// The selected checkpoint on the test split, once: an estimate without selection (decision 0006).
    fn test(&mut self, plan: &Plan) {
        let id = format!("embed/test/{}", plan.run());
        let node = grouped(Node::new(&id, self.embed(&plan.run())), plan.experiment);
        let features = |descriptor: &str| features(descriptor, "test");
        self.add(self.modelled(node, plan.experiment, &plan.run(), &dataset("test"), features));
        let spec = self.profile.retrieval.clone();
        self.scores(&groups(plan.experiment), ("test", ""), &plan.run(), &id, "test", spec);
    }

    /// The trained model of a run at work.
    pub(super) fn embed(&self, run: &RunId) -> Embed {
        let arm = self.profile.complete(&self.config.arms[&run.arm]);
        let (model, batch_size) = (self.profile.model.clone(), self.profile.train.batch_size);
        let family = registry::family(&arm.family);
        Embed { run: run.clone(), arm, model, batch_size, family }
    }

    /// Gives a stage the selected model of a run of `experiment`, the windows that `segments` made, and the features of each of its
    /// descriptors, from the stage that `features` names.
    pub(super) fn modelled(
        &self,
        node: Node,
        experiment: &str,
        run: &RunId,
        segments: &str,
        features: impl Fn(&str) -> String,
    ) -> Node {
        let node = node
            .input("checkpoint", format!("select/{experiment}/{run}"), "checkpoint")
            .input("index", segments, "index")
            .input("segments", segments, "segments");
        descriptors_of(&self.config.arms[&run.arm]).into_iter().fold(node, |node, descriptor| {
            node.input(format!("features/{descriptor}"), features(descriptor), "features")
        })
    }

    /// Scores the embeddings that `from` made of `split`.
    ///
    /// `name` is the experiment's in the measurements, and `condition` what is put before theirs (none if empty).
    pub(super) fn scores(
        &mut self,
        groups: &[&str],
        (name, condition): (&str, &str),
        run: &RunId,
        from: &str,
        split: &str,
        spec: RetrievalSpec,
    ) {
        let label = if condition.is_empty() { format!("{name}/{run}") } else { format!("{name}/{condition}/{run}") };
        let seed = spec.seed;
        let stage = Retrieve { run: run.clone(), stage: name.to_owned(), condition: condition.to_owned(), spec };
        let node = Node::new(format!("retrieve/{label}"), stage)
            .input("index", dataset(split), "index")
            .input("embeddings", from, "embeddings")
            .export("measurements", format!("runs/{label}/measurements.csv"))
            .export("ranks", format!("runs/{label}/ranks.csv"))
            .export("selection", format!("runs/{label}/selection.json"));
        // Only a training has several epochs.
        let node = if from.starts_with("train/") {
            node.export("ranks_last", format!("runs/{label}/ranks_last.csv"))
        } else {
            node
        };
        self.add(in_groups(node, groups));
        let stage = Intervals { bootstrap: self.profile.bootstrap, seed };
        let node = Node::new(format!("intervals/{label}"), stage)
            .input("measurements", format!("retrieve/{label}"), "measurements")
            .input("ranks", format!("retrieve/{label}"), "ranks")
            .pure();
        self.add(in_groups(node, groups));
    }

    /// A pure stage over the scores of an experiment's runs.
    fn experiment(&mut self, experiment: &'static str, node: Node, runs: &[RunId]) {
        let node = grouped(node, experiment).pure();
        let node = runs.iter().fold(node, |node, run| scored(node, experiment, run));
        self.add(node);
    }
}

/// A run from the foundation, as the screening has them.
fn short<'p>(campaign: &'p Campaign, experiment: &'static str, arm: &'p str, evaluate: &'p [usize]) -> Plan<'p> {
    let (plan, from) = (&campaign.screening, &campaign.foundation);
    let foundation = RunId { arm: from.arm.clone(), schedule: from.schedule.clone(), seed: from.seed };
    let init = Some(format!("select/foundation/{foundation}"));
    Plan { experiment, arm, schedule: &plan.schedule, seed: plan.seed, evaluate, init }
}

/// Adds the scores of a run to what a stage reads.
fn scored(node: Node, experiment: &str, run: &RunId) -> Node {
    let label = format!("{experiment}/{run}");
    let node = node.input(format!("{run}/ranks_last"), format!("retrieve/{label}"), "ranks_last");
    scored_as(node, &run.to_string(), &label)
}

/// Adds the scores of `label` as inputs that begin with `name`.
pub(super) fn scored_as(node: Node, name: &str, label: &str) -> Node {
    let node = node.input(format!("{name}/measurements"), format!("intervals/{label}"), "measurements");
    let add = |node: Node, output| node.input(format!("{name}/{output}"), format!("retrieve/{label}"), output);
    ["ranks", "selection"].into_iter().fold(node, add)
}

/// Descriptors that an arm reads, each once.
pub(super) fn descriptors_of(arm: &ArmSpec) -> BTreeSet<&str> {
    arm.injections.iter().map(|injection| injection.descriptor.as_str()).collect()
}

/// Names under which an experiment's stages can be selected.
fn groups(experiment: &str) -> Vec<&str> {
    match experiment {
        "replication" => vec!["replication", "multiseed"],
        control if control.starts_with("t02") => vec!["controls", "t02"],
        other => vec![other],
    }
}

fn grouped(node: Node, experiment: &str) -> Node {
    in_groups(node, &groups(experiment))
}

fn in_groups(node: Node, groups: &[&str]) -> Node {
    groups.iter().fold(node, |node, group| node.group(*group))
}

#[cfg(test)]
mod tests {
    use crate::project::tests::project;

    #[test]
    fn a_training_costs_its_epochs_and_every_other_stage_one() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path(), &["--device", "cpu"]).unwrap();
        let graph = project.graph_for(&project.compute().unwrap(), None).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for node in graph.nodes() {
            let run = node.id.strip_prefix("train/").and_then(|label| label.split(['@', '#']).nth(1));
            let epochs = run.map(|schedule| project.config.schedules[schedule].epochs as u64);
            assert_eq!(node.cost, epochs.unwrap_or(1), "{}", node.id);
            seen.extend(epochs);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [2, 4], "short and long runs of `smoke`");
    }
}
