//! Archives written below a target, and nowhere else.
//!
//! An archive is believed in nothing: names are checked before anything is written, bytes are counted as they come, and
//! each file is written under a temporary name in the working folder, compared with what the archive says of it, and only then
//! moved to its place. A file that is there already is compared and kept, never replaced.

mod names;
mod place;
mod problem;
mod tar;
mod zip;

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use fs_err::File;

use crate::error::Error;
use crate::watch::Watch;
use crate::work::Work;

pub use names::Unsafe;
pub use problem::{Problem, ProblemKind, Unfinished};

/// How much an archive may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// All files together, bytes.
    pub total_bytes: u64,
    /// Files and folders.
    pub entries: u64,
    /// Bytes that one compressed byte may become; of each file in a zip, of a tar as a whole.
    pub ratio: u64,
    /// Below so many bytes the ratio is not looked at.
    pub ratio_from_bytes: u64,
}

impl Default for Limits {
    /// 1 TiB, a million entries, and 100 bytes from one beyond the first 64 MiB: several times of what corpora of music are.
    fn default() -> Self {
        Self { total_bytes: 1 << 40, entries: 1_000_000, ratio: 100, ratio_from_bytes: 64 << 20 }
    }
}

/// A file of an archive that is in its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UnpackedFile {
    /// Path below the target, with `/`.
    pub path: String,
    /// Size, bytes.
    pub bytes: u64,
}

/// What an archive became.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Unpacked {
    /// Every file that is in its place, sorted by path.
    pub files: Vec<UnpackedFile>,
    /// How many of them were written.
    pub written: u64,
    /// How many were there already with the same content.
    pub kept: u64,
}

impl Unpacked {
    /// All files together, bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Unpacks a zip, tar or tar.gz (told apart by content, not by name) below `target`.
///
/// Files get the permissions 0644, or 0755 if their owner may execute them in the archive; owners and times are not taken over. A
/// call that was killed can be repeated: what was written is compared (by CRC-32 in a zip, by bytes in a tar) and kept.
///
/// # Errors
/// - [`Error::Unfinished`] lists files that are there with other content and entries that are damaged; all other files are in
///   their places. Nothing that was there has changed.
/// - [`Error::Unsafe`] and [`Error::TooMuch`] refuse the archive: a zip with such names before anything is written, a tar at the
///   entry.
/// - [`Error::NotAnArchive`], [`Error::Damaged`], [`Error::Full`], [`Error::Busy`], [`Error::Cancelled`], [`Error::Io`].
pub fn unpack(archive: &Path, target: &Path, limits: &Limits, watch: &dyn Watch) -> Result<Unpacked, Error> {
    unpack_into(&Work::enter(target)?, archive, limits, watch)
}

pub(crate) fn unpack_into(work: &Work, archive: &Path, limits: &Limits, watch: &dyn Watch) -> Result<Unpacked, Error> {
    let mut file = File::open(archive)?;
    let kind = Kind::of(&mut file)?.ok_or_else(|| Error::NotAnArchive(archive.to_owned()))?;
    let total = file.metadata()?.len();
    let source = Source { path: archive, file: BufReader::with_capacity(1 << 17, file), bytes: total };
    let mut place = place::Place::new(work, archive, *limits, watch);
    watch.note("unpacking");
    let result = match kind {
        Kind::Zip => zip::unpack(source, &mut place),
        Kind::Tar => tar::unpack(source, &mut place, false),
        Kind::TarGz => tar::unpack(source, &mut place, true),
    };
    place.clean()?;
    result?;
    place.finish()
}

/// An archive, open for reading.
struct Source<'a> {
    path: &'a Path,
    file: BufReader<File>,
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Zip,
    Tar,
    TarGz,
}

impl Kind {
    /// By the first bytes; the file is rewound.
    fn of(file: &mut (impl Read + Seek)) -> std::io::Result<Option<Self>> {
        let mut start = Vec::new();
        file.by_ref().take(512).read_to_end(&mut start)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            Some(Self::Zip)
        } else if start.starts_with(&[0x1f, 0x8b, 8]) {
            Some(Self::TarGz)
        } else if start.get(257..262) == Some(b"ustar") || is_old_tar(&start) {
            Some(Self::Tar)
        } else {
            None
        })
    }
}

/// Whether a block is the header of a tar from before the magic word: its checksum tells.
fn is_old_tar(block: &[u8]) -> bool {
    let Some(field) = block.get(148..156) else { return false };
    let field = String::from_utf8_lossy(field);
    let Ok(said) = u64::from_str_radix(field.trim_matches(['\0', ' ']), 8) else { return false };
    let blank = 8 * u64::from(b' ');
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    block.len() == 512 && block[0] != 0 && said == sum(&block[..148]) + blank + sum(&block[156..])
}
