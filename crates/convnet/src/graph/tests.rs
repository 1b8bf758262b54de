//! Shape rules and error messages of whole networks.

use super::*;
use crate::ops::{Conv2d, Linear, MaxPool2d};

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
