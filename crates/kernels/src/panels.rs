//! The layout of right operands: K × N matrices cut in panels as wide as a tile of the microkernel.

use std::ops::Range;

use crate::isa::{Isa, Kind};
use crate::simd::{Portable, Simd};

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
        let lanes = match isa.0 {
            Kind::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => crate::simd::Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => crate::simd::Avx512::LANES,
        };
        Self { k, n, lanes }
    }

    /// Number of panels.
    pub fn count(&self) -> usize {
        self.n.div_ceil(2 * self.lanes)
    }

    /// Columns with the zeros at the end.
    pub fn padded_n(&self) -> usize {
        self.n.next_multiple_of(self.lanes)
    }

    /// Floats of the whole matrix.
    pub fn len(&self) -> usize {
        self.k * self.padded_n()
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

    /// Where a panel starts.
    pub fn start(&self, panel: usize) -> usize {
        self.k * panel * 2 * self.lanes
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
