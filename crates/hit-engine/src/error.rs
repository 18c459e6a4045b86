//! What can go wrong outside of a stage.

use std::io;
use std::path::PathBuf;

use crate::graph::GraphError;
use crate::lock::LockError;

/// An error of the engine itself; a stage that fails is no such error but part of [`crate::Summary`].
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Reading or writing the store or the results failed; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store cannot be used at all: what it lies on, or what lies in its place, is in the way.
    #[error("the store {} cannot be used: {why}{}", .root.display(), advice(.why))]
    Store {
        /// Its folder.
        root: PathBuf,
        /// The error, which names the path.
        why: io::Error,
    },
    /// The graph is not sound.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The lock cannot be read.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A stage names a crate of which this binary holds no code digest.
    #[error(
        "stage `{stage}` is defined by crate `{name}`, of which this binary holds no code digest: add it to the build script's roots"
    )]
    UnknownCrate {
        /// Stage id.
        stage: String,
        /// Crate named by it.
        name: String,
    },
    /// Results can only be written when every stage is finished.
    #[error("results are not written: stage `{stage}` is not finished ({why})")]
    Incomplete {
        /// First stage that is not finished.
        stage: String,
        /// Why it would run.
        why: String,
    },
    /// A result was asked for that is not there yet.
    #[error("stage `{stage}` is not finished ({why}): run it first")]
    NotFinished {
        /// The stage.
        stage: String,
        /// Why it would run.
        why: String,
    },
    /// Two exports want the same file.
    #[error("`{path}` would be exported by both `{first}` and `{second}`")]
    ExportClash {
        /// Path below the results folder.
        path: String,
        /// One stage.
        first: String,
        /// The other.
        second: String,
    },
    /// An object that was just there cannot be read.
    #[error("object {digest} (output `{output}` of `{stage}`) is damaged or gone: run again to rebuild it")]
    ObjectLost {
        /// Producer.
        stage: String,
        /// Its output.
        output: String,
        /// Digest of the object.
        digest: String,
    },
    /// The store is used by another process.
    #[error("the store {0} is in use by another run: try again when it has ended")]
    Busy(PathBuf),
    /// Nothing of that name is known.
    #[error("`{what}` is neither an exported file nor a stage, nor `stage:output`{}", suggest(.nearest))]
    UnknownThing {
        /// What was asked for.
        what: String,
        /// Known names that resemble it.
        nearest: Vec<String>,
    },
}

/// `; did you mean a, b?`, or nothing.
pub(crate) fn suggest(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", nearest.join(", ")) }
}

/// What to do where file locks are refused.
pub(crate) const NO_LOCKS: &str = "file locks are needed, and some network file systems have none: name a folder on a local disk as the store (`--cache`)";

/// What to do when a disk is full.
pub(crate) const FULL: &str = "the disk is full: free space (`hitrepro gc` removes from the store what nothing needs) or name another folder as the store (`--cache`), then run again; what is finished is kept";

/// What to do about an error of the store's folder: `; ...`, or nothing.
fn advice(error: &io::Error) -> String {
    use io::ErrorKind::{
        AlreadyExists, NotADirectory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match error.kind() {
        ReadOnlyFilesystem | PermissionDenied => "; make it writable or name another folder (`--cache`)".to_owned(),
        AlreadyExists | NotADirectory => {
            "; something else lies where it needs a folder: move that away or name another folder (`--cache`)"
                .to_owned()
        }
        StorageFull | QuotaExceeded => format!("; {FULL}"),
        _ => String::new(),
    }
}

/// Whether the text of an error tells of a full disk or quota.
///
/// Stages hand on errors of many libraries, as text at the latest here; the number of the error is always in it.
pub(crate) fn is_full(text: &str) -> bool {
    // ENOSPC and EDQUOT of Linux.
    text.contains("(os error 28)") || text.contains("(os error 122)")
}

/// Whether the text of an error tells that an accelerator has no memory left, as tensor libraries (cubecl: an allocation, a
/// launch), CUDA's driver and cuBLAS say it.
pub(crate) fn device_is_full(text: &str) -> bool {
    let said = [
        "out of device memory",
        "out-of-memory error happened during launch",
        "CUDA_ERROR_OUT_OF_MEMORY",
        "CUBLAS_STATUS_ALLOC_FAILED",
    ];
    said.iter().any(|said| text.contains(said))
}

/// What to do when the memory of a device is full that so many stages may share.
pub(crate) fn device_memory(device: &str, sharing: usize) -> String {
    let what = match sharing {
        0 | 1 => {
            "though no other stage ran on it: end other programs that use it (`nvidia-smi` lists them) or name a GPU with more \
             memory (`--device cuda:N`), then run again"
                .to_owned()
        }
        n => format!("which up to {n} stages shared: run again with `--slots-per-gpu 1`"),
    };
    format!("the memory of {device} was full, {what}; what is finished is kept")
}

/// An error and everything that caused it, joined by `: `, without repeating a message that contains its cause.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        source = cause.source();
    }
    text
}
