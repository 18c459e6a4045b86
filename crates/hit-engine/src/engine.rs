//! The engine: a store, the code digests of this binary, a numeric backend.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fs_err::File;
use hit_stage::Digest;

use crate::error::EngineError;
use crate::graph::Node;
use crate::key::{Code, NoCode, Recipe};
use crate::store::{Finished, Store};

/// Looks stages up in a store and runs those that are not there.
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) code: Code,
    pub(crate) backend: String,
    pub(crate) facts: BTreeMap<String, String>,
    /// Records read so far: a run, the export after it and a status after that read each once.
    pub(crate) known: Mutex<BTreeMap<Digest, Arc<Finished>>>,
}

impl Engine {
    /// An engine over the store in the folder `cache`, which is made when something runs.
    ///
    /// `backend` (`flex`, `cuda`) enters the keys of stages whose results depend on it.
    pub fn new(cache: impl Into<PathBuf>, code: Code, backend: impl Into<String>) -> Self {
        let store = Store::new(cache.into());
        Self { store, code, backend: backend.into(), facts: BTreeMap::new(), known: Mutex::default() }
    }

    /// States versions and hardware, which go into every record and into no key.
    #[must_use]
    pub fn with_facts(mut self, facts: BTreeMap<String, String>) -> Self {
        self.facts = facts;
        self
    }

    /// The folder of the store.
    pub fn cache(&self) -> &Path {
        &self.store.root
    }

    /// The numeric backend.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Makes the store ready for use, and says that this process uses it until the file is dropped.
    pub(crate) fn enter(&self) -> Result<File, EngineError> {
        let entered = self.store.prepare().and_then(|()| self.store.enter());
        entered.map_err(|why| EngineError::Store { root: self.store.root.clone(), why })
    }

    /// The recipe of a node, with no inputs filled in.
    pub(crate) fn recipe(&self, node: &Node) -> Result<Recipe, EngineError> {
        Recipe::of(node.stage.as_ref(), &self.code, &self.backend)
            .map_err(|NoCode(name)| EngineError::UnknownCrate { stage: node.id.clone(), name })
    }
}
