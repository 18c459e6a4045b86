//! Running a graph: stages that are ready run side by side, within the given jobs and device slots.
//!
//! One thread (the caller's) keeps all state, looks keys up and starts threads that each execute one stage and
//! report over a channel. If a stage finds an input damaged, its producer is run again first, and whatever had
//! been decided from the producer's result is decided anew.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;
use std::time::Duration;

use hit_stage::{Cancel, Digest};

use crate::engine::Engine;
use crate::error::{EngineError, chain};
use crate::exec::{Ending, Job, Report};
use crate::graph::{Graph, Source};
use crate::key::Recipe;
use crate::plan::{Input, Lookup, lineage_text};
use crate::select::Selection;
use crate::store::{Latest, Record};
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
        self.store.prepare()?;
        let _in_use = self.store.enter()?;
        let (sender, receiver) = channel();
        let mut run = Run::new(self, graph, selection, options, observer, cancel, sender);
        self.prefetch(graph, selection, options.jobs, cancel);
        // Noted now: a corpus that took long to hash need not be hashed again if the run is killed.
        self.store.remember(BTreeMap::new())?;
        let through = std::thread::scope(|scope| run.drive(scope, &receiver));
        let summary = run.summary();
        let latest = run.latest();
        self.store.sync()?;
        self.store.remember(latest)?;
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

/// Longest way to the end first, then the order of the graph.
type Rank = (Reverse<usize>, usize);

struct Run<'a> {
    engine: &'a Engine,
    graph: &'a Graph,
    options: &'a RunOptions,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    sender: Sender<Report>,
    height: Vec<usize>,
    status: Vec<Status>,
    done: Vec<Option<Arc<Record>>>,
    /// Stages whose inputs are known and whose key is to be looked up.
    ready: BTreeSet<Rank>,
    /// Stages to be executed.
    queue: BTreeMap<Rank, Prepared>,
    /// Keys in execution, and the stages of the same key that wait for the result.
    running: BTreeMap<Digest, Vec<usize>>,
    free_devices: Vec<String>,
    busy: usize,
    rebuilt: Vec<usize>,
    /// Stages that were executed, whatever became of them later.
    executed: BTreeSet<usize>,
    /// The first failure, if that is to stop the run.
    stop: Option<String>,
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
        let mut height = vec![0; n];
        for idx in (0..n).rev() {
            height[idx] = graph.children_at(idx).iter().map(|&child| height[child] + 1).max().unwrap_or(0);
        }
        let selected = |idx: &usize| selection.ids.contains(&graph.nodes()[*idx].id);
        // A selection made by hand may lack ancestors: they are needed all the same.
        let wanted = graph.ancestors((0..n).filter(selected));
        let status = |idx| {
            if wanted.contains(&idx) { Status::Waiting(graph.parents_at(idx).len()) } else { Status::Out }
        };
        let mut run = Self {
            engine,
            graph,
            options,
            observer,
            cancel,
            sender,
            height,
            status: (0..n).map(status).collect(),
            done: vec![None; n],
            ready: BTreeSet::new(),
            queue: BTreeMap::new(),
            running: BTreeMap::new(),
            free_devices: options.devices.iter().rev().cloned().collect(),
            busy: 0,
            rebuilt: vec![0; n],
            executed: BTreeSet::new(),
            stop: None,
        };
        if run.free_devices.is_empty() {
            run.free_devices.push("cpu".to_owned());
        }
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
            let step = if stopped { Ok(()) } else { self.look_up().and_then(|()| self.start(scope)) };
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
        for (name, input) in self.engine.inputs(self.graph, idx, &self.done)? {
            let digest = match input {
                Input::Known(digest) => digest,
                Input::Pending(from) => unreachable!("{} is finished before its readers are ready", self.id(from)),
                Input::NoFile(path) => {
                    let message = format!("input `{name}`: there is no file {}", path.display());
                    return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message).into());
                }
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
            let free = |idx: &usize| !self.graph.nodes()[*idx].stage.needs().device || !self.free_devices.is_empty();
            let Some(rank) = self.queue.keys().find(|(_, idx)| free(idx)).copied() else { break };
            let Some(prepared) = self.queue.remove(&rank) else { break };
            let idx = rank.1;
            if let Some(parked) = self.running.get_mut(&prepared.key) {
                parked.push(idx);
                continue;
            }
            let node = &self.graph.nodes()[idx];
            let slot = if node.stage.needs().device { self.free_devices.pop() } else { None };
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
                inputs: self.graph.parents_at(idx).iter().map(|&from| (from, self.done[from].clone())).collect(),
                threads: self.options.threads_per_stage.max(1),
                cancel: self.cancel.clone(),
                sender: self.sender.clone(),
                lineage: self.lineage(idx),
            };
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || job.run())?;
        }
        Ok(())
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
            Report::Ended { idx, key, slot, ending } => {
                self.busy -= 1;
                self.free_devices.extend(slot);
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

    fn finish(&mut self, idx: usize, record: Arc<Record>, outcome: Outcome, duration: Duration) {
        self.done[idx] = Some(record);
        self.status[idx] = Status::Done;
        self.observer.finished(self.id(idx), outcome, duration);
        for &child in self.graph.children_at(idx) {
            if let Status::Waiting(n) = &mut self.status[child] {
                *n -= 1;
                self.release(child);
            }
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

    /// Lets a stage wait for those of its producers that are not finished.
    fn wait(&mut self, idx: usize) {
        let open = self.graph.parents_at(idx).iter().filter(|&&from| self.done[from].is_none()).count();
        self.status[idx] = Status::Waiting(open);
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
        let entry = |(idx, record): (usize, &Option<Arc<Record>>)| {
            let record = record.as_ref()?;
            Some((self.id(idx).to_owned(), Latest { kind: record.recipe.kind.clone(), key: record.key }))
        };
        self.done.iter().enumerate().filter_map(entry).collect()
    }
}
