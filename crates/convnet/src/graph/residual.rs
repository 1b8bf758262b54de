//! Residual branches: where they are, and networks that leave them out for whole images.

use super::{Graph, Init, Node, NodeId, ScopeId, TensorForm};
use crate::ops::{Dropout, Dropout1d, Op, StochasticDepth};

/// A sum of a branch and a shortcut past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Residual {
    /// The Add.
    pub(crate) sum: NodeId,
    /// Which of its inputs is the branch.
    pub(crate) side: usize,
}

impl Graph {
    /// The sums of a residual branch and its shortcut, in the order of the network: of the two inputs of an Add the branch
    /// is that with more layers with weights since the last layer that both depend on.
    pub(crate) fn residuals(&self) -> Vec<Residual> {
        let sums = self.ids().filter(|&id| self.node(id).op == Op::Add);
        let residual = |sum: NodeId| {
            let inputs = &self.node(sum).inputs;
            let reach = [0, 1].map(|side| self.reachable(&[inputs[side]]));
            let own = |side: usize| {
                let alone = |id: &NodeId| {
                    reach[side][id.index()]
                        && !reach[1 - side][id.index()]
                        && matches!(self.node(*id).op, Op::Conv2d(_) | Op::Linear(_))
                };
                self.ids().filter(alone).count()
            };
            let (first, second) = (own(0), own(1));
            (first != second).then_some(Residual { sum, side: usize::from(second > first) })
        };
        sums.filter_map(residual).collect()
    }

    /// The same network with stochastic depth (Huang et al. 2016): each residual branch is left out for some images while
    /// training, the last of L with probability `p`, number l with p·l/L, as their linear rule has it. How many branches
    /// there are stands beside it; where there is none the network is as before. The names of weights stay.
    ///
    /// ```
    /// let net = convnet::zoo::resnet18().input(3, 32, 32).build()?;
    /// let (deep, branches) = net.with_stochastic_depth(0.2);
    /// assert_eq!((branches, deep.parameters()), (8, net.parameters()));
    /// # Ok::<(), convnet::graph::GraphError>(())
    /// ```
    pub fn with_stochastic_depth(&self, p: f32) -> (Self, usize) {
        let residuals = self.residuals();
        let mut graph = self.clone();
        graph.nodes.clear();
        // Where each node stands now.
        let mut place: Vec<NodeId> = Vec::new();
        let mut done = 0;
        for (id, node) in self.ids().zip(&self.nodes) {
            let mut node = node.clone();
            for input in &mut node.inputs {
                *input = place[input.index()];
            }
            if let Some(residual) = residuals.get(done).filter(|residual| residual.sum == id) {
                done += 1;
                let p = p * done as f32 / residuals.len() as f32;
                let branch = node.inputs[residual.side];
                node.inputs[residual.side] = NodeId(graph.nodes.len() as u32);
                let shape = graph.nodes[branch.index()].shape;
                let path = self.free_path(node.scope, &node.path);
                let op = StochasticDepth { p }.into();
                let (scope, tensors) = (node.scope, TensorForm::Own);
                graph.nodes.push(Node { op, inputs: vec![branch], path, scope, shape, tensors });
            }
            place.push(NodeId(graph.nodes.len() as u32));
            graph.nodes.push(node);
        }
        for scope in &mut graph.scopes {
            scope.result = place[scope.result.index()];
        }
        for output in &mut graph.outputs {
            output.node = place[output.node.index()];
        }
        (graph, residuals.len())
    }

    /// A path beside a layer's that no layer has.
    fn free_path(&self, scope: ScopeId, sum: &str) -> String {
        let name = sum.rsplit('.').next().unwrap_or(sum);
        let scope = &self.scope(scope).path;
        let path = match scope.as_str() {
            "" => format!("stochastic_depth_{name}"),
            scope => format!("{scope}.stochastic_depth_{name}"),
        };
        let taken = |path: &String| self.nodes.iter().any(|node| node.path == *path);
        if !taken(&path) {
            return path;
        }
        (1_u64..).map(|i| format!("{path}_{i}")).find(|path| !taken(path)).unwrap_or(path)
    }

    /// The same network, whose weights are drawn otherwise.
    pub fn with_init(&self, init: Init) -> Self {
        Self { init, ..self.clone() }
    }

    /// The same network with another probability in each dropout layer, and how many there are.
    pub fn with_dropout(&self, p: f32) -> (Self, usize) {
        let mut graph = self.clone();
        let mut layers = 0;
        for node in &mut graph.nodes {
            match &mut node.op {
                Op::Dropout(Dropout { p: old }) | Op::Dropout1d(Dropout1d { p: old }) => {
                    *old = p;
                    layers += 1;
                }
                _ => {}
            }
        }
        (graph, layers)
    }

    /// The normalizations that end the residual branches.
    pub(crate) fn last_norms(&self) -> Vec<NodeId> {
        let consumers = self.consumers();
        let norm = |residual: &Residual| {
            let mut id = self.node(residual.sum).inputs[residual.side];
            while !matches!(self.node(id).op, Op::BatchNorm2d(_)) {
                let passes = matches!(
                    self.node(id).op,
                    Op::Identity | Op::StochasticDepth(_) | Op::Dropout(_) | Op::Dropout1d(_)
                );
                match self.node(id).inputs[..] {
                    [before] if passes && consumers[id.index()].len() == 1 => id = before,
                    _ => return None,
                }
            }
            Some(id)
        };
        self.residuals().iter().filter_map(norm).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Builder, Graph};
    use crate::ops::{Conv2d, Linear, Op};
    use crate::zoo;

    fn built(name: &str) -> Graph {
        zoo::find(name).unwrap().model().build().unwrap()
    }

    #[test]
    fn the_branch_is_the_longer_side_and_its_probability_grows() {
        for (name, blocks) in [("resnet18", 8), ("resnet50", 16), ("preresnet110@paper", 54)] {
            let net = built(name);
            let (deep, branches) = net.with_stochastic_depth(0.5);
            assert_eq!(branches, blocks, "{name}");
            assert_eq!(
                (deep.parameters(), deep.input_size()),
                (net.parameters(), net.input_size()),
                "{name}"
            );
            let found: Vec<f32> = deep
                .nodes()
                .iter()
                .filter_map(|node| match &node.op {
                    Op::StochasticDepth(depth) => Some(depth.p),
                    _ => None,
                })
                .collect();
            let expected: Vec<f32> = (1..=blocks).map(|l| 0.5 * l as f32 / blocks as f32).collect();
            assert_eq!(found, expected, "{name}");
            // It stands right before the sum, behind the branch.
            let sum = deep.ids().find(|id| deep.node(*id).op == Op::Add).unwrap();
            let inputs = &deep.node(sum).inputs;
            let drops: Vec<bool> =
                inputs.iter().map(|i| matches!(deep.node(*i).op, Op::StochasticDepth(_))).collect();
            assert_eq!(drops.iter().filter(|drops| **drops).count(), 1, "{name}");
            // The text of such a network gives it back.
            assert_eq!(Graph::from_toml(&deep.to_toml().unwrap()).unwrap(), deep, "{name}");
        }
        assert_eq!(built("vgg11").with_stochastic_depth(0.5), (built("vgg11"), 0));
        assert_eq!(built("densenet121").with_stochastic_depth(0.5).1, 0);
    }

    #[test]
    fn a_sum_of_equals_has_no_shortcut() {
        let net = Builder::image("sum", 3, 4, 4);
        let side = || net.input().conv2d(Conv2d::new(4, 1));
        let both = net.build((side() + side()).flatten().linear(Linear::new(2))).unwrap();
        assert_eq!(both.residuals(), []);
    }

    #[test]
    fn dropout_gets_one_probability_and_branches_end_in_norms() {
        let (net, layers) = built("vgg11").with_dropout(0.25);
        assert_eq!(layers, 2);
        let changed = |node: &&crate::graph::Node| matches!(&node.op, Op::Dropout(d) if d.p == 0.25);
        assert_eq!(net.nodes().iter().filter(changed).count(), 2);
        let resnet = built("resnet50");
        let names: Vec<&str> =
            resnet.last_norms().into_iter().map(|id| resnet.node(id).path.as_str()).collect();
        assert_eq!((names.len(), names[0], names[15]), (16, "layer1.0.bn3", "layer4.2.bn3"));
        let (deep, _) = resnet.with_stochastic_depth(0.1);
        assert_eq!(deep.last_norms().len(), 16);
    }
}
