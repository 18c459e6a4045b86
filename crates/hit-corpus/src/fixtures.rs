//! Files made in code for the tests: MIDI, WAV, FLAC, SoundFont; and stages run over plain folders.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use hit_schema::{DurationBuckets, Note, WindowSpec};
use hit_stage::{Context, Digest, FileRef, OpenFile, Opened, Stage, StageError};
use tempfile::TempDir;

/// The windows of the reference protocol.
pub fn windows() -> WindowSpec {
    WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 }
}

/// The duration buckets of the paper.
pub fn durations() -> DurationBuckets {
    DurationBuckets { n: 32, min_s: 0.05, max_s: 4.0 }
}

/// A note.
pub fn note(onset_s: f64, offset_s: f64, pitch: u8, velocity: u8) -> Note {
    Note { onset_s, offset_s, pitch, velocity }
}

/// A MIDI file: header and raw tracks (delta times and events, with end of track).
pub fn smf(format: u16, division: u16, tracks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"MThd\0\0\0\x06".to_vec();
    for word in [format, tracks.len() as u16, division] {
        bytes.extend(word.to_be_bytes());
    }
    for track in tracks {
        bytes.extend(b"MTrk");
        bytes.extend((track.len() as u32).to_be_bytes());
        bytes.extend(*track);
    }
    bytes
}

/// A MIDI file with these notes, 1 ms a tick; times are rounded to it.
pub fn midi_of(notes: &[Note]) -> Vec<u8> {
    let mut events = Vec::new();
    for note in notes {
        let tick = |time_s: f64| (time_s * 1000.0).round() as u32;
        events.push((tick(note.onset_s), 1, note.pitch, note.velocity));
        events.push((tick(note.offset_s), 0, note.pitch, 0));
    }
    events.sort_unstable();
    let mut track = vec![0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40];
    let mut before = 0;
    for (tick, _, pitch, velocity) in events {
        track.extend(variable(tick - before));
        track.extend([0x90, pitch, velocity]);
        before = tick;
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    smf(0, 1000, &[&track])
}

/// A variable-length quantity.
pub fn variable(mut value: u32) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7F) as u8];
    while value > 0x7F {
        value >>= 7;
        bytes.insert(0, 0x80 | (value & 0x7F) as u8);
    }
    bytes
}

/// A WAV file of `f32` frames, each with one value per channel.
pub fn wav_f32(rate_hz: u32, frames: &[Vec<f32>]) -> Vec<u8> {
    let channels = frames.first().map_or(1, Vec::len) as u16;
    let (bits_per_sample, sample_format) = (32, hound::SampleFormat::Float);
    let spec = hound::WavSpec { channels, sample_rate: rate_hz, bits_per_sample, sample_format };
    wav(spec, frames.iter().flatten().copied())
}

/// A mono WAV file of integers of that many bits.
pub fn wav_int(rate_hz: u32, bits: u16, samples: &[i32]) -> Vec<u8> {
    let sample_format = hound::SampleFormat::Int;
    let spec = hound::WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample: bits, sample_format };
    wav(spec, samples.iter().copied())
}

fn wav<T: hound::Sample>(spec: hound::WavSpec, samples: impl Iterator<Item = T>) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// A mono 16-bit FLAC file at 24 kHz with verbatim subframes of 4,096 samples.
pub fn flac(samples: &[i16]) -> Vec<u8> {
    let block = 4096u16;
    let mut info = Vec::new();
    info.extend([block.to_be_bytes(), block.to_be_bytes()].concat());
    info.extend([0; 6]);
    // 20 bits rate, 3 bits channels - 1, 5 bits bits - 1, 36 bits samples; then the MD5, unknown
    let packed = (24_000u64 << 44) | (15 << 36) | samples.len() as u64;
    info.extend(packed.to_be_bytes());
    info.extend([0; 16]);
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    bytes.extend(info);
    for (number, chunk) in samples.chunks(usize::from(block)).enumerate() {
        // fixed block size; size in 16 bits at the end of the header; rate from the stream; mono, 16 bits
        let mut frame = vec![0xFF, 0xF8, 0x70, 0x08, number as u8];
        frame.extend((chunk.len() as u16 - 1).to_be_bytes());
        frame.push(crc(&frame, 0x07, 8) as u8);
        frame.push(0x02);
        frame.extend(chunk.iter().flat_map(|sample| sample.to_be_bytes()));
        let check = crc(&frame, 0x8005, 16);
        frame.extend((check as u16).to_be_bytes());
        bytes.extend(frame);
    }
    bytes
}

fn crc(bytes: &[u8], polynomial: u32, bits: u32) -> u32 {
    let (top, mask) = (1 << (bits - 1), ((1u64 << bits) - 1) as u32);
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << (bits - 8)), |crc, _| {
            let shifted = (crc << 1) & mask;
            if crc & top == 0 { shifted } else { shifted ^ polynomial }
        })
    })
}

/// A chunk of a RIFF file, padded to an even length.
pub fn chunk(id: [u8; 4], body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len() % 2];
    [id.to_vec(), (body.len() as u32).to_le_bytes().to_vec(), body.to_vec(), padding].concat()
}

/// A WAV file of these chunks.
pub fn riff(parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(*b"RIFF", &[b"WAVE".to_vec(), parts.concat()].concat())
}

/// A SoundFont with one instrument on all keys: a looped cosine of 100 samples at 24 kHz, 240 Hz at key 60.
pub fn soundfont() -> Vec<u8> {
    let chunk = |id: &[u8], body: Vec<u8>| {
        let mut bytes = id.to_vec();
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(body);
        bytes
    };
    let list = |kind: &[u8], parts: &[Vec<u8>]| chunk(b"LIST", [kind.to_vec(), parts.concat()].concat());
    let name = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(20, 0);
        bytes
    };
    let words = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let turn = core::f64::consts::TAU / 100.0;
    let tone: Vec<i16> = (0..1000).map(|n| (20_000.0 * libm::cos(turn * f64::from(n))) as i16).collect();
    let mut samples: Vec<u8> = tone.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    samples.extend([0; 92]);
    let preset = |text: &str, bag: u16| [name(text), words(&[0, 0, bag]), vec![0; 12]].concat();
    let instrument = |text: &str, bag: u16| [name(text), words(&[bag])].concat();
    let header = |text: &str, ends: [u32; 4]| {
        let places = ends.iter().flat_map(|end| end.to_le_bytes()).collect::<Vec<_>>();
        [name(text), places, 24_000u32.to_le_bytes().to_vec(), vec![60, 0], words(&[0, 1])].concat()
    };
    let pdta = [
        chunk(b"phdr", [preset("tone", 0), preset("EOP", 1)].concat()),
        chunk(b"pbag", words(&[0, 0, 1, 0])),
        chunk(b"pmod", vec![0; 10]),
        // generator 41: instrument 0
        chunk(b"pgen", words(&[41, 0, 0, 0])),
        chunk(b"inst", [instrument("tone", 0), instrument("EOI", 1)].concat()),
        chunk(b"ibag", words(&[0, 0, 2, 0])),
        chunk(b"imod", vec![0; 10]),
        // generator 54: loop; 53: sample 0
        chunk(b"igen", words(&[54, 1, 53, 0, 0, 0])),
        chunk(b"shdr", [header("tone", [0, 1000, 100, 900]), header("EOS", [0; 4])].concat()),
    ];
    let info =
        [chunk(b"ifil", words(&[2, 1])), chunk(b"isng", b"EMU8000\0".to_vec()), chunk(b"INAM", b"tone\0\0".to_vec())];
    let body =
        [b"sfbk".to_vec(), list(b"INFO", &info), list(b"sdta", &[chunk(b"smpl", samples)]), list(b"pdta", &pdta)];
    chunk(b"RIFF", body.concat())
}

/// A folder with an input folder and places for outputs.
pub struct Bench {
    /// Deleted at the end.
    pub dir: TempDir,
    /// What the stage sees.
    pub cx: Context,
}

impl Bench {
    /// An empty one.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        Self { dir, cx }
    }

    /// With the input file `name`.
    pub fn with(mut self, name: &str, bytes: &[u8]) -> Self {
        let path = self.dir.path().join("in").join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, bytes).unwrap();
        let file = FileRef { digest: Digest::of(bytes), size: bytes.len() as u64 };
        self.cx.inputs.insert(name.to_owned(), Opened::File(OpenFile { path, file }));
        self
    }

    /// Runs the stage.
    pub fn run(&mut self, stage: &impl Stage) -> Result<(), StageError> {
        stage.run(&mut self.cx)
    }

    /// Path of an output.
    pub fn out(&self, name: &str) -> PathBuf {
        self.dir.path().join("out").join(name)
    }

    /// Bytes of an output.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs_err::read(self.out(name)).unwrap()
    }
}

/// Writes `bytes` below `root`, making folders.
pub fn put(root: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = root.join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, bytes).unwrap();
    path
}

/// The reference vectors made by `tests/golden/corpus.py`.
pub fn golden() -> serde_json::Value {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/corpus.json"));
    serde_json::from_str(text).unwrap()
}

/// Says so where a test cannot be run.
pub fn skipped(why: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// The test `name` of this binary, to be run as a child of its own, by `wrapper` if that is not empty.
pub fn child(wrapper: &[&str], name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(this),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(this);
            command
        }
    };
    command.args(["--exact", name, "--test-threads", "1"]);
    command
}

/// Runs a child that tests something; what it says is shown if it fails.
pub fn run_child(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    // A name that fits no test would pass as well.
    assert!(text(&output.stdout).contains("1 passed"), "{}", text(&output.stdout));
}

/// How a process may be run that is not to read every file.
const WAYS: [&[&str]; 3] = [
    &[],
    &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    &["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
];

/// Makes a file that nobody may read, and says what a child must be run by so that it may not either: root reads what it
/// likes, unless it gives that up. `None` where no way is known.
pub fn closed(path: &Path) -> Option<&'static [&'static str]> {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap();
    let starts = |way: &[&str]| child(way, "no such test").output().is_ok_and(|output| output.status.success());
    let reads = |way: &[&str]| {
        let mut command = Command::new(way.first().copied().unwrap_or("cat"));
        command.args(way.get(1..).unwrap_or_default());
        if !way.is_empty() {
            command.arg("cat");
        }
        command.arg(path).output().is_ok_and(|output| output.status.success())
    };
    WAYS.into_iter().find(|way| starts(way) && !reads(way))
}
