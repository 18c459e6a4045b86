//! Every relation both ways, power against scipy, the ledger of the paper against the paper's own numbers, hostile files.

mod arithmetic;
mod deciding;
mod paper;
mod places;
mod reading;
mod writing;

use std::collections::BTreeMap;

use hit_schema::Observation;
use hit_stats::Measurement;

use crate::{Ledger, Published, Setting, Verdict};

/// The ledger of the project.
pub(super) const CLAIMS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/claims.toml"));

/// The published values of the project.
pub(super) const PUBLISHED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/published.toml"));

/// A small file of published values.
pub(super) const SMALL: &str = r#"
[table.D0]
s = { value = 60.0, unit = "%", source = "Table 1" }
[table.x]
s = { value = 69.6, unit = "%", source = "Table 1" }
delta = { value = 9.6, unit = "pp", source = "Table 1" }
[table.y]
delta = { value = -1.0, unit = "pp", source = "Table 1" }
s = { value = 59.0, unit = "%", source = "Table 1" }
[table.z]
delta = { value = 0.0, unit = "pp", source = "Table 1" }
[list]
curve = { value = [1.0, [2.0, 3.0]], unit = "", source = "Fig 1" }
words = { value = "none", unit = "", source = "Fig 1" }
gone = { missing = true, unit = "", note = "not printed" }
"#;

const HEAD: &str = r#"
[protocol]
level = 0.95
power = 0.80
[[beside]]
stages = ["screening"]
conditions = { best = "", best_vs_D0 = "" }
metrics = { s = "s", delta_s = "delta", s_mean = "s" }
path = "table.{arm}.{metric}"
"#;

pub(super) fn setting(comparable: bool) -> Setting {
    Setting { comparable, published_sizes: comparable, label: if comparable { "full" } else { "smoke" }.to_owned() }
}

/// A measurement `stage/arm/condition/metric`.
pub(super) fn row(path: &str, value: f64, interval: Option<(f64, f64)>) -> Measurement {
    let (stage, rest) = path.split_once('/').unwrap();
    let (arm, rest) = rest.split_once('/').unwrap();
    let (condition, metric) = rest.rsplit_once('/').unwrap();
    Measurement {
        stage: stage.into(),
        arm: arm.split('@').next().unwrap().into(),
        schedule: arm.split_once('@').map_or("cosine5", |(_, schedule)| schedule).into(),
        seed: Some(42),
        condition: condition.into(),
        metric: metric.into(),
        value,
        unit: if metric.starts_with("delta") { "pp" } else { "%" }.into(),
        n: None,
        interval,
    }
}

/// The text of a ledger with one claim of one condition.
pub(super) fn ledger_text(must: &str) -> String {
    let claim = "[[claim]]\nid = \"one\"\ngroup = \"G\"\ntext = \"T\"\nsource = \"table.x.delta\"\nstated = \"Table 1\"\nsized = false\n";
    format!("{HEAD}{claim}[[claim.must]]\n{must}\n")
}

pub(super) fn judge_all(text: &str, rows: &[Measurement], comparable: bool) -> Result<Vec<Verdict>, crate::Error> {
    judge_in(text, rows, &setting(comparable))
}

pub(super) fn judge_in(text: &str, rows: &[Measurement], setting: &Setting) -> Result<Vec<Verdict>, crate::Error> {
    let known = BTreeMap::from([("chance".to_owned(), 3.9), ("x.parameters".to_owned(), 75e6)]);
    let seen = Observation { descriptor: "a4".into(), metric: "mean".into(), value: 1e-9, unit: String::new(), n: 8 };
    let published = Published::parse(SMALL).unwrap();
    Ledger::parse(text)?.judge(rows, &[seen], &published, &known, setting)
}

/// The verdict on one condition.
pub(super) fn judge(must: &str, rows: &[Measurement]) -> Verdict {
    judge_all(&ledger_text(must), rows, true).unwrap().pop().unwrap()
}
