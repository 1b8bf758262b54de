//! A fixed scale and shift by channel.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use super::{ParamKind, ParamSpec};

/// y = weight·x + bias by channel, both fixed: what is left of Mul, Add, Sub and Div by constants in an imported
/// network, such as the normalization of pixels. Training passes through it and does not change it.
pub(super) fn parameters(channels: usize) -> Vec<ParamSpec> {
    [("weight", ParamKind::Scale), ("bias", ParamKind::Shift)]
        .map(|(name, kind)| ParamSpec::new(name, &[channels], kind))
        .to_vec()
}
