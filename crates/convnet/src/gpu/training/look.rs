//! Looking inside: passes of which values and gradients are seen.

use convnet_gpu::View;

use super::{Task, Training};
use crate::gpu::images::Images;
use crate::gpu::planes::{pixels, planes};
use crate::graph::NodeId;
use crate::options::ReluGradient;
use crate::plan::{CompileError, Region};
use crate::state::Tensor;

impl Training {
    /// The forward pass of `n` images, and what the first output gives, N·C·H·W.
    pub(in crate::gpu) fn look(&mut self, images: &[f32], n: usize) -> Result<Vec<f32>, CompileError> {
        self.forget();
        self.send(Images::Host(images), None, 0.0)?;
        self.replay(Task::Forward { track: false }, n)?;
        let Some(loss) = self.blueprint.losses.first() else { return Ok(Vec::new()) };
        let region = self.plan().region(loss.value, loss.shape, n);
        Ok(planes(&self.values_of(region)?, region, n))
    }

    /// The backward pass from a gradient of the first output, N·C·H·W, of the images that were looked at last.
    pub(in crate::gpu) fn look_back(
        &mut self,
        of_output: &[f32],
        n: usize,
        relu: ReluGradient,
    ) -> Result<(), CompileError> {
        let losses = &self.blueprint.losses;
        if let Some(loss) = losses.first() {
            let staged = self.blueprint.program.staged(&self.blueprint.places, (0, losses), n);
            self.card.write(staged.at, &pixels(of_output, loss.shape.channels(), n))?;
        }
        self.replay(Task::Backward(relu), n)
    }

    /// What was seen of the watched layers in the last pass: values, or gradients.
    pub(in crate::gpu) fn looked(&self, n: usize) -> Result<Vec<Tensor>, CompileError> {
        let program = &self.blueprint.program;
        let tensor = |(place, id): (usize, &NodeId)| {
            let View { at, pixels, channels, .. } = program.seen(&self.blueprint.places, place, n);
            let region = Region { offset: 0, pixels, channels, stride: channels };
            let data = planes(&self.card.read(at, pixels * channels)?, region, n);
            Ok(Tensor { shape: self.plan().graph.node(*id).shape.with_batch(n), data })
        };
        program.watched.iter().enumerate().map(tensor).collect()
    }
}
