//! Descriptor A7: how close the frequency ratios in a frame are to simple rational numbers.

use std::sync::LazyLock;

use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::stft::SPACING_HZ;
use crate::{Compute, Descriptor, Error, N_BINS, Rows, Stft, Variant};

/// Attractors, and values per frame.
pub const DIMS: usize = 12;
/// The attracting ratios within an octave, numerator and denominator (Table 14).
pub const RATIOS: [(u8, u8); DIMS] =
    [(1, 1), (16, 15), (9, 8), (6, 5), (5, 4), (4, 3), (7, 5), (3, 2), (8, 5), (5, 3), (7, 4), (15, 8)];
/// Bins of a frame that are compared with each other (appendix A.1).
pub const N_LARGEST: usize = 8;
/// Pairs among them.
pub const N_PAIRS: usize = N_LARGEST * (N_LARGEST - 1) / 2;
/// Below this a bin counts as this frequency, without magnitude, Hz (appendix A.1).
pub const LOWEST_HZ: f64 = 50.0;
/// The first bin above [`LOWEST_HZ`]: 58.6 Hz.
pub const LOWEST_BIN: usize = 5;
/// Width of an attractor, octaves (Eq. 13).
const WIDTH: f64 = 0.02;
/// Added to the product of two magnitudes (`reference`).
const ROOT_FLOOR: f64 = 1e-8;
/// Least sum that a row is divided by.
const SUM_FLOOR: f64 = 1e-8;

/// A7 in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "a7",
    title: "rational attractors",
    dims: DIMS,
    rows: Rows::Frames,
    shape: "188 x 12",
    source: "appendix A.1, Eqs. 12-14, Table 14",
    formula: "per frame: of the 28 ratios r of the 8 largest bins, in octaves modulo 1, the sum of sqrt(m m') exp(−(r − log2 c)²/(2·0.02²)) for 12 rational c, normalised over c",
    compute: Compute::Audio(a7),
    examine: Some(Examination {
        metrics: &[
            Metric {
                name: "adjacent_share",
                unit: "",
                reduce: Reduce::Mean,
                meaning: "share of the sounding frames whose 8 largest bins hold two neighbours",
            },
            Metric {
                name: "leakage_pair_share",
                unit: "",
                reduce: Reduce::Mean,
                meaning: "share of the 28 pairs of a sounding frame that are neighbouring bins, so the ratio is one of leakage",
            },
        ],
        look: Look::Audio(leakage),
    }),
};

/// Rational attractors of one segment (descriptor A7).
///
/// Source: appendix A.1, Eqs. 12–14, Table 14; spec 2.
///
/// Of each frame the eight bins of largest magnitude are taken ([`largest_bins`]). Each of their 28 pairs, with the
/// ratio r in octaves modulo 1, adds its weight times exp(−d²/(2·0.02²)) to the attractor at log2 of 1, 16/15, 9/8,
/// 6/5, 5/4, 4/3, 7/5, 3/2, 8/5, 5/3, 7/4, 15/8 ([`activations`]); each row is divided by its sum, at least 1e-8.
///
/// # Shapes and units
/// `audio`: `[n_samples]`, mono, 24 kHz, −1..=1. Returns `[n_frames, 12]`, row-major; 188 frames for 96,000 samples.
/// A row sums to 1, or to less where its activations sum to less than 1e-8, as in silence (`paper`).
/// # Errors
/// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
/// # Choices
/// `reference`: d is the distance around the octave, min(|r − μ|, 1 − |r − μ|); weight √(m m' + 1e-8), by which silence
/// has a row that sums to 1 as well. `paper`: d = |r − μ|, so that the unison gets nothing from ratios just below an
/// octave; weight √(m m'). In both a bin below 50 Hz that is among the eight keeps its place and counts as 50 Hz with
/// magnitude 0.
/// # Invariance
/// The sign of the audio changes no bit. A gain that is a power of two changes no bit of `paper` while sums stay above
/// 1e-8; in `reference` the 1e-8 under the root does not scale.
pub fn a7(stft: &mut Stft, audio: &[f32], variant: Variant) -> Result<Vec<f32>, Error> {
    let mut rows = Vec::with_capacity(Stft::n_frames(audio.len()) * DIMS);
    stft.for_each_frame(audio, |_, magnitudes| {
        rows.extend(normalised(activations(magnitudes, variant)).map(|value| value as f32));
    })?;
    Ok(rows)
}

/// The eight bins of largest magnitude, in ascending order; of equal magnitudes the lower bin is taken first.
///
/// They are bins, not local maxima, as in the code behind the published numbers: a partial brings its neighbours along.
///
/// # Shapes and units
/// `magnitudes`: `[n_bins]`, at least eight, none below 0.
pub fn largest_bins(magnitudes: &[f64]) -> [usize; N_LARGEST] {
    /// Bins that are looked at together: most blocks hold nothing new.
    const BLOCK: usize = 16;
    let mut bins = [0; N_LARGEST];
    let mut values = [-1.0; N_LARGEST];
    for (block_idx, block) in magnitudes.chunks(BLOCK).enumerate() {
        if block.iter().copied().fold(0.0, f64::max) <= values[N_LARGEST - 1] {
            continue;
        }
        for (k, &m) in block.iter().enumerate() {
            if m > values[N_LARGEST - 1] {
                let place = values.partition_point(|&value| value >= m);
                values.copy_within(place..N_LARGEST - 1, place + 1);
                bins.copy_within(place..N_LARGEST - 1, place + 1);
                (values[place], bins[place]) = (m, block_idx * BLOCK + k);
            }
        }
    }
    bins.sort_unstable();
    bins
}

/// Activations of the attractors in one frame, before they are normalised.
///
/// # Shapes and units
/// `magnitudes`: `[N_BINS]`. Returns `[12]`, in the unit of the magnitudes.
/// # Choices
/// As for [`a7`]. Pairs are added in ascending order of their lower, then of their upper bin.
pub fn activations(magnitudes: &[f64], variant: Variant) -> [f64; DIMS] {
    let bins = largest_bins(magnitudes);
    let places = bins.map(|k| TABLES.fractions[k]);
    let weights = bins.map(|k| if k < LOWEST_BIN { 0.0 } else { magnitudes[k] });
    let mut sums = [0.0; DIMS];
    for i in 0..N_LARGEST {
        for j in i + 1..N_LARGEST {
            let ratio = places[j] - places[i];
            let ratio = if ratio < 0.0 { ratio + 1.0 } else { ratio };
            let product = weights[i] * weights[j];
            match variant {
                Variant::Reference => attract(&mut sums, ratio, (product + ROOT_FLOOR).sqrt(), |d| d.min(1.0 - d)),
                Variant::Paper => attract(&mut sums, ratio, product.sqrt(), |d| d),
            }
        }
    }
    sums
}

/// Adds one pair to the sums.
///
/// An addend below 2⁻⁵⁵ of its sum leaves the sum as it is, bit for bit: where a bound shows that, and where the weight
/// is 0, the exponential is not computed.
fn attract(sums: &mut [f64; DIMS], ratio: f64, weight: f64, distance: impl Fn(f64) -> f64) {
    if weight == 0.0 {
        return;
    }
    for (sum, centre) in sums.iter_mut().zip(&TABLES.centres) {
        let d = distance((ratio - centre).abs());
        let exponent = d * d / (2.0 * WIDTH * WIDTH);
        let bound = TABLES.bounds.get(exponent as usize).copied().unwrap_or(0.0);
        if weight * bound >= *sum * NEGLIGIBLE {
            *sum += weight * libm::exp(-exponent);
        }
    }
}

/// 2⁻⁵⁵: half the share of a sum below which an addend cannot change it, for the roundings of the bound itself.
const NEGLIGIBLE: f64 = 1.0 / (1u64 << 55) as f64;

/// A row divided by its sum, at least 1e-8.
pub(crate) fn normalised(row: [f64; DIMS]) -> [f64; DIMS] {
    let scale = row.iter().sum::<f64>().max(SUM_FLOOR);
    row.map(|value| value / scale)
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

/// What does not depend on the audio.
struct Tables {
    /// log2 of each bin's frequency modulo 1. Of bins an octave apart it is the same, to the bit.
    fractions: [f64; N_BINS],
    /// log2 of the attracting ratios.
    centres: [f64; DIMS],
    /// exp(−n), n whole: no less than exp(−x) for any x from n on.
    bounds: Vec<f64>,
}

impl Tables {
    fn new() -> Self {
        // In units of the spacing, scaled by powers of two into 1..2: exact, so that octaves have ratio 0 and not 1 − ε.
        let fraction = |k: usize| {
            let mut position = if k < LOWEST_BIN { LOWEST_HZ / SPACING_HZ } else { k as f64 };
            while position >= 2.0 {
                position /= 2.0;
            }
            libm::log2(position)
        };
        Self {
            fractions: std::array::from_fn(fraction),
            centres: RATIOS.map(|(over, under)| libm::log2(f64::from(over) / f64::from(under))),
            // The largest distance is 1: exponents up to 1,250; beyond 745 the exponential is 0 or next to it.
            bounds: (0..=1250).map(|n| libm::exp(-f64::from(n))).collect(),
        }
    }
}

/// Counts neighbours among the eight bins of the frames that sound, at least 50 Hz both: the others carry no weight.
fn leakage(stft: &mut Stft, audio: &[f32], _: &[f32], _: Variant) -> Result<Vec<Tally>, Error> {
    let (mut frames, mut with_neighbours, mut neighbours) = (0, 0, 0);
    stft.for_each_frame(audio, |_, magnitudes| {
        let bins = largest_bins(magnitudes);
        if bins.iter().all(|&k| magnitudes[k] == 0.0) {
            return;
        }
        let pairs = bins.windows(2).filter(|pair| pair[0] >= LOWEST_BIN && pair[1] == pair[0] + 1).count() as u64;
        frames += 1;
        with_neighbours += u64::from(pairs > 0);
        neighbours += pairs;
    })?;
    Ok(vec![Tally::share(with_neighbours, frames), Tally::share(neighbours, frames * N_PAIRS as u64)])
}
