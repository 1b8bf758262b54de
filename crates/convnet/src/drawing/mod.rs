//! Drawings: marks with their places, from which both an SVG and a PNG are made, with an embedded font.
//!
//! ```
//! use convnet::drawing::{Align, Drawing, INK, TextStyle};
//!
//! let mut drawing = Drawing::new((200.0, 100.0), "a word");
//! drawing.text("convnet", (100.0, 50.0), TextStyle::new(20.0, INK, Align::Centre));
//! assert!(drawing.svg().contains(">convnet</text>"));
//! assert!(drawing.png()?.starts_with(b"\x89PNG"));
//! # Ok::<(), String>(())
//! ```

mod png;
mod svg;

use std::path::Path;

use image::RgbImage;

use crate::font;

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(
    /// Red.
    pub u8,
    /// Green.
    pub u8,
    /// Blue.
    pub u8,
);

/// The paper.
pub const WHITE: Colour = Colour(255, 255, 255);
/// Text and axes.
pub const INK: Colour = Colour(31, 41, 51);
/// What is secondary.
pub const FAINT: Colour = Colour(98, 110, 123);
/// Grid lines.
pub const GRID: Colour = Colour(228, 231, 235);
/// What a bar or a cell is filled with where there is nothing.
pub const EMPTY: Colour = Colour(244, 246, 248);
/// The colour of what matters: the test images, right answers.
pub const STRONG: Colour = Colour(9, 103, 210);
/// The colour of what it is compared with: the training images, wrong answers.
pub const PALE: Colour = Colour(240, 140, 46);

impl Colour {
    /// The colour a part of the way, from 0 to 1, to another.
    pub fn towards(self, other: Self, part: f64) -> Self {
        let part = part.clamp(0.0, 1.0);
        let mix =
            |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// A point, in units from the left and from the top.
pub type Point = (f64, f64);

/// Where a text stands beside its point.
#[derive(Clone, Copy, Debug)]
pub enum Align {
    /// Begins there.
    Left,
    /// Its middle is there.
    Centre,
    /// Ends there.
    Right,
}

/// A text's size in units, colour and place.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle {
    /// The height of a line, an em.
    pub size: f64,
    /// What it is filled with.
    pub colour: Colour,
    /// Where it stands.
    pub align: Align,
}

impl TextStyle {
    /// A style of these.
    pub fn new(size: f64, colour: Colour, align: Align) -> Self {
        Self { size, colour, align }
    }
}

/// A text in two forms.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// For the SVG: what shows it has fonts for every script.
    pub shown: String,
    /// For the PNG, which has the embedded font alone.
    pub drawn: String,
}

impl Label {
    /// A text of any script and length, at most so many ems wide: of a longer one the middle is left out, and what the font
    /// cannot draw is `…` in the PNG.
    pub fn fitted(text: &str, room: f64) -> Self {
        let text = font::clean(text);
        Self { shown: font::shorten(&text, room), drawn: font::shorten(&font::drawable(&text), room) }
    }

    /// Whether the PNG has something else than what the SVG shows.
    pub(crate) fn is_numbered(&self) -> bool {
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
pub(crate) enum Mark {
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
    /// An image between two corners, its pixels squares.
    Picture { from: Point, to: Point, pixels: RgbImage },
}

/// Marks on white paper, the later ones above the earlier.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Width and height in units.
    pub size: (f64, f64),
    /// What it shows, for readers that do not see it.
    pub title: String,
    pub(crate) marks: Vec<Mark>,
}

impl Drawing {
    /// An empty one.
    pub fn new(size: (f64, f64), title: &str) -> Self {
        Self { size, title: title.to_owned(), marks: Vec::new() }
    }

    /// A text beside a point.
    pub fn text(&mut self, label: impl Into<Label>, at: Point, style: TextStyle) {
        self.marks.push(Mark::Text { label: label.into(), at, style });
    }

    /// A line through points.
    pub fn line(&mut self, points: Vec<Point>, colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points, colour, width, dashed: false });
    }

    /// A dashed line.
    pub fn dashed(&mut self, from: Point, to: Point, colour: Colour, width: f64) {
        self.marks.push(Mark::Line { points: vec![from, to], colour, width, dashed: true });
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: Vec<Point>, colour: Colour) {
        self.marks.push(Mark::Polygon { points, colour });
    }

    /// A disc with a white rim that sets it off from its line.
    pub fn dot(&mut self, at: Point, radius: f64, colour: Colour) {
        for (radius, colour) in [(radius + 1.5, WHITE), (radius, colour)] {
            self.marks.push(Mark::Disc { at, radius, colour });
        }
    }

    /// The same with a white middle.
    pub fn ring(&mut self, at: Point, radius: f64, colour: Colour) {
        self.dot(at, radius, colour);
        self.marks.push(Mark::Disc { at, radius: radius - 2.0, colour: WHITE });
    }

    /// A filled rectangle between two corners, its own rounded.
    pub fn rectangle(&mut self, from: Point, to: Point, radius: f64, colour: Colour) {
        self.marks.push(Mark::Rectangle { from, to, radius, colour });
    }

    /// An image between two corners, its pixels squares.
    pub fn picture(&mut self, from: Point, to: Point, pixels: RgbImage) {
        self.marks.push(Mark::Picture { from, to, pixels });
    }

    /// The text of an SVG file.
    pub fn svg(&self) -> String {
        svg::svg(self)
    }

    /// The bytes of a PNG file, of two pixels a unit.
    ///
    /// # Errors
    /// If it is too large to be drawn; the text says how large.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        png::png(self)
    }

    /// The bytes of the form that a path's ending asks for: a PNG, else an SVG.
    ///
    /// # Errors
    /// As [`Drawing::png`].
    pub fn bytes_for(&self, path: &Path) -> Result<Vec<u8>, String> {
        match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
            true => self.png(),
            false => Ok(self.svg().into_bytes()),
        }
    }
}

/// The width of a text in ems.
pub fn text_width(text: &str) -> f64 {
    font::width(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use image::{Rgb, RgbImage};

    use super::{Colour, Drawing, png};

    /// Both forms of a drawing: the SVG's text, and the PNG decoded again.
    pub(crate) fn rendered(drawing: &Drawing) -> (String, RgbImage) {
        let svg = drawing.svg();
        let bytes = drawing.png().unwrap();
        assert!(bytes == drawing.png().unwrap(), "the same drawing has other bytes");
        let png = image::load_from_memory(&bytes).unwrap().into_rgb8();
        let size = [drawing.size.0, drawing.size.1].map(|side| (side * png::SCALE).ceil() as u32);
        assert_eq!([png.width(), png.height()], size);
        (svg, png)
    }

    /// How many pixels have a colour.
    pub(crate) fn pixels(png: &RgbImage, colour: Colour) -> usize {
        png.pixels().filter(|p| p.0 == [colour.0, colour.1, colour.2]).count()
    }

    #[test]
    fn pictures_keep_their_pixels_as_squares() {
        let checks = RgbImage::from_fn(2, 2, |x, y| Rgb(if x == y { [200, 10, 10] } else { [10, 10, 200] }));
        let mut drawing = Drawing::new((20.0, 20.0), "checks");
        drawing.picture((4.0, 4.0), (14.0, 14.0), checks.clone());
        let (svg, png) = rendered(&drawing);
        // Ten units are twenty pixels, ten for each of the picture's.
        for colour in [Colour(200, 10, 10), Colour(10, 10, 200)] {
            assert_eq!(pixels(&png, colour), 200);
        }
        assert_eq!((png.get_pixel(8, 8).0, png.get_pixel(27, 8).0), ([200, 10, 10], [10, 10, 200]));
        let start = svg.find("base64,").unwrap() + 7;
        let data = &svg[start..start + svg[start..].find('"').unwrap()];
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data).unwrap();
        assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgb8(), checks);
        assert!(svg.contains("image-rendering"));
    }
}
