//! A vector of output channels of a row of the grid.

use super::walk::{Reads, Single, Slide};
use super::{Channels, Grouped, column, pixel, place};
use crate::arena::Pointer;
use crate::simd::Simd;

/// A vector of output channels of a row of the grid.
pub(super) struct Row<'a, S: Simd> {
    call: &'a Grouped<'a>,
    arena: Pointer,
    reads: &'a Reads,
    orders: &'a [S::Order],
    channels: Channels,
    /// What the sums are kept within.
    bounds: [S::V; 2],
    /// The [places](place) of the output's pixels, and of the addend's.
    out: (usize, usize),
    addend: Option<(usize, usize)>,
    /// From the weights of these channels on, those of the first row; those of the next are `width` floats further.
    weights: &'a [f32],
    width: usize,
}

impl<'a, S: Simd> Row<'a, S> {
    /// `reads` is what the row reads, `orders` the order of the lanes for each input of a group, `bounds` what sums are kept
    /// within.
    #[inline(always)]
    pub(super) fn new(
        call: &'a Grouped<'a>,
        arena: Pointer,
        (reads, orders, bounds): (&'a Reads, &'a [S::Order], [S::V; 2]),
        at: (usize, usize),
        channels: Channels,
    ) -> Self {
        let channel = channels.outputs.start;
        let (weights, width) = column(call.panels, channel);
        Self {
            call,
            arena,
            reads,
            orders,
            bounds,
            out: place(call.geometry, call.out, at, channel),
            addend: call.addend.map(|view| place(call.geometry, view, at, channel)),
            channels,
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
            while x < width {
                // As few turns as there can be, each of as many sums as wait for one another's products.
                x += match width - x {
                    7 | 14 => self.pixels::<7, DEPTHWISE, WHOLE>(x),
                    8.. => self.pixels::<8, DEPTHWISE, WHOLE>(x),
                    4.. => self.pixels::<4, DEPTHWISE, WHOLE>(x),
                    2.. => self.pixels::<2, DEPTHWISE, WHOLE>(x),
                    _ => self.pixels::<1, DEPTHWISE, WHOLE>(x),
                };
            }
        }
    }

    /// Some pixels of the row, from a grid column on; gives how many.
    ///
    /// # Safety
    /// As [`run`](Self::run); the columns are in the grid.
    #[inline(always)]
    unsafe fn pixels<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(&self, x: usize) -> usize {
        // SAFETY: the row's taps exist, and its columns have addresses.
        unsafe {
            let start = self.start();
            let mut sums = [start; COUNT];
            let pixels = self.reads.pixels.as_ptr().add(x);
            for (input, &order) in self.orders.iter().enumerate() {
                for slide in &self.reads.slides {
                    self.slide::<COUNT, DEPTHWISE, WHOLE>(pixels, slide, (input, order), &mut sums);
                }
                for single in &self.reads.singles {
                    self.single::<COUNT, DEPTHWISE, WHOLE>(pixels, single, (input, order), &mut sums);
                }
            }
            self.finish::<COUNT, WHOLE>(x, sums);
        }
        COUNT
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
            let pixels = pixels.add(slide.start);
            let [left, middle, right] = slide.taps;
            let left = self.weight(left, input);
            let middle = self.weight(middle, input);
            let right = self.weight(right, input);
            // In variables of their own: an array of them would lie in memory.
            let mut x = self.pixel::<DEPTHWISE, WHOLE>(pixels, order);
            let mut y = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(1), order);
            for (i, sum) in sums.iter_mut().enumerate() {
                let z = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(i + 2), order);
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
            let pixels = pixels.add(single.start);
            let weight = self.weight(single.tap, input);
            for (i, sum) in sums.iter_mut().enumerate() {
                let x = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(i), order);
                *sum = S::fma(x, weight, *sum);
            }
        }
    }

    /// What the vector reads of a pixel.
    ///
    /// # Safety
    /// As [`run`](Self::run); `address` is that of an address of the row's.
    #[inline(always)]
    unsafe fn pixel<const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        address: *const *const f32,
        order: S::Order,
    ) -> S::V {
        // SAFETY: the address is that of a pixel, with these channels.
        unsafe { pixel::<S, DEPTHWISE, WHOLE>(*address, &self.channels, order) }
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
                Some(bias) => {
                    S::load_first(bias.as_ptr().add(self.channels.outputs.start), self.channels.outputs.len())
                }
                None => S::splat(0.0),
            }
        }
    }

    /// Adds what is to be added to sums, and writes them, from a grid column on.
    ///
    /// # Safety
    /// As [`run`](Self::run); the columns are in the grid.
    #[inline(always)]
    unsafe fn finish<const COUNT: usize, const WHOLE: bool>(&self, x: usize, mut sums: [S::V; COUNT]) {
        let channels = self.channels.outputs.len();
        // SAFETY: the grid's pixels lie in the output and the addend, which lie in the block; these are the caller's alone.
        unsafe {
            if let Some((start, step)) = self.addend {
                let mut place = start + x * step;
                for sum in &mut sums {
                    *sum = S::add(*sum, S::load_first(self.arena.at(place), channels));
                    place += step;
                }
            }
            let [floor, ceiling] = self.bounds;
            let (start, step) = self.out;
            let mut place = start + x * step;
            for sum in sums {
                // In this order NaN stays NaN.
                let sum = S::min(ceiling, S::max(floor, sum));
                if WHOLE {
                    S::store(self.arena.at(place), sum);
                } else {
                    S::store_first(self.arena.at(place), sum, channels);
                }
                place += step;
            }
        }
    }
}
