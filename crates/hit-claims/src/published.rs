//! Published values by path.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Error;

/// What a leaf gives.
#[derive(Clone, Debug, PartialEq)]
enum Datum {
    Number(f64),
    List(Vec<Datum>),
    /// Words, switches, and what is marked as missing.
    Other,
}

/// The leaves `{value, unit, source[, note]}` of `published.toml` by dotted path; an element of a list is `path[i]`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Published(BTreeMap<String, Datum>);

impl Published {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Published`] with the path, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&fs_err::read_to_string(path)?).map_err(|error| error.of(path))
    }

    /// Reads the text of such a file. `[meta]` is free.
    ///
    /// # Errors
    /// [`Error::Published`] with line or path.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let table: toml::Table =
            toml::from_str(text).map_err(|error| Error::Published(error.to_string().trim().to_owned()))?;
        let mut leaves = BTreeMap::new();
        for (key, value) in table.iter().filter(|(key, _)| *key != "meta") {
            node(key, value, &mut leaves)?;
        }
        Ok(Self(leaves))
    }

    /// Whether there is such a path, a leaf or an element of one.
    pub fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    /// The number at a path; none if there is no such path or no number.
    pub fn number(&self, path: &str) -> Option<f64> {
        match self.at(path)? {
            Datum::Number(number) => Some(*number),
            Datum::List(_) | Datum::Other => None,
        }
    }

    fn at(&self, path: &str) -> Option<&Datum> {
        let (name, indices) = path.split_once('[').map_or((path, ""), |(name, rest)| (name, rest));
        let mut datum = self.0.get(name)?;
        let indices = if indices.is_empty() { None } else { Some(indices.strip_suffix(']')?) };
        for index in indices.into_iter().flat_map(|indices| indices.split("][")) {
            let Datum::List(items) = datum else { return None };
            datum = items.get(index.parse::<usize>().ok()?)?;
        }
        Some(datum)
    }
}

fn node(path: &str, value: &toml::Value, leaves: &mut BTreeMap<String, Datum>) -> Result<(), Error> {
    let toml::Value::Table(table) = value else {
        return Err(Error::Published(format!("`{path}` is neither a table nor a leaf {{value, unit, source}}")));
    };
    match (table.get("value"), table.contains_key("missing")) {
        (Some(value), _) => leaves.insert(path.to_owned(), datum(value)),
        (None, true) => leaves.insert(path.to_owned(), Datum::Other),
        (None, false) => {
            return table.iter().try_for_each(|(key, child)| node(&format!("{path}.{key}"), child, leaves));
        }
    };
    Ok(())
}

fn datum(value: &toml::Value) -> Datum {
    match value {
        toml::Value::Integer(number) => Datum::Number(*number as f64),
        toml::Value::Float(number) if number.is_finite() => Datum::Number(*number),
        toml::Value::Array(items) => Datum::List(items.iter().map(datum).collect()),
        _ => Datum::Other,
    }
}
