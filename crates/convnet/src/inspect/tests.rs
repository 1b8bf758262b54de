//! Costs, rows and listings of small networks worked out by hand.

use proptest::prelude::*;

use super::*;
use crate::graph::{Builder, Graph, Shape, Value, concat};
use crate::ops::{AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, Op};

fn block<'b>(x: Value<'b>, name: &str) -> Value<'b> {
    x.scope(name, "Block", |x| x.layer("conv", Conv2d::new(4, 3).padding(1)).layer("relu", Op::Relu) + x)
}

fn blocks() -> Graph {
    let net = Builder::image("blocks", 1, 8, 8);
    let x = net.input().sequential("stem", |x| x.conv2d(Conv2d::new(4, 3).padding(1).no_bias()).relu());
    let x = x.sequential("body", |x| block(block(block(x, "0"), "1"), "2"));
    net.build(x.flatten().linear(Linear::new(10)).softmax()).unwrap()
}

#[test]
fn macs_of_convolutions_count_groups_and_kernels() {
    let conv = |conv: Conv2d, input: Shape| {
        let op = Op::from(conv);
        let output = op.infer(&[input]).unwrap();
        op.macs(&[input], output)
    };
    assert_eq!(conv(Conv2d::new(96, 11).stride(4), Shape::map(1, 224, 224)), 96 * 54 * 54 * 121);
    assert_eq!(conv(Conv2d::new(8, (3, 1)).groups(2), Shape::map(4, 5, 6)), 8 * 3 * 6 * 2 * 3);
    let linear = Op::from(Linear::new(120));
    assert_eq!(linear.macs(&[Shape::vector(400)], Shape::vector(120)), 48_000);
    assert_eq!(Op::Relu.macs(&[Shape::vector(4)], Shape::vector(4)), 0);
}

#[test]
fn figures_of_a_network_are_the_sums_of_its_layers() {
    let summary = Summary::new(&blocks(), 2);
    let stem = &summary.layers[0];
    assert_eq!((stem.params, stem.macs, stem.activation_bytes), (36, 36 * 64, 2 * 256 * 4));
    assert_eq!((stem.op, stem.settings.as_str(), stem.depth), ("Conv2d", "3×3 p1", 2));
    // 36 multiply-accumulates a pixel of 64; per image 64 input, 256 output values, 36 weights a batch.
    assert_eq!(stem.intensity, 2.0 * 2304.0 * 2.0 / (4.0 * (2.0 * 320.0 + 36.0)));
    let (body, head) = (4 * 4 * 9 + 4, 256 * 10 + 10);
    assert_eq!(summary.params, 36 + 3 * body + head);
    assert_eq!(summary.macs, 36 * 64 + 3 * 144 * 64 + 2560);
    assert_eq!(summary.activation_bytes, 2 * 4 * (256 * 12 + 20));
    assert_eq!(summary.inference_params, summary.params);
}

#[test]
fn equal_blocks_fold_and_their_figures_add_up() {
    let summary = blocks().summary();
    let folded = rows(&summary, usize::MAX, true);
    let names: Vec<_> = folded.iter().map(|r| (r.path.as_str(), r.depth, r.repeats)).collect();
    assert_eq!(
        names,
        [
            ("stem", 1, 1),
            ("stem.0", 2, 1),
            ("stem.1", 2, 1),
            ("body", 1, 1),
            ("body.0", 2, 3),
            ("body.0.conv", 3, 1),
            ("body.0.relu", 3, 1),
            ("body.0.add", 3, 1),
            ("0", 1, 1),
            ("1", 1, 1),
            ("2", 1, 1),
        ]
    );
    let shallow = rows(&summary, 1, true);
    assert_eq!(shallow.iter().map(|r| r.figures.params).sum::<u64>(), summary.params);
    assert_eq!(shallow[1].scope, Some(ScopeRow::Folded));
    assert_eq!(folded[4].figures.params, 3 * 148);
    // Four 3×3 convolutions up to the third block's end, two up to the first one's.
    assert_eq!(folded[4].figures.receptive_field.height.size, 9);
    assert_eq!(folded[5].figures.receptive_field.height.size, 5);
    assert_eq!(shallow.len(), 5);
    assert_eq!(rows(&summary, usize::MAX, false).len(), summary.layers.len() + 5);
}

#[test]
fn blocks_that_differ_do_not_fold() {
    let net = Builder::image("growing", 1, 8, 8);
    let x = net.input().sequential("a", |x| {
        let x = x.numbered("Layer", |x| x.layer("conv", Conv2d::new(1, 3).padding(1)));
        x.numbered("Layer", |x| x.layer("conv", Conv2d::new(1, 3).padding(1).no_bias()))
    });
    let folded = rows(&net.build(x).unwrap().summary(), usize::MAX, true);
    assert!(folded.iter().all(|row| row.repeats == 1));
}

#[test]
fn a_folded_sequential_says_what_it_is_made_of() {
    let net = Builder::image("stages", 1, 16, 16);
    let x = net.input().numbered("Sequential", |x| {
        let x = block(block(x.conv2d(Conv2d::new(4, 3).padding(1)).relu(), "a"), "b");
        x.conv2d(Conv2d::new(4, 1)).max_pool2d(MaxPool2d::new(2))
    });
    let summary = net.build(x.sequential("head", |x| x.flatten().linear(Linear::new(3)))).unwrap().summary();
    let settings =
        |depth| -> Vec<_> { rows(&summary, depth, true).into_iter().map(|r| r.settings).collect() };
    assert_eq!(settings(1), ["of 2 Conv2d, ReLU, 2 Block, MaxPool2d", "of Flatten, Linear"]);
    assert_eq!(settings(2)[0], "", "its parts follow as rows");
    let listing = summary.to_string();
    assert!(!listing.contains("Sequential of"), "{listing}");
}

#[test]
fn auxiliary_classifiers_count_in_parameters_and_not_in_inference() {
    let net = Builder::image("aux", 1, 4, 4);
    let x = net.input().conv2d(Conv2d::new(2, 1));
    net.auxiliary("aux", x.scope("aux", "Head", |x| x.flatten().linear(Linear::new(3))), 0.3);
    let summary = net.build(x.flatten().linear(Linear::new(3))).unwrap().summary();
    assert_eq!((summary.params, summary.inference_params), (4 + 99 + 99, 4 + 99));
    assert_eq!((summary.training_macs, summary.macs), (32 + 96 + 96, 32 + 96));
    let rows = rows(&summary, 1, true);
    assert_eq!(
        rows.iter().filter(|r| r.figures.auxiliary).map(|r| r.path.as_str()).collect::<Vec<_>>(),
        ["aux"]
    );
}

#[test]
fn the_torch_listing_opens_sequentials_alone() {
    let net = Builder::image("listing", 1, 8, 8);
    let x = net.input().numbered("Sequential", |x| {
        let x = x.conv2d(Conv2d::new(4, 3)).then(BatchNorm2d::default());
        x.numbered("Sequential", |x| x.avg_pool2d(AvgPool2d::new(2)))
    });
    let x = x.numbered("Inception", |x| concat(&[x.conv2d(Conv2d::new(3, 1)), x.conv2d(Conv2d::new(2, 1))]));
    let x = x.max_pool2d(MaxPool2d::new(3)).flatten();
    let text = torch_listing(&net.build(x).unwrap(), 7);
    assert_eq!(
        text,
        "              Conv2d output shape : torch.Size([7, 4, 6, 6])
         BatchNorm2d output shape : torch.Size([7, 4, 6, 6])
           AvgPool2d output shape : torch.Size([7, 4, 3, 3])
           Inception output shape : torch.Size([7, 5, 3, 3])
           MaxPool2d output shape : torch.Size([7, 5, 1, 1])
             Flatten output shape : torch.Size([7, 5])
"
    );
}

proptest! {
    /// At every depth, folded or not, the rows at the lowest level shown add up to the network.
    #[test]
    fn rows_add_up_to_the_network(runs in prop::collection::vec((0usize..3, 1usize..4), 1..5), depth in 1usize..4) {
        let net = Builder::image("random", 4, 6, 6);
        let mut x = net.input();
        for (kind, count) in runs {
            x = x.numbered("Sequential", |mut x| {
                for i in 0..count {
                    x = match kind {
                        0 => block(x, &i.to_string()),
                        1 => x.conv2d(Conv2d::new(4, 3).padding(1)).relu(),
                        _ => x.numbered("Pair", |x| x.conv2d(Conv2d::new(4, 1)).batch_norm2d()),
                    };
                }
                x
            });
        }
        let summary = net.build(x).unwrap().summary();
        let rows = rows(&summary, depth, false);
        let leaves = rows.iter().filter(|row| row.scope != Some(ScopeRow::Open));
        let (params, macs) = leaves.fold((0, 0), |(p, m), row| (p + row.figures.params, m + row.figures.macs));
        prop_assert_eq!((params, macs), (summary.params, summary.macs));
        let top = super::rows(&summary, depth, true);
        let top = top.iter().filter(|row| row.depth == 1);
        let (params, bytes) = top.fold((0, 0), |(p, b), row| {
            (p + row.figures.params, b + row.figures.activation_bytes)
        });
        prop_assert_eq!((params, bytes), (summary.params, summary.activation_bytes));
    }
}
