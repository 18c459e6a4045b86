//! Every number that prose may use, by key: `replication.d4a4.s.mean`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use hit_audit::Verdict as Consistency;
use hit_claims::Outcome;
use hit_stage::{Context, Stage, StageError};
use serde::{Deserialize, Serialize};

use crate::compare::Entry;
use crate::error::{Error, nearest};
use crate::facts::Facts;
use crate::frame::{Frame, Select};
use crate::latex::{Format, escape};
use crate::sources::{Input, Sources};
use crate::tables::{VARIANTS, Variant, corpus_counts, corpus_splits, seeds_above, shown_observation};

/// One number, or a word that stands for one (the best arm, the digest of the campaign).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The value; none for a word.
    pub value: Option<f64>,
    /// `%`, `pp` or empty.
    pub unit: String,
    /// As LaTeX, without the unit.
    pub tex: String,
}

/// NumberMap by key.
///
/// A measurement of `stage`, `arm` and `metric` at the best epoch (condition `selected`, `best` or none) has the key
/// `stage.arm.metric` (long runs: `confirmation.arm.schedule.metric`), where `s_mean` is written `s.mean`; its seed adds `.seed42` after the arm if the experiment has
/// several, any other condition its name (`.last`, `.vs_D0` for `best_vs_D0`). The ends of an interval are `.low` and `.high`. Further keys:
/// `corpus.<split>.<count>`, `<experiment>.first` and `.seeds`, `compare.*`, `claims.*`, `audit.*`, `chance.r10`, `chance.s`,
/// `confirmation.baseline.{lowest,highest,range,runs}` (its long runs), `variants.<arm>.<variant>.{above,seeds}` (seeds in which the arm is
/// above the baseline, of how many; variants `as_published`, `fixed`, `last`), `variants.<arm>.{queries_sd,queries_mean}` (as published less
/// fixed queries) and `.selection` (best less last epoch), `descriptor.<id>.<metric>` (shares in percent) and its number of cases `.n`, `arm.<id>.parameters`, `.trainable`, `.tokens`, `.gflop`,
/// `.attention_ratio` and `.flops_ratio` (baseline over arm),
/// `campaign.digest` and its beginning `campaign.short`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberMap(BTreeMap<String, Number>);

impl NumberMap {
    /// All numbers of a campaign.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if two measurements have one key, and those of reading the sources.
    pub fn collect(sources: &Sources) -> Result<Self, Error> {
        let mut numbers = Self::default();
        numbers.add_measurements(sources.frame()?)?;
        numbers.add_experiments(sources);
        numbers.add_long_runs(&sources.facts);
        numbers.add_variants(sources)?;
        numbers.add_arms(&sources.facts);
        numbers.add_observations(sources)?;
        numbers.add_corpus(sources)?;
        numbers.add_comparison(sources)?;
        numbers.add("chance.s".to_owned(), sources.chance()?.0, "%", "s");
        numbers.add("chance.r10".to_owned(), sources.facts.chance(10), "%", "s");
        numbers.add_word("campaign.digest", &sources.lineage()?.to_string());
        numbers.add_word("campaign.short", &sources.lineage()?.short());
        Ok(numbers)
    }

    /// The number of that key.
    ///
    /// # Errors
    /// [`Error::NoNumber`] with the most similar key.
    pub fn get(&self, key: &str) -> Result<&Number, Error> {
        self.0.get(key).ok_or_else(|| Error::NoNumber {
            key: key.to_owned(),
            nearest: nearest(key, self.0.keys().map(String::as_str)),
        })
    }

    /// Whether there is such a number.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Reads what [`NumberMap::json`] wrote.
    ///
    /// # Errors
    /// [`Error::Toml`] naming the file, [`Error::Io`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs_err::read_to_string(path)?;
        serde_json::from_str(&text).map_err(|error| Error::Toml { path: path.to_owned(), what: error.to_string() })
    }

    /// As JSON, one number a line, sorted by key.
    pub fn json(&self) -> String {
        let lines: Vec<_> = self
            .0
            .iter()
            .map(|(key, number)| format!("{}:{}", hit_stage::canonical_json(key), hit_stage::canonical_json(number)))
            .collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }

    /// As LaTeX: after `\input{numbers}`, `\hit{replication.d4a4.s.mean}` prints the number; an unknown key is an error.
    pub fn tex(&self) -> String {
        let mut out = String::from(
            "% made by hitrepro; edits are lost. Use: \\hit{key}\n\
             \\providecommand{\\hitdef}[2]{\\expandafter\\def\\csname hit@#1\\endcsname{#2}}\n\
             \\providecommand{\\hit}[1]{\\ifcsname hit@#1\\endcsname\\csname hit@#1\\endcsname\\else\
             \\errmessage{no number `#1' in numbers.tex}\\fi}\n",
        );
        for (key, number) in &self.0 {
            let _ = writeln!(out, "\\hitdef{{{key}}}{{{}}}", number.tex);
        }
        out
    }

    fn add(&mut self, key: String, value: f64, unit: &str, metric: &str) {
        let tex = Format::of(metric, unit).tex(value);
        self.0.insert(key, Number { value: Some(value), unit: unit.to_owned(), tex });
    }

    fn add_count(&mut self, key: String, value: f64, format: Format) {
        self.0.insert(key, Number { value: Some(value), unit: String::new(), tex: format.tex(value) });
    }

    fn add_word(&mut self, key: &str, word: &str) {
        let number = Number { value: None, unit: String::new(), tex: escape(word) };
        self.0.insert(key.to_owned(), number);
    }

    fn add_measurements(&mut self, frame: &Frame) -> Result<(), Error> {
        for stage in frame.distinct("stage")? {
            let rows = frame.filter(&Select::stage(&stage))?;
            let schedules = rows.distinct("schedule")?.iter().filter(|schedule| !schedule.is_empty()).count();
            let (arms, metrics) = (rows.words("arm")?, rows.words("metric")?);
            let (conditions, seeds) = (rows.words("condition")?, rows.seeds()?);
            let schedule_words = rows.words("schedule")?;
            let mut different: Vec<u64> = seeds.iter().flatten().copied().collect();
            different.sort_unstable();
            different.dedup();
            for (idx, measured) in rows.measured()?.into_iter().enumerate() {
                // What retrieval wrote under a condition stands in the rows of its test.
                if conditions[idx].starts_with("epoch=") || conditions[idx].contains('/') {
                    continue;
                }
                let mut key = vec![stage.clone()];
                key.extend((!arms[idx].is_empty()).then(|| arms[idx].clone()));
                if (schedules > 1 || stage == "confirmation") && !schedule_words[idx].is_empty() {
                    key.push(schedule_words[idx].clone());
                }
                key.extend(seeds[idx].filter(|_| different.len() > 1).map(|seed| format!("seed{seed}")));
                match conditions[idx].as_str() {
                    "" | "selected" | "best" => {}
                    other => key.push(other.strip_prefix("best_").unwrap_or(other).replace(['=', '/'], "_")),
                }
                let metric = metrics[idx].as_str();
                key.push(metric.strip_prefix("s_").map_or(metric.to_owned(), |rest| format!("s.{rest}")));
                let key = key.join(".");
                // the battery repeats the selected epoch as `best`; anything else that meets here is a mistake
                if self.0.get(&key).is_some_and(|number| number.value != Some(measured.value)) {
                    return Err(Error::Ambiguous { select: format!("key `{key}`"), found: 2 });
                }
                if let Some((low, high)) = measured.interval {
                    self.add(format!("{key}.low"), low, &measured.unit, metric);
                    self.add(format!("{key}.high"), high, &measured.unit, metric);
                }
                self.add(key, measured.value, &measured.unit, metric);
            }
        }
        Ok(())
    }

    fn add_experiments(&mut self, sources: &Sources) {
        for stage in ["screening", "families", "replication", "replication_as_published"] {
            let Some(experiment) = sources.facts.experiment(stage) else { continue };
            self.add_count(format!("{stage}.seeds"), experiment.seeds.len() as f64, Format::Count);
            let metric = if stage.starts_with("replication") { "s.mean" } else { "s" };
            let value = |arm: &String| self.0.get(&format!("{stage}.{arm}.{metric}")).and_then(|number| number.value);
            // the first of equals, so the baseline wins no tie it does not lead the list in
            let best = experiment.arms.iter().filter_map(|arm| Some((arm, value(arm)?)));
            let best = best.fold(None, |best: Option<(&String, f64)>, (arm, value)| match best {
                Some((_, highest)) if highest >= value => best,
                _ => Some((arm, value)),
            });
            if let Some((arm, _)) = best {
                self.add_word(&format!("{stage}.first"), arm);
            }
        }
    }

    /// What the schedule alone makes of the baseline: lowest, highest and range of its long runs.
    fn add_long_runs(&mut self, facts: &Facts) {
        let Some(confirmation) = &facts.confirmation else { return };
        let baseline = confirmation.runs.iter().filter(|run| run.arm == confirmation.baseline);
        let values: Vec<f64> = baseline
            .filter_map(|run| self.0.get(&format!("confirmation.{}.{}.s", run.arm, run.schedule))?.value)
            .collect();
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), s| (low.min(*s), high.max(*s)));
        if values.len() > 1 {
            self.add_count("confirmation.baseline.runs".to_owned(), values.len() as f64, Format::Count);
            for (name, value, unit) in [("lowest", low, "%"), ("highest", high, "%"), ("range", high - low, "pp")] {
                self.add(format!("confirmation.baseline.{name}"), value, unit, "s");
            }
        }
    }

    /// What sets the variants of the replication apart.
    fn add_variants(&mut self, sources: &Sources) -> Result<(), Error> {
        let (facts, frame) = (&sources.facts, sources.frame()?);
        let [published, fixed, last] = &VARIANTS;
        for arm in facts.replication.iter().flat_map(|replication| &replication.arms) {
            for variant in &VARIANTS {
                if let Some((above, of)) = seeds_above(facts, frame, variant, arm)? {
                    self.add_count(format!("variants.{arm}.{}.above", variant.key), above as f64, Format::Count);
                    self.add_count(format!("variants.{arm}.{}.seeds", variant.key), of as f64, Format::Count);
                }
            }
            let value = |variant: &Variant, metric| {
                Ok::<_, Error>(frame.one(&variant.select(facts, arm, metric))?.map(|measured| measured.value))
            };
            for (name, a, b, metric) in [
                ("queries_sd", published, fixed, "s_sd"),
                ("queries_mean", published, fixed, "s_mean"),
                ("selection", fixed, last, "s_mean"),
            ] {
                if let (Some(a), Some(b)) = (value(a, metric)?, value(b, metric)?) {
                    self.add(format!("variants.{arm}.{name}"), a - b, "pp", "delta_s");
                }
            }
        }
        Ok(())
    }

    fn add_arms(&mut self, facts: &Facts) {
        for arm in &facts.arms {
            let mut add =
                |name: &str, value: f64, format| self.add_count(format!("arm.{}.{name}", arm.id), value, format);
            add("parameters", arm.parameters as f64, Format::Count);
            add("trainable", arm.trainable as f64, Format::Count);
            add("tokens", arm.audio_tokens as f64, Format::Count);
            add("gflop", arm.flops as f64 / 1e9, Format::Significant(3));
            if let Some(ratio) = facts.attention_ratio(&arm.id) {
                add("attention_ratio", ratio, Format::Significant(3));
            }
            if let Some(ratio) = facts.flops_ratio(&arm.id) {
                add("flops_ratio", ratio, Format::Significant(3));
            }
        }
    }

    fn add_observations(&mut self, sources: &Sources) -> Result<(), Error> {
        for observation in sources.observations()? {
            let key = format!("descriptor.{}.{}", observation.descriptor, observation.metric);
            if self.has(&key) {
                return Err(Error::Ambiguous { select: format!("key `{key}`"), found: 2 });
            }
            self.add_count(format!("{key}.n"), observation.n as f64, Format::Count);
            let (value, unit, format) = shown_observation(observation);
            self.0.insert(key, Number { value: Some(value), unit: unit.to_owned(), tex: format.tex(value) });
        }
        Ok(())
    }

    fn add_corpus(&mut self, sources: &Sources) -> Result<(), Error> {
        for index in corpus_splits(sources)? {
            for (name, value) in corpus_counts(index) {
                let format = if name == "hours" { Format::Fixed(2) } else { Format::Count };
                self.add_count(format!("corpus.{}.{name}", index.split), value, format);
            }
        }
        Ok(())
    }

    fn add_comparison(&mut self, sources: &Sources) -> Result<(), Error> {
        let (facts, frame, published) = (&sources.facts, sources.frame()?, sources.published()?);
        let compare = sources.compare()?;
        // arms of one size stand beside one published count
        let mut compared = BTreeSet::new();
        for entry in &compare.compare {
            if entry.ours(facts, frame)?.is_some() {
                compared.insert(&entry.published);
            }
        }
        let listed = |entry: &&Entry| entry.table.is_none() && compared.contains(&entry.published);
        let listed: BTreeSet<&String> = compare.compare.iter().filter(listed).map(|entry| &entry.published).collect();
        let (compared, listed) = (compared.len(), listed.len());
        let verdicts = sources.claims()?;
        let count = |outcome| verdicts.iter().filter(|verdict| verdict.outcome == outcome).count();
        let findings = sources.audit()?;
        let found = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        for (key, n) in [
            ("compare.published", published.n_numeric()),
            ("compare.compared", compared),
            ("compare.listed", listed),
            ("compare.open", published.n_numeric() - compared),
            ("claims.hold", count(Outcome::Holds)),
            ("claims.fail", count(Outcome::DoesNotHold)),
            ("claims.open", count(Outcome::Inconclusive)),
            ("claims.untestable", count(Outcome::NotTestable)),
            ("claims.all", verdicts.len()),
            ("audit.all", findings.len()),
            ("audit.consistent", found(Consistency::Consistent)),
            ("audit.inconsistent", found(Consistency::Inconsistent)),
            ("audit.open", found(Consistency::CannotTell)),
        ] {
            self.add_count(key.to_owned(), n as f64, Format::Count);
        }
        Ok(())
    }
}

/// Stage `numbers`: outputs `tex` (macros) and `json` (values and text by key).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numbers {
    /// Facts about the campaign.
    pub facts: Facts,
}

impl Numbers {
    /// What the numbers are made from.
    pub const INPUTS: [Input; 8] = [
        Input::Measurements,
        Input::Published,
        Input::Compare,
        Input::Indices,
        Input::Observations,
        Input::Claims,
        Input::Audit,
        Input::Lineage,
    ];
}

impl Stage for Numbers {
    const KIND: &'static str = "numbers";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["tex", "json"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let sources = Sources::read("numbers", &self.facts, &Self::INPUTS, cx)?;
        let numbers = NumberMap::collect(&sources)?;
        cx.write("tex", numbers.tex())?;
        cx.write("json", numbers.json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn numbers() -> NumberMap {
        NumberMap::collect(&fixture::sources()).unwrap()
    }

    #[test]
    fn keys_read_like_prose() {
        let numbers = numbers();
        for key in [
            "replication.d4a4.s.mean",
            "replication.d4a4.s.sd",
            "replication.d4a4.vs_D0.delta_s",
            "replication.d4a4.vs_D0.welch_p",
            "replication.d4a4.seed42.s",
            "screening.d4a4.s",
            "screening.d4a4.s.low",
            "families.t3-wt.s",
            "confirmation.d4a4.cosine60.s",
            "confirmation.d4a4.cosine60.last.s",
            "confirmation.d4a4.cosine60.epoch",
            "confirmation.d4a4.cosine60.vs_D0.delta_s.low",
            "confirmation.d4a4.cosine60.vs_D0@cosine-tail60.delta_s.high",
            "confirmation.baseline.range",
            "replication_as_published.d4a4.s.mean",
            "replication_as_published.d4a4.vs_D0.welch_p",
            "replication.d4a4.last_vs_D0.delta_s",
            "variants.d4a4.selection",
            "variants.d4a4.queries_sd",
            "variants.d4a4.fixed.above",
            "families.t3-wt.vs_D0.delta_s.low",
            "descriptor.a4.time_mean_max",
            "descriptor.a4.time_mean_max.n",
            "arm.d4-a4r.attention_ratio",
            "arm.d4-a4r.flops_ratio",
            "arm.D0.gflop",
            "corpus.train.windows",
            "chance.r10",
            "compare.open",
            "compare.listed",
        ] {
            assert!(numbers.get(key).unwrap().value.is_some(), "{key}");
        }
        assert_eq!(numbers.get("replication.first").unwrap().tex, "d4a4");
        assert_eq!(numbers.get("campaign.digest").unwrap().tex.len(), 64);
        assert_eq!(numbers.get("replication.seeds").unwrap().tex, "3");
    }

    #[test]
    fn costs_and_observations_are_numbers_for_prose() {
        let numbers = numbers();
        let tex = |key: &str| numbers.get(key).unwrap().tex.clone();
        let n = |key: &str| numbers.get(key).unwrap().value.unwrap();
        assert_eq!(tex("families.first"), "t3-wt", "the baseline is of another experiment");
        assert_eq!(tex("descriptor.a4.time_mean_max"), "$5.400\\times10^{-9}$");
        assert_eq!(tex("descriptor.d4.repeated_share.n"), "3600");
        assert_eq!(
            (tex("descriptor.d4.repeated_share"), n("descriptor.d4.repeated_share")),
            ("97.00".to_owned(), 97.0)
        );
        assert_eq!((tex("arm.d4-a4r.attention_ratio"), tex("arm.d4-a4r.tokens")), ("163".to_owned(), "188".to_owned()));
        assert_eq!(tex("arm.A4.attention_ratio"), "1.00");
        let mut twice = fixture::observations();
        twice.push(twice[0].clone());
        let error = NumberMap::collect(&fixture::sources().with_observations(twice)).unwrap_err().to_string();
        assert!(error.contains("descriptor.a4.mean_square"), "{error}");
    }

    /// What sets the variants apart is taken from their means and deviations, in this direction.
    #[test]
    fn differences_of_variants_have_their_sign() {
        let numbers = numbers();
        let tex = |key: &str| numbers.get(key).unwrap().tex.clone();
        assert_eq!(tex("variants.d4a4.queries_sd"), "$+$0.6", "drawn queries spread more");
        assert_eq!(tex("variants.D0.selection"), "$+$0.6", "the best epoch is above the last");
        assert_eq!(
            (tex("variants.d4a4.last.above"), tex("variants.d4a4.last.seeds")),
            ("3".to_owned(), "3".to_owned())
        );
        assert!(!numbers.has("variants.D0.fixed.above"), "the baseline is not above itself");
        assert_eq!(tex("replication_as_published.first"), "d4a4");
        let n = |key: &str| numbers.get(key).unwrap().value.unwrap();
        assert_eq!(n("confirmation.baseline.runs"), 4.0);
        let range = n("confirmation.baseline.highest") - n("confirmation.baseline.lowest");
        assert_eq!(n("confirmation.baseline.range"), range);
    }

    /// Long runs say their schedule even if there is only one; other experiments do not.
    #[test]
    fn the_key_of_a_long_run_always_has_its_schedule() {
        let mut rows = fixture::measurements();
        rows.retain(|row| row.stage != "confirmation" || row.schedule == "cosine60");
        let numbers = of(&rows).unwrap();
        assert!(numbers.has("confirmation.d4a4.cosine60.s") && numbers.has("screening.d4a4.s"));
        assert!(!numbers.has("confirmation.baseline.range"), "one run has no range");
    }

    /// A7, A8 and A9 have one size and stand beside one published count.
    #[test]
    fn a_published_count_is_compared_once_however_many_arms_share_it() {
        let mut facts = fixture::facts();
        let n = |facts: &Facts| {
            let numbers = NumberMap::collect(&fixture::sources_of(facts.clone())).unwrap();
            numbers.get("compare.compared").unwrap().value.unwrap()
        };
        let before = n(&facts);
        for id in ["A7", "A8", "A9"] {
            let arm = crate::facts::ArmFacts { id: id.to_owned(), ..facts.arms[2].clone() };
            facts.arms.push(arm);
        }
        assert_eq!(n(&facts), before + 2.0, "its total and what it adds to the base");
    }

    #[test]
    fn a_missing_key_names_the_nearest() {
        let error = numbers().get("replication.d4a4.s.maen").unwrap_err().to_string();
        assert!(error.contains("`replication.d4a4.s.mean`"), "{error}");
    }

    #[test]
    fn json_and_back() {
        let numbers = numbers();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("numbers.json");
        fs_err::write(&path, numbers.json()).unwrap();
        assert_eq!(NumberMap::read(&path).unwrap(), numbers);
        fs_err::write(&path, "{\"a\": 3}").unwrap();
        assert!(NumberMap::read(&path).unwrap_err().to_string().contains("numbers.json"));
    }

    #[test]
    fn latex_defines_every_number_once() {
        let numbers = numbers();
        let tex = numbers.tex();
        for key in numbers.0.keys() {
            assert_eq!(tex.matches(&format!("\\hitdef{{{key}}}")).count(), 1, "{key}");
        }
        assert!(tex.contains("\\hitdef{replication.d4a4.vs_D0.delta_s}{$+$"), "differences carry their sign");
    }

    #[test]
    fn every_published_number_is_compared_or_counted_as_open() {
        let numbers = numbers();
        let n = |key: &str| numbers.get(key).unwrap().value.unwrap();
        assert_eq!(n("compare.compared") + n("compare.open"), n("compare.published"));
        assert!(
            n("compare.listed") < n("compare.compared") && n("compare.listed") > 50.0,
            "the rest has tables of its own"
        );
        assert!(n("compare.compared") > 20.0);
        let outcomes = ["hold", "fail", "open", "untestable"].map(|outcome| n(&format!("claims.{outcome}")));
        assert_eq!(outcomes, [2.0, 1.0, 1.0, 1.0]);
        assert_eq!(outcomes.iter().sum::<f64>(), n("claims.all"));
        assert_eq!(n("audit.consistent") + n("audit.inconsistent") + n("audit.open"), n("audit.all"));
    }

    /// The numbers of a campaign with these measurements.
    fn of(rows: &[hit_stats::Measurement]) -> Result<NumberMap, Error> {
        let sources = fixture::sources().with(
            Frame::new(rows).unwrap(),
            fixture::published(),
            fixture::compare(),
            fixture::indices(),
            fixture::histories(),
        );
        NumberMap::collect(&sources)
    }

    #[test]
    fn a_second_schedule_enters_the_key() {
        let mut rows = fixture::measurements();
        let mut other = rows.iter().find(|row| row.stage == "screening" && row.metric == "s").unwrap().clone();
        other.schedule = "trapez5".to_owned();
        other.value = 1.0;
        rows.push(other);
        let numbers = of(&rows).unwrap();
        assert!(numbers.get("screening.D0.cosine5.s").is_ok() || numbers.get("screening.A4.cosine5.s").is_ok());
        assert!(numbers.0.keys().any(|key| key.contains(".trapez5.s")));
        assert!(!numbers.has("screening.d4a4.s"), "a key that does not say which");
        assert!(numbers.has("replication.d4a4.s.mean"), "other experiments keep their keys");
    }

    #[test]
    fn two_values_for_one_key_are_an_error() {
        let mut rows = fixture::measurements();
        let twin = rows.iter().find(|row| row.stage == "screening" && row.condition == "best").unwrap().clone();
        rows.push(hit_stats::Measurement { condition: String::new(), value: twin.value + 1.0, ..twin });
        let error = of(&rows).unwrap_err().to_string();
        assert!(error.contains("key `screening."), "{error}");
    }

    #[test]
    fn single_epochs_have_no_key() {
        assert!(numbers().0.keys().all(|key| !key.contains("epoch_") && !key.contains("epoch=")));
    }

    #[test]
    fn the_first_of_equal_arms_is_the_one_configured_first() {
        let mut rows = fixture::measurements();
        for row in rows.iter_mut().filter(|row| row.metric == "s_mean") {
            row.value = 50.0;
        }
        assert_eq!(of(&rows).unwrap().get("replication.first").unwrap().tex, "D0");
        rows.retain(|row| row.metric != "s_mean");
        assert!(!of(&rows).unwrap().has("replication.first"), "nothing to be first in");
    }

    #[test]
    fn the_stage_writes_what_the_map_says() {
        let dir = tempfile::tempdir().unwrap();
        let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        let error = Numbers { facts: fixture::facts() }.run(&mut cx).unwrap_err();
        assert!(matches!(error, StageError::NoInput { name, .. } if name == "measurements"));
    }
}
