use convnet::data::Sampling;
use convnet::train::{LossKind, RecipePatch};

use super::given;
use crate::args::number;
use crate::error::Failure;

/// What is learned from an image, and how often from which.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Loss")]
pub(in crate::commands::train) struct Loss {
    /// What answers are compared by [default: cross-entropy; bce where images have several classes]
    #[arg(long, value_name = "NAME", value_parser = LossKind::NAMES)]
    loss: Option<String>,

    /// Share of each image that belongs to all classes alike, such as 0.1
    #[arg(long, value_name = "X", value_parser = number)]
    label_smoothing: Option<f64>,

    /// How much each class counts: `balanced` (rare ones more), or a number for each, in their order
    #[arg(long, value_name = "balanced|X,X,…", value_parser = class_weights)]
    class_weights: Option<ClassWeights>,

    /// How much what is classified well counts less in the focal loss [default: 2]
    #[arg(long, value_name = "GAMMA", value_parser = number)]
    focal_gamma: Option<f64>,

    /// How much auxiliary outputs count [default: as the network says, 0.3 for GoogLeNet's]
    #[arg(long, value_name = "X", value_parser = number)]
    aux_weight: Option<f64>,

    /// Show each class as often as any other: images of rare classes several times an epoch
    #[arg(long)]
    balanced: bool,

    /// Learn from another network too: a run, or a file of its weights
    #[arg(long, value_name = "RUN|MODEL")]
    teacher: Option<String>,

    /// How much the teacher's answers count; the labels count the rest [default: 0.5]
    #[arg(long, value_name = "X", value_parser = number)]
    teacher_weight: Option<f64>,

    /// What both networks' logits are divided by before they are compared [default: 4]
    #[arg(long, value_name = "T", value_parser = number)]
    temperature: Option<f64>,
}

/// As a recipe has them.
#[derive(Clone, Debug)]
enum ClassWeights {
    Balanced,
    Each(Vec<f64>),
}

fn class_weights(text: &str) -> Result<ClassWeights, String> {
    if text == "balanced" {
        return Ok(ClassWeights::Balanced);
    }
    let each = text.split(',').map(|part| part.trim().parse::<f64>()).collect::<Result<_, _>>();
    each.map(ClassWeights::Each).map_err(|_| "expected `balanced`, or numbers such as 1,2.5,1".to_owned())
}

impl Loss {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "loss.kind", self.loss.as_ref())?;
        given(patch, "loss.label_smoothing", self.label_smoothing)?;
        match &self.class_weights {
            Some(ClassWeights::Balanced) => given(patch, "loss.class_weights", Some("balanced"))?,
            Some(ClassWeights::Each(each)) => given(patch, "loss.class_weights", Some(each))?,
            None => {}
        }
        given(patch, "loss.gamma", self.focal_gamma)?;
        given(patch, "loss.aux_weight", self.aux_weight)?;
        given(patch, "loss.sampling", self.balanced.then_some(Sampling::Balanced))?;
        given(patch, "loss.teacher.model", self.teacher.as_ref())?;
        given(patch, "loss.teacher.alpha", self.teacher_weight)?;
        given(patch, "loss.teacher.temperature", self.temperature)
    }
}
