//! How a convolution, or a part of its gradient, walks over pixels.

use crate::arena::View;

/// The displacement of one kernel element, in input pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Rows down.
    pub dy: isize,
    /// Columns right.
    pub dx: isize,
}

/// For each position of a grid: which input pixels it reads, one per tap, and which output pixel it is.
///
/// Grid position (y, x) reads the input pixels (y·step + dy, x·step + dx), zeros where they lie outside, and
/// is output pixel (y·spread + origin, …). A forward convolution has the output map as its grid; the
/// gradient of a strided convolution is one grid per phase of the stride.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Height and width of the input map.
    pub input: (usize, usize),
    /// Height and width of the grid.
    pub grid: (usize, usize),
    /// Input pixels from one grid position to the next, down and across.
    pub step: (usize, usize),
    /// Input displacements; K = taps × `run`.
    pub taps: Vec<Tap>,
    /// Floats read at each tap.
    pub run: usize,
    /// Pixels that a run spans: 1, or the kernel's width where whole kernel rows are read at once.
    pub span: usize,
    /// Height and width of the output map.
    pub output: (usize, usize),
    /// Output pixel of grid position (0, 0).
    pub origin: (usize, usize),
    /// Output pixels from one grid position to the next.
    pub spread: (usize, usize),
}

impl Geometry {
    /// A plain matrix product: each of N rows reads its own `k` floats.
    pub fn rows(k: usize) -> Self {
        Self::pointwise((1, 1), k)
    }

    /// A 1×1 convolution of stride 1 over a map, `k` channels in.
    pub fn pointwise(map: (usize, usize), k: usize) -> Self {
        Self {
            input: map,
            grid: map,
            step: (1, 1),
            taps: vec![Tap { dy: 0, dx: 0 }],
            run: k,
            span: 1,
            output: map,
            origin: (0, 0),
            spread: (1, 1),
        }
    }

    /// Rows of the left operand for a batch of `n`.
    pub fn positions(&self, n: usize) -> usize {
        n * self.grid.0 * self.grid.1
    }

    /// Columns of the left operand.
    pub fn k(&self) -> usize {
        self.taps.len() * self.run
    }

    /// # Panics
    /// If the grid writes outside the output map, or a run of several pixels leaves the input map.
    pub(crate) fn check(&self) {
        let fits = |grid: usize, origin: usize, spread: usize, size: usize| {
            grid == 0 || origin + (grid - 1) * spread < size
        };
        assert!(fits(self.grid.0, self.origin.0, self.spread.0, self.output.0), "{self:?} writes outside");
        assert!(fits(self.grid.1, self.origin.1, self.spread.1, self.output.1), "{self:?} writes outside");
        assert!(self.span >= 1 && self.spread.0 >= 1 && self.spread.1 >= 1, "{self:?} has a zero step");
        if self.span > 1 {
            for tap in &self.taps {
                let last = (self.grid.1 as isize - 1) * self.step.1 as isize + tap.dx + self.span as isize;
                assert!(
                    tap.dx >= 0 && last <= self.input.1 as isize,
                    "{self:?} has a run that leaves its row"
                );
            }
        }
    }

    /// The grid coordinates of position `index`: image, row, column.
    #[inline(always)]
    pub(crate) fn locate(&self, index: usize) -> (usize, usize, usize) {
        let (rest, x) = (index / self.grid.1, index % self.grid.1);
        (rest / self.grid.0, rest % self.grid.0, x)
    }

    /// The output pixel of a grid position.
    #[inline(always)]
    pub(crate) fn output_pixel(&self, (image, y, x): (usize, usize, usize)) -> usize {
        (image * self.output.0 + self.origin.0 + y * self.spread.0) * self.output.1
            + self.origin.1
            + x * self.spread.1
    }

    /// The float of the input at a grid position, before a tap's displacement.
    #[inline(always)]
    pub(crate) fn base(&self, (image, y, x): (usize, usize, usize), input: View) -> usize {
        let pixel = (image * self.input.0 + y * self.step.0) * self.input.1 + x * self.step.1;
        input.offset + pixel * input.stride
    }

    /// The input pixel that a tap reads at a grid position; `None` in the padding.
    #[inline(always)]
    pub(crate) fn input_pixel(&self, (image, y, x): (usize, usize, usize), tap: Tap) -> Option<usize> {
        let row = (y * self.step.0).wrapping_add_signed(tap.dy);
        let column = (x * self.step.1).wrapping_add_signed(tap.dx);
        (row < self.input.0 && column < self.input.1)
            .then(|| (image * self.input.0 + row) * self.input.1 + column)
    }

    /// The grid columns for which a tap stays inside the input's columns.
    pub(crate) fn columns_inside(&self, tap: Tap) -> std::ops::Range<usize> {
        let inside = |x: usize| (x * self.step.1).wrapping_add_signed(tap.dx) < self.input.1;
        let first = (0..self.grid.1).find(|&x| inside(x)).unwrap_or(0);
        let past = (first..self.grid.1).find(|&x| !inside(x)).unwrap_or(self.grid.1);
        first..past
    }
}
