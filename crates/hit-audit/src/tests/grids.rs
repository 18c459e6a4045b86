//! GRIM and GRIMMER: tables of real counts pass, tables with a planted error do not.

use proptest::prelude::*;

use super::{audit, verdict};
use crate::Verdict::{CannotTell, Consistent, Inconsistent};

fn grid(value: &str, n: u32) -> crate::Verdict {
    verdict(&[("t.a", value)], &format!("rule = \"grid\"\nvalue = \"t.a\"\nn = {n}\nwhole = 100"))
}

const SD: &str = "rule = \"sd\"\nmean = \"t.mean\"\nsd = \"t.sd\"\nwhole = 100\n";

#[test]
fn shares_of_a_count_are_told_from_others() {
    assert_eq!(grid("69.8", 500), Consistent);
    assert_eq!(grid("69.9", 500), Inconsistent);
    assert_eq!(grid("33.3", 3), Consistent);
    assert_eq!(grid("33.4", 3), Inconsistent);
    assert_eq!(grid("33.4", 700), Consistent, "234 of 700 is 33.43");
    assert_eq!(grid("33.4", 1000), CannotTell, "every tenth is a share of 1000");
    assert_eq!(grid("33", 28), Inconsistent, "9 of 28 is 32.1, 10 is 35.7");
    assert_eq!(grid("-0.2", 500), Consistent, "differences of shares lie on the grid");
}

#[test]
fn the_working_names_the_neighbours() {
    let rule = "rule = \"grid\"\nvalue = \"t.a\"\nn = \"t.n\"\nwhole = 100";
    let finding = audit(&[("t.a", "69.9"), ("t.n", "500")], rule).unwrap().remove(0);
    assert_eq!(finding.working, "69.9: 349 of 500 is 69.8, 350 is 70");
    assert_eq!((finding.computed.as_str(), finding.id.as_str()), ("69.8 or 70", "r/t.a"));
    assert_eq!(finding.paths, ["t.a", "t.n"]);
}

#[test]
fn lists_are_judged_as_a_whole() {
    let rule = "rule = \"grid\"\nvalue = \"t.a\"\nn = 500\nwhole = 100";
    assert_eq!(verdict(&[("t.a", "[73.4, 83.8]")], rule), Consistent);
    assert_eq!(verdict(&[("t.a", "[73.4, 83.7]")], rule), Inconsistent);
}

#[test]
fn means_lie_on_a_finer_grid() {
    let rule = "rule = \"mean-grid\"\nvalue = \"t.a\"\nn = 500\nk = 5\nwhole = 100";
    assert_eq!(verdict(&[("t.a", "84.04")], rule), Consistent);
    assert_eq!(verdict(&[("t.a", "84.05")], rule), Inconsistent);
    assert_eq!(verdict(&[("t.a", "84.0")], rule), CannotTell, "three multiples of 0.04 round to it");
}

#[test]
fn numbers_on_a_grid_are_exact_for_the_other_rules() {
    // by rounding alone 9.5 could be 69.75 - 60.25 = 9.5, but 69.8 is 349 and 60.2 is 301 of 500
    let leaves = [("t.a", "69.8"), ("t.b", "60.2"), ("t.d", "9.5")];
    let delta = "rule = \"delta\"\nvalue = \"t.d\"\nof = \"t.a\"\nto = \"t.b\"";
    assert_eq!(verdict(&leaves, delta), Consistent);
    let grid = "[[rule]]\nid = \"g\"\nrule = \"grid\"\nvalue = \"t.{a,b}\"\nn = 500\nwhole = 100";
    let findings = audit(&leaves, &format!("{delta}\n{grid}")).unwrap();
    assert_eq!(findings[0].verdict, Inconsistent, "{findings:?}");
}

#[test]
fn standard_deviations_that_cannot_be_are_found() {
    let sd = |mean: &str, sd: &str, more: &[(&str, &str)], fields: &str| {
        let leaves = [&[("t.mean", mean), ("t.sd", sd)], more].concat();
        verdict(&leaves, &format!("{SD}{fields}"))
    };
    // two shares of ten: a mean of 50 and 60 is 55 with SD 7.07; no pair with mean 55 has SD 10
    assert_eq!(sd("55", "7.07", &[], "n = 10\nk = 2"), Consistent);
    assert_eq!(sd("55", "10.00", &[], "n = 10\nk = 2"), Inconsistent);
    assert_eq!(sd("84.0", "2.7", &[], "n = 500\nk = 5"), Consistent);
    // five values between 81.4 and 87.6 with a mean of 84.0 spread by 1.9 at least and 3.5 at most
    let ends = [("t.min", "81.4"), ("t.max", "87.6")];
    let fields = "n = 500\nk = 5\nmin = \"t.min\"\nmax = \"t.max\"";
    assert_eq!(sd("84.0", "2.7", &ends, fields), Consistent);
    assert_eq!(sd("84.0", "1.5", &ends, fields), Inconsistent);
    assert_eq!(sd("84.0", "3.9", &ends, fields), Inconsistent);
    assert_eq!(sd("87.5", "2.7", &ends, fields), Inconsistent);
    let seeds = [("t.s", "[83.6, 87.6, 81.4, 81.6]")];
    let fields = "n = 500\nk = 5\nvalues = \"t.s\"";
    assert_eq!(sd("84.0", "2.7", &seeds, fields), Consistent, "with 85.8");
    assert_eq!(sd("84.6", "2.7", &seeds, fields), Inconsistent, "88.8 would be needed, and more spread");
    assert_eq!(sd("84.0", "2.7", &[("t.s", "[83.7]")], fields), CannotTell, "83.7 is no share of 500");
    assert_eq!(sd("84.0", "2.7", &[], "n = 500\nk = 1"), CannotTell);
    assert_eq!(sd("84.0", "2.7", &[], "n = 500\nk = 100000"), CannotTell);
}

/// Counts of 500, as percentages.
fn percent(count: u32) -> String {
    format!("{:.1}", f64::from(count) / 5.0)
}

proptest! {
    #[test]
    fn every_share_of_a_count_passes(n in 1_u32..3000, share in 0.0..1.0_f64, digits in 0_usize..4) {
        let count = (share * f64::from(n)).round();
        prop_assert_ne!(grid(&format!("{:.digits$}", 100.0 * count / f64::from(n)), n), Inconsistent);
    }

    #[test]
    fn a_tenth_beside_a_share_of_500_is_found(count in 0_u32..500) {
        let beside = format!("{:.1}", f64::from(count) / 5.0 + 0.1);
        prop_assert_eq!(grid(&beside, 500), Inconsistent);
    }

    #[test]
    fn moments_of_real_seeds_are_possible(counts in prop::collection::vec(300_u32..450, 3..6)) {
        let values: Vec<f64> = counts.iter().map(|count| f64::from(*count) / 5.0).collect();
        let summary = hit_stats::Summary::of(&values).unwrap();
        let (mean, sd) = (format!("{:.1}", summary.mean), format!("{:.1}", summary.sd.unwrap()));
        let (min, max) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        let (min, max) = (percent(*min), percent(*max));
        let leaves = [("t.mean", mean.as_str()), ("t.sd", &sd), ("t.min", &min), ("t.max", &max)];
        let fields = format!("n = 500\nk = {}\nmin = \"t.min\"\nmax = \"t.max\"", counts.len());
        prop_assert_eq!(verdict(&leaves, &format!("{SD}{fields}")), Consistent);
    }

    /// The SD of five values is at most half their range times sqrt(n / (n − 1)) (Popoviciu); beyond that it is found.
    #[test]
    fn spreads_beyond_the_range_are_found(min in 300_u32..400, width in 5_u32..60, excess in 0.2..5.0_f64) {
        let mean = percent(min + width / 2);
        let largest = f64::from(width) / 10.0 * (5.0_f64 / 4.0).sqrt();
        let sd = format!("{:.1}", largest + excess);
        let (low, high) = (percent(min), percent(min + width));
        let leaves = [("t.mean", mean.as_str()), ("t.sd", &sd), ("t.min", &low), ("t.max", &high)];
        let fields = "n = 500\nk = 5\nmin = \"t.min\"\nmax = \"t.max\"";
        prop_assert_eq!(verdict(&leaves, &format!("{SD}{fields}")), Inconsistent);
    }
}
