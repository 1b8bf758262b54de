//! Pictures side by side with their captions, for a page or a slide.

use convnet::drawing::{Align, Drawing, FAINT, INK, Label, STRONG, TextStyle, WHITE, text_width};
use image::{Rgb, RgbImage};

use crate::Palette;
use crate::palette::signed_colour;

/// A picture with what it shows.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its pixels.
    pub picture: RgbImage,
    /// What it is, below it.
    pub title: String,
    /// A further line; empty for none.
    pub note: String,
    /// Rectangles on it: left, top, right and bottom in its pixels, which may lie beyond its borders.
    pub frames: Vec<[f64; 4]>,
}

impl Cell {
    /// A picture and what it is.
    pub fn new(picture: RgbImage, title: impl Into<String>) -> Self {
        Self { picture, title: title.into(), note: String::new(), frames: Vec::new() }
    }
}

/// What the colours of a figure mean.
#[derive(Clone, Debug)]
pub struct Scale {
    colours: Vec<[u8; 3]>,
    least: String,
    most: String,
}

/// Steps of a scale's colours.
const STEPS: usize = 128;

impl Scale {
    /// A palette's colours, and what its ends mean.
    pub fn of(palette: Palette, least: impl Into<String>, most: impl Into<String>) -> Self {
        let colours = (0..STEPS).map(|i| palette.colour(i as f32 / (STEPS - 1) as f32)).collect();
        Self { colours, least: least.into(), most: most.into() }
    }

    /// Blue by white to red, and what its ends mean.
    pub fn signed(least: impl Into<String>, most: impl Into<String>) -> Self {
        let colours = (0..STEPS).map(|i| signed_colour(2.0 * i as f32 / (STEPS - 1) as f32 - 1.0)).collect();
        Self { colours, least: least.into(), most: most.into() }
    }
}

/// Rows of pictures.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// How that was found.
    pub subtitle: String,
    /// The pictures, row by row.
    pub rows: Vec<Vec<Cell>>,
    /// What the colours mean.
    pub scale: Option<Scale>,
    /// The longer side of a picture in units.
    pub side: f64,
}

const MARGIN: f64 = 24.0;
const GAP: f64 = 16.0;
const TITLE: TextStyle = TextStyle { size: 21.0, colour: INK, align: Align::Left };
const SUBTITLE: TextStyle = TextStyle { size: 13.0, colour: FAINT, align: Align::Left };
const CAPTION: TextStyle = TextStyle { size: 13.0, colour: INK, align: Align::Left };
const NOTE: TextStyle = TextStyle { size: 12.0, colour: FAINT, align: Align::Left };
/// The height of a line of captions.
const LINE: f64 = 17.0;
/// The width of a scale.
const SCALE: f64 = 200.0;
/// The narrowest figure.
const NARROWEST: f64 = 420.0;

impl Figure {
    /// Where everything stands.
    pub fn draw(&self) -> Drawing {
        let widths = self.columns();
        let pictures = widths.iter().sum::<f64>() + GAP * widths.len().saturating_sub(1) as f64;
        let width = (pictures + 2.0 * MARGIN).max(NARROWEST);
        let mut drawing = Drawing::new((width, 0.0), &self.title);
        let room = width - 2.0 * MARGIN;
        drawing.text(Label::fitted(&self.title, room / TITLE.size), (MARGIN, 34.0), TITLE);
        let mut top = 62.0;
        for line in lines(&self.subtitle, room / SUBTITLE.size) {
            drawing.text(Label::fitted(&line, room / SUBTITLE.size), (MARGIN, top - 4.0), SUBTITLE);
            top += LINE;
        }
        for row in &self.rows {
            let sizes: Vec<(f64, f64)> = row.iter().map(|cell| self.size(cell)).collect();
            let height = sizes.iter().map(|size| size.1).fold(0.0, f64::max);
            let captions = if row.iter().all(|cell| cell.note.is_empty()) { 1.0 } else { 2.0 };
            let captions = if row.iter().all(|cell| cell.title.is_empty()) { 0.0 } else { captions };
            let mut left = MARGIN;
            for ((cell, size), width) in row.iter().zip(&sizes).zip(&widths) {
                place(&mut drawing, cell, (left, top), *size);
                let below = top + height + LINE * 0.75;
                let styled = |style: TextStyle, text: &str| Label::fitted(text, width / style.size);
                drawing.text(styled(CAPTION, &cell.title), (left, below), CAPTION);
                drawing.text(styled(NOTE, &cell.note), (left, below + LINE), NOTE);
                left += width + GAP;
            }
            top += height + captions * LINE + GAP;
        }
        if let Some(scale) = &self.scale {
            let colours = RgbImage::from_fn(STEPS as u32, 1, |x, _| Rgb(scale.colours[x as usize]));
            let start = MARGIN + text_width(&scale.least) * NOTE.size + 8.0;
            drawing.text(scale.least.as_str(), (MARGIN, top + 4.0), NOTE);
            drawing.picture((start, top), (start + SCALE, top + 8.0), colours);
            drawing.text(scale.most.as_str(), (start + SCALE + 8.0, top + 4.0), NOTE);
            top += 8.0 + GAP;
        }
        drawing.size.1 = top + MARGIN - GAP;
        drawing
    }

    /// The width of each column.
    fn columns(&self) -> Vec<f64> {
        let most = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| self.size(cell).0).fold(0.0, f64::max)
        };
        (0..most).map(width).collect()
    }

    /// Width and height of a picture in units.
    fn size(&self, cell: &Cell) -> (f64, f64) {
        let (width, height) = cell.picture.dimensions();
        let unit = self.side / f64::from(width.max(height).max(1));
        (f64::from(width) * unit, f64::from(height) * unit)
    }
}

/// A picture at its place, with the frames on it, cut off at its borders.
fn place(drawing: &mut Drawing, cell: &Cell, (left, top): (f64, f64), (width, height): (f64, f64)) {
    drawing.picture((left, top), (left + width, top + height), cell.picture.clone());
    let unit = width / f64::from(cell.picture.width().max(1));
    for [x0, y0, x1, y1] in &cell.frames {
        let at = |x: f64, y: f64| (left + (x * unit).clamp(0.0, width), top + (y * unit).clamp(0.0, height));
        let corners = [at(*x0, *y0), at(*x1, *y0), at(*x1, *y1), at(*x0, *y1), at(*x0, *y0)];
        drawing.line(corners.to_vec(), WHITE, 4.0);
        drawing.line(corners.to_vec(), STRONG, 2.0);
    }
}

/// A text broken at blanks into lines of at most so many ems.
fn lines(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line) + text_width(" ") + text_width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_proportions_and_have_captions() {
        let wide = RgbImage::from_pixel(40, 20, Rgb([200, 0, 0]));
        let high = RgbImage::from_pixel(10, 20, Rgb([0, 0, 200]));
        let mut framed = Cell::new(high, "high");
        framed.frames.push([-5.0, 5.0, 5.0, 50.0]);
        framed.note = "with a frame".into();
        let figure = Figure {
            title: "two <pictures>".into(),
            subtitle: "a line that is long enough to be broken into several ones ".repeat(3),
            rows: vec![vec![Cell::new(wide.clone(), "wide"), framed], vec![Cell::new(wide, "again")]],
            scale: Some(Scale::of(Palette::Viridis, "none", "most")),
            side: 200.0,
        };
        let drawing = figure.draw();
        assert_eq!(drawing.size.0, 200.0 + GAP + 100.0 + 2.0 * MARGIN + (NARROWEST - 364.0).max(0.0));
        let svg = drawing.svg();
        assert!(svg.contains("two &lt;pictures&gt;") && svg.contains("with a frame"));
        assert!(svg.contains("width=\"200\" height=\"100\"") && svg.contains("width=\"100\" height=\"200\""));
        let png = image::load_from_memory(&drawing.png().unwrap()).unwrap().into_rgb8();
        let count = |colour: [u8; 3]| png.pixels().filter(|pixel| pixel.0 == colour).count();
        assert_eq!(count([200, 0, 0]), 2 * 400 * 200);
        assert!(count([9, 103, 210]) > 300, "no frame");
    }
}
