//! The register tile of the indirect GEMM, which Winograd's products and scattered gradients run on too.

use crate::ahead::{Span, ask};
use crate::arena::{Arena, View};
use crate::element::Element;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, array};
use crate::tuning::igemm::{AHEAD_LINES, SHORT_K_ROWS, UNROLLED_ROWS};
use crate::tuning::machine::LINE_FLOATS;

/// Rows of the tallest tile of any instruction set.
pub(crate) const MAX_ROWS: usize = 12;

/// The [`Tile::order`] of a product that is one run of K.
pub(crate) static ONE_TAP: [usize; 1] = [0];

/// Checks what a product adds to its sums against its output.
///
/// # Panics
/// If the bias is too short, or the addend reaches beyond the arena, has another size or overlaps the output in part.
pub(crate) fn check_epilogue(arena: &Arena, out: View, bias: Option<&[f32]>, addend: Option<View>) {
    if let Some(bias) = bias {
        assert!(bias.len() >= out.channels, "bias of {} for {} columns", bias.len(), out.channels);
    }
    if let Some(addend) = addend {
        arena.check(addend);
        assert_eq!((addend.pixels, addend.channels), (out.pixels, out.channels), "addend's size");
        assert!(addend == out || addend.is_disjoint(out), "{addend:?} overlaps {out:?}");
    }
}

/// One tile's operands. A tile is valid where each pointer is as its field says, and nothing but the tile's product
/// uses its output, or writes what it reads, meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Tile<W> {
    /// `taps` × `rows` pointers, each valid to read `run` floats from.
    pub(crate) input: *const *const f32,
    pub(crate) taps: usize,
    /// For each tap the first of the `run` rows of the weights that it is multiplied with.
    pub(crate) order: *const usize,
    pub(crate) run: usize,
    /// A panel: valid to read the rows that `order` names from, each as many vectors as the columns need.
    pub(crate) weights: *const W,
    /// What is needed next and asked for meanwhile.
    pub(crate) ahead: Span,
    /// Null, or valid to read `column` + `columns` floats from.
    pub(crate) bias: *const f32,
    /// Null, or `rows` pointers, each valid to read `column` + `columns` floats from.
    pub(crate) addend: *const *const f32,
    /// `rows` pointers, each valid to write `column` + `columns` floats to; rows do not overlap.
    pub(crate) output: *const *mut f32,
    /// The panel's first column, and how many it has, at most two vectors.
    pub(crate) column: usize,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) relu: Rectifier,
}

/// Floats that a tile of so many taps and vectors of columns asks for ahead.
pub(crate) fn floats_ahead(taps: usize, run: usize, vectors: usize) -> usize {
    taps * (run / UNROLLED_ROWS) * vectors * AHEAD_LINES * LINE_FLOATS
}

/// Runs a tile by the kernel for its rows and columns.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with at most `S::ROWS` rows, and the CPU has the instruction set.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd, W: Element>(tile: Tile<W>) {
    // SAFETY: the caller gives a valid tile, whose panel is as many vectors wide as its columns need.
    unsafe {
        if tile.columns > S::LANES {
            rows_of::<S, W, 2>(tile);
        } else {
            rows_of::<S, W, 1>(tile);
        }
    }
}

/// Runs a tile by the kernel for its rows.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with columns that take `NV` vectors, and the CPU has the instruction set.
#[inline(always)]
unsafe fn rows_of<S: Simd, W: Element, const NV: usize>(tile: Tile<W>) {
    macro_rules! pick {
        ($($rows:literal)*) => {
            match tile.rows {
                // SAFETY: the caller gives a valid tile of NV vectors, which has this many rows.
                $($rows if $rows <= S::ROWS => unsafe { f32_igemm::<S, W, $rows, NV>(tile) },)*
                rows => unreachable!("tiles have at most {} rows, not {rows}", S::ROWS),
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// The microkernel: `MR` rows × `NV` vectors of columns in registers over all of K.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with `MR` rows and columns that take `NV` vectors, and the CPU has the
/// instruction set.
#[inline(always)]
unsafe fn f32_igemm<S: Simd, W: Element, const MR: usize, const NV: usize>(tile: Tile<W>) {
    // SAFETY: the caller's tile holds MR pointers for each tap to `run` readable floats, a panel with `run` rows of NV
    // vectors from each row in the order on, and MR output (and addend) rows of at least column + columns floats.
    unsafe {
        let lanes = |v: usize| (tile.columns - v * S::LANES).min(S::LANES);
        let full = tile.columns == NV * S::LANES;
        let mut acc = [[S::splat(0.0); NV]; MR];
        if !tile.bias.is_null() {
            let bias = tile.bias.add(tile.column);
            acc = [array![S::splat(0.0); NV, |v| S::load_first(bias.add(v * S::LANES), lanes(v))]; MR];
        }
        // Rows of the addend or the output lie far apart: they are asked for now and here when the sums are.
        if !tile.addend.is_null() {
            prefetch_rows::<S, MR, NV>(tile.addend, tile.column);
        } else if tile.taps * tile.run <= SHORT_K_ROWS {
            prefetch_rows::<S, MR, NV>(tile.output.cast(), tile.column);
        }
        let [mut ahead, last] = tile.ahead.ends();
        for tap in 0..tile.taps {
            let mut weights = tile.weights.add(*tile.order.add(tap) * NV * S::LANES);
            let rows = array![std::ptr::null(); MR, |m| *tile.input.add(tap * MR + m)];
            let mut k = 0;
            while k + UNROLLED_ROWS <= tile.run {
                for u in 0..UNROLLED_ROWS {
                    add_row::<S, W, MR, NV>(&mut acc, &rows, k + u, weights.add(u * NV * S::LANES));
                }
                ahead = ask::<S>(ahead, last, NV * AHEAD_LINES);
                k += UNROLLED_ROWS;
                weights = weights.add(UNROLLED_ROWS * NV * S::LANES);
            }
            while k < tile.run {
                add_row::<S, W, MR, NV>(&mut acc, &rows, k, weights);
                k += 1;
                weights = weights.add(NV * S::LANES);
            }
        }
        // Short loops, each on its own: the compiler unrolls them, and the sums stay in registers throughout.
        if !tile.addend.is_null() {
            for m in 0..MR {
                let addend = (*tile.addend.add(m)).add(tile.column);
                for v in 0..NV {
                    acc[m][v] = S::add(acc[m][v], S::load_first(addend.add(v * S::LANES), lanes(v)));
                }
            }
        }
        // In this order NaN stays NaN.
        let [floor, ceiling] = tile.relu.bounds();
        let (floor, ceiling) = (S::splat(floor), S::splat(ceiling));
        if full {
            for m in 0..MR {
                let out = (*tile.output.add(m)).add(tile.column);
                for v in 0..NV {
                    S::store(out.add(v * S::LANES), S::min(ceiling, S::max(floor, acc[m][v])));
                }
            }
        } else {
            for m in 0..MR {
                let out = (*tile.output.add(m)).add(tile.column);
                for v in 0..NV {
                    S::store_first(
                        out.add(v * S::LANES),
                        S::min(ceiling, S::max(floor, acc[m][v])),
                        lanes(v),
                    );
                }
            }
        }
    }
}

/// Asks for a tile's part of rows.
///
/// # Safety
/// `rows` is valid to read `MR` pointers from, wherever these lead.
#[inline(always)]
unsafe fn prefetch_rows<S: Simd, const MR: usize, const NV: usize>(rows: *const *const f32, column: usize) {
    for m in 0..MR {
        // SAFETY: the caller gives MR pointers.
        let row = unsafe { *rows.add(m) }.wrapping_add(column);
        S::prefetch(row);
        S::prefetch(row.wrapping_add(NV * S::LANES - 1));
    }
}

/// Adds the products of one row of K to a tile's sums.
///
/// # Safety
/// Each of `rows` is valid to read float `k` from, `weights` to read `NV` vectors of elements, and the CPU has the
/// instruction set.
#[inline(always)]
unsafe fn add_row<S: Simd, W: Element, const MR: usize, const NV: usize>(
    acc: &mut [[S::V; NV]; MR],
    rows: &[*const f32; MR],
    k: usize,
    weights: *const W,
) {
    // SAFETY: the caller gives NV vectors of weights, and float `k` of each row.
    unsafe {
        let b = array![S::splat(0.0); NV, |v| W::load::<S>(weights.add(v * S::LANES))];
        for m in 0..MR {
            let a = S::splat(*rows[m].add(k));
            for v in 0..NV {
                acc[m][v] = S::fma(a, b[v], acc[m][v]);
            }
        }
    }
}
