//! Several looks at each image when a network is measured or asked: test-time augmentation.

use super::transform::Draw;
use super::{Dataset, Image, Loader, Pass, Pipeline, Preprocess};

/// Which looks at an image its prediction is the mean of.
///
/// The logits are averaged, as torchvision's documentation of `TenCrop` and timm do, not the probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Views {
    /// The image as the preprocessing makes it.
    #[default]
    One,
    /// That, and mirrored left to right.
    Flip,
    /// Windows in the four corners and the middle of a larger image: of [`Fit::CenterCrop`](super::Fit::CenterCrop) the one
    /// that the middle is cut out of, else one whose sides are a seventh longer.
    FiveCrop,
    /// Those five, and each mirrored left to right: Krizhevsky et al. (2012).
    TenCrop,
}

impl Views {
    /// How many looks these are.
    pub fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Flip => 2,
            Self::FiveCrop => 5,
            Self::TenCrop => 10,
        }
    }

    /// Whether each window is also looked at mirrored.
    pub fn mirrored(self) -> bool {
        matches!(self, Self::Flip | Self::TenCrop)
    }

    fn pipelines(self, preprocess: &Preprocess) -> Vec<Pipeline> {
        match self {
            Self::One | Self::Flip => vec![preprocess.evaluation()],
            Self::FiveCrop | Self::TenCrop => preprocess.five_crops(),
        }
    }

    /// The inputs of one image: C, H, W each.
    pub fn inputs(self, preprocess: &Preprocess, image: &Image) -> Vec<Vec<f32>> {
        let mut inputs: Vec<_> = self
            .pipelines(preprocess)
            .iter()
            .map(|pipeline| pipeline.apply(image, Draw::default()))
            .collect();
        if self.mirrored() {
            let mut mirrored = inputs.clone();
            mirrored.iter_mut().for_each(|input| mirror(input, preprocess));
            inputs.append(&mut mirrored);
        }
        inputs
    }

    /// All images of a set in their order, window by window: loaders whose batches hold the same images.
    ///
    /// # Panics
    /// If `batch` is 0.
    pub(crate) fn loaders(self, data: &Dataset, preprocess: &Preprocess, batch: usize) -> Vec<Loader> {
        let loader = |pipeline| Loader::in_order(data, preprocess, pipeline, Pass::in_order(batch));
        self.pipelines(preprocess).iter().map(loader).collect()
    }
}

/// Mirrors inputs left to right.
pub(crate) fn mirror(images: &mut [f32], preprocess: &Preprocess) {
    let [_, _, width] = preprocess.input();
    images.chunks_exact_mut(width).for_each(<[f32]>::reverse);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::transform::Interpolation;

    fn levels(inputs: &[Vec<f32>]) -> Vec<Vec<u8>> {
        inputs.iter().map(|input| input.iter().map(|x| (255.0 * x).round() as u8).collect()).collect()
    }

    #[test]
    fn windows_are_those_of_torchvision_in_its_order() {
        // TenCrop(2) of a grey image of 3 × 4: of three rows the middle takes the upper two.
        let image = Image::new((1, 3, 4), (0..12).collect::<Vec<u8>>()).unwrap();
        let fit = super::super::Fit::CenterCrop(3);
        let preprocess =
            Preprocess::new([1, 2, 2], (fit, Interpolation::Bilinear), vec![0.0], vec![1.0]).unwrap();
        let ten = levels(&Views::TenCrop.inputs(&preprocess, &image));
        let five = [[0, 1, 4, 5], [2, 3, 6, 7], [4, 5, 8, 9], [6, 7, 10, 11], [1, 2, 5, 6]];
        assert_eq!(ten[..5], five);
        assert_eq!(ten[5..], five.map(|[a, b, c, d]| [b, a, d, c]));
        assert_eq!(levels(&Views::FiveCrop.inputs(&preprocess, &image)), five);
        assert_eq!(levels(&Views::Flip.inputs(&preprocess, &image))[..1], five[4..]);
        for views in [Views::One, Views::Flip, Views::FiveCrop, Views::TenCrop] {
            assert_eq!(views.inputs(&preprocess, &image).len(), views.count());
        }
    }

    #[test]
    fn what_is_not_cut_is_made_larger_first() {
        let set = Dataset::new("x", vec![9; 28 * 28], vec![0], vec!["a".to_owned()], (1, 28, 28)).unwrap();
        let image = Image::new((1, 28, 28), vec![255; 28 * 28]).unwrap();
        let frame = Preprocess::for_input([1, 32, 32], &set).unwrap().without_normalization();
        // 28 pixels in a frame of 37: the first window has 4 black rows above, the last begins within the image.
        let inputs = levels(&Views::FiveCrop.inputs(&frame, &image));
        let first = |input: &Vec<u8>| input.iter().position(|&level| level > 0).unwrap() / 32;
        assert_eq!(inputs.iter().map(first).collect::<Vec<_>>(), [4, 4, 0, 0, 1]);
        let cover = Preprocess::for_input([3, 64, 64], &set).unwrap().without_normalization();
        for input in levels(&Views::TenCrop.inputs(&cover, &image)) {
            assert_eq!(input, vec![255; 3 * 64 * 64]);
        }
    }
}
