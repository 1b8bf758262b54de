//! A part of a network's input overwritten by chance.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::{check_chance, check_range, wrong};
use super::{Parameters, Step};

/// A rectangle of random area and proportions of a network's input overwritten, with a chance of `p`.
///
/// It works on normalized values, and stands at the end of a pipeline. Up to ten rectangles are drawn until one is
/// smaller than the input on both sides; else nothing is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomErasing {
    /// The chance.
    pub p: f64,
    /// The rectangle's share of the input's area.
    pub scale: [f64; 2],
    /// The rectangle's height over its width.
    pub ratio: [f64; 2],
    /// What is written.
    pub value: Erased,
}

/// What [`RandomErasing`] writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`value` is a number, a number for each channel, \"random\" or \"mean\"")]
pub enum Erased {
    /// One normalized value.
    Value(f64),
    /// One for each channel.
    Channels(Vec<f64>),
    /// Something else.
    Drawn(Drawn),
}

/// What [`RandomErasing`] writes that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Drawn {
    /// Each value drawn from a normal distribution.
    Random,
    /// The mean of each channel, which the normalization takes to 0.
    Mean,
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { p: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: Erased::Value(0.0) }
    }
}

/// Rectangles that are drawn before nothing is done.
const TRIES: usize = 10;

impl RandomErasing {
    /// Corner and size of the rectangle.
    pub(super) fn rectangle(
        &self,
        [height, width]: [usize; 2],
        random: &mut Random,
    ) -> Option<[[usize; 2]; 2]> {
        let [least, most] = self.ratio.map(f64::ln);
        (0..TRIES).find_map(|_| {
            let area = (height * width) as f64 * random.uniform(self.scale);
            let ratio = random.uniform([least, most]).exp();
            let rows = (area * ratio).sqrt().round_ties_even() as usize;
            let columns = (area / ratio).sqrt().round_ties_even() as usize;
            (rows < height && columns < width).then(|| {
                let top = random.below(height - rows + 1);
                [[top, random.below(width - columns + 1)], [rows, columns]]
            })
        })
    }

    /// Rows and columns that are overwritten, or none.
    pub(super) fn part(&self, size: [usize; 2], random: &mut Random) -> Option<[Range<usize>; 2]> {
        let [corner, sides] = random.chance(self.p).then(|| self.rectangle(size, random))??;
        Some([0, 1].map(|axis| corner[axis]..corner[axis] + sides[axis]))
    }

    /// What a channel is overwritten with; `None` for noise.
    pub(super) fn value(&self, channel: usize) -> Option<f32> {
        match &self.value {
            Erased::Value(value) => Some(*value as f32),
            Erased::Channels(values) => Some(values[channel % values.len()] as f32),
            Erased::Drawn(Drawn::Mean) => Some(0.0),
            Erased::Drawn(Drawn::Random) => None,
        }
    }

    /// Overwrites a part of the input of C, H, W, or not.
    pub(super) fn erase(&self, out: &mut [f32], [_, height, width]: [usize; 3], random: &mut Random) {
        let Some([rows, columns]) = self.part([height, width], random) else { return };
        let mut noise = matches!(self.value, Erased::Drawn(Drawn::Random)).then(|| random.noise());
        for (channel, plane) in out.chunks_exact_mut(height * width).enumerate() {
            let value = self.value(channel).unwrap_or_default();
            for row in plane.chunks_exact_mut(width).skip(rows.start).take(rows.len()) {
                let row = &mut row[columns.clone()];
                match &mut noise {
                    Some(noise) => row.iter_mut().for_each(|x| *x = noise.normal() as f32),
                    None => row.fill(value),
                }
            }
        }
    }

    /// What is wrong with it for an input of so many channels.
    pub(super) fn check_channels(&self, channels: usize) -> Result<(), String> {
        match &self.value {
            Erased::Channels(values) if ![1, channels].contains(&values.len()) => {
                Err(wrong("value", values, &format!("one number, or {channels}, one a channel")))
            }
            _ => Ok(()),
        }
    }
}

impl Parameters for RandomErasing {
    fn check(&self) -> Result<(), String> {
        check_chance("p", self.p)?;
        check_range("scale", self.scale, 0.0..=1.0)?;
        check_range("ratio", self.ratio, f64::MIN_POSITIVE..=f64::MAX)?;
        let right = match &self.value {
            Erased::Value(value) => value.is_finite(),
            Erased::Channels(values) => !values.is_empty() && values.iter().all(|value| value.is_finite()),
            Erased::Drawn(_) => true,
        };
        if right { Ok(()) } else { Err(wrong("value", &self.value, "finite numbers")) }
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn on_input(&self) -> Option<&RandomErasing> {
        Some(self)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        None
    }
}
