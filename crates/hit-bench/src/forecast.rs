//! The work of a campaign multiplied with what was measured.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Error, Measured};

/// A training of the campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Training {
    /// Stage id.
    pub stage: String,
    /// Arm id.
    pub arm: String,
    /// Its steps; at most so many where the windows are not known.
    pub steps: u64,
    /// Windows of a step.
    pub batch: usize,
}

/// Windows that a stage embeds with an arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// Stage id.
    pub stage: String,
    /// Arm id.
    pub arm: String,
    /// Windows, as often as they are embedded; none if they are not known.
    pub windows: Option<u64>,
}

/// What a campaign asks of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Trainings.
    pub trainings: Vec<Training>,
    /// Embeddings, those of evaluated epochs among them.
    pub embeddings: Vec<Embedding>,
    /// Operations of a window, by every arm that is named.
    pub flops: BTreeMap<String, u64>,
    /// Whether the steps are bounds.
    pub at_most: bool,
}

/// What a window takes with an arm that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// Arm id.
    pub arm: String,
    /// Operations of embedding a window.
    pub flops: u64,
    /// Seconds of training for a window.
    pub train_s: f64,
    /// Seconds of embedding a window.
    pub embed_s: f64,
}

impl From<&Measured> for Rate {
    fn from(measured: &Measured) -> Self {
        Self {
            arm: measured.arm.clone(),
            flops: measured.flops_per_window,
            train_s: 1.0 / measured.windows_per_s,
            embed_s: 1.0 / measured.embed_windows_per_s,
        }
    }
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The arm was measured.
    Measured,
    /// The time of the measured arm that is nearest in operations, in the ratio of the operations.
    Flops,
}

/// A training, foretold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Stage id.
    pub stage: String,
    /// Arm id.
    pub arm: String,
    /// Its steps.
    pub steps: u64,
    /// Hours of one device.
    pub hours: f64,
    /// Where that comes from.
    pub from: Origin,
    /// The arm that was measured.
    pub like: String,
}

/// What a campaign takes. As JSON it is a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Trainings.
    pub runs: Vec<Run>,
    /// Hours of all trainings.
    pub train_hours: f64,
    /// Windows embedded, as often as they are; none if they are not known.
    pub embed_windows: Option<u64>,
    /// Hours of embedding; none if the windows are not known.
    pub embed_hours: Option<f64>,
    /// Hours of one device: trainings, and embedding if that is known.
    pub total_hours: f64,
    /// Whether the hours of training are a bound: the windows of the corpus are not known.
    pub at_most: bool,
    /// Devices, or slots of the CPU, that work at the same time.
    pub n_devices: usize,
    /// Total over devices: no campaign is shorter, and one whose last runs leave devices idle is longer.
    pub hours_on_devices: f64,
}

/// Steps of an epoch: at most `most`, and no more than whole batches of the windows there are. Without their number the bound.
pub fn steps_per_epoch(most: usize, batch_size: usize, n_windows: Option<u64>) -> u64 {
    let most = most as u64;
    n_windows.map_or(most, |n| most.min(n / (batch_size as u64).max(1)))
}

/// What `work` takes at those rates on `n_devices` devices.
///
/// # Errors
/// [`Error::NothingMeasured`] if there are no rates.
///
/// # Panics
/// If `work` has no operations for an arm that it names: a bug of the caller.
pub fn forecast(work: &Work, rates: &[Rate], n_devices: usize) -> Result<Forecast, Error> {
    let runs = work.trainings.iter().map(|training| {
        let (rate, scale, from) = rate(rates, &training.arm, work.flops[&training.arm])?;
        let windows = training.steps as f64 * training.batch as f64;
        let hours = windows * rate.train_s * scale / 3600.0;
        let (stage, arm, like) = (training.stage.clone(), training.arm.clone(), rate.arm.clone());
        Ok(Run { stage, arm, steps: training.steps, hours, from, like })
    });
    let runs: Vec<Run> = runs.collect::<Result<_, Error>>()?;
    let (mut embed_windows, mut embed_hours) = (Some(0), Some(0.0));
    for Embedding { arm, windows, .. } in &work.embeddings {
        let (rate, scale, _) = rate(rates, arm, work.flops[arm])?;
        embed_windows = embed_windows.zip(*windows).map(|(sum, n)| sum + n);
        embed_hours = embed_hours.zip(*windows).map(|(sum, n)| sum + n as f64 * rate.embed_s * scale / 3600.0);
    }
    let train_hours: f64 = runs.iter().map(|run| run.hours).sum();
    let total_hours = train_hours + embed_hours.unwrap_or(0.0);
    let n_devices = n_devices.max(1);
    Ok(Forecast {
        runs,
        train_hours,
        embed_windows,
        embed_hours,
        total_hours,
        at_most: work.at_most,
        n_devices,
        hours_on_devices: total_hours / n_devices as f64,
    })
}

/// The rate for an arm, what its times are to be multiplied with, and where that comes from.
fn rate<'a>(rates: &'a [Rate], arm: &str, flops: u64) -> Result<(&'a Rate, f64, Origin), Error> {
    if let Some(rate) = rates.iter().find(|rate| rate.arm == arm) {
        return Ok((rate, 1.0, Origin::Measured));
    }
    let ratio = |rate: &Rate| flops as f64 / rate.flops.max(1) as f64;
    let apart = |rate: &&Rate| ratio(rate).ln().abs();
    let nearest = rates.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)).then(a.arm.cmp(&b.arm)));
    let nearest = nearest.ok_or(Error::NothingMeasured)?;
    Ok((nearest, ratio(nearest), Origin::Flops))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate_of(arm: &str, flops: u64, train_s: f64, embed_s: f64) -> Rate {
        Rate { arm: arm.to_owned(), flops, train_s, embed_s }
    }

    fn training(arm: &str, steps: u64) -> Training {
        Training { stage: format!("train/x/{arm}"), arm: arm.to_owned(), steps, batch: 16 }
    }

    fn embedding(arm: &str, windows: Option<u64>) -> Embedding {
        Embedding { stage: format!("embed/x/{arm}"), arm: arm.to_owned(), windows }
    }

    fn work() -> Work {
        Work {
            trainings: vec![training("D0", 900), training("big", 900)],
            embeddings: vec![embedding("D0", Some(7200)), embedding("big", Some(3600))],
            flops: [("D0".to_owned(), 100), ("big".to_owned(), 250)].into(),
            at_most: false,
        }
    }

    #[test]
    fn measured_arms_are_multiplied_and_others_scaled() {
        // 900 steps of 16 windows at a quarter of a second a window are an hour.
        let rates = [rate_of("D0", 100, 0.25, 0.5)];
        let told = forecast(&work(), &rates, 2).unwrap();
        let hours: Vec<(f64, Origin)> = told.runs.iter().map(|run| (run.hours, run.from)).collect();
        assert_eq!(hours, [(1.0, Origin::Measured), (2.5, Origin::Flops)]);
        assert_eq!(told.runs[1].like, "D0");
        assert_eq!((told.train_hours, told.embed_windows, told.embed_hours), (3.5, Some(10_800), Some(1.0 + 1.25)));
        assert_eq!((told.total_hours, told.n_devices, told.hours_on_devices), (5.75, 2, 2.875));
    }

    #[test]
    fn the_nearest_arm_lends_its_time() {
        let rates = [rate_of("D0", 100, 0.25, 0.5), rate_of("half", 400, 0.25, 0.5), rate_of("huge", 4000, 9.0, 9.0)];
        let told = forecast(&work(), &rates, 1).unwrap();
        // 250 / 400 is nearer to 1 than 250 / 100.
        assert_eq!((told.runs[1].like.as_str(), told.runs[1].hours), ("half", 0.625));
        let same = [rate_of("b", 250, 0.5, 0.5), rate_of("a", 250, 0.25, 0.5)];
        assert_eq!(forecast(&work(), &same, 1).unwrap().runs[1].like, "a", "ties go by name, not by order");
    }

    #[test]
    fn windows_that_are_not_known_leave_embedding_out_and_say_so() {
        let mut work = work();
        work.at_most = true;
        work.embeddings[1].windows = None;
        let told = forecast(&work, &[rate_of("D0", 100, 0.25, 0.5)], 1).unwrap();
        assert_eq!((told.embed_windows, told.embed_hours), (None, None));
        assert_eq!(told.total_hours, told.train_hours);
        assert!(told.at_most);
    }

    #[test]
    fn nothing_measured_nothing_foretold() {
        assert!(matches!(forecast(&work(), &[], 1), Err(Error::NothingMeasured)));
        let nothing = forecast(&Work::default(), &[], 0).unwrap();
        assert_eq!((nothing.total_hours, nothing.n_devices, nothing.embed_hours), (0.0, 1, Some(0.0)));
    }

    #[test]
    fn epochs_have_whole_batches() {
        assert_eq!(steps_per_epoch(1000, 16, Some(96_000)), 1000);
        assert_eq!(steps_per_epoch(1000, 16, Some(1775)), 110);
        assert_eq!(steps_per_epoch(1000, 16, Some(15)), 0);
        assert_eq!(steps_per_epoch(1000, 16, None), 1000, "the bound");
    }

    #[test]
    fn origins_have_the_words_of_the_contract() {
        assert_eq!(serde_json::to_string(&[Origin::Measured, Origin::Flops]).unwrap(), r#"["measured","flops"]"#);
    }

    proptest! {
        #[test]
        fn twice_the_work_takes_twice_as_long(steps in 1u64..1_000_000, flops in 1u64..1 << 40, devices in 1usize..9) {
            let of = |steps| {
                let flops = [("x".to_owned(), flops)].into();
                let work = Work { trainings: vec![training("x", steps)], flops, ..Work::default() };
                forecast(&work, &[rate_of("D0", 1 << 20, 1e-3, 1e-4)], devices).unwrap()
            };
            let (once, twice) = (of(steps), of(2 * steps));
            prop_assert!((twice.total_hours / once.total_hours - 2.0).abs() < 1e-9);
            prop_assert!((once.hours_on_devices * devices as f64 / once.total_hours - 1.0).abs() < 1e-9);
        }

        #[test]
        fn more_windows_never_make_an_epoch_shorter(most in 1usize..2000, batch in 1usize..64, n in 0u64..100_000) {
            let steps = steps_per_epoch(most, batch, Some(n));
            prop_assert!(steps <= steps_per_epoch(most, batch, Some(n + 1)));
            prop_assert!(steps <= steps_per_epoch(most, batch, None));
            prop_assert!(steps * batch as u64 <= n);
        }
    }
}
