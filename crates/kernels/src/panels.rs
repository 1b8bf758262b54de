//! The layout of right operands: K × N matrices cut in panels as wide as a tile of the microkernel.

use std::ops::Range;

use crate::arena::Pointer;
use crate::geometry::product;
use crate::isa::Isa;
use crate::layout::turn;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;

/// The cut of `n` columns in panels.
///
/// Each panel is two vectors wide, the last one vector where that is enough, and holds K rows of its columns
/// one after another: `[panel][k][width]`. Columns beyond `n` are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Rows.
    pub k: usize,
    /// Columns.
    pub n: usize,
    lanes: usize,
}

impl Panels {
    /// The cut for an instruction set.
    pub fn new(isa: Isa, k: usize, n: usize) -> Self {
        let lanes = isa.for_columns(n).lanes();
        Self { k, n, lanes }
    }

    /// Number of panels.
    pub fn count(&self) -> usize {
        self.n.div_ceil(2 * self.lanes)
    }

    /// Columns with the zeros at the end.
    ///
    /// # Panics
    /// If their number overflows.
    pub fn padded_n(&self) -> usize {
        product(&[self.n.div_ceil(self.lanes), self.lanes])
    }

    /// Floats of the whole matrix.
    ///
    /// # Panics
    /// If their number overflows.
    pub fn len(&self) -> usize {
        product(&[self.k, self.padded_n()])
    }

    /// Whether the matrix has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns of a panel.
    pub fn columns(&self, panel: usize) -> Range<usize> {
        let start = panel * 2 * self.lanes;
        start..(start + 2 * self.lanes).min(self.n)
    }

    /// Floats from one row of a panel to the next.
    pub fn width(&self, panel: usize) -> usize {
        self.columns(panel).len().next_multiple_of(self.lanes)
    }

    /// Whether a panel is one vector wide: the last one alone may be.
    pub(crate) fn is_narrow(&self, panel: usize) -> bool {
        self.width(panel) == self.lanes
    }

    /// Where a panel starts.
    pub fn start(&self, panel: usize) -> usize {
        self.k * panel * 2 * self.lanes
    }

    /// The floats of a panel.
    pub(crate) fn range(&self, panel: usize) -> Range<usize> {
        let start = self.start(panel);
        start..start + self.k * self.width(panel)
    }

    /// Where element (row, column) lies.
    pub fn index(&self, row: usize, column: usize) -> usize {
        let panel = column / (2 * self.lanes);
        self.start(panel) + row * self.width(panel) + column % (2 * self.lanes)
    }

    /// Fills `packed` from `value(row, column)`.
    ///
    /// # Panics
    /// If `packed` is not [`Panels::len`] long.
    pub fn pack(&self, packed: &mut [f32], value: impl Fn(usize, usize) -> f32) {
        assert_eq!(packed.len(), self.len(), "packed matrix of the wrong length");
        for panel in 0..self.count() {
            let (columns, width, start) = (self.columns(panel), self.width(panel), self.start(panel));
            for row in 0..self.k {
                let out = &mut packed[start + row * width..][..width];
                for (x, column) in out.iter_mut().zip(columns.clone()) {
                    *x = value(row, column);
                }
                out[columns.len()..].fill(0.0);
            }
        }
    }
}

/// Packs the transposed blocks of a packed matrix, for the gradient of a product's input.
///
/// The source has blocks of `run` rows (a convolution's taps × input channels) and N columns; the target has
/// a block of N rows for each of the source blocks that `blocks` names, and `run` columns:
/// `target[i·N + n][c] = source[blocks[i]·run + c][n]`.
///
/// # Panics
/// If the lengths do not match the layouts.
pub fn transpose(
    pool: &Pool,
    isa: Isa,
    (source, from): (&[f32], Panels),
    run: usize,
    blocks: &[usize],
    (target, to): (&mut [f32], Panels),
) {
    assert_eq!(source.len(), from.len(), "length of the source");
    assert_eq!(target.len(), to.len(), "length of the target");
    assert_eq!((to.k, to.n), (product(&[blocks.len(), from.n]), run), "size of the transposed matrix");
    assert!(run == 0 || blocks.iter().all(|&b| b < from.k / run), "blocks inside the source");
    let pointer = Pointer::of(target);
    let panels = to.count();
    pool.run(panels * blocks.len(), &|task| {
        let (panel, i) = (task % panels, task / panels);
        let (columns, width) = (to.columns(panel), to.width(panel));
        let start = to.start(panel) + i * from.n * width;
        // SAFETY: the rows lie in the panel, so in the target, whose length was checked; each task has its own.
        let part = unsafe { pointer.slice_mut(start..start + from.n * width) };
        for source_panel in 0..from.count() {
            let (source_columns, source_width) = (from.columns(source_panel), from.width(source_panel));
            let first = from.start(source_panel) + (blocks[i] * run + columns.start) * source_width;
            let rows = &source[first..first + columns.len() * source_width];
            let out = &mut part[source_columns.start * width..][..source_columns.len() * width];
            let size = (columns.len(), source_columns.len());
            // SAFETY: `rows` are c × source_width floats, `out` n × width, as they were just cut.
            unsafe {
                dispatch!(isa, transpose_part(
                    rows: &[f32], source_width: usize, out: &mut [f32], width: usize, size: (usize, usize)
                ));
            };
        }
    });
}

/// `out[n][c] = rows[c][n]` for `c` rows and `n` columns; the rest of `out`'s rows is zero.
///
/// # Safety
/// `rows` holds `c` rows of `source_width` floats, at least `n`; `out` holds `n` of `width`, at least `c`. The CPU
/// has the instruction set.
#[inline(always)]
unsafe fn transpose_part<S: Simd>(
    rows: &[f32],
    source_width: usize,
    out: &mut [f32],
    width: usize,
    (c, n): (usize, usize),
) {
    // SAFETY: the caller has `c` rows of at least `n` floats, and `n` rows of at least `c` in `out`, and the instruction set.
    unsafe { turn::<S>(rows.as_ptr(), source_width, out.as_mut_ptr(), width, c, n) };
    for out in out.chunks_exact_mut(width) {
        out[c..].fill(0.0);
    }
}
