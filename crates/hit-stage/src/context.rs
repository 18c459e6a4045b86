//! What a running stage sees of the world: its inputs, places for its outputs, a device, a way to report and to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::artifact::{FileRef, OpenFile, OpenTree, Opened, check_name};
use crate::stage::StageError;

/// Receives how far a stage is.
pub trait Progress: Send + Sync {
    /// `done` of `total` units (`windows`, `steps`) are finished.
    fn update(&self, done: u64, total: u64, unit: &'static str);
}

/// Reports to nobody.
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _: u64, _: u64, _: &'static str) {}
}

/// A request to stop, shared by everything that runs.
#[derive(Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked for.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Handed to [`crate::Stage::run`].
pub struct Context {
    /// Inputs by name, verified.
    pub inputs: BTreeMap<String, Opened>,
    /// Empty folder for outputs: the file or folder `staging/<output>`.
    pub staging: PathBuf,
    /// Folder that belongs to this key and survives a kill; emptied when the stage succeeds.
    pub scratch: PathBuf,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Threads that the stage may use.
    pub threads: usize,
    /// Where progress goes.
    pub progress: Arc<dyn Progress>,
    /// The request to stop.
    pub cancel: Cancel,
    /// Tree entries that already are stored objects: (output, name) to file.
    pub linked: BTreeMap<(String, String), FileRef>,
}

impl Context {
    /// A context over plain folders, as tests and benchmarks use it.
    pub fn new(staging: impl Into<PathBuf>, scratch: impl Into<PathBuf>) -> Self {
        Self {
            inputs: BTreeMap::new(),
            staging: staging.into(),
            scratch: scratch.into(),
            device: "cpu".to_owned(),
            threads: 1,
            progress: Arc::new(NoProgress),
            cancel: Cancel::default(),
            linked: BTreeMap::new(),
        }
    }

    /// The input file of that name.
    ///
    /// # Errors
    /// [`StageError::NoInput`] if there is none or it is a tree.
    pub fn file(&self, name: &str) -> Result<&OpenFile, StageError> {
        match self.inputs.get(name) {
            Some(Opened::File(file)) => Ok(file),
            _ => Err(StageError::NoInput { name: name.to_owned(), expected: "file" }),
        }
    }

    /// The input tree of that name.
    ///
    /// # Errors
    /// [`StageError::NoInput`] if there is none or it is a file.
    pub fn tree(&self, name: &str) -> Result<&OpenTree, StageError> {
        match self.inputs.get(name) {
            Some(Opened::Tree(tree)) => Ok(tree),
            _ => Err(StageError::NoInput { name: name.to_owned(), expected: "tree" }),
        }
    }

    /// Inputs whose name starts with `prefix`, in order, the prefix taken off.
    pub fn inputs_under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Opened)> {
        self.inputs.iter().filter_map(move |(name, opened)| Some((name.strip_prefix(prefix)?, opened)))
    }

    /// Path to write the output file `output` to.
    ///
    /// # Errors
    /// [`StageError::BadName`].
    pub fn output(&self, output: &str) -> Result<PathBuf, StageError> {
        self.place(output, None)
    }

    /// Path to write the file `name` of the output tree `output` to; its folder exists.
    ///
    /// # Errors
    /// [`StageError::BadName`], or the folder could not be made.
    pub fn output_in(&self, output: &str, name: &str) -> Result<PathBuf, StageError> {
        self.place(output, Some(name))
    }

    fn place(&self, output: &str, name: Option<&str>) -> Result<PathBuf, StageError> {
        let mut path = self.staging.clone();
        for part in [Some(output), name].into_iter().flatten() {
            if !check_name(part) {
                return Err(StageError::BadName(part.to_owned()));
            }
            path.push(part);
        }
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        Ok(path)
    }

    /// Writes the output file `output`.
    ///
    /// # Errors
    /// [`StageError::BadName`], [`StageError::Io`].
    pub fn write(&self, output: &str, bytes: impl AsRef<[u8]>) -> Result<(), StageError> {
        Ok(fs_err::write(self.output(output)?, bytes)?)
    }

    /// Makes `name` of the output tree `output` the stored object `file`, without copying it.
    ///
    /// # Errors
    /// [`StageError::BadName`].
    pub fn link(&mut self, output: &str, name: &str, file: FileRef) -> Result<(), StageError> {
        for part in [output, name] {
            if !check_name(part) {
                return Err(StageError::BadName(part.to_owned()));
            }
        }
        self.linked.insert((output.to_owned(), name.to_owned()), file);
        Ok(())
    }

    /// Makes the whole output `output` the stored file `file`, without copying it.
    ///
    /// # Errors
    /// [`StageError::BadName`].
    pub fn link_file(&mut self, output: &str, file: FileRef) -> Result<(), StageError> {
        if !check_name(output) {
            return Err(StageError::BadName(output.to_owned()));
        }
        self.linked.insert((output.to_owned(), String::new()), file);
        Ok(())
    }

    /// The scratch folder, made if need be.
    ///
    /// # Errors
    /// [`StageError::Io`].
    pub fn scratch(&self) -> Result<&Path, StageError> {
        fs_err::create_dir_all(&self.scratch)?;
        Ok(&self.scratch)
    }

    /// Whether the stage should stop now.
    pub fn cancelled(&self) -> bool {
        self.cancel.requested()
    }

    /// [`StageError::Cancelled`] if the stage should stop now.
    ///
    /// # Errors
    /// As said.
    pub fn checkpoint(&self) -> Result<(), StageError> {
        if self.cancelled() { Err(StageError::Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_land_in_staging_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        cx.write("table", "x").unwrap();
        fs_err::write(cx.output_in("tree", "a/b").unwrap(), "y").unwrap();
        assert_eq!(fs_err::read_to_string(dir.path().join("out/table")).unwrap(), "x");
        assert_eq!(fs_err::read_to_string(dir.path().join("out/tree/a/b")).unwrap(), "y");
        assert!(matches!(cx.output_in("tree", "../../x"), Err(StageError::BadName(_))));
        let file = FileRef { digest: crate::Digest::of(b""), size: 0 };
        assert!(cx.link("tree", "/etc/passwd", file).is_err());
        assert!(cx.link("tree", "c", file).is_ok());
        assert!(matches!(cx.file("none"), Err(StageError::NoInput { expected: "file", .. })));
        assert!(cx.checkpoint().is_ok());
        cx.cancel.request();
        assert!(matches!(cx.checkpoint(), Err(StageError::Cancelled)));
    }
}
