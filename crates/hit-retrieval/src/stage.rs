//! The stage that evaluates every epoch of a run and chooses one.

use hit_schema::{Embeddings, RankRow, RunId, Selection, SplitIndex};
use hit_stage::{Context, OpenTree, Stage, StageError, canonical_json};
use hit_stats::Measurement;
use serde::Serialize;

use crate::{
    Direction, Error, HardAccuracy, KS, Pool, Ranked, RetrievalSpec, Scores, UnitVectors, chance_r, chance_s,
    draw_hard, draw_pools, hard_accuracy, scores,
};

/// Evaluates a run on a split: `retrieve/<run>` or `retrieve/<run>/<split>`.
///
/// Inputs: `index` (of the split), `embeddings` (tree, one entry an epoch). Outputs: `measurements` (CSV, every epoch
/// and the selected one), `ranks` and `ranks_last` (CSV, every query at the selected epoch and at the last one), `selection` (JSON).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Retrieve {
    /// The run.
    pub run: RunId,
    /// Experiment that the numbers belong to: `screening`, `replication`, `test`, ...
    pub stage: String,
    /// Condition under which the embeddings were made; empty for none. It is put before `selected` and `epoch=005`,
    /// with a `/` between.
    pub condition: String,
    /// How retrieval is measured.
    pub spec: RetrievalSpec,
}

/// One evaluated epoch.
struct Evaluated {
    epoch: usize,
    scores: Scores,
    hard: HardAccuracy,
    ranked: Vec<Ranked>,
}

impl Stage for Retrieve {
    const KIND: &'static str = "retrieve";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["measurements", "ranks", "ranks_last", "selection"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let index = SplitIndex::read(&cx.file("index")?.path)?;
        let pools = draw_pools(&index, &self.spec)?;
        let epochs = self.evaluate(cx, &index, &pools, cx.tree("embeddings")?)?;
        let best = first_best(&epochs);

        let mut rows = Vec::new();
        for epoch in &epochs {
            rows.extend(self.rows(&format!("epoch={:03}", epoch.epoch), epoch));
        }
        rows.extend(self.selected_rows(best));
        let rule = "best S of the evaluated epochs, the first of equals".to_owned();
        let selection = Selection { epoch: best.epoch, s: best.scores.s(), rule };
        cx.write("measurements", Measurement::to_csv(&rows).map_err(Error::from)?)?;
        let last = epochs.last().unwrap_or(best);
        for (output, epoch) in [("ranks", best), ("ranks_last", last)] {
            let rows: Vec<_> = epoch.ranked.iter().map(Ranked::to_row).collect();
            cx.write(output, RankRow::to_csv(&rows))?;
        }
        cx.write("selection", canonical_json(&selection) + "\n")
    }
}

/// The epoch with the highest S, the earliest of equals.
fn first_best(epochs: &[Evaluated]) -> &Evaluated {
    let s = |epoch: &Evaluated| epoch.scores.s();
    let mut best = &epochs[0];
    for epoch in epochs {
        if s(epoch) > s(best) {
            best = epoch;
        }
    }
    best
}

impl Retrieve {
    /// All epochs of the tree, in order; at least one.
    fn evaluate(
        &self,
        cx: &Context,
        index: &SplitIndex,
        pools: &[Pool],
        tree: &OpenTree,
    ) -> Result<Vec<Evaluated>, StageError> {
        let draws = draw_hard(index, &self.spec)?;
        let mut epochs = Vec::new();
        for (done, (entry, file)) in tree.0.iter().enumerate() {
            cx.checkpoint()?;
            let embeddings = Embeddings::read(&file.path)?;
            let epoch = embeddings.epoch;
            if Embeddings::entry(epoch) != *entry {
                let what = format!("they are of epoch {epoch}");
                return Err(Error::Embeddings { entry: entry.clone(), what }.into());
            }
            let vectors = UnitVectors::new(&embeddings, index, entry)?;
            let ranked = Ranked::all(pools, index, &vectors);
            let hard = hard_accuracy(&draws, &vectors);
            epochs.push(Evaluated { epoch, scores: scores(&ranked), hard, ranked });
            cx.progress.update(done as u64 + 1, tree.0.len() as u64, "epochs");
        }
        if epochs.is_empty() {
            return Err(Error::NoEpochs.into());
        }
        epochs.sort_by_key(|evaluated| evaluated.epoch);
        Ok(epochs)
    }

    /// Every number of an epoch.
    fn rows(&self, condition: &str, epoch: &Evaluated) -> Vec<Measurement> {
        let queries = |metric: &str, value, unit| self.row(condition, metric, value, unit, self.spec.n_queries);
        let hard = |metric: &str, value| self.row(condition, metric, value, "%", self.spec.hard_trials);
        let mut rows = vec![
            queries("s", epoch.scores.s(), "%"),
            hard("hard_same_piece", epoch.hard.same_piece),
            hard("hard_random", epoch.hard.random),
        ];
        for (name, direction) in [("a2m", &epoch.scores.a2m), ("m2a", &epoch.scores.m2a)] {
            let Direction { r, mrr, mean_rank } = direction;
            rows.extend(KS.iter().zip(r).map(|(k, r)| queries(&format!("r{k}_{name}"), *r, "%")));
            rows.push(queries(&format!("mrr_{name}"), *mrr, ""));
            rows.push(queries(&format!("mean_rank_{name}"), *mean_rank, "ranks"));
        }
        rows
    }

    /// The numbers of the selected epoch, and the chance levels. [`crate::Intervals`] adds the intervals.
    fn selected_rows(&self, best: &Evaluated) -> Vec<Measurement> {
        let mut rows = self.rows("selected", best);
        let chance = |metric: &str, value| self.row("selected", metric, value, "%", self.spec.n_queries);
        rows.extend(KS.map(|k| chance(&format!("chance_r{k}"), chance_r(self.spec.pool_size, k))));
        rows.push(chance("chance_s", chance_s(self.spec.n_queries, self.spec.pool_size)));
        rows
    }

    fn row(&self, condition: &str, metric: &str, value: f64, unit: &str, n: usize) -> Measurement {
        let condition = match self.condition.as_str() {
            "" => condition.to_owned(),
            own => format!("{own}/{condition}"),
        };
        Measurement {
            stage: self.stage.clone(),
            arm: self.run.arm.clone(),
            schedule: self.run.schedule.clone(),
            seed: Some(self.run.seed),
            condition,
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            n: Some(n as u64),
            interval: None,
        }
    }
}
