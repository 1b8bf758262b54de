//! What the passes of a stage work on.

use std::ops::Range;

use convnet_kernels::{self as kernels, Arena, Isa, Mask, Pool, Update, View, Weights, f16};

use super::binder::Parameters;
use super::statistics::Statistics;
use crate::graph::{NodeId, Shape};
use crate::options::ReluGradient;
use crate::plan::{Plan, Region, Stage, layer_key};
use crate::ranks::Joint;

impl From<Region> for View {
    fn from(region: Region) -> Self {
        let Region { offset, pixels, channels, stride } = region;
        Self { offset, pixels, channels, stride }
    }
}

/// A stage and its parameters.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) index: usize,
    pub(super) stage: &'a Stage,
    pub(super) parameters: &'a Parameters,
}

/// What a stage keeps from the forward pass for the backward pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Saved {
    /// Where each maximum was.
    pub(super) argmax: Vec<u8>,
    /// By channel, of a batch normalization: 1/√(var + eps), and the scale and the shift that it amounts to.
    pub(super) inverse: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// A forward pass.
pub(super) struct Forward<'a> {
    pub(super) pool: &'a Pool,
    pub(super) isa: Isa,
    pub(super) plan: &'a Plan,
    pub(super) arena: &'a mut Arena,
    pub(super) parameters: &'a [f32],
    pub(super) halves: &'a [f16],
    /// N·C·H·W.
    pub(super) images: &'a [f32],
    /// Where the scratch of Winograd convolutions starts in the arena.
    pub(super) winograd_at: usize,
    /// Room for transformed weights while training.
    pub(super) transformed: &'a mut [f32],
    /// What normalizations need of what the stages write, while training.
    pub(super) statistics: Option<&'a mut Statistics>,
    pub(super) n: usize,
    /// What dropout masks depend on besides the layer.
    pub(super) key: u64,
    /// The other ranks, where the images are a part of a batch.
    pub(super) joint: Option<&'a mut Joint>,
}

impl<'a> Forward<'a> {
    /// The mask of a dropout layer.
    pub(super) fn mask(&self, at: At<'_>, how: (f32, bool)) -> Mask {
        mask((self.key, first(self.joint.as_deref())), at.stage.out, how, self.plan.shape(at.stage))
    }

    pub(super) fn value(&self, value: NodeId, shape: Shape) -> View {
        self.plan.region(value, shape, self.n).into()
    }

    /// What a stage writes.
    pub(super) fn output(&self, at: At<'_>) -> View {
        self.value(at.stage.out, self.plan.shape(at.stage))
    }

    /// What it reads.
    pub(super) fn input(&self, at: At<'_>, i: usize) -> View {
        self.value(at.stage.inputs[i], at.stage.shapes[i])
    }

    /// A part of a packed weight, in the precision that it is kept in.
    pub(super) fn weights(&self, at: At<'_>, part: Range<usize>) -> Weights<'a> {
        let (parameters, halves) = (self.parameters, self.halves);
        match &at.parameters.half {
            Some(range) => Weights::Half(&halves[range.clone()][part]),
            None => Weights::Single(&parameters[at.parameters.weight.clone()][part]),
        }
    }

    pub(super) fn weight(&self, at: At<'_>) -> &'a [f32] {
        &self.parameters[at.parameters.weight.clone()]
    }

    pub(super) fn bias(&self, at: At<'_>) -> Option<&'a [f32]> {
        at.parameters.bias.clone().map(|range| &self.parameters[range])
    }
}

/// A backward pass.
pub(super) struct Backward<'a> {
    pub(super) pool: &'a Pool,
    pub(super) isa: Isa,
    pub(super) plan: &'a Plan,
    pub(super) arena: &'a mut Arena,
    pub(super) parameters: &'a mut [f32],
    /// Gradients of the parameters, laid out like them.
    pub(super) gradients: &'a mut [f32],
    /// Of each stage how a Linear's weights are updated on the way, instead of writing their gradient.
    pub(super) updates: &'a [Option<Update>],
    /// What the updates keep, laid out like the parameters.
    pub(super) moments: [&'a mut [f32]; Update::MOST_MOMENTS],
    /// Room for transposed weights, or the sums of a gradient's parts.
    pub(super) scratch: &'a mut [f32],
    /// Where the scratch of Winograd convolutions starts in the arena, and room for transformed weights.
    pub(super) winograd_at: usize,
    pub(super) transformed: &'a mut [f32],
    pub(super) statistics: &'a Statistics,
    pub(super) relu: ReluGradient,
    pub(super) n: usize,
    pub(super) key: u64,
    pub(super) joint: Option<&'a mut Joint>,
}

impl Backward<'_> {
    /// The mask of a dropout layer.
    pub(super) fn mask(&self, at: At<'_>, how: (f32, bool)) -> Mask {
        mask((self.key, first(self.joint.as_deref())), at.stage.out, how, self.plan.shape(at.stage))
    }

    /// What a stage wrote.
    pub(super) fn output(&self, at: At<'_>) -> View {
        self.plan.region(at.stage.out, self.plan.shape(at.stage), self.n).into()
    }

    /// Its gradient.
    pub(super) fn output_gradient(&self, at: At<'_>) -> View {
        self.plan.gradient_region(at.stage.out, self.plan.shape(at.stage), self.n).into()
    }

    /// What the stage read.
    pub(super) fn input(&self, at: At<'_>, i: usize) -> View {
        self.plan.region(at.stage.inputs[i], at.stage.shapes[i], self.n).into()
    }

    /// Its gradient.
    pub(super) fn input_gradient(&self, at: At<'_>, i: usize) -> View {
        self.plan.gradient_region(at.stage.inputs[i], at.stage.shapes[i], self.n).into()
    }

    /// target (+)= source.
    pub(super) fn pass(&mut self, source: View, target: View, accumulate: bool) {
        if accumulate {
            kernels::accumulate(self.pool, self.isa, self.arena, source, target);
        } else {
            kernels::copy(self.pool, self.isa, self.arena, source, target);
        }
    }

    /// Passes the gradient through a product's ReLU, if it has one, and writes that of its bias: the sums of the columns.
    pub(super) fn rectify_and_sum(&mut self, at: At<'_>) {
        let (output, gradient) = (at.stage.relu.then(|| self.output(at)), self.output_gradient(at));
        let range = at.parameters.bias.clone();
        // A frozen one lies behind all that has gradients.
        if let Some(range) = range.filter(|range| range.end <= self.gradients.len()) {
            let sums = &mut self.gradients[range];
            kernels::column_sums(self.pool, self.isa, self.arena, (gradient, output), sums);
        } else if let Some(output) = output {
            kernels::relu_backward(self.pool, self.isa, self.arena, output, gradient);
        }
    }
}

/// A range of the optimizer's buffers; those that it does not keep are empty.
pub(super) fn part<'a>(
    moments: &'a mut [&mut [f32]; Update::MOST_MOMENTS],
    range: &Range<usize>,
) -> [&'a mut [f32]; Update::MOST_MOMENTS] {
    moments.each_mut().map(|moment| moment.get_mut(range.clone()).unwrap_or_default())
}

/// The number of the first image in its batch.
fn first(joint: Option<&Joint>) -> usize {
    joint.map_or(0, |joint| joint.part().first)
}

/// The mask of a dropout layer in the pass with this key, from image number `first` of the batch on; `whole` drops all that an
/// image has.
fn mask((key, first): (u64, usize), node: NodeId, (p, whole): (f32, bool), image: Shape) -> Mask {
    let elements = image.elements();
    let mask = Mask::new(layer_key(key, node), p, if whole { elements.max(1) } else { 1 });
    mask.starting_at(first * elements)
}

/// What lies in a view of `n` images, as N·C·H·W.
pub(super) fn read((pool, isa, arena): (&Pool, Isa, &Arena), view: View, n: usize) -> Vec<f32> {
    let mut values = vec![0.0; view.pixels * view.channels];
    kernels::to_nchw(pool, isa, arena, view, (view.pixels / n).max(1), &mut values);
    values
}
