//! Where a data set's images come from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::transform::{Chain, Resize};
use super::{DataError, Image, MultiLabels, Print, Transform, parallel};

/// Labelled images, given one by one. Several threads ask at once.
///
/// ```
/// use convnet::data::{DataError, Dataset, Image, Samples};
///
/// /// Squares of one grey level, bright (1) or dark (0).
/// #[derive(Debug)]
/// struct Squares(Vec<u32>);
///
/// impl Samples for Squares {
///     fn labels(&self) -> &[u32] {
///         &self.0
///     }
///
///     fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
///         let side = 8 + index % 5;
///         let level = if self.0[index] == 1 { 200 } else { 50 };
///         Image::new((1, side, side), vec![level; side * side])
///     }
/// }
///
/// # fn main() -> Result<(), DataError> {
/// let classes = vec!["dark".to_owned(), "bright".to_owned()];
/// // All images are brought to 8 × 8.
/// let set = Dataset::of("squares", Squares(vec![0, 1, 1]), classes, (1, 8, 8))?;
/// assert_eq!(set.histogram(), [1, 2]);
/// # Ok(())
/// # }
/// ```
pub trait Samples: fmt::Debug + Send + Sync {
    /// The class of each image, an index into the set's classes; as many as there are images.
    fn labels(&self) -> &[u32];

    /// All classes of each image, where an image may have several or none; [`Samples::labels`] are then its first, or 0.
    fn multi_labels(&self) -> Option<&MultiLabels> {
        None
    }

    /// One image, of any size.
    ///
    /// # Errors
    /// If it cannot be read; the error names it.
    fn image(&self, index: usize) -> Result<Image<'_>, DataError>;

    /// One image before anything was done to bring it to the set's size.
    ///
    /// # Errors
    /// If it cannot be read; the error names it.
    fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.image(index)
    }

    /// One image as it was, or resized to `shorter` pixels on its shorter side if that has more.
    ///
    /// # Errors
    /// If it cannot be read; the error names it.
    fn reduced(&self, index: usize, shorter: usize) -> Result<Image<'_>, DataError> {
        Ok(reduced(self.original(index)?, shorter))
    }

    /// Whether images are in memory, so that one thread gives them as fast as several.
    fn in_memory(&self) -> bool {
        false
    }

    /// Whether images are in memory, and all of the set's size and channels, before anything was done to them too.
    fn is_uniform(&self) -> bool {
        false
    }

    /// What tells these images from others, for a [`Fingerprint`](super::Fingerprint). By default it is their labels
    /// alone.
    ///
    /// # Errors
    /// If an image cannot be read.
    fn prints(&self) -> Result<Vec<Print>, DataError> {
        let all: Vec<usize> = (0..self.labels().len()).collect();
        self.prints_of(&all)
    }

    /// The same of some of the images alone: one print each in their order, then one without a name of labels that the
    /// names do not tell; or one of all together.
    ///
    /// # Errors
    /// If an image cannot be read.
    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        Ok(vec![Print::of_labels(indices.iter().map(|&index| self.labels()[index]))])
    }

    /// What an image is called, if it has a name: the path of its file below the set's folder. It follows the image
    /// whatever others there are.
    fn name(&self, _index: usize) -> Option<String> {
        None
    }

    /// Images that were left out because they cannot be decoded, each with what is wrong.
    fn skipped(&self) -> &[String] {
        &[]
    }

    /// What an image's file keeps: `grey` or `RGB`, perhaps with opacity or of 16 bits.
    ///
    /// # Errors
    /// If it cannot be read.
    fn mode(&self, index: usize) -> Result<&'static str, DataError> {
        Ok(plain_mode(self.original(index)?.shape().0))
    }
}

/// What images of so many channels are called.
pub(super) fn plain_mode(channels: usize) -> &'static str {
    if channels == 1 { "grey" } else { "RGB" }
}

/// An image, or a smaller one if its shorter side has more than so many pixels.
pub(super) fn reduced(image: Image<'_>, shorter: usize) -> Image<'_> {
    let (_, height, width) = image.shape();
    if height.min(width) <= shorter {
        return image;
    }
    Chain::new(&[Transform::Resize(Resize::shorter(shorter))]).run(&image).into_owned()
}

/// Images of another source by other numbers of their classes.
#[derive(Debug)]
pub(super) struct Relabeled {
    samples: Arc<dyn Samples>,
    labels: Vec<u32>,
    multi_labels: Option<MultiLabels>,
}

impl Relabeled {
    /// Class *i* of `samples` is `numbers[i]` of so many classes.
    pub(super) fn new(samples: Arc<dyn Samples>, numbers: &[u32], classes: usize) -> Self {
        let multi_labels = samples.multi_labels().map(|labels| labels.renumbered(numbers, classes));
        let labels = match &multi_labels {
            Some(labels) => labels.firsts(),
            None => samples.labels().iter().map(|&label| numbers[label as usize]).collect(),
        };
        Self { samples, labels, multi_labels }
    }
}

impl Samples for Relabeled {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        self.multi_labels.as_ref()
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.image(index)
    }

    fn in_memory(&self) -> bool {
        self.samples.in_memory()
    }

    fn is_uniform(&self) -> bool {
        self.samples.is_uniform()
    }

    fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.original(index)
    }

    fn reduced(&self, index: usize, shorter: usize) -> Result<Image<'_>, DataError> {
        self.samples.reduced(index, shorter)
    }

    /// Those of the images' own source: another numbering of the classes is no change of the data.
    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        self.samples.prints_of(indices)
    }

    fn name(&self, index: usize) -> Option<String> {
        self.samples.name(index)
    }

    fn mode(&self, index: usize) -> Result<&'static str, DataError> {
        self.samples.mode(index)
    }
}

/// Some images of another source.
#[derive(Debug)]
pub(super) struct Subset {
    samples: Arc<dyn Samples>,
    indices: Vec<usize>,
    labels: Vec<u32>,
    multi_labels: Option<MultiLabels>,
}

impl Subset {
    /// The images at `indices`, in that order; `None` if one is beyond the last image.
    pub(super) fn new(samples: Arc<dyn Samples>, indices: Vec<usize>) -> Option<Self> {
        let label = |&index: &usize| samples.labels().get(index).copied();
        let labels = indices.iter().map(label).collect::<Option<_>>()?;
        let multi_labels = samples.multi_labels().map(|labels| labels.subset(&indices));
        Some(Self { samples, indices, labels, multi_labels })
    }
}

impl Samples for Subset {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        self.multi_labels.as_ref()
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.image(self.indices[index])
    }

    fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.original(self.indices[index])
    }

    fn reduced(&self, index: usize, shorter: usize) -> Result<Image<'_>, DataError> {
        self.samples.reduced(self.indices[index], shorter)
    }

    fn in_memory(&self) -> bool {
        self.samples.in_memory()
    }

    fn is_uniform(&self) -> bool {
        self.samples.is_uniform()
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        let indices: Vec<usize> = indices.iter().map(|&index| self.indices[index]).collect();
        self.samples.prints_of(&indices)
    }

    fn name(&self, index: usize) -> Option<String> {
        self.samples.name(self.indices[index])
    }

    fn mode(&self, index: usize) -> Result<&'static str, DataError> {
        self.samples.mode(self.indices[index])
    }
}

/// Images of another source as they are before they are brought to its size.
#[derive(Debug)]
pub(super) struct Originals(pub(super) Arc<dyn Samples>);

impl Samples for Originals {
    fn labels(&self) -> &[u32] {
        self.0.labels()
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        self.0.multi_labels()
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.0.original(index)
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        self.0.prints_of(indices)
    }

    fn name(&self, index: usize) -> Option<String> {
        self.0.name(index)
    }
}

/// Images of one size in memory.
#[derive(Debug)]
pub(super) struct InMemory {
    pixels: Vec<u8>,
    labels: Vec<u32>,
    shape: (usize, usize, usize),
}

impl InMemory {
    /// Images of `shape` (channels, height, width), one a label.
    ///
    /// # Errors
    /// If the pixels are not those of one image a label, or there is no image of at least one grey or RGB pixel;
    /// `origin` names the set.
    pub(super) fn new(
        origin: &str,
        pixels: Vec<u8>,
        labels: Vec<u32>,
        shape: (usize, usize, usize),
    ) -> Result<Self, DataError> {
        let size = shape.0 * shape.1 * shape.2;
        if size == 0 || labels.is_empty() {
            return Err(DataError::NoImages { origin: origin.to_owned() });
        }
        if pixels.len() != labels.len() * size {
            return Err(DataError::Counts {
                origin: origin.to_owned(),
                images: pixels.len() / size,
                labels: labels.len(),
            });
        }
        Ok(Self { pixels, labels, shape })
    }
}

impl Samples for InMemory {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        let (channels, height, width) = self.shape;
        let size = channels * height * width;
        Ok(Image::of_set(self.shape, &self.pixels[index * size..][..size]))
    }

    fn in_memory(&self) -> bool {
        true
    }

    fn is_uniform(&self) -> bool {
        true
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        let size = self.shape.0 * self.shape.1 * self.shape.2;
        let labels = indices.iter().map(|&index| self.labels[index]);
        let images = indices.iter().map(|&index| &self.pixels[index * size..][..size]);
        Ok(vec![Print::of_images(images, labels)])
    }
}

/// Image files, decoded when asked for.
#[derive(Clone, Debug)]
pub struct ImageFiles {
    paths: Vec<PathBuf>,
    labels: Vec<u32>,
}

impl ImageFiles {
    /// The files and the class of each.
    pub fn new(files: impl IntoIterator<Item = (PathBuf, u32)>) -> Self {
        let (paths, labels) = files.into_iter().unzip();
        Self { paths, labels }
    }

    /// The files, in their order.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

impl Samples for ImageFiles {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        Image::open(&self.paths[index])
    }

    fn reduced(&self, index: usize, shorter: usize) -> Result<Image<'_>, DataError> {
        // At once: large images do not wait in memory for what is done to them next.
        Image::open_for(&self.paths[index], |image| reduced(image, shorter))
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        parallel::map(indices, |&index| {
            let path = &self.paths[index];
            Print::of_file(path.display().to_string(), path)
        })
    }

    fn name(&self, index: usize) -> Option<String> {
        Some(self.paths[index].display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picture::tests::write_grey;

    #[test]
    fn images_in_memory_are_borrowed_and_those_of_files_keep_their_size() {
        let set = InMemory::new("x", (0..12).collect(), vec![0, 1], (1, 2, 3)).unwrap();
        assert_eq!(set.image(1).unwrap().pixels(), [6, 7, 8, 9, 10, 11]);
        assert!(std::ptr::eq(set.image(1).unwrap().pixels(), &raw const set.pixels[6..]));
        assert!(set.in_memory());
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = ["a.png", "b.png"].map(|name| folder.path().join(name)).into();
        write_grey(&paths[0], 3, 2, 9);
        write_grey(&paths[1], 5, 4, 8);
        let set = ImageFiles::new(paths.into_iter().zip([1, 0]));
        assert_eq!(set.image(0).unwrap().shape(), (1, 2, 3));
        assert_eq!(set.image(1).unwrap(), Image::new((1, 4, 5), vec![8; 20]).unwrap());
        assert_eq!((set.labels(), set.in_memory()), (&[1, 0][..], false));
        std::fs::remove_file(&set.paths()[1]).unwrap();
        assert!(set.image(1).unwrap_err().to_string().contains("b.png"));
    }
}
