//! Which value of ours stands beside which published one: `paper/compare.toml`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Measured, Select};
use crate::latex::Format;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// What takes the place of experiments and schedules that a campaign does not have.
    #[serde(default)]
    pub stand_in: Vec<StandIn>,
    /// Values side by side, in print order.
    pub compare: Vec<Entry>,
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
    /// The table in which both values stand, if one has a place for them: the list of the rest leaves them out.
    #[serde(default)]
    pub table: Option<String>,
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
        for select in self.compare.iter_mut().filter_map(|entry| entry.measurement.as_mut()) {
            let word = match rule.field {
                Field::Stage => &mut select.stage,
                Field::Schedule => &mut select.schedule,
            };
            if word.as_ref() == Some(&rule.word) {
                *word = Some(rule.by.clone());
            }
        }
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

#[cfg(test)]
mod tests;
