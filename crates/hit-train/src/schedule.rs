//! Learning-rate schedules: one factor for all groups, a function of the step (spec section 7).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Course of the factor after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Half a cosine from 1 to 0 at the last step.
    Cosine,
}

/// A schedule; its id is the key of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Course of the factor.
    pub kind: ScheduleKind,
    /// Epochs of the run.
    pub epochs: usize,
}

impl ScheduleSpec {
    /// Factor at the 1-based step `s` of `total` steps with `warmup` steps of linear rise from 0.
    ///
    /// Steps past the end keep the last factor. If the warm-up is longer than the run the factor only rises.
    pub fn factor(&self, s: u64, warmup: u64, total: u64) -> f64 {
        if s <= warmup {
            return s as f64 / warmup as f64;
        }
        let progress = (s.min(total) - warmup.min(total)) as f64 / (total - warmup.min(total)).max(1) as f64;
        match self.kind {
            ScheduleKind::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * progress)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COSINE: ScheduleSpec = ScheduleSpec { kind: ScheduleKind::Cosine, epochs: 30 };

    #[test]
    fn cosine_meets_the_oracles_of_the_spec() {
        let factor = |s| COSINE.factor(s, 200, 30_000);
        assert_eq!(factor(1), 1.0 / 200.0);
        assert_eq!(factor(200), 1.0);
        assert!(factor(30_000).abs() < 1e-15);
        // Half way between warm-up and end.
        assert!((factor(15_100) - 0.5).abs() < 1e-12);
        // Where the cosine-tail schedule leaves the cosine at 0.10 (spec 7: step 23,895 for a warm-up of 200).
        assert!(factor(23_895) >= 0.10 && factor(23_896) < 0.10);
        assert!(COSINE.factor(23_957, 500, 30_000) >= 0.10 && COSINE.factor(23_958, 500, 30_000) < 0.10);
    }

    #[test]
    fn runs_shorter_than_the_warmup_only_rise() {
        let factors: Vec<f64> = (1..=100).map(|s| COSINE.factor(s, 200, 100)).collect();
        assert!(factors.is_sorted() && factors[99] == 0.5);
    }

    proptest! {
        #[test]
        fn rises_then_falls_within_0_and_1(warmup in 0u64..500, extra in 1u64..5000, s in 1u64..6000) {
            let total = warmup + extra;
            let s = s.min(total);
            let factor = COSINE.factor(s, warmup, total);
            prop_assert!((0.0..=1.0).contains(&factor));
            let next = COSINE.factor(s + 1, warmup, total);
            if s < warmup { prop_assert!(next > factor) } else { prop_assert!(next <= factor) }
        }
    }
}
