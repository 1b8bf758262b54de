//! The sizes of Winograd's minimal filtering.

use crate::tuning::winograd::{CHUNK_PIXELS, MOST_SUMMED_PRODUCTS};

/// Minimal filtering F(m×m, r×r): tiles of m × m outputs of a kernel of r × r elements, by (m + r − 1)² products of each input and
/// output channel. There are F(2×2, 3×3) on tiles of four rows of the input, which errs least, F(4×4, 3×3) and F(2×2, 5×5) on tiles
/// of six, and F(6×6, 3×3) and F(4×4, 5×5) on tiles of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filtering {
    outputs: usize,
    kernel: usize,
}

impl Filtering {
    /// So many rows of outputs by a kernel of so many rows.
    ///
    /// # Panics
    /// If it is none of the five.
    pub const fn new(outputs: usize, kernel: usize) -> Self {
        assert!(
            matches!((outputs, kernel), (2 | 4 | 6, 3) | (2 | 4, 5)),
            "F(2×2, 3×3), F(4×4, 3×3), F(6×6, 3×3), F(2×2, 5×5) or F(4×4, 5×5)"
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

    /// Rows, and columns, of a tile's inputs: four, six or eight.
    pub const fn inputs(self) -> usize {
        self.outputs + self.kernel - 1
    }

    /// Products of a tile, and packed matrices that the weights become: 16, 36 or 64.
    pub const fn points(self) -> usize {
        self.inputs() * self.inputs()
    }

    /// The most products, over channels or tiles, that are summed before they are added to others. Roundings grow with them, and are
    /// larger on eight points.
    pub const fn most_summed(self) -> usize {
        if self.inputs() == 8 { MOST_SUMMED_PRODUCTS } else { usize::MAX }
    }

    /// Tiles whose moments are computed together, where they are wanted.
    pub(super) const fn chunk_tiles(self) -> usize {
        CHUNK_PIXELS / (self.outputs * self.outputs)
    }

    /// # Panics
    /// If no convolution is computed on such tiles, but weight gradients alone.
    pub(super) fn assert_of_outputs(self) {
        let computed = matches!((self.outputs, self.kernel), (2 | 4, 3) | (4, 5));
        assert!(computed, "F(2×2, 3×3), F(4×4, 3×3) or F(4×4, 5×5)");
    }

    /// # Panics
    /// If no weight gradient is computed on such tiles.
    pub(super) fn assert_of_gradients(self) {
        assert!(self.inputs() > 4, "tiles of six or eight rows");
    }
}
