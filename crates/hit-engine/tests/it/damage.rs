//! Damaged, truncated and lost objects and records: told, set aside, rebuilt, never used.

use std::collections::BTreeMap;
use std::path::Path;

use hit_engine::Silent;

use crate::common::*;

fn a_out() -> String {
    value("a", 0, 1_000_000, &BTreeMap::new())
}

/// Runs the diamond, damages the object of `a`'s output, edits `d` so that it is read, runs again.
fn after(damage: impl Fn(&Path)) -> (Vec<String>, Vec<String>, tempfile::TempDir) {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    run_all(&engine(dir.path()), &graph(diamond(&log, 0)));
    log.take();
    damage(&object(dir.path(), &a_out()));
    let mut nodes = diamond(&log, 0);
    nodes[3] = Toy::new("d").log(&log).salt(1).node().input("x", "toy/a", "out");
    let heard = Heard::default();
    let summary = run_with(&engine(dir.path()), &graph(nodes), &jobs(2), &heard);
    assert!(summary.complete(), "{summary:?}");
    assert_eq!(fs_err::read_to_string(object(dir.path(), &a_out())).unwrap(), a_out());
    let notes = heard.lines().into_iter().filter(|line| line.starts_with("note")).collect();
    (log.take(), notes, dir)
}

#[test]
fn a_flipped_bit_is_found_when_the_object_is_read() {
    let (executed, notes, dir) = after(flip);
    assert_eq!(executed, ["toy/a", "toy/d"]);
    assert!(notes[0].contains("is damaged: it was set aside; toy/a runs again"), "{notes:?}");
    let damaged: Vec<_> = snapshot(&dir.path().join("damaged-v1")).into_values().collect();
    assert_eq!(damaged.len(), 1);
    assert_ne!(damaged[0], a_out().as_bytes());
}

#[test]
fn a_truncated_or_lost_object_is_found_at_once() {
    for damage in [|path: &Path| overwrite(path, b"a"), |path: &Path| fs_err::remove_file(path).unwrap()] {
        let (executed, notes, _dir) = after(damage);
        assert_eq!(executed, ["toy/a", "toy/d"]);
        assert!(notes[0].contains("output `out` of toy/a is no longer in the store: it runs again"), "{notes:?}");
    }
}

#[test]
fn damage_along_a_chain_is_repaired_from_its_start() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let nodes = |salt| {
        let mut nodes = vec![Toy::new("n0").log(&log).node()];
        for n in 1..6 {
            nodes.push(Toy::new(&format!("n{n}")).log(&log).node().input("x", format!("toy/n{}", n - 1), "out"));
        }
        nodes.push(Toy::new("end").log(&log).salt(salt).node().input("x", "toy/n5", "out").input("y", "toy/n2", "out"));
        nodes
    };
    run_all(&engine(dir.path()), &graph(nodes(0)));
    log.take();
    for path in objects(dir.path()).keys() {
        flip(path);
    }
    let summary = run_with(&engine(dir.path()), &graph(nodes(1)), &jobs(3), &Silent);
    assert!(summary.complete(), "{summary:?}");
    assert_eq!(log.take(), ["toy/end", "toy/n0", "toy/n1", "toy/n2", "toy/n3", "toy/n4", "toy/n5"]);
    assert_eq!(run_all(&engine(dir.path()), &graph(nodes(1))).executed.len(), 0);
}

#[test]
fn damaged_records_are_set_aside() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let graph = graph(diamond(&log, 0));
    run_all(&engine(dir.path()), &graph);
    log.take();
    let records = dir.path().join("records-v1");
    for (damaged, bytes) in [(1, &b""[..]), (2, b"{}"), (3, b"\xff\xfe"), (4, b"{\"sum\":\"")] {
        let name = snapshot(&records).keys().next().unwrap().clone();
        overwrite(&records.join(name), bytes);
        let heard = Heard::default();
        let summary = run_with(&engine(dir.path()), &graph, &jobs(2), &heard);
        assert_eq!((summary.executed.len(), summary.cached.len()), (1, 3));
        assert!(heard.lines().iter().any(|line| line.contains("was damaged") && line.contains("set aside")));
        assert_eq!(snapshot(&dir.path().join("damaged-v1")).len(), damaged);
    }
}

#[test]
fn broken_bookkeeping_costs_reasons_not_results() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let graph = graph(diamond(&log, 0));
    run_all(&engine(dir.path()), &graph);
    overwrite(&dir.path().join("latest-v1/stages.json"), b"not json");
    fs_err::write(dir.path().join("stat-v1.json"), "[1,").unwrap();
    assert_eq!(run_all(&engine(dir.path()), &graph).cached.len(), 4);
}

#[test]
fn a_stage_whose_output_always_rots_fails_its_reader_in_the_end() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let cache = dir.path().to_owned();
    // The reader's own work damages what it reads, and then pretends not to be finished.
    let path = object(&cache, &a_out());
    let sabotage = Act::Custom(std::sync::Arc::new(move |cx| {
        let good = fs_err::read(&cx.file("x")?.path)?;
        assert_eq!(good, a_out().as_bytes(), "never shown anything damaged");
        flip(&path);
        Err(hit_stage::StageError::failed("once more"))
    }));
    let nodes = vec![Toy::new("a").log(&log).node(), Toy::new("b").act(sabotage).node().input("x", "toy/a", "out")];
    for _ in 0..3 {
        let summary = run_with(&engine(&cache), &graph(nodes.clone()), &jobs(1), &Silent);
        assert_eq!(summary.failed[0].error, "once more");
    }
    assert_eq!(log.take().len(), 3, "rebuilt before each reading");
}

#[test]
fn a_rebuild_that_gives_other_bytes_moves_everything_after_it() {
    // A stage that breaks its promise: each execution gives another number. Nothing may mix the old with the new.
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let moody = Act::Custom(std::sync::Arc::new(move |cx| {
        fs_err::create_dir_all(cx.output("tree")?)?;
        cx.write("out", format!("mood {}", count.fetch_add(1, std::sync::atomic::Ordering::SeqCst)))
    }));
    let nodes = |salt| {
        let toy = |label: &str| Toy::new(label).log(&log);
        vec![
            toy("a").act(moody.clone()).node().export("out", "a"),
            toy("b").node().input("x", "toy/a", "out").export("tree", "b"),
            toy("c").node().input("x", "toy/b", "out").export("tree", "c"),
            toy("d").salt(salt).node().input("x", "toy/a", "out").input("c", "toy/c", "out").export("tree", "d"),
        ]
    };
    run_all(&engine(dir.path()), &graph(nodes(0)));
    log.take();
    flip(&object(dir.path(), "mood 0"));
    let graph = graph(nodes(1));
    run_all(&engine(dir.path()), &graph);
    assert_eq!(log.take(), ["toy/a", "toy/b", "toy/c", "toy/d"]);
    let results = dir.path().join("results");
    engine(dir.path()).export(&graph, &results, &serde_json::json!({})).unwrap();
    let files = snapshot(&results);
    assert_eq!(
        (&files["a"][..], &files["b/x"][..], &files["d/x"][..]),
        (&b"mood 1"[..], &b"b<-mood 1"[..], &b"d<-mood 1"[..])
    );
    assert_eq!(run_all(&engine(dir.path()), &graph).executed.len(), 0);
}
