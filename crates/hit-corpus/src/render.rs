//! Stage `render`: audio for a performance that has only MIDI, through a SoundFont (rustysynth).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hit_stage::{Context, Digest, Seed, Stage, StageError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustysynth::{SoundFont, Synthesizer, SynthesizerSettings};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::midi::{self, Score};
use crate::{Error, OnBad, audio};

mod room;

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
    /// Level of a reverberating room relative to the instrument, above 0 to 1; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<f64>,
    /// Time in which the room falls by 60 dB, 0.1 to 10 s; needed with `room`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_s: Option<f64>,
    /// Level of white Gaussian noise, dB relative to the root mean square of the performance, -120 to 20; none if left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_db: Option<f64>,
    /// What the noise is drawn from, with the id of the performance; needed with `noise_db`, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// The longest performance that is rendered, seconds.
const MOST_S: f64 = 36_000.0;

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
        let max_s = seconds(self.max_s) && self.max_s > 0.0 && self.max_s <= MOST_S;
        require(max_s, "max_s", &self.max_s, "a time above 0 s, at most 36000 s")?;
        require(seconds(self.tail_s), "tail_s", &self.tail_s, "a time of at least 0 s")?;
        require(self.peak_db.is_finite() && self.peak_db <= 0.0, "peak_db", &self.peak_db, "a level of at most 0 dB")?;
        require((8..=256).contains(&self.polyphony), "polyphony", &self.polyphony, "8..=256")?;
        let (room, room_s, noise_db) =
            (self.room.unwrap_or(1.0), self.room_s.unwrap_or(1.0), self.noise_db.unwrap_or(0.0));
        require(room > 0.0 && room <= 1.0, "room", &room, "a level above 0, at most 1; leave it out for none")?;
        require((0.1..=10.0).contains(&room_s), "room_s", &room_s, "0.1..=10 s")?;
        require((-120.0..=20.0).contains(&noise_db), "noise_db", &noise_db, "-120..=20 dB; leave it out for none")?;
        let told = |is_there: bool| if is_there { "a value" } else { "nothing" };
        let paired = self.room_s.is_some() == self.room.is_some();
        require(paired, "room_s", &told(self.room_s.is_some()), "a value with `room`, nothing without")?;
        let paired = self.seed.is_some() == self.noise_db.is_some();
        require(paired, "seed", &told(self.seed.is_some()), "a value with `noise_db`, nothing without")
    }

    /// How the audio was made, in one line, to stand beside every number that was computed from it.
    pub fn recipe(&self) -> String {
        let Self { soundfont_sha256, sample_rate_hz, max_s, tail_s, peak_db, polyphony, room, room_s, noise_db, seed } =
            self;
        let font: String = soundfont_sha256.chars().take(12).collect();
        let room = match (room, room_s) {
            (Some(room), Some(room_s)) => format!("room {room} of {room_s} s"),
            _ => "dry".to_owned(),
        };
        let noise = match (noise_db, seed) {
            (Some(noise_db), Some(seed)) => format!("white noise {noise_db} dB (seed {seed})"),
            _ => "no noise".to_owned(),
        };
        format!(
            "rendered with SoundFont {font} at {sample_rate_hz} Hz, first {max_s} s, tail {tail_s} s, peak {peak_db} dB, \
             {polyphony} voices, {room}, {noise}"
        )
    }
}

/// Renders one performance, mono, as 16-bit WAV.
///
/// Inputs: `midi`, `soundfont` (files). Output: `audio`. Unlike the tokens, the sound follows the sustain pedal, as a
/// recording would (spec 1.8): a key let go while controller 64 is at 64 or above sounds on until it falls below. The
/// synthesiser has no soft and no sostenuto pedal; controllers 66 and 67 do nothing.
/// # Choices
/// Reverberation and noise are added to the dry sound here, not by the synthesiser: controllers 91 and 93 and what a
/// SoundFont sends to its effects do nothing.
///
/// Where bad performances are skipped, MIDI that cannot be parsed gives a WAV without samples: [`crate::Segment`] reads
/// the same MIDI and records the performance as skipped, with the reason.
/// # Limits
/// The synthesiser plays a SoundFont without its modulators. One whose filter is opened by velocity sounds dull:
/// `docs/corpora.md` has the numbers, beside FluidSynth's.
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
        let samples = match midi::read(&midi.path) {
            Ok(score) => render(&self.id, &score, &shared(&font.path, found)?, &font.path, &self.spec)?,
            Err(fault) if self.on_bad == OnBad::Skip && !matches!(fault, midi::Fault::Io(_)) => Vec::new(),
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
    let font = guarded(path, || SoundFont::new(&mut reader).map_err(|error| error.to_string()))?;
    Ok(Arc::new(font))
}

/// The SoundFonts that stages are rendering with: some have 500 MB, which are held once, however many render.
static IN_USE: Mutex<BTreeMap<Digest, Weak<SoundFont>>> = Mutex::new(BTreeMap::new());

/// [`load`], or the SoundFont of that digest if another stage has it at this moment.
fn shared(path: &Path, digest: Digest) -> Result<Arc<SoundFont>, Error> {
    // Held while loading: whoever needs the same waits for it instead of loading it again.
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|_, font| font.strong_count() > 0);
    if let Some(font) = in_use.get(&digest).and_then(Weak::upgrade) {
        return Ok(font);
    }
    let font = load(path)?;
    in_use.insert(digest, Arc::downgrade(&font));
    Ok(font)
}

/// What the synthesiser makes of a file that may be damaged; a panic inside of it is an error of that file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, String>) -> Result<T, Error> {
    let result =
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the synthesiser gave up on it".to_owned()));
    result.map_err(|what| Error::SoundFont { path: path.to_owned(), what })
}

/// Samples that the synthesiser makes at a time; messages take effect at the next block: 1.3 ms at 24 kHz.
const BLOCK: usize = 32;

/// Renders a score: mono samples with the loudest at `peak_db`.
///
/// The room comes first, then noise (drawn from the seed, `render` and `id`), then the level.
/// # Shapes and units
/// `round(min(last note's end + tail_s, max_s) · sample_rate_hz)` samples.
/// # Errors
/// [`Error::Spec`] or [`Error::SoundFont`] if the synthesiser refuses, or if nothing sounds.
pub fn render(
    id: &str,
    score: &Score,
    font: &Arc<SoundFont>,
    path: &Path,
    spec: &RenderSpec,
) -> Result<Vec<f32>, Error> {
    spec.check()?;
    let mut mono = guarded(path, || play(score, font, spec))?;
    if !(peak(&mono) > 0.0 && peak(&mono).is_finite()) {
        let what = "it makes no sound for the notes of this performance".to_owned();
        return Err(Error::SoundFont { path: path.to_owned(), what });
    }
    if let (Some(level), Some(time_s)) = (spec.room, spec.room_s) {
        room::add(&mut mono, spec.sample_rate_hz, level, time_s);
    }
    if let (Some(noise_db), Some(seed)) = (spec.noise_db, spec.seed) {
        add_noise(&mut mono, noise_db, Seed::derive(seed, "render", id));
    }
    let gain = libm::pow(10.0, spec.peak_db / 20.0) as f32 / peak(&mono);
    for sample in &mut mono {
        *sample *= gain;
    }
    Ok(mono)
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()))
}

/// Runs the synthesiser over the score.
fn play(score: &Score, font: &Arc<SoundFont>, spec: &RenderSpec) -> Result<Vec<f32>, String> {
    let mut settings = SynthesizerSettings::new(spec.sample_rate_hz as i32);
    settings.block_size = BLOCK;
    settings.maximum_polyphony = spec.polyphony;
    settings.enable_reverb_and_chorus = false;
    let mut synthesizer = Synthesizer::new(font, &settings).map_err(|error| error.to_string())?;

    let rate = f64::from(spec.sample_rate_hz);
    let n = ((score.last_offset_s() + spec.tail_s).min(spec.max_s) * rate).round() as usize;
    let mut mono = Vec::with_capacity(n);
    for event in &score.events {
        // Events before the block in which they fall: never late by more than one block, never early by more.
        let target = (((event.time_s * rate) / BLOCK as f64).round() as usize).saturating_mul(BLOCK).min(n);
        advance(&mut synthesizer, &mut mono, target);
        let [first, second] = event.data.map(i32::from);
        synthesizer.process_midi_message(i32::from(event.channel), i32::from(event.command), first, second);
    }
    advance(&mut synthesizer, &mut mono, n);
    Ok(mono)
}

/// Plays on until there are `target` samples.
fn advance(synthesizer: &mut Synthesizer, mono: &mut Vec<f32>, target: usize) {
    let (mut left, mut right) = ([0.0; 64 * BLOCK], [0.0; 64 * BLOCK]);
    while mono.len() < target {
        let n = (target - mono.len()).min(left.len());
        synthesizer.render(&mut left[..n], &mut right[..n]);
        mono.extend(left.iter().zip(&right).take(n).map(|(left, right)| 0.5 * (left + right)));
    }
}

/// Adds white Gaussian noise, so many dB above the root mean square of the samples (Box and Muller's method).
fn add_noise(samples: &mut [f32], level_db: f64, seed: Seed) {
    let mut rng = ChaCha8Rng::from_seed(seed.bytes());
    // In 0..1 without either end, so that its logarithm is finite.
    let mut unit = || ((rng.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let power = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum::<f64>() / samples.len() as f64;
    let level = libm::sqrt(power) * libm::pow(10.0, level_db / 20.0);
    for pair in samples.chunks_mut(2) {
        let radius = level * libm::sqrt(-2.0 * libm::log(unit()));
        let turn = core::f64::consts::TAU * unit();
        for (sample, part) in pair.iter_mut().zip([libm::cos(turn), libm::sin(turn)]) {
            *sample += (radius * part) as f32;
        }
    }
}

#[cfg(test)]
mod tests;
