//! Batch normalization as its formula, and its gradients (Ioffe and Szegedy 2015, section 3).

use super::BatchNorm2d;
use crate::ops::Array;

/// A batch's statistics by channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) mean: Array,
    /// Biased: divided by the number of elements.
    pub(crate) variance: Array,
    /// Elements of a channel (N·H·W).
    pub(crate) count: usize,
}

impl Statistics {
    /// The batch's own statistics.
    pub(crate) fn of(x: &Array) -> Self {
        let [batch, channels, height, width] = x.nchw();
        let count = batch * height * width;
        let mean_of = |f: &dyn Fn(usize, f64) -> f64| {
            Array::from_fn(&[channels], |c| {
                let sum: f64 = (0..batch).flat_map(|n| &x.data[x.plane(n, c)]).map(|x| f(c, *x)).sum();
                sum / count as f64
            })
        };
        let mean = mean_of(&|_, x| x);
        let variance = mean_of(&|c, x| (x - mean.data[c]).powi(2));
        Self { mean, variance, count }
    }

    /// The running mean and variance after this batch; the variance is unbiased there. A single element,
    /// whose unbiased variance is undefined, counts as variance 0.
    pub(crate) fn update(&self, op: &BatchNorm2d, mean: &Array, variance: &Array) -> [Array; 2] {
        let momentum = f64::from(op.momentum);
        let unbias = self.count as f64 / self.count.saturating_sub(1).max(1) as f64;
        let blend = |old: f64, new: f64| (1.0 - momentum) * old + momentum * new;
        [mean.zip(&self.mean, blend), variance.zip(&self.variance, |old, new| blend(old, new * unbias))]
    }
}

/// y = γ·(x − mean) / √(variance + ε) + β: inference with the running statistics, training with
/// [`Statistics::of`] the batch.
pub(crate) fn forward(
    op: &BatchNorm2d,
    x: &Array,
    [gamma, beta]: [&Array; 2],
    [mean, variance]: [&Array; 2],
) -> Array {
    let [_, channels, height, width] = x.nchw();
    Array::from_fn(&x.shape, |i| {
        let c = i / (height * width) % channels;
        let deviation = (variance.data[c] + f64::from(op.eps)).sqrt();
        gamma.data[c] * (x.data[i] - mean.data[c]) / deviation + beta.data[c]
    })
}

/// The gradients of x, γ and β in training, where the statistics depend on x:
/// dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂)).
pub(crate) fn backward(op: &BatchNorm2d, x: &Array, gamma: &Array, dy: &Array) -> [Array; 3] {
    let [batch, channels, height, width] = x.nchw();
    let statistics = Statistics::of(x);
    let sigma = statistics.variance.map(|v| (v + f64::from(op.eps)).sqrt());
    let channel = |i: usize| i / (height * width) % channels;
    let normalized = Array::from_fn(&x.shape, |i| {
        let c = channel(i);
        (x.data[i] - statistics.mean.data[c]) / sigma.data[c]
    });
    let sum = |f: &dyn Fn(usize) -> f64| {
        Array::from_fn(&[channels], |c| (0..batch).flat_map(|n| x.plane(n, c)).map(f).sum())
    };
    let dgamma = sum(&|i| dy.data[i] * normalized.data[i]);
    let dbeta = sum(&|i| dy.data[i]);
    let count = statistics.count as f64;
    let dx = Array::from_fn(&x.shape, |i| {
        let c = channel(i);
        let centred = dy.data[i] - dbeta.data[c] / count - normalized.data[i] * dgamma.data[c] / count;
        gamma.data[c] / sigma.data[c] * centred
    });
    [dx, dgamma, dbeta]
}
