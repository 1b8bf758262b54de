//! Depthwise convolutions, and those of groups with few channels: each channel of the output reads a few of the input.
//!
//! In NHWC a pixel's channels lie side by side. A vector of output channels covers whole groups, and what their groups read
//! of a pixel fills at most a vector: it is loaded once, and permuted so that each lane finds the channel that it needs; a
//! depthwise convolution needs no permutation. Weights are a matrix like any other: a row for each tap and channel of a
//! group, a column for each channel of the output. The gradient of the input is the same walk over the output's gradient,
//! once for each phase of the stride, with the weights of the taps that reach it.

mod bands;
mod gradient;
mod row;
mod taps;
mod walk;

pub use self::bands::{Bands, Expansion, Pointwise, bands, bands_scratch, bands_suit};
pub use self::gradient::{GroupedGradient, grouped_gradient};
pub use self::taps::grouped_taps;

use std::ops::Range;

use self::row::Row;
use self::walk::{Reads, Source, Walk};
use crate::arena::{Arena, Pointer, View};
use crate::geometry::{Geometry, product};
use crate::isa::Isa;
use crate::moments::moments;
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, WIDEST_LANES, dispatch};
use crate::threads::Pool;
use crate::tile::check_epilogue;
use crate::tuning::grouped::{LEAST_PARTS, LEAST_TASK_PRODUCTS};

/// Channels of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of the input.
    pub inputs: usize,
    /// Of the output.
    pub outputs: usize,
}

impl Group {
    /// Of a depthwise convolution.
    pub const DEPTHWISE: Self = Self { inputs: 1, outputs: 1 };

    /// Whether these kernels know groups like this one, of an output of so many channels.
    pub fn fits(self, isa: Isa, channels: usize) -> bool {
        let lanes = isa.for_columns(channels).lanes();
        self.inputs >= 1
            && self.inputs <= self.outputs
            && self.outputs < lanes
            && lanes.is_multiple_of(self.outputs)
    }
}

/// A vector of output channels, and the channels of the input that they read.
#[derive(Clone, Debug)]
struct Channels {
    outputs: Range<usize>,
    inputs: Range<usize>,
}

impl Channels {
    /// The output channels from `first` on, of so many.
    #[inline(always)]
    fn new<S: Simd>(group: Group, first: usize, channels: usize) -> Self {
        let outputs = first..(first + S::LANES).min(channels);
        let inputs = |channel: usize| channel / group.outputs * group.inputs;
        Self { inputs: inputs(outputs.start)..inputs(outputs.end), outputs }
    }
}

/// `out = relu?(Σ over taps and a group's inputs of weight · input + bias + addend)`.
#[derive(Clone, Copy, Debug)]
pub struct Grouped<'a> {
    /// How positions map to pixels; runs are all channels of the input.
    pub geometry: &'a Geometry,
    /// Channels of a group.
    pub group: Group,
    /// Images.
    pub batch: usize,
    /// The input map.
    pub input: View,
    /// The weights, packed: a row for each tap and input of a group, a column for each output channel.
    pub weights: &'a [f32],
    /// Their layout.
    pub panels: Panels,
    /// A value added to each channel, if any.
    pub bias: Option<&'a [f32]>,
    /// Pixels like the output's that are added before ReLU; the output itself accumulates.
    pub addend: Option<View>,
    /// What follows.
    pub relu: Rectifier,
    /// The output map.
    pub out: View,
}

/// # Panics
/// If a view has other pixels than the geometry's maps, channels are not the geometry's and the group's, or weights have another
/// layout.
fn check(
    (geometry, group, batch): (&Geometry, Group, usize),
    isa: Isa,
    [input, out]: [View; 2],
    (panels, weights): (Panels, usize),
) {
    geometry.check(batch, input, out);
    assert_eq!(geometry.span, 1, "a walk by single pixels");
    assert!(group.fits(isa, out.channels), "{group:?} does not fit vectors of {isa}");
    assert_eq!(geometry.run, input.channels, "runs are pixels");
    let groups = input.channels / group.inputs;
    assert_eq!(
        (groups * group.inputs, groups * group.outputs),
        (input.channels, out.channels),
        "channels of whole groups"
    );
    let rows = product(&[geometry.taps.len(), group.inputs]);
    assert_eq!(panels, Panels::new(isa, rows, out.channels), "another layout of weights");
    assert_eq!(weights, panels.len(), "length of the packed weights");
}

/// Runs a convolution of many groups. Each output element is computed by one task, tap by tap. `statistics` take the mean
/// and the biased variance of each output channel, of a walk that writes every pixel.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap (an addend may be the output itself), groups do not
/// [fit](Group::fits), lengths do not match the geometry, or statistics are wanted of a walk that leaves pixels out.
pub fn grouped(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &Grouped<'_>,
    statistics: Option<[&mut [f32]; 2]>,
) {
    let Grouped { geometry, group, batch, input, weights, panels, bias, addend, out, .. } = *call;
    arena.check(input);
    arena.check(out);
    check((geometry, group, batch), isa, [input, out], (panels, weights.len()));
    input.assert_disjoint(out);
    check_epilogue(arena, out, bias, addend);
    geometry.check_measured(statistics.is_some(), batch, out);
    if geometry.positions(batch) == 0 {
        statistics.into_iter().flatten().for_each(|vector| vector.fill(0.0));
        return;
    }
    let walk = &Walk::new(geometry);
    let narrow = isa.for_columns(out.channels);
    // Bands of as many rows as are computed together.
    let (bands, vectors) = (batch * walk.bands(geometry), out.channels.div_ceil(narrow.lanes()));
    // Few rows are cut by their channels too, or threads would wait for who has the last row.
    let slices = LEAST_PARTS.div_ceil(bands.max(1)).clamp(1, vectors.max(1));
    let of_band = geometry.grid.1.saturating_mul(walk.rows_together());
    let of_slice = of_band.saturating_mul(panels.k).saturating_mul(out.channels) / slices;
    let pointer = arena.pointer();
    pool.ranges(bands * slices, LEAST_TASK_PRODUCTS.div_ceil(of_slice.max(1)), &|parts| {
        // SAFETY: views, geometry, groups and lengths were checked above; tasks have different rows of the grid or different
        // channels of one, which are different floats of the output; nothing writes the input, nor an addend that is not the
        // output.
        unsafe {
            dispatch!(narrow, grid_rows(
                call: &Grouped<'_>, pointer: Pointer, walk: &Walk, parts: Range<usize>, slices: usize
            ));
        };
    });
    if let Some(vectors) = statistics {
        moments(pool, isa, arena, out, vectors);
    }
}

/// Some parts of the grid, whose bands' channels are cut in so many slices each.
///
/// # Safety
/// [`grouped`] has checked the call against the block of `arena`, and made `walk` of it; `parts` are slices of bands of the
/// grid of the batch. Meanwhile nothing writes the input, and nothing else uses these channels of these rows' pixels of the
/// output; an addend that is not the output is not written. The CPU has the instruction set.
#[inline(always)]
unsafe fn grid_rows<S: Simd>(
    call: &Grouped<'_>,
    arena: Pointer,
    walk: &Walk,
    parts: Range<usize>,
    slices: usize,
) {
    let geometry = call.geometry;
    // SAFETY: the caller has the instruction set.
    let lanes = unsafe { Lanes::<S>::new(call) };
    let vectors = call.out.channels.div_ceil(S::LANES);
    let mut rows = Rows::default();
    let mut found = None;
    for part in parts {
        let (band, slice) = (part / slices, part % slices);
        let (image, y) = (band / walk.bands(geometry), band % walk.bands(geometry) * walk.rows_together());
        let vectors = slice * vectors / slices..(slice + 1) * vectors / slices;
        // SAFETY: the rows are some of the caller's, who has checked the geometry against the input; the vectors are the output's.
        unsafe {
            if found.replace(band) != Some(band) {
                let source = Source::image(arena, call.input, geometry, image);
                rows.find(walk, geometry, &source, (y, geometry.grid.0));
            }
            rows.compute(call, arena, &lanes, ((image, y), vectors));
        }
    }
}

/// What all rows of a call share.
struct Lanes<S: Simd> {
    /// For each input of a group the order in which lanes read a pixel.
    orders: [S::Order; WIDEST_LANES],
    inputs: usize,
    /// What sums are kept within.
    bounds: [S::V; 2],
}

impl<S: Simd> Lanes<S> {
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn new(call: &Grouped<'_>) -> Self {
        let [low, high] = call.relu.bounds();
        // SAFETY: the caller has the instruction set.
        unsafe {
            let (orders, bounds) = (orders::<S>(call.group), [S::splat(low), S::splat(high)]);
            Self { orders, inputs: call.group.inputs, bounds }
        }
    }

    #[inline(always)]
    fn orders(&self) -> &[S::Order] {
        &self.orders[..self.inputs]
    }
}

/// The rows of a grid that are computed together, one or two, and what they read.
#[derive(Default)]
struct Rows {
    count: usize,
    one: Reads<1>,
    two: Reads<2>,
}

impl Rows {
    /// Finds what the rows from `y` on read, of those before `end`; gives how many they are.
    ///
    /// # Safety
    /// As [`Walk::rows`], of each.
    #[inline(always)]
    unsafe fn find(
        &mut self,
        walk: &Walk,
        geometry: &Geometry,
        source: &Source,
        (y, end): (usize, usize),
    ) -> usize {
        self.count = walk.rows_together().min(end - y);
        // SAFETY: the caller's rows.
        unsafe {
            match self.count {
                2 => walk.rows(geometry, source, y, &mut self.two),
                _ => walk.rows(geometry, source, y, &mut self.one),
            }
        }
        self.count
    }

    /// Computes some vectors of their channels; `at` is the image and the row of the output where the first is written.
    ///
    /// # Safety
    /// As [`Row::compute`], of each vector of each row, which were [found](Self::find).
    #[inline(always)]
    unsafe fn compute<S: Simd>(
        &self,
        call: &Grouped<'_>,
        arena: Pointer,
        lanes: &Lanes<S>,
        (at, vectors): ((usize, usize), Range<usize>),
    ) {
        let out = call.out;
        for vector in vectors.clone() {
            let channels = Channels::new::<S>(call.group, vector * S::LANES, call.out.channels);
            // SAFETY: the caller's rows, of which the reads are what they read; the channels start a vector.
            unsafe {
                match self.count {
                    2 => Row::<S, 2>::new(call, arena, (&self.two, lanes), at, channels).compute(),
                    _ => Row::<S, 1>::new(call, arena, (&self.one, lanes), at, channels).compute(),
                }
            }
        }
        if !call.relu.is_finished_later() {
            return;
        }
        let channels = vectors.start * S::LANES..(vectors.end * S::LANES).min(out.channels);
        let columns = call.geometry.grid.1;
        for row in 0..self.count {
            let (start, step) = place(call.geometry, out, (at.0, at.1 + row), channels.start);
            // Pixels side by side at once, where all of each is written.
            let (pixels, floats) = match step == channels.len() {
                true => (1, columns * step),
                false => (columns, channels.len()),
            };
            for x in 0..pixels {
                let first = start + x * step;
                // SAFETY: the grid's pixels lie in the output, whose channels of these vectors are the caller's alone.
                call.relu.finish::<S>(unsafe { arena.slice_mut(first..first + floats) });
            }
        }
    }
}

/// The float of a map's channel at the first column of a row of the grid, and the floats from one column to the next.
#[inline(always)]
fn place(geometry: &Geometry, map: View, (image, y): (usize, usize), channel: usize) -> (usize, usize) {
    let pixel = geometry.output_pixel((image, y, 0));
    (map.offset + pixel * map.stride + channel, geometry.spread.1 * map.stride)
}

/// What a vector of channels reads of a pixel, in the order of the lanes that read it.
///
/// # Safety
/// `pixel` is valid to read the input's channels from, the groups are of one channel each if they are `DEPTHWISE`, the
/// vector's inputs as many as its lanes if it is `WHOLE`, and the CPU has the instruction set.
#[inline(always)]
unsafe fn pixel<S: Simd, const DEPTHWISE: bool, const WHOLE: bool>(
    pixel: *const f32,
    channels: &Channels,
    order: S::Order,
) -> S::V {
    // SAFETY: the channels are among the input's; the caller has the instruction set.
    unsafe {
        let first = pixel.add(channels.inputs.start);
        let read = if WHOLE { S::load(first) } else { S::load_first(first, channels.inputs.len()) };
        if DEPTHWISE { read } else { S::permute(read, order) }
    }
}

/// Where the weights of a vector of channels start, those of the first row, and how far those of the next one are.
#[inline(always)]
fn column(panels: Panels, channel: usize) -> (usize, usize) {
    // All panels but the last are as wide as the first.
    let panel = channel / panels.width(0);
    (panels.index(0, channel), panels.width(panel))
}

/// For each input of a group, which lane of a pixel's inputs each lane of the output reads.
///
/// # Safety
/// The CPU has the instruction set.
#[inline(always)]
unsafe fn orders<S: Simd>(group: Group) -> [S::Order; WIDEST_LANES] {
    let mut lanes = [0; WIDEST_LANES];
    // SAFETY: the caller has the instruction set.
    let mut orders = [unsafe { S::order(&lanes) }; WIDEST_LANES];
    for (input, order) in orders.iter_mut().enumerate().take(group.inputs) {
        for (lane, read) in lanes.iter_mut().enumerate().take(S::LANES) {
            *read = (lane / group.outputs * group.inputs + input) as i32;
        }
        // SAFETY: the caller has the instruction set.
        *order = unsafe { S::order(&lanes) };
    }
    orders
}
