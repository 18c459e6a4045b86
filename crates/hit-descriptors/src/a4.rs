//! Descriptor A4: how the energy of eight octave bands moves.

use pulp::Simd;

use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::functions::ln_all;
use crate::stft::{Pass, Visit, lanes_of, lanes_of_mut};
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
    stft.for_all_frames(audio, &mut Energies(&mut energies))?;
    Ok(energies)
}

/// Bins that share a logarithm.
const SHARED: usize = 16;

/// Logarithms of a frame: 66, since the lowest band has 4 bins, the second 8, and the last ends with one bin left over.
const N_LOGARITHMS: usize = {
    let (mut n, mut band) = (0, 0);
    while band < N_BANDS {
        n += (BAND_EDGES[band + 1] - BAND_EDGES[band]).div_ceil(SHARED);
        band += 1;
    }
    n
};

/// Mean of ln(1 + |X|) over the bins of each band, `[N_BANDS, n_frames]`.
///
/// Σ ln(1 + m) takes one logarithm for sixteen bins: that of their product. The product rounds sixteen times, so a bin
/// is off by 2e-16 at most, far below the rounding to `f32`. Products that leave the range of `f64` (audio far beyond
/// full scale) are taken apart again.
struct Energies<'a>(&'a mut [f64]);

impl Visit for Energies<'_> {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, s: S, pass: Pass<'_, S>) {
        let zero = s.splat_f64s(0.0);
        let mut products = [zero; N_LOGARITHMS];
        products.iter_mut().zip(shared(pass.now)).for_each(|(to, bins)| *to = product(s, bins));
        let mut logarithms = products;
        ln_all(lanes_of_mut::<S>(&mut logarithms));
        let largest = products.iter().fold(zero, |largest, &product| s.max_f64s(largest, product));
        if s.reduce_max_f64s(largest) >= f64::MAX {
            take_apart::<S>(pass.now, &products, &mut logarithms);
        }
        let mut rest = &logarithms[..];
        for (energies, edge) in self.0.chunks_exact_mut(pass.n_frames).zip(BAND_EDGES.windows(2)) {
            let n_bins = edge[1] - edge[0];
            let (of_band, others) = rest.split_at(n_bins.div_ceil(SHARED));
            let sum = of_band.iter().fold(zero, |sum, &logarithm| s.add_f64s(sum, logarithm));
            for (lane, t) in pass.lanes() {
                energies[t] = lanes_of::<S>(&[sum])[lane] / n_bins as f64;
            }
            rest = others;
        }
    }
}

/// The bins that share a logarithm, band by band.
#[inline(always)]
fn shared<T>(magnitudes: &[T]) -> impl Iterator<Item = &[T]> {
    BAND_EDGES.windows(2).flat_map(|edge| magnitudes[edge[0]..edge[1]].chunks(SHARED))
}

/// Π (1 + m). Four products side by side, so that none waits for the last.
#[inline(always)]
fn product<S: Simd>(s: S, bins: &[S::f64s]) -> S::f64s {
    let one = s.splat_f64s(1.0);
    let mut parts = [one; 4];
    let (fours, rest) = bins.as_chunks::<4>();
    for four in fours {
        for (part, &m) in parts.iter_mut().zip(four) {
            *part = s.mul_f64s(*part, s.add_f64s(one, m));
        }
    }
    for (i, &m) in rest.iter().enumerate() {
        parts[i] = s.mul_f64s(parts[i], s.add_f64s(one, m));
    }
    s.mul_f64s(s.mul_f64s(parts[0], parts[1]), s.mul_f64s(parts[2], parts[3]))
}

/// Takes the logarithms of bins whose product is out of range one by one.
#[cold]
fn take_apart<S: Simd>(magnitudes: &[S::f64s], products: &[S::f64s], logarithms: &mut [S::f64s]) {
    let logarithms = lanes_of_mut::<S>(logarithms).chunks_exact_mut(S::F64_LANES);
    let products = lanes_of::<S>(products).chunks_exact(S::F64_LANES);
    for ((logarithms, products), bins) in logarithms.zip(products).zip(shared(magnitudes)) {
        for (lane, logarithm) in logarithms.iter_mut().enumerate().filter(|(lane, _)| products[*lane] >= f64::MAX) {
            let bins = lanes_of::<S>(bins).iter().skip(lane).step_by(S::F64_LANES);
            *logarithm = bins.map(|&m| libm::log1p(m)).sum();
        }
    }
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
