//! The contract between stages and the engine: digests, seeds, artifacts and the [`Stage`] trait.
//!
//! This crate knows neither music nor the engine. Every stage's code digest contains it, so an edit
//! here reruns everything: it is small and meant to stay as it is.

mod artifact;
mod context;
mod digest;
mod seed;
mod stage;

pub use artifact::{Artifact, FileRef, OpenFile, OpenTree, Opened, check_name};
pub use context::{Cancel, Context, NoProgress, Progress};
pub use digest::{Digest, DigestParseError, Hasher, canonical_json};
pub use seed::Seed;
pub use stage::{DynStage, Needs, Numerics, Stage, StageError};
