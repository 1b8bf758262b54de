//! Random networks, weights and images for tests: any engine can be compared with the oracle on them.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Array;
use crate::graph::{Builder, Graph, Shape, Size2, Value, combine, concat};
use crate::ops::{
    AvgPool2d, BatchNorm2d, ConstantPad2d, Conv2d, Dropout1d, Hardtanh, LeakyRelu, Linear, LocalResponseNorm,
    MaxPool2d, Op, ParamKind, ParamSpec, Unary,
};
use crate::state::{StateDict, Tensor};

/// Channels around the widths of vector registers.
const CHANNELS: [usize; 8] = [1, 3, 6, 7, 8, 9, 16, 17];

/// A small network of all ops drawn from `seed`: odd sizes, branches, sums, nested concatenations, and
/// sometimes an auxiliary classifier and a final Softmax.
///
/// # Panics
/// If a drawn layer does not fit its input, which is an error of this function.
pub fn random_graph(seed: u64) -> Graph {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (height, width) = (rng.random_range(9..24), rng.random_range(9..24));
    let net = Builder::image(&format!("random-{seed}"), pick(&mut rng, &CHANNELS), height, width);
    let mut x = net.input();
    for _ in 0..rng.random_range(3..8) {
        x = block(&mut rng, x);
    }
    let classes = rng.random_range(2..12);
    if rng.random_bool(0.3) {
        let aux = head(&mut rng, x, classes);
        net.auxiliary("aux", aux, 0.3);
        x = block(&mut rng, x);
    }
    let mut x = head(&mut rng, x, classes);
    match rng.random_range(0..6) {
        0 | 1 => x = x.softmax(),
        2 => x = x.then(Op::LogSoftmax),
        _ => {}
    }
    match net.build(x) {
        Ok(graph) => graph,
        Err(error) => panic!("seed {seed}: {error}"),
    }
}

/// So many random networks, and a small one around each kind of layer: tests over them leave no layer out.
pub fn random_graphs(count: u64) -> impl Iterator<Item = Graph> {
    (0..count)
        .map(random_graph)
        .chain([vectors()])
        .chain(Op::samples().into_iter().map(|(op, inputs)| sample_graph(op, &inputs)))
}

/// Vectors side by side that are maps of one channel elsewhere.
///
/// # Panics
/// Never: all layers fit.
fn vectors() -> Graph {
    let net = Builder::image("vectors", 1, 2, 3);
    let x = net.input();
    let y = x.conv2d(Conv2d::new(1, 1));
    let wide = x.conv2d(Conv2d::new(4, (2, 3))).flatten();
    let joined = concat(&[x.flatten(), y.flatten(), wide, x.flatten()]);
    match net.build(concat(&[joined, y.relu().flatten()]).linear(Linear::new(4))) {
        Ok(graph) => graph,
        Err(error) => panic!("vectors: {error}"),
    }
}

/// A layer between others: convolutions, poolings and Linear layers bring the images to the shapes that feed it, and
/// its output to the logits.
///
/// # Panics
/// If the layer does not fit its shapes, which is an error of its samples.
fn sample_graph(op: Op, inputs: &[Shape]) -> Graph {
    let (height, width) = match inputs[0] {
        Shape::Map { height, width, .. } => (height, width),
        Shape::Vector { .. } => (3, 2),
    };
    let (name, shapes) = (op.name(), inputs);
    let net = Builder::image(name, 3, height, width);
    let input = |(i, &shape): (usize, &Shape)| {
        let x = reshaped(net.input(), shape);
        if op.wants_positive(i) { x.then(Op::Sigmoid).then(Unary::Exp) } else { x }
    };
    let inputs: Vec<Value<'_>> = shapes.iter().enumerate().map(input).collect();
    let x = match combine("layer", op, &inputs) {
        x if matches!(x.shape(), Shape::Map { .. }) => x.conv2d(Conv2d::new(5, 1)).flatten(),
        x => x,
    };
    match net.build(x.linear(Linear::new(4))) {
        Ok(graph) => graph,
        Err(error) => panic!("{name} of {shapes:?}: {error}"),
    }
}

/// A value of this shape from a map.
fn reshaped(x: Value<'_>, shape: Shape) -> Value<'_> {
    let (height, width) = shape.spatial();
    match shape {
        Shape::Vector { features } => x.flatten().linear(Linear::new(features)),
        Shape::Map { channels, .. } if x.shape().spatial() == (height, width) => {
            x.conv2d(Conv2d::new(channels, 1))
        }
        Shape::Map { channels, .. } => x.conv2d(Conv2d::new(channels, 1)).adaptive_avg_pool2d(height, width),
    }
}

/// Weights and biases of a size that keeps activations near 1, batch-norm statistics and scales near but not
/// at their initial values.
pub fn random_state(graph: &Graph, seed: u64) -> StateDict {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    graph.parameters().into_iter().map(|spec| (spec.name.clone(), tensor(&mut rng, spec))).collect()
}

/// A batch of `n` images, (N, C, H, W), from U(−1, 1), each value exact in f32.
pub fn random_input(graph: &Graph, n: usize, seed: u64) -> Array {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let shape = graph.input_shape().with_batch(n);
    Array::from_fn(&shape, |_| f64::from(rng.random_range(-1.0_f32..1.0)))
}

/// A label for each of `n` images.
pub fn random_labels(graph: &Graph, n: usize, seed: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(0..graph.classes() as u32)).collect()
}

fn tensor(rng: &mut impl Rng, spec: ParamSpec) -> Tensor {
    let fan_in: usize = spec.shape[1..].iter().product();
    let bound = (3.0 / fan_in as f32).sqrt();
    let (low, high) = match spec.kind {
        ParamKind::ConvWeight | ParamKind::LinearWeight => (-bound, bound),
        ParamKind::NormWeight | ParamKind::RunningVar | ParamKind::Scale | ParamKind::Gain => (0.5, 1.5),
        ParamKind::Slope => (0.1, 0.4),
        ParamKind::ConvBias
        | ParamKind::LinearBias
        | ParamKind::NormBias
        | ParamKind::RunningMean
        | ParamKind::Shift => (-0.5, 0.5),
    };
    let data = (0..spec.elements()).map(|_| rng.random_range(low..high)).collect();
    Tensor { shape: spec.shape, data }
}

fn pick<T: Copy>(rng: &mut impl Rng, choices: &[T]) -> T {
    choices[rng.random_range(0..choices.len())]
}

/// A convolution that fits the map: any kernel, stride, padding, dilation and groups.
fn convolution(rng: &mut impl Rng, input: Shape) -> Conv2d {
    let (height, width) = input.spatial();
    let mut side = |size: usize| {
        let kernel = pick(rng, &[1, 1, 2, 3, 3, 5, 7]).min(size);
        let stride = pick(rng, &[1, 1, 1, 2, 3]);
        let padding = pick(rng, &[0, kernel / 2, kernel / 2, kernel - 1]);
        let fits = kernel == 1 || size + 2 * padding > 2 * (kernel - 1);
        (kernel, stride, padding, if fits { pick(rng, &[1, 1, 2]) } else { 1 })
    };
    let (h, w) = (side(height), side(width));
    let common: Vec<usize> = (1..=4).filter(|g| input.channels().is_multiple_of(*g)).collect();
    let groups = if rng.random_bool(0.25) { pick(rng, &common) } else { 1 };
    let channels = pick(rng, &CHANNELS).next_multiple_of(groups);
    let conv = Conv2d::new(channels, (h.0, w.0)).stride((h.1, w.1)).padding((h.2, w.2));
    let conv = conv.dilation((h.3, w.3)).groups(groups);
    if rng.random_bool(0.3) { conv.no_bias() } else { conv }
}

/// A convolution that keeps height and width.
fn keeping(rng: &mut impl Rng) -> Conv2d {
    let channels = pick(rng, &CHANNELS);
    let (k, dilation) = (pick(rng, &[1, 3, 3, 5]), pick(rng, &[1, 1, 2]));
    Conv2d::new(channels, k).padding((k - 1) / 2 * dilation).dilation(dilation)
}

fn activation(rng: &mut impl Rng) -> Op {
    match rng.random_range(0..8) {
        0..3 => Op::Relu,
        3 => Op::Sigmoid,
        4 => Op::Tanh,
        5 => LeakyRelu { slope: pick(rng, &[0.01, 0.3]) }.into(),
        6 => Hardtanh { min: pick(rng, &[-1.0, 0.0]), max: pick(rng, &[0.5, 6.0]) }.into(),
        _ => Op::Identity,
    }
}

/// Kernel, stride and padding of a pooling that fits the map.
fn pooling(rng: &mut impl Rng, input: Shape) -> [Size2; 3] {
    let (height, width) = input.spatial();
    let mut side = |size: usize| {
        let kernel = pick(rng, &[2, 2, 3, 3, 5]).min(size);
        (kernel, pick(rng, &[1, 2, 2, 3]), pick(rng, &[0, 0, kernel / 2]))
    };
    let (h, w) = (side(height), side(width));
    [(h.0, w.0).into(), (h.1, w.1).into(), (h.2, w.2).into()]
}

fn max_pool(rng: &mut impl Rng, input: Shape) -> MaxPool2d {
    let [kernel, stride, padding] = pooling(rng, input);
    let pool = MaxPool2d::new(kernel).stride(stride).padding(padding);
    if rng.random_bool(0.4) { pool.ceil_mode() } else { pool }
}

fn average_pool(rng: &mut impl Rng, input: Shape) -> AvgPool2d {
    let [kernel, stride, padding] = pooling(rng, input);
    let pool = AvgPool2d::new(kernel).stride(stride).padding(padding);
    let pool = if rng.random_bool(0.4) { pool.ceil_mode() } else { pool };
    if rng.random_bool(0.5) { pool.exclude_pad() } else { pool }
}

/// A convolution in one of the usual surroundings.
fn convolved<'b>(rng: &mut impl Rng, x: Value<'b>, conv: Conv2d) -> Value<'b> {
    match rng.random_range(0..5) {
        0 => x.conv2d(conv),
        1 => x.conv2d(conv).then(activation(rng)),
        2 => x.conv2d(conv.no_bias()).batch_norm2d().relu(),
        3 => x.conv2d(conv).then(BatchNorm2d { eps: 1e-3, momentum: 0.3 }).then(activation(rng)),
        _ => x.batch_norm2d().relu().conv2d(conv),
    }
}

/// A few layers, drawn from the motifs of the classic networks.
fn block<'b>(rng: &mut impl Rng, x: Value<'b>) -> Value<'b> {
    match rng.random_range(0..11) {
        0 | 1 => {
            let conv = convolution(rng, x.shape());
            convolved(rng, x, conv)
        }
        2 => x.max_pool2d(max_pool(rng, x.shape())),
        3 => x.avg_pool2d(average_pool(rng, x.shape())),
        4 => {
            let (alpha, beta, k) = pick(rng, &[(1e-4, 0.75, 1.0), (0.5, 0.75, 2.0), (0.9, 1.0, 1.0)]);
            let size = pick(rng, &[1, 2, 3, 5]);
            x.relu().local_response_norm(LocalResponseNorm { size, alpha, beta, k })
        }
        5 => inception(rng, x),
        6 => dense(rng, x),
        7 => residual(rng, x),
        8 => {
            let [left, right, top, bottom] = [(); 4].map(|()| pick(rng, &[0, 1, 2]));
            x.then(ConstantPad2d { left, right, top, bottom, value: pick(rng, &[0.0, -0.5]) })
        }
        9 => {
            let x = x.then(Op::Affine);
            if rng.random_bool(0.5) { x.relu() } else { x }
        }
        _ => x.dropout(0.25),
    }
}

/// Branches side by side, one of them sometimes branching again.
fn inception<'b>(rng: &mut impl Rng, x: Value<'b>) -> Value<'b> {
    let mut branches = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let conv = keeping(rng);
        branches.push(convolved(rng, x, conv));
    }
    if rng.random_bool(0.5) {
        let pool = x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1));
        branches.push(pool.conv2d(Conv2d::new(pick(rng, &CHANNELS), 1)).relu());
    }
    if rng.random_bool(0.3) {
        let (a, b) = (keeping(rng), keeping(rng));
        branches.push(concat(&[x.conv2d(a).relu(), x.conv2d(b)]));
    }
    if rng.random_bool(0.2) {
        branches.push(x);
    }
    concat(&branches)
}

/// Layers that each read all before them.
fn dense<'b>(rng: &mut impl Rng, mut x: Value<'b>) -> Value<'b> {
    let growth = pick(rng, &CHANNELS);
    for _ in 0..rng.random_range(1..4) {
        let grown = x.batch_norm2d().relu().conv2d(Conv2d::new(growth, 3).padding(1));
        x = concat(&[x, grown]);
    }
    x
}

/// A sum with a shortcut, plain or projected.
fn residual<'b>(rng: &mut impl Rng, x: Value<'b>) -> Value<'b> {
    let stride = pick(rng, &[1, 1, 2]);
    let channels =
        if stride == 1 && rng.random_bool(0.5) { x.shape().channels() } else { pick(rng, &CHANNELS) };
    let shortcut = if stride == 1 && channels == x.shape().channels() {
        x
    } else {
        x.conv2d(Conv2d::new(channels, 1).stride(stride).no_bias()).batch_norm2d()
    };
    let y = x.conv2d(Conv2d::new(channels, 3).stride(stride).padding(1).no_bias()).batch_norm2d().relu();
    let y = y.conv2d(Conv2d::new(channels, 3).padding(1).no_bias()).batch_norm2d();
    let sum = if rng.random_bool(0.5) { y + shortcut } else { shortcut + y };
    if rng.random_bool(0.7) { sum.relu() } else { sum }
}

/// From a map to the logits, as one of the classic networks ends.
fn head<'b>(rng: &mut impl Rng, x: Value<'b>, classes: usize) -> Value<'b> {
    let (height, width) = (rng.random_range(1..4), rng.random_range(1..4));
    let x = match rng.random_range(0..3) {
        0 => return x.conv2d(Conv2d::new(classes, 1)).adaptive_avg_pool2d(1, 1).flatten(),
        1 => x.adaptive_avg_pool2d(height, width).flatten(),
        _ => x.flatten(),
    };
    let x = match rng.random_range(0..5) {
        0 => x,
        1 => x.linear(Linear::new(pick(rng, &CHANNELS))).then(activation(rng)),
        2 => x.dropout(0.5).linear(Linear::new(pick(rng, &CHANNELS)).no_bias()).relu().dropout(0.25),
        3 => x.then(Op::Unflatten).conv2d(Conv2d::new(pick(rng, &CHANNELS), 1)).relu().flatten(),
        _ => x.linear(Linear::new(19)).then(Dropout1d { p: 0.5 }).tanh(),
    };
    x.linear(Linear::new(classes))
}
