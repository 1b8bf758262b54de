//! The exponential and the error function as straight arithmetic, so that a loop over them becomes vectors.

/// The shift that leaves the nearest whole number of a small float in its lowest bits.
const SHIFT: f32 = 12_582_912.0;

/// e^r − 1 and n of e^x = 2^n · e^r with |r| ≤ ln 2 / 2, the former by the polynomial of Cephes' `expf` (Moshier 1989).
#[inline(always)]
fn reduced(x: f32) -> (f32, i32) {
    // Beyond these it is 0 or ∞; in this order a NaN stays one.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    // ln 2 in two parts, of which the first times n is exact.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    (p * r * r + r, (shifted.to_bits() as i32).wrapping_sub(SHIFT.to_bits() as i32))
}

/// 2^n, of one that is a normal number.
#[inline(always)]
fn power(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// e^x, within two roundings. A NaN stays one.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let (p, n) = reduced(x);
    // In two factors, since 2^n itself may be no normal number.
    (p + 1.0) * power(n >> 1) * power(n - (n >> 1))
}

/// e^x − 1, within a few roundings, of x up to 88, which a larger one counts as. A NaN stays one.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    // Below −25 it is −1.
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -25.0 { -25.0 } else { x };
    let (p, n) = reduced(x);
    p * power(n) + (power(n) - 1.0)
}

/// 1 / (1 + e^−x).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// a·b + c, in one rounding if it is `FUSED`.
#[inline(always)]
fn fma<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// x / (1 + e^−x), within a few roundings; below −88 what it is there, some −10⁻³⁷. A NaN stays one.
#[inline(always)]
pub(crate) fn silu<const FUSED: bool>(x: f32) -> f32 {
    // The exponential as in [`reduced`], by products and sums at once where there are such; to a factor of 3·10⁻⁹ by the
    // polynomial of degree 6 that errs least where it begins with 1 + r.
    let fma = fma::<FUSED>;
    let x = if x < -88.0 { -88.0 } else { x };
    // Beyond this e^−x is nothing beside 1, and 2^n a normal number.
    let y = if x > 87.0 { 87.0 } else { x };
    let shifted = fma(y, -std::f32::consts::LOG2_E, SHIFT);
    let n = shifted - SHIFT;
    let r = fma(n, 2.121_944_4e-4, fma(n, -0.693_359_4, -y));
    let p = fma(1.381_454e-3, r, 8.368_745e-3);
    let p = fma(p, r, 4.166_839e-2);
    let p = fma(p, r, 1.666_652_1e-1);
    let p = fma(p, r, 4.999_999_4e-1);
    let p = fma(p, r, 1.0);
    let p = fma(p, r, 1.0);
    // n stands in the lowest bits: times 2^n. Where that is no normal number it is nothing beside 1.
    let power = f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23));
    x / (power + 1.0)
}

/// The error function, within a few roundings: x·α(x²)/β(x²) for |x| ≤ 4, with the coefficients of Eigen's
/// `generic_fast_erf_float`. A NaN stays one.
#[inline(always)]
pub(crate) fn erf<const FUSED: bool>(x: f32) -> f32 {
    let fma = fma::<FUSED>;
    let x = if x > 4.0 { 4.0 } else { x };
    let x = if x < -4.0 { -4.0 } else { x };
    let s = x * x;
    let a = fma(-2.726_142_3e-10, s, 2.770_681_4e-8);
    let a = fma(a, s, -2.101_024e-6);
    let a = fma(a, s, -5.692_506_4e-5);
    let a = fma(a, s, -7.349_906e-4);
    let a = fma(a, s, -2.954_6e-3);
    let a = fma(a, s, -1.609_603_3e-2);
    let b = fma(-1.456_607_2e-5, s, -2.133_740_6e-4);
    let b = fma(b, s, -1.682_827e-3);
    let b = fma(b, s, -7.373_329e-3);
    let b = fma(b, s, -1.426_473_9e-2);
    x * a / b
}

/// Φ(x), the normal distribution. A NaN stays one.
#[inline(always)]
pub(crate) fn normal<const FUSED: bool>(x: f32) -> f32 {
    fma::<FUSED>(0.5, erf::<FUSED>(x * std::f32::consts::FRAC_1_SQRT_2), 0.5)
}

/// x·Φ(x). A NaN stays one.
#[inline(always)]
pub(crate) fn gelu<const FUSED: bool>(x: f32) -> f32 {
    x * normal::<FUSED>(x)
}

/// √(2/π) and the factor of x³ of GELU's approximation (Hendrycks and Gimpel 2016).
pub(crate) const GELU: [f32; 2] = [0.797_884_6, 0.044_715];

/// The tangent of GELU's approximation.
#[inline(always)]
pub(crate) fn gelu_tangent(x: f32) -> f32 {
    tanh(GELU[0] * (x + GELU[1] * x * x * x))
}

/// GELU by a hyperbolic tangent. A NaN stays one.
#[inline(always)]
pub(crate) fn gelu_tanh(x: f32) -> f32 {
    0.5 * x * (1.0 + gelu_tangent(x))
}

/// tanh(ln(1 + e^x)) and what its slope is made of: the sigmoid of x. From e^x alone, so that nothing cancels.
#[inline(always)]
pub(crate) fn tanh_softplus(x: f32) -> [f32; 2] {
    // From 20 on both are 1 in single precision.
    let e = exp(if x > 20.0 { 20.0 } else { x });
    let n = e * (e + 2.0);
    [n / (n + 2.0), e / (1.0 + e)]
}

/// Hyperbolic tangent, within a few roundings: from the exponential, and near 0, where that cancels, by the polynomial of
/// Cephes' `tanhf`. A NaN stays one.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    let s = x * x;
    let p = -5.704_988_7e-3;
    let p = p * s + 2.063_909e-2;
    let p = p * s + -5.373_971_6e-2;
    let p = p * s + 1.333_144_2e-1;
    let p = p * s + -3.333_328e-1;
    let near = p * s * x + x;
    if x.abs() < 0.625 { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_two_roundings() {
        for i in -8700..8872 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2.5e-7, "e^{x}: {error:e}");
        }
        assert_eq!([exp(0.0), exp(f32::INFINITY), exp(f32::NEG_INFINITY)], [1.0, f32::INFINITY, 0.0]);
        assert!(exp(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
        assert_eq!([sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)], [1.0, 0.0]);
    }

    #[test]
    fn silu_is_within_a_few_roundings_fused_or_not() {
        for i in -8_800..20_000 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x) / (1.0 + (-f64::from(x)).exp());
            for found in [silu::<true>(x), silu::<false>(x)] {
                assert!((f64::from(found) - expected).abs() <= 3e-7 * expected.abs(), "silu({x}): {found}");
            }
        }
        for far in [f32::MIN, f32::NEG_INFINITY, -88.0] {
            assert!((-1e-36..0.0).contains(&silu::<true>(far)) && silu::<true>(far) == silu::<true>(-88.0));
        }
        assert_eq!([silu::<true>(f32::MAX), silu::<false>(0.0)], [f32::MAX, 0.0]);
        assert!(silu::<true>(f32::NAN).is_nan() && silu::<false>(f32::NAN).is_nan());
    }

    #[test]
    fn what_the_exponential_is_above_one_is_within_a_few_roundings() {
        for i in -30_000..8_800 {
            let x = if i < -10_000 { (i + 20_000) as f32 * 1e-6 } else { i as f32 / 100.0 };
            let expected = f64::from(x).exp_m1();
            let error = (f64::from(exp_m1(x)) - expected).abs();
            assert!(error <= 3e-7 * expected.abs(), "e^{x} - 1: {error:e} of {expected}");
        }
        assert_eq!([exp_m1(0.0), exp_m1(f32::NEG_INFINITY)], [0.0, -1.0]);
        assert!(exp_m1(f32::NAN).is_nan());
    }

    /// The series of Abramowitz and Stegun 7.1.6, all of whose terms are positive.
    fn series(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
            sum += term;
        }
        2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
    }

    #[test]
    fn the_error_function_is_within_a_few_roundings() {
        for i in -450..450 {
            let x = i as f32 / 100.0;
            let expected = series(x.into());
            for found in [erf::<true>(x), erf::<false>(x)] {
                let error = (f64::from(found) - expected).abs();
                assert!(error <= 4e-7 * expected.abs(), "erf({x}): {error:e}");
            }
        }
        assert!(erf::<true>(f32::NAN).is_nan() && gelu::<true>(f32::NAN).is_nan());
    }

    #[test]
    fn tangents_are_those_of_the_standard_library() {
        for i in -3000..3000 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).tanh();
            assert!((f64::from(tanh(x)) - exact).abs() <= 3e-7 * exact.abs(), "tanh({x})");
            let expected = f64::from(x).exp().ln_1p().tanh();
            let [found, sigmoid] = tanh_softplus(x);
            assert!((f64::from(found) - expected).abs() <= 1e-6 * expected, "tanh(softplus({x}))");
            assert!((f64::from(sigmoid) - 1.0 / (1.0 + (-f64::from(x)).exp())).abs() < 2.5e-7);
        }
        assert_eq!(tanh(f32::INFINITY), 1.0);
        assert!(tanh(f32::NAN).is_nan() && tanh_softplus(f32::NAN)[0].is_nan());
    }
}
