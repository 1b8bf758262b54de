//! Looking inside: what layers give, and gradients with respect to it, of a network that does not learn.

use super::onlooker::Onlooker;
use super::run::{Backward, Forward, read};
use super::training::Training;
use crate::graph::{Graph, NodeId, Shape};
use crate::optim::{Frozen, Optimizer};
use crate::options::{Options, ReluGradient};
use crate::plan::{Aim, CompileError, Mode, Plan};
use crate::state::{Tensor, TensorSource};

/// A network in evaluation whose values and gradients are seen: a step of training of which everything is frozen.
#[derive(Debug)]
pub(crate) struct Probe {
    training: Training,
    output: NodeId,
    watched: Vec<NodeId>,
}

impl Probe {
    pub(crate) fn new(
        graph: &Graph,
        output: NodeId,
        state: &dyn TensorSource,
        batch: usize,
        watched: &[NodeId],
        options: &Options,
    ) -> Result<Self, CompileError> {
        let frozen = Frozen::of(graph.parameters().into_iter().map(|spec| spec.name));
        let aim = Aim { mode: Mode::Train, outputs: &[output], frozen: &frozen, watched };
        let mut training =
            Training::aimed(graph, state, batch, ("looking inside", aim), (Optimizer::sgd(), 0), options)?;
        training.disable_dropout();
        Ok(Self { training, output, watched: watched.to_vec() })
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.training.plan()
    }

    /// The shape of what the last layer gives of one image.
    pub(crate) fn output(&self) -> Shape {
        self.plan().graph.node(self.output).shape
    }

    /// The forward pass of `n` images, and what the watched layers, if they are `seen`, and then the last one gave.
    pub(crate) fn forward(&mut self, images: &[f32], n: usize, seen: bool) -> (Vec<Tensor>, Vec<f32>) {
        let watched = if seen { &self.watched[..] } else { &[] };
        let watched: Vec<NodeId> = watched.iter().copied().chain([self.output]).collect();
        let mut look = Look::new(self.plan(), &watched);
        self.training.run_forward(images, (n, 0), &mut look);
        let mut values = look.values;
        let output = values.pop().unwrap_or_default();
        (self.tensors(values, n), output)
    }

    /// Goes back from a gradient of the last layer, N·C·H·W, to the layers that are watched.
    pub(crate) fn backward(&mut self, of_output: &[f32], n: usize, relu: ReluGradient) -> Vec<Tensor> {
        let watched = self.watched.clone();
        let mut look = Look::new(self.plan(), &watched);
        self.training.take_gradient(of_output, n);
        self.training.run_backward((n, 0, relu), &mut look);
        let gradients = look.values;
        self.tensors(gradients, n)
    }

    fn tensors(&self, data: Vec<Vec<f32>>, n: usize) -> Vec<Tensor> {
        let shape = |id: &NodeId| self.plan().graph.node(*id).shape.with_batch(n);
        self.watched.iter().zip(data).map(|(id, data)| Tensor { shape: shape(id), data }).collect()
    }
}

/// Copies of what passes by.
struct Look {
    /// For each stage, which of the watched layers it gives.
    of_stage: Vec<Vec<(usize, NodeId)>>,
    values: Vec<Vec<f32>>,
}

impl Look {
    fn new(plan: &Plan, watched: &[NodeId]) -> Self {
        let of = |out: NodeId| {
            let here = watched.iter().copied().enumerate();
            here.filter(|(_, id)| plan.value(*id).unwrap_or(*id) == out).collect()
        };
        let of_stage = plan.stages.iter().map(|stage| of(stage.out)).collect();
        Self { of_stage, values: vec![Vec::new(); watched.len()] }
    }
}

impl Onlooker for Look {
    fn wrote(&mut self, run: &Forward<'_>, stage: usize) {
        for &(slot, id) in &self.of_stage[stage] {
            let shape = run.plan.graph.node(id).shape;
            let view = run.plan.region(run.plan.stages[stage].out, shape, run.n).into();
            self.values[slot] = read((run.pool, run.isa, run.arena), view, run.n);
        }
    }

    fn received(&mut self, run: &Backward<'_>, stage: usize) {
        for &(slot, id) in &self.of_stage[stage] {
            let shape = run.plan.graph.node(id).shape;
            let view = run.plan.gradient_region(run.plan.stages[stage].out, shape, run.n).into();
            self.values[slot] = read((run.pool, run.isa, run.arena), view, run.n);
        }
    }
}
