//! Stage `dataset`: the performances of one split together, linked, not copied.

use std::collections::BTreeMap;

use hit_schema::{Performance, SplitIndex, WindowSpec};
use hit_stage::{Context, Opened, Stage, StageError};
use serde::Serialize;

use crate::Error;

/// Puts a split together.
///
/// Inputs: `<id>/audio`, `<id>/tokens`, `<id>/meta` of each performance, as [`crate::Segment`] writes them. Outputs:
/// `index` ([`SplitIndex`]) and the tree `segments` (`audio/<id>`, `tokens/<id>`; performances that were skipped are
/// in the index, with the reason, and not in the tree).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Dataset {
    /// `train`, `validation` or `test`.
    pub split: String,
    /// How its performances were cut.
    pub windows: WindowSpec,
}

impl Stage for Dataset {
    const KIND: &'static str = "dataset";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["index", "segments"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let performances = self.performances(cx)?;
        for performance in performances.iter().filter(|performance| performance.n_windows > 0) {
            for kind in ["audio", "tokens"] {
                let file = cx.file(&format!("{}/{kind}", performance.id))?.file;
                cx.link("segments", &format!("{kind}/{}", performance.id), file)?;
            }
        }
        let index = SplitIndex { split: self.split.clone(), windows: self.windows.clone(), performances };
        self.check_used(&index)?;
        cx.write("index", index.to_json())
    }
}

impl Dataset {
    /// The `meta` inputs, sorted by id: the order of window numbers.
    fn performances(&self, cx: &Context) -> Result<Vec<Performance>, Error> {
        let mut performances = BTreeMap::new();
        for (name, opened) in &cx.inputs {
            let (Some(id), Opened::File(file)) = (name.strip_suffix("/meta"), opened) else { continue };
            let performance = read_meta(&file.path)?;
            if performance.id != id || performance.split != self.split {
                let Performance { id, split, .. } = performance;
                return Err(Error::Misplaced { id, split, name: name.clone(), expected: self.split.clone() });
            }
            performances.insert(performance.id.clone(), performance);
        }
        Ok(performances.into_values().collect())
    }

    fn check_used(&self, index: &SplitIndex) -> Result<(), Error> {
        if index.n_windows() > 0 {
            return Ok(());
        }
        let reasons: Vec<_> =
            index.performances.iter().filter_map(|performance| performance.skipped.as_ref()).collect();
        Err(Error::EmptySplit {
            split: self.split.clone(),
            n: index.performances.len(),
            n_skipped: reasons.len(),
            first: reasons.first().map_or_else(|| "there are no performances".to_owned(), |&reason| reason.clone()),
        })
    }
}

fn read_meta(path: &std::path::Path) -> Result<Performance, Error> {
    let text = fs_err::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|error| {
        let (path, kind) = (path.to_owned(), "performance meta".to_owned());
        hit_schema::Error::Format { path, kind, what: error.to_string() }.into()
    })
}

#[cfg(test)]
mod tests;
