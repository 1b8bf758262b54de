//! Methods of the user's with names in double underscores, and how deep values may nest.

use crate::interp::{Interp, Result};
use crate::value::Value;

impl Interp {
    /// The special method that a class of Python code gives its instances; `None` for built-in types.
    pub(crate) fn special(&self, value: &Value, name: &str) -> Option<Value> {
        let Value::Instance(instance) = value else { return None };
        let mro = instance.class.mro.borrow();
        mro.iter()
            .filter(|class| class.builtin.is_none())
            .find_map(|class| class.attrs.borrow().get(name).cloned())
    }

    /// Calls a special method on its object.
    ///
    /// # Errors
    /// What it raises.
    pub(crate) fn call_special(&mut self, method: &Value, object: &Value, mut args: Vec<Value>) -> Result {
        match method {
            Value::StaticMethod(function) => self.call_with(function, args),
            Value::ClassMethod(function) => {
                args.insert(0, Value::Class(self.class_of(object)));
                self.call_with(function, args)
            }
            Value::Function(_) | Value::Native(_) => {
                args.insert(0, object.clone());
                self.call_with(method, args)
            }
            _ => self.call_with(method, args),
        }
    }

    /// Looks a special method up and calls it, if there is one.
    ///
    /// # Errors
    /// What it raises.
    pub(crate) fn try_special(
        &mut self,
        object: &Value,
        name: &str,
        args: Vec<Value>,
    ) -> Result<Option<Value>> {
        match self.special(object, name) {
            Some(method) => self.call_special(&method, object, args).map(Some),
            None => Ok(None),
        }
    }

    /// Counts work that is done on so many elements without making any.
    ///
    /// # Errors
    /// When all steps are used.
    pub(crate) fn work(&mut self, elements: usize) -> Result<()> {
        self.limits.steps = self.limits.steps.saturating_sub(elements as u64 / 64);
        self.step()
    }

    /// Runs something one level deeper into a value: what Python calls recursion.
    ///
    /// # Errors
    /// RecursionError when it is too deep.
    pub(crate) fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.frames.len() >= self.limits.depth {
            return Err(self.raise("RecursionError", "maximum recursion depth exceeded"));
        }
        self.limits.depth -= 1;
        let result = run(self);
        self.limits.depth += 1;
        result
    }
}
