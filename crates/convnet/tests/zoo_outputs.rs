//! The zoo's networks compute what PyTorch's do: strides, poolings, normalizations, shortcuts and concatenations
//! are in their places.
//!
//! `tools/zoo_outputs.py` writes `zoo/outputs.tsv` with the same weights and images as made here.

use convnet::graph::Graph;
use convnet::ops::ParamSpec;
use convnet::reference::{Array, forward};
use convnet::state::{StateDict, Tensor};
use convnet::zoo;

const OUTPUTS: &str = include_str!("zoo/outputs.tsv");

/// Largest error relative to the RMS of the logits: both sides are float64, the file has nine digits, and eps
/// of batch normalization is float32 here.
const TOLERANCE: f64 = 1e-6;

/// Numbers in [0, 1): the low 32 bits of the name's FNV-1a hash plus the index, mixed.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (0..count as u32).map(move |i| {
        let mut x = (hash as u32).wrapping_add(i).wrapping_mul(2_654_435_761);
        x ^= x >> 15;
        x = x.wrapping_mul(2_246_822_519);
        x ^= x >> 13;
        f64::from(x) / 2f64.powi(32)
    })
}

fn tensor(spec: &ParamSpec) -> Tensor {
    let vector = spec.shape.len() == 1;
    let fan_in: usize = spec.shape[1..].iter().product();
    let value = |u: f64| {
        if spec.name.ends_with("running_var") || (vector && spec.name.ends_with("weight")) {
            0.5 + u
        } else if spec.name.ends_with("weight") {
            (2.0 * u - 1.0) * (6.0 / fan_in as f64).sqrt()
        } else {
            0.2 * (u - 0.5)
        }
    };
    let data = uniform(&spec.name, spec.elements()).map(|u| value(u) as f32).collect();
    Tensor { shape: spec.shape.clone(), data }
}

fn outputs(graph: &Graph) -> Vec<Array> {
    let weights: StateDict =
        graph.parameters().iter().map(|spec| (spec.name.clone(), tensor(spec))).collect();
    let shape = graph.input_shape().with_batch(1);
    let data = uniform("input", shape.iter().product()).map(|u| 2.0 * u - 1.0).collect();
    forward(graph, &weights, &Array { shape, data }).unwrap()
}

fn check(name: &str) {
    let rows: Vec<Vec<&str>> =
        OUTPUTS.lines().map(|l| l.split('\t').collect::<Vec<_>>()).filter(|row| row[0] == name).collect();
    let sides: Vec<usize> = rows[0][1].split('x').map(|side| side.parse().unwrap()).collect();
    let model = zoo::find(name).unwrap().model().input(sides[0], sides[1], sides[2]).classes(10);
    let graph = model.build().unwrap();
    let outputs = outputs(&graph);
    assert_eq!(graph.outputs().len(), rows.len(), "{name}");
    for (output, row) in graph.outputs().iter().zip(&rows) {
        assert_eq!(output.name, row[2]);
        let expected: Vec<f64> = row[3].split(' ').map(|v| v.parse().unwrap()).collect();
        let found = &outputs[graph.logits(output.node).index()].data;
        assert_eq!(found.len(), expected.len());
        let rms = (expected.iter().map(|v| v * v).sum::<f64>() / expected.len() as f64).sqrt();
        for (f, e) in found.iter().zip(&expected) {
            assert!((f - e).abs() <= TOLERANCE * rms, "{name} {}: {found:?}, PyTorch {expected:?}", row[2]);
        }
    }
}

#[test]
fn lenet() {
    check("lenet");
}

#[test]
fn nin() {
    check("nin");
}

#[test]
fn googlenet() {
    check("googlenet");
}

#[test]
fn densenet() {
    check("densenet");
}

#[test]
fn googlenet_of_torchvision_with_its_auxiliary_classifiers() {
    check("googlenet@torchvision");
}

#[test]
fn resnet18() {
    check("resnet18@torchvision");
}

#[test]
fn resnet50() {
    check("resnet50@torchvision");
}

#[test]
fn densenet121() {
    check("densenet121@torchvision");
}
