//! Images of a batch mixed with one another, and their classes with them: mixup and CutMix.

use std::ops::Range;

use super::random::Random;
use crate::moved::Mixed;

/// Which batches are mixed, and how.
///
/// Each image is mixed with the one before it in its batch, the first with the last, as torchvision's `v2.MixUp` and
/// `v2.CutMix` do. What is drawn is one share a batch, a function of seed, epoch and the batch's number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// α of mixup (Zhang et al. 2018), which adds images: the share of an image is drawn from Beta(α, α). 0 for none.
    pub mixup: f64,
    /// α of CutMix (Yun et al. 2019), which pastes a box of one image into the other: likewise. 0 for none.
    pub cutmix: f64,
    /// The part of the batches that is mixed.
    pub probability: f64,
    /// The part of these that gets CutMix, where both are to be had.
    pub switch: f64,
}

impl Mix {
    /// Mixes the images of a batch, of `shape` (channels, height, width), that is known by seed, epoch and number.
    pub(super) fn apply(
        &self,
        (seed, epoch, number): (u64, usize, usize),
        images: &mut [f32],
        shape: [usize; 3],
    ) {
        let mut random = Random::of_batches(seed, epoch);
        if let Some(mixed) = self.draw(&mut random, number, shape) {
            mixed.apply(images, shape);
        }
    }

    /// What the batch of a number gets; images are of `shape` (channels, height, width).
    pub(super) fn draw(&self, random: &mut Random, number: usize, shape: [usize; 3]) -> Option<Mixed> {
        random.start(number);
        if !random.chance(self.probability) {
            return None;
        }
        let cut = match (self.mixup > 0.0, self.cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => random.chance(self.switch),
            (_, cut) => cut,
        };
        let share = beta(if cut { self.cutmix } else { self.mixup }, random);
        if !cut {
            return Some(Mixed::Mixup { share });
        }
        // torchvision draws the column first.
        let [_, height, width] = shape;
        let [column, row] = [width, height].map(|side| random.below(side));
        Some(Mixed::CutMix { rows: part(row, height, share), columns: part(column, width, share) })
    }
}

/// Where the box of CutMix lies on an axis: around a place, and cut off at the border.
fn part(middle: usize, side: usize, share: f64) -> Range<usize> {
    let half = (0.5 * (1.0 - share).sqrt() * side as f64) as usize;
    middle.saturating_sub(half)..(middle + half).min(side)
}

impl Mixed {
    /// Mixes images of `shape` (channels, height, width) that lie one behind the other.
    pub(super) fn apply(&self, images: &mut [f32], shape: [usize; 3]) {
        let [_, height, width] = shape;
        let size = shape.iter().product();
        match self {
            Self::Mixup { share } => with_the_one_before(images, size, |to, from| blend(to, from, *share)),
            Self::CutMix { rows, columns } => {
                with_the_one_before(images, size, |to, from| {
                    let planes = to.chunks_exact_mut(height * width).zip(from.chunks_exact(height * width));
                    for (to, from) in planes {
                        for row in rows.clone() {
                            let line = row * width + columns.start..row * width + columns.end;
                            to[line.clone()].copy_from_slice(&from[line]);
                        }
                    }
                });
            }
        }
    }

    /// The same of what is known of images of `shape` (channels, height, width): of how many `classes` each is of which, a row
    /// an image.
    pub(super) fn apply_to_shares(&self, shares: &mut [f32], classes: usize, [_, height, width]: [usize; 3]) {
        let share = match self {
            Self::Mixup { share } => *share,
            // The area that is the image's own, which the border may have made larger than what was drawn.
            Self::CutMix { rows, columns } => {
                1.0 - (rows.len() * columns.len()) as f64 / (height * width) as f64
            }
        };
        with_the_one_before(shares, classes, |to, from| blend(to, from, share));
    }
}

/// Changes each row by the one before it as it was, the first by the last.
fn with_the_one_before(values: &mut [f32], size: usize, change: impl Fn(&mut [f32], &[f32])) {
    let Some(last) = values.chunks_exact(size).next_back().map(<[f32]>::to_vec) else { return };
    for start in (size..values.len()).step_by(size).rev() {
        let (before, from_here) = values.split_at_mut(start);
        change(&mut from_here[..size], &before[start - size..]);
    }
    change(&mut values[..size], &last);
}

fn blend(to: &mut [f32], from: &[f32], share: f64) {
    let [own, other] = Mixed::parts(share);
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from * other + *to * own);
}

/// A number from Beta(α, α), by Jöhnk's rule (1964) up to α = 1 and by Cheng's BB (1978) above.
fn beta(alpha: f64, random: &mut Random) -> f64 {
    if alpha <= 1.0 { johnk(alpha, random) } else { cheng(alpha, random) }
}

fn johnk(alpha: f64, random: &mut Random) -> f64 {
    loop {
        // From above 0, so that the logarithm is finite.
        let [x, y] = [(); 2].map(|()| (1.0 - random.uniform([0.0, 1.0])).ln() / alpha);
        if x.exp() + y.exp() <= 1.0 {
            // eˣ / (eˣ + eʸ), where both may be too small to be told from 0.
            return 1.0 / (1.0 + (y - x).exp());
        }
    }
}

fn cheng(alpha: f64, random: &mut Random) -> f64 {
    let sum = 2.0 * alpha;
    let slope = ((sum - 2.0) / (sum * alpha - sum)).sqrt();
    loop {
        let [u, v] = [(); 2].map(|()| 1.0 - random.uniform([0.0, 1.0]));
        let odds = slope * (u / (1.0 - u)).ln();
        let weight = alpha * odds.exp();
        let ratio = alpha / (alpha + weight);
        let bound = (alpha + 1.0 / slope) * odds - 4_f64.ln() + sum * (2.0 * ratio).ln();
        if bound >= (u * u * v).ln() {
            return 1.0 - ratio;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The figures of these tests are those of tools/mix_golden.py.
    const SHAPE: [usize; 3] = [1, 3, 4];

    /// Three images and their classes, pixel p of image n being n + p / 16.
    fn batch() -> (Vec<f32>, Vec<f32>) {
        let images = (0..3).flat_map(|n| (0..12).map(move |p| n as f32 + p as f32 / 16.0)).collect();
        (images, vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    }

    fn mixed(by: &Mixed) -> (Vec<f32>, Vec<f32>) {
        let (mut images, mut shares) = batch();
        by.apply(&mut images, SHAPE);
        by.apply_to_shares(&mut shares, 3, SHAPE);
        (images, shares)
    }

    #[test]
    fn a_given_share_mixes_as_torchvision_does() {
        let (images, shares) = mixed(&Mixed::Mixup { share: 0.3 });
        let expected = [
            1.399_999_976_158_142,
            1.462_499_976_158_142,
            1.524_999_976_158_142,
            1.587_499_976_158_142,
            1.649_999_976_158_142,
            1.712_499_976_158_142,
            1.774_999_976_158_142,
            1.837_499_976_158_142,
            1.899_999_976_158_142,
            1.962_499_976_158_142,
            2.025_000_095_367_431_6,
            2.087_500_095_367_431_6,
            0.300_000_011_920_928_96,
            0.362_500_011_920_928_96,
            0.425_000_011_920_928_96,
            0.487_500_011_920_928_96,
            0.550_000_011_920_929,
            0.612_500_011_920_929,
            0.675_000_011_920_929,
            0.737_500_011_920_929,
            0.800_000_011_920_929,
            0.862_500_011_920_929,
            0.925_000_011_920_929,
            0.987_500_011_920_929,
            1.299_999_952_316_284_2,
            1.362_499_952_316_284_2,
            1.424_999_952_316_284_2,
            1.487_499_952_316_284_2,
            1.549_999_952_316_284_2,
            1.612_499_952_316_284_2,
            1.674_999_952_316_284_2,
            1.737_500_071_525_573_7,
            1.799_999_952_316_284_2,
            1.862_499_952_316_284_2,
            1.924_999_952_316_284_2,
            1.987_499_952_316_284_2,
        ]
        .map(|x: f64| x as f32);
        // To the last bit but for torch's fused additions.
        assert!(images.iter().zip(expected).all(|(x, y)| (x - y).abs() <= 1.2e-7), "{images:?}");
        assert_eq!(shares, [0.0, 0.7, 0.3, 0.3, 0.0, 0.7, 0.7, 0.3, 0.0]);
    }

    #[test]
    fn a_given_box_is_pasted_as_torchvision_does() {
        // Columns 1 and 2 of rows 0 and 1: a third of the area.
        let (images, shares) = mixed(&Mixed::CutMix { rows: 0..2, columns: 1..3 });
        let expected = [
            0.0, 2.0625, 2.125, 0.1875, 0.25, 2.3125, 2.375, 0.4375, 0.5, 0.5625, 0.625, 0.6875, 1.0, 0.0625,
            0.125, 1.1875, 1.25, 0.3125, 0.375, 1.4375, 1.5, 1.5625, 1.625, 1.6875, 2.0, 1.0625, 1.125,
            2.1875, 2.25, 1.3125, 1.375, 2.4375, 2.5, 2.5625, 2.625, 2.6875,
        ];
        assert_eq!(images, expected);
        let (third, rest) = ((1.0 - (1.0 - 4.0 / 12.0)) as f32, (1.0 - 4.0 / 12.0) as f32);
        assert_eq!(shares, [0.0, third, rest, rest, 0.0, third, third, rest, 0.0]);
    }

    #[test]
    fn boxes_and_their_shares_are_torchvisions() {
        for (share, [column, row], [x1, y1, x2, y2]) in [
            (0.3, [2, 1], [0, 0, 5, 3]),
            (0.75, [7, 4], [5, 3, 8, 5]),
            (0.999, [3, 3], [3, 3, 3, 3]),
            (0.0, [4, 2], [0, 0, 8, 4]),
        ] {
            assert_eq!((part(column, 8, share), part(row, 5, share)), (x1..x2, y1..y2), "{share}");
        }
        // What the border cuts off counts for the image itself.
        let mut shares = [1.0, 0.0, 0.0, 1.0];
        let cut = Mixed::CutMix { rows: 0..3, columns: 0..5 };
        cut.apply_to_shares(&mut shares, 2, [1, 5, 8]);
        assert_eq!(shares, [0.625, 0.375, 0.375, 0.625]);
    }

    #[test]
    fn labels_are_shared_as_timm_shares_them() {
        // timm pairs an image with the one at the same place from the end: of two images, with the other one.
        let mut shares = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        Mixed::Mixup { share: 0.3 }.apply_to_shares(&mut shares, 3, [1, 1, 1]);
        assert_eq!(shares, [0.0, 0.7, 0.3, 0.0, 0.3, 0.7]);
    }

    #[test]
    fn an_image_alone_stays_as_it_is() {
        for by in [Mixed::Mixup { share: 0.25 }, Mixed::CutMix { rows: 0..1, columns: 0..2 }] {
            let (mut images, mut shares) = ([1.0, 2.0], [0.0, 1.0]);
            by.apply(&mut images, [1, 1, 2]);
            by.apply_to_shares(&mut shares, 2, [1, 1, 2]);
            assert_eq!((images, shares), ([1.0, 2.0], [0.0, 1.0]));
            by.apply(&mut [], [1, 1, 2]);
            by.apply_to_shares(&mut [], 2, [1, 1, 2]);
        }
    }

    #[test]
    fn shares_are_drawn_from_beta() {
        let mut random = Random::of_batches(3, 0);
        // Variances and quantiles of scipy.stats.beta.
        for (alpha, variance, quantiles) in [
            (0.1, 0.208_333, [0.0, 0.000_845, 0.086_399, 0.5]),
            (0.2, 0.178_571, [0.000_248, 0.023_815, 0.216_342, 0.5]),
            (0.5, 0.125, [0.024_472, 0.146_447, 0.345_492, 0.5]),
            (1.0, 0.083_333, [0.1, 0.25, 0.4, 0.5]),
            (1.5, 0.0625, [0.156_476, 0.298_014, 0.421_132, 0.5]),
            (4.0, 0.027_778, [0.278_602, 0.378_848, 0.453_896, 0.5]),
        ] {
            const COUNT: usize = 20_000;
            let drawn: Vec<f64> = (0..COUNT)
                .map(|number| {
                    random.start(number);
                    beta(alpha, &mut random)
                })
                .collect();
            assert!(drawn.iter().all(|x| (0.0..=1.0).contains(x)));
            let mean = drawn.iter().sum::<f64>() / COUNT as f64;
            let found = drawn.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / COUNT as f64;
            // Some four standard deviations of each figure.
            assert!(
                (mean - 0.5).abs() < 0.013 && (found / variance - 1.0).abs() < 0.035,
                "{alpha} {mean} {found}"
            );
            for (part, quantile) in [0.1, 0.25, 0.4, 0.5].into_iter().zip(quantiles) {
                let below = drawn.iter().filter(|x| **x < quantile).count() as f64 / COUNT as f64;
                // A quantile that is given as 0 is smaller than its digits.
                assert!(quantile == 0.0 || (below - part).abs() < 0.015, "{alpha} {part} {below}");
            }
        }
        random.start(0);
        assert!((0..100).all(|_| (0.0..=1.0).contains(&beta(1e-6, &mut random))));
        assert!((0..100).all(|_| (beta(1000.0, &mut random) - 0.5).abs() < 0.1));
    }

    #[test]
    fn both_are_drawn_as_often_as_they_are_asked_for() {
        let mut random = Random::of_batches(1, 0);
        let mut counts = |mix: Mix| {
            let mut counts = [0; 3];
            for number in 0..2000 {
                counts[match mix.draw(&mut random, number, [3, 8, 8]) {
                    None => 0,
                    Some(Mixed::Mixup { .. }) => 1,
                    Some(Mixed::CutMix { .. }) => 2,
                }] += 1;
            }
            counts
        };
        let both = Mix { mixup: 0.2, cutmix: 1.0, probability: 0.8, switch: 0.25 };
        let [none, mixup, cutmix] = counts(both);
        assert!((340..460).contains(&none) && (1120..1280).contains(&mixup) && (340..460).contains(&cutmix));
        assert_eq!(counts(Mix { probability: 1.0, cutmix: 0.0, ..both }), [0, 2000, 0]);
        assert_eq!(counts(Mix { probability: 1.0, mixup: 0.0, ..both }), [0, 0, 2000]);
        assert_eq!(counts(Mix { probability: 0.0, ..both }), [2000, 0, 0]);
    }
}
