//! What is drawn at random: functions of a seed, an epoch and an image.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What random steps depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The image's place in its set.
    pub index: usize,
}

/// What a generator is for.
#[derive(Clone, Copy)]
enum Stream {
    /// The order of the images.
    Order = 0,
    /// What is done to each image.
    Image = 1,
}

/// One generator a use and an epoch: of the same seed, but disjoint streams.
fn generator(seed: u64, epoch: usize, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2 * epoch as u64 + stream as u64);
    rng
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

/// Draws that an image has in one block of ChaCha, of two words each.
const DRAWS: u128 = 8;
/// 32-bit words of a block.
const WORDS: u128 = 16;
/// Words of an image beyond its block, which are in a stream of their own: more than any pipeline draws.
const MORE_WORDS: u128 = 1 << 24;
/// Added to the number of that stream.
const MORE: u64 = 1 << 63;

/// The draws of one epoch's images.
pub(super) struct Random {
    rng: ChaCha8Rng,
    stream: u64,
    index: u128,
    drawn: u128,
}

impl Random {
    pub(super) fn new(seed: u64, epoch: usize) -> Self {
        let rng = generator(seed, epoch, Stream::Image);
        Self { stream: rng.get_stream(), rng, index: 0, drawn: 0 }
    }

    /// Begins with the draws of an image, which are the same whatever came before.
    pub(super) fn start(&mut self, index: usize) {
        self.index = index as u128;
        self.drawn = 0;
    }

    /// A whole number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        match self.drawn {
            0 => self.seek(self.stream, self.index * WORDS),
            DRAWS => self.seek(self.stream | MORE, self.index * MORE_WORDS),
            _ => {}
        }
        self.drawn += 1;
        below(&mut self.rng, bound)
    }

    fn seek(&mut self, stream: u64, word: u128) {
        if self.rng.get_stream() != stream {
            self.rng.set_stream(stream);
        }
        self.rng.set_word_pos(word);
    }
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
    fn an_image_s_draws_are_its_own_however_many() {
        let draws = |random: &mut Random, index, count| {
            random.start(index);
            (0..count).map(|_| random.below(usize::MAX)).collect::<Vec<_>>()
        };
        let mut random = Random::new(5, 2);
        let all: Vec<Vec<usize>> = (0..20).map(|index| draws(&mut random, index, 30)).collect();
        assert_eq!(all.iter().flatten().collect::<HashSet<_>>().len(), 20 * 30);
        for (index, count) in [(17, 3), (3, 30), (17, 9), (0, 8)] {
            assert_eq!(draws(&mut random, index, count), all[index][..count]);
        }
        assert_ne!(draws(&mut Random::new(5, 3), 0, 30), all[0]);
        assert_ne!(draws(&mut Random::new(6, 2), 0, 30), all[0]);
        let mut order = generator(5, 2, Stream::Order);
        assert!((0..1000).all(|_| !all[0].contains(&below(&mut order, usize::MAX))));
    }

    #[test]
    fn the_draws_of_a_seed_stay_what_they_are() {
        // Runs of earlier versions can be resumed and repeated.
        assert_eq!(shuffled(8, 1, 2), [1, 3, 0, 7, 4, 6, 2, 5]);
        let mut random = Random::new(1, 2);
        random.start(3);
        assert_eq!([(); 4].map(|()| random.below(1000)), [271, 936, 100, 283]);
    }
}
