//! Outcomes of single queries at the selected epoch: what intervals are made from.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Ranks of the positive for one query, both directions, 1-based; ties take the mean rank of their block (spec 9.3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RankRow {
    /// Window of the split.
    pub window: usize,
    /// Performance the window belongs to: the unit of the bootstrap.
    pub performance: String,
    /// Rank of the right MIDI for the audio.
    pub rank_a2m: f64,
    /// Rank of the right audio for the MIDI.
    pub rank_m2a: f64,
    /// Candidates that share the similarity of the right MIDI, itself included.
    pub ties_a2m: usize,
    /// Candidates that share the similarity of the right audio, itself included.
    pub ties_m2a: usize,
}

impl RankRow {
    /// CSV text with a header.
    ///
    /// # Panics
    /// Never: memory takes every row.
    pub fn to_csv(rows: &[Self]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.serialize(row).expect("writing to memory");
        }
        String::from_utf8(writer.into_inner().expect("writing to memory")).expect("CSV made from strings is text")
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// [`Error::Format`] with the line.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = fs_err::read(path)?;
        let rows = csv::Reader::from_reader(text.as_slice()).into_deserialize().collect::<Result<_, _>>();
        rows.map_err(|error| Error::format(path, "ranks", error))
    }
}

/// Which epoch of a run is reported, and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Selection {
    /// The epoch.
    pub epoch: usize,
    /// Its S, percent.
    pub s: f64,
    /// Rule that chose it, for example `best S of the evaluated epochs`.
    pub rule: String,
}

impl Selection {
    /// Reads a selection.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs_err::read_to_string(path)?;
        serde_json::from_str(&text).map_err(|error| Error::format(path, "selection", error))
    }
}
