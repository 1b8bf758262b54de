//! Pixels around an image.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::border::{Border, Bordered, PaddingMode};
use super::random_crop::black;
use super::values::{Fill, check_padding, padding};
use super::view::View;
use super::{Parameters, Placed, Step};

/// Pixels that are added on the sides of an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Pixels at the left, the top, the right and the bottom.
    #[serde(deserialize_with = "padding")]
    pub padding: [usize; 4],
    /// The level that is added.
    #[serde(default = "black")]
    pub fill: Fill,
    /// What is added in place of a level.
    #[serde(default)]
    pub padding_mode: PaddingMode,
}

impl Pad {
    /// Black at the left, the top, the right and the bottom.
    pub fn new(padding: [usize; 4]) -> Self {
        Self { padding, fill: black(), padding_mode: PaddingMode::Constant }
    }

    /// Where the image with its pixels around begins, and its size.
    fn window(&self, [height, width]: [usize; 2]) -> ([isize; 2], [usize; 2]) {
        let [left, top, right, bottom] = self.padding;
        ([-(top as isize), -(left as isize)], [height + top + bottom, width + left + right])
    }

    fn border(&self) -> Border {
        Border { mode: self.padding_mode, fill: self.fill }
    }
}

impl Parameters for Pad {
    fn check(&self) -> Result<(), String> {
        check_padding(self.padding)?;
        self.fill.check()
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before.map(|before| self.window(before).1)
    }

    fn fill(&self) -> Option<Fill> {
        (self.padding_mode == PaddingMode::Constant).then_some(self.fill)
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(PadStep { pad: *self, bordered: Bordered::default() }))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        let (corner, size) = self.window(image.size());
        self.border().is_black().then(|| image.window(corner, size))
    }
}

struct PadStep {
    pad: Pad,
    bordered: Bordered,
}

impl Step for PadStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        let (corner, size) = self.pad.window(image.size);
        self.bordered.window(image, corner, size, self.pad.border())
    }
}
