//! Descriptor A9: rational attractors, the rare ones weighted up.

use crate::a7::{Activations, DIMS, normalised};
use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::{Compute, Descriptor, Error, Rows, Stft, Variant};

/// Activation above which an attractor counts as active in a frame (appendix A.3).
pub const ACTIVE: f64 = 0.05;
/// Added to the share of active frames (appendix A.3).
const SHARE_FLOOR: f64 = 1e-3;
/// Largest weight of an attractor (appendix A.3); the least is 0.
const MAX_WEIGHT: f64 = 5.0;

/// A9 in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "a9",
    title: "IDF-weighted rational attractors",
    dims: DIMS,
    rows: Rows::Frames,
    shape: "188 x 12",
    source: "appendix A.3",
    formula: "per frame: the activations of A7 before they are normalised, times clamp(ln(1/(df + 0.001)), 0, 5) with df the share of frames where that attractor exceeds 0.05, normalised",
    compute: Compute::Audio(a9),
    examine: Some(Examination {
        metrics: &[Metric {
            name: "active_share",
            unit: "",
            reduce: Reduce::Mean,
            meaning: "mean df: share of the frames where an activation exceeds 0.05, over windows and attractors",
        }],
        look: Look::Audio(active),
    }),
};

/// IDF-weighted rational attractors of one segment (descriptor A9).
///
/// Source: appendix A.3; spec 2.
///
/// The activations of A7 before they are normalised, times clamp(ln(1/(df + 0.001)), 0, 5), where df is the share of
/// this segment's frames in which the activation exceeds 0.05; each row is divided by its sum, at least 1e-8.
///
/// # Shapes and units
/// `audio`: `[n_samples]`, mono, 24 kHz, −1..=1. Returns `[n_frames, 12]`, row-major; 188 frames for 96,000 samples. A
/// row sums to 1, or to less where its sum is below 1e-8: it is 0 where all weights of active attractors are.
/// # Errors
/// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
/// # Choices
/// The variants differ as those of [`crate::a7::a7`] do. The paper divides by the sum as it is; weights can all be 0,
/// so the least divisor is there in both.
/// # Invariance
/// The sign of the audio changes no bit. Unlike A7 it moves with the level: 0.05 is in the unit of the magnitudes, so
/// the same music has another df, and another A9, when it is played back softer.
pub fn a9(stft: &mut Stft, audio: &[f32], variant: Variant) -> Result<Vec<f32>, Error> {
    let raw = all_activations(stft, audio, variant)?;
    let weights = active_shares(&raw).map(|share| libm::log(1.0 / (share + SHARE_FLOOR)).clamp(0.0, MAX_WEIGHT));
    let weighted = |row: &[f64; DIMS]| normalised(std::array::from_fn(|c| row[c] * weights[c]));
    Ok(raw.iter().flat_map(weighted).map(|value| value as f32).collect())
}

/// Activations of A7 in each frame of a segment, before they are normalised.
///
/// # Shapes and units
/// `audio` as for [`a9`]. Returns `[n_frames][12]`.
/// # Errors
/// Those of [`a9`].
pub fn all_activations(stft: &mut Stft, audio: &[f32], variant: Variant) -> Result<Vec<[f64; DIMS]>, Error> {
    let mut raw = vec![[0.0; DIMS]; Stft::n_frames(audio.len())];
    stft.for_all_frames(audio, &mut Activations::new(variant, &mut raw))?;
    Ok(raw)
}

/// df: the share of frames in which each attractor exceeds [`ACTIVE`].
///
/// # Shapes and units
/// `raw`: `[n_frames][12]`, at least one frame. Returns `[12]`, in 0..=1.
pub fn active_shares(raw: &[[f64; DIMS]]) -> [f64; DIMS] {
    std::array::from_fn(|c| raw.iter().filter(|row| row[c] > ACTIVE).count() as f64 / raw.len() as f64)
}

fn active(stft: &mut Stft, audio: &[f32], _: &[f32], variant: Variant) -> Result<Vec<Tally>, Error> {
    let raw = all_activations(stft, audio, variant)?;
    let above = raw.iter().flatten().filter(|&&value| value > ACTIVE).count();
    Ok(vec![Tally::share(above as u64, (raw.len() * DIMS) as u64)])
}
