//! What is kept of a parameter beside buffers of its shape, on any device.

use crate::ops::ParamSpec;
use crate::optim::{self, Assigned, Optimizer};
use crate::plan::CompileError;
use crate::state::StateDict;

/// The largest number of updates that is counted, as PyTorch's count in float32.
const MOST_COUNTED: u64 = 1 << 24;

/// The rule of a parameter, and what it keeps beside buffers of the parameter's shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tracked {
    pub(crate) rule: Optimizer,
    /// What the step's rate is multiplied with.
    pub(crate) factor: f32,
    /// The updates that it has had: fewer than the steps if it was frozen for some.
    pub(crate) count: u64,
    /// The product of NAdam's momenta so far.
    mu_product: f32,
}

impl Tracked {
    pub(crate) fn new(rules: &Assigned, spec: &ParamSpec) -> Self {
        let (rule, factor) = rules.of(spec);
        Self::of(rule, factor)
    }

    /// Before the first update.
    pub(crate) fn of(rule: Optimizer, factor: f32) -> Self {
        Self { rule, factor, count: 0, mu_product: 1.0 }
    }

    /// NAdam's product with the momentum of the next update; 1 for other rules.
    pub(crate) fn next_product(&self) -> f32 {
        match self.rule {
            Optimizer::Nadam(rule) => {
                (f64::from(self.mu_product) * nadam(rule, 0.0).momentum(self.count + 1)) as f32
            }
            _ => 1.0,
        }
    }

    /// Counts an update that was done.
    pub(crate) fn advance(&mut self) {
        self.mu_product = self.next_product();
        self.count = (self.count + 1).min(MOST_COUNTED);
    }

    /// The numbers that the rule keeps, by PyTorch's names.
    pub(crate) fn scalars(&self) -> impl Iterator<Item = (&'static str, f32)> {
        let value = |name: &&'static str| match *name {
            "mu_product" => (*name, self.mu_product),
            name => (name, self.count as f32),
        };
        self.rule.scalars().iter().map(value)
    }

    /// Reads them. A state that counts no updates of each parameter has had one in each of `steps`.
    pub(crate) fn load(
        &mut self,
        steps: u64,
        parameter: &str,
        state: &StateDict,
    ) -> Result<(), CompileError> {
        self.count = steps.min(MOST_COUNTED);
        for scalar in self.rule.scalars() {
            let name = format!("{parameter}/{scalar}");
            let value = match state.get(&name) {
                None if *scalar == "step" => continue,
                None => return Err(CompileError::Missing { name, expected: Vec::new() }),
                Some(tensor) => match tensor.data[..] {
                    [value] if tensor.shape.is_empty() => value,
                    _ => {
                        let (found, expected) = (tensor.shape.clone(), Vec::new());
                        return Err(CompileError::Shape { name, found, expected });
                    }
                },
            };
            let refused = |expected: &str| {
                let reason = format!("it is {value}, expected {expected}");
                Err(CompileError::Read { name: name.clone(), reason })
            };
            if *scalar == "mu_product" {
                if !(0.0..=1.0).contains(&value) {
                    return refused("a number from 0 to 1");
                }
                self.mu_product = value;
            } else {
                if value.fract() != 0.0 || !(0.0..=MOST_COUNTED as f32).contains(&value) {
                    return refused("a whole number from 0 to 16777216");
                }
                self.count = value as u64;
            }
        }
        Ok(())
    }

    /// The norm that all gradients together are brought down to, if the rule has one.
    pub(crate) fn longest_gradient(&self) -> Option<f32> {
        longest_gradient(&self.rule)
    }
}

/// The norm that all gradients together are brought down to, if a rule has one.
pub(crate) fn longest_gradient(rule: &Optimizer) -> Option<f32> {
    match rule {
        Optimizer::Lamb(rule) => Some(rule.max_grad_norm).filter(|&limit| limit > 0.0),
        _ => None,
    }
}

/// NAdam at a learning rate, as the kernels take it.
pub(crate) fn nadam(rule: optim::Nadam, lr: f32) -> convnet_kernels::Nadam {
    let optim::Nadam { beta1, beta2, eps, weight_decay, momentum_decay, decoupled_weight_decay: decoupled } =
        rule;
    convnet_kernels::Nadam { lr, beta1, beta2, eps, weight_decay, decoupled, momentum_decay }
}
