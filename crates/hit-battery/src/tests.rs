//! Small tables of runs made by hand, and what the stages make of them.

mod conditions;
mod merge;
mod replication;
mod screening;

use std::path::{Path, PathBuf};

use hit_retrieval::{BootstrapSpec, Rank, Ranked, scores};
use hit_schema::{RankRow, RunId, Selection};
use hit_stage::{Context, Digest, FileRef, OpenFile, Opened, Stage};
use hit_stats::Measurement;

const BOOTSTRAP: BootstrapSpec = BootstrapSpec { resamples: 400, level: 0.95 };

/// What a run is made to have scored: queries per performance, and how many of them hit in each direction.
#[derive(Clone)]
struct Fake {
    run: RunId,
    /// (queries, hits from audio to MIDI, hits from MIDI to audio).
    hits: Vec<(usize, usize, usize)>,
    last_s: f64,
    hard: (f64, f64),
}

/// A run of twelve performances with ten queries each, all of which hit except `misses`, spread over performances.
fn fake(run: &str, misses: usize) -> Fake {
    let missed = |p: usize| (0..misses).filter(|m| m % 12 == p).count();
    let hits = (0..12).map(|p| (10, 10 - missed(p), 10 - missed(p) / 2)).collect();
    Fake { run: run.parse().unwrap(), hits, last_s: 50.0 + misses as f64, hard: (90.0, 98.0) }
}

impl Fake {
    fn ranked(&self) -> Vec<Ranked> {
        let rank = |hit: bool| Rank { mean: if hit { 2.0 } else { 77.0 }, ties: 1 };
        let of = |(p, &(n, a2m, m2a)): (usize, &(usize, usize, usize))| {
            let row = move |q: usize| Ranked {
                window: 100 * p + q,
                performance: format!("p{p:02}"),
                a2m: rank(q < a2m),
                m2a: rank(q < m2a),
            };
            (0..n).map(row).collect::<Vec<_>>()
        };
        self.hits.iter().enumerate().flat_map(of).collect()
    }

    fn s(&self) -> f64 {
        scores(&self.ranked()).s()
    }

    fn rows(&self) -> Vec<Measurement> {
        let row = |condition: &str, metric: &str, value| Measurement {
            stage: "retrieved".into(),
            arm: self.run.arm.clone(),
            schedule: self.run.schedule.clone(),
            seed: Some(self.run.seed),
            condition: condition.into(),
            metric: metric.into(),
            value,
            unit: "%".into(),
            n: Some(120),
            interval: None,
        };
        let mut rows = vec![row("selected", "chance_s", 3.4)];
        for (condition, s) in [("selected", self.s()), ("epoch=003", self.s()), ("epoch=010", self.last_s)] {
            rows.push(row(condition, "s", s));
            rows.push(row(condition, "hard_same_piece", self.hard.0));
            rows.push(row(condition, "hard_random", self.hard.1));
        }
        rows[1].interval = Some((1.0, 99.0));
        rows
    }

    fn put(&self, dir: &Path, cx: &mut Context) {
        self.put_as("", &self.rows(), dir, cx);
    }

    /// As what a model scored under a condition.
    fn put_under(&self, condition: &str, dir: &Path, cx: &mut Context) {
        let mut rows = self.rows();
        if condition != "normal" {
            for row in &mut rows {
                row.condition = format!("{condition}/{}", row.condition);
            }
        }
        self.put_as(&format!("{condition}/"), &rows, dir, cx);
    }

    fn put_as(&self, prefix: &str, rows: &[Measurement], dir: &Path, cx: &mut Context) {
        let mut put = |name: &str, text: String| {
            let path = dir.join(format!("{}{}-{name}", prefix.replace('/', "-"), self.run));
            fs_err::write(&path, text).unwrap();
            cx.inputs.insert(format!("{prefix}{}/{name}", self.run), opened(path));
        };
        put("measurements", Measurement::to_csv(rows).unwrap());
        put("ranks", RankRow::to_csv(&self.ranked().iter().map(Ranked::to_row).collect::<Vec<_>>()));
        let selection = Selection { epoch: 3, s: self.s(), rule: "best".into() };
        put("selection", hit_stage::canonical_json(&selection));
    }
}

fn opened(path: PathBuf) -> Opened {
    Opened::File(OpenFile { path, file: FileRef { digest: Digest::of(b""), size: 0 } })
}

/// Runs a stage over fakes: its table, or what it says.
fn table(stage: &impl Stage, fakes: &[Fake]) -> Result<Vec<Measurement>, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
    for fake in fakes {
        fake.put(dir.path(), &mut cx);
    }
    stage.run(&mut cx).map_err(|error| error.to_string())?;
    let again = fs_err::read(dir.path().join("out/measurements")).unwrap();
    stage.run(&mut cx).unwrap();
    let path = dir.path().join("out/measurements");
    assert_eq!(fs_err::read(&path).unwrap(), again, "equal inputs give equal bytes");
    Ok(Measurement::read(&path).unwrap())
}

/// The row of a cell, if there is one.
fn find<'a>(rows: &'a [Measurement], arm: &str, condition: &str, metric: &str) -> Option<&'a Measurement> {
    let mut found = rows.iter().filter(|row| row.arm == arm && row.condition == condition && row.metric == metric);
    let first = found.next();
    assert!(found.next().is_none(), "one row for {arm} {condition} {metric}");
    first
}

fn value(rows: &[Measurement], arm: &str, condition: &str, metric: &str) -> f64 {
    find(rows, arm, condition, metric).unwrap_or_else(|| panic!("no row {arm} {condition} {metric}")).value
}
