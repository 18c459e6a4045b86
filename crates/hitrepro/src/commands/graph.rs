//! `graph`: the stage graph as Mermaid, DOT or JSON.

use hit_engine::{Graph, Selection};
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::project::Project;

/// With more stages than this, stages of a kind are drawn as one.
const MANY: usize = 60;

/// A stage in the JSON form.
#[derive(Serialize)]
struct Drawn<'a> {
    stage: &'a str,
    kind: &'a str,
    needs: Vec<&'a str>,
    groups: &'a [String],
    exports: Vec<&'a str>,
    pure: bool,
}

/// Draws the selected stages; every one if `full`, else those of a kind as one where there are many.
///
/// # Errors
/// [`Error`].
pub fn graph(options: &Options, full: bool) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let graph = project.graph(&project.compute()?)?;
    let selection = project.selection(&graph, &[])?;
    let folded = !full && selection.ids.len() > MANY;
    match options.format {
        Format::Json => print_json(&drawn(&graph, &selection))?,
        Format::Dot => print(&graph.dot(&selection, folded))?,
        // Safetensors is refused before.
        Format::Human | Format::Mermaid | Format::Safetensors => print(&graph.mermaid(&selection, folded))?,
    }
    Ok(Exit::Ok)
}

fn drawn<'a>(graph: &'a Graph, selection: &Selection) -> Vec<Drawn<'a>> {
    let chosen = graph.nodes().iter().filter(|node| selection.ids.contains(&node.id));
    chosen
        .map(|node| Drawn {
            stage: &node.id,
            kind: node.stage.kind(),
            needs: graph.parents(&node.id),
            groups: &node.groups,
            exports: node.exports.iter().map(|export| export.path.as_str()).collect(),
            pure: node.pure,
        })
        .collect()
}
