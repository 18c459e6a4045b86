//! The bands of A4 as they are computed, beside Table 1 of the paper.

use super::TableDef;
use super::battery::published;
use crate::error::Error;
use crate::latex::Format;
use crate::published::LeafValue;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "octaves",
    number: Some("1"),
    title: "The bands of descriptor A4",
    inputs: &[Input::Published],
    build,
};

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let (spectrum, rate) = (&sources.facts.spectrum, sources.facts.corpus.windows.sample_rate_hz);
    let mut columns = vec![Column::new("band", "Band", Align::Left)];
    let numbers = [
        ("bin_first", "First bin"),
        ("bin_last", "Last bin"),
        ("hz_first", "at (Hz)"),
        ("hz_last", "to (Hz)"),
        ("published_bin_start", "First publ."),
        ("published_bin_end", "End publ."),
        ("published_low", "from (Hz)"),
        ("published_high", "to (Hz)"),
    ];
    columns.extend(numbers.map(|(name, head)| Column::new(name, head, Align::Right)));
    columns.push(Column::new("published_content", "Content, as printed", Align::Left));
    let mut sheet = Sheet::new(columns);
    for (idx, [first, end]) in spectrum.bands.iter().copied().enumerate() {
        let last = end.saturating_sub(1);
        let hz = |bin: u64| Cell::Number(spectrum.hz(bin, rate), Format::Fixed(1));
        let count = |n: u64| Cell::Number(n as f64, Format::Count);
        let mut cells = vec![Cell::text(idx.to_string()), count(first), count(last), hz(first), hz(last)];
        for column in ["bin_start", "bin_end", "low", "high"] {
            cells.push(published(sources, &format!("table01_a4_bands.band{idx}.{column}"), Format::Shortest)?);
        }
        let content = sources.published()?.find(&format!("table01_a4_bands.band{idx}.content"));
        cells.push(match content.map(|leaf| &leaf.value) {
            Some(LeafValue::Text(words)) => Cell::text(words),
            _ => Cell::Missing,
        });
        sheet.row(cells);
    }
    sheet.note(format!(
        "Frames of {} samples every {}. Frequencies are those of the middle of the first and of the last bin; the paper \
         prints the first bin after a band and its frequency as the end. What lies below the first band is not used.",
        spectrum.n_fft, spectrum.hop
    ));
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    fn rows(sources: &Sources) -> Vec<Vec<String>> {
        let plain = |row: &SheetRow| match row {
            SheetRow::Cells(cells) => cells.iter().map(Cell::plain).collect(),
            SheetRow::Group(heading) => panic!("{heading}"),
        };
        build(sources).unwrap().rows.iter().map(plain).collect()
    }

    #[test]
    fn bands_of_the_published_bins_end_where_the_next_begins() {
        let rows = rows(&fixture::sources());
        assert_eq!(rows.len(), 8);
        assert_eq!(rows[0].join(" | "), "0 | 4 | 7 | 46.9 | 82.0 | 4 | 8 | 47 | 94 | Bass fundamentals");
        assert_eq!(
            rows[7].join(" | "),
            "7 | 512 | 1024 | 6000.0 | 12000.0 | 512 | 1025 | 6000 | 12000 | Air/high harmonics"
        );
    }

    #[test]
    fn a_band_that_the_paper_does_not_have_stands_beside_nothing() {
        let mut facts = fixture::facts();
        facts.spectrum.bands.push([1025, 1025]);
        assert_eq!(rows(&fixture::sources_of(facts))[8][5..], ["", "", "", "", ""]);
    }
}
