//! Patterns of paths.
//!
//! `*` stands for any text within a segment. In the pattern that a rule is about (`value`, `for`) it is captured, and in
//! its other patterns the k-th `*` takes the k-th capture. `?` stands for any text and is never captured. `{a,b}` lists
//! alternatives, in that order; those that a row does not have are left out. `[i]` takes an element of a list.

use crate::book::{Book, Found};

/// Most paths that alternatives may stand for.
const MOST_CHOICES: usize = 4096;
/// Most wildcards of one segment; matching costs a power of the length with this exponent.
const MOST_WILDCARDS: usize = 4;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    /// As written.
    pub text: String,
    choices: Vec<Glob>,
}

#[derive(Clone, Debug, PartialEq)]
struct Glob {
    segments: Vec<String>,
    index: Vec<usize>,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, String> {
        let choices = expand(text)?.iter().map(|choice| Glob::parse(choice)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { text: text.to_owned(), choices })
    }

    /// Every fact that it fits, with what its stars stood for.
    pub fn bind<'a>(&self, book: &'a Book) -> Result<Vec<(Found<'a>, Vec<String>)>, String> {
        let mut all = Vec::new();
        for choice in &self.choices {
            for key in book.keys() {
                let Some(captures) = choice.matches(key) else { continue };
                all.push((book.found(key, &choice.index)?, captures));
            }
        }
        if all.is_empty() {
            return Err(format!("`{}` fits no published value{}", self.text, book.hint(&self.text)));
        }
        Ok(all)
    }

    /// The facts that it names once its stars are replaced by `bindings`.
    pub fn resolve<'a>(&self, book: &'a Book, bindings: &[String]) -> Result<Vec<Found<'a>>, String> {
        let mut all = Vec::new();
        for choice in &self.choices {
            let bound = choice.bound(bindings);
            if bound.is_free() {
                for key in book.keys().filter(|key| bound.matches(key).is_some()) {
                    all.push(book.found(key, &choice.index)?);
                }
            } else {
                let key = bound.segments.join(".");
                if book.contains(&key) {
                    all.push(book.found(&key, &choice.index)?);
                } else if !book.keys().any(|key| choice.matches(key).is_some()) {
                    return Err(format!("`{key}` is not published{}", book.hint(&key)));
                }
            }
        }
        if all.is_empty() {
            return Err(format!("`{}` names no published value for {bindings:?}{}", self.text, book.hint(&self.text)));
        }
        Ok(all)
    }
}

impl Glob {
    fn parse(text: &str) -> Result<Self, String> {
        let (path, rest) = text.find('[').map_or((text, ""), |at| text.split_at(at));
        let mut index = Vec::new();
        for part in rest.split_terminator(']') {
            let number = part.strip_prefix('[').and_then(|digits| digits.parse().ok());
            index.push(
                number.ok_or_else(|| format!("`{text}` must end with the path or with indices such as `[0][3]`"))?,
            );
        }
        if !rest.is_empty() && !rest.ends_with(']') {
            return Err(format!("`{text}` has an index that is not closed by `]`"));
        }
        let segments: Vec<String> = path.split('.').map(str::to_owned).collect();
        for segment in &segments {
            if segment.is_empty() {
                return Err(format!("`{text}` has an empty segment; write `table.row.column`"));
            }
            if segment.chars().filter(|c| matches!(c, '*' | '?')).count() > MOST_WILDCARDS {
                return Err(format!("`{text}` has more than {MOST_WILDCARDS} wildcards in a segment"));
            }
        }
        Ok(Self { segments, index })
    }

    fn is_free(&self) -> bool {
        self.segments.iter().any(|segment| segment.contains(['*', '?']))
    }

    fn bound(&self, bindings: &[String]) -> Self {
        let mut left = bindings.iter();
        let bind = |segment: &String| {
            let mut bound = String::new();
            for c in segment.chars() {
                match (c, if c == '*' { left.next() } else { None }) {
                    ('*', Some(binding)) => bound.push_str(binding),
                    _ => bound.push(c),
                }
            }
            bound
        };
        Self { segments: self.segments.iter().map(bind).collect(), index: self.index.clone() }
    }

    /// What the stars stand for, if it fits.
    fn matches(&self, key: &str) -> Option<Vec<String>> {
        let parts: Vec<&str> = key.split('.').collect();
        if parts.len() != self.segments.len() {
            return None;
        }
        let mut captures = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            if !segment_matches(segment, part, &mut captures) {
                return None;
            }
        }
        Some(captures)
    }
}

/// Fits one segment, the shortest text for each wildcard first; pushes what the stars stand for.
fn segment_matches(pattern: &str, text: &str, captures: &mut Vec<String>) -> bool {
    let Some(at) = pattern.find(['*', '?']) else { return pattern == text };
    let (literal, rest) = pattern.split_at(at);
    let Some(text) = text.strip_prefix(literal) else { return false };
    let (star, rest) = (rest.starts_with('*'), &rest[1..]);
    let before = captures.len();
    let ends = text.char_indices().map(|(end, _)| end).chain([text.len()]);
    for end in ends {
        if star {
            captures.push(text[..end].to_owned());
        }
        if segment_matches(rest, &text[end..], captures) {
            return true;
        }
        captures.truncate(before);
    }
    false
}

/// All texts that the alternatives of `text` give, the leftmost varying slowest.
fn expand(text: &str) -> Result<Vec<String>, String> {
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or_else(|| format!("`{text}` has a `{{` without a `}}`"))? + open;
        let options: Vec<&str> = rest[open + 1..close].split(',').map(str::trim).collect();
        if all.len() * options.len() > MOST_CHOICES {
            return Err(format!("`{text}` stands for more than {MOST_CHOICES} paths"));
        }
        let grow = |start: &String| {
            options.iter().map(|option| format!("{start}{}{option}", &rest[..open])).collect::<Vec<String>>()
        };
        all = all.iter().flat_map(grow).collect();
        rest = &rest[close + 1..];
    }
    Ok(all.into_iter().map(|start| start + rest).collect())
}
