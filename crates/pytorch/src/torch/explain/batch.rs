//! Images of a batch that are mixed by a view.

use crate::interp::{Interp, Result, Thrown};
use crate::torch::dims::product;
use crate::torch::{TapeId, What};

impl Interp {
    /// Checks that what arrives at a layer has a row for each image of the network's batch.
    ///
    /// # Errors
    /// RuntimeError at the view that mixed them.
    pub(in crate::torch) fn check_batch(&mut self, input: TapeId) -> Result<()> {
        let Some(batch) = self.tape.batch(input) else { return Ok(()) };
        if self.tape.step(input).dims.first() == Some(&batch) {
            return Ok(());
        }
        match self.first_mixed(input) {
            Some(view) => Err(self.mixed(view, None)),
            None => Ok(()),
        }
    }

    /// The view or the permutation behind which the first dimension is no longer the batch.
    pub(in crate::torch) fn first_mixed(&self, input: TapeId) -> Option<TapeId> {
        let batch = self.tape.batch(input)?;
        let mut id = input;
        loop {
            let step = self.tape.step(id);
            let before = *step.inputs.first()?;
            if self.tape.step(before).dims.first() == Some(&batch) {
                return matches!(step.what, What::Reshape | What::Permute(_)).then_some(id);
            }
            id = before;
        }
    }

    /// The error for a view that mixes images.
    pub(in crate::torch) fn mixed(&mut self, view: TapeId, text: Option<(String, usize)>) -> Box<Thrown> {
        let step = self.tape.step(view).clone();
        let is_moved = matches!(step.what, What::Permute(_));
        let before = step.inputs.first().copied().unwrap_or(view);
        let (from, to) = (self.told(before), self.told(view));
        let image = self.tape.step(before).dims.get(1..).unwrap_or_default().to_vec();
        let values: usize = image.iter().product();
        let site = step.sites.first().copied();
        let here = self.site();
        let (text, wanted) = match text {
            Some((text, wanted)) => (text, Some(wanted)),
            None => (format!("a view mixes the images of the batch: {from} becomes {to}"), None),
        };
        self.raise("RuntimeError", &text).teach(|t| {
            t.code = "shape";
            t.label = Some(format!("{to} arrives here"));
            if let Some(site) = site {
                if site == here {
                    t.label = Some(format!("{from} becomes {to}"));
                } else {
                    let what = if is_moved {
                        "the batch is no longer in front"
                    } else {
                        "images of the batch are mixed"
                    };
                    t.labels.push((site, format!("{from} becomes {to} here: {what}")));
                }
            }
            if is_moved {
                t.label = Some("what arrives here has lost its batch".to_owned());
                t.helps
                    .push("keep the batch in front: dimension 0 comes first, `x.permute(0, …)`".to_owned());
                return;
            }
            t.notes.push(format!("each image has {} = {values} values", product(&image)));
            t.helps.push(
                "keep the batch in front: `x.view(x.size(0), -1)`, or `torch.flatten(x, 1)`".to_owned(),
            );
            if wanted.is_some_and(|wanted| wanted != values) || wanted.is_none() {
                t.helps.push(format!("a Linear behind it then takes `in_features={values}`"));
            }
        })
    }
}
