//! Values of terms: ours from the rows of a campaign, the paper's from the published file.

use std::collections::BTreeMap;

use hit_schema::Observation;
use hit_stats::{Measurement, Summary};

use crate::estimate::{Estimate, Noise, design_effect, of_share};
use crate::ledger::{Field, Ledger, Select, StandIn, Term};
use crate::{Error, Published};

/// What has to be said of shares whose interval is Wilson's with fewer cases.
const ALIKE: &str = "A share without an interval of its own has Wilson's, with its cases divided by the design effect that S \
                     of the same run shows: windows of one performance are alike.";

/// Why there is no value.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The campaign, or the paper, does not have it; why.
    Missing(String),
    /// Something is wrong.
    Broken(Error),
}

/// Whose values are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Paper,
}

/// What takes the open places of a term. An arm may be a run `arm@schedule`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub arm: Option<String>,
    pub condition: Option<String>,
}

impl Slot {
    /// The arm without a schedule.
    fn id(&self) -> Option<&str> {
        Some(self.arm.as_deref()?.split('@').next().unwrap_or_default())
    }

    /// The select with its open places taken.
    pub fn fill(&self, select: &Select) -> Select {
        let mut filled = select.clone();
        if let (None, Some(run)) = (&select.arm, &self.arm) {
            let (arm, schedule) = run.split_once('@').map_or((run.as_str(), None), |(arm, s)| (arm, Some(s)));
            filled.arm = Some(arm.to_owned());
            if let Some(schedule) = schedule {
                filled.schedule = Some(schedule.to_owned());
            }
        }
        if filled.condition.is_none() {
            filled.condition.clone_from(&self.condition);
        }
        filled
    }
}

/// Everything that values come from.
pub(crate) struct World<'a> {
    pub ledger: &'a Ledger,
    pub rows: &'a [Measurement],
    pub observations: &'a [Observation],
    pub published: &'a Published,
    pub known: &'a BTreeMap<String, f64>,
    /// Whether known numbers are those of the paper too.
    pub published_sizes: bool,
    /// Those of [`Ledger::stand_ins`] that this campaign calls for.
    pub stand_ins: Vec<&'a StandIn>,
}

impl World<'_> {
    /// Value of a term.
    pub fn value(&self, term: &Term, slot: &Slot, side: Side, claim: &str) -> Result<Estimate, Stop> {
        let broken = |error: hit_stats::Error| broken(claim, &error);
        let level = self.ledger.protocol.level;
        let all = |terms: &[Term]| {
            terms.iter().map(|term| self.value(term, slot, side, claim)).collect::<Result<Vec<Estimate>, Stop>>()
        };
        Ok(match term {
            Term::Number(number) => Estimate::exact(*number),
            Term::Measured(select) if side == Side::Ours => self.measured(&slot.fill(select), claim)?,
            Term::OverSeeds(select) if side == Side::Ours => self.over_seeds(&slot.fill(select), claim)?,
            Term::Measured(select) | Term::OverSeeds(select) => self.printed(&slot.fill(select))?,
            Term::Observed(descriptor, metric) => self.observed(descriptor, metric)?,
            Term::Known(name) if side == Side::Paper && !self.published_sizes => {
                return Err(Stop::Missing(format!("`{name}` of this campaign is not that of the paper")));
            }
            Term::Known(name) => {
                let name = name.replace("{arm}", slot.id().unwrap_or_default());
                let value = self.known.get(&name);
                let missing = || Stop::Missing(format!("`{name}` is not among the numbers that this campaign knows"));
                Estimate { rows: vec![name.clone()], ..Estimate::exact(*value.ok_or_else(missing)?) }
            }
            Term::Published(path) => {
                let name = self.name(path, slot.id().unwrap_or_default(), slot.arm.as_deref());
                let path = path.replace("{arm}", &name);
                let value = self.published.number(&path);
                Estimate::exact(value.ok_or_else(|| Stop::Missing(format!("`{path}` is no published number")))?)
            }
            Term::Difference(pair) => {
                let [a, b] = self.pair(pair, slot, side, claim)?;
                let unit = if a.unit == "%" && b.unit == "%" { "pp" } else { &a.unit };
                Estimate::combine(a.value - b.value, unit, &[(1.0, &a), (-1.0, &b)], level).map_err(broken)?
            }
            Term::Ratio(pair) | Term::Percent(pair) => {
                let [a, b] = self.pair(pair, slot, side, claim)?;
                if b.value == 0.0 {
                    return Err(Stop::Missing(format!("{} is 0 and nothing can be divided by it", pair[1])));
                }
                let (scale, unit) = if matches!(term, Term::Percent(_)) { (100.0, "%") } else { (1.0, "") };
                let parts = [(scale / b.value, &a), (-scale * a.value / (b.value * b.value), &b)];
                Estimate::combine(scale * a.value / b.value, unit, &parts, level).map_err(broken)?
            }
            Term::Product(terms) => {
                let values = all(terms)?;
                let product: f64 = values.iter().map(|value| value.value).product();
                let others = |i: usize| {
                    values.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, v)| v.value).product::<f64>()
                };
                let parts: Vec<_> = values.iter().enumerate().map(|(i, value)| (others(i), value)).collect();
                Estimate::combine(product, "", &parts, level).map_err(broken)?
            }
            Term::Mean(terms) | Term::Sum(terms) => {
                let values = all(terms)?;
                let slope = if matches!(term, Term::Mean(_)) { 1.0 / values.len() as f64 } else { 1.0 };
                let parts: Vec<_> = values.iter().map(|value| (slope, value)).collect();
                let unit = values.first().map(|value| value.unit.clone()).unwrap_or_default();
                Estimate::add(&unit, &parts, level).map_err(broken)?
            }
            Term::Min(terms) | Term::Max(terms) => {
                let values = all(terms)?;
                let smallest = matches!(term, Term::Min(_));
                let first = values.into_iter().reduce(|best, next| {
                    if (next.value < best.value) == smallest && next.value != best.value { next } else { best }
                });
                first.ok_or_else(|| Stop::Missing("there is nothing to choose from".to_owned()))?
            }
        })
    }

    fn pair(&self, pair: &[Term; 2], slot: &Slot, side: Side, claim: &str) -> Result<[Estimate; 2], Stop> {
        Ok([self.value(&pair[0], slot, side, claim)?, self.value(&pair[1], slot, side, claim)?])
    }

    fn observed(&self, descriptor: &str, metric: &str) -> Result<Estimate, Stop> {
        let row = self.observations.iter().find(|row| row.descriptor == descriptor && row.metric == metric);
        let row =
            row.ok_or_else(|| Stop::Missing(format!("{metric} of the descriptor {descriptor} was not observed")))?;
        let rows = vec![format!("{descriptor}.{metric}")];
        Ok(Estimate { unit: row.unit.clone(), rows, ..Estimate::exact(row.value) })
    }

    /// The select with words that stand in for others, and what has to be said of them.
    fn resolve(&self, select: &Select) -> (Select, Vec<String>) {
        let (mut select, mut notes) = (select.clone(), Vec::new());
        for rule in &self.stand_ins {
            let mut replaced = false;
            match rule.field {
                Field::Stage if select.stage == rule.word => {
                    select.stage.clone_from(&rule.by);
                    replaced = true;
                }
                Field::Stage => {}
                Field::Schedule => {
                    if select.schedule.as_ref() == Some(&rule.word) {
                        select.schedule = Some(rule.by.clone());
                        replaced = true;
                    }
                    if let Some((before, schedule)) = select.condition.as_deref().and_then(|c| c.rsplit_once('@'))
                        && schedule == rule.word
                    {
                        select.condition = Some(format!("{before}@{}", rule.by));
                        replaced = true;
                    }
                }
            }
            if replaced {
                notes.push(rule.note.clone());
            }
        }
        (select, notes)
    }

    fn answering<'s>(&'s self, select: &'s Select) -> impl Iterator<Item = &'s Measurement> {
        let same = |wanted: &Option<String>, found: &String| wanted.as_ref().is_none_or(|wanted| wanted == found);
        self.rows.iter().filter(move |row| {
            row.stage == select.stage
                && row.metric == select.metric
                && same(&select.arm, &row.arm)
                && same(&select.schedule, &row.schedule)
                && same(&select.condition, &row.condition)
                && select.seed.is_none_or(|seed| row.seed == Some(seed))
        })
    }

    fn measured(&self, select: &Select, claim: &str) -> Result<Estimate, Stop> {
        let (select, notes) = self.resolve(select);
        let found: Vec<&Measurement> = self.answering(&select).collect();
        match found[..] {
            [] => Err(self.missing(&select)),
            [row] => self.estimate(row, notes, claim),
            _ => Err(ambiguous(&select, &found)),
        }
    }

    fn over_seeds(&self, select: &Select, claim: &str) -> Result<Estimate, Stop> {
        let (select, notes) = self.resolve(select);
        let found: Vec<&Measurement> = self.answering(&select).collect();
        let (Some(first), more) = (found.first(), found.len() > 1) else { return Err(self.missing(&select)) };
        let same_run = |row: &&Measurement| row.schedule == first.schedule && row.arm == first.arm;
        if !found.iter().all(same_run) || (more && found.iter().any(|row| row.seed.is_none())) {
            return Err(ambiguous(&select, &found));
        }
        if !more {
            return self.estimate(first, notes, claim);
        }
        let values: Vec<f64> = found.iter().map(|row| row.value).collect();
        let summary = Summary::of(&values).map_err(|error| broken(claim, &error))?;
        let n = summary.n as f64;
        let noise = Noise::Error(summary.sd.unwrap_or_default() / n.sqrt(), n - 1.0);
        let rows = found.iter().map(|row| row_name(row)).collect();
        let cases = vec![(summary.n as u64, "seeds")];
        Ok(Estimate { value: summary.mean, noise, unit: first.unit.clone(), rows, cases, notes })
    }

    fn estimate(&self, row: &Measurement, mut notes: Vec<String>, claim: &str) -> Result<Estimate, Stop> {
        let spread = row.metric.strip_suffix("_mean").zip(row.n.filter(|n| *n > 1)).and_then(|(metric, n)| {
            let same = |other: &&Measurement| {
                let cell = |row: &Measurement| {
                    (row.stage.clone(), row.arm.clone(), row.schedule.clone(), row.seed, row.condition.clone())
                };
                other.metric == format!("{metric}_sd") && cell(other) == cell(row)
            };
            self.rows.iter().find(same).map(|sd| (sd.value, n as f64))
        });
        let noise = match (spread, row.interval) {
            (Some((sd, n)), _) => Noise::Error(sd / n.sqrt(), n - 1.0),
            (None, Some((low, high))) => Noise::Interval(low, high),
            (None, None) => {
                let effect = self.design_effect(row, claim)?;
                let n = row.n.map(|n| ((n as f64 / effect).floor() as u64).max(1));
                let noise = of_share(&row.metric, row.value, n, self.ledger.protocol.level)
                    .map_err(|error| broken(claim, &error))?;
                if effect > 1.0 && matches!(noise, Noise::Interval(..)) {
                    notes.push(ALIKE.to_owned());
                }
                noise
            }
        };
        let name = if spread.is_some() { "seeds" } else { cases_of(&row.metric) };
        let cases = row.n.map(|n| (n, name)).into_iter().collect();
        let rows = vec![row_name(row)];
        Ok(Estimate { value: row.value, noise, unit: row.unit.clone(), rows, cases, notes })
    }

    /// How alike the cases of a run are: the design effect of its S, under the condition of the row if that has an interval,
    /// else the largest of the run; 1 where the campaign shows none.
    fn design_effect(&self, row: &Measurement, claim: &str) -> Result<f64, Stop> {
        let run = |row: &Measurement| (row.stage.clone(), row.arm.clone(), row.schedule.clone(), row.seed);
        let (mut here, mut largest) = (None, 1.0f64);
        for other in self.rows.iter().filter(|other| other.metric == "s" && run(other) == run(row)) {
            let (Some(interval), Some(n)) = (other.interval, other.n) else { continue };
            let effect = design_effect(other.value, n, interval, self.ledger.protocol.level);
            let effect = effect.map_err(|error| broken(claim, &error))?;
            largest = largest.max(effect);
            if other.condition == row.condition {
                here = Some(effect);
            }
        }
        Ok(here.unwrap_or(largest))
    }

    fn missing(&self, select: &Select) -> Stop {
        let stages = || self.rows.iter().filter(|row| row.stage == select.stage);
        let words = if stages().next().is_none() {
            format!("this campaign has no stage `{}`", select.stage)
        } else if let Some(arm) = &select.arm
            && stages().all(|row| row.arm != *arm)
        {
            format!("stage `{}` of this campaign has no arm `{arm}`", select.stage)
        } else {
            format!("this campaign has no row `{select}`")
        };
        Stop::Missing(words)
    }

    fn printed(&self, select: &Select) -> Result<Estimate, Stop> {
        let value = self.beside(select);
        value.map(Estimate::exact).ok_or_else(|| Stop::Missing(format!("no published value stands beside `{select}`")))
    }

    /// The published value beside a measurement.
    pub fn beside(&self, select: &Select) -> Option<f64> {
        let condition = select.condition.as_deref().unwrap_or_default();
        self.ledger.beside.iter().find_map(|entry| {
            let theirs = (entry.conditions.get(condition)?, entry.metrics.get(&select.metric)?);
            entry.stages.contains(&select.stage).then_some(())?;
            let arm = select.arm.as_deref().unwrap_or_default();
            let run = select.schedule.as_ref().map(|schedule| format!("{arm}@{schedule}"));
            let seed = select.seed.map(|seed| seed.to_string()).unwrap_or_default();
            let number = |path: &String| {
                let path = path.replace("{arm}", &self.name(path, arm, run.as_deref())).replace("{seed}", &seed);
                self.published.number(&path.replace("{condition}", theirs.0).replace("{metric}", theirs.1))
            };
            Some(number(&entry.path)? - entry.minus.as_ref().map_or(Some(0.0), number)?)
        })
    }

    /// What an arm or run is called in the table of a path.
    fn name(&self, path: &str, arm: &str, run: Option<&str>) -> String {
        let table = path.split('.').next().unwrap_or_default();
        let names = self.ledger.names.get(table);
        let found = names.and_then(|names| run.and_then(|run| names.get(run)).or_else(|| names.get(arm)));
        found.cloned().unwrap_or_else(|| arm.to_owned())
    }
}

fn cases_of(metric: &str) -> &'static str {
    match metric {
        "s" | "delta_s" | "retention" => "queries",
        _ if metric.starts_with("mrr_") || metric.ends_with("_a2m") || metric.ends_with("_m2a") => "queries",
        _ => "cases",
    }
}

/// A row as verdicts name it: `stage/arm@schedule#seed/condition/metric`.
pub fn row_name(row: &Measurement) -> String {
    let schedule = if row.schedule.is_empty() { String::new() } else { format!("@{}", row.schedule) };
    let seed = row.seed.map(|seed| format!("#{seed}")).unwrap_or_default();
    format!("{}/{}{schedule}{seed}/{}/{}", row.stage, row.arm, row.condition, row.metric)
}

/// Several rows where one is expected: which of them is meant is never guessed.
fn ambiguous(select: &Select, found: &[&Measurement]) -> Stop {
    let schedules = found.iter().any(|row| row.schedule != found[0].schedule);
    let seeds = found.iter().any(|row| row.seed != found[0].seed);
    let name = match (schedules, seeds) {
        (true, false) => "a schedule",
        (false, true) => "a seed",
        _ => "a schedule and a seed",
    };
    Stop::Missing(format!("{} rows answer `{select}`, one is expected; name {name}", found.len()))
}

pub(crate) fn broken(claim: &str, error: &hit_stats::Error) -> Stop {
    Stop::Broken(Error::Values { claim: claim.to_owned(), what: error.to_string() })
}
