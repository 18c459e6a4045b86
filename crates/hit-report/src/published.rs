//! Published values, each with unit and source: `paper/published.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, nearest};

/// The value of a leaf.
#[derive(Clone, Debug, PartialEq)]
pub enum LeafValue {
    /// One number.
    Number(f64),
    /// Several.
    Numbers(Vec<f64>),
    /// Words.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// The paper does not give it.
    Missing,
}

/// One published fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// What is published.
    pub value: LeafValue,
    /// Unit, empty for a pure number or words.
    pub unit: String,
    /// Where it is printed, for example `paper Table 12`.
    pub source: String,
    /// Remark, may be empty.
    pub note: String,
}

impl Leaf {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.value {
            LeafValue::Number(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is numeric, one number or several.
    pub fn is_numeric(&self) -> bool {
        matches!(self.value, LeafValue::Number(_) | LeafValue::Numbers(_))
    }
}

/// All published facts by dotted path, for example `table12_multiseed.d4a4.mean`.
#[derive(Clone, Debug, PartialEq)]
pub struct Published(BTreeMap<String, Leaf>);

impl Published {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Toml`] naming file and entry, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs_err::read_to_string(path)?;
        Self::parse(&text).map_err(|what| Error::Toml { path: path.to_owned(), what })
    }

    /// Reads the text of such a file. `[meta]` is a flat table of words and counts; below it every leaf is
    /// `{value, unit, source[, note]}` or `{missing = true, unit, note}`.
    ///
    /// # Errors
    /// What is wrong, and with which entry.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let mut leaves = BTreeMap::new();
        for (key, value) in &table {
            if key == "meta" {
                read_meta(value, &mut leaves)?;
            } else {
                read_node(key, value, &mut leaves)?;
            }
        }
        Ok(Self(leaves))
    }

    /// The fact of that path.
    ///
    /// # Errors
    /// [`Error::NotPublished`] with the most similar path.
    pub fn get(&self, key: &str) -> Result<&Leaf, Error> {
        self.0.get(key).ok_or_else(|| Error::NotPublished {
            key: key.to_owned(),
            nearest: nearest(key, self.0.keys().map(String::as_str)),
        })
    }

    /// The fact of that path, if there is one.
    pub fn find(&self, key: &str) -> Option<&Leaf> {
        self.0.get(key)
    }

    /// The rows of a table that is filed as `<table>.<row>.<column>`: the rows, sorted, that have a number in this
    /// column, with that number.
    pub fn column(&self, table: &str, column: &str) -> Vec<(&str, f64)> {
        let rows = self.0.iter().filter_map(|(key, leaf)| {
            let row = key.strip_prefix(table)?.strip_prefix('.')?.strip_suffix(column)?.strip_suffix('.')?;
            let value = leaf.number()?;
            (!row.contains('.')).then_some((row, value))
        });
        rows.collect()
    }

    /// All facts by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Leaf)> {
        self.0.iter().map(|(key, leaf)| (key.as_str(), leaf))
    }

    /// Number of numeric facts outside `[meta]`: what a complete reproduction would stand beside.
    pub fn n_numeric(&self) -> usize {
        self.iter().filter(|(key, leaf)| !key.starts_with("meta.") && leaf.is_numeric()).count()
    }
}

fn read_meta(value: &toml::Value, leaves: &mut BTreeMap<String, Leaf>) -> Result<(), String> {
    let table = value.as_table().ok_or("`meta` is not a table")?;
    for (key, value) in table {
        let value = leaf_value(&format!("meta.{key}"), value)?;
        let leaf = Leaf { value, unit: String::new(), source: String::new(), note: String::new() };
        leaves.insert(format!("meta.{key}"), leaf);
    }
    Ok(())
}

fn read_node(path: &str, value: &toml::Value, leaves: &mut BTreeMap<String, Leaf>) -> Result<(), String> {
    let Some(table) = value.as_table() else {
        return Err(format!("`{path}` is neither a table nor a leaf {{value, unit, source}}"));
    };
    if table.contains_key("value") || table.contains_key("missing") {
        leaves.insert(path.to_owned(), read_leaf(path, table)?);
        return Ok(());
    }
    table.iter().try_for_each(|(key, child)| read_node(&format!("{path}.{key}"), child, leaves))
}

fn read_leaf(path: &str, table: &toml::Table) -> Result<Leaf, String> {
    let word = |key: &str| match table.get(key) {
        None => Ok(String::new()),
        Some(toml::Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("`{path}.{key}` is not a string")),
    };
    let allowed = ["value", "missing", "unit", "source", "note"];
    if let Some(key) = table.keys().find(|key| !allowed.contains(&key.as_str())) {
        return Err(format!("`{path}` has the unknown field `{key}`; allowed are {}", allowed.join(", ")));
    }
    let value = match table.get("value") {
        Some(value) => leaf_value(path, value)?,
        None => LeafValue::Missing,
    };
    let leaf = Leaf { value, unit: word("unit")?, source: word("source")?, note: word("note")? };
    if leaf.value != LeafValue::Missing && leaf.source.is_empty() {
        return Err(format!("`{path}` has a value and no source"));
    }
    Ok(leaf)
}

fn leaf_value(path: &str, value: &toml::Value) -> Result<LeafValue, String> {
    let number = |value: &toml::Value| match value {
        toml::Value::Integer(value) => Some(*value as f64),
        toml::Value::Float(value) if value.is_finite() => Some(*value),
        _ => None,
    };
    match value {
        toml::Value::String(text) => Ok(LeafValue::Text(text.clone())),
        toml::Value::Boolean(flag) => Ok(LeafValue::Flag(*flag)),
        toml::Value::Array(items) => {
            let numbers: Option<Vec<f64>> = items.iter().map(number).collect();
            Ok(numbers.map_or_else(|| LeafValue::Text(value.to_string()), LeafValue::Numbers))
        }
        other => number(other)
            .map(LeafValue::Number)
            .ok_or_else(|| format!("`{path}` is not a finite number, words, or a list of numbers")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;

    #[test]
    fn leaves_carry_unit_source_and_note() {
        let text = "[meta]\narxiv = \"x\"\n[a.b]\nS = { value = 84, unit = \"%\", source = \"paper Table 12\", note = \"n\" }\n\
                    ci = { missing = true, unit = \"pp\", note = \"none\" }\nlist = { value = [1, 2.5], unit = \"\", source = \"repo\" }";
        let published = Published::parse(text).unwrap();
        let leaf = published.get("a.b.S").unwrap();
        assert_eq!((leaf.number(), leaf.unit.as_str(), leaf.source.as_str()), (Some(84.0), "%", "paper Table 12"));
        assert_eq!(published.get("a.b.ci").unwrap().value, LeafValue::Missing);
        assert_eq!(published.get("a.b.list").unwrap().value, LeafValue::Numbers(vec![1.0, 2.5]));
        assert_eq!(published.get("meta.arxiv").unwrap().value, LeafValue::Text("x".to_owned()));
        assert_eq!(published.n_numeric(), 2);
    }

    #[test]
    fn a_column_of_a_published_table_is_found_by_name() {
        let leaf = |value: &str| format!("{{ value = {value}, unit = \"M\", source = \"s\" }}");
        let text = format!(
            "[t.b]\nx = {}\ny = {}\n[t.a]\nx = {}\nw = {}\n[t.c.x]\nx = {}\n[tt.a]\nx = {}",
            leaf("1"),
            leaf("2"),
            leaf("3"),
            leaf("\"words\""),
            leaf("4"),
            leaf("5")
        );
        let published = Published::parse(&text).unwrap();
        assert_eq!(published.column("t", "x"), [("a", 3.0), ("b", 1.0)]);
        assert_eq!(published.column("t", "w"), [], "no number");
        assert_eq!(published.find("t.b.y").and_then(Leaf::number), Some(2.0));
        assert!(published.find("t.b.z").is_none());
    }

    #[test]
    fn a_wrong_path_names_the_nearest() {
        let published = Published::parse("[t.d4a4]\nmean = { value = 1, unit = \"\", source = \"s\" }").unwrap();
        let error = published.get("t.d4a4.maen").unwrap_err().to_string();
        assert!(error.contains("`t.d4a4.mean`"), "{error}");
    }

    #[test]
    fn bad_files_are_refused_with_the_entry_named() {
        for (text, expected) in [
            ("[a]\nb = 3", "`a.b` is neither"),
            ("[a]\nb = { value = 3, unit = \"\" }", "`a.b` has a value and no source"),
            ("[a]\nb = { value = 3, unit = 4, source = \"s\" }", "`a.b.unit` is not a string"),
            ("[a]\nb = { value = nan, unit = \"\", source = \"s\" }", "`a.b` is not a finite number"),
            ("[a]\nb = { value = 1, unti = \"\", source = \"s\" }", "unknown field `unti`"),
            ("a = [", "TOML"),
        ] {
            let error = Published::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_published_values_of_the_paper_are_readable_and_consistent() {
        let published = fixture::published();
        assert!(published.n_numeric() > 500);
        let number = |key: &str| published.get(key).unwrap().number().unwrap();
        let gain = number("table12_multiseed.d4a4.mean") - number("table12_multiseed.D0.mean");
        assert!((gain - number("table12_multiseed.d4a4.delta")).abs() < 1e-9);
        assert_eq!(number("evaluation.chance_R10"), 100.0 * 10.0 / number("evaluation.pool_size"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-z=\\[\\]{}.,\"0-9 \n-]{0,120}") {
            let _ = Published::parse(&text);
        }

        #[test]
        fn numbers_keep_their_bits(value in proptest::num::f64::NORMAL, integer in -1_000_000_i64..1_000_000) {
            let text = format!(
                "[a]\nx = {{ value = {value:e}, unit = \"\", source = \"s\" }}\ny = {{ value = {integer}, unit = \"\", source = \"s\" }}"
            );
            let published = Published::parse(&text).unwrap();
            prop_assert_eq!(published.get("a.x").unwrap().number(), Some(value));
            prop_assert_eq!(published.get("a.y").unwrap().number(), Some(integer as f64));
            prop_assert_eq!(published.n_numeric(), 2);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Published::read(Path::new("no-such-folder/published.toml")).unwrap_err().to_string();
        assert!(error.contains("no-such-folder/published.toml"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("published.toml");
        fs_err::write(&path, "[a]\nb = 3").unwrap();
        let error = Published::read(&path).unwrap_err().to_string();
        assert!(error.contains("published.toml") && error.contains("`a.b`"), "{error}");
    }
}
