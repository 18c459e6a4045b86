//! Several processes on one store, and processes that are killed.
//!
//! A child is this test binary itself, called to run one test only, with what it is to do in the environment.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hit_engine::{Graph, Silent};
use proptest::prelude::*;
use serde_json::json;

use crate::common::*;

const CACHE: &str = "HIT_ENGINE_TEST_CACHE";

/// 24 stages in 4 layers, each noting its execution in a file beside the cache.
fn layers(cache: &Path, time: Duration) -> Graph {
    let note = cache.with_extension("log");
    let mut nodes = Vec::new();
    for layer in 0..4 {
        for n in 0..6 {
            let label = format!("{layer}-{n}");
            let mut node =
                Toy::new(&label).act(Act::Note(note.clone(), time)).node().export("out", format!("{label}.txt"));
            if layer > 0 {
                for from in [n, (n + 1) % 6] {
                    node = node.input(format!("x{from}"), format!("toy/{}-{from}", layer - 1), "out");
                }
            }
            nodes.push(node);
        }
    }
    graph(nodes)
}

/// What a child does; without the variable, as in an ordinary run of the tests, it has nothing to do.
#[test]
fn child() {
    let Ok(cache) = std::env::var(CACHE) else { return };
    let cache = Path::new(&cache);
    let graph = layers(cache, Duration::from_millis(3));
    assert!(run_with(&engine(cache), &graph, &jobs(2), &Silent).complete());
}

fn spawn(cache: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--test-threads", "1"])
        .env(CACHE, cache)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn executions(cache: &Path) -> Vec<String> {
    let text = fs_err::read_to_string(cache.with_extension("log")).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn results(cache: &Path, graph: &Graph, results: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    engine(cache).export(graph, results, &json!({})).unwrap();
    snapshot(results)
}

#[test]
fn processes_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let children: Vec<Child> = (0..3).map(|_| spawn(&cache)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let done = executions(&cache);
    let mut once = done.clone();
    once.dedup();
    assert_eq!((done.len(), once.len()), (24, 24), "each stage ran in one process only");
    let graph = layers(&cache, Duration::ZERO);
    assert_eq!(run_all(&engine(&cache), &graph).executed.len(), 0);
}

#[test]
fn engines_in_threads_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| run_all(&engine(&cache), &layers(&cache, Duration::from_millis(1))));
        }
    });
    assert_eq!(executions(&cache).len(), 24);
}

#[test]
fn a_killed_run_leaves_a_good_store() {
    let dir = tempfile::tempdir().unwrap();
    let clean = dir.path().join("clean");
    let graph = layers(&clean, Duration::ZERO);
    run_all(&engine(&clean), &graph);
    let expected = results(&clean, &graph, &dir.path().join("expected"));
    let mut config = ProptestConfig::with_cases(6);
    config.failure_persistence = None;
    proptest!(config, |(moments in proptest::collection::vec(0u64..120, 1..4))| {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        for ms in moments {
            let mut child = spawn(&cache);
            std::thread::sleep(Duration::from_millis(ms));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let graph = layers(&cache, Duration::ZERO);
        let heard = Heard::default();
        let summary = run_with(&engine(&cache), &graph, &jobs(2), &heard);
        prop_assert!(summary.complete());
        let notes: Vec<String> = heard.lines().into_iter().filter(|line| line.starts_with("note")).collect();
        prop_assert!(notes.is_empty(), "nothing was damaged: {:?}", notes);
        prop_assert_eq!(&results(&cache, &graph, &dir.path().join("results")), &expected);
        prop_assert_eq!(run_all(&engine(&cache), &graph).executed.len(), 0);
        let tmp = snapshot(&cache.join("tmp"));
        prop_assert!(tmp.is_empty(), "leftovers: {:?}", tmp.keys());
    });
}
