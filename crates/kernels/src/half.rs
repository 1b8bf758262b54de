//! Weights in half precision: read as float32, they take half the memory traffic.

use crate::simd::Simd;

/// An IEEE 754 binary16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Half(u16);

/// The largest finite value.
const MAX: f32 = 65504.0;

impl Half {
    /// The nearest value, ties to even; beyond the largest finite one, that.
    pub fn new(value: f32) -> Self {
        let bits = value.clamp(-MAX, MAX).to_bits();
        let (sign, magnitude) = ((bits >> 16) as u16 & 0x8000, bits & 0x7fff_ffff);
        if magnitude > 0x7f80_0000 {
            return Self(sign | 0x7e00);
        }
        if magnitude < 0x3880_0000 {
            // Below 2⁻¹⁴: a multiple of 2⁻²⁴, which adding ½ aligns to the last bits of a float32.
            let aligned = f32::from_bits(magnitude) + 0.5;
            return Self(sign | (aligned.to_bits() - 0x3f00_0000) as u16);
        }
        let odd = magnitude >> 13 & 1;
        let rounded = magnitude - (112 << 23) + 0xfff + odd;
        Self(sign | (rounded >> 13) as u16)
    }

    /// The value, which float32 holds exactly.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        let (sign, rest) = (u32::from(self.0 & 0x8000) << 16, u32::from(self.0 & 0x7fff));
        // The exponent moves by 112 through a product, which subnormal numbers need too.
        let magnitude = f32::from_bits(rest << 13) * f32::from_bits((127 + 112) << 23);
        let magnitude = if rest >= 0x7c00 { f32::from_bits(rest << 13 | 0x7f80_0000) } else { magnitude };
        f32::from_bits(sign | magnitude.to_bits())
    }
}

/// What a microkernel reads weights from.
pub(crate) trait Element: Copy {
    /// A vector of them.
    ///
    /// # Safety
    /// `p` points to the vector's lanes, and the CPU has the instruction set.
    unsafe fn load<S: Simd>(p: *const Self) -> S::V;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const Self) -> S::V {
        // SAFETY: passed on.
        unsafe { S::load(p) }
    }
}

impl Element for Half {
    #[inline(always)]
    unsafe fn load<S: Simd>(p: *const Self) -> S::V {
        // SAFETY: passed on; a `Half` is its 16 bits.
        unsafe { S::load_half(p.cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_comes_back_and_ties_go_to_even() {
        for bits in 0..=u16::MAX {
            let value = Half(bits).to_f32();
            if value.is_finite() {
                assert_eq!(Half::new(value), Half(bits), "{bits:#06x}: {value}");
            }
        }
        assert_eq!(Half::new(1.0 + 2f32.powi(-11)).to_f32(), 1.0);
        assert_eq!(Half::new(1.0 + 3.0 * 2f32.powi(-11)).to_f32(), 1.0 + 2f32.powi(-9));
        assert_eq!(Half::new(2f32.powi(-25)).to_f32(), 0.0);
        assert_eq!(Half::new(3.0 * 2f32.powi(-25)).to_f32(), 2f32.powi(-23));
        assert_eq!(Half::new(1e9).to_f32(), 65504.0);
        assert_eq!(Half::new(-1e9).to_f32(), -65504.0);
        assert!(Half::new(f32::NAN).to_f32().is_nan());
        assert_eq!(Half(0x7c00).to_f32(), f32::INFINITY);
    }
}
