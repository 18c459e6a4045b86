//! Results as one HTML file, and the difference between two results folders.
//!
//! [`Results::read`] takes a folder as `hitrepro all` leaves it. [`html`] makes one self-contained page of it: claims, tables,
//! figures, all measurements, and for every number the stage, key and digest that it comes from. [`diff`] holds two folders
//! against each other. Nothing here computes a result.

mod diff;
mod error;
mod html;
mod provenance;
mod results;
mod source;
mod svg;

#[cfg(test)]
#[path = "../tests/fixture/mod.rs"]
mod fixture;

pub use diff::{Agreement, Diff, Difference, Fact, Flip, Only, Root, Side, Stages, Tolerance, Value, diff};
pub use error::Error;
pub use html::{Titled, Titles, html};
pub use provenance::{Checkout, Hardware, Provenance};
pub use results::{Absent, Results, Table};
pub use source::{Source, Sources};
