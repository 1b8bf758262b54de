//! Running convolutions: direct or by Winograd, on a copy with a border or in place.

use convnet_kernels::{self as kernels, Arena, Before, Igemm, Pool, View, Winograd};

use super::algorithm::{WINOGRAD_MATRICES, WinogradPlan};
use super::backward::BackStep;
use super::conv::{Border, ConvPlan};
use super::forward::{Kind, Program, Run, Step};
use super::lower::Mode;
use super::storage::Slot;
use crate::graph::Shape;
use crate::ops::Op;

impl Program {
    /// Runs a convolution step, and computes the statistics of what it writes on the way.
    pub(super) fn convolve(&self, run: &mut Run<'_>, step: &Step) {
        let Kind::Conv { plan, padded, matrix, addend, before, winograd } = &step.kind else { return };
        let stage = &step.stage;
        let (pool, isa, n) = (run.pool, self.isa, run.n);
        let shape = self.graph.node(stage.out).shape;
        let slot = self.storage.slot(stage.out);
        let out = self.view(run.offsets, stage.out, shape, n);
        let input = self.view(run.offsets, stage.inputs[0], stage.shapes[0], n);
        let bias = step.bias.clone().map(|range| &run.parameters[range]);
        let weight = &run.parameters[step.weight.clone()];
        let addend = addend.map(|value| self.view(run.offsets, value, shape, n));
        if let Some(WinogradPlan { kernel, panels }) = *winograd {
            let weights = if self.mode == Mode::Train {
                let target = &mut run.transformed[..WINOGRAD_MATRICES * panels.len()];
                kernels::winograd_weights(pool, isa, kernel, (weight, matrix.panels), (&mut *target, panels));
                &*target
            } else {
                weight
            };
            let call = Winograd {
                kernel,
                batch: n,
                input,
                input_size: stage.shapes[0].spatial(),
                padding: self.padding(step),
                weights,
                panels,
                bias,
                addend,
                relu: stage.relu,
                out,
                output_size: shape.spatial(),
                scratch: run.scratch,
            };
            let statistics = run.statistics.as_mut().and_then(|statistics| statistics.of_mut(slot));
            kernels::winograd(pool, isa, run.arena, &call, statistics);
            return;
        }
        let before = before.clone().map(|(range, relu)| {
            let (scale, shift) = run.parameters[range].split_at(plan.geometry.run);
            Before { scale, shift, relu }
        });
        let place = (plan, *padded);
        let source = self.pad(pool, run.arena, run.offsets, place, (input, stage.shapes[0]), n);
        for g in 0..plan.groups {
            let (inner, outer) = plan.group_channels;
            let slice = |view: View| view.slice(g * outer, outer);
            let call = Igemm {
                geometry: &plan.geometry,
                batch: n,
                input: source.slice(g * inner, inner),
                weights: run.weights(step, matrix.group(g)),
                panels: matrix.panels,
                bias: bias.map(|b| &b[g * outer..(g + 1) * outer]),
                addend: addend.map(slice),
                before,
                relu: stage.relu,
                out: slice(out),
            };
            let part = Slot { channel: slot.channel + g * outer, channels: outer, ..slot };
            let statistics = run.statistics.as_mut().and_then(|statistics| statistics.of_mut(part));
            kernels::igemm(pool, isa, run.arena, &call, statistics);
        }
    }

    /// Zeros above and to the left of a convolution's input.
    pub(super) fn padding(&self, step: &Step) -> (usize, usize) {
        match &self.graph.node(step.stage.node).op {
            Op::Conv2d(conv) => (conv.padding.h, conv.padding.w),
            _ => (0, 0),
        }
    }

    /// The input that a convolution reads: with its border of zeros, where it needs one.
    fn pad(
        &self,
        pool: &Pool,
        arena: &mut Arena,
        offsets: &[usize],
        (plan, padded): (&ConvPlan, Option<Slot>),
        (source, shape): (View, Shape),
        n: usize,
    ) -> View {
        let (Some(border), Some(slot)) = (plan.border, padded) else { return source };
        let (height, width) = border.padded;
        let target = View::dense(offsets[slot.buffer], n * height * width, source.channels);
        let Border { rows, columns, .. } = border;
        let sides = kernels::Border { top: rows, bottom: rows, left: columns, right: columns };
        kernels::pad(pool, arena, [source, target], shape.spatial(), sides, 0.0);
        target
    }

    /// What a convolution's weight gradient reads: the input, or its padded copy from the forward pass.
    pub(super) fn conv_input(&self, offsets: &[usize], step: &Step, n: usize) -> View {
        if let Kind::Conv { plan, padded: Some(slot), .. } = &step.kind
            && let Some(border) = plan.border
        {
            let pixels = n * border.padded.0 * border.padded.1;
            return View::dense(offsets[slot.buffer], pixels, slot.channels);
        }
        self.view(offsets, step.stage.inputs[0], step.stage.shapes[0], n)
    }

    /// Floats of the arena that Winograd convolutions need for a batch, and of their transformed weights while
    /// training.
    pub(super) fn winograd_room(&self, threads: usize, batch: usize, back: &[BackStep]) -> (usize, usize) {
        let size = |step: &Step| self.graph.node(step.stage.out).shape.spatial();
        let scratch = |plan: WinogradPlan, size: (usize, usize)| {
            (kernels::winograd_scratch(threads, batch, plan.kernel, size, plan.panels), plan.panels)
        };
        let forward = self.steps.iter().filter_map(|step| match &step.kind {
            Kind::Conv { winograd: Some(plan), .. } => Some(scratch(*plan, size(step))),
            _ => None,
        });
        let inputs = back.iter().filter_map(|back| {
            let size = self.steps[back.step].stage.shapes[0].spatial();
            back.winograd.map(|plan| scratch(plan, size))
        });
        let weights = back.iter().filter_map(|back| {
            let WinogradPlan { kernel, panels } = back.winograd_weights?;
            let size = size(&self.steps[back.step]);
            Some((kernels::winograd_gradient_scratch(batch, kernel, size, panels), panels))
        });
        forward.chain(inputs).chain(weights).fold((0, 0), |(arena, matrices), (floats, panels)| {
            (arena.max(floats), matrices.max(WINOGRAD_MATRICES * panels.len()))
        })
    }
}
