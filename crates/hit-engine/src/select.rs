//! Picking stages by name.

use std::collections::BTreeSet;

use crate::graph::{Graph, GraphError, Node};

/// Stages of a graph, closed under "what they need".
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Selection {
    /// Stages asked for.
    pub targets: BTreeSet<String>,
    /// These and all their ancestors.
    pub ids: BTreeSet<String>,
}

impl Graph {
    /// Every stage.
    pub fn all(&self) -> Selection {
        let ids: BTreeSet<String> = self.nodes().iter().map(|node| node.id.clone()).collect();
        Selection { targets: ids.clone(), ids }
    }

    /// The stages that `patterns` name, and what they need.
    ///
    /// A pattern is an id, a kind, a group, or any of these with `*` standing for any text.
    ///
    /// # Errors
    /// [`GraphError::UnknownPattern`] for the first that selects nothing, with the nearest names.
    pub fn select<P: AsRef<str>>(&self, patterns: &[P]) -> Result<Selection, GraphError> {
        let mut targets = BTreeSet::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let found: Vec<&Node> = self.nodes().iter().filter(|node| selects(pattern, node)).collect();
            if found.is_empty() {
                let names = self.nodes().iter().flat_map(names);
                return Err(GraphError::UnknownPattern {
                    pattern: pattern.to_owned(),
                    nearest: nearest(pattern, names),
                });
            }
            targets.extend(found.into_iter().map(|node| node.id.clone()));
        }
        let from: Vec<usize> = targets.iter().filter_map(|id| self.index(id)).collect();
        let ids = self.ancestors(from).into_iter().map(|idx| self.nodes()[idx].id.clone()).collect();
        Ok(Selection { targets, ids })
    }
}

fn names(node: &Node) -> impl Iterator<Item = &str> {
    [node.id.as_str(), node.stage.kind()].into_iter().chain(node.groups.iter().map(String::as_str))
}

fn selects(pattern: &str, node: &Node) -> bool {
    names(node).any(|name| matches(pattern, name))
}

/// Whether `name` fits `pattern`, in which `*` stands for any text, also none.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// At most three of `names` that resemble `wanted`, nearest first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let limit = wanted.chars().count() / 3 + 1;
    let unique: BTreeSet<&str> = names.into_iter().collect();
    let mut close: Vec<(usize, &str)> = unique
        .into_iter()
        .map(|name| (if !wanted.is_empty() && name.contains(wanted) { 1 } else { distance(wanted, name) }, name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    close.sort_unstable();
    close.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let best = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, fits) in [
            ("train/*", "train/d4@c#1", true),
            ("*", "", true),
            ("*#42", "train/d4@c#42", true),
            ("*#42", "train/d4@c#420", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("train", "train/x", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} on {name}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(nearest("trian", ["train", "retrieve", "embed"]), ["train"]);
        assert_eq!(nearest("d4a4", ["train/d4a4", "x"]), ["train/d4a4"]);
        assert!(nearest("zzzz", ["train"]).is_empty());
    }

    proptest! {
        #[test]
        fn distance_is_a_metric(a in "[a-c]{0,6}", b in "[a-c]{0,6}", c in "[a-c]{0,6}") {
            prop_assert_eq!(distance(&a, &a), 0);
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
        }

        #[test]
        fn a_pattern_made_from_a_name_fits_it(name in "[a-z/]{0,12}", cut in 0usize..12, len in 0usize..6) {
            let (start, end) = (cut.min(name.len()), (cut + len).min(name.len()));
            let pattern = format!("{}*{}", &name[..start], &name[end..]);
            prop_assert!(matches(&pattern, &name));
        }
    }
}
