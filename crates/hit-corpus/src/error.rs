//! Everything that can be wrong with a corpus.

use std::path::{Path, PathBuf};

use hit_stage::{Digest, StageError};

use crate::{audio, midi};

/// A corpus, or one performance of it, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An artifact of another stage cannot be read.
    #[error(transparent)]
    Artifact(#[from] hit_schema::Error),
    /// A parameter with a value that cannot be meant.
    #[error("`{field}` = {value}: {expected} is expected")]
    Spec {
        /// Name of the field, as it stands in the configuration.
        field: &'static str,
        /// The value given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The corpus folder has no table of performances.
    #[error("{root} holds no table of performances: `maestro*.csv` or `maestro*.json` is expected in it")]
    NoTable {
        /// The corpus folder.
        root: PathBuf,
    },
    /// The corpus folder has several tables of performances.
    #[error("{root} holds several tables of performances ({found}): keep one")]
    ManyTables {
        /// The corpus folder.
        root: PathBuf,
        /// Their names.
        found: String,
    },
    /// The table is not CSV, or not JSON of the official layout.
    #[error("{path} cannot be read as a table of performances: {what}")]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// The table lacks a column.
    #[error("{path} has no column `{column}`; its columns are: {found}")]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The column looked for.
        column: &'static str,
        /// The columns there are.
        found: String,
    },
    /// A wrong cell of the table.
    #[error("{path}, {row}, column `{column}`: {what}")]
    Cell {
        /// The table.
        path: PathBuf,
        /// `line 7`, or `row "17"` of a JSON table.
        row: String,
        /// The column.
        column: &'static str,
        /// What is wrong.
        what: String,
    },
    /// Two rows of the table that are one performance.
    #[error("{path}: {first} and {second} both give performance `{id}`: {advice}")]
    Duplicate {
        /// The table.
        path: PathBuf,
        /// The performance.
        id: String,
        /// The first row.
        first: String,
        /// The second row.
        second: String,
        /// What to do.
        advice: String,
    },
    /// Two rows of the table with one audio file.
    #[error("{path}: {first} and {second} both name the audio {audio}: each performance has its own recording")]
    SharedAudio {
        /// The table.
        path: PathBuf,
        /// The audio file.
        audio: PathBuf,
        /// The first row.
        first: String,
        /// The second row.
        second: String,
    },
    /// A wrong row of the table.
    #[error("{path}, {row}: {what}")]
    Row {
        /// The table.
        path: PathBuf,
        /// `line 7`.
        row: String,
        /// What is wrong.
        what: String,
    },
    /// The first of several faults of a table.
    #[error("{first} (and {more} more; `hitrepro data check` lists all)")]
    More {
        /// The first.
        first: Box<Error>,
        /// How many others there are.
        more: usize,
    },
    /// A MIDI file that cannot be used.
    #[error("{id}: midi {path}: {fault}")]
    Midi {
        /// The performance.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: midi::Fault,
    },
    /// An audio file that cannot be used.
    #[error("{id}: audio {path}: {fault}")]
    Audio {
        /// The performance.
        id: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: audio::Fault,
    },
    /// MIDI, audio and metadata of a performance that cannot be the same performance.
    #[error(
        "{id}: the {left} lasts {left_s:.2} s and the {right} {right_s:.2} s; more than {tolerance_s} s apart they \
         are not the same performance: check that the row names the right files"
    )]
    Mismatch {
        /// The performance.
        id: String,
        /// `metadata` or `audio`.
        left: &'static str,
        /// Its length, seconds.
        left_s: f64,
        /// `audio` or `midi`.
        right: &'static str,
        /// Its length, seconds.
        right_s: f64,
        /// The difference that is let pass, seconds.
        tolerance_s: f64,
    },
    /// A performance too short for one window.
    #[error("{id}: {duration_s:.2} s are shorter than one window of {window_s} s")]
    TooShort {
        /// The performance.
        id: String,
        /// Its duration, seconds.
        duration_s: f64,
        /// Length of a window, seconds.
        window_s: f64,
    },
    /// Not the SoundFont that the configuration names.
    #[error(
        "soundfont {path} has SHA-256 {found}, the configuration says {expected}: install the font named there \
         (Debian: fluid-soundfont-gm, musescore-general-soundfont or timgm6mb-soundfont) or put the digest of yours \
         into `soundfont_sha256`"
    )]
    SoundFontDigest {
        /// The file.
        path: PathBuf,
        /// Digest in the configuration.
        expected: String,
        /// Digest of the file.
        found: Digest,
    },
    /// A SoundFont that cannot be used.
    #[error(
        "soundfont {path}: {what}; an SF2 file with a piano is expected (Debian: musescore-general-soundfont, \
         fluid-soundfont-gm or timgm6mb-soundfont)"
    )]
    SoundFont {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A split none of whose performances can be used.
    #[error("split `{split}` has no usable window: {n_skipped} of {n} performances were skipped; the first: {first}")]
    EmptySplit {
        /// The split.
        split: String,
        /// Performances in it.
        n: usize,
        /// Of them skipped.
        n_skipped: usize,
        /// Reason of the first.
        first: String,
    },
    /// Splits by composition cannot be made.
    #[error(
        "splits by composition: split `{split}` would lose all of its {n} performances, because most seconds of their \
         compositions are in other splits; `hitrepro data check` lists them: use the splits of the table"
    )]
    EmptiedSplit {
        /// The split.
        split: String,
        /// Performances in it.
        n: usize,
    },
    /// The graph handed a performance to the wrong split or under the wrong name.
    #[error("performance `{id}` of split `{split}` was handed over as `{name}` of split `{expected}`")]
    Misplaced {
        /// Its id.
        id: String,
        /// Its split.
        split: String,
        /// Name of the input.
        name: String,
        /// Split of the stage.
        expected: String,
    },
}

impl Error {
    /// What is wrong with a performance, without paths, so that it is the same text on every machine; `None` if the
    /// error is not about the performance itself and must not be passed over.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Midi { fault: midi::Fault::Io(_), .. } | Self::Audio { fault: audio::Fault::Io(_), .. } => None,
            Self::Midi { fault, .. } => Some(format!("midi: {fault}")),
            Self::Audio { fault, .. } => Some(format!("audio: {fault}")),
            Self::Mismatch { id, .. } | Self::TooShort { id, .. } => {
                let text = self.to_string();
                Some(text.strip_prefix(&format!("{id}: ")).unwrap_or(&text).to_owned())
            }
            _ => None,
        }
    }

    pub(crate) fn midi(id: &str, path: &Path) -> impl FnOnce(midi::Fault) -> Self {
        move |fault| Self::Midi { id: id.to_owned(), path: path.to_owned(), fault }
    }

    pub(crate) fn audio(id: &str, path: &Path) -> impl FnOnce(audio::Fault) -> Self {
        move |fault| Self::Audio { id: id.to_owned(), path: path.to_owned(), fault }
    }
}

impl From<Error> for StageError {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            other => Self::failed(other),
        }
    }
}

/// [`Error::Spec`] unless `holds`.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    value: &dyn ToString,
    expected: &'static str,
) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Spec { field, value: value.to_string(), expected }) }
}
