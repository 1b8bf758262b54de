//! Training images as they are changed at random, to be looked at.

use super::transform::{Draw, Runner};
use super::{Augment, DataError, Dataset, Image, Preprocess};

/// Some images of a set, each with its class's name: as it is at the set's size, then changed by chance `times` times,
/// as epochs of a run with this seed would change it. Where batches are mixed, the images are one batch.
///
/// They are the first of each class in turn, `count` or as many as there are.
///
/// ```
/// use convnet::data::{self, Augment, Preset, changed};
///
/// # fn main() -> Result<(), data::DataError> {
/// let train = data::open(data::DEFAULT)?.train;
/// let augment = Augment { preset: Preset::Strong, ..Augment::default() };
/// let rows = changed(&train, &augment, 12, 8, 0)?;
/// assert_eq!((rows.len(), rows[0].1.len()), (12, 1 + 8));
/// assert_eq!((&rows[0].0, &rows[10].0), (&train.classes[0], &train.classes[0]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the changes cannot be made of images of this size, or an image cannot be read.
pub fn changed(
    data: &Dataset,
    augment: &Augment,
    count: usize,
    times: usize,
    seed: u64,
) -> Result<Vec<(String, Vec<Image<'static>>)>, DataError> {
    let (channels, height, width) = data.shape;
    augment.check_for([height, width])?;
    let preprocess = Preprocess::plain([channels, height, width]);
    let places = first_of_each_class(data, count);
    let name = |&place: &usize| data.classes[data.labels()[place] as usize].clone();
    let mut rows: Vec<(String, Vec<Image>)> = places.iter().map(|place| (name(place), Vec::new())).collect();
    let size = preprocess.len();
    let plain = preprocess.pipeline(data.shape, &Augment::default());
    let pipeline = preprocess.pipeline(data.shape, augment);
    let originals = augment.takes_originals([height, width]);
    let mut add = |values: &[f32]| -> Result<(), DataError> {
        for (row, values) in rows.iter_mut().zip(values.chunks_exact(size)) {
            let levels = values.iter().map(|x| (255.0 * x).round() as u8).collect::<Vec<_>>();
            row.1.push(Image::new(data.shape, levels)?);
        }
        Ok(())
    };
    let mut values = Vec::with_capacity(places.len() * size);
    for &place in &places {
        values.extend(plain.apply(&data.image(place)?, Draw::default()));
    }
    add(&values)?;
    let photos = originals.then(|| data.photos());
    let source = photos.as_ref().unwrap_or(data);
    for epoch in 0..times {
        let mut runner = Runner::new(&pipeline, seed, epoch);
        for (&place, out) in places.iter().zip(values.chunks_exact_mut(size)) {
            runner.run(&source.image(place)?, place, out);
        }
        if let Some(mix) = augment.mix() {
            mix.apply((seed, epoch, 0), &mut values, preprocess.input());
        }
        add(&values)?;
    }
    Ok(rows)
}

/// The places of the first image of each class, then of the second ones, up to `count`.
fn first_of_each_class(data: &Dataset, count: usize) -> Vec<usize> {
    let mut seen = vec![0; data.classes.len()];
    let mut ranked: Vec<(usize, u32, usize)> = Vec::with_capacity(data.len());
    for (place, &label) in data.labels().iter().enumerate() {
        ranked.push((seen[label as usize], label, place));
        seen[label as usize] += 1;
    }
    ranked.sort_unstable();
    ranked.into_iter().take(count).map(|(_, _, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_of_each_class_in_turn_and_as_epochs_change_them() {
        let pixels = (0..7 * 16).map(|i| (i * 3 % 256) as u8).collect();
        let classes = ["a", "b"].map(String::from).to_vec();
        let set = Dataset::new("x", pixels, vec![0, 0, 0, 1, 1, 0, 0], classes, (1, 4, 4)).unwrap();
        assert_eq!(first_of_each_class(&set, 5), [0, 3, 1, 4, 2]);
        assert_eq!(first_of_each_class(&set, 50).len(), 7);
        let read = |text: &str| toml::from_str::<Augment>(text).unwrap();
        let rows = changed(&set, &read("flip = true"), 3, 6, 1).unwrap();
        assert_eq!(rows.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
        for ((_, images), place) in rows.iter().zip([0, 3, 1]) {
            let image = set.image(place).unwrap();
            assert_eq!(images[0], image);
            let mirrored: Vec<u8> =
                image.pixels().chunks(4).flat_map(|row| row.iter().rev().copied()).collect();
            assert!(images[1..].iter().all(|changed| changed == &image || changed.pixels() == mirrored));
            assert!(images[1..].iter().any(|changed| changed == &image));
            assert!(images[1..].iter().any(|changed| changed != &image));
        }
        let mixed = changed(&set, &read("mixup = 1.0"), 3, 2, 1).unwrap();
        assert!(mixed.iter().all(|(_, images)| images[1] != images[0]));
        assert!(changed(&set, &read("crop = 4"), 3, 2, 1).is_err());
    }
}
