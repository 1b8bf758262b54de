//! The backward pass of a whole network.

use super::ArrayDict;
use super::forward::NetworkPass;
use crate::graph::NodeId;
use crate::ops::{Array, ParamSpec};

impl NetworkPass<'_> {
    /// The gradients of all trainable parameters, from those of the loss in some nodes' outputs, and of every node's
    /// output; zeros where the loss does not depend on it. `outputs` are every node's in the forward pass.
    pub(super) fn backward(
        &self,
        outputs: &[Array],
        sources: Vec<(NodeId, Array)>,
    ) -> (ArrayDict, Vec<Array>) {
        let mut reached: Vec<Option<Array>> = vec![None; outputs.len()];
        for (id, gradient) in sources {
            accumulate(&mut reached[id.index()], gradient);
        }
        let mut gradients = ArrayDict::new();
        for id in self.graph.ids().rev() {
            let specs = self.parameters[id.index()].iter().filter(|(spec, _)| spec.kind.trainable());
            let Some(dy) = reached[id.index()].clone() else {
                for (spec, _) in specs {
                    gradients.entry(spec.name.clone()).or_insert_with(|| Array::zeros(&spec.shape));
                }
                continue;
            };
            let (node, y) = (self.graph.node(id), &outputs[id.index()]);
            let handed =
                self.reads(id, &outputs[0], outputs, |reads| node.op.naive().backward(reads, y, &dy));
            for (input, gradient) in node.inputs.iter().zip(handed.inputs) {
                accumulate(&mut reached[input.index()], gradient);
            }
            // A weight that several layers read has the sum of their gradients.
            for ((spec, _), gradient) in specs.zip(handed.parameters) {
                let mut sum = gradients.remove(&spec.name);
                accumulate(&mut sum, Array { shape: spec.shape.clone(), data: gradient.data });
                gradients.extend(sum.map(|sum| (spec.name.clone(), sum)));
            }
        }
        let reached = reached.into_iter().zip(outputs);
        (gradients, reached.map(|(dy, y)| dy.unwrap_or_else(|| Array::zeros(&y.shape))).collect())
    }

    /// The running statistics after a step of training, by name.
    pub(super) fn running(&self, outputs: &[Array]) -> ArrayDict {
        let mut state = ArrayDict::new();
        for id in self.graph.ids() {
            let op = &self.graph.node(id).op;
            // A normalization that is called twice takes in one batch after the other.
            let now = |(spec, array): &(ParamSpec, Array)| {
                let array = state.get(&spec.name).unwrap_or(array).clone();
                (spec.clone(), array)
            };
            let parameters: Vec<_> = self.parameters[id.index()].iter().map(now).collect();
            let read: Vec<&Array> = parameters.iter().map(|(_, array)| array).collect();
            let updated =
                self.reads_with(id, (&outputs[0], outputs), &read, |reads| op.naive().running(reads));
            let buffers = parameters.iter().filter(|(spec, _)| spec.kind.is_running());
            state.extend(buffers.map(|(spec, _)| spec.name.clone()).zip(updated));
        }
        state
    }
}

fn accumulate(sum: &mut Option<Array>, gradient: Array) {
    *sum = Some(match sum.take() {
        Some(sum) => sum.zip(&gradient, |a, b| a + b),
        None => gradient,
    });
}
