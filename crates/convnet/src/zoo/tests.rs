//! The names resolve, the networks build, and what does not fit is refused.

use proptest::prelude::*;

use super::*;
use crate::graph::{Graph, Init};
use crate::ops::Op;

#[test]
fn every_network_builds_and_is_found_under_its_name() {
    for entry in entries() {
        let graph = entry.model().build().unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        assert_eq!(graph.name(), entry.name);
        assert_eq!(graph.classes(), entry.classes, "{}", entry.name);
        assert_eq!(find(entry.name).unwrap().name, entry.name);
        let full = format!("{}@{}", entry.base(), entry.variant);
        assert_eq!(find(&full).unwrap().name, entry.name, "{full}");
        for alias in entry.aliases {
            assert_eq!(find(&format!("{alias}@{}", entry.variant)).unwrap().name, entry.name, "{alias}");
        }
    }
}

#[test]
fn families_are_not_scattered() {
    let mut families: Vec<_> = entries().iter().map(|e| e.family).collect();
    families.dedup();
    let runs = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), runs);
}

#[test]
fn a_bare_name_is_the_default_variant() {
    for (asked, found) in [
        ("resnet18@torchvision", "resnet18"),
        ("vgg16@tutorial", "vgg16"),
        ("densenet121", "densenet121@torchvision"),
        ("resnet20", "resnet20@paper"),
        ("LeNet-5", "lenet5@paper"),
        ("vgg-d", "vgg16@paper"),
        ("resnet50", "resnet50"),
        ("resnet50@paper", "resnet50@paper"),
    ] {
        assert_eq!(find(asked).unwrap().name, found, "{asked}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let error = find("restnet18").unwrap_err();
    assert_eq!(error.nearest[0], "resnet18");
    let text = error.to_string();
    assert!(text.contains("`restnet18`") && text.contains("did you mean `resnet18`"), "{text}");
    assert!(find("lenet@caffe").is_err() && find("vgg11-lrn@torchvision").is_err());
    assert!(find("").unwrap_err().nearest.is_empty());
    let long = find(&"é".repeat(10_000)).unwrap_err();
    assert!(long.to_string().len() < 500);
}

#[test]
fn sizes_outside_their_range_are_refused() {
    for (model, expected) in [
        (lenet().input(0, 32, 32), "from 1 to"),
        (lenet().input(1, 0, 32), "from 1 to"),
        (lenet().input(1, 32, usize::MAX), "from 1 to"),
        (lenet().classes(0), "0 classes"),
        (nin().classes(usize::MAX), "classes"),
    ] {
        let text = model.build().unwrap_err().to_string();
        assert!(text.contains("`input` (Input)") && text.contains(expected), "{text}");
    }
    let error = alexnet().input(1, 5, 5).build().unwrap_err();
    assert_eq!((error.path.as_str(), error.op), ("conv.0", "Conv2d"));
}

fn strides(graph: &Graph, path: &str) -> usize {
    let node = graph.nodes().iter().find(|n| n.path == path).unwrap();
    let Op::Conv2d(conv) = &node.op else { panic!("{path} is no Conv2d") };
    conv.stride.h
}

#[test]
fn the_papers_resnet50_strides_earlier_than_torchvisions() {
    let (ours, papers) = (resnet50().build().unwrap(), resnet50_paper().build().unwrap());
    assert_eq!((strides(&ours, "layer2.0.conv1"), strides(&ours, "layer2.0.conv2")), (1, 2));
    assert_eq!((strides(&papers, "layer2.0.conv1"), strides(&papers, "layer2.0.conv2")), (2, 1));
}

#[test]
fn googlenets_auxiliary_classifiers_read_4a_and_4d() {
    for model in [googlenet_torchvision(), googlenet_paper()] {
        let graph = model.classes(7).build().unwrap();
        let outputs: Vec<_> = graph.outputs().iter().map(|o| (o.name.as_str(), o.loss_weight)).collect();
        assert_eq!(outputs, [("output", 1.0), ("aux1", 0.3), ("aux2", 0.3)]);
        for (output, block) in graph.outputs()[1..].iter().zip(["inception4a", "inception4d"]) {
            assert_eq!(graph.node(output.node).shape.channels(), 7);
            let pool = graph.nodes().iter().find(|n| n.path == format!("{}.avgpool", output.name)).unwrap();
            assert_eq!(graph.node(pool.inputs[0]).path, format!("{block}.cat"));
        }
    }
}

#[test]
fn every_auxiliary_classifier_is_known_by_the_names_of_its_parameters() {
    for entry in entries() {
        let graph = entry.model().build().unwrap();
        let needed = graph.reachable(&[graph.output()]);
        for id in graph.ids() {
            for spec in graph.node_parameters(id) {
                assert_eq!(is_auxiliary(&spec.name), !needed[id.index()], "{}: {}", entry.name, spec.name);
                assert_eq!(current_name(&spec.name), None);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_size_builds_or_tells_what_does_not_fit(
        index in 0..ENTRIES.len(), channels in 1usize..5, height in 1usize..300, width in 1usize..300,
        classes in 1usize..50,
    ) {
        match ENTRIES[index].model().input(channels, height, width).classes(classes).build() {
            Ok(graph) => {
                prop_assert_eq!(graph.classes(), classes);
                prop_assert_eq!(graph.input_shape().dims(), vec![channels, height, width]);
            }
            // Branches that stride and pool an odd side differently do not fit, which their sizes tell.
            Err(error) if error.op == "Concat" => prop_assert!(error.to_string().contains("one height and width")),
            Err(error) => prop_assert!(error.issue.arithmetic.is_some(), "{}", error),
        }
    }
}

#[test]
fn alexnets_biases_start_at_one_in_the_papers_layers() {
    let net = alexnet_paper().build().unwrap();
    let Init::Normal { ones } = net.init() else { panic!("{:?}", net.init()) };
    let layers = |wanted: fn(&Op) -> bool| -> Vec<&str> {
        net.nodes().iter().filter(|node| wanted(&node.op)).map(|node| node.path.as_str()).collect()
    };
    let convs = layers(|op| matches!(op, Op::Conv2d(_)));
    let linears = layers(|op| matches!(op, Op::Linear(_)));
    assert_eq!(ones[..], [convs[1], convs[3], convs[4], linears[0], linears[1]]);
    assert_eq!((convs.len(), linears.len()), (5, 3));
}
