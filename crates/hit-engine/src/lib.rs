//! Runs a graph of stages from a content-addressed store; knows no music.
//!
//! A stage's key is the digest of its recipe ([`Recipe`]): kind, parameters, content digests of its inputs, code
//! digests of the crates that define it and, where results depend on it, the numeric backend. A key that has a
//! record in the store is not run again, and because inputs enter by content, equal bytes stop a wave of reruns.
//!
//! Life of a run: [`Graph::new`] checks the graph, [`Graph::select`] picks stages, [`Engine::plan`] says what would
//! run and why, [`Engine::run`] runs it, [`Engine::export`] writes `results/` and `pipeline.lock`,
//! [`Engine::verify`] checks them again later, also where there is neither a cache nor a corpus.

mod draw;
mod engine;
mod error;
mod exec;
mod explain;
mod export;
mod external;
mod fetch;
mod files;
mod gc;
mod graph;
mod hashing;
mod key;
mod lock;
mod plan;
mod reason;
mod run;
mod select;
mod slots;
mod store;
mod summary;
mod verify;

pub use engine::Engine;
pub use error::EngineError;
pub use explain::{Explained, Origin};
pub use export::Exported;
pub use gc::{GcReport, Keep};
pub use graph::{Export, Graph, GraphError, Node, Source};
pub use key::{Code, CodeEntry, Recipe};
pub use lock::{Lock, LockError, LockedCrate, LockedOutput, LockedStage};
pub use plan::{Counts, Plan, PlanRow, State};
pub use reason::Reason;
pub use select::Selection;
pub use store::Record;
pub use summary::{Failure, NotRun, Observer, Outcome, RunOptions, Silent, Summary};
pub use verify::{Check, Level, Verdict};

#[cfg(test)]
mod testing;
