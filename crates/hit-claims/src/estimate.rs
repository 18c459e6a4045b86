//! A value with its sampling error, and arithmetic with such values.

use hit_stats::{normal_quantile, t_quantile, wilson};

/// A value and what is known of its sampling error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub value: f64,
    pub noise: Noise,
    pub unit: String,
    /// Rows that it comes from: `stage/arm@schedule#seed/condition/metric`.
    pub rows: Vec<String>,
    /// Cases behind it, with their name; empty where that says nothing.
    pub cases: Vec<(u64, &'static str)>,
    /// What has to be said of words that stand in for others.
    pub notes: Vec<String>,
}

/// What is known of a sampling error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Noise {
    /// There is none.
    None,
    /// An interval at the level of the protocol, perhaps lopsided.
    Interval(f64, f64),
    /// A standard error, estimated with so many degrees of freedom (infinite: known).
    Error(f64, f64),
    /// A half width that was fixed beforehand.
    Stated(f64),
    /// Nothing.
    Unknown,
}

impl Estimate {
    pub fn exact(value: f64) -> Self {
        let (unit, rows, cases, notes) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        Self { value, noise: Noise::None, unit, rows, cases, notes }
    }

    /// Standard error and degrees of freedom, if there is a sampling error that is known.
    pub fn error(&self, level: f64) -> Result<Option<(f64, f64)>, hit_stats::Error> {
        Ok(match self.noise {
            Noise::Interval(low, high) if high > low => {
                Some(((high - low) / (2.0 * normal_quantile(f64::midpoint(1.0, level))?), f64::INFINITY))
            }
            Noise::Error(error, df) if error > 0.0 => Some((error, df)),
            _ => None,
        })
    }

    /// Interval at a level, for which intervals of the protocol's level are widened in proportion.
    pub fn interval(&self, protocol: f64, level: f64) -> Result<(f64, f64), hit_stats::Error> {
        let quantile = |level: f64, df| t_quantile(f64::midpoint(1.0, level), df);
        Ok(match self.noise {
            Noise::None | Noise::Unknown => (self.value, self.value),
            Noise::Interval(low, high) => {
                let wider = quantile(level, f64::INFINITY)? / quantile(protocol, f64::INFINITY)?;
                (self.value - (self.value - low) * wider, self.value + (high - self.value) * wider)
            }
            Noise::Error(error, df) => {
                let half = error * quantile(level, df)?;
                (self.value - half, self.value + half)
            }
            Noise::Stated(half) => (self.value - half, self.value + half),
        })
    }

    /// The same with the sampling error that a claim states.
    pub fn stated(mut self, exact: bool, noise: Option<f64>) -> Self {
        self.noise = match (exact, noise) {
            (true, _) => Noise::None,
            (false, Some(half)) => Noise::Stated(half),
            (false, None) => self.noise,
        };
        self
    }

    /// A value computed from others: `parts` are the others with the slope of the value in each. Errors are taken as
    /// independent. Values of the same queries err alike, so that this makes differences and ratios look less certain than
    /// they are; for means and sums it would be the other way round, see [`Self::add`].
    pub fn combine(value: f64, unit: &str, parts: &[(f64, &Estimate)], level: f64) -> Result<Self, hit_stats::Error> {
        Self::join(value, unit, parts, level, false)
    }

    /// The sum of others, each times its weight. They are taken to err alike (correlation 1), so that standard errors add
    /// up: the widest that a sum can be, and nearly so where all have the same queries.
    pub fn add(unit: &str, parts: &[(f64, &Estimate)], level: f64) -> Result<Self, hit_stats::Error> {
        let sum = parts.iter().map(|(weight, part)| weight * part.value).sum();
        Self::join(sum, unit, parts, level, true)
    }

    fn join(
        value: f64,
        unit: &str,
        parts: &[(f64, &Estimate)],
        level: f64,
        alike: bool,
    ) -> Result<Self, hit_stats::Error> {
        let mut noisy = parts.iter().filter(|(slope, part)| *slope != 0.0 && part.noise != Noise::None);
        let noise = match (noisy.next(), noisy.next()) {
            (None, _) => Noise::None,
            (Some((slope, part)), None) => moved(value, *slope, part),
            _ => {
                let (mut squares, mut shares, mut known) = (0.0, 0.0, true);
                let (mut sum, mut fewest) = (0.0, f64::INFINITY);
                for (slope, part) in parts {
                    match part.error(level)? {
                        Some((error, df)) => {
                            let square = slope * slope * error * error;
                            squares += square;
                            shares += square * square / df;
                            sum += slope.abs() * error;
                            fewest = df.min(fewest);
                        }
                        None => known &= part.noise != Noise::Unknown && !matches!(part.noise, Noise::Stated(_)),
                    }
                }
                let df = if shares > 0.0 { squares * squares / shares } else { f64::INFINITY };
                match (known, alike) {
                    (false, _) => Noise::Unknown,
                    (true, true) => Noise::Error(sum, fewest),
                    (true, false) => Noise::Error(squares.sqrt(), df),
                }
            }
        };
        let mut joined = Self { noise, unit: unit.to_owned(), ..Self::exact(value) };
        for (_, part) in parts {
            append(&mut joined.rows, &part.rows);
            append(&mut joined.cases, &part.cases);
            append(&mut joined.notes, &part.notes);
        }
        Ok(joined)
    }
}

fn append<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for item in more {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
}

/// The sampling error of a value that moves with `slope` times one part.
fn moved(value: f64, slope: f64, part: &Estimate) -> Noise {
    match part.noise {
        Noise::Interval(low, high) => {
            let (a, b) = (value + slope * (low - part.value), value + slope * (high - part.value));
            Noise::Interval(a.min(b), a.max(b))
        }
        Noise::Error(error, df) => Noise::Error(slope.abs() * error, df),
        Noise::Stated(half) => Noise::Stated(slope.abs() * half),
        other => other,
    }
}

/// Sampling error of a measurement without an interval: shares of `n` cases; reciprocal ranks, whose variance is at most
/// that of a share with the same mean.
///
/// Wilson's interval takes the cases as independent. Windows of one performance are alike: see [`design_effect`].
pub(crate) fn of_share(metric: &str, value: f64, n: Option<u64>, level: f64) -> Result<Noise, hit_stats::Error> {
    let percent = is_share(metric);
    let scale = if percent { 100.0 } else { 1.0 };
    match n {
        Some(n) if n > 0 && (percent || metric.starts_with("mrr_")) && (0.0..=scale).contains(&value) => {
            let (low, high) = wilson(value / scale, n, level)?;
            Ok(Noise::Interval(low * scale, high * scale))
        }
        _ if metric.starts_with("chance_") => Ok(Noise::None),
        _ => Ok(Noise::Unknown),
    }
}

/// Whether a metric is a share in percent.
fn is_share(metric: &str) -> bool {
    let recall = metric.strip_prefix('r').and_then(|rest| rest.split_once('_')).is_some_and(|(k, side)| {
        !k.is_empty() && k.chars().all(|c| c.is_ascii_digit()) && matches!(side, "a2m" | "m2a")
    });
    recall || matches!(metric, "s" | "hard_same_piece" | "hard_random")
}

/// Whether a metric is in percent or points.
pub(crate) fn is_percent(metric: &str) -> bool {
    is_share(metric) || metric == "retention" || metric.starts_with("delta_") || metric.starts_with("s_")
}

/// How many cases of a run count for one independent case: the squared ratio of the widths of an interval over
/// performances and of Wilson's for the same share, at least 1 (Kish 1965, the design effect).
pub(crate) fn design_effect(share: f64, n: u64, interval: (f64, f64), level: f64) -> Result<f64, hit_stats::Error> {
    let (low, high) = wilson(share / 100.0, n, level)?;
    let wider = (interval.1 - interval.0) / (100.0 * (high - low));
    Ok((wider * wider).max(1.0))
}
