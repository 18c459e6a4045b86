//! What the script works on: measurements and stages as JSON, compactly.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hit_stage::Digest;
use hit_stats::{Measurement, number};
use serde_json::{Value, json};

use crate::{Results, Sources};

/// Measurements column by column, text as places in a list of words; stages with keys, outputs and the places of the stages
/// that they are made from. As JSON that may stand in an element of the page.
pub(super) fn json(results: &Results, sources: &Sources) -> String {
    let rows = &results.measurements;
    let text = |field: fn(&Measurement) -> &str| {
        let mut words: BTreeMap<&str, usize> = rows.iter().map(|row| (field(row), 0)).collect();
        words.values_mut().enumerate().for_each(|(place, word)| *word = place);
        let places: Vec<usize> = rows.iter().map(|row| words[field(row)]).collect();
        json!({"words": words.keys().collect::<Vec<_>>(), "of": places})
    };
    let seeds: Vec<Option<u64>> = rows.iter().map(|row| row.seed).collect();
    let n: Vec<Option<u64>> = rows.iter().map(|row| row.n).collect();
    // 0 stands for no interval
    let interval =
        |row: &Measurement| row.interval.map_or_else(|| json!(0), |(low, high)| json!([exact(low), exact(high)]));
    let (stages, place) = stages(results);
    let outputs = sources.outputs.iter().map(|source| json!([place.get(source.stage.as_str()), source.output]));
    let value = json!({
        "measurements": {
            "stage": text(|row| &row.stage),
            "arm": text(|row| &row.arm),
            "schedule": text(|row| &row.schedule),
            "seed": seeds,
            "condition": text(|row| &row.condition),
            "metric": text(|row| &row.metric),
            "value": rows.iter().map(|row| exact(row.value)).collect::<Vec<_>>(),
            "unit": text(|row| &row.unit),
            "n": n,
            "interval": rows.iter().map(interval).collect::<Vec<_>>(),
            "source": sources.of,
        },
        "sources": outputs.collect::<Vec<_>>(),
        "stages": stages,
        "option": profile_option(super::profile(results)),
    });
    in_element(&value.to_string())
}

/// A number whose JSON is the text of the table.
fn exact(value: f64) -> Value {
    serde_json::from_str(&number(value)).unwrap_or(Value::Null)
}

/// Stages as `[id, kind, key, [[output, digest, bytes]], [places of the stages it is made from], seconds]`, and their places.
fn stages(results: &Results) -> (Vec<Value>, BTreeMap<&str, usize>) {
    let Some(lock) = &results.lock else { return (Vec::new(), BTreeMap::new()) };
    let place: BTreeMap<&str, usize> = lock.stages.keys().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    // An input is known by its digest. Where two stages made the same bytes, the one whose id stands in the input's name made it.
    let mut makers: BTreeMap<Digest, Vec<&str>> = BTreeMap::new();
    for (id, stage) in &lock.stages {
        stage.outputs.values().for_each(|output| makers.entry(output.digest).or_default().push(id));
    }
    let seconds =
        |id: &str| results.provenance.as_ref().and_then(|provenance| provenance.stage_seconds.get(id).copied());
    let stage = |(id, stage): (&String, &hit_engine::LockedStage)| {
        let outputs: Vec<Value> =
            stage.outputs.iter().map(|(name, output)| json!([name, output.digest.to_string(), output.size])).collect();
        let mut from: Vec<usize> = stage
            .inputs
            .iter()
            .filter_map(|(name, digest)| {
                let makers = makers.get(digest)?;
                let maker = makers.iter().find(|maker| name.starts_with(**maker)).or(makers.first())?;
                place.get(maker).copied()
            })
            .collect();
        from.sort_unstable();
        from.dedup();
        json!([id, stage.kind, stage.key.to_string(), outputs, from, seconds(id)])
    };
    (lock.stages.iter().map(stage).collect(), place)
}

/// JSON that may stand in a script element: nothing in it ends the element or begins a comment.
fn in_element(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", c as u32).expect("writing to a string");
            }
            c => out.push(c),
        }
    }
    out
}

/// Text as HTML, in elements and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// ` --profile NAME`, or nothing.
pub(super) fn profile_option(profile: &str) -> String {
    if profile.is_empty() { String::new() } else { format!(" --profile {}", quoted(profile)) }
}

/// A word for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn json_in_an_element_is_the_same_json(text in ".{0,40}") {
            let value = json!({ "x": text });
            let inside = in_element(&value.to_string());
            prop_assert!(!inside.contains(['<', '>', '&']));
            prop_assert_eq!(serde_json::from_str::<Value>(&inside).unwrap(), value);
        }

        #[test]
        fn numbers_are_not_changed(value in proptest::num::f64::NORMAL) {
            prop_assert_eq!(exact(value).as_f64(), Some(value));
        }

        #[test]
        fn escaped_text_has_nothing_that_begins_something(text in ".{0,40}") {
            prop_assert!(!escape(&text).contains(['<', '>', '"', '\'']));
        }
    }

    #[test]
    fn shells_see_one_word() {
        assert_eq!(quoted("intervals/t04/D0@c4:measurements"), "intervals/t04/D0@c4:measurements");
        assert_eq!(quoted("a#4; rm"), "'a#4; rm'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(profile_option(""), "");
        assert_eq!(profile_option("smoke"), " --profile smoke");
    }
}
