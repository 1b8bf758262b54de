//! What is seen inside against the plain f64 implementation, and that one against central differences.

use convnet_kernels::Isa;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::oracle_tests::{close_within, single};
use super::{Options, Probe, ReluGradient};
use crate::graph::{Builder, Graph, NodeId};
use crate::ops::{Conv2d, Linear, Op};
use crate::reference::random::{random_graph, random_graphs, random_input, random_state};
use crate::reference::{Array, forward, gradients_of_values};
use crate::state;

/// The nodes that the logits depend on.
pub(crate) fn live(graph: &Graph) -> Vec<NodeId> {
    let live = graph.reachable(&[graph.logits(graph.output())]);
    graph.ids().filter(|id| live[id.index()]).collect()
}

/// Weights of the logits of three images, exact in f32.
pub(crate) fn weights_of_logits(graph: &Graph, seed: u64) -> Array {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let logits = graph.node(graph.logits(graph.output()));
    Array::from_fn(&logits.shape.with_batch(3), |_| f64::from(rng.random_range(-1.0f32..1.0)))
}

/// Whether a ReLU reads a value so near to 0 that rounding may put it on the other side, where the gradient is another.
pub(crate) fn is_on_edge(graph: &Graph, values: &[Array]) -> bool {
    const NEAR: f64 = 3e-6;
    let bends = |id: &NodeId| matches!(graph.node(*id).op, Op::Relu | Op::LeakyRelu(_));
    let read = |id: NodeId| &values[graph.node(id).inputs[0].index()].data;
    graph.ids().filter(bends).any(|id| read(id).iter().any(|x| *x != 0.0 && x.abs() < NEAR))
}

#[test]
fn values_and_gradients_of_any_layers_are_the_oracles() {
    let mut compared = 0;
    for (seed, graph) in (0..).zip(random_graphs(40)) {
        let (state, input) = (random_state(&graph, seed), random_input(&graph, 3, seed));
        let weights = weights_of_logits(&graph, seed);
        let (values, gradients) = gradients_of_values(&graph, &state, &input, &weights).unwrap();
        let largest = gradients.iter().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
        let all = live(&graph);
        let on_edge = is_on_edge(&graph, &values);
        compared += usize::from(!on_edge);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The images alone, a few layers, every layer: what is not watched may be fused.
        let few: Vec<NodeId> = all.sample(&mut rng, 2).copied().collect();
        for isa in Isa::available() {
            for watched in [&all[..1], &few, &all] {
                let options = Options { threads: 2, isa: Some(isa), ..Options::default() };
                let mut probe = Probe::compile(&graph, &state, 4, watched, &options).unwrap();
                let seen = probe.gradients(&single(&input), &single(&weights), ReluGradient::Plain).unwrap();
                assert_eq!(probe.output(&single(&input)).unwrap(), seen.output);
                for (i, id) in watched.iter().enumerate() {
                    let what = format!("seed {seed}, {isa}, {}: ", graph.node(*id).path);
                    close_within(&seen.values[i].data, &values[id.index()].data, (1e-4, 1e-9), &what);
                    if on_edge {
                        continue;
                    }
                    let expected = &gradients[id.index()].data;
                    close_within(
                        &seen.gradients[i].data,
                        expected,
                        (1e-3, 3e-5 * largest),
                        &format!("{what}gradient"),
                    );
                }
            }
        }
    }
    assert!(compared >= 60, "gradients of {compared} networks alone were compared");
}

#[test]
fn the_oracles_gradient_of_the_images_is_a_central_difference() {
    const STEP: f64 = 1e-6;
    for seed in 0..40 {
        let graph = random_graph(seed);
        let (state, input) = (random_state(&graph, seed), random_input(&graph, 3, seed));
        let weights = weights_of_logits(&graph, seed);
        let (_, gradients) = gradients_of_values(&graph, &state, &input, &weights).unwrap();
        let logits = graph.logits(graph.output()).index();
        let value = |element: usize, step: f64| {
            let mut input = input.clone();
            input.data[element] += step;
            let outputs = forward(&graph, &state, &input).unwrap();
            outputs[logits].data.iter().zip(&weights.data).map(|(y, w)| y * w).sum::<f64>()
        };
        let scale = gradients[0].data.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut smooth = 0;
        for _ in 0..8 {
            let element = rng.random_range(0..input.data.len());
            let [above, here, below] = [STEP, 0.0, -STEP].map(|step| value(element, step));
            // Where a ReLU or a maximum changes sides within the step there is no derivative.
            if (above - 2.0 * here + below).abs() > 1e-4 * STEP * scale {
                continue;
            }
            smooth += 1;
            let (found, expected) = (gradients[0].data[element], (above - below) / (2.0 * STEP));
            assert!((found - expected).abs() <= 1e-4 * scale, "seed {seed}: {found}, not {expected}");
        }
        assert!(smooth >= 2, "seed {seed}: no smooth place");
    }
}

/// A convolution, a ReLU and a sum over all that it gives, one negative and one positive.
fn two_signs() -> Graph {
    let net = Builder::image("signs", 1, 1, 3);
    let x = net.input().layer("conv", Conv2d::new(1, 1)).relu();
    net.build(x.flatten().layer("fc", Linear::new(1))).unwrap()
}

#[test]
fn guided_backpropagation_lets_positive_gradients_pass_where_the_output_is_positive() {
    let graph = two_signs();
    let mut weights = state::initialize(&graph, 0);
    weights.insert("conv.weight".into(), state::Tensor { shape: vec![1, 1, 1, 1], data: vec![2.0] });
    weights.insert("conv.bias".into(), state::Tensor { shape: vec![1], data: vec![0.0] });
    weights.insert("fc.weight".into(), state::Tensor { shape: vec![1, 3], data: vec![3.0, -5.0, 7.0] });
    let ids: Vec<NodeId> = graph.ids().collect();
    let relu = graph.ids().find(|id| graph.node(*id).op == Op::Relu).unwrap();
    for watched in [vec![ids[0], relu], vec![ids[0]], ids.clone()] {
        let mut probe = Probe::compile(&graph, &weights, 1, &watched, &Options::default()).unwrap();
        let mut gradients = |relu| {
            let seen = probe.of_classes(&[1.0, 1.0, -1.0], &[0], relu).unwrap();
            seen.gradients.into_iter().map(|tensor| tensor.data).collect::<Vec<_>>()
        };
        let (plain, guided) = (gradients(ReluGradient::Plain), gradients(ReluGradient::Guided));
        assert_eq!((&plain[0][..], &guided[0][..]), (&[6.0, -10.0, 0.0][..], &[6.0, 0.0, 0.0][..]));
        if watched.len() > 1 {
            let at = watched.iter().position(|id| *id == relu).unwrap();
            // What arrives at a ReLU is seen before anything is done with it.
            assert_eq!((&plain[at], &guided[at]), (&vec![3.0, -5.0, 7.0], &vec![3.0, -5.0, 7.0]));
        }
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let net = Builder::image("two outputs", 3, 8, 8);
    let x = net.input().conv2d(Conv2d::new(4, 3)).relu();
    net.auxiliary("aux", x.flatten().layer("side", Linear::new(10)), 0.3);
    let graph = net.build(x.flatten().linear(Linear::new(10))).unwrap();
    let weights = state::initialize(&graph, 0);
    let auxiliary = graph.outputs()[1].node;
    let error =
        Probe::compile(&graph, &weights, 1, &[auxiliary], &Options::default()).unwrap_err().to_string();
    assert!(
        error.contains(&graph.node(auxiliary).path) && error.contains("does not depend on it"),
        "{error}"
    );
    let mut probe = Probe::compile(&graph, &weights, 2, &[], &Options::default()).unwrap();
    let image = vec![0.0; 3 * 8 * 8];
    let error = probe.of_classes(&image, &[10], ReluGradient::Plain).unwrap_err().to_string();
    assert_eq!(error, "label 10 of image 0 is not a class, expected 0 to 9");
    let error = probe.of_classes(&image, &[1, 2], ReluGradient::Plain).unwrap_err().to_string();
    assert_eq!(error, "found 2 classes, expected 1");
    let error = probe.gradients(&image, &[1.0], ReluGradient::Plain).unwrap_err().to_string();
    assert_eq!(error, "found 1 weights of logits, expected 10");
    assert!(probe.values(&image[1..]).is_err());
}
