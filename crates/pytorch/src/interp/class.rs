//! Classes: their bodies, their order of lookup, and `super`, `property` and their kin.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::{Args, Frame, Interp, Result};
use crate::ast::{ArgKind, ClassDef, Name};
use crate::value::{Builtin, Class, Property, Scope, ScopeKind, Super, Value};

impl Interp {
    /// Runs a class's body, and makes the class.
    pub(super) fn make_class(&mut self, def: &Rc<ClassDef>) -> Result {
        let mut bases: Vec<Rc<Class>> = Vec::new();
        let mut opaque = None;
        let mut keywords = Vec::new();
        let mut is_abstract = false;
        for base in &def.bases {
            let value = self.eval(&base.value)?;
            match &base.kind {
                ArgKind::Keyword(name) if &**name == "metaclass" => {
                    is_abstract = matches!(&value, Value::Class(class) if &*class.name == "ABCMeta");
                    continue;
                }
                ArgKind::Keyword(name) => {
                    keywords.push((name.clone(), value));
                    continue;
                }
                ArgKind::DoubleStar => continue,
                ArgKind::Positional | ArgKind::Star => {}
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
        let mut attrs = scope.vars.borrow().clone();
        if let Some(doc) = &def.doc {
            attrs.entry("__doc__".into()).or_insert_with(|| Value::Str(doc.clone()));
        }
        if is_abstract {
            attrs.insert("__abstractmethods__".into(), Value::tuple(Vec::new()));
        }
        let class = Class {
            name: def.name.clone(),
            module,
            bases,
            mro: RefCell::default(),
            attrs: RefCell::new(attrs),
            builtin: None,
            opaque,
            span: Some(def.name_span),
        };
        let mut value = self.finish_class(class, keywords)?;
        for decorator in def.decorators.iter().rev() {
            value = self.decorate(decorator, value)?;
        }
        Ok(value)
    }

    /// What is done to every class once its names are known: its order, whose its functions are, what it leaves abstract.
    fn finish_class(&mut self, class: Class, keywords: Vec<(Name, Value)>) -> Result {
        let class = Rc::new(class);
        match linearize(&class) {
            Some(mro) => {
                self.charge(mro.len())?;
                *class.mro.borrow_mut() = mro;
            }
            None => {
                let names: Vec<&str> = class.bases.iter().map(|base| &*base.name).collect();
                // Python breaks the line here.
                let message = format!(
                    "Cannot create a consistent method resolution\norder (MRO) for bases {}",
                    names.join(", ")
                );
                return Err(self.raise("TypeError", &message));
            }
        }
        for value in class.attrs.borrow().values() {
            own(value, &class);
        }
        if class.lookup("__abstractmethods__").is_some() {
            let left = abstract_methods(&class);
            class.attrs.borrow_mut().insert("__abstractmethods__".into(), Value::tuple(left));
        }
        let value = Value::Class(class.clone());
        if let Some(hook) = class.lookup_after(&class, "__init_subclass__") {
            let hook = self.bind(&hook, &value, &class)?;
            let keyword_spans = vec![None; keywords.len()];
            self.call(&hook, Args { keywords, keyword_spans, ..Args::default() })?;
        }
        Ok(value)
    }

    /// `type(name, bases, names)`.
    pub(crate) fn class_of_parts(&mut self, name: &Name, bases: &Value, names: &Value) -> Result {
        let mut classes = Vec::new();
        for base in self.collect(bases)? {
            match base {
                Value::Class(class) => classes.push(class),
                other => {
                    let found = self.type_name(&other);
                    return Err(self.raise("TypeError", &format!("a class cannot derive from a {found}")));
                }
            }
        }
        if classes.is_empty() {
            classes.push(self.types.builtin(Builtin::Object));
        }
        let mut attrs = IndexMap::new();
        for (key, value) in self.pairs(names)? {
            let Value::Str(key) = key else {
                return Err(self.raise("TypeError", "the names of a class are strings"));
            };
            attrs.insert(key, value);
        }
        let frame = self.frames.last();
        let class = Class {
            name: name.clone(),
            module: frame.map_or_else(|| "builtins".into(), |frame| frame.scope.module.name.clone()),
            bases: classes,
            mro: RefCell::default(),
            attrs: RefCell::new(attrs),
            builtin: None,
            opaque: None,
            span: None,
        };
        self.finish_class(class, Vec::new())
    }

    /// `super(…)``, `property(…)`, `staticmethod(…)`, `classmethod(…)`.
    pub(super) fn construct_descriptor(&mut self, builtin: Builtin, args: Args) -> Result {
        if builtin == Builtin::Super {
            return self.make_super(&args);
        }
        if builtin == Builtin::Property {
            let mut bound = args.bind(self, "property", &["fget", "fset", "fdel", "doc"], 4)?;
            let mut given = |at: usize| bound.take(at).filter(|value| !matches!(value, Value::None));
            return Ok(Value::Property(Rc::new(Property {
                getter: given(0).unwrap_or(Value::None),
                setter: given(1),
                deleter: given(2),
                doc: given(3),
            })));
        }
        let Some(function) = args.items.into_iter().next() else {
            return Err(self.raise("TypeError", "a function is expected"));
        };
        Ok(match builtin {
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

/// The names that a class leaves abstract, its own and those of its bases.
fn abstract_methods(class: &Rc<Class>) -> Vec<Value> {
    fn is_abstract(value: &Value) -> bool {
        match value {
            Value::Function(function) => function.attrs.borrow().contains_key("__isabstractmethod__"),
            Value::Property(property) => is_abstract(&property.getter),
            Value::StaticMethod(inner) | Value::ClassMethod(inner) => is_abstract(inner),
            _ => false,
        }
    }
    let mut names: Vec<Name> = class
        .attrs
        .borrow()
        .iter()
        .filter(|(_, value)| is_abstract(value))
        .map(|(name, _)| name.clone())
        .collect();
    for base in &class.bases {
        if let Some(Value::Tuple(inherited)) = base.lookup("__abstractmethods__") {
            for name in inherited.iter() {
                if let Value::Str(name) = name
                    && !names.contains(name)
                    && class.lookup(name).as_ref().is_some_and(is_abstract)
                {
                    names.push(name.clone());
                }
            }
        }
    }
    names.sort();
    names.into_iter().map(Value::Str).collect()
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
            property.setter.iter().chain(&property.deleter).for_each(|function| own(function, class));
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
