//! The one-dimensional transforms, on vectors of channels.

use super::{IN, OUT};
use crate::simd::Simd;

/// 1/√2 and √2, the points.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;

/// Rows of Bᵀ·d for one column of a tile, or its columns for one row.
#[inline(always)]
pub(super) unsafe fn input_transform<S: Simd>(d: [S::V; IN]) -> [S::V; IN] {
    // SAFETY: the caller runs on a CPU with the instruction set.
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

/// Rows of Aᵀ·m for one column of products, or its columns for one row.
#[inline(always)]
pub(super) unsafe fn output_transform<S: Simd>(m: [S::V; IN]) -> [S::V; OUT] {
    // SAFETY: the caller runs on a CPU with the instruction set.
    unsafe {
        let c = |x: f32| S::splat(x);
        let (plus, minus) = (S::add(m[1], m[2]), S::fma(c(-1.0), m[2], m[1]));
        let (plus2, minus2) = (S::add(m[3], m[4]), S::fma(c(-1.0), m[4], m[3]));
        [
            S::add(S::add(m[0], plus), plus2),
            S::fma(c(A), minus, S::fma(c(B), minus2, c(0.0))),
            S::fma(c(A * A), plus, S::fma(c(B * B), plus2, c(0.0))),
            S::fma(c(A * A * A), minus, S::fma(c(B * B * B), minus2, m[5])),
        ]
    }
}

/// G·g for three weights of a kernel's row or column.
#[inline(always)]
pub(super) unsafe fn weight_transform<S: Simd>(g: [S::V; 3]) -> [S::V; IN] {
    // SAFETY: the caller runs on a CPU with the instruction set.
    unsafe {
        let scaled = |scale: f32, v: S::V| S::fma(S::splat(scale), v, S::splat(0.0));
        // (g₀ + x²·g₂ ± x·g₁) over the product of differences to the other points.
        let (even, odd) = (S::fma(S::splat(A * A), g[2], g[0]), scaled(A, g[1]));
        let (even2, odd2) = (S::fma(S::splat(B * B), g[2], g[0]), scaled(B, g[1]));
        [
            g[0],
            scaled(-1.0 / 1.5, S::add(even, odd)),
            scaled(-1.0 / 1.5, S::fma(S::splat(-1.0), odd, even)),
            scaled(1.0 / 6.0, S::add(even2, odd2)),
            scaled(1.0 / 6.0, S::fma(S::splat(-1.0), odd2, even2)),
            g[2],
        ]
    }
}

/// A·d for four output gradients of a tile's row or column.
#[inline(always)]
pub(super) unsafe fn gradient_transform<S: Simd>(d: [S::V; OUT]) -> [S::V; IN] {
    // SAFETY: the caller runs on a CPU with the instruction set.
    unsafe {
        let c = |x: f32| S::splat(x);
        let pair = |x: f32| {
            let even = S::fma(c(x * x), d[2], d[0]);
            let odd = S::fma(c(x * x * x), d[3], S::fma(c(x), d[1], c(0.0)));
            (S::add(even, odd), S::fma(c(-1.0), odd, even))
        };
        let ((plus, minus), (plus2, minus2)) = (pair(A), pair(B));
        [d[0], plus, minus, plus2, minus2, d[3]]
    }
}

/// Gᵀ·u for six products of a row or column.
#[inline(always)]
pub(super) unsafe fn kernel_transform<S: Simd>(u: [S::V; IN]) -> [S::V; 3] {
    // SAFETY: the caller runs on a CPU with the instruction set.
    unsafe {
        let c = |x: f32| S::splat(x);
        let (sum, difference) = (S::add(u[1], u[2]), S::fma(c(-1.0), u[2], u[1]));
        let (sum2, difference2) = (S::add(u[3], u[4]), S::fma(c(-1.0), u[4], u[3]));
        [
            S::fma(c(1.0 / 6.0), sum2, S::fma(c(-1.0 / 1.5), sum, u[0])),
            S::fma(c(B / 6.0), difference2, S::fma(c(-A / 1.5), difference, c(0.0))),
            S::fma(c(B * B / 6.0), sum2, S::fma(c(-A * A / 1.5), sum, u[5])),
        ]
    }
}
