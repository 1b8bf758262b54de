//! The one-dimensional transforms, on vectors of channels: `M` outputs of a kernel of `R` elements, M + R = 7.
//!
//! The six points are the same for every M, and with them the transform of the input.

use super::IN;
use crate::simd::{Simd, array};

/// 1/√2 and √2, the points; with their negatives, 0 and ∞ they are six.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;
/// One over the product of a point's differences to the other finite points.
const OVER_A: f32 = -1.0 / 1.5;
const OVER_B: f32 = 1.0 / 6.0;
/// Powers of the points.
const POWERS_A: [f32; 5] = [1.0, A, A * A, A * A * A, A * A * A * A];
const POWERS_B: [f32; 5] = [1.0, B, B * B, B * B * B, B * B * B * B];

/// Rows of Bᵀ·d for one column of a tile, or its columns for one row.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn input_transform<S: Simd>(d: [S::V; IN]) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set, which is all that arithmetic asks for.
    unsafe {
        let c = |x: f32| S::splat(x);
        // x⁴ − 2.5x² + 1 and x⁵ − 2.5x³ + x.
        let first = S::add(S::fma(c(-2.5), d[2], d[0]), d[4]);
        let last = S::add(S::fma(c(-2.5), d[3], d[1]), d[5]);
        // x⁴ − 2x² ± A(x³ − 2x) and x⁴ − x²/2 ± B(x³ − x/2).
        let (even, odd) = (S::fma(c(-2.0), d[2], d[4]), S::fma(c(-2.0), d[1], d[3]));
        let (even2, odd2) = (S::fma(c(-0.5), d[2], d[4]), S::fma(c(-0.5), d[1], d[3]));
        [
            first,
            S::fma(c(A), odd, even),
            S::fma(c(-A), odd, even),
            S::fma(c(B), odd2, even2),
            S::fma(c(-B), odd2, even2),
            last,
        ]
    }
}

/// The values of a polynomial with `N` coefficients at the points, each scaled: a matrix of powers times `v`,
/// the last row its highest coefficient.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn values<S: Simd, const N: usize>(v: [S::V; N], scales: [f32; 2]) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set, which is all that arithmetic asks for.
    unsafe {
        let pair = |powers: [f32; 5], scale: f32| {
            let part = |first: usize| {
                let mut sum = S::fma(S::splat(scale * powers[first]), v[first], S::splat(0.0));
                for k in (first + 2..N).step_by(2) {
                    sum = S::fma(S::splat(scale * powers[k]), v[k], sum);
                }
                sum
            };
            let (even, odd) = (part(0), part(1));
            (S::add(even, odd), S::fma(S::splat(-1.0), odd, even))
        };
        let ((plus, minus), (plus2, minus2)) = (pair(POWERS_A, scales[0]), pair(POWERS_B, scales[1]));
        [v[0], plus, minus, plus2, minus2, v[N - 1]]
    }
}

/// The transpose of [`values`]: `N` sums over the points.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn sums<S: Simd, const N: usize>(m: [S::V; IN], scales: [f32; 2]) -> [S::V; N] {
    // SAFETY: the caller has a CPU with the instruction set, which is all that arithmetic asks for.
    unsafe {
        let both = |a: S::V, b: S::V| (S::add(a, b), S::fma(S::splat(-1.0), b, a));
        let ((sum, difference), (sum2, difference2)) = (both(m[1], m[2]), both(m[3], m[4]));
        array![S::splat(0.0); N, |k| {
            let (first, second) = if k % 2 == 0 { (sum, sum2) } else { (difference, difference2) };
            let edge = match k {
                0 => m[0],
                k if k == N - 1 => m[5],
                _ => S::splat(0.0),
            };
            let part = S::fma(S::splat(scales[0] * POWERS_A[k]), first, edge);
            S::fma(S::splat(scales[1] * POWERS_B[k]), second, part)
        }]
    }
}

/// Rows of Aᵀ·m for one column of products, or its columns for one row.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn output_transform<S: Simd, const M: usize>(m: [S::V; IN]) -> [S::V; M] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { sums::<S, M>(m, [1.0, 1.0]) }
}

/// G·g for the weights of a kernel's row or column.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn weight_transform<S: Simd, const R: usize>(g: [S::V; R]) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { values::<S, R>(g, [OVER_A, OVER_B]) }
}

/// A·d for the output gradients of a tile's row or column.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn gradient_transform<S: Simd, const M: usize>(d: [S::V; M]) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { values::<S, M>(d, [1.0, 1.0]) }
}

/// Gᵀ·u for six products of a row or column.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn kernel_transform<S: Simd, const R: usize>(u: [S::V; IN]) -> [S::V; R] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { sums::<S, R>(u, [OVER_A, OVER_B]) }
}
