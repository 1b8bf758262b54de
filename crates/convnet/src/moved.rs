//! How an image of a set becomes input where that is no more than moves of whole pixels and a normalization: what data
//! draws, and what a card that keeps the set does by itself.

use std::ops::Range;
use std::sync::Arc;

/// Where the places of one axis of an input come from: place p, in `kept`, is place `first` + p of the image, or `first` − p if
/// it is mirrored; all others are black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) first: isize,
    pub(crate) mirrored: bool,
    pub(crate) kept: Range<usize>,
    /// Places of the input.
    pub(crate) size: usize,
}

impl Line {
    /// An image's own.
    pub(crate) fn whole(size: usize) -> Self {
        Self { first: 0, mirrored: false, kept: 0..size, size }
    }

    /// The window of `size` places that begins at `corner`, black where it reaches beyond.
    pub(crate) fn window(self, corner: isize, size: usize) -> Self {
        let inside = |place: usize| (place as isize).saturating_sub(corner).clamp(0, size as isize) as usize;
        let first = if self.mirrored { self.first - corner } else { self.first + corner };
        Self { first, kept: inside(self.kept.start)..inside(self.kept.end), size, ..self }
    }

    /// The other way round.
    pub(crate) fn flipped(self) -> Self {
        let last = self.size as isize - 1;
        let first = if self.mirrored { self.first - last } else { self.first + last };
        let kept = self.size - self.kept.end..self.size - self.kept.start;
        Self { first, mirrored: !self.mirrored, kept, size: self.size }
    }

    /// The image's place that a place of the input is.
    #[cfg(test)]
    pub(crate) fn source(&self, place: usize) -> Option<usize> {
        let at = if self.mirrored { self.first - place as isize } else { self.first + place as isize };
        usize::try_from(at).ok().filter(|_| self.kept.contains(&place))
    }
}

/// What tells a set of images from others: that of a clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetId(Arc<()>);

impl PartialEq for SetId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// An image of a set on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Its number in the set.
    pub(crate) image: usize,
    /// Rows and columns.
    pub(crate) lines: [Line; 2],
    /// Rows and columns of the input that are overwritten.
    pub(crate) erased: Option<[Range<usize>; 2]>,
}

/// What the images of a batch get of the one before each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mixed {
    /// So much of an image stays, and the rest is the other's.
    Mixup { share: f64 },
    /// A box is the other's.
    CutMix { rows: Range<usize>, columns: Range<usize> },
}

impl Mixed {
    /// What of an image, and what of the other one, makes a pixel of mixup.
    pub(crate) fn parts(share: f64) -> [f32; 2] {
        [share as f32, (1.0 - share) as f32]
    }
}

/// What was drawn for the images of a batch, none of which was touched yet: [`Images::kept`](crate::exec::Images::kept) are made of
/// it by a GPU that keeps their set.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedBatch {
    pub(crate) moves: Arc<Moves>,
    pub(crate) images: Vec<Moved>,
    /// Whether the first one is not of the batch, and there to be mixed with the next alone.
    pub(crate) before: bool,
    pub(crate) mixed: Option<Mixed>,
}

impl MovedBatch {
    /// Images of the batch.
    pub fn len(&self) -> usize {
        self.images.len() - usize::from(self.before)
    }

    /// Whether there is none; a loader gives no such batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How the images of a set become input where that is no more than moves of their pixels, a normalization, parts that are
/// overwritten and batches that are mixed: what all of them have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Moves {
    pub(crate) set: SetId,
    /// Images of the set.
    pub(crate) images: usize,
    /// Of an image of the set: planes, height, width.
    pub(crate) image: [usize; 3],
    /// Of an input: channels, height, width.
    pub(crate) input: [usize; 3],
    /// What a level is multiplied with and what is added then, in each channel.
    pub(crate) affine: Vec<(f32, f32)>,
    /// What parts are overwritten with, in each channel.
    pub(crate) erased: Vec<f32>,
}

#[cfg(test)]
impl Moves {
    /// The inputs (N, C, H, W) of a batch whose set has these levels (N, C, H, W): what a card does, by plain loops.
    pub(crate) fn render(&self, levels: &[u8], batch: &MovedBatch) -> Vec<f32> {
        let ([planes, rows, columns], [channels, height, width]) = (self.image, self.input);
        let value = |moved: &Moved, channel: usize, y: usize, x: usize| {
            let inside = |[rows, columns]: &[Range<usize>; 2]| rows.contains(&y) && columns.contains(&x);
            if moved.erased.as_ref().is_some_and(inside) {
                return self.erased[channel];
            }
            let level = match (moved.lines[0].source(y), moved.lines[1].source(x)) {
                (Some(y), Some(x)) => {
                    levels[((moved.image * planes + channel % planes) * rows + y) * columns + x]
                }
                _ => 0,
            };
            let (scale, offset) = self.affine[channel];
            f32::from(level) * scale + offset
        };
        let mut out = Vec::with_capacity(batch.len() * channels * height * width);
        let count = batch.images.len();
        for i in usize::from(batch.before)..count {
            let (own, other) = (&batch.images[i], &batch.images[(i + count - 1) % count]);
            for channel in 0..channels {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let of = |moved: &Moved| value(moved, channel, y, x);
                    out.push(match &batch.mixed {
                        None => of(own),
                        Some(Mixed::Mixup { share }) => {
                            let [mine, theirs] = Mixed::parts(*share);
                            of(other) * theirs + of(own) * mine
                        }
                        Some(Mixed::CutMix { rows, columns }) => {
                            of(if rows.contains(&y) && columns.contains(&x) { other } else { own })
                        }
                    });
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(line: &Line) -> Vec<Option<usize>> {
        (0..line.size).map(|place| line.source(place)).collect()
    }

    #[test]
    fn windows_and_mirrors_follow_one_another() {
        let line = Line::whole(4);
        assert_eq!(sources(&line), [0, 1, 2, 3].map(Some));
        let padded = line.window(-2, 8);
        assert_eq!(sources(&padded), [None, None, Some(0), Some(1), Some(2), Some(3), None, None]);
        let cut = padded.window(3, 4).flipped();
        assert_eq!(sources(&cut), [None, Some(3), Some(2), Some(1)]);
        // What was cut off is black, not there again.
        assert_eq!(sources(&cut.clone().window(-1, 6)), [None, None, Some(3), Some(2), Some(1), None]);
        assert_eq!(sources(&cut.flipped()), [Some(1), Some(2), Some(3), None]);
        assert_eq!(sources(&Line::whole(3).window(7, 2)), [None, None]);
        assert_eq!(sources(&Line::whole(3).flipped().window(-9, 2)), [None, None]);
    }
}
