//! Presets, keys and lists, and what they do to batches.

use super::*;
use crate::data::Image;
use crate::data::transform::{Draw, Grayscale, Normalize, PadTo};
use crate::data::{Batch, Dataset, Loader, Pass, Pipeline, Preprocess};
use std::collections::HashSet;

/// The levels of a grey image after its augmentation.
fn augmented(augment: &Augment, pixels: &[u8], size: [usize; 2], draw: Draw) -> Vec<u8> {
    let mut transforms = augment.transforms(size, size, Interpolation::Bilinear);
    transforms.push(Grayscale::default().into());
    transforms.push(PadTo { size }.into());
    let normalize = Normalize { mean: vec![0.0], std: vec![1.0] };
    let pipeline = Pipeline::new(transforms, normalize).unwrap();
    let image = Image::new((1, size[0], size[1]), pixels).unwrap();
    pipeline.apply(&image, draw).iter().map(|x| (255.0 * x).round() as u8).collect()
}

#[test]
fn windows_and_mirrors_are_all_drawn() {
    let augment = cropped(1, true);
    let image = [1, 2, 3, 4];
    let draw = |index| Draw { seed: 5, epoch: 0, index };
    let seen: HashSet<Vec<u8>> =
        (0..500).map(|index| augmented(&augment, &image, [2, 2], draw(index))).collect();
    // 3 × 3 windows, mirrored or not.
    assert_eq!(seen.len(), 18);
    assert!(seen.contains(&vec![1, 2, 3, 4]) && seen.contains(&vec![2, 1, 4, 3]));
    // Down and right by one, then mirrored.
    assert!(seen.contains(&vec![4, 0, 0, 0]) && seen.contains(&vec![0, 4, 0, 0]));
    assert!(seen.contains(&vec![0, 0, 0, 1]));
}

#[test]
fn a_seed_mirrors_the_same_images_with_and_without_a_crop() {
    assert!(steps(&Augment::default(), [2, 2]).is_empty());
    let mirrored = |crop| {
        let augment = cropped(crop, true);
        // Columns that grow to the right, wherever the window lies.
        let image: Vec<u8> = (1..=8).collect::<Vec<u8>>().repeat(8);
        let middle =
            |index| augmented(&augment, &image, [8, 8], Draw { seed: 3, epoch: 1, index })[35..37].to_vec();
        (0..50).map(|index| middle(index).is_sorted()).collect::<Vec<bool>>()
    };
    assert_eq!(mirrored(0), mirrored(2));
    assert!(mirrored(0).contains(&true) && mirrored(0).contains(&false));
}

#[test]
fn a_window_may_miss_the_image() {
    let augment = cropped(9, false);
    let image = |index| augmented(&augment, &[7; 4], [2, 2], Draw { seed: 1, epoch: 0, index });
    let emptied = (0..50).filter(|&index| image(index) == [0; 4]).count();
    assert!((25..50).contains(&emptied), "{emptied}");
}

#[test]
fn a_recipe_keeps_what_was_given() {
    assert_eq!(toml::to_string(&cropped(2, true)).unwrap(), "crop = 2\nflip = true\n");
    assert_eq!(toml::to_string(&Augment::default()).unwrap(), "");
    assert_eq!(read("flip = true"), Augment { flip: Some(true), ..Augment::default() });
    assert_eq!(read(""), Augment::default());
    assert!(toml::from_str::<Augment>("mirror = true").is_err());
    let all = read(ALL);
    assert_eq!(read(&toml::to_string(&all).unwrap()), all);
    let list = read(
        "[[transforms]]\nname = \"RandomResizedCrop\"\nsize = 9\n\n[[transforms]]\nname = \"RandomErasing\"\n",
    );
    assert_eq!(read(&toml::to_string(&list).unwrap()), list);
    list.check().unwrap();
}

/// Every key but the list, with what goes together.
const ALL: &str = r#"
preset = "strong"
crop = 0
flip = false
vertical_flip = true
rotate = 10.0
auto = "augmix"
blur = 0.5
erasing = 0.25
mixup = 0.2
cutmix = 1.0
mix_probability = 0.5
mix_switch = 0.75

[random_resized_crop]
scale = [0.2, 1.0]

[color_jitter]
brightness = 0.4
hue = 0.1
"#;

fn read(text: &str) -> Augment {
    toml::from_str(text).unwrap()
}

fn cropped(crop: usize, flip: bool) -> Augment {
    Augment { crop: Some(crop), flip: Some(flip), ..Augment::default() }
}

fn steps(augment: &Augment, size: [usize; 2]) -> Vec<Transform> {
    augment.transforms(size, [12, 12], Interpolation::Bilinear)
}

/// A batch of an epoch: colours in a set of images of this size, brought to 16 × 16.
fn batch(augment: &Augment, side: usize) -> Batch {
    let pixels = (0..8 * 3 * side * side).map(|i| (i * 7 % 251) as u8).collect();
    let classes = ["a", "b"].map(String::from).to_vec();
    let set = Dataset::new("x", pixels, (0..8).map(|i| i % 2).collect(), classes, (3, side, side)).unwrap();
    let preprocess = Preprocess::plain([3, 16, 16]);
    Loader::training(&set, &preprocess, augment, 1, 0, 8, 0).next().unwrap().unwrap()
}

#[test]
fn every_key_changes_the_batch() {
    for side in [20, 80] {
        let plain = batch(&Augment::default(), side);
        assert!(plain.shares.is_empty());
        for (key, off) in [
            ("crop = 3", "crop = 0"),
            ("random_resized_crop = true", "random_resized_crop = false"),
            ("random_resized_crop = { scale = [0.5, 0.6] }", "random_resized_crop = true"),
            ("random_resized_crop = { ratio = [0.5, 0.6] }", "random_resized_crop = true"),
            ("flip = true", "flip = false"),
            ("vertical_flip = true", "vertical_flip = false"),
            ("rotate = 20", "rotate = 0"),
            ("rotate = 20", "rotate = 10"),
            ("color_jitter = 0.4", "color_jitter = 0"),
            ("color_jitter = { brightness = 0.4 }", "color_jitter = {}"),
            ("color_jitter = { contrast = 0.4 }", "color_jitter = {}"),
            ("color_jitter = { saturation = 0.4 }", "color_jitter = {}"),
            ("color_jitter = { hue = 0.2 }", "color_jitter = {}"),
            ("auto = \"rand\"", "auto = \"none\""),
            ("auto = \"trivial\"", "auto = \"none\""),
            ("auto = \"augmix\"", "auto = \"none\""),
            ("auto = \"auto\"", "auto = \"none\""),
            ("blur = 1.0", "blur = 0"),
            ("erasing = 1.0", "erasing = 0"),
            ("mixup = 0.8", "mixup = 0"),
            ("mixup = 0.8", "mixup = 0.8\nmix_probability = 0"),
            ("cutmix = 1.0", "cutmix = 0"),
            ("mixup = 0.8\ncutmix = 1.0\nmix_switch = 0", "mixup = 0.8\ncutmix = 1.0\nmix_switch = 1"),
            ("preset = \"light\"", "preset = \"none\""),
            ("preset = \"standard\"", "preset = \"light\""),
            ("preset = \"strong\"", "preset = \"standard\""),
            ("preset = \"standard\"\nflip = false", "preset = \"standard\""),
            ("preset = \"strong\"\nauto = \"none\"", "preset = \"strong\""),
            ("preset = \"strong\"\nerasing = 0", "preset = \"strong\"\nerasing = 1"),
            ("transforms = [{ name = \"RandomRotation\", degrees = 30 }]", "transforms = []"),
            ("transforms = [{ name = \"RandomErasing\", p = 1.0 }]", "transforms = []"),
        ] {
            let [on, off] = [key, off].map(|text| {
                let augment = read(text);
                augment.check_for([side, side]).unwrap();
                batch(&augment, side)
            });
            assert!(on.images != off.images, "{key} at {side}");
            assert_eq!(on.images.len(), plain.images.len());
            if key.contains("mix") && !key.contains("augmix") {
                assert_eq!(on.shares.len(), 16, "{key}");
            }
        }
    }
}

#[test]
fn keys_that_are_off_and_old_recipes_draw_what_they_drew() {
    // `crop` and `flip` of 0 and false, as recipes of earlier versions have them.
    for off in ["crop = 0\nflip = false", "preset = \"none\"", "random_resized_crop = false", "mixup = 0.0"] {
        assert!(steps(&read(off), [28, 28]).is_empty(), "{off}");
        assert_eq!(read(off).mix(), None);
    }
    let old = steps(&cropped(2, true), [28, 28]);
    assert_eq!(steps(&read("crop = 2\nflip = true\nmixup = 0.2"), [28, 28]), old);
    let names: Vec<&str> = old.iter().map(Transform::name).collect();
    assert_eq!(names, ["RandomCrop", "RandomHorizontalFlip"]);
}

#[test]
fn presets_are_by_the_images_size_and_keys_go_before_them() {
    let names = |text: &str, side: usize| -> Vec<&'static str> {
        steps(&read(text), [side, side]).iter().map(Transform::name).collect()
    };
    let (crop, resized, flip) = ("RandomCrop", "RandomResizedCrop", "RandomHorizontalFlip");
    for preset in ["light", "standard"] {
        let text = format!("preset = \"{preset}\"");
        assert_eq!(names(&text, 64), [crop, flip]);
        assert_eq!(names(&text, 65), [resized, flip]);
    }
    let strong = "preset = \"strong\"\n";
    assert_eq!(names(strong, 28), [crop, flip, "TrivialAugmentWide", "RandomErasing"]);
    assert_eq!(names(strong, 200), [resized, flip, "TrivialAugmentWide", "RandomErasing"]);
    assert_eq!(
        names(&format!("{strong}crop = 4\nauto = \"rand\""), 200),
        [crop, flip, "RandAugment", "RandomErasing"]
    );
    assert_eq!(
        names(&format!("{strong}random_resized_crop = true\nflip = false\nerasing = 0"), 28),
        [resized, "TrivialAugmentWide"]
    );
    assert_eq!(
        names(&format!("{strong}random_resized_crop = false\nauto = \"none\"\nerasing = 0"), 200),
        [crop, flip]
    );
    let padding = |text: &str| steps(&read(text), [32, 32])[0].clone();
    let by =
        |padding: usize| Transform::from(RandomCrop { padding: [padding; 4], ..RandomCrop::new([32, 32]) });
    assert_eq!(padding("preset = \"light\""), by(2));
    assert_eq!(padding("preset = \"standard\""), by(4));
    assert_eq!(padding("preset = \"standard\"\ncrop = 1"), by(1));
}

#[test]
fn what_cannot_be_followed_is_told_by_its_key() {
    let fail = |text: &str| read(text).check_for([28, 32]).unwrap_err().to_string();
    for (text, told) in [
        ("crop = 70000", "setting `augment.crop` is 70000, expected a whole number from 0 to 65536"),
        ("crop = 28", "setting `augment.crop` is 28 for images of 28x32"),
        ("rotate = 181", "setting `augment.rotate` is 181, expected a number from 0 to 180"),
        ("rotate = nan", "setting `augment.rotate` is NaN"),
        ("blur = 1.5", "setting `augment.blur` is 1.5, expected a number from 0 to 1"),
        ("erasing = -0.1", "setting `augment.erasing` is -0.1"),
        ("mixup = -1", "setting `augment.mixup` is -1"),
        ("cutmix = inf", "setting `augment.cutmix` is inf"),
        ("mixup = 1\nmix_probability = 2", "setting `augment.mix_probability` is 2"),
        ("color_jitter = -1", "setting `augment.color_jitter` is -1"),
        ("color_jitter = { hue = 0.7 }", "setting `augment.color_jitter`: ColorJitter: `hue` is"),
        (
            "random_resized_crop = { scale = [0, 1] }",
            "setting `augment.random_resized_crop`: RandomResizedCrop: `scale`",
        ),
        (
            "crop = 2\nrandom_resized_crop = true",
            "setting `augment.crop` is 2, expected 0 beside `augment.random_resized",
        ),
        (
            "mix_probability = 0.5",
            "setting `augment.mix_probability` is 0.5, expected `augment.mixup` or `augment.cutmix`",
        ),
        ("mixup = 1\nmix_switch = 0.5", "setting `augment.mix_switch` is 0.5, expected `augment.mixup` and"),
        (
            "flip = true\ntransforms = [{ name = \"Round\" }]",
            "setting `augment.flip` is given, expected no such key",
        ),
        (
            "transforms = [{ name = \"RandomErasing\" }, { name = \"Round\" }]",
            "transforms, number 1`: RandomErasing works on",
        ),
        (
            "transforms = [{ name = \"RandomRotation\", degrees = 720 }]",
            "number 1`: RandomRotation: `degrees` is",
        ),
    ] {
        assert!(fail(text).contains(told), "{text}: {}", fail(text));
    }
    let unknown =
        toml::from_str::<Augment>("transforms = [{ name = \"RandomFlip\" }]").unwrap_err().to_string();
    assert!(unknown.contains("RandomFlip"), "{unknown}");
    // Batches are mixed beside a list too.
    read("mixup = 0.2\ntransforms = [{ name = \"Round\" }]").check().unwrap();
}

#[test]
fn a_resumed_epoch_of_mixed_batches_goes_on_by_any_number_of_threads() {
    let pixels = (0..30 * 3 * 400).map(|i| (i * 7 % 251) as u8).collect();
    let classes = ["a", "b", "c"].map(String::from).to_vec();
    let set = Dataset::new("x", pixels, (0..30).map(|i| i % 3).collect(), classes, (3, 20, 20)).unwrap();
    let augment = read("preset = \"strong\"\nmixup = 0.4\ncutmix = 1.0\nmix_probability = 0.8");
    let pipeline = Preprocess::plain([3, 16, 16]).pipeline(set.shape, &augment);
    let from = |start, workers| -> Vec<(Vec<f32>, Vec<f32>)> {
        let pass =
            Pass { shuffle: true, seed: 3, epoch: 2, start, workers: Some(workers), ..Pass::in_order(4) };
        let batches = Loader::mixed(&set, &pipeline, augment.mix(), pass);
        batches.map(|batch| batch.map(|b| (b.images.clone(), b.shares.clone())).unwrap()).collect()
    };
    let whole = from(0, 1);
    assert_eq!(whole.len(), 8);
    for (start, workers) in [(0, 3), (1, 1), (5, 7), (7, 2)] {
        assert_eq!(from(start, workers), whole[start..], "{start} {workers}");
    }
    for (_, shares) in &whole {
        assert!(shares.chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
    }
    // What is drawn is another at each batch, and some batches stay as they are.
    let hard = |shares: &[f32]| shares.iter().all(|share| [0.0, 1.0].contains(share));
    assert!(whole.iter().any(|(_, shares)| hard(shares)) && whole.iter().any(|(_, shares)| !hard(shares)));
}
