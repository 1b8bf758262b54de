//! What is frozen: the tensors that only what follows from them is computed with, and what that saves.

use std::collections::BTreeSet;

use super::super::loader::Loader;
use super::super::memory::{self, allocate, sum, times};
use super::super::program::Program;
use super::super::table::Parameter;
use super::Training;
use crate::graph::Graph;
use crate::optim::{Assigned, Frozen, Optimizer};
use crate::options::Options;
use crate::plan::{Aim, CompileError, Mode};
use crate::state::TensorSource;
use crate::weights::keep;

/// What a step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// Multiply-accumulates of one image.
    pub(crate) macs: u64,
    /// Bytes of all that is allocated.
    pub(crate) bytes: usize,
}

impl Training {
    /// The work of a step that leaves something frozen, and that of one that does not.
    pub(crate) fn savings(
        graph: &Graph,
        batch: usize,
        (optimizer, frozen): (Optimizer, &Frozen),
        options: &Options,
    ) -> Result<[Work; 2], CompileError> {
        let threads = memory::pool(options)?.threads();
        let rules = Assigned::new(graph, optimizer);
        let work = |frozen: &Frozen| {
            let outputs = super::outputs(graph);
            let aim = Aim { mode: Mode::Train, outputs: &outputs, frozen, watched: &[] };
            let program = Program::new(graph, aim, batch, options)?;
            let bytes = super::need(&program, &rules, threads).unwrap_or(usize::MAX);
            Ok::<_, CompileError>(Work { macs: program.plan.training_macs(), bytes })
        };
        Ok([work(frozen)?, work(&Frozen::default())?])
    }

    /// Freezes something else from now on. The memory of before is given up for that of now; if there is no room, it is
    /// as before.
    pub(crate) fn refreeze(&mut self, frozen: &Frozen, options: &Options) -> Result<(), CompileError> {
        let (graph, batch) = (self.plan().graph.clone(), self.plan().batch);
        let before = self.plan().frozen.clone();
        let state = self.state_dict();
        let (steps, optimizer) = self.optimizer_state();
        let learned: BTreeSet<String> =
            self.learning().map(|parameter| parameter.spec.name.clone()).collect();
        let none = || allocate(0, ("training", batch));
        (self.arena, self.gradients, self.parameters) = (none()?, none()?, none()?);
        (self.transformed, self.matrix) = (none()?, none()?);
        self.spare = None;
        self.moments.clear();
        let again = |frozen: &Frozen| {
            let mut new = Self::new(&graph, &state, batch, (self.optimizer, frozen, self.seed), options)?;
            // What begins to learn has the state of a first step.
            let fresh = new.tracked.clone();
            let (_, mut both) = new.optimizer_state();
            both.extend(optimizer.clone());
            new.load_optimizer_state(steps, &both)?;
            for ((parameter, tracked), fresh) in new.table.iter().zip(&mut new.tracked).zip(fresh) {
                if !learned.contains(&parameter.spec.name) {
                    *tracked = fresh;
                }
            }
            new.passes = self.passes;
            if !self.dropout {
                new.disable_dropout();
            }
            Ok(new)
        };
        match again(frozen) {
            Ok(new) => *self = new,
            Err(error) => {
                *self = again(&before)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// The parameters that learn.
    pub(super) fn learning(&self) -> impl Iterator<Item = &Parameter> {
        self.table.iter().filter(|parameter| !parameter.frozen)
    }

    /// Whether parameter number `parameter` is frozen, so that it has no gradient.
    pub(crate) fn is_frozen(&self, parameter: usize) -> bool {
        self.table[parameter].frozen
    }

    /// Folds frozen normalizations, and keeps what they are made of.
    pub(super) fn load_derived(&mut self, state: &dyn TensorSource) -> Result<(), CompileError> {
        let graph = &self.program.plan.graph;
        let mut loader = Loader {
            pool: &self.pool,
            isa: self.program.isa,
            graph,
            source: state,
            parameters: self.parameters.as_mut_slice(),
            halves: &mut [],
        };
        for (at, kind) in self.program.steps() {
            let Some(nodes) = self.program.derived(at.index) else { continue };
            kind.load(&mut loader, at)?;
            keep((graph, state), nodes, &mut self.kept)?;
        }
        Ok(())
    }
}

/// Bytes of the frozen tensors that are kept beside what follows from them.
pub(super) fn derived_bytes(program: &Program) -> Option<usize> {
    let nodes = (0..program.kinds.len()).filter_map(|index| program.derived(index)).flatten();
    let specs = nodes.flat_map(|node| program.plan.graph.node_parameters(node));
    sum(&specs.map(|spec| times(1, spec.elements())).collect::<Vec<_>>())
}
