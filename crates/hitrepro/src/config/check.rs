//! Checks across values, each with the place of the value at fault.

use std::collections::{BTreeMap, BTreeSet};

use hit_descriptors::{DESCRIPTORS, Side};

use super::error::Problem;
use super::load::{Found, Merged};
use super::merge::{Value, key_span, span_at};
use super::read::{join, problem};
use super::{CorpusKind, Head, Profile};

/// Whether `name` can be part of a stage's id and of a path.
///
/// # Errors
/// [`Problem::Invalid`] at `key`.
pub fn name(name: &str, key: &str) -> Result<(), Problem> {
    if hit_stage::check_name(name) && !name.contains(['/', '@', '#']) {
        return Ok(());
    }
    let what = format!("`{name}` cannot name it: letters, digits and `._+-` are allowed");
    Err(Problem::Invalid { key: key.to_owned(), what })
}

/// Checks what stands outside of the profiles, but for the name of the default one.
///
/// # Errors
/// The first problem.
pub fn head(head: &Head, tree: &Value<'_>) -> Result<(), Found> {
    let at = |problem, key: &str| (problem, span_at(tree, key));
    let tables = [
        ("arms", head.arms.keys().collect::<Vec<_>>()),
        ("schedules", head.schedules.keys().collect()),
        ("downloads", head.downloads.keys().collect()),
    ];
    for (table, ids) in tables {
        for id in ids {
            let key = join(table, id);
            name(id, &key).map_err(|problem| at(problem, &key))?;
        }
    }
    for (id, arm) in &head.arms {
        check_arm(id, arm).map_err(|(problem, key)| at(problem, &key))?;
    }
    for (id, download) in &head.downloads {
        let table = join("downloads", id);
        download.check().map_err(|error| match error {
            hit_fetch::Error::Invalid { field, why, .. } => {
                at(invalid(&join(&table, field), &why), &join(&table, field))
            }
            other => at(invalid(&table, &other), &table),
        })?;
    }
    for (id, schedule) in &head.schedules {
        let key = join("schedules", id);
        schedule.check().map_err(|error| match error {
            hit_train::Error::Spec { field, what } => {
                let key = join(&key, &field);
                at(invalid(&key, &what), &key)
            }
            other => at(invalid(&key, &other), &key),
        })?;
    }
    Ok(())
}

/// Checks that the default profile exists.
///
/// # Errors
/// It does not.
pub fn default_profile(head: &Head, tree: &Value<'_>, profiles: &BTreeMap<String, Profile>) -> Result<(), Found> {
    let key = "default_profile";
    known("profile", &head.default_profile, key, profiles.keys()).map_err(|problem| (problem, span_at(tree, key)))
}

/// Names that a prefix could begin: the first of each part of the model.
fn examples(names: &BTreeSet<String>) -> String {
    let mut parts = BTreeSet::new();
    let first = names.iter().filter(|name| parts.insert(name.split('.').next().unwrap_or_default()));
    first.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn invalid(key: &str, what: &impl ToString) -> Problem {
    Problem::Invalid { key: key.to_owned(), what: what.to_string() }
}

fn known<'a>(
    what: &'static str,
    name: &str,
    key: &str,
    mut names: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), Problem> {
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    let allowed = names.by_ref().cloned().collect();
    Err(Problem::UnknownName { what, name: name.to_owned(), key: key.to_owned(), allowed })
}

fn check_arm(id: &str, arm: &hit_model::ArmSpec) -> Result<(), (Problem, String)> {
    let families = crate::registry::family_ids();
    let key = format!("arms.{id}.family");
    known("family", &arm.family, &key, families.iter()).map_err(|problem| (problem, key))?;
    let family = crate::registry::family(&arm.family);
    let mechanisms: Vec<String> = family.mechanisms.iter().map(|mechanism| mechanism.id.to_owned()).collect();
    let descriptors: Vec<String> = DESCRIPTORS.iter().map(|descriptor| descriptor.id.to_owned()).collect();
    for (idx, injection) in arm.injections.iter().enumerate() {
        let at = |field: &str| format!("arms.{id}.injections.{idx}.{field}");
        let key = at("descriptor");
        known("descriptor", &injection.descriptor, &key, descriptors.iter()).map_err(|problem| (problem, key))?;
        let key = at("mechanism");
        known("mechanism", &injection.mechanism, &key, mechanisms.iter()).map_err(|problem| (problem, key))?;
        let known = DESCRIPTORS.iter().find(|descriptor| descriptor.id == injection.descriptor);
        let (Some(descriptor), Some(mechanism)) = (known, family.mechanism(&injection.mechanism)) else { continue };
        if descriptor.dims != injection.dims {
            let what = format!("descriptor `{}` has {} values a row", injection.descriptor, descriptor.dims);
            return Err((invalid(&at("dims"), &what), at("dims")));
        }
        let same_side = (descriptor.side() == Side::Midi) == (injection.side == hit_model::Side::Midi);
        if same_side == mechanism.other_side {
            let (own, other) = if descriptor.side() == Side::Midi { ("MIDI", "audio") } else { ("audio", "MIDI") };
            let encoder = if mechanism.other_side { other } else { own };
            let what =
                format!("`{}` puts `{}`, which is of {own}, into the {encoder} encoder", mechanism.id, descriptor.id);
            return Err((invalid(&at("side"), &what), at("side")));
        }
    }
    Ok(())
}

/// Notes of the window whose cost is counted: about what four seconds of MAESTRO hold.
pub const COUNTED_NOTES: usize = 40;

/// A window of the profile, as models count its cost.
pub fn window_size(profile: &Profile) -> hit_model::WindowSize {
    let n_samples = profile.corpus.windows.window_samples();
    hit_model::WindowSize { n_samples, n_frames: hit_descriptors::Stft::n_frames(n_samples), n_notes: COUNTED_NOTES }
}

/// Checks one complete profile.
///
/// # Errors
/// The first problem.
pub fn profile(profile: &Profile, merged: &Merged<'_>, head: &Head, tree: &Value<'_>) -> Result<(), Found> {
    let checker = Checker { merged, head, tree };
    checker.corpus(profile)?;
    profile.model.check().map_err(|error| match error {
        hit_model::Error::Spec { field, what } => checker.invalid(&field, &what),
        other => checker.invalid("model", &other),
    })?;
    profile.train.check().map_err(|error| match error {
        hit_train::Error::Spec { field, what } => checker.invalid(&field, &what),
        other => checker.invalid("train", &other),
    })?;
    profile.retrieval.check().map_err(|error| match error {
        hit_retrieval::Error::Spec { field, value, expected } => checker.spec("retrieval", field, &value, expected),
        other => checker.invalid("retrieval", &other),
    })?;
    profile.bootstrap.check().map_err(|error| match error {
        hit_retrieval::Error::Bootstrap { field, value, expected } => {
            checker.spec("bootstrap", field, &value, expected)
        }
        other => checker.invalid("bootstrap", &other),
    })?;
    checker.fit(profile)?;
    checker.families(profile)?;
    checker.parameters(profile)?;
    checker.campaign(&profile.campaign)
}

struct Checker<'a, 'i> {
    merged: &'a Merged<'i>,
    head: &'a Head,
    /// What stands outside of the profiles.
    tree: &'a Value<'i>,
}

impl Checker<'_, '_> {
    fn at(&self, key: &str, problem: impl FnOnce(String) -> Problem) -> Found {
        (problem(join(&self.merged.path, key)), span_at(&self.merged.value, key))
    }

    fn invalid(&self, key: &str, what: &impl ToString) -> Found {
        self.at(key, |key| invalid(&key, what))
    }

    /// A value that a spec refused, by the field it names.
    fn spec(&self, table: &str, field: &str, value: &str, expected: &str) -> Found {
        self.invalid(&join(table, field), &format!("{value} is stated, but {expected}"))
    }

    fn corpus_spec(&self, table: &str, error: &hit_corpus::Error) -> Found {
        match error {
            hit_corpus::Error::Spec { field, value, expected } => {
                self.spec(table, field, value, &format!("{expected} is expected"))
            }
            other => self.invalid(table, other),
        }
    }

    /// Whether windows, notes and durations of the corpus fit the model.
    fn fit(&self, profile: &Profile) -> Result<(), Found> {
        let (corpus, model) = (&profile.corpus, &profile.model);
        model.audio.check_length(corpus.windows.window_samples()).map_err(|error| match error {
            hit_model::Error::Spec { field, what } => self.invalid(&field, &what),
            other => self.invalid("model.audio", &other),
        })?;
        if model.midi.n_durations != usize::from(corpus.durations.n) {
            let what =
                format!("the model has {} duration buckets, the corpus {}", model.midi.n_durations, corpus.durations.n);
            return Err(self.invalid("model.midi.n_durations", &what));
        }
        if model.midi.max_notes < corpus.windows.max_notes {
            let what = format!(
                "windows may have {} notes, the model takes {}",
                corpus.windows.max_notes, model.midi.max_notes
            );
            return Err(self.invalid("model.midi.max_notes", &what));
        }
        Ok(())
    }

    /// Whether values are stated for families that there are.
    fn families(&self, profile: &Profile) -> Result<(), Found> {
        let ids = crate::registry::family_ids();
        let unknown = |id: &String| known("family", id, &join(&self.merged.path, "families"), ids.iter()).err();
        match profile.families.keys().find_map(|id| Some((id, unknown(id)?))) {
            Some((id, problem)) => Err((problem, key_span(&self.merged.value, "families", id))),
            None => Ok(()),
        }
    }

    /// What is wrong with an option, at its place: in the arm that states it, or in the values of its family. The first name
    /// between backquotes is the option's.
    fn option(&self, id: &str, arm: &hit_model::ArmSpec, what: &str) -> Found {
        let named = what.split('`').nth(1).unwrap_or_default();
        let own = arm.options.contains_key(named);
        let (root, table) = if own {
            (self.tree, format!("arms.{id}.options"))
        } else {
            (&self.merged.value, join("families", &arm.family))
        };
        let path = if own { table.clone() } else { join(&self.merged.path, &table) };
        if let Some(typed) = what.strip_prefix(&format!("`{named}`: ")) {
            return (problem(typed, &join(&path, named), &self.merged.chain), span_at(root, &join(&table, named)));
        }
        match problem(what, &path, &self.merged.chain) {
            Problem::Invalid { .. } => {
                (invalid(&join(&path, named), &format!("arm `{id}`: {what}")), span_at(root, &join(&table, named)))
            }
            serde => (serde, key_span(root, &table, named)),
        }
    }

    /// Whether every arm can be built, every parameter that is trained has a learning rate, and no prefix names nothing.
    fn parameters(&self, profile: &Profile) -> Result<(), Found> {
        let mut names = BTreeSet::new();
        let window = window_size(profile);
        for (id, arm) in &self.head.arms {
            let family = crate::registry::family(&arm.family);
            let model = family.model(&profile.model, &profile.complete(arm));
            let sound = model.and_then(|model| model.cost(&window).map(|_| model));
            let model = sound.map_err(|error| match error {
                hit_model::Error::Spec { field, what } => self.invalid(&field, &what),
                hit_model::Error::Options { what, .. } => self.option(id, arm, &what),
                other => self.invalid("model", &format!("arm `{id}`: {other}")),
            })?;
            let mut declarations = hit_model::Declarations::default();
            model.declare(&mut declarations);
            let parameters = declarations.specs().iter().filter(|spec| spec.kind == hit_model::Kind::Parameter);
            names.extend(parameters.map(|spec| spec.name.clone()));
        }
        let covers = |prefix: &String| names.iter().any(|name| hit_model::has_prefix(name, prefix));
        let what =
            |prefix: &str| format!("`{prefix}` begins the name of no parameter, for example {}", examples(&names));
        let train = &profile.train;
        if let Some(prefix) = train.groups.keys().find(|prefix| !covers(prefix)) {
            let (problem, _) = self.invalid("train.groups", &what(prefix));
            return Err((problem, key_span(&self.merged.value, "train.groups", prefix)));
        }
        if let Some((idx, prefix)) = train.frozen.iter().enumerate().find(|(_, prefix)| !covers(prefix)) {
            return Err(self.invalid(&format!("train.frozen.{idx}"), &what(prefix)));
        }
        let frozen = |name: &str| train.frozen.iter().any(|prefix| hit_model::has_prefix(name, prefix));
        let trained = names.iter().map(String::as_str).filter(|name| !frozen(name));
        train.rates(trained).map(drop).map_err(|error| match error {
            hit_train::Error::Spec { field, what } => self.invalid(&field, &what),
            other => self.invalid("train.groups", &other),
        })
    }

    fn known<'a>(
        &self,
        what: &'static str,
        name: &str,
        key: &str,
        names: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<(), Found> {
        known(what, name, &join(&self.merged.path, key), names).map_err(|problem| self.at(key, |_| problem))
    }

    fn needed(&self, key: &str, there: bool) -> Result<(), Found> {
        let chain = self.merged.chain.clone();
        if there { Ok(()) } else { Err(self.at(key, |key| Problem::Missing { key, chain })) }
    }

    fn corpus(&self, profile: &Profile) -> Result<(), Found> {
        let corpus = &profile.corpus;
        let windows = &corpus.windows;
        let positive = [
            ("sample_rate_hz", f64::from(windows.sample_rate_hz)),
            ("window_s", windows.window_s),
            ("hop_s", windows.hop_s),
            ("max_windows", windows.max_windows as f64),
            ("max_notes", windows.max_notes as f64),
        ];
        for (key, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                return Err(self.invalid(&join("corpus.windows", key), &"must be more than 0"));
            }
        }
        match corpus.source {
            CorpusKind::Synthetic => self.needed("corpus.synthetic", corpus.synthetic.is_some())?,
            CorpusKind::Maestro => {}
            CorpusKind::Rendered => {
                self.needed("corpus.render", corpus.render.is_some())?;
                self.needed("corpus.soundfont", corpus.soundfont.is_some())?;
            }
        }
        if let Some(synthetic) = &corpus.synthetic {
            synthetic.check().map_err(|error| self.corpus_spec("corpus.synthetic", &error))?;
        }
        if let Some(render) = &corpus.render {
            render.check().map_err(|error| self.corpus_spec("corpus.render", &error))?;
        }
        Ok(())
    }

    fn campaign(&self, campaign: &super::Campaign) -> Result<(), Found> {
        let (foundation, screening, replication) = (&campaign.foundation, &campaign.screening, &campaign.replication);
        self.known("arm", &foundation.arm, "campaign.foundation.arm", self.head.arms.keys())?;
        self.compared("campaign.screening", &screening.arms, &screening.baseline)?;
        self.compared("campaign.replication", &replication.arms, &replication.baseline)?;
        self.arms("campaign.families.arms", &campaign.families.arms)?;
        if let Some(idx) = campaign.families.arms.iter().position(|arm| *arm == screening.baseline) {
            let what =
                format!("`{}` is the baseline of the screening, whose run all are compared with", screening.baseline);
            return Err(self.invalid(&format!("campaign.families.arms.{idx}"), &what));
        }
        let families = &campaign.families;
        if !families.arms.is_empty() && families.evaluate.last() != screening.evaluate.last() {
            let what = "the last epoch must be that of the screening: last epochs are compared with its baseline";
            return Err(self.invalid("campaign.families.evaluate", &what));
        }
        let plans = [
            ("campaign.foundation", &foundation.schedule, &foundation.evaluate),
            ("campaign.screening", &screening.schedule, &screening.evaluate),
            ("campaign.replication", &replication.schedule, &replication.evaluate),
        ];
        for (plan, schedule, evaluate) in plans {
            self.known("schedule", schedule, &join(plan, "schedule"), self.head.schedules.keys())?;
            self.epochs(plan, schedule, evaluate)?;
        }
        self.confirmation(&campaign.confirmation)?;
        self.battery(campaign)?;
        self.epochs("campaign.families", &screening.schedule, &campaign.families.evaluate)?;
        let key = "campaign.replication.seeds";
        if replication.seeds.len() < 2 {
            return Err(self.invalid(key, &"at least two seeds are needed: a spread cannot be told from one run"));
        }
        self.distinct(key, &replication.seeds)
    }

    fn confirmation(&self, plan: &super::ConfirmationPlan) -> Result<(), Found> {
        let at = "campaign.confirmation";
        let schedules = self.head.schedules.keys();
        for schedule in plan.evaluate.keys() {
            let key = join(at, "evaluate");
            known("schedule", schedule, &join(&self.merged.path, &key), schedules.clone())
                .map_err(|problem| (problem, key_span(&self.merged.value, &key, schedule)))?;
        }
        for (idx, run) in plan.runs.iter().enumerate() {
            let key = |field: &str| format!("{at}.runs.{idx}.{field}");
            self.known("arm", &run.arm, &key("arm"), self.head.arms.keys())?;
            self.known("schedule", &run.schedule, &key("schedule"), schedules.clone())?;
            let key = format!("{at}.runs.{idx}");
            if plan.runs[..idx].contains(run) {
                return Err(self.invalid(&key, &format!("`{}` under `{}` is listed twice", run.arm, run.schedule)));
            }
            let baseline = super::ConfirmedRun { arm: plan.baseline.clone(), schedule: run.schedule.clone() };
            if !plan.runs.contains(&baseline) {
                let what = format!("`{}` has no run under `{}` to compare with", plan.baseline, run.schedule);
                return Err(self.invalid(&key, &what));
            }
            let Some(evaluate) = plan.evaluate.get(&run.schedule) else {
                let what = format!("it has no epochs for schedule `{}`", run.schedule);
                return Err(self.invalid(&join(at, "evaluate"), &what));
            };
            self.epochs_at(&format!("{at}.evaluate.{}", run.schedule), &run.schedule, evaluate)?;
        }
        let mut used = plan.runs.iter().filter(|run| run.arm == plan.baseline).map(|run| &run.schedule);
        if plan.runs.is_empty() || used.any(|schedule| *schedule == plan.reference_schedule) {
            return Ok(());
        }
        let what = format!("`{}` has no run under `{}`", plan.baseline, plan.reference_schedule);
        Err(self.invalid(&join(at, "reference_schedule"), &what))
    }

    fn battery(&self, campaign: &super::Campaign) -> Result<(), Found> {
        let plan = &campaign.battery;
        for (idx, model) in plan.models.iter().enumerate() {
            if !campaign.confirmation.runs.contains(model) || campaign.confirmation.seed != plan.seed {
                let what = format!(
                    "`{}` under `{}` with seed {} is no run of the confirmation",
                    model.arm, model.schedule, plan.seed
                );
                return Err(self.invalid(&format!("campaign.battery.models.{idx}"), &what));
            }
        }
        let positive = [
            ("noise_batches", plan.noise_batches),
            ("noise_batch_size", plan.noise_batch_size),
            ("local_batch_size", plan.local_batch_size),
            ("layer_windows", plan.layer_windows),
            ("layer_windows_per_performance", plan.layer_windows_per_performance),
            ("plane.windows", plan.plane.windows),
            ("plane.iterations", plan.plane.iterations),
            ("plane.neighbours", plan.plane.neighbours),
        ];
        if let Some((field, _)) = positive.into_iter().find(|(_, n)| *n == 0) {
            return Err(self.invalid(&join("campaign.battery", field), &"at least 1 is needed"));
        }
        let sizes = [("plane.perplexity", plan.plane.perplexity), ("plane.min_dist", plan.plane.min_dist)];
        if let Some((field, _)) = sizes.into_iter().find(|(_, size)| !(size.is_finite() && *size > 0.0)) {
            return Err(self.invalid(&join("campaign.battery", field), &"a number above 0 is needed"));
        }
        self.distinct("campaign.battery.transpose_st", &plan.transpose_st)?;
        self.distinct("campaign.battery.octave_st", &plan.octave_st)?;
        self.distinct("campaign.battery.shift_samples", &plan.shift_samples)?;
        self.distinct("campaign.battery.snr_db", &plan.snr_db)?;
        self.distinct("campaign.battery.velocity", &plan.velocity)?;
        let Some(controls) = &campaign.controls else { return Ok(()) };
        let at = "campaign.controls";
        self.known("arm", &controls.arm, &join(at, "arm"), self.head.arms.keys())?;
        self.known("schedule", &controls.schedule, &join(at, "schedule"), self.head.schedules.keys())?;
        self.epochs(at, &controls.schedule, &controls.evaluate)?;
        if controls.seeds.is_empty() {
            return Err(self.invalid(&join(at, "seeds"), &"at least one seed is needed"));
        }
        self.distinct(&join(at, "seeds"), &controls.seeds)
    }

    fn compared(&self, plan: &str, arms: &[String], baseline: &str) -> Result<(), Found> {
        let key = join(plan, "arms");
        if arms.is_empty() {
            return Err(self.invalid(&key, &"at least one arm is needed"));
        }
        self.arms(&key, arms)?;
        self.known("arm", baseline, &join(plan, "baseline"), arms.iter())
    }

    fn arms(&self, key: &str, arms: &[String]) -> Result<(), Found> {
        for (idx, arm) in arms.iter().enumerate() {
            self.known("arm", arm, &format!("{key}.{idx}"), self.head.arms.keys())?;
        }
        self.distinct(key, arms)
    }

    fn epochs(&self, plan: &str, schedule: &str, evaluate: &[usize]) -> Result<(), Found> {
        self.epochs_at(&join(plan, "evaluate"), schedule, evaluate)
    }

    fn epochs_at(&self, key: &str, schedule: &str, evaluate: &[usize]) -> Result<(), Found> {
        let epochs = self.head.schedules.get(schedule).map_or(0, |schedule| schedule.epochs);
        if evaluate.is_empty() {
            return Err(self.invalid(key, &"at least one epoch is needed"));
        }
        for (idx, &epoch) in evaluate.iter().enumerate() {
            let here = format!("{key}.{idx}");
            if epoch == 0 || epoch > epochs {
                let what = format!("epoch {epoch} does not exist: schedule `{schedule}` has epochs 1 to {epochs}");
                return Err(self.invalid(&here, &what));
            }
            if idx > 0 && evaluate[idx - 1] >= epoch {
                return Err(self.invalid(&here, &"epochs must rise"));
            }
        }
        Ok(())
    }

    fn distinct<T: PartialEq + std::fmt::Display>(&self, key: &str, values: &[T]) -> Result<(), Found> {
        match values.iter().enumerate().find(|(idx, value)| values[..*idx].contains(value)) {
            Some((idx, value)) => Err(self.invalid(&format!("{key}.{idx}"), &format!("`{value}` is listed twice"))),
            None => Ok(()),
        }
    }
}
