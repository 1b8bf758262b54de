//! Local response normalization as its formula, and its gradient.

use super::LocalResponseNorm;
use crate::ops::{Array, Gradients, Naive, Reads};

/// The flat indices of the window around each element, and k + α/size · Σ x² over it.
fn window(op: &LocalResponseNorm, x: &Array, i: usize) -> (impl Iterator<Item = usize> + use<>, f64) {
    let [_, channels, height, width] = x.nchw();
    let plane = height * width;
    let c = i / plane % channels;
    let first = c.saturating_sub(op.size / 2);
    let last = (c + (op.size - 1) / 2).min(channels - 1);
    let indices = (first..=last).map(move |j| i - c * plane + j * plane);
    let squares: f64 = indices.clone().map(|j| x.data[j].powi(2)).sum();
    (indices, f64::from(op.k) + f64::from(op.alpha) / op.size as f64 * squares)
}

impl Naive for LocalResponseNorm {
    /// y_c = x_c / d_c^β with d_c = k + α/size · Σ x_j² over the window of c.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        Array::from_fn(&x.shape, |i| x.data[i] / window(self, x, i).1.powf(f64::from(self.beta)))
    }

    /// dx_j = dy_j / d_j^β − 2αβ/size · x_j · Σ dy_c·x_c / d_c^(β + 1) over the c whose window holds j.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let x = reads.inputs[0];
        let beta = f64::from(self.beta);
        let share = 2.0 * f64::from(self.alpha) * beta / self.size as f64;
        let mut dx = Array::zeros(&x.shape);
        for i in 0..x.data.len() {
            let (indices, d) = window(self, x, i);
            dx.data[i] += dy.data[i] / d.powf(beta);
            for j in indices {
                dx.data[j] -= share * x.data[j] * dy.data[i] * x.data[i] / d.powf(beta + 1.0);
            }
        }
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::tests::{check_gradients, forward};
    use crate::shape::Shape;

    #[test]
    fn an_even_window_reaches_further_back() {
        // With size 2 the window of channel c is c − 1 and c; α/size = 1, β = 1, k = 1.
        let op = LocalResponseNorm { size: 2, alpha: 2.0, beta: 1.0, k: 1.0 };
        let x = Array { shape: vec![1, 3, 1, 1], data: vec![1.0, 2.0, 3.0] };
        assert_eq!(forward(&op, &[&x]).data, [1.0 / 2.0, 2.0 / 6.0, 3.0 / 14.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn gradients_match_central_differences(
            (n, channels, height, width) in (1..3_usize, 1..10_usize, 1..4_usize, 1..3_usize),
            (size, alpha, beta, k) in (1..7_usize, 1e-4_f32..2.0, 0.3_f32..1.5, 0.5_f32..2.0),
            seed: u64,
        ) {
            let op = LocalResponseNorm { size, alpha, beta, k };
            check_gradients(&op, &[Shape::map(channels, height, width)], n, seed);
        }
    }
}
