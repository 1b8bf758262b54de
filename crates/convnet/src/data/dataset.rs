//! Images and labels in memory.

use std::sync::Arc;

use super::DataError;

/// Labelled images of one size, eight bits a channel. Clones share the images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Pixels in the order N, C, H, W.
    pub images: Arc<Vec<u8>>,
    /// The class of each image, an index into `classes`.
    pub labels: Arc<Vec<u32>>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Channels (1 grey, 3 RGB), height, width.
    pub shape: (usize, usize, usize),
}

impl Dataset {
    /// A checked set; `origin` names it in errors.
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
        let size = shape.0 * shape.1 * shape.2;
        if size == 0 || labels.is_empty() {
            return Err(DataError::NoImages { origin: origin.to_owned() });
        }
        if images.len() != labels.len() * size {
            return Err(DataError::Counts {
                origin: origin.to_owned(),
                images: images.len() / size,
                labels: labels.len(),
            });
        }
        if let Some((index, &label)) = labels.iter().enumerate().find(|&(_, &l)| l as usize >= classes.len())
        {
            return Err(DataError::Label { origin: origin.to_owned(), index, label, classes: classes.len() });
        }
        Ok(Self { images: Arc::new(images), labels: Arc::new(labels), classes, shape })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of one image: C, H, W.
    pub fn image(&self, index: usize) -> &[u8] {
        let (channels, height, width) = self.shape;
        let size = channels * height * width;
        &self.images[index * size..][..size]
    }

    /// How many images each class has.
    pub fn histogram(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &label in self.labels.iter() {
            counts[label as usize] += 1;
        }
        counts
    }

    /// Mean and standard deviation of each channel, of pixels from 0 to 1.
    pub fn statistics(&self) -> (Vec<f32>, Vec<f32>) {
        let (channels, height, width) = self.shape;
        let mut counts = vec![[0u64; 256]; channels];
        for (plane, pixels) in self.images.chunks_exact((height * width).max(1)).enumerate() {
            let counts = &mut counts[plane % channels];
            for &pixel in pixels {
                counts[usize::from(pixel)] += 1;
            }
        }
        counts.iter().map(moments).unzip()
    }

    /// The same set as grey images.
    pub(super) fn grey(&self) -> Self {
        let (channels, height, width) = self.shape;
        if channels == 1 {
            return self.clone();
        }
        let mut images = Vec::with_capacity(self.len() * height * width);
        for index in 0..self.len() {
            images.extend(luma(self.image(index)));
        }
        Self { images: Arc::new(images), shape: (1, height, width), ..self.clone() }
    }
}

/// Mean and standard deviation of values `i / 255` that occur `counts[i]` times.
fn moments(counts: &[u64; 256]) -> (f32, f32) {
    let values = || counts.iter().enumerate().map(|(value, &count)| (value as f64 / 255.0, count as f64));
    let total: f64 = values().map(|(_, count)| count).sum();
    if total == 0.0 {
        return (0.0, 0.0);
    }
    let mean = values().map(|(value, count)| value * count).sum::<f64>() / total;
    let variance = values().map(|(value, count)| (value - mean).powi(2) * count).sum::<f64>() / total;
    (mean as f32, variance.sqrt() as f32)
}

/// Grey levels of three planes R, G, B, by the weights of ITU-R BT.601.
pub(super) fn luma(rgb: &[u8]) -> impl Iterator<Item = u8> {
    let plane = rgb.len() / 3;
    (0..plane).map(move |i| {
        let [r, g, b] = [rgb[i], rgb[plane + i], rgb[2 * plane + i]].map(u32::from);
        ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
    })
}

/// A training and a test set of the same classes and image size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSets {
    /// The name or folder that it was opened by.
    pub name: String,
    /// The images to learn from.
    pub train: Dataset,
    /// The images to measure on.
    pub test: Dataset,
}

impl DataSets {
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
        let (mean, std) = set.statistics();
        assert_eq!(mean, [0.5, 0.3, 1.0]);
        assert_eq!(std, [0.5, 0.1, 0.0]);
    }

    #[test]
    fn colours_become_grey_by_their_brightness() {
        let pixels = vec![255, 0, 0, 7, 0, 255, 0, 7, 0, 0, 255, 7];
        let set = Dataset::new("x", pixels, vec![0], classes(1), (3, 1, 4)).unwrap();
        let grey = set.grey();
        assert_eq!(grey.shape, (1, 1, 4));
        assert_eq!(*grey.images, [76, 150, 29, 7]);
        assert_eq!(grey.grey(), grey);
    }
}
