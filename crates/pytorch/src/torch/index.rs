//! `x[…]`: integers, slices, `...` and None.

use std::rc::Rc;

use super::given::int_of;
use super::trace::value;
use super::{Kind, Tensor, What, host};
use crate::interp::{Interp, Result};
use crate::value::{Slice, Value};

impl Interp {
    /// A part of a tensor.
    ///
    /// # Errors
    /// IndexError, as PyTorch words it.
    pub(crate) fn tensor_get_item(&mut self, tensor: &Rc<Tensor>, index: &Value) -> Result {
        let items: Vec<Value> = match index.plain() {
            Value::Tuple(items) => items.to_vec(),
            Value::List(_) => return self.gathered(tensor, index),
            _ => vec![index.clone()],
        };
        let rank = self.dims(tensor).len();
        let taken = items.iter().filter(|item| !matches!(item, Value::None | Value::Ellipsis)).count();
        if taken > rank {
            let text = match rank {
                0 => "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim tensor to a number".to_owned(),
                _ => format!("too many indices for tensor of dimension {rank}"),
            };
            return Err(self.raise("IndexError", &text));
        }
        if items.iter().filter(|item| matches!(item, Value::Ellipsis)).count() > 1 {
            return Err(self.raise("IndexError", "an index can only have a single ellipsis ('...')"));
        }
        let mut found = Value::Tensor(tensor.clone());
        let mut dim = 0;
        for item in &items {
            let Value::Tensor(now) = &found else { return Ok(found) };
            let now = now.clone();
            let dims = self.dims(&now);
            match item {
                Value::None => {
                    let mut out = dims;
                    out.insert(dim, 1);
                    found = self.reshaped(&now, out)?;
                    dim += 1;
                }
                Value::Ellipsis => dim += rank - taken,
                Value::Slice(slice) => {
                    let (start, step, length) = self.range_of(slice, dims[dim])?;
                    found = self.narrowed(&now, dim, start, step, length)?;
                    dim += 1;
                }
                _ => match int_of(item) {
                    Some(at) if !matches!(item, Value::Bool(_)) => {
                        let size = dims[dim] as i64;
                        let place = if at < 0 { at + size } else { at };
                        if !(0..size).contains(&place) {
                            let text =
                                format!("index {at} is out of bounds for dimension {dim} with size {size}");
                            return Err(self.raise("IndexError", &text));
                        }
                        found = self.selected(&now, dim, place as usize)?;
                    }
                    _ => return self.gathered(tensor, item),
                },
            }
        }
        Ok(found)
    }

    /// Places by a list or a tensor: known numbers of a known tensor, else a step that the graph does not have.
    fn gathered(&mut self, tensor: &Rc<Tensor>, index: &Value) -> Result {
        let input = match index {
            Value::Opaque(opaque) => return Err(self.opaque_error(opaque, "an index of a tensor")),
            Value::List(_) => {
                let items = self.collect(index)?;
                let places: Option<Vec<i64>> = items.iter().map(int_of).collect();
                let dims = self.dims(tensor);
                if let (Some(places), Some(&size)) = (places, dims.first()) {
                    let resolve = |&p: &i64| {
                        usize::try_from(if p < 0 { p + size as i64 } else { p }).ok().filter(|&p| p < size)
                    };
                    let Some(at) = places.iter().map(resolve).collect::<Option<Vec<usize>>>() else {
                        let text = format!("index out of bounds for dimension 0 with size {size}");
                        return Err(self.raise("IndexError", &text));
                    };
                    let mut out = dims.clone();
                    out[0] = at.len();
                    if let Kind::Host { data, is_integer, .. } = tensor.kind() {
                        return Ok(host::tensor(out, host::picked(&dims, &data, 0, &at).into(), is_integer));
                    }
                    let input = self.traced(tensor)?;
                    return Ok(value(self.push(What::Missing("an index by a list"), &[input], out)?));
                }
                self.traced(tensor)?
            }
            Value::Tensor(_) => self.traced(tensor)?,
            other => {
                let name = self.type_name(other);
                let text = format!(
                    "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {name})"
                );
                return Err(self.raise("IndexError", &text));
            }
        };
        let mut dims = self.tape.step(input).dims.clone();
        if let Value::Tensor(places) = index {
            let places = self.dims(places);
            dims.splice(0..1.min(dims.len()), places);
        }
        Ok(value(self.push(What::Missing("an index by a tensor"), &[input], dims)?))
    }

    /// Start, step and length of a slice.
    fn range_of(&mut self, slice: &Slice, size: usize) -> Result<(usize, usize, usize)> {
        let size = size as i64;
        let mut bound = |value: &Value, default: i64| match value {
            Value::None => Ok(default),
            value => match int_of(value) {
                Some(n) => Ok(n),
                None => Err(self.raise(
                    "TypeError",
                    "slice indices must be integers or None or have an __index__ method",
                )),
            },
        };
        let (start, stop, step) =
            (bound(&slice.start, 0)?, bound(&slice.stop, size)?, bound(&slice.step, 1)?);
        if step < 1 {
            return Err(self.raise("ValueError", "step must be greater than zero"));
        }
        let place = |n: i64| (if n < 0 { n + size } else { n }).clamp(0, size);
        let (start, stop) = (place(start), place(stop));
        let length = (stop - start).max(0) as usize;
        Ok((start as usize, step as usize, length.div_ceil(step as usize)))
    }

    /// `x[…] = y`: known numbers are set, a step of the tape cannot be changed in part.
    ///
    /// # Errors
    /// IndexError, and RuntimeError for what does not fit.
    pub(crate) fn tensor_set_item(&mut self, tensor: &Rc<Tensor>, index: &Value, new: &Value) -> Result<()> {
        let part = self.tensor_get_item(tensor, index)?;
        let Value::Tensor(part) = part else { return Ok(()) };
        match tensor.kind() {
            Kind::Parameter(parameter) => {
                self.draw_parameter_other(&parameter);
                Ok(())
            }
            Kind::Host { dims, data, is_integer } => {
                let numbers = (0..data.len()).map(|i| i as f64).collect();
                let places = Tensor::of(Kind::Host { dims: dims.clone(), data: numbers, is_integer: true });
                let Value::Tensor(places) = self.tensor_get_item(&places, index)? else {
                    return Ok(());
                };
                let (Kind::Host { data: at, dims: out, .. }, Some((from, values))) =
                    (places.kind(), known(new))
                else {
                    return Err(self.no_values("an assignment to a part of a tensor"));
                };
                if super::dims::broadcast(&out, &from).ok().as_ref() != Some(&out) {
                    let (a, b) = (super::dims::told(&from, None), super::dims::told(&out, None));
                    let text = format!(
                        "shape mismatch: value tensor of shape {a} cannot be broadcast to indexing result of shape {b}"
                    );
                    return Err(self.raise("RuntimeError", &text));
                }
                let mut data = data.to_vec();
                let spread = host::broadcast_with(&out, (&out, &at), (&from, &values), |_, y| y);
                for (&place, x) in at.iter().zip(spread) {
                    data[place as usize] = host::rounded(if is_integer { x.trunc() } else { x }, is_integer);
                }
                *tensor.kind.borrow_mut() = Kind::Host { dims, data: data.into(), is_integer };
                Ok(())
            }
            Kind::Traced(id) => {
                let mut inputs = vec![id, self.traced(&part)?];
                if let Value::Tensor(new) = new {
                    inputs.push(self.traced(new)?);
                }
                let dims = self.tape.step(id).dims.clone();
                let id = self.push(What::Missing("an assignment to a part of a tensor"), &inputs, dims)?;
                *tensor.kind.borrow_mut() = Kind::Traced(id);
                Ok(())
            }
        }
    }

    /// `len(x)`: the first dimension.
    ///
    /// # Errors
    /// TypeError for a tensor without dimensions.
    pub(crate) fn tensor_len(&mut self, tensor: &Rc<Tensor>) -> Result<usize> {
        match self.dims(tensor).first() {
            Some(&first) => Ok(first),
            None => Err(self.raise("TypeError", "len() of a 0-d tensor")),
        }
    }

    /// A tensor of one integer as an index of a list; `None` for other tensors.
    ///
    /// # Errors
    /// For an integer that is not known.
    pub(crate) fn tensor_index(&mut self, value: &Value) -> Result<Option<i64>> {
        match (int_of(value), value) {
            (Some(n), _) => Ok(Some(n)),
            (None, Value::Tensor(tensor)) if matches!(tensor.kind(), Kind::Traced(_)) => {
                Err(self.no_values("an index by a tensor's value"))
            }
            _ => Ok(None),
        }
    }
}

/// Known numbers and their dimensions.
fn known(value: &Value) -> Option<(Vec<usize>, Rc<[f64]>)> {
    if let Value::Tensor(tensor) = value {
        return match tensor.kind() {
            Kind::Host { dims, data, .. } => Some((dims, data)),
            _ => None,
        };
    }
    super::given::number_of(value).map(|x| (Vec::new(), [x].into()))
}
