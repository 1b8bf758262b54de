//! Transforms as a recipe has them: defaults, numbers and lists, and what is told of wrong ones.

use super::*;

fn read(text: &str) -> Result<Transform, String> {
    let transform: Transform = toml::from_str(text).map_err(|error| error.to_string())?;
    transform.check().map(|()| transform).map_err(|error| error.to_string())
}

fn right(text: &str) -> Transform {
    read(text).unwrap()
}

fn wrong(text: &str) -> String {
    read(text).unwrap_err()
}

#[test]
fn what_is_not_told_is_torchvision_s_default() {
    let named = |name: &str| right(&format!("name = \"{name}\""));
    assert_eq!(named("RandomHorizontalFlip"), RandomHorizontalFlip { p: 0.5 }.into());
    assert_eq!(named("RandomVerticalFlip"), RandomVerticalFlip { p: 0.5 }.into());
    assert_eq!(named("RandomGrayscale"), RandomGrayscale { p: 0.1 }.into());
    assert_eq!(named("RandomErasing"), RandomErasing::default().into());
    assert_eq!(named("ColorJitter"), ColorJitter::default().into());
    let perspective = RandomPerspective {
        distortion_scale: 0.5,
        p: 0.5,
        interpolation: Interpolation::Bilinear,
        fill: Fill::Same(0.0),
    };
    assert_eq!(named("RandomPerspective"), perspective.into());
    let rand = RandAugment {
        num_ops: 2,
        magnitude: 9,
        num_magnitude_bins: 31,
        interpolation: Interpolation::Nearest,
        fill: None,
    };
    assert_eq!(named("RandAugment"), rand.into());
    assert_eq!(named("TrivialAugmentWide"), TrivialAugmentWide::default().into());
    assert_eq!(named("AutoAugment"), AutoAugment::default().into());
    assert_eq!(named("AugMix"), AugMix::default().into());
    assert_eq!(right("name = 'RandomResizedCrop'\nsize = 24"), RandomResizedCrop::new([24, 24]).into());
    assert_eq!(right("name = 'RandomCrop'\nsize = [4, 5]"), RandomCrop::new([4, 5]).into());
    assert_eq!(right("name = 'GaussianBlur'\nkernel_size = 5"), GaussianBlur::new(5).into());
    assert_eq!(right("name = 'RandomAffine'\ndegrees = 3"), RandomAffine::new(3.0).into());
    assert_eq!(right("name = 'Resize'\nsize = 256"), Resize::shorter(256).into());
    assert_eq!(right("name = 'Resize'\nsize = { cover = [9, 8] }"), Resize::cover([9, 8]).into());
    assert_eq!(right("name = 'Resize'\nsize = [9, 8]"), Resize::to(ResizeTo::Exact([9, 8])).into());
    assert_eq!(right("name = 'Pad'\npadding = 1"), Pad::new([1; 4]).into());
    assert_eq!(right("name = 'Pad'\npadding = [1, 2]"), Pad::new([1, 2, 1, 2]).into());
}

#[test]
fn a_number_is_the_range_that_torchvision_makes_of_it() {
    let Transform::ColorJitter(jitter) =
        right("name = 'ColorJitter'\nbrightness = 0.25\ncontrast = 1.5\nsaturation = [0, 3]\nhue = 0.1")
    else {
        panic!("another transform")
    };
    assert_eq!((jitter.brightness, jitter.contrast), ([0.75, 1.25], [0.0, 2.5]));
    assert_eq!((jitter.saturation, jitter.hue), ([0.0, 3.0], [-0.1, 0.1]));
    let affine = |shear: &str| right(&format!("name = 'RandomAffine'\ndegrees = [-1, 2]\nshear = {shear}"));
    let sheared = |shear| RandomAffine { degrees: [-1.0, 2.0], shear, ..RandomAffine::new(0.0) }.into();
    assert_eq!(affine("7"), sheared([-7.0, 7.0, 0.0, 0.0]));
    assert_eq!(affine("[-3, 7]"), sheared([-3.0, 7.0, 0.0, 0.0]));
    assert_eq!(affine("[-3, 7, 0, 1.5]"), sheared([-3.0, 7.0, 0.0, 1.5]));
    let blur = GaussianBlur { kernel_size: [3, 5], sigma: [0.7; 2] };
    assert_eq!(right("name = 'GaussianBlur'\nkernel_size = [3, 5]\nsigma = 0.7"), blur.into());
    let erased = |value: &str| match right(&format!("name = 'RandomErasing'\nvalue = {value}")) {
        Transform::RandomErasing(erasing) => erasing.value,
        _ => panic!("another transform"),
    };
    assert_eq!(erased("1"), Erased::Value(1.0));
    assert_eq!(erased("[1, 2, 3]"), Erased::Channels(vec![1.0, 2.0, 3.0]));
    assert_eq!(erased("'random'"), Erased::Drawn(Drawn::Random));
    assert_eq!(erased("'mean'"), Erased::Drawn(Drawn::Mean));
}

#[test]
fn transforms_may_hold_transforms() {
    let text = "name = 'RandomApply'\np = 0.3\n[[transforms]]\nname = 'RandomRotation'\ndegrees = 15\n\
                [[transforms]]\nname = 'RandomOrder'\ntransforms = [{ name = 'RandomInvert' }]";
    let order = RandomOrder { transforms: vec![RandomInvert::default().into()] };
    let apply = RandomApply { transforms: vec![RandomRotation::new(15.0).into(), order.into()], p: 0.3 };
    assert_eq!(right(text), apply.into());
}

#[test]
fn what_is_wrong_is_told_by_transform_and_parameter() {
    let cases = [
        (
            "name = 'RandomRotatoin'\ndegrees = 1",
            "unknown variant `RandomRotatoin`, expected one of `Resize`",
        ),
        ("name = 'RandomRotation'\nangle = 1\ndegrees = 1", "unknown field `angle`"),
        ("name = 'RandomRotation'", "missing field `degrees`"),
        (
            "name = 'RandomRotation'\ndegrees = -5",
            "RandomRotation: `degrees` is [5.0, -5.0], expected [least, most]",
        ),
        ("name = 'RandomRotation'\ndegrees = 'x'", "a range is a number, or [least, most]"),
        (
            "name = 'RandomRotation'\ndegrees = 1\ninterpolation = 'bicubic'",
            "`interpolation` is Bicubic, expected",
        ),
        (
            "name = 'RandomRotation'\ndegrees = 1\nfill = 256",
            "RandomRotation: `fill` is 256.0, expected levels of 0 to 255",
        ),
        (
            "name = 'RandomRotation'\ndegrees = 1\nfill = [1, 2]",
            "`fill` is a level of 0 to 255, or [red, green, blue]",
        ),
        ("name = 'RandomHorizontalFlip'\np = 1.5", "RandomHorizontalFlip: `p` is 1.5, expected 0 to 1"),
        ("name = 'RandomHorizontalFlip'\np = nan", "RandomHorizontalFlip: `p` is NaN, expected 0 to 1"),
        ("name = 'Resize'\nsize = 0", "Resize: `size` is [0, 0], expected 1 to 32768 pixels a side"),
        (
            "name = 'Resize'\nsize = 9\nmax_size = 9",
            "Resize: `max_size` is 9, expected more than `size`, which is 9",
        ),
        ("name = 'Resize'\nsize = [9, 9]\nmax_size = 19", "Resize: `max_size` is 19, expected none"),
        ("name = 'RandomCrop'\nsize = 9\npadding = [1, 2, 3]", "`padding` is a number of pixels"),
        (
            "name = 'RandomCrop'\nsize = 9\npadding = 4097",
            "`padding` is [4097, 4097, 4097, 4097], expected at most 4096",
        ),
        ("name = 'Resize'\nsize = [32768, 2049]", "Resize: `size` is [32768, 2049], expected 1 to 32768"),
        ("name = 'RandomCrop'\nsize = 9\npadding_mode = 'wrap'", "unknown variant `wrap`"),
        ("name = 'RandomResizedCrop'\nsize = 9\nscale = [0, 1]", "RandomResizedCrop: `scale` is [0.0, 1.0]"),
        (
            "name = 'RandomAffine'\ndegrees = 1\ntranslate = [0, 2]",
            "RandomAffine: `translate` is 2.0, expected 0 to 1",
        ),
        (
            "name = 'RandomAffine'\ndegrees = 1\nscale = [0, 2]",
            "RandomAffine: `scale` is [0.0, 2.0], expected",
        ),
        ("name = 'RandomAffine'\ndegrees = 1\nshear = 90", "RandomAffine: `shear` is [-90.0, 90.0]"),
        ("name = 'RandomPerspective'\ndistortion_scale = 2", "`distortion_scale` is 2.0, expected 0 to 1"),
        (
            "name = 'ColorJitter'\nhue = 0.6",
            "ColorJitter: `hue` is [-0.6, 0.6], expected [least, most], each -0.5 to 0.5",
        ),
        ("name = 'ColorJitter'\nbrightness = -1", "ColorJitter: `brightness` is [2.0, 0.0], expected"),
        ("name = 'Grayscale'\nnum_output_channels = 2", "`num_output_channels` is 2, expected 1 or 3"),
        (
            "name = 'GaussianBlur'\nkernel_size = 4",
            "GaussianBlur: `kernel_size` is [4, 4], expected odd numbers",
        ),
        ("name = 'GaussianBlur'\nkernel_size = 3\nsigma = 0", "GaussianBlur: `sigma` is [0.0, 0.0]"),
        ("name = 'RandomPosterize'\nbits = 9", "RandomPosterize: `bits` is 9, expected 0 to 8"),
        (
            "name = 'RandomSolarize'\nthreshold = 256",
            "RandomSolarize: `threshold` is 256.0, expected 0 to 255",
        ),
        (
            "name = 'RandomAdjustSharpness'\nsharpness_factor = -1",
            "`sharpness_factor` is -1.0, expected a number of at least 0",
        ),
        ("name = 'RandAugment'\nmagnitude = 31", "RandAugment: `magnitude` is 31, expected less than"),
        ("name = 'TrivialAugmentWide'\nnum_magnitude_bins = 1", "`num_magnitude_bins` is 1, expected 2 to"),
        ("name = 'AutoAugment'\npolicy = 'mnist'", "unknown variant `mnist`, expected one of `imagenet`"),
        ("name = 'AugMix'\nseverity = 11", "AugMix: `severity` is 11, expected 1 to 10"),
        ("name = 'AugMix'\nalpha = 0", "AugMix: `alpha` is 0.0, expected a number above 0"),
        ("name = 'RandomErasing'\nscale = [0.5, 0.1]", "RandomErasing: `scale` is [0.5, 0.1], expected"),
        ("name = 'RandomErasing'\nvalue = 'noise'", "`value` is a number, a number for each channel"),
        ("name = 'RandomOrder'\ntransforms = []", "RandomOrder: `transforms` is empty"),
        (
            "name = 'RandomChoice'\np = [1]\ntransforms = [{ name = 'RandomInvert' }, { name = 'RandomInvert' }]",
            "RandomChoice: `p` is [1.0], expected 2 numbers",
        ),
        (
            "name = 'RandomApply'\ntransforms = [{ name = 'RandomInvert', p = 3 }]",
            "RandomApply: RandomInvert: `p` is 3.0, expected 0 to 1",
        ),
    ];
    for (text, expected) in cases {
        let message = wrong(text);
        assert!(message.contains(expected), "{text}\n{message}\nexpected: {expected}");
    }
}
