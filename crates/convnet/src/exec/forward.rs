//! The forward pass: stages bound to kernels, and their execution.

use std::ops::Range;

use convnet_kernels::{
    self as kernels, Activation, Arena, BatchNorm, Border, Geometry, Igemm, Isa, LocalResponse, Mask, Pool,
    PoolWindow, View, Weights, f16,
};

use super::algorithm::{Pass, WINOGRAD_MATRICES, WinogradPlan, winograd_plan};
use super::conv::ConvPlan;
use super::lower::{Kernel, Lowered, Mode, Stage, lower};
use super::statistics::Statistics;
use super::storage::{Slot, Storage};
use super::weights::Matrix;
use super::{ExecError, Options};
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::{AvgPool2d, ConstantPad2d, Op, Window, adaptive_span};

/// A stage bound to its kernel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) stage: Stage,
    pub(super) kind: Kind,
    /// The packed weight, γ, or the scale of a batch normalization at inference, in the flat parameters.
    pub(super) weight: Range<usize>,
    /// The bias, β, or the shift.
    pub(super) bias: Option<Range<usize>>,
    /// The packed weight in half precision, in the flat halves, where `weight` is empty.
    pub(super) half: Option<Range<usize>>,
}

impl Step {
    /// Numbers of the packed weight, in whichever precision.
    fn packed_len(&self) -> usize {
        self.half.as_ref().map_or(self.weight.len(), ExactSizeIterator::len)
    }

    /// Whether the gradient passes its ReLU in a pass of its own, by the output; a normalization masks it on its way.
    pub(super) fn masks_by_output(&self) -> bool {
        self.stage.relu && !matches!(self.kind, Kind::BatchNorm { .. })
    }
}

/// A kernel and its geometry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Input,
    Conv {
        plan: ConvPlan,
        padded: Option<Slot>,
        matrix: Matrix,
        addend: Option<NodeId>,
        /// Scale and shift applied to what it reads, in the flat parameters, and whether ReLU follows them.
        before: Option<(Range<usize>, bool)>,
        /// Winograd's algorithm, where it is faster.
        winograd: Option<WinogradPlan>,
    },
    Linear {
        geometry: Geometry,
        matrix: Matrix,
    },
    /// With the batch's statistics.
    BatchNorm {
        eps: f32,
        momentum: f32,
    },
    /// A scale and a shift by channel.
    Affine,
    Activation(Activation),
    MaxPool(PoolWindow),
    AvgPool(PoolWindow),
    LocalResponse(LocalResponse),
    Softmax,
    LogSoftmax,
    Pad(Border, f32),
    Dropout {
        p: f32,
        whole: bool,
    },
    Concat,
    Add,
    Flatten {
        map: usize,
    },
    Copy,
}

/// What a step keeps from the forward pass for the backward pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Saved {
    /// Where each maximum was.
    pub(super) argmax: Vec<u8>,
    /// By channel, of a batch normalization: 1/√(var + eps), and the scale and the shift that it amounts to.
    pub(super) inverse: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// A graph bound to an instruction set: steps, storage and the layout of flat parameters.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) graph: Graph,
    pub(super) isa: Isa,
    pub(super) mode: Mode,
    /// The batch for which algorithms are chosen.
    pub(super) batch: usize,
    /// Whether Winograd may be chosen.
    pub(super) winograd: bool,
    /// Whether it runs once or twice only.
    once: bool,
    /// Whether weights that wait for memory are kept in half precision.
    keep_half: bool,
    /// Numbers of the flat halves.
    pub(super) halves: usize,
    pub(super) lowered: Lowered,
    pub(super) storage: Storage,
    pub(super) steps: Vec<Step>,
    /// Floats of the flat parameters.
    pub(super) parameters: usize,
}

/// Floats to which parameters are aligned.
const LINE: usize = 16;

impl Program {
    /// Binds the part of a graph that `outputs` depend on; the options tell what algorithms may be chosen.
    pub(super) fn new(
        graph: &Graph,
        outputs: &[NodeId],
        mode: Mode,
        (isa, batch): (Isa, usize),
        options: &Options,
    ) -> Result<Self, ExecError> {
        let lowered = lower(graph, outputs, mode);
        let storage = Storage::new(graph, &lowered);
        let stages = lowered.stages.clone();
        let winograd = mode != Mode::Trace && !options.exact;
        let mut program = Self {
            graph: graph.clone(),
            isa,
            mode,
            batch,
            winograd,
            once: options.once,
            keep_half: options.half && mode == Mode::Infer,
            halves: 0,
            lowered,
            storage,
            steps: Vec::new(),
            parameters: 0,
        };
        for stage in stages {
            let step = program.bind(stage)?;
            program.steps.push(step);
        }
        Ok(program)
    }

    fn bind(&mut self, stage: Stage) -> Result<Step, ExecError> {
        let node = self.graph.node(stage.node).clone();
        let mut weight = 0..0;
        let mut bias = None;
        let mut half = None;
        let first = stage.shapes.first().copied();
        let input = first.unwrap_or(node.shape);
        let kind = match (&stage.kernel, &node.op) {
            (Kernel::Input, _) => Kind::Input,
            (Kernel::Concat, _) => Kind::Concat,
            (Kernel::Flatten, _) => Kind::Flatten { map: input.spatial().0 * input.spatial().1 },
            (Kernel::Conv { before, norm, addend }, Op::Conv2d(conv)) => {
                let slot = self.storage.slot(stage.inputs[0]);
                let dense = slot.channels == self.storage.buffers[slot.buffer].stride;
                let plan = ConvPlan::new(conv, input, node.shape, dense);
                let padded = plan
                    .border
                    .map(|border| self.storage.buffer(border.padded.0 * border.padded.1, input.channels()));
                let matrix = Matrix::conv(self.isa, &plan);
                let pass = self.forward_pass();
                let winograd = winograd_plan(self.isa, conv, (input, node.shape), self.batch, pass)
                    .filter(|_| self.winograd);
                match winograd {
                    // Inference keeps the transformed weights alone.
                    Some(plan) if self.mode == Mode::Infer => {
                        weight = self.allocate(WINOGRAD_MATRICES * plan.panels.len());
                    }
                    None if self.keep_half && self.batch == 1 => {
                        half = Some(self.allocate_half(matrix.len()));
                    }
                    _ => weight = self.allocate(matrix.len()),
                }
                bias = (conv.bias || norm.is_some()).then(|| self.allocate(conv.out_channels));
                let before = before.map(|before| (self.allocate(2 * input.channels()), before.relu));
                Kind::Conv { plan, padded, matrix, addend: *addend, before, winograd }
            }
            (Kernel::Linear { order }, Op::Linear(linear)) => {
                let matrix = Matrix::linear(self.isa, input.elements(), linear.out_features, *order);
                if self.keep_half {
                    half = Some(self.allocate_half(matrix.len()));
                } else {
                    weight = self.allocate(matrix.len());
                }
                bias = linear.bias.then(|| self.allocate(linear.out_features));
                Kind::Linear { geometry: Geometry::rows(input.elements()), matrix }
            }
            (_, Op::BatchNorm2d(norm)) => {
                weight = self.allocate(input.channels());
                bias = Some(self.allocate(input.channels()));
                if self.mode == Mode::Train {
                    Kind::BatchNorm { eps: norm.eps, momentum: norm.momentum }
                } else {
                    Kind::Affine
                }
            }
            (_, Op::Affine) => {
                weight = self.allocate(input.channels());
                bias = Some(self.allocate(input.channels()));
                Kind::Affine
            }
            (_, Op::Relu) => Kind::Activation(Activation::Relu),
            (_, Op::LeakyRelu(op)) => Kind::Activation(Activation::LeakyRelu { slope: op.slope }),
            (_, Op::Hardtanh(op)) => Kind::Activation(Activation::Hardtanh { min: op.min, max: op.max }),
            (_, Op::Sigmoid) => Kind::Activation(Activation::Sigmoid),
            (_, Op::Tanh) => Kind::Activation(Activation::Tanh),
            (_, Op::Softmax) if matches!(input, Shape::Vector { .. }) || input.spatial() == (1, 1) => {
                Kind::Softmax
            }
            (_, Op::LogSoftmax) if matches!(input, Shape::Vector { .. }) || input.spatial() == (1, 1) => {
                Kind::LogSoftmax
            }
            (_, Op::ConstantPad2d(op)) => {
                let ConstantPad2d { left, right, top, bottom, value } = *op;
                Kind::Pad(Border { top, bottom, left, right }, value)
            }
            (_, Op::MaxPool2d(pool)) => {
                let window = pool_window(&pool.window(), input, node.shape, None);
                if self.mode == Mode::Train && window.area() > 256 {
                    return Err(self.unsupported(
                        stage.node,
                        "training takes windows of at most 256 elements; use a smaller kernel",
                    ));
                }
                Kind::MaxPool(window)
            }
            (_, Op::AvgPool2d(pool)) => {
                Kind::AvgPool(pool_window(&pool.window(), input, node.shape, Some(pool)))
            }
            (_, Op::AdaptiveAvgPool2d(_)) => Kind::AvgPool(adaptive_window(input, node.shape)),
            (_, Op::LocalResponseNorm(norm)) => Kind::LocalResponse(LocalResponse {
                size: norm.size,
                alpha: norm.alpha,
                beta: norm.beta,
                k: norm.k,
            }),
            (_, Op::Dropout(dropout)) if self.mode == Mode::Train => {
                Kind::Dropout { p: dropout.p, whole: false }
            }
            (_, Op::Dropout1d(dropout)) if self.mode == Mode::Train => {
                Kind::Dropout { p: dropout.p, whole: true }
            }
            (_, Op::Identity | Op::Unflatten | Op::Dropout(_) | Op::Dropout1d(_)) => Kind::Copy,
            (_, Op::Add) => Kind::Add,
            _ => {
                return Err(self.unsupported(
                    stage.node,
                    "the engine has no kernel for it on this input; put it behind Flatten",
                ));
            }
        };
        Ok(Step { stage, kind, weight, bias, half })
    }

    /// What the forward pass of a convolution is for.
    pub(super) fn forward_pass(&self) -> Pass {
        match self.mode {
            Mode::Train => Pass::Forward,
            _ if self.once => Pass::Once,
            _ => Pass::Infer,
        }
    }

    fn unsupported(&self, id: NodeId, reason: &str) -> ExecError {
        let node = self.graph.node(id);
        ExecError::Unsupported { path: node.path.clone(), op: node.op.name(), reason: reason.into() }
    }

    fn allocate_half(&mut self, len: usize) -> Range<usize> {
        let start = self.halves;
        self.halves = (start + len).next_multiple_of(2 * LINE);
        start..start + len
    }

    fn allocate(&mut self, len: usize) -> Range<usize> {
        let start = self.parameters;
        self.parameters = (start + len).next_multiple_of(LINE);
        start..start + len
    }

    /// The view of a value, read as `shape`, for `n` images.
    pub(super) fn view(&self, offsets: &[usize], value: NodeId, shape: Shape, n: usize) -> View {
        let slot = self.storage.slot(value);
        self.storage.view(slot, shape, n, offsets[slot.buffer])
    }

    /// Buffers for what the steps save for the backward pass.
    pub(super) fn saved(&self, batch: usize) -> Vec<Saved> {
        let save = |step: &Step| match &step.kind {
            Kind::MaxPool(_) => {
                let len = batch * self.graph.node(step.stage.out).shape.elements();
                Saved { argmax: vec![0; len], ..Saved::default() }
            }
            Kind::BatchNorm { .. } => {
                let zeros = vec![0.0; self.graph.node(step.stage.out).shape.channels()];
                Saved { argmax: Vec::new(), inverse: zeros.clone(), scale: zeros.clone(), shift: zeros }
            }
            _ => Saved::default(),
        };
        self.steps.iter().map(save).collect()
    }

    /// Runs one step on `n` images.
    pub(super) fn forward(&self, run: &mut Run<'_>, step: &Step, saved: Option<&mut Saved>) {
        if let Kind::Conv { .. } = step.kind {
            return self.convolve(run, step);
        }
        self.compute(run, step, saved);
        if let Some(statistics) = &mut run.statistics {
            let shape = self.graph.node(step.stage.out).shape;
            let out = self.view(run.offsets, step.stage.out, shape, run.n);
            self.measure((run.pool, run.arena), (step, out), statistics);
        }
    }

    /// Runs a step that is no convolution.
    fn compute(&self, run: &mut Run<'_>, step: &Step, saved: Option<&mut Saved>) {
        let stage = &step.stage;
        let (pool, offsets, n, isa) = (run.pool, run.offsets, run.n, self.isa);
        let shape = self.graph.node(stage.out).shape;
        let out = self.view(offsets, stage.out, shape, n);
        let input = |i: usize| self.view(offsets, stage.inputs[i], stage.shapes[i], n);
        let bias = step.bias.clone().map(|range| &run.parameters[range]);
        let weight = &run.parameters[step.weight.clone()];
        let packed = run.weights(step, 0..step.packed_len());
        let arena = &mut *run.arena;
        match &step.kind {
            Kind::Input => {
                let map = shape.spatial().0 * shape.spatial().1;
                kernels::from_nchw(pool, arena, run.images, map, out);
            }
            Kind::Conv { .. } => {}
            Kind::Linear { geometry, matrix } => {
                let call = Igemm {
                    geometry,
                    batch: n,
                    input: input(0),
                    weights: packed,
                    panels: matrix.panels,
                    bias,
                    addend: None,
                    before: None,
                    relu: stage.relu,
                    out,
                };
                kernels::igemm(pool, isa, arena, &call, None);
            }
            Kind::BatchNorm { eps, .. } => {
                if let (Some(saved), Some(statistics)) = (saved, &run.statistics) {
                    let [mean, variance] = statistics.of(self.storage.slot(stage.inputs[0]));
                    let bias = bias.unwrap_or_default();
                    let norm = BatchNorm { weight, bias, eps: *eps, mean, variance };
                    let vectors = [&mut saved.inverse[..], &mut saved.scale[..], &mut saved.shift[..]];
                    kernels::batch_norm(pool, isa, arena, norm, [input(0), out], vectors, stage.relu);
                }
            }
            Kind::Affine => {
                let vectors = [weight, bias.unwrap_or_default()];
                kernels::affine(pool, isa, arena, [input(0), out], vectors, stage.relu);
            }
            Kind::Activation(kind) => kernels::activation(pool, isa, arena, *kind, input(0), out),
            Kind::MaxPool(window) => {
                let argmax = saved.map(|saved| &mut saved.argmax[..out.pixels * out.channels]);
                kernels::max_pool(pool, isa, arena, window, [input(0), out], argmax);
            }
            Kind::AvgPool(window) => kernels::avg_pool(pool, isa, arena, window, [input(0), out]),
            Kind::LocalResponse(norm) => kernels::local_response(pool, isa, arena, *norm, [input(0), out]),
            Kind::Softmax => kernels::softmax(pool, isa, arena, [input(0), out]),
            Kind::LogSoftmax => kernels::log_softmax(pool, arena, [input(0), out]),
            Kind::Pad(border, value) => {
                kernels::pad(pool, arena, [input(0), out], stage.shapes[0].spatial(), *border, *value);
            }
            Kind::Dropout { p, whole } => {
                let mask = self.mask(run.key, stage.out, (*p, *whole), out);
                kernels::dropout(pool, isa, arena, mask, [input(0), out], false);
            }
            Kind::Concat => {
                for &(i, channel) in self.storage.copies(stage.out) {
                    let target = out.slice(channel, stage.shapes[i].channels());
                    kernels::copy(pool, isa, arena, input(i), target);
                }
            }
            Kind::Add => kernels::add(pool, isa, arena, [input(0), input(1)], out, stage.relu),
            Kind::Flatten { map } => kernels::flatten(arena, *map, [input(0), out]),
            Kind::Copy => kernels::copy(pool, isa, arena, input(0), out),
        }
    }

    /// The mask of a dropout layer in the run with this key.
    pub(super) fn mask(&self, key: u64, node: NodeId, (p, whole): (f32, bool), view: View) -> Mask {
        let key = mix(key ^ mix(node.index() as u64 + 1));
        Mask::new(key, p, if whole { view.channels.max(1) } else { 1 })
    }
}

impl Program {
    /// What a dropout layer's element is multiplied with; `index` counts in PyTorch's order.
    pub(super) fn dropout_scale(&self, key: u64, node: NodeId, index: usize) -> f32 {
        let shape = self.graph.node(node).shape;
        let elements = shape.elements();
        let (p, whole) = match &self.graph.node(node).op {
            Op::Dropout(dropout) => (dropout.p, false),
            Op::Dropout1d(dropout) => (dropout.p, true),
            op => panic!("{} is not a dropout layer", op.name()),
        };
        let mask = self.mask(key, node, (p, whole), View::dense(0, 1, elements));
        if whole {
            return mask.scale(index * elements);
        }
        let (image, at) = (index / elements, index % elements);
        let inside = match (shape, self.lowered.order[node.index()]) {
            (Shape::Map { channels, height, width }, _) | (_, Some((channels, height, width))) => {
                let (c, pixel) = (at / (height * width), at % (height * width));
                pixel * channels + c
            }
            _ => at,
        };
        mask.scale(image * elements + inside)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
pub(super) fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    key ^ (key >> 31)
}

/// What a forward pass works on.
pub(super) struct Run<'a> {
    pub(super) pool: &'a Pool,
    pub(super) arena: &'a mut Arena,
    /// Where each buffer starts.
    pub(super) offsets: &'a [usize],
    pub(super) parameters: &'a [f32],
    pub(super) halves: &'a [f16],
    /// N·C·H·W.
    pub(super) images: &'a [f32],
    /// Where the scratch of Winograd convolutions starts in the arena.
    pub(super) scratch: usize,
    /// Room for transformed weights while training.
    pub(super) transformed: &'a mut [f32],
    /// What normalizations need of what the steps write, while training.
    pub(super) statistics: Option<&'a mut Statistics>,
    pub(super) n: usize,
    /// What dropout masks depend on besides the layer.
    pub(super) key: u64,
}

impl<'a> Run<'a> {
    /// A part of a step's packed weight, in the precision that it is kept in.
    pub(super) fn weights(&self, step: &Step, part: Range<usize>) -> Weights<'a> {
        let (parameters, halves) = (self.parameters, self.halves);
        match &step.half {
            Some(range) => Weights::Half(&halves[range.clone()][part]),
            None => Weights::Single(&parameters[step.weight.clone()][part]),
        }
    }
}

/// A pooling's windows, clipped to the map; divisors by PyTorch's rules for an average.
fn pool_window(window: &Window, input: Shape, output: Shape, average: Option<&AvgPool2d>) -> PoolWindow {
    let spans = |size: usize, out: usize, kernel: usize, stride: usize, padding: usize| {
        (0..out)
            .map(|i| {
                let start = i * stride;
                let end = (start + kernel).min(size + 2 * padding);
                let clipped = (start.saturating_sub(padding), (end - padding.min(end)).min(size));
                let whole = average.is_some_and(|pool| pool.count_include_pad);
                let divisor = if whole { end - start } else { clipped.1 - clipped.0 };
                (clipped.0, clipped.1, divisor)
            })
            .collect::<Vec<_>>()
    };
    let ((h, w), (oh, ow)) = (input.spatial(), output.spatial());
    PoolWindow::new(
        (h, w),
        &spans(h, oh, window.kernel.h, window.stride.h, window.padding.h),
        &spans(w, ow, window.kernel.w, window.stride.w, window.padding.w),
    )
}

fn adaptive_window(input: Shape, output: Shape) -> PoolWindow {
    let spans = |size: usize, out: usize| {
        let span = |i| adaptive_span(i, out, size);
        (0..out).map(span).map(|s| (s.start, s.end, s.len())).collect::<Vec<_>>()
    };
    let ((h, w), (oh, ow)) = (input.spatial(), output.spatial());
    PoolWindow::new((h, w), &spans(h, oh), &spans(w, ow))
}
