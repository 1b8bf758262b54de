//! A set of images that a card keeps, and batches that it makes of them: pixels moved, normalized, overwritten and mixed.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use convnet_gpu::{Blend, Bytes, Entry, ImageSet, Line, Vector, Words};

use super::binder::LINE;
use super::card::{Captured, Card, Feed};
use super::program::{Part, Parts};
use crate::moved::{self, Mixed, Moved, MovedBatch, Moves};
use crate::plan::CompileError;

/// A set in a card's memory, and room for a batch of it.
pub(super) struct Shelf {
    card: Card,
    feed: Feed,
    moves: Moves,
    places: Places,
    /// The largest batch.
    batch: usize,
    /// What makes a batch of so many images.
    graphs: HashMap<usize, Captured>,
}

/// Where the parts of the block start, in bytes: the batch's record is at its beginning.
#[derive(Clone, Copy, Debug)]
struct Places {
    input: usize,
    levels: Bytes,
    end: usize,
}

impl Places {
    /// For a batch of so many images of `input` floats and a set of so many levels.
    fn new(batch: usize, input: usize, levels: usize) -> Option<Self> {
        let line = |at: usize| at.checked_next_multiple_of(4 * LINE);
        let start = Entry::room(batch).and_then(line)?;
        let set = batch.checked_mul(input)?.checked_mul(4)?.checked_add(start).and_then(line)?;
        let end = set.checked_add(levels)?;
        Some(Self { input: start, levels: Bytes { at: set, len: levels }, end })
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Shelf {
    /// Brings the levels of a set (N, C, H, W) to the card of a block.
    pub(super) fn new(
        beside: &Card,
        levels: &[u8],
        moves: &Moves,
        batch: usize,
    ) -> Result<Self, CompileError> {
        let places = Places::new(batch, moves.input.iter().product(), levels.len())
            .ok_or(CompileError::TooLarge { batch })?;
        let room = Entry::room(batch).unwrap_or_default();
        let card = beside.beside(places.end)?;
        card.write_bytes(places.levels.at, levels)?;
        let feed = card.feed(room)?;
        Ok(Self { card, feed, moves: moves.clone(), places, batch, graphs: HashMap::new() })
    }

    /// Whether its images become input in this way.
    pub(super) fn is_for(&self, moves: &Moves) -> bool {
        self.moves == *moves
    }

    /// Makes a batch, and copies it to a place of another block of the card.
    ///
    /// # Panics
    /// If it was drawn for another set or another way to the input, or is larger than a batch may be.
    pub(super) fn give(
        &mut self,
        batch: &MovedBatch,
        (card, at): (&Card, usize),
    ) -> Result<(), CompileError> {
        let n = batch.len();
        assert!((1..=self.batch).contains(&n), "1 to {} images, not {n}", self.batch);
        assert!(self.is_for(&batch.moves), "a batch of the set that is kept");
        let record = record(batch);
        self.feed.send(record.len(), |bytes| bytes.copy_from_slice(&record))?;
        self.feed.take(&self.card, 0)?;
        if !self.graphs.contains_key(&n) {
            let captured = self.card.capture(self.list(n))?;
            self.graphs.insert(n, captured);
        }
        self.graphs[&n].replay()?;
        card.copy(at, (&self.card, self.places.input), 4 * n * self.moves.input.iter().product::<usize>())
    }

    fn list(&self, n: usize) -> Parts {
        let Moves { image, input, affine, erased, .. } = &self.moves;
        let channels = affine.iter().zip(erased).map(|(&(scale, offset), &erased)| [scale, offset, erased]);
        let set = ImageSet {
            levels: self.places.levels,
            image: *image,
            input: *input,
            channels: channels.collect(),
        };
        let words = Words { at: 0, len: Entry::room(n).unwrap_or_default() / 4 };
        let out = Vector::new(self.places.input, n * input.iter().product::<usize>());
        let mut parts = Parts::over(self.places.end);
        parts.list.move_images(&set, words, n, out);
        parts.mark(Part::Rest);
        parts
    }
}

/// A batch as the card's kernel reads it.
fn record(batch: &MovedBatch) -> Vec<u8> {
    let entries: Vec<Entry> = batch.images.iter().map(entry).collect();
    let blend = match &batch.mixed {
        None => Blend::Nothing,
        Some(Mixed::Mixup { share }) => Blend::Parts(Mixed::parts(*share)),
        Some(Mixed::CutMix { rows, columns }) => Blend::Part([whole(rows), whole(columns)]),
    };
    Entry::record(&entries, &blend, batch.before)
}

fn entry(moved: &Moved) -> Entry {
    let line = |line: &moved::Line| Line {
        first: number(line.first),
        mirrored: line.mirrored,
        kept: whole(&line.kept),
    };
    let [rows, columns] = &moved.lines;
    let erased = moved.erased.as_ref().map_or([0..0, 0..0], |[rows, columns]| [whole(rows), whole(columns)]);
    Entry { image: number(moved.image.cast_signed()), lines: [line(rows), line(columns)], erased }
}

fn whole(range: &Range<usize>) -> Range<i32> {
    number(range.start.cast_signed())..number(range.end.cast_signed())
}

/// Sides of images and numbers of images, which are far smaller.
fn number(value: isize) -> i32 {
    i32::try_from(value).expect("a place of an image, below 2³¹")
}
