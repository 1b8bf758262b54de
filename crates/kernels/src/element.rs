//! What packed weights are made of: float32, or half precision, which takes half the memory traffic.

use half::f16;

use crate::simd::Simd;

/// The nearest number in half precision, ties to even; beyond ±65504, the largest finite one, that one: a weight
/// must not become infinite. NaN stays NaN.
pub fn saturating_f16(value: f32) -> f16 {
    let (least, most) = (f16::MIN.to_f32(), f16::MAX.to_f32());
    f16::from_f32(if value.is_nan() { f32::NAN.copysign(value) } else { value.clamp(least, most) })
}

/// What a microkernel reads weights from.
pub(crate) trait Element: Copy {
    /// A vector of them.
    ///
    /// # Safety
    /// `p` is valid to read `S::LANES` elements from, and the CPU has the instruction set of `S`.
    unsafe fn load<S: Simd>(p: *const Self) -> S::V;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const Self) -> S::V {
        // SAFETY: the trait's contract is that of `S::load`: `S::LANES` readable floats and the instruction set.
        unsafe { S::load(p) }
    }
}

impl Element for f16 {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const Self) -> S::V {
        // SAFETY: the trait's contract is that of `S::load_half`: `S::LANES` readable numbers and the instruction set.
        unsafe { S::load_half(p) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::widen;

    #[test]
    fn every_half_comes_back() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            let value = widen(half);
            assert_eq!(value.is_nan(), half.is_nan(), "{bits:#06x}");
            if value.is_nan() {
                assert!(saturating_f16(value).is_nan(), "{bits:#06x}");
                continue;
            }
            assert_eq!(value.to_bits(), half.to_f32().to_bits(), "{bits:#06x}: {value}");
            if value.is_finite() {
                assert_eq!(saturating_f16(value).to_bits(), bits, "{bits:#06x}: {value}");
            }
        }
        assert_eq!(widen(f16::INFINITY), f32::INFINITY);
    }

    #[test]
    fn ties_go_to_even_and_what_is_beyond_to_the_largest() {
        for (value, nearest) in [
            (1.0 + 2f32.powi(-11), 1.0),
            (1.0 + 3.0 * 2f32.powi(-11), 1.0 + 2f32.powi(-9)),
            (2f32.powi(-25), 0.0),
            (3.0 * 2f32.powi(-25), 2f32.powi(-23)),
            (65_519.0, 65_504.0),
            (65_520.0, 65_504.0),
            (1e9, 65_504.0),
            (-1e9, -65_504.0),
            (f32::NEG_INFINITY, -65_504.0),
        ] {
            assert_eq!(saturating_f16(value).to_f32(), nearest, "{value}");
        }
        assert_eq!(saturating_f16(f32::NAN).to_bits(), 0x7e00);
        assert_eq!(saturating_f16(-f32::NAN).to_bits(), 0xfe00);
    }
}
