//! Kernels in Winograd's domain.

use std::ops::Range;

use super::transform::weight_transform;
use super::{Filtering, OUT};
use crate::arena::Pointer;
use crate::geometry::product;
use crate::isa::Isa;
use crate::panels::Panels;
use crate::simd::{Simd, array, dispatch};
use crate::threads::Pool;
use crate::tuning::winograd::LEAST_TASK_CHANNELS;

/// Transforms packed kernels, rows of which are kernel element × input channel, to [`Filtering::points`] packed matrices of
/// input × output channels.
///
/// # Panics
/// If tiles have not 4 rows of outputs, or the lengths do not match the layouts, or the layouts one another.
pub fn winograd_weights(
    pool: &Pool,
    isa: Isa,
    filtering: Filtering,
    (source, from): (&[f32], Panels),
    (target, to): (&mut [f32], Panels),
) {
    assert_eq!(filtering.outputs(), OUT, "rows of a tile's outputs");
    assert_eq!(source.len(), from.len(), "length of the kernels");
    assert_eq!(target.len(), product(&[filtering.points(), to.len()]), "length of the transformed kernels");
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
        match filtering.kernel() {
            3 => transform_channels_of::<S, 3, 6>(source, target, layouts, channels),
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
                    let mut columns = [[S::splat(0.0); IN]; R];
                    for (x, column) in columns.iter_mut().enumerate() {
                        *column =
                            weight_transform::<S, R, IN>(array![S::splat(0.0); R, |y| element(R * y + x)]);
                    }
                    for i in 0..IN {
                        let line = weight_transform::<S, R, IN>(array![S::splat(0.0); R, |x| columns[x][i]]);
                        for (j, value) in line.into_iter().enumerate() {
                            let matrix = (i * IN + j) * to.len();
                            S::store(target.at(matrix + to.start(panel) + c * width + v), value);
                        }
                    }
                }
            }
        }
    }
}
