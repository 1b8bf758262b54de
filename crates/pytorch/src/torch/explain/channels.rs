//! Channels that do not fit the weights of a convolution or a normalization.

use crate::interp::{Interp, Result, Thrown};
use crate::torch::TapeId;
use crate::torch::dims::told;

impl Interp {
    /// Checks the channels that arrive at a convolution.
    ///
    /// # Errors
    /// PyTorch's RuntimeError, with the argument that is wrong.
    pub(in crate::torch) fn conv_channels(
        &mut self,
        input: TapeId,
        weight: &[usize],
        groups: usize,
    ) -> Result<()> {
        let channels = self.tape.step(input).dims[1];
        let (out, per_group) = (weight[0], weight[1]);
        if groups == 0 {
            return Err(self.shape_error("non-positive groups is not supported", input).teach(|t| {
                t.helps.push("set groups to 1 or more".to_owned());
            }));
        }
        let expected = per_group.saturating_mul(groups);
        if channels == expected && out.is_multiple_of(groups) {
            return Ok(());
        }
        let (shown, weights) = (self.told(input), told(weight, None));
        if !out.is_multiple_of(groups) {
            let text = format!(
                "Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size \
                 {weights} instead"
            );
            return Err(self.shape_error(&text, input));
        }
        let text = format!(
            "Given groups={groups}, weight of size {weights}, expected input{shown} to have {expected} channels, but got \
             {channels} channels instead"
        );
        let argument = self.layer_argument("in_channels");
        let made = self.layer_made();
        let error = self.shape_error(&text, input);
        let last_is_channels = self.tape.step(input).dims[3] == expected;
        let is_leaf = self.tape.leaf(input) == Some(input);
        Err(error.teach(|t| {
            let what = if channels == 1 {
                "1 channel arrives".to_owned()
            } else {
                format!("{channels} channels arrive")
            };
            t.label = Some(format!("{what} here: {shown}"));
            if let Some(argument) = argument {
                t.labels.retain(|(span, _)| Some(*span) != made);
                t.labels.push((argument, format!("it is made for {expected}")));
            }
            t.notes.push(format!("dimension 1 of {shown} is the channels: {channels} ≠ {expected}"));
            if last_is_channels {
                t.helps.push(
                    "PyTorch's images are [N, C, H, W], channels first: `x.permute(0, 3, 1, 2)`".to_owned(),
                );
            }
            t.helps.push(format!("make the layer for what arrives: `in_channels={channels}`"));
            if is_leaf {
                let plural = if expected == 1 { "" } else { "s" };
                t.helps.push(format!("or give images of {expected} channel{plural}"));
            } else {
                t.helps.push(format!("or let the layer before give {expected}: `out_channels={expected}`"));
            }
        }))
    }

    /// The error for statistics or weights of another number of channels than arrive.
    pub(in crate::torch) fn norm_channels(
        &mut self,
        input: TapeId,
        name: &str,
        dims: &[usize],
    ) -> Box<Thrown> {
        let found = dims.iter().product::<usize>();
        let channels = self.tape.step(input).dims[1];
        let first = if name.starts_with("running") { name } else { "running_mean" };
        let text = format!("{first} should contain {channels} elements not {found}");
        let argument = self.layer_argument("num_features");
        let (made, layer) = (self.layer_made(), self.layer_name());
        let shown = self.told(input);
        self.shape_error(&text, input).teach(|t| {
            t.label = Some(format!("{channels} channels arrive here: {shown}"));
            if let Some(argument) = argument {
                t.labels.retain(|(span, _)| Some(*span) != made);
                t.labels.push((argument, format!("it is made for {found}")));
            }
            let layer = layer.unwrap_or_else(|| "batch_norm".to_owned());
            t.notes.push(format!("{layer} keeps a mean and a variance for each channel: {channels} ≠ {found}"));
            t.helps.push(format!("make it for what arrives: `num_features={channels}`"));
            t.helps.push(
                "it goes behind the convolution whose out_channels it is made for; before it, it takes in_channels"
                    .to_owned(),
            );
        })
    }
}
