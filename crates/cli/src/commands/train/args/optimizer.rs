use clap::builder::{PossibleValue, PossibleValuesParser};
use convnet::train::{self, NamedGroup, RecipePatch};

use super::given;
use crate::args::number;
use crate::error::Failure;

/// The update rule, and which parameters it updates how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Optimizer")]
pub(in crate::commands::train) struct Optimizer {
    /// Update rule, with its usual settings and learning rate
    #[arg(long, value_name = "NAME", value_parser = names())]
    optimizer: Option<String>,

    /// What is kept of the last update [default: the rule's]
    #[arg(long, value_name = "X", value_parser = number)]
    momentum: Option<f64>,

    /// Nesterov's momentum: the gradient is looked up ahead
    #[arg(long)]
    nesterov: bool,

    /// What of the gradient is left out of the momentum
    #[arg(long, value_name = "X", value_parser = number)]
    dampening: Option<f64>,

    /// Pull of the weights towards 0 [default: the rule's]
    #[arg(long, value_name = "X", value_parser = number)]
    weight_decay: Option<f64>,

    /// Decays of the gradient's mean and of its square's, of Adam and its kin
    #[arg(long, value_name = "A,B", value_parser = betas)]
    betas: Option<(f64, f64)>,

    /// What is added to the root that divides a step
    #[arg(long, value_name = "X", value_parser = number)]
    eps: Option<f64>,

    /// Leave biases and normalizations without weight decay
    #[arg(long)]
    no_decay_norms: bool,

    /// Multiply the learning rate by X for each layer from the last one down
    #[arg(long, value_name = "X", value_parser = number)]
    layer_decay: Option<f64>,

    /// Multiply the learning rate of the parameters that a pattern fits (`features.*=0.1`); may be given several times, the
    /// last that fits counts
    #[arg(long, value_name = "PATTERN=X", value_parser = group)]
    lr_group: Vec<NamedGroup>,
}

impl Optimizer {
    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "optimizer", self.optimizer.as_deref().and_then(train::Optimizer::named))?;
        given(patch, "optimizer.momentum", self.momentum)?;
        given(patch, "optimizer.nesterov", self.nesterov.then_some(true))?;
        given(patch, "optimizer.dampening", self.dampening)?;
        given(patch, "optimizer.weight_decay", self.weight_decay)?;
        given(patch, "optimizer.beta1", self.betas.map(|betas| betas.0))?;
        given(patch, "optimizer.beta2", self.betas.map(|betas| betas.1))?;
        given(patch, "optimizer.eps", self.eps)?;
        given(patch, "parameters.no_decay", self.no_decay_norms.then_some(true))?;
        given(patch, "parameters.layer_decay", self.layer_decay)?;
        given(patch, "parameters.group", (!self.lr_group.is_empty()).then_some(&self.lr_group))
    }
}

/// The rules, with what each is and the rate that it brings.
fn names() -> PossibleValuesParser {
    let value = |entry: train::OptimizerEntry| {
        PossibleValue::new(entry.name).help(format!("{} [lr {}]", entry.summary, entry.usual_lr))
    };
    train::Optimizer::entries().into_iter().map(value).collect::<Vec<_>>().into()
}

fn betas(text: &str) -> Result<(f64, f64), String> {
    let expected = "expected two numbers, as in 0.9,0.999";
    let (a, b) = text.split_once(',').ok_or(expected)?;
    Ok((number(a.trim())?, number(b.trim())?))
}

fn group(text: &str) -> Result<NamedGroup, String> {
    let expected = "expected a pattern of names and a number, as in features.*=0.1";
    let (pattern, factor) = text.rsplit_once('=').ok_or(expected)?;
    let lr = Some(number(factor.trim())? as f32);
    Ok(NamedGroup { pattern: pattern.trim().to_owned(), lr, weight_decay: None })
}
