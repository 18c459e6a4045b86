//! One performance: its two files, looked at by themselves and against each other.

use std::io::Read;
use std::path::Path;

use hit_corpus::midi::{self, Score};
use hit_corpus::segment::TOLERANCE_S;
use hit_corpus::{Listed, audio};
use hit_schema::Note;

use crate::header::{self, Header};
use crate::pairing::{ENOUGH_ONSETS, MAX_OFFSET_S, Pairing, RATE_HZ, SCORE, STANDS_OUT, Salience};
use crate::report::{Finding, Kind, Measured, Severity};
use crate::sound::Levels;
use crate::strays::relative;

use crate::{Error, Options, score};

/// Largest MIDI file that is read, bytes; a million notes are 8 MB.
const MAX_MIDI: u64 = 256 << 20;
/// Audio that ends this long before the last note does is cut off, seconds.
const ENDS_EARLY_S: f64 = 1.0;

/// What is known of one performance.
pub(crate) struct Examined {
    pub measured: Measured,
    pub findings: Vec<Finding>,
}

/// Where and how files are looked at.
pub(crate) struct Place<'a> {
    pub root: &'a Path,
    pub options: &'a Options,
    /// Whether a missing audio file is a finding of its row.
    pub audio_expected: bool,
}

/// Looks at one performance.
///
/// # Errors
/// [`Error`] only for what is no fault of the files.
pub(crate) fn examine(place: &Place, row: &Listed) -> Result<Examined, Error> {
    let measured = Measured {
        performance: row.id.clone(),
        row: Some(row.row.clone()),
        split: row.split.clone(),
        table_duration_s: row.duration_s,
        ..Measured::default()
    };
    let mut one = Examined { measured, findings: Vec::new() };
    let score = one.midi(place, row);
    if place.options.audio {
        one.audio(place, row, score.as_ref())?;
    }
    one.durations();
    for finding in &mut one.findings {
        finding.performance = Some(row.id.clone());
        finding.row = Some(row.row.clone());
    }
    Ok(one)
}

/// The notes of a row's MIDI file, if it can be read.
pub(crate) fn notes(row: &Listed) -> Option<Vec<Note>> {
    row.midi.as_ref().and_then(|path| read_midi(path).ok()).map(|score| score.notes)
}

/// The score, or what is wrong and what to do.
fn read_midi(path: &Path) -> Result<Score, (String, &'static str)> {
    let io = |error: std::io::Error| (error.to_string(), CLOSED_ADVICE);
    let mut bytes = Vec::new();
    fs_err::File::open(path).map_err(io)?.take(MAX_MIDI).read_to_end(&mut bytes).map_err(io)?;
    midi::parse(&bytes).map_err(|fault| (fault.to_string(), "get the file again"))
}

/// Advice for a file that is there and cannot be opened or read.
const CLOSED_ADVICE: &str = "check its permissions and the disk";

/// The sound of a file, as far as options reach: its levels, and mono at [`RATE_HZ`].
struct Sound {
    levels: Levels,
    samples: Vec<f32>,
    duration_s: Option<f64>,
}

/// Decodes at the rate of the file, so that clipping is seen, and resamples.
fn decode(path: &Path, header: Option<&Header>, reach_s: f64, notes: &[Note]) -> Result<Sound, audio::Fault> {
    let rate_hz = header.map_or(RATE_HZ, |header| header.rate_hz);
    let read = audio::read(path, rate_hz, reach_s)?;
    let levels = Levels::of(&read.samples, rate_hz, notes);
    let duration_s = read.whole.then_some(read.duration_s);
    let samples = if rate_hz == RATE_HZ { read.samples } else { audio::resample(&read.samples, rate_hz, RATE_HZ)? };
    Ok(Sound { levels, samples, duration_s })
}

/// The salience of a performance's audio, decoded once more.
pub(crate) fn salience(row: &Listed, reach_s: f64) -> Result<Option<Salience>, Error> {
    let Some(path) = &row.audio else { return Ok(None) };
    let header = header::read(path).ok().flatten();
    match decode(path, header.as_ref(), reach_s, &[]) {
        Ok(sound) => Salience::of(&sound.samples),
        Err(_) => Ok(None),
    }
}

impl Examined {
    fn add(&mut self, file: &str, kind: Kind, severity: Severity, what: impl Into<String>, advice: impl Into<String>) {
        self.findings.push(Finding::new(kind, severity, what, advice).in_file(file));
    }

    fn midi(&mut self, place: &Place, row: &Listed) -> Option<Score> {
        let name = &row.midi_filename;
        let Some(path) = &row.midi else {
            let advice = instead(place.root, name, &["midi", "mid", "MID", "MIDI"]).map_or_else(
                || "get the file, or take the row out of the table".to_owned(),
                |found| format!("`{found}` is there: correct the table, or rename the file"),
            );
            self.add(name, Kind::MidiMissing, Severity::Error, "it is not there", advice);
            return None;
        };
        if is_empty(path) {
            self.add(name, Kind::EmptyFile, Severity::Error, "it has 0 bytes", "get the file again");
            return None;
        }
        match read_midi(path) {
            Ok(score) => {
                self.measured.midi_end_s = Some(score.last_offset_s());
                self.measured.n_notes = Some(score.notes.len());
                self.measured.has_pedal = Some(!score.pedal().is_empty());
                self.findings.extend(score::findings(&score).into_iter().map(|finding| finding.in_file(name)));
                Some(score)
            }
            Err((what, advice)) => {
                self.add(name, Kind::MidiUnreadable, Severity::Error, what, advice);
                None
            }
        }
    }

    fn audio(&mut self, place: &Place, row: &Listed, score: Option<&Score>) -> Result<(), Error> {
        let Some(path) = &row.audio else {
            if place.audio_expected {
                self.audio_missing(row);
            }
            return Ok(());
        };
        let name = relative(place.root, path);
        if is_empty(path) {
            self.add(&name, Kind::EmptyFile, Severity::Error, "it has 0 bytes", "get the file again");
            return Ok(());
        }
        let header = match header::read(path) {
            Ok(header) => header,
            Err(error) => {
                self.add(&name, Kind::AudioUnreadable, Severity::Error, error.to_string(), CLOSED_ADVICE);
                return Ok(());
            }
        };
        if let Some(header) = &header {
            self.header(place, &name, header);
        }
        let Some(reach_s) = place.options.reach_s() else { return Ok(()) };
        let notes = score.map_or(&[][..], |score| &score.notes);
        match decode(path, header.as_ref(), reach_s, notes) {
            Ok(sound) => self.sound(place, &name, sound, score),
            Err(fault) => {
                let known = self.findings.iter().any(|finding| finding.kind == Kind::AudioUnreadable);
                if !known {
                    let advice = "get the file again, or save it as 16-bit wav";
                    self.add(&name, Kind::AudioUnreadable, Severity::Error, fault.to_string(), advice);
                }
                Ok(())
            }
        }
    }

    fn audio_missing(&mut self, row: &Listed) {
        let (named, advice) = match row.audio_filename.as_str() {
            "" => (row.midi_filename.as_str(), "name its audio in the table, or render it from the MIDI"),
            name => (name, "get the file, render it from the MIDI, or take the row out of the table"),
        };
        let what = if row.audio_filename.is_empty() {
            "the row names no audio file"
        } else {
            "it is not there, as wav, flac, ogg or mp3"
        };
        self.add(named, Kind::AudioMissing, Severity::Error, what, advice);
    }

    fn header(&mut self, place: &Place, name: &str, header: &Header) {
        self.measured.audio_format = Some(header.format.to_owned());
        self.measured.audio_rate_hz = Some(header.rate_hz);
        self.measured.audio_channels = Some(header.n_channels);
        self.measured.audio_duration_s = header.duration_s();
        if header.missing_bytes > 0 {
            let what = format!("it is cut off: its header promises {} bytes more than are there", header.missing_bytes);
            self.add(name, Kind::AudioUnreadable, Severity::Error, what, "get the file again");
        }
        let (found, wanted) = (header.rate_hz, place.options.sample_rate_hz);
        if found < wanted {
            let what =
                format!("its sample rate is {found} Hz, below {wanted} Hz: nothing is in it above {} Hz", found / 2);
            let advice = "look for the recording at its full rate; descriptors see an empty top band";
            self.add(name, Kind::SampleRate, Severity::Warning, what, advice);
        }
    }

    fn sound(&mut self, place: &Place, name: &str, sound: Sound, score: Option<&Score>) -> Result<(), Error> {
        if sound.duration_s.is_some() {
            self.measured.audio_duration_s = sound.duration_s;
        }
        let found = sound.levels.findings();
        let is_silent = found.iter().any(|finding| finding.kind == Kind::Silent);
        self.findings.extend(found.into_iter().map(|finding| finding.in_file(name)));
        self.measured.levels = Some(sound.levels);
        let Some(score) = score else { return Ok(()) };
        let pairing = Salience::of(&sound.samples)?
            .map(|salience| salience.against(&score.notes, place.options.max_lag_s))
            .filter(|pairing| pairing.n_onsets > 0);
        self.measured.pairing = pairing;
        // Silence, or a good part of it, has been reported; what is left of it need not fit.
        let belongs = pairing.and_then(|pairing| pairing.belongs());
        if !is_silent || belongs == Some(true) {
            self.pairing(name, pairing, place.options.max_lag_s);
        }
        Ok(())
    }

    fn pairing(&mut self, name: &str, pairing: Option<Pairing>, max_lag_s: f64) {
        let told = pairing.and_then(|pairing| pairing.belongs().map(|belongs| (pairing, belongs)));
        let Some((pairing, belongs)) = told else {
            let n = pairing.map_or(0, |pairing| pairing.n_onsets);
            let why = if n < ENOUGH_ONSETS { "too few to tell" } else { "they do not tell clearly" };
            let what = format!("{n} notes begin in what was read of it: {why} whether they are its own");
            let advice = "read more of it, or listen to it";
            self.add(name, Kind::PairingUnknown, Severity::Note, what, advice);
            return;
        };
        let Pairing { offset_s, score, stands_out, .. } = pairing;
        if !belongs {
            let what = format!(
                "audio and MIDI do not belong together: no lag within {max_lag_s} s stands out (score {score:.2} of at \
                 least {SCORE}, {stands_out:.1} of at least {STANDS_OUT} times the other lags)"
            );
            self.add(name, Kind::Unrelated, Severity::Error, what, UNRELATED_ADVICE);
        } else if offset_s.abs() > MAX_OFFSET_S {
            let (side, cure) = if offset_s > 0.0 {
                ("behind", "cut that much off its start")
            } else {
                ("ahead of", "put that much silence before it")
            };
            let what = format!("the audio is {:.3} s {side} its MIDI", offset_s.abs());
            self.add(name, Kind::Shifted, Severity::Error, what, format!("{cure}, or get both files from one source"));
        }
    }

    /// Lengths against each other, of those that are known.
    ///
    /// Audio that goes on after the last note is usual (a chord that is held by the pedal, applause), up to the
    /// tolerance; audio that ends before it is not.
    fn durations(&mut self) {
        let (table_s, midi_s, audio_s) =
            (self.measured.table_duration_s, self.measured.midi_end_s, self.measured.audio_duration_s);
        let advice = "check that the row names the right files";
        let apart = |left_s: f64, right_s: f64| (left_s - right_s).abs() > TOLERANCE_S;
        let mut found = Vec::new();
        let mut error = |kind, what| found.push(Finding::new(kind, Severity::Error, what, advice));
        if let (Some(table_s), Some(midi_s)) = (table_s, midi_s)
            && apart(table_s, midi_s)
        {
            error(Kind::DurationMidi, format!("the table says {table_s:.2} s, the last note ends at {midi_s:.2} s"));
        }
        if let (Some(table_s), Some(audio_s)) = (table_s, audio_s)
            && apart(table_s, audio_s)
        {
            error(Kind::DurationAudio, format!("the table says {table_s:.2} s, the audio lasts {audio_s:.2} s"));
        }
        if let (Some(audio_s), Some(midi_s)) = (audio_s, midi_s) {
            let what = format!("the audio lasts {audio_s:.2} s, the last note ends at {midi_s:.2} s");
            if apart(audio_s, midi_s) {
                error(Kind::DurationPair, what);
            } else if midi_s - audio_s > ENDS_EARLY_S {
                let advice = "get the file again: its end seems to be cut off";
                found.push(Finding::new(Kind::DurationPair, Severity::Warning, what, advice));
            }
        }
        self.findings.extend(found);
    }
}

/// Advice for a pair that does not belong together, before its partner is looked for.
pub(crate) const UNRELATED_ADVICE: &str = "check that the row names the right files";

fn is_empty(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|meta| meta.len() == 0)
}

/// The file of that name with another extension that is there instead.
fn instead(root: &Path, name: &str, extensions: &[&str]) -> Option<String> {
    let others = extensions.iter().map(|extension| root.join(name).with_extension(extension));
    others.into_iter().find(|path| path.is_file()).map(|path| relative(root, &path))
}
