//! The fields of a table of the audit file; what nobody asked for is an error.

use std::collections::BTreeMap;

use crate::expr::{self, Expr};
use crate::pattern::Pattern;

/// Fields not yet read.
pub(crate) struct Fields<'a>(BTreeMap<&'a str, &'a toml::Value>);

impl<'a> Fields<'a> {
    pub fn new(table: &'a toml::Table) -> Self {
        Self(table.iter().map(|(key, value)| (key.as_str(), value)).collect())
    }

    /// # Errors
    /// If a field was not read: the rule does not know it.
    pub fn finish(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("`{key}` is no field of it; take it out or see the list of rules")),
        }
    }

    fn needed(&mut self, key: &str) -> Result<&'a toml::Value, String> {
        self.0.remove(key).ok_or_else(|| format!("needs the field `{key}`"))
    }

    pub fn table(&mut self, key: &str) -> Result<Option<Self>, String> {
        match self.0.remove(key) {
            None => Ok(None),
            Some(toml::Value::Table(table)) => Ok(Some(Self::new(table))),
            Some(_) => Err(format!("`{key}` is not a table")),
        }
    }

    pub fn tables(&mut self, key: &str) -> Result<Vec<Self>, String> {
        let Some(value) = self.0.remove(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| format!("`{key}` is not a list; write `[[{key}]]`"))?;
        let table =
            |item: &'a toml::Value| item.as_table().map(Self::new).ok_or(format!("`{key}` is not a list of tables"));
        items.iter().map(table).collect()
    }

    pub fn optional_word(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.0.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` is not words in quotes")),
        }
    }

    pub fn word(&mut self, key: &str) -> Result<String, String> {
        self.optional_word(key)?.ok_or_else(|| format!("needs the field `{key}`"))
    }

    /// A text or a list of texts; none if the field is not there.
    pub fn words(&mut self, key: &str) -> Result<Vec<String>, String> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => Ok(text.clone()),
            _ => Err(format!("`{key}` is neither words in quotes nor a list of such")),
        };
        match self.0.remove(key) {
            None => Ok(Vec::new()),
            Some(toml::Value::Array(items)) => items.iter().map(text).collect(),
            Some(value) => text(value).map(|text| vec![text]),
        }
    }

    pub fn is_list(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(toml::Value::Array(_)))
    }

    pub fn pattern(&mut self, key: &str) -> Result<Pattern, String> {
        Pattern::parse(&self.word(key)?)
    }

    pub fn optional_pattern(&mut self, key: &str) -> Result<Option<Pattern>, String> {
        self.optional_word(key)?.map(|text| Pattern::parse(&text)).transpose()
    }

    /// One pattern or several, at least one.
    pub fn patterns(&mut self, key: &str) -> Result<Vec<Pattern>, String> {
        let words = self.words(key)?;
        if words.is_empty() {
            return Err(format!("needs the field `{key}`"));
        }
        words.iter().map(|text| Pattern::parse(text)).collect()
    }

    /// An expression in quotes, or a number.
    pub fn expr(&mut self, key: &str) -> Result<Expr, String> {
        match self.needed(key)? {
            toml::Value::String(text) => expr::expression(text),
            value => number(key, value).map(|value| Expr::Number(value, value.to_string())),
        }
    }

    /// One expression or several, at least one.
    pub fn exprs(&mut self, key: &str) -> Result<Vec<Expr>, String> {
        if !self.is_list(key) {
            return self.expr(key).map(|expr| vec![expr]);
        }
        let words = self.words(key)?;
        if words.is_empty() {
            return Err(format!("`{key}` is empty"));
        }
        words.iter().map(|text| expr::expression(text)).collect()
    }

    pub fn optional_number(&mut self, key: &str) -> Result<Option<f64>, String> {
        self.0.remove(key).map(|value| number(key, value)).transpose()
    }

    /// Numbers of decimals by pattern.
    pub fn digits(&mut self) -> Result<Vec<(Pattern, i32)>, String> {
        let take = |(key, value): (&str, &toml::Value)| Ok((Pattern::parse(key)?, decimals(number(key, value)?)?));
        std::mem::take(&mut self.0).into_iter().map(take).collect()
    }

    pub fn number(&mut self, key: &str) -> Result<f64, String> {
        number(key, self.needed(key)?)
    }
}

/// A number of decimals.
pub(crate) fn decimals(digits: f64) -> Result<i32, String> {
    if digits.fract() == 0.0 && digits.abs() <= 15.0 {
        return Ok(digits as i32);
    }
    Err(format!("{digits} decimals; a whole number from -15 to 15 is expected"))
}

fn number(key: &str, value: &toml::Value) -> Result<f64, String> {
    match value {
        toml::Value::Integer(whole) => Ok(*whole as f64),
        toml::Value::Float(number) if number.is_finite() => Ok(*number),
        _ => Err(format!("`{key}` is not a finite number")),
    }
}
