//! How the tiles of an output are cut in blocks, and where each has its scratch.

use super::planes::Planes;
use super::{Filtering, Grid, Winograd};
use crate::geometry::product;
use crate::panels::Panels;
use crate::tile::MAX_ROWS;
use crate::tuning::winograd::{
    BLOCK_BYTES, LEAST_BLOCK_PRODUCT_TILES, PRODUCT_BYTES, SHARED_TILES, SHARED_WEIGHT_FLOATS,
};

/// The fewest tiles of a block of a thread's own: those of so many tiles of the product, and some more.
pub(super) const fn least_block_tiles(filtering: Filtering) -> usize {
    LEAST_BLOCK_PRODUCT_TILES * MAX_ROWS + filtering.chunk_tiles()
}

/// Tiles of a block, and blocks that run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) tiles: usize,
    pub(super) size: usize,
    pub(super) lanes: usize,
    /// Panels of columns whose products are transformed before the next ones are computed.
    pub(super) together: usize,
    pub(super) filtering: Filtering,
}

impl Blocks {
    /// Blocks of whole `chunk`s of tiles. Each thread takes blocks of its own where there are enough tiles and
    /// the caches hold the weights; else threads share a block, and each does its part of all panels.
    pub(super) fn new(
        threads: usize,
        (tiles, chunk): (usize, usize),
        filtering: Filtering,
        panels: Panels,
    ) -> Self {
        let threads = threads.max(1);
        let apart = has_own_blocks(threads, tiles, filtering, panels);
        let (lanes, most) = if apart {
            (threads, own_tiles(filtering, panels))
        } else {
            (1, shared_tiles(threads, filtering, panels))
        };
        // As many for each thread, rather larger than smaller ones: up to twice what they aim at.
        let rounds = (tiles / (lanes * most)).max(1);
        let size = tiles.div_ceil(lanes * rounds).next_multiple_of(chunk).max(chunk);
        let together = if apart { panels_together(size, filtering, panels) } else { panels.count() };
        Self { tiles, size, lanes, together, filtering }
    }

    /// Whether threads have blocks of their own.
    pub(super) fn are_apart(&self, panels: Panels) -> bool {
        self.lanes > 1 || self.together < panels.count()
    }

    /// Floats of a block's transformed input, and of its products.
    pub(super) fn floats(&self, panels: Panels) -> (usize, usize) {
        let floats = |channels| Planes::floats(self.filtering.points(), self.size, channels);
        (floats(panels.k), floats(self.columns(panels)))
    }

    /// The most columns of products at a time.
    fn columns(&self, panels: Panels) -> usize {
        product(&[self.together, panels.width(0)]).min(panels.padded_n())
    }
}

/// Whether the weights outgrow the caches.
fn shares_weights(filtering: Filtering, panels: Panels) -> bool {
    product(&[filtering.points(), panels.len()]) > SHARED_WEIGHT_FLOATS
}

/// Whether each thread has blocks of its own.
fn has_own_blocks(threads: usize, tiles: usize, filtering: Filtering, panels: Panels) -> bool {
    tiles >= product(&[threads, least_block_tiles(filtering)]) && !shares_weights(filtering, panels)
}

/// The tiles that a thread's own block aims at: whole chunks.
fn own_tiles(filtering: Filtering, panels: Panels) -> usize {
    let row = Planes::row(panels.k) + Planes::row(panels.width(0));
    (BLOCK_BYTES / size_of::<f32>() / product(&[filtering.points(), row]))
        .max(least_block_tiles(filtering))
        .next_multiple_of(filtering.chunk_tiles())
}

/// The tiles that a block aims at which threads share.
fn shared_tiles(threads: usize, filtering: Filtering, panels: Panels) -> usize {
    if shares_weights(filtering, panels) {
        SHARED_TILES
    } else {
        product(&[threads, least_block_tiles(filtering)])
    }
}

/// How many panels' products of so many tiles stay in the cache, one at least.
fn panels_together(size: usize, filtering: Filtering, panels: Panels) -> usize {
    let bytes = |count: usize| {
        product(&[
            size_of::<f32>(),
            filtering.points(),
            size,
            Planes::row(product(&[count, panels.width(0)])),
        ])
    };
    (1..=panels.count()).rev().find(|&count| bytes(count) <= PRODUCT_BYTES).unwrap_or(1)
}

/// Floats that a tile's transformed input and all of its products take.
pub(super) fn tile_floats(filtering: Filtering, panels: Panels) -> usize {
    product(&[filtering.points(), Planes::row(panels.k) + Planes::row(panels.padded_n())])
}

/// Floats of scratch that a call on up to `batch` images by up to so many threads needs.
///
/// # Panics
/// If the number overflows.
pub fn winograd_scratch(
    threads: usize,
    batch: usize,
    filtering: Filtering,
    output_size: (usize, usize),
    panels: Panels,
) -> usize {
    let (points, tiles) = (filtering.points(), Grid::new(filtering.outputs(), output_size).tiles(batch));
    let threads = threads.max(1);
    let slack = product(&[threads, 2 * Planes::slack(points)]);
    // Blocks may have twice the tiles that they aim at, and each those of its last chunk. So it is enough for fewer threads too.
    let most = |aim: usize| {
        product(&[2, aim]).min(tiles).saturating_add(product(&[threads, filtering.chunk_tiles()]))
    };
    let shared = most(shared_tiles(threads, filtering, panels));
    let shared = product(&[shared, tile_floats(filtering, panels)]).saturating_add(slack);
    if !has_own_blocks(threads, tiles, filtering, panels) {
        return shared;
    }
    let own = most(product(&[threads, own_tiles(filtering, panels)]));
    let products = product(&[points, own, Planes::row(panels.width(0))])
        .max(product(&[threads, PRODUCT_BYTES / size_of::<f32>()]));
    let inputs = product(&[points, own, Planes::row(panels.k)]);
    shared.max(inputs.saturating_add(products).saturating_add(slack))
}

/// A block of tiles and its scratch.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// The first tile.
    pub(super) first: usize,
    pub(super) tiles: usize,
    /// Tiles of the block that comes next.
    pub(super) behind: usize,
    /// Panels whose products are transformed before the next ones are computed.
    pub(super) together: usize,
    /// Transformed input, and products of padded channels of so many panels.
    pub(super) input: Planes,
    pub(super) products: Planes,
}

impl Part {
    pub(super) fn new(blocks: &Blocks, block: usize, lane: usize, call: &Winograd<'_>) -> Self {
        let first = block * blocks.size;
        let (input_floats, product_floats) = blocks.floats(call.panels);
        let offset = call.scratch + lane * (input_floats + product_floats);
        let tiles = blocks.size.min(blocks.tiles - first);
        Self {
            first,
            tiles,
            behind: blocks.size.min(blocks.tiles - first - tiles),
            input: Planes::new(offset, blocks.size, call.panels.k),
            together: blocks.together,
            products: Planes::new(offset + input_floats, blocks.size, blocks.columns(call.panels)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    const F43: Filtering = Filtering::new(4, 3);
    const F45: Filtering = Filtering::new(4, 5);
    const F23: Filtering = Filtering::new(2, 3);

    #[test]
    fn scratch_holds_the_blocks_of_fewer_images_and_of_fewer_threads() {
        for isa in [Isa::PORTABLE, Isa::best()] {
            for (k, n) in [(3, 40), (64, 64), (128, 32), (128, 128), (250, 100), (130, 300), (512, 512)] {
                for (threads, filtering, size) in [
                    (1, F43, (5, 9)),
                    (2, F45, (16, 16)),
                    (3, F43, (30, 17)),
                    (9, F43, (28, 28)),
                    (3, F23, (7, 9)),
                ] {
                    let panels = Panels::new(isa, k, n);
                    let mut before = 0;
                    for batch in 0..=16 {
                        let scratch = winograd_scratch(threads, batch, filtering, size, panels);
                        assert!(before <= scratch, "{isa} {k} to {n}, {threads} threads, batch {batch}");
                        before = scratch;
                        let tiles = Grid::new(filtering.outputs(), size).tiles(batch);
                        for chunk in [1, filtering.chunk_tiles()] {
                            let fewer = 1 + batch % threads;
                            let blocks = Blocks::new(fewer, (tiles, chunk), filtering, panels);
                            let (input, products) = blocks.floats(panels);
                            let needed = blocks.lanes * (input + products);
                            assert!(
                                needed <= scratch,
                                "{isa} {k} to {n}, {fewer} of {threads} threads, batch {batch}: {blocks:?}"
                            );
                            assert!(blocks.size.is_multiple_of(chunk), "{blocks:?}");
                            assert!(
                                blocks.lanes == 1 || blocks.size >= least_block_tiles(filtering),
                                "{blocks:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn threads_have_blocks_of_their_own_whose_products_stay_in_the_cache() {
        let blocks = |threads, tiles, (k, n)| {
            let panels = Panels::new(Isa::PORTABLE, k, n);
            let blocks = Blocks::new(threads, (tiles, 1), F43, panels);
            (blocks, blocks.are_apart(panels))
        };
        let (many, apart) = blocks(2, 1568, (128, 128));
        assert!(
            apart && many.lanes == 2 && many.size >= least_block_tiles(F43) && many.together < 16,
            "{many:?}"
        );
        // Too few tiles for two threads, and weights that both of them read.
        let (few, apart) = blocks(2, 2 * least_block_tiles(F43) - 1, (128, 128));
        assert!(!apart && few.size == few.tiles, "{few:?}");
        let (wide, apart) = blocks(2, 1568, (512, 512));
        assert!(!apart && wide.size >= SHARED_TILES && wide.together == 64, "{wide:?}");
    }
}
