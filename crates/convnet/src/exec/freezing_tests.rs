//! Steps that leave a part of the network as it is.

use convnet_kernels::Isa;

use super::{Device, Options, TrainingStep};
use crate::graph::{Builder, Graph, NodeId, concat};
use crate::ops::{BatchNorm2d, Conv2d, Linear, MaxPool2d, Op, ParamSpec};
use crate::optim::{Adagrad, Frozen, Optimizer, ParameterGroup, ParameterGroups, Select, Sgd};
use crate::reference::random::{random_graphs, random_input, random_labels, random_state};
use crate::reference::{Array, loss_and_gradients};
use crate::state::{StateDict, Tensor};

fn plain() -> Optimizer {
    Sgd::plain().into()
}

fn adam() -> Optimizer {
    Optimizer::adam().with_weight_decay(0.01)
}

fn options(isa: Isa) -> Options {
    Options { threads: 2, isa: Some(isa), exact: true, ..Options::default() }
}

fn single(array: &Array) -> Vec<f32> {
    array.data.iter().map(|&x| x as f32).collect()
}

fn names(specs: &[ParamSpec]) -> Vec<String> {
    specs.iter().filter(|spec| spec.kind.trainable()).map(|spec| spec.name.clone()).collect()
}

fn compiled(graph: &Graph, state: &StateDict, frozen: &Frozen, optimizer: Optimizer) -> TrainingStep {
    let options = Options { threads: 2, ..Options::default() };
    TrainingStep::compile_frozen(graph, (state, frozen), 4, (optimizer, 5), &options).unwrap()
}

/// The network with its kept normalizations as what they are: scales and shifts.
fn fixed(graph: &Graph, state: &StateDict, frozen: &Frozen) -> (Graph, StateDict) {
    let (mut graph, mut state) = (graph.clone(), state.clone());
    for id in graph.ids().collect::<Vec<NodeId>>() {
        let specs = graph.node_parameters(id);
        let Op::BatchNorm2d(BatchNorm2d { eps, .. }) = graph.node(id).op else { continue };
        if !frozen.keeps_statistics(&specs) {
            continue;
        }
        let [weight, bias, mean, var] = [0, 1, 2, 3].map(|i| state[&specs[i].name].data.clone());
        let scale: Vec<f32> = weight.iter().zip(&var).map(|(w, v)| w / (v + eps).sqrt()).collect();
        let shift = bias.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
        graph.nodes[id.index()].op = Op::Affine;
        let shape = vec![scale.len()];
        let pair = [scale, shift].map(|data| Tensor { shape: shape.clone(), data });
        for (spec, tensor) in graph.node_parameters(id).into_iter().zip(pair) {
            state.insert(spec.name, tensor);
        }
    }
    (graph, state)
}

/// What is frozen of a network: its first half, its middle, its normalizations, every other parameter.
pub(crate) fn selections(graph: &Graph) -> Vec<(&'static str, Frozen)> {
    let specs = graph.parameters();
    let all = names(&specs);
    let norms = specs.iter().filter(|spec| Select::Norms.holds(spec)).map(|spec| spec.name.clone());
    let (third, half) = (all.len() / 3, all.len() / 2);
    vec![
        ("prefix", Frozen::of(all[..half].to_vec())),
        ("middle", Frozen::of(all[third..2 * third].to_vec())),
        ("norms", Frozen::of(norms)),
        ("all but biases", Frozen::of(all.iter().filter(|name| !name.ends_with("bias")).cloned())),
        ("scattered", Frozen::of(all.iter().skip(1).step_by(2).cloned())),
        ("live prefix", Frozen::of(all[..half].to_vec()).with_live_statistics(true)),
    ]
}

#[test]
fn gradients_beside_what_is_frozen_are_the_oracles() {
    let mut folded = 0;
    for (seed, graph) in (0..).zip(random_graphs(25)) {
        let (state, input) = (random_state(&graph, seed), random_input(&graph, 3, seed));
        let labels = random_labels(&graph, 3, seed);
        for (which, frozen) in selections(&graph) {
            let (fixed_net, fixed_state) = fixed(&graph, &state, &frozen);
            for isa in Isa::available() {
                let step = (&state as &dyn crate::state::TensorSource, &frozen);
                let mut training =
                    TrainingStep::compile_frozen(&graph, step, 3, (plain(), seed), &options(isa)).unwrap();
                let what = format!("seed {seed}, {which}, {isa:?}");
                let scale = |node: NodeId, index| f64::from(training.dropout_scale(node, index).unwrap());
                let expected = loss_and_gradients(&fixed_net, &fixed_state, &input, &labels, &scale).unwrap();
                let (report, gradients) = training.gradients(&single(&input), &labels).unwrap();
                assert!((report.loss - expected.loss).abs() < 1e-5 * expected.loss.abs(), "{what}: loss");
                let largest =
                    expected.gradients.values().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
                for name in names(&graph.parameters()) {
                    assert_eq!(gradients.contains_key(&name), !frozen.holds(&name), "{what}, {name}");
                }
                for (name, gradient) in &gradients {
                    let expected = &expected.gradients[name].data;
                    let rms = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
                    for (a, b) in gradient.data.iter().zip(expected) {
                        let error = (f64::from(*a) - b).abs();
                        assert!(error <= 1e-3 * rms + 3e-5 * largest, "{what}, {name}: {a} against {b}");
                    }
                }
                folded += usize::from(training.plan_text().contains("affine"));
                let groups = training.uniform_groups();
                training.step(&single(&input), &labels, &groups, 0.1).unwrap();
                let after = training.state_dict();
                for spec in graph.parameters() {
                    let name = &spec.name;
                    if frozen.holds(name) {
                        assert_eq!(after[name], state[name], "{what}, {name}");
                    }
                    // What is not normalized anew follows the batch.
                    if let Some(running) = expected.running.get(name) {
                        let near = after[name].data.iter().zip(&running.data);
                        assert!(
                            near.clone().all(|(a, b)| (f64::from(*a) - b).abs() < 1e-3),
                            "{what}, {name}"
                        );
                    } else if spec.kind.is_running() {
                        assert_eq!(after[name], state[name], "{what}, {name}");
                    }
                }
            }
        }
    }
    assert!(folded > 0);
}

/// Without normalizations, with every kind of layer that has weights, and pools.
fn unnormalized() -> Graph {
    let net = Builder::image("net", 3, 21, 19);
    let x = net.input().conv2d(Conv2d::new(16, 5).stride(2).padding(2)).relu().max_pool2d(MaxPool2d::new(2));
    let a = x.conv2d(Conv2d::new(24, 3).padding(1)).relu();
    let b = x.conv2d(Conv2d::new(24, 1)).conv2d(Conv2d::new(24, 3).padding(1).groups(2)).tanh();
    let x = concat(&[a, b]).conv2d(Conv2d::new(40, 3).padding(1)).relu().max_pool2d(MaxPool2d::new(2));
    let x = x.flatten().linear(Linear::new(50)).relu().dropout(0.3).linear(Linear::new(37)).relu();
    net.build(x.linear(Linear::new(10))).unwrap()
}

#[test]
fn what_learns_gets_the_bits_of_frozen_groups() {
    let graph = unnormalized();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 4, 2));
    let (images, labels) = (single(&input), random_labels(&graph, 4, 3));
    let all = names(&graph.parameters());
    for keep in [0..all.len() / 2, 4..8, 12..14, 10..11, 0..all.len() - 1] {
        let frozen = Frozen::of(all[keep.clone()].to_vec());
        let groups: Vec<ParameterGroup> = all[keep.clone()]
            .iter()
            .map(|name| ParameterGroup::new(Select::Name(name.clone())).frozen())
            .collect();
        let groups = ParameterGroups::new(&graph.parameters(), &groups).unwrap();
        let entries = Optimizer::entries().into_iter().map(|entry| entry.optimizer);
        for optimizer in entries.chain([plain(), adam()]) {
            let mut old = compiled(&graph, &state, &Frozen::default(), optimizer);
            let mut new = compiled(&graph, &state, &frozen, optimizer);
            let uniform = new.uniform_groups();
            for step in 0..3 {
                let [a, b] = match step {
                    0 => [
                        old.step(&images, &labels, &groups, 0.01),
                        new.step(&images, &labels, &uniform, 0.01),
                    ],
                    _ => [old.forward_backward(&images, &labels), new.forward_backward(&images, &labels)],
                };
                assert_eq!(a.unwrap(), b.unwrap());
                if step > 0 {
                    assert_eq!(old.clip_norm(&groups, 0.5), new.clip_norm(&uniform, 0.5));
                    old.apply(&groups, 0.01).unwrap();
                    new.apply(&uniform, 0.01).unwrap();
                }
            }
            assert_eq!(old.state_dict(), new.state_dict(), "{keep:?} {optimizer:?}");
            assert!(new.activation_bytes() <= old.activation_bytes());
        }
    }
}

fn residual() -> Graph {
    crate::zoo::resnet18().classes(5).input(3, 32, 32).build().unwrap()
}

#[test]
fn nothing_is_computed_and_kept_for_what_is_frozen() {
    let graph = residual();
    let frozen =
        Frozen::matching(&graph.parameters(), &["conv1", "bn1", "layer1", "layer2", "layer3"]).unwrap();
    let state = random_state(&graph, 1);
    let mut training = compiled(&graph, &state, &frozen, Optimizer::sgd());
    let text = training.plan_text();
    let (forward, backward) = text.split_once("backward\n").unwrap();
    assert!(!backward.contains("layer3") && !backward.contains("layer1"), "{backward}");
    // The first convolutions of layer4 read what is frozen: their weights learn, no gradient goes on.
    let first = backward.lines().find(|line| line.contains("layer4.0.conv1")).unwrap();
    assert!(first.contains("dW") && !first.contains("dx"), "{first}");
    // Folded, with the sum and the ReLU, as in inference.
    assert!(forward.contains("layer2.0.conv2 + layer2.0.bn2 + layer2.0.add"), "{forward}");
    let savings = TrainingStep::savings(&graph, &frozen, 4, Optimizer::sgd(), &Options::default()).unwrap();
    // layer4 and fc: 8,393,728 + 2,565 of 11,179,077.
    assert_eq!((savings.parameters - savings.frozen, savings.parameters), (8_396_293, 11_179_077));
    assert!(savings.macs * 2 < savings.all_macs, "{savings:?}");
    assert!(savings.bytes + 4 * savings.frozen < savings.all_bytes, "{savings:?}");
    let gone = training.gradient("layer1.0.conv1.weight").unwrap_err().to_string();
    assert!(gone.contains("`layer1.0.conv1.weight` is frozen"), "{gone}");
    assert!(training.gradient_mut("layer4.0.conv1.weight").is_ok());
}

#[test]
fn everything_frozen_is_refused() {
    let graph = residual();
    let frozen = Frozen::matching(&graph.parameters(), &["*"]).unwrap();
    let check = |frozen: &Frozen, options: &Options| {
        TrainingStep::check_frozen(&graph, frozen, 2, plain(), options).unwrap_err().to_string()
    };
    assert!(check(&frozen, &Options::default()).contains("every parameter is frozen"));
    let gpu = Options { device: Device::Gpu(0), ..Options::default() };
    assert!(check(&frozen, &gpu).contains("every parameter is frozen"));
    let norms = Frozen::matching(&graph.parameters(), &["layer1"]).unwrap();
    TrainingStep::check_frozen(&graph, &norms, 2, plain(), &gpu).unwrap();
}

#[test]
fn thawing_keeps_what_was_learned_and_starts_the_rest_as_pytorch_does() {
    let graph = unnormalized();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 4, 2));
    let (images, labels) = (single(&input), random_labels(&graph, 4, 3));
    let frozen = Frozen::matching(&graph.parameters(), &["0", "3"]).unwrap();
    let mut training = compiled(&graph, &state, &frozen, adam());
    let groups = training.uniform_groups();
    for _ in 0..3 {
        training.step(&images, &labels, &groups, 0.01).unwrap();
    }
    let (before, (_, moments)) = (training.state_dict(), training.optimizer_state());
    training.refreeze(&Frozen::default()).unwrap();
    assert_eq!(training.state_dict(), before);
    let (steps, now) = training.optimizer_state();
    assert_eq!(steps, 3);
    assert!(moments.iter().all(|(name, tensor)| now[name] == *tensor));
    assert_eq!(now["0.weight/exp_avg"].data.iter().map(|x| x.abs()).sum::<f32>(), 0.0);
    // Adam's first update of what thaws is a whole step: m̂/√v̂ is ±1 where the gradient is not tiny.
    let groups = training.uniform_groups();
    training.step(&images, &labels, &groups, 0.01).unwrap();
    let after = training.state_dict();
    let moved = before["0.weight"].data.iter().zip(&after["0.weight"].data).map(|(a, b)| (a - b).abs());
    let most = moved.clone().fold(0.0f32, f32::max);
    assert!((most - 0.01).abs() < 1e-4, "{most}");
    // A step that is restored from its files goes on with the same bits.
    let (steps, moments) = training.optimizer_state();
    let mut restored = compiled(&graph, &after, &Frozen::default(), adam());
    restored.load_optimizer_state(steps, &moments).unwrap();
    for step in [&mut training, &mut restored] {
        step.step(&images, &labels, &groups, 0.01).unwrap();
    }
    assert_eq!(training.state_dict(), restored.state_dict());
    assert_eq!(training.optimizer_state(), restored.optimizer_state());
}

/// What thaws moves as in the first step of a run: dampening, sums and products start anew.
#[test]
fn what_thaws_is_updated_as_in_a_first_step() {
    let graph = unnormalized();
    let (state, input) = (random_state(&graph, 1), random_input(&graph, 4, 2));
    let (images, labels) = (single(&input), random_labels(&graph, 4, 3));
    let all = Frozen::matching(&graph.parameters(), &["*"]).unwrap();
    let head = names(&graph.parameters()).pop().unwrap();
    let frozen = all.without(&graph.parameters(), &head).unwrap();
    let others = [
        Optimizer::from(Sgd { dampening: 0.5, ..Sgd::default() }),
        Optimizer::from(Adagrad { initial_accumulator_value: 0.25, ..Adagrad::default() }),
    ];
    for optimizer in Optimizer::entries().into_iter().map(|entry| entry.optimizer).chain(others) {
        // At a rate of 0 the head stays, so that the gradients are those of a first step.
        let mut late = compiled(&graph, &state, &frozen, optimizer).without_dropout();
        let groups = late.uniform_groups();
        for _ in 0..3 {
            late.step(&images, &labels, &groups, 0.0).unwrap();
        }
        late.refreeze(&Frozen::default()).unwrap();
        let mut first = compiled(&graph, &state, &Frozen::default(), optimizer).without_dropout();
        for step in [&mut late, &mut first] {
            step.step(&images, &labels, &groups, 0.01).unwrap();
        }
        let (late, first) = (late.state_dict(), first.state_dict());
        for name in names(&graph.parameters()).iter().filter(|name| **name != head) {
            assert!(late[name] == first[name] && late[name] != state[name], "{optimizer:?} {name}");
        }
    }
}

#[test]
fn a_frozen_normalization_of_one_value_is_no_obstacle() {
    let net = Builder::image("pixel", 3, 4, 4);
    let x = net.input().conv2d(Conv2d::new(4, 4)).batch_norm2d().relu();
    let graph = net.build(x.flatten().linear(Linear::new(3))).unwrap();
    let frozen = Frozen::matching(&graph.parameters(), &["1"]).unwrap();
    let training = compiled(&graph, &random_state(&graph, 1), &frozen, plain());
    training.check_images(1).unwrap();
    let learning = compiled(&graph, &random_state(&graph, 1), &Frozen::default(), plain());
    assert!(learning.check_images(1).is_err());
}
