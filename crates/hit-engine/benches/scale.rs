//! What the engine itself costs on a corpus of MAESTRO's size: 1,276 performances, rendered, cut, gathered in three splits.
//!
//! Stages are trivial and files small, so what is measured is looking up, hashing, linking, recording and locking. Prints wall
//! and processor time of a cold run, a run with nothing to do, a plan, one edit and an export, and the size of what is
//! written; `hash/2 GiB` is the throughput of hashing (`hash_peer.sh` beside this file times other programs on such a file).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hit_engine::{Code, CodeEntry, Engine, Graph, Node, RunOptions, Silent, Summary};
use hit_stage::{Cancel, Context, Opened, Stage, StageError};
use serde::Serialize;

const CODE: [CodeEntry; 1] = [CodeEntry { name: "bench", own: "o", locked: "l", closure: &["bench"] }];
/// Performances of MAESTRO v3 by split.
const SPLITS: [(&str, usize); 3] = [("train", 962), ("validation", 137), ("test", 177)];
/// Stages that read a whole split, as descriptors and trainings do.
const READERS: usize = 40;
/// Timed repetitions.
const REPEATS: usize = 7;

/// Writes each of its outputs from its name alone.
#[derive(Serialize)]
struct Work {
    name: String,
    salt: u64,
    #[serde(skip)]
    outputs: &'static [&'static str],
}

impl Stage for Work {
    const KIND: &'static str = "work";
    const CRATE: &'static str = "bench";

    fn outputs(&self) -> Vec<&'static str> {
        self.outputs.to_vec()
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.outputs.iter().try_for_each(|output| cx.write(output, format!("{} {output} {}", self.name, self.salt)))
    }
}

/// Links all its inputs into one tree.
#[derive(Serialize)]
struct Gather {
    split: &'static str,
}

impl Stage for Gather {
    const KIND: &'static str = "gather";
    const CRATE: &'static str = "bench";

    fn outputs(&self) -> Vec<&'static str> {
        vec!["index", "segments"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let files: Vec<_> = cx
            .inputs
            .iter()
            .filter_map(
                |(name, opened)| if let Opened::File(file) = opened { Some((name.clone(), file.file)) } else { None },
            )
            .collect();
        cx.write("index", format!("{} {}", self.split, files.len()))?;
        files.into_iter().try_for_each(|(name, file)| cx.link("segments", &name, file))
    }
}

/// The graph over the external files in `corpus`; the first performance has this salt.
fn graph(corpus: &Path, times: usize, salt: u64) -> Graph {
    let mut nodes = Vec::new();
    for (split, n) in SPLITS {
        let mut gather = Node::new(format!("dataset/{split}"), Gather { split });
        for idx in 0..n * times {
            let (id, midi) = (format!("{split}/{idx:04}"), corpus.join(format!("{split}-{idx:04}.midi")));
            let salt = if split == "train" && idx == 0 { salt } else { 0 };
            let work = |outputs| Work { name: id.clone(), salt, outputs };
            let render = Node::new(format!("render/{id}"), work(&["audio"]));
            nodes.push(render.external("midi", &midi, None).external("soundfont", corpus.join("font.sf2"), None));
            let segment = Node::new(format!("segment/{id}"), work(&["audio", "tokens", "meta"]));
            nodes.push(segment.input("audio", format!("render/{id}"), "audio").external("midi", &midi, None));
            for output in ["audio", "tokens", "meta"] {
                gather = gather.input(format!("{id}/{output}"), format!("segment/{id}"), output);
            }
        }
        nodes.push(gather.export("index", format!("splits/{split}.json")));
    }
    for n in 0..READERS {
        let work = Work { name: format!("reader {n}"), salt: 0, outputs: &["out"] };
        let mut node = Node::new(format!("read/{n:03}"), work).export("out", format!("read/{n:03}.txt"));
        for (split, _) in SPLITS {
            node = node.input(split, format!("dataset/{split}"), "segments");
        }
        nodes.push(node);
    }
    let tex = Work { name: "tex".to_owned(), salt: 0, outputs: &["out"] };
    nodes.push(Node::new("tex", tex).input("x", "read/000", "out").lineage("lineage").export("out", "tex"));
    Graph::new(nodes).expect("a sound graph")
}

fn corpus(root: &Path, times: usize) -> PathBuf {
    let folder = root.join("corpus");
    fs_err::create_dir_all(&folder).expect("a folder");
    for (split, n) in SPLITS {
        for idx in 0..n * times {
            let path = folder.join(format!("{split}-{idx:04}.midi"));
            fs_err::write(path, format!("{split} {idx} ").repeat(4000)).expect("a file");
        }
    }
    fs_err::write(folder.join("font.sf2"), vec![7; 30 << 20]).expect("a file");
    folder
}

/// One invocation: an engine of its own, as each process has.
fn engine(cache: &Path) -> Engine {
    Engine::new(cache, Code::new(&CODE), "flex")
}

fn run(engine: &Engine, graph: &Graph) -> Summary {
    let options = RunOptions { jobs: 2, ..RunOptions::default() };
    let summary = engine.run(graph, &graph.all(), &options, &Silent, &Cancel::default()).expect("a usable store");
    assert!(summary.complete());
    summary
}

/// Processor time of this process, all threads, user and system.
fn cpu_time() -> Duration {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').filter_map(|field| field.parse::<i64>().ok());
    // utime and stime are fields 14 and 15 in ticks of 10 ms; the list starts after the state, field 3.
    Duration::from_millis(fields.skip(10).take(2).sum::<i64>() as u64 * 10)
}

/// Peak resident memory of this process so far, MiB.
fn peak_mib() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// Prints minimum and median wall time and mean processor time of some repetitions, ms.
fn timed(what: &str, repeats: usize, mut act: impl FnMut(usize)) {
    let (before, mut walls) = (cpu_time(), Vec::new());
    for n in 0..repeats {
        let start = Instant::now();
        act(n);
        walls.push(start.elapsed().as_secs_f64() * 1e3);
    }
    walls.sort_by(f64::total_cmp);
    let cpu = cpu_time().saturating_sub(before).as_secs_f64() * 1e3 / repeats as f64;
    println!(
        "{what}: min {:.0} ms, median {:.0} ms, CPU {cpu:.0} ms, peak {} MiB",
        walls[0],
        walls[repeats / 2],
        peak_mib()
    );
}

/// Bytes and number of files below a folder.
fn usage(root: &Path) -> (u64, u64) {
    let mut sum = (0, 0);
    for entry in fs_err::read_dir(root).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let (bytes, files) = if meta.is_dir() { usage(&entry.path()) } else { (meta.len(), 1) };
        sum = (sum.0 + bytes, sum.1 + files);
    }
    sum
}

fn hashing(root: &Path) {
    let file = root.join("large");
    let block: Vec<u8> = (0..1u32 << 20).flat_map(u32::to_le_bytes).collect();
    let mut writer = fs_err::File::create(&file).expect("a file");
    (0..512).try_for_each(|_| writer.write_all(&block)).expect("space for 2 GiB");
    let node = Node::new("large", Work { name: "large".to_owned(), salt: 0, outputs: &["out"] });
    let graph = Graph::new(vec![node.external("x", &file, None)]).expect("a sound graph");
    timed("hash/2 GiB, one file", REPEATS, |n| {
        // A cache that is not there: nothing is remembered.
        engine(&root.join(format!("none-{n}"))).plan(&graph, &graph.all()).map(drop).expect("a plan");
        _ = fs_err::remove_dir_all(root.join(format!("none-{n}")));
    });
}

fn main() {
    // `cargo bench --bench scale -- 4`: a corpus of four times the size, to see what grows faster than it.
    let times = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1);
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let (corpus, cache, results) = (corpus(dir.path(), times), dir.path().join("cache"), dir.path().join("results"));
    // Old enough to be remembered.
    std::thread::sleep(Duration::from_millis(2500));
    timed("graph", REPEATS, |_| drop(graph(&corpus, times, 0)));
    let graph_0 = graph(&corpus, times, 0);
    println!("{} stages", graph_0.nodes().len());
    timed("cold", 1, |_| assert_eq!(run(&engine(&cache), &graph_0).executed.len(), graph_0.nodes().len()));
    timed("no-op", REPEATS, |_| assert_eq!(run(&engine(&cache), &graph_0).executed.len(), 0));
    timed("plan", REPEATS, |_| {
        assert_eq!(engine(&cache).plan(&graph_0, &graph_0.all()).expect("a plan").counts().run, 0);
    });
    timed("one edit", REPEATS, |n| {
        assert!(!run(&engine(&cache), &graph(&corpus, times, 1 + n as u64)).executed.is_empty());
    });
    run(&engine(&cache), &graph_0);
    let export = || engine(&cache).export(&graph_0, &results, &serde_json::json!({})).expect("an export");
    timed("export", 1, |_| assert!(!export().written.is_empty()));
    timed("export again", REPEATS, |_| assert!(export().written.is_empty()));
    timed("verify", 3, |_| drop(engine(&cache).verify(&graph_0, &results).expect("checks")));
    let size = |path: PathBuf| fs_err::metadata(path).map_or(0, |meta| meta.len());
    let (records, n) = usage(&cache.join("records-v1"));
    println!("records {records} bytes in {n} files, lock {} bytes", size(results.join("pipeline.lock")));
    println!(
        "stat {} bytes, latest {} bytes",
        size(cache.join("stat-v1.json")),
        size(cache.join("latest-v1/stages.json"))
    );
    hashing(dir.path());
}
