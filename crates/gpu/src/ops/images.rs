//! Batches of images of a set that lies in memory as bytes.

use std::ops::Range;

use super::call::Call;
use crate::kernels::Family;
use crate::list::List;
use crate::view::{Bytes, Vector, Words};

/// Where the places of one axis of an input come from: place p, in `kept`, is place `first` + p of the image, or `first` − p if
/// it is mirrored; all others are black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of place 0.
    pub first: i32,
    /// Whether places go backwards.
    pub mirrored: bool,
    /// The places that come from the image.
    pub kept: Range<i32>,
}

/// An image of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the set.
    pub image: i32,
    /// Its rows and columns.
    pub lines: [Line; 2],
    /// Rows and columns of the input that are overwritten; empty for none.
    pub erased: [Range<i32>; 2],
}

/// What an image gets of the one before it in the batch, the first of the last.
#[derive(Clone, Debug, PartialEq)]
pub enum Blend {
    /// Nothing.
    Nothing,
    /// So much of an image's own, and so much of the other's.
    Parts([f32; 2]),
    /// Rows and columns are the other's.
    Part([Range<i32>; 2]),
}

/// A set in memory, and what all of its images have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// The levels (N, C, H, W), a byte each.
    pub levels: Bytes,
    /// Of an image: planes, height, width.
    pub image: [usize; 3],
    /// Of an input: channels, height, width. Where there are fewer planes they are repeated.
    pub input: [usize; 3],
    /// Of each channel what a level is multiplied with, what is added then, and what parts are overwritten with.
    pub channels: Vec<[f32; 3]>,
}

/// Words of an entry, and of what stands before all of them.
const WORDS: usize = 16;

impl Entry {
    /// Bytes of a batch of so many images, as [`Entry::record`] writes them.
    pub fn room(batch: usize) -> Option<usize> {
        batch.checked_add(2)?.checked_mul(4 * WORDS)
    }

    /// What [`List::move_images`] reads of a batch. `before` tells that the first entry is not of the batch, and is there for the
    /// next to be blended with.
    pub fn record(entries: &[Self], blend: &Blend, before: bool) -> Vec<u8> {
        let mut words = Vec::with_capacity(WORDS * (1 + entries.len()));
        let nowhere = [0..0, 0..0];
        let (kind, parts, part) = match blend {
            Blend::Nothing => (0, [1.0, 0.0], &nowhere),
            Blend::Parts(parts) => (1, *parts, &nowhere),
            Blend::Part(part) => (2, [1.0, 0.0], part),
        };
        let corners = |[rows, columns]: &[Range<i32>; 2]| [rows.start, rows.end, columns.start, columns.end];
        words.push(kind);
        words.extend(parts.map(|part| part.to_bits().cast_signed()));
        words.extend(corners(part));
        words.push(i32::from(before));
        words.resize(WORDS, 0);
        for entry in entries {
            words.push(entry.image);
            for line in &entry.lines {
                words.extend([
                    line.first,
                    if line.mirrored { -1 } else { 1 },
                    line.kept.start,
                    line.kept.end,
                ]);
            }
            words.extend(corners(&entry.erased));
            words.resize(words.len().next_multiple_of(WORDS), 0);
        }
        words.into_iter().flat_map(i32::to_le_bytes).collect()
    }
}

impl List {
    /// Makes a batch of inputs (N, C, H, W) of images of a set, as a record in memory says that [`Entry::record`] wrote. Images
    /// that the set lacks and places beyond them are black.
    ///
    /// # Panics
    /// If the ranges do not fit the block of memory and the set, or there is not one factor a channel.
    pub fn move_images(&mut self, set: &ImageSet, record: Words, batch: usize, out: Vector) {
        let ([planes, rows, columns], [channels, height, width]) = (set.image, set.input);
        let product =
            |sizes: &[usize]| sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let size = product(&set.image).filter(|&size| size > 0).expect("images of at least one level");
        assert!(set.levels.len.is_multiple_of(size), "{:?} of images of {size} levels", set.levels);
        self.check_bytes(set.levels, set.levels.len);
        self.check_words(record, WORDS * (2 + batch));
        let inputs = product(&[batch, channels, height, width]).expect("a batch that fits memory");
        self.check_floats(out, inputs);
        assert!(out.len == inputs && batch > 0, "{out:?} of {inputs} elements, of at least one image");
        assert_eq!(set.channels.len(), channels, "factors of the channels");
        let factors: Vec<u32> = set.channels.iter().flatten().map(|factor| factor.to_bits()).collect();
        let factors = self.keep(&factors);
        Call::walk(Family::Images, "move_images", inputs)
            .bytes(set.levels)
            .words(record)
            .raw(factors)
            .vector(out)
            .int(batch)
            .int(channels)
            .int(height)
            .int(width)
            .int(set.levels.len / size)
            .int(planes)
            .int(rows)
            .int(columns)
            .add(self);
    }
}
