//! Element-wise kernels over views: copies, sums, dropout, per-channel scales.

use crate::arena::{Arena, Pointer, View};
use crate::isa::{Isa, Kind};
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// A reproducible dropout mask: whether an element is kept depends on the key and its index alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    key: u32,
    threshold: u32,
    scale: f32,
    /// Floats that share one decision: 1, or a whole vector's length.
    group: usize,
    /// The index of the first element: above 0 for images that are not the first of their batch.
    first: usize,
}

impl Mask {
    /// A mask that zeroes with probability `p` (0 ≤ p < 1), one decision for each `group` of floats.
    ///
    /// # Panics
    /// If `p` lies outside or `group` is zero.
    pub fn new(key: u64, p: f32, group: usize) -> Self {
        assert!((0.0..1.0).contains(&p), "a probability from 0 to below 1, not {p}");
        assert!(group > 0, "a group of at least one float");
        let key = (key ^ (key >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Self {
            key: key as u32,
            threshold: (f64::from(p) * 4_294_967_296.0) as u32,
            scale: 1.0 / (1.0 - p),
            group,
            first: 0,
        }
    }

    /// The mask of a part of a batch, whose first element is number `first` of all.
    #[must_use]
    pub fn starting_at(mut self, first: usize) -> Self {
        self.first = first;
        self
    }

    /// What element `index` of the part is multiplied with: 0 or 1/(1 − p).
    #[inline(always)]
    pub fn scale(self, index: usize) -> f32 {
        // The finalizer of MurmurHash3 (Appleby 2011), keyed.
        let mut h = (((self.first + index) / self.group) as u32).wrapping_mul(0x9E37_79B9) ^ self.key;
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^= h >> 16;
        if h < self.threshold { 0.0 } else { self.scale }
    }
}

/// Applies `f` to the elements of the inputs and the output's old value, row by row (or all at once where
/// no view has gaps).
pub(crate) fn map<const N: usize, F>(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    inputs: [View; N],
    out: View,
    f: F,
) where
    F: Fn([f32; N], f32) -> f32 + Sync + Copy,
{
    arena.check_alike(out, &inputs);
    for input in inputs {
        assert!(input == out || input.is_disjoint(out), "{input:?} overlaps {out:?}");
    }
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        let part = |view: View| view.part(pixels.clone());
        // SAFETY: `check_alike` has the views inside the arena, the assertion above the inputs apart from the output or
        // equal to it, and so are their parts; tasks have different pixels.
        unsafe { map_part(isa, pointer, inputs.map(part), part(out), f) };
    });
}

/// [`map`] on the calling thread.
///
/// # Safety
/// The views, alike, lie in the block of `pointer`; each input is the output itself or shares nothing with it; meanwhile nothing
/// writes the inputs, and nothing else uses the output.
pub(crate) unsafe fn map_part<const N: usize, F>(
    isa: Isa,
    pointer: Pointer,
    inputs: [View; N],
    out: View,
    f: F,
) where
    F: Fn([f32; N], f32) -> f32 + Copy,
{
    let dense = out.is_dense() && inputs.iter().all(|v| v.is_dense());
    let whole =
        |view: View| if dense { View::dense(view.offset, 1, view.pixels * view.channels) } else { view };
    let (inputs, out) = (inputs.map(whole), whole(out));
    // SAFETY: the caller gives views inside the block, apart or equal, that nothing else uses; the `Isa` proves the CPU's
    // features.
    unsafe {
        match isa.0 {
            Kind::Portable => map_rows(pointer, inputs, out, f),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => map_avx2(pointer, inputs, out, f),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 | Kind::Avx512Half => map_avx512(pointer, inputs, out, f),
        }
    }
}

/// [`map_rows`] for AVX2.
///
/// # Safety
/// The views lie in the block of `p`; each input is the output itself or shares nothing with it; meanwhile nothing
/// writes the inputs, and nothing else uses the output. The CPU has AVX2, FMA and F16C.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn map_avx2<const N: usize, F: Fn([f32; N], f32) -> f32>(
    p: Pointer,
    inputs: [View; N],
    out: View,
    f: F,
) {
    // SAFETY: the caller gives views inside the block, apart or equal, that nothing else uses.
    unsafe { map_rows(p, inputs, out, f) }
}

/// [`map_rows`] for AVX-512.
///
/// # Safety
/// The views lie in the block of `p`; each input is the output itself or shares nothing with it; meanwhile nothing
/// writes the inputs, and nothing else uses the output. The CPU has AVX-512 F, BW, VL and DQ, AVX2, FMA and F16C.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
unsafe fn map_avx512<const N: usize, F: Fn([f32; N], f32) -> f32>(
    p: Pointer,
    inputs: [View; N],
    out: View,
    f: F,
) {
    // SAFETY: the caller gives views inside the block, apart or equal, that nothing else uses.
    unsafe { map_rows(p, inputs, out, f) }
}

/// Writes `f` of the inputs and of the output's old value to each element of the output.
///
/// # Safety
/// The views lie in the block of `p`; each input is the output itself or shares nothing with it; meanwhile nothing
/// writes the inputs, and nothing else uses the output.
#[inline(always)]
unsafe fn map_rows<const N: usize, F: Fn([f32; N], f32) -> f32>(
    p: Pointer,
    inputs: [View; N],
    out: View,
    f: F,
) {
    for pixel in 0..out.pixels {
        // SAFETY: pixel and channel lie in each view, which the caller has inside the block; an element is read
        // before it is written. No slices, since an input may be the output itself.
        unsafe {
            let rows: [*const f32; N] =
                std::array::from_fn(|i| p.at(inputs[i].pixel(pixel).start).cast_const());
            let target = p.at(out.pixel(pixel).start);
            for c in 0..out.channels {
                *target.add(c) = f(std::array::from_fn(|i| *rows[i].add(c)), *target.add(c));
            }
        }
    }
}

/// out = input.
pub fn copy(pool: &Pool, isa: Isa, arena: &mut Arena, input: View, out: View) {
    map(pool, isa, arena, [input], out, |[x], _| x);
}

/// out = value.
pub fn fill(pool: &Pool, isa: Isa, arena: &mut Arena, out: View, value: f32) {
    map(pool, isa, arena, [], out, |[], _| value);
}

/// out += input.
pub fn accumulate(pool: &Pool, isa: Isa, arena: &mut Arena, input: View, out: View) {
    map(pool, isa, arena, [input], out, |[x], old| old + x);
}

/// out = a + b, with max(·, 0) where `relu`.
pub fn add(pool: &Pool, isa: Isa, arena: &mut Arena, [a, b]: [View; 2], out: View, relu: bool) {
    if relu {
        map(pool, isa, arena, [a, b], out, |[a, b], _| if a + b < 0.0 { 0.0 } else { a + b });
    } else {
        map(pool, isa, arena, [a, b], out, |[a, b], _| a + b);
    }
}

/// out (+)= mask · input; the same call serves the gradient.
///
/// An element's index is pixel·channels + channel.
pub fn dropout(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    mask: Mask,
    [input, out]: [View; 2],
    accumulate: bool,
) {
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        vectorized!(isa, |pixels: std::ops::Range<usize>,
                          p: Pointer,
                          input: View,
                          out: View,
                          mask: Mask,
                          accumulate: bool| {
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
                let (x, y) = unsafe { (p.slice(input.pixel(pixel)), p.slice_mut(out.pixel(pixel))) };
                let first = pixel * x.len();
                for (c, (x, y)) in x.iter().zip(y).enumerate() {
                    *y = if accumulate { *y } else { 0.0 } + x * mask.scale(first + c);
                }
            }
        }(
            pixels, pointer, input, out, mask, accumulate
        ));
    });
}

/// out = input·scale + shift by channel, with max(·, 0) where `relu`: batch normalization at inference.
///
/// # Panics
/// If there are fewer scales or shifts than channels.
pub fn affine(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [input, out]: [View; 2],
    [scale, shift]: [&[f32]; 2],
    relu: bool,
) {
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let (scale, shift) = (&scale[..out.channels], &shift[..out.channels]);
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        vectorized!(isa, |pixels: std::ops::Range<usize>,
                          p: Pointer,
                          input: View,
                          out: View,
                          scale: &[f32],
                          shift: &[f32],
                          floor: f32| {
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
                let (x, y) = unsafe { (p.slice(input.pixel(pixel)), p.slice_mut(out.pixel(pixel))) };
                for (((y, x), a), b) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                    let v = x * a + b;
                    *y = if v < floor { floor } else { v };
                }
            }
        }(
            pixels, pointer, input, out, scale, shift, floor
        ));
    });
}

/// input_gradient (+)= scale · output_gradient by channel: the gradient of [`affine`].
///
/// # Panics
/// If there are fewer scales than channels.
pub fn affine_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    [output_gradient, input_gradient]: [View; 2],
    scale: &[f32],
    accumulate: bool,
) {
    arena.check_alike(output_gradient, &[input_gradient]);
    output_gradient.assert_disjoint(input_gradient);
    let scale = &scale[..output_gradient.channels];
    let pointer = arena.pointer();
    pool.ranges(input_gradient.pixels, LEAST_TASK_FLOATS / input_gradient.channels.max(1), &|pixels| {
        vectorized!(isa, |pixels: std::ops::Range<usize>,
                          p: Pointer,
                          dy: View,
                          dx: View,
                          scale: &[f32],
                          accumulate: bool| {
            for pixel in pixels {
                // SAFETY: `check_alike` has the views inside the arena, `assert_disjoint` apart; tasks have different
                // pixels.
                let (dy, dx) = unsafe { (p.slice(dy.pixel(pixel)), p.slice_mut(dx.pixel(pixel))) };
                for ((dx, dy), a) in dx.iter_mut().zip(dy).zip(scale) {
                    *dx = if accumulate { *dx } else { 0.0 } + dy * a;
                }
            }
        }(
            pixels,
            pointer,
            output_gradient,
            input_gradient,
            scale,
            accumulate
        ));
    });
}
