//! Inheritance of profiles: deep merging of TOML trees whose every value keeps the place where it was written.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A TOML value with its place in the text.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// Tables whose keys are data. They are replaced as a whole, so that an heir can drop an entry.
const WHOLE: [&[&str]; 1] = [&["train", "groups"]];

/// `top` laid over `base`: tables are merged key by key, anything else in `top` replaces what `base` has.
pub fn overlay<'i>(base: Value<'i>, top: Value<'i>) -> Value<'i> {
    overlay_at(base, top, &mut Vec::new())
}

fn overlay_at<'i>(base: Value<'i>, top: Value<'i>, path: &mut Vec<String>) -> Value<'i> {
    let span = top.span();
    if WHOLE.iter().any(|whole| whole.iter().eq(path.iter())) {
        return top;
    }
    match (base.into_inner(), top.into_inner()) {
        (DeValue::Table(mut below), DeValue::Table(above)) => {
            for (key, value) in above {
                path.push(key.get_ref().to_string());
                // The key is taken out and put back, so that its place is the heir's too.
                let merged = match below.remove(key.get_ref().as_ref()) {
                    Some(old) => overlay_at(old, value, path),
                    None => value,
                };
                path.pop();
                below.insert(key, merged);
            }
            Spanned::new(span, DeValue::Table(below))
        }
        (_, above) => Spanned::new(span, above),
    }
}

/// The table in `value`, if it is one.
pub fn table<'a, 'i>(value: &'a Value<'i>) -> Option<&'a DeTable<'i>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// Place of the key `key`, which may have dots in it, of the table at the dotted path below `root`.
pub fn key_span(root: &Value<'_>, path: &str, key: &str) -> Range<usize> {
    let parts = path.split('.').filter(|part| !part.is_empty());
    let found = parts.into_iter().try_fold(root, |at, part| table(at)?.get(part)).and_then(table);
    let key = found.and_then(|table| table.get_key_value(key)).map(|(key, _)| key.span());
    key.unwrap_or_else(|| span_at(root, path))
}

/// Place of the value at the dotted path below `root`, or of the nearest table above it that is written.
///
/// Numbers in the path are positions in lists.
pub fn span_at(root: &Value<'_>, path: &str) -> Range<usize> {
    let mut span = root.span();
    let mut at = root;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let next = match at.get_ref() {
            DeValue::Table(table) => table.get(part),
            DeValue::Array(list) => part.parse::<usize>().ok().and_then(|idx| list.get(idx)),
            _ => None,
        };
        let Some(next) = next else { break };
        at = next;
        span = at.span();
    }
    span
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Value<'_> {
        let table = DeTable::parse(text).unwrap();
        Spanned::new(table.span(), DeValue::Table(table.into_inner()))
    }

    fn plain(value: &Value<'_>) -> toml::Value {
        use serde::Deserialize;
        toml::Value::deserialize(toml::de::ValueDeserializer::from(value.clone())).unwrap()
    }

    /// The same merge over values without places.
    fn model(base: &toml::Value, top: &toml::Value) -> toml::Value {
        match (base, top) {
            (toml::Value::Table(base), toml::Value::Table(top)) => {
                let mut out = base.clone();
                for (key, value) in top {
                    let merged = base.get(key).map_or_else(|| value.clone(), |old| model(old, value));
                    out.insert(key.clone(), merged);
                }
                toml::Value::Table(out)
            }
            _ => top.clone(),
        }
    }

    fn trees() -> impl Strategy<Value = toml::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(toml::Value::Boolean),
            (0i64..100).prop_map(toml::Value::Integer),
            prop::collection::vec((0i64..9).prop_map(toml::Value::Integer), 0..3).prop_map(toml::Value::Array),
        ];
        let inner = leaf.prop_recursive(3, 24, 4, |inner| table_of(inner).boxed());
        table_of(inner)
    }

    fn table_of(inner: impl Strategy<Value = toml::Value>) -> impl Strategy<Value = toml::Value> {
        prop::collection::btree_map("[a-e]", inner, 0..4).prop_map(|map| toml::Value::Table(map.into_iter().collect()))
    }

    #[test]
    fn data_keyed_tables_are_replaced() {
        let base = parse("[train.groups]\n\"audio\" = 1\n\"midi\" = 2\n[train.loss]\na = 1\nb = 2");
        let top = parse("[train.groups]\n\"heads\" = 3\n[train.loss]\nb = 5");
        let merged = plain(&overlay(base, top));
        assert_eq!(merged["train"]["groups"].as_table().unwrap().len(), 1);
        assert_eq!(merged["train"]["loss"].as_table().unwrap().len(), 2);
    }

    #[test]
    fn places_are_those_of_the_text_that_won() {
        let text = "[p]\nx = 1\ny = 2\n[q]\ny = 33\n";
        let root = parse(text);
        let tables = table(&root).unwrap();
        let merged = overlay(tables.get("p").unwrap().clone(), tables.get("q").unwrap().clone());
        assert_eq!(&text[span_at(&merged, "x")], "1");
        assert_eq!(&text[span_at(&merged, "y")], "33");
        // A path that leads nowhere ends at the last value that is there.
        assert_eq!(span_at(&merged, "y.z.0"), span_at(&merged, "y"));
        assert_eq!(key_span(&merged, "", "y").start, text.rfind('y').unwrap());
        assert_eq!(key_span(&merged, "none", "y"), span_at(&merged, ""));
    }

    proptest! {
        #[test]
        fn merging_is_that_of_plain_values(base in trees(), top in trees()) {
            let (a, b) = (toml::to_string(&base).unwrap(), toml::to_string(&top).unwrap());
            prop_assert_eq!(plain(&overlay(parse(&a), parse(&b))), model(&base, &top));
        }

        #[test]
        fn laying_twice_changes_nothing_more(base in trees(), top in trees()) {
            let (a, b) = (toml::to_string(&base).unwrap(), toml::to_string(&top).unwrap());
            let once = overlay(parse(&a), parse(&b));
            prop_assert_eq!(plain(&overlay(once.clone(), parse(&b))), plain(&once));
        }

        #[test]
        fn everything_stated_on_top_is_there_with_its_place(base in trees(), top in trees()) {
            let (a, b) = (toml::to_string(&base).unwrap(), toml::to_string(&top).unwrap());
            let top = parse(&b);
            let merged = overlay(parse(&a), top.clone());
            for (key, value) in table(&top).unwrap() {
                let key = key.get_ref();
                if table(value).is_none() {
                    prop_assert_eq!(span_at(&merged, key), value.span());
                }
            }
        }
    }
}
