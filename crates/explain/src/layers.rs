//! Which layers there are to look at.

use convnet::graph::{Graph, NodeId, Shape};
use convnet::ops::Op;

use crate::ExplainError;

/// Names that are told beside one that is not there, at most.
const NEAR: usize = 3;

/// The layers that the logits depend on and whose outputs are maps of several pixels, in their order, without the input.
pub fn maps(graph: &Graph) -> Vec<NodeId> {
    let live = graph.reachable(&[graph.logits(graph.output())]);
    let wide = |id: &NodeId| {
        let node = graph.node(*id);
        let (height, width) = node.shape.spatial();
        live[id.index()]
            && node.op != Op::Input
            && matches!(node.shape, Shape::Map { .. })
            && height * width > 1
    };
    graph.ids().filter(wide).collect()
}

/// The last maps before they become a vector, where Grad-CAM looks: what the classes are told from still has a place there.
pub fn last_maps(graph: &Graph) -> Option<NodeId> {
    maps(graph).last().copied()
}

/// The layer of this name that the logits depend on; of a block (`layer4`, `inception5b`) the last layer.
///
/// # Errors
/// If there is none, with names that are like it.
pub fn find_layer(graph: &Graph, name: &str) -> Result<NodeId, ExplainError> {
    let live = graph.reachable(&[graph.logits(graph.output())]);
    let block = format!("{name}.");
    let ids = || graph.ids().filter(|id| live[id.index()]);
    let last = |wanted: &dyn Fn(&str) -> bool| ids().rfind(|id| wanted(&graph.node(*id).path));
    if let Some(id) = last(&|path| path == name).or_else(|| last(&|path| path.starts_with(&block))) {
        return Ok(id);
    }
    let mut near: Vec<(usize, &str)> = ids()
        .map(|id| graph.node(id).path.as_str())
        .filter(|path| !path.is_empty())
        .map(|path| (strsim::levenshtein(name, path), path))
        .collect();
    near.sort();
    let near = near.into_iter().take(NEAR).map(|(_, path)| path.to_owned()).collect();
    Err(ExplainError::NoLayer { name: name.to_owned(), near })
}

/// The channels of values (C, H, W), the most active on the mean first; of equals the first.
///
/// # Panics
/// If there is no channel, or the values are not as many for each.
pub fn most_active(values: &[f32], channels: usize) -> Vec<usize> {
    assert!(channels > 0 && values.len().is_multiple_of(channels), "values of {channels} channels");
    let sum = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>();
    let sums: Vec<f64> = values.chunks_exact(values.len() / channels).map(sum).collect();
    let mut order: Vec<usize> = (0..channels).collect();
    order.sort_by(|a, b| sums[*b].total_cmp(&sums[*a]).then(a.cmp(b)));
    order
}
