//! Formats, mixing, damaged files, and the resampler against sines.

use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::fixtures::{flac, put, wav_f32, wav_int};

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "sound", bytes);
    (dir, path)
}

fn read_bytes(bytes: &[u8], rate_hz: u32, reach_s: f64) -> Result<Audio, Fault> {
    let (_dir, path) = file(bytes);
    read(&path, rate_hz, reach_s)
}

fn ramp(n: i32) -> Vec<i32> {
    (0..n).map(|i| (i * 37) % 20_000 - 10_000).collect()
}

/// At the wanted rate samples pass through unchanged: 16 bits are multiples of 1/32,768, 24 of 1/8,388,608.
#[test]
fn integers_come_through_exactly() {
    let samples = ramp(5000);
    for (bits, scale) in [(16, 32_768.0), (24, 8_388_608.0)] {
        let audio = read_bytes(&wav_int(24_000, bits, &samples), 24_000, 60.0).unwrap();
        let expected: Vec<f32> = samples.iter().map(|&sample| sample as f32 / scale).collect();
        assert_eq!(audio.samples, expected, "{bits} bits");
        assert_eq!((audio.duration_s, audio.whole), (5000.0 / 24_000.0, true));
    }
}

#[test]
fn flac_is_read() {
    let samples: Vec<i16> = ramp(9000).into_iter().map(|sample| sample as i16).collect();
    let audio = read_bytes(&flac(&samples), 24_000, 60.0).unwrap();
    let expected: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    assert_eq!(audio.samples, expected);
    let cut = &flac(&samples)[..12_000];
    assert!(read_bytes(cut, 24_000, 60.0).is_err());
}

#[test]
fn channels_are_averaged() {
    let frames: Vec<_> = (0..3000).map(|i| vec![0.5, -0.25, i as f32 / 3000.0]).collect();
    let audio = read_bytes(&wav_f32(24_000, &frames), 24_000, 60.0).unwrap();
    for (got, frame) in audio.samples.iter().zip(&frames) {
        assert!((got - frame.iter().sum::<f32>() / 3.0).abs() < 1e-6);
    }
}

/// What is written is what is read, to half a step of 16 bits.
#[test]
fn our_own_wav_reads_back() {
    let samples: Vec<f32> = (0..1000).map(|i| (i as f32 / 1000.0) * 2.0 - 1.0).collect();
    let audio = read_bytes(&wav(&samples, 24_000).unwrap(), 24_000, 1.0).unwrap();
    assert!(audio.samples.iter().zip(&samples).all(|(a, b)| (a - b).abs() <= 0.5 / 32_768.0));
    let loud = read_bytes(&wav(&[2.0, -2.0], 24_000).unwrap(), 24_000, 1.0).unwrap();
    assert_eq!(loud.samples, [32_767.0 / 32_768.0, -1.0]);
}

#[test]
fn files_without_sound_are_refused() {
    assert_eq!(read_bytes(b"", 24_000, 1.0), Err(Fault::Empty));
    assert_eq!(read_bytes(&wav_int(24_000, 16, &[]), 24_000, 1.0), Err(Fault::Empty));
    let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(matches!(read_bytes(&noise, 24_000, 1.0), Err(Fault::Undecodable(_))));
    assert!(matches!(read(Path::new("/nowhere/sound.wav"), 24_000, 1.0), Err(Fault::Io(_))));
    assert_eq!(resample(&[0.0], 0, 24_000), Err(Fault::Rate(0)));
    assert_eq!(read_bytes(&wav_int(3000, 16, &ramp(100)), 24_000, 1.0), Err(Fault::Rate(3000)));
}

#[test]
fn samples_that_are_no_numbers_are_found() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut frames = vec![vec![0.1]; 3000];
        frames[2400][0] = value;
        let fault = read_bytes(&wav_f32(24_000, &frames), 24_000, 1.0).unwrap_err();
        let (frame, at_s) = match fault {
            Fault::NotFinite { frame, at_s } => (frame, at_s),
            other => panic!("{other}"),
        };
        assert_eq!(frame, 2400);
        assert!((at_s - 0.1).abs() < 0.1);
    }
}

/// A cut file is an error wherever it is cut, unless the cut is past what windows reach.
#[test]
fn cut_files_are_found() {
    let whole = wav_int(24_000, 16, &ramp(60_000));
    for keep in [10, 44, 46, 1000, 40_000, 100_000, whole.len() - 2] {
        let fault = read_bytes(&whole[..keep], 24_000, 60.0);
        assert!(fault.is_err(), "{keep} of {} bytes", whole.len());
    }
    let fault = read_bytes(&whole[..40_044], 24_000, 60.0).unwrap_err().to_string();
    assert!(fault.contains("cut off"), "{fault}");
    assert!(read_bytes(&whole[..100_000], 24_000, 1.0).is_ok());
}

/// Reading the head gives the head of reading all, also through the resampler.
#[test]
fn the_head_is_the_head_of_the_whole() {
    for rate_hz in [24_000, 44_100, 48_000] {
        let samples: Vec<i32> = (0..rate_hz * 3).map(|i| (9000.0 * libm::sin(f64::from(i) * 0.05)) as i32).collect();
        let bytes = wav_int(rate_hz as u32, 16, &samples);
        let all = read_bytes(&bytes, 24_000, 60.0).unwrap();
        let head = read_bytes(&bytes, 24_000, 1.0).unwrap();
        assert_eq!((all.samples.len(), head.samples.len()), (72_000, 24_000));
        assert_eq!((all.duration_s, head.duration_s), (3.0, 3.0), "the header states the length");
        assert_eq!(head.samples, all.samples[..24_000], "{rate_hz} Hz");
    }
}

/// A folder, a pipe and a device in the place of a file: an error at once, not a wait for bytes that never come.
#[test]
fn only_files_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.wav");
    let made = Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success());
    let fault = |path: &Path| read(path, 24_000, 1.0).unwrap_err().to_string();
    let text = fault(dir.path());
    assert!(text.contains("is a folder") && text.contains(&dir.path().display().to_string()), "{text}");
    for path in [Path::new("/dev/zero"), &pipe].into_iter().take(if made { 2 } else { 1 }).filter(|path| path.exists())
    {
        assert!(fault(path).contains("a pipe, a socket or a device"));
    }
}

/// Three hours of eight channels at 192 kHz, 33 GB of holes: RF64, of which the first seconds are read.
#[test]
fn long_files_cost_what_is_wanted_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let frames = 3 * 3600 * 192_000u64;
    let mut head = b"RF64\xFF\xFF\xFF\xFFWAVEds64\x1C\0\0\0".to_vec();
    head.extend([0, frames * 16, frames].map(u64::to_le_bytes).concat());
    head.extend(b"\0\0\0\0fmt \x10\0\0\0\x01\0\x08\0");
    head.extend([192_000u32, 192_000 * 16].map(u32::to_le_bytes).concat());
    head.extend(b"\x10\0\x10\0data\xFF\xFF\xFF\xFF");
    let bytes = head.len() as u64 + frames * 16;
    let path = put(dir.path(), "long.wav", head);
    fs_err::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes).unwrap();
    let audio = read(&path, 24_000, 2.0).unwrap();
    assert_eq!((audio.samples.len(), audio.duration_s, audio.whole), (48_000, 10_800.0, true));
    assert!(audio.samples.iter().all(|&sample| sample == 0.0));
}

/// Level and phase of a sine survive: a lag of 1/100 sample at 5 kHz would show as 0.013.
#[test]
fn resampled_sines_keep_level_and_phase() {
    for from_hz in [22_050u32, 32_000, 44_056, 44_100, 48_000, 96_000] {
        for tone_hz in [50.0, 440.0, 5000.0, 9000.0] {
            let at = |n: usize, rate: f64| libm::sin(core::f64::consts::TAU * tone_hz * n as f64 / rate);
            let input: Vec<f32> = (0..from_hz as usize * 2).map(|n| 0.5 * at(n, f64::from(from_hz)) as f32).collect();
            let output = resample(&input, from_hz, 24_000).unwrap();
            assert_eq!(output.len(), 48_000);
            let worst =
                (8_000..40_000).map(|n| (f64::from(output[n]) - 0.5 * at(n, 24_000.0)).abs()).fold(0.0, f64::max);
            assert!(worst < 2e-4, "{tone_hz} Hz from {from_hz} Hz: {worst}");
        }
    }
}

/// Nothing above half the rate comes through as something else.
#[test]
fn resampling_does_not_alias() {
    let turn = core::f64::consts::TAU * 15_000.0 / 44_100.0;
    let input: Vec<f32> = (0..88_200).map(|n| libm::sin(turn * f64::from(n)) as f32).collect();
    let output = resample(&input, 44_100, 24_000).unwrap();
    let worst = output[8_000..40_000].iter().fold(0.0f32, |worst, sample| worst.max(sample.abs()));
    assert!(worst < 1e-4, "{worst}");
}

/// What lies below 15/16 of the lower Nyquist frequency comes through at its level, and nothing above all of it.
#[test]
fn the_resampler_cuts_off_sharply() {
    for from_hz in [32_000u32, 44_100, 48_000, 96_000, 192_000] {
        let level = |tone_hz: f64| {
            let turn = core::f64::consts::TAU * tone_hz / f64::from(from_hz);
            let input: Vec<f32> = (0..from_hz).map(|n| libm::sin(turn * f64::from(n)) as f32).collect();
            let output = resample(&input, from_hz, 24_000).unwrap();
            let middle = &output[4_000..20_000];
            (middle.iter().map(|&x| 2.0 * f64::from(x * x)).sum::<f64>() / middle.len() as f64).sqrt()
        };
        for (tone_hz, expected) in [(11_240.0, 1.0), (12_010.0, 0.0), (15_000.0, 0.0)] {
            assert!((level(tone_hz) - expected).abs() < 2e-4, "{tone_hz} Hz from {from_hz} Hz: {}", level(tone_hz));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn resampled_lengths_are_exact(n in 0usize..30_000, from_hz in prop::sample::select(vec![8000u32, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])) {
        let output = resample(&vec![0.25; n], from_hz, 24_000).unwrap();
        let exact = n as f64 * 24_000.0 / f64::from(from_hz);
        prop_assert!((output.len() as f64 - exact).abs() <= 0.5);
        prop_assert!(output.iter().all(|sample| sample.is_finite()));
    }
}

proptest! {
    /// Whatever the bytes behind the magic of a format: an error or samples, never a panic.
    #[test]
    fn bytes_never_panic(kind in 0usize..5, bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let magic: [&[u8]; 5] = [b"", b"RIFF\0\0\0\0WAVEfmt ", b"fLaC\0\0\0\x22", b"OggS\0\x02", &[0xFF, 0xFB, 0x90, 0x64]];
        let _ = read_bytes(&[magic[kind], &bytes].concat(), 24_000, 2.0);
    }

    #[test]
    fn damage_never_panics(at in any::<prop::sample::Index>(), value: u8, is_flac: bool) {
        let samples = ramp(3000);
        let mut bytes = if is_flac {
            flac(&samples.iter().map(|&sample| sample as i16).collect::<Vec<_>>())
        } else {
            wav_int(24_000, 16, &samples)
        };
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(audio) = read_bytes(&bytes, 24_000, 2.0) {
            prop_assert!(audio.samples.len() <= 48_000);
            prop_assert!(audio.samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
