//! A drawing: marks with their places, from which both the SVG and the PNG are made.

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

/// The paper.
pub(super) const WHITE: Colour = Colour(255, 255, 255);
/// Text and axes.
pub(super) const INK: Colour = Colour(31, 41, 51);
/// What is secondary.
pub(super) const FAINT: Colour = Colour(98, 110, 123);
/// Grid lines.
pub(super) const GRID: Colour = Colour(228, 231, 235);
/// What a bar or a cell is filled with where there is nothing.
pub(super) const EMPTY: Colour = Colour(244, 246, 248);
/// The colour of what matters: the test images, right answers.
pub(super) const STRONG: Colour = Colour(9, 103, 210);
/// The colour of what it is compared with: the training images, wrong answers.
pub(super) const PALE: Colour = Colour(240, 140, 46);

impl Colour {
    /// The colour a part of the way, from 0 to 1, to another.
    pub(super) fn towards(self, other: Self, part: f64) -> Self {
        let part = part.clamp(0.0, 1.0);
        let mix =
            |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// A point, in units from the left and from the top.
pub(super) type Point = (f64, f64);

/// Where a text stands beside its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// A text's size in units, colour and place.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextStyle {
    pub(super) size: f64,
    pub(super) colour: Colour,
    pub(super) align: Align,
}

impl TextStyle {
    pub(super) fn new(size: f64, colour: Colour, align: Align) -> Self {
        Self { size, colour, align }
    }
}

/// A text in two forms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    /// For the SVG: what shows it has fonts for every script.
    pub(super) shown: String,
    /// For the PNG, which has the embedded font alone.
    pub(super) drawn: String,
}

impl Label {
    /// Whether the PNG has something else than what the SVG shows.
    pub(super) fn is_numbered(&self) -> bool {
        self.drawn.starts_with('#') && !self.shown.starts_with('#')
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self { shown: text.clone(), drawn: text }
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A part of a drawing.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// A text, the middle of its capital letters at the point's height.
    Text { label: Label, at: Point, style: TextStyle },
    /// A line through points.
    Line { points: Vec<Point>, colour: Colour, width: f64, dashed: bool },
    /// A filled polygon.
    Polygon { points: Vec<Point>, colour: Colour },
    /// A filled disc.
    Disc { at: Point, radius: f64, colour: Colour },
    /// A filled rectangle between two corners, its own corners rounded.
    Rectangle { from: Point, to: Point, radius: f64, colour: Colour },
}

/// Marks on white paper, the later ones above the earlier.
#[derive(Clone, Debug)]
pub(in crate::train) struct Drawing {
    /// Width and height in units.
    pub(super) size: (f64, f64),
    /// What it shows, for readers that do not see it.
    pub(super) title: String,
    pub(super) marks: Vec<Mark>,
}

impl Drawing {
    /// An empty one.
    pub(super) fn new(size: (f64, f64), title: &str) -> Self {
        Self { size, title: title.to_owned(), marks: Vec::new() }
    }

    pub(super) fn text(&mut self, label: impl Into<Label>, at: Point, style: TextStyle) {
        self.marks.push(Mark::Text { label: label.into(), at, style });
    }

    pub(super) fn line(&mut self, points: Vec<Point>, colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points, colour, width, dashed: false });
    }

    pub(super) fn dashed(&mut self, from: Point, to: Point, colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points: vec![from, to], colour, width, dashed: true });
    }

    pub(super) fn polygon(&mut self, points: Vec<Point>, colour: Colour) {
        self.marks.push(Mark::Polygon { points, colour });
    }

    /// A disc with a white rim that sets it off from its line.
    pub(super) fn dot(&mut self, at: Point, radius: f64, colour: Colour) {
        for (radius, colour) in [(radius + 1.5, WHITE), (radius, colour)] {
            self.marks.push(Mark::Disc { at, radius, colour });
        }
    }

    /// The same with a white middle.
    pub(super) fn ring(&mut self, at: Point, radius: f64, colour: Colour) {
        self.dot(at, radius, colour);
        self.marks.push(Mark::Disc { at, radius: radius - 2.0, colour: WHITE });
    }

    pub(super) fn rectangle(&mut self, from: Point, to: Point, radius: f64, colour: Colour) {
        self.marks.push(Mark::Rectangle { from, to, radius, colour });
    }
}
