//! Works of titles, field by field; their short form is tested with the compositions.

use proptest::prelude::*;

use super::*;

fn one(title: &str) -> Work {
    let mut all = works(title, &BTreeSet::new());
    assert_eq!(all.len(), 1, "{title}: {all:?}");
    all.remove(0)
}

fn refs(work: &Work) -> Vec<(&'static str, u32, u32)> {
    work.refs.iter().map(|found| (found.catalogue, found.group, found.number)).collect()
}

#[test]
fn every_catalogue_has_one_name_and_one_bit() {
    let mut spellings: Vec<_> = CATALOGUES.iter().flat_map(|(name, spelt)| spelt.iter().chain([name])).collect();
    let n = spellings.len();
    spellings.sort();
    spellings.dedup();
    assert_eq!(spellings.len(), n);
    assert!(CATALOGUES.len() <= 64 && [OPUS, HOBOKEN].iter().all(|name| catalogue(name) == Some(name)));
    let bits = CATALOGUES.iter().fold(0, |bits: u64, (name, _)| {
        let bit = Ref { catalogue: name, group: 0, number: 1 }.catalogue_bit();
        assert_eq!(bits & bit, 0, "{name}");
        bits | bit
    });
    assert_eq!(bits.count_ones() as usize, CATALOGUES.len());
}

#[test]
fn parts_of_a_title() {
    let work = one("Sonata No. 16 in G Major, Op. 31 No. 1, II. Adagio grazioso");
    assert_eq!((refs(&work), work.sub), (vec![("op", 0, 31)], Some(1)));
    assert_eq!((work.numbers, work.series, work.words), ([16].into(), vec!["sonata".into()], vec!["sonata".into()]));
    assert_eq!(work.keys.iter().map(ToString::to_string).collect::<Vec<_>>(), ["in g major"]);

    let work = one("Sonata in E-flat Major, Hob. XVI: 52, I. Allegro");
    assert_eq!((refs(&work), work.sub), (vec![("hob", 16, 52)], None));

    let work = one("Preludes Book II: “Feux d'artifice,” L 123, No. 12");
    assert_eq!((refs(&work), work.sub, &work.books), (vec![("l", 0, 123)], Some(12), &[2].into()));
    assert_eq!(work.words, ["artifice", "feux", "prelude"]);

    let work = one("Grandes études de Paganini, No. 3 \"La campanella\", S.141/3");
    assert_eq!((work.series, work.numbers), (vec!["etude".into(), "grande".into(), "paganini".into()], [3].into()));
    assert_eq!((work.words.len(), work.sub), (4, Some(3)));
}

/// Names of movements say nothing about the piece; numerals elsewhere do.
#[test]
fn movements_and_other_numerals() {
    for title in [
        "Sonata Op. 5, I. Allegro maestoso",
        "Sonata Op. 5, First Movement",
        "Sonata Op. 5, 1st mov.",
        "Sonata Op. 5 (Complete)",
        "Sonata Op. 5, I. and II.",
        "Sonata Op. 5, III - Finale. Presto (live)",
    ] {
        let work = one(title);
        let live = title.contains("live");
        assert_eq!(work.words, if live { vec!["live", "sonata"] } else { vec!["sonata"] }, "{title}");
        assert!(work.numbers.is_empty() && work.sub.is_none() && work.books.is_empty(), "{title}: {work:?}");
    }
    assert_eq!(one("Annees de Pelerinage III: Le jeux").numbers, [3].into());
    assert_eq!(one("Suite II").numbers, [2].into());
    assert_eq!(one("Sonetto 104 del Petrarca").numbers, [104].into());
    assert_eq!(one("24 Preludes").numbers, [].into());
    assert_eq!(one("Sonata of 1905").numbers, [].into());
    assert_eq!(one("I. Allegro").words, ["allegro", "i"], "nothing else is said");
}

#[test]
fn lists_and_what_is_none() {
    let subs = |title: &str| works(title, &BTreeSet::new()).iter().map(|work| work.sub).collect::<Vec<_>>();
    assert_eq!(subs("Preludes Op. 23, Nos. 2, 4 and 5"), [Some(2), Some(4), Some(5)]);
    assert_eq!(subs("Etude Op. 42, Nos. 4 & 5"), [Some(4), Some(5)]);
    assert_eq!(subs("Etude Op. 42 Nr. 4 bis 6"), [Some(4), Some(5), Some(6)]);
    assert_eq!(subs("Two Preludes from Op. 28, Nos. 15, and 24"), [Some(15), Some(24)]);
    assert_eq!(subs("Romances Op. 28, Nos. 2 und Nr. 3"), [Some(2), Some(3)]);
    assert_eq!(subs("Op. 10, No. 3"), [Some(3)]);
    assert_eq!(subs("Op. 10, 12 Etudes"), [None], "a count");
    assert_eq!(subs("Op. 10 - No. 5"), [Some(5)]);
    assert_eq!(subs("Nos. 3-1000000 Op. 5"), [None], "no range");
    assert_eq!(works("K. 1-4000000000", &BTreeSet::new()).len(), 1, "no range");
    assert_eq!(works("K. 4294967295-4294967295", &BTreeSet::new()).len(), 1);
    assert_eq!(works("K. 1-150", &BTreeSet::new()).len(), 150);
}

#[test]
fn people_are_no_words() {
    let people = BTreeSet::from(["mendelssohn".to_owned()]);
    let work = works("Scherzo from Mendelssohn's \"Midsummer Night's Dream\"", &people).remove(0);
    assert_eq!(work.words, ["dream", "midsummer", "night", "scherzo"]);
}

proptest! {
    /// A title names something; numbers and words are sorted and said once.
    #[test]
    fn a_title_names_something(title in "(Op\\. ?|No\\. ?|K|Hob\\. ?|Book |WTC|XVI|I|, |/|-| and |[0-9]{1,3}|Sonata |in C ){1,10}") {
        let all = works(&title, &BTreeSet::new());
        prop_assert!(!all.is_empty());
        prop_assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
        for work in all {
            prop_assert!(work.words.is_sorted());
            prop_assert!(work.sub.is_none() || !work.refs.is_empty());
            prop_assert!(!work.to_string().is_empty(), "{:?}", work);
        }
    }
}
