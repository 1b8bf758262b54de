//! Weights from a source into the flat parameters.

use std::ops::Range;

use convnet_kernels::{Isa, Pool, f16};

use super::matrix::Matrix;
use super::run::At;
use crate::graph::Graph;
use crate::ops::ParamSpec;
use crate::plan::CompileError;
use crate::state::TensorSource;
use crate::weights::{check, read};

/// Writes the weights of inference, stage by stage.
pub(super) struct Loader<'a> {
    pub(super) pool: &'a Pool,
    pub(super) isa: Isa,
    pub(super) graph: &'a Graph,
    pub(super) source: &'a dyn TensorSource,
    pub(super) parameters: &'a mut [f32],
    pub(super) halves: &'a mut [f16],
}

impl Loader<'_> {
    /// The packed weight of a stage, each output channel scaled by `scale` where given.
    pub(super) fn pack(
        &mut self,
        at: At<'_>,
        matrix: &Matrix,
        scale: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let spec = self.weight(at)?;
        let target = &mut self.parameters[at.parameters.weight.clone()];
        matrix.pack(self.pool, (self.source, &spec.name), target, scale)
    }

    /// The same in half precision.
    pub(super) fn pack_half(
        &mut self,
        at: At<'_>,
        matrix: &Matrix,
        range: Range<usize>,
        scale: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let spec = self.weight(at)?;
        matrix.pack(self.pool, (self.source, &spec.name), &mut self.halves[range], scale)
    }

    /// The same into memory of the caller's.
    pub(super) fn pack_to(
        &self,
        at: At<'_>,
        matrix: &Matrix,
        packed: &mut [f32],
        scale: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let spec = self.weight(at)?;
        matrix.pack(self.pool, (self.source, &spec.name), packed, scale)
    }

    /// The bias of a stage; zeros where its layer has none.
    pub(super) fn bias(&mut self, at: At<'_>, range: Range<usize>) -> Result<(), CompileError> {
        let target = &mut self.parameters[range];
        match self.graph.node_parameters(at.stage.node).get(1) {
            Some(spec) => read(self.source, spec, target),
            None => {
                target.fill(0.0);
                Ok(())
            }
        }
    }

    /// The first parameter of a stage's layer, checked.
    fn weight(&self, at: At<'_>) -> Result<ParamSpec, CompileError> {
        let spec = self.graph.node_parameters(at.stage.node).swap_remove(0);
        check(self.source, &spec).map(|()| spec)
    }
}
