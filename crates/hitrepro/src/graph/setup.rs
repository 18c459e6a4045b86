//! What the report prints of sizes, rates, schedules and constants of the descriptors.

use std::collections::BTreeSet;

use hit_descriptors::a4::BAND_EDGES;
use hit_descriptors::a7::RATIOS;
use hit_descriptors::{HOP, N_FFT};
use hit_model::{ConvSpec, FinalNorm, N_PITCHES, N_VELOCITIES};
use hit_report::{
    AttractorFacts, AudioFacts, ConvFacts, LayersFacts, MidiFacts, ModelFacts, ScheduleFacts, SpectrumFacts,
    TrainingFacts,
};

use super::Wiring;

impl Wiring<'_> {
    pub(super) fn model_facts(&self) -> ModelFacts {
        let model = &self.profile.model;
        let (audio, midi) = (&model.audio, &model.midi);
        let mut length = self.profile.corpus.windows.window_samples();
        let conv = |conv: &ConvSpec| {
            length = conv.length(length);
            let ConvSpec { channels, kernel, stride, padding } = *conv;
            ConvFacts { channels, kernel, stride, padding, length }
        };
        ModelFacts {
            audio: AudioFacts {
                cnn: audio.cnn.iter().map(conv).collect(),
                norm_groups: audio.norm_groups,
                layers: LayersFacts {
                    n: audio.n_layers,
                    d_model: audio.d_model,
                    n_heads: audio.n_heads,
                    d_ff: audio.d_ff,
                    dropout: audio.dropout,
                },
                max_positions: audio.max_positions,
            },
            midi: MidiFacts {
                n_pitches: N_PITCHES,
                pitch_dim: midi.pitch_dim,
                n_velocities: N_VELOCITIES,
                velocity_dim: midi.velocity_dim,
                n_durations: midi.n_durations,
                duration_dim: midi.duration_dim,
                layers: LayersFacts {
                    n: midi.n_layers,
                    d_model: midi.d_model,
                    n_heads: midi.n_heads,
                    d_ff: midi.d_ff,
                    dropout: midi.dropout,
                },
                max_notes: midi.max_notes,
                norm_after_pooling: midi.norm == FinalNorm::AfterPooling,
            },
            head_hidden: model.heads.hidden.clone(),
            embedding_dim: model.heads.embedding_dim,
        }
    }

    pub(super) fn training_facts(&self) -> TrainingFacts {
        let (train, durations) = (&self.profile.train, &self.profile.corpus.durations);
        let (adamw, loss) = (train.optimizer, train.loss);
        TrainingFacts {
            beta1: adamw.beta1,
            beta2: adamw.beta2,
            weight_decay: adamw.weight_decay,
            clip_norm: adamw.clip_norm,
            warmup_steps: train.warmup_steps,
            groups: train.groups.clone(),
            frozen: train.frozen.clone(),
            invariance: loss.invariance,
            variance: loss.variance,
            covariance: loss.covariance,
            gamma: loss.gamma,
            epsilon: loss.epsilon,
            duration_s: [durations.min_s, durations.max_s],
        }
    }

    /// Schedules that the campaign names.
    pub(super) fn schedule_facts(&self) -> Vec<ScheduleFacts> {
        let campaign = &self.profile.campaign;
        let mut named = BTreeSet::from([
            &campaign.foundation.schedule,
            &campaign.screening.schedule,
            &campaign.replication.schedule,
        ]);
        named.extend(campaign.confirmation.runs.iter().map(|run| &run.schedule));
        named.extend(campaign.controls.iter().map(|plan| &plan.schedule));
        let facts = |id: &&String| {
            let spec = self.config.schedules[*id];
            ScheduleFacts {
                id: (*id).clone(),
                kind: word(spec.kind),
                epochs: spec.epochs,
                reference_epochs: spec.reference_epochs,
                knee: spec.knee,
                end: spec.end,
                hold: spec.hold,
                decay: spec.decay.map(word),
            }
        };
        named.iter().map(facts).collect()
    }
}

/// A variant as `pipeline.toml` writes it.
fn word(variant: impl serde::Serialize) -> String {
    let value = serde_json::to_value(variant).ok();
    value.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

pub(super) fn spectrum() -> SpectrumFacts {
    let bands = BAND_EDGES.windows(2).map(|edges| [edges[0] as u64, edges[1] as u64]).collect();
    SpectrumFacts { n_fft: N_FFT as u64, hop: HOP as u64, bands }
}

pub(super) fn attractors() -> Vec<AttractorFacts> {
    RATIOS.map(|(over, under)| AttractorFacts { over: u64::from(over), under: u64::from(under) }).to_vec()
}
