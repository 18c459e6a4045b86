//! What the engine itself costs: a synthetic graph of layered, trivial stages; cold, no-op, plan, one edit.
//!
//! `ninja_peer.sh` beside this file times ninja on a graph of the same shape.

use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use hit_engine::{Code, CodeEntry, Engine, Graph, Node, RunOptions, Silent, Summary};
use hit_stage::{Cancel, Context, Stage, StageError};
use serde::Serialize;

const CODE: [CodeEntry; 1] = [CodeEntry { name: "bench", own: "o", locked: "l", closure: &["bench"] }];
/// Stages of one layer; each reads two of the layer before.
const WIDTH: usize = 10;

#[derive(Serialize)]
struct Work {
    n: usize,
    salt: u64,
    rates: [f64; 4],
    name: &'static str,
}

impl Stage for Work {
    const KIND: &'static str = "work";
    const CRATE: &'static str = "bench";

    fn outputs(&self) -> Vec<&'static str> {
        vec!["out"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        cx.write("out", format!("{} {}", self.n, self.salt))
    }
}

/// `n` stages; the last one has this salt.
fn graph(n: usize, salt: u64) -> Graph {
    let node = |idx: usize| {
        let salt = if idx + 1 == n { salt } else { 0 };
        let work = Work { n: idx, salt, rates: [0.1, 1e-4, 0.9, 0.999], name: "some parameter" };
        let mut node = Node::new(format!("work/{idx:05}"), work);
        if idx >= WIDTH {
            let layer = (idx / WIDTH - 1) * WIDTH;
            for from in [layer + idx % WIDTH, layer + (idx + 1) % WIDTH] {
                node = node.input(format!("from{from:05}"), format!("work/{from:05}"), "out");
            }
        }
        node
    };
    Graph::new((0..n).map(node).collect()).expect("a sound graph")
}

/// One invocation: an engine of its own, as each process has.
fn run(cache: &Path, graph: &Graph) -> Summary {
    let engine = Engine::new(cache, Code::new(&CODE), "flex");
    let options = RunOptions { jobs: 2, ..RunOptions::default() };
    let summary = engine.run(graph, &graph.all(), &options, &Silent, &Cancel::default()).expect("a usable store");
    assert!(summary.complete());
    summary
}

/// Processor time of this process, all threads, user and system.
fn cpu_time() -> Option<Duration> {
    let stat = fs_err::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<i64> = stat.rsplit(") ").next()?.split(' ').filter_map(|field| field.parse().ok()).collect();
    // utime and stime are fields 14 and 15 in ticks of 10 ms; the list starts after the state, field 3.
    Some(Duration::from_millis(((fields.get(10)? + fields.get(11)?) * 10) as u64))
}

fn cold(criterion: &mut Criterion) {
    for n in [100, 1000] {
        let (dir, graph) = (tempfile::tempdir().expect("a folder"), graph(n, 0));
        let (cpu, start) = (cpu_time(), Instant::now());
        run(dir.path(), &graph);
        let spent = cpu_time().zip(cpu).map(|(after, before)| after.saturating_sub(before).as_secs_f64() * 1e3);
        let wall = start.elapsed().as_secs_f64() * 1e3;
        let cpu = spent.map_or_else(String::new, |ms| format!(", CPU {ms:.0} ms, {:.2} ms a stage", ms / n as f64));
        println!("cold/{n}: wall {wall:.0} ms{cpu}");
    }
    let small = graph(20, 0);
    criterion.bench_function("cold/20", |bencher| {
        bencher.iter_with_large_drop(|| {
            let dir = tempfile::tempdir().expect("a folder");
            run(dir.path(), &small);
            dir
        });
    });
}

fn warm(criterion: &mut Criterion) {
    for n in [150, 1000] {
        let (dir, graph_0) = (tempfile::tempdir().expect("a folder"), graph(n, 0));
        run(dir.path(), &graph_0);
        let before = cpu_time();
        for _ in 0..50 {
            run(dir.path(), &graph_0);
        }
        if let Some((after, before)) = cpu_time().zip(before) {
            println!("no-op/{n}: CPU {:.1} ms a run", after.saturating_sub(before).as_secs_f64() * 1e3 / 50.0);
        }
        criterion.bench_function(&format!("no-op/{n}"), |bencher| {
            bencher.iter(|| assert_eq!(run(dir.path(), &graph_0).cached.len(), n));
        });
        criterion.bench_function(&format!("plan/{n}"), |bencher| {
            let engine = Engine::new(dir.path(), Code::new(&CODE), "flex");
            bencher.iter(|| engine.plan(&graph_0, &graph_0.all()).expect("a usable store"));
        });
        let mut salt = 0;
        criterion.bench_function(&format!("one edit/{n}"), |bencher| {
            bencher.iter(|| {
                salt += 1;
                assert_eq!(run(dir.path(), &graph(n, salt)).executed.len(), 1);
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = cold, warm
}
criterion_main!(benches);
