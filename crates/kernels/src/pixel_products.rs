//! Products of the pixels of two maps that stand in the same column: of matrices, one for each column.

use std::ops::Range;

use crate::arena::{Arena, Pointer};
use crate::arithmetic::{Maps, SideBackward};
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// Sums side by side, so that a product of vectors is one of vectors of the machine.
const LANES: usize = 16;

/// Σ a·b, in an order that their length alone tells.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (long_a, rest_a) = a.as_chunks::<LANES>();
    let (long_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in long_a.iter().zip(long_b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Checks that `out` has a channel for each row of `b`, and a pixel for each of `a`.
///
/// # Panics
/// If it is not so, or a view reaches beyond the arena.
fn check(arena: &Arena, [a, b, out]: [Maps; 3]) {
    [a, b, out].iter().for_each(|maps| arena.check(maps.view));
    let counts = [a, b, out].map(|maps| maps.view.maps(maps.height * maps.width));
    assert!(counts.iter().all(|&count| count == counts[0]), "as many maps of each");
    assert!(a.view.channels == b.view.channels && out.view.channels == b.height, "channels and rows");
    assert!(a.height == out.height && [a.width, b.width] == [out.width; 2], "pixels");
}

/// The pixels of another map in the column of `pixel`, row by row.
#[inline(always)]
fn column(of: Maps, pixel: usize, other: Maps) -> impl Iterator<Item = usize> {
    let (row, column) = (pixel / of.width, pixel % of.width);
    let image = row / of.height;
    (0..other.height).map(move |y| (image * other.height + y) * other.width + column)
}

/// out[n, m, g] = Σ_k a[k, m, g] · b[k, n, g], by channel, row and column of each image.
///
/// # Panics
/// If sizes do not go together, views reach beyond the arena, or the output overlaps an input.
pub fn pixel_products(pool: &Pool, isa: Isa, arena: &mut Arena, [a, b, out]: [Maps; 3]) {
    check(arena, [a, b, out]);
    [a, b].iter().for_each(|input| out.view.assert_disjoint(input.view));
    let pointer = arena.pointer();
    let least = LEAST_TASK_FLOATS / (a.view.channels * out.view.channels).max(1);
    pool.ranges(out.view.pixels, least, &|pixels| {
        vectorized!(isa, |p: Pointer, pixels: Range<usize>, a: Maps, b: Maps, out: Maps| {
            for pixel in pixels {
                // SAFETY: `check` has the views inside the arena and as many pixels of `a` as of the output, which is apart
                // from it; tasks have different pixels.
                let (x, y) = unsafe { (p.slice(a.view.pixel(pixel)), p.slice_mut(out.view.pixel(pixel))) };
                for (y, other) in y.iter_mut().zip(column(out, pixel, b)) {
                    // SAFETY: as many images, and a column of the output is one of `b`, of which the output is apart.
                    *y = dot(x, unsafe { p.slice(b.view.pixel(other)) });
                }
            }
        }(
            pointer, pixels, a, b, out
        ));
    });
}

/// The gradient of one input of [`pixel_products`]: da[k, m, g] = Σ_n dy[n, m, g] · b[k, n, g], db[k, n, g] =
/// Σ_m dy[n, m, g] · a[k, m, g].
///
/// # Panics
/// As [`pixel_products`], or if there is no such side.
pub fn pixel_products_backward(pool: &Pool, isa: Isa, arena: &mut Arena, call: &SideBackward) {
    let SideBackward { inputs: [a, b], output_gradient: dy, side, gradient, .. } = *call;
    check(arena, [a, b, dy]);
    arena.check_alike(call.inputs[side].view, &[gradient]);
    [a.view, b.view, dy.view].iter().for_each(|&view| gradient.assert_disjoint(view));
    let pointer = arena.pointer();
    let least = LEAST_TASK_FLOATS / (gradient.channels * dy.view.channels).max(1);
    pool.ranges(gradient.pixels, least, &|pixels| {
        vectorized!(isa, |p: Pointer, pixels: Range<usize>, call: &SideBackward| {
            let SideBackward { inputs, output_gradient: dy, side, gradient, accumulate } = *call;
            let (own, other) = (inputs[side], inputs[1 - side]);
            for pixel in pixels {
                // SAFETY: `check_alike` has the gradient inside the arena; tasks have different pixels of it.
                let sums = unsafe { p.slice_mut(gradient.pixel(pixel)) };
                if !accumulate {
                    sums.fill(0.0);
                }
                let row = pixel / own.width % own.height;
                for (i, factor) in column(own, pixel, other).enumerate() {
                    // Of the output the pixel is that of `a`, the channel the row of `b`.
                    let (at, channel) = if side == 0 { (pixel, i) } else { (factor, row) };
                    // SAFETY: `check` has the views inside the arena, as many pixels of the output as of `a`, as many channels
                    // as rows of `b`, and one column in all; the gradient is apart from them.
                    let (dy, x) =
                        unsafe { (p.slice(dy.view.pixel(at))[channel], p.slice(other.view.pixel(factor))) };
                    sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += dy * x);
                }
            }
        }(
            pointer, pixels, call
        ));
    });
}
