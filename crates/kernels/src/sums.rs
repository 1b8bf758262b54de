//! Two sums for each channel over runs of pixels, in parts of a fixed size: the same at any number of threads.

use std::ops::Range;

use crate::arena::Pointer;
use crate::geometry::product;
use crate::threads::Pool;
use crate::tuning::batch_norm::{CHUNK_PIXELS, TASK_CHANNELS};

/// Sums over each chunk of pixels, of which none reaches over the end of a run: `[run][chunk][which][channel]`. Tasks of
/// fixed size fill them from zero: `task` gets its pixels, its channels and its part of both sums. `split` tells that
/// channels may be cut among tasks too.
pub(crate) fn sums(
    pool: &Pool,
    (runs, pixels, channels): (usize, usize, usize),
    split: bool,
    task: impl Fn(Range<usize>, Range<usize>, [&mut [f32]; 2]) + Sync,
) -> Vec<f32> {
    let of_run = chunks(pixels);
    let width = if split { TASK_CHANNELS } else { channels.max(1) };
    let blocks = channels.div_ceil(width);
    let mut sums = vec![0.0f32; product(&[runs, of_run, 2, channels])];
    let pointer = Pointer::of(&mut sums);
    pool.run(runs * of_run * blocks, &|i| {
        let (chunk, block) = (i / blocks, i % blocks);
        let (run, at) = (chunk / of_run, chunk % of_run);
        let own = block * width..((block + 1) * width).min(channels);
        let first = run * pixels;
        let range = first + at * CHUNK_PIXELS..first + ((at + 1) * CHUNK_PIXELS).min(pixels);
        let part = |which: usize| {
            let at = (2 * chunk + which) * channels;
            at + own.start..at + own.end
        };
        // SAFETY: chunk, sum and channels lie in the vector, which has room for all chunks; no two tasks have the
        // same chunk and channels.
        let parts = unsafe { [pointer.slice_mut(part(0)), pointer.slice_mut(part(1))] };
        task(range, own.clone(), parts);
    });
    sums
}

/// Chunks of a run of pixels.
pub(crate) fn chunks(pixels: usize) -> usize {
    pixels.div_ceil(CHUNK_PIXELS)
}

/// Adds up the sums of chunks: the first of each channel, then the second.
pub(crate) fn totals(sums: &[f32], channels: usize) -> Vec<f64> {
    let mut totals = vec![0.0f64; 2 * channels];
    for chunk in sums.chunks_exact((2 * channels).max(1)) {
        totals.iter_mut().zip(chunk).for_each(|(total, x)| *total += f64::from(*x));
    }
    totals
}

/// Writes the sums of all chunks.
///
/// # Panics
/// If the targets are not of one length, that of the channels.
pub(crate) fn fold(sums: &[f32], [first, second]: [&mut [f32]; 2]) {
    assert_eq!(first.len(), second.len(), "two sums for each channel");
    let totals = totals(sums, first.len());
    first.iter_mut().chain(second).zip(totals).for_each(|(target, total)| *target = total as f32);
}
