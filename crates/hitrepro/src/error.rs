//! Errors of the command line, and the exit code that each ends with.

use std::path::PathBuf;

use hit_engine::{EngineError, GraphError};

use crate::config::{ConfigError, nearest};
use crate::exit::Exit;
use crate::graph::BuildError;

/// Why a command could not be carried out. A stage that fails is no such error: it is part of a run's summary.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A mistake in `pipeline.toml`.
    #[error("{}: {_0}", _0.place())]
    Config(#[from] Box<ConfigError>),
    /// A profile that the configuration does not have.
    #[error("there is no profile `{name}` in {}{}; there are: {}", .file.display(), hint(.name, .known), some(.known))]
    UnknownProfile {
        /// As asked for.
        name: String,
        /// Profiles there are.
        known: Vec<String>,
        /// The configuration.
        file: PathBuf,
    },
    /// No `pipeline.toml` in the current folder or above it.
    #[error(
        "there is no pipeline.toml in {0} nor in any folder above it: go to the project's folder or name the file with --config"
    )]
    NoProject(PathBuf),
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A thing of that name is not known.
    #[error("there is no {what} `{name}`{}; there are: {}", hint(.name, .known), some(.known))]
    UnknownName {
        /// Kind of thing.
        what: &'static str,
        /// As asked for.
        name: String,
        /// Names there are.
        known: Vec<String>,
    },
    /// No such device.
    #[error("device `{asked}` is not there: {what}")]
    Device {
        /// As asked for.
        asked: String,
        /// What was found.
        what: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The graph of the profile cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A name selects no stage.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A model cannot be described.
    #[error(transparent)]
    Model(#[from] hit_model::Error),
    /// An artifact cannot be read or written.
    #[error(transparent)]
    Data(#[from] hit_schema::Error),
    /// The published numbers or the rules for them cannot be used.
    #[error(transparent)]
    Audit(#[from] hit_audit::Error),
    /// Results that are asked for and not there.
    #[error("there is no {}: `hitrepro all` computes it", path.display())]
    NotComputed {
        /// The file.
        path: PathBuf,
    },
    /// A file of the results that is something else.
    #[error("{} cannot be used: {what}; `hitrepro all` writes it anew", path.display())]
    NotUsable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Results cannot be shown or compared.
    #[error(transparent)]
    Page(#[from] hit_page::Error),
    /// A folder that was named is not there.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// A corpus cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] hit_fetch::Error),
    /// A corpus cannot be looked at.
    #[error(transparent)]
    Check(#[from] hit_check::Error),
    /// Nothing can be measured.
    #[error(transparent)]
    Bench(#[from] hit_bench::Error),
    /// Measurements cannot be read.
    #[error(transparent)]
    Stats(#[from] hit_stats::Error),
}

fn hint(name: &str, known: &[String]) -> String {
    nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// The names, or the first of them if they are many.
fn some(known: &[String]) -> String {
    /// What one can still look through.
    const SHOWN: usize = 20;
    let shown = known[..known.len().min(SHOWN)].join(", ");
    if known.len() > SHOWN { format!("{shown} and {} more", known.len() - SHOWN) } else { shown }
}

impl Error {
    /// The exit code that says it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_)
            | Self::UnknownProfile { .. }
            | Self::NoProject(_)
            | Self::Usage(_)
            | Self::UnknownName { .. }
            | Self::Device { .. }
            | Self::Page(hit_page::Error::NoResults(_))
            | Self::Fetch(hit_fetch::Error::Invalid { .. })
            | Self::Bench(hit_bench::Error::Setting { .. })
            | Self::Graph(GraphError::UnknownPattern { .. })
            | Self::Engine(EngineError::UnknownThing { .. } | EngineError::Graph(GraphError::UnknownPattern { .. })) => {
                Exit::Usage
            }
            Self::Build(
                BuildError::CorpusMissing { .. }
                | BuildError::NoCorpusPath(_)
                | BuildError::Corpus(hit_corpus::Error::NoTable { .. }),
            )
            | Self::NoFolder(_)
            | Self::Check(hit_check::Error::Corpus(hit_corpus::Error::NoTable { .. })) => Exit::CorpusMissing,
            // What is wrong with a corpus or an arm was written by whoever asks.
            Self::Build(
                BuildError::NoAudio { .. } | BuildError::NoMidi { .. } | BuildError::Corpus(_) | BuildError::Arm { .. },
            ) => Exit::Usage,
            Self::Fetch(hit_fetch::Error::Cancelled)
            | Self::Check(hit_check::Error::Cancelled { .. })
            | Self::Bench(hit_bench::Error::Cancelled) => Exit::Interrupted,
            Self::Check(hit_check::Error::Corpus(_)) => Exit::CorpusFaulty,
            Self::Audit(error) if !matches!(error, hit_audit::Error::Io(_)) => Exit::Usage,
            Self::NotComputed { .. } | Self::Engine(EngineError::NotFinished { .. }) => Exit::Stale,
            _ => Exit::Unexpected,
        }
    }

    /// Text for a person: with the source excerpt for mistakes in the configuration, else the chain of causes.
    pub fn render(&self, width: usize, plain: bool) -> String {
        match self {
            Self::Config(error) => render(error.as_ref(), width, plain),
            _ => format!("error: {}\n", chain(self)),
        }
    }
}

/// An error and its causes, joined by `: `, without saying twice what a message already contains.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        source = cause.source();
    }
    text
}

fn render(diagnostic: &dyn miette::Diagnostic, width: usize, plain: bool) -> String {
    let theme = if plain { miette::GraphicalTheme::unicode_nocolor() } else { miette::GraphicalTheme::unicode() };
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(width);
    let mut out = String::new();
    match handler.render_report(&mut out, diagnostic) {
        Ok(()) => out,
        Err(_) => format!("error: {diagnostic}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_exit_code() {
        let pattern = || GraphError::UnknownPattern { pattern: "x".into(), nearest: vec![] };
        let cases = [
            (Error::Usage("x".into()), Exit::Usage),
            (Error::NoProject("p".into()), Exit::Usage),
            (Error::Device { asked: "cuda".into(), what: "none".into() }, Exit::Usage),
            (Error::Graph(pattern()), Exit::Usage),
            (Error::Engine(pattern().into()), Exit::Usage),
            (Error::Graph(GraphError::Cycle(vec![])), Exit::Unexpected),
            (Error::Build(BuildError::NoCorpusPath("small".into())), Exit::CorpusMissing),
            (Error::Build(BuildError::Graph(GraphError::Cycle(vec![]))), Exit::Unexpected),
            (Error::Io(std::io::Error::other("disk")), Exit::Unexpected),
        ];
        for (error, exit) in cases {
            assert_eq!(error.exit(), exit, "{error}");
        }
    }

    #[test]
    fn names_are_suggested() {
        let known = vec!["smoke".to_owned(), "paper".to_owned()];
        let error = Error::UnknownProfile { name: "smoek".into(), known, file: "pipeline.toml".into() };
        let expected = "there is no profile `smoek` in pipeline.toml; did you mean `smoke`?; there are: smoke, paper";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.render(80, true), format!("error: {expected}\n"));
    }

    #[test]
    fn a_wall_of_names_is_not_shown() {
        let names = |n: usize| (0..n).map(|k| format!("claim-{k}")).collect::<Vec<_>>();
        assert_eq!(some(&names(2)), "claim-0, claim-1");
        let text = some(&names(111));
        assert!(text.ends_with("claim-19 and 91 more"), "{text}");
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
        assert_eq!(chain(&Error::Io(std::io::Error::other("inner"))), "inner");
    }
}
