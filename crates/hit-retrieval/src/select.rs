//! The stage that hands on checkpoint and embeddings of the selected epoch.

use hit_schema::Selection;
use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::Error;

/// Makes checkpoint and embeddings of the selected epoch artifacts of their own: `select/<run>`.
///
/// Inputs: `selection` (JSON), `checkpoints` and `embeddings` (trees, `eNNN.safetensors`). Outputs: `checkpoint`, and `embeddings`, a tree
/// of one entry; linked, not copied. What follows then depends on the content of one epoch, and not on those that were not chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Select {}

impl Stage for Select {
    const KIND: &'static str = "select";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["checkpoint", "embeddings"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let epoch = Selection::read(&cx.file("selection")?.path)?.epoch;
        let entry = hit_schema::Embeddings::entry(epoch);
        let of = |tree: &'static str| match cx.tree(tree)?.0.get(&entry) {
            Some(open) => Ok(open.file),
            None => Err(StageError::from(Error::NotOfEpoch { tree, epoch, entry: entry.clone() })),
        };
        let (checkpoint, embeddings) = (of("checkpoints")?, of("embeddings")?);
        cx.link_file("checkpoint", checkpoint)?;
        cx.link("embeddings", &entry, embeddings)
    }
}
