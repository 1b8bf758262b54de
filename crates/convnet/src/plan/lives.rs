//! When each buffer of a plan is needed.

use super::gradients::BackwardStage;
use super::lifetime::Lifetime;
use super::lower::Stage;
use super::needs::Needs;
use super::storage::{Slot, Storage};
use crate::graph::NodeId;

/// The stages and their storage.
pub(super) struct Scene<'a> {
    pub(super) storage: &'a Storage,
    pub(super) stages: &'a [Stage],
    pub(super) workspaces: &'a [Option<Slot>],
    pub(super) needs: &'a [Needs],
}

/// The first and the last moment at which each buffer is touched.
struct Lives(Vec<Option<(usize, usize)>>);

impl Lives {
    fn touch(&mut self, buffer: usize, time: usize) {
        let life = &mut self.0[buffer];
        *life = Some(life.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }
}

impl Scene<'_> {
    fn buffer(&self, value: NodeId) -> usize {
        self.storage.slot(value).buffer
    }

    /// Whether nobody writes a value.
    fn is_absent(&self, value: NodeId) -> bool {
        let mut stages = self.stages.iter().zip(self.needs);
        stages.any(|(stage, needs)| needs.absent && stage.out == value)
    }

    /// The forward pass: stage i at time i.
    fn forward(&self, lives: &mut Lives) {
        for (index, (stage, workspace)) in self.stages.iter().zip(self.workspaces).enumerate() {
            let time = self.needs[index].late.unwrap_or(index);
            let values = stage.reads().chain([stage.out]);
            for value in values.filter(|&value| !self.is_absent(value)) {
                lives.touch(self.buffer(value), time);
            }
            if let Some(slot) = workspace {
                lives.touch(slot.buffer, time);
            }
        }
    }

    /// Lifetimes with the sizes of `batch` images; a buffer that is never touched (the gradient of the images) takes
    /// no room.
    fn lifetimes(&self, lives: &Lives, batch: usize) -> Option<Vec<Lifetime>> {
        let buffers = self.storage.buffers.iter().cycle();
        let lifetime = |(life, buffer): (&Option<(usize, usize)>, &super::storage::Buffer)| match *life {
            None => Some(Lifetime { size: 0, first: 0, last: 0 }),
            Some((first, last)) => Some(Lifetime { size: buffer.floats().checked_mul(batch)?, first, last }),
        };
        lives.0.iter().zip(buffers).map(lifetime).collect()
    }
}

/// When inference needs each buffer, in stages; `outputs` are read after the last.
pub(super) fn inference(scene: &Scene<'_>, outputs: &[NodeId], batch: usize) -> Option<Vec<Lifetime>> {
    let mut lives = Lives(vec![None; scene.storage.buffers.len()]);
    scene.forward(&mut lives);
    outputs.iter().for_each(|&value| lives.touch(scene.buffer(value), scene.stages.len()));
    scene.lifetimes(&lives, batch)
}

/// When training needs each buffer, and then the gradient of each: forward stage i at time i, the loss after the last,
/// then the backward pass.
pub(super) fn training(
    scene: &Scene<'_>,
    outputs: &[NodeId],
    backward: &[BackwardStage],
    batch: usize,
) -> Option<Vec<Lifetime>> {
    let gradients = scene.storage.buffers.len();
    let mut lives = Lives(vec![None; 2 * gradients]);
    scene.forward(&mut lives);
    let loss = scene.stages.len();
    for &value in outputs {
        lives.touch(scene.buffer(value), loss);
        lives.touch(gradients + scene.buffer(value), loss);
    }
    for (i, back) in backward.iter().enumerate() {
        let (time, stage, needs) = (loss + 1 + i, &scene.stages[back.stage], scene.needs[back.stage]);
        if !needs.absent {
            lives.touch(gradients + scene.buffer(stage.out), time);
        }
        for (late, needs) in scene.stages.iter().zip(scene.needs).filter(|(_, n)| n.until == Some(back.stage))
        {
            lives.touch(gradients + scene.buffer(late.out), time);
            if needs.reads_output {
                lives.touch(scene.buffer(late.out), time);
            }
        }
        for (&input, write) in stage.inputs.iter().zip(&back.inputs) {
            if write.is_some() && !scene.is_absent(input) {
                lives.touch(gradients + scene.buffer(input), time);
            }
            if needs.reads_inputs {
                lives.touch(scene.buffer(input), time);
            }
        }
        if needs.reads_output {
            lives.touch(scene.buffer(stage.out), time);
        }
        if let Some(slot) = scene.workspaces[back.stage].filter(|_| needs.reads_workspace) {
            lives.touch(slot.buffer, time);
        }
    }
    scene.lifetimes(&lives, batch)
}
