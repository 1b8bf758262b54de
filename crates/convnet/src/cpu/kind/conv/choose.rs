//! The choice of a convolution's kernels.

use convnet_kernels::{Filtering, Group, Panels, along_rows, stem_suits};

use super::cost::{Pass, costs, ends};
use super::walk::{Phase, Walk, phases};
use crate::cpu::binder::Allowed;
use crate::graph::Shape;
use crate::ops::Conv2d;
use crate::plan::Mode;

/// A kernel, and what it was chosen by.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Choice<K> {
    pub(in crate::cpu) kernel: K,
    /// Where Winograd's algorithm fits, what the model of costs takes it to cost over the direct kernel: below 1 it is
    /// chosen.
    pub(in crate::cpu) winograd_cost: Option<f64>,
}

/// A convolution by Winograd's algorithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct Winograd {
    /// Rows and columns of the kernel and of a tile's outputs.
    pub(in crate::cpu) filtering: Filtering,
    /// The layout of one of the matrices of transformed weights of a group.
    pub(in crate::cpu) panels: Panels,
    /// Groups of channels: in inference alone more than one.
    pub(in crate::cpu) groups: usize,
}

impl Winograd {
    /// The algorithm with the sizes of outputs and kernel.
    pub(in crate::cpu) fn name(&self) -> String {
        let (outputs, kernel) = (self.filtering.outputs(), self.filtering.kernel());
        format!("winograd_{outputs}x{outputs}_{kernel}x{kernel}")
    }

    /// Floats of the transformed weights of a group.
    pub(in crate::cpu) fn floats_of_group(&self) -> usize {
        self.filtering.points() * self.panels.len()
    }

    /// Floats of the transformed weights.
    pub(in crate::cpu) fn floats(&self) -> usize {
        self.groups * self.floats_of_group()
    }
}

/// The kernel of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) enum ForwardKernel {
    /// Grey images to few channels: vectors along a row of pixels.
    Rows,
    /// Indirect GEMM.
    Igemm,
    /// The images as they are given.
    Stem,
    /// Small groups side by side.
    Grouped(Group),
    Winograd(Winograd),
}

/// The kernel of the input's gradient.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) enum InputGradient {
    /// Whole kernel rows, added where they were read.
    Scatter,
    /// Indirect GEMM, or a convolution of small groups, once for each phase of the stride.
    Phases(Vec<Phase>),
    /// A convolution of the output's gradient with the kernel back to front.
    Winograd(Winograd),
}

/// The kernel of the weights' gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) enum WeightGradient {
    /// Of grey images to few channels.
    Rows,
    /// Sums of outer products.
    Outer,
    /// Small groups side by side.
    Grouped(Group),
    Winograd(Winograd),
}

/// The kernels of a convolution's backward pass.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Gradients {
    /// `None` where the input's gradient is not wanted.
    pub(in crate::cpu) input: Option<Choice<InputGradient>>,
    /// `None` where the weights are frozen.
    pub(in crate::cpu) weight: Option<Choice<WeightGradient>>,
    /// Whether the input's gradient reaches every pixel.
    pub(in crate::cpu) reaches_all: bool,
}

/// A convolution whose kernels are to be chosen: its layer, its walk, and the shapes that it reads and writes.
pub(super) struct Problem<'a> {
    pub(super) conv: &'a Conv2d,
    pub(super) walk: &'a Walk,
    pub(super) shapes: (Shape, Shape),
    pub(super) allowed: Allowed,
    /// Whether it alone reads the images, and nothing keeps it from reading them as they are given.
    pub(super) reads_images: bool,
}

impl Problem<'_> {
    /// The kernel of the output; `plain` says that nothing is added to it and nothing done to what it reads, and that
    /// its weights are in single precision if it is a direct one.
    pub(super) fn forward(&self, mode: Mode, plain: bool) -> Choice<ForwardKernel> {
        let pass = match mode {
            Mode::Train => Pass::Forward,
            Mode::Infer | Mode::Trace if self.allowed.once => Pass::Once,
            Mode::Infer | Mode::Trace => Pass::Infer,
        };
        self.choose(pass, |winograd| match winograd {
            Some(winograd) => ForwardKernel::Winograd(winograd),
            None => match self.walk.small {
                Some(group) => ForwardKernel::Grouped(group),
                None if plain && self.along_rows() => ForwardKernel::Rows,
                None if plain && self.reads_images && self.is_stem() => ForwardKernel::Stem,
                None => ForwardKernel::Igemm,
            },
        })
    }

    /// The kernels of the gradients; that of the input only if it is `wanted`, and of the weights if they learn.
    pub(super) fn gradients(&self, wanted: bool, learns: bool) -> Gradients {
        let scatters = self.walk.border.is_none() && self.walk.geometry.span > 1;
        let (phases, complete) =
            if scatters { (Vec::new(), true) } else { phases(self.conv, self.shapes, self.walk.groups) };
        let input = |winograd: Option<Winograd>| match (winograd, <[Phase; 1]>::try_from(phases)) {
            _ if scatters => InputGradient::Scatter,
            (Some(winograd), Ok(_)) => InputGradient::Winograd(winograd),
            (None, Ok([phase])) => InputGradient::Phases(vec![phase]),
            (_, Err(phases)) => InputGradient::Phases(phases),
        };
        Gradients {
            input: wanted.then(|| self.choose(Pass::InputGradient, input)),
            weight: learns.then(|| {
                self.choose(Pass::WeightGradient, |winograd| match winograd {
                    Some(winograd) => WeightGradient::Winograd(winograd),
                    None => match self.walk.small {
                        Some(group) => WeightGradient::Grouped(group),
                        None if self.along_rows() => WeightGradient::Rows,
                        None => WeightGradient::Outer,
                    },
                })
            }),
            reaches_all: complete,
        }
    }

    fn along_rows(&self) -> bool {
        let (channels, columns) = self.walk.group_channels;
        along_rows(&self.walk.geometry, channels * self.walk.groups, columns)
    }

    fn is_stem(&self) -> bool {
        self.walk.groups == 1 && stem_suits(&self.walk.geometry, self.shapes.0.channels())
    }

    /// The kernel that `pick` makes of Winograd's algorithm, if that fits, may be chosen, and is the cheaper one.
    fn choose<K>(&self, pass: Pass, pick: impl FnOnce(Option<Winograd>) -> K) -> Choice<K> {
        let costs = costs(self.conv, self.shapes, self.allowed.batch, pass)
            .filter(|_| self.allowed.winograd && self.walk.small.is_none());
        let winograd = costs.filter(|costs| costs.prefer_winograd()).map(|costs| {
            let (from, to) = ends(self.shapes, pass);
            let groups = self.conv.groups;
            let panels = Panels::new(self.allowed.isa, from.channels() / groups, to.channels() / groups);
            Winograd { filtering: costs.filtering, panels, groups }
        });
        Choice { kernel: pick(winograd), winograd_cost: costs.map(super::cost::Costs::ratio) }
    }
}
