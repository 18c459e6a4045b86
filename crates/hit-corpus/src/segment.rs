//! Stage `segment`: the two files of one performance to stored audio, tokens of its windows, and what is known of it.

use std::path::Path;

use hit_schema::{AudioSource, DurationBuckets, Performance, Segments, TokenBlock, WindowSpec};
use hit_stage::{Context, Digest, OpenFile, Stage, StageError};
use serde::{Deserialize, Serialize};

use crate::audio::{self, Audio};
use crate::midi::{self, Score};
use crate::{Error, tokens};

/// What happens when a performance cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    /// The stage fails, and with it all that needs the corpus.
    Fail,
    /// The performance is left out, and listed with the reason.
    Skip,
}

/// Metadata, audio and MIDI that are further apart than this are not the same performance, seconds.
///
/// In MAESTRO v3 the length of the recording and the end of the last note differ by up to 12.7 s (applause, a last
/// chord that is held by the pedal), so the bound lies just above that.
pub const TOLERANCE_S: f64 = 15.0;

/// Cuts one performance into windows.
///
/// Inputs: `midi`, `audio` (files, whatever made them; either may be missing where bad performances are skipped).
/// Outputs: `audio` (mono at the rate of `windows`, as far as windows reach), `tokens` (one row a window), `meta`
/// ([`Performance`] as JSON; an input that is missing has the digest of nothing).
///
/// Source: spec 1.2–1.6.
/// # Choices
/// The metadata's duration decides the number of windows (spec 1.3); where the table has none, the length of the
/// audio does. A window that reaches past the end of the audio is padded with zeros when it is read.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Segment {
    /// Id of the performance.
    pub id: String,
    /// Composer.
    pub composer: String,
    /// Title.
    pub title: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// Year of the recording, if known.
    pub year: Option<u16>,
    /// Duration that the corpus states, seconds.
    pub duration_s: Option<f64>,
    /// Where the audio comes from.
    pub audio: AudioSource,
    /// How windows are cut.
    pub windows: WindowSpec,
    /// How durations become tokens.
    pub durations: DurationBuckets,
    /// What happens if the performance cannot be used.
    pub on_bad: OnBad,
}

impl Stage for Segment {
    const KIND: &'static str = "segment";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["audio", "tokens", "meta"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        tokens::check(&self.windows, &self.durations)?;
        let (midi, audio) = (self.input(cx, "midi")?, self.input(cx, "audio")?);
        let mut performance = self.performance(midi.as_ref(), audio.as_ref());
        let mut samples = Vec::new();
        let mut rows = TokenBlock::from_rows([]);
        match self.prepared(midi.as_ref(), audio.as_ref())? {
            Ok(prepared) => {
                performance.duration_s = prepared.duration_s;
                performance.n_windows = prepared.tokens.n_windows();
                performance.n_notes = prepared.n_notes;
                samples = prepared.samples;
                rows = prepared.tokens;
            }
            Err(reason) => performance.skipped = Some(reason),
        }
        Segments::write_audio(&cx.output("audio")?, &samples)?;
        rows.write(&cx.output("tokens")?)?;
        cx.write("meta", hit_stage::canonical_json(&performance) + "\n")
    }
}

struct Prepared {
    duration_s: f64,
    n_notes: usize,
    samples: Vec<f32>,
    tokens: TokenBlock,
}

impl Segment {
    /// The input file of that name; `None` if there is none and bad performances are skipped.
    fn input(&self, cx: &Context, name: &str) -> Result<Option<OpenFile>, StageError> {
        if self.on_bad == OnBad::Skip && !cx.inputs.contains_key(name) {
            return Ok(None);
        }
        cx.file(name).cloned().map(Some)
    }

    /// The performance, or why it is skipped.
    fn prepared(
        &self,
        midi: Option<&OpenFile>,
        audio: Option<&OpenFile>,
    ) -> Result<Result<Prepared, String>, StageError> {
        let Some(midi) = midi else { return Ok(Err("it has no MIDI file".to_owned())) };
        let Some(audio) = audio else { return Ok(Err("it has no audio file".to_owned())) };
        match self.prepare(&midi.path, &audio.path) {
            Ok(prepared) => Ok(Ok(prepared)),
            Err(error) => match (self.on_bad, error.reason()) {
                (OnBad::Skip, Some(reason)) => Ok(Err(reason)),
                _ => Err(error.into()),
            },
        }
    }

    /// What is known without reading either file.
    fn performance(&self, midi: Option<&OpenFile>, audio: Option<&OpenFile>) -> Performance {
        let digest = |file: Option<&OpenFile>| file.map_or_else(|| Digest::of(b""), |file| file.file.digest);
        Performance {
            id: self.id.clone(),
            composer: self.composer.clone(),
            title: self.title.clone(),
            split: self.split.clone(),
            year: self.year,
            duration_s: self.duration_s.unwrap_or(0.0),
            n_windows: 0,
            n_notes: 0,
            audio: self.audio,
            midi_sha256: digest(midi),
            audio_sha256: digest(audio),
            skipped: None,
        }
    }

    /// The MIDI is read first: of a performance whose MIDI is bad the rendered audio is empty, and the reason that is
    /// told must be the MIDI.
    fn prepare(&self, midi: &Path, audio: &Path) -> Result<Prepared, Error> {
        let score = midi::read(midi).map_err(Error::midi(&self.id, midi))?;
        let sound = audio::read(audio, self.windows.sample_rate_hz, self.windows.reach_s())
            .map_err(Error::audio(&self.id, audio))?;
        let duration_s = self.duration_s.unwrap_or(sound.duration_s);
        self.check_lengths(duration_s, &score, &sound)?;
        let n_windows = self.windows.n_windows(duration_s);
        if n_windows == 0 {
            return Err(Error::TooShort { id: self.id.clone(), duration_s, window_s: self.windows.window_s });
        }
        let tokens = tokens::rows(&score.notes, n_windows, &self.windows, &self.durations);
        Ok(Prepared { duration_s, n_notes: score.notes.len(), samples: sound.samples, tokens })
    }

    /// Rendered audio may stop where windows do, so only what they reach of it is compared; a recording is compared
    /// in full, which also finds a wrong file that merely starts like the right one.
    fn check_lengths(&self, duration_s: f64, score: &Score, sound: &Audio) -> Result<(), Error> {
        let in_full = self.audio == AudioSource::Recorded && sound.whole;
        let reach_s = if in_full { f64::INFINITY } else { self.windows.reach_s() };
        let [stated_s, sound_s, notes_s] =
            [duration_s, sound.duration_s, score.last_offset_s()].map(|length_s| length_s.min(reach_s));
        for (left, left_s, right, right_s) in [
            ("metadata", stated_s, "audio", sound_s),
            ("metadata", stated_s, "midi", notes_s),
            ("audio", sound_s, "midi", notes_s),
        ] {
            if (left_s - right_s).abs() > TOLERANCE_S {
                let id = self.id.clone();
                return Err(Error::Mismatch { id, left, left_s, right, right_s, tolerance_s: TOLERANCE_S });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
