//! Descriptor A8: chroma, gated by the onsets in it.

use std::ops::Range;
use std::sync::LazyLock;

use pulp::Simd;

use crate::a7::normalised;
use crate::examine::{Examination, Look, Metric, Reduce, Tally};
use crate::stft::{Pass, SPACING_HZ, Visit, lanes_of};
use crate::{Compute, Descriptor, Error, N_BINS, Rows, Stft, Variant};

/// Pitch classes, and values per frame. Class 0 is C.
pub const DIMS: usize = 12;
/// Frequency of class 0, Hz: C1 (appendix A.2).
pub const TUNING_HZ: f64 = 32.7;
/// Bins below it belong to no class (`reference`), Hz.
pub const LOWEST_HZ: f64 = 30.0;
/// Least flux that the flux is divided by.
const FLUX_FLOOR: f64 = 1e-8;
/// From which difference on a frame counts as gated: far above what rounding to `f32` does.
const GATED: f64 = 1e-6;

/// A8 in the list of descriptors.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "a8",
    title: "onset chroma",
    dims: DIMS,
    rows: Rows::Frames,
    shape: "188 x 12",
    source: "appendix A.2, Eq. 15",
    formula: "per frame: |X| summed by pitch class, times the frame's spectral flux over the largest flux, normalised over the classes",
    compute: Compute::Audio(a8),
    examine: Some(Examination {
        metrics: &[
            Metric {
                name: "gate_effect_max",
                unit: "",
                reduce: Reduce::Max,
                meaning: "largest |A8 − C/ΣC| over the frames with flux: what the gate changes, rounding to f32 (3e-8) included",
            },
            Metric {
                name: "gated_share",
                unit: "",
                reduce: Reduce::Mean,
                meaning: "share of the frames with flux where |A8 − C/ΣC| exceeds 1e-6: where the floor of 1e-8 acts",
            },
            Metric {
                name: "zero_frame_share",
                unit: "",
                reduce: Reduce::Mean,
                meaning: "share of the frames that are all zero: the first of each window, and those without flux",
            },
        ],
        look: Look::Audio(gate),
    }),
};

/// Onset chroma of one segment (descriptor A8).
///
/// Source: appendix A.2, Eq. 15; spec 2.
///
/// The chroma C of a frame ([`chroma`]) times its flux F, Σ max(0, |X_t| − |X_{t−1}|) over all bins, which is 0 in the
/// first frame and is divided by the largest of the segment (at least 1e-8); each row is divided by its sum, at least
/// 1e-8. The flux cancels in that last step: wherever it is not 0 and the sum not below 1e-8, the row is C/ΣC.
///
/// # Shapes and units
/// `audio`: `[n_samples]`, mono, 24 kHz, −1..=1. Returns `[n_frames, 12]`, row-major; 188 frames for 96,000 samples. The
/// first frame and every frame without flux are 0; other rows sum to 1, or to less where the sum is below 1e-8.
/// # Errors
/// [`Error::TooShort`] up to 1,024 samples, [`Error::NotFinite`].
/// # Choices
/// Those of [`chroma`]. The flux is that of magnitudes in both variants.
/// # Invariance
/// The sign of the audio changes no bit, nor does a gain that is a power of two while sums stay above 1e-8.
pub fn a8(stft: &mut Stft, audio: &[f32], variant: Variant) -> Result<Vec<f32>, Error> {
    let (chroma, flux) = chroma_and_flux(stft, audio, variant)?;
    let largest = flux.iter().copied().fold(FLUX_FLOOR, f64::max);
    let gated = |(chroma, flux): (&[f64; DIMS], &f64)| normalised(chroma.map(|value| value * (flux / largest)));
    Ok(chroma.iter().zip(&flux).flat_map(gated).map(|value| value as f32).collect())
}

/// Chroma and flux of each frame of a segment, neither normalised.
///
/// # Shapes and units
/// `audio` as for [`a8`]. Returns `[n_frames][12]` and `[n_frames]`.
/// # Errors
/// Those of [`a8`].
pub fn chroma_and_flux(
    stft: &mut Stft,
    audio: &[f32],
    variant: Variant,
) -> Result<(Vec<[f64; DIMS]>, Vec<f64>), Error> {
    let n_frames = Stft::n_frames(audio.len());
    let mut rise =
        Rise { variant, chromas: vec![[0.0; DIMS]; n_frames], fluxes: vec![0.0; n_frames], first: Vec::new() };
    stft.for_all_frames(audio, &mut rise)?;
    Ok((rise.chromas, rise.fluxes))
}

/// Chroma and flux of the frames of a segment.
struct Rise {
    variant: Variant,
    chromas: Vec<[f64; DIMS]>,
    fluxes: Vec<f64>,
    /// Magnitudes of the first pass: the frame before one of them is in the last pass, one lane lower.
    first: Vec<f64>,
}

impl Visit for Rise {
    #[inline(always)]
    fn visit<S: Simd>(&mut self, s: S, pass: Pass<'_, S>) {
        let chroma = match self.variant {
            Variant::Reference => by_class(s, &REFERENCE_RUNS, pass.now, |m| m),
            Variant::Paper => by_class(s, &PAPER_RUNS, pass.now, |m| s.mul_f64s(m, m)),
        };
        for (lane, t) in pass.lanes() {
            for (class, lanes) in self.chromas[t].iter_mut().zip(&chroma) {
                *class = lanes_of::<S>(std::slice::from_ref(lanes))[lane];
            }
        }
        if let Some(before) = pass.before {
            let flux = rise(s, before, pass.now);
            pass.lanes().for_each(|(lane, t)| self.fluxes[t] = lanes_of::<S>(&[flux])[lane]);
        } else {
            self.first.clear();
            self.first.extend_from_slice(lanes_of::<S>(pass.now));
        }
        if pass.number + 1 == pass.n_passes {
            self.join(pass);
        }
    }
}

impl Rise {
    /// Flux of the frames of the first pass but frame 0, which has none.
    fn join<S: Simd>(&mut self, last: Pass<'_, S>) {
        let lane = |lanes: &[f64], lane| lanes.iter().skip(lane).step_by(S::F64_LANES).copied().collect::<Vec<_>>();
        for (l, t) in (1..S::F64_LANES).map(|l| (l, l * last.n_passes)).take_while(|&(_, t)| t < last.n_frames) {
            let (before, now) = (lane(lanes_of::<S>(last.now), l - 1), lane(&self.first, l));
            self.fluxes[t] = rise(pulp::Scalar::new(), &before, &now);
        }
    }
}

/// Chroma of one frame: what its bins hold, summed by pitch class.
///
/// # Shapes and units
/// `magnitudes`: `[N_BINS]`. Returns `[12]`; C is 0.
/// # Choices
/// `reference`: Σ|X|, over bins of at least 30 Hz, class round(12·log2(f/32.7)) modulo 12. `paper`: Σ|X|², over all bins
/// but 0 Hz, class 12·log2(f/32.7) modulo 12, which is a real number while the sum is over whole classes: a bin is given
/// the whole number at or below it (the class whose semitone it lies in, counted from the pitch upwards). So the
/// classes of the two are half a semitone apart: a slightly flat C is a C in `reference` and a B in `paper`.
pub fn chroma(magnitudes: &[f64], variant: Variant) -> [f64; DIMS] {
    match variant {
        Variant::Reference => by_class(pulp::Scalar::new(), &REFERENCE_RUNS, magnitudes, |m| m),
        Variant::Paper => by_class(pulp::Scalar::new(), &PAPER_RUNS, magnitudes, |m| m * m),
    }
}

/// Neighbouring bins of one class.
struct Run {
    class: usize,
    bins: Range<usize>,
}

static REFERENCE_RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| runs(Variant::Reference));
static PAPER_RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| runs(Variant::Paper));

fn runs(variant: Variant) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for k in 0..N_BINS {
        let Some(class) = class(k, variant) else { continue };
        match runs.last_mut() {
            Some(run) if run.class == class && run.bins.end == k => run.bins.end += 1,
            _ => runs.push(Run { class, bins: k..k + 1 }),
        }
    }
    runs
}

/// Pitch class of bin `k`, 0 for C, or none if the variant leaves the bin out. See [`chroma`].
pub fn class(k: usize, variant: Variant) -> Option<usize> {
    let frequency_hz = k as f64 * SPACING_HZ;
    let semitones = || 12.0 * libm::log2(frequency_hz / TUNING_HZ);
    let whole = match variant {
        Variant::Reference if frequency_hz >= LOWEST_HZ => libm::rint(semitones()),
        Variant::Paper if k > 0 => libm::floor(semitones()),
        _ => return None,
    };
    Some((whole as i64).rem_euclid(DIMS as i64) as usize)
}

/// Σ of the content of the bins of each class.
#[inline(always)]
fn by_class<S: Simd>(
    s: S,
    runs: &[Run],
    magnitudes: &[S::f64s],
    content: impl Fn(S::f64s) -> S::f64s,
) -> [S::f64s; DIMS] {
    let mut classes = [s.splat_f64s(0.0); DIMS];
    for run in runs {
        let bins = &magnitudes[run.bins.clone()];
        classes[run.class] = s.add_f64s(classes[run.class], sum_of(s, bins, bins, |m, _| content(m)));
    }
    classes
}

/// Σ max(0, now − last).
#[inline(always)]
fn rise<S: Simd>(s: S, last: &[S::f64s], now: &[S::f64s]) -> S::f64s {
    let zero = s.splat_f64s(0.0);
    sum_of(s, last, now, |last, now| s.max_f64s(s.sub_f64s(now, last), zero))
}

/// Σ of `term` over two slices of one length, in four sums side by side, so that no addition waits for the last one.
#[inline(always)]
fn sum_of<S: Simd>(s: S, a: &[S::f64s], b: &[S::f64s], term: impl Fn(S::f64s, S::f64s) -> S::f64s) -> S::f64s {
    let mut sums = [s.splat_f64s(0.0); 4];
    let ((fours_a, rest_a), (fours_b, rest_b)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in fours_a.iter().zip(fours_b) {
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = s.add_f64s(*sum, term(a[i], b[i]));
        }
    }
    for (i, (&a, &b)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[i] = s.add_f64s(sums[i], term(a, b));
    }
    s.add_f64s(s.add_f64s(sums[0], sums[1]), s.add_f64s(sums[2], sums[3]))
}

/// Sets the rows of the feature file beside C/ΣC.
fn gate(stft: &mut Stft, audio: &[f32], features: &[f32], variant: Variant) -> Result<Vec<Tally>, Error> {
    let (chroma, flux) = chroma_and_flux(stft, audio, variant)?;
    let rows = || features.chunks_exact(DIMS);
    let effects: Vec<f64> =
        rows().zip(chroma.iter().zip(&flux)).filter_map(|(row, (c, &f))| effect(row, c, f)).collect();
    let n = effects.len() as u64;
    let gated = effects.iter().filter(|&&effect| effect > GATED).count() as u64;
    let zero = rows().filter(|row| row.iter().all(|&value| value == 0.0)).count() as u64;
    let largest = effects.into_iter().fold(0.0, f64::max);
    Ok(vec![Tally { value: largest, n }, Tally::share(gated, n), Tally::share(zero, rows().len() as u64)])
}

/// Largest difference of a row to its chroma normalised, unless there is no flux or no chroma.
fn effect(row: &[f32], chroma: &[f64; DIMS], flux: f64) -> Option<f64> {
    let sum: f64 = chroma.iter().sum();
    let difference = |(&value, class): (&f32, &f64)| (f64::from(value) - class / sum).abs();
    (flux > 0.0 && sum > 0.0).then(|| row.iter().zip(chroma).map(difference).fold(0.0, f64::max))
}
