//! How a convolution, or a part of its gradient, walks over pixels.

use std::ops::Range;

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
    ///
    /// # Panics
    /// If their number overflows.
    pub fn positions(&self, n: usize) -> usize {
        product(&[n, self.grid.0, self.grid.1])
    }

    /// Columns of the left operand.
    ///
    /// # Panics
    /// If their number overflows.
    pub fn k(&self) -> usize {
        product(&[self.taps.len(), self.run])
    }

    /// Checks the geometry against the views of a batch: `input` is read and `output` holds the grid's
    /// output pixels. After it, no pixel that the methods below name lies outside its view, and nothing they
    /// compute overflows.
    ///
    /// # Panics
    /// If a view has other pixels than the maps, the grid leaves the output map, a run of one pixel is longer
    /// than the pixel, or a run of several leaves its row.
    pub(crate) fn check(&self, batch: usize, input: View, output: View) {
        assert_eq!(input.pixels, product(&[batch, self.input.0, self.input.1]), "input pixels");
        assert_eq!(output.pixels, product(&[batch, self.output.0, self.output.1]), "output pixels");
        assert!(self.span >= 1 && self.spread.0 >= 1 && self.spread.1 >= 1, "{self:?} has a zero step");
        for (grid, origin, spread, size) in [
            (self.grid.0, self.origin.0, self.spread.0, self.output.0),
            (self.grid.1, self.origin.1, self.spread.1, self.output.1),
        ] {
            let inside = grid == 0 || reach(grid, spread, origin).is_some_and(|last| last < size);
            assert!(inside, "{self:?} writes outside");
        }
        for (grid, step) in [(self.grid.0, self.step.0), (self.grid.1, self.step.1)] {
            assert!(reach(grid, step, 0).is_some(), "{self:?} overflows");
        }
        if self.span == 1 {
            assert!(self.run <= input.channels, "runs of {} over {input:?}", self.run);
            return;
        }
        let longest = self.span.checked_mul(input.channels);
        assert!(
            input.is_dense() && longest.is_some_and(|n| self.run <= n),
            "runs of {} over {input:?}",
            self.run
        );
        for tap in &self.taps {
            let past = usize::try_from(tap.dx)
                .ok()
                .and_then(|dx| reach(self.grid.1, self.step.1, dx)?.checked_add(self.span));
            assert!(past.is_some_and(|past| past <= self.input.1), "{self:?} has a run that leaves its row");
        }
    }

    /// Checks that a walk whose output is `measured` writes all of it.
    ///
    /// # Panics
    /// If it leaves pixels out.
    pub(crate) fn check_measured(&self, measured: bool, batch: usize, output: View) {
        let written = self.positions(batch);
        assert!(
            !measured || written == output.pixels,
            "statistics of a map that is written only in part: {written} of {} pixels",
            output.pixels
        );
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

    /// The float of the input at a grid position, before a tap's displacement; it may lie outside and wrap.
    #[inline(always)]
    pub(crate) fn base(&self, (image, y, x): (usize, usize, usize), input: View) -> usize {
        let row = (image * self.input.0).wrapping_add(y * self.step.0);
        let pixel = row.wrapping_mul(self.input.1).wrapping_add(x * self.step.1);
        pixel.wrapping_mul(input.stride).wrapping_add(input.offset)
    }

    /// The input pixel that a tap reads at a grid position; `None` in the padding.
    #[inline(always)]
    pub(crate) fn input_pixel(&self, (image, y, x): (usize, usize, usize), tap: Tap) -> Option<usize> {
        // Above the map wraps to a huge row, which is outside too.
        let row = (y * self.step.0).wrapping_add_signed(tap.dy);
        let column = (x * self.step.1).wrapping_add_signed(tap.dx);
        (row < self.input.0 && column < self.input.1)
            .then(|| (image * self.input.0 + row) * self.input.1 + column)
    }

    /// The grid columns for which a tap stays inside the input's columns.
    pub(crate) fn columns_inside(&self, tap: Tap) -> Range<usize> {
        self.positions_inside(tap.dx, self.grid.1)
    }

    /// Those of some positions, as far from one another as columns of the grid, from which so far to the right lies inside the
    /// input's columns.
    pub(crate) fn positions_inside(&self, dx: isize, positions: usize) -> Range<usize> {
        // Left of the row wraps to a huge column, which is outside too.
        let inside = |x: usize| (x * self.step.1).wrapping_add_signed(dx) < self.input.1;
        let first = (0..positions).find(|&x| inside(x)).unwrap_or(0);
        let past = (first..positions).find(|&x| !inside(x)).unwrap_or(positions);
        first..past
    }
}

/// The grid positions at which every tap stays inside the input.
pub(crate) struct Interior {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
}

impl Interior {
    pub(crate) fn new(geometry: &Geometry) -> Self {
        let span = |grid: usize, step: usize, size: usize, d: &dyn Fn(&Tap) -> isize| {
            let inside =
                |at: usize| geometry.taps.iter().all(|tap| (at * step).wrapping_add_signed(d(tap)) < size);
            let first = (0..grid).find(|&at| inside(at)).unwrap_or(grid);
            first..(first..grid).find(|&at| !inside(at)).unwrap_or(grid)
        };
        Self {
            rows: span(geometry.grid.0, geometry.step.0, geometry.input.0, &|tap| tap.dy),
            columns: span(geometry.grid.1, geometry.step.1, geometry.input.1, &|tap| tap.dx),
        }
    }

    /// Whether the whole grid is inside, so that no row of zeros is needed.
    pub(crate) fn is_all(&self, geometry: &Geometry) -> bool {
        self.rows == (0..geometry.grid.0) && self.columns == (0..geometry.grid.1)
    }
}

/// # Panics
/// If the product overflows.
pub(crate) fn product(factors: &[usize]) -> usize {
    factors
        .iter()
        .try_fold(1usize, |product, &factor| product.checked_mul(factor))
        .unwrap_or_else(|| panic!("the product of {factors:?} overflows"))
}

/// The last of `count` places (0 counts as 1), `step` apart, the first at `origin`; `None` beyond `isize`.
fn reach(count: usize, step: usize, origin: usize) -> Option<usize> {
    let last = count.saturating_sub(1).checked_mul(step)?.checked_add(origin)?;
    isize::try_from(last).is_ok().then_some(last)
}
