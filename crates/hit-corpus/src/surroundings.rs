//! What depends on the process and its user: files that may not be read, and memory.
//!
//! Each test runs itself again as a child of its own, told by [`SOUND`] what to read.

#![cfg(test)]

use std::path::Path;

use hit_stage::{Digest, FileRef, OpenFile, Opened};

use crate::audio;
use crate::audio::hostile;
use crate::fixtures::*;
use crate::{OnBad, midi};

const SOUND: &str = "HIT_CORPUS_TEST_SOUND";

fn told() -> Option<std::path::PathBuf> {
    std::env::var_os(SOUND).map(Into::into)
}

// ---- files that may not be read ----

#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    // Everyone may look into the folder.
    fs_err::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = put(dir.path(), "sound.wav", wav_int(24_000, 16, &vec![0; 240_000]));
    let Some(way) = closed(&path) else {
        return skipped("a_file_that_may_not_be_read: this user reads every file, and `setpriv` does not change that");
    };
    run_child(child(way, "surroundings::child_that_may_not_read").env(SOUND, &path));
}

/// Audio and MIDI alike: an error that names performance and file and says what to do, also where bad performances are
/// skipped, since nothing is known about the performance itself. Nothing is written.
#[test]
fn child_that_may_not_read() {
    let Some(path) = told() else { return };
    let advice = "check the path, its permissions and the disk";
    let says_so = |text: &str| {
        for part in [path.to_str().unwrap(), "Permission denied", advice] {
            assert!(text.contains(part), "no `{part}` in: {text}");
        }
    };
    let fault = audio::read(&path, 24_000, 4.0).unwrap_err();
    assert!(matches!(fault, audio::Fault::Io(_)), "{fault:?}");
    says_so(&fault.to_string());
    let fault = midi::read(&path).unwrap_err();
    assert!(matches!(fault, midi::Fault::Io(_)), "{fault:?}");
    says_so(&fault.to_string());

    let closed = Opened::File(OpenFile { path: path.clone(), file: FileRef { digest: Digest::of(b""), size: 1 } });
    let good = [note(0.0, 10.0, 60, 60)];
    for name in ["audio", "midi"] {
        for on_bad in [OnBad::Fail, OnBad::Skip] {
            let mut bench =
                Bench::new().with("midi", &midi_of(&good)).with("audio", &wav_int(24_000, 16, &vec![0; 240_000]));
            bench.cx.inputs.insert(name.to_owned(), closed.clone());
            let error = bench.run(&crate::segment::tests::stage(None, on_bad)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("2004/x: {name} ")), "{error}");
            says_so(&error);
            for output in ["audio", "tokens", "meta"] {
                assert!(!bench.out(output).exists(), "{output}");
            }
        }
    }
}

// ---- memory ----

/// Peak of this process, bytes; `None` where the system does not say.
fn peak() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}

fn stays_within(megabytes: u64, path: &Path) {
    let name = "surroundings::child_that_reads";
    run_child(child(&[], name).env(SOUND, path).env("HIT_CORPUS_TEST_MEGABYTES", megabytes.to_string()));
}

/// 10 s of whatever it is told: sound or an error, and no more memory than it is told.
#[test]
fn child_that_reads() {
    let Some(path) = told() else { return };
    let megabytes: u64 = std::env::var("HIT_CORPUS_TEST_MEGABYTES").unwrap().parse().unwrap();
    let Some(before) = peak() else { return skipped("child_that_reads: no peak of memory in /proc/self/status") };
    let read = audio::read(&path, 24_000, 10.0);
    let took = peak().unwrap() - before;
    let what = read.map_or_else(|fault| fault.to_string(), |audio| format!("{} samples", audio.samples.len()));
    assert!(took <= megabytes * 1_000_000, "{}: {} MB: {what}", path.display(), took / 1_000_000);
}

/// Three hours of eight channels at 192 kHz, 33 GB: most of it holes, which cost no disk.
#[test]
fn a_large_wav_takes_what_its_head_takes() {
    let dir = tempfile::tempdir().unwrap();
    let (frame_bytes, rate_hz) = (16, 192_000u64);
    let n_bytes = 3 * 3600 * rate_hz * frame_bytes;
    let format = [
        [1u16, 8].map(u16::to_le_bytes).concat(),
        [rate_hz as u32, (rate_hz * frame_bytes) as u32].map(u32::to_le_bytes).concat(),
        [frame_bytes as u16, 16].map(u16::to_le_bytes).concat(),
    ];
    let lengths = [n_bytes + 72, n_bytes, n_bytes / frame_bytes].map(u64::to_le_bytes).concat();
    let open = u32::MAX.to_le_bytes();
    let long = [b"RF64", &open[..], b"WAVE", &chunk(*b"ds64", &[lengths, vec![0; 4]].concat())].concat();
    let piped = [b"RIFF", &open[..], b"WAVE"].concat();
    for head in [long, piped] {
        let bytes = [head, chunk(*b"fmt ", &format.concat()), b"data".to_vec(), open.to_vec()].concat();
        let path = put(dir.path(), "sound.wav", &bytes);
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(bytes.len() as u64 + n_bytes).unwrap();
        let read = audio::read(&path, 24_000, 10.0).unwrap();
        assert_eq!((read.samples.len(), read.duration_s, read.whole), (240_000, 10_800.0, true));
        stays_within(10, &path);
    }
}

/// Files made to take memory: code books, comments, streams, packets, pictures. All are small.
#[test]
fn a_crafted_file_takes_a_bounded_amount() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in hostile::files() {
        stays_within(100, &put(dir.path(), name, bytes));
    }
}
