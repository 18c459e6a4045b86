//! Tables of the report as tables of the page: heads in words, intervals beside their values.

use serde::Serialize;

use crate::results::Table;

/// Suffix of a column that holds the intervals of the one before it.
const INTERVAL: &str = "_interval";

/// Characters of a cell that is not broken.
const SHORT: usize = 26;
/// Characters of a cell from which on its column holds sentences.
const LONG: usize = 60;

/// Head of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Head {
    /// In words.
    pub words: String,
    /// As in the file.
    pub name: String,
    /// Whether most of its cells are numbers.
    pub number: bool,
    /// Whether all its cells are short enough not to be broken.
    pub short: bool,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    pub text: String,
    /// Interval of the number.
    pub interval: Option<String>,
    /// How it is set.
    pub class: &'static str,
}

/// Heads and rows. A column `x_interval` behind a column `x` is taken into it.
pub(super) fn view(table: &Table) -> (Vec<Head>, Vec<Vec<Cell>>) {
    let column = |at: usize| table.rows.iter().map(move |row| row[at].as_str());
    // a word among numbers does not make a column one of words
    let is_number = |at: usize| {
        let filled = column(at).filter(|text| !text.is_empty()).count();
        2 * column(at).filter(|text| number(text).is_some()).count() > filled
    };
    let interval_of = |at: usize| {
        let next = table.head.get(at + 1)?;
        (next.strip_suffix(INTERVAL) == Some(&table.head[at]) && is_number(at)).then_some(at + 1)
    };
    let mut columns: Vec<(usize, Option<usize>)> = Vec::new();
    let mut at = 0;
    while at < table.head.len() {
        let interval = interval_of(at);
        columns.push((at, interval));
        at += if interval.is_some() { 2 } else { 1 };
    }
    let head = columns.iter().map(|(at, interval)| Head {
        words: words(&table.head[*at]) + if interval.is_some() { " (95\u{a0}%)" } else { "" },
        name: table.head[*at].clone(),
        number: is_number(*at),
        short: column(*at).all(|text| text.chars().count() <= SHORT),
    });
    let head: Vec<Head> = head.collect();
    let long: Vec<bool> = columns.iter().map(|(at, _)| column(*at).any(|text| text.chars().count() >= LONG)).collect();
    let cells = |row: &Vec<String>| {
        let cell = |(((at, interval), head), long): ((&(usize, Option<usize>), &Head), &bool)| Cell {
            text: if number(&row[*at]).is_some() { minus(&row[*at]) } else { row[*at].clone() },
            interval: interval
                .map(|at| row[at].split("..").map(minus).collect::<Vec<_>>().join(" to "))
                .filter(|text| !text.is_empty()),
            class: if head.number {
                "num"
            } else if head.short {
                "short"
            } else if *long {
                "long"
            } else {
                ""
            },
        };
        columns.iter().zip(&head).zip(&long).map(cell).collect()
    };
    let rows = table.rows.iter().map(cells).collect();
    (head, rows)
}

/// The text of a number with a sign that is one; what an exponent has stays.
fn minus(text: &str) -> String {
    text.strip_prefix('-').map_or_else(|| text.to_owned(), |rest| format!("−{rest}"))
}

/// A number as tables print it: with a sign, in groups of three, in percent.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{202f}' | '%')).collect();
    let plain = plain.replace('−', "-");
    let digits = plain.trim_start_matches(['+', '-']);
    let first = digits.chars().next()?;
    (first.is_ascii_digit() || first == '.').then(|| plain.parse().ok()).flatten()
}

/// The name of a column in words: `published_delta_s` is `published ΔS`.
fn words(name: &str) -> String {
    let parts: Vec<&str> = name.split('_').collect();
    let mut words: Vec<String> = Vec::new();
    for part in &parts {
        let delta = words.last().is_some_and(|word| word == "Δ");
        let word = match *part {
            "delta" => "Δ".to_owned(),
            "s" => "S".to_owned(),
            "sd" => "SD".to_owned(),
            "mrr" => "MRR".to_owned(),
            "midi" => "MIDI".to_owned(),
            "gflop" => "GFLOP".to_owned(),
            "a2m" => "audio → MIDI".to_owned(),
            "m2a" => "MIDI → audio".to_owned(),
            _ if part.len() > 1 && part.starts_with('r') && part[1..].chars().all(|c| c.is_ascii_digit()) => {
                format!("R@{}", &part[1..])
            }
            other => other.replace('-', "−"),
        };
        match words.last_mut() {
            Some(last) if delta => last.push_str(&word),
            _ => words.push(word),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(text: &str) -> Table {
        Table::parse(text).unwrap()
    }

    proptest! {
        #[test]
        fn every_cell_of_a_table_is_shown(rows in prop::collection::vec(prop::collection::vec("[a-z0-9]{0,4}", 3), 0..9)) {
            let table = Table { head: vec!["a".into(), "b".into(), "c".into()], rows: rows.clone() };
            let (head, cells) = view(&table);
            prop_assert_eq!(head.len(), 3);
            let texts: Vec<Vec<String>> = cells.iter().map(|row| row.iter().map(|cell| cell.text.clone()).collect()).collect();
            prop_assert_eq!(texts, rows);
        }

        #[test]
        fn numbers_are_read_as_they_are_printed(value in -1e6..1e6) {
            prop_assert_eq!(number(&format!("{value:+}").replace('-', "−")), Some(value));
        }
    }

    #[test]
    fn intervals_stand_beside_their_values() {
        let (head, rows) = view(&table("arm,delta_s,delta_s_interval\nD0,,\na4r,-3.5,-5..-1\n"));
        assert_eq!(head.iter().map(|head| head.words.as_str()).collect::<Vec<_>>(), ["arm", "ΔS (95\u{a0}%)"]);
        assert!(head[1].number && !head[0].number);
        assert_eq!(rows[0][1].interval, None);
        assert_eq!((rows[1][1].text.as_str(), rows[1][1].interval.as_deref()), ("−3.5", Some("−5 to −1")));
    }

    #[test]
    fn an_interval_of_something_else_is_a_column() {
        let (head, _) = view(&table("arm,s_interval\nD0,1..2\n"));
        assert_eq!(head.len(), 2);
        let (head, _) = view(&table("s,s_interval\nx,1..2\n"));
        assert_eq!(head.len(), 2, "what is no number has no interval");
    }

    #[test]
    fn a_word_among_numbers_leaves_them_numbers() {
        let (head, rows) = view(&table("part,ours\nCNN,-3\nhead,4\nadds up,yes\n"));
        assert!(head[1].number && head[1].short && !head[0].number);
        assert_eq!(rows.iter().map(|row| row[1].text.as_str()).collect::<Vec<_>>(), ["−3", "4", "yes"]);
        let (head, _) = view(&table("item,value\na,x-y\nb,z\nc,4\n"));
        assert!(!head[1].number);
        let (head, rows) = view(&table("a,b\nx,6.4e-9\n"));
        assert_eq!((head[1].number, rows[0][1].text.as_str()), (true, "6.4e-9"));
    }

    #[test]
    fn columns_are_set_by_the_length_of_their_cells() {
        let table =
            format!("a,b,c,d\nx,{0},{1},1\n{2},y,z,{1}\nx,y,z,3\n", "b".repeat(27), "c".repeat(60), "a".repeat(26));
        let (head, rows) = view(&Table::parse(&table).unwrap());
        for row in &rows {
            assert_eq!(row.iter().map(|cell| cell.class).collect::<Vec<_>>(), ["short", "", "long", "num"]);
        }
        assert_eq!(head.iter().map(|head| head.short).collect::<Vec<_>>(), [true, false, false, false]);
    }

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("published_delta_s", "published ΔS"),
            ("r10_a2m", "R@10 audio → MIDI"),
            ("s_sd", "S SD"),
            ("s_-6", "S −6"),
            ("mean_rank", "mean rank"),
            ("row", "row"),
        ] {
            assert_eq!(words(name), expected);
        }
    }

    #[test]
    fn what_is_a_number() {
        for (text, value) in
            [("5", Some(5.0)), ("+9.6", Some(9.6)), ("−2", Some(-2.0)), ("6.4e-9", Some(6.4e-9)), ("75 %", Some(75.0))]
        {
            assert_eq!(number(text), value, "{text}");
        }
        for text in ["", "a", "1..2", "inf", "nan", "+", "188 × 8"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
