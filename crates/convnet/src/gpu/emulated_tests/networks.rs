//! Values, losses and gradients of networks.

use convnet_gpu::{Clock, Format};
use convnet_gpu_emulation::Emulator;
use convnet_kernels::{self as kernels, Arena};

use super::{IMAGES, element, emulator, get, memory, put};
use crate::exec::oracle_tests::{close_within, single};
use crate::exec::{Criterion, CrossEntropy, Options, Precision, ReluGradient, Target, TrainingStep};
use crate::gpu::inference::outputs;
use crate::gpu::loader::Loader;
use crate::gpu::places::{Places, RESULT, Upkeep};
use crate::gpu::program::Parts;
use crate::gpu::rows::halves;
use crate::gpu::table::unpack;
use crate::gpu::tests::{blueprint, program};
use crate::gpu::training::{Blueprint, Judged, Task};
use crate::gpu::update::Updates;
use crate::graph::{Builder, Graph, NodeId, concat};
use crate::ops::{
    Arithmetic, ChannelShuffle, Conv2d, GroupNorm, LayerNorm, LayerScale, Linear, MaxPool2d, Op, Slice,
    StochasticDepth, Unary,
};
use crate::optim::{Optimizer, ParameterGroups};
use crate::plan::{Mode, pass_key};
use crate::reference::random::{random_graphs, random_input, random_labels, random_state};
use crate::reference::{Array, forward, loss_and_gradients};
use crate::state::StateDict;
use crate::zoo;

/// What some nodes give in inference, of at most so many images, or of all that are traced.
fn values(
    emulator: &mut Emulator,
    (graph, state, images): (&Graph, &StateDict, &Array),
    (mode, batch, precision): (Mode, usize, Precision),
) -> Vec<(NodeId, Vec<f32>)> {
    let shown = outputs(graph, mode);
    let program = program(graph, mode, batch, precision);
    let places = Places::new(&program, &[], Upkeep::default()).unwrap();
    let mut parameters = vec![0.0; program.parameters];
    let mut loader = Loader { graph, source: state, parameters: &mut parameters };
    for (at, kind) in program.steps() {
        kind.load(&mut loader, at).unwrap();
    }
    let mut memory = memory(&places);
    if program.format() == Format::Bf16 {
        let halves = halves(&parameters);
        memory[places.halves..][..halves.len()].copy_from_slice(&halves);
    }
    put(&mut memory, places.parameters, parameters);
    put(&mut memory, places.images, single(images));
    let mut parts = Parts::new(&places);
    program.forward(&mut parts, &places, (IMAGES, false));
    emulator.run(&parts.list, &mut memory);
    let value = |id: NodeId| {
        let shape = graph.node(id).shape;
        let region = program.plan.region(program.plan.value(id).unwrap_or(id), shape, IMAGES);
        let map = region.pixels / IMAGES;
        let element = |i: usize| {
            let (image, channel, pixel) = (i / map / region.channels, i / map % region.channels, i % map);
            let at = region.offset + (image * map + pixel) * region.stride + channel;
            element(&memory, &program, &places, at)
        };
        (id, (0..IMAGES * shape.elements()).map(element).collect())
    };
    shown.into_iter().map(value).collect()
}

/// Who computes the loss of a pass: the card, or the host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Judge {
    Card,
    Host,
}

/// The loss of a pass, how many images are right, and the gradients by name.
fn pass(
    emulator: &mut Emulator,
    (graph, state): (&Graph, &StateDict),
    batch: (&Array, &Judged<'_>, u64),
    (judge, precision): (Judge, Precision),
) -> (f64, u32, StateDict) {
    // Fewer images than there may be.
    let blueprint = blueprint(graph, IMAGES + 1, Optimizer::sgd(), precision);
    pass_of(emulator, &blueprint, (state, judge), batch)
}

/// The same of a blueprint.
pub(super) fn pass_of(
    emulator: &mut Emulator,
    blueprint: &Blueprint,
    (state, judge): (&StateDict, Judge),
    (images, judged, seed): (&Array, &Judged<'_>, u64),
) -> (f64, u32, StateDict) {
    let (program, places) = (&blueprint.program, &blueprint.places);
    let (parameters, _) = blueprint.packed(state).unwrap();
    let mut memory = memory(places);
    put(&mut memory, places.parameters, parameters);
    put(&mut memory, places.images, single(images));
    let (labels, shares) = judged.parts();
    put(&mut memory, places.labels, labels.iter().map(|&label| f32::from_bits(label)));
    put(&mut memory, places.shares, shares.iter().copied());
    let mut clock = Clock::bytes(seed, 1, [0.0, 1.0]);
    Clock::begin(&mut clock, pass_key(seed, 0, 0), 0);
    memory[places.clocks..][..clock.len()].copy_from_slice(&clock);
    let groups = ParameterGroups::uniform(&program.plan.graph.parameters());
    let updates = Updates::new(&blueprint.table, &blueprint.tracked(), &groups);
    let list = |task| blueprint.list((task, IMAGES), &updates).list;
    let (mut sum, mut correct) = (0.0, 0);
    match judge {
        Judge::Card => {
            emulator.run(&list(Task::Pass { track: false, by: judged.by() }), &mut memory);
            for (i, loss) in blueprint.losses.iter().enumerate() {
                let found = get(&memory, places.results + RESULT * i, 2);
                sum += f64::from(loss.weight) * f64::from(found[0]);
                correct = if i == 0 { found[1].to_bits() } else { correct };
            }
        }
        Judge::Host => {
            emulator.run(&list(Task::Forward { track: false }), &mut memory);
            for (i, loss) in blueprint.losses.iter().enumerate() {
                let classes = loss.shape.elements();
                let region = program.plan.region(loss.value, loss.shape, IMAGES);
                let mut arena = Arena::new(2 * IMAGES * classes);
                for (at, to) in arena.as_mut_slice()[..IMAGES * classes].iter_mut().enumerate() {
                    *to = element(
                        &memory,
                        program,
                        places,
                        region.offset + at / classes * region.stride + at % classes,
                    );
                }
                let views = [0, 1].map(|half| kernels::View::dense(half * IMAGES * classes, IMAGES, classes));
                let target = Target::classes(labels);
                let (value, right) =
                    kernels::compare(&mut arena, views, target.comparison(), loss.weight, false);
                sum += f64::from(loss.weight) * value;
                correct = if i == 0 { right as u32 } else { correct };
                let staged = program.staged(places, (i, &blueprint.losses), IMAGES);
                let gradient = arena.as_slice()[IMAGES * classes..].iter().copied();
                put(&mut memory, staged.at, gradient);
            }
            emulator.run(&list(Task::Backward(ReluGradient::Plain)), &mut memory);
        }
    }
    let gradients = get(&memory, places.gradients, program.learning);
    (sum, correct, unpack(blueprint.learning(), &gradients, ""))
}

/// How far a value may be from the oracle's by its layer's RMS, a loss by itself, and all gradients together by their length.
struct Near {
    values: f64,
    loss: f64,
    gradients: f64,
    /// What gradients from a loss of the host's may be off those from the card's.
    host: f64,
}

fn near(precision: Precision) -> Near {
    match precision {
        Precision::F32 | Precision::Tf32 => Near { values: 1e-4, loss: 1e-5, gradients: 3e-5, host: 2e-5 },
        // 2⁻⁹ a rounding, some tens of which add up; a rounding may turn a ReLU, or choose another of two maxima.
        Precision::Bf16 => Near { values: 0.1, loss: 0.03, gradients: 0.1, host: 0.02 },
    }
}

/// The square of the length of a difference, and that of what is expected.
fn squares(found: &[f32], expected: &[f64]) -> [f64; 2] {
    assert_eq!(found.len(), expected.len());
    let difference = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    [difference, expected.iter().map(|b| b * b).sum()]
}

/// All gradients together are within `limit` of the expected ones' length; each tensor is too, or within half of that of all.
pub(super) fn assert_near(found: &StateDict, expected: impl Fn(&str) -> Vec<f64>, limit: f64, what: &str) {
    let each: Vec<(&String, [f64; 2])> =
        found.iter().map(|(name, tensor)| (name, squares(&tensor.data, &expected(name)))).collect();
    let [difference, length] = [0, 1].map(|i| each.iter().map(|(_, squares)| squares[i]).sum::<f64>().sqrt());
    assert!(difference <= limit * length, "{what}: gradients are off by {difference} of {length}");
    for (name, squares) in each {
        let [off, own] = squares.map(f64::sqrt);
        assert!(
            off <= limit * (own + 0.5 * length),
            "{what}, {name}: off by {off} of {own}, {length} in all"
        );
    }
}

/// Compares a network's values, its loss and its gradients with the oracle's, with the dropout of the CPU's masks.
fn compare(emulator: &mut Emulator, graph: &Graph, (seed, precision): (u64, Precision)) {
    let near = near(precision);
    let (state, images) = (random_state(graph, seed), random_input(graph, IMAGES, seed));
    let labels = random_labels(graph, IMAGES, seed);
    let what = format!("{} {seed} {precision}", graph.name());
    let expected = forward(graph, &state, &images).unwrap();
    for how in [(Mode::Trace, IMAGES, precision), (Mode::Infer, IMAGES + 1, precision)] {
        for (id, values) in values(emulator, (graph, &state, &images), how) {
            let what = format!("{what}, {how:?}, {}", graph.node(id).path);
            close_within(&values, &expected[id.index()].data, (near.values, 1e-6), &what);
        }
    }
    let cpu = Options { threads: 1, ..Options::default() };
    let training = TrainingStep::compile(graph, &state, IMAGES, Optimizer::sgd(), seed, &cpu).unwrap();
    let scale = |node: NodeId, index: usize| f64::from(training.dropout_scale(node, index).unwrap());
    let expected = loss_and_gradients(graph, &state, &images, &labels, &scale).unwrap();
    let judged = (&images, &Judged::Labels(&labels), seed);
    let (loss, correct, gradients) = pass(emulator, (graph, &state), judged, (Judge::Card, precision));
    let off = (loss - expected.loss).abs() / expected.loss.abs();
    assert!(off < near.loss, "{what}: loss {loss} for {}", expected.loss);
    assert_eq!(gradients.len(), expected.gradients.len(), "{what}");
    assert_near(&gradients, |name| expected.gradients[name].data.clone(), near.gradients, &what);
    // The host's loss of the same logits, and the gradients that come of it.
    let (by_host, right, other) = pass(emulator, (graph, &state), judged, (Judge::Host, precision));
    assert!((by_host - loss).abs() < 1e-5 * loss.abs(), "{what}: {by_host} by the host, {loss} by the card");
    assert_eq!(right, correct, "{what}: images that are right");
    let wide = |name: &str| gradients[name].data.iter().map(|&x| x.into()).collect();
    assert_near(&other, wide, near.host, &format!("{what}, by the host"));
    if precision == Precision::F32 {
        let largest = expected.gradients.values().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
        for (name, gradient) in &gradients {
            let expected = &expected.gradients[name].data;
            close_within(&gradient.data, expected, (1e-3, 3e-5 * largest), &format!("{what}, {name}"));
        }
    }
}

#[test]
fn random_networks_and_one_around_each_layer_have_the_oracles_values_and_gradients() {
    let Some(mut emulator) = emulator() else { return };
    for (seed, graph) in (0..).zip(random_graphs(12)) {
        compare(&mut emulator, &graph, (seed, Precision::F32));
    }
}

/// A squeeze-and-excitation, a shuffle, a normalization of each pixel with its scale, whole images dropped.
pub(super) fn modern() -> Graph {
    let net = Builder::image("modern", 3, 12, 10);
    let x = net
        .input()
        .conv2d(Conv2d::new(16, 3).padding(1).stride(2).no_bias())
        .batch_norm2d()
        .then(Unary::Hardswish);
    let gate = x.adaptive_avg_pool2d(1, 1).conv2d(Conv2d::new(4, 1)).relu();
    let gate = gate.conv2d(Conv2d::new(16, 1)).then(Unary::hardsigmoid());
    let x = crate::graph::combine("gated", Op::Arithmetic(Arithmetic::Mul), &[x, gate]);
    let halves = [0, 8].map(|first| x.then(Slice::channels(first..first + 8, x.shape())));
    let y = concat(&[halves[0], halves[1].conv2d(Conv2d::new(8, 3).padding(1)).silu()]);
    let y = y.then(ChannelShuffle { groups: 2 });
    let z = y.conv2d(Conv2d::new(16, 3).padding(1).groups(16)).then(LayerNorm { eps: 1e-6 });
    let z = z.conv2d(Conv2d::new(32, 1)).then(Unary::Gelu { tanh: false }).conv2d(Conv2d::new(16, 1));
    let z = z.then(LayerScale { initial: 0.5 }).then(StochasticDepth { p: 0.4 });
    let x = (y + z).then(GroupNorm { groups: 4, eps: 1e-5 });
    net.build(x.adaptive_avg_pool2d(1, 1).flatten().dropout(0.3).linear(Linear::new(5))).unwrap()
}

#[test]
fn a_network_of_newer_layers_has_the_oracles_values_and_gradients() {
    let Some(mut emulator) = emulator() else { return };
    let graph = modern();
    for seed in 0..4 {
        for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
            compare(&mut emulator, &graph, (seed, precision));
        }
    }
}

/// Convolutions of few channels with their maxima, one without a ReLU, of odd sizes; small Linear layers, and one that is not.
pub(super) fn few_channels() -> Graph {
    let net = Builder::image("few", 1, 27, 22);
    let x = net.input().conv2d(Conv2d::new(6, 5)).relu().max_pool2d(MaxPool2d::new(2));
    let x = x.conv2d(Conv2d::new(16, 5)).max_pool2d(MaxPool2d::new(2)).flatten();
    let x = x.linear(Linear::new(520)).relu().linear(Linear::new(84).no_bias()).relu();
    net.build(x.linear(Linear::new(5))).unwrap()
}

#[test]
fn a_network_of_few_channels_has_the_oracles_values_and_gradients() {
    let Some(mut emulator) = emulator() else { return };
    let graph = few_channels();
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        compare(&mut emulator, &graph, (3, precision));
    }
}

/// Losses that are sums of weighted shares of the classes: soft and smoothed labels, weights of images and classes.
#[test]
fn losses_by_shares_and_their_gradients_are_the_cpus() {
    let Some(mut emulator) = emulator() else { return };
    let graph = modern();
    let seed = 5;
    let (state, images) = (random_state(&graph, seed), random_input(&graph, IMAGES, seed));
    let labels = random_labels(&graph, IMAGES, seed);
    let soft: Vec<f32> = (0..IMAGES * graph.classes()).map(|i| (i * 7 % 5) as f32 / 8.0).collect();
    let weights = [0.5, 2.0, 0.25];
    let class_weights = (0..graph.classes()).map(|class| 0.5 + class as f32).collect();
    let entropy = CrossEntropy { smoothing: 0.1, class_weights: Some(class_weights), gamma: 0.0 };
    let criterion = Criterion::CrossEntropy(entropy);
    let targets = [
        Target::classes(&labels).by(&criterion),
        Target::classes(&labels).weighted(&weights),
        Target::soft(&soft),
        Target::soft(&soft).weighted(&weights).by(&criterion),
    ];
    let cpu = Options { threads: 1, ..Options::default() };
    for target in targets {
        let mut training =
            TrainingStep::compile(&graph, &state, IMAGES, Optimizer::sgd(), seed, &cpu).unwrap();
        let (report, expected) = training.gradients(&single(&images), target).unwrap();
        let shares = target.comparison().weighted_shares(IMAGES, graph.classes());
        let (shares, labels) = shares.unwrap();
        let judged = Judged::Shares { shares, labels };
        let (loss, correct, gradients) =
            pass(&mut emulator, (&graph, &state), (&images, &judged, seed), (Judge::Card, Precision::F32));
        let what = format!("{target:?}");
        assert!((loss - report.loss).abs() < 1e-5 * report.loss.abs(), "{what}: {loss} for {}", report.loss);
        assert_eq!(correct as usize, report.correct, "{what}");
        for (name, gradient) in &gradients {
            let expected: Vec<f64> = expected[name].data.iter().map(|&x| x.into()).collect();
            close_within(&gradient.data, &expected, (1e-3, 1e-6), &format!("{what}, {name}"));
        }
    }
}

/// Activations, their gradients and factors in 16 bits: networks around each layer, in which little adds up.
#[test]
fn bf16_is_within_its_roundings_of_the_oracle() {
    let Some(mut emulator) = emulator() else { return };
    for (seed, graph) in (0..).zip(random_graphs(0)) {
        compare(&mut emulator, &graph, (seed, Precision::Bf16));
    }
    compare(&mut emulator, &zoo::lenet().build().unwrap(), (1, Precision::Bf16));
}
