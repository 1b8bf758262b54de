//! What the passes of a stage are made of: a list under way, and where everything lies.

use std::ops::Range;

use convnet_gpu::{Clock, Format, List, Precision, Vector, View};

use super::binder::Parameters;
use super::places::Places;
use super::program::Program;
use crate::graph::{NodeId, Shape};
use crate::plan::{Plan, Region, Slot, Stage};

/// A stage and its parameters.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) index: usize,
    pub(super) stage: &'a Stage,
    pub(super) parameters: &'a Parameters,
}

/// A list that stages add their launches to, for `n` images.
pub(super) struct Emit<'a> {
    pub(super) list: &'a mut List,
    pub(super) program: &'a Program,
    pub(super) plan: &'a Plan,
    pub(super) places: &'a Places,
    pub(super) precision: Precision,
    pub(super) n: usize,
    /// Whether running statistics take the batch in.
    pub(super) track: bool,
}

impl Emit<'_> {
    fn view(&self, region: Region) -> View {
        let Region { offset, pixels, channels, stride } = region;
        let format = self.program.format();
        View { at: self.places.activations + format.size() * offset, pixels, channels, stride, format }
    }

    pub(super) fn value(&self, value: NodeId, shape: Shape) -> View {
        self.view(self.plan.region(value, shape, self.n))
    }

    /// What a stage writes.
    pub(super) fn output(&self, at: At<'_>) -> View {
        self.value(at.stage.out, self.plan.shape(at.stage))
    }

    /// Its gradient.
    pub(super) fn output_gradient(&self, at: At<'_>) -> View {
        self.gradient(at.stage.out, self.plan.shape(at.stage))
    }

    /// What it reads.
    pub(super) fn input(&self, at: At<'_>, i: usize) -> View {
        self.value(at.stage.inputs[i], at.stage.shapes[i])
    }

    /// Its gradient.
    pub(super) fn input_gradient(&self, at: At<'_>, i: usize) -> View {
        self.gradient(at.stage.inputs[i], at.stage.shapes[i])
    }

    pub(super) fn gradient(&self, value: NodeId, shape: Shape) -> View {
        self.view(self.plan.gradient_region(value, shape, self.n))
    }

    /// The buffer of its own that a stage asked for.
    pub(super) fn workspace(&self, at: At<'_>) -> Option<View> {
        self.plan.workspace(at.index, self.n).map(|region| self.view(region))
    }

    /// Zeroes parts of gradients.
    pub(super) fn fill(&mut self, parts: &[Slot]) {
        for &slot in parts {
            let view = self.view(self.plan.gradient_part(slot, self.n));
            self.list.fill(view, 0.0);
        }
    }

    /// The images as they came, (N, C, H, W).
    pub(super) fn images(&self) -> Vector {
        Vector::new(self.places.images, self.n * self.plan.graph.input_shape().elements())
    }

    fn flat(&self, start: usize, range: &Range<usize>) -> Vector {
        Vector::new(start + 4 * range.start, range.len())
    }

    pub(super) fn parameter(&self, range: &Range<usize>) -> Vector {
        self.flat(self.places.parameters, range)
    }

    pub(super) fn weight(&self, at: At<'_>) -> Vector {
        self.parameter(&at.parameters.weight)
    }

    /// The weight as a factor of products.
    pub(super) fn factor(&self, at: At<'_>) -> Vector {
        self.in_format(self.weight(at), (self.places.parameters, self.places.halves))
    }

    /// Where the gradient of the weight goes as the precision's kernels give it, if it learns; [`Emit::settle_weight_gradient`]
    /// follows.
    pub(super) fn rough_weight_gradient(&self, at: At<'_>) -> Option<Vector> {
        let exact = self.weight_gradient(at)?;
        Some(self.in_format(exact, (self.places.gradients, self.places.half_gradients)))
    }

    /// The same range of the flat parameters, or of their gradients, in the format of activations.
    fn in_format(&self, exact: Vector, (from, to): (usize, usize)) -> Vector {
        match self.program.format() {
            Format::F32 => exact,
            format => Vector { at: to + (exact.at - from) / 4 * format.size(), format, ..exact },
        }
    }

    /// Brings a weight's gradient to single precision.
    pub(super) fn settle_weight_gradient(&mut self, at: At<'_>) {
        if let (Some(rough), Some(exact)) = (self.rough_weight_gradient(at), self.weight_gradient(at))
            && rough.format != exact.format
        {
            let [rough, exact] = [rough, exact].map(|vector| vector.rows(vector.len));
            self.list.copy(rough, exact);
        }
    }

    pub(super) fn bias(&self, at: At<'_>) -> Option<Vector> {
        at.parameters.bias.as_ref().map(|range| self.parameter(range))
    }

    /// The gradient of parameters that lie with those that learn.
    pub(super) fn gradient_of(&self, range: &Range<usize>) -> Vector {
        self.flat(self.places.gradients, range)
    }

    fn learns(&self, range: &Range<usize>) -> bool {
        range.start < self.program.learning
    }

    /// The gradient of the weight, if it learns.
    pub(super) fn weight_gradient(&self, at: At<'_>) -> Option<Vector> {
        let range = &at.parameters.weight;
        self.learns(range).then(|| self.gradient_of(range))
    }

    /// The gradient of the bias, if there is one and it learns.
    pub(super) fn bias_gradient(&self, at: At<'_>) -> Option<Vector> {
        let range = at.parameters.bias.as_ref().filter(|range| self.learns(range))?;
        Some(self.gradient_of(range))
    }

    /// Floats that a stage saved, from the `start`-th on.
    pub(super) fn saved(&self, start: usize, len: usize) -> Vector {
        Vector::new(self.places.saved + 4 * start, len)
    }

    /// Running statistics.
    pub(super) fn running(&self, start: usize, len: usize) -> Vector {
        Vector::new(self.places.running + 4 * start, len)
    }

    /// What changes from step to step.
    pub(super) fn clock(&self) -> Clock {
        Clock { at: self.places.clocks }
    }
}
