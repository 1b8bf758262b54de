//! Linear.

use convnet_kernels::{self as kernels, Geometry, Igemm, Isa, LinearBackward, WeightGradient};

use super::{Bound, Kind, rectifier};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::loader::Loader;
use crate::cpu::matrix::Matrix;
use crate::cpu::run::{At, Backward, Forward, part};
use crate::ops;
use crate::plan::{BackwardStage, CompileError, Kernel, Stage};

/// A Linear bound to its kernels.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Linear {
    geometry: Geometry,
    /// Whether training changes its weights.
    pub(in crate::cpu) learns: bool,
    pub(in crate::cpu) matrix: Matrix,
}

impl Linear {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage, linear: &ops::Linear) -> Bound {
        let order = match stage.kernel {
            Kernel::Linear { order } => order,
            _ => None,
        };
        let features = binder.input(stage).elements();
        let matrix = Matrix::linear(binder.allowed.isa, features, linear.out_features, order);
        let mut parameters = Parameters::default();
        if binder.allowed.half {
            parameters.half = Some(binder.allocate_half(matrix.len()));
        } else {
            parameters.weight = binder.allocate_for(matrix.len(), binder.is_frozen(stage.node, 0));
        }
        let frozen = binder.is_frozen(stage.node, 1);
        parameters.bias = linear.bias.then(|| binder.allocate_for(linear.out_features, frozen));
        let learns = !binder.is_frozen(stage.node, 0);
        Bound {
            kind: Kind::Linear(Self { geometry: Geometry::rows(features), learns, matrix }),
            parameters,
            needs: binder.draft.needs(stage),
        }
    }

    pub(super) fn load(&self, loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        match &at.parameters.half {
            Some(range) => loader.pack_half(at, &self.matrix, range.clone(), None)?,
            None => loader.pack(at, &self.matrix, None)?,
        }
        at.parameters.bias.clone().map_or(Ok(()), |range| loader.bias(at, range))
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>) {
        let call = Igemm {
            geometry: &self.geometry,
            batch: run.n,
            input: run.input(at, 0),
            weights: run.weights(at, 0..self.matrix.len()),
            panels: self.matrix.panels,
            bias: run.bias(at),
            addend: None,
            before: None,
            relu: rectifier(at.stage),
            out: run.output(at),
        };
        kernels::igemm(run.pool, run.isa, run.arena, &call, None);
    }

    pub(super) fn backward(&self, run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
        let dy = run.output_gradient(at);
        let write = back.inputs.first().and_then(Option::as_ref);
        if !self.learns && write.is_none() {
            return;
        }
        let call = LinearBackward {
            panels: self.matrix.panels,
            input: run.input(at, 0),
            output_gradient: dy,
            input_gradient: write.map(|write| (run.input_gradient(at, 0), write.accumulate)),
        };
        let range = at.parameters.weight.clone();
        let weights = &mut run.parameters[range.clone()];
        let target = match run.updates[at.index] {
            Some(update) => {
                WeightGradient::Apply { update, weights, moments: part(&mut run.moments, &range) }
            }
            None if !self.learns => WeightGradient::Leave { weights },
            None => WeightGradient::Write { weights, gradient: &mut run.gradients[range] },
        };
        kernels::linear_backward(run.pool, run.isa, run.arena, &call, target);
    }

    pub(in crate::cpu) fn name(&self, isa: Isa, half: bool) -> String {
        let numbers = if half { "f16" } else { "f32" };
        format!("{numbers}_igemm_{isa} K={} N={}", self.matrix.panels.k, self.matrix.panels.n)
    }
}
