//! Updates of flat parameters by groups.

use std::ops::Range;

use convnet_gpu::{Adam, Clock, List, Parameters, Sgd, Vector};

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
                moments: [moment(0), moment(1)],
                low: None,
            };
            match optimizer {
                Optimizer::Sgd(rule) => {
                    let (momentum, weight_decay, nesterov) =
                        (rule.momentum, rule.weight_decay, rule.nesterov);
                    list.sgd(clock, Sgd { momentum, weight_decay, nesterov }, &parameters);
                }
                Optimizer::Adam(rule) => {
                    let (beta1, beta2, eps, weight_decay) =
                        (rule.beta1, rule.beta2, rule.eps, rule.weight_decay);
                    list.adam(clock, Adam { beta1, beta2, eps, weight_decay, decoupled: false }, &parameters);
                }
                Optimizer::Adamw(rule) => {
                    let (beta1, beta2, eps, weight_decay) =
                        (rule.beta1, rule.beta2, rule.eps, rule.weight_decay);
                    list.adam(clock, Adam { beta1, beta2, eps, weight_decay, decoupled: true }, &parameters);
                }
                Optimizer::Nadam(_)
                | Optimizer::Rmsprop(_)
                | Optimizer::Adagrad(_)
                | Optimizer::Lion(_)
                | Optimizer::Lamb(_)
                | Optimizer::Lars(_)
                | Optimizer::Muon(_) => unreachable!("`check` has refused {optimizer}"),
            }
        }
    }
}

/// Whether there are kernels for a rule.
///
/// # Errors
/// If there are none; the error names the rule, or its setting.
pub(crate) fn check(optimizer: &Optimizer) -> Result<(), CompileError> {
    let refused = |what: String| Err(CompileError::Optimizer { what });
    match optimizer {
        Optimizer::Sgd(rule) if rule.dampening != 0.0 => refused("SGD with dampening".into()),
        Optimizer::Adam(rule) if rule.amsgrad => refused(optimizer.to_string()),
        Optimizer::Adamw(rule) if rule.amsgrad => refused(optimizer.to_string()),
        Optimizer::Sgd(_) | Optimizer::Adam(_) | Optimizer::Adamw(_) => Ok(()),
        Optimizer::Nadam(_)
        | Optimizer::Rmsprop(_)
        | Optimizer::Adagrad(_)
        | Optimizer::Lion(_)
        | Optimizer::Lamb(_)
        | Optimizer::Lars(_)
        | Optimizer::Muon(_) => refused(optimizer.title().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Adam, Sgd};

    #[test]
    fn a_rule_without_a_kernel_is_refused_by_its_name() {
        for entry in Optimizer::entries() {
            let checked = check(&entry.optimizer);
            if matches!(entry.name, "sgd" | "adam" | "adamw") {
                checked.unwrap();
            } else {
                let error = checked.unwrap_err().to_string();
                assert!(error.contains(entry.optimizer.title()) && error.contains("CPU"), "{error}");
            }
        }
        let dampened = Sgd { dampening: 0.1, ..Sgd::default() };
        assert!(check(&dampened.into()).unwrap_err().to_string().contains("dampening"));
        assert!(check(&Adam { amsgrad: true, ..Adam::default() }.into()).is_err());
    }
}
