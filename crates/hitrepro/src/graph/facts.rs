//! What the report prints of the configuration.

use std::collections::BTreeSet;

use hit_descriptors::{DESCRIPTORS, Descriptor};
use hit_model::{InjectionSpec, Side, counts};
use hit_report::{
    ArmFacts, ConfirmationFacts, ConfirmedFacts, CorpusFacts, DescriptorFacts, ExperimentFacts, Facts, RetrievalFacts,
};

use super::{BuildError, Wiring, setup};
use crate::config::{COUNTED_NOTES, Config, ConfirmedRun, Profile, window_size};
use crate::registry;

/// What an arm is under a profile: sizes and cost, from its declarations.
///
/// # Errors
/// [`BuildError::Arm`] if the profile's model cannot hold the arm.
pub fn arm(config: &Config, profile: &Profile, id: &str) -> Result<ArmFacts, BuildError> {
    let spec = profile.complete(&config.arms[id]);
    let wrong = |source| BuildError::Arm { arm: id.to_owned(), source };
    let model = registry::family(&spec.family).model(&profile.model, &spec).map_err(wrong)?;
    let counts = counts(&*model, &profile.train.frozen);
    let cost = model.cost(&window_size(profile)).map_err(wrong)?;
    let mechanism = |injection: &InjectionSpec| {
        let side = if injection.side == Side::Audio { "audio" } else { "MIDI" };
        format!("{} ({side})", injection.mechanism)
    };
    Ok(ArmFacts {
        id: id.to_owned(),
        descriptors: spec.injections.iter().map(|injection| injection.descriptor.to_uppercase()).collect(),
        mechanisms: spec.injections.iter().map(mechanism).collect(),
        dims: spec.injections.iter().map(|injection| injection.dims).collect(),
        family: spec.family.clone(),
        parameters: counts.total as u64,
        trainable: counts.trainable as u64,
        parts: counts.parts.into_iter().map(|(part, n)| (part, n as u64)).collect(),
        audio_tokens: cost.audio_tokens as u64,
        flops: cost.flops,
        extra: spec.extra,
    })
}

impl Wiring<'_> {
    pub(super) fn facts(&self) -> Result<Facts, BuildError> {
        let (profile, campaign) = (self.profile, &self.profile.campaign);
        let retrieval = &profile.retrieval;
        let experiment = |arms: &[String], schedule: &str, seeds: &[u64], evaluate: &[usize]| {
            Some(ExperimentFacts {
                arms: arms.to_vec(),
                schedule: schedule.to_owned(),
                seeds: seeds.to_vec(),
                epochs: self.config.schedules[schedule].epochs,
                evaluate: evaluate.to_vec(),
            })
        };
        let (foundation, screening, replication) = (&campaign.foundation, &campaign.screening, &campaign.replication);
        let families = &campaign.families;
        Ok(Facts {
            profile: self.name.to_owned(),
            description: profile.description.clone(),
            published_protocol: profile.published_protocol,
            corpus: CorpusFacts {
                label: profile.corpus.label.clone(),
                audio: profile.corpus.audio_source(),
                recipe: profile.corpus.recipe(),
                split: profile.corpus.split.words().to_owned(),
                windows: profile.corpus.windows.clone(),
            },
            backend: self.backend_facts(),
            variant: profile.variant.name().to_owned(),
            baseline: replication.baseline.clone(),
            arms: self.arms()?,
            flops_notes: COUNTED_NOTES as u64,
            descriptors: self.described(),
            spectrum: setup::spectrum(),
            attractors: setup::attractors(),
            model: self.model_facts(),
            training: self.training_facts(),
            schedules: self.schedule_facts(),
            batch_size: profile.train.batch_size,
            batches_per_epoch: profile.train.batches_per_epoch,
            retrieval: RetrievalFacts {
                n_queries: retrieval.n_queries,
                pool_size: retrieval.pool_size,
                n_hard: retrieval.n_hard,
                n_semi_hard: retrieval.n_semi_hard,
                hard_trials: retrieval.hard_trials,
                resamples: profile.bootstrap.resamples,
                level: profile.bootstrap.level,
            },
            foundation: experiment(
                std::slice::from_ref(&foundation.arm),
                &foundation.schedule,
                &[foundation.seed],
                &foundation.evaluate,
            ),
            screening: experiment(&screening.arms, &screening.schedule, &[screening.seed], &screening.evaluate),
            families: match families.arms.as_slice() {
                [] => None,
                arms => experiment(arms, &screening.schedule, &[screening.seed], &families.evaluate),
            },
            confirmation: self.confirmed(),
            replication_as_published: replication.as_published,
            replication: experiment(
                &replication.arms,
                &replication.schedule,
                &replication.seeds,
                &replication.evaluate,
            ),
        })
    }

    /// What computed, and in what numbers.
    fn backend_facts(&self) -> String {
        let backend = match self.options.backend.as_str() {
            "cuda" => "burn-cuda (GPU)".to_owned(),
            "wgpu" => "burn-wgpu (GPU)".to_owned(),
            other => format!("burn-{other} (CPU)"),
        };
        format!("{backend}, matrix products in {}", self.profile.model.precision.name())
    }

    /// Arms of the campaign, in the order in which it first names them.
    fn arms(&self) -> Result<Vec<ArmFacts>, BuildError> {
        let mut seen = BTreeSet::new();
        let named = self.profile.campaign.arms().filter(|id| seen.insert((*id).clone()));
        named.map(|id| arm(self.config, self.profile, id)).collect()
    }

    fn confirmed(&self) -> Option<ConfirmationFacts> {
        let plan = &self.profile.campaign.confirmation;
        let facts = |run: &ConfirmedRun| ConfirmedFacts {
            arm: run.arm.clone(),
            schedule: run.schedule.clone(),
            epochs: self.config.schedules[&run.schedule].epochs,
            evaluate: plan.evaluate[&run.schedule].clone(),
        };
        (!plan.runs.is_empty()).then(|| ConfirmationFacts {
            runs: plan.runs.iter().map(facts).collect(),
            seed: plan.seed,
            baseline: plan.baseline.clone(),
            reference_schedule: plan.reference_schedule.clone(),
        })
    }

    /// Descriptors that they are given.
    fn described(&self) -> Vec<DescriptorFacts> {
        let used = self.used_descriptors();
        let facts = |descriptor: &Descriptor| DescriptorFacts {
            id: descriptor.id.to_owned(),
            title: descriptor.title.to_owned(),
            shape: descriptor.shape.to_owned(),
            source: descriptor.source.to_owned(),
            formula: descriptor.formula.to_owned(),
        };
        DESCRIPTORS.iter().filter(|descriptor| used.contains(descriptor.id)).map(facts).collect()
    }
}
