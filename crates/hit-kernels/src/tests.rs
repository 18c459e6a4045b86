//! Every kernel, value and gradient, against plain arithmetic in float64.

mod attention;
mod devices;
mod feed_forward;
mod optimizer;
mod products;
pub(crate) mod reference;
mod rows;
mod threads;
