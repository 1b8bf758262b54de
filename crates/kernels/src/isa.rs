//! The instruction sets that kernels are compiled for, and the choice among them at run time.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512, Avx512Half};
use crate::simd::{Portable, Simd};

/// An instruction set that this machine has: owning a value is the proof that its kernels may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(pub(crate) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Vectors of 256 bits with the registers of AVX-512, for matrices that leave wider ones half empty.
    #[cfg(target_arch = "x86_64")]
    Avx512Half,
}

impl Isa {
    /// Plain Rust, compiled for the target's baseline; always there.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// Every instruction set that this machine has, the portable one first, the widest last.
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
        {
            found.push(Self(Kind::Avx2));
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
            {
                found.push(Self(Kind::Avx512));
            }
        }
        found
    }

    /// The widest instruction set that this machine has.
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::PORTABLE)
    }

    /// The instruction set of that name, if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|isa| isa.name() == name)
    }

    /// Whether kernels take vectors of one width for matrices of so many columns.
    pub fn is_alike_for(self, columns: [usize; 2]) -> bool {
        let [one, other] = columns.map(|n| self.for_columns(n));
        one == other
    }

    /// The variant for matrices of `n` columns: of half the width where that holds them all.
    pub(crate) fn for_columns(self, n: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if self.0 == Kind::Avx512 && n <= Avx512Half::LANES {
            return Self(Kind::Avx512Half);
        }
        self
    }

    /// Whether it computes a product and a sum in one rounding.
    pub(crate) fn is_fused(self) -> bool {
        match self.0 {
            Kind::Portable => Portable::FUSED,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => Avx2::FUSED,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => Avx512::FUSED,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Half => Avx512Half::FUSED,
        }
    }

    /// Rows of the tallest GEMM tile.
    pub(crate) fn tile_rows(self) -> usize {
        match self.0 {
            Kind::Portable => Portable::ROWS,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => Avx2::ROWS,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => Avx512::ROWS,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Half => Avx512Half::ROWS,
        }
    }

    /// Floats of a vector.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            Kind::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Half => Avx512Half::LANES,
        }
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Avx512Half => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instruction_sets_of_the_machine_are_found_by_name() {
        let found = Isa::available();
        let names: Vec<_> = found.iter().map(|isa| isa.name()).collect();
        println!("instruction sets: {}", names.join(" "));
        assert!(found.iter().all(|isa| Isa::named(isa.name()) == Some(*isa)), "{names:?}");
        assert_eq!((found[0], found.last()), (Isa::PORTABLE, Some(&Isa::best())));
        assert_eq!(Isa::named("none"), None);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(names.contains(&"avx2"), is_x86_feature_detected!("avx2"), "{names:?}");
    }
}
