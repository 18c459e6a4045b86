//! The file as the decoder sees it: without metadata, no further than is wanted, and Ogg pages only once they were walked.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::io::MediaSource;

use super::ogg::{self, Pages};

/// What a file is by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `fLaC`.
    Flac,
    /// `OggS`.
    Ogg,
    /// None of these: MP3 has no mark of its own.
    Mp3,
}

/// A file without its metadata, of which only so much can be read: what the wanted seconds may take at most, and some
/// more for headers. A file of many gigabytes in which a decoder finds nothing must come to an end.
///
/// Metadata is stepped over rather than parsed: nothing of it is wanted, and a million tags in 10 MB of it would be kept
/// as 500 MB.
pub struct Source {
    file: File,
    /// What the decoder sees before the rest of the file: the one header of FLAC that it needs.
    head: Vec<u8>,
    /// Where in the file it goes on after that.
    start: u64,
    /// Where the decoder is, from the start of what it sees.
    at: u64,
    left: u64,
    pages: Option<Pages>,
    kind: Kind,
}

impl Source {
    /// More than eight channels of 24 bits at 384 kHz.
    const BYTES_PER_S: f64 = 10e6;
    const HEADERS: u64 = 512 << 20;

    /// The file at `path` behind its tags, to be read for so many seconds.
    ///
    /// # Errors
    /// Those of reading; [`ErrorKind::InvalidData`] if there is no end of metadata.
    pub fn new(path: &Path, seconds: f64) -> io::Result<Self> {
        let open = || fs_err::File::open(path).map(fs_err::File::into_file);
        let mut file = open()?;
        let tags = tags_end(&mut file)?;
        let (kind, head, start) = match &bytes(&mut file, tags, 4)?[..] {
            b"fLaC" => flac(&mut file, tags)?,
            mark if mark == ogg::MARK => (Kind::Ogg, Vec::new(), tags),
            _ => (Kind::Mp3, Vec::new(), tags),
        };
        let pages = if kind == Kind::Ogg { Some(Pages::new(open()?, start)?) } else { None };
        let left = Self::HEADERS.saturating_add((seconds * Self::BYTES_PER_S) as u64);
        Ok(Self { file, head, start, at: 0, left, pages, kind })
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes the decoder sees.
    fn size(&self) -> Option<u64> {
        let size = self.file.metadata().ok()?.len();
        Some(self.head.len() as u64 + size.saturating_sub(self.start))
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// As many bytes as there are from `at`, at most `n`.
fn bytes(file: &mut File, at: u64, n: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut found = Vec::new();
    file.take(n).read_to_end(&mut found)?;
    Ok(found)
}

/// Tags in a row that are stepped over; more than two are some mistake.
const MOST_TAGS: usize = 16;

/// Length of the ID3v2 tags in front of a file: cover pictures are of megabytes, and may contain what looks like sound.
fn tags_end(file: &mut File) -> io::Result<u64> {
    let mut end = 0;
    for _ in 0..MOST_TAGS {
        let head = bytes(file, end, 10)?;
        let &[b'I', b'D', b'3', _, _, flags, a, b, c, d] = &head[..] else { return Ok(end) };
        // Four times seven bits; a footer repeats the header.
        let size = [a, b, c, d].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
        end += size + if flags & 0x10 == 0 { 10 } else { 20 };
    }
    Err(invalid("it has more tags than sound"))
}

/// Blocks of metadata in a FLAC file: there are seven kinds.
const MOST_BLOCKS: usize = 1024;

/// Mark and stream information of a FLAC file, as if that were all of its metadata, and where its sound starts.
fn flac(file: &mut File, start: u64) -> io::Result<(Kind, Vec<u8>, u64)> {
    let mut head = bytes(file, start, 42)?;
    let mut at = start + 4;
    for _ in 0..MOST_BLOCKS {
        let Some(&[kind, a, b, c]) = bytes(file, at, 4)?.first_chunk::<4>() else { break };
        at += 4 + u64::from(u32::from_be_bytes([0, a, b, c]));
        if kind & 0x80 != 0 {
            // Only then are the 42 bytes what they are taken for; anything else is the decoder's to refuse.
            let is_usual = matches!(head[..], [_, _, _, _, 0 | 0x80, 0, 0, 34, ..]) && head.len() == 42;
            if !is_usual {
                break;
            }
            head[4] |= 0x80;
            return Ok((Kind::Flac, head, at));
        }
    }
    Err(invalid("its metadata does not start with that of the stream, or does not end"))
}

impl Read for Source {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let ahead = &self.head[self.head.len().min(self.at as usize)..];
        let n = if ahead.is_empty() {
            let from = self.start + self.at - self.head.len() as u64;
            let n = match &mut self.pages {
                Some(pages) if !pages.is_ahead(from) => pages.allow(from, bytes.len())?,
                _ => bytes.len(),
            };
            self.file.seek(SeekFrom::Start(from))?;
            self.file.read(&mut bytes[..n])?
        } else {
            let n = ahead.len().min(bytes.len());
            bytes[..n].copy_from_slice(&ahead[..n]);
            n
        };
        self.at += n as u64;
        let what = "more of the file was searched than the wanted seconds can take";
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| invalid(what))?;
        Ok(n)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |place: u64, by: i64| place.checked_add_signed(by).ok_or_else(|| invalid("a place before the file"));
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => from(self.at, by)?,
            SeekFrom::End(by) => from(self.size().unwrap_or_default(), by)?,
        };
        Ok(self.at)
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        self.size()
    }
}

#[cfg(test)]
mod tests;
