//! What a view shows, as a tree of boxes and the edges between them: for formats that are laid out elsewhere.

use std::collections::{BTreeSet, HashMap};

use convnet::inspect::Summary;

use crate::layout::{Plan, View};
use crate::leaf;
use crate::text::{clean, shortened};
use crate::tree::{ItemId, Kind};

/// A box: with parts, or with its lines of text.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) lines: Vec<String>,
    /// The kind of its first layer, as it is coloured; of a folded scope `folded`.
    pub(crate) class: &'static str,
    /// What is in it, where it is open.
    pub(crate) parts: Option<Vec<Part>>,
}

/// An edge: from, to, what is written on it.
pub(crate) type Edge = (String, String, String);

/// The box that a node is drawn in.
#[derive(Clone, Debug)]
struct Place {
    id: String,
    /// Whether the node itself is drawn, and not one of an equal block before it.
    drawn: bool,
}

/// The boxes of a view, and its edges in the order of the graph.
pub(crate) fn shown(plan: &Plan<'_, '_>, view: &View, summary: &Summary) -> (Vec<Part>, Vec<Edge>) {
    let tree = plan.tree;
    let mut of: HashMap<usize, Place> = HashMap::new();
    let mut parts = inside(plan, view, summary, tree.root(), &mut of);
    let mut values: BTreeSet<(usize, String, String)> = BTreeSet::new();
    for node in 0..tree.graph.nodes().len() {
        for from in tree.inputs(node) {
            if let (Some(a), Some(b)) = (of.get(&from), of.get(&node))
                && b.drawn
                && a.id != b.id
            {
                values.insert((from, a.id.clone(), b.id.clone()));
            }
        }
    }
    let shape = |node: usize| tree.graph.nodes()[node].shape.to_string();
    let mut edges: Vec<Edge> = values.into_iter().map(|(node, a, b)| (a, b, shape(node))).collect();
    for (k, output) in tree.graph.outputs().iter().enumerate() {
        let id = format!("o{k}");
        let lines = vec![shortened(&clean(&output.name), leaf::MOST_CHARACTERS)];
        parts.push(Part { id: id.clone(), lines, class: "port", parts: None });
        if let Some(from) = of.get(&output.node.index()) {
            edges.push((from.id.clone(), id, shape(output.node.index())));
        }
    }
    (parts, edges)
}

fn inside(
    plan: &Plan<'_, '_>,
    view: &View,
    summary: &Summary,
    item: ItemId,
    of: &mut HashMap<usize, Place>,
) -> Vec<Part> {
    plan.tree.items[item].children.iter().map(|&child| part(plan, view, summary, child, of)).collect()
}

fn part(
    plan: &Plan<'_, '_>,
    view: &View,
    summary: &Summary,
    item: ItemId,
    of: &mut HashMap<usize, Place>,
) -> Part {
    let tree = plan.tree;
    let id = format!("n{item}");
    match &tree.items[item].kind {
        Kind::Run(blocks) => {
            let mut parts: Vec<Part> =
                blocks[0].iter().map(|&block| part(plan, view, summary, block, of)).collect();
            // What the last block gives is drawn from the first; nothing else is read outside.
            let nodes = |block: &[ItemId]| {
                let mut nodes: Vec<usize> =
                    block.iter().flat_map(|&b| tree.items[b].nodes.iter().copied()).collect();
                nodes.sort_unstable();
                nodes
            };
            let (first, last) = (nodes(&blocks[0]), nodes(&blocks[blocks.len() - 1]));
            for (inner, outer) in first.into_iter().zip(last) {
                if let Some(drawn) = of.get(&inner).cloned() {
                    of.insert(outer, Place { drawn: false, ..drawn });
                }
            }
            let times = format!("× {}", blocks.len());
            match parts.len() {
                1 => {
                    let mut part = parts.remove(0);
                    part.lines.push(times);
                    part
                }
                _ => Part { id, lines: vec![times], class: "run", parts: Some(parts) },
            }
        }
        Kind::Scope(_) if view.open[item] => {
            let (name, rest) = &plan.headings[item];
            let heading = shortened(format!("{name} {rest}").trim_end(), leaf::MOST_CHARACTERS);
            let parts = inside(plan, view, summary, item, of);
            Part { id, lines: vec![heading], class: "scope", parts: Some(parts) }
        }
        Kind::Scope(_) => {
            let place = Place { id: id.clone(), drawn: true };
            of.extend(tree.items[item].nodes.iter().map(|&node| (node, place.clone())));
            let (name, rest) = &plan.headings[item];
            let lines = vec![
                shortened(format!("{name} {rest}").trim_end(), leaf::MOST_CHARACTERS),
                shortened(&leaf::contents(tree, item), leaf::MOST_CHARACTERS),
            ];
            Part { id, lines, class: "folded", parts: None }
        }
        Kind::Stack => {
            let nodes = &tree.items[item].nodes;
            of.extend(nodes.iter().map(|&node| (node, Place { id: id.clone(), drawn: true })));
            let line = |&node: &usize| {
                let (name, settings) = leaf::layer(tree, summary, node);
                shortened(format!("{name} {settings}").trim_end(), leaf::MOST_CHARACTERS)
            };
            let class = leaf::class(&tree.graph.nodes()[nodes[0]].op);
            Part { id, lines: nodes.iter().map(line).collect(), class, parts: None }
        }
    }
}

/// The light colour of a kind of box.
pub(crate) fn colour(class: &str) -> &'static str {
    match class {
        "conv" => "#cfe3fb",
        "linear" => "#e2d8f8",
        "norm" => "#d5efe6",
        "act" => "#fdeec4",
        "pool" => "#fbd9cf",
        "join" => "#d9e0e8",
        "plain" => "#f1f3f5",
        "folded" => "#eaf0f6",
        _ => "#ffffff",
    }
}
