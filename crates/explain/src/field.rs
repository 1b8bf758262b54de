//! Effective receptive fields: which pixels a cell of a layer really depends on.

use convnet::exec::{Options, Probe, ReluGradient};
use convnet::graph::{Graph, NodeId, Shape};
use convnet::state::TensorSource;

use crate::{ExplainError, Heat};

/// The effective receptive field of the middle cell of a layer's maps: the magnitude of the gradient of the sum of its
/// channels with respect to each pixel, summed over the image's channels and averaged over `images` (N, C, H, W), H × W
/// (Luo et al. 2016, <https://arxiv.org/abs/1701.04128>).
///
/// # Errors
/// If the network cannot be compiled, the logits do not depend on the layer, it gives no map, or `images` are not whole ones.
pub fn effective_field(
    graph: &Graph,
    weights: &dyn TensorSource,
    layer: NodeId,
    images: &[f32],
    options: &Options,
) -> Result<Heat, ExplainError> {
    let node = graph.node(layer);
    let Shape::Map { channels, height, width } = node.shape else {
        let shape = node.shape.to_string();
        return Err(ExplainError::NoMap { path: node.path.clone(), shape, near: Vec::new() });
    };
    let [_, rows, columns] = graph.input_size();
    let (plane, size) = (rows * columns, graph.input_shape().elements());
    let input: Vec<NodeId> = graph.ids().take(1).collect();
    let mut probe = Probe::compile_at(graph, layer, weights, 1, &input, options)?;
    let mut cell = vec![0.0; node.shape.elements()];
    let middle = height / 2 * width + width / 2;
    (0..channels).for_each(|channel| cell[channel * height * width + middle] = 1.0);
    let mut sums = vec![0.0f32; plane];
    let count = images.len().div_ceil(size).max(1) as f32;
    for image in images.chunks(size) {
        let seen = probe.gradients(image, &cell, ReluGradient::Plain)?;
        for gradients in seen.gradients[0].data.chunks_exact(plane) {
            sums.iter_mut().zip(gradients).for_each(|(sum, g)| *sum += g.abs() / count);
        }
    }
    Ok(Heat::new(rows, columns, sums))
}
