//! Indirect GEMM: convolution and matrix product in one kernel.
//!
//! Rows of the left operand are read in place through pointers, one per grid position and tap (Dukhan 2019,
//! "The Indirect Convolution Algorithm"); the right operand is packed in [`Panels`]; bias, addition and ReLU
//! happen on the accumulators.

use std::cell::RefCell;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::Geometry;
use crate::isa::Isa;
use crate::panels::Panels;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;

/// Positions that share one table of row pointers, and stay in the second-level cache beside a panel.
const BLOCK: usize = 96;
/// The most entries of a table of row pointers.
const TABLE: usize = 8192;

/// `out = relu?(left · weights + bias + addend)`, where left is what `geometry` reads from `input`.
#[derive(Clone, Copy, Debug)]
pub struct Igemm<'a> {
    /// How positions map to pixels.
    pub geometry: &'a Geometry,
    /// Images.
    pub batch: usize,
    /// The input map, its pixels at least `geometry.run` channels (or `span` pixels) long.
    pub input: View,
    /// The right operand, packed.
    pub weights: &'a [f32],
    /// Its layout: K × N.
    pub panels: Panels,
    /// N values added to each row, if any.
    pub bias: Option<&'a [f32]>,
    /// Pixels like the output's that are added before ReLU; the output itself accumulates.
    pub addend: Option<View>,
    /// Whether max(·, 0) is applied.
    pub relu: bool,
    /// The output map.
    pub out: View,
}

/// Runs an indirect GEMM. Each output element is computed by one task, in an order fixed by the shapes.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap (an addend may be the output itself), or lengths do not
/// match the geometry.
pub fn igemm(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Igemm<'_>) {
    let Igemm { geometry, batch, input, panels, out, .. } = *call;
    geometry.check();
    arena.check(input);
    arena.check(out);
    input.assert_disjoint(out);
    let (map_in, map_out) = (geometry.input.0 * geometry.input.1, geometry.output.0 * geometry.output.1);
    assert_eq!(input.pixels, batch * map_in, "input pixels");
    assert_eq!(out.pixels, batch * map_out, "output pixels");
    assert_eq!(panels, Panels::new(isa, geometry.k(), out.channels), "weights packed for another product");
    assert_eq!(call.weights.len(), panels.len(), "length of the packed weights");
    if geometry.span == 1 {
        assert!(geometry.run <= input.channels, "runs of {} over {input:?}", geometry.run);
    } else {
        assert!(input.is_dense() && geometry.run <= geometry.span * input.channels, "runs over {input:?}");
    }
    if let Some(bias) = call.bias {
        assert!(bias.len() >= panels.n, "bias of {} for {} columns", bias.len(), panels.n);
    }
    if let Some(addend) = call.addend {
        arena.check(addend);
        assert_eq!((addend.pixels, addend.channels), (out.pixels, out.channels), "addend's size");
        assert!(addend == out || addend.is_disjoint(out), "{addend:?} overlaps {out:?}");
    }
    let positions = geometry.positions(batch);
    if positions == 0 || panels.n == 0 {
        return;
    }
    let zeros = vec![0.0f32; if may_leave(geometry) { geometry.run } else { 0 }];
    let block = BLOCK.min(TABLE / geometry.taps.len().max(1)).max(16);
    let blocks = positions.div_ceil(block);
    // Columns are split only where rows do not keep all threads busy.
    let groups = (4 * pool.threads()).div_ceil(blocks).min(panels.count());
    let pointer = arena.pointer();
    let zeros = zeros.as_slice();
    pool.run(blocks * groups, &|task| {
        let (b, g) = (task / groups, task % groups);
        let rows = b * block..((b + 1) * block).min(positions);
        let columns = g * panels.count() / groups..(g + 1) * panels.count() / groups;
        // SAFETY: views and lengths were checked above; tasks write different rows or columns.
        unsafe { run_block(isa, call, pointer, zeros, rows, columns) };
    });
}

/// Whether some tap can fall in the padding.
fn may_leave(geometry: &Geometry) -> bool {
    let outside = |grid: usize, step: usize, d: isize, size: usize| {
        grid > 0 && (d < 0 || (grid - 1) * step + d.unsigned_abs() >= size)
    };
    geometry.taps.iter().any(|tap| {
        outside(geometry.grid.0, geometry.step.0, tap.dy, geometry.input.0)
            || outside(geometry.grid.1, geometry.step.1, tap.dx, geometry.input.1)
    })
}

thread_local! {
    static TABLES: RefCell<Tables> = const { RefCell::new(Tables { input: Vec::new(), output: Vec::new(), addend: Vec::new() }) };
}

/// Row pointers of a block of positions, in tiles: `input[tile][tap][row]`, `output[position]`.
struct Tables {
    input: Vec<*const f32>,
    output: Vec<*mut f32>,
    addend: Vec<*const f32>,
}

/// One tile's operands.
#[derive(Clone, Copy)]
struct Tile {
    /// `taps` × `rows` pointers.
    input: *const *const f32,
    taps: usize,
    run: usize,
    weights: *const f32,
    bias: *const f32,
    addend: *const *const f32,
    output: *const *mut f32,
    /// The panel's first column, and how many it has.
    column: usize,
    columns: usize,
    rows: usize,
    relu: bool,
}

unsafe fn run_block(
    isa: Isa,
    call: &Igemm<'_>,
    arena: Pointer,
    zeros: &[f32],
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
) {
    TABLES.with_borrow_mut(|tables| {
        // SAFETY: passed on; the instruction set is proven by `isa`.
        unsafe {
            dispatch!(isa, block(
                call: &Igemm<'_>, arena: Pointer, zeros: &[f32], rows: std::ops::Range<usize>,
                panels: std::ops::Range<usize>, tables: &mut Tables
            ));
        }
    });
}

#[inline(always)]
unsafe fn block<S: Simd>(
    call: &Igemm<'_>,
    arena: Pointer,
    zeros: &[f32],
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
    tables: &mut Tables,
) {
    let geometry = call.geometry;
    let taps = geometry.taps.len();
    let count = rows.len();
    let tiles = count.div_ceil(S::ROWS);
    // Rows are spread evenly over the tiles, so that no tile is nearly empty.
    let bounds = |tile: usize| tile * count / tiles..(tile + 1) * count / tiles;
    // SAFETY: positions lie in the grid, so that every pixel lies in its view, which was checked.
    unsafe { fill_tables(call, arena, zeros, rows.start, (0..tiles).map(bounds), tables) };
    let bias = call.bias.map_or(std::ptr::null(), <[f32]>::as_ptr);
    for panel in panels {
        let columns = call.panels.columns(panel);
        let weights = call.weights[call.panels.start(panel)..].as_ptr();
        let wide = call.panels.width(panel) > S::LANES;
        for i in 0..tiles {
            let positions = bounds(i);
            let tile = Tile {
                input: tables.input[positions.start * taps..].as_ptr(),
                taps,
                run: geometry.run,
                weights,
                bias,
                addend: tables.addend.get(positions.start..).map_or(std::ptr::null(), <[_]>::as_ptr),
                output: tables.output[positions.start..].as_ptr(),
                column: columns.start,
                columns: columns.len(),
                rows: positions.len(),
                relu: call.relu,
            };
            let tile = if call.addend.is_none() { Tile { addend: std::ptr::null(), ..tile } } else { tile };
            // SAFETY: the tables hold the tile's pointers, weights a whole panel.
            unsafe {
                if wide {
                    rows_of::<S, 2>(tile);
                } else {
                    rows_of::<S, 1>(tile);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn fill_tables(
    call: &Igemm<'_>,
    arena: Pointer,
    zeros: &[f32],
    first: usize,
    tiles: impl Iterator<Item = std::ops::Range<usize>>,
    tables: &mut Tables,
) {
    let geometry = call.geometry;
    tables.input.clear();
    tables.output.clear();
    tables.addend.clear();
    let mut places = [(0, 0, 0); 16];
    for tile in tiles {
        let places = &mut places[..tile.len()];
        for (place, position) in places.iter_mut().zip(tile) {
            *place = geometry.locate(first + position);
            let pixel = geometry.output_pixel(*place);
            // SAFETY: an output pixel of the grid lies in the views, which were checked against the arena.
            unsafe {
                tables.output.push(arena.at(call.out.offset + pixel * call.out.stride));
                if let Some(addend) = call.addend {
                    tables.addend.push(arena.at(addend.offset + pixel * addend.stride));
                }
            }
        }
        for &tap in &geometry.taps {
            for &mut place in &mut *places {
                let pointer = geometry.input_pixel(place, tap).map_or(zeros.as_ptr(), |pixel| {
                    // SAFETY: the pixel lies in the input view, which was checked against the arena.
                    unsafe { arena.at(call.input.offset + pixel * call.input.stride) }.cast_const()
                });
                tables.input.push(pointer);
            }
        }
    }
}

/// Picks the kernel for the tile's number of rows.
#[inline(always)]
unsafe fn rows_of<S: Simd, const NV: usize>(tile: Tile) {
    macro_rules! pick {
        ($($rows:literal)*) => {
            match tile.rows {
                // SAFETY: passed on.
                $($rows if $rows <= S::ROWS => unsafe { f32_igemm::<S, $rows, NV>(tile) },)*
                rows => unreachable!("tiles have at most {} rows, not {rows}", S::ROWS),
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// The microkernel: `MR` rows × `NV` vectors of columns in registers over all of K.
#[inline(always)]
unsafe fn f32_igemm<S: Simd, const MR: usize, const NV: usize>(tile: Tile) {
    // SAFETY: `tile` holds MR pointers per tap to `run` readable floats, a panel of taps·run rows of NV
    // vectors, and MR output (and addend) rows of at least column + columns floats.
    unsafe {
        let mut acc = [[S::splat(0.0); NV]; MR];
        let mut weights = tile.weights;
        for tap in 0..tile.taps {
            let rows: [*const f32; MR] = std::array::from_fn(|m| *tile.input.add(tap * MR + m));
            for k in 0..tile.run {
                let b: [S::V; NV] = std::array::from_fn(|v| S::load(weights.add(v * S::LANES)));
                for m in 0..MR {
                    let a = S::splat(*rows[m].add(k));
                    for v in 0..NV {
                        acc[m][v] = S::fma(a, b[v], acc[m][v]);
                    }
                }
                weights = weights.add(NV * S::LANES);
            }
        }
        let lanes = |v: usize| (tile.columns - v * S::LANES).min(S::LANES);
        let full = tile.columns == NV * S::LANES;
        if !tile.bias.is_null() {
            for v in 0..NV {
                let bias = tile.bias.add(tile.column + v * S::LANES);
                let bias = if full { S::load(bias) } else { S::load_first(bias, lanes(v)) };
                for row in &mut acc {
                    row[v] = S::add(row[v], bias);
                }
            }
        }
        for m in 0..MR {
            let out = (*tile.output.add(m)).add(tile.column);
            for v in 0..NV {
                let at = v * S::LANES;
                let mut value = acc[m][v];
                if !tile.addend.is_null() {
                    let addend = (*tile.addend.add(m)).add(tile.column + at);
                    let addend = if full { S::load(addend) } else { S::load_first(addend, lanes(v)) };
                    value = S::add(value, addend);
                }
                if tile.relu {
                    value = S::max(value, S::splat(0.0));
                }
                if full {
                    S::store(out.add(at), value);
                } else {
                    S::store_first(out.add(at), value, lanes(v));
                }
            }
        }
    }
}
