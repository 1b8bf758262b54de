//! What holds of every transform, whatever its parameters and the image.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::random::Random;
use super::view::{Levels, View};
use super::*;

fn sides() -> impl Strategy<Value = [usize; 2]> {
    [1usize..14, 1usize..14]
}

fn fills() -> impl Strategy<Value = Fill> {
    prop_oneof![
        (0.0..=255.0).prop_map(Fill::Same),
        proptest::array::uniform3(0.0..=255.0).prop_map(Fill::Rgb)
    ]
}

/// A range within another one.
fn range(least: f64, most: f64) -> impl Strategy<Value = [f64; 2]> {
    (least..=most, least..=most).prop_map(|(a, b)| [a.min(b), a.max(b)])
}

fn chance() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(0.0), 0.0..=1.0]
}

fn lookups() -> impl Strategy<Value = Interpolation> {
    select(vec![Interpolation::Nearest, Interpolation::Bilinear])
}

fn any_interpolation() -> impl Strategy<Value = Interpolation> {
    select(vec![
        Interpolation::Nearest,
        Interpolation::NearestExact,
        Interpolation::Bilinear,
        Interpolation::Bicubic,
    ])
}

fn modes() -> impl Strategy<Value = PaddingMode> {
    select(vec![PaddingMode::Constant, PaddingMode::Edge, PaddingMode::Reflect, PaddingMode::Symmetric])
}

fn sizes_and_windows() -> impl Strategy<Value = Transform> {
    let to = prop_oneof![
        (1usize..14).prop_map(ResizeTo::Shorter),
        sides().prop_map(ResizeTo::Exact),
        sides().prop_map(|cover| ResizeTo::Cover { cover }),
    ];
    let padding = || [0usize..5, 0usize..5, 0usize..5, 0usize..5];
    prop_oneof![
        (to, any_interpolation(), any::<bool>(), 1usize..20).prop_map(
            |(size, interpolation, antialias, more)| {
                let max_size = match size {
                    ResizeTo::Shorter(short) if more < 15 => Some(short + more),
                    _ => None,
                };
                Resize { size, interpolation, max_size, antialias }.into()
            }
        ),
        (sides(), any::<bool>()).prop_map(|(size, near)| CenterCrop { size, near }.into()),
        (sides(), select(Corner::ALL.to_vec())).prop_map(|(size, corner)| CornerCrop { size, corner }.into()),
        sides().prop_map(|size| PadTo { size }.into()),
        (padding(), fills(), modes()).prop_map(|(padding, fill, padding_mode)| Pad {
            padding,
            fill,
            padding_mode
        }
        .into()),
        (sides(), padding(), any::<bool>(), fills(), modes()).prop_map(
            |(size, padding, pad_if_needed, fill, padding_mode)| {
                RandomCrop { size, padding, pad_if_needed, fill, padding_mode }.into()
            }
        ),
        (sides(), range(0.01, 1.0), range(0.1, 9.0), any_interpolation(), any::<bool>()).prop_map(
            |(size, scale, ratio, interpolation, antialias)| {
                RandomResizedCrop { size, scale, ratio, interpolation, antialias }.into()
            }
        ),
        chance().prop_map(|p| RandomHorizontalFlip { p }.into()),
        chance().prop_map(|p| RandomVerticalFlip { p }.into()),
    ]
}

fn warps() -> impl Strategy<Value = Transform> {
    let center = || proptest::option::of([-20.0..20.0, -20.0..20.0]);
    prop_oneof![
        (range(-360.0, 360.0), lookups(), any::<bool>(), center(), fills()).prop_map(
            |(degrees, interpolation, expand, center, fill)| {
                RandomRotation { degrees, interpolation, expand, center, fill }.into()
            }
        ),
        select(vec![90.0, 180.0, 270.0, 0.0]).prop_map(|degrees: f64| {
            RandomRotation { degrees: [degrees; 2], expand: true, ..RandomRotation::new(0.0) }.into()
        }),
        (
            range(-360.0, 360.0),
            [0.0..=1.0, 0.0..=1.0],
            range(1e-9, 50.0),
            [range(-89.0, 89.0), range(-89.0, 89.0)],
            lookups(),
            fills(),
            center()
        )
            .prop_map(|(degrees, translate, scale, [x, y], interpolation, fill, center)| {
                let shear = [x[0], x[1], y[0], y[1]];
                RandomAffine { degrees, translate, scale, shear, interpolation, fill, center }.into()
            }),
        (chance(), chance(), lookups(), fills()).prop_map(|(distortion_scale, p, interpolation, fill)| {
            RandomPerspective { distortion_scale, p, interpolation, fill }.into()
        }),
    ]
}

fn levels_and_colours() -> impl Strategy<Value = Transform> {
    let factors = || range(0.0, 4.0);
    prop_oneof![
        (factors(), factors(), factors(), range(-0.5, 0.5)).prop_map(
            |(brightness, contrast, saturation, hue)| {
                ColorJitter { brightness, contrast, saturation, hue }.into()
            }
        ),
        Just(Grayscale::default().into()),
        Just(Round {}.into()),
        chance().prop_map(|p| RandomGrayscale { p }.into()),
        ([0usize..5, 0usize..5], range(0.01, 9.0)).prop_map(|(halves, sigma)| {
            GaussianBlur { kernel_size: halves.map(|half| 2 * half + 1), sigma }.into()
        }),
        chance().prop_map(|p| RandomInvert { p }.into()),
        (0u32..9, chance()).prop_map(|(bits, p)| RandomPosterize { bits, p }.into()),
        (0.0..=255.0, chance()).prop_map(|(threshold, p)| RandomSolarize { threshold, p }.into()),
        (0.0..=9.0, chance())
            .prop_map(|(sharpness_factor, p)| { RandomAdjustSharpness { sharpness_factor, p }.into() }),
        chance().prop_map(|p| RandomAutocontrast { p }.into()),
        chance().prop_map(|p| RandomEqualize { p }.into()),
    ]
}

fn policies() -> impl Strategy<Value = Transform> {
    let fill = || proptest::option::of(fills());
    let policy =
        select(vec![AutoAugmentPolicy::Imagenet, AutoAugmentPolicy::Cifar10, AutoAugmentPolicy::Svhn]);
    prop_oneof![
        (policy, lookups(), fill()).prop_map(|(policy, interpolation, fill)| AutoAugment {
            policy,
            interpolation,
            fill
        }
        .into()),
        (0usize..4, 0usize..31, lookups(), fill()).prop_map(|(num_ops, magnitude, interpolation, fill)| {
            RandAugment { num_ops, magnitude, num_magnitude_bins: 31, interpolation, fill }.into()
        }),
        (2usize..40, lookups(), fill()).prop_map(|(num_magnitude_bins, interpolation, fill)| {
            TrivialAugmentWide { num_magnitude_bins, interpolation, fill }.into()
        }),
        (1usize..=10, 1usize..4, -1i64..4, 0.05..5.0, any::<bool>(), lookups(), fill()).prop_map(
            |(severity, mixture_width, chain_depth, alpha, all_ops, interpolation, fill)| {
                AugMix { severity, mixture_width, chain_depth, alpha, all_ops, interpolation, fill }.into()
            }
        ),
    ]
}

/// Any transform but those that hold others.
fn simple() -> impl Strategy<Value = Transform> {
    prop_oneof![sizes_and_windows(), warps(), levels_and_colours(), policies()]
}

fn transforms() -> impl Strategy<Value = Transform> {
    let some = || proptest::collection::vec(simple(), 1..4);
    prop_oneof![
        8 => simple(),
        1 => (some(), chance()).prop_map(|(transforms, p)| RandomApply { transforms, p }.into()),
        1 => some().prop_map(|transforms| RandomChoice { transforms, p: None }.into()),
        1 => some().prop_map(|transforms| RandomOrder { transforms }.into()),
    ]
}

/// What comes out: channels, size and levels.
fn applied(step: &mut dyn Step, image: View, index: usize) -> (usize, [usize; 2], Vec<f32>) {
    let mut random = Random::new(3, 1);
    random.start(index);
    let out = step.apply(image, &mut random);
    let levels = match out.levels {
        Levels::Bytes(levels) => levels.iter().map(|&level| f32::from(level)).collect(),
        Levels::Floats(levels) => levels.to_vec(),
    };
    (out.channels, out.size, levels)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn sizes_are_as_promised_levels_are_levels_and_a_draw_gives_the_same_bits(
        transform in transforms(),
        channels in select(vec![1usize, 3]),
        size in prop_oneof![
            sides(),
            (1usize..40).prop_map(|width| [1, width]),
            (1usize..40).prop_map(|height| [height, 1]),
        ],
        seed in any::<u8>(),
        index in any::<u8>(),
        smooth in any::<bool>(),
    ) {
        prop_assert!(transform.check().is_ok(), "{:?}", transform.check());
        let count = channels * size[0] * size[1];
        let bytes: Vec<u8> = (0..count).map(|i| (i * 97 + usize::from(seed)) as u8).collect();
        let floats: Vec<f32> = bytes.iter().map(|&level| f32::from(level) * 0.99).collect();
        let levels = if smooth { Levels::Floats(&floats) } else { Levels::Bytes(&bytes) };
        let image = View { channels, size, levels };
        let parameters = transform.parameters();
        let mut step = parameters.step().unwrap();
        let found = applied(&mut *step, image, index.into());
        prop_assert!(found.0 == channels || found.0 == 3 || found.0 == 1);
        prop_assert_eq!(found.2.len(), found.0 * found.1[0] * found.1[1]);
        if let Some(promised) = parameters.size(Some(size)) {
            prop_assert_eq!(found.1, promised);
        }
        prop_assert!(found.2.iter().all(|level| (-0.01..=255.01).contains(level)), "{:?}", found.2);
        // Whatever the step did before.
        let other = View { channels: 1, size: [3, 2], levels: Levels::Bytes(&[9, 0, 255, 3, 80, 41]) };
        applied(&mut *step, other, 7);
        prop_assert_eq!(&applied(&mut *step, image, index.into()), &found);
        prop_assert_eq!(&applied(&mut *parameters.step().unwrap(), image, index.into()), &found);
    }

    #[test]
    fn a_recipe_s_text_gives_the_same_transform(transform in transforms()) {
        let text = toml::to_string(&transform).unwrap();
        prop_assert_eq!(toml::from_str::<Transform>(&text).unwrap(), transform);
    }
}
