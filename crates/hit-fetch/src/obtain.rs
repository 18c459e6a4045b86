//! The whole way from an address to a folder of files, and what is left to do of it.

use std::path::{Path, PathBuf};

use hit_stage::Digest;
use serde::{Deserialize, Serialize};

use crate::download::Download;
use crate::error::Error;
use crate::fetch::{Fetched, fetch_into};
use crate::part::measure;
use crate::transfer::Patience;
use crate::unpack::{Limits, Unpacked, unpack_into};
use crate::watch::Watch;
use crate::work::{self, Work};

/// How many missing files are listed.
const LISTED: usize = 20;

/// What an unpacking wrote, kept beside the archive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    sha256: Digest,
    files: Vec<ReceiptFile>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptFile {
    path: String,
    bytes: u64,
}

/// How much of a download is in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// There is no such folder.
    Absent,
    /// The folder is there, but this crate has not finished unpacking this archive there: it was stopped, or the folder is
    /// from somewhere else.
    Unknown,
    /// Files of the archive are missing or have another size.
    Incomplete {
        /// The first of them, at most 20.
        missing: Vec<String>,
        /// How many there are.
        n_missing: u64,
    },
    /// Every file of the archive is there with its size.
    Complete {
        /// How many files.
        files: u64,
        /// All together, bytes.
        bytes: u64,
    },
}

/// Looks how much of a download is in its place. Sizes are compared, contents are not.
///
/// # Errors
/// [`Error::Invalid`] if the download is wrong.
pub fn state(download: &Download, target: &Path) -> Result<State, Error> {
    download.check()?;
    if !target.join(&download.folder).is_dir() {
        return Ok(State::Absent);
    }
    let digest = download.digest()?;
    // A receipt that cannot be read is none.
    let bytes = fs_err::read(work::file_of(target, digest, "receipt.json")).unwrap_or_default();
    let receipt = serde_json::from_slice::<Receipt>(&bytes).ok().filter(|receipt| receipt.sha256 == digest);
    Ok(receipt.map_or(State::Unknown, |receipt| receipt.compare(target)))
}

impl Receipt {
    fn compare(&self, target: &Path) -> State {
        let there = |file: &ReceiptFile| {
            fs_err::metadata(target.join(&file.path)).is_ok_and(|meta| meta.is_file() && meta.len() == file.bytes)
        };
        let missing: Vec<&ReceiptFile> = self.files.iter().filter(|file| !there(file)).collect();
        if missing.is_empty() {
            let bytes = self.files.iter().map(|file| file.bytes).sum();
            return State::Complete { files: self.files.len() as u64, bytes };
        }
        let n_missing = missing.len() as u64;
        State::Incomplete {
            missing: missing.into_iter().take(LISTED).map(|file| file.path.clone()).collect(),
            n_missing,
        }
    }
}

/// What [`obtain`] did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obtained {
    /// Nothing: [`State::Complete`].
    Already,
    /// It got the archive, or found it, and unpacked it.
    Now {
        /// The archive. It may be removed once it was unpacked.
        fetched: Fetched,
        /// The files.
        unpacked: Unpacked,
    },
}

/// Downloads, unpacks and writes the receipt, as far as that is not done yet.
///
/// # Errors
/// As [`crate::fetch`] and [`crate::unpack`]; [`Error::NoFolder`] if the archive has not the folder that the download names. After
/// each of them the call can be repeated.
pub fn obtain(
    download: &Download,
    target: &Path,
    patience: &Patience,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<Obtained, Error> {
    if let State::Complete { .. } = state(download, target)? {
        return Ok(Obtained::Already);
    }
    let work = Work::enter(target)?;
    let fetched = fetch_into(&work, download, patience, watch)?;
    let unpacked = install(&work, download, &fetched.archive, limits, watch)?;
    Ok(Obtained::Now { fetched, unpacked })
}

/// [`obtain`] with an archive that came by another way: its digest is checked, and it stays where it is.
///
/// # Errors
/// [`Error::OtherFile`] if it is not the archive that the download names; else as [`obtain`].
pub fn obtain_from(
    archive: &Path,
    download: &Download,
    target: &Path,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<Unpacked, Error> {
    download.check()?;
    let expected = download.digest()?;
    let (found, _) = measure(archive, watch)?;
    if found != expected {
        return Err(Error::OtherFile { path: archive.to_owned(), expected, found });
    }
    install(&Work::enter(target)?, download, archive, limits, watch)
}

/// The archive that was downloaded for this target, if it is still there. Its bytes are not looked at.
///
/// # Errors
/// [`Error::Invalid`] if the download is wrong.
pub fn archive(download: &Download, target: &Path) -> Result<Option<PathBuf>, Error> {
    download.check()?;
    let path = work::file_of(target, download.digest()?, "archive");
    Ok(path.is_file().then_some(path))
}

/// Unpacks an archive that is right, and writes the receipt.
fn install(
    work: &Work,
    download: &Download,
    archive: &Path,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<Unpacked, Error> {
    let unpacked = unpack_into(work, archive, limits, watch)?;
    if !work.target().join(&download.folder).is_dir() {
        return Err(Error::NoFolder { url: download.url.clone(), folder: download.folder.clone() });
    }
    write_receipt(work, download.digest()?, &unpacked)?;
    Ok(unpacked)
}

fn write_receipt(work: &Work, sha256: Digest, unpacked: &Unpacked) -> Result<(), Error> {
    let file = |file: &crate::UnpackedFile| ReceiptFile { path: file.path.clone(), bytes: file.bytes };
    let receipt = Receipt { sha256, files: unpacked.files.iter().map(file).collect() };
    let text = serde_json::to_vec_pretty(&receipt).map_err(std::io::Error::other)?;
    work::write_atomic(&work.file(sha256, "receipt.json"), &text)
}
