//! The parameters of a program by name, between PyTorch's layouts and the flat buffers.

use std::ops::Range;

use convnet_kernels::Pool;

use super::kind::Kind;
use super::matrix::Matrix;
use super::program::Program;
use super::run::At;
use crate::graph::NodeId;
use crate::ops::ParamSpec;
use crate::plan::CompileError;
use crate::state::{StateDict, Tensor, TensorSource};
use crate::weights::read;

/// A parameter's place in the flat buffers.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) spec: ParamSpec,
    pub(super) range: Range<usize>,
    /// The stage that uses it, and whether that may update it on its backward pass.
    pub(super) stage: usize,
    pub(super) fused: bool,
    matrix: Option<Matrix>,
}

impl Parameter {
    /// Reads it from a source under its own name or another, checked, to its place in a flat buffer.
    pub(super) fn pack(
        &self,
        pool: &Pool,
        (source, spec): (&dyn TensorSource, &ParamSpec),
        flat: &mut [f32],
    ) -> Result<(), CompileError> {
        let target = &mut flat[self.range.clone()];
        match &self.matrix {
            Some(matrix) => matrix.pack(pool, (source, &spec.name), target, None),
            None => read(source, spec, target),
        }
    }

    /// Its elements in PyTorch's layout, from a flat buffer.
    pub(super) fn unpack(&self, flat: &[f32]) -> Tensor {
        let source = &flat[self.range.clone()];
        let mut data = vec![0.0; self.spec.elements()];
        match &self.matrix {
            Some(matrix) => matrix.unpack(source, &mut data),
            None => data.copy_from_slice(source),
        }
        Tensor { shape: self.spec.shape.clone(), data }
    }
}

/// A flat buffer as tensors, by parameter name and suffix.
pub(super) fn unpack(table: &[Parameter], flat: &[f32], suffix: &str) -> StateDict {
    table.iter().map(|p| (format!("{}{suffix}", p.spec.name), p.unpack(flat))).collect()
}

/// What the stages keep in the flat parameters, and where.
pub(super) fn table(program: &Program) -> Vec<Parameter> {
    let mut table = Vec::new();
    for (At { index, stage, parameters }, kind) in program.steps() {
        let ranges = [Some(parameters.weight.clone()), parameters.bias.clone()];
        let matrices = [kind.matrix().cloned(), None];
        let mut specs = program.plan.graph.node_parameters(stage.node);
        specs.retain(|spec| !spec.kind.is_running());
        for ((spec, range), matrix) in specs.into_iter().zip(ranges.into_iter().flatten()).zip(matrices) {
            let fused = matrix.is_some() && matches!(kind, Kind::Linear(_));
            table.push(Parameter { spec, range, stage: index, fused, matrix });
        }
    }
    table
}

/// The running statistics of a node.
pub(super) fn running_specs(program: &Program, node: NodeId) -> Vec<ParamSpec> {
    let mut specs = program.plan.graph.node_parameters(node);
    specs.retain(|spec| spec.kind.is_running());
    specs
}

/// Running mean and variance of each stage that has them.
pub(super) fn running(program: &Program) -> Vec<[Vec<f32>; 2]> {
    let buffers = |(at, kind): (At<'_>, &Kind)| match kind {
        Kind::BatchNorm(_) => {
            let channels = at.stage.shapes[0].channels();
            [vec![0.0; channels], vec![1.0; channels]]
        }
        _ => [Vec::new(), Vec::new()],
    };
    program.steps().map(buffers).collect()
}
