//! Conv2d, with what was fused into it.

mod backward;
mod choose;
mod cost;
mod walk;

use std::ops::Range;

use convnet_kernels::{
    self as kernels, Before, Border, Geometry, Group, Grouped, Igemm, Panels, Pointwise, Stem, View,
};

use self::choose::{Choice, ForwardKernel, Gradients, InputGradient, Problem, WeightGradient, Winograd};
use self::walk::{Walk, ZeroBorder, small_groups};
use super::{Bound, Kind, rectifier};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::loader::Loader;
use crate::cpu::matrix::Matrix;
use crate::cpu::run::{At, Forward};
use crate::graph::NodeId;
use crate::ops::Conv2d;
use crate::plan::{self, CompileError, Kernel, Mode, Needs, Plan, Slot, Stage};
use crate::weights::scale_and_shift;

/// A convolution bound to its kernels.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Conv {
    walk: Walk,
    /// Zeros above and to the left of the input.
    padding: (usize, usize),
    pub(in crate::cpu) matrix: Matrix,
    addend: Option<NodeId>,
    prologue: Option<Prologue>,
    /// Whether the weights are kept transformed by Winograd's algorithm.
    transformed: bool,
    forward: Choice<ForwardKernel>,
    gradients: Option<Gradients>,
}

/// What it does to what it reads.
#[derive(Clone, Debug, PartialEq)]
enum Prologue {
    /// Scale and shift, in the flat parameters, and whether ReLU follows them.
    Affine { range: Range<usize>, relu: bool },
    /// The product with its second input.
    Gate,
}

/// Floats of memory that a convolution needs while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cpu) struct Scratch {
    /// In the arena, for transformed tiles.
    pub(in crate::cpu) tiles: usize,
    /// For transformed weights or their gradients.
    pub(in crate::cpu) transformed: usize,
    /// For transposed weights, or the sums of a gradient's parts.
    pub(in crate::cpu) matrix: usize,
}

impl Scratch {
    /// What serves both, one after the other.
    pub(in crate::cpu) fn or(self, other: Self) -> Self {
        Self {
            tiles: self.tiles.max(other.tiles),
            transformed: self.transformed.max(other.transformed),
            matrix: self.matrix.max(other.matrix),
        }
    }
}

impl Conv {
    pub(super) fn bind(binder: &mut Binder<'_>, stage: &Stage, conv: &Conv2d) -> Bound {
        let (input, output) = (stage.shapes[0], binder.node(stage.node).shape);
        let Kernel::Conv { prologue, norm, addend } = stage.kernel else {
            unreachable!("a Conv2d is lowered to a convolution")
        };
        let (mode, allowed) = (binder.mode(), binder.allowed);
        let small = small_groups(conv, input, allowed.isa, mode == Mode::Train);
        let walk = Walk::new(conv, (input, output), binder.draft.is_dense(stage.inputs[0]), small);
        let matrix = Matrix::conv(allowed.isa, (walk.k(), walk.group_channels, walk.groups));
        let reads_images = mode == Mode::Infer && binder.draft.images_of(stage).is_some();
        let problem = Problem { conv, walk: &walk, shapes: (input, output), allowed, reads_images };
        let halved = allowed.half && allowed.batch == 1 && walk.small.is_none();
        let plain = addend.is_none() && prologue.is_none() && !halved;
        let forward = problem.forward(mode, plain);
        let gradients = (mode == Mode::Train && binder.draft.wants_gradient(stage.out)).then(|| {
            let learns = !binder.is_frozen(stage.node, 0);
            problem.gradients(binder.draft.wants_gradient(stage.inputs[0]), learns)
        });
        let learns = gradients.as_ref().is_some_and(|gradients| gradients.weight.is_some());
        let mut parameters = Parameters::default();
        // Inference keeps the transformed weights alone.
        let transformed = mode == Mode::Infer && matches!(forward.kernel, ForwardKernel::Winograd(_));
        match forward.kernel {
            ForwardKernel::Winograd(winograd) if transformed => {
                parameters.weight = binder.allocate(winograd.floats());
            }
            ForwardKernel::Rows | ForwardKernel::Igemm if halved => {
                parameters.half = Some(binder.allocate_half(matrix.len()));
            }
            _ => parameters.weight = binder.allocate_for(matrix.len(), binder.is_frozen(stage.node, 0)),
        }
        // A normalization is folded in training only where it and the convolution are frozen.
        let frozen = binder.is_frozen(stage.node, 1) || (mode == Mode::Train && norm.is_some());
        parameters.bias =
            (conv.bias || norm.is_some()).then(|| binder.allocate_for(conv.out_channels, frozen));
        let prologue = prologue.map(|prologue| match prologue {
            plan::Prologue::Norm { relu, .. } => {
                Prologue::Affine { range: binder.allocate(2 * input.channels()), relu }
            }
            plan::Prologue::Gate => Prologue::Gate,
        });
        let copied = walk.border.filter(|_| forward.kernel != ForwardKernel::Stem);
        let workspace =
            copied.map(|ZeroBorder { padded: (height, width), .. }| (height * width, input.channels()));
        let needs = binder.draft.needs(stage);
        let needs = Needs {
            workspace,
            reads_inputs: needs.reads_inputs && workspace.is_none() && learns,
            reads_workspace: workspace.is_some() && learns,
            reaches_all: gradients.as_ref().is_none_or(|gradients| gradients.reaches_all),
            ..needs
        };
        let padding = (conv.padding.h, conv.padding.w);
        let conv = Self { walk, padding, matrix, addend, prologue, transformed, forward, gradients };
        Bound { kind: Kind::Conv(Box::new(conv)), parameters, needs }
    }

    /// Writes the weights, a batch normalization or another scale folded into them.
    pub(super) fn load(&self, loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        let Kernel::Conv { prologue, norm, .. } = at.stage.kernel else { return Ok(()) };
        if let (Some(Prologue::Affine { range, .. }), Some(plan::Prologue::Norm { norm, .. })) =
            (&self.prologue, prologue)
        {
            let (scale, shift) = scale_and_shift(loader.graph, loader.source, norm)?;
            loader.parameters[range.clone()].copy_from_slice(&[scale, shift].concat());
        }
        let fold = norm.map(|id| scale_and_shift(loader.graph, loader.source, id)).transpose()?;
        let scale = fold.as_ref().map(|(scale, _)| scale.as_slice());
        match (self.forward.kernel, &at.parameters.half) {
            (_, Some(range)) => loader.pack_half(at, &self.matrix, range.clone(), scale)?,
            (ForwardKernel::Winograd(winograd), None) if self.transformed => {
                let Winograd { filtering, panels, .. } = winograd;
                let mut packed = vec![0.0; self.matrix.len()];
                loader.pack_to(at, &self.matrix, &mut packed, scale)?;
                let targets = loader.parameters[at.parameters.weight.clone()]
                    .chunks_exact_mut(winograd.floats_of_group().max(1));
                for (source, target) in packed.chunks_exact(self.matrix.panels.len().max(1)).zip(targets) {
                    let source = (source, self.matrix.panels);
                    kernels::winograd_weights(loader.pool, loader.isa, filtering, source, (target, panels));
                }
            }
            _ => loader.pack(at, &self.matrix, scale)?,
        }
        let Some(range) = at.parameters.bias.clone() else { return Ok(()) };
        loader.bias(at, range.clone())?;
        if let Some((scale, shift)) = &fold {
            for ((x, scale), shift) in loader.parameters[range].iter_mut().zip(scale).zip(shift) {
                *x = *x * scale + shift;
            }
        }
        Ok(())
    }

    pub(super) fn forward(&self, run: &mut Forward<'_>, at: At<'_>) {
        let (shape, slot) = (run.plan.shape(at.stage), run.plan.slot(at.stage.out));
        let addend = self.addend.map(|value| run.value(value, shape));
        match self.forward.kernel {
            ForwardKernel::Winograd(winograd) => return self.forward_winograd(run, at, winograd, addend),
            ForwardKernel::Grouped(group) => return self.forward_grouped(run, at, group, addend),
            ForwardKernel::Stem => {
                let (call, out) = (self.stem(run, at), run.output(at));
                return kernels::stem(run.pool, run.isa, run.arena, &call, out);
            }
            ForwardKernel::Rows | ForwardKernel::Igemm => {}
        }
        let before = self.prologue.as_ref().map(|prologue| match prologue {
            Prologue::Affine { range, relu } => {
                let (scale, shift) = run.parameters[range.clone()].split_at(self.walk.geometry.run);
                Before::Affine { scale, shift, relu: *relu }
            }
            Prologue::Gate => Before::Factors(run.input(at, 1)),
        });
        let whole = Igemm {
            geometry: &self.walk.geometry,
            batch: run.n,
            input: self.padded_input(run, at),
            weights: run.weights(at, 0..self.matrix.len()),
            panels: self.matrix.panels,
            bias: run.bias(at),
            addend,
            before,
            relu: rectifier(at.stage),
            out: run.output(at),
        };
        let groups = self.walk.groups;
        if groups > 1 && run.statistics.is_none() && self.forward.kernel == ForwardKernel::Igemm {
            return kernels::igemm_groups(run.pool, run.isa, run.arena, &whole, groups);
        }
        let (_, outer) = self.walk.group_channels;
        for g in 0..groups {
            let call = if groups == 1 { whole } else { whole.group(g, groups) };
            let part = Slot { channel: slot.channel + g * outer, channels: outer, ..slot };
            let statistics = run.statistics.as_mut().and_then(|statistics| statistics.of_mut(part));
            if self.forward.kernel == ForwardKernel::Rows {
                kernels::rows_product(run.pool, run.isa, run.arena, &call, statistics);
            } else {
                kernels::igemm(run.pool, run.isa, run.arena, &call, statistics);
            }
        }
    }

    /// Whether it can read the images as they are given: at once, or to copy them with a border.
    pub(in crate::cpu) fn takes_images(&self) -> bool {
        match self.forward.kernel {
            ForwardKernel::Stem => true,
            ForwardKernel::Rows | ForwardKernel::Igemm => self.walk.border.is_some(),
            ForwardKernel::Grouped(_) | ForwardKernel::Winograd(_) => false,
        }
    }

    /// The groups, where a kernel for small ones computes it.
    pub(in crate::cpu) fn small_groups(&self) -> Option<Group> {
        match self.forward.kernel {
            ForwardKernel::Grouped(group) => Some(group),
            ForwardKernel::Rows | ForwardKernel::Igemm | ForwardKernel::Stem | ForwardKernel::Winograd(_) => {
                None
            }
        }
    }

    /// Whether it is a product of each pixel by itself, and no more.
    pub(in crate::cpu) fn is_pointwise(&self, at: At<'_>) -> bool {
        let Geometry { input, run, .. } = self.walk.geometry;
        self.forward.kernel == ForwardKernel::Igemm
            && self.walk.groups == 1
            && self.prologue.is_none()
            && at.parameters.half.is_none()
            && self.walk.geometry == Geometry::pointwise(input, run)
    }

    /// Whether it reads the images as they are given, and no copy.
    pub(in crate::cpu) fn is_stem(&self) -> bool {
        self.forward.kernel == ForwardKernel::Stem
    }

    /// What is added to its sums.
    pub(in crate::cpu) fn addend(&self) -> Option<NodeId> {
        self.addend
    }

    /// Its walk over pixels, and the layout of its weights.
    pub(in crate::cpu) fn layout(&self) -> (&Geometry, Panels) {
        (&self.walk.geometry, self.matrix.panels)
    }

    /// The call of a kernel for small groups.
    pub(in crate::cpu) fn grouped<'a>(
        &'a self,
        run: &Forward<'a>,
        at: At<'_>,
        group: Group,
        (input, addend, out): (View, Option<View>, View),
    ) -> Grouped<'a> {
        Grouped {
            geometry: &self.walk.geometry,
            group,
            batch: run.n,
            input,
            weights: run.weight(at),
            panels: self.matrix.panels,
            bias: run.bias(at),
            addend,
            relu: rectifier(at.stage),
            out,
        }
    }

    /// Of a pointwise one, what it is beside one of small groups.
    pub(in crate::cpu) fn pointwise<'a>(&self, run: &Forward<'a>, at: At<'_>) -> Pointwise<'a> {
        Pointwise {
            weights: run.weight(at),
            panels: self.matrix.panels,
            bias: run.bias(at),
            relu: rectifier(at.stage),
        }
    }

    fn forward_grouped(&self, run: &mut Forward<'_>, at: At<'_>, group: Group, addend: Option<View>) {
        let call = self.grouped(run, at, group, (run.input(at, 0), addend, run.output(at)));
        let slot = run.plan.slot(at.stage.out);
        let statistics = run.statistics.as_mut().and_then(|statistics| statistics.of_mut(slot));
        kernels::grouped(run.pool, run.isa, run.arena, &call, statistics);
    }

    /// Of one that reads the images as they are given, the call of its kernel.
    pub(in crate::cpu) fn stem<'a>(&'a self, run: &Forward<'a>, at: At<'_>) -> Stem<'a> {
        Stem {
            geometry: &self.walk.geometry,
            border: self.walk.border.map_or(Border::NONE, ZeroBorder::sides),
            batch: run.n,
            channels: at.stage.shapes[0].channels(),
            images: run.images,
            weights: run.weight(at),
            panels: self.matrix.panels,
            bias: run.bias(at),
            relu: rectifier(at.stage),
        }
    }

    fn forward_winograd(&self, run: &mut Forward<'_>, at: At<'_>, winograd: Winograd, addend: Option<View>) {
        let Winograd { filtering, panels, groups } = winograd;
        let (weight, input, out) = (run.weight(at), run.input(at, 0), run.output(at));
        let weights = if self.transformed {
            weight
        } else {
            let target = &mut run.transformed[..winograd.floats()];
            let source = (weight, self.matrix.panels);
            kernels::winograd_weights(run.pool, run.isa, filtering, source, (&mut *target, panels));
            &*target
        };
        let call = kernels::Winograd {
            filtering,
            batch: run.n,
            input,
            input_size: at.stage.shapes[0].spatial(),
            padding: self.padding,
            weights,
            panels,
            bias: at.parameters.bias.clone().map(|range| &run.parameters[range]),
            addend,
            relu: rectifier(at.stage),
            out,
            output_size: run.plan.shape(at.stage).spatial(),
            scratch: run.winograd_at,
        };
        if groups > 1 {
            return kernels::winograd_groups(run.pool, run.isa, run.arena, &call, groups);
        }
        let slot = run.plan.slot(at.stage.out);
        let statistics = run.statistics.as_mut().and_then(|statistics| statistics.of_mut(slot));
        kernels::winograd(run.pool, run.isa, run.arena, &call, statistics);
    }

    /// The input that the convolution reads: with its border of zeros, where it needs one.
    fn padded_input(&self, run: &mut Forward<'_>, at: At<'_>) -> View {
        let (Some(border), Some(region)) = (self.walk.border, run.plan.workspace(at.index, run.n)) else {
            return run.input(at, 0);
        };
        let target = region.into();
        let sides = border.sides();
        let size = at.stage.shapes[0].spatial();
        // Of what has no place only the images are read with a border.
        if run.plan.passes(at.stage.inputs[0]) {
            kernels::from_nchw_padded(run.pool, run.isa, run.arena, run.images, size, sides, target);
        } else {
            let source = run.input(at, 0);
            kernels::pad(run.pool, run.arena, [source, target], size, sides, 0.0);
        }
        target
    }

    /// What the passes of the convolution need on so many threads.
    pub(in crate::cpu) fn scratch(&self, plan: &Plan, stage: &Stage, threads: usize) -> Scratch {
        let batch = plan.batch;
        let (input, output) = (stage.shapes[0].spatial(), plan.shape(stage).spatial());
        let by_tiles = |winograd: Winograd, size| {
            let Winograd { filtering, panels, groups } = winograd;
            let tiles = match groups {
                1 => kernels::winograd_scratch(threads, batch, filtering, size, panels),
                _ => kernels::winograd_groups_scratch(threads, batch, filtering, size, panels),
            };
            Scratch { tiles, transformed: winograd.floats(), matrix: 0 }
        };
        let forward = match self.forward.kernel {
            ForwardKernel::Winograd(winograd) => by_tiles(winograd, output),
            ForwardKernel::Rows | ForwardKernel::Igemm | ForwardKernel::Stem | ForwardKernel::Grouped(_) => {
                Scratch::default()
            }
        };
        let Some(Gradients { input: input_gradient, weight, .. }) = &self.gradients else { return forward };
        let beside = |floats| Scratch { matrix: floats, ..Scratch::default() };
        let inputs = match input_gradient.as_ref().map(|choice| &choice.kernel) {
            None => Scratch::default(),
            Some(InputGradient::Scatter) => beside(self.scattered_floats()),
            Some(InputGradient::Phases(phases)) => {
                beside(phases.iter().map(|phase| self.transposed(phase).len()).max().unwrap_or(0))
            }
            Some(InputGradient::Winograd(winograd)) => by_tiles(*winograd, input),
        };
        let weights = match weight.as_ref().map(|choice| choice.kernel) {
            Some(WeightGradient::Winograd(winograd)) => Scratch {
                tiles: kernels::winograd_gradient_scratch(batch, winograd.filtering, output, winograd.panels),
                transformed: winograd.floats(),
                matrix: 0,
            },
            Some(WeightGradient::Outer) => {
                beside(kernels::outer_scratch(&self.walk.geometry, batch, self.matrix.panels))
            }
            Some(WeightGradient::Rows | WeightGradient::Grouped(_)) | None => Scratch::default(),
        };
        forward.or(inputs).or(weights)
    }

    /// The forward kernel and its operands' sizes, and what it was chosen by.
    pub(in crate::cpu) fn describe(&self, isa: kernels::Isa, half: bool) -> (String, Option<f64>) {
        let numbers = if half { "f16" } else { "f32" };
        let groups = match self.walk.groups {
            1 => String::new(),
            groups => format!(", {groups} groups"),
        };
        let name = match self.forward.kernel {
            ForwardKernel::Winograd(winograd) => {
                let Panels { k, n, .. } = winograd.panels;
                format!("f32_{}_{isa} K={k} N={n}{groups}", winograd.name())
            }
            ForwardKernel::Grouped(group) => {
                let (k, n) = (self.matrix.panels.k, self.matrix.panels.n);
                format!("f32_{}_{isa} K={k} N={n}", name_of(group))
            }
            ForwardKernel::Stem => {
                let (k, n) = (self.matrix.panels.k, self.matrix.panels.n);
                format!("f32_stem_{isa} K={k} N={n}")
            }
            ForwardKernel::Rows | ForwardKernel::Igemm => {
                let kernel = if self.forward.kernel == ForwardKernel::Rows { "rows" } else { "igemm" };
                let (k, n) = (self.matrix.panels.k, self.matrix.panels.n);
                let rows = if self.walk.geometry.span > 1 { ", whole kernel rows" } else { "" };
                let border = if self.walk.border.is_some() { ", padded copy" } else { "" };
                format!("{numbers}_{kernel}_{isa} K={k} N={n}{groups}{rows}{border}")
            }
        };
        (name, self.forward.winograd_cost)
    }

    /// The kernels of the backward pass, each with what it was chosen by.
    pub(in crate::cpu) fn describe_backward(&self) -> Vec<String> {
        let Some(Gradients { input, weight, .. }) = &self.gradients else { return Vec::new() };
        let cost =
            |ratio: Option<f64>| ratio.map_or(String::new(), |ratio| format!(" (winograd {ratio:.2})"));
        let dx = input.as_ref().map(|choice| {
            let kernel = match &choice.kernel {
                InputGradient::Winograd(winograd) => winograd.name(),
                InputGradient::Scatter => "scatter".into(),
                InputGradient::Phases(phases) => {
                    let kernel = self.walk.small.map_or("igemm", name_of);
                    match phases.len() {
                        1 => kernel.into(),
                        count => format!("{kernel} in {count} phases"),
                    }
                }
            };
            format!("dx {kernel}{}", cost(choice.winograd_cost))
        });
        let dw = weight.as_ref().map(|choice| {
            let kernel = match choice.kernel {
                WeightGradient::Winograd(winograd) => winograd.name(),
                WeightGradient::Rows => "rows".into(),
                WeightGradient::Outer => "outer".into(),
                WeightGradient::Grouped(group) => name_of(group).into(),
            };
            format!("dW {kernel}{}", cost(choice.winograd_cost))
        });
        dx.into_iter().chain(dw).collect()
    }
}

/// What the kernel of small groups is called in listings.
fn name_of(group: Group) -> &'static str {
    if group == Group::DEPTHWISE { "depthwise" } else { "grouped" }
}
