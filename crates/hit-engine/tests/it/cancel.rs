//! Stopping and resuming.

use hit_engine::Silent;
use hit_stage::Cancel;

use crate::common::*;

#[test]
fn a_stopped_stage_resumes_from_its_scratch_folder() {
    let dir = tempfile::tempdir().unwrap();
    let nodes = |stop_after, cancel: &Cancel| {
        let act = Act::Count { to: 10, stop_after, cancel: cancel.clone() };
        vec![Toy::new("train").act(act).node(), Toy::new("after").node().input("x", "toy/train", "out")]
    };
    let cancel = Cancel::default();
    let graph_1 = graph(nodes(4, &cancel));
    let stopped = engine(dir.path()).run(&graph_1, &graph_1.all(), &jobs(1), &Silent, &cancel).unwrap();
    assert!(stopped.cancelled && stopped.failed.is_empty());
    let not_run: Vec<_> = stopped.not_run.iter().map(|other| (other.stage.as_str(), other.because.as_str())).collect();
    assert_eq!(not_run, [("toy/train", "stopped"), ("toy/after", "stopped")]);
    assert_eq!(snapshot(&dir.path().join("scratch-v1")).into_values().collect::<Vec<_>>(), [b"4"]);

    let (cancel, heard) = (Cancel::default(), Heard::default());
    let graph_2 = graph(nodes(100, &cancel));
    let done = engine(dir.path()).run(&graph_2, &graph_2.all(), &jobs(1), &heard, &cancel).unwrap();
    assert!(done.complete() && !done.cancelled);
    assert_eq!(heard.lines()[1], "progress toy/train 5/10 steps", "it went on where it was");
    assert!(snapshot(&dir.path().join("scratch-v1")).is_empty(), "and tidied up");
}

#[test]
fn a_run_stopped_before_it_began_does_nothing() {
    let (dir, log, cancel) = (tempfile::tempdir().unwrap(), Log::default(), Cancel::default());
    cancel.request();
    let graph = graph(diamond(&log, 0));
    let summary = engine(dir.path()).run(&graph, &graph.all(), &jobs(2), &Silent, &cancel).unwrap();
    assert!(summary.cancelled && log.take().is_empty());
    assert_eq!(summary.not_run.len(), 4);
    assert_eq!(run_all(&engine(dir.path()), &graph).executed.len(), 4);
}

#[test]
fn a_stop_after_the_last_stage_is_no_stop() {
    let (dir, cancel) = (tempfile::tempdir().unwrap(), Cancel::default());
    let inner = cancel.clone();
    let act = Act::Custom(std::sync::Arc::new(move |cx| {
        inner.request();
        fs_err::create_dir_all(cx.output("tree")?)?;
        cx.write("out", "")
    }));
    let graph = graph(vec![Toy::new("a").act(act).node()]);
    let summary = engine(dir.path()).run(&graph, &graph.all(), &jobs(1), &Silent, &cancel).unwrap();
    assert!(summary.complete() && !summary.cancelled);
}
