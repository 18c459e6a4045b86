//! Notes and the tokens that the MIDI encoder reads.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Block, BlockWriter, Error};

/// A note of a performance.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// Start, seconds from the start of the performance.
    pub onset_s: f64,
    /// End of the key press, seconds; the pedal is ignored (spec 1.5).
    pub offset_s: f64,
    /// MIDI pitch, 0–127.
    pub pitch: u8,
    /// MIDI velocity, 1–127.
    pub velocity: u8,
}

/// What stands in a window without notes: pitch 60, velocity 64, 0.5 s (spec 1.5).
pub const DUMMY_NOTE: Note = Note { onset_s: 0.0, offset_s: 0.5, pitch: 60, velocity: 64 };

/// A note as the MIDI encoder sees it; onset is not encoded (spec 1.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// MIDI pitch, 0–127.
    pub pitch: u8,
    /// MIDI velocity, 0–127.
    pub velocity: u8,
    /// Duration bucket, see [`DurationBuckets`].
    pub duration: u8,
}

/// Log-spaced buckets of note durations (spec 1.6).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DurationBuckets {
    /// Number of buckets (32 in the paper).
    pub n: u8,
    /// Durations at or below this fall into bucket 0, seconds.
    pub min_s: f64,
    /// Durations at or above this fall into the last bucket, seconds.
    pub max_s: f64,
}

/// The notes of every window of one performance, or of a batch of them: ragged rows of tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TokenBlock {
    /// Row `w` is `tokens[offsets[w]..offsets[w + 1]]`; `offsets[0]` is 0.
    pub offsets: Vec<u64>,
    /// All rows one after another.
    pub tokens: Vec<Token>,
}

impl TokenBlock {
    const KIND: &'static str = "tokens";

    /// Rows to block.
    pub fn from_rows(rows: impl IntoIterator<Item = Vec<Token>>) -> Self {
        let mut block = Self { offsets: vec![0], tokens: Vec::new() };
        for row in rows {
            block.tokens.extend(row);
            block.offsets.push(block.tokens.len() as u64);
        }
        block
    }

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Tokens of window `w`.
    pub fn row(&self, w: usize) -> &[Token] {
        &self.tokens[self.offsets[w] as usize..self.offsets[w + 1] as usize]
    }

    /// Writes the block.
    ///
    /// # Errors
    /// As [`BlockWriter::write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let column = |f: fn(&Token) -> u8| self.tokens.iter().map(f).collect::<Vec<_>>();
        let n = [self.tokens.len()];
        let (pitch, velocity, duration) = (column(|t| t.pitch), column(|t| t.velocity), column(|t| t.duration));
        BlockWriter::new(Self::KIND, &())
            .u64("offsets", &[self.offsets.len()], &self.offsets)
            .u8("pitch", &n, &pitch)
            .u8("velocity", &n, &velocity)
            .u8("duration", &n, &duration)
            .write(path)
    }

    /// Reads a block.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let block = Block::open(path, Self::KIND)?;
        let offsets = block.u64("offsets")?;
        let (pitch, velocity, duration) = (block.u8("pitch")?, block.u8("velocity")?, block.u8("duration")?);
        let n = pitch.len();
        let rising = offsets.first() == Some(&0) && offsets.is_sorted() && offsets.last() == Some(&(n as u64));
        if !rising || velocity.len() != n || duration.len() != n {
            return Err(block.wrong("offsets and columns do not fit together"));
        }
        let tokens = (0..n).map(|i| Token { pitch: pitch[i], velocity: velocity[i], duration: duration[i] }).collect();
        Ok(Self { offsets, tokens })
    }
}
