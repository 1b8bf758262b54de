//! A network for another number of classes.

use super::{Graph, NodeId};
use crate::ops::Op;

impl Graph {
    /// The same network with `classes` outputs: its last Conv2d or Linear gives as many. `None` where what follows it
    /// does not keep its channels apart, or others read it too.
    pub fn with_classes(&self, classes: usize) -> Option<Self> {
        let consumers = self.consumers();
        let mut graph = self.clone();
        let mut id = self.output();
        let mut chain = Vec::new();
        loop {
            let node = graph.node(id);
            let keeps = match node.op {
                Op::Conv2d(_) | Op::Linear(_) => break,
                Op::Flatten => graph.node(node.inputs[0]).shape.spatial() == (1, 1),
                Op::Relu
                | Op::LeakyRelu(_)
                | Op::Hardtanh(_)
                | Op::Sigmoid
                | Op::Tanh
                | Op::Softmax
                | Op::LogSoftmax
                | Op::MaxPool2d(_)
                | Op::AvgPool2d(_)
                | Op::AdaptiveAvgPool2d(_)
                | Op::ConstantPad2d(_)
                | Op::Unflatten
                | Op::Dropout(_)
                | Op::Dropout1d(_)
                | Op::Identity => true,
                Op::Input
                | Op::BatchNorm2d(_)
                | Op::LocalResponseNorm(_)
                | Op::Affine
                | Op::Concat
                | Op::Add => false,
            };
            let before = *node.inputs.first()?;
            if !keeps || consumers[before.index()].len() != 1 {
                return None;
            }
            chain.push(id);
            id = before;
        }
        chain.push(id);
        match &mut graph.nodes[id.index()].op {
            Op::Conv2d(conv) if conv.groups == 1 => conv.out_channels = classes,
            Op::Linear(linear) => linear.out_features = classes,
            _ => return None,
        }
        for id in chain.into_iter().rev() {
            graph.nodes[id.index()].shape = graph.infer(id)?;
        }
        Some(graph)
    }

    fn infer(&self, id: NodeId) -> Option<super::Shape> {
        self.node(id).op.infer(&self.input_shapes(id)).ok()
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
    fn a_head_that_is_no_head_is_left_alone() {
        let net = Builder::image("map", 3, 4, 4);
        let flat = net.build(net.input().conv2d(Conv2d::new(4, 1)).flatten()).unwrap();
        assert_eq!(flat.with_classes(3), None);
        let x = net.input().flatten().linear(Linear::new(4));
        assert_eq!(net.build(x + x).unwrap().with_classes(3), None);
        assert_eq!(net.build(net.input().then(Op::Flatten)).unwrap().with_classes(3), None);
    }
}
