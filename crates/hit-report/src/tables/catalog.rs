//! All arms: descriptors, how and where they enter, family, beside Table 13 of the paper.

use super::{TableDef, arm_cell};
use crate::error::Error;
use crate::facts::ArmFacts;
use crate::published::{Leaf, LeafValue, Published};
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "catalog",
    number: Some("13"),
    title: "All arms: descriptors, mechanisms, sides",
    inputs: &[Input::Published],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let published = sources.published()?;
    let mut sheet = Sheet::new(vec![
        Column::new("arm", "Arm", Align::Left),
        Column::new("family", "Family", Align::Left),
        Column::new("descriptors", "Descriptors (values)", Align::Wrap(23)),
        Column::new("mechanisms", "Mechanism and side", Align::Wrap(36)),
        Column::new("published", "Publ.: code, side, values", Align::Wrap(24)),
        Column::new("published_description", "Description, as printed", Align::Wrap(36)),
    ]);
    sheet.long = Some("catalogcaption");
    for arm in &sources.facts.arms {
        let printed = printed_id(published, arm);
        let screened = ["mechanism_code", "domain", "dims"]
            .map(|column| words(published, &format!("table02_screening.{printed}.{column}")));
        let screened: Vec<String> = screened.into_iter().flatten().filter(|words| words != "-").collect();
        let description = words(published, &format!("table13_catalog.{printed}"))
            .or_else(|| words(published, &format!("table03_families.{}.family", arm.id)));
        let given =
            arm.descriptors.iter().zip(&arm.dims).map(|(id, dims)| format!("{id} ({dims})")).collect::<Vec<_>>();
        let cell = |words: String| if words.is_empty() { Cell::Missing } else { Cell::text(words) };
        sheet.row(vec![
            arm_cell(&sources.facts, &arm.id),
            Cell::text(&arm.family),
            Cell::text(or_none(joined(&distinct(&given)))),
            Cell::text(or_none(joined(&distinct(&arm.mechanisms)))),
            cell(screened.join(", ")),
            cell(description.unwrap_or_default()),
        ]);
    }
    sheet.note(
        "Codes as printed: C concatenation, X cross-attention, R reverse cross-attention, CM cross-modal. Values: per row of \
         each descriptor, in their order. An arm of the families has in print the name of its family alone.",
    );
    Ok(sheet)
}

/// The id of the arm in the tables of the screening, where `a4r` is `A4r`.
fn printed_id(published: &Published, arm: &ArmFacts) -> String {
    let upper =
        arm.id.char_indices().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c }).collect::<String>();
    let known = |id: &str| published.find(&format!("table13_catalog.{id}")).is_some();
    if !known(&arm.id) && known(&upper) { upper } else { arm.id.clone() }
}

fn words(published: &Published, path: &str) -> Option<String> {
    match published.find(path).map(|leaf: &Leaf| &leaf.value) {
        Some(LeafValue::Text(words)) => Some(words.clone()),
        _ => None,
    }
}

fn joined(words: &[String]) -> String {
    words.iter().map(|word| word.replace('_', " ")).collect::<Vec<_>>().join(", ")
}

fn or_none(words: String) -> String {
    if words.is_empty() { "none".to_owned() } else { words }
}

fn distinct(words: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for word in words {
        if !seen.contains(word) {
            seen.push(word.clone());
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    fn row(sheet: &Sheet, arm: &str) -> Vec<String> {
        let plain = |row: &SheetRow| match row {
            SheetRow::Cells(cells) => cells.iter().map(Cell::plain).collect::<Vec<_>>(),
            SheetRow::Group(heading) => panic!("{heading}"),
        };
        sheet.rows.iter().map(plain).find(|cells| cells[0].split(' ').next() == Some(arm)).unwrap()
    }

    #[test]
    fn every_arm_has_its_row_and_the_printed_ones_their_codes() {
        let campaign = fixture::large();
        let sheet = build(&campaign.sources()).unwrap();
        assert_eq!(sheet.rows.len(), 28);
        assert_eq!(
            row(&sheet, "d4a4").join(" | "),
            "d4a4 | inject | A4 (8), D4 (4) | concat (audio), concat (MIDI) | C+C, Dual, 4+8 | \
             D4 concat (MIDI) + A4 concat (audio)"
        );
        assert_eq!(row(&sheet, "a4r")[4..].join(" | "), "R, Audio, 8 | A4 via reverse cross-attention", "A4r in print");
        assert_eq!(row(&sheet, "t3-wt")[4..].join(" | "), " | Third Tower");
        assert_eq!(row(&sheet, "film-a4e")[0], "film-a4e (extra)");
        assert_eq!(row(&sheet, "D0")[2..].join(" | "), "none | none |  | VICReg baseline (no descriptors)");
    }

    #[test]
    fn hostile_names_of_descriptors_break_no_row() {
        let mut facts = fixture::facts();
        facts.arms[1].descriptors = vec!["a_4 & \\x".to_owned()];
        facts.arms[1].dims = vec![4];
        let tex = build(&fixture::sources_of(facts)).unwrap().tex();
        assert!(tex.contains("a 4 \\& \\textbackslash{}x"), "{tex}");
    }
}
