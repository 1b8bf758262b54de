//! The filters of the first convolution, as pictures.

use convnet::graph::{Graph, NodeId};
use convnet::ops::Op;
use convnet::state::TensorSource;
use image::{Rgb, RgbImage};

use super::cells::Weights;
use crate::{ExplainError, Heat};

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

/// Those of the first convolution of a network, if it reads grey or colour images; each scaled by itself.
pub(crate) fn first(graph: &Graph, weights: &dyn TensorSource) -> Result<Option<Filters>, ExplainError> {
    let convs = graph.ids().filter_map(|id| match &graph.node(id).op {
        Op::Conv2d(conv) => Some((id, conv)),
        _ => None,
    });
    let Some((node, conv)) = convs.into_iter().next() else { return Ok(None) };
    let (height, width, count) = (conv.kernel.h, conv.kernel.w, conv.out_channels);
    let Weights { weight, .. } = Weights::read(graph, weights, node, None)?;
    let inputs = weight.len() / (count * height * width).max(1);
    if !matches!(inputs, 1 | 3) {
        return Ok(None);
    }
    let columns = count.min(COLUMNS);
    let mut picture = RgbImage::new((columns * width) as u32, (count.div_ceil(columns) * height) as u32);
    for (filter, weights) in weight.chunks_exact(inputs * height * width).enumerate() {
        let scaled = Heat::new(inputs * height, width, weights.to_vec()).scaled().values;
        let (left, top) = (filter % columns * width, filter / columns * height);
        for pixel in 0..height * width {
            let level =
                |channel: usize| (scaled[channel % inputs * height * width + pixel] * 255.0).round() as u8;
            let (x, y) = (left + pixel % width, top + pixel / width);
            picture.put_pixel(x as u32, y as u32, Rgb([level(0), level(1), level(2)]));
        }
    }
    Ok(Some(Filters { node, picture, columns, height, width, count }))
}
