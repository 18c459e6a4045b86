//! The ledger: what is claimed, where, and when it holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::estimate::is_percent;

/// The file `paper/claims.toml`, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// Numbers of the rules.
    pub protocol: Protocol,
    /// What takes the place of experiments and schedules that a campaign does not have.
    pub stand_ins: Vec<StandIn>,
    /// Where the published value of a measurement stands.
    pub beside: Vec<Beside>,
    /// What arms and runs are called in a table of the published file, where that is not their id; by table.
    pub names: BTreeMap<String, BTreeMap<String, String>>,
    /// The claims, in the order of the file.
    pub claims: Vec<Claim>,
}

/// Numbers of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Level of all intervals, that of the campaign's bootstrap.
    pub level: f64,
    /// Probability with which the smallest effect that is named would be found.
    pub power: f64,
}

/// A word that takes the place of another in all selectors, where a campaign has only that one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIn {
    /// Column of the measurements.
    pub field: Field,
    /// Word that the selectors have.
    pub word: String,
    /// Word that takes its place.
    pub by: String,
    /// What has to be said then.
    pub note: String,
}

/// A column that words can be replaced in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Experiment.
    Stage,
    /// Schedule; in conditions too, where they name one after `@`.
    Schedule,
}

/// Where the published values of some measurements stand.
///
/// In `path`, `{arm}` is the arm (or run `arm@schedule`, if [`Ledger::names`] has it), `{seed}` the seed, `{condition}` and
/// `{metric}` what the maps have for those of the measurement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Experiments.
    pub stages: Vec<String>,
    /// Ours to theirs; only these are meant.
    pub conditions: BTreeMap<String, String>,
    /// Ours to theirs; only these are meant.
    pub metrics: BTreeMap<String, String>,
    /// Path in `published.toml`.
    pub path: String,
    /// Path of the value that is taken off, where the paper prints both sides of a difference and not the difference.
    #[serde(default)]
    pub minus: Option<String>,
}

/// How strong the protocol behind a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As published.
    #[default]
    Published,
    /// As published, where the protocol is too weak for what is said; a claim with `form = "sound"` stands beside it.
    Weak,
    /// By a protocol that can carry what is said.
    Sound,
}

/// A statement of the paper that a campaign can test.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Short name.
    pub id: String,
    /// Heading that it stands under.
    pub group: String,
    /// The statement in our own words.
    pub text: String,
    /// Path in `published.toml` of the value that it rests on.
    pub source: String,
    /// Where it stands in the paper.
    pub stated: String,
    /// How strong the protocol is.
    pub form: Form,
    /// Whether it is about a size that other corpora and models need not share, though no published value is named in it.
    /// A claim that holds points or percents against a constant must say so or deny it.
    pub sized: Option<bool>,
    /// What has to be said beside it.
    pub note: Option<String>,
    /// All of these must be met.
    pub must: Vec<Must>,
    /// 1-based line of the file.
    pub line: usize,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Must {
    /// The value that it is about.
    pub of: Term,
    /// Arms, or runs `arm@schedule`, that take the open place of an arm in it; each must meet the condition.
    pub arms: Vec<String>,
    /// The same of conditions.
    pub conditions: Vec<String>,
    /// Whether the values count as they are, without a sampling error.
    pub exact: bool,
    /// Half the width of the interval of values without a known sampling error, in their unit.
    pub noise: Option<f64>,
    /// What must be true.
    pub relation: Relation,
}

/// What must be true of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// It is above this.
    Above(Term),
    /// It is below this.
    Below(Term),
    /// It is this or above.
    AtLeast(Term),
    /// It is this or below.
    AtMost(Term),
    /// It is not farther than this from that.
    Near(Term, f64),
    /// It lies in this closed range.
    Between(f64, f64),
    /// It is above the value of each of these arms or runs.
    AboveArms(Vec<String>),
    /// It is below the value of each of them.
    BelowArms(Vec<String>),
    /// It falls along these arms or runs.
    FallingArms(Vec<String>),
    /// It falls along these conditions.
    FallingConditions(Vec<String>),
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A number.
    Number(f64),
    /// The one row that answers.
    Measured(Select),
    /// Mean over the seeds of all rows that answer.
    OverSeeds(Select),
    /// Of a descriptor: its id and metric.
    Observed(String, String),
    /// A number known before the campaign, by name; `{arm}` is the arm.
    Known(String),
    /// The published value of this path; `{arm}` is the arm.
    Published(String),
    /// The first minus the second.
    Difference(Box<[Term; 2]>),
    /// The first over the second.
    Ratio(Box<[Term; 2]>),
    /// The first in percent of the second.
    Percent(Box<[Term; 2]>),
    /// Product of all.
    Product(Vec<Term>),
    /// Mean of all.
    Mean(Vec<Term>),
    /// Sum of all.
    Sum(Vec<Term>),
    /// Smallest.
    Min(Vec<Term>),
    /// Largest.
    Max(Vec<Term>),
}

/// Which measurement is meant. Schedule and seed match anything if left out; arm and condition are then open places.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Select {
    /// Experiment.
    pub stage: String,
    /// Arm.
    pub arm: Option<String>,
    /// Schedule.
    pub schedule: Option<String>,
    /// Training seed.
    pub seed: Option<u64>,
    /// Condition.
    pub condition: Option<String>,
    /// Metric.
    pub metric: String,
}

impl std::fmt::Display for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.stage)?;
        if let Some(arm) = &self.arm {
            write!(f, "/{arm}")?;
        }
        if let Some(schedule) = &self.schedule {
            write!(f, "@{schedule}")?;
        }
        if let Some(seed) = self.seed {
            write!(f, "#{seed}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, "/{condition}")?;
        }
        write!(f, "/{}", self.metric)
    }
}

impl Term {
    /// Itself and all terms inside it.
    pub fn all(&self) -> Vec<&Term> {
        let inner: Vec<&Term> = match self {
            Self::Difference(pair) | Self::Ratio(pair) | Self::Percent(pair) => pair.iter().collect(),
            Self::Product(terms) | Self::Mean(terms) | Self::Sum(terms) | Self::Min(terms) | Self::Max(terms) => {
                terms.iter().collect()
            }
            _ => Vec::new(),
        };
        std::iter::once(self).chain(inner.into_iter().flat_map(Term::all)).collect()
    }

    /// All measurements in it.
    pub fn selects(&self) -> Vec<&Select> {
        let select = |term| match term {
            &Term::Measured(ref select) | &Term::OverSeeds(ref select) => Some(select),
            _ => None,
        };
        self.all().into_iter().filter_map(select).collect()
    }
}

impl Relation {
    /// The value that it compares with, where that is one.
    pub fn term(&self) -> Option<&Term> {
        match self {
            Self::Above(term) | Self::Below(term) | Self::AtLeast(term) | Self::AtMost(term) | Self::Near(term, _) => {
                Some(term)
            }
            _ => None,
        }
    }

    /// Arms and runs that it names.
    pub fn arms(&self) -> &[String] {
        match self {
            Self::AboveArms(arms) | Self::BelowArms(arms) | Self::FallingArms(arms) => arms,
            _ => &[],
        }
    }

    /// Whether it is an equality within a tolerance.
    pub fn is_equality(&self) -> bool {
        matches!(self, Self::Near(..) | Self::Between(..))
    }
}

impl Must {
    /// All values that it compares.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        std::iter::once(&self.of).chain(self.relation.term()).flat_map(Term::all)
    }

    /// Whether it says that there is no gain beyond a margin.
    fn is_margin(&self) -> bool {
        let gain = matches!(&self.of, Term::Measured(select) if select.metric.starts_with("delta_"));
        gain && matches!(self.relation, Relation::AtMost(Term::Number(margin)) if margin > 0.0)
    }

    /// Whether it holds percents or points against a constant of its own, which is a size.
    pub(crate) fn has_size(&self) -> bool {
        let points = self.of.all().into_iter().any(|term| match term {
            Term::Percent(_) => true,
            Term::Measured(select) | Term::OverSeeds(select) => is_percent(&select.metric),
            _ => false,
        });
        let constant = matches!(self.relation.term(), Some(Term::Number(number)) if *number != 0.0);
        let published = self.terms().any(|term| matches!(term, Term::Published(_)));
        points && !published && (constant || self.relation.is_equality())
    }
}

/// The words of a term.
impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |terms: &[Term]| terms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Number(number) => f.write_str(&hit_stats::number(*number)),
            Self::Measured(select) => write!(f, "{select}"),
            Self::OverSeeds(select) => write!(f, "mean over seeds of {select}"),
            Self::Observed(descriptor, metric) => write!(f, "{metric} of {descriptor}"),
            Self::Known(name) => f.write_str(name),
            Self::Published(path) => write!(f, "published {path}"),
            Self::Difference(pair) => write!(f, "({} - {})", pair[0], pair[1]),
            Self::Ratio(pair) => write!(f, "({} / {})", pair[0], pair[1]),
            Self::Percent(pair) => write!(f, "({} in % of {})", pair[0], pair[1]),
            Self::Product(terms) => write!(f, "product({})", list(terms)),
            Self::Mean(terms) => write!(f, "mean({})", list(terms)),
            Self::Sum(terms) => write!(f, "sum({})", list(terms)),
            Self::Min(terms) => write!(f, "min({})", list(terms)),
            Self::Max(terms) => write!(f, "max({})", list(terms)),
        }
    }
}

/// The rule in words, as it stands in every verdict.
impl std::fmt::Display for Must {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = &self.of;
        match &self.relation {
            Relation::Above(term) => write!(f, "{of} > {term}"),
            Relation::Below(term) => write!(f, "{of} < {term}"),
            Relation::AtLeast(term) => write!(f, "{of} >= {term}"),
            Relation::AtMost(term) if self.is_margin() => write!(f, "{of} <= {term} (non-superiority margin)"),
            Relation::AtMost(term) => write!(f, "{of} <= {term}"),
            Relation::Near(term, by) => write!(f, "{of} within {} of {term}", hit_stats::number(*by)),
            Relation::Between(low, high) => {
                write!(f, "{of} in {}..{}", hit_stats::number(*low), hit_stats::number(*high))
            }
            Relation::AboveArms(arms) => write!(f, "{of} > that of each of {}", arms.join(", ")),
            Relation::BelowArms(arms) => write!(f, "{of} < that of each of {}", arms.join(", ")),
            Relation::FallingArms(arms) => write!(f, "{of} falls: {}", arms.join(" > ")),
            Relation::FallingConditions(conditions) => write!(f, "{of} falls: {}", conditions.join(" > ")),
        }?;
        if !self.arms.is_empty() {
            write!(f, ", for {}", self.arms.join(", "))?;
        }
        if !self.conditions.is_empty() {
            write!(f, ", under {}", self.conditions.join(", "))?;
        }
        match (self.exact, self.noise) {
            (true, _) => f.write_str("; the values count as they are"),
            (false, Some(noise)) => write!(f, "; the interval is the value +- {}", hit_stats::number(noise)),
            (false, None) if self.relation.is_equality() => {
                f.write_str("; holds if the value lies within, does not if its interval lies outside")
            }
            (false, None) => f.write_str("; the interval must lie on that side"),
        }
    }
}
