//! Similarity of all layers of both encoders, a panel a model (after Figure 5 of the paper). Rows and columns run from the
//! first audio layer to the last MIDI layer, so that the diagonal of ones falls from the upper left.

use super::tested::{self, nothing};
use super::{FigureDef, failed};
use crate::error::Error;
use crate::frame::Select;
use crate::sources::{Input, Sources};
use crate::style::{self, At, Canvas, INK, LINE_MM, PALE, RGB, THIN_MM};
use crate::tables::battery::{Battery, Model};

pub(super) const DEF: FigureDef = FigureDef {
    id: "cka",
    number: Some("5"),
    title: "Similarity of all layers of both encoders",
    inputs: &[Input::Measurements],
    draw,
};

const PREFIX: &str = "sampled/";
const CELL_MM: f64 = 7.6;
const COLUMNS: usize = 2;

/// The similarities of a model: names of layers, and the value of each pair of two.
struct Matrix {
    label: String,
    layers: Vec<String>,
    /// By row and column; none where it was not measured.
    values: Vec<Vec<Option<f64>>>,
}

fn draw(sources: &Sources) -> Result<String, Error> {
    let battery = Battery::read(sources, "t06")?;
    let mut matrices = Vec::new();
    for of in tested::models(sources, &battery)? {
        let matrix = matrix(sources, &of.model, of.label)?;
        matrices.extend((!matrix.layers.is_empty()).then_some(matrix));
    }
    paint(&matrices).map_err(|what| failed(DEF.id, what))
}

fn matrix(sources: &Sources, model: &Model, label: String) -> Result<Matrix, Error> {
    let mut select = Select::stage("t06").arm(&model.arm).schedule(&model.schedule).metric("cka");
    select.seed = model.seed;
    let frame = sources.frame()?.filter(&select)?;
    let mut found = Vec::new();
    for (condition, value) in frame.words("condition")?.into_iter().zip(frame.measured()?) {
        if let Some((row, column)) = condition.strip_prefix(PREFIX).and_then(|pair| pair.split_once('~')) {
            found.push((row.to_owned(), column.to_owned(), value.value));
        }
    }
    let mut layers: Vec<String> = found.iter().flat_map(|(row, column, _)| [row.clone(), column.clone()]).collect();
    layers.sort_by_key(|layer| place(layer));
    layers.dedup();
    let value = |a: &String, b: &String| {
        let pair = |(row, column, _): &&(String, String, f64)| (row == a && column == b) || (row == b && column == a);
        if a == b { Some(1.0) } else { found.iter().find(pair).map(|cell| cell.2) }
    };
    let values = layers.iter().map(|row| layers.iter().map(|column| value(row, column)).collect()).collect();
    Ok(Matrix { label, layers, values })
}

/// Audio before MIDI, then by number.
fn place(layer: &str) -> (bool, usize, String) {
    let (side, number) = layer.split_once('.').unwrap_or((layer, ""));
    (side != "audio", number.parse().unwrap_or(usize::MAX), layer.to_owned())
}

/// `audio.3` is A3.
fn short(layer: &str) -> String {
    match layer.split_once('.') {
        Some(("audio", number)) => format!("A{number}"),
        Some(("midi", number)) => format!("M{number}"),
        _ => layer.to_owned(),
    }
}

fn paint(matrices: &[Matrix]) -> Result<String, String> {
    let n = matrices.iter().map(|matrix| matrix.layers.len()).max().unwrap_or(0).max(4) as f64;
    let columns = matrices.len().clamp(1, COLUMNS);
    let (each, tall) = (CELL_MM * n + 14.0, CELL_MM * n + 16.0);
    let rows = matrices.len().max(1).div_ceil(columns);
    let size = ((each * columns as f64 + 2.0).max(72.0), tall * rows as f64 + 12.0);
    style::draw(size, |canvas| {
        for (idx, matrix) in matrices.iter().enumerate() {
            let at = (each * (idx % columns) as f64 + 9.0, tall * (idx / columns) as f64 + 7.0);
            draw_matrix(canvas, matrix, at)?;
        }
        if matrices.is_empty() {
            nothing(canvas, (size.0 / 2.0, tall / 2.0))?;
        }
        key(canvas, (9.0, size.1 - 8.0))
    })
}

fn draw_matrix(canvas: &Canvas, matrix: &Matrix, (left, top): (f64, f64)) -> Result<(), String> {
    canvas.text(&matrix.label, (left, top - 3.6), At::Start, INK)?;
    for (row, name) in matrix.layers.iter().enumerate() {
        let middle = CELL_MM * (row as f64 + 0.5);
        canvas.text(&short(name), (left - 1.4, top + middle), At::End, INK)?;
        let below = top + CELL_MM * matrix.layers.len() as f64 + 2.6;
        canvas.text(&short(name), (left + middle, below), At::Middle, INK)?;
        for (column, other) in matrix.layers.iter().enumerate() {
            let Some(value) = matrix.values[row][column] else { continue };
            let rect = cell(left, top, row, column);
            let number = crate::latex::Format::Fixed(2).plain(value);
            let title = format!("{}, {} and {}: CKA {number}", matrix.label, short(name), short(other));
            canvas.titled(&title, || canvas.surface(rect, shade(value)))?;
            let middle = (f64::midpoint(rect[0], rect[2]), f64::midpoint(rect[1], rect[3]));
            canvas.text(if row == column { "1" } else { &number }, middle, At::Middle, ink_on(value))?;
        }
    }
    let n = matrix.layers.len();
    let audio = matrix.layers.iter().filter(|layer| layer.starts_with("audio")).count();
    let all = [left, top, left + CELL_MM * n as f64, top + CELL_MM * n as f64];
    canvas.frame(all, INK, THIN_MM)?;
    // the block that the headline number is the mean of, above the diagonal
    if audio > 0 && audio < n {
        let block = [left + CELL_MM * audio as f64, top, all[2], top + CELL_MM * audio as f64];
        canvas.frame(block, INK, 1.6 * LINE_MM)?;
    }
    Ok(())
}

fn cell(left: f64, top: f64, row: usize, column: usize) -> [f64; 4] {
    let (x, y) = (left + CELL_MM * column as f64, top + CELL_MM * row as f64);
    [x, y, x + CELL_MM, y + CELL_MM]
}

/// From white at zero to a dark blue at one; lightness falls evenly, so that it reads in grey.
fn shade(value: f64) -> RGB {
    let share = value.clamp(0.0, 1.0);
    let mix = |light: f64, dark: f64| (light + share * (dark - light)).round() as u8;
    RGB(mix(255.0, 0.0), mix(255.0, 38.0), mix(255.0, 84.0))
}

fn ink_on(value: f64) -> RGB {
    if value > 0.62 { RGB(255, 255, 255) } else { RGB(0, 0, 0) }
}

/// What the shades mean.
fn key(canvas: &Canvas, (left, top): (f64, f64)) -> Result<(), String> {
    canvas.text("CKA", (left, top + 1.5), At::Start, INK)?;
    for step in 0..=10_u8 {
        let x = left + 9.0 + 4.0 * f64::from(step);
        canvas.surface([x, top, x + 4.0, top + 3.0], shade(f64::from(step) / 10.0))?;
    }
    canvas.frame([left + 9.0, top, left + 53.0, top + 3.0], PALE, THIN_MM)?;
    for (at, label) in [(11.0, "0"), (31.0, "0.5"), (51.0, "1")] {
        canvas.text(label, (left + at, top + 5.2), At::Middle, INK)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_run_from_audio_to_midi_by_number() {
        let mut layers = ["midi.0", "audio.10", "audio.2", "odd", "midi.11", "audio.0"].map(str::to_owned).to_vec();
        layers.sort_by_key(|layer| place(layer));
        assert_eq!(layers, ["audio.0", "audio.2", "audio.10", "midi.0", "midi.11", "odd"]);
        assert_eq!((short("audio.2"), short("midi.0"), short("odd")), ("A2".into(), "M0".into(), "odd".into()));
    }

    #[test]
    fn shades_darken_and_words_stay_readable_on_them() {
        let light = |colour: RGB| {
            let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
            0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
        };
        let shades: Vec<f64> = (0..=20).map(|k| light(shade(f64::from(k) / 20.0))).collect();
        assert!(shades.windows(2).all(|pair| pair[1] < pair[0]), "{shades:?}");
        for k in 0..=20 {
            let value = f64::from(k) / 20.0;
            let (a, b) = (light(shade(value)), light(ink_on(value)));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast > 4.5, "{value}: {contrast}");
        }
        assert_eq!((shade(-3.0), shade(7.0)), (shade(0.0), shade(1.0)));
    }
}
