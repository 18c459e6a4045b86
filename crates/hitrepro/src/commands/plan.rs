//! `plan`: what would run, with one reason each.

use hit_engine::{Plan, PlanRow, State};
use serde::Serialize;

use crate::Error;
use crate::cli::{Format, Options};
use crate::exit::Exit;
use crate::output::{columns, plural, print, print_json, put};
use crate::project::Project;

/// A line of `plan --format json`: a contract.
#[derive(Serialize)]
struct Row<'a> {
    stage: &'a str,
    key: Option<String>,
    state: &'static str,
    reason: Option<String>,
}

impl<'a> Row<'a> {
    fn new(row: &'a PlanRow) -> Self {
        let reason = row.reason.as_ref().map(ToString::to_string);
        Self { stage: &row.stage, key: row.key.map(|key| key.to_string()), state: state(row.state), reason }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Cached => "cached",
        State::Run => "run",
        State::Blocked => "blocked",
    }
}

/// Shows the plan of the stages that `names` select; cached ones only if `all`.
///
/// # Errors
/// [`Error`].
pub fn plan(options: &Options, names: &[String], all: bool) -> Result<Exit, Error> {
    let project = Project::open(options)?;
    let compute = project.compute()?;
    let graph = project.graph(&compute)?;
    let selection = project.selection(&graph, names)?;
    let engine = project.engine(&compute);
    if project.read_corpus(&engine, &graph, &selection) {
        return Ok(Exit::Interrupted);
    }
    let plan = engine.plan(&graph, &selection)?;
    match options.format {
        Format::Json => print_json(&plan.rows.iter().map(Row::new).collect::<Vec<_>>())?,
        _ => print(&text(&plan, all, project.sharing(&compute).as_deref()))?,
    }
    Ok(Exit::Ok)
}

/// The plan and how many models would run at once on which GPU, if they do.
fn text(plan: &Plan, all: bool, sharing: Option<&str>) -> String {
    let rows = plan.rows.iter().filter(|row| all || row.state != State::Cached);
    let cells =
        rows.map(Row::new).map(|row| vec![row.state.to_owned(), row.stage.to_owned(), row.reason.unwrap_or_default()]);
    let mut out = columns(&["state", "stage", "reason"], &[], cells);
    if !out.is_empty() {
        out.push('\n');
    }
    let counts = plan.counts();
    put(&mut out, format_args!("{} to run, {} cached", plural(counts.run, "stage"), counts.cached));
    if counts.blocked > 0 {
        put(&mut out, format_args!(", {} blocked", counts.blocked));
    }
    out.push('\n');
    if let Some(sharing) = sharing.filter(|_| counts.run > 0) {
        put(&mut out, format_args!("{sharing}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use hit_engine::Reason;
    use hit_stage::Digest;

    use super::*;

    fn rows() -> Plan {
        let row = |stage: &str, state, reason| PlanRow { stage: stage.into(), key: None, state, reason };
        let params = Reason::Params { name: "params.epochs".into(), from: "30".into(), to: "60".into() };
        let mut rows = vec![
            row("corpus", State::Cached, None),
            row("train/x", State::Run, Some(params)),
            row("table/y", State::Blocked, Some(Reason::Upstream { stage: "train/x".into() })),
        ];
        rows[0].key = Some(Digest::of(b""));
        Plan { rows }
    }

    #[test]
    fn text_shows_what_would_run() {
        insta::assert_snapshot!(text(&rows(), false, None), @r"
        state    stage    reason
        run      train/x  params.epochs 30 -> 60
        blocked  table/y  after train/x

        1 stage to run, 1 cached, 1 blocked
        ");
        assert!(text(&rows(), true, None).contains("cached   corpus"));
        let idle = Plan { rows: rows().rows[..1].to_vec() };
        assert_eq!(text(&idle, false, None), "0 stages to run, 1 cached\n");
        let sharing = Some("one model at a time on cuda:0");
        assert!(text(&rows(), false, sharing).ends_with("1 blocked\none model at a time on cuda:0\n"));
        assert_eq!(text(&idle, false, sharing), "0 stages to run, 1 cached\n", "where nothing runs, nothing shares");
    }

    #[test]
    fn json_is_a_contract() {
        let plan = rows();
        let rows: Vec<Row> = plan.rows.iter().map(Row::new).collect();
        insta::assert_snapshot!(crate::output::json(&rows).unwrap());
    }
}
