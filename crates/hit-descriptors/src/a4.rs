//! Descriptor A4: how the energy of eight octave bands moves.

use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::{Compute, Descriptor, Error, Rows, Stft, Variant};

/// Edges of the bands, STFT bins: band `b` is `BAND_EDGES[b]..BAND_EDGES[b + 1]` (Table 1).
pub const BAND_EDGES: [usize; N_BANDS + 1] = [4, 8, 16, 32, 64, 128, 256, 512, 1025];
/// Number of bands.
pub const N_BANDS: usize = 8;
/// Least standard deviation that is divided by (`reference`), or what is added to it (`paper`).
const FLOOR: f64 = 1e-8;

/// A4 in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "a4",
    title: "octave-band energy dynamics",
    dims: N_BANDS,
    rows: Rows::Frames,
    shape: "188 x 8",
    source: "§3.4.1, Eqs. 4-5, Table 1",
    formula: "per octave band: time difference of mean ln(1 + |X|), standardised over the segment",
    compute: Compute::Audio(a4),
    examine: Some(Examination {
        metrics: &[
            Metric {
                name: "time_mean_max",
                unit: "",
                reduce: Reduce::Max,
                meaning: "largest |mean over time| of a band, over windows and bands: what is left after the z-score is rounding",
            },
            Metric {
                name: "mean_square",
                unit: "",
                reduce: Reduce::Mean,
                meaning: "mean square over time of the bands that move: 187/188 by the sample standard deviation",
            },
        ],
        look: Look::Features(time_moments),
    }),
};

/// Octave-band energy dynamics of one segment (descriptor A4).
///
/// Source: §3.4.1, Eqs. 4–5, Table 1; spec 2.
///
/// Per band the mean of ln(1 + |X|) over its bins, differenced over time and z-scored over the frames.
///
/// # Shapes and units
/// `audio`: `[n_samples]`, mono, 24 kHz, −1..=1. Returns `[n_frames, 8]`, row-major; 188 frames for 96,000 samples.
/// # Errors
/// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
/// # Choices
/// `reference`: backward difference with a zero first frame, sample standard deviation, at least 1e-8.
/// `paper` prints a forward difference, the population standard deviation and `+ ε`. That gives one frame too few and
/// no ε; here the last frame is zero, counts as a frame, and ε is 1e-8. In both a band that does not move is zero.
/// # Invariance
/// The sign of the audio changes no bit. A gain `g` ≥ 1 adds ln g to each bin's logarithm, which the difference
/// removes, but for ln((1 + g|X|) / (g + g|X|)), which lies in −ln(1 + 1/|X|)..=0: the descriptor ignores gain as far
/// as magnitudes are large against 1, and does not where they are small.
pub fn a4(stft: &mut Stft, audio: &[f32], variant: Variant) -> Result<Vec<f32>, Error> {
    let energies = band_log_energies(stft, audio)?;
    let n_frames = Stft::n_frames(audio.len());
    let mut rows = vec![0.0; n_frames * N_BANDS];
    for (band, energy) in energies.chunks_exact(n_frames).enumerate() {
        for (row, value) in rows.chunks_exact_mut(N_BANDS).zip(standardised(&difference(energy, variant), variant)) {
            row[band] = value as f32;
        }
    }
    Ok(rows)
}

/// Mean of ln(1 + |X|) over the bins of each band.
///
/// # Shapes and units
/// `audio` as for [`a4`]. Returns `[8, n_frames]`, row-major: one band after the other.
/// # Errors
/// Those of [`a4`].
pub fn band_log_energies(stft: &mut Stft, audio: &[f32]) -> Result<Vec<f64>, Error> {
    let n_frames = Stft::n_frames(audio.len());
    let mut energies = vec![0.0; N_BANDS * n_frames];
    stft.for_each_frame(audio, |t, magnitudes| {
        for (band, edge) in BAND_EDGES.windows(2).enumerate() {
            let bins = &magnitudes[edge[0]..edge[1]];
            energies[band * n_frames + t] = sum_ln_1p(bins) / bins.len() as f64;
        }
    })?;
    Ok(energies)
}

/// Σ ln(1 + m), one logarithm for sixteen bins: that of their product.
///
/// The product rounds sixteen times, so a bin is off by 2e-16 at most, far below the rounding to `f32`. Products that
/// leave the range of `f64` (audio far beyond full scale) are taken apart again.
fn sum_ln_1p(magnitudes: &[f64]) -> f64 {
    let block = |block: &[f64]| {
        // Four products side by side, so that none waits for the last.
        let mut parts = [1.0; 4];
        for fours in block.chunks(4) {
            parts.iter_mut().zip(fours).for_each(|(part, m)| *part *= 1.0 + m);
        }
        let product = (parts[0] * parts[1]) * (parts[2] * parts[3]);
        if product < f64::MAX { libm::log(product) } else { block.iter().map(|m| libm::log1p(*m)).sum() }
    };
    magnitudes.chunks(16).map(block).sum()
}

/// Differences of neighbouring frames; the frame without a neighbour gets 0.
fn difference(energy: &[f64], variant: Variant) -> Vec<f64> {
    let steps = energy.windows(2).map(|pair| pair[1] - pair[0]);
    match variant {
        Variant::Reference => std::iter::once(0.0).chain(steps).collect(),
        Variant::Paper => steps.chain(std::iter::once(0.0)).collect(),
    }
}

/// z-scores over time.
fn standardised(values: &[f64], variant: Variant) -> impl Iterator<Item = f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let scale = match variant {
        Variant::Reference => (squares / (n - 1.0)).sqrt().max(FLOOR),
        Variant::Paper => (squares / n).sqrt() + FLOOR,
    };
    values.iter().map(move |v| (v - mean) / scale)
}

/// Largest |time mean| of the bands, and the mean squares of those that move.
fn time_moments(features: &[f32]) -> Vec<Tally> {
    let n_frames = (features.len() / N_BANDS) as f64;
    let band = |b: usize| features.iter().skip(b).step_by(N_BANDS).map(|&value| f64::from(value));
    let (mut largest, mut squares) = (Tally::default(), Tally::default());
    if features.is_empty() {
        return vec![largest, squares];
    }
    for b in 0..N_BANDS {
        let square = band(b).map(|value| value * value).sum::<f64>() / n_frames;
        largest = Tally { value: largest.value.max((band(b).sum::<f64>() / n_frames).abs()), n: largest.n + 1 };
        squares = Tally { value: squares.value + square, n: squares.n + u64::from(square > 0.0) };
    }
    vec![largest, squares]
}
