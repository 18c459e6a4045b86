//! The course of a training run, one row an epoch.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Means over the steps of one epoch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HistoryRow {
    /// 1-based.
    pub epoch: usize,
    /// Optimiser steps finished at its end.
    pub step: u64,
    /// Mean total loss (spec 6).
    pub loss: f64,
    /// Mean invariance term, unweighted.
    pub invariance: f64,
    /// Mean variance term, unweighted.
    pub variance: f64,
    /// Mean covariance term, unweighted.
    pub covariance: f64,
    /// Mean of what the loss holds beside L(audio, MIDI): comparisons with a third tower, penalties of experts.
    pub auxiliary: f64,
    /// Mean global gradient norm before clipping.
    pub grad_norm: f64,
    /// Schedule factor at its last step.
    pub lr_factor: f64,
}

impl HistoryRow {
    /// CSV text with a header.
    ///
    /// # Panics
    /// Never: memory takes every row.
    pub fn to_csv(rows: &[Self]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.serialize(row).expect("writing to memory");
        }
        String::from_utf8(writer.into_inner().expect("writing to memory")).expect("CSV of numbers is text")
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// [`Error::Format`] with the line.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = fs_err::read(path)?;
        let rows = csv::Reader::from_reader(text.as_slice()).into_deserialize().collect::<Result<_, _>>();
        rows.map_err(|error| Error::format(path, "history", error))
    }
}
