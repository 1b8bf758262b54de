//! What a page tells of weights, fields and data sets, against the same computed apart.

use convnet::data::{Dataset, Preprocess};
use convnet::exec::Options;
use convnet::graph::Graph;
use convnet::ops::Op;
use convnet::state::{self, StateDict};
use convnet::zoo;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::{Gallery, Page, Photo};
use crate::Lens;

fn network(name: &str) -> (Graph, StateDict) {
    let graph = zoo::find(name).unwrap().model().build().unwrap();
    let weights = state::initialize(&graph, 3);
    (graph, weights)
}

/// The data of a page of one picture, with a set if there is one.
fn page(graph: &Graph, weights: &StateDict, gallery: Option<Gallery<'_>>) -> Value {
    let [_, height, width] = graph.input_size();
    let input = vec![0.25; graph.input_size()[0] * height * width];
    let page = Page {
        graph,
        weights,
        preprocess: &Preprocess::plain(graph.input_size()),
        names: &[],
        photos: &[Photo { name: "grey".into(), input }],
        gallery,
        classes: &[],
        top: 1,
        several: false,
        options: Options { threads: 2, exact: true, ..Options::default() },
    };
    let (looked_at, mut told) = (page.looked_at(), 0);
    let data = page.collect(&mut |done| told = done).unwrap();
    assert_eq!(told, looked_at);
    serde_json::to_value(&data).unwrap()
}

#[test]
fn the_images_that_excite_a_channel_are_those_of_the_set() {
    let (graph, weights) = network("lenet");
    let (count, size) = (300, 28 * 28);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let pixels: Vec<u8> = (0..count * size).map(|_| rng.random_range(0..=255)).collect();
    let labels = (0..count as u32).map(|at| at % 2).collect();
    let set = Dataset::new("set", pixels, labels, vec!["even".into(), "odd".into()], (1, 28, 28)).unwrap();
    let data = page(&graph, &weights, Some(Gallery { images: &set, name: "set".into() }));
    let exciting = &data["exciting"];
    assert_eq!(exciting["told"], "256 of 300 images of set");
    assert_eq!(exciting["images"].as_array().unwrap().len(), 256);
    let layers = exciting["channels"].as_object().unwrap();
    assert!(!layers.is_empty());
    let preprocess = Preprocess::plain(graph.input_size());
    let ids: Vec<_> = graph.ids().filter(|id| layers.contains_key(&id.index().to_string())).collect();
    let mut lens = Lens::open(&graph, &weights, &ids, &Options { threads: 2, ..Options::default() }).unwrap();
    for (&id, channels) in ids.iter().zip(layers.values()) {
        let (_, width) = graph.node(id).shape.spatial();
        let plane = graph.node(id).shape.elements() / graph.node(id).shape.channels();
        let values: Vec<Vec<f32>> = (0..256)
            .map(|at| {
                let image = set.image(at * 300 / 256).unwrap();
                lens.values(&preprocess.apply_image(&image), id).unwrap().data
            })
            .collect();
        for (channel, best) in channels.as_object().unwrap() {
            let channel: usize = channel.parse().unwrap();
            let best = best.as_array().unwrap();
            let largest = |image: usize| {
                values[image][channel * plane..][..plane].iter().copied().fold(f32::MIN, f32::max)
            };
            let mut all: Vec<f32> = (0..256).map(largest).filter(|value| *value > 0.0).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(best.len(), all.len().min(9));
            for (one, expected) in best.iter().zip(all) {
                let [image, value, row, column] = [0, 1, 2, 3].map(|at| one[at].as_f64().unwrap());
                assert_eq!(value as f32, expected);
                let at = channel * plane + row as usize * width + column as usize;
                assert_eq!(values[image as usize][at], expected);
            }
        }
    }
    let label = |at: usize| exciting["images"][at]["label"].as_str().unwrap();
    assert_eq!([label(0), label(1)], ["even", "odd"]);
}

#[test]
fn weights_are_counted_and_scales_near_nothing_found() {
    let (graph, mut weights) = network("resnet@small");
    let norm = graph.ids().find(|id| matches!(graph.node(*id).op, Op::BatchNorm2d(_))).unwrap();
    let name = graph.node_parameters(norm).swap_remove(0).name;
    let scale = weights.get_mut(&name).unwrap();
    (scale.data[3], scale.data[5]) = (0.0, -0.009);
    let data = page(&graph, &weights, None);
    assert!(data["exciting"].is_null());
    let told = data["weights"].as_array().unwrap();
    let path = |one: &Value| graph.nodes()[one["node"].as_u64().unwrap() as usize].path.clone();
    let mut weak = 0;
    for one in told {
        let tensor = &weights[&format!("{}.weight", path(one))].data;
        let counts: u64 =
            one["histogram"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!((counts, one["count"].as_u64().unwrap()), (tensor.len() as u64, tensor.len() as u64));
        let mean = tensor.iter().map(|value| f64::from(*value)).sum::<f64>() / tensor.len() as f64;
        assert!((one["mean"].as_f64().unwrap() - mean).abs() < 1e-6);
        if format!("{}.weight", path(one)) == name {
            assert_eq!(one["weak"]["channels"], serde_json::json!([3, 5]));
            assert!((one["zeros"].as_f64().unwrap() - 1.0 / tensor.len() as f64).abs() < 1e-12);
        }
        weak += one["weak"]["count"].as_u64().unwrap_or(0);
    }
    assert_eq!(weak, 2);
    // Each field is that of the middle cell, and none larger than the image.
    let fields = data["fields"].as_array().unwrap();
    assert!(fields.len() > 1);
    for field in fields {
        let size = field["size"].as_f64().unwrap();
        assert!(size > 0.0 && size <= graph.input_size()[1] as f64, "{field}");
    }
}
