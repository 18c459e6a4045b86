//! The ratios that A7 and A9 compare with, beside Table 14 of the paper.

use super::TableDef;
use super::battery::published;
use crate::error::Error;
use crate::latex::Format;
use crate::published::{Leaf, LeafValue};
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "attractors",
    number: Some("14"),
    title: "The rational attractors of descriptors A7 and A9",
    inputs: &[Input::Published],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("value", "Value", Align::Left),
        Column::new("ratio", "Ratio", Align::Left),
        Column::new("octaves", "$\\log_2$", Align::Right),
        Column::new("cents", "Cents", Align::Right),
        Column::new("published_ratio", "Ratio publ.", Align::Right),
        Column::new("published_log2", "$\\log_2$ publ.", Align::Right),
        Column::new("published_cents", "Cents publ.", Align::Right),
        Column::new("published_interval", "Interval, as printed", Align::Left),
    ]);
    for (idx, attractor) in sources.facts.attractors.iter().enumerate() {
        let path = |column: &str| format!("table14_attractors.a{idx:02}.{column}");
        let words = |column: &str| {
            Ok::<_, Error>(match sources.published()?.find(&path(column)).map(|leaf: &Leaf| &leaf.value) {
                Some(LeafValue::Text(words)) => Cell::text(words),
                _ => Cell::Missing,
            })
        };
        sheet.row(vec![
            Cell::text(idx.to_string()),
            Cell::text(format!("{}/{}", attractor.over, attractor.under)),
            Cell::Number(attractor.octaves(), Format::Fixed(3)),
            Cell::Number(1200.0 * attractor.octaves(), Format::Fixed(0)),
            words("ratio")?,
            published(sources, &path("log2"), Format::Fixed(3))?,
            published(sources, &path("cents"), Format::Fixed(0))?,
            words("interval")?,
        ]);
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    #[test]
    fn our_ratios_are_those_of_table_14() {
        let sheet = build(&fixture::sources()).unwrap();
        assert_eq!(sheet.rows.len(), 12);
        for row in &sheet.rows {
            let SheetRow::Cells(cells) = row else { panic!("{row:?}") };
            let plain: Vec<_> = cells.iter().map(Cell::plain).collect();
            assert_eq!(plain[1..4], plain[4..7], "{plain:?}");
            assert!(!plain[7].is_empty());
        }
    }

    #[test]
    fn another_ratio_stands_out() {
        let mut facts = fixture::facts();
        facts.attractors[6].under = 6;
        let sheet = build(&fixture::sources_of(facts)).unwrap();
        let SheetRow::Cells(cells) = &sheet.rows[6] else { panic!() };
        assert_eq!((cells[1].plain().as_str(), cells[4].plain().as_str()), ("7/6", "7/5"));
    }
}
