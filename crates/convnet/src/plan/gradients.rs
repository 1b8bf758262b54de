//! The backward pass: which gradients are written, added or zeroed first.

use std::ops::Range;

use super::lower::{Kernel, Stage};
use super::needs::Needs;
use super::storage::{Slot, Storage};
use crate::graph::NodeId;

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

/// Which channels of each buffer's gradient are written already: ranges in their order, with gaps between them.
struct Written(Vec<Vec<Range<usize>>>);

impl Written {
    /// Plans a write of a value's gradient.
    fn write(&mut self, slot: Slot) -> GradientWrite {
        let missing = self.missing(slot);
        let nothing = matches!(missing[..], [run] if run == slot);
        GradientWrite { accumulate: !nothing, fill: if nothing { Vec::new() } else { missing } }
    }

    /// The runs of a slot's channels that nobody wrote; they count as written from now on.
    fn missing(&mut self, slot: Slot) -> Vec<Slot> {
        let Slot { buffer, channel, channels } = slot;
        let past = channel + channels;
        let written = std::mem::take(&mut self.0[buffer]);
        let (mut runs, mut next) = (Vec::new(), channel);
        let mut all = channel..past;
        for range in written {
            if range.end < channel || past < range.start {
                self.0[buffer].push(range);
                continue;
            }
            let end = range.start.min(past);
            if next < end {
                runs.push(Slot { buffer, channel: next, channels: end - next });
            }
            next = next.max(range.end);
            all = all.start.min(range.start)..all.end.max(range.end);
        }
        if next < past {
            runs.push(Slot { buffer, channel: next, channels: past - next });
        }
        let place = self.0[buffer].partition_point(|range| range.start < all.start);
        self.0[buffer].insert(place, all);
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
    let mut written = Written(vec![Vec::new(); storage.buffers.len()]);
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

/// Whether a stage's input lies in its place in the output of a concatenation already.
fn is_placed(storage: &Storage, stage: &Stage, input: usize) -> bool {
    stage.kernel == Kernel::Concat && storage.copies(stage.out).iter().all(|&(copied, _)| copied != input)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_missing_is_what_a_flag_for_each_channel_says(
            slots in prop::collection::vec((0usize..24, 1usize..9, any::<bool>()), 1..12),
        ) {
            let (mut written, mut flags) = (Written(vec![Vec::new()]), [false; 32]);
            for (channel, channels, planned) in slots {
                let slot = Slot { buffer: 0, channel, channels };
                let before = flags;
                flags[channel..channel + channels].fill(true);
                let runs = if planned {
                    let write = written.write(slot);
                    prop_assert_eq!(write.accumulate, before[channel..channel + channels].contains(&true));
                    if !write.accumulate {
                        prop_assert!(write.fill.is_empty());
                        continue;
                    }
                    write.fill
                } else {
                    written.missing(slot)
                };
                let mut filled = before;
                for run in &runs {
                    prop_assert!(!before[run.channel..run.channel + run.channels].contains(&true));
                    filled[run.channel..run.channel + run.channels].fill(true);
                }
                prop_assert_eq!(filled, flags);
                prop_assert!(runs.windows(2).all(|pair| pair[0].channel + pair[0].channels < pair[1].channel));
            }
        }
    }
}
