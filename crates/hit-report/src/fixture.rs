//! A made-up campaign for tests. Its numbers follow from a formula and mean nothing.

mod battery;
mod setup;

use std::collections::BTreeMap;

pub(crate) use battery::represented;
use hit_schema::{
    AudioSource, CosineBin, HistoryRow, Observation, Performance, Projected, RunId, SplitIndex, WindowSpec,
};
use hit_stage::Digest;
use hit_stats::Measurement;

use crate::compare::Compare;
use crate::facts::{
    ArmFacts, ConfirmationFacts, ConfirmedFacts, CorpusFacts, DescriptorFacts, ExperimentFacts, Facts, RetrievalFacts,
};
use crate::frame::Frame;
use crate::numbers::NumberMap;
use crate::published::Published;
use crate::sources::Sources;
use crate::tables::battery_tests::{MODELS, Tested, rows_of};
use crate::tex::Values;

/// Arms of the replication.
const ARMS: [&str; 4] = ["D0", "D4", "A4", "d4a4"];
/// What the screening has beside those; the last is not the paper's.
const SCREENED: [&str; 2] = ["A7x", "d4-a4r"];
/// Arms of the families; the last is not the paper's.
const FAMILIES: [&str; 4] = ["film-a4", "moe-a4", "t3-wt", "film-a4e"];
const SEEDS: [u64; 3] = [42, 123, 456];
/// Long runs, their epochs and S.
const CONFIRMED: [(&str, &str, usize, f64); 7] = [
    ("D0", "cosine-tail60", 60, 55.0),
    ("D0", "cosine60", 60, 54.0),
    ("D0", "cosine30", 30, 53.5),
    ("D0", "trapez50", 50, 56.2),
    ("d4a4", "cosine60", 60, 66.0),
    ("d4-a4r", "cosine30", 30, 63.0),
    ("t3-wt", "trapez50", 50, 64.5),
];

fn windows() -> WindowSpec {
    WindowSpec { sample_rate_hz: 24_000, window_s: 4.0, hop_s: 1.0, max_windows: 100, max_notes: 2048 }
}

pub(crate) fn facts() -> Facts {
    let words = |words: &[&str]| words.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let experiment = |schedule: &str, seeds: &[u64], epochs: usize, evaluate: &[usize]| ExperimentFacts {
        arms: words(&ARMS),
        schedule: schedule.to_owned(),
        seeds: seeds.to_vec(),
        epochs,
        evaluate: evaluate.to_vec(),
    };
    let (label, split) = ("made-up corpus".to_owned(), "as the corpus states them".to_owned());
    Facts {
        profile: "fixture".to_owned(),
        description: "a made-up campaign; its numbers mean nothing".to_owned(),
        published_protocol: false,
        corpus: CorpusFacts { label, audio: AudioSource::Synthetic, recipe: None, split, windows: windows() },
        backend: "burn-flex (CPU)".to_owned(),
        variant: "reference".to_owned(),
        baseline: "D0".to_owned(),
        arms: arms(),
        flops_notes: 40,
        descriptors: ["a4", "a7", "d4"].map(descriptor).to_vec(),
        spectrum: setup::spectrum(),
        attractors: setup::attractors(),
        model: setup::model(),
        training: setup::training(),
        schedules: setup::schedules(),
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
        screening: Some(ExperimentFacts {
            arms: words(&[ARMS.as_slice(), &SCREENED].concat()),
            ..experiment("cosine5", &[42], 5, &[1, 2, 3, 4, 5])
        }),
        families: Some(ExperimentFacts { arms: words(&FAMILIES), ..experiment("cosine5", &[42], 5, &[3, 5]) }),
        confirmation: Some(confirmation_facts(&CONFIRMED)),
        replication: Some(experiment("cosine12", &SEEDS, 12, &[3, 6, 9, 12])),
        replication_as_published: true,
    }
}

fn confirmation_facts(runs: &[(&str, &str, usize, f64)]) -> ConfirmationFacts {
    let run = |&(arm, schedule, epochs, _): &(&str, &str, usize, f64)| ConfirmedFacts {
        arm: arm.to_owned(),
        schedule: schedule.to_owned(),
        epochs,
        evaluate: (5..=epochs).step_by(5).collect(),
    };
    ConfirmationFacts {
        runs: runs.iter().map(run).collect(),
        seed: 42,
        baseline: "D0".to_owned(),
        reference_schedule: "cosine-tail60".to_owned(),
    }
}

fn arms() -> Vec<ArmFacts> {
    let arm = |id: &str, family: &str, descriptors: &[&str], mechanisms: &[&str], injected: [u64; 3]| {
        let base = [
            ("audio.cnn", 12_000),
            ("audio.positions", 4_096),
            ("audio.layers", 80_000),
            ("midi.embedding", 10_000),
            ("midi.layers", 70_000),
            ("midi.norm", 128),
            ("heads.audio", 13_000),
            ("heads.midi", 12_120),
        ];
        let injected =
            ["inject.audio", "inject.midi", "inject.tower"].into_iter().zip(injected).filter(|part| part.1 > 0);
        let parts: BTreeMap<String, u64> =
            base.into_iter().chain(injected).map(|(name, n)| (name.to_owned(), n)).collect();
        let parameters = parts.values().sum();
        let audio_tokens = if mechanisms.iter().any(|mechanism| mechanism.starts_with("reverse")) { 188 } else { 2400 };
        ArmFacts {
            id: id.to_owned(),
            descriptors: descriptors.iter().map(|s| (*s).to_owned()).collect(),
            dims: descriptors
                .iter()
                .map(|id| [("A7", 12), ("D4", 4)].into_iter().find(|of| of.0 == *id).map_or(8, |of| of.1))
                .collect(),
            mechanisms: mechanisms.iter().map(|s| (*s).to_owned()).collect(),
            family: family.to_owned(),
            parameters,
            trainable: parameters - 16_096,
            audio_tokens,
            flops: 20_000_000 + 9_000 * audio_tokens + 40 * parameters,
            extra: [SCREENED[1], FAMILIES[3]].contains(&id),
            parts,
        }
    };
    let (audio, midi) = ("concat (audio)", "concat (MIDI)");
    vec![
        arm("D0", "base", &[], &[], [0; 3]),
        arm("D4", "inject", &["D4"], &[midi], [0, 2_112, 0]),
        arm("A4", "inject", &["A4"], &[audio], [4_672, 0, 0]),
        arm("d4a4", "inject", &["A4", "D4"], &[audio, midi], [4_672, 2_112, 0]),
        arm("A7x", "inject", &["A7"], &["cross_attention (audio)"], [17_000, 0, 0]),
        arm("d4-a4r", "inject", &["A4", "D4"], &["reverse_cross_attention (audio)", midi], [18_000, 2_112, 0]),
        arm("film-a4", "film", &["A4"], &["film (audio)"], [9_000, 0, 0]),
        arm("moe-a4", "moe", &["A4"], &["moe (audio)"], [30_000, 0, 0]),
        arm("t3-wt", "tower", &["A4", "D4"], &[audio, midi], [4_672, 2_112, 21_000]),
        arm("film-a4e", "film", &["A4E"], &["film (audio)"], [9_000, 0, 0]),
    ]
}

/// Everything made up of a campaign that is not the same for all.
pub(crate) struct Campaign {
    pub(crate) facts: Facts,
    pub(crate) rows: Vec<Measurement>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) projections: BTreeMap<RunId, Vec<Projected>>,
    pub(crate) cosines: BTreeMap<RunId, Vec<CosineBin>>,
}

impl Campaign {
    pub(crate) fn sources(&self) -> Sources {
        Sources::empty("fixture", self.facts.clone())
            .with(Frame::new(&self.rows).unwrap(), published(), compare(), indices(), histories())
            .with_observations(self.observations.clone())
            .with_runs(self.projections.clone(), self.cosines.clone())
    }
}

/// The small campaign with tests of trained models.
pub(crate) fn tested() -> Campaign {
    let mut campaign = small();
    test_models(&mut campaign, &MODELS, 60);
    campaign
}

/// Adds the tests of these models.
fn test_models(campaign: &mut Campaign, models: &[Tested], n_windows: usize) {
    campaign.rows.extend(rows_of(models));
    campaign.rows.extend(battery::represented(models));
    campaign.rows = Measurement::sorted(std::mem::take(&mut campaign.rows)).unwrap();
    campaign.projections = battery::projected(models, n_windows);
    campaign.cosines = battery::histograms(models);
}

pub(crate) fn projections() -> BTreeMap<RunId, Vec<Projected>> {
    battery::projected(&MODELS, 20)
}

pub(crate) fn cosines() -> BTreeMap<RunId, Vec<CosineBin>> {
    battery::histograms(&MODELS)
}

/// The campaign of [`facts`] and [`measurements`].
pub(crate) fn small() -> Campaign {
    Campaign {
        facts: facts(),
        rows: measurements(),
        observations: observations(),
        projections: BTreeMap::new(),
        cosines: BTreeMap::new(),
    }
}

/// A campaign with as many arms, names and words as the real ones have: what tables, figures and pages must hold.
pub(crate) fn large() -> Campaign {
    let mut facts = facts();
    let template = facts.arms.clone();
    let arms = |ids: &str| ids.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let screened = arms("D0 D4 A4 A7 A8 A9 D4x A4x A7x D4r a4r d4a4 d4a4cm d4-a4r d4a4r");
    let families = arms(
        "film-a4 film-d4 film-dual moe-a4 moe-a4-v2 moe-a4-v3 moe-a4-v4 moe-dual t3-wt t3-tri t3-anc film-a4e moe-paper",
    );
    facts.arms.clear();
    for (k, id) in screened.iter().chain(&families).enumerate() {
        let like = template.iter().find(|arm| arm.id == *id).unwrap_or(&template[if k % 2 == 0 { 5 } else { 3 }]);
        let mut arm = ArmFacts { id: id.clone(), ..like.clone() };
        // the numbers of digits that arms of the published widths have
        arm.parts.values_mut().for_each(|n| *n *= 371);
        (arm.parameters, arm.trainable, arm.flops) = (arm.parameters * 371, arm.trainable * 371, arm.flops * 5000);
        arm.extra = ["d4-a4r", "d4a4r", "film-a4e", "moe-paper"].contains(&id.as_str());
        facts.arms.push(arm);
    }
    let mut rows: Vec<Measurement> =
        measurements().into_iter().filter(|row| row.stage.starts_with("replication") || row.stage == "test").collect();
    let long = [CONFIRMED.as_slice(), &[("a4r", "cosine30", 30, 62.2), ("a4r", "cosine-tail60", 60, 61.0)]].concat();
    confirmation(&mut rows, &long);
    facts.confirmation = Some(confirmation_facts(&long));
    let start = 53.0;
    for (stage, arms) in [("screening", &screened), ("families", &families)] {
        for (k, arm) in arms.iter().enumerate() {
            screening(&mut rows, stage, arm, if k == 0 { start } else { 38.0 + 2.3 * (k * 5 % 13) as f64 }, start);
        }
    }
    facts.screening.as_mut().unwrap().arms = screened;
    facts.families.as_mut().unwrap().arms = families;
    facts.descriptors = ["a4", "a7", "a8", "a9", "d4", "a4e"].map(descriptor).to_vec();
    let metrics = "a4 mean_square,a4 time_mean_max,a7 adjacent_share,a7 leakage_pair_share,a8 gate_effect_max,a8 gated_share,\
                   a8 zero_frame_share,a9 active_share,d4 repeated_share";
    let observation = |(k, words): (usize, &str)| {
        let (descriptor, metric) = words.split_once(' ').unwrap();
        let value = if metric.ends_with("_max") { 5.4e-9 } else { 0.1 + 0.1 * k as f64 };
        let (descriptor, metric) = (descriptor.to_owned(), metric.to_owned());
        Observation { descriptor, metric, value, unit: String::new(), n: 1_112_400 }
    };
    let observations = metrics.split(',').enumerate().map(observation).collect();
    let mut campaign = Campaign { facts, rows, observations, ..small() };
    let [d0, d4a4, both] = MODELS;
    test_models(&mut campaign, &[d0, d4a4, ("a4r", "cosine30", &["a4"], 64.0), both], 2000);
    campaign
}

fn descriptor(id: &str) -> DescriptorFacts {
    let formula = match id {
        "d4" => "with Δ⁻, Δ⁺ the steps from the last and to the next note: Δ⁻/24, Δ⁺/24, clamp(Δ⁻/12, ±2)/2",
        "a7" => {
            "of the 28 ratios r of the 8 largest bins, the sum of sqrt(m m') exp(−(r − log2 c)²/(2·0.02²)) for 12 rational c"
        }
        _ => "per octave band: time difference of mean ln(1 + |X|), standardised over the segment",
    };
    DescriptorFacts {
        id: id.to_owned(),
        title: format!("descriptor {id}, made up"),
        shape: if id == "d4" { "notes x 4" } else { "188 x 8" }.to_owned(),
        source: "§3.4.1, Eqs. 4-5".to_owned(),
        formula: formula.to_owned(),
    }
}

pub(crate) fn observations() -> Vec<Observation> {
    let row = |descriptor: &str, metric: &str, value: f64, n: u64| Observation {
        descriptor: descriptor.to_owned(),
        metric: metric.to_owned(),
        value,
        unit: String::new(),
        n,
    };
    vec![
        row("a4", "mean_square", 0.994_680_9, 3552),
        row("a4", "time_mean_max", 5.4e-9, 3552),
        row("a7", "adjacent_share", 0.998, 83_472),
        row("d4", "repeated_share", 0.97, 3600),
    ]
}

/// S of an arm, seed and share of the training, percent.
fn s(arm: usize, seed: usize, share: f64) -> f64 {
    let top = [51.0, 54.5, 58.0, 63.5, 53.0, 60.0][arm] + [0.0, 2.5, -1.5][seed];
    15.6 + (top - 15.6) * share.sqrt()
}

pub(crate) fn measurements() -> Vec<Measurement> {
    let mut rows = Vec::new();
    for (a, arm) in ARMS.iter().enumerate() {
        replication(&mut rows, "replication", a, arm);
        replication(&mut rows, "replication_as_published", a, arm);
    }
    confirmation(&mut rows, &CONFIRMED);
    let start = s(0, 0, 0.6);
    for (a, arm) in ARMS.iter().chain(&SCREENED).enumerate() {
        screening(&mut rows, "screening", arm, s(a, 0, 0.6), start);
    }
    for (arm, above) in FAMILIES.iter().zip([-1.0, -2.0, 7.5, 1.5]) {
        screening(&mut rows, "families", arm, start + above, start);
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

/// Rows of an arm whose best S is `top`, against a baseline of `start`.
fn screening(rows: &mut Vec<Measurement>, stage: &str, arm: &str, top: f64, start: f64) {
    let row = |condition| Row(stage, arm, "cosine5", Some(42), condition);
    let selected = row("selected");
    let a = (top - start) / 3.0;
    rows.push(selected.of("s", top, "%", Some((top - 4.0, top + 3.5))));
    rows.push(selected.of("hard_same_piece", 70.0 + a, "%", None));
    rows.push(selected.of("hard_random", 91.0 - a, "%", None));
    rows.push(selected.of("r10_a2m", top + 1.0, "%", Some((top - 3.0, top + 4.5))));
    rows.push(selected.of("r10_m2a", top, "%", None));
    rows.push(selected.of("chance_s", 14.2, "%", None));
    rows.push(row("best").of("s", top, "%", Some((top - 4.0, top + 3.5))));
    rows.push(row("last").of("s", top - 0.5, "%", None));
    rows.push(row("epoch=003").of("s", top - 1.5, "%", None));
    if arm != "D0" {
        let delta = top - start;
        rows.push(row("best_vs_D0").of("delta_s", delta, "pp", Some((delta - 2.0, delta + 2.0))));
    }
}

/// Rows of long runs, against the baseline of their schedule and against the first run.
fn confirmation(rows: &mut Vec<Measurement>, runs: &[(&str, &str, usize, f64)]) {
    for &(arm, schedule, epochs, top) in runs {
        let row = |condition| Row("confirmation", arm, schedule, Some(42), condition);
        rows.push(row("selected").of("chance_s", 14.2, "%", None));
        for condition in ["selected", "best"] {
            rows.push(row(condition).of("s", top, "%", Some((top - 4.0, top + 3.5))));
            rows.push(row(condition).of("hard_same_piece", 80.0, "%", None));
        }
        rows.push(row("best").of("epoch", (epochs - 5) as f64, "", None));
        rows.push(row("last").of("epoch", epochs as f64, "", None));
        rows.push(row("last").of("s", top - 0.8, "%", None));
        let mut compared = |name: &str, other: f64| {
            let delta = top - other;
            let interval = Some((delta - 2.0, delta + 2.0));
            for (at, interval) in [("best", interval), ("last", None)] {
                let condition = format!("{at}_vs_{name}");
                let row = Row("confirmation", arm, schedule, Some(42), &condition);
                rows.push(row.of("delta_s", delta, "pp", interval));
            }
        };
        if let Some(baseline) = runs.iter().find(|run| arm != "D0" && run.0 == "D0" && run.1 == schedule) {
            compared("D0", baseline.3);
        }
        if (arm, schedule) != (runs[0].0, runs[0].1) {
            compared(&format!("D0@{}", runs[0].1), runs[0].3);
        }
    }
}

/// Rows of an arm over seeds; queries drawn with the seed add to its spread.
fn replication(rows: &mut Vec<Measurement>, stage: &str, a: usize, arm: &str) {
    let (queries, sd) = if stage == "replication" { ([0.0; 3], 2.0) } else { ([0.8, 1.0, -0.6], 2.6) };
    // both weigh more on later arms, so that no two variants have the same differences
    let weight = |a: usize| 1.0 + 0.3 * a as f64;
    let of_seed = |a: usize, k: usize| s(a, k, 1.0) + weight(a) * queries[k];
    let after_the_best = |a: usize| 0.6 * weight(a);
    let mean = |a: usize| (0..SEEDS.len()).map(|k| of_seed(a, k)).sum::<f64>() / 3.0;
    let values: Vec<f64> = (0..SEEDS.len()).map(|k| of_seed(a, k)).collect();
    for (k, seed) in SEEDS.iter().enumerate() {
        for epoch in [3_u32, 6, 9, 12] {
            let condition = format!("epoch={epoch:03}");
            let row = Row(stage, arm, "cosine12", Some(*seed), &condition);
            let lower = if epoch == 12 { after_the_best(a) } else { 0.0 };
            rows.push(row.of("s", s(a, k, f64::from(epoch) / 12.0) + weight(a) * queries[k] - lower, "%", None));
        }
        let row = Row(stage, arm, "cosine12", Some(*seed), "selected");
        rows.push(row.of("s", values[k], "%", Some((values[k] - 4.0, values[k] + 4.0))));
    }
    if stage == "replication" {
        for (k, seed) in SEEDS.iter().enumerate() {
            let row = Row("test", arm, "cosine12", Some(*seed), "selected");
            rows.push(row.of("s", values[k] - 2.0, "%", None));
            rows.push(row.of("r10_a2m", values[k] - 1.5, "%", None));
        }
    }
    let (min, max) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max));
    for (at, lower) in [("best", 0.0), ("last", after_the_best(a))] {
        let row = Row(stage, arm, "cosine12", None, at);
        let interval = (at == "best").then_some((mean(a) - 4.0, mean(a) + 4.0));
        rows.push(row.of("s_mean", mean(a) - lower, "%", interval));
        rows.extend(interval.map(|_| row.of("excludes_chance", 1.0, "", None)));
        for (metric, value, unit) in [("s_sd", sd, "pp"), ("s_min", min - lower, "%"), ("s_max", max - lower, "%")] {
            rows.push(row.of(metric, value, unit, None));
        }
    }
    // written from the arm that is not the baseline, else from the first by name
    let pairs = ARMS.iter().enumerate().filter(|(b, other)| a != 0 && (*b == 0 || arm < **other));
    for (b, other) in pairs {
        for at in ["best", "last"] {
            let condition = format!("{at}_vs_{other}");
            let row = Row(stage, arm, "cosine12", None, &condition);
            let lower = if at == "best" { 0.0 } else { after_the_best(a) - after_the_best(b) };
            let delta = mean(a) - mean(b) - lower;
            let p = [0.3, 0.04, 0.004, 0.000_5][a.abs_diff(b)] * (1.0 + lower.abs());
            rows.push(row.of("delta_s", delta, "pp", (at == "best").then_some((delta - 2.5, delta + 2.0))));
            for (metric, value, unit) in [
                ("welch_t", delta / 1.6, ""),
                ("welch_df", 3.9, ""),
                ("welch_p", p, ""),
                ("holm_p", p * 2.0, ""),
                ("cohen_d", delta / sd, ""),
                ("hedges_g", delta / (1.25 * sd), ""),
                ("worst_minus_best", delta - 4.0, "pp"),
            ] {
                rows.push(row.of(metric, value, unit, None));
            }
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
                auxiliary: 0.0,
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
    Campaign { facts, ..small() }.sources()
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

/// One claim of each outcome, and one more that holds.
pub(crate) fn verdicts() -> Vec<hit_claims::Verdict> {
    use hit_claims::{Form, Kind, Ours, Outcome, Power, Setting, Verdict};
    let ours = |value: f64, interval| Ours {
        value,
        interval,
        unit: "pp".to_owned(),
        margin: value,
        margin_interval: interval,
        rows: vec!["replication/d4a4@cosine30/best_vs_D0/delta_s".to_owned()],
    };
    let setting = Setting { comparable: false, published_sizes: false, label: "made up".to_owned() };
    let verdict = |id: &str, outcome, ours: Option<Ours>| Verdict {
        id: id.to_owned(),
        group: "Replication".to_owned(),
        text: format!("what {id} says"),
        source: "table12_multiseed.d4a4.mean".to_owned(),
        stated: "paper Table 12".to_owned(),
        form: Form::Published,
        outcome,
        ours,
        published: Some(8.8),
        rule: "above 0".to_owned(),
        why: String::new(),
        power: None,
        notes: Vec::new(),
        setting: setting.clone(),
    };
    let power = Power {
        kind: Kind::Effect,
        level: 0.95,
        n: vec![(5, "seeds".to_owned())],
        effect: Some(8.8),
        at_effect: Some(0.32),
        detectable: 14.0,
        target: 0.8,
        unit: "pp".to_owned(),
    };
    vec![
        verdict("helps", Outcome::Holds, Some(ours(8.8, Some((2.1, 15.0))))),
        verdict("no-overlap", Outcome::DoesNotHold, Some(ours(-4.5, Some((-9.0, -1.0))))),
        Verdict {
            power: Some(power),
            form: Form::Weak,
            ..verdict("first", Outcome::Inconclusive, Some(ours(1.0, Some((-3.0, 5.0)))))
        },
        Verdict { group: "Similarity of layers".to_owned(), ..verdict("cka", Outcome::NotTestable, None) },
        Verdict {
            group: "Similarity of layers".to_owned(),
            published: None,
            ..verdict("rsa", Outcome::Holds, Some(Ours { unit: String::new(), ..ours(0.071, None) }))
        },
    ]
}

/// One finding of each verdict of the audit.
pub(crate) fn findings() -> Vec<hit_audit::Finding> {
    use hit_audit::{Finding, Verdict};
    let finding = |id: &str, verdict| Finding {
        id: id.to_owned(),
        rule: "sum".to_owned(),
        verdict,
        paths: vec!["table19_params.total.D0".to_owned()],
        printed: "74.2".to_owned(),
        computed: "76.7".to_owned(),
        working: "3.2 + 54.5 + 6.1 & 50 % of it = 76.7".to_owned(),
        source: "paper Table 19".to_owned(),
    };
    vec![
        finding("sums/a_b", Verdict::Inconsistent),
        finding("grid/R10", Verdict::Consistent),
        finding("p", Verdict::CannotTell),
    ]
}
