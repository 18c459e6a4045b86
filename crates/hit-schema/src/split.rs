//! Performances, and the windows they are cut into.

use std::path::Path;

use hit_stage::Digest;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How performances are cut into windows (spec 1.3–1.5).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    /// Sample rate of the stored audio, Hz.
    pub sample_rate_hz: u32,
    /// Length of a window, seconds.
    pub window_s: f64,
    /// Distance of window starts, seconds.
    pub hop_s: f64,
    /// At most this many windows per performance.
    pub max_windows: usize,
    /// At most this many notes per window.
    pub max_notes: usize,
}

impl WindowSpec {
    /// Samples in a window: 96,000 for 4 s at 24 kHz.
    pub fn window_samples(&self) -> usize {
        (self.window_s * f64::from(self.sample_rate_hz)).round() as usize
    }

    /// Sample at which window `k` of a performance starts.
    pub fn start_sample(&self, k: usize) -> usize {
        (k as f64 * self.hop_s * f64::from(self.sample_rate_hz)).round() as usize
    }

    /// Start of window `k`, seconds.
    pub fn start_s(&self, k: usize) -> f64 {
        k as f64 * self.hop_s
    }

    /// Number of windows in a performance of that duration: starts while start + window ≤ duration, capped.
    pub fn n_windows(&self, duration_s: f64) -> usize {
        if !duration_s.is_finite() || duration_s < self.window_s {
            return 0;
        }
        let fits = ((duration_s - self.window_s) / self.hop_s).floor() as usize + 1;
        fits.min(self.max_windows)
    }

    /// Seconds of a performance that any window can reach: 103 s in the reference protocol.
    pub fn reach_s(&self) -> f64 {
        self.start_s(self.max_windows.saturating_sub(1)) + self.window_s
    }
}

/// Where the audio of a performance comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AudioSource {
    /// A recording.
    Recorded,
    /// Rendered from its MIDI through a SoundFont.
    Rendered,
    /// Made by the built-in synthesiser.
    Synthetic,
}

/// One performance: what the paper calls a piece (spec 1.2).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Performance {
    /// Unique name, usable in paths and stage ids.
    pub id: String,
    /// Composer, MAESTRO's `canonical_composer`.
    pub composer: String,
    /// Title, MAESTRO's `canonical_title`.
    pub title: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// Year of the recording, if known.
    pub year: Option<u16>,
    /// Duration that decides the number of windows, seconds.
    pub duration_s: f64,
    /// Windows of this performance; 0 if it was skipped.
    pub n_windows: usize,
    /// Notes of the whole performance.
    pub n_notes: usize,
    /// Where its audio comes from.
    pub audio: AudioSource,
    /// Digest of the MIDI file read.
    pub midi_sha256: Digest,
    /// Digest of the audio file read.
    pub audio_sha256: Digest,
    /// Why it could not be used, if the profile lets bad performances be skipped.
    pub skipped: Option<String>,
}

/// The performances of one split, sorted by id, and how they are cut.
///
/// Windows are numbered through the split: those of the first performance, then those of the second, ...
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SplitIndex {
    /// `train`, `validation` or `test`.
    pub split: String,
    /// How performances are cut.
    pub windows: WindowSpec,
    /// Sorted by id.
    pub performances: Vec<Performance>,
}

impl SplitIndex {
    /// Number of windows in the split.
    pub fn n_windows(&self) -> usize {
        self.performances.iter().map(|p| p.n_windows).sum()
    }

    /// For each window of the split its performance (index) and its number within it.
    pub fn windows(&self) -> Vec<(usize, usize)> {
        let each = |(idx, p): (usize, &Performance)| (0..p.n_windows).map(move |k| (idx, k)).collect::<Vec<_>>();
        self.performances.iter().enumerate().flat_map(each).collect()
    }

    /// JSON text, one performance a line.
    pub fn to_json(&self) -> String {
        let rows: Vec<_> = self.performances.iter().map(hit_stage::canonical_json).collect();
        let head = hit_stage::canonical_json(&self.windows);
        let split = hit_stage::canonical_json(&self.split);
        format!("{{\"split\":{split},\"windows\":{head},\"performances\":[\n{}\n]}}\n", rows.join(",\n"))
    }

    /// Reads an index.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs_err::read_to_string(path)?;
        serde_json::from_str(&text).map_err(|error| Error::format(path, "split index", error))
    }
}
