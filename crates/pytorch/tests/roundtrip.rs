//! What is written of a network, read again, is that network.

use std::collections::BTreeMap;

use convnet::graph::{Graph, Scope, Shape};
use convnet::ops::Op;
use convnet::reference::random::random_graphs;
use convnet::zoo;
use convnet_pytorch::{ReadOptions, WriteError, read_text, write};

/// The network that the text of another tells; `Err` with what is said of the text.
fn again(graph: &Graph) -> Result<Graph, String> {
    let text = write(graph).map_err(|error| error.to_string())?;
    match read_text("net.py", &text, &ReadOptions::default()) {
        Ok(network) => Ok(network.graph),
        Err(report) => {
            let said: Vec<String> =
                report.diagnostics.iter().map(|d| format!("{} {:?}", d.message, d.helps)).collect();
            Err(format!("{}\n{text}", said.join("\n")))
        }
    }
}

/// Where two networks first differ, their names aside.
fn difference(a: &Graph, b: &Graph) -> Option<String> {
    for (i, (x, y)) in a.nodes().iter().zip(b.nodes()).enumerate() {
        let mut y = y.clone();
        // Functions have no name in the code.
        if matches!(x.op, Op::Concat | Op::Add | Op::Arithmetic(_)) {
            y.path.clone_from(&x.path);
        }
        if a.name() == "densenet" {
            y.scope = x.scope;
        }
        if *x != y {
            let scope = |graph: &Graph, id| format!("{:?} {:?}", graph.scope(id).path, graph.scope(id).kind);
            return Some(format!(
                "layer {i}\n  {x:?} in {}\n  {y:?} in {}",
                scope(a, x.scope),
                scope(b, y.scope)
            ));
        }
    }
    if a.nodes().len() != b.nodes().len() {
        return Some(format!("{} layers, {} layers", a.nodes().len(), b.nodes().len()));
    }
    // The blocks of the tutorial's DenseNet are in a Sequential that is never called: it is a scope of the network, and none
    // of the code.
    if a.name() == "densenet" {
        return None;
    }
    for (i, (x, y)) in a.scopes().iter().zip(b.scopes()).enumerate() {
        // A network whose class is not told gets one in the code.
        let y = if i == 0 && x.kind == "Sequential" {
            Scope { kind: x.kind.clone(), ..y.clone() }
        } else {
            y.clone()
        };
        // Blocks of one name that are not written alike are classes with numbers behind it.
        let numbered = y.kind.strip_prefix(&x.kind).is_some_and(|rest| rest.parse::<u32>().is_ok());
        let y = if numbered { Scope { kind: x.kind.clone(), ..y } } else { y };
        if *x != y {
            return Some(format!("scope\n  {x:?}\n  {y:?}"));
        }
    }
    if a.scopes().len() != b.scopes().len() {
        return Some(format!("{} scopes, {} scopes", a.scopes().len(), b.scopes().len()));
    }
    if a.outputs() != b.outputs() {
        return Some(format!("outputs\n  {:?}\n  {:?}", a.outputs(), b.outputs()));
    }
    if a.init() != b.init() {
        let short = |graph: &Graph| format!("{:?}", graph.init()).chars().take(300).collect::<String>();
        return Some(format!("init\n  {}\n  {}", short(a), short(b)));
    }
    if a.shared_weights() != b.shared_weights() {
        return Some(format!("shared\n  {:?}\n  {:?}", a.shared_weights(), b.shared_weights()));
    }
    (a.unused() != b.unused()).then(|| format!("unused\n  {:?}\n  {:?}", a.unused(), b.unused()))
}

#[test]
fn every_network_of_the_zoo_comes_back() {
    let mut wrong: BTreeMap<&str, String> = BTreeMap::new();
    for entry in zoo::entries() {
        let graph = entry.model().build().unwrap();
        // What is not written is refused by its name.
        if let Err(WriteError::Layer { .. }) = write(&graph) {
            continue;
        }
        let found = again(&graph).map_or_else(Some, |read| difference(&graph, &read));
        if let Some(found) = found {
            wrong.insert(entry.name, found.chars().take(900).collect());
        }
    }
    let shown: Vec<String> = wrong.iter().map(|(name, what)| format!("{name}: {what}")).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), zoo::entries().len(), shown.join("\n"));
}

#[test]
fn random_networks_come_back() {
    let mut wrong = Vec::new();
    for (i, graph) in random_graphs(300).enumerate() {
        // Flatten of a vector does nothing, and is no layer when it is read.
        let vector = |id| matches!(graph.node(id).shape, Shape::Vector { .. });
        if graph.nodes().iter().any(|node| node.op == Op::Flatten && vector(node.inputs[0])) {
            continue;
        }
        // What is not written is refused by its name.
        if let Err(WriteError::Layer { .. }) = write(&graph) {
            continue;
        }
        let found = again(&graph).map_or_else(Some, |read| difference(&graph, &read));
        if let Some(found) = found {
            wrong.push(format!("{i}: {}", found.chars().take(900).collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
