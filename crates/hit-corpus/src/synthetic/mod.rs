//! The embedded corpus: pieces composed from a seed, played on an additive piano (spec 1.8).
//!
//! It stands in for MAESTRO where there is no data: real MIDI files and real WAV files, read by the same code. Its
//! numbers say nothing about recorded music and are never to be put beside published ones.

mod compose;
mod dice;
mod piano;
mod style;

use hit_stage::{Context, Seed, Stage, StageError};
use serde::{Deserialize, Serialize};

pub use style::MAX_COMPOSERS;

use crate::error::require;
use crate::{Error, SPLITS, audio, midi};

/// What the embedded corpus consists of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyntheticSpec {
    /// Root seed: another one gives other pieces.
    pub seed: u64,
    /// Composers, 1 to 12, each with a style of their own; performances are dealt to them in turn.
    pub composers: usize,
    /// Performances of the train split.
    pub train: usize,
    /// Performances of the validation split.
    pub validation: usize,
    /// Performances of the test split.
    pub test: usize,
    /// Length of a performance, seconds; at least 8.
    pub duration_s: f64,
    /// Sample rate of its audio, Hz.
    pub sample_rate_hz: u32,
    /// Root mean square of the background noise, dB relative to full scale.
    pub noise_db: f64,
}

/// A performance of the embedded corpus, known before it is made.
#[derive(Clone, PartialEq, Debug)]
pub struct SyntheticPerformance {
    /// Unique name.
    pub id: String,
    /// An invented composer.
    pub composer: String,
    /// Title.
    pub title: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// The stage that makes it.
    pub stage: Synth,
}

impl SyntheticSpec {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Spec`], naming the field.
    pub fn check(&self) -> Result<(), Error> {
        require((1..=MAX_COMPOSERS).contains(&self.composers), "composers", &self.composers, "1..=12")?;
        check_sound(self.duration_s, self.sample_rate_hz, self.noise_db)
    }

    /// The performances, sorted by id; no piece is in two splits.
    ///
    /// # Errors
    /// As [`SyntheticSpec::check`].
    pub fn performances(&self) -> Result<Vec<SyntheticPerformance>, Error> {
        self.check()?;
        let mut performances = Vec::new();
        let mut pieces = vec![0; self.composers];
        for (split, n) in SPLITS.into_iter().zip([self.train, self.validation, self.test]) {
            for composer in (0..n).map(|idx| idx % self.composers) {
                pieces[composer] += 1;
                performances.push(self.performance(split, composer, pieces[composer]));
            }
        }
        performances.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(performances)
    }

    fn performance(&self, split: &str, composer: usize, piece: usize) -> SyntheticPerformance {
        let (name, genre) = style::composer(composer);
        let surname = name.rsplit(' ').next().unwrap_or(name);
        SyntheticPerformance {
            id: format!("{}/{}-{piece:03}", surname.to_lowercase(), genre.to_lowercase()),
            composer: name.to_owned(),
            title: format!("{genre} No. {piece}"),
            split: split.to_owned(),
            stage: Synth {
                seed: self.seed,
                composer,
                piece,
                duration_s: self.duration_s,
                sample_rate_hz: self.sample_rate_hz,
                noise_db: self.noise_db,
            },
        }
    }
}

fn check_sound(duration_s: f64, sample_rate_hz: u32, noise_db: f64) -> Result<(), Error> {
    require((8.0..=3600.0).contains(&duration_s), "duration_s", &duration_s, "8 to 3600 s")?;
    require((8_000..=192_000).contains(&sample_rate_hz), "sample_rate_hz", &sample_rate_hz, "8000..=192000")?;
    require((-120.0..=-30.0).contains(&noise_db), "noise_db", &noise_db, "-120 to -30 dB")
}

/// Composes one performance and plays it.
///
/// Outputs: `midi` (SMF format 1 with a tempo map), `audio` (16-bit WAV of exactly `duration_s`).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Synth {
    /// Root seed of the corpus.
    pub seed: u64,
    /// Number of the composer.
    pub composer: usize,
    /// Number of the piece among those of the composer.
    pub piece: usize,
    /// Length, seconds.
    pub duration_s: f64,
    /// Sample rate of the audio, Hz.
    pub sample_rate_hz: u32,
    /// Root mean square of the background noise, dB relative to full scale.
    pub noise_db: f64,
}

impl Stage for Synth {
    const KIND: &'static str = "synth";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["midi", "audio"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let midi = self.midi()?;
        let samples = self.play(&midi)?;
        cx.write("midi", midi)?;
        cx.write("audio", audio::wav(&samples, self.sample_rate_hz)?)
    }
}

impl Synth {
    fn seed(&self, label: &str) -> Seed {
        Seed::derive(self.seed, "synth", &format!("{label} {} {}", self.composer, self.piece))
    }

    /// The piece as a MIDI file.
    ///
    /// # Errors
    /// [`Error::Spec`] for parameters out of range.
    pub fn midi(&self) -> Result<Vec<u8>, Error> {
        require(self.composer < MAX_COMPOSERS, "composer", &self.composer, "0..12")?;
        check_sound(self.duration_s, self.sample_rate_hz, self.noise_db)?;
        let style = style::style(self.seed, self.composer);
        Ok(compose::compose(&style, self.seed("compose"), self.duration_s))
    }

    /// Plays a MIDI file on the piano: mono samples, `round(duration_s · sample_rate_hz)` of them.
    ///
    /// # Errors
    /// [`Error::Midi`] if the bytes are no MIDI file.
    pub fn play(&self, midi: &[u8]) -> Result<Vec<f32>, Error> {
        let path = std::path::Path::new("synth");
        let score = midi::parse(midi).map_err(Error::midi(&format!("{}-{}", self.composer, self.piece), path))?;
        let hall = piano::Hall { rate_hz: self.sample_rate_hz, noise_db: self.noise_db, seed: self.seed("noise") };
        Ok(piano::play(&score, self.duration_s, &hall))
    }
}

#[cfg(test)]
mod tests;
