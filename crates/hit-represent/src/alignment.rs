//! How alike the layers of the two encoders are (test 06).

use std::collections::BTreeMap;

use hit_schema::{Activations, RunId};
use hit_stage::{Context, Seed, Stage, StageError};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::input::Rows;
use crate::mlp::shuffle;
use crate::{Error, Likeness, Matrix};

/// Ending of the layers whose means count padding.
const PADDED: &str = ".padded";
/// The inputs, and whether the means of MIDI layers count padding there.
const INPUTS: [(&str, bool); 2] = [("sampled", false), ("published", true)];

/// Compares the layers of a model over some windows (§5.4; spec 10, test 06): `alignment/<run>`.
///
/// Inputs: `sampled`, `published` (activations of layers, see [`hit_schema::Activations`]); of the second, MIDI layers are
/// read with padding in their means, as published. Output: `measurements`. Under the name of each input, over the cells of
/// audio and MIDI layers: `cka_mean`, `cka_max`, `cka_debiased_mean`, `cka_null_mean` (the MIDI windows in another order,
/// so that no relation is left), `rsa_mean`. Under `<input>/<layer>~<layer>` for each pair of layers, audio first: `cka`,
/// `rsa`. n is the number of windows.
///
/// # Choices
/// A cell that is not defined (a layer that says the same of all windows) gives no row, and then neither do the means.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Alignment {
    /// Name of the test in the measurements: `t06`.
    pub stage: String,
    /// The model's run.
    pub run: RunId,
    /// Root seed of the other order.
    pub seed: u64,
}

impl Stage for Alignment {
    const KIND: &'static str = "alignment";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let mut rows = Rows::new(&self.stage, &self.run);
        for (done, (input, padded)) in INPUTS.into_iter().enumerate() {
            cx.checkpoint()?;
            let activations = Activations::read(&cx.file(input)?.path)?;
            let layers = layers(input, &activations, padded)?;
            let order = self.order(activations.windows.len());
            cx.checkpoint()?;
            compare(&mut rows, input, &layers, &order);
            cx.progress.update(done as u64 + 1, INPUTS.len() as u64, "samples");
        }
        rows.write(cx)
    }
}

impl Alignment {
    fn order(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        shuffle(&mut order, &mut ChaCha8Rng::from_seed(Seed::derive(self.seed, Self::KIND, "order").bytes()));
        order
    }
}

/// Layers in order, audio before MIDI, each under its plain name.
fn layers(input: &str, activations: &Activations, padded: bool) -> Result<BTreeMap<String, Likeness>, Error> {
    let wrong = |what: String| Err(Error::Activations { input: input.to_owned(), what });
    let mut layers = BTreeMap::new();
    for name in activations.layers.keys().filter(|name| !name.ends_with(PADDED)) {
        if !name.starts_with("audio.") && !name.starts_with("midi.") {
            return wrong(format!("layer `{name}` is of no encoder; names begin with `audio.` or `midi.`"));
        }
        let from = if padded && name.starts_with("midi.") { format!("{name}{PADDED}") } else { name.clone() };
        let Some(layer) = activations.layers.get(&from) else {
            return wrong(format!("it has no layer `{from}`, the mean of `{name}` over padding too"));
        };
        if layer.values.iter().any(|value| !value.is_finite()) {
            return wrong(format!("layer `{from}` has values that are not finite: training diverged"));
        }
        layers.insert(name.clone(), Likeness::of(&Matrix::from_f32(layer.dims, &layer.values)));
    }
    for side in ["audio.", "midi."] {
        if !layers.keys().any(|name| name.starts_with(side)) {
            return wrong(format!("it has no layer `{side}0`"));
        }
    }
    if activations.windows.len() < 4 {
        return wrong(format!("{} windows; a likeness of layers needs at least 4", activations.windows.len()));
    }
    Ok(layers)
}

fn compare(rows: &mut Rows, input: &str, layers: &BTreeMap<String, Likeness>, order: &[usize]) {
    let n = order.len();
    let mut cross: [Vec<Option<f64>>; 4] = Default::default();
    for (i, (a, ours)) in layers.iter().enumerate() {
        for (b, theirs) in layers.iter().skip(i + 1) {
            let (cka, rsa) = (ours.cka(theirs), ours.rsa(theirs));
            let condition = format!("{input}/{a}~{b}");
            rows.add(&condition, "cka", cka, n, None);
            rows.add(&condition, "rsa", rsa, n, None);
            if a.starts_with("audio.") && b.starts_with("midi.") {
                let cell = [cka, ours.debiased_cka(theirs), ours.cka_in_order(theirs, order), rsa];
                cross.iter_mut().zip(cell).for_each(|(all, one)| all.push(one));
            }
        }
    }
    let [cka, debiased, null, rsa] = cross.map(|cells| cells.into_iter().collect::<Option<Vec<f64>>>());
    let mean =
        |cells: &Option<Vec<f64>>| Some(cells.as_ref()?).map(|cells| cells.iter().sum::<f64>() / cells.len() as f64);
    rows.add(input, "cka_mean", mean(&cka), n, None);
    rows.add(input, "cka_max", cka.and_then(|cells| cells.into_iter().reduce(f64::max)), n, None);
    rows.add(input, "cka_debiased_mean", mean(&debiased), n, None);
    rows.add(input, "cka_null_mean", mean(&null), n, None);
    rows.add(input, "rsa_mean", mean(&rsa), n, None);
}
