//! Operators between tensors and numbers.

use std::rc::Rc;

use convnet::ops::{Arithmetic, Op};

use super::dims::broadcast;
use super::functional::give;
use super::given::{Given, number_of};
use super::{Kind, TapeId, Tensor, What, host};
use crate::ast::{BinaryOp, CompareOp, UnaryOp};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

/// `torch.add` and its kin.
pub(super) fn functions() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("add", |interp, args| function(interp, args, "add", BinaryOp::Add, false)),
        ("sub", |interp, args| function(interp, args, "sub", BinaryOp::Sub, false)),
        ("subtract", |interp, args| function(interp, args, "subtract", BinaryOp::Sub, false)),
        ("mul", |interp, args| function(interp, args, "mul", BinaryOp::Mul, false)),
        ("multiply", |interp, args| function(interp, args, "multiply", BinaryOp::Mul, false)),
        ("div", |interp, args| function(interp, args, "div", BinaryOp::Div, false)),
        ("divide", |interp, args| function(interp, args, "divide", BinaryOp::Div, false)),
        ("true_divide", |interp, args| function(interp, args, "true_divide", BinaryOp::Div, false)),
        ("pow", pow),
        ("neg", neg),
        ("negative", neg),
    ]
}

/// Their forms that change the tensor.
pub(super) fn methods() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("add_", |interp, args| function(interp, args, "add_", BinaryOp::Add, true)),
        ("sub_", |interp, args| function(interp, args, "sub_", BinaryOp::Sub, true)),
        ("mul_", |interp, args| function(interp, args, "mul_", BinaryOp::Mul, true)),
        ("div_", |interp, args| function(interp, args, "div_", BinaryOp::Div, true)),
    ]
}

fn function(interp: &mut Interp, args: Args, name: &'static str, op: BinaryOp, in_place: bool) -> Result {
    let mut given = Given::new(interp, args, name, &["input", "other", "alpha", "rounding_mode"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let mut other = given.value(1).unwrap_or(Value::None);
    if given.has(2) {
        let alpha = given.value(2).unwrap_or(Value::None);
        other = match number_of(&other) {
            Some(_) => interp.binary(BinaryOp::Mul, &other, &alpha)?,
            None => interp.tensor_binary(BinaryOp::Mul, &other, &alpha)?,
        };
    }
    if in_place {
        return interp.tensor_inplace(op, &Value::Tensor(tensor), &other);
    }
    let result = interp.tensor_binary(op, &Value::Tensor(tensor), &other)?;
    match result {
        Value::NotImplemented => Err(given.wrong(interp, 1, &other, "Tensor")),
        result => Ok(result),
    }
}

/// `torch.pow(x, 2)`, `torch.pow(2, x)`, `x.pow(2)`: a number on either side.
fn pow(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "pow", &["input", "exponent"], 0)?;
    let (base, exponent) = (given.value(0).unwrap_or(Value::None), given.value(1).unwrap_or(Value::None));
    let is_number = |value: &Value| number_of(value).is_some();
    let (at, odd) = match (&base, &exponent) {
        (Value::Tensor(_), Value::Tensor(_)) => return interp.tensor_binary(BinaryOp::Pow, &base, &exponent),
        (Value::Tensor(_), other) | (other, Value::Tensor(_)) if is_number(other) => {
            return interp.tensor_binary(BinaryOp::Pow, &base, &exponent);
        }
        (Value::Tensor(_), _) => (1, &exponent),
        _ => (0, &base),
    };
    Err(given.wrong(interp, at, odd, "Tensor"))
}

fn neg(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "neg", &["input"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    interp.tensor_unary(UnaryOp::Negative, &tensor)
}

/// The name by which a step is told that the graph does not have.
fn missing(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "an addition that broadcasts",
        BinaryOp::Sub => "a subtraction that broadcasts",
        BinaryOp::Mul => "a multiplication that broadcasts",
        BinaryOp::MatMul => "matmul",
        BinaryOp::Div => "division by a tensor",
        BinaryOp::FloorDiv => "floor division",
        BinaryOp::Mod => "remainder",
        BinaryOp::Pow => "pow",
        BinaryOp::LeftShift | BinaryOp::RightShift => "bit shifts",
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => "bitwise operators",
    }
}

/// What PyTorch calls the backward function of an operator.
fn backward(op: BinaryOp) -> Option<&'static str> {
    Some(match op {
        BinaryOp::Add => "AddBackward0",
        BinaryOp::Sub => "SubBackward0",
        BinaryOp::Mul => "MulBackward0",
        BinaryOp::Div => "DivBackward0",
        BinaryOp::Pow => "PowBackward0",
        _ => return None,
    })
}

impl Interp {
    /// An operator of which at least one side is a tensor; NotImplemented where the other side is no number.
    ///
    /// # Errors
    /// Dimensions that do not go together.
    pub(crate) fn tensor_binary(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Result {
        if op == BinaryOp::MatMul {
            return match super::functional::functions().into_iter().find(|(name, _)| *name == "matmul") {
                Some((_, matmul)) => matmul(self, Args::of(vec![left.clone(), right.clone()])),
                None => Ok(Value::NotImplemented),
            };
        }
        match (left, right) {
            (Value::Tensor(a), Value::Tensor(b)) => self.both(op, a, b),
            (Value::Tensor(a), other) => match number_of(other) {
                Some(number) => self.with_number(op, a, number, is_float(other), false),
                None => self.not_a_number(other),
            },
            (other, Value::Tensor(b)) => match number_of(other) {
                Some(number) => self.with_number(op, b, number, is_float(other), true),
                None => self.not_a_number(other),
            },
            _ => Ok(Value::NotImplemented),
        }
    }

    fn not_a_number(&mut self, other: &Value) -> Result {
        match other {
            Value::Opaque(opaque) => Err(self.opaque_error(opaque, "an operator of a tensor")),
            _ => Ok(Value::NotImplemented),
        }
    }

    /// `x += y` and the like: the tensor itself changes, under all of its names.
    ///
    /// # Errors
    /// As [`Interp::tensor_binary`]; a result of other dimensions than the tensor's.
    pub(crate) fn tensor_inplace(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Result {
        let result = self.tensor_binary(op, left, right)?;
        let (Value::Tensor(target), Value::Tensor(new)) = (left, &result) else { return Ok(result) };
        let (before, after) = (self.dims(target), self.dims(new));
        if before != after {
            let (before, after) = (super::dims::told(&before, None), super::dims::told(&after, None));
            let text = format!("output with shape {before} doesn't match the broadcast shape {after}");
            return Err(self.raise("RuntimeError", &text).teach(|t| {
                t.code = "shape";
                t.helps.push("write `x = x + y`, which makes a new tensor".to_owned());
            }));
        }
        if let Kind::Parameter(parameter) = target.kind() {
            self.draw_parameter_other(&parameter);
            return Ok(left.clone());
        }
        *target.kind.borrow_mut() = new.kind();
        Ok(left.clone())
    }

    /// Remembers that a parameter has values by a rule that convnet does not have.
    pub(super) fn draw_parameter_other(&mut self, parameter: &super::Parameter) {
        *parameter.draw.borrow_mut() = Some(super::Draw::Other("arithmetic on a parameter"));
    }

    fn both(&mut self, op: BinaryOp, a: &Rc<Tensor>, b: &Rc<Tensor>) -> Result {
        if let (
            Kind::Host { dims: x, data: p, is_integer: i },
            Kind::Host { dims: y, data: q, is_integer: j },
        ) = (a.kind(), b.kind())
            && let Some((f, keeps)) = host::operator(op)
        {
            if let Ok(out) = broadcast(&x, &y) {
                let is_integer = i && j && keeps;
                self.charge(out.iter().product())?;
                let data =
                    host::broadcast_with(&out, (&x, &p), (&y, &q), |x, y| host::rounded(f(x, y), is_integer));
                return Ok(host::tensor(out, data.into(), is_integer));
            }
        } else {
            // One number in a tensor is a number.
            for (tensor, number, swapped) in [(a, b, false), (b, a, true)] {
                if let Kind::Host { dims, data, is_integer } = number.kind()
                    && data.len() == 1
                    && dims.len() <= self.dims(tensor).len()
                {
                    return self.with_number(op, tensor, data[0], !is_integer, swapped);
                }
            }
        }
        let is_parameter = matches!(a.kind(), Kind::Parameter(_)) || matches!(b.kind(), Kind::Parameter(_));
        let (x, y) = (self.traced(a)?, self.traced(b)?);
        let (p, q) = (self.tape.step(x).dims.clone(), self.tape.step(y).dims.clone());
        let out = match broadcast(&p, &q) {
            Ok(out) => out,
            Err(at) => return Err(self.bad_broadcast(x, y, at, p.len().max(q.len()))),
        };
        let is_batch = matches!(out.len(), 2 | 4);
        let id = match op {
            _ if is_parameter => {
                let what = match op {
                    BinaryOp::Mul => What::Missing("multiplication by a parameter"),
                    BinaryOp::Add | BinaryOp::Sub => What::Missing("addition of a parameter"),
                    _ => What::Missing("a computation with a parameter"),
                };
                let parameters = [a, b]
                    .into_iter()
                    .filter_map(|tensor| match tensor.kind() {
                        Kind::Parameter(parameter) => Some(("parameter", parameter)),
                        _ => None,
                    })
                    .collect();
                let inputs: Vec<TapeId> = [(a, x), (b, y)]
                    .into_iter()
                    .filter(|(tensor, _)| !matches!(tensor.kind(), Kind::Parameter(_)))
                    .map(|(_, id)| id)
                    .collect();
                self.push_with(what, &inputs, out, parameters, false)?
            }
            BinaryOp::Add if p == q && is_batch => self.push(What::Layer(Op::Add), &[x, y], out)?,
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div
                if is_batch && p.len() == q.len() && p[0] == q[0] =>
            {
                let function = match op {
                    BinaryOp::Add => Arithmetic::Add,
                    BinaryOp::Sub => Arithmetic::Sub,
                    BinaryOp::Mul => Arithmetic::Mul,
                    _ => Arithmetic::Div,
                };
                self.push(What::Layer(function.into()), &[x, y], out)?
            }
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul if p == q => {
                let what = match op {
                    BinaryOp::Add => "an addition of tensors that are neither maps nor vectors",
                    BinaryOp::Sub => "a subtraction of tensors that are neither maps nor vectors",
                    _ => "a multiplication of tensors that are neither maps nor vectors",
                };
                self.push(What::Missing(what), &[x, y], out)?
            }
            _ => self.push(What::Missing(missing(op)), &[x, y], out)?,
        };
        if let Some(name) = backward(op) {
            self.tape.autograd.names.insert(id, name);
        }
        Ok(super::trace::value(id))
    }

    fn with_number(
        &mut self,
        op: BinaryOp,
        tensor: &Rc<Tensor>,
        number: f64,
        is_float: bool,
        number_is_left: bool,
    ) -> Result {
        if let Kind::Host { dims, data, is_integer } = tensor.kind()
            && let Some((f, keeps)) = host::operator(op)
        {
            self.charge(data.len())?;
            let is_integer = is_integer && keeps && !is_float;
            let number = host::rounded(number, !is_float);
            let apply = |&x: &f64| {
                host::rounded(if number_is_left { f(number, x) } else { f(x, number) }, is_integer)
            };
            let data: Vec<f64> = data.iter().map(apply).collect();
            return Ok(host::tensor(dims, data.into(), is_integer));
        }
        let input = self.traced(tensor)?;
        let dims = self.tape.step(input).dims.clone();
        let scale = |factor, offset| What::Scale { factor, offset };
        let what = match (op, number_is_left) {
            (BinaryOp::Add, _) => scale(1.0, number),
            (BinaryOp::Sub, false) => scale(1.0, -number),
            (BinaryOp::Sub, true) => scale(-1.0, number),
            (BinaryOp::Mul, _) => scale(number, 0.0),
            (BinaryOp::Div, false) if number != 0.0 => scale(1.0 / number, 0.0),
            (BinaryOp::Pow, false) if number == 1.0 => scale(1.0, 0.0),
            (BinaryOp::Div, true) => What::Missing("reciprocal"),
            _ => What::Missing(missing(op)),
        };
        let id = self.push(what, &[input], dims)?;
        let name = match (op, number_is_left) {
            (BinaryOp::Sub, true) => Some("RsubBackward1"),
            (BinaryOp::Div, true) => Some("MulBackward0"),
            _ => backward(op),
        };
        self.tape.autograd.names.extend(name.map(|name| (id, name)));
        Ok(give(tensor, id, false))
    }

    /// `-x`, `+x`, `~x`.
    ///
    /// # Errors
    /// TypeError for `~`.
    pub(crate) fn tensor_unary(&mut self, op: UnaryOp, tensor: &Rc<Tensor>) -> Result {
        match op {
            UnaryOp::Positive => Ok(Value::Tensor(tensor.clone())),
            UnaryOp::Negative => {
                if let Kind::Host { dims, data, is_integer } = tensor.kind() {
                    return Ok(host::tensor(dims, data.iter().map(|x| -x).collect(), is_integer));
                }
                let negated = self.with_number(BinaryOp::Mul, tensor, -1.0, false, false)?;
                if let Value::Tensor(negated) = &negated
                    && let Kind::Traced(id) = negated.kind()
                {
                    self.tape.autograd.names.insert(id, "NegBackward0");
                }
                Ok(negated)
            }
            UnaryOp::Not => self.tensor_truth(tensor).map(|truth| Value::Bool(!truth)),
            UnaryOp::Invert => {
                let input = self.traced(tensor)?;
                let dims = self.tape.step(input).dims.clone();
                Ok(super::trace::value(self.push(What::Missing("bitwise operators"), &[input], dims)?))
            }
        }
    }

    /// A comparison of which at least one side is a tensor.
    ///
    /// # Errors
    /// Dimensions that do not go together.
    pub(crate) fn tensor_compare(&mut self, op: CompareOp, left: &Value, right: &Value) -> Result {
        let f: fn(f64, f64) -> bool = match op {
            CompareOp::Eq => |x, y| x == y,
            CompareOp::NotEq => |x, y| x != y,
            CompareOp::Less => |x, y| x < y,
            CompareOp::LessEq => |x, y| x <= y,
            CompareOp::Greater => |x, y| x > y,
            CompareOp::GreaterEq => |x, y| x >= y,
            CompareOp::Is | CompareOp::IsNot | CompareOp::In | CompareOp::NotIn => {
                return Ok(Value::NotImplemented);
            }
        };
        let side = |value: &Value| match value {
            Value::Tensor(tensor) => Some(tensor.clone()),
            other => number_of(other)
                .map(|x| Tensor::of(Kind::Host { dims: vec![], data: [x].into(), is_integer: false })),
        };
        let (Some(a), Some(b)) = (side(left), side(right)) else {
            return match op {
                CompareOp::Eq => Ok(Value::Bool(false)),
                CompareOp::NotEq => Ok(Value::Bool(true)),
                _ => Ok(Value::NotImplemented),
            };
        };
        if let (Kind::Host { dims: x, data: p, .. }, Kind::Host { dims: y, data: q, .. }) =
            (a.kind(), b.kind())
            && let Ok(out) = broadcast(&x, &y)
        {
            self.charge(out.iter().product())?;
            let data = host::broadcast_with(&out, (&x, &p), (&y, &q), |x, y| f64::from(u8::from(f(x, y))));
            return Ok(host::tensor(out, data.into(), true));
        }
        let (x, y) = (self.traced(&a)?, self.traced(&b)?);
        let (p, q) = (self.tape.step(x).dims.clone(), self.tape.step(y).dims.clone());
        match broadcast(&p, &q) {
            Ok(out) => {
                Ok(super::trace::value(self.push(What::Missing("a comparison of values"), &[x, y], out)?))
            }
            Err(at) => Err(self.bad_broadcast(x, y, at, p.len().max(q.len()))),
        }
    }

    /// Whether a tensor of one number is not 0.
    ///
    /// # Errors
    /// RuntimeError for more numbers, and for numbers that are not known.
    pub(crate) fn tensor_truth(&mut self, tensor: &Rc<Tensor>) -> Result<bool> {
        match tensor.kind() {
            Kind::Host { data, .. } if data.len() == 1 => Ok(data[0] != 0.0),
            _ if self.dims(tensor).iter().product::<usize>() != 1 => {
                Err(self
                    .raise("RuntimeError", "Boolean value of Tensor with more than one value is ambiguous"))
            }
            _ => Err(self.no_values("a condition on a tensor's values")),
        }
    }

    /// The error for a network that depends on the values of its activations.
    pub(super) fn no_values(&mut self, what: &str) -> Box<crate::interp::Thrown> {
        let text = format!("{what}: a network is read without numbers, so that it must not depend on them");
        self.raise("RuntimeError", &text).teach(|t| {
            t.code = "unsupported";
            t.label = Some("the values are not known here".to_owned());
            t.helps.push(
                "branch on shapes (`x.size(1)`, `x.shape`) or on settings of the module instead".to_owned(),
            );
        })
    }
}

fn is_float(value: &Value) -> bool {
    match value.plain() {
        Value::Float(_) => true,
        Value::Tensor(tensor) => !matches!(&*tensor.kind.borrow(), Kind::Host { is_integer: true, .. }),
        _ => false,
    }
}
