//! Plans as text, and their memory.

use super::*;
use crate::graph::{Builder, concat};
use crate::inspect;
use crate::ops::{ChannelShuffle, Conv2d, Linear, MaxPool2d, Slice};
use crate::optim::Frozen;

const RULES: MemoryRules = MemoryRules { line: 16, aliased: None, fuses: true, folds: true };

/// A plan by the layers' own account of their needs.
fn planned(graph: &Graph, mode: Mode, batch: usize) -> Plan {
    let aim =
        Aim { mode, outputs: &[graph.logits(graph.output())], frozen: &Frozen::default(), watched: &[] };
    let draft = Draft::new(graph, aim, RULES);
    let needs: Vec<Needs> = draft.stages().iter().map(|stage| draft.needs(stage)).collect();
    draft.finish(&needs, batch).unwrap()
}

fn branches() -> Graph {
    let net = Builder::image("branches", 3, 8, 8);
    let x = net.input().conv2d(Conv2d::new(4, 3).padding(1)).batch_norm2d().relu();
    let y = concat(&[x.conv2d(Conv2d::new(2, 1)), x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1))]);
    let z = (y.conv2d(Conv2d::new(6, 3).padding(1)) + y).relu();
    net.build(z.flatten().linear(Linear::new(5)).softmax()).unwrap()
}

#[test]
fn what_inference_fuses_and_where_it_lies() {
    let expected = "\
2 images at a time, 1536 floats of activations
   0  input [Input]: → @0 128×3
   1  0 + 1 + 2 [Conv2d]: @0 128×3 → @768 128×4
   2  3 [Conv2d]: @768 128×4 → @0 128×2 of 6
   3  4 [MaxPool2d]: @768 128×4 → @2 128×4 of 6
   4  cat [Concat]: @0 128×2 of 6 @2 128×4 of 6 → @0 128×6
   5  5 + add + 6 [Conv2d]: @0 128×6 + @0 128×6 → @768 128×6
   6  8 [Linear]: @768 2×384 → @0 2×5
";
    assert_eq!(planned(&branches(), Mode::Infer, 2).to_string(), expected);
}

#[test]
fn a_gate_is_read_by_the_convolution_behind_its_product() {
    let net = Builder::image("gated", 3, 8, 8);
    let x = net.input().conv2d(Conv2d::new(4, 3).padding(1)).relu();
    let gate = x.adaptive_avg_pool2d(1, 1).conv2d(Conv2d::new(4, 1)).sigmoid();
    let graph = net.build((x * gate).conv2d(Conv2d::new(2, 1)).batch_norm2d()).unwrap();
    let text = planned(&graph, Mode::Infer, 2).to_string();
    let line = text.lines().last().unwrap();
    let parts = ["mul + 5 + 6 [Conv2d]: @", " 128×4 @", " 2×4 → @", " 128×2"];
    assert!(parts.iter().all(|part| line.contains(part)), "{text}");
    // Where the product itself is wanted, it is there.
    let net = Builder::image("shown", 3, 8, 8);
    let x = net.input().conv2d(Conv2d::new(4, 3).padding(1)).relu();
    let product = x * x.adaptive_avg_pool2d(1, 1);
    let graph = net.build(product.conv2d(Conv2d::new(2, 1))).unwrap();
    let ids: Vec<_> = graph.ids().filter(|&id| graph.node(id).op.name() == "Mul").collect();
    let aim =
        Aim { mode: Mode::Infer, outputs: &[graph.output()], frozen: &Frozen::default(), watched: &ids };
    let draft = Draft::new(&graph, aim, RULES);
    assert!(draft.stages().iter().any(|stage| stage.out == ids[0]), "{:?}", draft.stages());
}

/// A block of a network whose channels are shuffled, the shuffle by as many groups as branches or not.
fn shuffled(groups: usize) -> Graph {
    let net = Builder::image("shuffled", 3, 4, 4);
    let x = net.input().conv2d(Conv2d::new(8, 3).padding(1)).relu();
    let part = |range| Slice::channels(range, Shape::map(8, 4, 4));
    let y = concat(&[x.then(part(0..4)), x.then(part(4..8)).conv2d(Conv2d::new(4, 3).padding(1))]);
    net.build(y.then(ChannelShuffle { groups }).conv2d(Conv2d::new(2, 1))).unwrap()
}

#[test]
fn parts_of_channels_lie_where_they_are_and_a_shuffle_reads_its_branches() {
    let expected = "\
2 images at a time, 640 floats of activations
   0  input [Input]: → @256 32×3
   1  0 + 1 [Conv2d]: @256 32×3 → @0 32×8
   2  2 [Slice]: @0 32×8 → @0 32×4 of 8
   3  3 [Slice]: @0 32×8 → @4 32×4 of 8
   4  4 [Conv2d]: @4 32×4 of 8 → @512 32×4
   5  cat + 5 [Concat]: @0 32×4 of 8 @512 32×4 → @256 32×8
   6  6 [Conv2d]: @256 32×8 → @0 32×2
";
    assert_eq!(planned(&shuffled(2), Mode::Infer, 2).to_string(), expected);
    // Groups that are no branches are shuffled where they lie side by side.
    let text = planned(&shuffled(4), Mode::Infer, 2).to_string();
    assert!(text.contains("cat [Concat]: ") && text.contains(" [ChannelShuffle]: "), "{text}");
    // In training, and for a device that does not read them so, parts are copied.
    let text = planned(&shuffled(2), Mode::Train, 2).to_string();
    assert!(
        text.contains("cat [Concat]: ") && text.contains("3 [Slice]: @256 32×8 → @1024 32×4\n"),
        "{text}"
    );
}

#[test]
fn which_gradients_are_written_and_which_added() {
    let text = planned(&branches(), Mode::Train, 1).to_string();
    let (_, backward) = text.split_once("backward\n").unwrap();
    let writes: Vec<String> = backward
        .lines()
        .map(|line| line.split_whitespace().filter(|word| ["=", "+=", "zero"].contains(word)).collect())
        .collect();
    // Linear, ReLU + sum, conv3 on the same map as the sum, the concatenation in place, pool, conv2 on the same map,
    // normalization, conv1.
    assert_eq!(writes, ["=", "==", "+=", "", "=", "+=", "=", ""], "{text}");
}

#[test]
fn predicted_memory_is_what_is_allocated() {
    for name in ["lenet", "alexnet", "vgg11", "nin", "googlenet", "resnet18", "densenet121"] {
        let graph = crate::zoo::find(name).unwrap().model().build().unwrap();
        let batch = 2;
        // The listing counts tensors by liveness, nothing fused; the plan fuses, and rounds up to lines.
        let traced = 4 * planned(&graph, Mode::Infer, batch).floats as u64;
        let predicted = inspect::inference_peak(&graph, batch).bytes;
        assert!(traced <= predicted + predicted / 20, "{name}: {traced} of {predicted} bytes predicted");
        assert!(2 * traced >= predicted, "{name}: {traced} of {predicted} bytes predicted");
    }
}
