//! Parameters by part of the canonical arms, beside the rows of Table 19, and whether those rows add up.

use super::TableDef;
use crate::error::Error;
use crate::facts::ArmFacts;
use crate::latex::Format;
use crate::published::Published;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "architecture",
    number: Some("19"),
    title: "Parameters by part, beside Table 19",
    inputs: &[Input::Published],
    build,
};

const TABLE: &str = "table19_params";
const TOTAL: &str = "total";

/// A part: what it is called, ours, and the printed rows that belong to it.
struct Part(&'static str, &'static [&'static str], &'static [&'static str]);

const PARTS: [Part; 11] = [
    Part("Audio CNN", &["audio.cnn"], &["audio_cnn"]),
    Part("Audio positions", &["audio.positions"], &["audio_pos_embeddings"]),
    Part("Audio Transformer", &["audio.layers"], &["audio_transformer"]),
    Part("MIDI embedding", &["midi.embedding"], &["midi_embeddings"]),
    Part("MIDI Transformer", &["midi.layers"], &["midi_transformer"]),
    Part("MIDI output norm", &["midi.norm"], &[]),
    Part("Audio head", &["heads.audio"], &["audio_projection"]),
    Part("MIDI head", &["heads.midi"], &["midi_projection"]),
    Part("Injection, audio", &["inject.audio"], &["a4_injection", "a4_concat_proj", "a4_reverse_cross_att"]),
    Part("Injection, MIDI", &["inject.midi"], &["d4_injection"]),
    Part("Third tower", &["inject.tower"], &[]),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let published = sources.published()?;
    let arms: Vec<&ArmFacts> =
        sources.facts.arms.iter().filter(|arm| !published.column(TABLE, &arm.id).is_empty()).collect();
    let mut columns = vec![Column::new("part", "Part", Align::Left)];
    for arm in &arms {
        columns.push(Column::new(&format!("{}_ours", arm.id), &format!("{}: ours", arm.id), Align::Right));
        columns.push(Column::new(&format!("{}_published", arm.id), "printed (M)", Align::Right));
    }
    let mut sheet = Sheet::new(columns);
    for part in &PARTS {
        row(&mut sheet, published, &arms, part.0, part.1, part.2);
    }
    // a printed row that no part claims still counts
    let known: Vec<&str> = PARTS.iter().flat_map(|part| part.2).copied().chain([TOTAL]).collect();
    let mut others: Vec<&str> =
        arms.iter().flat_map(|arm| published.column(TABLE, &arm.id)).map(|(row, _)| row).collect();
    others.sort_unstable();
    others.dedup();
    for other in others.into_iter().filter(|other| !known.contains(other)) {
        row(&mut sheet, published, &arms, &other.replace('_', " "), &[], &[other]);
    }
    totals(&mut sheet, published, &arms);
    notes(&mut sheet, published, &arms);
    Ok(sheet)
}

/// Adds the row of a part, unless no arm and no printed row has it.
fn row(sheet: &mut Sheet, published: &Published, arms: &[&ArmFacts], title: &str, names: &[&str], printed: &[&str]) {
    let mut cells = vec![Cell::text(title)];
    for arm in arms {
        let ours: Vec<u64> = names.iter().filter_map(|name| arm.parts.get(*name)).copied().collect();
        let count = |n: u64| Cell::Number(n as f64, Format::Count);
        cells.push(if ours.is_empty() { Cell::Missing } else { count(ours.iter().sum()) });
        let rows: Vec<f64> = published
            .column(TABLE, &arm.id)
            .into_iter()
            .filter(|(row, _)| printed.contains(row))
            .map(|(_, value)| value)
            .collect();
        cells.push(if rows.is_empty() { Cell::Missing } else { millions(rows.iter().sum()) });
    }
    if cells[1..].iter().any(|cell| *cell != Cell::Missing) {
        sheet.row(cells);
    }
}

/// Adds sums, totals, and whether they agree.
fn totals(sheet: &mut Sheet, published: &Published, arms: &[&ArmFacts]) {
    let ours = |arm: &ArmFacts| Cell::Number(arm.parts.values().sum::<u64>() as f64, Format::Count);
    let sums: Vec<Sum> = arms.iter().map(|arm| Sum::of(published, &arm.id)).collect();
    let mut line = |title: &str, cells: &dyn Fn(&ArmFacts, &Sum) -> [Cell; 2]| {
        let pairs = arms.iter().zip(&sums).flat_map(|(arm, sum)| cells(arm, sum));
        sheet.row(std::iter::once(Cell::text(title)).chain(pairs).collect());
    };
    let maybe = |value: Option<f64>, cell: fn(f64) -> Cell| value.map_or(Cell::Missing, cell);
    line("Sum of these rows", &|arm, sum| [ours(arm), millions(sum.rows)]);
    line("Total", &|arm, sum| [Cell::Number(arm.parameters as f64, Format::Count), maybe(sum.total, millions)]);
    line("Sum less total", &|arm, sum| {
        let rest = arm.parts.values().sum::<u64>() as f64 - arm.parameters as f64;
        let printed = |total: f64| Cell::Number(sum.rows - total, Format::Signed(2));
        [Cell::Number(rest, Format::Count), sum.total.map_or(Cell::Missing, printed)]
    });
    line("Do the rows add up?", &|arm, sum| {
        let word = |yes: bool| Cell::text(if yes { "yes" } else { "no" });
        [word(arm.parts.values().sum::<u64>() == arm.parameters), sum.adds_up().map_or(Cell::Missing, word)]
    });
}

fn notes(sheet: &mut Sheet, published: &Published, arms: &[&ArmFacts]) {
    sheet.note(
        "Printed rows add up if their sum differs from the printed total by no more than the rounding of all of them can \
         explain. Printed rows of one part are added.",
    );
    let same = |arm: &&ArmFacts| {
        let exact =
            published.find(&format!("params_exact.{TOTAL}_{}", arm.id)).and_then(crate::published::Leaf::number);
        exact.is_none_or(|exact| exact == arm.parameters as f64)
    };
    if !arms.iter().all(same) {
        sheet.note(
            "Our counts are those of other widths than the published: only the printed columns speak of the paper.",
        );
    }
}

/// A number of millions as printed.
fn millions(value: f64) -> Cell {
    Cell::Number(value, Format::Fixed(2))
}

/// The printed rows of an arm.
struct Sum {
    rows: f64,
    total: Option<f64>,
    /// The largest difference that rounding explains.
    slack: f64,
}

impl Sum {
    fn of(published: &Published, arm: &str) -> Self {
        let column = published.column(TABLE, arm);
        let total = column.iter().find(|(row, _)| *row == TOTAL).map(|(_, value)| *value);
        let rows = column.iter().filter(|(row, _)| *row != TOTAL).map(|(_, value)| value).sum();
        Self { rows, total, slack: column.iter().map(|(_, value)| half_unit(*value)).sum() }
    }

    /// Whether the rows add up to the total, if one is printed.
    fn adds_up(&self) -> Option<bool> {
        self.total.map(|total| (self.rows - total).abs() <= self.slack + 1e-9)
    }
}

/// Half a unit of the last decimal that a printed number shows.
fn half_unit(value: f64) -> f64 {
    let text = format!("{value}");
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    0.5 / 10_f64.powi(decimals as i32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;

    #[test]
    fn no_printed_column_of_table_19_adds_up() {
        let published = fixture::published();
        for (arm, difference) in [("D0", 2.5), ("d4a4", 1.23), ("a4r", 2.3), ("d4-a4r", 2.01)] {
            let sum = Sum::of(&published, arm);
            assert!((sum.rows - sum.total.unwrap() - difference).abs() < 1e-9, "{arm}: {} {:?}", sum.rows, sum.total);
            assert_eq!(sum.adds_up(), Some(false), "{arm}");
        }
    }

    #[test]
    fn decimals_say_how_far_a_number_is_rounded() {
        for (value, expected) in [(3.2, 0.05), (0.01, 0.005), (54.5, 0.05), (75.0, 0.5), (0.125, 0.000_5)] {
            assert!((half_unit(value) - expected).abs() < 1e-12, "{value}");
        }
    }

    fn table(rows: &[(String, f64)], total: f64) -> Published {
        let leaf = |name: &str, value: f64| {
            format!("[{TABLE}.{name}]\nD0 = {{ value = {value:?}, unit = \"M\", source = \"s\" }}\n")
        };
        let text: String = rows.iter().map(|(name, value)| leaf(name, *value)).collect();
        Published::parse(&(text + &leaf(TOTAL, total))).unwrap()
    }

    proptest! {
        /// Rows that are roundings of numbers with that sum always add up; a row more than the slack off never does.
        #[test]
        fn rounding_is_forgiven_and_more_is_not(exact in proptest::collection::vec(1.0..60.0_f64, 1..9), decimals in 1_u32..3) {
            let unit = 10_f64.powi(decimals as i32);
            let round = |value: f64| (value * unit).round() / unit;
            let rows: Vec<_> = exact.iter().enumerate().map(|(k, value)| (format!("part{k}"), round(*value))).collect();
            // a rounded number may end in zeros, which its text does not show: then the slack is only wider
            let total = round(exact.iter().sum());
            prop_assert_eq!(Sum::of(&table(&rows, total), "D0").adds_up(), Some(true));
            let far = total + Sum::of(&table(&rows, total), "D0").slack + rows.iter().map(|row| row.1).sum::<f64>() - total + 2.0;
            prop_assert_eq!(Sum::of(&table(&rows, round(far)), "D0").adds_up(), Some(false));
        }
    }

    #[test]
    fn a_table_without_a_total_says_nothing() {
        let text = format!("[{TABLE}.audio_cnn]\nD0 = {{ value = 3.2, unit = \"M\", source = \"s\" }}\n");
        assert_eq!(Sum::of(&Published::parse(&text).unwrap(), "D0").adds_up(), None);
    }
}
