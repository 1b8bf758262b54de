//! How images become input where nothing tells.

use std::fmt;

use super::OpenError;
use crate::data::{Preprocess, PreprocessSpec};
use crate::zoo::{Entry, Variant};

/// A preprocessing that is taken because nothing tells which the weights were trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assumption {
    /// That of torchvision's published weights.
    Torchvision,
    /// That of torchvision's published weights of GoogLeNet and Inception v3: ImageNet's, which their `transform_input` turns
    /// into mean 0.5 and deviation 0.5.
    TransformInput,
    /// Pixels from 0 to 1.
    Plain,
}

/// The classes of ImageNet's challenge, which published weights tell apart.
pub(super) const IMAGENET_CLASSES: usize = 1000;

impl Assumption {
    /// What is assumed of a network, the zoo's where it is one of them.
    pub(super) fn of(entry: Option<&Entry>, [channels, ..]: [usize; 3], classes: usize) -> Self {
        match entry {
            Some(entry)
                if entry.variant == Variant::Torchvision && classes == IMAGENET_CLASSES && channels == 3 =>
            {
                if matches!(entry.base(), "googlenet" | "inception_v3") {
                    Self::TransformInput
                } else {
                    Self::Torchvision
                }
            }
            _ => Self::Plain,
        }
    }

    pub(super) fn preprocess(self, input: [usize; 3]) -> Result<Preprocess, OpenError> {
        match self {
            Self::Torchvision => Ok(PreprocessSpec::imagenet().for_input(input)?),
            // (x − m) / s · (s / 0.5) + (m − 0.5) / 0.5 = (x − 0.5) / 0.5, for each channel's m and s.
            Self::TransformInput => {
                Ok(PreprocessSpec::imagenet().normalized_by(0.5, 0.5).for_input(input)?)
            }
            Self::Plain => Ok(Preprocess::plain(input)),
        }
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the weights do not tell how images become input; assumed: ")?;
        f.write_str(match self {
            Self::Torchvision => "as torchvision's ImageNet weights",
            Self::TransformInput => {
                "as torchvision's ImageNet weights of GoogLeNet and Inception v3, transform_input included"
            }
            Self::Plain => "no mean and deviation",
        })
    }
}
