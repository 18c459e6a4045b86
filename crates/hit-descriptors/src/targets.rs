//! What probes try to read off embeddings: pitches, intervals, pitch classes and brightness of every window.

use std::sync::Arc;

use hit_schema::{FeatureMeta, FeatureWriter, Segments, SplitIndex, Token};
use hit_stage::{Context, Stage, StageError};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlannerScalar};
use serde::{Deserialize, Serialize};

use crate::stage::{at_window, each_window};
use crate::{Error, Stft};

/// Bins of the histogram of pitches, one for each MIDI pitch.
pub const PITCHES: usize = 128;
/// Largest step that the histogram of intervals tells from larger ones, semitones.
pub const LARGEST_STEP_ST: i32 = 12;
/// Bins of the histogram of intervals: −12..=12 semitones.
pub const INTERVALS: usize = 2 * LARGEST_STEP_ST as usize + 1;
/// Pitch classes. Class 0 is C.
pub const CLASSES: usize = 12;
/// Bins below it belong to no pitch class, Hz: the lowest note of a piano has 27.5 Hz, and below are rumble and offset.
pub const LOWEST_HZ: f64 = 30.0;
/// The rate that the reference took its 24 kHz audio to have, Hz.
pub const REFERENCE_RATE_HZ: f64 = 16_000.0;

/// Names of the targets, which are the outputs of [`ProbeTargets`].
pub const TARGETS: [&str; 6] =
    ["pitch_histogram", "interval_histogram", "chroma", "centroid", "chroma_reference", "centroid_reference"];

/// Values a window has of each of [`TARGETS`].
const DIMS: [usize; 6] = [PITCHES, INTERVALS, CLASSES, 1, CLASSES, 1];

/// How a spectrum is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// At the rate that the audio has, a bin belonging to the nearest semitone.
    Sound,
    /// As the code behind the published numbers does: at 16 kHz whatever the rate, a bin belonging to the semitone below
    /// it. Frequencies come out as two thirds of what they are at 24 kHz, pitch classes 7.02 semitones lower.
    Reference,
}

/// Share of the notes at each pitch.
///
/// Source: spec 10, test 03.
/// # Shapes and units
/// `tokens`: `[n_notes]`. Returns `[128]`, which sums to 1, or to 0 without notes.
pub fn pitch_histogram(tokens: &[Token]) -> [f64; PITCHES] {
    let mut counts = [0.0; PITCHES];
    for token in tokens {
        counts[usize::from(token.pitch).min(PITCHES - 1)] += 1.0;
    }
    shares(counts)
}

/// Share of the steps from each note to the next by their size.
///
/// Source: spec 10, test 03.
/// # Shapes and units
/// `tokens`: `[n_notes]`, sorted by (onset, pitch). Returns `[25]`: steps of −12..=12 semitones, larger ones in the bins at
/// the ends. It sums to 1, or to 0 with fewer than two notes.
pub fn interval_histogram(tokens: &[Token]) -> [f64; INTERVALS] {
    let mut counts = [0.0; INTERVALS];
    for pair in tokens.windows(2) {
        let step = i32::from(pair[1].pitch) - i32::from(pair[0].pitch);
        counts[(step.clamp(-LARGEST_STEP_ST, LARGEST_STEP_ST) + LARGEST_STEP_ST) as usize] += 1.0;
    }
    shares(counts)
}

/// Divides by the sum, if there is any.
fn shares<const N: usize>(values: [f64; N]) -> [f64; N] {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 { values.map(|value| value / sum) } else { values }
}

/// The spectrum of a whole segment, and how its bins are read.
///
/// Source: spec 10, test 03: one Fourier transform of the segment, no window, no padding.
#[derive(Clone)]
pub struct Spectrum {
    fft: Arc<dyn Fft<f64>>,
    n_samples: usize,
    sample_rate_hz: f64,
    /// Pitch class of each bin by reading.
    classes: [Arc<[Option<usize>]>; 2],
}

impl Spectrum {
    /// Plans the transform of segments of `n_samples` samples.
    pub fn new(n_samples: usize, sample_rate_hz: u32) -> Self {
        let sample_rate_hz = f64::from(sample_rate_hz);
        let classes = |reading: Reading| -> Arc<[Option<usize>]> {
            let spacing_hz = rate_hz(reading, sample_rate_hz) / n_samples.max(1) as f64;
            (0..=n_samples / 2).map(|k| pitch_class(k as f64 * spacing_hz, reading)).collect()
        };
        let fft = FftPlannerScalar::new().plan_fft_forward(n_samples);
        Self { fft, n_samples, sample_rate_hz, classes: [Reading::Sound, Reading::Reference].map(classes) }
    }

    /// |X| of each bin.
    ///
    /// # Shapes and units
    /// `audio`: `[n_samples]`, mono, −1..=1. Returns `[n_samples / 2 + 1]`; a full-scale sine on a bin gives
    /// `n_samples / 2`.
    /// # Errors
    /// [`Error::NotFinite`].
    /// # Panics
    /// If the segment has another number of samples.
    pub fn magnitudes(&self, audio: &[f32]) -> Result<Vec<f64>, Error> {
        assert_eq!(audio.len(), self.n_samples, "a segment has as many samples as was planned for");
        if let Some(sample) = audio.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { sample });
        }
        let mut values: Vec<Complex<f64>> = audio.iter().map(|&x| Complex::new(f64::from(x), 0.0)).collect();
        self.fft.process(&mut values);
        values.truncate(self.n_samples / 2 + 1);
        Ok(values.into_iter().map(|value| value.norm_sqr().sqrt()).collect())
    }

    /// Σ|X| by pitch class, divided by its sum; C comes first. Zero where nothing sounds.
    ///
    /// # Choices
    /// The reference's least frequency is not known; bins below [`LOWEST_HZ`], as they are read, belong to no class.
    pub fn chroma(&self, magnitudes: &[f64], reading: Reading) -> [f64; CLASSES] {
        let mut sums = [0.0; CLASSES];
        for (magnitude, class) in magnitudes.iter().zip(self.classes[reading as usize].iter()) {
            if let Some(class) = class {
                sums[*class] += magnitude;
            }
        }
        shares(sums)
    }

    /// Mean frequency weighted by |X|, Hz; 0 where nothing sounds.
    pub fn centroid_hz(&self, magnitudes: &[f64], reading: Reading) -> f64 {
        let sum: f64 = magnitudes.iter().sum();
        let moment: f64 = magnitudes.iter().enumerate().map(|(k, magnitude)| k as f64 * magnitude).sum();
        let spacing_hz = rate_hz(reading, self.sample_rate_hz) / self.n_samples as f64;
        if sum > 0.0 { moment / sum * spacing_hz } else { 0.0 }
    }
}

fn rate_hz(reading: Reading, sample_rate_hz: f64) -> f64 {
    match reading {
        Reading::Sound => sample_rate_hz,
        Reading::Reference => REFERENCE_RATE_HZ,
    }
}

/// Pitch class of a frequency, or none below [`LOWEST_HZ`]. A is 440 Hz.
///
/// # Choices
/// 12·log2(f/440) + 69 is rounded, halves away from zero; the reference cuts off what follows the point.
fn pitch_class(frequency_hz: f64, reading: Reading) -> Option<usize> {
    if frequency_hz < LOWEST_HZ {
        return None;
    }
    let pitch = 69.0 + 12.0 * libm::log2(frequency_hz / 440.0);
    let whole = match reading {
        Reading::Sound => libm::round(pitch),
        Reading::Reference => libm::trunc(pitch),
    };
    Some((whole as usize) % CLASSES)
}

/// Computes the targets of the probes for every window of a split (spec 10, test 03): `probe_targets/<split>`.
///
/// Inputs: `index` (split index), `segments` (its tree). Outputs: [`TARGETS`], feature blocks of one row a window, of 128,
/// 25, 12, 1, 12 and 1 values. `chroma` and `centroid` (Hz) are read as [`Reading::Sound`], `chroma_reference` and
/// `centroid_reference` as [`Reading::Reference`]; of the histograms there is one form.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeTargets {}

impl Stage for ProbeTargets {
    const KIND: &'static str = "probe_targets";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        TARGETS.to_vec()
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let segments = Segments::open(index, cx.tree("segments")?)?;
        let cut = &segments.index().windows;
        let spectrum = Spectrum::new(cut.window_samples(), cut.sample_rate_hz);
        let n_windows = segments.n_windows();
        let open = |(&name, dims)| {
            FeatureWriter::create(&cx.output(name)?, &meta(name, dims), vec![1; n_windows]).map_err(StageError::from)
        };
        let mut files = TARGETS.iter().zip(DIMS).map(open).collect::<Result<Vec<_>, StageError>>()?;
        let one = |_: &mut Stft, w: usize| window(&spectrum, &segments, w);
        each_window(cx, n_windows, one, |targets| {
            for (file, row) in files.iter_mut().zip(targets) {
                file.window(&row.iter().map(|&value| value as f32).collect::<Vec<_>>())?;
            }
            Ok(())
        })?;
        for file in files {
            file.finish()?;
        }
        Ok(())
    }
}

fn meta(name: &str, dims: usize) -> FeatureMeta {
    let variant = if name.ends_with("_reference") { "reference" } else { "sound" };
    FeatureMeta { descriptor: name.to_owned(), variant: variant.to_owned(), dims, per_note: false }
}

/// The targets of one window, in the order of [`TARGETS`].
fn window(spectrum: &Spectrum, segments: &Segments, window: usize) -> Result<[Vec<f64>; 6], StageError> {
    let tokens = segments.tokens(window);
    let magnitudes =
        spectrum.magnitudes(&segments.audio(window)?).map_err(|source| at_window(source, segments, window))?;
    Ok([
        pitch_histogram(tokens).to_vec(),
        interval_histogram(tokens).to_vec(),
        spectrum.chroma(&magnitudes, Reading::Sound).to_vec(),
        vec![spectrum.centroid_hz(&magnitudes, Reading::Sound)],
        spectrum.chroma(&magnitudes, Reading::Reference).to_vec(),
        vec![spectrum.centroid_hz(&magnitudes, Reading::Reference)],
    ])
}
