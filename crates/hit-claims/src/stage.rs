//! The stage that judges a campaign.

use std::collections::BTreeMap;

use hit_schema::Observation;
use hit_stage::{Context, Stage, StageError};
use hit_stats::Measurement;
use serde::{Deserialize, Serialize};

use crate::{Error, Ledger, Published, Setting, Verdict};

/// Judges the claims of a ledger.
///
/// Inputs: `claims` (the ledger), `published` (published values), `measurements` and `observations` of the campaign.
/// Outputs: `json` and `csv`, the verdicts in the order of the ledger.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// Numbers known before the campaign, by the names of [`Ledger::judge`].
    pub known: BTreeMap<String, f64>,
    /// What the campaign is.
    pub setting: Setting,
}

impl Stage for Judge {
    const KIND: &'static str = "claims";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["json", "csv"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let claims = &cx.file("claims")?.path;
        let ledger = Ledger::read(claims)?;
        let published = Published::read(&cx.file("published")?.path)?;
        let path = &cx.file("measurements")?.path;
        let rows = Measurement::read(path).map_err(StageError::failed)?;
        let observations = Observation::read(&cx.file("observations")?.path)?;
        let verdicts = ledger.judge(&rows, &observations, &published, &self.known, &self.setting);
        let verdicts = verdicts.map_err(|error: Error| error.of(claims))?;
        cx.write("json", Verdict::to_json(&verdicts))?;
        cx.write("csv", Verdict::to_csv(&verdicts))
    }
}
