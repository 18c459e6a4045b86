//! The replication in its three variants, beside Table 12 of the paper: what drawing queries with the training seed and
//! taking the best epoch make of it (spec 8.4).

use std::collections::BTreeMap;

use super::{TableDef, arms_of, interval_head};
use crate::compare::Field;
use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Select};
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "variants",
    number: Some("12"),
    title: "The replication as published, with fixed queries, and at the last epoch",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

/// Experiment whose queries are drawn with the training seed.
pub(super) const AS_PUBLISHED: &str = "replication_as_published";
const FIXED: &str = "replication";

/// A way to make one number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// In keys of numbers.
    pub(crate) key: &'static str,
    /// Experiment in the measurements.
    pub(crate) stage: &'static str,
    title: &'static str,
    last: bool,
}

/// First the published one; each differs from the one before in one thing.
pub(crate) const VARIANTS: [Variant; 3] = [
    Variant { key: "as_published", stage: AS_PUBLISHED, title: "as published", last: false },
    Variant { key: "fixed", stage: FIXED, title: "fixed queries", last: false },
    Variant { key: "last", stage: FIXED, title: "last epoch", last: true },
];

impl Variant {
    /// Value over seeds of an arm, or of its comparison with the baseline.
    pub(crate) fn select(&self, facts: &Facts, arm: &str, metric: &str) -> Select {
        let at = if self.last { "last" } else { "best" };
        let condition = match metric {
            "s_mean" | "s_sd" | "s_min" | "s_max" => at.to_owned(),
            _ => format!("{at}_vs_{}", facts.baseline),
        };
        Select::stage(self.stage).arm(arm).condition(&condition).metric(metric)
    }

    /// S by seed.
    fn seeds(&self, facts: &Facts, frame: &Frame, arm: &str) -> Result<BTreeMap<u64, f64>, Error> {
        let last = facts.replication.iter().flat_map(|experiment| &experiment.evaluate).max();
        let condition = match last {
            Some(last) if self.last => format!("epoch={last:03}"),
            _ => "selected".to_owned(),
        };
        let rows = frame.filter(&Select::stage(self.stage).arm(arm).condition(&condition).metric("s"))?;
        let values = rows.seeds()?.into_iter().zip(rows.measured()?);
        Ok(values.filter_map(|(seed, s)| Some((seed?, s.value))).collect())
    }
}

/// In how many seeds the arm is above the baseline of the same seed, and in how many both are there. None for the baseline
/// itself and where there are no seeds. Equal is not above.
///
/// # Errors
/// [`Error::Frame`].
pub(crate) fn seeds_above(
    facts: &Facts,
    frame: &Frame,
    variant: &Variant,
    arm: &str,
) -> Result<Option<(usize, usize)>, Error> {
    if arm == facts.baseline {
        return Ok(None);
    }
    let (ours, baseline) = (variant.seeds(facts, frame, arm)?, variant.seeds(facts, frame, &facts.baseline)?);
    let pairs: Vec<bool> = ours.iter().filter_map(|(seed, s)| Some(s > baseline.get(seed)?)).collect();
    let above = pairs.iter().filter(|above| **above).count();
    Ok((!pairs.is_empty()).then_some((above, pairs.len())))
}

/// Metric, LaTeX head, and whether an interval follows.
const METRICS: [(&str, &str, bool); 8] = [
    ("s_mean", "Mean $S$", true),
    ("s_sd", "SD", false),
    ("s_min", "Min", false),
    ("s_max", "Max", false),
    ("delta_s", "$\\Delta$", true),
    ("welch_t", "$t$", false),
    ("welch_p", "$p$", false),
    ("cohen_d", "$d$", false),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let mut columns = vec![Column::new("variant", "Variant", Align::Left)];
    for (name, head, interval) in METRICS {
        columns.push(Column::new(name, head, Align::Right));
        if interval {
            columns.push(Column::new(&format!("{name}_interval"), &interval_head(facts), Align::Right));
        }
    }
    columns.push(Column::new("seeds_above", &format!("Above {}", facts.baseline), Align::Right));
    let mut sheet = Sheet::new(columns);
    for arm in arms_of(facts, frame, FIXED)? {
        sheet.group(&arm);
        let printed = published(sources, &arm)?;
        if printed[1..].iter().any(|cell| *cell != Cell::Missing) {
            sheet.row(printed);
        }
        for variant in &VARIANTS {
            if !frame.filter(&Select::stage(variant.stage))?.is_empty() {
                sheet.row(ours(sources, variant, &arm)?);
            }
        }
    }
    sources.compare()?.notes_of(Field::Stage).for_each(|note| sheet.note(note));
    Ok(sheet)
}

fn ours(sources: &Sources, variant: &Variant, arm: &str) -> Result<Vec<Cell>, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let mut cells = vec![Cell::text(variant.title)];
    for (metric, _, interval) in METRICS {
        let value = frame.one(&variant.select(facts, arm, metric))?;
        cells.push(Cell::measured(value.as_ref(), metric));
        if interval {
            cells.push(Cell::interval(value.as_ref(), metric));
        }
    }
    let above = seeds_above(facts, frame, variant, arm)?;
    cells.push(above.map_or(Cell::Missing, |(above, of)| Cell::text(format!("{above} of {of}"))));
    Ok(cells)
}

/// What Table 12 prints, or follows from it.
fn published(sources: &Sources, arm: &str) -> Result<Vec<Cell>, Error> {
    let mut cells = vec![Cell::text("printed")];
    for (metric, _, interval) in METRICS {
        let mut beside = None;
        for variant in &VARIANTS[..2] {
            // the list names one of the two, whichever this campaign has
            let found = sources.published_beside(&variant.select(&sources.facts, arm, metric))?;
            beside = beside.or(found);
        }
        cells.push(Cell::measured(beside.as_ref(), metric));
        if interval {
            cells.push(Cell::Missing);
        }
    }
    cells.push(Cell::Missing);
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    /// Rows by arm.
    fn rows(sources: &Sources) -> Vec<(String, Vec<String>)> {
        let (mut arm, mut rows) = (String::new(), Vec::new());
        for row in build(sources).unwrap().rows {
            match row {
                SheetRow::Group(heading) => arm = heading,
                SheetRow::Cells(cells) => rows.push((arm.clone(), cells.iter().map(Cell::plain).collect())),
            }
        }
        rows
    }

    #[test]
    fn each_arm_has_what_is_printed_and_the_three_variants() {
        let rows = rows(&fixture::sources());
        let of = |arm: &str| rows.iter().filter(|row| row.0 == arm).map(|row| row.1.clone()).collect::<Vec<_>>();
        let d4a4 = of("d4a4");
        assert_eq!(
            d4a4.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
            ["printed", "as published", "fixed queries", "last epoch"]
        );
        assert_eq!(d4a4[0][1..7], ["84.0", "", "2.7", "81.4", "87.6", "+8.8"].map(str::to_owned));
        assert_eq!(d4a4[0][8..], ["5.55", "5.9e-4", "3.51", ""].map(str::to_owned));
        assert!(d4a4[1][2].contains("..") && d4a4[2][7].contains(".."), "{d4a4:?}");
        assert_eq!(d4a4[3][2], "", "ranks of the last epoch are not kept");
        assert_eq!(d4a4[2][11], "3 of 3");
        assert_eq!(of("D4")[0][0], "as published", "Table 12 does not have it");
        assert!(of("D0").iter().all(|row| row[11].is_empty() && row[6].is_empty()), "no difference to itself");
        let column = |k: usize| d4a4[1..].iter().map(|row| row[k].clone()).collect::<Vec<_>>();
        assert_eq!(column(1), ["64.6", "63.8", "62.7"]);
        assert_eq!(column(3), ["2.6", "2.0", "2.0"], "queries add to the spread");
        assert_eq!(column(6), ["+12.9", "+12.5", "+12.0"]);
    }

    #[test]
    fn without_queries_by_seed_the_fixed_ones_stand_beside_table_12_and_it_is_said() {
        let mut campaign = fixture::small();
        campaign.rows.retain(|row| row.stage != AS_PUBLISHED);
        campaign.facts.replication_as_published = false;
        let sources = campaign.sources();
        let d4a4: Vec<_> = rows(&sources).into_iter().filter(|row| row.0 == "d4a4").map(|row| row.1).collect();
        assert_eq!(
            d4a4.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
            ["printed", "fixed queries", "last epoch"]
        );
        assert_eq!(d4a4[0][1], "84.0");
        assert!(build(&sources).unwrap().notes[0].contains("which this campaign does not"));
        assert!(build(&fixture::sources()).unwrap().notes.is_empty());
        let beside = |id: &str| (super::super::table(id).unwrap().build)(&sources).unwrap();
        assert!(beside("compare").notes.iter().any(|note| note.contains("which this campaign does not")));
        let (before, after) =
            ((super::super::table("compare").unwrap().build)(&fixture::sources()).unwrap(), beside("compare"));
        assert_eq!(before.rows.len(), after.rows.len(), "as many values stand there");
        assert_ne!(before.rows, after.rows, "others");
    }

    #[test]
    fn the_last_epoch_is_that_of_the_runs_and_not_the_best() {
        let mut campaign = fixture::small();
        let above = |campaign: &fixture::Campaign, variant: usize| {
            let frame = Frame::new(&campaign.rows).unwrap();
            seeds_above(&campaign.facts, &frame, &VARIANTS[variant], "d4a4").unwrap()
        };
        assert_eq!(
            (above(&campaign, 0), above(&campaign, 1), above(&campaign, 2)),
            (Some((3, 3)), Some((3, 3)), Some((3, 3)))
        );
        for row in &mut campaign.rows {
            if row.stage == FIXED && row.arm == "d4a4" && row.condition == "epoch=012" && row.seed == Some(123) {
                row.value = 0.0;
            }
        }
        assert_eq!((above(&campaign, 1), above(&campaign, 2)), (Some((3, 3)), Some((2, 3))));
        campaign.rows.retain(|row| row.arm != "D0" || row.seed != Some(456));
        assert_eq!(above(&campaign, 1), Some((2, 2)), "a seed without its baseline");
        campaign.rows.retain(|row| row.arm != "D0");
        assert_eq!(above(&campaign, 1), None);
    }

    proptest! {
        #[test]
        fn seeds_are_paired_by_their_number(
            ours in proptest::collection::btree_map(0_u64..6, 0_i32..4, 0..6),
            theirs in proptest::collection::btree_map(0_u64..6, 0_i32..4, 0..6),
        ) {
            let row = |arm: &str, (seed, value): (&u64, &i32)| hit_stats::Measurement {
                stage: FIXED.to_owned(),
                arm: arm.to_owned(),
                schedule: "cosine12".to_owned(),
                seed: Some(*seed),
                condition: "selected".to_owned(),
                metric: "s".to_owned(),
                value: f64::from(*value),
                unit: "%".to_owned(),
                n: None,
                interval: None,
            };
            let rows: Vec<_> = ours.iter().map(|it| row("d4a4", it)).chain(theirs.iter().map(|it| row("D0", it))).collect();
            let found = seeds_above(&fixture::facts(), &Frame::new(&rows).unwrap(), &VARIANTS[1], "d4a4").unwrap();
            let pairs = ours.keys().filter(|seed| theirs.contains_key(seed)).count();
            let above = ours.iter().filter(|(seed, s)| theirs.get(seed).is_some_and(|other| *s > other)).count();
            prop_assert_eq!(found, (pairs > 0).then_some((above, pairs)));
        }
    }
}
