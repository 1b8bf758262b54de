//! Boxes within boxes: the size of each from what is drawn of it, from the inside out.

use convnet::inspect::Summary;

use crate::Direction;
use crate::leaf::{self, Leaf, SMALL};
use crate::level::{self, Entity, Level};
use crate::order;
use crate::place::{self, Extent, Labels, Places};
use crate::text::{shortened, width};
use crate::tree::{ItemId, Kind, Tree};

/// The height of an open scope's heading.
pub(crate) const HEADING: f64 = 25.0;
/// Between a scope's border and what it holds.
pub(crate) const BORDER: f64 = 14.0;
/// How far the cards of repeated blocks stand behind one another.
pub(crate) const CARD: f64 = 4.0;
/// Around the whole drawing.
pub(crate) const MARGIN: f64 = 18.0;

/// All that drawings of a network have in common, whatever is open in them.
pub(crate) struct Plan<'t, 'g> {
    pub(crate) tree: &'t Tree<'g>,
    /// The inside of each box that can be open.
    pub(crate) levels: Vec<Option<Level>>,
    /// The inside of runs that show all their blocks.
    pub(crate) all_levels: Vec<Option<Level>>,
    pub(crate) leaves: Vec<Option<Leaf>>,
    pub(crate) results: Vec<Leaf>,
    /// An open scope's heading: the name, and what it is.
    pub(crate) headings: Vec<(String, String)>,
    pub(crate) direction: Direction,
}

/// What is open: scopes, and runs that show all their blocks.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) open: Vec<bool>,
}

/// A box as it is drawn: its size, its ports, what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) extent: Extent,
    /// Boxes in it, by entity; and their places.
    pub(crate) parts: Vec<Option<Frame>>,
    pub(crate) places: Places,
    /// Where the places' origin is.
    pub(crate) origin: (f64, f64),
}

impl<'t, 'g> Plan<'t, 'g> {
    pub(crate) fn new(tree: &'t Tree<'g>, summary: &Summary, direction: Direction) -> Self {
        let ordered = |mut level: Level| {
            order::order(&mut level);
            level
        };
        let items = 0..tree.items.len();
        let all = |item: ItemId| match tree.items[item].kind {
            Kind::Run(_) => Some(ordered(Level::of(tree, item))),
            Kind::Stack | Kind::Scope(_) => None,
        };
        Self {
            tree,
            levels: items.clone().map(|item| level::inside(tree, item).map(ordered)).collect(),
            all_levels: items.clone().map(all).collect(),
            leaves: items.clone().map(|item| leaf::leaf(tree, summary, item)).collect(),
            results: tree.graph.outputs().iter().map(|output| leaf::result(&output.name)).collect(),
            headings: items.map(|item| leaf::scope(tree, item)).collect(),
            direction,
        }
    }

    /// Scopes around which fewer than `depth` others stand are open; runs show their first block.
    pub(crate) fn view(&self, depth: usize) -> View {
        let open =
            self.tree.items.iter().map(|item| matches!(item.kind, Kind::Scope(_)) && item.depth < depth);
        View { open: open.collect() }
    }

    /// How many boxes a view shows.
    pub(crate) fn shown(&self, view: &View, item: ItemId) -> usize {
        match &self.tree.items[item].kind {
            Kind::Run(blocks) if !view.open[item] => {
                blocks[0].iter().map(|&part| self.shown(view, part)).sum()
            }
            Kind::Run(_) => self.tree.items[item].children.iter().map(|&part| self.shown(view, part)).sum(),
            Kind::Scope(_) if view.open[item] => {
                self.tree.items[item].children.iter().map(|&part| self.shown(view, part)).sum()
            }
            Kind::Scope(_) | Kind::Stack => 1,
        }
    }

    /// The level that a view shows of a box; `None` for one that is drawn as a leaf.
    pub(crate) fn level(&self, view: &View, item: ItemId) -> Option<&Level> {
        match self.tree.items[item].kind {
            Kind::Stack => None,
            Kind::Scope(_) if view.open[item] => self.levels[item].as_ref(),
            Kind::Scope(_) => None,
            Kind::Run(_) if view.open[item] => self.all_levels[item].as_ref(),
            Kind::Run(_) => self.levels[item].as_ref(),
        }
    }

    /// Lines that a view does not draw, since there are too many.
    pub(crate) fn left_out(&self, view: &View, item: ItemId) -> usize {
        let Some(level) = self.level(view, item) else { return 0 };
        let inner = level.entities.iter().map(|entity| match entity {
            Entity::Item(part) => self.left_out(view, *part),
            Entity::In(_) | Entity::Out(_) | Entity::Result(_) | Entity::Lane(_) => 0,
        });
        level.left_out + inner.sum::<usize>()
    }

    /// Whether a box is a run that shows one box for all its blocks.
    pub(crate) fn is_card(&self, view: &View, item: ItemId) -> bool {
        matches!(&self.tree.items[item].kind, Kind::Run(blocks) if !view.open[item] && blocks[0].len() == 1)
    }

    /// The text on a net: the shape of what goes there.
    pub(crate) fn label(&self, level: &Level, net: usize) -> String {
        let net = &level.nets[net];
        if !net.labelled {
            return String::new();
        }
        let shape = |tensor: &usize| self.tree.graph.nodes()[*tensor].shape;
        let Some(first) = net.tensors.first().map(shape) else { return String::new() };
        match net.tensors.len() {
            1 => first.to_string(),
            n if net.tensors.iter().all(|tensor| shape(tensor) == first) => format!("{n} of {first}"),
            n => format!("{n} maps"),
        }
    }

    /// Whether values flow downwards.
    pub(crate) fn down(&self) -> bool {
        self.direction == Direction::Down
    }

    /// Works out a box as a view shows it.
    pub(crate) fn frame(&self, view: &View, item: ItemId) -> Frame {
        let Some(level) = self.level(view, item) else {
            let Leaf { width, height, .. } = self.leaves[item].clone().unwrap_or_default();
            return self.plain(width, height);
        };
        if self.is_card(view, item) {
            return self.card(view, level);
        }
        let parts: Vec<Option<Frame>> = level
            .entities
            .iter()
            .map(|entity| match entity {
                Entity::Item(part) => Some(self.frame(view, *part)),
                Entity::Result(k) => Some(self.plain(self.results[*k].width, self.results[*k].height)),
                Entity::In(_) | Entity::Out(_) | Entity::Lane(_) => None,
            })
            .collect();
        let extents: Vec<Extent> = parts
            .iter()
            .map(|part| part.as_ref().map_or_else(Extent::default, |part| part.extent.clone()))
            .collect();
        let texts: Vec<f64> =
            (0..level.nets.len()).map(|net| width(&self.label(level, net), SMALL)).collect();
        let room = |down: f64, right: f64| {
            let room = |&text: &f64| match text > 0.0 {
                true if self.down() => {
                    if down > 0.0 {
                        down
                    } else {
                        text + 7.0
                    }
                }
                true => {
                    if right > 0.0 {
                        right
                    } else {
                        text + 14.0
                    }
                }
                false => 0.0,
            };
            texts.iter().map(room).collect::<Vec<f64>>()
        };
        let labels = Labels { across: room(0.0, 4.0), along: room(20.0, 0.0) };
        let places = place::place(level, &extents, &labels);
        self.container(item, level, parts, places)
    }

    fn plain(&self, width: f64, height: f64) -> Frame {
        let (across, along) = if self.down() { (width, height) } else { (height, width) };
        let extent = Extent { across, along, arrow: true, ..Extent::default() };
        Frame { width, height, extent, ..Frame::default() }
    }

    /// A run of single boxes: the first, with others behind it.
    fn card(&self, view: &View, level: &Level) -> Frame {
        let place = level.entities.iter().position(|entity| matches!(entity, Entity::Item(_)));
        let Some((place, Entity::Item(part))) = place.map(|place| (place, &level.entities[place])) else {
            return Frame::default();
        };
        let mut frame = self.frame(view, *part);
        let extent = frame.extent.clone();
        let mut outs = Vec::new();
        for net in level.nets.iter().filter(|net| net.source == place) {
            let at = extent.outs.iter().find(|(ids, _)| ids.iter().any(|id| net.tensors.contains(id)));
            for target in &net.targets {
                if let (Entity::Out(outer), Some(&(_, at))) = (&level.entities[*target], at) {
                    outs.push((outer.clone(), at));
                }
            }
        }
        frame.parts = vec![Some(frame.clone())];
        frame.extent = Extent { outs, ..extent };
        frame
    }

    /// A box around a level.
    fn container(&self, item: ItemId, level: &Level, parts: Vec<Option<Frame>>, mut places: Places) -> Frame {
        let root = item == self.tree.root();
        let scope = matches!(self.tree.items[item].kind, Kind::Scope(_));
        let (heading, border) = match (root, scope) {
            (true, _) => (0.0, MARGIN),
            (_, true) => (HEADING, BORDER),
            _ => (0.0, BORDER),
        };
        let title = if root || !scope { 0.0 } else { self.heading_width(item) };
        let ports = |rank: Option<&Vec<usize>>, is: fn(&Entity) -> bool| {
            rank.is_some_and(|rank| rank.iter().all(|&e| is(&level.entities[e])))
        };
        let enters = ports(level.ranks.first(), |e| matches!(e, Entity::In(_)));
        let leaves = ports(level.ranks.last(), |e| matches!(e, Entity::Out(_)));
        let (first, last) = (if enters { 0.0 } else { border }, if leaves { 0.0 } else { border });
        let mut inner = first + places.along + last;
        let (width, height, origin);
        if self.down() {
            width = (places.across + 2.0 * border).max(title);
            height = heading + inner;
            origin = ((width - places.across) / 2.0, heading + first);
        } else {
            // Room that a heading needs is shared by both ends; lines to the border become longer.
            let more = (title - inner).max(0.0);
            let ranks = places.start.len();
            for rank in 0..ranks {
                if !(enters && rank == 0) {
                    let shift = if leaves && rank + 1 == ranks { more } else { more / 2.0 };
                    places.start[rank] += shift;
                    places.turns[rank] += shift;
                }
            }
            inner += more;
            width = inner;
            height = heading + places.across + 2.0 * border;
            origin = (first, heading + border);
        }
        let (across, along) = if self.down() { (width, height) } else { (height, width) };
        let shift = if self.down() { origin.0 } else { origin.1 } - across / 2.0;
        let mut extent = Extent { across, along, arrow: scope && self.down(), ..Extent::default() };
        for (entity, kind) in level.entities.iter().enumerate() {
            let at = places.middle[entity] + shift;
            match kind {
                Entity::In(ids) => extent.ins.push((ids.clone(), at)),
                Entity::Out(ids) => extent.outs.push((ids.clone(), at)),
                Entity::Item(_) | Entity::Result(_) | Entity::Lane(_) => {}
            }
        }
        Frame { width, height, extent, parts, places, origin }
    }

    /// The width of an open scope's heading.
    pub(crate) fn heading_width(&self, item: ItemId) -> f64 {
        let (name, rest) = &self.headings[item];
        let (name, rest) = (shortened(name, leaf::MOST_CHARACTERS), shortened(rest, leaf::MOST_CHARACTERS));
        leaf::bold(&name) + if rest.is_empty() { 0.0 } else { width(&rest, leaf::TEXT) + 6.0 } + 48.0
    }
}
