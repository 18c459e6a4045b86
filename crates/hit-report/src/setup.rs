//! What a campaign is set up with: sizes of the model, rates, schedules, bands. Filled from the configuration.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The spectra of the descriptors (spec section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectrumFacts {
    /// Samples of a frame.
    pub n_fft: u64,
    /// Samples from one frame to the next.
    pub hop: u64,
    /// Bands of A4: first bin, and the bin after the last.
    pub bands: Vec<[u64; 2]>,
}

impl SpectrumFacts {
    /// Frequency of a bin at that sample rate, Hz.
    pub fn hz(&self, bin: u64, sample_rate_hz: u32) -> f64 {
        bin as f64 * f64::from(sample_rate_hz) / self.n_fft as f64
    }
}

/// A ratio that descriptors A7 and A9 compare with (paper Table 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttractorFacts {
    /// Numerator.
    pub over: u64,
    /// Denominator.
    pub under: u64,
}

impl AttractorFacts {
    /// Its binary logarithm, octaves.
    pub fn octaves(self) -> f64 {
        libm::log2(self.over as f64 / self.under as f64)
    }
}

/// Sizes of the base model (spec section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// Audio encoder.
    pub audio: AudioFacts,
    /// MIDI encoder.
    pub midi: MidiFacts,
    /// Hidden widths of both heads.
    pub head_hidden: Vec<usize>,
    /// Width of an embedding.
    pub embedding_dim: usize,
}

/// Sizes of the audio encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioFacts {
    /// Convolutions in order.
    pub cnn: Vec<ConvFacts>,
    /// Groups of the normalisation after each convolution.
    pub norm_groups: usize,
    /// Its Transformer.
    pub layers: LayersFacts,
    /// Rows of the table of learned positions.
    pub max_positions: usize,
}

/// One convolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvFacts {
    /// Output channels.
    pub channels: usize,
    /// Taps.
    pub kernel: usize,
    /// Step, samples of its input.
    pub stride: usize,
    /// Zeros put before and after its input.
    pub padding: usize,
    /// Length of its output for one window.
    pub length: usize,
}

/// A stack of Transformer layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayersFacts {
    /// Layers.
    pub n: usize,
    /// Width.
    pub d_model: usize,
    /// Attention heads.
    pub n_heads: usize,
    /// Width of the feed-forward part.
    pub d_ff: usize,
    /// Dropout probability.
    pub dropout: f64,
}

/// Sizes of the MIDI encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MidiFacts {
    /// Different pitches.
    pub n_pitches: usize,
    /// Width of the embedding of a pitch.
    pub pitch_dim: usize,
    /// Different velocities.
    pub n_velocities: usize,
    /// Width of the embedding of a velocity.
    pub velocity_dim: usize,
    /// Buckets of durations.
    pub n_durations: usize,
    /// Width of the embedding of a duration.
    pub duration_dim: usize,
    /// Its Transformer.
    pub layers: LayersFacts,
    /// Longest list of notes.
    pub max_notes: usize,
    /// Whether its last normalisation stands after the mean over notes, as printed, and not before it, as it was run.
    pub norm_after_pooling: bool,
}

/// How models are trained (spec sections 6 and 7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingFacts {
    /// Decay of the mean of the gradient.
    pub beta1: f64,
    /// Decay of the mean of its square.
    pub beta2: f64,
    /// Weight decay of AdamW.
    pub weight_decay: f64,
    /// Largest norm of the gradient of all parameters.
    pub clip_norm: f64,
    /// Steps until the full rates.
    pub warmup_steps: u64,
    /// Learning rates by prefix of parameter names.
    pub groups: BTreeMap<String, f64>,
    /// Prefixes of names of parameters that keep their initial values.
    pub frozen: Vec<String>,
    /// Weight of the invariance term.
    pub invariance: f64,
    /// Weight of the variance term.
    pub variance: f64,
    /// Weight of the covariance term.
    pub covariance: f64,
    /// Deviation that the variance term asks for.
    pub gamma: f64,
    /// Number under the root of the variance term.
    pub epsilon: f64,
    /// Shortest and longest duration of the buckets, seconds.
    pub duration_s: [f64; 2],
}

impl TrainingFacts {
    /// The rate of parameters whose names begin like this: that of the longest prefix.
    pub fn rate(&self, name: &str) -> Option<f64> {
        let covers =
            |prefix: &str| name == prefix || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        let found = self.groups.iter().filter(|(prefix, _)| covers(prefix)).max_by_key(|(prefix, _)| prefix.len());
        found.map(|(_, rate)| *rate)
    }

    /// Whether parameters of such names keep their initial values.
    pub fn is_frozen(&self, name: &str) -> bool {
        self.frozen.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }
}

/// A schedule of the learning rates (spec section 7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFacts {
    /// Id, for example `cosine30`.
    pub id: String,
    /// `cosine`, `cosine_tail` or `trapezoid`.
    pub kind: String,
    /// Epochs.
    pub epochs: usize,
    /// Epochs of the run whose cosine it follows first, of a cosine with a tail.
    pub reference_epochs: Option<usize>,
    /// Factor at which the tail begins.
    pub knee: Option<f64>,
    /// Factor at the end of the tail.
    pub end: Option<f64>,
    /// Share of the steps after the warm-up that a trapezoid holds.
    pub hold: Option<f64>,
    /// How it falls then: `cosine` or `linear`.
    pub decay: Option<String>,
}

impl ScheduleFacts {
    /// The schedule in words.
    pub fn words(&self) -> String {
        let mut words = match self.kind.as_str() {
            "cosine" => "cosine to zero".to_owned(),
            "cosine_tail" => "cosine with a tail".to_owned(),
            "trapezoid" => "trapezoid".to_owned(),
            other => other.replace('_', " "),
        };
        if let Some(epochs) = self.reference_epochs {
            let _ = write!(words, " of {epochs} epochs");
        }
        if let (Some(knee), Some(end)) = (self.knee, self.end) {
            let _ = write!(words, " down to {knee}, then a line to {end}");
        }
        if let (Some(hold), Some(decay)) = (self.hold, &self.decay) {
            let held = crate::latex::Format::Fixed(0).plain(100.0 * hold);
            let _ = write!(words, ", {held} % held, then {decay} to zero");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_bin_has_the_frequency_of_its_centre() {
        let spectrum = fixture::facts().spectrum;
        assert_eq!(spectrum.hz(4, 24_000), 46.875);
        assert_eq!(spectrum.hz(1024, 24_000), 12_000.0, "half the sample rate");
    }

    #[test]
    fn the_longest_prefix_gives_the_rate_and_whole_words_count() {
        let mut training = fixture::facts().training;
        assert_eq!(training.rate("midi.layers.3"), Some(5e-5));
        assert_eq!((training.rate("audio.layers.1"), training.rate("audio.layers.3")), (Some(5e-6), Some(1e-5)));
        assert_eq!(
            (training.rate("audio.layers.10"), training.rate("audio.cnn")),
            (None, None),
            "layer 1 is not layer 10"
        );
        training.groups.insert("audio".to_owned(), 0.5);
        assert_eq!(training.rate("audio.layers.10"), Some(0.5));
        assert!(training.is_frozen("audio.cnn") && !training.is_frozen("audio.layers"));
    }

    #[test]
    fn schedules_are_told_in_words_with_their_own_numbers() {
        let facts = fixture::facts();
        let words = |id: &str| facts.schedule(id).unwrap().words();
        assert_eq!(words("cosine60"), "cosine to zero");
        assert_eq!(words("cosine-tail60"), "cosine with a tail of 30 epochs down to 0.1, then a line to 0.02");
        assert_eq!(words("trapez50"), "trapezoid, 50 % held, then cosine to zero");
        let other = ScheduleFacts { kind: "step_wise".to_owned(), ..facts.schedule("cosine60").unwrap().clone() };
        assert_eq!(other.words(), "step wise", "a kind that nobody knows by its name");
    }
}
