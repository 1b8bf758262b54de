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

/// Added to the number of an epoch's stream for batches as a whole.
const BATCHES: u64 = 1 << 62;

/// The draws of one epoch's images, or batches.
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

    /// The draws of an epoch's batches, by their numbers.
    pub(super) fn of_batches(seed: u64, epoch: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(BATCHES | epoch as u64);
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

    /// A number from the first to the second, or the first if they are the same.
    pub(super) fn uniform(&mut self, [least, most]: [f64; 2]) -> f64 {
        least + self.unit() * (most - least)
    }

    /// Whether what has a chance of `p` is so.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() >= 1.0 - p
    }

    /// A number from 0 to below 1, in steps of 2⁻⁵³.
    fn unit(&mut self) -> f64 {
        self.below(1 << 53) as f64 / (1u64 << 53) as f64
    }

    /// Puts items in any order (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Shares that sum to 1, by the Dirichlet distribution whose parameters are all `alpha`.
    pub(super) fn dirichlet(&mut self, alpha: f64, shares: &mut [f64]) {
        let mut noise = self.noise();
        shares.iter_mut().for_each(|share| *share = noise.gamma(alpha));
        let sum: f64 = shares.iter().sum();
        if sum > 0.0 && sum.is_finite() {
            shares.iter_mut().for_each(|share| *share /= sum);
        } else {
            // Of so small an alpha one share is all but everything, of so great a one they are all the same.
            let even = 1.0 / shares.len() as f64;
            let whole = self.below(shares.len());
            for (index, share) in shares.iter_mut().enumerate() {
                *share = if sum > 0.0 { even } else { f64::from(u8::from(index == whole)) };
            }
        }
    }

    /// As many more draws as one wants, which are a function of this one.
    pub(super) fn noise(&mut self) -> Noise {
        Noise(ChaCha8Rng::seed_from_u64(self.below(usize::MAX) as u64))
    }

    fn seek(&mut self, stream: u64, word: u128) {
        if self.rng.get_stream() != stream {
            self.rng.set_stream(stream);
        }
        self.rng.set_word_pos(word);
    }
}

/// Any number of draws, from one of a [`Random`].
pub(super) struct Noise(ChaCha8Rng);

impl Noise {
    /// A number from 0 to below 1.
    fn unit(&mut self) -> f64 {
        below(&mut self.0, 1 << 53) as f64 / (1u64 << 53) as f64
    }

    /// A number of the standard normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A number of the gamma distribution of scale 1 (Marsaglia and Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * (1.0 - self.unit()).powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return d * v;
            }
        }
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
    fn numbers_and_chances_are_drawn_evenly() {
        let mut random = Random::new(3, 0);
        let numbers: Vec<f64> = (0..10_000)
            .map(|index| {
                random.start(index);
                random.uniform([-1.0, 3.0])
            })
            .collect();
        let mean = numbers.iter().sum::<f64>() / 10_000.0;
        // One standard deviation is 0.012.
        assert!((mean - 1.0).abs() < 0.04 && numbers.iter().all(|x| (-1.0..3.0).contains(x)), "{mean}");
        let mut drawn = |p| (0..10_000).filter(|_| random.chance(p)).count();
        assert_eq!((drawn(0.0), drawn(1.0)), (0, 10_000));
        // 43 is one standard deviation.
        assert!(drawn(0.25).abs_diff(2500) < 150);
    }

    #[test]
    fn normal_numbers_and_shares_have_their_mean_and_deviation() {
        let mut random = Random::new(9, 0);
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64)
        };
        let mut noise = random.noise();
        let (mean, variance) = moments(&(0..20_000).map(|_| noise.normal()).collect::<Vec<_>>());
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        for alpha in [0.2, 1.0, 4.0] {
            let firsts: Vec<f64> = (0..5000)
                .map(|index| {
                    random.start(index);
                    let mut shares = [0.0; 3];
                    random.dirichlet(alpha, &mut shares);
                    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    shares[0]
                })
                .collect();
            let (mean, variance) = moments(&firsts);
            // Mean 1/3 and variance 2/9 over 3 alpha + 1.
            let expected = 2.0 / 9.0 / (3.0 * alpha + 1.0);
            assert!((mean - 1.0 / 3.0).abs() < 0.03, "{alpha}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.08, "{alpha}: {variance}, expected {expected}");
        }
        for alpha in [f64::MIN_POSITIVE, f64::MAX] {
            let mut shares = [0.0; 4];
            random.dirichlet(alpha, &mut shares);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{alpha}: {shares:?}");
        }
    }

    #[test]
    fn half_a_chance_is_a_draw_of_two() {
        let mut random = Random::new(4, 1);
        for index in 0..100 {
            random.start(index);
            let drawn = random.below(2) == 1;
            random.start(index);
            assert_eq!(random.chance(0.5), drawn);
        }
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
