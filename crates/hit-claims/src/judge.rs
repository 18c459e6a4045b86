//! Holds the claims against values.

use std::collections::BTreeMap;

use hit_schema::Observation;
use hit_stats::{Measurement, detectable_shift, normal_cdf, normal_quantile, t_power};

use crate::estimate::{Estimate, Noise};
use crate::ledger::{Claim, Field, Ledger, Must, Relation, StandIn, Term};
use crate::values::{Side, Slot, Stop, World, broken};
use crate::words::why;
use crate::{Error, Kind, Ours, Outcome, Power, Published, Setting, Verdict};

/// Two numbers that are closer than this share of their size are the same: what adding and subtracting leaves.
pub(crate) const ROUNDING: f64 = 1e-9;

/// One comparison of a condition.
pub(crate) struct Comparison<'a> {
    must: &'a Must,
    /// Where the value is taken.
    pub slot: Slot,
    /// What it is compared with.
    pub than: Option<(&'a Term, Slot)>,
    target: Target,
}

/// What must be true of a margin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    /// Value minus the other (or the other way round) is above zero, or zero too.
    Side { sign: f64, strict: bool },
    /// Value, minus the other if there is one, is in this closed range.
    Within(f64, f64),
}

impl Target {
    /// Level of the interval that decides, if `level` is that of the protocol: an equality is two tests, one a side, so that
    /// its interval is that of 1 - 2(1 - level) (two one-sided tests; Schuirmann 1987).
    fn level(self, level: f64) -> f64 {
        match self {
            Self::Side { .. } => level,
            Self::Within(..) => 1.0 - 2.0 * (1.0 - level),
        }
    }
}

/// Where the interval of an equality lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In the tolerance.
    Inside,
    /// Over an end of it.
    Across,
    /// Beyond it.
    Outside,
    /// Beyond it, though not the wider one that counts where it is one among several.
    Alone,
}

/// A comparison with its values.
pub(crate) struct Tested<'a> {
    pub comparison: Comparison<'a>,
    of: Estimate,
    pub than: Option<f64>,
    pub margin: Estimate,
    /// How it came out.
    pub outcome: Outcome,
    /// Of an equality, where its interval lies.
    pub reach: Option<Reach>,
    /// What is left to the boundary, in half widths of the interval and in sizes of the values: comparable across units.
    slack: (f64, f64),
    paper_of: Option<f64>,
    /// Margin of the published values.
    pub paper_margin: Option<f64>,
}

impl<'a> Comparison<'a> {
    /// The term of its value.
    pub fn of(&self) -> &'a Term {
        &self.must.of
    }
}

impl Ledger {
    /// Judges all claims, in the order of the file.
    ///
    /// `rows`, `observations` and `known` are the campaign's. Names of known numbers that claims use: `<arm>.parameters`,
    /// `<arm>.part.<part>`, `<arm>.audio_tokens`, `<arm>.flops`, `chance.r10`, `pool_size`, `n_queries`.
    ///
    /// # Errors
    /// [`Error::Values`] if rows cannot be computed with, [`Error::Ledger`] if a source is not in the published values.
    pub fn judge(
        &self,
        rows: &[Measurement],
        observations: &[Observation],
        published: &Published,
        known: &BTreeMap<String, f64>,
        setting: &Setting,
    ) -> Result<Vec<Verdict>, Error> {
        self.check_sources(published)?;
        let stand_ins = self.needed(rows);
        let published_sizes = setting.published_sizes;
        let world = World { ledger: self, rows, observations, published, known, published_sizes, stand_ins };
        self.claims.iter().map(|claim| world.judge(claim, setting)).collect()
    }

    /// The words that take the place of others in this campaign; the first that fits, for each word.
    fn needed(&self, rows: &[Measurement]) -> Vec<&StandIn> {
        let there = |field, word: &str| {
            rows.iter().any(|row| {
                word == match field {
                    Field::Stage => &row.stage,
                    Field::Schedule => &row.schedule,
                }
            })
        };
        let mut needed: Vec<&StandIn> = Vec::new();
        for rule in &self.stand_ins {
            let taken = needed.iter().any(|other| other.field == rule.field && other.word == rule.word);
            if !taken && !there(rule.field, &rule.word) && there(rule.field, &rule.by) {
                needed.push(rule);
            }
        }
        needed
    }
}

/// The comparisons that a condition consists of.
pub(crate) fn comparisons(must: &Must) -> Vec<Comparison<'_>> {
    let places = |list: &[String]| -> Vec<Option<String>> {
        if list.is_empty() { vec![None] } else { list.iter().cloned().map(Some).collect() }
    };
    let mut all = Vec::new();
    for arm in places(&must.arms) {
        for condition in places(&must.conditions) {
            all.extend(at_slot(must, &Slot { arm: arm.clone(), condition }));
        }
    }
    all
}

/// Those with one choice of the open places.
fn at_slot<'a>(must: &'a Must, slot: &Slot) -> Vec<Comparison<'a>> {
    let one = |slot: &Slot, than, target| Comparison { must, slot: slot.clone(), than, target };
    let side = |sign, strict| Target::Side { sign, strict };
    let with = |term: &'a Term, target| vec![one(slot, Some((term, slot.clone())), target)];
    let arm = |arm: &String| Slot { arm: Some(arm.clone()), ..slot.clone() };
    let condition = |condition: &String| Slot { condition: Some(condition.clone()), ..slot.clone() };
    let rivals = |arms: &[String], target| {
        let others = arms.iter().filter(|other| Some(*other) != slot.arm.as_ref());
        others.map(|other| one(slot, Some((&must.of, arm(other))), target)).collect()
    };
    let falling = |places: Vec<Slot>| {
        let pair = |pair: &[Slot]| one(&pair[0], Some((&must.of, pair[1].clone())), side(1.0, true));
        places.windows(2).map(pair).collect()
    };
    match &must.relation {
        Relation::Above(term) => with(term, side(1.0, true)),
        Relation::Below(term) => with(term, side(-1.0, true)),
        Relation::AtLeast(term) => with(term, side(1.0, false)),
        Relation::AtMost(term) => with(term, side(-1.0, false)),
        Relation::Near(term, by) => with(term, Target::Within(-by, *by)),
        Relation::Between(low, high) => vec![one(slot, None, Target::Within(*low, *high))],
        Relation::AboveArms(arms) => rivals(arms, side(1.0, true)),
        Relation::BelowArms(arms) => rivals(arms, side(-1.0, true)),
        Relation::FallingArms(arms) => falling(arms.iter().map(arm).collect()),
        Relation::FallingConditions(conditions) => falling(conditions.iter().map(condition).collect()),
    }
}

/// Why this campaign cannot be asked, though it may have the rows.
fn barred(claim: &Claim, setting: &Setting) -> Option<String> {
    let any = |is: fn(&Term) -> bool| claim.must.iter().any(|must| must.terms().any(is));
    let measured = any(|term| matches!(term, Term::Measured(_) | Term::OverSeeds(_)));
    let published = any(|term| matches!(term, Term::Published(_)));
    let sizes = claim.must.iter().any(|must| must.of.all().iter().any(|term| matches!(term, Term::Known(_))));
    if sizes && !setting.published_sizes {
        return Some(format!("models and pools of this campaign ({}) do not have the published sizes", setting.label));
    }
    (measured && (published || claim.sized == Some(true)) && !setting.comparable).then(|| {
        format!("the claim is about a published size, and this campaign ({}) may not stand beside it", setting.label)
    })
}

impl World<'_> {
    fn judge(&self, claim: &Claim, setting: &Setting) -> Result<Verdict, Error> {
        let rule: Vec<String> = claim.must.iter().map(ToString::to_string).collect();
        let mut verdict = Verdict {
            id: claim.id.clone(),
            group: claim.group.clone(),
            text: claim.text.clone(),
            source: claim.source.clone(),
            stated: claim.stated.clone(),
            form: claim.form,
            outcome: Outcome::NotTestable,
            ours: None,
            published: self.published.number(&claim.source),
            rule: rule.join("; and "),
            why: String::new(),
            power: None,
            notes: claim.note.iter().cloned().collect(),
            setting: setting.clone(),
        };
        if let Some(why) = barred(claim, setting) {
            verdict.why = why;
            return Ok(verdict);
        }
        let comparisons: Vec<_> = claim.must.iter().flat_map(comparisons).collect();
        let n = comparisons.len();
        let tested = comparisons.into_iter().map(|comparison| self.test(comparison, n, &claim.id));
        match tested.collect::<Result<Vec<_>, Stop>>() {
            Err(Stop::Broken(error)) => return Err(error),
            Err(Stop::Missing(why)) => verdict.why = why,
            Ok(tested) => self.conclude(&mut verdict, tested).map_err(|stop| match stop {
                Stop::Broken(error) => error,
                Stop::Missing(what) => Error::Values { claim: claim.id.clone(), what },
            })?,
        }
        Ok(verdict)
    }

    /// Value and margin of a comparison.
    fn margin(
        &self,
        comparison: &Comparison<'_>,
        side: Side,
        claim: &str,
    ) -> Result<(Estimate, Option<f64>, Estimate), Stop> {
        let must = comparison.must;
        let of = self.value(comparison.of(), &comparison.slot, side, claim)?.stated(must.exact, must.noise);
        let Some((term, slot)) = &comparison.than else { return Ok((of.clone(), None, of)) };
        let than = self.value(term, slot, side, claim)?;
        let sign = match comparison.target {
            Target::Side { sign, .. } => sign,
            Target::Within(..) => 1.0,
        };
        let unit = if of.unit == "%" { "pp" } else { &of.unit };
        let value = sign * (of.value - than.value);
        let level = self.ledger.protocol.level;
        let margin = Estimate::combine(value, unit, &[(sign, &of), (-sign, &than)], level);
        let margin = margin.map_err(|error| broken(claim, &error))?.stated(must.exact, must.noise);
        Ok((of, Some(than.value), margin))
    }

    /// Tests one of `n` comparisons.
    fn test<'c>(&self, comparison: Comparison<'c>, n: usize, claim: &str) -> Result<Tested<'c>, Stop> {
        let (of, than, margin) = self.margin(&comparison, Side::Ours, claim)?;
        let level = self.ledger.protocol.level;
        let interval = |at| margin.interval(level, at).map_err(|error| broken(claim, &error));
        let target = comparison.target;
        let (low, high) = interval(target.level(level))?;
        let wide = interval(target.level(1.0 - (1.0 - level) / n.max(1) as f64))?;
        let size = (of.value.abs() + than.unwrap_or_default().abs()).max(1e-3);
        let same = ROUNDING * size;
        let (left, reach, holds, refuted) = match target {
            Target::Side { strict, .. } => {
                let edge = if strict { same } else { -same };
                (margin.value, None, low > edge, if low == high { low <= edge } else { wide.1 < -same })
            }
            Target::Within(from, to) => {
                let inside = |low: f64, high: f64| low >= from - same && high <= to + same;
                let outside = |(low, high): (f64, f64)| high < from - same || low > to + same;
                let reach = match (inside(low, high), outside((low, high)), outside(wide)) {
                    (true, ..) => Reach::Inside,
                    (_, true, true) => Reach::Outside,
                    (_, true, false) => Reach::Alone,
                    (_, false, _) => Reach::Across,
                };
                let left = (margin.value - from).min(to - margin.value);
                (left, Some(reach), inside(margin.value, margin.value), outside(wide))
            }
        };
        let half = 0.5 * (high - low);
        let slack = (if half > 0.0 { left / half } else { left.signum() * f64::INFINITY }, left / size);
        let outcome = match (holds, refuted) {
            (true, _) => Outcome::Holds,
            (false, true) => Outcome::DoesNotHold,
            (false, false) => Outcome::Inconclusive,
        };
        let paper_margin = printed(self.margin(&comparison, Side::Paper, claim).map(|(_, _, margin)| margin))?;
        let paper_of = printed(self.value(comparison.of(), &comparison.slot, Side::Paper, claim))?;
        // Observations and known numbers are ours on both sides; what stands beside them is what they are compared with.
        let named = comparison.than.as_ref().filter(|(term, _)| matches!(term, Term::Published(_))).and(than);
        let paper_of = if is_measured(comparison.of()) { paper_of } else { named };
        Ok(Tested { comparison, of, than, margin, outcome, reach, slack, paper_of, paper_margin })
    }

    /// Fills in how a claim came out.
    fn conclude(&self, verdict: &mut Verdict, tested: Vec<Tested<'_>>) -> Result<(), Stop> {
        let counts: Vec<Outcome> = tested.iter().map(|one| one.outcome).collect();
        for note in tested.iter().flat_map(|one| &one.margin.notes) {
            if !verdict.notes.contains(note) {
                verdict.notes.push(note.clone());
            }
        }
        let rank = |outcome| match outcome {
            Outcome::DoesNotHold => 0,
            Outcome::Inconclusive => 1,
            _ => 2,
        };
        let order = |one: &Tested<'_>| (rank(one.outcome), one.slack);
        let decisive = tested.into_iter().reduce(|best, next| {
            let (a, b) = (order(&best), order(&next));
            let by_slack = a.1.0.total_cmp(&b.1.0).then(a.1.1.total_cmp(&b.1.1));
            if a.0.cmp(&b.0).then(by_slack).is_le() { best } else { next }
        });
        let Some(one) = decisive else {
            return Err(Stop::Missing("the claim compares nothing".to_owned()));
        };
        let level = self.ledger.protocol.level;
        let interval = |estimate: &Estimate, at| match estimate.noise {
            Noise::None | Noise::Unknown => Ok(None),
            _ => estimate.interval(level, at).map(Some).map_err(|error| broken(&verdict.id, &error)),
        };
        let decides = one.comparison.target.level(level);
        let ours = Ours {
            value: one.of.value,
            interval: interval(&one.of, level)?,
            unit: one.of.unit.clone(),
            margin: one.margin.value,
            margin_interval: interval(&one.margin, decides)?,
            rows: one.margin.rows.clone(),
        };
        verdict.outcome = one.outcome;
        verdict.published = one.paper_of;
        if one.outcome == Outcome::Inconclusive {
            verdict.power = self.power(&one).map_err(|error| broken(&verdict.id, &error))?;
        }
        verdict.why = why(&one, &ours, &counts, decides, verdict.power.as_ref());
        verdict.ours = Some(ours);
        Ok(())
    }

    /// What a test with the sampling error of this margin can find; none if that is not known.
    fn power(&self, one: &Tested<'_>) -> Result<Option<Power>, hit_stats::Error> {
        let (level, target) = (self.ledger.protocol.level, self.ledger.protocol.power);
        let Some((error, df)) = one.margin.error(level)? else { return Ok(None) };
        let (kind, effect, at_effect, detectable) = match one.comparison.target {
            Target::Side { .. } => {
                let effect = one.paper_margin.filter(|effect| *effect > ROUNDING);
                let found = effect.map(|effect| t_power(effect / error, df, level)).transpose()?;
                (Kind::Effect, effect, found, error * detectable_shift(target, df, level)?)
            }
            Target::Within(from, to) => {
                // The value must lie inside; where no truth is published, it is taken to be the middle.
                let middle = f64::midpoint(from, to);
                let truth = one.paper_margin.filter(|at| (from..=to).contains(at)).unwrap_or(middle);
                let found = normal_cdf((to - truth) / error) - normal_cdf((from - truth) / error);
                let tolerance = error * normal_quantile(f64::midpoint(1.0, target))?;
                (Kind::Agreement, Some(0.5 * (to - from)), Some(found.max(0.0)), tolerance)
            }
        };
        let n = one.margin.cases.iter().map(|(n, name)| (*n, (*name).to_owned())).collect();
        let unit = one.margin.unit.clone();
        let level = one.comparison.target.level(level);
        Ok(Some(Power { kind, level, n, effect, at_effect, detectable, target, unit }))
    }
}

/// A value of the paper; none where it prints none.
fn printed(value: Result<Estimate, Stop>) -> Result<Option<f64>, Stop> {
    match value {
        Ok(estimate) => Ok(Some(estimate.value)),
        Err(Stop::Missing(_)) => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// Whether a term is made of measurements.
fn is_measured(term: &Term) -> bool {
    !term.selects().is_empty()
}
