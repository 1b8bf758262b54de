//! Batch normalization as its formula, and its gradients (Ioffe and Szegedy 2015, section 3).

use super::BatchNorm2d;
use crate::ops::{Array, Gradients, Naive, Reads};

/// A batch's statistics by channel.
#[derive(Clone, Debug, PartialEq)]
struct BatchStatistics {
    mean: Array,
    /// Biased: divided by the number of elements.
    variance: Array,
    /// Elements of a channel (N·H·W).
    count: usize,
}

impl BatchStatistics {
    /// The batch's own statistics.
    fn of(x: &Array) -> Self {
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
    fn update(&self, op: &BatchNorm2d, mean: &Array, variance: &Array) -> [Array; 2] {
        let momentum = f64::from(op.momentum);
        let unbias = self.count as f64 / self.count.saturating_sub(1).max(1) as f64;
        let blend = |old: f64, new: f64| (1.0 - momentum) * old + momentum * new;
        [mean.zip(&self.mean, blend), variance.zip(&self.variance, |old, new| blend(old, new * unbias))]
    }
}

/// y = γ·(x − mean) / √(variance + ε) + β: inference with the running statistics, training with
/// [`BatchStatistics::of`] the batch.
fn normalize(
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

impl Naive for BatchNorm2d {
    /// With the running statistics, or in training with the batch's.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, affine) = (reads.inputs[0], [reads.parameters[0], reads.parameters[1]]);
        if reads.training.is_none() {
            return normalize(self, x, affine, [reads.parameters[2], reads.parameters[3]]);
        }
        let batch = BatchStatistics::of(x);
        normalize(self, x, affine, [&batch.mean, &batch.variance])
    }

    /// The gradients of x, γ and β: in training, where the statistics depend on x,
    /// dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂)); otherwise dx = γ/σ · dy.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let (x, gamma) = (reads.inputs[0], reads.parameters[0]);
        let [batch, channels, height, width] = x.nchw();
        let trains = reads.training.is_some();
        let statistics = BatchStatistics::of(x);
        let (mean, variance) = match trains {
            true => (&statistics.mean, &statistics.variance),
            false => (reads.parameters[2], reads.parameters[3]),
        };
        let sigma = variance.map(|v| (v + f64::from(self.eps)).sqrt());
        let channel = |i: usize| i / (height * width) % channels;
        let normalized = Array::from_fn(&x.shape, |i| {
            let c = channel(i);
            (x.data[i] - mean.data[c]) / sigma.data[c]
        });
        let sum = |f: &dyn Fn(usize) -> f64| {
            Array::from_fn(&[channels], |c| (0..batch).flat_map(|n| x.plane(n, c)).map(f).sum())
        };
        let dgamma = sum(&|i| dy.data[i] * normalized.data[i]);
        let dbeta = sum(&|i| dy.data[i]);
        let count = statistics.count as f64;
        let dx = Array::from_fn(&x.shape, |i| {
            let c = channel(i);
            if !trains {
                return gamma.data[c] / sigma.data[c] * dy.data[i];
            }
            let centred = dy.data[i] - dbeta.data[c] / count - normalized.data[i] * dgamma.data[c] / count;
            gamma.data[c] / sigma.data[c] * centred
        });
        Gradients::with_parameters([dx, dgamma, dbeta])
    }

    fn running(&self, reads: &Reads<'_>) -> Vec<Array> {
        BatchStatistics::of(reads.inputs[0]).update(self, reads.parameters[2], reads.parameters[3]).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::tests::check_gradients;
    use crate::shape::Shape;

    fn vector(data: [f64; 2]) -> Array {
        Array { shape: vec![2], data: data.to_vec() }
    }

    #[test]
    fn training_standardizes_each_channel_and_updates_with_the_unbiased_variance() {
        // Channel 0 holds 1, 3 over two images; channel 1 holds 0, 0.
        let x = Array { shape: vec![2, 2, 1, 1], data: vec![1.0, 0.0, 3.0, 0.0] };
        let (ones, zeros) = (vector([1.0; 2]), vector([0.0; 2]));
        let batch = BatchStatistics::of(&x);
        assert_eq!(batch.mean.data, [2.0, 0.0]);
        assert_eq!(batch.variance.data, [1.0, 0.0]);
        let op = BatchNorm2d { eps: 1.0, momentum: 0.5 };
        let parameters = [&ones, &zeros, &zeros, &ones];
        let reads =
            Reads { inputs: &[&x], parameters: &parameters, output: (1, 1), training: Some(&|_| 1.0) };
        let y = op.forward(&reads);
        assert!((y.data[0] + 0.5_f64.sqrt()).abs() < 1e-15 && y.data[1] == 0.0);
        let running = op.running(&reads);
        assert_eq!(running[0].data, [1.0, 0.0]);
        assert_eq!(running[1].data, [1.5, 0.5]);
    }

    #[test]
    fn inference_uses_the_statistics_it_is_given() {
        let x = Array { shape: vec![1, 1, 1, 2], data: vec![1.0, 5.0] };
        let [gamma, beta, mean, variance] =
            [3.0, 10.0, 1.0, 4.0].map(|v| Array { shape: vec![1], data: vec![v] });
        let parameters = [&gamma, &beta, &mean, &variance];
        let reads = Reads { inputs: &[&x], parameters: &parameters, output: (1, 2), training: None };
        assert_eq!(BatchNorm2d { eps: 0.0, momentum: 0.1 }.forward(&reads).data, [10.0, 16.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn gradients_match_central_differences(
            (n, channels, height, width) in (1..4_usize, 1..4_usize, 1..4_usize, 1..4_usize),
            eps in prop::sample::select(vec![1e-5_f32, 1e-3, 0.1]),
            seed: u64,
        ) {
            // Two nearly equal elements have a variance near 0, where differences of any step are wrong.
            prop_assume!(n * height * width > 3 || eps > 0.01);
            check_gradients(&BatchNorm2d { eps, momentum: 0.1 }, &[Shape::map(channels, height, width)], n, seed);
        }
    }
}
