//! The SIMD vocabulary that kernels are written in, and its instruction sets.
//!
//! A kernel is one `#[inline(always)]` function over `S: Simd`; [`dispatch!`] wraps it once per instruction
//! set in a function with the matching `target_feature` and picks one by [`Isa`](crate::Isa).

use half::f16;

/// The value of a number in half precision, without a branch on its kind: a loop over it is vectorized.
#[inline(always)]
pub(crate) fn widen(number: f16) -> f32 {
    let bits = u32::from(number.to_bits());
    let (sign, rest) = ((bits & 0x8000) << 16, bits & 0x7fff);
    // The exponent moves by 112 through a product, which subnormal numbers need too.
    let magnitude = f32::from_bits(rest << 13) * f32::from_bits((127 + 112) << 23);
    let magnitude = if rest >= 0x7c00 { f32::from_bits(rest << 13 | 0x7f80_0000) } else { magnitude };
    f32::from_bits(sign | magnitude.to_bits())
}

/// Vectors of float32 of one instruction set. Its functions may only run on a CPU with that instruction set, which
/// [`dispatch!`] sees to; pointers need no alignment.
pub(crate) trait Simd: Copy {
    /// A vector register.
    type V: Copy;
    /// Which lane of a vector each lane of a permuted one takes.
    type Order: Copy;
    /// Floats in a vector.
    const LANES: usize;
    /// Rows of the tallest GEMM tile (with two vectors of columns) that stays in registers, an even number.
    const ROWS: usize;
    /// Whether a product and a sum take one rounding.
    const FUSED: bool;

    /// `x` in every lane.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn splat(x: f32) -> Self::V;
    /// The vector at `p`.
    ///
    /// # Safety
    /// `p` is valid to read `LANES` floats from, and the CPU has the instruction set.
    unsafe fn load(p: *const f32) -> Self::V;
    /// Writes a vector at `p`.
    ///
    /// # Safety
    /// `p` is valid to write `LANES` floats to, and the CPU has the instruction set.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// The first `n` lanes, the rest zero; reads nothing beyond them.
    ///
    /// # Safety
    /// `p` is valid to read `n` floats from, `LANES` where `n` is more, and the CPU has the instruction set.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// Writes the first `n` lanes and nothing beyond them.
    ///
    /// # Safety
    /// `p` is valid to write `n` floats to, `LANES` where `n` is more, and the CPU has the instruction set.
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    /// a·b + c.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a + b.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// a where a > b, else b: where either is NaN, b.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// a < b ? a : b, and b where one is NaN.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// a > b ? x : y, and x where a is NaN.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn if_greater_or_nan(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// a = b ? x : y.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn if_equal(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// a where a > b or a is NaN, else b.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V;
    /// Writes the first `n` lanes, whole numbers from 0 to 255, as bytes.
    ///
    /// # Safety
    /// `p` is valid to write `n` bytes to, `LANES` where `n` is more, and the CPU has the instruction set.
    unsafe fn store_bytes(p: *mut u8, v: Self::V, n: usize);
    /// The first `n` bytes as floats, the rest zero.
    ///
    /// # Safety
    /// `p` is valid to read `n` bytes from, `LANES` where `n` is more, and the CPU has the instruction set.
    unsafe fn load_bytes(p: *const u8, n: usize) -> Self::V;
    /// Of the first `n` floats those whose byte is `code`, the rest zero; reads nothing beyond them.
    ///
    /// # Safety
    /// `bytes` is valid to read `n` bytes from, `p` as many floats, `LANES` where `n` is more, and the CPU has the
    /// instruction set.
    #[inline(always)]
    unsafe fn where_byte(bytes: *const u8, code: u8, p: *const f32, n: usize) -> Self::V {
        // SAFETY: the caller's bytes, floats and instruction set.
        unsafe {
            let found = Self::load_bytes(bytes, n);
            Self::if_equal(found, Self::splat(f32::from(code)), Self::load_first(p, n), Self::splat(0.0))
        }
    }
    /// Numbers in half precision.
    ///
    /// # Safety
    /// `p` is valid to read `LANES` numbers from, and the CPU has the instruction set.
    unsafe fn load_half(p: *const f16) -> Self::V;
    /// Transposes a square block of as many rows as a vector has lanes: `to[c][r] = from[r][c]`, rows so many floats
    /// apart.
    ///
    /// # Safety
    /// `from` is valid to read `LANES` floats from at each of `LANES` steps of `from_step` floats, `to` to write as
    /// many to at steps of `to_step`; the two share nothing, and the CPU has the instruction set.
    unsafe fn transpose(from: *const f32, from_step: usize, to: *mut f32, to_step: usize);
    /// The order that takes these lanes, from 0 up to `LANES`; those beyond a vector are ignored.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn order(lanes: &[i32; WIDEST_LANES]) -> Self::Order;
    /// The lanes of a vector in another order; where that names none, any lane.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn permute(v: Self::V, order: Self::Order) -> Self::V;
    /// Asks for the cache line at `p`, wherever it points.
    fn prefetch(p: *const f32);
    /// Asks for the cache line at `p`, wherever it points, in the second-level cache.
    fn prefetch_far(p: *const f32);
}

/// Lanes of the widest vectors.
pub(crate) const WIDEST_LANES: usize = 16;

/// An array from its indices, as a loop: `array![first; N, |i| value]`, where `first` is any value of its type.
///
/// `std::array::from_fn` calls a closure in a function of its own, which has the instruction set only where the
/// compiler happens to inline it; where it does not, every operation is a call.
macro_rules! array {
    [$first:expr; $count:expr, |$i:ident| $value:expr] => {{
        let mut values = [$first; $count];
        for $i in 0..$count {
            values[$i] = $value;
        }
        values
    }};
}
pub(crate) use array;

/// Four lanes of plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 4];
    type Order = [i32; 4];
    const LANES: usize = 4;
    const ROWS: usize = 4;
    const FUSED: bool = false;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: the trait's contract gives four readable floats; unaligned reads are allowed.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract gives four writable floats; unaligned writes are allowed.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        let mut v = [0.0; 4];
        for (i, lane) in v.iter_mut().enumerate().take(n) {
            // SAFETY: the trait's contract gives `n` readable floats, of which this is one.
            *lane = unsafe { *p.add(i) };
        }
        v
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        for (i, lane) in v.iter().enumerate().take(n) {
            // SAFETY: the trait's contract gives `n` writable floats, of which this is one.
            unsafe { *p.add(i) = *lane };
        }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn if_greater_or_nan(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] > b[i] || a[i].is_nan() { x[i] } else { y[i] })
    }
    #[inline(always)]
    unsafe fn if_equal(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] == b[i] { x[i] } else { y[i] })
    }
    #[inline(always)]
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| if a[i] > b[i] || a[i].is_nan() { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: Self::V, n: usize) {
        for (i, lane) in v.iter().enumerate().take(n) {
            // SAFETY: the trait's contract gives `n` writable bytes, of which this is one.
            unsafe { *p.add(i) = *lane as u8 };
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const u8, n: usize) -> Self::V {
        let mut v = [0.0; 4];
        for (i, lane) in v.iter_mut().enumerate().take(n) {
            // SAFETY: the trait's contract gives `n` readable bytes, of which this is one.
            *lane = f32::from(unsafe { *p.add(i) });
        }
        v
    }
    #[inline(always)]
    unsafe fn load_half(p: *const f16) -> Self::V {
        // SAFETY: the trait's contract gives four readable numbers, of which this is one.
        std::array::from_fn(|i| widen(unsafe { p.add(i).read() }))
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        for r in 0..Self::LANES {
            for c in 0..Self::LANES {
                // SAFETY: the trait's contract gives four rows of four floats on both sides.
                unsafe { *to.add(c * to_step + r) = *from.add(r * from_step + c) };
            }
        }
    }
    #[inline(always)]
    unsafe fn order(lanes: &[i32; WIDEST_LANES]) -> Self::Order {
        [lanes[0], lanes[1], lanes[2], lanes[3]]
    }
    #[inline(always)]
    unsafe fn permute(v: Self::V, order: Self::Order) -> Self::V {
        [0, 1, 2, 3].map(|i: usize| v[order[i] as usize % 4])
    }
    #[inline(always)]
    fn prefetch(_: *const f32) {}
    fn prefetch_far(_: *const f32) {}
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512, Avx512Half};

#[cfg(target_arch = "x86_64")]
mod x86;

/// Calls `kernel::<S>(args…)`, a function over a type parameter `S: Simd`, compiled for and chosen by an
/// [`Isa`](crate::Isa). That the CPU has the instruction set is proven by the `Isa`; the expansion is an unsafe call
/// all the same, since whatever else the kernel's contract asks of its arguments is the caller's to keep.
macro_rules! dispatch {
    ($isa:expr, $kernel:ident($($arg:ident : $ty:ty),* $(,)?)) => {{
        /// # Safety
        /// The arguments keep the kernel's contract, and the CPU has AVX2, FMA and F16C.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn avx2($($arg: $ty),*) {
            // SAFETY: the caller keeps the kernel's contract, and this function has the features of `Avx2`.
            unsafe { $kernel::<$crate::simd::Avx2>($($arg),*) }
        }
        /// # Safety
        /// The arguments keep the kernel's contract, and the CPU has AVX-512 F, BW, VL and DQ, AVX2, FMA and F16C.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
        unsafe fn avx512($($arg: $ty),*) {
            // SAFETY: the caller keeps the kernel's contract, and this function has the features of `Avx512`.
            unsafe { $kernel::<$crate::simd::Avx512>($($arg),*) }
        }
        /// # Safety
        /// The arguments keep the kernel's contract, and the CPU has AVX-512 F, BW, VL and DQ, AVX2, FMA and F16C.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
        unsafe fn avx512_half($($arg: $ty),*) {
            // SAFETY: the caller keeps the kernel's contract, and this function has the features of `Avx512Half`.
            unsafe { $kernel::<$crate::simd::Avx512Half>($($arg),*) }
        }
        match $isa.0 {
            $crate::isa::Kind::Portable => $kernel::<$crate::simd::Portable>($($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Kind::Avx2 => avx2($($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Kind::Avx512 => avx512($($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Kind::Avx512Half => avx512_half($($arg),*),
        }
    }};
}
pub(crate) use dispatch;

/// Compiles a plain loop once per instruction set, for the compiler to vectorize, and calls it:
/// `vectorized!(isa, |x: &[f32], y: &mut [f32]| { … }(x, y))`.
macro_rules! vectorized {
    ($isa:expr, |$($arg:ident : $ty:ty),* $(,)?| $body:block ($($value:expr),* $(,)?)) => {{
        #[inline(always)]
        fn body($($arg: $ty),*) $body
        /// # Safety
        /// The CPU has AVX2, FMA and F16C.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,f16c")]
        fn avx2($($arg: $ty),*) {
            body($($arg),*)
        }
        /// # Safety
        /// The CPU has AVX-512 F, BW, VL and DQ, AVX2, FMA and F16C.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
        fn avx512($($arg: $ty),*) {
            body($($arg),*)
        }
        match $isa.0 {
            $crate::isa::Kind::Portable => body($($value),*),
            // SAFETY: an `Isa` of this kind is only made where the CPU has these features.
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Kind::Avx2 => unsafe { avx2($($value),*) },
            // SAFETY: an `Isa` of these kinds is only made where the CPU has these features.
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Kind::Avx512 | $crate::isa::Kind::Avx512Half => unsafe { avx512($($value),*) },
        }
    }};
}
pub(crate) use vectorized;
