//! Strong random changes whose kinds and strengths others have searched for.

use serde::{Deserialize, Serialize};

use super::augment_op::{Op, Space, Translate, USUAL};
use super::auto_policies::{CIFAR10, IMAGENET, Part, SVHN};
use super::values::{Fill, Interpolation, check_lookup, nearest, wrong};
use super::warp::Lookup;
use super::{Parameters, Step, painted};

/// The set that a policy was searched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AutoAugmentPolicy {
    /// ImageNet.
    #[default]
    Imagenet,
    /// CIFAR-10.
    Cifar10,
    /// Street View House Numbers.
    Svhn,
}

impl AutoAugmentPolicy {
    fn pairs(self) -> &'static [[Part; 2]; 25] {
        match self {
            Self::Imagenet => &IMAGENET,
            Self::Cifar10 => &CIFAR10,
            Self::Svhn => &SVHN,
        }
    }
}

/// One of 25 pairs of changes, each with its own chance (Cubuk et al. 2019).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoAugment {
    /// Which pairs.
    pub policy: AutoAugmentPolicy,
    /// `Nearest` or `Bilinear`.
    pub interpolation: Interpolation,
    /// The level outside of the image; black if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
}

impl Default for AutoAugment {
    fn default() -> Self {
        Self { policy: AutoAugmentPolicy::default(), interpolation: nearest(), fill: None }
    }
}

impl Parameters for AutoAugment {
    fn check(&self) -> Result<(), String> {
        check_lookup(self.interpolation, self.fill, None)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn fill(&self) -> Option<Fill> {
        self.fill
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { policy, interpolation, fill } = *self;
        let lookup = Lookup { interpolation, fill };
        painted(None, move |canvas, random| {
            for (op, p, bin) in policy.pairs()[random.below(25)] {
                if random.chance(p) {
                    USUAL.apply((op, 10, bin), canvas, lookup, random);
                }
            }
        })
    }
}

/// What [`RandAugment`] and [`TrivialAugmentWide`] choose from.
const OPS: [Op; 14] = [
    Op::Identity,
    Op::ShearX,
    Op::ShearY,
    Op::TranslateX,
    Op::TranslateY,
    Op::Rotate,
    Op::Brightness,
    Op::Color,
    Op::Contrast,
    Op::Sharpness,
    Op::Posterize,
    Op::Solarize,
    Op::AutoContrast,
    Op::Equalize,
];

/// Some changes of 14 kinds, all of one strength (Cubuk et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandAugment {
    /// How many changes.
    pub num_ops: usize,
    /// The strength, below `num_magnitude_bins`.
    pub magnitude: usize,
    /// How many strengths there are.
    pub num_magnitude_bins: usize,
    /// `Nearest` or `Bilinear`.
    pub interpolation: Interpolation,
    /// The level outside of the image; black if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self { num_ops: 2, magnitude: 9, num_magnitude_bins: 31, interpolation: nearest(), fill: None }
    }
}

/// The most changes of an image.
const MAX_OPS: usize = 100;
/// The most strengths.
const MAX_BINS: usize = 1 << 16;

fn check_bins(bins: usize) -> Result<(), String> {
    match bins {
        2..=MAX_BINS => Ok(()),
        _ => Err(wrong("num_magnitude_bins", &bins, &format!("2 to {MAX_BINS}"))),
    }
}

impl Parameters for RandAugment {
    fn check(&self) -> Result<(), String> {
        let Self { num_ops, magnitude, num_magnitude_bins: bins, interpolation, fill } = *self;
        check_bins(bins)?;
        if num_ops > MAX_OPS {
            return Err(wrong("num_ops", &num_ops, &format!("at most {MAX_OPS}")));
        }
        if magnitude >= bins {
            return Err(wrong("magnitude", &magnitude, &format!("less than `num_magnitude_bins`, {bins}")));
        }
        check_lookup(interpolation, fill, None)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn fill(&self) -> Option<Fill> {
        self.fill
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { num_ops, magnitude, num_magnitude_bins: bins, interpolation, fill } = *self;
        let lookup = Lookup { interpolation, fill };
        painted(None, move |canvas, random| {
            for _ in 0..num_ops {
                let op = OPS[random.below(OPS.len())];
                USUAL.apply((op, bins, magnitude), canvas, lookup, random);
            }
        })
    }
}

/// One change of 14 kinds, of any strength (Müller and Hutter 2021).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrivialAugmentWide {
    /// How many strengths there are.
    pub num_magnitude_bins: usize,
    /// `Nearest` or `Bilinear`.
    pub interpolation: Interpolation,
    /// The level outside of the image; black if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
}

impl Default for TrivialAugmentWide {
    fn default() -> Self {
        Self { num_magnitude_bins: 31, interpolation: nearest(), fill: None }
    }
}

const WIDE: Space = Space {
    shear: 0.99,
    translate: Translate::Pixels(32.0),
    rotate: 135.0,
    enhance: 0.99,
    posterize: [8.0, 6.0],
};

impl Parameters for TrivialAugmentWide {
    fn check(&self) -> Result<(), String> {
        check_bins(self.num_magnitude_bins)?;
        check_lookup(self.interpolation, self.fill, None)
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn fill(&self) -> Option<Fill> {
        self.fill
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        let Self { num_magnitude_bins: bins, interpolation, fill } = *self;
        let lookup = Lookup { interpolation, fill };
        painted(None, move |canvas, random| {
            let op = OPS[random.below(OPS.len())];
            WIDE.apply((op, bins, random.below(bins)), canvas, lookup, random);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// What torchvision gives for every change and strength; see `tools/transform_golden.py`.
    const TABLES: &str = include_str!("golden/magnitudes.json");

    #[test]
    fn strengths_are_torchvision_s_to_the_number() {
        let tables: Value = serde_json::from_str(TABLES).unwrap();
        let mix = super::super::aug_mix::SPACE;
        let spaces = [
            ("AutoAugment", USUAL, 10),
            ("RandAugment", USUAL, 31),
            ("TrivialAugmentWide", WIDE, 31),
            ("AugMix", mix, 10),
        ];
        for (name, space, bins) in spaces {
            let table = tables[name].as_object().unwrap();
            for (op, row) in table {
                let found = Op::ALL.into_iter().find(|known| format!("{known:?}") == *op).unwrap();
                let signed = row["signed"].as_bool().unwrap();
                let values = row["values"].as_array().unwrap();
                assert_eq!(values.len(), bins, "{name} {op}");
                for (bin, value) in values.iter().enumerate() {
                    // Of an image of 37 rows and 53 columns.
                    let strength = space.strength(found, bins, bin, [37, 53]);
                    let expected = value.as_f64().unwrap();
                    // A unit in the last place of float32.
                    assert!((strength.0 - expected).abs() <= 1.2e-7 * expected.abs(), "{name} {op} {bin}");
                    assert_eq!(strength.1, signed, "{name} {op}");
                }
            }
        }
        let names: Vec<String> = OPS.iter().map(|op| format!("{op:?}")).collect();
        assert_eq!(serde_json::json!(names), tables["RandAugment order"]);
        assert_eq!(serde_json::json!(names), tables["TrivialAugmentWide order"]);
    }

    #[test]
    fn the_policies_are_torchvision_s() {
        let tables: Value = serde_json::from_str(TABLES).unwrap();
        let policies = [AutoAugmentPolicy::Imagenet, AutoAugmentPolicy::Cifar10, AutoAugmentPolicy::Svhn];
        for (policy, name) in policies.into_iter().zip(["imagenet", "cifar10", "svhn"]) {
            let pairs = policy.pairs().map(|pair| pair.map(|(op, p, bin)| (format!("{op:?}"), p, bin)));
            let found = serde_json::to_value(pairs.to_vec()).unwrap();
            assert_eq!(found, tables["policies"][name]);
        }
    }
}
