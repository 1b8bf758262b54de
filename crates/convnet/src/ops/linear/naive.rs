//! A fully connected layer as its formula, and its gradients.

use super::Linear;
use crate::ops::{Array, Gradients, Naive, Reads};

impl Naive for Linear {
    /// y\[n, o\] = b\[o\] + Σ_i x\[n, i\]·w\[o, i\]: x (N, I), weight (O, I), y (N, O).
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, weight, bias) = (reads.inputs[0], reads.parameters[0], reads.parameters.get(1));
        let (inputs, outputs) = (weight.shape[1], weight.shape[0]);
        Array::from_fn(&[x.shape[0], outputs], |i| {
            let (x, o) = (&x.data[i / outputs * inputs..][..inputs], i % outputs);
            let sum: f64 = x.iter().zip(&weight.data[o * inputs..]).map(|(x, w)| x * w).sum();
            sum + bias.map_or(0.0, |b| b.data[o])
        })
    }

    /// dx = dy·W, dW = dyᵀ·x, db = Σ_n dy.
    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let (x, weight) = (reads.inputs[0], reads.parameters[0]);
        let (inputs, outputs) = (weight.shape[1], weight.shape[0]);
        let mut dx = Array::zeros(&x.shape);
        let mut dw = Array::zeros(&weight.shape);
        let mut db = Array::zeros(&[outputs]);
        for (i, dy) in dy.data.iter().enumerate() {
            let (n, o) = (i / outputs, i % outputs);
            for j in 0..inputs {
                dx.data[n * inputs + j] += dy * weight.data[o * inputs + j];
                dw.data[o * inputs + j] += dy * x.data[n * inputs + j];
            }
            db.data[o] += dy;
        }
        Gradients::with_parameters([dx, dw, db])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::tests::check_gradients;
    use crate::shape::Shape;

    #[test]
    fn a_worked_example() {
        let x = Array { shape: vec![2, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
        let weight = Array { shape: vec![3, 2], data: vec![1.0, 0.0, 0.0, 1.0, 10.0, 100.0] };
        let bias = Array { shape: vec![3], data: vec![0.5, 0.25, 0.0] };
        let run = |parameters: &[&Array]| {
            let reads = Reads { inputs: &[&x], parameters, output: (1, 1), training: None };
            Linear::new(3).forward(&reads).data
        };
        assert_eq!(run(&[&weight, &bias]), [1.5, 2.25, 210.0, 3.5, 4.25, 430.0]);
        assert_eq!(run(&[&weight]), [1.0, 2.0, 210.0, 3.0, 4.0, 430.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn gradients_match_central_differences(n in 1..4_usize, inputs in 1..18_usize, outputs in 1..10_usize, seed: u64) {
            check_gradients(&Linear::new(outputs), &[Shape::vector(inputs)], n, seed);
        }
    }
}
