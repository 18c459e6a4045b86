//! What may explain a difference: facts about the runs, and the first stages that differ.

use std::collections::{BTreeMap, BTreeSet};

use hit_engine::{Lock, LockedStage};
use hit_stage::Digest;
use serde::Serialize;
use serde_json::Value;

use crate::{Provenance, Results};

/// Parameters, or inputs, named at most in one reason.
const NAMED: usize = 3;

/// A fact that differs between the runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is about.
    pub what: &'static str,
    /// In A; empty if not stated.
    pub a: String,
    /// In B; empty if not stated.
    pub b: String,
}

/// Stages of one kind that are the first to differ, for one reason: nothing that they are made from differs because of
/// another stage. A stage that reads a changed file is among them too, whatever else of it differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Root {
    /// Kind of the stages.
    pub kind: String,
    /// Their ids.
    pub stages: Vec<String>,
    /// Why they differ, in words.
    pub why: String,
}

/// How the stages of two locks differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stages {
    /// In both, with the same outputs.
    pub same: usize,
    /// In both, with other outputs.
    pub different: usize,
    /// In A only.
    pub only_a: usize,
    /// In B only.
    pub only_b: usize,
    /// Those that differ first: everything else that differs lies below them.
    pub roots: Vec<Root>,
}

pub(super) fn facts(a: &Results, b: &Results) -> Vec<Fact> {
    let none = Provenance::default();
    let of = |results: &Results| stated(results, results.provenance.as_ref().unwrap_or(&none));
    let pairs = of(a).into_iter().zip(of(b));
    pairs.filter(|(a, b)| a.1 != b.1).map(|((what, a), (_, b))| Fact { what, a, b }).collect()
}

fn stated(results: &Results, provenance: &Provenance) -> Vec<(&'static str, String)> {
    let seeds: BTreeSet<u64> = results.measurements.iter().filter_map(|row| row.seed).collect();
    let seeds: Vec<String> = seeds.into_iter().map(|seed| seed.to_string()).collect();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        ("profile", provenance.profile.clone()),
        ("commit", provenance.checkout.as_ref().map(crate::Checkout::words).unwrap_or_default()),
        ("version", text(&provenance.hitrepro)),
        ("compiler", text(&provenance.rust)),
        ("backend", text(&provenance.backend)),
        ("devices", provenance.devices.join(", ")),
        ("hardware", provenance.hardware.as_ref().map(crate::Hardware::words).unwrap_or_default()),
        ("LaTeX", text(&provenance.latex)),
        ("seeds", seeds.join(", ")),
    ]
}

pub(super) fn stages(a: &Results, b: &Results) -> Option<Stages> {
    let (a, b) = (a.lock.as_ref()?, b.lock.as_ref()?);
    let both = |id: &String| Some((a.stages.get(id)?, b.stages.get(id)?));
    let is_different = |id: &String| both(id).is_some_and(|(one, other)| one.outputs != other.outputs);
    let different: BTreeSet<&String> = a.stages.keys().filter(|id| is_different(id)).collect();
    let common = a.stages.keys().filter(|id| both(id).is_some()).count();
    let (made_a, made_b) = (Made::by(a, &different), Made::by(b, &different));
    let mut roots: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for id in &different {
        let Some((one, other)) = both(id) else { continue };
        let inputs = Inputs::of(id, (one, &made_a), (other, &made_b));
        let why = match (inputs.explained, inputs.files.is_empty()) {
            (false, _) => reason((a, one), (b, other), inputs.words()),
            // A file that no stage makes is a cause wherever it is read.
            (true, false) => named(inputs.files, "inputs").join("; "),
            (true, true) => continue,
        };
        roots.entry((one.kind.clone(), why)).or_default().push((*id).clone());
    }
    let lacking = |from: &Lock, other: &Lock| from.stages.keys().filter(|id| !other.stages.contains_key(*id)).count();
    let root = |((kind, why), stages)| Root { kind, stages, why };
    let roots = roots.into_iter().map(root).collect();
    let (only_a, only_b) = (lacking(a, b), lacking(b, a));
    Some(Stages { same: common - different.len(), different: different.len(), only_a, only_b, roots })
}

/// The outputs of a lock by their digests: the stages that make one, and whether each of them differs.
struct Made<'a>(BTreeMap<Digest, Vec<(&'a String, bool)>>);

impl<'a> Made<'a> {
    fn by(lock: &'a Lock, different: &BTreeSet<&String>) -> Self {
        let mut made: BTreeMap<Digest, Vec<(&String, bool)>> = BTreeMap::new();
        for (id, stage) in &lock.stages {
            for output in stage.outputs.values() {
                made.entry(output.digest).or_default().push((id, different.contains(id)));
            }
        }
        Self(made)
    }

    /// Whether a stage other than `id` makes this, and whether one that differs does.
    fn for_stage(&self, id: &str, digest: Option<&Digest>) -> (bool, bool) {
        let makers = digest.and_then(|digest| self.0.get(digest)).map_or(&[][..], Vec::as_slice);
        let mut others = makers.iter().filter(|(maker, _)| *maker != id).peekable();
        (others.peek().is_some(), others.any(|(_, differs)| *differs))
    }
}

/// How the inputs of a stage differ.
#[derive(Default)]
struct Inputs {
    /// Whether one of them comes from another stage that differs, which then is nearer to the cause.
    explained: bool,
    /// Files that no stage makes, in words.
    files: Vec<String>,
    /// The others, in words.
    others: Vec<String>,
}

impl Inputs {
    fn of(id: &str, (a, made_a): (&LockedStage, &Made), (b, made_b): (&LockedStage, &Made)) -> Self {
        let mut inputs = Self::default();
        let names: BTreeSet<&String> = a.inputs.keys().chain(b.inputs.keys()).collect();
        for name in names {
            let (one, other) = (a.inputs.get(name), b.inputs.get(name));
            if one == other {
                continue;
            }
            let (made_one, made_other) = (made_a.for_stage(id, one), made_b.for_stage(id, other));
            inputs.explained |= made_one.1 || made_other.1;
            let text = match (one, other) {
                (None, _) => format!("input `{name}` only in B"),
                (_, None) => format!("input `{name}` only in A"),
                _ if made_one.0 || made_other.0 => format!("input `{name}` from another stage"),
                _ => format!("file `{name}` changed"),
            };
            let list = if made_one.0 || made_other.0 { &mut inputs.others } else { &mut inputs.files };
            list.push(text);
        }
        inputs
    }

    fn words(self) -> Vec<String> {
        named(self.files.into_iter().chain(self.others).collect(), "inputs")
    }
}

/// The first of the facts, and how many more there are.
fn named(mut facts: Vec<String>, what: &str) -> Vec<String> {
    let more = facts.len().saturating_sub(NAMED);
    facts.truncate(NAMED);
    facts.extend((more > 0).then(|| format!("{more} more {what}")));
    facts
}

/// Why a stage has other outputs; `reasons` is how its inputs differ.
fn reason((lock_a, a): (&Lock, &LockedStage), (lock_b, b): (&Lock, &LockedStage), mut reasons: Vec<String>) -> String {
    if a.key == b.key && reasons.is_empty() {
        return "the same code, parameters and inputs gave other bytes: the machine or the compiler".to_owned();
    }
    if a.backend != b.backend {
        let name = |stage: &LockedStage| stage.backend.clone().unwrap_or_else(|| "none".to_owned());
        reasons.push(format!("backend {} → {}", name(a), name(b)));
    }
    let mut params = Vec::new();
    changes("", &a.params, &b.params, &mut params);
    reasons.extend(named(params, "parameters"));
    reasons.extend(code((lock_a, a), (lock_b, b)));
    if reasons.is_empty() { "another key".to_owned() } else { reasons.join("; ") }
}

/// What differs in the code that a stage is built from: crates of either closure, and versions of what they depend on.
fn code((lock_a, a): (&Lock, &LockedStage), (lock_b, b): (&Lock, &LockedStage)) -> Vec<String> {
    fn closure<'a>(lock: &'a Lock, stage: &'a LockedStage) -> BTreeSet<&'a String> {
        let known = stage.crates.iter().filter_map(|name| lock.code.get(name));
        stage.crates.iter().chain(known.flat_map(|code| &code.closure)).collect()
    }
    let (of_a, of_b) = (closure(lock_a, a), closure(lock_b, b));
    let own = |lock: &Lock, name: &str| lock.code.get(name).map(|code| code.own.clone());
    let locked = |lock: &Lock, name: &str| lock.code.get(name).map(|code| code.locked.clone());
    let changed = of_a.union(&of_b).filter_map(|name| match (of_a.contains(name), of_b.contains(name)) {
        (true, false) => Some(format!("{name} (only in A)")),
        (false, true) => Some(format!("{name} (only in B)")),
        _ => (own(lock_a, name) != own(lock_b, name)).then(|| (*name).clone()),
    });
    let changed: Vec<String> = changed.collect();
    let versions = a.crates.iter().filter(|name| b.crates.contains(name));
    let versions = versions.into_iter().any(|name| locked(lock_a, name) != locked(lock_b, name));
    let code = (!changed.is_empty()).then(|| format!("code of {}", changed.join(", ")));
    code.into_iter().chain(versions.then(|| "versions of dependencies".to_owned())).collect()
}

/// Parameters that differ, as `path a → b`.
fn changes(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let value = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                changes(&below, &value(one), &value(other), found);
            }
        }
        _ if a == b => {}
        _ => found.push(format!(
            "{path} {} → {}",
            super::text::cut(&a.to_string(), 24),
            super::text::cut(&b.to_string(), 24)
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(a: &Value, b: &Value) -> Vec<String> {
        let mut found = Vec::new();
        changes("", a, b, &mut found);
        found
    }

    proptest! {
        #[test]
        fn equal_parameters_have_no_changes(keys in prop::collection::btree_map("[a-z]{1,3}", -9..9_i32, 0..6)) {
            let value = json!(keys);
            prop_assert!(found(&value, &value).is_empty());
            let nested = json!({ "x": value });
            prop_assert_eq!(found(&nested, &json!({})).len(), usize::from(!keys.is_empty() || nested != json!({})));
        }

        #[test]
        fn every_change_is_found_once(a in prop::collection::btree_map("[a-c]", 0..3_i32, 0..4), b in prop::collection::btree_map("[a-c]", 0..3_i32, 0..4)) {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let differ = names.into_iter().filter(|name| a.get(*name) != b.get(*name)).count();
            prop_assert_eq!(found(&json!(a), &json!(b)).len(), differ);
        }
    }

    #[test]
    fn changes_are_named_by_their_path() {
        let (a, b) = (json!({"fit": {"epochs": 30, "lr": 1e-4}}), json!({"fit": {"epochs": 60, "lr": 1e-4}}));
        assert_eq!(found(&a, &b), ["fit.epochs 30 → 60"]);
        assert_eq!(found(&json!([1, 2]), &json!([1, 3])), [" [1,2] → [1,3]"]);
        let long = json!({ "x": "a very long text that says nothing of interest" });
        assert!(found(&long, &json!({}))[0].chars().count() < 40);
    }
}
