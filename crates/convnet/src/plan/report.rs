//! What a plan tells of each of its steps, and where the time goes.

use std::fmt;
use std::time::Duration;

use super::{Plan, Stage};
use crate::graph::{NodeId, Shape};

/// One kernel call of a plan.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    /// Multiply-accumulates of one image; of convolutions that run together all of them stand with the last one.
    pub macs: u64,
    /// Bytes of activations that one image reads and writes; likewise.
    pub activation_bytes: u64,
    /// Bytes of weights; likewise.
    pub weight_bytes: u64,
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.layers, self.kernel, self.output)
    }
}

/// The time of training steps, by part.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StepTimes {
    /// Of each step of the plan, forward.
    pub forward: Vec<Duration>,
    /// Of each step of the plan, backward.
    pub backward: Vec<Duration>,
    /// Of the optimizer's update.
    pub update: Duration,
}

impl StepTimes {
    /// No time yet, of a plan of so many steps, but for the backward pass, which only training has.
    pub fn new(steps: usize) -> Self {
        Self { forward: vec![Duration::ZERO; steps], ..Self::default() }
    }
}

impl Plan {
    /// Multiply-accumulates of one image in a step of training: forward, for the gradient of each weight that learns, and
    /// for that of each input that is wanted.
    pub(crate) fn training_macs(&self) -> u64 {
        let macs = |stage: &Stage| self.describe(stage).macs;
        let learns = |stage: &Stage| {
            let weight = self.graph.node_parameters(stage.node).into_iter().next();
            weight.is_some_and(|spec| spec.kind.trainable() && !self.frozen.holds(&spec.name))
        };
        let forward = self.stages.iter().map(macs);
        let backward = self.backward.iter().map(|back| {
            let stage = &self.stages[back.stage];
            let products = u64::from(learns(stage)) + u64::from(back.inputs.iter().any(Option::is_some));
            macs(stage).saturating_mul(products)
        });
        forward.chain(backward).fold(0, u64::saturating_add)
    }

    /// What is to be told of a stage, but for its kernels and their weights.
    pub(crate) fn describe(&self, stage: &Stage) -> PlanStep {
        let layers = self.layers(stage);
        let macs = |id: &NodeId| {
            let node = self.graph.node(*id);
            node.op.macs(&self.graph.input_shapes(*id), node.shape)
        };
        let output = self.shape(stage);
        let read: usize = stage.shapes.iter().map(|s| s.elements()).sum();
        PlanStep {
            layers: self.layer_names(stage),
            kernel: String::new(),
            winograd_cost: None,
            backward: String::new(),
            output,
            macs: layers.iter().map(macs).sum(),
            activation_bytes: 4 * (read + output.elements()) as u64,
            weight_bytes: 0,
        }
    }
}

/// What a training step gave.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepReport {
    /// The batch's loss, a mean over its images, auxiliary outputs with their weights included.
    pub loss: f64,
    /// Images whose largest logit is their label's.
    pub correct: usize,
}
