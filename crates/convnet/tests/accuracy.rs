//! Every convolution of the zoo by the engine against f64 sums, at some of its positions.

use std::collections::BTreeSet;

use convnet::exec::{Engine, Options};
use convnet::graph::{Builder, Graph, Shape};
use convnet::ops::{Conv2d, Op};
use convnet::state::{StateDict, Tensor};
use convnet::zoo;

/// Largest difference over the RMS of the output: a sum of thousands of float32 products rounds to some 1e-6 of
/// it, and Winograd's transforms multiply that several times.
const DIRECT: f64 = 1e-5;
const WINOGRAD: f64 = 5e-5;
/// Products of an output up to which these hold; what longer sums err by grows with the root of their number.
const PRODUCTS: f64 = 4608.0;
/// Layers of which one sum of many is beyond that by the direct kernel: RegNetY-32GF's grouped kernels and the
/// convolutions back to a block's width in ConvNeXt-Base and -Large. Channels of the input and the output, groups, bound.
const BEYOND: [(usize, usize, usize, f64); 4] =
    [(696, 696, 3, 1.1e-5), (1392, 1392, 6, 1.1e-5), (4096, 1024, 1, 1.1e-5), (6144, 1536, 1, 1.25e-5)];

/// Maps are cut to this height and width: the channels decide the error, and the kernel that is chosen.
const SIDE: usize = 28;
/// Positions that are compared: the corners, and some between.
const POSITIONS: usize = 9;

/// A deterministic value in ±1.
fn noise(seed: usize, index: usize) -> f32 {
    let mut hash = (index as u32) ^ (seed as u32).wrapping_mul(0x9E37_79B9);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    ((hash ^ (hash >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// The distinct convolutions of all networks: input channels and map, and the layer.
fn convolutions() -> Vec<(usize, [usize; 2], Conv2d)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in zoo::entries() {
        let graph = entry.model().build().expect("its own size fits");
        for node in graph.nodes() {
            let Op::Conv2d(conv) = &node.op else { continue };
            let input = graph.node(node.inputs[0]).shape;
            let (height, width) = input.spatial();
            let map = [height.min(SIDE.max(conv.kernel.h)), width.min(SIDE.max(conv.kernel.w))];
            if seen.insert(format!("{} {map:?} {conv:?}", input.channels())) {
                found.push((input.channels(), map, conv.clone()));
            }
        }
    }
    found
}

fn network(channels: usize, [height, width]: [usize; 2], conv: &Conv2d) -> Graph {
    let net = Builder::image("one", channels, height, width);
    net.build(net.input().conv2d(conv.clone())).expect("the layer fits its map")
}

fn weights(graph: &Graph) -> StateDict {
    let mut state = StateDict::new();
    for (seed, spec) in graph.parameters().into_iter().enumerate() {
        let fan = spec.shape.iter().skip(1).product::<usize>().max(1) as f32;
        let data = (0..spec.elements()).map(|i| noise(seed + 2, i) * (3.0 / fan).sqrt()).collect();
        state.insert(spec.name, Tensor { shape: spec.shape, data });
    }
    state
}

/// The plain sum at one output position, of every output channel.
fn plain(conv: &Conv2d, input: Shape, images: &[f32], state: &StateDict, (y, x): (usize, usize)) -> Vec<f64> {
    let (height, width) = input.spatial();
    let inner = input.channels() / conv.groups;
    let outer = conv.out_channels / conv.groups;
    let weight = &state.iter().find(|(name, _)| name.ends_with("weight")).expect("a weight").1.data;
    let bias = state.iter().find(|(name, _)| name.ends_with("bias")).map(|(_, tensor)| &tensor.data);
    (0..conv.out_channels)
        .map(|o| {
            let mut sum = bias.map_or(0.0, |bias| f64::from(bias[o]));
            for c in 0..inner {
                for (ky, kx) in (0..conv.kernel.h).flat_map(|ky| (0..conv.kernel.w).map(move |kx| (ky, kx))) {
                    let row = (y * conv.stride.h + ky * conv.dilation.h).wrapping_sub(conv.padding.h);
                    let column = (x * conv.stride.w + kx * conv.dilation.w).wrapping_sub(conv.padding.w);
                    if row < height && column < width {
                        let channel = o / outer * inner + c;
                        let pixel = images[(channel * height + row) * width + column];
                        let w = weight[((o * inner + c) * conv.kernel.h + ky) * conv.kernel.w + kx];
                        sum += f64::from(pixel) * f64::from(w);
                    }
                }
            }
            sum
        })
        .collect()
}

#[test]
fn every_convolution_of_the_zoo_is_within_the_bound_of_its_algorithm() {
    let mut winograds = 0;
    let mut beyond = Vec::new();
    let all = convolutions();
    for (channels, map, conv) in &all {
        let graph = network(*channels, *map, conv);
        let state = weights(&graph);
        let images: Vec<f32> = (0..graph.input_shape().elements()).map(|i| noise(1, i)).collect();
        let output = graph.node(graph.output()).shape;
        let (height, width) = output.spatial();
        let places: Vec<_> = (0..POSITIONS)
            .map(|i| ((i / 3) * (height - 1) / 2, (i % 3) * (width - 1) / 2))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let expected: Vec<Vec<f64>> =
            places.iter().map(|&place| plain(conv, graph.input_shape(), &images, &state, place)).collect();
        let count = (places.len() * conv.out_channels) as f64;
        let rms = (expected.iter().flatten().map(|x| x * x).sum::<f64>() / count).sqrt();
        for exact in [false, true] {
            let options = Options { exact, threads: 2, ..Options::default() };
            let engine = Engine::compile(&graph, &state, 1, &options).expect("the engine runs it");
            let winograd = engine.plan().iter().any(|step| step.kernel.contains("winograd"));
            assert!(!(winograd && exact));
            winograds += usize::from(winograd);
            let products = channels / conv.groups * conv.kernel.h * conv.kernel.w;
            let longer = (products as f64 / PRODUCTS).sqrt().max(1.0);
            let own = (*channels, conv.out_channels, conv.groups);
            let known = BEYOND.iter().find(|&&(inputs, outputs, groups, _)| own == (inputs, outputs, groups));
            let bound = match known {
                Some(&(.., bound)) if !winograd => bound,
                _ => longer * if winograd { WINOGRAD } else { DIRECT },
            };
            let found = engine.run(&images).expect("whole images");
            let found = found.as_slice();
            let mut worst = 0.0_f64;
            for (&(y, x), expected) in places.iter().zip(&expected) {
                for (o, value) in expected.iter().enumerate() {
                    let error = (f64::from(found[(o * height + y) * width + x]) - value).abs() / rms;
                    worst = worst.max(error);
                }
            }
            if worst > bound {
                beyond.push(format!("{worst:.2e} of {bound:.2e}: {channels} channels, {map:?}, {conv:?}"));
            }
        }
    }
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
    assert!(all.len() > 200 && winograds > 40, "{} convolutions, {winograds} by Winograd", all.len());
}
