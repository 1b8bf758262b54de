//! Transforms one after the other, up to a network's input.

use super::super::random::{Draw, Random};
use super::super::{DataError, Image};
use super::normalize::Affine;
use super::round::RoundStep;
use super::{Normalize, Step, Transform, View};

/// From an image of any size to a network's input of C, H, W.
///
/// What is drawn at random depends on a [`Draw`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    transforms: Vec<Transform>,
    normalize: Normalize,
    output: [usize; 3],
}

impl Pipeline {
    /// A pipeline of these steps.
    ///
    /// # Errors
    /// If images of different sizes would come out with different sizes, if a size is 0, if `normalize` is not of the
    /// same number of means and deviations or a deviation is not above 0, or if it is not of three channels and
    /// no [`Grayscale`](super::Grayscale) is among the steps.
    pub fn new(transforms: Vec<Transform>, normalize: Normalize) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Pipeline { problem };
        let mut size = None;
        for transform in &transforms {
            let parameters = transform.parameters();
            size = parameters.size(size);
            // What a transform makes of the smallest image tells whether it makes nothing of any.
            if parameters.size(Some([1, 1])).is_some_and(|size| size.contains(&0)) {
                return Err(wrong(format!("{transform:?} leaves no pixel, expected a size of at least 1")));
            }
        }
        let Normalize { mean, std } = &normalize;
        let Some([height, width]) = size else {
            return Err(wrong("images come out in different sizes; add a CenterCrop or a Pad".to_owned()));
        };
        if mean.is_empty() || mean.len() != std.len() {
            let (means, stds) = (mean.len(), std.len());
            return Err(wrong(format!("{means} means and {stds} deviations, expected one a channel each")));
        }
        if !std.iter().all(|&std| std > 0.0) {
            return Err(wrong("a standard deviation is not above 0".to_owned()));
        }
        let grey = transforms.iter().any(|transform| matches!(transform, Transform::Grayscale(_)));
        if mean.len() != 3 && !grey {
            return Err(wrong(format!("RGB images for {} channels; add a Grayscale", mean.len())));
        }
        let output = [mean.len(), height, width];
        Ok(Self { transforms, normalize, output })
    }

    /// A pipeline that is right, whose output is known.
    pub(in crate::data) fn checked(
        transforms: Vec<Transform>,
        normalize: Normalize,
        output: [usize; 3],
    ) -> Self {
        Self { transforms, normalize, output }
    }

    /// The steps, but for the normalization at the end.
    pub fn transforms(&self) -> &[Transform] {
        &self.transforms
    }

    /// The last step.
    pub fn normalize(&self) -> &Normalize {
        &self.normalize
    }

    /// What comes out: channels, height, width.
    pub fn output(&self) -> [usize; 3] {
        self.output
    }

    /// The input for one image: C, H, W.
    pub fn apply(&self, image: &Image, draw: Draw) -> Vec<f32> {
        let mut out = vec![0.0; self.output.iter().product()];
        Runner::new(self, draw.seed, draw.epoch).run(image, draw.index, &mut out);
        out
    }
}

/// A pipeline with memory of its own, for one thread and one epoch.
pub(in crate::data) struct Runner {
    steps: Vec<Box<dyn Step>>,
    affine: Affine,
    random: Random,
}

impl Runner {
    pub(in crate::data) fn new(pipeline: &Pipeline, seed: u64, epoch: usize) -> Self {
        Self {
            steps: steps(&pipeline.transforms),
            affine: Affine::new(&pipeline.normalize),
            random: Random::new(seed, epoch),
        }
    }

    /// Writes the input for image `index` of a set.
    pub(in crate::data) fn run(&mut self, image: &Image, index: usize, out: &mut [f32]) {
        let Self { steps, affine, random } = self;
        affine.apply(apply(steps, image, index, random), out);
    }
}

/// Transforms up to an image of eight bits, with memory of their own. Those that draw do so as for a single image.
pub(in crate::data) struct Chain {
    steps: Vec<Box<dyn Step>>,
    round: RoundStep,
    random: Random,
}

impl Chain {
    pub(in crate::data) fn new(transforms: &[Transform]) -> Self {
        Self { steps: steps(transforms), round: RoundStep::default(), random: Random::new(0, 0) }
    }

    /// The image that comes out.
    pub(in crate::data) fn run<'a>(&'a mut self, image: &'a Image) -> Image<'a> {
        let View { channels, size: [height, width], levels } =
            apply(&mut self.steps, image, 0, &mut self.random);
        Image::of_set((channels, height, width), self.round.whole(levels))
    }
}

fn apply<'a>(
    steps: &'a mut [Box<dyn Step>],
    image: &'a Image,
    index: usize,
    random: &mut Random,
) -> View<'a> {
    random.start(index);
    steps.iter_mut().fold(View::new(image), |image, step| step.apply(image, random))
}

fn steps(transforms: &[Transform]) -> Vec<Box<dyn Step>> {
    let mut steps = Vec::new();
    let mut rest = transforms;
    while let Some((transform, behind)) = rest.split_first() {
        let fused = match (transform, behind.first()) {
            (Transform::Resize(resize), Some(Transform::CenterCrop(crop))) => resize.cropped(*crop),
            _ => None,
        };
        rest = if fused.is_some() { &behind[1..] } else { behind };
        steps.push(fused.unwrap_or_else(|| transform.parameters().step()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::{CenterCrop, Grayscale, Pad, RandomCrop, RandomHorizontalFlip, Resize, Round};
    use super::*;
    use proptest::prelude::*;

    fn normalize(channels: usize) -> Normalize {
        Normalize { mean: vec![0.5; channels], std: vec![0.25; channels] }
    }

    fn pad(height: usize, width: usize) -> Transform {
        Transform::Pad(Pad { size: [height, width] })
    }

    #[test]
    fn what_makes_no_input_is_refused() {
        let grey = Transform::Grayscale(Grayscale);
        let shorter = |side| Transform::Resize(Resize::Shorter(side));
        let message = |transforms: Vec<Transform>, normalize| {
            Pipeline::new(transforms, normalize).unwrap_err().to_string()
        };
        assert!(message(vec![], normalize(3)).contains("different sizes"));
        assert!(message(vec![shorter(4)], normalize(3)).contains("add a CenterCrop or a Pad"));
        assert!(message(vec![pad(0, 4)], normalize(3)).contains("Pad(Pad { size: [0, 4] }) leaves no pixel"));
        assert!(message(vec![shorter(0), pad(4, 4)], normalize(3)).contains("leaves no pixel"));
        assert!(message(vec![pad(4, 4)], normalize(1)).contains("add a Grayscale"));
        assert!(message(vec![pad(4, 4)], normalize(0)).contains("0 means and 0 deviations"));
        let flat = Normalize { mean: vec![0.0], std: vec![0.0] };
        assert!(message(vec![grey.clone(), pad(4, 4)], flat).contains("not above 0"));
        let pipeline = Pipeline::new(vec![grey, pad(4, 5), shorter(8)], normalize(1)).unwrap();
        assert_eq!(pipeline.output(), [1, 8, 10]);
    }

    #[test]
    fn odd_pixels_are_cut_and_added_as_it_is_told() {
        let image = Image::new((1, 1, 4), vec![10, 20, 30, 40]).unwrap();
        let levels = |transform: Transform| {
            let pipeline = Pipeline::new(
                vec![transform, Transform::Grayscale(Grayscale)],
                Normalize { mean: vec![0.0], std: vec![1.0] },
            );
            let out = pipeline.unwrap().apply(&image, Draw::default());
            out.iter().map(|x| (255.0 * x).round() as u8).collect::<Vec<_>>()
        };
        let crop = |width| Transform::CenterCrop(CenterCrop { size: [1, width] });
        assert_eq!(levels(crop(3)), [20, 30, 40]);
        assert_eq!(levels(crop(2)), [20, 30]);
        assert_eq!(levels(crop(7)), [0, 10, 20, 30, 40, 0, 0]);
        assert_eq!(levels(pad(1, 3)), [10, 20, 30]);
        assert_eq!(levels(pad(1, 7)), [0, 10, 20, 30, 40, 0, 0]);
    }

    fn transforms() -> impl Strategy<Value = Transform> {
        let size = (1usize..12, 1usize..12).prop_map(|(height, width)| [height, width]);
        prop_oneof![
            size.clone().prop_map(|size| Transform::Resize(Resize::Cover(size))),
            (1usize..12).prop_map(|side| Transform::Resize(Resize::Shorter(side))),
            size.clone().prop_map(|size| Transform::CenterCrop(CenterCrop { size })),
            size.clone().prop_map(|size| Transform::Pad(Pad { size })),
            (size, 0usize..4).prop_map(|(size, padding)| Transform::RandomCrop(RandomCrop { size, padding })),
            Just(Transform::RandomHorizontalFlip(RandomHorizontalFlip)),
            Just(Transform::Grayscale(Grayscale)),
            Just(Transform::Round(Round)),
        ]
    }

    proptest! {
        #[test]
        fn every_image_gives_the_output_s_size_and_the_same_whatever_came_before(
            mut steps in proptest::collection::vec(transforms(), 0..6),
            shapes in proptest::collection::vec((prop_oneof![Just(1usize), Just(3)], 1usize..15, 1usize..15), 1..5),
            seed: u64,
        ) {
            steps.push(pad(5, 6));
            let pipeline = Pipeline::new(steps, normalize(3)).unwrap();
            prop_assert_eq!(pipeline.output(), [3, 5, 6]);
            let mut runner = Runner::new(&pipeline, seed, 1);
            for (index, &(channels, height, width)) in shapes.iter().enumerate() {
                let pixels = (0..channels * height * width).map(|i| (i * 29 + index) as u8).collect::<Vec<_>>();
                let image = Image::new((channels, height, width), pixels).unwrap();
                let mut out = vec![f32::NAN; 90];
                runner.run(&image, index, &mut out);
                prop_assert!(out.iter().all(|x| (-2.001..2.001).contains(x)), "{:?}", out);
                prop_assert_eq!(out, pipeline.apply(&image, Draw { seed, epoch: 1, index }));
            }
        }
    }
}
