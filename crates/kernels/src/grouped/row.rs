//! A vector of output channels of a row of the grid.

use super::walk::{Reads, Single, Slide};
use super::{Grouped, column};
use crate::arena::{Pointer, View};
use crate::simd::Simd;

/// A vector of output channels of a row of the grid.
pub(super) struct Row<'a, S: Simd> {
    call: &'a Grouped<'a>,
    arena: Pointer,
    /// Addresses from one position to the next.
    stride: usize,
    reads: &'a Reads,
    orders: &'a [S::Order],
    /// The first output channel, and how many there are in the vector.
    channel: usize,
    pub(super) outputs: usize,
    /// The first channel of the input that they read, and how many.
    input: usize,
    inputs: usize,
    /// The float of the output at the first column, and those from column to column; the same of the addend.
    out: (usize, usize),
    addend: Option<(usize, usize)>,
    /// From the weights of these channels on, those of the first row; those of the next are `width` floats further.
    weights: &'a [f32],
    width: usize,
}

impl<'a, S: Simd> Row<'a, S> {
    /// `reads` is what the row reads, `orders` the order of the lanes for each input of a group.
    #[inline(always)]
    pub(super) fn new(
        call: &'a Grouped<'a>,
        (arena, stride): (Pointer, usize),
        (reads, orders): (&'a Reads, &'a [S::Order]),
        (image, y): (usize, usize),
        channel: usize,
    ) -> Self {
        let (geometry, group) = (call.geometry, call.group);
        let outputs = (call.out.channels - channel).min(S::LANES);
        let pixel = geometry.output_pixel((image, y, 0));
        let place =
            |view: View| (view.offset + pixel * view.stride + channel, geometry.spread.1 * view.stride);
        let (weights, width) = column(call.panels, channel);
        Self {
            call,
            arena,
            stride,
            reads,
            orders,
            channel,
            outputs,
            input: group.first_input(channel),
            inputs: outputs / group.outputs * group.inputs,
            out: place(call.out),
            addend: call.addend.map(place),
            weights: &call.weights[weights..],
            width,
        }
    }

    /// # Safety
    /// As [`grid_rows`](super::grid_rows), of this row; the groups are of one channel each if they are `DEPTHWISE`, the
    /// vector's channels as many as its lanes if it is `WHOLE`.
    #[inline(always)]
    pub(super) unsafe fn run<const DEPTHWISE: bool, const WHOLE: bool>(&self) {
        let width = self.call.geometry.grid.1;
        // SAFETY: the columns are in the grid.
        unsafe {
            let mut x = 0;
            while x + 8 <= width {
                self.pixels::<8, DEPTHWISE, WHOLE>(x);
                x += 8;
            }
            if x + 4 <= width {
                self.pixels::<4, DEPTHWISE, WHOLE>(x);
                x += 4;
            }
            if x + 2 <= width {
                self.pixels::<2, DEPTHWISE, WHOLE>(x);
                x += 2;
            }
            if x < width {
                self.pixels::<1, DEPTHWISE, WHOLE>(x);
            }
        }
    }

    /// Some pixels of the row, from a grid column on.
    ///
    /// # Safety
    /// As [`run`](Self::run); the columns are in the grid.
    #[inline(always)]
    unsafe fn pixels<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(&self, x: usize) {
        // SAFETY: the row's taps exist, and its columns have addresses.
        unsafe {
            let start = self.start();
            let mut sums = [start; COUNT];
            let pixels = self.reads.pixels.as_ptr().add(x * self.stride);
            for (input, &order) in self.orders.iter().enumerate() {
                for slide in &self.reads.slides {
                    self.slide::<COUNT, DEPTHWISE, WHOLE>(pixels, slide, (input, order), &mut sums);
                }
                for single in &self.reads.singles {
                    self.single::<COUNT, DEPTHWISE, WHOLE>(pixels, single, (input, order), &mut sums);
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                self.finish::<WHOLE>(x + i, sum);
            }
        }
    }

    /// Adds the products of three neighbouring taps: each pixel is loaded once.
    ///
    /// # Safety
    /// As [`pixels`](Self::pixels), whose first position's addresses are `pixels`; the row reads the taps, the group has the
    /// input.
    #[inline(always)]
    unsafe fn slide<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        slide: &Slide,
        (input, order): (usize, S::Order),
        sums: &mut [S::V; COUNT],
    ) {
        // SAFETY: the columns that the taps read at all of the positions have addresses.
        unsafe {
            let pixels = pixels.add(slide.first);
            let [left, middle, right] = slide.taps;
            let left = self.weight(left, input);
            let middle = self.weight(middle, input);
            let right = self.weight(right, input);
            // In variables of their own: an array of them would lie in memory.
            let mut x = self.load::<DEPTHWISE, WHOLE>(pixels, order);
            let mut y = self.load::<DEPTHWISE, WHOLE>(pixels.add(1), order);
            for (i, sum) in sums.iter_mut().enumerate() {
                let z = self.load::<DEPTHWISE, WHOLE>(pixels.add(i + 2), order);
                *sum = S::fma(z, right, S::fma(y, middle, S::fma(x, left, *sum)));
                (x, y) = (y, z);
            }
        }
    }

    /// Adds the products of a tap.
    ///
    /// # Safety
    /// As [`slide`](Self::slide).
    #[inline(always)]
    unsafe fn single<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        single: &Single,
        (input, order): (usize, S::Order),
        sums: &mut [S::V; COUNT],
    ) {
        // SAFETY: the columns that the tap reads at all of the positions have addresses.
        unsafe {
            let pixels = pixels.add(single.first);
            let weight = self.weight(single.tap, input);
            for (i, sum) in sums.iter_mut().enumerate() {
                let x = self.load::<DEPTHWISE, WHOLE>(pixels.add(i * self.stride), order);
                *sum = S::fma(x, weight, *sum);
            }
        }
    }

    /// What a pixel's channels are, in the order of the lanes that read them.
    ///
    /// # Safety
    /// As [`run`](Self::run); `pixel` is the address of a pixel's address.
    #[inline(always)]
    unsafe fn load<const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixel: *const *const f32,
        order: S::Order,
    ) -> S::V {
        // SAFETY: a pixel has `inputs` channels from the row's first one on, a whole vector of them if that is `WHOLE`.
        unsafe {
            let pixel = (*pixel).add(self.input);
            let v = if WHOLE { S::load(pixel) } else { S::load_first(pixel, self.inputs) };
            if DEPTHWISE { v } else { S::permute(v, order) }
        }
    }

    /// The weights of a tap and a group's input.
    ///
    /// # Safety
    /// Both exist, and the CPU has the instruction set.
    #[inline(always)]
    unsafe fn weight(&self, tap: usize, input: usize) -> S::V {
        let row = tap * self.call.group.inputs + input;
        // SAFETY: packed weights have a row for each tap and input, of whole vectors.
        unsafe { S::load(self.weights.as_ptr().add(row * self.width)) }
    }

    /// The bias, or zeros.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn start(&self) -> S::V {
        // SAFETY: a bias has a value for each channel.
        unsafe {
            match self.call.bias {
                Some(bias) => S::load_first(bias.as_ptr().add(self.channel), self.outputs),
                None => S::splat(0.0),
            }
        }
    }

    /// Adds what is to be added to a sum, and writes it.
    ///
    /// # Safety
    /// As [`run`](Self::run); the column is in the grid.
    #[inline(always)]
    unsafe fn finish<const WHOLE: bool>(&self, x: usize, mut sum: S::V) {
        // SAFETY: the grid's pixels lie in the output and the addend, which lie in the block; this one is the caller's alone.
        unsafe {
            if let Some((start, step)) = self.addend {
                sum = S::add(sum, S::load_first(self.arena.at(start + x * step), self.outputs));
            }
            // In this order NaN stays NaN.
            let sum = if self.call.relu { S::max(S::splat(0.0), sum) } else { sum };
            let place = self.arena.at(self.out.0 + x * self.out.1);
            if WHOLE {
                S::store(place, sum);
            } else {
                S::store_first(place, sum, self.outputs);
            }
        }
    }
}
