//! Training runs, their retrieval scores, and the experiments over them.

use std::collections::BTreeSet;

use hit_battery::{Measurements, Replication, Screening};
use hit_embed::Embed;
use hit_engine::Node;
use hit_model::ArmSpec;
use hit_retrieval::{Intervals, Retrieve, Select};
use hit_schema::RunId;
use hit_train::Train;

use super::Wiring;
use super::corpus::{dataset, features};
use crate::config::Campaign;
use crate::registry;

/// One run of an experiment.
struct Plan<'p> {
    experiment: &'static str,
    arm: &'p str,
    schedule: &'p str,
    seed: u64,
    evaluate: &'p [usize],
    /// Stage whose checkpoint it starts from; fresh weights if none.
    init: Option<String>,
}

impl Plan<'_> {
    fn run(&self) -> RunId {
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
        self.compared("screening", &plan.arms, &runs, &[]);
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
        self.compared("families", &plan.arms, &runs, &[baseline]);
    }

    /// Compares runs from the foundation with the baseline of the screening, which `others` may have to bring.
    fn compared(&mut self, experiment: &'static str, arms: &[String], runs: &[RunId], others: &[RunId]) {
        let plan = &self.profile.campaign.screening;
        let stage = Screening {
            stage: experiment.to_owned(),
            arms: arms.to_vec(),
            baseline: plan.baseline.clone(),
            bootstrap: self.profile.bootstrap,
            seed: plan.seed,
        };
        let node = Node::new(format!("battery/{experiment}"), stage);
        let node = others.iter().fold(node, |node, run| scored(node, "screening", run));
        self.experiment(experiment, node, runs);
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
        let stage =
            Replication { baseline: plan.baseline.clone(), bootstrap: self.profile.bootstrap, seed: plan.seeds[0] };
        self.experiment("replication", Node::new("battery/replication", stage), &runs);
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
        let mut node =
            grouped(Node::new(&train, stage), plan.experiment).export("history", format!("runs/{label}/history.csv"));
        for split in ["train", "validation"] {
            for output in ["index", "segments"] {
                node = node.input(format!("{split}.{output}"), dataset(split), output);
            }
            for descriptor in descriptors_of(&arm) {
                let name = format!("features/{descriptor}/{split}");
                node = node.input(name, features(descriptor, split), "features");
            }
        }
        if let Some(init) = &plan.init {
            node = node.input("init", init, "checkpoint");
        }
        self.add(node);
        self.retrieve(plan, plan.experiment, &train, "validation");
        let select = Node::new(format!("select/{label}"), Select {})
            .input("selection", format!("retrieve/{label}"), "selection")
            .input("checkpoints", &train, "checkpoints");
        self.add(grouped(select, plan.experiment));
    }

    /// The selected checkpoint on the test split, once: an estimate without selection (decision 0006).
    fn test(&mut self, plan: &Plan) {
        let arm = self.profile.complete(&self.config.arms[plan.arm]);
        let stage = Embed {
            run: plan.run(),
            arm: arm.clone(),
            model: self.profile.model.clone(),
            batch_size: self.profile.train.batch_size,
            family: registry::family(&arm.family),
        };
        let id = format!("embed/test/{}", plan.run());
        let mut node = grouped(Node::new(&id, stage), plan.experiment)
            .input("checkpoint", format!("select/{}", plan.label()), "checkpoint")
            .input("index", dataset("test"), "index")
            .input("segments", dataset("test"), "segments");
        for descriptor in descriptors_of(&arm) {
            node = node.input(format!("features/{descriptor}"), features(descriptor, "test"), "features");
        }
        self.add(node);
        self.retrieve(plan, "test", &id, "test");
    }

    /// Scores the embeddings that `from` made of `split`.
    fn retrieve(&mut self, plan: &Plan, experiment: &str, from: &str, split: &str) {
        let label = format!("{experiment}/{}", plan.run());
        let stage = Retrieve {
            run: plan.run(),
            stage: experiment.to_owned(),
            condition: String::new(),
            spec: self.profile.retrieval.clone(),
        };
        let node = Node::new(format!("retrieve/{label}"), stage)
            .input("index", dataset(split), "index")
            .input("embeddings", from, "embeddings")
            .export("measurements", format!("runs/{label}/measurements.csv"))
            .export("ranks", format!("runs/{label}/ranks.csv"))
            .export("selection", format!("runs/{label}/selection.json"));
        self.add(grouped(node, plan.experiment));
        let stage = Intervals { bootstrap: self.profile.bootstrap, seed: self.profile.retrieval.seed };
        let node = Node::new(format!("intervals/{label}"), stage)
            .input("measurements", format!("retrieve/{label}"), "measurements")
            .input("ranks", format!("retrieve/{label}"), "ranks")
            .pure();
        self.add(grouped(node, plan.experiment));
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
    let node = node.input(format!("{run}/measurements"), format!("intervals/{label}"), "measurements");
    let add = |node: Node, output| node.input(format!("{run}/{output}"), format!("retrieve/{label}"), output);
    ["ranks", "selection"].into_iter().fold(node, add)
}

/// Descriptors that an arm reads, each once.
fn descriptors_of(arm: &ArmSpec) -> BTreeSet<&str> {
    arm.injections.iter().map(|injection| injection.descriptor.as_str()).collect()
}

/// Names under which an experiment's stages can be selected.
fn grouped(node: Node, experiment: &str) -> Node {
    match experiment {
        "replication" => node.group("replication").group("multiseed"),
        other => node.group(other),
    }
}
