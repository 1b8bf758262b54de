//! Where the pixels of an input come from, drawn without a look at the image.

use std::sync::Arc;

use super::super::Dataset;
use super::super::random::Random;
use super::normalize::Affine;
use super::{Pipeline, RandomErasing, Transform};
use crate::moved::{Line, Moved, Moves};

/// An image between two steps, which do no more than move its pixels.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) planes: usize,
    /// Rows and columns.
    pub(super) lines: [Line; 2],
}

impl Placed {
    fn new([planes, height, width]: [usize; 3]) -> Self {
        Self { planes, lines: [height, width].map(Line::whole) }
    }

    /// Height and width.
    pub(super) fn size(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.lines[axis].size)
    }

    /// The window of `size` whose upper left corner is this, black where it reaches beyond.
    pub(super) fn window(self, corner: [isize; 2], size: [usize; 2]) -> Self {
        let [rows, columns] = self.lines;
        Self { lines: [rows.window(corner[0], size[0]), columns.window(corner[1], size[1])], ..self }
    }

    /// Mirrored along an axis.
    pub(super) fn flipped(self, axis: usize) -> Self {
        let mut lines = self.lines;
        lines[axis] = lines[axis].clone().flipped();
        Self { lines, ..self }
    }
}

/// A pipeline that moves pixels of images of one size, normalizes and perhaps overwrites a part, and does no more.
pub(in crate::data) struct Mover {
    transforms: Vec<Transform>,
    erasing: Option<RandomErasing>,
    moves: Arc<Moves>,
    random: Random,
}

impl Mover {
    /// The draws of an epoch for a set, by a pipeline; `None` where images are not all in memory and alike, or more is done to them.
    pub(in crate::data) fn new(
        pipeline: &Pipeline,
        data: &Dataset,
        (seed, epoch): (u64, usize),
    ) -> Option<Self> {
        let (planes, height, width) = data.shape;
        let transforms = pipeline.transforms();
        let on_input = transforms.iter().position(Transform::on_input).unwrap_or(transforms.len());
        let (before, behind) = transforms.split_at(on_input);
        let erasing = match behind {
            [] => None,
            [one] => one.parameters().on_input().cloned(),
            _ => return None,
        };
        let channels = pipeline.output()[0];
        let erased = (0..channels).map(|channel| match &erasing {
            Some(erasing) => erasing.value(channel),
            None => Some(0.0),
        });
        let moves = Moves {
            set: data.id().clone(),
            images: data.len(),
            image: [planes, height, width],
            input: pipeline.output(),
            affine: Affine::new(pipeline.normalize()).channels().to_vec(),
            erased: erased.collect::<Option<_>>()?,
        };
        let random = Random::new(seed, epoch);
        let mut mover = Self { transforms: before.to_vec(), erasing, moves: Arc::new(moves), random };
        // Whether they are moves depends on sizes alone, which are the same for every image.
        mover.place(0).filter(|_| data.is_uniform()).map(|_| mover)
    }

    /// What all images have in common.
    pub(in crate::data) fn moves(&self) -> &Arc<Moves> {
        &self.moves
    }

    /// Image number `image` of the set, changed as what was drawn for `entry` says.
    pub(in crate::data) fn draw(&mut self, image: usize, entry: usize) -> Moved {
        let Placed { lines, .. } = self.place(entry).expect("moves, as it was found when it was made");
        let size = [0, 1].map(|axis| lines[axis].size);
        let erased = self.erasing.as_ref().and_then(|erasing| erasing.part(size, &mut self.random));
        Moved { image, lines, erased }
    }

    fn place(&mut self, entry: usize) -> Option<Placed> {
        let Self { transforms, moves, random, .. } = self;
        random.start(entry);
        let whole = Placed::new(moves.image);
        let placed =
            transforms.iter().try_fold(whole, |image, step| step.parameters().moved(image, random))?;
        (placed.size() == moves.input[1..]).then_some(placed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::{
        CenterCrop, Corner, CornerCrop, Drawn, Erased, Fill, Grayscale, Normalize, Pad, PadTo, RandomCrop,
        RandomHorizontalFlip, RandomRotation, RandomVerticalFlip, Resize, Round, Runner,
    };
    use super::*;
    use crate::data::Image;
    use crate::moved::MovedBatch;

    /// Images of C, H, W one after the other.
    fn set(levels: Vec<u8>, [planes, height, width]: [usize; 3]) -> Dataset {
        let labels = vec![0; levels.len() / (planes * height * width)];
        Dataset::new("moved", levels, labels, vec!["all".to_owned()], (planes, height, width)).unwrap()
    }

    fn moving() -> impl Strategy<Value = Transform> {
        let sides = || [1usize..12, 1usize..12];
        let padding = || [0usize..4, 0usize..4, 0usize..4, 0usize..4];
        prop_oneof![
            (sides(), any::<bool>()).prop_map(|(size, near)| CenterCrop { size, near }.into()),
            (sides(), select(Corner::ALL.to_vec()))
                .prop_map(|(size, at)| CornerCrop { size, corner: at }.into()),
            sides().prop_map(|size| PadTo { size }.into()),
            padding().prop_map(|padding| Pad::new(padding).into()),
            (sides(), padding(), any::<bool>()).prop_map(|(size, padding, pad_if_needed)| {
                RandomCrop { padding, pad_if_needed, ..RandomCrop::new(size) }.into()
            }),
            Just(RandomHorizontalFlip::default().into()),
            Just(RandomVerticalFlip::default().into()),
            Just(Round {}.into()),
        ]
    }

    fn normalize(channels: usize) -> Normalize {
        let of = |first: f32| (0..channels).map(|channel| first + 0.1 * channel as f32).collect();
        Normalize { mean: of(0.3), std: of(0.2) }
    }

    proptest! {
        #[test]
        fn pixels_that_are_moved_are_those_of_the_steps(
            steps in proptest::collection::vec(moving(), 0..6),
            size in [1usize..12, 1usize..12],
            planes in select(vec![1usize, 3]),
            channels in select(vec![1usize, 3]),
            erases in any::<bool>(),
            seed in any::<u64>(),
        ) {
            // Colours for a grey network are more than moves.
            prop_assume!(planes <= channels);
            let mut transforms = vec![Resize::cover(size).into()];
            transforms.extend(steps);
            if channels == 1 {
                transforms.push(Grayscale::default().into());
            }
            transforms.push(PadTo { size: [7, 9] }.into());
            let value = Erased::Channels((0..channels).map(|channel| 5.0 + channel as f64).collect());
            transforms.extend(erases.then(|| RandomErasing { value, ..RandomErasing::default() }.into()));
            let pipeline = Pipeline::new(transforms, normalize(channels)).unwrap();
            let len = planes * size[0] * size[1];
            let levels: Vec<u8> = (0..3 * len).map(|i| (i * 89 % 251) as u8 + 1).collect();
            let mut runner = Runner::new(&pipeline, seed, 2);
            let data = set(levels.clone(), [planes, size[0], size[1]]);
            let mut mover = Mover::new(&pipeline, &data, (seed, 2)).unwrap();
            let moved: Vec<Moved> = [2, 0, 1, 0].iter().zip([9, 4, 1, 7]).map(|(&i, e)| mover.draw(i, e)).collect();
            let moves = Arc::clone(mover.moves());
            let batch = MovedBatch { moves, images: moved, before: false, mixed: None };
            let rendered = mover.moves().render(&levels, &batch);
            for ((number, entry), found) in [2, 0, 1, 0].into_iter().zip([9, 4, 1, 7]).zip(rendered.chunks(channels * 63)) {
                let pixels = levels[number * len..][..len].to_vec();
                let mut expected = vec![0.0; channels * 63];
                runner.run(&Image::new((planes, size[0], size[1]), pixels).unwrap(), entry, &mut expected);
                prop_assert_eq!(found, &expected[..]);
            }
        }
    }

    #[test]
    fn what_does_more_than_move_is_none_of_it() {
        let mover = |steps: Vec<Transform>, planes: usize| {
            let steps = steps.into_iter().chain([PadTo { size: [8, 8] }.into()]).collect();
            let data = set(vec![7; planes * 36], [planes, 6, 6]);
            Mover::new(&Pipeline::checked(steps, normalize(planes), [planes, 8, 8]), &data, (1, 0))
        };
        assert!(mover(vec![], 3).is_some());
        assert!(mover(vec![Resize::cover([6, 6]).into()], 3).is_some());
        assert!(mover(vec![Resize::cover([8, 8]).into()], 3).is_none());
        assert!(mover(vec![RandomRotation::new(5.0).into()], 3).is_none());
        assert!(mover(vec![Grayscale::default().into()], 3).is_none());
        assert!(mover(vec![Grayscale::default().into()], 1).is_some());
        let white = Pad { fill: Fill::Same(255.0), ..Pad::new([1; 4]) };
        assert!(mover(vec![white.into()], 3).is_none());
        let erasing = |value| -> Transform { RandomErasing { value, ..RandomErasing::default() }.into() };
        let with = |behind: Vec<Transform>| {
            let steps = [PadTo { size: [8, 8] }.into()].into_iter().chain(behind).collect();
            let data = set(vec![7; 3 * 36], [3, 6, 6]);
            Mover::new(&Pipeline::checked(steps, normalize(3), [3, 8, 8]), &data, (1, 0))
        };
        assert!(with(vec![erasing(Erased::Drawn(Drawn::Mean))]).is_some());
        assert!(with(vec![erasing(Erased::Drawn(Drawn::Random))]).is_none());
        assert!(with(vec![erasing(Erased::Value(1.0)), erasing(Erased::Value(2.0))]).is_none());
    }
}
