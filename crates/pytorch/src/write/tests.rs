//! The text for the networks of the zoo, for random ones, and for paths that are hard to write.

use convnet::graph::{
    Assembly, Builder, Graph, NodeId, ScopeId, SharedWeight, TensorForm, UnusedTensor, Value, concat,
};
use convnet::ops::{Conv2d, LayerScale, Linear, Op};
use convnet::reference::random::random_graphs;
use convnet::zoo;

use super::{start, write};

/// The text, which is Python of at most 100 columns and the same each time.
fn checked(graph: &Graph) -> String {
    let text = write(graph).unwrap();
    if let Err(error) = ruff_python_parser::parse_module(&text) {
        panic!("{}: {error}\n{text}", graph.name());
    }
    assert_eq!(text, write(graph).unwrap(), "{}", graph.name());
    for line in text.lines() {
        assert!(line.chars().count() <= 100 && line.trim_end() == line, "{}: {line}", graph.name());
    }
    text
}

fn lacks(graph: &Graph, id: NodeId) -> bool {
    super::layers::lacks(graph.node(id), &graph.input_shapes(id))
}

#[test]
fn every_network_of_the_zoo_is_python() {
    for entry in zoo::entries() {
        let graph = entry.model().build().unwrap();
        if graph.ids().any(|id| lacks(&graph, id)) {
            continue;
        }
        checked(&graph);
        let text = start(&graph, "mine").unwrap();
        assert!(ruff_python_parser::parse_module(&text).is_ok(), "{text}");
    }
}

#[test]
fn every_random_network_is_python() {
    let mut refused = 0;
    for graph in random_graphs(300) {
        match graph.ids().find(|&id| lacks(&graph, id)) {
            None => drop(checked(&graph)),
            Some(id) => {
                let told = write(&graph).unwrap_err().to_string();
                assert!(told.contains(graph.node(id).op.name()), "{told}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "a layer that is not written");
}

#[test]
fn a_network_without_layers_returns_its_images() {
    let net = Builder::image("nothing", 3, 8, 8);
    assert!(checked(&net.build(net.input()).unwrap()).contains("return x"));
}

#[test]
fn the_listings_in_the_tests_are_what_is_written() {
    for (name, listing) in [
        ("lenet", include_str!("../../tests/snapshots/lenet.py")),
        ("vgg11", include_str!("../../tests/snapshots/vgg11.py")),
        ("resnet18", include_str!("../../tests/snapshots/resnet18.py")),
        ("googlenet@torchvision", include_str!("../../tests/snapshots/googlenet_torchvision.py")),
        ("densenet121@torchvision", include_str!("../../tests/snapshots/densenet121_torchvision.py")),
        ("preresnet110@paper", include_str!("../../tests/snapshots/preresnet110_paper.py")),
    ] {
        let text = checked(&zoo::find(name).unwrap().model().build().unwrap());
        assert_eq!(text, listing, "`convnet show {name} --format pytorch` writes it anew");
    }
}

#[test]
fn blocks_become_classes_and_repeated_ones_loops() {
    let text = |name: &str| checked(&zoo::find(name).unwrap().model().build().unwrap());
    let resnet = text("resnet152");
    assert_eq!(resnet.matches("class ").count(), 2);
    assert!(resnet.contains("def __init__(self, in_channels, mid_channels, stride=1):"), "{resnet}");
    assert!(resnet.contains("self.layer3 = make_layer(512, 256, 36, stride=2)"), "{resnet}");
    assert!(text("densenet201").contains("for i in range(depth):"));
    let googlenet = text("googlenet@torchvision");
    assert_eq!(googlenet.matches("class ").count(), 4);
    assert!(googlenet.contains("self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)"));
    assert!(googlenet.contains("aux1 = self.aux1(x) if self.training else None"));
}

#[test]
fn names_that_are_no_attributes_are_written_as_pytorch_takes_them() {
    let net = Builder::image("odd", 3, 8, 8);
    let x = net.input().layer("1x1", Conv2d::new(4, 1)).layer("type", Conv2d::new(4, 1));
    let x = x.scope("a-b", "Module", |x| {
        let y = x.layer("lambda", Conv2d::new(4, 1)).layer("keys", Conv2d::new(4, 1));
        concat(&[x.layer("ü\"", Conv2d::new(2, 1)), y])
    });
    let x = x.layer("class", Conv2d::new(4, 1)).layer("__x", Op::Relu);
    let text = checked(&net.build(x.flatten().linear(Linear::new(2))).unwrap());
    for part in ["self.add_module(\"1x1\", ", "self._modules[\"type\"] = ", "\"lambda\"", "\"ü\\\"\""] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_block_whose_inside_is_read_from_outside_is_called_part_by_part() {
    let net = Builder::image("open", 3, 8, 8);
    let mut inner = net.input();
    let x = net.input().scope("block", "Block", |x| {
        inner = x.layer("first", Conv2d::new(4, 1));
        inner.layer("second", Conv2d::new(4, 1))
    });
    let text = checked(&net.build((x + inner).flatten().linear(Linear::new(2))).unwrap());
    assert!(text.contains("self.block[\"first\"](x)"), "{text}");
}

/// A scale by channel that a module has as a parameter of its own.
fn scaled(path: [&str; 2], kind: &str) -> Graph {
    let net = Builder::image("scaled", 3, 8, 8);
    let x = net.input().scope(path[0], kind, |x| {
        let y = (x.layer("conv", Conv2d::new(3, 1)) + x).layer(path[1], LayerScale { initial: 0.5 });
        y.kept_as(TensorForm::Parameter) + x
    });
    net.build(x.flatten().linear(Linear::new(2))).unwrap()
}

/// A residual block, whose branch may be scaled by channel.
fn residual(x: Value<'_>, scaled: bool) -> Value<'_> {
    x.numbered("Block", |x| {
        let y = x.layer("conv", Conv2d::new(3, 1));
        let y = match scaled {
            true => y.layer("gamma", LayerScale { initial: 0.5 }).kept_as(TensorForm::Parameter),
            false => y,
        };
        y + x
    })
}

#[test]
fn parameters_of_a_module_are_multiplied_with() {
    let text = checked(&scaled(["block", "gamma"], "Block"));
    assert!(text.contains("self.gamma = nn.Parameter(torch.full((3, 1, 1), 0.5))"), "{text}");
    assert!(text.contains("return self.gamma * out + x"), "{text}");
    let text = checked(&zoo::find("convnext_tiny").unwrap().model().build().unwrap());
    assert!(
        text.contains("self.layer_scale = nn.Parameter(torch.full((in_channels, 1, 1), 1e-06))"),
        "{text}"
    );
    // One instance lacks what the other has.
    let net = Builder::image("scaled", 3, 8, 8);
    let x = net.input().sequential("blocks", |x| residual(residual(residual(x, true), false), true));
    let text = checked(&net.build(x.flatten().linear(Linear::new(2))).unwrap());
    assert!(
        text.contains("return self.gamma * out + x") && text.contains("return self.conv(x) + x"),
        "{text}"
    );
    // At the top, in what is called one behind the other, below the parameter, and shared.
    let top = Builder::image("top", 3, 8, 8);
    let x = top.input().layer("gamma", LayerScale { initial: 0.5 }).kept_as(TensorForm::Parameter);
    let text = checked(&top.build(x.flatten().linear(Linear::new(2))).unwrap());
    assert!(text.contains("x = self.gamma * x"), "{text}");
    let below = Builder::image("below", 3, 8, 8);
    let x = below.input().scope("block", "Block", |x| {
        let x = x.layer("gamma", LayerScale { initial: 0.5 }).kept_as(TensorForm::Parameter);
        x.scope("gamma", "Module", |x| x.layer("conv", Conv2d::new(3, 1)))
    });
    let below = below.build(x.flatten().linear(Linear::new(2))).unwrap();
    let mut shared = Assembly::new("shared", [3, 8, 8]).unwrap();
    let scale = || LayerScale { initial: 0.5 };
    let first = shared.node(ScopeId::ROOT, "block.gamma", scale(), &[shared.input()]).unwrap();
    let second = shared.node(ScopeId::ROOT, "block.delta", scale(), &[first]).unwrap();
    shared.keep_as(first, TensorForm::Parameter).unwrap();
    shared.keep_as(second, TensorForm::Parameter).unwrap();
    let (name, first) = ("block.delta".to_owned(), "block.gamma".to_owned());
    shared.share(SharedWeight { name, first, in_state_dict: false });
    let shared = shared.finish(second).unwrap();
    for graph in [below, shared, scaled(["block", "gamma"], "Sequential")] {
        let error = write(&graph).unwrap_err().to_string();
        assert!(error.contains("`block.gamma`") || error.contains("`block.delta`"), "{error}");
    }
    for path in [["block", "type"], ["block", "1x1"]] {
        let error = write(&scaled(path, "Block")).unwrap_err().to_string();
        assert!(
            error.contains(&format!("`{}`", path.join("."))) && error.contains("a parameter of the module"),
            "{error}"
        );
    }
}

#[test]
fn tensors_that_no_layer_reads_are_told_in_the_head() {
    let mut net = Assembly::new("partly", [3, 8, 8]).unwrap();
    let conv = net.node(ScopeId::ROOT, "conv", Conv2d::new(2, 8), &[net.input()]).unwrap();
    net.unused(UnusedTensor { name: "old.weight".into(), shape: vec![3], trainable: true });
    let text = checked(&net.finish(conv).unwrap());
    assert!(
        text.contains("Left out: a tensor of its weights that no layer reads (old.weight); load"),
        "{text}"
    );
}
