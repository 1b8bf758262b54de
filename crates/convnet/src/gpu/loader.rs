//! Weights from a source into the flat parameters.

use std::ops::Range;

use super::emit::At;
use super::rows::Rows;
use crate::graph::Graph;
use crate::plan::CompileError;
use crate::state::TensorSource;
use crate::weights::{check, read};

/// Writes the weights of inference, stage by stage.
pub(super) struct Loader<'a> {
    pub(super) graph: &'a Graph,
    pub(super) source: &'a dyn TensorSource,
    pub(super) parameters: &'a mut [f32],
}

impl Loader<'_> {
    /// The weight of a stage, each output channel scaled by `scale` where given.
    pub(super) fn pack(
        &mut self,
        at: At<'_>,
        rows: &Rows,
        scale: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let spec = self.graph.node_parameters(at.stage.node).swap_remove(0);
        check(self.source, &spec)?;
        let target = &mut self.parameters[at.parameters.weight.clone()];
        rows.pack((self.source, &spec.name), target, scale)
    }

    /// The parameters of a stage as they are.
    pub(super) fn read(&mut self, at: At<'_>) -> Result<(), CompileError> {
        let ranges = [Some(at.parameters.weight.clone()), at.parameters.bias.clone()];
        let specs = self.graph.node_parameters(at.stage.node);
        for (spec, range) in specs.iter().zip(ranges.into_iter().flatten()) {
            read(self.source, spec, &mut self.parameters[range])?;
        }
        Ok(())
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
}
