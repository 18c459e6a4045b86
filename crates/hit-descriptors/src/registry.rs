//! The list of descriptors, and what is known of each without running it.

use hit_schema::Token;
use serde::{Deserialize, Serialize};

use crate::examine::Examination;
use crate::{Error, Stft};

/// All descriptors, by id. To add one: write its file, add its line.
pub const DESCRIPTORS: &[Descriptor] = &[
    crate::a4::DESCRIPTOR,  // octave-band energy dynamics
    crate::a4e::DESCRIPTOR, // octave-band log-energies (extra)
    crate::a7::DESCRIPTOR,  // rational attractors
    crate::a8::DESCRIPTOR,  // onset chroma
    crate::a9::DESCRIPTOR,  // IDF-weighted rational attractors
    crate::d4::DESCRIPTOR,  // local pitch intervals
];

/// Which of two definitions is followed where the paper's text and the code behind its numbers differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// What made the published numbers.
    Reference,
    /// What the paper prints.
    Paper,
}

impl Variant {
    /// Its name in files: `reference` or `paper`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Paper => "paper",
        }
    }
}

/// The modality that a descriptor is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The samples of the segment.
    Audio,
    /// Its notes.
    Midi,
}

/// What a row of a descriptor stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rows {
    /// STFT frames: 188 for 96,000 samples.
    Frames,
    /// Notes of the segment, in their order.
    Notes,
}

/// A computation from samples.
pub type FromAudio = fn(&mut Stft, &[f32], Variant) -> Result<Vec<f32>, Error>;

/// A computation from notes.
pub type FromMidi = fn(&[Token], Variant) -> Vec<f32>;

/// How a descriptor is computed. Results are row-major, `[n_rows, dims]`.
#[derive(Clone, Copy)]
pub enum Compute {
    /// From `[n_samples]` mono audio in −1..=1.
    Audio(FromAudio),
    /// From notes sorted by (onset, pitch).
    Midi(FromMidi),
}

/// One descriptor.
#[derive(Clone, Copy)]
pub struct Descriptor {
    /// The paper's id in lower case.
    pub id: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Values per row.
    pub dims: usize,
    /// What a row is.
    pub rows: Rows,
    /// Rows and values of 4 s at 24 kHz, in words: `188 x 8`, `notes x 4`.
    pub shape: &'static str,
    /// Section, equation and table of the paper.
    pub source: &'static str,
    /// The definition in one line.
    pub formula: &'static str,
    /// The computation.
    pub compute: Compute,
    /// What its definition implies, to be measured on a split; see [`crate::Examine`].
    pub examine: Option<Examination>,
}

impl Descriptor {
    /// The modality it is computed from.
    pub fn side(&self) -> Side {
        match self.compute {
            Compute::Audio(_) => Side::Audio,
            Compute::Midi(_) => Side::Midi,
        }
    }
}

/// The descriptor of that id.
///
/// # Errors
/// [`Error::Unknown`].
pub fn find(id: &str) -> Result<&'static Descriptor, Error> {
    DESCRIPTORS.iter().find(|descriptor| descriptor.id == id).ok_or_else(|| {
        let known = DESCRIPTORS.iter().map(|descriptor| descriptor.id).collect::<Vec<_>>().join(", ");
        Error::Unknown { id: id.to_owned(), known }
    })
}
