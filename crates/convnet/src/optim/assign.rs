//! Which rule each parameter of a network is updated by.

use std::collections::HashSet;

use super::{Muon, Optimizer};
use crate::graph::{Graph, NodeId};
use crate::ops::{Op, ParamSpec};

/// The rule of each parameter, and what the rate is multiplied with for it.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    optimizer: Optimizer,
    /// The parameters that Muon leaves to AdamW.
    others: Option<(Muon, HashSet<String>)>,
}

impl Assigned {
    /// The rules of a network's parameters.
    pub(crate) fn new(graph: &Graph, optimizer: Optimizer) -> Self {
        let others = match optimizer {
            Optimizer::Muon(muon) => Some((muon, not_orthogonal(graph, muon))),
            _ => None,
        };
        Self { optimizer, others }
    }

    /// The rule of a parameter.
    pub(crate) fn of(&self, parameter: &ParamSpec) -> (Optimizer, f32) {
        match &self.others {
            Some((muon, names)) if names.contains(&parameter.name) => (muon.adamw().into(), muon.adamw_lr),
            _ => (self.optimizer, 1.0),
        }
    }

    /// The most buffers that a parameter has.
    pub(crate) fn buffers(&self) -> usize {
        let others = self.others.as_ref().map(|(muon, _)| Optimizer::from(muon.adamw()));
        [Some(self.optimizer), others].iter().flatten().map(|rule| rule.buffers().len()).max().unwrap_or(0)
    }
}

/// The parameters that Muon leaves alone.
fn not_orthogonal(graph: &Graph, muon: Muon) -> HashSet<String> {
    let mut weighted: Vec<NodeId> = Vec::new();
    let mut names = HashSet::new();
    for id in graph.ids() {
        let matrix = matrix_of(graph, id);
        weighted.extend(matrix.as_ref().map(|_| id));
        let specs = graph.node_parameters(id).into_iter().filter(|spec| spec.kind.trainable());
        names.extend(specs.map(|spec| spec.name).filter(|name| Some(name) != matrix.as_ref()));
    }
    let mut leave = |id: NodeId| names.extend(matrix_of(graph, id));
    if !muon.first_layer {
        weighted.first().copied().into_iter().for_each(&mut leave);
    }
    if !muon.last_layer {
        last_layers(graph).into_iter().for_each(&mut leave);
    }
    names
}

/// The name of a layer's weight, if it is a matrix: of a convolution or a Linear, but not of one with a channel a group.
fn matrix_of(graph: &Graph, id: NodeId) -> Option<String> {
    let spec = match &graph.node(id).op {
        Op::Conv2d(_) | Op::Linear(_) => graph.node_parameters(id).into_iter().next()?,
        _ => return None,
    };
    let grouped = matches!(&graph.node(id).op, Op::Conv2d(conv) if conv.groups > 1);
    let alone = grouped && spec.shape.get(1) == Some(&1);
    (!alone && spec.elements() > 0).then_some(spec.name)
}

/// The last layers with weights before each output.
fn last_layers(graph: &Graph) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut seen: HashSet<NodeId> = HashSet::new();
    let mut next: Vec<NodeId> = graph.outputs().iter().map(|output| output.node).collect();
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        match graph.node(id).op {
            Op::Conv2d(_) | Op::Linear(_) => found.push(id),
            _ => next.extend(&graph.node(id).inputs),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::zoo;

    #[test]
    fn muon_leaves_vectors_and_the_first_and_last_layer_to_adamw() {
        let net = zoo::find("resnet18").unwrap().model().build().unwrap();
        let rules = |muon: Muon| {
            let assigned = Assigned::new(&net, muon.into());
            let named = |parameter: &ParamSpec| (parameter.name.clone(), assigned.of(parameter).0.name());
            net.parameters().iter().filter(|p| p.kind.trainable()).map(named).collect::<HashMap<_, _>>()
        };
        let usual = rules(Muon::default());
        for (name, rule) in [
            ("conv1.weight", "adamw"),
            ("bn1.weight", "adamw"),
            ("layer1.0.conv1.weight", "muon"),
            ("layer2.0.downsample.0.weight", "muon"),
            ("layer4.1.bn2.bias", "adamw"),
            ("fc.weight", "adamw"),
            ("fc.bias", "adamw"),
        ] {
            assert_eq!(usual[name], rule, "{name}");
        }
        let all = rules(Muon { first_layer: true, last_layer: true, ..Muon::default() });
        assert_eq!((all["conv1.weight"], all["fc.weight"], all["fc.bias"]), ("muon", "muon", "adamw"));
        let googlenet = zoo::find("googlenet").unwrap().model().build().unwrap();
        assert_eq!(last_layers(&googlenet).len(), googlenet.outputs().len());
    }
}
