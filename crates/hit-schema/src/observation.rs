//! What was seen of a descriptor on a split: numbers that its definition implies, measured.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One number about one descriptor.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// Descriptor id, for example `a4`.
    pub descriptor: String,
    /// What is measured, for example `time_mean_max`.
    pub metric: String,
    /// The number, finite. Shares lie in 0..=1.
    pub value: f64,
    /// Unit of the value; empty for plain numbers and shares.
    pub unit: String,
    /// Number of cases (frames, notes, bands) that it is computed from.
    pub n: u64,
}

impl Observation {
    /// CSV text with a header, rows sorted by (descriptor, metric).
    ///
    /// # Panics
    /// Never: memory takes every row.
    pub fn to_csv(rows: &[Self]) -> String {
        let mut sorted: Vec<_> = rows.iter().collect();
        sorted.sort_by_key(|row| (&row.descriptor, &row.metric));
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.write_record(COLUMNS).expect("writing to memory");
        for row in sorted {
            writer.serialize(row).expect("writing to memory");
        }
        String::from_utf8(writer.into_inner().expect("writing to memory")).expect("CSV made from strings is text")
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// [`Error::Format`] with the line, also for a value that is not finite; [`Error::Io`].
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = fs_err::read(path)?;
        let rows = csv::Reader::from_reader(text.as_slice()).into_deserialize().collect::<Result<Vec<Self>, _>>();
        let rows = rows.map_err(|error| Error::format(path, "observations", error))?;
        match rows.iter().find(|row| !row.value.is_finite()) {
            None => Ok(rows),
            Some(row) => {
                let what = format!("{} of {} is {}, not a finite number", row.metric, row.descriptor, row.value);
                Err(Error::format(path, "observations", what))
            }
        }
    }
}

/// The header, written even where there are no rows.
const COLUMNS: [&str; 5] = ["descriptor", "metric", "value", "unit", "n"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(descriptor: &str, metric: &str, value: f64) -> Observation {
        Observation { descriptor: descriptor.into(), metric: metric.into(), value, unit: String::new(), n: 188 }
    }

    fn read(text: &str) -> Result<Vec<Observation>, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("observations");
        fs_err::write(&path, text).unwrap();
        Observation::read(&path)
    }

    #[test]
    fn rows_come_sorted_under_their_columns() {
        let rows = [row("d4", "repeated_share", 1.0), row("a4", "time_mean_max", 5e-9), row("a4", "mean_square", 0.9)];
        let text = Observation::to_csv(&rows);
        assert_eq!(
            text,
            "descriptor,metric,value,unit,n\na4,mean_square,0.9,,188\na4,time_mean_max,5e-9,,188\nd4,repeated_share,1.0,,188\n"
        );
        assert_eq!(read(&text).unwrap(), [rows[2].clone(), rows[1].clone(), rows[0].clone()]);
    }

    #[test]
    fn a_table_without_rows_still_has_its_header() {
        let text = Observation::to_csv(&[]);
        assert_eq!(text, "descriptor,metric,value,unit,n\n");
        assert_eq!(read(&text).unwrap(), []);
    }

    /// A row that is damaged, or another table altogether, is named with its line.
    #[test]
    fn other_tables_are_refused() {
        let head = "descriptor,metric,value,unit,n\n";
        for (text, why) in [
            ("epoch,loss\n1,2\n".to_owned(), "descriptor"),
            (format!("{head}a4,x,0.5,,1\na4,y,half,,1\n"), "line: 3"),
            (format!("{head}a4,x,0.5,,-1\n"), "line: 2"),
            (format!("{head}a4,x,NaN,,1\n"), "x of a4 is NaN"),
            (format!("{head}a4,x,inf,,1\n"), "not a finite number"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains("observations") && error.contains(why), "{text}: {error}");
        }
    }

    proptest! {
        /// Every finite number and every text comes back as it was, in sorted order.
        #[test]
        fn observations_read_back(
            rows in proptest::collection::vec((".*", ".*", proptest::num::f64::NORMAL | proptest::num::f64::ZERO, any::<u64>()), 0..8)
        ) {
            let mut rows: Vec<_> = rows
                .into_iter()
                .map(|(descriptor, metric, value, n)| Observation { descriptor, metric, value, unit: "Hz".into(), n })
                .collect();
            let back = read(&Observation::to_csv(&rows)).unwrap();
            rows.sort_by(|a, b| (&a.descriptor, &a.metric).cmp(&(&b.descriptor, &b.metric)));
            prop_assert_eq!(back, rows);
        }
    }
}
