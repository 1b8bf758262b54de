//! The backward pass of a matrix product that reads its weights once, and updates them where they stand.
//!
//! A layer of millions of weights waits for memory: its time is the number of times that they are moved. A block of
//! weights is read for the gradient of the input, and while it is in the cache its own gradient is summed and applied.

use std::array;
use std::cell::RefCell;
use std::ops::Range;

use crate::ahead::{Span, ask};
use crate::arena::{Arena, Pointer, View};
use crate::isa::Isa;
use crate::optimizer::Update;
use crate::outer::{Found, Segment, Tile as OuterTile, tile_of};
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tile::{MAX_ROWS, ONE_TAP, Tile, multiply};
use crate::tuning::linear::{BLOCK_ROWS, LEAST_AHEAD_BYTES, LEAST_BLOCKS};

/// The backward pass of `output = input · weights`.
#[derive(Clone, Copy, Debug)]
pub struct LinearBackward {
    /// The layout of the weights: K × N.
    pub panels: Panels,
    /// Pixels of K channels.
    pub input: View,
    /// Pixels of N channels.
    pub output_gradient: View,
    /// Where the input's gradient goes, if it is wanted, and whether it is added to what is there.
    pub input_gradient: Option<(View, bool)>,
}

/// What becomes of the gradient of the weights.
#[derive(Debug)]
pub enum WeightGradient<'a> {
    /// It is written, in the layout of the weights; columns beyond N get zero.
    Write {
        /// The packed weights.
        weights: &'a [f32],
        /// Their gradient.
        gradient: &'a mut [f32],
    },
    /// The weights are updated by it.
    Apply {
        /// The rule.
        update: Update,
        /// The packed weights.
        weights: &'a mut [f32],
        /// What the rule keeps, laid out like the weights.
        moments: [&'a mut [f32]; Update::MOST_MOMENTS],
    },
    /// It is not computed.
    Leave {
        /// The packed weights.
        weights: &'a [f32],
    },
}

/// Computes the gradient of a matrix product's input, and writes or applies that of its weights.
///
/// Each element is summed by one task, the input's over the columns in order, the weights' over the pixels.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap, or lengths do not match.
pub fn linear_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &LinearBackward,
    target: WeightGradient<'_>,
) {
    let LinearBackward { panels, input, output_gradient, input_gradient } = *call;
    arena.check(input);
    arena.check(output_gradient);
    assert_eq!(input.pixels, output_gradient.pixels, "pixels of the input and of the output's gradient");
    assert_eq!(
        panels,
        Panels::new(isa, input.channels, output_gradient.channels),
        "another product's layout"
    );
    if let Some((view, _)) = input_gradient {
        arena.check_alike(input, &[view]);
        view.assert_disjoint(input);
        view.assert_disjoint(output_gradient);
    }
    let sink = match target {
        WeightGradient::Write { weights, gradient } => {
            assert_eq!((weights.len(), gradient.len()), (panels.len(), panels.len()), "packed weights");
            Sink { weights: weights.as_ptr(), target: Some(Pointer::of(gradient)), update: None }
        }
        WeightGradient::Apply { update, weights, moments } => {
            let moments = update.check(weights.len(), panels.len(), moments);
            let target = Pointer::of(weights);
            Sink { weights: target.start(), target: Some(target), update: Some((update, moments)) }
        }
        WeightGradient::Leave { weights } => {
            assert_eq!(weights.len(), panels.len(), "packed weights");
            Sink { weights: weights.as_ptr(), target: None, update: None }
        }
    };
    if panels.is_empty() {
        return;
    }
    let inputs = input_gradient
        .map(|(view, accumulate)| (Right::new(pool, isa, arena, output_gradient), view, accumulate));
    let rows = BLOCK_ROWS.min(panels.k.div_ceil(LEAST_BLOCKS)).next_multiple_of(isa.tile_rows());
    let mut shared = Shared { call, isa, arena: arena.pointer(), inputs, sink, far: false };
    let moved: usize = shared.moved(0..panels.len()).into_iter().map(Span::bytes).sum();
    shared.far = moved >= LEAST_AHEAD_BYTES;
    pool.run(panels.k.div_ceil(rows), &|block| {
        // SAFETY: views, panels and lengths were checked above; tasks have different rows of weights, none beyond K.
        unsafe { shared.block(block * rows..((block + 1) * rows).min(panels.k)) };
    });
}

/// Where weights are read and where their gradient, or what follows from it, is written.
#[derive(Clone, Copy)]
struct Sink {
    weights: *const f32,
    /// The gradient, or the weights themselves; `None` where nothing is written.
    target: Option<Pointer>,
    update: Option<(Update, [Pointer; Update::MOST_MOMENTS])>,
}

// SAFETY: `Shared::block` reads and writes through it only the rows that its caller gives it alone.
unsafe impl Sync for Sink {}

/// The output's gradient transposed, as the right operand of the input's: N rows, a column for each pixel.
struct Right {
    panels: Panels,
    packed: Vec<f32>,
}

impl Right {
    fn new(pool: &Pool, isa: Isa, arena: &mut Arena, view: View) -> Self {
        let panels = Panels::new(isa, view.channels, view.pixels);
        let mut packed = vec![0.0; panels.len()];
        let (pointer, target) = (arena.pointer(), Pointer::of(&mut packed));
        pool.run(panels.count(), &|panel| {
            let width = panels.width(panel);
            // SAFETY: the panel lies in the packed matrix, and each task has its own.
            let part =
                unsafe { target.slice_mut(panels.start(panel)..panels.start(panel) + panels.k * width) };
            for (i, pixel) in panels.columns(panel).enumerate() {
                // SAFETY: `linear_backward` has checked the view against the arena, and nothing writes it meanwhile.
                let row = unsafe { pointer.slice(view.pixel(pixel)) };
                part[i..].iter_mut().step_by(width).zip(row).for_each(|(x, dy)| *x = *dy);
            }
        });
        Self { panels, packed }
    }
}

thread_local! {
    /// The gradients of a block's inputs, and of its weights in one panel.
    static BUFFERS: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

struct Shared<'a> {
    call: &'a LinearBackward,
    isa: Isa,
    arena: Pointer,
    /// What the input's gradient is computed from, where it goes, and whether it is added to what is there.
    inputs: Option<(Right, View, bool)>,
    sink: Sink,
    /// Whether what is moved comes from memory as a rule, and is asked for ahead.
    far: bool,
}

impl Shared<'_> {
    /// What moves through memory with so many weights: themselves where they are read, then their gradient, or the moments.
    fn moved(&self, weights: Range<usize>) -> [Span; 1 + Update::MOST_MOMENTS] {
        let Sink { weights: own, target, update } = self.sink;
        let nothing = Span::at(own);
        let span = |start: *const f32| Span::new(start.wrapping_add(weights.start), weights.len());
        let [first, second, third] = match (target, update) {
            (Some(_), Some((update, moments))) => {
                array::from_fn(|m| if m < update.moments() { span(moments[m].start()) } else { nothing })
            }
            (Some(gradient), None) => [span(gradient.start()), nothing, nothing],
            (None, _) => [nothing; Update::MOST_MOMENTS],
        };
        let read = self.inputs.is_some() || update.is_some();
        [if read { span(own) } else { nothing }, first, second, third]
    }

    /// A block's rows of weights in one panel.
    fn part(&self, rows: &Range<usize>, panel: usize) -> Part {
        let panels = self.call.panels;
        let weights = |panel: usize| {
            let start = panels.start(panel) + rows.start * panels.width(panel);
            start..start + rows.len() * panels.width(panel)
        };
        let next = if self.far && panel + 1 < panels.count() { weights(panel + 1) } else { 0..0 };
        Part { panel, rows: rows.clone(), weights: weights(panel), ahead: self.moved(next) }
    }

    /// All panels of a block of rows.
    ///
    /// # Safety
    /// [`linear_backward`] has checked the call, the arena and the sink's lengths; `rows` are rows of the weights.
    /// Meanwhile nothing else uses these rows of the weights, the sink and its moments, or these channels of the
    /// input's gradient, and nothing writes the input and the output's gradient.
    unsafe fn block(&self, rows: Range<usize>) {
        let panels = self.call.panels;
        BUFFERS.with_borrow_mut(|[inputs, sums]| {
            if let Some((right, ..)) = &self.inputs {
                inputs.resize(rows.len() * right.panels.padded_n(), 0.0);
            }
            sums.resize(rows.len() * panels.width(0), 0.0);
            for panel in 0..panels.count() {
                let part = self.part(&rows, panel);
                // SAFETY: the part is the rows' in a panel, so in the weights, and the caller's alone; the buffers
                // have room for its rows, of the pixels and of the panel.
                unsafe {
                    if let Some((right, ..)) = &self.inputs {
                        self.input_rows(right, &part, inputs.as_mut_ptr());
                    }
                    match (self.sink.target, self.sink.update) {
                        (None, _) => {}
                        (Some(target), None) => self.weight_rows(&part, target.at(part.weights.start)),
                        (Some(target), Some((update, moments))) => {
                            self.weight_rows(&part, sums.as_mut_ptr());
                            let sums = &sums[..part.weights.len()];
                            update.part(self.isa, target, moments, sums, part.weights);
                        }
                    }
                }
            }
            if let Some((right, view, accumulate)) = &self.inputs {
                for pixel in 0..view.pixels {
                    let at = view.offset + pixel * view.stride;
                    // SAFETY: `linear_backward` has checked the view; these channels of its pixels are the caller's
                    // alone.
                    let out = unsafe { self.arena.slice_mut(at + rows.start..at + rows.end) };
                    for (x, row) in out.iter_mut().zip(inputs.chunks_exact(right.panels.padded_n())) {
                        *x = if *accumulate { *x } else { 0.0 } + row[pixel];
                    }
                }
            }
        });
    }

    /// The gradients of a block's inputs in one panel, on the widest vectors that the pixels fill.
    ///
    /// # Safety
    /// The part is one of this call, whose weights nothing writes meanwhile; `inputs` is valid to read and write its
    /// rows, of `right.panels.padded_n()` floats, which nothing else uses meanwhile.
    unsafe fn input_rows(&self, right: &Right, part: &Part, inputs: *mut f32) {
        let (shared, isa) = (self, self.isa.for_columns(right.panels.n));
        // SAFETY: the caller gives a part and room for its rows; `Right` is packed for this variant.
        unsafe {
            dispatch!(isa, input_rows(shared: &Shared<'_>, right: &Right, part: &Part, inputs: *mut f32));
        }
    }

    /// The gradients of a block's weights in one panel, on the widest vectors that the columns fill.
    ///
    /// # Safety
    /// [`linear_backward`] has checked the call; the part is one of it, and `out` is valid to write its rows of the
    /// panel to, which nothing else uses meanwhile. Nothing writes the input and the output's gradient.
    unsafe fn weight_rows(&self, part: &Part, out: *mut f32) {
        let (shared, isa) = (self, self.isa.for_columns(self.call.panels.n));
        // SAFETY: the caller has checked the call, and gives a part of it and room for its rows.
        unsafe {
            dispatch!(isa, weight_rows(shared: &Shared<'_>, part: &Part, out: *mut f32));
        }
    }
}

/// A block's rows of weights in one panel.
struct Part {
    panel: usize,
    rows: Range<usize>,
    /// Where they lie in the packed weights.
    weights: Range<usize>,
    /// What the next panel moves: weights, then what lies beside them.
    ahead: [Span; 1 + Update::MOST_MOMENTS],
}

/// Asks for a tile's share of what is moved next.
#[inline(always)]
fn ask_for<S: Simd>(ahead: &[Span], tile: usize, tiles: usize) {
    for span in ahead.iter().filter(|span| !span.is_empty()) {
        let share = span.part(tile..tile + 1, tiles);
        let [first, last] = share.ends();
        ask::<S>(first, last, share.lines());
    }
}

/// The gradients of a block's inputs: its rows of weights in one panel times the output's gradient, added to what
/// earlier panels gave.
///
/// # Safety
/// The part is one of the call, which [`linear_backward`] has checked, and nothing writes its weights meanwhile;
/// `inputs` is valid to read and write its rows, of `right.panels.padded_n()` floats, which nothing else uses
/// meanwhile. `right` is packed for the instruction set, which the CPU has.
#[inline(always)]
unsafe fn input_rows<S: Simd>(shared: &Shared<'_>, right: &Right, part: &Part, inputs: *mut f32) {
    let Part { panel, ref weights, ref ahead, .. } = *part;
    let (panels, count) = (shared.call.panels, part.rows.len());
    let (columns, width, stride) = (panels.columns(panel), panels.width(panel), right.panels.padded_n());
    // SAFETY: the part lies in the packed weights.
    let weights = unsafe { shared.sink.weights.add(weights.start) };
    let tiles = count.div_ceil(S::ROWS);
    for pixels in 0..right.panels.count() {
        let wide = right.panels.width(pixels);
        let packed = &right.packed[right.panels.start(pixels) + columns.start * wide..];
        for tile in 0..tiles {
            let rows = tile * count / tiles..(tile + 1) * count / tiles;
            if pixels == 0 {
                ask_for::<S>(&ahead[..1], tile, tiles);
            }
            let mut input = [std::ptr::null::<f32>(); MAX_ROWS];
            let mut output = [std::ptr::null_mut::<f32>(); MAX_ROWS];
            for (m, row) in rows.clone().enumerate() {
                // SAFETY: the part has these rows of weights, and the caller gives as many of inputs.
                unsafe {
                    input[m] = weights.add(row * width);
                    output[m] = inputs.add(row * stride);
                }
            }
            let addend = output.map(<*mut f32>::cast_const);
            let tile = Tile {
                input: input.as_ptr(),
                pitch: rows.len(),
                taps: 1,
                order: ONE_TAP.as_ptr(),
                run: columns.len(),
                weights: packed.as_ptr(),
                beside: std::ptr::null(),
                ahead: Span::at(packed.as_ptr()),
                bias: std::ptr::null(),
                addend: if panel == 0 { std::ptr::null() } else { addend.as_ptr() },
                output: output.as_ptr(),
                column: right.panels.columns(pixels).start,
                columns: wide,
                rows: rows.len(),
                relu: Rectifier::None,
            };
            // SAFETY: each input is a row of the panel, `columns.len()` floats; from `columns.start` on `right` has
            // as many rows of pixels; rows of inputs are as wide as all panels of pixels, and apart.
            unsafe { multiply::<S, f32>(tile) };
        }
    }
}

/// The gradients of a block's weights in one panel.
///
/// # Safety
/// [`linear_backward`] has checked the call; the part is one of it, and `out` is valid to write its rows of the panel
/// to, which nothing else uses meanwhile. Nothing writes the input and the output's gradient. The CPU has the
/// instruction set.
#[inline(always)]
unsafe fn weight_rows<S: Simd>(shared: &Shared<'_>, part: &Part, out: *mut f32) {
    let LinearBackward { panels, input, output_gradient, .. } = *shared.call;
    let Part { panel, rows: ref k, .. } = *part;
    let (columns, width) = (panels.columns(panel), panels.width(panel));
    // The weights have been asked for where the input's gradient is wanted.
    let ahead = &part.ahead[usize::from(shared.inputs.is_some())..];
    let tiles = k.len().div_ceil(S::ROWS);
    for tile in 0..tiles {
        let rows = tile * k.len() / tiles..(tile + 1) * k.len() / tiles;
        ask_for::<S>(ahead, tile, tiles);
        // SAFETY: the checked views hold these channels of each of their pixels, at their strides; `out` holds these
        // rows, as wide as the panel.
        unsafe {
            let segment = Segment {
                input: shared.arena.at(input.offset + k.start + rows.start),
                gradient: shared.arena.at(output_gradient.offset + columns.start),
                pixels: input.pixels,
            };
            let tile = OuterTile {
                offsets: (0, 0),
                steps: (input.stride, output_gradient.stride),
                columns: columns.len(),
                width,
                rows: rows.len(),
                found: Found::Overwritten,
                ahead: Span::at(segment.input),
                out: out.add(rows.start * width),
            };
            tile_of::<S>(tile, &[segment]);
        }
    }
}
