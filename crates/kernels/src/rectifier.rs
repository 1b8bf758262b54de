//! What products go through before they are written.

/// A rectifier behind a product, a bias and an addend.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Rectifier {
    /// None.
    #[default]
    None,
    /// max(·, 0).
    Relu,
    /// min(max(·, 0), ceiling): ReLU6 with 6.
    Clipped {
        /// The greatest value, not below 0.
        ceiling: f32,
    },
}

impl From<bool> for Rectifier {
    /// ReLU or none.
    fn from(relu: bool) -> Self {
        if relu { Self::Relu } else { Self::None }
    }
}

impl Rectifier {
    /// The least and the greatest value that it leaves.
    #[inline(always)]
    pub(crate) fn bounds(self) -> [f32; 2] {
        match self {
            Self::None => [f32::NEG_INFINITY, f32::INFINITY],
            Self::Relu => [0.0, f32::INFINITY],
            Self::Clipped { ceiling } => [0.0, ceiling],
        }
    }
}
