//! Descriptor a4e: the band energies that A4 is the standardised difference of. An extra, not in the paper.

use crate::a4::{N_BANDS, band_log_energies};
use crate::{Compute, Descriptor, Error, Rows, Stft, Variant};

/// The extra in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "a4e",
    title: "octave-band log-energies",
    dims: N_BANDS,
    rows: Rows::Frames,
    shape: "188 x 8",
    source: "extra (not in the paper): A4 of §3.4.1 before differencing",
    formula: "per octave band and frame: mean ln(1 + |X|)",
    compute: Compute::Audio(a4e),
    examine: None,
};

/// Octave-band log-energies of one segment: what A4 is computed from.
///
/// Source: spec 5, a choice of ours. A4's time mean is zero by construction, so a model that is conditioned on it is told
/// nothing; the time mean of these energies tells how loud each band is.
///
/// # Shapes and units
/// `audio`: `[n_samples]`, mono, 24 kHz, −1..=1. Returns `[n_frames, 8]`, row-major, none below 0; 188 frames for 96,000
/// samples. Bands are those of [`crate::a4::BAND_EDGES`]. Both variants are the same.
/// # Errors
/// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
pub fn a4e(stft: &mut Stft, audio: &[f32], _: Variant) -> Result<Vec<f32>, Error> {
    let energies = band_log_energies(stft, audio)?;
    let n_frames = Stft::n_frames(audio.len());
    let value = |i: usize| energies[i % N_BANDS * n_frames + i / N_BANDS] as f32;
    Ok((0..energies.len()).map(value).collect())
}
