//! The gradient of the weights.

use std::ops::Range;

use super::walk::{Reads, Source, TAPS, Walk};
use super::{Channels, Group, check, column, orders, pixel, place};
use crate::arena::{Arena, Pointer, View};
use crate::flat;
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
    arena.check(input);
    arena.check(output_gradient);
    check((geometry, group, batch), isa, [input, output_gradient], (panels, gradient.len()));
    let floats = gradient.len();
    gradient.fill(0.0);
    if geometry.positions(batch) == 0 {
        return;
    }
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
    flat::add_each(pool, isa, gradient, &sums);
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
    let mut reads = Reads::<1>::default();
    for index in rows {
        let at = (index / geometry.grid.0, index % geometry.grid.0);
        let source = Source::image(arena, call.input, geometry, at.0);
        // SAFETY: the row is one of the caller's, who has checked the geometry against the input.
        unsafe { walk.rows(geometry, &source, at.1, &mut reads) };
        for channel in (0..call.output_gradient.channels).step_by(S::LANES) {
            let lane = Lane::<S> {
                arena,
                columns: geometry.grid.1,
                orders: &orders[..group.inputs],
                channels: Channels::new::<S>(group, channel, call.output_gradient.channels),
                dy: place(geometry, call.output_gradient, at, channel),
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
    /// Columns of the grid.
    columns: usize,
    orders: &'a [S::Order],
    channels: Channels,
    /// The [places](place) of the output gradient's pixels.
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
    unsafe fn sum<const DEPTHWISE: bool>(&self, reads: &Reads<1>, sums: &mut [f32]) {
        let pixels = reads.pixels.as_ptr();
        for (input, &order) in self.orders.iter().enumerate() {
            // SAFETY: the group has the input, and the row reads the taps; neighbours stand side by side.
            unsafe {
                for slide in &reads.slides {
                    for taps in slide.taps.into_iter().flatten() {
                        self.taps::<TAPS, DEPTHWISE>(pixels.add(slide.start), taps, (input, order), sums);
                    }
                }
                for single in &reads.singles {
                    for tap in single.taps.into_iter().flatten() {
                        self.taps::<1, DEPTHWISE>(pixels.add(single.start), [tap], (input, order), sums);
                    }
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
                        let pixel = pixels.add(x + i + j);
                        *sum = S::fma(self.pixel::<DEPTHWISE>(pixel, order), dy, *sum);
                    }
                }
                x += APART;
            }
            for x in x..self.columns {
                let dy = self.dy(x);
                for (j, sum) in partial[0].iter_mut().enumerate() {
                    let pixel = pixels.add(x + j);
                    *sum = S::fma(self.pixel::<DEPTHWISE>(pixel, order), dy, *sum);
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
        unsafe { S::load_first(self.arena.at(self.dy.0 + x * self.dy.1), self.channels.outputs.len()) }
    }

    /// What the vector reads of a pixel.
    ///
    /// # Safety
    /// As [`sum`](Self::sum); `address` is that of an address of the row's.
    #[inline(always)]
    unsafe fn pixel<const DEPTHWISE: bool>(&self, address: *const *const f32, order: S::Order) -> S::V {
        // SAFETY: the address is that of a pixel, with these channels.
        unsafe { pixel::<S, DEPTHWISE, false>(*address, &self.channels, order) }
    }
}
