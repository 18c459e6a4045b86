//! The hot operations of training, behind plain functions of tensors, each with a backward pass derived by hand.
//!
//! A function says what it keeps for its backward pass: that is what bounds the memory of a step. In main memory what is not a product is a loop of
//! ours, on GPUs a kernel of the same formula. Nothing depends on threads, and no float is added by atomics.

#![expect(clippy::inline_always, reason = "code compiled for the vectors at hand has to be part of their function")]

mod adamw;
mod attention;
mod cube;
mod dropout;
mod feed_forward;
mod gelu;
mod heads;
mod host;
mod linear;
mod multi_head;
mod norm;
mod precision;
mod sums;
mod vjp;

pub use adamw::{Moments, Update, adamw};
pub use attention::Attending;
pub use dropout::{GOLDEN, Mask, dropout, mix};
pub use feed_forward::{TwoMaps, feed_forward};
pub use gelu::gelu;
pub use host::host;
pub use linear::{linear, matmul};
pub use multi_head::{Maps, multi_head};
pub use norm::{group_norm, layer_norm};
pub use precision::Precision;
pub use sums::sum_of_squares;

#[cfg(test)]
mod tests;
