//! The one-dimensional transforms, on vectors of channels: `M` outputs of a kernel of `R` elements by `IN` = M + R − 1 points,
//! four, six or eight.
//!
//! Points come in pairs beside 0 and ∞. Whatever M and R, the same number of points has the same transform of the input.

use crate::simd::Simd;

/// Two points, p and −p.
struct Pair {
    /// Powers of p.
    powers: [f32; 6],
    /// One over the product of p's differences to the other finite points.
    over: f32,
}

impl Pair {
    const fn new(p: f32, over: f32) -> Self {
        Self { powers: [1.0, p, p * p, p * p * p, p * p * p * p, p * p * p * p * p], over }
    }
}

/// 1, and its negative: with 0 and ∞ they are four.
static FOUR: [Pair; 1] = [Pair::new(1.0, 0.5)];

/// 1/√2 and √2: with their negatives, 0 and ∞ they are six.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;
static SIX: [Pair; 2] = [Pair::new(A, -1.0 / 1.5), Pair::new(B, 1.0 / 6.0)];

/// 1/2, 1 and 2, whose powers are exact and whose product is 1: with their negatives, 0 and ∞ they are eight. Sets around them were
/// tried and err as much or more.
const C: f32 = 0.5;
const D: f32 = 2.0;
static EIGHT: [Pair; 3] = [
    Pair::new(C, 1.0 / (2.0 * C * C * (C * C - 1.0) * (C * C - D * D))),
    Pair::new(1.0, 1.0 / (2.0 * (1.0 - C * C) * (1.0 - D * D))),
    Pair::new(D, 1.0 / (2.0 * D * D * (D * D - C * C) * (D * D - 1.0))),
];

/// The pairs of `IN` points.
#[inline(always)]
fn pairs<const IN: usize>() -> &'static [Pair] {
    match IN {
        4 => &FOUR,
        6 => &SIX,
        _ => &EIGHT,
    }
}

/// Rows of Bᵀ·d for one column of a tile, or its columns for one row.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn input_transform<S: Simd, const IN: usize>(d: [S::V; IN]) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set, which is all that arithmetic asks for.
    unsafe {
        let c = |x: f32| S::splat(x);
        let mut out = [c(0.0); IN];
        if IN == 4 {
            // 1 − x², x³ − x, and x² ± x.
            out[0] = S::fma(c(-1.0), d[2], d[0]);
            out[3] = S::fma(c(-1.0), d[1], d[3]);
            out[1] = S::add(d[2], d[1]);
            out[2] = S::fma(c(-1.0), d[1], d[2]);
        } else if IN == 6 {
            // x⁴ − 2.5x² + 1 and x⁵ − 2.5x³ + x.
            out[0] = S::add(S::fma(c(-2.5), d[2], d[0]), d[4]);
            out[5] = S::add(S::fma(c(-2.5), d[3], d[1]), d[5]);
            // x⁴ − 2x² ± A(x³ − 2x) and x⁴ − x²/2 ± B(x³ − x/2).
            let (even, odd) = (S::fma(c(-2.0), d[2], d[4]), S::fma(c(-2.0), d[1], d[3]));
            let (even2, odd2) = (S::fma(c(-0.5), d[2], d[4]), S::fma(c(-0.5), d[1], d[3]));
            out[1] = S::fma(c(A), odd, even);
            out[2] = S::fma(c(-A), odd, even);
            out[3] = S::fma(c(B), odd2, even2);
            out[4] = S::fma(c(-B), odd2, even2);
        } else {
            // 1 − e·x² + e·x⁴ − x⁶, and x times its negative, e being the sum of the squares, and of their products by twos.
            const E: f32 = C * C + 1.0 + D * D;
            out[0] = S::fma(c(E), S::fma(c(-1.0), d[2], d[4]), S::fma(c(-1.0), d[6], d[0]));
            out[7] = S::fma(c(E), S::fma(c(-1.0), d[5], d[3]), S::fma(c(-1.0), d[1], d[7]));
            // x²·q ± p·x·q, q = x⁴ − s·x² + t with the other two's squares as its zeros.
            let squares = [C * C, 1.0, D * D];
            for (i, pair) in EIGHT.iter().enumerate() {
                let (a, b) = (squares[(i + 1) % 3], squares[(i + 2) % 3]);
                let q = |first: usize| {
                    S::fma(c(a * b), d[first], S::fma(c(-(a + b)), d[first + 2], d[first + 4]))
                };
                let (even, odd) = (q(2), q(1));
                out[1 + 2 * i] = S::fma(c(pair.powers[1]), odd, even);
                out[2 + 2 * i] = S::fma(c(-pair.powers[1]), odd, even);
            }
        }
        out
    }
}

/// The values of a polynomial with `N` coefficients at the points, those of each pair scaled by `scale`: a matrix of powers times
/// `v`, the last row its highest coefficient.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn values<S: Simd, const N: usize, const IN: usize>(
    v: [S::V; N],
    scale: impl Fn(&Pair) -> f32,
) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set, which is all that arithmetic asks for.
    unsafe {
        let mut out = [S::splat(0.0); IN];
        for (i, pair) in pairs::<IN>().iter().enumerate() {
            let scale = scale(pair);
            let part = |first: usize| {
                let mut sum = S::fma(S::splat(scale * pair.powers[first]), v[first], S::splat(0.0));
                for k in (first + 2..N).step_by(2) {
                    sum = S::fma(S::splat(scale * pair.powers[k]), v[k], sum);
                }
                sum
            };
            let (even, odd) = (part(0), part(1));
            out[1 + 2 * i] = S::add(even, odd);
            out[2 + 2 * i] = S::fma(S::splat(-1.0), odd, even);
        }
        out[0] = v[0];
        out[IN - 1] = v[N - 1];
        out
    }
}

/// The transpose of [`values`]: `N` sums over the points.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn sums<S: Simd, const N: usize, const IN: usize>(
    m: [S::V; IN],
    scale: impl Fn(&Pair) -> f32,
) -> [S::V; N] {
    // SAFETY: the caller has a CPU with the instruction set, which is all that arithmetic asks for.
    unsafe {
        let mut out = [S::splat(0.0); N];
        out[0] = m[0];
        out[N - 1] = m[IN - 1];
        for (i, pair) in pairs::<IN>().iter().enumerate() {
            let (plus, minus) = (m[1 + 2 * i], m[2 + 2 * i]);
            let (sum, difference) = (S::add(plus, minus), S::fma(S::splat(-1.0), minus, plus));
            for (k, out) in out.iter_mut().enumerate() {
                let value = if k % 2 == 0 { sum } else { difference };
                *out = S::fma(S::splat(scale(pair) * pair.powers[k]), value, *out);
            }
        }
        out
    }
}

/// Rows of Aᵀ·m for one column of products, or its columns for one row.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn output_transform<S: Simd, const M: usize, const IN: usize>(m: [S::V; IN]) -> [S::V; M] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { sums::<S, M, IN>(m, |_| 1.0) }
}

/// G·g for the weights of a kernel's row or column.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn weight_transform<S: Simd, const R: usize, const IN: usize>(g: [S::V; R]) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { values::<S, R, IN>(g, |pair| pair.over) }
}

/// A·d for the output gradients of a tile's row or column.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn gradient_transform<S: Simd, const M: usize, const IN: usize>(
    d: [S::V; M],
) -> [S::V; IN] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { values::<S, M, IN>(d, |_| 1.0) }
}

/// Gᵀ·u for the products of a row or column.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
pub(super) unsafe fn kernel_transform<S: Simd, const R: usize, const IN: usize>(u: [S::V; IN]) -> [S::V; R] {
    // SAFETY: the caller has a CPU with the instruction set.
    unsafe { sums::<S, R, IN>(u, |pair| pair.over) }
}
