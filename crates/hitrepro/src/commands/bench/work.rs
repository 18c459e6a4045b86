//! What the stages of a graph ask of a device.

use std::collections::{BTreeMap, BTreeSet};

use hit_bench::{Embedding, Training, Work, steps_per_epoch};
use hit_engine::{Graph, Node, Selection, Source};
use hit_model::WindowSize;
use hit_schema::{RunId, WindowSpec};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::windows;
use crate::Error;
use crate::graph::BuildError;
use crate::project::Project;
use crate::registry;

/// Windows by split; none if the corpus does not state the durations that decide them, or is not there.
pub(super) type SplitWindows = BTreeMap<String, Option<u64>>;

/// The split that training goes through.
const TRAIN: &str = "train";
/// The split that training embeds.
const VALIDATION: &str = "validation";

// What is read of the parameters of stages.

#[derive(Deserialize)]
struct TrainParams {
    run: RunId,
    train: Batches,
    schedule: Epochs,
    evaluate: Vec<usize>,
}

#[derive(Deserialize)]
struct Batches {
    batch_size: usize,
    batches_per_epoch: usize,
}

#[derive(Deserialize)]
struct Epochs {
    epochs: usize,
}

#[derive(Deserialize)]
struct EmbedParams {
    run: RunId,
}

#[derive(Deserialize)]
struct LayersParams {
    embed: EmbedParams,
    sample: BTreeMap<String, SampleParams>,
}

#[derive(Deserialize)]
struct SampleParams {
    n: u64,
}

#[derive(Deserialize)]
struct SegmentParams {
    split: String,
    duration_s: Option<f64>,
    windows: WindowSpec,
}

#[derive(Deserialize)]
struct SynthParams {
    duration_s: f64,
}

/// The parameters of a stage.
///
/// # Panics
/// If the stage has none of that form: a test reads those of every profile.
fn params<T: DeserializeOwned>(node: &Node) -> T {
    serde_json::from_value(node.stage.params()).unwrap_or_else(|error| panic!("parameters of {}: {error}", node.id))
}

/// What the selected stages of the campaign ask of a device, and the windows of the splits. Operations are of windows with `n_notes` notes.
///
/// # Errors
/// [`Error::Build`] if an arm of the campaign cannot be built.
pub(super) fn work(
    project: &Project,
    graph: &Graph,
    selection: &Selection,
    n_notes: usize,
) -> Result<(Work, SplitWindows), Error> {
    let splits = split_windows(graph);
    let mut work = Work { at_most: splits[TRAIN].is_none(), ..Work::default() };
    for node in graph.nodes().iter().filter(|node| selection.ids.contains(&node.id)) {
        match node.stage.kind() {
            "train" => {
                let TrainParams { run, train, schedule, evaluate } = params(node);
                let per_epoch = steps_per_epoch(train.batches_per_epoch, train.batch_size, splits[TRAIN]);
                let (stage, arm, batch) = (node.id.clone(), run.arm, train.batch_size);
                let windows = splits[VALIDATION].map(|n| n * evaluate.len() as u64);
                work.embeddings.push(Embedding { stage: stage.clone(), arm: arm.clone(), windows });
                work.trainings.push(Training { stage, arm, steps: schedule.epochs as u64 * per_epoch, batch });
            }
            "embed" => {
                let windows = split_of(graph, node).and_then(|split| splits[split]);
                let arm = params::<EmbedParams>(node).run.arm;
                work.embeddings.push(Embedding { stage: node.id.clone(), arm, windows });
            }
            "layers" => {
                let LayersParams { embed, sample } = params(node);
                let windows = sample.values().map(|sample| sample.n).sum();
                work.embeddings.push(Embedding { stage: node.id.clone(), arm: embed.run.arm, windows: Some(windows) });
            }
            _ => {}
        }
    }
    let named = work.trainings.iter().map(|training| &training.arm);
    let named: BTreeSet<String> =
        named.chain(work.embeddings.iter().map(|embedding| &embedding.arm)).cloned().collect();
    let flops = named.into_iter().map(|arm| flops(project, &arm, n_notes).map(|flops| (arm, flops)));
    work.flops = flops.collect::<Result<_, _>>()?;
    Ok((work, splits))
}

/// Operations of embedding a window.
fn flops(project: &Project, id: &str, n_notes: usize) -> Result<u64, Error> {
    let profile = &project.profile;
    let spec = profile.complete(&project.config.arms[id]);
    let hit_bench::Windows { n_samples, n_frames, .. } = windows(profile, n_notes);
    let model = registry::family(&spec.family).model(&profile.model, &spec);
    let cost = model.and_then(|model| model.cost(&WindowSize { n_samples, n_frames, n_notes }));
    Ok(cost.map_err(|source| BuildError::Arm { arm: id.to_owned(), source })?.flops)
}

/// Windows of each split as the durations of its performances give them: those that will be skipped are among them.
fn split_windows(graph: &Graph) -> SplitWindows {
    let mut splits: SplitWindows = hit_corpus::SPLITS.map(|split| (split.to_owned(), Some(0))).into();
    let mut there = false;
    for node in graph.nodes().iter().filter(|node| node.stage.kind() == "segment") {
        there = true;
        let SegmentParams { split, duration_s, windows } = params(node);
        let duration_s = duration_s.or_else(|| synthetic_s(graph, node));
        if let Some(sum) = splits.get_mut(&split) {
            *sum = sum.zip(duration_s).map(|(sum, duration_s)| sum + windows.n_windows(duration_s) as u64);
        }
    }
    if there { splits } else { splits.into_keys().map(|split| (split, None)).collect() }
}

/// Length of a performance that another stage makes, seconds.
fn synthetic_s(graph: &Graph, segment: &Node) -> Option<f64> {
    let Some(Source::Output { stage, .. }) = segment.inputs.get("audio") else { return None };
    let synth = graph.node(stage).filter(|node| node.stage.kind() == "synth")?;
    Some(params::<SynthParams>(synth).duration_s)
}

/// The split whose windows a stage is given, perhaps changed.
fn split_of<'g>(graph: &'g Graph, node: &'g Node) -> Option<&'g str> {
    let Some(Source::Output { stage, .. }) = node.inputs.get("index") else { return None };
    stage.strip_prefix("dataset/").or_else(|| split_of(graph, graph.node(stage)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::project::tests::project;

    fn of(dir: &Path, words: &[&str]) -> (Work, SplitWindows, bool) {
        let project = project(dir, &[&["--device", "cpu"], words].concat()).unwrap();
        let compute = project.compute().unwrap();
        let (graph, lacking) = project.graph_to_show(&compute).unwrap();
        let selection = project.selection(&graph, &[]).unwrap();
        let (work, splits) = work(&project, &graph, &selection, 64).unwrap();
        (work, splits, lacking.is_some())
    }

    /// Steps by the second part of the stage id.
    fn steps(work: &Work) -> BTreeMap<&str, u64> {
        let mut sums = BTreeMap::new();
        for training in &work.trainings {
            *sums.entry(training.stage.split('/').nth(1).unwrap()).or_default() += training.steps;
        }
        sums
    }

    #[test]
    fn the_synthetic_campaign_is_counted_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let (work, splits, lacking) = of(dir.path(), &[]);
        assert!(!lacking && !work.at_most);
        // 40 s are 37 windows.
        let expected = [("test", 6 * 37), ("train", 48 * 37), ("validation", 12 * 37)];
        assert_eq!(splits, expected.map(|(split, n)| (split.to_owned(), Some(n))).into());
        // 75 batches an epoch: 1,776 windows would give 111.
        let steps = steps(&work);
        assert_eq!(steps["foundation"], 4 * 75);
        assert_eq!(steps["screening"], 15 * 2 * 75);
        assert_eq!(steps["families"], 13 * 2 * 75);
        assert_eq!(steps["confirmation"], 8 * 4 * 75);
        assert_eq!(steps["replication"], 20 * 4 * 75);
        let of_stage = |stage: &str| {
            work.embeddings.iter().find(|embedding| embedding.stage == stage).and_then(|embedding| embedding.windows)
        };
        assert_eq!(of_stage("train/foundation/D0@cosine4#42"), Some(2 * 444), "two epochs are evaluated");
        assert_eq!(of_stage("embed/test/a4r@cosine4#42"), Some(222));
        let changed = work.embeddings.iter().filter(|embedding| embedding.stage.starts_with("embed/t0"));
        let changed: Vec<_> = changed.map(|embedding| embedding.windows).collect();
        assert!(changed.len() > 20 && changed.iter().all(|&n| n == Some(444)), "{changed:?}");
        let layers = work.embeddings.iter().filter(|embedding| embedding.stage.starts_with("layers/"));
        assert!(layers.clone().count() > 0 && layers.clone().all(|embedding| embedding.windows == Some(240)));
        assert!(work.trainings.iter().all(|training| work.flops[&training.arm] > 0));
    }

    #[test]
    fn without_a_corpus_steps_are_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let (work, splits, lacking) = of(dir.path(), &["--profile", "reference"]);
        assert!(lacking && work.at_most && splits.values().all(Option::is_none));
        let steps = steps(&work);
        assert_eq!(steps["foundation"], 30_000);
        assert_eq!(steps["screening"], 15 * 5_000);
        assert_eq!(steps["replication"], 20 * 30_000);
        assert!(
            work.embeddings
                .iter()
                .all(|embedding| embedding.windows.is_none() != embedding.stage.starts_with("layers/"))
        );
        // d4a4 has the operations of D0 and those of two projections.
        assert!(work.flops["d4a4"] > work.flops["D0"] && work.flops["a4r"] < work.flops["D0"]);
    }

    #[test]
    fn the_table_of_a_corpus_gives_its_windows() {
        let dir = tempfile::tempdir().unwrap();
        let corpus = dir.path().join("corpus");
        fs_err::create_dir_all(&corpus).unwrap();
        let mut rows =
            vec!["canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n".to_owned()];
        for (name, split, seconds) in [("a", "train", 600.0), ("b", "train", 20.5), ("c", "validation", 3.0)] {
            rows.push(format!("X,{name},{split},2004,{name}.midi,{name}.wav,{seconds}\n"));
            for ending in ["midi", "wav"] {
                fs_err::write(corpus.join(format!("{name}.{ending}")), "x").unwrap();
            }
        }
        fs_err::write(corpus.join("maestro-v3.0.0.csv"), rows.concat()).unwrap();
        let words = ["--profile", "reference", "--corpus", corpus.to_str().unwrap()];
        let (work, splits, lacking) = of(dir.path(), &words);
        assert!(!lacking && !work.at_most);
        // 100 of a long one, 17 of 20.5 s, none of 3 s.
        assert_eq!((splits["train"], splits["validation"], splits["test"]), (Some(117), Some(0), Some(0)));
        assert_eq!(steps(&work)["foundation"], 30 * 7, "seven whole batches of 16");
        fs_err::remove_file(corpus.join("b.wav")).unwrap();
        let (work, splits, lacking) = of(dir.path(), &words);
        assert!(lacking && work.at_most && splits["train"].is_none(), "a corpus that cannot be used is as none");
    }

    #[test]
    fn only_narrows_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let (work, ..) = of(dir.path(), &["--only", "train/foundation/*"]);
        assert_eq!(work.trainings.len(), 1);
        assert_eq!(work.embeddings.len(), 1);
        assert_eq!(work.flops.keys().collect::<Vec<_>>(), ["D0"]);
    }

    #[test]
    fn the_work_of_every_profile_can_be_told() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = project(dir.path(), &[]).unwrap().config.profiles.keys().cloned().collect();
        for name in names {
            let (work, ..) = of(dir.path(), &["--profile", &name]);
            assert!(work.trainings.len() > 40 && work.trainings.iter().all(|training| training.steps > 0), "{name}");
        }
    }
}
