//! Boxes that are not open: layers stacked on one another, a folded scope, a result; their size and their SVG.

use convnet::inspect::Summary;
use convnet::ops::Op;

use crate::text::{clean, num, shortened, width, xml};
use crate::tree::{ItemId, Kind, Tree};

/// The size of a box's text, and of the text on edges.
pub(crate) const TEXT: f64 = 12.5;
pub(crate) const SMALL: f64 = 11.0;
/// The height of a layer.
const ROW: f64 = 25.0;
/// The height of a folded scope.
const FOLDED: f64 = 45.0;
/// The least width of a box.
const LEAST: f64 = 84.0;
/// The most characters of a line in a box.
pub(crate) const MOST_CHARACTERS: usize = 34;

/// A box's size and its SVG, whose origin is its upper left corner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) svg: String,
}

/// A kind of layer, as it is coloured: the CSS class.
pub(crate) fn class(op: &Op) -> &'static str {
    match op {
        Op::Conv2d(_) => "conv",
        Op::Linear(_) => "linear",
        Op::BatchNorm2d(_)
        | Op::LayerNorm(_)
        | Op::GroupNorm(_)
        | Op::InstanceNorm2d(_)
        | Op::LocalResponseNorm(_)
        | Op::LayerScale(_)
        | Op::Affine => "norm",
        Op::Relu
        | Op::LeakyRelu(_)
        | Op::Hardtanh(_)
        | Op::Sigmoid
        | Op::Tanh
        | Op::Unary(_)
        | Op::Prelu(_)
        | Op::Softmax
        | Op::LogSoftmax => "act",
        Op::MaxPool2d(_) | Op::AvgPool2d(_) | Op::AdaptiveAvgPool2d(_) | Op::Reduce(_) => "pool",
        Op::Concat | Op::Add | Op::Arithmetic(_) | Op::MatMul => "join",
        Op::Input => "port",
        Op::Constant(_)
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
        | Op::Dropout(_)
        | Op::Dropout1d(_)
        | Op::StochasticDepth(_)
        | Op::Identity => "plain",
    }
}

/// A layer's name and settings.
pub(crate) fn layer(tree: &Tree<'_>, summary: &Summary, node: usize) -> (String, String) {
    match node.checked_sub(1).and_then(|i| summary.layers.get(i)) {
        Some(layer) => (layer.op.to_string(), layer.settings.clone()),
        None => ("Input".into(), tree.graph.nodes()[node].shape.to_string()),
    }
}

/// A scope's two lines: what it is called and what it is, or what it is made of.
pub(crate) fn scope(tree: &Tree<'_>, item: ItemId) -> (String, String) {
    let Kind::Scope(scope) = tree.items[item].kind else { return Default::default() };
    let scope = &tree.graph.scopes()[scope];
    let numbered = scope.name.chars().all(|c| c.is_ascii_digit());
    if scope.kind == "Sequential" && !numbered {
        return (clean(&scope.name), String::new());
    }
    let short = scope.path.chars().count() <= 12;
    (clean(&scope.kind), clean(if short { &scope.path } else { &scope.name }))
}

/// What a box is made of, each kind with its number: `Conv2d, 2 Inception`.
pub(crate) fn contents(tree: &Tree<'_>, item: ItemId) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    let mut count = |kind: &str, number: usize| match kinds.iter_mut().find(|(known, _)| known == kind) {
        Some((_, total)) => *total += number,
        None => kinds.push((kind.to_string(), number)),
    };
    let mut part = |child: ItemId, number: usize| match tree.items[child].kind {
        Kind::Scope(scope) => count(&tree.graph.scopes()[scope].kind, number),
        Kind::Stack | Kind::Run(_) => {
            tree.items[child]
                .nodes
                .iter()
                .for_each(|&node| count(tree.graph.nodes()[node].op.name(), number));
        }
    };
    for &child in &tree.items[item].children {
        match &tree.items[child].kind {
            Kind::Run(blocks) => blocks[0].iter().for_each(|&inner| part(inner, blocks.len())),
            Kind::Stack | Kind::Scope(_) => part(child, 1),
        }
    }
    // What norms, activations and sums stand between goes without saying, unless there is nothing else.
    let told: Vec<&(String, usize)> = kinds.iter().filter(|(kind, _)| !minor(kind)).collect();
    let told = if told.is_empty() { kinds.iter().collect() } else { told };
    let told = told.into_iter().map(|(kind, number)| match number {
        1 => clean(kind),
        n => format!("{n} {}", clean(kind)),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Whether a kind of layer is left out where a box tells what it is made of.
fn minor(kind: &str) -> bool {
    const MINOR: [&str; 8] =
        ["BatchNorm2d", "ReLU", "Dropout", "Identity", "Add", "Flatten", "Concat", "LocalResponseNorm"];
    MINOR.contains(&kind)
}

/// The leaf of a stack or a scope; `None` for a run, which is drawn by its blocks.
pub(crate) fn leaf(tree: &Tree<'_>, summary: &Summary, item: ItemId) -> Option<Leaf> {
    match tree.items[item].kind {
        Kind::Stack => Some(stack(tree, summary, item)),
        Kind::Scope(_) => Some(folded(tree, item)),
        Kind::Run(_) => None,
    }
}

fn stack(tree: &Tree<'_>, summary: &Summary, item: ItemId) -> Leaf {
    let nodes = &tree.items[item].nodes;
    let rows: Vec<(usize, String, String)> = nodes
        .iter()
        .map(|&node| {
            let (name, settings) = layer(tree, summary, node);
            (node, name, shortened(&settings, MOST_CHARACTERS))
        })
        .collect();
    let text =
        |name: &str, rest: &str| bold(name) + if rest.is_empty() { 0.0 } else { width(rest, TEXT) + 5.0 };
    let widest = rows.iter().map(|(_, name, rest)| text(name, rest)).fold(0.0, f64::max);
    let box_width = (widest + 22.0).max(LEAST).ceil();
    let height = ROW * rows.len() as f64;
    let mut svg = String::new();
    let count = rows.len();
    for (i, (node, name, rest)) in rows.iter().enumerate() {
        let op = &tree.graph.nodes()[*node].op;
        let (y, first, last) = (i as f64 * ROW, i == 0, i + 1 == count);
        svg.push_str(&format!(
            "<g class=\"row {}\" data-n=\"{node}\"><title>{}</title><path d=\"{}\"/>{}</g>",
            class(op),
            xml(&tip(tree, *node, name, rest)),
            plate(y, box_width, ROW, first, last),
            line(box_width / 2.0, y + 17.0, name, rest)
        ));
    }
    svg.push_str(&outline("edge-of", box_width, height));
    Leaf { width: box_width, height, svg }
}

fn folded(tree: &Tree<'_>, item: ItemId) -> Leaf {
    let (name, rest) = scope(tree, item);
    let (name, rest) = (shortened(&name, MOST_CHARACTERS), shortened(&rest, MOST_CHARACTERS));
    let made_of = shortened(&contents(tree, item), MOST_CHARACTERS + 2);
    let upper = bold(&name) + if rest.is_empty() { 0.0 } else { width(&rest, TEXT) + 5.0 };
    let box_width = (upper.max(width(&made_of, SMALL)) + 24.0).max(LEAST).ceil();
    let mut svg = format!("<title>{}</title>", xml(&scope_tip(tree, item)));
    svg.push_str(&outline("folded", box_width, FOLDED));
    svg.push_str(&line(box_width / 2.0, 19.0, &name, &rest));
    svg.push_str(&format!(
        "<text class=\"of\" x=\"{}\" y=\"35\">{}</text>",
        num(box_width / 2.0),
        xml(&made_of)
    ));
    Leaf { width: box_width, height: FOLDED, svg }
}

/// A result of the network.
pub(crate) fn result(name: &str) -> Leaf {
    let name = shortened(&clean(name), MOST_CHARACTERS);
    let box_width = (bold(&name) + 26.0).ceil();
    let svg = format!(
        "<rect class=\"port\" width=\"{}\" height=\"24\" rx=\"12\"/>{}",
        num(box_width),
        line(box_width / 2.0, 16.5, &name, "")
    );
    Leaf { width: box_width, height: 24.0, svg }
}

/// The width of a bold text.
pub(crate) fn bold(text: &str) -> f64 {
    width(text, TEXT) * 1.08
}

/// A line of a box, its first part bold, around a middle.
fn line(x: f64, y: f64, name: &str, rest: &str) -> String {
    let rest = match rest {
        "" => String::new(),
        rest => format!(" <tspan class=\"of\">{}</tspan>", xml(rest)),
    };
    format!(
        "<text x=\"{}\" y=\"{}\"><tspan class=\"name\">{}</tspan>{rest}</text>",
        num(x),
        num(y),
        xml(name)
    )
}

fn outline(class: &str, width: f64, height: f64) -> String {
    format!("<rect class=\"{class}\" width=\"{}\" height=\"{}\" rx=\"6\"/>", num(width), num(height))
}

/// A layer's ground, round at the ends of its stack.
fn plate(y: f64, width: f64, height: f64, first: bool, last: bool) -> String {
    let (right, end) = (num(width), num(y + height));
    let top = match first {
        true => format!("M0 {}q0 -6 6 -6H{}q6 0 6 6", num(y + 6.0), num(width - 6.0)),
        false => format!("M0 {}H{right}", num(y)),
    };
    match last {
        true => format!("{top}V{}q0 6 -6 6H6q-6 0 -6 -6z", num(y + height - 6.0)),
        false => format!("{top}V{end}H0z"),
    }
}

/// What is told of a layer where the pointer rests on it.
fn tip(tree: &Tree<'_>, node: usize, name: &str, rest: &str) -> String {
    let layer = &tree.graph.nodes()[node];
    format!("{}: {name} {rest} → {}", layer.path, layer.shape)
}

fn scope_tip(tree: &Tree<'_>, item: ItemId) -> String {
    let Kind::Scope(scope) = tree.items[item].kind else { return String::new() };
    let scope = &tree.graph.scopes()[scope];
    format!("{}: {} of {}", scope.path, scope.kind, contents(tree, item))
}
