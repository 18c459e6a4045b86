//! `verify`: whether the results are what the lock says, the lock what this program would make, and the pure stages
//! give the same bytes again. Needs neither a cache nor a corpus nor a GPU.

use std::path::PathBuf;

use hit_engine::{Check, Level, Lock, Verdict};
use hit_report::latex::{self, Engine as Latex};
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::interrupt::cancel_on_interrupt;
use crate::output::{columns, plural, print, print_json, put};
use crate::progress::Reporter;
use crate::project::{Compute, Project};

/// A line of `verify --format json`: a contract.
#[derive(Serialize)]
struct Row<'a> {
    artifact: &'a str,
    level: Level,
    outcome: Verdict,
    detail: Option<&'a str>,
}

/// Checks the results of the profile; with `strict` a check that could not be made counts as stale.
///
/// # Errors
/// [`Error`]; what is wrong with the results is an [`Exit`].
pub fn verify(options: &Options, strict: bool) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let results = project.results();
    // A lock that cannot be read is a finding, which the engine reports.
    let lock = Lock::read(&results.join("pipeline.lock")).ok().flatten();
    let compute = Compute { devices: vec!["cpu".to_owned()], backend: backend(lock.as_ref()) };
    let here = latex::find_engine();
    let graph = project.graph_for(&compute, latex_of(lock.as_ref(), here.as_ref()))?;
    let engine = project.engine(&compute);
    // The engine also reports the stand-ins for what the results give: only the checks are of interest here.
    let reporter = Reporter::new(0, true);
    let run_options = project.run_options(&compute);
    let cancel = cancel_on_interrupt(options.quiet);
    let checks = engine.verify_with(&graph, &results, &run_options, &reporter, &cancel)?;
    reporter.finish();
    if cancel.requested() {
        return Ok(Exit::Interrupted);
    }
    let rows = checks.iter().map(|check| {
        let Check { artifact, level, outcome, detail } = check;
        Row { artifact, level: *level, outcome: *outcome, detail: detail.as_deref() }
    });
    match options.format {
        Format::Json => print_json(&rows.collect::<Vec<_>>())?,
        _ => print(&text(&checks))?,
    }
    Ok(exit(&checks, strict))
}

/// The backend that the results were made on; it enters keys and the report.
fn backend(lock: Option<&Lock>) -> String {
    let stated = lock.iter().flat_map(|lock| lock.stages.values()).find_map(|stage| stage.backend.clone());
    stated.unwrap_or_else(|| hit_model::backend_name("cpu").to_owned())
}

/// The LaTeX that the results were made with, which need not be here: the graph must have a stage for the PDF exactly
/// if the lock has one, and with the engine that the lock states.
fn latex_of(lock: Option<&Lock>, here: Option<&Latex>) -> Option<Latex> {
    let pdf = lock?.stages.values().find(|stage| stage.kind == "pdf")?;
    let version = pdf.params.get("engine")?.as_str()?;
    let absent = || Latex { program: PathBuf::from("pdflatex"), version: version.to_owned() };
    Some(here.filter(|here| here.version == version).cloned().unwrap_or_else(absent))
}

/// Mismatch outranks stale; a file that is missing is a mismatch, results that never were are stale.
fn exit(checks: &[Check], strict: bool) -> Exit {
    let any = |verdict| checks.iter().any(|check| check.outcome == verdict);
    let never = |check: &Check| check.outcome == Verdict::Missing && check.level == Level::L0;
    if any(Verdict::Mismatch) || checks.iter().any(|check| check.outcome == Verdict::Missing && !never(check)) {
        return Exit::Mismatch;
    }
    if any(Verdict::Stale) || checks.iter().any(never) || (strict && any(Verdict::Skipped)) {
        return Exit::Stale;
    }
    Exit::Ok
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Stale => "stale",
        Verdict::Mismatch => "mismatch",
        Verdict::Missing => "missing",
        Verdict::Skipped => "skipped",
    }
}

fn text(checks: &[Check]) -> String {
    let bad = checks.iter().filter(|check| check.outcome != Verdict::Ok);
    let cells = bad.map(|check| {
        let level = format!("{:?}", check.level);
        vec![level, word(check.outcome).to_owned(), check.artifact.clone(), check.detail.clone().unwrap_or_default()]
    });
    let mut out = columns(&["level", "outcome", "artifact", "why"], &[], cells);
    if !out.is_empty() {
        out.push('\n');
    }
    let meanings = [
        (Level::L0, "the lock, and its keys against this program"),
        (Level::L1, "files against the lock"),
        (Level::L2, "pure stages run again, byte for byte"),
    ];
    for (level, meaning) in meanings {
        let of = |verdict| checks.iter().filter(|check| check.level == level && check.outcome == verdict).count();
        let verdicts = [Verdict::Ok, Verdict::Stale, Verdict::Mismatch, Verdict::Missing, Verdict::Skipped];
        let counts: Vec<String> = verdicts
            .into_iter()
            .map(|verdict| (of(verdict), word(verdict)))
            .filter(|(n, name)| *n > 0 || *name == "ok")
            .map(|(n, name)| format!("{n} {name}"))
            .collect();
        put(&mut out, format_args!("{level:?} {meaning}: {}\n", counts.join(", ")));
    }
    let skipped = checks.iter().filter(|check| check.outcome == Verdict::Skipped).count();
    if skipped > 0 {
        put(&mut out, format_args!("{} could not be made; that is no pass\n", plural(skipped, "check")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(artifact: &str, level: Level, outcome: Verdict) -> Check {
        let detail = (outcome != Verdict::Ok).then(|| "why".to_owned());
        Check { artifact: artifact.into(), level, outcome, detail }
    }

    #[test]
    fn the_worst_finding_decides() {
        use Level::{L0, L1, L2};
        let of = |checks: &[(Level, Verdict)], strict| {
            let checks: Vec<Check> = checks.iter().map(|&(level, verdict)| check("x", level, verdict)).collect();
            exit(&checks, strict)
        };
        assert_eq!(of(&[(L0, Verdict::Ok), (L2, Verdict::Ok)], true), Exit::Ok);
        assert_eq!(of(&[(L0, Verdict::Stale)], false), Exit::Stale);
        assert_eq!(of(&[(L0, Verdict::Stale), (L1, Verdict::Mismatch)], false), Exit::Mismatch);
        assert_eq!(of(&[(L1, Verdict::Missing)], false), Exit::Mismatch);
        assert_eq!(of(&[(L0, Verdict::Missing)], false), Exit::Stale);
        assert_eq!(of(&[(L2, Verdict::Skipped)], false), Exit::Ok);
        assert_eq!(of(&[(L2, Verdict::Skipped)], true), Exit::Stale);
    }

    #[test]
    fn text_shows_what_is_wrong_and_counts_the_rest() {
        let checks = [
            check("pipeline.lock", Level::L0, Verdict::Ok),
            check("train/x", Level::L0, Verdict::Stale),
            check("measurements.csv", Level::L1, Verdict::Mismatch),
            check("numbers.tex", Level::L1, Verdict::Ok),
            check("pdf:pdf", Level::L2, Verdict::Skipped),
        ];
        insta::assert_snapshot!(text(&checks));
    }

    #[test]
    fn json_is_a_contract() {
        let row =
            Row { artifact: "train/x", level: Level::L0, outcome: Verdict::Stale, detail: Some("code of hit-train") };
        let fine = Row { artifact: "a.csv", level: Level::L1, outcome: Verdict::Ok, detail: None };
        insta::assert_snapshot!(crate::output::json(&[row, fine]).unwrap());
    }

    /// A lock with one trained stage and one PDF.
    fn lock() -> Lock {
        let stage = |kind: &str, backend: Option<&str>, params: serde_json::Value| {
            let mut stage = serde_json::json!({
                "kind": kind, "key": hit_stage::Digest::of(b""), "crates": ["c"], "params": params,
                "inputs": {}, "outputs": {}, "exports": {},
            });
            if let Some(backend) = backend {
                stage["backend"] = backend.into();
            }
            stage
        };
        let stages = serde_json::json!({
            "embed/x": stage("embed", Some("cuda"), serde_json::json!({})),
            "pdf": stage("pdf", None, serde_json::json!({"engine": "pdfTeX 1"})),
        });
        let lock =
            serde_json::json!({"format": 1, "campaign": hit_stage::Digest::of(b""), "code": {}, "stages": stages});
        serde_json::from_value(lock).unwrap()
    }

    #[test]
    fn results_are_checked_as_the_machine_that_made_them_would() {
        let lock = lock();
        assert_eq!(backend(Some(&lock)), "cuda");
        let here = |version: &str| Latex { program: "tectonic".into(), version: version.into() };
        let same = latex_of(Some(&lock), Some(&here("pdfTeX 1"))).unwrap();
        assert_eq!((same.program, same.version), ("tectonic".into(), "pdfTeX 1".into()));
        // Another engine, or none: the graph still has the stage of the lock, and re-running it is what is skipped.
        assert_eq!(latex_of(Some(&lock), Some(&here("pdfTeX 2"))).unwrap().version, "pdfTeX 1");
        assert_eq!(latex_of(Some(&lock), None).unwrap().version, "pdfTeX 1");
        let mut without = lock;
        without.stages.remove("pdf");
        assert_eq!(latex_of(Some(&without), Some(&here("pdfTeX 1"))), None);
    }

    #[test]
    fn results_without_a_lock_are_checked_as_this_machine_would_make_them() {
        assert_eq!(backend(None), "flex");
        assert_eq!(latex_of(None, None), None);
    }
}
