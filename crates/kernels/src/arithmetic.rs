//! Functions of two maps element by element, of which each may have one row, one column or one channel for all.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// A function of two elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
    /// The larger one; NaN where one is.
    Maximum,
    /// The smaller one; NaN where one is.
    Minimum,
    /// a to the power of b.
    Pow,
    /// 1 where a < b, 0 elsewhere.
    Less,
    /// 1 where a ≤ b, 0 elsewhere.
    LessOrEqual,
    /// 1 where a = b, 0 elsewhere.
    Equal,
    /// a where b is not 0, 0 elsewhere, whatever a is.
    Mask,
}

/// Maps in an arena: a view of images of `height` × `width` pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maps {
    /// Their elements.
    pub view: View,
    /// Rows of each.
    pub height: usize,
    /// Columns of each.
    pub width: usize,
}

impl Maps {
    /// How many there are.
    ///
    /// # Panics
    /// If the view has no whole number of them.
    fn count(self) -> usize {
        self.view.maps(product(&[self.height, self.width]))
    }

    /// The number of the pixel that goes with one of another map, of which this one may have one row or column alone.
    #[inline(always)]
    fn pixel(self, image: usize, y: usize, x: usize) -> usize {
        let y = if self.height == 1 { 0 } else { y };
        let x = if self.width == 1 { 0 } else { x };
        (image * self.height + y) * self.width + x
    }

    /// The number of maps, which `part` has as many of: each of its sizes is this one's or 1.
    ///
    /// # Panics
    /// If it is not so, a view reaches beyond the arena, or they overlap.
    pub(crate) fn check_within(self, arena: &Arena, part: Self) -> usize {
        arena.check(self.view);
        arena.check(part.view);
        self.view.assert_disjoint(part.view);
        let count = self.count();
        assert!(part.count() == count && part.fits(self), "{part:?} does not go with {self:?}");
        count
    }

    /// The pixels that go with one of `part`, of which each size is this one's or 1, row by row.
    pub(crate) fn readers(self, part: Self, pixel: usize) -> impl Iterator<Item = usize> {
        let (row, column) = (pixel / part.width, pixel % part.width);
        let (image, row) = (row / part.height, row % part.height);
        let along = |size: usize, own: usize, at: usize| if size == own { at..at + 1 } else { 0..own };
        let columns = along(part.width, self.width, column);
        along(part.height, self.height, row)
            .flat_map(move |y| columns.clone().map(move |x| (image * self.height + y) * self.width + x))
    }

    /// Whether each size is that of `whole`, or 1.
    fn fits(self, whole: Self) -> bool {
        let fits = |own: usize, size: usize| own == size || own == 1;
        fits(self.height, whole.height)
            && fits(self.width, whole.width)
            && fits(self.view.channels, whole.view.channels)
    }
}

/// Checks inputs and the output of a function of two; gives the number of images.
fn check(arena: &Arena, inputs: [Maps; 2], whole: Maps) -> usize {
    arena.check(whole.view);
    let count = whole.count();
    for input in inputs {
        arena.check(input.view);
        assert!(input.count() == count && input.fits(whole), "{input:?} does not go with {whole:?}");
    }
    count
}

/// out = f(a, b).
///
/// # Panics
/// If views reach beyond the arena, overlap the output, or have sizes that are neither the output's nor 1.
pub fn arithmetic(pool: &Pool, isa: Isa, arena: &mut Arena, kind: Arithmetic, inputs: [Maps; 2], out: Maps) {
    let images = check(arena, inputs, out);
    inputs.iter().for_each(|input| out.view.assert_disjoint(input.view));
    let pointer = arena.pointer();
    let least = LEAST_TASK_FLOATS / (out.width * out.view.channels).max(1);
    pool.ranges(images * out.height, least, &|rows| {
        vectorized!(isa, |kind: Arithmetic, p: Pointer, rows: Range<usize>, inputs: [Maps; 2], out: Maps| {
            // SAFETY: `check` has the views inside the arena and each input's sizes equal to the output's or 1, the assertions
            // the output apart from both; tasks have different rows.
            unsafe {
                match kind {
                    Arithmetic::Add => combine(p, rows, inputs, out, |a, b| a + b),
                    Arithmetic::Sub => combine(p, rows, inputs, out, |a, b| a - b),
                    Arithmetic::Mul => combine(p, rows, inputs, out, |a, b| a * b),
                    Arithmetic::Div => combine(p, rows, inputs, out, |a, b| a / b),
                    Arithmetic::Maximum => combine(p, rows, inputs, out, larger),
                    Arithmetic::Minimum => combine(p, rows, inputs, out, |a, b| -larger(-a, -b)),
                    Arithmetic::Pow => combine(p, rows, inputs, out, f32::powf),
                    Arithmetic::Less => combine(p, rows, inputs, out, |a, b| if a < b { 1.0 } else { 0.0 }),
                    Arithmetic::LessOrEqual => {
                        combine(p, rows, inputs, out, |a, b| if a <= b { 1.0 } else { 0.0 });
                    }
                    Arithmetic::Equal => combine(p, rows, inputs, out, |a, b| if a == b { 1.0 } else { 0.0 }),
                    Arithmetic::Mask => combine(p, rows, inputs, out, |a, b| if b == 0.0 { 0.0 } else { a }),
                }
            }
        }(
            kind, pointer, rows, inputs, out
        ));
    });
}

/// The larger of two; NaN where one is.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    let larger = if a > b { a } else { b };
    if a.is_nan() { a } else { larger }
}

/// Writes `f` of the inputs to some rows of all images' rows.
///
/// # Safety
/// The views lie in the block of `p`, each size of an input is the output's or 1, and the rows are rows of the output's
/// images. The output shares nothing with the inputs; meanwhile nothing writes the inputs, and nothing else uses these
/// rows.
#[inline(always)]
unsafe fn combine(
    p: Pointer,
    rows: Range<usize>,
    inputs: [Maps; 2],
    out: Maps,
    f: impl Fn(f32, f32) -> f32 + Copy,
) {
    let [a, b] = inputs;
    // Where nothing is repeated along a row and no view has gaps, a row is one long pixel.
    let long = [a, b].iter().all(|input| {
        input.width == out.width && input.view.channels == out.view.channels && input.view.is_dense()
    }) && out.view.is_dense();
    let (columns, length) = if long { (1, out.width) } else { (out.width, 1) };
    for row in rows {
        let (image, y) = (row / out.height, row % out.height);
        for x in 0..columns {
            let part = |maps: Maps| {
                let range = maps.view.pixel(maps.pixel(image, y, x));
                range.start..range.start + maps.view.channels * length
            };
            // SAFETY: the caller has the row in the output's images and the inputs' sizes equal to the output's or 1, so that
            // the pixels lie in the views, and so in the block; where `length` is more than 1 the views have no gaps and
            // a row follows. The output is apart from both inputs.
            let (a, b, y) = unsafe { (p.slice(part(a)), p.slice(part(b)), p.slice_mut(part(out))) };
            match (a.len() == y.len(), b.len() == y.len()) {
                (true, true) => y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (a, b))| *y = f(*a, *b)),
                (true, false) => y.iter_mut().zip(a).for_each(|(y, a)| *y = f(*a, b[0])),
                (false, true) => y.iter_mut().zip(b).for_each(|(y, b)| *y = f(a[0], *b)),
                (false, false) => y.fill(f(a[0], b[0])),
            }
        }
    }
}

/// The backward pass of a function of two values for one of them.
#[derive(Clone, Copy, Debug)]
pub struct SideBackward {
    /// Its inputs.
    pub inputs: [Maps; 2],
    /// The gradient of its output.
    pub output_gradient: Maps,
    /// Which of the inputs.
    pub side: usize,
    /// Where that one's gradient goes.
    pub gradient: View,
    /// Whether it is added to what is there.
    pub accumulate: bool,
}

/// The gradient of one input of [`arithmetic`], summed over what it was repeated along; of equal elements the maximum's
/// and the minimum's goes half to each, as in PyTorch. A pixel is summed by one task, row by row.
///
/// # Panics
/// As [`arithmetic`], or if there is no such side.
pub fn arithmetic_backward(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    function: Arithmetic,
    call: &SideBackward,
) {
    let SideBackward { inputs, output_gradient, side, gradient, .. } = *call;
    check(arena, inputs, output_gradient);
    arena.check_alike(inputs[side].view, &[gradient]);
    let read = [inputs[0].view, inputs[1].view, output_gradient.view];
    read.iter().for_each(|&view| gradient.assert_disjoint(view));
    let pointer = arena.pointer();
    let repeats = output_gradient.view.pixels / gradient.pixels.max(1);
    let least = LEAST_TASK_FLOATS / product(&[repeats, output_gradient.view.channels]).max(1);
    pool.ranges(gradient.pixels, least, &|pixels| {
        vectorized!(isa, |p: Pointer, pixels: Range<usize>, function: Arithmetic, call: &SideBackward| {
            let half = |first: bool, a: f32, b: f32| {
                let tie = if a == b { 0.5 } else { 0.0 };
                if first { 1.0 } else { tie }
            };
            // SAFETY: `check` has the views inside the arena and each input's sizes equal to the output's or 1,
            // `check_alike` the gradient of its input's sizes, the assertions it apart from all that is read; tasks have
            // different pixels.
            unsafe {
                match (function, call.side) {
                    (Arithmetic::Add, _) | (Arithmetic::Sub, 0) => gather(p, pixels, call, |_, _| 1.0),
                    (Arithmetic::Sub, _) => gather(p, pixels, call, |_, _| -1.0),
                    (Arithmetic::Mul, 0) => gather(p, pixels, call, |_, b| b),
                    (Arithmetic::Mul, _) => gather(p, pixels, call, |a, _| a),
                    (Arithmetic::Div, 0) => gather(p, pixels, call, |_, b| 1.0 / b),
                    (Arithmetic::Div, _) => gather(p, pixels, call, |a, b| -a / (b * b)),
                    (Arithmetic::Maximum, 0) | (Arithmetic::Minimum, 1) => {
                        gather(p, pixels, call, |a, b| half(a > b, a, b));
                    }
                    (Arithmetic::Maximum | Arithmetic::Minimum, _) => {
                        gather(p, pixels, call, |a, b| half(a < b, a, b));
                    }
                    (Arithmetic::Pow, 0) => gather(p, pixels, call, |a, b| b * a.powf(b - 1.0)),
                    (Arithmetic::Pow, _) => gather(p, pixels, call, |a, b| a.powf(b) * a.ln()),
                    (Arithmetic::Mask, 0) => gather(p, pixels, call, |_, b| if b == 0.0 { 0.0 } else { 1.0 }),
                    // They jump, and are level between.
                    (Arithmetic::Less | Arithmetic::LessOrEqual | Arithmetic::Equal, _)
                    | (Arithmetic::Mask, _) => gather(p, pixels, call, |_, _| 0.0),
                }
            }
        }(
            pointer, pixels, function, call
        ));
    });
}

/// Writes the gradient of some pixels of an input: `slope` of both inputs times the output's gradient, summed over the
/// pixels and the channels that read them.
///
/// # Safety
/// The views lie in the block of `p`, each size of an input is the output's or 1, the gradient has the sizes of its
/// input, and the pixels are its. It shares nothing with what is read; meanwhile nothing writes that, and nothing else
/// uses these pixels.
#[inline(always)]
unsafe fn gather(
    p: Pointer,
    pixels: Range<usize>,
    call: &SideBackward,
    slope: impl Fn(f32, f32) -> f32 + Copy,
) {
    let SideBackward { inputs: [a, b], output_gradient: dy, side, gradient, accumulate } = *call;
    let own = call.inputs[side];
    for pixel in pixels {
        // SAFETY: the caller has the pixel in the gradient, and that in the block.
        let sums = unsafe { p.slice_mut(gradient.pixel(pixel)) };
        if !accumulate {
            sums.fill(0.0);
        }
        for read in dy.readers(own, pixel) {
            let (row, x) = (read / dy.width, read % dy.width);
            let (image, y) = (row / dy.height, row % dy.height);
            // SAFETY: row and column lie in the output's images, and each input has sizes equal to the output's or 1, so that
            // the pixels lie in the views, and so in the block; the gradient is apart from them.
            let [a, b, dy] =
                unsafe { [a, b, dy].map(|maps| p.slice(maps.view.pixel(maps.pixel(image, y, x)))) };
            let whole = dy.len();
            match (a.len() == whole, b.len() == whole, sums.len() == whole) {
                (true, true, true) => {
                    let read = a.iter().zip(b).zip(dy);
                    sums.iter_mut().zip(read).for_each(|(sum, ((a, b), dy))| *sum += dy * slope(*a, *b));
                }
                (wide_a, wide_b, wide) => {
                    for (c, dy) in dy.iter().enumerate() {
                        let at = |wide: bool| if wide { c } else { 0 };
                        sums[at(wide)] += dy * slope(a[at(wide_a)], b[at(wide_b)]);
                    }
                }
            }
        }
    }
}
