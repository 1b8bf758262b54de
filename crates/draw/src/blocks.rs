//! Feature maps as blocks in perspective, as papers draw them: a face follows height and width, the depth the channels.
//!
//! Sides and depths grow with the square root, so that a map of 7 × 7 is seen beside one of 224 × 224. Blocks stand in the
//! order of the network; scopes with branches are one block, and values that skip blocks are arcs.

use std::collections::{BTreeSet, HashMap};

use convnet::graph::Shape;
use convnet::inspect::Summary;
use convnet::ops::Op;

use crate::figures::{self, Figures, Sources};
use crate::layout::Plan;
use crate::leaf::{self, SMALL, bold};
use crate::level::Entity;
use crate::text::{clean, num, shortened, width, xml};
use crate::tree::{Item, ItemId, Kind};

/// The longest side of a face, and the shortest.
const SIDE: f64 = 150.0;
const LEAST_SIDE: f64 = 8.0;
/// The deepest block, and the thinnest.
const DEPTH: f64 = 56.0;
const LEAST_DEPTH: f64 = 4.0;
/// Where a block's width goes to: right and upwards.
const SLANT: (f64, f64) = (0.42, 0.30);
/// The width of a vector's bar.
const BAR: f64 = 10.0;
/// Between labels side by side.
const GAP: f64 = 24.0;
const MARGIN: f64 = 20.0;
/// The most blocks of a drawing whose depth is not given.
const READABLE: usize = 24;
/// The most of equal blocks in a row that are drawn one by one.
const MOST_EQUAL: usize = 4;

/// A block, or equal ones in a row.
struct Slab {
    shape: Shape,
    class: &'static str,
    lines: Vec<String>,
    /// How many layers or blocks of the network in a row it stands for, and how many of them are drawn.
    times: usize,
    drawn: usize,
    /// Rows and columns that one element of the next map sees of this one.
    window: Option<(usize, usize)>,
    figures: Figures,
}

/// A drawing's size, its SVG, and what is told of each block.
pub(crate) struct Blocks {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) svg: String,
    pub(crate) figures: Vec<Figures>,
}

/// Draws a network to a depth, or to the largest that is readable.
pub(crate) fn blocks(
    plan: &Plan<'_, '_>,
    summary: &Summary,
    sources: &Sources,
    depth: Option<usize>,
) -> Blocks {
    let deepest = plan.tree.items.iter().map(|item| item.depth).max().unwrap_or(1).max(1);
    let row = |depth: usize| Row::new(plan, summary, sources, depth);
    let chosen = depth.unwrap_or_else(|| {
        (1..=deepest).take_while(|&depth| row(depth).slabs.len() <= READABLE).last().unwrap_or(1)
    });
    row(chosen).drawn()
}

/// The blocks of a drawing, and which reads from which.
struct Row {
    slabs: Vec<Slab>,
    edges: BTreeSet<(usize, usize)>,
}

impl Row {
    fn new(plan: &Plan<'_, '_>, summary: &Summary, sources: &Sources, depth: usize) -> Self {
        let mut items = Vec::new();
        let root = plan.tree.root();
        plan.tree.items[root].children.iter().for_each(|&child| flatten(plan, child, depth, &mut items));
        let mut row = Self { slabs: Vec::new(), edges: BTreeSet::new() };
        let mut of: HashMap<usize, usize> = HashMap::new();
        for item in items {
            row.add(plan, summary, sources, item, &mut of);
        }
        row
    }

    /// Adds a box: as a block, to the block before it, or not at all where it only passes values on.
    fn add(
        &mut self,
        plan: &Plan<'_, '_>,
        summary: &Summary,
        sources: &Sources,
        item: ItemId,
        of: &mut HashMap<usize, usize>,
    ) {
        let nodes = &plan.tree.items[item].nodes;
        let inside: BTreeSet<usize> = nodes.iter().copied().collect();
        let mut from: Vec<usize> = nodes
            .iter()
            .flat_map(|&node| plan.tree.inputs(node))
            .filter(|input| !inside.contains(input))
            .filter_map(|input| of.get(&input).copied())
            .collect();
        from.sort_unstable();
        from.dedup();
        let Some(slab) = slab(plan, summary, sources, item) else {
            let before = from.last().copied().unwrap_or(0);
            of.extend(nodes.iter().map(|&node| (node, before)));
            return;
        };
        let last = self.slabs.len().wrapping_sub(1);
        if let Some(before) = self.slabs.last_mut()
            && (before.shape, &before.lines, before.class) == (slab.shape, &slab.lines, slab.class)
            && from == [last]
        {
            before.times += slab.times;
            before.drawn = (before.drawn + slab.drawn).min(MOST_EQUAL);
            of.extend(nodes.iter().map(|&node| (node, last)));
            return;
        }
        let place = self.slabs.len();
        if let ([one], Some(window)) = (&from[..], window(plan, item)) {
            self.slabs[*one].window = self.slabs[*one].window.or(Some(window)).filter(|_| one + 1 == place);
        }
        self.edges.extend(from.into_iter().map(|from| (from, place)));
        of.extend(nodes.iter().map(|&node| (node, place)));
        self.slabs.push(slab);
    }

    fn drawn(self) -> Blocks {
        let most =
            |of: fn(&Shape) -> usize| self.slabs.iter().map(|slab| of(&slab.shape)).max().unwrap_or(1).max(1);
        let scale = Scale {
            side: most(|shape| shape.spatial().0.max(shape.spatial().1)) as f64,
            depth: most(|shape| if matches!(shape, Shape::Map { .. }) { shape.channels() } else { 1 }) as f64,
            bar: most(|shape| if matches!(shape, Shape::Vector { .. }) { shape.channels() } else { 1 })
                as f64,
        };
        let solids: Vec<Solid> = self.slabs.iter().map(|slab| scale.solid(slab)).collect();
        let arcs: Vec<(usize, usize)> = self.edges.iter().copied().filter(|(a, b)| a + 1 != *b).collect();
        let longest = arcs.iter().map(|(a, b)| b - a).max().unwrap_or(0);
        let sky = if arcs.is_empty() { 0.0 } else { 26.0 + 10.0 * (longest as f64).min(8.0) };
        let above = solids.iter().map(|solid| solid.height / 2.0 + solid.rise).fold(0.0, f64::max);
        let below = solids.iter().map(|solid| solid.height / 2.0).fold(0.0, f64::max);
        let middle = MARGIN + sky + above;
        let mut left = MARGIN;
        let mut corners = Vec::with_capacity(solids.len());
        for (slab, solid) in self.slabs.iter().zip(&solids) {
            let room = label_width(slab).max(solid.across());
            corners.push(left + (room - solid.across()) / 2.0);
            left += room + GAP;
        }
        let mut svg = String::new();
        for (a, b) in &arcs {
            svg.push_str(&arc((corners[*a], &solids[*a]), (corners[*b], &solids[*b]), middle, b - a));
        }
        for (i, (slab, solid)) in self.slabs.iter().zip(&solids).enumerate() {
            svg.push_str(&slab_svg(i, slab, solid, corners[i], middle, middle + below + 24.0));
            if self.edges.contains(&(i, i + 1)) {
                svg.push_str(&joint(slab, (corners[i], solid), corners[i + 1], middle));
            }
        }
        Blocks {
            width: left - GAP + MARGIN,
            height: middle + below + 24.0 + 30.0 + MARGIN,
            svg,
            figures: self.slabs.into_iter().map(|slab| slab.figures).collect(),
        }
    }
}

/// The boxes that a depth opens, in the order of the network; a scope opens where its parts follow one another.
fn flatten(plan: &Plan<'_, '_>, item: ItemId, depth: usize, items: &mut Vec<ItemId>) {
    let chain = plan.levels[item].as_ref().is_some_and(|level| {
        level.ranks.iter().all(|rank| rank.len() == 1)
            && level.entities.iter().all(|entity| !matches!(entity, Entity::Lane(_)))
    });
    match &plan.tree.items[item].kind {
        Kind::Scope(_) if chain && plan.tree.items[item].depth < depth => {
            plan.tree.items[item].children.iter().for_each(|&child| flatten(plan, child, depth, items));
        }
        Kind::Run(blocks) if blocks[0].iter().all(|&part| plan.tree.items[part].kind == Kind::Stack) => {
            plan.tree.items[item].children.iter().for_each(|&child| flatten(plan, child, depth, items));
        }
        Kind::Run(_) | Kind::Scope(_) | Kind::Stack => items.push(item),
    }
}

/// The block of a box; `None` for layers that make no new map of their own.
fn slab(plan: &Plan<'_, '_>, summary: &Summary, sources: &Sources, item: ItemId) -> Option<Slab> {
    let tree = plan.tree;
    let nodes = &tree.items[item].nodes;
    let shape = tree.graph.nodes()[*nodes.last()?].shape;
    let (class, lines, times, figures) = match &tree.items[item].kind {
        Kind::Stack => {
            let class = leaf::class(&tree.graph.nodes()[nodes[0]].op);
            if matches!(class, "plain" | "norm" | "act") {
                return None;
            }
            let (name, settings) = leaf::layer(tree, summary, nodes[0]);
            let settings = if class == "port" { String::new() } else { settings };
            (class, vec![name, settings], 1, figures::of_node(tree, summary, sources, nodes[0]))
        }
        Kind::Scope(_) => {
            let (name, rest) = &plan.headings[item];
            ("module", vec![name.clone(), rest.clone()], 1, figures::of_item(tree, summary, sources, item))
        }
        Kind::Run(blocks) => {
            let (name, rest) = &plan.headings[blocks[0][0]];
            let lines = vec![name.clone(), rest.clone()];
            ("module", lines, blocks.len(), figures::of_item(tree, summary, sources, item))
        }
    };
    let lines = lines.iter().map(|line| shortened(&clean(line), 18)).collect();
    Some(Slab { shape, class, lines, times, drawn: times.min(MOST_EQUAL), window: None, figures })
}

/// The window of a layer that a box starts with.
fn window(plan: &Plan<'_, '_>, item: ItemId) -> Option<(usize, usize)> {
    let Item { kind, nodes, .. } = &plan.tree.items[item];
    let size = match &plan.tree.graph.nodes()[*nodes.first().filter(|_| *kind == Kind::Stack)?].op {
        Op::Conv2d(conv) => conv.kernel,
        Op::MaxPool2d(pool) => pool.kernel,
        Op::AvgPool2d(pool) => pool.kernel,
        _ => return None,
    };
    (size.h > 1 || size.w > 1).then_some((size.h, size.w))
}

/// What sizes are measured by.
struct Scale {
    side: f64,
    depth: f64,
    bar: f64,
}

/// A block's measures on the page: of one of those that are drawn in a row.
struct Solid {
    depth: f64,
    height: f64,
    /// How far its width goes to the right, and upwards.
    slant: f64,
    rise: f64,
    count: usize,
}

impl Solid {
    fn across(&self) -> f64 {
        self.depth * self.count as f64 + self.slant
    }
}

impl Scale {
    fn solid(&self, slab: &Slab) -> Solid {
        let side = |pixels: usize| (SIDE * (pixels as f64 / self.side).sqrt()).max(LEAST_SIDE);
        let count = slab.drawn;
        match slab.shape {
            Shape::Map { channels, height, width } => {
                let depth = (DEPTH * (channels as f64 / self.depth).sqrt()).max(LEAST_DEPTH);
                let width = side(width);
                Solid { depth, height: side(height), slant: SLANT.0 * width, rise: SLANT.1 * width, count }
            }
            Shape::Vector { features } => {
                let height = (SIDE * (features as f64 / self.bar).sqrt()).max(LEAST_SIDE);
                Solid { depth: BAR, height, slant: 5.0, rise: 3.5, count }
            }
        }
    }
}

fn heading(slab: &Slab) -> String {
    match slab.times {
        1 => slab.lines[0].clone(),
        n => format!("{n} × {}", slab.lines[0]),
    }
}

fn label_width(slab: &Slab) -> f64 {
    let rest = slab.lines[1..].iter().map(|line| width(line, SMALL)).fold(0.0, f64::max);
    bold(&heading(slab)).max(rest).max(width(&slab.shape.to_string(), SMALL))
}

fn slab_svg(index: usize, slab: &Slab, solid: &Solid, left: f64, middle: f64, label: f64) -> String {
    let (top, bottom) = (middle - solid.height / 2.0, middle + solid.height / 2.0);
    let mut faces = String::new();
    for i in (0..solid.count).map(|i| i as f64) {
        let (x0, x1) = (left + i * solid.depth, left + (i + 1.0) * solid.depth);
        let (h, slant, rise) = (num(solid.height), num(solid.slant), num(solid.rise));
        let depth = num(solid.depth);
        faces.push_str(&format!(
            "<path d=\"M{} {}h{depth}v{h}h-{depth}z\"/><path d=\"M{} {}l{slant} -{rise}h{depth}l-{slant} {rise}z\"/><polygon \
             class=\"light\" points=\"{}\"/>",
            num(x0),
            num(top),
            num(x0),
            num(top),
            points(&[
                (x0, top),
                (x0 + solid.slant, top - solid.rise),
                (x1 + solid.slant, top - solid.rise),
                (x1, top)
            ])
        ));
        let side = [
            (x1, top),
            (x1 + solid.slant, top - solid.rise),
            (x1 + solid.slant, bottom - solid.rise),
            (x1, bottom),
        ];
        faces.push_str(&format!(
            "<path d=\"M{}L{}L{}L{}z\"/><polygon class=\"dark\" points=\"{}\"/>",
            pair(side[0]),
            pair(side[1]),
            pair(side[2]),
            pair(side[3]),
            points(&side)
        ));
    }
    let x = num(left + solid.across() / 2.0);
    let mut text = format!(
        "<text x=\"{x}\" y=\"{}\"><tspan class=\"name\">{}</tspan></text>",
        num(label),
        xml(&heading(slab))
    );
    let shape = slab.shape.to_string();
    let lines = slab.lines[1..].iter().filter(|line| !line.is_empty()).chain([&shape]);
    for (i, line) in lines.enumerate() {
        text.push_str(&format!(
            "<text class=\"of\" x=\"{x}\" y=\"{}\">{}</text>",
            num(label + 15.0 + 14.0 * i as f64),
            xml(line)
        ));
    }
    let title = format!("{} → {}", heading(slab), slab.shape);
    format!(
        "<g class=\"row slab {}\" data-n=\"{index}\"><title>{}</title>{faces}{text}</g>",
        slab.class,
        xml(&title)
    )
}

fn pair((x, y): (f64, f64)) -> String {
    format!("{} {}", num(x), num(y))
}

fn points(corners: &[(f64, f64)]) -> String {
    corners.iter().map(|&corner| pair(corner)).collect::<Vec<_>>().join(" ")
}

/// What leads from a block to the next: a window on its face and the pencil of lines from it, or an arrow.
fn joint(slab: &Slab, (from, solid): (f64, &Solid), to: f64, middle: f64) -> String {
    let face = (from + solid.depth * solid.count as f64, middle - solid.rise / 2.0);
    let center = (face.0 + solid.slant / 2.0, face.1);
    let target = (to, middle);
    if let (Some((rows, columns)), Shape::Map { height, width, .. }) = (slab.window, slab.shape) {
        let share = |part: usize, whole: usize| (part as f64 / whole as f64).clamp(0.12, 0.9);
        let (h, w) = (share(rows, height) * solid.height, share(columns, width));
        let (dx, dy) = (w * solid.slant / 2.0, w * solid.rise / 2.0);
        let corners = [
            (center.0 - dx, center.1 + dy - h / 2.0),
            (center.0 + dx, center.1 - dy - h / 2.0),
            (center.0 + dx, center.1 - dy + h / 2.0),
            (center.0 - dx, center.1 + dy + h / 2.0),
        ];
        let rays: String = [corners[1], corners[2]]
            .iter()
            .map(|&corner| format!("M{}L{}", pair(corner), pair(target)))
            .collect();
        return format!(
            "<polygon class=\"window\" points=\"{}\"/><path class=\"ray\" d=\"{rays}\"/><circle class=\"spot\" cx=\"{}\" \
             cy=\"{}\" r=\"2\"/>",
            points(&corners),
            num(target.0),
            num(target.1)
        );
    }
    let start = from + solid.across() + 2.0;
    let end = to - 2.0;
    if end - start < 9.0 {
        return String::new();
    }
    format!(
        "<path class=\"line\" d=\"M{} {y}L{} {y}\"/><path class=\"arrow\" d=\"M{} {y}l-7 -3.5v7z\"/>",
        num(start),
        num(end - 3.0),
        num(end),
        y = num(middle)
    )
}

/// A value that skips blocks.
fn arc((from, solid): (f64, &Solid), (to, next): (f64, &Solid), middle: f64, distance: usize) -> String {
    let end_of = |left: f64, solid: &Solid| {
        (left + solid.across() / 2.0 + solid.slant / 4.0, middle - solid.height / 2.0 - solid.rise - 2.0)
    };
    let (start, end) = (end_of(from, solid), end_of(to, next));
    let high = start.1.min(end.1) - 18.0 - 10.0 * (distance as f64).min(8.0);
    format!(
        "<path class=\"line\" d=\"M{}C{} {} {} {} {}\"/><path class=\"arrow\" d=\"M{}l-4 -7h8z\"/>",
        pair(start),
        num(start.0),
        num(high),
        num(end.0),
        num(high),
        pair((end.0, end.1 - 4.0)),
        pair(end)
    )
}
