//! The interpreter: evaluates what the parser gives, within limits.

mod args;
mod attributes;
mod call;
mod class;
mod exceptions;
mod expr;
mod foreign;
mod generator;
mod imports;
mod iterate;
mod limits;
mod stmt;
mod thrown;
mod types;
mod unpack;

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

pub(crate) use args::{Args, Bound};
pub(crate) use call::signature;
pub(crate) use generator::{Generator, method as generator_method};
pub(crate) use imports::{read as read_file, read_bytes};
pub(crate) use limits::Limits;
pub(crate) use thrown::{Result, Site, Thrown};
pub(crate) use types::Types;

use crate::ast::Name;
use crate::source::{Sources, Span};
use crate::torch::{CallFrame, Parameter, Tape};
use crate::value::{Class, Instance, Module, Scope, Value};

/// A function that is being run, or a module's statements.
#[derive(Clone)]
pub(crate) struct Frame {
    /// `Net.forward`; `None` for a module's statements.
    pub(crate) function: Option<Name>,
    /// What is evaluated now.
    pub(crate) span: Span,
    /// Whether it is in one of the crate's files.
    pub(crate) is_prelude: bool,
    /// Where the arguments of its call stand, by parameter.
    pub(crate) arguments: Vec<(Name, Span)>,
    /// For `super()`: the class it was defined in, and its first argument.
    pub(crate) class: Option<Rc<Class>>,
    pub(crate) receiver: Option<Value>,
    pub(crate) scope: Rc<Scope>,
}

/// The interpreter's state.
pub(crate) struct Interp {
    pub(crate) sources: Sources,
    pub(crate) limits: Limits,
    pub(crate) frames: Vec<Frame>,
    pub(crate) modules: HashMap<String, Rc<Module>>,
    pub(crate) builtins: HashMap<Name, Value>,
    pub(crate) types: Types,
    /// Takes what `print` prints.
    pub(crate) output: Box<dyn FnMut(&str)>,
    pub(crate) tape: Tape,
    /// The module that is being called.
    pub(crate) frame: Option<Rc<CallFrame>>,
    pub(crate) calls: u64,
    /// Whether tensors have numbers, computed when they are looked at: in a script.
    pub(crate) computes: bool,
    /// What random numbers of a script are drawn by.
    pub(crate) seed: u64,
    /// Numbers for the weights that a script's tensors were computed with.
    pub(crate) weights: HashMap<*const Parameter, usize>,
    /// How many random tensors were made: each has its own draws.
    pub(crate) drawn: u64,
    /// What to tell in a line each, once: imports that are not known, initializations that are left out.
    pub(crate) notes: Vec<(Span, String)>,
    /// Statements that were left out, and why.
    pub(crate) left_out: Vec<(Span, String)>,
    /// How often something unknown was used.
    pub(crate) opaque_uses: u64,
    /// The folder of the main file: relative imports stay within its package.
    pub(crate) root: PathBuf,
    /// The exceptions that are being handled, innermost last.
    pub(crate) handling: Vec<Value>,
}

impl Interp {
    /// An interpreter that has read nothing yet; files are looked for below `root`.
    pub(crate) fn new(root: PathBuf, output: Box<dyn FnMut(&str)>) -> Self {
        let types = Types::new();
        let mut builtins: HashMap<Name, Value> = types.visible().into_iter().collect();
        builtins.extend(crate::builtins::names().into_iter().map(|(name, value)| (Name::from(name), value)));
        Self {
            sources: Sources::default(),
            limits: Limits::default(),
            frames: Vec::new(),
            modules: HashMap::new(),
            builtins,
            types,
            output,
            tape: Tape::default(),
            frame: None,
            calls: 0,
            computes: false,
            seed: 0,
            weights: HashMap::new(),
            drawn: 0,
            notes: Vec::new(),
            left_out: Vec::new(),
            opaque_uses: 0,
            root,
            handling: Vec::new(),
        }
    }

    /// Where the evaluation is, in code of the user's if any frame is in it; else where the module was made that is
    /// being called.
    pub(crate) fn site(&self) -> Span {
        let users = self.frames.iter().rev().find(|frame| !frame.is_prelude).map(|frame| frame.span);
        let inner = || self.frames.last().map(|frame| frame.span);
        users.or_else(|| self.called_module()).or_else(inner).unwrap_or_default()
    }

    /// Where the innermost module of the user's that is being called was made.
    fn called_module(&self) -> Option<Span> {
        let mut frame = self.frame.as_ref();
        while let Some(call) = frame {
            let made = call.module.made.get().filter(|span| self.sources.is_users(*span) && !span.is_empty());
            if made.is_some() {
                return made;
            }
            frame = call.parent.as_ref();
        }
        None
    }

    /// The places on the stack in the user's code, innermost first.
    pub(crate) fn sites(&self) -> Vec<Span> {
        self.frames.iter().rev().filter(|frame| !frame.is_prelude).map(|frame| frame.span).collect()
    }

    /// Where the argument of a parameter of the function being run stands in the user's code: arguments that the crate's
    /// own files pass on by name are followed.
    pub(crate) fn argument_span(&self, parameter: &str) -> Option<Span> {
        let mut wanted = parameter.to_owned();
        for frame in self.frames.iter().rev() {
            let (_, span) = frame.arguments.iter().find(|(name, _)| **name == *wanted)?;
            if self.sources.is_users(*span) {
                return Some(*span);
            }
            wanted = self.sources.text(*span).trim().to_owned();
        }
        None
    }

    /// Remembers something to tell, once.
    pub(crate) fn note(&mut self, span: Span, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.iter().any(|(_, known)| *known == text) {
            self.notes.push((span, text));
        }
    }

    /// An exception of a built-in class.
    pub(crate) fn raise(&mut self, class: &str, message: &str) -> Box<Thrown> {
        let value = self.exception(class, vec![Value::str(message)]);
        self.throw(value)
    }

    /// Whether an instance is an `nn.Module`.
    pub(crate) fn is_module(&self, instance: &Instance) -> bool {
        let module = self.types.module.borrow();
        module.as_ref().is_some_and(|module| instance.class.is_subclass(module))
    }
}
