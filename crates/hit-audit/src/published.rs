//! The published values with the digits that are printed.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::Error;

/// A number as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Printed {
    /// Its digits.
    pub text: String,
    pub value: f64,
    /// Digits behind the decimal point; negative where the last digit counts tens or more.
    pub decimals: i32,
}

/// What a leaf gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    Number(Printed),
    Text(String),
    List(Vec<Datum>),
    Missing,
}

/// One published fact.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub datum: Datum,
    pub source: String,
}

/// All published facts by dotted path.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct Published(pub BTreeMap<String, Leaf>);

impl Published {
    /// Reads the text of such a file: tables whose leaves are `{value, unit, source[, note]}` or
    /// `{missing = true, unit, note}`; `[meta]` is free.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let table = DeTable::parse(text)
            .map_err(|error| Error::Toml { file: file.to_owned(), what: error.to_string().trim().to_owned() })?;
        let mut leaves = BTreeMap::new();
        for (key, value) in table.get_ref() {
            if key.get_ref() != "meta" {
                read_node(key.get_ref(), value.get_ref(), &mut leaves).map_err(|(key, what)| Error::Leaf {
                    file: file.to_owned(),
                    key,
                    what,
                })?;
            }
        }
        Ok(Self(leaves))
    }

    /// The path that is most like `wanted`: the one with which it shares most of its beginning and its end.
    pub fn nearest(&self, wanted: &str) -> Option<&str> {
        let same = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
            a.zip(b).take_while(|(a, b)| a == b).count()
        };
        let likeness = |key: &&String| {
            let start = same(&mut key.chars(), &mut wanted.chars());
            start + same(&mut key.chars().rev(), &mut wanted.chars().rev())
        };
        self.0.keys().max_by_key(likeness).map(String::as_str)
    }
}

type Fault = (String, String);

fn read_node(path: &str, value: &DeValue, leaves: &mut BTreeMap<String, Leaf>) -> Result<(), Fault> {
    let DeValue::Table(table) = value else {
        return Err((path.to_owned(), "is neither a table nor a leaf {value, unit, source}".to_owned()));
    };
    if !table.contains_key("value") && !table.contains_key("missing") {
        return table
            .iter()
            .try_for_each(|(key, child)| read_node(&format!("{path}.{}", key.get_ref()), child.get_ref(), leaves));
    }
    let source = match table.get("source").map(toml::Spanned::get_ref) {
        None => String::new(),
        Some(DeValue::String(text)) => text.to_string(),
        Some(_) => return Err((format!("{path}.source"), "is not words; say where the value is printed".to_owned())),
    };
    let datum = match table.get("value") {
        None => Datum::Missing,
        Some(value) => read_datum(value.get_ref()).map_err(|what| (path.to_owned(), what))?,
    };
    if datum != Datum::Missing && source.is_empty() {
        return Err((path.to_owned(), "has a value and no source; say where it is printed".to_owned()));
    }
    leaves.insert(path.to_owned(), Leaf { datum, source });
    Ok(())
}

fn read_datum(value: &DeValue) -> Result<Datum, String> {
    match value {
        DeValue::String(text) => Ok(Datum::Text(text.to_string())),
        DeValue::Boolean(flag) => Ok(Datum::Text(flag.to_string())),
        DeValue::Array(items) => {
            items.iter().map(|item| read_datum(item.get_ref())).collect::<Result<_, _>>().map(Datum::List)
        }
        DeValue::Float(number) => printed(number.as_str()).map(Datum::Number),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => printed(&whole.to_string()).map(Datum::Number),
            Err(_) => Err(format!("is {number}, which is out of range")),
        },
        DeValue::Datetime(_) | DeValue::Table(_) => Err("is not a number, words, or a list of them".to_owned()),
    }
}

/// Reads a number and counts its decimals; an exponent shifts them.
fn printed(text: &str) -> Result<Printed, String> {
    let value: f64 = text.parse().map_err(|_| format!("is {text}, which is no number"))?;
    if !value.is_finite() {
        return Err(format!("is {text}; a finite number is expected"));
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let behind = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len());
    let exponent: i64 = exponent.parse().map_err(|_| format!("is {text}, whose exponent is out of range"))?;
    let decimals = (behind as i64 - exponent).clamp(-300, 300) as i32;
    Ok(Printed { text: text.to_owned(), value, decimals })
}

/// Half a unit of the last of so many decimals.
pub(crate) fn half_unit(decimals: i32) -> f64 {
    format!("5e{}", -decimals - 1).parse().unwrap_or(f64::NAN)
}

/// A fraction in words, as `3/2`.
pub(crate) fn fraction(text: &str) -> Option<f64> {
    let (over, under) = text.split_once('/')?;
    let (over, under): (u32, u32) = (over.trim().parse().ok()?, under.trim().parse().ok()?);
    (under > 0).then(|| f64::from(over) / f64::from(under))
}
