//! Kernels in Winograd's domain.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::Filtering;
use super::transform::weight_transform;
use crate::arena::Pointer;
use crate::geometry::product;
use crate::isa::Isa;
use crate::layout::turn;
use crate::panels::Panels;
use crate::simd::{Simd, WIDEST_LANES, array, dispatch};
use crate::threads::Pool;
use crate::tuning::winograd::{LEAST_TASK_CHANNELS, TURNED_ROWS};

/// Transforms packed kernels, rows of which are kernel element × input channel, to [`Filtering::points`] packed matrices of
/// input × output channels.
///
/// # Panics
/// If no convolution is computed on such tiles, or the lengths do not match the layouts, or the layouts one another.
pub fn winograd_weights(
    pool: &Pool,
    isa: Isa,
    filtering: Filtering,
    (source, from): (&[f32], Panels),
    (target, to): (&mut [f32], Panels),
) {
    check(isa, filtering, (source, from), (target, to));
    let kernel = filtering.kernel();
    assert_eq!((from.k, from.n), (product(&[kernel, kernel, to.k]), to.n), "size of the kernels");
    let isa = isa.for_columns(to.n);
    let pointer = Pointer::of(target);
    pool.ranges(to.k, LEAST_TASK_CHANNELS, &|channels| {
        let layouts = (from, to);
        // SAFETY: lengths and layouts were checked above; tasks have different channels, so rows of the matrices.
        unsafe {
            dispatch!(isa, transform_channels(
                filtering: Filtering, source: &[f32], pointer: Pointer, layouts: (Panels, Panels), channels: Range<usize>
            ));
        };
    });
}

/// Transforms the kernels of some input channels.
///
/// # Safety
/// [`winograd_weights`] has checked `source`, the block of `target` and `layouts`; `channels` are rows of the
/// matrices, which nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn transform_channels<S: Simd>(
    filtering: Filtering,
    source: &[f32],
    target: Pointer,
    layouts: (Panels, Panels),
    channels: Range<usize>,
) {
    // SAFETY: the caller has checked the lengths for this filtering, and gives channels of its own.
    unsafe {
        match filtering.inputs() {
            4 => transform_channels_of::<S, 3, 4>(source, target, layouts, channels),
            6 => transform_channels_of::<S, 3, 6>(source, target, layouts, channels),
            _ => transform_channels_of::<S, 5, 8>(source, target, layouts, channels),
        }
    }
}

/// Transforms the kernels, of side `R`, of some input channels, for `IN` × `IN` points.
///
/// # Safety
/// [`winograd_weights`] has checked `source`, the block of `target` and the layouts for kernels of side `R`;
/// `channels` are rows of the matrices, which nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn transform_channels_of<S: Simd, const R: usize, const IN: usize>(
    source: &[f32],
    target: Pointer,
    (from, to): (Panels, Panels),
    channels: Range<usize>,
) {
    for panel in 0..to.count() {
        let width = to.width(panel);
        for c in channels.clone() {
            for v in (0..width).step_by(S::LANES) {
                // SAFETY: source and target hold panels of `width` columns, whole vectors, for each tap and channel,
                // and for each point and channel, as the layouts say; these rows of the target are the caller's
                // alone.
                unsafe {
                    let element = |tap: usize| {
                        let at = from.start(panel) + (tap * to.k + c) * width + v;
                        S::load(source.as_ptr().add(at))
                    };
                    let at = to.start(panel) + c * width + v;
                    transform_kernels::<S, R, IN>(element, target, (at, to.len()));
                }
            }
        }
    }
}

/// Transforms a vector of kernels of side `R`, whose elements `element` gives, and writes it for each of `IN` × `IN` points: from a
/// place on, so many floats apart.
///
/// # Safety
/// `element` may be called for each of the kernel's, and a vector be written to the block of `target` at each of the places, which
/// nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn transform_kernels<S: Simd, const R: usize, const IN: usize>(
    element: impl Fn(usize) -> S::V,
    target: Pointer,
    (place, step): (usize, usize),
) {
    // SAFETY: the places are the caller's.
    unsafe {
        let mut columns = [[S::splat(0.0); IN]; R];
        for (x, column) in columns.iter_mut().enumerate() {
            *column = weight_transform::<S, R, IN>(array![S::splat(0.0); R, |y| element(R * y + x)]);
        }
        for i in 0..IN {
            let line = weight_transform::<S, R, IN>(array![S::splat(0.0); R, |x| columns[x][i]]);
            for (j, value) in line.into_iter().enumerate() {
                S::store(target.at(place + (i * IN + j) * step), value);
            }
        }
    }
}

/// What [`winograd_weights`] makes of a convolution's kernels transposed and back to front, which are those of its input's gradient:
/// `source` is kernel element × input × output channel, `target` has matrices of output × input channels.
///
/// # Panics
/// If no convolution is computed on such tiles, or the lengths do not match the layouts, or the layouts one another.
pub fn winograd_turned_weights(
    pool: &Pool,
    isa: Isa,
    filtering: Filtering,
    (source, from): (&[f32], Panels),
    (target, to): (&mut [f32], Panels),
) {
    check(isa, filtering, (source, from), (target, to));
    assert_eq!((from.k, from.n), (product(&[filtering.kernel().pow(2), to.n]), to.k), "size of the kernels");
    let isa = isa.for_columns(to.n);
    let pointer = Pointer::of(target);
    let parts = from.n.div_ceil(TURNED_ROWS);
    pool.run(product(&[to.count(), parts]), &|task| {
        let layouts = (from, to);
        let first = task % parts * TURNED_ROWS;
        let part = (task / parts, first..(first + TURNED_ROWS).min(from.n));
        // SAFETY: lengths and layouts were checked above; tasks have different rows of a panel of the target, or different panels.
        unsafe {
            dispatch!(isa, turn_rows(
                filtering: Filtering, source: &[f32], pointer: Pointer, layouts: (Panels, Panels), part: (usize, Range<usize>)
            ));
        };
    });
}

/// Checks tiles, lengths and layouts.
///
/// # Panics
/// As the transforms.
fn check(
    isa: Isa,
    filtering: Filtering,
    (source, from): (&[f32], Panels),
    (target, to): (&mut [f32], Panels),
) {
    filtering.assert_of_outputs();
    assert_eq!(source.len(), from.len(), "length of the kernels");
    assert_eq!(target.len(), product(&[filtering.points(), to.len()]), "length of the transformed kernels");
    assert_eq!((from, to), (Panels::new(isa, from.k, from.n), Panels::new(isa, to.k, to.n)), "layouts");
}

/// Transforms the turned kernels of some rows of a panel of the target's matrices.
///
/// # Safety
/// [`winograd_turned_weights`] has checked `source`, the block of `target` and `layouts`; the rows, from a multiple of
/// [`TURNED_ROWS`] on, and the panel are some of the target's, and nothing else uses those rows of it meanwhile. The CPU has the
/// instruction set.
#[inline(always)]
unsafe fn turn_rows<S: Simd>(
    filtering: Filtering,
    source: &[f32],
    target: Pointer,
    layouts: (Panels, Panels),
    part: (usize, Range<usize>),
) {
    // SAFETY: the caller has checked the lengths for this filtering, and gives rows of its own.
    unsafe {
        match filtering.inputs() {
            4 => turn_rows_of::<S, 3, 4>(source, target, layouts, part),
            6 => turn_rows_of::<S, 3, 6>(source, target, layouts, part),
            _ => turn_rows_of::<S, 5, 8>(source, target, layouts, part),
        }
    }
}

/// Transforms the turned kernels, of side `R`, of some rows of a panel of the target's matrices, for `IN` × `IN` points.
///
/// # Safety
/// [`winograd_turned_weights`] has checked `source`, the block of `target` and the layouts for kernels of side `R`; the rows, from a
/// multiple of [`TURNED_ROWS`] on, and the panel are some of the target's, and nothing else uses those rows of it meanwhile. The CPU
/// has the instruction set.
#[inline(always)]
unsafe fn turn_rows_of<S: Simd, const R: usize, const IN: usize>(
    source: &[f32],
    target: Pointer,
    (from, to): (Panels, Panels),
    (panel, rows): (usize, Range<usize>),
) {
    const { assert!(TURNED_ROWS.is_multiple_of(S::LANES) && S::LANES <= WIDEST_LANES) };
    let (columns, width) = (to.columns(panel), to.width(panel));
    // A square for each element of the kernels, rows of which are vectors of the target.
    let mut squares = [[MaybeUninit::<[f32; WIDEST_LANES * WIDEST_LANES]>::uninit(); R]; R];
    for v in (0..width).step_by(S::LANES) {
        let first = columns.start + v;
        let wide = (columns.end - first).min(S::LANES);
        if wide < S::LANES {
            squares = [[MaybeUninit::zeroed(); R]; R];
        }
        for row in rows.clone().step_by(S::LANES) {
            // No panel ends between the rows of a square: those of the source are of as many lanes or one alone.
            let source_panel = row / from.width(0);
            let (inside, step) = (from.columns(source_panel), from.width(source_panel));
            let count = (inside.end.min(rows.end) - row).min(S::LANES);
            for (i, square) in squares.iter_mut().flatten().enumerate() {
                let tap = R * R - 1 - i;
                let at = from.start(source_panel) + (tap * to.n + first) * step + row - inside.start;
                // SAFETY: the source's panel has a row for each tap and column of the target, of which `count` floats from `row` on
                // are columns; a square has room for as many rows of `wide` floats.
                unsafe {
                    let to = square.as_mut_ptr().cast::<f32>();
                    turn::<S>(source.as_ptr().add(at), step, to, S::LANES, wide, count);
                }
            }
            for i in 0..count {
                let at = to.start(panel) + (row + i) * width + v;
                // SAFETY: the squares' row was just written, or the rest of its vector zeroed before; the target's panel holds rows
                // of whole vectors for each point and column of the source, and these are the caller's alone.
                unsafe {
                    let element = |tap: usize| {
                        S::load(squares[tap / R][tap % R].as_ptr().cast::<f32>().add(i * S::LANES))
                    };
                    transform_kernels::<S, R, IN>(element, target, (at, to.len()));
                }
            }
        }
    }
}
