//! What a title says: catalogue numbers, numbers of a series, books, keys and words.

use std::collections::BTreeSet;

use super::key::{Key, key_at};
use super::words::{Token, canonical, roman, tokens};

/// Catalogues and their spellings, lower case. The first is the name used. Letters stand for whatever catalogue the
/// composer has under them: `K.` is Köchel's and Kirkpatrick's, `L.` Longo's and Lesure's.
const CATALOGUES: &[(&str, &[&str])] = &[
    ("op", &["opus", "opp", "oeuvre"]),
    ("woo", &[]),
    ("bwv", &[]),
    ("k", &["kv", "kk", "kochel", "kirkpatrick"]),
    ("d", &["deutsch"]),
    ("hob", &["hoboken"]),
    ("s", &["searle"]),
    ("l", &["longo", "lesure"]),
    ("sz", &["szollosy"]),
    ("bb", &[]),
    ("hwv", &[]),
    ("buxwv", &[]),
    ("bv", &[]),
    ("wq", &[]),
    ("h", &["helm"]),
    ("m", &[]),
    ("r", &["raabe"]),
    ("rv", &[]),
    ("twv", &[]),
    ("z", &[]),
    ("p", &[]),
    ("f", &["fk", "falck"]),
    ("b", &[]),
    ("cd", &[]),
    ("wwv", &[]),
    ("th", &[]),
    ("trv", &[]),
    ("qv", &[]),
];
pub(super) const OPUS: &str = "op";
const HOBOKEN: &str = "hob";

const BOOKS: [&str; 15] = [
    "book", "books", "volume", "volumes", "vol", "bk", "livre", "heft", "band", "serie", "series", "cahier", "wtc",
    "wtk", "teil",
];
const NUMBERS: [&str; 9] = ["no", "nos", "nr", "nrs", "num", "number", "numbers", "numero", "nummer"];
/// Lists longer than this are not lists of pieces.
const MAX_LIST: u32 = 200;

/// A number in a catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ref {
    /// Its name in the table above.
    pub catalogue: &'static str,
    /// The group in Hoboken's catalogue (16 for the sonatas), else 0.
    pub group: u32,
    /// The number.
    pub number: u32,
}

impl Ref {
    /// A bit for each catalogue.
    pub(super) fn catalogue_bit(&self) -> u64 {
        CATALOGUES.iter().position(|(name, _)| *name == self.catalogue).map_or(0, |place| 1 << place)
    }
}

/// One piece, or one collection, that a title names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) struct Work {
    /// Catalogue numbers, all of the same piece.
    pub refs: BTreeSet<Ref>,
    /// The number within the catalogue number: op. 10 no. 3.
    pub sub: Option<u32>,
    /// Numbers of a series: sonata no. 9.
    pub numbers: BTreeSet<u32>,
    /// Words in front of the first of them, canonical and sorted.
    pub series: Vec<String>,
    /// Books and volumes.
    pub books: BTreeSet<u32>,
    /// Keys.
    pub keys: BTreeSet<Key>,
    /// All other words, canonical and sorted.
    pub words: Vec<String>,
}

/// The works that a title names: at least one. `people` are left out of the words.
pub(super) fn works(title: &str, people: &BTreeSet<String>) -> Vec<Work> {
    let tokens = tokens(title, |run| catalogue(run).is_some());
    let mut reader = Reader { tokens: &tokens, at: 0, groups: Vec::new(), all: Work::default() };
    while reader.at < reader.tokens.len() {
        reader.step(people);
    }
    reader.finish(title)
}

fn catalogue(lower: &str) -> Option<&'static str> {
    CATALOGUES.iter().find(|(name, spelt)| *name == lower || spelt.contains(&lower)).map(|(name, _)| *name)
}

/// Numbers that belong together: `Op. 90 Nos. 1 and 2, D. 899`.
#[derive(Default)]
struct Group {
    refs: BTreeSet<Ref>,
    subs: BTreeSet<u32>,
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    groups: Vec<Group>,
    all: Work,
}

impl Reader<'_> {
    fn step(&mut self, people: &BTreeSet<String>) {
        if let Some((key, next)) = key_at(self.tokens, self.at) {
            self.all.keys.insert(key);
            self.at = next;
        } else if !(self.catalogued() || self.booked() || self.numbered() || self.counted()) {
            if let Some(Token::Word { text, dot }) = self.tokens.get(self.at) {
                let said = canonical(text, *dot);
                self.all.words.extend(said.filter(|word| !people.contains(word)));
            }
            self.at += 1;
        }
    }

    fn mark(&self, at: usize, mark: char) -> bool {
        self.tokens.get(at) == Some(&Token::Mark(mark))
    }

    fn lower(&self, at: usize) -> Option<String> {
        match self.tokens.get(at)? {
            Token::Word { text, .. } => Some(text.to_lowercase()),
            _ => None,
        }
    }

    fn digits(&self, at: usize) -> Option<u32> {
        match self.tokens.get(at)? {
            Token::Number(value) => Some(*value),
            _ => None,
        }
    }

    fn roman(&self, at: usize) -> Option<u32> {
        match self.tokens.get(at)? {
            Token::Word { text, .. } => roman(text),
            _ => None,
        }
    }

    fn number(&self, at: usize) -> Option<u32> {
        self.digits(at).or_else(|| self.roman(at))
    }

    /// `Op. 10`, `Op. 10/3`, `K. 332 & 333`, `K533/K494`, `Hob. XVI:50`.
    fn catalogued(&mut self) -> bool {
        let Some(name) = self.lower(self.at).and_then(|word| catalogue(&word)) else { return false };
        let mut at = self.at + 1;
        let no_word = |word: String| NUMBERS.contains(&word.as_str());
        if name == OPUS && self.lower(at).is_some_and(no_word) {
            at += 1;
        }
        if name == HOBOKEN {
            let Some(group) = self.number(at) else { return false };
            at += 1 + usize::from(self.mark(at + 1, ':') || self.mark(at + 1, '/'));
            let Some(number) = self.digits(at) else { return false };
            let (more, next) = self.list(at, false);
            self.refer(Ref { catalogue: name, group, number }, more, next);
            return true;
        }
        let Some(number) = self.digits(at) else { return false };
        let (more, next) = self.list(at, false);
        self.refer(Ref { catalogue: name, group: 0, number }, more, next);
        self.slashed(name);
        true
    }

    /// Adds the numbers of a list in a catalogue; a second number of the same catalogue is another piece.
    fn refer(&mut self, first: Ref, list: BTreeSet<u32>, next: usize) {
        for number in list {
            let found = Ref { number, ..first };
            let same_piece = |group: &&mut Group| group.refs.iter().all(|known| known.catalogue != found.catalogue);
            match self.groups.last_mut().filter(same_piece) {
                Some(group) => {
                    group.refs.insert(found);
                }
                None => self.groups.push(Group { refs: BTreeSet::from([found]), subs: BTreeSet::new() }),
            }
        }
        self.at = next;
    }

    /// What follows a slash: a number within the opus, another number of the same piece (`K. 265/300e`), a catalogue.
    fn slashed(&mut self, name: &'static str) {
        let Some(number) = self.digits(self.at + 1).filter(|_| self.mark(self.at, '/')) else { return };
        let (list, next) = self.list(self.at + 1, false);
        let Some(group) = self.groups.last_mut() else { return };
        if name == OPUS || number < 100 {
            group.subs.extend(list);
        } else {
            group.refs.insert(Ref { catalogue: name, group: 0, number });
        }
        self.at = next;
    }

    /// Numbers from `at` on, joined by dashes (ranges), commas, `&`, `and`; and the place behind them.
    fn list(&self, mut at: usize, numbered: bool) -> (BTreeSet<u32>, usize) {
        let mut list = BTreeSet::new();
        while let Some(from) = self.number(at) {
            list.insert(from);
            at += 1;
            let dashed =
                self.mark(at, '-') || self.lower(at).is_some_and(|word| ["to", "bis"].contains(&word.as_str()));
            if let Some(to) =
                self.digits(at + 1).filter(|to| dashed && (from..from.saturating_add(MAX_LIST)).contains(to))
            {
                list.extend(from..=to);
                at += 2;
            }
            match self.joined(at, numbered) {
                Some(next) => at = next,
                None => break,
            }
        }
        (list, at)
    }

    /// The place of the next number of a list. Behind a comma, a number before a word counts what follows. `No.` stands
    /// before each number only in a list that began with it: `Op. 10, No. 3` is no list.
    fn joined(&self, at: usize, numbered: bool) -> Option<usize> {
        let is_and = |at| {
            let word = self.lower(at).is_some_and(|word| ["and", "und", "et", "e", "y"].contains(&word.as_str()));
            word || self.mark(at, '&') || self.mark(at, '+')
        };
        let comma = self.mark(at, ',');
        if !comma && !is_and(at) {
            return None;
        }
        let mut next = at + 1 + usize::from(comma && is_and(at + 1));
        next += usize::from(numbered && self.lower(next).is_some_and(|word| NUMBERS.contains(&word.as_str())));
        let counts = comma && self.lower(next + 1).is_some() && !is_and(next + 1);
        // A Roman number behind a comma is a movement.
        let number = if comma { self.digits(next) } else { self.number(next) };
        number.filter(|_| !counts).map(|_| next)
    }

    /// `Book II`, `WTC I`, `Volumes 1 & 2`; then a piece of it: `Book I, VI.`, `BII/7-12`.
    fn booked(&mut self) -> bool {
        let named = self.lower(self.at).is_some_and(|word| BOOKS.contains(&word.as_str()));
        if !named || self.number(self.at + 1).is_none() {
            return false;
        }
        let (books, next) = self.list(self.at + 1, false);
        self.all.books.extend(books);
        self.at = next;
        if self.mark(next, '/') && self.number(next + 1).is_some() {
            let (list, next) = self.list(next + 1, false);
            self.pieces(list);
            self.at = next;
        }
        true
    }

    /// `No. 3`, `Nos. 1, 2 and 4`, `#5`.
    fn numbered(&mut self) -> bool {
        let word = self.lower(self.at);
        let sign = self.mark(self.at, '#') || word.as_deref() == Some("n");
        if !sign && !word.is_some_and(|word| NUMBERS.contains(&word.as_str())) {
            return false;
        }
        let start = self.at + 1 + usize::from(self.mark(self.at + 1, '°'));
        if self.number(start).is_none() {
            return false;
        }
        let (list, next) = self.list(start, true);
        self.pieces(list);
        self.at = next;
        true
    }

    /// Numbers of pieces: within the catalogue number before them, else of a series.
    fn pieces(&mut self, list: BTreeSet<u32>) {
        if let Some(group) = self.groups.last_mut() {
            group.subs.extend(list);
            return;
        }
        if self.all.numbers.is_empty() {
            self.all.series = sorted(self.all.words.clone());
        }
        self.all.numbers.extend(list);
    }

    /// A number with nothing around it: `Ballade 4`, `Annees III`; a movement: `I. Allegro`; or a count.
    fn counted(&mut self) -> bool {
        let Some(number) = self.number(self.at) else { return false };
        let before = self.at.checked_sub(1).and_then(|before| self.lower(before));
        let behind_word = before.is_some_and(|word| canonical(&word, false).is_some());
        let is_roman = self.digits(self.at).is_none();
        if (behind_word && number < 1000) || (is_roman && !self.all.books.is_empty()) {
            self.pieces(BTreeSet::from([number]));
        } else if is_roman {
            return self.movement();
        }
        self.at += 1;
        true
    }

    /// Skips the name of a movement, up to the next part of the title.
    fn movement(&mut self) -> bool {
        self.at += 1;
        while let Some(token) = self.tokens.get(self.at) {
            let ends = matches!(token, Token::Mark(',' | ';' | '(' | ')' | '/'));
            let name = self.lower(self.at).and_then(|word| catalogue(&word));
            if ends || name.is_some_and(|name| name.len() > 1 && self.digits(self.at + 1).is_some()) {
                break;
            }
            self.at += 1;
        }
        true
    }

    fn finish(mut self, title: &str) -> Vec<Work> {
        if self.all.words.is_empty() && self.groups.is_empty() && self.all.numbers.is_empty() {
            // Nothing but words that are passed over: then they are the name.
            let words = self.tokens.iter().filter_map(|token| match token {
                Token::Word { text, .. } => Some(text.to_lowercase()),
                Token::Number(value) => Some(value.to_string()),
                _ => None,
            });
            self.all.words = words.collect();
            if self.all.words.is_empty() && !title.trim().is_empty() {
                self.all.words.push(title.trim().to_owned());
            }
        }
        self.all.words = sorted(self.all.words);
        if self.all.series.is_empty() && !self.all.numbers.is_empty() {
            self.all.series.clone_from(&self.all.words);
        }
        let mut works = BTreeSet::new();
        for group in self.groups {
            let one = Work { refs: group.refs, ..self.all.clone() };
            if group.subs.is_empty() {
                works.insert(one.clone());
            }
            works.extend(group.subs.into_iter().map(|sub| Work { sub: Some(sub), ..one.clone() }));
        }
        if works.is_empty() {
            works.insert(self.all);
        }
        works.into_iter().collect()
    }
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

impl std::fmt::Display for Work {
    /// What identifies it: catalogue numbers, else words with number, key and book.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = self.refs.iter().map(ToString::to_string).collect();
        if parts.is_empty() {
            parts.extend(self.words.iter().cloned());
            parts.extend(self.numbers.iter().map(|number| format!("no {number}")));
            parts.extend(self.keys.iter().map(ToString::to_string));
            parts.extend(self.books.iter().map(|book| format!("book {book}")));
        }
        parts.extend(self.sub.map(|sub| format!("no {sub}")));
        f.write_str(&parts.join(" "))
    }
}

impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.group {
            0 => write!(f, "{} {}", self.catalogue, self.number),
            group => write!(f, "{} {group}:{}", self.catalogue, self.number),
        }
    }
}

#[cfg(test)]
mod tests;
