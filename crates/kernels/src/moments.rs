//! Mean and variance of each channel over a batch, chunk by chunk: in a pass of their own, or by the kernel that writes
//! the map, while a chunk is in the cache.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::{Simd, array, dispatch, vectorized};
use crate::threads::Pool;
use crate::tuning::moments::{CHUNK_PIXELS, SIDE_ROWS, SIDE_VECTORS, TASK_CHANNELS, TASK_CHUNKS};

/// Mean and biased variance of each channel.
///
/// # Panics
/// If the view reaches beyond the arena or a vector is not as long as its channels.
pub fn moments(pool: &Pool, isa: Isa, arena: &mut Arena, view: View, vectors: [&mut [f32]; 2]) {
    arena.check(view);
    let count = view.pixels.div_ceil(CHUNK_PIXELS);
    let mut chunks = Chunks::new(count, view.channels);
    let target = chunks.target();
    let pointer = arena.pointer();
    let (tasks, blocks) = (count.div_ceil(TASK_CHUNKS), view.channels.div_ceil(TASK_CHANNELS));
    pool.run(tasks * blocks, &|i| {
        let (task, block) = (i / blocks, i % blocks);
        let channels = block * TASK_CHANNELS..((block + 1) * TASK_CHANNELS).min(view.channels);
        for chunk in task * TASK_CHUNKS..((task + 1) * TASK_CHUNKS).min(count) {
            let pixels = chunk * CHUNK_PIXELS..((chunk + 1) * CHUNK_PIXELS).min(view.pixels);
            let mut rows = [std::ptr::null_mut(); CHUNK_PIXELS];
            // SAFETY: `check` has the view inside the arena, the pixels and channels lie in it and nothing writes
            // them; no two tasks have the same channels of a chunk, of which there are `count`.
            unsafe {
                for (row, pixel) in rows.iter_mut().zip(pixels.clone()) {
                    *row = pointer.at(view.pixel(pixel).start);
                }
                target.measure(isa, chunk, &rows[..pixels.len()], channels.clone());
            }
        }
    });
    chunks.combine(isa, (0..count).map(|i| CHUNK_PIXELS.min(view.pixels - i * CHUNK_PIXELS)), vectors);
}

/// Of each chunk and channel the mean, and the sum of squared deviations from it: `[chunk][which][channel]`.
pub(crate) struct Chunks {
    values: Vec<f32>,
    channels: usize,
}

impl Chunks {
    pub(crate) fn new(count: usize, channels: usize) -> Self {
        Self { values: vec![0.0; product(&[count, 2, channels])], channels }
    }

    /// Where tasks write.
    pub(crate) fn target(&mut self) -> Target {
        Target { values: Pointer::of(&mut self.values), channels: self.channels }
    }

    /// Mean and biased variance of each channel (Chan, Golub and LeVeque 1979), from chunks of so many pixels.
    ///
    /// # Panics
    /// If a vector is not as long as the channels.
    pub(crate) fn combine(
        &self,
        isa: Isa,
        sizes: impl Iterator<Item = usize>,
        [mean, variance]: [&mut [f32]; 2],
    ) {
        let c = self.channels;
        assert_eq!((mean.len(), variance.len()), (c, c), "a mean and a variance for each channel");
        let (mut means, mut squares) = (vec![0.0f64; c], vec![0.0f64; c]);
        let mut pixels = 0.0f64;
        for (values, size) in self.values.chunks_exact(2 * c.max(1)).zip(sizes) {
            let size = size as f64;
            let share = size / (pixels + size);
            let weight = pixels * share;
            let (m, s) = values.split_at(c);
            let (means, squares) = (&mut means[..], &mut squares[..]);
            vectorized!(isa, |share: f64,
                              weight: f64,
                              m: &[f32],
                              s: &[f32],
                              means: &mut [f64],
                              squares: &mut [f64]| {
                for (((mean, square), m), s) in means.iter_mut().zip(squares).zip(m).zip(s) {
                    let delta = f64::from(*m) - *mean;
                    *mean += delta * share;
                    *square += f64::from(*s) + delta * delta * weight;
                }
            }(
                share, weight, m, s, means, squares
            ));
            pixels += size;
        }
        for (to, value) in mean.iter_mut().zip(means) {
            *to = value as f32;
        }
        for (to, value) in variance.iter_mut().zip(squares) {
            *to = if pixels > 0.0 { (value / pixels) as f32 } else { 0.0 };
        }
    }
}

/// Where tasks write the moments of their chunks.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    values: Pointer,
    channels: usize,
}

impl Target {
    /// Writes the moments of some channels of a chunk, whose pixels start at `rows`.
    ///
    /// # Safety
    /// The chunk and the channels exist, and the [`Chunks`] of this target live; each row is valid to read floats
    /// from up to `channels.end`. Meanwhile nothing writes the rows, and nothing else uses these channels of this
    /// chunk.
    pub(crate) unsafe fn measure(self, isa: Isa, chunk: usize, rows: &[*mut f32], channels: Range<usize>) {
        let target = self;
        // SAFETY: the caller gives a chunk and channels of its own and rows that hold them.
        unsafe {
            dispatch!(isa, measure_rows(target: Target, chunk: usize, rows: &[*mut f32], channels: Range<usize>));
        }
    }
}

/// Writes the moments of some channels of a chunk, whose pixels start at `rows`.
///
/// # Safety
/// The chunk and the channels exist, and the [`Chunks`] of the target live; each row is valid to read floats from up
/// to `channels.end`. Meanwhile nothing writes the rows, and nothing else uses these channels of this chunk. The CPU
/// has the instruction set.
#[inline(always)]
pub(crate) unsafe fn measure_rows<S: Simd>(
    target: Target,
    chunk: usize,
    rows: &[*mut f32],
    channels: Range<usize>,
) {
    for c in channels.clone().step_by(SIDE_VECTORS * S::LANES) {
        let at = 2 * chunk * target.channels + c;
        // SAFETY: the caller has the channels up to the end in each row and in both vectors of the chunk, where they
        // begin at `at`; there are more than one vector less holds.
        unsafe {
            if channels.end - c > S::LANES {
                measure_side::<S, SIDE_VECTORS>(target, at, rows, c..channels.end);
            } else {
                measure_side::<S, 1>(target, at, rows, c..channels.end);
            }
        }
    }
}

/// The moments of the first channels of a range, as many as `NV` vectors hold.
///
/// # Safety
/// The range has more channels than `NV` − 1 vectors hold. Each row is valid to read floats from up to its end; the
/// target's block has the channels from `at` on, and again `target.channels` floats on. Meanwhile nothing writes the
/// rows, and nothing else uses these floats of the target. The CPU has the instruction set.
#[inline(always)]
unsafe fn measure_side<S: Simd, const NV: usize>(
    target: Target,
    at: usize,
    rows: &[*mut f32],
    channels: Range<usize>,
) {
    let lanes = |v: usize| (channels.len() - v * S::LANES).min(S::LANES);
    // SAFETY: the caller has the channels in the rows and, from `at` on, twice in the target; each vector takes its
    // own.
    unsafe {
        let (zero, share) = (S::splat(0.0), 1.0 / rows.len() as f32);
        let sums = sum_rows::<S, NV, false>(rows, &channels, [zero; NV]);
        let shifts = array![zero; NV, |v| S::fma(sums[v], S::splat(-share), zero)];
        let squares = sum_rows::<S, NV, true>(rows, &channels, shifts);
        for v in 0..NV {
            let (mean, at) = (S::fma(sums[v], S::splat(share), zero), at + v * S::LANES);
            S::store_first(target.values.at(at), mean, lanes(v));
            S::store_first(target.values.at(at + target.channels), squares[v], lanes(v));
        }
    }
}

/// The sums over rows of x + shift, or of its square, in the first channels of a range.
///
/// # Safety
/// The range has more channels than `NV` − 1 vectors hold, each row is valid to read floats from up to its end, and
/// nothing writes them meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn sum_rows<S: Simd, const NV: usize, const SQUARED: bool>(
    rows: &[*mut f32],
    channels: &Range<usize>,
    shifts: [S::V; NV],
) -> [S::V; NV] {
    let lanes = |v: usize| (channels.len() - v * S::LANES).min(S::LANES);
    // SAFETY: the caller has the channels in each row; each vector reads its own.
    unsafe {
        let mut sums = [[S::splat(0.0); NV]; SIDE_ROWS];
        for rows in rows.chunks(SIDE_ROWS) {
            for (sums, row) in sums.iter_mut().zip(rows) {
                for v in 0..NV {
                    let x = S::load_first(row.add(channels.start + v * S::LANES), lanes(v));
                    let x = S::add(x, shifts[v]);
                    sums[v] = if SQUARED { S::fma(x, x, sums[v]) } else { S::add(x, sums[v]) };
                }
            }
        }
        array![S::splat(0.0); NV, |v| {
            S::add(S::add(sums[0][v], sums[1][v]), S::add(sums[2][v], sums[3][v]))
        }]
    }
}
