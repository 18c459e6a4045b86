//! The windows of tested models in the plane, audio and MIDI of a pair joined, a panel a model: t-SNE and UMAP (in place
//! of Figures 9 and 10 of the paper).

use std::collections::BTreeMap;

use hit_schema::{Projected, RunId};

use super::tested::{labels, nothing, order};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::Select;
use crate::latex::Format;
use crate::sources::{Input, Sources};
use crate::style::{self, AUDIO, At, Canvas, INK, MIDI, PALE, THIN_MM};

pub(super) const TSNE: FigureDef = FigureDef {
    id: "tsne",
    number: Some("9"),
    title: "Windows in the plane by t-SNE",
    inputs: &[Input::Measurements, Input::Projections],
    draw: |sources| draw(sources, "tsne"),
};
pub(super) const UMAP: FigureDef = FigureDef {
    id: "umap",
    number: Some("10"),
    title: "Windows in the plane by UMAP",
    inputs: &[Input::Measurements, Input::Projections],
    draw: |sources| draw(sources, "umap"),
};

const SIDE_MM: f64 = 74.0;
const COLUMNS: usize = 2;
const DOT_MM: f64 = 0.55;

struct Plane<'a> {
    label: String,
    points: Vec<&'a Projected>,
}

fn draw(sources: &Sources, method: &str) -> Result<String, Error> {
    let mut runs: Vec<&RunId> = sources.projections()?.keys().collect();
    if let Some(run) = runs.iter().find(|run| sources.facts.arm(&run.arm).is_none()) {
        return Err(Error::UnknownArm(run.arm.clone()));
    }
    runs.sort_by(|a, b| order(&sources.facts, a).cmp(&order(&sources.facts, b)));
    let labels = labels(runs.iter().map(|run| (run.arm.as_str(), run.schedule.as_str(), Some(run.seed))));
    let mut planes = Vec::new();
    for (run, label) in runs.into_iter().zip(labels) {
        let points = sources.projections()?[run].iter().filter(|point| point.method == method).collect();
        let trust = Select::stage("t10").arm(&run.arm).schedule(&run.schedule).seed(run.seed);
        let trust = sources.frame()?.one(&trust.condition("normal").metric(&format!("trust_{method}")))?;
        let trust = trust.map(|trust| format!(", trustworthiness {}", Format::Fixed(2).plain(trust.value)));
        planes.push(Plane { label: format!("{label}{}", trust.unwrap_or_default()), points });
    }
    paint(&planes).map_err(|what| failed(method, what))
}

fn paint(planes: &[Plane]) -> Result<String, String> {
    let columns = planes.len().clamp(1, COLUMNS);
    let rows = planes.len().max(1).div_ceil(columns);
    let step = SIDE_MM + 8.0;
    let size = ((SIDE_MM + 6.0) * columns as f64, step * rows as f64 + 7.0);
    style::draw(size, |canvas| {
        key(canvas)?;
        for (idx, plane) in planes.iter().enumerate() {
            let (left, top) = ((SIDE_MM + 6.0) * (idx % columns) as f64 + 3.0, step * (idx / columns) as f64 + 13.0);
            canvas.text(&plane.label, (left, top - 3.2), At::Start, INK)?;
            draw_plane(canvas, plane, [left, top, left + SIDE_MM, top + SIDE_MM])?;
        }
        if planes.is_empty() {
            nothing(canvas, (size.0 / 2.0, size.1 / 2.0))?;
        }
        Ok(())
    })
}

fn key(canvas: &Canvas) -> Result<(), String> {
    canvas.stroked(AUDIO, 1.4, true, || canvas.strokes("audio", &[[(4.0, 3.5), (0.0, 0.0)]]))?;
    canvas.text("audio", (6.0, 3.5), At::Start, INK)?;
    canvas.stroked(MIDI, 1.2, false, || canvas.strokes("MIDI", &[[(20.0, 3.5), (0.0, 0.0)]]))?;
    canvas.text("its MIDI", (22.0, 3.5), At::Start, INK)?;
    canvas.line(&[(38.0, 3.5), (44.0, 3.5)], PAIR, THIN_MM, &[])?;
    canvas.text("a pair", (46.0, 3.5), At::Start, INK)
}

/// Lines of pairs below, then MIDI, then audio; each performance one element of each kind.
fn draw_plane(canvas: &Canvas, plane: &Plane, frame: [f64; 4]) -> Result<(), String> {
    canvas.frame(frame, PALE, THIN_MM)?;
    let Some(place) = fitted(&plane.points, frame) else {
        return nothing(canvas, (f64::midpoint(frame[0], frame[2]), f64::midpoint(frame[1], frame[3])));
    };
    let mut sides: BTreeMap<&str, BTreeMap<usize, &Projected>> = BTreeMap::new();
    for point in &plane.points {
        sides.entry(point.modality.as_str()).or_default().insert(point.window, point);
    }
    let none = BTreeMap::new();
    let [audio, midi] = ["audio", "midi"].map(|side| sides.get(side).unwrap_or(&none));
    let pairs: Vec<_> = audio
        .iter()
        .filter_map(|(window, point)| {
            let (from, to) = (place(point), place(midi.get(window)?));
            Some([from, (to.0 - from.0, to.1 - from.1)])
        })
        .collect();
    if !pairs.is_empty() {
        let title = format!("{} pairs of audio and MIDI", pairs.len());
        canvas.stroked(PAIR, 0.1, true, || canvas.strokes(&title, &pairs))?;
    }
    for (side, colour, round) in [(midi, MIDI, false), (audio, AUDIO, true)] {
        let mut performances: BTreeMap<&str, Vec<[(f64, f64); 2]>> = BTreeMap::new();
        for point in side.values() {
            performances.entry(point.performance.as_str()).or_default().push([place(point), (0.0, 0.0)]);
        }
        canvas.stroked(colour, DOT_MM, round, || {
            performances.into_iter().try_for_each(|(performance, dots)| {
                let (words, s) = (if round { "audio" } else { "MIDI" }, if dots.len() == 1 { "" } else { "s" });
                canvas.strokes(&format!("{performance}: {words} of {} window{s}", dots.len()), &dots)
            })
        })?;
    }
    Ok(())
}

/// Colour of the lines between pairs.
const PAIR: style::RGB = style::RGB(0xcf, 0xcf, 0xcf);

/// The place of a point on the canvas: one scale for both axes, everything inside the frame; none without points.
fn fitted(points: &[&Projected], [left, top, right, bottom]: [f64; 4]) -> Option<impl Fn(&Projected) -> (f64, f64)> {
    let range = |of: fn(&Projected) -> f64| {
        let values = points.iter().map(|point| of(point));
        values.fold(None, |range: Option<(f64, f64)>, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        })
    };
    let (x, y) = (range(|point| point.x)?, range(|point| point.y)?);
    let span = (x.1 - x.0).max(y.1 - y.0);
    let room = (right - left).min(bottom - top) - 4.0 * DOT_MM;
    // points that all lie in one place stand in the middle; a span too wide for a float has no place for them
    let scale = if span > 0.0 { room / span } else { 0.0 };
    let middle = (f64::midpoint(x.0, x.1), f64::midpoint(y.0, y.1));
    let centre = (f64::midpoint(left, right), f64::midpoint(top, bottom));
    span.is_finite().then_some(move |point: &Projected| {
        (centre.0 + scale * (point.x - middle.0), centre.1 - scale * (point.y - middle.1))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(x: f64, y: f64) -> Projected {
        Projected {
            method: "tsne".to_owned(),
            window: 0,
            performance: "a".to_owned(),
            modality: "audio".to_owned(),
            x,
            y,
        }
    }

    proptest! {
        #[test]
        fn points_stay_in_their_panel_and_keep_their_proportions(
            places in proptest::collection::vec((-1e3..1e3_f64, -1e3..1e3_f64), 1..20),
        ) {
            let points: Vec<_> = places.iter().map(|(x, y)| point(*x, *y)).collect();
            let all: Vec<&Projected> = points.iter().collect();
            let place = fitted(&all, [10.0, 20.0, 40.0, 50.0]).unwrap();
            for point in &points {
                let (x, y) = place(point);
                prop_assert!((10.0..=40.0).contains(&x) && (20.0..=50.0).contains(&y), "{x} {y}");
            }
            if let [a, b, ..] = points.as_slice() {
                let (p, q) = (place(a), place(b));
                let (wide, high) = (b.x - a.x, b.y - a.y);
                prop_assert!(((q.0 - p.0) * high + (q.1 - p.1) * wide).abs() < 1e-6 * (1.0 + wide.abs() * high.abs()), "one scale, up is up");
            }
        }
    }

    #[test]
    fn points_in_one_place_stand_in_the_middle_and_none_have_no_place() {
        let one = point(3.0, -7.0);
        assert_eq!(fitted(&[&one, &one], [0.0, 0.0, 10.0, 20.0]).unwrap()(&one), (5.0, 10.0));
        assert!(fitted(&[], [0.0, 0.0, 10.0, 20.0]).is_none());
        let far = [point(-f64::MAX, 0.0), point(f64::MAX, 0.0)];
        assert!(fitted(&[&far[0], &far[1]], [0.0, 0.0, 10.0, 20.0]).is_none());
    }
}
