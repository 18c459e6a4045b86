//! `explain`: from a result back to the files it comes from.

use std::path::Path;

use hit_engine::{Explained, Origin};

use crate::Error;
use crate::cli::{Format, Options};
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
    // A key of the prose's numbers may stand by itself.
    let bare = number(&results, NUMBERS, what)?.map(|_| format!("{NUMBERS}#{what}"));
    let what = bare.as_deref().unwrap_or(what);
    let explained = project.engine(&compute).explain(&graph, &results, what)?;
    match options.format {
        Format::Json => print_json(&explained)?,
        _ => print(&(value(&results, &explained, what)? + &text(&explained, full)))?,
    }
    Ok(Exit::Ok)
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
