//! The same values in other dimensions: views, permutations, parts.

use std::rc::Rc;

use super::dims::resolve;
use super::given::{Given, int_of};
use super::host;
use super::trace::value;
use super::{Kind, TapeId, Tensor, What};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

/// Functions of `torch`, which are methods too.
pub(super) fn functions() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("flatten", flatten),
        ("unflatten", unflatten),
        ("reshape", |interp, args| view(interp, args, "reshape")),
        ("permute", permute),
        ("transpose", transpose),
        ("swapaxes", transpose),
        ("swapdims", transpose),
        ("t", |interp, args| {
            let mut given = Given::new(interp, args, "t", &["input"], 0)?;
            let tensor = given.tensor(interp, 0)?;
            let rank = interp.dims(&tensor).len();
            interp.permuted(&tensor, (0..rank).rev().collect())
        }),
        ("squeeze", squeeze),
        ("unsqueeze", unsqueeze),
        ("chunk", chunk),
        ("split", split),
        ("unbind", unbind),
        ("narrow", narrow),
    ]
}

/// Methods of tensors alone: dimensions may be given one by one.
pub(super) fn methods() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("view", |interp, args| view(interp, args, "view")),
        ("view_as", view_as),
        ("reshape_as", view_as),
        ("expand", expand),
        ("expand_as", |interp, args| {
            let mut given = Given::new(interp, args, "expand_as", &["self", "other"], 0)?;
            let (tensor, other) = (given.tensor(interp, 0)?, given.tensor(interp, 1)?);
            let wanted = interp.dims(&other).iter().map(|&d| d as i64).collect::<Vec<_>>();
            interp.expanded(&tensor, &wanted)
        }),
        ("repeat", repeat),
    ]
}

/// The receiver, and integers given one by one or as one sequence.
fn with_ints(
    interp: &mut Interp,
    mut args: Args,
    name: &'static str,
    keyword: &str,
) -> Result<(Rc<Tensor>, Vec<i64>)> {
    if let Some(at) = args.keywords.iter().position(|(key, _)| &**key == keyword) {
        let (_, value) = args.keywords.remove(at);
        args.items.push(value);
    }
    if let Some((key, _)) = args.keywords.iter().find(|(key, _)| &**key != "input") {
        let text = format!("{name}() got an unexpected keyword argument '{key}'");
        return Err(interp.raise("TypeError", &text));
    }
    if let Some(at) = args.keywords.iter().position(|(key, _)| &**key == "input") {
        let (_, value) = args.keywords.remove(at);
        args.items.insert(0, value);
    }
    let mut items = args.items.into_iter();
    let first = items.next().unwrap_or(Value::None);
    let rest: Vec<Value> = items.collect();
    let names = &["input", "shape"];
    let ints = match &rest[..] {
        [one] => one.clone(),
        _ => Value::tuple(rest),
    };
    let mut given = Given::new(interp, Args::of(vec![first, ints]), name, names, 0)?;
    let tensor = given.tensor(interp, 0)?;
    let ints = given.ints(interp, 1)?.unwrap_or_default();
    Ok((tensor, ints))
}

fn view(interp: &mut Interp, args: Args, name: &'static str) -> Result {
    // `x.view(torch.float32)` is another type, which is not followed.
    if let (Some(tensor @ Value::Tensor(_)), Some(Value::Instance(dtype))) =
        (args.items.first(), args.items.get(1))
        && &*dtype.class.name == "dtype"
    {
        return Ok(tensor.clone());
    }
    let (tensor, shape) = with_ints(interp, args, name, "shape")?;
    interp.viewed(&tensor, &shape)
}

fn view_as(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "view_as", &["self", "other"], 0)?;
    let (tensor, other) = (given.tensor(interp, 0)?, given.tensor(interp, 1)?);
    let shape: Vec<i64> = interp.dims(&other).iter().map(|&d| d as i64).collect();
    interp.viewed(&tensor, &shape)
}

fn flatten(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "flatten", &["input", "start_dim", "end_dim"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let (start, end) = (given.int(interp, 1, 0)?, given.int(interp, 2, -1)?);
    let dims = interp.dims(&tensor);
    let rank = dims.len().max(1);
    let first = resolve(start, rank);
    let last = resolve(end, rank);
    let (Some(first), Some(last)) = (first, last) else {
        return Err(interp.bad_dim(if first.is_none() { start } else { end }, rank));
    };
    if first > last {
        return Err(
            interp.raise("RuntimeError", "flatten() has invalid args: start_dim cannot come after end_dim")
        );
    }
    if dims.is_empty() {
        return interp.reshaped(&tensor, vec![1]);
    }
    let mut out = dims[..first].to_vec();
    out.push(dims[first..=last].iter().product());
    out.extend(&dims[last + 1..]);
    interp.reshaped(&tensor, out)
}

fn unflatten(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "unflatten", &["input", "dim", "sizes"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let dim = given.int(interp, 1, 0)?;
    let sizes = given.ints(interp, 2)?.unwrap_or_default();
    let dims = interp.dims(&tensor);
    let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
    let Some(sizes) = whole(&sizes, dims[at]) else {
        let shown: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let text = format!(
            "unflatten: Provided sizes [{}] don't multiply up to the size of dim {at} ({}) in the input tensor",
            shown.join(", "),
            dims[at]
        );
        let id = interp.traced(&tensor)?;
        return Err(interp.shape_error(&text, id));
    };
    let out = [&dims[..at], &sizes, &dims[at + 1..]].concat();
    interp.reshaped(&tensor, out)
}

/// Sizes with at most one −1, which takes what is left of `all`.
fn whole(sizes: &[i64], all: usize) -> Option<Vec<usize>> {
    let open = sizes.iter().filter(|&&n| n == -1).count();
    if open > 1 || sizes.iter().any(|&n| n < -1) {
        return None;
    }
    let known = sizes.iter().filter(|&&n| n >= 0).try_fold(1usize, |p, &n| p.checked_mul(n as usize))?;
    let rest = match open {
        0 => (known == all).then_some(0)?,
        _ if known == 0 || !all.is_multiple_of(known) => return None,
        _ => all / known,
    };
    Some(sizes.iter().map(|&n| if n == -1 { rest } else { n as usize }).collect())
}

fn permute(interp: &mut Interp, args: Args) -> Result {
    let (tensor, order) = with_ints(interp, args, "permute", "dims")?;
    let rank = interp.dims(&tensor).len();
    if order.len() != rank {
        let text =
            format!("permute(): the tensor has {rank} dimensions, and the order names {}", order.len());
        let all: Vec<String> = (0..rank).map(|i| i.to_string()).collect();
        return Err(interp.raise("RuntimeError", &text).teach(|t| {
            t.code = "shape";
            t.helps
                .push(format!("each dimension is named once: `permute({})` changes nothing", all.join(", ")));
        }));
    }
    let mut places = Vec::new();
    for dim in order {
        match resolve(dim, rank) {
            Some(at) if places.contains(&at) => {
                return Err(interp.raise("RuntimeError", "permute(): duplicate dims are not allowed."));
            }
            Some(at) => places.push(at),
            None => return Err(interp.bad_dim(dim, rank)),
        }
    }
    interp.permuted(&tensor, places)
}

fn transpose(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "transpose", &["input", "dim0", "dim1"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let (a, b) = (given.int(interp, 1, 0)?, given.int(interp, 2, 1)?);
    let rank = interp.dims(&tensor).len();
    let (Some(x), Some(y)) = (resolve(a, rank), resolve(b, rank)) else {
        return Err(interp.bad_dim(if resolve(a, rank).is_none() { a } else { b }, rank));
    };
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(x, y);
    let transposed = interp.permuted(&tensor, order)?;
    if let Value::Tensor(tensor) = &transposed
        && let Kind::Traced(id) = tensor.kind()
    {
        interp.tape.autograd.names.insert(id, "TransposeBackward0");
    }
    Ok(transposed)
}

fn squeeze(interp: &mut Interp, args: Args) -> Result {
    let (tensor, over) = with_ints(interp, args, "squeeze", "dim")?;
    let dims = interp.dims(&tensor);
    let mut dropped = Vec::new();
    for dim in &over {
        match resolve(*dim, dims.len()) {
            Some(at) => dropped.push(at),
            None => return Err(interp.bad_dim(*dim, dims.len())),
        }
    }
    let batch = match tensor.kind() {
        Kind::Traced(id) => interp.tape.batch(id),
        _ => None,
    };
    let gone = |i: usize, d: usize| d == 1 && (over.is_empty() || dropped.contains(&i));
    let out: Vec<usize> = dims.iter().enumerate().filter(|&(i, &d)| !gone(i, d)).map(|(_, &d)| d).collect();
    let squeezed = interp.reshaped(&tensor, out)?;
    if over.is_empty() && batch.is_some() {
        interp.note(
            interp.site(),
            "squeeze() without a dimension takes the batch's away too when one image is given: squeeze(dim) does not",
        );
    }
    name_step(interp, &squeezed, "SqueezeBackward0");
    Ok(squeezed)
}

fn unsqueeze(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "unsqueeze", &["input", "dim"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let dim = given.int(interp, 1, 0)?;
    let mut dims = interp.dims(&tensor);
    let Some(at) = resolve(dim, dims.len() + 1) else { return Err(interp.bad_dim(dim, dims.len() + 1)) };
    dims.insert(at, 1);
    let unsqueezed = interp.reshaped(&tensor, dims)?;
    name_step(interp, &unsqueezed, "UnsqueezeBackward0");
    Ok(unsqueezed)
}

fn name_step(interp: &mut Interp, value: &Value, name: &'static str) {
    if let Value::Tensor(tensor) = value
        && let Kind::Traced(id) = tensor.kind()
    {
        interp.tape.autograd.names.insert(id, name);
    }
}

fn chunk(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "chunk", &["input", "chunks", "dim"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let (chunks, dim) = (given.int(interp, 1, 1)?, given.int(interp, 2, 0)?);
    let dims = interp.dims(&tensor);
    let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
    if chunks < 1 {
        let text = format!("chunk expects `chunks` to be greater than 0, got: {chunks}");
        return Err(interp.raise("RuntimeError", &text));
    }
    let size = dims[at].div_ceil(chunks as usize).max(1);
    interp.charge(dims[at].div_ceil(size))?;
    interp.parts(&tensor, at, &even(dims[at], size))
}

/// Sizes of equal parts, the last of which may be smaller.
fn even(all: usize, size: usize) -> Vec<usize> {
    if all == 0 {
        return vec![0];
    }
    (0..all.div_ceil(size)).map(|i| size.min(all - i * size)).collect()
}

fn split(interp: &mut Interp, args: Args) -> Result {
    let names = &["input", "split_size_or_sections", "dim"];
    let mut args = args;
    for (key, _) in &mut args.keywords {
        if &**key == "split_size" {
            *key = "split_size_or_sections".into();
        }
    }
    let mut given = Given::new(interp, args, "split", names, 1)?;
    let tensor = given.tensor(interp, 0)?;
    let wanted = given.value(1).unwrap_or(Value::None);
    let dim = given.int(interp, 2, 0)?;
    let dims = interp.dims(&tensor);
    let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
    let sizes = match int_of(&wanted) {
        Some(n) if n > 0 => {
            interp.charge(dims[at].div_ceil(n as usize))?;
            even(dims[at], n as usize)
        }
        Some(n) => {
            let text = format!("split expects split_size be positive, but got split_size={n}");
            return Err(interp.raise("RuntimeError", &text));
        }
        None => {
            let mut sections = Given::new(interp, Args::of(vec![wanted]), "split", &["split_sizes"], 0)?;
            let sizes = sections.ints(interp, 0)?.unwrap_or_default();
            if sizes.iter().any(|&n| n < 0)
                || sizes.iter().map(|&n| i128::from(n)).sum::<i128>() != dims[at] as i128
            {
                let shown: Vec<String> = sizes.iter().map(ToString::to_string).collect();
                let text = format!(
                    "split_with_sizes expects split_sizes to sum exactly to {} (input tensor's size at dimension {at}), \
                     but got split_sizes=[{}]",
                    dims[at],
                    shown.join(", ")
                );
                let id = interp.traced(&tensor)?;
                let sum: i64 = sizes.iter().fold(0i64, |sum, &n| sum.saturating_add(n));
                return Err(interp
                    .shape_error(&text, id)
                    .teach(|t| t.notes.push(format!("{} = {sum} ≠ {}", shown.join(" + "), dims[at]))));
            }
            sizes.iter().map(|&n| n as usize).collect()
        }
    };
    interp.parts(&tensor, at, &sizes)
}

fn unbind(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "unbind", &["input", "dim"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let dim = given.int(interp, 1, 0)?;
    interp.unbound(&tensor, dim)
}

fn narrow(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "narrow", &["input", "dim", "start", "length"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let dim = given.int(interp, 1, 0)?;
    let (start, length) = (given.int(interp, 2, 0)?, given.int(interp, 3, 0)?);
    let dims = interp.dims(&tensor);
    let Some(at) = resolve(dim, dims.len()) else { return Err(interp.bad_dim(dim, dims.len())) };
    let from = if start < 0 { start + dims[at] as i64 } else { start };
    if from < 0 || length < 0 || from.saturating_add(length) > dims[at] as i64 {
        let text = format!("start ({start}) + length ({length}) exceeds dimension size ({}).", dims[at]);
        return Err(interp.raise("RuntimeError", &text));
    }
    interp.narrowed(&tensor, at, from as usize, 1, length as usize)
}

fn expand(interp: &mut Interp, args: Args) -> Result {
    let (tensor, sizes) = with_ints(interp, args, "expand", "size")?;
    interp.expanded(&tensor, &sizes)
}

fn repeat(interp: &mut Interp, args: Args) -> Result {
    let (tensor, times) = with_ints(interp, args, "repeat", "repeats")?;
    let dims = interp.dims(&tensor);
    if times.len() < dims.len() || times.iter().any(|&n| n < 0) {
        let text =
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor";
        return Err(interp.raise("RuntimeError", text));
    }
    let lead = times.len() - dims.len();
    let out: Vec<usize> = times
        .iter()
        .enumerate()
        .map(|(i, &n)| (n as usize).saturating_mul(if i < lead { 1 } else { dims[i - lead] }))
        .collect();
    if out == dims {
        return Ok(Value::Tensor(tensor));
    }
    let id = interp.traced(&tensor)?;
    Ok(value(interp.push(What::Missing("repeat"), &[id], out)?))
}

impl Interp {
    /// A view of given sizes, one of which may be −1.
    pub(super) fn viewed(&mut self, tensor: &Rc<Tensor>, shape: &[i64]) -> Result {
        let all: usize = self.dims(tensor).iter().product();
        if shape.iter().filter(|&&n| n == -1).count() > 1 {
            return Err(self.raise("RuntimeError", "only one dimension can be inferred").teach(|t| {
                t.code = "shape";
                t.helps.push(
                    "keep the batch in front, and let -1 stand for the rest: `x.view(x.size(0), -1)`".into(),
                );
            }));
        }
        if let Some(n) = shape.iter().find(|&&n| n < -1) {
            return Err(self.raise("RuntimeError", &format!("invalid shape dimension {n}")));
        }
        match whole(shape, all) {
            Some(out) => self.reshaped(tensor, out),
            None => {
                let id = self.traced(tensor)?;
                Err(self.bad_view(shape, id))
            }
        }
    }

    /// The same values in dimensions of as many elements.
    pub(super) fn reshaped(&mut self, tensor: &Rc<Tensor>, dims: Vec<usize>) -> Result {
        if let Kind::Host { data, is_integer, .. } = tensor.kind() {
            return Ok(host::tensor(dims, data, is_integer));
        }
        let id = self.traced(tensor)?;
        let told = self.tape.step(id).dims == dims;
        if told {
            return Ok(value(id));
        }
        Ok(value(self.push(What::Reshape, &[id], dims)?))
    }

    /// Dimensions in another order.
    pub(super) fn permuted(&mut self, tensor: &Rc<Tensor>, order: Vec<usize>) -> Result {
        if let Kind::Host { dims, data, is_integer } = tensor.kind() {
            let (dims, data) = host::permuted(&dims, &data, &order);
            return Ok(host::tensor(dims, data.into(), is_integer));
        }
        let id = self.traced(tensor)?;
        let dims = &self.tape.step(id).dims;
        let out = order.iter().map(|&i| dims[i]).collect();
        Ok(value(self.push(What::Permute(order), &[id], out)?))
    }

    /// A range of a dimension.
    pub(super) fn narrowed(
        &mut self,
        tensor: &Rc<Tensor>,
        dim: usize,
        start: usize,
        step: usize,
        length: usize,
    ) -> Result {
        let mut dims = self.dims(tensor);
        if let Kind::Host { data, is_integer, .. } = tensor.kind() {
            let places: Vec<usize> = (0..length).map(|i| start + i * step).collect();
            let data = host::picked(&dims, &data, dim, &places);
            dims[dim] = length;
            return Ok(host::tensor(dims, data.into(), is_integer));
        }
        let id = self.traced(tensor)?;
        if (start, step, length) == (0, 1, dims[dim]) {
            return Ok(value(id));
        }
        dims[dim] = length;
        Ok(value(self.push(What::Narrow { dim, start, step }, &[id], dims)?))
    }

    /// Parts of these sizes along a dimension, as a tuple.
    fn parts(&mut self, tensor: &Rc<Tensor>, dim: usize, sizes: &[usize]) -> Result {
        self.charge(sizes.len())?;
        let mut start = 0;
        let mut parts = Vec::with_capacity(sizes.len());
        for &size in sizes {
            let part = self.narrowed(tensor, dim, start, 1, size)?;
            name_step(self, &part, "SplitBackward0");
            parts.push(part);
            start += size;
        }
        Ok(Value::tuple(parts))
    }

    /// Slices of one along a dimension, which goes, as a tuple.
    pub(super) fn unbound(&mut self, tensor: &Rc<Tensor>, dim: i64) -> Result {
        let dims = self.dims(tensor);
        let Some(at) = resolve(dim, dims.len()) else { return Err(self.bad_dim(dim, dims.len())) };
        self.charge(dims[at])?;
        let items = (0..dims[at]).map(|i| self.selected(tensor, at, i)).collect::<Result<Vec<_>>>()?;
        Ok(Value::tuple(items))
    }

    /// One place of a dimension, which goes.
    pub(super) fn selected(&mut self, tensor: &Rc<Tensor>, dim: usize, at: usize) -> Result {
        let part = self.narrowed(tensor, dim, at, 1, 1)?;
        let Value::Tensor(part) = part else { return Ok(part) };
        let mut dims = self.dims(&part);
        dims.remove(dim);
        let selected = self.reshaped(&part, dims)?;
        name_step(self, &selected, "SelectBackward0");
        Ok(selected)
    }

    /// Dimensions of 1 repeated to these sizes; −1 keeps one.
    fn expanded(&mut self, tensor: &Rc<Tensor>, sizes: &[i64]) -> Result {
        let dims = self.dims(tensor);
        let lead = sizes.len().checked_sub(dims.len());
        let out: Option<Vec<usize>> = lead.and_then(|lead| {
            sizes
                .iter()
                .enumerate()
                .map(|(i, &n)| match (i.checked_sub(lead).map(|i| dims[i]), n) {
                    (Some(d), -1) => Some(d),
                    (Some(d), n) if d as i64 == n => Some(d),
                    (Some(1) | None, n) if n >= 0 => Some(n as usize),
                    _ => None,
                })
                .collect()
        });
        let Some(out) = out else {
            let shown: Vec<String> = sizes.iter().map(ToString::to_string).collect();
            let (id, shown) = (self.traced(tensor)?, shown.join(", "));
            let text = format!(
                "The expanded size of the tensor [{shown}] must match the existing size {} at non-singleton dimensions",
                self.told(id)
            );
            return Err(self.shape_error(&text, id));
        };
        if out == dims {
            return Ok(Value::Tensor(tensor.clone()));
        }
        let id = self.traced(tensor)?;
        let id: TapeId = self.push(What::Missing("expand"), &[id], out)?;
        self.tape.autograd.names.insert(id, "ExpandBackward0");
        Ok(value(id))
    }
}

#[cfg(test)]
mod tests {
    use super::{even, whole};

    #[test]
    fn the_open_size_takes_what_is_left() {
        assert_eq!(whole(&[2, -1], 800), Some(vec![2, 400]));
        assert_eq!(whole(&[-1, 256], 800), None);
        assert_eq!(whole(&[3, 4], 12), Some(vec![3, 4]));
        assert_eq!(whole(&[3, 4], 13), None);
        assert_eq!(whole(&[-1, 0], 0), None);
        assert_eq!(whole(&[i64::MAX, i64::MAX], 12), None);
    }

    #[test]
    fn parts_are_pytorchs() {
        assert_eq!(even(10, 4), [4, 4, 2]);
        assert_eq!(even(10, 5), [5, 5]);
        assert_eq!(even(0, 5), [0]);
    }
}
