//! Measurements and the statistics over them; pure, and known to nothing of the rest.
//!
//! A number that leaves the campaign is a [`Measurement`]: one row of one table. The statistics take plain slices.

mod bootstrap;
mod effect;
mod holm;
mod measurement;
mod power;
mod summary;
mod welch;

pub use bootstrap::{Bootstrap, grouped, quantile};
pub use effect::{cohen_d, hedges_g};
pub use holm::holm;
pub use measurement::{COLUMNS, Measurement, number};
pub use power::{detectable_shift, normal_cdf, normal_quantile, t_power, t_quantile, wilson};
pub use summary::{Moments, Summary};
pub use welch::{Welch, welch};

use std::path::PathBuf;

/// Numbers that a statistic is not defined for, or a table that is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fewer values than the statistic needs.
    #[error("{statistic} needs at least {needed} {unit}; there are {found}")]
    TooFew {
        /// What was asked for.
        statistic: &'static str,
        /// Values needed.
        needed: usize,
        /// What is counted.
        unit: &'static str,
        /// Values given.
        found: usize,
    },
    /// All values are the same, so nothing can be divided by their spread.
    #[error("{statistic} is not defined for samples without spread")]
    NoSpread {
        /// What was asked for.
        statistic: &'static str,
    },
    /// A value outside the range that makes sense.
    #[error("{what} is {value}; {expected} is expected")]
    Value {
        /// What it is.
        what: String,
        /// What it was.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// Groups of a bootstrap with different numbers of totals.
    #[error("group {group} has {found} totals, the first has {expected}")]
    Ragged {
        /// Number of the group.
        group: usize,
        /// Its totals.
        found: usize,
        /// Those of the first.
        expected: usize,
    },
    /// A line of a table of measurements that cannot be read.
    #[error("line {line}: {what}")]
    Line {
        /// 1-based.
        line: u64,
        /// What is wrong, and what is expected.
        what: String,
    },
    /// Two rows for one cell.
    #[error("two rows for `{cell}`: {first} and {second}; each cell may be measured once")]
    Duplicate {
        /// Stage to metric.
        cell: String,
        /// One value.
        first: f64,
        /// The other.
        second: f64,
    },
    /// A file that could not be read; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file that is no table of measurements.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
}

#[cfg(test)]
mod tests;
