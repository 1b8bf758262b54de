//! Python's values.

mod dict;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use indexmap::IndexMap;

pub(crate) use dict::{Dict, DictKind, Key};

use crate::ast::{FunctionDef, Name};
use crate::interp::{Args, Generator, Interp, Result};
use crate::source::Span;
use crate::torch::{ModuleState, Tensor};

/// A value. Copies are cheap: what can change is shared, as in Python.
#[derive(Clone)]
pub(crate) enum Value {
    None,
    Ellipsis,
    NotImplemented,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<RefCell<Vec<Value>>>),
    Tuple(Rc<[Value]>),
    Dict(Rc<RefCell<Dict>>),
    /// A set: the values of its dict are `None`. `frozen` ones are hashable.
    Set {
        items: Rc<RefCell<Dict>>,
        frozen: bool,
    },
    Range(Rc<Range>),
    Slice(Rc<Slice>),
    /// An iterator under way.
    Iter(Rc<RefCell<Iter>>),
    Function(Rc<Function>),
    /// A function of the crate's.
    Native(Native),
    /// A function with its first argument.
    Method(Rc<Method>),
    Class(Rc<Class>),
    Instance(Rc<Instance>),
    /// A module in Python's sense: a file, or a part of PyTorch.
    Module(Rc<Module>),
    Super(Rc<Super>),
    Property(Rc<Property>),
    StaticMethod(Rc<Value>),
    ClassMethod(Rc<Value>),
    Tensor(Rc<Tensor>),
    /// What is not known: of a package that is not there. Everything that is asked of it is unknown too.
    Opaque(Rc<Opaque>),
}

/// `range(start, stop, step)`; the step is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) stop: i64,
    pub(crate) step: i64,
}

impl Range {
    /// How many numbers it gives.
    pub(crate) fn len(self) -> usize {
        let (start, stop, step) = (i128::from(self.start), i128::from(self.stop), i128::from(self.step));
        let span = if step > 0 { stop - start } else { start - stop };
        usize::try_from((span + step.abs() - 1) / step.abs()).unwrap_or(0)
    }

    /// The number at a position below its length.
    pub(crate) fn at(self, index: usize) -> i64 {
        self.start + self.step * index as i64
    }
}

/// `start:stop:step`.
#[derive(Clone)]
pub(crate) struct Slice {
    pub(crate) start: Value,
    pub(crate) stop: Value,
    pub(crate) step: Value,
}

/// An iterator's state.
pub(crate) enum Iter {
    /// A list as it is at each step.
    List(Rc<RefCell<Vec<Value>>>, usize),
    Range(Range, usize),
    Items(std::vec::IntoIter<Value>),
    Enumerate(Value, i64),
    /// Iterators side by side; `true` for strict.
    Zip(Vec<Value>, bool),
    Map(Value, Vec<Value>),
    /// The function is `None` for truth.
    Filter(Value, Value),
    /// `itertools.count`.
    Count {
        next: i64,
        step: i64,
    },
    /// `itertools.cycle`.
    Cycle(Vec<Value>, usize),
    /// What a dict's keys are, which must not grow or shrink meanwhile.
    Keys(Rc<RefCell<Dict>>, usize, usize),
    /// `None` while it runs.
    Generator(Option<Box<Generator>>),
    /// An object with `__next__`.
    Object(Value),
    /// Calls a function until it gives a value: `iter(function, sentinel)`.
    Until(Value, Value),
}

/// A function that was defined in Python.
pub(crate) struct Function {
    pub(crate) def: Rc<FunctionDef>,
    /// `Net.forward`.
    pub(crate) qualified: Name,
    /// Defaults by position in `def.parameters.named`.
    pub(crate) defaults: Vec<Option<Value>>,
    pub(crate) scope: Rc<Scope>,
    /// The class whose body it was defined in: what `super()` starts from.
    pub(crate) class: RefCell<Option<Rc<Class>>>,
    /// What was set on it: `f.attribute = …`.
    pub(crate) attrs: RefCell<IndexMap<Name, Value>>,
}

/// Names of a function's run, a class's body or a module.
pub(crate) struct Scope {
    pub(crate) vars: RefCell<IndexMap<Name, Value>>,
    /// The scope around it; a module's has none.
    pub(crate) outer: Option<Rc<Scope>>,
    pub(crate) kind: ScopeKind,
    /// Names declared `global` (true) or `nonlocal` (false).
    pub(crate) declared: RefCell<IndexMap<Name, bool>>,
    /// The function whose run it is.
    pub(crate) def: Option<Rc<FunctionDef>>,
    /// The module that it belongs to.
    pub(crate) module: Rc<Module>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Module,
    Class,
    Function,
    /// A comprehension's, within a function's or another.
    Comprehension,
}

/// What runs a native function.
pub(crate) type NativeFn = fn(&mut Interp, Args) -> Result;

/// A function of the crate's.
#[derive(Clone, Copy)]
pub(crate) struct Native {
    /// How messages name it: `conv2d`, `list.append`.
    pub(crate) name: &'static str,
    pub(crate) call: NativeFn,
}

/// A function and the object that it was taken from.
pub(crate) struct Method {
    pub(crate) receiver: Value,
    pub(crate) function: Value,
}

/// The built-in types that values of the crate's have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Builtin {
    Object,
    Type,
    NoneType,
    Ellipsis,
    NotImplemented,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    List,
    Tuple,
    Dict,
    Set,
    FrozenSet,
    Range,
    Slice,
    Iterator,
    Function,
    NativeFunction,
    Method,
    Module,
    Super,
    Property,
    StaticMethod,
    ClassMethod,
    Tensor,
    Opaque,
}

/// A class.
pub(crate) struct Class {
    pub(crate) name: Name,
    /// `torch.nn.modules.conv` for those of the crate's that say so, else the file's module.
    pub(crate) module: Name,
    pub(crate) bases: Vec<Rc<Class>>,
    /// Itself and all above it, in the order in which attributes are looked up; set once, when it is made.
    pub(crate) mro: RefCell<Vec<Rc<Class>>>,
    pub(crate) attrs: RefCell<IndexMap<Name, Value>>,
    /// The built-in type that it is, if it is one.
    pub(crate) builtin: Option<Builtin>,
    /// A base that is not known.
    pub(crate) opaque: Option<Rc<Opaque>>,
    /// Where it is defined, if in Python.
    pub(crate) span: Option<Span>,
}

/// An object of a class that was defined in Python, or of an exception.
pub(crate) struct Instance {
    pub(crate) class: Rc<Class>,
    pub(crate) attrs: RefCell<IndexMap<Name, Value>>,
    /// The value of a built-in type that it extends: a named tuple's tuple, a dict of a class derived from dict.
    pub(crate) payload: RefCell<Option<Value>>,
    /// What an `nn.Module` has once `Module.__init__` ran.
    pub(crate) module: RefCell<Option<ModuleState>>,
    /// The call that made it, in code of the user's if there is one on the way.
    pub(crate) made: Cell<Option<Span>>,
    /// The ranges of the arguments of that call by parameter (`in_channels`), as its constructor names them.
    pub(crate) arguments: RefCell<Vec<(Name, Span)>>,
}

/// A module in Python's sense.
pub(crate) struct Module {
    /// `torch.nn`.
    pub(crate) name: Name,
    pub(crate) scope: RefCell<Option<Rc<Scope>>>,
    /// The file, if it is one.
    pub(crate) path: Option<PathBuf>,
    /// Whether it is one of the crate's: a missing name is then PyTorch's or a mistake.
    pub(crate) is_prelude: bool,
}

/// `super()`: attributes are looked up behind `class` in the object's order.
pub(crate) struct Super {
    pub(crate) class: Rc<Class>,
    /// An instance, or a class in a class method.
    pub(crate) object: Value,
}

/// `property(getter, setter, deleter, doc)`.
#[derive(Clone)]
pub(crate) struct Property {
    pub(crate) getter: Value,
    pub(crate) setter: Option<Value>,
    pub(crate) deleter: Option<Value>,
    /// What it was given as its text, instead of its getter's.
    pub(crate) doc: Option<Value>,
}

/// What is not known, by where it comes from: `torchvision.datasets.MNIST`.
pub(crate) struct Opaque {
    pub(crate) path: Name,
    /// The import, or the call, that it comes from.
    pub(crate) span: Span,
}

impl Iter {
    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::List(..) => "list_iterator",
            Self::Range(..) => "range_iterator",
            Self::Keys(..) => "dict_keyiterator",
            Self::Generator(_) => "generator",
            Self::Enumerate(..) => "enumerate",
            Self::Zip(..) => "zip",
            Self::Map(..) => "map",
            Self::Filter(..) => "filter",
            Self::Count { .. } => "count",
            Self::Cycle(..) => "cycle",
            Self::Until(..) => "callable_iterator",
            Self::Items(_) | Self::Object(_) => "iterator",
        }
    }
}

impl Value {
    /// A string.
    pub(crate) fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    /// A list.
    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    /// A tuple.
    pub(crate) fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(items.into())
    }

    /// A dict.
    pub(crate) fn dict(dict: Dict) -> Self {
        Self::Dict(Rc::new(RefCell::new(dict)))
    }

    /// An iterator.
    pub(crate) fn iter(iter: Iter) -> Self {
        Self::Iter(Rc::new(RefCell::new(iter)))
    }

    /// A function of the crate's.
    pub(crate) fn native(name: &'static str, call: NativeFn) -> Self {
        Self::Native(Native { name, call })
    }

    /// The value of a built-in type that an instance extends, else the value itself.
    pub(crate) fn plain(&self) -> Self {
        if let Self::Instance(instance) = self
            && let Some(payload) = &*instance.payload.borrow()
        {
            return payload.clone();
        }
        self.clone()
    }

    /// Whether both are one object (`is`).
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None)
            | (Self::Ellipsis, Self::Ellipsis)
            | (Self::NotImplemented, Self::NotImplemented) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Native(a), Self::Native(b)) => std::ptr::fn_addr_eq(a.call, b.call),
            _ => self.address().is_some_and(|address| Some(address) == other.address()),
        }
    }

    /// Where the object lies, for those that have an identity.
    pub(crate) fn address(&self) -> Option<usize> {
        fn of<T: ?Sized>(rc: &Rc<T>) -> Option<usize> {
            Some(Rc::as_ptr(rc).cast::<()>() as usize)
        }
        match self {
            Self::List(x) => of(x),
            Self::Tuple(x) => of(x),
            Self::Dict(x) | Self::Set { items: x, .. } => of(x),
            Self::Range(x) => of(x),
            Self::Slice(x) => of(x),
            Self::Iter(x) => of(x),
            Self::Function(x) => of(x),
            Self::Method(x) => of(x),
            Self::Class(x) => of(x),
            Self::Instance(x) => of(x),
            Self::Module(x) => of(x),
            Self::Super(x) => of(x),
            Self::Property(x) => of(x),
            Self::StaticMethod(x) | Self::ClassMethod(x) => of(x),
            Self::Tensor(x) => of(x),
            Self::Opaque(x) => of(x),
            _ => None,
        }
    }
}

impl Class {
    /// Whether it is `other`, or derives from it.
    pub(crate) fn is_subclass(self: &Rc<Self>, other: &Rc<Self>) -> bool {
        self.mro.borrow().iter().any(|class| Rc::ptr_eq(class, other))
    }

    /// An attribute of it or of a class above it.
    pub(crate) fn lookup(&self, name: &str) -> Option<Value> {
        self.mro.borrow().iter().find_map(|class| class.attrs.borrow().get(name).cloned())
    }

    /// An attribute of a class that comes after `class` in the order.
    pub(crate) fn lookup_after(&self, class: &Rc<Self>, name: &str) -> Option<Value> {
        let mro = self.mro.borrow();
        let at = mro.iter().position(|c| Rc::ptr_eq(c, class))?;
        mro[at + 1..].iter().find_map(|class| class.attrs.borrow().get(name).cloned())
    }

    /// The built-in type that it derives from, `object` aside.
    pub(crate) fn builtin_base(&self) -> Option<Builtin> {
        self.mro.borrow().iter().find_map(|class| class.builtin.filter(|&builtin| builtin != Builtin::Object))
    }
}

impl Module {
    /// A name of the module.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.scope.borrow().as_ref().and_then(|scope| scope.get(name))
    }
}

impl Instance {
    /// An object without attributes.
    pub(crate) fn new(class: Rc<Class>) -> Self {
        Self {
            class,
            attrs: RefCell::default(),
            payload: RefCell::default(),
            module: RefCell::default(),
            made: Cell::default(),
            arguments: RefCell::default(),
        }
    }
}

impl Scope {
    /// An empty scope within another one.
    pub(crate) fn within(outer: &Rc<Self>, kind: ScopeKind, def: Option<Rc<FunctionDef>>) -> Rc<Self> {
        Rc::new(Self {
            vars: RefCell::default(),
            outer: Some(outer.clone()),
            kind,
            declared: RefCell::default(),
            def,
            module: outer.module.clone(),
        })
    }

    /// The scope of a module.
    pub(crate) fn of_module(module: Rc<Module>) -> Rc<Self> {
        Rc::new(Self {
            vars: RefCell::default(),
            outer: None,
            kind: ScopeKind::Module,
            declared: RefCell::default(),
            def: None,
            module,
        })
    }

    /// The value of a name of this scope alone.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.vars.borrow().get(name).cloned()
    }

    /// Sets a name of this scope.
    pub(crate) fn set(&self, name: Name, value: Value) {
        self.vars.borrow_mut().insert(name, value);
    }
}
