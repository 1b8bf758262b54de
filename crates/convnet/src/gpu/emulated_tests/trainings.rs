//! Engines, trainings and probes by their public face, on the card that the emulation stands in for, beside the CPU's.

use std::collections::BTreeMap;

use super::card;
use super::networks::modern;
use crate::exec::oracle_tests::{close_within, single};
use crate::exec::probe_tests::{live, weights_of_logits};
use crate::exec::{Criterion, CrossEntropy, Engine, Options, Probe, ReluGradient, Target, TrainingStep};
use crate::graph::{Builder, Graph};
use crate::ops::{Conv2d, Linear};
use crate::optim::{Adam, Frozen, Muon, Nadam, Optimizer, ParameterGroup, ParameterGroups, Select, Sgd};
use crate::reference::random::{random_input, random_labels, random_state};
use crate::state::StateDict;

const BATCH: usize = 3;

/// A batch: images and labels.
pub(super) fn batch(graph: &Graph, seed: u64) -> (Vec<f32>, Vec<u32>) {
    (single(&random_input(graph, BATCH, seed)), random_labels(graph, BATCH, seed))
}

pub(super) fn both(graph: &Graph, optimizer: Optimizer, frozen: &Frozen) -> Option<[TrainingStep; 2]> {
    let card = card::options()?;
    let cpu = Options { threads: 1, ..Options::default() };
    let state = random_state(graph, 3);
    let compile = |options: &Options| {
        TrainingStep::compile_frozen(graph, (&state, frozen), BATCH, (optimizer, 5), options).unwrap()
    };
    Some([compile(&cpu), compile(&card)])
}

/// Two state dicts agree, each tensor by its RMS.
pub(super) fn assert_alike(found: &StateDict, expected: &StateDict, near: f64, what: &str) {
    assert!(found.keys().eq(expected.keys()), "{what}: {:?} for {:?}", found.keys(), expected.keys());
    for (name, tensor) in expected {
        assert_eq!(found[name].shape, tensor.shape, "{what}, {name}");
        let expected: Vec<f64> = tensor.data.iter().map(|&x| x.into()).collect();
        close_within(&found[name].data, &expected, (near, 1e-5), &format!("{what}, {name}"));
    }
}

pub(super) fn assert_same_training(cpu: &TrainingStep, card: &TrainingStep, what: &str) {
    assert_alike(&card.state_dict(), &cpu.state_dict(), 1e-3, what);
    let [(steps, expected), (taken, found)] = [cpu, card].map(TrainingStep::optimizer_state);
    assert_eq!(taken, steps, "{what}");
    assert_alike(&found, &expected, 3e-3, what);
}

#[test]
fn an_engine_and_its_trace_are_the_cpus() {
    let Some(options) = card::options() else { return };
    let graph = modern();
    let state = random_state(&graph, 1);
    let (images, _) = batch(&graph, 2);
    let cpu = Options { threads: 1, ..Options::default() };
    for trace in [false, true] {
        let logits = |options: &Options| {
            let compile = if trace { Engine::compile_traced } else { Engine::compile };
            compile(&graph, &state, BATCH + 1, options).unwrap().run(&images).unwrap()
        };
        let expected: Vec<f64> = logits(&cpu).as_slice().iter().map(|&x| x.into()).collect();
        close_within(logits(&options).as_slice(), &expected, (1e-4, 1e-6), "logits");
    }
}

#[test]
fn steps_of_every_kind_are_the_cpus() {
    let graph = modern();
    let Some([mut cpu, mut card]) =
        both(&graph, Sgd { dampening: 0.2, ..Sgd::default() }.into(), &Frozen::default())
    else {
        return;
    };
    let groups = ParameterGroups::new(
        &graph.parameters(),
        &[
            ParameterGroup::new(Select::All).weight_decay(1e-3),
            ParameterGroup::new(Select::Biases).weight_decay(0.0).rate(2.0),
        ],
    )
    .unwrap();
    let mut averages = [cpu.ema(0.75), card.ema(0.75)];
    let focal = Criterion::CrossEntropy(CrossEntropy { gamma: 1.5, ..CrossEntropy::default() });
    let soft: Vec<f32> = (0..BATCH * graph.classes()).map(|i| (i % 4) as f32 / 4.0).collect();
    let mut found = Vec::new();
    for (training, average) in [&mut cpu, &mut card].into_iter().zip(&mut averages) {
        let (images, labels) = batch(&graph, 7);
        let mut losses = Vec::new();
        losses.push(training.step(&images, &labels, &groups, 0.02).unwrap().loss);
        training.update_ema(average);
        losses.push(training.step(&images, Target::soft(&soft), &groups, 0.02).unwrap().loss);
        let hard = Target::classes(&labels).by(&focal);
        losses.push(training.step(&images, hard, &groups, 0.01).unwrap().loss);
        losses.push(training.forward_backward(&images, &labels).unwrap().loss);
        let (others, theirs) = batch(&graph, 8);
        // Fewer than there may be.
        let image = others.len() / BATCH;
        losses.push(training.accumulate(&others[..2 * image], &theirs[..2]).unwrap().loss);
        training.scale_gradients(&groups, 0.5).unwrap();
        losses.push(training.clip_norm(&groups, 0.5).unwrap());
        training.clip_value(&groups, 0.05).unwrap();
        let name = training.parameters().next().unwrap().name.clone();
        training.gradient_mut(&name).unwrap()[0] *= 2.0;
        training.apply(&groups, 0.05).unwrap();
        training.update_ema_by(average, 0.5);
        let copy = average.clone();
        training.update_ema(average);
        found.push((losses, training.ema_state_dict(&copy)));
    }
    let [(expected, expected_average), (losses, average)] = &found[..] else { panic!("two trainings") };
    for (found, expected) in losses.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4 * expected.abs(), "{losses:?} for {expected:?}");
    }
    assert_same_training(&cpu, &card, "steps");
    assert_alike(average, expected_average, 1e-3, "a copy of an average");
    let [expected, found] = [cpu.ema_state_dict(&averages[0]), card.ema_state_dict(&averages[1])];
    assert_alike(&found, &expected, 1e-3, "an average");
}

#[test]
fn a_training_goes_on_from_a_checkpoint_to_the_same_bits_and_from_the_cpu() {
    let graph = modern();
    // Where a gradient is next to nothing their rules make much of roundings.
    let adam = Adam { eps: 1e-3, ..Adam::default() };
    let nadam = Nadam { eps: 1e-3, ..Nadam::default() };
    for optimizer in [adam.into(), nadam.into(), Muon::default().into()] {
        let Some([mut cpu, mut card]) = both(&graph, optimizer, &Frozen::default()) else { return };
        let groups = cpu.uniform_groups();
        let what = optimizer.title();
        for step in 0..2 {
            let (images, labels) = batch(&graph, step);
            cpu.step(&images, &labels, &groups, 1e-3).unwrap();
            card.step(&images, &labels, &groups, 1e-3).unwrap();
        }
        assert_same_training(&cpu, &card, what);
        let [mut from_cpu, mut again] = both(&graph, optimizer, &Frozen::default()).unwrap();
        let checkpoint = |from: &TrainingStep, to: &mut TrainingStep| {
            let (steps, state) = from.optimizer_state();
            to.load(&from.state_dict()).unwrap();
            to.load_optimizer_state(steps, &state).unwrap();
        };
        checkpoint(&card, &mut again);
        checkpoint(&card, &mut from_cpu);
        let (images, labels) = batch(&graph, 9);
        for training in [&mut card, &mut again, &mut from_cpu] {
            training.step(&images, &labels, &groups, 1e-3).unwrap();
        }
        assert!(card.state_dict() == again.state_dict(), "{what}");
        assert!(card.optimizer_state() == again.optimizer_state(), "{what}");
        assert_same_training(&from_cpu, &card, &format!("{what}, on the CPU from then on"));
    }
}

/// Two residual blocks, the second with a branch of its own beside the shortcut; the layers of both branches stand one after another by
/// kind, so that a normalization is not the next layer after its convolution.
fn residual() -> Graph {
    let net = Builder::image("residual", 3, 8, 8);
    let conv = |channels| Conv2d::new(channels, 3).padding(1).no_bias();
    let x = net.input().conv2d(conv(8)).batch_norm2d().relu();
    let x = (x.conv2d(conv(8)).batch_norm2d() + x).relu();
    let (a, b) = (x.conv2d(conv(12).stride(2)), x.conv2d(Conv2d::new(12, 1).stride(2).no_bias()));
    let (a, b) = (a.batch_norm2d(), b.batch_norm2d());
    let x = (a + b).relu();
    // A plain value beside a normalization.
    let x = (x.conv2d(conv(12)).batch_norm2d() + x.conv2d(Conv2d::new(12, 1))).relu();
    net.build(x.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(5))).unwrap()
}

/// Wherever the border lies between what is frozen and what learns, in a block or beside one, with statistics or without.
#[test]
fn a_residual_network_is_frozen_at_any_border_as_on_the_cpu() {
    let graph = residual();
    let groups = ParameterGroups::uniform(&graph.parameters());
    let names: Vec<String> =
        graph.parameters().into_iter().filter(|spec| spec.kind.trainable()).map(|spec| spec.name).collect();
    let (images, labels) = batch(&graph, 1);
    let without = |kept: std::ops::Range<usize>| {
        names.iter().enumerate().filter(move |(i, _)| !kept.contains(i)).map(|(_, name)| name.clone())
    };
    // Prefixes, and all but one tensor or two.
    let prefixes = (0..names.len() - 1).map(|count| names[..count].to_vec());
    let others = (0..names.len() - 1).map(|at| without(at..at + 2).collect());
    for frozen in prefixes.chain(others) {
        for live in [false, true] {
            let frozen = Frozen::of(frozen.clone()).with_live_statistics(live);
            let Some([mut cpu, mut card]) = both(&graph, Optimizer::sgd(), &frozen) else { return };
            let (expected, gradients) = cpu.gradients(&images, &labels).unwrap();
            let (report, found) = card.gradients(&images, &labels).unwrap();
            let what = format!("{frozen:?}");
            assert!((report.loss - expected.loss).abs() < 1e-5 * expected.loss.abs(), "{what}");
            assert_alike(&found, &gradients, 1e-3, &what);
            if live {
                continue;
            }
            for training in [&mut cpu, &mut card] {
                training.step(&images, &labels, &groups, 0.02).unwrap();
            }
            assert_alike(&card.state_dict(), &cpu.state_dict(), 1e-3, &what);
        }
    }
}

#[test]
#[should_panic(expected = "a moving average of when something else was frozen")]
fn an_average_does_not_fit_once_something_else_is_frozen() {
    let graph = residual();
    let Some([_, mut card]) = both(&graph, Optimizer::sgd(), &Frozen::default()) else {
        panic!("a moving average of when something else was frozen, without the emulation");
    };
    let mut average = card.ema(0.9);
    let frozen = Frozen::of(graph.parameters().into_iter().take(1).map(|spec| spec.name));
    card.refreeze(&frozen).unwrap();
    card.update_ema(&mut average);
}

#[test]
fn layers_begin_to_learn_later_as_on_the_cpu() {
    let graph = modern();
    let names: Vec<String> =
        graph.parameters().into_iter().filter(|spec| spec.kind.trainable()).map(|spec| spec.name).collect();
    let first = |count: usize| Frozen::of(names[..count].to_vec());
    let adam = Adam { eps: 1e-3, ..Adam::default() };
    let nadam = Nadam { eps: 1e-3, ..Nadam::default() };
    for optimizer in [adam.into(), nadam.into(), Optimizer::sgd()] {
        let Some([mut cpu, mut card]) = both(&graph, optimizer, &first(8)) else { return };
        let groups = cpu.uniform_groups();
        for (step, frozen) in [(0, 8), (1, 8), (2, 3), (3, 3), (4, 0)] {
            let (images, labels) = batch(&graph, step);
            for training in [&mut cpu, &mut card] {
                training.refreeze(&first(frozen)).unwrap();
                training.step(&images, &labels, &groups, 1e-3).unwrap();
            }
        }
        assert_same_training(&cpu, &card, optimizer.title());
        assert!(!card.gradient(&names[0]).unwrap().is_empty());
        card.refreeze(&first(1)).unwrap();
        assert!(card.gradient(&names[0]).unwrap_err().to_string().contains("is frozen"));
    }
}

#[test]
fn a_probe_sees_what_the_cpus_sees() {
    let Some(options) = card::options() else { return };
    let graph = modern();
    let state = random_state(&graph, 4);
    let (images, _) = batch(&graph, 4);
    let weights = single(&weights_of_logits(&graph, 4));
    let cpu = Options { threads: 1, ..Options::default() };
    let watched = live(&graph);
    // The middle takes the place of the logits: a map.
    let middle = watched[watched.len() / 2];
    let mut seen = BTreeMap::new();
    for (which, options) in [("cpu", &cpu), ("card", &options)] {
        let mut probe = Probe::compile(&graph, &state, BATCH, &watched, options).unwrap();
        let mut looked = vec![probe.gradients(&images, &weights, ReluGradient::Plain).unwrap()];
        looked.push(probe.gradients(&images, &weights, ReluGradient::Guided).unwrap());
        let mut probe = Probe::compile_at(&graph, middle, &state, BATCH, &watched[..1], options).unwrap();
        looked.push(probe.of_classes(&images, &[1, 0, 3], ReluGradient::Plain).unwrap());
        seen.insert(which, looked);
    }
    for (found, expected) in seen["card"].iter().zip(&seen["cpu"]) {
        assert_eq!(found.output.shape(), expected.output.shape());
        let wide = |values: &[f32]| values.iter().map(|&x| x.into()).collect::<Vec<f64>>();
        close_within(found.output.as_slice(), &wide(expected.output.as_slice()), (1e-4, 1e-6), "output");
        let pairs =
            found.values.iter().zip(&expected.values).chain(found.gradients.iter().zip(&expected.gradients));
        for (found, expected) in pairs {
            assert_eq!(found.shape, expected.shape);
            close_within(&found.data, &wide(&expected.data), (1e-3, 1e-5), "a watched layer");
        }
    }
}
