//! The engine against a model: random graphs under random edits and damage do what a clean run does, and execute
//! exactly what a model of the store predicts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hit_engine::{Code, Engine, Node, Silent, State};
use proptest::prelude::*;
use serde_json::json;

use crate::common::*;

/// What the user can change about one stage.
#[derive(Clone, Debug)]
struct Spec {
    salt: u64,
    modulo: u64,
    beta: bool,
    external: bool,
    parents: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Edit {
    Salt(usize, u64),
    Modulo(usize, u64),
    Code(bool, u64),
    External(u64),
    /// Same length, other bytes: only reading finds it.
    Flip(usize),
    Truncate(usize),
    Delete(usize),
    ForgetRecord(usize),
    BreakRecord(usize),
    Nothing,
}

#[derive(Clone)]
struct World {
    specs: Vec<Spec>,
    code: [u64; 2],
    external: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Health {
    Good,
    Flipped,
}

/// The model of the store: recipes that have a record, contents that have an object.
#[derive(Default)]
struct Model {
    records: BTreeMap<String, String>,
    objects: BTreeMap<String, Health>,
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl World {
    fn engine(&self, cache: &Path) -> Engine {
        let mut code = CODE;
        code[0].own = leak(format!("a{}", self.code[0]));
        code[2].own = leak(format!("c{}", self.code[1]));
        Engine::new(cache, Code::new(&code), "flex")
    }

    fn nodes(&self, external: &Path, log: &Log) -> Vec<Node> {
        let node = |(n, spec): (usize, &Spec)| {
            let toy = Toy::new(&format!("n{n:02}")).salt(spec.salt).modulo(spec.modulo).log(log);
            let mut node = toy.crate_name(if spec.beta { "beta" } else { "alpha" }).node();
            node = node.export("out", format!("n{n:02}"));
            for parent in &spec.parents {
                node = node.input(format!("x{parent:02}"), format!("toy/n{parent:02}"), "out");
            }
            if spec.external { node.external("ext", external, None) } else { node }
        };
        self.specs.iter().enumerate().map(node).collect()
    }

    /// Recipe and content of every stage, computed without the engine.
    fn truth(&self) -> Vec<(String, String)> {
        let mut done: Vec<(String, String)> = Vec::new();
        for (n, spec) in self.specs.iter().enumerate() {
            let mut inputs: BTreeMap<String, String> =
                spec.parents.iter().map(|&parent| (format!("x{parent:02}"), done[parent].1.clone())).collect();
            if spec.external {
                inputs.insert("ext".into(), self.external.to_string());
            }
            let content = value(&format!("n{n:02}"), spec.salt, spec.modulo, &inputs);
            let code = (spec.beta, self.code[usize::from(spec.beta)]);
            done.push((format!("{n} {} {} {code:?} {inputs:?}", spec.salt, spec.modulo), content));
        }
        done
    }
}

impl Model {
    /// Executes `n`; what it reads is repaired first.
    fn execute(&mut self, world: &World, truth: &[(String, String)], n: usize, executed: &mut BTreeSet<usize>) {
        for &parent in &world.specs[n].parents {
            if self.objects.get(&truth[parent].1) != Some(&Health::Good) {
                self.execute(world, truth, parent, executed);
            }
        }
        let (recipe, content) = &truth[n];
        self.records.insert(recipe.clone(), content.clone());
        self.objects.insert(content.clone(), Health::Good);
        executed.insert(n);
    }

    /// The stages that a run executes.
    fn run(&mut self, world: &World) -> BTreeSet<usize> {
        let (truth, mut executed) = (world.truth(), BTreeSet::new());
        for n in 0..world.specs.len() {
            let (recipe, content) = &truth[n];
            if !self.records.contains_key(recipe) || !self.objects.contains_key(content) {
                self.execute(world, &truth, n, &mut executed);
            }
        }
        executed
    }
}

fn record_path(cache: &Path, world: &World, external: &Path, n: usize) -> Option<PathBuf> {
    let graph = graph(world.nodes(external, &Log::default()));
    let plan = world.engine(cache).plan(&graph, &graph.all()).unwrap();
    let row = plan.rows.iter().find(|row| row.stage == format!("toy/n{n:02}"))?;
    let path = cache.join("records-v1/toy").join(format!("{}.json", row.key?));
    path.exists().then_some(path)
}

/// Damages the object of stage `n`'s output if it is there, and notes its health; `None`: it counts as lost.
fn on_object(model: &mut Model, cache: &Path, content: String, act: impl Fn(&Path), health: Option<Health>) {
    let path = object(cache, &content);
    if path.exists() {
        act(&path);
        model.objects.remove(&content);
        model.objects.extend(health.map(|health| (content, health)));
    }
}

/// Applies an edit to the world, or to the store and its model alike.
fn apply(edit: &Edit, world: &mut World, model: &mut Model, cache: &Path, external: &Path) {
    let len = world.specs.len();
    let at = |n: &usize| n % len;
    let truth = world.truth();
    let content = |n: &usize| truth[at(n)].1.clone();
    match edit {
        Edit::Salt(n, salt) => world.specs[at(n)].salt = *salt,
        Edit::Modulo(n, modulo) => world.specs[at(n)].modulo = *modulo,
        Edit::Code(beta, version) => world.code[usize::from(*beta)] = *version,
        Edit::External(content) => {
            world.external = *content;
            fs_err::write(external, content.to_string()).unwrap();
        }
        Edit::Flip(n) => {
            // Flipping twice would heal it, and what was truncated counts as lost whatever its bytes.
            let content = content(n);
            if model.objects.get(&content) == Some(&Health::Good) {
                on_object(model, cache, content, flip, Some(Health::Flipped));
            }
        }
        Edit::Truncate(n) => on_object(model, cache, content(n), |path| overwrite(path, b"n"), None),
        Edit::Delete(n) => on_object(model, cache, content(n), |path| fs_err::remove_file(path).unwrap(), None),
        Edit::ForgetRecord(n) | Edit::BreakRecord(n) => {
            if let Some(path) = record_path(cache, world, external, at(n)) {
                model.records.remove(&world.truth()[at(n)].0);
                match edit {
                    Edit::BreakRecord(_) => overwrite(&path, b"{\"sum\":"),
                    _ => fs_err::remove_file(&path).unwrap(),
                }
            }
        }
        Edit::Nothing => (),
    }
}

fn world() -> impl Strategy<Value = World> {
    let modulo = || prop_oneof![Just(1u64), Just(2), Just(1000)];
    let spec =
        (0..3u64, modulo(), any::<bool>(), prop::bool::weighted(0.2), prop::collection::vec(any::<usize>(), 0..3));
    prop::collection::vec(spec, 1..9).prop_map(|list| {
        let specs = list.into_iter().enumerate().map(|(n, (salt, modulo, beta, external, from))| {
            let parents: BTreeSet<usize> = from.into_iter().filter(|_| n > 0).map(|parent| parent % n.max(1)).collect();
            Spec { salt, modulo, beta, external, parents: parents.into_iter().collect() }
        });
        World { specs: specs.collect(), code: [0, 0], external: 0 }
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let n = any::<usize>;
    prop_oneof![
        3 => (n(), 0..3u64).prop_map(|(n, salt)| Edit::Salt(n, salt)),
        1 => (n(), prop_oneof![Just(1u64), Just(2), Just(1000)]).prop_map(|(n, modulo)| Edit::Modulo(n, modulo)),
        1 => (any::<bool>(), 0..3u64).prop_map(|(beta, version)| Edit::Code(beta, version)),
        1 => (0..3u64).prop_map(Edit::External),
        2 => n().prop_map(Edit::Flip),
        1 => n().prop_map(Edit::Truncate),
        1 => n().prop_map(Edit::Delete),
        1 => n().prop_map(Edit::ForgetRecord),
        1 => n().prop_map(Edit::BreakRecord),
        1 => Just(Edit::Nothing),
    ]
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.specs.fmt(f)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_and_damage_give_what_a_clean_run_gives(
        start in world(),
        rounds in prop::collection::vec((prop::collection::vec(edit(), 1..4), 1usize..4), 1..6),
    ) {
        let dir = memory_folder();
        let (cache, external) = (dir.path().join("cache"), dir.path().join("external"));
        let (mut world, mut model, log) = (start, Model::default(), Log::default());
        fs_err::write(&external, "0").unwrap();
        let first = (vec![Edit::Nothing], 2);
        for (round, (edits, n_jobs)) in std::iter::once(first).chain(rounds).enumerate() {
            for edit in &edits {
                apply(edit, &mut world, &mut model, &cache, &external);
            }
            let graph = graph(world.nodes(&external, &log));
            let flipped = model.objects.values().any(|health| *health == Health::Flipped);
            let plan = world.engine(&cache).plan(&graph, &graph.all()).unwrap();
            let summary = run_with(&world.engine(&cache), &graph, &jobs(n_jobs), &Silent);
            prop_assert!(summary.complete(), "{:?}", summary);

            let expected: Vec<String> = model.run(&world).into_iter().map(|n| format!("toy/n{n:02}")).collect();
            prop_assert_eq!(&log.take(), &expected, "each once, and no other, in round {}", round);
            let mut executed = summary.executed.clone();
            executed.sort();
            prop_assert_eq!(&executed, &expected);
            for row in plan.rows {
                let ran = expected.contains(&row.stage);
                match (row.state, &row.reason) {
                    (State::Cached, _) => prop_assert!(!ran || flipped, "{} was said to be cached", row.stage),
                    // Its inputs are not known yet, and may turn out to be those of an earlier run.
                    _ if row.key.is_none() => (),
                    (_, reason) => prop_assert!(ran, "{} was said to run: {:?}", row.stage, reason),
                }
            }

            // What nobody has read may still be damaged: export would say so, so heal it as a user is told to.
            heal(&world, &mut model, &cache, &graph);
            log.take();
            world.engine(&cache).export(&graph, &dir.path().join("results"), &json!({})).unwrap();
            let files = snapshot(&dir.path().join("results"));
            for (n, (_, content)) in world.truth().into_iter().enumerate() {
                prop_assert_eq!(&files[&format!("n{n:02}")], content.as_bytes());
            }
        }
        let (clean, graph) = (dir.path().join("clean"), graph(world.nodes(&external, &log)));
        run_with(&world.engine(&clean), &graph, &jobs(1), &Silent);
        world.engine(&clean).export(&graph, &dir.path().join("expected"), &json!({})).unwrap();
        prop_assert_eq!(snapshot(&dir.path().join("results")), snapshot(&dir.path().join("expected")));
    }
}

/// Removes flipped objects and runs again.
fn heal(world: &World, model: &mut Model, cache: &Path, graph: &hit_engine::Graph) {
    let flipped: Vec<String> = model
        .objects
        .iter()
        .filter(|(_, health)| **health == Health::Flipped)
        .map(|(content, _)| content.clone())
        .collect();
    for content in flipped {
        fs_err::remove_file(object(cache, &content)).unwrap();
        model.objects.remove(&content);
    }
    model.run(world);
    assert!(run_with(&world.engine(cache), graph, &jobs(2), &Silent).complete());
}
