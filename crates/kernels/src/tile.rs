//! The register tile of the indirect GEMM, which Winograd's products and scattered gradients run on too.

use crate::ahead::{Span, ask};
use crate::arena::{Arena, View};
use crate::element::Element;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, array};
use crate::tuning::igemm::{AHEAD_LINES, UNROLLED_ROWS};
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
    /// For each tap `rows` pointers, each valid to read `run` floats from.
    pub(crate) input: *const *const f32,
    /// Pointers from the first of one tap to the first of the next: `rows` or more.
    pub(crate) pitch: usize,
    pub(crate) taps: usize,
    /// For each tap the first of the `run` rows of the weights that it is multiplied with.
    pub(crate) order: *const usize,
    pub(crate) run: usize,
    /// A panel: valid to read the rows that `order` names from, each as many vectors as the columns need.
    pub(crate) weights: *const W,
    /// Null, or the next panel, whose columns are a vector or less, and are computed too: `weights` are of two vectors then.
    pub(crate) beside: *const W,
    /// What is needed next and asked for meanwhile.
    pub(crate) ahead: Span,
    /// Null, or valid to read `column` + `columns` floats from.
    pub(crate) bias: *const f32,
    /// Null, or `rows` pointers, each valid to read `column` + `columns` floats from.
    pub(crate) addend: *const *const f32,
    /// `rows` pointers, each valid to write `column` + `columns` floats to; rows do not overlap.
    pub(crate) output: *const *mut f32,
    /// The panel's first column, and how many there are: at most two vectors, and one of the panel beside it.
    pub(crate) column: usize,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) relu: Rectifier,
}

/// Floats that a tile of so many taps and vectors of columns asks for ahead.
pub(crate) fn floats_ahead(taps: usize, run: usize, vectors: usize) -> usize {
    taps * (run / UNROLLED_ROWS) * vectors * AHEAD_LINES * LINE_FLOATS
}

/// Runs a tile of a panel by the kernel for its rows and columns.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with at most `S::ROWS` rows and nothing beside it, and the CPU has the instruction set.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd, W: Element>(tile: Tile<W>) {
    // SAFETY: the caller gives a valid tile, whose panel is as many vectors wide as its columns need.
    unsafe {
        if tile.columns > S::LANES {
            rows_of::<S, W, 2, 0>(tile);
        } else {
            rows_of::<S, W, 1, 0>(tile);
        }
    }
}

/// Runs a tile of two panels.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with at most half of `S::ROWS` rows, and a panel beside it, and the CPU has the instruction
/// set.
#[inline(always)]
pub(crate) unsafe fn multiply_beside<S: Simd, W: Element>(tile: Tile<W>) {
    // SAFETY: the caller gives a valid tile, with a panel of two vectors and one of one.
    unsafe { rows_of::<S, W, 2, 1>(tile) };
}

/// Rows of the tallest tile of a panel, or of two side by side.
const fn most_rows<S: Simd>(two_panels: bool) -> usize {
    if two_panels { S::ROWS / 2 } else { S::ROWS }
}

/// Runs a tile by the kernel for its rows.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with columns that take `NV` vectors of a panel and `NB` of the one beside it, and the CPU has
/// the instruction set.
#[inline(always)]
unsafe fn rows_of<S: Simd, W: Element, const NV: usize, const NB: usize>(tile: Tile<W>) {
    macro_rules! pick {
        ($($rows:literal)*) => {
            match tile.rows {
                // SAFETY: the caller gives a valid tile of these vectors, which has this many rows.
                $($rows if $rows <= most_rows::<S>(NB > 0) => unsafe { f32_igemm::<S, W, $rows, NV, NB>(tile) },)*
                rows => unreachable!("tiles have at most {} rows, not {rows}", most_rows::<S>(NB > 0)),
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// A tile's sums: of each row those of its own panel's columns, and those of the panel beside it.
struct Sums<S: Simd, const MR: usize, const NV: usize, const NB: usize> {
    own: [[S::V; NV]; MR],
    beside: [[S::V; NB]; MR],
}

/// The microkernel: `MR` rows × `NV` vectors of columns, and `NB` of the panel beside theirs, in registers over all of K.
///
/// # Safety
/// The tile is valid, as [`Tile`] says, with `MR` rows and columns that take `NV` vectors and `NB` of the panel beside them, and the
/// CPU has the instruction set.
#[inline(always)]
unsafe fn f32_igemm<S: Simd, W: Element, const MR: usize, const NV: usize, const NB: usize>(tile: Tile<W>) {
    // SAFETY: the caller's tile holds MR pointers for each tap to `run` readable floats, a panel with `run` rows of NV
    // vectors from each row in the order on, as many rows of NB vectors of the panel beside it, and MR output (and addend) rows of
    // at least column + columns floats.
    unsafe {
        let lanes = |v: usize| (tile.columns - v * S::LANES).min(S::LANES);
        let full = tile.columns == (NV + NB) * S::LANES;
        let mut acc =
            Sums::<S, MR, NV, NB> { own: [[S::splat(0.0); NV]; MR], beside: [[S::splat(0.0); NB]; MR] };
        if !tile.bias.is_null() {
            let bias = tile.bias.add(tile.column);
            acc.own = [array![S::splat(0.0); NV, |v| S::load_first(bias.add(v * S::LANES), lanes(v))]; MR];
            let bias = bias.wrapping_add(NV * S::LANES);
            acc.beside =
                [array![S::splat(0.0); NB, |v| S::load_first(bias.add(v * S::LANES), lanes(NV + v))]; MR];
        }
        // Rows of the addend lie far apart: they are asked for now and here when the sums are.
        if !tile.addend.is_null() {
            for m in 0..MR {
                let row = (*tile.addend.add(m)).wrapping_add(tile.column);
                for v in 0..(NV + NB - 1).max(1) {
                    S::prefetch(row.wrapping_add(v * S::LANES));
                }
                S::prefetch(row.wrapping_add((NV + NB) * S::LANES - 1));
            }
        }
        let mut ahead = tile.ahead.ends();
        for tap in 0..tile.taps {
            let order = *tile.order.add(tap);
            let weights = tile.weights.add(order * NV * S::LANES);
            let beside = tile.beside.wrapping_add(order * NB * S::LANES);
            let rows = array![std::ptr::null(); MR, |m| *tile.input.add(tap * tile.pitch + m)];
            let mut at = At { k: 0, weights, beside };
            if NV + NB == 1 {
                while at.k + 2 * UNROLLED_ROWS <= tile.run {
                    at = add_rows::<S, W, MR, NV, NB, { 2 * UNROLLED_ROWS }>(&mut acc, &rows, at, &mut ahead);
                }
            }
            while at.k + UNROLLED_ROWS <= tile.run {
                at = add_rows::<S, W, MR, NV, NB, UNROLLED_ROWS>(&mut acc, &rows, at, &mut ahead);
            }
            while at.k < tile.run {
                at = add_rows::<S, W, MR, NV, NB, 1>(&mut acc, &rows, at, &mut ahead);
            }
        }
        // Short loops, each on its own: the compiler unrolls them, and the sums stay in registers throughout.
        if !tile.addend.is_null() {
            for m in 0..MR {
                let addend = (*tile.addend.add(m)).add(tile.column);
                for v in 0..NV {
                    acc.own[m][v] = S::add(acc.own[m][v], S::load_first(addend.add(v * S::LANES), lanes(v)));
                }
                for v in 0..NB {
                    let addend = S::load_first(addend.add((NV + v) * S::LANES), lanes(NV + v));
                    acc.beside[m][v] = S::add(acc.beside[m][v], addend);
                }
            }
        }
        match (full, tile.relu) {
            (true, Rectifier::None) => write::<S, W, MR, NV, NB, true, 0>(&tile, &acc),
            (true, Rectifier::Relu) => write::<S, W, MR, NV, NB, true, 1>(&tile, &acc),
            (true, _) => write::<S, W, MR, NV, NB, true, 2>(&tile, &acc),
            (false, _) => write::<S, W, MR, NV, NB, false, 2>(&tile, &acc),
        }
    }
}

/// Writes a tile's sums, within the first so many of its rectifier's bounds.
///
/// # Safety
/// As [`f32_igemm`]; where it is `FULL` the columns fill all vectors.
#[inline(always)]
unsafe fn write<
    S: Simd,
    W,
    const MR: usize,
    const NV: usize,
    const NB: usize,
    const FULL: bool,
    const BOUNDS: usize,
>(
    tile: &Tile<W>,
    acc: &Sums<S, MR, NV, NB>,
) {
    let [floor, ceiling] = tile.relu.bounds();
    // SAFETY: the caller's tile holds MR output rows of at least column + columns floats.
    unsafe {
        let (floor, ceiling) = (S::splat(floor), S::splat(ceiling));
        for m in 0..MR {
            let out = (*tile.output.add(m)).add(tile.column);
            for v in 0..NV + NB {
                let sum = if v < NV { acc.own[m][v] } else { acc.beside[m][v - NV] };
                // In this order NaN stays NaN.
                let sum = if BOUNDS > 0 { S::max(floor, sum) } else { sum };
                let sum = if BOUNDS > 1 { S::min(ceiling, sum) } else { sum };
                let out = out.add(v * S::LANES);
                if FULL {
                    S::store(out, sum);
                } else {
                    S::store_first(out, sum, (tile.columns - v * S::LANES).min(S::LANES));
                }
            }
        }
    }
}

/// Where a tile's products have come to in a run of K, and in the panels.
#[derive(Clone, Copy)]
struct At<W> {
    k: usize,
    weights: *const W,
    beside: *const W,
}

/// Adds the products of some rows of K to a tile's sums; of [`UNROLLED_ROWS`] or a multiple asks for what is `ahead` meanwhile, from
/// the one place to the other. Gives where the rows end.
///
/// # Safety
/// Each of `rows` is valid to read `ROWS` floats from number `at.k` on, `at.weights` to read as many rows of `NV` vectors of elements,
/// `at.beside` of `NB`, and the CPU has the instruction set.
#[inline(always)]
unsafe fn add_rows<
    S: Simd,
    W: Element,
    const MR: usize,
    const NV: usize,
    const NB: usize,
    const ROWS: usize,
>(
    acc: &mut Sums<S, MR, NV, NB>,
    rows: &[*const f32; MR],
    at: At<W>,
    ahead: &mut [*const f32; 2],
) -> At<W> {
    // SAFETY: the caller gives as many rows of NV and NB vectors of weights, and floats of each row.
    unsafe {
        for u in 0..ROWS {
            let weights = at.weights.add(u * NV * S::LANES);
            let beside = at.beside.wrapping_add(u * NB * S::LANES);
            let b = array![S::splat(0.0); NV, |v| W::load::<S>(weights.add(v * S::LANES))];
            let c = array![S::splat(0.0); NB, |v| W::load::<S>(beside.add(v * S::LANES))];
            for m in 0..MR {
                let a = S::splat(*rows[m].add(at.k + u));
                for v in 0..NV {
                    acc.own[m][v] = S::fma(a, b[v], acc.own[m][v]);
                }
                for v in 0..NB {
                    acc.beside[m][v] = S::fma(a, c[v], acc.beside[m][v]);
                }
            }
        }
        ahead[0] = ask::<S>(ahead[0], ahead[1], ROWS / UNROLLED_ROWS * NV * AHEAD_LINES);
        At {
            k: at.k + ROWS,
            weights: at.weights.add(ROWS * NV * S::LANES),
            beside: at.beside.wrapping_add(ROWS * NB * S::LANES),
        }
    }
}
