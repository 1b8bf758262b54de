//! The drawn weights have the distribution that each rule promises.

use super::*;
use crate::graph::{Builder, Draw, Init};
use crate::ops::{BatchNorm2d, Conv2d, Linear, Op, ParamKind, ParamSpec};

/// Large layers, so that sample statistics are close to the true ones, and fans that all differ.
fn network(init: Init) -> Graph {
    let net = Builder::image("t", 16, 8, 8);
    net.init(init);
    let x = net.input().layer("conv", Conv2d::new(384, 5)).layer("norm", BatchNorm2d::default());
    let x = x.layer("conv2", Conv2d::new(96, 3).groups(2)).layer("flatten", Op::Flatten);
    net.build(x.layer("fc", Linear::new(300)).layer("out", Linear::new(200))).unwrap()
}

fn normal_init() -> Init {
    Init::Normal { ones: ["conv2", "fc"].map(String::from).to_vec() }
}

struct Stats {
    mean: f64,
    std: f64,
    /// Fourth moment over the squared variance: 3 for a normal distribution, 1.8 for a uniform one.
    kurtosis: f64,
    max: f64,
    count: f64,
}

fn stats(tensor: &Tensor) -> Stats {
    let count = tensor.data.len() as f64;
    let moment =
        |p: i32, mean: f64| tensor.data.iter().map(|&x| (f64::from(x) - mean).powi(p)).sum::<f64>() / count;
    let mean = moment(1, 0.0);
    let variance = moment(2, mean);
    let max = tensor.data.iter().map(|x| f64::from(x.abs())).fold(0.0, f64::max);
    Stats { mean, std: variance.sqrt(), kurtosis: moment(4, mean) / (variance * variance), max, count }
}

/// Sample means stay within five standard errors.
fn assert_centred(s: &Stats, std: f64) {
    assert!(s.mean.abs() < 5.0 * std / s.count.sqrt(), "mean {} of std {std}", s.mean);
}

fn assert_normal(tensor: &Tensor, std: f64) {
    let s = stats(tensor);
    assert_centred(&s, std);
    // The standard error of a sample's std is std / √(2n).
    assert!((s.std / std - 1.0).abs() < 5.0 / (2.0 * s.count).sqrt(), "std {} for {std}", s.std);
    assert!((s.kurtosis - 3.0).abs() < 0.15, "kurtosis {}", s.kurtosis);
    assert!(s.max > 3.0 * std && s.max < 7.0 * std);
}

fn assert_uniform(tensor: &Tensor, bound: f64) {
    let s = stats(tensor);
    let std = bound / 3f64.sqrt();
    assert_centred(&s, std);
    assert!((s.std / std - 1.0).abs() < 5.0 / (2.0 * s.count).sqrt(), "std {} for {std}", s.std);
    assert!(s.max <= bound * (1.0 + 1e-6) && s.max > 0.9 * bound, "largest {} for {bound}", s.max);
    assert!(s.kurtosis < 2.2);
}

fn assert_constant(tensor: &Tensor, value: f32) {
    assert!(tensor.data.iter().all(|&x| x == value));
}

// Fans of `network`: conv 16·25 = 400 in and 384·25 = 9600 out; conv2 192·9 in and 96·9 out; fc 384 in (96 maps
// of 2 × 2) and 300 out.
const CONV: (f64, f64) = (400.0, 9600.0);
const CONV2: (f64, f64) = (1728.0, 864.0);
const FC: (f64, f64) = (384.0, 300.0);

#[test]
fn batch_norm_starts_as_the_identity_under_every_rule() {
    for init in [Init::Default, Init::KaimingFanIn, Init::Xavier, normal_init(), Init::LeCunUniform] {
        let state = initialize(&network(init), 1);
        for (name, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            assert_constant(&state[&format!("norm.{name}")], value);
        }
    }
}

#[test]
fn default_is_uniform_by_fan_in_bias_too() {
    let state = initialize(&network(Init::Default), 2);
    for (layer, (fan_in, _)) in [("conv", CONV), ("conv2", CONV2), ("fc", FC)] {
        assert_uniform(&state[&format!("{layer}.weight")], 1.0 / fan_in.sqrt());
        assert_uniform(&state[&format!("{layer}.bias")], 1.0 / fan_in.sqrt());
    }
}

#[test]
fn kaiming_fan_out_is_resnets() {
    let state = initialize(&network(Init::KaimingFanOut), 3);
    assert_normal(&state["conv.weight"], (2.0 / CONV.1).sqrt());
    assert_normal(&state["conv2.weight"], (2.0 / CONV2.1).sqrt());
    assert_uniform(&state["fc.weight"], 1.0 / FC.0.sqrt());
    assert_uniform(&state["fc.bias"], 1.0 / FC.0.sqrt());
}

#[test]
fn kaiming_fan_out_with_normal_linear_is_vggs() {
    let state = initialize(&network(Init::KaimingFanOutLinearNormal), 4);
    assert_normal(&state["conv.weight"], (2.0 / CONV.1).sqrt());
    assert_normal(&state["fc.weight"], 0.01);
    assert_constant(&state["conv.bias"], 0.0);
    assert_constant(&state["fc.bias"], 0.0);
}

#[test]
fn kaiming_fan_in_is_densenets() {
    let state = initialize(&network(Init::KaimingFanIn), 5);
    assert_normal(&state["conv.weight"], (2.0 / CONV.0).sqrt());
    assert_normal(&state["conv2.weight"], (2.0 / CONV2.0).sqrt());
    assert_uniform(&state["fc.weight"], 1.0 / FC.0.sqrt());
    assert_constant(&state["fc.bias"], 0.0);
}

#[test]
fn truncated_normal_is_googlenets() {
    let state = initialize(&network(Init::TruncatedNormal), 6);
    assert_normal(&state["conv.weight"], 0.01);
    assert_normal(&state["fc.weight"], 0.01);
    assert_uniform(&state["fc.bias"], 1.0 / FC.0.sqrt());
}

#[test]
fn xavier_is_uniform_by_both_fans() {
    let state = initialize(&network(Init::Xavier), 7);
    assert_uniform(&state["conv.weight"], (6.0 / (CONV.0 + CONV.1)).sqrt());
    assert_uniform(&state["fc.weight"], (6.0 / (FC.0 + FC.1)).sqrt());
    assert_constant(&state["conv.bias"], 0.0);
    assert_constant(&state["fc.bias"], 0.0);
}

#[test]
fn normal_starts_some_biases_at_one_as_alexnet_does() {
    let state = initialize(&network(normal_init()), 8);
    assert_normal(&state["conv.weight"], 0.01);
    assert_normal(&state["fc.weight"], 0.01);
    for (name, value) in [("conv", 0.0), ("conv2", 1.0), ("fc", 1.0), ("out", 0.0)] {
        assert_constant(&state[&format!("{name}.bias")], value);
    }
}

#[test]
fn lecun_is_uniform_by_fan_in() {
    let state = initialize(&network(Init::LeCunUniform), 9);
    assert_uniform(&state["conv.weight"], 2.4 / CONV.0);
    assert_uniform(&state["fc.bias"], 2.4 / FC.0);
}

#[test]
fn a_seed_repeats_and_names_have_streams_of_their_own() {
    let graph = network(Init::Default);
    let state = initialize(&graph, 10);
    assert_eq!(state, initialize(&graph, 10));
    assert_ne!(state["conv.weight"], initialize(&graph, 11)["conv.weight"]);
    assert_ne!(state["conv.weight"].data[..100], state["conv2.weight"].data[..100]);
    let specs = graph.parameters();
    assert_eq!(state.len(), specs.len());
    for spec in specs {
        assert_eq!(state[&spec.name].shape, spec.shape);
        assert_eq!(state[&spec.name].data.len(), spec.elements());
    }
}

#[test]
fn a_layer_is_drawn_alike_whatever_surrounds_it() {
    let alone = Builder::image("alone", 16, 8, 8);
    let graph = alone.build(alone.input().layer("conv", Conv2d::new(384, 5))).unwrap();
    assert_eq!(initialize(&graph, 12)["conv.weight"], initialize(&network(Init::Default), 12)["conv.weight"]);
}

/// Some bits of every tensor.
fn sums(init: Init) -> Vec<u32> {
    initialize(&network(init), 5)
        .values()
        .map(|t| t.data[0].to_bits() ^ t.data[t.data.len() - 1].to_bits())
        .collect()
}

#[test]
fn a_rule_by_its_draws_is_the_same_to_the_bit_and_is_recognised() {
    let rules = [
        Init::Default,
        Init::KaimingFanOut,
        Init::KaimingFanOutLinearNormal,
        Init::KaimingFanIn,
        Init::TruncatedNormal,
        Init::FixedNormal { std: 0.02, zero_biases: true },
        Init::FixedNormal { std: 0.1, zero_biases: false },
        Init::Xavier,
        Init::LeCunUniform,
        normal_init(),
        Init::Normal { ones: Vec::new() },
    ];
    for rule in rules {
        let graph = network(rule.clone());
        let draws = draws(&graph, &rule);
        assert_eq!(draws.len(), graph.parameters().len());
        assert_eq!(sums(Init::Each { draws: draws.clone() }), sums(rule.clone()), "{rule:?}");
        assert_eq!(recognised(&graph, draws), rule);
    }
}

#[test]
fn draws_that_follow_no_rule_are_kept_one_by_one() {
    let graph = network(Init::Default);
    let bound = 1.0 / CONV.0.sqrt();
    let truncated = Draw::TruncatedNormal { mean: 0.0, std: 0.02, low: -0.04, high: 0.04 };
    let asked = BTreeMap::from([
        // PyTorch's own, written out.
        ("conv.weight".to_owned(), Draw::Uniform { low: -bound, high: bound * (1.0 + 1e-13) }),
        ("norm.weight".to_owned(), Draw::Constant { value: 0.0 }),
        ("fc.weight".to_owned(), truncated),
        ("head.weight".to_owned(), truncated),
    ]);
    let Init::Each { draws } = recognised(&graph, asked) else { panic!("it is no rule") };
    assert_eq!(draws.keys().collect::<Vec<_>>(), ["fc.weight", "norm.weight"]);
    let graph = network(Init::Each { draws });
    assert_eq!(Graph::from_toml(&graph.to_toml().unwrap()).unwrap(), graph);
    let state = initialize(&graph, 3);
    assert_constant(&state["norm.weight"], 0.0);
    assert_eq!(state["conv.weight"], initialize(&network(Init::Default), 3)["conv.weight"]);
    // A normal distribution cut off at two deviations has a deviation of 0.8796 times its own.
    let s = stats(&state["fc.weight"]);
    assert!((s.std / 0.02 - 0.8796).abs() < 0.01 && s.max <= 0.04 && s.max > 0.0399, "{} {}", s.std, s.max);
}

#[test]
fn cut_off_normal_numbers_have_the_mean_that_they_should() {
    let mean = |low: f64, high: f64| {
        let draw = Draw::TruncatedNormal { mean: 0.0, std: 1.0, low, high };
        let spec = ParamSpec { name: "w".into(), shape: vec![200_000], kind: ParamKind::LinearWeight };
        let tensor = draw::tensor(&spec, draw, 1);
        assert!(tensor.data.iter().all(|&x| f64::from(x) >= low - 1e-6 && f64::from(x) <= high + 1e-6));
        stats(&tensor).mean
    };
    // (φ(a) − φ(b)) / (Φ(b) − Φ(a)), by scipy.stats.truncnorm.mean.
    for (low, high, expected) in [
        (0.0, 1.0, 0.459_862),
        (2.0, 3.0, 2.315_821),
        (-9.0, -4.0, -4.225_607),
        (1.0, 40.0, 1.525_135),
        (-0.5, 0.5, 0.0),
    ] {
        let found = mean(low, high);
        assert!((found - expected).abs() < 5e-3, "{low} to {high}: {found} for {expected}");
    }
    let still = Draw::TruncatedNormal { mean: 3.0, std: 0.0, low: -1.0, high: 1.0 };
    let spec = ParamSpec { name: "w".into(), shape: vec![2], kind: ParamKind::LinearWeight };
    assert_constant(&draw::tensor(&spec, still, 1), 1.0);
    for wrong in [
        Draw::Constant { value: f64::NAN },
        Draw::Uniform { low: 1.0, high: 0.0 },
        Draw::Normal { mean: 0.0, std: -1.0 },
        Draw::TruncatedNormal { mean: 0.0, std: 1.0, low: f64::NAN, high: 1.0 },
    ] {
        let mut net = crate::graph::Assembly::new("net", [1, 2, 2]).unwrap();
        net.init(Init::Each { draws: BTreeMap::from([("w".to_owned(), wrong)]) });
        let input = net.input();
        assert!(net.finish(input).is_err(), "{wrong:?}");
    }
}
