//! How the positions of a product are cut in tiles of rows and blocks of tiles.

use std::ops::Range;

use crate::geometry::{Geometry, Interior, product};
use crate::tuning::igemm::{
    FEW_TILES, LEAST_IMAGES, MORE_BLOCKS, MORE_TILES, MOST_PLACES, TILE_COST_BLOCKS, TILE_COST_ROWS,
};

/// The order of positions, and where tiles and blocks begin.
///
/// A tile has rows of one group, spread evenly, so that no tile is nearly empty. All positions may be one group, image
/// by image; or each place of the grid is a group, and its rows are that place in every image: the taps that lead into
/// the padding there are left out for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Whether positions count images first.
    by_place: bool,
    batch: usize,
    /// Positions of a group, and its tiles.
    group: usize,
    group_tiles: usize,
    tiles: usize,
    /// Tiles of a block, each but the last.
    block: usize,
}

/// The tasks that a product is cut in, by its positions and its columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tasks {
    /// Parts that its columns can be cut in.
    pub(crate) panels: usize,
    /// How many there are at least, as far as there are tiles.
    pub(crate) least: usize,
    /// Threads each of which gets as many rows, where there are few tiles; `None` where the cut follows from the shapes alone.
    pub(crate) threads: Option<usize>,
}

impl Tiling {
    /// Tiles of at most `rows` rows and blocks of some `most`, of a product with some positions.
    pub(crate) fn new(
        (geometry, interior): (&Geometry, &Interior),
        batch: usize,
        (rows, most): (usize, usize),
        tasks: Tasks,
    ) -> Self {
        let positions = geometry.positions(batch);
        let inside = interior.is_all(geometry);
        let by_place = !inside && by_place_is_cheaper(geometry, batch, rows);
        let group = if by_place { batch } else { positions };
        let group_tiles = group.div_ceil(rows);
        let tiles = product(&[positions / group, group_tiles]);
        let most = (most / group.div_ceil(group_tiles)).max(1);
        let blocks = tiles.div_ceil(most).max(tasks.least.div_ceil(tasks.panels).min(tiles));
        let whole = Self { by_place, batch, group, group_tiles, tiles, block: tiles.div_ceil(blocks) };
        // A single block is cut by its columns alone. A tile in the padding leaves out the taps that lead all of its rows there: which
        // rows are a tile's follows from the shapes then.
        let even = tasks.threads.filter(|_| inside && blocks > 1);
        match even.and_then(|threads| even_blocks((tiles, whole.blocks()), threads)) {
            Some((tiles, blocks)) => Self { group_tiles: tiles, tiles, block: tiles / blocks, ..whole },
            None => whole,
        }
    }

    /// The places of a block's first and last position, if image by image all between them are the block's.
    pub(crate) fn ends(&self, geometry: &Geometry, block: usize) -> Option<[(usize, usize, usize); 2]> {
        let positions = self.positions(self.tiles(block));
        let ends = [positions.start, positions.end.checked_sub(1)?];
        (!self.by_place).then(|| ends.map(|position| geometry.locate(position)))
    }

    pub(crate) fn blocks(&self) -> usize {
        self.tiles.div_ceil(self.block)
    }

    /// The tiles of a block.
    pub(crate) fn tiles(&self, block: usize) -> Range<usize> {
        block * self.block..((block + 1) * self.block).min(self.tiles)
    }

    /// The positions of consecutive tiles.
    pub(crate) fn positions(&self, tiles: Range<usize>) -> Range<usize> {
        self.start(tiles.start)..self.start(tiles.end)
    }

    /// The first position of a tile.
    #[inline(always)]
    fn start(&self, tile: usize) -> usize {
        let (group, i) = (tile / self.group_tiles, tile % self.group_tiles);
        group * self.group + i * self.group / self.group_tiles
    }

    /// How many positions each of some tiles has.
    pub(crate) fn rows(&self, tiles: Range<usize>) -> impl Iterator<Item = usize> {
        let parts = even_parts(self.group, self.group_tiles, tiles.start % self.group_tiles);
        parts.take(tiles.len())
    }

    /// Image, row and column of a position.
    pub(crate) fn locate(&self, geometry: &Geometry, position: usize) -> (usize, usize, usize) {
        if !self.by_place {
            return geometry.locate(position);
        }
        let (_, y, x) = geometry.locate(position / self.batch);
        (position % self.batch, y, x)
    }

    /// How many positions from a place on differ in their column alone, or in their image alone where those come first.
    #[inline(always)]
    pub(crate) fn run(&self, geometry: &Geometry, (image, _, x): (usize, usize, usize)) -> usize {
        if self.by_place { self.batch - image } else { geometry.grid.1 - x }
    }

    /// Pixels of the input, and of the output, from one position to the next of such a run.
    pub(crate) fn step(&self, geometry: &Geometry) -> [usize; 2] {
        if self.by_place {
            [geometry.input, geometry.output].map(|(height, width)| height.wrapping_mul(width))
        } else {
            [geometry.step.1, geometry.spread.1]
        }
    }

    /// The place some positions behind another in its [run](Self::run).
    #[inline(always)]
    pub(crate) fn moved(&self, (image, y, x): (usize, usize, usize), count: usize) -> (usize, usize, usize) {
        if self.by_place { (image + count, y, x) } else { (image, y, x + count) }
    }

    /// The place after another.
    #[inline(always)]
    pub(crate) fn next(
        &self,
        geometry: &Geometry,
        (image, y, x): (usize, usize, usize),
    ) -> (usize, usize, usize) {
        if self.by_place && image + 1 < self.batch {
            return (image + 1, y, x);
        }
        let image = if self.by_place { 0 } else { image };
        if x + 1 < geometry.grid.1 {
            (image, y, x + 1)
        } else if y + 1 < geometry.grid.0 {
            (image, y + 1, 0)
        } else {
            (image + 1, 0, 0)
        }
    }
}

/// A few more tiles than there are at least, in blocks of as many, at least so many blocks, of which each of some threads has as many;
/// `None` where there are enough for all to have much the same, or no such number is near.
fn even_blocks((tiles, blocks): (usize, usize), threads: usize) -> Option<(usize, usize)> {
    if threads == 1 || tiles >= threads.saturating_mul(FEW_TILES) {
        return None;
    }
    let first = blocks.next_multiple_of(threads);
    let most = tiles + tiles / MORE_TILES;
    let cuts = (tiles.next_multiple_of(threads)..=most).step_by(threads).filter_map(|tiles| {
        let mut numbers = (first..=tiles).step_by(threads).take(MORE_BLOCKS);
        Some((tiles, numbers.find(|&blocks| tiles.is_multiple_of(blocks))?))
    });
    cuts.min_by_key(|(tiles, blocks)| TILE_COST_BLOCKS * tiles + blocks)
}

/// How many of `count` items each of so many parts has, spread evenly, from a part on, and those of the next items then: without
/// a division for each.
#[inline(always)]
pub(crate) fn even_parts(count: usize, parts: usize, first: usize) -> impl Iterator<Item = usize> {
    let parts = parts.max(1);
    let (least, rest) = (count / parts, count % parts);
    let mut left_over = first * rest % parts;
    std::iter::repeat_with(move || {
        left_over += rest;
        let more = left_over >= parts;
        left_over -= if more { parts } else { 0 };
        least + usize::from(more)
    })
}

/// Numbers of parts, `size` of them a group, as groups and the parts of each: groups are whole but the first and the last.
#[inline(always)]
pub(crate) fn by_group(parts: Range<usize>, size: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut next = parts.start;
    std::iter::from_fn(move || {
        let (group, first) = (next / size, next % size);
        let past = size.min(first + parts.end - next);
        next += past - first;
        (first < past).then_some((group, first..past))
    })
}

/// Whether the products that are left out outweigh tiles that are less full.
fn by_place_is_cheaper(geometry: &Geometry, batch: usize, rows: usize) -> bool {
    let places = product(&[geometry.grid.0, geometry.grid.1]);
    if places > MOST_PLACES || batch < LEAST_IMAGES || geometry.taps.len() < 2 {
        return false;
    }
    let inside = |place: usize| {
        let (_, y, x) = geometry.locate(place);
        geometry.taps.iter().filter(|&&tap| geometry.input_pixel((0, y, x), tap).is_some()).count()
    };
    let cost = |positions: usize| positions + TILE_COST_ROWS * positions.div_ceil(rows);
    let taps: usize = (0..places).map(inside).sum();
    cost(batch).saturating_mul(taps) < cost(places * batch).saturating_mul(geometry.taps.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Tap;

    fn same(map: (usize, usize), kernel: isize) -> Geometry {
        let half = kernel / 2;
        let taps =
            (0..kernel * kernel).map(|i| Tap { dy: i / kernel - half, dx: i % kernel - half }).collect();
        Geometry { taps, ..Geometry::pointwise(map, 8) }
    }

    fn tiling(geometry: &Geometry, batch: usize, most: usize, panels: usize, threads: usize) -> Tiling {
        let tasks = Tasks { panels, least: 8, threads: Some(threads) };
        Tiling::new((geometry, &Interior::new(geometry)), batch, (12, most), tasks)
    }

    #[test]
    fn threads_get_as_many_rows_of_few_tiles() {
        let cut = |map, panels, threads| {
            let tiling = tiling(&same((map, map), 1), 1, 96, panels, threads);
            (tiling.tiles, tiling.blocks())
        };
        // 49 positions in five tiles, 196 in 17.
        assert_eq!([cut(7, 5, 1), cut(7, 5, 2), cut(7, 5, 4)], [(5, 2), (6, 2), (5, 2)]);
        assert_eq!([cut(14, 8, 1), cut(14, 8, 2), cut(14, 8, 4)], [(17, 3), (18, 6), (20, 4)]);
        // One block is cut by its columns, and many tiles are not few.
        assert_eq!([cut(7, 8, 2), cut(28, 8, 2)], [(5, 1), (66, 9)]);
        // Of a kernel that reads the padding the cut follows from the shapes.
        let padded = |threads| tiling(&same((14, 14), 3), 1, 96, 8, threads);
        assert_eq!(padded(2), padded(1));
        assert_eq!(even_blocks((26, 4), 2), Some((28, 4)));
        assert_eq!(even_blocks((5, 2), usize::MAX), None);
    }

    #[test]
    fn parts_are_gathered_by_their_groups() {
        let of = |parts| by_group(parts, 4).collect::<Vec<_>>();
        assert_eq!(of(2..13), [(0, 2..4), (1, 0..4), (2, 0..4), (3, 0..1)]);
        assert_eq!(of(5..7), [(1, 1..3)]);
        assert_eq!((of(4..8), of(8..8)), (vec![(1, 0..4)], Vec::new()));
    }

    #[test]
    fn even_parts_are_those_that_divisions_give() {
        for (count, parts) in [(0, 0), (0, 3), (7, 7), (25, 3), (100, 9), (5, 8)] {
            for first in 0..parts.max(1) {
                let expected: Vec<usize> = (first..2 * parts)
                    .map(|part| part % parts)
                    .map(|part| (part + 1) * count / parts - part * count / parts)
                    .collect();
                let found: Vec<usize> = even_parts(count, parts, first).take(expected.len()).collect();
                assert_eq!(found, expected, "{count} items in {parts} parts from {first} on");
            }
        }
    }

    #[test]
    fn small_maps_of_many_images_are_walked_by_place() {
        let by_place = |map, kernel, batch| tiling(&same((map, map), kernel), batch, 96, 4, 1).by_place;
        assert!(by_place(3, 3, 16));
        assert!(by_place(7, 3, 24));
        // Nothing to leave out, too few images for a tile, too little padding.
        assert!(!by_place(3, 1, 16));
        assert!(!by_place(3, 3, 1));
        assert!(!by_place(56, 3, 8));
    }

    #[test]
    fn blocks_of_tiles_cover_every_position_once() {
        for (map, kernel, batch, most, panels) in
            [((3, 3), 3, 16, 96, 2), ((3, 2), 3, 29, 16, 1), ((5, 7), 1, 3, 96, 1), ((1, 1), 1, 1, 96, 9)]
        {
            let geometry = same(map, kernel);
            for threads in [1, 2, 3, 16] {
                let tiling = tiling(&geometry, batch, most, panels, threads);
                let mut place = tiling.locate(&geometry, 0);
                let mut position = 0;
                for block in 0..tiling.blocks() {
                    let tiles = tiling.tiles(block);
                    assert!(!tiles.is_empty());
                    for (tile, count) in tiles.clone().zip(tiling.rows(tiles)) {
                        let rows = tiling.positions(tile..tile + 1);
                        assert!(
                            rows.start == position && (1..=12).contains(&rows.len()) && rows.len() == count,
                            "{rows:?} and {count} of {tiling:?}"
                        );
                        for _ in rows {
                            for i in 0..tiling.run(&geometry, place) {
                                assert_eq!(tiling.moved(place, i), tiling.locate(&geometry, position + i));
                            }
                            place = tiling.next(&geometry, place);
                            position += 1;
                        }
                    }
                }
                assert_eq!(position, geometry.positions(batch));
            }
        }
    }
}
