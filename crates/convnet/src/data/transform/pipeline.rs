//! Transforms one after the other, up to a network's input.

use super::super::random::{Draw, Random};
use super::super::{DataError, Image};
use super::normalize::Affine;
use super::round::RoundStep;
use super::{Fill, Normalize, PadTo, RandomErasing, Step, Transform, View};

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
    /// If a parameter cannot be used, if images of different sizes would come out with different sizes, if
    /// `normalize` is not of the same number of means and deviations or a deviation is not above 0, if it is
    /// not of three channels and no [`Grayscale`](super::Grayscale) is among the steps or a colour is filled in
    /// behind it, or if something else stands behind a [`RandomErasing`].
    pub fn new(transforms: Vec<Transform>, normalize: Normalize) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Pipeline { problem };
        let mut size = None;
        for (transform, behind) in transforms.iter().zip(1..) {
            transform.check()?;
            if transform.on_input() && !transforms[behind..].iter().all(Transform::on_input) {
                let name = transform.name();
                return Err(wrong(format!("{name} works on the network's input; put it at the end")));
            }
            size = transform.parameters().size(size);
        }
        let Some([height, width]) = size else {
            return Err(wrong("images come out in different sizes; add a CenterCrop".to_owned()));
        };
        normalize.check().map_err(wrong)?;
        let grey = transforms.iter().position(|transform| matches!(transform, Transform::Grayscale(_)));
        let channels = normalize.mean.len();
        if channels != 3 && grey.is_none() {
            return Err(wrong(format!("RGB images for {channels} channels; add a Grayscale")));
        }
        let coloured = |transform: &&Transform| matches!(transform.parameters().fill(), Some(Fill::Rgb(_)));
        let behind = &transforms[grey.unwrap_or(0)..];
        if channels != 3
            && let Some(filled) = behind.iter().find(coloured)
        {
            let name = filled.name();
            return Err(wrong(format!("{name}: `fill` is a colour, expected one level for grey images")));
        }
        for erasing in transforms.iter().filter_map(|transform| transform.parameters().on_input()) {
            erasing.check_channels(channels).map_err(|problem| wrong(format!("RandomErasing: {problem}")))?;
        }
        let output = [channels, height, width];
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
    /// The last step where it pads, which the normalization does in its own pass.
    pad: Option<PadTo>,
    affine: Affine,
    erasings: Vec<RandomErasing>,
    /// Of the network's input: channels, height, width.
    output: [usize; 3],
    random: Random,
}

impl Runner {
    pub(in crate::data) fn new(pipeline: &Pipeline, seed: u64, epoch: usize) -> Self {
        let on_input = pipeline.transforms.iter().rev().take_while(|transform| transform.on_input()).count();
        let (before, behind) = pipeline.transforms.split_at(pipeline.transforms.len() - on_input);
        let (pad, before) = match before.split_last() {
            Some((Transform::PadTo(pad), before)) => (Some(*pad), before),
            _ => (None, before),
        };
        let erasings = behind.iter().filter_map(|transform| transform.parameters().on_input().cloned());
        Self {
            steps: steps(before),
            pad,
            affine: Affine::new(&pipeline.normalize),
            erasings: erasings.collect(),
            output: pipeline.output,
            random: Random::new(seed, epoch),
        }
    }

    /// Writes the input for image `index` of a set.
    pub(in crate::data) fn run(&mut self, image: &Image, index: usize, out: &mut [f32]) {
        let Self { steps, pad, affine, erasings, output, random } = self;
        let image = apply(steps, image, index, random);
        affine.apply(image, pad.unwrap_or(PadTo { size: image.size }), out);
        erasings.iter().for_each(|erasing| erasing.erase(out, *output, random));
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

/// The steps that do transforms, two of them as one where that is less work.
pub(super) fn steps(transforms: &[Transform]) -> Vec<Box<dyn Step>> {
    let mut steps = Vec::new();
    let mut rest = transforms;
    while let Some((transform, behind)) = rest.split_first() {
        let fused = match (transform, behind.first()) {
            (Transform::Resize(resize), Some(Transform::CenterCrop(crop))) => resize.cropped(*crop),
            _ => None,
        };
        rest = if fused.is_some() { &behind[1..] } else { behind };
        steps.extend(fused.or_else(|| transform.parameters().step()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::{
        CenterCrop, Drawn, Erased, Grayscale, RandomApply, RandomCrop, RandomHorizontalFlip, RandomRotation,
        Resize, Round,
    };
    use super::*;
    use proptest::prelude::*;

    fn normalize(channels: usize) -> Normalize {
        Normalize { mean: vec![0.5; channels], std: vec![0.25; channels] }
    }

    fn pad(height: usize, width: usize) -> Transform {
        Transform::PadTo(PadTo { size: [height, width] })
    }

    #[test]
    fn what_makes_no_input_is_refused() {
        let grey = Transform::Grayscale(Grayscale::default());
        let shorter = |side| Transform::Resize(Resize::shorter(side));
        let message = |transforms: Vec<Transform>, normalize| {
            Pipeline::new(transforms, normalize).unwrap_err().to_string()
        };
        assert!(message(vec![], normalize(3)).contains("different sizes"));
        assert!(message(vec![shorter(4)], normalize(3)).contains("add a CenterCrop"));
        assert!(
            message(vec![pad(0, 4)], normalize(3)).contains("PadTo: `size` is [0, 4], expected 1 to 32768")
        );
        assert!(message(vec![shorter(0), pad(4, 4)], normalize(3)).contains("Resize: `size` is [0, 0]"));
        assert!(message(vec![pad(4, 4)], normalize(1)).contains("add a Grayscale"));
        assert!(message(vec![pad(4, 4)], normalize(0)).contains("0 means and 0 deviations"));
        let flat = Normalize { mean: vec![0.0], std: vec![0.0] };
        assert!(message(vec![grey.clone(), pad(4, 4)], flat).contains("not above 0"));
        let pipeline = Pipeline::new(vec![grey, pad(4, 5), shorter(8)], normalize(1)).unwrap();
        assert_eq!(pipeline.output(), [1, 8, 10]);
    }

    #[test]
    fn an_erasing_overwrites_the_network_s_input() {
        let pixels: Vec<u8> = (0..3 * 20 * 30).map(|i| (i * 7) as u8).collect();
        let image = Image::new((3, 20, 30), pixels).unwrap();
        let applied = |erasing: Option<RandomErasing>, index| {
            let mut transforms = vec![pad(20, 30)];
            transforms.extend(erasing.map(Transform::RandomErasing));
            let pipeline = Pipeline::new(transforms, normalize(3)).unwrap();
            pipeline.apply(&image, Draw { seed: 1, epoch: 2, index })
        };
        let plain = applied(None, 0);
        let certain = |value| RandomErasing { p: 1.0, value, ..RandomErasing::default() };
        for index in 0..20 {
            let erased = applied(Some(certain(Erased::Channels(vec![7.0, 8.0, 9.0]))), index);
            let places = |plane: usize| {
                let value = [7.0, 8.0, 9.0][plane];
                (600 * plane..600 * plane + 600)
                    .filter(|&i| erased[i] == value)
                    .map(|i| i % 600)
                    .collect::<Vec<_>>()
            };
            let all = places(0);
            assert!((8..=230).contains(&all.len()), "{}", all.len());
            assert!(places(1) == all && places(2) == all);
            let (columns, rows) = (all.iter().map(|i| i % 30), all.iter().map(|i| i / 30));
            let span = |(least, most): (usize, usize)| most - least + 1;
            let side =
                |places: Vec<usize>| span((*places.iter().min().unwrap(), *places.iter().max().unwrap()));
            assert_eq!(side(columns.collect()) * side(rows.collect()), all.len());
            let kept = (0..1800).filter(|i| !all.contains(&(i % 600)));
            kept.for_each(|i| assert_eq!(erased[i], plain[i]));
            // The same places with other values.
            let mean = applied(Some(certain(Erased::Drawn(Drawn::Mean))), index);
            assert!(all.iter().all(|&i| mean[i] == 0.0));
            let random = applied(Some(certain(Erased::Drawn(Drawn::Random))), index);
            assert!((0..1800).all(|i| (random[i] == plain[i]) != all.contains(&(i % 600))));
        }
        let never = RandomErasing { p: 0.0, ..RandomErasing::default() };
        assert_eq!(applied(Some(never), 0), plain);
    }

    #[test]
    fn what_works_on_the_input_stands_at_the_end_and_fits_it() {
        let message =
            |transforms, channels| Pipeline::new(transforms, normalize(channels)).unwrap_err().to_string();
        let erasing = || Transform::from(RandomErasing::default());
        assert!(
            message(vec![erasing(), pad(4, 4)], 3).contains("RandomErasing works on the network's input")
        );
        assert!(Pipeline::new(vec![pad(4, 4), erasing(), erasing()], normalize(3)).is_ok());
        let within = RandomApply { transforms: vec![erasing()], p: 0.5 };
        assert!(message(vec![within.into(), pad(4, 4)], 3).contains("holds a RandomErasing"));
        let two = RandomErasing { value: Erased::Channels(vec![1.0; 2]), ..RandomErasing::default() };
        assert!(message(vec![pad(4, 4), two.into()], 3).contains("RandomErasing: `value` is"));
        let coloured = RandomRotation { fill: Fill::Rgb([1.0; 3]), ..RandomRotation::new(9.0) };
        let grey = || Transform::from(Grayscale::default());
        let coloured = || Transform::from(coloured);
        assert!(
            message(vec![grey(), coloured(), pad(4, 4)], 1).contains("RandomRotation: `fill` is a colour")
        );
        assert!(Pipeline::new(vec![coloured(), grey(), pad(4, 4)], normalize(1)).is_ok());
        let hidden = RandomApply { transforms: vec![coloured()], p: 0.5 };
        assert!(
            message(vec![grey(), hidden.into(), pad(4, 4)], 1).contains("RandomApply: `fill` is a colour")
        );
    }

    #[test]
    fn odd_pixels_are_cut_and_added_as_it_is_told() {
        let image = Image::new((1, 1, 4), vec![10, 20, 30, 40]).unwrap();
        let levels = |transform: Transform| {
            let pipeline = Pipeline::new(
                vec![transform, Transform::Grayscale(Grayscale::default())],
                Normalize { mean: vec![0.0], std: vec![1.0] },
            );
            let out = pipeline.unwrap().apply(&image, Draw::default());
            out.iter().map(|x| (255.0 * x).round() as u8).collect::<Vec<_>>()
        };
        let crop = |width| Transform::CenterCrop(CenterCrop::near([1, width]));
        assert_eq!(levels(crop(3)), [20, 30, 40]);
        assert_eq!(levels(crop(2)), [20, 30]);
        assert_eq!(levels(crop(7)), [0, 10, 20, 30, 40, 0, 0]);
        assert_eq!(levels(pad(1, 3)), [10, 20, 30]);
        assert_eq!(levels(pad(1, 7)), [0, 10, 20, 30, 40, 0, 0]);
    }

    fn transforms() -> impl Strategy<Value = Transform> {
        let size = (1usize..12, 1usize..12).prop_map(|(height, width)| [height, width]);
        prop_oneof![
            size.clone().prop_map(|size| Transform::Resize(Resize::cover(size))),
            (1usize..12).prop_map(|side| Transform::Resize(Resize::shorter(side))),
            size.clone().prop_map(|size| Transform::CenterCrop(CenterCrop::near(size))),
            size.clone().prop_map(|size| Transform::PadTo(PadTo { size })),
            (size, 0usize..4).prop_map(|(size, padding)| {
                Transform::RandomCrop(RandomCrop { padding: [padding; 4], ..RandomCrop::new(size) })
            }),
            Just(Transform::RandomHorizontalFlip(RandomHorizontalFlip::default())),
            Just(Transform::Grayscale(Grayscale::default())),
            Just(Transform::Round(Round {})),
        ]
    }

    proptest! {
        #[test]
        fn a_pad_at_the_end_is_the_pad_and_the_normalization_one_after_the_other(
            (height, width) in (1usize..9, 1usize..9),
            (rows, columns) in (1usize..9, 1usize..9),
        ) {
            let pixels: Vec<u8> = (0..height * width).map(|i| (i * 29 + 1) as u8).collect();
            let image = Image::new((1, height, width), pixels).unwrap();
            let applied = |steps| Pipeline::new(steps, normalize(3)).unwrap().apply(&image, Draw::default());
            // The second pad finds nothing to do.
            let apart = applied(vec![pad(rows, columns), pad(rows, columns)]);
            prop_assert_eq!(applied(vec![pad(rows, columns)]), apart);
        }

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
