//! Transposed convolutions whose windows lie side by side: each pixel becomes a block, by itself.

use super::call::{Call, Known};
use super::importer::Importer;
use crate::ops::{Conv2d, PixelShuffle};

impl Importer<'_> {
    /// A convolution of 1×1 that gives the pixels of a block as channels, and these as pixels.
    pub(super) fn transposed_convolution(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.input(call, 0)?;
        let weight = call.needed(1, "weight")?.clone();
        let &[inputs, outputs, height, width] = &weight.shape[..] else {
            return Err(format!("its weight has shape {:?}, expected (C, O/groups, kH, kW)", weight.shape));
        };
        let usual = |name: &str, usual: i64| -> Result<bool, String> {
            Ok(call.ints(name)?.is_none_or(|values| values.iter().all(|&value| value == usual)))
        };
        let side = height as i64;
        let blocks = height == width && call.ints("strides")? == Some(&[side, side]);
        let plain = call.int("group", 1)? == 1
            && usual("pads", 0)?
            && usual("output_padding", 0)?
            && usual("dilations", 1)?
            && call.ints("output_shape")?.is_none()
            && matches!(call.text("auto_pad")?, None | Some("NOTSET" | "VALID"));
        if !blocks || !plain {
            let reason = "a transposed convolution in groups, with padding, or whose windows overlap or have gaps between \
                          them, expected a square kernel and steps as long";
            return Err(reason.into());
        }
        let of_block = height * width;
        let channels = outputs.checked_mul(of_block).ok_or("its weight is too large")?;
        let mut weights = vec![weight.permuted(&[1, 2, 3, 0]).reshaped(&[channels, inputs, 1, 1])];
        if let Some(bias) = call.weight(2, "bias")?.filter(|bias| !bias.is_zero()) {
            if bias.shape != [outputs] {
                return Err(format!("its bias has shape {:?}, expected [{outputs}]", bias.shape));
            }
            let spread = self.spread(bias, of_block)?;
            self.spend(spread.own_bytes())?;
            weights.push(spread);
        }
        let conv = Conv2d { bias: weights.len() > 1, ..Conv2d::new(channels, 1) };
        let path = self.path(call);
        let layer = self.draft.push(conv, &[value.layer], path, weights)?;
        self.push(call, PixelShuffle::new(height), &[layer], Vec::new())
    }
}
