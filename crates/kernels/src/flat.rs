//! Vector operations over flat buffers: what a training step does with gradients and weights besides an update.
//!
//! Every result is the same bits at any number of threads and on every instruction set.
//!
//! ```
//! use convnet_kernels::{Isa, Pool, flat};
//!
//! let (pool, isa) = (Pool::new(2), Isa::best());
//! let mut gradient = [3.0, -4.0];
//! let norm = flat::sum_of_squares(&pool, isa, &gradient).sqrt();
//! assert_eq!(norm, 5.0);
//! flat::scale(&pool, isa, &mut gradient, 0.5);
//! assert_eq!(gradient, [1.5, -2.0]);
//! ```

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::arena::Pointer;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::flat::{BLOCK_FLOATS, BLOCK_SUMS, LEAST_TASK_FLOATS};

/// Calls `task` with contiguous parts of `target` and where they lie in it, on the pool's threads.
fn parts(pool: &Pool, target: &mut [f32], task: impl Fn(&mut [f32], Range<usize>) + Sync) {
    let (len, pointer) = (target.len(), Pointer::of(target));
    pool.ranges(len, LEAST_TASK_FLOATS, &|range| {
        // SAFETY: `ranges` gives parts of `0..len` that share nothing, and `target` is borrowed for the call.
        let part = unsafe { pointer.slice_mut(range.clone()) };
        task(part, range);
    });
}

/// # Panics
/// If the lengths differ.
fn check_lengths(target: &[f32], source: &[f32]) {
    assert_eq!(source.len(), target.len(), "a float of the source for each of the target");
}

/// target += source.
///
/// # Panics
/// If the lengths differ.
pub fn add(pool: &Pool, isa: Isa, target: &mut [f32], source: &[f32]) {
    check_lengths(target, source);
    add_each(pool, isa, target, source);
}

/// target += each of the sources, which lie one behind the other, in their order.
///
/// # Panics
/// If they are no whole number of the target's lengths.
pub(crate) fn add_each(pool: &Pool, isa: Isa, target: &mut [f32], sources: &[f32]) {
    let len = target.len().max(1);
    assert!(sources.len().is_multiple_of(len), "sources of {len} floats each, not {} in all", sources.len());
    parts(pool, target, |target, range| {
        for source in sources.chunks_exact(len) {
            add_part(isa, target, &source[range.clone()]);
        }
    });
}

/// Floats that lie elsewhere: writes those from a number on into a slice.
pub type Reader<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

/// What is added to floats in a fixed order.
#[derive(Clone, Copy)]
pub struct Addends<'a> {
    /// What comes before the target.
    pub before: &'a [Reader<'a>],
    /// What comes after it.
    pub after: &'a [Reader<'a>],
}

/// target = before₀ + before₁ + … + target + after₀ + …, added up in this order.
pub fn add_in_order(pool: &Pool, isa: Isa, target: &mut [f32], addends: Addends<'_>) {
    let Addends { before, after } = addends;
    parts(pool, target, |target, range| {
        let mut read = [0.0; BLOCK_FLOATS];
        for (number, target) in target.chunks_mut(BLOCK_FLOATS).enumerate() {
            let (start, read) = (range.start + number * BLOCK_FLOATS, &mut read[..target.len()]);
            if let Some((first, rest)) = before.split_first() {
                let mut sums = [0.0; BLOCK_FLOATS];
                let sums = &mut sums[..target.len()];
                first(start, sums);
                for reader in rest {
                    reader(start, read);
                    add_part(isa, sums, read);
                }
                add_part(isa, target, sums);
            }
            for reader in after {
                reader(start, read);
                add_part(isa, target, read);
            }
        }
    });
}

fn add_part(isa: Isa, target: &mut [f32], source: &[f32]) {
    vectorized!(isa, |target: &mut [f32], source: &[f32]| {
        for (t, s) in target.iter_mut().zip(source) {
            *t += s;
        }
    }(target, source));
}

/// target = the floats that a reader gives.
pub fn read(pool: &Pool, target: &mut [f32], reader: Reader<'_>) {
    parts(pool, target, |target, range| reader(range.start, target));
}

/// target ·= factor.
pub fn scale(pool: &Pool, isa: Isa, target: &mut [f32], factor: f32) {
    parts(pool, target, |target, _| {
        vectorized!(isa, |target: &mut [f32], factor: f32| {
            for t in target {
                *t *= factor;
            }
        }(target, factor));
    });
}

/// target = the nearest value from −limit to limit; NaN stays NaN.
///
/// # Panics
/// If the limit is negative or NaN.
pub fn clamp(pool: &Pool, isa: Isa, target: &mut [f32], limit: f32) {
    assert!(limit >= 0.0, "a limit from 0 on, not {limit}");
    parts(pool, target, |target, _| {
        vectorized!(isa, |target: &mut [f32], limit: f32| {
            for t in target {
                *t = t.clamp(-limit, limit);
            }
        }(target, limit));
    });
}

/// target += (source − target)·weight: a step of a moving average.
///
/// # Panics
/// If the lengths differ.
pub fn lerp(pool: &Pool, isa: Isa, target: &mut [f32], source: &[f32], weight: f32) {
    check_lengths(target, source);
    parts(pool, target, |target, range| {
        vectorized!(isa, |target: &mut [f32], source: &[f32], weight: f32| {
            for (t, s) in target.iter_mut().zip(source) {
                *t += (s - *t) * weight;
            }
        }(
            target, &source[range], weight
        ));
    });
}

/// Σ x², summed in f64: in blocks of a fixed size, then over the blocks in their order.
pub fn sum_of_squares(pool: &Pool, isa: Isa, source: &[f32]) -> f64 {
    let blocks: Vec<&[f32]> = source.chunks(BLOCK_FLOATS).collect();
    let sums: Vec<AtomicU64> = blocks.iter().map(|_| AtomicU64::new(0)).collect();
    pool.ranges(blocks.len(), LEAST_TASK_FLOATS / BLOCK_FLOATS, &|range| {
        for (block, sum) in blocks[range.clone()].iter().zip(&sums[range]) {
            sum.store(block_sum_of_squares(isa, block).to_bits(), Ordering::Relaxed);
        }
    });
    sums.into_iter().map(|sum| f64::from_bits(sum.into_inner())).fold(0.0, |sum, x| sum + x)
}

/// Σ x² of one block. A square of a float32 is exact in f64, so that a fused product gives no other bits.
fn block_sum_of_squares(isa: Isa, block: &[f32]) -> f64 {
    let mut sums = [0.0f64; BLOCK_SUMS];
    vectorized!(isa, |block: &[f32], sums: &mut [f64; BLOCK_SUMS]| {
        let (whole, rest) = block.as_chunks::<BLOCK_SUMS>();
        for values in whole {
            for (sum, x) in sums.iter_mut().zip(values) {
                *sum += f64::from(*x) * f64::from(*x);
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += f64::from(*x) * f64::from(*x);
        }
    }(block, &mut sums));
    sums.iter().fold(0.0, |sum, x| sum + x)
}
