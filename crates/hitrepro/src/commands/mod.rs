//! One file a verb.

mod audit;
mod bench;
mod claims;
mod data;
mod diff;
pub mod doctor;
mod explain;
mod export;
mod gc;
mod graph;
mod list;
mod number;
mod plan;
mod report;
mod run;
mod scores;
mod status;
mod verify;

use crate::Error;
use crate::cli::{Cli, Command, Format};
use crate::exit::Exit;

/// Carries the command out.
///
/// # Errors
/// [`Error`]; a stage that fails or a check that does not hold is an [`Exit`] instead.
pub fn run(cli: &Cli) -> Result<Exit, Error> {
    let options = &cli.options;
    let drawing = matches!(options.format, Format::Dot | Format::Mermaid);
    if drawing && !matches!(cli.command, Command::Graph { .. }) {
        return Err(Error::Usage("`--format dot` and `--format mermaid` belong to `hitrepro graph`".to_owned()));
    }
    if options.format == Format::Safetensors && !matches!(cli.command, Command::Export { .. }) {
        return Err(Error::Usage("`--format safetensors` belongs to `hitrepro export`".to_owned()));
    }
    match &cli.command {
        Command::All => run::run(options, &[]),
        Command::Stage { names } => run::run(options, names),
        Command::Plan { names, all } => plan::plan(options, names, *all),
        Command::Diff { a, b, points, relative, all } => diff::diff(options, (a, b), (*points, *relative), *all),
        Command::Report { output } => report::report(options, output.as_deref()),
        Command::Export { run, epoch, output } => export::export(options, run, *epoch, output.as_deref()),
        Command::Audit { published, rules } => audit::audit(options, published.as_deref(), rules.as_deref()),
        Command::Claims => claims::claims(options),
        Command::Explain { what, full } => explain::explain(options, what, *full),
        Command::Status => status::status(options),
        Command::List { what } => list::list(options, *what),
        Command::Verify { strict } => verify::verify(options, *strict),
        Command::Gc { dry_run } => gc::gc(options, *dry_run),
        Command::Graph { full } => graph::graph(options, *full),
        Command::Data(what) => data::data(options, what),
        Command::Bench(what) => bench::bench(options, what),
        Command::Doctor => doctor::doctor(options),
    }
}
