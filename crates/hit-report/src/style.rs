//! One style for all figures: size in print millimetres, one bundled font, colours that survive colour blindness and
//! greyscale through marker and dash, and a canvas to draw on.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Once;

use plotters::prelude::*;
pub(crate) use plotters::style::RGBColor as RGB;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::frame::Measured;
use crate::latex::Format;

/// Drawing units a millimetre: plotters rounds to whole units, which are then 1/20 mm.
pub(crate) const UNITS_PER_MM: f64 = 20.0;
const FONT: &str = "Open Sans";
static FONT_BYTES: &[u8] = include_bytes!("fonts/OpenSans-Regular.ttf");

/// Ascent and descent of the font together, in its em (2789 of 2048 units): plotters measures text whose height is
/// the size asked for, SVG sets text whose em is.
const HEIGHT_PER_EM: f64 = 2789.0 / 2048.0;

/// Size of all text, millimetres (8 pt).
pub(crate) const TEXT_MM: f64 = 2.8;
/// Width of axes and thin lines, millimetres.
pub(crate) const THIN_MM: f64 = 0.2;
/// Width of data lines, millimetres.
pub(crate) const LINE_MM: f64 = 0.45;

pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const GREY: RGBColor = RGBColor(0x8a, 0x8a, 0x8a);
/// Colour of what is heard, dark in grey, and of what is written, light in grey.
pub(crate) const AUDIO: RGBColor = RGBColor(0x00, 0x5a, 0x8f);
pub(crate) const MIDI: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
pub(crate) const PALE: RGBColor = RGBColor(0xe2, 0xe2, 0xe2);

/// Surface of a bar: light enough for ink on it.
pub(crate) const BAR: RGBColor = RGBColor(0x9c, 0xc4, 0xe4);
/// Edge and hatching of bars: the blue of Okabe and Ito.
pub(crate) const BAR_INK: RGBColor = RGBColor(0x00, 0x72, 0xb2);

/// Colours of Okabe and Ito that stand out on white, dark ones first.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
];

/// Shape of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
}

const MARKERS: [Marker; 5] = [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Down];
/// Lengths drawn and left out in turn, millimetres; empty is a solid line.
const DASHES: [&[f64]; 4] = [&[], &[2.2, 0.9], &[0.7, 0.7], &[2.6, 0.8, 0.6, 0.8]];

/// How the arm at that place of the configuration is drawn: no two of the first 60 look alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) colour: RGBColor,
    pub(crate) marker: Marker,
    pub(crate) dash: &'static [f64],
}

pub(crate) fn look(idx: usize) -> Look {
    let dash = DASHES[idx % DASHES.len()];
    Look { colour: PALETTE[idx % PALETTE.len()], marker: MARKERS[idx % MARKERS.len()], dash }
}

/// Where text sits relative to its point, horizontally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Start,
    Middle,
    End,
}

/// A drawing of fixed print size; all coordinates in millimetres from the top left.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    /// SVG that plotters cannot write, in the order of its placeholders.
    raw: RefCell<Vec<String>>,
}

/// Stands around the number of a fragment where [`Canvas::raw`] put it; a character that no text has.
const PLACEHOLDER: char = '\u{e000}';

/// Draws a figure of that size and returns its SVG text, sized in millimetres.
pub(crate) fn draw(
    (width_mm, height_mm): (f64, f64),
    paint: impl FnOnce(&Canvas) -> Result<(), String>,
) -> Result<String, String> {
    register();
    let units = |mm: f64| (mm * UNITS_PER_MM).round() as u32;
    let size = (units(width_mm), units(height_mm));
    let mut svg = String::new();
    let fragments = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(|error| error.to_string())?;
        let canvas = Canvas { area, raw: RefCell::default() };
        paint(&canvas)?;
        canvas.area.present().map_err(|error| error.to_string())?;
        canvas.raw.take()
    };
    let svg = restored(&svg, &fragments);
    let plain = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let print = format!("width=\"{width_mm}mm\" height=\"{height_mm}mm\"");
    Ok(svg.replacen(&plain, &print, 1))
}

/// The SVG with its fragments in the places of the text elements that stand for them.
fn restored(svg: &str, fragments: &[String]) -> String {
    let mut out = String::with_capacity(svg.len() + fragments.iter().map(String::len).sum::<usize>());
    for element in svg.split_inclusive("</text>\n") {
        let fragment = element.rsplit_once("<text").and_then(|(before, text)| {
            let number: usize = text.split(PLACEHOLDER).nth(1)?.parse().ok()?;
            Some((before, fragments.get(number)?))
        });
        match fragment {
            Some((before, fragment)) => out.extend([before, fragment.as_str(), "\n"]),
            None => out.push_str(element),
        }
    }
    out
}

/// Words as the text of an SVG element.
fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || c == PLACEHOLDER => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let registered = plotters::style::register_font(FONT, FontStyle::Normal, FONT_BYTES);
        assert!(registered.is_ok(), "the bundled font is a font");
    });
}

/// The PDF of an SVG that [`draw`] made, with the bundled font and no other.
pub(crate) fn pdf(svg: &str) -> Result<Vec<u8>, String> {
    let mut options = svg2pdf::usvg::Options { font_family: FONT.to_owned(), ..Default::default() };
    options.fontdb_mut().load_font_data(FONT_BYTES.to_vec());
    let tree = svg2pdf::usvg::Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    // an SVG pixel is 1/96 inch, so the page has the millimetres that the SVG says
    let page = svg2pdf::PageOptions { dpi: 96.0 };
    svg2pdf::to_pdf(&tree, svg2pdf::ConversionOptions::default(), page).map_err(|error| error.to_string())
}

/// Two whole numbers as a path writes them, without a space before a sign.
fn pair((x, y): (i32, i32)) -> String {
    if y < 0 { format!("{x}{y}") } else { format!("{x} {y}") }
}

fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

fn px((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNITS_PER_MM).round() as i32, (y * UNITS_PER_MM).round() as i32)
}

fn stroke(colour: RGBColor, width_mm: f64) -> ShapeStyle {
    ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: (width_mm * UNITS_PER_MM).round() as u32 }
}

impl<'a> Canvas<'a> {
    fn element<'e, E>(&self, element: &'e E) -> Result<(), String>
    where
        &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: plotters::element::Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).map_err(|error| error.to_string())
    }

    /// Text of the one size, its middle line at `y`.
    pub(crate) fn text(&self, text: &str, at: (f64, f64), place: At, colour: RGBColor) -> Result<(), String> {
        let hpos = match place {
            At::Start => HPos::Left,
            At::Middle => HPos::Center,
            At::End => HPos::Right,
        };
        // plotters writes font-size = size / 1.24
        let style =
            TextStyle::from((FONT, TEXT_MM * UNITS_PER_MM * 1.24)).pos(Pos::new(hpos, VPos::Center)).color(&colour);
        self.area.draw_text(&text.replace(PLACEHOLDER, " "), &style, px(at)).map_err(|error| error.to_string())
    }

    /// What `paint` draws as one group with a title, which a page shows where the pointer is over it.
    pub(crate) fn titled(&self, title: &str, paint: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        self.raw(format!("<g><title>{}</title>", escaped(title)))?;
        paint()?;
        self.raw("</g>".to_owned())
    }

    /// What `paint` draws with [`Canvas::strokes`], all in one colour and width, with round or square ends.
    pub(crate) fn stroked(
        &self,
        colour: RGBColor,
        width_mm: f64,
        round: bool,
        paint: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        let cap = if round { "round" } else { "square" };
        let (width, hex) = ((width_mm * UNITS_PER_MM).round(), hex(colour));
        self.raw(format!("<g fill=\"none\" stroke=\"{hex}\" stroke-width=\"{width}\" stroke-linecap=\"{cap}\">"))?;
        paint()?;
        self.raw("</g>".to_owned())
    }

    /// Many short strokes as one element with a title: from each point `[x, y]` along its vector, millimetres. A stroke of
    /// no length is a dot.
    pub(crate) fn strokes(&self, title: &str, strokes: &[[(f64, f64); 2]]) -> Result<(), String> {
        let mut path = String::new();
        let mut pen = (0, 0);
        for [from, along] in strokes {
            let ((x, y), to) = (px(*from), px((from.0 + along.0, from.1 + along.1)));
            // steps from the last end are shorter to write than places
            let (step, letter) = if path.is_empty() { ((x, y), 'M') } else { ((x - pen.0, y - pen.1), 'm') };
            let _ = write!(path, "{letter}{}", pair(step));
            // a stroke that does not move at all is left out by some programs
            pen = if to == (x, y) { (x + 1, y) } else { to };
            let _ = if to == (x, y) { write!(path, "h1") } else { write!(path, "l{}", pair((pen.0 - x, pen.1 - y))) };
        }
        self.raw(format!("<path d=\"{path}\"><title>{}</title></path>", escaped(title)))
    }

    /// Puts a piece of SVG here.
    fn raw(&self, fragment: String) -> Result<(), String> {
        let number = self.raw.borrow().len();
        self.raw.borrow_mut().push(fragment);
        let style = TextStyle::from((FONT, TEXT_MM * UNITS_PER_MM));
        let placeholder = format!("{PLACEHOLDER}{number}{PLACEHOLDER}");
        self.area.draw_text(&placeholder, &style, (0, 0)).map_err(|error| error.to_string())
    }

    /// Width of a text, millimetres.
    pub(crate) fn text_width(&self, text: &str) -> Result<f64, String> {
        let style = TextStyle::from((FONT, TEXT_MM * UNITS_PER_MM * HEIGHT_PER_EM));
        let (width, _) = self.area.estimate_text_size(text, &style).map_err(|error| error.to_string())?;
        Ok(f64::from(width) / UNITS_PER_MM)
    }

    /// A line through points, with dashes if there are any.
    pub(crate) fn line(
        &self,
        points: &[(f64, f64)],
        colour: RGBColor,
        width_mm: f64,
        dash: &[f64],
    ) -> Result<(), String> {
        for piece in dashes(points, dash) {
            self.element(&PathElement::new(piece.into_iter().map(px).collect::<Vec<_>>(), stroke(colour, width_mm)))?;
        }
        Ok(())
    }

    /// A filled rectangle `[left, top, right, bottom]` with a thin edge.
    pub(crate) fn bar(&self, rect: [f64; 4], fill: RGBColor) -> Result<(), String> {
        let [left, top, right, bottom] = rect;
        self.element(&Rectangle::new([px((left, top)), px((right, bottom))], fill.filled()))?;
        self.frame(rect, BAR_INK, THIN_MM)
    }

    /// A white rectangle with hatching and edge of that colour.
    pub(crate) fn hatched(&self, rect: [f64; 4], colour: RGBColor) -> Result<(), String> {
        let [left, top, right, bottom] = rect;
        self.element(&Rectangle::new([px((left, top)), px((right, bottom))], WHITE.filled()))?;
        for line in diagonals(rect, 1.3) {
            self.line(&line, colour, THIN_MM, &[])?;
        }
        self.frame(rect, colour, THIN_MM)
    }

    /// A filled rectangle without an edge.
    pub(crate) fn surface(&self, [left, top, right, bottom]: [f64; 4], fill: RGBColor) -> Result<(), String> {
        self.element(&Rectangle::new([px((left, top)), px((right, bottom))], fill.filled()))
    }

    /// The edge of a rectangle.
    pub(crate) fn frame(&self, rect: [f64; 4], colour: RGBColor, width_mm: f64) -> Result<(), String> {
        let [left, top, right, bottom] = rect;
        self.line(&[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], colour, width_mm, &[])
    }

    /// A data point of that half width; hollow ones are white inside.
    pub(crate) fn marker(
        &self,
        marker: Marker,
        (x, y): (f64, f64),
        r: f64,
        colour: RGBColor,
        hollow: bool,
    ) -> Result<(), String> {
        let fill = if hollow { WHITE } else { colour };
        let corners: Vec<(f64, f64)> = match marker {
            Marker::Circle => {
                self.element(&Circle::new(px((x, y)), (r * UNITS_PER_MM).round() as i32, fill.filled()))?;
                let edge = stroke(colour, THIN_MM);
                return self.element(&Circle::new(px((x, y)), (r * UNITS_PER_MM).round() as i32, edge));
            }
            Marker::Square => vec![(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Marker::Triangle => vec![(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
            Marker::Diamond => vec![(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
            Marker::Down => vec![(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)],
        };
        let mut points: Vec<_> = corners.into_iter().map(|(dx, dy)| px((x + r * dx, y + r * dy))).collect();
        self.element(&Polygon::new(points.clone(), fill.filled()))?;
        points.push(points[0]);
        self.element(&PathElement::new(points, stroke(colour, THIN_MM)))
    }
}

/// The diagonals that hatch a rectangle `[left, top, right, bottom]`, `step` apart along its lower edge, rising to the right.
fn diagonals([left, top, right, bottom]: [f64; 4], step: f64) -> Vec<[(f64, f64); 2]> {
    let height = bottom - top;
    let n = ((right - left + height) / step).ceil().max(0.0) as usize;
    // the k-th line leaves the lower edge, prolonged to the left by the height, at `foot`
    let line = |k: usize| {
        let foot = left - height + step * k as f64;
        let (from, to) = (foot.max(left), (foot + height).min(right));
        (to > from).then(|| [from, to].map(|x| (x, bottom - (x - foot))))
    };
    (1..n.max(1)).filter_map(line).collect()
}

/// Cuts a line into its dashes; the whole line if `dash` is empty.
fn dashes(points: &[(f64, f64)], dash: &[f64]) -> Vec<Vec<(f64, f64)>> {
    if dash.is_empty() || points.len() < 2 {
        return vec![points.to_vec()];
    }
    let (mut pieces, mut current) = (Vec::new(), vec![points[0]]);
    let (mut which, mut left) = (0, dash[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let rest = libm_hypot(to.0 - from.0, to.1 - from.1);
            if rest <= left {
                left -= rest;
                current.push(to);
                break;
            }
            let share = left / rest;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            current.push(from);
            if which % 2 == 0 {
                pieces.push(std::mem::take(&mut current));
            }
            current = vec![from];
            which += 1;
            left = dash[which % dash.len()];
        }
    }
    if which % 2 == 0 && current.len() > 1 {
        pieces.push(current);
    }
    pieces
}

/// Length of a vector: `sqrt` is exact by IEEE 754, so the same on every machine.
fn libm_hypot(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

/// A value with its unit and interval, in words.
pub(crate) fn words(measured: &Measured, metric: &str) -> String {
    let format = Format::of(metric, &measured.unit);
    let unit = if measured.unit.is_empty() { String::new() } else { format!(" {}", measured.unit) };
    let interval = measured.interval.map(|(low, high)| format!(" ({} to {})", format.plain(low), format.plain(high)));
    format!("{}{unit}{}", format.plain(measured.value), interval.unwrap_or_default())
}

/// A linear axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<f64>,
}

impl Axis {
    /// An axis with round ticks, about `n` of them, that covers all finite values.
    pub(crate) fn covering(values: impl Iterator<Item = f64>, n: usize) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = match (low.is_finite(), high > low) {
            (false, _) => (0.0, 1.0),
            (true, false) => (low - 0.5, low + 0.5),
            (true, true) => (low, high),
        };
        let step = round_step((high - low) / n as f64);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let ticks: Vec<f64> = (0..=(last - first) as usize).map(|k| (first + k as f64) * step).collect();
        Self { low: first * step, high: last * step, ticks }
    }

    /// Tick labels with the decimals that tell neighbours apart.
    pub(crate) fn labels(&self) -> Vec<String> {
        let step = if self.ticks.len() > 1 { self.ticks[1] - self.ticks[0] } else { 1.0 };
        let decimals = (0..6).find(|d| step * 10_f64.powi(*d) >= 0.999).unwrap_or(6) as usize;
        self.ticks.iter().map(|tick| crate::latex::Format::Fixed(decimals).plain(*tick).replace('-', "−")).collect()
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let mut unit = 1.0;
    while unit > step {
        unit /= 10.0;
    }
    while unit * 10.0 <= step {
        unit *= 10.0;
    }
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * unit).find(|k| *k >= step * 0.999_999).unwrap_or(10.0 * unit)
}

/// A plotting area with its axes.
pub(crate) struct Panel {
    /// Left, top, right, bottom, millimetres.
    pub(crate) frame: [f64; 4],
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Panel {
    /// Draws frame, grid lines and value labels of the vertical axis, and `title` above it.
    pub(crate) fn new(canvas: &Canvas, frame: [f64; 4], x: Axis, y: Axis, title: &str) -> Result<Self, String> {
        let panel = Self { frame, x, y };
        let [left, top, right, bottom] = frame;
        for (tick, label) in panel.y.ticks.iter().zip(panel.y.labels()) {
            let at = panel.at(panel.x.low, *tick).1;
            canvas.line(&[(left, at), (right, at)], PALE, THIN_MM, &[])?;
            canvas.text(&label, (left - 1.2, at), At::End, INK)?;
        }
        canvas.line(&[(left, top), (left, bottom), (right, bottom)], INK, THIN_MM, &[])?;
        canvas.text(title, (left - 6.0, top - 4.0), At::Start, INK)?;
        Ok(panel)
    }

    /// Draws the labels of the horizontal axis and its title below.
    pub(crate) fn x_labels(&self, canvas: &Canvas, title: &str) -> Result<(), String> {
        let [left, _, right, bottom] = self.frame;
        for (tick, label) in self.x.ticks.iter().zip(self.x.labels()) {
            let at = self.at(*tick, self.y.low).0;
            canvas.line(&[(at, bottom), (at, bottom + 0.9)], INK, THIN_MM, &[])?;
            canvas.text(&label, (at, bottom + 2.9), At::Middle, INK)?;
        }
        canvas.text(title, (f64::midpoint(left, right), bottom + 6.6), At::Middle, INK)
    }

    /// Where a value lies on the canvas.
    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let [left, top, right, bottom] = self.frame;
        let share = |axis: &Axis, value: f64| (value - axis.low) / (axis.high - axis.low);
        (left + share(&self.x, x) * (right - left), bottom - share(&self.y, y) * (bottom - top))
    }
}

/// Draws a legend in rows from the top left, breaking where `right` is reached; returns its lower end.
pub(crate) fn legend(
    canvas: &Canvas,
    items: &[(String, Look)],
    (left, top): (f64, f64),
    right: f64,
) -> Result<f64, String> {
    let (sample, gap, row) = (8.0, 5.0, 4.4);
    let (mut x, mut y) = (left, top);
    for (label, look) in items {
        let width = sample + 1.5 + canvas.text_width(label)?;
        if x > left && x + width > right {
            (x, y) = (left, y + row);
        }
        canvas.line(&[(x, y), (x + sample, y)], look.colour, LINE_MM, look.dash)?;
        canvas.marker(look.marker, (x + sample / 2.0, y), 0.9, look.colour, false)?;
        canvas.text(label, (x + sample + 1.5, y), At::Start, INK)?;
        x += width + gap;
    }
    Ok(y + row / 2.0)
}

#[cfg(test)]
mod tests;
