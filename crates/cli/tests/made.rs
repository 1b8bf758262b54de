//! Runs of networks that were made elsewhere, as from PyTorch's code: every command takes them without their file.

use convnet::graph::{Assembly, Graph, GraphError, ScopeId};
use convnet::train::Trainer;
use convnet::{data, zoo};

use crate::place::Place;

/// LeNet under the name that a user gave.
fn net() -> Result<Graph, GraphError> {
    let graph = zoo::lenet().build()?;
    let mut net = Assembly::new("net.py:LeNet", graph.input_size())?;
    net.kind("LeNet");
    for node in &graph.nodes()[1..] {
        net.node(ScopeId::ROOT, &node.path, node.op.clone(), &node.inputs)?;
    }
    net.finish(graph.output())
}

#[test]
fn a_run_is_used_trained_on_and_converted_without_the_code_of_its_network() {
    let place = Place::new();
    let data = data::open(data::DEFAULT).expect("the bundled data");
    let graph = net().expect("it fits");
    let recipe = convnet::train::Recipe {
        limit_steps: Some(3),
        epochs: 1,
        ..convnet::train::Recipe::for_graph(&graph)
    };
    Trainer::new(&graph, data).recipe(recipe).run(place.path().join("runs/LeNet")).expect("it trains");

    let config = std::fs::read_to_string(place.path().join("runs/LeNet/config.toml")).expect("it is there");
    assert!(config.contains("model = \"net.py:LeNet\""), "{config}");
    assert!(place.success("show runs/LeNet --format torch").contains("Conv2d"));
    assert!(place.success("diff runs/LeNet lenet").contains("no difference"));
    assert!(place.success("eval runs/LeNet").starts_with("net.py:LeNet on 2,000 test images"));
    assert!(place.success("eval runs/LeNet/best.safetensors --json").contains("\"model\":\"net.py:LeNet\""));
    place.write_boot();
    place.success("predict runs/LeNet boot.png");
    place.success("bench runs/LeNet --plan");
    place.success("convert runs/LeNet out.onnx");
    let (_, told) = place.convnet("convert runs/LeNet out.safetensors", 0);
    assert!(told.contains("the settings of their layers"), "{told}");
    // Weights alone do not tell of their network any more.
    let told = place.failure("eval out.safetensors", 1);
    assert!(told.contains("its network `net.py:LeNet` is not in the zoo"), "{told}");

    place.success("train runs/LeNet --limit-steps 2 --epochs 1");
    assert_eq!(place.files("runs"), ["LeNet", "LeNet-2"]);
    let told = place.failure("train --resume runs/LeNet --lr 7", 1);
    assert!(told.contains("`lr` was 0.003, asked for is 7.0"), "{told}");
    let told = place.failure("train --resume runs/LeNet --input 1x28x28", 1);
    assert!(told.contains("`input` was [1, 32, 32], asked for is [1, 28, 28]"), "{told}");
    place.success("train --resume runs/LeNet");
}
