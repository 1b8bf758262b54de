//! The sizes of Winograd's minimal filtering.

use crate::tuning::winograd::MOST_SUMMED_PRODUCTS;

/// Minimal filtering F(m×m, r×r): tiles of m × m outputs of a kernel of r × r elements, by (m + r − 1)² products of each input and
/// output channel. There are F(4×4, 3×3) and F(2×2, 5×5) on tiles of six rows of the input, which err least, and F(6×6, 3×3)
/// and F(4×4, 5×5) on tiles of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filtering {
    outputs: usize,
    kernel: usize,
}

impl Filtering {
    /// So many rows of outputs by a kernel of so many rows.
    ///
    /// # Panics
    /// If it is none of the four.
    pub const fn new(outputs: usize, kernel: usize) -> Self {
        assert!(
            matches!((outputs, kernel), (4 | 6, 3) | (2 | 4, 5)),
            "F(4×4, 3×3), F(6×6, 3×3), F(2×2, 5×5) or F(4×4, 5×5)"
        );
        Self { outputs, kernel }
    }

    /// Rows, and columns, of a tile's outputs.
    pub const fn outputs(self) -> usize {
        self.outputs
    }

    /// Rows, and columns, of the kernel.
    pub const fn kernel(self) -> usize {
        self.kernel
    }

    /// Rows, and columns, of a tile's inputs: six or eight.
    pub const fn inputs(self) -> usize {
        self.outputs + self.kernel - 1
    }

    /// Products of a tile, and packed matrices that the weights become: 36 or 64.
    pub const fn points(self) -> usize {
        self.inputs() * self.inputs()
    }

    /// The most products, over channels or tiles, that are summed before they are added to others. Roundings grow with them, and are
    /// larger on eight points.
    pub const fn most_summed(self) -> usize {
        if self.inputs() == 8 { MOST_SUMMED_PRODUCTS } else { usize::MAX }
    }
}
