//! Updates of flat parameters by groups.

use std::ops::Range;

use convnet_gpu::{
    Adagrad, Adam, Clock, Lamb, Lars, Lion, List, Muon, MuonRoom, Nadam, Parameters, RmsProp, Sgd, Vector,
};
use convnet_kernels::{NEWTON_SCHULZ, rest};

use super::binder::LINE;
use super::places::Places;
use super::table::Parameter;
use crate::optim::{Assigned, Optimizer, ParameterGroups, Setting};
use crate::tracked::{Tracked, longest_gradient};

/// Neighbours that are updated alike.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    range: Range<usize>,
    /// Index of the clock.
    clock: usize,
    rule: Optimizer,
    /// The first parameter.
    first: usize,
}

/// What a clock tells the updates that go by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Going {
    /// What the step's learning rate is multiplied with.
    pub(super) rate: f32,
    /// A parameter that has had as many updates as all that go by it.
    pub(super) like: usize,
}

/// How all parameters are updated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Updates {
    stretches: Vec<Stretch>,
    pub(super) clocks: Vec<Going>,
    /// Parameters of the table.
    count: usize,
}

/// The whole lines of a range: what lies behind it belongs to nobody and stays zero.
pub(super) fn lines(range: &Range<usize>) -> Range<usize> {
    range.start..range.end.next_multiple_of(LINE)
}

/// Whether a step changes parameter number `i`.
pub(super) fn learns(table: &[Parameter], groups: &ParameterGroups, i: usize) -> bool {
    !(table[i].frozen || groups.setting(i).frozen)
}

/// The places of the parameters that `groups` does not freeze, neighbours together.
pub(super) fn live(table: &[Parameter], groups: &ParameterGroups) -> Vec<Range<usize>> {
    let live = (0..table.len()).filter(|&i| learns(table, groups, i));
    let mut ranges: Vec<Range<usize>> = live.map(|i| lines(&table[i].range)).collect();
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
    /// Of the parameters of a table, which is in the order of the groups, and what is kept of each.
    pub(super) fn new(table: &[Parameter], tracked: &[Tracked], groups: &ParameterGroups) -> Self {
        let mut clocks: Vec<Going> = Vec::new();
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut all: Vec<usize> = (0..table.len()).filter(|&i| learns(table, groups, i)).collect();
        all.sort_by_key(|&i| table[i].range.start);
        for like in all {
            let (range, Setting { rate, weight_decay, .. }) =
                (lines(&table[like].range), groups.setting(like));
            let rule = tracked[like].rule;
            let rule = weight_decay.map_or(rule, |decay| rule.with_weight_decay(decay));
            let rate = rate * tracked[like].factor;
            let same = |going: &Going| going.rate == rate && tracked[going.like] == tracked[like];
            let clock = clocks.iter().position(same).unwrap_or_else(|| {
                clocks.push(Going { rate, like });
                clocks.len() - 1
            });
            match stretches.last_mut() {
                Some(last)
                    if last.range.end == range.start
                        && last.clock == clock
                        && last.rule == rule
                        && !looks_at_tensors(&rule) =>
                {
                    last.range.end = range.end;
                }
                _ => stretches.push(Stretch { range, clock, rule, first: like }),
            }
        }
        Self { stretches, clocks, count: table.len() }
    }

    /// Adds the updates.
    pub(super) fn add(&self, list: &mut List, places: &Places, table: &[Parameter]) {
        // Numbers between launches: one of each parameter, and the sum of all squares.
        let number = |i: usize| places.spare + 4 * LINE * i;
        let squares = number(2 * self.count);
        if self.stretches.iter().any(|stretch| longest_gradient(&stretch.rule).is_some()) {
            for (i, Stretch { range, .. }) in self.stretches.iter().enumerate() {
                list.squares(Vector::new(places.gradients + 4 * range.start, range.len()), squares, i > 0);
            }
        }
        for Stretch { range, clock, rule, first } in &self.stretches {
            let parameter = &table[*first];
            let range = if matches!(rule, Optimizer::Muon(_)) { &parameter.range } else { range };
            let part = |start: usize| Vector::new(start + 4 * range.start, range.len());
            let clock = Clock { at: places.clocks + Clock::BYTES * clock };
            let buffers = rule.buffers().len();
            let moment = |i: usize| (i < buffers).then(|| part(places.moments[i]));
            let parameters = Parameters {
                values: part(places.parameters),
                gradients: part(places.gradients),
                moments: [moment(0), moment(1), moment(2)],
                low: None,
            };
            let room = Room { number: Vector::new(number(*first), 1), squares, matrices: places.matrices };
            update(list, clock, *rule, (parameter, &parameters), room);
        }
    }
}

/// Whether a rule updates a tensor by a look at all of it.
fn looks_at_tensors(rule: &Optimizer) -> bool {
    matches!(rule, Optimizer::Lamb(_) | Optimizer::Lars(_) | Optimizer::Muon(_))
}

/// Bytes of the room for the largest matrix that Muon updates; `None` if they cannot be counted.
pub(super) fn matrices(table: &[Parameter], rules: &Assigned) -> Option<usize> {
    let mut most = 0;
    for parameter in table.iter().filter(|parameter| !parameter.frozen) {
        if let (Optimizer::Muon(_), _) = rules.of(&parameter.spec) {
            let rows = rows(parameter);
            most = most.max(MuonRoom::bytes(rows, parameter.range.len() / rows)?);
        }
    }
    Some(most)
}

/// Rows of a parameter as a matrix.
fn rows(parameter: &Parameter) -> usize {
    parameter.spec.shape.first().copied().unwrap_or(1).max(1)
}

/// Where rules that look at whole tensors put what they find.
#[derive(Clone, Copy)]
struct Room {
    /// A number.
    number: Vector,
    /// The sum of the squares of all gradients.
    squares: usize,
    matrices: usize,
}

/// Adds the update of a stretch, which begins with a parameter.
fn update(
    list: &mut List,
    clock: Clock,
    optimizer: Optimizer,
    (parameter, parameters): (&Parameter, &Parameters),
    Room { number, squares, matrices }: Room,
) {
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
        Optimizer::Lars(rule) => {
            let (momentum, weight_decay, nesterov) = (rule.momentum, rule.weight_decay, rule.nesterov);
            let lars = Lars {
                sgd: Sgd { momentum, taken: rest(rule.dampening), weight_decay, nesterov },
                coefficient: rule.trust_coeff,
                eps: rule.eps,
                clip: rule.trust_clip,
                adapt: weight_decay != 0.0 || rule.always_adapt,
            };
            list.lars(clock, lars, parameters, number);
        }
        Optimizer::Lamb(rule) => {
            let betas = [rule.beta1, rule.beta2];
            let lamb = Lamb {
                betas,
                taken: betas.map(rest),
                eps: rule.eps,
                weight_decay: rule.weight_decay,
                adapt: rule.weight_decay != 0.0 || rule.always_adapt,
                clip: rule.trust_clip,
                limit: longest_gradient(&optimizer).map(|limit| (squares, limit)),
            };
            list.lamb(clock, lamb, parameters, number);
        }
        Optimizer::Muon(rule) => {
            let rows = rows(parameter);
            let muon = Muon {
                momentum: rule.momentum,
                taken: rest(rule.momentum),
                nesterov: rule.nesterov,
                weight_decay: rule.weight_decay,
                steps: rule.ns_steps as usize,
                coefficients: NEWTON_SCHULZ,
                eps: rule.eps,
                scale: rule.adjust.factor(rows, parameter.spec.elements() / rows),
            };
            list.muon(clock, muon, parameters, rows, MuonRoom { at: matrices });
        }
    }
}

/// What the first buffer of a rule holds before the first update, where that is not zeros.
pub(super) fn first_moment(optimizer: &Optimizer, count: usize) -> Option<Vec<f32>> {
    let Optimizer::Adagrad(rule) = optimizer else { return None };
    Some(vec![rule.initial_accumulator_value; count]).filter(|_| rule.initial_accumulator_value != 0.0)
}
