//! Tensors of known numbers: a few lines of arithmetic, for `torch.linspace` and the like.

use std::rc::Rc;

use super::dims::strides;
use super::{Kind, Tensor};
use crate::ast::BinaryOp;
use crate::interp::{Interp, Result};
use crate::value::Value;

/// How many numbers a tensor may have whose values are known.
pub(super) const MOST_KNOWN: usize = 4096;

/// A tensor of numbers as a value.
pub(super) fn tensor(dims: Vec<usize>, data: Rc<[f64]>, is_integer: bool) -> Value {
    Value::Tensor(Tensor::of(Kind::Host { dims, data, is_integer }))
}

/// Numbers with their dimensions in another order.
pub(super) fn permuted(dims: &[usize], data: &[f64], order: &[usize]) -> (Vec<usize>, Vec<f64>) {
    let from = strides(dims);
    let out: Vec<usize> = order.iter().map(|&i| dims[i]).collect();
    let by: Vec<usize> = order.iter().map(|&i| from[i]).collect();
    let data = places(&out).map(|place| data[place.iter().zip(&by).map(|(p, s)| p * s).sum::<usize>()]);
    (out.clone(), data.collect())
}

/// Numbers at some places of a dimension.
pub(super) fn picked(dims: &[usize], data: &[f64], dim: usize, at: &[usize]) -> Vec<f64> {
    let inner: usize = dims[dim + 1..].iter().product();
    let outer: usize = dims[..dim].iter().product();
    let mut out = Vec::with_capacity(outer * at.len() * inner);
    for i in 0..outer {
        for &place in at {
            let start = (i * dims[dim] + place) * inner;
            out.extend(&data[start..start + inner]);
        }
    }
    out
}

/// All places of dimensions, in row-major order.
fn places(dims: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let (dims, by) = (dims.to_vec(), strides(dims));
    let all = dims.iter().product();
    (0..all).map(move |at: usize| dims.iter().zip(&by).map(|(&d, &s)| at / s % d).collect())
}

/// A number of an element-wise operation; both are brought to `out`.
pub(super) fn broadcast_with(
    out: &[usize],
    (x_dims, x): (&[usize], &[f64]),
    (y_dims, y): (&[usize], &[f64]),
    f: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    let steps = |dims: &[usize]| {
        let (own, lead) = (strides(dims), out.len() - dims.len());
        (0..out.len())
            .map(|i| if i < lead || dims[i - lead] == 1 { 0 } else { own[i - lead] })
            .collect::<Vec<_>>()
    };
    let (sx, sy) = (steps(x_dims), steps(y_dims));
    let index = |place: &[usize], by: &[usize]| place.iter().zip(by).map(|(p, s)| p * s).sum::<usize>();
    places(out).map(|place| f(x[index(&place, &sx)], y[index(&place, &sy)])).collect()
}

/// A function of two numbers.
pub(super) type Binary = fn(f64, f64) -> f64;

/// The arithmetic of an operator on numbers of a tensor, and whether integers give an integer.
pub(super) fn operator(op: BinaryOp) -> Option<(Binary, bool)> {
    let f: fn(f64, f64) -> f64 = match op {
        BinaryOp::Add => |x, y| x + y,
        BinaryOp::Sub => |x, y| x - y,
        BinaryOp::Mul => |x, y| x * y,
        BinaryOp::Div => |x, y| x / y,
        BinaryOp::FloorDiv => |x, y| (x / y).floor(),
        BinaryOp::Mod => |x, y| x - (x / y).floor() * y,
        BinaryOp::Pow => f64::powf,
        _ => return None,
    };
    Some((f, op != BinaryOp::Div))
}

/// Floats are kept in float32, as PyTorch does.
pub(super) fn rounded(x: f64, is_integer: bool) -> f64 {
    if is_integer { x } else { f64::from(x as f32) }
}

/// A function of each number by itself, where known numbers are given to it.
fn element_wise(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "relu" => |x| if x < 0.0 { 0.0 } else { x },
        "relu6" => |x| x.clamp(0.0, 6.0),
        "sigmoid" => |x| 1.0 / (1.0 + (-x).exp()),
        "silu" => |x| x / (1.0 + (-x).exp()),
        "tanh" => f64::tanh,
        "exp" => f64::exp,
        "log" => f64::ln,
        "sqrt" => f64::sqrt,
        "rsqrt" => |x| 1.0 / x.sqrt(),
        "reciprocal" => |x| 1.0 / x,
        "square" => |x| x * x,
        "abs" => f64::abs,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "floor" => f64::floor,
        "ceil" => f64::ceil,
        "round" => f64::round_ties_even,
        _ => return None,
    })
}

/// What a function of each element gives for known numbers, in place or new; `None` for other tensors and functions.
pub(super) fn mapped(
    interp: &mut Interp,
    tensor: &Rc<Tensor>,
    name: &str,
    in_place: bool,
) -> Result<Option<Value>> {
    let Kind::Host { dims, data, is_integer } = tensor.kind() else { return Ok(None) };
    let name = name.trim_end_matches('_');
    let Some(f) = element_wise(name) else { return Ok(None) };
    interp.charge(data.len())?;
    let is_integer =
        is_integer && matches!(name, "relu" | "relu6" | "square" | "abs" | "floor" | "ceil" | "round");
    let data = data.iter().map(|&x| rounded(f(x), is_integer)).collect();
    let kind = Kind::Host { dims, data, is_integer };
    if !in_place {
        return Ok(Some(Value::Tensor(Tensor::of(kind))));
    }
    *tensor.kind.borrow_mut() = kind;
    Ok(Some(Value::Tensor(tensor.clone())))
}

impl Interp {
    /// A tensor's numbers as Python's: a number, or lists of lists.
    pub(super) fn as_lists(&mut self, dims: &[usize], data: &[f64], is_integer: bool) -> Result {
        self.charge(data.len())?;
        let number = |x: f64| if is_integer { Value::Int(x as i64) } else { Value::Float(x) };
        let Some((&first, rest)) = dims.split_first() else {
            return Ok(data.first().map_or(Value::None, |&x| number(x)));
        };
        let size: usize = rest.iter().product();
        let items = (0..first)
            .map(|i| self.as_lists(rest, &data[i * size..(i + 1) * size], is_integer))
            .collect::<Result<Vec<_>>>()?;
        Ok(Value::list(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_change_their_order() {
        let data: Vec<f64> = (0..6).map(f64::from).collect();
        assert_eq!(permuted(&[2, 3], &data, &[1, 0]), (vec![3, 2], vec![0., 3., 1., 4., 2., 5.]));
        assert_eq!(picked(&[2, 3], &data, 1, &[2, 0]), [2., 0., 5., 3.]);
    }

    #[test]
    fn numbers_broadcast() {
        let sum = broadcast_with(&[2, 3], (&[2, 1], &[10., 20.]), (&[3], &[1., 2., 3.]), |x, y| x + y);
        assert_eq!(sum, [11., 12., 13., 21., 22., 23.]);
    }
}
