//! Collecting garbage.

use hit_engine::{EngineError, Keep};
use hit_stage::Cancel;
use serde_json::json;

use crate::common::*;

#[test]
fn nothing_that_a_lock_or_a_graph_needs_goes() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let (old, new) = (graph(diamond(&log, 1)), graph(diamond(&log, 2)));
    run_all(&engine(&cache), &old);
    let lock = engine(&cache).export(&old, &results, &json!({})).unwrap().lock;
    run_all(&engine(&cache), &new);
    let before = objects(&cache).len();
    log.take();

    let keep = Keep { graphs: std::slice::from_ref(&new), locks: std::slice::from_ref(&lock) };
    let nothing = engine(&cache).gc(keep, false).unwrap();
    assert_eq!((nothing.removed.len(), nothing.bytes), (0, 0));
    assert_eq!(nothing.kept_objects, before);

    let keep = Keep { graphs: &[], locks: std::slice::from_ref(&lock) };
    let would = engine(&cache).gc(keep, true).unwrap();
    assert_eq!(objects(&cache).len(), before, "a dry run removes nothing");
    let did = engine(&cache).gc(keep, false).unwrap();
    assert_eq!(did, would);
    assert!(did.bytes > 0 && did.removed.iter().any(|path| path.starts_with("records-v1")));
    assert_eq!(objects(&cache).len(), did.kept_objects);
    assert_eq!(run_all(&engine(&cache), &old).executed.len(), 0);
    assert_eq!(run_all(&engine(&cache), &new).executed.len(), 4);

    let keep = Keep { graphs: std::slice::from_ref(&new), locks: &[] };
    engine(&cache).gc(keep, false).unwrap();
    assert_eq!(run_all(&engine(&cache), &new).executed.len(), 0);
    engine(&cache).gc(Keep::default(), false).unwrap();
    assert!(objects(&cache).is_empty());
}

#[test]
fn halves_of_wanted_work_stay_and_rubbish_goes() {
    let dir = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    let train = |to, cancel: &Cancel| {
        let act = Act::Count { to, stop_after: 2, cancel: cancel.clone() };
        graph(vec![Toy::new("train").salt(to).act(act).node()])
    };
    for to in [10, 20] {
        let cancel = Cancel::default();
        let graph = train(to, &cancel);
        engine(dir.path()).run(&graph, &graph.all(), &jobs(1), &hit_engine::Silent, &cancel).unwrap();
    }
    fs_err::create_dir_all(dir.path().join("damaged-v1")).unwrap();
    fs_err::write(dir.path().join("damaged-v1/x.0"), "x").unwrap();
    fs_err::create_dir_all(dir.path().join("objects-v1/zz")).unwrap();
    fs_err::write(dir.path().join("objects-v1/zz/not-a-digest"), "x").unwrap();
    assert_eq!(snapshot(&dir.path().join("scratch-v1")).len(), 2);
    let wanted = [train(20, &cancel)];
    let report = engine(dir.path()).gc(Keep { graphs: &wanted, locks: &[] }, false).unwrap();
    assert_eq!(report.removed.len(), 3, "{report:?}");
    assert_eq!(snapshot(&dir.path().join("scratch-v1")).len(), 1);
    assert!(!dir.path().join("objects-v1/zz").exists());
}

#[test]
fn a_store_in_use_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().to_owned();
    let act = Act::Custom(std::sync::Arc::new(move |cx| {
        let error = engine(&cache).gc(Keep::default(), false).unwrap_err();
        assert!(matches!(error, EngineError::Busy(_)));
        fs_err::create_dir_all(cx.output("tree")?)?;
        cx.write("out", error.to_string())
    }));
    run_all(&engine(dir.path()), &graph(vec![Toy::new("a").act(act).node()]));
}
