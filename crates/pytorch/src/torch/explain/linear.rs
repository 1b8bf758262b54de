//! Features that do not fit a Linear.

use super::sizes_text;
use crate::interp::{Interp, Thrown};
use crate::torch::dims::{product, told_first};
use crate::torch::{TapeId, What};

impl Interp {
    /// The error for a last dimension that the weight of a Linear is not made for.
    pub(in crate::torch) fn linear_features(
        &mut self,
        input: TapeId,
        out_features: usize,
        in_features: usize,
    ) -> Box<Thrown> {
        let dims = self.tape.step(input).dims.clone();
        let found = dims.last().copied().unwrap_or(1);
        let batch = self.tape.batch(input);
        let rows: usize = dims[..dims.len().saturating_sub(1)].iter().product();
        let rows = told_first(rows, batch);
        let whole = told_first(found, batch);
        let arrives = if dims.len() == 1 { format!("1x{whole}") } else { format!("{rows}x{found}") };
        let text =
            format!("mat1 and mat2 shapes cannot be multiplied ({arrives} and {in_features}x{out_features})");
        let argument = self.layer_argument("in_features");
        let made = self.layer_made();
        let name = self.layer_name().unwrap_or_else(|| "linear".to_owned());
        let told = self.told(input);
        let (map, flat) =
            (self.map_behind(input), dims.get(1..).unwrap_or_default().iter().product::<usize>());
        let is_map = dims.len() > 2;
        let sizes = self.sizes_for_features(input, in_features, is_map);
        let is_mixed = batch.is_some_and(|batch| dims.first() != Some(&batch)) && dims.len() <= 2;
        if is_mixed && let Some(view) = self.first_mixed(input) {
            return self.mixed(view, Some((text, in_features)));
        }
        self.shape_error(&text, input).teach(|t| {
            let what = if is_map { "a map arrives".to_owned() } else { format!("{found} features arrive") };
            t.label = Some(format!("{what} here: {told}"));
            if let Some(argument) = argument {
                t.labels.retain(|(span, _)| Some(*span) != made);
                t.labels.push((argument, format!("it is made for {in_features}")));
            }
            if is_map {
                t.notes.push(format!(
                    "{name} multiplies the last dimension, which is {found} here, with its weight"
                ));
                t.notes
                    .push(format!("flattened, an image has C·H·W = {} = {flat} values", product(&dims[1..])));
                t.helps.push(
                    "flatten before it: `x = torch.flatten(x, 1)`, or nn.Flatten() in a Sequential"
                        .to_owned(),
                );
                if flat != in_features {
                    t.helps.push(format!("and make the layer for what arrives then: `in_features={flat}`"));
                }
            } else {
                match &map {
                    Some(map) => {
                        t.notes.push(format!("flattened C·H·W = {} = {found} ≠ {in_features}", product(map)));
                    }
                    None => t.notes.push(format!("{found} ≠ {in_features}")),
                }
                t.helps.push(format!("make the layer for what arrives: `in_features={found}`"));
            }
            if !sizes.is_empty() {
                t.helps.push(format!(
                    "or give images of {}: then {in_features} features arrive",
                    sizes_text(&sizes)
                ));
            }
            if let Some(map) = if is_map { Some(dims[1..].to_vec()) } else { map }
                && let [channels, height, width] = *map
                && let Some(side) = pooled(channels, in_features)
                && (side, side) != (height, width)
            {
                t.helps.push(format!(
                    "or pool to {channels}·{side}·{side} = {in_features} before flattening: \
                     `nn.AdaptiveAvgPool2d(({side}, {side}))`"
                ));
            }
        })
    }

    /// The dimensions of the map of one image that was flattened to what arrives.
    fn map_behind(&self, input: TapeId) -> Option<Vec<usize>> {
        let mut id = input;
        loop {
            let step = self.tape.step(id);
            if step.dims.len() == 4 {
                return Some(step.dims[1..].to_vec());
            }
            let keeps = match &step.what {
                What::Reshape => true,
                What::Layer(_) | What::Last(_) | What::Missing(_) | What::Scale { .. } => {
                    step.inputs.first().is_some_and(|&i| self.tape.step(i).dims == step.dims)
                }
                _ => false,
            };
            if !keeps {
                return None;
            }
            id = *step.inputs.first()?;
        }
    }

    /// Sizes of images for which as many features would arrive as the layer is made for.
    fn sizes_for_features(&self, input: TapeId, in_features: usize, is_map: bool) -> Vec<usize> {
        let Some(leaf) = self.tape.leaf(input) else { return Vec::new() };
        let current = &self.tape.step(input).dims;
        if is_map && current[1..].iter().product::<usize>() == in_features {
            return Vec::new();
        }
        self.tape.fitting_sizes(leaf, &[input], |dims| match &dims[0][..] {
            [_, features] => *features == in_features,
            [_, rest @ ..] => is_map && rest.iter().product::<usize>() == in_features,
            [] => false,
        })
    }
}

/// The side of a square map of so many channels with so many values.
fn pooled(channels: usize, features: usize) -> Option<usize> {
    if channels == 0 || !features.is_multiple_of(channels) {
        return None;
    }
    let pixels = features / channels;
    let side = pixels.isqrt();
    (side > 0 && side * side == pixels).then_some(side)
}

#[cfg(test)]
mod tests {
    use super::pooled;

    #[test]
    fn square_maps_are_found() {
        assert_eq!(pooled(256, 9216), Some(6));
        assert_eq!(pooled(256, 512), None);
        assert_eq!(pooled(3, 10), None);
        assert_eq!(pooled(0, 10), None);
    }
}
