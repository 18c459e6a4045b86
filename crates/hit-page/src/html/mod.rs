//! The page: one file with everything in it, made from a template, a style sheet and a script.
//!
//! It can be read without the script: claims, tables, figures and facts stand in the document. The script adds sorting,
//! filters, the table of all measurements (which are too many to stand in a document) and the way back from a number to
//! its stages. Everything that comes from files is escaped; figures are rewritten by [`crate::svg`].

mod data;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hit_claims::{Kind, Outcome, Power, Verdict};
use serde::Serialize;
use tera::{Context, Tera};

use crate::results::Table;
use crate::svg::drawing;
use crate::{Error, Results, Sources};

pub(crate) use data::escape;

const TEMPLATE: &str = include_str!("page.html.tera");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page is called and what its tables and figures are called, which the results do not say.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Titles {
    /// The page's heading.
    pub heading: String,
    /// What was run, on what: profile and corpus in words.
    pub setting: String,
    /// Whether the numbers may be compared with those of the paper. If not, the page says so first.
    pub comparable: bool,
    /// Titles of tables, in the order in which they are shown. A table without one comes after them under its own name.
    pub tables: Vec<Titled>,
    /// Titles of figures, in the order in which they are shown.
    pub figures: Vec<Titled>,
}

/// A table or figure and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Titled {
    /// File name without extension.
    pub id: String,
    /// Number as printed: `2`, `R1`. May be empty.
    pub number: String,
    /// Title.
    pub title: String,
}

/// Claims under one heading.
#[derive(Serialize)]
struct Group<'a> {
    title: &'a str,
    /// Claims by outcome, in the order of [`Outcome::ALL`].
    counts: [usize; 4],
    /// Those that could be tested, then those that could not, folded.
    parts: Vec<Part<'a>>,
}

/// Claims of a group that are shown, or folded.
#[derive(Serialize)]
struct Part<'a> {
    folded: bool,
    claims: Vec<ClaimView<'a>>,
}

impl<'a> Group<'a> {
    fn of(title: &'a str, verdicts: &[&'a Verdict], option: &str) -> Self {
        let counts = Outcome::ALL.map(|outcome| verdicts.iter().filter(|verdict| verdict.outcome == outcome).count());
        let part = |folded: bool| {
            let own = verdicts.iter().filter(|verdict| (verdict.outcome == Outcome::NotTestable) == folded);
            Part { folded, claims: own.map(|verdict| claim(verdict, option)).collect() }
        };
        let parts = [part(false), part(true)].into_iter().filter(|part| !part.claims.is_empty()).collect();
        Self { title, counts, parts }
    }
}

#[derive(Serialize)]
struct ClaimView<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    command: String,
    outcome_id: &'static str,
    outcome_words: &'static str,
    form_words: &'static str,
    ours_text: Option<String>,
    interval_text: Option<String>,
    published_text: Option<String>,
    power_text: Option<String>,
}

#[derive(Serialize)]
struct Count {
    id: &'static str,
    words: &'static str,
    n: usize,
}

#[derive(Serialize)]
struct TableView {
    id: String,
    name: String,
    title: String,
    head: Vec<tables::Head>,
    rows: Vec<Vec<tables::Cell>>,
    origin: Option<Origin>,
}

#[derive(Serialize)]
struct FigureView {
    id: String,
    name: String,
    title: String,
    svg: Option<String>,
    refused: Option<String>,
    adapts: bool,
    marks: Vec<Mark>,
    table: Option<String>,
    origin: Option<Origin>,
}

/// A value of a figure in words, already escaped.
#[derive(Serialize)]
struct Mark {
    name: String,
    value: String,
}

/// Where a file among the results comes from.
#[derive(Serialize)]
struct Origin {
    stage: String,
    key: String,
    digest: String,
    command: String,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
}

/// The page.
///
/// # Errors
/// [`Error::Page`], a bug.
pub fn html(results: &Results, titles: &Titles) -> Result<String, Error> {
    let fail = |error: tera::Error| Error::Page(chain(&error));
    let mut tera = Tera::new();
    tera.autoescape_on(vec![".tera"]);
    tera.add_raw_templates(vec![("page.html.tera", TEMPLATE)]).map_err(fail)?;
    let tables = tables(results, titles);
    let figures = figures(results, titles);
    let mut context = Context::new();
    context.insert("heading", if titles.heading.is_empty() { "Results" } else { &titles.heading });
    context.insert("setting", &titles.setting);
    context.insert("comparable", &titles.comparable);
    context.insert("style", STYLE);
    context.insert("script", SCRIPT);
    context.insert("claims", &claims(results));
    context.insert("counts", &counts(results));
    context.insert("tables", &tables);
    context.insert("figures", &figures);
    context.insert("measurements", &results.measurements.len());
    context.insert("facts", &facts(results));
    context.insert("absent", &results.absent);
    context.insert("stages", &results.lock.as_ref().map_or(0, |lock| lock.stages.len()));
    context.insert("campaign", &results.lock.as_ref().map(|lock| lock.campaign.to_string()));
    context.insert("data", &data::json(results, &Sources::of(results)));
    tera.render("page.html.tera", &context).map_err(fail)
}

/// An error with all its causes.
fn chain(error: &tera::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Verdicts under their headings, in their order.
fn claims(results: &Results) -> Vec<Group<'_>> {
    let option = data::profile_option(profile(results));
    let mut groups: Vec<(&str, Vec<&Verdict>)> = Vec::new();
    for verdict in &results.claims {
        let title = if verdict.group.is_empty() { "Further claims" } else { &verdict.group };
        match groups.last_mut() {
            Some((last, verdicts)) if *last == title => verdicts.push(verdict),
            _ => groups.push((title, vec![verdict])),
        }
    }
    groups.into_iter().map(|(title, verdicts)| Group::of(title, &verdicts, &option)).collect()
}

fn claim<'a>(verdict: &'a Verdict, option: &str) -> ClaimView<'a> {
    let Verdict { ours, published, power, outcome, .. } = verdict;
    let unit = ours.as_ref().map_or("", |ours| ours.unit.as_str());
    let with = |value: f64| format!("{} {unit}", of_unit(value, unit)).trim_end().to_owned();
    let interval = ours.as_ref().and_then(|ours| ours.interval);
    ClaimView {
        verdict,
        command: format!("hitrepro explain{option} {}", data::quoted(&format!("claim/{}", verdict.id))),
        outcome_id: outcome_id(*outcome),
        outcome_words: outcome.words(),
        form_words: verdict.form.words(),
        ours_text: ours.as_ref().map(|ours| with(ours.value)),
        interval_text: interval.map(|(low, high)| format!("{} to {}", of_unit(low, unit), of_unit(high, unit))),
        published_text: published.map(with),
        power_text: power.as_ref().map(power_words),
    }
}

/// What a test of this size can find, in a sentence. The `effect` of an agreement is the tolerance of the rule.
fn power_words(power: &Power) -> String {
    let with = |value: f64| format!("{} {}", of_unit(value, &power.unit), power.unit).trim_end().to_owned();
    let (thing, which) = match power.kind {
        Kind::Effect => ("an effect of", "the published size"),
        Kind::Agreement => ("agreement within", "the tolerance of the rule"),
    };
    let known = power
        .effect
        .zip(power.at_effect)
        .map(|(effect, at)| format!("{} to show {thing} {}, {which}; ", probability(at), with(effect)));
    let target = format!("{} to show {thing} {}", probability(power.target), with(power.detectable));
    format!("{}{target}", known.unwrap_or_default())
}

/// A probability in percent, never 0 % or 100 %, which it never is.
fn probability(share: f64) -> String {
    match share * 100.0 {
        percent if percent < 0.5 => "less than 1 %".to_owned(),
        percent if percent > 99.5 => "more than 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// An outcome as a class of the style sheet.
fn outcome_id(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Holds => "holds",
        Outcome::DoesNotHold => "does_not_hold",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NotTestable => "not_testable",
    }
}

fn counts(results: &Results) -> Vec<Count> {
    let n = |outcome| results.claims.iter().filter(|verdict| verdict.outcome == outcome).count();
    Outcome::ALL.map(|outcome| Count { id: outcome_id(outcome), words: outcome.words(), n: n(outcome) }).into()
}

/// A number as its unit wants it: one decimal for percents and points, as in the tables.
fn of_unit(value: f64, unit: &str) -> String {
    match unit {
        "%" | "pp" => format!("{value:.1}").replace('-', "−"),
        _ => short(value),
    }
}

/// Four significant digits, and a sign that is one.
fn short(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        _ if !(1e-4..1e7).contains(&size) => format!("{value:.2e}"),
        _ => {
            let decimals = (0..8).find(|decimals| size * 10_f64.powi(*decimals) >= 1e3).unwrap_or(8) as usize;
            let text = format!("{value:.decimals$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    };
    text.replace('-', "−")
}

/// Names in the order of the titles, then the others; with number and title.
fn ordered<'a, T>(
    found: &'a BTreeMap<String, T>,
    titles: &[Titled],
    word: &str,
) -> Vec<(&'a String, &'a T, String, String)> {
    let named = titles.iter().filter_map(|titled| {
        let (id, thing) = found.get_key_value(&titled.id)?;
        let name = if titled.number.is_empty() { String::new() } else { format!("{word} {}", titled.number) };
        Some((id, thing, name, titled.title.clone()))
    });
    let others = found.iter().filter(|(id, _)| titles.iter().all(|titled| titled.id != **id));
    named.chain(others.map(|(id, thing)| (id, thing, String::new(), id.clone()))).collect()
}

fn tables(results: &Results, titles: &Titles) -> Vec<TableView> {
    let view = |(id, table, name, title): (&String, &Table, String, String)| {
        let (head, rows) = tables::view(table);
        TableView { id: anchor(id), name, title, head, rows, origin: origin(results, &format!("tables/{id}.csv")) }
    };
    ordered(&results.tables, &titles.tables, "Table").into_iter().map(view).collect()
}

fn figures(results: &Results, titles: &Titles) -> Vec<FigureView> {
    let view = |(id, text, name, title): (&String, &String, String, String)| {
        let anchor = anchor(id);
        let label = format!("{name} {title}");
        let label = label.trim();
        let drawn = drawing(text, label, &format!("figure-{anchor}-about"));
        let (drawn, refused) = match drawn {
            Ok(drawn) => (Some(drawn), None),
            Err(why) => (None, Some(why)),
        };
        let marks = drawn.iter().flat_map(|drawn| &drawn.marks).map(|mark| {
            let (name, value) = mark.split_once(": ").unwrap_or(("", mark));
            Mark { name: name.to_owned(), value: value.to_owned() }
        });
        FigureView {
            marks: marks.collect(),
            table: results.tables.contains_key(id).then(|| anchor.clone()),
            id: anchor,
            name,
            title,
            adapts: drawn.as_ref().is_some_and(|drawn| drawn.adapts),
            svg: drawn.map(|drawn| drawn.svg),
            refused,
            origin: origin(results, &format!("figures/{id}.svg")),
        }
    };
    ordered(&results.figures, &titles.figures, "Figure").into_iter().map(view).collect()
}

/// A name as part of an id: letters, digits and hyphens.
fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Name of the profile, empty if not stated.
fn profile(results: &Results) -> &str {
    results.provenance.as_ref().map(|provenance| provenance.profile.as_str()).unwrap_or_default()
}

/// The stage that exports a file, as the lock says.
fn origin(results: &Results, path: &str) -> Option<Origin> {
    let stages = &results.lock.as_ref()?.stages;
    let (id, stage, file) = stages.iter().find_map(|(id, stage)| Some((id, stage, stage.exports.get(path)?)))?;
    Some(Origin {
        stage: id.clone(),
        key: stage.key.to_string(),
        digest: file.digest.to_string(),
        command: format!("hitrepro explain{} {}", data::profile_option(profile(results)), data::quoted(path)),
    })
}

fn facts(results: &Results) -> Vec<Fact> {
    let Some(run) = &results.provenance else { return Vec::new() };
    let mut facts = Vec::new();
    let mut fact = |name, value: Option<String>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| Fact { name, value }));
    };
    fact("Profile", Some(run.profile.clone()));
    fact("Hardware", run.hardware.as_ref().map(crate::Hardware::words));
    fact("Backend and devices", run.backend.as_ref().map(|backend| format!("{backend} on {}", run.devices.join(", "))));
    fact("Commit", run.checkout.as_ref().map(crate::Checkout::words));
    fact("Begin", run.started.clone());
    fact("End", run.finished.clone());
    fact("Time of the last run", run.seconds.map(duration));
    let all: f64 = run.stage_seconds.values().sum();
    fact("Time of all stages, each from the run that executed it", (all > 0.0).then(|| duration(all)));
    let energy = run.energy_joules.map_or_else(
        || "not measured: this processor does not tell".to_owned(),
        |joules| format!("{} kJ ({} Wh), with everything else that ran", short(joules / 1e3), short(joules / 3600.0)),
    );
    fact("Energy of the last run", Some(energy));
    let stages = run.executed.zip(run.cached);
    fact("Stages", stages.map(|(executed, cached)| format!("{executed} executed, {cached} found in the cache")));
    fact("Models at once on a GPU", run.slots_per_gpu.map(|slots| slots.to_string()));
    let jobs = run.jobs.zip(run.threads_per_stage);
    fact("Parallel", jobs.map(|(jobs, threads)| format!("stages at once: {jobs}; threads of each: {threads}")));
    fact("Program", run.hitrepro.as_ref().map(|version| format!("hitrepro {version}")));
    fact("Compiler", run.rust.clone());
    fact("LaTeX", run.latex.clone());
    facts
}

/// `1 h 02 min`, `3 min 05 s`, `12.3 s`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}
