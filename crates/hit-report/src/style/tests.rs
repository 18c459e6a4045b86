//! Axes, dashes, marks, and what an SVG holds.

use proptest::prelude::*;

use super::*;

proptest! {
    /// Hatching stays in its rectangle, at one distance and one slope.
    #[test]
    fn diagonals_stay_inside(left in -5.0..5.0_f64, top in -5.0..5.0_f64, wide in 0.0..30.0_f64, high in 0.5..9.0_f64) {
        let lines = diagonals([left, top, left + wide, top + high], 1.3);
        let inside = |(x, y): (f64, f64)| {
            x >= left - 1e-9 && x <= left + wide + 1e-9 && y >= top - 1e-9 && y <= top + high + 1e-9
        };
        prop_assert!(lines.iter().flatten().all(|point| inside(*point)), "{lines:?}");
        prop_assert!(lines.iter().all(|[a, b]| ((b.0 - a.0) + (b.1 - a.1)).abs() < 1e-9), "all rise to the right");
        prop_assert!(wide < 2.0 || !lines.is_empty());
    }

    #[test]
    fn an_axis_covers_its_values_with_few_round_ticks(
        values in proptest::collection::vec(-1e4..1e4, 2..20), n in 2_usize..9,
    ) {
        let axis = Axis::covering(values.iter().copied(), n);
        let slack = 1e-9 * (axis.high - axis.low);
        prop_assert!(values.iter().all(|v| axis.low - slack <= *v && *v <= axis.high + slack), "{axis:?}");
        prop_assert!(axis.ticks.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!((2..=n + 2).contains(&axis.ticks.len()), "{} ticks for {n}", axis.ticks.len());
    }

    #[test]
    fn labels_of_an_axis_differ(low in -1e3..1e3, span in 1e-2..1e3) {
        let labels = Axis::covering([low, low + span].into_iter(), 5).labels();
        prop_assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
    }
}

#[test]
fn looks_differ_in_more_than_colour() {
    for a in 0..20 {
        for b in 0..a {
            let (a, b) = (look(a), look(b));
            assert!(a.marker != b.marker || a.dash != b.dash, "greyscale print tells them apart");
        }
    }
}

#[test]
fn axes_are_round_and_cover_the_values() {
    let axis = Axis::covering([3.2, 17.9].into_iter(), 5);
    assert_eq!(axis.ticks, [0.0, 5.0, 10.0, 15.0, 20.0]);
    assert_eq!(axis.labels()[1], "5");
    let axis = Axis::covering([-0.12, 0.31].into_iter(), 4);
    assert!(axis.low <= -0.12 && axis.high >= 0.31);
    assert!(axis.labels()[0].starts_with('−'), "{:?}", axis.labels());
    assert_eq!(Axis::covering(std::iter::empty(), 4).low, 0.0);
    assert!(Axis::covering([f64::NAN, 2.0].into_iter(), 4).ticks.len() > 1);
}

#[test]
fn dashes_have_the_length_they_should() {
    let pieces = dashes(&[(0.0, 0.0), (4.0, 0.0), (4.0, 6.0)], &[2.0, 1.0]);
    let length =
        |piece: &Vec<(f64, f64)>| piece.windows(2).map(|p| libm_hypot(p[1].0 - p[0].0, p[1].1 - p[0].1)).sum::<f64>();
    let lengths: Vec<f64> = pieces.iter().map(length).collect();
    assert_eq!(lengths.len(), 4);
    assert!(lengths[..3].iter().all(|l| (l - 2.0).abs() < 1e-9), "{lengths:?}");
    assert_eq!(dashes(&[(0.0, 0.0), (1.0, 1.0)], &[]).len(), 1);
}

#[test]
fn a_drawing_has_the_print_size_it_says() {
    let svg = draw((80.0, 50.0), |canvas| canvas.text("S − Δ", (40.0, 25.0), At::Middle, INK)).unwrap();
    assert!(svg.contains("width=\"80mm\" height=\"50mm\" viewBox=\"0 0 1600 1000\""), "{}", &svg[..200]);
    let pdf = pdf(&svg).unwrap();
    let text = String::from_utf8_lossy(&pdf);
    let at = text.find("/MediaBox").unwrap();
    let numbers: Vec<f64> =
        text[at + 9..at + 60].split([' ', '[', ']']).filter_map(|word| word.parse().ok()).take(4).collect();
    assert!((numbers[2] - 80.0 / 25.4 * 72.0).abs() < 0.1, "{numbers:?}");
    assert_eq!(pdf, super::pdf(&svg).unwrap(), "the same bytes twice");
}

#[test]
fn text_is_measured_with_the_bundled_font() {
    let widths = std::cell::RefCell::new(Vec::new());
    draw((10.0, 10.0), |canvas| {
        widths.borrow_mut().extend([canvas.text_width("i")?, canvas.text_width("m")?, canvas.text_width("mm")?]);
        Ok(())
    })
    .unwrap();
    let widths = widths.into_inner();
    assert!(widths[0] < widths[1] && widths[1] < widths[2], "{widths:?}");
    // the advance of `m` is 1905 of 2048 units; plotters rounds to whole drawing units
    assert!((widths[1] - 1905.0 / 2048.0 * TEXT_MM).abs() < 0.06, "{widths:?}");
}

#[test]
fn a_panel_puts_the_ends_of_its_axes_at_its_corners() {
    let axis = |low, high| Axis { low, high, ticks: vec![low, high] };
    draw((60.0, 40.0), |canvas| {
        let panel = Panel::new(canvas, [10.0, 5.0, 50.0, 30.0], axis(0.0, 4.0), axis(-1.0, 1.0), "title")?;
        assert_eq!(panel.at(0.0, -1.0), (10.0, 30.0));
        assert_eq!(panel.at(4.0, 1.0), (50.0, 5.0), "up is towards smaller coordinates");
        assert_eq!(panel.at(2.0, 0.0), (30.0, 17.5));
        panel.x_labels(canvas, "x")
    })
    .unwrap();
}

#[test]
fn a_legend_breaks_before_the_edge() {
    let items: Vec<_> = (0..9).map(|idx| (format!("arm number {idx}"), look(idx))).collect();
    let ends = std::cell::RefCell::new(Vec::new());
    let svg = draw((100.0, 60.0), |canvas| {
        ends.borrow_mut().push(legend(canvas, &items[..1], (5.0, 5.0), 95.0)?);
        ends.borrow_mut().push(legend(canvas, &items, (5.0, 20.0), 95.0)?);
        Ok(())
    })
    .unwrap();
    let ends = ends.into_inner();
    assert!(ends[0] < 8.0, "one row: {ends:?}");
    assert!(ends[1] > 20.0 + 2.0 * 4.4, "at least three rows: {ends:?}");
    assert_eq!(svg.matches("<text").count(), 10);
}

#[test]
fn every_marker_leaves_a_trace_of_its_colour() {
    for (idx, marker) in MARKERS.into_iter().enumerate() {
        let colour = look(idx).colour;
        let svg = draw((10.0, 10.0), |canvas| canvas.marker(marker, (5.0, 5.0), 1.0, colour, false)).unwrap();
        let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        assert!(svg.matches(&hex).count() >= 2, "{marker:?}: fill and edge in {hex}");
        let hollow = draw((10.0, 10.0), |canvas| canvas.marker(marker, (5.0, 5.0), 1.0, colour, true)).unwrap();
        assert_eq!(hollow.matches(&hex).count(), 1, "{marker:?}: only the edge");
    }
}

#[test]
fn text_is_escaped_for_svg_and_anchored() {
    let svg = draw((30.0, 10.0), |canvas| canvas.text("a<b & c", (29.0, 5.0), At::End, INK)).unwrap();
    assert!(svg.contains("text-anchor=\"end\"") && svg.contains("font-family=\"Open Sans\""), "{svg}");
    assert!(svg.contains("a&lt;b &amp; c"), "{svg}");
    assert!(pdf("<svg").is_err(), "what is no SVG is refused");
}

#[test]
fn steps_of_axes_are_one_two_or_five() {
    for (wanted, expected) in [(0.3, 0.5), (1.0, 1.0), (1.2, 2.0), (2.1, 5.0), (6.0, 10.0), (30.0, 50.0), (0.011, 0.02)]
    {
        assert!((round_step(wanted) - expected).abs() < 1e-9 * expected, "{wanted}: {}", round_step(wanted));
    }
}

#[test]
fn a_title_stands_first_in_the_group_of_what_it_names() {
    let svg = draw((30.0, 10.0), |canvas| {
        canvas.text("before", (1.0, 2.0), At::Start, INK)?;
        canvas.titled("a < b & \u{7} c", || canvas.bar([1.0, 3.0, 9.0, 5.0], BAR))?;
        canvas.text("after", (1.0, 8.0), At::Start, INK)
    })
    .unwrap();
    let group = svg.split("<g>").nth(1).unwrap().split("</g>").next().unwrap();
    assert!(group.starts_with("<title>a &lt; b &amp;   c</title>\n<rect"), "{group}");
    assert!(
        svg.find("before").unwrap() < svg.find("<g>").unwrap()
            && svg.find("</g>").unwrap() < svg.find("after").unwrap()
    );
    assert_eq!((svg.matches("<g>").count(), svg.matches("</g>").count(), svg.contains(PLACEHOLDER)), (1, 1, false));
    assert!(pdf(&svg).is_ok(), "a title is no obstacle");
}

#[test]
fn text_that_looks_like_a_placeholder_stays_text() {
    let svg = draw((30.0, 10.0), |canvas| {
        canvas.titled("title", || canvas.text("\u{e000}0\u{e000}", (1.0, 2.0), At::Start, INK))
    })
    .unwrap();
    assert_eq!(svg.matches("<title>").count(), 1, "{svg}");
    assert_eq!(svg.matches("<text").count(), 1);
}

/// Where the strokes of a path are, from its steps.
fn places(path: &str) -> Vec<[(i32, i32); 2]> {
    let mut pen = (0, 0);
    let mut strokes: Vec<[(i32, i32); 2]> = Vec::new();
    for piece in path.split_inclusive(|c: char| c.is_ascii_digit()).fold(Vec::new(), |mut pieces: Vec<String>, c| {
        match pieces.last_mut() {
            Some(last) if !c.starts_with(|c: char| c.is_ascii_alphabetic()) => last.push_str(c),
            _ => pieces.push(c.to_owned()),
        }
        pieces
    }) {
        let (letter, rest) = piece.split_at(1);
        let rest = rest.replace('-', " -");
        let numbers: Vec<i32> = rest.split_whitespace().map(|n| n.parse().unwrap()).collect();
        let next = match letter {
            "M" => (numbers[0], numbers[1]),
            "h" => (pen.0 + numbers[0], pen.1),
            _ => (pen.0 + numbers[0], pen.1 + numbers[1]),
        };
        if matches!(letter, "h" | "l") {
            strokes.push([pen, next]);
        }
        pen = next;
    }
    strokes
}

proptest! {
    /// Steps from stroke to stroke lead where the strokes are, however they turn.
    #[test]
    fn strokes_lie_where_they_should(
        strokes in proptest::collection::vec(((0.0..90.0_f64, 0.0..90.0_f64), (-20.0..20.0_f64, -20.0..20.0_f64), proptest::bool::ANY), 1..20),
    ) {
        let strokes: Vec<_> = strokes.iter().map(|(from, along, dot)| [*from, if *dot { (0.0, 0.0) } else { *along }]).collect();
        let svg = draw((90.0, 90.0), |canvas| canvas.stroked(INK, 0.5, true, || canvas.strokes("t", &strokes))).unwrap();
        let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let found = places(path);
        prop_assert_eq!(found.len(), strokes.len());
        for (found, [from, along]) in found.iter().zip(&strokes) {
            let expected = [px(*from), px((from.0 + along.0, from.1 + along.1))];
            prop_assert_eq!(found[0], expected[0]);
            let dot = expected[0] == expected[1];
            prop_assert_eq!(found[1], if dot { (expected[1].0 + 1, expected[1].1) } else { expected[1] });
        }
        prop_assert!(svg.contains("stroke=\"#222222\" stroke-width=\"10\" stroke-linecap=\"round\""));
        prop_assert!(svg.contains("<title>t</title></path>"));
    }
}

#[test]
fn a_dot_leaves_a_trace_in_the_pdf() {
    let drawn = |strokes: &[[(f64, f64); 2]]| {
        pdf(&draw((20.0, 20.0), |canvas| canvas.stroked(INK, 1.0, true, || canvas.strokes("t", strokes))).unwrap())
            .unwrap()
    };
    assert!(
        drawn(&[[(5.0, 5.0), (0.0, 0.0)]]) != drawn(&[[(9.0, 9.0), (0.0, 0.0)]]),
        "the place of the dot is in the page"
    );
}

#[test]
fn values_are_written_with_unit_and_interval() {
    let value = |value, unit: &str, interval| Measured { value, unit: unit.to_owned(), interval };
    assert_eq!(words(&value(63.25, "%", Some((60.0, 66.04))), "s"), "63.2 % (60.0 to 66.0)");
    assert_eq!(words(&value(-3.0, "pp", None), "delta_s"), "-3.0 pp");
    assert_eq!(words(&value(0.5, "", None), "cka"), "0.50");
}
