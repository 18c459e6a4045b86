//! When two titles name one piece: the rules of [`super`].

use std::collections::{BTreeMap, BTreeSet};

use super::key::Key;
use super::title::{OPUS, Ref, Work};
use super::words::{is_form, same};

/// What one spelling of composer and title says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// Its people.
    pub people: BTreeSet<String>,
    /// Its works.
    pub works: Vec<Work>,
    /// Years of its performances.
    pub years: BTreeSet<u16>,
}

/// The group of each title; titles of one composition have the same.
///
/// Time: pairs of different titles that share a person.
pub(super) fn groups(said: &[Said]) -> Vec<usize> {
    let said = &count_up_undone(said);
    let hints: Vec<Vec<Hint>> = said.iter().map(|said| said.works.iter().map(Hint::of).collect()).collect();
    let mut sets = Sets((0..said.len()).collect());
    each_pair(said, &mut sets, |a, b| any(&hints[a], &hints[b], Hint::may_agree) && said[a].overlaps(&said[b]));
    each_known_pair(said, &hints, &mut sets, |a, b, arranged| within(a, b, |a, _| arranged || a.is_telling()));
    each_known_pair(said, &hints, &mut sets, |a, b, _| within(a, b, Work::leaves_open));
    (0..said.len()).map(|title| sets.of(title)).collect()
}

/// Joins where the works of two titles do and what is known of their sets so far does not contradict.
fn each_known_pair(said: &[Said], hints: &[Vec<Hint>], sets: &mut Sets, joins: impl Fn(&Work, &Work, bool) -> bool) {
    let known: Vec<usize> = (0..said.len()).map(|title| sets.of(title)).collect();
    let mut facts: BTreeMap<usize, Facts> = BTreeMap::new();
    for (said, set) in said.iter().zip(&known) {
        said.works.iter().for_each(|work| facts.entry(*set).or_default().add(work));
    }
    each_pair(said, sets, |a, b| {
        let arranged = said[a].people.intersection(&said[b].people).count() > 1;
        any(&hints[a], &hints[b], Hint::may_hold)
            && pairs(&said[a], &said[b]).any(|(a, b)| !told_apart(a, b) && joins(a, b, arranged))
            && !facts[&known[a]].contradict(&facts[&known[b]])
    });
}

fn each_pair(said: &[Said], sets: &mut Sets, joins: impl Fn(usize, usize) -> bool) {
    let mut companies: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (title, said) in said.iter().enumerate() {
        said.people.iter().for_each(|person| companies.entry(person).or_default().push(title));
    }
    for titles in companies.values() {
        for (n, &a) in titles.iter().enumerate() {
            for &b in &titles[n + 1..] {
                if joins(a, b) {
                    sets.join(a, b);
                }
            }
        }
    }
}

fn any(a: &[Hint], b: &[Hint], holds: impl Fn(&Hint, &Hint) -> bool) -> bool {
    a.iter().any(|a| b.iter().any(|b| holds(a, b)))
}

fn pairs<'a>(a: &'a Said, b: &'a Said) -> impl Iterator<Item = (&'a Work, &'a Work)> {
    a.works.iter().flat_map(|a| b.works.iter().map(move |b| (a, b)))
}

impl Said {
    fn overlaps(&self, other: &Self) -> bool {
        let one_year = meet(&self.years, &other.years);
        pairs(self, other).any(|(a, b)| one_piece(a, b) || (one_year && counted_up(a, b)))
    }

    /// Whether it names no piece: forms and nothing else.
    pub(super) fn is_open(&self) -> bool {
        self.works.iter().all(Work::is_open)
    }
}

impl Work {
    /// Whether its words name a piece: they are more than forms, or several forms ("Polonaise-Fantasie"). Preludes and
    /// fugues come in dozens.
    fn is_telling(&self) -> bool {
        let dozens = self.words.iter().all(|word| same(word, "prelude") || same(word, "fugue"));
        self.words.iter().any(|word| !is_form(word)) || (self.words.len() > 1 && !dozens)
    }

    fn says_which(&self) -> bool {
        !(self.numbers.is_empty() && self.books.is_empty() && self.keys.is_empty())
    }

    fn is_open(&self) -> bool {
        self.refs.is_empty() && !self.says_which() && !self.is_telling() && !self.words.is_empty()
    }

    /// Whether it has no catalogue number but says which of a form it is, and the other may be that one.
    fn leaves_open(&self, other: &Self) -> bool {
        self.refs.is_empty() && self.says_which() && !other.is_open()
    }
}

/// The titles, with runs of three or more that a spreadsheet counted up ([`counted_up`]) under their first number: the
/// others are numbers of other pieces.
fn count_up_undone(said: &[Said]) -> Vec<Said> {
    let mut alike: BTreeMap<_, BTreeMap<u32, Vec<(usize, usize)>>> = BTreeMap::new();
    for (title, one) in said.iter().enumerate() {
        for (place, work) in one.works.iter().enumerate().filter(|(_, work)| !work.keys.is_empty()) {
            for found in work.refs.iter().filter(|found| found.catalogue != OPUS) {
                let rest = (&work.keys, &work.words, work.sub, &work.numbers, &work.books);
                for year in &one.years {
                    let run = alike.entry((&one.people, found.catalogue, found.group, rest, *year)).or_default();
                    run.entry(found.number).or_default().push((title, place));
                }
            }
        }
    }
    let mut undone = said.to_vec();
    for ((_, catalogue, group, ..), numbers) in alike {
        for (&number, places) in &numbers {
            let first = (0..number).rev().take_while(|before| numbers.contains_key(before)).last();
            let first = first.filter(|first| numbers.contains_key(&first.saturating_add(2)));
            for (&(title, place), first) in places.iter().zip(first.into_iter().cycle()) {
                let refs = &mut undone[title].works[place].refs;
                refs.remove(&Ref { catalogue, group, number });
                refs.insert(Ref { catalogue, group, number: first });
            }
        }
    }
    undone
}

/// Rules 2, 3, 5 and, for keys and books, 4.
fn one_piece(a: &Work, b: &Work) -> bool {
    if differ(&a.numbers, &b.numbers) && related(&a.series, &b.series) {
        return false;
    }
    let of_series = meet(&a.numbers, &b.numbers) && related(&a.series, &b.series);
    if share_catalogue(&a.refs, &b.refs) {
        let subs = a.sub.is_none() || b.sub.is_none() || a.sub == b.sub;
        if meet(&a.refs, &b.refs) && subs {
            return !misfiled(a, b);
        }
        let keys = !a.keys.is_empty() && !b.keys.is_empty() && !keys_differ(&a.keys, &b.keys);
        let place = meet(&a.books, &b.books) || (of_series && !differ(&a.books, &b.books));
        return keys && place && related(&a.words, &b.words);
    }
    of_series || (!differ(&a.books, &b.books) && by_place(a, b))
}

/// Two pieces under one number, each whole: neither key nor any word is common.
fn misfiled(a: &Work, b: &Work) -> bool {
    let common = a.words.iter().any(|word| b.words.iter().any(|other| same(word, other)));
    let named = !a.words.is_empty() && !b.words.is_empty() && !common;
    named && a.sub.is_none() && b.sub.is_none() && keys_differ(&a.keys, &b.keys)
}

/// The same form in the same key or book, or as the same number of an unnamed series.
fn by_place(a: &Work, b: &Work) -> bool {
    if keys_differ(&a.keys, &b.keys) {
        return false;
    }
    let related = related(&a.words, &b.words);
    let formed = |work: &Work| work.words.iter().any(|word| is_form(word));
    if meet(&a.books, &b.books) {
        return related || !formed(a) || !formed(b);
    }
    let within = |a: &Work, b: &Work| b.numbers.is_empty() && b.sub.is_some_and(|sub| a.numbers.contains(&sub));
    let key =
        a.keys.iter().any(|key| key.minor.is_some() && b.keys.iter().any(|b| b.minor.is_some() && key.agrees(*b)));
    related && (key || within(a, b) || within(b, a))
}

/// Rules 4 and 6: whether the words of one are all in the other, and the one says enough for that to matter.
fn within(a: &Work, b: &Work, enough: impl Fn(&Work, &Work) -> bool) -> bool {
    let (fewer, more) = (a.words.len() <= b.words.len(), b.words.len() <= a.words.len());
    related(&a.words, &b.words) && ((fewer && enough(a, b)) || (more && enough(b, a)))
}

/// Rule 5: rows of one title that a spreadsheet continued by counting up.
fn counted_up(a: &Work, b: &Work) -> bool {
    let next = |x: &Ref, y: &Ref| {
        x.catalogue != OPUS && (x.catalogue, x.group) == (y.catalogue, y.group) && x.number.abs_diff(y.number) == 1
    };
    let refs = a.refs.iter().any(|x| b.refs.iter().any(|y| next(x, y)));
    refs && !a.keys.is_empty() && (&a.keys, &a.words, a.sub, &a.numbers) == (&b.keys, &b.words, b.sub, &b.numbers)
}

/// Whether both have numbers of one catalogue, or of a series, and none is common.
fn told_apart(a: &Work, b: &Work) -> bool {
    (share_catalogue(&a.refs, &b.refs) && !meet(&a.refs, &b.refs)) || differ(&a.numbers, &b.numbers)
}

fn differ<T: Ord>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> bool {
    !a.is_empty() && !b.is_empty() && a.is_disjoint(b)
}

fn meet<T: Ord>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> bool {
    !a.is_disjoint(b)
}

fn keys_differ(a: &BTreeSet<Key>, b: &BTreeSet<Key>) -> bool {
    !a.is_empty() && !b.is_empty() && !a.iter().any(|key| b.iter().any(|other| key.agrees(*other)))
}

fn share_catalogue<'a>(a: impl IntoIterator<Item = &'a Ref>, b: &BTreeSet<Ref>) -> bool {
    a.into_iter().any(|a| b.iter().any(|b| a.catalogue == b.catalogue))
}

/// Whether there are words in both, and all of the fewer occur in the other.
fn related(a: &[String], b: &[String]) -> bool {
    let within = |a: &[String], b: &[String]| a.iter().all(|word| b.iter().any(|other| same(word, other)));
    let (few, many) = (a.len().min(b.len()), a.len().max(b.len()));
    few > 0 && ((a.len() == few && within(a, b)) || (a.len() == many && within(b, a)))
}

/// What all titles joined by the first five rules say together.
#[derive(Default, Debug)]
struct Facts {
    refs: BTreeSet<Ref>,
    pieces: BTreeSet<(Ref, Option<u32>)>,
    numbers: BTreeSet<u32>,
    books: BTreeSet<u32>,
    keys: BTreeSet<Key>,
}

impl Facts {
    fn add(&mut self, work: &Work) {
        self.refs.extend(&work.refs);
        self.pieces.extend(work.refs.iter().map(|found| (*found, work.sub)));
        self.numbers.extend(&work.numbers);
        self.books.extend(&work.books);
        self.keys.extend(&work.keys);
    }

    /// The keys, without those of open mode where another title states it.
    fn keys(&self) -> BTreeSet<Key> {
        let stated = |key: &Key| self.keys.iter().any(|other| other.minor.is_some() && other.agrees(*key));
        self.keys.iter().filter(|key| key.minor.is_some() || !stated(key)).copied().collect()
    }

    fn contradict(&self, other: &Self) -> bool {
        let may_be = |(a, a_sub): &(Ref, Option<u32>)| {
            let fits = |sub: &Option<u32>| a_sub.is_none() || sub.is_none() || a_sub == sub;
            other.pieces.iter().any(|(b, b_sub)| a == b && fits(b_sub))
        };
        let catalogued = share_catalogue(&self.refs, &other.refs) && !self.pieces.iter().any(may_be);
        catalogued
            || differ(&self.numbers, &other.numbers)
            || differ(&self.books, &other.books)
            || keys_differ(&self.keys(), &other.keys())
    }
}

/// Bits that tell most pairs apart before they are compared.
#[derive(Clone, Copy, Debug)]
struct Hint {
    words: u64,
    series: u64,
    catalogues: u64,
    refs: u64,
    numbers: u64,
    books: u64,
    keys: u64,
}

impl Hint {
    fn of(work: &Work) -> Self {
        let bit = |value: u32| 1_u64 << (value.wrapping_mul(0x9E37_79B1) >> 26);
        let all = |values: &mut dyn Iterator<Item = u32>| values.fold(0, |mask, value| mask | bit(value));
        // Words that are one begin with the same three letters.
        let stem = |word: &str| word.chars().take(3).fold(0, |sum: u32, c| sum.wrapping_mul(31) ^ u32::from(c));
        Self {
            words: all(&mut work.words.iter().map(|word| stem(word))),
            series: all(&mut work.series.iter().map(|word| stem(word))),
            catalogues: work.refs.iter().fold(0, |mask, found| mask | found.catalogue_bit()),
            refs: all(&mut work.refs.iter().map(|found| found.number)),
            numbers: all(&mut work.numbers.iter().copied()),
            books: all(&mut work.books.iter().copied()),
            keys: all(&mut work.keys.iter().map(|key| u32::from(key.pitch))),
        }
    }

    /// False only where none of rules 2 to 5 can join without regard to other titles.
    fn may_agree(&self, other: &Self) -> bool {
        let words = subset_of_bits(self.words, other.words);
        let keys = self.keys & other.keys != 0;
        let numbers = self.numbers & other.numbers != 0;
        let books = self.books & other.books != 0;
        if self.refs & other.refs != 0 {
            return true;
        }
        let catalogue = self.catalogues & other.catalogues != 0;
        let series = numbers && subset_of_bits(self.series, other.series);
        if catalogue {
            keys && words
        } else {
            series || books || (words && (keys || self.numbers | other.numbers != 0))
        }
    }

    /// False only where words differ or numbers tell apart.
    fn may_hold(&self, other: &Self) -> bool {
        let differ = |a: u64, b: u64| a != 0 && b != 0 && a & b == 0;
        let catalogue = self.catalogues & other.catalogues != 0 && self.refs & other.refs == 0;
        subset_of_bits(self.words, other.words) && !catalogue && !differ(self.numbers, other.numbers)
    }
}

fn subset_of_bits(a: u64, b: u64) -> bool {
    a & b == a || a & b == b
}

/// Disjoint sets of titles, each known by its least member.
struct Sets(Vec<usize>);

impl Sets {
    fn of(&mut self, title: usize) -> usize {
        let mut at = title;
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests;
