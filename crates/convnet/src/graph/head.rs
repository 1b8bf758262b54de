//! A network for another number of classes, or for images of another size.

use super::{Graph, GraphError, NodeId, Shape};
use crate::ops::Op;

impl Graph {
    /// The layer that gives the classes: the last Conv2d or Linear before the output. `None` where what follows it has
    /// parameters or several inputs, or where others read it too.
    pub fn head(&self) -> Option<NodeId> {
        self.head_of(self.output())
    }

    /// The same of any output.
    pub(crate) fn head_of(&self, output: NodeId) -> Option<NodeId> {
        self.head_chain(output)?.pop()
    }

    /// The layers from an output back to its head.
    fn head_chain(&self, output: NodeId) -> Option<Vec<NodeId>> {
        let consumers = self.consumers();
        let mut id = output;
        let mut chain = vec![id];
        while !matches!(self.node(id).op, Op::Conv2d(_) | Op::Linear(_)) {
            let &[before] = &self.node(id).inputs[..] else { return None };
            if !self.node_parameters(id).is_empty() || consumers[before.index()].len() != 1 {
                return None;
            }
            chain.push(before);
            id = before;
        }
        Some(chain)
    }

    /// The same network with `classes` outputs: its last Conv2d or Linear gives as many. `None` where what follows it
    /// does not give as many channels as it reads, or has parameters, or others read it too.
    pub fn with_classes(&self, classes: usize) -> Option<Self> {
        let chain = self.head_chain(self.output())?;
        let mut graph = self.clone();
        let head = &mut graph.nodes[chain.last()?.index()].op;
        if let Op::Conv2d(conv) = head
            && conv.groups == 1
        {
            conv.out_channels = classes;
        } else if let Op::Linear(linear) = head {
            linear.out_features = classes;
        } else {
            return None;
        }
        for id in chain.into_iter().rev() {
            let shape = graph.node(id).op.infer(&graph.input_shapes(id)).ok()?;
            if shape.channels() != classes {
                return None;
            }
            graph.nodes[id.index()].shape = shape;
        }
        // A weight that another layer reads too does not change alone.
        super::tensors::check(&graph).ok()?;
        Some(graph)
    }
}

impl Graph {
    /// The same network for images of another size: channels, height, width.
    ///
    /// # Errors
    /// The first layer that they do not fit.
    pub fn with_input(&self, [channels, height, width]: [usize; 3]) -> Result<Self, GraphError> {
        let mut graph = self.clone();
        graph.nodes[0].shape = Shape::map(channels, height, width);
        for id in self.ids().skip(1) {
            let node = graph.node(id);
            match node.op.infer(&graph.input_shapes(id)) {
                Ok(shape) => graph.nodes[id.index()].shape = shape,
                Err(issue) => {
                    let (path, op, inputs) = (node.path.clone(), node.op.name(), node.inputs.clone());
                    graph.nodes.truncate(id.index());
                    let partial = Box::new(graph);
                    return Err(GraphError { partial, path, op, inputs, issue: Box::new(issue) });
                }
            }
        }
        // A Linear that is called twice takes as many features each time.
        if let Err((path, issue)) = super::tensors::check(&graph) {
            let (partial, inputs) = (Box::new(graph), Vec::new());
            return Err(GraphError { partial, path, op: "Parameter", inputs, issue: Box::new(issue) });
        }
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::Builder;
    use crate::ops::{Conv2d, Linear, Op};
    use crate::zoo;

    #[test]
    fn the_head_gives_as_many_outputs_as_there_are_classes() {
        for name in ["lenet", "resnet18@torchvision", "vgg11@torchvision", "densenet121"] {
            let model = || zoo::find(name).unwrap().model();
            let other = model().build().unwrap().with_classes(7).unwrap();
            let built = model().classes(7).build().unwrap();
            assert!(other.nodes() == built.nodes(), "{name}");
        }
    }

    #[test]
    fn another_size_is_inferred_again_or_named() {
        let model = || zoo::find("resnet18").unwrap().model();
        let other = model().build().unwrap().with_input([1, 64, 96]).unwrap();
        assert_eq!(other, model().input(1, 64, 96).build().unwrap());
        let vgg = zoo::find("vgg11").unwrap().model().build().unwrap();
        let (error, built) =
            (vgg.with_input([1, 8, 8]), zoo::find("vgg11").unwrap().model().input(1, 8, 8).build());
        assert_eq!(error.unwrap_err().to_string(), built.unwrap_err().to_string());
    }

    #[test]
    fn a_head_that_is_no_head_is_left_alone() {
        let net = Builder::image("map", 3, 4, 4);
        let flat = net.build(net.input().conv2d(Conv2d::new(4, 1)).flatten()).unwrap();
        assert_eq!(flat.with_classes(3), None);
        let x = net.input().flatten().linear(Linear::new(4));
        assert_eq!(net.build(x + x).unwrap().with_classes(3), None);
        assert_eq!(net.build(net.input().then(Op::Flatten)).unwrap().with_classes(3), None);
    }
}
