//! What is frozen: the tensors that only what follows from them is computed with, what that saves, and when each parameter
//! began to learn.

use std::collections::BTreeSet;

use super::super::loader::Loader;
use super::super::memory::{self, allocate, sum, times};
use super::super::program::Program;
use super::super::table::Parameter;
use super::Training;
use crate::graph::Graph;
use crate::ops::ParamSpec;
use crate::optim::{Frozen, Optimizer};
use crate::options::Options;
use crate::plan::{CompileError, Mode};
use crate::state::{StateDict, Tensor, TensorSource};
use crate::weights::read;

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
        let work = |frozen: &Frozen| {
            let outputs = super::outputs(graph);
            let program = Program::new(graph, &outputs, (Mode::Train, frozen), batch, options)?;
            let bytes = super::need(&program, &optimizer, threads).unwrap_or(usize::MAX);
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
        (self.transformed, self.transposed) = (none()?, none()?);
        self.earlier = None;
        self.moments.clear();
        let again = |frozen: &Frozen| {
            let mut new = Self::new(&graph, &state, batch, (self.optimizer, frozen, self.seed), options)?;
            let mut optimizer = optimizer.clone();
            for parameter in new.learning().filter(|parameter| !learned.contains(&parameter.spec.name)) {
                let ParamSpec { name, shape, .. } = &parameter.spec;
                for buffer in self.optimizer.buffers() {
                    optimizer.insert(format!("{name}/{buffer}"), Tensor::full(shape, 0.0));
                }
                optimizer.insert(format!("{name}/{BEGAN}"), count(steps));
            }
            new.load_optimizer_state(steps, &optimizer)?;
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
            for spec in nodes.into_iter().flat_map(|node| graph.node_parameters(node)) {
                let mut data = vec![0.0; spec.elements()];
                read(state, &spec, &mut data)?;
                self.kept.insert(spec.name, Tensor { shape: spec.shape, data });
            }
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

/// What a checkpoint calls the updates that were done before a parameter began to learn.
const BEGAN: &str = "began";
/// Whole numbers below it are exact in a float32.
const RADIX: u64 = 1 << 24;

/// When the parameters began to learn that did so late, under `PARAMETER/began`: up to 2⁴⁸ updates, as two numbers that
/// float32 has.
pub(super) fn late(table: &[Parameter], began: &[u64]) -> StateDict {
    let late = table.iter().zip(began).filter(|(parameter, began)| !parameter.frozen && **began > 0);
    late.map(|(parameter, began)| (format!("{}/{BEGAN}", parameter.spec.name), count(*began))).collect()
}

fn count(updates: u64) -> Tensor {
    Tensor { shape: vec![2], data: vec![(updates / RADIX) as f32, (updates % RADIX) as f32] }
}

/// The same from a checkpoint after so many updates.
pub(super) fn read_late(table: &[Parameter], state: &StateDict, steps: u64) -> Vec<u64> {
    let part = |x: &f32| x.clamp(0.0, RADIX as f32) as u64;
    let began =
        |tensor: &Tensor| tensor.data.iter().take(2).fold(0, |sum, x| sum * RADIX + part(x)).min(steps);
    let told = |parameter: &Parameter| state.get(&format!("{}/{BEGAN}", parameter.spec.name));
    table.iter().map(|parameter| told(parameter).map_or(0, began)).collect()
}
