//! A drawing as an SVG document.

use convnet::inspect::{Summary, grouped, scaled};

use crate::layout::{Plan, View};
use crate::paint::Painter;
use crate::text::{num, xml};

/// Colours and fonts, light and dark, for drawings and pages alike.
pub(crate) const STYLE: &str = include_str!("style.css");

/// What a network is, in a line.
pub(crate) fn described(summary: &Summary) -> String {
    format!(
        "{} layers, {} parameters, {} multiply-accumulates an image",
        summary.layers.len(),
        grouped(summary.params),
        scaled(summary.macs)
    )
}

/// The whole document.
pub(crate) fn document(plan: &Plan<'_, '_>, view: &View, summary: &Summary) -> String {
    let root = plan.tree.root();
    let frame = plan.frame(view, root);
    let body = Painter { plan, view }.item(root, &frame);
    framed(plan.tree.graph.name(), &described(summary), frame.width, frame.height, &body)
}

/// A document around a drawing.
pub(crate) fn framed(name: &str, description: &str, width: f64, height: f64, body: &str) -> String {
    let (width, height) = (num(width.ceil()), num(height.ceil()));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"net\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 \
         {width} {height}\" role=\"img\"><title>{}</title><desc>{}</desc><style>{STYLE}</style><rect class=\"ground\" \
         width=\"{width}\" height=\"{height}\"/><g class=\"drawing\">{body}</g></svg>\n",
        xml(name),
        xml(description)
    )
}
