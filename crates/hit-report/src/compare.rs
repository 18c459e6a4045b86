//! Which value of ours stands beside which published one, and what is claimed of them: `paper/compare.toml`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Measured, Select};
use crate::latex::Format;
use crate::published::Published;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// What takes the place of experiments and schedules that a campaign does not have.
    #[serde(default)]
    pub stand_in: Vec<StandIn>,
    /// Values side by side, in print order.
    pub compare: Vec<Entry>,
    /// Statements about the values.
    pub claim: Vec<Claim>,
}

/// A word that takes the place of another in all selectors, where a campaign has only that one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIn {
    /// Column of the measurements.
    pub field: Field,
    /// Word that the selectors have.
    pub word: String,
    /// Word that takes its place.
    pub by: String,
    /// What has to be said then, plain text.
    pub note: String,
    /// Whether it took its place in this campaign.
    #[serde(skip)]
    pub active: bool,
}

/// A column that words can be replaced in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Experiment.
    Stage,
    /// Schedule.
    Schedule,
}

/// One published value and ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Heading that it stands under.
    pub group: String,
    /// What it is, in words.
    pub quantity: String,
    /// Path in `published.toml`.
    pub published: String,
    /// Ours: a measurement,
    #[serde(default)]
    pub measurement: Option<Select>,
    /// or the parameter count of an arm,
    #[serde(default)]
    pub parameters: Option<String>,
    /// or the count of its trained parameters,
    #[serde(default)]
    pub trainable: Option<String>,
    /// or the parameter count of parts of an arm,
    #[serde(default)]
    pub part: Option<PartOf>,
    /// or how many times fewer products of queries and keys one self-attention layer of this arm's audio Transformer
    /// has than that of the baseline (Eq. 10),
    #[serde(default)]
    pub attention_ratio: Option<String>,
    /// or the chance level of R@k for this k, percent.
    #[serde(default)]
    pub chance_at: Option<usize>,
}

/// Parts of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartOf {
    /// The arm.
    pub arm: String,
    /// Names as in [`crate::ArmFacts::parts`]; parts that the arm does not have count nothing.
    pub names: Vec<String>,
}

/// Names that parts of an arm have.
pub(crate) const PARTS: [&str; 11] = [
    "audio.cnn",
    "audio.positions",
    "audio.layers",
    "midi.embedding",
    "midi.layers",
    "midi.norm",
    "heads.audio",
    "heads.midi",
    "inject.audio",
    "inject.midi",
    "inject.tower",
];

/// A statement of the paper that can be tested with our values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Short name.
    pub id: String,
    /// The statement in our own words.
    pub text: String,
    /// Path in `published.toml` of the value that the statement rests on.
    pub source: String,
    /// Where the statement stands, if not where that value is printed.
    #[serde(default)]
    pub stated: Option<String>,
    /// Our value; without an arm if `arms` are given.
    pub measurement: Select,
    /// Arms, or runs `arm@schedule`, that all must fulfil the relation; the one nearest to failing decides and is printed.
    #[serde(default)]
    pub arms: Vec<String>,
    /// What must hold of it.
    pub relation: Relation,
}

/// What a claim says of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Relation {
    /// It is above this.
    Above(f64),
    /// It is this or below.
    AtMost(f64),
    /// It is below the published value of this path.
    BelowPublished(String),
    /// It is above the value of each of these arms, or runs `arm@schedule`.
    AboveArms(Vec<String>),
    /// It is the highest of all values of ours that stand beside the published column of [`Claim::source`].
    Highest,
    /// It is the lowest of them.
    Lowest,
}

/// How a claim was tested.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// The arm or run whose value decided, if the claim is about arms.
    pub arm: Option<String>,
    /// Its value, if this campaign has it.
    pub ours: Option<Measured>,
    /// How the claim came out.
    pub outcome: Outcome,
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// This campaign has no such value.
    Open,
}

impl Outcome {
    fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    /// As printed.
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "does not hold",
            Self::Open => "not computed",
        }
    }
}

impl Compare {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Toml`] naming file and line or entry, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs_err::read_to_string(path)?;
        Self::parse(&text).map_err(|what| Error::Toml { path: path.to_owned(), what })
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// What is wrong, with line or entry.
    pub fn parse(text: &str) -> Result<Self, String> {
        let compare: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for entry in &compare.compare {
            entry.check().map_err(|what| format!("entry `{}` {what}", entry.published))?;
        }
        for claim in &compare.claim {
            claim.check().map_err(|what| format!("claim `{}` {what}", claim.id))?;
        }
        Ok(compare)
    }

    /// The same with every [`StandIn`] in place that these measurements call for.
    ///
    /// # Errors
    /// [`Error::Frame`].
    pub fn resolved(mut self, frame: &Frame) -> Result<Self, Error> {
        let mut rules = std::mem::take(&mut self.stand_in);
        for rule in &mut rules {
            let there = frame.distinct(rule.field.column())?;
            rule.active = !there.contains(&rule.word) && there.contains(&rule.by);
            if rule.active {
                self.replace(rule);
            }
        }
        self.stand_in = rules;
        Ok(self)
    }

    /// What has to be said of the words that took the place of others.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        [Field::Stage, Field::Schedule].into_iter().flat_map(|field| self.notes_of(field))
    }

    /// The same of one column.
    pub fn notes_of(&self, field: Field) -> impl Iterator<Item = &str> {
        self.stand_in.iter().filter(move |rule| rule.active && rule.field == field).map(|rule| rule.note.as_str())
    }

    fn replace(&mut self, rule: &StandIn) {
        let measured = self.compare.iter_mut().filter_map(|entry| entry.measurement.as_mut());
        for select in measured.chain(self.claim.iter_mut().map(|claim| &mut claim.measurement)) {
            let word = match rule.field {
                Field::Stage => &mut select.stage,
                Field::Schedule => &mut select.schedule,
            };
            if word.as_ref() == Some(&rule.word) {
                *word = Some(rule.by.clone());
            }
        }
        if rule.field == Field::Schedule {
            for run in self.claim.iter_mut().flat_map(Claim::runs_mut) {
                if let Some((arm, schedule)) = run.split_once('@')
                    && schedule == rule.word
                {
                    *run = format!("{arm}@{}", rule.by);
                }
            }
        }
    }

    /// Tests a claim.
    ///
    /// # Errors
    /// [`Error::Ambiguous`], [`Error::NotPublished`].
    pub fn test(&self, claim: &Claim, frame: &Frame, published: &Published) -> Result<Tested, Error> {
        let Some((arm, ours)) = claim.decisive(frame)? else {
            return Ok(Tested { arm: claim.run(), ours: None, outcome: Outcome::Open });
        };
        let value = ours.value;
        let outcome = match &claim.relation {
            Relation::Above(threshold) => Outcome::of(value > *threshold),
            Relation::AtMost(threshold) => Outcome::of(value <= *threshold),
            Relation::BelowPublished(key) => {
                Outcome::of(published.get(key)?.number().is_some_and(|threshold| value < threshold))
            }
            Relation::AboveArms(arms) => {
                let rivals = arms.iter().map(|arm| claim.value_of(frame, arm)).collect::<Result<Vec<_>, Error>>()?;
                let beaten = |rival: &Option<Measured>| rival.as_ref().map(|rival| value > rival.value);
                let beaten: Option<Vec<bool>> = rivals.iter().map(beaten).collect();
                beaten.map_or(Outcome::Open, |beaten| Outcome::of(beaten.into_iter().all(|beaten| beaten)))
            }
            Relation::Highest => self.first(claim, frame, |rival| rival <= value)?,
            Relation::Lowest => self.first(claim, frame, |rival| rival >= value)?,
        };
        Ok(Tested { arm, ours: Some(ours), outcome })
    }

    /// Whether `beaten` is true of all values that stand beside the published column of the claim's source, of which
    /// there are several. Arms that only this campaign has take no rank from those of the paper.
    fn first(&self, claim: &Claim, frame: &Frame, beaten: impl Fn(f64) -> bool) -> Result<Outcome, Error> {
        let column = column(&claim.source);
        let mut beats = Vec::new();
        for entry in self.compare.iter().filter(|entry| column.is_some() && self::column(&entry.published) == column) {
            let rival = entry.measurement.as_ref().map(|select| frame.one(select)).transpose()?.flatten();
            beats.extend(rival.map(|rival| beaten(rival.value)));
        }
        Ok(Outcome::of(beats.len() > 1 && beats.into_iter().all(|beats| beats)))
    }
}

impl Field {
    fn column(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Schedule => "schedule",
        }
    }
}

/// Table and column of a path `<table>.<row>.<column>`.
fn column(path: &str) -> Option<(&str, &str)> {
    Some((path.split_once('.')?.0, path.rsplit_once('.')?.1))
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        let ours = [
            self.measurement.is_some(),
            self.parameters.is_some(),
            self.trainable.is_some(),
            self.part.is_some(),
            self.attention_ratio.is_some(),
            self.chance_at.is_some(),
        ];
        if ours.iter().filter(|given| **given).count() != 1 {
            return Err(
                "must have exactly one of measurement, parameters, trainable, part, attention_ratio, chance_at"
                    .to_owned(),
            );
        }
        let mut names = self.part.iter().flat_map(|part| &part.names);
        match names.find(|name| !PARTS.contains(&name.as_str())) {
            Some(name) => Err(format!("names the part `{name}`; there are {}", PARTS.join(", "))),
            None => Ok(()),
        }
    }

    /// Our value, if this campaign has it.
    ///
    /// # Errors
    /// [`Error::Ambiguous`].
    pub fn ours(&self, facts: &Facts, frame: &Frame) -> Result<Option<Measured>, Error> {
        if let Some(select) = &self.measurement {
            return frame.one(select);
        }
        let arm = |id: &Option<String>| facts.arm(id.as_ref()?);
        let parameters = arm(&self.parameters).map(|arm| arm.parameters as f64);
        let trainable = arm(&self.trainable).map(|arm| arm.trainable as f64);
        let part = self.part.as_ref().and_then(|part| {
            let counts = &facts.arm(&part.arm)?.parts;
            Some(part.names.iter().filter_map(|name| counts.get(name)).sum::<u64>() as f64)
        });
        let ratio = arm(&self.attention_ratio).and_then(|arm| facts.attention_ratio(&arm.id));
        let chance = self.chance_at.map(|k| facts.chance(k));
        let value = parameters.or(trainable).or(part).or(ratio).or(chance);
        Ok(value.map(|value| Measured { value, unit: String::new(), interval: None }))
    }

    /// How its values are written.
    pub fn format(&self, unit: &str) -> Format {
        let metric = self.measurement.as_ref().and_then(|select| select.metric.as_deref()).unwrap_or_default();
        Format::of(metric, unit)
    }
}

impl Claim {
    fn check(&self) -> Result<(), String> {
        let one = matches!(self.relation, Relation::Highest | Relation::Lowest);
        match (self.arms.is_empty(), &self.measurement.arm) {
            (false, Some(_)) => Err("names an arm in its measurement and several in `arms`".to_owned()),
            (false, None) if one => Err("has several arms, of which only one can be first or last".to_owned()),
            _ => Ok(()),
        }
    }

    /// The value that decides, with its arm: the only one, or that of the arm nearest to failing. None if one is missing.
    fn decisive(&self, frame: &Frame) -> Result<Option<(Option<String>, Measured)>, Error> {
        if self.arms.is_empty() {
            return Ok(frame.one(&self.measurement)?.map(|measured| (self.run(), measured)));
        }
        let sign = if matches!(self.relation, Relation::AtMost(_) | Relation::BelowPublished(_)) { -1.0 } else { 1.0 };
        let mut decisive: Option<(Option<String>, Measured)> = None;
        for arm in &self.arms {
            let Some(measured) = self.value_of(frame, arm)? else { return Ok(None) };
            if decisive.as_ref().is_none_or(|(_, other)| sign * measured.value < sign * other.value) {
                decisive = Some((Some(arm.clone()), measured));
            }
        }
        Ok(decisive)
    }

    fn value_of(&self, frame: &Frame, run: &str) -> Result<Option<Measured>, Error> {
        frame.one(&self.measurement.clone().run(run))
    }

    /// Arm of the measurement, `arm@schedule` if it names a schedule too.
    fn run(&self) -> Option<String> {
        let arm = self.measurement.arm.as_ref()?;
        Some(self.measurement.schedule.as_ref().map_or_else(|| arm.clone(), |schedule| format!("{arm}@{schedule}")))
    }

    /// Names of all arms and runs that it lists.
    fn runs_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let rivals = match &mut self.relation {
            Relation::AboveArms(rivals) => Some(rivals),
            _ => None,
        };
        self.arms.iter_mut().chain(rivals.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests;
