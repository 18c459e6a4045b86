//! Reading the file: parse, resolve inheritance, type, check.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Problem};
use super::merge::{Value, overlay, table};
use super::read::read;
use super::{Config, Head, Profile, check};
use crate::Error;

/// A problem and the bytes where it is.
pub type Found = (Problem, Range<usize>);

impl Config {
    /// Reads and checks `path`.
    ///
    /// # Errors
    /// The file cannot be read, or [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs_err::read_to_string(path)?;
        Ok(Self::parse(&text, path)?)
    }

    /// Reads and checks `text`, which came from `path`.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Box<ConfigError>> {
        parse(text, path).map_err(|(problem, span)| {
            let shown = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
            Box::new(ConfigError::new(problem, span, &shown, text))
        })
    }

    /// The profile of that name, or the default one.
    ///
    /// # Errors
    /// [`Error::UnknownProfile`].
    pub fn profile(&self, name: Option<&str>) -> Result<(&str, &Profile), Error> {
        let name = name.unwrap_or(&self.default_profile);
        let found = self.profiles.get_key_value(name);
        found.map(|(name, profile)| (name.as_str(), profile)).ok_or_else(|| {
            let known = self.profiles.keys().cloned().collect();
            Error::UnknownProfile { name: name.to_owned(), known, file: self.path.clone() }
        })
    }

    /// Folder that the configuration is in; relative paths in it start there.
    pub fn root(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// `name` and the profiles it inherits from, nearest first.
    pub fn chain<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let above = |name: &&'a str| self.profiles.get(*name).and_then(|profile| profile.inherits.as_deref());
        std::iter::successors(Some(name), above).take(self.profiles.len()).collect()
    }
}

fn parse(text: &str, path: &Path) -> Result<Config, Found> {
    let root = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        (Problem::Syntax(error.message().to_owned()), span)
    })?;
    let span = root.span();
    let mut root = root.into_inner();
    let stated = root.remove("profiles");
    check_keys(&root, "", &TOP)?;
    let head_value = Spanned::new(span.clone(), DeValue::Table(root));
    let head: Head = read(&head_value, "", &[])?;
    let missing = || Problem::Missing { key: "profiles".to_owned(), chain: Vec::new() };
    let stated = stated.ok_or_else(|| (missing(), span))?;
    check::head(&head, &head_value)?;
    let mut profiles = BTreeMap::new();
    for (name, merged) in resolve(&stated)? {
        let profile: Profile = read(&merged.value, &merged.path, &merged.chain)?;
        check::profile(&profile, &merged, &head, &head_value)?;
        profiles.insert(name, profile);
    }
    check::default_profile(&head, &head_value, &profiles)?;
    let Head { default_profile, arms, schedules, downloads } = head;
    Ok(Config { path: path.to_owned(), default_profile, arms, schedules, downloads, profiles })
}

/// Keys of the file.
const TOP: [&str; 5] = ["default_profile", "arms", "schedules", "downloads", "profiles"];

/// Keys of a profile.
pub(super) const PROFILE: [&str; 12] = [
    "description",
    "inherits",
    "published_protocol",
    "variant",
    "device",
    "corpus",
    "model",
    "families",
    "train",
    "retrieval",
    "bootstrap",
    "campaign",
];

/// Whether `table` (at `path`) has only keys of `allowed`. Done before serde looks: `profiles` is read apart, and a
/// misspelt `inherits` would first be noticed by all that is then missing.
fn check_keys(table: &DeTable<'_>, path: &str, allowed: &[&str]) -> Result<(), Found> {
    let unknown = table.keys().find(|key| !allowed.contains(&key.get_ref().as_ref()));
    unknown.map_or(Ok(()), |key| {
        let allowed = allowed.iter().map(ToString::to_string).collect();
        let (name, table) = (key.get_ref().to_string(), path.to_owned());
        Err((Problem::UnknownKey { key: name, table, allowed }, key.span()))
    })
}

/// A profile with everything it inherits.
pub struct Merged<'i> {
    /// `profiles.<name>`.
    pub path: String,
    /// The merged tree.
    pub value: Value<'i>,
    /// Its name and those of its ancestors.
    pub chain: Vec<String>,
}

/// The profiles with what they inherit, ancestors first: a mistake is then told of the profile that states it.
fn resolve<'i>(stated: &Value<'i>) -> Result<Vec<(String, Merged<'i>)>, Found> {
    let Some(profiles) = table(stated) else {
        let key = "profiles".to_owned();
        let (found, expected) = ("no table".to_owned(), "a table for each profile".to_owned());
        return Err((Problem::WrongType { key, found, expected }, stated.span()));
    };
    let mut merged = Vec::new();
    for key in profiles.keys() {
        let name = key.get_ref().to_string();
        let path = format!("profiles.{name}");
        check::name(&name, &path).map_err(|problem| (problem, key.span()))?;
        if let Some(own) = profiles.get(name.as_str()).and_then(table) {
            check_keys(own, &path, &PROFILE)?;
        }
        let chain = chain_of(&name, profiles)?;
        let mut value: Option<Value<'i>> = None;
        for (idx, ancestor) in chain.iter().enumerate().rev() {
            let Some(layer) = profiles.get(ancestor.as_str()) else { continue };
            let mut layer = layer.clone();
            if let (true, DeValue::Table(table)) = (idx > 0, layer.get_mut()) {
                table.remove("inherits");
                table.remove("description");
            }
            value = Some(match value {
                Some(base) => overlay(base, layer),
                None => layer,
            });
        }
        if let Some(value) = value {
            merged.push((name, Merged { path, value, chain }));
        }
    }
    merged.sort_by_key(|(_, merged)| merged.chain.len());
    Ok(merged)
}

/// `name` and what it inherits from, nearest first.
fn chain_of(name: &str, profiles: &DeTable<'_>) -> Result<Vec<String>, Found> {
    let mut chain = vec![name.to_owned()];
    let mut at = name.to_owned();
    while let Some(parent) = profiles.get(at.as_str()).and_then(table).and_then(|table| table.get("inherits")) {
        let key = format!("profiles.{at}.inherits");
        let Some(name) = parent.get_ref().as_str().map(str::to_owned) else {
            let (found, expected) = ("no text".to_owned(), "the name of a profile in quotes".to_owned());
            return Err((Problem::WrongType { key, found, expected }, parent.span()));
        };
        if !profiles.contains_key(name.as_str()) {
            let allowed = profiles.keys().map(|key| key.get_ref().to_string()).filter(|known| *known != at).collect();
            return Err((Problem::UnknownName { what: "profile", name, key, allowed }, parent.span()));
        }
        if let Some(start) = chain.iter().position(|seen| *seen == name) {
            chain.push(name);
            return Err((Problem::Cycle(chain.split_off(start)), parent.span()));
        }
        chain.push(name.clone());
        at = name;
    }
    Ok(chain)
}
