//! The claims of the paper as criteria over measurements, and how they come out.
//!
//! `paper/claims.toml` is a [`Ledger`]: each claim has the place that it stands at, the published value that it rests on
//! and conditions that must be met. [`Ledger::judge`] holds them against the rows of a campaign; every claim becomes a
//! [`Verdict`]. A condition is about one value or several ([`Term`]): measurements, observations of descriptors, numbers
//! known before the campaign, published values, and differences, ratios, means of these.
//!
//! # How a condition is decided
//! Each condition is brought to a *margin*, how far the value lies on the claimed side, with an interval.
//!
//! * An effect (`above`, `below`, `at_least`, `at_most`, an order) holds if the interval of its margin lies on the claimed
//!   side, does not hold if it lies on the other side, and is inconclusive otherwise.
//! * An equality (`near`, `between`) holds if the value lies within the tolerance, does not hold if its interval lies
//!   outside of it, and is inconclusive otherwise. The interval is that of two one-sided tests, at 1 − 2(1 − level); the
//!   verdict says whether it lies within, too.
//! * A claim holds if all its conditions do, and does not hold if one of `k` does not at the level 1 − (1 − level)/k, so that
//!   a long claim is not refuted by chance alone.
//!
//! The interval is that of the measurement. Where it has none: Wilson's for shares of `n` cases (S, R@k, accuracies; also
//! for mean reciprocal ranks, whose variance is at most that of a share), with `n` over the design effect that S of the
//! same run shows, because windows of one performance are alike and Wilson's interval ignores that; for means over seeds
//! Student's t with the deviation of the seeds, and Welch's for their differences. Errors of the two sides of a comparison
//! are taken as independent, which is wider than the truth where they share queries; those of the terms of a mean or a sum
//! as fully correlated, because for these independence would be too narrow. Several rows where one is expected leave a
//! claim untested. Values whose sampling error nobody knows carry a tolerance
//! that the claim states beforehand (`noise`); counts, and statements about the very values at hand, are `exact`.

mod error;
mod estimate;
mod judge;
mod ledger;
mod parse;
mod published;
mod render;
mod stage;
mod values;
mod verdict;
mod words;

pub use error::{Error, Fault};
pub use ledger::{Beside, Claim, Field, Form, Ledger, Must, Protocol, Relation, Select, StandIn, Term};
pub use published::Published;
pub use render::render;
pub use stage::Judge;
pub use values::row_name;
pub use verdict::{Flip, Kind, Ours, Outcome, Power, Setting, Verdict, flips};

#[cfg(test)]
mod tests;
