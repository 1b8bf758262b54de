//! Linear maps along the channels, the rows and the columns of images, one after the other: borders that mirror, parts,
//! sums, means, and images of another size.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// What each element along an axis is made of: a sparse matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    inputs: usize,
    /// Where the row of each output starts, and where the last one ends.
    starts: Vec<usize>,
    /// The inputs and their weights, row after row.
    entries: Vec<(usize, f32)>,
    /// How outputs are told more simply, if they are.
    kind: Kind,
}

/// What is known of taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Each output is one input with weight 1, and they follow one another from this one on.
    Shift(usize),
    /// Each output is one input with weight 1.
    Picks,
    /// Nothing.
    Sums,
}

impl Taps {
    /// So many inputs, and of each output the inputs that it is a sum of, with their weights.
    ///
    /// # Panics
    /// If an input is not there.
    pub fn new(inputs: usize, rows: impl IntoIterator<Item = Vec<(usize, f32)>>) -> Self {
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for row in rows {
            entries.extend(row);
            starts.push(entries.len());
        }
        assert!(entries.iter().all(|&(input, _)| input < inputs), "an input beyond {inputs}");
        let first = entries.first().map_or(0, |&(input, _)| input);
        let one_each = starts.iter().enumerate().all(|(i, &start)| start == i);
        let kind = if !one_each || entries.iter().any(|&(_, weight)| weight != 1.0) {
            Kind::Sums
        } else if entries.iter().enumerate().all(|(i, &(input, _))| input == first + i) {
            Kind::Shift(first)
        } else {
            Kind::Picks
        };
        Self { inputs, starts, entries, kind }
    }

    /// Every output is the input of its number.
    pub fn identity(size: usize) -> Self {
        Self::new(size, (0..size).map(|i| vec![(i, 1.0)]))
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// What an output is made of.
    #[inline(always)]
    fn row(&self, output: usize) -> &[(usize, f32)] {
        &self.entries[self.starts[output]..self.starts[output + 1]]
    }

    /// The transposed matrix: the gradient's.
    pub fn transposed(&self) -> Self {
        let mut rows = vec![Vec::new(); self.inputs];
        for output in 0..self.outputs() {
            for &(input, weight) in self.row(output) {
                rows[input].push((output, weight));
            }
        }
        Self::new(self.outputs(), rows)
    }
}

/// A linear map along each axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Separable {
    /// Along the channels.
    pub channels: Taps,
    /// Along the rows of pixels.
    pub rows: Taps,
    /// Along the columns.
    pub columns: Taps,
}

impl Separable {
    /// The map from gradients of outputs to those of inputs.
    pub fn transposed(&self) -> Self {
        Self {
            channels: self.channels.transposed(),
            rows: self.rows.transposed(),
            columns: self.columns.transposed(),
        }
    }
}

/// out (+)= the map of the input. A pixel is summed by one task, row by row.
///
/// # Panics
/// If views do not fit the map, reach beyond the arena, or overlap.
pub fn separable(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    map: &Separable,
    [input, out]: [View; 2],
    accumulate: bool,
) {
    let Separable { channels, rows, columns } = map;
    arena.check(input);
    arena.check(out);
    input.assert_disjoint(out);
    let sizes = [(input, rows.inputs(), columns.inputs()), (out, rows.outputs(), columns.outputs())];
    let [images, outputs] = sizes.map(|(view, height, width)| view.maps(product(&[height, width])));
    assert_eq!(images, outputs, "as many maps");
    assert_eq!((input.channels, out.channels), (channels.inputs(), channels.outputs()), "channels");
    let pointer = arena.pointer();
    let of_pixel = product(&[out.channels, (rows.entries.len() / rows.outputs().max(1)).max(1)]);
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / of_pixel.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer,
                          pixels: Range<usize>,
                          map: &Separable,
                          views: [View; 2],
                          accumulate: bool| {
            let [input, out] = views;
            let Separable { channels, rows, columns } = map;
            let (height, width) = (rows.outputs(), columns.outputs());
            for pixel in pixels {
                let (row, x) = (pixel / width, pixel % width);
                let (image, y) = (row / height, row % height);
                // SAFETY: the view is inside the arena and apart from the input; tasks have different pixels of it.
                let sums = unsafe { p.slice_mut(out.pixel(pixel)) };
                let (by_rows, by_columns) = (rows.row(y), columns.row(x));
                let mut fresh = !accumulate;
                for &(row, by_row) in by_rows {
                    for &(column, by_column) in by_columns {
                        let at = (image * rows.inputs() + row) * columns.inputs() + column;
                        // SAFETY: row and column are inputs of their maps, of which the view, inside the arena, has as many
                        // as images; nothing writes it.
                        let pixel = unsafe { p.slice(input.pixel(at)) };
                        let weight = by_row * by_column;
                        if fresh {
                            set(sums, pixel, channels, weight);
                        } else {
                            add(sums, pixel, channels, weight);
                        }
                        fresh = false;
                    }
                }
                if fresh {
                    sums.fill(0.0);
                }
            }
        }(
            pointer,
            pixels,
            map,
            [input, out],
            accumulate
        ));
    });
}

/// sums = weight · the map of a pixel's channels.
#[inline(always)]
fn set(sums: &mut [f32], pixel: &[f32], channels: &Taps, weight: f32) {
    match channels.kind {
        Kind::Shift(first) => {
            let pixel = &pixel[first..first + sums.len()];
            sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum = weight * x);
        }
        Kind::Picks => {
            let picks = channels.entries.iter();
            sums.iter_mut().zip(picks).for_each(|(sum, &(input, _))| *sum = weight * pixel[input]);
        }
        Kind::Sums => {
            sums.fill(0.0);
            add(sums, pixel, channels, weight);
        }
    }
}

/// sums += weight · the map of a pixel's channels.
#[inline(always)]
fn add(sums: &mut [f32], pixel: &[f32], channels: &Taps, weight: f32) {
    if let Kind::Shift(first) = channels.kind {
        let pixel = &pixel[first..first + sums.len()];
        return sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += weight * x);
    }
    for (c, sum) in sums.iter_mut().enumerate() {
        let row = channels.row(c).iter();
        *sum += weight * row.map(|&(input, weight)| weight * pixel[input]).sum::<f32>();
    }
}
