//! What the plain implementation of a layer computes, and from what.

use super::Array;

/// What a plain implementation reads.
#[derive(Clone, Copy)]
pub(crate) struct Reads<'a> {
    /// The layer's inputs, (N, C, H, W) or (N, F); of `Input` the images.
    pub(crate) inputs: &'a [&'a Array],
    /// The layer's parameters and buffers, in the order of [`Layer::parameters`](super::Layer::parameters).
    pub(crate) parameters: &'a [&'a Array],
    /// Height and width of the output; 1 × 1 for a vector.
    pub(crate) output: (usize, usize),
    /// In training what dropout multiplies its units with, by their index; `None` in inference.
    pub(crate) training: Option<&'a dyn Fn(usize) -> f64>,
}

/// The gradients that a layer hands on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gradients {
    /// Of each input.
    pub(crate) inputs: Vec<Array>,
    /// Of each trainable parameter, in their order; what is beyond them is ignored.
    pub(crate) parameters: Vec<Array>,
}

impl Gradients {
    /// Of a layer with one input and without parameters.
    pub(crate) fn input(dx: Array) -> Self {
        Self { inputs: vec![dx], parameters: Vec::new() }
    }

    /// Of a layer with one input, a weight and a bias.
    pub(crate) fn with_parameters([dx, weight, bias]: [Array; 3]) -> Self {
        Self { inputs: vec![dx], parameters: vec![weight, bias] }
    }
}

/// A layer's formula and its gradient in f64: the oracle that kernels are compared with, and their documentation.
pub(crate) trait Naive {
    /// The output.
    fn forward(&self, reads: &Reads<'_>) -> Array;

    /// The gradients in training, from the output `y` and the gradient `dy` in it.
    fn backward(&self, reads: &Reads<'_>, y: &Array, dy: &Array) -> Gradients;

    /// The running statistics after a step of training, in the order of the buffers: none but for layers that have
    /// some.
    fn running(&self, _reads: &Reads<'_>) -> Vec<Array> {
        Vec::new()
    }
}
