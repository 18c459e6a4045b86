//! A made-up campaign for tests. Its numbers follow from a formula and mean nothing.

use std::collections::BTreeMap;

use hit_schema::{AudioSource, HistoryRow, Performance, RunId, SplitIndex, WindowSpec};
use hit_stage::Digest;
use hit_stats::Measurement;

use crate::compare::Compare;
use crate::facts::{ArmFacts, CorpusFacts, ExperimentFacts, Facts, RetrievalFacts};
use crate::frame::Frame;
use crate::numbers::NumberMap;
use crate::published::Published;
use crate::sources::Sources;
use crate::tex::Values;

const ARMS: [&str; 4] = ["D0", "D4", "A4", "d4a4"];
const SEEDS: [u64; 3] = [42, 123, 456];

fn windows() -> WindowSpec {
    WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 }
}

pub(crate) fn facts() -> Facts {
    let arm = |id: &str, descriptors: &[&str], mechanisms: &[&str], extra: u64| ArmFacts {
        id: id.to_owned(),
        descriptors: descriptors.iter().map(|s| (*s).to_owned()).collect(),
        mechanisms: mechanisms.iter().map(|s| (*s).to_owned()).collect(),
        family: "dual".to_owned(),
        parameters: 201_344 + extra,
        trainable: 180_224 + extra,
    };
    let experiment = |schedule: &str, seeds: &[u64], epochs: usize, evaluate: &[usize]| ExperimentFacts {
        arms: ARMS.iter().map(|s| (*s).to_owned()).collect(),
        schedule: schedule.to_owned(),
        seeds: seeds.to_vec(),
        epochs,
        evaluate: evaluate.to_vec(),
    };
    Facts {
        profile: "fixture".to_owned(),
        description: "a made-up campaign; its numbers mean nothing".to_owned(),
        published_protocol: false,
        corpus: CorpusFacts { label: "made-up corpus".to_owned(), audio: AudioSource::Synthetic, windows: windows() },
        backend: "burn-flex (CPU)".to_owned(),
        variant: "reference".to_owned(),
        baseline: "D0".to_owned(),
        arms: vec![
            arm("D0", &[], &[], 0),
            arm("D4", &["D4"], &["concat (midi)"], 2_112),
            arm("A4", &["A4"], &["concat (audio)"], 4_672),
            arm("d4a4", &["A4", "D4"], &["concat (audio)", "concat (midi)"], 6_784),
        ],
        batch_size: 16,
        batches_per_epoch: 60,
        retrieval: RetrievalFacts {
            n_queries: 200,
            pool_size: 64,
            n_hard: 16,
            n_semi_hard: 8,
            hard_trials: 200,
            resamples: 2000,
            level: 0.95,
        },
        foundation: Some(ExperimentFacts { arms: vec!["D0".to_owned()], ..experiment("cosine8", &[42], 8, &[4, 8]) }),
        screening: Some(experiment("cosine5", &[42], 5, &[1, 2, 3, 4, 5])),
        replication: Some(experiment("cosine12", &SEEDS, 12, &[3, 6, 9, 12])),
    }
}

/// S of an arm, seed and share of the training, percent.
fn s(arm: usize, seed: usize, share: f64) -> f64 {
    let top = [51.0, 54.5, 58.0, 63.5][arm] + [0.0, 2.5, -1.5][seed];
    15.6 + (top - 15.6) * share.sqrt()
}

pub(crate) fn measurements() -> Vec<Measurement> {
    let mut rows = Vec::new();
    for (a, arm) in ARMS.iter().enumerate() {
        screening(&mut rows, a, arm);
        replication(&mut rows, a, arm);
    }
    Measurement::sorted(rows).unwrap()
}

struct Row<'a>(&'a str, &'a str, &'a str, Option<u64>, &'a str);

impl Row<'_> {
    fn of(&self, metric: &str, value: f64, unit: &str, interval: Option<(f64, f64)>) -> Measurement {
        Measurement {
            stage: self.0.to_owned(),
            arm: self.1.to_owned(),
            schedule: self.2.to_owned(),
            seed: self.3,
            condition: self.4.to_owned(),
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            n: None,
            interval,
        }
    }
}

fn screening(rows: &mut Vec<Measurement>, a: usize, arm: &str) {
    let row = Row("screening", arm, "cosine5", Some(42), "selected");
    let top = s(a, 0, 0.6);
    rows.push(row.of("s", top, "%", Some((top - 4.0, top + 3.5))));
    rows.push(row.of("hard_same_piece", 70.0 + a as f64, "%", None));
    rows.push(row.of("hard_random", 91.0 - a as f64, "%", None));
    rows.push(row.of("r10_a2m", top + 1.0, "%", Some((top - 3.0, top + 4.5))));
    rows.push(row.of("r10_m2a", top, "%", None));
    rows.push(row.of("chance_s", 14.2, "%", None));
    rows.push(Row("screening", arm, "cosine5", Some(42), "best").of("s", top, "%", Some((top - 4.0, top + 3.5))));
    rows.push(Row("screening", arm, "cosine5", Some(42), "last").of("s", top - 0.5, "%", None));
    if a > 0 {
        let delta = top - s(0, 0, 0.6);
        let row = Row("screening", arm, "cosine5", Some(42), "best_vs_D0");
        rows.push(row.of("delta_s", delta, "pp", Some((delta - 2.0, delta + 2.0))));
    }
}

fn replication(rows: &mut Vec<Measurement>, a: usize, arm: &str) {
    let values: Vec<f64> = (0..SEEDS.len()).map(|k| s(a, k, 1.0)).collect();
    for (k, seed) in SEEDS.iter().enumerate() {
        for epoch in [3_u32, 6, 9, 12] {
            let condition = format!("epoch={epoch:03}");
            let row = Row("replication", arm, "cosine12", Some(*seed), &condition);
            rows.push(row.of("s", s(a, k, f64::from(epoch) / 12.0), "%", None));
        }
        let row = Row("replication", arm, "cosine12", Some(*seed), "selected");
        rows.push(row.of("s", values[k], "%", Some((values[k] - 4.0, values[k] + 4.0))));
    }
    for (k, seed) in SEEDS.iter().enumerate() {
        let row = Row("test", arm, "cosine12", Some(*seed), "selected");
        rows.push(row.of("s", values[k] - 2.0, "%", None));
        rows.push(row.of("r10_a2m", values[k] - 1.5, "%", None));
    }
    let mean = values.iter().sum::<f64>() / 3.0;
    let row = Row("replication", arm, "cosine12", None, "best");
    let (min, max) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
    rows.push(row.of("s_mean", mean, "%", Some((mean - 4.0, mean + 4.0))));
    rows.push(row.of("excludes_chance", 1.0, "", None));
    for (metric, value, unit) in [("s_sd", 2.0, "pp"), ("s_min", min, "%"), ("s_max", max, "%")] {
        rows.push(row.of(metric, value, unit, None));
    }
    // written from the arm that is not the baseline, else from the first by name
    let pairs = ARMS.iter().enumerate().filter(|(b, other)| a != 0 && (*b == 0 || arm < **other));
    for (b, other) in pairs {
        let condition = format!("best_vs_{other}");
        let row = Row("replication", arm, "cosine12", None, &condition);
        let delta = s(a, 0, 1.0) - s(b, 0, 1.0);
        let p = [0.3, 0.04, 0.004, 0.000_5][a.abs_diff(b)];
        for (metric, value, unit) in [
            ("delta_s", delta, "pp"),
            ("welch_t", delta / 1.6, ""),
            ("welch_df", 3.9, ""),
            ("welch_p", p, ""),
            ("holm_p", p * 2.0, ""),
            ("cohen_d", delta / 2.0, ""),
            ("hedges_g", delta / 2.5, ""),
            ("worst_minus_best", delta - 4.0, "pp"),
        ] {
            rows.push(row.of(metric, value, unit, None));
        }
    }
}

pub(crate) fn histories() -> BTreeMap<RunId, Vec<HistoryRow>> {
    let mut histories = BTreeMap::new();
    for (a, arm) in ARMS.iter().enumerate() {
        for (k, seed) in SEEDS.iter().enumerate() {
            let row = |epoch: usize| HistoryRow {
                epoch,
                step: 60 * epoch as u64,
                loss: 13.0 + (8.0 - a as f64) / epoch as f64 + 0.1 * k as f64,
                invariance: 0.2,
                variance: 0.3,
                covariance: 0.4,
                grad_norm: 1.0,
                lr_factor: 0.5,
            };
            let run = RunId { arm: (*arm).to_owned(), schedule: "cosine12".to_owned(), seed: *seed };
            histories.insert(run, (1..=12).map(row).collect());
        }
    }
    histories
}

pub(crate) fn indices() -> Vec<SplitIndex> {
    let split = |split: &str, n: usize, skipped: Option<&str>| {
        let performance = |k: usize| Performance {
            id: format!("{split}-{k:02}"),
            composer: format!("Composer {}", k % 3),
            title: format!("Piece {k}"),
            split: split.to_owned(),
            year: None,
            duration_s: 40.0,
            n_windows: if k == 0 && skipped.is_some() { 0 } else { 37 },
            n_notes: 300,
            audio: AudioSource::Synthetic,
            midi_sha256: Digest::of(b"midi"),
            audio_sha256: Digest::of(b"audio"),
            skipped: skipped.filter(|_| k == 0).map(str::to_owned),
        };
        SplitIndex { split: split.to_owned(), windows: windows(), performances: (0..n).map(performance).collect() }
    };
    vec![
        split("train", 48, Some("audio is 3 % of its MIDI_length")),
        split("validation", 12, None),
        split("test", 6, None),
    ]
}

pub(crate) fn published() -> Published {
    Published::parse(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/published.toml"))).unwrap()
}

pub(crate) fn compare() -> Compare {
    Compare::parse(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/compare.toml"))).unwrap()
}

pub(crate) fn sources() -> Sources {
    sources_of(facts())
}

pub(crate) fn sources_of(facts: Facts) -> Sources {
    let frame = Frame::new(&measurements()).unwrap();
    Sources::empty("fixture", facts).with(frame, published(), compare(), indices(), histories())
}

/// What templates print, for the facts given.
pub(crate) fn values(facts: &Facts) -> Values<'_> {
    Values {
        facts,
        numbers: NumberMap::collect(&sources_of(facts.clone())).unwrap(),
        published: published(),
        tables: crate::tables::TABLES.iter().map(|def| def.id.to_owned()).collect(),
        figures: crate::figures::FIGURES.iter().map(|def| def.id.to_owned()).collect(),
    }
}
