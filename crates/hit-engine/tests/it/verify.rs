//! Verifying results: each kind of tampering and staleness is found, and nothing else is reported.

use std::path::{Path, PathBuf};

use hit_engine::{Check, Code, Engine, Graph, Level, Lock, Node, Verdict};
use serde_json::json;

use crate::common::*;

struct Bench {
    dir: tempfile::TempDir,
    results: PathBuf,
    template: PathBuf,
}

/// train (backend) -> measure -> [pure] table -> [pure] report, which reads a template and its lineage.
fn nodes(template: &Path, epochs: u64, style: u64) -> Vec<Node> {
    let toy = |kind, label: &str| Toy::new(label).kind(kind);
    vec![
        toy("train", "d4").salt(epochs).device().node(),
        toy("measure", "all").node().input("x", "train/d4", "out").export("out", "m.csv").export("tree", "measured"),
        toy("table", "one")
            .salt(style)
            .crate_name("beta")
            .node()
            .input("m", "measure/all", "out")
            .input("t", "measure/all", "tree")
            .export("out", "tables/one.tex")
            .pure(),
        toy("report", "tex")
            .node()
            .input("one", "table/one", "out")
            .external("template", template, None)
            .lineage("lineage")
            .export("out", "report.tex")
            .pure(),
    ]
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (results, template) = (dir.path().join("results"), dir.path().join("main.tera"));
        fs_err::write(&template, "template").unwrap();
        let bench = Self { dir, results, template };
        let graph = bench.graph(30, 0);
        let engine = engine(&bench.dir.path().join("cache"));
        run_all(&engine, &graph);
        engine.export(&graph, &bench.results, &json!({"date": "today"})).unwrap();
        bench
    }

    fn graph(&self, epochs: u64, style: u64) -> Graph {
        graph(nodes(&self.template, epochs, style))
    }

    /// Verifies with no cache; what is not fine, as `level artifact outcome: detail`.
    fn verify_as(&self, graph: &Graph, code: &[hit_engine::CodeEntry], backend: &str) -> Vec<String> {
        let none = self.dir.path().join("no-cache");
        let checks = Engine::new(&none, Code::new(code), backend).verify(graph, &self.results).unwrap();
        assert!(!none.exists(), "verifying leaves no cache behind");
        let bad = checks.iter().filter(|check| check.outcome != Verdict::Ok);
        let line = |check: &Check| {
            let detail = check.detail.clone().unwrap_or_default();
            format!("{:?} {} {:?}: {detail}", check.level, check.artifact, check.outcome)
        };
        bad.map(line).collect()
    }

    fn verify(&self) -> Vec<String> {
        self.verify_as(&self.graph(30, 0), &CODE, "flex")
    }

    fn edit_lock(&self, edit: impl Fn(String) -> String) {
        let path = self.results.join("pipeline.lock");
        fs_err::write(&path, edit(fs_err::read_to_string(&path).unwrap())).unwrap();
    }

    /// Edits the lock and makes its header fit, as a careful forger would.
    fn forge(&self, edit: impl Fn(&mut Lock)) {
        let path = self.results.join("pipeline.lock");
        let mut lock = Lock::read(&path).unwrap().unwrap();
        edit(&mut lock);
        lock.campaign = lock.campaign_digest();
        fs_err::write(&path, lock.render()).unwrap();
    }
}

#[test]
fn sound_results_pass_at_every_level() {
    let bench = Bench::new();
    let checks = engine(&bench.dir.path().join("none")).verify(&bench.graph(30, 0), &bench.results).unwrap();
    let list: Vec<_> = checks.iter().map(|check| (check.level, check.artifact.as_str())).collect();
    assert!(checks.iter().all(|check| check.outcome == Verdict::Ok), "{checks:?}");
    assert_eq!(
        list,
        [
            (Level::L0, "measure/all"),
            (Level::L0, "pipeline.lock"),
            (Level::L0, "report/tex"),
            (Level::L0, "table/one"),
            (Level::L0, "train/d4"),
            (Level::L1, "m.csv"),
            (Level::L1, "measured/x"),
            (Level::L1, "report.tex"),
            (Level::L1, "tables/one.tex"),
            (Level::L2, "report/tex:out"),
            (Level::L2, "report/tex:tree"),
            (Level::L2, "table/one:out"),
            (Level::L2, "table/one:tree"),
        ]
    );
    let json = serde_json::to_string(&checks[0]).unwrap();
    assert_eq!(json, r#"{"artifact":"measure/all","level":"L0","outcome":"ok"}"#);
    assert!(bench.verify_as(&bench.graph(30, 0), &CODE, "cuda").is_empty(), "made on another backend");
}

#[test]
fn edited_results_are_found() {
    let bench = Bench::new();
    flip(&bench.results.join("tables/one.tex"));
    let found = bench.verify();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("L1 tables/one.tex Mismatch: its digest is"), "{found:?}");

    let bench = Bench::new();
    flip(&bench.results.join("m.csv"));
    let found = bench.verify();
    assert!(found[0].starts_with("L1 m.csv Mismatch"));
    assert_eq!(found[1], "L2 report/tex Skipped: its input `one` is not what the lock states");
    assert_eq!(found[2], "L2 table/one Skipped: its input `m` is not what the lock states");
}

#[test]
fn missing_and_extra_files_are_found() {
    let bench = Bench::new();
    fs_err::remove_file(bench.results.join("report.tex")).unwrap();
    fs_err::remove_file(bench.results.join("measured/x")).unwrap();
    fs_err::write(bench.results.join("tables/two.tex"), "").unwrap();
    let found = bench.verify();
    assert_eq!(
        found[..3],
        [
            "L1 measured/x Missing: the lock names it",
            "L1 report.tex Missing: the lock names it",
            "L1 tables/two.tex Mismatch: the lock does not name it",
        ]
    );
    assert!(found[3].starts_with("L2 report/tex Skipped: it was not run again because of measure/all"), "{found:?}");
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn edited_locks_are_found() {
    let bench = Bench::new();
    bench.edit_lock(|text| text.replace("\"salt\":30", "\"salt\":60"));
    let found = bench.verify();
    assert_eq!(found[0], "L0 pipeline.lock Mismatch: its entries do not give its campaign digest: it was edited");
    assert!(found[1].starts_with("L0 train/d4 Mismatch: its key does not follow"), "{found:?}");

    let bench = Bench::new();
    bench.edit_lock(|text| text.replace("  \"stages\"", "   \"stages\""));
    assert!(bench.verify()[0].contains("not written as the engine writes it"));

    let bench = Bench::new();
    bench.edit_lock(|text| text[..text.len() - 30].to_owned());
    assert!(bench.verify()[0].contains("cannot be understood"));

    fs_err::remove_file(bench.results.join("pipeline.lock")).unwrap();
    assert_eq!(bench.verify(), ["L0 pipeline.lock Missing: there is no lock: nothing was exported here"]);
}

#[test]
fn careful_forgeries_are_found() {
    // A better number, its digest entered everywhere the forger thinks of.
    let bench = Bench::new();
    fs_err::write(bench.results.join("tables/one.tex"), "99.9").unwrap();
    let forged = hit_stage::FileRef { digest: hit_stage::Digest::of(b"99.9"), size: 4 };
    bench.forge(|lock| {
        let stage = lock.stages.get_mut("table/one").unwrap();
        stage.exports.insert("tables/one.tex".into(), forged);
        let output = stage.outputs.get_mut("out").unwrap();
        (output.digest, output.size) = (forged.digest, forged.size);
    });
    let found = bench.verify();
    assert!(found.iter().any(|line| line.starts_with("L2 table/one:out Mismatch: run again it gives")), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("L0 report/tex Stale: input `lineage`")), "{found:?}");

    // The file is forged, the stated output is not.
    let bench = Bench::new();
    fs_err::write(bench.results.join("m.csv"), "99.9").unwrap();
    bench.forge(|lock| _ = lock.stages.get_mut("measure/all").unwrap().exports.insert("m.csv".into(), forged));
    assert_eq!(bench.verify()[0], "L0 measure/all Mismatch: what it exports to `m.csv` is not its output `out`");

    // A tree has lost a file, in the folder and in the list.
    let bench = Bench::new();
    fs_err::remove_file(bench.results.join("measured/x")).unwrap();
    bench.forge(|lock| _ = lock.stages.get_mut("measure/all").unwrap().exports.remove("measured/x"));
    assert!(bench.verify()[0].contains("what it exports to `measured` is not its output `tree`"));

    // A path that leaves the folder is never read.
    let bench = Bench::new();
    let template = hit_stage::FileRef { digest: hit_stage::Digest::of(b"template"), size: 8 };
    bench.forge(|lock| _ = lock.stages.get_mut("train/d4").unwrap().exports.insert("../main.tera".into(), template));
    assert!(bench.verify().contains(&"L1 ../main.tera Missing: the lock names it".to_owned()));
}

#[test]
fn stale_results_have_typed_reasons() {
    let bench = Bench::new();
    assert_eq!(bench.verify_as(&bench.graph(60, 0), &CODE, "flex"), ["L0 train/d4 Stale: params.salt 30 -> 60"]);

    let mut code = CODE;
    code[2].own = "c2";
    let found = bench.verify_as(&bench.graph(30, 0), &code, "flex");
    assert_eq!(found, ["L0 table/one Stale: code of beta"]);
    code[2].locked = "C2";
    assert_eq!(bench.verify_as(&bench.graph(30, 0), &code, "flex"), ["L0 table/one Stale: code of beta"]);

    // A pure stage edited so that its bytes change: stale, and L2 shows the other bytes.
    let found = bench.verify_as(&bench.graph(30, 1), &CODE, "flex");
    assert_eq!(found[0], "L0 table/one Stale: params.salt 0 -> 1");
    assert!(found.iter().any(|line| line.starts_with("L2 table/one:out Mismatch")), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("L2 report/tex Skipped: its input `one`")), "{found:?}");
}

#[test]
fn stages_that_came_and_went_are_found() {
    let bench = Bench::new();
    let mut more = nodes(&bench.template, 30, 0);
    more.push(Toy::new("new").kind("table").node().pure());
    let found = bench.verify_as(&graph(more), &CODE, "flex");
    assert_eq!(
        found,
        ["L0 table/new Stale: not in the lock: the stage is new", "L2 table/new Skipped: it is not in the lock",]
    );
    let mut fewer = nodes(&bench.template, 30, 0);
    fewer.pop();
    let found = bench.verify_as(&graph(fewer), &CODE, "flex");
    assert_eq!(found, ["L0 report/tex Stale: in the lock, but no stage of the graph"]);
}

#[test]
fn inputs_that_are_not_there_skip_and_changed_ones_are_stale() {
    let bench = Bench::new();
    fs_err::write(&bench.template, "edited").unwrap();
    let found = bench.verify();
    assert_eq!(found[0], "L0 report/tex Stale: input `template`");
    assert!(found[1].starts_with("L2 report/tex Skipped") && found[1].ends_with("has changed"), "{found:?}");
    fs_err::remove_file(&bench.template).unwrap();
    let found = bench.verify();
    assert_eq!(found.len(), 1, "L0 believes the lock: {found:?}");
    assert!(found[0].starts_with("L2 report/tex Skipped") && found[0].ends_with("is not there"), "{found:?}");
}

#[test]
fn a_pure_stage_that_cannot_run_is_no_pass() {
    let bench = Bench::new();
    let mut nodes = nodes(&bench.template, 30, 0);
    let broken = Toy::new("one").kind("table").crate_name("beta").act(Act::Fail);
    nodes[2] = Node { stage: std::sync::Arc::new(broken), ..nodes[2].clone() };
    let found = bench.verify_as(&graph(nodes), &CODE, "flex");
    assert_eq!(found[0], "L2 report/tex Skipped: it was not run again because of table/one");
    assert_eq!(found[1], "L2 table/one Skipped: running it again failed: it was told to fail");
}
