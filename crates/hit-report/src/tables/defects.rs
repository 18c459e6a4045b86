//! What follows from the definitions of the descriptors and was not meant, with the numbers that this campaign measured.

use hit_schema::Observation;

use super::TableDef;
use crate::error::Error;
use crate::latex::Format;
use crate::sheet::{Align, Cell, Column, Sheet};
use crate::sources::{Input, Sources};

pub(super) const DEF: TableDef = TableDef {
    id: "defects",
    number: None,
    title: "What the definitions of the descriptors imply, measured",
    inputs: &[Input::Observations],
    build,
};

/// A consequence of a definition: descriptor, metric that shows it, place in the paper, what is the case, and what the
/// number is.
struct Finding(&'static str, &'static str, &'static str, &'static str, &'static str);

const FINDINGS: [Finding; 9] = [
    Finding(
        "a4",
        "time_mean_max",
        "Eqs. 5, 18",
        "Each band is standardised over time, so its time mean is zero in every window. FiLM and the routers of the \
         mixtures are given just that mean.",
        "largest time mean of a band, absolute",
    ),
    Finding(
        "a4",
        "mean_square",
        "Eq. 5",
        "The published code divides by the sample deviation, the printed equation by that of the population; the mean \
         square of a band tells them apart.",
        "mean square over bands that move",
    ),
    Finding(
        "a7",
        "adjacent_share",
        "App. A.1",
        "The largest bins are taken as peaks. The window function spreads one partial over neighbouring bins, which \
         then count as several peaks.",
        "share of frames with neighbours among the bins taken",
    ),
    Finding(
        "a7",
        "leakage_pair_share",
        "App. A.1",
        "The ratio of two neighbours is the width of a bin and no interval of the music; it counts as one all the same.",
        "share of pairs that are neighbours",
    ),
    Finding(
        "a8",
        "gate_effect_max",
        "App. A.2",
        "The onset gate is one factor a frame and is divided out when the frame is normalised: what remains is chroma, but \
         for frames so faint that the floor of the division acts.",
        "largest difference to chroma without the gate",
    ),
    Finding(
        "a8",
        "gated_share",
        "App. A.2",
        "The floor, 1e-8, acts where a sound dies into near silence.",
        "share of frames with an onset that differ from chroma",
    ),
    Finding(
        "a8",
        "zero_frame_share",
        "App. A.2",
        "Where nothing rises the onset strength is zero, and so is the descriptor: in the first frame always.",
        "share of frames that are zero",
    ),
    Finding(
        "a9",
        "active_share",
        "App. A.3",
        "The threshold acts on activations before normalisation, so the weights of the ratios follow the loudness.",
        "mean share of frames above the threshold",
    ),
    Finding(
        "d4",
        "repeated_share",
        "Eq. 6",
        "The clamp is at two octaves. Below that, features three and four repeat one and two: two signals, not four.",
        "share of notes where they are equal",
    ),
];

fn build(sources: &Sources) -> Result<Sheet, Error> {
    let mut sheet = Sheet::new(vec![
        Column::new("descriptor", "", Align::Left),
        Column::new("finding", "What follows from the definition", Align::Wrap(76)),
        Column::new("place", "Place", Align::Left),
        Column::new("quantity", "Measured here", Align::Wrap(44)),
        Column::new("value", "Value", Align::Right),
        Column::new("n", "Cases", Align::Right),
    ]);
    let place = |observation: &Observation| {
        FINDINGS.iter().position(|finding| finding.0 == observation.descriptor && finding.1 == observation.metric)
    };
    let mut rows: Vec<(Option<usize>, &Observation)> =
        sources.observations()?.iter().map(|observation| (place(observation), observation)).collect();
    // those that nobody has explained yet come last, in their own order
    rows.sort_by_key(|(place, _)| place.unwrap_or(FINDINGS.len()));
    for (place, observation) in rows {
        sheet.row(row(place.map(|place| &FINDINGS[place]), observation));
    }
    Ok(sheet)
}

fn row(finding: Option<&Finding>, observation: &Observation) -> Vec<Cell> {
    let (place, text, quantity) = match finding {
        Some(Finding(_, _, place, text, quantity)) => (Cell::text(*place), Cell::text(*text), (*quantity).to_owned()),
        None => (Cell::text(""), Cell::text(""), observation.metric.replace('_', " ")),
    };
    let (value, unit, format) = shown(observation);
    let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
    vec![
        Cell::text(observation.descriptor.to_uppercase()),
        text,
        place,
        Cell::text(quantity + &unit),
        Cell::Number(value, format),
        Cell::Number(observation.n as f64, Format::Count),
    ]
}

/// How an observation is printed: value, unit, format. Shares are printed in percent, rounding errors as powers of ten.
pub(crate) fn shown(observation: &Observation) -> (f64, &str, Format) {
    if observation.metric.ends_with("_share") && observation.unit.is_empty() {
        return (100.0 * observation.value, "%", Format::Fixed(2));
    }
    (observation.value, &observation.unit, Format::Significant(4))
}
