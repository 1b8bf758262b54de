//! The arithmetic of one cell: which cells of its input it was made of, and with which weights.

use convnet::graph::{Graph, NodeId, Shape};
use convnet::ops::Op;
use convnet::state::{Tensor, TensorSource};

use super::data::{CellData, TermData, WindowData};
use crate::ExplainError;

/// Terms that are told one by one.
const TOLD: usize = 12;

/// How a layer reads its input, where its arithmetic can be shown.
pub(super) fn window(graph: &Graph, id: NodeId) -> Option<WindowData> {
    let node = graph.node(id);
    let of = |kind, kernel, stride, padding| WindowData {
        kind,
        kernel,
        stride,
        padding,
        dilation: [1, 1],
        groups: 1,
        counts_border: true,
    };
    Some(match &node.op {
        Op::Conv2d(conv) => WindowData {
            dilation: [conv.dilation.h, conv.dilation.w],
            groups: conv.groups,
            ..of(
                "conv",
                [conv.kernel.h, conv.kernel.w],
                [conv.stride.h, conv.stride.w],
                [conv.padding.h, conv.padding.w],
            )
        },
        Op::Linear(_) => of("linear", [1, 1], [1, 1], [0, 0]),
        Op::MaxPool2d(pool) => of(
            "max",
            [pool.kernel.h, pool.kernel.w],
            [pool.stride.h, pool.stride.w],
            [pool.padding.h, pool.padding.w],
        ),
        Op::AvgPool2d(pool) if pool.padding_end.is_none() && !pool.ceil_mode => WindowData {
            counts_border: pool.count_include_pad,
            ..of(
                "average",
                [pool.kernel.h, pool.kernel.w],
                [pool.stride.h, pool.stride.w],
                [pool.padding.h, pool.padding.w],
            )
        },
        Op::AdaptiveAvgPool2d(_) if node.shape.spatial() == (1, 1) => {
            let (height, width) = graph.input_shapes(id)[0].spatial();
            of("average", [height, width], [1, 1], [0, 0])
        }
        _ => return None,
    })
}

/// A convolution's or a Linear layer's weights and bias, in PyTorch's order.
pub(super) struct Weights {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Weights {
    /// All of a layer's, or those of one channel of its output.
    pub(super) fn read(
        graph: &Graph,
        source: &dyn TensorSource,
        id: NodeId,
        channel: Option<usize>,
    ) -> Result<Self, ExplainError> {
        let outputs = graph.node(id).shape.channels();
        let mut parts = Vec::new();
        for spec in graph.node_parameters(id) {
            let each = spec.elements() / outputs;
            let (first, count) = channel.map_or((0, spec.elements()), |channel| (channel * each, each));
            let mut data = vec![0.0; count];
            source
                .read(&spec.name, first, &mut data)
                .map_err(|error| ExplainError::Weights(error.to_string()))?;
            parts.push(data);
        }
        let mut parts = parts.into_iter();
        let weight = parts.next().unwrap_or_default();
        let bias = parts.next().unwrap_or_else(|| vec![0.0; channel.map_or(outputs, |_| 1)]);
        Ok(Self { weight, bias })
    }
}

/// A cell of a layer's output: channel, row, column; of a vector the index is the channel.
pub(super) type Place = (usize, usize, usize);

/// How a cell came about: `input` and `output` are what the layer read and gave, of one image.
pub(super) fn cell(
    graph: &Graph,
    source: &dyn TensorSource,
    id: NodeId,
    (input, output): (&Tensor, &Tensor),
    place: Place,
) -> Result<Option<CellData>, ExplainError> {
    let Some(window) = window(graph, id) else { return Ok(None) };
    let (channel, row, column) = place;
    let (_, height, width) = sizes(graph.node(id).shape);
    let value = output.data[(channel * height + row) * width + column];
    let (mut terms, bias) = match window.kind {
        "conv" | "linear" => {
            let Weights { weight, bias } = Weights::read(graph, source, id, Some(channel))?;
            (products(graph, id, &window, input, &weight, place), bias[0])
        }
        _ => (pooled(graph, id, &window, input, place), 0.0),
    };
    let product = |term: &TermData| f64::from(term.input) * f64::from(term.weight);
    if window.kind == "max" {
        terms.sort_by(|a, b| b.input.total_cmp(&a.input));
        let sum = terms.first().map_or(f64::from(value), product);
        let (others, rest) = (terms.len().saturating_sub(TOLD), 0.0);
        terms.truncate(TOLD);
        let node = id.index();
        return Ok(Some(CellData { node, channel, row, column, value, terms, others, rest, bias, sum }));
    }
    terms.sort_by(|a, b| product(b).abs().total_cmp(&product(a).abs()));
    let sum = terms.iter().map(product).sum::<f64>() + f64::from(bias);
    let rest = terms.iter().skip(TOLD).map(product).sum();
    let others = terms.len().saturating_sub(TOLD);
    terms.truncate(TOLD);
    Ok(Some(CellData { node: id.index(), channel, row, column, value, terms, others, rest, bias, sum }))
}

/// The products of a convolution or a Linear layer; cells of the border have none.
fn products(
    graph: &Graph,
    id: NodeId,
    window: &WindowData,
    input: &Tensor,
    weight: &[f32],
    (channel, row, column): Place,
) -> Vec<TermData> {
    if window.kind == "linear" {
        let term = |(index, (&input, &weight)): (usize, (&f32, &f32))| TermData {
            channel: index,
            row: 0,
            column: 0,
            input,
            weight,
        };
        return input.data.iter().zip(weight).enumerate().map(term).collect();
    }
    let (inputs, height, width) = sizes(graph.input_shapes(id)[0]);
    let of_group = inputs / window.groups;
    let group = channel / (graph.node(id).shape.channels() / window.groups);
    let mut terms = Vec::new();
    for (place, &weight) in weight.iter().enumerate() {
        let [kh, kw] = window.kernel;
        let (from, y, x) = (place / (kh * kw), place / kw % kh, place % kw);
        let at = |index: usize, axis: usize, offset: usize| {
            (index * window.stride[axis] + offset * window.dilation[axis]).checked_sub(window.padding[axis])
        };
        let (Some(y), Some(x)) = (at(row, 0, y), at(column, 1, x)) else { continue };
        if y < height && x < width {
            let from = group * of_group + from;
            let input = input.data[(from * height + y) * width + x];
            terms.push(TermData { channel: from, row: y, column: x, input, weight });
        }
    }
    terms
}

/// What a pool's window holds.
fn pooled(
    graph: &Graph,
    id: NodeId,
    window: &WindowData,
    input: &Tensor,
    (channel, row, column): Place,
) -> Vec<TermData> {
    let (_, height, width) = sizes(graph.input_shapes(id)[0]);
    let span = |axis: usize, index: usize, size: usize| {
        let start = (index * window.stride[axis]) as isize - window.padding[axis] as isize;
        let end = start + window.kernel[axis] as isize;
        start.max(0) as usize..end.min(size as isize) as usize
    };
    let (rows, columns) = (span(0, row, height), span(1, column, width));
    let count = match window.counts_border {
        true => window.kernel[0] * window.kernel[1],
        false => rows.len() * columns.len(),
    };
    let weight = if window.kind == "max" { 1.0 } else { 1.0 / count as f32 };
    let term = |(row, column): (usize, usize)| {
        let input = input.data[(channel * height + row) * width + column];
        TermData { channel, row, column, input, weight }
    };
    rows.flat_map(|row| columns.clone().map(move |column| (row, column))).map(term).collect()
}

/// Channels, rows and columns; a vector has one row and one column.
pub(super) fn sizes(shape: Shape) -> (usize, usize, usize) {
    let (height, width) = shape.spatial();
    (shape.channels(), height, width)
}

#[cfg(test)]
mod tests {
    use convnet::exec::Options;
    use convnet::{state, zoo};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Lens;

    #[test]
    fn cells_of_every_family_are_what_the_engine_computed() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for name in [
            "lenet",
            "alexnet@small",
            "vgg@small",
            "nin@small",
            "googlenet@small",
            "resnet@small",
            "densenet@small",
        ] {
            let graph = zoo::find(name).unwrap().model().build().unwrap();
            let weights = state::initialize(&graph, 3);
            let image: Vec<f32> =
                (0..graph.input_shape().elements()).map(|_| rng.random_range(-1.0..1.0)).collect();
            let shown: Vec<NodeId> = graph.ids().filter(|id| window(&graph, *id).is_some()).collect();
            let mut all: Vec<NodeId> = shown.iter().flat_map(|id| [graph.node(*id).inputs[0], *id]).collect();
            all.sort();
            all.dedup();
            let options = Options { threads: 2, exact: true, ..Options::default() };
            let mut lens = Lens::open(&graph, &weights, &all, &options).unwrap();
            let values = lens.all(&image).unwrap();
            let of = |id: NodeId| &values.iter().find(|(other, _)| *other == id).unwrap().1;
            let mut kinds = std::collections::BTreeSet::new();
            for &id in &shown {
                kinds.insert(window(&graph, id).unwrap().kind);
                for _ in 0..8 {
                    let (channels, height, width) = sizes(graph.node(id).shape);
                    let [channel, row, column] =
                        [channels, height, width].map(|side| rng.random_range(0..side));
                    let pair = (of(graph.node(id).inputs[0]), of(id));
                    let found = cell(&graph, &weights, id, pair, (channel, row, column)).unwrap().unwrap();
                    let products = found.terms.iter().map(|term| (term.input * term.weight).abs());
                    let largest = products.fold(1e-3f32, f32::max);
                    let error = (found.sum - f64::from(found.value)).abs();
                    assert!(error <= 1e-4 * f64::from(largest), "{name}, {}: {found:?}", graph.node(id).path);
                }
            }
            assert!(kinds.len() >= 2, "{name}: {kinds:?}");
        }
    }
}
