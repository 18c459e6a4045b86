//! Measurements to tables, figures, numbers, LaTeX and PDF: all of it pure.

use hit_engine::Node;
use hit_report::figures::FIGURES;
use hit_report::tables::TABLES;
use hit_report::{Figure, Input, Numbers, Pdf, Table, Tex};
use hit_schema::RunId;

use super::claims::{AUDIT, CLAIMS};
use super::corpus::{EXAMINE, dataset};
use super::{BuildError, Wiring};

/// Folder of the templates and facts that the report is made from.
const PAPER: &str = "paper";

impl Wiring<'_> {
    /// Every table and figure, the numbers in the prose, and the paper.
    pub(super) fn report(&mut self) -> Result<(), BuildError> {
        let facts = self.facts()?;
        self.claims(&facts);
        let mut tex = report(Node::new("tex", Tex { facts: facts.clone() }));
        for template in self.templates()? {
            tex = tex.external(format!("templates/{template}"), self.paper(&format!("templates/{template}")), None);
        }
        for def in TABLES {
            let stage = Table { id: def.id.to_owned(), facts: facts.clone() };
            let id = format!("table/{}", def.id);
            let node = self.fed(report(Node::new(&id, stage)), def.inputs);
            let path = format!("tables/{}", def.id);
            self.add(node.export("tex", format!("{path}.tex")).export("csv", format!("{path}.csv")));
            tex = tex.input(format!("tables/{}", def.id), id, "tex");
        }
        for def in FIGURES {
            let stage = Figure { id: def.id.to_owned(), facts: facts.clone() };
            let id = format!("figure/{}", def.id);
            let node = self.fed(report(Node::new(&id, stage)), def.inputs);
            let path = format!("figures/{}", def.id);
            self.add(node.export("svg", format!("{path}.svg")).export("pdf", format!("{path}.pdf")));
            tex = tex.input(format!("figures/{}", def.id), id, "pdf");
        }
        let numbers = self.fed(report(Node::new("numbers", Numbers { facts })), &Numbers::INPUTS);
        self.add(numbers.export("tex", "numbers.tex").export("json", "numbers.json"));
        tex = tex.input("numbers", "numbers", "tex").input("numbers_json", "numbers", "json");
        self.add(tex.external("published", self.paper("published.toml"), None).export("paper", "tex"));
        if let Some(engine) = &self.options.latex {
            let pdf = Node::new("pdf", Pdf::new(engine)).input("tree", "tex", "paper").export("pdf", "paper.pdf");
            self.add(report(pdf));
        }
        Ok(())
    }

    /// Adds the inputs that a table, a figure or the numbers ask for.
    fn fed(&self, mut node: Node, inputs: &[Input]) -> Node {
        for input in inputs {
            node = match input {
                Input::Measurements => node.input("measurements", "measurements", "measurements"),
                Input::Published => node.external("published", self.paper("published.toml"), None),
                Input::Observations => node.input("observations", EXAMINE, "observations"),
                Input::Compare => node.external("compare", self.paper("compare.toml"), None),
                Input::Indices => hit_corpus::SPLITS
                    .iter()
                    .fold(node, |node, split| node.input(format!("index/{split}"), dataset(split), "index")),
                Input::Histories => self.replicated().into_iter().fold(node, |node, run| {
                    node.input(format!("{run}/history"), format!("train/replication/{run}"), "history")
                }),
                Input::Projections => self.plane_of(node, "projection"),
                Input::Cosines => self.plane_of(node, "cosines"),
                Input::Claims => node.input("claims", CLAIMS, "json"),
                Input::Audit => node.input("audit", AUDIT, "json"),
                // With the measurements as an input the lineage is that of the whole campaign, whoever asks for it.
                Input::Lineage => node.input("measurements", "measurements", "measurements").lineage("lineage"),
            };
        }
        node
    }

    /// One output of test 10 for every tested model; the stages are called as their outputs.
    fn plane_of(&self, node: Node, output: &str) -> Node {
        self.tested()
            .into_iter()
            .fold(node, |node, run| node.input(format!("{run}/{output}"), format!("{output}/t10/{run}"), output))
    }

    fn replicated(&self) -> Vec<RunId> {
        let plan = &self.profile.campaign.replication;
        let of_arm = |arm: &String| {
            let run = |&seed: &u64| RunId { arm: arm.clone(), schedule: plan.schedule.clone(), seed };
            plan.seeds.iter().map(run).collect::<Vec<_>>()
        };
        plan.arms.iter().flat_map(of_arm).collect()
    }

    pub(super) fn paper(&self, name: &str) -> std::path::PathBuf {
        self.root.join(PAPER).join(name)
    }

    /// File names of the templates, sorted.
    fn templates(&self) -> Result<Vec<String>, BuildError> {
        let folder = self.paper("templates");
        let mut names = Vec::new();
        let entries = fs_err::read_dir(folder).map_err(BuildError::Templates)?;
        for entry in entries {
            let path = entry.map_err(BuildError::Templates)?.path();
            if let (Some(name), Some("tera")) = (path.file_name(), path.extension().and_then(|kind| kind.to_str())) {
                names.push(name.to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

fn report(node: Node) -> Node {
    node.group("report").pure()
}
