//! The products as their definition, and their gradients.

use super::MatMul;
use crate::ops::{Array, Gradients, Naive, Reads};

/// Calls `f` with each place of the output and of both inputs that it is a product of.
fn each(a: &Array, b: &Array, mut f: impl FnMut(usize, usize, usize)) {
    let ([images, channels, rows, columns], [_, _, others, _]) = (a.nchw(), b.nchw());
    for image in 0..images {
        for n in 0..others {
            for m in 0..rows {
                for g in 0..columns {
                    let to = ((image * others + n) * rows + m) * columns + g;
                    for k in 0..channels {
                        let of_a = ((image * channels + k) * rows + m) * columns + g;
                        f(to, of_a, ((image * channels + k) * others + n) * columns + g);
                    }
                }
            }
        }
    }
}

impl Naive for MatMul {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let [a, b] = [reads.inputs[0], reads.inputs[1]];
        let [images, _, rows, columns] = a.nchw();
        let mut y = Array::zeros(&[images, b.nchw()[2], rows, columns]);
        each(a, b, |to, of_a, of_b| y.data[to] += a.data[of_a] * b.data[of_b]);
        y
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let [a, b] = [reads.inputs[0], reads.inputs[1]];
        let (mut da, mut db) = (Array::zeros(&a.shape), Array::zeros(&b.shape));
        each(a, b, |to, of_a, of_b| {
            da.data[of_a] += dy.data[to] * b.data[of_b];
            db.data[of_b] += dy.data[to] * a.data[of_a];
        });
        Gradients { inputs: vec![da, db], parameters: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Layer;
    use crate::ops::tests::forward;
    use crate::shape::Shape;

    #[test]
    fn a_column_is_a_product_of_matrices() {
        // [[1, 2], [3, 4]] · [[5, 6], [7, 8]]: channels are what is summed over.
        let a = Array { shape: vec![1, 2, 2, 1], data: vec![1.0, 3.0, 2.0, 4.0] };
        let b = Array { shape: vec![1, 2, 2, 1], data: vec![5.0, 6.0, 7.0, 8.0] };
        // Channels are columns of the product, rows its rows.
        assert_eq!(forward(&MatMul, &[&a, &b]).data, [19.0, 43.0, 22.0, 50.0]);
        assert_eq!(
            MatMul.macs(&[Shape::map(2, 3, 5), Shape::map(2, 4, 5)], Shape::map(4, 3, 5)),
            2 * 4 * 3 * 5
        );
        assert!(MatMul.infer(&[Shape::map(2, 3, 1), Shape::map(3, 3, 1)]).is_err());
        assert!(MatMul.infer(&[Shape::map(2, 3, 1)]).is_err());
    }
}
