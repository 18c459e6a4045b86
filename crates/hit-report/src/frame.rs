//! Measurements as a polars frame: filter, single values, pivots.

use std::path::Path;

use hit_stats::Measurement;
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Which measurement is meant. Fields left out match anything; the answer must then still be one row.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// Experiment: `foundation`, `screening`, `replication`.
    #[serde(default)]
    pub stage: Option<String>,
    /// Arm.
    #[serde(default)]
    pub arm: Option<String>,
    /// Schedule.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Training seed.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Condition: `selected`, `epoch=005`, `best`, `best_vs_D0`, ...
    #[serde(default)]
    pub condition: Option<String>,
    /// Metric.
    #[serde(default)]
    pub metric: Option<String>,
}

impl Select {
    /// Everything of one experiment.
    pub fn stage(stage: &str) -> Self {
        Self { stage: Some(stage.to_owned()), ..Self::default() }
    }

    /// Of one arm.
    #[must_use]
    pub fn arm(mut self, arm: &str) -> Self {
        self.arm = Some(arm.to_owned());
        self
    }

    /// Under one schedule.
    #[must_use]
    pub fn schedule(mut self, schedule: &str) -> Self {
        self.schedule = Some(schedule.to_owned());
        self
    }

    /// Of one training seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Under one condition.
    #[must_use]
    pub fn condition(mut self, condition: &str) -> Self {
        self.condition = Some(condition.to_owned());
        self
    }

    /// Of one metric.
    #[must_use]
    pub fn metric(mut self, metric: &str) -> Self {
        self.metric = Some(metric.to_owned());
        self
    }

    /// Of a run by name: `arm`, or `arm@schedule` where an arm has several.
    #[must_use]
    pub fn run(self, name: &str) -> Self {
        match name.split_once('@') {
            Some((arm, schedule)) => self.arm(arm).schedule(schedule),
            None => self.arm(name),
        }
    }

    fn words(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("stage", self.stage.as_deref()),
            ("arm", self.arm.as_deref()),
            ("schedule", self.schedule.as_deref()),
            ("condition", self.condition.as_deref()),
            ("metric", self.metric.as_deref()),
        ]
    }
}

impl std::fmt::Display for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<_> =
            self.words().into_iter().filter_map(|(name, word)| Some(format!("{name} `{}`", word?))).collect();
        parts.extend(self.seed.map(|seed| format!("seed {seed}")));
        f.write_str(&parts.join(", "))
    }
}

/// A measured value with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The value, in `unit`.
    pub value: f64,
    /// `%`, `pp` or empty.
    pub unit: String,
    /// Lower and upper end of the interval, in `unit`.
    pub interval: Option<(f64, f64)>,
}

/// Measurements, one a row, in the order of the file: by stage, arm, schedule, seed, condition, metric.
#[derive(Clone, Debug)]
pub struct Frame(DataFrame);

impl Frame {
    /// A frame with the columns of the contract, the interval as `low` and `high`.
    ///
    /// # Errors
    /// [`Error::Frame`] if polars refuses the columns.
    pub fn new(rows: &[Measurement]) -> Result<Self, Error> {
        let words = |name: &str, of: fn(&Measurement) -> &str| {
            Column::new(name.into(), rows.iter().map(of).collect::<Vec<&str>>())
        };
        let floats = |name: &str, of: fn(&Measurement) -> Option<f64>| {
            Column::new(name.into(), rows.iter().map(of).collect::<Vec<Option<f64>>>())
        };
        let seeds: Vec<Option<u64>> = rows.iter().map(|row| row.seed).collect();
        let columns = vec![
            words("stage", |row| &row.stage),
            words("arm", |row| &row.arm),
            words("schedule", |row| &row.schedule),
            Column::new("seed".into(), seeds),
            words("condition", |row| &row.condition),
            words("metric", |row| &row.metric),
            floats("value", |row| Some(row.value)),
            words("unit", |row| &row.unit),
            floats("low", |row| row.interval.map(|(low, _)| low)),
            floats("high", |row| row.interval.map(|(_, high)| high)),
        ];
        Ok(Self(DataFrame::new(rows.len(), columns)?))
    }

    /// Reads measurements from a CSV file.
    ///
    /// # Errors
    /// [`Error::Measurements`] with the line, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::new(&Measurement::read(path)?)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.height()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows that match.
    ///
    /// # Errors
    /// [`Error::Frame`].
    pub fn filter(&self, select: &Select) -> Result<Self, Error> {
        let mut frame = self.0.clone();
        for (name, word) in select.words() {
            if let Some(word) = word {
                let mask = frame.column(name)?.str()?.equal(word);
                frame = frame.filter_seq(&mask)?;
            }
        }
        if let Some(seed) = select.seed {
            let mask = frame.column("seed")?.u64()?.equal(seed);
            frame = frame.filter_seq(&mask)?;
        }
        Ok(Self(frame))
    }

    /// The one row that matches, or none.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if several match, [`Error::Frame`].
    pub fn one(&self, select: &Select) -> Result<Option<Measured>, Error> {
        let found = self.filter(select)?;
        match found.len() {
            0 => Ok(None),
            1 => Ok(found.measured()?.pop()),
            found => Err(Error::Ambiguous { select: select.to_string(), found }),
        }
    }

    /// Values, units and intervals of all rows.
    ///
    /// # Errors
    /// [`Error::Frame`].
    pub fn measured(&self) -> Result<Vec<Measured>, Error> {
        let float = |name: &str| Ok::<_, Error>(self.0.column(name)?.f64()?.clone());
        let (value, low, high) = (float("value")?, float("low")?, float("high")?);
        let units = self.words("unit")?;
        let row = |(idx, unit): (usize, String)| Measured {
            value: value.get(idx).unwrap_or(f64::NAN),
            unit,
            interval: low.get(idx).zip(high.get(idx)),
        };
        Ok(units.into_iter().enumerate().map(row).collect())
    }

    /// One column of words.
    ///
    /// # Errors
    /// [`Error::Frame`] if there is no such column of words.
    pub fn words(&self, column: &str) -> Result<Vec<String>, Error> {
        let column = self.0.column(column)?.str()?.clone();
        Ok((0..column.len()).map(|idx| column.get(idx).unwrap_or_default().to_owned()).collect())
    }

    /// The different words of a column, in the order of their first row.
    ///
    /// # Errors
    /// As [`Frame::words`].
    pub fn distinct(&self, column: &str) -> Result<Vec<String>, Error> {
        let mut seen = Vec::new();
        for word in self.words(column)? {
            if !seen.contains(&word) {
                seen.push(word);
            }
        }
        Ok(seen)
    }

    /// Seeds of all rows.
    ///
    /// # Errors
    /// [`Error::Frame`].
    pub fn seeds(&self) -> Result<Vec<Option<u64>>, Error> {
        let column = self.0.column("seed")?.u64()?.clone();
        Ok((0..column.len()).map(|idx| column.get(idx)).collect())
    }

    /// Values by arm (rows) and metric (columns) where both are named by the rows that match; empty where there is
    /// none.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if a cell has several values.
    pub fn pivot(
        &self,
        select: &Select,
        arms: &[String],
        metrics: &[&str],
    ) -> Result<Vec<Vec<Option<Measured>>>, Error> {
        let frame = self.filter(select)?;
        let cell = |arm: &String, metric: &&str| frame.one(&Select::default().arm(arm).metric(metric));
        arms.iter().map(|arm| metrics.iter().map(|metric| cell(arm, metric)).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use hit_stats::Measurement;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;

    proptest! {
        #[test]
        fn a_filter_keeps_what_a_loop_would_keep(
            cells in proptest::collection::vec((0_usize..3, 0_usize..3, proptest::option::of(0_u64..3)), 0..25),
            (arm, metric, seed) in (0_usize..3, 0_usize..3, proptest::option::of(0_u64..3)),
        ) {
            let word = |prefix: &str, k: usize| format!("{prefix}{k}");
            let row = |(idx, (arm, metric, seed)): (usize, &(usize, usize, Option<u64>))| Measurement {
                stage: "x".to_owned(),
                arm: word("arm", *arm),
                schedule: String::new(),
                seed: *seed,
                condition: String::new(),
                metric: word("metric", *metric),
                value: idx as f64,
                unit: String::new(),
                n: None,
                interval: None,
            };
            let rows: Vec<Measurement> = cells.iter().enumerate().map(row).collect();
            let mut select = Select::default().arm(&word("arm", arm)).metric(&word("metric", metric));
            select.seed = seed;
            let found = Frame::new(&rows).unwrap().filter(&select).unwrap().measured().unwrap();
            let expected: Vec<f64> = rows
                .iter()
                .filter(|row| row.arm == word("arm", arm) && row.metric == word("metric", metric))
                .filter(|row| seed.is_none() || row.seed == seed)
                .map(|row| row.value)
                .collect();
            prop_assert_eq!(found.iter().map(|m| m.value).collect::<Vec<_>>(), expected);
        }
    }

    fn frame() -> Frame {
        Frame::new(&fixture::measurements()).unwrap()
    }

    #[test]
    fn a_frame_holds_what_the_rows_hold() {
        let rows = fixture::measurements();
        let frame = frame();
        assert_eq!(frame.len(), rows.len());
        assert_eq!(frame.seeds().unwrap(), rows.iter().map(|row| row.seed).collect::<Vec<_>>());
        for (row, measured) in rows.iter().zip(frame.measured().unwrap()) {
            assert_eq!((row.value, row.interval), (measured.value, measured.interval));
        }
    }

    #[test]
    fn one_is_one_row_none_or_an_error() {
        let frame = frame();
        let select = Select::stage("replication").arm("d4a4").condition("selected").metric("s");
        assert!(frame.one(&select.clone().seed(42)).unwrap().is_some());
        assert!(frame.one(&select.clone().seed(43)).unwrap().is_none());
        let error = frame.one(&select).unwrap_err();
        assert!(matches!(&error, Error::Ambiguous { found: 3, .. }), "{error}");
        assert!(error.to_string().contains("arm `d4a4`"), "{error}");
    }

    #[test]
    fn a_run_is_an_arm_with_or_without_a_schedule() {
        let select = Select::stage("confirmation").run("d4-a4r@cosine-tail60");
        assert_eq!((select.arm.as_deref(), select.schedule.as_deref()), (Some("d4-a4r"), Some("cosine-tail60")));
        let select = Select::stage("confirmation").schedule("x").run("D0");
        assert_eq!((select.arm.as_deref(), select.schedule.as_deref()), (Some("D0"), Some("x")));
    }

    #[test]
    fn filters_are_conjunctions() {
        let frame = frame();
        let arm = frame.filter(&Select::default().arm("D0")).unwrap();
        assert!(arm.words("arm").unwrap().iter().all(|word| word == "D0"));
        let both = frame.filter(&Select::stage("screening").arm("D0")).unwrap();
        assert_eq!(both.len(), arm.filter(&Select::stage("screening")).unwrap().len());
        assert!(both.len() < arm.len());
    }

    #[test]
    fn a_pivot_has_a_cell_for_each_pair() {
        let arms = ["D0".to_owned(), "d4a4".to_owned(), "none".to_owned()];
        let select = Select::stage("replication").condition("best");
        let cells = frame().pivot(&select, &arms, &["s_mean", "s_sd"]).unwrap();
        assert_eq!((cells.len(), cells[0].len()), (3, 2));
        assert!(cells[0][0].is_some() && cells[2][0].is_none());
    }

    #[test]
    fn an_unknown_column_is_an_error_and_not_a_panic() {
        assert!(matches!(frame().words("value"), Err(Error::Frame(_))));
        assert!(matches!(frame().distinct("none"), Err(Error::Frame(_))));
    }
}
