//! Shapes of one image's activations; the batch dimension is added by whoever reads the graph.

use std::fmt;

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

    /// Elements per image.
    pub fn elements(self) -> usize {
        match self {
            Self::Map { channels, height, width } => channels * height * width,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
