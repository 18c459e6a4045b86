//! What a key is made of.

use std::collections::{BTreeMap, BTreeSet};

use hit_stage::{Digest, DynStage, Numerics, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the recipe; a change makes every key new.
const RECIPE_VERSION: u32 = 1;

/// Code digests of one crate of the workspace, compiled into the binary by its build script.
#[derive(Clone, Copy, Debug)]
pub struct CodeEntry {
    /// Package name.
    pub name: &'static str,
    /// Digest of its own code, hexadecimal.
    pub own: &'static str,
    /// Digest of the locked external dependencies of its closure, hexadecimal.
    pub locked: &'static str,
    /// Workspace crates it is built from, itself included, sorted.
    pub closure: &'static [&'static str],
}

/// The code digests of all crates.
#[derive(Clone, Debug, Default)]
pub struct Code(BTreeMap<String, CrateCode>);

/// See [`CodeEntry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrateCode {
    pub(crate) own: String,
    pub(crate) locked: String,
    pub(crate) closure: Vec<String>,
}

/// A crate of which no code digest is known.
pub(crate) struct NoCode(pub(crate) String);

impl Code {
    /// From the table that the build script emits; tests make theirs by hand.
    pub fn new(entries: &[CodeEntry]) -> Self {
        let code = |entry: &CodeEntry| CrateCode {
            own: entry.own.to_owned(),
            locked: entry.locked.to_owned(),
            closure: entry.closure.iter().map(|&name| name.to_owned()).collect(),
        };
        Self(entries.iter().map(|entry| (entry.name.to_owned(), code(entry))).collect())
    }

    pub(crate) fn from_crates(crates: BTreeMap<String, CrateCode>) -> Self {
        Self(crates)
    }

    /// Name, code digest and closure of every crate of the union of the closures of `roots`.
    pub(crate) fn closure<'a>(
        &self,
        roots: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, CrateCode>, NoCode> {
        let get = |name: &str| self.0.get(name).cloned().ok_or_else(|| NoCode(name.to_owned()));
        let mut crates = BTreeMap::new();
        for root in roots {
            for name in &get(root)?.closure {
                crates.insert(name.clone(), get(name)?);
            }
        }
        Ok(crates)
    }
}

/// Everything that a stage's result is a function of; its canonical encoding is hashed to the key.
///
/// The stage's id is not in it, so equal work under two names is done once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of this structure.
    pub v: u32,
    /// The stage's kind.
    pub kind: String,
    /// Its parameters.
    pub params: Value,
    /// Content digest of each input.
    pub inputs: BTreeMap<String, Digest>,
    /// Code digest of every workspace crate in the closures of the defining crate and of the plug-ins.
    pub code: BTreeMap<String, String>,
    /// Digest of the locked external dependencies of the defining crate and of each plug-in.
    pub locked: BTreeMap<String, String>,
    /// The numeric backend, if results depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
}

impl Recipe {
    /// The key: SHA-256 of the canonical encoding.
    pub fn key(&self) -> Digest {
        Digest::of(canonical_json(self).as_bytes())
    }

    /// The recipe of `stage` with no inputs filled in.
    pub(crate) fn of(stage: &dyn DynStage, code: &Code, backend: &str) -> Result<Self, NoCode> {
        let roots = roots(stage);
        let backend = (stage.needs().numerics == Numerics::Backend).then(|| backend.to_owned());
        Self::assemble(stage.kind().to_owned(), stage.params(), &roots, code, backend)
    }

    pub(crate) fn assemble(
        kind: String,
        params: Value,
        roots: &BTreeSet<String>,
        code: &Code,
        backend: Option<String>,
    ) -> Result<Self, NoCode> {
        let crates = code.closure(roots.iter().map(String::as_str))?;
        let locked = roots.iter().filter_map(|root| Some((root.clone(), crates.get(root)?.locked.clone()))).collect();
        Ok(Self {
            v: RECIPE_VERSION,
            kind,
            params,
            inputs: BTreeMap::new(),
            code: crates.into_iter().map(|(name, code)| (name, code.own)).collect(),
            locked,
            backend,
        })
    }
}

/// The crate that defines `stage` and those of its plug-ins.
pub(crate) fn roots(stage: &dyn DynStage) -> BTreeSet<String> {
    let plugins = stage.plugins();
    std::iter::once(stage.crate_name()).chain(plugins).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TABLE: [CodeEntry; 3] = [
        CodeEntry { name: "low", own: "l1", locked: "L1", closure: &["low"] },
        CodeEntry { name: "mid", own: "m1", locked: "M1", closure: &["low", "mid"] },
        CodeEntry { name: "arm", own: "a1", locked: "A1", closure: &["arm", "low"] },
    ];

    fn recipe(params: Value, roots: &[&str]) -> Recipe {
        let roots = roots.iter().map(|&name| name.to_owned()).collect();
        let made = Recipe::assemble("k".into(), params, &roots, &Code::new(&TABLE), None);
        made.unwrap_or_else(|_| panic!("known crates"))
    }

    #[test]
    fn code_is_the_union_of_closures_and_locks_of_the_roots() {
        let recipe = recipe(json!({}), &["mid", "arm"]);
        assert_eq!(recipe.code.keys().collect::<Vec<_>>(), ["arm", "low", "mid"]);
        assert_eq!(recipe.locked, BTreeMap::from([("arm".into(), "A1".into()), ("mid".into(), "M1".into())]));
    }

    #[test]
    fn a_crate_without_digest_is_an_error() {
        let none = Recipe::assemble("k".into(), json!({}), &["x".to_owned()].into(), &Code::new(&TABLE), None);
        assert!(matches!(none, Err(NoCode(name)) if name == "x"));
    }

    #[test]
    fn key_is_pinned() {
        // A change of this value reruns everything that anyone has cached: it must be meant.
        let mut recipe = recipe(json!({"epochs": 30, "rate": 0.1}), &["mid"]);
        recipe.inputs.insert("x".into(), Digest::of(b"abc"));
        let text = concat!(
            r#"{"code":{"low":"l1","mid":"m1"},"inputs":{"x":"#,
            r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},"#,
            r#""kind":"k","locked":{"mid":"M1"},"params":{"epochs":30,"rate":0.1},"v":1}"#
        );
        assert_eq!(canonical_json(&recipe), text);
        assert_eq!(recipe.key(), Digest::of(text.as_bytes()));
    }

    proptest! {
        #[test]
        fn every_part_moves_the_key(a: u32, b: u32, name in "[a-z]{1,6}") {
            prop_assume!(a != b);
            let base = recipe(json!({"n": a}), &["mid"]);
            let with = |edit: &dyn Fn(&mut Recipe)| { let mut other = base.clone(); edit(&mut other); other.key() };
            prop_assert_ne!(base.key(), with(&|r| r.params = json!({"n": b})));
            prop_assert_ne!(base.key(), with(&|r| { r.inputs.insert(name.clone(), Digest::of(b"")); }));
            prop_assert_ne!(base.key(), with(&|r| { r.code.insert(name.clone(), String::new()); }));
            prop_assert_ne!(base.key(), with(&|r| { r.locked.insert(name.clone(), String::new()); }));
            prop_assert_ne!(base.key(), with(&|r| r.backend = Some(name.clone())));
            prop_assert_ne!(base.key(), with(&|r| r.kind.push('x')));
            let text = canonical_json(&base);
            let back: Recipe = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.key(), base.key());
        }
    }
}
