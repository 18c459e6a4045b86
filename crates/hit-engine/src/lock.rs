//! `pipeline.lock`: what the results were made from, one block a stage, the same bytes for the same results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hit_stage::{Digest, FileRef, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::found;
use crate::key::{Code, CrateCode, NoCode, Recipe};

/// Version of the format.
const FORMAT: u32 = 1;

/// The lock of one results folder: JSON, sorted, one fact a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of the format.
    pub format: u32,
    /// Digest of everything below.
    pub campaign: Digest,
    /// Code digests of every crate that a stage is built from.
    pub code: BTreeMap<String, LockedCrate>,
    /// The stages by id.
    pub stages: BTreeMap<String, LockedStage>,
}

/// Code digests of a crate; see [`crate::CodeEntry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedCrate {
    /// Digest of its own code.
    pub own: String,
    /// Digest of the locked external dependencies of its closure.
    pub locked: String,
    /// Workspace crates it is built from, itself included.
    pub closure: Vec<String>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStage {
    /// Its kind.
    pub kind: String,
    /// Its key.
    pub key: Digest,
    /// The crate that defines it and those of its plug-ins.
    pub crates: Vec<String>,
    /// Numeric backend, if the results depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Its parameters.
    pub params: Value,
    /// Content digests of its inputs.
    pub inputs: BTreeMap<String, Digest>,
    /// Its outputs.
    pub outputs: BTreeMap<String, LockedOutput>,
    /// The files it exports, by path below the results folder.
    pub exports: BTreeMap<String, FileRef>,
}

/// One output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedOutput {
    /// Content digest (of a tree: of its listing).
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Number of files, if it is a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<usize>,
}

/// Why a lock cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Reading failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not a lock.
    #[error("{} cannot be understood: {why}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's message, with line and column.
        why: String,
    },
    /// It was written by another version.
    #[error("{} has format {found}, this program writes format {FORMAT}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl Lock {
    /// A lock of these stages, its header filled in.
    pub(crate) fn new(code: BTreeMap<String, LockedCrate>, stages: BTreeMap<String, LockedStage>) -> Self {
        let mut lock = Self { format: FORMAT, campaign: Digest::of(b""), code, stages };
        lock.campaign = lock.campaign_digest();
        lock
    }

    /// Reads the lock at `path`; `None` if there is none.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        let Some(bytes) = found(fs_err::read(path))? else { return Ok(None) };
        Self::parse(&bytes, path).map(Some)
    }

    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, LockError> {
        let syntax = |why: serde_json::Error| LockError::Syntax { path: path.to_owned(), why: why.to_string() };
        let value: Value = serde_json::from_slice(bytes).map_err(syntax)?;
        match value.get("format").and_then(Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => {
                Err(LockError::Format { path: path.to_owned(), found: found as u32 })
            }
            // Parsed from the text once more: messages then carry line and column.
            _ => serde_json::from_slice(bytes).map_err(syntax),
        }
    }

    /// Digest of all entries, as [`Lock::campaign`] should be.
    pub fn campaign_digest(&self) -> Digest {
        Digest::of(self.body().as_bytes())
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        format!("{{\n  \"format\": {},\n  \"campaign\": \"{}\",\n{}}}\n", self.format, self.campaign, self.body())
    }

    fn body(&self) -> String {
        let mut out = String::new();
        block(&mut out, "  ", "code", self.code.iter().map(|(name, code)| (name, line(code))), ",");
        out.push_str("  \"stages\": {");
        for (idx, (id, stage)) in self.stages.iter().enumerate() {
            let start = if idx == 0 { "\n" } else { ",\n" };
            writeln!(out, "{start}    {}: {{", line(id)).expect("writing to a string");
            stage.render(&mut out);
            out.push_str("    }");
        }
        out.push_str(if self.stages.is_empty() { "}\n" } else { "\n  }\n" });
        out
    }

    /// The recipe that the lock states for a stage of it; the error names a crate whose code it does not state.
    pub(crate) fn recipe(&self, stage: &LockedStage) -> Result<Recipe, NoCode> {
        let crates = self.code.iter().map(|(name, code)| {
            let LockedCrate { own, locked, closure } = code.clone();
            (name.clone(), CrateCode { own, locked, closure })
        });
        let roots = stage.crates.iter().cloned().collect();
        let code = Code::from_crates(crates.collect());
        let mut recipe =
            Recipe::assemble(stage.kind.clone(), stage.params.clone(), &roots, &code, stage.backend.clone())?;
        recipe.inputs.clone_from(&stage.inputs);
        Ok(recipe)
    }
}

impl LockedStage {
    fn render(&self, out: &mut String) {
        let pad = "      ";
        let mut fact = |name: &str, value: String| {
            writeln!(out, "{pad}\"{name}\": {value},").expect("writing to a string");
        };
        fact("kind", line(&self.kind));
        fact("key", line(&self.key));
        fact("crates", line(&self.crates));
        if let Some(backend) = &self.backend {
            fact("backend", line(backend));
        }
        fact("params", canonical_json(&self.params));
        block(out, pad, "inputs", self.inputs.iter().map(|(name, digest)| (name, line(digest))), ",");
        block(out, pad, "outputs", self.outputs.iter().map(|(name, output)| (name, line(output))), ",");
        block(out, pad, "exports", self.exports.iter().map(|(path, file)| (path, line(file))), "");
    }
}

/// `"name": {` entries one a line `}` and `end`.
fn block<'a>(out: &mut String, pad: &str, name: &str, entries: impl Iterator<Item = (&'a String, String)>, end: &str) {
    write!(out, "{pad}\"{name}\": {{").expect("writing to a string");
    let mut any = false;
    for (key, value) in entries {
        let start = if any { ",\n" } else { "\n" };
        write!(out, "{start}{pad}  {}: {value}", line(key)).expect("writing to a string");
        any = true;
    }
    let close = if any { format!("\n{pad}}}") } else { "}".to_owned() };
    writeln!(out, "{close}{end}").expect("writing to a string");
}

/// One line of JSON, fields in the order of the type.
fn line(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("strings, digests and numbers are representable as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let code = LockedCrate { own: "a".into(), locked: "b".into(), closure: vec!["work".into()] };
        let file = FileRef { digest: Digest::of(b"x"), size: 1 };
        let mut stage = LockedStage {
            kind: "kind".into(),
            key: Digest::of(b""),
            crates: vec!["work".into()],
            backend: Some("flex".into()),
            params: serde_json::json!({"b": 0.1, "a": [1, "two"]}),
            inputs: BTreeMap::from([("in".into(), file.digest)]),
            outputs: BTreeMap::from([("t".into(), LockedOutput { digest: file.digest, size: 1, files: Some(1) })]),
            exports: BTreeMap::from([("t/x".into(), file)]),
        };
        let mut lock = Lock::new(BTreeMap::from([("work".into(), code)]), BTreeMap::new());
        stage.key = lock.recipe(&stage).unwrap_or_else(|_| panic!("code is known")).key();
        let bare = LockedStage {
            backend: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            exports: BTreeMap::new(),
            ..stage.clone()
        };
        lock.stages = BTreeMap::from([("kind/a".into(), stage), ("kind/b".into(), bare)]);
        lock.campaign = lock.campaign_digest();
        lock
    }

    #[test]
    fn format_is_a_contract() {
        insta::assert_snapshot!(lock().render(), @r#"
        {
          "format": 1,
          "campaign": "588ab7d9e873656ba35e4114d8d4678deaecb155833b7fb415b9eedeca2b7fa8",
          "code": {
            "work": {"own":"a","locked":"b","closure":["work"]}
          },
          "stages": {
            "kind/a": {
              "kind": "kind",
              "key": "cda195e08e49161787766e1e7f9bb02ff13413533e2557db9849d573afe555ac",
              "crates": ["work"],
              "backend": "flex",
              "params": {"a":[1,"two"],"b":0.1},
              "inputs": {
                "in": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
              },
              "outputs": {
                "t": {"digest":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size":1,"files":1}
              },
              "exports": {
                "t/x": {"digest":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size":1}
              }
            },
            "kind/b": {
              "kind": "kind",
              "key": "cda195e08e49161787766e1e7f9bb02ff13413533e2557db9849d573afe555ac",
              "crates": ["work"],
              "params": {"a":[1,"two"],"b":0.1},
              "inputs": {},
              "outputs": {},
              "exports": {}
            }
          }
        }
        "#);
    }

    #[test]
    fn text_round_trips() {
        let lock = lock();
        let back = Lock::parse(lock.render().as_bytes(), Path::new("x")).unwrap();
        assert_eq!(back, lock);
        assert_eq!(back.render(), lock.render());
        assert_eq!(back.campaign_digest(), back.campaign);
        let empty = Lock::new(BTreeMap::new(), BTreeMap::new());
        assert_eq!(Lock::parse(empty.render().as_bytes(), Path::new("x")).unwrap(), empty);
    }

    #[test]
    fn hostile_locks_are_refused() {
        let text = lock().render();
        let read = |text: &str| Lock::parse(text.as_bytes(), Path::new("p/pipeline.lock")).unwrap_err().to_string();
        assert!(read(&text[..text.len() / 2]).starts_with("p/pipeline.lock cannot be understood: EOF"));
        assert!(read("[]").contains("cannot be understood"));
        assert!(read(&text.replace("\"format\": 1", "\"format\": 7")).contains("has format 7"));
        assert!(read(&text.replace("\"kind\":", "\"kinds\":")).contains("unknown field `kinds`"));
        assert!(read(&text.replace("\"key\": \"", "\"key\": \"g")).contains("SHA-256"));
        assert_eq!(Lock::read(Path::new("/nonexistent/pipeline.lock")).unwrap(), None);
    }

    #[test]
    fn any_edit_moves_the_campaign() {
        let mut edited = lock();
        edited.stages.get_mut("kind/a").unwrap().exports.clear();
        assert_ne!(edited.campaign_digest(), lock().campaign);
    }
}
