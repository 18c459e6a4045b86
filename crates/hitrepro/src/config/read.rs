//! From TOML trees to typed values: serde's messages turned into [`Problem`]s that say what is allowed.

use std::ops::Range;

use serde::de::DeserializeOwned;

use super::error::Problem;
use super::merge::{Value, span_at};

/// Reads `value` as a `T`. `prefix` is its dotted path, `chain` the profiles it was merged from.
///
/// # Errors
/// The first problem and its place.
pub fn read<T: DeserializeOwned>(
    value: &Value<'_>,
    prefix: &str,
    chain: &[String],
) -> Result<T, (Problem, Range<usize>)> {
    T::deserialize(toml::de::ValueDeserializer::from(value.clone())).map_err(|error| {
        let inner = keys_of(&error);
        let key = join(prefix, &inner);
        let span = error.span().unwrap_or_else(|| span_at(value, &inner));
        (problem(error.message(), &key, chain), span)
    })
}

/// `a.b` under `prefix`.
pub fn join(prefix: &str, key: &str) -> String {
    match (prefix, key) {
        ("", key) => key.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, key) => format!("{prefix}.{key}"),
    }
}

/// The dotted path that the error carries; it is only shown, so it is read from what is shown.
fn keys_of(error: &toml::de::Error) -> String {
    let shown = error.to_string();
    let last = shown.trim_end().lines().last().unwrap_or_default();
    last.strip_prefix("in `").and_then(|rest| rest.strip_suffix('`')).unwrap_or_default().to_owned()
}

/// What serde says of the value at `key`.
pub fn problem(message: &str, key: &str, chain: &[String]) -> Problem {
    let mut names = quoted(message);
    if message.starts_with("unknown field") && !names.is_empty() {
        let unknown = names.remove(0);
        return Problem::UnknownKey { key: unknown, table: key.to_owned(), allowed: names };
    }
    if message.starts_with("unknown variant") && !names.is_empty() {
        let name = names.remove(0);
        return Problem::UnknownName { what: "value", name, key: key.to_owned(), allowed: names };
    }
    if message.starts_with("missing field") && !names.is_empty() {
        return Problem::Missing { key: join(key, &names[0]), chain: chain.to_vec() };
    }
    let typed = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match typed.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => {
            Problem::WrongType { key: key.to_owned(), found: found_words(found), expected: expected_words(expected) }
        }
        None => Problem::Invalid { key: key.to_owned(), what: message.to_owned() },
    }
}

/// The texts between backquotes.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What serde calls a value, as a user would.
fn found_words(found: &str) -> String {
    let words = [
        ("string ", "the text "),
        ("integer ", "the number "),
        ("floating point ", "the number "),
        ("boolean ", "the truth value "),
    ];
    for (serde, ours) in words {
        if let Some(rest) = found.strip_prefix(serde) {
            return format!("{ours}{}", rest.replace('`', ""));
        }
    }
    match found {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        other => other.to_owned(),
    }
}

/// What serde expects, as a user would say it.
fn expected_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of at least 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "a sequence" => "a list in [ ]".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn messages_become_problems() {
        let chain = ["a".to_owned(), "b".to_owned()];
        let unknown = problem("unknown field `bach_size`, expected one of `batch_size`, `loss`", "train", &[]);
        let allowed = vec!["batch_size".to_owned(), "loss".to_owned()];
        assert_eq!(unknown, Problem::UnknownKey { key: "bach_size".into(), table: "train".into(), allowed });
        let missing = problem("missing field `loss`", "train", &chain);
        assert_eq!(missing.to_string(), "`train.loss` is not stated by profile `a` nor by those it inherits from (b)");
        let typed = problem("invalid type: string \"x\", expected usize", "train.batch_size", &[]);
        let said = "`train.batch_size` is the text \"x\", but a whole number of at least 0 is expected";
        assert_eq!(typed.to_string(), said);
        let other = problem("too odd", "k", &[]);
        assert_eq!(other, Problem::Invalid { key: "k".into(), what: "too odd".into() });
    }

    /// Tables in tables, with lists in them.
    type Deep = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<u8>>>>;

    #[test]
    fn the_path_is_that_of_the_value() {
        let text = "[a.b]\nc = [1, 2, \"x\"]";
        let root = toml::de::DeTable::parse(text).unwrap();
        let root = toml::Spanned::new(root.span(), toml::de::DeValue::Table(root.into_inner()));
        let (problem, span) = read::<Deep>(&root, "top", &[]).unwrap_err();
        assert!(matches!(problem, Problem::WrongType { ref key, .. } if key == "top.a.b.c"), "{problem:?}");
        assert_eq!(&text[span], "\"x\"");
    }
}
