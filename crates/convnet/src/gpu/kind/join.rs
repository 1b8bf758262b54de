//! A sum of normalizations, and of one and a plain value: what a residual block ends with, in one pass each way.

use convnet_gpu::{Addend, Affine, Gradient, View};

use super::Kind;
use crate::gpu::emit::{At, Emit};
use crate::graph::NodeId;
use crate::ops::Op;
use crate::plan::{Draft, Mode, Needs, Stage};

/// An Add whose inputs are not written where they are normalizations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) struct Join {
    /// Its stage.
    add: usize,
    /// The stage of each input that is a normalization; at least one.
    norms: [Option<usize>; 2],
}

/// The sums that can be made so: those of two normalizations that nobody else reads, and of a plain value and such a
/// normalization just before.
pub(in crate::gpu) fn joins(draft: &Draft) -> Vec<Join> {
    if draft.mode != Mode::Train {
        return Vec::new();
    }
    let stages = draft.stages();
    let norm = |value: NodeId, add: usize| {
        // One that no gradient is wanted of has no backward pass, in which it would do the sum's.
        if draft.wants_gradient(stages[add].out) && !draft.wants_gradient(value) {
            return None;
        }
        let index = draft.writer(value)?;
        let node = stages[index].node;
        let plain = matches!(draft.graph.node(node).op, Op::BatchNorm2d(_))
            && !draft.keeps_statistics(node)
            && !stages[index].relu;
        (plain && draft.sole_reader(value) == Some(add)).then_some(index)
    };
    let join = |(add, stage): (usize, &Stage)| {
        if draft.graph.node(stage.node).op != Op::Add {
            return None;
        }
        let norms = [0, 1].map(|i| norm(stage.inputs[i], add));
        match norms {
            [Some(_), Some(_)] => Some(Join { add, norms }),
            [Some(only), None] | [None, Some(only)] if only + 1 == add => Some(Join { add, norms }),
            _ => None,
        }
    };
    stages.iter().enumerate().filter_map(join).collect()
}

impl Join {
    /// Makes the stages that it is of do it.
    pub(in crate::gpu) fn take(self, kinds: &mut [Kind], needs: &mut [Needs]) {
        kinds[self.add] = Kind::Join(self);
        for index in self.norms.into_iter().flatten() {
            if let Kind::BatchNorm(norm) = &mut kinds[index] {
                norm.join = Some(self);
            }
            needs[index].absent = true;
        }
        needs[self.add].until = self.norms.into_iter().flatten().min();
    }

    pub(super) fn forward(self, run: &mut Emit<'_>, at: At<'_>) {
        let scaled = |run: &Emit<'_>, index: usize| {
            let at = run.program.at(index);
            let Kind::BatchNorm(norm) = &run.program.kinds[index] else {
                unreachable!("a join of normalizations")
            };
            let vectors = norm.vectors(run, at);
            (run.input(at, 0), [vectors.scale, vectors.shift])
        };
        let part = |run: &Emit<'_>, i: usize| match self.norms[i] {
            Some(index) => {
                let (view, affine) = scaled(run, index);
                Addend { view, affine: Some(affine) }
            }
            None => Addend { view: run.input(at, i), affine: None },
        };
        // The first factor is scaled; the second may be.
        let order = if self.norms[0].is_some() { [0, 1] } else { [1, 0] };
        let [first, second] = order.map(|i| part(run, i));
        let Some([scale, shift]) = first.affine else { return };
        let (out, relu) = (run.output(at), at.stage.relu);
        run.list.affine(&Affine { input: first.view, scale, shift, addend: Some(second), relu, out });
    }

    /// The gradient that reaches normalization `index`, and what is to be passed on after it: from where, to where.
    pub(super) fn gradient(self, run: &Emit<'_>, index: usize) -> (Gradient, Option<(View, View)>) {
        let at = run.program.at(self.add);
        let (dy, output) = (run.output_gradient(at), at.stage.relu.then(|| run.output(at)));
        let join = |masked: View| Gradient::Join { first: dy, second: None, output, masked };
        let other = match self.norms {
            // The later one masks for both.
            [Some(a), Some(b)] if index < a.max(b) || output.is_none() => return (Gradient::Plain(dy), None),
            [Some(_), Some(_)] => return (join(dy), None),
            [None, _] => 0,
            [_, None] => 1,
        };
        let back = run.plan.backward.iter().find(|back| back.stage == self.add);
        let write = back.and_then(|back| back.inputs[other].as_ref());
        let target = write.map(|write| (run.input_gradient(at, other), write.accumulate));
        match target {
            Some((target, false)) if output.is_some() => (join(target), None),
            _ => {
                let own = if output.is_some() { join(dy) } else { Gradient::Plain(dy) };
                (own, target.map(|(target, _)| (dy, target)))
            }
        }
    }

    /// Whether what is passed on is added to what is there.
    pub(super) fn adds(self, run: &Emit<'_>) -> bool {
        let back = run.plan.backward.iter().find(|back| back.stage == self.add);
        let writes = back.into_iter().flat_map(|back| back.inputs.iter().zip(self.norms));
        writes.filter(|(_, norm)| norm.is_none()).flat_map(|(write, _)| write).any(|write| write.accumulate)
    }
}
