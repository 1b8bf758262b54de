//! The names that PyTorch gives the modules and the tensors of a network.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::interp::Interp;
use crate::torch::{Kind, Parameter};
use crate::value::{Instance, Value};

/// A tensor of the state dict.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) parameter: Rc<Parameter>,
}

/// Modules and tensors by their paths.
pub(super) struct Registry {
    /// The first path of each module, by where it lies.
    modules: HashMap<*const Instance, String>,
    /// The state dict in PyTorch's order.
    pub(super) tensors: Vec<Listed>,
    /// The names of each tensor.
    names: HashMap<*const Parameter, Vec<usize>>,
}

impl Registry {
    /// Walks through a network.
    pub(super) fn of(interp: &Interp, root: &Rc<Instance>) -> Self {
        let mut registry = Self { modules: HashMap::new(), tensors: Vec::new(), names: HashMap::new() };
        registry.walk(interp, root, "", &mut HashSet::new());
        for (i, listed) in registry.tensors.iter().enumerate() {
            registry.names.entry(Rc::as_ptr(&listed.parameter)).or_default().push(i);
        }
        registry
    }

    fn walk(
        &mut self,
        interp: &Interp,
        module: &Rc<Instance>,
        path: &str,
        above: &mut HashSet<*const Instance>,
    ) {
        // A module that holds itself would have no end.
        if !above.insert(Rc::as_ptr(module)) {
            return;
        }
        self.modules.entry(Rc::as_ptr(module)).or_insert_with(|| path.to_owned());
        let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let attrs = module.attrs.borrow();
        let state = module.module.borrow();
        for buffers in [false, true] {
            for (name, value) in attrs.iter() {
                let Value::Tensor(tensor) = value else { continue };
                let Kind::Parameter(parameter) = tensor.kind() else { continue };
                let buffer = state.iter().flat_map(|state| &state.buffers).find(|(buffer, _)| buffer == name);
                let listed = match buffer {
                    Some((_, persistent)) => buffers && *persistent,
                    None => !buffers && !parameter.is_buffer,
                };
                if listed {
                    self.tensors.push(Listed { name: join(name), parameter });
                }
            }
        }
        for (name, value) in attrs.iter() {
            if let Value::Instance(child) = value
                && interp.is_module(child)
            {
                self.walk(interp, child, &join(name), above);
            }
        }
        above.remove(&Rc::as_ptr(module));
    }

    /// The path of a module; `None` if the network does not have it.
    pub(super) fn path(&self, module: &Rc<Instance>) -> Option<&str> {
        self.modules.get(&Rc::as_ptr(module)).map(String::as_str)
    }

    /// The names of a tensor in the state dict.
    pub(super) fn names(&self, parameter: &Rc<Parameter>) -> Vec<&str> {
        let places = self.names.get(&Rc::as_ptr(parameter));
        places.into_iter().flatten().map(|&i| self.tensors[i].name.as_str()).collect()
    }
}
