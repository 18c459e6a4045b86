//! The ledger of the project: it is well-formed, and held against the paper's own numbers it finds what the arithmetic
//! of those numbers shows.

use std::collections::{BTreeMap, BTreeSet};

use hit_schema::Observation;
use hit_stats::{Measurement, holm};

use super::{CLAIMS, PUBLISHED, setting};
use crate::judge::comparisons;
use crate::values::World;
use crate::{Form, Ledger, Must, Outcome, Published, Select, Term, Verdict};

fn ledger() -> Ledger {
    Ledger::parse(CLAIMS).unwrap()
}

fn published() -> Published {
    Published::parse(PUBLISHED).unwrap()
}

/// Every measurement that the ledger asks for.
fn asked(ledger: &Ledger) -> Vec<Select> {
    let mut all: Vec<Select> = Vec::new();
    for comparison in ledger.claims.iter().flat_map(|claim| &claim.must).flat_map(comparisons) {
        let sides = std::iter::once((comparison.of(), &comparison.slot));
        let than = comparison.than.iter().map(|(term, slot)| (*term, slot));
        for (term, slot) in sides.chain(than) {
            all.extend(term.selects().into_iter().map(|select| slot.fill(select)));
        }
    }
    all.sort_by_key(ToString::to_string);
    all.dedup();
    all
}

/// The published values alone, to look up what stands beside a measurement.
fn beside(ledger: &Ledger, published: &Published, select: &Select) -> Option<f64> {
    let known = BTreeMap::new();
    let (rows, observations) = (&[], &[]);
    let world =
        World { ledger, rows, observations, published, known: &known, published_sizes: true, stand_ins: vec![] };
    world.beside(select)
}

/// The campaign that the paper reports: each value that a claim asks for and that is published, with an interval of no
/// width, or with what the number of its queries and seeds makes of it.
fn reported(noise: bool) -> Vec<Measurement> {
    let (ledger, published) = (ledger(), published());
    let mut rows = Vec::new();
    for select in asked(&ledger) {
        let value = beside(&ledger, &published, &select).or_else(|| derived(&published, &select));
        if let Some(value) = value {
            rows.push(measurement(&select, value, noise));
            if noise && select.metric == "s_mean" {
                let sd = Select { metric: "s_sd".into(), ..select };
                let value = beside(&ledger, &published, &sd).unwrap();
                rows.push(measurement(&sd, value, noise));
            }
        }
    }
    // A claim about one seed and one about all ask for the same published row.
    rows.sort_by(|a, b| a.cell().cmp(&b.cell()));
    rows.dedup();
    Measurement::sorted(rows).unwrap()
}

fn measurement(select: &Select, value: f64, noise: bool) -> Measurement {
    let seeds = select.metric.starts_with("s_");
    Measurement {
        stage: select.stage.clone(),
        arm: select.arm.clone().unwrap(),
        schedule: select.schedule.clone().unwrap_or_default(),
        seed: if seeds { None } else { Some(42) },
        condition: select.condition.clone().unwrap(),
        metric: select.metric.clone(),
        value,
        unit: if select.metric.starts_with("delta") { "pp" } else { "%" }.into(),
        n: noise.then_some(if seeds { 5 } else { 500 }),
        // A difference of two S at 500 queries is known to about four points.
        interval: match (noise, select.metric.as_str()) {
            (false, _) => Some((value, value)),
            (true, "delta_s") => Some((value - 4.0, value + 4.0)),
            (true, _) => None,
        },
    }
}

/// What follows from published values by a subtraction or a correction.
fn derived(published: &Published, select: &Select) -> Option<f64> {
    let arm = select.arm.as_deref()?;
    match select.metric.as_str() {
        "worst_minus_best" => Some(
            published.number(&format!("table12_multiseed.{arm}.min"))?
                - published.number("table12_multiseed.D0.max")?,
        ),
        "holm_p" => {
            let p = |name: &str| published.number(&format!("table12_statistics.{name}_p")).unwrap();
            let all = ["d4a4_vs_D0", "a4r_vs_D0", "d4-a4r_vs_D0", "d4a4_vs_d4-a4r", "d4a4_vs_a4r", "d4-a4r_vs_a4r"];
            let corrected = holm(&all.map(p)).unwrap();
            all.iter().position(|pair| *pair == format!("{arm}_vs_D0")).map(|i| corrected[i])
        }
        _ => None,
    }
}

/// What definitions imply, as measured on the smallest corpus: results are in the paper's appendix of descriptors.
fn observed() -> Vec<Observation> {
    [
        ("a4", "time_mean_max", 6.4e-9),
        ("a4", "mean_square", 187.0 / 188.0),
        ("a7", "adjacent_share", 0.99),
        ("a8", "gate_effect_max", 3.0e-8),
        ("d4", "repeated_share", 0.83),
    ]
    .map(|(descriptor, metric, value)| Observation {
        descriptor: descriptor.into(),
        metric: metric.into(),
        value,
        unit: String::new(),
        n: 1,
    })
    .into()
}

fn known(published: &Published) -> BTreeMap<String, f64> {
    let exact = |name: &str| published.number(&format!("params_exact.{name}")).unwrap();
    BTreeMap::from(
        [
            ("D0.parameters", exact("total_D0")),
            ("d4a4.parameters", exact("total_d4a4")),
            ("a4r.parameters", exact("total_a4r")),
            ("d4-a4r.parameters", exact("total_d4-a4r")),
            ("D0.part.audio.layers", exact("audio_transformer")),
            ("D0.part.midi.embedding", exact("midi_embedding")),
            ("D0.part.midi.layers", exact("midi_transformer")),
            ("D0.part.heads.audio", exact("audio_head")),
            ("D0.part.heads.midi", exact("midi_head")),
            ("d4a4.part.inject.audio", exact("extra_a4")),
            ("D0.audio_tokens", 2400.0),
            ("a4r.audio_tokens", 188.0),
            // Operations of a forward pass, of which the attention shrinks 163-fold and the convolutions not at all.
            ("D0.flops", 3.1e11),
            ("a4r.flops", 7.7e10),
            ("chance.r10", 100.0 * 10.0 / 256.0),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn judged(noise: bool) -> Vec<Verdict> {
    let published = published();
    ledger().judge(&reported(noise), &observed(), &published, &known(&published), &setting(true)).unwrap()
}

fn ids(verdicts: &[Verdict], outcome: Outcome) -> Vec<&str> {
    verdicts.iter().filter(|verdict| verdict.outcome == outcome).map(|verdict| verdict.id.as_str()).collect()
}

#[test]
fn the_ledger_is_well_formed() {
    let (ledger, published) = (ledger(), published());
    ledger.check_sources(&published).unwrap();
    assert!(ledger.claims.len() >= 60, "{} claims", ledger.claims.len());
    for claim in &ledger.claims {
        assert!(!claim.text.ends_with('.') && claim.text.len() < 200, "{}", claim.id);
    }
    // Every weak protocol has a sound one in the same group.
    for weak in ledger.claims.iter().filter(|claim| claim.form == Form::Weak) {
        let sound = |claim: &&crate::Claim| claim.form == Form::Sound && claim.group == weak.group;
        assert!(ledger.claims.iter().any(|claim| sound(&claim)), "{} has no sound form", weak.id);
    }
    // A group is one run of claims.
    let mut groups: Vec<&str> = ledger.claims.iter().map(|claim| claim.group.as_str()).collect();
    groups.dedup();
    assert_eq!(groups.len(), groups.iter().collect::<BTreeSet<_>>().len(), "{groups:?}");
}

/// Ids and rules are fixed before a campaign: a change of either has to be seen.
#[test]
fn ids_and_rules() {
    let ledger = ledger();
    let rules: Vec<String> = ledger
        .claims
        .iter()
        .map(|claim| {
            let rule: Vec<String> = claim.must.iter().map(ToString::to_string).collect();
            format!("{} ({})\n    {}", claim.id, claim.form.words(), rule.join("\n    "))
        })
        .collect();
    insta::assert_snapshot!(rules.join("\n"));
}

/// Stages, metrics and arms of the campaigns; a selector with another word would never find a row.
#[test]
fn selectors_name_what_campaigns_have() {
    let stages = [
        "screening",
        "families",
        "confirmation",
        "replication",
        "replication_as_published",
        "test",
        "t01",
        "t02",
        "t03",
        "t04",
        "t06",
        "t08",
        "t09",
        "t10",
        "t12",
    ];
    let metrics = [
        "s",
        "delta_s",
        "s_mean",
        "r1_a2m",
        "r1_m2a",
        "mrr_a2m",
        "mrr_m2a",
        "hard_random",
        "hard_same_piece",
        "cka_mean",
        "cka_debiased_mean",
        "cka_null_mean",
        "cka",
        "rsa_mean",
        "moved_audio_first",
        "abs_r_max",
        "abs_r_max_time_mean",
        "r2",
        "r2_mlp",
        "cosine_matched",
        "cosine_auc",
        "welch_p",
        "holm_p",
        "cohen_d",
        "worst_minus_best",
    ];
    let arms = [
        "D0",
        "D4",
        "A4",
        "A7",
        "A8",
        "A9",
        "D4x",
        "A4x",
        "A7x",
        "D4r",
        "a4r",
        "d4a4",
        "d4a4cm",
        "d4-a4r",
        "film-a4",
        "film-d4",
        "film-dual",
        "film-a4e",
        "moe-a4",
        "moe-a4-v2",
        "moe-a4-v3",
        "moe-a4-v4",
        "moe-dual",
        "t3-wt",
        "t3-tri",
        "t3-anc",
    ];
    let schedules = ["cosine60", "cosine30", "cosine-tail60", "trapez50"];
    for select in asked(&ledger()) {
        assert!(stages.contains(&select.stage.as_str()), "{select}");
        assert!(metrics.contains(&select.metric.as_str()), "{select}");
        assert!(arms.contains(&select.arm.as_deref().unwrap()), "{select}");
        assert!(select.schedule.as_deref().is_none_or(|schedule| schedules.contains(&schedule)), "{select}");
        assert!(select.condition.is_some(), "{select}");
        assert_eq!(
            select.stage == "confirmation",
            select.schedule.is_some(),
            "{select}: these runs differ by schedule"
        );
    }
}

/// A misspelt known number would be `not testable` for ever.
#[test]
fn known_numbers_are_those_that_are_given() {
    let given = known(&published());
    for must in ledger().claims.iter().flat_map(|claim| &claim.must) {
        for comparison in comparisons(must) {
            let arm = comparison.slot.arm.clone().unwrap_or_default();
            for name in must.terms().filter_map(known_name) {
                assert!(given.contains_key(&name.replace("{arm}", &arm)), "{name}");
            }
        }
    }
}

fn known_name(term: &Term) -> Option<&String> {
    match term {
        Term::Known(name) => Some(name),
        _ => None,
    }
}

/// Held against the numbers that the paper prints, taken as they are, its statements that these numbers contradict do not
/// hold, and no others. Numbers in comments: sections of the list of inconsistencies.
#[test]
fn the_paper_contradicts_itself_where_arithmetic_says_so() {
    let verdicts = judged(false);
    assert_eq!(
        ids(&verdicts, Outcome::DoesNotHold),
        [
            "families-t3-instead-of-injection",     // 3.8
            "dual-above-a4-only",                   // 4.4
            "scoreboard-hard-negatives-same-piece", // 2.2
            "ablation-a4-below-chance",             // 2.1
            "transposition-advantage",              // 6.3
            "cka-doubles",                          // 6.5
            "cka-complexity",                       // 6.6
            "cka-within-encoder",                   // 6.7
            "cka-depth-rows",                       // 6.7
            "bands-high-twice",                     // 6.10
            "bands-each-high-above-low",            // 6.10
            "velocity-octave-collapse",             // 6.12
            "velocity-collapse-mild",               // 6.12
            "noise-crossover-at-5-only",            // 6.13
            "probes-most-informative",              // 6.15
            "cosine-text",                          // 6.16
            "replication-order",                    // 5.1
            "replication-gap-any-arm",              // 5.2
            "cost-whole",                           // 8.4
            "parameters-audio-transformer",         // 8.1
            "parameters-midi",                      // 8.1
            "parameters-heads",                     // 8.3
            "parameters-injection",                 // 8.2
            "film-a4-conditioned",                  // 1.1
            "d4-four-features",                     // 1.4
            "a7-peaks",                             // 1.7
            "a8-onsets",                            // 1.3
        ]
    );
    for verdict in &verdicts {
        assert!(
            verdict.outcome != Outcome::Inconclusive || verdict.rule.contains("+-"),
            "{}: {}",
            verdict.id,
            verdict.why
        );
    }
}

/// With the error of 500 queries and five seeds: what the paper could not know from its own numbers.
#[test]
fn with_their_sampling_error_small_differences_are_open() {
    let verdicts = judged(true);
    let open = ids(&verdicts, Outcome::Inconclusive);
    for id in [
        "screening-a7-no-gain",    // +2.0 and -1.4 at 500 queries, two points left (2.7)
        "confirmation-order",      // d4a4 over a4r by 1.8 (2.7)
        "replication-d4a4-first",  // over d4-a4r t 1.70 (5.7)
        "replication-order",       // p 0.76 (5.7)
        "families-moe-above-film", // 0.8 points
    ] {
        assert!(open.contains(&id), "{id} of {open:?}");
    }
    let holds = ids(&verdicts, Outcome::Holds);
    for id in ["replication-d4a4-helps", "ablation-a4-needed", "confirmation-all-above", "noise-descriptors-fragile"] {
        assert!(holds.contains(&id), "{id} of {holds:?}");
    }
    let first = verdicts.iter().find(|verdict| verdict.id == "replication-d4a4-first").unwrap();
    let power = first.power.as_ref().unwrap();
    // 84.0 ± 2.7 against 81.2 ± 2.5, five seeds: scipy, nct.sf(t.ppf(0.975, 7.95), 7.95, 1.70) = 0.3223.
    assert!(
        (power.effect.unwrap() - 2.8).abs() < 1e-9 && (power.at_effect.unwrap() - 0.3223).abs() < 1e-4,
        "{power:?}"
    );
    assert!(ids(&verdicts, Outcome::DoesNotHold).contains(&"replication-gap-any-arm"));
}

/// An equality can hold at the n of the paper: with its sampling error too, those of which the paper's own value lies
/// within the tolerance hold, and the verdict says where the interval lies.
#[test]
fn equalities_hold_of_the_published_values() {
    let equalities: BTreeSet<String> = ledger()
        .claims
        .iter()
        .filter(|claim| claim.must.iter().any(|must| must.relation.is_equality()))
        .map(|claim| claim.id.clone())
        .collect();
    let of = |noise| -> Vec<Verdict> {
        judged(noise).into_iter().filter(|verdict| equalities.contains(&verdict.id)).collect()
    };
    let (without, with) = (of(false), of(true));
    // The paper contradicts itself in these: transposition 6.3, bands 6.10, cosines 6.16, parameters 8.1 to 8.3.
    let contradicted = [
        "transposition-advantage",
        "bands-high-twice",
        "cosine-text",
        "parameters-audio-transformer",
        "parameters-midi",
        "parameters-heads",
        "parameters-injection",
    ];
    let missing = ["ablation-d4-only", "ablation-d4-no-effect-global", "controls-at-baseline"];
    let mut held = 0;
    for (before, after) in without.iter().zip(&with) {
        let id = before.id.as_str();
        if contradicted.contains(&id) {
            assert_ne!(after.outcome, Outcome::Holds, "{id}");
        } else if before.outcome == Outcome::NotTestable {
            assert!(missing.contains(&id), "{id}: {}", before.why);
        } else {
            assert_eq!((before.outcome, after.outcome), (Outcome::Holds, Outcome::Holds), "{id}: {}", after.why);
            assert!(after.why.contains("within the tolerance"), "{id}: {}", after.why);
            held += 1;
        }
    }
    assert!(held >= 15, "{held} equalities hold");
}

/// An empty campaign has nothing to say, and says why.
#[test]
fn an_empty_campaign_is_not_testable() {
    let published = published();
    for comparable in [true, false] {
        let verdicts = ledger().judge(&[], &[], &published, &BTreeMap::new(), &setting(comparable)).unwrap();
        for verdict in verdicts {
            assert_eq!(verdict.outcome, Outcome::NotTestable, "{}", verdict.id);
            assert!(!verdict.why.is_empty() && verdict.ours.is_none());
        }
    }
}

/// The committed results of the smallest profile are judged without an error, and every row says that they are small.
#[test]
fn the_smoke_campaign_is_judged() {
    let results = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/smoke");
    let (measurements, observations) = (results.join("measurements.csv"), results.join("descriptors.csv"));
    if !measurements.exists() {
        eprintln!("no results of the smoke profile; the test has nothing to judge");
        return;
    }
    let rows = Measurement::read(&measurements).unwrap();
    let seen = Observation::read(&observations).unwrap();
    let known = BTreeMap::from([("chance.r10".to_owned(), 100.0 * 10.0 / 64.0)]);
    let mut small = setting(false);
    small.label = "smoke: synthetic audio, small models".to_owned();
    let verdicts = ledger().judge(&rows, &seen, &published(), &known, &small).unwrap();
    assert!(verdicts.iter().all(|verdict| !verdict.setting.comparable));
    let stages: BTreeSet<&str> = rows.iter().map(|row| row.stage.as_str()).collect();
    for verdict in &verdicts {
        // What is not testable is so for the size of the campaign, for a missing stage, or for an arm that it leaves out.
        let said = |words: &str| verdict.why.contains(words);
        let fine = verdict.outcome != Outcome::NotTestable
            || said("published size")
            || said("`t01` of this campaign has no arm `D4`")
            || said("has no stage")
            // What is not defined gives no row.
            || ["no row `t03/", "no row `t06/", "no row `t08/", "no row `t10/"].into_iter().any(said);
        assert!(fine, "{}: {}", verdict.id, verdict.why);
        // No published effect is made of a chance level that is not the paper's.
        if verdict.id == "ablation-a4-below-chance" {
            assert!(verdict.power.as_ref().is_none_or(|power| power.effect.is_none()), "{}", verdict.why);
        }
        if let Some((_, stage)) = verdict.why.split_once("has no stage `") {
            assert!(!stages.contains(stage.trim_end_matches('`')), "{}", verdict.why);
        }
    }
    print!("{}", crate::render(&verdicts));
}

#[test]
fn every_must_says_its_rule() {
    let rules: Vec<String> = ledger().claims.iter().flat_map(|claim| &claim.must).map(Must::to_string).collect();
    assert!(rules.iter().all(|rule| rule.contains("interval") || rule.contains("as they are")), "{rules:?}");
}
