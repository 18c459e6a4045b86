//! How models are trained, beside Table 20 of the paper and what its run files record.

use super::TableDef;
use super::sizes::setting;
use crate::error::Error;
use crate::facts::{ConfirmedFacts, Facts};
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "hyperparameters",
    number: Some("20"),
    title: "Hyperparameters: ours, as printed, as run",
    inputs: &[Input::Published],
    build,
};

/// A row: what, ours, paths of what is printed and of what the run files have; an empty path where there is none.
struct Row(String, Cell, String, String);

impl Row {
    fn of(what: &str, ours: Cell, printed: &str, run: &str) -> Self {
        let path = |table: &str, name: &str| if name.is_empty() { String::new() } else { format!("{table}.{name}") };
        Self(what.to_owned(), ours, path("training_stated", printed), path("training_actual", run))
    }

    fn number(what: &str, ours: f64, printed: &str, run: &str) -> Self {
        Self::of(what, Cell::Number(ours, Format::Shortest), printed, run)
    }
}

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let facts = &sources.facts;
    let mut sheet = Sheet::new(vec![
        Column::new("what", "", Align::Wrap(44)),
        Column::new("ours", "Ours", Align::Wrap(45)),
        Column::new("printed", "Printed", Align::Wrap(37)),
        Column::new("run_files", "Run files", Align::Wrap(24)),
    ]);
    sheet.long = Some("hyperparameterscaption");
    for (heading, rows) in [
        ("All runs", common(facts)),
        ("Learning rates by part", rates(facts)),
        ("Loss", loss(facts)),
        ("Windows and notes", windows(facts)),
    ] {
        sheet.group(heading);
        for Row(what, ours, printed, run) in rows {
            let beside = |path: &str| {
                let leaf = (!path.is_empty()).then(|| sources.published()?.get(path)).transpose()?;
                Ok::<_, Error>(leaf.map_or(Cell::Missing, setting))
            };
            sheet.row(vec![Cell::text(what), ours, beside(&printed)?, beside(&run)?]);
        }
    }
    if let Some(confirmation) = &facts.confirmation {
        sheet.group("Schedules of the long runs");
        for run in &confirmation.runs {
            sheet.row(vec![
                Cell::text(format!("{}, {}", run.arm, run.schedule)),
                Cell::text(schedule(facts, run)),
                printed_schedule(sources, run)?,
                Cell::Missing,
            ]);
        }
    }
    sheet.note("Printed schedules are those of the canonical models, one a model; the epoch is that of the best S.");
    Ok(sheet)
}

fn common(facts: &Facts) -> Vec<Row> {
    let training = &facts.training;
    let text = |words: &str| Cell::text(words);
    let frozen = |part: &str| text(if training.is_frozen(part) { "yes" } else { "no" });
    vec![
        Row::of("Optimizer", text("AdamW"), "optimizer", ""),
        Row::number("First decay", training.beta1, "beta1", ""),
        Row::number("Second decay", training.beta2, "beta2", ""),
        Row::number("Weight decay", training.weight_decay, "weight_decay", "weight_decay"),
        Row::number("Steps of warm-up", training.warmup_steps as f64, "warmup_steps", "warmup_steps"),
        Row::number("Largest norm of the gradient", training.clip_norm, "gradient_clipping", "grad_clip_norm"),
        Row::number("Windows of a batch", facts.batch_size as f64, "batch_size", ""),
        Row::number(
            "Most batches of an epoch",
            facts.batches_per_epoch as f64,
            "batches_per_epoch",
            "batches_per_epoch",
        ),
        Row::of("Convolutions keep their initial values", frozen("audio.cnn"), "", "frozen_audio_cnn"),
        Row::of(
            "Audio positions keep their initial values",
            frozen("audio.positions"),
            "",
            "frozen_audio_pos_embedding",
        ),
        Row::of("Augmentation", text("none"), "augmentation", ""),
    ]
}

fn rates(facts: &Facts) -> Vec<Row> {
    let parts = [
        ("First audio layers", "audio.layers.0", "lr_audio_layers_0_1"),
        ("Last audio layers", "audio.layers.3", "lr_audio_layers_2_3"),
        ("MIDI encoder", "midi", "lr_midi_encoder"),
        ("Heads", "heads", "lr_projection_heads"),
        ("Modules of descriptors", "inject", "lr_descriptor_modules"),
    ];
    let row = |(what, part, run): (&str, &str, &str)| {
        let rate = facts.training.rate(part).map_or(Cell::Missing, |rate| Cell::Number(rate, Format::Shortest));
        Row::of(what, rate, "base_learning_rate", run)
    };
    parts.map(row).into()
}

fn loss(facts: &Facts) -> Vec<Row> {
    let training = &facts.training;
    let row = |what: &str, ours: f64, path: &str, printed: bool| {
        let (own, run) =
            if printed { (format!("vicreg.{path}"), String::new()) } else { (String::new(), format!("vicreg.{path}")) };
        Row(what.to_owned(), Cell::Number(ours, Format::Shortest), own, run)
    };
    vec![
        row("Weight of invariance", training.invariance, "lambda_inv", true),
        row("Weight of variance", training.variance, "lambda_var", true),
        row("Weight of covariance", training.covariance, "lambda_cov", true),
        row("Deviation asked for", training.gamma, "gamma", false),
        row("Under the root", training.epsilon, "var_eps", false),
    ]
}

fn windows(facts: &Facts) -> Vec<Row> {
    let (windows, midi, [shortest, longest]) = (&facts.corpus.windows, &facts.model.midi, facts.training.duration_s);
    vec![
        Row::number("Seconds from window to window", windows.hop_s, "segment_hop", ""),
        Row::number("Most windows of a performance", windows.max_windows as f64, "", "max_segments_per_performance"),
        Row::number("Most notes of a window", windows.max_notes as f64, "max_midi_notes", ""),
        Row::number("Buckets of durations", midi.n_durations as f64, "duration_buckets", ""),
        Row::number("Shortest duration told apart (s)", shortest, "duration_min", ""),
        Row::number("Longest (s)", longest, "duration_max", ""),
    ]
}

fn schedule(facts: &Facts, run: &ConfirmedFacts) -> String {
    let words = facts.schedule(&run.schedule).map(crate::setup::ScheduleFacts::words);
    format!("{} epochs, {}", run.epochs, words.unwrap_or_else(|| run.schedule.clone()))
}

/// Schedule, epochs and best epoch of Table 20, for the run that is the canonical model of its arm.
fn printed_schedule(sources: &Sources, run: &ConfirmedFacts) -> Result<Cell, Error> {
    let published = sources.published()?;
    let leaf = |name: &str| published.find(&format!("table20_hyperparameters.{}.{name}", run.arm));
    let words = |name: &str| leaf(name).map(|leaf| setting(leaf).plain());
    let (Some(schedule), Some(epochs), Some(best)) = (words("schedule"), words("epochs"), words("best_epoch")) else {
        return Ok(Cell::Missing);
    };
    // `Cosine-tail` over 60 epochs is `cosine-tail60` here
    let id = format!(
        "{}{epochs}",
        schedule.to_lowercase().trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-')
    );
    Ok(if id == run.schedule {
        Cell::text(format!("{epochs} epochs, {schedule}, best at {best}"))
    } else {
        Cell::Missing
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    fn rows(sources: &Sources) -> Vec<Vec<String>> {
        let plain = |row: &SheetRow| match row {
            SheetRow::Cells(cells) => Some(cells.iter().map(Cell::plain).collect()),
            SheetRow::Group(_) => None,
        };
        build(sources).unwrap().rows.iter().filter_map(plain).collect()
    }

    fn row(what: &str) -> Vec<String> {
        rows(&fixture::sources()).into_iter().find(|row| row[0] == what).unwrap()[1..].to_vec()
    }

    #[test]
    fn what_is_printed_and_what_was_run_stand_side_by_side() {
        assert_eq!(row("Weight decay"), ["1e-4", "0.01", "1e-4"]);
        assert_eq!(row("Steps of warm-up"), ["200", "500", "200"]);
        assert_eq!(row("Largest norm of the gradient"), ["1", "", "1"]);
        assert_eq!(row("Convolutions keep their initial values"), ["yes", "", "yes"]);
        assert_eq!(row("First audio layers"), ["5e-6", "", "5e-6"], "no rate is printed");
        assert_eq!(row("Deviation asked for"), ["1", "", "1"]);
        assert_eq!(row("Most notes of a window"), ["2048", "2048", ""]);
    }

    #[test]
    fn a_long_run_stands_beside_the_canonical_model_of_its_schedule_only() {
        assert_eq!(row("d4a4, cosine60")[1], "60 epochs, Cosine-60, best at 50");
        assert_eq!(row("D0, cosine-tail60")[1], "60 epochs, Cosine-tail, best at 50");
        assert_eq!(row("D0, cosine60")[1], "", "another schedule");
        assert_eq!(row("t3-wt, trapez50")[0], "50 epochs, trapezoid, 50 % held, then cosine to zero");
    }

    #[test]
    fn a_campaign_without_long_runs_or_rates_has_the_rest() {
        let mut facts = fixture::facts();
        facts.confirmation = None;
        facts.training.groups.clear();
        let rows = rows(&fixture::sources_of(facts));
        assert!(rows.iter().any(|row| row[0] == "Heads" && row[1].is_empty()));
        assert!(!rows.iter().any(|row| row[0].contains("cosine")));
    }
}
