//! A stage whose behaviour is data, and short ways to run graphs of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hit_engine::{Code, CodeEntry, Engine, Graph, Node, Observer, Outcome, RunOptions, Summary};
use hit_stage::{Cancel, Context, DynStage, Needs, Numerics, Opened, StageError};
use serde_json::{Value, json};

/// Ids of stages in the order in which they were executed.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn take(&self) -> Vec<String> {
        let mut names = std::mem::take(&mut *self.0.lock().unwrap());
        names.sort();
        names
    }

    pub fn push(&self, name: &str) {
        self.0.lock().unwrap().push(name.to_owned());
    }
}

/// What a stage may do.
type Behaviour = dyn Fn(&mut Context) -> Result<(), StageError> + Send + Sync;

/// What a [`Toy`] does besides computing.
#[derive(Clone, Default)]
pub enum Act {
    #[default]
    Nothing,
    Fail,
    Panic,
    Sleep(Duration),
    /// Adds its label to this file, then sleeps.
    Note(PathBuf, Duration),
    /// Counts to the number in its scratch folder, one a step, and asks for a stop after the given steps.
    Count {
        to: u64,
        stop_after: u64,
        cancel: Cancel,
    },
    /// Any other behaviour.
    Custom(Arc<Behaviour>),
}

/// Writes `label:value` to `out`, where value is a digest of salt and inputs taken modulo `modulo`; and, to `tree`, one
/// file an input.
#[derive(Clone)]
pub struct Toy {
    pub label: String,
    pub kind: &'static str,
    pub crate_name: &'static str,
    pub salt: u64,
    pub modulo: u64,
    pub needs: Needs,
    pub log: Log,
    pub act: Act,
}

impl Toy {
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            kind: "toy",
            crate_name: "alpha",
            salt: 0,
            modulo: 1_000_000,
            needs: Needs::default(),
            log: Log::default(),
            act: Act::Nothing,
        }
    }

    pub fn salt(self, salt: u64) -> Self {
        Self { salt, ..self }
    }

    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub fn modulo(self, modulo: u64) -> Self {
        Self { modulo, ..self }
    }

    pub fn act(self, act: Act) -> Self {
        Self { act, ..self }
    }

    pub fn log(self, log: &Log) -> Self {
        Self { log: log.clone(), ..self }
    }

    pub fn crate_name(self, crate_name: &'static str) -> Self {
        Self { crate_name, ..self }
    }

    pub fn device(self) -> Self {
        Self { needs: Needs { numerics: Numerics::Backend, device: true }, ..self }
    }

    /// A node `kind/label`.
    pub fn node(self) -> Node {
        Node::new(format!("{}/{}", self.kind, self.label), self)
    }
}

/// What a [`Toy`] writes to `out`.
pub fn value(label: &str, salt: u64, modulo: u64, inputs: &BTreeMap<String, String>) -> String {
    let digest = hit_stage::Digest::of(format!("{salt} {inputs:?}").as_bytes());
    let number = u64::from_le_bytes(digest.bytes()[..8].try_into().unwrap());
    format!("{label}:{}", number % modulo)
}

impl DynStage for Toy {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn crate_name(&self) -> &'static str {
        self.crate_name
    }

    fn plugins(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn params(&self) -> Value {
        json!({"label": self.label, "salt": self.salt, "modulo": self.modulo})
    }

    fn outputs(&self) -> Vec<&'static str> {
        vec!["out", "tree"]
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.log.push(&format!("{}/{}", self.kind, self.label));
        match &self.act {
            Act::Nothing => (),
            Act::Fail => return Err(StageError::failed("it was told to fail")),
            Act::Panic => panic!("it was told to panic"),
            Act::Sleep(time) => std::thread::sleep(*time),
            Act::Note(path, time) => {
                use std::io::Write as _;
                let mut file = std::fs::File::options().create(true).append(true).open(path)?;
                file.write_all(format!("{}\n", self.label).as_bytes())?;
                std::thread::sleep(*time);
            }
            Act::Count { to, stop_after, cancel } => count(cx, *to, *stop_after, cancel)?,
            Act::Custom(act) => return act(cx),
        }
        let mut inputs = BTreeMap::new();
        fs_err::create_dir_all(cx.output("tree")?)?;
        for (name, input) in &cx.inputs {
            let text = match input {
                Opened::File(file) => fs_err::read_to_string(&file.path)?,
                Opened::Tree(tree) => tree.0.keys().cloned().collect::<Vec<_>>().join(" "),
            };
            fs_err::write(cx.output_in("tree", name)?, format!("{}<-{text}", self.label))?;
            inputs.insert(name.clone(), text);
        }
        cx.write("out", value(&self.label, self.salt, self.modulo, &inputs))
    }
}

fn count(cx: &Context, to: u64, stop_after: u64, cancel: &Cancel) -> Result<(), StageError> {
    let file = cx.scratch()?.join("count");
    let start: u64 = fs_err::read_to_string(&file).map_or(0, |text| text.parse().unwrap());
    for n in start..to {
        if n - start == stop_after {
            cancel.request();
        }
        cx.checkpoint()?;
        fs_err::write(&file, (n + 1).to_string())?;
        cx.progress.update(n + 1, to, "steps");
    }
    Ok(())
}

pub const CODE: [CodeEntry; 3] = [
    CodeEntry { name: "alpha", own: "a1", locked: "A1", closure: &["alpha", "base"] },
    CodeEntry { name: "base", own: "b1", locked: "B1", closure: &["base"] },
    CodeEntry { name: "beta", own: "c1", locked: "C1", closure: &["base", "beta"] },
];

pub fn engine(cache: &Path) -> Engine {
    Engine::new(cache, Code::new(&CODE), "flex")
}

pub fn graph(nodes: Vec<Node>) -> Graph {
    Graph::new(nodes).unwrap()
}

/// What was heard, one line each, without durations.
#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn say(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Observer for Heard {
    fn started(&self, stage: &str) {
        self.say(format!("started {stage}"));
    }

    fn progress(&self, stage: &str, done: u64, total: u64, unit: &str) {
        self.say(format!("progress {stage} {done}/{total} {unit}"));
    }

    fn finished(&self, stage: &str, outcome: Outcome, _: Duration) {
        self.say(format!("finished {stage} {outcome:?}"));
    }

    fn failed(&self, stage: &str, error: &str) {
        self.say(format!("failed {stage}: {error}"));
    }

    fn note(&self, text: &str) {
        self.say(format!("note {text}"));
    }
}

pub fn jobs(jobs: usize) -> RunOptions {
    RunOptions { jobs, devices: vec!["cpu".to_owned(); jobs], threads_per_stage: 1, keep_going: true }
}

pub fn run_with(engine: &Engine, graph: &Graph, options: &RunOptions, observer: &dyn Observer) -> Summary {
    engine.run(graph, &graph.all(), options, observer, &Cancel::default()).unwrap()
}

/// Runs everything with two jobs; every stage must get its result.
pub fn run_all(engine: &Engine, graph: &Graph) -> Summary {
    let summary = run_with(engine, graph, &jobs(2), &hit_engine::Silent);
    assert!(summary.complete(), "{summary:?}");
    summary
}

/// A temporary folder in memory where there is such a thing: syncing, most of the time of many small runs, is free there.
pub fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// All files below a folder with their contents.
pub fn snapshot(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs_err::read(&path).unwrap());
            }
        }
    }
    files
}

/// Files of the store's objects, with their text.
pub fn objects(cache: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = cache.join("objects-v1");
    snapshot(&root).into_iter().map(|(name, bytes)| (root.join(name), bytes)).collect()
}

/// The object with that content.
pub fn object(cache: &Path, content: &str) -> PathBuf {
    let name = hit_stage::Digest::of(content.as_bytes()).to_string();
    cache.join("objects-v1").join(&name[..2]).join(name)
}

/// Changes the file's first byte and nothing else.
pub fn flip(path: &Path) {
    let mut bytes = fs_err::read(path).unwrap();
    bytes[0] ^= 1;
    overwrite(path, &bytes);
}

/// Replaces a file, read-only or not.
pub fn overwrite(path: &Path, bytes: &[u8]) {
    fs_err::remove_file(path).unwrap();
    fs_err::write(path, bytes).unwrap();
}

/// `a -> b -> c` and, beside it, `a -> d`; all export `out`.
pub fn diamond(log: &Log, salt: u64) -> Vec<Node> {
    let toy = |label: &str| Toy::new(label).log(log);
    let export = |node: Node, label: &str| node.export("out", format!("{label}.txt"));
    vec![
        export(toy("a").salt(salt).node(), "a"),
        export(toy("b").node().input("x", "toy/a", "out"), "b"),
        export(toy("c").node().input("x", "toy/b", "out").input("t", "toy/b", "tree"), "c"),
        export(toy("d").node().input("x", "toy/a", "out"), "d"),
    ]
}

// ---- children ----

/// Says, past the capture of test output, that something was not tested.
pub fn skipped(why: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// Runs a child that tests something; what it says is shown if it fails.
pub fn run_child(command: &mut std::process::Command) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    // A name that fits no test would pass as well.
    assert!(text(&output.stdout).contains("1 passed"), "{}", text(&output.stdout));
}
