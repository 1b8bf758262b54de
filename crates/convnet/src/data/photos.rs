//! Photos of any size that are learned from again and again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::{DataError, Image, MultiLabels, Print, Samples};

/// The most pixels on the shorter side. A twelfth of the area of a larger photo, of which a window is cut, has still more
/// than half as many on its side as networks usually see.
const MAX_SHORTER: usize = 512;
/// Bytes of decoded photos that are kept; the others are decoded whenever they are asked for.
const MAX_KEPT: usize = 1 << 30;

/// Images as they are in their files, those with a longer shorter side than 512 pixels resized to it.
#[derive(Debug)]
pub(super) struct Photos {
    samples: Arc<dyn Samples>,
    kept: Vec<OnceLock<Image<'static>>>,
    /// Bytes that are left for photos to be kept in.
    room: AtomicUsize,
}

impl Photos {
    pub(super) fn new(samples: Arc<dyn Samples>) -> Self {
        Self::within(samples, MAX_KEPT)
    }

    fn within(samples: Arc<dyn Samples>, bytes: usize) -> Self {
        let kept = samples.labels().iter().map(|_| OnceLock::new()).collect();
        Self { samples, kept, room: AtomicUsize::new(bytes) }
    }
}

impl Samples for Photos {
    fn labels(&self) -> &[u32] {
        self.samples.labels()
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        let kept = &self.kept[index];
        if let Some(photo) = kept.get() {
            return Ok(borrowed(photo));
        }
        let photo = self.samples.reduced(index, MAX_SHORTER)?;
        if photo.is_borrowed() {
            // It is in memory already.
            return Ok(photo);
        }
        let bytes = photo.pixels().len();
        let room = |room: usize| room.checked_sub(bytes);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
            return Ok(photo);
        }
        Ok(borrowed(kept.get_or_init(|| photo.into_owned())))
    }

    fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.samples.original(index)
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        self.samples.multi_labels()
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        self.samples.prints_of(indices)
    }

    fn skipped(&self) -> &[String] {
        self.samples.skipped()
    }

    fn mode(&self, index: usize) -> Result<&'static str, DataError> {
        self.samples.mode(index)
    }

    fn name(&self, index: usize) -> Option<String> {
        self.samples.name(index)
    }
}

fn borrowed<'a>(photo: &'a Image) -> Image<'a> {
    Image::of_set(photo.shape(), photo.pixels())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageFiles;
    use crate::data::picture::tests::write_grey;

    #[test]
    fn large_photos_become_smaller_and_as_many_as_may_be_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = [(700, 1100), (300, 200), (2000, 512)];
        let paths: Vec<_> =
            (0..sizes.len()).map(|number| folder.path().join(format!("{number}.png"))).collect();
        sizes.iter().zip(&paths).for_each(|(&(width, height), path)| write_grey(path, width, height, 9));
        let files = || Arc::new(ImageFiles::new(paths.iter().map(|path| (path.clone(), 0))));
        let expected = [(1, 804, 512), (1, 200, 300), (1, 512, 2000)];
        let photos = Photos::within(files(), 200 * 300);
        let shapes =
            || (0..3).map(|index| photos.image(index).map(|photo| photo.shape())).collect::<Vec<_>>();
        for shapes in [shapes(), shapes()] {
            assert_eq!(shapes.into_iter().map(Result::unwrap).collect::<Vec<_>>(), expected);
        }
        assert_eq!(photos.original(0).unwrap().shape(), (1, 1100, 700));
        paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        assert!(photos.image(0).is_err() && photos.image(2).is_err());
        assert_eq!(photos.image(1).unwrap().pixels(), [9; 60_000]);
    }
}
