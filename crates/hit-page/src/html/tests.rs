//! The page as text; what it does is tested in a browser (`tests/browser.rs`).

use std::path::Path;

use super::*;
use crate::fixture::{self, HOSTILE};

fn page(change: impl FnOnce(&Path), titles: &Titles) -> String {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    change(dir.path());
    html(&Results::read(dir.path()).unwrap(), titles).unwrap()
}

fn titles() -> Titles {
    let titled =
        |id: &str, number: &str, title: &str| Titled { id: id.into(), number: number.into(), title: title.into() };
    Titles {
        heading: "Results of <smoke>".into(),
        setting: HOSTILE.into(),
        comparable: false,
        tables: vec![titled("absent", "1", "Nothing"), titled("screening", "2", "Screening of arms")],
        figures: vec![titled("screening", "R1", "S of the arms")],
    }
}

/// Start tags in the order of the text, without what stands in elements whose content is no markup.
fn tags(page: &str) -> Vec<String> {
    let (mut tags, mut rest) = (Vec::new(), page);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("every tag ends");
        let tag = rest[..end].to_owned();
        rest = &rest[end + 1..];
        for raw in ["script", "style"] {
            if tag == raw || tag.starts_with(&format!("{raw} ")) {
                rest = &rest[rest.find(&format!("</{raw}>")).expect("it is closed")..];
            }
        }
        tags.push(tag);
    }
    tags
}

#[test]
fn nothing_of_a_name_becomes_markup() {
    let page = page(|_| (), &titles());
    assert!(!page.contains(HOSTILE), "as it is it would end the script");
    assert!(!page.contains("onerror=\""), "no handler from a name");
    let tags = tags(&page);
    let is = |name: &str| tags.iter().filter(|tag| tag.split([' ', '/']).next() == Some(name)).count();
    assert_eq!((is("img"), is("i"), is("b")), (0, 0, Outcome::ALL.len()), "only the counts are bold");
    assert_eq!(is("script"), 2, "data and script");
    assert!(page.contains("&lt;&#x2F;script&gt;") || page.contains("&lt;/script&gt;"), "names are still there");
}

#[test]
fn every_element_is_closed_by_its_own() {
    const VOID: [&str; 4] = ["meta", "link", "input", "!doctype"];
    let page = page(|_| (), &titles());
    let mut open: Vec<String> = Vec::new();
    for tag in tags(&page) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap().to_owned();
        match tag.starts_with('/') {
            true => assert_eq!(open.pop(), Some(name)),
            false if VOID.contains(&name.as_str()) => {}
            false => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    let page = page(|_| (), &titles());
    let values = |attribute: &str| -> Vec<String> {
        let start = format!(" {attribute}=\"");
        let tags = tags(&page);
        let found = tags
            .iter()
            .filter_map(|tag| tag.split_once(&start).map(|(_, rest)| rest.split('"').next().unwrap().to_owned()));
        found.collect()
    };
    let mut ids = values("id");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
    for attribute in ["aria-labelledby", "aria-describedby"] {
        for id in values(attribute) {
            assert!(ids.contains(&id), "{attribute} {id}");
        }
    }
    for href in values("href").iter().filter_map(|href| href.strip_prefix('#')) {
        assert!(ids.iter().any(|id| id == href), "#{href}");
    }
}

#[test]
fn headings_leave_no_level_out() {
    let page = page(|_| (), &titles());
    let main = &page[..page.find("<dialog").unwrap()];
    let levels: Vec<u32> =
        tags(main).iter().filter_map(|tag| tag.strip_prefix('h')?.chars().next()?.to_digit(10)).collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn nothing_is_fetched() {
    let page = page(|_| (), &titles());
    assert!(page.contains(
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\""
    ));
    for tag in tags(&page) {
        for attribute in [" src=", " action=", " srcset=", " poster=", " data="] {
            assert!(!tag.contains(attribute), "{tag}");
        }
        if let Some((_, href)) = tag.split_once(" href=\"") {
            assert!(href.starts_with('#') || href.starts_with("data:,"), "{tag}");
        }
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !SCRIPT.contains("fetch("));
}

#[test]
fn it_reads_without_its_script() {
    let page = page(|_| (), &titles());
    for words in [
        "Not comparable with the paper.",
        "Injecting D4 raises S",
        "does not hold",
        "−16.1 to 2.1",
        "62 % to show an effect of 9.6 pp, the published size; 80 % to show an effect of 12.5 pp",
        "<span class=\"number\">Table 2</span> Screening of arms",
        "<span class=\"number\">Figure R1</span> S of the arms",
        "S (95\u{a0}%)",
        "D0: 52.5 % (45.3 to 58.1)",
        "52.5 % (45.3 to 58.1)</td>",
        "which no drawing needs",
        "some processor, 2 cores, 4.0 GiB, linux",
        "0123abc, with changes that are not in it",
        "1 min 15 s",
        "not measured: this processor does not tell",
        "<span class=\"form\">sound form</span>",
        "hitrepro explain --profile smoke claim",
        "<noscript>",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("Nothing"), "a title without a table is not shown");
}

#[test]
fn claims_that_cannot_be_tested_are_folded_below_the_others() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    let mut results = Results::read(dir.path()).unwrap();
    for verdict in &mut results.claims {
        verdict.group = "One".into();
    }
    results.claims.rotate_right(1);
    assert_eq!(results.claims[0].outcome, Outcome::NotTestable);
    let groups = claims(&results);
    assert_eq!((groups.len(), groups[0].counts), (1, [1, 1, 1, 1]));
    let parts: Vec<(bool, Vec<&str>)> = groups[0]
        .parts
        .iter()
        .map(|part| (part.folded, part.claims.iter().map(|claim| claim.verdict.id.as_str()).collect()))
        .collect();
    assert_eq!(parts, [(false, vec!["d4-helps", "a4-helps", "both"]), (true, vec!["cnn"])]);
    let page = html(&results, &Titles::default()).unwrap();
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}"));
    assert!(place("id=\"claim-both\"") < place("1 not testable here"));
    assert!(place("1 not testable here") < place("id=\"claim-cnn\""));
    assert!(!page.contains("class=\"scroll overview\""), "one subject needs no overview");
    results.claims.clear();
    assert!(claims(&results).is_empty());
}

#[test]
fn power_says_what_would_be_shown() {
    let power = |kind, effect, at| Power {
        kind,
        level: 0.95,
        n: vec![(200, "queries".into())],
        effect,
        at_effect: at,
        detectable: 4.2,
        target: 0.8,
        unit: "pp".into(),
    };
    let words = |kind, effect, at| power_words(&power(kind, effect, at));
    assert_eq!(
        words(Kind::Effect, Some(9.6), Some(0.62)),
        "62 % to show an effect of 9.6 pp, the published size; 80 % to show an effect of 4.2 pp"
    );
    assert_eq!(
        words(Kind::Agreement, Some(2.0), Some(0.31)),
        "31 % to show agreement within 2.0 pp, the tolerance of the rule; 80 % to show agreement within 4.2 pp"
    );
    assert_eq!(words(Kind::Agreement, None, None), "80 % to show agreement within 4.2 pp");
    assert!(words(Kind::Effect, Some(1.0), Some(0.0)).starts_with("less than 1 % to show an effect of 1.0 pp"));
    assert!(words(Kind::Effect, Some(99.0), Some(1.0)).starts_with("more than 99 % to show"));
}

#[test]
fn a_comparable_campaign_has_no_banner() {
    assert!(!page(|_| (), &Titles { comparable: true, ..titles() }).contains("Not comparable with the paper."));
}

#[test]
fn parts_that_are_not_there_are_left_out_and_said() {
    let remove = |dir: &Path| {
        for part in ["claims.json", "pipeline.lock", "provenance.json"] {
            fs_err::remove_file(dir.join(part)).unwrap();
        }
        fs_err::remove_dir_all(dir.join("tables")).unwrap();
        fs_err::remove_dir_all(dir.join("figures")).unwrap();
    };
    let page = page(remove, &Titles::default());
    for part in ["claims.json", "tables/", "figures/", "pipeline.lock", "provenance.json"] {
        let part = part.replace('/', "&#x2F;");
        assert!(
            page.contains(&format!("<code>{part}</code>"))
                || page.contains(&format!("<code>{}</code>", part.replace("&#x2F;", "/"))),
            "{part}"
        );
    }
    for id in ["claims", "tables", "figures"] {
        assert!(!page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(page.contains("id=\"measurements\"") && page.contains("<h1>Results</h1>"));
}

#[test]
fn the_same_results_give_the_same_page() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    let once = || html(&Results::read(dir.path()).unwrap(), &titles()).unwrap();
    assert_eq!(once(), once());
}

#[test]
fn files_say_which_stage_exports_them() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    let mut results = Results::read(dir.path()).unwrap();
    assert!(origin(&results, "tables/screening.csv").is_none(), "the lock does not know it");
    let stage = results.lock.as_mut().unwrap().stages.get_mut("measurements").unwrap();
    let file = serde_json::from_value(serde_json::json!({"digest": stage.key, "size": 3})).unwrap();
    stage.exports.insert("tables/a b.csv".into(), file);
    let origin = origin(&results, "tables/a b.csv").unwrap();
    assert_eq!(
        (origin.stage.as_str(), origin.command.as_str()),
        ("measurements", "hitrepro explain --profile smoke 'tables/a b.csv'")
    );
}

#[test]
fn numbers_and_times_for_people() {
    for (value, text) in [
        (0.0, "0"),
        (52.5, "52.5"),
        (-16.1, "−16.1"),
        (0.012_345, "0.01235"),
        (229_176.0, "229176"),
        (6.4e-9, "6.40e−9"),
        (99.95, "99.95"),
        (9999.6, "10000"),
    ] {
        assert_eq!(short(value), text, "{value}");
    }
    assert_eq!(
        (of_unit(-4.546, "pp"), of_unit(69.0, "%"), of_unit(0.5377, "")),
        ("−4.5".into(), "69.0".into(), "0.5377".into())
    );
    for (seconds, text) in [(1.246, "1.2 s"), (75.25, "1 min 15 s"), (3725.0, "1 h 02 min"), (59.96, "1 min 00 s")] {
        assert_eq!(duration(seconds), text);
    }
}
