//! Updates of flat parameters by groups.

use std::ops::Range;

use convnet_gpu::{Adagrad, Adam, Clock, Lion, List, Nadam, Parameters, RmsProp, Sgd, Vector};
use convnet_kernels::rest;

use super::binder::LINE;
use super::places::Places;
use super::table::Parameter;
use crate::optim::{Optimizer, ParameterGroups, Setting};
use crate::plan::CompileError;

/// Neighbours that are updated alike.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    range: Range<usize>,
    /// Index of the rate's factor.
    rate: usize,
    weight_decay: Option<f32>,
}

/// How all parameters are updated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Updates {
    stretches: Vec<Stretch>,
    /// What the step's learning rate is multiplied with; at least one, the step's own where nothing is updated.
    pub(super) rates: Vec<f32>,
}

/// The whole lines of a range: what lies behind it belongs to nobody and stays zero.
pub(super) fn lines(range: &Range<usize>) -> Range<usize> {
    range.start..range.end.next_multiple_of(LINE)
}

/// The places of the parameters that `groups` does not freeze, neighbours together.
pub(super) fn live(table: &[Parameter], groups: &ParameterGroups) -> Vec<Range<usize>> {
    let parameters = table.iter().enumerate();
    let live = parameters.filter(|(i, _)| !groups.setting(*i).frozen).map(|(_, p)| lines(&p.range));
    let mut ranges: Vec<Range<usize>> = live.collect();
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

impl Updates {
    /// Of the parameters of a table, which is in the order of the groups.
    pub(super) fn new(table: &[Parameter], groups: &ParameterGroups) -> Self {
        let mut rates: Vec<f32> = Vec::new();
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut all: Vec<(Range<usize>, Setting)> =
            table.iter().enumerate().map(|(i, p)| (lines(&p.range), groups.setting(i))).collect();
        all.sort_by_key(|(range, _)| range.start);
        for (range, Setting { rate, weight_decay, frozen }) in all {
            if frozen {
                continue;
            }
            let index = rates.iter().position(|&r| r == rate).unwrap_or_else(|| {
                rates.push(rate);
                rates.len() - 1
            });
            match stretches.last_mut() {
                Some(last)
                    if last.range.end == range.start
                        && last.rate == index
                        && last.weight_decay == weight_decay =>
                {
                    last.range.end = range.end;
                }
                _ => stretches.push(Stretch { range, rate: index, weight_decay }),
            }
        }
        if rates.is_empty() {
            rates.push(1.0);
        }
        Self { stretches, rates }
    }

    /// Adds the updates.
    pub(super) fn add(&self, list: &mut List, places: &Places, optimizer: Optimizer) {
        for Stretch { range, rate, weight_decay } in &self.stretches {
            let part = |start: usize| Vector::new(start + 4 * range.start, range.len());
            let clock = Clock { at: places.clocks + Clock::BYTES * rate };
            let optimizer = match weight_decay {
                Some(decay) => optimizer.with_weight_decay(*decay),
                None => optimizer,
            };
            let buffers = optimizer.buffers().len();
            let moment = |i: usize| (i < buffers).then(|| part(places.moments[i]));
            let parameters = Parameters {
                values: part(places.parameters),
                gradients: part(places.gradients),
                moments: [moment(0), moment(1), moment(2)],
                low: None,
            };
            update(list, clock, optimizer, &parameters);
        }
    }
}

/// Adds the update of a stretch.
fn update(list: &mut List, clock: Clock, optimizer: Optimizer, parameters: &Parameters) {
    let adam =
        |(beta1, beta2, eps), weight_decay, decoupled| Adam { beta1, beta2, eps, weight_decay, decoupled };
    match optimizer {
        Optimizer::Sgd(rule) => {
            let (momentum, weight_decay, nesterov) = (rule.momentum, rule.weight_decay, rule.nesterov);
            let sgd = Sgd { momentum, taken: rest(rule.dampening), weight_decay, nesterov };
            list.sgd(clock, sgd, parameters);
        }
        Optimizer::Adam(rule) => {
            let means = (rule.beta1, rule.beta2, rule.eps);
            list.adam(clock, adam(means, rule.weight_decay, false), parameters);
        }
        Optimizer::Adamw(rule) => {
            let means = (rule.beta1, rule.beta2, rule.eps);
            list.adam(clock, adam(means, rule.weight_decay, true), parameters);
        }
        Optimizer::Nadam(rule) => {
            let betas = [rule.beta1, rule.beta2];
            let nadam = Nadam {
                betas,
                taken: betas.map(rest),
                eps: rule.eps,
                weight_decay: rule.weight_decay,
                momentum_decay: rule.momentum_decay,
                decoupled: rule.decoupled_weight_decay,
            };
            list.nadam(clock, nadam, parameters);
        }
        Optimizer::Rmsprop(rule) => {
            let (alpha, eps, weight_decay, momentum) =
                (rule.alpha, rule.eps, rule.weight_decay, rule.momentum);
            // Buffers follow one another; the kernel has a place for each.
            let [square, second, third] = parameters.moments;
            let moments = if rule.centered { [square, second, third] } else { [square, None, second] };
            let rmsprop = RmsProp { alpha, taken: rest(alpha), eps, weight_decay, momentum };
            list.rmsprop(clock, rmsprop, &Parameters { moments, ..*parameters });
        }
        Optimizer::Adagrad(rule) => {
            let (lr_decay, eps, weight_decay) = (rule.lr_decay, rule.eps, rule.weight_decay);
            list.adagrad(clock, Adagrad { lr_decay, eps, weight_decay }, parameters);
        }
        Optimizer::Lion(rule) => {
            let betas = [rule.beta1, rule.beta2];
            list.lion(
                clock,
                Lion { betas, taken: betas.map(rest), weight_decay: rule.weight_decay },
                parameters,
            );
        }
        Optimizer::Lamb(_) | Optimizer::Lars(_) | Optimizer::Muon(_) => {
            unreachable!("`check` has refused {optimizer}")
        }
    }
}

/// Whether there are kernels for a rule.
///
/// # Errors
/// If there are none; the error names the rule, or its setting.
pub(crate) fn check(optimizer: &Optimizer) -> Result<(), CompileError> {
    match optimizer {
        Optimizer::Sgd(_)
        | Optimizer::Adam(_)
        | Optimizer::Adamw(_)
        | Optimizer::Nadam(_)
        | Optimizer::Rmsprop(_)
        | Optimizer::Adagrad(_)
        | Optimizer::Lion(_) => Ok(()),
        Optimizer::Lamb(_) | Optimizer::Lars(_) | Optimizer::Muon(_) => {
            Err(CompileError::Optimizer { what: optimizer.title().into() })
        }
    }
}

/// What the first buffer of a rule holds before the first update, where that is not zeros.
pub(super) fn first_moment(optimizer: &Optimizer, count: usize) -> Option<Vec<f32>> {
    let Optimizer::Adagrad(rule) = optimizer else { return None };
    Some(vec![rule.initial_accumulator_value; count]).filter(|_| rule.initial_accumulator_value != 0.0)
}

/// The product of NAdam's momenta up to an update, from 1, by that up to the one before; 1 for other rules.
pub(super) fn next_product(optimizer: &Optimizer, step: u64, before: f32) -> f32 {
    let Optimizer::Nadam(rule) = *optimizer else { return 1.0 };
    let nadam = convnet_kernels::Nadam {
        lr: 0.0,
        beta1: rule.beta1,
        beta2: rule.beta2,
        eps: rule.eps,
        weight_decay: rule.weight_decay,
        decoupled: rule.decoupled_weight_decay,
        momentum_decay: rule.momentum_decay,
    };
    (f64::from(before) * nadam.momentum(step)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_a_kernel_is_refused_by_its_name() {
        for entry in Optimizer::entries() {
            let checked = check(&entry.optimizer);
            if matches!(entry.name, "lamb" | "lars" | "muon") {
                let error = checked.unwrap_err().to_string();
                assert!(error.contains(entry.optimizer.title()) && error.contains("CPU"), "{error}");
            } else {
                checked.unwrap();
            }
        }
    }
}
