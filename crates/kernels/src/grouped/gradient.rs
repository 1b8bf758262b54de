//! The gradient of the weights.

use std::ops::Range;

use super::walk::{Reads, TAPS, Walk};
use super::{Group, check, column, orders};
use crate::arena::{Arena, Pointer, View};
use crate::geometry::{Geometry, product};
use crate::isa::Isa;
use crate::panels::Panels;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tuning::grouped::{CHUNKS, LEAST_CHUNK_ROWS};

/// `gradient = Σ over positions of output_gradient · input[tap]`, for each channel and each input of its group.
#[derive(Clone, Copy, Debug)]
pub struct GroupedGradient<'a> {
    /// How positions map to pixels, as in the forward pass.
    pub geometry: &'a Geometry,
    /// Channels of a group.
    pub group: Group,
    /// Images.
    pub batch: usize,
    /// The forward pass's input.
    pub input: View,
    /// The gradient of its output.
    pub output_gradient: View,
    /// The layout of the weights, and of their gradient.
    pub panels: Panels,
}

/// Writes the gradient of packed weights; columns beyond the channels get zero.
///
/// The rows of the grid are cut in chunks by their number alone, and the chunks' sums added in their order.
///
/// # Panics
/// If a view reaches beyond the arena, groups do not [fit](Group::fits), or lengths do not match the geometry.
pub fn grouped_gradient(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &GroupedGradient<'_>,
    gradient: &mut [f32],
) {
    let GroupedGradient { geometry, group, batch, input, output_gradient, panels } = *call;
    check((geometry, group, batch), (isa, arena), [input, output_gradient], (panels, gradient.len()));
    let floats = gradient.len();
    gradient.fill(0.0);
    let rows = batch * geometry.grid.0;
    let of_chunk = rows.div_ceil(CHUNKS).max(LEAST_CHUNK_ROWS);
    let chunks = rows.div_ceil(of_chunk);
    let walk = &Walk::new(geometry);
    let isa = isa.for_columns(output_gradient.channels);
    let pointer = arena.pointer();
    let mut sums = vec![0.0f32; product(&[chunks, floats])];
    let parts = Pointer::of(&mut sums);
    pool.run(chunks, &|chunk| {
        let rows = chunk * of_chunk..((chunk + 1) * of_chunk).min(rows);
        // SAFETY: views, geometry, groups and lengths were checked above; nothing writes the views, and each chunk has its
        // own part of the sums.
        unsafe {
            let sums = parts.slice_mut(chunk * floats..(chunk + 1) * floats);
            dispatch!(isa, sum_rows(
                call: &GroupedGradient<'_>, pointer: Pointer, walk: &Walk, rows: Range<usize>, sums: &mut [f32]
            ));
        };
    });
    for part in sums.chunks_exact(floats.max(1)) {
        gradient.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
}

/// Columns whose sums are kept apart.
const APART: usize = 2;

/// Adds what some rows of the grid come to.
///
/// # Safety
/// [`grouped_gradient`] has checked the call against the block of `arena`, and made `walk` of it; `rows` are rows of the
/// grid of the batch, and `sums` are as long as the packed weights. Meanwhile nothing writes the views. The CPU has the
/// instruction set.
#[inline(always)]
unsafe fn sum_rows<S: Simd>(
    call: &GroupedGradient<'_>,
    arena: Pointer,
    walk: &Walk,
    rows: Range<usize>,
    sums: &mut [f32],
) {
    let (geometry, group) = (call.geometry, call.group);
    // SAFETY: the caller has the instruction set.
    let orders = unsafe { orders::<S>(group) };
    let channels = call.output_gradient.channels;
    let mut reads = Reads::default();
    for index in rows {
        let at = (index / geometry.grid.0, index % geometry.grid.0);
        let pixel = geometry.output_pixel((at.0, at.1, 0));
        // SAFETY: the row is one of the caller's, who has checked the geometry against the input.
        unsafe { walk.row(geometry, (arena, call.input), at, &mut reads) };
        for channel in (0..channels).step_by(S::LANES) {
            let outputs = (channels - channel).min(S::LANES);
            let lane = Lane::<S> {
                arena,
                stride: walk.stride,
                columns: geometry.grid.1,
                orders: &orders[..group.inputs],
                outputs,
                input: group.first_input(channel),
                inputs: outputs / group.outputs * group.inputs,
                dy: (
                    call.output_gradient.offset + pixel * call.output_gradient.stride + channel,
                    geometry.spread.1 * call.output_gradient.stride,
                ),
                sums: column(call.panels, channel),
            };
            // SAFETY: the row is one of the caller's, and `reads` is what it reads.
            unsafe {
                match group == Group::DEPTHWISE {
                    true => lane.sum::<true>(&reads, sums),
                    false => lane.sum::<false>(&reads, sums),
                }
            }
        }
    }
}

/// A vector of output channels of a row of the grid.
struct Lane<'a, S: Simd> {
    arena: Pointer,
    /// Columns of the input from one position to the next, and columns of the grid.
    stride: usize,
    columns: usize,
    orders: &'a [S::Order],
    /// Channels of the vector; the first channel of the input that they read, and how many.
    outputs: usize,
    input: usize,
    inputs: usize,
    /// The float of the output's gradient at the first column, and those from column to column.
    dy: (usize, usize),
    /// Where these channels' weights start, and how far the next row is.
    sums: (usize, usize),
}

impl<S: Simd> Lane<'_, S> {
    /// Adds what a row comes to.
    ///
    /// # Safety
    /// As [`sum_rows`], of this row, which `reads` this; the groups are of one channel each if they are `DEPTHWISE`.
    #[inline(always)]
    unsafe fn sum<const DEPTHWISE: bool>(&self, reads: &Reads, sums: &mut [f32]) {
        let pixels = reads.pixels.as_ptr();
        for (input, &order) in self.orders.iter().enumerate() {
            // SAFETY: the group has the input, and the row reads the taps; neighbours stand side by side.
            unsafe {
                for slide in &reads.slides {
                    self.taps::<TAPS, DEPTHWISE>(pixels.add(slide.first), slide.taps, (input, order), sums);
                }
                for single in &reads.singles {
                    self.taps::<1, DEPTHWISE>(pixels.add(single.first), [single.tap], (input, order), sums);
                }
            }
        }
    }

    /// Adds what a row comes to for neighbouring taps.
    ///
    /// # Safety
    /// As [`sum`](Self::sum); `pixels` are the addresses of the first position's pixels, tap by tap, and the group has the
    /// input.
    #[inline(always)]
    unsafe fn taps<const COUNT: usize, const DEPTHWISE: bool>(
        &self,
        pixels: *const *const f32,
        taps: [usize; COUNT],
        (input, order): (usize, S::Order),
        sums: &mut [f32],
    ) {
        // SAFETY: the columns that the taps read at each of the grid's columns have addresses.
        unsafe {
            let mut partial = [[S::splat(0.0); COUNT]; APART];
            let mut x = 0;
            while x + APART <= self.columns {
                for (i, partial) in partial.iter_mut().enumerate() {
                    let dy = self.dy(x + i);
                    for (j, sum) in partial.iter_mut().enumerate() {
                        let pixel = pixels.add((x + i) * self.stride + j);
                        *sum = S::fma(self.input::<DEPTHWISE>(pixel, order), dy, *sum);
                    }
                }
                x += APART;
            }
            for x in x..self.columns {
                let dy = self.dy(x);
                for (j, sum) in partial[0].iter_mut().enumerate() {
                    let pixel = pixels.add(x * self.stride + j);
                    *sum = S::fma(self.input::<DEPTHWISE>(pixel, order), dy, *sum);
                }
            }
            for (j, tap) in taps.into_iter().enumerate() {
                let mut sum = partial[0][j];
                for more in &partial[1..] {
                    sum = S::add(sum, more[j]);
                }
                let row = tap * self.orders.len() + input;
                let place = sums[self.sums.0 + row * self.sums.1..][..S::LANES].as_mut_ptr();
                S::store(place, S::add(S::load(place), sum));
            }
        }
    }

    /// The output's gradient at a column.
    ///
    /// # Safety
    /// As [`sum`](Self::sum); the column is in the grid.
    #[inline(always)]
    unsafe fn dy(&self, x: usize) -> S::V {
        // SAFETY: the grid's pixels lie in the output's gradient, which lies in the block.
        unsafe { S::load_first(self.arena.at(self.dy.0 + x * self.dy.1), self.outputs) }
    }

    /// What a pixel's channels are, in the order of the lanes that read them.
    ///
    /// # Safety
    /// As [`sum`](Self::sum); `pixel` is the address of a pixel's address.
    #[inline(always)]
    unsafe fn input<const DEPTHWISE: bool>(&self, pixel: *const *const f32, order: S::Order) -> S::V {
        // SAFETY: the pixel has so many channels from the row's first one on.
        unsafe {
            let v = S::load_first((*pixel).add(self.input), self.inputs);
            if DEPTHWISE { v } else { S::permute(v, order) }
        }
    }
}
