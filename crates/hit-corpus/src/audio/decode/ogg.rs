//! The pages of an Ogg file, walked ahead of the decoder: what it has not seen as sound pages it is not given.
//!
//! The decoder's reader of Ogg keeps what a file tells it to keep: any number of streams, of packets of 16 MB that do not
//! end, of headers in the middle of the sound, each comment of a million. None of these is in a file that an encoder
//! wrote, so they are errors here, before the memory is taken. A page that is damaged is an error too, where the reader
//! would look for further pages inside of it.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

/// Streams of a file; one is the sound, others may be pictures or an index.
const MOST_STREAMS: usize = 4;
/// Headers of a stream: Vorbis has 3, FLAC as many as it has kinds of metadata.
const MOST_HEADERS: usize = 16;
/// Bytes of all headers, mostly pictures.
const MOST_HEADER_BYTES: usize = 8 << 20;
/// Comments in all headers.
const MOST_COMMENTS: u32 = 10_000;
/// Bytes of a packet of sound: a long block of 32 channels has less.
const MOST_PACKET_BYTES: usize = 1 << 20;
/// How far a next page is looked for after something else, bytes: the length of a page.
const MOST_SEARCHED: u64 = 65_307;

/// The mark of a page.
pub const MARK: &[u8; 4] = b"OggS";

/// Pages from the start of the file on.
pub struct Pages {
    file: BufReader<File>,
    size: u64,
    /// Up to here pages are sound.
    at: u64,
    /// Why the next one is not, or that no page follows.
    end: Option<End>,
    streams: Vec<Stream>,
    header_bytes: usize,
    comments: u32,
}

enum End {
    /// Nothing more that could be a page.
    Last,
    /// Part of a page, which ends with the file.
    Cut,
    /// Not to be read any further.
    Bad(String),
}

struct Stream {
    serial: u32,
    kind: Kind,
    n_headers: usize,
    /// The packet that has not ended.
    open: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Vorbis,
    Flac,
    Other,
}

impl Pages {
    /// Of a file whose first page starts at `start`.
    pub fn new(file: File, start: u64) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        file.seek(SeekFrom::Start(start))?;
        Ok(Self { file, size, at: start, end: None, streams: Vec::new(), header_bytes: 0, comments: 0 })
    }

    /// Whether `at` lies beyond all that was walked: whoever reads there only looks for the end of the file.
    pub fn is_ahead(&self, at: u64) -> bool {
        at > self.at
    }

    /// How many of `n` bytes from `from` on may be read.
    ///
    /// # Errors
    /// None of them may, because the page there is damaged or asks for too much; or reading failed.
    pub fn allow(&mut self, from: u64, n: usize) -> io::Result<usize> {
        let to = from.saturating_add(n as u64);
        while self.end.is_none() && self.at < to {
            self.walk()?;
        }
        let allowed = match &self.end {
            None | Some(End::Cut) => n,
            Some(End::Last) => n.min(self.at.saturating_sub(from) as usize),
            Some(End::Bad(what)) if from >= self.at => {
                return Err(io::Error::new(ErrorKind::InvalidData, what.clone()));
            }
            Some(End::Bad(_)) => n.min((self.at - from) as usize),
        };
        Ok(allowed)
    }

    /// Takes the next page.
    fn walk(&mut self) -> io::Result<()> {
        let mut page = Vec::new();
        self.more(&mut page, 27)?;
        if !page.starts_with(MARK) {
            return self.something_else(page);
        }
        let n_segments = page.get(26).copied().unwrap_or_default();
        self.more(&mut page, usize::from(n_segments))?;
        let head = 27 + usize::from(n_segments);
        let n_bytes = page.iter().skip(27).map(|&length| usize::from(length)).sum();
        self.more(&mut page, n_bytes)?;
        if page.len() < head + n_bytes {
            self.end = Some(End::Cut);
            return Ok(());
        }
        match self.page(&mut page, head) {
            Ok(()) => self.at += page.len() as u64,
            Err(what) => self.end = Some(End::Bad(format!("the page at byte {} {what}", self.at))),
        }
        Ok(())
    }

    /// Appends as many bytes as there are, at most `n`.
    fn more(&mut self, page: &mut Vec<u8>, n: usize) -> io::Result<()> {
        self.file.by_ref().take(n as u64).read_to_end(page).map(|_| ())
    }

    /// No page starts here: the end of the file, or tags of other programs after it, or damage if another page follows.
    fn something_else(&mut self, mut found: Vec<u8>) -> io::Result<()> {
        self.more(&mut found, MOST_SEARCHED as usize)?;
        let follows = found.windows(4).any(|four| four == MARK);
        let is_searched = self.size - self.at <= MOST_SEARCHED;
        self.end = Some(if follows || !is_searched {
            End::Bad(format!("no page starts at byte {}, where one should", self.at))
        } else {
            End::Last
        });
        Ok(())
    }

    /// Looks at a whole page; what is wrong with it.
    fn page(&mut self, page: &mut [u8], head: usize) -> Result<(), String> {
        let word = |at: usize| u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
        let (version, flags, serial, sum) = (page[4], page[5], word(14), word(22));
        page[22..26].fill(0);
        if version != 0 || flags & 0xF8 != 0 || crc(page) != sum {
            return Err("is damaged".to_owned());
        }
        let (lengths, mut body) = page[27..].split_at(head - 27);
        if flags & 2 != 0 {
            self.begin(serial, body)?;
        }
        let Some(at) = self.streams.iter().position(|stream| stream.serial == serial) else { return Ok(()) };
        if flags & 1 == 0 {
            self.streams[at].open.clear();
        }
        for &length in lengths {
            let (segment, rest) = body.split_at(usize::from(length));
            body = rest;
            self.streams[at].open.extend_from_slice(segment);
            if self.streams[at].open.len() > self.streams[at].most_bytes() {
                return Err("continues a packet that is longer than any of an encoder".to_owned());
            }
            if length < 255 {
                self.packet(at)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, serial: u32, first: &[u8]) -> Result<(), String> {
        if self.streams.len() == MOST_STREAMS {
            return Err(format!("begins one more stream than {MOST_STREAMS}"));
        }
        let kind = match first {
            [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Kind::Vorbis,
            [0x7F, b'F', b'L', b'A', b'C', ..] => Kind::Flac,
            _ => Kind::Other,
        };
        // One of the same number takes the place of the last, which counts all the same.
        self.streams.insert(0, Stream { serial, kind, n_headers: 0, open: Vec::new() });
        Ok(())
    }

    /// The open packet of stream `at` has ended.
    fn packet(&mut self, at: usize) -> Result<(), String> {
        let stream = &mut self.streams[at];
        if stream.is_header() {
            stream.n_headers += 1;
            self.header_bytes += stream.open.len();
            self.comments = self.comments.saturating_add(comments(stream.kind, &stream.open));
            if stream.n_headers > MOST_HEADERS || self.header_bytes > MOST_HEADER_BYTES {
                return Err(format!("has headers beyond {MOST_HEADERS}, or {MOST_HEADER_BYTES} bytes of them"));
            }
            if self.comments > MOST_COMMENTS {
                return Err(format!("has {} comments", self.comments));
            }
        }
        stream.open.clear();
        Ok(())
    }
}

impl Stream {
    /// Whether the open packet is a header; what is in it is kept, not handed on.
    fn is_header(&self) -> bool {
        match (self.kind, self.open.first()) {
            (Kind::Vorbis, Some(first)) => first & 1 == 1,
            (Kind::Flac, Some(first)) => *first != 0xFF,
            _ => false,
        }
    }

    fn most_bytes(&self) -> usize {
        if self.is_header() { MOST_HEADER_BYTES } else { MOST_PACKET_BYTES }
    }
}

/// How many comments a header states: after the name of the program, which has its length in front.
fn comments(kind: Kind, header: &[u8]) -> u32 {
    let start = match kind {
        Kind::Vorbis if header.starts_with(b"\x03vorbis") => 7,
        Kind::Flac if header.first().is_some_and(|first| first & 0x7F == 4) => 4,
        _ => return 0,
    };
    let word = |at: usize| {
        let bytes = header.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let count = || word(start + 4 + word(start)? as usize);
    count().unwrap_or(0)
}

/// The table of eight bits at a time, for each of eight bytes: the CRC of Ogg (RFC 3533) has the polynomial 0x04C11DB7.
const CRC: [[u32; 256]; 8] = {
    let mut table = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut value = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = (value << 1) ^ if value >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        table[0][byte] = value;
        byte += 1;
    }
    let mut at = 256;
    while at < 8 * 256 {
        let before = table[at / 256 - 1][at % 256];
        table[at / 256][at % 256] = (before << 8) ^ table[0][(before >> 24) as usize];
        at += 1;
    }
    table
};

/// The checksum of a page whose own is 0.
fn crc(page: &[u8]) -> u32 {
    let (eights, rest) = page.as_chunks::<8>();
    let sum = eights.iter().fold(0u32, |sum, eight| {
        let [a, b, c, d] = sum.to_be_bytes();
        let first = [a ^ eight[0], b ^ eight[1], c ^ eight[2], d ^ eight[3], eight[4], eight[5], eight[6], eight[7]];
        first.iter().zip(CRC.iter().rev()).fold(0, |sum, (&byte, table)| sum ^ table[usize::from(byte)])
    });
    rest.iter().fold(sum, |sum, byte| (sum << 8) ^ CRC[0][usize::from((sum >> 24) as u8 ^ byte)])
}

#[cfg(test)]
pub mod tests;
