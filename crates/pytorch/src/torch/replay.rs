//! The tape again with another size of input: what its steps would give.

use convnet::graph::Shape;
use convnet::ops::Op;

use super::dims::{elements, shape_of};
use super::{Parameter, Step, Tape, TapeId, What};

/// Sizes of images that networks are made for.
const COMMON: [usize; 11] = [28, 32, 64, 96, 112, 128, 224, 227, 256, 299, 384];
/// Up to which size of a square image is searched.
const LARGEST: usize = 512;

impl Tape {
    /// The dimensions that the values of `wanted` would have if those of the leaf `input` were `dims`.
    ///
    /// What a script computes from sizes is taken as it was: this is for hints.
    ///
    /// # Errors
    /// The first step that would not be possible.
    pub(crate) fn replay(
        &self,
        input: TapeId,
        dims: &[usize],
        wanted: &[TapeId],
    ) -> Result<Vec<Vec<usize>>, TapeId> {
        let Some(last) = wanted.iter().map(|id| id.0).max() else { return Ok(Vec::new()) };
        let needed = self.behind(wanted);
        let mut found: Vec<Option<Vec<usize>>> = vec![None; last as usize + 1];
        for at in 0..=last {
            let id = TapeId(at);
            if !needed[at as usize] {
                continue;
            }
            let step = self.step(id);
            let inputs: Vec<&[usize]> =
                step.inputs.iter().map(|i| found[i.0 as usize].as_deref().unwrap_or_default()).collect();
            let out = if id == input { Some(dims.to_vec()) } else { self.infer(step, &inputs) };
            found[at as usize] = Some(out.ok_or(id)?);
        }
        Ok(wanted.iter().map(|id| found[id.0 as usize].clone().unwrap_or_default()).collect())
    }

    /// Sizes of square images at the leaf `input` for which `fits` holds of the dimensions of `wanted`: the common ones,
    /// or else the least.
    pub(crate) fn fitting_sizes(
        &self,
        input: TapeId,
        wanted: &[TapeId],
        fits: impl Fn(&[Vec<usize>]) -> bool,
    ) -> Vec<usize> {
        let [batch, channels, height, width] = *self.step(input).dims else { return Vec::new() };
        let is_fit = |size: &usize| {
            (*size, *size) != (height, width)
                && self.replay(input, &[batch, channels, *size, *size], wanted).is_ok_and(|dims| fits(&dims))
        };
        let common: Vec<usize> = COMMON.into_iter().filter(is_fit).collect();
        if common.is_empty() { (1..=LARGEST).find(is_fit).into_iter().collect() } else { common }
    }

    /// Which steps are computed for `wanted`.
    fn behind(&self, wanted: &[TapeId]) -> Vec<bool> {
        let last = wanted.iter().map(|id| id.0 as usize).max().unwrap_or(0);
        let mut needed = vec![false; last + 1];
        for id in wanted {
            needed[id.0 as usize] = true;
        }
        for at in (0..=last).rev() {
            if needed[at] {
                for input in &self.steps[at].inputs {
                    needed[input.0 as usize] = true;
                }
            }
        }
        needed
    }

    /// What a step would give for inputs of other dimensions.
    fn infer(&self, step: &Step, inputs: &[&[usize]]) -> Option<Vec<usize>> {
        let input = inputs.first().copied();
        let before = step.inputs.first().map(|&id| self.step(id).dims.as_slice());
        let out = match &step.what {
            What::Leaf(_) => step.dims.clone(),
            What::Layer(op) => infer_layer(op, &step.parameters, inputs)?,
            What::Last(op) => {
                let &[n, height, width, channels] = input? else { return None };
                let is_as_wide =
                    |name: &str, dims: &[usize]| name != "weight" || dims.last() == Some(&channels);
                let mut parameters = step.parameters.iter();
                if !parameters.all(|(name, parameter)| is_as_wide(name, &parameter.dims.borrow())) {
                    return None;
                }
                let out = op.infer(&[Shape::map(channels, height, width)]).ok()?;
                vec![n, height, width, out.channels()]
            }
            What::Reshape => regroup(before?, &step.dims, input?)?,
            What::Permute(order) => order.iter().map(|&i| input?.get(i).copied()).collect::<Option<_>>()?,
            &What::Narrow { dim, start, step: by } => {
                let (input, before) = (input?, before?);
                let mut out = input.to_vec();
                let (now, then, count) = (*input.get(dim)?, *before.get(dim)?, *step.dims.get(dim)?);
                let is_open = start + by * count >= then;
                out[dim] = if now == then || !is_open {
                    count
                } else {
                    now.checked_sub(start).filter(|&n| n > 0)?.div_ceil(by)
                };
                if start + by * (out[dim] - 1) >= now {
                    return None;
                }
                out
            }
            What::Mean { dims, keep } => reduced(input?, dims, *keep),
            What::Scale { .. } => input?.to_vec(),
            What::Missing(_) if inputs.is_empty() => step.dims.clone(),
            What::Missing(_) => {
                let (input, before) = (input?, before?);
                if step.dims == before {
                    input.to_vec()
                } else if input == before {
                    step.dims.clone()
                } else {
                    return None;
                }
            }
        };
        elements(&out)?;
        Some(out)
    }
}

/// What a layer gives for inputs of these dimensions; `None` where it refuses them, or its parameters do not fit.
pub(crate) fn infer_layer(
    op: &Op,
    parameters: &[(&'static str, std::rc::Rc<Parameter>)],
    inputs: &[&[usize]],
) -> Option<Vec<usize>> {
    let shapes: Vec<_> = inputs.iter().map(|dims| shape_of(dims)).collect::<Option<_>>()?;
    let output = op.infer(&shapes).ok()?;
    for spec in op.parameters(*shapes.first()?) {
        let given = parameters.iter().find(|(name, _)| *name == spec.name);
        if given.is_some_and(|(_, parameter)| *parameter.dims.borrow() != spec.shape) {
            return None;
        }
    }
    Some(output.with_batch(*inputs.first()?.first()?))
}

/// Dimensions without those that are reduced.
pub(crate) fn reduced(dims: &[usize], over: &[usize], keep: bool) -> Vec<usize> {
    let all = over.is_empty();
    dims.iter()
        .enumerate()
        .filter_map(|(i, &d)| match all || over.contains(&i) {
            true if keep => Some(1),
            true => None,
            false => Some(d),
        })
        .collect()
}

/// What a view of `from` as `to` gives for other dimensions `now`: groups of dimensions with one product stay groups,
/// and the size of a group goes to the one dimension that it has, or to its last.
fn regroup(from: &[usize], to: &[usize], now: &[usize]) -> Option<Vec<usize>> {
    if from.len() != now.len() {
        return None;
    }
    let mut out = Vec::with_capacity(to.len());
    let (mut i, mut j) = (0, 0);
    while i < from.len() || j < to.len() {
        let (first_in, first_out) = (i, j);
        let (mut a, mut b) = (1usize, 1usize);
        loop {
            if a == b && (i, j) != (first_in, first_out) && i > first_in && j > first_out {
                break;
            }
            if a <= b && i < from.len() && (a < b || i == first_in) {
                a *= from[i];
                i += 1;
            } else if j < to.len() {
                b *= to[j];
                j += 1;
            } else if i < from.len() {
                a *= from[i];
                i += 1;
            } else {
                break;
            }
        }
        if a != b {
            return None;
        }
        while from.get(i) == Some(&1) && to.get(j) != Some(&1) {
            i += 1;
        }
        while to.get(j) == Some(&1) && from.get(i) != Some(&1) {
            j += 1;
        }
        let (old, new) = (&from[first_in..i], &now[first_in..i]);
        let outs = &to[first_out..j];
        if old == new {
            out.extend(outs);
        } else if let [_] = outs {
            out.push(new.iter().product());
        } else {
            let (kept, last) = outs.split_at(outs.len().checked_sub(1)?);
            let kept_size: usize = kept.iter().product();
            let size: usize = new.iter().product();
            if last.is_empty() || kept_size == 0 || !size.is_multiple_of(kept_size) {
                return None;
            }
            out.extend(kept);
            out.push(size / kept_size);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use convnet::ops::{Conv2d, Linear, MaxPool2d};

    use super::*;
    use crate::torch::Leaf;

    fn step(what: What, inputs: &[TapeId], dims: &[usize]) -> Step {
        Step {
            what,
            inputs: inputs.to_vec(),
            dims: dims.to_vec(),
            parameters: Vec::new(),
            frame: None,
            sites: [].into(),
            is_training: false,
        }
    }

    /// LeNet up to the flattened map.
    fn lenet(size: usize) -> (Tape, TapeId, TapeId) {
        let mut tape = Tape::default();
        let input = tape.push(step(What::Leaf(Leaf::Input), &[], &[2, 1, size, size]));
        let mut last = input;
        for op in [
            Op::from(Conv2d::new(6, 5)),
            MaxPool2d::new(2).into(),
            Conv2d::new(16, 5).into(),
            MaxPool2d::new(2).into(),
        ] {
            let dims = infer_layer(&op, &[], &[&tape.step(last).dims.clone()]).unwrap();
            last = tape.push(step(What::Layer(op), &[last], &dims));
        }
        let flat = vec![2, tape.step(last).dims[1..].iter().product()];
        last = tape.push(step(What::Reshape, &[last], &flat));
        (tape, input, last)
    }

    #[test]
    fn another_input_size_is_followed_to_the_end() {
        let (tape, input, last) = lenet(28);
        assert_eq!(tape.step(last).dims, [2, 256]);
        assert_eq!(tape.replay(input, &[2, 1, 32, 32], &[last]), Ok(vec![vec![2, 400]]));
        assert_eq!(tape.replay(input, &[2, 1, 8, 8], &[last]), Err(TapeId(3)));
        assert_eq!(tape.fitting_sizes(input, &[last], |dims| dims[0][1] == 400), [32]);
        assert_eq!(tape.fitting_sizes(input, &[last], |dims| dims[0][1] == 16 * 81), [48]);
        assert_eq!(tape.fitting_sizes(input, &[last], |dims| dims[0][1] == 17), [] as [usize; 0]);
    }

    #[test]
    fn parameters_must_fit() {
        let weight = Parameter::new(vec![10, 400], false, None);
        let op = Op::from(Linear::new(10).no_bias());
        let parameters = [("weight", weight)];
        assert_eq!(infer_layer(&op, &parameters, &[&[2, 400]]), Some(vec![2, 10]));
        assert_eq!(infer_layer(&op, &parameters, &[&[2, 401]]), None);
    }

    #[test]
    fn views_keep_their_groups() {
        assert_eq!(regroup(&[2, 16, 5, 5], &[2, 400], &[2, 16, 4, 4]), Some(vec![2, 256]));
        assert_eq!(regroup(&[2, 12, 8, 8], &[2, 3, 4, 8, 8], &[2, 12, 7, 7]), Some(vec![2, 3, 4, 7, 7]));
        assert_eq!(regroup(&[2, 12, 1, 1], &[2, 12], &[2, 12, 1, 1]), Some(vec![2, 12]));
        assert_eq!(regroup(&[2, 12, 1, 1], &[2, 12], &[2, 12, 2, 2]), Some(vec![2, 48]));
        assert_eq!(regroup(&[2, 12], &[2, 12, 1, 1], &[2, 13]), None);
        assert_eq!(regroup(&[2, 3, 4], &[2, 3, 4], &[2, 5, 7]), Some(vec![2, 5, 7]));
    }
}
