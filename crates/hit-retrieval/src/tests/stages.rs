//! The two stages over files.

use std::collections::BTreeMap;
use std::path::Path;

use hit_schema::{Embeddings, RankRow, Selection, SplitIndex};
use hit_stage::{Context, Digest, FileRef, OpenFile, OpenTree, Opened, Stage, StageError};
use hit_stats::Measurement;

use super::{embeddings, noise, spec, usual};
use crate::{BootstrapSpec, Intervals, Ranked, RetrievalSpec, Retrieve, Select, chance_s, scores};

const BOOTSTRAP: BootstrapSpec = BootstrapSpec { resamples: 200, level: 0.95 };

fn opened(path: &Path) -> OpenFile {
    OpenFile {
        path: path.to_owned(),
        file: FileRef { digest: Digest::of(path.as_os_str().as_encoded_bytes()), size: 0 },
    }
}

/// Embeddings of which `quality` is the part that audio and MIDI share.
fn model(index: &SplitIndex, epoch: usize, quality: f32) -> Embeddings {
    let n = index.n_windows() * 12;
    let (shared, own) = (noise(n, 1), noise(n, 2));
    let midi = shared.iter().zip(&own).map(|(s, o)| quality * s + (1.0 - quality) * o).collect();
    embeddings(index, epoch, 12, shared, midi)
}

fn context(dir: &Path, index: &SplitIndex, models: &[Embeddings]) -> Context {
    let mut cx = Context::new(dir.join("out"), dir.join("scratch"));
    fs_err::write(dir.join("index"), index.to_json()).unwrap();
    let mut tree = BTreeMap::new();
    for model in models {
        let entry = Embeddings::entry(model.epoch);
        model.write(&dir.join(&entry)).unwrap();
        tree.insert(entry.clone(), opened(&dir.join(&entry)));
    }
    cx.inputs.insert("index".into(), Opened::File(opened(&dir.join("index"))));
    cx.inputs.insert("embeddings".into(), Opened::Tree(OpenTree(tree)));
    cx
}

fn retrieve() -> Retrieve {
    Retrieve {
        run: "d4a4@cosine30#123".parse().unwrap(),
        stage: "replication".to_owned(),
        condition: String::new(),
        spec: spec(),
    }
}

fn table(dir: &Path) -> Vec<Measurement> {
    Measurement::read(&dir.join("out/measurements")).unwrap()
}

fn value(rows: &[Measurement], condition: &str, metric: &str) -> f64 {
    let found: Vec<_> = rows.iter().filter(|row| row.condition == condition && row.metric == metric).collect();
    assert_eq!(found.len(), 1, "{condition} {metric}");
    found[0].value
}

#[test]
fn the_best_epoch_is_selected_and_every_epoch_reported() {
    let dir = tempfile::tempdir().unwrap();
    let index = usual();
    let models = [model(&index, 1, 0.1), model(&index, 5, 0.8), model(&index, 10, 0.5)];
    let mut cx = context(dir.path(), &index, &models);
    retrieve().run(&mut cx).unwrap();

    let selection = Selection::read(&dir.path().join("out/selection")).unwrap();
    let rows = table(dir.path());
    assert_eq!(selection.epoch, 5);
    assert_eq!(selection.s, value(&rows, "selected", "s"));
    assert_eq!(selection.s, value(&rows, "epoch=005", "s"));
    assert!(value(&rows, "epoch=001", "s") < value(&rows, "epoch=010", "s"));
    assert!(value(&rows, "epoch=010", "s") < selection.s);

    // Three values of S and hard negatives, six of each direction; chance levels at the selected epoch only.
    for (condition, n) in [("epoch=001", 15), ("epoch=005", 15), ("epoch=010", 15), ("selected", 20)] {
        assert_eq!(rows.iter().filter(|row| row.condition == condition).count(), n, "{condition}");
    }
    assert_eq!(value(&rows, "selected", "chance_r10"), 25.0);
    assert_eq!(value(&rows, "selected", "chance_s"), chance_s(60, 40));
    for row in &rows {
        assert_eq!(
            (row.stage.as_str(), row.arm.as_str(), row.schedule.as_str(), row.seed),
            ("replication", "d4a4", "cosine30", Some(123))
        );
        assert_eq!(row.n, Some(if row.metric.starts_with("hard") { 200 } else { 60 }));
        assert_eq!(row.interval, None);
    }
    let s = value(&rows, "selected", "s");
    assert_eq!(s, value(&rows, "selected", "r10_a2m").min(value(&rows, "selected", "r10_m2a")));
}

#[test]
fn intervals_stand_around_the_selected_scores_and_change_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let index = usual();
    retrieve().run(&mut context(dir.path(), &index, &[model(&index, 1, 0.2), model(&index, 5, 0.4)])).unwrap();
    let before = table(dir.path());
    let after = |bootstrap: BootstrapSpec, seed: u64| -> Result<Vec<Measurement>, StageError> {
        let out = tempfile::tempdir().unwrap();
        let mut cx = Context::new(out.path(), out.path().join("scratch"));
        for name in ["measurements", "ranks"] {
            let path = dir.path().join("out").join(name);
            cx.inputs.insert(name.into(), Opened::File(opened(&path)));
        }
        Intervals { bootstrap, seed }.run(&mut cx)?;
        Ok(Measurement::read(&out.path().join("measurements")).unwrap())
    };
    let rows = after(BOOTSTRAP, 42).unwrap();
    for (old, row) in before.iter().zip(&rows) {
        let with_interval = row.condition == "selected" && ["s", "r10_a2m", "r10_m2a"].contains(&row.metric.as_str());
        assert_eq!(row.interval.is_some(), with_interval, "{row:?}");
        assert_eq!(&Measurement { interval: None, ..row.clone() }, old);
        if let Some((low, high)) = row.interval {
            assert!(low <= row.value && row.value <= high && high - low < 50.0, "{row:?}");
        }
    }
    assert_eq!(rows, after(BOOTSTRAP, 42).unwrap());
    assert_ne!(rows, after(BOOTSTRAP, 43).unwrap(), "the seed decides the resamples");
    for (bad, field) in [
        (BootstrapSpec { resamples: 0, ..BOOTSTRAP }, "bootstrap.resamples"),
        (BootstrapSpec { level: 95.0, ..BOOTSTRAP }, "bootstrap.level"),
    ] {
        let error = after(bad, 42).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn ranks_are_those_of_the_selected_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let index = usual();
    let mut cx = context(dir.path(), &index, &[model(&index, 2, 0.7), model(&index, 3, 0.2)]);
    retrieve().run(&mut cx).unwrap();
    let path = dir.path().join("out/ranks");
    let ranked = Ranked::read(&path).unwrap();
    assert_eq!(ranked.len(), 60);
    assert_eq!(scores(&ranked).s(), value(&table(dir.path()), "epoch=002", "s"));
    let last = Ranked::read(&dir.path().join("out/ranks_last")).unwrap();
    assert_eq!(scores(&last).s(), value(&table(dir.path()), "epoch=003", "s"), "whatever is selected");
    // The common columns read as the shared type, too.
    let rows = RankRow::read(&path).unwrap();
    assert!(rows.iter().zip(&ranked).all(|(row, r)| row.rank_a2m == r.a2m.mean && row.performance == r.performance));

    fs_err::write(&path, "window,performance,rank_a2m,rank_m2a,ties_a2m,ties_m2a\n1,p,1.0,1.0,1,1\n2,p,x,1.0,1,1\n")
        .unwrap();
    assert!(Ranked::read(&path).unwrap_err().to_string().contains("line: 3"));
    for line in ["1,p,0.5,1,1,1", "1,p,1,1,0,1", "1,p,1,NaN,1,1", "1,p,2,1,9,1"] {
        fs_err::write(&path, format!("window,performance,rank_a2m,rank_m2a,ties_a2m,ties_m2a\n{line}\n")).unwrap();
        assert!(Ranked::read(&path).is_err(), "{line}");
    }
}

#[test]
fn among_equals_the_first_epoch_is_selected() {
    let dir = tempfile::tempdir().unwrap();
    let index = usual();
    let models = [model(&index, 3, 0.5), model(&index, 9, 1.0), model(&index, 11, 1.0), model(&index, 1000, 1.0)];
    retrieve().run(&mut context(dir.path(), &index, &models)).unwrap();
    assert_eq!(Selection::read(&dir.path().join("out/selection")).unwrap().epoch, 9);
}

#[test]
fn a_condition_is_part_of_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let index = usual();
    let ablated = Retrieve { condition: "zero_a4".into(), ..retrieve() };
    ablated.run(&mut context(dir.path(), &index, &[model(&index, 5, 0.6)])).unwrap();
    let rows = table(dir.path());
    assert!(rows.iter().all(|row| ["zero_a4/epoch=005", "zero_a4/selected"].contains(&row.condition.as_str())));
}

#[test]
fn what_cannot_be_evaluated_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let index = usual();
    let fails = |retrieve: &Retrieve, cx: &mut Context| retrieve.run(cx).unwrap_err().to_string();
    assert!(fails(&retrieve(), &mut context(dir.path(), &index, &[])).contains("no epoch"));
    let many = Retrieve { spec: RetrievalSpec { n_queries: 500, ..spec() }, ..retrieve() };
    assert!(fails(&many, &mut context(dir.path(), &index, &[model(&index, 1, 0.5)])).contains("n_queries"));

    let mut cx = context(dir.path(), &index, &[model(&index, 1, 0.5)]);
    let Some(Opened::Tree(tree)) = cx.inputs.get_mut("embeddings") else { unreachable!("just inserted") };
    let file = tree.0.remove("e001.safetensors").unwrap();
    tree.0.insert("e002.safetensors".into(), file);
    let error = fails(&retrieve(), &mut cx);
    assert!(error.contains("`e002.safetensors`: they are of epoch 1"), "{error}");

    let mut cx = context(dir.path(), &index, &[model(&index, 1, 0.5)]);
    cx.cancel.request();
    assert!(matches!(retrieve().run(&mut cx), Err(StageError::Cancelled)));
    cx.inputs.remove("index");
    assert!(matches!(retrieve().run(&mut cx), Err(StageError::NoInput { .. })));
}

/// All queries from one performance: the numbers stand, without an interval.
#[test]
fn a_single_performance_of_queries_has_no_interval() {
    let dir = tempfile::tempdir().unwrap();
    let index = super::split(&[("x", 12), ("y", 3)]);
    let small = RetrievalSpec { n_queries: 1, pool_size: 4, n_hard: 1, n_semi_hard: 0, ..spec() };
    let model = model(&index, 1, 0.9);
    Retrieve { spec: small, ..retrieve() }.run(&mut context(dir.path(), &index, &[model])).unwrap();
    assert!(table(dir.path()).iter().all(|row| row.interval.is_none()));
}

#[test]
fn what_was_selected_is_linked() {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
    let selection = Selection { epoch: 25, s: 61.8, rule: "best".into() };
    fs_err::write(dir.path().join("selection"), hit_stage::canonical_json(&selection)).unwrap();
    cx.inputs.insert("selection".into(), Opened::File(opened(&dir.path().join("selection"))));
    let files = [5, 25, 30].map(|epoch| (Embeddings::entry(epoch), opened(&dir.path().join(format!("{epoch}")))));
    let tree = OpenTree(BTreeMap::from(files));
    let other = [5, 25].map(|epoch| (Embeddings::entry(epoch), opened(&dir.path().join(format!("{}", epoch + 1)))));
    let embeddings = OpenTree(BTreeMap::from(other));
    let expected = [tree.0["e025.safetensors"].file, embeddings.0["e025.safetensors"].file];
    cx.inputs.insert("checkpoints".into(), Opened::Tree(tree.clone()));
    cx.inputs.insert("embeddings".into(), Opened::Tree(embeddings));
    Select {}.run(&mut cx).unwrap();
    let linked = |output: &str, entry: &str| cx.linked[&(output.to_owned(), entry.to_owned())];
    assert_eq!([linked("checkpoint", ""), linked("embeddings", "e025.safetensors")], expected);
    assert_eq!(cx.linked.len(), 2, "one epoch of each");

    for missing in ["checkpoints", "embeddings"] {
        for name in ["checkpoints", "embeddings"] {
            let tree = if name == missing { OpenTree::default() } else { tree.clone() };
            cx.inputs.insert(name.into(), Opened::Tree(tree));
        }
        let error = Select {}.run(&mut cx).unwrap_err().to_string();
        assert!(error.contains("epoch 25 was selected") && error.contains(missing), "{error}");
        assert!(error.contains("`e025.safetensors`"), "{error}");
    }
}

/// Parameters are the key and the file that users write: their names are a contract.
#[test]
fn parameters_read_back() {
    let text = r#"{"hard_min_windows":5,"hard_trials":200,"n_hard":10,"n_queries":60,"n_semi_hard":6,"pool_size":40,"seed":42}"#;
    assert_eq!(hit_stage::canonical_json(&spec()), text);
    assert_eq!(serde_json::from_str::<RetrievalSpec>(text).unwrap(), spec());
    assert!(serde_json::from_str::<RetrievalSpec>(&text.replace("\"seed\":42", "\"sed\":42")).is_err());
    let key = hit_stage::canonical_json(&retrieve());
    assert!(key.contains(r#""run":"d4a4@cosine30#123""#) && key.contains(r#""condition":"""#), "{key}");
}
