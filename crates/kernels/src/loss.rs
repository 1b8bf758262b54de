//! Softmax and cross-entropy over rows of logits.

use crate::arena::{Arena, View};
use crate::isa::Isa;
use crate::threads::Pool;

/// out = softmax of each row.
///
/// # Panics
/// If views do not fit.
pub fn softmax(pool: &Pool, _isa: Isa, arena: &mut Arena, views: [View; 2]) {
    rows(pool, arena, views, |y| {
        normalize(y);
    });
}

/// Copies each row of the input to the output and calls `f` with it there.
fn rows(pool: &Pool, arena: &mut Arena, [input, out]: [View; 2], f: impl Fn(&mut [f32]) + Sync) {
    arena.check_alike(input, &[out]);
    input.assert_disjoint(out);
    let pointer = arena.pointer();
    pool.ranges(input.pixels, 64, &|pixels| {
        for pixel in pixels {
            // SAFETY: the views were checked and share nothing; tasks have different pixels.
            let (x, y) = unsafe { (pointer.slice(input.pixel(pixel)), pointer.slice_mut(out.pixel(pixel))) };
            y.copy_from_slice(x);
            f(y);
        }
    });
}

/// Softmax of a row in place; returns the logarithm of the sum of exponentials.
fn normalize(row: &mut [f32]) -> f64 {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0f64;
    for x in row.iter_mut() {
        *x = (*x - max).exp();
        sum += f64::from(*x);
    }
    let share = (1.0 / sum) as f32;
    for x in row.iter_mut() {
        *x *= share;
    }
    f64::from(max) + sum.ln()
}

/// input_gradient (+)= y·(dy − Σ dy·y), y the softmax. `views` are y, dy and the input's gradient.
///
/// # Panics
/// If views do not fit.
pub fn softmax_backward(arena: &mut Arena, views: [View; 3], accumulate: bool) {
    rows_backward(arena, views, |[y, dy], dx| {
        let dot: f32 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = if accumulate { *dx } else { 0.0 } + y * (dy - dot);
        }
    });
}

/// out = input − ln Σ e^input over the channels of each row.
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn log_softmax(pool: &Pool, arena: &mut Arena, views: [View; 2]) {
    rows(pool, arena, views, |y| {
        let max = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = y.iter().map(|x| f64::from((x - max).exp())).sum();
        let log_sum = f64::from(max) + sum.ln();
        y.iter_mut().for_each(|x| *x = (f64::from(*x) - log_sum) as f32);
    });
}

/// input_gradient (+)= dy − e^y · Σ dy, y the logarithm of the softmax. `views` are y, dy and the input's gradient.
///
/// # Panics
/// If views do not fit.
pub fn log_softmax_backward(arena: &mut Arena, views: [View; 3], accumulate: bool) {
    rows_backward(arena, views, |[y, dy], dx| {
        let sum: f32 = dy.iter().sum();
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = if accumulate { *dx } else { 0.0 } + dy - y.exp() * sum;
        }
    });
}

/// Calls `f` with each row of an output, of its gradient and of the input's gradient.
fn rows_backward(arena: &mut Arena, views: [View; 3], f: impl Fn([&[f32]; 2], &mut [f32])) {
    let [output, output_gradient, input_gradient] = views;
    arena.check_alike(output, &[output_gradient, input_gradient]);
    input_gradient.assert_disjoint(output);
    input_gradient.assert_disjoint(output_gradient);
    let pointer = arena.pointer();
    for pixel in 0..output.pixels {
        // SAFETY: the views were checked; the written one shares nothing with the others.
        let (y, dy, dx) = unsafe {
            (
                pointer.slice(output.pixel(pixel)),
                pointer.slice(output_gradient.pixel(pixel)),
                pointer.slice_mut(input_gradient.pixel(pixel)),
            )
        };
        f([y, dy], dx);
    }
}

/// Cross-entropy of logits (N, classes) with labels: returns the mean loss and how many rows have their
/// largest logit (the first of equals) at the label; gradient (+)= weight·(softmax − one-hot)/N.
///
/// `views` are the logits and their gradient.
///
/// # Panics
/// If views do not fit or a label is not below the number of classes.
pub fn cross_entropy(
    arena: &mut Arena,
    [logits, gradient]: [View; 2],
    labels: &[u32],
    weight: f32,
    accumulate: bool,
) -> (f64, usize) {
    arena.check_alike(logits, &[gradient]);
    assert_eq!(labels.len(), logits.pixels, "a label for each row");
    assert!(labels.iter().all(|&l| (l as usize) < logits.channels), "labels below {}", logits.channels);
    logits.assert_disjoint(gradient);
    let pointer = arena.pointer();
    let (mut loss, mut correct) = (0.0, 0);
    let mut row = vec![0.0f32; logits.channels];
    let factor = weight / labels.len() as f32;
    for (pixel, &label) in labels.iter().enumerate() {
        // SAFETY: the views were checked and share nothing.
        let (x, dx) =
            unsafe { (pointer.slice(logits.pixel(pixel)), pointer.slice_mut(gradient.pixel(pixel))) };
        let label = label as usize;
        row.copy_from_slice(x);
        loss += normalize(&mut row) - f64::from(x[label]);
        let best = x.iter().enumerate().fold(0, |best, (i, &v)| if v > x[best] { i } else { best });
        correct += usize::from(best == label);
        row[label] -= 1.0;
        for (dx, p) in dx.iter_mut().zip(&row) {
            *dx = if accumulate { *dx } else { 0.0 } + factor * p;
        }
    }
    (loss / labels.len() as f64, correct)
}
