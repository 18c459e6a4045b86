//! Findings as text.

use crate::{Finding, Verdict};

/// The findings as comma-separated values, quoted after RFC 4180, with a line of names first and `\n` ends.
pub fn csv(findings: &[Finding]) -> String {
    let mut text = "id,rule,verdict,printed,computed,working,source,paths\n".to_owned();
    for finding in findings {
        let paths = finding.paths.join(" ");
        let fields = [
            finding.id.as_str(),
            &finding.rule,
            finding.verdict.name(),
            &finding.printed,
            &finding.computed,
            &finding.working,
            &finding.source,
            &paths,
        ];
        text.push_str(&fields.map(quoted).join(","));
        text.push('\n');
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// The findings as a table for people: those that are inconsistent, those that are open, and how many are consistent.
///
/// Each finding takes three lines: id with the place, what is printed against what is computed, the working.
pub fn table(findings: &[Finding]) -> String {
    let of = |verdict: Verdict| findings.iter().filter(move |finding| finding.verdict == verdict);
    let mut parts = Vec::new();
    for (verdict, title) in [(Verdict::Inconsistent, "Inconsistent"), (Verdict::CannotTell, "Cannot tell")] {
        let entries: Vec<String> = of(verdict).map(entry).collect();
        if !entries.is_empty() {
            parts.push(format!("{title} ({})\n\n{}\n", entries.len(), entries.join("\n")));
        }
    }
    let [consistent, broken, open] =
        [Verdict::Consistent, Verdict::Inconsistent, Verdict::CannotTell].map(|verdict| of(verdict).count());
    parts.push(format!(
        "{} checks: {consistent} consistent, {broken} inconsistent, {open} that the printed digits leave open\n",
        findings.len()
    ));
    parts.concat()
}

fn entry(finding: &Finding) -> String {
    let Finding { id, printed, computed, working, source, .. } = finding;
    format!("  {id}  [{source}]\n    printed {printed}; computed {computed}\n    {working}\n")
}
