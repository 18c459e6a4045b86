//! Invariants of the perturbations, and both stages run over small splits.

mod conditions;
mod describe;
mod features;
mod permute;
mod rejects;
mod segments;
mod signal;
mod support;
