//! Texts as paths.

use tiny_skia::{Path, PathBuilder};
use ttf_parser::OutlineBuilder;

use super::{CAPITAL, UNITS, advance, outline};

/// The outlines of a text from a point on, the middle of its capital letters at the point's height; `None` for one that
/// has none.
pub(crate) fn path(text: &str, (x, y): (f64, f64), size: f64) -> Option<Path> {
    let (y, scale) = ((y + size * CAPITAL / 2.0) as f32, (size / UNITS) as f32);
    let mut pen = Pen { path: PathBuilder::new(), x: 0.0, y, scale };
    let mut x = x;
    for c in text.chars() {
        pen.x = x as f32;
        outline(c, &mut pen);
        x += size * advance(c);
    }
    pen.path.finish()
}

/// Places outlines in font units, which count upwards.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
