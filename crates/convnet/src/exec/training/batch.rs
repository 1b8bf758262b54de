//! A batch that was checked.

use convnet_kernels::Comparison;

use super::super::engine::images_in;
use super::super::{Images, RunError, Target};
use super::{Compiled, TrainingStep};
use crate::{cpu, gpu};

/// A batch that was checked, as each device takes it.
pub(super) struct Batch<'a> {
    images: Images<'a>,
    comparison: Comparison<'a>,
    n: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn cpu(self) -> cpu::Batch<'a> {
        let Self { images, comparison, n } = self;
        let images = images.host().expect("images in memory, as they were checked");
        cpu::Batch { images, comparison, n }
    }

    pub(super) fn gpu(self) -> gpu::Batch<'a> {
        let Self { images, comparison, n } = self;
        gpu::Batch { images: images.0, comparison, n }
    }
}

impl TrainingStep {
    /// Images that a step can learn from, and their target, checked.
    pub(super) fn checked<'b>(&self, images: Images<'b>, target: Target<'b>) -> Result<Batch<'b>, RunError> {
        let n = self.count(images)?;
        self.check_images(n)?;
        self.batch_of(images, n, target)
    }

    /// How many images there are: 1 to batch whole ones.
    pub(super) fn count(&self, images: Images<'_>) -> Result<usize, RunError> {
        let has = match &self.compiled {
            Compiled::Cpu(_) => images.host().is_some(),
            Compiled::Gpu(training) => training.has(images.0),
        };
        if !has {
            return Err(RunError::ImagesElsewhere);
        }
        let plan = self.plan_value();
        let image = plan.graph.input_shape().elements();
        images_in(images.floats(image), image, plan.batch)
    }

    /// Images, so many, and their target, checked.
    pub(super) fn batch_of<'b>(
        &self,
        images: Images<'b>,
        n: usize,
        target: Target<'b>,
    ) -> Result<Batch<'b>, RunError> {
        target.check(n, self.classes)?;
        Ok(Batch { images, comparison: target.comparison(), n })
    }
}
