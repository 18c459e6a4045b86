//! The audit of the paper in this repository.

use crate::{Audit, Finding, Verdict};

const PUBLISHED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/published.toml"));
const AUDIT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/audit.toml"));

fn findings(published: &str) -> Vec<Finding> {
    let audit = Audit::of(("published.toml", published), ("audit.toml", AUDIT));
    audit.and_then(|audit| audit.findings()).unwrap_or_else(|error| panic!("{error}"))
}

/// Ids of the findings with this verdict.
fn ids(findings: &[Finding], verdict: Verdict) -> Vec<&str> {
    findings.iter().filter(|finding| finding.verdict == verdict).map(|finding| finding.id.as_str()).collect()
}

#[test]
fn what_is_not_consistent() {
    insta::assert_snapshot!(crate::table(&findings(PUBLISHED)));
}

#[test]
fn every_finding_says_where_and_shows_its_working() {
    let findings = findings(PUBLISHED);
    let mut ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), findings.len(), "ids are unique");
    for finding in &findings {
        assert!(!finding.paths.is_empty() && !finding.source.is_empty() && !finding.working.is_empty(), "{finding:?}");
        assert!(!finding.working.contains('\n'), "{finding:?}");
        assert!(!finding.source.starts_with("derived"), "{finding:?}");
    }
}

#[test]
fn every_rule_finds_something_to_check() {
    let findings = findings(PUBLISHED);
    for line in AUDIT.lines().filter_map(|line| line.strip_prefix("id = ")) {
        let id = line.trim_matches('"');
        let applied = findings.iter().any(|finding| finding.id.split('/').next() == Some(id));
        assert!(applied, "{id} was never applied");
    }
}

/// The same rules on a file in which one number is changed: the change is found, so that no verdict is written down.
#[test]
fn a_planted_error_is_found_and_a_mended_one_disappears() {
    let before = findings(PUBLISHED);
    let changes = [
        // (as published, changed, a finding that turns inconsistent)
        ("delta = { value = 9.6,", "delta = { value = 9.4,", "screening-delta/table02_screening.d4a4.delta"),
        ("t3_wt_S_50_epochs = { value = 81.2,", "t3_wt_S_50_epochs = { value = 80.2,", "confirmation-t3/"),
        ("sd = { value = 1.9,", "sd = { value = 4.9,", "seed-sd/table12_multiseed.a4r.mean"),
        ("d4a4_vs_D0_welch_t = { value = 5.55,", "d4a4_vs_D0_welch_t = { value = 6.55,", "welch-d4a4-D0/t"),
        ("gap = { value = 0.719,", "gap = { value = 0.739,", "cosine-gap/fig11_cosine.D0.gap"),
        ("cents = { value = 702,", "cents = { value = 712,", "attractor-cents/table14_attractors.a07.cents"),
    ];
    for (from, to, id) in changes {
        assert_eq!(PUBLISHED.matches(from).count(), 1, "{from}");
        assert!(!ids(&before, Verdict::Inconsistent).iter().any(|known| known.starts_with(id)), "{id}");
        let after = findings(&PUBLISHED.replace(from, to));
        assert!(ids(&after, Verdict::Inconsistent).iter().any(|known| known.starts_with(id)), "{id}");
    }
    let mended = PUBLISHED
        .replace("d4a4_mean_cosine = { value = 0.72,", "d4a4_mean_cosine = { value = 0.84,")
        .replace("n_families = { value = 6,", "n_families = { value = 3,");
    let after = findings(&mended);
    for id in ["cosine-text-figure/d4a4", "n-families/headline.n_families"] {
        assert!(ids(&before, Verdict::Inconsistent).contains(&id));
        assert!(ids(&after, Verdict::Consistent).contains(&id), "{id}");
    }
}

/// A cell of every share that is moved by a tenth of a point is no share of 500 queries any more.
#[test]
fn every_printed_share_of_the_paper_is_on_the_grid() {
    let findings = findings(PUBLISHED);
    let shares: Vec<&Finding> = findings.iter().filter(|finding| finding.rule == "grid").collect();
    assert!(shares.len() > 200, "{}", shares.len());
    assert!(shares.iter().all(|finding| finding.verdict == Verdict::Consistent));
}
