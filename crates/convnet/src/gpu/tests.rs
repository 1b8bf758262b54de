//! What can be seen of a GPU's lists without one, and what is refused.

use convnet_gpu::{Lane, Work};
use snapbox::{assert_data_eq, file};

use super::inference::outputs;
use super::places::{Places, Upkeep};
use super::program::{By, Part, Parts, Program};
use super::table::{running, table, unpack};
use super::training::{Blueprint, Task};
use super::update::{Updates, live};
use crate::exec::{CompileError, Device, Engine, Options, Precision, ReluGradient, TrainingStep};
use crate::graph::{Builder, Graph, concat};
use crate::ops::{Conv2d, Linear, MaxPool2d, ParamSpec};
use crate::optim::{Frozen, Optimizer, ParameterGroup, ParameterGroups, Select};
use crate::plan::{Aim, Mode};
use crate::reference::random::{random_graphs, random_state};
use crate::state;
use crate::tracked::Tracked;
use crate::zoo;

pub(super) fn options(precision: Precision) -> Options {
    Options { device: Device::Gpu(0), precision, ..Options::default() }
}

/// What trains all of a network.
pub(super) fn blueprint(
    graph: &Graph,
    batch: usize,
    optimizer: Optimizer,
    precision: Precision,
) -> Blueprint {
    frozen_blueprint(graph, &Frozen::default(), batch, optimizer, precision)
}

/// What trains a network but for what is frozen.
pub(super) fn frozen_blueprint(
    graph: &Graph,
    frozen: &Frozen,
    batch: usize,
    optimizer: Optimizer,
    precision: Precision,
) -> Blueprint {
    Blueprint::training(graph, frozen, batch, optimizer, &options(precision)).unwrap()
}

/// A program for all outputs of a mode, nothing of which is frozen.
pub(super) fn program(graph: &Graph, mode: Mode, batch: usize, precision: Precision) -> Program {
    let outputs = outputs(graph, mode);
    let aim = Aim { mode, outputs: &outputs, frozen: &Frozen::default(), watched: &[] };
    Program::new(graph, aim, batch, &options(precision)).unwrap()
}

/// The list of a training step of `n` of at most `batch` images.
fn step(graph: &Graph, (n, batch): (usize, usize), optimizer: Optimizer, precision: Precision) -> Parts {
    let blueprint = blueprint(graph, batch, optimizer, precision);
    let groups = ParameterGroups::uniform(&graph.parameters());
    let updates = Updates::new(&blueprint.table, &blueprint.tracked(), &groups);
    blueprint.list((Task::Step(By::Labels), n), &updates)
}

/// The list of a forward pass.
fn forward(graph: &Graph, (n, batch): (usize, usize), mode: Mode, precision: Precision) -> Parts {
    let program = program(graph, mode, batch, precision);
    let places = Places::new(&program, &[], Upkeep::default()).unwrap();
    let mut parts = Parts::new(&places);
    program.forward(&mut parts, &places, (n, false));
    parts
}

/// Building a list checks every view against the block and those it must not overlap.
#[test]
fn every_network_of_the_zoo_has_its_lists() {
    for entry in zoo::entries() {
        let graph = entry.model().build().unwrap();
        for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
            let train = step(&graph, (2, 3), Optimizer::adamw(), precision);
            let launches = train.list.launches();
            assert!(launches.len() > 10 && !train.list.is_open(), "{}", entry.name);
            let times = vec![1.0; launches.len()];
            let (mut sum, mut backward) = (0.0, 0.0);
            for (part, time) in train.sum(&times) {
                sum += time;
                backward += if matches!(part, Part::Backward(_)) { time } else { 0.0 };
            }
            assert_eq!(sum as usize, launches.len(), "{}: every launch is for something", entry.name);
            assert!(backward > sum / 4.0, "{}", entry.name);
            for mode in [Mode::Infer, Mode::Trace] {
                assert!(forward(&graph, (1, 2), mode, precision).list.launches().len() > 4);
            }
        }
    }
}

#[test]
fn random_networks_have_their_lists_for_every_task() {
    for graph in random_graphs(40) {
        let blueprint = blueprint(&graph, 3, Optimizer::sgd(), Precision::F32);
        let updates = Updates::new(
            &blueprint.table,
            &blueprint.tracked(),
            &ParameterGroups::uniform(&graph.parameters()),
        );
        let tasks = [
            Task::Pass { track: false, by: By::Labels },
            Task::Pass { track: true, by: By::Shares },
            Task::Step(By::Labels),
            Task::Step(By::Shares),
            Task::Forward { track: true },
            Task::Backward(ReluGradient::Plain),
            Task::Backward(ReluGradient::Guided),
            Task::Update,
            Task::Keep,
            Task::Add,
        ];
        for task in tasks {
            for n in 1..=3 {
                let parts = blueprint.list((task, n), &updates);
                assert!(!parts.list.launches().is_empty(), "{task:?}");
            }
        }
        for mode in [Mode::Infer, Mode::Trace] {
            forward(&graph, (2, 3), mode, Precision::F32);
        }
    }
}

/// Every kind of stage in little room: a stem, a normalization, a sum, a concatenation, poolings, dropout.
fn small() -> Graph {
    let net = Builder::image("small", 3, 16, 16);
    let stem = net.input().conv2d(Conv2d::new(8, 7).stride(2).padding(3).no_bias()).batch_norm2d().relu();
    let branch = stem.conv2d(Conv2d::new(8, 3).padding(1).no_bias()).batch_norm2d();
    let x = (stem + branch).relu();
    let y = x.conv2d(Conv2d::new(4, 1)).relu();
    let z = x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1));
    let joined = concat(&[y, z]);
    net.build(joined.flatten().dropout(0.5).linear(Linear::new(5))).unwrap()
}

#[test]
fn lists_read_as_lists() {
    let sgd = Optimizer::sgd().with_weight_decay(5e-4);
    let lenet = zoo::lenet().build().unwrap();
    let step_of = |graph, precision| step(graph, (2, 4), sgd, precision).list.to_string();
    assert_data_eq!(step_of(&lenet, Precision::F32), file!["snapshots/lenet-step.txt"]);
    assert_data_eq!(step_of(&small(), Precision::Tf32), file!["snapshots/small-step.txt"]);
    let infer = forward(&small(), (2, 4), Mode::Infer, Precision::F32).list.to_string();
    assert_data_eq!(infer, file!["snapshots/small-infer.txt"]);
}

/// Between a fork and its join the side lane computes the weight's gradient, and the main one the input's.
#[test]
fn weight_gradients_run_beside_input_gradients() {
    let parts = step(&small(), (2, 2), Optimizer::sgd(), Precision::F32);
    let forks = parts.list.launches().iter().filter(|launch| launch.work == Work::Fork).count();
    assert_eq!(forks, 3, "two convolutions and the Linear: the stem has no input's gradient");
    for (i, launch) in parts.list.launches().iter().enumerate() {
        if launch.work == Work::Fork {
            let rest = &parts.list.launches()[i + 1..];
            let join = rest.iter().position(|launch| launch.work == Work::Join).unwrap();
            assert!(rest[..join].iter().any(|launch| launch.lane == Lane::Side));
            assert!(rest[..join].iter().any(|launch| launch.lane == Lane::Main));
        }
    }
}

#[test]
fn groups_are_updated_in_stretches() {
    let graph = zoo::lenet().build().unwrap();
    let specs: Vec<ParamSpec> = graph.parameters();
    let groups = |groups: &[ParameterGroup]| ParameterGroups::new(&specs, groups).unwrap();
    let blueprint = blueprint(&graph, 1, Optimizer::sgd(), Precision::F32);
    let mut tracked = blueprint.tracked();
    let launches_of = |tracked: &[Tracked], groups: &ParameterGroups| {
        let updates = Updates::new(&blueprint.table, tracked, groups);
        let rates: Vec<f32> = updates.clocks.iter().map(|going| going.rate).collect();
        (blueprint.list((Task::Update, 0), &updates).list.launches().len(), rates)
    };
    let launches = |groups: &ParameterGroups| launches_of(&tracked, groups);
    assert_eq!(launches(&groups(&[])), (1, vec![1.0]));
    let biases = [ParameterGroup::new(Select::Biases).weight_decay(0.0).rate(2.0)];
    assert_eq!(launches(&groups(&biases)), (specs.len(), vec![1.0, 2.0]));
    let frozen = groups(&[ParameterGroup::new(Select::All).frozen()]);
    assert_eq!(launches(&frozen), (0, vec![]));
    assert_eq!(live(&blueprint.table, &frozen), []);
    let all = live(&blueprint.table, &groups(&[]));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0], 0..blueprint.program.parameters);
    // What began to learn later goes by a clock of its own.
    tracked[1].advance();
    assert_eq!(launches_of(&tracked, &groups(&[])), (3, vec![1.0, 1.0]));
}

#[test]
fn weights_come_back_as_they_went() {
    for (graph, precision) in [(small(), Precision::Tf32), (zoo::lenet().build().unwrap(), Precision::F32)] {
        let program = program(&graph, Mode::Train, 2, precision);
        let state = random_state(&graph, 1);
        let mut flat = vec![f32::NAN; program.parameters];
        for parameter in table(&program) {
            parameter.pack((&state, &parameter.spec), &mut flat).unwrap();
            let back = parameter.unpack(&flat[parameter.range.clone()]);
            assert_eq!(back, state[&parameter.spec.name], "{}", parameter.spec.name);
        }
    }
}

/// What is frozen lies behind what learns; a folded normalization, and what it is folded into, are kept aside.
#[test]
fn frozen_weights_come_back_as_they_went() {
    let graph = zoo::resnet18().build().unwrap();
    let state = random_state(&graph, 1);
    for live_statistics in [false, true] {
        let frozen = Frozen::matching(&graph.parameters(), &["conv1", "bn1", "layer1", "layer2.0.conv1"]);
        let frozen = frozen.unwrap().with_live_statistics(live_statistics);
        let blueprint = frozen_blueprint(&graph, &frozen, 2, Optimizer::sgd(), Precision::Tf32);
        let (flat, kept) = blueprint.packed(&state).unwrap();
        let mut back = unpack(&blueprint.table, &flat, "");
        for (name, tensor) in &back {
            assert!(!kept.contains_key(name), "{name} is there twice");
            assert_eq!(*tensor, state[name], "{name}");
        }
        assert_eq!(kept.contains_key("bn1.running_mean"), !live_statistics);
        back.extend(kept);
        for (spec, _) in running(&blueprint.program) {
            back.insert(spec.name.clone(), state[&spec.name].clone());
        }
        assert!(back.keys().eq(state.keys()));
        let learning = blueprint.program.learning;
        for parameter in &blueprint.table {
            let behind = parameter.range.start >= learning;
            // A normalization by the batch's statistics has gradients of its own either way.
            let is_norm = parameter.spec.name.contains("bn");
            assert!(behind == parameter.frozen || is_norm, "{}", parameter.spec.name);
        }
        let all = frozen_blueprint(&graph, &Frozen::default(), 2, Optimizer::sgd(), Precision::Tf32);
        let gradients = |blueprint: &Blueprint| blueprint.places.earlier - blueprint.places.gradients;
        assert!(gradients(&blueprint) < gradients(&all));
        let launches = |blueprint: &Blueprint| {
            let groups = ParameterGroups::uniform(&graph.parameters()).freezing(&frozen);
            let updates = Updates::new(&blueprint.table, &blueprint.tracked(), &groups);
            blueprint.list((Task::Step(By::Labels), 2), &updates).list.launches().len()
        };
        assert!(launches(&blueprint) + 20 < launches(&all), "nothing is computed for what is frozen");
    }
}

/// A card that is not there, if none is.
#[test]
fn a_machine_without_a_gpu_says_what_is_missing() {
    let graph = zoo::lenet().build().unwrap();
    let state = state::initialize(&graph, 0);
    let Err(error) = super::describe(0) else { return };
    let text = error.to_string();
    assert!(text.contains("run on the CPU") || text.contains("pip install"), "{text}");
    let engine = Engine::compile(&graph, &state, 1, &options(Precision::F32)).unwrap_err();
    assert_eq!(engine.to_string(), text);
    let training =
        TrainingStep::compile(&graph, &state, 1, Optimizer::sgd(), 0, &options(Precision::F32)).unwrap_err();
    assert_eq!(training.to_string(), text);
}

/// What no kernel computes is refused before any card is asked for.
#[test]
fn what_the_gpu_lacks_is_refused_by_name() {
    let net = Builder::image("maps", 3, 20, 20);
    let graph =
        net.build(net.input().max_pool2d(MaxPool2d::new(17)).flatten().linear(Linear::new(2))).unwrap();
    let state = state::initialize(&graph, 0);
    let compile = |batch: usize| {
        let options = options(Precision::F32);
        TrainingStep::compile(&graph, &state, batch, Optimizer::sgd(), 0, &options).unwrap_err()
    };
    let CompileError::Unsupported { path, op, reason } = compile(1) else {
        panic!("windows of 289 elements")
    };
    assert_eq!((path.as_str(), op), ("0", "MaxPool2d"));
    assert!(reason.contains("at most 256 elements"), "{reason}");
    assert_eq!(compile(0), CompileError::EmptyBatch);
    let engine = |batch: usize| Engine::compile(&graph, &state, batch, &options(Precision::F32)).unwrap_err();
    assert_eq!(engine(0), CompileError::EmptyBatch);
    assert_eq!(engine(1 << 30), CompileError::TooLarge { batch: 1 << 30 });
}
