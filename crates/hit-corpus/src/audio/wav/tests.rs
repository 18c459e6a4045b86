//! Every coding of samples, and headers that lie.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::audio::Wanted;
use crate::fixtures::{chunk, riff};

/// A `fmt ` chunk.
fn fmt(tag: u16, n_channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let frame_bytes = n_channels.wrapping_mul(bits.div_ceil(8));
    let mut body = [tag, n_channels].map(u16::to_le_bytes).concat();
    body.extend([rate_hz, rate_hz.wrapping_mul(u32::from(frame_bytes))].map(u32::to_le_bytes).concat());
    body.extend([frame_bytes, bits].map(u16::to_le_bytes).concat());
    chunk(*b"fmt ", &body)
}

/// The same in the extensible form.
fn extensible(tag: u16, n_channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let mut body = fmt(0xFFFE, n_channels, rate_hz, bits)[8..].to_vec();
    body.extend([22u16.to_le_bytes(), bits.to_le_bytes()].concat());
    body.extend(0u32.to_le_bytes());
    body.extend(tag.to_le_bytes());
    body.extend([0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]);
    chunk(*b"fmt ", &body)
}

fn read(bytes: &[u8]) -> Result<(Vec<f32>, Head), Fault> {
    let mut source = Cursor::new(bytes);
    let head = head(&mut source, bytes.len() as u64)?;
    let mut sink = Sink::new(head.rate_hz(), &Wanted { to_hz: head.rate_hz(), samples: 100_000 });
    head.read(&mut source, &mut sink)?;
    Ok((sink.finish(head.n_frames(), true).samples, head))
}

fn refused(bytes: &[u8], parts: &[&str]) {
    let text = read(bytes).unwrap_err().to_string();
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

/// Half, minus a quarter and full scale downwards in each coding, as one channel.
fn codings() -> Vec<(u16, u16, Vec<u8>)> {
    let values = [0.5f64, -0.25, -1.0];
    let int = |bytes: usize| {
        let scale = 2f64.powi(8 * bytes as i32 - 1);
        values.iter().flat_map(|value| ((value * scale) as i64).to_le_bytes()[..bytes].to_vec()).collect::<Vec<u8>>()
    };
    vec![
        (1, 8, values.iter().map(|value| (value * 128.0 + 128.0) as u8).collect()),
        (1, 16, int(2)),
        (1, 24, int(3)),
        (1, 32, int(4)),
        (3, 32, values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect()),
        (3, 64, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
    ]
}

#[test]
fn every_coding_gives_the_same_samples() {
    for (tag, bits, samples) in codings() {
        for format in [fmt(tag, 1, 24_000, bits), extensible(tag, 1, 24_000, bits)] {
            let (read, head) = read(&riff(&[format, chunk(*b"data", &samples)])).unwrap();
            assert_eq!((read, head.n_frames()), (vec![0.5, -0.25, -1.0], 3), "format {tag}, {bits} bits");
        }
    }
}

/// Eight channels at 192 kHz: the mean of each frame, and the length of the file.
#[test]
fn eight_channels_at_192_khz() {
    let frames: Vec<u8> = (0..1000u16).flat_map(|n| (0..8).flat_map(move |c| (8 * n + c).to_le_bytes())).collect();
    let (read, head) = read(&riff(&[fmt(1, 8, 192_000, 16), chunk(*b"data", &frames)])).unwrap();
    assert_eq!((head.rate_hz(), head.n_frames()), (192_000, 1000));
    for (n, sample) in read.iter().enumerate() {
        assert_eq!(*sample, (8.0 * n as f32 + 3.5) / 32_768.0);
    }
}

/// Chunks nobody knows, of odd lengths, before and after the samples; an odd number of bytes of samples.
#[test]
fn other_chunks_are_stepped_over() {
    let data = [chunk(*b"data", &[0, 64, 0, 192, 7]), chunk(*b"id3 ", b"odd"), b"junk".to_vec()].concat();
    let parts = [chunk(*b"JUNK", b""), chunk(*b"bext", b"odd"), fmt(1, 1, 24_000, 16), chunk(*b"LIST", b"INFO!"), data];
    assert_eq!(read(&riff(&parts)).unwrap().0, [0.5, -0.5]);
}

/// RF64 states the length of the samples in a chunk of its own, 64 bits wide.
#[test]
fn rf64_is_read() {
    let long: Vec<u8> = [0u64, 4, 2].iter().flat_map(|value| value.to_le_bytes()).chain([0; 4]).collect();
    let mut bytes = riff(&[chunk(*b"ds64", &long), fmt(1, 1, 48_000, 16), chunk(*b"data", &[0, 64, 0, 192, 1, 1])]);
    bytes[..8].copy_from_slice(b"RF64\xFF\xFF\xFF\xFF");
    let at = bytes.len() - 10;
    bytes[at..at + 4].fill(0xFF);
    let (samples, head) = read(&bytes).unwrap();
    assert_eq!((samples, head.n_frames()), (vec![0.5, -0.5], 2));
}

/// Lengths of 0, 2^31 and 2^32 - 1: of the file, of the samples, of another chunk.
#[test]
fn lengths_that_lie() {
    let of = |length: u32| [b"data".to_vec(), length.to_le_bytes().to_vec(), vec![0, 64, 0, 192]].concat();
    let format = fmt(1, 1, 24_000, 16);
    assert_eq!(read(&riff(&[format.clone(), of(0)])), Err(Fault::Empty));
    let cut = Fault::Truncated { expected: 1 << 30, found: 2 };
    assert_eq!(read(&riff(&[format.clone(), of(1 << 31)])), Err(cut));
    // A program that writes into a pipe cannot know the length: all there is counts.
    assert_eq!(read(&riff(&[format.clone(), of(u32::MAX)])).unwrap().0, [0.5, -0.5]);
    for length in [0, 1 << 31, u32::MAX] {
        let mut bytes = riff(&[format.clone(), of(4)]);
        bytes[4..8].copy_from_slice(&u32::to_le_bytes(length));
        assert_eq!(read(&bytes).unwrap().0, [0.5, -0.5], "the outer length says nothing");
        let unknown = [b"abcd".to_vec(), length.to_le_bytes().to_vec()].concat();
        let after = riff(&[unknown, format.clone(), of(4)]);
        if length == 0 {
            assert_eq!(read(&after).unwrap().0, [0.5, -0.5]);
        } else {
            refused(&after, &["`abcd`", &length.to_string(), "past the end", "save it as 16-bit wav"]);
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    let data = chunk(*b"data", &[0; 64]);
    for (tag, bits, name) in [(2, 4, "ADPCM"), (0x11, 4, "ADPCM"), (6, 8, "A-law"), (7, 8, "mu-law"), (0x55, 0, "MP3")]
    {
        refused(&riff(&[fmt(tag, 1, 24_000, bits), data.clone()]), &[name, "save it as 16-bit wav"]);
    }
    refused(&riff(&[extensible(7, 1, 24_000, 8), data.clone()]), &["mu-law"]);
    refused(&riff(&[fmt(1, 1, 24_000, 0), data.clone()]), &["whole numbers", "0 bits"]);
    refused(&riff(&[fmt(1, 1, 24_000, 33), data.clone()]), &["33 bits"]);
    refused(&riff(&[fmt(3, 1, 24_000, 16), data.clone()]), &["floating point"]);
    refused(&riff(&[fmt(0x1234, 1, 24_000, 16), data.clone()]), &["0x1234"]);
    refused(&riff(&[fmt(1, 0, 24_000, 16), data.clone()]), &["0 channels"]);
    refused(&riff(&[fmt(1, 40_000, 24_000, 16), data.clone()]), &["40000 channels"]);
    refused(&riff(&[fmt(1, 1, 0, 16), data.clone()]), &["0 Hz", "4,000 to 384,000"]);
    refused(&riff(&[data.clone(), fmt(1, 1, 24_000, 16)]), &["before the chunk that describes"]);
    refused(&riff(&[chunk(*b"fmt ", &[1, 0, 1, 0]), data.clone()]), &["4 bytes"]);
    refused(&riff(&[fmt(1, 1, 24_000, 16)]), &["no samples follow"]);
    let mut odd = fmt(1, 2, 24_000, 16);
    odd[20] = 3;
    refused(&riff(&[odd, data]), &["3 bytes for 2 samples of 16 bits"]);
    refused(b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB", &["Wave64"]);
}

#[test]
fn formats_are_told_by_their_first_bytes() {
    for yes in [&b"RIFF\0\0\0\0WAVE"[..], b"RF64\xFF\xFF\xFF\xFFWAVE", b"BW64\0\0\0\0WAVE", b"riff\x2E\x91\xCF\x11...."]
    {
        assert!(is_wav(yes), "{yes:?}");
    }
    for no in [&b""[..], b"RIFF", b"RIFF\0\0\0\0AVI ", b"fLaC\0\0\0\x22....", b"OggS\0\x02......"] {
        assert!(!is_wav(no), "{no:?}");
    }
}

proptest! {
    /// Samples in any coding and number of channels, cut anywhere: never a panic; if cut, an error; else their means.
    #[test]
    fn cut_files_are_errors(coding in 0usize..6, n_channels in 1u16..9, n in 1usize..50, cut in 0usize..40) {
        let (tag, bits, samples) = codings().swap_remove(coding);
        let data = samples.repeat(n * usize::from(n_channels));
        let whole = riff(&[fmt(tag, n_channels, 24_000, bits), chunk(*b"data", &data)]);
        let kept = &whole[..whole.len().saturating_sub(cut)];
        let padding = data.len() % 2;
        match read(kept) {
            Ok((samples, _)) => {
                prop_assert!(cut <= padding);
                prop_assert_eq!(samples.len(), 3 * n);
            }
            Err(_) => prop_assert!(cut > padding),
        }
    }

    /// One damaged byte anywhere in the header.
    #[test]
    fn damaged_headers_never_panic(at in 0usize..60, value: u8) {
        let mut bytes = riff(&[extensible(1, 2, 44_100, 16), chunk(*b"data", &[9; 400])]);
        bytes[at] = value;
        if let Ok((samples, head)) = read(&bytes) {
            prop_assert!(samples.len() as u64 <= head.n_frames());
        }
    }
}
