//! Reads WAV files: RIFF and RF64, whole numbers of 8 to 32 bits and floating point, any number of channels.
//!
//! MAESTRO's audio is WAV, and all that is done to it is a mean over channels; so it is read here, without packets
//! and planes in between. Nothing is allocated by what a header says, and bytes that are not wanted are never read.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use super::{Fault, Sink};

/// A header that was understood; the reader stands at the first sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    code: Code,
    n_channels: usize,
    rate_hz: u32,
    /// Frames stated; all there are if the header leaves the length open, as a program that writes into a pipe does.
    n_frames: u64,
}

/// How a sample is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Code {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
}

impl Code {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Bytes read at a time, as a whole number of frames.
const CHUNK: usize = 1 << 16;

/// Channels of a recording, at most.
const MOST_CHANNELS: u16 = 256;

/// A length that the header leaves open (RIFF) or states elsewhere (RF64).
const OPEN: u32 = u32::MAX;

/// Whether these are the first bytes of a file that [`head`] reads, or refuses with a reason of its own.
pub fn is_wav(magic: &[u8]) -> bool {
    let riff = magic.len() >= 12 && [b"RIFF", b"RF64", b"BW64"].iter().any(|id| magic.starts_with(*id));
    (riff && &magic[8..12] == b"WAVE") || magic.starts_with(b"riff\x2E\x91\xCF\x11")
}

fn undecodable(what: impl Into<String>) -> Fault {
    Fault::Undecodable(what.into())
}

/// Reads up to the first sample.
///
/// # Errors
/// [`Fault::Undecodable`], [`Fault::Rate`], [`Fault::Empty`].
pub fn head(source: &mut (impl Read + Seek), file_bytes: u64) -> Result<Head, Fault> {
    let start: [u8; 12] = array(source)?;
    if start.starts_with(b"riff") {
        return Err(undecodable("it is a Wave64 file, which is not read"));
    }
    let (mut format, mut long_data): (Option<Format>, Option<u64>) = (None, None);
    loop {
        let header: [u8; 8] = array(source)?;
        let (id, [_, _, _, _, a, b, c, d]) = ([header[0], header[1], header[2], header[3]], header);
        let length = u32::from_le_bytes([a, b, c, d]);
        let at = position(source)?;
        match &id {
            b"data" => {
                let early = || undecodable("its samples come before the chunk that describes them");
                let format = format.ok_or_else(early)?;
                let stated = if length == OPEN { long_data } else { Some(u64::from(length)) };
                return format.head(stated.unwrap_or(file_bytes.saturating_sub(at)));
            }
            b"fmt " => format = Some(Format::read(source, length)?),
            b"ds64" if length >= 16 => {
                let _riff: [u8; 8] = array(source)?;
                long_data = Some(u64::from_le_bytes(array(source)?));
            }
            _ => {}
        }
        let end = at + u64::from(length);
        if end > file_bytes {
            let name = id.escape_ascii();
            return Err(undecodable(format!("its chunk `{name}` of {length} bytes reaches past the end of the file")));
        }
        // Chunks start at even places.
        seek(source, end + end % 2)?;
    }
}

struct Format {
    code: Code,
    n_channels: usize,
    rate_hz: u32,
}

impl Format {
    fn read(source: &mut impl Read, length: u32) -> Result<Self, Fault> {
        if length < 16 {
            return Err(undecodable(format!("its chunk `fmt ` has {length} bytes, 16 are the least")));
        }
        let [tag, n_channels] = [array(source)?, array(source)?].map(u16::from_le_bytes);
        let rate_hz = u32::from_le_bytes(array(source)?);
        let _bytes_per_s: [u8; 4] = array(source)?;
        let [frame_bytes, bits] = [array(source)?, array(source)?].map(u16::from_le_bytes);
        // The extensible form names the coding later: size, valid bits, places of the channels, then 16 bytes.
        let tag = if tag == 0xFFFE && length >= 40 {
            let _rest: [u8; 8] = array(source)?;
            u16::from_le_bytes(array(source)?)
        } else {
            tag
        };
        let code = code(tag, bits)?;
        if n_channels == 0 || n_channels > MOST_CHANNELS {
            return Err(undecodable(format!("its header says {n_channels} channels")));
        }
        if usize::from(frame_bytes) != code.bytes() * usize::from(n_channels) {
            let what = format!("its header says {frame_bytes} bytes for {n_channels} samples of {bits} bits");
            return Err(undecodable(what));
        }
        if !super::RATES_HZ.contains(&rate_hz) {
            return Err(Fault::Rate(rate_hz));
        }
        Ok(Self { code, n_channels: usize::from(n_channels), rate_hz })
    }

    fn head(self, bytes: u64) -> Result<Head, Fault> {
        let Self { code, n_channels, rate_hz } = self;
        let n_frames = bytes / (code.bytes() * n_channels) as u64;
        if n_frames == 0 { Err(Fault::Empty) } else { Ok(Head { code, n_channels, rate_hz, n_frames }) }
    }
}

fn code(tag: u16, bits: u16) -> Result<Code, Fault> {
    match (tag, bits) {
        (1, 1..=8) => Ok(Code::U8),
        (1, 9..=16) => Ok(Code::I16),
        (1, 17..=24) => Ok(Code::I24),
        (1, 25..=32) => Ok(Code::I32),
        (3, 32) => Ok(Code::F32),
        (3, 64) => Ok(Code::F64),
        _ => {
            let name = match tag {
                1 => "whole numbers",
                2 | 0x11 => "ADPCM",
                3 => "floating point",
                6 => "A-law",
                7 => "mu-law",
                0x55 => "MP3 inside of WAV",
                _ => "in a coding that is not read",
            };
            Err(undecodable(format!("its samples are {name} (format {tag:#06x}) of {bits} bits")))
        }
    }
}

impl Head {
    /// Sample rate, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Frames that the header states.
    pub fn n_frames(&self) -> u64 {
        self.n_frames
    }

    /// Reads and mixes frames until `sink` has what it wants or the samples end.
    ///
    /// # Errors
    /// [`Fault::Truncated`], [`Fault::NotFinite`], [`Fault::Io`].
    pub fn read(&self, source: &mut impl Read, sink: &mut Sink) -> Result<(), Fault> {
        let frame_bytes = self.code.bytes() * self.n_channels;
        let per_chunk = (CHUNK / frame_bytes).max(1);
        let mut bytes = vec![0; per_chunk * frame_bytes];
        let mut mono = Vec::with_capacity(per_chunk);
        let wanted = self.n_frames.min(sink.needs());
        while sink.taken() < wanted {
            let n = (wanted - sink.taken()).min(per_chunk as u64) as usize;
            let found = fill(source, &mut bytes[..n * frame_bytes])? / frame_bytes;
            mono.clear();
            self.mix(&bytes[..found * frame_bytes], &mut mono);
            sink.push(&mono)?;
            if found < n {
                return Err(Fault::Truncated { expected: self.n_frames, found: sink.taken() });
            }
        }
        Ok(())
    }

    fn mix(&self, bytes: &[u8], mono: &mut Vec<f32>) {
        let n = self.n_channels;
        match self.code {
            Code::U8 => mix(bytes, n, mono, |[sample]| f32::from(sample) / 128.0 - 1.0),
            Code::I16 => mix(bytes, n, mono, |sample| f32::from(i16::from_le_bytes(sample)) / 32_768.0),
            Code::I24 => mix(bytes, n, mono, |[a, b, c]| (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0),
            Code::I32 => {
                mix(bytes, n, mono, |sample| (f64::from(i32::from_le_bytes(sample)) / 2_147_483_648.0) as f32);
            }
            Code::F32 => mix(bytes, n, mono, f32::from_le_bytes),
            Code::F64 => mix(bytes, n, mono, |sample| f64::from_le_bytes(sample) as f32),
        }
    }
}

/// The mean of each frame's samples, of `B` bytes each. One and two channels are most files, and made of straight loops.
fn mix<const B: usize>(bytes: &[u8], n_channels: usize, mono: &mut Vec<f32>, value: impl Fn([u8; B]) -> f32) {
    let (samples, _) = bytes.as_chunks::<B>();
    match n_channels {
        1 => mono.extend(samples.iter().map(|&sample| value(sample))),
        2 => {
            let (pairs, _) = samples.as_chunks::<2>();
            mono.extend(pairs.iter().map(|&[left, right]| (value(left) + value(right)) * 0.5));
        }
        n => {
            let scale = 1.0 / n as f32;
            let mean = |frame: &[[u8; B]]| frame.iter().map(|&sample| value(sample)).sum::<f32>() * scale;
            mono.extend(samples.chunks_exact(n).map(mean));
        }
    }
}

/// Reads until `bytes` are full or the file ends; returns how many came.
fn fill(source: &mut impl Read, bytes: &mut [u8]) -> Result<usize, Fault> {
    let mut found = 0;
    while found < bytes.len() {
        match source.read(&mut bytes[found..]) {
            Ok(0) => break,
            Ok(n) => found += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io(error.to_string())),
        }
    }
    Ok(found)
}

fn array<const N: usize>(source: &mut impl Read) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    if fill(source, &mut bytes)? < N {
        return Err(undecodable("the file ends within its header: no samples follow"));
    }
    Ok(bytes)
}

fn position(source: &mut impl Seek) -> Result<u64, Fault> {
    source.stream_position().map_err(|error| Fault::Io(error.to_string()))
}

fn seek(source: &mut impl Seek, to: u64) -> Result<(), Fault> {
    source.seek(SeekFrom::Start(to)).map(|_| ()).map_err(|error| Fault::Io(error.to_string()))
}

#[cfg(test)]
mod tests;
