//! What is explained against its definition, on networks of every family.

use convnet::exec::{Engine, Options, Probe, ReluGradient};
use convnet::graph::{Graph, NodeId};
use convnet::inspect::receptive_fields;
use convnet::ops::{Conv2d, Linear};
use convnet::state::{self, StateDict};
use convnet::{Builder, zoo};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{CamMethod, Integrated, Lens, Occlusion, Score, effective_field, find_layer, last_maps, maps};

/// A small network of each family.
const FAMILIES: [&str; 7] =
    ["lenet", "alexnet@small", "vgg@small", "nin@small", "googlenet@small", "resnet@small", "densenet@small"];

fn network(name: &str) -> (Graph, StateDict) {
    let graph = zoo::find(name).unwrap().model().build().unwrap();
    let weights = state::initialize(&graph, 3);
    (graph, weights)
}

fn image(graph: &Graph, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..graph.input_shape().elements()).map(|_| rng.random_range(-1.0..1.0f32)).collect()
}

fn options() -> Options {
    Options { threads: 2, exact: true, ..Options::default() }
}

fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let most = expected.iter().fold(1e-6f32, |most, value| most.max(value.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * most, "{what}[{i}]: {a}, not {b}; the largest is {most}");
    }
}

#[test]
fn occlusion_is_a_plain_loop_over_windows() {
    for name in FAMILIES {
        let (graph, weights) = network(name);
        let (image, [channels, height, width]) = (image(&graph, 1), graph.input_size());
        let engine = Engine::compile(&graph, &weights, 1, &options()).unwrap();
        let of = |image: &[f32]| engine.logits(image).unwrap().into_vec();
        let occlusion = Occlusion { window: [9, 12], stride: [7, 5], fill: 0.25, score: Score::Logit };
        let (mut sums, mut counts) = (vec![0.0f64; height * width], vec![0.0f64; height * width]);
        let places = |side: usize, window: usize, stride: usize| {
            let mut starts: Vec<usize> = (0..=side - window).step_by(stride).collect();
            if starts.last() != Some(&(side - window)) {
                starts.push(side - window);
            }
            starts
        };
        for top in places(height, 9, 7) {
            for left in places(width, 12, 5) {
                let mut covered = image.clone();
                for c in 0..channels {
                    for y in top..top + 9 {
                        covered[(c * height + y) * width + left..][..12].fill(0.25);
                    }
                }
                let loss = f64::from(of(&image)[2] - of(&covered)[2]);
                for y in top..top + 9 {
                    for x in left..left + 12 {
                        sums[y * width + x] += loss;
                        counts[y * width + x] += 1.0;
                    }
                }
            }
        }
        let expected: Vec<f32> = sums.iter().zip(&counts).map(|(sum, count)| (sum / count) as f32).collect();
        let mut lens = Lens::open(&graph, &weights, &[], &options()).unwrap();
        let found = lens.occlusion(&image, &[0, 2], &occlusion).unwrap().swap_remove(1);
        close(&found.values, &expected, 1e-2, name);
    }
}

#[test]
fn integrated_gradients_add_up_to_the_difference_of_the_logits() {
    for name in FAMILIES {
        let (graph, weights) = network(name);
        let (image, baseline) = (image(&graph, 1), image(&graph, 2));
        let mut lens = Lens::open(&graph, &weights, &[], &options()).unwrap();
        let way = Integrated { baseline: Some(&baseline), steps: 200 };
        let parts = lens.integrated_gradients(&image, 1, &way).unwrap();
        let sum: f64 = parts.iter().map(|part| f64::from(*part)).sum();
        let [to, from] = [&image, &baseline].map(|image| f64::from(lens.logits(image).unwrap()[1]));
        let size = parts.iter().map(|part| f64::from(part.abs())).sum::<f64>();
        assert!((sum - (to - from)).abs() < 5e-3 * size, "{name}: {sum}, not {}", to - from);
    }
}

#[test]
fn class_activation_maps_are_their_formulas() {
    for name in FAMILIES {
        let (graph, weights) = network(name);
        let image = image(&graph, 1);
        let all = maps(&graph);
        let layers = [all[0], all[all.len() / 2], last_maps(&graph).unwrap()];
        let mut lens = Lens::open(&graph, &weights, &layers, &options()).unwrap();
        let mut probe = Probe::compile(&graph, &weights, 1, &layers, &options()).unwrap();
        let seen = probe.of_classes(&image, &[4], ReluGradient::Plain).unwrap();
        for (i, &layer) in layers.iter().enumerate() {
            let [_, channels, height, width] = seen.values[i].shape[..] else { panic!("a map") };
            let (values, gradients) = (&seen.values[i].data, &seen.gradients[i].data);
            let plane = height * width;
            let cell = |method, at: usize| {
                let term = |channel: usize| {
                    let gradients = &gradients[channel * plane..][..plane];
                    let weight = match method {
                        CamMethod::GradCam => gradients.iter().sum::<f32>() / plane as f32,
                        CamMethod::LayerCam => gradients[at].max(0.0),
                    };
                    weight * values[channel * plane + at]
                };
                (0..channels).map(term).sum::<f32>().max(0.0)
            };
            for method in [CamMethod::GradCam, CamMethod::LayerCam] {
                let expected: Vec<f32> = (0..plane).map(|at| cell(method, at)).collect();
                let found = lens.cam(method, &image, 4, layer).unwrap();
                assert_eq!((found.height, found.width), (height, width));
                close(&found.values, &expected, 1e-3, &format!("{name}, {method:?} of {layer:?}"));
            }
        }
    }
}

#[test]
fn a_cell_depends_on_nothing_that_it_cannot_see() {
    for name in FAMILIES {
        let (graph, weights) = network(name);
        let layer = maps(&graph)[maps(&graph).len() / 3];
        let images = [image(&graph, 1), image(&graph, 2)].concat();
        let heat = effective_field(&graph, &weights, layer, &images, &options()).unwrap();
        let field = receptive_fields(&graph)[layer.index()];
        let (rows, columns) = graph.node(layer).shape.spatial();
        let (top, left) = (
            field.height.start + field.height.stride * (rows / 2) as f64,
            field.width.start + field.width.stride * (columns / 2) as f64,
        );
        let (bottom, right) = (top + field.height.size as f64, left + field.width.size as f64);
        let mut inside = 0.0;
        for (at, value) in heat.values.iter().enumerate() {
            let (y, x) = ((at / heat.width) as f64, (at % heat.width) as f64);
            if top <= y && y < bottom && left <= x && x < right {
                inside += value;
            } else {
                assert_eq!(*value, 0.0, "{name}: pixel {y}, {x} outside {top}, {left}, {bottom}, {right}");
            }
        }
        assert!(inside > 0.0, "{name}");
    }
}

#[test]
fn layers_go_by_their_path_or_that_of_their_block() {
    let graph = zoo::find("resnet18").unwrap().model().build().unwrap();
    let path = |id: NodeId| graph.node(id).path.clone();
    let block = path(find_layer(&graph, "layer2").unwrap());
    assert!(block.starts_with("layer2."), "{block}");
    let error = find_layer(&graph, "layr2.0.conv1").unwrap_err().to_string();
    assert!(error.contains("no layer `layr2.0.conv1`; there is `layer2.0.conv1`"), "{error}");
}

#[test]
fn what_does_not_fit_is_said() {
    let (graph, weights) = network("lenet");
    let (image, options) = (image(&graph, 1), options());
    let layer = last_maps(&graph).unwrap();
    let mut lens = Lens::open(&graph, &weights, &[layer], &options).unwrap();
    let told = |error: crate::ExplainError| error.to_string();
    assert!(told(lens.logits(&image[1..]).unwrap_err()).contains("expected 1024 of one image 1×32×32"));
    assert!(told(lens.cam(CamMethod::GradCam, &image, 10, layer).unwrap_err()).contains("expected 0 to 9"));
    let other = maps(&graph)[0];
    assert!(told(lens.values(&image, other).unwrap_err()).contains("`conv.0` is not looked at"));
    let none = Integrated { baseline: None, steps: 0 };
    assert!(told(lens.integrated_gradients(&image, 0, &none).unwrap_err()).contains("expected 1 to 1000"));
    let wide = Occlusion { stride: [9, 9], ..Occlusion::of_size(32, 32) };
    assert!(told(lens.occlusion(&image, &[0], &wide).unwrap_err()).contains("so that nothing is left out"));
    let net = Builder::image("one", 1, 4, 4);
    let one = net.build(net.input().conv2d(Conv2d::new(2, 3)).flatten().linear(Linear::new(1))).unwrap();
    let error = Lens::open(&one, &state::initialize(&one, 0), &[], &options).unwrap_err();
    assert!(told(error).contains("expected a vector of at least two classes"));
}
