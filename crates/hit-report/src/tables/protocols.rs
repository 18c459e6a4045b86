//! Where the text of the paper and the files of its runs differ, and what this campaign does.

use super::TableDef;
use super::sizes::setting;
use crate::error::Error;
use crate::facts::Facts;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "protocols",
    number: None,
    title: "Differences between the printed protocol and that of the published runs",
    inputs: &[Input::Published],
    build,
};

/// One side: words, or the path of a published setting.
#[derive(Clone, Copy)]
enum Side {
    Words(&'static str),
    Path(&'static str),
}

use Side::{Path, Words};

/// What differs, as printed, as run, and which of both this campaign takes, if it can be told.
struct Difference(&'static str, Side, Side, fn(&Facts) -> Option<String>);

/// Which of both definitions of the descriptors is used.
fn variant(facts: &Facts) -> Option<String> {
    match facts.variant.as_str() {
        "paper" => Some("printed".to_owned()),
        "reference" => Some("as run".to_owned()),
        _ => None,
    }
}

fn shortest(value: f64) -> String {
    Format::Shortest.plain(value)
}

const DIFFERENCES: [Difference; 18] = [
    Difference("Weight decay", Path("training_stated.weight_decay"), Path("training_actual.weight_decay"), |facts| {
        Some(shortest(facts.training.weight_decay))
    }),
    Difference("Warm-up, steps", Path("training_stated.warmup_steps"), Path("training_actual.warmup_steps"), |facts| {
        Some(shortest(facts.training.warmup_steps as f64))
    }),
    Difference("Learning rates", Words("none is printed"), Words("five groups"), |facts| {
        Some(format!("{} groups", facts.training.groups.len()))
    }),
    Difference("End of the trapezoid", Words("linear to zero"), Words("half cosine to zero"), |facts| {
        facts.schedules.iter().find_map(|schedule| schedule.decay.clone()).map(|decay| format!("{decay} to zero"))
    }),
    Difference(
        "Audio convolutions and positions",
        Words("trained (nothing is said)"),
        Words("frozen at their initial values"),
        |facts| Some(if facts.training.is_frozen("audio.cnn") { "frozen" } else { "trained" }.to_owned()),
    ),
    Difference(
        "Audio encoder before training",
        Words("partly pre-trained"),
        Path("training_actual.audio_init"),
        |_| Some("random".to_owned()),
    ),
    Difference(
        "Clipping of the gradient",
        Path("training_stated.gradient_clipping"),
        Path("training_actual.grad_clip_norm"),
        |facts| Some(shortest(facts.training.clip_norm)),
    ),
    Difference(
        "An epoch, batches",
        Path("training_stated.batches_per_epoch"),
        Path("training_actual.batches_per_epoch"),
        |facts| Some(shortest(facts.batches_per_epoch as f64)),
    ),
    Difference(
        "Split of the reported values",
        Path("training_stated.evaluation_split"),
        Path("training_actual.eval_split"),
        |facts| {
            let test = if facts.replication.is_some() { ", and the test split beside it" } else { "" };
            Some(format!("validation{test}"))
        },
    ),
    Difference(
        "Start of screening and families",
        Path("families_stated.table3_start"),
        Path("training_actual.screening_start"),
        |facts| facts.foundation.as_ref().map(|_| "a descriptor-free model trained here".to_owned()),
    ),
    Difference(
        "Queries of the replication",
        Words("nothing is said"),
        Words("drawn with the training seed"),
        |facts| {
            let both = if facts.replication_as_published {
                "the same for all seeds, and as run"
            } else {
                "the same for all seeds"
            };
            facts.replication.as_ref().map(|_| both.to_owned())
        },
    ),
    Difference(
        "A4: difference and deviation",
        Words("forward, deviation of the population"),
        Words("backward with a zero first frame, deviation of a sample"),
        variant,
    ),
    Difference("A7, A9: distance to a ratio", Words("plain"), Words("around the octave"), variant),
    Difference(
        "A8: energy and class of a bin",
        Words("squared magnitude, class not rounded"),
        Words("magnitude, class rounded, low bins left out"),
        variant,
    ),
    Difference("Last norm of the MIDI encoder", Words("after the mean"), Words("before the mean"), |facts| {
        Some(if facts.model.midi.norm_after_pooling { "after the mean" } else { "before the mean" }.to_owned())
    }),
    Difference(
        "Mixture of experts",
        Words("four or eight experts, two active, in place of the last feed-forward part"),
        Words("two experts, all active, added after every layer"),
        |facts| {
            let has = |family: &str| facts.arms.iter().any(|arm| arm.family == family);
            let both = [(has("moe"), "as run"), (has("moe_ffn"), "printed, as an arm of its own")];
            let there: Vec<&str> = both.into_iter().filter(|form| form.0).map(|form| form.1).collect();
            (!there.is_empty()).then(|| there.join("; "))
        },
    ),
    Difference(
        "Weights of the third tower",
        Path("families_stated.t3_wt_alpha"),
        Path("families_actual.t3_wt"),
        |_| None,
    ),
    Difference(
        "Hard negative of Table 5",
        Words("a window of the same piece"),
        Words("a window of another piece"),
        |_| Some("both, named".to_owned()),
    ),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("what", "", Align::Wrap(36)),
        Column::new("printed", "Printed", Align::Wrap(42)),
        Column::new("run_files", "Run files", Align::Wrap(52)),
        Column::new("ours", "Here", Align::Wrap(34)),
    ]);
    for Difference(what, printed, run, ours) in &DIFFERENCES {
        let cell = |side: Side| {
            Ok::<_, Error>(match side {
                Words(words) => Cell::text(words),
                Path(path) => setting(sources.published()?.get(path)?),
            })
        };
        let ours = ours(&sources.facts).map_or(Cell::Missing, Cell::text);
        sheet.row(vec![Cell::text(*what), cell(*printed)?, cell(*run)?, ours]);
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    fn here(facts: &Facts, what: &str) -> String {
        let sheet = build(&fixture::sources_of(facts.clone())).unwrap();
        let found = sheet.rows.iter().find_map(|row| match row {
            SheetRow::Cells(cells) if cells[0].plain() == what => Some(cells[3].plain()),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{what}"))
    }

    #[test]
    fn what_a_campaign_does_not_have_is_left_open() {
        let mut facts = fixture::facts();
        assert_eq!(here(&facts, "Split of the reported values"), "validation, and the test split beside it");
        assert_eq!(here(&facts, "Queries of the replication"), "the same for all seeds, and as run");
        facts.replication_as_published = false;
        assert_eq!(here(&facts, "Queries of the replication"), "the same for all seeds");
        (facts.replication, facts.foundation) = (None, None);
        assert_eq!(here(&facts, "Split of the reported values"), "validation");
        assert_eq!(here(&facts, "Queries of the replication") + &here(&facts, "Start of screening and families"), "");
    }

    /// The profile with the printed values differs from that of the runs wherever the table says that it can.
    #[test]
    fn the_last_column_follows_the_campaign() {
        let run = fixture::facts();
        let mut paper = run.clone();
        paper.variant = "paper".to_owned();
        paper.model.midi.norm_after_pooling = true;
        paper.training.frozen.clear();
        paper.training.weight_decay = 0.01;
        paper.training.warmup_steps = 500;
        paper.schedules.iter_mut().filter(|schedule| schedule.decay.is_some()).for_each(|schedule| {
            schedule.decay = Some("linear".to_owned());
        });
        for (what, of_run, of_paper) in [
            ("Weight decay", "1e-4", "0.01"),
            ("Warm-up, steps", "200", "500"),
            ("End of the trapezoid", "cosine to zero", "linear to zero"),
            ("Audio convolutions and positions", "frozen", "trained"),
            ("A7, A9: distance to a ratio", "as run", "printed"),
            ("Last norm of the MIDI encoder", "before the mean", "after the mean"),
        ] {
            assert_eq!((here(&run, what).as_str(), here(&paper, what).as_str()), (of_run, of_paper), "{what}");
        }
        paper.variant = "other".to_owned();
        assert_eq!(here(&paper, "A7, A9: distance to a ratio"), "", "not told");
    }

    #[test]
    fn both_mixtures_are_named_where_both_are_arms() {
        assert_eq!(here(&fixture::facts(), "Mixture of experts"), "as run");
        let mut facts = fixture::facts();
        facts.arms[1].family = "moe_ffn".to_owned();
        assert_eq!(here(&facts, "Mixture of experts"), "as run; printed, as an arm of its own");
        facts.arms.clear();
        assert_eq!(here(&facts, "Mixture of experts"), "");
    }
}
