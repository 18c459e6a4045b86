//! Corpora made in code for the tests: the embedded synthesiser's pieces in the layout of MAESTRO.

use std::path::PathBuf;
use std::sync::OnceLock;

use hit_corpus::{SyntheticSpec, audio};
use hit_schema::Note;
use tempfile::TempDir;

use crate::{Finding, Kind, Options, Report, Severity, check};

/// Sample rate of the pieces, Hz.
pub const RATE_HZ: u32 = 24_000;
/// Length of the pieces, seconds.
pub const DURATION_S: f64 = 20.0;

/// A synthesised performance.
pub struct Piece {
    pub composer: String,
    pub title: String,
    pub split: String,
    pub midi: Vec<u8>,
    pub samples: Vec<f32>,
}

/// Six pieces by three composers, made once.
pub fn pieces() -> &'static [Piece] {
    static PIECES: OnceLock<Vec<Piece>> = OnceLock::new();
    PIECES.get_or_init(|| {
        let spec = SyntheticSpec {
            seed: 5,
            composers: 3,
            train: 4,
            validation: 1,
            test: 1,
            duration_s: DURATION_S,
            sample_rate_hz: RATE_HZ,
            noise_db: -75.0,
        };
        let piece = |one: hit_corpus::SyntheticPerformance| {
            let midi = one.stage.midi().unwrap();
            let samples = one.stage.play(&midi).unwrap();
            Piece { composer: one.composer, title: one.title, split: one.split, midi, samples }
        };
        spec.performances().unwrap().into_iter().map(piece).collect()
    })
}

/// A corpus folder.
pub struct Corpus {
    pub dir: TempDir,
    /// Cells of the table, in the order of the columns.
    pub rows: Vec<[String; 7]>,
}

impl Corpus {
    /// One in which nothing is wrong: `y/0.midi`, `y/0.wav`, `y/1.midi`, ... and `maestro.csv`.
    pub fn sound() -> Self {
        let mut corpus = Self { dir: tempfile::tempdir().unwrap(), rows: Vec::new() };
        for (at, piece) in pieces().iter().enumerate() {
            let (midi, wav) = (format!("y/{at}.midi"), format!("y/{at}.wav"));
            corpus.put(&midi, &piece.midi);
            corpus.put_sound(&wav, &piece.samples);
            let cells = [&piece.composer, &piece.title, &piece.split, "2004", &midi, &wav, "20"].map(str::to_owned);
            corpus.rows.push(cells);
        }
        corpus.write_table();
        corpus
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    /// Writes 16-bit mono at [`RATE_HZ`].
    pub fn put_sound(&self, name: &str, samples: &[f32]) {
        self.put(name, audio::wav(samples, RATE_HZ).unwrap());
    }

    pub fn remove(&self, name: &str) {
        fs_err::remove_file(self.path(name)).unwrap();
    }

    /// The table as csv text.
    pub fn table(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(hit_corpus::maestro::COLUMNS).unwrap();
        self.rows.iter().for_each(|row| writer.write_record(row).unwrap());
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }

    pub fn write_table(&self) {
        self.put("maestro.csv", self.table());
    }

    pub fn check(&self) -> Report {
        self.check_with(&Options { jobs: 2, ..Options::default() })
    }

    pub fn check_with(&self, options: &Options) -> Report {
        check(self.dir.path(), options, &()).unwrap()
    }
}

/// The one finding of the report.
#[track_caller]
pub fn only(report: &Report) -> &Finding {
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    &report.findings[0]
}

/// Kind, severity, performance of each finding.
pub fn outline(report: &Report) -> Vec<(Kind, Severity, Option<&str>)> {
    let outline = |finding: &'_ Finding| (finding.kind, finding.severity);
    report
        .findings
        .iter()
        .map(|finding| (outline(finding).0, outline(finding).1, finding.performance.as_deref()))
        .collect()
}

/// A note.
pub fn note(onset_s: f64, offset_s: f64, pitch: u8, velocity: u8) -> Note {
    Note { onset_s, offset_s, pitch, velocity }
}

/// A MIDI file with these notes and, if asked for, one press of the pedal; 1 ms a tick.
pub fn midi_of(notes: &[Note], pedal: bool) -> Vec<u8> {
    let tick = |time_s: f64| (time_s * 1000.0).round() as u32;
    let mut events = Vec::new();
    for note in notes {
        events.push((tick(note.onset_s), [0x90, note.pitch, note.velocity]));
        events.push((tick(note.offset_s), [0x80, note.pitch, 0]));
    }
    if pedal {
        events.extend([(0, [0xB0, 64, 127]), (500, [0xB0, 64, 0])]);
    }
    events.sort_unstable();
    let mut track = vec![0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40];
    let mut before = 0;
    for (tick, message) in events {
        track.extend(variable(tick - before));
        track.extend(message);
        before = tick;
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    let mut bytes = b"MThd\0\0\0\x06\0\0\0\x01\x03\xE8MTrk".to_vec();
    bytes.extend((track.len() as u32).to_be_bytes());
    bytes.extend(track);
    bytes
}

fn variable(mut value: u32) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7F) as u8];
    while value > 0x7F {
        value >>= 7;
        bytes.insert(0, 0x80 | (value & 0x7F) as u8);
    }
    bytes
}

/// Sound of these notes: decaying sines with five harmonics, `duration_s` long, at [`RATE_HZ`].
pub fn play(notes: &[Note], duration_s: f64) -> Vec<f32> {
    let rate = f64::from(RATE_HZ);
    let mut samples = vec![0.0; (duration_s * rate) as usize];
    for note in notes {
        let f0 = 440.0 * libm::exp2((f64::from(note.pitch) - 69.0) / 12.0);
        let start = (note.onset_s * rate).round() as usize;
        for (n, sample) in samples.iter_mut().skip(start).take(RATE_HZ as usize).enumerate() {
            let t = n as f64 / rate;
            let tone: f64 =
                (1..6).map(|h| libm::sin(core::f64::consts::TAU * f0 * f64::from(h) * t) / f64::from(h)).sum();
            *sample += (0.1 * f64::from(note.velocity) / 127.0 * tone * libm::exp(-4.0 * t)) as f32;
        }
    }
    samples
}
