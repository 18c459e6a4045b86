//! Keys in the spellings of four languages.

use proptest::prelude::*;

use super::super::words::tokens;
use super::*;

/// All keys of a text, with the text of what is left.
fn keys(text: &str) -> Vec<String> {
    let tokens = tokens(text, |_| false);
    let (mut at, mut found) = (0, Vec::new());
    while at < tokens.len() {
        match key_at(&tokens, at) {
            Some((key, next)) => {
                found.push(key.to_string());
                assert!(next > at && next <= tokens.len());
                at = next;
            }
            None => at += 1,
        }
    }
    found
}

#[test]
fn keys_are_read() {
    for (text, expected) in [
        ("Sonata in C Minor", &["in c minor"][..]),
        ("Sonata in C  minor", &["in c minor"]),
        ("Sonata, c minor", &["in c minor"]),
        ("Etude in C-Sharp Minor", &["in c sharp minor"]),
        ("Prelude in C sharp major", &["in c sharp major"]),
        ("Impromptu in B-flat Major", &["in b flat major"]),
        ("Impromptu in G-flat", &["in g flat"]),
        ("Variations in Eb on an Original Theme", &["in e flat"]),
        ("Sonata Bb, Op. 24", &["in b flat"]),
        ("Sonata in F# Min", &["in f sharp minor"]),
        ("Barcarolle in F♯", &["in f sharp"]),
        ("Nocturne in E♭ Major", &["in e flat major"]),
        ("Sonata in D-Major", &["in d major"]),
        ("Toccata in DMin.", &["in d minor"]),
        ("Sonata in A D959", &["in a"]),
        ("Chaconne in G", &["in g"]),
        ("Toccata in C, Op. 7", &["in c"]),
        ("Prelude in B-Moll", &["in b flat minor"]),
        ("Präludium h-moll", &["in b minor"]),
        ("Fuge cis-Moll", &["in c sharp minor"]),
        ("Sonate Es-Dur", &["in e flat major"]),
        ("Sonate As-Dur und a-moll", &["in a flat major", "in a minor"]),
        ("Fantaisie en fa dièse mineur", &["in f sharp minor"]),
        ("Polonaise en la bémol majeur", &["in a flat major"]),
        ("Sonata in do maggiore", &["in c major"]),
        ("Prelude in ut mineur", &["in c minor"]),
        ("Preludes in C Major and D minor", &["in c major", "in d minor"]),
    ] {
        assert_eq!(keys(text), expected, "{text}");
    }
}

/// Articles, initials and catalogues are no keys.
#[test]
fn letters_are_not_always_keys() {
    for text in [
        "Scherzo from A Midsummer Night's Dream",
        "A la manière de Borodin",
        "Polka de W. R.",
        "Sonata D 960",
        "Sonata K. 331",
        "In a Mist",
        "Suite for G and B",
        "Do not go, la mer, si, mi, re",
        "in 3-flat Major",
        "es war einmal",
        "Book B",
        "in",
        "",
    ] {
        assert_eq!(keys(text), [""; 0], "{text}");
    }
}

#[test]
fn keys_agree_by_sound_or_by_name() {
    let agree = |a: &str, b: &str| {
        let read = |text: &str| key_at(&tokens(text, |_| false), 1).unwrap().0;
        assert_eq!(read(a).agrees(read(b)), read(b).agrees(read(a)));
        read(a).agrees(read(b))
    };
    assert!(agree("in C-sharp Major", "in D-flat Major"));
    assert!(agree("in D-sharp minor", "in Es-moll"));
    assert!(agree("in Db", "in D-flat Major") && agree("in Db", "in Db minor") && agree("in Db", "in Db"));
    assert!(!agree("in Db", "in C-sharp minor"), "without a mode the name counts");
    assert!(!agree("in C Major", "in C minor"));
    assert!(!agree("in C Major", "in G Major"));
    assert!(!agree("in B-flat Major", "in B Major"));
}

proptest! {
    /// What is printed is read again as the same key.
    #[test]
    fn keys_read_back(name in "[A-G](-flat|-sharp|)", mode in "( Major| minor)") {
        let text = format!("in {name}{mode}");
        let key = key_at(&tokens(&text, |_| false), 1).unwrap().0;
        let again = key_at(&tokens(&key.to_string(), |_| false), 1).unwrap().0;
        prop_assert_eq!(key, again);
    }

    #[test]
    fn places_stay_within(text in "(in |A|b|#|-|flat|sharp|major|moll|si|bemol| ){0,8}") {
        keys(&text);
    }
}
