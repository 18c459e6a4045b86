//! What the report prints of the configuration.

use std::collections::BTreeSet;

use hit_model::{Declarations, Kind, Side, has_prefix};
use hit_report::{ArmFacts, CorpusFacts, ExperimentFacts, Facts, RetrievalFacts};
use hit_schema::AudioSource;

use super::{BuildError, Wiring};
use crate::config::{Config, CorpusKind, Profile};
use crate::registry;

/// Sizes of an arm under a profile: parameters, and those that are trained.
///
/// # Errors
/// [`BuildError::Arm`] if the profile's model cannot hold the arm.
pub fn sizes(config: &Config, profile: &Profile, arm: &str) -> Result<(u64, u64), BuildError> {
    let spec = &config.arms[arm];
    let wrong = |source| BuildError::Arm { arm: arm.to_owned(), source };
    let model = registry::family(&spec.family).model(&profile.model, spec).map_err(wrong)?;
    let mut declarations = Declarations::default();
    model.declare(&mut declarations);
    let frozen = |name: &str| profile.train.frozen.iter().any(|prefix| has_prefix(name, prefix));
    let parameters = declarations.specs().iter().filter(|spec| spec.kind == Kind::Parameter);
    let (mut all, mut trained) = (0, 0);
    for parameter in parameters {
        let n = parameter.shape.iter().product::<usize>() as u64;
        all += n;
        trained += if frozen(&parameter.name) { 0 } else { n };
    }
    Ok((all, trained))
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
        Ok(Facts {
            profile: self.name.to_owned(),
            description: profile.description.clone(),
            published_protocol: profile.published_protocol,
            corpus: CorpusFacts {
                label: profile.corpus.label.clone(),
                audio: match profile.corpus.source {
                    CorpusKind::Synthetic => AudioSource::Synthetic,
                    CorpusKind::Maestro => profile.corpus.audio,
                    CorpusKind::Rendered => AudioSource::Rendered,
                },
                windows: profile.corpus.windows.clone(),
            },
            backend: match self.options.backend.as_str() {
                "cuda" => "burn-cuda (GPU)".to_owned(),
                other => format!("burn-{other} (CPU)"),
            },
            variant: profile.variant.name().to_owned(),
            baseline: replication.baseline.clone(),
            arms: self.arms()?,
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
            replication: experiment(
                &replication.arms,
                &replication.schedule,
                &replication.seeds,
                &replication.evaluate,
            ),
        })
    }

    /// Arms of the campaign, in the order in which it first names them.
    fn arms(&self) -> Result<Vec<ArmFacts>, BuildError> {
        let campaign = &self.profile.campaign;
        let named = [&campaign.foundation.arm].into_iter().chain(&campaign.screening.arms);
        let mut seen = BTreeSet::new();
        let mut arms = Vec::new();
        for id in named.chain(&campaign.replication.arms).filter(|id| seen.insert((*id).clone())) {
            let arm = &self.config.arms[id];
            let (parameters, trainable) = sizes(self.config, self.profile, id)?;
            let mechanism = |injection: &hit_model::InjectionSpec| {
                let side = if injection.side == Side::Audio { "audio" } else { "MIDI" };
                format!("{} ({side})", injection.mechanism)
            };
            arms.push(ArmFacts {
                id: id.clone(),
                descriptors: arm.injections.iter().map(|injection| injection.descriptor.to_uppercase()).collect(),
                mechanisms: arm.injections.iter().map(mechanism).collect(),
                family: arm.family.clone(),
                parameters,
                trainable,
            });
        }
        Ok(arms)
    }
}
