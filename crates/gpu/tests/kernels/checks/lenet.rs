//! LeNet (1 × 32 × 32, ReLU, max pooling): a training step put together by hand, and the same in double precision.

use convnet_gpu::{
    Bytes, Clock, Conv, Epilogue, Format, Lane, List, Parameters, PoolWindow, Precision, Sgd, Vector, View,
    Words,
};
use convnet_gpu_emulation::each_product;

/// Elements of the weights and biases, in order.
pub(crate) const SIZES: [usize; 10] = [150, 6, 2400, 16, 48_000, 120, 10_080, 84, 840, 10];

/// Where everything lies in memory.
pub(crate) struct Lenet {
    pub(crate) batch: usize,
    pub(crate) precision: Precision,
    /// Whether convolutions are kernels of ours.
    pub(crate) thin: bool,
    /// Whether weight gradients have a lane of their own.
    pub(crate) branch: bool,
    pub(crate) images: Vector,
    pub(crate) labels: Words,
    pub(crate) clock: Clock,
    pub(crate) parameters: Vector,
    pub(crate) gradients: Vector,
    pub(crate) velocity: Vector,
    pub(crate) loss: Vector,
    pub(crate) correct: Words,
    maps: Vec<usize>,
    codes: [Bytes; 2],
    pub(crate) bytes: usize,
}

/// Elements for each image of: both convolutions' outputs, both pooled maps, two hidden layers, logits; then the gradients of
/// the same.
const MAPS: [usize; 7] = [4704, 1176, 1600, 400, 120, 84, 10];

impl Lenet {
    pub(crate) fn new(batch: usize, precision: Precision, branch: bool, thin: bool) -> Self {
        let mut bytes = 0usize;
        let mut room = |size: usize| {
            let at = bytes;
            bytes = (at + size).next_multiple_of(256);
            at
        };
        // Each tensor begins at a multiple of 16 bytes.
        let total: usize = SIZES.iter().map(|n| n.next_multiple_of(8)).sum();
        let floats = |room: &mut dyn FnMut(usize) -> usize, len: usize| Vector::new(room(4 * len), len);
        let images = floats(&mut room, batch * 1024);
        let [parameters, gradients, velocity] = [(); 3].map(|()| floats(&mut room, total));
        let loss = floats(&mut room, 1);
        let maps = MAPS.iter().chain(&MAPS).map(|n| room(4 * n * batch)).collect();
        let codes = [1176, 400].map(|n| Bytes { at: room(n * batch), len: n * batch });
        let labels = Words { at: room(4 * batch), len: batch };
        let correct = Words { at: room(4), len: 1 };
        let clock = Clock { at: room(Clock::BYTES) };
        Self {
            batch,
            precision,
            branch,
            thin,
            images,
            labels,
            clock,
            parameters,
            gradients,
            velocity,
            loss,
            correct,
            maps,
            codes,
            bytes,
        }
    }

    /// Where tensor `i` begins in the flat parameters.
    pub(crate) fn start(i: usize) -> usize {
        SIZES[..i].iter().map(|n| n.next_multiple_of(8)).sum()
    }

    fn part(of: Vector, i: usize) -> Vector {
        of.slice(Self::start(i), SIZES[i])
    }

    /// A training step.
    pub(crate) fn step(&self) -> List {
        let n = self.batch;
        let mut list = List::new(self.bytes);
        let p = |i: usize| Self::part(self.parameters, i);
        let g = |i: usize| Self::part(self.gradients, i);
        let view = |i: usize, pixels: usize| {
            View::dense(self.maps[i], n * pixels, MAPS[i % 7] / pixels, Format::F32)
        };
        let precision = self.precision;
        let (first, second) = convolutions(n);
        let windows = [window(28), window(10)];
        let image = View::dense(self.images.at, n * 1024, 1, Format::F32);
        let relu = |i: usize| Epilogue { bias: Some(p(i)), addend: None, relu: true };
        list.tick(self.clock);
        let forward = |list: &mut List, conv: &Conv, views: [View; 2], i: usize| {
            if self.thin {
                list.thin_convolution(conv, views, p(i), Some(p(i + 1)), true);
            } else {
                list.convolution(conv, precision, views, p(i), relu(i + 1));
            }
        };
        let weights = |list: &mut List, conv: &Conv, views: [View; 2], i: usize| {
            if self.thin {
                list.thin_weight_gradient(conv, views[0], (views[1], None), g(i), Some(g(i + 1)));
            } else {
                list.convolution_weight_gradient(conv, precision, views, g(i));
                list.column_sums(views[1], g(i + 1));
            }
        };
        forward(&mut list, &first, [image, view(0, 784)], 0);
        list.max_pool(&windows[0], [view(0, 784), view(1, 196)], Some(self.codes[0]), None);
        forward(&mut list, &second, [view(1, 196), view(2, 100)], 2);
        list.max_pool(&windows[1], [view(2, 100), view(3, 25)], Some(self.codes[1]), None);
        list.linear(precision, [view(3, 1), view(4, 1)], p(4), Some(p(5)), true);
        list.linear(precision, [view(4, 1), view(5, 1)], p(6), Some(p(7)), true);
        list.linear(precision, [view(5, 1), view(6, 1)], p(8), Some(p(9)), false);
        let results = (self.loss, self.correct);
        list.cross_entropy(view(6, 1), self.labels, Some((view(13, 1), false)), 1.0, results);
        for (layer, weight) in [(6, 8), (5, 6), (4, 4)] {
            self.side(&mut list, |list| {
                list.linear_weight_gradient(precision, [view(layer - 1, 1), view(layer + 7, 1)], g(weight));
                list.column_sums(view(layer + 7, 1), g(weight + 1));
            });
            list.linear_input_gradient(precision, [view(layer + 7, 1), view(layer + 6, 1)], p(weight), false);
            if layer > 4 {
                list.relu_backward(view(layer - 1, 1), view(layer + 6, 1));
            }
        }
        list.max_pool_backward(
            &windows[1],
            [view(10, 25), view(9, 100)],
            self.codes[1],
            Some(view(3, 25)),
            false,
        );
        self.side(&mut list, |list| {
            weights(list, &second, [view(1, 196), view(9, 100)], 2);
        });
        if self.thin {
            list.thin_input_gradient(&second, (view(9, 100), None), view(8, 196), p(2), false);
        } else {
            list.convolution_input_gradient(&second, precision, [view(9, 100), view(8, 196)], p(2), false);
        }
        list.max_pool_backward(
            &windows[0],
            [view(8, 196), view(7, 784)],
            self.codes[0],
            Some(view(1, 196)),
            false,
        );
        weights(&mut list, &first, [image, view(7, 784)], 0);
        if self.branch {
            list.join();
        }
        let sgd = Sgd { momentum: 0.9, taken: 1.0, weight_decay: 0.0, nesterov: false };
        let moments = [Some(self.velocity), None, None];
        let parameters =
            Parameters { values: self.parameters, gradients: self.gradients, moments, low: None };
        list.sgd(self.clock, sgd, &parameters);
        list
    }

    fn side(&self, list: &mut List, work: impl FnOnce(&mut List)) {
        if self.branch {
            list.fork();
            list.on(Lane::Side);
        }
        work(list);
        list.on(Lane::Main);
    }
}

fn convolutions(batch: usize) -> (Conv, Conv) {
    let conv = |side, channels| Conv {
        batch,
        input: (side, side),
        channels,
        kernel: (5, 5),
        stride: (1, 1),
        padding: (0, 0),
        dilation: (1, 1),
        groups: 1,
    };
    (conv(32, (1, 6)), conv(14, (6, 16)))
}

fn window(side: usize) -> PoolWindow {
    let spans: Vec<_> = (0..side / 2).map(|i| (2 * i, 2 * i + 2, 2)).collect();
    PoolWindow::new((side, side), &spans, &spans)
}

/// Numbers from -1 to 1 that a seed gives.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<f64> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0) as f32)
        })
        .collect()
}

/// The first parameters: uniform within 1/√fan-in, dense with their gaps.
pub(crate) fn first_parameters() -> Vec<f64> {
    let fans = [25, 25, 150, 150, 400, 400, 120, 120, 84, 84];
    let mut all = Vec::new();
    for (i, (size, fan)) in SIZES.iter().zip(fans).enumerate() {
        let scale = 1.0 / f64::from(fan).sqrt();
        all.extend(noise(i as u64 + 5, *size).iter().map(|v| f64::from((v * scale) as f32)));
        all.resize(all.len().next_multiple_of(8), 0.0);
    }
    all
}

/// Training steps in double precision: the losses and the parameters after them.
pub(crate) fn reference(
    batch: usize,
    images: &[f64],
    labels: &[u32],
    rate: f64,
    steps: usize,
) -> (Vec<f64>, Vec<f64>) {
    let mut p = first_parameters();
    let mut velocity = vec![0.0; p.len()];
    let mut losses = Vec::new();
    let (first, second) = convolutions(batch);
    for _ in 0..steps {
        let mut g = vec![0.0; p.len()];
        let at = |i: usize| Lenet::start(i);
        let conv = |conv: &Conv, x: &[f64], w: usize, side: usize| -> Vec<f64> {
            let k = conv.channels.1;
            let mut y: Vec<f64> = (0..batch * side * side * k).map(|i| p[at(w + 1) + i % k]).collect();
            each_product(conv, &mut |o, i, j| y[o] += x[i] * p[at(w) + j]);
            y.iter_mut().for_each(|v| *v = v.max(0.0));
            y
        };
        let pool = |x: &[f64], side: usize, k: usize| -> (Vec<f64>, Vec<usize>) {
            let half = side / 2;
            (0..batch * half * half * k)
                .map(|i| {
                    let (c, q) = (i % k, i / k);
                    let (n, y, z) = (q / (half * half), q / half % half, q % half);
                    let places = (0..4).map(|e| ((n * side + 2 * y + e / 2) * side + 2 * z + e % 2) * k + c);
                    places
                        .fold((f64::NEG_INFINITY, 0), |best, j| if x[j] > best.0 { (x[j], j) } else { best })
                })
                .unzip()
        };
        let a1 = conv(&first, images, 0, 28);
        let (p1, i1) = pool(&a1, 28, 6);
        let a2 = conv(&second, &p1, 2, 10);
        let (p2, i2) = pool(&a2, 10, 16);
        let linear = |x: &[f64], w: usize, inner: usize, outer: usize, relu: bool| -> Vec<f64> {
            (0..batch * outer)
                .map(|i| {
                    let (n, o) = (i / outer, i % outer);
                    let sum: f64 = (0..inner).map(|k| x[n * inner + k] * p[at(w) + o * inner + k]).sum();
                    let v = sum + p[at(w + 1) + o];
                    if relu { v.max(0.0) } else { v }
                })
                .collect()
        };
        let h1 = linear(&p2, 4, 400, 120, true);
        let h2 = linear(&h1, 6, 120, 84, true);
        let logits = linear(&h2, 8, 84, 10, false);
        let mut loss = 0.0;
        let mut d: Vec<f64> = Vec::new();
        for (row, &label) in logits.chunks(10).zip(labels) {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|v| (v - most).exp()).sum();
            loss += most + sum.ln() - row[label as usize];
            d.extend(row.iter().enumerate().map(|(c, v)| {
                ((v - most).exp() / sum - f64::from(u8::from(c == label as usize))) / batch as f64
            }));
        }
        losses.push(loss / batch as f64);
        let mut back = |d: &[f64], x: &[f64], w: usize, inner: usize, outer: usize| -> Vec<f64> {
            let mut dx = vec![0.0; batch * inner];
            for n in 0..batch {
                for o in 0..outer {
                    let dy = d[n * outer + o];
                    g[at(w + 1) + o] += dy;
                    for k in 0..inner {
                        g[at(w) + o * inner + k] += dy * x[n * inner + k];
                        dx[n * inner + k] += dy * p[at(w) + o * inner + k];
                    }
                }
            }
            dx.iter_mut().zip(x).for_each(|(d, x)| *d = if *x > 0.0 { *d } else { 0.0 });
            dx
        };
        let d2 = back(&d, &h2, 8, 84, 10);
        let d1 = back(&d2, &h1, 6, 120, 84);
        let dp2 = back(&d1, &p2, 4, 400, 120);
        let spread = |d: &[f64], places: &[usize], len: usize| {
            let mut dy = vec![0.0; len];
            d.iter().zip(places).for_each(|(d, &j)| dy[j] += d);
            dy
        };
        let da2 = spread(&dp2, &i2, a2.len());
        let mut dp1 = vec![0.0; p1.len()];
        each_product(&second, &mut |o, i, j| {
            g[at(2) + j] += da2[o] * p1[i];
            dp1[i] += da2[o] * p[at(2) + j];
        });
        da2.iter().enumerate().for_each(|(i, d)| g[at(3) + i % 16] += d);
        dp1.iter_mut().zip(&p1).for_each(|(d, x)| *d = if *x > 0.0 { *d } else { 0.0 });
        let da1 = spread(&dp1, &i1, a1.len());
        each_product(&first, &mut |o, i, j| g[at(0) + j] += da1[o] * images[i]);
        da1.iter().enumerate().for_each(|(i, d)| g[at(1) + i % 6] += d);
        for i in 0..p.len() {
            velocity[i] = 0.9 * velocity[i] + g[i];
            p[i] -= rate * velocity[i];
        }
    }
    (losses, p)
}

/// The distance of what training changed from what the reference changed, relative to the latter.
pub(crate) fn distance(found: &[f64], expected: &[f64]) -> f64 {
    let first = first_parameters();
    let norm = |f: &dyn Fn(usize) -> f64| (0..first.len()).map(|i| f(i) * f(i)).sum::<f64>().sqrt();
    norm(&|i| found[i] - expected[i]) / norm(&|i| expected[i] - first[i])
}
