//! Views that have another number of elements.

use super::sizes_text;
use crate::interp::{Interp, Thrown};
use crate::torch::TapeId;
use crate::torch::dims::{product, told_first};

impl Interp {
    /// The error for a view of dimensions that do not fit.
    pub(in crate::torch) fn bad_view(&mut self, shape: &[i64], input: TapeId) -> Box<Thrown> {
        let dims = self.tape.step(input).dims.clone();
        let batch = self.tape.batch(input);
        let all: usize = dims.iter().product();
        let shown: Vec<String> = shape.iter().map(ToString::to_string).collect();
        let text =
            format!("shape '[{}]' is invalid for input of size {}", shown.join(", "), told_first(all, batch));
        let image = dims.get(1..).unwrap_or_default().to_vec();
        let values: usize = image.iter().product();
        let wanted = match *shape {
            [_, features] if features > 0 => Some(features as usize),
            _ => None,
        };
        let sizes = match (wanted, self.tape.leaf(input)) {
            (Some(wanted), Some(leaf)) if wanted != values => {
                self.tape
                    .fitting_sizes(leaf, &[input], |dims| dims[0][1..].iter().product::<usize>() == wanted)
            }
            _ => Vec::new(),
        };
        self.shape_error(&text, input).teach(|t| {
            if dims.len() > 1 {
                let arithmetic = if image.len() > 1 { format!("{} = ", product(&image)) } else { String::new() };
                let differs = wanted.filter(|&w| w != values).map_or(String::new(), |w| format!(", not {w}"));
                t.notes.push(format!("each image has {arithmetic}{values} values{differs}"));
            }
            if let (Some(&rows), Some(wanted)) = (shape.first(), wanted)
                && wanted == values
            {
                t.helps.push(format!(
                    "a batch has not always {rows} images: keep its size, `x.view(x.size(0), -1)` or `torch.flatten(x, 1)`"
                ));
            } else if let Some(wanted) = wanted {
                t.helps.push(format!(
                    "keep the batch in front: `x.view(x.size(0), -1)` or `torch.flatten(x, 1)`, and make the Linear \
                     behind it for {values}: `in_features={values}`"
                ));
                if !sizes.is_empty() {
                    t.helps.push(format!(
                        "or give images of {}: then each has {wanted} values",
                        sizes_text(&sizes)
                    ));
                }
            } else {
                t.helps.push("the product of the sizes must stay the same; one of them may be -1".to_owned());
            }
        })
    }
}
