//! Cosines of matched pairs and of others (test 10).

use hit_schema::{CosineBin, RunId, SplitIndex};
use hit_stage::{Context, Seed, Stage, StageError};
use hit_stats::{Bootstrap, grouped};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::Error;
use crate::input::{Rows, Sides, check_bootstrap, performances};
use crate::matrix::dot;

/// Bars of the histograms, from −1 to 1.
pub const N_BINS: usize = 40;

/// A statistic of the sums of matched cosines, of random ones, and the number of windows.
type Statistic = fn(&[f64]) -> f64;

/// Compares the cosines of audio and its own MIDI with those of audio and other MIDI (§5.8, Fig. 11; spec 10, test 10):
/// `cosines/<run>`.
///
/// Inputs: `index`, `embeddings` (tree, one entry). Outputs: `cosines` (CSV of [`CosineBin`], 40 bars) and `measurements`,
/// under `normal`: `cosine_matched`, `cosine_random`, `cosine_gap` (their difference), each with an interval over
/// performances; `cosine_matched_sd`, `cosine_random_sd` (n − 1); `cosine_auc`, see [`auc`]; `modality_gap`, the distance of
/// the means of the audio and of the MIDI embeddings, all of length 1.
///
/// # Choices
/// All windows of the split. The random partner of a window's audio is the MIDI of a window of another performance, each
/// equally likely. An embedding of zeros has cosine 0 with everything. The gap resamples performances of queries; the
/// partners stay what was drawn.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cosines {
    /// Name of the test in the measurements: `t10`.
    pub stage: String,
    /// The model's run.
    pub run: RunId,
    /// Root seed of the partners and of the resamples.
    pub seed: u64,
    /// Resamples of an interval.
    pub resamples: usize,
    /// Share of resamples inside an interval, between 0 and 1.
    pub level: f64,
}

impl Stage for Cosines {
    const KIND: &'static str = "cosines";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["cosines", "measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        check_bootstrap(self.resamples, self.level)?;
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let sides = Sides::read(cx, &self.run, Some(&index))?.unit();
        let partners = self.partners(&index)?;
        let cosine = |audio: usize, midi: usize| dot(sides.audio.row(audio), sides.midi.row(midi)).clamp(-1.0, 1.0);
        let matched: Vec<f64> = (0..sides.n()).map(|w| cosine(w, w)).collect();
        let random: Vec<f64> = partners.iter().enumerate().map(|(w, &other)| cosine(w, other)).collect();
        cx.checkpoint()?;

        let mut rows = Rows::new(&self.stage, &self.run);
        let n = sides.n();
        self.add_means(&mut rows, &index, &matched, &random)?;
        for (name, values) in [("cosine_matched_sd", &matched), ("cosine_random_sd", &random)] {
            rows.add("normal", name, deviation(values), n, None);
        }
        rows.add("normal", "cosine_auc", Some(auc(&matched, &random)), n, None);
        let apart = sides.audio.means().iter().zip(sides.midi.means()).map(|(a, m)| (a - m).powi(2)).sum::<f64>();
        rows.add("normal", "modality_gap", Some(apart.sqrt()), n, None);
        cx.write("cosines", CosineBin::to_csv(&histogram(&matched, &random)))?;
        rows.write(cx)
    }
}

impl Cosines {
    /// For each window one of another performance.
    fn partners(&self, index: &SplitIndex) -> Result<Vec<usize>, Error> {
        let all = performances(index);
        if all.len() < 2 {
            return Err(Error::TooFew {
                split: index.split.clone(),
                found: all.len(),
                unit: "performances with windows",
                purpose: "a pair of windows of different performances",
                needed: 2,
            });
        }
        let total = index.n_windows();
        let mut rng = ChaCha8Rng::from_seed(Seed::derive(self.seed, Self::KIND, "partners").bytes());
        let mut partners = Vec::with_capacity(total);
        for (_, own) in &all {
            for _ in own.clone() {
                let other = rng.random_range(0..total - own.len());
                partners.push(if other < own.start { other } else { other + own.len() });
            }
        }
        Ok(partners)
    }

    /// Adds the means, their difference, and their intervals.
    fn add_means(&self, rows: &mut Rows, index: &SplitIndex, matched: &[f64], random: &[f64]) -> Result<(), Error> {
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let groups: Vec<Vec<f64>> = performances(index)
            .into_iter()
            .map(|(_, own)| vec![sum(&matched[own.clone()]), sum(&random[own.clone()]), own.len() as f64])
            .collect();
        let seed = Seed::derive(self.seed, Self::KIND, "bootstrap").bytes();
        let plan = Bootstrap { resamples: self.resamples, level: self.level, seed };
        let statistics: [(&str, Statistic); 3] = [
            ("cosine_matched", |t| t[0] / t[2]),
            ("cosine_random", |t| t[1] / t[2]),
            ("cosine_gap", |t| (t[0] - t[1]) / t[2]),
        ];
        let totals = [sum(matched), sum(random), matched.len() as f64];
        for (name, statistic) in statistics {
            let interval = grouped(&groups, &plan, statistic)?;
            rows.add("normal", name, Some(statistic(&totals)), matched.len(), Some(interval));
        }
        Ok(())
    }
}

/// Sample standard deviation (n − 1); none for a single value.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    if values.len() < 2 { None } else { Some((squares / (values.len() - 1) as f64).sqrt()) }
}

/// Share of all pairs of a value of `above` and one of `below` in which the first is larger; equal ones count half.
///
/// The area under the curve that a threshold between them traces. 0.5 if either is empty: nothing is told apart.
pub fn auc(above: &[f64], below: &[f64]) -> f64 {
    if above.is_empty() || below.is_empty() {
        return 0.5;
    }
    let mut sorted = below.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins = |value: &f64| {
        let (smaller, not_larger) =
            (sorted.partition_point(|other| other < value), sorted.partition_point(|other| other <= value));
        (smaller + not_larger) as f64 / 2.0
    };
    above.iter().map(wins).sum::<f64>() / (above.len() * below.len()) as f64
}

/// Lower edge of bar `bin`; that of the bar after the last is 1.
fn edge(bin: usize) -> f64 {
    let half = N_BINS as f64 / 2.0;
    (bin as f64 - half) / half
}

fn histogram(matched: &[f64], random: &[f64]) -> Vec<CosineBin> {
    let mut bins: Vec<_> =
        (0..N_BINS).map(|bin| CosineBin { low: edge(bin), high: edge(bin + 1), matched: 0, random: 0 }).collect();
    let bin = |value: f64| (1..N_BINS).filter(|&bin| edge(bin) <= value).count();
    for &value in matched {
        bins[bin(value)].matched += 1;
    }
    for &value in random {
        bins[bin(value)].random += 1;
    }
    bins
}
