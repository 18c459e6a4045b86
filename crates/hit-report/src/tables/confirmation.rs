//! The long runs: S of every arm under every schedule it had, against the baseline under the same schedule and against
//! the run of the baseline that the paper chose, beside Table 4 of the paper.

use super::{TableDef, arm_cell, interval_head, ranked};
use crate::compare::Field;
use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Select};
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "confirmation",
    number: Some("4"),
    title: "Long runs: S and its differences within a schedule and across",
    inputs: &[Input::Measurements, Input::Published, Input::Compare],
    build,
};

const STAGE: &str = "confirmation";

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (facts, frame) = (&sources.facts, sources.frame()?);
    let mut sheet = Sheet::new(columns(facts));
    let Some(confirmation) = &facts.confirmation else { return Ok(sheet) };
    let (within, reference) = (confirmation.within(), confirmation.to_reference());
    for run in runs(facts, frame)? {
        let select = |condition: &str, metric: &str| Select::stage(STAGE).run(&run).condition(condition).metric(metric);
        let pair = |condition: &str, metric: &str| {
            let measured = frame.one(&select(condition, metric))?;
            Ok::<_, Error>([Cell::measured(measured.as_ref(), metric), Cell::interval(measured.as_ref(), metric)])
        };
        let number = |condition: &str, metric: &str| Ok::<_, Error>(pair(condition, metric)?[0].clone());
        let published = |condition: &str, metric: &str| {
            let beside = sources.published_beside(&select(condition, metric))?;
            Ok::<_, Error>(Cell::measured(beside.as_ref(), metric))
        };
        let (arm, schedule) = run.split_once('@').unwrap_or((&run, ""));
        let planned = confirmation.run(arm, schedule);
        let mut cells = vec![arm_cell(facts, arm), Cell::text(schedule)];
        cells.push(planned.map_or(Cell::Missing, |run| Cell::Number(run.epochs as f64, Format::Count)));
        cells.extend(pair("selected", "s")?);
        cells.push(number("best", "epoch")?);
        cells.extend(pair("last", "s")?);
        cells.extend(pair(&within, "delta_s")?);
        cells.extend(pair(&reference, "delta_s")?);
        cells.extend([published("selected", "s")?, published(&reference, "delta_s")?]);
        sheet.row(cells);
    }
    sheet.note(evaluated(facts));
    sources.compare()?.notes_of(Field::Schedule).for_each(|note| sheet.note(note));
    Ok(sheet)
}

fn columns(facts: &Facts) -> Vec<Column> {
    let interval = interval_head(facts);
    let numbers = [
        ("epochs", "Epochs"),
        ("s", "$S$"),
        ("s_interval", interval.as_str()),
        ("epoch", "at"),
        ("s_last", "$S$ last"),
        ("s_last_interval", interval.as_str()),
        ("delta_s_within", "$\\Delta S$ within"),
        ("delta_s_within_interval", interval.as_str()),
        ("delta_s_chosen", "to chosen"),
        ("delta_s_chosen_interval", interval.as_str()),
        ("published_s", "$S$ publ."),
        ("published_delta_s", "$\\Delta S$ publ."),
    ];
    let words = [Column::new("arm", "Arm", Align::Left), Column::new("schedule", "Schedule", Align::Left)];
    words.into_iter().chain(numbers.map(|(name, head)| Column::new(name, head, Align::Right))).collect()
}

/// The runs `arm@schedule` by S, highest first: those planned, then any others that have measurements.
fn runs(facts: &Facts, frame: &Frame) -> Result<Vec<String>, Error> {
    let planned = facts.confirmation.iter().flat_map(|confirmation| &confirmation.runs);
    let mut runs: Vec<String> = planned.map(|run| format!("{}@{}", run.arm, run.schedule)).collect();
    let measured = frame.filter(&Select::stage(STAGE))?;
    for (arm, schedule) in measured.words("arm")?.into_iter().zip(measured.words("schedule")?) {
        if facts.arm(&arm).is_none() {
            return Err(Error::UnknownArm(arm));
        }
        let run = format!("{arm}@{schedule}");
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    let mut values = Vec::new();
    for run in &runs {
        let s = frame.one(&Select::stage(STAGE).run(run).condition("selected").metric("s"))?;
        values.push((run.clone(), s.map(|s| s.value)));
    }
    Ok(ranked(runs, |run| values.iter().find(|(name, _)| name == run)?.1))
}

/// After which epochs the runs of each schedule could be best.
fn evaluated(facts: &Facts) -> String {
    let schedules = facts.confirmation.iter().flat_map(|confirmation| confirmation.schedules());
    let list = schedules.map(|run| {
        let epochs: Vec<String> = run.evaluate.iter().map(usize::to_string).collect();
        format!("{} {}", run.schedule, epochs.join(", "))
    });
    format!("Evaluated after epochs: {}.", list.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    fn rows(sources: &Sources) -> Vec<Vec<String>> {
        let plain = |row: SheetRow| match row {
            SheetRow::Cells(cells) => cells.iter().map(Cell::plain).collect(),
            SheetRow::Group(heading) => panic!("{heading}"),
        };
        build(sources).unwrap().rows.into_iter().map(plain).collect()
    }

    #[test]
    fn every_run_stands_beside_its_row_of_table_4_and_others_beside_nothing() {
        let rows = rows(&fixture::sources());
        assert_eq!(rows.len(), fixture::facts().confirmation.unwrap().runs.len());
        let row = |arm: &str, schedule: &str| rows.iter().find(|row| row[0] == arm && row[1] == schedule).unwrap();
        let published = |arm: &str, schedule: &str| row(arm, schedule)[12..].join(" ");
        assert_eq!(published("d4a4", "cosine60"), "83.8 +10.4");
        assert_eq!(published("t3-wt", "trapez50"), "81.2 +7.8");
        assert_eq!(published("D0", "cosine-tail60"), "73.4 ", "no difference to itself");
        assert_eq!(published("D0", "cosine60"), " ", "not in Table 4");
        let values: Vec<f64> = rows.iter().map(|row| row[3].parse().unwrap()).collect();
        assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
        assert_eq!(row("d4a4", "cosine60")[2], "60");
    }

    #[test]
    fn both_differences_are_those_of_their_baselines() {
        let rows = rows(&fixture::sources());
        let row = |arm: &str, schedule: &str| rows.iter().find(|row| row[0] == arm && row[1] == schedule).unwrap();
        let number = |text: &str| text.trim_start_matches('+').parse::<f64>().unwrap();
        let s = |arm: &str, schedule: &str| number(&row(arm, schedule)[3]);
        let d4a4 = row("d4a4", "cosine60");
        assert!((number(&d4a4[8]) - s("d4a4", "cosine60") + s("D0", "cosine60")).abs() < 0.11, "{d4a4:?}");
        assert!((number(&d4a4[10]) - s("d4a4", "cosine60") + s("D0", "cosine-tail60")).abs() < 0.11, "{d4a4:?}");
        assert!(d4a4[4].contains("..") && d4a4[9].contains("..") && d4a4[11].contains(".."), "{d4a4:?}");
        assert_eq!(row("D0", "cosine60")[7..9], ["", ""], "the baseline within its schedule");
        assert!(!row("D0", "cosine60")[10].is_empty() && row("D0", "cosine-tail60")[10].is_empty());
    }

    /// The profile `paper` ends the trapezoid on a line: its run stands beside the same row of Table 4, and it is said.
    #[test]
    fn a_schedule_that_stands_in_for_another_is_said_to() {
        let mut campaign = fixture::small();
        for run in &mut campaign.facts.confirmation.as_mut().unwrap().runs {
            run.schedule = run.schedule.replace("trapez50", "trapez50-linear");
        }
        for row in &mut campaign.rows {
            row.schedule = row.schedule.replace("trapez50", "trapez50-linear");
        }
        let sources = campaign.sources();
        let rows = rows(&sources);
        let tower = rows.iter().find(|row| row[0] == "t3-wt").unwrap();
        assert_eq!((tower[1].as_str(), tower[12].as_str()), ("trapez50-linear", "81.2"));
        assert!(build(&sources).unwrap().notes[1].contains("trapezoid ends on a line"));
        assert_eq!(build(&fixture::sources()).unwrap().notes.len(), 1, "nothing stands in");
    }

    #[test]
    fn a_campaign_of_other_schedules_has_no_published_neighbours() {
        let mut campaign = fixture::small();
        let confirmation = campaign.facts.confirmation.as_mut().unwrap();
        confirmation.reference_schedule = "cosine-tail4".to_owned();
        let small = |schedule: &str| schedule.replace("60", "4").replace("30", "4x").replace("50", "4");
        confirmation.runs.iter_mut().for_each(|run| run.schedule = small(&run.schedule));
        for row in campaign.rows.iter_mut().filter(|row| row.stage == STAGE) {
            row.schedule = small(&row.schedule);
            row.condition = small(&row.condition);
        }
        for row in rows(&campaign.sources()) {
            assert_eq!(row[12..], ["", ""], "{row:?}");
            assert!(row[0] == "D0" || !row[10].is_empty(), "{row:?}");
        }
    }

    #[test]
    fn a_measured_run_that_nobody_planned_is_shown_and_an_unknown_arm_is_an_error() {
        let mut campaign = fixture::small();
        let confirmation = campaign.facts.confirmation.as_mut().unwrap();
        confirmation.runs.retain(|run| run.arm != "t3-wt");
        let rows = rows(&campaign.sources());
        let tower = rows.iter().find(|row| row[0] == "t3-wt").unwrap();
        assert_eq!((tower[1].as_str(), tower[2].as_str()), ("trapez50", ""), "its length is not known");
        campaign.facts.arms.retain(|arm| arm.id != "t3-wt");
        assert!(matches!(build(&campaign.sources()), Err(Error::UnknownArm(arm)) if arm == "t3-wt"));
        campaign.facts.confirmation = None;
        assert!(build(&campaign.sources()).unwrap().rows.is_empty());
    }
}
