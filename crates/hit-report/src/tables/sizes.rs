//! The base model layer by layer, beside Tables 15 to 18 of the paper.

use super::TableDef;
use super::battery::published;
use crate::error::Error;
use crate::latex::Format;
use crate::published::{Leaf, LeafValue, Published};
use crate::setup::LayersFacts;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const CNN: TableDef = TableDef {
    id: "cnn",
    number: Some("15"),
    title: "Convolutions of the audio encoder",
    inputs: &[Input::Published],
    build: cnn,
};
pub(super) const AUDIO_TRANSFORMER: TableDef = TableDef {
    id: "audio-transformer",
    number: Some("16"),
    title: "Transformer of the audio encoder",
    inputs: &[Input::Published],
    build: audio_transformer,
};
pub(super) const MIDI_EMBEDDING: TableDef = TableDef {
    id: "midi-embedding",
    number: Some("17"),
    title: "Embedding of notes",
    inputs: &[Input::Published],
    build: midi_embedding,
};
pub(super) const MIDI_TRANSFORMER: TableDef = TableDef {
    id: "midi-transformer",
    number: Some("18"),
    title: "Transformer of the MIDI encoder, and heads",
    inputs: &[Input::Published],
    build: midi_transformer,
};

/// A convolution of the paper.
const PRINTED_LAYER: &str = "table15_cnn.layer";
const MOST_LAYERS: usize = 99;

fn cnn(sources: &Sources) -> Result<Sheet, Error> {
    let (audio, published_values) = (&sources.facts.model.audio, sources.published()?);
    let names = ["in_channels", "out_channels", "kernel", "stride", "padding"];
    let heads = ["Channels in", "out", "Taps", "Step", "Padding"];
    let mut columns = vec![Column::new("layer", "Layer", Align::Left), Column::new("whose", "", Align::Left)];
    columns.extend(names.iter().zip(heads).map(|(name, head)| Column::new(name, head, Align::Right)));
    columns.extend([Column::new("length", "Length", Align::Right), Column::new("norm", "Then", Align::Left)]);
    let mut sheet = Sheet::new(columns);
    let mut channels = 1;
    let kernel = |number: &usize| published_values.find(&format!("{PRINTED_LAYER}{number}.kernel")).is_some();
    let printed = (1..=MOST_LAYERS).take_while(kernel).count();
    for idx in 0..audio.cnn.len().max(printed) {
        let number = idx + 1;
        if let Some(conv) = audio.cnn.get(idx) {
            let mut cells = vec![Cell::text(number.to_string()), Cell::text("ours")];
            let sizes = [channels, conv.channels, conv.kernel, conv.stride, conv.padding, conv.length];
            cells.extend(sizes.map(|n| Cell::Number(n as f64, Format::Count)));
            cells.push(Cell::text(format!("GroupNorm({}), GELU", audio.norm_groups)));
            channels = conv.channels;
            sheet.row(cells);
        }
        if idx < printed {
            let mut cells = vec![Cell::text(number.to_string()), Cell::text("published")];
            for name in names {
                cells.push(published(sources, &format!("{PRINTED_LAYER}{number}.{name}"), Format::Count)?);
            }
            cells.push(Cell::text(""));
            let words =
                ["norm", "activation"].map(|name| text(published_values, &format!("{PRINTED_LAYER}{number}.{name}")));
            cells.push(Cell::text(words.map(Option::unwrap_or_default).join(", ")));
            sheet.row(cells);
        }
    }
    sheet.note("Length: values of a channel that one window is left with.");
    Ok(sheet)
}

fn audio_transformer(sources: &Sources) -> Result<Sheet, Error> {
    let audio = &sources.facts.model.audio;
    let tokens = audio.cnn.last().map_or(0, |conv| conv.length);
    let mut rows = stack("table16_audio_transformer", &audio.layers);
    rows.extend([
        Size::count("Rows of the table of positions", audio.max_positions, "table16_audio_transformer.max_positions"),
        Size::count("Tokens of a window", tokens, "table16_audio_transformer.output_frames"),
        Size::words("Positions", "learned", "table16_audio_transformer.positions"),
        Size::words("Normalisation", "after each part", "table16_audio_transformer.norm_order"),
        Size::words("Activation", "GELU", "table16_audio_transformer.activation"),
        Size::words("Then", "mean over tokens", "table16_audio_transformer.pooling"),
    ]);
    sized(sources, rows)
}

fn midi_embedding(sources: &Sources) -> Result<Sheet, Error> {
    let midi = &sources.facts.model.midi;
    let path = |name: &str| format!("table17_midi_embedding.{name}");
    let width = midi.layers.d_model;
    let rows = vec![
        Size::count("Pitches", midi.n_pitches, &path("pitch_vocab")),
        Size::count("Width of a pitch", midi.pitch_dim, &path("pitch_dim")),
        Size::count("Velocities", midi.n_velocities, &path("velocity_vocab")),
        Size::count("Width of a velocity", midi.velocity_dim, &path("velocity_dim")),
        Size::count("Buckets of durations", midi.n_durations, &path("duration_vocab")),
        Size::count("Width of a duration", midi.duration_dim, &path("duration_dim")),
        Size::count("Width of all three", midi.pitch_dim + midi.velocity_dim + midi.duration_dim, &path("concat_dim")),
        Size::words("Then", &format!("Linear to {width}, LayerNorm"), &path("then")),
    ];
    sized(sources, rows)
}

fn midi_transformer(sources: &Sources) -> Result<Sheet, Error> {
    let model = &sources.facts.model;
    let path = |name: &str| format!("table18_midi_transformer.{name}");
    let norm = if model.midi.norm_after_pooling { "LayerNorm, after the mean" } else { "LayerNorm, before the mean" };
    let mut rows = stack("table18_midi_transformer", &model.midi.layers);
    rows.extend([
        Size::count("Longest list of notes", model.midi.max_notes, &path("max_positions")),
        Size::words("Positions", "sinusoidal, by rank", &path("positions")),
        Size::words("Normalisation", "before each part", &path("norm_order")),
        Size::words("Activation", "GELU", &path("activation")),
        Size::words("At the end", norm, &path("output_norm")),
        Size::words("Pooling", "mean over notes, padding left out", &path("pooling")),
        Size::words("Widths of the audio head", &widths(model.audio.layers.d_model, model), "heads.audio"),
        Size::words("Widths of the MIDI head", &widths(model.midi.layers.d_model, model), "heads.midi"),
        Size::words("Hidden layers of a head", "Linear, BatchNorm, ReLU", "heads.hidden"),
    ]);
    sized(sources, rows)
}

fn widths(first: usize, model: &crate::setup::ModelFacts) -> String {
    let all = std::iter::once(first).chain(model.head_hidden.iter().copied()).chain([model.embedding_dim]);
    all.map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
}

/// A row: what it is, ours, and the path of the published value.
struct Size {
    what: String,
    ours: Cell,
    path: String,
}

impl Size {
    fn count(what: &str, ours: usize, path: &str) -> Self {
        Self { what: what.to_owned(), ours: Cell::Number(ours as f64, Format::Count), path: path.to_owned() }
    }

    fn words(what: &str, ours: &str, path: &str) -> Self {
        Self { what: what.to_owned(), ours: Cell::text(ours), path: path.to_owned() }
    }
}

/// What every stack of layers has.
fn stack(table: &str, layers: &LayersFacts) -> Vec<Size> {
    let path = |name: &str| format!("{table}.{name}");
    let dropout = Cell::Number(layers.dropout, Format::Shortest);
    vec![
        Size::count("Layers", layers.n, &path("layers")),
        Size::count("Width", layers.d_model, &path("d_model")),
        Size::count("Attention heads", layers.n_heads, &path("heads")),
        Size::count("Width of a head", layers.d_model / layers.n_heads.max(1), &path("head_dim")),
        Size::count("Width of the feed-forward part", layers.d_ff, &path("d_ff")),
        Size { what: "Dropout".to_owned(), ours: dropout, path: path("dropout") },
    ]
}

fn sized(sources: &Sources, rows: Vec<Size>) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("size", "", Align::Left),
        Column::new("ours", "Ours", Align::Left),
        Column::new("published", "Published", Align::Left),
        Column::new("source", "Source", Align::Left),
    ]);
    for row in rows {
        let leaf = sources.published()?.find(&row.path);
        let source = leaf.map(|leaf| Cell::text(&leaf.source));
        sheet.row(vec![
            Cell::text(row.what),
            row.ours,
            leaf.map_or(Cell::Missing, setting),
            source.unwrap_or(Cell::Missing),
        ]);
    }
    Ok(sheet)
}

fn text(published: &Published, path: &str) -> Option<String> {
    match &published.find(path)?.value {
        LeafValue::Text(words) => Some(words.clone()),
        _ => None,
    }
}

/// A published setting as a cell: numbers as short as they are, words as they stand.
pub(super) fn setting(leaf: &Leaf) -> Cell {
    match &leaf.value {
        LeafValue::Number(value) if leaf.unit.is_empty() && value.fract() == 0.0 => Cell::Number(*value, Format::Count),
        LeafValue::Number(value) => Cell::Number(*value, Format::Shortest),
        LeafValue::Numbers(values) => {
            Cell::text(values.iter().map(|value| Format::Shortest.plain(*value)).collect::<Vec<_>>().join(", "))
        }
        LeafValue::Text(words) => Cell::text(words),
        LeafValue::Flag(flag) => Cell::text(if *flag { "yes" } else { "no" }),
        LeafValue::Missing => Cell::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::sheet::SheetRow;

    fn rows(build: fn(&Sources) -> Result<Sheet, Error>, sources: &Sources) -> Vec<Vec<String>> {
        let plain = |row: SheetRow| match row {
            SheetRow::Cells(cells) => cells.iter().map(Cell::plain).collect(),
            SheetRow::Group(heading) => panic!("{heading}"),
        };
        build(sources).unwrap().rows.into_iter().map(plain).collect()
    }

    #[test]
    fn convolutions_of_another_number_than_printed_are_all_there() {
        let rows = rows(cnn, &fixture::sources());
        assert_eq!(rows.iter().filter(|row| row[1] == "ours").count(), 3);
        assert_eq!(rows.iter().filter(|row| row[1] == "published").count(), 4);
        assert_eq!(rows[0].join(" "), "1 ours 1 512 10 5 0 19199 GroupNorm(32), GELU");
        assert_eq!(rows[1].join(" "), "1 published 1 512 10 5 0  GroupNorm(32), GELU");
        assert_eq!(rows[4][2..4], ["512", "64"], "the channels that the layer before it gives");
        assert_eq!(rows[6][..2], ["4", "published"]);
    }

    #[test]
    fn sizes_stand_beside_those_of_tables_16_to_18() {
        let sources = fixture::sources();
        let audio = rows(audio_transformer, &sources);
        assert_eq!(audio[3][..3], ["Width of a head", "32", "128"]);
        assert_eq!(audio[7][1..3], ["2400", "2400"]);
        let notes = rows(midi_embedding, &sources);
        assert_eq!(notes[6][1..3], ["64", "512"]);
        let midi = rows(midi_transformer, &sources);
        assert_eq!(midi[6][1..3], ["2048", "2048"]);
        let head = midi.iter().find(|row| row[0] == "Widths of the audio head").unwrap();
        assert_eq!(head[1..3], ["64, 512, 512, 256", "1024, 512, 512, 256"]);
        assert!(audio.iter().chain(&notes).chain(&midi).all(|row| !row[2].is_empty()), "all of it is published");
    }

    #[test]
    fn the_place_of_the_last_norm_is_that_of_the_campaign() {
        let mut facts = fixture::facts();
        let norm = |facts: &crate::Facts| rows(midi_transformer, &fixture::sources_of(facts.clone()))[10][1].clone();
        assert_eq!(norm(&facts), "LayerNorm, before the mean");
        facts.model.midi.norm_after_pooling = true;
        assert_eq!(norm(&facts), "LayerNorm, after the mean");
    }
}
