//! Images turned, shifted, scaled, sheared and seen in perspective: each pixel of the result is looked up in
//! the image.
//!
//! Places are computed in float32 in the order of torchvision's functions on tensors. Where a place lies on the
//! edge between two pixels, `nearest` may take the other one than a PyTorch that fuses multiplications and
//! additions.

use super::canvas::Canvas;
use super::values::{Fill, Interpolation};

/// How a pixel is looked up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lookup {
    /// `Nearest`, or else bilinear.
    pub(super) interpolation: Interpolation,
    /// The level outside of the image. `None`: black, into which bilinear interpolation fades once; a fill of 0
    /// fades twice, as torchvision's does.
    pub(super) fill: Option<Fill>,
}

/// A turn, a shift, a scaling and a shear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine {
    /// Degrees, clockwise.
    pub(super) angle: f64,
    /// Pixels to the right and down.
    pub(super) translate: [f64; 2],
    pub(super) scale: f64,
    /// Degrees along x and y.
    pub(super) shear: [f64; 2],
    /// The place that stays, from the upper left corner; the middle if `None`.
    pub(super) center: Option<[f64; 2]>,
}

impl Affine {
    /// Nothing.
    pub(super) const NONE: Self =
        Self { angle: 0.0, translate: [0.0; 2], scale: 1.0, shear: [0.0; 2], center: None };

    /// From places of the result to places of the image, both from the middle.
    fn inverse(&self, [height, width]: [usize; 2]) -> [f32; 6] {
        let [cx, cy] = match self.center {
            Some([x, y]) => [x - width as f64 * 0.5, y - height as f64 * 0.5],
            None => [0.0; 2],
        };
        let ([tx, ty], turn) = (self.translate, self.angle.to_radians());
        let [sx, sy] = self.shear.map(f64::to_radians);
        let a = (turn - sy).cos() / sy.cos();
        let b = -(a * sx.tan() + turn.sin());
        let c = (turn - sy).sin() / sy.cos();
        let d = turn.cos() - c * sx.tan();
        let [a, b, c, d] = [d, -b, -c, a].map(|x| x / self.scale);
        let (x, y) = (cx + tx, cy + ty);
        [a, b, cx - a * x - b * y, c, d, cy - c * x - d * y].map(|x| x as f32)
    }
}

/// Where the pixels of one row come from, and the image within black.
#[derive(Debug, Default)]
pub(super) struct Grid {
    xs: Vec<f32>,
    ys: Vec<f32>,
    /// The place of the upper left of four pixels in the image within black.
    from: Vec<usize>,
    /// How far a place lies in the image: 1 inside, 0 outside.
    inside: Vec<f32>,
    framed: Vec<u8>,
}

impl Canvas {
    /// The image turned by degrees, counterclockwise; `expand`: on as much space as it takes.
    pub(super) fn rotate(&mut self, angle: f64, expand: bool, center: Option<[f64; 2]>, lookup: Lookup) {
        let angle = angle.rem_euclid(360.0);
        let [height, width] = self.size;
        if center.is_none() {
            if angle == 0.0 {
                return;
            }
            if angle == 180.0 {
                return self.planes().for_each(<[u8]>::reverse);
            }
            if [90.0, 270.0].contains(&angle) && (expand || height == width) {
                return self.quarter(angle == 90.0);
            }
        }
        let matrix = Affine { angle: -angle, center, ..Affine::NONE }.inverse(self.size);
        let size = if expand { expanded(matrix, self.size) } else { self.size };
        self.transform(matrix, size, lookup);
    }

    /// The image under an affine map.
    pub(super) fn affine(&mut self, affine: Affine, lookup: Lookup) {
        self.transform(affine.inverse(self.size), self.size, lookup);
    }

    /// A quarter of a turn.
    fn quarter(&mut self, counterclockwise: bool) {
        let [height, width] = self.size;
        self.spare.clear();
        for plane in self.levels.chunks_exact(height * width) {
            for y in 0..width {
                let column = if counterclockwise { width - 1 - y } else { y };
                let column = plane[column..].iter().step_by(width);
                match counterclockwise {
                    true => self.spare.extend(column),
                    false => self.spare.extend(column.rev()),
                }
            }
        }
        std::mem::swap(&mut self.levels, &mut self.spare);
        self.size = [width, height];
    }

    fn transform(&mut self, matrix: [f32; 6], [rows, columns]: [usize; 2], lookup: Lookup) {
        let [height, width] = self.size.map(|side| side as f32);
        let half = [0.5 * width, 0.5 * width, 0.5 * width, 0.5 * height, 0.5 * height, 0.5 * height];
        let mut scaled = matrix;
        scaled.iter_mut().zip(half).for_each(|(x, half)| *x /= half);
        let [a, b, c, d, e, f] = scaled;
        let (left, top) = ((1.0 - columns as f32) * 0.5, (1.0 - rows as f32) * 0.5);
        self.look_up([rows, columns], lookup, |row, xs, ys| {
            let y = top + row as f32;
            for (column, (to_x, to_y)) in xs.iter_mut().zip(ys).enumerate() {
                let x = left + column as f32;
                *to_x = x * a + y * b + c;
                *to_y = x * d + y * e + f;
            }
        });
    }

    /// The image under a projective map, given by the coefficients of [`perspective`].
    pub(super) fn perspective(&mut self, coefficients: [f32; 8], lookup: Lookup) {
        let [height, width] = self.size.map(|side| side as f32);
        let [a, b, c, d, e, f, g, h] = coefficients;
        let [a, b, c] = [a, b, c].map(|x| x / (0.5 * width));
        let [d, e, f] = [d, e, f].map(|x| x / (0.5 * height));
        self.look_up(self.size, lookup, |row, xs, ys| {
            let y = row as f32 + 0.5;
            for (column, (to_x, to_y)) in xs.iter_mut().zip(ys).enumerate() {
                let x = column as f32 + 0.5;
                let depth = x * g + y * h + 1.0;
                *to_x = (x * a + y * b + c) / depth - 1.0;
                *to_y = (x * d + y * e + f) / depth - 1.0;
            }
        });
    }

    /// Replaces the image by one of `size`, whose pixels `places` tells for each row: from -1 to 1 across the image.
    fn look_up(&mut self, size: [usize; 2], lookup: Lookup, places: impl Fn(usize, &mut [f32], &mut [f32])) {
        let channels = Fill::channels(lookup.fill, self.channels);
        let ([rows, columns], before) = (size, self.size);
        let wide = before[1] + 3;
        let framed_area = (before[0] + 3) * wide;
        let Self { levels, spare, grid, .. } = self;
        grid.frame(levels, before);
        spare.resize(channels * rows * columns, 0);
        grid.xs.resize(columns, 0.0);
        grid.ys.resize(columns, 0.0);
        for row in 0..rows {
            places(row, &mut grid.xs, &mut grid.ys);
            grid.locate(before, lookup.interpolation);
            for channel in 0..channels {
                let plane = &grid.framed[channel % self.channels * framed_area..][..framed_area];
                let to = &mut spare[(channel * rows + row) * columns..][..columns];
                let fill = lookup.fill.map(|fill| fill.level(channel));
                match lookup.interpolation {
                    Interpolation::Nearest => grid.nearest(plane, fill, to),
                    _ => grid.bilinear(plane, wide, fill, to),
                }
            }
        }
        std::mem::swap(levels, spare);
        (self.channels, self.size) = (channels, size);
    }
}

impl Grid {
    /// The planes with black around: a pixel at the near sides, two at the far ones.
    fn frame(&mut self, levels: &[u8], [height, width]: [usize; 2]) {
        let wide = width + 3;
        self.framed.clear();
        for plane in levels.chunks_exact(height * width) {
            self.framed.resize(self.framed.len() + wide, 0);
            for row in plane.chunks_exact(width) {
                self.framed.push(0);
                self.framed.extend_from_slice(row);
                self.framed.extend([0, 0]);
            }
            self.framed.resize(self.framed.len() + 2 * wide, 0);
        }
    }

    /// From places across the image to pixels, and how far these lie in it.
    fn locate(&mut self, [height, width]: [usize; 2], interpolation: Interpolation) {
        let (h, w, wide) = (height as f32, width as f32, width + 3);
        self.from.clear();
        self.inside.clear();
        for (x, y) in self.xs.iter_mut().zip(&mut self.ys) {
            // What is no number lies outside.
            let pixel = |place: f32, side: f32| (((place + 1.0) * side - 1.0) * 0.5).max(-1.0).min(side);
            let (px, py) = (pixel(*x, w), pixel(*y, h));
            if interpolation == Interpolation::Nearest {
                let (px, py) = (px.round_ties_even(), py.round_ties_even());
                let inside = px >= 0.0 && py >= 0.0 && px < w && py < h;
                self.from.push((py + 1.0) as usize * wide + (px + 1.0) as usize);
                self.inside.push(if inside { 1.0 } else { 0.0 });
            } else {
                let (left, top) = (px.floor(), py.floor());
                let within = |place: f32, side: f32| (place + 1.0).min(side - place).clamp(0.0, 1.0);
                (*x, *y) = (px - left, py - top);
                self.from.push((top + 1.0) as usize * wide + (left + 1.0) as usize);
                self.inside.push(within(px, w) * within(py, h));
            }
        }
    }

    fn nearest(&self, plane: &[u8], fill: Option<f32>, to: &mut [u8]) {
        let fill = fill.map_or(0, |fill| fill.round_ties_even() as u8);
        for ((to, &from), &inside) in to.iter_mut().zip(&self.from).zip(&self.inside) {
            *to = if inside > 0.5 { plane[from] } else { fill };
        }
    }

    fn bilinear(&self, plane: &[u8], wide: usize, fill: Option<f32>, to: &mut [u8]) {
        let places = self.from.iter().zip(&self.xs).zip(&self.ys).zip(&self.inside);
        for (to, (((&from, &x), &y), &inside)) in to.iter_mut().zip(places) {
            let pair = |from: usize| {
                let pair = &plane[from..][..2];
                f32::from(pair[0]) * (1.0 - x) + f32::from(pair[1]) * x
            };
            let level = pair(from) * (1.0 - y) + pair(from + wide) * y;
            let level = fill.map_or(level, |fill| (level - fill) * inside + fill);
            *to = level.round_ties_even() as u8;
        }
    }
}

/// Height and width that hold a whole image after it is turned.
fn expanded([a, b, c, d, e, f]: [f32; 6], [height, width]: [usize; 2]) -> [usize; 2] {
    let (x, y) = (0.5 * width as f32, 0.5 * height as f32);
    let corners = [(-x, -y), (-x, y), (x, y), (x, -y)];
    let span = |places: [f32; 4], half: f32| {
        // Digits beyond the fourth are noise, which must not become a pixel.
        let cut = |place: f32| ((place + half) * (1.0 / 1e-4)).trunc() * 1e-4;
        let most = places.iter().copied().fold(f32::MIN, f32::max);
        let least = places.iter().copied().fold(f32::MAX, f32::min);
        ((cut(most).ceil() - cut(least).floor()) as usize).max(1)
    };
    [span(corners.map(|(x, y)| d * x + e * y + f), y), span(corners.map(|(x, y)| a * x + b * y + c), x)]
}

/// The coefficients of the projective map that takes each of the places `to` (x, y) to that of `from`; `None`
/// if there is none, as of three places in a line.
pub(super) fn perspective(from: [[f64; 2]; 4], to: [[f64; 2]; 4]) -> Option<[f32; 8]> {
    let mut system = [[0.0f64; 9]; 8];
    for (rows, ([x, y], [u, v])) in system.chunks_exact_mut(2).zip(to.into_iter().zip(from)) {
        rows[0] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u];
        rows[1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v];
    }
    // Gauss and Jordan, by the largest element of each column.
    for column in 0..8 {
        let size = |row: &usize| system[*row][column].abs();
        let largest = (column..8).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if size(&largest) < 1e-9 {
            return None;
        }
        system.swap(column, largest);
        let pivot = system[column].map(|x| x / system[column][column]);
        system[column] = pivot;
        for (_, values) in system.iter_mut().enumerate().filter(|(row, _)| *row != column) {
            let factor = values[column];
            values.iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    Some(system.map(|row| row[8] as f32))
}
