//! Classes: their bodies, their order of lookup, and `super`, `property` and their kin.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Args, Frame, Interp, Result};
use crate::ast::{ArgKind, ClassDef};
use crate::value::{Builtin, Class, Property, Scope, ScopeKind, Super, Value};

impl Interp {
    /// Runs a class's body, and makes the class.
    pub(super) fn make_class(&mut self, def: &Rc<ClassDef>) -> Result {
        let mut bases: Vec<Rc<Class>> = Vec::new();
        let mut opaque = None;
        for base in &def.bases {
            let value = self.eval(&base.value)?;
            if matches!(base.kind, ArgKind::Keyword(_) | ArgKind::DoubleStar) {
                continue;
            }
            match &value {
                Value::Class(class) => bases.push(class.clone()),
                Value::Opaque(unknown) => opaque = Some(unknown.clone()),
                Value::Instance(_) => {
                    // `Generic[T]` and its kin give an object that stands for a class.
                    if let Some(Value::Class(class)) = self.find_attr(&value, "__origin__")? {
                        bases.push(class);
                    }
                }
                Value::Module(module) => {
                    let message = format!("`{}` is a module, and a class derives from classes", module.name);
                    return Err(self.raise("TypeError", &message).teach(|t| {
                        t.span = Some(base.span);
                        t.helps.push("did you mean a class of it, such as `nn.Module`?".into());
                    }));
                }
                _ => {
                    let name = self.type_name(&value);
                    return Err(self.raise("TypeError", &format!("a class cannot derive from a {name}")));
                }
            }
        }
        if bases.is_empty() {
            bases.push(self.types.builtin(Builtin::Object));
        }
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let scope = Scope::within(&frame.scope, ScopeKind::Class, None);
        let qualified = match (&frame.function, frame.scope.kind) {
            (Some(outer), ScopeKind::Class) => format!("{outer}.{}", def.name).into(),
            _ => def.name.clone(),
        };
        let module = frame.scope.module.name.clone();
        let (span, is_prelude) = (frame.span, frame.is_prelude);
        self.frames.push(Frame {
            function: Some(qualified),
            span,
            is_prelude,
            arguments: Vec::new(),
            class: None,
            receiver: None,
            scope: scope.clone(),
        });
        let result = self.block(&def.body);
        self.frames.pop();
        result?;
        let attrs = scope.vars.borrow().clone();
        let class = Rc::new(Class {
            name: def.name.clone(),
            module,
            bases,
            mro: RefCell::default(),
            attrs: RefCell::new(attrs),
            builtin: None,
            opaque,
            annotations: RefCell::default(),
            span: Some(def.name_span),
        });
        match linearize(&class) {
            Some(mro) => *class.mro.borrow_mut() = mro,
            None => {
                let message = "cannot create a consistent method resolution order (MRO) for these bases";
                return Err(self.raise("TypeError", message));
            }
        }
        for (name, kind) in scope.declared.borrow().iter() {
            // Annotations of the body wait here under their names.
            let _ = kind;
            let value = class.attrs.borrow().get(name).cloned().unwrap_or(Value::None);
            class.annotations.borrow_mut().push((name.clone(), value));
        }
        for value in class.attrs.borrow().values() {
            own(value, &class);
        }
        let mut value = Value::Class(class.clone());
        if let Some(hook) = class.lookup_after(&class, "__init_subclass__") {
            let hook = self.bind(&hook, &value, &class)?;
            self.call_with(&hook, Vec::new())?;
        }
        for decorator in def.decorators.iter().rev() {
            value = self.decorate(decorator, value)?;
        }
        Ok(value)
    }

    /// `super(…)`, `property(…)`, `staticmethod(…)`, `classmethod(…)`.
    pub(super) fn construct_descriptor(&mut self, builtin: Builtin, args: Args) -> Result {
        if builtin == Builtin::Super {
            return self.make_super(&args);
        }
        let mut items = args.items.into_iter();
        let Some(function) = items.next() else {
            return Err(self.raise("TypeError", "a function is expected"));
        };
        Ok(match builtin {
            Builtin::Property => {
                Value::Property(Rc::new(Property { getter: function, setter: items.next() }))
            }
            Builtin::StaticMethod => Value::StaticMethod(Rc::new(function)),
            _ => Value::ClassMethod(Rc::new(function)),
        })
    }

    fn make_super(&mut self, args: &Args) -> Result {
        let (class, object) = match &args.items[..] {
            [Value::Class(class), object] => (class.clone(), object.clone()),
            [] => {
                let frame = self.frames.last();
                let class = frame.and_then(|frame| frame.class.clone());
                let receiver = frame.and_then(|frame| frame.receiver.clone());
                match (class, receiver) {
                    (Some(class), Some(receiver)) => (class, receiver),
                    _ => return Err(self.raise("RuntimeError", "super(): no arguments, outside of a method")),
                }
            }
            [Value::Opaque(opaque), ..] => return Err(self.opaque_error(&opaque.clone(), "`super`")),
            _ => {
                return Err(self.raise("TypeError", "super() takes a class and an object").teach(|t| {
                    t.code = "argument";
                    t.helps.push("within a method, `super()` without arguments is enough".into());
                }));
            }
        };
        let of = match &object {
            Value::Class(class) => class.clone(),
            _ => self.class_of(&object),
        };
        if !of.is_subclass(&class) {
            let message = format!("super(): a `{}` is no `{}`", of.name, class.name);
            let own = of.name.clone();
            return Err(self.raise("TypeError", &message).teach(|t| {
                t.code = "argument";
                t.helps.push(format!("`super({own}, self)`, or `super()`"));
            }));
        }
        Ok(Value::Super(Rc::new(Super { class, object })))
    }
}

/// Tells the functions of a class's body whose they are.
fn own(value: &Value, class: &Rc<Class>) {
    match value {
        Value::Function(function) => {
            function.class.borrow_mut().get_or_insert_with(|| class.clone());
        }
        Value::StaticMethod(inner) | Value::ClassMethod(inner) => own(inner, class),
        Value::Property(property) => {
            own(&property.getter, class);
            property.setter.iter().for_each(|setter| own(setter, class));
        }
        _ => {}
    }
}

/// The order in which classes are searched, by C3; `None` if there is none.
fn linearize(class: &Rc<Class>) -> Option<Vec<Rc<Class>>> {
    let mut lists: Vec<Vec<Rc<Class>>> = class.bases.iter().map(|base| base.mro.borrow().clone()).collect();
    lists.push(class.bases.clone());
    let mut order = vec![class.clone()];
    loop {
        lists.retain(|list| !list.is_empty());
        if lists.is_empty() {
            return Some(order);
        }
        let in_tail = |candidate: &Rc<Class>| {
            lists.iter().any(|list| list[1..].iter().any(|class| Rc::ptr_eq(class, candidate)))
        };
        let next = lists.iter().map(|list| &list[0]).find(|candidate| !in_tail(candidate))?.clone();
        for list in &mut lists {
            list.retain(|class| !Rc::ptr_eq(class, &next));
        }
        order.push(next);
    }
}
