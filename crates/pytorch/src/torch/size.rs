//! `torch.Size`, devices and types: objects of classes of the vocabulary in Python.

use crate::interp::{Interp, Result};
use crate::value::{Instance, Value};
use std::rc::Rc;

impl Interp {
    /// A name of the module `torch`, if it was read.
    fn torch_name(&self, name: &str) -> Option<Value> {
        self.modules.get("torch").and_then(|torch| torch.get(name))
    }

    /// Dimensions as a `torch.Size`.
    pub(crate) fn size_value(&mut self, dims: &[usize]) -> Value {
        let items = Value::tuple(dims.iter().map(|&d| Value::Int(d as i64)).collect());
        match self.torch_name("Size") {
            Some(Value::Class(class)) => {
                let instance = Instance::new(class);
                *instance.payload.borrow_mut() = Some(items);
                Value::Instance(Rc::new(instance))
            }
            _ => items,
        }
    }

    /// `torch.device("cpu")`.
    ///
    /// # Errors
    /// What the class raises.
    pub(super) fn device_value(&mut self) -> Result {
        match self.torch_name("device") {
            Some(class @ Value::Class(_)) => self.call_with(&class, vec![Value::str("cpu")]),
            _ => Ok(Value::str("cpu")),
        }
    }

    /// A type by its name: `torch.float32`.
    pub(super) fn dtype_value(&mut self, is_integer: bool) -> Value {
        let name = if is_integer { "int64" } else { "float32" };
        self.torch_name(name).unwrap_or_else(|| Value::str(&format!("torch.{name}")))
    }
}
