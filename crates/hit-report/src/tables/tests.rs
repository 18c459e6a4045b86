//! Tables: cells, notes, and what is missing.

use std::collections::BTreeSet;

use hit_stage::{Context, Digest, FileRef, OpenFile, Opened, Stage};

use super::*;
use crate::fixture;
use crate::sheet::{Cell, SheetRow};

fn sheet(id: &str, sources: &Sources) -> Sheet {
    (table(id).unwrap().build)(sources).unwrap()
}

fn cells(sheet: &Sheet) -> Vec<Vec<String>> {
    let plain = |row: &SheetRow| match row {
        SheetRow::Cells(cells) => Some(cells.iter().map(Cell::plain).collect()),
        SheetRow::Group(_) => None,
    };
    sheet.rows.iter().filter_map(plain).collect()
}

/// A context whose inputs are files with these names and texts.
fn context(root: &std::path::Path, inputs: &[(&str, String)]) -> Context {
    let mut cx = Context::new(root.join("out"), root.join("scratch"));
    for (idx, (name, text)) in inputs.iter().enumerate() {
        let path = root.join(format!("input{idx}"));
        fs_err::write(&path, text).unwrap();
        let file = FileRef { digest: Digest::of(text.as_bytes()), size: text.len() as u64 };
        cx.inputs.insert((*name).to_owned(), Opened::File(OpenFile { path, file }));
    }
    cx
}

#[test]
fn ids_are_unique_and_unknown_ones_list_them() {
    let ids: BTreeSet<&str> = TABLES.iter().map(|def| def.id).collect();
    assert_eq!(ids.len(), TABLES.len());
    let error = table("tab99").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`tab99`") && error.contains("screening, families"), "{error}");
}

#[test]
fn every_table_is_made_from_the_inputs_it_declares_and_twice_the_same() {
    let measurements = hit_stats::Measurement::to_csv(&fixture::measurements()).unwrap();
    let read =
        |name: &str| fs_err::read_to_string(format!("{}/../../paper/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for def in TABLES {
        let mut inputs = Vec::new();
        for input in def.inputs {
            match input {
                Input::Measurements => inputs.push(("measurements", measurements.clone())),
                Input::Published => inputs.push(("published", read("published.toml"))),
                Input::Compare => inputs.push(("compare", read("compare.toml"))),
                Input::Indices => inputs.push(("index/train", fixture::indices()[0].to_json())),
                Input::Claims => inputs.push(("claims", hit_claims::Verdict::to_json(&fixture::verdicts()))),
                Input::Audit => inputs.push(("audit", hit_stage::canonical_json(&fixture::findings()))),
                Input::Lineage => inputs.push(("lineage", "train/x key output=digest\n".to_owned())),
                Input::Observations => {
                    inputs.push(("observations", hit_schema::Observation::to_csv(&fixture::observations())));
                }
                Input::Histories | Input::Projections | Input::Cosines => unreachable!("no table reads these"),
            }
        }
        let make = || {
            let dir = tempfile::tempdir().unwrap();
            let stage = Table { id: def.id.to_owned(), facts: fixture::facts() };
            stage.run(&mut context(dir.path(), &inputs)).unwrap();
            ["tex", "csv"].map(|name| fs_err::read_to_string(dir.path().join("out").join(name)).unwrap())
        };
        let first = make();
        assert_eq!(first, make(), "{}", def.id);
        assert!(first[0].contains("\\toprule") && first[1].lines().count() > 1, "{}", def.id);
    }
}

#[test]
fn the_screening_is_sorted_by_s_and_stands_beside_table_2() {
    let sheet = sheet("screening", &fixture::sources());
    let rows = cells(&sheet);
    assert_eq!(
        rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
        ["d4a4", "d4-a4r (extra)", "A4", "D4", "A7x", "D0"]
    );
    let d4a4 = &rows[0];
    assert_eq!((d4a4[9].as_str(), d4a4[10].as_str()), ("69.8", "+9.6"));
    assert!(d4a4[3].starts_with('+'), "{d4a4:?}");
    assert_eq!(rows[5][3], "", "the baseline has no difference to itself");
    assert_eq!(rows[1][9..], ["", ""], "nothing is published of it");
    assert!(sheet.tex().contains("d4-a4r$^\\dagger$") && sheet.tex().contains("not among the arms of the paper"));
}

#[test]
fn the_families_stand_beside_table_3_and_the_baseline_of_the_screening() {
    let sheet = sheet("families", &fixture::sources());
    let rows = cells(&sheet);
    let who: Vec<_> = rows.iter().map(|row| format!("{}: {}", row[0], row[1])).collect();
    assert_eq!(who, ["t3-wt: tower", "film-a4e (extra): film", "D0: base", "film-a4: film", "moe-a4: moe"]);
    assert_eq!(rows[0][10..], ["67.6", "+7.4"].map(str::to_owned));
    assert_eq!(rows[0][4], "+7.5");
    assert_eq!(rows[1][10..], ["", ""]);
    let screening = cells(&super::tests::sheet("screening", &fixture::sources()));
    assert_eq!(rows[2][2..4], screening[5][1..3], "the same S of the same run");
    assert_eq!(rows[2][10], "", "Table 3 has no row of the baseline");
    assert_eq!(
        sheet.notes,
        [
            "D0 is that of the screening, the best of epochs 1, 2, 3, 4, 5; the families are the best of 3, 5.",
            "Published S of moe-a4 is that of epoch 5; epoch 3 had 58.8, which the rule of the other arms would report.",
        ]
    );
}

#[test]
fn families_that_were_evaluated_like_the_screening_need_no_excuse() {
    let mut facts = fixture::facts();
    facts.families.as_mut().unwrap().evaluate = vec![1, 2, 3, 4, 5];
    let table = sheet("families", &fixture::sources_of(facts.clone()));
    assert_eq!(table.notes[0], "D0 is that of the screening.");
    facts.families = None;
    let rows: Vec<_> = fixture::measurements().into_iter().filter(|row| row.stage != "families").collect();
    let frame = Frame::new(&rows).unwrap();
    let sources = Sources::empty("x", facts).with(
        frame,
        fixture::published(),
        fixture::compare(),
        fixture::indices(),
        fixture::histories(),
    );
    let table = sheet("families", &sources);
    assert!(cells(&table).is_empty() && table.notes.is_empty(), "a baseline alone is no experiment");
}

#[test]
fn descriptors_name_the_arms_that_are_given_them() {
    let rows = cells(&sheet("descriptors", &fixture::sources()));
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["A4", "A7", "D4"]);
    assert_eq!(rows[0][5], "A4, d4a4, d4-a4r, film-a4, moe-a4, t3-wt");
    assert_eq!((rows[1][5].as_str(), rows[2][2].as_str()), ("A7x", "notes × 4"));
    let rows = cells(&sheet("descriptors", &fixture::large().sources()));
    assert_eq!(rows[0][5], "24 arms", "too many to name");
    assert_eq!(rows[2][5], "none");
}

#[test]
fn defects_carry_the_numbers_of_this_campaign_and_unknown_ones_their_names() {
    let mut observations = fixture::observations();
    let new = hit_schema::Observation {
        descriptor: "b1".to_owned(),
        metric: "silent_share".to_owned(),
        value: 0.25,
        unit: "dB".to_owned(),
        n: 7,
    };
    observations.push(new);
    let sheet = sheet("defects", &fixture::sources().with_observations(observations));
    let rows = cells(&sheet);
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0][4..], ["5.400e-9", "3552"].map(str::to_owned), "what matters most comes first");
    assert!(rows[0][1].contains("FiLM") && rows[0][2] == "Eqs. 5, 18", "{:?}", rows[0]);
    assert_eq!(rows[3][3..5], ["share of notes where they are equal (%)", "97.00"].map(str::to_owned));
    assert_eq!(rows[4], ["B1", "", "", "silent share (dB)", "0.2500", "7"].map(str::to_owned));
    assert!(sheet.tex().contains("$5.400\\times10^{-9}$"));
}

#[test]
fn the_architecture_says_that_the_printed_rows_do_not_add_up() {
    let sheet = sheet("architecture", &fixture::sources());
    let names: Vec<_> = sheet.columns.iter().map(|column| column.name.as_str()).collect();
    let arms = ["part", "D0_ours", "D0_published", "d4a4_ours", "d4a4_published", "d4-a4r_ours", "d4-a4r_published"];
    assert_eq!(names, arms, "the canonical arms that ran");
    let rows = cells(&sheet);
    let row = |title: &str| rows.iter().find(|row| row[0] == title).unwrap()[1..].to_vec();
    assert_eq!(row("Audio Transformer")[..2], ["80000", "54.50"].map(str::to_owned));
    assert_eq!(row("Injection, audio")[..4], ["", "", "4672", "0.02"].map(str::to_owned));
    assert_eq!(row("Sum of these rows")[..2], ["201344", "76.70"].map(str::to_owned));
    assert_eq!(row("Sum less total"), ["0", "+2.50", "0", "+1.23", "0", "+2.01"].map(str::to_owned));
    assert_eq!(row("Do the rows add up?"), ["yes", "no", "yes", "no", "yes", "no"].map(str::to_owned));
    assert!(!rows.iter().any(|row| row[0] == "Third tower"), "no canonical arm has one");
    assert!(sheet.notes[1].contains("other widths"), "{:?}", sheet.notes);
}

#[test]
fn a_printed_row_that_no_part_claims_is_not_lost() {
    let text = "[table19_params.ether]\nD0 = { value = 2.5, unit = \"M\", source = \"s\" }\n\
                [table19_params.audio_cnn]\nD0 = { value = 3.2, unit = \"M\", source = \"s\" }\n\
                [table19_params.total]\nD0 = { value = 5.7, unit = \"M\", source = \"s\" }\n";
    let sources = fixture::sources().with(
        Frame::new(&[]).unwrap(),
        crate::published::Published::parse(text).unwrap(),
        fixture::compare(),
        fixture::indices(),
        fixture::histories(),
    );
    let rows = cells(&sheet("architecture", &sources));
    assert!(rows.contains(&["ether", "", "2.50"].map(str::to_owned).to_vec()), "{rows:?}");
    assert_eq!(rows.last().unwrap()[1..], ["yes", "yes"].map(str::to_owned));
}

#[test]
fn our_parts_that_do_not_add_up_are_shown_like_printed_ones() {
    let mut facts = fixture::facts();
    facts.arms[0].parameters += 5;
    let rows = cells(&sheet("architecture", &fixture::sources_of(facts)));
    assert_eq!(rows[rows.len() - 2][1], "-5");
    assert_eq!(rows.last().unwrap()[1], "no");
}

#[test]
fn the_replication_is_that_of_fixed_queries_with_both_intervals() {
    let sheet = sheet("replication", &fixture::sources());
    let rows = cells(&sheet);
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["D0", "D4", "A4", "d4a4"]);
    let heads: Vec<_> = sheet.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(heads[1..8], ["s_mean", "s_mean_interval", "s_sd", "s_min", "s_max", "delta_s", "delta_s_interval"]);
    assert_eq!(rows[0][1..4], ["51.3", "47.3..55.3", "2.0"].map(str::to_owned), "not the spread of queries");
    assert_eq!((rows[3][6].as_str(), rows[3][7].as_str()), ("+12.5", "+10.0..+14.5"));
    assert!(sheet.notes[1].ends_with("for: D0, D4, A4, d4a4."));
    assert_eq!(rows[0][6..8], ["", ""], "no test of the baseline against itself");
}

#[test]
fn the_test_split_stands_beside_the_split_that_chose_the_epoch() {
    let rows = cells(&sheet("test", &fixture::sources()));
    assert_eq!(rows.len(), 4);
    let number = |text: &str| text.parse::<f64>().unwrap();
    for row in &rows {
        assert_eq!(row[1], "3", "{row:?}");
        assert!(row[4].contains(".."), "the interval of the mean on the validation split: {row:?}");
        assert!((number(&row[3]) - number(&row[2]) - 2.0).abs() < 0.11, "{row:?}");
        assert_eq!(row[9], "", "not measured");
    }
}

#[test]
fn pairs_appear_once_with_holms_p() {
    let rows = cells(&sheet("pairwise", &fixture::sources()));
    assert_eq!(rows.len(), 6, "{rows:?}");
    assert!(rows.iter().all(|row| row[2].contains("..") && !row[6].is_empty()), "interval and Holm's p");
}

#[test]
fn failing_claims_are_printed_like_holding_ones() {
    let sheet = sheet("claims", &fixture::sources());
    let rows = cells(&sheet);
    let of = |id: &str| rows.iter().find(|row| row[0].contains(id)).unwrap();
    assert_eq!(rows.len(), fixture::verdicts().len());
    assert_eq!(of("helps")[3..], ["8.8", "8.8", "2.1..15.0", "", "holds"].map(str::to_owned));
    assert_eq!(of("no-overlap")[4..], ["-4.5", "-9.0..-1.0", "", "does not hold"].map(str::to_owned));
    assert_eq!(of("first")[2..], ["weak", "8.8", "1.0", "-3.0..5.0", "32", "inconclusive"].map(str::to_owned));
    assert_eq!(of("cka")[4..], ["", "", "", "not testable here"].map(str::to_owned));
    assert_eq!(of("rsa")[4], "0.0710", "no percentage, so not cut to one digit");
    let text = sheet.csv();
    assert_eq!(text.matches("Similarity of layers").count(), 2, "{text}");
    let empty = super::table("claims").unwrap();
    assert!(cells(&(empty.build)(&fixture::sources().with_claims(Vec::new())).unwrap()).is_empty());
}

#[test]
fn what_does_not_agree_stands_with_its_working_and_what_does_is_left_out() {
    let sheet = sheet("audit", &fixture::sources());
    let rows = cells(&sheet);
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["sums/a_b", "p"]);
    assert_eq!(rows[0][2..4], ["74.2", "76.7"].map(str::to_owned));
    assert!(sheet.tex().contains("\\& 50 \\% of it") && sheet.tex().contains("a\\_\\allowbreak{}b"), "{}", sheet.tex());
}

#[test]
fn the_comparison_subtracts_and_says_on_which_corpus() {
    let mut sources = fixture::sources();
    let rows = cells(&sheet("compare", &sources));
    let row = rows.iter().find(|row| row[0] == "S, d4a4, seed 42").unwrap();
    assert_eq!((row[5].as_str(), row[6].as_str()), ("", "synthetic"), "no difference of different experiments");
    assert!(rows.iter().all(|row| !row[3].is_empty()), "only what this campaign computes");
    assert!(!rows.iter().any(|row| row[0].contains("A4r")), "an arm that was not run");

    sources.facts.published_protocol = true;
    sources.facts.corpus.audio = hit_schema::AudioSource::Recorded;
    let rows = cells(&sheet("compare", &sources));
    let row = rows.iter().find(|row| row[0] == "S, d4a4, seed 42").unwrap();
    let number = |text: &str| text.trim_start_matches('+').parse::<f64>().unwrap();
    assert!((number(&row[3]) - number(&row[2]) - number(&row[5])).abs() < 0.11, "{row:?}");
    assert_eq!(row[6], "recorded");
    assert!(row[4].contains(".."), "a seed has an interval: {row:?}");
    let count = rows.iter().find(|row| row[0] == "trained parameters, D0").unwrap();
    assert_eq!(count[4], "", "a count has none");
}

/// A published value stands in one table: in that of its subject, or in the list of the rest.
#[test]
fn what_has_a_table_of_its_own_stands_there_and_not_in_the_comparison() {
    let sources = fixture::sources();
    let (compare, published) = (fixture::compare(), fixture::published());
    let listed = cells(&sheet("compare", &sources));
    let mut tables = BTreeSet::new();
    for entry in compare.compare.iter().filter(|entry| entry.table.is_some()) {
        let id = entry.table.as_deref().unwrap();
        assert!(!listed.iter().any(|row| row[0] == entry.quantity), "{}", entry.quantity);
        let theirs = entry.format(&published.get(&entry.published).unwrap().unit);
        let theirs = theirs.plain(published.get(&entry.published).unwrap().number().unwrap());
        let ours = entry.ours(&sources.facts, sources.frame().unwrap()).unwrap();
        if ours.is_some() {
            tables.insert(id);
            let found = cells(&sheet(id, &sources)).into_iter().any(|row| row[1..].contains(&theirs));
            assert!(found, "{} of {} is not in {id}", theirs, entry.quantity);
        }
    }
    assert_eq!(
        tables.into_iter().collect::<Vec<_>>(),
        ["confirmation", "families", "parameters", "screening", "variants"]
    );
}

#[test]
fn numbers_of_tables_are_those_of_the_paper_and_each_is_there_once() {
    let numbers: Vec<String> = numbers().into_values().collect();
    for n in 1..=20 {
        assert_eq!(numbers.iter().filter(|number| **number == n.to_string()).count(), 1, "Table {n}");
    }
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), TABLES.len(), "no number twice");
    let of_ours: Vec<_> =
        TABLES.iter().filter(|def| def.number.is_none()).map(|def| super::numbers()[def.id].clone()).collect();
    assert_eq!(of_ours, (1..=of_ours.len()).map(|k| format!("R{k}")).collect::<Vec<_>>(), "in the order of the list");
}

#[test]
fn skipped_performances_are_counted_and_named() {
    let sheet = sheet("corpus", &fixture::sources());
    let rows = cells(&sheet);
    assert_eq!(rows[0], ["train", "47", "1", "1739", "14100", "3", "0.52"].map(str::to_owned));
    assert!(sheet.notes[0].contains("train-00: audio is 3 % of its MIDI_length"), "{:?}", sheet.notes);
    assert!(sheet.tex().contains("3 \\% of its MIDI\\_length"));
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["train", "validation", "test"]);
}

#[test]
fn what_ran_carries_the_whole_digest() {
    let sources = fixture::sources();
    let rows = cells(&sheet("run", &sources));
    let digest = &rows.last().unwrap()[1];
    assert_eq!(digest.replace(' ', ""), sources.lineage().unwrap().to_string());
    let said = |item: &str| rows.iter().find(|row| row[0] == item).unwrap()[1].clone();
    assert!(said("Replication").contains("seeds 42, 123, 456") && said("Replication").contains("training seed"));
    assert_eq!(
        said("Long runs"),
        "cosine-tail60: D0; cosine60: D0, d4a4; cosine30: D0, d4-a4r; trapez50: D0, t3-wt; seed 42"
    );
}

#[test]
fn parameters_stand_beside_the_published_counts() {
    let rows = cells(&sheet("parameters", &fixture::sources()));
    assert_eq!(rows[0][5], "74194432");
    let d4a4 = ["d4a4", "inject", "A4 concat (audio), D4 concat (MIDI)", "208128"];
    assert_eq!(rows[3][..4], d4a4.map(str::to_owned));
    assert_eq!(rows[5][2], "A4 reverse cross attention (audio), D4 concat (MIDI)");
    assert_eq!((rows[0][6].as_str(), rows[5][6].as_str()), ("2400", "188"));
    assert_eq!(rows[0][7], "0.0497", "20 M + 9,000 x 2,400 + 40 x 201,344 operations");
}

#[test]
fn an_arm_nobody_configured_is_an_error() {
    let mut facts = fixture::facts();
    facts.arms.retain(|arm| arm.id != "d4a4");
    let error = (table("screening").unwrap().build)(&fixture::sources_of(facts)).unwrap_err();
    assert!(matches!(&error, Error::UnknownArm(arm) if arm == "d4a4"), "{error}");
}

#[test]
fn a_small_table_has_exactly_this_text() {
    let sheet = sheet("corpus", &fixture::sources());
    assert_eq!(
        sheet.tex(),
        "% made by hitrepro; edits are lost\n\
         \\fittable{%\n\
         \\begin{tabular}{@{}lrrrrrr@{}}\n\
         \\toprule\n\
         Split & Performances & Skipped & Windows & Notes & Composers & Hours \\\\\n\
         \\midrule\n\
         train & 47 & 1 & 1739 & 14\\,100 & 3 & 0.52 \\\\\n\
         validation & 12 & 0 & 444 & 3600 & 3 & 0.13 \\\\\n\
         test & 6 & 0 & 222 & 1800 & 3 & 0.07 \\\\\n\
         \\bottomrule\n\
         \\end{tabular}}\n\
         \\tablenote{Skipped: train-00: audio is 3 \\% of its MIDI\\_length.}\n"
    );
    assert_eq!(
        sheet.csv(),
        "split,performances,skipped,windows,notes,composers,hours\n\
         train,47,1,1739,14100,3,0.52\n\
         validation,12,0,444,3600,3,0.13\n\
         test,6,0,222,1800,3,0.07\n"
    );
}

#[test]
fn many_skipped_performances_are_counted_only() {
    let mut index = fixture::indices().remove(0);
    for performance in &mut index.performances {
        performance.skipped = Some("no audio".to_owned());
        performance.n_windows = 0;
    }
    let sources = fixture::sources().with(
        Frame::new(&fixture::measurements()).unwrap(),
        fixture::published(),
        fixture::compare(),
        vec![index],
        fixture::histories(),
    );
    let sheet = sheet("corpus", &sources);
    assert_eq!(cells(&sheet)[0][..4], ["train", "0", "48", "0"].map(str::to_owned));
    assert_eq!(sheet.notes, ["48 performances were skipped; corpus.csv lists them with reasons."]);
}

#[test]
fn an_experiment_without_results_is_a_table_of_dashes_and_no_error() {
    let facts = fixture::facts();
    let sources = Sources::empty("x", facts).with(
        Frame::new(&[]).unwrap(),
        fixture::published(),
        fixture::compare(),
        fixture::indices(),
        fixture::histories(),
    );
    for id in [
        "screening",
        "families",
        "confirmation",
        "replication",
        "variants",
        "pairwise",
        "test",
        "claims",
        "compare",
        "defects",
    ] {
        let sheet = sheet(id, &sources);
        assert!(sheet.csv().ends_with('\n'), "{id}");
    }
    assert_eq!(cells(&sheet("screening", &sources)).len(), 6, "the planned arms");
    assert_eq!(cells(&sheet("families", &sources)).len(), 5, "the planned arms and the baseline");
}

#[test]
fn arms_are_ranked_by_value_and_ties_keep_their_order() {
    let arms = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let value = |arm: &str| match arm {
        "a" => None,
        "b" | "d" => Some(1.0),
        _ => Some(2.0),
    };
    assert_eq!(ranked(arms, value), ["c", "b", "d", "a"]);
}

#[test]
fn one_seed_and_one_epoch_read_as_one() {
    let mut facts = fixture::facts();
    let screening = facts.screening.as_mut().unwrap();
    screening.epochs = 1;
    screening.evaluate = vec![1];
    let rows = cells(&sheet("run", &fixture::sources_of(facts)));
    let text = &rows.iter().find(|row| row[0] == "Screening").unwrap()[1];
    assert_eq!(text, "D0, D4, A4, d4a4, A7x, d4-a4r; schedule cosine5, 1 epoch, seed 42, evaluated after epoch 1");
}
