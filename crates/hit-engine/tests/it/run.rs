//! Running: order, caching, early cut-off, failures, devices.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use hit_engine::{Node, RunOptions, Silent};
use hit_stage::{Cancel, Context, FileRef, StageError};

use crate::common::*;

fn custom(act: impl Fn(&mut Context) -> Result<(), StageError> + Send + Sync + 'static) -> Act {
    Act::Custom(Arc::new(act))
}

#[test]
fn the_second_run_does_nothing() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let graph = graph(diamond(&log, 0));
    let first = run_all(&engine(dir.path()), &graph);
    assert_eq!(first.executed, ["toy/a", "toy/b", "toy/c", "toy/d"]);
    assert_eq!(log.take().len(), 4);
    let second = run_all(&engine(dir.path()), &graph);
    assert_eq!((second.executed.len(), second.cached.len(), log.take().len()), (0, 4, 0));
}

#[test]
fn equal_bytes_stop_the_wave() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let nodes = |salt| {
        let toy = |label: &str| Toy::new(label).log(&log);
        vec![
            toy("a").salt(salt).modulo(1).node(),
            toy("b").node().input("x", "toy/a", "out"),
            toy("c").node().input("x", "toy/b", "out"),
        ]
    };
    run_all(&engine(dir.path()), &graph(nodes(1)));
    log.take();
    assert_eq!(run_all(&engine(dir.path()), &graph(nodes(2))).executed, ["toy/a"]);
    assert_eq!(log.take(), ["toy/a"]);
}

#[test]
fn equal_work_under_two_names_is_done_once() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let toy = || Toy::new("same").log(&log).act(Act::Sleep(Duration::from_millis(20)));
    let nodes = vec![Node::new("x/one", toy()), Node::new("x/two", toy()), Node::new("x/three", toy())];
    let summary = run_with(&engine(dir.path()), &graph(nodes), &jobs(3), &Silent);
    assert_eq!((summary.executed.len(), summary.cached.len()), (1, 2));
    assert_eq!(log.take().len(), 1);
}

#[test]
fn a_failure_stops_only_what_needs_it() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let nodes = |bad: Act| {
        let toy = |label: &str| Toy::new(label).log(&log);
        vec![
            toy("bad").act(bad).node(),
            toy("after").node().input("x", "toy/bad", "out"),
            toy("last").node().input("x", "toy/after", "out"),
            toy("free").node(),
        ]
    };
    let heard = Heard::default();
    let summary = run_with(&engine(dir.path()), &graph(nodes(Act::Fail)), &jobs(1), &heard);
    assert_eq!(summary.executed, ["toy/free"]);
    assert_eq!(
        (summary.failed[0].stage.as_str(), summary.failed[0].error.as_str()),
        ("toy/bad", "it was told to fail")
    );
    let not_run: Vec<_> = summary.not_run.iter().map(|other| (other.stage.as_str(), other.because.as_str())).collect();
    assert_eq!(not_run, [("toy/after", "toy/bad"), ("toy/last", "toy/bad")]);
    assert!(!summary.cancelled && !summary.complete());
    assert!(heard.lines().contains(&"failed toy/bad: it was told to fail".to_owned()));
    // A panic is a failure as well, and the store is as usable as before.
    let summary = run_with(&engine(dir.path()), &graph(nodes(Act::Panic)), &jobs(2), &Silent);
    assert_eq!(summary.failed[0].error, "panicked: it was told to panic");
    assert_eq!(run_all(&engine(dir.path()), &graph(nodes(Act::Nothing))).executed.len(), 3);
}

#[test]
fn without_keep_going_nothing_starts_after_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let nodes = vec![Toy::new("a").act(Act::Fail).node(), Toy::new("b").node()];
    let options = RunOptions { keep_going: false, ..jobs(1) };
    let summary = run_with(&engine(dir.path()), &graph(nodes), &options, &Silent);
    assert_eq!((summary.executed.len(), summary.failed.len()), (0, 1));
    assert_eq!(summary.not_run[0].because, "toy/a");
}

#[test]
fn independent_stages_run_side_by_side() {
    // Each waits until the other has begun: with one after the other this would never end.
    let (dir, barrier) = (tempfile::tempdir().unwrap(), Arc::new(Barrier::new(2)));
    let meet = |label: &str| {
        let barrier = barrier.clone();
        let act = custom(move |cx| {
            barrier.wait();
            fs_err::create_dir_all(cx.output("tree")?)?;
            cx.write("out", "")
        });
        Toy::new(label).act(act).node()
    };
    let summary = run_with(&engine(dir.path()), &graph(vec![meet("a"), meet("b")]), &jobs(2), &Silent);
    assert_eq!(summary.executed.len(), 2);
}

#[test]
fn device_slots_are_never_shared() {
    let dir = tempfile::tempdir().unwrap();
    let users: Arc<[AtomicUsize; 2]> = Arc::default();
    let node = |n: usize| {
        let users = users.clone();
        let act = custom(move |cx| {
            let slot: usize = cx.device.strip_prefix("cuda:").unwrap().parse().unwrap();
            assert_eq!(users[slot].fetch_add(1, Ordering::SeqCst), 0, "alone on the device");
            std::thread::sleep(Duration::from_millis(5));
            users[slot].fetch_sub(1, Ordering::SeqCst);
            assert_eq!(cx.threads, 3);
            fs_err::create_dir_all(cx.output("tree")?)?;
            cx.write("out", "")
        });
        Toy::new(&format!("n{n}")).device().act(act).node()
    };
    let devices = vec!["cuda:0".to_owned(), "cuda:1".to_owned()];
    let options = RunOptions { jobs: 6, devices, threads_per_stage: 3, keep_going: true };
    let summary = run_with(&engine(dir.path()), &graph((0..8).map(node).collect()), &options, &Silent);
    assert!(summary.complete(), "{summary:?}");
}

#[test]
fn only_the_selected_run() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let graph = graph(diamond(&log, 0));
    let selection = graph.select(&["toy/b"]).unwrap();
    let done = engine(dir.path()).run(&graph, &selection, &jobs(2), &Silent, &Cancel::default()).unwrap();
    assert_eq!(done.executed, ["toy/a", "toy/b"]);
    assert_eq!(log.take(), ["toy/a", "toy/b"]);
}

#[test]
fn stages_that_break_the_contract_are_told() {
    let fails = |act: Act| {
        let dir = tempfile::tempdir().unwrap();
        let nodes = vec![Toy::new("x").act(act).node()];
        let summary = run_with(&engine(dir.path()), &graph(nodes), &jobs(1), &Silent);
        assert!(snapshot(&dir.path().join("records-v1")).is_empty(), "nothing is recorded");
        summary.failed[0].error.clone()
    };
    let gone = FileRef { digest: hit_stage::Digest::of(b"gone"), size: 4 };
    assert_eq!(fails(custom(|cx| cx.write("tree", ""))), "output `out`: the stage did not write it");
    assert!(
        fails(custom(|cx| cx.write("other", ""))).contains("wrote `other`, which is none of its outputs (out, tree)")
    );
    assert!(fails(custom(|_| Err(StageError::Cancelled))).contains("stopped on request"));
    assert!(fails(custom(|cx| cx.file("none").map(drop))).contains("no input `none` of the form file"));
    assert!(fails(custom(move |cx| cx.link_file("out", gone))).contains("which the store does not have"));
    let link = custom(|cx| {
        std::os::unix::fs::symlink("/etc/passwd", cx.output("out")?)?;
        cx.write("tree", "")
    });
    assert!(fails(link).contains("neither one file nor a folder"));
    let spaced = custom(|cx| {
        fs_err::create_dir(cx.output("tree")?)?;
        fs_err::write(cx.output("tree")?.join("a b"), "")?;
        cx.write("out", "")
    });
    assert!(fails(spaced).contains("`a b` cannot name a file in a tree"));
}

#[test]
fn linked_outputs_share_the_object() {
    let dir = tempfile::tempdir().unwrap();
    let pass = custom(|cx| {
        let input = cx.file("x")?.file;
        cx.link_file("out", input)?;
        cx.link("tree", "copy/of/x", input)?;
        fs_err::write(cx.output_in("tree", "own")?, "own")?;
        Ok(())
    });
    let nodes = vec![
        Toy::new("a").node(),
        Toy::new("b").act(pass).node().input("x", "toy/a", "out").export("tree", "t").export("out", "o"),
        Toy::new("c").node().input("x", "toy/b", "out").input("t", "toy/b", "tree").export("out", "c"),
    ];
    let graph = graph(nodes);
    run_all(&engine(dir.path()), &graph);
    let results = dir.path().join("results");
    engine(dir.path()).export(&graph, &results, &serde_json::json!({})).unwrap();
    let files = snapshot(&results);
    assert_eq!(files["t/copy/of/x"], files["o"]);
    assert_eq!(files["t/own"], b"own");
}

#[test]
fn external_files_are_watched() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let file = dir.path().join("corpus.csv");
    let cache = dir.path().join("cache");
    let nodes = |recorded| vec![Toy::new("a").log(&log).node().external("x", &file, recorded)];
    let missing = run_with(&engine(&cache), &graph(nodes(None)), &jobs(1), &Silent);
    assert!(missing.failed[0].error.contains("there is no file") && missing.failed[0].error.contains("corpus.csv"));
    fs_err::write(&file, "one").unwrap();
    assert_eq!(run_all(&engine(&cache), &graph(nodes(None))).executed.len(), 1);
    fs_err::write(&file, "two").unwrap();
    assert_eq!(run_all(&engine(&cache), &graph(nodes(None))).executed.len(), 1);
    fs_err::write(&file, "one").unwrap();
    assert_eq!(run_all(&engine(&cache), &graph(nodes(None))).cached.len(), 1, "content counts, not time");
    // A finished run needs the file no more, if its digest is stated.
    fs_err::remove_file(&file).unwrap();
    let recorded = Some(hit_stage::Digest::of(b"one"));
    assert_eq!(run_all(&engine(&cache), &graph(nodes(recorded))).cached.len(), 1);
    let other = run_with(&engine(&cache), &graph(nodes(Some(hit_stage::Digest::of(b"new")))), &jobs(1), &Silent);
    assert!(other.failed[0].error.contains("is needed because the stage has to run"), "{other:?}");
}

#[test]
fn a_file_that_changes_under_the_stage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x");
    fs_err::write(&file, "one").unwrap();
    let inner = file.clone();
    let act = custom(move |cx| {
        fs_err::write(&inner, "changed")?;
        fs_err::create_dir_all(cx.output("tree")?)?;
        cx.write("out", "")
    });
    let nodes = vec![Toy::new("a").act(act).node().external("x", &file, None)];
    let summary = run_with(&engine(&dir.path().join("cache")), &graph(nodes), &jobs(1), &Silent);
    assert!(summary.failed[0].error.contains("changed while the stage read it"), "{summary:?}");
}

#[test]
fn lineage_names_every_ancestor() {
    let dir = tempfile::tempdir().unwrap();
    let seen: Arc<std::sync::Mutex<String>> = Arc::default();
    let nodes = |salt| {
        let seen = seen.clone();
        let act = custom(move |cx| {
            *seen.lock().unwrap() = fs_err::read_to_string(&cx.file("lineage")?.path)?;
            fs_err::create_dir_all(cx.output("tree")?)?;
            cx.write("out", "")
        });
        vec![
            Toy::new("a").salt(salt).modulo(1).node(),
            Toy::new("b").node().input("x", "toy/a", "out"),
            Toy::new("side").node(),
            Toy::new("c").act(act).node().input("x", "toy/b", "out").lineage("lineage"),
        ]
    };
    run_all(&engine(dir.path()), &graph(nodes(1)));
    let first = seen.lock().unwrap().clone();
    let ids: Vec<&str> = first.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids, ["toy/a", "toy/b"]);
    assert!(first.lines().all(|line| line.contains(" out=") && line.contains(" tree=")));
    // Equal bytes of `a` spare `b`, but the lineage tells of the new key.
    assert_eq!(run_all(&engine(dir.path()), &graph(nodes(2))).executed, ["toy/a", "toy/c"]);
    assert_ne!(*seen.lock().unwrap(), first);
}
