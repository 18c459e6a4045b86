//! Ledgers that are none: every fault is named with its claim and line.

use proptest::prelude::*;

use super::{CLAIMS, ledger_text};
use crate::{Error, Fault, Form, Ledger, Published};

fn faults(text: &str) -> Vec<Fault> {
    match Ledger::parse(text) {
        Err(Error::Ledger(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

fn line_of(text: &str, word: &str) -> usize {
    text.lines().position(|line| line.contains(word)).unwrap() + 1
}

const SOUND: &str = r#"of = { stage = "s", arm = "x", condition = "c", metric = "m" }
above = 0"#;

#[test]
fn a_claim_is_read_with_its_line() {
    let text = ledger_text(SOUND);
    let ledger = Ledger::parse(&text).unwrap();
    let claim = &ledger.claims[0];
    assert_eq!((claim.id.as_str(), claim.line, claim.form), ("one", line_of(&text, "id = \"one\""), Form::Published));
    assert_eq!(claim.must[0].to_string(), "s/x/c/m > 0; the interval must lie on that side");
}

/// What the parser stops at: types, unknown fields, terms that are none.
#[test]
fn what_cannot_be_read_is_named() {
    for (must, what) in [
        ("of = { stage = \"s\", metrik = \"m\" }\nabove = 0", "unknown field `metrik`"),
        ("of = { stage = \"s\", arm = \"x\" }\nabove = 0", "names its stage and its metric"),
        ("of = { arm = \"x\", known = \"k\" }\nabove = 0", "names its stage and its metric"),
        ("of = { known = \"k\", published = \"p\" }\nabove = 0", "a value is one of"),
        ("of = {}\nabove = 0", "a value is one of"),
        ("of = true\nabove = 0", "a number or a table"),
        ("of = nan\nabove = 0", "a finite number"),
        ("of = { ratio = [1, 2, 3] }\nabove = 0", "`ratio` has 3 values; two are expected"),
        ("of = { mean = [] }\nabove = 0", "`mean` has no values"),
        ("of = { observed = \"a4\" }\nabove = 0", "`descriptor.metric` is expected"),
        ("of = { stage = \"s\", metric = \"m\", over_seeds = true, seed = 1 }\nabove = 0", "names no seed"),
        ("of = 1", "exactly one of above, below"),
        ("of = 1\nabove = 0\nbelow = 0", "exactly one of above, below"),
        ("of = 1\nnear = 0", "`near` and `by` go together"),
        ("of = 1\nabove = 0\nby = 3", "`near` and `by` go together"),
        ("above = 0", "missing field `of`"),
        ("of = 1\nabove = \"x\"", "a number or a table"),
        ("of = 1\nbetween = [1]", ""),
    ] {
        let text = ledger_text(must);
        let faults = faults(&text);
        assert_eq!(faults.len(), 1, "{must}");
        assert!(faults[0].what.contains(what), "{must}: {}", faults[0].what);
        assert_eq!(faults[0].claim, "one", "{must}");
        assert!(faults[0].line >= line_of(&text, "[[claim]]"), "{must}: line {}", faults[0].line);
    }
    let text = ledger_text("of = { stage = \"s\", metrik = \"m\" }\nabove = 0");
    assert_eq!(faults(&text)[0].line, line_of(&text, "metrik"));
}

/// What is wrong with a claim that can be read. All of it is reported at once.
#[test]
fn what_makes_no_sense_is_named() {
    let open = "of = { stage = \"s\", condition = \"c\", metric = \"m\" }";
    let closed = "of = { stage = \"s\", arm = \"x\", condition = \"c\", metric = \"m\" }";
    for (must, what) in [
        (format!("{open}\nabove = 0"), "no arm, and there are no `arms`"),
        ("of = { stage = \"s\", arm = \"x\", metric = \"m\" }\nabove = 0".to_owned(), "no condition, and there are no"),
        (format!("{closed}\narms = [\"x\"]\nabove = 0"), "no measurement leaves its arm open"),
        (format!("{closed}\nconditions = [\"c\"]\nabove = 0"), "no measurement leaves its condition open"),
        (format!("{open}\nabove_arms = [\"y\"]"), "no arm, and there are no `arms`"),
        (format!("{open}\narms = [\"x\"]\nabove_arms = []"), "no arm to compare with"),
        (format!("{open}\nfalling_arms = [\"y\"]"), "two places at least"),
        (format!("{open}\narms = [\"x\"]\nfalling_arms = [\"y\", \"z\"]"), "no second list"),
        (format!("{closed}\nnear = 0\nby = 0"), "`by` is 0, not above 0"),
        (format!("{closed}\nbetween = [2, 1]"), "2..1 is no range"),
        (format!("{closed}\nabove = 0\nnoise = -1"), "`noise` is -1, not above 0"),
        (format!("{closed}\nabove = 0\nnoise = 1\nexact = true"), "exclude each other"),
    ] {
        let faults = faults(&ledger_text(&must));
        assert!(faults.len() == 1 && faults[0].what.contains(what), "{must}: {faults:?}");
    }
    let two = format!(
        "{}{}",
        ledger_text(SOUND).replace("text = \"T\"", "text = \" \""),
        "[[claim]]\nid = \"one\"\ngroup = \"G\"\ntext = \"T\"\nsource = \"a\"\nstated = \"b\"\n"
    );
    let found: Vec<String> = faults(&two).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("claim `one`: `text` is empty"));
    assert!(found[1].contains("a claim of that id above") && found[2].contains("it has no condition"));
    let bad = ledger_text(SOUND).replace("level = 0.95", "level = 95.0").replace("\"one\"", "\"One\"");
    let found = faults(&bad);
    assert!(
        found[0].what.contains("`level` is 95; a number between 0.5 and 1") && found[1].what.contains("small letters"),
        "{found:?}"
    );
}

/// Points or percents against a constant may be a published size or a margin; a ledger says which.
#[test]
fn sizes_are_said_or_denied() {
    let of =
        |metric: &str| format!("of = {{ stage = \"s\", arm = \"x\", condition = \"c\", metric = \"{metric}\" }}\n");
    let read = |must: &str, said: &str| Ledger::parse(&ledger_text(must).replace("sized = false\n", said));
    for must in [
        of("s") + "below = 18",
        of("delta_s") + "above = -10",
        of("delta_hard_random") + "at_most = 2",
        of("r10_a2m") + "at_least = 50",
        of("s_mean") + "between = [80, 90]",
        of("hard_random") + "near = { known = \"chance.r10\" }\nby = 5",
        of("s") + "near = 0\nby = 4",
        "of = { percent = [{ known = \"a\" }, { known = \"b\" }] }\nabove = 50".to_owned(),
    ] {
        let text = ledger_text(&must).replace("sized = false\n", "");
        let faults = faults(&text);
        assert!(faults.len() == 1 && faults[0].what.contains("say `sized = true`"), "{must}: {faults:?}");
        assert_eq!(faults[0].line, line_of(&text, "id = \"one\""));
        assert_eq!(read(&must, "sized = true\n").unwrap().claims[0].sized, Some(true));
        assert_eq!(read(&must, "sized = false\n").unwrap().claims[0].sized, Some(false));
    }
    for must in [
        of("delta_s") + "above = 0",
        of("s") + "above = { known = \"chance.r10\" }",
        of("s") + "near = { published = \"table.x.s\" }\nby = 4",
        of("cka") + "above = 0.85",
        of("welch_p") + "below = 0.001",
    ] {
        assert_eq!(read(&must, "").unwrap().claims[0].sized, None, "{must}");
    }
}

#[test]
fn sources_must_be_published() {
    let published = Published::parse(super::SMALL).unwrap();
    let ledger = |must: &str| Ledger::parse(&ledger_text(must)).unwrap();
    ledger(SOUND).check_sources(&published).unwrap();
    let error = ledger("of = 1\nabove = { published = \"table.z.s\" }").check_sources(&published).unwrap_err();
    assert!(error.to_string().contains("claim `one`: `table.z.s` is not in the published values"), "{error}");
    let elsewhere = Ledger::parse(&ledger_text(SOUND).replace("table.x.delta", "table.x.d")).unwrap();
    assert!(elsewhere.check_sources(&published).unwrap_err().to_string().contains("`table.x.d`"));
    assert!(
        elsewhere.judge(&[], &[], &published, &std::collections::BTreeMap::default(), &super::setting(true)).is_err()
    );
}

#[test]
fn files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("claims.toml");
    assert!(matches!(Ledger::read(&path), Err(Error::Io(_))));
    fs_err::write(&path, "[protocol]\nlevel = 0.95\npower = 0.8\nclaim = 3\n").unwrap();
    let error = Ledger::read(&path).unwrap_err().to_string();
    assert!(error.contains("claims.toml: line "), "{error}");
}

proptest! {
    /// A damaged ledger is refused or read, never a panic; and the line of a fault is one of the file.
    #[test]
    fn damaged_ledgers_are_refused(cut in 0usize..4000, put in "\\PC{0,6}") {
        let start = CLAIMS.find("[[claim]]").unwrap();
        let text: String = CLAIMS.chars().take(start.min(2000) + cut).chain(put.chars()).collect();
        if let Err(Error::Ledger(faults)) = Ledger::parse(&text) {
            for fault in faults {
                prop_assert!(fault.line >= 1 && fault.line <= text.lines().count() + 1);
            }
        }
    }
}
