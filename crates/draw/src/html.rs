//! A drawing as a page: one file, which folds and unfolds without anything from elsewhere.

use convnet::inspect::Summary;

use crate::Drawing;
use crate::figures::{self, Figures, Sources};
use crate::layout::{Plan, View};
use crate::leaf::{Leaf, SMALL};
use crate::level::{Entity, Level};
use crate::paint::{badge_parts, heading_text};
use crate::svg::{self, STYLE, described};
use crate::text::{clean, json, width, xml};
use crate::tree::{ItemId, Kind};

const PAGE: &str = include_str!("page.css");
const LAYOUT: &str = include_str!("layout.js");
const SCRIPT: &str = include_str!("page.js");

/// What a page is made of whose drawing folds, for a page that shows more than the drawing.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The SVG, to stand in an element with the id `stage`.
    pub svg: String,
    /// What the scripts read, for a `script` of type `application/json` with the id `net`.
    pub data: String,
    /// The colours of the drawing and of a page, light and dark.
    pub style: String,
    /// Sizes and places; the first script.
    pub layout: &'static str,
    /// Folding and choosing, by pointer and by keyboard; the second script. It needs elements with the ids `figures`, `bar`,
    /// `unfold`, `fold`, `larger`, `smaller` and `fit`. The SVG gets an event `painted` whenever it is drawn, and `chosen`
    /// when a part gets the focus: its `detail` is `n` or `i` and the number of a layer or a box. A stage that scrolls by
    /// itself has the attribute `data-scrolls`.
    pub script: &'static str,
}

impl Drawing {
    /// The parts of the page of this network as a graph.
    pub fn parts(&self) -> Parts {
        self.with_plan(|plan, view| Parts {
            svg: bare(&svg::document(plan, view, &self.summary)),
            data: data(plan, view, &self.summary, &self.options.sources),
            style: format!("{STYLE}{PAGE}"),
            layout: LAYOUT,
            script: SCRIPT,
        })
    }
}

/// The page of a drawing that folds.
pub(crate) fn page(
    plan: &Plan<'_, '_>,
    view: &View,
    summary: &Summary,
    sources: &Sources,
    svg: &str,
) -> String {
    document(plan.tree.graph.name(), &described(summary), svg, &data(plan, view, summary, sources))
}

/// What the page's script knows of the drawing.
fn data(plan: &Plan<'_, '_>, view: &View, summary: &Summary, sources: &Sources) -> String {
    let tree = plan.tree;
    let items: Vec<String> = (0..tree.items.len()).map(|item| self::item(plan, item)).collect();
    let results: Vec<String> = plan.results.iter().map(|result| format!("{{{}}}", leaf(result))).collect();
    let open: Vec<&str> = view.open.iter().map(|&open| if open { "true" } else { "false" }).collect();
    let deepest = tree.items.iter().map(|item| item.depth).max().unwrap_or(1).max(1);
    let depth = (0..tree.items.len())
        .filter(|&item| view.open[item])
        .map(|item| tree.items[item].depth + 1)
        .max()
        .unwrap_or(1);
    let nodes = (0..tree.graph.nodes().len())
        .map(|node| told(&format!("n{node}"), &figures::of_node(tree, summary, sources, node)));
    let boxes = (0..tree.items.len())
        .filter(|&item| tree.items[item].kind != Kind::Stack)
        .map(|item| told(&format!("i{item}"), &figures::of_item(tree, summary, sources, item)));
    let figures: Vec<String> = nodes.chain(boxes).collect();
    format!(
        "{{\"down\":{},\"root\":{},\"depth\":{depth},\"deepest\":{deepest},\"open\":[{}],\"items\":[{}],\"results\":[{}],\
         \"figures\":{{{}}}}}",
        plan.down(),
        tree.root(),
        open.join(","),
        items.join(",\n"),
        results.join(","),
        figures.join(",\n")
    )
}

/// The page of a drawing that does not fold: what is told of each part, by its number.
pub(crate) fn still(name: &str, summary: &Summary, svg: &str, figures: &[Figures]) -> String {
    let told: Vec<String> = figures.iter().enumerate().map(|(i, one)| told(&format!("n{i}"), one)).collect();
    let data = format!("{{\"items\":[],\"figures\":{{{}}}}}", told.join(",\n"));
    document(name, &described(summary), svg, &data)
}

/// A page around a drawing and what it tells.
fn document(name: &str, description: &str, svg: &str, data: &str) -> String {
    let svg = bare(svg);
    let title = xml(name);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{PAGE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{}</p>\n<div id=\"bar\" \
         role=\"toolbar\" aria-label=\"Drawing\" hidden>\n<button id=\"unfold\" title=\"+\">Unfold a level</button>\n\
         <button id=\"fold\" title=\"-\">Fold a level</button>\n<button id=\"larger\" aria-label=\"Larger\">+</button>\n\
         <button id=\"smaller\" aria-label=\"Smaller\">−</button>\n<button id=\"fit\">Fit</button>\n</div>\n</header>\n\
         <main>\n<div id=\"stage\">\n{svg}</div>\n<aside id=\"figures\" aria-live=\"polite\"><p>Point at a layer for its \
         figures. Press a box to fold or unfold it, × n to see every block. Keys: Tab, arrows, Enter, + and -.</p></aside>\n\
         </main>\n<script type=\"application/json\" id=\"net\">{data}</script>\n<script>\n{LAYOUT}</script>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        xml(description)
    )
}

/// The drawing without its style, which a page has in its head, and with parts that answer.
fn bare(svg: &str) -> String {
    svg.replacen(&format!("<style>{STYLE}</style>"), "", 1).replacen("role=\"img\"", "role=\"group\"", 1)
}

fn told(key: &str, figures: &Figures) -> String {
    let rows: Vec<String> = figures
        .rows
        .iter()
        .map(|(name, value)| format!("[{},{}]", json(name), json(&clean(value))))
        .collect();
    format!("\"{key}\":{{\"title\":{},\"rows\":[{}]}}", json(&clean(&figures.title)), rows.join(","))
}

fn leaf(leaf: &Leaf) -> String {
    format!("\"width\":{},\"height\":{},\"svg\":{}", leaf.width, leaf.height, json(&leaf.svg))
}

fn item(plan: &Plan<'_, '_>, item: ItemId) -> String {
    let drawn = plan.leaves[item].as_ref().map(leaf).unwrap_or_default();
    let inside = |level: &Option<Level>| {
        level.as_ref().map_or_else(|| "null".into(), |level| self::level(plan, level))
    };
    match &plan.tree.items[item].kind {
        Kind::Stack => format!("{{\"kind\":\"stack\",{drawn}}}"),
        Kind::Scope(_) => format!(
            "{{\"kind\":\"scope\",\"depth\":{},\"heading\":{},\"headingWidth\":{},\"level\":{},{drawn}}}",
            plan.tree.items[item].depth,
            json(&heading_text(&plan.headings[item])),
            plan.heading_width(item),
            inside(&plan.levels[item])
        ),
        Kind::Run(blocks) => {
            let (pill, badge) = badge_parts(blocks.len());
            format!(
                "{{\"kind\":\"run\",\"single\":{},\"first\":{},\"badge\":{},\"badgeWidth\":{pill},\"level\":{},\"all\":{}}}",
                blocks[0].len() == 1,
                blocks[0][0],
                json(&badge),
                inside(&plan.levels[item]),
                inside(&plan.all_levels[item])
            )
        }
    }
}

fn level(plan: &Plan<'_, '_>, level: &Level) -> String {
    let entities: Vec<String> = level
        .entities
        .iter()
        .map(|entity| match entity {
            Entity::In(ids) => format!("[\"in\",{}]", numbers(ids)),
            Entity::Item(item) => format!("[\"item\",{item}]"),
            Entity::Out(ids) => format!("[\"out\",{}]", numbers(ids)),
            Entity::Result(k) => format!("[\"result\",{k}]"),
            Entity::Lane(net) => format!("[\"lane\",{net}]"),
        })
        .collect();
    let nets: Vec<String> = (0..level.nets.len())
        .map(|n| {
            let net = &level.nets[n];
            let label = plan.label(level, n);
            let out = net.targets.iter().find_map(|&target| match &level.entities[target] {
                Entity::Out(ids) => Some(numbers(ids)),
                _ => None,
            });
            format!(
                "{{\"source\":{},\"targets\":{},\"tensors\":{},\"label\":{},\"room\":{},\"out\":{}}}",
                net.source,
                net.targets.len(),
                numbers(&net.tensors),
                json(&xml(&label)),
                width(&label, SMALL),
                out.unwrap_or_else(|| "null".into())
            )
        })
        .collect();
    let ranks: Vec<String> = level.ranks.iter().map(|rank| numbers(rank)).collect();
    let links: Vec<String> = level.links.iter().map(|(net, a, b)| format!("[{net},{a},{b}]")).collect();
    format!(
        "{{\"entities\":[{}],\"nets\":[{}],\"ranks\":[{}],\"links\":[{}]}}",
        entities.join(","),
        nets.join(","),
        ranks.join(","),
        links.join(",")
    )
}

fn numbers(numbers: &[usize]) -> String {
    let told: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("[{}]", told.join(","))
}
