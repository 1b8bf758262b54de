//! Networks as drawings: SVG, HTML, DOT and Mermaid.
//!
//! ```
//! use convnet::zoo;
//! use convnet_draw::{DrawOptions, Drawing};
//!
//! let lenet = zoo::find("lenet").unwrap().model().build().unwrap();
//! let drawing = Drawing::new(&lenet, &DrawOptions::default());
//! let svg = drawing.svg();
//! assert!(svg.starts_with("<svg") && svg.contains("6×28×28"));
//! ```
//!
//! Layers that follow one another without a change of shape are stacked on one another, scopes are boxes around what they
//! hold, and of equal blocks in a row the first is drawn with `× n`. The layout is ours: the crates for layered graphs know
//! no boxes within boxes and give no routes for edges, and a page must do the same in a browser.

#![forbid(unsafe_code)]

mod blocks;
mod dot;
mod figures;
mod html;
mod layout;
mod leaf;
mod level;
mod mermaid;
mod order;
mod paint;
mod place;
mod repeats;
mod shown;
mod svg;
mod text;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use convnet::graph::Graph;
use convnet::inspect::Summary;

pub use crate::html::Parts;

use crate::figures::Figures;
use crate::layout::{Plan, View};
use crate::tree::Tree;

/// How a network is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Layers as boxes, values as lines with their shapes.
    #[default]
    Graph,
    /// Feature maps as blocks in perspective: faces follow height and width, depths the channels.
    Blocks,
}

/// Where values flow to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From top to bottom.
    #[default]
    Down,
    /// From left to right.
    Right,
}

/// What a drawing shows.
#[derive(Clone, Debug, Default)]
pub struct DrawOptions {
    /// How the network is drawn.
    pub style: Style,
    /// How many levels of scopes are seen: 1 for the network's own parts. Chosen by their number where it is not given.
    pub depth: Option<usize>,
    /// Where values flow to.
    pub direction: Direction,
    /// Draw equal blocks in a row one by one.
    pub every_block: bool,
    /// Where layers and scopes are written, by their path: `net.py:12`.
    pub sources: BTreeMap<String, String>,
}

/// The most boxes of a drawing whose depth is not given, and how far it may go on downwards or to the right.
const READABLE: usize = 30;
const FARTHEST_DOWN: f64 = 2400.0;
const FARTHEST_RIGHT: f64 = 4200.0;

/// A network that can be drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    graph: Graph,
    summary: Summary,
    options: DrawOptions,
}

impl Drawing {
    /// Prepares a network.
    pub fn new(graph: &Graph, options: &DrawOptions) -> Self {
        Self { graph: graph.clone(), summary: graph.summary(), options: options.clone() }
    }

    /// The drawing as SVG, in light or dark colours as its reader prefers.
    pub fn svg(&self) -> String {
        self.with_plan(|plan, view| match self.options.style {
            Style::Graph => svg::document(plan, view, &self.summary),
            Style::Blocks => self.blocks(plan).0,
        })
    }

    /// The drawing as a page in one file, whose scopes fold and unfold.
    pub fn html(&self) -> String {
        self.with_plan(|plan, view| match self.options.style {
            Style::Graph => {
                let svg = svg::document(plan, view, &self.summary);
                html::page(plan, view, &self.summary, &self.options.sources, &svg)
            }
            Style::Blocks => {
                let (svg, figures) = self.blocks(plan);
                html::still(self.graph.name(), &self.summary, &svg, &figures)
            }
        })
    }

    /// The boxes and edges in Graphviz's language. Of equal blocks in a row the first is written.
    pub fn dot(&self) -> String {
        self.with_plan(|plan, view| {
            let (parts, edges) = shown::shown(plan, view, &self.summary);
            dot::document(self.graph.name(), self.options.direction, &parts, &edges)
        })
    }

    /// The boxes and edges as a Mermaid flowchart. Of equal blocks in a row the first is written.
    pub fn mermaid(&self) -> String {
        self.with_plan(|plan, view| {
            let (parts, edges) = shown::shown(plan, view, &self.summary);
            mermaid::document(self.options.direction, &parts, &edges)
        })
    }

    /// What a drawing leaves out, if anything: lines from far away in a network of very many.
    pub fn left_out(&self) -> Option<String> {
        let count = self.with_plan(|plan, view| plan.left_out(view, plan.tree.root()));
        (count > 0).then(|| {
            format!("left out: {count} lines that pass many layers; a smaller depth shows the network whole")
        })
    }

    fn blocks(&self, plan: &Plan<'_, '_>) -> (String, Vec<Figures>) {
        let drawn = blocks::blocks(plan, &self.summary, &self.options.sources, self.options.depth);
        let described = svg::described(&self.summary);
        let svg = svg::framed(self.graph.name(), &described, drawn.width, drawn.height, &drawn.svg);
        (svg, drawn.figures)
    }

    fn with_plan<T>(&self, draw: impl FnOnce(&Plan<'_, '_>, &View) -> T) -> T {
        let tree = Tree::new(&self.graph, !self.options.every_block);
        let plan = Plan::new(&tree, &self.summary, self.options.direction);
        let view = plan.view(self.options.depth.unwrap_or_else(|| readable(&plan)));
        draw(&plan, &view)
    }
}

/// The most levels that show no more boxes than a reader takes in.
fn readable(plan: &Plan<'_, '_>) -> usize {
    let deepest = plan.tree.items.iter().map(|item| item.depth).max().unwrap_or(1).max(1);
    let root = plan.tree.root();
    let farthest = if plan.down() { FARTHEST_DOWN } else { FARTHEST_RIGHT };
    let fits = |depth: &usize| {
        let view = plan.view(*depth);
        plan.shown(&view, root) <= READABLE && plan.frame(&view, root).extent.along <= farthest
    };
    (1..=deepest).take_while(fits).last().unwrap_or(1)
}
