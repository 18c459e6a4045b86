//! Figures as parts of the page: read, reduced to what a drawing needs, and prepared for keyboard and screen reader.
//!
//! A page that takes in a file as it is runs whatever the file holds. So a figure is parsed, only shapes and text with their
//! looks are written again, and a file with anything else in it (scripts, styles, foreign content) is refused.

use std::collections::BTreeSet;

use crate::html::escape;

/// Elements of a drawing. Everything else is refused, comments and the XML declaration excepted.
const ELEMENTS: [&str; 13] =
    ["svg", "g", "rect", "circle", "ellipse", "line", "polyline", "polygon", "path", "text", "tspan", "title", "desc"];
/// Attributes that are kept; others are dropped.
const ATTRIBUTES: [&str; 37] = [
    "cx",
    "cy",
    "d",
    "dominant-baseline",
    "dx",
    "dy",
    "fill",
    "fill-opacity",
    "fill-rule",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "letter-spacing",
    "opacity",
    "points",
    "preserveAspectRatio",
    "r",
    "rx",
    "ry",
    "stroke",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-opacity",
    "stroke-width",
    "text-anchor",
    "transform",
    "viewBox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
];
/// Colours that the page may exchange for those of its dark form: white, inks, greys and the fills of bars.
const PLAIN: [&str; 8] = ["none", "#FFFFFF", "#222222", "#000000", "#8A8A8A", "#E2E2E2", "#9CC4E4", "#0072B2"];
/// Pixels of the page for a print millimetre: the text of figures is then as large as that of tables.
const PX_PER_MM: f64 = 5.0;
/// Nesting at most.
const DEPTH: usize = 32;

/// A figure ready for the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The SVG element.
    pub svg: String,
    /// What the marks that carry a title say, in order.
    pub marks: Vec<String>,
    /// Whether its colours may be exchanged for dark ones: only plain colours, no text on coloured ground.
    pub adapts: bool,
}

enum Node {
    Element { name: String, attributes: Vec<(String, String)>, children: Vec<Node> },
    Text(String),
}

/// Reads an SVG and writes it for the page, named `label` and described by the element `described_by`.
///
/// # Errors
/// What is in the file that is no drawing.
pub fn drawing(text: &str, label: &str, described_by: &str) -> Result<Drawing, String> {
    let mut reader = Reader { rest: text };
    let root = reader.document()?;
    let mut out = Writer { svg: String::new(), marks: Vec::new(), colours: BTreeSet::new(), white_text: false };
    let Node::Element { name, attributes, children } = &root else { return Err("there is no drawing".to_owned()) };
    if name != "svg" {
        return Err(format!("its element is `{name}`, not `svg`"));
    }
    if !attributes.iter().any(|(name, _)| name == "viewBox") {
        return Err("it has no viewBox, so it cannot be scaled".to_owned());
    }
    out.children(children);
    let role = if out.marks.is_empty() { "img" } else { "group" };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"{role}\" aria-label=\"{}\" aria-describedby=\"{}\"{}>",
        escape(label),
        escape(described_by),
        kept(&scaled(attributes))
    );
    svg.push_str(&out.svg);
    svg.push_str("</svg>");
    let plain = out.colours.iter().all(|colour| PLAIN.contains(&colour.as_str()) || is_line_colour(colour));
    Ok(Drawing { svg, marks: out.marks, adapts: plain && !out.white_text })
}

/// The attributes of the drawing with a width in pixels instead of print millimetres; the height follows from it.
fn scaled(attributes: &[(String, String)]) -> Vec<(String, String)> {
    let scale = |(name, value): &(String, String)| match name.as_str() {
        "height" => None,
        "width" => {
            let mm: f64 = value.strip_suffix("mm")?.parse().ok()?;
            (mm > 0.0 && mm < 1e4).then(|| (name.clone(), format!("{:.0}", mm * PX_PER_MM)))
        }
        _ => Some((name.clone(), value.clone())),
    };
    attributes.iter().filter_map(scale).collect()
}

/// Colours of data lines and points: bright enough on both grounds.
fn is_line_colour(colour: &str) -> bool {
    ["#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#005A8F", "#B03A00", "#B4B4B4"].contains(&colour)
}

struct Writer {
    svg: String,
    marks: Vec<String>,
    colours: BTreeSet<String>,
    white_text: bool,
}

impl Writer {
    fn children(&mut self, children: &[Node]) {
        for child in children {
            match child {
                Node::Text(text) => self.svg.push_str(text.trim()),
                Node::Element { name, .. } if name == "title" || name == "desc" => {}
                Node::Element { name, attributes, children } => self.element(name, attributes, children),
            }
        }
    }

    fn element(&mut self, name: &str, attributes: &[(String, String)], children: &[Node]) {
        for (attribute, value) in attributes {
            if attribute == "fill" || attribute == "stroke" {
                self.colours.insert(value.to_uppercase().replace("NONE", "none"));
                self.white_text |=
                    attribute == "fill" && name.starts_with('t') && value.eq_ignore_ascii_case("#ffffff");
            }
        }
        self.svg.push('<');
        self.svg.push_str(name);
        self.svg.push_str(&kept(attributes));
        let title = children.iter().find_map(title);
        if let Some(title) = title.as_ref().filter(|title| self.marks.contains(title)) {
            // a second part of the same mark, such as its whiskers: for the pointer only
            let mark = format!(" class=\"mark\" aria-hidden=\"true\"><title>{title}</title>");
            self.svg.push_str(&mark);
        } else if let Some(title) = &title {
            // one stop of the tab key for the figure: the arrow keys lead from mark to mark
            let stop = if self.marks.is_empty() { "0" } else { "-1" };
            let mark = format!(" class=\"mark\" role=\"img\" tabindex=\"{stop}\"><title>{title}</title>");
            self.svg.push_str(&mark);
            self.marks.push(title.clone());
        } else {
            self.svg.push('>');
        }
        self.children(children);
        self.svg.push_str("</");
        self.svg.push_str(name);
        self.svg.push('>');
    }
}

/// The words of a title element, still escaped.
fn title(node: &Node) -> Option<String> {
    match node {
        Node::Element { name, children, .. } if name == "title" => {
            let words = children.iter().map(|child| match child {
                Node::Text(text) => text.as_str(),
                Node::Element { .. } => "",
            });
            let words = words.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
            (!words.is_empty()).then_some(words)
        }
        _ => None,
    }
}

/// The attributes of a drawing, with a space before each. Values were read without quotes and angle brackets in them.
fn kept(attributes: &[(String, String)]) -> String {
    let good = |(name, value): &&(String, String)| {
        (ATTRIBUTES.contains(&name.as_str()) || name == "y2") && !value.to_ascii_lowercase().contains("url(")
    };
    let words = attributes.iter().filter(good).flat_map(|(name, value)| [" ", name, "=\"", value, "\""]);
    words.collect()
}

/// A reader of the part of XML that drawings are written in.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, String> {
        self.skip_prolog()?;
        let root = self.element(0)?;
        self.skip_prolog()?;
        if self.rest.is_empty() { Ok(root) } else { Err("something follows the drawing".to_owned()) }
    }

    /// White space, the XML declaration and comments.
    fn skip_prolog(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("<?xml") {
                self.after("?>")?;
            } else if self.rest.starts_with("<!--") {
                self.after("-->")?;
            } else {
                return Ok(());
            }
        }
    }

    fn after(&mut self, end: &str) -> Result<(), String> {
        let at = self.rest.find(end).ok_or_else(|| format!("`{end}` is missing: the file is cut off"))?;
        self.rest = &self.rest[at + end.len()..];
        Ok(())
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> Result<String, String> {
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c))).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() {
            Err("a name is missing: the file is cut off or no SVG".to_owned())
        } else {
            Ok(name.to_owned())
        }
    }

    fn element(&mut self, depth: usize) -> Result<Node, String> {
        if !self.take("<") {
            return Err("it does not begin with an element".to_owned());
        }
        let name = self.name()?;
        if !ELEMENTS.contains(&name.as_str()) {
            return Err(format!("it holds `{name}`, which no drawing needs"));
        }
        if depth > DEPTH {
            return Err(format!("its elements are nested more than {DEPTH} deep"));
        }
        let mut attributes = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.take("/>") {
                return Ok(Node::Element { name, attributes, children: Vec::new() });
            }
            if self.take(">") {
                break;
            }
            attributes.push(self.attribute()?);
        }
        let children = self.children(&name, depth)?;
        Ok(Node::Element { name, attributes, children })
    }

    fn attribute(&mut self) -> Result<(String, String), String> {
        let name = self.name()?;
        let quote = ["=\"", "='"].into_iter().find(|start| self.take(start));
        let Some(quote) = quote.map(|start| &start[1..]) else { return Err(format!("`{name}` has no value")) };
        let end = self.rest.find(quote).ok_or("a quotation mark is missing: the file is cut off")?;
        let value = self.rest[..end].to_owned();
        if value.contains(['<', '>', '"']) {
            return Err(format!("`{name}` holds `<`, `>` or a quotation mark"));
        }
        checked(&value)?;
        self.rest = &self.rest[end + 1..];
        Ok((name, value))
    }

    fn children(&mut self, name: &str, depth: usize) -> Result<Vec<Node>, String> {
        let mut children = Vec::new();
        loop {
            if self.rest.starts_with("<!--") {
                self.after("-->")?;
            } else if self.take("</") {
                let closed = self.name()?;
                self.rest = self.rest.trim_start();
                if closed != name || !self.take(">") {
                    return Err(format!("`{name}` is closed by `{closed}`"));
                }
                return Ok(children);
            } else if self.rest.starts_with('<') {
                children.push(self.element(depth + 1)?);
            } else {
                let end = self.rest.find('<').ok_or_else(|| format!("`{name}` is not closed: the file is cut off"))?;
                let (text, rest) = self.rest.split_at(end);
                checked(text)?;
                children.push(Node::Text(text.replace('>', "&gt;")));
                self.rest = rest;
            }
        }
    }
}

/// Text in which every `&` begins a reference that HTML reads as XML does.
fn checked(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('&') {
        let name = text[at + 1..].split_once(';').map_or("", |(name, _)| name);
        let number = name.strip_prefix("#x").or_else(|| name.strip_prefix('#'));
        let known = ["amp", "lt", "gt", "quot", "apos"].contains(&name)
            || number.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit()));
        if !known {
            return Err("it holds a reference that is not known".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn svg(inner: &str) -> String {
        format!("<svg width=\"10mm\" viewBox=\"0 0 9 9\" xmlns=\"http://www.w3.org/2000/svg\">{inner}</svg>")
    }

    fn draw(inner: &str) -> Result<Drawing, String> {
        drawing(&svg(inner), "S of \"arms\"", "d")
    }

    proptest! {
        #[test]
        fn nothing_that_runs_gets_through(text in "[a-z<>/&;\"'= #!-]{0,60}", inner in "(<(rect|g|text|script|a|title)( (on[a-z]{2,5}|href|x|style)=\"[a-z():]{0,9}\")?/?>|</(rect|g|text)>|[a-z ]){0,8}") {
            for file in [text.clone(), svg(&text), svg(&inner)] {
                if let Ok(drawing) = drawing(&file, "x", "y") {
                    let lower = drawing.svg.to_lowercase();
                    for bad in ["<script", " on", "href", "style=", "javascript:", "<a"] {
                        // ` on` may stand in words, never in a tag
                        let in_tag = lower.split('<').filter_map(|part| part.split_once('>')).any(|(tag, _)| format!("<{tag}").contains(bad));
                        prop_assert!(!in_tag, "{bad} in {}", drawing.svg);
                    }
                }
            }
        }
    }

    #[test]
    fn a_drawing_keeps_shapes_words_and_looks() {
        let drawing =
            draw("<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"#9CC4E4\"/><text x=\"1\">\na &lt; b\n</text>")
                .unwrap();
        assert!(
            drawing.svg.contains("<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"#9CC4E4\"></rect>"),
            "{}",
            drawing.svg
        );
        assert!(drawing.svg.contains("<text x=\"1\">a &lt; b</text>"), "{}", drawing.svg);
        assert!(drawing.svg.contains("role=\"img\" aria-label=\"S of &quot;arms&quot;\" aria-describedby=\"d\""));
        assert!(drawing.adapts && drawing.marks.is_empty());
    }

    #[test]
    fn marks_with_titles_can_be_reached() {
        let drawing =
            draw("<rect x=\"1\"><title>D0:\n 52.5 %</title></rect><g><title>A4: 60 %</title><circle r=\"2\"/></g>")
                .unwrap();
        assert_eq!(drawing.marks, ["D0: 52.5 %", "A4: 60 %"]);
        assert!(drawing.svg.contains("role=\"group\""));
        assert!(
            drawing
                .svg
                .contains("<rect x=\"1\" class=\"mark\" role=\"img\" tabindex=\"0\"><title>D0: 52.5 %</title></rect>")
        );
        assert!(drawing.svg.contains(
            "<g class=\"mark\" role=\"img\" tabindex=\"-1\"><title>A4: 60 %</title><circle r=\"2\"></circle></g>"
        ));
        assert_eq!(drawing.svg.matches("tabindex=\"0\"").count(), 1, "one tab stop a figure");
    }

    #[test]
    fn a_mark_of_two_parts_is_one_value() {
        let drawing =
            draw("<g><title>D0: 1</title><rect x=\"1\"/></g><g><title>D0: 1</title><path d=\"M0 0\"/></g>").unwrap();
        assert_eq!(drawing.marks, ["D0: 1"]);
        assert_eq!((drawing.svg.matches("tabindex").count(), drawing.svg.matches("<title>").count()), (1, 2));
        assert!(
            drawing.svg.contains("<g class=\"mark\" aria-hidden=\"true\"><title>D0: 1</title><path"),
            "{}",
            drawing.svg
        );
    }

    #[test]
    fn what_is_no_drawing_is_refused_and_said() {
        for (inner, said) in [
            ("<script>alert(1)</script>", "script"),
            ("<foreignObject/>", "foreignObject"),
            ("<image href=\"http://x\"/>", "image"),
            ("<a href=\"javascript:x\"/>", "`a`"),
            ("<style>*{}</style>", "style"),
            ("<text>&evil;</text>", "reference"),
            ("<rect x=\"1", "cut off"),
            ("<g>", "closed"),
            ("<rect x=1/>", "no value"),
            ("<![CDATA[x]]>", "name is missing"),
        ] {
            let error = draw(inner).unwrap_err();
            assert!(error.contains(said), "{inner}: {error}");
        }
        for (file, said) in [
            ("", "begin"),
            ("<g/>", "viewBox"),
            ("<svg viewBox=\"0 0 1 1\"/>x", "follows"),
            ("<!DOCTYPE x []><svg/>", "name"),
        ] {
            let error = drawing(file, "x", "y").unwrap_err();
            assert!(error.contains(said) || file == "<g/>" && error.contains("not `svg`"), "{file}: {error}");
        }
        let deep = "<g>".repeat(40) + &"</g>".repeat(40);
        assert!(draw(&deep).unwrap_err().contains("deep"));
    }

    #[test]
    fn print_sizes_become_sizes_of_the_page() {
        assert!(
            draw("").unwrap().svg.ends_with(" width=\"50\" viewBox=\"0 0 9 9\"></svg>"),
            "{}",
            draw("").unwrap().svg
        );
        for size in ["width=\"100%\"", "width=\"-3mm\"", "width=\"1e99mm\"", "height=\"7mm\"", "width=\"nanmm\""] {
            let drawing = drawing(&format!("<svg {size} viewBox=\"0 0 9 9\"/>"), "x", "y").unwrap();
            assert!(drawing.svg.ends_with("aria-describedby=\"y\" viewBox=\"0 0 9 9\"></svg>"), "{}", drawing.svg);
        }
    }

    #[test]
    fn attributes_that_act_are_dropped() {
        let drawing =
            draw("<rect x=\"1\" onclick=\"x()\" style=\"fill:url(http://x)\" fill=\"url(#a)\" id=\"main\"/>").unwrap();
        assert!(drawing.svg.contains("<rect x=\"1\"></rect>"), "{}", drawing.svg);
    }

    #[test]
    fn colours_decide_whether_a_figure_turns_dark() {
        assert!(draw("<path d=\"M0 0\" stroke=\"#d55e00\" fill=\"none\"/>").unwrap().adapts);
        assert!(!draw("<rect fill=\"#440154\"/>").unwrap().adapts, "a cell of a heat map keeps its colour");
        assert!(!draw("<text fill=\"#FFFFFF\">1</text>").unwrap().adapts, "white words stand on something dark");
    }
}
