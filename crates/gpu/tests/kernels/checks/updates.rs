//! Updates of parameters by each rule, beside the rule in double precision.

use convnet_gpu::{Adagrad, Adam, Clock, Format, Lion, List, Nadam, Parameters, RmsProp, Sgd};

use super::case::Case;
use super::{Machine, Report};

/// The learning rate, the product of momenta, and the number of the update.
const RATE: f64 = 0.05;
const PRODUCT: f64 = 0.3;
const STEP: i32 = 4;
const DECAY: f64 = 0.02;
const EPS: f64 = 1e-8;

/// An element: the parameter, its gradient with nothing added, and what is kept.
#[derive(Clone, Copy)]
struct Element {
    p: f64,
    g: f64,
    kept: [f64; 3],
}

impl Element {
    fn coupled(&self) -> f64 {
        self.g + DECAY * self.p
    }
}

struct Rule {
    name: &'static str,
    /// Which moments there are.
    keeps: [bool; 3],
    /// Those that hold squares, and how large these are at least.
    least: [Option<f64>; 3],
    add: fn(&mut List, Clock, &Parameters),
    plain: fn(Element, i32) -> Element,
}

fn sgd(momentum: f32, dampening: f32, nesterov: bool) -> Sgd {
    Sgd { momentum, taken: 1.0 - dampening, weight_decay: DECAY as f32, nesterov }
}

fn rolled(e: Element, taken: f64, nesterov: bool) -> Element {
    let v = 0.9 * e.kept[0] + taken * e.coupled();
    let step = if nesterov { e.coupled() + 0.9 * v } else { v };
    Element { p: e.p - RATE * step, kept: [v, e.kept[1], e.kept[2]], ..e }
}

fn adam(decoupled: bool) -> Adam {
    Adam { beta1: 0.9, beta2: 0.99, eps: EPS as f32, weight_decay: DECAY as f32, decoupled }
}

fn adapted(e: Element, step: i32, decoupled: bool, amsgrad: bool) -> Element {
    let d = if decoupled { e.g } else { e.coupled() };
    let (m, s) = (0.9 * e.kept[0] + 0.1 * d, 0.99 * e.kept[1] + 0.01 * d * d);
    let largest = if amsgrad { e.kept[2].max(s) } else { e.kept[2] };
    let under = if amsgrad { largest } else { s } / (1.0 - 0.99f64.powi(step));
    let keep = if decoupled { 1.0 - RATE * DECAY } else { 1.0 };
    let p = keep * e.p - RATE * m / (1.0 - 0.9f64.powi(step)) / (under.sqrt() + EPS);
    Element { p, kept: [m, s, largest], ..e }
}

fn nadam(decoupled: bool) -> Nadam {
    let (betas, taken) = ([0.9, 0.999], [0.1, 0.001]);
    let (eps, weight_decay) = (EPS as f32, DECAY as f32);
    Nadam { betas, taken, eps, weight_decay, momentum_decay: 0.004, decoupled }
}

fn looked_ahead(e: Element, step: i32, decoupled: bool) -> Element {
    let d = if decoupled { e.g } else { e.coupled() };
    let (m, s) = (0.9 * e.kept[0] + 0.1 * d, 0.999 * e.kept[1] + 0.001 * d * d);
    let mu = |step: i32| 0.9 * (1.0 - 0.5 * 0.96f64.powf(f64::from(step) * 0.004));
    let (now, next) = (mu(step), mu(step + 1));
    let ahead = (1.0 - now) / (1.0 - PRODUCT) * d + next / (1.0 - PRODUCT * next) * m;
    let off = if decoupled { RATE * DECAY * e.p } else { 0.0 };
    let p = e.p - off - RATE * ahead / ((s / (1.0 - 0.999f64.powi(step))).sqrt() + EPS);
    Element { p, kept: [m, s, e.kept[2]], ..e }
}

fn rmsprop(momentum: f32) -> RmsProp {
    let (eps, weight_decay) = (1e-3, DECAY as f32);
    RmsProp { alpha: 0.9, taken: 0.1, eps, weight_decay, momentum }
}

fn by_root(e: Element, centered: bool, momentum: bool) -> Element {
    let (d, [mut s, mut m, mut v]) = (e.coupled(), e.kept);
    s = 0.9 * s + 0.1 * d * d;
    let mut under = s;
    if centered {
        m = 0.9 * m + 0.1 * d;
        under = (s - m * m).max(0.0);
    }
    let mut step = d / (under.sqrt() + 1e-3);
    if momentum {
        v = 0.8 * v + step;
        step = v;
    }
    Element { p: e.p - RATE * step, kept: [s, m, v], ..e }
}

fn by_sum(e: Element, step: i32) -> Element {
    let d = e.coupled();
    let sum = e.kept[0] + d * d;
    let rate = RATE / (1.0 + f64::from(step - 1) * 0.1);
    Element { p: e.p - rate * d / (sum.sqrt() + EPS), kept: [sum, e.kept[1], e.kept[2]], ..e }
}

fn by_sign(e: Element) -> Element {
    let ahead = 0.9 * e.kept[0] + 0.1 * e.g;
    let m = 0.99 * e.kept[0] + 0.01 * e.g;
    let sign = if ahead == 0.0 { 0.0 } else { ahead.signum() };
    Element { p: e.p - RATE * DECAY * e.p - RATE * sign, kept: [m, e.kept[1], e.kept[2]], ..e }
}

type Kept = ([bool; 3], [Option<f64>; 3]);
const NONE: Kept = ([false; 3], [None; 3]);
const VELOCITY: Kept = ([true, false, false], [None; 3]);
const MEANS: Kept = ([true, true, false], [None, Some(0.0), None]);
const LARGEST: Kept = ([true; 3], [None, Some(0.0), Some(0.0)]);
const SQUARES: Kept = ([true, false, false], [Some(0.0), None, None]);
/// So large that rounding makes no variance negative.
const VARIANCE: [Option<f64>; 3] = [Some(1.5), None, None];

fn rules() -> Vec<Rule> {
    let rule = |name, (keeps, least), add, plain| Rule { name, keeps, least, add, plain };
    vec![
        rule(
            "sgd",
            NONE,
            |list, clock, to| list.sgd(clock, sgd(0.0, 0.0, false), to),
            |e, _| Element { p: e.p - RATE * e.coupled(), ..e },
        ),
        rule(
            "sgd with momentum",
            VELOCITY,
            |list, clock, to| list.sgd(clock, sgd(0.9, 0.0, false), to),
            |e, _| rolled(e, 1.0, false),
        ),
        rule(
            "sgd with dampening",
            VELOCITY,
            |list, clock, to| list.sgd(clock, sgd(0.9, 0.4, false), to),
            |e, step| rolled(e, if step == 1 { 1.0 } else { 0.6 }, false),
        ),
        rule(
            "sgd by Nesterov",
            VELOCITY,
            |list, clock, to| list.sgd(clock, sgd(0.9, 0.0, true), to),
            |e, _| rolled(e, 1.0, true),
        ),
        rule(
            "adam",
            MEANS,
            |list, clock, to| list.adam(clock, adam(false), to),
            |e, step| adapted(e, step, false, false),
        ),
        rule(
            "adamw",
            MEANS,
            |list, clock, to| list.adam(clock, adam(true), to),
            |e, step| adapted(e, step, true, false),
        ),
        rule(
            "adam with amsgrad",
            LARGEST,
            |list, clock, to| list.adam(clock, adam(false), to),
            |e, step| adapted(e, step, false, true),
        ),
        rule(
            "nadam",
            MEANS,
            |list, clock, to| list.nadam(clock, nadam(false), to),
            |e, step| looked_ahead(e, step, false),
        ),
        rule(
            "nadam, decoupled",
            MEANS,
            |list, clock, to| list.nadam(clock, nadam(true), to),
            |e, step| looked_ahead(e, step, true),
        ),
        rule(
            "rmsprop",
            SQUARES,
            |list, clock, to| list.rmsprop(clock, rmsprop(0.0), to),
            |e, _| by_root(e, false, false),
        ),
        rule(
            "rmsprop, centered",
            ([true, true, false], VARIANCE),
            |list, clock, to| list.rmsprop(clock, rmsprop(0.0), to),
            |e, _| by_root(e, true, false),
        ),
        rule(
            "rmsprop with momentum",
            ([true, false, true], VARIANCE),
            |list, clock, to| list.rmsprop(clock, rmsprop(0.8), to),
            |e, _| by_root(e, false, true),
        ),
        rule(
            "rmsprop, centered, with momentum",
            ([true; 3], VARIANCE),
            |list, clock, to| list.rmsprop(clock, rmsprop(0.8), to),
            |e, _| by_root(e, true, true),
        ),
        rule(
            "adagrad",
            SQUARES,
            |list, clock, to| {
                let (eps, weight_decay) = (EPS as f32, DECAY as f32);
                list.adagrad(clock, Adagrad { lr_decay: 0.1, eps, weight_decay }, to);
            },
            by_sum,
        ),
        rule(
            "lion",
            VELOCITY,
            |list, clock, to| {
                let (betas, taken) = ([0.9, 0.99], [0.1, 0.01]);
                list.lion(clock, Lion { betas, taken, weight_decay: DECAY as f32 }, to);
            },
            |e, _| by_sign(e),
        ),
    ]
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        for len in [1, 24, 77, 4096] {
            for (number, rule) in rules().iter().enumerate() {
                for step in [1, STEP] {
                    update(machine, report, (rule, step), (format, len, number.is_multiple_of(2)));
                }
            }
        }
    }
}

fn update(
    machine: &mut dyn Machine,
    report: &mut Report,
    (rule, step): (&Rule, i32),
    (format, len, with_low): (Format, usize, bool),
) {
    let mut case = Case::new(27);
    let p = case.floats(len);
    let g = case.vector(len, format);
    let moments = [0; 3].map(|_| case.floats(len));
    for (moment, least) in moments.into_iter().zip(rule.least) {
        let Some(least) = least else { continue };
        let values: Vec<f64> = case.values(moment).iter().map(|v| v.abs() + least).collect();
        case.set(moment.rows(len), &values);
    }
    // An element that nothing moves but its decay.
    let still = |values: Vec<f64>| values.into_iter().enumerate().map(|(i, v)| if i == 3 { 0.0 } else { v });
    case.set(g.rows(len), &still(case.values(g)).collect::<Vec<_>>());
    case.set(moments[0].rows(len), &still(case.values(moments[0])).collect::<Vec<_>>());
    let low = case.vector(len, Format::Bf16);
    let clock = Clock { at: case.room(Clock::BYTES) };
    case.put(clock.at, &Clock::bytes(1, step as u64 - 1, [RATE as f32, PRODUCT as f32]));
    case.ignore(clock.at, Clock::BYTES);
    let (ps, gs, kept) = (case.values(p), case.values(g), moments.map(|moment| case.values(moment)));
    let elements: Vec<Element> = (0..len)
        .map(|i| {
            let before = Element { p: ps[i], g: gs[i], kept: [0, 1, 2].map(|k| kept[k][i]) };
            let after = (rule.plain)(before, step);
            let kept = [0, 1, 2].map(|k| if rule.keeps[k] { after.kept[k] } else { before.kept[k] });
            Element { kept, ..after }
        })
        .collect();
    let mut list = case.list();
    list.tick(clock);
    let there = |number: usize| rule.keeps[number].then_some(moments[number]);
    let low = with_low.then_some(low);
    let parameters = Parameters { values: p, gradients: g, moments: [there(0), there(1), there(2)], low };
    (rule.add)(&mut list, clock, &parameters);
    let of = |get: fn(&Element) -> f64| elements.iter().map(get).collect::<Vec<f64>>();
    if let Some(low) = low {
        case.expect_vector(low, of(|e| e.p), 8e-3);
    }
    case.expect_vector(p, of(|e| e.p), 1e-5);
    case.expect_vector(moments[0], of(|e| e.kept[0]), 1e-5);
    case.expect_vector(moments[1], of(|e| e.kept[1]), 1e-5);
    case.expect_vector(moments[2], of(|e| e.kept[2]), 1e-5);
    case.run(machine, report, &format!("{} {step} {format:?} {len}", rule.name), &list);
}
