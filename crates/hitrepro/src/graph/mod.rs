//! The campaign as a graph of stages, in the paper's order.
//!
//! This is the one place that knows what is fed into what. Stage ids are `kind/label`; a training run appears under its
//! experiment, for example `train/replication/d4a4@cosine30#42`.

mod battery;
mod claims;
mod corpus;
mod facts;
mod report;
mod represent;
mod runs;
mod setup;

use std::path::{Path, PathBuf};

use hit_engine::{Graph, GraphError, Node};
use hit_report::latex;

use crate::config::{Config, Profile};

pub use facts::arm;

/// What the graph depends on beside the configuration.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// Folder of the corpus, instead of the profile's.
    pub corpus_path: Option<PathBuf>,
    /// LaTeX, if there is one: without it the graph ends with the `.tex` files.
    pub latex: Option<latex::Engine>,
    /// `corpus.csv` of earlier results: stands in for a corpus that is not on this machine.
    pub recorded_listing: Option<PathBuf>,
    /// Numeric backend of training and embedding: `flex`, `cuda` or `wgpu`.
    pub backend: String,
    /// Without performances: the graph shows what the campaign asks of a machine, and cannot run.
    pub no_corpus: bool,
}

/// Why there is no graph.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder of the corpus is not there.
    #[error("the corpus of profile `{profile}` is not at {}: give its folder with --corpus, or set profiles.{profile}.corpus.path", path.display())]
    CorpusMissing {
        /// Profile.
        profile: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The profile names no folder.
    #[error("profile `{0}` names no corpus folder: give it with --corpus, or set profiles.{0}.corpus.path")]
    NoCorpusPath(String),
    /// A performance has a MIDI file but no audio, and the profile neither renders nor skips it.
    #[error("{id} has no audio at {}: add the file, use a profile with corpus.source = \"rendered\", or set corpus.on_bad = \"skip\"", path.display())]
    NoAudio {
        /// Performance.
        id: String,
        /// Where its audio should be.
        path: PathBuf,
    },
    /// The table lists a performance whose MIDI file is missing, and the profile does not skip it.
    #[error("{id} has no MIDI at {}: add the file, or set corpus.on_bad = \"skip\"", path.display())]
    NoMidi {
        /// Performance.
        id: String,
        /// Where its MIDI should be.
        path: PathBuf,
    },
    /// The list of performances cannot be used.
    #[error(transparent)]
    Corpus(#[from] hit_corpus::Error),
    /// A model cannot be built.
    #[error("arm `{arm}`: {source}")]
    Arm {
        /// Arm id.
        arm: String,
        /// Why.
        source: hit_model::Error,
    },
    /// The folder of the paper's templates cannot be read.
    #[error("the templates of the paper cannot be listed: {0}")]
    Templates(std::io::Error),
    /// The stages do not fit together: a bug.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl BuildError {
    /// Whether the corpus is not there or cannot be used, and the graph could be built without.
    pub fn is_of_the_corpus(&self) -> bool {
        matches!(
            self,
            Self::CorpusMissing { .. }
                | Self::NoCorpusPath(_)
                | Self::NoAudio { .. }
                | Self::NoMidi { .. }
                | Self::Corpus(_)
        )
    }
}

/// Builds the graph of a profile.
///
/// # Errors
/// [`BuildError`].
pub fn build(config: &Config, name: &str, profile: &Profile, options: &BuildOptions) -> Result<Graph, BuildError> {
    let root = config.path.parent().unwrap_or(Path::new("."));
    let mut wiring = Wiring { config, name, profile, options, root, nodes: Vec::new() };
    wiring.corpus()?;
    wiring.descriptors();
    wiring.foundation();
    wiring.screening();
    wiring.families();
    wiring.confirmation();
    wiring.replication();
    wiring.controls();
    wiring.battery();
    wiring.measurements();
    wiring.report()?;
    Ok(Graph::new(wiring.nodes)?)
}

/// The graph in the making.
struct Wiring<'a> {
    config: &'a Config,
    name: &'a str,
    profile: &'a Profile,
    options: &'a BuildOptions,
    /// Folder of `pipeline.toml`, which relative paths start from.
    root: &'a Path,
    nodes: Vec<Node>,
}

impl Wiring<'_> {
    fn add(&mut self, node: Node) {
        self.nodes.push(node);
    }
}
