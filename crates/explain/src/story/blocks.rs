//! What happens block by block.

use std::collections::BTreeSet;

use convnet::graph::{Graph, NodeId, Shape};
use convnet::inspect::{Summary, bytes, grouped, scaled};
use convnet::ops::{Arithmetic, Op};

/// A part of a network: a layer, or a block of them.
#[derive(Clone, Debug)]
pub struct Block {
    /// `layer1`, `conv1`.
    pub path: String,
    /// What it gives for one image.
    pub output: Shape,
    /// Its layers, and what becomes of the shape.
    pub what: String,
    /// Why; empty where there is nothing to say.
    pub why: String,
    /// Parameters.
    pub params: u64,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Bytes of what its layers give for one image.
    pub bytes: u64,
}

impl Block {
    /// What happens, and why.
    pub fn told(&self) -> String {
        match &self.why[..] {
            "" => self.what.clone(),
            why => format!("{}; {why}", self.what),
        }
    }
}

/// So many blocks are enough to tell of a network; with fewer their own blocks are told.
const ENOUGH: usize = 6;
/// The deepest level of blocks that is looked at.
const DEEPEST: usize = 4;

/// Layers that are told in a line without being a block, at most.
const ALONG: usize = 4;

/// The blocks of a network, in their order.
pub(super) fn blocks(graph: &Graph, summary: &Summary) -> Vec<Block> {
    let mut groups = Vec::new();
    for depth in 1..=DEEPEST {
        groups = grouped_at(graph, summary, depth);
        if groups.len() >= ENOUGH {
            break;
        }
    }
    let mut said = BTreeSet::new();
    let mut told = Vec::new();
    for (path, nodes) in &groups {
        let mut block = block(graph, summary, path, nodes);
        // What was said of a block need not be said of the next.
        let why = why(graph, nodes, (block_input(graph, nodes), block.output));
        let new: Vec<&str> = why.into_iter().filter(|sentence| said.insert(*sentence)).collect();
        block.why = new.join("; ");
        told.push(block);
    }
    told
}

/// What a block reads first.
fn block_input(graph: &Graph, nodes: &[NodeId]) -> Shape {
    graph.input_shapes(nodes[0]).first().copied().unwrap_or(graph.input_shape())
}

/// The layers of inference in order, neighbours together that lie in the same block at this depth.
fn grouped_at(graph: &Graph, summary: &Summary, depth: usize) -> Vec<(String, Vec<NodeId>)> {
    let mut groups: Vec<(String, Vec<NodeId>)> = Vec::new();
    for layer in summary.layers.iter().filter(|layer| !layer.auxiliary) {
        let mut chain = Vec::new();
        let mut scope = graph.scope(graph.node(layer.node).scope);
        while let Some(parent) = scope.parent {
            chain.push(scope.name.clone());
            scope = graph.scope(parent);
        }
        chain.reverse();
        let inside = chain.len() >= depth;
        let path = if inside { chain[..depth].join(".") } else { layer.path.clone() };
        let op = &graph.node(layer.node).op;
        let goes_along = layer.macs == 0
            && matches!(op, Op::BatchNorm2d(_) | Op::Relu | Op::Dropout(_) | Op::Identity | Op::Softmax);
        match groups.last_mut() {
            Some((last, nodes)) if inside && *last == path => nodes.push(layer.node),
            // A normalization or an activation between blocks is told with the layer before it.
            Some((_, nodes)) if !inside && goes_along && nodes.len() < ALONG => nodes.push(layer.node),
            _ => groups.push((path, vec![layer.node])),
        }
    }
    groups
}

fn block(graph: &Graph, summary: &Summary, path: &str, nodes: &[NodeId]) -> Block {
    let layers = || nodes.iter().filter_map(|id| summary.layer(*id));
    let input = block_input(graph, nodes);
    let output = nodes.last().map_or(input, |id| graph.node(*id).shape);
    let mut what = vec![kinds(graph, nodes)];
    what.extend(change(input, output));
    Block {
        path: path.to_owned(),
        output,
        what: what.join("; "),
        why: String::new(),
        params: layers().map(|layer| layer.params).sum(),
        macs: layers().map(|layer| layer.macs).sum(),
        bytes: layers().map(|layer| layer.activation_bytes).sum(),
    }
}

/// The kinds of layers with their number, in the order in which they come: `2 Conv2d 3×3 s2 p1`.
fn kinds(graph: &Graph, nodes: &[NodeId]) -> String {
    let mut found: Vec<(String, usize)> = Vec::new();
    for id in nodes {
        let node = graph.node(*id);
        let name = match &node.op {
            Op::Conv2d(conv) if conv.groups > 1 => {
                let kind = if conv.groups == graph.input_shapes(*id)[0].channels() {
                    "depthwise"
                } else {
                    "grouped"
                };
                format!("{kind} Conv2d {}×{}", conv.kernel.h, conv.kernel.w)
            }
            Op::Conv2d(conv) => format!("Conv2d {}×{}", conv.kernel.h, conv.kernel.w),
            op => op.name().to_owned(),
        };
        match found.iter_mut().find(|(other, _)| *other == name) {
            Some((_, count)) => *count += 1,
            None => found.push((name, 1)),
        }
    }
    let told = |(name, count): &(String, usize)| match count {
        1 => name.clone(),
        count => format!("{count} {name}"),
    };
    found.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// What becomes of the shape.
fn change(input: Shape, output: Shape) -> Option<String> {
    let (from, to) = (input.channels(), output.channels());
    match (input, output) {
        (Shape::Map { .. }, Shape::Vector { features }) => {
            Some(format!("the maps become a vector of {}", grouped(features as u64)))
        }
        (Shape::Map { .. }, Shape::Map { .. }) => {
            let ((h, w), (rows, columns)) = (input.spatial(), output.spatial());
            let size = match (rows * columns, h * w) {
                (now, before) if now == before => None,
                (1, _) => Some("one value is left of each map".to_owned()),
                _ => match part((h as f64 / rows as f64).max(w as f64 / columns as f64)) {
                    Some(part) => Some(format!("{part} of the rows and columns is left")),
                    None => Some(format!("{h} × {w} pixels become {rows} × {columns}")),
                },
            };
            let channels = (from != to).then(|| match from {
                1 => format!("1 channel becomes {to}"),
                _ => format!("{from} channels become {to}"),
            });
            let told: Vec<String> = size.into_iter().chain(channels).collect();
            (!told.is_empty()).then(|| told.join(", "))
        }
        (Shape::Vector { .. }, _) => {
            (from != to).then(|| format!("{} values become {}", grouped(from as u64), grouped(to as u64)))
        }
    }
}

/// What is left where a side becomes so many times shorter, if that has a name.
fn part(times: f64) -> Option<&'static str> {
    let named = [(2.0, "half"), (3.0, "a third"), (4.0, "a quarter"), (8.0, "an eighth")];
    named.into_iter().find(|(exact, _)| (times / exact - 1.0).abs() < 0.08).map(|(_, name)| name)
}

/// Why it is done, where the layers tell.
fn why(graph: &Graph, nodes: &[NodeId], (input, output): (Shape, Shape)) -> Vec<&'static str> {
    let has = |wanted: &dyn Fn(&Op) -> bool| nodes.iter().any(|id| wanted(&graph.node(*id).op));
    let reads_image = nodes.iter().any(|id| graph.node(*id).inputs.iter().any(|input| input.index() == 0));
    let mut said = Vec::new();
    if reads_image && has(&|op| matches!(op, Op::Conv2d(_))) {
        said.push("the first windows see edges and colours");
    }
    if has(&|op| matches!(op, Op::Add)) {
        said.push("what came in is added to what was computed: a layer learns a correction, and gradients have a way past it");
    }
    if has(&|op| matches!(op, Op::Concat)) {
        said.push("maps are put side by side, so that later layers choose among all of them");
    }
    if has(&|op| matches!(op, Op::Arithmetic(Arithmetic::Mul))) {
        said.push("a gate weighs each channel by what the whole image shows");
    }
    let (area, now) = (input.spatial().0 * input.spatial().1, output.spatial().0 * output.spatial().1);
    if area >= 3 * now && now > 1 && output.channels() >= 2 * input.channels() && input.channels() > 3 {
        said.push("fewer pixels pay for more channels");
    }
    if has(&|op| matches!(op, Op::AdaptiveAvgPool2d(_))) && now == 1 {
        said.push("where something was no longer matters, only whether");
    }
    let pointwise = |op: &Op| match op {
        Op::Conv2d(conv) => Some(conv.kernel.h * conv.kernel.w == 1),
        _ => None,
    };
    let kernels: Vec<bool> = nodes.iter().filter_map(|id| pointwise(&graph.node(*id).op)).collect();
    if !kernels.is_empty() && kernels.iter().all(|one| *one) {
        said.push("1×1 windows mix channels, pixel by pixel");
    }
    if has(&|op| matches!(op, Op::Linear(_))) {
        said.push("every value is weighed for every output");
    }
    said
}

/// Where parameters, compute and memory sit: the three largest blocks of each.
pub(super) fn shares(blocks: &[Block]) -> Vec<String> {
    type Figure = (&'static str, fn(&Block) -> u64, fn(u64) -> String);
    let figures: [Figure; 3] = [
        ("parameters", |block| block.params, grouped),
        ("multiply-accumulates", |block| block.macs, scaled),
        ("memory of outputs", |block| block.bytes, bytes),
    ];
    let line = |(name, of, told): &Figure| {
        let all: u64 = blocks.iter().map(of).sum();
        let mut order: Vec<&Block> = blocks.iter().filter(|block| of(block) > 0).collect();
        order.sort_by_key(|block| std::cmp::Reverse(of(block)));
        let share = |block: &&Block| {
            format!("{} {:.0}% ({})", block.path, 100.0 * of(block) as f64 / all as f64, told(of(block)))
        };
        let most: Vec<String> = order.iter().take(3).map(share).collect();
        (!most.is_empty()).then(|| format!("{name}: {}", most.join(", ")))
    };
    figures.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Story;
    use convnet::zoo;

    #[test]
    fn every_network_of_the_zoo_has_a_story_whose_figures_add_up() {
        for entry in zoo::entries() {
            let graph = entry.model().build().unwrap();
            let summary = Summary::new(&graph, 1);
            let story = Story::of(&graph, Some(entry));
            let sum = |of: fn(&Block) -> u64| story.blocks.iter().map(of).sum::<u64>();
            let found = (sum(|block| block.params), sum(|block| block.macs));
            assert_eq!(found, (summary.inference_params, summary.macs), "{}", entry.name);
            assert!(story.blocks.len() >= 4 && story.blocks.len() < 120, "{}", entry.name);
            assert_eq!(story.blocks.last().unwrap().output, graph.node(graph.output()).shape);
            assert!(story.markdown().contains(entry.taught), "{}", entry.name);
        }
    }

    #[test]
    fn what_happens_to_the_shape_is_said_once() {
        let graph = zoo::find("resnet18").unwrap().model().build().unwrap();
        let blocks = blocks(&graph, &Summary::new(&graph, 1));
        let paths: Vec<&str> = blocks.iter().map(|block| block.path.as_str()).collect();
        let expected =
            ["conv1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc"];
        assert_eq!(paths, expected);
        assert_eq!(
            blocks[0].what,
            "Conv2d 7×7, BatchNorm2d, ReLU; half of the rows and columns is left, 3 channels become 64"
        );
        assert!(blocks[2].why.starts_with("what came in is added") && blocks[4].why.is_empty());
        assert!(blocks[3].why.contains("pay for more channels"));
    }
}
