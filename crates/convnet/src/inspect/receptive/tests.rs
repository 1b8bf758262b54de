//! Receptive fields against published figures and against tracing single pixels.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::graph::{Builder, Value, concat};
use crate::ops::{AdaptiveAvgPool2d, Conv2d, Linear, MaxPool2d};

fn last(graph: &Graph) -> ReceptiveField {
    *receptive_fields(graph).last().unwrap()
}

/// A bottleneck whose stride is in its 3×3 convolution.
fn bottleneck(x: Value<'_>, stride: usize) -> Value<'_> {
    let y = x.conv2d(Conv2d::new(1, 1)).conv2d(Conv2d::new(1, 3).stride(stride).padding(1));
    let skip = if stride == 1 { x } else { x.conv2d(Conv2d::new(1, 1).stride(stride)) };
    y.conv2d(Conv2d::new(1, 1)) + skip
}

/// TF-Slim's ResNet v1, which strides in the last unit of each of its first three stages.
fn slim_resnet(units: [usize; 4]) -> ReceptiveField {
    let net = Builder::image("slim", 1, 224, 224);
    let mut x = net.input().conv2d(Conv2d::new(1, 7).stride(2).padding(3));
    x = x.max_pool2d(MaxPool2d::new(3).stride(2).padding(1));
    for (stage, &count) in units.iter().enumerate() {
        for unit in 1..=count {
            x = bottleneck(x, if unit == count && stage < 3 { 2 } else { 1 });
        }
    }
    last(&net.build(x).unwrap())
}

#[test]
fn published_fields_of_araujo_norris_and_sim() {
    // Araujo et al. 2019, table 1: resnet_v1_50, _101 and _152 have fields of 483, 1027 and 1507, stride 32.
    for (units, size) in [([3, 4, 6, 3], 483), ([3, 4, 23, 3], 1027), ([3, 8, 36, 3], 1507)] {
        let field = slim_resnet(units);
        assert_eq!((field.height.size, field.height.stride), (size, 32.0));
        assert_eq!(field.width, field.height);
    }
    // The same table: alexnet_v2 up to pool5 has 195 and stride 32.
    let net = Builder::image("alexnet_v2", 1, 224, 224);
    let pool = || MaxPool2d::new(3).stride(2);
    let mut x = net.input().conv2d(Conv2d::new(1, 11).stride(4)).max_pool2d(pool());
    x = x.conv2d(Conv2d::new(1, 5).padding(2)).max_pool2d(pool());
    for _ in 0..3 {
        x = x.conv2d(Conv2d::new(1, 3).padding(1));
    }
    let graph = net.build(x.max_pool2d(pool())).unwrap();
    let field = last(&graph).height;
    // Padding 64 on the left there: 2·8 of conv2 and 3·16 of conv3 to conv5.
    assert_eq!((field.size, field.stride, field.start), (195, 32.0, -64.0));
    // And vgg_16 up to pool5: 212, stride 32, padding 90.
    let net = Builder::image("vgg_16", 1, 224, 224);
    let mut x = net.input();
    for convs in [2, 2, 3, 3, 3] {
        for _ in 0..convs {
            x = x.conv2d(Conv2d::new(1, 3).padding(1));
        }
        x = x.max_pool2d(MaxPool2d::new(2));
    }
    let field = last(&net.build(x).unwrap()).height;
    assert_eq!((field.size, field.stride, field.start), (212, 32.0, -90.0));
    assert_eq!(field.center(), 15.5);
}

#[test]
fn linear_and_global_pools_see_all_positions() {
    let net = Builder::image("all", 1, 12, 20);
    let x = net.input().conv2d(Conv2d::new(2, 3).stride(2).padding(1));
    let pooled = net.build(x.adaptive_avg_pool2d(1, 1)).unwrap();
    let field = last(&pooled);
    assert!(field.whole());
    // 6 × 10 positions, 2 apart, 3 wide, the first at −1.
    assert_eq!((field.height.size, field.width.size, field.height.start), (13, 21, -1.0));
    let linear = net.build(x.flatten().linear(Linear::new(4))).unwrap();
    assert_eq!(last(&linear).width.size, 21);
    assert!(!receptive_fields(&linear)[1].whole());
}

#[test]
fn an_adaptive_pool_that_does_not_divide_sees_its_longest_window() {
    let net = Builder::image("adaptive", 1, 7, 8);
    let graph = net.build(net.input().then(AdaptiveAvgPool2d { height: 3, width: 4 })).unwrap();
    let field = last(&graph);
    assert_eq!((field.height.size, field.width.size, field.width.stride), (3, 2, 2.0));
}

/// For every row of every node's output, the rows of the image that it depends on.
fn traced_rows(graph: &Graph) -> Vec<Vec<BTreeSet<usize>>> {
    let mut traced: Vec<Vec<BTreeSet<usize>>> = Vec::new();
    for node in graph.nodes() {
        let rows = node.shape.spatial().0;
        let window = match node.op.reach() {
            Reach::Window(window) => Some(window),
            Reach::Position | Reach::Border { .. } | Reach::Adaptive { .. } | Reach::All => None,
        };
        let row = |y: usize| -> BTreeSet<usize> {
            if node.inputs.is_empty() {
                return BTreeSet::from([y]);
            }
            let taps = window.map_or(1, |w| w.kernel.h);
            let reads = |tap: usize| {
                let Some(w) = window else { return Some(y) };
                (y * w.stride.h + tap * w.dilation.h).checked_sub(w.padding.h)
            };
            let from = node.inputs.iter().flat_map(|i| {
                let input = &traced[i.index()];
                (0..taps).filter_map(reads).filter_map(move |r| input.get(r)).flatten().copied()
            });
            from.collect()
        };
        let rows = (0..rows).map(row).collect();
        traced.push(rows);
    }
    traced
}

proptest! {
    /// The field of a row in the middle is exactly what the rows of its dependence span.
    #[test]
    fn fields_are_what_tracing_finds(
        layers in prop::collection::vec((1usize..5, 1usize..3, 0usize..3, 1usize..3, 0usize..4), 1..5),
    ) {
        let net = Builder::image("random", 1, 400, 400);
        let mut x = net.input();
        for (kernel, stride, padding, dilation, kind) in layers {
            x = match kind {
                0 => x.max_pool2d(MaxPool2d::new(kernel).stride(stride).padding(padding.min(kernel / 2))),
                1 => {
                    // Branches of different extent around the same centre.
                    let narrow = x.conv2d(Conv2d::new(1, 1).stride(stride));
                    let reach = 2 * padding + 1;
                    concat(&[x.conv2d(Conv2d::new(1, reach).stride(stride).padding(padding)), narrow])
                }
                _ => x.conv2d(Conv2d::new(1, kernel).stride(stride).padding(padding).dilation(dilation)),
            };
        }
        let graph = net.build(x).unwrap();
        let traced = traced_rows(&graph);
        for (node, field) in receptive_fields(&graph).into_iter().enumerate() {
            let middle = traced[node].len() / 2;
            let rows = &traced[node][middle];
            let (first, last) = (*rows.first().unwrap(), *rows.last().unwrap());
            prop_assert!(first > 0 && last < 399, "the middle must not be clipped");
            prop_assert_eq!(field.height.size, (last - first + 1) as u64);
            prop_assert_eq!(field.height.start + middle as f64 * field.height.stride, first as f64);
        }
    }
}
