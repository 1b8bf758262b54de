//! What differs from the network before it.

use std::collections::BTreeSet;

use convnet::graph::Graph;
use convnet::inspect::{Summary, grouped, scaled};
use convnet::ops::Op;
use convnet::zoo::{self, Entry};

/// A network beside its predecessor.
#[derive(Clone, Debug)]
pub struct Against {
    /// The predecessor's name.
    pub title: String,
    /// What differs.
    pub lines: Vec<String>,
}

/// Of each family the network that its paper measures itself by.
const BEFORE: [(&str, &str); 17] = [
    ("AlexNet", "lenet"),
    ("VGG", "alexnet@torchvision"),
    ("NiN", "alexnet@torchvision"),
    ("GoogLeNet", "alexnet@torchvision"),
    ("ResNet", "vgg16@torchvision"),
    ("DenseNet", "resnet50"),
    ("Inception", "googlenet@torchvision"),
    ("SqueezeNet", "alexnet@torchvision"),
    ("MobileNet", "vgg16@torchvision"),
    ("ShuffleNet", "mobilenet_v2"),
    ("EfficientNet", "mobilenet_v2"),
    ("ConvNeXt", "resnet50"),
    ("Pre-activation ResNet", "resnet18"),
    ("ResNeXt", "resnet50"),
    ("Wide ResNet", "resnet50"),
    ("SE-ResNet", "resnet50"),
    ("RegNet", "resnet50"),
];

/// What differs from the predecessor that the family has, each at its own size.
pub(super) fn against(graph: &Graph, summary: &Summary, entry: &Entry) -> Option<Against> {
    let (_, name) = BEFORE.iter().find(|(family, _)| *family == entry.family)?;
    let before = zoo::find(name).ok()?;
    let other = before.model().build().ok()?;
    let theirs = Summary::new(&other, 1);
    let mut lines = Vec::new();
    let ratio = |ours: u64, theirs: u64| match ours as f64 / theirs.max(1) as f64 {
        ratio if ratio >= 1.0 => format!("{ratio:.1} times as many"),
        ratio => format!("{:.0}% as many", 100.0 * ratio),
    };
    lines.push(format!(
        "parameters: {} against {}, {}",
        grouped(summary.inference_params),
        grouped(theirs.inference_params),
        ratio(summary.inference_params, theirs.inference_params)
    ));
    lines.push(format!(
        "multiply-accumulates: {} against {}, {}",
        scaled(summary.macs),
        scaled(theirs.macs),
        ratio(summary.macs, theirs.macs)
    ));
    lines.push(format!(
        "layers with weights, one behind the other or side by side: {} against {}",
        weighted(graph),
        weighted(&other)
    ));
    let in_linear = |graph: &Graph, summary: &Summary| {
        let linear = |id: &convnet::graph::NodeId| matches!(graph.node(*id).op, Op::Linear(_));
        let sum: u64 =
            summary.layers.iter().filter(|layer| linear(&layer.node)).map(|layer| layer.params).sum();
        100.0 * sum as f64 / summary.inference_params.max(1) as f64
    };
    lines.push(format!(
        "in Linear layers lie {:.0}% of its parameters, of the other's {:.0}%",
        in_linear(graph, summary),
        in_linear(&other, &theirs)
    ));
    let (ours, of_other) = (kinds(graph), kinds(&other));
    let told = |kinds: Vec<&String>| kinds.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let new: Vec<&String> = ours.difference(&of_other).collect();
    if !new.is_empty() {
        lines.push(format!("it has what the other lacks: {}", told(new)));
    }
    let gone: Vec<&String> = of_other.difference(&ours).collect();
    if !gone.is_empty() {
        lines.push(format!("it does without: {}", told(gone)));
    }
    Some(Against { title: format!("{} ({}, {})", other.name(), before.title, before.year), lines })
}

/// Convolutions and Linear layers that inference uses.
fn weighted(graph: &Graph) -> usize {
    let live = graph.reachable(&[graph.output()]);
    let has = |op: &Op| matches!(op, Op::Conv2d(_) | Op::Linear(_));
    graph.ids().filter(|id| live[id.index()] && has(&graph.node(*id).op)).count()
}

/// The kinds of its layers, convolutions by their windows.
fn kinds(graph: &Graph) -> BTreeSet<String> {
    let live = graph.reachable(&[graph.output()]);
    let kind = |id: convnet::graph::NodeId| match &graph.node(id).op {
        Op::Conv2d(conv) if conv.groups > 1 => {
            format!("Conv2d {}×{} in groups", conv.kernel.h, conv.kernel.w)
        }
        Op::Conv2d(conv) => format!("Conv2d {}×{}", conv.kernel.h, conv.kernel.w),
        op => op.name().to_owned(),
    };
    let shown = |id: &convnet::graph::NodeId| {
        live[id.index()] && !matches!(graph.node(*id).op, Op::Input | Op::Identity | Op::Flatten)
    };
    graph.ids().filter(shown).map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_predecessors_are_of_the_zoo() {
        let families: BTreeSet<&str> = zoo::entries().iter().map(|entry| entry.family).collect();
        for (family, before) in BEFORE {
            assert!(families.contains(family), "{family}");
            assert!(zoo::find(before).is_ok(), "{before}");
        }
    }

    #[test]
    fn what_differs_is_computed() {
        let entry = zoo::find("resnet18").unwrap();
        let graph = entry.model().build().unwrap();
        let against = against(&graph, &Summary::new(&graph, 1), entry).unwrap();
        assert!(against.title.starts_with("vgg16@torchvision"), "{}", against.title);
        assert_eq!(against.lines[0], "parameters: 11,689,512 against 138,357,544, 8% as many");
        assert_eq!(
            against.lines[2],
            "layers with weights, one behind the other or side by side: 21 against 16"
        );
        assert!(against.lines.iter().any(|line| line.contains("lacks") && line.contains("Add")));
    }
}
