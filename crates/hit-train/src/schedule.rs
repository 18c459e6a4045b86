//! Learning-rate schedules: one factor for all parameter groups, changed every step (spec section 7).

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Course of the factor after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Half a cosine from 1 to 0 at the last step.
    Cosine,
    /// The cosine of a shorter run until it reaches a knee, then a straight line to the end.
    CosineTail,
    /// Factor 1 for a share of the steps after the warm-up, then a fall to 0 at the last step.
    Trapezoid,
}

/// How a trapezoid falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decay {
    /// Half a cosine (the published runs).
    Cosine,
    /// A straight line (the printed text).
    Linear,
}

/// A schedule; its id is the key of its table. All begin with the profile's linear warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Course of the factor.
    pub kind: ScheduleKind,
    /// Epochs of the run.
    pub epochs: usize,
    /// `cosine_tail`: epochs of the run whose cosine it follows (30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_epochs: Option<usize>,
    /// `cosine_tail`: factor where it leaves the cosine (0.10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knee: Option<f64>,
    /// `cosine_tail`: factor at the last step (0.02).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
    /// `trapezoid`: share of the steps after the warm-up that keep factor 1 (0.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<f64>,
    /// `trapezoid`: how it falls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,
}

/// A schedule whose values are there and make sense.
enum Course {
    Cosine,
    CosineTail { reference_epochs: usize, knee: f64, end: f64 },
    Trapezoid { hold: f64, decay: Decay },
}

impl ScheduleSpec {
    /// Half a cosine over that many epochs.
    pub fn cosine(epochs: usize) -> Self {
        let kind = ScheduleKind::Cosine;
        Self { kind, epochs, reference_epochs: None, knee: None, end: None, hold: None, decay: None }
    }

    /// Whether a run can be trained so.
    ///
    /// # Errors
    /// [`Error::Spec`] with the field.
    pub fn check(&self) -> Result<(), Error> {
        self.course().map(drop)
    }

    fn course(&self) -> Result<Course, Error> {
        let Self { kind, epochs, reference_epochs, knee, end, hold, decay } = *self;
        demand("epochs", epochs >= 1, "at least one epoch is needed")?;
        let (tail, trapezoid) = (kind == ScheduleKind::CosineTail, kind == ScheduleKind::Trapezoid);
        let stated = [
            ("reference_epochs", reference_epochs.is_some(), tail),
            ("knee", knee.is_some(), tail),
            ("end", end.is_some(), tail),
            ("hold", hold.is_some(), trapezoid),
            ("decay", decay.is_some(), trapezoid),
        ];
        for (field, there, wanted) in stated {
            demand(field, there || !wanted, "it is not stated, and a schedule of this kind needs it")?;
            demand(field, wanted || !there, "it means nothing to a schedule of this kind")?;
        }
        Ok(match (reference_epochs, knee, end, hold, decay) {
            (Some(reference_epochs), Some(knee), Some(end), ..) => {
                let fits = (1..=epochs).contains(&reference_epochs);
                demand("reference_epochs", fits, "at least 1 and at most `epochs` is expected")?;
                demand("knee", knee > 0.0 && knee < 1.0, "more than 0 and less than 1 is expected")?;
                demand("end", (0.0..=knee).contains(&end), "0 or more and at most `knee` is expected")?;
                Course::CosineTail { reference_epochs, knee, end }
            }
            (.., Some(hold), Some(decay)) => {
                demand("hold", (0.0..1.0).contains(&hold), "0 or more and less than 1 is expected")?;
                Course::Trapezoid { hold, decay }
            }
            _ => Course::Cosine,
        })
    }

    /// Factor at the 1-based step `s` of epochs of `per_epoch` steps, with `warmup` steps of linear rise from 0.
    ///
    /// Steps past the end keep the last factor. If the warm-up is longer than the run the factor only rises.
    ///
    /// # Panics
    /// If [`ScheduleSpec::check`] refuses it.
    pub fn factor(&self, s: u64, warmup: u64, per_epoch: u64) -> f64 {
        let total = self.epochs as u64 * per_epoch;
        if s <= warmup {
            return s as f64 / warmup as f64;
        }
        let s = s.min(total);
        let half_cosine = |from: u64, to: u64| 0.5 * (1.0 + libm::cos(PI * share(s, from, to)));
        match self.course().expect("schedules are checked before a run") {
            Course::Cosine => half_cosine(warmup, total),
            Course::CosineTail { reference_epochs, knee, end } => {
                let reference = reference_epochs as u64 * per_epoch;
                let turn = warmup + knee_steps(knee, reference.saturating_sub(warmup));
                if s < turn { half_cosine(warmup, reference) } else { knee + (end - knee) * share(s, turn, total) }
            }
            Course::Trapezoid { hold, decay } => {
                let turn = warmup + (hold * total.saturating_sub(warmup) as f64) as u64;
                match decay {
                    _ if s <= turn => 1.0,
                    Decay::Cosine => half_cosine(turn, total),
                    Decay::Linear => 1.0 - share(s, turn, total),
                }
            }
        }
    }
}

fn demand(field: &str, holds: bool, what: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Spec { field: field.to_owned(), what: what.to_owned() }) }
}

/// How far `s` is on the way `from..to`, 0 to 1.
fn share(s: u64, from: u64, to: u64) -> f64 {
    s.saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64
}

/// Whole steps after which half a cosine over `steps` steps comes down to `knee`.
fn knee_steps(knee: f64, steps: u64) -> u64 {
    (libm::acos(2.0 * knee - 1.0) / PI * steps as f64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cosine() -> ScheduleSpec {
        ScheduleSpec::cosine(30)
    }

    fn tail(epochs: usize, reference_epochs: usize, knee: f64, end: f64) -> ScheduleSpec {
        let (reference_epochs, knee, end) = (Some(reference_epochs), Some(knee), Some(end));
        let kind = ScheduleKind::CosineTail;
        ScheduleSpec { kind, reference_epochs, knee, end, ..ScheduleSpec::cosine(epochs) }
    }

    fn published_tail() -> ScheduleSpec {
        tail(60, 30, 0.10, 0.02)
    }

    fn trapezoid(epochs: usize, hold: f64, decay: Decay) -> ScheduleSpec {
        let (hold, decay) = (Some(hold), Some(decay));
        ScheduleSpec { kind: ScheduleKind::Trapezoid, hold, decay, ..ScheduleSpec::cosine(epochs) }
    }

    #[test]
    fn cosine_meets_the_oracles_of_the_spec() {
        let factor = |s| cosine().factor(s, 200, 1000);
        assert_eq!(factor(1), 1.0 / 200.0);
        assert_eq!(factor(200), 1.0);
        assert!(factor(30_000).abs() < 1e-15);
        // Half way between warm-up and end.
        assert!((factor(15_100) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn cosine_tail_leaves_the_cosine_where_the_published_runs_did() {
        for (warmup, turn) in [(200, 23_895), (500, 23_957)] {
            let factor = |s| published_tail().factor(s, warmup, 1000);
            assert_eq!(factor(1), 1.0 / warmup as f64);
            assert_eq!(factor(warmup), 1.0);
            assert_eq!(factor(turn - 1), cosine().factor(turn - 1, warmup, 1000), "still on the cosine");
            assert_eq!(factor(turn), 0.10);
            assert!((factor(turn) - cosine().factor(turn, warmup, 1000)).abs() < 1e-4, "without a jump");
            // Half way down the line, and its end.
            let half = u64::midpoint(turn, 60_000);
            assert!((factor(half) - 0.06).abs() < 1e-5);
            assert!((factor(60_000) - 0.02).abs() < 1e-15);
        }
    }

    #[test]
    fn trapezoid_holds_until_half_of_what_follows_the_warmup() {
        for decay in [Decay::Cosine, Decay::Linear] {
            let factor = |s| trapezoid(50, 0.5, decay).factor(s, 200, 1000);
            assert_eq!([factor(1), factor(200), factor(20_000), factor(25_100)], [0.005, 1.0, 1.0, 1.0]);
            assert!(factor(25_101) < 1.0);
            assert!((factor(37_550) - 0.5).abs() < 1e-12, "half way down both meet");
            assert!(factor(50_000).abs() < 1e-15);
        }
        let quarter = |decay| trapezoid(50, 0.5, decay).factor(31_325, 200, 1000);
        assert!((quarter(Decay::Linear) - 0.75).abs() < 1e-12);
        assert!((quarter(Decay::Cosine) - (0.5 + 0.125f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn runs_shorter_than_the_warmup_only_rise() {
        for schedule in [cosine(), published_tail(), trapezoid(50, 0.5, Decay::Linear)] {
            let factors: Vec<f64> = (1..=60).map(|s| schedule.factor(s, 200, 1)).collect();
            assert!(factors.is_sorted() && factors[59] == 0.3);
        }
    }

    #[test]
    fn values_that_make_no_course_are_refused_by_name() {
        let cases = [
            ("epochs", ScheduleSpec::cosine(0)),
            ("reference_epochs", tail(60, 0, 0.1, 0.02)),
            ("reference_epochs", tail(60, 61, 0.1, 0.02)),
            ("knee", tail(60, 30, 1.0, 0.02)),
            ("knee", tail(60, 30, f64::NAN, 0.02)),
            ("end", tail(60, 30, 0.1, 0.2)),
            ("hold", trapezoid(50, 1.0, Decay::Linear)),
            ("hold", trapezoid(50, -0.1, Decay::Linear)),
            ("knee", ScheduleSpec { knee: None, ..published_tail() }),
            ("decay", ScheduleSpec { decay: None, ..trapezoid(50, 0.5, Decay::Linear) }),
            ("hold", ScheduleSpec { hold: Some(0.5), ..cosine() }),
            ("end", ScheduleSpec { end: Some(0.0), ..trapezoid(50, 0.5, Decay::Linear) }),
        ];
        for (expected, schedule) in cases {
            let Err(Error::Spec { field, .. }) = schedule.check() else { panic!("{schedule:?} was accepted") };
            assert_eq!(field, expected, "{schedule:?}");
        }
        for sound in [cosine(), published_tail(), trapezoid(50, 0.5, Decay::Cosine)] {
            assert!(sound.check().is_ok());
        }
    }

    #[test]
    fn what_is_not_stated_is_not_in_the_key() {
        let text = serde_json::to_string(&cosine()).unwrap();
        assert_eq!(text, r#"{"kind":"cosine","epochs":30}"#);
        assert_eq!(serde_json::from_str::<ScheduleSpec>(&text).unwrap(), cosine());
    }

    fn any_schedule() -> impl Strategy<Value = ScheduleSpec> {
        let epochs = 1usize..20;
        prop_oneof![
            epochs.clone().prop_map(ScheduleSpec::cosine),
            (epochs.clone(), 0.0f64..1.0, 0.01f64..0.99, 0.0f64..1.0).prop_map(|(epochs, part, knee, end)| {
                tail(epochs, 1 + (part * (epochs - 1) as f64) as usize, knee, end * knee)
            }),
            (epochs, 0.0f64..0.99, prop::bool::ANY).prop_map(|(epochs, hold, linear)| {
                trapezoid(epochs, hold, if linear { Decay::Linear } else { Decay::Cosine })
            }),
        ]
    }

    proptest! {
        #[test]
        fn rises_then_falls_within_0_and_1(
            schedule in any_schedule(), warmup in 0u64..50, extra in 1u64..200, s in 1u64..6000
        ) {
            prop_assert!(schedule.check().is_ok());
            let per_epoch = warmup + extra;
            let s = s.min(per_epoch * schedule.epochs as u64);
            let factor = schedule.factor(s, warmup, per_epoch);
            prop_assert!((0.0..=1.0).contains(&factor));
            let next = schedule.factor(s + 1, warmup, per_epoch);
            // The straight line begins where the cosine is within one step of the knee, on either side.
            let slack = 4.0 / extra as f64;
            if s < warmup { prop_assert!(next > factor) } else { prop_assert!(next <= factor + slack) }
        }
    }
}
