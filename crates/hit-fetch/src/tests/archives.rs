//! Archives made for the tests: good ones by the usual writers, bad ones byte by byte.

use std::io::{Cursor, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A zip by the usual writer; a name that ends with a slash is a folder, one that ends with `!` is executable.
pub(super) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (idx, (name, bytes)) in files.iter().enumerate() {
        let method = if idx % 2 == 0 { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let mode = if name.ends_with('!') { 0o4777 } else { 0o600 };
        let options =
            SimpleFileOptions::default().compression_method(method).unix_permissions(mode).large_file(idx % 3 == 2);
        if name.ends_with('/') {
            writer.add_directory(*name, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A tar by the usual writer, as [`zip`].
pub(super) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if name.ends_with('!') { 0o4777 } else { 0o600 });
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One entry of a tar, with any name and kind; the checksum is right.
pub(super) fn tar_entry(name: &[u8], kind: u8, link: &str, said_bytes: u64, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{said_bytes:011o}\0").as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block.extend_from_slice(bytes);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

/// Writes the checksum of a header.
pub(super) fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Entries and the two blocks that end a tar.
pub(super) fn tar_of(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// An entry of a zip that may lie about everything.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) name: Vec<u8>,
    pub(super) plain: Vec<u8>,
    pub(super) deflate: bool,
    pub(super) crc: u32,
    /// Sizes as the headers say them.
    pub(super) bytes: u64,
    pub(super) compressed: Option<u64>,
    pub(super) zip64: bool,
    pub(super) method: Option<u16>,
    pub(super) flags: u16,
    pub(super) mode: u32,
    /// Index of the entry whose bytes this one shares.
    pub(super) shares: Option<usize>,
}

impl Raw {
    pub(super) fn new(name: &str, plain: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(plain);
        Self {
            name: name.as_bytes().to_vec(),
            plain: plain.to_vec(),
            deflate: false,
            crc: crc.sum(),
            bytes: plain.len() as u64,
            compressed: None,
            zip64: false,
            method: None,
            flags: 0,
            mode: 0o100_644,
            shares: None,
        }
    }

    fn data(&self) -> Vec<u8> {
        if !self.deflate {
            return self.plain.clone();
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&self.plain).unwrap();
        encoder.finish().unwrap()
    }

    /// Version, flags, method, time, checksum, sizes, lengths: what both headers have in common.
    fn common(&self, compressed: u64) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [45, self.flags, self.method.unwrap_or(if self.deflate { 8 } else { 0 }), 0, 33] {
            out.extend(value.to_le_bytes());
        }
        out.extend(self.crc.to_le_bytes());
        for size in [compressed, self.bytes] {
            out.extend(if self.zip64 { u32::MAX } else { size as u32 }.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend(if self.zip64 { 20u16 } else { 0 }.to_le_bytes());
        out
    }

    fn extra(&self, compressed: u64) -> Vec<u8> {
        if !self.zip64 {
            return Vec::new();
        }
        let mut out = vec![1, 0, 16, 0];
        out.extend(self.bytes.to_le_bytes());
        out.extend(compressed.to_le_bytes());
        out
    }
}

/// A zip of two stored entries, of which the second lies behind `gap` bytes that are a hole in the file: with offsets that only
/// zip64 can say if the gap is large.
pub(super) fn far_zip(path: &std::path::Path, entries: [&Raw; 2], gap: u64) {
    let mut file = fs_err::File::create(path).unwrap();
    let (mut central, mut offset) = (Vec::new(), 0u64);
    for entry in entries {
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&[b"PK\x03\x04", &entry.common(entry.bytes)[..], &entry.name, &entry.plain].concat()).unwrap();
        let mut common = entry.common(entry.bytes);
        let extra = common.len() - 2;
        common[extra..].copy_from_slice(&12u16.to_le_bytes());
        central.extend([b"PK\x01\x02\x2d\x03", &common[..], &[0; 6], &(entry.mode << 16).to_le_bytes()].concat());
        central.extend(u32::MAX.to_le_bytes());
        central.extend([&entry.name[..], &[1, 0, 8, 0], &offset.to_le_bytes()].concat());
        offset = file.stream_position().unwrap() + gap;
    }
    let start = file.stream_position().unwrap();
    let end = start + central.len() as u64;
    central.extend(b"PK\x06\x06");
    central.extend(44u64.to_le_bytes());
    central.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [2, 2, end - start, start] {
        central.extend(value.to_le_bytes());
    }
    central.extend([b"PK\x06\x07", &[0; 4][..], &end.to_le_bytes(), &1u32.to_le_bytes()].concat());
    central.extend([b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0; 2]].concat());
    file.write_all(&central).unwrap();
}

/// The zip of such entries.
pub(super) fn raw_zip(entries: &[Raw]) -> Vec<u8> {
    let (mut out, mut central, mut offsets) = (Vec::new(), Vec::new(), Vec::<u32>::new());
    for entry in entries {
        let data = entry.data();
        let compressed = entry.compressed.unwrap_or(data.len() as u64);
        let offset = entry.shares.map_or(out.len() as u32, |idx| offsets[idx]);
        offsets.push(offset);
        if entry.shares.is_none() {
            out.extend(b"PK\x03\x04");
            out.extend(entry.common(compressed));
            out.extend(&entry.name);
            out.extend(entry.extra(compressed));
            out.extend(&data);
        }
        central.extend(b"PK\x01\x02\x2d\x03");
        central.extend(entry.common(compressed));
        central.extend([0; 6]); // comment, disk, internal attributes
        central.extend((entry.mode << 16).to_le_bytes());
        central.extend(offset.to_le_bytes());
        central.extend(&entry.name);
        central.extend(entry.extra(compressed));
    }
    let (start, n) = (out.len() as u32, entries.len() as u16);
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(n.to_le_bytes());
    out.extend(n.to_le_bytes());
    out.extend((central.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}
