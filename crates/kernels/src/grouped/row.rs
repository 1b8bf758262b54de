//! A vector of output channels of a row of the grid, or of two that read much the same rows of the input.

use super::walk::{Reads, Single, Slide, TAPS};
use super::{Channels, Group, Grouped, Lanes, column, pixel, place};
use crate::arena::{Pointer, View};
use crate::simd::Simd;

/// Rows of the register tile from which on an instruction set has registers for the sums of two rows.
const MANY_REGISTERS: usize = 12;

/// What two rows have, where there are two and both have it.
#[inline(always)]
fn both<T: Copy>(of_rows: &[Option<T>]) -> Option<[T; 2]> {
    match *of_rows {
        [Some(above), Some(below)] => Some([above, below]),
        _ => None,
    }
}

/// A vector of output channels of some neighbouring rows of the grid.
pub(super) struct Row<'a, S: Simd, const ROWS: usize> {
    call: &'a Grouped<'a>,
    arena: Pointer,
    reads: &'a Reads<ROWS>,
    orders: &'a [S::Order],
    channels: Channels,
    /// What the sums are kept within.
    bounds: [S::V; 2],
    /// The [places](place) of the output's pixels, and of the addend's.
    out: [(usize, usize); ROWS],
    addend: Option<[(usize, usize); ROWS]>,
    /// From the weights of these channels on, those of the first row; those of the next are `width` floats further.
    weights: &'a [f32],
    width: usize,
}

impl<'a, S: Simd, const ROWS: usize> Row<'a, S, ROWS> {
    /// `reads` is what the rows read of which the first is written to row `y` of an image of the output.
    #[inline(always)]
    pub(super) fn new(
        call: &'a Grouped<'a>,
        arena: Pointer,
        (reads, lanes): (&'a Reads<ROWS>, &'a Lanes<S>),
        (image, y): (usize, usize),
        channels: Channels,
    ) -> Self {
        let channel = channels.outputs.start;
        let (weights, width) = column(call.panels, channel);
        let places = |view: View| {
            let mut places = [(0, 0); ROWS];
            for (row, at) in places.iter_mut().enumerate() {
                *at = place(call.geometry, view, (image, y + row), channel);
            }
            places
        };
        Self {
            call,
            arena,
            reads,
            orders: lanes.orders(),
            bounds: lanes.bounds,
            out: places(call.out),
            addend: call.addend.map(places),
            channels,
            weights: &call.weights[weights..],
            width,
        }
    }

    /// Computes the rows.
    ///
    /// # Safety
    /// Weights, bias, addend and output of the call fit its geometry and groups, as [`grouped`](super::grouped()) checks them;
    /// `reads` leads to pixels as wide as the geometry's runs, which nothing writes meanwhile, nor an addend that is not the
    /// output; nothing else uses these channels of the rows' pixels of the output. The CPU has the instruction set.
    #[inline(always)]
    pub(super) unsafe fn compute(&self) {
        let whole = self.channels.outputs.len() == S::LANES;
        // SAFETY: the caller's rows, of groups and channels that are as told.
        unsafe {
            match (self.call.group == Group::DEPTHWISE, whole) {
                (true, true) => self.run::<true, true>(),
                (true, false) => self.run::<true, false>(),
                (false, _) => self.run::<false, false>(),
            }
        }
    }

    /// # Safety
    /// As [`compute`](Self::compute); the groups are of one channel each if they are `DEPTHWISE`, the vector's channels as
    /// many as its lanes if it is `WHOLE`.
    #[inline(always)]
    unsafe fn run<const DEPTHWISE: bool, const WHOLE: bool>(&self) {
        let width = self.call.geometry.grid.1;
        // SAFETY: the columns are in the grid.
        unsafe {
            let mut x = 0;
            while x < width {
                // As few turns as there can be, each of as many sums as wait for one another's products.
                x += match width - x {
                    7 | 14 if ROWS == 1 || MANY_REGISTERS <= S::ROWS => self.pixels::<7, DEPTHWISE, WHOLE>(x),
                    8.. if ROWS == 1 || MANY_REGISTERS <= S::ROWS => self.pixels::<8, DEPTHWISE, WHOLE>(x),
                    4.. => self.pixels::<4, DEPTHWISE, WHOLE>(x),
                    2.. => self.pixels::<2, DEPTHWISE, WHOLE>(x),
                    _ => self.pixels::<1, DEPTHWISE, WHOLE>(x),
                };
            }
        }
    }

    /// Some pixels of each row, from a grid column on; gives how many.
    ///
    /// # Safety
    /// As [`run`](Self::run); the columns are in the grid.
    #[inline(always)]
    unsafe fn pixels<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(&self, x: usize) -> usize {
        // SAFETY: the rows' taps exist, and their columns have addresses.
        unsafe {
            let start = self.start();
            let mut sums = [[start; COUNT]; ROWS];
            let pixels = self.reads.pixels.as_ptr().add(x);
            for (input, &order) in self.orders.iter().enumerate() {
                for slide in &self.reads.slides {
                    self.slide::<COUNT, DEPTHWISE, WHOLE>(pixels, slide, (input, order), &mut sums);
                }
                for single in &self.reads.singles {
                    self.single::<COUNT, DEPTHWISE, WHOLE>(pixels, single, (input, order), &mut sums);
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                self.finish::<COUNT, WHOLE>(row, x, sums);
            }
        }
        COUNT
    }

    /// Adds the products of three neighbouring taps: each pixel is loaded once, for the sums of all rows that read it.
    ///
    /// # Safety
    /// As [`pixels`](Self::pixels), whose first position's addresses are `pixels`; the rows read the taps, the group has the
    /// input.
    #[inline(always)]
    unsafe fn slide<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        slide: &Slide<ROWS>,
        (input, order): (usize, S::Order),
        sums: &mut [[S::V; COUNT]; ROWS],
    ) {
        // SAFETY: the caller's addresses, taps and input.
        unsafe {
            let pixels = pixels.add(slide.start);
            if let Some(taps) = both(&slide.taps) {
                self.slide_both::<COUNT, DEPTHWISE, WHOLE>(pixels, taps, (input, order), sums);
                return;
            }
            for (taps, sums) in slide.taps.into_iter().zip(sums) {
                if let Some(taps) = taps {
                    self.slide_one::<COUNT, DEPTHWISE, WHOLE>(pixels, taps, (input, order), sums);
                }
            }
        }
    }

    /// Adds the products of three neighbouring taps to the sums of one row.
    ///
    /// # Safety
    /// As [`slide`](Self::slide), `pixels` being the addresses of what the leftmost tap reads.
    #[inline(always)]
    unsafe fn slide_one<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        taps: [usize; TAPS],
        (input, order): (usize, S::Order),
        sums: &mut [S::V; COUNT],
    ) {
        // SAFETY: the columns that the taps read at all of the positions have addresses.
        unsafe {
            let [left, middle, right] = self.weights_of(taps, input);
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

    /// The same for the sums of two rows at once.
    ///
    /// # Safety
    /// As [`slide_one`](Self::slide_one), of both rows, of which there are two.
    #[inline(always)]
    unsafe fn slide_both<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        [above, below]: [[usize; TAPS]; 2],
        (input, order): (usize, S::Order),
        sums: &mut [[S::V; COUNT]; ROWS],
    ) {
        // SAFETY: the columns that the taps read at all of the positions have addresses.
        unsafe {
            let [a, b, c] = self.weights_of(above, input);
            let [d, e, f] = self.weights_of(below, input);
            let mut x = self.pixel::<DEPTHWISE, WHOLE>(pixels, order);
            let mut y = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(1), order);
            for i in 0..COUNT {
                let z = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(i + 2), order);
                sums[0][i] = S::fma(z, c, S::fma(y, b, S::fma(x, a, sums[0][i])));
                sums[ROWS - 1][i] = S::fma(z, f, S::fma(y, e, S::fma(x, d, sums[ROWS - 1][i])));
                (x, y) = (y, z);
            }
        }
    }

    /// Adds the products of a tap: each pixel is loaded once, for the sums of all rows that read it.
    ///
    /// # Safety
    /// As [`slide`](Self::slide).
    #[inline(always)]
    unsafe fn single<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        single: &Single<ROWS>,
        (input, order): (usize, S::Order),
        sums: &mut [[S::V; COUNT]; ROWS],
    ) {
        // SAFETY: the caller's addresses, tap and input.
        unsafe {
            let pixels = pixels.add(single.start);
            if let Some(taps) = both(&single.taps) {
                self.single_both::<COUNT, DEPTHWISE, WHOLE>(pixels, taps, (input, order), sums);
                return;
            }
            for (tap, sums) in single.taps.into_iter().zip(sums) {
                if let Some(tap) = tap {
                    self.single_one::<COUNT, DEPTHWISE, WHOLE>(pixels, tap, (input, order), sums);
                }
            }
        }
    }

    /// Adds the products of a tap to the sums of one row.
    ///
    /// # Safety
    /// As [`slide_one`](Self::slide_one).
    #[inline(always)]
    unsafe fn single_one<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        tap: usize,
        (input, order): (usize, S::Order),
        sums: &mut [S::V; COUNT],
    ) {
        // SAFETY: the columns that the tap reads at all of the positions have addresses.
        unsafe {
            let weight = self.weight(tap, input);
            for (i, sum) in sums.iter_mut().enumerate() {
                let x = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(i), order);
                *sum = S::fma(x, weight, *sum);
            }
        }
    }

    /// The same for the sums of two rows at once.
    ///
    /// # Safety
    /// As [`slide_both`](Self::slide_both).
    #[inline(always)]
    unsafe fn single_both<const COUNT: usize, const DEPTHWISE: bool, const WHOLE: bool>(
        &self,
        pixels: *const *const f32,
        [above, below]: [usize; 2],
        (input, order): (usize, S::Order),
        sums: &mut [[S::V; COUNT]; ROWS],
    ) {
        // SAFETY: the columns that the tap reads at all of the positions have addresses.
        unsafe {
            let (above, below) = (self.weight(above, input), self.weight(below, input));
            for i in 0..COUNT {
                let x = self.pixel::<DEPTHWISE, WHOLE>(pixels.add(i), order);
                sums[0][i] = S::fma(x, above, sums[0][i]);
                sums[ROWS - 1][i] = S::fma(x, below, sums[ROWS - 1][i]);
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

    /// The weights of neighbouring taps and a group's input.
    ///
    /// # Safety
    /// As [`weight`](Self::weight).
    #[inline(always)]
    unsafe fn weights_of(&self, [left, middle, right]: [usize; TAPS], input: usize) -> [S::V; TAPS] {
        // SAFETY: the caller has the taps, the input and the instruction set.
        unsafe { [self.weight(left, input), self.weight(middle, input), self.weight(right, input)] }
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

    /// Adds what is to be added to sums of a row, and writes them, from a grid column on.
    ///
    /// # Safety
    /// As [`run`](Self::run); the columns are in the grid.
    #[inline(always)]
    unsafe fn finish<const COUNT: usize, const WHOLE: bool>(
        &self,
        row: usize,
        x: usize,
        mut sums: [S::V; COUNT],
    ) {
        let channels = self.channels.outputs.len();
        // SAFETY: the grid's pixels lie in the output and the addend, which lie in the block; these are the caller's alone.
        unsafe {
            if let Some(addend) = self.addend {
                let (start, step) = addend[row];
                let mut place = start + x * step;
                for sum in &mut sums {
                    *sum = S::add(*sum, S::load_first(self.arena.at(place), channels));
                    place += step;
                }
            }
            let [floor, ceiling] = self.bounds;
            let (start, step) = self.out[row];
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
