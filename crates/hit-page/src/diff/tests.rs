//! Differences between folders made here.

use std::path::Path;

use hit_claims::Outcome;
use hit_stats::Measurement;
use proptest::prelude::*;

use super::*;
use crate::fixture;

fn folder(change: impl FnOnce(&Path)) -> Results {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    change(dir.path());
    Results::read(dir.path()).unwrap()
}

fn plain() -> Results {
    folder(|_| ())
}

/// A folder in which the rows were changed, and nothing else.
fn changed(change: impl FnOnce(&mut Vec<Measurement>)) -> Results {
    let mut results = plain();
    change(&mut results.measurements);
    results
}

fn exact(a: &Results, b: &Results) -> Diff {
    diff(a, b, Tolerance::default())
}

/// A folder with nothing in it.
fn bare() -> Results {
    Results {
        folder: "x".into(),
        measurements: Vec::new(),
        claims: Vec::new(),
        tables: BTreeMap::new(),
        figures: BTreeMap::new(),
        provenance: None,
        lock: None,
        files: BTreeMap::new(),
        absent: Vec::new(),
    }
}

fn any_results() -> impl Strategy<Value = Results> {
    let row = (0..6_u8, 0..3_u8, -3..3_i8, proptest::option::of(0..2_i8));
    (prop::collection::vec(row, 0..12), prop::collection::vec(0..4_usize, 0..4)).prop_map(|(rows, outcomes)| {
        let mut results = bare();
        let mut cells = BTreeMap::new();
        for (arm, metric, value, half) in rows {
            let metric = ["s", "mrr", "n"][usize::from(metric)];
            let mut row = fixture::row("t", &format!("a{arm}"), Some(1), "c", metric, f64::from(value) / 4.0);
            row.interval = half.map(|half| (row.value - f64::from(half), row.value + f64::from(half)));
            cells.insert((arm, metric), row);
        }
        results.measurements = Measurement::sorted(cells.into_values().collect()).unwrap();
        results.claims = fixture::claims();
        results.claims.truncate(outcomes.len());
        for (claim, outcome) in results.claims.iter_mut().zip(outcomes) {
            claim.outcome = Outcome::ALL[outcome];
        }
        results
    })
}

proptest! {
    #[test]
    fn a_folder_agrees_with_itself(results in any_results()) {
        let diff = exact(&results, &results);
        prop_assert_eq!(diff.agreement, Agreement::Same);
        prop_assert_eq!(diff.same, results.measurements.len());
        prop_assert!(diff.different.is_empty() && diff.claims_flipped.is_empty() && diff.facts.is_empty());
        prop_assert_eq!(diff.measurements_only, Only::default());
    }

    #[test]
    fn the_other_way_round_is_the_same_difference(a in any_results(), b in any_results(), points in 0.0..1.0) {
        let tolerance = Tolerance { points, relative: 0.1 };
        let (there, back) = (diff(&a, &b, tolerance), diff(&b, &a, tolerance));
        prop_assert_eq!((there.same, there.within, there.agreement), (back.same, back.within, back.agreement));
        prop_assert_eq!(&there.measurements_only.a, &back.measurements_only.b);
        prop_assert_eq!(&there.claims_only.b, &back.claims_only.a);
        let distances = |diff: &Diff| diff.different.iter().map(|row| (row.distance, row.arm.clone(), row.metric.clone(), row.what)).collect::<Vec<_>>();
        prop_assert_eq!(distances(&there), distances(&back));
        prop_assert!(there.different.iter().zip(&back.different).all(|(x, y)| x.a == y.b && x.b == y.a));
    }

    #[test]
    fn every_measurement_is_counted_once(a in any_results(), b in any_results()) {
        let diff = diff(&a, &b, Tolerance { points: 0.3, relative: 0.0 });
        let common = diff.same + diff.within + diff.different.len();
        prop_assert_eq!(common + diff.measurements_only.a.len(), a.measurements.len());
        prop_assert_eq!(common + diff.measurements_only.b.len(), b.measurements.len());
    }

    #[test]
    fn a_wider_tolerance_never_finds_more(a in any_results(), b in any_results(), narrow in 0.0..0.5, more in 0.0..0.5) {
        let found = |tolerance: f64| diff(&a, &b, Tolerance { points: tolerance, relative: tolerance }).different.len();
        prop_assert!(found(narrow + more) <= found(narrow));
    }

    #[test]
    fn lines_fit_a_terminal(a in any_results(), b in any_results(), most in 0_usize..5) {
        let text = exact(&a, &b).text(most);
        prop_assert!(text.lines().all(|line| line.chars().count() <= 120 && line == line.trim_end()), "{text}");
    }
}

#[test]
fn tolerances_are_points_for_percents_and_shares_for_the_rest() {
    let (a, mut b) = (plain(), plain());
    let at =
        |results: &Results, metric: &str| results.measurements.iter().position(|row| row.metric == metric).unwrap();
    let (s, mrr) = (at(&a, "s"), at(&a, "mrr"));
    b.measurements[s].value += 0.4;
    b.measurements[mrr].value *= 1.001;
    let count = |points, relative| {
        let diff = diff(&a, &b, Tolerance { points, relative });
        (diff.within, diff.different.len(), diff.agreement)
    };
    assert_eq!(count(0.0, 0.0), (0, 2, Agreement::Different));
    assert_eq!(count(0.5, 0.0), (1, 1, Agreement::Different));
    assert_eq!(count(0.5, 0.01), (2, 0, Agreement::Within));
    assert_eq!(count(0.3, 0.5), (1, 1, Agreement::Different), "a share does not excuse points");
}

#[test]
fn the_worst_comes_first_and_intervals_count() {
    let a = plain();
    let b = changed(|rows| {
        let own = rows.iter_mut().filter(|row| row.metric == "s");
        for (place, row) in own.enumerate().take(3) {
            match place {
                0 => row.value += 1.0,
                1 => row.interval = row.interval.map(|(low, high)| (low - 5.0, high)),
                _ => row.n = Some(7),
            }
        }
    });
    let diff = exact(&a, &b);
    assert_eq!(
        diff.different.iter().map(|row| (row.what, row.distance)).collect::<Vec<_>>(),
        [("interval", 5.0), ("value", 1.0), ("n", 0.0)]
    );
    let wider = changed(|rows| {
        let row = rows.iter_mut().find(|row| row.metric == "s").unwrap();
        row.interval = row.interval.map(|(low, high)| (low, high + 2.0));
    });
    let row = &exact(&a, &wider).different[0];
    assert_eq!((row.what, row.distance), ("interval", 2.0), "the upper end counts as well");
    let lost =
        changed(|rows| rows.iter_mut().filter(|row| row.metric == "s").take(1).for_each(|row| row.interval = None));
    let row = &super::diff(&a, &lost, Tolerance { points: 99.0, relative: 99.0 }).different[0];
    assert_eq!((row.what, row.b.interval), ("interval", None));
    assert!(row.source.as_deref().is_some_and(|stage| stage.contains('/')), "{:?}", row.source);
}

#[test]
fn claims_that_flip_outrank_numbers() {
    let a = plain();
    let b = folder(|dir| {
        let mut claims = fixture::claims();
        claims[1].outcome = Outcome::Inconclusive;
        claims.pop();
        fs_err::write(dir.join("claims.json"), hit_claims::Verdict::to_json(&claims)).unwrap();
    });
    let diff = exact(&a, &b);
    assert_eq!(diff.agreement, Agreement::Flipped);
    assert_eq!(diff.claims_same, 2);
    assert_eq!(diff.claims_only.a, ["cnn"]);
    let flip = &diff.claims_flipped[0];
    assert_eq!((flip.id.as_str(), flip.a, flip.b), ("a4-helps", Outcome::Holds, Outcome::Inconclusive));
    assert!(diff.text(9).contains("a4-helps: holds → inconclusive  Injecting A4 raises S"), "{}", diff.text(9));
    assert_eq!(diff.files_different, ["claims.json"]);
}

#[test]
fn files_are_compared_by_what_lies_there() {
    let a = plain();
    let b = folder(|dir| {
        fs_err::write(dir.join("tables/screening.csv"), "a\n1\n").unwrap();
        fs_err::write(dir.join("tables/more.csv"), "a\n1\n").unwrap();
        fs_err::remove_file(dir.join("figures/evil.svg")).unwrap();
        fs_err::write(dir.join("report.html"), "page").unwrap();
    });
    let diff = exact(&a, &b);
    assert_eq!(diff.files_different, ["tables/screening.csv"]);
    assert_eq!(diff.files_only, Only { a: vec!["figures/evil.svg".into()], b: vec!["tables/more.csv".into()] });
    assert_eq!(diff.agreement, Agreement::Same, "files are made from the measurements, which agree");
    assert!(diff.text(5).ends_with("The two agree in every measurement; files made from them differ.\n"));
}

#[test]
fn the_first_stage_to_differ_is_named_with_its_reason() {
    let a = plain();
    let with = |edit: &dyn Fn(&mut hit_engine::Lock)| {
        let mut results = plain();
        let lock = results.lock.as_mut().unwrap();
        let other = hit_stage::Digest::of(b"other weights");
        let train = lock.stages.get_mut("train/D0@cosine4#42").unwrap();
        train.outputs.get_mut("checkpoint").unwrap().digest = other;
        for stage in lock.stages.values_mut().filter(|stage| stage.inputs.contains_key("checkpoint")) {
            stage.inputs.insert("checkpoint".into(), other);
            stage.outputs.values_mut().for_each(|output| output.digest = other);
        }
        edit(lock);
        exact(&a, &results).stages.unwrap()
    };
    let key = |lock: &mut hit_engine::Lock| {
        lock.stages.get_mut("train/D0@cosine4#42").unwrap().key = hit_stage::Digest::of(b"another key");
    };
    let machine = with(&|_| ());
    assert_eq!((machine.different, machine.roots.len()), (5, 1), "{machine:?}");
    assert_eq!(machine.roots[0].stages, ["train/D0@cosine4#42"]);
    assert!(machine.roots[0].why.contains("the machine"), "{:?}", machine.roots);
    let code = with(&|lock| {
        key(lock);
        lock.code.get_mut("hit-battery").unwrap().own = "9".into();
        lock.code.get_mut("hit-battery").unwrap().locked = "9".into();
    });
    assert_eq!(code.roots[0].why, "code of hit-battery; versions of dependencies");
    let params = with(&|lock| {
        key(lock);
        lock.stages.get_mut("train/D0@cosine4#42").unwrap().params = serde_json::json!({"seed": 7, "epochs": {"n": 3}});
    });
    assert_eq!(params.roots[0].why, "epochs null → {\"n\":3}; seed 42 → 7");
    let backend = with(&|lock| {
        key(lock);
        lock.stages.get_mut("train/D0@cosine4#42").unwrap().backend = Some("cuda".into());
        lock.stages.remove("measurements");
    });
    assert_eq!((backend.roots[0].why.as_str(), backend.only_a), ("backend none → cuda", 1));
}

#[test]
fn facts_that_differ_are_told() {
    let a = plain();
    let mut b = plain();
    let run = b.provenance.as_mut().unwrap();
    run.checkout.as_mut().unwrap().commit = Some("fedcba9".into());
    run.hardware = None;
    b.measurements.iter_mut().filter(|row| row.seed.is_some()).for_each(|row| row.seed = Some(7));
    b.measurements = Measurement::sorted(b.measurements).unwrap();
    let diff = exact(&a, &b);
    assert_eq!(diff.facts.iter().map(|fact| fact.what).collect::<Vec<_>>(), ["commit", "hardware", "seeds"]);
    assert_eq!((diff.facts[2].a.as_str(), diff.facts[2].b.as_str()), ("42", "7"));
    assert_eq!(diff.agreement, Agreement::Different, "rows of another seed are other rows");
    let text = diff.text(2);
    assert!(text.contains("hardware  A  some processor, 2 cores") && text.contains("B  not stated"), "{text}");
    assert!(text.contains("and 156 more"), "{text}");
}

#[test]
fn a_whole_difference_reads_well() {
    let a = plain();
    let b = changed(|rows| {
        rows.iter_mut().filter(|row| row.arm == "a4r").for_each(|row| row.value += 1.25);
        rows.retain(|row| row.metric != "mrr");
    });
    let mut diff = super::diff(&a, &b, Tolerance { points: 0.5, relative: 1e-6 });
    (diff.a.folder, diff.b.folder) = ("results/one".into(), "results/two".into());
    let text = diff.text(1);
    let expected = "\
A  results/one, profile smoke, 159 measurements
B  results/two, profile smoke, 158 measurements
   tolerance: 0.5 points for % and pp, relative 0.000001 else

measurements
      118  the same in every digit
       40  different
        1  only in A
";
    assert!(text.replace("for everything else, of 0.1 at least", "else").starts_with(expected), "{text}");
    assert!(text.contains("t04/a4r@cosine4#42 epoch=001 s"), "{text}");
    assert!(text.contains("47.75 %           49 %          +1.25          value"), "{text}");
    assert!(text.contains("screening/D0@cosine4 best mrr"), "{text}");
}

#[test]
fn json_is_a_contract() {
    let diff = exact(&plain(), &changed(|rows| rows[0].value = 1.0));
    let json = serde_json::to_value(&diff).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "a",
            "agreement",
            "b",
            "claims_flipped",
            "claims_only",
            "claims_same",
            "different",
            "facts",
            "files_different",
            "files_only",
            "files_same",
            "measurements_only",
            "same",
            "stages",
            "tolerance",
            "within"
        ]
    );
    assert_eq!(json["agreement"], "different");
    assert_eq!(json["different"][0]["a"]["unit"], "");
}

#[test]
fn claims_in_one_folder_only_are_a_difference() {
    let a = plain();
    let b = folder(|dir| fs_err::remove_file(dir.join("claims.json")).unwrap());
    let (there, back) = (exact(&a, &b), exact(&b, &a));
    assert_eq!((there.agreement, back.agreement), (Agreement::Different, Agreement::Different));
    assert_eq!((there.same, there.claims_only.a.len(), back.claims_only.b.len()), (159, 4, 4));
    assert!(there.text(1).contains("claims only in A") && there.text(1).ends_with("The two differ.\n"));
}

#[test]
fn near_zero_a_share_is_one_of_the_floor() {
    let with = |value: f64, interval| {
        let mut row = fixture::row("t03", "a4r", Some(42), "audio/chroma", "r2", value);
        row.interval = interval;
        row
    };
    let apart = |a: Measurement, b: Measurement| compare(&a, &b, Tolerance { points: 0.0, relative: 0.05 });
    let close = |found: Option<(&str, f64, bool)>, what: &str, distance: f64, within: bool| {
        let (found_what, found_distance, found_within) = found.unwrap();
        assert_eq!((found_what, found_within), (what, within), "{found_distance}");
        assert!((found_distance - distance).abs() < 1e-12, "{found_distance} for {distance}");
    };
    close(apart(with(0.001, None), with(-0.001, None)), "value", 0.02, true);
    close(apart(with(0.04, None), with(-0.04, None)), "value", 0.8, false);
    close(apart(with(0.5, None), with(0.4, None)), "value", 0.2, false);
    close(apart(with(0.5, Some((0.001, 0.9))), with(0.5, Some((0.002, 0.9)))), "interval", 0.01, true);
    close(apart(with(0.5, Some((-0.01, 0.9))), with(0.5, Some((0.01, 0.9)))), "interval", 0.2, false);
    assert_eq!(apart(with(0.0, None), with(-0.0, None)), None);
    let tiny = compare(&with(0.0, None), &with(f64::MIN_POSITIVE, None), Tolerance::default()).unwrap();
    assert!(tiny.1 > 0.0 && !tiny.2, "without a tolerance only the same number agrees");
}

fn digest(text: &str) -> hit_stage::Digest {
    hit_stage::Digest::of(text.as_bytes())
}

/// Kind, id, inputs by name, output; what is read and made stands for its bytes.
type Step<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

/// A lock of stages.
fn locked(stages: &[Step]) -> hit_engine::Lock {
    let mut lock = fixture::lock(&BTreeMap::new());
    let plain = lock.stages["train/D0@cosine4#42"].clone();
    lock.stages.clear();
    for (kind, id, inputs, output) in stages {
        let mut stage = plain.clone();
        stage.kind = (*kind).into();
        stage.inputs = inputs.iter().map(|(name, text)| ((*name).to_owned(), digest(text))).collect();
        stage.key = digest(&format!("{kind} {:?}", stage.inputs));
        stage.outputs.get_mut("checkpoint").unwrap().digest = digest(output);
        lock.stages.insert((*id).into(), stage);
    }
    lock
}

fn of_locks(a: hit_engine::Lock, b: hit_engine::Lock) -> Stages {
    let with = |lock| Results { lock: Some(lock), ..bare() };
    exact(&with(a), &with(b)).stages.unwrap()
}

fn whys(stages: &Stages) -> Vec<(&str, usize, &str)> {
    stages.roots.iter().map(|root| (root.kind.as_str(), root.stages.len(), root.why.as_str())).collect()
}

#[test]
fn another_corpus_is_the_cause_of_all_that_is_made_from_it() {
    let lock = |version: &str| {
        let (x, y) = (format!("x {version}"), format!("y {version}"));
        let (cut_x, cut_y) = (format!("cut {x}"), format!("cut {y}"));
        locked(&[
            ("segment", "segment/x", &[("audio", &x), ("midi", "notes x")], &cut_x),
            ("segment", "segment/y", &[("audio", &y), ("midi", "notes y")], &cut_y),
            ("descriptors", "descriptors/x", &[("windows", &cut_x)], &format!("d {cut_x}")),
            ("train", "train", &[("a", &cut_x), ("b", &cut_y)], &format!("weights {version}")),
            ("table", "table", &[("published", "numbers")], "table"),
        ])
    };
    let stages = of_locks(lock("first"), lock("second"));
    assert_eq!((stages.same, stages.different), (1, 4));
    assert_eq!(whys(&stages), [("segment", 2, "file `audio` changed")]);
    assert_eq!(whys(&of_locks(lock("first"), lock("first"))), []);
}

#[test]
fn an_edited_ledger_is_why_claims_come_out_otherwise() {
    let lock = |claims: &str, weights: &str| {
        let rows = format!("rows of {weights}");
        locked(&[
            ("train", "train", &[], weights),
            ("battery", "battery", &[("weights", weights)], &rows),
            ("claims", "claims", &[("claims", claims), ("rows", &rows)], &format!("verdicts of {claims} and {rows}")),
        ])
    };
    let a = Results { lock: Some(lock("ledger", "w")), ..plain() };
    let mut b = Results { lock: Some(lock("edited", "w")), ..plain() };
    b.claims[0].outcome = Outcome::Holds;
    let diff = exact(&a, &b);
    assert_eq!(diff.agreement, Agreement::Flipped);
    assert_eq!(whys(diff.stages.as_ref().unwrap()), [("claims", 1, "file `claims` changed")]);
    let text = diff.text(5);
    assert!(text.contains("first stages to differ, and why\n  claims\n      file `claims` changed"), "{text}");
    // other weights as well: both are told
    let both = of_locks(lock("ledger", "w"), lock("edited", "other"));
    assert_eq!(both.different, 3);
    assert_eq!(
        whys(&both).iter().map(|why| (why.0, why.2.split(':').next().unwrap())).collect::<Vec<_>>(),
        [("claims", "file `claims` changed"), ("train", "the same code, parameters and inputs gave other bytes")]
    );
}

#[test]
fn inputs_in_one_folder_only_are_named() {
    let plain = locked(&[("train", "train", &[], "w"), ("table", "table", &[("w", "w")], "t")]);
    let file = locked(&[("train", "train", &[], "w"), ("table", "table", &[("w", "w"), ("notes", "n")], "t2")]);
    assert_eq!(whys(&of_locks(plain.clone(), file.clone())), [("table", 1, "input `notes` only in B")]);
    assert_eq!(whys(&of_locks(file, plain.clone())), [("table", 1, "input `notes` only in A")]);
    // made by a stage that A does not have: no stage of both is nearer to the cause
    let more = locked(&[
        ("train", "train", &[], "w"),
        ("train", "train/2", &[], "w2"),
        ("table", "table", &[("w", "w"), ("w2", "w2")], "t2"),
    ]);
    let stages = of_locks(plain.clone(), more);
    assert_eq!((whys(&stages), stages.only_b), (vec![("table", 1, "input `w2` only in B")], 1));
    // the same name for what another stage makes
    let two = |from: &str, out: &str| {
        locked(&[
            ("train", "train", &[], "w"),
            ("train", "train/2", &[], "w2"),
            ("table", "table", &[("w", from)], out),
        ])
    };
    assert_eq!(whys(&of_locks(two("w", "t"), two("w2", "t2"))), [("table", 1, "input `w` from another stage")]);
    // many files are counted
    let names = ["a", "b", "c", "d", "e"];
    let many = |version: &str| {
        let texts = names.map(|name| format!("{name}{version}"));
        let inputs: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
        locked(&[("tex", "tex", &inputs, version)])
    };
    let why = "file `a` changed; file `b` changed; file `c` changed; 2 more inputs";
    assert_eq!(whys(&of_locks(many("1"), many("2"))), [("tex", 1, why)]);
}

#[test]
fn a_stage_that_copies_a_file_does_not_hide_that_it_changed() {
    let lock = |text: &str| {
        locked(&[
            ("copy", "copy", &[("file", text)], text),
            ("table", "table", &[("copied", text)], &format!("table of {text}")),
        ])
    };
    assert_eq!(whys(&of_locks(lock("one"), lock("two"))), [("copy", 1, "file `file` changed")]);
}

#[test]
fn crates_in_one_folder_only_are_named() {
    let lock = |key: &str, closure: &[&str]| {
        let mut lock = locked(&[("train", "train", &[], key)]);
        lock.stages.get_mut("train").unwrap().key = digest(key);
        let closure = closure.iter().map(|name| (*name).to_owned()).collect();
        lock.code.get_mut("hit-battery").unwrap().closure = closure;
        // known to both, since another stage uses it
        let other = hit_engine::LockedCrate { own: "7".into(), locked: "2".into(), closure: vec!["hit-new".into()] };
        lock.code.insert("hit-new".into(), other);
        lock
    };
    let (old, new) = (lock("k", &["hit-battery"]), lock("k2", &["hit-battery", "hit-new"]));
    assert_eq!(whys(&of_locks(old.clone(), new.clone())), [("train", 1, "code of hit-new (only in B)")]);
    assert_eq!(whys(&of_locks(new, old.clone())), [("train", 1, "code of hit-new (only in A)")]);
    let mut plugin = lock("k2", &["hit-battery"]);
    plugin.stages.get_mut("train").unwrap().crates.push("hit-arm".into());
    assert_eq!(whys(&of_locks(old, plugin)), [("train", 1, "code of hit-arm (only in B)")]);
}

proptest! {
    #[test]
    fn whatever_differs_has_a_cause(
        edges in prop::collection::vec((0..8_usize, 0..8_usize), 0..14),
        files in prop::collection::vec(0..2_u8, 8),
        code in prop::collection::vec(0..2_u8, 8),
    ) {
        // stage n reads stages below it and one file; what it makes follows from what it reads and its code
        let build = |second: bool| {
            let mut steps: Vec<(String, BTreeMap<String, String>, String)> = Vec::new();
            for n in 0..8_usize {
                let file = format!("file {n} {}", second && files[n] == 0);
                let mut inputs = BTreeMap::from([("file".to_owned(), file)]);
                for (from, _) in edges.iter().filter(|(from, to)| *to == n && from < to) {
                    inputs.insert(format!("s{from}"), steps[*from].2.clone());
                }
                let output = format!("{n} {inputs:?} {}", second && code[n] == 0);
                steps.push((format!("s{n}"), inputs, output));
            }
            let pairs: Vec<Vec<(&str, &str)>> = steps
                .iter()
                .map(|(_, inputs, _)| inputs.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect())
                .collect();
            let steps: Vec<Step> = steps
                .iter()
                .zip(&pairs)
                .map(|((id, _, output), inputs)| ("kind", id.as_str(), inputs.as_slice(), output.as_str()))
                .collect();
            locked(&steps)
        };
        let stages = of_locks(build(false), build(true));
        prop_assert_eq!(stages.different > 0, !stages.roots.is_empty());
        let named: std::collections::BTreeSet<String> = stages.roots.iter().flat_map(|root| root.stages.clone()).collect();
        for n in 0..8 {
            let reads_changed_file = files[n] == 0;
            prop_assert!(!reads_changed_file || named.contains(&format!("s{n}")), "s{} of {:?}", n, named);
            let nothing_changed = files[n] == 1 && code[n] == 1;
            prop_assert!(!nothing_changed || !named.contains(&format!("s{n}")), "s{} of {:?}", n, named);
        }
    }
}
