//! What ran: profile, corpus, backend, protocol, experiments, digest of the campaign.

use super::TableDef;
use crate::error::Error;
use crate::facts::{ConfirmationFacts, ExperimentFacts, Facts, source_word};
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef =
    TableDef { id: "run", number: None, title: "What ran", inputs: &[Input::Lineage], build };

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let facts = &sources.facts;
    let mut sheet =
        Sheet::new(vec![Column::new("item", "Item", Align::Left), Column::new("value", "Value", Align::Wrap(100))]);
    let mut row = |item: &str, value: String| sheet.row(vec![Cell::text(item), Cell::text(value)]);
    let windows = &facts.corpus.windows;
    let retrieval = &facts.retrieval;
    row("Profile", format!("{}: {}", facts.profile, facts.description));
    row("Corpus", format!("{} ({} audio)", facts.corpus.label, source_word(facts.corpus.audio)));
    if let Some(recipe) = &facts.corpus.recipe {
        row("Rendering", recipe.clone());
    }
    row("Splits", facts.corpus.split.clone());
    row("Numeric backend", facts.backend.clone());
    row("Descriptor variant", facts.variant.clone());
    row(
        "Windows",
        format!(
            "{} s, hop {} s, at most {} a performance, {} Hz",
            windows.window_s, windows.hop_s, windows.max_windows, windows.sample_rate_hz
        ),
    );
    row("Batches", format!("{} windows; at most {} batches an epoch", facts.batch_size, facts.batches_per_epoch));
    row(
        "Retrieval",
        format!(
            "{} queries, pools of {} with {} hard and {} semi-hard negatives; {} hard-negative draws",
            retrieval.n_queries, retrieval.pool_size, retrieval.n_hard, retrieval.n_semi_hard, retrieval.hard_trials
        ),
    );
    let level = Format::Fixed(0).plain(100.0 * retrieval.level);
    row("Intervals", format!("{level} %, bootstrap over performances, {} resamples", retrieval.resamples));
    for (name, words) in experiments(facts) {
        row(name, words);
    }
    let digest = sources.lineage()?.to_string();
    let halves = digest.split_at(digest.len() / 2);
    row("Campaign digest (SHA-256)", format!("{} {}", halves.0, halves.1));
    Ok(sheet)
}

/// What was trained, in the order of the paper.
fn experiments(facts: &Facts) -> Vec<(&'static str, String)> {
    let described = |name, experiment: &Option<ExperimentFacts>| experiment.as_ref().map(|it| (name, describe(it)));
    let replication = described("Replication", &facts.replication).map(|(name, words)| {
        let variant = "; also with queries drawn with the training seed";
        (name, words + if facts.replication_as_published { variant } else { "" })
    });
    [
        described("Foundation", &facts.foundation),
        described("Screening", &facts.screening),
        described("Families", &facts.families),
        facts.confirmation.as_ref().map(|confirmation| ("Long runs", long_runs(confirmation))),
        replication,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn long_runs(confirmation: &ConfirmationFacts) -> String {
    let of = |schedule: &str| {
        let runs = confirmation.runs.iter().filter(|run| run.schedule == schedule);
        runs.map(|run| run.arm.as_str()).collect::<Vec<_>>().join(", ")
    };
    let schedules = confirmation.schedules().into_iter().map(|run| format!("{}: {}", run.schedule, of(&run.schedule)));
    format!("{}; seed {}", schedules.collect::<Vec<_>>().join("; "), confirmation.seed)
}

fn describe(experiment: &ExperimentFacts) -> String {
    let list = |items: Vec<String>| items.join(", ");
    format!(
        "{}; schedule {}, {}, seed{} {}, evaluated after epoch{} {}",
        list(experiment.arms.clone()),
        experiment.schedule,
        count(experiment.epochs, "epoch"),
        if experiment.seeds.len() == 1 { "" } else { "s" },
        list(experiment.seeds.iter().map(u64::to_string).collect()),
        if experiment.evaluate.len() == 1 { "" } else { "s" },
        list(experiment.evaluate.iter().map(usize::to_string).collect()),
    )
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("{n} {noun}") } else { format!("{n} {noun}s") }
}
