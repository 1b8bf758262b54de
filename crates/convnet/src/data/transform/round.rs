//! Levels as an image of eight bits holds them.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::view::{Levels, View};
use super::{Parameters, Placed, Step};

/// Levels rounded to whole ones, as an image of eight bits holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {}

impl Parameters for Round {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(RoundStep::default()))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        Some(image)
    }
}

/// A [`Round`] at work.
#[derive(Default)]
pub(super) struct RoundStep(Vec<u8>);

impl RoundStep {
    /// The levels, rounded.
    pub(super) fn whole<'a>(&'a mut self, levels: Levels<'a>) -> &'a [u8] {
        match levels {
            Levels::Bytes(levels) => levels,
            Levels::Floats(levels) => {
                self.0.clear();
                self.0.extend(levels.iter().map(|level| level.round() as u8));
                &self.0
            }
        }
    }
}

impl Step for RoundStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        View { levels: Levels::Bytes(self.whole(image.levels)), ..image }
    }
}
