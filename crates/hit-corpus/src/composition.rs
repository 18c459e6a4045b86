//! Which performances play the same composition, told from composer and title as the tables of corpora spell them.
//!
//! MAESTRO's official splits keep one piece in one split by title, but a piece is spelt in several ways. Here titles are
//! read: catalogue numbers, numbers of a series, books, keys and words, each folded to one spelling. A title
//! gives a set of works (a list, a range), and performances whose works overlap play the same composition, as do
//! performances that overlap with a third. A join that is wrong moves a performance to another split; a join that is
//! missed leaks a piece from training into the test. Where a title leaves a choice, the rules therefore join.
//!
//! # Rules
//! 1. *People.* Works are compared among performances that share a person. Each name in the composer field counts, by its
//!    last word: an arrangement holds the tune of the original and is filed under either name, so "Bach / Busoni"
//!    belongs to both.
//! 2. *Catalogue.* Titles with numbers of the same catalogue are one piece if a number is equal and the numbers within it
//!    (op. 10 **no. 3**) are, or one title has none: "Op. 25 (complete)" overlaps with each étude. Titles without
//!    a common catalogue are told apart by the rest.
//! 3. *Series.* Equal numbers of the same series ("Sonata No. 9") are one piece, different ones are not.
//! 4. *Words.* A title whose words all occur in the other says the same with less, if keys, books and numbers do not
//!    contradict: "La Campanella". The name of a form ("Sonata", "Prelude and Fugue") needs an equal key or book
//!    besides, or two people in common.
//! 5. *Slips.* Of catalogue number, key and number or book of a series, one may be wrong: equal words, key and book (or
//!    number) are one piece. So are titles of one year that differ by one in a catalogue number but not in words and
//!    key: spreadsheets count up when a title is filled down over its movements (D. 840, 841, 842, 843). One number over
//!    two titles that agree in nothing else, key included, is two pieces.
//! 6. *Open titles.* What titles joined so far say of a piece is put together. A title without catalogue number that
//!    leaves open which of several pieces it is ("Sonata in F") overlaps with each that nothing in it contradicts.
//!    A title that says nothing but forms ("Two Sonatas") would join all sonatas of its composer to one composition: it
//!    stays by itself and is marked ([`Composition::open`]); who wants to be certain leaves it out.
//!
//! What needs knowledge of music is not told: "Fireworks" is not known to be "Feux d'artifice".

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Error, Listed, SPLITS};

mod key;
mod overlap;
mod title;
mod words;

use overlap::Said;

/// Performances that play the same composition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Composition {
    /// Composer and title as most of its performances spell them.
    pub name: String,
    /// The works its titles name, as they were understood: `op 25 no 1`, `hob 16:50`, `sonata no 9`.
    pub works: Vec<String>,
    /// Places of its performances among the rows, rising.
    pub members: Vec<usize>,
    /// Whether its titles name no piece, only forms, so that it may be any of several others.
    pub open: bool,
}

/// A composition in more than one split.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Overlap {
    /// Name of the composition.
    pub name: String,
    /// Each split it is in, in the order of [`SPLITS`], with the places of its performances among the rows.
    pub splits: Vec<(String, Vec<usize>)>,
}

/// The compositions of a corpus, sorted by name; each row is in exactly one.
///
/// Time grows with the square of the number of different titles of one person: a quarter of a second for 2,000.
pub fn compositions(rows: &[Listed]) -> Vec<Composition> {
    let mut titles: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        titles.entry((&row.composer, &row.title)).or_default().push(place);
    }
    let said: Vec<Said> = titles
        .iter()
        .map(|((composer, title), members)| {
            let people = people(composer);
            let works = title::works(title, &people);
            let years = members.iter().filter_map(|&place| rows[place].year).collect();
            Said { people, works, years }
        })
        .collect();
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (title, group) in overlap::groups(&said).into_iter().enumerate() {
        found.entry(group).or_default().push(title);
    }
    let titles: Vec<_> = titles.into_iter().collect();
    let mut all: Vec<_> = found.into_values().map(|of| composition(&of, &titles, &said)).collect();
    all.sort_by(|a, b| (&a.name, &a.works, &a.members).cmp(&(&b.name, &b.works, &b.members)));
    all
}

fn composition(of: &[usize], titles: &[((&str, &str), Vec<usize>)], said: &[Said]) -> Composition {
    // Titles are sorted, and the first of those with the most performances names the composition.
    let most = of.iter().rev().max_by_key(|&&title| titles[title].1.len());
    let name = most.map_or_else(String::new, |&title| format!("{}: {}", titles[title].0.0, titles[title].0.1));
    let works: BTreeSet<String> =
        of.iter().flat_map(|&title| said[title].works.iter().map(ToString::to_string)).collect();
    let mut members: Vec<usize> = of.iter().flat_map(|&title| titles[title].1.iter().copied()).collect();
    members.sort_unstable();
    let open = of.iter().all(|&title| said[title].is_open());
    Composition { name, works: works.into_iter().collect(), members, open }
}

/// The compositions that are in more than one split, sorted by name.
pub fn overlaps(rows: &[Listed]) -> Vec<Overlap> {
    let all = compositions(rows).into_iter();
    let split = all.map(|composition| (composition.name, by_split(rows, &composition.members)));
    split.filter(|(_, splits)| splits.len() > 1).map(|(name, splits)| Overlap { name, splits }).collect()
}

fn by_split(rows: &[Listed], members: &[usize]) -> Vec<(String, Vec<usize>)> {
    let mut splits: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for &place in members {
        let split = rows[place].split.as_str();
        let rank = SPLITS.iter().position(|known| *known == split).unwrap_or(SPLITS.len());
        splits.entry((rank, split)).or_default().push(place);
    }
    splits.into_iter().map(|((_, split), members)| (split.to_owned(), members)).collect()
}

/// Puts each composition wholly into one split: the one in which most of its seconds are, then most of its
/// performances, then the first of [`SPLITS`]. A row without a duration has 0 s. The order of the rows does not matter.
///
/// # Errors
/// [`Error::EmptiedSplit`] if a split would lose all its performances; the rows are then as they were.
pub fn by_composition(rows: &mut [Listed]) -> Result<(), Error> {
    let mut moves = Vec::new();
    for composition in compositions(rows) {
        let splits = by_split(rows, &composition.members);
        let weight = |members: &[usize]| (seconds(rows, members), members.len());
        let first_of_most = splits.iter().rev().max_by(|(_, a), (_, b)| {
            let (a, b) = (weight(a), weight(b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
        });
        if let Some((split, _)) = first_of_most {
            moves.extend(composition.members.iter().map(|&place| (place, split.clone())));
        }
    }
    let kept: BTreeSet<&str> = moves.iter().map(|(_, split)| split.as_str()).collect();
    let before: BTreeSet<&str> = rows.iter().map(|row| row.split.as_str()).collect();
    if let Some(split) = before.difference(&kept).next() {
        let n = rows.iter().filter(|row| row.split == *split).count();
        return Err(Error::EmptiedSplit { split: (*split).to_owned(), n });
    }
    for (place, split) in moves {
        rows[place].split = split;
    }
    Ok(())
}

/// The sum, from the least on, so that it does not depend on the order of the rows.
fn seconds(rows: &[Listed], members: &[usize]) -> f64 {
    let mut all: Vec<f64> = members.iter().filter_map(|&place| rows[place].duration_s).collect();
    all.sort_by(f64::total_cmp);
    all.iter().sum()
}

/// The people of a composer field, by last name: "Johann Sebastian Bach / Ferruccio Busoni", "Schubert-Liszt",
/// "Chopin, Frédéric". A name with a hyphen counts as two people, which joins no one else.
fn people(composer: &str) -> BTreeSet<String> {
    let folded = words::fold(composer).to_lowercase();
    let mut people = BTreeSet::new();
    for name in folded.split(['/', '&', ';', '+']).flat_map(|part| part.split(" arr. ")) {
        let name = name.split(',').next().unwrap_or_default();
        let parts = name.split(|c: char| c.is_whitespace() || c == '.').filter(|part| !part.is_empty());
        let mut own = parts.filter(|part| !["jr", "sr", "i", "ii", "iii", "iv"].contains(part));
        for last in own.next_back().into_iter().flat_map(|last| last.split('-')) {
            people.extend(person(last));
        }
    }
    if people.is_empty() {
        people.insert(folded.trim().to_owned());
    }
    people
}

/// One spelling of a name: Haendel, Händel; Rachmaninoff, Rachmaninov.
fn person(name: &str) -> Option<String> {
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let umlaut = letters.replace("ae", "a").replace("oe", "o").replace("ue", "u");
    let one = umlaut.strip_suffix("ff").map_or_else(|| umlaut.clone(), |stem| format!("{stem}v"));
    Some(one).filter(|one| !one.is_empty())
}

#[cfg(test)]
mod tests;
