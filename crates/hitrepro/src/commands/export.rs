//! `export`: the weights of a trained model as one file for other programs.

use std::path::{Path, PathBuf};

use hit_engine::Graph;
use hit_model::Gpu;
use hit_schema::{Checkpoint, Embeddings, RunId};
use hit_stage::Opened;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{print, print_json};
use crate::project::{Compute, Project};

/// What was written, in `export --format json`: a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Written {
    /// The file.
    file: PathBuf,
    /// The run.
    run: String,
    /// Its epoch.
    epoch: usize,
    /// Arrays in it.
    arrays: usize,
    /// Numbers in them.
    values: usize,
}

/// Writes the checkpoint that was selected for a run, or that of `epoch`, to `output`.
///
/// # Errors
/// [`Error`]; in particular if there is no such run, it is not trained, or the file is there already.
pub fn export(options: &Options, run: &str, epoch: Option<usize>, output: Option<&Path>) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let graph = project.graph(&compute)?;
    let label = run.strip_prefix("train/").unwrap_or(run);
    let stage = format!("train/{label}");
    let labels = || graph.nodes().iter().filter_map(|node| node.id.strip_prefix("train/").map(str::to_owned));
    let id = label.rsplit_once('/').and_then(|(_, id)| id.parse::<RunId>().ok());
    let Some(id) = id.filter(|_| graph.node(&stage).is_some()) else {
        return Err(Error::UnknownName { what: "run", name: label.to_owned(), known: labels().collect() });
    };
    let checkpoint = Checkpoint::read(&found(&project, &graph, &compute, label, epoch)?)?;
    let file = output.map_or_else(|| PathBuf::from(format!("{}.safetensors", label.replace('/', "-"))), Path::to_owned);
    if file.exists() {
        return Err(Error::Usage(format!("{} is there already: name another file with --output", file.display())));
    }
    checkpoint.export(about(&project, label, &id), &file)?;
    let written = Written {
        run: label.to_owned(),
        epoch: checkpoint.meta.epoch,
        arrays: checkpoint.params.len(),
        values: checkpoint.params.values().map(|array| array.values.len()).sum(),
        file,
    };
    match options.format {
        Format::Json => print_json(&written)?,
        _ => print(&text(&written))?,
    }
    Ok(Exit::Ok)
}

fn text(written: &Written) -> String {
    let Written { file, run, epoch, arrays, values } = written;
    format!("{}: {run}, epoch {epoch}, {arrays} arrays of {values} numbers\n", file.display())
}

/// The file of the checkpoint. Weights trained on a GPU are found on a machine that has none, and the other way round.
fn found(
    project: &Project,
    graph: &Graph,
    compute: &Compute,
    label: &str,
    epoch: Option<usize>,
) -> Result<PathBuf, Error> {
    let look = |compute: &Compute| {
        let engine = project.engine(compute);
        match epoch {
            None => match engine.output(graph, &format!("select/{label}"), "checkpoint")? {
                Opened::File(file) => Ok(file.path),
                Opened::Tree(_) => Err(Error::Usage(format!("`select/{label}` holds no single checkpoint"))),
            },
            Some(epoch) => entry(&engine.output(graph, &format!("train/{label}"), "checkpoints")?, label, epoch),
        }
    };
    let all = std::iter::once("flex").chain(Gpu::ALL.into_iter().map(Gpu::name));
    let others = all.filter(|backend| *backend != compute.backend);
    let mut others = others.map(|backend| Compute { backend: backend.to_owned(), ..compute.clone() });
    look(compute).or_else(|error| others.find_map(|compute| look(&compute).ok()).ok_or(error))
}

/// The checkpoint of an epoch among those that were kept.
fn entry(opened: &Opened, run: &str, epoch: usize) -> Result<PathBuf, Error> {
    let Opened::Tree(tree) = opened else { return Err(Error::Usage(format!("`{run}` holds no checkpoints"))) };
    if let Some(file) = tree.0.get(&Embeddings::entry(epoch)) {
        return Ok(file.path.clone());
    }
    let kept = tree.0.keys().map(|name| name.trim_end_matches(".safetensors")).collect::<Vec<_>>().join(", ");
    Err(Error::Usage(format!("epoch {epoch} of `{run}` was not evaluated; kept are {kept}")))
}

/// What another program needs to build the model and to know what it has.
fn about(project: &Project, label: &str, run: &RunId) -> Map<String, Value> {
    let arm = project.profile.complete(&project.config.arms[&run.arm]);
    let about = json!({
        "run": label,
        "schedule": run.schedule,
        "seed": run.seed,
        "family": arm.family,
        "injections": arm.injections,
        "options": arm.options,
        "model": project.profile.model,
        "profile": project.name,
        "corpus": project.profile.corpus.label,
        "hitrepro": env!("CARGO_PKG_VERSION"),
    });
    about.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_said_in_one_line() {
        let written =
            Written { file: "x.safetensors".into(), run: "a/b@c#1".into(), epoch: 3, arrays: 9, values: 1234 };
        assert_eq!(text(&written), "x.safetensors: a/b@c#1, epoch 3, 9 arrays of 1234 numbers\n");
        let keys = json!({"file": "x.safetensors", "run": "a/b@c#1", "epoch": 3, "arrays": 9, "values": 1234});
        assert_eq!(serde_json::to_value(&written).unwrap(), keys);
    }
}
