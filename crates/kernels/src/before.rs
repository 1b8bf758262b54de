//! What the rows of a product go through as they are read.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::{Geometry, Interior};
use crate::simd::Simd;

/// What the left operand goes through as it is read.
#[derive(Clone, Copy, Debug)]
pub enum Before<'a> {
    /// A scale and a shift by channel, and a ReLU perhaps.
    Affine {
        /// Factors, one for each channel.
        scale: &'a [f32],
        /// Summands.
        shift: &'a [f32],
        /// Whether max(·, 0) follows.
        relu: bool,
    },
    /// Factors of each image's channels, a pixel for each image: the gate of a squeeze-and-excitation (Hu et al. 2018,
    /// <https://arxiv.org/abs/1709.01507>).
    Factors(View),
}

impl Before<'_> {
    /// Checks it against a walk over some images and its output.
    ///
    /// # Panics
    /// If the walk has more than one tap or leaves the input, or scales, shifts or factors are not those of its channels; if the
    /// factors reach beyond the arena or overlap the output.
    pub(crate) fn check(self, arena: &Arena, geometry: &Geometry, batch: usize, out: View) {
        let plain =
            geometry.taps.len() == 1 && geometry.span == 1 && Interior::new(geometry).is_all(geometry);
        assert!(
            plain,
            "an input that goes through something first is read pixel by pixel, not by {geometry:?}"
        );
        match self {
            Self::Affine { scale, shift, .. } => {
                assert_eq!([scale.len(), shift.len()], [geometry.run; 2], "scales and shifts");
            }
            Self::Factors(factors) => {
                arena.check(factors);
                factors.assert_disjoint(out);
                let size = (factors.pixels, factors.channels);
                assert_eq!(size, (batch, geometry.run), "factors of each image's channels");
            }
        }
    }
}

/// Copies rows of the left operand to `copies` through what comes before, and points to the copies instead.
///
/// # Safety
/// `before` was [checked](Before::check) for the `geometry` against the block of `arena`. The rows are the pixels that the `positions`
/// read, in this order, each valid to read `geometry.run` floats from. Meanwhile nothing writes them or the factors. The CPU has
/// the instruction set.
#[inline(always)]
pub(crate) unsafe fn transform_rows<S: Simd>(
    before: Before<'_>,
    geometry: &Geometry,
    arena: Pointer,
    positions: Range<usize>,
    (rows, copies): (&mut [*const f32], &mut Vec<f32>),
) {
    let (run, of_image) = (geometry.run, geometry.grid.0 * geometry.grid.1);
    // A row is no multiple of 4 KiB, so that the rows of a tile do not share the sets of the cache.
    let stride = run.next_multiple_of(S::LANES) + S::LANES;
    copies.resize(rows.len() * stride, 0.0);
    for ((position, row), copy) in positions.zip(rows).zip(copies.chunks_exact_mut(stride)) {
        // SAFETY: the row is `run` floats long, and so are the scales, the shifts, and the factors of each image in the block, as
        // `check` has it. The copy holds whole vectors of all of them.
        unsafe {
            match before {
                Before::Affine { scale, shift, relu } => {
                    let (scale, shift) = (scale.as_ptr(), shift.as_ptr());
                    copy_row::<S>(*row, copy, run, |c, n, x| {
                        let x = S::fma(S::load_first(scale.add(c), n), x, S::load_first(shift.add(c), n));
                        // In this order NaN stays NaN.
                        if relu { S::max(S::splat(0.0), x) } else { x }
                    });
                }
                Before::Factors(factors) => {
                    let factors =
                        arena.at(factors.offset + position / of_image * factors.stride).cast_const();
                    // Added to a product it changes nothing, not even the sign of a zero.
                    let none = S::splat(-0.0);
                    copy_row::<S>(*row, copy, run, |c, n, x| {
                        S::fma(x, S::load_first(factors.add(c), n), none)
                    });
                }
            }
        }
        *row = copy.as_ptr();
    }
}

/// Copies a row through a function of the channels from `c` on, of which there are `n`.
///
/// # Safety
/// The row is valid to read `run` floats from, the copy as long as whole vectors of them. The CPU has the instruction set.
#[inline(always)]
unsafe fn copy_row<S: Simd>(
    row: *const f32,
    copy: &mut [f32],
    run: usize,
    of: impl Fn(usize, usize, S::V) -> S::V,
) {
    for c in (0..run).step_by(S::LANES) {
        let n = (run - c).min(S::LANES);
        // SAFETY: the caller has `n` floats of the row from `c` on, and a vector of the copy.
        unsafe { S::store(copy.as_mut_ptr().add(c), of(c, n, S::load_first(row.add(c), n))) };
    }
}
