//! The backward pass: which gradients are written, added or zeroed first, and the kernels that do it.

use std::ops::Range;

use convnet_kernels::{
    self as kernels, Arena, BatchNormBackward, Igemm, LinearBackward, Outer, Panels, Pool, Scatter, Update,
    View, WeightGradient, Weights, Winograd, WinogradGradient,
};

use super::algorithm::{Pass, WINOGRAD_MATRICES, WinogradPlan, winograd_plan};
use super::conv::{Phase, phases};
use super::forward::{Kind, Program, Saved, Step};
use super::lower::Kernel;
use super::statistics::Statistics;
use super::storage::Slot;
use super::weights::Matrix;
use crate::graph::NodeId;
use crate::ops::Op;

/// The backward pass of one step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BackStep {
    /// Index of the forward step.
    pub(super) step: usize,
    /// Channels of the output's gradient that nobody wrote, zeroed first.
    pub(super) fill: Vec<Slot>,
    /// How the gradient of each input is written; `None` where it is not wanted.
    pub(super) inputs: Vec<Option<Write>>,
    /// The phases of a convolution's input gradient, and whether they reach every pixel.
    pub(super) phases: Vec<Phase>,
    /// Winograd's algorithm for a convolution's input gradient, where it is faster.
    pub(super) winograd: Option<WinogradPlan>,
    /// The same for its weight gradient.
    pub(super) winograd_weights: Option<WinogradPlan>,
}

/// How a gradient is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    /// Added to what is there, or put in its place.
    pub(super) accumulate: bool,
    /// Parts that nobody wrote yet, zeroed first, when other parts are there already.
    pub(super) fill: Vec<Slot>,
}

/// Which channels of each buffer's gradient are written already.
struct Written<'a> {
    program: &'a Program,
    channels: Vec<Vec<bool>>,
}

impl Written<'_> {
    /// Plans a write of a value's gradient.
    fn write(&mut self, slot: Slot) -> Write {
        let accumulate = self.channels[slot.buffer][slot.channel..][..slot.channels].iter().any(|&w| w);
        let fill = if accumulate { self.missing(slot) } else { Vec::new() };
        self.channels[slot.buffer][slot.channel..][..slot.channels].fill(true);
        Write { accumulate, fill }
    }

    /// The runs of a slot's channels that nobody wrote; they count as written from now on.
    fn missing(&mut self, slot: Slot) -> Vec<Slot> {
        let written = &mut self.channels[slot.buffer];
        let mut runs: Vec<Slot> = Vec::new();
        for channel in slot.channel..slot.channel + slot.channels {
            if !std::mem::replace(&mut written[channel], true) {
                match runs.last_mut() {
                    Some(run) if run.channel + run.channels == channel => run.channels += 1,
                    _ => runs.push(Slot { buffer: slot.buffer, channel, channels: 1 }),
                }
            }
        }
        runs
    }

    fn slot(&self, value: NodeId) -> Slot {
        self.program.storage.slot(value)
    }
}

/// The backward pass of a program, and how the gradient of each of `outputs` is written by the loss.
pub(super) fn plan(program: &Program, outputs: &[NodeId]) -> (Vec<Write>, Vec<BackStep>) {
    let wanted = wanted(program);
    let channels = program.storage.buffers.iter().map(|b| vec![false; b.channels]).collect();
    let mut written = Written { program, channels };
    let losses = outputs.iter().map(|&value| written.write(written.slot(value))).collect();
    let mut back = Vec::new();
    for (index, step) in program.steps.iter().enumerate().rev() {
        if !wanted[step.stage.out.index()] {
            continue;
        }
        let fill = written.missing(written.slot(step.stage.out));
        let mut phase_list = Vec::new();
        let mut complete = true;
        let (mut winograd, mut winograd_weights) = (None, None);
        if let (Kernel::Conv { .. }, Op::Conv2d(conv)) =
            (&step.stage.kernel, &program.graph.node(step.stage.node).op)
        {
            let shapes = (step.stage.shapes[0], program.graph.node(step.stage.node).shape);
            if !scatters(&step.kind) {
                (phase_list, complete) = phases(conv, shapes.0, shapes.1);
            }
            let choose = |pass, wanted: bool| {
                winograd_plan(program.isa, conv, shapes, program.batch, pass)
                    .filter(|_| program.winograd && wanted)
            };
            winograd = choose(Pass::InputGradient, wanted[step.stage.inputs[0].index()]);
            winograd_weights = choose(Pass::WeightGradient, true);
        }
        let inputs = (0..step.stage.inputs.len())
            .map(|i| {
                let value = step.stage.inputs[i];
                let placed = step.stage.kernel == Kernel::Concat
                    && program.storage.copies(step.stage.out).iter().all(|&(copied, _)| copied != i);
                if !wanted[value.index()] || placed {
                    return None;
                }
                let slot = written.slot(value);
                let mut write = written.write(slot);
                if !complete && !write.accumulate {
                    write = Write { accumulate: true, fill: vec![slot] };
                }
                Some(write)
            })
            .collect();
        back.push(BackStep { step: index, fill, inputs, phases: phase_list, winograd, winograd_weights });
    }
    (losses, back)
}

/// Whether a convolution's input gradient is scattered by kernel row: those that read a thin input in place.
pub(super) fn scatters(kind: &Kind) -> bool {
    matches!(kind, Kind::Conv { plan, padded: None, .. } if plan.geometry.span > 1)
}

/// Which values depend on a parameter, so that their gradient is wanted.
fn wanted(program: &Program) -> Vec<bool> {
    let mut wanted = vec![false; program.graph.nodes().len()];
    for step in &program.steps {
        let own = program.graph.node_parameters(step.stage.node).iter().any(|spec| spec.kind.trainable());
        wanted[step.stage.out.index()] = own || step.stage.inputs.iter().any(|i| wanted[i.index()]);
    }
    wanted
}

/// What a backward pass works on.
pub(super) struct BackRun<'a> {
    pub(super) pool: &'a Pool,
    pub(super) arena: &'a mut Arena,
    /// Where each buffer starts, and where its gradient does.
    pub(super) offsets: &'a [usize],
    pub(super) gradients_at: &'a [usize],
    pub(super) parameters: &'a mut [f32],
    /// Gradients of the parameters, laid out like them.
    pub(super) gradients: &'a mut [f32],
    /// How a Linear's weights are updated on the way, instead of writing their gradient.
    pub(super) update: Option<Update>,
    /// What the update keeps, laid out like the parameters.
    pub(super) moments: [&'a mut [f32]; 2],
    /// Room for transposed weights.
    pub(super) scratch: &'a mut [f32],
    /// Where the scratch of Winograd convolutions starts in the arena, and room for transformed weights.
    pub(super) winograd_at: usize,
    pub(super) transformed: &'a mut [f32],
    pub(super) statistics: &'a Statistics,
    pub(super) n: usize,
    pub(super) key: u64,
}

impl Program {
    /// The longest transposed weights of the backward pass.
    pub(super) fn scratch(&self, back: &[BackStep]) -> usize {
        let size = |b: &BackStep| match &self.steps[b.step].kind {
            Kind::Conv { matrix, plan, .. } if scatters(&self.steps[b.step].kind) => {
                plan.geometry.taps.len() * transposed(self.isa, 1, matrix, plan.geometry.run).len()
            }
            Kind::Conv { matrix, plan, .. } => {
                let phase =
                    |p: &Phase| transposed(self.isa, p.taps.len(), matrix, plan.group_channels.0).len();
                b.phases.iter().map(phase).max().unwrap_or(0)
            }
            _ => 0,
        };
        back.iter().map(size).max().unwrap_or(0)
    }

    /// Zeroes parts of gradients.
    pub(super) fn fill(&self, run: &mut BackRun<'_>, parts: &[Slot]) {
        for &slot in parts {
            let buffer = self.storage.buffers[slot.buffer];
            let view = View {
                offset: run.gradients_at[slot.buffer] + slot.channel,
                pixels: run.n * buffer.pixels,
                channels: slot.channels,
                stride: buffer.stride,
            };
            kernels::fill(run.pool, self.isa, run.arena, view, 0.0);
        }
    }

    /// Runs the backward pass of one step.
    pub(super) fn backward(&self, run: &mut BackRun<'_>, back: &BackStep, saved: &Saved) {
        let step = &self.steps[back.step];
        let stage = &step.stage;
        let (pool, isa, n) = (run.pool, self.isa, run.n);
        let shape = self.graph.node(stage.out).shape;
        let out = self.view(run.offsets, stage.out, shape, n);
        let dy = self.view(run.gradients_at, stage.out, shape, n);
        let x = |run: &BackRun<'_>, i: usize| self.view(run.offsets, stage.inputs[i], stage.shapes[i], n);
        let dx =
            |run: &BackRun<'_>, i: usize| self.view(run.gradients_at, stage.inputs[i], stage.shapes[i], n);
        self.fill(run, &back.fill);
        for write in back.inputs.iter().flatten() {
            self.fill(run, &write.fill);
        }
        if step.masks_by_output() {
            kernels::relu_backward(pool, isa, run.arena, out, dy);
        }
        let first = back.inputs.first().and_then(Option::as_ref).map(|write| write.accumulate);
        match &step.kind {
            Kind::Input => {}
            Kind::Conv { .. } => self.conv_backward(run, back, step, dy),
            Kind::Linear { matrix, .. } => {
                self.bias_gradient(run, step.bias.clone(), dy);
                let call = LinearBackward {
                    panels: matrix.panels,
                    input: x(run, 0),
                    output_gradient: dy,
                    input_gradient: first.map(|accumulate| (dx(run, 0), accumulate)),
                };
                let weights = &mut run.parameters[step.weight.clone()];
                let target = match run.update {
                    Some(update) => {
                        let moments = part(&mut run.moments, &step.weight);
                        WeightGradient::Apply { update, weights, moments }
                    }
                    None => {
                        let gradient = &mut run.gradients[step.weight.clone()];
                        WeightGradient::Write { weights, gradient }
                    }
                };
                kernels::linear_backward(pool, isa, run.arena, &call, target);
            }
            Kind::BatchNorm { .. } => {
                let [mean, _] = run.statistics.of(self.storage.slot(stage.inputs[0]));
                let call = BatchNormBackward {
                    input: x(run, 0),
                    output_gradient: dy,
                    input_gradient: first.map(|accumulate| (dx(run, 0), accumulate)),
                    weight: &run.parameters[step.weight.clone()],
                    mean,
                    inverse: &saved.inverse,
                    scale: &saved.scale,
                    shift: &saved.shift,
                    relu: stage.relu,
                };
                let bias = step.bias.clone().unwrap_or_default();
                let (head, tail) = run.gradients.split_at_mut(bias.start);
                let gradients = [&mut head[step.weight.clone()], &mut tail[..bias.len()]];
                kernels::batch_norm_backward(pool, isa, run.arena, &call, gradients);
            }
            Kind::Concat => {
                for &(i, channel) in self.storage.copies(stage.out) {
                    if let Some(write) = &back.inputs[i] {
                        let source = dy.slice(channel, stage.shapes[i].channels());
                        let target = dx(run, i);
                        pass(run, isa, source, target, write.accumulate);
                    }
                }
            }
            Kind::Add => {
                for (i, write) in back.inputs.iter().enumerate() {
                    if let Some(write) = write {
                        let target = dx(run, i);
                        pass(run, isa, dy, target, write.accumulate);
                    }
                }
            }
            _ => {
                if let Some(accumulate) = first {
                    let views = [x(run, 0), out, dy, dx(run, 0)];
                    self.plain_backward(run, step, views, saved, accumulate);
                }
            }
        }
    }

    /// Steps with one input and nothing to train; `views` are the input, the output and their gradients,
    /// output first.
    fn plain_backward(
        &self,
        run: &mut BackRun<'_>,
        step: &Step,
        [x, y, dy, dx]: [View; 4],
        saved: &Saved,
        accumulate: bool,
    ) {
        let (pool, isa) = (run.pool, self.isa);
        let arena = &mut *run.arena;
        match &step.kind {
            Kind::Activation(kind) => {
                kernels::activation_backward(pool, isa, arena, *kind, [y, dy, dx], accumulate);
            }
            Kind::MaxPool(window) => {
                let argmax = &saved.argmax[..dy.pixels * dy.channels];
                kernels::max_pool_backward(pool, isa, arena, window, [dy, dx], argmax, accumulate);
            }
            Kind::AvgPool(window) => {
                kernels::avg_pool_backward(pool, isa, arena, window, [dy, dx], accumulate);
            }
            Kind::LocalResponse(norm) => {
                kernels::local_response_backward(pool, isa, arena, *norm, [x, dy, dx], accumulate);
            }
            Kind::Softmax => kernels::softmax_backward(arena, [y, dy, dx], accumulate),
            Kind::LogSoftmax => kernels::log_softmax_backward(arena, [y, dy, dx], accumulate),
            Kind::Pad(border, _) => {
                let size = step.stage.shapes[0].spatial();
                kernels::pad_backward(pool, arena, [dy, dx], size, *border, accumulate);
            }
            Kind::Affine => {
                let scale = &run.parameters[step.weight.clone()];
                kernels::affine_backward(pool, isa, arena, [dy, dx], scale, accumulate);
            }
            Kind::Dropout { p, whole } => {
                let mask = self.mask(run.key, step.stage.out, (*p, *whole), dy);
                kernels::dropout(pool, isa, arena, mask, [dy, dx], accumulate);
            }
            Kind::Flatten { map } => kernels::flatten_backward(arena, *map, [dy, dx], accumulate),
            Kind::Copy => pass(run, isa, dy, dx, accumulate),
            Kind::Input
            | Kind::Conv { .. }
            | Kind::Linear { .. }
            | Kind::BatchNorm { .. }
            | Kind::Concat
            | Kind::Add => unreachable!("steps with parameters or several inputs have their own arm"),
        }
    }

    fn conv_backward(&self, run: &mut BackRun<'_>, back: &BackStep, step: &Step, dy: View) {
        let Kind::Conv { plan, matrix, .. } = &step.kind else { return };
        let (pool, isa, n) = (run.pool, self.isa, run.n);
        let (inner, outer) = plan.group_channels;
        let input = self.conv_input(run.offsets, step, n);
        if let Some(WinogradPlan { kernel, panels }) = back.winograd_weights {
            let call = WinogradGradient {
                kernel,
                batch: n,
                input: self.view(run.offsets, step.stage.inputs[0], step.stage.shapes[0], n),
                input_size: step.stage.shapes[0].spatial(),
                padding: self.padding(step),
                output_gradient: dy,
                output_size: self.graph.node(step.stage.node).shape.spatial(),
                panels,
                scratch: run.winograd_at,
            };
            let products = &mut run.transformed[..WINOGRAD_MATRICES * panels.len()];
            let gradient = (&mut run.gradients[step.weight.clone()], matrix.panels);
            kernels::winograd_gradient(pool, isa, run.arena, &call, products, gradient);
        }
        for g in (0..plan.groups).filter(|_| back.winograd_weights.is_none()) {
            let call = Outer {
                geometry: &plan.geometry,
                batch: n,
                input: input.slice(g * inner, inner),
                output_gradient: dy.slice(g * outer, outer),
                panels: matrix.panels,
            };
            let gradient = &mut run.gradients[step.weight.clone()][matrix.group(g)];
            kernels::outer(pool, isa, run.arena, &call, gradient);
        }
        self.bias_gradient(run, step.bias.clone(), dy);
        let Some(Some(write)) = back.inputs.first() else { return };
        let dx = self.view(run.gradients_at, step.stage.inputs[0], step.stage.shapes[0], n);
        if scatters(&step.kind) {
            let geometry = &plan.geometry;
            let panels = transposed(isa, 1, matrix, geometry.run);
            let weights = &run.parameters[step.weight.clone()];
            for (tap, target) in
                run.scratch.chunks_exact_mut(panels.len()).enumerate().take(geometry.taps.len())
            {
                kernels::transpose(
                    pool,
                    isa,
                    (weights, matrix.panels),
                    geometry.run,
                    &[tap],
                    (target, panels),
                );
            }
            let call = Scatter {
                geometry,
                batch: n,
                output_gradient: dy,
                weights: &run.scratch[..geometry.taps.len() * panels.len()],
                panels,
                input_gradient: dx,
                accumulate: write.accumulate,
            };
            kernels::scatter(pool, isa, run.arena, &call);
            return;
        }
        if let (Some(WinogradPlan { kernel, panels: to }), [phase]) = (back.winograd, &back.phases[..]) {
            let panels = transposed(isa, phase.taps.len(), matrix, inner);
            let flipped = &mut run.scratch[..panels.len()];
            let weights = &run.parameters[step.weight.clone()];
            kernels::transpose(
                pool,
                isa,
                (weights, matrix.panels),
                inner,
                &flip(&phase.taps),
                (flipped, panels),
            );
            let target = &mut run.transformed[..WINOGRAD_MATRICES * to.len()];
            let source = (&run.scratch[..panels.len()], panels);
            kernels::winograd_weights(pool, isa, kernel, source, (&mut *target, to));
            let padding = self.padding(step);
            let call = Winograd {
                kernel,
                batch: n,
                input: dy,
                input_size: self.graph.node(step.stage.node).shape.spatial(),
                padding: (kernel - 1 - padding.0, kernel - 1 - padding.1),
                weights: target,
                panels: to,
                bias: None,
                addend: write.accumulate.then_some(dx),
                relu: false,
                out: dx,
                output_size: step.stage.shapes[0].spatial(),
                scratch: run.winograd_at,
            };
            kernels::winograd(pool, isa, run.arena, &call, None);
            return;
        }
        for phase in &back.phases {
            let panels = transposed(isa, phase.taps.len(), matrix, inner);
            for g in 0..plan.groups {
                let weights = &run.parameters[step.weight.clone()][matrix.group(g)];
                let target = &mut run.scratch[..panels.len()];
                kernels::transpose(pool, isa, (weights, matrix.panels), inner, &phase.taps, (target, panels));
                let views = (dy.slice(g * outer, outer), dx.slice(g * inner, inner));
                product(run, isa, (&phase.geometry, panels, n), views, write.accumulate);
            }
        }
    }

    fn bias_gradient(&self, run: &mut BackRun<'_>, bias: Option<Range<usize>>, dy: View) {
        if let Some(range) = bias {
            kernels::column_sums(run.pool, self.isa, run.arena, dy, &mut run.gradients[range]);
        }
    }
}

/// A range of the optimizer's buffers; those that it does not keep are empty.
pub(super) fn part<'a>(moments: &'a mut [&mut [f32]; 2], range: &Range<usize>) -> [&'a mut [f32]; 2] {
    moments.each_mut().map(|moment| moment.get_mut(range.clone()).unwrap_or_default())
}

/// The panels of the transposed weights of a phase.
fn transposed(isa: convnet_kernels::Isa, blocks: usize, matrix: &Matrix, run: usize) -> Panels {
    Panels::new(isa, blocks * matrix.panels.n, run)
}

/// The kernel elements of an input gradient's only phase, in the order of a convolution over the output's
/// gradient: back to front.
fn flip(taps: &[usize]) -> Vec<usize> {
    taps.iter().rev().copied().collect()
}

/// out (+)= what `geometry` reads from `input`, times the transposed weights in the scratch.
fn product(
    run: &mut BackRun<'_>,
    isa: convnet_kernels::Isa,
    (geometry, panels, n): (&convnet_kernels::Geometry, Panels, usize),
    (input, out): (View, View),
    accumulate: bool,
) {
    let call = Igemm {
        geometry,
        batch: n,
        input,
        weights: Weights::Single(&run.scratch[..panels.len()]),
        panels,
        bias: None,
        addend: accumulate.then_some(out),
        before: None,
        relu: false,
        out,
    };
    kernels::igemm(run.pool, isa, run.arena, &call, None);
}

/// target (+)= source.
fn pass(run: &mut BackRun<'_>, isa: convnet_kernels::Isa, source: View, target: View, accumulate: bool) {
    if accumulate {
        kernels::accumulate(run.pool, isa, run.arena, source, target);
    } else {
        kernels::copy(run.pool, isa, run.arena, source, target);
    }
}
