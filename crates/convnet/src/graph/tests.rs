//! Shape rules and error messages of whole networks.

use super::*;
use crate::ops::{Conv2d, LayerScale, Linear, MaxPool2d};

#[test]
fn tutorial_alexnet_start_has_pytorchs_shapes() {
    let net = Builder::image("a", 1, 224, 224);
    let x = net.input().conv2d(Conv2d::new(96, 11).stride(4));
    assert_eq!(x.shape(), Shape::map(96, 54, 54));
    assert_eq!(x.max_pool2d(MaxPool2d::new(3).stride(2)).shape(), Shape::map(96, 26, 26));
}

#[test]
fn paths_are_numbered_by_scope_and_named_on_demand() {
    let net = Builder::image("a", 1, 8, 8);
    let x = net.input().sequential("conv", |x| x.conv2d(Conv2d::new(4, 3)).relu());
    let x = x.layer("head", Conv2d::new(2, 1)).flatten();
    let graph = net.build(x.linear(Linear::new(3))).unwrap();
    let paths: Vec<_> = graph.nodes().iter().map(|n| n.path.as_str()).collect();
    assert_eq!(paths, ["input", "conv.0", "conv.1", "head", "0", "1"]);
    let names: Vec<_> = graph.parameters().into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["conv.0.weight", "conv.0.bias", "head.weight", "head.bias", "1.weight", "1.bias"]);
    assert_eq!(graph.scope(ScopeId(1)).result, NodeId(2));
}

#[test]
fn an_error_lists_what_came_before_and_the_arithmetic() {
    let net = Builder::image("tiny", 1, 9, 9);
    let x = net.input().conv2d(Conv2d::new(4, 5)).relu().conv2d(Conv2d::new(8, 11).stride(4)).relu();
    let error = net.build(x).unwrap_err();
    assert_eq!(error.path, "2");
    assert_eq!(error.issue.arithmetic.as_deref(), Some("(5 + 2·0 − 11) / 4 + 1 < 1"));
    let text = error.to_string();
    assert!(text.contains("4×5×5") && text.contains("height of at least 11"), "{text}");
}

#[test]
fn branches_of_different_size_do_not_concatenate() {
    let net = Builder::image("c", 3, 8, 8);
    let a = net.input().conv2d(Conv2d::new(4, 3));
    let b = net.input().conv2d(Conv2d::new(4, 1));
    let error = net.build(concat(&[a, b])).unwrap_err();
    assert!(error.to_string().contains("4×6×6, 4×8×8"), "{error}");
}

#[test]
fn ceil_mode_drops_a_window_that_starts_in_the_padding() {
    let pool = |size| {
        let net = Builder::image("p", 1, size, size);
        net.input().max_pool2d(MaxPool2d::new(2).stride(2).padding(1).ceil_mode()).shape()
    };
    assert_eq!(pool(3), Shape::map(1, 2, 2));
    assert_eq!(pool(4), Shape::map(1, 3, 3));
}

#[test]
fn an_assembly_gives_the_network_that_the_builder_gives() {
    for entry in crate::zoo::entries() {
        let graph = entry.model().build().unwrap();
        let mut net = Assembly::new(graph.name(), graph.input_size()).unwrap();
        for scope in &graph.scopes()[1..] {
            net.scope(&scope.path, &scope.kind, scope.parent.unwrap());
        }
        for node in &graph.nodes()[1..] {
            let id = net.node(node.scope, &node.path, node.op.clone(), &node.inputs).unwrap();
            net.keep_as(id, node.tensors).unwrap();
        }
        for output in &graph.outputs()[1..] {
            net.auxiliary(&output.name, output.node, output.loss_weight);
        }
        net.init(graph.init().clone());
        net.kind(&graph.scope(ScopeId::ROOT).kind);
        assert_eq!(net.finish(graph.output()).unwrap(), graph, "{}", entry.name);
    }
}

#[test]
fn a_layer_keeps_its_tensors_in_the_form_that_it_can_have() {
    let net = Builder::image("net", 3, 8, 8);
    let x = net.input().layer("fc", Conv2d::new(4, 1)).kept_as(TensorForm::Linear);
    let x = x.layer("gamma", LayerScale { initial: 1.0 }).kept_as(TensorForm::Parameter);
    let graph = net.build(x).unwrap();
    let told: Vec<_> = graph.parameters().into_iter().map(|spec| (spec.name, spec.shape)).collect();
    let expected = [("fc.weight", vec![4, 3]), ("fc.bias", vec![4]), ("gamma", vec![4, 1, 1])];
    assert_eq!(told, expected.map(|(name, shape)| (name.to_owned(), shape)));
    let text = graph.to_toml().unwrap();
    assert_eq!(Graph::from_toml(&text).unwrap(), graph);
    assert!(Graph::from_toml(&text.replace("h = 1", "h = 2")).is_err());
    for (form, fits) in [(TensorForm::Linear, "a Conv2d of 1 × 1"), (TensorForm::Parameter, "a LayerScale")]
    {
        let net = Builder::image("net", 3, 8, 8);
        let error = net.build(net.input().conv2d(Conv2d::new(4, 3)).kept_as(form)).unwrap_err();
        assert!(error.to_string().contains(fits), "{error}");
    }
}

#[test]
fn paths_are_kept_for_the_layers_that_the_state_dict_names() {
    let mut net = Assembly::new("net", [4, 8, 8]).unwrap();
    net.reserve(["conv_1", "add", "input"].map(String::from));
    let conv = |net: &mut Assembly, path: &str, input| {
        net.node(ScopeId::ROOT, path, Conv2d::new(4, 1), &[input]).unwrap()
    };
    let a = conv(&mut net, "conv", NodeId(0));
    let b = conv(&mut net, "conv", a);
    let sum = net.node(ScopeId::ROOT, "add", Op::Add, &[a, b]).unwrap();
    let c = conv(&mut net, "conv_1", sum);
    let d = conv(&mut net, "add", c);
    let e = conv(&mut net, "input", d);
    let relu = net.node(ScopeId::ROOT, "input", Op::Relu, &[e]).unwrap();
    let graph = net.finish(relu).unwrap();
    let paths: Vec<&str> = graph.nodes().iter().map(|node| node.path.as_str()).collect();
    assert_eq!(paths, ["input_1", "conv", "conv_2", "add_1", "conv_1", "add", "input", "input_2"]);
    assert_eq!(Graph::from_toml(&graph.to_toml().unwrap()).unwrap(), graph);
}

#[test]
fn layers_scopes_and_outputs_of_another_network_are_refused() {
    let net = || Assembly::new("net", [1, 4, 4]).unwrap();
    let mut other = net();
    let inner = other.scope("a", "Block", ScopeId::ROOT);
    let relu = other.node(inner, "a.relu", Op::Relu, &[NodeId(0)]).unwrap();
    for (scope, inputs) in [(ScopeId::ROOT, vec![relu]), (inner, vec![NodeId(0)]), (ScopeId::ROOT, vec![])] {
        let error = net().node(scope, "x", Op::Relu, &inputs).unwrap_err();
        assert!(error.to_string().contains("that the network has"), "{error}");
    }
    assert!(net().node(ScopeId::ROOT, "x", Op::Input, &[NodeId(0)]).is_err());
    assert_eq!(net().finish(relu).unwrap_err().op, "Output");
    let mut weighed = net();
    weighed.auxiliary("aux", NodeId(0), f32::NAN);
    assert!(weighed.finish(NodeId(0)).unwrap_err().to_string().contains("NaN"));
    assert_eq!(Assembly::new("none", [1, 0, 4]).unwrap_err().path, "input");
}

#[test]
fn scopes_end_at_a_depth_that_listings_can_walk() {
    let mut net = Assembly::new("deep", [1, 4, 4]).unwrap();
    let innermost = (0..1000).fold(ScopeId::ROOT, |scope, _| net.scope("a", "Block", scope));
    let relu = net.node(innermost, "a.relu", Op::Relu, &[NodeId(0)]).unwrap();
    let graph = net.finish(relu).unwrap();
    assert_eq!(graph.scopes().len(), 65);
    assert!(graph.scopes().iter().all(|scope| scope.result == relu));
    assert_eq!(Graph::from_toml(&graph.to_toml().unwrap()).unwrap(), graph);
}

/// Two convolutions whose weights are one, and what no layer reads.
fn twins(shared: &[(&str, &str, bool)], unused: &[&str]) -> Result<Graph, GraphError> {
    let mut net = Assembly::new("twins", [4, 8, 8])?;
    let a = net.node(ScopeId::ROOT, "a", Conv2d::new(4, 3), &[NodeId(0)])?;
    let b = net.node(ScopeId::ROOT, "b", Conv2d::new(4, 3), &[a])?;
    let c = net.node(ScopeId::ROOT, "c", Conv2d::new(5, 3), &[b])?;
    for &(name, first, in_state_dict) in shared {
        net.share(SharedWeight { name: name.into(), first: first.into(), in_state_dict });
    }
    for &name in unused {
        net.unused(UnusedTensor { name: name.into(), shape: vec![2, 3], trainable: true });
    }
    net.finish(c)
}

#[test]
fn what_is_told_of_shared_and_unused_tensors_is_checked() {
    let good = twins(&[("b.weight", "a.weight", false), ("z.bias", "a.bias", true)], &["d.weight"]).unwrap();
    assert_eq!(Graph::from_toml(&good.to_toml().unwrap()).unwrap(), good);
    assert_eq!((good.shared_weights().len(), good.unused()[0].elements()), (2, 6));
    for wrong in [
        &[("b.weight", "e.weight", true)][..],
        &[("c.weight", "a.weight", true)],
        &[("b.bias", "a.weight", true)],
        &[("a.weight", "b.weight", true)],
        &[("z.weight", "a.weight", false)],
        &[("b.weight", "a.weight", true), ("b.weight", "a.weight", true)],
        &[("z.weight", "b.weight", true), ("b.weight", "a.weight", true)],
        &[("b.weight", "a.weight", true), ("z.weight", "b.weight", true)],
    ] {
        let error = twins(wrong, &[]).unwrap_err();
        assert_eq!(error.path, wrong.last().unwrap().0, "{wrong:?}: {error}");
    }
    for wrong in [&["a.weight"][..], &["b.weight"], &["d.weight", "d.weight"]] {
        assert!(twins(&[("b.weight", "a.weight", false)], wrong).is_err(), "{wrong:?}");
    }
}
