//! Tar archives, plain or compressed by gzip, read from start to end once.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::error::Error;
use crate::unpack::Source;
use crate::unpack::names::{Names, Unsafe, plain};
use crate::unpack::place::{Entry, Place};

/// Most bytes of headers, long names and padding before one entry.
const MAX_HEADERS: u64 = 1 << 20;
/// Most bytes behind the end of the archive (tapes are padded).
const MAX_TAIL: u64 = 64 << 20;

/// What was read so far, on both sides of the decompression.
#[derive(Default)]
struct Gauge {
    compressed: Cell<u64>,
    plain: Cell<u64>,
    /// How many plain bytes may be read before the next entry begins; none while an entry is read.
    headers_left: Cell<Option<u64>>,
    ended: Cell<bool>,
}

/// Counts compressed bytes.
struct Outer<R> {
    inner: R,
    gauge: Rc<Gauge>,
}

impl<R: Read> Read for Outer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.gauge.compressed.set(self.gauge.compressed.get() + n as u64);
        Ok(n)
    }
}

/// Counts plain bytes, and stops a header that never ends.
struct Inner<R> {
    inner: R,
    gauge: Rc<Gauge>,
}

impl<R: Read> Read for Inner<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let gauge = &self.gauge;
        gauge.plain.set(gauge.plain.get() + n as u64);
        gauge.ended.set(n == 0 && !buffer.is_empty());
        if let Some(left) = gauge.headers_left.get() {
            let left = left.checked_sub(n as u64).ok_or_else(|| io::Error::other("a header that does not end"))?;
            gauge.headers_left.set(Some(left));
        }
        Ok(n)
    }
}

/// Unpacks a tar. An entry that is refused ends it; the entries before are in their places.
pub(super) fn unpack(source: Source<'_>, place: &mut Place<'_>, compressed: bool) -> Result<(), Error> {
    let gauge = Rc::new(Gauge::default());
    let damaged = |error: io::Error| Error::Damaged { path: source.path.to_owned(), why: error.to_string() };
    let outer = Outer { inner: source.file, gauge: Rc::clone(&gauge) };
    let plain: Box<dyn Read> = if compressed { Box::new(MultiGzDecoder::new(outer)) } else { Box::new(outer) };
    let mut archive = Archive::new(Inner { inner: plain, gauge: Rc::clone(&gauge) });
    let mut names = Names::default();
    let mut entries = archive.entries().map_err(&damaged)?;
    loop {
        gauge.headers_left.set(Some(MAX_HEADERS));
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(&damaged)?;
        gauge.headers_left.set(None);
        put(&mut entry, &mut names, place, &gauge, source.bytes)?;
        // What was not read, because a file of that name is there, must not be read as headers.
        drain(&mut entry, place, &gauge).map_err(|stop| stop.unwrap_or_else(&damaged))?;
    }
    if gauge.ended.get() {
        return Err(damaged(io::Error::other("it ends without the blocks that mark the end: it was cut")));
    }
    gauge.headers_left.set(None);
    // The checksum of gzip stands behind everything.
    let mut tail = archive.into_inner();
    io::copy(&mut (&mut tail).take(MAX_TAIL), &mut io::sink()).map(|_| ()).map_err(&damaged)
}

/// Unpacks one entry.
fn put(
    entry: &mut tar::Entry<'_, impl Read>,
    names: &mut Names,
    place: &mut Place<'_>,
    gauge: &Gauge,
    total: u64,
) -> Result<(), Error> {
    let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    place.count(&shown)?;
    let (path, kind) = match inspect(entry, names) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(()),
        Err(why) => return Err(place.refuse(&shown, why)),
    };
    match kind {
        Kind::Folder => place.folder(&path),
        Kind::File { executable } => {
            let described = Entry { path: &path, bytes: entry.size(), crc: None, executable };
            place.file(&described, entry, &mut |place, _| {
                place.watch().progress(gauge.compressed.get(), Some(total));
                check_ratio(place, gauge, &shown)
            })
        }
    }
}

enum Kind {
    Folder,
    File { executable: bool },
}

/// The plain path of an entry and what it is; none for what only describes other entries and for the target itself.
fn inspect(entry: &tar::Entry<'_, impl Read>, names: &mut Names) -> Result<Option<(String, Kind)>, Unsafe> {
    let kind = entry.header().entry_type();
    match kind {
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => {}
        EntryType::Link | EntryType::Symlink => return Err(Unsafe::Link),
        EntryType::GNUSparse => return Err(Unsafe::Sparse),
        _ => return Err(Unsafe::Special),
    }
    let bytes = entry.path_bytes();
    let name = std::str::from_utf8(&bytes).map_err(|_| Unsafe::NotUtf8)?;
    let path = plain(name)?;
    // Before ustar a folder was a file whose name ends with a slash.
    if kind.is_dir() || name.ends_with('/') {
        names.folder(&path)?;
        return Ok((!path.is_empty()).then_some((path, Kind::Folder)));
    }
    names.file(&path)?;
    let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
    Ok(Some((path, Kind::File { executable })))
}

/// Reads what is left of an entry.
fn drain(entry: &mut impl Read, place: &Place<'_>, gauge: &Gauge) -> Result<(), Result<Error, io::Error>> {
    let mut buffer = vec![0; 1 << 17];
    while entry.read(&mut buffer).map_err(Err)? > 0 {
        if place.watch().cancelled() {
            return Err(Ok(Error::Cancelled));
        }
        check_ratio(place, gauge, "").map_err(Ok)?;
    }
    Ok(())
}

fn check_ratio(place: &Place<'_>, gauge: &Gauge, entry: &str) -> Result<(), Error> {
    let limits = place.limits();
    let plain = gauge.plain.get();
    if plain > limits.ratio_from_bytes && plain > limits.ratio.saturating_mul(gauge.compressed.get()) {
        return Err(place.too_much(entry, limits.ratio, "bytes from one compressed byte"));
    }
    Ok(())
}
