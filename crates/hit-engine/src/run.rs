//! Running a graph: stages that are ready run side by side, within the given jobs and device slots.
//!
//! One thread (the caller's) keeps all state, looks keys up and starts threads that each execute one stage, or hash one
//! external file, and report over a channel. A stage waits for the digests of its own files only; where a job is free
//! and no stage can use it, the file that is needed first is hashed, so that it is read again, by the stage, while it
//! still is in memory. If a stage finds an input damaged, its producer is run again first, and whatever had
//! been decided from the producer's result is decided anew.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;
use std::time::Duration;

use hit_stage::{Cancel, Digest};

use crate::engine::Engine;
use crate::error::{EngineError, chain};
use crate::exec::{Ending, Job, Report};
use crate::graph::{Graph, Source};
use crate::hashing::{Amount, Digests, Found, Unread, external_paths};
use crate::key::Recipe;
use crate::plan::{Input, Lookup, lineage_text};
use crate::select::Selection;
use crate::slots::Slots;
use crate::store::{Finished, Latest};
use crate::summary::{Failure, NotRun, Observer, Outcome, RunOptions, Summary};

/// How often a stage is run again because its output turned out damaged, before its reader fails.
const REBUILDS: usize = 3;
/// Stack of a stage's thread: tensor libraries recurse deeper than the default of threads allows.
const STACK_BYTES: usize = 32 << 20;

impl Engine {
    /// Brings the selected stages into the store.
    ///
    /// # Errors
    /// [`EngineError`] if the store itself cannot be used. Stages that fail are listed in the summary instead.
    pub fn run(
        &self,
        graph: &Graph,
        selection: &Selection,
        options: &RunOptions,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Summary, EngineError> {
        let _in_use = self.enter()?;
        let (sender, receiver) = channel();
        let mut run = Run::new(self, graph, selection, options, observer, cancel, sender);
        let through = std::thread::scope(|scope| run.drive(scope, &receiver));
        let summary = run.summary();
        let latest = run.latest();
        self.store.sync()?;
        if let Err(error) = self.store.remember(latest) {
            // It holds reasons and digests of external files: without it things take longer, nothing is lost.
            observer.note(&format!("what was done could not be noted for the next plan: {}", chain(&error)));
        }
        through.map(|()| summary)
    }
}

/// Where a stage stands.
enum Status {
    /// Not selected.
    Out,
    /// Waits for this many others.
    Waiting(usize),
    /// In `ready`, `queue` or `parked`.
    Due,
    /// In a thread; `again` if something it was started with has been decided anew since.
    Running {
        again: bool,
    },
    Done,
    Failed(String),
    /// Another failed.
    NotRun(String),
}

/// A stage with its key, to be executed.
pub(crate) struct Prepared {
    pub(crate) recipe: Recipe,
    pub(crate) key: Digest,
}

/// Longest way to the end first (the sum of costs along it), then the order of the graph.
type Rank = (Reverse<u64>, usize);

/// External files of a run.
struct Files {
    digests: Digests,
    /// To be hashed, the first to be needed first.
    unread: VecDeque<Unread>,
    /// Stages that wait for a file.
    readers: BTreeMap<PathBuf, Vec<usize>>,
    /// By node: for how many files it waits.
    open: Vec<usize>,
    amount: Amount,
    /// How many are being hashed.
    busy: usize,
}

struct Run<'a> {
    engine: &'a Engine,
    graph: &'a Graph,
    options: &'a RunOptions,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    sender: Sender<Report>,
    /// By node: cost of it and of the costliest way from it to the end.
    height: Vec<u64>,
    status: Vec<Status>,
    done: Vec<Option<Arc<Finished>>>,
    /// Stages whose inputs are known and whose key is to be looked up.
    ready: BTreeSet<Rank>,
    /// Stages to be executed.
    queue: BTreeMap<Rank, Prepared>,
    /// Keys in execution, and the stages of the same key that wait for the result.
    running: BTreeMap<Digest, Vec<usize>>,
    slots: Slots,
    busy: usize,
    rebuilt: Vec<usize>,
    files: Files,
    /// Stages that were executed, whatever became of them later.
    executed: BTreeSet<usize>,
    /// The first failure, if that is to stop the run.
    stop: Option<String>,
}

impl Files {
    /// The files of the nodes `wanted`: those known by their stamps, and the others in the order in which stages need them.
    fn new(engine: &Engine, graph: &Graph, wanted: &BTreeSet<usize>, height: &[u64]) -> Self {
        let ranks: BTreeSet<Rank> = wanted.iter().map(|&idx| (Reverse(height[idx]), idx)).collect();
        let (digests, unread) = engine.survey(graph, ranks.iter().map(|rank| rank.1));
        let amount = Amount::of(unread.iter().map(|file| file.size).sum());
        let mut readers: BTreeMap<PathBuf, Vec<usize>> =
            unread.iter().map(|file| (file.path.clone(), vec![])).collect();
        let mut open = vec![0; graph.nodes().len()];
        for &rank in &ranks {
            let paths: BTreeSet<&Path> = external_paths(graph, rank.1).collect();
            for path in paths {
                let Some(readers) = readers.get_mut(path) else { continue };
                readers.push(rank.1);
                open[rank.1] += 1;
            }
        }
        Self { digests, unread: unread.into(), readers, open, amount, busy: 0 }
    }
}

impl<'a> Run<'a> {
    fn new(
        engine: &'a Engine,
        graph: &'a Graph,
        selection: &Selection,
        options: &'a RunOptions,
        observer: &'a dyn Observer,
        cancel: &'a Cancel,
        sender: Sender<Report>,
    ) -> Self {
        let n = graph.nodes().len();
        let height = heights(graph);
        let selected = |idx: &usize| selection.ids.contains(&graph.nodes()[*idx].id);
        // A selection made by hand may lack ancestors: they are needed all the same.
        let wanted = graph.ancestors((0..n).filter(selected));
        let files = Files::new(engine, graph, &wanted, &height);
        let waits = |idx: usize| graph.parents_at(idx).len() + files.open[idx];
        let status = |idx| if wanted.contains(&idx) { Status::Waiting(waits(idx)) } else { Status::Out };
        let status = (0..n).map(status).collect();
        let mut run = Self {
            engine,
            graph,
            options,
            observer,
            cancel,
            sender,
            height,
            status,
            done: vec![None; n],
            ready: BTreeSet::new(),
            queue: BTreeMap::new(),
            running: BTreeMap::new(),
            slots: Slots::new(&options.devices),
            busy: 0,
            rebuilt: vec![0; n],
            files,
            executed: BTreeSet::new(),
            stop: None,
        };
        for idx in wanted {
            run.release(idx);
        }
        run
    }

    fn id(&self, idx: usize) -> &'a str {
        &self.graph.nodes()[idx].id
    }

    fn rank(&self, idx: usize) -> Rank {
        (Reverse(self.height[idx]), idx)
    }

    fn drive<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        receiver: &Receiver<Report>,
    ) -> Result<(), EngineError>
    where
        'a: 'scope,
    {
        loop {
            let stopped = self.stop.is_some() || self.cancel.requested();
            let step = if stopped {
                Ok(())
            } else {
                self.look_up().and_then(|()| self.start(scope)).and_then(|()| self.hash(scope))
            };
            if let Err(error) = step {
                // The store cannot be used: what runs is asked to stop, and the scope waits for it.
                self.cancel.request();
                return Err(error);
            }
            if self.busy == 0 {
                return Ok(());
            }
            // A sender lives in `self`, so this ends only with a report; each thread sends its last one in any case.
            if let Ok(report) = receiver.recv() {
                self.hear(report);
            }
        }
    }

    /// Makes a stage that waits for nothing due.
    fn release(&mut self, idx: usize) {
        if matches!(self.status[idx], Status::Waiting(0)) {
            self.status[idx] = Status::Due;
            self.ready.insert(self.rank(idx));
        }
    }

    /// Looks up every stage that is ready: cached ones are finished on the spot, which makes others ready.
    fn look_up(&mut self) -> Result<(), EngineError> {
        while let Some((_, idx)) = self.ready.pop_first() {
            if self.cancel.requested() {
                self.ready.insert(self.rank(idx));
                return Ok(());
            }
            match self.prepare(idx) {
                Err(error) => self.fail(idx, &chain(&error)),
                Ok(prepared) => self.decide(idx, prepared)?,
            }
        }
        Ok(())
    }

    fn prepare(&self, idx: usize) -> Result<Prepared, EngineError> {
        let mut recipe = self.engine.recipe(&self.graph.nodes()[idx])?;
        for (name, input) in Engine::inputs(self.graph, idx, &self.files.digests, &self.done) {
            let digest = match input {
                Input::Known(digest) => digest,
                Input::Pending(from) => unreachable!("{} is finished before its readers are ready", self.id(from)),
                Input::NoFile(path) => {
                    let message = format!("input `{name}`: there is no file {}", path.display());
                    return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message).into());
                }
                Input::Unreadable(_, why) => return Err(std::io::Error::other(format!("input `{name}`: {why}")).into()),
            };
            recipe.inputs.insert(name.to_owned(), digest);
        }
        let key = recipe.key();
        Ok(Prepared { recipe, key })
    }

    fn decide(&mut self, idx: usize, prepared: Prepared) -> Result<(), EngineError> {
        if let Some(parked) = self.running.get_mut(&prepared.key) {
            parked.push(idx);
            return Ok(());
        }
        let node = &self.graph.nodes()[idx];
        match self.engine.lookup(node, prepared.key)? {
            Lookup::Hit(record) => {
                self.finish(idx, record, Outcome::Cached, Duration::ZERO);
                return Ok(());
            }
            Lookup::Damaged(why) => {
                let path = self.engine.store.record_path(node.stage.kind(), prepared.key);
                self.engine.store.set_aside(&path)?;
                self.observer.note(&format!("the record of {} was damaged ({why}): set aside, it runs again", node.id));
            }
            Lookup::Lost(output) => {
                self.observer
                    .note(&format!("output `{output}` of {} is no longer in the store: it runs again", node.id));
            }
            Lookup::Absent => (),
        }
        self.queue.insert(self.rank(idx), prepared);
        Ok(())
    }

    /// Starts what may start: one thread a stage.
    fn start<'scope>(&mut self, scope: &'scope Scope<'scope, '_>) -> Result<(), EngineError>
    where
        'a: 'scope,
    {
        while self.busy < self.options.jobs.max(1) {
            let free = |idx: &usize| !self.graph.nodes()[*idx].stage.needs().device || self.slots.any_free();
            let Some(rank) = self.queue.keys().find(|(_, idx)| free(idx)).copied() else { break };
            let Some(prepared) = self.queue.remove(&rank) else { break };
            let idx = rank.1;
            if let Some(parked) = self.running.get_mut(&prepared.key) {
                parked.push(idx);
                continue;
            }
            let node = &self.graph.nodes()[idx];
            let slot = if node.stage.needs().device { self.slots.take() } else { None };
            let sharing = slot.as_deref().map_or(0, |name| self.slots.on(name));
            self.running.insert(prepared.key, Vec::new());
            self.status[idx] = Status::Running { again: false };
            self.busy += 1;
            self.observer.started(&node.id);
            let job = Job {
                engine: self.engine,
                graph: self.graph,
                idx,
                prepared,
                slot,
                sharing,
                inputs: self.graph.parents_at(idx).iter().map(|&from| (from, self.done[from].clone())).collect(),
                threads: self.options.threads_per_stage.max(1),
                // This one is counted in `busy` already.
                idle: self.options.jobs.saturating_sub(self.busy),
                cancel: self.cancel.clone(),
                sender: self.sender.clone(),
                lineage: self.lineage(idx),
            };
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || job.run())?;
        }
        Ok(())
    }

    /// Hashes files in jobs that no stage has taken.
    fn hash<'scope>(&mut self, scope: &'scope Scope<'scope, '_>) -> Result<(), EngineError>
    where
        'a: 'scope,
    {
        while self.busy < self.options.jobs.max(1) {
            let Some(file) = self.next_unread() else { break };
            self.busy += 1;
            self.files.busy += 1;
            let (engine, sender, cancel) = (self.engine, self.sender.clone(), self.cancel.clone());
            let work = move || {
                let go_on = |bytes| sender.send(Report::Read(bytes)).is_ok() && !cancel.requested();
                let found = engine.hash_file(&file.path, &go_on);
                _ = sender.send(Report::Hashed { path: file.path, found });
            };
            std::thread::Builder::new().spawn_scoped(scope, work)?;
        }
        Ok(())
    }

    /// The next file that a stage still waits for.
    fn next_unread(&mut self) -> Option<Unread> {
        while let Some(file) = self.files.unread.pop_front() {
            let readers = self.files.readers.get(&file.path);
            if readers.into_iter().flatten().any(|&idx| matches!(self.status[idx], Status::Waiting(_))) {
                return Some(file);
            }
            self.files.amount.drop_from(file.size);
        }
        None
    }

    fn hashed(&mut self, path: PathBuf, found: Found) {
        self.busy -= 1;
        self.files.busy -= 1;
        if self.cancel.requested() {
            // It may have been stopped half-way: its readers go on waiting.
            return;
        }
        if self.files.busy == 0 && self.files.unread.is_empty() {
            self.files.amount.finish(self.observer);
        }
        let readers = self.files.readers.remove(&path).unwrap_or_default();
        self.files.digests.insert(path, found);
        for idx in readers {
            self.files.open[idx] -= 1;
            self.one_less(idx);
        }
    }

    /// Something that the stage waited for is there.
    fn one_less(&mut self, idx: usize) {
        if let Status::Waiting(n) = &mut self.status[idx] {
            *n -= 1;
            self.release(idx);
        }
    }

    /// The text of a lineage input, if the node has one.
    fn lineage(&self, idx: usize) -> Option<String> {
        let wanted = self.graph.nodes()[idx].inputs.values().any(|source| *source == Source::Lineage);
        if wanted { lineage_text(self.graph, idx, &self.done).ok() } else { None }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Progress { idx, done, total, unit } => self.observer.progress(self.id(idx), done, total, unit),
            Report::Note(text) => self.observer.note(&text),
            Report::Read(bytes) => self.files.amount.read(bytes, self.observer),
            Report::Hashed { path, found } => self.hashed(path, found),
            Report::Ended { idx, key, slot, ending } => {
                self.busy -= 1;
                if let Some(name) = slot {
                    self.slots.give_back(&name);
                }
                for parked in self.running.remove(&key).unwrap_or_default() {
                    if matches!(self.status[parked], Status::Due) {
                        self.ready.insert(self.rank(parked));
                    }
                }
                self.ended(idx, ending);
            }
        }
    }

    fn ended(&mut self, idx: usize, ending: Ending) {
        let again = matches!(self.status[idx], Status::Running { again: true });
        if matches!(ending, Ending::Finished { outcome: Outcome::Executed, .. }) {
            self.executed.insert(idx);
        }
        match ending {
            _ if again => self.wait(idx),
            Ending::Finished { record, outcome, duration } => self.finish(idx, record, outcome, duration),
            Ending::Failed(error) => self.fail(idx, &error),
            Ending::Cancelled => self.status[idx] = Status::Due,
            Ending::Damaged(producers) => self.rebuild(idx, &producers),
        }
    }

    fn finish(&mut self, idx: usize, record: Arc<Finished>, outcome: Outcome, duration: Duration) {
        self.done[idx] = Some(record);
        self.status[idx] = Status::Done;
        self.observer.finished(self.id(idx), outcome, duration);
        for &child in self.graph.children_at(idx) {
            self.one_less(child);
        }
    }

    fn fail(&mut self, idx: usize, error: &str) {
        self.status[idx] = Status::Failed(error.to_owned());
        self.observer.failed(self.id(idx), error);
        for child in self.graph.descendants(idx) {
            if matches!(self.status[child], Status::Waiting(_) | Status::Due) {
                self.ready.remove(&self.rank(child));
                self.queue.remove(&self.rank(child));
                self.status[child] = Status::NotRun(self.id(idx).to_owned());
            }
        }
        if !self.options.keep_going && self.stop.is_none() {
            self.stop = Some(self.id(idx).to_owned());
        }
    }

    /// Runs `producers` again, since `reader` found their outputs damaged, and decides anew what follows from them.
    fn rebuild(&mut self, reader: usize, producers: &[usize]) {
        self.status[reader] = Status::Waiting(0);
        for &producer in producers {
            self.rebuilt[producer] += 1;
            if self.rebuilt[producer] > REBUILDS {
                let error = format!("what {} made is damaged again and again: check the disk", self.id(producer));
                return self.fail(reader, &error);
            }
        }
        let affected: BTreeSet<usize> = producers.iter().flat_map(|&from| self.graph.descendants(from)).collect();
        for &idx in &affected {
            match &mut self.status[idx] {
                Status::Running { again } => *again = true,
                Status::Done | Status::Due | Status::Waiting(_) => {
                    self.done[idx] = None;
                    self.ready.remove(&self.rank(idx));
                    self.queue.remove(&self.rank(idx));
                    self.running.values_mut().for_each(|parked| parked.retain(|&other| other != idx));
                    self.status[idx] = Status::Waiting(0);
                }
                Status::Out | Status::Failed(_) | Status::NotRun(_) => (),
            }
        }
        for idx in affected {
            if matches!(self.status[idx], Status::Waiting(_)) {
                self.wait(idx);
            }
        }
    }

    /// Lets a stage wait for those of its producers that are not finished, and for its files.
    fn wait(&mut self, idx: usize) {
        let open = self.graph.parents_at(idx).iter().filter(|&&from| self.done[from].is_none()).count();
        self.status[idx] = Status::Waiting(open + self.files.open[idx]);
        self.release(idx);
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary { cancelled: false, ..Summary::default() };
        for (idx, status) in self.status.iter().enumerate() {
            let stage = self.id(idx).to_owned();
            match status {
                Status::Out => (),
                Status::Done if self.executed.contains(&idx) => summary.executed.push(stage),
                Status::Done => summary.cached.push(stage),
                Status::Failed(error) => summary.failed.push(Failure { stage, error: error.clone() }),
                Status::NotRun(because) => summary.not_run.push(NotRun { stage, because: because.clone() }),
                Status::Waiting(_) | Status::Due | Status::Running { .. } => {
                    summary.cancelled |= self.stop.is_none();
                    let because = self.stop.clone().unwrap_or_else(|| "stopped".to_owned());
                    summary.not_run.push(NotRun { stage, because });
                }
            }
        }
        summary
    }

    fn latest(&self) -> BTreeMap<String, Latest> {
        let entry = |(idx, record): (usize, &Option<Arc<Finished>>)| {
            let record = record.as_ref()?;
            Some((self.id(idx).to_owned(), Latest { kind: record.recipe.kind.clone(), key: record.key }))
        };
        self.done.iter().enumerate().filter_map(entry).collect()
    }
}

/// By node: its cost and that of the costliest way from it to the end.
fn heights(graph: &Graph) -> Vec<u64> {
    let mut height = vec![0; graph.nodes().len()];
    for (idx, node) in graph.nodes().iter().enumerate().rev() {
        let below = graph.children_at(idx).iter().map(|&child| height[child]).max().unwrap_or(0);
        height[idx] = node.cost.saturating_add(below);
    }
    height
}
