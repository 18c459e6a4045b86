//! Test 09: shifted and noisy audio, other velocities and octaves, beside Table 10 and Figure 7 of the paper.

use super::ablation::difference;
use super::battery::{Battery, Condition, Model, NORMAL, finished, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "perturbation",
    number: Some("10"),
    title: "Audio and notes changed: S and its difference",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t09";
const SHIFT: &str = "shift";
/// Kinds of conditions in print order.
const KINDS: [&str; 4] = [SHIFT, "snr_db", "velocity", "transpose"];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let interval = interval_head(&sources.facts);
    let mut sheet = Sheet::new(vec![
        Column::new("condition", "Condition", Align::Left),
        Column::new("s", "$S$", Align::Right),
        Column::new("s_interval", &interval, Align::Right),
        Column::new("delta_s", "$\\Delta S$", Align::Right),
        Column::new("delta_s_interval", &interval, Align::Right),
        Column::new("published_s", "$S$ publ.", Align::Right),
    ]);
    sheet.long = Some("perturbationcaption");
    for model in &battery.models {
        sheet.group(battery.label(model));
        let conditions = sorted(battery.conditions(Some(model), "s")?);
        for (idx, condition) in conditions.iter().enumerate() {
            let mut cells = vec![Cell::text(words(condition))];
            cells.extend(battery.pair(model, &condition.name, "s")?);
            cells.extend(difference(condition, battery.pair(model, &condition.name, "delta_s")?));
            cells.push(match printed(condition) {
                Some(path) => published(sources, &path.replace("{arm}", &model.arm), Format::Fixed(1))?,
                None => Cell::Missing,
            });
            sheet.row(cells);
            let last_shift = conditions.get(idx + 1).is_none_or(|next| next.kind != SHIFT);
            if condition.kind == SHIFT && last_shift {
                for cells in worse_signs(sources, &battery, model, &conditions)? {
                    sheet.row(cells);
                }
            }
        }
    }
    Ok(finished(sheet))
}

/// Without any change first, then by kind, then by number; what has none comes last.
fn sorted(mut conditions: Vec<Condition>) -> Vec<Condition> {
    let rank = |condition: &Condition| {
        let kind = KINDS.iter().position(|kind| *kind == condition.kind).unwrap_or(KINDS.len());
        (condition.name != NORMAL, kind, condition.kind.clone())
    };
    let number = |condition: &Condition| condition.number().unwrap_or(f64::INFINITY);
    conditions
        .sort_by(|a, b| rank(a).cmp(&rank(b)).then(number(a).total_cmp(&number(b))).then_with(|| a.name.cmp(&b.name)));
    conditions
}

fn words(condition: &Condition) -> String {
    let amount = condition.amount();
    match condition.kind.as_str() {
        _ if condition.name == NORMAL => "unchanged".to_owned(),
        _ if condition.number().is_none() => condition.name.clone(),
        SHIFT => format!("audio shifted by {amount} samples"),
        "snr_db" => format!("white noise, signal {amount} dB above it"),
        "velocity" => format!("velocities × {amount}"),
        "transpose" => format!("notes {amount} semitones"),
        _ => condition.name.clone(),
    }
}

/// Path of the published S, with `{arm}` for the arm.
fn printed(condition: &Condition) -> Option<String> {
    if condition.name == NORMAL {
        return Some("table10_perturbation.{arm}.shift_0".to_owned());
    }
    let number = condition.number()?;
    let size = number.abs();
    let row = match condition.kind.as_str() {
        "snr_db" => return Some(format!("fig07_noise.{{arm}}.snr{number}")),
        SHIFT => format!("shift_{}{size}", if number < 0.0 { "m" } else { "p" }),
        "velocity" => format!("velocity_{}", number.to_string().replace('.', "_")),
        "transpose" => format!("octave_{}{size}", if number < 0.0 { "minus" } else { "plus" }),
        _ => return None,
    };
    Some(format!("table10_perturbation.{{arm}}.{row}"))
}

/// For shifts that were made both ways and of which the worse is printed: that.
fn worse_signs(
    sources: &Sources,
    battery: &Battery,
    model: &Model,
    conditions: &[Condition],
) -> Result<Vec<Vec<Cell>>, Error> {
    let shifts: Vec<(f64, &Condition)> = conditions
        .iter()
        .filter(|condition| condition.kind == SHIFT)
        .filter_map(|condition| Some((condition.number()?, condition)))
        .collect();
    let mut rows = Vec::new();
    for (samples, up) in shifts.iter().filter(|(samples, _)| *samples > 0.0) {
        let Some((_, down)) = shifts.iter().find(|(other, _)| *other == -samples) else { continue };
        let path = format!("table10_perturbation.{}.shift_{samples}_worst", model.arm);
        let beside = published(sources, &path, Format::Fixed(1))?;
        let (ups, downs) = (battery.one(model, &up.name, "s")?, battery.one(model, &down.name, "s")?);
        let (Some(up_s), Some(down_s), Cell::Number(..)) = (ups, downs, &beside) else { continue };
        let worse = if up_s.value < down_s.value { up } else { down };
        let mut cells = vec![Cell::text(format!("the worse of ±{samples} samples"))];
        cells.extend(battery.pair(model, &worse.name, "s")?);
        cells.extend(battery.pair(model, &worse.name, "delta_s")?);
        cells.push(beside);
        rows.push(cells);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conditions_are_sorted_by_kind_and_then_by_number() {
        let names = [
            "transpose.+12",
            "velocity.1.5",
            "snr_db.10",
            "shift.+4000",
            "snr_db.5",
            "shift.-8000",
            NORMAL,
            "velocity.0.5",
        ];
        let names: Vec<_> = sorted(names.map(Condition::new).to_vec()).into_iter().map(|it| it.name).collect();
        let expected = [
            NORMAL,
            "shift.-8000",
            "shift.+4000",
            "snr_db.5",
            "snr_db.10",
            "velocity.0.5",
            "velocity.1.5",
            "transpose.+12",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn every_condition_of_the_paper_finds_its_published_value() {
        let published = crate::fixture::published();
        for (name, expected) in [
            ("shift.-8000", 71.2),
            ("shift.+4000", 70.2),
            ("snr_db.5", 17.8),
            ("velocity.0.8", 37.2),
            ("transpose.-24", 8.4),
            ("transpose.+12", 10.0),
            (NORMAL, 73.4),
        ] {
            let path = printed(&Condition::new(name)).unwrap().replace("{arm}", "D0");
            assert_eq!(published.find(&path).and_then(crate::published::Leaf::number), Some(expected), "{name}");
        }
    }

    #[test]
    fn words_say_what_was_done_and_by_how_much() {
        assert_eq!(words(&Condition::new("shift.-8000")), "audio shifted by −8000 samples");
        assert_eq!(words(&Condition::new("velocity.0.5")), "velocities × 0.5");
        for name in ["velocity", "velocity.", "velocity.x", "snr_db.inf", "bent.3"] {
            assert_eq!(words(&Condition::new(name)), name, "shown as it is");
        }
    }

    proptest! {
        #[test]
        fn any_names_can_be_sorted_in_any_order(names in proptest::collection::vec("[a-z_]{0,6}[.]?[-+.0-9a-z]{0,5}", 0..12)) {
            let there: Vec<_> = names.iter().map(|name| Condition::new(name)).collect();
            let back: Vec<_> = there.iter().rev().cloned().collect();
            prop_assert_eq!(sorted(there.clone()), sorted(back));
            for condition in &there {
                let _ = (words(condition), printed(condition));
            }
        }
    }
}
