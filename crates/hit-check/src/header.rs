//! What the header of an audio file states: sample rate, channels, length. No sound is decoded.
//!
//! Only as much is read as these three need: 64 KiB at the start, chunk headers of a WAV file, 64 KiB at the end of
//! an Ogg file. A header that is not understood is no fault: the decoder has the last word.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What a header states.
#[derive(Clone, PartialEq, Debug)]
pub struct Header {
    /// `wav`, `flac`, `vorbis`, `opus` or `mp3`.
    pub format: &'static str,
    /// Sample rate, Hz.
    pub rate_hz: u32,
    /// Channels.
    pub n_channels: u16,
    /// Frames (samples of one channel) stated; `None` if the header does not say.
    pub n_frames: Option<u64>,
    /// Bytes of sound that the header promises and the file does not have.
    pub missing_bytes: u64,
}

impl Header {
    /// Stated length, seconds.
    pub fn duration_s(&self) -> Option<f64> {
        self.n_frames.filter(|_| self.rate_hz > 0).map(|n_frames| n_frames as f64 / f64::from(self.rate_hz))
    }
}

const HEAD: usize = 1 << 16;
/// Chunks of a WAV file that are looked at: more than any recorder writes, few enough for a hostile file.
const MAX_CHUNKS: usize = 1024;

/// Reads the header of the file; `None` if it is of no known format.
///
/// # Errors
/// Those of reading.
pub fn read(path: &Path) -> std::io::Result<Option<Header>> {
    let mut file = fs_err::File::open(path)?;
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let size = file.metadata()?.len();
    match head.get(..4) {
        Some(b"RIFF" | b"RF64" | b"BW64") => wav(&mut file, size),
        Some(b"fLaC") => Ok(flac(&head)),
        Some(b"OggS") => ogg(&mut file, &head, size),
        Some(_) => tagged(&mut file, &head),
        None => Ok(None),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// As many bytes as there are from `at`, at most `n`.
fn piece(file: &mut (impl Read + Seek), at: u64, n: usize) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(n);
    file.take(n as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn wav(file: &mut (impl Read + Seek), size: u64) -> std::io::Result<Option<Header>> {
    let mut at = 12;
    let (mut shape, mut long) = (None, None);
    for _ in 0..MAX_CHUNKS {
        let chunk = piece(file, at, 24)?;
        let (Some(id), Some(length)) = (chunk.get(..4), u32_at(&chunk, 4)) else { break };
        if id == b"fmt " {
            shape = (|| Some((u16_at(&chunk, 10)?, u32_at(&chunk, 12)?, u16_at(&chunk, 20)?)))();
        }
        // RF64, for sound beyond 4 GiB: the length of the whole, then that of the samples.
        if id == b"ds64" && length >= 16 {
            long = u64_at(&chunk, 16);
        }
        if id == b"data" {
            let Some((n_channels, rate_hz, align)) = shape else { break };
            let there = size.saturating_sub(at + 8);
            // A recorder that streams writes 0 or the largest number, and means "until the end".
            let is_open = length == 0 || length >= u32::MAX - 64;
            let stated = if is_open { long.unwrap_or(there) } else { u64::from(length) };
            let n_frames = (align > 0).then(|| stated / u64::from(align));
            let missing_bytes = stated.saturating_sub(there);
            return Ok(Some(Header { format: "wav", rate_hz, n_channels, n_frames, missing_bytes }));
        }
        at += 8 + u64::from(length) + u64::from(length % 2);
    }
    Ok(None)
}

fn flac(head: &[u8]) -> Option<Header> {
    // 4 bytes `fLaC`, 4 of the block's header, 10 of block and frame sizes
    let packed = u64::from_be_bytes(head.get(18..26)?.try_into().ok()?);
    let (rate_hz, n_channels) = ((packed >> 44) as u32, ((packed >> 41) & 7) as u16 + 1);
    let n_frames = Some(packed & 0xF_FFFF_FFFF).filter(|&n| n > 0);
    (rate_hz > 0).then_some(Header { format: "flac", rate_hz, n_channels, n_frames, missing_bytes: 0 })
}

fn ogg(file: &mut (impl Read + Seek), head: &[u8], size: u64) -> std::io::Result<Option<Header>> {
    let Some(&n_segments) = head.get(26) else { return Ok(None) };
    let packet = head.get(27 + usize::from(n_segments)..).unwrap_or_default();
    let (format, n_channels, rate_hz) = if packet.starts_with(b"\x01vorbis") {
        ("vorbis", packet.get(11), u32_at(packet, 12))
    } else if packet.starts_with(b"OpusHead") {
        ("opus", packet.get(9), Some(48_000))
    } else {
        return Ok(None);
    };
    let (Some(&n_channels), Some(rate_hz)) = (n_channels, rate_hz) else { return Ok(None) };
    let tail = piece(file, size.saturating_sub(HEAD as u64), HEAD)?;
    // The last page states how many frames are complete with it; all ones: none is.
    let last = tail.windows(4).rposition(|word| word == b"OggS");
    let n_frames = last.and_then(|at| u64_at(&tail, at + 6)).filter(|&n| n < 1 << 48);
    Ok(Some(Header { format, rate_hz, n_channels: u16::from(n_channels), n_frames, missing_bytes: 0 }))
}

/// MP3, or FLAC behind a tag.
fn tagged(file: &mut (impl Read + Seek), head: &[u8]) -> std::io::Result<Option<Header>> {
    let tagged = head.starts_with(b"ID3") && head.len() >= 10;
    let tag = if tagged { 10 + head[6..10].iter().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7F)) } else { 0 };
    let start = piece(file, tag, 4096)?;
    if start.starts_with(b"fLaC") {
        return Ok(flac(&start));
    }
    Ok(start.windows(4).find_map(mp3_frame))
}

/// The header of an MPEG layer III frame.
fn mp3_frame(word: &[u8]) -> Option<Header> {
    let [sync, version, rate, mode] = word.try_into().ok()?;
    let layer_three = sync == 0xFF && version & 0xE0 == 0xE0 && (version >> 1) & 3 == 1;
    let bits = (rate >> 4) & 15;
    if !layer_three || bits == 0 || bits == 15 {
        return None;
    }
    let base: u32 = *[44_100, 48_000, 32_000].get(usize::from((rate >> 2) & 3))?;
    let rate_hz = match (version >> 3) & 3 {
        3 => base,
        2 => base / 2,
        0 => base / 4,
        _ => return None,
    };
    let n_channels = if mode >> 6 == 3 { 1 } else { 2 };
    Some(Header { format: "mp3", rate_hz, n_channels, n_frames: None, missing_bytes: 0 })
}

#[cfg(test)]
mod tests;
