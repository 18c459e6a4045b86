//! The graph as DOT and as Mermaid.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::graph::Graph;
use crate::select::Selection;

/// Boxes by name, and edges between their positions.
struct Drawing {
    boxes: Vec<String>,
    edges: BTreeSet<(usize, usize)>,
}

impl Graph {
    /// Graphviz text of the selected stages, or with `by_kind` of their kinds with counts.
    pub fn dot(&self, selection: &Selection, by_kind: bool) -> String {
        let drawing = self.drawing(selection, by_kind);
        let mut out = String::from("digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n");
        for (idx, name) in drawing.boxes.iter().enumerate() {
            writeln!(out, "  n{idx} [label=\"{name}\"];").expect("writing to a string");
        }
        for (from, to) in drawing.edges {
            writeln!(out, "  n{from} -> n{to};").expect("writing to a string");
        }
        out + "}\n"
    }

    /// Mermaid text of the selected stages, or with `by_kind` of their kinds with counts.
    pub fn mermaid(&self, selection: &Selection, by_kind: bool) -> String {
        let drawing = self.drawing(selection, by_kind);
        let mut out = String::from("flowchart LR\n");
        for (idx, name) in drawing.boxes.iter().enumerate() {
            writeln!(out, "  n{idx}[\"{name}\"]").expect("writing to a string");
        }
        for (from, to) in drawing.edges {
            writeln!(out, "  n{from} --> n{to}").expect("writing to a string");
        }
        out
    }

    fn drawing(&self, selection: &Selection, by_kind: bool) -> Drawing {
        let chosen: Vec<usize> = selection.ids.iter().filter_map(|id| self.index(id)).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for &idx in &chosen {
            *counts.entry(self.nodes()[idx].stage.kind()).or_default() += 1;
        }
        let kinds: Vec<&str> = counts.keys().copied().collect();
        let chosen_order: BTreeMap<usize, usize> = chosen.iter().enumerate().map(|(at, &idx)| (idx, at)).collect();
        let place = |idx: usize| {
            let kind = self.nodes()[idx].stage.kind();
            if by_kind { kinds.binary_search(&kind).ok() } else { chosen_order.get(&idx).copied() }
        };
        let boxes = if by_kind {
            counts
                .iter()
                .map(|(kind, count)| if *count > 1 { format!("{kind} ({count})") } else { (*kind).to_owned() })
                .collect()
        } else {
            chosen.iter().map(|&idx| self.nodes()[idx].id.clone()).collect()
        };
        let edges = chosen
            .iter()
            .flat_map(|&idx| self.parents_at(idx).iter().map(move |&parent| (parent, idx)))
            .filter_map(|(parent, idx)| Some((place(parent)?, place(idx)?)))
            .filter(|(from, to)| from != to)
            .collect();
        Drawing { boxes, edges }
    }
}
