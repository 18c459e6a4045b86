//! The stage that damages the audio or the notes of a split.

use std::ops::Range;

use hit_schema::{Performance, Segments, SplitIndex, Token, TokenBlock, WindowSpec};
use hit_stage::{Context, FileRef, Stage, StageError};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::draw::Normal;
use crate::error::require;
use crate::signal::{louder, noisy, shifted, transposed};

/// Longest window that is believed, samples: 2^31 is a day at 24 kHz.
const MAX_SAMPLES: usize = 1 << 31;

/// What is done to every window of a split.
///
/// Source: spec 10 (tests 04 and 09).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SegmentCondition {
    /// Pitches are raised, and clamped to 0..127. The dummy note of a window without notes is a note like others.
    Transpose {
        /// By how much, −127..=127 semitones.
        semitones: i32,
    },
    /// Velocities are multiplied, cut to whole numbers and clamped to 0..127.
    Velocity {
        /// By what, at least 0.
        factor: f64,
    },
    /// Samples move later (earlier if negative) within their window: rolled, and what wrapped is zeroed.
    Shift {
        /// By how much, samples.
        samples: i64,
    },
    /// White Gaussian noise is added. What leaves −1..1 is kept; a silent window stays silent.
    WhiteNoise {
        /// Standard deviation of the window (n − 1) over that of the noise, dB.
        snr_db: f64,
    },
}

impl SegmentCondition {
    /// Its name, as in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transpose { .. } => "transpose",
            Self::Velocity { .. } => "velocity",
            Self::Shift { .. } => "shift",
            Self::WhiteNoise { .. } => "white_noise",
        }
    }

    /// Whether the audio changes; otherwise the notes do.
    pub fn changes_audio(&self) -> bool {
        matches!(self, Self::Shift { .. } | Self::WhiteNoise { .. })
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Spec`].
    pub fn check(&self) -> Result<(), Error> {
        let name = self.name();
        match *self {
            Self::Transpose { semitones } => {
                let inside = (-127..=127).contains(&semitones);
                require(inside, name, "semitones", &semitones, "a whole number from -127 to 127 is expected")
            }
            Self::Velocity { factor } => {
                let fine = factor.is_finite() && factor >= 0.0;
                require(fine, name, "factor", &factor, "a number of at least 0 is expected")
            }
            Self::WhiteNoise { snr_db } => {
                require(snr_db.is_finite(), name, "snr_db", &snr_db, "a finite number is expected")
            }
            Self::Shift { .. } => Ok(()),
        }
    }
}

/// Damages the segments of a split: `perturb_segments`.
///
/// Inputs: `index` (split index), `segments` (its tree). Outputs: `index`, `segments`, with the same windows in the
/// same order of the same performances, so that queries and pools are the same.
///
/// # How audio is stored
/// Windows overlap, and damage is done to each by itself, so damaged windows cannot share samples. A performance is
/// stored as its windows one after another, and the index says so by a hop of one window; nothing else in it changes.
/// In particular `duration_s` is that of the performance: with this hop it no longer gives the number of windows.
/// MAESTRO's validation split takes 5.2 GB a condition. What is not damaged is linked.
///
/// # Errors
/// [`Error`]; what is not finite is refused, and nothing that is not finite is written.
/// # Choices
/// The noise of a window is the same at every level, so that levels are compared on the same noise.
///
/// Memory: the windows of one performance per thread (38 MB of audio for 100 windows of 4 s at 24 kHz).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PerturbSegments {
    /// What is done.
    pub condition: SegmentCondition,
    /// Root of all random numbers; conditions without chance do not depend on it.
    pub seed: u64,
}

impl Stage for PerturbSegments {
    const KIND: &'static str = "perturb_segments";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["index", "segments"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        self.condition.check()?;
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let segments = Segments::open(index, cx.tree("segments")?)?;
        match self.condition {
            SegmentCondition::Transpose { semitones } => tokens(cx, &segments, |token| transposed(token, semitones)),
            SegmentCondition::Velocity { factor } => tokens(cx, &segments, |token| louder(token, factor)),
            SegmentCondition::Shift { samples } => self.audio(cx, &segments, |window, _| shifted(window, samples)),
            SegmentCondition::WhiteNoise { snr_db } => {
                let ratio = libm::pow(10.0, -snr_db / 20.0);
                self.audio(cx, &segments, |window, label| {
                    noisy(window, ratio, &mut Normal::new(self.seed, &format!("white_noise/{label}")));
                })
            }
        }
    }
}

/// Writes every performance's tokens, changed; index and audio are linked.
fn tokens(cx: &mut Context, segments: &Segments, change: impl Fn(Token) -> Token + Sync) -> Result<(), StageError> {
    let index = cx.file("index")?.file;
    cx.link_file("index", index)?;
    keep(cx, segments, "audio")?;
    each_performance(cx, segments, |performance, windows| {
        let rows = windows.map(|w| segments.tokens(w).iter().copied().map(&change).collect());
        Ok(TokenBlock::from_rows(rows).write(&cx.output_in("segments", &format!("tokens/{}", performance.id))?)?)
    })
}

impl PerturbSegments {
    /// Writes every performance's windows, changed, one after another; tokens are linked.
    ///
    /// `change` is given the samples of a window and its name.
    fn audio(
        &self,
        cx: &mut Context,
        segments: &Segments,
        change: impl Fn(&mut [f32], &str) + Sync,
    ) -> Result<(), StageError> {
        let index = segments.index();
        let windows = apart(&index.windows)?;
        cx.write("index", SplitIndex { windows, ..index.clone() }.to_json())?;
        keep(cx, segments, "tokens")?;
        each_performance(cx, segments, |performance, windows| {
            let entry = format!("audio/{}", performance.id);
            let mut samples = Vec::with_capacity(windows.len() * index.windows.window_samples());
            for (k, w) in windows.enumerate() {
                cx.checkpoint()?;
                let mut window = segments.audio(w)?.into_owned();
                if let Some(value) = window.iter().position(|sample| !sample.is_finite()) {
                    return Err(Error::NotFinite { input: format!("segments/{entry}"), window: k, value }.into());
                }
                change(&mut window, &format!("{}/{k}", performance.id));
                if window.iter().any(|sample| !sample.is_finite()) {
                    return Err(Error::Overflow { condition: self.condition.name(), window: k }.into());
                }
                samples.extend(window);
            }
            Ok(Segments::write_audio(&cx.output_in("segments", &entry)?, &samples)?)
        })
    }
}

/// The same windows, stored one after another.
///
/// The hop is a whole number of samples over the rate, so that window `k` starts at exactly `k` times the length of
/// one.
pub(crate) fn apart(windows: &WindowSpec) -> Result<WindowSpec, Error> {
    let n_samples = windows.window_samples();
    if !(1..=MAX_SAMPLES).contains(&n_samples) {
        return Err(Error::WindowLength { n_samples });
    }
    let hop_s = n_samples as f64 / f64::from(windows.sample_rate_hz);
    Ok(WindowSpec { hop_s, ..windows.clone() })
}

/// Links the files of a kind, unchanged.
fn keep(cx: &mut Context, segments: &Segments, kind: &str) -> Result<(), StageError> {
    let tree = cx.tree("segments")?;
    let used = segments.index().performances.iter().filter(|performance| performance.n_windows > 0);
    let names = used.map(|performance| format!("{kind}/{}", performance.id));
    let files: Vec<(String, FileRef)> =
        names.filter_map(|name| tree.0.get(&name).map(|open| open.file).map(|file| (name, file))).collect();
    files.into_iter().try_for_each(|(name, file)| cx.link("segments", &name, file))
}

/// Does `one` for each performance that has windows, as many at a time as the context has threads.
fn each_performance(
    cx: &Context,
    segments: &Segments,
    one: impl Fn(&Performance, Range<usize>) -> Result<(), StageError> + Sync,
) -> Result<(), StageError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cx.threads).build().map_err(StageError::failed)?;
    let mut start = 0;
    let mut performances = Vec::new();
    for performance in segments.index().performances.iter().filter(|performance| performance.n_windows > 0) {
        performances.push((performance, start..start + performance.n_windows));
        start += performance.n_windows;
    }
    for chunk in performances.chunks(pool.current_num_threads()) {
        cx.checkpoint()?;
        let work = |(performance, windows): &(&Performance, Range<usize>)| one(performance, windows.clone());
        let results: Vec<_> = pool.install(|| chunk.par_iter().map(work).collect());
        results.into_iter().collect::<Result<(), _>>()?;
        let done = chunk.last().map_or(0, |(_, windows)| windows.end);
        cx.progress.update(done as u64, segments.n_windows() as u64, "windows");
    }
    Ok(())
}
