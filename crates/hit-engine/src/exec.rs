//! Executing one stage: inputs verified, work done in a staging folder, outputs moved into the store.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hit_stage::{
    Artifact, Cancel, Context, Digest, FileRef, OpenFile, OpenTree, Opened, Progress, StageError, check_name,
};

use crate::engine::Engine;
use crate::error::{EngineError, FULL, chain, device_is_full, device_memory, is_full};
use crate::external::{Stamp, stamp};
use crate::files::{files_below, remove};
use crate::graph::{Graph, Node, Source};
use crate::hashing::Found;
use crate::plan::Lookup;
use crate::run::Prepared;
use crate::store::{BadObject, Finished, Record};
use crate::summary::Outcome;

const MB: u64 = 1_000_000;
/// Fewer bytes than this are checked faster than threads are started, and without a word.
const WORTH_THREADS: u64 = 64 * MB;

/// What a thread reports.
pub(crate) enum Report {
    Progress {
        idx: usize,
        done: u64,
        total: u64,
        unit: &'static str,
    },
    Note(String),
    /// So many bytes of an external file were read.
    Read(u64),
    /// An external file was read, or could not be.
    Hashed {
        path: PathBuf,
        found: Found,
    },
    Ended {
        idx: usize,
        key: Digest,
        slot: Option<String>,
        ending: Ending,
    },
}

/// How an execution ended.
pub(crate) enum Ending {
    Finished {
        record: Arc<Finished>,
        outcome: Outcome,
        duration: Duration,
    },
    Failed(String),
    Cancelled,
    /// Outputs of these nodes are damaged or gone.
    Damaged(Vec<usize>),
}

/// Why a stage has no result: the short way out of [`Job::execute`].
enum Stop {
    Failed(String),
    Cancelled,
    Damaged(Vec<usize>),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(chain(&error))
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Failed(chain(&error))
    }
}

/// One stage to execute.
pub(crate) struct Job<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) graph: &'a Graph,
    pub(crate) idx: usize,
    pub(crate) prepared: Prepared,
    /// The device slot taken, given back at the end.
    pub(crate) slot: Option<String>,
    /// Stages that may share that device.
    pub(crate) sharing: usize,
    /// Records of the nodes that it reads.
    pub(crate) inputs: BTreeMap<usize, Option<Arc<Finished>>>,
    pub(crate) threads: usize,
    /// Jobs that nothing else used when it was started.
    pub(crate) idle: usize,
    pub(crate) cancel: Cancel,
    pub(crate) sender: Sender<Report>,
    pub(crate) lineage: Option<String>,
}

struct Reporter {
    idx: usize,
    sender: Sender<Report>,
}

impl Progress for Reporter {
    fn update(&self, done: u64, total: u64, unit: &'static str) {
        // The run may be over already; then nobody listens.
        _ = self.sender.send(Report::Progress { idx: self.idx, done, total, unit });
    }
}

/// External files of a stage and their stamps before it read them.
type Stamps = Vec<(PathBuf, Option<Stamp>)>;

impl Job<'_> {
    /// Runs in a thread of its own and reports the end, come what may.
    pub(crate) fn run(self) {
        let ending = match catch_unwind(AssertUnwindSafe(|| self.execute())) {
            Ok(Ok(ending)) => ending,
            Ok(Err(Stop::Failed(error))) if is_full(&error) => Ending::Failed(format!("{error}; {FULL}")),
            Ok(Err(Stop::Failed(error))) => Ending::Failed(self.with_advice(error)),
            Ok(Err(Stop::Cancelled)) => Ending::Cancelled,
            Ok(Err(Stop::Damaged(producers))) => Ending::Damaged(producers),
            Err(panic) => Ending::Failed(format!("panicked: {}", panic_text(panic.as_ref()))),
        };
        _ = self.sender.send(Report::Ended { idx: self.idx, key: self.prepared.key, slot: self.slot, ending });
    }

    /// The error, with what to do if the memory of the stage's device was full.
    fn with_advice(&self, error: String) -> String {
        match self.slot.as_deref() {
            Some(device) if device != "cpu" && device_is_full(&error) => {
                format!("{error}; {}", device_memory(device, self.sharing))
            }
            _ => error,
        }
    }

    fn node(&self) -> &Node {
        &self.graph.nodes()[self.idx]
    }

    fn note(&self, text: String) {
        _ = self.sender.send(Report::Note(text));
    }

    fn execute(&self) -> Result<Ending, Stop> {
        let (store, node, key) = (&self.engine.store, self.node(), self.prepared.key);
        let waiting = || self.note(format!("{}: waiting for another process that runs the same work", node.id));
        let Some(_lock) = store.lock_key(key, &self.cancel, waiting)? else { return Err(Stop::Cancelled) };
        // Whoever had the lock before us may have left the result.
        if let Lookup::Hit(record) = self.engine.lookup(node, key)? {
            return Ok(Ending::Finished { record, outcome: Outcome::Cached, duration: Duration::ZERO });
        }
        let (staging, texts) = (store.temporary()?, self.lineage.as_ref().map(|_| store.temporary()).transpose()?);
        let texts = texts.as_ref().map_or(staging.path(), tempfile::TempDir::path);
        let (record, duration) = self.produce(staging.path(), texts).map_err(|stop| match stop {
            Stop::Failed(error) if is_full(&error) => {
                Stop::Failed(format!("{error}; the stage had written {} bytes", bytes_below(staging.path())))
            }
            stop => stop,
        })?;
        Ok(Ending::Finished { record: Arc::new(Finished::new(record)), outcome: Outcome::Executed, duration })
    }

    /// Runs the stage and records what it made.
    fn produce(&self, staging: &Path, texts: &Path) -> Result<(Record, Duration), Stop> {
        let store = &self.engine.store;
        let (inputs, stamps) = self.open_inputs(texts)?;
        let start = Instant::now();
        let mut cx = Context::new(staging, store.scratch(self.prepared.key));
        cx.inputs = inputs;
        cx.device = self.slot.clone().unwrap_or_else(|| "cpu".to_owned());
        cx.threads = self.threads;
        cx.progress = Arc::new(Reporter { idx: self.idx, sender: self.sender.clone() });
        cx.cancel = self.cancel.clone();
        self.call(&mut cx)?;
        let duration = start.elapsed();
        if let Some((path, _)) = stamps.iter().find(|(path, before)| stamp(path).ok().flatten() != *before) {
            return Err(Stop::Failed(format!("{} changed while the stage read it: run again", path.display())));
        }
        let record = self.commit(&cx, duration)?;
        store.write_record(&record)?;
        remove(&cx.scratch)?;
        Ok((record, duration))
    }

    fn call(&self, cx: &mut Context) -> Result<(), Stop> {
        match catch_unwind(AssertUnwindSafe(|| self.node().stage.run(cx))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(StageError::Cancelled)) if self.cancel.requested() => Err(Stop::Cancelled),
            Ok(Err(StageError::Failed(error))) => Err(Stop::Failed(chain(error.as_ref()))),
            Ok(Err(error)) => Err(Stop::Failed(chain(&error))),
            Err(panic) => Err(Stop::Failed(format!("panicked: {}", panic_text(panic.as_ref())))),
        }
    }

    // ---- inputs ----

    fn open_inputs(&self, texts: &Path) -> Result<(BTreeMap<String, Opened>, Stamps), Stop> {
        self.check_inputs();
        let (mut opened, mut stamps, mut damaged) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, source) in &self.node().inputs {
            let input = match source {
                Source::Output { stage, output } => match self.open_output(stage, output)? {
                    Ok(input) => input,
                    Err(producer) => {
                        damaged.push(producer);
                        continue;
                    }
                },
                Source::Lineage => {
                    let text = self.lineage.as_deref().unwrap_or_default();
                    let path = texts.join(format!("lineage-{}", opened.len()));
                    fs_err::write(&path, text)?;
                    let file = FileRef { digest: Digest::of(text.as_bytes()), size: text.len() as u64 };
                    Opened::File(OpenFile { path, file })
                }
                Source::External { path, .. } => {
                    let (input, stamp) = self.open_external(name, path)?;
                    stamps.push((path.clone(), stamp));
                    input
                }
            };
            opened.insert(name.clone(), input);
        }
        if damaged.is_empty() { Ok((opened, stamps)) } else { Err(Stop::Damaged(damaged)) }
    }

    /// Checks the objects that the stage reads and this process has not checked yet, as many at a time as there are
    /// threads to spare: a split of a large corpus is thousands of objects. What is wrong shows when they are opened.
    fn check_inputs(&self) {
        let sources = self.node().inputs.values().filter_map(|source| match source {
            Source::Output { stage, output } => {
                self.inputs.get(&self.graph.index(stage)?)?.as_ref()?.outputs.get(output).map(Artifact::files)
            }
            _ => None,
        });
        let unchecked: BTreeMap<Digest, FileRef> = sources
            .flatten()
            .filter(|file| !self.engine.store.is_checked(file.digest))
            .map(|file| (file.digest, file))
            .collect();
        let (files, total): (Vec<FileRef>, u64) =
            (unchecked.values().copied().collect(), unchecked.values().map(|file| file.size).sum());
        if total < WORTH_THREADS {
            return;
        }
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        let work = || {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.cancel.requested() {
                    return;
                }
                self.engine.store.check(*file);
                let done = done.fetch_add(file.size, Ordering::Relaxed) + file.size;
                _ = self.sender.send(Report::Progress {
                    idx: self.idx,
                    done: done / MB,
                    total: total / MB,
                    unit: "MB checked",
                });
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..(self.threads * (1 + self.idle)).min(files.len()) {
                scope.spawn(work);
            }
            work();
        });
    }

    /// An output of another stage, its bytes checked; the inner error is the node that has to run again.
    fn open_output(&self, stage: &str, output: &str) -> Result<Result<Opened, usize>, Stop> {
        if self.cancel.requested() {
            return Err(Stop::Cancelled);
        }
        let from = self.graph.index(stage).unwrap_or_default();
        let record = self.inputs.get(&from).and_then(Option::as_ref);
        let Some(artifact) = record.and_then(|record| record.outputs.get(output)) else { return Ok(Err(from)) };
        match self.engine.open_artifact(artifact) {
            Ok(opened) => Ok(Ok(opened)),
            Err((_, BadObject::Io(error))) => Err(error.into()),
            Err((file, bad)) => {
                let what = if matches!(bad, BadObject::Damaged) { "damaged: it was set aside" } else { "gone" };
                self.note(format!(
                    "object {} (output `{output}` of {stage}) is {what}; {stage} runs again",
                    file.digest.short()
                ));
                Ok(Err(from))
            }
        }
    }

    fn open_external(&self, name: &str, path: &Path) -> Result<(Opened, Option<Stamp>), Stop> {
        let before = stamp(path)?;
        let found = self.engine.store.externals.digest(path)?;
        let expected = self.prepared.recipe.inputs.get(name);
        match found {
            Some(file) if Some(&file.digest) == expected => {
                Ok((Opened::File(OpenFile { path: path.to_owned(), file }), before))
            }
            Some(_) => Err(Stop::Failed(format!("{} changed since the run began: run again", path.display()))),
            None => Err(Stop::Failed(format!(
                "input `{name}`: {} is needed because the stage has to run, and is not there",
                path.display()
            ))),
        }
    }

    // ---- outputs ----

    fn commit(&self, cx: &Context, duration: Duration) -> Result<Record, Stop> {
        let names = self.node().stage.outputs();
        refuse_strays(cx, &names)?;
        let mut outputs = BTreeMap::new();
        for name in names {
            outputs.insert(name.to_owned(), self.collect(cx, name)?);
        }
        Ok(Record {
            key: self.prepared.key,
            stage: self.node().id.clone(),
            recipe: self.prepared.recipe.clone(),
            size: outputs.values().map(Artifact::size).sum(),
            outputs,
            device: cx.device.clone(),
            threads: cx.threads,
            duration_ms: duration.as_millis() as u64,
            facts: self.engine.facts.clone(),
        })
    }

    fn collect(&self, cx: &Context, output: &str) -> Result<Artifact, Stop> {
        let wrong = |what: String| Err(Stop::Failed(format!("output `{output}`: {what}")));
        let path = cx.staging.join(output);
        let linked: BTreeMap<&str, FileRef> = cx
            .linked
            .iter()
            .filter(|((name, _), _)| name == output)
            .map(|((_, entry), file)| (entry.as_str(), *file))
            .collect();
        for (entry, file) in &linked {
            if !self.engine.store.has(*file) {
                return wrong(format!("`{entry}` is linked to object {}, which the store does not have", file.digest));
            }
        }
        let meta = crate::files::found(fs_err::symlink_metadata(&path))?;
        if let Some(file) = linked.get("") {
            if meta.is_some() || linked.len() > 1 {
                return wrong("it is linked as a whole and written as well".to_owned());
            }
            return Ok(Artifact::File(*file));
        }
        let Some(meta) = meta else {
            if linked.is_empty() {
                return wrong("the stage did not write it".to_owned());
            }
            return Ok(Artifact::Tree(linked.into_iter().map(|(name, file)| (name.to_owned(), file)).collect()));
        };
        if meta.is_file() && linked.is_empty() {
            return Ok(Artifact::File(self.engine.store.put(&path)?));
        }
        if !meta.is_dir() {
            return wrong("it is neither one file nor a folder of files".to_owned());
        }
        let mut files: BTreeMap<String, FileRef> =
            linked.into_iter().map(|(name, file)| (name.to_owned(), file)).collect();
        for below in files_below(&path)? {
            let Some(name) = below.to_str().filter(|name| check_name(name)) else {
                return wrong(format!("`{}` cannot name a file in a tree", below.display()));
            };
            if files.insert(name.to_owned(), self.engine.store.put(&path.join(name))?).is_some() {
                return wrong(format!("`{name}` is linked and written as well"));
            }
        }
        Ok(Artifact::Tree(files))
    }
}

/// What was written without being declared points to a mistake in the stage.
fn refuse_strays(cx: &Context, names: &[&str]) -> Result<(), Stop> {
    let entries = fs_err::read_dir(&cx.staging)?;
    let written: Vec<String> = entries
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    let linked = cx.linked.keys().map(|(output, _)| output);
    match written.iter().chain(linked).find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            Err(Stop::Failed(format!("the stage wrote `{name}`, which is none of its outputs ({})", names.join(", "))))
        }
    }
}

impl Engine {
    /// An artifact ready to be read; the error names the file that cannot be used.
    pub(crate) fn open_artifact(&self, artifact: &Artifact) -> Result<Opened, (FileRef, BadObject)> {
        let open = |file: &FileRef| {
            let path = self.store.open(*file).map_err(|bad| (*file, bad))?;
            Ok(OpenFile { path, file: *file })
        };
        Ok(match artifact {
            Artifact::File(file) => Opened::File(open(file)?),
            Artifact::Tree(files) => {
                let files = files.iter().map(|(name, file)| Ok((name.clone(), open(file)?)));
                Opened::Tree(OpenTree(files.collect::<Result<_, _>>()?))
            }
        })
    }
}

/// Bytes of the files below a folder, as far as they can be seen.
fn bytes_below(folder: &Path) -> u64 {
    let files = files_below(folder).unwrap_or_default();
    files.iter().filter_map(|file| fs_err::metadata(folder.join(file)).ok()).map(|meta| meta.len()).sum()
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
