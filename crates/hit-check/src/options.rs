//! What is looked at, and who watches.

use crate::Error;

/// How far audio files are read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reading {
    /// Headers only: presence, sizes, sample rates, stated lengths. MIDI files are parsed, sound is not decoded.
    Files,
    /// The first so many seconds of each, as far as windows reach.
    Reach(f64),
    /// All of it.
    Whole,
}

/// What is looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// How far audio files are read.
    pub reading: Reading,
    /// Whether audio files have to be there: no for a corpus whose audio is rendered from its MIDI.
    pub audio: bool,
    /// Sample rate that windows are cut at, Hz: files below it have nothing in the upper bands.
    pub sample_rate_hz: u32,
    /// Largest lag between audio and MIDI that is looked for, seconds.
    pub max_lag_s: f64,
    /// Whether published digests are verified: reads each file that is named in a list.
    pub sums: bool,
    /// Threads; 0 is one for each processor.
    pub jobs: usize,
}

impl Default for Options {
    /// The first 103 s (what the paper's 100 windows reach), at 24 kHz, lags up to 10 s, with digests.
    fn default() -> Self {
        Self {
            reading: Reading::Reach(103.0),
            audio: true,
            sample_rate_hz: 24_000,
            max_lag_s: 10.0,
            sums: true,
            jobs: 0,
        }
    }
}

impl Options {
    /// Checks the values.
    ///
    /// # Errors
    /// [`Error::Option`], naming the field.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |field, value: String, expected| Err(Error::Option { field, value, expected });
        if let Reading::Reach(reach_s) = self.reading
            && !(reach_s >= 1.0 && reach_s.is_finite())
        {
            return wrong("reach_s", reach_s.to_string(), "1 s or more");
        }
        if !(4_000..=192_000).contains(&self.sample_rate_hz) {
            return wrong("sample_rate_hz", self.sample_rate_hz.to_string(), "4000..=192000");
        }
        if !(0.5..=60.0).contains(&self.max_lag_s) {
            return wrong("max_lag_s", self.max_lag_s.to_string(), "0.5 to 60 s");
        }
        Ok(())
    }

    /// Seconds of audio that are decoded; `None` for headers only.
    pub(crate) fn reach_s(&self) -> Option<f64> {
        match self.reading {
            Reading::Files => None,
            Reading::Reach(reach_s) => Some(reach_s),
            Reading::Whole => Some(f64::INFINITY),
        }
    }
}

/// Follows a check, and may stop it. `()` does neither.
pub trait Watch: Sync {
    /// `done` of `total` steps are made; called from any thread, in no order.
    fn progress(&self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// Whether to stop; asked before each performance and each file that is digested.
    fn cancelled(&self) -> bool {
        false
    }
}

impl Watch for () {}
