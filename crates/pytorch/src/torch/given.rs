//! The arguments of PyTorch's functions: taken by name, of the type that each wants.

use std::rc::Rc;

use super::{Kind, Tensor};
use crate::interp::{Args, Bound, Interp, Result, Thrown};
use crate::source::Span;
use crate::value::Value;

/// The arguments of one call of a function of PyTorch's.
pub(super) struct Given {
    pub(super) function: &'static str,
    names: &'static [&'static str],
    bound: Bound,
}

impl Given {
    /// Matches arguments with the names of a function's parameters; the last `optional` of them may be missing.
    ///
    /// # Errors
    /// TypeError, as for every function of the crate's.
    pub(super) fn new(
        interp: &mut Interp,
        args: Args,
        function: &'static str,
        names: &'static [&'static str],
        optional: usize,
    ) -> Result<Self> {
        Ok(Self { function, names, bound: args.bind(interp, function, names, optional)? })
    }

    /// Where an argument stands: in this call, or in the one that made the layer.
    pub(super) fn span(&self, interp: &Interp, at: usize) -> Option<Span> {
        let users = self.bound.spans[at].filter(|&span| interp.sources.is_users(span));
        users.or_else(|| interp.layer_argument(self.names[at]))
    }

    /// Whether an argument is there, and is not `None`.
    pub(super) fn has(&self, at: usize) -> bool {
        !matches!(self.bound.values[at], None | Some(Value::None))
    }

    /// An argument as it is; `None` if it is missing or Python's `None`.
    pub(super) fn value(&mut self, at: usize) -> Option<Value> {
        self.bound.some(at)
    }

    /// A tensor.
    ///
    /// # Errors
    /// TypeError; for what is not known, that it is not.
    pub(super) fn tensor(&mut self, interp: &mut Interp, at: usize) -> Result<Rc<Tensor>> {
        let value = self.bound.required(at);
        self.as_tensor(interp, at, &value)
    }

    /// A tensor, or nothing.
    ///
    /// # Errors
    /// As [`Given::tensor`].
    pub(super) fn maybe_tensor(&mut self, interp: &mut Interp, at: usize) -> Result<Option<Rc<Tensor>>> {
        match self.value(at) {
            Some(value) => self.as_tensor(interp, at, &value).map(Some),
            None => Ok(None),
        }
    }

    fn as_tensor(&self, interp: &mut Interp, at: usize, value: &Value) -> Result<Rc<Tensor>> {
        match value {
            Value::Tensor(tensor) => Ok(tensor.clone()),
            Value::Opaque(opaque) => Err(interp.opaque_error(opaque, self.function)),
            _ => Err(self.wrong(interp, at, value, "Tensor")),
        }
    }

    /// A list or a tuple of tensors.
    ///
    /// # Errors
    /// As [`Given::tensor`].
    pub(super) fn tensors(&mut self, interp: &mut Interp, at: usize) -> Result<Vec<Rc<Tensor>>> {
        let value = self.bound.required(at);
        if let Value::Tensor(_) = value {
            return Err(self.wrong(interp, at, &value, "tuple of Tensors"));
        }
        if let Value::Opaque(opaque) = &value {
            return Err(interp.opaque_error(opaque, self.function));
        }
        let items = interp.collect(&value)?;
        items.iter().map(|item| self.as_tensor(interp, at, item)).collect()
    }

    /// An integer, or `default`.
    ///
    /// # Errors
    /// TypeError.
    pub(super) fn int(&mut self, interp: &mut Interp, at: usize, default: i64) -> Result<i64> {
        match self.value(at) {
            Some(value) => self.as_int(interp, at, &value, "int"),
            None => Ok(default),
        }
    }

    fn as_int(&self, interp: &mut Interp, at: usize, value: &Value, wanted: &str) -> Result<i64> {
        match int_of(value) {
            Some(n) => Ok(n),
            None => Err(self.wrong(interp, at, value, wanted)),
        }
    }

    /// A size that is not negative.
    ///
    /// # Errors
    /// TypeError, ValueError.
    pub(super) fn size(&mut self, interp: &mut Interp, at: usize, default: usize) -> Result<usize> {
        let n = self.int(interp, at, default as i64)?;
        match usize::try_from(n) {
            Ok(n) => Ok(n),
            Err(_) => {
                let (function, name) = (self.function, self.names[at]);
                let error = interp
                    .raise("RuntimeError", &format!("{function}(): {name} must not be negative, it is {n}"));
                Err(self.at(interp, at, error))
            }
        }
    }

    /// Integers: one, or a sequence of them.
    ///
    /// # Errors
    /// TypeError.
    pub(super) fn ints(&mut self, interp: &mut Interp, at: usize) -> Result<Option<Vec<i64>>> {
        let Some(value) = self.value(at) else { return Ok(None) };
        if let Some(n) = int_of(&value) {
            return Ok(Some(vec![n]));
        }
        if !matches!(value.plain(), Value::List(_) | Value::Tuple(_) | Value::Range(_)) {
            return Err(self.wrong(interp, at, &value, "tuple of ints"));
        }
        let items = interp.collect(&value)?;
        items
            .iter()
            .map(|item| self.as_int(interp, at, item, "tuple of ints"))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// A height and a width: one integer for both, or two.
    ///
    /// # Errors
    /// TypeError, RuntimeError for negative ones and for another number of them.
    pub(super) fn pair(&mut self, interp: &mut Interp, at: usize, default: usize) -> Result<(usize, usize)> {
        let Some(ints) = self.ints(interp, at)? else { return Ok((default, default)) };
        let (function, name) = (self.function, self.names[at]);
        let pair = match *ints {
            [n] => [n, n],
            [h, w] => [h, w],
            _ => {
                let found = ints.len();
                let text = format!("{function}(): {name} must be one int or two, {found} are given");
                let error = interp.raise("RuntimeError", &text);
                return Err(self.at(interp, at, error));
            }
        };
        if let Some(n) = pair.iter().find(|&&n| n < 0) {
            let text = match name {
                "padding" => "negative padding is not supported".to_owned(),
                _ => format!("{function}(): {name} must not be negative, it is {n}"),
            };
            let error = interp.raise("RuntimeError", &text);
            return Err(self.at(interp, at, error));
        }
        Ok((pair[0] as usize, pair[1] as usize))
    }

    /// A number, or `default`.
    ///
    /// # Errors
    /// TypeError.
    pub(super) fn float(&mut self, interp: &mut Interp, at: usize, default: f64) -> Result<f64> {
        let Some(value) = self.value(at) else { return Ok(default) };
        match number_of(&value) {
            Some(x) => Ok(x),
            None => Err(self.wrong(interp, at, &value, "float")),
        }
    }

    /// Whether something is so, or `default`.
    ///
    /// # Errors
    /// What the truth of an object of the user's raises.
    pub(super) fn flag(&mut self, interp: &mut Interp, at: usize, default: bool) -> Result<bool> {
        match self.value(at) {
            Some(value) => interp.truth(&value),
            None => Ok(default),
        }
    }

    /// A text, or `default`.
    ///
    /// # Errors
    /// TypeError.
    pub(super) fn text(&mut self, interp: &mut Interp, at: usize, default: &str) -> Result<Rc<str>> {
        match self.value(at) {
            Some(Value::Str(text)) => Ok(text),
            Some(value) => Err(self.wrong(interp, at, &value, "str")),
            None => Ok(default.into()),
        }
    }

    /// The error for an argument of another type.
    pub(super) fn wrong(&self, interp: &mut Interp, at: usize, value: &Value, wanted: &str) -> Box<Thrown> {
        if let Value::Opaque(opaque) = value {
            return interp.opaque_error(opaque, self.function);
        }
        let (function, name) = (self.function, self.names[at]);
        let found = interp.type_name(value);
        let text =
            format!("{function}(): argument '{name}' (position {}) must be {wanted}, not {found}", at + 1);
        let is_whole = matches!(value, Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e15);
        let error = interp.raise("TypeError", &text);
        let span = self.span(interp, at);
        let is_module = matches!(value, Value::Instance(instance) if interp.is_module(instance));
        error.teach(|t| {
            t.code = "argument";
            t.span = span;
            t.label = Some(format!("this is a {found}"));
            if wanted.contains("int") && matches!(value, Value::Float(_)) {
                t.helps.push(match value {
                    Value::Float(x) if is_whole => {
                        format!("write `{}`; `/` gives a float, `//` an int", *x as i64)
                    }
                    _ => "`/` gives a float, `//` an int".to_owned(),
                });
            }
            match value {
                Value::Instance(instance) if is_module => t.helps.push(format!(
                    "a layer is called with the tensor: `layer(x)`; `nn.{0}(x)` makes one, `nn.{0}()(x)` calls it",
                    instance.class.name
                )),
                Value::None => t.helps.push("it is `None`: does the function that it comes from `return` it?".to_owned()),
                Value::Int(_) | Value::Float(_) if wanted == "Tensor" => {
                    t.helps.push(format!("give it the tensor first: `{function}(x)`"));
                }
                Value::List(_) | Value::Tuple(_) if wanted == "Tensor" => {
                    t.helps.push("take one of its tensors, `x[0]`, or join them: `torch.cat(x, dim=1)`".to_owned());
                }
                _ => {}
            }
            if wanted == "tuple of Tensors" {
                t.helps.push("give the tensors in a list or a tuple: `torch.cat([a, b], dim=1)`".to_owned());
            }
        })
    }

    /// The error with the place of an argument.
    pub(super) fn at(&self, interp: &Interp, at: usize, error: Box<Thrown>) -> Box<Thrown> {
        let span = self.span(interp, at);
        error.teach(|t| {
            t.code = "argument";
            t.span = span;
        })
    }
}

/// An integer of Python's, or a tensor of one integer.
pub(super) fn int_of(value: &Value) -> Option<i64> {
    match value.plain() {
        Value::Int(n) => Some(n),
        Value::Bool(b) => Some(i64::from(b)),
        Value::Tensor(tensor) => match &*tensor.kind.borrow() {
            Kind::Host { data, is_integer: true, .. } if data.len() == 1 => Some(data[0] as i64),
            _ => None,
        },
        _ => None,
    }
}

/// A number of Python's, or a tensor of one number.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value.plain() {
        Value::Int(n) => Some(n as f64),
        Value::Bool(b) => Some(f64::from(u8::from(b))),
        Value::Float(x) => Some(x),
        Value::Tensor(tensor) => match &*tensor.kind.borrow() {
            Kind::Host { data, dims, .. } if dims.is_empty() => data.first().copied(),
            _ => None,
        },
        _ => None,
    }
}
