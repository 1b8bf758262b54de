//! Images of different splits that show the same picture, although their bytes differ.

use std::f32::consts::PI;

use super::dataset::at_shape;
use super::transform::Chain;
use super::{DataError, DataSets, Dataset, Image, parallel};

/// Rows and columns of the picture that is compared.
const SIDE: usize = 32;
/// Frequencies along each axis that make the hash.
const LOW: usize = 8;

/// The most bits in which the hashes of two images differ that are compared pixel by pixel, and the least correlation of
/// their pixels at 32 × 32 from which they are told as the same picture.
///
/// Tried on 240 generated photos and on Fashion-MNIST (`tools/near_figures.py`): of the photos, saved again as JPEG of
/// quality 90 to 30, halved, doubled, brightened or blurred, 68 to 89% are found (of those that lost 2% at each edge
/// hardly any), and no two different ones are told; of Fashion-MNIST 80 to 100% are found after JPEG or brightening, and
/// 11 of 2,000 test images have such a double among 20,000 training images. By the hash alone 1,607 of them would have.
const MOST_BITS: u32 = 10;
const LEAST_LIKENESS: f32 = 0.99;
/// Pixels that all have nearly the same level show nothing that could be compared: the least sum of their squared
/// differences from the mean, one level each.
const LEAST_CONTRAST: f32 = (SIDE * SIDE) as f32;

/// The most pairs of images whose hashes are compared.
const MOST_PAIRS: u64 = 1 << 34;
/// The most pairs that are compared pixel by pixel.
const MOST_COMPARED: usize = 1 << 20;

/// Two images that show the same picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The split of the first (`training`, `validation`), its place there, and its name if it has one.
    pub first: Seen,
    /// The same of the second, which is of a later split.
    pub second: Seen,
    /// Bits in which their hashes differ.
    pub bits: u32,
    /// The correlation of their pixels, at most 1.
    pub likeness: f32,
}

/// An image of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `training`, `validation` or `test`.
    pub split: &'static str,
    /// Its place.
    pub index: usize,
    /// Its file's path below the set's folder, or its number.
    pub name: String,
    /// Its class.
    pub label: u32,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NearRepeats {
    /// For each image of a later split the one before that is most like it.
    pub found: Vec<Near>,
    /// Why not all were compared, if so.
    pub left: Option<String>,
}

/// An image as it is compared.
struct Look {
    hash: u64,
    /// Of no mean, and of length 1 unless it shows nothing.
    pixels: Vec<f32>,
}

impl DataSets {
    /// Images that show the same picture as one of another split: copies, and what became of them by another size, format
    /// or brightness. Images are compared at the set's size.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn near_repeats(&self) -> Result<NearRepeats, DataError> {
        let splits: Vec<(&'static str, &Dataset)> = self.splits().collect();
        let mut result = NearRepeats::default();
        let (mut pairs, mut compared) = (0u64, 0);
        for later in 1..splits.len() {
            let earlier: u64 = splits[..later].iter().map(|(_, set)| set.len() as u64).sum();
            pairs = pairs.saturating_add(earlier.saturating_mul(splits[later].1.len() as u64));
        }
        if pairs > MOST_PAIRS {
            result.left =
                Some(format!("{pairs} pairs of images were not compared, which is more than {MOST_PAIRS}"));
            return Ok(result);
        }
        let hashes = splits.iter().map(|(_, set)| hashes(set)).collect::<Result<Vec<_>, _>>()?;
        for later in 1..splits.len() {
            let numbers: Vec<usize> = (0..hashes[later].len()).collect();
            let candidates = parallel::map(&numbers, |&index| {
                Ok::<_, DataError>(like(hashes[later][index], &hashes[..later]))
            })?;
            compared += candidates.iter().map(Vec::len).sum::<usize>();
            if compared > MOST_COMPARED {
                result.left = Some(format!(
                    "{compared} pairs look alike at a glance, and were not compared any closer"
                ));
                return Ok(result);
            }
            let best = parallel::map(&numbers, |&index| match candidates[index].is_empty() {
                true => Ok(None),
                false => best(&splits, later, index, &candidates[index]),
            })?;
            result.found.extend(best.into_iter().flatten());
        }
        Ok(result)
    }
}

/// Where images lie whose hashes are nearly a given one: split, place and bits that differ.
fn like(hash: u64, splits: &[Vec<u64>]) -> Vec<(usize, usize, u32)> {
    let mut found = Vec::new();
    for (split, hashes) in splits.iter().enumerate() {
        for (index, other) in hashes.iter().enumerate() {
            let bits = (hash ^ other).count_ones();
            if bits <= MOST_BITS {
                found.push((split, index, bits));
            }
        }
    }
    found
}

/// The candidate that is most like an image, if it is enough so.
fn best(
    splits: &[(&'static str, &Dataset)],
    later: usize,
    index: usize,
    candidates: &[(usize, usize, u32)],
) -> Result<Option<Near>, DataError> {
    let mut chain = Chain::new(&at_shape((1, SIDE, SIDE)));
    let own = Look::of(&splits[later].1.image(index)?, &mut chain);
    let mut found: Option<(f32, usize, usize, u32)> = None;
    for &(split, place, bits) in candidates {
        let likeness = own.likeness(&Look::of(&splits[split].1.image(place)?, &mut chain));
        if likeness >= LEAST_LIKENESS && found.is_none_or(|(most, ..)| likeness > most) {
            found = Some((likeness, split, place, bits));
        }
    }
    let seen = |split: usize, index: usize| {
        let (name, set) = splits[split];
        let file = set.name_of(index).unwrap_or_else(|| format!("{name} image {index}"));
        Seen { split: name, index, name: file, label: set.labels()[index] }
    };
    Ok(found.map(|(likeness, split, place, bits)| Near {
        first: seen(split, place),
        second: seen(later, index),
        bits,
        likeness: likeness.min(1.0),
    }))
}

fn hashes(set: &Dataset) -> Result<Vec<u64>, DataError> {
    let mut hashes = vec![0; set.len()];
    let threads = parallel::threads(set.len());
    let mut chains: Vec<Chain> = (0..threads).map(|_| Chain::new(&at_shape((1, SIDE, SIDE)))).collect();
    parallel::for_each(
        &mut chains,
        hashes.iter_mut().enumerate(),
        |chain, (index, hash)| -> Result<(), DataError> {
            *hash = Look::of(&set.image(index)?, chain).hash;
            Ok(())
        },
    )?;
    Ok(hashes)
}

impl Look {
    fn of(image: &Image<'_>, chain: &mut Chain) -> Self {
        let small = chain.run(image);
        let mut pixels: Vec<f32> = small.pixels().iter().map(|&level| f32::from(level)).collect();
        let mean = pixels.iter().sum::<f32>() / pixels.len() as f32;
        pixels.iter_mut().for_each(|pixel| *pixel -= mean);
        let hash = hash(&pixels);
        let squares: f32 = pixels.iter().map(|pixel| pixel * pixel).sum();
        let scale = if squares < LEAST_CONTRAST { 0.0 } else { squares.sqrt().recip() };
        pixels.iter_mut().for_each(|pixel| *pixel *= scale);
        Self { hash, pixels }
    }

    fn likeness(&self, other: &Self) -> f32 {
        self.pixels.iter().zip(&other.pixels).map(|(a, b)| a * b).sum()
    }
}

/// A bit for each of the lowest frequencies of the discrete cosine transform: whether it is above their median, but for
/// the mean's.
fn hash(pixels: &[f32]) -> u64 {
    let wave = |frequency: usize, place: usize| {
        (PI * frequency as f32 * (2 * place + 1) as f32 / (2 * SIDE) as f32).cos()
    };
    let waves: Vec<[f32; SIDE]> =
        (0..LOW).map(|frequency| std::array::from_fn(|place| wave(frequency, place))).collect();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    // Rows first: a frequency along each of them.
    let rows: Vec<[f32; SIDE]> = waves
        .iter()
        .map(|wave| std::array::from_fn(|row| dot(&pixels[row * SIDE..][..SIDE], wave)))
        .collect();
    let mut values = [0.0; LOW * LOW];
    for (across, row) in rows.iter().enumerate() {
        for (down, wave) in waves.iter().enumerate() {
            values[down * LOW + across] = dot(row, wave);
        }
    }
    let mut sorted = values[1..].to_vec();
    sorted.sort_by(f32::total_cmp);
    let median = sorted[sorted.len() / 2];
    values
        .iter()
        .enumerate()
        .fold(0, |hash, (place, &value)| hash | u64::from(place > 0 && value > median) << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of its own: sums of waves, at any size.
    fn picture(seed: u32, side: usize, gain: f32) -> Vec<u8> {
        // Two rounds of multiplying and folding: numbers of neighbours have nothing in common.
        let fold = |x: u32| (x ^ x >> 15).wrapping_mul(0x2c1b_3c6d);
        let number = |k: u32| (fold(fold(seed * 37 + k + 1)) >> 8) as f32 / (1 << 24) as f32;
        let waves: Vec<[f32; 3]> =
            (0..6).map(|k| [number(3 * k) * 9.0, number(3 * k + 1) * 9.0, number(3 * k + 2) * 6.3]).collect();
        let at = |place: usize| (place as f32 + 0.5) / side as f32;
        let level = |y: usize, x: usize| -> f32 {
            waves.iter().map(|[a, b, c]| (a * at(x) + b * at(y) + c).sin()).sum()
        };
        (0..side * side).map(|i| (128.0 + gain * level(i / side, i % side)).clamp(0.0, 255.0) as u8).collect()
    }

    fn set(pictures: &[(u32, f32)], side: usize) -> Dataset {
        let pixels = pictures.iter().flat_map(|&(seed, gain)| picture(seed, side, gain)).collect();
        let classes = vec!["a".to_owned(), "b".to_owned()];
        let labels = pictures.iter().map(|&(seed, _)| seed % 2).collect();
        Dataset::new("x", pixels, labels, classes, (1, side, side)).unwrap()
    }

    #[test]
    fn the_same_picture_is_found_at_another_size_and_brightness() {
        let train: Vec<(u32, f32)> = (0..60).map(|seed| (seed, 20.0)).collect();
        let test: Vec<(u32, f32)> = (50..80).map(|seed| (seed, 16.0)).collect();
        let sets = DataSets::new("x", set(&train, 64), set(&test, 48));
        let found = sets.near_repeats().unwrap();
        assert_eq!(found.left, None);
        let pairs: Vec<(usize, usize)> =
            found.found.iter().map(|near| (near.first.index, near.second.index)).collect();
        assert_eq!(pairs, (0..10).map(|i| (50 + i, i)).collect::<Vec<_>>());
        let first = &found.found[0];
        assert!(first.likeness > 0.99 && first.bits <= MOST_BITS, "{first:?}");
        assert_eq!((first.first.name.as_str(), first.second.split), ("training image 50", "test"));
    }

    #[test]
    fn all_pairs_of_splits_are_compared_and_blank_images_are_none() {
        let (train, validation) = (set(&[(0, 20.0), (1, 0.0)], 32), set(&[(2, 20.0), (3, 0.0)], 32));
        let test = set(&[(2, 20.0), (0, 20.0), (5, 0.1)], 32);
        let sets = DataSets { validation: Some(validation), ..DataSets::new("x", train, test) };
        let found = sets.near_repeats().unwrap().found;
        let told: Vec<(&str, usize, usize)> =
            found.iter().map(|near| (near.first.split, near.first.index, near.second.index)).collect();
        assert_eq!(told, [("validation", 0, 0), ("training", 0, 1)]);
        assert!(found.iter().all(|near| near.bits == 0));
    }
}
