//! Convolution as its formula, and its gradients.

use super::Conv2d;
use crate::ops::Array;

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

/// y\[n, o, r, q\] = b\[o\] + Σ w\[o, i, a, b\] · x\[n, i, r·stride + a·dilation − padding, …\], x (N, C, H, W),
/// zero outside, into `output` rows and columns.
pub(crate) fn forward(
    op: &Conv2d,
    x: &Array,
    weight: &Array,
    bias: Option<&Array>,
    output: (usize, usize),
) -> Array {
    let [batch, ..] = x.nchw();
    let plane = output.0 * output.1;
    let mut y = Array::from_fn(&[batch, op.out_channels, output.0, output.1], |i| {
        bias.map_or(0.0, |b| b.data[i / plane % op.out_channels])
    });
    products(op, x.nchw(), output, |yi, wi, xi| y.data[yi] += weight.data[wi] * x.data[xi]);
    y
}

/// The gradients of x, weight and bias.
pub(crate) fn backward(op: &Conv2d, x: &Array, weight: &Array, dy: &Array) -> [Array; 3] {
    let [batch, channels, height, width] = dy.nchw();
    let mut dx = Array::zeros(&x.shape);
    let mut dw = Array::zeros(&weight.shape);
    products(op, x.nchw(), (height, width), |yi, wi, xi| {
        dx.data[xi] += weight.data[wi] * dy.data[yi];
        dw.data[wi] += x.data[xi] * dy.data[yi];
    });
    let db = Array::from_fn(&[channels], |c| {
        (0..batch).map(|n| dy.data[dy.plane(n, c)].iter().sum::<f64>()).sum()
    });
    [dx, dw, db]
}
