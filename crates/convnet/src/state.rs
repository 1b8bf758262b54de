//! The state dict: every parameter and buffer of a network by PyTorch's name and in PyTorch's layout.

use std::collections::BTreeMap;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::graph::{Graph, Init};
use crate::ops::{ParamKind, ParamSpec};

/// A dense float32 tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements, the last dimension contiguous.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of one value.
    pub fn full(shape: &[usize], value: f32) -> Self {
        Self { shape: shape.to_vec(), data: vec![value; shape.iter().product()] }
    }
}

/// Name → tensor.
pub type StateDict = BTreeMap<String, Tensor>;
