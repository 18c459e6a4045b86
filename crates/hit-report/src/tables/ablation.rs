//! Test 01: descriptors of trained models replaced at inference, beside Table 6 of the paper.

use super::battery::{Battery, Condition, NORMAL, finished, published};
use super::{TableDef, interval_head};
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "ablation",
    number: Some("6"),
    title: "Descriptors replaced at inference: S and its difference",
    inputs: &[Input::Measurements, Input::Published],
    build,
};

const STAGE: &str = "t01";
/// Kind of condition, how it is written, and its name in Table 6. Only the shuffle among neighbours is the published one
/// (inconsistencies 6.2).
const KINDS: [(&str, &str, Option<&str>); 4] = [
    ("zero", "zero", Some("zero")),
    ("noise", "noise", Some("noise")),
    ("shuffle_local", "shuffled among neighbours", Some("shuffle")),
    ("shuffle_global", "shuffled over performances", None),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let battery = Battery::read(sources, STAGE)?;
    let interval = interval_head(&sources.facts);
    let mut sheet = Sheet::new(vec![
        Column::new("descriptors", "Descriptors", Align::Left),
        Column::new("condition", "given instead", Align::Left),
        Column::new("s", "$S$", Align::Right),
        Column::new("s_interval", &interval, Align::Right),
        Column::new("delta_s", "$\\Delta S$", Align::Right),
        Column::new("delta_s_interval", &interval, Align::Right),
        Column::new("published_s", "$S$ publ.", Align::Right),
        Column::new("published_delta_s", "$\\Delta S$ publ.", Align::Right),
    ]);
    for model in &battery.models {
        let conditions = sorted(battery.conditions(Some(model), "s")?);
        if conditions.iter().all(|condition| condition.name == NORMAL) {
            continue; // nothing of it could be replaced
        }
        sheet.group(battery.label(model));
        for condition in conditions {
            let (descriptors, words) = words(&condition);
            let mut cells = vec![Cell::text(descriptors), Cell::text(words)];
            cells.extend(battery.pair(model, &condition.name, "s")?);
            cells.extend(difference(&condition, battery.pair(model, &condition.name, "delta_s")?));
            let [s, delta] = printed(&condition)
                .map(|columns| columns.map(|column| format!("table06_ablation.{}.{column}", model.arm)));
            cells.push(s.map_or(Ok(Cell::Missing), |path| published(sources, &path, Format::Fixed(1)))?);
            let delta = delta.map_or(Ok(Cell::Missing), |path| published(sources, &path, Format::Signed(1)))?;
            cells.extend(difference(&condition, [delta]));
            sheet.row(cells);
        }
    }
    Ok(finished(sheet))
}

/// Cells of a difference; the model under no condition has none to itself.
pub(super) fn difference<const N: usize>(condition: &Condition, cells: [Cell; N]) -> [Cell; N] {
    if condition.name == NORMAL { cells.map(|_| Cell::text("")) } else { cells }
}

/// Without any change first, then descriptors by themselves and together, each under the kinds of [`KINDS`].
pub(crate) fn sorted(mut conditions: Vec<Condition>) -> Vec<Condition> {
    conditions.sort_by_key(|condition| {
        let rank = KINDS.iter().position(|(kind, ..)| *kind == condition.kind).unwrap_or(KINDS.len());
        let together = condition.what.matches('+').count();
        (condition.name != NORMAL, together, condition.what.clone(), rank, condition.name.clone())
    });
    conditions
}

/// Descriptors, and what is given in their place.
pub(crate) fn words(condition: &Condition) -> (String, String) {
    if condition.name == NORMAL {
        return (String::new(), "nothing".to_owned());
    }
    let known = KINDS.iter().find(|(kind, ..)| *kind == condition.kind);
    match known.filter(|_| !condition.what.is_empty()) {
        Some((_, words, _)) => (condition.what.to_uppercase().replace('+', " + "), (*words).to_owned()),
        None => (String::new(), condition.name.clone()),
    }
}

/// Columns of Table 6 for S and its difference.
pub(crate) fn printed(condition: &Condition) -> [Option<String>; 2] {
    if condition.name == NORMAL {
        return [Some("S_normal".to_owned()), None];
    }
    let kind = KINDS.iter().find(|(kind, ..)| *kind == condition.kind).and_then(|(.., printed)| *printed);
    let Some(kind) = kind else { return [None, None] };
    let of = if condition.what.contains('+') { "both".to_owned() } else { condition.what.to_uppercase() };
    ["S", "delta"].map(|column| Some(format!("{of}_{kind}_{column}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_stand_by_descriptor_and_then_by_kind() {
        let names = [
            "zero.d4",
            "shuffle_global.a4",
            "zero.a4+d4",
            "odd",
            "noise.a4",
            NORMAL,
            "shuffle_local.a4",
            "zero.a4",
            "bent.a4",
        ];
        let names: Vec<_> = sorted(names.map(Condition::new).to_vec()).into_iter().map(|it| it.name).collect();
        assert_eq!(
            names,
            [
                NORMAL,
                "odd",
                "zero.a4",
                "noise.a4",
                "shuffle_local.a4",
                "shuffle_global.a4",
                "bent.a4",
                "zero.d4",
                "zero.a4+d4"
            ]
        );
    }

    #[test]
    fn what_the_paper_shuffles_is_the_local_shuffle() {
        let printed = |name: &str| printed(&Condition::new(name))[0].clone().unwrap_or_default();
        assert_eq!(printed("shuffle_local.a4"), "A4_shuffle_S");
        assert_eq!(printed("shuffle_global.a4"), "");
        assert_eq!(printed("zero.a4+d4"), "both_zero_S");
        assert_eq!((printed(NORMAL), printed("bent.a4")), ("S_normal".to_owned(), String::new()));
    }

    #[test]
    fn a_condition_that_nobody_knows_is_shown_by_its_name() {
        assert_eq!(words(&Condition::new("zero.a4+d4")), ("A4 + D4".to_owned(), "zero".to_owned()));
        for name in ["zero", "bent.a4", ".", "", "a.b.c"] {
            assert_eq!(words(&Condition::new(name)), (String::new(), name.to_owned()));
        }
    }
}
