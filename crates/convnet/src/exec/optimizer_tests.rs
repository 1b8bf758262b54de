//! Every rule through a training step: against its definition in f64, at any number of threads, restored.

use std::collections::HashMap;

use super::{Options, TrainingStep};
use crate::graph::{Builder, Graph};
use crate::ops::{Conv2d, Linear, ParamSpec};
use crate::optim::plain::Plain;
use crate::optim::{
    Adagrad, Adam, Adjust, Assigned, Lars, Muon, Optimizer, OptimizerEntry, ParameterGroup, ParameterGroups,
    Rmsprop, Select, Sgd,
};
use crate::state::{StateDict, initialize};

/// Optimizers of every kind, with every setting.
pub(super) fn optimizers() -> Vec<Optimizer> {
    let decayed = |entry: OptimizerEntry| entry.optimizer.with_weight_decay(0.01);
    let mut all: Vec<Optimizer> = Optimizer::entries().into_iter().map(decayed).collect();
    all.extend([
        Sgd::plain().into(),
        Sgd { momentum: 0.8, nesterov: true, weight_decay: 0.01, ..Sgd::default() }.into(),
        Sgd { dampening: 0.3, ..Sgd::default() }.into(),
        Optimizer::from(Adam { amsgrad: true, ..Adam::default() }),
        Rmsprop { centered: true, momentum: 0.9, ..Rmsprop::default() }.into(),
        Adagrad { initial_accumulator_value: 0.1, lr_decay: 0.1, ..Adagrad::default() }.into(),
        Lars { trust_clip: true, always_adapt: true, dampening: 0.1, ..Lars::default() }.into(),
        Muon { first_layer: true, last_layer: true, adjust: Adjust::MatchRmsAdamw, ..Muon::default() }.into(),
    ]);
    all
}

/// Groups, biases, a normalization; matrices that are wide and high.
fn network() -> Graph {
    let net = Builder::image("small", 2, 8, 9);
    let x = net.input().conv2d(Conv2d::new(6, 3).padding(1)).relu();
    let x = x.conv2d(Conv2d::new(12, 3).groups(3)).batch_norm2d().relu();
    let x = x.conv2d(Conv2d::new(40, 1)).relu().conv2d(Conv2d::new(5, 3).stride(2)).relu();
    net.build(x.flatten().linear(Linear::new(17)).relu().linear(Linear::new(4))).unwrap()
}

fn images(step: usize) -> Vec<f32> {
    let pixel = |i: usize| ((i * 37 + step * 101 + i * i % 19) % 41) as f32 / 20.0 - 1.0;
    (0..6 * 2 * 8 * 9).map(pixel).collect()
}

const LABELS: [u32; 6] = [0, 1, 2, 3, 1, 0];

fn groups(net: &Graph) -> ParameterGroups {
    let specs = net.parameters();
    let fifth = specs.iter().rev().find(|spec| spec.kind.trainable()).unwrap().name.clone();
    let groups = [
        ParameterGroup::new(Select::Kind(crate::ops::ParamKind::LinearWeight)).rate(0.5),
        ParameterGroup::new(Select::Norms).weight_decay(0.0),
        ParameterGroup::new(Select::Name(fifth)).rate(2.0).weight_decay(0.05),
    ];
    ParameterGroups::new(&specs, &groups).unwrap()
}

fn compile(net: &Graph, state: &StateDict, optimizer: Optimizer, threads: usize) -> TrainingStep {
    let options = Options { threads, ..Options::default() };
    TrainingStep::compile(net, state, 6, optimizer, 3, &options).unwrap()
}

/// The rate at which a rule changes weights by a few percent in some steps.
fn rate(optimizer: &Optimizer) -> f32 {
    match optimizer {
        Optimizer::Lars(_) => 0.5,
        optimizer => optimizer.usual_lr() as f32,
    }
}

#[test]
fn every_rule_updates_a_network_as_it_is_defined() {
    let net = network();
    let (state, groups) = (initialize(&net, 5), groups(&net));
    for optimizer in optimizers() {
        let (lr, assigned) = (rate(&optimizer), Assigned::new(&net, optimizer));
        let mut training = compile(&net, &state, optimizer, 2);
        let specs: Vec<ParamSpec> = training.parameters().cloned().collect();
        let mut plain: HashMap<&str, Plain> = specs
            .iter()
            .map(|spec| (spec.name.as_str(), Plain::new(&state[&spec.name].data, spec.shape[0])))
            .collect();
        for step in 0..4 {
            training.forward_backward(&images(step), &LABELS).unwrap();
            let norm = training.gradient_norm(&groups).unwrap();
            let scale = match optimizer {
                Optimizer::Lamb(rule) => 1.0 / (norm / f64::from(rule.max_grad_norm)).max(1.0),
                _ => 1.0,
            };
            for (i, spec) in specs.iter().enumerate() {
                let (rule, factor) = assigned.of(spec);
                let setting = groups.setting(i);
                let rule = setting.weight_decay.map_or(rule, |decay| rule.with_weight_decay(decay));
                let gradient = training.gradient_tensor(&spec.name).unwrap().data;
                let lr = f64::from(lr * setting.rate * factor);
                plain.get_mut(spec.name.as_str()).unwrap().update(&rule, &gradient, lr, scale);
            }
            training.apply(&groups, lr).unwrap();
        }
        let (after, (steps, kept)) = (training.state_dict(), training.optimizer_state());
        assert_eq!(steps, 4);
        for spec in &specs {
            let of = &plain[spec.name.as_str()];
            let close = |what: &str, found: &[f32], expected: &[f64], tolerance: f64| {
                let rms = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len() as f64).sqrt();
                for (found, expected) in found.iter().zip(expected) {
                    let error = (f64::from(*found) - expected).abs();
                    assert!(
                        error <= tolerance * rms.max(1e-3),
                        "{optimizer:?} {what}: {found}, expected {expected}, RMS {rms}"
                    );
                }
            };
            // Of gradients near 0 the kernels see the sign, or its root, with less exactness than its value.
            close(&spec.name, &after[&spec.name].data, &of.values, 2e-5);
            for (buffer, expected) in &of.buffers {
                let name = format!("{}/{buffer}", spec.name);
                close(&name, &kept[&name].data, expected, 1e-4);
            }
        }
    }
}

#[test]
fn every_rule_gives_the_same_bits_at_any_number_of_threads() {
    let net = network();
    let (state, groups) = (initialize(&net, 5), groups(&net));
    for optimizer in optimizers() {
        let run = |threads| {
            let mut training = compile(&net, &state, optimizer, threads);
            for step in 0..2 {
                training.step(&images(step), &LABELS, &groups, rate(&optimizer)).unwrap();
            }
            (training.state_dict(), training.optimizer_state())
        };
        let one = run(1);
        assert_eq!(one, run(2), "{optimizer:?}");
        assert_eq!(one, run(3), "{optimizer:?}");
    }
}

#[test]
fn every_rule_goes_on_to_the_bit() {
    let net = network();
    let state = initialize(&net, 5);
    let late = [ParameterGroup::new(Select::Name("*.bias".into())).frozen()];
    let late = ParameterGroups::new(&net.parameters(), &late).unwrap();
    for optimizer in optimizers() {
        let lr = rate(&optimizer);
        let mut training = compile(&net, &state, optimizer, 2);
        let all = training.uniform_groups();
        // What was frozen at first has had fewer updates.
        training.step(&images(0), &LABELS, &late, lr).unwrap();
        training.step(&images(1), &LABELS, &all, lr).unwrap();
        let (steps, kept) = training.optimizer_state();
        if optimizer == Optimizer::adam() {
            let bias = net.parameters().into_iter().find(|spec| spec.name.ends_with("bias")).unwrap().name;
            assert_eq!(kept[&format!("{bias}/step")].data, [1.0]);
        }
        let mut restored = compile(&net, &training.state_dict(), optimizer, 2);
        restored.load_optimizer_state(steps, &kept).unwrap();
        for training in [&mut training, &mut restored] {
            training.step(&images(2), &LABELS, &all, lr).unwrap();
        }
        assert_eq!(training.state_dict(), restored.state_dict(), "{optimizer:?}");
        assert_eq!(training.optimizer_state(), restored.optimizer_state(), "{optimizer:?}");
    }
}

#[test]
fn damaged_counts_are_refused_and_missing_ones_are_those_of_the_steps() {
    let net = network();
    let state = initialize(&net, 5);
    let mut training = compile(&net, &state, Optimizer::named("nadam").unwrap(), 1);
    let all = training.uniform_groups();
    training.step(&images(0), &LABELS, &all, 0.01).unwrap();
    let (steps, kept) = training.optimizer_state();
    let name = training.parameters().next().unwrap().name.clone();
    let mut with = |key: &str, value: Option<f32>| {
        let (mut kept, key) = (kept.clone(), format!("{name}/{key}"));
        match value {
            Some(value) => kept.get_mut(&key).unwrap().data[0] = value,
            None => drop(kept.remove(&key)),
        }
        training.load_optimizer_state(steps, &kept).map_err(|error| error.to_string())
    };
    for value in [-1.0, 0.5, f32::NAN, f32::INFINITY] {
        let error = with("step", Some(value)).unwrap_err();
        assert!(error.contains(&format!("{name}/step")) && error.contains("whole number"), "{error}");
    }
    assert!(with("mu_product", Some(1.5)).unwrap_err().contains("from 0 to 1"));
    assert!(with("mu_product", None).unwrap_err().contains("mu_product"));
    with("step", None).unwrap();
    assert_eq!(training.optimizer_state().1, kept);
}
