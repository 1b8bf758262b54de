//! Values that are written as a number or as a list, as torchvision takes them, and what is told of wrong ones.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize};

/// The most pixels on a side of what a transform makes, as of an image that is read.
const MAX_SIDE: usize = 1 << 15;
/// The most pixels of what a transform makes, as of an image that is read.
pub(super) const MAX_PIXELS: usize = 1 << 26;
/// The most pixels that are added on a side.
const MAX_PADDING: usize = 1 << 12;

/// How pixels between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// The pixel that the place lies in, by PyTorch's older rule, which looks at its upper left corner.
    Nearest,
    /// The pixel that the middle of the place lies in.
    NearestExact,
    /// Between two pixels on each axis.
    Bilinear,
    /// Between four pixels on each axis.
    Bicubic,
}

/// The level of what lies outside of an image: one for all channels, or red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`fill` is a level of 0 to 255, or [red, green, blue]")]
pub enum Fill {
    /// The same in all channels.
    Same(f64),
    /// Of an RGB image; a grey one becomes RGB.
    Rgb([f64; 3]),
}

impl Fill {
    /// Channels that an image of `channels` has once it is filled.
    pub(super) fn channels(fill: Option<Self>, channels: usize) -> usize {
        if matches!(fill, Some(Self::Rgb(_))) { channels.max(3) } else { channels }
    }

    /// The level in a channel.
    pub(super) fn level(self, channel: usize) -> f32 {
        match self {
            Self::Same(level) => level as f32,
            Self::Rgb(levels) => levels[channel % 3] as f32,
        }
    }

    pub(super) fn check(self) -> Result<(), String> {
        let levels = match self {
            Self::Same(level) => [level; 3],
            Self::Rgb(levels) => levels,
        };
        match levels.iter().all(|level| (0.0..=255.0).contains(level)) {
            true => Ok(()),
            false => Err(wrong("fill", &self.shown(), "levels of 0 to 255")),
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Same(level) => format!("{level:?}"),
            Self::Rgb(levels) => format!("{levels:?}"),
        }
    }
}

/// `[height, width]`, or a number for both.
pub(super) fn sides<'de, D: Deserializer<'de>>(from: D) -> Result<[usize; 2], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size is a number of pixels, or [height, width]")]
    enum Sides {
        Both(usize),
        Each([usize; 2]),
    }
    Ok(match Sides::deserialize(from)? {
        Sides::Both(side) => [side; 2],
        Sides::Each(sides) => sides,
    })
}

/// `[left, top, right, bottom]`, `[left and right, top and bottom]`, or a number for all.
pub(super) fn padding<'de, D: Deserializer<'de>>(from: D) -> Result<[usize; 4], D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "`padding` is a number of pixels, [left and right, top and bottom] or [left, top, right, bottom]"
    )]
    enum Padding {
        All(usize),
        Axes([usize; 2]),
        Each([usize; 4]),
    }
    Ok(match Padding::deserialize(from)? {
        Padding::All(all) => [all; 4],
        Padding::Axes([x, y]) => [x, y, x, y],
        Padding::Each(each) => each,
    })
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a range is a number, or [least, most]")]
enum Range {
    Number(f64),
    Range([f64; 2]),
}

/// `[least, most]`, or a number for what lies between its negative and itself.
pub(super) fn around_zero<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
    Ok(match Range::deserialize(from)? {
        Range::Number(most) => [-most, most],
        Range::Range(range) => range,
    })
}

/// `[least, most]`, or a number for how far a factor is from 1; a factor is not below 0.
pub(super) fn around_one<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
    Ok(match Range::deserialize(from)? {
        // A number below 0 stays wrong, and is told.
        Range::Number(far) if far > 1.0 => [0.0, 1.0 + far],
        Range::Number(far) => [1.0 - far, 1.0 + far],
        Range::Range(range) => range,
    })
}

/// `[least, most]`, or a number for both.
pub(super) fn fixed_or_range<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
    Ok(match Range::deserialize(from)? {
        Range::Number(number) => [number; 2],
        Range::Range(range) => range,
    })
}

/// What is told of a wrong value.
pub(super) fn wrong(field: &str, found: &dyn Debug, expected: &str) -> String {
    let found = format!("{found:?}");
    format!("`{field}` is {}, expected {expected}", found.trim_matches('"'))
}

/// A chance of 0 to 1.
pub(super) fn check_chance(field: &str, p: f64) -> Result<(), String> {
    check_number(field, p, 0.0..=1.0)
}

/// A number within bounds.
pub(super) fn check_number(field: &str, number: f64, bounds: RangeInclusive<f64>) -> Result<(), String> {
    match bounds.contains(&number) {
        true => Ok(()),
        false => Err(wrong(field, &number, &told(&bounds))),
    }
}

/// Two numbers within bounds, the smaller one first.
pub(super) fn check_range(field: &str, range: [f64; 2], bounds: RangeInclusive<f64>) -> Result<(), String> {
    let [least, most] = range;
    match bounds.contains(&least) && bounds.contains(&most) && least <= most {
        true => Ok(()),
        false => Err(wrong(field, &range, &format!("[least, most], each {}", told(&bounds)))),
    }
}

/// Height and width of an image.
pub(super) fn check_sides(field: &str, sides: [usize; 2]) -> Result<(), String> {
    match sides.iter().all(|side| (1..=MAX_SIDE).contains(side)) && sides[0] * sides[1] <= MAX_PIXELS {
        true => Ok(()),
        false => {
            let expected = format!("1 to {MAX_SIDE} pixels a side, {MAX_PIXELS} in all");
            Err(wrong(field, &sides, &expected))
        }
    }
}

/// Pixels that are added on the four sides.
pub(super) fn check_padding(padding: [usize; 4]) -> Result<(), String> {
    match padding.iter().all(|side| *side <= MAX_PADDING) {
        true => Ok(()),
        false => Err(wrong("padding", &padding, &format!("at most {MAX_PADDING} pixels a side"))),
    }
}

/// Bounds in words.
fn told(bounds: &RangeInclusive<f64>) -> String {
    let (least, most) = (bounds.start(), bounds.end());
    match (*least == f64::MIN_POSITIVE, *most == f64::MAX) {
        (true, true) => "a number above 0".to_owned(),
        (true, false) => format!("above 0 and at most {most}"),
        (false, true) => format!("a number of at least {least}"),
        (false, false) => format!("{least} to {most}"),
    }
}

pub(super) fn nearest() -> Interpolation {
    Interpolation::Nearest
}

/// Of an image that is turned or sheared: how a pixel is looked up, and the place that stays.
pub(super) fn check_lookup(
    interpolation: Interpolation,
    fill: Option<Fill>,
    center: Option<[f64; 2]>,
) -> Result<(), String> {
    if !matches!(interpolation, Interpolation::Nearest | Interpolation::Bilinear) {
        return Err(wrong("interpolation", &interpolation, "`nearest` or `bilinear`"));
    }
    if let Some(center) = center
        && !center.iter().all(|place| place.abs() <= MAX_SIDE as f64)
    {
        return Err(wrong("center", &center, &format!("[x, y], at most {MAX_SIDE}")));
    }
    fill.map_or(Ok(()), Fill::check)
}

/// `[x least, x most, y least, y most]`, `[x least, x most]`, or a number for what lies between its negative
/// and itself along x.
pub(super) fn shear<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 4], D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "`shear` is a number of degrees, [x least, x most], or four numbers for x and y"
    )]
    enum Shear {
        Number(f64),
        X([f64; 2]),
        Both([f64; 4]),
    }
    Ok(match Shear::deserialize(from)? {
        Shear::Number(most) => [-most, most, 0.0, 0.0],
        Shear::X([least, most]) => [least, most, 0.0, 0.0],
        Shear::Both(both) => both,
    })
}
