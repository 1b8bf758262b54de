//! The logarithm of softmax over dimension 1, and its gradient.

use super::LogSoftmax;
use crate::ops::softmax::naive::{max_and_sum, rows};
use crate::ops::{Array, Gradients, Naive, Reads};

impl Naive for LogSoftmax {
    /// y_c = x_c − ln Σ e^x_j.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        let mut y = Array::zeros(&x.shape);
        rows(x, |row| {
            let (max, sum) = max_and_sum(x, row);
            row.iter().for_each(|&i| y.data[i] = x.data[i] - max - sum.ln());
        });
        y
    }

    /// dx_c = dy_c − e^y_c · Σ dy_j.
    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        let mut dx = Array::zeros(&y.shape);
        rows(y, |row| {
            let sum: f64 = row.iter().map(|&i| dy.data[i]).sum();
            row.iter().for_each(|&i| dx.data[i] = dy.data[i] - y.data[i].exp() * sum);
        });
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::{check_gradients, forward};
    use crate::shape::Shape;

    #[test]
    fn it_keeps_what_the_exponential_loses() {
        let x = Array { shape: vec![1, 2], data: vec![0.0, -1000.0] };
        assert_eq!(forward(&LogSoftmax, &[&x]).data, [0.0, -1000.0]);
    }

    #[test]
    fn gradients_match_central_differences_on_maps_and_on_one_class() {
        for shape in [Shape::map(4, 3, 1), Shape::vector(1)] {
            check_gradients(&LogSoftmax, &[shape], 2, 1);
        }
    }
}
