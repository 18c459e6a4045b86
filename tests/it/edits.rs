//! What an edit of code reruns, told from changed code digests: no table, figure or statistic is worth a training.

use std::collections::BTreeSet;

use clap::Parser;
use hit_engine::{Code, CodeEntry, Engine, Graph, Silent, State};
use hit_stage::Cancel;
use hitrepro::cli::Cli;
use hitrepro::project::{self, Project as Opened};

use crate::project::Project;

/// What costs: corpus, descriptors, and all that runs a model.
const COSTLY: &[&str] = &["synth", "segment", "dataset", "descriptor", "train", "embed", "layers", "perturb"];

/// The computed campaign, and an engine in which the own code of one crate is another.
struct Edited {
    project: Project,
    opened: Opened,
    graph: Graph,
    engine: Engine,
}

fn edited(name: &str) -> Edited {
    let project = Project::computed();
    let config = project.path("pipeline.toml");
    let words = ["hitrepro", "plan", "--profile", "tiny", "--device", "cpu", "--config", config.to_str().unwrap()];
    let opened = Opened::open(&Cli::try_parse_from(words).unwrap().options).unwrap();
    let compute = opened.compute().unwrap();
    let graph = opened.graph(&compute).unwrap();
    let mut code: Vec<CodeEntry> = project::CODE.to_vec();
    code.iter_mut().find(|entry| entry.name == name).expect("a crate of the workspace").own = "edited";
    let engine = Engine::new(opened.cache(), Code::new(&code), &compute.backend);
    Edited { project, opened, graph, engine }
}

fn kind(stage: &str) -> String {
    stage.split('/').next().unwrap().to_owned()
}

/// Kinds that `plan` says would run: with all inputs known, so that they surely would, and all.
fn planned(edited: &Edited) -> (BTreeSet<String>, BTreeSet<String>) {
    let rows = edited.engine.plan(&edited.graph, &edited.graph.all()).unwrap().rows;
    let run: Vec<_> = rows.into_iter().filter(|row| row.state == State::Run).collect();
    let sure = run.iter().filter(|row| row.key.is_some()).map(|row| kind(&row.stage)).collect();
    (sure, run.iter().map(|row| kind(&row.stage)).collect())
}

#[track_caller]
fn no_costly(edit: &str, kinds: &BTreeSet<String>) {
    let costly: Vec<&String> = kinds.iter().filter(|kind| COSTLY.contains(&kind.as_str())).collect();
    assert!(costly.is_empty(), "an edit of {edit} must not rerun {costly:?}");
}

#[test]
fn figures_and_tables_rerun_by_themselves() {
    let (_, found) = planned(&edited("hit-report"));
    let report = ["table", "figure", "numbers", "tex", "pdf"].map(str::to_owned);
    assert!(found.contains("figure") && found.contains("table"), "{found:?}");
    assert!(found.iter().all(|kind| report.contains(kind)), "{found:?}");
}

#[test]
fn tests_and_claims_plan_nothing_that_costs() {
    for (crate_name, expected) in [("hit-claims", "claims"), ("hit-battery", "battery"), ("hit-represent", "probe")] {
        let (_, found) = planned(&edited(crate_name));
        assert!(found.contains(expected), "an edit of {crate_name} reruns {expected}: {found:?}");
        no_costly(crate_name, &found);
    }
}

/// Retrieval chooses the epoch that the screening starts from, so `plan` cannot know what comes after. It surely reruns nothing that
/// costs, and when it has run, the same choice has stopped the wave there.
#[test]
fn a_statistic_reruns_scores_and_stops_at_the_same_choice() {
    let edited = edited("hit-stats");
    let (sure, all) = planned(&edited);
    assert!(sure.contains("retrieve") && all.contains("intervals"), "{sure:?} {all:?}");
    no_costly("hit-stats", &sure);
    let options = edited.opened.run_options(&edited.opened.compute().unwrap());
    let selection = edited.graph.all();
    let summary =
        edited.engine.run(&edited.graph, &selection, &options, &Silent, &Cancel::default()).expect("the campaign runs");
    assert!(summary.failed.is_empty() && !summary.executed.is_empty(), "{summary:?}");
    no_costly("hit-stats", &summary.executed.iter().map(|stage| kind(stage)).collect());
    assert!(edited.project.path("cache").is_dir());
}

/// The controls: what would retrain is seen, and without an edit nothing runs.
#[test]
fn an_edit_of_the_model_retrains_everything_and_none_nothing() {
    assert!(planned(&edited("hit-model")).0.contains("train"));
    let (sure, _) = planned(&edited("hit-arm-film"));
    assert!(sure.contains("train") && !sure.contains("descriptor"), "{sure:?}");
    let (_, none) = planned(&edited("hit-codehash"));
    assert!(none.is_empty(), "in no stage's key: {none:?}");
}
