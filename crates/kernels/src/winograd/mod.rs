//! Winograd's minimal filtering of convolutions of stride 1: F(4×4, 3×3) takes a quarter of the products of a 3×3 convolution,
//! F(2×2, 3×3) four ninths by less than half of the weights, F(4×4, 5×5) 16% of a 5×5 one's. Weight gradients have F(6×6, 3×3) too,
//! which takes a fifth.
//!
//! Winograd 1980; Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks". The points of a tile of 4×4 are
//! 0, ±1 and ∞, those of 6×6 0, ±1/√2, ±√2 and ∞, which err less than whole numbers (Barabasz et al. 2020), those of 8×8 0, ±1/2,
//! ±1, ±2 and ∞, which err more: their products are summed over a few channels at a time.

mod blocks;
mod filtering;
mod gradient;
mod groups;
mod input;
mod output;
mod planes;
mod transform;
mod weights;

use std::ops::Range;

use crate::ahead::{Ahead, Span};
use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::moments::{Chunks, Target};
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tile::{ONE_TAP, Tile, check_epilogue, floats_ahead, multiply};
use crate::tiling::by_group;
use crate::tuning::winograd::{LEAST_TASK_PANELS, LEAST_TASK_TILES};
pub use blocks::winograd_scratch;
use blocks::{Blocks, Part};
pub use filtering::Filtering;
pub use gradient::{WinogradGradient, winograd_gradient, winograd_gradient_scratch};
pub use groups::{winograd_groups, winograd_groups_scratch};
use input::{Source, transform_tiles};
use output::output_tiles;
pub use weights::{winograd_turned_weights, winograd_weights};

/// A convolution of stride 1 and dilation 1.
#[derive(Clone, Copy, Debug)]
pub struct Winograd<'a> {
    /// Rows and columns of the kernel and of a tile's outputs: F(2×2, 3×3), F(4×4, 3×3) or F(4×4, 5×5).
    pub filtering: Filtering,
    /// Images.
    pub batch: usize,
    /// The input map, and its height and width.
    pub input: View,
    /// Height and width of the input.
    pub input_size: (usize, usize),
    /// Zeros above and to the left of it.
    pub padding: (usize, usize),
    /// [`Filtering::points`] packed matrices, input × output channels, see [`winograd_weights`].
    pub weights: &'a [f32],
    /// The layout of one of them.
    pub panels: Panels,
    /// Values added to each output channel, if any.
    pub bias: Option<&'a [f32]>,
    /// Pixels like the output's that are added before ReLU; the output itself accumulates.
    pub addend: Option<View>,
    /// What follows.
    pub relu: Rectifier,
    /// The output map.
    pub out: View,
    /// Height and width of the output.
    pub output_size: (usize, usize),
    /// Where [`winograd_scratch`] or [`winograd_groups_scratch`] floats lie free in the arena.
    pub scratch: usize,
}

impl Winograd<'_> {
    /// Checks views, sizes and lengths against the arena and one another.
    ///
    /// # Panics
    /// As [`winograd`].
    fn check(&self, isa: Isa, arena: &Arena) {
        let Self { filtering, batch, input, input_size, padding, panels, out, output_size, .. } = *self;
        filtering.assert_of_outputs();
        arena.check(input);
        arena.check(out);
        input.assert_disjoint(out);
        assert_eq!(input.pixels, product(&[batch, input_size.0, input_size.1]), "input pixels");
        assert_eq!(out.pixels, product(&[batch, output_size.0, output_size.1]), "output pixels");
        let kernel = filtering.kernel();
        assert!(padding.0 < kernel && padding.1 < kernel, "padding narrower than the kernel");
        let expected = Panels::new(isa, input.channels, out.channels);
        assert_eq!(panels, expected, "weights packed for another product");
        assert_eq!(
            self.weights.len(),
            product(&[filtering.points(), panels.len()]),
            "length of the transformed weights"
        );
        check_epilogue(arena, out, self.bias, self.addend);
    }

    /// Checks the scratch of some blocks.
    ///
    /// # Panics
    /// If it reaches beyond the arena or overlaps a view.
    fn check_scratch(&self, arena: &Arena, blocks: &Blocks) {
        let (input_floats, product_floats) = blocks.floats(self.panels);
        let scratch = View::dense(self.scratch, 1, product(&[blocks.lanes, input_floats + product_floats]));
        arena.check(scratch);
        for view in [Some(self.input), Some(self.out), self.addend].into_iter().flatten() {
            scratch.assert_disjoint(view);
        }
    }
}

/// Runs a convolution by Winograd's algorithm. Each output element is computed in an order fixed by the shapes.
/// `statistics` take the mean and the biased variance of each output channel.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap (an addend may be the output itself), or lengths do not
/// match the sizes, or no convolution is computed on such tiles.
pub fn winograd(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &Winograd<'_>,
    statistics: Option<[&mut [f32]; 2]>,
) {
    call.check(isa, arena);
    let Winograd { filtering, panels, output_size, .. } = *call;
    let grid = Grid::new(filtering.outputs(), output_size);
    let tiles = grid.tiles(call.batch);
    if tiles == 0 || panels.n == 0 {
        statistics.into_iter().flatten().for_each(|vector| vector.fill(0.0));
        return;
    }
    let isa = isa.for_columns(panels.n);
    let chunk = if statistics.is_some() { filtering.chunk_tiles() } else { 1 };
    let blocks = Blocks::new(pool.threads(), (tiles, chunk), filtering, panels);
    call.check_scratch(arena, &blocks);
    let mut chunks = statistics.as_ref().map(|_| Chunks::new(tiles.div_ceil(chunk), panels.n));
    let moments = chunks.as_mut().map(Chunks::target);
    let work = Work { call, arena: arena.pointer(), grid, moments };
    let count = tiles.div_ceil(blocks.size);
    if blocks.are_apart(panels) {
        pool.run_on(count, &|lane, block| {
            let part = Part::new(&blocks, block, lane, call);
            // SAFETY: views, sizes, lengths and scratch were checked above; `run_on` gives one task at a time to a
            // lane of the scratch, and each task has its own tiles; nothing writes the input.
            unsafe { work.run(isa, part) };
        });
    } else {
        for block in 0..count {
            let part = Part::new(&blocks, block, 0, call);
            // SAFETY: views, sizes, lengths and scratch were checked above; in each pass tasks have different tiles,
            // whole chunks of them, or different panels of points, and read what the pass before wrote; nothing writes
            // the input.
            unsafe {
                let ahead = work.list_ahead(part);
                let all = Columns { panels: 0..panels.count(), ahead: &ahead };
                pool.ranges(part.tiles, LEAST_TASK_TILES, &|tiles| work.transform_input(isa, part, tiles));
                pool.ranges(filtering.points() * panels.count(), LEAST_TASK_PANELS, &|products| {
                    work.multiply(isa, part, &all, products);
                });
                pool.ranges(part.tiles.div_ceil(chunk), LEAST_TASK_TILES, &|range| {
                    let tiles = range.start * chunk..(range.end * chunk).min(part.tiles);
                    work.transform_output(isa, part, &all, tiles);
                });
            }
        }
    }
    if let (Some(chunks), Some(vectors)) = (chunks, statistics) {
        let pixels = |index: usize| {
            (index * chunk..((index + 1) * chunk).min(tiles)).map(|tile| grid.pixels(tile, output_size)).sum()
        };
        chunks.combine(isa, (0..tiles.div_ceil(chunk)).map(pixels), vectors);
    }
}

/// The tiles of an output map.
#[derive(Clone, Copy, Debug)]
struct Grid {
    /// Output rows and columns of a tile.
    side: usize,
    down: usize,
    across: usize,
}

impl Grid {
    fn new(side: usize, output: (usize, usize)) -> Self {
        Self { side, down: output.0.div_ceil(side), across: output.1.div_ceil(side) }
    }

    /// Tiles of `batch` images.
    fn tiles(&self, batch: usize) -> usize {
        product(&[batch, self.down, self.across])
    }

    /// Image, first output row and first output column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (rest, x) = (tile / self.across, tile % self.across);
        (rest / self.down, rest % self.down * self.side, x * self.side)
    }

    /// Output pixels of a tile of a map of this size.
    fn pixels(&self, tile: usize, (height, width): (usize, usize)) -> usize {
        let (_, y, x) = self.place(tile);
        self.side.min(height - y) * self.side.min(width - x)
    }
}

/// Some panels of columns, one at least and no more than a part's products have room for, and what lies ahead of a block while it is
/// multiplied with all panels.
struct Columns<'a> {
    panels: Range<usize>,
    ahead: &'a [Span],
}

#[derive(Clone, Copy)]
struct Work<'a> {
    call: &'a Winograd<'a>,
    arena: Pointer,
    grid: Grid,
    /// Where the moments of each chunk of tiles go, if they are wanted.
    moments: Option<Target>,
}

impl Work<'_> {
    /// Computes a block's tiles of the output.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; the part is of the call.
    /// Meanwhile nothing writes the input, and nothing else uses the part's scratch, or its tiles of the output and chunks of the
    /// moments; an addend that is not the output is not written.
    unsafe fn run(self, isa: Isa, part: Part) {
        // SAFETY: all of the part is the caller's; each pass reads what the one before wrote.
        unsafe {
            let (points, count) = (self.call.filtering.points(), self.call.panels.count());
            let ahead = self.list_ahead(part);
            self.transform_input(isa, part, 0..part.tiles);
            for first in (0..count).step_by(part.together) {
                let columns = Columns { panels: first..(first + part.together).min(count), ahead: &ahead };
                self.multiply(isa, part, &columns, 0..points * columns.panels.len());
                self.transform_output(isa, part, &columns, 0..part.tiles);
            }
        }
    }

    /// Transforms tiles of a block's input.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `tiles` are tiles of the
    /// part. Meanwhile nothing writes the input, and nothing else uses these tiles' rows of the part's transformed input.
    unsafe fn transform_input(self, isa: Isa, part: Part, tiles: Range<usize>) {
        let call = self.call;
        let source = Source {
            view: call.input,
            size: call.input_size,
            padding: call.padding,
            inputs: call.filtering.inputs(),
            grid: self.grid,
        };
        // SAFETY: the caller has checked input and scratch, and gives tiles of its own.
        unsafe { transform_tiles(isa, self.arena, source, part.input, (part.first, tiles)) };
    }

    /// Lists what the block behind a part reads and writes.
    fn list_ahead(self, part: Part) -> Vec<Span> {
        let Winograd { filtering, input, input_size, padding, addend, out, output_size, .. } = *self.call;
        let first = part.first + part.tiles;
        let block = self.arena.start().cast_const();
        let mut list = Vec::new();
        let mut rectangle = |view: View,
                             image: usize,
                             [height, width]: [usize; 2],
                             rows: Range<usize>,
                             columns: Range<usize>| {
            for row in rows.start..rows.end.min(height) {
                let line = (image * height + row) * width;
                let pixels = line + columns.start..line + columns.end.min(width);
                list.extend(Span::of_pixels(block, view, pixels, view.channels));
            }
        };
        for (line, tiles) in by_group(first..first + part.behind, self.grid.across) {
            let (image, y, x) = self.grid.place(line * self.grid.across + tiles.start);
            let last = (tiles.end - 1) * self.grid.side;
            let read = |from: usize, to: usize, padding: usize| {
                from.saturating_sub(padding)..(to + filtering.inputs()).saturating_sub(padding)
            };
            let (rows, columns) = (read(y, y, padding.0), read(x, last, padding.1));
            rectangle(input, image, input_size.into(), rows, columns);
            for view in addend.into_iter().chain([out]) {
                let (rows, columns) = (y..y + self.grid.side, x..last + self.grid.side);
                rectangle(view, image, output_size.into(), rows, columns);
            }
        }
        list
    }

    /// Multiplies a block's transformed input with some panels of weights of points: product = point × panels of `columns` + panel.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `columns` are of the call;
    /// `products` are less than points × panels of `columns`. Meanwhile nothing writes the part's transformed input, and nothing else
    /// uses these panels' columns of its products, where the first of `columns` starts a row.
    unsafe fn multiply(self, isa: Isa, part: Part, columns: &Columns<'_>, products: Range<usize>) {
        let work = self;
        // SAFETY: the caller has checked weights and scratch, and gives products of its own.
        unsafe {
            dispatch!(isa, multiply_panels(
                work: Work<'_>, part: Part, columns: &Columns<'_>, products: Range<usize>
            ));
        };
    }

    /// Transforms a block's products to tiles of the output, and measures their moments where they are wanted.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `columns` are of the call, and
    /// the part's products are theirs; `tiles` are tiles of the part, whole chunks of them where moments are wanted. Meanwhile nothing
    /// writes the part's products, and nothing else uses these columns of these tiles of the output, or of their chunks of the
    /// moments; an addend that is not the output is not written.
    unsafe fn transform_output(self, isa: Isa, part: Part, columns: &Columns<'_>, tiles: Range<usize>) {
        let work = self;
        // SAFETY: the caller has checked output and scratch, and gives tiles of its own.
        unsafe {
            dispatch!(isa, output_tiles(
                work: Work<'_>, part: Part, columns: &Columns<'_>, tiles: Range<usize>
            ));
        };
    }
}

/// Multiplies a block's transformed input with some panels of weights of points: product = point × panels of `columns` + panel.
///
/// # Safety
/// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `columns` are of the call;
/// `products` are less than points × panels of `columns`. Meanwhile nothing writes the part's transformed input, and nothing else
/// uses these panels' columns of its products, where the first of `columns` starts a row. The CPU has the instruction set.
#[inline(always)]
unsafe fn multiply_panels<S: Simd>(
    work: Work<'_>,
    part: Part,
    columns: &Columns<'_>,
    products: Range<usize>,
) {
    let panels = work.call.panels;
    let blocks = part.tiles.div_ceil(S::ROWS);
    let points = work.call.filtering.points();
    let (first, together) = (columns.panels.start, columns.panels.len());
    // Those that share the products share these too.
    let share = |product: usize| (points * first + product) * columns.ahead.len() / (points * panels.count());
    let mut ahead = Ahead::new(&columns.ahead[share(products.start)..share(products.end)]);
    let mut input = vec![std::ptr::null::<f32>(); part.tiles];
    let mut output = vec![std::ptr::null_mut::<f32>(); part.tiles];
    let sums = panels.k.div_ceil(work.call.filtering.most_summed()).max(1);
    for (point, own) in by_group(products, together) {
        let own = first + own.start..first + own.end;
        let matrix = &work.call.weights[point * panels.len()..][..panels.len()];
        for sum in 0..sums {
            let channels = sum * panels.k / sums..(sum + 1) * panels.k / sums;
            for (t, (input, output)) in input.iter_mut().zip(&mut output).enumerate() {
                // SAFETY: the part's planes hold a row for each point and tile of the block, and lie in the checked
                // scratch.
                unsafe {
                    *input = work.arena.at(part.input.at(point, t) + channels.start);
                    *output = work.arena.at(part.products.at(point, t));
                }
            }
            for panel in own.clone() {
                let width = panels.width(panel);
                // The same channels of the next panel, the next ones of the first, the next point's first ones, those of the next
                // panels, or of the next block.
                let (this, weights) = (point * panels.len(), work.call.weights);
                let next = if panel + 1 < own.end {
                    this + panels.start(panel + 1) + channels.start * panels.width(panel + 1)
                } else if sum + 1 < sums {
                    this + panels.start(own.start) + channels.end * panels.width(own.start)
                } else if point + 1 < points {
                    this + panels.len() + panels.start(first)
                } else if columns.panels.end < panels.count() {
                    panels.start(columns.panels.end)
                } else {
                    0
                };
                let next = next.min(weights.len());
                let floats = channels.len() * panels.width(0);
                ahead.next_panel(&weights[next..weights.len().min(next + floats)]);
                let weights = matrix[panels.start(panel) + channels.start * width..].as_ptr();
                for block in 0..blocks {
                    let rows = block * part.tiles / blocks..(block + 1) * part.tiles / blocks;
                    let output = output[rows.start..].as_ptr();
                    let tile = Tile {
                        input: input[rows.start..].as_ptr(),
                        pitch: rows.len(),
                        taps: 1,
                        order: ONE_TAP.as_ptr(),
                        run: channels.len(),
                        weights,
                        beside: std::ptr::null(),
                        ahead: ahead.take(floats_ahead(1, channels.len(), width / S::LANES), weights),
                        bias: std::ptr::null(),
                        addend: if sum == 0 { std::ptr::null() } else { output.cast() },
                        output,
                        column: panels.columns(panel).start - panels.columns(first).start,
                        columns: width,
                        rows: rows.len(),
                        relu: Rectifier::None,
                    };
                    // SAFETY: inputs are rows of `panels.k` channels, of which these are some; the panel is cut from the
                    // point's matrix as `Panels` says; rows of products have room for the panels of `columns`, these as far from the
                    // first one's as `column` says, and are the caller's alone, which the sum before has written where they are
                    // added.
                    unsafe { multiply::<S, f32>(tile) };
                }
            }
        }
    }
}
