//! Entries that could not be put in their places, collected so that the others are.

use std::fmt;
use std::path::PathBuf;

use crate::unpack::Unpacked;

/// How many problems are listed.
const LISTED: usize = 20;

/// Why an entry is not in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// A file of another size is there.
    OtherSize {
        /// Size of the file that is there, bytes.
        found: u64,
        /// Size by the archive, bytes.
        expected: u64,
    },
    /// A file of the same size and other content is there.
    OtherContent,
    /// Something that is no file is there.
    NotAFile,
    /// Something that is no folder is where a folder has to be; a link to a folder is none.
    NotAFolder(String),
    /// The archive's checksum of the file is not that of its bytes.
    Checksum {
        /// CRC-32 by the archive.
        expected: u32,
        /// CRC-32 of the bytes.
        found: u32,
    },
    /// The file has not as many bytes as the archive says.
    Length {
        /// Size by the archive, bytes.
        expected: u64,
        /// Bytes that came; one more than expected if there were more.
        found: u64,
    },
    /// The bytes cannot be read or decompressed.
    Unreadable(String),
}

impl ProblemKind {
    /// Whether the archive is at fault, not what is there.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Length { .. } | Self::Unreadable(_))
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSize { found, expected } => {
                write!(f, "a file of {found} bytes is there, the archive has {expected}")
            }
            Self::OtherContent => f.write_str("a file with other content is there"),
            Self::NotAFile => f.write_str("something that is no file is there"),
            Self::NotAFolder(path) => write!(f, "{path} is no folder"),
            Self::Checksum { expected, found } => {
                write!(f, "its CRC-32 is {found:08x}, the archive says {expected:08x}")
            }
            Self::Length { expected, found } if found > expected => {
                write!(f, "it has more than the {expected} bytes that the archive says")
            }
            Self::Length { expected, found } => write!(f, "it ends after {found} of {expected} bytes"),
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

/// An entry that is not in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Path below the target.
    pub path: String,
    /// Why.
    pub kind: ProblemKind,
}

/// An archive of which some entries are not in their places.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Unfinished {
    /// The archive.
    pub archive: PathBuf,
    /// Where it was unpacked.
    pub target: PathBuf,
    /// What is in its place.
    pub unpacked: Unpacked,
    /// The first problems, at most 20.
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub n_problems: u64,
    /// How many of them are damage of the archive.
    pub n_damaged: u64,
}

impl Unfinished {
    pub(crate) fn new(archive: PathBuf, target: PathBuf) -> Self {
        let unpacked = Unpacked::default();
        Self { archive, target, unpacked, problems: Vec::new(), n_problems: 0, n_damaged: 0 }
    }

    pub(crate) fn add(&mut self, path: &str, kind: ProblemKind) {
        self.n_problems += 1;
        self.n_damaged += u64::from(kind.is_damage());
        if self.problems.len() < LISTED {
            self.problems.push(Problem { path: path.to_owned(), kind });
        }
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (archive, target) = (self.archive.display(), self.target.display());
        write!(f, "{} files of {archive} are in {target}, {} are not", self.unpacked.files.len(), self.n_problems)?;
        for problem in &self.problems {
            write!(f, "\n  {}: {}", problem.path, problem.kind)?;
        }
        let more = self.n_problems - self.problems.len() as u64;
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        if self.n_problems > self.n_damaged {
            write!(f, "\nnothing that was there was changed: move those files away and run again")?;
        }
        if self.n_damaged > 0 {
            write!(f, "\nthe archive is damaged: compare its digest and download it again")?;
        }
        Ok(())
    }
}
