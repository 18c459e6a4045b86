//! How claims came out, as they are stored.

use std::collections::BTreeMap;
use std::path::Path;

use hit_stats::number;
use serde::{Deserialize, Serialize};

use crate::{Error, Form};

/// How one claim came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
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
    /// How strong the protocol behind it is.
    pub form: Form,
    /// How it came out.
    pub outcome: Outcome,
    /// Our value that decided; none if it could not be tested.
    pub ours: Option<Ours>,
    /// The published value beside ours, if there is one; that of `source` where the claim could not be tested.
    pub published: Option<f64>,
    /// The rule, fixed beforehand, in words.
    pub rule: String,
    /// What decided, with the numbers, or why it could not be tested.
    pub why: String,
    /// What this campaign could have found; of inconclusive verdicts with a known sampling error.
    pub power: Option<Power>,
    /// What has to be said beside it: notes of the claim, and words that stand in for others.
    pub notes: Vec<String>,
    /// What the campaign is.
    pub setting: Setting,
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    DoesNotHold,
    /// The sampling error is too large to tell.
    Inconclusive,
    /// This campaign has not what it takes.
    NotTestable,
}

impl Outcome {
    /// All of them, in the order in which they are printed.
    pub const ALL: [Self; 4] = [Self::Holds, Self::DoesNotHold, Self::Inconclusive, Self::NotTestable];

    /// As printed.
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Inconclusive => "inconclusive",
            Self::NotTestable => "not testable here",
        }
    }
}

/// Our value that decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ours {
    /// The value.
    pub value: f64,
    /// Its interval at the level of the protocol, if its sampling error is known.
    pub interval: Option<(f64, f64)>,
    /// `%`, `pp` or empty.
    pub unit: String,
    /// How far it lies on the claimed side (for equalities: from the value or in the unit that the tolerance is about).
    pub margin: f64,
    /// Interval of the margin, the one that decides: at the level of the protocol; of an equality at 1 - 2(1 - level).
    pub margin_interval: Option<(f64, f64)>,
    /// Rows that value and margin come from: measurements `stage/arm@schedule#seed/condition/metric`, observations
    /// `descriptor.metric`, known numbers by name.
    pub rows: Vec<String>,
}

/// What a test of this size can find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// What is found: an effect, or agreement.
    pub kind: Kind,
    /// Level of the interval that decides.
    pub level: f64,
    /// Cases: queries, seeds, ...; with their name.
    pub n: Vec<(u64, String)>,
    /// The published effect, if there is one on the claimed side; for agreement half the width of the claimed range.
    pub effect: Option<f64>,
    /// Probability that this campaign shows it, if that effect is true (for agreement: that its value lies within, if the
    /// published value is true, or the middle of the range).
    pub at_effect: Option<f64>,
    /// Smallest effect (smallest tolerance) that it shows with probability `target`.
    pub detectable: f64,
    /// That probability.
    pub target: f64,
    /// Unit of both.
    pub unit: String,
}

/// What a test looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A difference in one direction.
    Effect,
    /// No difference beyond a tolerance.
    Agreement,
}

/// What a campaign is. It stands in every verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Whether its measurements may stand beside the published ones as the same quantity. If not, claims about published
    /// sizes of measurements cannot be tested, claims about directions can.
    pub comparable: bool,
    /// Whether its models, pools and queries have the published sizes, so that counts may stand beside published ones.
    pub published_sizes: bool,
    /// What it is, for example `smoke: synthetic audio, small models`.
    pub label: String,
}

/// A claim that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// The claim.
    pub id: String,
    /// How it came out at first; none if it was not asked.
    pub before: Option<Outcome>,
    /// How it came out then; none if it was not asked.
    pub after: Option<Outcome>,
}

/// Claims that came out differently in `b` than in `a`, in the order of `a`; those that only `b` has come last.
pub fn flips(a: &[Verdict], b: &[Verdict]) -> Vec<Flip> {
    let outcomes = |verdicts: &[Verdict]| -> BTreeMap<String, Outcome> {
        verdicts.iter().map(|verdict| (verdict.id.clone(), verdict.outcome)).collect()
    };
    let (before, after) = (outcomes(a), outcomes(b));
    let only_b = b.iter().filter(|verdict| !before.contains_key(&verdict.id));
    let flip = |verdict: &Verdict| Flip {
        id: verdict.id.clone(),
        before: before.get(&verdict.id).copied(),
        after: after.get(&verdict.id).copied(),
    };
    a.iter().chain(only_b).map(flip).filter(|flip| flip.before != flip.after).collect()
}

/// Columns of the table of verdicts.
const COLUMNS: [&str; 22] = [
    "id",
    "group",
    "outcome",
    "form",
    "text",
    "stated",
    "source",
    "published",
    "ours",
    "interval",
    "unit",
    "margin",
    "margin_interval",
    "rule",
    "why",
    "power",
    "effect",
    "detectable",
    "rows",
    "notes",
    "comparable",
    "setting",
];

impl Verdict {
    /// The verdicts as JSON, an array with one object a line.
    ///
    /// # Panics
    /// Never: verdicts are representable.
    pub fn to_json(verdicts: &[Self]) -> String {
        let rows: Vec<String> =
            verdicts.iter().map(|verdict| serde_json::to_string(verdict).expect("verdicts are JSON")).collect();
        if rows.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", rows.join(",\n")) }
    }

    /// Reads such an array.
    ///
    /// # Errors
    /// [`Error::Verdicts`] with line and column, also for an id that occurs twice.
    pub fn from_json(text: &str) -> Result<Vec<Self>, Error> {
        let verdicts: Vec<Self> = serde_json::from_str(text).map_err(|error| Error::Verdicts(error.to_string()))?;
        let mut ids = std::collections::BTreeSet::new();
        match verdicts.iter().find(|verdict| !ids.insert(&verdict.id)) {
            Some(twice) => Err(Error::Verdicts(format!("the claim `{}` has two verdicts; one is expected", twice.id))),
            None => Ok(verdicts),
        }
    }

    /// Reads a file of them.
    ///
    /// # Errors
    /// [`Error::File`] with the path, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        Self::from_json(&fs_err::read_to_string(path)?).map_err(|error| error.of(path))
    }

    /// The verdicts as a table, in their order.
    pub fn to_csv(verdicts: &[Self]) -> String {
        let head = COLUMNS.map(str::to_owned);
        let lines = std::iter::once(head).chain(verdicts.iter().map(Self::fields));
        lines.map(|fields| fields.map(|field| quoted(&field)).join(",") + "\n").collect()
    }

    fn fields(&self) -> [String; 22] {
        let ours = self.ours.as_ref();
        let power = self.power.as_ref();
        let real = |value: Option<f64>| value.map(number).unwrap_or_default();
        let range = |range: Option<(f64, f64)>| {
            range.map(|(low, high)| format!("{}..{}", number(low), number(high))).unwrap_or_default()
        };
        [
            self.id.clone(),
            self.group.clone(),
            self.outcome.words().to_owned(),
            self.form.words().to_owned(),
            self.text.clone(),
            self.stated.clone(),
            self.source.clone(),
            real(self.published),
            real(ours.map(|ours| ours.value)),
            range(ours.and_then(|ours| ours.interval)),
            ours.map(|ours| ours.unit.clone()).unwrap_or_default(),
            real(ours.map(|ours| ours.margin)),
            range(ours.and_then(|ours| ours.margin_interval)),
            self.rule.clone(),
            self.why.clone(),
            real(power.and_then(|power| power.at_effect)),
            real(power.and_then(|power| power.effect)),
            real(power.map(|power| power.detectable)),
            ours.map(|ours| ours.rows.join(" ")).unwrap_or_default(),
            self.notes.join(" "),
            self.setting.comparable.to_string(),
            self.setting.label.clone(),
        ]
    }
}

impl Form {
    /// As printed.
    pub fn words(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Weak => "weak",
            Self::Sound => "sound",
        }
    }
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
