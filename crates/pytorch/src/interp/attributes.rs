//! Attributes: how they are found, bound, set and deleted.

use std::rc::Rc;

use super::{Args, Interp, Result};
use crate::ast::Name;
use crate::nearest::nearest;
use crate::value::{Builtin, Class, Dict, DictKind, Function, Instance, Method, Module, Property, Value};

impl Interp {
    /// An attribute.
    ///
    /// # Errors
    /// AttributeError with the nearest name.
    pub(crate) fn get_attr(&mut self, value: &Value, name: &str) -> Result {
        match self.attr_of(value, name)? {
            Some(found) => Ok(found),
            None => Err(self.no_attribute(value, name)),
        }
    }

    /// An attribute, if there is one: a property or a `__getattr__` that raises AttributeError has none.
    pub(crate) fn find_attr(&mut self, value: &Value, name: &str) -> Result<Option<Value>> {
        let attribute_error = self.types.named("AttributeError");
        match self.attr_of(value, name) {
            Err(thrown)
                if !thrown.is_fatal
                    && !thrown.is_opaque
                    && attribute_error.is_some_and(|e| self.class_of(&thrown.value).is_subclass(&e)) =>
            {
                Ok(None)
            }
            result => result,
        }
    }

    fn attr_of(&mut self, value: &Value, name: &str) -> Result<Option<Value>> {
        match value {
            Value::Instance(instance) => self.instance_attr(instance, value, name),
            Value::Class(class) => self.class_attr(class, name),
            Value::Module(module) => self.module_attr(module, name),
            Value::Super(object) => {
                let (class, receiver) = match &object.object {
                    Value::Instance(instance) => (instance.class.clone(), object.object.clone()),
                    Value::Class(class) => (class.clone(), object.object.clone()),
                    other => (self.class_of(other), other.clone()),
                };
                match class.lookup_after(&object.class, name) {
                    Some(found) => self.bind(&found, &receiver, &class).map(Some),
                    None => Ok(self.base_method(&class, &receiver, name)),
                }
            }
            Value::Function(function) => {
                if let Some(found) = function.attrs.borrow().get(name) {
                    return Ok(Some(found.clone()));
                }
                Ok(match name {
                    "__name__" => Some(Value::Str(function.def.name.clone())),
                    "__qualname__" => Some(Value::Str(function.qualified.clone())),
                    "__doc__" => Some(function.def.doc.clone().map_or(Value::None, Value::Str)),
                    "__module__" => Some(Value::Str(function.scope.module.name.clone())),
                    "__defaults__" | "__kwdefaults__" => Some(defaults_of(function, name)),
                    "__annotations__" => return self.annotations_of(function).map(Some),
                    "__dict__" => {
                        let mut dict = Dict::default();
                        for (name, value) in function.attrs.borrow().iter() {
                            dict.set_str(name, value.clone());
                        }
                        Some(Value::dict(dict))
                    }
                    "__class__" => Some(Value::Class(self.class_of(value))),
                    _ => None,
                })
            }
            Value::Method(method) => match name {
                "__self__" => Ok(Some(method.receiver.clone())),
                "__func__" => Ok(Some(method.function.clone())),
                _ => self.find_attr(&method.function.clone(), name),
            },
            Value::Native(native) if matches!(name, "__name__" | "__qualname__") => {
                let short = native.name.rsplit('.').next().unwrap_or(native.name);
                Ok(Some(Value::str(short)))
            }
            Value::Native(native) if crate::builtins::attribute_of(native.name, name).is_some() => {
                Ok(crate::builtins::attribute_of(native.name, name))
            }
            Value::Property(property) => {
                let with = |name, call| {
                    let function = Value::native(name, call);
                    Value::Method(Rc::new(Method { receiver: value.clone(), function }))
                };
                match name {
                    "setter" => Ok(Some(with("property.setter", |interp, args| {
                        changed(interp, args, |property, function| property.setter = Some(function))
                    }))),
                    "getter" => Ok(Some(with("property.getter", |interp, args| {
                        changed(interp, args, |property, function| property.getter = function)
                    }))),
                    "deleter" => Ok(Some(with("property.deleter", |interp, args| {
                        changed(interp, args, |property, function| property.deleter = Some(function))
                    }))),
                    "fget" => Ok(Some(property.getter.clone())),
                    "fset" => Ok(Some(property.setter.clone().unwrap_or(Value::None))),
                    "fdel" => Ok(Some(property.deleter.clone().unwrap_or(Value::None))),
                    "__doc__" => match &property.doc {
                        Some(doc) => Ok(Some(doc.clone())),
                        None => self.find_attr(&property.getter.clone(), "__doc__"),
                    },
                    _ => Ok(None),
                }
            }
            Value::StaticMethod(inner) | Value::ClassMethod(inner) => self.find_attr(&inner.clone(), name),
            Value::Tensor(tensor) => match name {
                "__class__" => Ok(Some(Value::Class(self.class_of(value)))),
                _ => self.tensor_attr(tensor, name),
            },
            Value::Opaque(opaque) => {
                let path = format!("{}.{name}", opaque.path);
                Ok(Some(self.opaque(&path)))
            }
            Value::Slice(slice) => Ok(match name {
                "start" => Some(slice.start.clone()),
                "stop" => Some(slice.stop.clone()),
                "step" => Some(slice.step.clone()),
                _ => None,
            }),
            Value::Range(range) => Ok(match name {
                "start" => Some(Value::Int(range.start)),
                "stop" => Some(Value::Int(range.stop)),
                "step" => Some(Value::Int(range.step)),
                _ => self.builtin_attr(value, name),
            }),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) if matches!(name, "real" | "imag") => {
                let real = if let Value::Bool(b) = value { Value::Int(i64::from(*b)) } else { value.clone() };
                Ok(Some(match (name, &real) {
                    ("real", _) => real,
                    (_, Value::Float(_)) => Value::Float(0.0),
                    _ => Value::Int(0),
                }))
            }
            _ => Ok(self.builtin_attr(value, name)),
        }
    }

    /// A method of a value of a built-in type.
    fn builtin_attr(&mut self, value: &Value, name: &str) -> Option<Value> {
        let class = self.class_of(value);
        if name == "__class__" {
            return Some(Value::Class(class));
        }
        let native = class.builtin.and_then(|builtin| crate::builtins::method_of(builtin, name))?;
        Some(Value::Method(Rc::new(Method { receiver: value.clone(), function: Value::Native(native) })))
    }

    fn instance_attr(&mut self, instance: &Rc<Instance>, value: &Value, name: &str) -> Result<Option<Value>> {
        let of_class = instance.class.lookup(name);
        if let Some(Value::Property(property)) = &of_class {
            return self.call_with(&property.getter, vec![value.clone()]).map(Some);
        }
        if let Some(found) = instance.attrs.borrow().get(name) {
            return Ok(Some(found.clone()));
        }
        if let Some(found) = of_class {
            return self.bind(&found, value, &instance.class).map(Some);
        }
        match name {
            "__class__" => return Ok(Some(Value::Class(instance.class.clone()))),
            "__dict__" => {
                let kind = DictKind::Attributes(instance.clone());
                let mut dict = Dict { kind, ..Dict::default() };
                for (name, value) in instance.attrs.borrow().iter() {
                    dict.set_str(name, value.clone());
                }
                return Ok(Some(Value::dict(dict)));
            }
            "__doc__" => return Ok(Some(Value::None)),
            "__module__" => return Ok(Some(Value::Str(instance.class.module.clone()))),
            "training" => {
                if let Some(state) = &*instance.module.borrow() {
                    return Ok(Some(Value::Bool(!state.is_evaluating)));
                }
            }
            _ => {}
        }
        if let Some(payload) = instance.payload.borrow().clone()
            && let Some(found) = self.builtin_attr(&payload, name)
        {
            return Ok(Some(found));
        }
        if let Some(getter) = instance.class.lookup("__getattr__") {
            let getter = self.bind(&getter, value, &instance.class)?;
            return self.call_with(&getter, vec![Value::str(name)]).map(Some);
        }
        if matches!(name, "__init__" | "__setattr__" | "__getattribute__" | "__getattr__") {
            return Ok(self.base_method(&instance.class.clone(), value, name));
        }
        if let Some(opaque) = instance.class.mro.borrow().iter().find_map(|class| class.opaque.clone()) {
            let path = format!("{}.{name}", opaque.path);
            return Ok(Some(self.opaque(&path)));
        }
        Ok(None)
    }

    fn class_attr(&mut self, class: &Rc<Class>, name: &str) -> Result<Option<Value>> {
        if matches!(name, "__annotations__" | "__doc__") {
            let own = class.attrs.borrow().get(name).cloned();
            return Ok(Some(own.unwrap_or_else(|| match name {
                "__doc__" => Value::None,
                _ => Value::dict(Dict::default()),
            })));
        }
        if let Some(found) = class.lookup(name) {
            return Ok(Some(match found {
                Value::StaticMethod(inner) => (*inner).clone(),
                Value::ClassMethod(inner) => Value::Method(Rc::new(Method {
                    receiver: Value::Class(class.clone()),
                    function: (*inner).clone(),
                })),
                found => found,
            }));
        }
        let found = match name {
            "__name__" | "__qualname__" => Some(Value::Str(class.name.clone())),
            "__module__" => Some(Value::Str(class.module.clone())),
            "__class__" => Some(Value::Class(self.types.builtin(Builtin::Type))),
            "__bases__" => {
                Some(Value::tuple(class.bases.iter().map(|base| Value::Class(base.clone())).collect()))
            }
            "__mro__" => {
                Some(Value::tuple(class.mro.borrow().iter().map(|c| Value::Class(c.clone())).collect()))
            }
            "__dict__" => {
                let mut dict = Dict::default();
                for (name, value) in class.attrs.borrow().iter() {
                    dict.set_str(name, value.clone());
                }
                Some(Value::dict(dict))
            }
            "mro" => {
                let order = class.mro.borrow().iter().map(|c| Value::Class(c.clone())).collect();
                Some(Value::Method(Rc::new(Method {
                    receiver: Value::tuple(order),
                    function: Value::native("type.mro", |interp, args: Args| {
                        interp.construct(Builtin::List, args)
                    }),
                })))
            }
            _ => {
                let builtin = class.builtin.or_else(|| class.builtin_base());
                let native = builtin.and_then(|builtin| crate::builtins::method_of(builtin, name));
                native.map(Value::Native).or_else(|| object_method(name))
            }
        };
        if found.is_none()
            && let Some(opaque) = class.mro.borrow().iter().find_map(|class| class.opaque.clone())
        {
            let path = format!("{}.{name}", opaque.path);
            return Ok(Some(self.opaque(&path)));
        }
        Ok(found)
    }

    fn module_attr(&mut self, module: &Rc<Module>, name: &str) -> Result<Option<Value>> {
        if let Some(found) = module.get(name) {
            return Ok(Some(found));
        }
        if name == "__name__" {
            return Ok(Some(Value::Str(module.name.clone())));
        }
        if name == "__dict__" {
            let mut dict = Dict::default();
            if let Some(scope) = &*module.scope.borrow() {
                for (name, value) in scope.vars.borrow().iter() {
                    dict.set_str(name, value.clone());
                }
            }
            return Ok(Some(Value::dict(dict)));
        }
        let path = format!("{}.{name}", module.name);
        if crate::prelude::file(&path).is_some() || crate::builtins::module(&path).is_some() {
            return self.import_module(&path).map(Some);
        }
        // What PyTorch keeps to itself (`torch._C`) is not known, and no mistake.
        let is_private = name.starts_with('_') && !name.starts_with("__");
        if module.is_prelude && (is_private || crate::prelude::is_known(&path)) {
            return self.absent_name(module, name).map(Some);
        }
        Ok(None)
    }

    /// What `object`, or a built-in base, gives where no class has it.
    fn base_method(&self, class: &Rc<Class>, receiver: &Value, name: &str) -> Option<Value> {
        let builtin = class.builtin_base().and_then(|builtin| crate::builtins::method_of(builtin, name));
        let function = match builtin {
            Some(native) => Value::Native(native),
            None if name == "__init__" && class.builtin_base().is_some() => {
                Value::native("__init__", init_payload)
            }
            None if name == "__getattr__" => module_getter(receiver)?,
            None => object_method(name)?,
        };
        if name == "__new__" {
            return Some(function);
        }
        Some(Value::Method(Rc::new(Method { receiver: receiver.clone(), function })))
    }

    /// What is found on a class, as it is seen from an object of it.
    pub(crate) fn bind(&mut self, found: &Value, receiver: &Value, class: &Rc<Class>) -> Result {
        Ok(match found {
            Value::Function(_) | Value::Native(_) => {
                Value::Method(Rc::new(Method { receiver: receiver.clone(), function: found.clone() }))
            }
            Value::StaticMethod(inner) => (**inner).clone(),
            Value::ClassMethod(inner) => {
                let class = match receiver {
                    Value::Class(_) => receiver.clone(),
                    _ => Value::Class(class.clone()),
                };
                Value::Method(Rc::new(Method { receiver: class, function: (**inner).clone() }))
            }
            Value::Property(property) => self.call_with(&property.getter, vec![receiver.clone()])?,
            _ => found.clone(),
        })
    }

    /// Sets an attribute.
    pub(crate) fn set_attr(&mut self, value: &Value, name: &str, new: Value) -> Result<()> {
        match value {
            Value::Instance(instance) => {
                match instance.class.lookup(name) {
                    Some(Value::Property(property)) => {
                        let Some(setter) = &property.setter else {
                            let class = &instance.class.name;
                            let message = format!("property '{name}' of '{class}' object has no setter");
                            return Err(self.raise("AttributeError", &message));
                        };
                        return self.call_with(setter, vec![value.clone(), new]).map(drop);
                    }
                    _ => {
                        if let Some(setter) = instance.class.lookup("__setattr__") {
                            return self
                                .call_with(&setter, vec![value.clone(), Value::str(name), new])
                                .map(drop);
                        }
                    }
                }
                self.set_own(instance, name, new)
            }
            Value::Class(class) if class.builtin.is_none() => {
                class.attrs.borrow_mut().insert(name.into(), new);
                Ok(())
            }
            Value::Function(function) => {
                function.attrs.borrow_mut().insert(name.into(), new);
                Ok(())
            }
            Value::Module(module) => {
                if let Some(scope) = &*module.scope.borrow() {
                    scope.set(name.into(), new);
                }
                Ok(())
            }
            Value::Tensor(tensor) => self.tensor_set_attr(tensor, name, new),
            Value::Opaque(_) => Ok(()),
            _ => {
                let class = self.type_name(value);
                Err(self.raise("AttributeError", &format!("'{class}' object has no attribute '{name}'")))
            }
        }
    }

    /// Sets an attribute of the object itself.
    pub(crate) fn set_own(&mut self, instance: &Rc<Instance>, name: &str, new: Value) -> Result<()> {
        if self.is_module(instance) {
            self.module_set_attr(instance, name, &new)?;
        }
        self.charge(1)?;
        instance.attrs.borrow_mut().insert(name.into(), new);
        Ok(())
    }

    /// Deletes an attribute.
    pub(crate) fn del_attr(&mut self, value: &Value, name: &str) -> Result<()> {
        if let Value::Instance(instance) = value {
            match instance.class.lookup(name) {
                Some(Value::Property(property)) => {
                    let Some(deleter) = &property.deleter else {
                        let class = &instance.class.name;
                        let message = format!("property '{name}' of '{class}' object has no deleter");
                        return Err(self.raise("AttributeError", &message));
                    };
                    return self.call_with(deleter, vec![value.clone()]).map(drop);
                }
                _ => {
                    if let Some(deleter) = instance.class.lookup("__delattr__") {
                        return self.call_with(&deleter, vec![value.clone(), Value::str(name)]).map(drop);
                    }
                }
            }
        }
        let removed = match value {
            Value::Instance(instance) => instance.attrs.borrow_mut().shift_remove(name),
            Value::Class(class) => class.attrs.borrow_mut().shift_remove(name),
            Value::Opaque(_) => return Ok(()),
            _ => None,
        };
        match removed {
            Some(_) => Ok(()),
            None => Err(self.no_attribute(value, name)),
        }
    }

    /// The error for an attribute that is not there.
    fn no_attribute(&mut self, value: &Value, name: &str) -> Box<super::Thrown> {
        let (message, known): (String, Vec<Name>) = match value {
            Value::Module(module) => {
                let scope = module.scope.borrow();
                let names =
                    scope.iter().flat_map(|scope| scope.vars.borrow().keys().cloned().collect::<Vec<_>>());
                let mut known: Vec<Name> = names.filter(|name| !name.starts_with('_')).collect();
                if module.is_prelude {
                    known.extend(crate::prelude::known(&module.name).iter().map(|name| Name::from(*name)));
                }
                (format!("module '{}' has no attribute '{name}'", module.name), known)
            }
            Value::Class(class) => {
                (format!("type object '{}' has no attribute '{name}'", class.name), self.names_of(class))
            }
            Value::Instance(instance) => {
                let mut known: Vec<Name> = instance.attrs.borrow().keys().cloned().collect();
                known.extend(self.names_of(&instance.class));
                (format!("'{}' object has no attribute '{name}'", instance.class.name), known)
            }
            Value::Super(object) => {
                (format!("'super' object has no attribute '{name}'"), self.names_of(&object.class))
            }
            Value::None => (format!("'NoneType' object has no attribute '{name}'"), Vec::new()),
            Value::Tensor(_) => (
                format!("'Tensor' object has no attribute '{name}'"),
                crate::prelude::known("torch.Tensor").iter().map(|name| Name::from(*name)).collect(),
            ),
            _ => (format!("'{}' object has no attribute '{name}'", self.type_name(value)), Vec::new()),
        };
        let near = nearest(name, known.iter().map(|name| &**name)).map(str::to_owned);
        let other = match value {
            Value::Module(module) if module.is_prelude => super::foreign::layer(name),
            Value::None => {
                Some("it is `None` here: was it set, and does the function that gives it `return` it?")
            }
            _ => None,
        };
        let hint = match value {
            Value::Instance(instance) => unset(instance, name),
            _ => None,
        };
        self.raise("AttributeError", &message).teach(|teaching| {
            teaching.code = "name";
            match (hint, other) {
                (Some((span, label, help)), _) => {
                    teaching.labels.push((span, label));
                    teaching.helps.push(help);
                }
                (None, Some(other)) => teaching.helps.push(other.to_owned()),
                (None, None) => teaching.helps.extend(near.map(|near| format!("did you mean `{near}`?"))),
            }
        })
    }

    /// A function's annotations: evaluated when they are read, those of a file that imports them as texts left as texts.
    fn annotations_of(&mut self, function: &Rc<Function>) -> Result {
        let mut dict = Dict::default();
        let def = function.def.clone();
        let named = def.parameters.named.iter().map(|p| (&p.name, p.annotation.as_ref()));
        let returned: Name = "return".into();
        for (name, annotation) in named.chain([(&returned, def.returns.as_ref())]) {
            let Some(annotation) = annotation else { continue };
            let value = if self.leaves_annotations(&function.scope.module) {
                Value::str(self.sources.text(annotation.span))
            } else {
                self.eval_within(&function.scope, annotation)?
            };
            dict.set_str(name, value);
        }
        Ok(Value::dict(dict))
    }

    /// Whether a module begins with `from __future__ import annotations`.
    pub(super) fn leaves_annotations(&self, module: &Module) -> bool {
        matches!(module.get("annotations"), Some(Value::None))
    }

    /// The names of a class and those above it.
    fn names_of(&self, class: &Rc<Class>) -> Vec<Name> {
        class.mro.borrow().iter().flat_map(|c| c.attrs.borrow().keys().cloned().collect::<Vec<_>>()).collect()
    }
}

/// `__defaults__`, those of parameters by position, or `__kwdefaults__`, those of parameters by name alone.
fn defaults_of(function: &Function, name: &str) -> Value {
    let parameters = &function.def.parameters;
    let (before, behind) = function.defaults.split_at(parameters.positional);
    if name == "__defaults__" {
        let values: Vec<Value> = before.iter().flatten().cloned().collect();
        return if values.is_empty() { Value::None } else { Value::tuple(values) };
    }
    let mut dict = Dict::default();
    for (parameter, value) in parameters.named[parameters.positional..].iter().zip(behind) {
        value.iter().for_each(|value| dict.set_str(&parameter.name, value.clone()));
    }
    if dict.map.is_empty() { Value::None } else { Value::dict(dict) }
}

/// Why an attribute was never set: a constructor under another name, or one that sets a name of its own.
fn unset(instance: &Instance, name: &str) -> Option<(crate::source::Span, String, String)> {
    let class = &instance.class;
    let own = class.attrs.borrow();
    let methods = own.iter().filter_map(|(name, value)| match value {
        Value::Function(function) => Some((name, function)),
        _ => None,
    });
    match own.get("__init__") {
        Some(Value::Function(init)) => init.def.locals.iter().any(|local| **local == *name).then(|| {
            let label = format!("`{name}` is a name of this function alone");
            (init.def.name_span, label, format!("keep it on the object: `self.{name} = …`"))
        }),
        _ => methods.into_iter().find(|(name, _)| is_like_init(name)).map(|(wrong, function)| {
            let label = format!("Python does not call `{wrong}` where a `{}` is made", class.name);
            (function.def.name_span, label, "it is `__init__`, with two underscores on each side".to_owned())
        }),
    }
}

/// Whether a method's name is `__init__`, misspelt.
fn is_like_init(name: &str) -> bool {
    let bare = name.trim_matches('_').to_lowercase();
    matches!(&*bare, "init" | "int" | "inti" | "innit" | "initi" | "ini" | "constructor") && name != "__int__"
        || name == "__int__"
}

/// The methods of `object`.
fn object_method(name: &str) -> Option<Value> {
    Some(match name {
        "__init__" => Value::native("object.__init__", |interp, args: Args| {
            // An exception keeps what it is given.
            if let Some((Value::Instance(instance), given)) = args.items.split_first()
                && interp.is_exception(&instance.class)
            {
                instance.attrs.borrow_mut().insert("args".into(), Value::tuple(given.to_vec()));
            }
            Ok(Value::None)
        }),
        "__new__" => Value::native("object.__new__", |interp, args: Args| match args.items.first() {
            Some(Value::Class(class)) => {
                let instance = interp.new_instance(class);
                if let (Some(_), Some(items)) = (class.builtin_base(), args.items.get(1)) {
                    *instance.payload.borrow_mut() = Some(items.clone());
                }
                Ok(Value::Instance(instance))
            }
            _ => Err(interp.raise("TypeError", "object.__new__(X): X is not a type object")),
        }),
        "__setattr__" => Value::native("object.__setattr__", |interp, args: Args| {
            let items = args.positional(interp, "__setattr__", 3, 3)?;
            if let (Value::Instance(instance), Value::Str(name)) = (&items[0], &items[1]) {
                interp.set_own(instance, name, items[2].clone())?;
            }
            Ok(Value::None)
        }),
        "__getattribute__" => Value::native("object.__getattribute__", |interp, args: Args| {
            let items = args.positional(interp, "__getattribute__", 2, 2)?;
            let Value::Str(name) = items[1].clone() else { return Ok(Value::None) };
            interp.get_attr(&items[0], &name)
        }),
        "__init_subclass__" => Value::native("object.__init_subclass__", |_, _| Ok(Value::None)),
        _ => return crate::builtins::method_of(Builtin::Object, name).map(Value::Native),
    })
}

/// `Module.__getattr__`: what a module keeps in its tables. Only modules have it.
fn module_getter(receiver: &Value) -> Option<Value> {
    let Value::Instance(instance) = receiver else { return None };
    instance.module.borrow().as_ref()?;
    Some(Value::native("Module.__getattr__", |interp, args: Args| {
        let items = args.positional(interp, "__getattr__", 2, 2)?;
        if let (Value::Instance(instance), Value::Str(name)) = (&items[0], &items[1]) {
            let found = instance.attrs.borrow().get(name).cloned();
            let is_kept = |value: &Value| match value {
                Value::Instance(instance) => instance.module.borrow().is_some(),
                value => matches!(value, Value::Tensor(_)),
            };
            if let Some(found) = found.filter(is_kept) {
                return Ok(found);
            }
            let message = format!("'{}' object has no attribute '{name}'", instance.class.name);
            return Err(interp.raise("AttributeError", &message));
        }
        Err(interp.raise("TypeError", "attribute name must be string"))
    }))
}

/// `dict.__init__(self, …)` and the like, of a class that extends a built-in type.
fn init_payload(interp: &mut Interp, mut args: Args) -> Result {
    if args.items.is_empty() {
        return Ok(Value::None);
    }
    let receiver = args.items.remove(0);
    args.spans.drain(..1.min(args.spans.len()));
    if let Value::Instance(instance) = &receiver
        && let Some(builtin) = instance.class.builtin_base()
    {
        let payload = interp.construct(builtin, args)?;
        *instance.payload.borrow_mut() = Some(payload);
    }
    Ok(Value::None)
}

/// A property with one of its functions changed: `@name.setter` and its kin.
fn changed(interp: &mut Interp, args: Args, change: fn(&mut Property, Value)) -> Result {
    let items = args.positional(interp, "property", 2, 2)?;
    let Value::Property(property) = &items[0] else { return Ok(items[1].clone()) };
    let mut property = Property::clone(property);
    change(&mut property, items[1].clone());
    Ok(Value::Property(Rc::new(property)))
}
