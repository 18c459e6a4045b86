//! Reading a ledger. Every fault is reported with its claim and line.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::ledger::{Beside, Claim, Form, Ledger, Must, Protocol, Relation, Select, StandIn, Term};
use crate::{Error, Fault, Published};

impl Ledger {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Ledger`] with the path, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&fs_err::read_to_string(path)?).map_err(|error| error.of(path))
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// [`Error::Ledger`]: the first fault that the parser stops at, otherwise all of them.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let raw: RawLedger = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, &span));
            Error::Ledger(vec![Fault { claim: claim_at(text, line), line, what: error.message().to_owned() }])
        })?;
        let mut faults = Vec::new();
        let claims: Vec<Claim> = raw.claim.into_iter().map(|claim| claim.read(text)).collect();
        let ledger =
            Self { protocol: raw.protocol, stand_ins: raw.stand_in, beside: raw.beside, names: raw.names, claims };
        ledger.check(&mut faults);
        if faults.is_empty() { Ok(ledger) } else { Err(Error::Ledger(faults)) }
    }

    fn check(&self, faults: &mut Vec<Fault>) {
        let mut fault = |claim: &str, line, what: String| faults.push(Fault { claim: claim.to_owned(), line, what });
        for (name, value, least) in [("level", self.protocol.level, 0.5), ("power", self.protocol.power, 0.0)] {
            if !(value > least && value < 1.0) {
                fault("", 1, format!("`{name}` is {value}; a number between {least} and 1 is expected"));
            }
        }
        let mut ids = BTreeSet::new();
        for claim in &self.claims {
            if !ids.insert(&claim.id) {
                fault(&claim.id, claim.line, "there is a claim of that id above; give it another".to_owned());
            }
            let id_fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if claim.id.is_empty() || !claim.id.chars().all(id_fits) {
                fault(&claim.id, claim.line, "an id is made of small letters, digits and `-`".to_owned());
            }
            for (name, words) in [("text", &claim.text), ("stated", &claim.stated), ("group", &claim.group)] {
                if words.trim().is_empty() {
                    fault(&claim.id, claim.line, format!("`{name}` is empty"));
                }
            }
            if claim.must.is_empty() {
                fault(&claim.id, claim.line, "it has no condition; add a [[claim.must]]".to_owned());
            }
            for must in &claim.must {
                if let Err(what) = check_must(must) {
                    fault(&claim.id, claim.line, what);
                }
            }
            if claim.sized.is_none() && claim.must.iter().any(Must::has_size) {
                let what = "it holds percents or points against a constant; say `sized = true` if that is a published \
                            size, `sized = false` if any campaign can be asked";
                fault(&claim.id, claim.line, what.to_owned());
            }
        }
    }

    /// Checks that every path that the ledger names is in the published file.
    ///
    /// # Errors
    /// [`Error::Ledger`] with every claim whose paths are not.
    pub fn check_sources(&self, published: &Published) -> Result<(), Error> {
        let mut faults = Vec::new();
        for claim in &self.claims {
            let named = claim.must.iter().flat_map(Must::terms).filter_map(|term| match term {
                Term::Published(path) if !path.contains('{') => Some(path),
                _ => None,
            });
            for path in std::iter::once(&claim.source).chain(named).filter(|path| !published.has(path)) {
                let what = format!("`{path}` is not in the published values");
                faults.push(Fault { claim: claim.id.clone(), line: claim.line, what });
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Ledger(faults)) }
    }
}

fn check_must(must: &Must) -> Result<(), String> {
    let open = |place: fn(&Select) -> bool| must.terms().flat_map(Term::selects).any(place);
    let templates = must.terms().any(|term| match term {
        Term::Known(text) | Term::Published(text) => text.contains("{arm}"),
        _ => false,
    });
    let (arm_open, condition_open) = (open(|s| s.arm.is_none()), open(|s| s.condition.is_none()));
    let falling_arms = matches!(must.relation, Relation::FallingArms(_));
    let falling_conditions = matches!(must.relation, Relation::FallingConditions(_));
    let filled_arm = !must.arms.is_empty() || falling_arms;
    let filled_condition = !must.conditions.is_empty() || falling_conditions;
    if arm_open && !filled_arm {
        return Err("a measurement has no arm, and there are no `arms` to take its place".to_owned());
    }
    if condition_open && !filled_condition {
        return Err("a measurement has no condition, and there are no `conditions` to take its place".to_owned());
    }
    if filled_arm && !arm_open && !templates {
        return Err("there are `arms`, and no measurement leaves its arm open for them".to_owned());
    }
    if filled_condition && !condition_open {
        return Err("there are `conditions`, and no measurement leaves its condition open for them".to_owned());
    }
    if falling_arms && !must.arms.is_empty() || falling_conditions && !must.conditions.is_empty() {
        return Err("what falls along a list has no second list for the same place".to_owned());
    }
    if let Relation::FallingArms(list) | Relation::FallingConditions(list) = &must.relation
        && list.len() < 2
    {
        return Err("what falls needs two places at least".to_owned());
    }
    if matches!(&must.relation, Relation::AboveArms(list) | Relation::BelowArms(list) if list.is_empty()) {
        return Err("there is no arm to compare with".to_owned());
    }
    if matches!(must.relation, Relation::AboveArms(_) | Relation::BelowArms(_)) && must.arms.is_empty() {
        return Err("a comparison with arms needs `arms` for the place of its own".to_owned());
    }
    if must.exact && must.noise.is_some() {
        return Err("`exact` and `noise` exclude each other".to_owned());
    }
    match (&must.relation, must.noise) {
        (Relation::Near(_, by), _) if !(by.is_finite() && *by > 0.0) => Err(format!("`by` is {by}, not above 0")),
        (Relation::Between(low, high), _) if low.partial_cmp(high) != Some(std::cmp::Ordering::Less) => {
            Err(format!("{low}..{high} is no range"))
        }
        (_, Some(noise)) if !(noise.is_finite() && noise > 0.0) => Err(format!("`noise` is {noise}, not above 0")),
        _ => Ok(()),
    }
}

/// 1-based line that a range of bytes starts in.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
}

/// Id of the claim that a line belongs to; empty before the first.
fn claim_at(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let upto = &lines[..line.min(lines.len())];
    let Some(start) = upto.iter().rposition(|line| line.trim() == "[[claim]]") else { return String::new() };
    let mut inside = lines[start + 1..].iter().take_while(|line| line.trim() != "[[claim]]");
    let id = inside.find_map(|line| line.trim().strip_prefix("id")?.trim_start().strip_prefix('='));
    id.map(|id| id.trim().trim_matches('"').to_owned()).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLedger {
    protocol: Protocol,
    #[serde(default)]
    stand_in: Vec<StandIn>,
    #[serde(default)]
    beside: Vec<Beside>,
    #[serde(default)]
    names: BTreeMap<String, BTreeMap<String, String>>,
    claim: Vec<Spanned<RawClaim>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    id: Spanned<String>,
    group: String,
    text: String,
    source: String,
    stated: String,
    #[serde(default)]
    form: Form,
    sized: Option<bool>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    must: Vec<Must>,
}

trait ReadClaim {
    fn read(self, text: &str) -> Claim;
}

impl ReadClaim for Spanned<RawClaim> {
    fn read(self, text: &str) -> Claim {
        let raw = self.into_inner();
        let line = line_of(text, &raw.id.span());
        Claim {
            id: raw.id.into_inner(),
            group: raw.group,
            text: raw.text,
            source: raw.source,
            stated: raw.stated,
            form: raw.form,
            sized: raw.sized,
            note: raw.note,
            must: raw.must,
            line,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMust {
    of: Term,
    #[serde(default)]
    arms: Vec<String>,
    #[serde(default)]
    conditions: Vec<String>,
    #[serde(default)]
    exact: bool,
    noise: Option<f64>,
    above: Option<Term>,
    below: Option<Term>,
    at_least: Option<Term>,
    at_most: Option<Term>,
    near: Option<Term>,
    by: Option<f64>,
    between: Option<[f64; 2]>,
    above_arms: Option<Vec<String>>,
    below_arms: Option<Vec<String>>,
    falling_arms: Option<Vec<String>>,
    falling_conditions: Option<Vec<String>>,
}

const RELATIONS: &str =
    "above, below, at_least, at_most, near, between, above_arms, below_arms, falling_arms, falling_conditions";

impl<'de> Deserialize<'de> for Must {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawMust::deserialize(deserializer)?;
        let near = match (raw.near, raw.by) {
            (Some(term), Some(by)) => Some(Relation::Near(term, by)),
            (None, None) => None,
            _ => return Err(de::Error::custom("`near` and `by` go together")),
        };
        let relations = [
            raw.above.map(Relation::Above),
            raw.below.map(Relation::Below),
            raw.at_least.map(Relation::AtLeast),
            raw.at_most.map(Relation::AtMost),
            near,
            raw.between.map(|[low, high]| Relation::Between(low, high)),
            raw.above_arms.map(Relation::AboveArms),
            raw.below_arms.map(Relation::BelowArms),
            raw.falling_arms.map(Relation::FallingArms),
            raw.falling_conditions.map(Relation::FallingConditions),
        ];
        let mut given = relations.into_iter().flatten();
        let (Some(relation), None) = (given.next(), given.next()) else {
            return Err(de::Error::custom(format!("a condition has exactly one of {RELATIONS}")));
        };
        let (of, arms, conditions) = (raw.of, raw.arms, raw.conditions);
        Ok(Self { of, arms, conditions, exact: raw.exact, noise: raw.noise, relation })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTerm {
    stage: Option<String>,
    arm: Option<String>,
    schedule: Option<String>,
    seed: Option<u64>,
    condition: Option<String>,
    metric: Option<String>,
    #[serde(default)]
    over_seeds: bool,
    observed: Option<String>,
    known: Option<String>,
    published: Option<String>,
    difference: Option<Vec<Term>>,
    ratio: Option<Vec<Term>>,
    percent: Option<Vec<Term>>,
    product: Option<Vec<Term>>,
    mean: Option<Vec<Term>>,
    sum: Option<Vec<Term>>,
    min: Option<Vec<Term>>,
    max: Option<Vec<Term>>,
}

impl RawTerm {
    fn select(&mut self) -> Result<Option<Term>, String> {
        let (stage, metric) = (self.stage.take(), self.metric.take());
        let rest = [&self.arm, &self.schedule, &self.condition].iter().any(|field| field.is_some());
        match (stage, metric) {
            (Some(stage), Some(metric)) => {
                let (arm, schedule) = (self.arm.take(), self.schedule.take());
                let (seed, condition) = (self.seed, self.condition.take());
                if self.over_seeds && seed.is_some() {
                    return Err("a mean over seeds names no seed".to_owned());
                }
                let select = Select { stage, arm, schedule, seed, condition, metric };
                Ok(Some(if self.over_seeds { Term::OverSeeds(select) } else { Term::Measured(select) }))
            }
            (None, None) if !rest && self.seed.is_none() && !self.over_seeds => Ok(None),
            _ => Err("a measurement names its stage and its metric".to_owned()),
        }
    }

    fn term(mut self) -> Result<Term, String> {
        let pair = |terms: Option<Vec<Term>>, of: fn(Box<[Term; 2]>) -> Term, name: &str| match terms {
            None => Ok(None),
            Some(terms) => <[Term; 2]>::try_from(terms)
                .map(|pair| Some(of(Box::new(pair))))
                .map_err(|terms| format!("`{name}` has {} values; two are expected", terms.len())),
        };
        let list = |terms: Option<Vec<Term>>, of: fn(Vec<Term>) -> Term, name: &str| match terms {
            Some(terms) if terms.is_empty() => Err(format!("`{name}` has no values")),
            terms => Ok(terms.map(of)),
        };
        let observed = match self.observed.take() {
            None => None,
            Some(name) => match name.split_once('.') {
                Some((descriptor, metric)) => Some(Term::Observed(descriptor.to_owned(), metric.to_owned())),
                None => return Err(format!("`{name}` is no observation; `descriptor.metric` is expected")),
            },
        };
        let terms = [
            self.select()?,
            observed,
            self.known.take().map(Term::Known),
            self.published.take().map(Term::Published),
            pair(self.difference, Term::Difference, "difference")?,
            pair(self.ratio, Term::Ratio, "ratio")?,
            pair(self.percent, Term::Percent, "percent")?,
            list(self.product, Term::Product, "product")?,
            list(self.mean, Term::Mean, "mean")?,
            list(self.sum, Term::Sum, "sum")?,
            list(self.min, Term::Min, "min")?,
            list(self.max, Term::Max, "max")?,
        ];
        let mut given = terms.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(term), None) => Ok(term),
            _ => Err("a value is one of: a number, a measurement, observed, known, published, difference, ratio, \
                      percent, product, mean, sum, min, max"
                .to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Term;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a table that names a value")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Term, E> {
                if number.is_finite() {
                    Ok(Term::Number(number))
                } else {
                    Err(E::custom("a finite number is expected"))
                }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Term, E> {
                Ok(Term::Number(number as f64))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Term, A::Error> {
                let raw = RawTerm::deserialize(de::value::MapAccessDeserializer::new(map))?;
                raw.term().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
