//! Labelled images and their classes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::parallel;
use super::photos::Photos;
use super::samples::{InMemory, Originals, Relabeled, Samples, Subset};
use super::transform::{CenterCrop, Chain, Grayscale, Resize, Round, Transform};
use super::{ClassMatch, DataError, Image, MultiLabels, Print};
use crate::moved::SetId;

/// Labelled images, given one by one, and the names of their classes. Clones share the images.
#[derive(Clone, Debug)]
pub struct Dataset {
    samples: Arc<dyn Samples>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Channels (1 grey, 3 RGB), height, width. Images of another size are resized to cover it, and their middle is
    /// taken.
    pub shape: (usize, usize, usize),
    /// The same images of any size, once they were asked for.
    photos: Arc<OnceLock<Arc<Photos>>>,
    /// What tells the set from others.
    id: SetId,
}

impl Dataset {
    /// Images of one size in memory, in the order N, C, H, W; `origin` names the set in errors.
    ///
    /// # Errors
    /// If the pixels are not those of one image a label, if a label has no class, or if there is no image.
    pub fn new(
        origin: &str,
        images: Vec<u8>,
        labels: Vec<u32>,
        classes: Vec<String>,
        shape: (usize, usize, usize),
    ) -> Result<Self, DataError> {
        Self::of(origin, InMemory::new(origin, images, labels, shape)?, classes, shape)
    }

    /// Images that `samples` gives, to be brought to one size; `origin` names the set in errors.
    ///
    /// # Errors
    /// If a label has no class, or if there is no image.
    pub fn of(
        origin: &str,
        samples: impl Samples + 'static,
        classes: Vec<String>,
        shape: (usize, usize, usize),
    ) -> Result<Self, DataError> {
        let labels = samples.labels();
        if labels.is_empty() || [shape.0, shape.1, shape.2].contains(&0) {
            return Err(DataError::NoImages { origin: origin.to_owned() });
        }
        if let Some((index, &label)) = labels.iter().enumerate().find(|&(_, &l)| l as usize >= classes.len())
        {
            return Err(DataError::Label { origin: origin.to_owned(), index, label, classes: classes.len() });
        }
        if let Some(multi) = samples.multi_labels() {
            if multi.len() != labels.len() {
                let (origin, images) = (origin.to_owned(), labels.len());
                return Err(DataError::Counts { origin, images, labels: multi.len() });
            }
            if multi.classes() != classes.len() {
                let (origin, expected) = (origin.to_owned(), classes.len());
                return Err(DataError::LabelClasses { origin, found: multi.classes(), expected });
            }
        }
        let samples = Arc::new(samples);
        Ok(Self { samples, classes, shape, photos: Arc::default(), id: SetId::default() })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels().len()
    }

    /// Whether there is no image; such a set does not exist.
    pub fn is_empty(&self) -> bool {
        self.labels().is_empty()
    }

    /// The class of each image, an index into `classes`.
    pub fn labels(&self) -> &[u32] {
        self.samples.labels()
    }

    /// All classes of each image, where an image may have several or none; [`Dataset::labels`] are then its first, or 0.
    pub fn multi_labels(&self) -> Option<&MultiLabels> {
        self.samples.multi_labels()
    }

    /// One image, as its source gives it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.image(index)
    }

    /// One image as it is in its file, of any size.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.original(index)
    }

    /// The levels of all images as their source gives them, one behind the other: (N, C, H, W) where all are alike. A copy.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn levels(&self) -> Result<Vec<u8>, DataError> {
        let mut levels = Vec::new();
        for index in 0..self.len() {
            levels.extend_from_slice(self.image(index)?.pixels());
        }
        Ok(levels)
    }

    /// Whether all images are in memory, and of the set's size and channels, in their files too.
    pub(super) fn is_uniform(&self) -> bool {
        self.samples.is_uniform()
    }

    /// What tells the set from others.
    pub(super) fn id(&self) -> &SetId {
        &self.id
    }

    /// Whether images are in memory and not decoded when they are asked for.
    pub fn in_memory(&self) -> bool {
        self.samples.in_memory()
    }

    /// The same images, class *i* being `matched.outputs()[i]` of these classes.
    ///
    /// # Errors
    /// If there is no class of that number.
    pub fn among(&self, classes: &[String], matched: &ClassMatch) -> Result<Self, DataError> {
        self.renumbered(classes, matched.outputs())
    }

    /// The same images, class *i* being `numbers[i]` of these classes.
    pub(super) fn renumbered(&self, classes: &[String], numbers: &[u32]) -> Result<Self, DataError> {
        let samples = Relabeled::new(Arc::clone(&self.samples), numbers, classes.len());
        Self::of("the set among other classes", samples, classes.to_vec(), self.shape)
    }

    /// Some of the images, by their places.
    ///
    /// # Errors
    /// If there is none, or a place is beyond the last image.
    pub fn subset(&self, indices: Vec<usize>) -> Result<Self, DataError> {
        let beyond = indices.iter().find(|&&index| index >= self.len()).copied();
        let Some(subset) = Subset::new(Arc::clone(&self.samples), indices) else {
            let (place, last) = (beyond.unwrap_or_default(), self.len() - 1);
            let problem = format!("image {place} was asked for, expected 0 to {last}");
            return Err(DataError::Split { problem });
        };
        Self::of("a part of the set", subset, self.classes.clone(), self.shape)
    }

    /// What an image is called, if its source has names: the path of its file below the set's folder.
    pub fn name_of(&self, index: usize) -> Option<String> {
        self.samples.name(index)
    }

    /// Images that were left out because they cannot be decoded, each with what is wrong.
    pub fn skipped(&self) -> &[String] {
        self.samples.skipped()
    }

    /// How many images have each mode: `grey`, `RGB`, and where files tell more, with opacity or of 16 bits.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn modes(&self) -> Result<BTreeMap<&'static str, usize>, DataError> {
        let all: Vec<usize> = (0..self.len()).collect();
        let modes = match self.in_memory() && self.name_of(0).is_none() {
            // In memory alone: all are alike.
            true => vec![self.samples.mode(0)?; self.len()],
            false => parallel::map(&all, |&index| self.samples.mode(index))?,
        };
        let mut counts = BTreeMap::new();
        modes.into_iter().for_each(|mode| *counts.entry(mode).or_insert(0) += 1);
        Ok(counts)
    }

    /// The same images as they are in their files, of any size.
    pub(super) fn originals(&self) -> Self {
        let samples = Arc::new(Originals(Arc::clone(&self.samples)));
        let classes = self.classes.clone();
        Self { samples, classes, shape: self.shape, photos: Arc::default(), id: SetId::default() }
    }

    /// The same images, of any size, for training: large ones are made smaller, and as many as may be are kept in memory
    /// from one epoch to the next, by all clones together.
    pub(super) fn photos(&self) -> Self {
        let photos = self.photos.get_or_init(|| Arc::new(Photos::new(Arc::clone(&self.samples))));
        let samples = Arc::<Photos>::clone(photos);
        let (classes, photos) = (self.classes.clone(), Arc::clone(&self.photos));
        Self { samples, classes, shape: self.shape, photos, id: SetId::default() }
    }

    /// What tells these images from others.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn prints(&self) -> Result<Vec<Print>, DataError> {
        self.samples.prints()
    }

    /// How many images each class has.
    pub fn histogram(&self) -> Vec<usize> {
        if let Some(labels) = self.multi_labels() {
            return labels.histogram();
        }
        let mut counts = vec![0; self.classes.len()];
        for &label in self.labels() {
            counts[label as usize] += 1;
        }
        counts
    }

    /// Mean and standard deviation of each channel, of pixels from 0 to 1 at the set's size.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn statistics(&self) -> Result<(Vec<f32>, Vec<f32>), DataError> {
        self.statistics_of(self.shape.0)
    }

    /// The same of so many channels: one is the brightness.
    pub(super) fn statistics_of(&self, channels: usize) -> Result<(Vec<f32>, Vec<f32>), DataError> {
        let transforms = at_shape((channels, self.shape.1, self.shape.2));
        let state = || (Chain::new(&transforms), vec![[0u64; 256]; channels]);
        let mut states: Vec<_> = (0..self.threads()).map(|_| state()).collect();
        let work = |(chain, counts): &mut (Chain, Vec<[u64; 256]>), index| -> Result<(), DataError> {
            count(&chain.run(&self.image(index)?), counts);
            Ok(())
        };
        DataError::all(parallel::all_errors(&mut states, 0..self.len(), work))?;
        let total = |channel: usize| -> [u64; 256] {
            std::array::from_fn(|level| states.iter().map(|(_, counts)| counts[channel][level]).sum())
        };
        Ok((0..channels).map(|channel| moments(&total(channel))).unzip())
    }

    /// Threads that are of use to read images: one for those in memory.
    pub(super) fn threads(&self) -> usize {
        if self.in_memory() { 1 } else { parallel::threads(self.len()) }
    }
}

/// What brings an image to `size` (height, width): resized to cover it, its middle taken, the levels whole again.
pub(super) fn at_size(size: [usize; 2]) -> Vec<Transform> {
    vec![
        Transform::Resize(Resize::cover(size)),
        Transform::CenterCrop(CenterCrop::near(size)),
        Transform::Round(Round {}),
    ]
}

/// What brings an image to the size of `shape`, and to grey if that is of one channel.
pub(super) fn at_shape((channels, height, width): (usize, usize, usize)) -> Vec<Transform> {
    let mut transforms = at_size([height, width]);
    if channels == 1 {
        transforms.push(Transform::Grayscale(Grayscale::default()));
    }
    transforms
}

/// Adds the levels of each channel; a grey image counts for all of them.
fn count(image: &Image, counts: &mut [[u64; 256]]) {
    let (channels, height, width) = image.shape();
    let plane = height * width;
    for (channel, counts) in counts.iter_mut().enumerate() {
        for &level in &image.pixels()[channel % channels * plane..][..plane] {
            counts[usize::from(level)] += 1;
        }
    }
}

/// Mean and standard deviation of values `i / 255` that occur `counts[i]` times.
fn moments(counts: &[u64; 256]) -> (f32, f32) {
    let values = || counts.iter().enumerate().map(|(value, &count)| (value as f64 / 255.0, count as f64));
    let total: f64 = values().map(|(_, count)| count).sum();
    let mean = values().map(|(value, count)| value * count).sum::<f64>() / total;
    let variance = values().map(|(value, count)| (value - mean).powi(2) * count).sum::<f64>() / total;
    (mean as f32, variance.sqrt() as f32)
}

impl DataSets {
    /// The same sets with their classes in the order of a network's outputs, and of its names; told in a line if
    /// anything differs.
    ///
    /// # Errors
    /// If a class is no output, or an output has no class.
    pub fn in_order_of(&self, outputs: &[String]) -> Result<(Self, Option<String>), DataError> {
        let matched = ClassMatch::by_name(outputs, self.classes(), &self.name)?;
        if !matched.without().is_empty() {
            let problem = format!("it has {}, the network {}", self.classes().len(), outputs.len());
            return Err(DataError::ClassNames { set: self.name.clone(), problem });
        }
        let among = |set: &Dataset| set.among(outputs, &matched);
        let [validation, test] =
            [&self.validation, &self.test].map(|set| set.as_ref().map(among).transpose());
        let (train, validation, test) = (among(&self.train)?, validation?, test?);
        Ok((Self { train, validation, test, ..self.clone() }, matched.told()))
    }
}

/// Images to learn from, to choose by and to measure on, of the same classes and image size.
#[derive(Clone, Debug)]
pub struct DataSets {
    /// The name or folder that it was opened by.
    pub name: String,
    /// The images to learn from.
    pub train: Dataset,
    /// The images by which a run chooses its best epoch, where the set brings some of its own.
    pub validation: Option<Dataset>,
    /// The images to measure on, once; `None` where there are none that nothing was chosen by.
    pub test: Option<Dataset>,
    /// Sizes of the images as they are in their files; `None` for images of one size in memory.
    pub sizes: Option<Sizes>,
    /// What was left out or assumed when the set was opened, a line each.
    pub notes: Vec<String>,
}

/// Labelled images to measure on, of sets that need not have others to train on.
#[derive(Clone, Debug)]
pub struct TestSet {
    /// The name or folder that it was opened by.
    pub name: String,
    /// The images.
    pub images: Dataset,
    /// Sizes of the images as they are in their files; `None` for images of one size in memory.
    pub sizes: Option<Sizes>,
    /// What was left out or assumed when the set was opened, a line each.
    pub notes: Vec<String>,
}

/// Sizes of images before they are brought to a set's size: height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of the image with the fewest pixels.
    pub smallest: [usize; 2],
    /// Of the image in the middle, in the order of their pixels.
    pub median: [usize; 2],
    /// Of the image with the most pixels.
    pub largest: [usize; 2],
}

impl Sizes {
    /// The least and the largest; `None` of no sizes.
    pub(super) fn of(sizes: &[[usize; 2]]) -> Option<Self> {
        let pixels = |size: &[usize; 2]| (size[0] * size[1], size[0]);
        let mut sizes = sizes.to_vec();
        sizes.sort_by_key(pixels);
        let (&smallest, &largest) = (sizes.first()?, sizes.last()?);
        Some(Self { smallest, median: sizes[sizes.len() / 2], largest })
    }
}

impl DataSets {
    /// Sets of one's own.
    pub fn new(name: impl Into<String>, train: Dataset, test: Dataset) -> Self {
        let (validation, test) = (None, Some(test));
        Self { name: name.into(), train, validation, test, sizes: None, notes: Vec::new() }
    }

    /// The splits that there are, with their names.
    pub fn splits(&self) -> impl Iterator<Item = (&'static str, &Dataset)> {
        let others = [("validation", &self.validation), ("test", &self.test)];
        let others = others.into_iter().filter_map(|(name, set)| Some((name, set.as_ref()?)));
        std::iter::once(("training", &self.train)).chain(others)
    }

    /// Images of all splits that were left out because they cannot be decoded, each with what is wrong.
    pub fn skipped(&self) -> Vec<String> {
        self.splits().flat_map(|(_, set)| set.skipped().to_vec()).collect()
    }

    /// The images to measure on: the test images, else the validation images.
    pub fn measured(&self) -> Option<(&'static str, &Dataset)> {
        self.splits().skip(1).last()
    }

    /// Refuses a set of one class: there is nothing to tell it from.
    ///
    /// # Errors
    /// If there is one class alone.
    pub fn check_classes(&self) -> Result<(), DataError> {
        match self.classes() {
            [class] => Err(DataError::OneClass {
                origin: self.name.clone(),
                class: class.clone(),
                hint: String::new(),
            }),
            _ => Ok(()),
        }
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.train.classes
    }

    /// Channels of an image: 1 (grey) or 3 (RGB).
    pub fn channels(&self) -> usize {
        self.train.shape.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picture::tests::write_grey;
    use crate::data::samples::ImageFiles;

    fn classes(count: usize) -> Vec<String> {
        (0..count).map(|class| class.to_string()).collect()
    }

    #[test]
    fn images_and_labels_must_go_together() {
        let new = |pixels, labels: &[u32]| {
            Dataset::new("the test set", vec![0; pixels], labels.to_vec(), classes(3), (1, 2, 2))
        };
        assert_eq!(new(8, &[0, 2]).unwrap().histogram(), [1, 0, 1]);
        let message = |result: Result<Dataset, DataError>| result.unwrap_err().to_string();
        assert!(message(new(12, &[0, 1])).contains("3 images and 2 labels"));
        assert!(message(new(8, &[0, 3])).contains("label 1 is 3, expected 0 to 2"));
        assert!(message(new(0, &[])).contains("no image"));
    }

    #[test]
    fn statistics_are_of_each_channel() {
        // Two 1 × 2 images of three channels.
        let pixels = vec![0, 255, 51, 51, 255, 255, 255, 0, 102, 102, 255, 255];
        let set = Dataset::new("x", pixels, vec![0, 0], classes(1), (3, 1, 2)).unwrap();
        let (mean, std) = set.statistics().unwrap();
        assert_eq!(mean, [0.5, 0.3, 1.0]);
        assert_eq!(std, [0.5, 0.1, 0.0]);
        let (mean, _) = set.statistics_of(1).unwrap();
        assert!((mean[0] - (0.299 * 0.5 + 0.587 * 0.3 + 0.114)).abs() < 2e-3, "{mean:?}");
    }

    #[test]
    fn statistics_of_files_are_those_of_their_images_at_the_set_s_size() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [(4, 4, 10), (9, 4, 50), (12, 17, 250), (3, 5, 90), (4, 4, 0)];
        let paths: Vec<_> = (0..sizes.len()).map(|i| folder.path().join(format!("{i}.png"))).collect();
        sizes.iter().zip(&paths).for_each(|(&(w, h, level), path)| write_grey(path, w, h, level));
        let files = ImageFiles::new(paths.into_iter().map(|path| (path, 0)));
        let set = Dataset::of("x", files, classes(1), (3, 4, 4)).unwrap();
        let pixels = sizes.iter().flat_map(|&(_, _, level)| vec![level; 48]).collect();
        let kept = Dataset::new("x", pixels, vec![0; sizes.len()], classes(1), (3, 4, 4)).unwrap();
        assert_eq!(set.statistics().unwrap(), kept.statistics().unwrap());
        assert_eq!(set.statistics_of(1).unwrap(), kept.statistics_of(1).unwrap());
    }
}
