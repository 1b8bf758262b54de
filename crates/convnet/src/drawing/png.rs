//! A drawing as PNG, at two pixels a unit.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use super::{Align, Colour, Drawing, Mark, Point, TextStyle};
use crate::font;

/// Pixels of a unit.
pub(super) const SCALE: f64 = 2.0;

/// The bytes of the file, or what went wrong.
pub(super) fn png(drawing: &Drawing) -> Result<Vec<u8>, String> {
    let (width, height) = ((drawing.size.0 * SCALE).ceil() as u32, (drawing.size.1 * SCALE).ceil() as u32);
    let mut canvas = Pixmap::new(width, height)
        .ok_or_else(|| format!("a picture of {width} x {height} pixels cannot be drawn"))?;
    canvas.fill(Color::WHITE);
    for mark in &drawing.marks {
        draw(&mut canvas, mark);
    }
    // On white paper every pixel is opaque.
    let pixels: Vec<u8> = canvas.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let image = RgbImage::from_raw(width, height, pixels).ok_or("the picture lost pixels")?;
    encoded(&image)
}

/// The file of an image. Large areas of one colour become smallest without a filter.
pub(super) fn encoded(image: &RgbImage) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::NoFilter)
        .write_image(image, image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Draws a mark; one without extent draws nothing.
fn draw(canvas: &mut Pixmap, mark: &Mark) {
    let whole = Transform::from_scale(SCALE as f32, SCALE as f32);
    match mark {
        Mark::Text { label, at, style } => {
            if let Some(path) = letters(&label.drawn, *at, *style) {
                canvas.fill_path(&path, &paint(style.colour), FillRule::Winding, whole, None);
            }
        }
        Mark::Line { points, colour, width, dashed } => {
            if let Some(path) = polyline(points, false) {
                let stroke = Stroke {
                    width: *width as f32,
                    line_cap: LineCap::Butt,
                    line_join: LineJoin::Round,
                    dash: if *dashed { StrokeDash::new(vec![4.0, 4.0], 0.0) } else { None },
                    ..Stroke::default()
                };
                canvas.stroke_path(&path, &paint(*colour), &stroke, whole, None);
            }
        }
        Mark::Polygon { points, colour } => {
            if let Some(path) = polyline(points, true) {
                canvas.fill_path(&path, &paint(*colour), FillRule::Winding, whole, None);
            }
        }
        Mark::Disc { at, radius, colour } => {
            if let Some(path) = PathBuilder::from_circle(at.0 as f32, at.1 as f32, *radius as f32) {
                canvas.fill_path(&path, &paint(*colour), FillRule::Winding, whole, None);
            }
        }
        Mark::Rectangle { from, to, radius, colour } => {
            if let Some(path) = rectangle(*from, *to, *radius) {
                canvas.fill_path(&path, &paint(*colour), FillRule::Winding, whole, None);
            }
        }
        Mark::Picture { from, to, pixels } => copy(canvas, *from, *to, pixels),
    }
}

/// Copies an image, its pixels squares, to where its corners are.
fn copy(canvas: &mut Pixmap, from: Point, to: Point, pixels: &RgbImage) {
    let place = |value: f64, most: u32| ((value * SCALE).round().max(0.0) as u32).min(most);
    let (wide, high) = (canvas.width(), canvas.height());
    let (left, right) = (place(from.0, wide), place(to.0, wide));
    let (top, bottom) = (place(from.1, high), place(to.1, high));
    for y in top..bottom {
        let row = (u64::from(y - top) * u64::from(pixels.height()) / u64::from(bottom - top)) as u32;
        for x in left..right {
            let column = (u64::from(x - left) * u64::from(pixels.width()) / u64::from(right - left)) as u32;
            let level = pixels.get_pixel(column, row).0;
            let at = 4 * (y as usize * wide as usize + x as usize);
            canvas.data_mut()[at..at + 3].copy_from_slice(&level);
        }
    }
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour.0, colour.1, colour.2, 255);
    paint.anti_alias = true;
    paint
}

fn polyline(points: &[Point], close: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (&first, rest) = points.split_first()?;
    path.move_to(first.0 as f32, first.1 as f32);
    for &point in rest {
        path.line_to(point.0 as f32, point.1 as f32);
    }
    if close {
        path.close();
    }
    path.finish()
}

/// How far the control points of a quarter circle lie from its ends, in radii.
const QUARTER: f32 = 0.552_284_8;

fn rectangle(from: Point, to: Point, radius: f64) -> Option<Path> {
    let rect = Rect::from_ltrb(from.0 as f32, from.1 as f32, to.0 as f32, to.1 as f32)?;
    let r = (radius as f32).min(rect.width() / 2.0).min(rect.height() / 2.0);
    if r <= 0.0 {
        return Some(PathBuilder::from_rect(rect));
    }
    let (left, top, right, bottom) = (rect.left(), rect.top(), rect.right(), rect.bottom());
    let k = r * (1.0 - QUARTER);
    let mut path = PathBuilder::new();
    path.move_to(left + r, top);
    path.line_to(right - r, top);
    path.cubic_to(right - k, top, right, top + k, right, top + r);
    path.line_to(right, bottom - r);
    path.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
    path.line_to(left + r, bottom);
    path.cubic_to(left + k, bottom, left, bottom - k, left, bottom - r);
    path.line_to(left, top + r);
    path.cubic_to(left, top + k, left + k, top, left + r, top);
    path.close();
    path.finish()
}

/// The outlines of a text.
fn letters(text: &str, at: Point, style: TextStyle) -> Option<Path> {
    let width = style.size * font::width(text);
    let start = match style.align {
        Align::Left => at.0,
        Align::Centre => at.0 - width / 2.0,
        Align::Right => at.0 - width,
    };
    font::path(text, (start, at.1), style.size)
}
