//! `all` and `stage`: run what is needed; after everything ran, write the results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use hit_engine::{Failure, Graph, NotRun, RunOptions, Selection, Summary};
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::commands::scores::{Score, scores, scores_table};
use crate::commands::{claims, report};
use crate::exit::Exit;
use crate::interrupt::cancel_on_interrupt;
use crate::output::{plural, print, print_json, put, shown};
use crate::progress::Reporter;
use crate::project::{Compute, Project};
use crate::provenance::Run;
use crate::sharing;
use crate::system::duration_text;

/// Runs the stages that `names` select (everything if empty).
///
/// # Errors
/// [`Error`]; failed stages are part of the summary.
pub fn run(options: &Options, names: &[String]) -> Result<Exit, Error> {
    let started = SystemTime::now();
    let clock = Instant::now();
    let energy = crate::system::energy_joules();
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let graph = project.graph(&compute)?;
    let selection = project.selection(&graph, names)?;
    let run_options = project.run_options(&compute);
    if !options.quiet {
        eprintln!("{}", headline(&project, &compute, &run_options, &selection));
    }
    let engine = project.engine(&compute);
    let reporter = Reporter::new(selection.ids.len(), options.quiet);
    let summary = engine.run(&graph, &selection, &run_options, &reporter, &cancel_on_interrupt(options.quiet))?;
    reporter.finish();
    let took = clock.elapsed();
    let mut report = Report::new(&project.name, summary);
    if report.summary.complete() && project.whole(&graph, &selection) {
        let durations = reporter.durations();
        // A counter that started again in between tells nothing.
        let used = energy.zip(crate::system::energy_joules()).map(|(before, after)| after - before);
        let energy_joules = used.filter(|joules| *joules >= 0.0);
        let (options, summary) = (&run_options, &report.summary);
        let facts =
            Run { project: &project, compute: &compute, options, summary, started, took, energy_joules, durations }
                .facts(&graph);
        let results = project.results();
        engine.export(&graph, &results, &facts)?;
        report.scores = scores(&results)?;
        report.pdf = pdf(&graph).map(|path| results.join(path));
        report.claims = claims::verdicts(&results.join(claims::CLAIMS))?.map(|verdicts| claims::counts(&verdicts));
        report.page = Some(report::write(&project, None)?.file);
        report.results = Some(results);
    }
    match options.format {
        Format::Json => print_json(&report.printed(took))?,
        _ => print(&report.text(took, names.is_empty()))?,
    }
    Ok(report.exit())
}

fn headline(project: &Project, compute: &Compute, options: &RunOptions, selection: &Selection) -> String {
    let devices = match sharing::words(&compute.devices, options) {
        Some(words) => format!("{}, {words}", compute.backend),
        None => format!("{} on {}", compute.backend, compute.devices.join(", ")),
    };
    format!(
        "profile {}: {}\n{devices}, {} at once with {} each, {}",
        project.name,
        project.profile.description,
        plural(options.jobs, "stage"),
        plural(options.threads_per_stage, "thread"),
        plural(selection.ids.len(), "stage"),
    )
}

/// Where the graph exports the paper to.
fn pdf(graph: &Graph) -> Option<String> {
    let exports = graph.nodes().iter().filter(|node| node.stage.kind() == "pdf").flat_map(|node| &node.exports);
    exports.map(|export| export.path.clone()).next()
}

/// What a run did, as shown at its end.
struct Report {
    profile: String,
    summary: Summary,
    /// Folder of the results, if they were written.
    results: Option<PathBuf>,
    /// The paper, if there is LaTeX.
    pdf: Option<PathBuf>,
    scores: Vec<Score>,
    /// How the claims came out.
    claims: Option<String>,
    /// The results as one HTML file.
    page: Option<PathBuf>,
}

/// The same as `--format json` prints it.
#[derive(Serialize)]
struct Printed<'a> {
    profile: &'a str,
    seconds: f64,
    executed: usize,
    cached: usize,
    failed: &'a [Failure],
    not_run: &'a [NotRun],
    cancelled: bool,
    executed_stages: &'a [String],
    results: Option<&'a Path>,
    pdf: Option<&'a Path>,
    page: Option<&'a Path>,
    scores: &'a [Score],
}

impl Report {
    fn new(profile: &str, summary: Summary) -> Self {
        let (profile, scores) = (profile.to_owned(), Vec::new());
        Self { profile, summary, results: None, pdf: None, scores, claims: None, page: None }
    }

    fn printed(&self, took: Duration) -> Printed<'_> {
        let summary = &self.summary;
        Printed {
            profile: &self.profile,
            seconds: took.as_secs_f64(),
            executed: summary.executed.len(),
            cached: summary.cached.len(),
            failed: &summary.failed,
            not_run: &summary.not_run,
            cancelled: summary.cancelled,
            executed_stages: &summary.executed,
            results: self.results.as_deref(),
            pdf: self.pdf.as_deref(),
            page: self.page.as_deref(),
            scores: &self.scores,
        }
    }

    fn exit(&self) -> Exit {
        match &self.summary {
            summary if !summary.failed.is_empty() => Exit::StageFailed,
            summary if summary.cancelled => Exit::Interrupted,
            summary if !summary.not_run.is_empty() => Exit::StageFailed,
            _ => Exit::Ok,
        }
    }

    fn text(&self, took: Duration, everything: bool) -> String {
        let summary = &self.summary;
        let (executed, cached) = (plural(summary.executed.len(), "stage"), summary.cached.len());
        let mut out = format!("{executed} executed, {cached} cached in {}\n", duration_text(took));
        for failure in &summary.failed {
            put(&mut out, format_args!("failed: {}\n    {}\n", failure.stage, failure.error.replace('\n', "\n    ")));
        }
        for (because, stages) in not_run_by_cause(&summary.not_run) {
            let what = if because == "stopped" { "stopped".to_owned() } else { format!("{because} failed") };
            put(&mut out, format_args!("not run, since {what}: {}\n", listed(&stages)));
        }
        if summary.cancelled {
            out.push_str("interrupted: the same command goes on from here\n");
        }
        if !self.scores.is_empty() {
            out.push('\n');
            out.push_str(&scores_table(&self.scores));
            out.push('\n');
        }
        if let Some(claims) = &self.claims {
            put(&mut out, format_args!("claims:  {claims} (`hitrepro claims`)\n"));
        }
        match (&self.results, &self.pdf) {
            (Some(results), Some(pdf)) => {
                put(&mut out, format_args!("results: {}\npaper:   {}\n", shown(results), shown(pdf)));
            }
            (Some(results), None) => {
                let advice = hit_report::latex::ADVICE;
                put(&mut out, format_args!("results: {}\npaper:   LaTeX sources only; {advice}\n", shown(results)));
            }
            _ if self.exit() == Exit::Ok && !everything => {
                out.push_str("results are written by `hitrepro all`, when every stage is done\n");
            }
            _ => {}
        }
        if let Some(page) = &self.page {
            put(&mut out, format_args!("report:  {}\n", shown(page)));
        }
        out
    }
}

fn not_run_by_cause(not_run: &[NotRun]) -> BTreeMap<&str, Vec<&str>> {
    let mut causes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for NotRun { stage, because } in not_run {
        causes.entry(because).or_default().push(stage);
    }
    causes
}

/// At most four names and how many more there are.
fn listed(stages: &[&str]) -> String {
    match stages.split_at_checked(4) {
        Some((head, rest)) if !rest.is_empty() => format!("{} and {} more", head.join(", "), rest.len()),
        _ => stages.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(summary: Summary) -> Report {
        Report::new("smoke", summary)
    }

    #[test]
    fn the_end_says_what_failed_and_what_was_therefore_not_run() {
        let not_run = |n: usize| NotRun { stage: format!("stage/{n}"), because: "train/x".into() };
        let summary = Summary {
            executed: vec!["a".into()],
            cached: vec!["b".into(), "c".into()],
            failed: vec![Failure { stage: "train/x".into(), error: "loss is NaN\nat step 3".into() }],
            not_run: (0..6).map(not_run).collect(),
            cancelled: false,
        };
        let report = report(summary);
        assert_eq!(report.exit(), Exit::StageFailed);
        insta::assert_snapshot!(report.text(Duration::from_secs(75), true));
        insta::assert_snapshot!(crate::output::json(&report.printed(Duration::from_millis(1500))).unwrap());
    }

    #[test]
    fn interruption_is_no_failure() {
        let not_run = vec![NotRun { stage: "a".into(), because: "stopped".into() }];
        let stopped = report(Summary { cancelled: true, not_run, ..Summary::default() });
        assert_eq!(stopped.exit(), Exit::Interrupted);
        let text = stopped.text(Duration::ZERO, true);
        assert!(text.contains("not run, since stopped: a") && text.contains("goes on from here"), "{text}");
        assert_eq!(report(Summary::default()).exit(), Exit::Ok);
    }
}
