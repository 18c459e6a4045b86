//! Tests of the whole crate.

mod golden;
mod rejects;
mod runs;
mod toy;

use crate as crate_under_test;
