//! Steps that leave a part of the network as it is.

use super::{Compiled, TrainingStep, normalizes_pixels};
use crate::cpu;
use crate::graph::Graph;
use crate::ops::ParamSpec;
use crate::optim::{Frozen, Optimizer};
use crate::options::Options;
use crate::plan::CompileError;

/// What freezing saves, from the plans of a step with and without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Savings {
    /// Elements of trainable parameters that are frozen.
    pub frozen: usize,
    /// Elements of all trainable parameters.
    pub parameters: usize,
    /// Multiply-accumulates of one image in a step, of both passes.
    pub macs: u64,
    /// The same of a step that freezes nothing.
    pub all_macs: u64,
    /// Bytes that the step takes.
    pub bytes: usize,
    /// The same of a step that freezes nothing.
    pub all_bytes: usize,
}

/// Refuses what no step can leave alone.
pub(super) fn check(graph: &Graph, frozen: &Frozen) -> Result<(), CompileError> {
    if frozen.is_empty() {
        return Ok(());
    }
    let outputs: Vec<_> = graph.outputs().iter().map(|output| output.node).collect();
    let live = graph.reachable(&outputs);
    let learns = |id: crate::graph::NodeId| {
        live[id.index()]
            && graph.node_parameters(id).iter().any(|spec| spec.kind.trainable() && !frozen.holds(&spec.name))
    };
    if !graph.ids().any(learns) {
        return Err(CompileError::AllFrozen);
    }
    Ok(())
}

impl TrainingStep {
    /// What is frozen.
    pub fn frozen(&self) -> &Frozen {
        &self.frozen
    }

    /// Freezes something else from now on: the step is planned anew. Weights, running statistics and the updates done are
    /// kept, and the optimizer's state of what learned before and learns now; that of what begins to learn starts anew, its
    /// bias correction included, as PyTorch's does where a gradient comes for the first time.
    ///
    /// A moving average does not fit the step afterwards: take its state dict before, and start another from it.
    ///
    /// # Errors
    /// As [`TrainingStep::compile_frozen`]; the step is as before then.
    pub fn refreeze(&mut self, frozen: &Frozen) -> Result<(), CompileError> {
        if self.frozen == *frozen {
            return Ok(());
        }
        let graph = self.plan_value().graph.clone();
        check(&graph, frozen)?;
        match &mut self.compiled {
            Compiled::Cpu(training) => training.refreeze(frozen, &self.options)?,
            Compiled::Gpu(training) => training.refreeze(frozen)?,
        }
        self.normalizes_pixels = normalizes_pixels(&graph, frozen);
        self.frozen = frozen.clone();
        Ok(())
    }

    /// What freezing saves in a step on the CPU; nothing is allocated.
    ///
    /// ```
    /// use convnet::exec::{Options, TrainingStep};
    /// use convnet::optim::{Frozen, Optimizer};
    ///
    /// let net = convnet::zoo::lenet().build()?;
    /// let frozen = Frozen::matching(&net.parameters(), &["conv"])?;
    /// let savings = TrainingStep::savings(&net, &frozen, 32, Optimizer::sgd(), &Options::default())?;
    /// assert_eq!((savings.frozen, savings.parameters), (2_572, 61_706));
    /// assert!(savings.macs < savings.all_macs && savings.bytes < savings.all_bytes);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the network cannot be trained.
    pub fn savings(
        graph: &Graph,
        frozen: &Frozen,
        batch: usize,
        optimizer: Optimizer,
        options: &Options,
    ) -> Result<Savings, CompileError> {
        let specs = graph.parameters();
        let trainable = || specs.iter().filter(|spec| spec.kind.trainable());
        let [some, all] = cpu::Training::savings(graph, batch, (optimizer, frozen), options)?;
        Ok(Savings {
            frozen: trainable().filter(|spec| frozen.holds(&spec.name)).map(ParamSpec::elements).sum(),
            parameters: trainable().map(ParamSpec::elements).sum(),
            macs: some.macs,
            all_macs: all.macs,
            bytes: some.bytes,
            all_bytes: all.bytes,
        })
    }
}
