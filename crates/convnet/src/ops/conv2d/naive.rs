//! Convolution as its formula, and its gradients.

use super::Conv2d;
use crate::ops::{Array, Gradients, Naive, Reads};

/// Calls `f(y, w, x)` with the flat indices of each product y += w·x that the convolution sums.
fn products(op: &Conv2d, input: [usize; 4], output: (usize, usize), mut f: impl FnMut(usize, usize, usize)) {
    let [batch, channels, height, width] = input;
    let (in_group, out_group) = (channels / op.groups, op.out_channels / op.groups);
    let (rows, columns) = output;
    let (k, s, p, d) = (op.kernel, op.stride, op.padding, op.dilation);
    let inside = |at: usize, padding: usize, size: usize| at.checked_sub(padding).filter(|i| *i < size);
    for n in 0..batch {
        for o in 0..op.out_channels {
            for i in 0..in_group {
                let c = o / out_group * in_group + i;
                for (a, b) in (0..k.h).flat_map(|a| (0..k.w).map(move |b| (a, b))) {
                    let w = ((o * in_group + i) * k.h + a) * k.w + b;
                    for row in 0..rows {
                        let Some(from) = inside(row * s.h + a * d.h, p.h, height) else { continue };
                        let y = ((n * op.out_channels + o) * rows + row) * columns;
                        let x = ((n * channels + c) * height + from) * width;
                        for column in 0..columns {
                            if let Some(from) = inside(column * s.w + b * d.w, p.w, width) {
                                f(y + column, w, x + from);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Naive for Conv2d {
    /// y\[n, o, r, q\] = b\[o\] + Σ w\[o, i, a, b\] · x\[n, i, r·stride + a·dilation − padding, …\], zero outside.
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let (x, weight, bias) = (reads.inputs[0], reads.parameters[0], reads.parameters.get(1));
        let output = reads.output;
        let [batch, ..] = x.nchw();
        let plane = output.0 * output.1;
        let mut y = Array::from_fn(&[batch, self.out_channels, output.0, output.1], |i| {
            bias.map_or(0.0, |b| b.data[i / plane % self.out_channels])
        });
        products(self, x.nchw(), output, |yi, wi, xi| y.data[yi] += weight.data[wi] * x.data[xi]);
        y
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let (x, weight) = (reads.inputs[0], reads.parameters[0]);
        let [batch, channels, height, width] = dy.nchw();
        let mut dx = Array::zeros(&x.shape);
        let mut dw = Array::zeros(&weight.shape);
        products(self, x.nchw(), (height, width), |yi, wi, xi| {
            dx.data[xi] += weight.data[wi] * dy.data[yi];
            dw.data[wi] += x.data[xi] * dy.data[yi];
        });
        let db = Array::from_fn(&[channels], |c| {
            (0..batch).map(|n| dy.data[dy.plane(n, c)].iter().sum::<f64>()).sum()
        });
        Gradients::with_parameters([dx, dw, db])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ops::tests::check_gradients;
    use crate::shape::Shape;

    fn convolve(op: &Conv2d, x: &Array, parameters: &[&Array], output: (usize, usize)) -> Vec<f64> {
        op.forward(&Reads { inputs: &[x], parameters, output, training: None }).data
    }

    #[test]
    fn a_worked_example() {
        // 1 2 3        1 0
        // 4 5 6  with  0 2  at stride 1, padding (0, 1): columns −1 … 3, bias 10.
        let x = Array::from_fn(&[1, 1, 2, 3], |i| i as f64 + 1.0);
        let weight = Array { shape: vec![1, 1, 2, 2], data: vec![1.0, 0.0, 0.0, 2.0] };
        let bias = Array { shape: vec![1], data: vec![10.0] };
        let op = Conv2d::new(1, 2).padding((0, 1));
        let y = convolve(&op, &x, &[&weight, &bias], (1, 4));
        assert_eq!(y, [10.0 + 8.0, 10.0 + 1.0 + 10.0, 10.0 + 2.0 + 12.0, 10.0 + 3.0]);
    }

    #[test]
    fn dilation_and_stride_pick_their_elements() {
        let x = Array::from_fn(&[1, 1, 1, 7], |i| 10_f64.powi(i as i32));
        let weight = Array { shape: vec![1, 1, 1, 2], data: vec![1.0, 1.0] };
        let op = Conv2d::new(1, (1, 2)).stride((1, 2)).dilation((1, 3));
        assert_eq!(convolve(&op, &x, &[&weight], (1, 2)), [1001.0, 100_100.0]);
    }

    #[test]
    fn groups_do_not_see_one_another() {
        let x = Array { shape: vec![1, 4, 1, 1], data: vec![1.0, 10.0, 100.0, 1000.0] };
        let weight = Array::from_fn(&[2, 2, 1, 1], |i| i as f64 + 1.0);
        assert_eq!(convolve(&Conv2d::new(2, 1).groups(2), &x, &[&weight], (1, 1)), [21.0, 4300.0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn gradients_match_central_differences(
            (n, groups, in_group, out_group) in (1..3_usize, 1..4_usize, 1..3_usize, 1..3_usize),
            (kh, kw, sh, sw) in (1..4_usize, 1..4_usize, 1..4_usize, 1..3_usize),
            (ph, pw, dh, dw) in (0..3_usize, 0..3_usize, 1..3_usize, 1..3_usize),
            (height, width) in (1..8_usize, 1..8_usize),
            seed: u64,
        ) {
            let op = Conv2d::new(groups * out_group, (kh, kw)).stride((sh, sw)).padding((ph, pw));
            let op = op.dilation((dh, dw)).groups(groups);
            check_gradients(&op, &[Shape::map(groups * in_group, height, width)], n, seed);
        }
    }
}
