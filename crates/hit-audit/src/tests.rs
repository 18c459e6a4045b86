//! Tests of the whole, and what they share.

mod expressions;
mod grids;
mod hostile;
mod other;
mod paper;
mod patterns;
mod ranges;
mod reading;
mod rules;
mod searches;
mod stage;
mod statistics;
mod tables;
mod writing;

use crate::{Audit, Finding, Verdict};

/// One leaf of a file of published values.
fn leaf(value: &str) -> String {
    format!("{{ value = {value}, unit = \"\", source = \"paper Table 1\" }}\n")
}

/// A file with these leaves, each `path value`.
fn published(leaves: &[(&str, &str)]) -> String {
    let lines: Vec<String> = leaves.iter().map(|(path, value)| format!("{path} = {}", leaf(value))).collect();
    lines.concat()
}

/// The findings of one rule, given without its id.
fn audit(leaves: &[(&str, &str)], rule: &str) -> Result<Vec<Finding>, String> {
    audit_text(&published(leaves), &format!("[[rule]]\nid = \"r\"\n{rule}"))
}

/// The findings of two texts.
fn audit_text(published: &str, rules: &str) -> Result<Vec<Finding>, String> {
    let audit = Audit::of(("p.toml", published), ("a.toml", rules));
    audit.and_then(|audit| audit.findings()).map_err(|error| error.to_string())
}

/// The one verdict of one rule.
#[track_caller]
fn verdict(leaves: &[(&str, &str)], rule: &str) -> Verdict {
    let findings = audit(leaves, rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings[0].verdict
}

/// The verdict on one statement.
#[track_caller]
fn says(leaves: &[(&str, &str)], that: &str) -> Verdict {
    verdict(leaves, &format!("rule = \"statement\"\nthat = \"{that}\""))
}
