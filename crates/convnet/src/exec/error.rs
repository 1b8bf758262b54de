//! Why a compiled network cannot take what it is given.

use thiserror::Error;

use crate::ranks::RanksError;

/// Images, targets or groups that a compiled network cannot take.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum RunError {
    /// Not a whole number of images, none, or more than the network was compiled for.
    #[error(
        "{floats} floats are not 1 to {batch} images of {image} floats; give whole images, at most {batch} at a time"
    )]
    Images {
        /// Floats given.
        floats: usize,
        /// Floats of one image.
        image: usize,
        /// The compiled batch.
        batch: usize,
    },
    /// Not a target, or a weight, for each image.
    #[error("found {found} {what}, expected {expected}")]
    Count {
        /// `labels`, `shares of classes`, `weights of samples`, `weights of classes`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A label that is not a class.
    #[error("label {label} of image {image} is not a class, expected 0 to {}", classes - 1)]
    Label {
        /// The label.
        label: u32,
        /// The image's index in the batch.
        image: usize,
        /// The network's classes.
        classes: usize,
    },
    /// A share or a weight that is negative or not finite.
    #[error("{what}: number {index} is {found}, expected a finite number from 0")]
    Value {
        /// `shares of classes`, `weights of samples`.
        what: &'static str,
        /// Its index.
        index: usize,
        /// Its value.
        found: f32,
    },
    /// Several ranks whose batch normalizations take statistics of the whole batch, on GPUs.
    #[error(
        "batch normalizations take the statistics of all ranks' images on the CPU alone; let each rank take its own, or \
         leave the GPU out"
    )]
    SyncedGpu,
    /// Images that this device does not have.
    #[error(
        "images that are not where the training is: sent to another GPU, or of a set that none keeps; give the images \
         themselves"
    )]
    ImagesElsewhere,
    /// Another rank does not answer.
    #[error(transparent)]
    Ranks(#[from] RanksError),
    /// A setting of the loss that is out of its range.
    #[error("the {what} of the loss is {found}, expected {expected}")]
    Setting {
        /// `label smoothing`, `focal gamma`.
        what: &'static str,
        /// Its value.
        found: f32,
        /// What would do.
        expected: &'static str,
    },
    /// A teacher whose logits nothing can be learned from.
    #[error(
        "the teacher's logits of image {image} are not finite ({found}); its weights are damaged, or the image is not what it was trained on"
    )]
    TeacherLogit {
        /// The image's index in the batch.
        image: usize,
        /// The first such logit.
        found: f32,
    },
    /// A batch normalization that sees one value a channel.
    #[error(
        "node `{path}` (BatchNorm2d) has one value per channel to take a mean of, which leaves nothing to learn from: train on at \
         least 2 images at a time, the last ones of an epoch included, or on larger images"
    )]
    OneValue {
        /// The layer.
        path: String,
    },
    /// A parameter that the network does not have.
    #[error("the network has no trainable parameter `{name}`")]
    Parameter {
        /// The name.
        name: String,
    },
    /// A parameter that is frozen, and so has no gradient.
    #[error("the parameter `{name}` is frozen and has no gradient; compile the step without freezing it")]
    Frozen {
        /// The name.
        name: String,
    },
    /// Parameter groups of another network.
    #[error("the parameter groups are those of another network; make them from this one's parameters")]
    Groups,
    /// A layer whose output is not kept.
    #[error("the output of `{path}` is not kept; compile with `Engine::compile_traced`")]
    NotKept {
        /// The layer.
        path: String,
    },
    /// More memory than the system gives.
    #[error(transparent)]
    Memory(#[from] crate::plan::CompileError),
}
