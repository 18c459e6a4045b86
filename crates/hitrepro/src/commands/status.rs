//! `status`: how much is done, by kind of stage.

use std::collections::BTreeMap;

use hit_engine::Counts;

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{columns, print, print_json};
use crate::project::Project;

/// Shows cached stages and stages to run by kind.
///
/// # Errors
/// [`Error`].
pub fn status(options: &Options) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let graph = project.graph(&compute)?;
    let engine = project.engine(&compute);
    if project.read_corpus(&engine, &graph, &graph.all()) {
        return Ok(Exit::Interrupted);
    }
    let kinds = engine.status(&graph)?;
    match options.format {
        Format::Json => print_json(&kinds)?,
        _ => print(&text(&kinds, project.sharing(&compute).as_deref()))?,
    }
    Ok(Exit::Ok)
}

/// The counts and how many models run at once on which GPU, if they do.
fn text(kinds: &BTreeMap<String, Counts>, sharing: Option<&str>) -> String {
    let sum = kinds.values().fold(Counts::default(), |sum, counts| Counts {
        cached: sum.cached + counts.cached,
        run: sum.run + counts.run,
        blocked: sum.blocked + counts.blocked,
    });
    let cells = |name: &str, counts: &Counts| {
        let numbers = [counts.cached, counts.run, counts.blocked].map(|n| n.to_string());
        std::iter::once(name.to_owned()).chain(numbers).collect::<Vec<_>>()
    };
    let rows = kinds.iter().map(|(kind, counts)| cells(kind, counts)).chain([cells("all", &sum)]);
    let sharing = sharing.map_or_else(String::new, |words| format!("\n{words}\n"));
    columns(&["kind", "cached", "to run", "blocked"], &[1, 2, 3], rows) + &sharing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_their_sum() {
        let counts = |cached, run| Counts { cached, run, blocked: 0 };
        let kinds = BTreeMap::from([("segment".to_owned(), counts(66, 0)), ("train".to_owned(), counts(5, 12))]);
        insta::assert_snapshot!(text(&kinds, None), @r"
        kind     cached  to run  blocked
        segment      66       0        0
        train         5      12        0
        all          71      12        0
        ");
        let sharing = text(&kinds, Some("one model at a time on cuda:0"));
        assert!(sharing.ends_with("0\n\none model at a time on cuda:0\n"), "{sharing}");
    }
}
