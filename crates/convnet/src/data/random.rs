//! What is drawn at random: functions of a seed, an epoch and an image.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

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

/// The order in which an epoch takes `count` images.
pub(super) fn shuffled(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut rng = generator(seed, epoch, Stream::Order);
    let mut order: Vec<usize> = (0..count).collect();
    shuffle(&mut rng, &mut order);
    order
}

/// Which training images an epoch takes, as a recipe keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Each once, in an order that is drawn.
    #[default]
    Shuffle,
    /// As many as there are, each class as often as any other: an image comes again once all of its class came, and some
    /// images of large classes wait for another epoch.
    Balanced,
}

/// The images of a balanced epoch, in a drawn order: entry e is image e mod n, taken for the ⌊e / n⌋-th time after the first,
/// n the number of labels. A class without images has no part; of places that do not divide evenly, drawn classes get one
/// more.
pub(super) fn balanced(labels: &[u32], seed: u64, epoch: usize) -> Vec<usize> {
    let (count, mut rng) = (labels.len(), generator(seed, epoch, Stream::Order));
    let mut classes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(index);
    }
    let mut classes: Vec<Vec<usize>> = classes.into_values().collect();
    shuffle(&mut rng, &mut classes);
    let (each, more) = (count / classes.len().max(1), count % classes.len().max(1));
    let mut order = Vec::with_capacity(count);
    for (number, images) in classes.iter_mut().enumerate() {
        let wanted = each + usize::from(number < more);
        for (round, from) in (0..wanted).step_by(images.len()).enumerate() {
            shuffle(&mut rng, images);
            let taken = images.iter().take(wanted - from);
            order.extend(taken.map(|index| index + round * count));
        }
    }
    shuffle(&mut rng, &mut order);
    order
}

/// Any order is as likely (Fisher and Yates).
fn shuffle<T>(rng: &mut ChaCha8Rng, values: &mut [T]) {
    for last in (1..values.len()).rev() {
        values.swap(last, below(rng, last + 1));
    }
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
    fn a_balanced_epoch_has_every_class_as_often_and_each_image_of_a_class_about_so() {
        // 60 of class 0, 30 of class 2, 7 of class 5: 97 places.
        let labels: Vec<u32> = (0..97)
            .map(|i| {
                if i < 60 {
                    0
                } else if i < 90 {
                    2
                } else {
                    5
                }
            })
            .collect();
        let order = balanced(&labels, 3, 1);
        assert_eq!(order, balanced(&labels, 3, 1));
        assert_ne!(order, balanced(&labels, 3, 2));
        assert_ne!(order, balanced(&labels, 4, 1));
        assert_eq!((order.len(), order.iter().collect::<HashSet<_>>().len()), (97, 97));
        let mut classes = [0, 2, 5].map(|class| order.iter().filter(|&e| labels[e % 97] == class).count());
        classes.sort_unstable();
        assert_eq!(classes, [32, 32, 33]);
        let times = |image: usize| order.iter().filter(|&e| e % 97 == image).count();
        assert!(
            (0..60).all(|image| times(image) <= 1) && (60..90).all(|image| [1, 2].contains(&times(image)))
        );
        assert!((90..97).all(|image| [4, 5].contains(&times(image))));
        // Each time is told from the others.
        assert!((90..97).all(|image| (0..times(image)).all(|time| order.contains(&(image + 97 * time)))));
        assert!(balanced(&[], 1, 1).is_empty());
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
