//! Drawings: bytes, marks, and texts that keep apart.

use hit_stage::Digest;

use super::*;
use crate::fixture;

fn svg(id: &str, sources: &Sources) -> String {
    (figure(id).unwrap().draw)(sources).unwrap()
}

/// Text elements of a drawing: position, font size, anchor and words, in drawing units.
fn texts(svg: &str) -> Vec<(f64, f64, f64, String, String)> {
    let attribute = |tag: &str, name: &str| {
        tag.split_once(&format!(" {name}=\""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(value, _)| value.to_owned())
    };
    svg.split("<text")
        .skip(1)
        .map(|piece| {
            let (tag, rest) = piece.split_once('>').unwrap();
            let number = |name: &str| attribute(tag, name).unwrap().parse::<f64>().unwrap();
            let words = rest.split("</text>").next().unwrap().trim().to_owned();
            let anchor = attribute(tag, "text-anchor").unwrap_or_default();
            (number("x"), number("y"), number("font-size"), anchor, words)
        })
        .collect()
}

#[test]
fn drawings_have_the_bytes_they_had() {
    let golden: std::collections::BTreeMap<String, String> =
        serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/figures.json")))
            .unwrap();
    let drawn: std::collections::BTreeMap<String, String> = FIGURES
        .iter()
        .map(|def| (def.id.to_owned(), Digest::of(svg(def.id, &fixture::tested().sources()).as_bytes()).to_string()))
        .collect();
    assert_eq!(
        golden, drawn,
        "look at the drawings; if they are right, write these digests to tests/golden/figures.json"
    );
}

/// Fails if a text leaves the drawing or lies on another.
pub(super) fn assert_texts_apart(id: &str, svg: &str) {
    let size = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
    let (width, height) = size.split_once(' ').unwrap();
    let (width, height): (f64, f64) = (width.parse().unwrap(), height.parse().unwrap());
    let boxes: Vec<_> = texts(svg)
        .into_iter()
        .map(|(x, y, size, anchor, words)| {
            // Open Sans is about 0.58 em wide on average
            let wide = 0.58 * size * words.chars().count() as f64;
            let left = match anchor.as_str() {
                "middle" => x - wide / 2.0,
                "end" => x - wide,
                _ => x,
            };
            (left, y - size / 2.0, left + wide, y + size / 2.0, words)
        })
        .collect();
    for (idx, a) in boxes.iter().enumerate() {
        assert!(a.0 >= 0.0 && a.1 >= 0.0 && a.2 <= width && a.3 <= height, "{id}: `{}` leaves the figure", a.4);
        for b in &boxes[..idx] {
            let apart = a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1;
            assert!(apart, "{id}: `{}` lies on `{}`", a.4, b.4);
        }
    }
}

#[test]
fn nothing_is_written_outside_the_figure_or_on_other_text() {
    let mut comparable = fixture::large();
    comparable.facts.published_protocol = true;
    comparable.facts.corpus.audio = hit_schema::AudioSource::Recorded;
    for campaign in [fixture::tested(), fixture::large(), comparable] {
        let sources = campaign.sources();
        for def in FIGURES {
            let svg = svg(def.id, &sources);
            assert!(texts(&svg).len() > 5, "{}", def.id);
            assert_texts_apart(def.id, &svg);
        }
    }
}

#[test]
fn every_seed_of_every_arm_has_its_dot() {
    let svg = svg("seeds", &fixture::sources());
    // D0 is drawn with circles: a filled one and its edge for each of three seeds
    assert_eq!(svg.matches("<circle").count(), 6);
    for arm in ["D0", "D4", "A4", "d4a4"] {
        assert!(texts(&svg).iter().any(|text| text.4 == arm), "{arm}");
    }
}

#[test]
fn a_campaign_without_results_yet_still_draws() {
    let mut facts = fixture::facts();
    facts.screening = None;
    let empty = crate::frame::Frame::new(&[]).unwrap();
    let sources = Sources::empty("x", facts).with(
        empty,
        fixture::published(),
        fixture::compare(),
        fixture::indices(),
        std::collections::BTreeMap::new(),
    );
    for def in FIGURES {
        let svg = svg(def.id, &sources);
        assert!(svg.ends_with("</svg>\n"), "{}", def.id);
        assert_texts_apart(def.id, &svg);
        let pages = String::from_utf8_lossy(&style::pdf(&svg).unwrap()).matches("/MediaBox").count();
        assert_eq!(pages, 1, "{}", def.id);
    }
}

/// A title that a page shows under the pointer belongs to every mark; groups are closed, placeholders are gone.
#[test]
fn marks_carry_their_values_in_words() {
    let sources = fixture::tested().sources();
    for def in FIGURES {
        let svg = svg(def.id, &sources);
        let opened = svg.matches("<g>").count() + svg.matches("<g ").count();
        assert!(opened > 3 && opened == svg.matches("</g>").count(), "{}", def.id);
        assert_eq!(svg.matches("<g><title>").count(), svg.matches("<g>").count(), "{}", def.id);
        assert!(!svg.contains('\u{e000}'), "{}", def.id);
        style::pdf(&svg).unwrap_or_else(|error| panic!("{}: {error}", def.id));
    }
    for (id, title) in [
        ("screening", "<title>d4a4: S 52.7 % (48.7 to 56.2)</title>"),
        ("seeds", "<title>D0, seed 42: S 51.0 %</title>"),
        ("training", "<title>D0, epoch 12: mean loss"),
        ("ablation", "<title>d4a4, A4: zero: S 65.0 % (62.0 to 67.0)</title>"),
        ("transposition", "<title>d4a4, notes +3 semitones: S 65.0 % (62.0 to 67.0)</title>"),
        ("noise", "<title>D0, signal 5 dB above noise: S"),
        ("noise", "<title>D0, no noise: S 55.0 %"),
        ("bands", "<title>d4a4, band 3 raised: moved 0.80</title>"),
        ("bands", "<title>d4a4, band 3 at zero: change of S -3.0 pp (-6.0 to -1.0)</title>"),
        ("dashboard", "<title>d4a4: 66.0 % (63.0 to 68.0)</title>"),
        ("cka", "<title>D0, A0 and M0: CKA 0.58</title>"),
        ("tsne", "<title>2004/validation-00.midi: audio of 9 windows</title>"),
        ("umap", "<title>60 pairs of audio and MIDI</title>"),
        ("cosines", "<title>D0, cosine 0.80 to 0.85: "),
        ("cosines", "<title>D0, mean of matched pairs: 0.70 (0.67 to 0.72)</title>"),
        ("overview", "<title>Transformer, 3 d 48, 4 heads</title>"),
    ] {
        let svg = svg(id, &sources);
        let titles = svg.split("<title>").skip(1).filter_map(|rest| rest.split('<').next());
        assert!(svg.contains(title), "{id}: no {title} in {:?}", titles.take(40).collect::<Vec<_>>());
    }
}

/// The bundled font has no arrows and no Greek: text outside this would be set as nothing.
#[test]
fn texts_have_letters_that_the_font_has() {
    let sources = fixture::large().sources();
    for def in FIGURES {
        for text in texts(&svg(def.id, &sources)) {
            let known = |c: char| c.is_ascii_graphic() || c == ' ' || "−–±×".contains(c);
            assert!(text.4.chars().all(known), "{}: {}", def.id, text.4);
        }
    }
}

/// Names come from a configuration: what SVG acts on is written as text.
#[test]
fn hostile_names_stay_text() {
    let hostile = "a</title><script>&\u{e000}0\u{e000}";
    let mut campaign = fixture::tested();
    campaign.facts.arms.iter_mut().filter(|arm| arm.id == "d4a4").for_each(|arm| arm.id = hostile.to_owned());
    campaign.rows.iter_mut().filter(|row| row.arm == "d4a4").for_each(|row| row.arm = hostile.to_owned());
    for def in FIGURES.iter().filter(|def| !["tsne", "umap", "cosines"].contains(&def.id)) {
        let svg = svg(def.id, &campaign.sources());
        assert!(!svg.contains("<script"), "{}", def.id);
        assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count(), "{}", def.id);
        style::pdf(&svg).unwrap_or_else(|error| panic!("{}: {error}", def.id));
    }
}

/// Four models of two thousand windows each.
#[test]
fn drawings_of_many_points_stay_small() {
    let sources = fixture::large().sources();
    for id in ["tsne", "umap"] {
        let svg = svg(id, &sources);
        assert!(svg.len() < 500_000, "{id}: {} bytes", svg.len());
        let paths = svg.split("<path d=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let strokes: usize = paths.map(|path| path.matches(['M', 'm']).count()).sum();
        assert_eq!(strokes, 4 * 3 * 2000 + 2, "{id}: every point and every pair, and two in the legend");
    }
}

#[test]
fn numbers_of_figures_are_those_of_the_paper_and_each_is_there_once() {
    let numbers: Vec<String> = numbers().into_values().collect();
    for n in 1..=11 {
        assert_eq!(numbers.iter().filter(|number| **number == n.to_string()).count(), 1, "Figure {n}");
    }
    assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), FIGURES.len());
    let of_ours = ["families", "confirmation", "seeds", "training"].map(|id| super::numbers()[id].clone());
    assert_eq!(of_ours, ["R1", "R2", "R3", "R4"]);
}

/// A heat map is read from the upper left: the diagonal of ones falls, and the framed block is audio by MIDI.
#[test]
fn the_diagonal_of_the_similarities_falls_from_the_upper_left() {
    let svg = svg("cka", &fixture::tested().sources());
    let places: Vec<_> = texts(&svg).into_iter().filter(|text| text.4 == "1" && text.1 < 1300.0).collect();
    let first: Vec<_> = places.iter().take(8).collect();
    assert!(first.windows(2).all(|pair| pair[1].0 > pair[0].0 && pair[1].1 > pair[0].1), "{first:?}");
    let row = |name: &str| texts(&svg).into_iter().find(|text| text.4 == name && text.3 == "end").unwrap().1;
    assert!(row("A0") < row("A3") && row("A3") < row("M0") && row("M0") < row("M3"));
}

#[test]
fn a_run_of_an_arm_that_is_not_there_is_an_error() {
    let mut campaign = fixture::tested();
    campaign.facts.arms.retain(|arm| arm.id != "d4a4");
    campaign.rows.retain(|row| row.arm != "d4a4");
    for id in ["tsne", "cosines"] {
        let error = (figure(id).unwrap().draw)(&campaign.sources()).unwrap_err().to_string();
        assert!(error.contains("d4a4"), "{error}");
    }
}

#[test]
fn the_pdf_of_a_figure_is_the_same_twice() {
    let svg = svg("training", &fixture::sources());
    assert_eq!(style::pdf(&svg).unwrap(), style::pdf(&svg).unwrap());
}

#[test]
fn unknown_figures_list_the_known() {
    let error = figure("fig99").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`fig99`") && error.contains("seeds"), "{error}");
}

/// Measurements of a screening and a replication with that many arms, named as long as real ones.
fn many_arms(n: usize) -> (crate::Facts, Vec<hit_stats::Measurement>) {
    let mut facts = fixture::facts();
    let template = facts.arms[3].clone();
    let ids: Vec<String> = (0..n).map(|k| format!("d4a{k}cm")).collect();
    facts.arms = ids.iter().map(|id| crate::ArmFacts { id: id.clone(), ..template.clone() }).collect();
    facts.baseline.clone_from(&ids[0]);
    let rows = fixture::measurements();
    let mut made = Vec::new();
    for (k, id) in ids.iter().enumerate() {
        for row in rows.iter().filter(|row| row.arm == "D0") {
            let value = row.value + k as f64;
            made.push(hit_stats::Measurement { arm: id.clone(), value, interval: None, ..row.clone() });
        }
    }
    (facts, made)
}

fn sources_with(facts: crate::Facts, rows: &[hit_stats::Measurement]) -> Sources {
    let frame = crate::frame::Frame::new(rows).unwrap();
    let (compare, indices) = (fixture::compare(), fixture::indices());
    Sources::empty("x", facts).with(frame, fixture::published(), compare, indices, fixture::histories())
}

#[test]
fn fifteen_arms_fit() {
    let (facts, rows) = many_arms(15);
    let sources = sources_with(facts.clone(), &rows);
    for id in ["screening", "seeds"] {
        let svg = svg(id, &sources);
        for arm in &facts.arms {
            assert!(texts(&svg).iter().any(|text| text.4 == arm.id), "{id}: {}", arm.id);
        }
    }
    let svg = svg("seeds", &sources);
    let names: Vec<_> = texts(&svg).into_iter().filter(|text| text.4.starts_with("d4a")).collect();
    for pair in names.windows(3).flat_map(|three| [[&three[0], &three[1]], [&three[0], &three[2]]]) {
        if pair[0].1 != pair[1].1 {
            continue;
        }
        let wide = 0.58 * pair[0].2 * pair[0].4.chars().count() as f64;
        assert!(pair[1].0 - pair[0].0 > wide, "`{}` and `{}` touch", pair[0].4, pair[1].4);
    }
}

#[test]
fn the_screening_is_drawn_from_the_highest_down() {
    let svg = svg("screening", &fixture::sources());
    assert!(texts(&svg).iter().any(|text| text.4 == "further arm"), "d4-a4r is explained");
    let place = |arm: &str| texts(&svg).into_iter().find(|text| text.4 == arm).unwrap().1;
    let places = ["d4a4", "d4-a4r", "A4", "D4", "A7x", "D0"].map(place);
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
}

#[test]
fn chance_is_named_for_what_it_is() {
    let names = |sources: &Sources| texts(&svg("seeds", sources)).into_iter().map(|text| text.4).collect::<Vec<_>>();
    assert!(names(&fixture::sources()).contains(&"chance of S".to_owned()));
    let rows: Vec<_> = fixture::measurements().into_iter().filter(|row| row.metric != "chance_s").collect();
    assert!(names(&sources_with(fixture::facts(), &rows)).contains(&"chance of R@10".to_owned()));
}

#[test]
fn a_changed_value_changes_the_drawing() {
    let mut campaign = fixture::tested();
    let before = FIGURES.iter().map(|def| svg(def.id, &campaign.sources())).collect::<Vec<_>>();
    for row in campaign.rows.iter_mut().filter(|row| ["d4a4", "t3-wt"].contains(&row.arm.as_str())) {
        row.value += 0.02;
        row.value += if row.metric == "cka" || row.metric.starts_with("trust") { 0.0 } else { 2.0 };
        row.interval = None;
    }
    campaign.facts.model.midi.layers.n += 1;
    for (def, before) in FIGURES.iter().zip(before) {
        assert!(svg(def.id, &campaign.sources()) != before, "{}", def.id);
    }
}

#[test]
fn runs_of_other_schedules_and_seeds_stay_out_of_the_curves() {
    let before = svg("training", &fixture::sources());
    let mut histories = fixture::histories();
    let rows = histories.values().next().unwrap().clone();
    for run in ["D0@cosine5#42", "D0@cosine12#99"] {
        histories.insert(run.parse().unwrap(), rows.clone());
    }
    let frame = crate::frame::Frame::new(&fixture::measurements()).unwrap();
    let (compare, indices) = (fixture::compare(), fixture::indices());
    let sources = Sources::empty("x", fixture::facts()).with(frame, fixture::published(), compare, indices, histories);
    assert_eq!(svg("training", &sources), before);
}

#[test]
fn the_families_stand_beside_the_baseline_of_the_screening() {
    let words: Vec<_> = texts(&svg("families", &fixture::sources())).into_iter().map(|text| text.4).collect();
    for arm in ["film-a4", "moe-a4", "t3-wt", "film-a4e"] {
        assert_eq!(words.iter().filter(|word| *word == arm).count(), 1, "{arm}");
    }
    assert!(words.contains(&"D0".to_owned()) && words.contains(&"baseline D0".to_owned()), "its bar and its line");
    assert!(!words.iter().any(|word| word == "d4a4"), "an arm of another experiment");
}

#[test]
fn published_values_are_marked_only_where_they_are_the_same_quantity() {
    let mut facts = fixture::facts();
    let marked = |facts: &crate::Facts| {
        ["screening", "families"].map(|id| svg(id, &fixture::sources_of(facts.clone())).contains("published"))
    };
    assert_eq!(marked(&facts), [false, false]);
    facts.published_protocol = true;
    facts.corpus.audio = hit_schema::AudioSource::Recorded;
    assert_eq!(marked(&facts), [true, true]);
    for id in ["screening", "families"] {
        assert_texts_apart(id, &svg(id, &fixture::sources_of(facts.clone())));
    }
}

#[test]
fn all_arms_of_the_real_campaigns_fit_and_none_is_left_out() {
    let campaign = fixture::large();
    for id in ["screening", "families"] {
        let svg = svg(id, &campaign.sources());
        assert_texts_apart(id, &svg);
        let words: Vec<_> = texts(&svg).into_iter().map(|text| text.4).collect();
        let arms = &campaign.facts.experiment(id).unwrap().arms;
        assert!(arms.len() >= 13 && arms.iter().all(|arm| words.contains(arm)), "{id}: {words:?}");
    }
}

#[test]
fn a_long_run_is_named_by_arm_and_schedule_and_the_line_is_the_chosen_one() {
    let words = |campaign: &fixture::Campaign| {
        texts(&svg("confirmation", &campaign.sources())).into_iter().map(|text| text.4).collect::<Vec<_>>()
    };
    let mut campaign = fixture::large();
    assert_texts_apart("confirmation", &svg("confirmation", &campaign.sources()));
    let found = words(&campaign);
    for run in &campaign.facts.confirmation.as_ref().unwrap().runs {
        let label = format!("{} {}", run.arm, run.schedule);
        assert_eq!(found.iter().filter(|word| **word == label).count(), 1, "{label}");
    }
    assert!(found.contains(&"baseline D0 cosine-tail60".to_owned()), "{found:?}");
    assert!(!found.contains(&"published".to_owned()));
    campaign.facts.published_protocol = true;
    campaign.facts.corpus.audio = hit_schema::AudioSource::Recorded;
    assert!(words(&campaign).contains(&"published".to_owned()));
    campaign.facts.confirmation.as_mut().unwrap().reference_schedule = "cosine60".to_owned();
    assert!(words(&campaign).contains(&"baseline D0 cosine60".to_owned()));
    // without its long runs the experiment has nothing to draw, and no bar of another one
    campaign.rows.retain(|row| row.stage != "confirmation");
    assert!(!words(&campaign).iter().any(|word| word == "D0 cosine60" || word == "D0"));
}
