//! A set cut in parts: one to validate on, or folds for cross-validation.

use sha2::{Digest, Sha256};

use super::{DataError, Dataset};

impl Dataset {
    /// Cuts off `fraction` of the images, of each class its share: what is left, and the part.
    ///
    /// Which images these are follows from `seed` and their names (or from their places, where they have no names),
    /// never from the order of files. A class with two or more images has at least one on either side, a lone image
    /// stays with what is left. Images with several labels are drawn without regard to these.
    ///
    /// # Errors
    /// A fraction that is not between 0 and 1, or a set in which no image can be spared.
    ///
    /// ```
    /// use convnet::data;
    ///
    /// # fn main() -> Result<(), data::DataError> {
    /// let train = data::open(data::DEFAULT)?.train;
    /// let (rest, part) = train.split_stratified(0.1, 7)?;
    /// assert_eq!((rest.histogram(), part.histogram()), (vec![900; 10], vec![100; 10]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn split_stratified(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(DataError::Split {
                problem: format!("the part is {fraction} of it, expected more than 0 and less than 1"),
            });
        }
        let mut is_part = vec![false; self.len()];
        for class in self.drawn(seed) {
            let count = (class.len() as f64 * fraction).round() as usize;
            // A class of one image has none to spare.
            let count = count.max(1).min(class.len() - 1);
            class[..count].iter().for_each(|&index| is_part[index] = true);
        }
        let halves = [false, true].map(|part| self.subset(places(&is_part, part)));
        let [rest, part] = halves;
        match (rest, part) {
            (Ok(rest), Ok(part)) => Ok((rest, part)),
            _ => Err(DataError::Split {
                problem: format!(
                    "it has {} images of {} classes and none to spare; expected a class of at least 2 images",
                    self.len(),
                    self.histogram().iter().filter(|&&count| count > 0).count()
                ),
            }),
        }
    }

    /// The set cut in `count` parts of the same size but for one image, and of each class but for one image: for each
    /// of them all others together, and the part. Each image is in one part.
    ///
    /// What decides is as in [`Dataset::split_stratified`]. A class of fewer images than parts is missing in some
    /// of them, and in none of the others together unless it has one image alone.
    ///
    /// # Errors
    /// Fewer than 2 parts, or more than there are images.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<(Self, Self)>, DataError> {
        let fold_of = self.fold_of(count, seed)?;
        (0..count)
            .map(|fold| {
                let is_part: Vec<bool> = fold_of.iter().map(|&of| of == fold).collect();
                Ok((self.subset(places(&is_part, false))?, self.subset(places(&is_part, true))?))
            })
            .collect()
    }

    /// The part of [`Dataset::folds`] that each image is in, counted from 0.
    ///
    /// # Errors
    /// As there.
    pub fn fold_of(&self, count: usize, seed: u64) -> Result<Vec<usize>, DataError> {
        if count < 2 || count > self.len() {
            return Err(DataError::Split {
                problem: format!(
                    "it has {} images to be cut in {count} parts; expected at least 2 parts, and an image for each",
                    self.len()
                ),
            });
        }
        // Dealt out class after class: the next class begins where the last one ended.
        let mut fold_of = vec![0; self.len()];
        for (place, index) in self.drawn(seed).into_iter().flatten().enumerate() {
            fold_of[index] = place % count;
        }
        Ok(fold_of)
    }

    /// The images of each class that has some, in an order that is drawn by their names.
    fn drawn(&self, seed: u64) -> Vec<Vec<usize>> {
        let mut numbered: Vec<(u32, [u8; 32], String, usize)> = (0..self.len())
            .map(|index| {
                let name = self.name_of(index).unwrap_or_else(|| index.to_string());
                let mut hasher = Sha256::new();
                hasher.update(seed.to_le_bytes());
                hasher.update(name.as_bytes());
                let class = if self.multi_labels().is_some() { 0 } else { self.labels()[index] };
                (class, hasher.finalize().into(), name, index)
            })
            .collect();
        numbered.sort_unstable();
        let classes = numbered.chunk_by(|a, b| a.0 == b.0);
        classes.map(|class| class.iter().map(|&(.., index)| index).collect()).collect()
    }
}

/// The places of what is or is not in the part.
fn places(is_part: &[bool], part: bool) -> Vec<usize> {
    (0..is_part.len()).filter(|&index| is_part[index] == part).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::data::picture::tests::write_grey;
    use crate::data::samples::ImageFiles;

    /// Files of classes with so many images each, in an order of one's own.
    fn files(folder: &Path, counts: &[usize], backwards: bool) -> Dataset {
        let mut paths: Vec<(PathBuf, u32)> = counts
            .iter()
            .zip(0..)
            .flat_map(|(&count, class)| {
                (0..count).map(move |number| (format!("{class}-{number}.png"), class))
            })
            .map(|(name, class)| (folder.join(name), class))
            .collect();
        if backwards {
            paths.reverse();
        }
        paths.iter().for_each(|(path, class)| write_grey(path, 2, 2, *class as u8));
        let classes = (0..counts.len()).map(|class| class.to_string()).collect();
        Dataset::of("x", ImageFiles::new(paths), classes, (1, 2, 2)).unwrap()
    }

    fn names(set: &Dataset) -> HashSet<String> {
        (0..set.len()).map(|index| set.name_of(index).unwrap()).collect()
    }

    #[test]
    fn each_class_gives_its_share_and_keeps_one() {
        let folder = tempfile::tempdir().unwrap();
        let set = files(folder.path(), &[100, 33, 2, 1, 3], false);
        let (rest, part) = set.split_stratified(0.1, 5).unwrap();
        assert_eq!(part.histogram(), [10, 3, 1, 0, 1]);
        assert_eq!(rest.histogram(), [90, 30, 1, 1, 2]);
        assert!(names(&rest).is_disjoint(&names(&part)));
        assert_eq!((&rest.classes, rest.shape), (&set.classes, set.shape));
        for index in 0..part.len() {
            assert_eq!(u32::from(part.image(index).unwrap().pixels()[0]), part.labels()[index]);
        }
        let (rest, part) = set.split_stratified(0.999, 5).unwrap();
        assert_eq!((rest.histogram(), part.histogram()), (vec![1; 5], vec![99, 32, 1, 0, 2]));
    }

    #[test]
    fn seed_and_names_decide_and_the_order_of_files_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let set = files(folder.path(), &[40, 30], false);
        let part = |set: &Dataset, seed| names(&set.split_stratified(0.2, seed).unwrap().1);
        let backwards = files(folder.path(), &[40, 30], true);
        assert_eq!(part(&set, 1), part(&backwards, 1));
        assert_ne!(part(&set, 1), part(&set, 2));
        let folds = |set: &Dataset| -> Vec<_> {
            set.folds(3, 9).unwrap().iter().map(|(_, part)| names(part)).collect()
        };
        assert_eq!(folds(&set), folds(&backwards));
    }

    #[test]
    fn the_same_images_are_drawn_for_ever() {
        // Runs of earlier versions can be resumed.
        let set = Dataset::new("x", (0..20).collect(), vec![0; 20], vec!["a".into()], (1, 1, 1)).unwrap();
        let (_, part) = set.split_stratified(0.25, 3).unwrap();
        let drawn: Vec<u8> = (0..part.len()).map(|index| part.image(index).unwrap().pixels()[0]).collect();
        assert_eq!(drawn, [2, 5, 8, 9, 12]);
    }

    #[test]
    fn folds_hold_each_image_once() {
        let folder = tempfile::tempdir().unwrap();
        let set = files(folder.path(), &[11, 7, 2, 1], false);
        let folds = set.folds(4, 0).unwrap();
        let mut all = HashSet::new();
        for (rest, part) in &folds {
            assert_eq!(rest.len() + part.len(), 21);
            assert!((5..=6).contains(&part.len()));
            assert!(names(rest).is_disjoint(&names(part)));
            assert!((2..=3).contains(&part.histogram()[0]) && (1..=2).contains(&part.histogram()[1]));
            assert!(rest.histogram()[..3].iter().all(|&count| count > 0));
            names(part).into_iter().for_each(|name| assert!(all.insert(name)));
        }
        assert_eq!(all, names(&set));
    }

    #[test]
    fn what_cannot_be_cut_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let set = files(folder.path(), &[1, 1], false);
        let told = set.split_stratified(0.1, 0).unwrap_err().to_string();
        assert!(told.contains("2 images of 2 classes and none to spare"), "{told}");
        for fraction in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
            let told = set.split_stratified(fraction, 0).unwrap_err().to_string();
            assert!(told.contains("expected more than 0 and less than 1"), "{told}");
        }
        for count in [0, 1, 3, usize::MAX] {
            assert!(set.folds(count, 0).unwrap_err().to_string().contains("2 images to be cut"));
        }
        assert_eq!(set.folds(2, 0).unwrap().len(), 2);
    }

    #[test]
    fn parts_have_the_prints_of_their_images() {
        let folder = tempfile::tempdir().unwrap();
        let set = files(folder.path(), &[5, 5], false);
        let (rest, part) = set.split_stratified(0.3, 0).unwrap();
        let mut prints = [rest.prints().unwrap(), part.prints().unwrap()].concat();
        prints.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(prints, set.prints().unwrap());
        // A part of a part, and images in memory.
        let (_, inner) = rest.split_stratified(0.5, 0).unwrap();
        assert_eq!(inner.prints().unwrap().len(), inner.len());
        assert!(names(&inner).is_subset(&names(&rest)));
        let set = Dataset::new("x", (0..8).collect(), vec![0; 8], vec!["a".into()], (1, 1, 1)).unwrap();
        let all = set.subset((0..8).collect()).unwrap();
        assert_eq!(all.prints().unwrap(), set.prints().unwrap());
        let (rest, part) = set.split_stratified(0.5, 0).unwrap();
        assert_ne!(rest.prints().unwrap(), part.prints().unwrap());
        assert!(part.in_memory());
        assert!(set.subset(vec![8]).is_err() && set.subset(Vec::new()).is_err());
    }
}
