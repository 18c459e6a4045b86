//! What a check found: findings, measures of each performance, a summary; as JSON and as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::pairing::Pairing;
use crate::sound::Levels;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Note,
    /// The performance can be used, and is not what it should be.
    Warning,
    /// The performance cannot be used, or would teach something wrong.
    Error,
}

impl Severity {
    /// As it stands in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// What is wrong. Names are stable: they stand in the JSON.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl Kind {
            /// All kinds, in the order of the report.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// As it stands in the JSON.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A row of the table, or all of it, cannot be used.
    BadRow = "bad_row",
    /// The json beside the csv says something else.
    TablesDiffer = "tables_differ",
    /// The MIDI file of a row is not there.
    MidiMissing = "midi_missing",
    /// The audio file of a row is not there.
    AudioMissing = "audio_missing",
    /// Audio is there under another extension than the table says.
    OtherExtension = "other_extension",
    /// A file of 0 bytes.
    EmptyFile = "empty_file",
    /// An audio or MIDI file that no row names.
    StrayFile = "stray_file",
    /// A file differs from its published digest.
    DigestDiffers = "digest_differs",
    /// A list of digests names a file that is not there.
    DigestMissing = "digest_missing",
    /// A line of a list of digests cannot be used.
    DigestLine = "digest_line",
    /// The MIDI file cannot be read.
    MidiUnreadable = "midi_unreadable",
    /// Notes outside of the piano's range.
    PitchRange = "pitch_range",
    /// All notes have one velocity.
    FlatVelocities = "flat_velocities",
    /// More notes in a second than a pianist plays.
    NoteRate = "note_rate",
    /// No pedal, where nine of ten performances of the corpus have it.
    NoPedal = "no_pedal",
    /// The audio file cannot be read, or is cut off.
    AudioUnreadable = "audio_unreadable",
    /// A sample rate below that of the windows.
    SampleRate = "sample_rate",
    /// No sound, or lost parts.
    Silent = "silent",
    /// A very low level.
    Quiet = "quiet",
    /// Samples at full scale.
    Clipped = "clipped",
    /// A mean away from zero.
    DcOffset = "dc_offset",
    /// The table's duration and the MIDI's end are too far apart.
    DurationMidi = "duration_midi",
    /// The table's duration and the audio's length are too far apart.
    DurationAudio = "duration_audio",
    /// The audio's length and the MIDI's end are too far apart, or the audio ends first.
    DurationPair = "duration_pair",
    /// Audio and MIDI do not belong together.
    Unrelated = "unrelated",
    /// Audio and MIDI belong together, and one lags behind.
    Shifted = "shifted",
    /// Too little to tell whether audio and MIDI belong together.
    PairingUnknown = "pairing_unknown",
}

/// One thing that is wrong, where, and what to do.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Finding {
    /// Id of the performance; `None` if it is about the corpus.
    pub performance: Option<String>,
    /// Row of the table: `line 7`, or `row "17"` of a json.
    pub row: Option<String>,
    /// The file, relative to the corpus folder, `/` between its parts.
    pub file: Option<String>,
    /// What kind of thing.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in words, with numbers and units.
    pub what: String,
    /// What to do.
    pub advice: String,
    /// Another performance that it concerns: whose MIDI the audio fits.
    pub other: Option<String>,
}

impl Finding {
    pub(crate) fn new(kind: Kind, severity: Severity, what: impl Into<String>, advice: impl Into<String>) -> Self {
        let (what, advice) = (what.into(), advice.into());
        Self { performance: None, row: None, file: None, kind, severity, what, advice, other: None }
    }

    pub(crate) fn in_file(self, file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..self }
    }
}

/// What was measured of one performance; what was not looked at is `null`.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Measured {
    /// Its id.
    pub performance: String,
    /// Its row.
    pub row: Option<String>,
    /// Its split.
    pub split: String,
    /// Container or codec of the audio: `wav`, `flac`, `vorbis`, `opus`, `mp3`.
    pub audio_format: Option<String>,
    /// Sample rate of the audio file, Hz.
    pub audio_rate_hz: Option<u32>,
    /// Channels of the audio file.
    pub audio_channels: Option<u16>,
    /// Length of the audio file, seconds.
    pub audio_duration_s: Option<f64>,
    /// `duration` of the table, seconds.
    pub table_duration_s: Option<f64>,
    /// End of the last note, seconds.
    pub midi_end_s: Option<f64>,
    /// Notes.
    pub n_notes: Option<usize>,
    /// Whether the sustain pedal is used.
    pub has_pedal: Option<bool>,
    /// Levels of the sound that was decoded.
    pub levels: Option<Levels>,
    /// Correlation of audio and MIDI.
    pub pairing: Option<Pairing>,
}

/// A work that is in more than one split.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Overlap {
    /// Composer and work.
    pub composition: String,
    /// The splits, in the order train, validation, test.
    pub splits: Vec<String>,
    /// The performances.
    pub performances: Vec<String>,
}

/// The corpus in numbers.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Summary {
    /// Usable rows of the table.
    pub n_performances: usize,
    /// Performances with at least one error.
    pub n_with_errors: usize,
    /// Performances with at least one warning and no error.
    pub n_with_warnings: usize,
    /// Performances by split.
    pub by_split: BTreeMap<String, usize>,
    /// Audio files by format and rate: `wav 44100 Hz, 2 channels`.
    pub by_format: BTreeMap<String, usize>,
    /// Length of all audio files that state or have shown it, hours.
    pub audio_h: f64,
    /// Pairs of audio and MIDI that were correlated.
    pub n_pairs: usize,
    /// Of these, the ones that belong together.
    pub n_paired: usize,
    /// Largest offset, either way, of those, seconds.
    pub largest_offset_s: Option<f64>,
    /// Files whose published digest was verified and is right.
    pub n_digests_right: usize,
}

/// What a check found. Serialises to JSON; names of fields are a contract, `format` counts its changes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Version of this layout.
    pub format: u32,
    /// Name of the table in the corpus folder.
    pub table: String,
    /// Findings: of the corpus first, then by performance in the order of the table, worst first.
    pub findings: Vec<Finding>,
    /// Findings by kind; kinds without any are left out.
    pub counts: BTreeMap<&'static str, usize>,
    /// Works in more than one split.
    pub overlaps: Vec<Overlap>,
    /// The corpus in numbers.
    pub summary: Summary,
    /// What was measured, in the order of the table.
    pub performances: Vec<Measured>,
}

impl Report {
    /// The worst severity found; `None` if nothing was.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Findings as a table, counts by kind, works in more than one split, summary: plain text, lines end in `\n`.
    ///
    /// # Panics
    /// Never: a string takes any text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("text can be written to a string");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        self.write_findings(out)?;
        if !self.counts.is_empty() {
            writeln!(out, "found:")?;
            for kind in Kind::ALL {
                if let Some(n) = self.counts.get(kind.name()) {
                    writeln!(out, "  {n:>6}  {}", kind.name())?;
                }
            }
        }
        if !self.overlaps.is_empty() {
            writeln!(out, "works in more than one split: {}", self.overlaps.len())?;
            for overlap in &self.overlaps {
                writeln!(out, "  {} ({})", overlap.composition, overlap.splits.join(", "))?;
            }
        }
        self.write_summary(out)
    }

    fn write_findings(&self, out: &mut String) -> std::fmt::Result {
        const HEAD: [&str; 4] = ["severity", "kind", "row", "performance"];
        let cells = |finding: &Finding| -> [String; 4] {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let names = [finding.severity.name().to_owned(), finding.kind.name().to_owned()];
            let [severity, kind] = names;
            [severity, kind, or_dash(&finding.row), or_dash(&finding.performance)]
        };
        let rows: Vec<[String; 4]> = self.findings.iter().map(cells).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let width = |column: usize| {
            let longest = rows.iter().map(|row| row[column].chars().count()).max();
            longest.unwrap_or(0).max(HEAD[column].len())
        };
        let [a, b, c] = [0, 1, 2].map(width);
        writeln!(out, "{:a$}  {:b$}  {:c$}  {}", HEAD[0], HEAD[1], HEAD[2], HEAD[3])?;
        for (finding, row) in self.findings.iter().zip(&rows) {
            writeln!(out, "{:a$}  {:b$}  {:c$}  {}", row[0], row[1], row[2], row[3])?;
            let place = finding.file.as_ref().map_or_else(String::new, |file| format!("{file}: "));
            writeln!(out, "    {place}{}; {}", finding.what, finding.advice)?;
        }
        writeln!(out)
    }

    fn write_summary(&self, out: &mut String) -> std::fmt::Result {
        let summary = &self.summary;
        let list = |counts: &BTreeMap<String, usize>| {
            counts.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join("; ")
        };
        let (n, bad, odd) = (summary.n_performances, summary.n_with_errors, summary.n_with_warnings);
        writeln!(out, "{}: {n} performances, {bad} with errors, {odd} more with warnings", self.table)?;
        writeln!(out, "  splits: {}", list(&summary.by_split))?;
        if !summary.by_format.is_empty() {
            writeln!(out, "  audio: {}; {:.2} h", list(&summary.by_format), summary.audio_h)?;
        }
        if summary.n_pairs > 0 {
            let largest_s = summary.largest_offset_s.unwrap_or(0.0);
            let (n, right) = (summary.n_pairs, summary.n_paired);
            writeln!(out, "  pairs: {right} of {n} belong together, offset at most {largest_s:.3} s")?;
        }
        if summary.n_digests_right > 0 {
            writeln!(out, "  digests: {} files are as published", summary.n_digests_right)?;
        }
        Ok(())
    }
}

impl Summary {
    /// Numbers of the corpus from what was measured and found.
    pub(crate) fn of(performances: &[Measured], findings: &[Finding]) -> Self {
        let mut summary = Self { n_performances: performances.len(), ..Self::default() };
        let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in findings {
            if let Some(id) = &finding.performance {
                let worst = worst.entry(id).or_insert(finding.severity);
                *worst = finding.severity.max(*worst);
            }
        }
        for measured in performances {
            match worst.get(measured.performance.as_str()) {
                Some(Severity::Error) => summary.n_with_errors += 1,
                Some(Severity::Warning) => summary.n_with_warnings += 1,
                _ => {}
            }
            summary.add(measured);
        }
        summary
    }

    fn add(&mut self, measured: &Measured) {
        *self.by_split.entry(measured.split.clone()).or_default() += 1;
        self.audio_h += measured.audio_duration_s.unwrap_or(0.0) / 3600.0;
        if let (Some(format), Some(rate_hz), Some(n)) =
            (&measured.audio_format, measured.audio_rate_hz, measured.audio_channels)
        {
            let plural = if n == 1 { "" } else { "s" };
            *self.by_format.entry(format!("{format} {rate_hz} Hz, {n} channel{plural}")).or_default() += 1;
        }
        if let Some(pairing) = measured.pairing {
            self.n_pairs += 1;
            if pairing.belongs() == Some(true) {
                self.n_paired += 1;
                let offset_s = pairing.offset_s.abs();
                self.largest_offset_s = Some(self.largest_offset_s.map_or(offset_s, |most| most.max(offset_s)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
