//! A network's weights as a device takes them: checked, read, normalizations as scales and shifts.

use crate::graph::{Graph, NodeId};
use crate::ops::{Op, ParamSpec};
use crate::plan::CompileError;
use crate::state::{StateDict, Tensor, TensorSource};

/// A batch normalization with running statistics, a layer's scale, or what is one already, as y = scale·x + shift.
pub(crate) fn scale_and_shift(
    graph: &Graph,
    source: &dyn TensorSource,
    id: NodeId,
) -> Result<(Vec<f32>, Vec<f32>), CompileError> {
    let mut vectors = vectors(graph, source, id)?;
    let Op::BatchNorm2d(norm) = &graph.node(id).op else {
        vectors.resize(2, vec![0.0; graph.node(id).shape.channels()]);
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

/// The parameters of a node that are vectors by channel, in whichever form they are kept, checked and read, in the order of its
/// parameters.
fn vectors(graph: &Graph, source: &dyn TensorSource, id: NodeId) -> Result<Vec<Vec<f32>>, CompileError> {
    let vector = |spec: &ParamSpec| {
        let mut values = vec![0.0; spec.elements()];
        read(source, spec, &mut values).map(|()| values)
    };
    graph.node_parameters(id).iter().filter(|spec| !spec.shape.is_empty()).map(vector).collect()
}

/// All tensors of some nodes, checked and read, to what is kept of them.
pub(crate) fn keep(
    (graph, source): (&Graph, &dyn TensorSource),
    nodes: Vec<NodeId>,
    kept: &mut StateDict,
) -> Result<(), CompileError> {
    for spec in nodes.into_iter().flat_map(|node| graph.node_parameters(node)) {
        let mut data = vec![0.0; spec.elements()];
        read(source, &spec, &mut data)?;
        kept.insert(spec.name, Tensor { shape: spec.shape, data });
    }
    Ok(())
}

/// Checks that a source has a parameter, and in the shape that the network expects.
pub(crate) fn check(source: &dyn TensorSource, spec: &ParamSpec) -> Result<(), CompileError> {
    match source.shape(&spec.name) {
        None => Err(CompileError::Missing { name: spec.name.clone(), expected: spec.shape.clone() }),
        Some(found) if found != spec.shape => {
            Err(CompileError::Shape { name: spec.name.clone(), found, expected: spec.shape.clone() })
        }
        Some(_) => Ok(()),
    }
}

/// Reads a whole parameter, checked, to `out`.
pub(crate) fn read(source: &dyn TensorSource, spec: &ParamSpec, out: &mut [f32]) -> Result<(), CompileError> {
    check(source, spec)?;
    source
        .read(&spec.name, 0, out)
        .map_err(|error| CompileError::Read { name: spec.name.clone(), reason: error.to_string() })
}
