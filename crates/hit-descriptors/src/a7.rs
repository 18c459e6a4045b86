//! Descriptor A7: how close the frequency ratios in a frame are to simple rational numbers.

use std::sync::LazyLock;

use pulp::Simd;

use crate::a9::all_activations;
use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::functions::exp_all;
use crate::stft::{Pass, SPACING_HZ, Visit, lanes_of};
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
    let raw = all_activations(stft, audio, variant)?;
    Ok(raw.into_iter().flat_map(normalised).map(|value| value as f32).collect())
}

/// The eight bins of largest magnitude, in ascending order; of equal magnitudes the lower bin is taken first.
///
/// They are bins, not local maxima, as in the code behind the published numbers: a partial brings its neighbours along.
///
/// # Shapes and units
/// `magnitudes`: `[n_bins]`, at least eight, none below 0.
pub fn largest_bins(magnitudes: &[f64]) -> [usize; N_LARGEST] {
    largest_of(magnitudes.iter().copied().enumerate())
}

/// The eight largest of bins given in ascending order.
#[inline(always)]
fn largest_of(magnitudes: impl Iterator<Item = (usize, f64)>) -> [usize; N_LARGEST] {
    let mut bins = [0; N_LARGEST];
    let mut values = [-1.0; N_LARGEST];
    for (k, m) in magnitudes {
        if m > values[N_LARGEST - 1] {
            let mut place = N_LARGEST - 1;
            while place > 0 && m > values[place - 1] {
                (values[place], bins[place]) = (values[place - 1], bins[place - 1]);
                place -= 1;
            }
            (values[place], bins[place]) = (m, k);
        }
    }
    bins.sort_unstable();
    bins
}

/// Bins that are looked at together.
const BLOCK: usize = 16;
/// Blocks of a frame; the last one has one bin.
const N_BLOCKS: usize = N_BINS.div_ceil(BLOCK);

/// What the attractors of each frame of a segment get.
pub(crate) struct Activations<'a> {
    variant: Variant,
    raw: &'a mut [[f64; DIMS]],
    /// Bins of one frame that can be among its largest.
    candidates: Vec<(usize, f64)>,
}

impl<'a> Activations<'a> {
    /// Activations are written to `raw`, `[n_frames]`.
    pub fn new(variant: Variant, raw: &'a mut [[f64; DIMS]]) -> Self {
        Self { variant, raw, candidates: Vec::with_capacity(N_BINS) }
    }
}

impl Visit for Activations<'_> {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, s: S, pass: Pass<'_, S>) {
        let (maxima, eighth) = block_maxima(s, pass.now);
        for (lane, t) in pass.lanes() {
            let least = lanes_of::<S>(&[eighth])[lane];
            candidates(&pass, lane, lanes_of::<S>(&maxima), least, &mut self.candidates);
            let bins = largest_of(self.candidates.iter().copied());
            self.raw[t] = attracted(bins, bins.map(|k| pass.at(k, lane)), self.variant);
        }
    }
}

/// The largest magnitude of each block of bins, and the eighth of these by size: eight bins at least are that large.
#[inline(always)]
fn block_maxima<S: Simd>(s: S, magnitudes: &[S::f64s]) -> ([S::f64s; N_BLOCKS], S::f64s) {
    let zero = s.splat_f64s(0.0);
    let mut maxima = [zero; N_BLOCKS];
    let mut largest = [zero; N_LARGEST];
    for (maximum, block) in maxima.iter_mut().zip(magnitudes.chunks(BLOCK)) {
        *maximum = block.iter().fold(zero, |maximum, &m| s.max_f64s(maximum, m));
        let mut falling = *maximum;
        for value in &mut largest {
            (*value, falling) = (s.max_f64s(*value, falling), s.min_f64s(*value, falling));
        }
    }
    (maxima, largest[N_LARGEST - 1])
}

/// Collects the bins of a lane that are no smaller than `least`, in ascending order.
#[inline(always)]
fn candidates<S: Simd>(pass: &Pass<'_, S>, lane: usize, maxima: &[f64], least: f64, into: &mut Vec<(usize, f64)>) {
    into.clear();
    for (block, maximum) in maxima.iter().skip(lane).step_by(S::F64_LANES).enumerate() {
        if *maximum >= least {
            let bins = block * BLOCK..N_BINS.min((block + 1) * BLOCK);
            into.extend(bins.map(|k| (k, pass.at(k, lane))).filter(|&(_, m)| m >= least));
        }
    }
}

/// Activations of the attractors in one frame, before they are normalised.
///
/// # Shapes and units
/// `magnitudes`: `[N_BINS]`. Returns `[12]`, in the unit of the magnitudes.
/// # Choices
/// As for [`a7`]. Pairs are added in ascending order of their lower, then of their upper bin.
pub fn activations(magnitudes: &[f64], variant: Variant) -> [f64; DIMS] {
    let bins = largest_bins(magnitudes);
    attracted(bins, bins.map(|k| magnitudes[k]), variant)
}

/// Activations from the largest bins and their magnitudes. All exponentials are computed side by side.
#[inline(always)]
fn attracted(bins: [usize; N_LARGEST], magnitudes: [f64; N_LARGEST], variant: Variant) -> [f64; DIMS] {
    let tables = &*TABLES;
    let (mut places, mut contents) = ([0.0; N_LARGEST], [0.0; N_LARGEST]);
    for (i, &k) in bins.iter().enumerate() {
        places[i] = tables.fractions[k];
        contents[i] = if k < LOWEST_BIN { 0.0 } else { magnitudes[i] };
    }
    let (mut ratios, mut products) = ([0.0; N_PAIRS], [0.0; N_PAIRS]);
    let mut pair = 0;
    for i in 0..N_LARGEST {
        for j in i + 1..N_LARGEST {
            let steps = places[j] - places[i];
            ratios[pair] = if steps < 0.0 { steps + 1.0 } else { steps };
            products[pair] = contents[i] * contents[j];
            pair += 1;
        }
    }
    let pulls = match variant {
        Variant::Reference => pulls(&ratios, &tables.centres, |d| if d < 1.0 - d { d } else { 1.0 - d }),
        Variant::Paper => pulls(&ratios, &tables.centres, |d| d),
    };
    let floor = if variant == Variant::Reference { ROOT_FLOOR } else { 0.0 };
    let mut sums = [0.0; DIMS];
    for (product, pulls) in products.iter().zip(&pulls) {
        let weight = (product + floor).sqrt();
        for (sum, pull) in sums.iter_mut().zip(pulls) {
            *sum += weight * pull;
        }
    }
    sums
}

/// exp(−d²/(2·0.02²)) by pair and attractor. What is left out below 1e-304 is far below the least `f32`.
#[inline(always)]
fn pulls(ratios: &[f64; N_PAIRS], centres: &[f64; DIMS], distance: impl Fn(f64) -> f64) -> [[f64; DIMS]; N_PAIRS] {
    let mut pulls = [[0.0; DIMS]; N_PAIRS];
    for (row, ratio) in pulls.iter_mut().zip(ratios) {
        for (exponent, centre) in row.iter_mut().zip(centres) {
            let d = distance((ratio - centre).abs());
            *exponent = -(d * d / (2.0 * WIDTH * WIDTH));
        }
    }
    exp_all(pulls.as_flattened_mut());
    pulls
}

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
