//! Screening.

use hit_retrieval::BootstrapSpec;
use proptest::prelude::*;

use super::{BOOTSTRAP, Fake, fake, find, table, value};
use crate::Screening;

fn screening() -> Screening {
    let arms = ["d0", "a4", "d4", "a", "b"].map(str::to_owned).to_vec();
    Screening {
        stage: "screening".into(),
        arms,
        baseline: "d0".into(),
        reference: None,
        bootstrap: BOOTSTRAP,
        seed: 42,
    }
}

#[test]
fn arms_are_reported_at_the_best_and_at_the_last_epoch() {
    let fakes = [fake("d0@cosine5#42", 30), fake("a4@cosine5#42", 20)];
    let rows = table(&screening(), &fakes).unwrap();
    assert!(rows.iter().all(|row| row.stage == "screening" && row.schedule == "cosine5" && row.seed == Some(42)));
    for fake in &fakes {
        let arm = &fake.run.arm;
        assert_eq!(value(&rows, arm, "best", "s"), fake.s());
        assert_eq!(find(&rows, arm, "best", "s").unwrap().interval, Some((1.0, 99.0)), "taken over from retrieval");
        assert_eq!(value(&rows, arm, "last", "s"), fake.last_s);
        assert_eq!(value(&rows, arm, "best", "hard_same_piece"), 90.0);
        assert_eq!(value(&rows, arm, "last", "hard_random"), 98.0);
        assert_eq!((value(&rows, arm, "best", "epoch"), value(&rows, arm, "last", "epoch")), (3.0, 10.0));
    }
    // The baseline is not compared with itself.
    assert_eq!(rows.iter().filter(|row| row.arm == "d0").count(), 8);
    assert_eq!(rows.iter().filter(|row| row.arm == "a4").count(), 8 + 6);
}

#[test]
fn a_chosen_run_is_compared_with_across_schedules() {
    let reference = Some("d0@tail60#42".parse().unwrap());
    let stage = Screening { stage: "confirmation".into(), reference, ..screening() };
    let fakes = [fake("d0@tail60#42", 30), fake("d0@cosine30#42", 24), fake("a4@cosine30#42", 20)];
    let rows = table(&stage, &fakes).unwrap();
    let delta = |arm: &str, condition: &str| value(&rows, arm, condition, "delta_s");
    assert!((delta("a4", "best_vs_d0") - 100.0 * 4.0 / 120.0).abs() < 1e-9, "within the schedule");
    assert!((delta("a4", "best_vs_d0@tail60") - 100.0 * 10.0 / 120.0).abs() < 1e-9, "against the choice of the paper");
    assert!((delta("d0", "best_vs_d0@tail60") - 100.0 * 6.0 / 120.0).abs() < 1e-9, "the schedule alone");
    let own = rows.iter().filter(|row| row.schedule == "tail60" && row.condition.contains("_vs_")).count();
    assert_eq!(own, 0, "it is not compared with itself");
    assert!(table(&stage, &fakes[1..]).unwrap_err().contains("d0"), "the choice must be there");
}

#[test]
fn a_baseline_of_another_experiment_is_compared_with_and_not_reported() {
    let stage = Screening { stage: "families".into(), arms: vec!["a4".into()], ..screening() };
    let rows = table(&stage, &[fake("d0@cosine5#42", 30), fake("a4@cosine5#42", 20)]).unwrap();
    assert!(rows.iter().all(|row| row.stage == "families" && row.arm == "a4"));
    assert!((value(&rows, "a4", "best_vs_d0", "delta_s") - 100.0 / 12.0).abs() < 1e-9);
    let both = table(&screening(), &[fake("d0@cosine5#42", 30), fake("a4@cosine5#42", 20)]).unwrap();
    let same = find(&both, "a4", "best_vs_d0", "delta_s").unwrap();
    assert_eq!(find(&rows, "a4", "best_vs_d0", "delta_s").unwrap().interval, same.interval);
}

/// 30 and 20 misses in 120 queries: S 75 and 83.3 %.
#[test]
fn differences_are_in_points_with_a_paired_interval() {
    let mut better = fake("a4@cosine5#42", 20);
    better.hard = (92.5, 97.0);
    let rows = table(&screening(), &[fake("d0@cosine5#42", 30), better]).unwrap();
    let delta = find(&rows, "a4", "best_vs_d0", "delta_s").unwrap();
    assert!((delta.value - 100.0 / 12.0).abs() < 1e-9 && delta.unit == "pp" && delta.n == Some(120));
    let (low, high) = delta.interval.unwrap();
    assert!(low <= delta.value && delta.value <= high && low > 0.0 && high < 20.0, "{low}..{high}");
    assert_eq!(value(&rows, "a4", "best_vs_d0", "delta_hard_same_piece"), 2.5);
    assert_eq!(value(&rows, "a4", "last_vs_d0", "delta_hard_random"), -1.0);
    assert_eq!(value(&rows, "a4", "last_vs_d0", "delta_s"), -10.0);
    assert_eq!(find(&rows, "a4", "last_vs_d0", "delta_s").unwrap().interval, None);
}

/// One query more in each performance: the difference is the same in every resample, so it has no uncertainty.
#[test]
fn pairing_cancels_what_performances_share() {
    let uneven = |run: &str, more: usize| Fake {
        hits: (0..12).map(|p| (10, p % 9 + more, p % 9 + more)).collect(),
        ..fake(run, 0)
    };
    let rows = table(&screening(), &[uneven("d0@c#1", 0), uneven("d4@c#1", 1)]).unwrap();
    let (low, high) = find(&rows, "d4", "best_vs_d0", "delta_s").unwrap().interval.unwrap();
    assert!((low - 10.0).abs() < 1e-9 && (high - 10.0).abs() < 1e-9, "{low}..{high}");
}

#[test]
fn runs_are_compared_with_the_baseline_of_their_schedule_and_seed() {
    let fakes = [fake("d0@a#1", 12), fake("d0@a#2", 60), fake("d0@b#1", 36), fake("d4@a#2", 24), fake("d4@b#1", 24)];
    let rows = table(&screening(), &fakes).unwrap();
    let delta = |schedule: &str| {
        let of = |row: &&hit_stats::Measurement| {
            row.schedule == schedule && row.metric == "delta_s" && row.condition == "best_vs_d0"
        };
        rows.iter().find(of).unwrap().value
    };
    assert!((delta("a") - 30.0).abs() < 1e-9 && (delta("b") - 10.0).abs() < 1e-9);
    let error = table(&screening(), &[fake("d0@a#1", 3), fake("d4@a#2", 3)]).unwrap_err();
    assert!(
        error.contains("`d4@a#2`") && error.contains("`d0` was not run under the same schedule and seed"),
        "{error}"
    );
}

#[test]
fn runs_that_were_asked_other_queries_are_not_compared() {
    let mut other = fake("d4@c#1", 3);
    other.hits[0] = (9, 9, 9);
    let error = table(&screening(), &[fake("d0@c#1", 3), other]).unwrap_err();
    assert!(error.contains("`d0@c#1` and `d4@c#1` were asked different queries"), "{error}");
}

#[test]
fn queries_of_one_performance_give_no_interval() {
    let single = |run: &str| Fake { hits: vec![(10, 8, 8)], ..fake(run, 0) };
    let rows = table(&screening(), &[single("d0@c#1"), single("d4@c#1")]).unwrap();
    assert_eq!(find(&rows, "d4", "best_vs_d0", "delta_s").unwrap().interval, None);
}

#[test]
fn missing_or_damaged_inputs_are_named() {
    assert!(table(&screening(), &[]).unwrap_err().contains("`<run>/measurements`"));
    let bad = Screening { bootstrap: BootstrapSpec { resamples: 0, level: 0.95 }, ..screening() };
    assert!(table(&bad, &[fake("d0@c#1", 3)]).unwrap_err().contains("bootstrap.resamples"));

    let dir = tempfile::tempdir().unwrap();
    let run = |change: &dyn Fn(&mut hit_stage::Context)| {
        let mut cx = hit_stage::Context::new(dir.path().join("out"), dir.path().join("scratch"));
        fake("d0@c#1", 3).put(dir.path(), &mut cx);
        change(&mut cx);
        hit_stage::Stage::run(&screening(), &mut cx).unwrap_err().to_string()
    };
    assert!(run(&|cx| drop(cx.inputs.remove("d0@c#1/ranks"))).contains("d0@c#1/ranks"));
    let renamed = run(&|cx| {
        let table = cx.inputs["d0@c#1/measurements"].clone();
        cx.inputs.insert("d0/measurements".into(), table);
    });
    assert!(renamed.contains("`arm@schedule#seed` is expected"), "{renamed}");
    let path = dir.path().join("d0@c#1-measurements");
    let text = fs_err::read_to_string(&path).unwrap();
    let cut = run(&|_| fs_err::write(&path, text.replace("hard_random", "hard_other")).unwrap());
    assert!(cut.contains("no row for condition `selected`, metric `hard_random`"), "{cut}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Exchanging arm and baseline turns the difference and its interval round.
    #[test]
    fn differences_turn_with_the_sides(ours in 0usize..60, theirs in 0usize..60) {
        let (a, b) = (fake("a@c#1", ours), fake("b@c#1", theirs));
        let against = |baseline: &str, arm: &str| {
            let stage = Screening { baseline: baseline.into(), ..screening() };
            let rows = table(&stage, &[a.clone(), b.clone()]).unwrap();
            let row = find(&rows, arm, &format!("best_vs_{baseline}"), "delta_s").unwrap();
            (row.value, row.interval.unwrap())
        };
        let ((forth, (low, high)), (back, (turned_low, turned_high))) = (against("a", "b"), against("b", "a"));
        prop_assert!((forth + back).abs() < 1e-9);
        prop_assert!((low + turned_high).abs() < 1e-9 && (high + turned_low).abs() < 1e-9);
        prop_assert!((forth - (b.s() - a.s())).abs() < 1e-9);
    }
}
