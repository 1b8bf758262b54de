//! Weights that several layers read.

use super::card;
use super::trainings::{assert_same_training, batch, both};
use crate::exec::oracle_tests::close_within;
use crate::exec::{Options, Precision, Probe, ReluGradient, TrainingStep};
use crate::gpu::tests::blueprint;
use crate::graph::{Assembly, Graph, NodeId, ScopeId, SharedWeight};
use crate::ops::{AvgPool2d, Conv2d, Linear, Op};
use crate::optim::{Frozen, Optimizer, ParameterGroups, Sgd};
use crate::reference::random::random_state;
use crate::reference::shared::twice;

fn momentum() -> Optimizer {
    Sgd { momentum: 0.9, ..Sgd::default() }.into()
}

/// Gives the second layer of this name the weight and the bias of the first.
fn share(net: &mut Assembly, path: &str) {
    for tensor in ["weight", "bias"] {
        let (name, first) = (format!("{path}_1.{tensor}"), format!("{path}.{tensor}"));
        net.share(SharedWeight { name, first, in_state_dict: false });
    }
}

/// A Linear on the vector of a small map and another, with its weight, on what `second` makes of the other branch.
fn branches(second: &[(&str, Op)]) -> Graph {
    let mut net = Assembly::new("branches", [3, 8, 8]).unwrap();
    let mut add = |path: &str, op: Op, inputs: &[NodeId]| net.node(ScopeId::ROOT, path, op, inputs).unwrap();
    let stem = add("stem", Conv2d::new(16, 3).padding(1).stride(2).into(), &[NodeId(0)]);
    let mut first = add("pool", AvgPool2d::new(4).into(), &[stem]);
    first = add("flatten", Op::Flatten, &[first]);
    first = add("fc", Linear::new(5).into(), &[first]);
    let mut other = stem;
    for (path, op) in second {
        other = add(path, op.clone(), &[other]);
    }
    other = add("flatten", Op::Flatten, &[other]);
    other = add("fc", Linear::new(5).into(), &[other]);
    let sum = add("add", Op::Add, &[first, other]);
    share(&mut net, "fc");
    net.finish(sum).unwrap()
}

/// 4 channels of 2 × 2 pixels, which a Linear reads pixel by pixel.
fn small_map() -> Vec<(&'static str, Op)> {
    vec![("conv", Conv2d::new(4, 1).into()), ("pool", AvgPool2d::new(2).into())]
}

fn train_alike(graph: &Graph, frozen: &Frozen, what: &str) {
    let Some([mut cpu, mut card]) = both(graph, momentum(), frozen) else { return };
    let groups = ParameterGroups::uniform(&graph.parameters());
    for step in 0..2 {
        let (images, labels) = batch(graph, step);
        for training in [&mut cpu, &mut card] {
            training.step(&images, &labels, &groups, 0.02).unwrap();
            training.forward_backward(&images, &labels).unwrap();
            training.accumulate(&images, &labels).unwrap();
            training.clip_norm(&groups, 0.5).unwrap();
            training.apply(&groups, 0.01).unwrap();
        }
    }
    assert_same_training(&cpu, &card, what);
}

/// A convolution, a normalization and Linear layers, of which one reads a map and another, before or behind it, a vector.
#[test]
fn weights_of_several_layers_are_trained_as_on_the_cpu() {
    for graph in [twice(), branches(&small_map())] {
        train_alike(&graph, &Frozen::default(), graph.name());
    }
    let graph = twice();
    for patterns in [["fc", "bn"], ["conv", "bn"]] {
        let frozen = Frozen::matching(&graph.parameters(), &patterns).unwrap();
        train_alike(&graph, &frozen, &format!("{patterns:?} frozen"));
    }
}

#[test]
fn maps_of_different_sizes_for_one_weight_are_refused_in_training_alone() {
    let Some(options) = card::options() else { return };
    let graph = two_maps();
    let state = random_state(&graph, 1);
    let refused = TrainingStep::compile(&graph, &state, 2, momentum(), 0, &options).unwrap_err().to_string();
    assert!(
        refused.contains("`fc_1.weight` and `fc.weight`") && refused.contains("the CPU trains it"),
        "{refused}"
    );
    let watched = [graph.ids().next().unwrap()];
    Probe::compile(&graph, &state, 2, &watched, &options).unwrap();
}

/// A Linear on 4 channels of 2 × 2 pixels, and with the same weight on 8 channels of 2.
fn two_maps() -> Graph {
    let mut net = Assembly::new("maps", [3, 4, 4]).unwrap();
    let mut add = |path: &str, op: Op, inputs: &[NodeId]| net.node(ScopeId::ROOT, path, op, inputs).unwrap();
    let mut ends = Vec::new();
    for (path, channels, pool) in [("a", 4, (2, 2)), ("b", 8, (2, 4))] {
        let x = add(path, Conv2d::new(channels, 1).into(), &[NodeId(0)]);
        let x = add("pool", AvgPool2d::new(pool).into(), &[x]);
        let x = add("flatten", Op::Flatten, &[x]);
        ends.push(add("fc", Linear::new(5).into(), &[x]));
    }
    let sum = add("add", Op::Add, &ends);
    share(&mut net, "fc");
    net.finish(sum).unwrap()
}

/// Where one of two uses of a convolution is folded and the other is looked at.
#[test]
fn a_probe_looks_at_one_use_of_a_weight() {
    let Some(options) = card::options() else { return };
    let graph = twice();
    let state = random_state(&graph, 2);
    let (images, _) = batch(&graph, 2);
    let cpu = Options { threads: 1, ..Options::default() };
    let convolutions = graph.ids().filter(|&id| graph.node(id).path.starts_with("conv"));
    for watched in convolutions {
        let look = |options: &Options| {
            let mut probe = Probe::compile(&graph, &state, 3, &[watched], options).unwrap();
            probe.of_classes(&images, &[0, 1, 2], ReluGradient::Plain).unwrap()
        };
        let (expected, found) = (look(&cpu), look(&options));
        for (found, expected) in [(&found.values, &expected.values), (&found.gradients, &expected.gradients)]
        {
            let wide: Vec<f64> = expected[0].data.iter().map(|&x| x.into()).collect();
            close_within(&found[0].data, &wide, (1e-3, 1e-6), &graph.node(watched).path);
        }
    }
}

/// A stem of two layers has no blocks of pixels in training, of one it has.
#[test]
fn a_stem_that_two_layers_share_is_trained_in_tf32() {
    let stem = |shared: bool| {
        let mut net = Assembly::new("stems", [3, 16, 16]).unwrap();
        let mut add =
            |path: &str, op: Op, inputs: &[NodeId]| net.node(ScopeId::ROOT, path, op, inputs).unwrap();
        let conv = || Conv2d::new(8, 7).padding(3).stride(2);
        let a = add("conv", conv().into(), &[NodeId(0)]);
        let b = add("relu", Op::Relu, &[NodeId(0)]);
        let b = add("conv", conv().into(), &[b]);
        let sum = add("add", Op::Add, &[a, b]);
        let end = add("flatten", Op::Flatten, &[sum]);
        let end = add("fc", Linear::new(4).into(), &[end]);
        if shared {
            share(&mut net, "conv");
        }
        let blueprint = blueprint(&net.finish(end).unwrap(), 2, momentum(), Precision::Tf32);
        let rows = blueprint.table[0].rows.clone().unwrap();
        (blueprint.twins.len(), rows.stem.is_some())
    };
    assert_eq!([stem(true), stem(false)], [(2, false), (0, true)]);
}
