//! A problem as a graph of cuDNN's operations.

use std::ffi::{c_int, c_void};

use super::descriptor::{Attribute as A, Descriptor, Kind};
use super::problem::{Conv, Fused, Pass, Problem, Tensor};
use crate::Error;
use crate::load::cudnn::Cudnn;
use crate::view::Format;

/// The names of the tensors that a graph reads and writes.
pub(super) mod id {
    pub(in crate::dnn) const INPUT: i64 = 1;
    pub(in crate::dnn) const WEIGHTS: i64 = 2;
    pub(in crate::dnn) const OUTPUT: i64 = 3;
    pub(in crate::dnn) const BIAS: i64 = 4;
    pub(in crate::dnn) const ADDEND: i64 = 5;
    /// The first of those that exist only inside.
    pub(super) const INNER: i64 = 10;
}

/// cuDNN's numbers for what is computed by element.
const ADD: c_int = 0;
const RELU: c_int = 100;
const CROSS_CORRELATION: c_int = 1;

/// cuDNN's number for a format.
fn data_type(format: Format) -> c_int {
    match format {
        Format::F32 => 0,
        Format::Bf16 => 9,
    }
}

/// An operation graph and the descriptors that it refers to.
pub(super) struct Graph {
    pub(super) graph: Descriptor,
    _parts: Vec<Descriptor>,
}

/// The operation's attributes: its convolution, input, weights, output, and its two factors.
fn attributes(pass: Pass) -> (Kind, [c_int; 4], [c_int; 2]) {
    match pass {
        Pass::Forward => (Kind::Forward, [702, 704, 703, 705], [700, 701]),
        Pass::InputGradient => (Kind::InputGradient, [708, 710, 709, 711], [706, 707]),
        Pass::WeightGradient => (Kind::WeightGradient, [714, 716, 715, 717], [712, 713]),
    }
}

impl Graph {
    /// The graph of a problem; without a handle it can be finalized on a machine that has no GPU.
    pub(super) fn new(
        cudnn: &'static Cudnn,
        problem: &Problem,
        handle: Option<*mut c_void>,
    ) -> Result<Self, Error> {
        let Problem { conv, pass, input, output, weights, fused, .. } = *problem;
        let tensor = |id, dimensions, tensor: Tensor| map(cudnn, id, dimensions, tensor, false);
        let x = tensor(id::INPUT, images(&conv, conv.input, conv.channels.0), input)?;
        let places = images(&conv, conv.output(), conv.channels.1);
        let y = tensor(id::OUTPUT, places, output)?;
        let kernel = [conv.channels.1, weights.stride, conv.kernel.0, conv.kernel.1].map(|n| n as i64);
        let w = tensor(id::WEIGHTS, kernel, weights)?;
        let sizes = convolution(cudnn, &conv)?;
        let inside = |id| {
            let dense = Tensor { stride: conv.channels.1, alignment: 16, format: Format::F32 };
            map(cudnn, id, places, dense, true)
        };
        let mut operations = Vec::new();
        let mut parts = Vec::new();
        let Fused { bias, addend, relu } = fused.unwrap_or(Fused { bias: false, addend: None, relu: false });
        let mut steps: Vec<(c_int, Option<Descriptor>)> = Vec::new();
        if let Some(addend) = addend {
            steps.push((ADD, Some(tensor(id::ADDEND, places, addend)?)));
        }
        if bias {
            let row = Tensor { stride: conv.channels.1, alignment: 16, format: Format::F32 };
            steps.push((ADD, Some(tensor(id::BIAS, [1, conv.channels.1 as i64, 1, 1], row)?)));
        }
        if relu {
            steps.push((RELU, None));
        }
        let mut values = Vec::new();
        for step in 0..steps.len() {
            values.push(inside(id::INNER + step as i64)?);
        }
        values.push(y);
        let (kind, operands, factors) = attributes(pass);
        let operation = Descriptor::new(cudnn, kind)?
            .descriptors(A::Operand(operands[0]), &[&sizes])?
            .descriptors(A::Operand(operands[1]), &[&x])?
            .descriptors(A::Operand(operands[2]), &[&w])?
            .descriptors(A::Operand(operands[3]), &[&values[0]])?
            .number(A::Factor(factors[0]), 1.0)?
            .number(A::Factor(factors[1]), 0.0)?;
        operations.push(operation.finalize()?);
        for (step, (mode, operand)) in steps.iter().enumerate() {
            let pointwise = Descriptor::new(cudnn, Kind::Pointwise)?
                .choice(A::PointwiseMode, *mode)?
                .choice(A::PointwisePrecision, data_type(Format::F32))?
                .finalize()?;
            let mut operation = Descriptor::new(cudnn, Kind::PointwiseOperation)?
                .descriptors(A::Operand(750), &[&pointwise])?
                .descriptors(A::Operand(751), &[&values[step]])?
                .descriptors(A::Operand(753), &[&values[step + 1]])?;
            if let Some(operand) = operand {
                operation = operation.descriptors(A::Operand(752), &[operand])?;
            }
            operations.push(operation.finalize()?);
            parts.push(pointwise);
        }
        let mut graph = Descriptor::new(cudnn, Kind::Graph)?;
        if let Some(handle) = handle {
            graph = graph.pointers(A::GraphHandle, &[handle])?;
        }
        let references: Vec<&Descriptor> = operations.iter().collect();
        let graph = graph.descriptors(A::GraphOperations, &references)?.finalize()?;
        parts.extend([x, w, sizes]);
        parts.extend(values);
        parts.extend(operations);
        parts.extend(steps.into_iter().filter_map(|(_, operand)| operand));
        Ok(Self { graph, _parts: parts })
    }
}

/// N, C, H, W.
fn images(conv: &Conv, (height, width): (usize, usize), channels: usize) -> [i64; 4] {
    [conv.batch, channels, height, width].map(|n| n as i64)
}

/// A tensor with channels side by side; `dimensions` are N, C, H, W.
fn map(
    cudnn: &'static Cudnn,
    id: i64,
    dimensions: [i64; 4],
    tensor: Tensor,
    inside: bool,
) -> Result<Descriptor, Error> {
    let pixel = tensor.stride as i64;
    let row = dimensions[3] * pixel;
    let strides = [dimensions[2] * row, 1, row, pixel];
    Descriptor::new(cudnn, Kind::Tensor)?
        .choice(A::TensorType, data_type(tensor.format))?
        .integers(A::TensorDimensions, &dimensions)?
        .integers(A::TensorStrides, &strides)?
        .integers(A::TensorId, &[id])?
        .integers(A::TensorAlignment, &[tensor.alignment as i64])?
        .flag(A::TensorVirtual, inside)?
        .finalize()
}

fn convolution(cudnn: &'static Cudnn, conv: &Conv) -> Result<Descriptor, Error> {
    let pair = |(a, b): (usize, usize)| [a as i64, b as i64];
    Descriptor::new(cudnn, Kind::Convolution)?
        .choice(A::ConvolutionType, data_type(Format::F32))?
        .choice(A::ConvolutionMode, CROSS_CORRELATION)?
        .integers(A::ConvolutionDimensions, &[2])?
        .integers(A::ConvolutionPre, &pair(conv.padding))?
        .integers(A::ConvolutionPost, &pair(conv.padding))?
        .integers(A::ConvolutionDilations, &pair(conv.dilation))?
        .integers(A::ConvolutionStrides, &pair(conv.stride))?
        .finalize()
}

/// Finalizes the graphs of problems without a GPU: whether this cuDNN takes them. For tests.
///
/// # Errors
/// If cuDNN is not found or refuses one.
pub fn finalize_graphs(problems: &[Problem]) -> Result<String, Error> {
    let found = crate::load::find(&["libcudnn.so.9".into()], "nvidia-cudnn-cu13")?;
    let cudnn: &'static Cudnn = Box::leak(Box::new(Cudnn::bind(&found)?));
    for problem in problems {
        Graph::new(cudnn, problem, None)?;
    }
    Ok(cudnn.version_text())
}
