//! What a page tells of a layer, a scope or a run: names and values.

use std::collections::BTreeMap;

use convnet::inspect::{LayerFigures, Summary, bytes, grouped, scaled};

use crate::leaf;
use crate::tree::{ItemId, Kind, Tree};

/// A title, and lines of a name and a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) title: String,
    pub(crate) rows: Vec<(&'static str, String)>,
}

/// Where layers and scopes are written, by their path.
pub(crate) type Sources = BTreeMap<String, String>;

/// The figures of a layer.
pub(crate) fn of_node(tree: &Tree<'_>, summary: &Summary, sources: &Sources, node: usize) -> Figures {
    let layer = &tree.graph.nodes()[node];
    let (name, settings) = leaf::layer(tree, summary, node);
    let mut rows = vec![("path", layer.path.clone())];
    if !settings.is_empty() && node > 0 {
        rows.push(("settings", settings));
    }
    let reads: Vec<String> =
        tree.inputs(node).map(|from| tree.graph.nodes()[from].shape.to_string()).collect();
    match reads.len() {
        0 => {}
        1..=6 => rows.push(("reads", reads.join(", "))),
        n => rows.push(("reads", format!("{n} values"))),
    }
    rows.push(("gives", layer.shape.to_string()));
    if let Some(figures) = node.checked_sub(1).and_then(|i| summary.layers.get(i)) {
        rows.extend(costs(figures.params, figures.buffers, figures.macs, figures.activation_bytes));
        rows.push(("receptive field", field(figures)));
        if figures.auxiliary {
            rows.push(("used", "in training alone".into()));
        }
    }
    rows.extend(sources.get(&layer.path).map(|source| ("source", source.clone())));
    Figures { title: name, rows }
}

fn costs(params: u64, buffers: u64, macs: u64, memory: u64) -> Vec<(&'static str, String)> {
    let mut rows = vec![("parameters", grouped(params))];
    if buffers > 0 {
        rows.push(("buffers", grouped(buffers)));
    }
    rows.push(("MACs", if macs == 0 { "0".into() } else { format!("{} ({})", scaled(macs), grouped(macs)) }));
    rows.push(("memory", bytes(memory)));
    rows
}

fn field(figures: &LayerFigures) -> String {
    let field = figures.receptive_field;
    let size = match (field.height.size, field.width.size) {
        (height, width) if height == width => format!("{} × {}", grouped(height), grouped(width)),
        (height, width) => format!("{} high, {} wide", grouped(height), grouped(width)),
    };
    if field.whole() { format!("the whole image ({size})") } else { format!("{size} pixels") }
}

/// The figures of a box: sums over what is in it.
pub(crate) fn of_item(tree: &Tree<'_>, summary: &Summary, sources: &Sources, item: ItemId) -> Figures {
    let nodes = &tree.items[item].nodes;
    let layers = || nodes.iter().filter_map(|node| summary.layers.get(node.checked_sub(1)?));
    let sum = |of: fn(&LayerFigures) -> u64| layers().map(of).fold(0u64, u64::saturating_add);
    let mut figures = match &tree.items[item].kind {
        Kind::Stack => return Figures::default(),
        Kind::Scope(scope) => {
            let scope = &tree.graph.scopes()[*scope];
            let mut rows = vec![("path", scope.path.clone()), ("of", leaf::contents(tree, item))];
            rows.extend(sources.get(&scope.path).map(|source| ("source", source.clone())));
            Figures { title: scope.kind.clone(), rows }
        }
        Kind::Run(blocks) => {
            let part = |block: &[ItemId]| match tree.items[block[0]].kind {
                Kind::Scope(scope) => tree.graph.scopes()[scope].path.clone(),
                Kind::Stack | Kind::Run(_) => tree.graph.nodes()[tree.items[block[0]].nodes[0]].path.clone(),
            };
            let (first, last) = (part(&blocks[0]), part(&blocks[blocks.len() - 1]));
            let rows = vec![("from", first), ("to", last), ("drawn", "the first; press × to see all".into())];
            Figures { title: format!("{} equal blocks in a row", blocks.len()), rows }
        }
    };
    figures.rows.push(("layers", grouped(nodes.len() as u64)));
    figures.rows.extend(costs(
        sum(|l| l.params),
        sum(|l| l.buffers),
        sum(|l| l.macs),
        sum(|l| l.activation_bytes),
    ));
    figures
}
