//! Convolutions of groups of channels, each by Winograd's algorithm.

use super::blocks::{Blocks, Part, least_block_tiles, tile_floats};
use super::planes::Planes;
use super::{Filtering, Grid, Winograd, Work};
use crate::arena::{Arena, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::panels::Panels;
use crate::threads::Pool;
use crate::tile::check_epilogue;
use crate::tuning::winograd::{BLOCK_BYTES, LEAST_TASKS_PER_THREAD};

impl Winograd<'_> {
    /// The convolution of one of `groups` groups of channels: number i reads the i-th `panels.k` channels of the input, and writes
    /// the i-th `panels.n` of the output; weights are one group's after the other's.
    ///
    /// # Panics
    /// If channels, weights or biases are not that many groups'.
    fn group(&self, index: usize, groups: usize) -> Self {
        let (inner, outer) = (self.panels.k, self.panels.n);
        let weights = product(&[self.filtering.points(), self.panels.len()]);
        let slice = |view: View| view.slice(index * outer, outer);
        assert_eq!(self.input.channels, product(&[groups, inner]), "input channels of all groups");
        assert_eq!(self.out.channels, product(&[groups, outer]), "output channels of all groups");
        assert_eq!(self.weights.len(), product(&[groups, weights]), "weights of all groups");
        Self {
            input: self.input.slice(index * inner, inner),
            weights: &self.weights[index * weights..(index + 1) * weights],
            bias: self.bias.map(|bias| &bias[index * outer..(index + 1) * outer]),
            addend: self.addend.map(slice),
            out: slice(self.out),
            ..*self
        }
    }
}

/// The most tiles of a block.
fn most(filtering: Filtering, panels: Panels) -> usize {
    (BLOCK_BYTES / size_of::<f32>() / tile_floats(filtering, panels)).max(least_block_tiles(filtering))
}

/// Floats of scratch that a call of [`winograd_groups`] on up to `batch` images needs.
///
/// # Panics
/// If the number overflows.
pub fn winograd_groups_scratch(
    threads: usize,
    batch: usize,
    filtering: Filtering,
    output_size: (usize, usize),
    panels: Panels,
) -> usize {
    let tiles = Grid::new(filtering.outputs(), output_size).tiles(batch).min(most(filtering, panels));
    product(&[
        threads,
        product(&[tiles, tile_floats(filtering, panels)]) + 2 * Planes::slack(filtering.points()),
    ])
}

/// Runs the convolutions of `groups` groups of channels, one part of the tiles of one group by one thread. `call` is that of all
/// groups, its panels those of one. Each output element is the one that [`winograd`](super::winograd()) of its group gives.
///
/// # Panics
/// If there is no group, that of one panics, or channels, weights and biases are not those of so many groups.
pub fn winograd_groups(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Winograd<'_>, groups: usize) {
    assert!(groups > 0, "a group at least");
    // No group writes what another reads.
    arena.check(call.input);
    arena.check(call.out);
    call.input.assert_disjoint(call.out);
    check_epilogue(arena, call.out, call.bias, call.addend);
    let parts: Vec<Winograd<'_>> = (0..groups).map(|group| call.group(group, groups)).collect();
    parts.iter().for_each(|part| part.check(isa, arena));
    let grid = Grid::new(call.filtering.outputs(), call.output_size);
    let tiles = grid.tiles(call.batch);
    if tiles == 0 || call.panels.n == 0 {
        return;
    }
    let isa = isa.for_columns(call.panels.n);
    let (threads, filtering) = (pool.threads(), call.filtering);
    // Few groups are cut further, as far as there are tiles.
    let wanted =
        (LEAST_TASKS_PER_THREAD * threads).div_ceil(groups).min(tiles.div_ceil(least_block_tiles(filtering)));
    let count = tiles.div_ceil(most(filtering, call.panels)).max(wanted);
    let blocks = Blocks {
        tiles,
        size: tiles.div_ceil(count),
        lanes: threads,
        together: call.panels.count(),
        filtering,
    };
    let count = tiles.div_ceil(blocks.size);
    call.check_scratch(arena, &blocks);
    let arena = arena.pointer();
    pool.run_on(product(&[count, groups]), &|lane, task| {
        // The groups of some pixels follow one another.
        let call = &parts[task % groups];
        let work = Work { call, arena, grid, moments: None };
        let part = Part { behind: 0, ..Part::new(&blocks, task / groups, lane, call) };
        // SAFETY: views, sizes, lengths and scratch were checked above; `run_on` gives one task at a time to a lane of the scratch;
        // tasks have different tiles or, of the same, groups, which write different channels; nothing writes the input.
        unsafe { work.run(isa, part) };
    });
}
