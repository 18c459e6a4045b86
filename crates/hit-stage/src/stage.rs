//! The trait that every stage implements.

use std::error::Error;

use serde::Serialize;

use crate::context::Context;

/// Whether a result depends on the numeric backend (then its name is part of the key).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Numerics {
    /// The same bytes on every backend: scalar code, libm, integers.
    #[default]
    Exact,
    /// Tensor code: burn-flex and CUDA differ in the last bits.
    Backend,
}

/// What a stage needs to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// Whether the key carries the backend.
    pub numerics: Numerics,
    /// Whether it takes a device slot.
    pub device: bool,
}

/// One kind of work. The fields of the implementing type are its parameters: they are serialised into the key.
///
/// A stage reads its inputs and writes its outputs through [`Context`] and has no other effect. Its result is a
/// function of parameters, inputs and code (and backend, if [`Needs::numerics`] says so).
pub trait Stage: Serialize + Send + Sync + 'static {
    /// The kind, for example `train`.
    const KIND: &'static str;
    /// The package that defines it: always `env!("CARGO_PKG_NAME")`. Its closure's code digest enters the key.
    const CRATE: &'static str;

    /// Names of the outputs; each must be written.
    fn outputs(&self) -> Vec<&'static str>;

    /// Further packages whose code the result depends on (the crate of the arm that is trained, say).
    fn plugins(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// What it needs.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Does the work.
    ///
    /// # Errors
    /// [`StageError::Cancelled`] soon after [`Context::cancelled`] turns true, otherwise whatever went wrong.
    fn run(&self, cx: &mut Context) -> Result<(), StageError>;
}

/// A [`Stage`] whose type is forgotten.
pub trait DynStage: Send + Sync {
    /// See [`Stage::KIND`].
    fn kind(&self) -> &'static str;
    /// See [`Stage::CRATE`].
    fn crate_name(&self) -> &'static str;
    /// See [`Stage::plugins`].
    fn plugins(&self) -> Vec<&'static str>;
    /// The parameters.
    fn params(&self) -> serde_json::Value;
    /// See [`Stage::outputs`].
    fn outputs(&self) -> Vec<&'static str>;
    /// See [`Stage::needs`].
    fn needs(&self) -> Needs;
    /// See [`Stage::run`].
    ///
    /// # Errors
    /// Those of [`Stage::run`].
    fn run(&self, cx: &mut Context) -> Result<(), StageError>;
}

impl<S: Stage> DynStage for S {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn crate_name(&self) -> &'static str {
        S::CRATE
    }

    fn plugins(&self) -> Vec<&'static str> {
        Stage::plugins(self)
    }

    fn params(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("parameters are representable as JSON")
    }

    fn outputs(&self) -> Vec<&'static str> {
        Stage::outputs(self)
    }

    fn needs(&self) -> Needs {
        Stage::needs(self)
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        Stage::run(self, cx)
    }
}

/// Why a stage did not finish.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It was asked to stop and did; nothing is wrong.
    #[error("stopped on request")]
    Cancelled,
    /// The graph gave it no such input, or one of another form: a bug in the graph.
    #[error("no input `{name}` of the form {expected} was given")]
    NoInput {
        /// Name asked for.
        name: String,
        /// `file` or `tree`.
        expected: &'static str,
    },
    /// An output or tree entry with a name that cannot be used.
    #[error("`{0}` cannot name an output")]
    BadName(String),
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The stage's own error.
    #[error("{0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

impl StageError {
    /// Wraps a stage's own error.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }
}
