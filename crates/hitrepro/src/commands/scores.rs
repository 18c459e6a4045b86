//! The headline: S of each arm, read back from the results that were just written.

use std::path::Path;

use hit_stats::Measurement;
use serde::Serialize;

use crate::Error;
use crate::output::columns;

/// Name of the table of measurements among the results.
pub const MEASUREMENTS: &str = "measurements.csv";

/// S of an arm over the seeds of the replication, percent (spec 9.3, 11).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Arm id.
    pub arm: String,
    /// Mean over seeds.
    pub s_mean: f64,
    /// Interval of the mean, 95 %.
    pub interval: Option<(f64, f64)>,
    /// Sample standard deviation over seeds.
    pub s_sd: Option<f64>,
    /// Number of seeds.
    pub seeds: Option<u64>,
    /// S of a model that guesses.
    pub chance: Option<f64>,
}

/// Scores of the arms in `results`, none if nothing was replicated.
///
/// # Errors
/// The table is there and cannot be read.
pub fn scores(results: &Path) -> Result<Vec<Score>, Error> {
    let path = results.join(MEASUREMENTS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(of_rows(&Measurement::read(&path)?))
}

fn of_rows(rows: &[Measurement]) -> Vec<Score> {
    // The reported epoch of every run; `last` stands in the table of measurements beside it.
    let over_seeds = |row: &&Measurement| row.stage == "replication" && row.seed.is_none() && row.condition == "best";
    let value = |arm: &str, metric: &str| {
        rows.iter().filter(over_seeds).find(|row| row.arm == arm && row.metric == metric).map(|row| row.value)
    };
    let chance = |arm: &str| rows.iter().find(|row| row.arm == arm && row.metric == "chance_s").map(|row| row.value);
    let means = rows.iter().filter(over_seeds).filter(|row| row.metric == "s_mean");
    means
        .map(|row| Score {
            arm: row.arm.clone(),
            s_mean: row.value,
            interval: row.interval,
            s_sd: value(&row.arm, "s_sd"),
            seeds: row.n,
            chance: chance(&row.arm),
        })
        .collect()
}

/// The scores as a table.
pub fn scores_table(scores: &[Score]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let row = |score: &Score| {
        vec![
            score.arm.clone(),
            format!("{:.1}", score.s_mean),
            score.interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{low:.1}..{high:.1}")),
            number(score.s_sd),
            score.seeds.map_or_else(|| "-".to_owned(), |seeds| seeds.to_string()),
            number(score.chance),
        ]
    };
    columns(&["arm", "S %", "95 %", "sd", "seeds", "chance"], &[1, 2, 3, 4, 5], scores.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(arm: &str, seed: Option<u64>, metric: &str, value: f64) -> Measurement {
        Measurement {
            stage: "replication".into(),
            arm: arm.into(),
            schedule: "cosine".into(),
            seed,
            condition: if seed.is_none() { "best".into() } else { "selected".into() },
            metric: metric.into(),
            value,
            unit: "%".into(),
            n: Some(3),
            interval: (metric == "s_mean").then_some((value - 1.0, value + 1.0)),
        }
    }

    #[test]
    fn arms_with_a_mean_over_seeds_are_shown() {
        let rows = [
            row("d0", Some(1), "s", 70.0),
            row("d0", Some(1), "chance_s", 3.4),
            row("d0", None, "s_mean", 71.25),
            row("d0", None, "s_sd", 2.0),
            row("d4a4", None, "s_mean", 80.0),
        ];
        let scores = of_rows(&rows);
        insta::assert_snapshot!(scores_table(&scores), @r"
        arm    S %        95 %   sd  seeds  chance
        d0    71.2  70.2..72.2  2.0      3     3.4
        d4a4  80.0  79.0..81.0    -      3       -
        ");
        assert!(of_rows(&rows[..2]).is_empty());
    }

    #[test]
    fn no_results_no_scores() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(scores(dir.path()).unwrap(), []);
        fs_err::write(dir.path().join(MEASUREMENTS), "nonsense").unwrap();
        assert!(scores(dir.path()).is_err());
    }
}
