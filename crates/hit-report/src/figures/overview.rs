//! The model: both encoders with their sizes, and the places where descriptors enter (in place of Figure 1 of the paper).

use super::{FigureDef, failed};
use crate::error::Error;
use crate::facts::Facts;
use crate::setup::LayersFacts;
use crate::sources::Sources;
use crate::style::{self, At, BAR, Canvas, GREY, INK, LINE_MM, RGB, THIN_MM};

pub(super) const DEF: FigureDef = FigureDef {
    id: "overview",
    number: Some("1"),
    title: "Both encoders and the places where descriptors enter",
    inputs: &[],
    draw,
};

const SIZE_MM: (f64, f64) = (162.0, 82.0);
/// Middle lines of the audio encoder, the third tower, and the MIDI encoder.
const LANES: [f64; 3] = [15.0, 41.0, 67.0];
const BOX_MM: f64 = 12.0;
/// Left and right ends of the boxes of a lane.
const COLUMNS: [[f64; 2]; 6] = [[2.0, 26.0], [32.0, 58.0], [64.0, 80.0], [86.0, 113.0], [118.0, 132.0], [137.0, 160.0]];
const WHITE: RGB = RGB(255, 255, 255);

/// A box: lines of text, and whether it is a place where descriptors enter.
struct Part {
    lines: [String; 2],
    place: bool,
}

fn draw(sources: &Sources) -> Result<String, Error> {
    paint(&sources.facts).map_err(|what| failed(DEF.id, what))
}

fn paint(facts: &Facts) -> Result<String, String> {
    style::draw(SIZE_MM, |canvas| {
        let letters = letters(facts);
        lane(canvas, LANES[0], &audio(facts, &letters[0]))?;
        lane(canvas, LANES[2], &midi(facts, &letters[0]))?;
        descriptors(canvas, facts, &letters)?;
        loss(canvas, facts)
    })
}

fn part(first: String, second: String) -> Part {
    Part { lines: [first, second], place: false }
}

fn audio(facts: &Facts, places: &str) -> Vec<Part> {
    let (windows, model) = (&facts.corpus.windows, &facts.model);
    let tokens = model.audio.cnn.last().map_or(0, |conv| conv.length);
    vec![
        part("audio".to_owned(), format!("{} s, {} kHz", windows.window_s, f64::from(windows.sample_rate_hz) / 1000.0)),
        part(format!("CNN, {} layers", model.audio.cnn.len()), format!("{tokens} × {}", model.audio.layers.d_model)),
        Part { lines: [places.to_owned(), String::new()], place: true },
        layers(&model.audio.layers),
        part("mean".to_owned(), "of tokens".to_owned()),
        head(facts),
    ]
}

fn midi(facts: &Facts, places: &str) -> Vec<Part> {
    let (model, windows) = (&facts.model, &facts.corpus.windows);
    vec![
        part("notes".to_owned(), format!("{} s, by onset", windows.window_s)),
        part("embedding".to_owned(), format!("notes × {}", model.midi.layers.d_model)),
        Part { lines: [places.to_owned(), String::new()], place: true },
        layers(&model.midi.layers),
        part("mean".to_owned(), "of notes".to_owned()),
        head(facts),
    ]
}

fn layers(layers: &LayersFacts) -> Part {
    part(format!("Transformer, {}", layers.n), format!("d {}, {} heads", layers.d_model, layers.n_heads))
}

fn head(facts: &Facts) -> Part {
    let widths = facts.model.head_hidden.iter().chain([&facts.model.embedding_dim]);
    part("head".to_owned(), widths.map(usize::to_string).collect::<Vec<_>>().join("-"))
}

/// Letters of the mechanisms that the arms use: before the Transformer, at its layers.
fn letters(facts: &Facts) -> [String; 2] {
    let used = |name: &str| {
        let mut mechanisms = facts.arms.iter().flat_map(|arm| &arm.mechanisms);
        mechanisms.any(|mechanism| mechanism.split(' ').next() == Some(name))
    };
    let of = |known: &[(&str, &'static str)]| {
        known.iter().filter(|(name, _)| used(name)).map(|(_, letter)| *letter).collect::<Vec<_>>().join(" ")
    };
    let before =
        of(&[("concat", "C"), ("cross_attention", "X"), ("reverse_cross_attention", "R"), ("cross_modal", "M")]);
    [before, of(&[("film", "F"), ("moe", "E"), ("moe_ffn", "E'")])]
}

fn lane(canvas: &Canvas, middle: f64, parts: &[Part]) -> Result<(), String> {
    for (idx, (part, [left, right])) in parts.iter().zip(COLUMNS).enumerate() {
        let rect = [left, middle - BOX_MM / 2.0, right, middle + BOX_MM / 2.0];
        boxed(canvas, rect, part)?;
        if let Some([_, from]) = idx.checked_sub(1).and_then(|before| COLUMNS.get(before)) {
            arrow(canvas, &[(*from, middle), (left, middle)], &[])?;
        }
    }
    Ok(())
}

fn boxed(canvas: &Canvas, rect: [f64; 4], part: &Part) -> Result<(), String> {
    let [left, top, right, bottom] = rect;
    canvas.titled(&part.lines.join(" ").replace("  ", " "), || {
        canvas.surface(rect, if part.place { BAR } else { WHITE })?;
        canvas.frame(rect, INK, 1.5 * THIN_MM)
    })?;
    let (x, y) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
    let lines: Vec<&String> = part.lines.iter().filter(|line| !line.is_empty()).collect();
    for (idx, line) in lines.iter().enumerate() {
        let y = y + 3.8 * (idx as f64 - (lines.len() as f64 - 1.0) / 2.0);
        canvas.text(line, (x, y), At::Middle, INK)?;
    }
    Ok(())
}

/// A line with a head at its end.
fn arrow(canvas: &Canvas, points: &[(f64, f64)], dash: &[f64]) -> Result<(), String> {
    canvas.line(points, INK, 0.7 * LINE_MM, dash)?;
    let [.., from, to] = points else { return Ok(()) };
    let (dx, dy) = ((to.0 - from.0), (to.1 - from.1));
    let length = (dx * dx + dy * dy).sqrt().max(1e-9);
    let (ux, uy) = (dx / length * 1.6, dy / length * 1.6);
    let barb = |side: f64| (to.0 - ux - side * uy * 0.5, to.1 - uy + side * ux * 0.5);
    canvas.line(&[barb(1.0), *to, barb(-1.0)], INK, 0.7 * LINE_MM, &[])
}

/// The descriptors of both sides, where they go, and the third tower.
fn descriptors(canvas: &Canvas, facts: &Facts, [before, within]: &[String; 2]) -> Result<(), String> {
    let ids = |notes: bool| {
        let of_side = facts.descriptors.iter().filter(|descriptor| descriptor.shape.starts_with("notes") == notes);
        of_side.map(|descriptor| descriptor.id.to_uppercase()).collect::<Vec<_>>().join(", ")
    };
    let place = f64::midpoint(COLUMNS[2][0], COLUMNS[2][1]);
    let layers = f64::midpoint(COLUMNS[3][0], COLUMNS[3][1]);
    for (notes, lane, toward) in [(false, LANES[0], 1.0), (true, LANES[2], -1.0)] {
        let middle = lane + toward * 18.0;
        let (edge, words) = (lane + toward * BOX_MM / 2.0, if notes { "of notes" } else { "of the audio" });
        let rect = [30.0, middle - 5.5, 80.0, middle + 5.5];
        let ids = ids(notes);
        let ids = if ids.is_empty() { "none".to_owned() } else { ids };
        boxed(canvas, rect, &part(format!("descriptors {words}"), ids))?;
        if !before.is_empty() {
            arrow(canvas, &[(place, middle - toward * 5.5), (place, edge)], &[])?;
        }
        if !within.is_empty() {
            arrow(canvas, &[(80.0, middle), (layers, middle), (layers, edge)], &[])?;
            canvas.text(within, (layers + 2.0, middle - toward * 2.6), At::Start, INK)?;
        }
    }
    if facts.arms.iter().any(|arm| arm.family == "tower") {
        let [left, right] = [86.0, 113.0];
        let rect = [left, LANES[1] - 5.0, right, LANES[1] + 5.0];
        boxed(canvas, rect, &part("third tower".to_owned(), "(T)".to_owned()))?;
        for toward in [-1.0, 1.0] {
            arrow(canvas, &[(80.0, LANES[1] + toward * 5.0), (left, LANES[1] + toward * 2.0)], &[1.0, 0.8])?;
        }
        arrow(canvas, &[(right, LANES[1]), (139.0, LANES[1])], &[1.0, 0.8])?;
    }
    Ok(())
}

fn loss(canvas: &Canvas, facts: &Facts) -> Result<(), String> {
    let middle = f64::midpoint(COLUMNS[5][0], COLUMNS[5][1]);
    let rect = [139.0, LANES[1] - 5.0, 158.0, LANES[1] + 5.0];
    let dims = facts.model.embedding_dim;
    boxed(canvas, rect, &part("VICReg".to_owned(), "training".to_owned()))?;
    for (lane, toward) in [(LANES[0], 1.0), (LANES[2], -1.0)] {
        let from = lane + toward * BOX_MM / 2.0;
        arrow(canvas, &[(middle, from), (middle, LANES[1] - toward * 5.0)], &[])?;
        canvas.text(
            &format!("{dims}"),
            (middle + 1.5, f64::midpoint(from, LANES[1] - toward * 5.0)),
            At::Start,
            GREY,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::tests::assert_texts_apart;
    use crate::fixture;

    #[test]
    fn only_what_the_arms_use_is_drawn() {
        let mut facts = fixture::facts();
        assert_eq!(letters(&facts), ["C X R".to_owned(), "F E".to_owned()]);
        let svg = paint(&facts).unwrap();
        assert!(svg.contains("third tower") && svg.contains("2400 × 64") && svg.contains("512-512-256"));
        facts.arms.truncate(1);
        let svg = paint(&facts).unwrap();
        assert_eq!(letters(&facts), [String::new(), String::new()]);
        assert!(!svg.contains("third tower"));
        assert_texts_apart("overview", &svg);
    }

    /// The widest sizes that a profile is likely to have.
    #[test]
    fn sizes_of_the_published_model_fit() {
        let mut facts = fixture::large().facts;
        facts.model.audio.layers = LayersFacts { n: 24, d_model: 1024, n_heads: 16, d_ff: 4096, dropout: 0.1 };
        facts.model.head_hidden = vec![1024, 1024];
        assert_texts_apart("overview", &paint(&facts).unwrap());
    }
}
