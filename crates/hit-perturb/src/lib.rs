//! Artifacts to damaged artifacts of the same type: every condition and control of the tests.
//!
//! A condition is a perturbation of what a model reads: features ([`PerturbFeatures`]) or segments
//! ([`PerturbSegments`]). What comes out is read like what went in, so embedding and retrieval never know that there
//! was a condition.
//!
//! Random numbers are a function of (seed, condition, descriptor, performance, window): neither the order of the work
//! nor the number of threads matters, and another performance in a split changes nobody's noise. Everything is
//! computed in `f64` with libm and rounded to `f32` once.

mod draw;
mod error;
mod features;
mod permute;
mod segments;
mod signal;
mod statistics;

pub use error::Error;
pub use features::{FeatureCondition, PerturbFeatures};
pub use segments::{PerturbSegments, SegmentCondition};
pub use statistics::Padding;

#[cfg(test)]
mod tests;
