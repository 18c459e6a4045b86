//! Tests of the whole crate.

mod activations;
mod counts;
mod golden;
mod gradients;
mod independence;
mod interpolation;
mod rejects;
mod support;
