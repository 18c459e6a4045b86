//! Several processes on one store, and processes that are killed.
//!
//! A child is this test binary itself, called to run one test only, with what it is to do in the environment.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hit_engine::{Graph, Node, Observer, Outcome, Silent};
use hit_stage::Cancel;
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

// ---- a corpus of MAESTRO's size ----

/// Performances of the corpus.
const N: usize = 1276;
/// Stages after which the child kills itself.
const FINISHED: usize = 700;
/// Files whose names are numbers; those of the second kind are large and hold nothing, so that they take no space.
const LARGE: u64 = 24;
const LARGE_BYTES: u64 = 64 << 20;
const KILL: &str = "HIT_ENGINE_TEST_KILL";

/// Kills this process as `kill -9` does: after some stages, or some bytes.
struct Killer {
    finished: std::sync::atomic::AtomicUsize,
    after_bytes: u64,
}

impl Killer {
    fn new(after_bytes: u64) -> Self {
        Self { finished: 0.into(), after_bytes }
    }
}

fn kill_me() {
    Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap();
    std::thread::sleep(Duration::from_mins(1));
}

impl Observer for Killer {
    fn finished(&self, _: &str, _: Outcome, _: Duration) {
        if self.finished.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == FINISHED {
            kill_me();
        }
    }

    fn hashing(&self, done: u64, _: u64) {
        if done >= self.after_bytes {
            kill_me();
        }
    }
}

/// The total of bytes to be read, as first told.
#[derive(Default)]
struct Total(std::sync::Mutex<Option<u64>>);

impl Observer for Total {
    fn hashing(&self, _: u64, total: u64) {
        self.0.lock().unwrap().get_or_insert(total);
    }
}

/// One stage a performance, each with a file of its own, and one that gathers all.
fn corpus(cache: &Path) -> Graph {
    let (folder, note) = (cache.with_extension("corpus"), cache.with_extension("log"));
    fs_err::create_dir_all(&folder).unwrap();
    let mut nodes = Vec::new();
    let mut all = Toy::new("all").node();
    for n in 0..N {
        let (id, path) = (format!("{n:04}"), folder.join(format!("{n}.midi")));
        if !path.exists() {
            fs_err::write(&path, format!("performance {n}")).unwrap();
        }
        nodes.push(Toy::new(&id).act(Act::Note(note.clone(), Duration::ZERO)).node().external("midi", path, None));
        all = all.input(id.clone(), format!("toy/{id}"), "out");
    }
    nodes.push(all);
    graph(nodes)
}

/// A stage that reads large files.
fn large(cache: &Path) -> Graph {
    let folder = cache.with_extension("corpus");
    let act = Act::Custom(std::sync::Arc::new(|cx| {
        fs_err::create_dir_all(cx.output("tree")?)?;
        cx.write("out", cx.inputs.len().to_string())
    }));
    let mut node: Node = Toy::new("large").act(act).node();
    for n in 0..LARGE {
        node = node.external(format!("file{n:02}"), folder.join(format!("{n}.wav")), None);
    }
    graph(vec![node])
}

#[test]
fn child_that_is_killed() {
    let Ok(what) = std::env::var(KILL) else { return };
    let cache = std::env::var(CACHE).unwrap();
    let cache = Path::new(&cache);
    let (graph, killer) = match what.as_str() {
        "stages" => (corpus(cache), Killer::new(u64::MAX)),
        _ => (large(cache), Killer::new((LARGE - 4) * LARGE_BYTES)),
    };
    run_with(&engine(cache), &graph, &jobs(if what == "stages" { 2 } else { 1 }), &killer);
}

fn killed(cache: &Path, what: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child_that_is_killed", "--test-threads", "1"])
        .env(CACHE, cache)
        .env(KILL, what)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status:?}");
}

#[test]
fn a_kill_among_a_thousand_siblings_costs_those_that_ran() {
    let dir = memory_folder();
    let cache = dir.path().join("cache");
    killed(&cache, "stages");
    let before = executions(&cache).len();
    assert!((FINISHED..FINISHED + 10).contains(&before), "{before}");
    let graph = corpus(&cache);
    let summary = run_with(&engine(&cache), &graph, &jobs(2), &Silent);
    assert!(summary.complete());
    // Two jobs: at most two were running and are run again.
    assert!(summary.cached.len() >= FINISHED, "{}", summary.cached.len());
    assert_eq!(summary.cached.len() + summary.executed.len(), N + 1);
    let mut done = executions(&cache);
    let all = done.len();
    done.dedup();
    assert_eq!(done.len(), N);
    assert!(all <= N + 2, "{} were run twice", all - N);
    assert_eq!(run_all(&engine(&cache), &graph).executed.len(), 0);
    assert!(snapshot(&cache.join("tmp")).is_empty());
}

#[test]
fn a_kill_while_a_corpus_is_hashed_costs_seconds() {
    let dir = memory_folder();
    let cache = dir.path().join("cache");
    let folder = cache.with_extension("corpus");
    fs_err::create_dir_all(&folder).unwrap();
    for n in 0..LARGE {
        fs_err::File::create(folder.join(format!("{n}.wav"))).unwrap().set_len(LARGE_BYTES).unwrap();
    }
    // Younger files are not remembered, since they may change within the resolution of their times.
    std::thread::sleep(Duration::from_millis(2100));
    killed(&cache, "bytes");
    let (graph, total) = (large(&cache), Total::default());
    engine(&cache).hash_files(&graph, &graph.all(), 2, &total, &Cancel::default());
    let left = total.0.lock().unwrap().unwrap();
    // The child had read 20 of 24 files and noted the first 16 (1 GiB), or more if it took its time.
    assert!((4 * LARGE_BYTES..=8 * LARGE_BYTES).contains(&left), "{left} bytes to read again");
    let again = Total::default();
    assert_eq!(run_with(&engine(&cache), &graph, &jobs(1), &again).executed.len(), 1);
    assert_eq!(*again.0.lock().unwrap(), None, "everything is known now");
    // A plan that had to read so much makes a store to note it in.
    let other = dir.path().join("other");
    assert_eq!(engine(&other).plan(&graph, &graph.all()).unwrap().counts().run, 1);
    let known = Total::default();
    engine(&other).hash_files(&graph, &graph.all(), 2, &known, &Cancel::default());
    assert_eq!(*known.0.lock().unwrap(), None);
}
