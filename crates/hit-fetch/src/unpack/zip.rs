//! Zip archives: stored and deflated entries, with or without zip64.

use std::io::{BufReader, Read};

use fs_err::File;
use zip::read::ZipFileEntry;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use crate::error::Error;
use crate::unpack::Source;
use crate::unpack::names::{Names, Unsafe, plain};
use crate::unpack::place::{Entry, Place};

/// The bits of a Unix mode that say what an entry is, and some of their values.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;
const MODE_LINK: u32 = 0o120_000;

/// An entry that was found sound, by what the central directory says.
struct Planned {
    idx: usize,
    path: String,
    folder: bool,
    bytes: u64,
    compressed: u64,
    crc: u32,
    executable: bool,
}

/// Unpacks a zip. All names are checked before anything is written.
pub(super) fn unpack(source: Source<'_>, place: &mut Place<'_>) -> Result<(), Error> {
    let path = source.path.to_owned();
    let damaged = |error: ZipError| Error::Damaged { path: path.clone(), why: error.to_string() };
    let mut archive = ZipArchive::new(source.file).map_err(&damaged)?;
    let plan = plan(&archive, place)?;
    if archive.has_duplicate_names() {
        return Err(place.refuse("", Unsafe::Twice));
    }
    if archive.has_overlapping_entries().map_err(&damaged)? {
        return Err(place.refuse("", Unsafe::Overlap));
    }
    let missing = plan.iter().filter(|entry| !entry.folder && place.is_free(&entry.path)).map(|entry| entry.bytes);
    place.check_space(missing.fold(0, u64::saturating_add))?;
    let total = plan.iter().map(|entry| entry.bytes).fold(0, u64::saturating_add);
    let mut before = 0u64;
    for entry in &plan {
        if entry.folder {
            place.folder(&entry.path)?;
        } else {
            put(&mut archive, entry, place, before, total)?;
        }
        before = before.saturating_add(entry.bytes);
        place.watch().progress(before, Some(total));
    }
    Ok(())
}

fn plan(archive: &ZipArchive<BufReader<File>>, place: &mut Place<'_>) -> Result<Vec<Planned>, Error> {
    let mut names = Names::default();
    let mut plan = Vec::with_capacity(archive.len());
    let mut total = 0u64;
    for idx in 0..archive.len() {
        // The index is below the length: an entry that is not there would be a fault of the reader.
        let Ok(entry) = archive.by_index_data(idx) else { continue };
        let shown = String::from_utf8_lossy(entry.name_raw()).into_owned();
        place.count(&shown)?;
        let planned = inspect(idx, &entry, &mut names).map_err(|why| place.refuse(&shown, why))?;
        total = total.saturating_add(planned.bytes);
        let limit = place.limits().total_bytes;
        if total > limit {
            return Err(place.too_much(&shown, limit, "bytes in all files together"));
        }
        plan.push(planned);
    }
    Ok(plan)
}

fn inspect(idx: usize, entry: &ZipFileEntry<'_>, names: &mut Names) -> Result<Planned, Unsafe> {
    let name = entry.name().map_err(|_| Unsafe::NotUtf8)?;
    let path = plain(&name)?;
    let folder = name.ends_with('/');
    let mode = entry.unix_mode().unwrap_or(0);
    match mode & MODE_KIND {
        0 => {}
        MODE_FILE if !folder => {}
        MODE_FOLDER if folder => {}
        MODE_LINK => return Err(Unsafe::Link),
        MODE_FILE | MODE_FOLDER => return Err(Unsafe::FileAndFolder),
        _ => return Err(Unsafe::Special),
    }
    if entry.is_symlink() {
        return Err(Unsafe::Link);
    }
    if entry.encrypted() {
        return Err(Unsafe::Encrypted);
    }
    match entry.compression() {
        CompressionMethod::Stored | CompressionMethod::Deflated => {}
        other => return Err(Unsafe::Method(other.to_string())),
    }
    if folder {
        names.folder(&path)?;
    } else {
        names.file(&path)?;
    }
    let bytes = if folder { 0 } else { entry.size() };
    let executable = mode & 0o100 != 0;
    Ok(Planned { idx, path, folder, bytes, compressed: entry.compressed_size(), crc: entry.crc32(), executable })
}

fn put(
    archive: &mut ZipArchive<BufReader<File>>,
    planned: &Planned,
    place: &mut Place<'_>,
    before: u64,
    total: u64,
) -> Result<(), Error> {
    // Length and checksum are compared where the bytes are written, with errors that say more.
    let options = ZipReadOptions::new().ignore_crc32(true);
    let mut source = match archive.by_index_with_options(planned.idx, options) {
        Ok(source) => source,
        Err(error) => {
            place.unreadable(&planned.path, &error);
            return Ok(());
        }
    };
    let entry =
        Entry { path: &planned.path, bytes: planned.bytes, crc: Some(planned.crc), executable: planned.executable };
    let mut more = |place: &Place<'_>, done: u64| {
        place.watch().progress(before.saturating_add(done), Some(total));
        check_ratio(place, planned, done)
    };
    place.file(&entry, &mut source as &mut dyn Read, &mut more)
}

fn check_ratio(place: &Place<'_>, planned: &Planned, done: u64) -> Result<(), Error> {
    let limits = place.limits();
    if done > limits.ratio_from_bytes && done > limits.ratio.saturating_mul(planned.compressed) {
        return Err(place.too_much(&planned.path, limits.ratio, "bytes from one compressed byte"));
    }
    Ok(())
}
