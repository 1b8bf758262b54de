//! Built-in classes and exceptions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::Interp;
use crate::ast::Name;
use crate::value::{Builtin, Class, Instance, Value};

/// Built-in classes.
pub(crate) struct Types {
    builtins: HashMap<Builtin, Rc<Class>>,
    exceptions: HashMap<&'static str, Rc<Class>>,
    /// Iterators of each kind, by the name of their type.
    iterators: RefCell<HashMap<&'static str, Rc<Class>>>,
    /// `torch.nn.Module`, once it is defined.
    pub(crate) module: RefCell<Option<Rc<Class>>>,
}

/// The built-in types by their names in Python.
const BUILTINS: [(Builtin, &str); 28] = [
    (Builtin::Object, "object"),
    (Builtin::Type, "type"),
    (Builtin::NoneType, "NoneType"),
    (Builtin::Ellipsis, "ellipsis"),
    (Builtin::NotImplemented, "NotImplementedType"),
    (Builtin::Int, "int"),
    (Builtin::Bool, "bool"),
    (Builtin::Float, "float"),
    (Builtin::Str, "str"),
    (Builtin::Bytes, "bytes"),
    (Builtin::List, "list"),
    (Builtin::Tuple, "tuple"),
    (Builtin::Dict, "dict"),
    (Builtin::Set, "set"),
    (Builtin::FrozenSet, "frozenset"),
    (Builtin::Range, "range"),
    (Builtin::Slice, "slice"),
    (Builtin::Iterator, "iterator"),
    (Builtin::Function, "function"),
    (Builtin::NativeFunction, "builtin_function_or_method"),
    (Builtin::Method, "method"),
    (Builtin::Module, "module"),
    (Builtin::Super, "super"),
    (Builtin::Property, "property"),
    (Builtin::StaticMethod, "staticmethod"),
    (Builtin::ClassMethod, "classmethod"),
    (Builtin::Tensor, "Tensor"),
    (Builtin::Opaque, "unknown"),
];

/// Types whose names every file sees.
const VISIBLE: [&str; 18] = [
    "object",
    "type",
    "int",
    "bool",
    "float",
    "str",
    "bytes",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "range",
    "slice",
    "super",
    "property",
    "staticmethod",
    "classmethod",
];

/// Exceptions, each behind its base.
const EXCEPTIONS: [(&str, &str); 35] = [
    ("BaseException", "object"),
    ("Exception", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("SystemExit", "BaseException"),
    ("GeneratorExit", "BaseException"),
    ("StopIteration", "Exception"),
    ("ArithmeticError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("OverflowError", "ArithmeticError"),
    ("FloatingPointError", "ArithmeticError"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("LookupError", "Exception"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("MemoryError", "Exception"),
    ("SyntaxError", "Exception"),
    ("NameError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("OSError", "Exception"),
    ("FileNotFoundError", "OSError"),
    ("RuntimeError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("RecursionError", "RuntimeError"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"),
    ("Warning", "Exception"),
    ("UserWarning", "Warning"),
    ("DeprecationWarning", "Warning"),
    ("FutureWarning", "Warning"),
    ("RuntimeWarning", "Warning"),
    ("ImportWarning", "Warning"),
];

fn class(name: &str, base: Option<&Rc<Class>>, builtin: Option<Builtin>) -> Rc<Class> {
    let class = Rc::new(Class {
        name: name.into(),
        module: "builtins".into(),
        bases: base.cloned().into_iter().collect(),
        mro: RefCell::default(),
        attrs: RefCell::default(),
        builtin,
        opaque: None,
        span: None,
    });
    let mut mro = vec![class.clone()];
    mro.extend(base.into_iter().flat_map(|base| base.mro.borrow().clone()));
    *class.mro.borrow_mut() = mro;
    class
}

impl Types {
    /// All of them.
    pub(crate) fn new() -> Self {
        let mut builtins: HashMap<Builtin, Rc<Class>> = HashMap::new();
        for (builtin, name) in BUILTINS {
            let base = match builtin {
                Builtin::Object => None,
                Builtin::Bool => Some(Builtin::Int),
                _ => Some(Builtin::Object),
            };
            let made = class(name, base.and_then(|base| builtins.get(&base)), Some(builtin));
            builtins.insert(builtin, made);
        }
        let mut exceptions: HashMap<&'static str, Rc<Class>> = HashMap::new();
        for (name, base) in EXCEPTIONS {
            let base = exceptions.get(base).unwrap_or(&builtins[&Builtin::Object]);
            let made = class(name, Some(base), None);
            exceptions.insert(name, made);
        }
        Self { builtins, exceptions, iterators: RefCell::default(), module: RefCell::default() }
    }

    /// A built-in type's class.
    pub(crate) fn builtin(&self, builtin: Builtin) -> Rc<Class> {
        self.builtins[&builtin].clone()
    }

    /// The class of an iterator.
    fn iterator(&self, name: &'static str) -> Rc<Class> {
        let make = || class(name, Some(&self.builtins[&Builtin::Object]), Some(Builtin::Iterator));
        self.iterators.borrow_mut().entry(name).or_insert_with(make).clone()
    }

    /// An exception's class.
    pub(crate) fn named(&self, name: &str) -> Option<Rc<Class>> {
        self.exceptions.get(name).cloned()
    }

    /// The names that every file sees.
    pub(crate) fn visible(&self) -> Vec<(Name, Value)> {
        let types = self.builtins.values().filter(|class| VISIBLE.contains(&&*class.name));
        let all = types.chain(self.exceptions.values());
        let mut names: Vec<(Name, Value)> =
            all.map(|class| (class.name.clone(), Value::Class(class.clone()))).collect();
        names.push(("IOError".into(), Value::Class(self.exceptions["OSError"].clone())));
        names.push(("EnvironmentError".into(), Value::Class(self.exceptions["OSError"].clone())));
        names.push(("NotImplemented".into(), Value::NotImplemented));
        names.push(("Ellipsis".into(), Value::Ellipsis));
        names
    }
}

impl Interp {
    /// The class of a value.
    pub(crate) fn class_of(&self, value: &Value) -> Rc<Class> {
        let builtin = match value {
            Value::None => Builtin::NoneType,
            Value::Ellipsis => Builtin::Ellipsis,
            Value::NotImplemented => Builtin::NotImplemented,
            Value::Bool(_) => Builtin::Bool,
            Value::Int(_) => Builtin::Int,
            Value::Float(_) => Builtin::Float,
            Value::Str(_) => Builtin::Str,
            Value::Bytes(_) => Builtin::Bytes,
            Value::List(_) => Builtin::List,
            Value::Tuple(_) => Builtin::Tuple,
            Value::Dict(_) => Builtin::Dict,
            Value::Set { frozen: false, .. } => Builtin::Set,
            Value::Set { frozen: true, .. } => Builtin::FrozenSet,
            Value::Range(_) => Builtin::Range,
            Value::Slice(_) => Builtin::Slice,
            Value::Iter(iter) => {
                let name = iter.try_borrow().map_or("iterator", |iter| iter.type_name());
                return self.types.iterator(name);
            }
            Value::Function(_) => Builtin::Function,
            Value::Native(_) => Builtin::NativeFunction,
            Value::Method(_) => Builtin::Method,
            Value::Class(_) => Builtin::Type,
            Value::Instance(instance) => return instance.class.clone(),
            Value::Module(_) => Builtin::Module,
            Value::Super(_) => Builtin::Super,
            Value::Property(_) => Builtin::Property,
            Value::StaticMethod(_) => Builtin::StaticMethod,
            Value::ClassMethod(_) => Builtin::ClassMethod,
            Value::Tensor(_) => Builtin::Tensor,
            Value::Opaque(_) => Builtin::Opaque,
        };
        self.types.builtin(builtin)
    }

    /// The name of a value's class.
    pub(crate) fn type_name(&self, value: &Value) -> Name {
        self.class_of(value).name.clone()
    }

    /// An exception of a built-in class, with its arguments.
    pub(crate) fn exception(&self, class: &str, args: Vec<Value>) -> Value {
        let class = self.types.named(class).or_else(|| self.types.named("RuntimeError"));
        let class = class.unwrap_or_else(|| self.types.builtin(Builtin::Object));
        let instance = Instance::new(class);
        instance.attrs.borrow_mut().insert("args".into(), Value::tuple(args));
        Value::Instance(Rc::new(instance))
    }
}
