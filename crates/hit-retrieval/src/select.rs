//! The stage that hands on the checkpoint of the selected epoch.

use hit_schema::Selection;
use hit_stage::{Context, Stage, StageError};
use serde::Serialize;

use crate::Error;

/// Makes the checkpoint of the selected epoch an artifact of its own: `select/<run>`.
///
/// Inputs: `selection` (JSON), `checkpoints` (tree, `eNNN.safetensors`). Output: `checkpoint`, linked, not copied. What
/// follows then depends on one checkpoint's content, and not on epochs that were not chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Select {}

impl Stage for Select {
    const KIND: &'static str = "select";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["checkpoint"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let epoch = Selection::read(&cx.file("selection")?.path)?.epoch;
        let entry = hit_schema::Embeddings::entry(epoch);
        let file = match cx.tree("checkpoints")?.0.get(&entry) {
            Some(open) => open.file,
            None => return Err(Error::NoCheckpoint { epoch, entry }.into()),
        };
        cx.link_file("checkpoint", file)
    }
}
