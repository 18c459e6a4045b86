//! MAESTRO, rendered or synthetic performances to segments (spec section 1).
//!
//! A corpus is a list of performances, each with a MIDI file and audio. [`maestro`] lists one from disk,
//! [`synthetic`] makes one from a seed, [`render`] supplies audio where a row has only MIDI. Whatever made the two
//! files, [`segment::Segment`] reads both, checks that they belong together and stores the audio once, with the note
//! lists of its windows; [`dataset::Dataset`] puts the performances of a split together without copying them.
//!
//! *Invariant*: a window's audio and its tokens are cut from the same interval of time, whatever the file formats.

pub mod audio;
pub mod composition;
pub mod dataset;
mod error;
pub mod listing;
pub mod maestro;
pub mod midi;
pub mod render;
pub mod segment;
pub mod synthetic;
pub mod tokens;

pub use composition::{Composition, Overlap};
pub use dataset::Dataset;
pub use error::Error;
pub use listing::Listing;
pub use maestro::Listed;
pub use render::{Render, RenderSpec};
pub use segment::{OnBad, Segment};
pub use synthetic::{Synth, SyntheticPerformance, SyntheticSpec};

/// The splits of a corpus, in the order in which they are used.
pub const SPLITS: [&str; 3] = ["train", "validation", "test"];

#[cfg(test)]
mod chain;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod surroundings;
