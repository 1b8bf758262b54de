//! Which part of each batch a rank has.

use std::ops::Range;

/// Where a rank's images stand in a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchPlace {
    /// The number of the first image.
    pub first: usize,
    /// Images that count: 0 where the batch has fewer images than there are ranks, and one that does not count is given.
    pub images: usize,
    /// The class of each image of the whole batch.
    pub labels: Vec<u32>,
}

/// A rank's part of each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The rank, from 0.
    pub rank: usize,
    /// How many ranks there are; 0 is as 1.
    pub ranks: usize,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { rank: 0, ranks: 1 };

    fn ranks(self) -> usize {
        self.ranks.max(1)
    }

    /// Which images of a batch of so many it is: as many as the other ranks', or one less or more.
    pub fn of(self, images: usize) -> Range<usize> {
        let at = |rank: usize| rank * images / self.ranks();
        at(self.rank)..at(self.rank + 1)
    }

    /// The most images of a batch of so many that any rank has.
    pub fn most(self, images: usize) -> usize {
        images.div_ceil(self.ranks())
    }

    /// The entries of a batch that a rank needs: its own, behind the one that its first is mixed with, if it is told that they are
    /// mixed (and the batch is not all its own).
    pub(super) fn taken(self, whole: &[usize], mixed: bool) -> (Vec<usize>, bool) {
        if self.ranks() == 1 {
            return (whole.to_vec(), false);
        }
        let own = self.of(whole.len());
        // A rank without images looks at one that does not count.
        let own = if own.is_empty() { 0..1 } else { own };
        let before = mixed.then(|| whole[(own.start + whole.len() - 1) % whole.len()]);
        (before.into_iter().chain(whole[own].iter().copied()).collect(), mixed)
    }
}
