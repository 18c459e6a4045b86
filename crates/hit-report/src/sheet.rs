//! A table before it is LaTeX or CSV: the same cells go into both.

use std::fmt::Write as _;

use crate::frame::Measured;
use crate::latex::{self, Format, escape};

/// Alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers of equal decimals.
    Right,
    /// Signs and short words.
    Centre,
    /// Words that wrap, in a column of this many millimetres.
    Wrap(u32),
}

/// A column of a [`Sheet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the CSV.
    pub name: String,
    /// Head in LaTeX.
    pub head: String,
    /// Alignment.
    pub align: Align,
}

impl Column {
    /// A column whose head is `head`, which is LaTeX.
    pub fn new(name: &str, head: &str, align: Align) -> Self {
        Self { name: name.to_owned(), head: head.to_owned(), align }
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// Words with a dagger: not among the arms of the paper.
    Marked(String),
    /// Words with paths among them, which may break after a dot, a stroke and an underscore.
    Paths(String),
    /// A number.
    Number(f64, Format),
    /// An interval.
    Interval((f64, f64), Format),
    /// Not computed, or not published: a dash.
    Missing,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A measured value, or a dash.
    pub fn measured(measured: Option<&Measured>, metric: &str) -> Self {
        measured.map_or(Self::Missing, |m| Self::Number(m.value, Format::of(metric, &m.unit)))
    }

    /// The interval of a measured value, or a dash.
    pub fn interval(measured: Option<&Measured>, metric: &str) -> Self {
        let interval = measured.and_then(|m| Some((m.interval?, Format::of(metric, &m.unit))));
        interval.map_or(Self::Missing, |(interval, format)| Self::Interval(interval, format))
    }

    /// As LaTeX.
    pub fn tex(&self) -> String {
        match self {
            Self::Text(text) => escape(text),
            Self::Marked(text) => escape(&format!("{text}†")),
            Self::Paths(text) => breakable(text),
            Self::Number(value, format) => format.tex(*value),
            Self::Interval(interval, format) => latex::interval(*format, *interval),
            Self::Missing => "--".to_owned(),
        }
    }

    /// As plain text; nothing where there is nothing.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Paths(text) => text.clone(),
            Self::Marked(text) => format!("{text} (extra)"),
            Self::Number(value, format) => format.plain(*value),
            Self::Interval((low, high), format) => format!("{}..{}", format.plain(*low), format.plain(*high)),
            Self::Missing => String::new(),
        }
    }
}

/// LaTeX that may break inside of paths such as `table2.d4a4.S`; dots that end a sentence or stand in a number stay.
fn breakable(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['.', '/', '_']) {
        let (head, tail) = rest.split_at(at + 1);
        out.push_str(&escape(head));
        if tail.starts_with(char::is_alphabetic) {
            out.push_str("\\allowbreak{}");
        }
        rest = tail;
    }
    out + &escape(rest)
}

/// A row, or what stands between rows.
#[derive(Clone, Debug, PartialEq)]
pub enum SheetRow {
    /// Cells, one a column.
    Cells(Vec<Cell>),
    /// Heading over the rows that follow.
    Group(String),
}

/// A table.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Sheet {
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows in print order.
    pub rows: Vec<SheetRow>,
    /// Remarks under the table, plain text.
    pub notes: Vec<String>,
    /// The name of the LaTeX macro that holds caption and label, for a table that runs over pages; none otherwise.
    pub long: Option<&'static str>,
}

/// The remark that explains daggers.
const DAGGER: &str = "†: not among the arms of the paper.";
/// The remark that explains dashes.
const DASH: &str = "–: not computed by this campaign, or not published.";

impl Sheet {
    /// A table of these columns and no rows yet.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(SheetRow::Cells(cells));
    }

    /// Adds a heading.
    pub fn group(&mut self, heading: impl Into<String>) {
        self.rows.push(SheetRow::Group(heading.into()));
    }

    /// Adds a remark.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// As LaTeX, booktabs style: a `tabular` with its remarks, or a `longtable`.
    ///
    /// The template defines `\fittable` (shrinks what is wider than the line) and `\tablenote`.
    pub fn tex(&self) -> String {
        let mut out = String::from("% made by hitrepro; edits are lost\n");
        let head = self.columns.iter().map(|column| column.head.as_str()).collect::<Vec<_>>().join(" & ");
        let spec: String = self.columns.iter().map(|column| spec(column.align)).collect();
        match self.long {
            None => {
                let _ = writeln!(
                    out,
                    "\\fittable{{%\n\\begin{{tabular}}{{@{{}}{spec}@{{}}}}\n\\toprule\n{head} \\\\\n\\midrule"
                );
            }
            Some(caption) => {
                let n = self.columns.len();
                let _ = writeln!(
                    out,
                    "\\begin{{longtable}}{{@{{}}{spec}@{{}}}}\n\\{caption}\\\\\n\\toprule\n{head} \\\\\n\\midrule\n\
                     \\endfirsthead\n\\toprule\n{head} \\\\\n\\midrule\n\\endhead\n\\midrule\n\
                     \\multicolumn{{{n}}}{{@{{}}l@{{}}}}{{\\itshape continued on the next page}}\\\\\n\\endfoot\n\
                     \\bottomrule\n\\endlastfoot"
                );
            }
        }
        self.tex_rows(&mut out);
        out.push_str(if self.long.is_some() { "\\end{longtable}\n" } else { "\\bottomrule\n\\end{tabular}}\n" });
        for note in self.all_notes() {
            let _ = writeln!(out, "\\tablenote{{{}}}", escape(&note));
        }
        out
    }

    fn tex_rows(&self, out: &mut String) {
        let n = self.columns.len();
        // rows of several lines are told apart by a little space, where there are not pages of them
        let wraps = self.long.is_none() && self.columns.iter().any(|column| matches!(column.align, Align::Wrap(_)));
        for (idx, row) in self.rows.iter().enumerate() {
            match row {
                SheetRow::Cells(cells) => {
                    out.push_str(if wraps && idx > 0 { "\\addlinespace[2pt]\n" } else { "" });
                    let cells: Vec<_> = cells.iter().map(Cell::tex).collect();
                    let _ = writeln!(out, "{} \\\\", cells.join(" & "));
                }
                SheetRow::Group(heading) => {
                    let space = if idx == 0 { "" } else { "\\addlinespace\n" };
                    let _ =
                        writeln!(out, "{space}\\multicolumn{{{n}}}{{@{{}}l}}{{\\itshape {}}} \\\\", escape(heading));
                }
            }
        }
    }

    /// As CSV: column `group` first where the table has headings.
    pub fn csv(&self) -> String {
        let grouped = self.rows.iter().any(|row| matches!(row, SheetRow::Group(_)));
        let first = grouped.then(|| "group".to_owned());
        let names = self.columns.iter().map(|column| column.name.clone());
        let mut out = line(first.into_iter().chain(names));
        let mut group = String::new();
        for row in &self.rows {
            match row {
                SheetRow::Group(heading) => group.clone_from(heading),
                SheetRow::Cells(cells) => {
                    let first = grouped.then(|| group.clone());
                    out.push_str(&line(first.into_iter().chain(cells.iter().map(Cell::plain))));
                }
            }
        }
        out
    }

    fn all_notes(&self) -> Vec<String> {
        let any = |of: fn(&Cell) -> bool| {
            self.rows.iter().any(|row| matches!(row, SheetRow::Cells(cells) if cells.iter().any(of)))
        };
        let dagger = any(|cell| matches!(cell, Cell::Marked(_))).then(|| DAGGER.to_owned());
        let dash = any(|cell| *cell == Cell::Missing).then(|| DASH.to_owned());
        self.notes.iter().cloned().chain(dagger).chain(dash).collect()
    }
}

fn spec(align: Align) -> String {
    match align {
        Align::Left => "l".to_owned(),
        Align::Right => "r".to_owned(),
        Align::Centre => "c".to_owned(),
        Align::Wrap(mm) => format!(">{{\\raggedright\\arraybackslash}}p{{{mm}mm}}"),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let quote = |cell: String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    };
    cells.map(quote).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(vec![
            Column::new("arm", "Arm", Align::Left),
            Column::new("delta_s", "$\\Delta S$ (pp)", Align::Right),
            Column::new("interval", "95\\,\\%", Align::Right),
        ]);
        sheet.group("Dual, with_underscore");
        sheet.row(vec![
            Cell::text("d4&a4"),
            Cell::Number(-1.25, Format::Signed(1)),
            Cell::Interval((-2.0, 0.5), Format::Signed(1)),
        ]);
        sheet.row(vec![Cell::text("a, \"b\""), Cell::Missing, Cell::Missing]);
        sheet
    }

    #[test]
    fn paths_break_between_their_parts_and_numbers_do_not() {
        let cell = Cell::Paths("table2.d4a4.S_x is 74.2, below a/b.".to_owned());
        assert_eq!(
            cell.tex(),
            "table2.\\allowbreak{}d4a4.\\allowbreak{}S\\_\\allowbreak{}x is 74.2, below a/\\allowbreak{}b."
        );
        assert_eq!(cell.plain(), "table2.d4a4.S_x is 74.2, below a/b.");
    }

    #[test]
    fn latex_and_csv_hold_the_same_cells() {
        let tex = sheet().tex();
        assert!(tex.contains("d4\\&a4 & $-$1.2 & [$-$2.0, $+$0.5] \\\\"), "{tex}");
        assert!(tex.contains("\\multicolumn{3}{@{}l}{\\itshape Dual, with\\_underscore}"), "{tex}");
        assert!(tex.contains("a, \"b\" & -- & --"), "{tex}");
        let csv = sheet().csv();
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines[0], "group,arm,delta_s,interval");
        assert_eq!(lines[1], "\"Dual, with_underscore\",d4&a4,-1.2,-2.0..+0.5");
        assert_eq!(lines[2], "\"Dual, with_underscore\",\"a, \"\"b\"\"\",,");
    }

    #[test]
    fn dashes_are_explained_only_where_there_are_some() {
        assert!(sheet().tex().contains(&escape(DASH)));
        let mut whole = sheet();
        whole.rows.pop();
        assert!(!whole.tex().contains(&escape(DASH)));
    }

    #[test]
    fn a_marked_cell_has_a_dagger_and_the_table_explains_it() {
        assert!(!sheet().tex().contains("dagger"));
        let mut marked = sheet();
        marked.row(vec![Cell::Marked("d4_x".to_owned()), Cell::Missing, Cell::Missing]);
        let tex = marked.tex();
        assert!(tex.contains("d4\\_x$^\\dagger$ & -- & --"), "{tex}");
        assert_eq!(tex.matches("not among the arms of the paper").count(), 1);
        assert!(marked.csv().contains(",d4_x (extra),"), "{}", marked.csv());
    }

    #[test]
    fn a_long_table_repeats_its_head_and_takes_its_caption_from_the_template() {
        let long = Sheet { long: Some("comparecaption"), ..sheet() };
        let tex = long.tex();
        assert_eq!(tex.matches("$\\Delta S$ (pp)").count(), 2);
        assert!(tex.contains("\\comparecaption\\\\"), "{tex}");
        assert!(tex.contains("\\end{longtable}") && !tex.contains("tabular"), "{tex}");
    }

    #[test]
    fn every_row_of_latex_has_a_cell_for_each_column() {
        let n = sheet().columns.len();
        let tex = sheet().tex();
        for row in tex.lines().filter(|line| line.ends_with("\\\\") && !line.contains("multicolumn")) {
            assert_eq!(row.replace("\\&", "").matches('&').count(), n - 1, "{row}");
        }
    }

    /// Cells of one line of CSV, by the rules of RFC 4180.
    fn split(line: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    cell.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    }

    proptest! {
        #[test]
        fn words_survive_the_csv(words in proptest::collection::vec("[a-z,\" %_-]{0,12}", 1..6)) {
            let columns = words.iter().map(|_| Column::new("x", "X", Align::Left)).collect();
            let mut sheet = Sheet::new(columns);
            sheet.row(words.iter().map(Cell::text).collect());
            let csv = sheet.csv();
            prop_assert_eq!(split(csv.lines().nth(1).unwrap_or_default()), words);
        }

        #[test]
        fn words_survive_latex_as_words(word in "[A-Za-z &%$#_{}]{0,20}") {
            let mut sheet = Sheet::new(vec![Column::new("a", "A", Align::Left), Column::new("b", "B", Align::Left)]);
            sheet.row(vec![Cell::text(word), Cell::text("end")]);
            let tex = sheet.tex();
            let row = tex.lines().find(|line| line.contains("& end")).unwrap();
            prop_assert_eq!(row.replace("\\&", "").matches('&').count(), 1, "{}", row);
            prop_assert!(row.ends_with("\\\\"), "{}", row);
        }
    }

    #[test]
    fn a_measured_cell_takes_format_and_interval_from_its_unit() {
        let measured = Measured { value: 8.84, unit: "pp".to_owned(), interval: Some((6.0, 11.25)) };
        assert_eq!(Cell::measured(Some(&measured), "delta_s").tex(), "$+$8.8");
        assert_eq!(Cell::interval(Some(&measured), "delta_s").plain(), "+6.0..+11.2");
        assert_eq!(Cell::measured(Some(&measured), "s_sd").tex(), "8.8");
        assert_eq!(Cell::measured(None, "s"), Cell::Missing);
        let alone = Measured { interval: None, ..measured };
        assert_eq!(Cell::interval(Some(&alone), "delta_s"), Cell::Missing);
    }
}
