//! Charts as SVG and PNG: one drawing, two backends, an embedded font.

use std::path::Path;

use convnet_formats::atomic;
use image::codecs::png::PngEncoder;
use image::imageops;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::train::TrainError;

/// Inter, Copyright 2016 The Inter Project Authors, SIL Open Font License 1.1 (`assets/fonts/OFL.txt`).
static FONT: &[u8] = include_bytes!("../../../assets/fonts/inter.ttf");

/// The name under which SVG files ask for the font.
const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// Text and axes.
pub(in crate::train) const INK: RGBColor = RGBColor(31, 41, 51);
/// What is secondary.
pub(in crate::train) const FAINT: RGBColor = RGBColor(110, 122, 135);
/// Grid lines.
pub(in crate::train) const GRID: RGBColor = RGBColor(228, 231, 235);
/// The colour of what matters: the test images.
pub(in crate::train) const STRONG: RGBColor = RGBColor(9, 103, 210);
/// The colour of what it is compared with: the training images.
pub(in crate::train) const PALE: RGBColor = RGBColor(240, 140, 46);

/// A PNG has this many pixels for each unit of the drawing.
const PNG_SCALE: u32 = 2;
/// The drawing library takes a font's line height, of which the em is this part.
const LINE_HEIGHT: f64 = 1.24;

/// The bitmap backend centres a text's whole line, the SVG backend its small letters.
const PNG_RISE: f64 = 0.13;

type Drawn = Result<(), String>;

/// A drawing of a width and height in units, each of which is `scale` pixels.
pub(in crate::train) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    /// How far the backend's texts stand above the middle of their points, in ems.
    rise: f64,
}

/// A chart: what it draws on a canvas of its size.
pub(in crate::train) trait Chart {
    /// Slanted lines of the bitmap backend have hard edges: a chart that has some is drawn this much larger
    /// and averaged.
    const OVERSAMPLING: u32;
    /// Width and height in units.
    fn size(&self) -> (u32, u32);
    /// Draws it.
    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn;
}

/// Writes a chart as `NAME.svg` and `NAME.png`.
pub(in crate::train) fn write(chart: &impl Chart, directory: &Path, name: &str) -> Result<(), TrainError> {
    for (extension, render) in [("svg", svg as fn(&_) -> _), ("png", png)] {
        let path = directory.join(name).with_extension(extension);
        let bytes = render(chart).map_err(|reason| TrainError::Chart { path: path.clone(), reason })?;
        atomic::write(&path, &bytes)?;
    }
    Ok(())
}

fn svg(chart: &impl Chart) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    paint(chart, SVGBackend::with_string(&mut text, chart.size()), 1.0, 0.0)?;
    Ok(text.into_bytes())
}

fn png<C: Chart>(chart: &C) -> Result<Vec<u8>, String> {
    let (width, height) = chart.size();
    let scale = PNG_SCALE * C::OVERSAMPLING;
    let (wide, high) = (width * scale, height * scale);
    let mut pixels = vec![0; wide as usize * high as usize * 3];
    paint(chart, BitMapBackend::with_buffer(&mut pixels, (wide, high)), f64::from(scale), PNG_RISE)?;
    let large =
        RgbImage::from_raw(wide, high, pixels).ok_or("the picture has another size than its pixels")?;
    let (width, height) = (width * PNG_SCALE, height * PNG_SCALE);
    let small = if C::OVERSAMPLING == 1 { large } else { imageops::thumbnail(&large, width, height) };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(small.as_raw(), width, height, ExtendedColorType::Rgb8)
        .map_err(told)?;
    Ok(bytes)
}

fn paint<DB: DrawingBackend>(chart: &impl Chart, backend: DB, scale: f64, rise: f64) -> Drawn {
    register_font(FAMILY, FontStyle::Normal, FONT).map_err(|_| "the embedded font cannot be read")?;
    let area = backend.into_drawing_area();
    area.fill(&WHITE).map_err(told)?;
    chart.draw(&Canvas { area: &area, scale, rise })?;
    area.present().map_err(told)
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Where a text stands beside its point.
#[derive(Clone, Copy)]
pub(in crate::train) enum Align {
    Left,
    Centre,
    Right,
}

/// A text's size in units, colour and place.
#[derive(Clone, Copy)]
pub(in crate::train) struct TextStyle {
    pub(in crate::train) size: f64,
    pub(in crate::train) colour: RGBColor,
    pub(in crate::train) align: Align,
}

impl TextStyle {
    pub(in crate::train) fn new(size: f64, colour: RGBColor, align: Align) -> Self {
        Self { size, colour, align }
    }
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    /// A text, its middle line at the point's height.
    pub(in crate::train) fn text(&self, text: &str, at: (f64, f64), style: TextStyle) -> Drawn {
        let h = match style.align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let font = (FAMILY, style.size * LINE_HEIGHT * self.scale).into_font();
        let at = self.pixel((at.0, at.1 + self.rise * style.size));
        let style = font.color(&style.colour).pos(Pos::new(h, VPos::Center));
        self.area.draw_text(text, &style, at).map_err(told)
    }

    /// A line through points, of a width in units.
    pub(in crate::train) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: f64) -> Drawn {
        let points: Vec<_> = points.iter().map(|&p| self.pixel(p)).collect();
        let style = ShapeStyle::from(&colour).stroke_width(((width * self.scale).round() as u32).max(1));
        self.area.draw(&PathElement::new(points, style)).map_err(told)
    }

    /// A disc of a radius in units, with a white rim that sets it off from its line.
    pub(in crate::train) fn dot(&self, at: (f64, f64), radius: f64, colour: RGBColor) -> Drawn {
        for (radius, colour) in [(radius + 1.5, WHITE), (radius, colour)] {
            let radius = (radius * self.scale).round() as i32;
            self.area.draw(&Circle::new(self.pixel(at), radius, colour.filled())).map_err(told)?;
        }
        Ok(())
    }

    /// A filled rectangle between two corners.
    pub(in crate::train) fn rectangle(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Drawn {
        let corners = [self.pixel(from), self.pixel(to)];
        self.area.draw(&Rectangle::new(corners, colour.filled())).map_err(told)
    }
}

#[cfg(test)]
pub(in crate::train) mod tests {
    use super::*;

    /// Both forms of a chart: the SVG's text, and the PNG decoded again.
    pub(in crate::train) fn rendered(chart: &impl Chart) -> (String, RgbImage) {
        let svg = String::from_utf8(svg(chart).unwrap()).unwrap();
        let png = image::load_from_memory(&png(chart).unwrap()).unwrap().into_rgb8();
        let (width, height) = chart.size();
        assert_eq!(png.dimensions(), (width * PNG_SCALE, height * PNG_SCALE));
        (svg, png)
    }
}
