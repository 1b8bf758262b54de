//! The weight gradient of a convolution in Winograd's domain: 36 sums of outer products over tiles, of a 3×3
//! kernel a quarter of the direct one's products.

use std::ops::Range;

use super::input::{Source, transform_tiles};
use super::planes::Planes;
use super::transform::{gradient_transform, kernel_transform};
use super::{Grid, IN, POINTS, outputs, tile_floats};
use crate::ahead::Span;
use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::outer::{Segment, Tile, tile_of};
use crate::panels::Panels;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tuning::winograd::{
    GRADIENT_BLOCK_BYTES, LEAST_GRADIENT_TILES, LEAST_TASK_CHANNELS, LEAST_TASK_PANELS, LEAST_TASK_TILES,
    MOST_GRADIENT_TILES,
};

/// The weight gradient of a 3×3 or 5×5 convolution of stride 1 and dilation 1.
#[derive(Clone, Copy, Debug)]
pub struct WinogradGradient {
    /// Rows and columns of the kernel: 3 or 5.
    pub kernel: usize,
    /// Images.
    pub batch: usize,
    /// The forward convolution's input map, and its height and width.
    pub input: View,
    /// Height and width of the input.
    pub input_size: (usize, usize),
    /// Zeros above and to the left of it.
    pub padding: (usize, usize),
    /// The gradient of the output map.
    pub output_gradient: View,
    /// Height and width of the output.
    pub output_size: (usize, usize),
    /// The layout of one of the 36 matrices, input × output channels.
    pub panels: Panels,
    /// Where [`winograd_gradient_scratch`] floats lie free in the arena.
    pub scratch: usize,
}

/// Tiles of a block.
fn block_size(tiles: usize, panels: Panels) -> usize {
    let most = (GRADIENT_BLOCK_BYTES / size_of::<f32>() / tile_floats(panels))
        .clamp(LEAST_GRADIENT_TILES, MOST_GRADIENT_TILES);
    tiles.min(most)
}

/// Floats of both operands' transformed tiles, and where those of the second start.
fn scratch_floats(rows: usize, panels: Panels) -> (usize, usize) {
    let left = Planes::floats(rows, panels.k);
    (left + Planes::floats(rows, panels.padded_n()), left)
}

/// Floats of scratch that a call on up to `batch` images needs.
///
/// # Panics
/// If the kernel is neither 3 nor 5, or the number overflows.
pub fn winograd_gradient_scratch(
    batch: usize,
    kernel: usize,
    output_size: (usize, usize),
    panels: Panels,
) -> usize {
    let tiles = Grid::new(outputs(kernel), output_size).tiles(batch);
    scratch_floats(block_size(tiles, panels), panels).0
}

/// Writes the gradient of packed kernels, in their layout (`layout`: kernel²·C × N); `products` is room for 36
/// matrices. Each element is summed by one task, block by block.
///
/// # Panics
/// If a view reaches beyond the arena or lengths do not match.
pub fn winograd_gradient(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &WinogradGradient,
    products: &mut [f32],
    (gradient, layout): (&mut [f32], Panels),
) {
    let WinogradGradient { batch, input, output_gradient, panels, .. } = *call;
    arena.check(input);
    arena.check(output_gradient);
    let (size, output) = (call.input_size, call.output_size);
    assert_eq!(input.pixels, product(&[batch, size.0, size.1]), "input pixels");
    assert_eq!(output_gradient.pixels, product(&[batch, output.0, output.1]), "output pixels");
    let (kernel, grid) = (call.kernel, Grid::new(outputs(call.kernel), output));
    assert!(call.padding.0 < kernel && call.padding.1 < kernel, "padding narrower than the kernel");
    assert_eq!(
        panels,
        Panels::new(isa, input.channels, output_gradient.channels),
        "another product's layout"
    );
    assert_eq!(
        layout,
        Panels::new(isa, product(&[kernel, kernel, panels.k]), panels.n),
        "another convolution's layout"
    );
    assert_eq!(products.len(), product(&[POINTS, panels.len()]), "length of the products");
    assert_eq!(gradient.len(), layout.len(), "length of the gradient");
    let tiles = grid.tiles(batch);
    if tiles == 0 || panels.is_empty() {
        gradient.fill(0.0);
        return;
    }
    let isa = isa.for_columns(panels.n);
    let rows = block_size(tiles, panels);
    let (floats, left_floats) = scratch_floats(rows, panels);
    let scratch = View::dense(call.scratch, 1, floats);
    arena.check(scratch);
    scratch.assert_disjoint(input);
    scratch.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    let source = Source { view: input, size, padding: call.padding, grid };
    let left = Planes::new(call.scratch, rows, panels.k);
    let right = Planes::new(call.scratch + left_floats, rows, panels.padded_n());
    let sums = Pointer::of(products);
    for first in (0..tiles).step_by(rows) {
        let count = rows.min(tiles - first);
        // SAFETY: views, sizes, lengths and scratch were checked above; in the first pass tasks have different tiles,
        // in the second different panels of points, for which they read the tiles of the first; nothing writes the
        // views.
        unsafe {
            pool.ranges(count, LEAST_TASK_TILES, &|tiles| {
                transform_tiles(isa, pointer, source, left, (first, tiles.clone()));
                dispatch!(isa, gradient_tiles(
                    call: &WinogradGradient, pointer: Pointer, right: Planes, first: usize, tiles: Range<usize>
                ));
            });
            pool.ranges(POINTS * panels.count(), LEAST_TASK_PANELS, &|parts| {
                let block = Block { left, right, count, accumulate: first > 0, panels };
                dispatch!(isa, sum_parts(pointer: Pointer, sums: Pointer, block: Block, parts: Range<usize>));
            });
        }
    }
    let target = Pointer::of(gradient);
    let products = &*products;
    pool.ranges(panels.k, LEAST_TASK_CHANNELS, &|channels| {
        let layouts = (panels, layout);
        // SAFETY: lengths and layouts were checked above; tasks have different channels, so rows of the gradient.
        unsafe {
            dispatch!(isa, kernels_of(
                kernel: usize, products: &[f32], target: Pointer, layouts: (Panels, Panels), channels: Range<usize>
            ));
        };
    });
}

/// Transformed tiles of both operands.
#[derive(Clone, Copy)]
struct Block {
    left: Planes,
    right: Planes,
    count: usize,
    accumulate: bool,
    panels: Panels,
}

/// Transforms tiles of the output's gradient.
///
/// # Safety
/// [`winograd_gradient`] has checked the call and its scratch against the block of `arena`; `target` is the planes of
/// the second operand there. From `first` on the `tiles` are tiles of the output, and rows of the target. Meanwhile
/// nothing writes the output's gradient, and nothing else uses these rows. The CPU has the instruction set.
#[inline(always)]
unsafe fn gradient_tiles<S: Simd>(
    call: &WinogradGradient,
    arena: Pointer,
    target: Planes,
    first: usize,
    tiles: Range<usize>,
) {
    // SAFETY: the caller has checked call and scratch, and gives tiles of its own, which the kernel has of this side.
    unsafe {
        match outputs(call.kernel) {
            4 => gradient_tiles_of::<S, 4>(call, arena, target, first, tiles),
            _ => gradient_tiles_of::<S, 2>(call, arena, target, first, tiles),
        }
    }
}

/// Transforms tiles of the output's gradient, of `M` × `M` pixels each.
///
/// # Safety
/// [`winograd_gradient`] has checked the call and its scratch against the block of `arena`, and its kernel has
/// outputs of side `M`; `target` is the planes of the second operand there. From `first` on the `tiles` are tiles of
/// the output, and rows of the target. Meanwhile nothing writes the output's gradient, and nothing else uses these
/// rows. The CPU has the instruction set.
#[inline(always)]
unsafe fn gradient_tiles_of<S: Simd, const M: usize>(
    call: &WinogradGradient,
    arena: Pointer,
    target: Planes,
    first: usize,
    tiles: Range<usize>,
) {
    let grid = Grid::new(M, call.output_size);
    let view = call.output_gradient;
    let padded = call.panels.padded_n();
    let (height, width) = call.output_size;
    for t in tiles {
        let (image, y0, x0) = grid.place(first + t);
        for c in (0..padded).step_by(S::LANES) {
            let n = (view.channels - c).min(S::LANES);
            // SAFETY: pixels that are read lie in the map, so in the checked view, with `n` more channels in each;
            // the target holds a row of padded channels, whole vectors, for each point and tile, the caller's alone.
            unsafe {
                let mut columns = [[S::splat(0.0); IN]; M];
                for (j, column) in columns.iter_mut().enumerate() {
                    let values = array![S::splat(0.0); M, |i| if y0 + i >= height || x0 + j >= width {
                        S::splat(0.0)
                    } else {
                        let pixel = (image * height + y0 + i) * width + x0 + j;
                        let p = arena.at(view.offset + pixel * view.stride + c);
                        S::load_first(p, n)
                    }];
                    *column = gradient_transform::<S, M>(values);
                }
                for i in 0..IN {
                    let line = gradient_transform::<S, M>(array![S::splat(0.0); M, |j| columns[j][i]]);
                    for (j, value) in line.into_iter().enumerate() {
                        S::store(arena.at(target.at(i * IN + j, t) + c), value);
                    }
                }
            }
        }
    }
}

/// Sums the outer products of some panels of points: part = point × panels + panel.
///
/// # Safety
/// The planes of `block` lie in the block of `arena`, with `block.count` rows of the panels' K and N, and nothing
/// writes them meanwhile; `sums` is a block of [`POINTS`] matrices of the panels. `parts` are less than points ×
/// panels, and nothing else uses these panels. The CPU has the instruction set.
#[inline(always)]
unsafe fn sum_parts<S: Simd>(arena: Pointer, sums: Pointer, block: Block, parts: Range<usize>) {
    let panels = block.panels;
    let blocks = panels.k.div_ceil(S::ROWS);
    for part in parts {
        let (point, panel) = (part / panels.count(), part % panels.count());
        let width = panels.width(panel);
        for i in 0..blocks {
            let rows = i * panels.k / blocks..(i + 1) * panels.k / blocks;
            // SAFETY: the planes hold `count` rows of a point, as far apart as they say, with these channels of both
            // operands; the sums hold these rows of the panel, which are the caller's alone.
            unsafe {
                let segment = Segment {
                    input: arena.at(block.left.at(point, 0) + rows.start),
                    gradient: arena.at(block.right.at(point, 0) + panels.columns(panel).start),
                    pixels: block.count,
                };
                let out = point * panels.len() + panels.start(panel) + rows.start * width;
                let tile = Tile {
                    offsets: (0, 0),
                    steps: (block.left.row, block.right.row),
                    columns: width,
                    width,
                    rows: rows.len(),
                    accumulate: block.accumulate,
                    ahead: Span::at(segment.input),
                    out: sums.at(out),
                };
                tile_of::<S>(tile, &[segment]);
            }
        }
    }
}

/// Transforms the sums of some input channels to gradients of kernels.
///
/// # Safety
/// [`winograd_gradient`] has checked kernel, `products`, the block of `target` and `layouts`; `channels` are rows of
/// the matrices, whose rows of the target nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn kernels_of<S: Simd>(
    kernel: usize,
    products: &[f32],
    target: Pointer,
    layouts: (Panels, Panels),
    channels: Range<usize>,
) {
    // SAFETY: the caller has checked the lengths for this kernel, and gives channels of its own.
    unsafe {
        match kernel {
            3 => kernels_of_side::<S, 3>(products, target, layouts, channels),
            _ => kernels_of_side::<S, 5>(products, target, layouts, channels),
        }
    }
}

/// Transforms the sums of some input channels to gradients of kernels of side `R`.
///
/// # Safety
/// [`winograd_gradient`] has checked `products`, the block of `target` and the layouts for kernels of side `R`;
/// `channels` are rows of the matrices, whose rows of the target nothing else uses meanwhile. The CPU has the
/// instruction set.
#[inline(always)]
unsafe fn kernels_of_side<S: Simd, const R: usize>(
    products: &[f32],
    target: Pointer,
    (panels, layout): (Panels, Panels),
    channels: Range<usize>,
) {
    for panel in 0..panels.count() {
        let width = panels.width(panel);
        for c in channels.clone() {
            for v in (0..width).step_by(S::LANES) {
                // SAFETY: products and target hold panels of `width` columns, whole vectors, for each point and
                // channel, and for each element of the kernel and channel; these rows of the target are the caller's
                // alone.
                unsafe {
                    let product = |i: usize, j: usize| {
                        let at = (i * IN + j) * panels.len() + panels.start(panel) + c * width + v;
                        S::load(products.as_ptr().add(at))
                    };
                    let mut columns = [[S::splat(0.0); R]; IN];
                    for (j, column) in columns.iter_mut().enumerate() {
                        *column = kernel_transform::<S, R>(array![S::splat(0.0); IN, |i| product(i, j)]);
                    }
                    for y in 0..R {
                        let line = kernel_transform::<S, R>(array![S::splat(0.0); IN, |j| columns[j][y]]);
                        for (x, value) in line.into_iter().enumerate() {
                            let row = (R * y + x) * panels.k + c;
                            S::store(target.at(layout.start(panel) + row * width + v), value);
                        }
                    }
                }
            }
        }
    }
}
