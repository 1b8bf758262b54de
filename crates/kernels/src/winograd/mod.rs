//! Winograd's minimal filtering: F(4×4, 3×3), on tiles of 6×6, takes a quarter of the products of a 3×3 convolution of
//! stride 1, F(4×4, 5×5), on tiles of 8×8, 16% of a 5×5 one's. Weight gradients have tiles of 6×6 for both.
//!
//! Winograd 1980; Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks". The points of a tile of 6×6 are
//! 0, ±1/√2, ±√2 and ∞, which err less than whole numbers (Barabasz et al. 2020); those of 8×8 0, ±1/2, ±1, ±2
//! and ∞, which err more: their products are summed over a few channels at a time.

mod gradient;
mod groups;
mod input;
mod planes;
mod transform;
mod weights;

use std::ops::Range;
use std::slice;

use crate::ahead::{Ahead, Span};
use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::moments::{Chunks, Target, measure_rows};
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tile::{MAX_ROWS, ONE_TAP, Tile, check_epilogue, floats_ahead, multiply};
use crate::tiling::by_group;
use crate::tuning::winograd::{
    BLOCK_BYTES, CHUNK_TILES, LEAST_BLOCK_PRODUCT_TILES, LEAST_SHARED_TILES, LEAST_TASK_PANELS,
    LEAST_TASK_TILES, MOST_SUMMED_CHANNELS, SHARED_WEIGHT_FLOATS,
};
pub use gradient::{WinogradGradient, winograd_gradient, winograd_gradient_scratch};
pub use groups::{winograd_groups, winograd_groups_scratch};
use input::{Source, transform_tiles};
use planes::Planes;
use transform::output_transform;
pub use weights::winograd_weights;

/// Output rows of a tile.
const OUT: usize = 4;
/// The fewest tiles of a block of a thread's own.
const LEAST_BLOCK_TILES: usize = LEAST_BLOCK_PRODUCT_TILES * MAX_ROWS;

/// Input rows of a tile for a kernel of 3×3 or 5×5.
///
/// # Panics
/// If the kernel is another.
fn inputs(kernel: usize) -> usize {
    assert!(matches!(kernel, 3 | 5), "kernels of 3×3 or 5×5, not {kernel}×{kernel}");
    OUT + kernel - 1
}

/// Products of a tile.
///
/// # Panics
/// If the kernel is neither 3 nor 5.
fn points(kernel: usize) -> usize {
    inputs(kernel) * inputs(kernel)
}

/// How many packed matrices the weights of a kernel of 3×3 or 5×5 become: 36 or 64.
///
/// # Panics
/// If the kernel is another.
pub fn winograd_matrices(kernel: usize) -> usize {
    points(kernel)
}

/// A convolution of stride 1 and dilation 1 by F(4×4, 3×3) or F(4×4, 5×5).
#[derive(Clone, Copy, Debug)]
pub struct Winograd<'a> {
    /// Rows and columns of the kernel: 3 or 5.
    pub kernel: usize,
    /// Images.
    pub batch: usize,
    /// The input map, and its height and width.
    pub input: View,
    /// Height and width of the input.
    pub input_size: (usize, usize),
    /// Zeros above and to the left of it.
    pub padding: (usize, usize),
    /// [`winograd_matrices`] packed matrices, input × output channels, see [`winograd_weights`].
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
        let Self { kernel, batch, input, input_size, padding, panels, out, output_size, .. } = *self;
        arena.check(input);
        arena.check(out);
        input.assert_disjoint(out);
        assert_eq!(input.pixels, product(&[batch, input_size.0, input_size.1]), "input pixels");
        assert_eq!(out.pixels, product(&[batch, output_size.0, output_size.1]), "output pixels");
        assert!(padding.0 < kernel && padding.1 < kernel, "padding narrower than the kernel");
        let expected = Panels::new(isa, input.channels, out.channels);
        assert_eq!(panels, expected, "weights packed for another product");
        assert_eq!(
            self.weights.len(),
            product(&[points(kernel), panels.len()]),
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

/// Tiles of a block, and blocks that run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Blocks {
    tiles: usize,
    size: usize,
    lanes: usize,
    /// Products of a tile.
    points: usize,
}

impl Blocks {
    /// Blocks of whole `chunk`s of tiles of so many points.
    fn new(threads: usize, (tiles, chunk): (usize, usize), points: usize, panels: Panels) -> Self {
        let room = Self::lanes(threads, points, panels);
        // Each thread takes a block of its own where there are enough of them; else they share as much as there is room for.
        let lanes = if tiles >= threads * LEAST_BLOCK_TILES { room } else { 1 };
        let rounds = tiles.div_ceil(room * Self::most(points, panels)).max(1);
        let size = tiles.div_ceil(lanes * rounds).next_multiple_of(chunk).max(chunk);
        Self { tiles, size, lanes, points }
    }

    /// Whether the weights outgrow the caches.
    fn shared(points: usize, panels: Panels) -> bool {
        product(&[points, panels.len()]) > SHARED_WEIGHT_FLOATS
    }

    /// The most blocks at a time.
    fn lanes(threads: usize, points: usize, panels: Panels) -> usize {
        if Self::shared(points, panels) { 1 } else { threads.max(1) }
    }

    /// The most tiles of a block: whole chunks.
    fn most(points: usize, panels: Panels) -> usize {
        let least = if Self::shared(points, panels) { LEAST_SHARED_TILES } else { LEAST_BLOCK_TILES };
        let fitting = BLOCK_BYTES / size_of::<f32>() / tile_floats(points, panels);
        fitting.next_multiple_of(CHUNK_TILES).max(least)
    }

    /// Floats of a block's transformed input, and of its products.
    fn floats(&self, panels: Panels) -> (usize, usize) {
        let floats = |channels| Planes::floats(self.points, self.size, channels);
        (floats(panels.k), floats(panels.padded_n()))
    }
}

/// Floats that a tile's transformed input and products take.
fn tile_floats(points: usize, panels: Panels) -> usize {
    product(&[points, Planes::row(panels.k) + Planes::row(panels.padded_n())])
}

/// Floats of scratch that a call on up to `batch` images needs.
///
/// # Panics
/// If there are no channels, the kernel is neither 3 nor 5, or the number overflows.
pub fn winograd_scratch(
    threads: usize,
    batch: usize,
    kernel: usize,
    output_size: (usize, usize),
    panels: Panels,
) -> usize {
    let (points, tiles) = (points(kernel), Grid::new(OUT, output_size).tiles(batch));
    let lanes = Blocks::lanes(threads, points, panels);
    let most = (lanes * Blocks::most(points, panels)).min(tiles + lanes * CHUNK_TILES);
    product(&[most, tile_floats(points, panels)]) + 2 * lanes * Planes::slack(points)
}

/// Runs a convolution by Winograd's algorithm. Each output element is computed in an order fixed by the shapes.
/// `statistics` take the mean and the biased variance of each output channel.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap (an addend may be the output itself), or lengths do not
/// match the sizes.
pub fn winograd(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &Winograd<'_>,
    statistics: Option<[&mut [f32]; 2]>,
) {
    call.check(isa, arena);
    let Winograd { panels, output_size, .. } = *call;
    let grid = Grid::new(OUT, output_size);
    let tiles = grid.tiles(call.batch);
    if tiles == 0 || panels.n == 0 {
        statistics.into_iter().flatten().for_each(|vector| vector.fill(0.0));
        return;
    }
    let isa = isa.for_columns(panels.n);
    let chunk = if statistics.is_some() { CHUNK_TILES } else { 1 };
    let blocks = Blocks::new(pool.threads(), (tiles, chunk), points(call.kernel), panels);
    call.check_scratch(arena, &blocks);
    let mut chunks = statistics.as_ref().map(|_| Chunks::new(tiles.div_ceil(CHUNK_TILES), panels.n));
    let moments = chunks.as_mut().map(Chunks::target);
    let work = Work { call, arena: arena.pointer(), grid, moments };
    let count = tiles.div_ceil(blocks.size);
    if blocks.lanes > 1 {
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
                pool.ranges(part.tiles, LEAST_TASK_TILES, &|tiles| work.transform_input(isa, part, tiles));
                pool.ranges(blocks.points * panels.count(), LEAST_TASK_PANELS, &|products| {
                    work.multiply(isa, part, products);
                });
                pool.ranges(part.tiles.div_ceil(chunk), LEAST_TASK_TILES, &|range| {
                    let tiles = range.start * chunk..(range.end * chunk).min(part.tiles);
                    work.transform_output(isa, part, tiles);
                });
            }
        }
    }
    if let (Some(chunks), Some(vectors)) = (chunks, statistics) {
        let pixels = |chunk: usize| {
            (chunk * CHUNK_TILES..((chunk + 1) * CHUNK_TILES).min(tiles))
                .map(|tile| grid.pixels(tile, output_size))
                .sum()
        };
        chunks.combine(isa, (0..tiles.div_ceil(CHUNK_TILES)).map(pixels), vectors);
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

/// A block of tiles and its scratch.
#[derive(Clone, Copy)]
struct Part {
    /// The first tile.
    first: usize,
    tiles: usize,
    /// Tiles of the block that comes next.
    behind: usize,
    /// Transformed input, and products of padded channels.
    input: Planes,
    products: Planes,
}

impl Part {
    fn new(blocks: &Blocks, block: usize, lane: usize, call: &Winograd<'_>) -> Self {
        let first = block * blocks.size;
        let (input_floats, product_floats) = blocks.floats(call.panels);
        let offset = call.scratch + lane * (input_floats + product_floats);
        let tiles = blocks.size.min(blocks.tiles - first);
        Self {
            first,
            tiles,
            behind: blocks.size.min(blocks.tiles - first - tiles),
            input: Planes::new(offset, blocks.size, call.panels.k),
            products: Planes::new(offset + input_floats, blocks.size, call.panels.padded_n()),
        }
    }
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
            self.transform_input(isa, part, 0..part.tiles);
            self.multiply(isa, part, 0..points(self.call.kernel) * self.call.panels.count());
            self.transform_output(isa, part, 0..part.tiles);
        }
    }

    /// Transforms tiles of a block's input.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `tiles` are tiles of the
    /// part.
    /// Meanwhile nothing writes the input, and nothing else uses these tiles' rows of the part's transformed input.
    unsafe fn transform_input(self, isa: Isa, part: Part, tiles: Range<usize>) {
        let call = self.call;
        let source = Source {
            view: call.input,
            size: call.input_size,
            padding: call.padding,
            inputs: inputs(call.kernel),
            grid: self.grid,
        };
        // SAFETY: the caller has checked input and scratch, and gives tiles of its own.
        unsafe { transform_tiles(isa, self.arena, source, part.input, (part.first, tiles)) };
    }

    /// Lists what the block behind a part reads and writes.
    fn list_ahead(self, part: Part) -> Vec<Span> {
        let Winograd { input, input_size, padding, addend, out, output_size, .. } = *self.call;
        let first = part.first + part.tiles;
        // SAFETY: the block starts there.
        let block = unsafe { self.arena.at(0) }.cast_const();
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
                from.saturating_sub(padding)..(to + inputs(self.call.kernel)).saturating_sub(padding)
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

    /// Multiplies a block's transformed input with some panels of weights of points: product = point × panels + panel.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `products` are less than
    /// points × panels.
    /// Meanwhile nothing writes the part's transformed input, and nothing else uses these panels' columns of its products.
    unsafe fn multiply(self, isa: Isa, part: Part, products: Range<usize>) {
        let work = self;
        // SAFETY: the caller has checked weights and scratch, and gives products of its own.
        unsafe { dispatch!(isa, multiply_panels(work: Work<'_>, part: Part, products: Range<usize>)) };
    }

    /// Transforms a block's products to tiles of the output, and measures their moments where they are wanted.
    ///
    /// # Safety
    /// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `tiles` are tiles of the
    /// part, whole
    /// chunks of them where moments are wanted. Meanwhile nothing writes the part's products, and nothing else uses
    /// these tiles of the output, or their chunks of the moments; an addend that is not the output is not written.
    unsafe fn transform_output(self, isa: Isa, part: Part, tiles: Range<usize>) {
        let work = self;
        // SAFETY: the caller has checked output and scratch, and gives tiles of its own.
        unsafe { dispatch!(isa, output_tiles(work: Work<'_>, part: Part, tiles: Range<usize>)) };
    }
}

/// Multiplies a block's transformed input with some panels of weights of points: product = point × panels + panel.
///
/// # Safety
/// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `arena`; `products` are less than
/// points × panels.
/// Meanwhile nothing writes the part's transformed input, and nothing else uses these panels' columns of its products. The
/// CPU has the instruction set.
#[inline(always)]
unsafe fn multiply_panels<S: Simd>(work: Work<'_>, part: Part, products: Range<usize>) {
    let panels = work.call.panels;
    let blocks = part.tiles.div_ceil(S::ROWS);
    let all = work.list_ahead(part);
    // Those that share the products share these too.
    let share = |product: usize| product * all.len() / (points(work.call.kernel) * panels.count());
    let mut ahead = Ahead::new(&all[share(products.start)..share(products.end)]);
    let mut input = vec![std::ptr::null::<f32>(); part.tiles];
    let mut output = vec![std::ptr::null_mut::<f32>(); part.tiles];
    let sums = if work.call.kernel == 3 { 1 } else { panels.k.div_ceil(MOST_SUMMED_CHANNELS).max(1) };
    for (point, own) in by_group(products, panels.count()) {
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
                // The same channels of the next panel, the next ones of the first, or the next point's: matrices follow one another.
                let (matrix_at, weights) = (point * panels.len(), work.call.weights);
                let next = if panel + 1 < own.end {
                    panels.start(panel + 1) + channels.start * panels.width(panel + 1)
                } else if sum + 1 < sums {
                    panels.start(own.start) + channels.end * panels.width(own.start)
                } else {
                    panels.range(panel).end
                };
                let next = (matrix_at + next).min(weights.len());
                let floats = channels.len() * panels.width(0);
                ahead.next_panel(&weights[next..weights.len().min(next + floats)]);
                let weights = matrix[panels.start(panel) + channels.start * width..].as_ptr();
                for block in 0..blocks {
                    let rows = block * part.tiles / blocks..(block + 1) * part.tiles / blocks;
                    let output = output[rows.start..].as_ptr();
                    let tile = Tile {
                        input: input[rows.start..].as_ptr(),
                        taps: 1,
                        order: ONE_TAP.as_ptr(),
                        run: channels.len(),
                        weights,
                        ahead: ahead.take(floats_ahead(1, channels.len(), width / S::LANES), weights),
                        bias: std::ptr::null(),
                        addend: if sum == 0 { std::ptr::null() } else { output.cast() },
                        output,
                        column: panels.columns(panel).start,
                        columns: width,
                        rows: rows.len(),
                        relu: Rectifier::None,
                    };
                    // SAFETY: inputs are rows of `panels.k` channels, of which these are some; the panel is cut from the
                    // point's matrix as `Panels` says; rows of products are as wide as all panels, apart, and the caller's
                    // alone, which the sum before has written where they are added.
                    unsafe { multiply::<S, f32>(tile) };
                }
            }
        }
    }
}

/// Transforms a block's products to tiles of the output, and measures their moments where they are wanted.
///
/// # Safety
/// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `work.arena`; `tiles` are tiles of the
/// part, whole
/// chunks of them where moments are wanted. Meanwhile nothing writes the part's products, and nothing else uses these
/// tiles of the output, or their chunks of the moments; an addend that is not the output is not written. The CPU has
/// the instruction set.
#[inline(always)]
unsafe fn output_tiles<S: Simd>(work: Work<'_>, part: Part, tiles: Range<usize>) {
    // SAFETY: the caller has checked output and scratch, and gives tiles of its own, which the call's kernel has of
    // this side; where moments are wanted they are whole chunks.
    unsafe {
        match inputs(work.call.kernel) {
            6 => output_tiles_of::<S, 6>(work, part, tiles.clone()),
            _ => output_tiles_of::<S, 8>(work, part, tiles.clone()),
        }
        if let Some(target) = work.moments {
            measure_tiles::<S>(work, target, part.first + tiles.start..part.first + tiles.end);
        }
    }
}

/// Writes the moments of tiles whose output was just written, the first of which starts a chunk.
///
/// # Safety
/// The tiles lie in the output, which was checked against the block of `work.arena`, and nothing writes them
/// meanwhile; the chunks of `target` that they are exist, and nothing else uses them. The CPU has the instruction
/// set.
#[inline(always)]
unsafe fn measure_tiles<S: Simd>(work: Work<'_>, target: Target, tiles: Range<usize>) {
    let Winograd { out, output_size: (height, width), .. } = *work.call;
    let side = work.grid.side;
    for first in tiles.clone().step_by(CHUNK_TILES) {
        let mut rows = [std::ptr::null_mut(); CHUNK_TILES * OUT * OUT];
        let mut count = 0;
        for tile in first..(first + CHUNK_TILES).min(tiles.end) {
            let (image, y0, x0) = work.grid.place(tile);
            for y in y0..(y0 + side).min(height) {
                for x in x0..(x0 + side).min(width) {
                    let pixel = (image * height + y) * width + x;
                    // SAFETY: row and column lie in the output's map, so the pixel in its view, which was checked.
                    rows[count] = unsafe { work.arena.at(out.offset + pixel * out.stride) };
                    count += 1;
                }
            }
        }
        // SAFETY: the rows are pixels of the output, which have its channels; the caller has the chunk to itself.
        unsafe { measure_rows::<S>(target, first / CHUNK_TILES, &rows[..count], 0..out.channels) };
    }
}

/// Transforms a block's products, of `IN` × `IN` points a tile, to tiles of the output.
///
/// # Safety
/// [`winograd`] or [`winograd_groups`] has checked the call, its scratch and the block of `work.arena`, and its kernel has inputs
/// of side
/// `IN`; `tiles` are tiles of the part. Meanwhile nothing writes the part's products, and nothing else uses these
/// tiles of the output; an addend that is not the output is not written. The CPU has the instruction set.
#[inline(always)]
unsafe fn output_tiles_of<S: Simd, const IN: usize>(work: Work<'_>, part: Part, tiles: Range<usize>) {
    let call = work.call;
    let channels = call.panels.n;
    let (height, width) = call.output_size;
    for t in tiles {
        let (image, y0, x0) = work.grid.place(part.first + t);
        let mut c = 0;
        while c < channels {
            let n = (channels - c).min(S::LANES);
            // SAFETY: the part's planes hold whole vectors of padded channels for each point and tile; rows and
            // columns are cut at the output's edge, so that pixels lie in the checked views, with `n` more channels
            // in each and in the bias.
            unsafe {
                let mut columns = [[S::splat(0.0); OUT]; IN];
                for (j, column) in columns.iter_mut().enumerate() {
                    let values = array![S::splat(0.0); IN, |i| {
                        S::load(work.arena.at(part.products.at(i * IN + j, t) + c))
                    }];
                    *column = output_transform::<S, OUT, IN>(values);
                }
                let [floor, ceiling] = call.relu.bounds();
                let (floor, ceiling) = (S::splat(floor), S::splat(ceiling));
                let bias = match call.bias {
                    Some(bias) => S::load_first(bias.as_ptr().add(c), n),
                    None => S::splat(0.0),
                };
                for i in 0..OUT.min(height - y0) {
                    let line = output_transform::<S, OUT, IN>(array![S::splat(0.0); IN, |j| columns[j][i]]);
                    for (j, value) in line.into_iter().enumerate().take(width - x0) {
                        let pixel = (image * height + y0 + i) * width + x0 + j;
                        let mut value = S::add(value, bias);
                        if let Some(addend) = call.addend {
                            let p = work.arena.at(addend.offset + pixel * addend.stride + c);
                            value = S::add(value, S::load_first(p, n));
                        }
                        // In this order NaN stays NaN.
                        value = S::min(ceiling, S::max(floor, value));
                        let p = work.arena.at(call.out.offset + pixel * call.out.stride + c);
                        S::store_first(p, value, n);
                    }
                }
            }
            c += n;
        }
        if call.relu.is_finished_later() {
            for (i, j) in
                (0..OUT.min(height - y0)).flat_map(|i| (0..OUT.min(width - x0)).map(move |j| (i, j)))
            {
                let pixel = (image * height + y0 + i) * width + x0 + j;
                // SAFETY: these pixels were just written, with all of their channels.
                let pixel = unsafe {
                    slice::from_raw_parts_mut(
                        work.arena.at(call.out.offset + pixel * call.out.stride),
                        channels,
                    )
                };
                call.relu.finish::<S>(pixel);
            }
        }
    }
}
