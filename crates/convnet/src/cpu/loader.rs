//! Weights from a source into the flat parameters.

use std::ops::Range;

use convnet_kernels::{Isa, Pool, f16};

use super::matrix::Matrix;
use super::run::At;
use crate::graph::{Graph, NodeId};
use crate::ops::{Op, ParamSpec};
use crate::plan::CompileError;
use crate::state::TensorSource;

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

/// A batch normalization with running statistics, or what is one already, as y = scale·x + shift.
pub(super) fn scale_and_shift(
    graph: &Graph,
    source: &dyn TensorSource,
    id: NodeId,
) -> Result<(Vec<f32>, Vec<f32>), CompileError> {
    let mut vectors = vectors(graph, source, id)?;
    let Op::BatchNorm2d(norm) = &graph.node(id).op else {
        let shift = vectors.pop().unwrap_or_default();
        return Ok((vectors.pop().unwrap_or_default(), shift));
    };
    let [weight, bias, mean, var] = [0, 1, 2, 3].map(|i| vectors[i].iter().map(|&x| f64::from(x)));
    let (scale, shift) = weight
        .zip(bias)
        .zip(mean.zip(var))
        .map(|((weight, bias), (mean, var))| {
            let scale = weight / (var + f64::from(norm.eps)).sqrt();
            (scale as f32, (bias - mean * scale) as f32)
        })
        .unzip();
    Ok((scale, shift))
}

/// The parameters of a node that are vectors, checked and read, in the order of its parameters.
fn vectors(graph: &Graph, source: &dyn TensorSource, id: NodeId) -> Result<Vec<Vec<f32>>, CompileError> {
    let vector = |spec: &ParamSpec| {
        let mut values = vec![0.0; spec.elements()];
        read(source, spec, &mut values).map(|()| values)
    };
    graph.node_parameters(id).iter().filter(|spec| spec.shape.len() == 1).map(vector).collect()
}

/// Checks that a source has a parameter, and in the shape that the network expects.
pub(super) fn check(source: &dyn TensorSource, spec: &ParamSpec) -> Result<(), CompileError> {
    match source.shape(&spec.name) {
        None => Err(CompileError::Missing { name: spec.name.clone(), expected: spec.shape.clone() }),
        Some(found) if found != spec.shape => {
            Err(CompileError::Shape { name: spec.name.clone(), found, expected: spec.shape.clone() })
        }
        Some(_) => Ok(()),
    }
}

/// Reads a whole parameter, checked, to `out`.
pub(super) fn read(source: &dyn TensorSource, spec: &ParamSpec, out: &mut [f32]) -> Result<(), CompileError> {
    check(source, spec)?;
    source
        .read(&spec.name, 0, out)
        .map_err(|error| CompileError::Read { name: spec.name.clone(), reason: error.to_string() })
}
