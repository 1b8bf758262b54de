//! Shapes of one image's activations, and why a layer refuses them: the ground that layers and graphs stand on.
//!
//! The batch dimension is added by whoever reads a graph.
//!
//! ```
//! use convnet::shape::{Shape, Size2};
//!
//! let map = Shape::map(96, 54, 54);
//! assert_eq!(map.with_batch(8), [8, 96, 54, 54]);
//! assert_eq!((map.channels(), map.spatial(), map.elements()), (96, (54, 54), 279_936));
//! assert_eq!(map.to_string(), "96×54×54");
//! assert_eq!(Size2::from(3), Size2 { h: 3, w: 3 });
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of an activation for one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A feature map: channels, height, width.
    Map {
        /// Channels (C).
        channels: usize,
        /// Rows (H).
        height: usize,
        /// Columns (W).
        width: usize,
    },
    /// A vector of features, as `Flatten` and `Linear` give it.
    Vector {
        /// Number of features.
        features: usize,
    },
}

impl Shape {
    /// A feature map of `channels` × `height` × `width`.
    pub fn map(channels: usize, height: usize, width: usize) -> Self {
        Self::Map { channels, height, width }
    }

    /// A vector of `features`.
    pub fn vector(features: usize) -> Self {
        Self::Vector { features }
    }

    /// Elements per image; `usize::MAX` where they are more than that.
    pub fn elements(self) -> usize {
        match self {
            Self::Map { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
            Self::Vector { features } => features,
        }
    }

    /// Channels of a map, features of a vector: the dimension that PyTorch calls 1.
    pub fn channels(self) -> usize {
        match self {
            Self::Map { channels, .. } => channels,
            Self::Vector { features } => features,
        }
    }

    /// Height and width; 1 × 1 for a vector.
    pub fn spatial(self) -> (usize, usize) {
        match self {
            Self::Map { height, width, .. } => (height, width),
            Self::Vector { .. } => (1, 1),
        }
    }

    /// The dimensions without the batch.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Map { channels, height, width } => vec![channels, height, width],
            Self::Vector { features } => vec![features],
        }
    }

    /// The dimensions with a batch of `n` in front, as PyTorch prints them.
    pub fn with_batch(self, n: usize) -> Vec<usize> {
        let mut dims = vec![n];
        dims.extend(self.dims());
        dims
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { channels, height, width } => write!(f, "{channels}×{height}×{width}"),
            Self::Vector { features } => write!(f, "{features}"),
        }
    }
}

/// A height and a width: of a kernel, a stride, a padding, a dilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size2 {
    /// Along the rows.
    pub h: usize,
    /// Along the columns.
    pub w: usize,
}

impl From<usize> for Size2 {
    fn from(n: usize) -> Self {
        Self { h: n, w: n }
    }
}

impl From<(usize, usize)> for Size2 {
    fn from((h, w): (usize, usize)) -> Self {
        Self { h, w }
    }
}

impl fmt::Display for Size2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.h == self.w { write!(f, "{}", self.h) } else { write!(f, "{}×{}", self.h, self.w) }
    }
}

/// Why one op rejects its inputs: found, expected, the arithmetic, the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeIssue {
    /// What the op got.
    pub found: String,
    /// What it expected.
    pub expected: String,
    /// The computation that failed, where there is one: `(5 + 2·0 − 11) / 4 + 1 < 1`.
    pub arithmetic: Option<String>,
    /// What would fit.
    pub fix: String,
}

impl ShapeIssue {
    /// An issue without arithmetic.
    pub fn new(found: impl Into<String>, expected: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { found: found.into(), expected: expected.into(), arithmetic: None, fix: fix.into() }
    }

    /// The same issue with the computation that failed.
    pub fn with_arithmetic(mut self, arithmetic: impl Into<String>) -> Self {
        self.arithmetic = Some(arithmetic.into());
        self
    }
}

/// Joins shapes for a message: `64×28×28, 32×14×14`.
pub(crate) fn join(shapes: &[Shape]) -> String {
    shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
