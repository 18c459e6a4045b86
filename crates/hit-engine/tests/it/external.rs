//! External files: hashed when they are needed and told of, and what lies where a file is expected.

use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use hit_engine::{Graph, Keep, Node, Observer, Outcome, Silent, State};
use hit_stage::Cancel;

use crate::common::*;

/// Bytes told of while files were read, and the ends of stages, in order.
#[derive(Default)]
struct Told(Mutex<Vec<Event>>);

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Bytes(u64, u64),
    Finished(String),
}

impl Told {
    fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    fn bytes(&self) -> Vec<(u64, u64)> {
        let bytes = |event| if let Event::Bytes(done, total) = event { Some((done, total)) } else { None };
        self.events().into_iter().filter_map(bytes).collect()
    }
}

impl Observer for Told {
    fn hashing(&self, done: u64, total: u64) {
        self.0.lock().unwrap().push(Event::Bytes(done, total));
    }

    fn finished(&self, stage: &str, _: Outcome, _: Duration) {
        self.0.lock().unwrap().push(Event::Finished(stage.to_owned()));
    }
}

/// Stages `toy/0`, `toy/1`, … that each read a file of their own.
fn readers(folder: &Path, sizes: &[usize]) -> Vec<Node> {
    let node = |(n, size): (usize, &usize)| {
        let path = folder.join(n.to_string());
        fs_err::write(&path, "x".repeat(*size)).unwrap();
        Toy::new(&n.to_string()).node().external("file", path, None)
    };
    sizes.iter().enumerate().map(node).collect()
}

#[test]
fn reading_is_told_in_bytes_up_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = [1_000_000, 0, 5, 300_000];
    let graph = graph(readers(dir.path(), &sizes));
    let total: u64 = sizes.iter().map(|&size| size as u64).sum();
    let told = Told::default();
    run_with(&engine(&dir.path().join("cache")), &graph, &jobs(3), &told);
    let bytes = told.bytes();
    assert!(bytes.len() > 5, "{bytes:?}");
    assert!(bytes.is_sorted() && bytes.iter().all(|(_, all)| *all == total), "{bytes:?}");
    assert_eq!(bytes.last(), Some(&(total, total)));

    let told = Told::default();
    engine(&dir.path().join("other")).hash_files(&graph, &graph.all(), 2, &told, &Cancel::default());
    assert_eq!(told.bytes().last(), Some(&(total, total)));
    assert!(told.bytes().is_sorted());
}

#[test]
fn a_stage_waits_for_its_own_files_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = readers(dir.path(), &[1000, 2000, 500]);
    // The last one's results are waited for by another: its file comes first.
    nodes.push(Toy::new("after").node().input("x", "toy/2", "out"));
    let told = Told::default();
    run_with(&engine(&dir.path().join("cache")), &graph(nodes), &jobs(1), &told);
    let finished = |id: &str| Event::Finished(format!("toy/{id}"));
    let expected = [
        Event::Bytes(500, 3500),
        finished("2"),
        finished("after"),
        Event::Bytes(1500, 3500),
        finished("0"),
        Event::Bytes(3500, 3500),
        finished("1"),
    ];
    assert_eq!(told.events(), expected);
}

#[test]
fn a_file_that_many_stages_share_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let font = dir.path().join("font.sf2");
    fs_err::write(&font, vec![1; 10_000]).unwrap();
    let node = |n: usize| {
        let toy = Toy::new(&n.to_string()).act(Act::Custom(std::sync::Arc::new(|cx| {
            fs_err::create_dir_all(cx.output("tree")?)?;
            cx.write("out", "")
        })));
        // Under two names, too.
        toy.node().external("font", &font, None).external("again", &font, None)
    };
    let told = Told::default();
    let summary = run_with(&engine(&dir.path().join("cache")), &graph((0..20).map(node).collect()), &jobs(2), &told);
    assert_eq!(summary.executed.len(), 20);
    assert_eq!(told.bytes(), [(10_000, 10_000)]);
}

#[test]
fn files_of_stages_that_will_not_run_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let big = dir.path().join("big");
    fs_err::write(&big, vec![0; 100_000]).unwrap();
    let nodes = vec![
        Toy::new("bad").act(Act::Fail).node(),
        Toy::new("reader").node().input("x", "toy/bad", "out").external("file", &big, None),
    ];
    let told = Told::default();
    let summary = run_with(&engine(&dir.path().join("cache")), &graph(nodes), &jobs(1), &told);
    assert_eq!(summary.not_run.len(), 1);
    assert_eq!(told.bytes(), []);
}

/// Asks for a stop when the first bytes are told.
struct StopAtOnce(Cancel);

impl Observer for StopAtOnce {
    fn hashing(&self, _: u64, _: u64) {
        self.0.request();
    }
}

#[test]
fn a_stop_while_files_are_read_is_obeyed() {
    let (dir, cancel) = (tempfile::tempdir().unwrap(), Cancel::default());
    let graph = graph(readers(dir.path(), &[4_000_000, 4_000_000]));
    let engine = engine(&dir.path().join("cache"));
    let summary = engine.run(&graph, &graph.all(), &jobs(1), &StopAtOnce(cancel.clone()), &cancel).unwrap();
    assert!(summary.cancelled && summary.executed.is_empty() && summary.failed.is_empty(), "{summary:?}");
    assert_eq!(summary.not_run.len(), 2);
    assert_eq!(run_all(&engine, &graph).executed.len(), 2);
}

#[test]
fn a_plan_that_reads_little_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    // A file that is old enough to be remembered.
    let graph = graph(vec![Toy::new("a").node().external("file", std::env::current_exe().unwrap(), None)]);
    let cache = dir.path().join("cache");
    assert_eq!(engine(&cache).plan(&graph, &graph.all()).unwrap().counts().run, 1);
    assert!(!cache.exists());
}

#[test]
fn a_stopped_check_reads_no_further() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, results) = (dir.path().join("cache"), dir.path().join("results"));
    let mut nodes = readers(dir.path(), &[4_000_000, 4_000_000]);
    nodes[0] = nodes[0].clone().export("out", "out");
    let graph = graph(nodes);
    run_all(&engine(&cache), &graph);
    engine(&cache).export(&graph, &results, &serde_json::json!({})).unwrap();
    let details = |cancel: &Cancel| -> Vec<String> {
        let elsewhere = engine(&dir.path().join("elsewhere"));
        let checks = elsewhere.verify_with(&graph, &results, &jobs(1), &StopAtOnce(cancel.clone()), cancel).unwrap();
        checks.into_iter().filter_map(|check| check.detail).collect()
    };
    let stopped = details(&Cancel::default());
    assert_eq!(stopped.iter().filter(|why| why.contains("was not read: stopped on request")).count(), 2, "{stopped:?}");
    // A file that resists is named, and no reason to check nothing else.
    fs_err::remove_file(dir.path().join("1")).unwrap();
    fs_err::create_dir(dir.path().join("1")).unwrap();
    let checks = engine(&cache).verify(&graph, &results).unwrap();
    let bad: Vec<_> = checks.iter().filter_map(|check| check.detail.as_ref()).collect();
    assert!(bad.len() == 1 && bad[0].contains("is not a file but a folder"), "{bad:?}");
}

// ---- things that are no files ----

/// The plan and the run of a stage that reads `path` say why it cannot; another stage runs all the same.
fn refused(dir: &Path, path: &Path, why: &str) {
    let graph = graph(vec![Toy::new("a").node().external("file", path, None), Toy::new("b").node()]);
    let engine = engine(&dir.join("cache"));
    let plan = engine.plan(&graph, &graph.all()).unwrap();
    assert_eq!((plan.rows[0].state, plan.rows[1].state), (State::Blocked, State::Run));
    let reason = plan.rows[0].reason.as_ref().unwrap().to_string();
    assert!(reason.contains("input `file`") && reason.contains(why), "{reason}");
    assert!(reason.contains(path.file_name().unwrap().to_str().unwrap()), "{reason}");
    let summary = run_with(&engine, &graph, &jobs(2), &Silent);
    assert_eq!(summary.executed, ["toy/b"]);
    let error = &summary.failed[0].error;
    assert!(error.contains("input `file`") && error.contains(why), "{error}");
    fs_err::remove_dir_all(dir.join("cache")).unwrap();
}

#[test]
fn what_is_no_file_is_refused_and_never_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (name, to) in [("ring", "gnir"), ("gnir", "ring"), ("self", "self")] {
        std::os::unix::fs::symlink(to, at(name)).unwrap();
    }
    refused(dir.path(), &at("ring"), "Too many levels of symbolic links");
    refused(dir.path(), &at("self"), "Too many levels of symbolic links");
    fs_err::create_dir(at("folder")).unwrap();
    refused(dir.path(), &at("folder"), "is not a file but a folder");
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    refused(dir.path(), &at("socket"), "is not a file but a socket");
    refused(dir.path(), Path::new("/dev/zero"), "is not a file but a device");
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    refused(dir.path(), &at("pipe"), "is not a file but a pipe");
    // A file that has grown a file below it is no file at all: nothing is there.
    fs_err::write(at("file"), "").unwrap();
    let nodes = graph(vec![Toy::new("a").node().external("file", at("file/below"), None)]);
    let plan = engine(&at("cache")).plan(&nodes, &nodes.all()).unwrap();
    assert!(plan.rows[0].reason.as_ref().unwrap().to_string().contains("there is no file"));
}

#[test]
fn names_need_not_be_utf_8() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(std::ffi::OsString::from_vec(b"pr\xe9lude.mid".to_vec()));
    fs_err::write(&file, "notes").unwrap();
    let nodes = |path: &Path| graph(vec![Toy::new("a").node().external("file", path, None)]);
    assert_eq!(run_all(&engine(&dir.path().join("cache")), &nodes(&file)).executed.len(), 1);
    let plain = dir.path().join("prelude.mid");
    fs_err::rename(&file, &plain).unwrap();
    assert_eq!(run_all(&engine(&dir.path().join("cache")), &nodes(&plain)).cached.len(), 1, "content counts");
}

const UNREADABLE: &str = "HIT_ENGINE_TEST_UNREADABLE";

/// What a user without rights finds; without the variable, as in an ordinary run of the tests, it has nothing to do.
#[test]
fn child_without_rights() {
    let Some(dir) = std::env::var_os(UNREADABLE) else { return };
    let dir = Path::new(&dir);
    refused(dir, &dir.join("secret.wav"), "Permission denied");
}

#[test]
fn an_unreadable_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let file = dir.path().join("secret.wav");
    fs_err::write(&file, "x").unwrap();
    mode(&file, 0o000);
    if fs_err::File::open(&file).is_err() {
        return refused(dir.path(), &file, "Permission denied");
    }
    // We are root, whom no mode stops: somebody else is to try, with a copy of this program that he can start.
    mode(dir.path(), 0o777);
    let program = dir.path().join("program");
    fs_err::copy(std::env::current_exe().unwrap(), &program).unwrap();
    mode(&program, 0o755);
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    if !can(&mut nobody, &program) {
        return skipped("no other user can be become here, so nothing is unreadable");
    }
    run_child(
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(["--exact", "external::child_without_rights", "--test-threads", "1"])
            .env(UNREADABLE, dir.path()),
    );
}

/// Whether `wrapper` can start `program`.
fn can(wrapper: &mut Command, program: &Path) -> bool {
    wrapper.arg(program).arg("--list").output().is_ok_and(|output| output.status.success())
}

// ---- a corpus that went away ----

#[test]
fn garbage_of_a_corpus_that_is_not_mounted_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (corpus, cache) = (dir.path().join("corpus"), dir.path().join("cache"));
    fs_err::create_dir(&corpus).unwrap();
    let nodes = |salt| -> Graph {
        let mut nodes = readers(&corpus, &[10, 20]);
        nodes.push(Toy::new("all").salt(salt).node().input("x", "toy/0", "out").input("y", "toy/1", "out"));
        graph(nodes)
    };
    run_all(&engine(&cache), &nodes(1));
    run_all(&engine(&cache), &nodes(2));
    let graph_2 = nodes(2);
    let (kept, away) = (objects(&cache), dir.path().join("away"));
    fs_err::rename(&corpus, &away).unwrap();
    let keep = Keep { graphs: std::slice::from_ref(&graph_2), locks: &[] };
    let report = engine(&cache).gc(keep, false).unwrap();
    assert!(report.removed.iter().all(|path| !path.starts_with("objects-v1") || kept.len() > report.kept_objects));
    fs_err::rename(&away, &corpus).unwrap();
    assert_eq!(run_all(&engine(&cache), &graph_2).cached.len(), 3, "nothing of it is made again");
    assert!(!report.removed.is_empty(), "but what the former graph made is gone");
}
