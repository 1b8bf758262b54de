//! Plans as text, and where the time of a step goes.

use std::fmt;
use std::time::Duration;

use convnet_kernels::{Activation, along_rows};

use super::algorithm::{Costs, Pass, WinogradPlan, costs};
use super::backward::{BackStep, scatters};
use super::forward::{Kind, Program, Step};
use super::lower::Kernel;
use crate::graph::{NodeId, Shape};
use crate::ops::Op;

/// One kernel call of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanStep {
    /// The layers that it computes: `conv1 + bn1 + relu`.
    pub layers: String,
    /// The kernel and its operands' sizes.
    pub kernel: String,
    /// Of a convolution that Winograd's algorithm fits, what the model that chooses takes it to cost over the direct
    /// kernel: below 1 it is chosen.
    pub winograd_cost: Option<f64>,
    /// While training, the kernels of the backward pass, with the same figure; empty where there is none.
    pub backward: String,
    /// Its output's shape for one image.
    pub output: Shape,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Bytes of activations that one image reads and writes.
    pub activation_bytes: u64,
    /// Bytes of weights.
    pub weight_bytes: u64,
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.layers, self.kernel, self.output)
    }
}

/// The time of training steps, by part.
#[derive(Clone, Debug, Default)]
pub struct StepTimes {
    /// Of each step of the plan, forward.
    pub forward: Vec<Duration>,
    /// Of each step of the plan, backward.
    pub backward: Vec<Duration>,
    /// Of the optimizer's update.
    pub update: Duration,
}

impl Program {
    /// The plan's steps.
    pub(super) fn describe(&self) -> Vec<PlanStep> {
        self.steps.iter().map(|step| self.describe_step(step)).collect()
    }

    fn describe_step(&self, step: &Step) -> PlanStep {
        let mut fused: Vec<NodeId> = self.graph.ids().filter(|id| self.fused_into(*id, step)).collect();
        if let Kernel::Conv { before: Some(before), .. } = step.stage.kernel {
            let read = self.graph.node(step.stage.node).inputs[0];
            let mut ahead = vec![before.norm, read];
            ahead.dedup();
            fused.splice(0..0, ahead);
        }
        let macs = |id: &NodeId| {
            let node = self.graph.node(*id);
            node.op.macs(&self.graph.input_shapes(*id), node.shape)
        };
        let output = self.graph.node(step.stage.out).shape;
        let read: usize = step.stage.shapes.iter().map(|s| s.elements()).sum();
        let weights = step.weight.len() + step.bias.as_ref().map_or(0, ExactSizeIterator::len);
        let halves = step.half.as_ref().map_or(0, ExactSizeIterator::len);
        PlanStep {
            layers: fused.iter().map(|&id| self.graph.node(id).path.as_str()).collect::<Vec<_>>().join(" + "),
            kernel: self.kernel_name(step),
            winograd_cost: self.winograd_cost(step, self.forward_pass()),
            backward: String::new(),
            output,
            macs: fused.iter().map(macs).sum(),
            activation_bytes: 4 * (read + output.elements()) as u64,
            weight_bytes: (4 * weights + 2 * halves) as u64,
        }
    }

    /// What the model takes Winograd's algorithm to cost over the direct kernel.
    fn winograd_cost(&self, step: &Step, pass: Pass) -> Option<f64> {
        let node = self.graph.node(step.stage.node);
        let Op::Conv2d(conv) = &node.op else { return None };
        let costs = costs(conv, (step.stage.shapes[0], node.shape), self.batch, pass);
        costs.filter(|_| self.winograd).map(Costs::ratio)
    }

    /// Whether a direct convolution takes the kernel for grey images.
    fn goes_along_rows(&self, step: &Step) -> bool {
        let Kind::Conv { plan, matrix, addend: None, before: None, .. } = &step.kind else { return false };
        let channels = plan.group_channels.0 * plan.groups;
        step.half.is_none() && along_rows(&plan.geometry, channels, matrix.panels.n)
    }

    /// The kernels of a step's backward pass.
    pub(super) fn describe_backward(&self, back: &BackStep) -> String {
        let step = &self.steps[back.step];
        let input = back.inputs.iter().any(Option::is_some);
        let cost = |pass| {
            self.winograd_cost(step, pass).map_or(String::new(), |ratio| format!(" (winograd {ratio:.2})"))
        };
        let parts = match &step.kind {
            Kind::Input => return String::new(),
            Kind::Conv { .. } => {
                let dx = match (&back.winograd, back.phases.len()) {
                    (Some(_), _) => "winograd".into(),
                    (None, _) if scatters(&step.kind) => "scatter".into(),
                    (None, 1) => "igemm".into(),
                    (None, phases) => format!("igemm in {phases} phases"),
                };
                let dw = match &back.winograd_weights {
                    Some(_) => "winograd",
                    None if self.goes_along_rows(step) => "rows",
                    None => "outer",
                };
                let dx = input.then(|| format!("dx {dx}{}", cost(Pass::InputGradient)));
                [dx, Some(format!("dW {dw}{}", cost(Pass::WeightGradient)))]
            }
            Kind::Linear { .. } if input => [Some("dx and dW in one pass over the weights".into()), None],
            Kind::Linear { .. } => [Some("dW".into()), None],
            Kind::Concat if self.storage.copies(step.stage.out).is_empty() => [Some("in place".into()), None],
            _ => [Some(format!("{}_backward", self.kind_name(step))), None],
        };
        let mask = (step.masks_by_output()).then(|| "relu mask".into());
        [mask].into_iter().chain(parts).flatten().collect::<Vec<String>>().join(", ")
    }

    /// Whether a layer is part of a step: its first layer, its last, or one between them.
    fn fused_into(&self, id: NodeId, step: &Step) -> bool {
        let chain = self.lowered.value[id.index()] == Some(step.stage.out);
        chain && (id == step.stage.node || (id > step.stage.node && id <= step.stage.out))
    }

    fn kernel_name(&self, step: &Step) -> String {
        let name = self.kind_name(step);
        if step.stage.relu { format!("{name} + relu") } else { name }
    }

    fn kind_name(&self, step: &Step) -> String {
        let isa = self.isa;
        let numbers = if step.half.is_some() { "f16" } else { "f32" };
        match &step.kind {
            Kind::Input => "from_nchw".into(),
            Kind::Conv { winograd: Some(WinogradPlan { kernel, panels }), .. } => {
                let side = 7 - kernel;
                format!("f32_winograd_{side}x{side}_{kernel}x{kernel}_{isa} K={} N={}", panels.k, panels.n)
            }
            Kind::Conv { plan, matrix, padded, .. } => {
                let (k, n) = (matrix.panels.k, matrix.panels.n);
                let rows = if plan.geometry.span > 1 { ", whole kernel rows" } else { "" };
                let kernel = if self.goes_along_rows(step) { "rows" } else { "igemm" };
                let border = if padded.is_some() { ", padded copy" } else { "" };
                let groups =
                    if plan.groups > 1 { format!(", {} groups", plan.groups) } else { String::new() };
                format!("{numbers}_{kernel}_{isa} K={k} N={n}{groups}{rows}{border}")
            }
            Kind::Linear { matrix, .. } => {
                format!("{numbers}_igemm_{isa} K={} N={}", matrix.panels.k, matrix.panels.n)
            }
            Kind::BatchNorm { .. } => "batch_norm".into(),
            Kind::Affine => "affine".into(),
            Kind::Activation(kind) => match kind {
                Activation::Relu => "relu",
                Activation::LeakyRelu { .. } => "leaky_relu",
                Activation::Hardtanh { .. } => "hardtanh",
                Activation::Sigmoid => "sigmoid",
                Activation::Tanh => "tanh",
            }
            .into(),
            Kind::MaxPool(_) => "max_pool".into(),
            Kind::AvgPool(_) => "avg_pool".into(),
            Kind::LocalResponse(_) => "local_response".into(),
            Kind::Softmax => "softmax".into(),
            Kind::LogSoftmax => "log_softmax".into(),
            Kind::Pad(..) => "pad".into(),
            Kind::Dropout { .. } => "dropout".into(),
            Kind::Concat if self.storage.copies(step.stage.out).is_empty() => "in place".into(),
            Kind::Concat => "copy".into(),
            Kind::Add => "add".into(),
            Kind::Flatten { .. } => "flatten".into(),
            Kind::Copy => "copy".into(),
        }
    }
}
