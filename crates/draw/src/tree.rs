//! A network's layers as boxes within boxes: scopes, layers that are stacked on one another, repeated blocks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use convnet::graph::Graph;
use convnet::ops::Op;

use crate::repeats;

/// Index of a box in its tree.
pub(crate) type ItemId = usize;

/// Scopes within one another that are told apart: what lies deeper is part of the last.
const DEEPEST: usize = 24;

/// What a box is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Layers in a row that nothing else reads from, all but the first of which keep the shape: a Conv2d with its
    /// BatchNorm2d and ReLU.
    Stack,
    /// A named group, by its index in the graph.
    Scope(usize),
    /// Equal blocks in a row, each of as many boxes; the first stands for all.
    Run(Vec<Vec<ItemId>>),
}

/// A box.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// What it is.
    pub(crate) kind: Kind,
    /// All nodes in it, by their index, in the order of the graph.
    pub(crate) nodes: Vec<usize>,
    /// The boxes in it, in an order in which none reads from one behind it; those of a run are all its blocks'.
    pub(crate) children: Vec<ItemId>,
    /// Scopes around it: 0 for the network, 1 for its own parts.
    pub(crate) depth: usize,
}

/// The boxes of a network; the last one is the network.
#[derive(Debug)]
pub(crate) struct Tree<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) items: Vec<Item>,
    /// The nodes that read each node.
    pub(crate) readers: Vec<Vec<usize>>,
    /// Whether a node's value is an output of the network.
    pub(crate) is_output: Vec<bool>,
    /// The scopes around each scope, from the outside, itself the last.
    chains: Vec<Vec<usize>>,
}

impl<'g> Tree<'g> {
    /// The boxes of a network; equal blocks in a row become runs where `fold` is set.
    pub(crate) fn new(graph: &'g Graph, fold: bool) -> Self {
        let mut readers = vec![Vec::new(); graph.nodes().len()];
        for (v, node) in graph.nodes().iter().enumerate() {
            for input in &node.inputs {
                readers[input.index()].push(v);
            }
        }
        let mut is_output = vec![false; graph.nodes().len()];
        for output in graph.outputs() {
            is_output[output.node.index()] = true;
        }
        let mut chains: Vec<Vec<usize>> = vec![Vec::new()];
        for (s, scope) in graph.scopes().iter().enumerate().skip(1) {
            let mut chain = scope.parent.map_or_else(Vec::new, |parent| chains[parent.index()].clone());
            if chain.len() < DEEPEST {
                chain.push(s);
            }
            chains.push(chain);
        }
        let mut tree = Self { graph, items: Vec::new(), readers, is_output, chains };
        let all: Vec<usize> = (0..graph.nodes().len()).collect();
        tree.scope(0, all, 0, fold);
        tree
    }

    /// The network.
    pub(crate) fn root(&self) -> ItemId {
        self.items.len() - 1
    }

    /// Inputs of a node, by their index.
    pub(crate) fn inputs(&self, node: usize) -> impl Iterator<Item = usize> {
        self.graph.nodes()[node].inputs.iter().map(|input| input.index())
    }

    pub(crate) fn push(&mut self, item: Item) -> ItemId {
        self.items.push(item);
        self.items.len() - 1
    }

    fn scope(&mut self, scope: usize, nodes: Vec<usize>, depth: usize, fold: bool) -> ItemId {
        let groups = self.groups(&nodes, depth);
        let mut children = Vec::new();
        // The stack that ends with a layer.
        let mut ends: HashMap<usize, ItemId> = HashMap::new();
        for Group { scope, nodes } in groups {
            if let Some(scope) = scope {
                children.push(self.scope(scope, nodes, depth + 1, fold));
                continue;
            }
            let node = nodes[0];
            let below = self.stacked_on(node).and_then(|under| ends.remove(&under));
            let stack = match below {
                Some(stack) => {
                    self.items[stack].nodes.push(node);
                    stack
                }
                None => {
                    let kind = Kind::Stack;
                    let stack = self.push(Item { kind, nodes, children: Vec::new(), depth: depth + 1 });
                    children.push(stack);
                    stack
                }
            };
            ends.insert(node, stack);
        }
        if fold {
            children = repeats::fold(self, &children, depth + 1);
        }
        self.push(Item { kind: Kind::Scope(scope), nodes, children, depth })
    }

    /// The layer whose stack a layer is part of: it reads that one alone, which no other reads, and keeps its shape.
    fn stacked_on(&self, node: usize) -> Option<usize> {
        let &[input] = &self.graph.nodes()[node].inputs[..] else { return None };
        let under = input.index();
        let (layer, before) = (&self.graph.nodes()[node], &self.graph.nodes()[under]);
        let alone = self.readers[under].len() == 1 && !self.is_output[under];
        let fits = layer.shape == before.shape && before.op != Op::Input && follows(&layer.op);
        (alone && fits).then_some(under)
    }

    /// The parts of a scope, in an order in which none reads from one behind it. A scope that others are read in between
    /// (a module that is called twice) is cut in pieces.
    fn groups(&self, nodes: &[usize], depth: usize) -> Vec<Group> {
        let part = |node: usize| {
            let scope = self.graph.nodes()[node].scope.index();
            self.chains[scope].get(depth).copied()
        };
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<usize, usize> = HashMap::new();
        for &node in nodes {
            match part(node) {
                Some(scope) => {
                    let place = *known.entry(scope).or_insert_with(|| {
                        groups.push(Group { scope: Some(scope), nodes: Vec::new() });
                        groups.len() - 1
                    });
                    groups[place].nodes.push(node);
                }
                None => groups.push(Group { scope: None, nodes: vec![node] }),
            }
        }
        let (order, rest) = self.ordered(&groups);
        if rest.is_empty() {
            return order.into_iter().map(|i| std::mem::take(&mut groups[i])).collect();
        }
        let mut cut: Vec<Group> = Vec::new();
        let mut in_rest = vec![false; groups.len()];
        rest.iter().for_each(|&i| in_rest[i] = true);
        let mut of: BTreeMap<usize, usize> = BTreeMap::new();
        for (i, group) in groups.iter().enumerate() {
            match in_rest[i] {
                true => of.extend(group.nodes.iter().map(|&node| (node, i))),
                false => cut.push(group.clone()),
            }
        }
        let mut last = None;
        for (node, i) in of {
            match cut.last_mut().filter(|_| last == Some(i) && groups[i].scope.is_some()) {
                Some(piece) => piece.nodes.push(node),
                None => cut.push(Group { scope: groups[i].scope, nodes: vec![node] }),
            }
            last = Some(i);
        }
        let (order, _) = self.ordered(&cut);
        order.into_iter().map(|i| std::mem::take(&mut cut[i])).collect()
    }

    /// Groups in an order in which none reads from one behind it, and those for which there is none.
    fn ordered(&self, groups: &[Group]) -> (Vec<usize>, Vec<usize>) {
        let mut of: HashMap<usize, usize> = HashMap::new();
        for (i, group) in groups.iter().enumerate() {
            of.extend(group.nodes.iter().map(|&node| (node, i)));
        }
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
        let mut waits = vec![0usize; groups.len()];
        for (&node, &i) in &of {
            for from in self.inputs(node).filter_map(|input| of.get(&input)).filter(|&&from| from != i) {
                readers[*from].push(i);
                waits[i] += 1;
            }
        }
        let mut ready: BinaryHeap<Reverse<(usize, usize)>> =
            (0..groups.len()).filter(|&i| waits[i] == 0).map(|i| Reverse((groups[i].nodes[0], i))).collect();
        let mut order = Vec::with_capacity(groups.len());
        while let Some(Reverse((_, i))) = ready.pop() {
            order.push(i);
            for &reader in &readers[i] {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    ready.push(Reverse((groups[reader].nodes[0], reader)));
                }
            }
        }
        let rest = (0..groups.len()).filter(|&i| waits[i] > 0).collect();
        (order, rest)
    }
}

/// A part of a scope before it is a box.
#[derive(Clone, Debug, Default)]
struct Group {
    scope: Option<usize>,
    nodes: Vec<usize>,
}

/// Whether a layer is drawn on the one before it where nothing stands between them.
fn follows(op: &Op) -> bool {
    match op {
        Op::BatchNorm2d(_)
        | Op::LayerNorm(_)
        | Op::GroupNorm(_)
        | Op::InstanceNorm2d(_)
        | Op::LayerScale(_)
        | Op::LocalResponseNorm(_)
        | Op::Relu
        | Op::LeakyRelu(_)
        | Op::Hardtanh(_)
        | Op::Sigmoid
        | Op::Tanh
        | Op::Unary(_)
        | Op::Prelu(_)
        | Op::Softmax
        | Op::LogSoftmax
        | Op::Affine
        | Op::Dropout(_)
        | Op::Dropout1d(_)
        | Op::StochasticDepth(_)
        | Op::Identity => true,
        Op::Input
        | Op::Constant(_)
        | Op::MatMul
        | Op::Conv2d(_)
        | Op::Linear(_)
        | Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::AdaptiveAvgPool2d(_)
        | Op::Reduce(_)
        | Op::ConstantPad2d(_)
        | Op::Pad2d(_)
        | Op::Upsample(_)
        | Op::Slice(_)
        | Op::IndexSelect(_)
        | Op::ChannelShuffle(_)
        | Op::PixelShuffle(_)
        | Op::PixelUnshuffle(_)
        | Op::Permute(_)
        | Op::Reshape(_)
        | Op::Flatten
        | Op::Unflatten
        | Op::Concat
        | Op::Add
        | Op::Arithmetic(_) => false,
    }
}
