//! Weights, running statistics and the optimizer's state in and out, by PyTorch's names.

use std::ops::Range;

use convnet_kernels::Mask;

use super::Training;
use crate::gpu::average::{Average, Layout};
use crate::gpu::table::{running, unpack};
use crate::graph::NodeId;
use crate::ops::ParamSpec;
use crate::plan::{CompileError, layer_key};
use crate::state::{StateDict, Tensor, TensorSource};
use crate::weights::{check, read};

impl Training {
    fn running(&self) -> Vec<(ParamSpec, Range<usize>)> {
        running(&self.blueprint.program)
    }

    /// Where parameters and running statistics lie.
    fn kept_at(&self) -> [usize; 2] {
        [self.blueprint.places.parameters, self.blueprint.places.running]
    }

    /// A moving average that starts at what is.
    pub(crate) fn average(&self) -> Result<Average, CompileError> {
        self.check()?;
        let program = &self.blueprint.program;
        let layout = Layout::new(program.parameters, program.running);
        Average::of(&self.card, (layout, &program.plan.frozen), self.kept_at())
    }

    /// average += (what is − average)·weight.
    pub(crate) fn update_average(&self, average: &Average, weight: f32) -> Result<(), CompileError> {
        average.check(&self.plan().frozen);
        average.update(&self.card, self.kept_at(), weight)
    }

    /// The state dict of an average.
    pub(crate) fn averaged_state(&self, average: &Average) -> Result<StateDict, CompileError> {
        average.check(&self.plan().frozen);
        Ok(self.state_of(average.read()?))
    }

    /// All parameters and running statistics, under PyTorch's names and in its layouts.
    pub(crate) fn state_dict(&self) -> Result<StateDict, CompileError> {
        self.check()?;
        let (program, [parameters, running]) = (&self.blueprint.program, self.kept_at());
        let parameters = self.card.read(parameters, program.parameters)?;
        Ok(self.state_of([parameters, self.card.read(running, program.running)?]))
    }

    fn state_of(&self, [parameters, running]: [Vec<f32>; 2]) -> StateDict {
        let mut state = unpack(&self.blueprint.table, &parameters, "");
        state.extend(unpack(&self.blueprint.fixed, &parameters, ""));
        state.extend(self.kept.clone());
        for (spec, range) in self.running() {
            let data = running[range].to_vec();
            state.insert(spec.name, Tensor { shape: spec.shape, data });
        }
        state
    }

    /// Replaces all parameters and running statistics; nothing where one is missing or has another shape.
    pub(crate) fn load(&mut self, state: &dyn TensorSource) -> Result<(), CompileError> {
        self.check()?;
        for spec in self.plan().graph.parameters() {
            check(state, &spec)?;
        }
        let (parameters, kept) = self.blueprint.packed(state)?;
        let mut statistics = vec![0.0; self.blueprint.program.running];
        for (spec, range) in self.running() {
            read(state, &spec, &mut statistics[range])?;
        }
        self.card.write(self.blueprint.places.parameters, &parameters)?;
        self.card.write(self.blueprint.places.running, &statistics)?;
        self.kept = kept;
        Ok(())
    }

    /// The steps done, and the optimizer's buffers named `PARAMETER/BUFFER`.
    pub(crate) fn optimizer_state(&self) -> Result<(u64, StateDict), CompileError> {
        self.check()?;
        let mut state = StateDict::new();
        let moments = self.blueprint.places.moments.iter().take(self.blueprint.moments());
        let moments = moments.map(|&at| self.card.read(at, self.blueprint.program.learning));
        let moments = moments.collect::<Result<Vec<_>, _>>()?;
        for (parameter, tracked) in self.blueprint.table.iter().zip(&self.tracked).filter(|(p, _)| !p.frozen)
        {
            for (name, moment) in tracked.rule.buffers().iter().zip(&moments) {
                state.extend(unpack([parameter], moment, &format!("/{name}")));
            }
            for (name, value) in tracked.scalars() {
                let name = format!("{}/{name}", parameter.spec.name);
                state.insert(name, Tensor { shape: Vec::new(), data: vec![value] });
            }
        }
        Ok((self.steps, state))
    }

    /// Replaces them; nothing where one is missing or has another shape.
    pub(crate) fn load_optimizer_state(&mut self, steps: u64, state: &StateDict) -> Result<(), CompileError> {
        let mut moments = vec![vec![0.0; self.blueprint.program.learning]; self.blueprint.moments()];
        let mut loaded = self.tracked.clone();
        for (parameter, tracked) in self.blueprint.table.iter().zip(&mut loaded).filter(|(p, _)| !p.frozen) {
            for (buffer, moment) in tracked.rule.buffers().iter().zip(&mut moments) {
                let name = format!("{}/{buffer}", parameter.spec.name);
                let spec = ParamSpec { name, ..parameter.spec.clone() };
                check(state, &spec)?;
                parameter.pack((state, &spec), moment)?;
            }
            tracked.load(steps, &parameter.spec.name, state)?;
        }
        for (moment, &at) in moments.iter().zip(&self.blueprint.places.moments) {
            self.card.write(at, moment)?;
        }
        (self.steps, self.tracked) = (steps, loaded);
        self.passes = 0;
        Ok(())
    }

    /// What the next pass's dropout multiplies an element of a layer's input with; `index` counts in PyTorch's order.
    /// `None` for a node that is no dropout layer.
    pub(crate) fn dropout_scale(&self, node: NodeId, index: usize) -> Option<f32> {
        let (p, group, at) = self.plan().dropped(node, index)?;
        Some(Mask::new(layer_key(self.key(), node), p, group).scale(at))
    }
}
