//! The audit as a stage of the campaign, so that the paper can print it.

use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::{Audit, csv};

/// Applies the rules to the published values: `audit`.
///
/// Inputs: `published`, `audit` (TOML). Outputs: `json` (a list of [`crate::Finding`]), `csv`. It reads nothing of the campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct AuditPaper {}

impl Stage for AuditPaper {
    const KIND: &'static str = "audit";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["json", "csv"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let text = |name: &str| -> Result<String, StageError> { Ok(fs_err::read_to_string(&cx.file(name)?.path)?) };
        let (published, audit) = (text("published")?, text("audit")?);
        // The files are named as the project has them, not as the store does.
        let findings = Audit::of(("published.toml", &published), ("audit.toml", &audit))
            .and_then(|audit| audit.findings())
            .map_err(StageError::failed)?;
        cx.write("json", hit_stage::canonical_json(&findings) + "\n")?;
        cx.write("csv", csv(&findings))
    }
}
