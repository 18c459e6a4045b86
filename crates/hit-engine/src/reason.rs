//! Why a stage would run: one typed reason each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::graph::{Node, Source};
use crate::key::Recipe;

/// Why a stage would run, or cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reason {
    /// No finished run of it is on record.
    Missing,
    /// A parameter changed.
    Params {
        /// Dotted path (`params.epochs`), or `params` as a whole.
        name: String,
        /// Value of the run on record, as JSON; `none` where it had no such parameter.
        from: String,
        /// Value now.
        to: String,
    },
    /// An input's content changed, or the input is new or gone.
    Input {
        /// Its name.
        name: String,
        /// The stage it comes from, unless it is a file outside of the store.
        stage: Option<String>,
    },
    /// The code of a crate it is built from changed (or the crate is new in, or gone from, its closure).
    Code {
        /// Package name.
        #[serde(rename = "crate")]
        name: String,
    },
    /// A locked external dependency of a crate it is built from changed.
    Locked {
        /// Package name of the workspace crate.
        #[serde(rename = "crate")]
        name: String,
    },
    /// Another numeric backend.
    Backend {
        /// Backend of the run on record.
        from: String,
        /// Backend now.
        to: String,
    },
    /// It has run, but an output is no longer in the store.
    ObjectLost {
        /// Name of the output.
        output: String,
    },
    /// A stage that it reads runs first; if that one's bytes come out as before, this one is not run.
    Upstream {
        /// The stage waited for.
        stage: String,
    },
    /// A file outside of the store is not there, and no digest of it is recorded.
    NoFile {
        /// Name of the input.
        name: String,
        /// Where the file should be.
        path: PathBuf,
    },
    /// A file outside of the store cannot be read.
    Unreadable {
        /// Name of the input.
        name: String,
        /// Where the file lies.
        path: PathBuf,
        /// The error, which names the path.
        why: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing: no finished run is on record"),
            Self::Params { name, from, to } => write!(f, "{name} {} -> {}", brief(from), brief(to)),
            Self::Input { name, stage: Some(stage) } => write!(f, "input `{name}` from {stage}"),
            Self::Input { name, stage: None } => write!(f, "input `{name}`"),
            Self::Code { name } => write!(f, "code of {name}"),
            Self::Locked { name } => write!(f, "locked dependencies of {name}"),
            Self::Backend { from, to } => write!(f, "backend {from} -> {to}"),
            Self::ObjectLost { output } => write!(f, "output `{output}` is no longer in the store"),
            Self::Upstream { stage } => write!(f, "after {stage}"),
            Self::NoFile { name, path } => write!(f, "input `{name}`: there is no file {}", path.display()),
            Self::Unreadable { name, why, .. } => write!(f, "input `{name}`: {why}"),
        }
    }
}

/// At most 48 characters of `text`.
fn brief(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(48).collect();
    if chars.next().is_some() { format!("{head}…") } else { head }
}

/// The first thing in which `now` differs from `before`: parameters, code, dependencies, backend, inputs, in this order.
///
/// `now.inputs` holds the inputs whose digest is known; names in `pending` are not compared.
pub(crate) fn difference(before: &Recipe, now: &Recipe, node: &Node, pending: &[&str]) -> Option<Reason> {
    if before.kind != now.kind {
        let (from, to) = (before.kind.clone(), now.kind.clone());
        return Some(Reason::Params { name: "kind".to_owned(), from, to });
    }
    params("params", Some(&before.params), Some(&now.params))
        .or_else(|| changed(&before.code, &now.code).map(|name| Reason::Code { name: name.to_owned() }))
        .or_else(|| changed(&before.locked, &now.locked).map(|name| Reason::Locked { name: name.to_owned() }))
        .or_else(|| backend(before, now))
        .or_else(|| input(before, now, node, pending))
        .or_else(|| (before.v != now.v).then_some(Reason::Missing))
}

fn backend(before: &Recipe, now: &Recipe) -> Option<Reason> {
    let name = |recipe: &Recipe| recipe.backend.clone().unwrap_or_else(|| "none".to_owned());
    (before.backend != now.backend).then(|| Reason::Backend { from: name(before), to: name(now) })
}

fn input(before: &Recipe, now: &Recipe, node: &Node, pending: &[&str]) -> Option<Reason> {
    let known = |recipe: &Recipe| -> BTreeMap<String, _> {
        let inputs = recipe.inputs.iter().filter(|(name, _)| !pending.contains(&name.as_str()));
        inputs.map(|(name, digest)| (name.clone(), *digest)).collect()
    };
    let name = changed(&known(before), &known(now)).map(str::to_owned)?;
    let stage = match node.inputs.get(&name) {
        Some(Source::Output { stage, .. }) => Some(stage.clone()),
        _ => None,
    };
    Some(Reason::Input { name, stage })
}

/// The first key, in order, whose value differs or that only one side has.
fn changed<'a, V: PartialEq>(before: &'a BTreeMap<String, V>, now: &'a BTreeMap<String, V>) -> Option<&'a str> {
    let differs = |name: &&String| before.get(*name) != now.get(*name);
    let (old, new) = (before.keys().find(differs), now.keys().find(differs));
    [old, new].into_iter().flatten().min().map(String::as_str)
}

fn params(name: &str, before: Option<&Value>, now: Option<&Value>) -> Option<Reason> {
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, now) {
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        return keys.into_iter().find_map(|key| params(&format!("{name}.{key}"), old.get(key), new.get(key)));
    }
    let text = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
    (before != now).then(|| Reason::Params { name: name.to_owned(), from: text(before), to: text(now) })
}

#[cfg(test)]
mod tests {
    use hit_stage::Digest;
    use serde_json::json;

    use super::*;
    use crate::testing::Work;

    fn recipe() -> Recipe {
        Recipe {
            v: 1,
            kind: "train".into(),
            params: json!({"epochs": 30, "optimiser": {"rate": 0.1, "name": "adamw"}}),
            inputs: BTreeMap::from([("index".into(), Digest::of(b"i")), ("late".into(), Digest::of(b"l"))]),
            code: BTreeMap::from([("hit-train".into(), "c".into())]),
            locked: BTreeMap::from([("hit-train".into(), "l".into())]),
            backend: Some("flex".into()),
        }
    }

    fn reason(edit: impl Fn(&mut Recipe)) -> Option<String> {
        let node = Node::new("train/x", Work::default()).input("index", "dataset/train", "index");
        let (before, mut now) = (recipe(), recipe());
        now.inputs.remove("late");
        edit(&mut now);
        difference(&before, &now, &node, &["late"]).map(|reason| reason.to_string())
    }

    #[test]
    fn each_part_has_its_reason() {
        let text = |edit: &dyn Fn(&mut Recipe)| reason(edit).unwrap_or_default();
        assert_eq!(text(&|_| ()), "");
        assert_eq!(text(&|r| r.params["epochs"] = json!(60)), "params.epochs 30 -> 60");
        assert_eq!(text(&|r| r.params["optimiser"]["rate"] = json!(0.2)), "params.optimiser.rate 0.1 -> 0.2");
        assert_eq!(text(&|r| r.params["extra"] = json!([1])), "params.extra none -> [1]");
        assert_eq!(
            text(&|r| r.params["optimiser"] = json!(null)),
            "params.optimiser {\"name\":\"adamw\",\"rate\":0.1} -> null"
        );
        assert_eq!(text(&|r| r.code = [("hit-stage".into(), "x".into())].into()), "code of hit-stage");
        assert_eq!(text(&|r| r.locked = [("hit-train".into(), "x".into())].into()), "locked dependencies of hit-train");
        assert_eq!(text(&|r| r.backend = Some("cuda".into())), "backend flex -> cuda");
        assert_eq!(
            text(&|r| r.inputs = [("index".into(), Digest::of(b"j"))].into()),
            "input `index` from dataset/train"
        );
        assert_eq!(text(&|r| _ = r.inputs.insert("new".into(), Digest::of(b""))), "input `new`");
    }

    #[test]
    fn parameters_come_first_and_long_values_are_cut() {
        let both = |r: &mut Recipe| {
            r.params["epochs"] = json!("x".repeat(500));
            r.code.clear();
        };
        let text = reason(both).unwrap();
        assert!(text.starts_with("params.epochs 30 -> \"xxx") && text.chars().count() < 90, "{text}");
    }

    #[test]
    fn serialised_form_is_a_contract() {
        let reasons = [
            Reason::Missing,
            Reason::Params { name: "params.epochs".into(), from: "30".into(), to: "60".into() },
            Reason::Code { name: "hit-train".into() },
            Reason::Upstream { stage: "train/x".into() },
        ];
        insta::assert_snapshot!(serde_json::to_string(&reasons).unwrap(), @r#"[{"type":"missing"},{"type":"params","name":"params.epochs","from":"30","to":"60"},{"type":"code","crate":"hit-train"},{"type":"upstream","stage":"train/x"}]"#);
    }
}
