//! What is frozen: places that hold what follows from it, and something else frozen from now on.

use std::collections::BTreeSet;

use super::{Blueprint, Training};
use crate::gpu::loader::Loader;
use crate::gpu::table::Parameter;
use crate::optim::Frozen;
use crate::options::Options;
use crate::plan::CompileError;
use crate::state::{StateDict, Tensor, TensorSource};
use crate::weights::read;

impl Blueprint {
    /// The parameters that learn.
    pub(in crate::gpu) fn learning(&self) -> impl Iterator<Item = &Parameter> {
        self.table.iter().filter(|parameter| !parameter.frozen)
    }

    /// The flat parameters of a state dict that was checked, frozen normalizations folded, and the tensors that those are made of.
    pub(in crate::gpu) fn packed(
        &self,
        state: &dyn TensorSource,
    ) -> Result<(Vec<f32>, StateDict), CompileError> {
        let (mut parameters, mut kept) = (vec![0.0; self.program.parameters], StateDict::new());
        for parameter in self.table.iter().chain(&self.fixed).filter(|parameter| parameter.stored) {
            parameter.pack((state, &parameter.spec), &mut parameters)?;
        }
        let graph = &self.program.plan.graph;
        let mut loader = Loader { graph, source: state, parameters: &mut parameters };
        for (at, kind) in self.program.steps() {
            let Some(nodes) = self.program.derived(at.index) else { continue };
            kind.load(&mut loader, at)?;
            for spec in nodes.into_iter().flat_map(|node| graph.node_parameters(node)) {
                let mut data = vec![0.0; spec.elements()];
                read(state, &spec, &mut data)?;
                kept.insert(spec.name, Tensor { shape: spec.shape, data });
            }
        }
        Ok((parameters, kept))
    }
}

impl Training {
    /// Whether parameter number `parameter` is frozen, so that it has no gradient.
    pub(crate) fn is_frozen(&self, parameter: usize) -> bool {
        self.blueprint.table[parameter].frozen
    }

    /// Freezes something else from now on. The card has room for both meanwhile; if there is none, all is as before.
    pub(crate) fn refreeze(&mut self, frozen: &Frozen, options: &Options) -> Result<(), CompileError> {
        let (graph, at) = (self.plan().graph.clone(), (self.plan().batch, self.index));
        let state = self.state_dict()?;
        let (steps, optimizer) = self.optimizer_state()?;
        let mut new = Self::new(&graph, &state, at, (self.optimizer(), frozen, self.seed), options)?;
        // What begins to learn has the state of a first step.
        let fresh = new.tracked.clone();
        let (_, mut both) = new.optimizer_state()?;
        both.extend(optimizer);
        new.load_optimizer_state(steps, &both)?;
        let learned: BTreeSet<&str> = self.blueprint.learning().map(|p| &*p.spec.name).collect();
        for ((parameter, tracked), fresh) in new.blueprint.table.iter().zip(&mut new.tracked).zip(fresh) {
            if !learned.contains(&*parameter.spec.name) {
                *tracked = fresh;
            }
        }
        new.passes = self.passes;
        if !self.dropout {
            new.disable_dropout();
        }
        *self = new;
        Ok(())
    }
}
