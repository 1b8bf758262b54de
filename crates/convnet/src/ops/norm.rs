//! What normalizations by the numbers of one image share: their definition and its gradient.

use super::{Array, Gradients, ParamKind, ParamSpec, Reads};
use crate::shape::{Shape, ShapeIssue};

/// γ and β by channel.
pub(super) fn parameters(input: Shape) -> Vec<ParamSpec> {
    [("weight", ParamKind::NormWeight), ("bias", ParamKind::NormBias)]
        .map(|(name, kind)| ParamSpec::new(name, &[input.channels()], kind))
        .to_vec()
}

/// Refuses an ε that is added to variances and is none.
pub(super) fn check_eps(eps: f32) -> Result<(), ShapeIssue> {
    if eps.is_finite() && eps >= 0.0 {
        return Ok(());
    }
    Err(ShapeIssue::new(format!("eps of {eps}"), "a finite number that is not negative", "use 1e-5"))
}

/// The sets of elements that are normalized together.
fn sets(x: &Array, set: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for i in 0..x.data.len() {
        let number = set(i);
        if sets.len() <= number {
            sets.resize(number + 1, Vec::new());
        }
        sets[number].push(i);
    }
    sets
}

/// Of each element what it is less its set's mean over its deviation, and 1 over that deviation.
fn normalized(x: &Array, sets: &[Vec<usize>], eps: f64) -> (Array, Array) {
    let (mut unit, mut inverse) = (Array::zeros(&x.shape), Array::zeros(&x.shape));
    for set in sets {
        let count = set.len() as f64;
        let mean = set.iter().map(|&i| x.data[i]).sum::<f64>() / count;
        let variance = set.iter().map(|&i| (x.data[i] - mean).powi(2)).sum::<f64>() / count;
        for &i in set {
            inverse.data[i] = 1.0 / (variance + eps).sqrt();
            unit.data[i] = (x.data[i] - mean) * inverse.data[i];
        }
    }
    (unit, inverse)
}

/// γ·(x − mean)/√(var + eps) + β, mean and biased variance being those of the element's set, which `set` numbers.
pub(super) fn forward(reads: &Reads<'_>, eps: f32, set: impl Fn(usize) -> usize) -> Array {
    let x = reads.inputs[0];
    let (unit, _) = normalized(x, &sets(x, set), eps.into());
    let [weight, bias] = [0, 1].map(|i| &reads.parameters[i].data);
    Array::from_fn(&x.shape, |i| weight[x.channel(i)] * unit.data[i] + bias[x.channel(i)])
}

/// The gradients: dx = (γ·dy − mean(γ·dy) − x̂·mean(γ·dy·x̂))/√(var + eps), dγ = Σ dy·x̂, dβ = Σ dy.
pub(super) fn backward(reads: &Reads<'_>, eps: f32, dy: &Array, set: impl Fn(usize) -> usize) -> Gradients {
    let x = reads.inputs[0];
    let sets = sets(x, set);
    let (unit, inverse) = normalized(x, &sets, eps.into());
    let weight = reads.parameters[0];
    let (mut dw, mut db) = (Array::zeros(&weight.shape), Array::zeros(&weight.shape));
    let scaled = Array::from_fn(&x.shape, |i| weight.data[x.channel(i)] * dy.data[i]);
    let mut dx = Array::zeros(&x.shape);
    for set in &sets {
        let count = set.len() as f64;
        let mean = set.iter().map(|&i| scaled.data[i]).sum::<f64>() / count;
        let slope = set.iter().map(|&i| scaled.data[i] * unit.data[i]).sum::<f64>() / count;
        for &i in set {
            dx.data[i] = (scaled.data[i] - mean - unit.data[i] * slope) * inverse.data[i];
            dw.data[x.channel(i)] += dy.data[i] * unit.data[i];
            db.data[x.channel(i)] += dy.data[i];
        }
    }
    Gradients::with_parameters([dx, dw, db])
}
