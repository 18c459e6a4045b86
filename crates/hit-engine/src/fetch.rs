//! Reading one output of a finished stage out of the store.

use hit_stage::Opened;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::graph::Graph;
use crate::plan::State;

impl Engine {
    /// Opens an output of a stage as it is now. Nothing is run.
    ///
    /// # Errors
    /// [`EngineError::UnknownThing`], [`EngineError::NotFinished`] if the stage would run, [`EngineError::ObjectLost`].
    pub fn output(&self, graph: &Graph, stage: &str, output: &str) -> Result<Opened, EngineError> {
        let unknown = || EngineError::UnknownThing { what: format!("{stage}:{output}"), nearest: Vec::new() };
        let idx = graph.index(stage).ok_or_else(unknown)?;
        let walk = self.walk(graph, &graph.select(&[stage.to_owned()])?)?;
        if let Some(row) = walk.rows.iter().find(|row| row.stage == stage && row.state != State::Cached) {
            let why = row.reason.as_ref().map_or_else(String::new, ToString::to_string);
            return Err(EngineError::NotFinished { stage: stage.to_owned(), why });
        }
        let record = walk.done[idx].as_ref().ok_or_else(unknown)?;
        let artifact = record.outputs.get(output).ok_or_else(unknown)?;
        self.open_artifact(artifact).map_err(|(file, _)| EngineError::ObjectLost {
            stage: stage.to_owned(),
            output: output.to_owned(),
            digest: file.digest.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use hit_stage::Opened;

    use crate::testing::{Work, engine, run};
    use crate::{EngineError, Graph, Node};

    #[test]
    fn outputs_of_finished_stages_are_opened_and_others_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let graph = Graph::new(vec![Node::new("a", Work::new("x")), Node::new("b", Work::new("y"))]).unwrap();
        let refused = engine.output(&graph, "a", "out").unwrap_err();
        assert!(matches!(refused, EngineError::NotFinished { ref stage, .. } if stage == "a"), "{refused}");
        run(&engine, &graph);
        let Opened::File(file) = engine.output(&graph, "a", "out").unwrap() else { panic!("a file") };
        assert!(fs_err::read_to_string(&file.path).unwrap().contains('x'));
        for (stage, output) in [("a", "other"), ("c", "out")] {
            let refused = engine.output(&graph, stage, output).unwrap_err();
            assert!(matches!(refused, EngineError::UnknownThing { .. }), "{refused}");
        }
        fs_err::write(&file.path, "damaged").unwrap();
        assert!(engine.output(&graph, "a", "out").is_err());
    }
}
