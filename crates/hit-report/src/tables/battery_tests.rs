//! Tables of the tests of trained models: cells, order, what is missing, hostile names, and whether they fit the page.

use std::collections::BTreeMap;

use hit_stage::Digest;
use hit_stats::Measurement;
use proptest::prelude::*;

use super::*;
use crate::sheet::SheetRow;
use crate::{fixture, tex};

/// Tables of this section and their stages in the measurements.
const TESTS: [(&str, &str); 10] = [
    ("scoreboard", "t12"),
    ("ablation", "t01"),
    ("controls", "t02"),
    ("transposition", "t04"),
    ("bands", "t08"),
    ("perturbation", "t09"),
    ("summaries", "t08"),
    ("probes", "t03"),
    ("cka", "t06"),
    ("cosines", "t10"),
];

/// A model, the descriptors it is given, and its S.
pub(crate) type Tested = (&'static str, &'static str, &'static [&'static str], f64);

pub(crate) const MODELS: [Tested; 3] = [
    ("D0", "cosine-tail60", &[], 55.0),
    ("d4a4", "cosine60", &["a4", "d4"], 66.0),
    ("d4-a4r", "cosine30", &["a4", "d4"], 63.0),
];

fn row(stage: &str, (arm, schedule, ..): Tested, condition: &str, metric: &str, value: f64) -> Measurement {
    let unit = match metric {
        "delta_s" => "pp",
        _ if metric.starts_with("moved") || metric.starts_with("mrr") => "",
        _ if metric.starts_with("mean_rank") => "ranks",
        _ => "%",
    };
    let interval = matches!(metric, "s" | "delta_s" | "r10_a2m" | "r10_m2a").then_some((value - 3.0, value + 2.0));
    Measurement {
        stage: stage.to_owned(),
        arm: arm.to_owned(),
        schedule: schedule.to_owned(),
        seed: Some(42),
        condition: condition.to_owned(),
        metric: metric.to_owned(),
        value,
        unit: unit.to_owned(),
        n: None,
        interval,
    }
}

/// S without a condition and under each, which takes `lost` from it; and what retrieval wrote under the same.
fn under(rows: &mut Vec<Measurement>, stage: &str, model: Tested, conditions: &[(String, f64)]) {
    rows.push(row(stage, model, "normal", "s", model.3));
    for (condition, lost) in conditions {
        rows.push(row(stage, model, condition, "s", model.3 - lost));
        rows.push(row(stage, model, condition, "delta_s", -lost));
        rows.push(row(stage, model, &format!("{condition}/selected"), "s", 99.0));
        rows.push(row(stage, model, &format!("{condition}/epoch=005"), "s", 98.0));
    }
}

fn scoreboard_rows(rows: &mut Vec<Measurement>, model: Tested) {
    let of_both = [("s", model.3), ("hard_same_piece", 80.0), ("hard_random", 95.0), ("chance_s", 14.2)];
    let directed = [("r1", 20.0), ("r5", 45.0), ("r10", model.3), ("r20", 77.0), ("mrr", 0.345_6), ("mean_rank", 7.25)];
    let directed = directed
        .iter()
        .flat_map(|(metric, value)| [(format!("{metric}_a2m"), value + 0.5), (format!("{metric}_m2a"), *value)]);
    for (metric, value) in directed.chain(of_both.map(|(metric, value)| (metric.to_owned(), value))) {
        rows.push(row("t12", model, "selected", &metric, value));
        rows.push(row("t12", model, "epoch=010", &metric, value));
    }
}

fn band_rows(rows: &mut Vec<Measurement>, model: Tested) {
    for descriptor in model.2 {
        let side = if *descriptor == "a4" { "audio" } else { "midi" };
        for dim in 0..if *descriptor == "a4" { 8 } else { 4 } {
            for moved in ["audio", "midi"] {
                let distance = if moved == side { 0.1 * f64::from(dim + 1) } else { 0.0 };
                for (metric, value) in
                    [(format!("moved_{moved}"), distance), (format!("moved_{moved}_first"), 2.0 * distance)]
                {
                    rows.push(row("t08", model, &format!("offset.{dim}.{descriptor}"), &metric, value));
                }
            }
            under(rows, "t08", model, &[(format!("zero_dim.{dim}.{descriptor}"), f64::from(dim))]);
        }
    }
}

/// Rows of all tests of these models.
pub(crate) fn rows_of(models: &[Tested]) -> Vec<Measurement> {
    let mut rows = Vec::new();
    let list =
        |names: &[&str]| names.iter().enumerate().map(|(k, name)| ((*name).to_owned(), k as f64)).collect::<Vec<_>>();
    for model in models {
        scoreboard_rows(&mut rows, *model);
        let mut replaced = Vec::new();
        for descriptor in
            model.2.iter().map(|it| (*it).to_owned()).chain((model.2.len() > 1).then(|| model.2.join("+")))
        {
            let kinds = ["noise", "shuffle_global", "shuffle_local", "zero"];
            replaced.extend(kinds.map(|kind| (format!("{kind}.{descriptor}"), 10.0 * replaced.len() as f64 + 1.0)));
        }
        under(&mut rows, "t01", *model, &replaced);
        let steps = ["transpose.+1", "transpose.+3", "transpose.+6", "transpose.-1", "transpose.-3", "transpose.-6"];
        under(&mut rows, "t04", *model, &list(&steps));
        rows.push(row("t04", *model, "within_3", "retention", 61.25));
        band_rows(&mut rows, *model);
        let changed = [
            "shift.+4000",
            "shift.-4000",
            "shift.+8000",
            "shift.-8000",
            "snr_db.40",
            "snr_db.5",
            "snr_db.10",
            "snr_db.20",
            "snr_db.30",
            "velocity.1.5",
            "velocity.0.5",
            "velocity.0.8",
            "velocity.1.2",
            "transpose.+12",
            "transpose.-24",
            "transpose.-12",
            "transpose.+24",
        ];
        under(&mut rows, "t09", *model, &list(&changed));
    }
    let replaced = [("zero", 4.0), ("random", 9.0), ("shuffled", 6.5)].map(|(name, lost)| (name.to_owned(), lost));
    under(&mut rows, "t02", models[1], &replaced);
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| seen.insert(format!("{:?}", row.cell())));
    rows
}

/// Rows of all tests, those of embeddings and layers among them.
fn tested_rows() -> Vec<Measurement> {
    let mut rows = rows_of(&MODELS);
    rows.extend(fixture::represented(&MODELS));
    rows
}

fn sources(rows: &[Measurement]) -> Sources {
    fixture::Campaign { rows: rows.to_vec(), ..fixture::small() }.sources()
}

fn sheet(id: &str, rows: &[Measurement]) -> Sheet {
    (table(id).unwrap().build)(&sources(rows)).unwrap()
}

/// Cells by the heading they stand under.
fn cells(sheet: &Sheet) -> Vec<(String, Vec<String>)> {
    let (mut group, mut cells) = (String::new(), Vec::new());
    for row in &sheet.rows {
        match row {
            SheetRow::Group(heading) => group.clone_from(heading),
            SheetRow::Cells(row) => cells.push((group.clone(), row.iter().map(Cell::plain).collect())),
        }
    }
    cells
}

/// The rows under a heading.
fn of(id: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = cells(&sheet(id, &tested_rows()));
    rows.into_iter().filter(|(group, _)| group == heading).map(|(_, cells)| cells).collect()
}

fn first(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().map(|row| row[0].as_str()).collect()
}

#[test]
fn the_scoreboard_has_both_directions_of_ours_and_of_table_5() {
    let rows = of("scoreboard", "d4a4, cosine60");
    assert_eq!(first(&rows), ["ours", "ours", "published", "published"]);
    assert_eq!(
        rows[0].join(" | "),
        "ours | audio → MIDI | 20.5 | 45.5 | 66.5 | 63.5..68.5 | 77.5 | 0.846 | 7.8 | 66.0 | 63.0..68.0 | 80.0 | 95.0"
    );
    assert_eq!(rows[1][9..], ["", "", "", ""], "what has no direction stands once");
    assert_eq!(
        rows[2].join(" | "),
        "published | audio → MIDI | 28.0 | 67.8 | 84.4 |  | 93.6 | 0.458 | 5.2 | 83.8 |  | 95.4 | 99.0",
        "the negative of Table 5 is the random one"
    );
    assert_eq!(rows[3][2..5], ["27.6", "65.6", "83.8"]);
}

#[test]
fn descriptors_are_replaced_one_by_one_and_together() {
    let rows = of("ablation", "d4a4, cosine60");
    let kinds = ["zero", "noise", "shuffled among neighbours", "shuffled over performances"];
    let expected: Vec<_> =
        ["A4", "D4", "A4 + D4"].iter().flat_map(|of| kinds.map(|kind| format!("{of}: {kind}"))).collect();
    assert_eq!(rows[0][..2], ["", "nothing"]);
    assert_eq!(rows[1..].iter().map(|row| format!("{}: {}", row[0], row[1])).collect::<Vec<_>>(), expected);
    assert_eq!(rows[0][4..], ["", "", "83.8", ""], "no difference to itself");
    assert_eq!(rows[1].join(" | "), "A4 | zero | 65.0 | 62.0..67.0 | -1.0 | -4.0..+1.0 | 7.8 | -76.0");
    assert_eq!((rows[3][6].as_str(), rows[4][6].as_str()), ("46.6", ""), "the published shuffle is the local one");
    assert_eq!(rows[9][6..], ["7.6", ""], "both: S in the run files, no difference printed");
    assert!(of("ablation", "D0, cosine-tail60").is_empty(), "it has no descriptor");
}

#[test]
fn transpositions_run_from_the_lowest_to_the_highest() {
    let sheet = sheet("transposition", &tested_rows());
    let names: Vec<_> = sheet.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["row", "s_-6", "s_-3", "s_-1", "s_0", "s_+1", "s_+3", "s_+6", "retention_within_3"]);
    assert_eq!((sheet.columns[1].head.as_str(), sheet.columns[7].head.as_str()), ("$-$6", "$+$6"));
    let rows = of("transposition", "d4a4, cosine60");
    assert_eq!(first(&rows), ["ours", "95 %", "published"]);
    assert_eq!(rows[0].join(" "), "ours 61.0 62.0 63.0 66.0 66.0 65.0 64.0 61.2");
    assert_eq!((rows[1][4].as_str(), rows[1][8].as_str()), ("63.0..68.0", ""));
    assert_eq!(rows[2].join(" "), "published 24.2 41.4 75.2 83.8 75.6 44.6 25.6 51.3");
    assert_eq!(of("transposition", "D0, cosine-tail60").len(), 3, "the baseline has notes, too");
}

#[test]
fn bands_say_how_far_embeddings_move_and_what_s_loses() {
    let rows = of("bands", "d4a4, cosine60: A4");
    assert_eq!(first(&rows), ["0", "1", "2", "3", "4", "5", "6", "7", "upper half / lower half"]);
    assert_eq!(
        rows[3].join(" | "),
        "3 | 0.400 | 0.800 | 0.000 | 0.000 | 0.546 | 63.0 | 60.0..65.0 | -3.0 | -6.0..-1.0"
    );
    assert_eq!(rows[8].join(" | "), "upper half / lower half | 2.60 | 2.60 |  |  | 1.48 |  |  |  | ");
    let rows = of("bands", "d4a4, cosine60: D4");
    assert_eq!((first(&rows), rows[1][3].as_str(), rows[1][5].as_str()), (vec!["0", "1", "2", "3"], "0.200", ""));
    let notes = sheet("bands", &tested_rows()).notes;
    assert_eq!(notes[0], "Published for D4 of d4a4, two largest features: 0.077 and 0.070 (repo).");
}

#[test]
fn a_band_that_was_only_raised_or_only_zeroed_is_shown_with_dashes() {
    let mut rows = tested_rows();
    rows.retain(|row| row.condition != "offset.5.a4" && !row.condition.starts_with("zero_dim.6.a4"));
    let rows: Vec<_> = cells(&sheet("bands", &rows)).into_iter().filter(|row| row.0 == "d4a4, cosine60: A4").collect();
    assert_eq!(rows.len(), 8, "no ratio of halves that are not whole");
    assert_eq!(rows[5].1[1..5], ["", "", "", ""]);
    assert_eq!((rows[5].1[6].as_str(), rows[6].1[6].as_str(), rows[6].1[1].as_str()), ("61.0", "", "0.700"));
}

#[test]
fn changes_are_sorted_by_kind_and_size_and_the_worse_shift_is_the_lower_one() {
    let rows = of("perturbation", "D0, cosine-tail60");
    let conditions = first(&rows);
    assert_eq!(
        conditions[..7],
        [
            "unchanged",
            "audio shifted by −8000 samples",
            "audio shifted by −4000 samples",
            "audio shifted by +4000 samples",
            "audio shifted by +8000 samples",
            "the worse of ±8000 samples",
            "white noise, signal 5 dB above it",
        ]
    );
    assert_eq!((conditions.len(), conditions[18]), (19, "notes +24 semitones"));
    assert_eq!(rows[1][1..].join(" | "), "52.0 | 49.0..54.0 | -3.0 | -6.0..-1.0 | 71.2");
    assert_eq!(rows[5][1..].join(" | "), "52.0 | 49.0..54.0 | -3.0 | -6.0..-1.0 | 68.2", "−8000 here, +8000 in print");
    assert_eq!((rows[0][3].as_str(), rows[0][5].as_str()), ("", "73.4"));
    assert_eq!((rows[6][5].as_str(), rows[11][5].as_str()), ("17.8", "5.2"), "Figure 7, and a velocity");
    assert!(sheet("perturbation", &tested_rows()).tex().contains("\\perturbationcaption\\\\"));
}

#[test]
fn controls_stand_in_the_order_of_the_argument() {
    let rows = of("controls", "d4a4, cosine60");
    assert_eq!(first(&rows), ["real", "zero", "random, like those of training", "of another window"]);
    assert_eq!(rows[0].join(" | "), "real | 66.0 | 63.0..68.0 |  |  | 83.0 | ");
    assert_eq!(rows[2][1..].join(" | "), "57.0 | 54.0..59.0 | -9.0 | -12.0..-7.0 | 73.6 | -9.4");
}

#[test]
fn controls_of_several_seeds_end_with_their_mean_and_only_one_seed_is_published() {
    let mut rows = tested_rows();
    let other: Vec<_> = rows.iter().filter(|row| row.stage == "t02").cloned().collect();
    rows.extend(other.into_iter().map(|row| Measurement { seed: Some(7), value: row.value - 2.0, ..row }));
    let table = cells(&sheet("controls", &rows));
    let groups: Vec<_> = table.iter().step_by(4).map(|(group, _)| group.as_str()).collect();
    assert_eq!(groups, ["d4a4, cosine60, seed 7", "d4a4, cosine60, seed 42", "d4a4, cosine60, mean of 2 seeds"]);
    assert_eq!((table[1].1[5].as_str(), table[5].1[5].as_str()), ("", "75.0"));
    assert_eq!(table[9].1.join(" | "), "zero | 61.0 |  | -5.0 |  |  | ");
    rows.retain(|row| row.seed != Some(7) || row.condition != "zero");
    let table = cells(&sheet("controls", &rows));
    assert!(
        table.iter().all(|(group, row)| !group.contains("mean") || row[0] != "zero"),
        "a mean of those that have it"
    );
}

#[test]
fn models_stand_in_the_order_of_the_configuration_with_what_tells_them_apart() {
    let mut rows = tested_rows();
    let short: Vec<_> = rows.iter().filter(|row| row.stage == "t12" && row.arm == "D0").cloned().collect();
    rows.extend(short.into_iter().map(|row| Measurement { schedule: "cosine30".to_owned(), ..row }));
    rows.reverse();
    let table = cells(&sheet("scoreboard", &rows));
    let groups: Vec<_> = table.iter().step_by(4).map(|(group, _)| group.as_str()).collect();
    let extra = "d4-a4r (not among the arms of the paper), cosine30";
    assert_eq!(groups, ["D0, cosine-tail60", "D0, cosine30", "d4a4, cosine60", extra]);
}

#[test]
fn a_campaign_without_tests_says_so_in_every_table() {
    for (id, stage) in TESTS {
        let empty = sheet(id, &fixture::measurements());
        assert_eq!(cells(&empty).len(), 1, "{id}");
        assert_eq!(cells(&empty)[0].1[0], "not run");
        assert_eq!(empty.notes, ["This campaign does not run this test."]);
        assert!(empty.tex().contains("not run & --") || empty.columns.len() == 1, "{id}: {}", empty.tex());
        let full = sheet(id, &tested_rows());
        assert!(cells(&full).len() > 1 && !full.notes.iter().any(|note| note.contains("does not run")), "{id} {stage}");
    }
}

#[test]
fn rows_of_retrieval_itself_are_no_conditions() {
    let mut rows = tested_rows();
    let before: Vec<_> = TESTS.map(|(id, _)| sheet(id, &rows)).to_vec();
    for (_, stage) in TESTS {
        for condition in ["selected", "epoch=030", "best", "last", "noise.a4/selected", "random/epoch=001"] {
            rows.push(row(stage, MODELS[2], condition, "chance_s", 1.0));
            if stage != "t12" {
                rows.push(row(stage, MODELS[1], condition, "s", 1.0));
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| seen.insert(format!("{:?}", row.cell())));
    // t02 has a second model then, without any condition: it has no rows
    assert_eq!(TESTS.map(|(id, _)| sheet(id, &rows)).to_vec(), before);
}

#[test]
fn an_arm_that_the_campaign_does_not_have_is_an_error() {
    for (id, stage) in TESTS {
        let rows = [row(stage, ("zz", "cosine60", &[], 1.0), "normal", "s", 1.0)];
        let error = (table(id).unwrap().build)(&sources(&rows)).unwrap_err();
        assert!(matches!(error, Error::UnknownArm(arm) if arm == "zz"), "{id}");
    }
}

#[test]
fn one_condition_measured_twice_is_an_error() {
    for (id, stage) in TESTS.into_iter().filter(|(id, _)| *id != "bands") {
        let mut rows = tested_rows();
        let metric = match id {
            "probes" => "r2",
            "cka" => "cka_mean",
            "cosines" => "cosine_matched",
            "summaries" => "abs_r_max",
            _ => "s",
        };
        let is_twin = |row: &&Measurement| {
            (row.stage.as_str(), row.arm.as_str(), row.metric.as_str()) == (stage, "d4a4", metric)
                && row.condition != "epoch=010"
        };
        rows.push(rows.iter().find(is_twin).unwrap().clone());
        assert!(matches!((table(id).unwrap().build)(&sources(&rows)), Err(Error::Ambiguous { .. })), "{id}");
    }
}

#[test]
fn what_a_table_has_no_place_for_is_named_below_it() {
    let mut rows = tested_rows();
    for (stage, condition) in
        [("t04", "bent.2"), ("t04", "transpose.up"), ("t08", "offset.x.a4"), ("t08", "zero_dim.9")]
    {
        rows.push(row(stage, MODELS[1], condition, "s", 1.0));
    }
    for (id, names) in [("transposition", "bent.2, transpose.up"), ("bands", "offset.x.a4, zero_dim.9")] {
        let notes = sheet(id, &rows).notes;
        assert_eq!(notes.last().unwrap(), &format!("Measured and without a place in this table: {names}."));
    }
}

/// Conditions enter the keys of numbers, and no two of them share one.
#[test]
fn tests_of_trained_models_have_numbers_for_prose() {
    let mut rows = fixture::measurements();
    rows.extend(tested_rows());
    let numbers = crate::NumberMap::collect(&sources(&rows)).unwrap();
    for (key, value) in [
        ("t01.d4a4.cosine60.zero.a4.delta_s", -1.0),
        ("t04.D0.cosine-tail60.transpose.+6.s", 53.0),
        ("t08.d4a4.cosine60.offset.3.a4.moved_audio", 0.4),
        ("t02.d4a4.random.delta_s", -9.0),
        ("t12.d4a4.cosine60.r10_a2m", 66.5),
    ] {
        let found = numbers.get(key).unwrap().value.unwrap();
        assert!((found - value).abs() < 1e-9, "{key}: {found}");
    }
}

/// Number of cells of a row of LaTeX.
fn n_cells(row: &str) -> usize {
    row.replace("\\&", "").matches('&').count() + 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_names_break_no_row(
        (id, stage) in proptest::sample::select(TESTS.to_vec()),
        kind in "(zero|offset|zero_dim|transpose|shift|velocity|[a-z&%_]{0,4})",
        what in "[.]?[-+.0-9eaNn&%$#_{}~^\\\\\"<> ]{0,8}",
    ) {
        let condition = format!("{kind}{what}");
        let mut rows = rows_of(&MODELS[..2]);
        rows.retain(|row| row.stage == stage && row.condition != condition);
        for (metric, value) in [("s", 1.0), ("delta_s", -1.0), ("retention", 2.0), ("moved_audio", 0.5)] {
            rows.push(row(stage, MODELS[1], &condition, metric, value));
        }
        let sheet = sheet(id, &rows);
        let tex = sheet.tex();
        for line in tex.lines().filter(|line| line.ends_with("\\\\") && !line.contains("multicolumn") && !line.contains("caption")) {
            prop_assert_eq!(n_cells(line), sheet.columns.len(), "{}: {}", id, line);
        }
        let whole = |row: &SheetRow| !matches!(row, SheetRow::Cells(cells) if cells.len() != sheet.columns.len());
        prop_assert!(sheet.rows.iter().all(whole));
    }

    #[test]
    fn the_order_of_measurements_does_not_matter(
        (id, _) in proptest::sample::select(TESTS.to_vec()),
        by in any::<u64>(),
    ) {
        let mut rows = tested_rows();
        rows.sort_by_key(|row| Digest::of(format!("{by}{:?}", row.cell()).as_bytes()).to_string());
        prop_assert_eq!(sheet(id, &rows), sheet(id, &tested_rows()), "{}", id);
    }
}

fn template(name: &str) -> (String, String) {
    let path = format!("{}/../../paper/templates/{name}", env!("CARGO_MANIFEST_DIR"));
    (name.to_owned(), fs_err::read_to_string(path).unwrap())
}

/// The section of the paper that these tables are in, by itself.
fn section() -> String {
    let main = "<% include \"preamble.tex.tera\" %>\\begin{document}<% include \"battery.tex.tera\" %>\
                <% include \"represent.tex.tera\" %>\\end{document}";
    let mut templates: BTreeMap<String, String> =
        ["preamble.tex.tera", "battery.tex.tera", "represent.tex.tera"].map(template).into();
    templates.insert("main.tex.tera".to_owned(), main.to_owned());
    tex::render(&templates, fixture::values(&fixture::facts())).unwrap()
}

#[test]
fn every_caption_says_what_is_not_comparable() {
    let section = section();
    for (id, _) in TESTS {
        let label = format!("\\caveat\\label{{tab:{id}}}");
        let caption = section.lines().find(|line| line.contains("\\caption{") && line.contains(&label));
        assert!(caption.unwrap_or_else(|| panic!("{id}")).contains("Published: paper "), "{id}");
        assert!(section.contains(&format!("\\input{{tables/{id}.tex}}")));
    }
}

#[test]
fn probes_stand_in_the_order_of_table_11_beside_the_published_form() {
    let rows = of("probes", "d4a4, cosine60");
    assert_eq!(rows.len(), 6);
    assert_eq!(
        rows[0].join(" | "),
        "audio | pitch histogram | other side | -0.030 | -0.090..+0.020 | 0.010 | 0.174".replace('+', "")
    );
    assert_eq!(rows[3].join(" | "), "MIDI | spectral centroid | other side | 0.270 | 0.210..0.320 | 0.310 | 0.637");
    assert_eq!((rows[4][2].as_str(), rows[5][1].as_str()), ("same side", "pitch histogram"));
    let mut rows = tested_rows();
    rows.retain(|row| row.metric != "r2" || row.condition != "midi/chroma");
    rows.push(row("t03", MODELS[0], "midi/tempo", "r2", 0.5));
    let table = sheet("probes", &rows);
    assert_eq!(cells(&table)[2].1[3..6], ["", "", "0.190"], "a probe of one form only");
    assert_eq!(table.notes, ["Measured and without a place in this table: midi/tempo."]);
}

#[test]
fn similarities_stand_with_what_they_are_without_any_relation() {
    let rows = of("cka", "d4a4, cosine60");
    assert_eq!(first(&rows), ["ours", "ours, first windows", "published", "published, run files"]);
    assert_eq!(rows[0].join(" | "), "ours | 0.500 | 0.800 | 0.400 | 0.080 | 0.600 | +25");
    assert_eq!(rows[1][6], "+19", "0.62 to 0.52, the same form of the baseline");
    assert_eq!(rows[2].join(" | "), "published | 0.659 |  |  |  | 0.646 | +51");
    assert_eq!(rows[3][5], "0.589", "what the report has");
    assert_eq!(of("cka", "D0, cosine-tail60")[0][6], "", "the baseline is not above itself");
    let mut rows = tested_rows();
    rows.retain(|row| row.arm != "D0");
    assert_eq!(cells(&sheet("cka", &rows))[0].1[6], "", "nothing to be above");
}

#[test]
fn cosines_stand_beside_the_numbers_in_figure_11() {
    let rows = of("cosines", "d4a4, cosine60");
    assert_eq!(
        rows[0].join(" | "),
        "ours | 0.720 | 0.690..0.740 | 0.120 | 0.080 | 0.050..0.100 | 0.210 | 0.660 | 0.630..0.680 | 0.985 | 0.310 | 0.970 | 0.955"
    );
    assert_eq!(rows[1].join(" | "), "published | 0.844 |  |  | 0.057 |  |  | 0.787 |  |  |  |  | ");
}

#[test]
fn summaries_keep_the_largest_and_the_mean_over_the_values_of_a_descriptor() {
    let rows = of("summaries", "d4a4, cosine60");
    assert_eq!(rows[0].join(" | "), "A4 | 8 | 0.270 | 0.078 | 0.054 | 0.016");
    assert_eq!(rows[1].join(" | "), "D4 | 4 | 0.230 | 0.072 | 0.046 | 0.014");
    let mut rows = tested_rows();
    rows.retain(|row| !row.metric.ends_with("_time_mean"));
    let table = sheet("summaries", &rows);
    assert_eq!(cells(&table)[0].1[4..], ["", ""], "a mean that does not vary has no correlation");
    assert!(
        table.notes[0].contains("below 0.05 in the text. The run files name 0.28 as the largest single correlation"),
        "{:?}",
        table.notes
    );
}
