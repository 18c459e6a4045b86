//! Where the numbers come from: key and output of the stages that make them.

use super::TableDef;
use crate::error::Error;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "provenance",
    number: None,
    title: "Keys and outputs of the stages that the numbers come from",
    inputs: &[Input::Lineage],
    build,
};

/// Kinds of stages that are listed, and what they are called.
const KINDS: [(&str, &str); 5] = [
    ("dataset", "Splits"),
    ("descriptor", "Descriptors"),
    ("train", "Trainings"),
    ("battery", "Experiments"),
    ("measurements", "All measurements"),
];
/// Hexadecimal digits of a digest that are printed.
const DIGITS: usize = 16;

/// Of the lineage of the measurements the stages of these kinds; parts of a condition (`descriptor/a4/validation/shift.+4000`) are left out.
fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("stage", "Stage", Align::Left),
        Column::new("key", "Key", Align::Left),
        Column::new("output", "Output", Align::Left),
        Column::new("digest", "Digest", Align::Left),
    ]);
    sheet.long = Some("provenancecaption");
    let stages: Vec<Line> = sources.lineage_text()?.lines().filter_map(Line::parse).collect();
    for (kind, heading) in KINDS {
        let mut of = stages.iter().filter(|line| line.is_of(kind)).peekable();
        if of.peek().is_some() {
            sheet.group(heading);
        }
        for line in of {
            let short = |digest: &str| Cell::text(digest.get(..DIGITS).unwrap_or(digest));
            sheet.row(vec![Cell::text(line.stage), short(line.key), Cell::text(line.output), short(line.digest)]);
        }
    }
    sheet.note(
        "Of stages with several outputs the first by name. The whole graph, with digests in full, is in pipeline.lock.",
    );
    Ok(sheet)
}

/// `id key output=digest ...`
struct Line<'a> {
    stage: &'a str,
    key: &'a str,
    output: &'a str,
    digest: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (stage, key) = (words.next()?, words.next()?);
        let (output, digest) = words.next()?.split_once('=')?;
        Some(Self { stage, key, output, digest })
    }

    fn is_of(&self, kind: &str) -> bool {
        let mut parts = self.stage.split('/');
        parts.next() == Some(kind) && (kind != "descriptor" || parts.count() <= 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn rows(lineage: &str) -> Vec<Vec<String>> {
        let sheet = build(&fixture::sources().with_lineage(lineage)).unwrap();
        let csv = sheet.csv();
        csv.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn stages_of_the_listed_kinds_stand_with_the_first_output() {
        let digest = "0123456789abcdef0123456789abcdef";
        let text = format!(
            "train/screening/D0@cosine5#42 {digest} checkpoints={digest} history=ff\nsegment/a/b k x=y\ndescriptor/a4/train k features=d\n\
             descriptor/a4/validation/shift.+4000 k features=d\nmeasurements k measurements=m\n"
        );
        let rows = rows(&text);
        let stages: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(
            stages,
            ["descriptor/a4/train", "train/screening/D0@cosine5#42", "measurements"],
            "in the order of kinds"
        );
        assert_eq!(
            rows[1],
            ["Trainings", "train/screening/D0@cosine5#42", &digest[..16], "checkpoints", &digest[..16]]
        );
    }

    #[test]
    fn other_lines_are_left_out() {
        assert_eq!(rows("train/x\nbattery/y key\ntrain/z key output\n\n"), Vec::<Vec<String>>::new());
    }
}
