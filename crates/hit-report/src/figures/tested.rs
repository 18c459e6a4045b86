//! What the figures of tests of trained models have in common: the models with a look each, and what is drawn where a
//! campaign has nothing to show.

use crate::error::Error;
use crate::facts::Facts;
use crate::frame::Measured;
use crate::published::Leaf;
use crate::sources::Sources;
use crate::style::{At, Canvas, GREY, Look, look};
use crate::tables::battery::{Battery, Model};

/// A tested model, in the order of the configuration.
pub(super) struct Tested {
    pub(super) model: Model,
    /// Its arm, with the schedule where the test has several of the arm.
    pub(super) label: String,
    /// The same in every figure, as long as the tests have the same models.
    pub(super) look: Look,
}

/// Tests whose models have a figure.
const STAGES: [&str; 6] = ["t01", "t04", "t06", "t08", "t09", "t12"];

/// The models of a test. A model looks the same in all tests, whatever other models each of them has.
pub(super) fn models(sources: &Sources, battery: &Battery) -> Result<Vec<Tested>, Error> {
    let all = all_models(sources)?;
    let labels = labels(all.iter().map(|model| (model.arm.as_str(), model.schedule.as_str(), model.seed)));
    let tested =
        |(idx, (model, label)): (usize, (&Model, String))| Tested { model: model.clone(), label, look: look(idx) };
    let all = all.iter().zip(labels).enumerate().map(tested);
    Ok(all.filter(|of| battery.models.contains(&of.model)).collect())
}

/// The models of all tests, in the order of the configuration.
pub(super) fn all_models(sources: &Sources) -> Result<Vec<Model>, Error> {
    let facts = &sources.facts;
    let mut models: Vec<Model> = Vec::new();
    for stage in STAGES {
        for model in Battery::read(sources, stage)?.models {
            if !models.contains(&model) {
                models.push(model);
            }
        }
    }
    models.sort_by_key(|model| (facts.arm_idx(&model.arm), model.schedule.clone(), model.seed));
    Ok(models)
}

/// Names that tell models apart: arm; arm and schedule; arm, schedule and seed.
pub(super) fn labels<'a>(models: impl Iterator<Item = (&'a str, &'a str, Option<u64>)> + Clone) -> Vec<String> {
    let longer = |arm: &str, schedule: &str, seed: Option<u64>| {
        let seed = seed.map(|seed| format!(" {seed}")).unwrap_or_default();
        [arm.to_owned(), format!("{arm} {schedule}"), format!("{arm} {schedule}{seed}")]
    };
    let all: Vec<[String; 3]> = models.map(|(arm, schedule, seed)| longer(arm, schedule, seed)).collect();
    let alone = |label: &String, k: usize| all.iter().filter(|other| other[k] == *label).count() == 1;
    all.iter().map(|names| (0..2).find(|k| alone(&names[*k], *k)).map_or(&names[2], |k| &names[k]).clone()).collect()
}

/// A published number, only where it is the same quantity.
pub(super) fn published(sources: &Sources, path: &str) -> Result<Option<f64>, Error> {
    if !sources.facts.comparable() {
        return Ok(None);
    }
    Ok(sources.published()?.find(path).and_then(Leaf::number))
}

/// The ends of what has to be on an axis.
pub(super) fn ends(measured: &Measured) -> [f64; 2] {
    let (low, high) = measured.interval.unwrap_or((measured.value, measured.value));
    [low.min(measured.value), high.max(measured.value)]
}

/// What stands in a figure that this campaign has nothing to draw in.
pub(super) fn nothing(canvas: &Canvas, centre: (f64, f64)) -> Result<(), String> {
    canvas.text("not run in this campaign", centre, At::Middle, GREY)
}

/// The place of a run's arm in the configuration, then its schedule and seed: the order of models everywhere.
pub(super) fn order<'a>(facts: &Facts, run: &'a hit_schema::RunId) -> (Option<usize>, &'a str, u64) {
    (facts.arm_idx(&run.arm), &run.schedule, run.seed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_as_short_as_they_tell_apart() {
        let of = |models: &[(&str, &str, u64)]| {
            labels(models.iter().map(|(arm, schedule, seed)| (*arm, *schedule, Some(*seed))))
        };
        assert_eq!(of(&[("D0", "a", 1), ("A4", "a", 1)]), ["D0", "A4"]);
        assert_eq!(of(&[("D0", "a", 1), ("D0", "b", 1), ("A4", "a", 1)]), ["D0 a", "D0 b", "A4"]);
        assert_eq!(of(&[("D0", "a", 1), ("D0", "a", 2)]), ["D0 a 1", "D0 a 2"]);
        assert!(of(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn different_models_have_different_names(models in proptest::collection::btree_set((0_u8..3, 0_u8..3, 0_u64..3), 0..9)) {
            let words: Vec<_> = models.iter().map(|(arm, schedule, seed)| (format!("arm{arm}"), format!("s{schedule}"), *seed)).collect();
            let mut names = labels(words.iter().map(|(arm, schedule, seed)| (arm.as_str(), schedule.as_str(), Some(*seed))));
            let n = names.len();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), n);
        }
    }
}
