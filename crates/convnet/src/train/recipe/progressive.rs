//! `[progressive]`: small training images at first, the input's size later.

use serde::{Deserialize, Serialize};

use super::super::TrainError;

/// Training images that grow over the run (as Howard 2018 did for DAWNBench; Tan and Le 2021 in EfficientNetV2): the first
/// epochs are faster, what is validated and kept is for the full size.
///
/// The size of an epoch follows from its number and the recipe alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Progressive {
    /// The side of the first epoch's images, as a part of the input's. With 1 all have its size.
    pub from: f64,
    /// The part of the epochs after which images have the full size.
    pub until: f64,
    /// How many smaller sizes there are on the way, in equal steps.
    pub steps: usize,
}

impl Default for Progressive {
    fn default() -> Self {
        Self { from: 1.0, until: 0.7, steps: 3 }
    }
}

/// Sides are multiples of this, the full size aside.
const MULTIPLE: usize = 8;
/// The most sizes.
const MAX_STEPS: usize = 1000;

impl Progressive {
    /// The height and width of an epoch's images, epochs counted from 0, for an input of a height and a width. The last
    /// epoch's have the full size, whatever `until` says.
    pub fn size(&self, epoch: usize, epochs: usize, full: [usize; 2]) -> [usize; 2] {
        let growing = self.until * epochs as f64;
        // Guard against 0.7 · 10 being 6.999…
        let stage = (epoch as f64 / growing * self.steps as f64 + 1e-9).floor();
        if self.from >= 1.0 || stage >= self.steps as f64 || epoch + 1 >= epochs {
            return full;
        }
        let part = self.from + (1.0 - self.from) * stage / self.steps as f64;
        full.map(|side| {
            let smaller = (side as f64 * part / MULTIPLE as f64).round() as usize * MULTIPLE;
            smaller.max(MULTIPLE).min(side)
        })
    }

    /// The sizes of a run, each once, in their order.
    pub fn sizes(&self, epochs: usize, full: [usize; 2]) -> Vec<[usize; 2]> {
        let mut sizes: Vec<[usize; 2]> = (0..epochs).map(|epoch| self.size(epoch, epochs, full)).collect();
        sizes.dedup();
        sizes
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        if !(0.1..=1.0).contains(&self.from) {
            return Err(TrainError::setting("progressive.from", self.from, "a part from 0.1 to 1"));
        }
        if !(self.until > 0.0 && self.until <= 1.0) {
            return Err(TrainError::setting("progressive.until", self.until, "a part above 0, up to 1"));
        }
        if !(1..=MAX_STEPS).contains(&self.steps) {
            return Err(TrainError::setting(
                "progressive.steps",
                self.steps,
                "a whole number from 1 to 1000",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_grow_in_steps_to_the_full_size() {
        let half = Progressive { from: 0.5, ..Progressive::default() };
        let sides = |settings: Progressive, epochs: usize, full: usize| -> Vec<usize> {
            (0..epochs).map(|epoch| settings.size(epoch, epochs, [full, full])[0]).collect()
        };
        // 0.7 · 10 epochs in three steps: 0.5, 0.667, 0.833 of 96.
        assert_eq!(sides(half, 10, 96), [48, 48, 48, 64, 64, 80, 80, 96, 96, 96]);
        assert_eq!(sides(half, 3, 224), [112, 152, 224]);
        assert_eq!(sides(half, 1, 64), [64]);
        assert_eq!(sides(Progressive { until: 1.0, steps: 2, ..half }, 4, 28), [16, 16, 24, 28]);
        assert_eq!(sides(Progressive::default(), 3, 28), [28; 3]);
        assert_eq!(half.size(0, 10, [64, 128]), [32, 64]);
        assert_eq!(half.sizes(10, [96, 96]), [[48, 48], [64, 64], [80, 80], [96, 96]]);
        // Not below eight pixels, nor above the input.
        assert_eq!(half.size(0, 10, [12, 6]), [8, 6]);
    }
}
