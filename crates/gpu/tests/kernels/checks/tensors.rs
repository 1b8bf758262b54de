//! Updates by the norms of a tensor, beside the rules in double precision.

use convnet_gpu::{Clock, Lamb, Lars, Muon, MuonRoom, Parameters, Sgd, Vector};

use super::case::Case;
use super::{Machine, Report};

const RATE: f64 = 0.05;
const STEP: i32 = 4;
const DECAY: f64 = 0.02;
const EPS: f64 = 1e-6;
const COEFFICIENT: f64 = 0.3;

/// What the tensor is like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Like {
    Random,
    /// Weights that are all 0, as biases begin.
    Zeros,
}

/// Whether the rate goes by the norms, and is bounded.
#[derive(Clone, Copy, Debug)]
struct How {
    adapt: bool,
    clip: bool,
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    // One block of a sum, a part of one, and several.
    for len in [1, 77, 5000] {
        for like in [Like::Random, Like::Zeros] {
            for (adapt, clip) in [(false, false), (true, false), (true, true)] {
                lars(machine, report, (len, like), How { adapt, clip });
                lamb(machine, report, (len, like), How { adapt, clip });
            }
        }
    }
    for sides in [(6, 20), (20, 6), (16, 16), (1, 5), (5, 1)] {
        for nesterov in [false, true] {
            muon(machine, report, sides, nesterov);
        }
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// A clock before update number [`STEP`].
fn clock(case: &mut Case) -> Clock {
    let clock = Clock { at: case.room(Clock::BYTES) };
    case.put(clock.at, &Clock::bytes(1, STEP as u64, [RATE as f32, 1.0]));
    clock
}

/// Room for a number that may hold anything before, and is not looked at.
fn number(case: &mut Case, bytes: usize) -> usize {
    let at = case.room(bytes);
    case.put(at, &vec![0xff; bytes]);
    case.ignore(at, bytes);
    at
}

fn lars(machine: &mut dyn Machine, report: &mut Report, (len, like): (usize, Like), how: How) {
    let mut case = Case::new(31);
    let [p, g, v] = [0; 3].map(|_| case.floats(len));
    if like == Like::Zeros {
        case.set(p.rows(len), &vec![0.0; len]);
    }
    let (clock, trust) = (clock(&mut case), number(&mut case, 8));
    let [ps, gs, vs] = [p, g, v].map(|vector| case.values(vector));
    let ratio = match (norm(&ps), norm(&gs)) {
        (weights, gradients) if weights > 0.0 => COEFFICIENT * weights / (gradients + DECAY * weights + EPS),
        _ => 1.0,
    };
    let ratio = if how.clip { (ratio / RATE).min(1.0) } else { ratio };
    let ratio = if how.adapt { ratio } else { 1.0 };
    let velocity: Vec<f64> = (0..len).map(|i| 0.9 * vs[i] + 0.6 * ratio * (gs[i] + DECAY * ps[i])).collect();
    let after: Vec<f64> = ps.iter().zip(&velocity).map(|(p, v)| p - RATE * v).collect();
    let mut list = case.list();
    let rule = Lars {
        sgd: Sgd { momentum: 0.9, taken: 0.6, weight_decay: DECAY as f32, nesterov: false },
        coefficient: COEFFICIENT as f32,
        eps: EPS as f32,
        clip: how.clip,
        adapt: how.adapt,
    };
    let parameters = Parameters { values: p, gradients: g, moments: [Some(v), None, None], low: None };
    list.lars(clock, rule, &parameters, Vector::new(trust, 1));
    case.expect_vector(p, after, 1e-5);
    case.expect_vector(v, velocity, 1e-5);
    case.run(machine, report, &format!("lars {len} {like:?} {how:?}"), &list);
}

fn lamb(machine: &mut dyn Machine, report: &mut Report, (len, like): (usize, Like), how: How) {
    let mut case = Case::new(37);
    let [p, g, m, v, other] = [0; 5].map(|_| case.floats(len));
    let squares: Vec<f64> = case.values(v).iter().map(|v| v.abs() + 1e-3).collect();
    case.set(v.rows(len), &squares);
    if like == Like::Zeros {
        case.set(p.rows(len), &vec![0.0; len]);
    }
    let clock = clock(&mut case);
    let (rate, sum) = (number(&mut case, 8), number(&mut case, 8));
    let [ps, gs, ms, vs, others] = [p, g, m, v, other].map(|vector| case.values(vector));
    // All gradients together are this tensor's and another's.
    const LIMIT: f64 = 0.5;
    let all = norm(&[norm(&gs), norm(&others)]);
    let scale = 1.0 / (all / LIMIT).max(1.0);
    let mean: Vec<f64> = ms.iter().zip(&gs).map(|(m, g)| 0.9 * m + 0.1 * g * scale).collect();
    let square: Vec<f64> = vs.iter().zip(&gs).map(|(v, g)| 0.99 * v + 0.01 * (g * scale).powi(2)).collect();
    let [bias, root] = [1.0 - 0.9f64.powi(STEP), (1.0 - 0.99f64.powi(STEP)).sqrt()];
    let change = |i: usize| mean[i] / bias / (square[i].sqrt() / root + EPS) + DECAY * ps[i];
    let changes: Vec<f64> = (0..len).map(change).collect();
    let mut ratio = if norm(&ps) > 0.0 { norm(&ps) / norm(&changes) } else { 1.0 };
    ratio = if how.clip { ratio.min(1.0) } else { ratio };
    let ratio = if how.adapt { ratio } else { 1.0 };
    let after: Vec<f64> = ps.iter().zip(&changes).map(|(p, change)| p - RATE * ratio * change).collect();
    let mut list = case.list();
    list.squares(other, sum, false);
    list.squares(g, sum, true);
    let rule = Lamb {
        betas: [0.9, 0.99],
        taken: [0.1, 0.01],
        eps: EPS as f32,
        weight_decay: DECAY as f32,
        adapt: how.adapt,
        clip: how.clip,
        limit: Some((sum, LIMIT as f32)),
    };
    let parameters = Parameters { values: p, gradients: g, moments: [Some(m), Some(v), None], low: None };
    list.lamb(clock, rule, &parameters, Vector::new(rate, 1));
    case.expect_vector(p, after, 1e-5);
    case.expect_vector(m, mean, 1e-5);
    case.expect_vector(v, square, 1e-5);
    case.run(machine, report, &format!("lamb {len} {like:?} {how:?}"), &list);
}

/// x ← a·x + b·x·xᵀ·x + c·x·xᵀ·x·xᵀ·x, row by row.
fn iterated(x: &[f64], (rows, columns): (usize, usize), [a, b, c]: [f64; 3]) -> Vec<f64> {
    // x·xᵀ·y
    let pair = |y: &[f64]| -> Vec<f64> {
        let gram =
            |i: usize, j: usize| (0..columns).map(|k| x[i * columns + k] * x[j * columns + k]).sum::<f64>();
        let at = |i: usize, k: usize| (0..rows).map(|j| gram(i, j) * y[j * columns + k]).sum::<f64>();
        (0..rows * columns).map(|place| at(place / columns, place % columns)).collect()
    };
    let third = pair(x);
    let fifth = pair(&third);
    (0..x.len()).map(|i| a * x[i] + b * third[i] + c * fifth[i]).collect()
}

fn muon(machine: &mut dyn Machine, report: &mut Report, (rows, columns): (usize, usize), nesterov: bool) {
    const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];
    let len = rows * columns;
    let mut case = Case::new(41);
    let [p, g, v] = [0; 3].map(|_| case.floats(len));
    let clock = clock(&mut case);
    let room = number(&mut case, MuonRoom::bytes(rows, columns).expect("a small room"));
    let [ps, gs, vs] = [p, g, v].map(|vector| case.values(vector));
    let velocity: Vec<f64> = vs.iter().zip(&gs).map(|(v, g)| v + 0.1 * (g - v)).collect();
    let ahead = |(v, g): (&f64, &f64)| if nesterov { g + 0.9 * (v - g) } else { *v };
    let step: Vec<f64> = velocity.iter().zip(&gs).map(ahead).collect();
    let mut x: Vec<f64> = step.iter().map(|s| s / norm(&step).max(1e-7)).collect();
    for _ in 0..5 {
        x = iterated(&x, (rows, columns), COEFFICIENTS.map(f64::from));
    }
    let after = ps.iter().zip(&x).map(|(p, x)| p - RATE * (DECAY * p + 0.4 * x)).collect();
    let mut list = case.list();
    let rule = Muon {
        momentum: 0.9,
        taken: 0.1,
        nesterov,
        weight_decay: DECAY as f32,
        steps: 5,
        coefficients: COEFFICIENTS,
        eps: 1e-7,
        scale: 0.4,
    };
    let parameters = Parameters { values: p, gradients: g, moments: [Some(v), None, None], low: None };
    list.muon(clock, rule, &parameters, rows, MuonRoom { at: room });
    case.expect_vector(p, after, 3e-5);
    case.expect_vector(v, velocity, 1e-5);
    case.run(machine, report, &format!("muon {rows}x{columns} nesterov {nesterov}"), &list);
}
