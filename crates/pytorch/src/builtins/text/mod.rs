//! `repr` and `str` of every value, as CPython writes them.

mod float;
mod quote;

pub(crate) use float::{float_repr, split_exponent, with_exponent};
pub(crate) use quote::{ascii, quoted, quoted_bytes};

use std::rc::Rc;

use crate::interp::{Interp, Result};
use crate::value::{Class, Dict, DictKind, Instance, Value};

impl Interp {
    /// `repr(value)`.
    ///
    /// # Errors
    /// What a `__repr__` raises; limits.
    pub(crate) fn repr(&mut self, value: &Value) -> Result<String> {
        let mut out = String::new();
        self.write_repr(&mut out, value, &mut Vec::new())?;
        Ok(out)
    }

    /// `str(value)`.
    ///
    /// # Errors
    /// What a `__str__` or `__repr__` raises; limits.
    pub(crate) fn str_of(&mut self, value: &Value) -> Result<String> {
        match value {
            Value::Str(text) => {
                self.charge(text.len())?;
                Ok(text.to_string())
            }
            Value::Instance(instance) => {
                if let Some(method) = self.special(value, "__str__") {
                    return self.text_of(&method, value, "__str__");
                }
                if self.special(value, "__repr__").is_none() {
                    if self.is_exception(&instance.class) {
                        return self.args_text(instance);
                    }
                    if let Some(text @ Value::Str(_)) = instance.payload.borrow().clone() {
                        return self.str_of(&text);
                    }
                }
                self.repr(value)
            }
            _ => self.repr(value),
        }
    }

    /// What a `__repr__` or `__str__` gives, which must be a string.
    fn text_of(&mut self, method: &Value, value: &Value, name: &str) -> Result<String> {
        let shown = self.nested(|interp| interp.call_special(method, value, Vec::new()))?;
        match shown.plain() {
            Value::Str(text) => Ok(text.to_string()),
            other => {
                let found = self.type_name(&other);
                Err(self.raise("TypeError", &format!("{name} returned non-string (type {found})")))
            }
        }
    }

    /// Whether a class is one of exceptions.
    pub(crate) fn is_exception(&self, class: &Rc<Class>) -> bool {
        self.types.named("BaseException").is_some_and(|base| class.is_subclass(&base))
    }

    /// The arguments that an exception was made with.
    fn exception_args(instance: &Instance) -> Vec<Value> {
        match instance.attrs.borrow().get("args") {
            Some(Value::Tuple(args)) => args.to_vec(),
            _ => Vec::new(),
        }
    }

    /// `str` of an exception: its argument, or all of them.
    pub(super) fn args_text(&mut self, instance: &Instance) -> Result<String> {
        let args = Self::exception_args(instance);
        match &args[..] {
            [] => Ok(String::new()),
            [key] if instance.class.mro.borrow().iter().any(|class| &*class.name == "KeyError") => {
                self.repr(key)
            }
            [one] => self.str_of(one),
            _ => self.repr(&Value::tuple(args)),
        }
    }

    fn write_view(
        &mut self,
        out: &mut String,
        name: &str,
        items: &Value,
        active: &mut Vec<usize>,
    ) -> Result<()> {
        out.push_str(name);
        out.push('(');
        self.nested(|interp| interp.write_repr(out, items, active))?;
        out.push(')');
        Ok(())
    }

    /// `active` are the containers around it, which are written as `[...]` when they come again.
    fn write_repr(&mut self, out: &mut String, value: &Value, active: &mut Vec<usize>) -> Result<()> {
        self.step()?;
        match value {
            Value::List(items) => {
                let items = items.borrow().clone();
                self.guarded(out, value, active, "[...]", |interp, out, active| {
                    interp.write_items(out, "[", &items, "]", active)
                })?;
            }
            Value::Tuple(items) => {
                let end = if items.len() == 1 { ",)" } else { ")" };
                let items = items.to_vec();
                self.guarded(out, value, active, "(...)", |interp, out, active| {
                    interp.write_items(out, "(", &items, end, active)
                })?;
            }
            Value::Dict(dict) => {
                let dict = dict.borrow().clone();
                let again = if matches!(dict.kind, DictKind::Ordered) { "..." } else { "{...}" };
                self.guarded(out, value, active, again, |interp, out, active| {
                    interp.write_dict(out, &dict, active)
                })?;
            }
            Value::Set { items, frozen } => {
                let items: Vec<Value> = items.borrow().keys().cloned().collect();
                match (items.is_empty(), frozen) {
                    (true, false) => out.push_str("set()"),
                    (true, true) => out.push_str("frozenset()"),
                    (false, false) => self.write_items(out, "{", &items, "}", active)?,
                    (false, true) => self.write_items(out, "frozenset({", &items, "})", active)?,
                }
            }
            Value::Slice(slice) => {
                let parts = [slice.start.clone(), slice.stop.clone(), slice.step.clone()];
                self.write_items(out, "slice(", &parts, ")", active)?;
            }
            Value::Instance(instance) => self.write_instance(out, instance, value, active)?,
            Value::Method(method) => {
                if let Value::Native(native) = &method.function {
                    let (receiver, name) = (self.type_name(&method.receiver), last_part(native.name));
                    out.push_str(&format!(
                        "<built-in method {name} of {receiver} object at {}>",
                        at(&method.receiver)
                    ));
                } else {
                    let name = match &method.function {
                        Value::Function(function) => function.qualified.to_string(),
                        _ => "?".to_owned(),
                    };
                    out.push_str(&format!("<bound method {name} of "));
                    self.nested(|interp| interp.write_repr(out, &method.receiver, active))?;
                    out.push('>');
                }
            }
            Value::Super(parent) => {
                let (class, object) = (parent.class.name.clone(), self.type_name(&parent.object));
                out.push_str(&format!("<super: <class '{class}'>, <{object} object>>"));
            }
            Value::Tensor(tensor) => out.push_str(&self.tensor_repr(tensor)?),
            _ => {
                let text = simple_repr(value);
                self.charge(text.len())?;
                out.push_str(&text);
            }
        }
        Ok(())
    }

    /// Writes a container, unless it is being written already.
    fn guarded(
        &mut self,
        out: &mut String,
        value: &Value,
        active: &mut Vec<usize>,
        again: &str,
        write: impl FnOnce(&mut Self, &mut String, &mut Vec<usize>) -> Result<()>,
    ) -> Result<()> {
        let address = value.address().unwrap_or_default();
        if active.contains(&address) {
            out.push_str(again);
            return Ok(());
        }
        active.push(address);
        let written = self.nested(|interp| write(interp, out, active));
        active.pop();
        written
    }

    fn write_items(
        &mut self,
        out: &mut String,
        start: &str,
        items: &[Value],
        end: &str,
        active: &mut Vec<usize>,
    ) -> Result<()> {
        out.push_str(start);
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            self.write_repr(out, item, active)?;
        }
        out.push_str(end);
        Ok(())
    }

    fn write_dict(&mut self, out: &mut String, dict: &Dict, active: &mut Vec<usize>) -> Result<()> {
        let mut pairs: Vec<(Value, Value)> = dict.map.values().cloned().collect();
        let (start, end) = match &dict.kind {
            DictKind::Plain | DictKind::Attributes(_) => ("{".to_owned(), "}"),
            DictKind::Ordered if pairs.is_empty() => ("OrderedDict(".to_owned(), ")"),
            DictKind::Ordered => {
                let pairs: Vec<Value> = pairs.into_iter().map(|(k, v)| Value::tuple(vec![k, v])).collect();
                return self.write_items(out, "OrderedDict([", &pairs, "])", active);
            }
            DictKind::Default(factory) => (format!("defaultdict({}, {{", self.repr(factory)?), "})"),
            DictKind::Counter if pairs.is_empty() => ("Counter(".to_owned(), ")"),
            DictKind::Counter => {
                // The most frequent first; equal ones as they came.
                pairs.sort_by_key(|(_, count)| match count {
                    Value::Int(count) => std::cmp::Reverse(*count),
                    _ => std::cmp::Reverse(0),
                });
                ("Counter({".to_owned(), "})")
            }
        };
        out.push_str(&start);
        for (i, (key, value)) in pairs.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            self.write_repr(out, key, active)?;
            out.push_str(": ");
            self.write_repr(out, value, active)?;
        }
        out.push_str(end);
        Ok(())
    }

    fn write_instance(
        &mut self,
        out: &mut String,
        instance: &Rc<Instance>,
        value: &Value,
        active: &mut Vec<usize>,
    ) -> Result<()> {
        if let Some(method) = self.special(value, "__repr__") {
            out.push_str(&self.text_of(&method, value, "__repr__")?);
            return Ok(());
        }
        self.write_default(out, instance, value, active)
    }

    /// `object.__repr__`: the text of a value, whatever its class says.
    ///
    /// # Errors
    /// What the methods of values in it raise.
    pub(crate) fn default_repr(&mut self, value: &Value) -> Result<String> {
        let Value::Instance(instance) = value else { return self.repr(value) };
        let mut out = String::new();
        self.write_default(&mut out, instance, value, &mut Vec::new())?;
        Ok(out)
    }

    fn write_default(
        &mut self,
        out: &mut String,
        instance: &Rc<Instance>,
        value: &Value,
        active: &mut Vec<usize>,
    ) -> Result<()> {
        if self.is_exception(&instance.class) {
            let args = Self::exception_args(instance);
            out.push_str(&instance.class.name);
            return self.nested(|interp| interp.write_items(out, "(", &args, ")", active));
        }
        let payload = instance.payload.borrow().clone();
        match payload {
            Some(Value::Dict(dict)) if &*instance.class.name == "dict_keys" => {
                let keys = Value::list(dict.borrow().keys().cloned().collect());
                self.write_view(out, "dict_keys", &keys, active)
            }
            Some(list @ Value::List(_)) if matches!(&*instance.class.name, "dict_values" | "dict_items") => {
                self.write_view(out, &instance.class.name, &list, active)
            }
            Some(Value::Set { items, .. }) => {
                let items: Vec<Value> = items.borrow().keys().cloned().collect();
                let name = &instance.class.name;
                if items.is_empty() {
                    out.push_str(&format!("{name}()"));
                    Ok(())
                } else {
                    self.write_items(out, &format!("{name}({{"), &items, "})", active)
                }
            }
            Some(payload) => self.nested(|interp| interp.write_repr(out, &payload, active)),
            None => {
                out.push_str(&format!("<{} object at {}>", full_name(&instance.class), at(value)));
                Ok(())
            }
        }
    }
}

/// The text of values that hold no others.
fn simple_repr(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Ellipsis => "Ellipsis".to_owned(),
        Value::NotImplemented => "NotImplemented".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => float_repr(*x),
        Value::Str(text) => quoted(text),
        Value::Bytes(bytes) => quoted_bytes(bytes),
        Value::Range(range) if range.step == 1 => format!("range({}, {})", range.start, range.stop),
        Value::Range(range) => format!("range({}, {}, {})", range.start, range.stop, range.step),
        Value::Iter(iter) => {
            let name = iter.try_borrow().map_or("iterator", |iter| iter.type_name());
            format!("<{name} object at {}>", at(value))
        }
        Value::Function(function) => format!("<function {} at {}>", function.qualified, at(value)),
        Value::Native(native) => format!("<built-in function {}>", last_part(native.name)),
        Value::Class(class) => format!("<class '{}'>", full_name(class)),
        Value::Module(module) => format!("<module '{}'>", module.name),
        Value::Property(_) => format!("<property object at {}>", at(value)),
        Value::StaticMethod(inner) => format!("<staticmethod({})>", simple_repr(inner)),
        Value::ClassMethod(inner) => format!("<classmethod({})>", simple_repr(inner)),
        Value::Opaque(opaque) => format!("<unknown {}>", opaque.path),
        _ => format!("<object at {}>", at(value)),
    }
}

/// `__main__.Net`; built-in classes without their module.
fn full_name(class: &Class) -> String {
    match &*class.module {
        "" | "builtins" => class.name.to_string(),
        module => format!("{module}.{}", class.name),
    }
}

fn at(value: &Value) -> String {
    format!("0x{:012x}", value.address().unwrap_or_default())
}

/// `append` of `list.append`.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
