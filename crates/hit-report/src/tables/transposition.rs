//! Test 04: the notes transposed, the audio as it is, beside Table 7 of the paper.

use super::TableDef;
use super::battery::{Battery, Condition, Model, NORMAL, finished, note_others, published};
use crate::error::Error;
use crate::latex::{Format, escape};
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "transposition",
    number: Some("7"),
    title: "Notes transposed: S by semitones",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t04";
const RETENTION: &str = "retention";

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let (steps, others) = steps(battery.conditions(None, "s")?);
    let groups = battery.conditions(None, RETENTION)?;
    let mut columns = vec![Column::new("row", "Semitones", Align::Left)];
    for step in &steps {
        let step = step.what.as_str();
        let (name, head) = if step.is_empty() { ("0", "0") } else { (step, step) };
        columns.push(Column::new(&format!("s_{name}"), &signed(head), Align::Right));
    }
    for group in &groups {
        columns.push(Column::new(&format!("{RETENTION}_{}", group.name), &retention_head(&group.name), Align::Right));
    }
    let mut sheet = Sheet::new(columns);
    for model in &battery.models {
        sheet.group(battery.label(model));
        let mut ours = vec![Cell::text("ours")];
        let mut intervals =
            vec![Cell::text(format!("{} %", Format::Fixed(0).plain(100.0 * sources.facts.retrieval.level)))];
        for step in &steps {
            let [s, interval] = battery.pair(model, &step.name, "s")?;
            ours.push(s);
            intervals.push(interval);
        }
        for group in &groups {
            let [retention, _] = battery.pair(model, &group.name, RETENTION)?;
            ours.push(retention);
            intervals.push(Cell::text(""));
        }
        sheet.row(ours);
        sheet.row(intervals);
        let printed = printed(sources, model, &steps, &groups)?;
        if printed.iter().any(|cell| matches!(cell, Cell::Number(..))) {
            sheet.row(printed);
        }
    }
    note_others(&mut sheet, others);
    Ok(finished(sheet))
}

/// Conditions by semitones, from below; and the names of those that are something else.
fn steps(conditions: Vec<Condition>) -> (Vec<Condition>, Vec<String>) {
    let (mut steps, mut others) = (Vec::new(), Vec::new());
    for condition in conditions {
        match semitones(&condition) {
            Some(semitones) => steps.push((semitones, condition)),
            None => others.push(condition.name),
        }
    }
    steps.sort_by(|(a, first), (b, second)| a.total_cmp(b).then_with(|| first.name.cmp(&second.name)));
    (steps.into_iter().map(|(_, condition)| condition).collect(), others)
}

fn semitones(condition: &Condition) -> Option<f64> {
    if condition.name == NORMAL {
        return Some(0.0);
    }
    condition.number().filter(|_| condition.kind == "transpose")
}

fn printed(sources: &Sources, model: &Model, steps: &[Condition], groups: &[Condition]) -> Result<Vec<Cell>, Error> {
    let cell =
        |column: &str| published(sources, &format!("table07_transposition.{}.{column}", model.arm), Format::Fixed(1));
    let mut cells = vec![Cell::text("published")];
    for step in steps {
        cells.push(cell(&column(semitones(step).unwrap_or_default()))?);
    }
    for group in groups {
        // printed without decimals; the values behind it have one
        cells.push(match group.name.strip_prefix("within_") {
            Some(semitones) => cell(&format!("retention_{semitones}_exact"))?,
            None => Cell::Missing,
        });
    }
    Ok(cells)
}

/// The column of Table 7.
fn column(semitones: f64) -> String {
    match semitones {
        0.0 => "zero".to_owned(),
        up if up > 0.0 => format!("plus{up}"),
        down => format!("minus{}", -down),
    }
}

/// A signed number as LaTeX.
fn signed(text: &str) -> String {
    escape(text).replace('-', "$-$").replace('+', "$+$")
}

/// `within_3` is mean S at 3 semitones either way over S without, in percent.
fn retention_head(name: &str) -> String {
    match name.strip_prefix("within_").filter(|semitones| semitones.parse::<f64>().is_ok()) {
        Some(semitones) => format!("$\\pm${}, \\%", escape(semitones)),
        None => escape(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_sorted_by_their_number_and_not_by_their_words() {
        let names = [
            "transpose.+12",
            "transpose.-1",
            NORMAL,
            "transpose.+3",
            "transpose.-12",
            "transpose.",
            "bent.3",
            "transpose.nan",
        ];
        let (steps, others) = steps(names.map(Condition::new).to_vec());
        let names: Vec<_> = steps.into_iter().map(|step| step.name).collect();
        assert_eq!(names, ["transpose.-12", "transpose.-1", NORMAL, "transpose.+3", "transpose.+12"]);
        assert_eq!(others, ["transpose.", "bent.3", "transpose.nan"]);
    }

    #[test]
    fn heads_and_columns_carry_the_sign() {
        assert_eq!(
            (column(-6.0), column(3.0), column(0.0), column(0.5)),
            ("minus6".into(), "plus3".into(), "zero".into(), "plus0.5".into())
        );
        assert_eq!(
            (signed("-6"), signed("+3"), signed("a_b")),
            ("$-$6".to_owned(), "$+$3".to_owned(), "a\\_b".to_owned())
        );
        assert_eq!(retention_head("within_3"), "$\\pm$3, \\%");
        assert_eq!(retention_head("within_$x"), "within\\_\\$x", "not a number: its name");
    }
}
