//! Stage `render`: audio for a performance that has only MIDI, through a SoundFont (rustysynth).

use std::path::Path;
use std::sync::Arc;

use hit_stage::{Context, Digest, Stage, StageError};
use rustysynth::{SoundFont, Synthesizer, SynthesizerSettings};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::midi::{self, Score};
use crate::{Error, OnBad, audio};

/// How MIDI is rendered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderSpec {
    /// SHA-256 of the SoundFont, 64 hexadecimal digits. Its path is no part of the result and is given elsewhere.
    pub soundfont_sha256: String,
    /// Sample rate of the rendered audio, Hz: 16,000 to 192,000.
    pub sample_rate_hz: u32,
    /// At most this much of a performance is rendered, seconds: what its windows reach, 103 s in the reference.
    pub max_s: f64,
    /// What is rendered after the last note has ended, seconds.
    pub tail_s: f64,
    /// Level of the loudest sample of a performance, dB relative to full scale; at most 0.
    pub peak_db: f64,
    /// Voices that may sound at once, 8 to 256.
    pub polyphony: usize,
}

impl RenderSpec {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Spec`], naming the field.
    pub fn check(&self) -> Result<(), Error> {
        let rate = self.sample_rate_hz;
        let seconds = |value: f64| value.is_finite() && value >= 0.0;
        let digest = self.soundfont_sha256.parse::<Digest>();
        require(digest.is_ok(), "soundfont_sha256", &self.soundfont_sha256, "64 lower-case hexadecimal digits")?;
        require((16_000..=192_000).contains(&rate), "sample_rate_hz", &rate, "16000..=192000")?;
        require(seconds(self.max_s) && self.max_s > 0.0, "max_s", &self.max_s, "a time above 0 s")?;
        require(seconds(self.tail_s), "tail_s", &self.tail_s, "a time of at least 0 s")?;
        require(self.peak_db.is_finite() && self.peak_db <= 0.0, "peak_db", &self.peak_db, "a level of at most 0 dB")?;
        require((8..=256).contains(&self.polyphony), "polyphony", &self.polyphony, "8..=256")
    }
}

/// Renders one performance, dry (no reverb, no chorus), mono, as 16-bit WAV.
///
/// Inputs: `midi`, `soundfont` (files). Output: `audio`. Unlike the tokens, the sound follows the sustain pedal, as a
/// recording would (spec 1.8).
/// # Choices
/// Where bad performances are skipped, MIDI that cannot be parsed gives a WAV without samples: [`crate::Segment`] reads
/// the same MIDI and records the performance as skipped, with the reason.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Render {
    /// Id of the performance.
    pub id: String,
    /// How it is rendered.
    pub spec: RenderSpec,
    /// What happens if the MIDI cannot be parsed.
    pub on_bad: OnBad,
}

impl Stage for Render {
    const KIND: &'static str = "render";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["audio"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.spec.check()?;
        let (midi, font) = (cx.file("midi")?, cx.file("soundfont")?);
        let found = font.file.digest;
        if found.to_string() != self.spec.soundfont_sha256 {
            let (path, expected) = (font.path.clone(), self.spec.soundfont_sha256.clone());
            return Err(Error::SoundFontDigest { path, expected, found }.into());
        }
        let samples = match midi::parse(&fs_err::read(&midi.path)?) {
            Ok(score) => render(&score, &load(&font.path)?, &font.path, &self.spec)?,
            Err(_) if self.on_bad == OnBad::Skip => Vec::new(),
            Err(fault) => return Err(Error::midi(&self.id, &midi.path)(fault).into()),
        };
        let wav = audio::wav(&samples, self.spec.sample_rate_hz)?;
        cx.write("audio", wav)
    }
}

/// Reads a SoundFont (SF2).
///
/// # Errors
/// [`Error::Io`], [`Error::SoundFont`].
pub fn load(path: &Path) -> Result<Arc<SoundFont>, Error> {
    let mut reader = std::io::BufReader::new(fs_err::File::open(path)?);
    let font = SoundFont::new(&mut reader)
        .map_err(|error| Error::SoundFont { path: path.to_owned(), what: error.to_string() })?;
    Ok(Arc::new(font))
}

/// Samples that the synthesiser makes at a time; messages take effect at the next block: 1.3 ms at 24 kHz.
const BLOCK: usize = 32;

/// Renders a score: mono samples with the loudest at `peak_db`.
///
/// # Shapes and units
/// `round(min(last note's end + tail_s, max_s) · sample_rate_hz)` samples.
/// # Errors
/// [`Error::Spec`] or [`Error::SoundFont`] if the synthesiser refuses, or if nothing sounds.
pub fn render(score: &Score, font: &Arc<SoundFont>, path: &Path, spec: &RenderSpec) -> Result<Vec<f32>, Error> {
    spec.check()?;
    let wrong = |what: String| Error::SoundFont { path: path.to_owned(), what };
    let mut settings = SynthesizerSettings::new(spec.sample_rate_hz as i32);
    settings.block_size = BLOCK;
    settings.maximum_polyphony = spec.polyphony;
    settings.enable_reverb_and_chorus = false;
    let mut synthesizer = Synthesizer::new(font, &settings).map_err(|error| wrong(error.to_string()))?;

    let rate = f64::from(spec.sample_rate_hz);
    let n = ((score.last_offset_s() + spec.tail_s).min(spec.max_s) * rate).round() as usize;
    let (mut left, mut right) = (vec![0.0; n], vec![0.0; n]);
    let mut at = 0;
    for event in &score.events {
        // Events before the block in which they fall: never late by more than one block, never early by more.
        let target = (((event.time_s * rate) / BLOCK as f64).round() as usize).saturating_mul(BLOCK).min(n);
        if target > at {
            synthesizer.render(&mut left[at..target], &mut right[at..target]);
            at = target;
        }
        let [first, second] = event.data.map(i32::from);
        synthesizer.process_midi_message(i32::from(event.channel), i32::from(event.command), first, second);
    }
    synthesizer.render(&mut left[at..], &mut right[at..]);

    let mut mono: Vec<f32> = left.iter().zip(&right).map(|(l, r)| 0.5 * (l + r)).collect();
    let peak = mono.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    if peak <= 0.0 || !peak.is_finite() {
        return Err(wrong("it makes no sound for the notes of this performance".to_owned()));
    }
    let gain = libm::pow(10.0, spec.peak_db / 20.0) as f32 / peak;
    for sample in &mut mono {
        *sample *= gain;
    }
    Ok(mono)
}

#[cfg(test)]
mod tests;
