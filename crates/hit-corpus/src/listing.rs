//! Stage `corpus`: the list of performances, for people and for rebuilding the graph without the corpus.

use std::path::Path;

use hit_schema::{Performance, SplitIndex};
use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::{Error, SPLITS};

/// Columns of `corpus.csv`, in order.
pub const COLUMNS: [&str; 12] = [
    "id",
    "composer",
    "title",
    "split",
    "year",
    "duration_s",
    "n_windows",
    "n_notes",
    "audio",
    "midi_sha256",
    "audio_sha256",
    "skipped",
];

/// Lists the performances of the corpus.
///
/// Inputs: the `index` of each split, named by the split (those there are). Output: `listing`, a CSV file with
/// [`COLUMNS`], splits in the order of [`SPLITS`] and performances by id; digests are of the MIDI and audio files that
/// were read, `skipped` says why a performance was left out and is empty for one that was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Listing {}

impl Stage for Listing {
    const KIND: &'static str = "corpus";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["listing"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let mut performances = Vec::new();
        for split in SPLITS.into_iter().filter(|split| cx.inputs.contains_key(*split)) {
            performances.extend(SplitIndex::read(&cx.file(split)?.path)?.performances);
        }
        cx.write("listing", to_csv(&performances)?)
    }
}

/// Performances as CSV text.
///
/// # Errors
/// [`Error::Io`] if a row cannot be written, which is a bug.
/// # Panics
/// Never: a CSV of text is text.
pub fn to_csv(performances: &[Performance]) -> Result<String, Error> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let failed = |error: csv::Error| Error::Io(error.into());
    writer.write_record(COLUMNS).map_err(failed)?;
    for performance in performances {
        writer.serialize(performance).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::Io(error.into_error()))?;
    Ok(String::from_utf8(bytes).expect("CSV of text is text"))
}

/// Reads the performances of a `corpus.csv` back.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened, [`Error::Table`] if it is something else, with the line.
pub fn read(path: &Path) -> Result<Vec<Performance>, Error> {
    let wrong = |what: String| Error::Table { path: path.to_owned(), what };
    let mut reader = csv::Reader::from_reader(fs_err::File::open(path)?);
    let columns: Vec<String> =
        reader.headers().map_err(|error| wrong(error.to_string()))?.iter().map(str::to_owned).collect();
    if columns != COLUMNS {
        return Err(wrong(format!("its columns are not {}", COLUMNS.join(","))));
    }
    reader.deserialize().map(|row| row.map_err(|error| wrong(error.to_string()))).collect()
}

#[cfg(test)]
mod tests;
