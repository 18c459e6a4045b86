//! Graphs that are refused, and why.

use super::*;
use crate::testing::Work;

fn node(id: &str) -> Node {
    Node::new(id, Work::default())
}

fn error(nodes: Vec<Node>) -> String {
    Graph::new(nodes).unwrap_err().to_string()
}

#[test]
fn order_is_by_dependency_then_id() {
    let nodes = vec![
        node("z/first"),
        node("a/last").input("x", "m/mid", "out").input("y", "z/first", "out"),
        node("m/mid").input("x", "z/first", "out").input("again", "z/first", "tree"),
        node("b/free"),
    ];
    let graph = Graph::new(nodes).unwrap();
    let ids: Vec<&str> = graph.nodes().iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids, ["b/free", "z/first", "m/mid", "a/last"]);
    assert_eq!(graph.parents("m/mid"), ["z/first"]);
    assert_eq!(graph.parents("a/last"), ["z/first", "m/mid"]);
    assert!(graph.parents("none").is_empty());
    assert_eq!(graph.descendants(1).len(), 3);
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(error(vec![node("a"), node("a")]), "two stages are called `a`: ids must be unique");
    for bad in ["", "../a", "a b", "a//b"] {
        assert!(error(vec![node(bad)]).contains("cannot name an id"), "{bad}");
    }
    assert!(error(vec![node("a").input("../x", "a", "out")]).contains("cannot name an input"));
    let unknown = error(vec![node("train/x"), node("b").input("x", "trian/x", "out")]);
    assert_eq!(unknown, "input `x` of `b` comes from `trian/x`, which does not exist; did you mean train/x?");
    let output = error(vec![node("a"), node("b").input("x", "a", "none")]);
    assert_eq!(output, "`a` has no output `none`, which input `x` of `b` needs; it has: out, tree");
    assert!(error(vec![node("a").export("none", "p")]).contains("which its export to `p` needs"));
}

#[test]
fn cycles_are_shown() {
    let nodes = vec![
        node("a").input("x", "c", "out"),
        node("b").input("x", "a", "out"),
        node("c").input("x", "b", "out"),
        node("d").input("x", "c", "out"),
    ];
    assert_eq!(error(nodes), "these stages wait for each other: a -> c -> b -> a");
    assert_eq!(error(vec![node("a").input("x", "a", "out")]), "these stages wait for each other: a -> a");
}

#[test]
fn exports_stay_apart_and_inside() {
    let two = |first: &str, second: &str| error(vec![node("a").export("out", first), node("b").export("out", second)]);
    assert_eq!(two("t.csv", "t.csv"), "`t.csv` (exported by `b`) collides with `t.csv` (exported by `a`)");
    assert_eq!(two("t", "t/u/x.csv"), "`t/u/x.csv` (exported by `b`) collides with `t` (exported by `a`)");
    for bad in ["../x", "/x", "pipeline.lock", "provenance.json", ""] {
        assert!(error(vec![node("a").export("out", bad)]).contains("cannot name an export"), "{bad}");
    }
    assert!(Graph::new(vec![node("a").export("out", "t/a"), node("b").export("out", "ta")]).is_ok());
}

#[test]
fn a_pure_stage_reads_pure_or_exported_things() {
    let reader = || node("b").input("x", "a", "out").pure();
    let refused = error(vec![node("a").export("tree", "t"), reader()]);
    assert_eq!(refused, "pure stage `b` reads output `out` of `a`, which is neither pure nor exports it");
    assert!(Graph::new(vec![node("a").export("out", "t"), reader()]).is_ok());
    assert!(Graph::new(vec![node("a").pure(), reader()]).is_ok());
}

#[test]
fn selecting_takes_what_is_needed() {
    let nodes = vec![
        node("dataset/train"),
        node("train/d4@c#1").input("x", "dataset/train", "out").group("multiseed"),
        node("train/d4@c#2").input("x", "dataset/train", "out").group("multiseed"),
        node("table/x").input("x", "train/d4@c#1", "out"),
    ];
    let graph = Graph::new(nodes).unwrap();
    let ids = |patterns: &[&str]| graph.select(patterns).unwrap().ids.into_iter().collect::<Vec<_>>();
    assert_eq!(ids(&["table/x"]), ["dataset/train", "table/x", "train/d4@c#1"]);
    assert_eq!(ids(&["multiseed"]), ["dataset/train", "train/d4@c#1", "train/d4@c#2"]);
    assert_eq!(ids(&["*#2", "dataset/train"]), ["dataset/train", "train/d4@c#2"]);
    assert_eq!(ids(&["work"]).len(), 4, "a kind");
    assert_eq!(ids(&[]).len(), 0);
    assert_eq!(graph.select(&["*#2"]).unwrap().targets.into_iter().collect::<Vec<_>>(), ["train/d4@c#2"]);
    let unknown = graph.select(&["multised"]).unwrap_err().to_string();
    assert_eq!(unknown, "`multised` is no stage, kind or group; did you mean multiseed?");
    assert_eq!(graph.all().ids.len(), 4);
}

#[test]
fn drawings() {
    let nodes = vec![node("a"), node("b").input("x", "a", "out"), node("c").input("x", "a", "out")];
    let graph = Graph::new(nodes).unwrap();
    let part = graph.select(&["b"]).unwrap();
    insta::assert_snapshot!(graph.dot(&part, false), @r#"
    digraph pipeline {
      rankdir=LR;
      node [shape=box];
      n0 [label="a"];
      n1 [label="b"];
      n0 -> n1;
    }
    "#);
    insta::assert_snapshot!(graph.mermaid(&graph.all(), false), @r#"
    flowchart LR
      n0["a"]
      n1["b"]
      n2["c"]
      n0 --> n1
      n0 --> n2
    "#);
    insta::assert_snapshot!(graph.mermaid(&graph.all(), true), @r#"
    flowchart LR
      n0["work (3)"]
    "#);
}
