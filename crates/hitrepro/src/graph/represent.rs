//! What the canonical models hold of the music, and how alike the two sides are: tests 03, 06 and 10, and the correlations of test 08.
//!
//! They look at embeddings and layers, which are there; nothing is trained or embedded for them but the layers.

use hit_descriptors::{ProbeTargets, TARGETS};
use hit_embed::{Layers, Sample};
use hit_engine::Node;
use hit_represent::{Alignment, Cosines, Probe, Projection, Summaries};
use hit_schema::RunId;

use super::Wiring;
use super::battery::{CONFIRMATION, SPLIT, run_of, selected};
use super::corpus::{dataset, features};

/// The stage of the targets of the probes.
const TARGETS_STAGE: &str = "probe_targets/validation";

impl Wiring<'_> {
    /// Test 03: what of the music can be read off the embeddings.
    pub(super) fn probes(&mut self) {
        let node = Node::new(TARGETS_STAGE, ProbeTargets {}).group("battery").group("t03");
        self.add(node.input("index", dataset(SPLIT), "index").input("segments", dataset(SPLIT), "segments"));
        for run in self.tested() {
            let (bootstrap, seed) = (self.profile.bootstrap, self.profile.campaign.battery.seed);
            let stage = Probe {
                stage: "t03".to_owned(),
                run: run.clone(),
                seed,
                resamples: bootstrap.resamples,
                level: bootstrap.level,
            };
            let node = measured(Node::new(format!("probe/t03/{run}"), stage), "t03", "measurements", &run)
                .input("index", dataset(SPLIT), "index")
                .input("embeddings", selected(&run), "embeddings");
            let target = |node: Node, name: &&str| node.input(format!("targets/{name}"), TARGETS_STAGE, *name);
            self.add(TARGETS.iter().fold(node, target));
        }
    }

    /// Test 06: likeness of layers, over windows of all performances and over the first ones as published.
    pub(super) fn alignment(&mut self) {
        for run in self.tested() {
            let plan = &self.profile.campaign.battery;
            let (n, per_performance, seed) = (plan.layer_windows, plan.layer_windows_per_performance, plan.seed);
            let samples =
                [("sampled", Sample::Spread { n, per_performance, seed }), ("published", Sample::First { n })];
            let stage = Alignment { stage: "t06".to_owned(), run: run.clone(), seed };
            let mut node = measured(Node::new(format!("alignment/t06/{run}"), stage), "t06", "measurements", &run);
            for (name, sample) in samples {
                let id = format!("layers/t06/{name}/{run}");
                let layers = Node::new(&id, Layers { embed: self.embed(&run), sample }).group("battery").group("t06");
                let features = |descriptor: &str| features(descriptor, SPLIT);
                self.add(self.modelled(layers, CONFIRMATION, &run, &dataset(SPLIT), features));
                node = node.input(name, id, "activations");
            }
            self.add(node);
        }
    }

    /// Test 10: embeddings in the plane, and cosines of matched and of other pairs.
    pub(super) fn plane(&mut self) {
        for run in self.tested() {
            let (battery, bootstrap) = (&self.profile.campaign.battery, self.profile.bootstrap);
            let (plan, seed) = (&battery.plane, battery.seed);
            let stage = Projection {
                stage: "t10".to_owned(),
                run: run.clone(),
                windows: plan.windows,
                seed,
                perplexity: plan.perplexity,
                iterations: plan.iterations,
                neighbours: plan.neighbours,
                min_dist: plan.min_dist,
            };
            let given = |node: Node| {
                node.input("index", dataset(SPLIT), "index").input("embeddings", selected(&run), "embeddings")
            };
            let node = measured(Node::new(format!("projection/t10/{run}"), stage), "t10", "trust", &run);
            let projection = node.export("projection", format!("runs/t10/{run}/projection.csv"));
            let stage = Cosines {
                stage: "t10".to_owned(),
                run: run.clone(),
                seed,
                resamples: bootstrap.resamples,
                level: bootstrap.level,
            };
            let node = measured(Node::new(format!("cosines/t10/{run}"), stage), "t10", "measurements", &run);
            let cosines = node.export("cosines", format!("runs/t10/{run}/cosines.csv"));
            let nodes = [given(projection), given(cosines)];
            self.nodes.extend(nodes);
        }
    }

    /// Test 08: correlations between what a descriptor is in a window and the embedding of it.
    pub(super) fn summaries(&mut self) {
        for model in self.profile.campaign.battery.models.clone() {
            let run = run_of(&model, self.profile.campaign.battery.seed);
            let descriptors = self.descriptors_of_model(&model);
            if descriptors.is_empty() {
                continue;
            }
            let stage = Summaries { stage: "t08".to_owned(), run: run.clone() };
            let node = measured(Node::new(format!("summaries/t08/{run}"), stage), "t08", "summaries", &run);
            let node = node.input("embeddings", selected(&run), "embeddings");
            let add = |node: Node, id: &String| node.input(format!("features/{id}"), features(id, SPLIT), "features");
            self.add(descriptors.iter().fold(node, add));
        }
    }

    /// Runs of the models that are tested.
    pub(super) fn tested(&self) -> Vec<RunId> {
        let plan = &self.profile.campaign.battery;
        plan.models.iter().map(|model| run_of(model, plan.seed)).collect()
    }
}

/// A test's stage over one run, whose measurements are exported: they are not functions of exported files.
fn measured(node: Node, test: &str, file: &str, run: &RunId) -> Node {
    node.group("battery").group(test).export("measurements", format!("runs/{test}/{run}/{file}.csv"))
}
