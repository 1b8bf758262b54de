//! The engine against the plain f64 implementation, on random networks.

use convnet_kernels::Isa;

use super::{Device, Engine, Options, TrainingStep, describe_gpu};
use crate::graph::{Builder, Graph, NodeId, TensorForm, Value, concat};
use crate::ops::{
    AvgPool2d, ChannelShuffle, Conv2d, Dropout, Hardtanh, LayerNorm, LayerScale, Linear, MaxPool2d, Op,
    Slice, Span, StochasticDepth, Unary,
};
use crate::optim::{Optimizer, Sgd};
use crate::reference::random::{random_graphs, random_input, random_labels, random_state};
use crate::reference::{Array, forward, keep_all, loss_and_gradients};

/// Largest difference over the RMS of outputs of whole networks by direct kernels: a kernel alone errs by
/// some 1e−6, and normalizations of nearly constant maps multiply what the layers before them erred by.
const DIRECT: f64 = 5e-5;
/// The same with Winograd, whose transforms multiply a rounding several times.
const WINOGRAD: f64 = 1e-4;
/// Gradients go through twice as many kernels, and batch statistics divide by small variances.
const GRADIENT: f64 = 1e-3;

pub(crate) fn single(array: &Array) -> Vec<f32> {
    array.data.iter().map(|&x| x as f32).collect()
}

fn close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    close_within(found, expected, (tolerance, 1e-9), what);
}

/// Compares with a tolerance over the RMS, and an absolute one for what should be zero.
pub(crate) fn close_within(found: &[f32], expected: &[f64], (tolerance, least): (f64, f64), what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let rms = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*a) - b).abs();
        assert!(error <= tolerance * rms + least, "{what}[{i}]: {a} against {b}, rms {rms}");
    }
}

fn options(isa: Isa, exact: bool) -> Options {
    Options { threads: 2, isa: Some(isa), exact, ..Options::default() }
}

/// Every instruction set, and the GPU where one is there: its name, and the options of direct kernels.
fn machines() -> Vec<(String, Options)> {
    let instruction_sets = Isa::available().into_iter();
    let mut machines: Vec<_> =
        instruction_sets.map(|isa| (isa.name().to_owned(), options(isa, true))).collect();
    match describe_gpu(0) {
        Ok(_) => machines.push(("gpu".to_owned(), Options { device: Device::Gpu(0), ..Options::default() })),
        Err(error) => println!("no GPU: {error}"),
    }
    machines
}

#[test]
fn every_node_of_random_networks_has_the_oracles_value() {
    for (seed, graph) in (0..).zip(random_graphs(40)) {
        let (state, input) = (random_state(&graph, seed), random_input(&graph, 3, seed));
        let expected = forward(&graph, &state, &input).unwrap();
        for (machine, options) in machines() {
            let traced = Engine::compile_traced(&graph, &state, 3, &options).unwrap();
            let mut traced = traced.session().unwrap();
            traced.run(&single(&input)).unwrap();
            for id in graph.ids() {
                let tensor = traced.tensor(id).unwrap();
                let what = format!("seed {seed}, {machine}, {}", graph.node(id).path);
                close(&tensor.data, &expected[id.index()].data, DIRECT, &what);
            }
            let engine = Engine::compile(&graph, &state, 4, &options).unwrap();
            let what = format!("seed {seed}, {machine}, fused");
            close(
                engine.run(&single(&input)).unwrap().as_slice(),
                &expected[graph.output().index()].data,
                DIRECT,
                &what,
            );
        }
    }
}

#[test]
fn gradients_of_random_networks_are_the_oracles() {
    for (seed, graph) in (0..).zip(random_graphs(40)) {
        let (state, input) = (random_state(&graph, seed), random_input(&graph, 3, seed));
        let labels = random_labels(&graph, 3, seed);
        for (machine, options) in machines() {
            let sgd = Optimizer::from(Sgd::plain());
            let mut training = TrainingStep::compile(&graph, &state, 3, sgd, seed, &options).unwrap();
            let scale = |node: NodeId, index: usize| f64::from(training.dropout_scale(node, index).unwrap());
            let expected = loss_and_gradients(&graph, &state, &input, &labels, &scale).unwrap();
            let (report, gradients) = training.gradients(&single(&input), &labels).unwrap();
            let what = format!("seed {seed}, {machine}");
            assert!((report.loss - expected.loss).abs() < 1e-5 * expected.loss.abs(), "{what}: loss");
            let largest =
                expected.gradients.values().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
            for (name, gradient) in &gradients {
                let expected = &expected.gradients[name].data;
                // Some gradients are zero but for rounding: of a bias before a batch normalization, say.
                let what = format!("{what}, {name}");
                close_within(&gradient.data, expected, (GRADIENT, 3e-5 * largest), &what);
            }
            let groups = training.uniform_groups();
            training.step(&single(&input), &labels, &groups, 0.0).unwrap();
            let state = training.state_dict();
            for (name, running) in &expected.running {
                close(&state[name].data, &running.data, DIRECT, &format!("{what}, {name}"));
            }
        }
    }
}

/// A block as ConvNeXt has it, whose tensors are those of other modules than its layers.
fn other_forms() -> Graph {
    let net = Builder::image("forms", 3, 6, 5);
    let x = net.input().conv2d(Conv2d::new(9, 3).padding(1));
    let y = x.layer("norm", LayerNorm { eps: 1e-6 });
    let y = y.layer("fc1", Conv2d::new(20, 1)).kept_as(TensorForm::Linear).then(Unary::Gelu { tanh: false });
    let y = y.layer("fc2", Conv2d::new(9, 1)).kept_as(TensorForm::Linear);
    let y = y.layer("gamma", LayerScale { initial: 0.5 }).kept_as(TensorForm::Parameter);
    net.build((x + y).adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(4))).unwrap()
}

#[test]
fn tensors_of_other_forms_are_computed_with_and_trained_alike() {
    let graph = other_forms();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 3, 2));
    let labels = random_labels(&graph, 3, 3);
    let outputs = forward(&graph, &state, &input).unwrap();
    let expected = loss_and_gradients(&graph, &state, &input, &labels, &keep_all).unwrap();
    assert_eq!(expected.gradients["fc1.weight"].shape, [20, 9]);
    for isa in Isa::available() {
        let options = options(isa, true);
        let engine = Engine::compile(&graph, &state, 3, &options).unwrap();
        let found = engine.run(&single(&input)).unwrap();
        close(found.as_slice(), &outputs[graph.output().index()].data, DIRECT, isa.name());
        let sgd = Optimizer::from(Sgd::plain());
        let mut training = TrainingStep::compile(&graph, &state, 3, sgd, 0, &options).unwrap();
        for (name, gradient) in training.gradients(&single(&input), &labels).unwrap().1 {
            assert_eq!(gradient.shape, expected.gradients[&name].shape, "{name}");
            close(&gradient.data, &expected.gradients[&name].data, GRADIENT, &name);
        }
        let shapes = training.state_dict().into_iter().map(|(name, tensor)| (name, tensor.shape));
        assert!(shapes.eq(state.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone()))));
    }
}

/// A function behind products of every kernel: of grey images, direct, by Winograd, depthwise, in groups, pointwise, Linear.
fn rectified(function: impl Into<Op> + Clone) -> Graph {
    let net = Builder::image("rectified", 1, 13, 11);
    let x = net.input().conv2d(Conv2d::new(6, 3).padding(1)).then(function.clone());
    let x = x.conv2d(Conv2d::new(48, 3).stride(2)).then(function.clone());
    let x = x.conv2d(Conv2d::new(48, 3).padding(1)).then(function.clone());
    let x = x.conv2d(Conv2d::new(48, 3).padding(1).groups(48)).batch_norm2d().then(function.clone());
    let y = x.conv2d(Conv2d::new(48, 3).padding(1).groups(3)).then(function.clone());
    let x = (y.conv2d(Conv2d::new(48, 1)) + x).then(function.clone());
    net.build(x.flatten().linear(Linear::new(20)).then(function).linear(Linear::new(4))).unwrap()
}

#[test]
fn functions_are_applied_as_products_are_written() {
    let functions = [Unary::Hardswish, Unary::Silu, Unary::Gelu { tanh: false }, Unary::Gelu { tanh: true }];
    let graphs = functions.map(rectified);
    for graph in graphs.into_iter().chain([rectified(Hardtanh { min: 0.0, max: 6.0 })]) {
        let (state, input) = (random_state(&graph, 1), random_input(&graph, 3, 2));
        let expected = forward(&graph, &state, &input).unwrap();
        for (isa, exact) in Isa::available().into_iter().flat_map(|isa| [(isa, true), (isa, false)]) {
            let engine = Engine::compile(&graph, &state, 3, &options(isa, exact)).unwrap();
            // The input's, those of five convolutions and of a 1×1 one with a sum, of two Linear layers.
            let steps: Vec<String> = engine.plan().into_iter().map(|step| step.kernel).collect();
            assert_eq!(steps.len(), 9, "{steps:?}");
            let found = engine.run(&single(&input)).unwrap();
            let tolerance = if exact { DIRECT } else { WINOGRAD };
            close(found.as_slice(), &expected[graph.output().index()].data, tolerance, isa.name());
        }
    }
}

/// Some channels of a value.
fn part(x: Value<'_>, range: std::ops::Range<usize>) -> Slice {
    Slice::channels(range, x.shape())
}

/// A block of ShuffleNet for 58 channels.
fn shuffle_block(x: Value<'_>) -> Value<'_> {
    let second = x.then(part(x, 29..58)).conv2d(Conv2d::new(29, 1)).relu();
    let second = second.conv2d(Conv2d::new(29, 3).padding(1).groups(29)).conv2d(Conv2d::new(29, 1)).relu();
    concat(&[x.then(part(x, 0..29)), second]).then(ChannelShuffle { groups: 2 })
}

/// Parts of channels, read where they are or not, and concatenations whose channels are shuffled, by their branches or not.
fn shuffled() -> Graph {
    let net = Builder::image("shuffled", 4, 11, 9);
    let images =
        [1..4, 0..2].map(|range| net.input().then(part(net.input(), range)).conv2d(Conv2d::new(6, 3)));
    let images = concat(&images);
    let x = images.then(ChannelShuffle { groups: 2 }).conv2d(Conv2d::new(58, 3).padding(1)).relu();
    let x = shuffle_block(shuffle_block(x));
    // Three branches; groups that are no branches.
    let thirds = [0, 1, 2].map(|i| x.then(part(x, 18 * i..18 * i + 18)));
    let y = concat(&[thirds[2], thirds[0].max_pool2d(MaxPool2d::new(3).stride(1).padding(1)), thirds[1]]);
    let y = concat(&[y, y.then(part(y, 3..54))]).then(ChannelShuffle { groups: 3 });
    let z = concat(&[thirds[0], thirds[1], thirds[2].conv2d(Conv2d::new(18, 3).padding(1))]);
    let z = z.then(ChannelShuffle { groups: 3 });
    // A part of a part, of channels in steps, and of rows.
    let inner = y.then(part(y, 7..47));
    let inner = inner.then(part(inner, 1..17)) + inner.then(part(inner, 20..36));
    let steps = Slice { channels: Span { start: 2, step: 3, length: 16 }, ..part(z, 0..1) };
    let rows = Slice { rows: Span::range(1..6), ..part(z, 0..16) };
    let sum = inner + z.then(steps).conv2d(Conv2d::new(16, 1));
    let pooled = z.then(rows).adaptive_avg_pool2d(9, 7) + sum;
    let vector = pooled.adaptive_avg_pool2d(1, 1).flatten();
    let halves = [0, 8].map(|i| vector.then(part(vector, i..i + 8)).linear(Linear::new(5)));
    net.build(halves[0] + halves[1]).unwrap()
}

/// Blocks whose convolution is scaled and added to what it began with, behind layers that do nothing in inference.
fn scaled() -> Graph {
    let net = Builder::image("scaled", 5, 9, 8);
    let dropped = StochasticDepth { p: 0.25 };
    let mut x = net.input().conv2d(Conv2d::new(12, 3));
    for first in [true, false] {
        let y = x.conv2d(Conv2d::new(24, 1)).then(Unary::Gelu { tanh: false }).dropout(0.5);
        let y = y.conv2d(Conv2d::new(12, 1)).then(LayerScale { initial: 0.5 }).then(dropped.clone());
        x = if first { x + y } else { y + x };
    }
    // Two that are scaled and added to each other; one whose scale is read twice.
    let [a, b] = [1, 3].map(|side| x.conv2d(Conv2d::new(12, side).padding(side / 2)));
    let [a, b] = [a, b].map(|x| x.then(LayerScale { initial: 0.5 }).dropout(0.25));
    let x = a + b;
    let twice = x.conv2d(Conv2d::new(12, 1)).then(LayerScale { initial: 0.5 });
    let x = (twice + x).then(dropped).relu() + twice;
    net.build(
        x.conv2d(Conv2d::new(12, 1)).batch_norm2d().dropout(0.5).relu().flatten().linear(Linear::new(3)),
    )
    .unwrap()
}

/// Runs a graph on every instruction set, with Winograd's algorithm and without, beside the oracle; `check` looks at the kernels.
fn compare(graph: &Graph, check: impl Fn(&[String])) {
    let (state, input) = (random_state(graph, 5), random_input(graph, 3, 6));
    let expected = forward(graph, &state, &input).unwrap();
    for (isa, exact) in Isa::available().into_iter().flat_map(|isa| [(isa, true), (isa, false)]) {
        let engine = Engine::compile(graph, &state, 3, &options(isa, exact)).unwrap();
        let found = engine.run(&single(&input)).unwrap();
        let tolerance = if exact { DIRECT } else { WINOGRAD };
        close(found.as_slice(), &expected[graph.output().index()].data, tolerance, isa.name());
        let steps = engine.plan().into_iter();
        check(&steps.map(|step| format!("{} by {}", step.layers, step.kernel)).collect::<Vec<_>>());
    }
}

#[test]
fn parts_and_shuffles_are_what_layers_say() {
    compare(&shuffled(), |steps| {
        let count = |kernel: &str| steps.iter().filter(|step| step.ends_with(kernel)).count();
        assert!(count("interleave") == 4 && count("in place") >= 13, "{steps:?}");
    });
}

#[test]
fn scales_and_sums_behind_convolutions_are_what_layers_say() {
    compare(&scaled(), |steps| assert_eq!(steps.len(), 13, "{steps:?}"));
    // Half precision has no room for such scales: weights of 1e-6 would be nothing.
    let net = Builder::image("small", 8, 5, 5);
    let graph = net
        .build(net.input().conv2d(Conv2d::new(16, 1).no_bias()).then(LayerScale { initial: 1e-6 }))
        .unwrap();
    let mut state = random_state(&graph, 1);
    let scale = state.keys().find(|name| name.starts_with("1.")).unwrap().clone();
    state.get_mut(&scale).unwrap().data.fill(1e-6);
    let input = random_input(&graph, 1, 2);
    let expected = forward(&graph, &state, &input).unwrap();
    let halved = Options { half: true, ..options(Isa::PORTABLE, true) };
    let found = Engine::compile(&graph, &state, 1, &halved).unwrap().run(&single(&input)).unwrap();
    close_within(found.as_slice(), &expected[graph.output().index()].data, (2e-3, 0.0), "halved");
}

/// A normalization behind what hands on, once with a rectifier, that one convolution takes and the next one too could.
#[test]
fn a_normalization_behind_a_dropout_is_applied_once() {
    for between in [Op::from(Dropout { p: 0.5 }), Op::Identity, Op::from(StochasticDepth { p: 0.5 })] {
        let net = Builder::image("once", 3, 7, 6);
        let x = net.input().conv2d(Conv2d::new(8, 3).padding(1)).then(between.clone()).batch_norm2d().relu();
        let x = x.conv2d(Conv2d::new(9, 1)).then(between).batch_norm2d().conv2d(Conv2d::new(4, 1));
        compare(&net.build(x).unwrap(), |steps| assert_eq!(steps.len(), 4, "{steps:?}"));
    }
}

/// Groups wide enough for Winograd's algorithm, with every epilogue, in inference alone.
#[test]
fn groups_by_winograd_are_the_oracles() {
    let net = Builder::image("groups", 3, 19, 18);
    let x = net.input().conv2d(Conv2d::new(48, 3).padding(1)).relu();
    let y = x
        .conv2d(Conv2d::new(60, 3).padding(1).groups(3).no_bias())
        .batch_norm2d()
        .then(Unary::Gelu { tanh: false });
    let z = y.conv2d(Conv2d::new(60, 1)).relu().conv2d(Conv2d::new(48, 1));
    let z = z.conv2d(Conv2d::new(48, 5).padding(1).groups(2)).batch_norm2d().relu();
    let w = z.conv2d(Conv2d::new(48, 3).padding(1).groups(3)) + z;
    let graph = net.build(w.relu().conv2d(Conv2d::new(5, 1)).flatten().linear(Linear::new(4))).unwrap();
    let by_winograd = |step: &str| step.contains("winograd") && step.contains(" groups");
    for isa in Isa::available() {
        let (state, input) = (random_state(&graph, 5), random_input(&graph, 2, 6));
        let expected = forward(&graph, &state, &input).unwrap();
        let mut first = None;
        for threads in [1, 2, 3] {
            let options = Options { threads, ..options(isa, false) };
            let engine = Engine::compile(&graph, &state, 3, &options).unwrap();
            let kernels: Vec<String> = engine.plan().into_iter().map(|step| step.kernel).collect();
            assert_eq!(kernels.iter().filter(|step| by_winograd(step)).count(), 3, "{kernels:?}");
            let found = engine.run(&single(&input)).unwrap().into_vec();
            close(&found, &expected[graph.output().index()].data, WINOGRAD, isa.name());
            assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{isa} with {threads} threads");
        }
        let training =
            TrainingStep::compile(&graph, &state, 3, Optimizer::from(Sgd::plain()), 0, &options(isa, false))
                .unwrap();
        assert!(!training.plan().iter().any(|step| by_winograd(&step.kernel)));
    }
}

/// Factors of a map's channels, by a squeeze-and-excitation.
fn gate(x: Value<'_>, channels: usize) -> Value<'_> {
    let mean = x.adaptive_avg_pool2d(1, 1).conv2d(Conv2d::new(5, 1)).relu();
    mean.conv2d(Conv2d::new(channels, 1)).sigmoid()
}

/// Gates in front of 1×1 convolutions, on either side of a product, of maps of many blocks of pixels and of few; and what looks
/// like one: a product that is read twice, in front of a convolution with a border, of maps alike, of one factor a pixel.
fn gated() -> Graph {
    let net = Builder::image("gated", 3, 23, 19);
    let x = net.input().conv2d(Conv2d::new(37, 3).padding(1)).silu();
    let x = (x * gate(x, 37)).conv2d(Conv2d::new(40, 1)).batch_norm2d() + x.conv2d(Conv2d::new(40, 1));
    let x = (gate(x, 40) * x).conv2d(Conv2d::new(24, 1).stride(3).no_bias()).relu();
    let twice = x * gate(x, 24);
    let x = twice.conv2d(Conv2d::new(24, 1)) + twice;
    let x = (x * gate(x, 24)).conv2d(Conv2d::new(24, 1).padding(1));
    let x = (x * x.sigmoid()).conv2d(Conv2d::new(24, 1));
    let x = (x * x.conv2d(Conv2d::new(1, 1))).conv2d(Conv2d::new(24, 1));
    // A map that lies in a part of another, and is added behind the convolution.
    let part = x.conv2d(Conv2d::new(20, 1)).relu();
    let whole = concat(&[part, x]);
    let x = concat(&[(part * gate(part, 20)).conv2d(Conv2d::new(20, 1)) + part, whole]);
    // The images themselves, and maps of one pixel, also one as both.
    let images = (net.input() * gate(net.input(), 3)).conv2d(Conv2d::new(6, 1)).adaptive_avg_pool2d(1, 1);
    let pixel = (images * images.sigmoid()).conv2d(Conv2d::new(6, 1)).relu();
    let pixel = (pixel * pixel).conv2d(Conv2d::new(6, 1)) + pixel;
    net.build(concat(&[x.adaptive_avg_pool2d(1, 1), pixel]).flatten().linear(Linear::new(4))).unwrap()
}

#[test]
fn gates_are_applied_as_products_read() {
    let graph = gated();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 3, 2));
    let expected = forward(&graph, &state, &input).unwrap();
    for isa in Isa::available() {
        let mut first = None;
        for threads in 1..=3 {
            let options = Options { threads, ..options(isa, true) };
            let engine = Engine::compile(&graph, &state, 3, &options).unwrap();
            let products = engine.plan().iter().filter(|step| step.kernel == "mul").count();
            assert_eq!(products, 4, "{:?}", engine.plan());
            let found = engine.run(&single(&input)).unwrap();
            close(found.as_slice(), &expected[graph.output().index()].data, DIRECT, isa.name());
            let found = found.into_vec();
            assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{isa} with {threads} threads");
            // Fewer images than there is room for; weights in half precision.
            let image = &single(&input)[..input.data.len() / 3];
            let one = engine.run(image).unwrap().into_vec();
            assert_eq!(one, found[..one.len()], "{isa} with {threads} threads");
            let halved = Engine::compile(&graph, &state, 1, &Options { half: true, ..options }).unwrap();
            let expected: Vec<f64> = one.iter().map(|&x| x.into()).collect();
            close(halved.run(image).unwrap().as_slice(), &expected, 2e-3, isa.name());
        }
    }
}

/// Convolutions that Winograd takes, at sizes that leave partial tiles, with every epilogue.
fn winograd_graph(height: usize, width: usize, padding: usize) -> Graph {
    let net = Builder::image("winograd", 3, height, width);
    let x = net.input().conv2d(Conv2d::new(33, 3).padding(1)).relu();
    let y = x.conv2d(Conv2d::new(40, 3).padding(padding).no_bias()).batch_norm2d().relu();
    let z = y.conv2d(Conv2d::new(40, 5).padding(2)).batch_norm2d();
    let x = (y + z).relu().conv2d(Conv2d::new(17, 3).padding(1)).max_pool2d(MaxPool2d::new(2));
    net.build(x.flatten().linear(Linear::new(5))).unwrap()
}

#[test]
fn winograd_convolutions_are_close_and_exact_turns_them_off() {
    for (height, width, padding, n) in [(12, 12, 1, 1), (13, 18, 0, 2), (15, 17, 2, 3), (31, 9, 1, 2)] {
        let graph = winograd_graph(height, width, padding);
        let (state, input) = (random_state(&graph, 1), random_input(&graph, n, 2));
        let expected = forward(&graph, &state, &input).unwrap();
        let expected = &expected[graph.output().index()].data;
        for isa in Isa::available() {
            let run = |exact: bool, threads: usize| {
                let options = Options { threads, ..options(isa, exact) };
                let engine = Engine::compile(&graph, &state, 3, &options).unwrap();
                let used = engine.plan().iter().filter(|s| s.kernel.contains("winograd")).count();
                assert_eq!(used, if exact { 0 } else { 3 });
                engine.run(&single(&input)).unwrap().into_vec()
            };
            close(&run(false, 2), expected, WINOGRAD, isa.name());
            close(&run(true, 2), expected, DIRECT, isa.name());
            assert_eq!(run(false, 1), run(false, 3));
        }
    }
}

/// The same without kinks: where a small error can choose another maximum, gradients jump.
fn smooth_winograd_graph(height: usize, width: usize, padding: usize) -> Graph {
    let net = Builder::image("winograd", 3, height, width);
    let x = net.input().conv2d(Conv2d::new(33, 3).padding(1)).tanh();
    let y = x.conv2d(Conv2d::new(40, 3).padding(padding).no_bias()).batch_norm2d().sigmoid();
    let z = y.conv2d(Conv2d::new(40, 5).padding(2)).batch_norm2d();
    let x = (y + z).tanh().conv2d(Conv2d::new(17, 3).padding(1)).avg_pool2d(AvgPool2d::new(2));
    net.build(x.flatten().linear(Linear::new(5))).unwrap()
}

#[test]
fn small_maps_by_winograd_are_the_oracles() {
    let net = Builder::image("small", 3, 6, 6);
    let x = net.input().conv2d(Conv2d::new(64, 3).padding(1)).tanh();
    let y = x.conv2d(Conv2d::new(64, 3).padding(1).no_bias()).batch_norm2d().sigmoid();
    let z = y.conv2d(Conv2d::new(64, 3).padding(1)).batch_norm2d();
    let x = (y + z).tanh().avg_pool2d(AvgPool2d::new(2));
    let graph = net.build(x.flatten().linear(Linear::new(5))).unwrap();
    let n = 4;
    let (state, input, labels) =
        (random_state(&graph, 1), random_input(&graph, n, 2), random_labels(&graph, n, 3));
    let expected = forward(&graph, &state, &input).unwrap();
    let gradients = loss_and_gradients(&graph, &state, &input, &labels, &keep_all).unwrap().gradients;
    for isa in Isa::available() {
        let engine = Engine::compile(&graph, &state, n, &options(isa, false)).unwrap();
        assert_eq!(engine.plan_text().matches("f32_winograd_2x2_3x3").count(), 2, "{}", engine.plan_text());
        let logits = engine.run(&single(&input)).unwrap().into_vec();
        close(&logits, &expected[graph.output().index()].data, WINOGRAD, isa.name());
        let sgd = Optimizer::from(Sgd::plain());
        let run = |threads| {
            let options = Options { threads, ..options(isa, false) };
            let mut training = TrainingStep::compile(&graph, &state, n, sgd, 0, &options).unwrap();
            let plan = training.plan_text();
            assert_eq!(plan.matches("f32_winograd_2x2_3x3").count(), 2, "{plan}");
            assert_eq!(plan.matches("dx winograd_2x2_3x3").count(), 2, "{plan}");
            training.gradients(&single(&input), &labels).unwrap().1
        };
        let found = run(2);
        let largest = gradients.values().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
        for (name, gradient) in &found {
            close_within(&gradient.data, &gradients[name].data, (GRADIENT, 2e-6 * largest), name);
        }
        assert_eq!(found, run(1));
    }
}

#[test]
fn gradients_through_winograd_are_the_oracles() {
    // The last ones have tiles enough for weight gradients by Winograd too.
    for (height, width, padding, n) in [(12, 12, 1, 1), (13, 18, 0, 2), (15, 17, 2, 7), (30, 27, 1, 4)] {
        let graph = smooth_winograd_graph(height, width, padding);
        let (state, input) = (random_state(&graph, 1), random_input(&graph, n, 2));
        let labels = random_labels(&graph, n, 3);
        let expected = loss_and_gradients(&graph, &state, &input, &labels, &keep_all).unwrap();
        let sgd = Optimizer::from(Sgd::plain());
        for isa in Isa::available() {
            let run = |threads| {
                let options = Options { threads, ..options(isa, false) };
                let mut training = TrainingStep::compile(&graph, &state, n, sgd, 0, &options).unwrap();
                assert!(training.plan().iter().any(|step| step.kernel.contains("winograd")));
                training.gradients(&single(&input), &labels).unwrap().1
            };
            let gradients = run(2);
            let largest =
                expected.gradients.values().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
            for (name, gradient) in &gradients {
                let tolerance = (GRADIENT, 2e-6 * largest);
                close_within(&gradient.data, &expected.gradients[name].data, tolerance, name);
            }
            assert_eq!(gradients, run(1));
        }
    }
}
