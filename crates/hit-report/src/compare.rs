//! Which value of ours stands beside which published one, and what is claimed of them: `paper/compare.toml`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Select};
use crate::latex::Format;
use crate::published::Published;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Values side by side, in print order.
    pub compare: Vec<Entry>,
    /// Statements about the values.
    pub claim: Vec<Claim>,
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
    /// or the chance level of R@k for this k, percent.
    #[serde(default)]
    pub chance_at: Option<usize>,
}

/// A statement of the paper that can be tested with one of our values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Short name.
    pub id: String,
    /// The statement in our own words.
    pub text: String,
    /// Path in `published.toml` whose source is printed beside it.
    pub source: String,
    /// Our value.
    pub measurement: Select,
    /// What must hold of it.
    pub relation: Relation,
}

/// What a claim says of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Relation {
    /// It is above this.
    Above(f64),
    /// It is below the published value of this path.
    BelowPublished(String),
    /// It is the highest of all arms of the experiment.
    Highest,
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
            let ours = [
                entry.measurement.is_some(),
                entry.parameters.is_some(),
                entry.trainable.is_some(),
                entry.chance_at.is_some(),
            ];
            if ours.iter().filter(|given| **given).count() != 1 {
                return Err(format!(
                    "entry `{}` must have exactly one of measurement, parameters, trainable, chance_at",
                    entry.published
                ));
            }
        }
        Ok(compare)
    }
}

impl Entry {
    /// Our value, if this campaign has it.
    ///
    /// # Errors
    /// [`Error::Ambiguous`].
    pub fn ours(&self, facts: &Facts, frame: &Frame) -> Result<Option<f64>, Error> {
        if let Some(select) = &self.measurement {
            return Ok(frame.one(select)?.map(|measured| measured.value));
        }
        let arm = |id: &String| facts.arm(id);
        Ok(match (&self.parameters, &self.trainable, self.chance_at) {
            (Some(id), _, _) => arm(id).map(|arm| arm.parameters as f64),
            (_, Some(id), _) => arm(id).map(|arm| arm.trainable as f64),
            (_, _, Some(k)) => Some(facts.chance(k)),
            _ => None,
        })
    }

    /// How its values are written.
    pub fn format(&self, unit: &str) -> Format {
        let metric = self.measurement.as_ref().and_then(|select| select.metric.as_deref()).unwrap_or_default();
        Format::of(metric, unit)
    }
}

impl Claim {
    /// Our value and how the claim comes out.
    ///
    /// # Errors
    /// [`Error::Ambiguous`], [`Error::NotPublished`].
    pub fn test(&self, frame: &Frame, published: &Published) -> Result<(Option<f64>, Outcome), Error> {
        let Some(ours) = frame.one(&self.measurement)?.map(|measured| measured.value) else {
            return Ok((None, Outcome::Open));
        };
        let holds = match &self.relation {
            Relation::Above(threshold) => ours > *threshold,
            Relation::BelowPublished(key) => published.get(key)?.number().is_some_and(|threshold| ours < threshold),
            Relation::Highest => {
                let rivals = frame.filter(&Select { arm: None, ..self.measurement.clone() })?.measured()?;
                rivals.iter().all(|rival| rival.value <= ours) && rivals.len() > 1
            }
        };
        Ok((Some(ours), if holds { Outcome::Holds } else { Outcome::Fails }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn every_entry_names_a_published_number_and_one_of_ours() {
        let (compare, published) = (fixture::compare(), fixture::published());
        assert!(compare.compare.len() > 30);
        for entry in &compare.compare {
            let leaf = published.get(&entry.published).unwrap();
            assert!(leaf.number().is_some(), "{} is not a number", entry.published);
        }
        let mut paths: Vec<_> = compare.compare.iter().map(|entry| &entry.published).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), compare.compare.len(), "a published value stands there twice");
    }

    #[test]
    fn every_claim_can_be_tested() {
        let frame = Frame::new(&fixture::measurements()).unwrap();
        let published = fixture::published();
        for claim in &fixture::compare().claim {
            published.get(&claim.source).unwrap();
            let (ours, outcome) = claim.test(&frame, &published).unwrap();
            assert_eq!(ours.is_none(), outcome == Outcome::Open, "{}", claim.id);
            assert!(
                !claim.text.contains(|c: char| c.is_ascii_digit())
                    || claim.text.contains("d4a4")
                    || claim.text.contains('4'),
                "{}",
                claim.text
            );
        }
    }

    fn claim(arm: &str, metric: &str, condition: &str, relation: Relation) -> Claim {
        Claim {
            id: "x".to_owned(),
            text: String::new(),
            source: "table12_multiseed.d4a4.mean".to_owned(),
            measurement: Select::stage("replication").arm(arm).metric(metric).condition(condition),
            relation,
        }
    }

    #[test]
    fn claims_hold_fail_or_stay_open() {
        let frame = Frame::new(&fixture::measurements()).unwrap();
        let published = fixture::published();
        let outcome = |claim: Claim| claim.test(&frame, &published).unwrap().1;
        assert_eq!(outcome(claim("d4a4", "s_mean", "best", Relation::Highest)), Outcome::Holds);
        assert_eq!(outcome(claim("D0", "s_mean", "best", Relation::Highest)), Outcome::Fails);
        assert_eq!(outcome(claim("a7", "s_mean", "best", Relation::Highest)), Outcome::Open);
        assert_eq!(outcome(claim("d4a4", "delta_s", "best_vs_D0", Relation::Above(0.0))), Outcome::Holds);
        assert_eq!(outcome(claim("d4a4", "delta_s", "best_vs_D0", Relation::Above(99.0))), Outcome::Fails);
        let p = Relation::BelowPublished("table12_statistics.d4a4_vs_D0_p_below".to_owned());
        assert_eq!(outcome(claim("d4a4", "welch_p", "best_vs_D0", p)), Outcome::Holds);
    }

    #[test]
    fn ambiguous_or_empty_entries_are_refused() {
        let entry = "[[compare]]\ngroup = \"g\"\nquantity = \"q\"\npublished = \"p\"\n";
        for (text, expected) in [
            (format!("claim = []\n{entry}"), "exactly one"),
            (format!("claim = []\n{entry}parameters = \"D0\"\nchance_at = 10\n"), "exactly one"),
            (format!("claim = []\n{entry}parametres = \"D0\"\n"), "unknown field"),
        ] {
            let error = Compare::parse(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn ours_is_a_measurement_a_count_or_a_chance_level() {
        let frame = Frame::new(&fixture::measurements()).unwrap();
        let facts = fixture::facts();
        let entry = |ours: &str| {
            let text = format!("claim = []\n[[compare]]\ngroup = \"g\"\nquantity = \"q\"\npublished = \"p\"\n{ours}");
            Compare::parse(&text).unwrap().compare.remove(0)
        };
        let value = |ours: &str| entry(ours).ours(&facts, &frame).unwrap();
        assert_eq!(value("parameters = \"D0\""), Some(201_344.0));
        assert_eq!(value("trainable = \"D0\""), Some(180_224.0));
        assert_eq!(value("parameters = \"no-such-arm\""), None);
        assert_eq!(value("chance_at = 10"), Some(15.625));
        assert_eq!(value("measurement = { stage = \"replication\", arm = \"D0\", metric = \"s_sd\" }"), Some(2.0));
        assert_eq!(value("measurement = { stage = \"replication\", arm = \"zz\", metric = \"s_sd\" }"), None);
        let broad = entry("measurement = { stage = \"replication\", metric = \"s_sd\" }");
        assert!(matches!(broad.ours(&facts, &frame), Err(Error::Ambiguous { found: 4, .. })));
        assert_eq!(entry("chance_at = 10").format("%"), Format::Fixed(1));
        assert_eq!(broad.format("pp"), Format::Fixed(1), "a deviation has no sign");
    }

    #[test]
    fn a_tie_for_the_highest_counts_and_a_lone_arm_does_not() {
        let published = fixture::published();
        let mut rows = fixture::measurements();
        for row in rows.iter_mut().filter(|row| row.metric == "s_mean") {
            row.value = 50.0;
        }
        let frame = Frame::new(&rows).unwrap();
        let highest = claim("D0", "s_mean", "best", Relation::Highest);
        assert_eq!(highest.test(&frame, &published).unwrap(), (Some(50.0), Outcome::Holds));
        rows.retain(|row| row.metric != "s_mean" || row.arm == "D0");
        let alone = Frame::new(&rows).unwrap();
        assert_eq!(highest.test(&alone, &published).unwrap().1, Outcome::Fails, "it beats nobody");
    }

    #[test]
    fn thresholds_are_strict() {
        let published = fixture::published();
        let mut rows = fixture::measurements();
        for row in rows.iter_mut().filter(|row| row.metric == "delta_s") {
            row.value = 0.0;
            row.interval = None;
        }
        let frame = Frame::new(&rows).unwrap();
        let above = claim("d4a4", "delta_s", "best_vs_D0", Relation::Above(0.0));
        assert_eq!(above.test(&frame, &published).unwrap().1, Outcome::Fails);
        let wrong = claim("d4a4", "welch_p", "best_vs_D0", Relation::BelowPublished("no.such".to_owned()));
        assert!(matches!(wrong.test(&frame, &published), Err(Error::NotPublished { .. })));
    }
}
