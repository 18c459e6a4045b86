//! Results folders, locks and explanations.

use std::collections::BTreeMap;

use hit_engine::{EngineError, Lock, Origin};
use serde_json::json;

use crate::common::*;

#[test]
fn the_same_bytes_from_an_empty_cache_and_on_a_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let graph = graph(diamond(&Log::default(), 0));
    let mut all = Vec::new();
    for n in 0..2 {
        let (cache, results) = (dir.path().join(format!("cache{n}")), dir.path().join(format!("results{n}")));
        run_all(&engine(&cache), &graph);
        let first = engine(&cache).export(&graph, &results, &json!({"run": n})).unwrap();
        assert_eq!((first.written.len(), first.unchanged), (6, 0));
        let before = snapshot(&results);
        run_all(&engine(&cache), &graph);
        let second = engine(&cache).export(&graph, &results, &json!({"run": "repeat"})).unwrap();
        assert_eq!((second.written.len(), second.unchanged, second.deleted.len()), (0, 4, 0));
        assert_eq!(snapshot(&results), before, "provenance included");
        all.push(before);
    }
    for files in &mut all {
        assert!(files.remove("provenance.json").is_some());
    }
    assert_eq!(all[0], all[1]);
    let lock: serde_json::Value = serde_json::from_slice(&all[0]["pipeline.lock"]).unwrap();
    assert_eq!(lock["stages"].as_object().unwrap().len(), 4);
    assert_eq!(lock["stages"]["toy/d"]["exports"]["d.txt"], lock["stages"]["toy/d"]["outputs"]["out"]);
}

#[test]
fn what_is_made_no_longer_is_removed_and_what_is_foreign_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let two = graph(vec![
        Toy::new("a").node().export("out", "tables/deep/a.tex").export("tree", "tree"),
        Toy::new("b").node().input("x", "toy/a", "out").export("tree", "b").export("out", "b.txt"),
    ]);
    run_all(&engine(&cache), &two);
    engine(&cache).export(&two, &results, &json!({})).unwrap();
    fs_err::write(results.join("mine.txt"), "mine").unwrap();
    fs_err::write(results.join(".hit-tmp-left"), "a kill left this").unwrap();
    assert!(results.join("b/x").exists());

    let one = graph(vec![Toy::new("a").node().export("out", "a.tex")]);
    run_all(&engine(&cache), &one);
    let exported = engine(&cache).export(&one, &results, &json!({})).unwrap();
    assert_eq!(exported.deleted, ["tables/deep/a.tex", "b.txt", "b/x"]);
    let left: Vec<_> = snapshot(&results).into_keys().collect();
    assert_eq!(left, ["a.tex", "mine.txt", "pipeline.lock", "provenance.json"]);
    assert!(!results.join("tables").exists());
}

#[test]
fn an_edited_lock_cannot_make_export_delete_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let graph = graph(vec![Toy::new("a").node().export("out", "a.txt")]);
    run_all(&engine(&cache), &graph);
    engine(&cache).export(&graph, &results, &json!({})).unwrap();
    fs_err::write(dir.path().join("precious"), "x").unwrap();
    let path = results.join("pipeline.lock");
    let text = fs_err::read_to_string(&path).unwrap().replace("\"a.txt\"", "\"../precious\"");
    fs_err::write(&path, text).unwrap();
    engine(&cache).export(&graph, &results, &json!({})).unwrap();
    assert!(dir.path().join("precious").exists());
}

#[test]
fn edited_and_lost_results_are_put_right() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let graph = graph(diamond(&Log::default(), 0));
    run_all(&engine(&cache), &graph);
    engine(&cache).export(&graph, &results, &json!({})).unwrap();
    let before = snapshot(&results);
    flip(&results.join("a.txt"));
    fs_err::remove_file(results.join("b.txt")).unwrap();
    fs_err::write(results.join("pipeline.lock"), "rubbish").unwrap();
    let exported = engine(&cache).export(&graph, &results, &json!({})).unwrap();
    assert_eq!(exported.written, ["a.txt", "b.txt", "pipeline.lock", "provenance.json"]);
    assert_eq!(snapshot(&results), before);
}

#[test]
fn unfinished_graphs_are_not_exported() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let graph = graph(diamond(&Log::default(), 0));
    let error = engine(&cache).export(&graph, &results, &json!({})).unwrap_err();
    assert!(error.to_string().starts_with("results are not written: stage `toy/a` is not finished"), "{error}");
    assert!(!results.exists());
    run_all(&engine(&cache), &graph);
    flip(&object(&cache, &value("a", 0, 1_000_000, &BTreeMap::new())));
    let error = engine(&cache).export(&graph, &results, &json!({})).unwrap_err();
    assert!(matches!(&error, EngineError::ObjectLost { stage, output, .. } if stage == "toy/a" && output == "out"));
    run_all(&engine(&cache), &graph);
    engine(&cache).export(&graph, &results, &json!({})).unwrap();
}

#[test]
fn explanations_lead_back_to_files() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let file = dir.path().join("corpus.csv");
    fs_err::write(&file, "x").unwrap();
    let graph = graph(vec![
        Toy::new("a").node().external("csv", &file, None),
        Toy::new("b#1").node().input("x", "toy/a", "out").input("y", "toy/a", "tree"),
        Toy::new("c")
            .node()
            .input("x", "toy/b#1", "out")
            .lineage("lineage")
            .export("out", "t/c.csv")
            .export("tree", "tree"),
    ]);
    run_all(&engine(&cache), &graph);
    let lock = engine(&cache).export(&graph, &results, &json!({})).unwrap().lock;
    let explain = |what: &str| engine(&cache).explain(&graph, &results, what);
    let full = explain("t/c.csv").unwrap();
    assert_eq!(full.digest, Some(lock.stages["toy/c"].exports["t/c.csv"].digest));
    let c = &full.from[0];
    assert_eq!(
        c.origin,
        Origin::Stage { stage: "toy/c".into(), output: Some("out".into()), key: Some(lock.stages["toy/c"].key) }
    );
    assert_eq!(c.from[0].origin, Origin::Lineage);
    let b = &c.from[1];
    assert_eq!(b.from.len(), 2);
    assert_eq!(b.from[0].from[0].origin, Origin::External { path: file.clone() });
    assert_eq!(b.from[0].from[0].digest, Some(hit_stage::Digest::of(b"x")));
    assert!(b.from[1].repeated && b.from[1].from.is_empty(), "shown once");
    // Other ways to name things.
    assert_eq!(explain("t/c.csv#d4a4.s").unwrap(), full);
    assert_eq!(explain(results.join("t/c.csv").to_str().unwrap()).unwrap(), full);
    assert_eq!(explain("toy/b#1").unwrap().from.len(), 2);
    assert_eq!(explain("toy/b#1:tree").unwrap().from.len(), 2);
    assert!(matches!(explain("tree/x").unwrap().origin, Origin::Export { path } if path == "tree/x"));
    let error = explain("t/d.csv").unwrap_err().to_string();
    assert!(error.ends_with("did you mean t/c.csv?"), "{error}");
    assert!(explain("toy/b#1:none").is_err());
}

#[test]
fn locks_of_exports_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let graph = graph(vec![Toy::new("a").device().node().export("tree", "t")]);
    run_all(&engine(&cache), &graph);
    let lock = engine(&cache).export(&graph, &results, &json!({})).unwrap().lock;
    assert_eq!(Lock::read(&results.join("pipeline.lock")).unwrap().unwrap(), lock);
    assert_eq!(lock.stages["toy/a"].backend.as_deref(), Some("flex"));
    assert_eq!(lock.campaign, lock.campaign_digest());
}
