//! Random changes of training images, as a recipe keeps them.

use serde::{Deserialize, Serialize};

use super::transform::{RandomCrop, RandomHorizontalFlip, Transform};

/// Random changes of the training images; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Pixels of black that are added on each side before a window of the old size is cut out anywhere.
    #[serde(default)]
    pub crop: usize,
    /// Mirror half of the images left to right.
    #[serde(default)]
    pub flip: bool,
}

impl Augment {
    /// The steps that do it, to images of `size` (height, width).
    pub(super) fn transforms(self, size: [usize; 2]) -> Vec<Transform> {
        let Self { crop: padding, flip } = self;
        // A crop without padding changes nothing, but draws: a seed mirrors the same images with and without it.
        let crop = (self != Self::default())
            .then_some(Transform::RandomCrop(RandomCrop { padding: [padding; 4], ..RandomCrop::new(size) }));
        let flip = flip.then_some(Transform::RandomHorizontalFlip(RandomHorizontalFlip::default()));
        crop.into_iter().chain(flip).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Image;
    use crate::data::transform::{Draw, Grayscale, Normalize, Pipeline};
    use std::collections::HashSet;

    /// The levels of a grey image after its augmentation.
    fn augmented(augment: Augment, pixels: &[u8], size: [usize; 2], draw: Draw) -> Vec<u8> {
        let mut transforms = augment.transforms(size);
        transforms.push(Transform::Grayscale(Grayscale::default()));
        transforms.push(Transform::PadTo(crate::data::transform::PadTo { size }));
        let normalize = Normalize { mean: vec![0.0], std: vec![1.0] };
        let pipeline = Pipeline::new(transforms, normalize).unwrap();
        let image = Image::new((1, size[0], size[1]), pixels).unwrap();
        pipeline.apply(&image, draw).iter().map(|x| (255.0 * x).round() as u8).collect()
    }

    #[test]
    fn windows_and_mirrors_are_all_drawn() {
        let augment = Augment { crop: 1, flip: true };
        let image = [1, 2, 3, 4];
        let draw = |index| Draw { seed: 5, epoch: 0, index };
        let seen: HashSet<Vec<u8>> =
            (0..500).map(|index| augmented(augment, &image, [2, 2], draw(index))).collect();
        // 3 × 3 windows, mirrored or not.
        assert_eq!(seen.len(), 18);
        assert!(seen.contains(&vec![1, 2, 3, 4]) && seen.contains(&vec![2, 1, 4, 3]));
        // Down and right by one, then mirrored.
        assert!(seen.contains(&vec![4, 0, 0, 0]) && seen.contains(&vec![0, 4, 0, 0]));
        assert!(seen.contains(&vec![0, 0, 0, 1]));
    }

    #[test]
    fn a_seed_mirrors_the_same_images_with_and_without_a_crop() {
        assert!(Augment::default().transforms([2, 2]).is_empty());
        let mirrored = |crop| {
            let augment = Augment { crop, flip: true };
            // Columns that grow to the right, wherever the window lies.
            let image: Vec<u8> = (1..=8).collect::<Vec<u8>>().repeat(8);
            let middle = |index| {
                augmented(augment, &image, [8, 8], Draw { seed: 3, epoch: 1, index })[35..37].to_vec()
            };
            (0..50).map(|index| middle(index).is_sorted()).collect::<Vec<bool>>()
        };
        assert_eq!(mirrored(0), mirrored(2));
        assert!(mirrored(0).contains(&true) && mirrored(0).contains(&false));
    }

    #[test]
    fn a_window_may_miss_the_image() {
        let augment = Augment { crop: 9, flip: false };
        let image = |index| augmented(augment, &[7; 4], [2, 2], Draw { seed: 1, epoch: 0, index });
        let emptied = (0..50).filter(|&index| image(index) == [0; 4]).count();
        assert!((25..50).contains(&emptied), "{emptied}");
    }

    #[test]
    fn a_recipe_keeps_it_under_its_two_keys() {
        let augment = Augment { crop: 2, flip: true };
        assert_eq!(toml::to_string(&augment).unwrap(), "crop = 2\nflip = true\n");
        assert_eq!(toml::from_str::<Augment>("flip = true").unwrap(), Augment { crop: 0, flip: true });
        assert_eq!(toml::from_str::<Augment>("").unwrap(), Augment::default());
        assert!(toml::from_str::<Augment>("mirror = true").is_err());
    }
}
