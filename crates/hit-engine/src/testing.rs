//! A stage for unit tests.

use std::collections::BTreeMap;
use std::path::Path;

use hit_stage::{Context, Needs, Opened, Stage, StageError};
use serde::Serialize;

use crate::{Code, CodeEntry, Engine, Graph, RunOptions, Silent, Summary};

/// Code digests for [`Work`].
pub(crate) const CODE: [CodeEntry; 2] = [
    CodeEntry { name: "base", own: "b1", locked: "B1", closure: &["base"] },
    CodeEntry { name: "work", own: "w1", locked: "W1", closure: &["base", "work"] },
];

/// Writes its text and the contents of its inputs to `out`, and one file an input to `tree`.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Work {
    pub(crate) text: String,
}

impl Work {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

impl Stage for Work {
    const KIND: &'static str = "work";
    const CRATE: &'static str = "work";

    fn outputs(&self) -> Vec<&'static str> {
        vec!["out", "tree"]
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let mut text = self.text.clone();
        let inputs: BTreeMap<String, Opened> = cx.inputs.clone();
        fs_err::create_dir_all(cx.output("tree")?)?;
        for (name, input) in inputs {
            let content = match input {
                Opened::File(file) => fs_err::read_to_string(file.path)?,
                Opened::Tree(tree) => tree.0.keys().cloned().collect::<Vec<_>>().join(","),
            };
            fs_err::write(cx.output_in("tree", &name)?, &content)?;
            text = format!("{text}[{name}={content}]");
        }
        cx.write("out", text)
    }
}

pub(crate) fn engine(cache: &Path) -> Engine {
    Engine::new(cache, Code::new(&CODE), "flex")
}

pub(crate) fn run(engine: &Engine, graph: &Graph) -> Summary {
    engine.run(graph, &graph.all(), &RunOptions::default(), &Silent, &hit_stage::Cancel::default()).unwrap()
}
