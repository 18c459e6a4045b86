//! Hostile surroundings: a full disk, a read-only one, one without file locks, something in the way of the store.
//!
//! Disks are small ones in memory, mounted for a child of this test binary in a name space of its own. Where that is not
//! permitted, the test says so and is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hit_engine::{Engine, EngineError, Graph, Keep, Node, Silent, State};
use hit_stage::{Cancel, StageError};

use crate::common::*;

const DISK: &str = "HIT_ENGINE_TEST_DISK";
const MIB: usize = 1 << 20;

/// Runs the test `name` of this file in a child for which a disk of `size` is mounted, and named in [`DISK`].
fn on_a_disk(name: &str, size: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size={size} tmpfs \"${DISK}\" && exec \"$@\"");
    let wrapped = |flags: &str| {
        let mut command = Command::new("unshare");
        command.args([flags, "sh", "-c", &mount, "sh"]).env(DISK, dir.path());
        command
    };
    // As root a mount name space is enough; others become root of a user name space first.
    let works = |flags: &&str| wrapped(flags).arg("true").output().is_ok_and(|output| output.status.success());
    let Some(flags) = ["-m", "-Urm"].into_iter().find(works) else {
        return skipped(&format!("{name}: nothing can be mounted here (neither `unshare -m` nor `unshare -Urm`)"));
    };
    let name = format!("surroundings::{name}");
    run_child(wrapped(flags).arg(std::env::current_exe().unwrap()).args(["--exact", &name, "--test-threads", "1"]));
}

/// The mounted disk, in the child only.
fn disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

/// A stage that writes that many bytes to `out`.
fn writes(label: &str, bytes: usize) -> Node {
    let act = Act::Custom(Arc::new(move |cx| {
        fs_err::create_dir_all(cx.output("tree")?)?;
        cx.write("out", vec![7; bytes])
    }));
    Toy::new(label).act(act).node()
}

fn no_leftovers(cache: &Path) {
    assert_eq!(snapshot(&cache.join("tmp")).into_keys().collect::<Vec<_>>(), Vec::<String>::new());
    for (path, bytes) in objects(cache) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(hit_stage::Digest::of(&bytes).to_string(), name, "a partial object");
    }
}

/// Runs everything without expecting it to work; the error of the run itself, if there is one, else those of stages.
fn errors(cache: &Path, graph: &Graph) -> Vec<String> {
    match engine(cache).run(graph, &graph.all(), &jobs(1), &Silent, &Cancel::default()) {
        Ok(summary) => summary.failed.into_iter().map(|failure| failure.error).collect(),
        Err(error) => vec![error.to_string()],
    }
}

// ---- a full disk ----

#[test]
fn a_full_disk() {
    on_a_disk("child_on_a_full_disk", "6m");
}

#[test]
fn child_on_a_full_disk() {
    let Some(disk) = disk() else { return };
    let (cache, ballast) = (disk.join("cache"), disk.join("ballast"));
    fs_err::write(&ballast, vec![1; 4 * MIB]).unwrap();
    let nodes =
        vec![writes("big", 3 * MIB), writes("small", 1000), Toy::new("after").node().input("x", "toy/big", "tree")];
    let graph = graph(nodes);
    let heard = Heard::default();
    let summary = run_with(&engine(&cache), &graph, &jobs(1), &heard);
    assert_eq!(summary.executed, ["toy/small"], "what fits is done");
    assert_eq!(summary.failed.len(), 1);
    let error = &summary.failed[0].error;
    for part in [
        "/out",
        "No space left on device",
        "the stage had written ",
        " bytes; the disk is full",
        "hitrepro gc",
        "--cache",
    ] {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
    let written: usize = error.split("had written ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((MIB..3 * MIB).contains(&written), "{written}");
    assert!(!snapshot(&cache.join("records-v1")).is_empty());
    no_leftovers(&cache);
    // As it was, only fuller: still the same error, still nothing broken.
    assert!(errors(&cache, &graph)[0].contains("the disk is full"));
    fs_err::remove_file(&ballast).unwrap();
    let summary = run_all(&engine(&cache), &graph);
    assert_eq!((summary.executed.len(), summary.cached.len()), (2, 1));
    no_leftovers(&cache);
}

#[test]
fn a_disk_that_fills_up_anywhere() {
    on_a_disk("child_on_a_disk_that_fills_up_anywhere", "1m");
}

/// From not even room for a lock to room for everything, page by page: the store is never broken, the advice never missing.
#[test]
fn child_on_a_disk_that_fills_up_anywhere() {
    let Some(disk) = disk() else { return };
    let nodes = || {
        let plain = |label: &str| Toy::new(label).node();
        graph(vec![
            plain("a").export("out", "a"),
            writes("b", 20_000),
            plain("c").input("x", "toy/a", "out").input("t", "toy/b", "tree").lineage("lineage"),
        ])
    };
    let (cache, ballast) = (disk.join("cache"), disk.join("ballast"));
    let mut outcomes = std::collections::BTreeSet::new();
    for pages in 0..40 {
        fs_err::write(&ballast, vec![1; MIB - 4096 * pages]).unwrap();
        let failures = errors(&cache, &nodes());
        for error in &failures {
            assert!(
                error.contains("No space left") && error.contains("the disk is full: free space"),
                "{pages}: {error}"
            );
        }
        outcomes.insert(failures.len());
        no_leftovers(&cache);
        fs_err::remove_file(&ballast).unwrap();
        let heard = Heard::default();
        assert!(run_with(&engine(&cache), &nodes(), &jobs(1), &heard).complete());
        assert!(!heard.lines().iter().any(|line| line.starts_with("note")), "{pages}: {:?}", heard.lines());
        assert_eq!(run_all(&engine(&cache), &nodes()).executed.len(), 0);
        no_leftovers(&cache);
        fs_err::remove_dir_all(&cache).unwrap();
    }
    assert!(outcomes.contains(&0) && outcomes.contains(&1), "from full to roomy: {outcomes:?}");
}

#[test]
fn an_error_that_only_quotes_the_disk_is_advised_as_well() {
    // Libraries hand on errors as text; a stage's own disk (not the store's) may be the full one.
    let dir = tempfile::tempdir().unwrap();
    for (text, full) in [
        ("encoder: write failed: No space left on device (os error 28)", true),
        ("Disk quota exceeded (os error 122)", true),
        ("it was told to fail (os error 2)", false),
    ] {
        let act = Act::Custom(Arc::new(move |cx| {
            cx.write("out", "12345")?;
            Err(StageError::failed(text))
        }));
        let failures = errors(dir.path(), &graph(vec![Toy::new("a").act(act).node()]));
        assert_eq!(failures[0].contains("written 5 bytes; the disk is full"), full, "{failures:?}");
        assert!(failures[0].starts_with(text));
    }
}

// ---- a disk that cannot be written ----

#[test]
fn a_read_only_disk() {
    on_a_disk("child_on_a_read_only_disk", "4m");
}

#[test]
fn child_on_a_read_only_disk() {
    let Some(disk) = disk() else { return };
    let cache = disk.join("cache");
    let (done, edited) = (graph(vec![Toy::new("a").node()]), graph(vec![Toy::new("a").salt(1).node()]));
    run_all(&engine(&cache), &done);
    let mount = |option: &str| {
        let status = Command::new("mount").args(["-o", option]).arg(&disk).status().unwrap();
        assert!(status.success());
    };
    mount("remount,ro");
    // Looking needs no writing.
    for (graph, state) in [(&done, State::Cached), (&edited, State::Run)] {
        let plan = engine(&cache).plan(graph, &graph.all()).unwrap();
        assert_eq!(plan.rows[0].state, state);
        assert_eq!(engine(&cache).status(graph).unwrap().len(), 1);
    }
    assert!(engine(&cache).output(&done, "toy/a", "out").is_ok());
    for cache in [&cache, &disk.join("other")] {
        for error in
            [errors(cache, &edited).remove(0), engine(cache).gc(Keep::default(), false).unwrap_err().to_string()]
        {
            assert!(error.starts_with(&format!("the store {} cannot be used", cache.display())), "{error}");
            assert!(error.contains("Read-only file system"), "{error}");
            assert!(error.ends_with("make it writable or name another folder (`--cache`)"), "{error}");
        }
    }
    mount("remount,rw");
    assert_eq!(run_all(&engine(&cache), &edited).executed.len(), 1);
}

#[test]
fn something_in_the_way_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let graph = graph(vec![Toy::new("a").node()]);
    let fails = |cache: &Path| {
        let error = engine(cache).run(&graph, &graph.all(), &jobs(1), &Silent, &Cancel::default()).unwrap_err();
        assert!(matches!(&error, EngineError::Store { root, .. } if root == cache), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("something else lies where it needs a folder") && text.contains("--cache"), "{text}");
        text
    };
    let file = dir.path().join("file");
    fs_err::write(&file, "not a folder").unwrap();
    fails(&file);
    fails(&file.join("below"));
    for part in ["objects-v1", "records-v1", "locks-v1", "tmp"] {
        let cache = dir.path().join(format!("cache-{part}"));
        fs_err::create_dir(&cache).unwrap();
        fs_err::write(cache.join(part), "").unwrap();
        assert!(fails(&cache).contains(part));
        fs_err::remove_file(cache.join(part)).unwrap();
        assert_eq!(run_all(&engine(&cache), &graph).executed.len(), 1);
    }
}

// ---- no file locks ----

/// Refuses every lock, as network file systems do that have none.
const NO_LOCKS: &str =
    "#include <errno.h>\nint flock(int fd, int op) { (void)fd; (void)op; errno = ENOLCK; return -1; }\n";
const LOCKLESS: &str = "HIT_ENGINE_TEST_LOCKLESS";

#[test]
fn a_disk_without_file_locks() {
    let dir = tempfile::tempdir().unwrap();
    let (source, library) = (dir.path().join("nolocks.c"), dir.path().join("nolocks.so"));
    fs_err::write(&source, NO_LOCKS).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).output();
    if !built.is_ok_and(|output| output.status.success()) {
        return skipped("no C compiler makes a library here, so locks cannot be refused");
    }
    run_child(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "surroundings::child_without_locks", "--test-threads", "1"])
            .env("LD_PRELOAD", &library)
            .env(LOCKLESS, dir.path()),
    );
}

#[test]
fn child_without_locks() {
    let Some(dir) = std::env::var_os(LOCKLESS) else { return };
    let cache = Path::new(&dir).join("cache");
    let graph = graph(vec![Toy::new("a").node()]);
    let engine: Engine = engine(&cache);
    assert_eq!(engine.plan(&graph, &graph.all()).unwrap().counts().run, 1, "looking needs no lock");
    let error = engine.run(&graph, &graph.all(), &jobs(1), &Silent, &Cancel::default()).unwrap_err().to_string();
    for part in ["cannot be used", "No locks available", "file locks are needed", "local disk", "--cache"] {
        assert!(error.contains(part), "no `{part}` in: {error}");
    }
    assert!(snapshot(&cache.join("records-v1")).is_empty());
}
