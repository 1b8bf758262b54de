//! A convolution of few channels and the maxima of its windows, in one pass each way.

use convnet_gpu::{Bytes, View};

use super::Kind;
use crate::gpu::emit::{At, Emit};
use crate::plan::{Draft, Mode, Needs};

/// A MaxPool2d over windows of 2 × 2 pixels of a convolution's output, which nobody writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) struct Pooled {
    /// Their stages.
    conv: usize,
    pool: usize,
    /// Whether the convolution ends with a ReLU.
    relu: bool,
}

/// Those whose convolution nobody else reads.
pub(in crate::gpu) fn pooled(draft: &Draft, kinds: &[Kind]) -> Vec<Pooled> {
    if draft.mode == Mode::Trace {
        return Vec::new();
    }
    let pair = |(pool, kind): (usize, &Kind)| {
        let stage = &draft.stages()[pool];
        let halves = matches!(kind, Kind::MaxPool(pool) if pool.halves()) && !stage.relu;
        let conv = draft.writer(stage.inputs[0]).filter(|_| halves)?;
        let plain = matches!(&kinds[conv], Kind::Conv(conv) if conv.takes_maxima);
        let alone = draft.sole_reader(stage.inputs[0]) == Some(pool);
        (plain && alone).then_some(Pooled { conv, pool, relu: draft.stages()[conv].relu })
    };
    kinds.iter().enumerate().filter(|(_, kind)| matches!(kind, Kind::MaxPool(_))).filter_map(pair).collect()
}

impl Pooled {
    /// Makes the stages that it is of do it.
    pub(in crate::gpu) fn take(self, kinds: &mut [Kind], needs: &mut [Needs]) {
        if let Kind::Conv(conv) = &mut kinds[self.conv] {
            conv.pooled = Some(self);
        }
        if let Kind::MaxPool(pool) = &mut kinds[self.pool] {
            pool.pooled = Some(self);
        }
        // Codes tell where gradients pass, so that neither output is read again.
        let [conv, pool] = [needs[self.conv], needs[self.pool]];
        needs[self.conv] = Needs { absent: true, late: Some(self.pool), reads_output: false, ..conv };
        let until = Some(self.conv);
        needs[self.pool] =
            Needs { reads_inputs: false, reads_output: false, reaches_all: true, until, ..pool };
    }

    /// Whether the maxima end with a ReLU.
    pub(super) fn rectifies(self) -> bool {
        self.relu
    }

    pub(super) fn forward(self, run: &mut Emit<'_>, codes: Option<Bytes>) {
        let program = run.program;
        let out = run.output(program.at(self.pool));
        if let Kind::Conv(conv) = &program.kinds[self.conv] {
            conv.forward_maxima(run, program.at(self.conv), (out, codes));
        }
    }

    /// The gradient of the maxima, and the codes that tell where it goes.
    pub(super) fn gradient(self, run: &Emit<'_>) -> (View, Option<Bytes>) {
        let at: At<'_> = run.program.at(self.pool);
        let gradient = run.output_gradient(at);
        let codes = match &run.program.kinds[self.pool] {
            Kind::MaxPool(pool) => pool.codes(run, gradient),
            _ => unreachable!("the maxima of a pool"),
        };
        (gradient, codes)
    }
}
