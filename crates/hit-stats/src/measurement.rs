//! The row that every number of the campaign becomes, and the table of such rows.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Columns of `measurements.csv`, in this order.
pub const COLUMNS: [&str; 10] =
    ["stage", "arm", "schedule", "seed", "condition", "metric", "value", "unit", "n", "interval"];

/// One number, where it comes from, and how sure it is. Text fields are empty where they do not apply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// Experiment: `foundation`, `screening`, `replication`, `test`, ...
    pub stage: String,
    /// Arm id.
    pub arm: String,
    /// Schedule id.
    pub schedule: String,
    /// Training seed; none for what is computed over seeds.
    pub seed: Option<u64>,
    /// Under which condition: `epoch=005`, `selected`, `best_vs_D0`, ...
    pub condition: String,
    /// What is measured: `s`, `r10_a2m`, ...
    pub metric: String,
    /// The number.
    pub value: f64,
    /// `%` for percent, `pp` for differences of percents, empty for plain numbers.
    pub unit: String,
    /// Number of cases that it is computed from: queries, seeds, ...
    pub n: Option<u64>,
    /// Interval at the level of its bootstrap (95 %), in the unit of the value.
    pub interval: Option<(f64, f64)>,
}

type Cell<'a> = (&'a str, &'a str, &'a str, Option<u64>, &'a str, &'a str);

impl Measurement {
    /// What identifies the number: two rows of a table never share it. Tables are sorted by it.
    pub fn cell(&self) -> Cell<'_> {
        (&self.stage, &self.arm, &self.schedule, self.seed, &self.condition, &self.metric)
    }

    /// Sorts rows and checks that no cell occurs twice.
    ///
    /// # Errors
    /// [`Error::Duplicate`].
    pub fn sorted(mut rows: Vec<Self>) -> Result<Vec<Self>, Error> {
        rows.sort_by(|a, b| a.cell().cmp(&b.cell()));
        match rows.windows(2).find(|pair| pair[0].cell() == pair[1].cell()) {
            None => Ok(rows),
            Some(pair) => {
                let (first, second) = (pair[0].value, pair[1].value);
                Err(Error::Duplicate { cell: pair[0].label(), first, second })
            }
        }
    }

    /// The table of these rows, sorted, with a header.
    ///
    /// # Errors
    /// [`Error::Duplicate`]; [`Error::Value`] if a number is not finite or an interval upside down.
    pub fn to_csv(rows: &[Self]) -> Result<String, Error> {
        let rows = Self::sorted(rows.to_vec())?;
        rows.iter().try_for_each(Self::check)?;
        Ok(text(&rows))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Line`] for the first line that is not a row, [`Error::Duplicate`].
    pub fn from_csv(text: &str) -> Result<Vec<Self>, Error> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for (i, record) in reader.records().enumerate() {
            let record = record.map_err(|error| Error::Line {
                line: error.position().map_or(1, csv::Position::line),
                what: error.to_string(),
            })?;
            let line = record.position().map_or(1, csv::Position::line);
            let fields: Vec<&str> = record.iter().collect();
            let read = match i {
                0 if fields == COLUMNS => continue,
                0 => Err(format!("the columns are `{}`, expected are `{}`", fields.join(","), COLUMNS.join(","))),
                _ => Self::from_fields(&fields),
            };
            rows.push(read.map_err(|what| Error::Line { line, what })?);
        }
        if text.trim().is_empty() {
            return Err(Error::Line { line: 1, what: format!("the table has no columns `{}`", COLUMNS.join(",")) });
        }
        Self::sorted(rows)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Measurement::from_csv`] with the path.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = fs_err::read_to_string(path)?;
        Self::from_csv(&text).map_err(|error| Error::File { path: path.to_owned(), source: Box::new(error) })
    }

    fn label(&self) -> String {
        let seed = self.seed.map(|seed| seed.to_string()).unwrap_or_default();
        [&self.stage, &self.arm, &self.schedule, &seed, &self.condition, &self.metric].map(String::as_str).join("/")
    }

    fn check(&self) -> Result<(), Error> {
        let numbers = [Some(self.value), self.interval.map(|i| i.0), self.interval.map(|i| i.1)];
        let wrong = |value, expected| Error::Value { what: format!("`{}`", self.label()), value, expected };
        if let Some(value) = numbers.into_iter().flatten().find(|number| !number.is_finite()) {
            return Err(wrong(value, "a finite number"));
        }
        match self.interval {
            Some((low, high)) if low > high => Err(wrong(low, "a lower end below the upper end")),
            _ => Ok(()),
        }
    }

    fn fields(&self) -> [String; 10] {
        let whole = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let interval = self.interval.map(|(low, high)| format!("{}..{}", number(low), number(high)));
        [
            self.stage.clone(),
            self.arm.clone(),
            self.schedule.clone(),
            whole(self.seed),
            self.condition.clone(),
            self.metric.clone(),
            number(self.value),
            self.unit.clone(),
            whole(self.n),
            interval.unwrap_or_default(),
        ]
    }

    fn from_fields(fields: &[&str]) -> Result<Self, String> {
        let whole = |column: usize| match fields[column] {
            "" => Ok(None),
            text => {
                text.parse().map(Some).map_err(|_| format!("`{}` is `{text}`, not a whole number", COLUMNS[column]))
            }
        };
        let real = |column: usize, text: &str| match text.parse() {
            Ok(value) if f64::is_finite(value) => Ok(value),
            _ => Err(format!("`{}` is `{text}`, not a finite number", COLUMNS[column])),
        };
        let interval = match fields[9] {
            "" => None,
            text => {
                let (low, high) =
                    text.split_once("..").ok_or_else(|| format!("`interval` is `{text}`, not `low..high`"))?;
                Some((real(9, low)?, real(9, high)?))
            }
        };
        let row = Self {
            stage: fields[0].to_owned(),
            arm: fields[1].to_owned(),
            schedule: fields[2].to_owned(),
            seed: whole(3)?,
            condition: fields[4].to_owned(),
            metric: fields[5].to_owned(),
            value: real(6, fields[6])?,
            unit: fields[7].to_owned(),
            n: whole(8)?,
            interval,
        };
        row.check().map(|()| row).map_err(|error| error.to_string())
    }
}

fn text(rows: &[Measurement]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).expect("writing to memory");
    for row in rows {
        writer.write_record(row.fields()).expect("writing to memory");
    }
    String::from_utf8(writer.into_inner().expect("writing to memory")).expect("CSV made from strings is text")
}

/// The shortest text that reads back as the same number; with an exponent below 1e-5 and from 1e16 on.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-5..1e16).contains(&size) => value.to_string(),
        _ => format!("{value:e}"),
    }
}
