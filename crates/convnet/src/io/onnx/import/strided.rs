//! What PyTorch's `as_strided` is exported as: all images' elements in one row, and a Gather of them by places that count the
//! images.

use super::call::{Call, Known, axis};
use super::constant::{Constant, WHOLE};
use super::fold::{broadcast, combined};
use super::importer::Importer;
use super::views::View;

/// Whole numbers of image n: `step`·n + `offsets`, the first of whose axes stands for the images and has one element.
#[derive(Clone, Debug)]
pub(super) struct Places {
    step: i64,
    shape: Vec<usize>,
    offsets: Vec<i64>,
}

impl Places {
    /// Each number times a factor.
    fn times(&self, factor: i64) -> Result<Self, String> {
        let offsets = self.offsets.iter().map(|x| x.checked_mul(factor)).collect::<Option<_>>();
        let (step, offsets) = self.step.checked_mul(factor).zip(offsets).ok_or("of numbers too large")?;
        Ok(Self { step, shape: self.shape.clone(), offsets })
    }

    /// Whole numbers added to those of each image.
    fn plus(&self, shape: &[usize], values: &[i64]) -> Result<Self, String> {
        if shape.len() > self.shape.len() || (shape.len() == self.shape.len() && shape[0] != 1) {
            return Err(format!("of numbers of each image and numbers of shape {shape:?}"));
        }
        let sum = broadcast(&self.shape, shape)?;
        if sum
            .iter()
            .try_fold(1usize, |count, &size| count.checked_mul(size))
            .is_none_or(|count| count > WHOLE)
        {
            return Err(format!("of numbers of shape {sum:?}, expected at most {WHOLE}"));
        }
        let add = |a: i64, b: i64| a.checked_add(b).ok_or_else(|| "of numbers too large".to_owned());
        let offsets = combined((&self.offsets, &self.shape), (values, shape), &sum, add)?;
        Ok(Self { step: self.step, shape: sum, offsets })
    }
}

/// Whole numbers that are all known.
fn whole(call: &Call<'_>, constant: &Constant) -> Result<Vec<i64>, String> {
    let values = constant.integers(call.model)?.into_iter().collect::<Option<_>>();
    values.ok_or_else(|| "of numbers that are not known".into())
}

impl Importer<'_> {
    /// What an operator gives of all images' elements in one row, or of places in it; `None` for any other.
    pub(super) fn strided(&mut self, call: &Call<'_>) -> Result<Option<Known>, String> {
        let known = |i: usize| call.inputs.get(i).and_then(Option::as_ref);
        match (call.op(), known(0), known(1)) {
            ("Range", Some(Known::Constant(start)), Some(Known::Constant(end))) => {
                let is = |constant: &Constant, value: Option<i64>| {
                    constant.is_whole() && constant.integers(call.model).is_ok_and(|values| values == [value])
                };
                let all = is(start, Some(0)) && is(end, None) && is(call.needed(2, "step")?, Some(1));
                Ok(all.then(|| Known::Places(Places { step: 1, shape: vec![1], offsets: vec![0] })))
            }
            ("Reshape", Some(Known::Value(_) | Known::View(_)), Some(Known::Constant(target)))
                if target.integers(call.model)? == [Some(-1)] =>
            {
                // Of one element each, the images stay apart.
                Ok(self.viewed_input(call, 0)?.filter(|view| view.axes.len() > 1).map(Known::Row))
            }
            ("Gather", Some(Known::Row(view)), Some(places)) => {
                axis(call.int("axis", 0)?, 1)?;
                let (view, places) = (view.clone(), self.places(call, places)?);
                self.gathered_row(call, view, &places).map(Some)
            }
            (_, Some(Known::Row(_)), _) | (_, _, Some(Known::Row(_))) => {
                Err("it reads all images' elements in one row, expected the images to stay apart".into())
            }
            ("Identity", Some(Known::Places(places)), _) => Ok(Some(Known::Places(places.clone()))),
            ("Cast", Some(Known::Places(places)), _) if !super::fold::is_real(call)? => {
                Ok(Some(Known::Places(places.clone())))
            }
            ("Unsqueeze", Some(Known::Places(places)), _) => {
                let shape = [&[1], &self.unsqueezed(call, &places.shape[1..])?[..]].concat();
                Ok(Some(Known::Places(Places { shape, ..places.clone() })))
            }
            ("Add" | "Mul", Some(Known::Places(places)), Some(Known::Constant(constant)))
            | ("Add" | "Mul", Some(Known::Constant(constant)), Some(Known::Places(places))) => {
                let values = whole(call, constant)?;
                let places = match (call.op(), &values[..]) {
                    ("Add", _) => places.plus(&constant.shape, &values)?,
                    (_, &[factor]) if constant.shape.len() <= places.shape.len() => places.times(factor)?,
                    _ => return Err(format!("of numbers of each image and {} factors", values.len())),
                };
                Ok(Some(Known::Places(places)))
            }
            (_, Some(Known::Places(_)), _) | (_, _, Some(Known::Places(_))) => {
                Err("of numbers that count the images; a Gather of all images' elements alone reads them"
                    .into())
            }
            _ => Ok(None),
        }
    }

    /// The places that a Gather reads: those that count the images, or for a known number of images a constant's.
    fn places(&self, call: &Call<'_>, known: &Known) -> Result<Places, String> {
        let constant = match known {
            Known::Places(places) => return Ok(places.clone()),
            Known::Constant(constant) => constant,
            _ => return Err("its indices depend on the images".into()),
        };
        let values = whole(call, constant)?;
        let (Some(batch), Some((&images, rest))) = (self.batch, constant.shape.split_first()) else {
            return Err("of all images' elements in one row by numbers that do not count the images".into());
        };
        let count = rest.iter().product::<usize>();
        if images != batch || count == 0 {
            return Err(format!("indices of shape {:?}, expected {batch} images first", constant.shape));
        }
        let step = if batch > 1 { values[count].saturating_sub(values[0]) } else { 0 };
        let even = |(i, &x): (usize, &i64)| {
            i64::try_from(i / count)
                .ok()
                .and_then(|n| n.checked_mul(step))
                .and_then(|at| at.checked_add(values[i % count]))
                == Some(x)
        };
        if !values.iter().enumerate().all(even) {
            return Err("its indices are not those of one image, as far apart for each".into());
        }
        Ok(Places { step, shape: [&[1], rest].concat(), offsets: values[..count].to_vec() })
    }

    /// The same elements of each image, from one row of all images'.
    fn gathered_row(&mut self, call: &Call<'_>, view: View, places: &Places) -> Result<Known, String> {
        let count = view.axes.len();
        let picked: Option<Vec<usize>> =
            places.offsets.iter().map(|&at| usize::try_from(at).ok().filter(|&at| at < count)).collect();
        let one = self.batch == Some(1) || usize::try_from(places.step) == Ok(count);
        let picked = picked.filter(|_| one).ok_or_else(|| {
            format!("it takes elements {} apart of images of {count}, expected each image's own", places.step)
        })?;
        let row = match view.axes.reshaped(&[count]) {
            Some(axes) => View { axes, ..view },
            None => {
                let flat = self.settle_view(&view, &[count])?;
                self.view(call, flat)?
            }
        };
        let in_order = picked.iter().copied().eq(0..count);
        let row = if in_order { row } else { self.picked_along(call, &row, 0, picked)? };
        let target = &places.shape[1..];
        let axes = row.axes.reshaped(target).ok_or_else(|| format!("elements of {target:?}"))?;
        Ok(self.known(View { axes, ..row }))
    }
}
