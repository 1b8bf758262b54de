//! Whole networks against central differences, the random generator, and errors.

use std::collections::BTreeSet;

use super::random::{random_graphs, random_input, random_labels, random_state};
use super::*;
use crate::graph::{Builder, concat};
use crate::ops::{AvgPool2d, Conv2d, Dropout1d, Linear, LocalResponseNorm, MaxPool2d, Op};

fn widen(state: &StateDict) -> ArrayDict {
    state.keys().map(|name| (name.clone(), state.array(name).unwrap())).collect()
}

/// A mask that drops a third of what it is asked for.
fn some_masks(node: NodeId, i: usize) -> f64 {
    if (i * 7 + node.index() * 5).is_multiple_of(3) { 0.0 } else { 1.5 }
}

/// The loss of a training step by a forward pass alone.
fn loss(graph: &Graph, state: &ArrayDict, input: &Array, labels: &[u32]) -> f64 {
    let parameters = parameters(graph, state).unwrap();
    let outputs = NetworkPass { graph, parameters: &parameters, masks: Some(&some_masks) }.forward(input);
    let of = |output: &crate::graph::Output| {
        let logits = &outputs[graph.logits(output.node).index()];
        f64::from(output.loss_weight) * cross_entropy(logits, labels).0
    };
    graph.outputs().iter().map(of).sum()
}

/// Asserts the gradients of up to `samples` elements of every parameter against central differences.
pub(super) fn check_gradients(graph: &Graph, samples: usize) {
    let seed = 11;
    let mut state = widen(&random_state(graph, seed));
    let input = random_input(graph, 3, seed);
    let labels = random_labels(graph, 3, seed);
    let step = loss_and_gradients(graph, &state, &input, &labels, &some_masks).unwrap();
    assert!(step.loss.is_finite());
    for spec in graph.parameters().into_iter().filter(|spec| spec.kind.trainable()) {
        let gradient = &step.gradients[&spec.name];
        assert_eq!(gradient.shape, spec.shape);
        let len = gradient.data.len();
        let picked: BTreeSet<usize> = (0..samples).map(|i| (i * 7919 + 13) % len).collect();
        for i in picked {
            let mut slope = |step: f64| {
                let value = state[&spec.name].data[i];
                let [up, down] = [step, -step].map(|step| {
                    state.get_mut(&spec.name).unwrap().data[i] = value + step;
                    loss(graph, &state, &input, &labels)
                });
                state.get_mut(&spec.name).unwrap().data[i] = value;
                (up - down) / (2.0 * step)
            };
            // A ReLU or a maximum may have its kink inside one step, hardly inside the smaller one too.
            let close = |slope: f64| (slope - gradient.data[i]).abs() < 1e-7 + 1e-4 * slope.abs();
            let wide = slope(1e-5);
            let narrow = if close(wide) { wide } else { slope(1e-7) };
            assert!(
                close(narrow),
                "{} {}[{i}]: {} against {wide} and {narrow}",
                graph.name(),
                spec.name,
                gradient.data[i]
            );
        }
    }
}

#[test]
fn every_parameter_of_a_branching_network_has_the_right_gradient() {
    let net = Builder::image("branches", 2, 9, 7);
    let x = net.input().conv2d(Conv2d::new(4, 3).padding(1).no_bias()).batch_norm2d().relu();
    let x = x.local_response_norm(LocalResponseNorm { size: 3, alpha: 0.5, beta: 0.75, k: 2.0 });
    let a = x.conv2d(Conv2d::new(3, 1)).sigmoid();
    let b = concat(&[a, x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1))]);
    // One value read by a concatenation, a concatenation of it, a sum and a layer.
    let x = concat(&[b, x, x.conv2d(Conv2d::new(2, 3).padding(2).dilation(2)).tanh()]);
    let aux = x.avg_pool2d(AvgPool2d::new(2).padding(1).ceil_mode()).flatten().linear(Linear::new(5));
    net.auxiliary("aux", aux, 0.3);
    let y = x.conv2d(Conv2d::new(13, 3).padding(1).no_bias()).batch_norm2d();
    let x = (y + x).relu().then(Op::Identity).dropout(0.3);
    let x = x.conv2d(Conv2d::new(6, (3, 2)).stride(2)).adaptive_avg_pool2d(2, 2).flatten();
    let x = x.linear(Linear::new(8).no_bias()).then(Dropout1d { p: 0.3 });
    let graph = net.build(x.linear(Linear::new(5)).softmax()).unwrap();
    check_gradients(&graph, 12);
}

#[test]
fn random_networks_have_the_right_gradients() {
    for graph in random_graphs(24) {
        check_gradients(&graph, 2);
    }
}

#[test]
fn random_networks_are_reproducible_and_cover_every_op() {
    let mut seen = BTreeSet::new();
    let mut auxiliaries = 0;
    for (graph, again) in random_graphs(200).zip(random_graphs(200)) {
        assert_eq!(graph, again);
        seen.extend(graph.nodes().iter().map(|n| format!("{:?}", std::mem::discriminant(&n.op))));
        auxiliaries += graph.outputs().len() - 1;
    }
    assert_eq!(seen.len(), Op::COUNT, "{seen:?}");
    assert!(auxiliaries > 20);
}

#[test]
fn outputs_have_the_inferred_shapes() {
    for (seed, graph) in (0..).zip(random_graphs(60)) {
        let (state, input) = (random_state(&graph, seed), random_input(&graph, 2, seed));
        let outputs = forward(&graph, &state, &input).unwrap();
        for (node, output) in graph.nodes().iter().zip(&outputs) {
            assert_eq!(output.shape, node.shape.with_batch(2), "{} {}", graph.name(), node.path);
            assert!(output.data.iter().all(|x| x.is_finite()), "{} {}", graph.name(), node.path);
        }
    }
}

#[test]
fn inference_and_training_differ_by_dropout_and_batch_statistics_alone() {
    let net = Builder::image("plain", 1, 5, 5);
    let x = net.input().conv2d(Conv2d::new(3, 3)).tanh().flatten().dropout(0.5).linear(Linear::new(4));
    let graph = net.build(x.softmax()).unwrap();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 2, 1));
    let outputs = forward(&graph, &state, &input).unwrap();
    let step = loss_and_gradients(&graph, &state, &input, &[1, 3], &keep_all).unwrap();
    assert_eq!(step.outputs, outputs);
    let probabilities = &outputs[graph.output().index()];
    let expected = -(probabilities.data[1].ln() + probabilities.data[4 + 3].ln()) / 2.0;
    assert!((step.loss - expected).abs() < 1e-12, "{} against {expected}", step.loss);
    assert!(step.running.is_empty());
}

#[test]
fn parameters_that_the_loss_does_not_reach_have_zero_gradients() {
    let net = Builder::image("unused", 1, 3, 3);
    net.input().layer("unused", Conv2d::new(2, 3));
    let graph = net.build(net.input().flatten().linear(Linear::new(2))).unwrap();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 1, 1));
    let step = loss_and_gradients(&graph, &state, &input, &[0], &keep_all).unwrap();
    assert_eq!(step.gradients["unused.weight"], Array::zeros(&[2, 1, 3, 3]));
    assert_eq!(step.gradients.len(), graph.parameters().len());
}

#[test]
fn what_does_not_fit_is_named() {
    let net = Builder::image("small", 1, 3, 3);
    let graph = net.build(net.input().layer("conv", Conv2d::new(2, 3)).flatten()).unwrap();
    let (mut state, input) = (random_state(&graph, 1), random_input(&graph, 2, 1));
    let step = |state: &StateDict, input: &Array, labels: &[u32]| {
        loss_and_gradients(&graph, state, input, labels, &keep_all).unwrap_err().to_string()
    };
    assert_eq!(step(&state, &input, &[1]), "found 1 labels, expected 2, one for each image");
    let text = step(&state, &input, &[0, 2]);
    assert!(text.contains("label 2 at position 1") && text.contains("2 classes"), "{text}");
    let text = step(&state, &Array::zeros(&[2, 9]), &[0, 0]);
    assert!(text.contains("`input` has shape [2, 9]") && text.contains("[2, 1, 3, 3]"), "{text}");
    let text = step(&state, &Array { shape: vec![2, 1, 3, 3], data: vec![] }, &[0, 0]);
    assert!(text.contains("0 elements"), "{text}");
    state.get_mut("conv.weight").unwrap().shape = vec![2, 9];
    assert!(step(&state, &input, &[0, 0]).contains("`conv.weight` has shape [2, 9]"));
    state.remove("conv.weight");
    assert!(step(&state, &input, &[0, 0]).contains("no tensor `conv.weight`"));
}

#[test]
fn a_map_of_logits_is_refused() {
    let net = Builder::image("map", 1, 3, 3);
    let graph = net.build(net.input().layer("conv", Conv2d::new(2, 3))).unwrap();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 1, 1));
    let error = loss_and_gradients(&graph, &state, &input, &[0], &keep_all).unwrap_err();
    assert!(error.to_string().contains("node `conv`"), "{error}");
}
