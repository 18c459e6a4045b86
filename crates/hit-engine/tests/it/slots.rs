//! Device slots: which device stages get, in which order they start, and what is said when a device's memory is full.

use std::sync::{Arc, Barrier, Mutex};

use hit_engine::{Node, RunOptions, Silent};
use hit_stage::{Context, StageError};

use crate::common::*;

/// Which device each stage got, in the order in which they told.
#[derive(Clone, Default, Debug)]
struct Places(Arc<Mutex<Vec<(String, String)>>>);

impl Places {
    fn on(&self, device: &str) -> Vec<String> {
        let places = self.0.lock().unwrap();
        places.iter().filter(|(_, on)| on == device).map(|(label, _)| label.clone()).collect()
    }

    /// A stage that tells its device, then does `act`.
    fn stage(&self, label: &str, act: impl Fn() + Send + Sync + 'static) -> Node {
        let (places, name) = (self.clone(), label.to_owned());
        let act = move |cx: &mut Context| {
            places.0.lock().unwrap().push((name.clone(), cx.device.clone()));
            act();
            finish(cx)
        };
        Toy::new(label).device().act(Act::Custom(Arc::new(act))).node()
    }
}

fn finish(cx: &mut Context) -> Result<(), StageError> {
    fs_err::create_dir_all(cx.output("tree")?)?;
    cx.write("out", "")
}

/// `each` slots on each of `gpus` GPUs, and as many jobs as that or `jobs`.
fn gpus(gpus: usize, each: usize, jobs: usize) -> RunOptions {
    let devices = (0..gpus * each).map(|n| format!("cuda:{}", n % gpus)).collect();
    RunOptions { jobs, devices, threads_per_stage: 1, keep_going: true }
}

#[test]
fn two_runs_take_two_devices_and_four_fill_them() {
    for n in [2, 4] {
        let (dir, places, met) = (tempfile::tempdir().unwrap(), Places::default(), Arc::new(Barrier::new(n)));
        let node = |label: usize| {
            let met = met.clone();
            // Nobody ends before all have begun.
            places.stage(&format!("n{label}"), move || {
                met.wait();
            })
        };
        let summary = run_with(&engine(dir.path()), &graph((0..n).map(node).collect()), &gpus(2, 2, 4), &Silent);
        assert!(summary.complete(), "{summary:?}");
        assert_eq!((places.on("cuda:0").len(), places.on("cuda:1").len()), (n / 2, n / 2));
    }
}

#[test]
fn the_emptier_device_is_taken_whatever_became_free_last() {
    // `a` holds a place on cuda:0 until `e`, which waits for the others, runs: that has to be on cuda:1.
    for _ in 0..8 {
        let (dir, places, met) = (tempfile::tempdir().unwrap(), Places::default(), Arc::new(Barrier::new(2)));
        let wait = || {
            let met = met.clone();
            move || {
                met.wait();
            }
        };
        // All four begin together, and the costliest is placed first.
        let nodes = vec![
            places.stage("a", wait()).cost(10),
            places.stage("b", || ()),
            places.stage("c", || ()),
            places.stage("d", || ()),
            places.stage("e", wait()).input("b", "toy/b", "out").input("c", "toy/c", "out").input("d", "toy/d", "out"),
        ];
        let summary = run_with(&engine(dir.path()), &graph(nodes), &gpus(2, 2, 4), &Silent);
        assert!(summary.complete(), "{summary:?}");
        assert!(places.on("cuda:0").contains(&"a".to_owned()), "{places:?}");
        assert!(places.on("cuda:1").contains(&"e".to_owned()), "{places:?}");
    }
}

#[test]
fn no_device_holds_more_than_its_slots() {
    let (dir, now) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::new([[0usize; 2]; 2])));
    let node = |n: usize| {
        let now = now.clone();
        let act = move |cx: &mut Context| {
            let gpu: usize = cx.device.strip_prefix("cuda:").unwrap().parse().unwrap();
            let come = |by: isize| {
                let mut now = now.lock().unwrap();
                now[gpu][0] = now[gpu][0].checked_add_signed(by).unwrap();
                now[gpu][1] = now[gpu][1].max(now[gpu][0]);
            };
            come(1);
            std::thread::sleep(std::time::Duration::from_millis(3));
            come(-1);
            finish(cx)
        };
        Toy::new(&format!("n{n}")).device().act(Act::Custom(Arc::new(act))).node()
    };
    // Stages without a device fill the jobs that are left.
    let others = (0..20).map(|n| Toy::new(&format!("cpu{n}")).node());
    let nodes = (0..30).map(node).chain(others).collect();
    let summary = run_with(&engine(dir.path()), &graph(nodes), &gpus(2, 3, 8), &Silent);
    assert!(summary.complete(), "{summary:?}");
    let [first, second] = *now.lock().unwrap();
    assert!((first[0], second[0]) == (0, 0) && first[1] <= 3 && second[1] <= 3, "{first:?} {second:?}");
}

#[test]
fn results_are_the_same_whatever_the_number_of_slots() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Log::default());
    let nodes = || (0..6).map(|n| Toy::new(&format!("n{n}")).device().log(&log).node()).collect();
    assert!(run_with(&engine(dir.path()), &graph(nodes()), &gpus(1, 1, 4), &Silent).complete());
    assert_eq!(log.take().len(), 6);
    let shared = run_with(&engine(dir.path()), &graph(nodes()), &gpus(3, 4, 12), &Silent);
    assert_eq!((shared.cached.len(), log.take().len()), (6, 0), "neither slots nor devices are in a key");
}

/// Labels in the order in which they were started with one job.
fn order(nodes: Vec<Node>) -> Vec<String> {
    let (dir, heard) = (tempfile::tempdir().unwrap(), Heard::default());
    run_with(&engine(dir.path()), &graph(nodes), &jobs(1), &heard);
    heard.lines().iter().filter_map(|line| line.strip_prefix("started toy/").map(str::to_owned)).collect()
}

#[test]
fn the_longest_way_to_the_end_starts_first() {
    let toy = |label: &str, cost| Toy::new(label).node().cost(cost);
    assert_eq!(order(vec![toy("a", 1), toy("b", 1), toy("c", 1)]), ["a", "b", "c"], "by id among equals");
    assert_eq!(order(vec![toy("a", 5), toy("b", 60), toy("c", 30)]), ["b", "c", "a"]);
    // The way counts, not the stage: what a long one waits for goes before a middling one.
    let chain = vec![toy("a", 30), toy("before", 1), toy("long", 60).input("x", "toy/before", "out")];
    assert_eq!(order(chain), ["before", "long", "a"]);
    let side = vec![toy("a", 3), toy("b", 1), toy("c", 1).input("x", "toy/b", "out"), toy("d", 2)];
    assert_eq!(order(side), ["a", "b", "d", "c"]);
    assert_eq!(order(vec![toy("a", u64::MAX), toy("b", 1).input("x", "toy/a", "out"), toy("c", 0)]), ["a", "b", "c"]);
}

/// The error of a stage on that many slots of `device` that panics with, or (with `fail`) returns, this text.
fn error_of(text: &'static str, device: &str, slots: usize, fail: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let act = move |_: &mut Context| if fail { Err(StageError::failed(text)) } else { panic!("{text}") };
    let nodes = vec![Toy::new("big").device().act(Act::Custom(Arc::new(act))).node(), Toy::new("other").node()];
    let options = RunOptions { devices: vec![device.to_owned(); slots], ..jobs(2) };
    let summary = run_with(&engine(dir.path()), &graph(nodes), &options, &Silent);
    assert_eq!((summary.failed.len(), summary.executed.len()), (1, 1), "the other stage goes on: {summary:?}");
    assert_eq!(summary.failed[0].stage, "toy/big");
    summary.failed[0].error.clone()
}

/// As burn and cubecl, CUDA's driver and cuBLAS put it.
const FULL: [&str; 4] = [
    "Error while reading data: use `try_into_data` instead to catch the error at runtime: An error happened during execution\n\
     Caused by:\n  The bytes were never written (failure #7, still claiming 3 buffer(s))\n  matmul\nCaused by:\n  An IO error happened\n\
     Caused by:\n  out of device memory allocating 1073741824 bytes\n",
    "An out-of-memory error happened during launch\nCaused by:\n  no room",
    "called `Result::unwrap()` on an `Err` value: DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")",
    "CublasError(CUBLAS_STATUS_ALLOC_FAILED)",
];

#[test]
fn when_a_shared_device_is_full_fewer_slots_are_advised() {
    for text in FULL {
        for fail in [false, true] {
            let error = error_of(text, "cuda:1", 3, fail);
            assert!(error.contains(text), "{error}");
            assert!(error.contains("the memory of cuda:1 was full, which up to 3 stages shared"), "{error}");
            assert!(error.contains("`--slots-per-gpu 1`") && error.contains("what is finished is kept"), "{error}");
        }
    }
}

#[test]
fn when_a_stage_had_the_device_alone_other_programs_are_suspected() {
    let error = error_of(FULL[0], "cuda:0", 1, false);
    assert!(error.contains("though no other stage ran on it") && error.contains("nvidia-smi"), "{error}");
    assert!(!error.contains("slots-per-gpu"), "{error}");
}

#[test]
fn other_errors_are_left_as_they_are() {
    assert_eq!(error_of("loss is NaN at step 3", "cuda:0", 2, true), "loss is NaN at step 3");
    assert_eq!(error_of("index out of bounds", "cuda:0", 2, false), "panicked: index out of bounds");
    assert_eq!(error_of(FULL[2], "cpu", 2, true), FULL[2], "the memory of a GPU means nothing on a CPU");
}
