//! The networks of a run whose training images grow: the same parameters for inputs of several sizes.

use super::{Recipe, TrainError, joint};
use crate::exec::{Options, TrainingStep};
use crate::graph::Graph;
use crate::ranks::Joint;
use crate::state::StateDict;

/// A network at work, from some weights, on so many training images, of which other ranks may have their parts, as it is in
/// an epoch, from 0.
pub(super) fn training(
    net: &Graph,
    (weights, epoch): (&StateDict, usize),
    recipe: &Recipe,
    (images, joint): (usize, Option<&Joint>),
    options: &Options,
) -> Result<TrainingStep, TrainError> {
    let batch = recipe.batch;
    let (share, ranks) = (joint::share(joint), joint.map_or(1, Joint::size));
    let synced = joint.is_some_and(Joint::syncs_batch_norm);
    let weight = recipe.loss.aux_weight;
    let other = weight.and_then(|weight| net.with_auxiliary_weight(weight as f32));
    let net = recipe.network.trained(other.as_ref().unwrap_or(net))?;
    let frozen = recipe.freeze.frozen(&net, epoch)?;
    let optimizer = (recipe.optimizer, recipe.seed);
    let training =
        TrainingStep::compile_frozen(&net, (weights, &frozen), share.most(batch), optimizer, options)?;
    let steps = images.div_ceil(recipe.step_images()) as u64;
    // Of a batch a normalization sees all, or the part of the rank that has the fewest.
    let check = |images: usize| match synced && images > 1 {
        true => Ok(()),
        false => training.check_images((images / ranks).max(1)),
    };
    check(images.min(batch))?;
    // The last batch of an epoch may be a smaller one.
    if images > batch
        && !images.is_multiple_of(batch)
        && recipe.limit_steps.is_none_or(|limit| limit >= steps)
    {
        check(images % batch)?;
    }
    Ok(training)
}

/// The network for the images of an epoch, counted from 0; `None` where these have its own size.
pub(super) fn at_epoch(net: &Graph, recipe: &Recipe, epoch: usize) -> Result<Option<Graph>, TrainError> {
    let [channels, height, width] = net.input_size();
    let [rows, columns] = recipe.progressive.size(epoch, recipe.epochs, [height, width]);
    if [rows, columns] == [height, width] {
        return Ok(None);
    }
    sized(net, recipe, [channels, rows, columns]).map(Some)
}

impl Recipe {
    /// Refuses networks that have other parameters, or none, for a size that training images will have.
    ///
    /// # Errors
    /// The first parameter that would have another shape, or the layer that does not fit.
    pub fn check_sizes(&self, net: &Graph) -> Result<(), TrainError> {
        let [channels, height, width] = net.input_size();
        for [rows, columns] in self.progressive.sizes(self.epochs, [height, width]) {
            if [rows, columns] == [height, width] {
                continue;
            }
            if self.loss.teacher.is_some() {
                let expected = "1 beside `loss.teacher`, which takes images of one size";
                return Err(TrainError::setting("progressive.from", self.progressive.from, expected));
            }
            sized(net, self, [channels, rows, columns])?;
        }
        Ok(())
    }
}

/// The network for a size of images.
fn sized(net: &Graph, recipe: &Recipe, input: [usize; 3]) -> Result<Graph, TrainError> {
    let [_, rows, columns] = input;
    let fail = |why: String| {
        let found =
            format!("{}, by which images have {rows}x{columns} pixels: {why}", recipe.progressive.from);
        let expected = "a larger part, or a network with the same parameters at every size: one with a global or adaptive \
                        pooling before its linear layers";
        TrainError::setting("progressive.from", found, expected)
    };
    let graph = net
        .with_input(input)
        .map_err(|error| fail(format!("they do not fit layer `{}` ({})", error.path, error.op)))?;
    let (full, small) = (net.parameters(), graph.parameters());
    let differing = full.iter().zip(&small).find(|(full, small)| full.shape != small.shape);
    match differing {
        Some((full, small)) => Err(fail(format!(
            "`{}` has the shape {:?} then, and {:?} at the full size",
            full.name, small.shape, full.shape
        ))),
        None => Ok(graph),
    }
}
