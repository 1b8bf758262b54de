//! A drawing's SVG from its frames. `page.js` writes the same text for what a page shows.

use crate::layout::{CARD, Frame, HEADING, Plan, View};
use crate::leaf::{MOST_CHARACTERS, SMALL, TEXT, bold};
use crate::level::{Entity, Level};
use crate::place::TRACK;
use crate::text::{num, shortened, xml};
use crate::tree::{ItemId, Kind};

/// How far a turn is rounded.
const ROUND: f64 = 6.0;

/// Paints boxes of a view.
pub(crate) struct Painter<'p, 't, 'g> {
    pub(crate) plan: &'p Plan<'t, 'g>,
    pub(crate) view: &'p View,
}

impl Painter<'_, '_, '_> {
    /// A box with all that is in it; its upper left corner is the origin.
    pub(crate) fn item(&self, item: ItemId, frame: &Frame) -> String {
        let tree = self.plan.tree;
        let Some(level) = self.plan.level(self.view, item) else {
            return self.plan.leaves[item].as_ref().map_or_else(String::new, |leaf| leaf.svg.clone());
        };
        let mut svg = String::new();
        match &tree.items[item].kind {
            Kind::Run(blocks) if self.plan.is_card(self.view, item) => {
                svg.push_str(&self.cards(frame));
                let part = blocks[0][0];
                let inner = frame.parts[0]
                    .as_ref()
                    .map_or_else(String::new, |part_frame| self.item(part, part_frame));
                svg.push_str(&group(part, 0.0, 0.0, &inner));
                svg.push_str(&badge(blocks.len(), frame.width));
                return svg;
            }
            Kind::Run(_) => svg.push_str(&format!(
                "<rect class=\"run\" width=\"{}\" height=\"{}\" rx=\"10\"/>",
                num(frame.width),
                num(frame.height)
            )),
            Kind::Scope(_) if item != tree.root() => svg.push_str(&self.heading(item, frame)),
            Kind::Scope(_) | Kind::Stack => {}
        }
        svg.push_str(&self.lines(level, frame));
        for (entity, kind) in level.entities.iter().enumerate() {
            let Some(part) = &frame.parts[entity] else { continue };
            let (x, y) = self.corner(frame, entity, part);
            match kind {
                Entity::Item(id) => svg.push_str(&group(*id, x, y, &self.item(*id, part))),
                Entity::Result(k) => svg.push_str(&format!(
                    "<g transform=\"translate({} {})\">{}</g>",
                    num(x),
                    num(y),
                    self.plan.results[*k].svg
                )),
                Entity::In(_) | Entity::Out(_) | Entity::Lane(_) => {}
            }
        }
        svg.push_str(&self.labels(level, frame));
        if let Kind::Run(blocks) = &tree.items[item].kind {
            svg.push_str(&badge(blocks.len(), frame.width));
        }
        svg
    }

    /// The boxes behind one that stands for several.
    fn cards(&self, frame: &Frame) -> String {
        let card = |i: f64| {
            let (x, y, width, height) = match self.plan.down() {
                true => (CARD * i, CARD * i, frame.width, frame.height - 2.0 * CARD * i),
                false => (CARD * i, CARD * i, frame.width - 2.0 * CARD * i, frame.height),
            };
            format!(
                "<rect class=\"card\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\"/>",
                num(x),
                num(y),
                num(width),
                num(height)
            )
        };
        let ground = format!(
            "<rect class=\"ground\" width=\"{}\" height=\"{}\" rx=\"9\"/>",
            num(frame.width),
            num(frame.height)
        );
        card(2.0) + &card(1.0) + &ground
    }

    fn heading(&self, item: ItemId, frame: &Frame) -> String {
        let (width, height) = (num(frame.width), num(frame.height));
        format!(
            "<rect class=\"scope\" width=\"{width}\" height=\"{height}\" rx=\"9\"/><path class=\"heading\" d=\"M0 {}\
             V9q0 -9 9 -9H{}q9 0 9 9V{}z\"/>{}",
            num(HEADING),
            num(frame.width - 9.0),
            num(HEADING),
            heading_text(&self.plan.headings[item])
        )
    }

    /// Where a part's upper left corner stands.
    fn corner(&self, frame: &Frame, entity: usize, part: &Frame) -> (f64, f64) {
        let (middle, start) = (frame.places.middle[entity], frame.places.start[frame.places.rank[entity]]);
        let (x, y) = self.at(frame, middle - part.extent.across / 2.0, start);
        (x, y)
    }

    /// A place across and along the flow, as a point.
    fn at(&self, frame: &Frame, across: f64, along: f64) -> (f64, f64) {
        match self.plan.down() {
            true => (frame.origin.0 + across, frame.origin.1 + along),
            false => (frame.origin.0 + along, frame.origin.1 + across),
        }
    }

    fn point(&self, frame: &Frame, across: f64, along: f64) -> String {
        let (x, y) = self.at(frame, across, along);
        format!("{} {}", num(x), num(y))
    }

    /// All lines of a level, and their arrows.
    fn lines(&self, level: &Level, frame: &Frame) -> String {
        let places = &frame.places;
        let mut paths = vec![String::new(); level.nets.len()];
        let mut arrows = String::new();
        for (w, wire) in places.wires.iter().enumerate() {
            let from = places.middle[wire.above] + wire.leaves;
            let to = places.middle[wire.below] + wire.enters;
            let rank = places.rank[wire.above];
            let along = frame.parts[wire.above].as_ref().map_or(0.0, |part| part.extent.along);
            let top = places.start[rank] + along;
            let mut end = places.start[places.rank[wire.below]];
            let mut arrow = false;
            if let Some(part) = &frame.parts[wire.below] {
                arrow = part.extent.arrow;
                if arrow {
                    arrows.push_str(&self.arrow(frame, to, end));
                }
            }
            // The line ends within its arrow's head.
            if arrow {
                end -= 2.0;
            }
            let path = &mut paths[wire.net];
            path.push_str(&format!("M{}", self.point(frame, from, top)));
            let apart = (to - from).abs();
            if apart >= 0.5 {
                let turn = places.turns[rank] + (places.track[w] as f64 + 0.5) * TRACK;
                let round = ROUND.min(apart / 2.0);
                let side = if to > from { round } else { -round };
                path.push_str(&format!(
                    "L{}Q{} {}L{}Q{} {}",
                    self.point(frame, from, turn - round),
                    self.point(frame, from, turn),
                    self.point(frame, from + side, turn),
                    self.point(frame, to - side, turn),
                    self.point(frame, to, turn),
                    self.point(frame, to, turn + round),
                ));
            }
            path.push_str(&format!("L{}", self.point(frame, to, end)));
        }
        let mut svg = String::new();
        for path in paths.iter().filter(|path| !path.is_empty()) {
            svg.push_str(&format!("<path class=\"line\" d=\"{path}\"/>"));
        }
        if !arrows.is_empty() {
            svg.push_str(&format!("<path class=\"arrow\" d=\"{arrows}\"/>"));
        }
        svg
    }

    fn arrow(&self, frame: &Frame, across: f64, along: f64) -> String {
        format!(
            "M{}L{}L{}z",
            self.point(frame, across, along),
            self.point(frame, across - 3.5, along - 7.0),
            self.point(frame, across + 3.5, along - 7.0)
        )
    }

    /// The shapes beside the lines.
    fn labels(&self, level: &Level, frame: &Frame) -> String {
        let places = &frame.places;
        let mut svg = String::new();
        let mut done = vec![false; level.nets.len()];
        for wire in &places.wires {
            let source = level.nets[wire.net].source;
            if done[wire.net] || wire.above != source {
                continue;
            }
            done[wire.net] = true;
            let text = self.plan.label(level, wire.net);
            if text.is_empty() {
                continue;
            }
            let along = frame.parts[source].as_ref().map_or(0.0, |part| part.extent.along);
            let (x, y) = self.at(
                frame,
                places.middle[source] + wire.leaves,
                places.start[places.rank[source]] + along,
            );
            let (x, y) = if self.plan.down() { (x + 5.0, y + 13.0) } else { (x + 5.0, y - 5.0) };
            svg.push_str(&format!(
                "<text class=\"shape\" x=\"{}\" y=\"{}\">{}</text>",
                num(x),
                num(y),
                xml(&text)
            ));
        }
        svg
    }
}

/// A box's group.
fn group(item: ItemId, x: f64, y: f64, inner: &str) -> String {
    format!("<g class=\"item\" data-i=\"{item}\" transform=\"translate({} {})\">{inner}</g>", num(x), num(y))
}

/// The text of an open scope's heading.
pub(crate) fn heading_text((name, rest): &(String, String)) -> String {
    let rest = match rest.as_str() {
        "" => String::new(),
        rest => format!(" <tspan class=\"of\">{}</tspan>", xml(&shortened(rest, MOST_CHARACTERS))),
    };
    let name = xml(&shortened(name, MOST_CHARACTERS));
    format!("<text class=\"title\" x=\"11\" y=\"17\"><tspan class=\"name\">{name}</tspan>{rest}</text>")
}

/// `× n` at a box's upper right corner.
fn badge(count: usize, width: f64) -> String {
    let (pill, parts) = badge_parts(count);
    format!("<g class=\"badge\" transform=\"translate({} -9)\">{parts}</g>", num(width - pill + 7.0))
}

/// The width of `× n`, and its parts.
pub(crate) fn badge_parts(count: usize) -> (f64, String) {
    let text = format!("× {count}");
    let pill = (bold(&text) * SMALL / TEXT + 14.0).ceil();
    let middle = num(pill / 2.0);
    (
        pill,
        format!("<rect width=\"{pill}\" height=\"18\" rx=\"9\"/><text x=\"{middle}\" y=\"13\">{text}</text>"),
    )
}
