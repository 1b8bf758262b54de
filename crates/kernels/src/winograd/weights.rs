//! Kernels in Winograd's domain.

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
use crate::tuning::winograd::LEAST_TASK_CHANNELS;

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
    check(filtering, (source, from), (target, to));
    let kernel = filtering.kernel();
    assert_eq!((from.k, from.n), (product(&[kernel, kernel, to.k]), to.n), "size of the kernels");
    assert_eq!((from, to), (Panels::new(isa, from.k, from.n), Panels::new(isa, to.k, to.n)), "layouts");
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
    check(filtering, (source, from), (target, to));
    assert_eq!((from.k, from.n), (product(&[filtering.kernel().pow(2), to.n]), to.k), "size of the kernels");
    assert_eq!((from, to), (Panels::new(isa, from.k, from.n), Panels::new(isa, to.k, to.n)), "layouts");
    let isa = isa.for_columns(to.n);
    let pointer = Pointer::of(target);
    pool.run(product(&[to.count(), from.count()]), &|task| {
        let layouts = (from, to);
        let panels = (task % from.count(), task / from.count());
        // SAFETY: lengths and layouts were checked above; tasks have different panels of the source, so rows of the matrices, or of
        // the target.
        unsafe {
            dispatch!(isa, turn_panel(
                filtering: Filtering, source: &[f32], pointer: Pointer, layouts: (Panels, Panels), panels: (usize, usize)
            ));
        };
    });
}

/// Checks tiles and lengths.
///
/// # Panics
/// As the transforms.
fn check(filtering: Filtering, (source, from): (&[f32], Panels), (target, to): (&mut [f32], Panels)) {
    assert!(filtering.is_of_outputs(), "F(2×2, 3×3), F(4×4, 3×3) or F(4×4, 5×5)");
    assert_eq!(source.len(), from.len(), "length of the kernels");
    assert_eq!(target.len(), product(&[filtering.points(), to.len()]), "length of the transformed kernels");
}

/// Transforms the turned kernels of a panel of the source's columns and one of the target's.
///
/// # Safety
/// [`winograd_turned_weights`] has checked `source`, the block of `target` and `layouts`; `panels` are some of theirs, whose rows of
/// the target's panel nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn turn_panel<S: Simd>(
    filtering: Filtering,
    source: &[f32],
    target: Pointer,
    layouts: (Panels, Panels),
    panels: (usize, usize),
) {
    // SAFETY: the caller has checked the lengths for this filtering, and gives panels of its own.
    unsafe {
        match filtering.inputs() {
            4 => turn_panel_of::<S, 3, 4>(source, target, layouts, panels),
            6 => turn_panel_of::<S, 3, 6>(source, target, layouts, panels),
            _ => turn_panel_of::<S, 5, 8>(source, target, layouts, panels),
        }
    }
}

/// Transforms the turned kernels, of side `R`, of a panel of the source's columns and one of the target's, for `IN` × `IN` points.
///
/// # Safety
/// [`winograd_turned_weights`] has checked `source`, the block of `target` and the layouts for kernels of side `R`; the panels are
/// some of theirs, whose rows of the target's panel nothing else uses meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn turn_panel_of<S: Simd, const R: usize, const IN: usize>(
    source: &[f32],
    target: Pointer,
    (from, to): (Panels, Panels),
    (source_panel, panel): (usize, usize),
) {
    let (rows, row_width) = (from.columns(source_panel), from.width(source_panel));
    let (columns, width) = (to.columns(panel), to.width(panel));
    // A square of lanes for each element, of which a row is a vector of the target.
    let mut turned = [0.0_f32; 25 * WIDEST_LANES * WIDEST_LANES];
    let square = S::LANES * S::LANES;
    for v in (0..width).step_by(S::LANES) {
        let first = columns.start + v;
        let wide = columns.end.saturating_sub(first).min(S::LANES);
        if wide < S::LANES {
            turned.fill(0.0);
        }
        for row in (0..rows.len()).step_by(S::LANES) {
            let count = (rows.len() - row).min(S::LANES);
            for element in 0..R * R {
                let tap = R * R - 1 - element;
                let at = from.start(source_panel) + (tap * to.n + first) * row_width + row;
                // SAFETY: the source holds a row for each tap and column of the target, of which `count` floats from `row` on are
                // columns of this panel; there is a square for each element, of at least `count` rows of `wide` floats. Where `wide`
                // is nought nothing is read.
                unsafe {
                    let from = source.as_ptr().wrapping_add(at);
                    turn::<S>(
                        from,
                        row_width,
                        turned.as_mut_ptr().add(element * square),
                        S::LANES,
                        wide,
                        count,
                    );
                }
            }
            for i in 0..count {
                let at = to.start(panel) + (rows.start + row + i) * width + v;
                // SAFETY: each square has this row, a vector; the target holds panels of `width` columns, whole vectors, for each
                // point and column of the source, as the layouts say, and these rows of this one are the caller's alone.
                unsafe {
                    let element =
                        |element: usize| S::load(turned.as_ptr().add(element * square + i * S::LANES));
                    transform_kernels::<S, R, IN>(element, target, (at, to.len()));
                }
            }
        }
    }
}
