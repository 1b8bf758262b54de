//! Softmax over dimension 1, and its gradient.

use super::Softmax;
use crate::ops::{Array, Gradients, Naive, Reads};

/// Calls `f` with the flat indices along dimension 1, for each image and pixel.
pub(crate) fn rows(x: &Array, mut f: impl FnMut(&[usize])) {
    let [batch, channels, height, width] = x.nchw();
    for n in 0..batch {
        for pixel in 0..height * width {
            let row: Vec<usize> = (0..channels).map(|c| x.plane(n, c).start + pixel).collect();
            f(&row);
        }
    }
}

/// The largest element of a row, and Σ e^(x_j − max x).
pub(crate) fn max_and_sum(x: &Array, row: &[usize]) -> (f64, f64) {
    let max = row.iter().map(|&i| x.data[i]).fold(f64::NEG_INFINITY, f64::max);
    (max, row.iter().map(|&i| (x.data[i] - max).exp()).sum())
}

/// y_c = e^(x_c − max x) / Σ e^(x_j − max x).
pub(crate) fn softmax(x: &Array) -> Array {
    let mut y = Array::zeros(&x.shape);
    rows(x, |row| {
        let (max, sum) = max_and_sum(x, row);
        row.iter().for_each(|&i| y.data[i] = (x.data[i] - max).exp() / sum);
    });
    y
}

impl Naive for Softmax {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        softmax(reads.inputs[0])
    }

    /// dx_c = y_c·(dy_c − Σ dy_j·y_j).
    fn backward(&self, _: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        let mut dx = Array::zeros(&y.shape);
        rows(y, |row| {
            let dot: f64 = row.iter().map(|&i| dy.data[i] * y.data[i]).sum();
            for &i in row {
                dx.data[i] = y.data[i] * (dy.data[i] - dot);
            }
        });
        Gradients::input(dx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::check_gradients;
    use crate::shape::Shape;

    #[test]
    fn it_sums_to_one_over_dimension_1_and_does_not_overflow() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![1000.0, 0.0, 1000.0, 3_f64.ln()] };
        for (y, expected) in softmax(&x).data.iter().zip([0.5, 0.25, 0.5, 0.75]) {
            assert!((y - expected).abs() < 1e-15, "{y} against {expected}");
        }
    }

    #[test]
    fn gradients_match_central_differences_on_maps_and_on_one_class() {
        for shape in [Shape::map(4, 3, 1), Shape::vector(1)] {
            check_gradients(&Softmax, &[shape], 2, 1);
        }
    }
}
