//! A split ready for a model: segments and the descriptors of an arm, read by window.

use std::collections::BTreeMap;

use hit_schema::{FeatureMeta, Features, Segments, SplitIndex};
use hit_stage::{Context, StageError};

use crate::{ArmSpec, Error, HostBatch, ModelSpec, N_PITCHES, N_VELOCITIES, Rows};

/// Audio, notes and descriptors of every window of a split.
pub struct Source {
    segments: Segments,
    features: BTreeMap<String, Features>,
    max_notes: usize,
    n_durations: usize,
}

impl Source {
    /// Puts a split together and checks that it fits the model and the arm.
    ///
    /// # Errors
    /// [`Error::Spec`] if windows or tokens do not fit the model, [`Error::Features`] if a descriptor is missing or has other
    /// windows or dims, [`Error::Data`].
    pub fn new(
        segments: Segments,
        mut features: BTreeMap<String, Features>,
        model: &ModelSpec,
        arm: &ArmSpec,
    ) -> Result<Self, Error> {
        model.audio.check_length(segments.index().windows.window_samples())?;
        let wanted = arm.descriptors()?;
        features.retain(|id, _| wanted.contains_key(id));
        for (id, &dims) in &wanted {
            let wrong = |what: String| Err(Error::Features { descriptor: id.clone(), what });
            let Some(found) = features.get(id) else { return wrong("none were given".to_owned()) };
            if found.n_windows() != segments.n_windows() {
                return wrong(format!("{} windows, but the split has {}", found.n_windows(), segments.n_windows()));
            }
            if found.meta().dims != dims {
                return wrong(format!("{} dims, but the arm states {dims}", found.meta().dims));
            }
        }
        let source = Self { segments, features, max_notes: model.midi.max_notes, n_durations: model.midi.n_durations };
        source.check_tokens()?;
        Ok(source)
    }

    /// Opens the inputs `<prefix>index`, `<prefix>segments` of a stage, and for each descriptor of the arm
    /// `features/<descriptor><suffix>`.
    ///
    /// # Errors
    /// As [`Source::new`], or an input is missing.
    pub fn open(
        cx: &Context,
        prefix: &str,
        suffix: &str,
        model: &ModelSpec,
        arm: &ArmSpec,
    ) -> Result<Self, StageError> {
        let index = SplitIndex::read(&cx.file(&format!("{prefix}index"))?.path)?;
        let segments = Segments::open(index, cx.tree(&format!("{prefix}segments"))?)?;
        let mut features = BTreeMap::new();
        for id in arm.descriptors()?.into_keys() {
            let file = cx.file(&format!("features/{id}{suffix}"))?;
            features.insert(id, Features::open(&file.path)?);
        }
        Ok(Self::new(segments, features, model, arm)?)
    }

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.segments.n_windows()
    }

    /// Name of the split.
    pub fn split(&self) -> &str {
        &self.segments.index().split
    }

    /// Reads the windows of a batch. Lists of more than `max_notes` notes are cut.
    ///
    /// # Errors
    /// [`Error::Data`], or [`Error::Features`] if frames do not fit together.
    pub fn batch(&self, windows: &[usize]) -> Result<HostBatch, Error> {
        let n_samples = self.segments.index().windows.window_samples();
        let mut batch = HostBatch {
            windows: windows.to_vec(),
            n_samples,
            audio: Vec::with_capacity(windows.len() * n_samples),
            tokens: Vec::with_capacity(windows.len()),
            n_durations: self.n_durations,
            descriptors: BTreeMap::new(),
        };
        for &w in windows {
            batch.audio.extend_from_slice(&self.segments.audio(w)?);
            let tokens = self.segments.tokens(w);
            batch.tokens.push(tokens[..tokens.len().min(self.max_notes)].to_vec());
        }
        for (id, features) in &self.features {
            let &FeatureMeta { dims, per_note, .. } = features.meta();
            let mut rows = Rows { dims, per_note, windows: Vec::with_capacity(windows.len()) };
            for (&w, tokens) in windows.iter().zip(&batch.tokens) {
                let window = features.window(w)?;
                let n = if per_note { window.len().min(tokens.len() * dims) } else { window.len() };
                rows.windows.push(window[..n].to_vec());
            }
            batch.descriptors.insert(id.clone(), rows);
        }
        Ok(batch)
    }

    fn check_tokens(&self) -> Result<(), Error> {
        for w in 0..self.n_windows() {
            let tokens = self.segments.tokens(w);
            if tokens.is_empty() {
                return Err(Error::spec("segments", format!("window {w} has no notes, not even the dummy note")));
            }
            for token in tokens {
                let table = [
                    ("pitch", token.pitch, N_PITCHES),
                    ("velocity", token.velocity, N_VELOCITIES),
                    ("duration", token.duration, self.n_durations),
                ];
                if let Some((what, value, n)) = table.into_iter().find(|&(_, value, n)| usize::from(value) >= n) {
                    let what = format!("window {w} has a note of {what} {value}, but the model knows 0..{n}");
                    return Err(Error::spec("model.midi", what));
                }
            }
        }
        Ok(())
    }
}
