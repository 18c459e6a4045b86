//! Intervals by resampling whole groups.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Error;

/// How an interval is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bootstrap {
    /// Number of resamples (10,000 in spec 9.6).
    pub resamples: usize,
    /// Share of resamples inside the interval, between 0 and 1 (0.95).
    pub level: f64,
    /// Seed of the resampling.
    pub seed: [u8; 32],
}

/// Percentile interval of a statistic, whole groups (performances) resampled with replacement (spec 9.6).
///
/// Windows of one performance overlap and resemble each other, so they are not independent draws; performances are.
/// A group is its totals (hits, number of queries, ...), and the statistic is a function of the totals added over the
/// groups of a resample. Differences are paired by having the totals of both sides in each group.
///
/// # Shapes
/// `groups`: `[n_groups][n_totals]`; `statistic` gets `[n_totals]`. Resamples for which it is not finite are left out.
/// Returns (low, high).
/// # Errors
/// [`Error::TooFew`] with fewer than two groups, without resamples, or if most were left out; [`Error::Ragged`];
/// [`Error::Value`] for a level outside 0..1.
pub fn grouped(groups: &[Vec<f64>], plan: &Bootstrap, statistic: impl Fn(&[f64]) -> f64) -> Result<(f64, f64), Error> {
    let too_few = |needed, unit, found| Error::TooFew { statistic: "a grouped bootstrap", needed, unit, found };
    if groups.len() < 2 {
        return Err(too_few(2, "groups", groups.len()));
    }
    if plan.resamples == 0 {
        return Err(too_few(1, "resamples", 0));
    }
    if !(plan.level > 0.0 && plan.level < 1.0) {
        let what = "the level of a bootstrap".to_owned();
        return Err(Error::Value { what, value: plan.level, expected: "a number between 0 and 1" });
    }
    let n_totals = groups[0].len();
    if let Some((group, totals)) = groups.iter().enumerate().find(|(_, totals)| totals.len() != n_totals) {
        return Err(Error::Ragged { group, found: totals.len(), expected: n_totals });
    }
    let mut rng = ChaCha8Rng::from_seed(plan.seed);
    let mut totals = vec![0.0; n_totals];
    let mut values = Vec::with_capacity(plan.resamples);
    for _ in 0..plan.resamples {
        totals.fill(0.0);
        for _ in 0..groups.len() {
            let group = &groups[rng.random_range(0..groups.len())];
            totals.iter_mut().zip(group).for_each(|(total, value)| *total += value);
        }
        values.push(statistic(&totals));
    }
    values.retain(|value| value.is_finite());
    if values.len() * 2 < plan.resamples {
        return Err(too_few(plan.resamples.div_ceil(2), "resamples with a finite statistic", values.len()));
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - plan.level) / 2.0;
    Ok((quantile(&values, tail), quantile(&values, 1.0 - tail)))
}

/// Quantile `q` (0..=1) of sorted values, interpolated linearly between order statistics (numpy's default).
///
/// # Panics
/// If `sorted` is empty.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}
