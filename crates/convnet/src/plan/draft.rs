//! A plan that waits for what a device's kernels need.

use super::aim::Aim;
use super::gradients;
use super::lifetime::place;
use super::lives;
use super::lower::{Kernel, Lowered, Mode, Stage, lower};
use super::needs::Needs;
use super::storage::{MemoryRules, Slot, Storage};
use super::{BackwardStage, GradientWrite, Plan};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::optim::Frozen;

/// The memory of a plan cannot be addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Stages and storage, before kernels are chosen.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) graph: Graph,
    pub(crate) mode: Mode,
    frozen: Frozen,
    outputs: Vec<NodeId>,
    watched: Vec<NodeId>,
    lowered: Lowered,
    storage: Storage,
    wanted: Vec<bool>,
    rules: MemoryRules,
}

impl Draft {
    /// Lowers the part of a graph that the outputs depend on, and gives its values storage.
    pub(crate) fn new(graph: &Graph, aim: Aim<'_>, rules: MemoryRules) -> Self {
        let lowered = lower(graph, aim, rules);
        Self {
            graph: graph.clone(),
            mode: aim.mode,
            frozen: aim.frozen.clone(),
            outputs: aim.outputs.to_vec(),
            watched: aim.watched.to_vec(),
            storage: Storage::new(graph, &lowered, aim, rules),
            wanted: aim.wants(graph),
            lowered,
            rules,
        }
    }

    /// What runs, in order.
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.lowered.stages
    }

    /// What training does not change.
    pub(crate) fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    /// Whether a layer is a normalization that training does not change, statistics included.
    pub(crate) fn keeps_statistics(&self, id: NodeId) -> bool {
        matches!(self.graph.node(id).op, Op::BatchNorm2d(_))
            && self.frozen.keeps_statistics(&self.graph.node_parameters(id))
    }

    /// Whether a value's gradient is wanted.
    pub(crate) fn wants_gradient(&self, value: NodeId) -> bool {
        self.wanted[value.index()]
    }

    /// The stage that gives a value.
    pub(crate) fn writer(&self, value: NodeId) -> Option<usize> {
        self.lowered.stages.iter().position(|stage| stage.out == value)
    }

    /// The only stage that reads a value, if there is one and nobody else looks at it.
    pub(crate) fn sole_reader(&self, value: NodeId) -> Option<usize> {
        let resolved = |id: &NodeId| self.lowered.value[id.index()].unwrap_or(*id);
        if self.outputs.iter().chain(&self.watched).any(|shown| resolved(shown) == value) {
            return None;
        }
        let mut reads = self
            .lowered
            .stages
            .iter()
            .enumerate()
            .flat_map(|(index, stage)| stage.reads().filter(|&read| read == value).map(move |_| index));
        reads.next().filter(|_| reads.next().is_none())
    }

    /// The stage that writes the images, where another one alone reads them, as they are.
    pub(crate) fn images_of(&self, stage: &Stage) -> Option<usize> {
        let (read, shape) = (*stage.inputs.first()?, *stage.shapes.first()?);
        let writer = self.writer(read).filter(|&writer| self.stages()[writer].kernel == Kernel::Input)?;
        (self.sole_reader(read).is_some() && self.graph.node(read).shape == shape).then_some(writer)
    }

    /// Whether a value's pixels follow one another without gaps.
    pub(crate) fn is_dense(&self, value: NodeId) -> bool {
        self.storage.is_dense(value)
    }

    /// Whether what a stage gives are channels of its input, where they are.
    pub(crate) fn is_part(&self, stage: &Stage) -> bool {
        self.storage.is_part(&self.graph, stage)
    }

    /// What a stage needs by its layers' own account: what their gradients read.
    pub(crate) fn needs(&self, stage: &Stage) -> Needs {
        let reads = self.graph.node(stage.node).op.gradient_reads();
        Needs {
            workspace: None,
            reads_inputs: reads.input,
            reads_output: reads.output || stage.relu,
            reads_workspace: false,
            reaches_all: true,
            absent: false,
            late: None,
            until: None,
        }
    }

    /// Places everything for `batch` images, given what the kernel of each stage needs.
    ///
    /// # Errors
    /// If the memory cannot be addressed.
    pub(crate) fn finish(mut self, needs: &[Needs], batch: usize) -> Result<Plan, TooLarge> {
        let workspace =
            |need: &Needs| need.workspace.map(|(pixels, channels)| self.storage.buffer(pixels, channels));
        let workspaces: Vec<Option<Slot>> = needs.iter().map(workspace).collect();
        let value = |id: &NodeId| self.lowered.value[id.index()].unwrap_or(*id);
        let outputs: Vec<NodeId> = self.outputs.iter().map(value).collect();
        let (losses, backward): (Vec<GradientWrite>, Vec<BackwardStage>) = match self.mode {
            Mode::Train => {
                gradients::plan(&self.storage, &self.lowered.stages, &self.wanted, needs, &outputs)
            }
            Mode::Infer | Mode::Trace => (Vec::new(), Vec::new()),
        };
        let scene = lives::Scene {
            storage: &self.storage,
            stages: &self.lowered.stages,
            workspaces: &workspaces,
            needs,
        };
        let buffers = self.storage.buffers.len();
        let lifetimes = match self.mode {
            Mode::Train => lives::training(&scene, &outputs, &backward, batch),
            Mode::Infer => lives::inference(&scene, &outputs, batch),
            // Every value stays readable after the last stage.
            Mode::Trace => lives::inference(
                &scene,
                &self.lowered.stages.iter().map(|s| s.out).collect::<Vec<_>>(),
                batch,
            ),
        };
        let passing = self.lowered.stages.iter().zip(needs).filter(|(_, needs)| needs.late.is_some());
        let passing = passing.map(|(stage, _)| stage.out).collect();
        let (mut offsets, floats) = place(&lifetimes.ok_or(TooLarge)?, self.rules.line).ok_or(TooLarge)?;
        let gradient_offsets = offsets.split_off(buffers);
        Ok(Plan {
            graph: self.graph,
            mode: self.mode,
            frozen: self.frozen,
            batch,
            stages: self.lowered.stages,
            values: self.lowered.value,
            orders: self.lowered.order,
            storage: self.storage,
            workspaces,
            passing,
            losses,
            backward,
            offsets,
            gradient_offsets,
            floats,
        })
    }
}
