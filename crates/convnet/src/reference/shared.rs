//! Weights that several layers read are trained as one: the oracle by finite differences, the engine by the oracle and by
//! PyTorch.

use convnet_kernels::Isa;

use super::golden::{recipe, state};
use super::random::{random_input, random_labels, random_state};
use super::tests::check_gradients;
use super::*;
use crate::exec::{Engine, Options, TrainingStep};
use crate::graph::{Assembly, ScopeId, SharedWeight};
use crate::ops::{AvgPool2d, BatchNorm2d, Conv2d, Linear, Op};
use crate::optim::{Optimizer, ParameterGroup, ParameterGroups, Select};

/// The network of `tools/shared_weights.py`: a convolution, a normalization and a Linear that are called twice, the Linear
/// on a map of two pixels first, and a second Linear with the first one's weight and a bias of its own.
pub(crate) fn twice() -> Graph {
    let mut net = Assembly::new("twice", [2, 8, 4]).unwrap();
    let add =
        |net: &mut Assembly, path: &str, op: Op, input| net.node(ScopeId::ROOT, path, op, &[input]).unwrap();
    let mut x = add(&mut net, "stem", Conv2d::new(4, 3).padding(1).into(), NodeId(0));
    x = add(&mut net, "relu", Op::Relu, x);
    for _ in 0..2 {
        x = add(&mut net, "conv", Conv2d::new(4, 3).padding(1).into(), x);
        x = add(&mut net, "bn", BatchNorm2d::default().into(), x);
        x = add(&mut net, "relu", Op::Relu, x);
    }
    x = add(&mut net, "pool", AvgPool2d::new(4).into(), x);
    x = add(&mut net, "flatten", Op::Flatten, x);
    for _ in 0..2 {
        x = add(&mut net, "fc", Linear::new(8).into(), x);
        x = add(&mut net, "relu", Op::Relu, x);
    }
    x = add(&mut net, "head", Linear::new(8).into(), x);
    let tensors = ["weight", "bias", "running_mean", "running_var"];
    let names = [("conv", &tensors[..2]), ("bn", &tensors), ("fc", &tensors[..2])];
    for (module, tensors) in names {
        for tensor in tensors {
            let (name, first) = (format!("{module}_1.{tensor}"), format!("{module}.{tensor}"));
            net.share(SharedWeight { name, first, in_state_dict: false });
        }
    }
    let (name, first) = ("head.weight".into(), "fc.weight".into());
    net.share(SharedWeight { name, first, in_state_dict: true });
    net.finish(x).unwrap()
}

fn options(isa: Isa) -> Options {
    Options { isa: Some(isa), threads: 2, exact: true, ..Options::default() }
}

/// Asserts that numbers are within a share of their RMS of others; a bias before a normalization has no gradient but for
/// rounding.
fn assert_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let rms = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
    for (a, b) in found.iter().zip(expected) {
        assert!((f64::from(*a) - b).abs() <= tolerance * rms + 1e-6, "{what}: {a} against {b}");
    }
}

#[test]
fn the_gradient_is_the_sum_over_the_uses() {
    check_gradients(&twice(), 40);
}

#[test]
fn the_engine_computes_and_trains_what_the_oracle_does() {
    let graph = twice();
    let (weights, input) = (random_state(&graph, 3), random_input(&graph, 4, 3));
    let labels = random_labels(&graph, 4, 3);
    let images: Vec<f32> = input.data.iter().map(|&x| x as f32).collect();
    let step = loss_and_gradients(&graph, &weights, &input, &labels, &keep_all).unwrap();
    let logits = forward(&graph, &weights, &input).unwrap().pop().unwrap();
    for isa in Isa::available() {
        let engine = Engine::compile(&graph, &weights, 4, &options(isa)).unwrap();
        assert_close(engine.run(&images).unwrap().as_slice(), &logits.data, 1e-4, "logits");
        let mut training =
            TrainingStep::compile(&graph, &weights, 4, Optimizer::sgd(), 0, &options(isa)).unwrap();
        training.forward_backward(&images, &labels).unwrap();
        assert_eq!(training.parameters().len(), step.gradients.len());
        for (name, gradient) in &step.gradients {
            let found = training.gradient_tensor(name).unwrap();
            assert_close(&found.data, &gradient.data, 1e-3, name);
        }
        let after = training.state_dict();
        for (name, running) in &step.running {
            assert_close(&after[name].data, &running.data, 1e-4, name);
        }
        // Two batches are their sum.
        training.accumulate(&images, &labels).unwrap();
        for (name, gradient) in &step.gradients {
            let twice: Vec<f64> = gradient.data.iter().map(|x| 2.0 * x).collect();
            assert_close(&training.gradient_tensor(name).unwrap().data, &twice, 1e-3, name);
        }
    }
}

/// The rows of the golden file of a kind, by name.
fn rows(kind: &str) -> BTreeMap<String, Vec<f64>> {
    let text = include_str!("golden/shared_weights.tsv");
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let (found, name) = (fields.next()?, fields.next()?);
        (found == kind).then(|| (name.to_owned(), fields.map(|field| field.parse().unwrap()).collect()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn five_steps_give_what_pytorch_gives() {
    let graph = twice();
    let images = recipe("input", 4 * 2 * 8 * 4, -1.0, 1.0);
    let labels = [3, 2, 1, 0];
    let sgd = Optimizer::sgd().with_weight_decay(0.01);
    for isa in Isa::available() {
        for fused in [false, true] {
            let mut training =
                TrainingStep::compile(&graph, &state(&graph), 4, sgd, 0, &options(isa)).unwrap();
            let groups = ParameterGroups::uniform(&graph.parameters());
            for _ in 0..5 {
                if fused {
                    training.step(&images, &labels, &groups, 0.05).unwrap();
                } else {
                    training.forward_backward(&images, &labels).unwrap();
                    training.apply(&groups, 0.05).unwrap();
                }
            }
            let (found, expected) = (training.state_dict(), rows("state"));
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (name, expected) in expected {
                assert_close(&found[&name].data, &expected, 1e-4, &name);
            }
            let (found, expected) = (training.optimizer_state().1, rows("momentum"));
            assert_eq!(found.len(), expected.len());
            for (name, expected) in expected {
                assert_close(&found[&format!("{name}/momentum_buffer")].data, &expected, 1e-3, &name);
            }
        }
    }
}

#[test]
fn a_training_that_was_interrupted_goes_on_to_the_same_bits() {
    let graph = twice();
    let images = recipe("input", 4 * 2 * 8 * 4, -1.0, 1.0);
    let labels = [3, 2, 1, 0];
    let adam = Optimizer::adam().with_weight_decay(0.01);
    let start = |weights: &StateDict| {
        TrainingStep::compile(&graph, weights, 4, adam, 0, &Options::default()).unwrap()
    };
    let groups = [
        ParameterGroup::new(Select::Name("fc.*".into())).rate(0.5),
        ParameterGroup::new(Select::Norms).weight_decay(0.0),
        ParameterGroup::new(Select::Name("conv.bias".into())).frozen(),
    ];
    let groups = ParameterGroups::new(&graph.parameters(), &groups).unwrap();
    let mut whole = start(&state(&graph));
    let mut ema = whole.ema(0.9);
    let step =
        |training: &mut TrainingStep| training.step(&images, &labels, &groups, 0.01).map(drop).unwrap();
    for _ in 0..3 {
        step(&mut whole);
        whole.update_ema(&mut ema);
    }
    let (steps, moments) = whole.optimizer_state();
    let mut again = start(&whole.state_dict());
    again.load_optimizer_state(steps, &moments).unwrap();
    for _ in 0..3 {
        step(&mut whole);
        step(&mut again);
    }
    assert_eq!(whole.state_dict(), again.state_dict());
    assert_eq!(whole.state_dict()["conv.bias"], state(&graph)["conv.bias"]);
    let average = whole.ema_state_dict(&ema);
    assert_eq!(average["head.weight"], average["fc.weight"]);
    assert_ne!(average["fc.weight"], whole.state_dict()["fc.weight"]);
}
