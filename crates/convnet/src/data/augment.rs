//! Random changes of training images, fixed by (seed, epoch, image).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Random changes of the training images, as a recipe keeps them; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Pixels of black that are added on each side before a window of the old size is cut out anywhere.
    #[serde(default)]
    pub crop: usize,
    /// Mirror half of the images left to right.
    #[serde(default)]
    pub flip: bool,
}

/// 32-bit words of the random stream that belong to one image: one block of ChaCha.
const WORDS: u128 = 16;

/// One generator a use and an epoch: of the same seed, but disjoint streams.
pub(super) fn generator(seed: u64, epoch: usize, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2 * epoch as u64 + stream as u64);
    rng
}

/// What a generator is for.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    /// The order of the images.
    Order = 0,
    /// What is done to each image.
    Augment = 1,
}

/// A whole number below `bound`, which is at least 1.
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// The order in which an epoch takes `count` images (Fisher and Yates).
pub(super) fn shuffled(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut rng = generator(seed, epoch, Stream::Order);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// What is done to one image: where the window lies relative to the image, and whether it is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Draw {
    down: isize,
    right: isize,
    mirrored: bool,
}

/// Augments the images of one epoch.
pub(super) struct Augmenter {
    augment: Augment,
    rng: ChaCha8Rng,
    image: Vec<u8>,
}

impl Augmenter {
    /// `None` where nothing is to be done.
    pub(super) fn new(augment: Augment, seed: u64, epoch: usize) -> Option<Self> {
        let rng = generator(seed, epoch, Stream::Augment);
        (augment != Augment::default()).then_some(Self { augment, rng, image: Vec::new() })
    }

    /// The changed pixels of image `index`, of the shape (channels, height, width).
    pub(super) fn apply(&mut self, index: usize, pixels: &[u8], shape: (usize, usize, usize)) -> &[u8] {
        let Draw { down, right, mirrored } = self.draw(index);
        let (_, height, width) = shape;
        self.image.clear();
        self.image.resize(pixels.len(), 0);
        let columns = overlap(width, right);
        if columns.is_empty() {
            return &self.image;
        }
        let first = columns.start.wrapping_add_signed(right);
        for (from, to) in pixels.chunks_exact(height * width).zip(self.image.chunks_exact_mut(height * width))
        {
            for row in overlap(height, down) {
                let from = &from[row.wrapping_add_signed(down) * width..][..width];
                let to = &mut to[row * width..][..width];
                to[columns.clone()].copy_from_slice(&from[first..first + columns.len()]);
                if mirrored {
                    to.reverse();
                }
            }
        }
        &self.image
    }

    fn draw(&mut self, index: usize) -> Draw {
        self.rng.set_word_pos(index as u128 * WORDS);
        let crop = self.augment.crop;
        let mut shift = || below(&mut self.rng, 2 * crop + 1) as isize - crop as isize;
        let (down, right) = (shift(), shift());
        Draw { down, right, mirrored: self.augment.flip && below(&mut self.rng, 2) == 1 }
    }
}

/// The places of a window whose source, `shift` further on, lies within `size`.
fn overlap(size: usize, shift: isize) -> std::ops::Range<usize> {
    let cut = shift.unsigned_abs().min(size);
    if shift < 0 { cut..size } else { 0..size - cut }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_order_holds_each_image_once_and_differs_between_epochs() {
        let order = shuffled(1000, 7, 3);
        assert_eq!(order, shuffled(1000, 7, 3));
        assert_ne!(order, shuffled(1000, 7, 4));
        assert_ne!(order, shuffled(1000, 8, 3));
        assert_eq!(order.iter().collect::<HashSet<_>>().len(), 1000);
        assert!(shuffled(0, 1, 0).is_empty());
        assert_eq!(shuffled(1, 1, 0), [0]);
    }

    #[test]
    fn every_first_place_is_as_likely() {
        let mut firsts = [0; 5];
        for epoch in 0..5000 {
            firsts[shuffled(5, 0, epoch)[0]] += 1;
        }
        // Each 1000 ± 28 (one standard deviation).
        assert!(firsts.iter().all(|&n| (850..1150).contains(&n)), "{firsts:?}");
    }

    #[test]
    fn windows_and_mirrors_are_all_drawn() {
        let augment = Augment { crop: 1, flip: true };
        let mut augmenter = Augmenter::new(augment, 5, 0).unwrap();
        let image = [1, 2, 3, 4];
        let seen: HashSet<Vec<u8>> =
            (0..500).map(|index| augmenter.apply(index, &image, (1, 2, 2)).to_vec()).collect();
        // 3 × 3 windows, mirrored or not.
        assert_eq!(seen.len(), 18);
        assert!(seen.contains(&vec![1, 2, 3, 4]) && seen.contains(&vec![2, 1, 4, 3]));
        // Down and right by one, then mirrored.
        assert!(seen.contains(&vec![4, 0, 0, 0]) && seen.contains(&vec![0, 4, 0, 0]));
        assert!(seen.contains(&vec![0, 0, 0, 1]));
    }

    #[test]
    fn an_image_is_changed_the_same_way_whatever_came_before() {
        let augment = Augment { crop: 4, flip: true };
        let image: Vec<u8> = (0..3 * 5 * 6).collect();
        let mut one = Augmenter::new(augment, 5, 2).unwrap();
        let mut other = Augmenter::new(augment, 5, 2).unwrap();
        one.apply(0, &image, (3, 5, 6));
        for index in [17, 3, 17] {
            assert_eq!(one.apply(index, &image, (3, 5, 6)), other.apply(index, &image, (3, 5, 6)));
        }
        assert!(Augmenter::new(Augment::default(), 5, 2).is_none());
    }

    #[test]
    fn a_window_may_miss_the_image() {
        let mut augmenter = Augmenter::new(Augment { crop: 9, flip: false }, 1, 0).unwrap();
        let emptied = (0..50).filter(|&i| augmenter.apply(i, &[7; 4], (1, 2, 2)) == [0; 4]).count();
        assert!((25..50).contains(&emptied), "{emptied}");
    }
}
