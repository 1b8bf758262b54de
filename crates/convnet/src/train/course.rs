//! The steps of a run, epoch by epoch: what every rank of it does.

use super::steps::{Learned, Steps};
use super::supply::{Supplied, Supply};
use super::{Recipe, TrainError, joint, sizes};
use crate::data::{Dataset, Pass, Preprocess};
use crate::exec;
use crate::graph::Graph;

/// A network, the images that it learns from, and how.
pub(super) struct Course<'a> {
    pub(super) net: &'a Graph,
    /// The same for smaller images, while the training images are smaller.
    pub(super) sized: Option<Graph>,
    pub(super) images: Dataset,
    pub(super) recipe: Recipe,
    pub(super) options: exec::Options,
    /// How images become input at the network's own size.
    pub(super) preprocess: Preprocess,
    pub(super) steps: Steps,
}

impl Course<'_> {
    /// Begins an epoch, counted from 0, or goes on with it.
    pub(super) fn begin(&mut self, epoch: usize) -> Result<(), TrainError> {
        self.steps.refreeze(&self.recipe.freeze.frozen(self.net, epoch)?)?;
        self.fit_images(epoch)
    }

    /// The batches of the epoch begun, from a step on.
    pub(super) fn batches(&mut self, epoch: usize, step: usize) -> Result<Supply, TrainError> {
        let recipe = &self.recipe;
        let pass = Pass {
            shuffle: true,
            sampling: recipe.loss.sampling,
            seed: recipe.seed,
            epoch,
            start: step * recipe.regularize.batches(),
            share: joint::share(self.steps.joint.as_ref()),
            ..Pass::in_order(recipe.batch)
        };
        let preprocess = self.sized_preprocess()?;
        self.steps.supply(&self.images, (&preprocess, &recipe.augment), pass)
    }

    /// One update by the next batches; `None` where none is left.
    pub(super) fn update(
        &mut self,
        batches: &mut impl Iterator<Item = Result<Supplied, TrainError>>,
        rate: f32,
    ) -> Result<Option<Learned>, TrainError> {
        let net = self.sized.as_ref().unwrap_or(self.net);
        self.steps.update(net, batches, rate)
    }

    /// Moves weights, optimizer and average to the network for the epoch's images, where it is another.
    fn fit_images(&mut self, epoch: usize) -> Result<(), TrainError> {
        let sized = sizes::at_epoch(self.net, &self.recipe, epoch)?;
        let input = |sized: &Option<Graph>| sized.as_ref().unwrap_or(self.net).input_size();
        if input(&sized) == input(&self.sized) {
            return Ok(());
        }
        let net = sized.as_ref().unwrap_or(self.net);
        let (weights, images) = (self.steps.training.state_dict(), self.images.len());
        let joint = self.steps.joint.as_ref();
        let training = sizes::training(net, (&weights, epoch), &self.recipe, (images, joint), &self.options)?;
        self.steps.move_to(training)?;
        self.sized = sized;
        Ok(())
    }

    /// How training images become input.
    fn sized_preprocess(&self) -> Result<Preprocess, TrainError> {
        let Some(net) = &self.sized else { return Ok(self.preprocess.clone()) };
        let [_, rows, columns] = net.input_size();
        self.preprocess.for_size(net.input_size()).ok_or_else(|| {
            let found = format!("{}: images of {rows}x{columns} pixels", self.recipe.progressive.from);
            TrainError::setting("progressive.from", found, "a size that images can be brought to")
        })
    }
}
