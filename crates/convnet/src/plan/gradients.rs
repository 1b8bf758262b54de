//! The backward pass: which gradients are written, added or zeroed first.

use super::lower::{Kernel, Stage};
use super::needs::Needs;
use super::storage::{Slot, Storage};
use crate::graph::{Graph, NodeId};

/// The backward pass of one stage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BackwardStage {
    /// Index of the stage.
    pub(crate) stage: usize,
    /// Channels of the output's gradient that nobody wrote, zeroed first.
    pub(crate) fill: Vec<Slot>,
    /// How the gradient of each input is written; `None` where it is not wanted.
    pub(crate) inputs: Vec<Option<GradientWrite>>,
}

/// How a gradient is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GradientWrite {
    /// Added to what is there, or put in its place.
    pub(crate) accumulate: bool,
    /// Parts that nobody wrote yet, zeroed first, when other parts are there already.
    pub(crate) fill: Vec<Slot>,
}

/// Which channels of each buffer's gradient are written already.
struct Written(Vec<Vec<bool>>);

impl Written {
    /// Plans a write of a value's gradient.
    fn write(&mut self, slot: Slot) -> GradientWrite {
        let accumulate = self.0[slot.buffer][slot.channel..][..slot.channels].iter().any(|&w| w);
        let fill = if accumulate { self.missing(slot) } else { Vec::new() };
        self.0[slot.buffer][slot.channel..][..slot.channels].fill(true);
        GradientWrite { accumulate, fill }
    }

    /// The runs of a slot's channels that nobody wrote; they count as written from now on.
    fn missing(&mut self, slot: Slot) -> Vec<Slot> {
        let written = &mut self.0[slot.buffer];
        let mut runs: Vec<Slot> = Vec::new();
        for channel in slot.channel..slot.channel + slot.channels {
            if !std::mem::replace(&mut written[channel], true) {
                match runs.last_mut() {
                    Some(run) if run.channel + run.channels == channel => run.channels += 1,
                    _ => runs.push(Slot { buffer: slot.buffer, channel, channels: 1 }),
                }
            }
        }
        runs
    }
}

/// How the loss writes the gradient of each of `outputs`, and the backward pass of the stages.
pub(super) fn plan(
    storage: &Storage,
    stages: &[Stage],
    wanted: &[bool],
    needs: &[Needs],
    outputs: &[NodeId],
) -> (Vec<GradientWrite>, Vec<BackwardStage>) {
    let mut written = Written(storage.buffers.iter().map(|b| vec![false; b.channels]).collect());
    let losses = outputs.iter().map(|&value| written.write(storage.slot(value))).collect();
    let mut backward = Vec::new();
    for (index, (stage, needs)) in stages.iter().zip(needs).enumerate().rev() {
        if !wanted[stage.out.index()] {
            continue;
        }
        let fill = written.missing(storage.slot(stage.out));
        let write = |(i, value): (usize, &NodeId)| {
            if !wanted[value.index()] || is_placed(storage, stage, i) {
                return None;
            }
            let slot = storage.slot(*value);
            let mut write = written.write(slot);
            if !needs.reaches_all && !write.accumulate {
                write = GradientWrite { accumulate: true, fill: vec![slot] };
            }
            Some(write)
        };
        let inputs = stage.inputs.iter().enumerate().map(write).collect();
        backward.push(BackwardStage { stage: index, fill, inputs });
    }
    (losses, backward)
}

/// Which values depend on a parameter, so that their gradient is wanted.
pub(super) fn wanted(graph: &Graph, stages: &[Stage]) -> Vec<bool> {
    let mut wanted = vec![false; graph.nodes().len()];
    for stage in stages {
        let own = graph.node_parameters(stage.node).iter().any(|spec| spec.kind.trainable());
        wanted[stage.out.index()] = own || stage.inputs.iter().any(|i| wanted[i.index()]);
    }
    wanted
}

/// Whether a stage's input lies in its place in the output of a concatenation already.
fn is_placed(storage: &Storage, stage: &Stage, input: usize) -> bool {
    stage.kernel == Kernel::Concat && storage.copies(stage.out).iter().all(|&(copied, _)| copied != input)
}
