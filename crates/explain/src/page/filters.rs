//! The filters of the first convolution, as pictures.

use convnet::graph::{Graph, NodeId};
use convnet::ops::Op;
use convnet::state::{Tensor, TensorSource};
use image::RgbImage;

use super::cells::Weights;
use crate::{ExplainError, filter_picture, tile};

/// Filters side by side.
pub(crate) struct Filters {
    pub(crate) node: NodeId,
    /// `columns` in a row, each `height` × `width` pixels.
    pub(crate) picture: RgbImage,
    pub(crate) columns: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) count: usize,
}

/// Filters in a row.
const COLUMNS: usize = 16;

/// The filters of a network's first convolution side by side with white gaps, a pixel a weight; `None` if it reads neither
/// grey nor colour images.
///
/// # Errors
/// If its weights cannot be read.
pub fn first_filters(graph: &Graph, weights: &dyn TensorSource) -> Result<Option<RgbImage>, ExplainError> {
    Ok(first(graph, weights, 1)?.map(|filters| filters.picture))
}

/// Those of the first convolution of a network, if it reads grey or colour images; each scaled by itself.
pub(crate) fn first(
    graph: &Graph,
    weights: &dyn TensorSource,
    gap: u32,
) -> Result<Option<Filters>, ExplainError> {
    let conv = |id| match &graph.node(id).op {
        Op::Conv2d(conv) => Some((id, conv)),
        _ => None,
    };
    let Some((node, conv)) = graph.ids().find_map(conv) else { return Ok(None) };
    let (height, width, count) = (conv.kernel.h, conv.kernel.w, conv.out_channels);
    let Weights { weight, .. } = Weights::read(graph, weights, node, None)?;
    let inputs = weight.len() / (count * height * width).max(1);
    if !matches!(inputs, 1 | 3) {
        return Ok(None);
    }
    let picture = tiled([inputs, height, width], &weight, gap);
    Ok(Some(Filters { node, picture, columns: count.min(COLUMNS), height, width, count }))
}

/// Filters (O, I, kH, kW) of grey or colour images side by side.
pub(crate) fn picture(filters: &Tensor, gap: u32) -> RgbImage {
    let [inputs, height, width] = [1, 2, 3].map(|axis| filters.shape[axis]);
    tiled([inputs, height, width], &filters.data, gap)
}

/// Each scaled by itself.
fn tiled(size: [usize; 3], weights: &[f32], gap: u32) -> RgbImage {
    let filters = weights.chunks_exact(size.iter().product());
    let pictures: Vec<RgbImage> = filters.map(|weights| filter_picture(size, weights)).collect();
    tile(&pictures, COLUMNS, gap)
}
