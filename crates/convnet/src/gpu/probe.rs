//! Looking inside: what layers give, and gradients with respect to it, of a network that does not learn.

use super::training::{Blueprint, Training};
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
}

impl Probe {
    pub(crate) fn new(
        graph: &Graph,
        output: NodeId,
        state: &dyn TensorSource,
        (batch, index): (usize, usize),
        watched: &[NodeId],
        options: &Options,
    ) -> Result<Self, CompileError> {
        let blueprint = blueprint(graph, (output, watched), batch, options)?;
        Ok(Self { training: Training::of(blueprint, state, (index, 0))?, output })
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.training.plan()
    }

    /// The shape of what the last layer gives of one image.
    pub(crate) fn output(&self) -> Shape {
        self.plan().graph.node(self.output).shape
    }

    /// The forward pass of `n` images, and what the watched layers, if they are `seen`, and then the last one gave.
    pub(crate) fn forward(
        &mut self,
        images: &[f32],
        n: usize,
        seen: bool,
    ) -> Result<(Vec<Tensor>, Vec<f32>), CompileError> {
        let output = self.training.look(images, n)?;
        Ok((if seen { self.training.looked(n)? } else { Vec::new() }, output))
    }

    /// Goes back from a gradient of the last layer, N·C·H·W, to the layers that are watched.
    pub(crate) fn backward(
        &mut self,
        of_output: &[f32],
        n: usize,
        relu: ReluGradient,
    ) -> Result<Vec<Tensor>, CompileError> {
        self.training.look_back(of_output, n, relu)?;
        self.training.looked(n)
    }
}

/// Both passes of a network that does not learn, for an output and the layers that are watched.
pub(super) fn blueprint(
    graph: &Graph,
    (output, watched): (NodeId, &[NodeId]),
    batch: usize,
    options: &Options,
) -> Result<Blueprint, CompileError> {
    let frozen = Frozen::of(graph.parameters().into_iter().map(|spec| spec.name));
    let aim = Aim { mode: Mode::Train, outputs: &[output], frozen: &frozen, watched };
    let mut blueprint = Blueprint::new(graph, aim, batch, Optimizer::sgd(), options)?;
    blueprint.disable_dropout();
    Ok(blueprint)
}
