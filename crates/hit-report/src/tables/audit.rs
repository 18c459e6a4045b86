//! What arithmetic says of the published numbers, with the working; what is consistent is counted.

use hit_audit::{Finding, Verdict};

use super::TableDef;
use crate::error::Error;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "audit",
    number: None,
    title: "Published numbers that do not agree with each other",
    inputs: &[Input::Audit],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("check", "Check", Align::Wrap(26)),
        Column::new("source", "Where", Align::Wrap(21)),
        Column::new("printed", "Printed", Align::Wrap(25)),
        Column::new("computed", "Computed", Align::Wrap(25)),
        Column::new("working", "Working", Align::Wrap(46)),
    ]);
    sheet.long = Some("auditcaption");
    sheet.note("Places of the single numbers, and all checks that are consistent, are in audit.csv.");
    let findings = sources.audit()?;
    for (verdict, heading) in [
        (Verdict::Inconsistent, "No numbers that round to the printed ones fulfil it"),
        (Verdict::CannotTell, "The printed digits leave it open"),
    ] {
        let mut of = findings.iter().filter(|finding| finding.verdict == verdict).peekable();
        if of.peek().is_some() {
            sheet.group(heading);
        }
        of.for_each(|finding| sheet.row(row(finding)));
    }
    Ok(sheet)
}

fn row(finding: &Finding) -> Vec<Cell> {
    let Finding { id, source, printed, computed, working, .. } = finding;
    // Where the statement stands; the numbers' own places are in the file of findings.
    let stated = source.split(" | ").next().unwrap_or(source);
    [id, stated, printed, computed, working].map(|text| Cell::Paths(text.to_owned())).to_vec()
}
