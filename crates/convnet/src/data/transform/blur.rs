//! Changes that look at a pixel's neighbours: blur and sharpness.

use super::border::{PaddingMode, source};
use super::canvas::Canvas;

/// A bell of `size` weights, whose sum is 1.
fn bell(size: usize, sigma: f64, weights: &mut Vec<f32>) {
    let middle = (size / 2) as f64;
    let weight = |place: usize| (-((place as f64 - middle) / sigma).powi(2) / 2.0).exp();
    let total: f64 = (0..size).map(weight).sum();
    weights.clear();
    weights.extend((0..size).map(|place| (weight(place) / total) as f32));
}

/// Memory for [`Canvas::blur`].
#[derive(Debug, Default)]
pub(super) struct Blur {
    weights: Vec<f32>,
    row: Vec<f32>,
}

impl Canvas {
    /// Blurred by a bell of `columns` × `rows` weights with the deviation `sigma`; the image is mirrored at its
    /// edges.
    pub(super) fn blur(&mut self, [columns, rows]: [usize; 2], sigma: f64, memory: &mut Blur) {
        let [height, width] = self.size;
        let Blur { weights, row } = memory;
        let mirrored = |place: usize, by: usize, of: usize| {
            source(place as isize - (by / 2) as isize, of, PaddingMode::Reflect).unwrap_or(0)
        };
        self.floats.resize(height * width, 0.0);
        row.resize(width + columns - 1, 0.0);
        for plane in self.levels.chunks_exact_mut(height * width) {
            bell(columns, sigma, weights);
            for (from, to) in plane.chunks_exact(width).zip(self.floats.chunks_exact_mut(width)) {
                for (place, level) in row.iter_mut().enumerate() {
                    *level = f32::from(from[mirrored(place, columns, width)]);
                }
                to.fill(0.0);
                for (tap, &weight) in weights.iter().enumerate() {
                    add(&row[tap..][..width], weight, to);
                }
            }
            bell(rows, sigma, weights);
            for (y, to) in plane.chunks_exact_mut(width).enumerate() {
                let sum = &mut row[..width];
                sum.fill(0.0);
                for (tap, &weight) in weights.iter().enumerate() {
                    let from = mirrored(y + tap, rows, height);
                    add(&self.floats[from * width..][..width], weight, sum);
                }
                to.iter_mut().zip(sum).for_each(|(to, sum)| *to = sum.round_ties_even() as u8);
            }
        }
    }

    /// Each level as far from the mean of its surroundings as `factor` times what it is; the pixels at the
    /// edges stay.
    pub(super) fn sharpness(&mut self, factor: f64) {
        let [height, width] = self.size;
        if height < 3 || width < 3 {
            return;
        }
        let rest = (1.0 - factor) as f32;
        self.spare.clone_from(&self.levels);
        let planes = self.spare.chunks_exact(height * width);
        for (from, to) in planes.zip(self.levels.chunks_exact_mut(height * width)) {
            for y in 1..height - 1 {
                let rows = [y - 1, y, y + 1].map(|y| &from[y * width..][..width]);
                sharpen(rows, rest, &mut to[y * width + 1..][..width - 2]);
            }
        }
    }
}

/// Adds a row, weighted.
#[inline(never)]
fn add(from: &[f32], weight: f32, to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += weight * from);
}

/// The inner levels of the middle row.
///
/// Not inlined: as a function's arguments, the slices are known not to overlap, and the loop is vectorized.
#[inline(never)]
fn sharpen(rows: [&[u8]; 3], rest: f32, to: &mut [u8]) {
    let thirds = |row: usize, shift: usize| &rows[row][shift..][..to.len()];
    let near = [0, 1, 2].map(|row| [0, 1, 2].map(|shift| thirds(row, shift)));
    for (x, to) in to.iter_mut().enumerate() {
        let sum: u16 = near.iter().flatten().map(|levels| u16::from(levels[x])).sum();
        let level = near[1][1][x];
        // The level itself counts five times, its neighbours once; rounded.
        let mean = (2 * (sum + 4 * u16::from(level)) + 13) / 26;
        *to = (f32::from(level) + rest * (f32::from(mean) - f32::from(level))) as u8;
    }
}
