//! The instruction sets of x86-64.

use std::arch::x86_64::*;

use half::f16;

use super::{Simd, WIDEST_LANES};

/// AVX2 with FMA and F16C: eight lanes, sixteen registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// Eight ones, then eight zeros: a window of eight starting at 8 − n masks the first n lanes.
static FIRST: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// A mask of the first `n` of eight lanes.
///
/// # Safety
/// The CPU has AVX.
#[inline(always)]
unsafe fn first8(n: usize) -> __m256i {
    // SAFETY: the window starts at 0 to 8, so that its eight integers lie inside the table; the caller has AVX.
    unsafe { _mm256_loadu_si256(FIRST.as_ptr().add(8 - n.min(8)).cast()) }
}

/// The first `n` bytes as whole numbers, the rest zero.
///
/// # Safety
/// `p` is valid to read `n` bytes from, eight where `n` is more, and the CPU has AVX2.
#[inline(always)]
unsafe fn first_bytes(p: *const u8, n: usize) -> __m256i {
    // SAFETY: the caller gives the bytes, of which four, two and one are read where `n` has that bit.
    unsafe {
        let mut bytes = 0;
        if n >= 8 {
            bytes = p.cast::<u64>().read_unaligned();
        } else {
            if n & 1 != 0 {
                bytes = u64::from(p.add(n - 1).read());
            }
            if n & 2 != 0 {
                bytes = bytes << 16 | u64::from(p.add(n & 4).cast::<u16>().read_unaligned());
            }
            if n & 4 != 0 {
                bytes = bytes << 32 | u64::from(p.cast::<u32>().read_unaligned());
            }
        }
        _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes as i64))
    }
}

impl Simd for Avx2 {
    type V = __m256;
    type Order = __m256i;
    const LANES: usize = 8;
    const ROWS: usize = 6;
    const FUSED: bool = true;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: the trait's contract gives AVX2 and eight readable floats.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract gives AVX2 and eight writable floats.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        // SAFETY: the trait's contract gives AVX2 and `n` readable floats; masked lanes are not touched.
        unsafe { if n >= 8 { _mm256_loadu_ps(p) } else { _mm256_maskload_ps(p, first8(n)) } }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        // In halves: a masked store takes AMD's processors tens of cycles.
        // SAFETY: the trait's contract gives AVX2 and `n` writable floats; four, two and one of
        // what is left are written where `n` has that bit.
        unsafe {
            if n >= 8 {
                return _mm256_storeu_ps(p, v);
            }
            let (mut left, mut p) = (_mm256_castps256_ps128(v), p);
            if n & 4 != 0 {
                _mm_storeu_ps(p, left);
                left = _mm256_extractf128_ps::<1>(v);
                p = p.add(4);
            }
            if n & 2 != 0 {
                _mm_storel_pd(p.cast(), _mm_castps_pd(left));
                left = _mm_movehl_ps(left, left);
                p = p.add(2);
            }
            if n & 1 != 0 {
                _mm_store_ss(p, left);
            }
        }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn if_greater_or_nan(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe {
            let greater = _mm256_cmp_ps::<_CMP_GT_OQ>(a, b);
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a);
            _mm256_blendv_ps(y, x, _mm256_or_ps(greater, nan))
        }
    }
    #[inline(always)]
    unsafe fn if_equal(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b)) }
    }
    #[inline(always)]
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a)) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: Self::V, n: usize) {
        // SAFETY: the trait's contract gives AVX2 and `n` writable bytes.
        unsafe {
            let whole = _mm256_cvttps_epi32(v);
            let (low, high) = (_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            let bytes = _mm_packus_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
            let (mut left, mut p) = (_mm_cvtsi128_si64(bytes) as u64, p);
            if n >= 8 {
                return p.cast::<u64>().write_unaligned(left);
            }
            if n & 4 != 0 {
                p.cast::<u32>().write_unaligned(left as u32);
                left >>= 32;
                p = p.add(4);
            }
            if n & 2 != 0 {
                p.cast::<u16>().write_unaligned(left as u16);
                left >>= 16;
                p = p.add(2);
            }
            if n & 1 != 0 {
                p.write(left as u8);
            }
        }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const u8, n: usize) -> Self::V {
        // SAFETY: the trait's contract gives AVX2 and `n` readable bytes.
        unsafe { _mm256_cvtepi32_ps(first_bytes(p, n)) }
    }
    #[inline(always)]
    unsafe fn where_byte(bytes: *const u8, code: u8, p: *const f32, n: usize) -> Self::V {
        // SAFETY: the trait's contract gives AVX2, and `n` readable bytes and floats.
        unsafe {
            let equal = _mm256_cmpeq_epi32(first_bytes(bytes, n), _mm256_set1_epi32(i32::from(code)));
            _mm256_and_ps(_mm256_castsi256_ps(equal), Self::load_first(p, n))
        }
    }
    #[inline(always)]
    unsafe fn load_half(p: *const f16) -> Self::V {
        // SAFETY: the trait's contract gives F16C and eight readable numbers; unaligned reads are allowed.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(p.cast())) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        // SAFETY: the trait's contract gives AVX2 and eight rows of eight floats on both sides.
        unsafe {
            for c in [0, 4] {
                // Rows r and r + 4 side by side: then four rows of four interleave within each half.
                let rows = array![_mm256_setzero_ps(); 4, |r| {
                    let (low, high) = (from.add(r * from_step + c), from.add((r + 4) * from_step + c));
                    let low = _mm256_castps128_ps256(_mm_loadu_ps(low));
                    _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(high))
                }];
                let (a, b) = (_mm256_unpacklo_ps(rows[0], rows[1]), _mm256_unpacklo_ps(rows[2], rows[3]));
                let (x, y) = (_mm256_unpackhi_ps(rows[0], rows[1]), _mm256_unpackhi_ps(rows[2], rows[3]));
                let columns = [
                    _mm256_shuffle_ps::<0x44>(a, b),
                    _mm256_shuffle_ps::<0xEE>(a, b),
                    _mm256_shuffle_ps::<0x44>(x, y),
                    _mm256_shuffle_ps::<0xEE>(x, y),
                ];
                for (i, column) in columns.into_iter().enumerate() {
                    _mm256_storeu_ps(to.add((c + i) * to_step), column);
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn order(lanes: &[i32; WIDEST_LANES]) -> Self::Order {
        // SAFETY: the trait's contract gives AVX2; the array holds more than a vector.
        unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn permute(v: Self::V, order: Self::Order) -> Self::V {
        // SAFETY: the trait's contract gives AVX2.
        unsafe { _mm256_permutevar8x32_ps(v, order) }
    }
    #[inline(always)]
    fn prefetch(p: *const f32) {
        // SAFETY: a prefetch reads nothing that the program sees, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    fn prefetch_far(p: *const f32) {
        // SAFETY: a prefetch reads nothing that the program sees, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
}

/// AVX-512 (F, VL, BW, DQ), with AVX2, FMA and F16C, on vectors of 256 bits: eight lanes, thirty-two registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Half;

#[inline(always)]
fn mask8(n: usize) -> __mmask8 {
    ((1u32 << n.min(8)) - 1) as __mmask8
}

impl Simd for Avx512Half {
    type V = __m256;
    type Order = __m256i;
    const LANES: usize = 8;
    const ROWS: usize = 12;
    const FUSED: bool = true;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::splat(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512 and eight readable floats.
        unsafe { Avx2::load(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract gives AVX-512 and eight writable floats.
        unsafe { Avx2::store(p, v) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512 and `n` readable floats; masked lanes are not touched.
        unsafe { _mm256_maskz_loadu_ps(mask8(n), p) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: the trait's contract gives AVX-512 and `n` writable floats; masked lanes are not touched.
        unsafe { _mm256_mask_storeu_ps(p, mask8(n), v) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::fma(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::add(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::max(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::min(a, b) }
    }
    #[inline(always)]
    unsafe fn if_greater_or_nan(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe {
            let greater = _mm256_cmp_ps_mask::<_CMP_GT_OQ>(a, b);
            let nan = _mm256_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            _mm256_mask_blend_ps(greater | nan, y, x)
        }
    }
    #[inline(always)]
    unsafe fn if_equal(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm256_mask_blend_ps(_mm256_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), y, x) }
    }
    #[inline(always)]
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm256_mask_mov_ps(_mm256_max_ps(a, b), _mm256_cmp_ps_mask::<_CMP_UNORD_Q>(a, a), a) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: Self::V, n: usize) {
        // SAFETY: the trait's contract gives AVX-512 and `n` writable bytes; masked lanes are not touched.
        unsafe { _mm256_mask_cvtepi32_storeu_epi8(p.cast(), mask8(n), _mm256_cvttps_epi32(v)) }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const u8, n: usize) -> Self::V {
        let mask = u16::from(mask8(n));
        // SAFETY: the trait's contract gives AVX-512 and `n` readable bytes; masked lanes are not touched.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, p.cast()))) }
    }
    #[inline(always)]
    unsafe fn where_byte(bytes: *const u8, code: u8, p: *const f32, n: usize) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512, and `n` readable bytes and floats; masked lanes are not touched.
        unsafe {
            let mask = u16::from(mask8(n));
            let found = _mm_maskz_loadu_epi8(mask, bytes.cast());
            let equal = _mm_mask_cmpeq_epi8_mask(mask, found, _mm_set1_epi8(code as i8));
            _mm256_maskz_loadu_ps(equal as __mmask8, p)
        }
    }
    #[inline(always)]
    unsafe fn load_half(p: *const f16) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512 and eight readable numbers.
        unsafe { Avx2::load_half(p) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        // SAFETY: the trait's contract gives AVX-512 and eight rows of eight floats on both sides.
        unsafe { Avx2::transpose(from, from_step, to, to_step) }
    }
    #[inline(always)]
    unsafe fn order(lanes: &[i32; WIDEST_LANES]) -> Self::Order {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::order(lanes) }
    }
    #[inline(always)]
    unsafe fn permute(v: Self::V, order: Self::Order) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { Avx2::permute(v, order) }
    }
    #[inline(always)]
    fn prefetch(p: *const f32) {
        Avx2::prefetch(p);
    }
    #[inline(always)]
    fn prefetch_far(p: *const f32) {
        Avx2::prefetch_far(p);
    }
}

/// AVX-512 (F, BW, VL, DQ), with AVX2, FMA and F16C: sixteen lanes, thirty-two registers.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

impl Simd for Avx512 {
    type V = __m512;
    type Order = __m512i;
    const LANES: usize = 16;
    const ROWS: usize = 12;
    const FUSED: bool = true;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512 and sixteen readable floats.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract gives AVX-512 and sixteen writable floats.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        let mask = ((1u32 << n.min(16)) - 1) as __mmask16;
        // SAFETY: the trait's contract gives AVX-512 and `n` readable floats; masked lanes are not touched.
        unsafe { _mm512_maskz_loadu_ps(mask, p) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        let mask = ((1u32 << n.min(16)) - 1) as __mmask16;
        // SAFETY: the trait's contract gives AVX-512 and `n` writable floats; masked lanes are not touched.
        unsafe { _mm512_mask_storeu_ps(p, mask, v) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn if_greater_or_nan(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe {
            let greater = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b);
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            _mm512_mask_blend_ps(greater | nan, y, x)
        }
    }
    #[inline(always)]
    unsafe fn if_equal(a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), y, x) }
    }
    #[inline(always)]
    unsafe fn max_or_nan(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a), a) }
    }
    #[inline(always)]
    unsafe fn store_bytes(p: *mut u8, v: Self::V, n: usize) {
        let mask = ((1u32 << n.min(16)) - 1) as __mmask16;
        // SAFETY: the trait's contract gives AVX-512 and `n` writable bytes; masked lanes are not touched.
        unsafe { _mm512_mask_cvtepi32_storeu_epi8(p.cast(), mask, _mm512_cvttps_epi32(v)) }
    }
    #[inline(always)]
    unsafe fn load_bytes(p: *const u8, n: usize) -> Self::V {
        let mask = ((1u32 << n.min(16)) - 1) as __mmask16;
        // SAFETY: the trait's contract gives AVX-512 and `n` readable bytes; masked lanes are not touched.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, p.cast()))) }
    }
    #[inline(always)]
    unsafe fn where_byte(bytes: *const u8, code: u8, p: *const f32, n: usize) -> Self::V {
        let mask = ((1u32 << n.min(16)) - 1) as __mmask16;
        // SAFETY: the trait's contract gives AVX-512, and `n` readable bytes and floats; masked lanes are not touched.
        unsafe {
            let found = _mm_maskz_loadu_epi8(mask, bytes.cast());
            let equal = _mm_mask_cmpeq_epi8_mask(mask, found, _mm_set1_epi8(code as i8));
            _mm512_maskz_loadu_ps(equal, p)
        }
    }
    #[inline(always)]
    unsafe fn load_half(p: *const f16) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512 and sixteen readable numbers; unaligned reads are allowed.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(p.cast())) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        for (r, c) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
            // SAFETY: the trait's contract gives AVX2 too, and sixteen rows of sixteen floats on both sides, of
            // which this is a quarter.
            unsafe {
                Avx2::transpose(from.add(r * from_step + c), from_step, to.add(c * to_step + r), to_step);
            }
        }
    }
    #[inline(always)]
    unsafe fn order(lanes: &[i32; WIDEST_LANES]) -> Self::Order {
        // SAFETY: the trait's contract gives AVX-512; the array is as long as a vector.
        unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) }
    }
    #[inline(always)]
    unsafe fn permute(v: Self::V, order: Self::Order) -> Self::V {
        // SAFETY: the trait's contract gives AVX-512.
        unsafe { _mm512_permutexvar_ps(order, v) }
    }
    #[inline(always)]
    fn prefetch(p: *const f32) {
        Avx2::prefetch(p);
    }
    #[inline(always)]
    fn prefetch_far(p: *const f32) {
        Avx2::prefetch_far(p);
    }
}
