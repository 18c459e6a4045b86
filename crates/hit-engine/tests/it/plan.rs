//! Plans: states and reasons, before anything runs.

use hit_engine::{Code, CodeEntry, Engine, Graph, State};

use crate::common::*;

/// `stage: state (reason)`, one line each.
fn lines(engine: &Engine, graph: &Graph) -> String {
    let plan = engine.plan(graph, &graph.all()).unwrap();
    let line = |row: &hit_engine::PlanRow| {
        let reason = row.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        format!("{}: {:?}{reason}", row.stage, row.state)
    };
    plan.rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    insta::assert_snapshot!(lines(&engine(&cache), &graph(diamond(&Log::default(), 0))), @r"
    toy/a: Run (missing: no finished run is on record)
    toy/b: Run (missing: no finished run is on record)
    toy/c: Run (missing: no finished run is on record)
    toy/d: Run (missing: no finished run is on record)
    ");
    assert!(!cache.exists());
}

#[test]
fn reasons_are_those_of_the_edit() {
    let dir = tempfile::tempdir().unwrap();
    let base = graph(diamond(&Log::default(), 30));
    run_all(&engine(dir.path()), &base);
    insta::assert_snapshot!(lines(&engine(dir.path()), &base), @r"
    toy/a: Cached
    toy/b: Cached
    toy/c: Cached
    toy/d: Cached
    ");
    insta::assert_snapshot!(lines(&engine(dir.path()), &graph(diamond(&Log::default(), 60))), @r"
    toy/a: Run (params.salt 30 -> 60)
    toy/b: Run (after toy/a)
    toy/c: Run (after toy/b)
    toy/d: Run (after toy/a)
    ");
    let mut code = CODE;
    code[1].own = "b2";
    insta::assert_snapshot!(lines(&Engine::new(dir.path(), Code::new(&code), "flex"), &base), @r"
    toy/a: Run (code of base)
    toy/b: Run (code of base)
    toy/c: Run (code of base)
    toy/d: Run (code of base)
    ");
    let mut code = CODE;
    code[0].locked = "A2";
    assert!(lines(&Engine::new(dir.path(), Code::new(&code), "flex"), &base).contains("locked dependencies of alpha"));
    fs_err::remove_file(object(dir.path(), &value("a", 30, 1_000_000, &std::collections::BTreeMap::new()))).unwrap();
    assert!(lines(&engine(dir.path()), &base).starts_with("toy/a: Run (output `out` is no longer in the store)\n"));
}

#[test]
fn a_result_used_again_is_what_the_next_reason_compares_with() {
    let dir = tempfile::tempdir().unwrap();
    let node = |salt| graph(vec![Toy::new("a").salt(salt).node()]);
    for salt in [30, 60, 30] {
        run_all(&engine(dir.path()), &node(salt));
    }
    assert_eq!(lines(&engine(dir.path()), &node(45)), "toy/a: Run (params.salt 30 -> 45)");
}

#[test]
fn only_backend_stages_depend_on_the_backend() {
    let dir = tempfile::tempdir().unwrap();
    let graph = graph(vec![Toy::new("exact").node(), Toy::new("tensor").device().node()]);
    run_all(&engine(dir.path()), &graph);
    let cuda = Engine::new(dir.path(), Code::new(&CODE), "cuda");
    insta::assert_snapshot!(lines(&cuda, &graph), @r"
    toy/exact: Cached
    toy/tensor: Run (backend flex -> cuda)
    ");
}

#[test]
fn changed_inputs_name_their_stage() {
    let dir = tempfile::tempdir().unwrap();
    let (file, cache) = (dir.path().join("x"), dir.path().join("cache"));
    fs_err::write(&file, "1").unwrap();
    let nodes = |from: &str| {
        let reader = Toy::new("r").node().input("x", from, "out").external("file", &file, None);
        graph(vec![Toy::new("a").node(), Toy::new("b").node(), reader])
    };
    run_all(&engine(&cache), &nodes("toy/a"));
    assert!(lines(&engine(&cache), &nodes("toy/b")).ends_with("toy/r: Run (input `x` from toy/b)"));
    fs_err::write(&file, "2").unwrap();
    assert!(lines(&engine(&cache), &nodes("toy/a")).ends_with("toy/r: Run (input `file`)"));
    fs_err::remove_file(&file).unwrap();
    let plan = engine(&cache).plan(&nodes("toy/a"), &nodes("toy/a").all()).unwrap();
    assert_eq!(plan.rows[2].state, State::Blocked);
    assert_eq!((plan.counts().cached, plan.counts().run, plan.counts().blocked), (2, 0, 1));
}

#[test]
fn what_waits_for_the_blocked_is_blocked() {
    let dir = tempfile::tempdir().unwrap();
    let nodes = vec![
        Toy::new("a").node().external("x", dir.path().join("none"), None),
        Toy::new("b").node().input("x", "toy/a", "out"),
    ];
    let graph = graph(nodes);
    let counts = engine(dir.path()).plan(&graph, &graph.all()).unwrap().counts();
    assert_eq!(counts.blocked, 2);
    assert_eq!(engine(dir.path()).status(&graph).unwrap()["toy"], counts);
}

#[test]
fn json_is_a_contract() {
    let dir = tempfile::tempdir().unwrap();
    let graph = graph(vec![Toy::new("a").node(), Toy::new("b").salt(1).node().input("x", "toy/a", "out")]);
    run_all(&engine(dir.path()), &graph);
    let edited = crate::common::graph(vec![
        Toy::new("a").node(),
        Toy::new("b").salt(2).node().input("x", "toy/a", "out"),
        Toy::new("c").node().input("x", "toy/b", "out"),
    ]);
    let plan = engine(dir.path()).plan(&edited, &edited.all()).unwrap();
    let json = serde_json::to_string_pretty(&plan.rows).unwrap();
    insta::assert_snapshot!(json, @r#"
    [
      {
        "stage": "toy/a",
        "key": "d2f8fbcac0be49d142541c611518b95256a90fa9a3e143f9a054068d251d3f4d",
        "state": "cached",
        "reason": null
      },
      {
        "stage": "toy/b",
        "key": "b2b139129c435def86a096e89e1bba96cbe32de493bb6bd6dbca3cc4fde42b87",
        "state": "run",
        "reason": {
          "type": "params",
          "name": "params.salt",
          "from": "1",
          "to": "2"
        }
      },
      {
        "stage": "toy/c",
        "key": null,
        "state": "run",
        "reason": {
          "type": "missing"
        }
      }
    ]
    "#);
}

#[test]
fn a_crate_without_code_digest_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let table: [CodeEntry; 0] = [];
    let graph = graph(vec![Toy::new("a").node()]);
    let error = Engine::new(dir.path(), Code::new(&table), "flex").plan(&graph, &graph.all()).unwrap_err();
    assert!(error.to_string().starts_with("stage `toy/a` is defined by crate `alpha`"), "{error}");
}
