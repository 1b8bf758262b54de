use convnet::train::{Initialization, RecipePatch, Unfreeze};

use super::given;
use crate::args::{number, whole};
use crate::error::Failure;

/// What stays as it is, and what training does to the network.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Network")]
pub(in crate::commands::train) struct Network {
    /// Leave parameters as they are, by patterns of their names or by the names of layers: `features.*`, `layer1`
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    freeze: Vec<String>,

    /// Leave all layers before LAYER as they are
    #[arg(long, value_name = "LAYER")]
    freeze_until: Option<String>,

    /// Let frozen parameters learn from the start of an epoch on
    #[arg(long, value_name = "EPOCH=PATTERN", value_parser = unfreeze)]
    unfreeze: Vec<Unfreeze>,

    /// Train only the last layer for the first N epochs
    #[arg(long, value_name = "N", value_parser = whole)]
    head_first: Option<u64>,

    /// Let frozen normalizations go on with the statistics of each batch
    #[arg(long)]
    live_norms: bool,

    /// Probability of every dropout layer
    #[arg(long, value_name = "P", value_parser = number)]
    dropout: Option<f64>,

    /// Probability with which an image leaves out the last residual branch, growing from block to block
    #[arg(long, value_name = "P", value_parser = number)]
    stochastic_depth: Option<f64>,

    /// How weights are drawn [default: as the network says]
    #[arg(long, value_name = "RULE", value_parser = Initialization::NAMES)]
    init: Option<String>,

    /// Let every residual branch start as nothing: its last normalization starts at 0
    #[arg(long)]
    zero_init_residual: bool,

    /// Under mpirun: let batch normalizations take mean and variance of the whole batch, not of each process's part
    #[arg(long)]
    sync_batch_norm: bool,
}

/// `3=layer4.*`.
fn unfreeze(text: &str) -> Result<Unfreeze, String> {
    let wrong = || format!("`{text}` is not EPOCH=PATTERN, such as 3=layer4");
    let (epoch, patterns) = text.split_once('=').ok_or_else(wrong)?;
    let epoch = epoch.trim().parse().map_err(|_| wrong())?;
    let matching: Vec<String> = patterns.split(',').map(|pattern| pattern.trim().to_owned()).collect();
    if matching.iter().any(String::is_empty) {
        return Err(wrong());
    }
    Ok(Unfreeze { epoch, matching })
}

impl Network {
    /// Whether something was said of what is frozen.
    pub(super) fn freezes(&self) -> bool {
        let Self { freeze, freeze_until, unfreeze, head_first, .. } = self;
        !freeze.is_empty() || freeze_until.is_some() || !unfreeze.is_empty() || head_first.is_some()
    }

    pub(super) fn set(&self, patch: &mut RecipePatch) -> Result<(), Failure> {
        let some = |given: bool| given.then_some(());
        given(patch, "freeze.match", some(!self.freeze.is_empty()).map(|()| &self.freeze))?;
        given(patch, "freeze.until", self.freeze_until.as_ref())?;
        given(patch, "freeze.unfreeze", some(!self.unfreeze.is_empty()).map(|()| &self.unfreeze))?;
        given(patch, "freeze.head_epochs", self.head_first)?;
        given(patch, "freeze.keep_norms", self.live_norms.then_some(false))?;
        given(patch, "network.dropout", self.dropout)?;
        given(patch, "network.stochastic_depth", self.stochastic_depth)?;
        given(patch, "network.init", self.init.as_ref())?;
        given(patch, "network.zero_init_residual", self.zero_init_residual.then_some(true))?;
        given(patch, "network.sync_batch_norm", self.sync_batch_norm.then_some(true))
    }
}
