//! Weights, running statistics and the optimizer's state in and out, by PyTorch's names.

use std::ops::Range;

use convnet_kernels::Mask;

use super::Training;
use crate::gpu::table::{Parameter, running, unpack};
use crate::graph::NodeId;
use crate::ops::ParamSpec;
use crate::plan::{CompileError, layer_key};
use crate::state::{StateDict, Tensor, TensorSource};
use crate::weights::{check, read};

/// The number that NAdam keeps of each parameter, as PyTorch calls it.
const PRODUCT: &str = "mu_product";

/// A moving average of weights and running statistics, in the host's memory.
#[derive(Clone, Debug)]
pub(crate) struct Average {
    parameters: Vec<f32>,
    running: Vec<f32>,
}

impl Training {
    fn running(&self) -> Vec<(ParamSpec, Range<usize>)> {
        running(&self.blueprint.program)
    }

    /// A moving average that starts at what is.
    pub(crate) fn average(&self) -> Result<Average, CompileError> {
        Ok(Average {
            parameters: self
                .card
                .read(self.blueprint.places.parameters, self.blueprint.program.parameters)?,
            running: self.card.read(self.blueprint.places.running, self.blueprint.program.running)?,
        })
    }

    /// average += (what is − average)·weight.
    pub(crate) fn update_average(&self, average: &mut Average, weight: f32) -> Result<(), CompileError> {
        let now = self.average()?;
        let pairs = [(&mut average.parameters, now.parameters), (&mut average.running, now.running)];
        for (average, now) in pairs {
            average.iter_mut().zip(now).for_each(|(average, now)| *average += (now - *average) * weight);
        }
        Ok(())
    }

    /// The state dict of an average.
    pub(crate) fn averaged_state(&self, average: &Average) -> StateDict {
        let mut state = unpack(&self.blueprint.table, &average.parameters, "");
        state.extend(unpack(&self.blueprint.fixed, &average.parameters, ""));
        for (spec, range) in self.running() {
            let data = average.running[range].to_vec();
            state.insert(spec.name, Tensor { shape: spec.shape, data });
        }
        state
    }

    /// All parameters and running statistics, under PyTorch's names and in its layouts.
    pub(crate) fn state_dict(&self) -> Result<StateDict, CompileError> {
        Ok(self.averaged_state(&self.average()?))
    }

    /// Replaces all parameters and running statistics; nothing where one is missing or has another shape.
    pub(crate) fn load(&mut self, state: &dyn TensorSource) -> Result<(), CompileError> {
        for spec in self.plan().graph.parameters() {
            check(state, &spec)?;
        }
        let mut parameters = vec![0.0; self.blueprint.program.parameters];
        for parameter in self.blueprint.table.iter().chain(&self.blueprint.fixed) {
            parameter.pack((state, &parameter.spec), &mut parameters)?;
        }
        let mut statistics = vec![0.0; self.blueprint.program.running];
        for (spec, range) in self.running() {
            read(state, &spec, &mut statistics[range])?;
        }
        self.card.write(self.blueprint.places.parameters, &parameters)?;
        self.card.write(self.blueprint.places.running, &statistics)
    }

    /// The steps done, and the optimizer's buffers named `PARAMETER/BUFFER`.
    pub(crate) fn optimizer_state(&self) -> Result<(u64, StateDict), CompileError> {
        let mut state = StateDict::new();
        for (name, &at) in self.blueprint.optimizer.buffers().iter().zip(&self.blueprint.places.moments) {
            let moment = self.card.read(at, self.blueprint.program.parameters)?;
            state.extend(unpack(&self.blueprint.table, &moment, &format!("/{name}")));
        }
        if self.blueprint.optimizer.scalars().contains(&PRODUCT) {
            let product = Tensor { shape: Vec::new(), data: vec![self.product] };
            let name = |parameter: &Parameter| format!("{}/{PRODUCT}", parameter.spec.name);
            state.extend(self.blueprint.table.iter().map(|parameter| (name(parameter), product.clone())));
        }
        Ok((self.steps, state))
    }

    /// Replaces them; nothing where one is missing or has another shape.
    pub(crate) fn load_optimizer_state(&mut self, steps: u64, state: &StateDict) -> Result<(), CompileError> {
        let mut moments = Vec::new();
        for buffer in self.blueprint.optimizer.buffers() {
            let mut moment = vec![0.0; self.blueprint.program.parameters];
            for parameter in &self.blueprint.table {
                let name = format!("{}/{buffer}", parameter.spec.name);
                let spec = ParamSpec { name, ..parameter.spec.clone() };
                check(state, &spec)?;
                parameter.pack((state, &spec), &mut moment)?;
            }
            moments.push(moment);
        }
        // The card counts the steps of all together.
        for parameter in &self.blueprint.table {
            let name = format!("{}/step", parameter.spec.name);
            if let Some(&count) = state.get(&name).and_then(|tensor| tensor.data.first())
                && count as u64 != steps
            {
                let reason = format!("it had {count} of {steps} updates: go on with this run on the CPU");
                return Err(CompileError::Read { name, reason });
            }
        }
        let mut product = 1.0;
        if self.blueprint.optimizer.scalars().contains(&PRODUCT) {
            let names = self.blueprint.table.iter().map(|parameter| &*parameter.spec.name);
            product = product_of(names, state)?;
        }
        for (moment, &at) in moments.iter().zip(&self.blueprint.places.moments) {
            self.card.write(at, moment)?;
        }
        (self.steps, self.product) = (steps, product);
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

/// NAdam's product of momenta, which is that of all parameters on a card.
fn product_of<'a>(parameters: impl Iterator<Item = &'a str>, state: &StateDict) -> Result<f32, CompileError> {
    let mut first = None;
    for parameter in parameters {
        let name = format!("{parameter}/{PRODUCT}");
        let Some(tensor) = state.get(&name) else {
            return Err(CompileError::Missing { name, expected: Vec::new() });
        };
        let [value] = tensor.data[..] else {
            return Err(CompileError::Shape { name, found: tensor.shape.clone(), expected: Vec::new() });
        };
        if !(0.0..=1.0).contains(&value) {
            let reason = format!("it is {value}, expected a number from 0 to 1");
            return Err(CompileError::Read { name, reason });
        }
        let of_all = *first.get_or_insert(value);
        if value != of_all {
            let reason = format!("it is {value}, of others {of_all}: go on with this run on the CPU");
            return Err(CompileError::Read { name, reason });
        }
    }
    Ok(first.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_goes_on_with_a_product_that_all_parameters_have() {
        let state = |values: &[&[f32]]| -> StateDict {
            let tensor = |data: &[f32]| {
                let shape = if data.len() == 1 { Vec::new() } else { vec![data.len()] };
                Tensor { shape, data: data.to_vec() }
            };
            let named = ["a", "b"].into_iter().zip(values);
            named.map(|(name, data)| (format!("{name}/{PRODUCT}"), tensor(data))).collect()
        };
        let of = |values: &[&[f32]]| product_of(["a", "b"].into_iter(), &state(values));
        assert_eq!(of(&[&[0.25], &[0.25]]).unwrap(), 0.25);
        assert_eq!(product_of(std::iter::empty(), &StateDict::new()).unwrap(), 1.0);
        for (values, reason) in [
            (&[&[0.25][..]][..], "b/mu_product"),
            (&[&[0.25], &[0.5]], "go on with this run on the CPU"),
            (&[&[0.25], &[0.25, 0.25]], "b/mu_product"),
            (&[&[1.5], &[1.5]], "from 0 to 1"),
            (&[&[f32::NAN], &[0.5]], "from 0 to 1"),
        ] {
            let error = of(values).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
