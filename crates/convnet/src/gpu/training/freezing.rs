//! What is frozen: places that hold what follows from it, and something else frozen from now on.

use std::collections::BTreeSet;

use super::{Blueprint, Training};
use crate::gpu::loader::Loader;
use crate::gpu::table::Parameter;
use crate::optim::Frozen;
use crate::plan::CompileError;
use crate::state::{StateDict, TensorSource};
use crate::weights::keep;

/// Why nothing can be done any more.
const GIVEN_UP: &str =
    "the memory of this training was given up to freeze something else, and was not had again";

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
        let twins = self.twins.iter().map(|twin| &twin.parameter);
        for parameter in self.table.iter().chain(&self.fixed).chain(twins).filter(|p| p.stored) {
            parameter.pack((state, &parameter.spec), &mut parameters)?;
        }
        let graph = &self.program.plan.graph;
        let mut loader = Loader { graph, source: state, parameters: &mut parameters };
        for (at, kind) in self.program.steps() {
            let Some(nodes) = self.program.derived(at.index) else { continue };
            kind.load(&mut loader, at)?;
            keep((graph, state), nodes, &mut kept)?;
        }
        Ok((parameters, kept))
    }
}

impl Training {
    /// Whether parameter number `parameter` is frozen, so that it has no gradient.
    pub(crate) fn is_frozen(&self, parameter: usize) -> bool {
        self.blueprint.table[parameter].frozen
    }

    /// Freezes something else from now on. The card's memory of before is given up for that of now; if there is no room, it is as
    /// before, and if there is none for that any more, every call fails from then on.
    pub(crate) fn refreeze(&mut self, frozen: &Frozen) -> Result<(), CompileError> {
        let blueprint = |frozen: &Frozen, was: &Blueprint| {
            let plan = &was.program.plan;
            Blueprint::training(&plan.graph, frozen, plan.batch, was.optimizer, &was.options)
        };
        // What needs no memory fails first.
        let new = blueprint(frozen, &self.blueprint)?;
        let state = self.state_dict()?;
        let (steps, optimizer) = self.optimizer_state()?;
        let learned: BTreeSet<String> =
            self.blueprint.learning().map(|parameter| parameter.spec.name.clone()).collect();
        let (index, seed, passes, dropout) = (self.index, self.seed, self.passes, self.dropout);
        let again = |blueprint: Blueprint| {
            let mut new = Self::of(blueprint, &state, (index, seed))?;
            // What begins to learn has the state of a first step.
            let fresh = new.tracked.clone();
            let (_, mut both) = new.optimizer_state()?;
            both.extend(optimizer.clone());
            new.load_optimizer_state(steps, &both)?;
            for ((parameter, tracked), fresh) in new.blueprint.table.iter().zip(&mut new.tracked).zip(fresh) {
                if !learned.contains(&parameter.spec.name) {
                    *tracked = fresh;
                }
            }
            new.passes = passes;
            if !dropout {
                new.disable_dropout();
            }
            Ok(new)
        };
        self.graphs.clear();
        self.meeting = None;
        self.given_up = true;
        self.card = self.card.beside(0)?;
        self.feed = self.card.feed(0)?;
        let mut shelf = self.shelf.take();
        let mut found = again(new);
        if found.is_err() && shelf.take().is_some() {
            // Perhaps there is room without the set that was kept.
            found = again(blueprint(frozen, &self.blueprint)?);
        }
        let error = found.as_ref().err().cloned();
        *self = found.or_else(|_| again(blueprint(&self.plan().frozen, &self.blueprint)?))?;
        self.shelf = shelf;
        error.map_or(Ok(()), Err)
    }

    /// Whether there is memory.
    pub(super) fn check(&self) -> Result<(), CompileError> {
        match self.given_up {
            false => Ok(()),
            true => Err(CompileError::Gpu { reason: GIVEN_UP.to_owned() }),
        }
    }
}
