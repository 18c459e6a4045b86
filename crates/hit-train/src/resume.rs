//! The state of a training on disk: weights, moments, running statistics, position and the course so far.
//!
//! It is written beside its place and renamed, so a kill at any moment leaves the old state or the new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hit_model::{Tensor, TensorData, Weights, host};
use hit_schema::{Block, BlockWriter, CheckpointMeta, HistoryRow, ParamArray};
use hit_stage::Digest;
use serde::{Deserialize, Serialize};

use crate::{AdamW, Error, Moments};

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StateMeta {
    /// Finished steps.
    pub step: u64,
    /// Finished epochs.
    pub history: Vec<HistoryRow>,
    /// Sums over the steps of the running epoch: those of [`crate::StepLog`].
    pub sums: [f64; 6],
}

/// A state read back.
pub struct Saved {
    /// Where the training stands.
    pub meta: StateMeta,
    arrays: BTreeMap<String, Vec<f32>>,
}

const KIND: &str = "training state";
const FILE: &str = "state.safetensors";

/// Writes the state into the folder `dir`.
pub(crate) fn save(dir: &Path, meta: &StateMeta, weights: &Weights, adamw: &AdamW) -> Result<(), Error> {
    let all = weights.checkpoint(CheckpointMeta { arm: String::new(), epoch: 0, step: meta.step });
    let of_weight = |(name, array): (String, ParamArray)| (format!("weight/{name}"), array.shape, array.values);
    let mut arrays: Vec<_> = all.params.into_iter().map(of_weight).collect();
    for (name, moments) in &adamw.moments {
        for (what, tensor) in [("first", &moments.first), ("second", &moments.second)] {
            let values = host(tensor.clone());
            arrays.push((format!("{what}/{name}"), vec![values.len()], values));
        }
    }
    let start = BlockWriter::new(KIND, meta);
    let writer = arrays.iter().fold(start, |writer, (name, shape, values)| writer.f32(name, shape, values));
    atomically(&dir.join(FILE), |path| Ok(writer.write(path)?))
}

/// Writes a file beside its place, notes its digest, and renames it.
pub(crate) fn atomically(path: &Path, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let beside = path.with_extension("tmp");
    write(&beside)?;
    let mut file = fs_err::File::open(&beside)?;
    let (digest, _) = Digest::of_reader(&mut file)?;
    file.sync_all()?;
    fs_err::write(noted(path), digest.to_string())?;
    Ok(fs_err::rename(&beside, path)?)
}

/// Where the digest of a file is noted.
fn noted(path: &Path) -> PathBuf {
    path.with_extension("sha256")
}

/// Whether a file has the bytes that were written: a bad disk costs time and never changes a result.
pub(crate) fn sound(path: &Path) -> bool {
    let digest = fs_err::File::open(path).and_then(Digest::of_reader).map(|(digest, _)| digest.to_string());
    matches!((digest, fs_err::read_to_string(noted(path))), (Ok(found), Ok(expected)) if found == expected)
}

impl Saved {
    /// The state in `dir`; nothing if there is none, or none that can be read: then the training starts anew, which costs time
    /// and changes no result.
    pub fn read(dir: &Path) -> Option<Self> {
        let path = dir.join(FILE);
        if !sound(&path) {
            return None;
        }
        let block = Block::open(&path, KIND).ok()?;
        let names: Vec<String> = block.names().map(str::to_owned).collect();
        let read = |name: String| Some((name.clone(), block.f32(&name).ok()?));
        Some(Self { meta: block.meta().ok()?, arrays: names.into_iter().map(read).collect::<Option<_>>()? })
    }

    /// Puts the state into weights and optimiser; `false`, and nothing changed, if it is not of this model.
    pub fn restore(mut self, weights: &mut Weights, adamw: &mut AdamW) -> Option<StateMeta> {
        let device = weights.device().clone();
        let names: Vec<String> = weights.names().map(str::to_owned).collect();
        let lengths: BTreeMap<&String, usize> = names.iter().map(|name| (name, weights.flat(name).dims()[0])).collect();
        let fits = |(name, values): (&String, &Vec<f32>)| {
            let known = name.split_once('/').and_then(|(_, name)| lengths.get(&name.to_owned()));
            known == Some(&values.len())
        };
        if !self.arrays.iter().all(fits)
            || !names.iter().all(|name| self.arrays.contains_key(&format!("weight/{name}")))
        {
            return None;
        }
        let tensor = |values: Vec<f32>| {
            let n = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [n]), &device)
        };
        for name in names {
            if let Some(values) = self.arrays.remove(&format!("weight/{name}")) {
                weights.set(&name, tensor(values));
            }
            let first = self.arrays.remove(&format!("first/{name}"));
            let second = self.arrays.remove(&format!("second/{name}"));
            // Frozen parameters have neither.
            if let (Some(first), Some(second)) = (first, second) {
                adamw.moments.insert(name, Moments { first: tensor(first), second: tensor(second) });
            }
        }
        Some(self.meta)
    }
}
