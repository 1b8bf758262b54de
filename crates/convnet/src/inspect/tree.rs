//! The tree of a network's scopes and layers, with depth limits and repeated blocks folded.

use super::summary::{LayerFigures, Summary};
use crate::graph::{Graph, NodeId, ScopeId, Shape};

/// A scope or a layer with what lies in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    /// What stands here.
    pub(super) item: Item,
    /// How many times in a row the same block stands here; the branches below show the first.
    pub(super) repeats: usize,
    /// The last of those; the item itself where there is one.
    pub(super) last: Item,
    /// The parts of a scope, in order.
    pub(super) children: Vec<Branch>,
}

/// A part of a network's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A named group.
    Scope(ScopeId),
    /// A layer.
    Layer(NodeId),
}

impl Branch {
    fn new(item: Item) -> Self {
        Self { item, repeats: 1, last: item, children: Vec::new() }
    }
}

/// The tree of a network, the input left out; repeated blocks are not folded yet.
pub(super) fn tree(graph: &Graph) -> Vec<Branch> {
    let mut roots: Vec<Branch> = Vec::new();
    for id in graph.ids().skip(1) {
        let mut chain = Vec::new();
        let mut scope = graph.node(id).scope;
        while let Some(parent) = graph.scope(scope).parent {
            chain.push(scope);
            scope = parent;
        }
        let mut siblings = &mut roots;
        for scope in chain.into_iter().rev() {
            let item = Item::Scope(scope);
            let place = siblings.iter().position(|b| b.item == item).unwrap_or_else(|| {
                siblings.push(Branch::new(item));
                siblings.len() - 1
            });
            siblings = &mut siblings[place].children;
        }
        siblings.push(Branch::new(Item::Layer(id)));
    }
    roots
}

/// Folds runs of equal scopes, innermost first: equal in class, layers, shapes and wiring.
pub(super) fn fold_repeats(graph: &Graph, branches: Vec<Branch>) -> Vec<Branch> {
    let mut folded: Vec<Branch> = Vec::new();
    let mut before = String::new();
    for branch in branches {
        let scope = matches!(branch.item, Item::Scope(_));
        let signature = if scope { signature(graph, &branch) } else { String::new() };
        match folded.last_mut() {
            Some(run) if scope && signature == before => {
                run.repeats += 1;
                run.last = branch.item;
            }
            _ => {
                let children = fold_repeats(graph, branch.children);
                folded.push(Branch { children, ..branch });
            }
        }
        before = signature;
    }
    folded
}

/// What makes two blocks equal: everything but their names. Inputs are told by their distance.
fn signature(graph: &Graph, branch: &Branch) -> String {
    match branch.item {
        Item::Layer(id) => {
            let node = graph.node(id);
            let reads: Vec<(usize, Shape)> =
                node.inputs.iter().map(|i| (id.index() - i.index(), graph.node(*i).shape)).collect();
            format!("{:?} {reads:?} {:?};", node.op, node.shape)
        }
        Item::Scope(id) => {
            let inner: String = branch.children.iter().map(|b| signature(graph, b)).collect();
            format!("{}({inner})", graph.scope(id).kind)
        }
    }
}

/// One line of a listing: a layer, or a scope with the figures of all that lies in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The last component of its path.
    pub name: String,
    /// Its full path.
    pub path: String,
    /// The class of a scope, the op of a layer.
    pub op: String,
    /// A layer's settings, see [`Op::settings`](crate::ops::Op::settings); of a folded `Sequential`, whose class says
    /// nothing of it, what it is made of: `of 2 Inception, MaxPool2d`.
    pub settings: String,
    /// Whether it is a scope, and whether its parts follow as rows.
    pub scope: Option<ScopeRow>,
    /// Levels below the network: 1 for its own parts.
    pub depth: usize,
    /// For each level whether more siblings follow there, its own level last: what tree lines are drawn from.
    pub more: Vec<bool>,
    /// Equal blocks in a row that this one stands for; figures count them all, and the field is the last one's.
    pub repeats: usize,
    /// The figures: of a scope, sums over its layers, and output and receptive field of its result.
    pub figures: LayerFigures,
}

/// Whether the parts of a scope are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeRow {
    /// Its parts are the rows that follow.
    Open,
    /// Its parts are folded into it.
    Folded,
}

/// The rows of a listing.
///
/// `depth` is how many levels are shown: scopes at the last one stand for all that lies in them. With `fold`,
/// equal blocks in a row become one with [`Row::repeats`].
pub fn rows(summary: &Summary, depth: usize, fold: bool) -> Vec<Row> {
    let graph = &summary.graph;
    let branches = if fold { fold_repeats(graph, tree(graph)) } else { tree(graph) };
    let mut rows = Vec::new();
    walk(summary, &branches, depth.max(1), &[], &mut rows);
    rows
}

fn walk(summary: &Summary, branches: &[Branch], depth: usize, above: &[bool], rows: &mut Vec<Row>) {
    for (i, branch) in branches.iter().enumerate() {
        let mut more = above.to_vec();
        more.push(i + 1 < branches.len());
        let Some(figures) = figures(summary, branch) else { continue };
        let opened = depth > more.len();
        let (op, scope) = match branch.item {
            Item::Layer(_) => (figures.op.to_string(), None),
            Item::Scope(id) => {
                let kind = summary.graph.scope(id).kind.clone();
                (kind, Some(if opened { ScopeRow::Open } else { ScopeRow::Folded }))
            }
        };
        let settings = match scope {
            None => figures.settings.clone(),
            Some(ScopeRow::Folded) if op == "Sequential" => contents(&summary.graph, branch),
            Some(_) => String::new(),
        };
        let path = match branch.item {
            Item::Layer(id) => &summary.graph.node(id).path,
            Item::Scope(id) => &summary.graph.scope(id).path,
        };
        rows.push(Row {
            name: path.rsplit('.').next().unwrap_or(path).to_string(),
            path: path.clone(),
            op,
            settings,
            scope,
            depth: more.len(),
            more: more.clone(),
            repeats: branch.repeats,
            figures,
        });
        if opened {
            walk(summary, &branch.children, depth, &more, rows);
        }
    }
}

/// The parts of a scope by their class, each with its number, in the order in which they first come.
fn contents(graph: &Graph, branch: &Branch) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for part in &branch.children {
        let kind = match part.item {
            Item::Layer(id) => graph.node(id).op.name(),
            Item::Scope(id) => &graph.scope(id).kind,
        };
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += part.repeats,
            None => kinds.push((kind, part.repeats)),
        }
    }
    let one = |(kind, count): &(&str, usize)| {
        if *count == 1 { (*kind).to_owned() } else { format!("{count} {kind}") }
    };
    format!("of {}", kinds.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// The figures of a branch: sums over its layers times its repeats.
fn figures(summary: &Summary, branch: &Branch) -> Option<LayerFigures> {
    let scope = match branch.last {
        Item::Layer(id) => return summary.layer(id).cloned(),
        Item::Scope(id) => id,
    };
    let parts: Vec<LayerFigures> = branch.children.iter().filter_map(|b| figures(summary, b)).collect();
    let result = summary.graph.scope(scope).result;
    let mut total = summary.layer(result).or(parts.last())?.clone();
    let repeats = branch.repeats as u64;
    let sum = |value: fn(&LayerFigures) -> u64| {
        parts.iter().fold(0u64, |sum, l| sum.saturating_add(value(l))).saturating_mul(repeats)
    };
    total.params = sum(|l| l.params);
    total.buffers = sum(|l| l.buffers);
    total.macs = sum(|l| l.macs);
    total.activation_bytes = sum(|l| l.activation_bytes);
    total.auxiliary = parts.iter().all(|l| l.auxiliary);
    // Bytes moved by layer are operations over intensity; a scope's intensity is that of all its layers.
    let moved: f64 = parts.iter().filter(|l| l.macs > 0).map(|l| l.macs as f64 / l.intensity).sum();
    total.intensity = if moved > 0.0 { total.macs as f64 / repeats as f64 / moved } else { 0.0 };
    Some(total)
}
