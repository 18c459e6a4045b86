//! `explain`: from a result back to the files it comes from.

use std::path::Path;

use hit_claims::Verdict;
use hit_engine::{Engine, Explained, Graph, Origin, Source};
use hit_stage::Opened;
use hit_stats::Measurement;
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::commands::claims::{CLAIMS, verdicts};
use crate::commands::number::{NUMBERS, number};
use crate::exit::Exit;
use crate::output::{print, print_json, put};
use crate::project::Project;

/// Inputs of one stage shown in full; of more, the first few and their number.
const WIDE: usize = 6;
/// How many of them are shown then.
const SHOWN: usize = 3;

/// Shows where `what` comes from; repeated parts and wide lists only if `full`.
///
/// # Errors
/// [`Error`]; in particular if nothing is called so.
pub fn explain(options: &Options, what: &str, full: bool) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let graph = project.graph(&compute)?;
    let results = project.results();
    let engine = project.engine(&compute);
    if let Some(id) = what.strip_prefix("claim/") {
        let claim = claim(&engine, &graph, &results, id)?;
        match options.format {
            Format::Json => print_json(&claim)?,
            _ => print(&claim.text(full))?,
        }
        return Ok(Exit::Ok);
    }
    let named = of_paper(what);
    let what = named.as_deref().unwrap_or(what);
    // A key of the prose's numbers may stand by itself.
    let bare = number(&results, NUMBERS, what)?.map(|_| format!("{NUMBERS}#{what}"));
    let what = bare.as_deref().unwrap_or(what);
    let explained = engine.explain(&graph, &results, what)?;
    match options.format {
        Format::Json => print_json(&explained)?,
        _ => print(&(value(&results, &explained, what)? + &text(&explained, full)))?,
    }
    Ok(Exit::Ok)
}

/// What a table or figure is called here, if `what` is one: by the paper's number (`table/5`, `table/tab05`, `figure/fig07`) or by id with a
/// cell behind it (`table/scoreboard#d4a4`), which is looked up in the file of its cells.
fn of_paper(what: &str) -> Option<String> {
    let (kind, rest) = what.split_once('/')?;
    let (name, cell) = rest.split_once('#').map_or((rest, None), |(name, cell)| (name, Some(cell)));
    let (numbers, short) = match kind {
        "table" => (hit_report::tables::numbers(), "tab"),
        "figure" => (hit_report::figures::numbers(), "fig"),
        _ => return None,
    };
    let number = name.strip_prefix(short).unwrap_or(name).trim_start_matches('0');
    let id = numbers.iter().find(|(id, own)| **id == name || own.eq_ignore_ascii_case(number)).map(|(id, _)| *id)?;
    Some(match cell {
        Some(cell) if kind == "table" => format!("tables/{id}.csv#{cell}"),
        _ => format!("{kind}/{id}"),
    })
}

/// A claim and where the values come from that decided it.
#[derive(Serialize)]
struct ClaimExplained {
    claim: Verdict,
    from: Vec<RowExplained>,
}

/// Rows of one stage.
#[derive(Serialize)]
struct RowExplained {
    rows: Vec<String>,
    from: Explained,
}

impl ClaimExplained {
    fn text(&self, full: bool) -> String {
        let mut out = hit_claims::render(std::slice::from_ref(&self.claim));
        for part in &self.from {
            put(&mut out, format_args!("\n{}\n", part.rows.join("\n")));
            children(&mut out, std::slice::from_ref(&part.from), "", full);
        }
        out
    }
}

fn claim(engine: &Engine, graph: &Graph, results: &Path, id: &str) -> Result<ClaimExplained, Error> {
    let path = results.join(CLAIMS);
    let verdicts = verdicts(&path)?.ok_or(Error::NotComputed { path })?;
    let known = || verdicts.iter().map(|verdict| verdict.id.clone()).collect();
    let claim = verdicts.iter().find(|verdict| verdict.id == id);
    let claim =
        claim.cloned().ok_or_else(|| Error::UnknownName { what: "claim", name: id.to_owned(), known: known() })?;
    let mut from: Vec<(String, Vec<String>)> = Vec::new();
    for row in claim.ours.iter().flat_map(|ours| &ours.rows) {
        // Numbers of the configuration and observations of descriptors enter the claim itself.
        let stage = measured_by(engine, graph, row).unwrap_or_else(|| "claims".to_owned());
        match from.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, rows)) => rows.push(row.clone()),
            None => from.push((stage, vec![row.clone()])),
        }
    }
    let explained =
        |(stage, rows): (String, Vec<String>)| Ok(RowExplained { rows, from: engine.explain(graph, results, &stage)? });
    Ok(ClaimExplained { from: from.into_iter().map(explained).collect::<Result<_, Error>>()?, claim })
}

/// The stage that measured a row, named as verdicts name it: of those whose id says the experiment, the first that has it. Where nothing is in
/// the cache, the table of all measurements; none if the row is no measurement.
fn measured_by(engine: &Engine, graph: &Graph, row: &str) -> Option<String> {
    const MERGED: &str = "measurements";
    let experiment = row.split_once('/')?.0;
    let inputs = graph.node(MERGED)?.inputs.values();
    let stages = inputs.filter_map(|source| match source {
        Source::Output { stage, .. } => Some(stage),
        _ => None,
    });
    let mut named: Vec<&String> =
        stages.filter(|stage| stage.split(['/', '-']).any(|part| part == experiment)).collect();
    // What compares runs stands before the runs themselves.
    named.sort_by_key(|stage| (!stage.starts_with("battery/"), stage.len()));
    let has = |stage: &&&String| {
        let Ok(Opened::File(file)) = engine.output(graph, stage, MERGED) else { return false };
        let rows = Measurement::read(&file.path).unwrap_or_default();
        rows.iter().any(|found| hit_claims::row_name(found) == row)
    };
    Some(named.iter().find(has).map_or_else(|| MERGED.to_owned(), |stage| (**stage).clone()))
}

/// The number that `what` names behind its last `#`, if it is one of the file explained.
fn value(results: &Path, explained: &Explained, what: &str) -> Result<String, Error> {
    let (Origin::Export { path }, Some((_, key))) = (&explained.origin, what.rsplit_once('#')) else {
        return Ok(String::new());
    };
    let found = number(results, path, key)?;
    Ok(found.map_or_else(|| format!("(no number `{key}` is known in {path})\n\n"), |found| found + "\n"))
}

fn text(explained: &Explained, full: bool) -> String {
    let mut out = format!("{}\n", line(explained, true));
    children(&mut out, &explained.from, "", full);
    out
}

fn children(out: &mut String, from: &[Explained], indent: &str, full: bool) {
    let shown = if full || from.len() <= WIDE { from.len() } else { SHOWN };
    for (idx, child) in from[..shown].iter().enumerate() {
        let last = idx + 1 == from.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        put(out, format_args!("{indent}{branch}{}\n", line(child, false)));
        children(out, &child.from, &format!("{indent}{below}"), full);
    }
    if shown < from.len() {
        put(out, format_args!("{indent}└─ ... and {} more (--full shows them)\n", from.len() - shown));
    }
}

fn line(explained: &Explained, root: bool) -> String {
    let thing = match &explained.origin {
        Origin::Export { path } => path.clone(),
        Origin::Stage { stage, output: Some(output), .. } => format!("{stage}:{output}"),
        Origin::Stage { stage, output: None, .. } => stage.clone(),
        Origin::External { path } => format!("file {}", path.display()),
        Origin::Lineage => "lineage of the stage above".to_owned(),
    };
    let role = if root || explained.name == thing { String::new() } else { format!("{}: ", explained.name) };
    let digest = explained.digest.map_or_else(String::new, |digest| format!("  {}", digest.short()));
    let key = match &explained.origin {
        Origin::Stage { key: Some(key), .. } => format!("  key {}", key.short()),
        _ => String::new(),
    };
    let again = if explained.repeated { "  (see above)" } else { "" };
    format!("{role}{thing}{digest}{key}{again}")
}

#[cfg(test)]
mod tests {
    use hit_stage::Digest;

    use super::*;

    fn file(name: &str) -> Explained {
        let origin = Origin::External { path: format!("corpus/{name}.mid").into() };
        Explained {
            name: name.into(),
            origin,
            digest: Some(Digest::of(name.as_bytes())),
            repeated: false,
            from: vec![],
        }
    }

    fn stage(name: &str, output: &str, from: Vec<Explained>) -> Explained {
        let origin = Origin::Stage { stage: name.into(), output: Some(output.into()), key: Some(Digest::of(b"k")) };
        Explained { name: output.into(), origin, digest: None, repeated: false, from }
    }

    #[test]
    fn tables_and_figures_have_the_papers_numbers() {
        let named = |what: &str| of_paper(what).unwrap_or_default();
        assert_eq!(named("table/5"), "table/scoreboard");
        assert_eq!(named("table/tab05"), named("table/5"));
        assert_eq!(named("table/scoreboard#d4a4"), "tables/scoreboard.csv#d4a4");
        assert_eq!(named("table/tab12#d4a4.s"), "tables/variants.csv#d4a4.s");
        assert_eq!(named("figure/fig02"), "figure/screening");
        for other in ["table/99", "table/", "measurements.csv", "train/5", "tables/5"] {
            assert_eq!(of_paper(other), None, "{other}");
        }
    }

    #[test]
    fn trees_are_drawn_and_wide_ones_cut() {
        let files: Vec<Explained> = ["a", "b", "c", "d", "e", "f", "g"].map(file).into();
        let mut again = stage("dataset/train", "index", vec![]);
        again.repeated = true;
        let table = stage("table/x", "tex", vec![stage("dataset/train", "index", files), again]);
        let origin = Origin::Export { path: "tables/x.tex".into() };
        let root = Explained {
            name: "tables/x.tex".into(),
            origin,
            digest: Some(Digest::of(b"")),
            repeated: false,
            from: vec![table],
        };
        insta::assert_snapshot!(text(&root, false));
        assert_eq!(text(&root, true).lines().count(), text(&root, false).lines().count() + 3);
    }
}
