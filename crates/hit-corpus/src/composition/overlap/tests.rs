//! The rules one by one, and that the comparison by bits is only a shortcut.

use proptest::prelude::*;

use super::super::title::works;
use super::*;

fn work(title: &str) -> Work {
    works(title, &BTreeSet::new()).remove(0)
}

fn said(title: &str, year: u16) -> Said {
    Said { people: ["a".to_owned()].into(), works: works(title, &BTreeSet::new()), years: [year].into() }
}

/// Groups of titles of one person and year, by their places.
fn grouped(titles: &[&str]) -> Vec<usize> {
    groups(&titles.iter().map(|title| said(title, 2000)).collect::<Vec<_>>())
}

#[test]
fn catalogue_numbers_come_first() {
    let agree = |a, b| one_piece(&work(a), &work(b));
    assert!(agree("Waltz Op. 5", "Galop Op. 5"));
    assert!(agree("Etude Op. 5 No. 2", "Etudes Op. 5"));
    assert!(!agree("Etude Op. 5 No. 2", "Etude Op. 5 No. 3"));
    assert!(agree("Impromptu Op. 90 No. 3", "Impromptu D. 899 No. 3, Op. 90"));
    assert!(!agree("Prelude in C, K. 1", "Prelude in C, K. 3"));
    assert!(!agree("Sonata Hob. XVI:50", "Trio Hob. XV:50"));
    // One number, and nothing else in common.
    assert!(!agree("Sonata in C minor, Op. 5", "Rondo in D major, Op. 5"));
    assert!(agree("Sonata in C minor, Op. 5", "Rondo in D major, Op. 5 No. 1"), "it may be a part");
    assert!(agree("Sonata in C minor, Op. 5", "Sonata in C major, Op. 5"), "a slip");
}

#[test]
fn numbers_of_a_series() {
    let agree = |a, b| one_piece(&work(a), &work(b));
    assert!(agree("Sonata No. 9", "Sonata No. 9 \"Black Mass\", Op. 68"));
    assert!(!agree("Sonata No. 9", "Sonata No. 8"));
    assert!(!agree("Sonata No. 9, Op. 68", "Sonata No. 8, Op. 68"));
    assert!(!agree("Transcendental Etude No. 3", "Paganini Etude No. 3"));
    assert!(agree("Prelude No. 3", "Prelude Op. 28 No. 3"));
    assert!(!agree("Prelude No. 3", "Waltz Op. 28 No. 3"));
}

#[test]
fn keys_and_books() {
    let agree = |a, b| one_piece(&work(a), &work(b));
    assert!(agree("Fugue in D minor", "Fugue in D minor, BWV 5"));
    assert!(!agree("Fugue in D", "Fugue in D minor, BWV 5"), "left to what is known of BWV 5");
    assert!(!agree("Fugue in D minor", "Prelude in D minor"));
    assert!(agree("Fugue in D minor, Book I, BWV 1", "Fugue in D minor, Book I, BWV 7"));
    assert!(!agree("Fugue in D minor, Book I, BWV 1", "Fugue in D minor, Book II, BWV 7"));
    assert!(agree("\"Ondine\" from Book II", "Preludes, Book II"));
    assert!(!agree("Waltzes, Book II", "Preludes, Book II"));
}

/// What is known of a piece from other titles keeps an open title from joining it.
#[test]
fn open_titles_join_what_nothing_contradicts() {
    assert_eq!(grouped(&["Sonata No. 1", "Sonata Op. 5"]), [0, 0]);
    assert_eq!(grouped(&["Sonata No. 1", "Sonata Op. 5", "Sonata No. 3, Op. 5"]), [0, 1, 1]);
    assert_eq!(grouped(&["Sonata in F", "Sonata K. 1", "Sonata in F, K. 2"]), [0, 0, 0]);
    assert_eq!(grouped(&["Sonata in F", "Sonata K. 1", "Sonata in G, K. 1"]), [0, 1, 1]);
    assert_eq!(grouped(&["Sonata", "Sonata K. 1", "Sonata in G"]), [0, 1, 1], "forms alone join nothing");
    assert_eq!(grouped(&["Sonata K. 1", "Sonata K. 2", "Sonata"]), [0, 1, 2]);
}

#[test]
fn words_join_what_nothing_contradicts() {
    assert_eq!(grouped(&["La Campanella", "Etude La Campanella Op. 5", "Etude Op. 6"]), [0, 0, 2]);
    assert_eq!(grouped(&["Folia in C", "La Folia in D minor"]), [0, 1]);
    assert_eq!(grouped(&["Suite Carmen No. 1", "Carmen No. 2"]), [0, 1]);
    assert_eq!(grouped(&["Folia K. 1", "Folia K. 2"]), [0, 1], "they have numbers");
    assert_eq!(
        grouped(&["Prelude and Fugue", "Prelude and Fugue Op. 5", "Rondo-Fantasie", "Rondo Fantasy Op. 1"]),
        [0, 1, 2, 2]
    );
}

/// Titles filled down keep their year's run together; the numbers of a run of three are not taken for real.
#[test]
fn runs_are_undone() {
    let run = |year, numbers: &[u32]| -> Vec<Said> {
        numbers.iter().map(|n| said(&format!("Sonata in C Major, D. {n}"), year)).collect()
    };
    assert_eq!(groups(&run(2000, &[840, 841, 842])), [0, 0, 0]);
    assert_eq!(groups(&run(2000, &[840, 842])), [0, 1]);
    assert_eq!(groups(&[run(2000, &[840]), run(2001, &[841])].concat()), [0, 1]);
    let undone = count_up_undone(&run(2000, &[7, 840, 841, 842]));
    let numbers: Vec<_> = undone.iter().flat_map(|said| &said.works[0].refs).map(|found| found.number).collect();
    assert_eq!(numbers, [7, 840, 840, 840]);
    let kept = count_up_undone(&run(2000, &[840, 841]));
    assert_eq!(kept[1].works[0].refs.first().unwrap().number, 841);
    let opus: Vec<_> = [1, 2, 3].iter().map(|n| said(&format!("Sonata in C Major, Op. {n}"), 2000)).collect();
    assert_eq!(groups(&opus), [0, 1, 2], "opus numbers are no run");
    // From nought and to the last number there is.
    assert_eq!(groups(&run(2000, &[0, 1, 2, u32::MAX - 1, u32::MAX])), [0, 0, 0, 3, 3]);
}

#[test]
fn people_bound_what_is_compared() {
    let by = |people: &[&str], title| Said {
        people: people.iter().map(|&name| name.to_owned()).collect(),
        ..said(title, 2000)
    };
    let arranged = [by(&["a", "b"], "Scherzo"), by(&["a", "b"], "Scherzo in G"), by(&["a"], "Scherzo in F")];
    assert_eq!(groups(&arranged), [0, 0, 2]);
    assert_eq!(groups(&[by(&["a"], "La Folia"), by(&["b"], "La Folia"), by(&["a", "b"], "La Folia")]), [0, 0, 0]);
    assert_eq!(groups(&[by(&["a"], "La Folia"), by(&["b"], "La Folia")]), [0, 1]);
}

#[test]
fn sets_join_under_their_least_member() {
    let mut sets = Sets((0..6).collect());
    sets.join(5, 3);
    sets.join(3, 4);
    sets.join(0, 1);
    assert_eq!((0..6).map(|n| sets.of(n)).collect::<Vec<_>>(), [0, 0, 2, 3, 3, 3]);
    sets.join(4, 1);
    assert_eq!((0..6).map(|n| sets.of(n)).collect::<Vec<_>>(), [0, 0, 2, 0, 0, 0]);
}

fn titles() -> impl Strategy<Value = String> {
    let parts = [
        "Sonata",
        "Etude",
        "Prel.",
        "Islamey",
        "Islamei",
        "Folia",
        "in C",
        "in Db minor",
        "in C-sharp minor",
        "Book I",
        "Book II",
        "No. 1",
        "No. 2, 65",
        "Op. 1",
        "Op. 2 No. 1",
        "K. 1",
        "K. 2",
        "K. 65",
        "D. 2",
        "Hob. XVI:2",
    ];
    proptest::collection::vec(0..parts.len(), 1..5)
        .prop_map(move |all| all.iter().map(|&n| parts[n]).collect::<Vec<_>>().join(" "))
}

proptest! {
    /// Bits reject no pair that a rule joins.
    #[test]
    fn bits_are_a_shortcut(a in titles(), b in titles()) {
        for a in works(&a, &BTreeSet::new()) {
            for b in works(&b, &BTreeSet::new()) {
                let (x, y) = (Hint::of(&a), Hint::of(&b));
                prop_assert!(x.may_agree(&y) || !(one_piece(&a, &b) || counted_up(&a, &b)), "{:?} {:?}", a, b);
                let held = !told_apart(&a, &b) && related(&a.words, &b.words);
                prop_assert!(x.may_hold(&y) || !held, "{:?} {:?}", a, b);
            }
        }
    }

    /// The rules do not care which title comes first.
    #[test]
    fn rules_are_symmetric(a in titles(), b in titles()) {
        let (a, b) = (work(&a), work(&b));
        prop_assert_eq!(one_piece(&a, &b), one_piece(&b, &a));
        prop_assert_eq!(counted_up(&a, &b), counted_up(&b, &a));
        prop_assert_eq!(told_apart(&a, &b), told_apart(&b, &a));
        prop_assert_eq!(within(&a, &b, |_, _| true), within(&b, &a, |_, _| true));
    }
}
