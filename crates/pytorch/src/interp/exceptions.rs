//! Raising, and what is not known.

use std::rc::Rc;

use super::{Interp, Result, Site, Thrown};
use crate::value::{Opaque, Value};

impl Interp {
    /// An exception on its way up from here.
    pub(crate) fn throw(&self, value: Value) -> Box<Thrown> {
        let users = self.frames.iter().rev().filter(|frame| !frame.is_prelude);
        let mut sites: Vec<Site> =
            users.map(|frame| Site { span: frame.span, function: frame.function.clone() }).collect();
        if sites.is_empty() {
            sites = vec![Site { span: self.site(), function: None }];
        }
        Box::new(Thrown { value, sites, teaching: None, is_fatal: false, is_opaque: false })
    }

    /// The end of everything: no `except` catches it.
    pub(crate) fn fatal(&mut self, class: &str, message: &str, help: &str) -> Box<Thrown> {
        let mut thrown = self.raise(class, message).teach(|teaching| {
            teaching.code = "limit";
            teaching.helps.push(help.to_owned());
        });
        thrown.is_fatal = true;
        thrown
    }

    /// Python that the interpreter does not know.
    pub(crate) fn unsupported(&mut self, what: &str) -> Box<Thrown> {
        let message = format!("convnet reads no {what}");
        self.raise("NotImplementedError", &message).teach(|teaching| teaching.code = "unsupported")
    }

    /// A value that is not known.
    pub(crate) fn opaque(&mut self, path: &str) -> Value {
        self.opaque_uses += 1;
        Value::Opaque(Rc::new(Opaque { path: path.into(), span: self.site() }))
    }

    /// What cannot be done with a value that is not known.
    pub(crate) fn opaque_error(&mut self, opaque: &Opaque, what: &str) -> Box<Thrown> {
        self.opaque_uses += 1;
        let path = opaque.path.trim_end_matches("()");
        let mut thrown =
            self.raise("RuntimeError", &format!("{what} depends on `{path}`, which convnet does not know"));
        thrown.is_opaque = true;
        let span = opaque.span;
        let package = path.split('.').next().unwrap_or(path).to_owned();
        let quoted = [format!("`{package}`"), format!(".{package}`")];
        let import = self.notes.iter().find(|(_, note)| {
            note.split(' ').next().is_some_and(|first| {
                first == quoted[0] || (first.starts_with("`.") && first.ends_with(&quoted[1]))
            })
        });
        let import = import.cloned();
        thrown.teach(|teaching| {
            teaching.code = "unknown";
            teaching.labels.push((span, "it comes from here".into()));
            if let Some((place, note)) = import {
                teaching.labels.push((place, "it is imported here".into()));
                teaching.notes.push(note);
            }
            teaching.helps.push(format!(
                "convnet reads PyTorch's modules and files beside this one; write what the network needs of `{package}` here"
            ));
        })
    }

    /// What can be raised of a value: an exception, or a class of exceptions.
    pub(super) fn raised(&mut self, value: &Value) -> Result<Value> {
        let base = self.types.named("BaseException");
        let is_exception =
            |class: &Rc<crate::value::Class>| base.as_ref().is_some_and(|base| class.is_subclass(base));
        match value {
            Value::Class(class) if is_exception(class) => self.call_with(value, Vec::new()),
            Value::Instance(instance) if is_exception(&instance.class) => Ok(value.clone()),
            Value::Opaque(opaque) => Err(self.opaque_error(&opaque.clone(), "this exception")),
            _ => Err(self.raise("TypeError", "exceptions must derive from BaseException")),
        }
    }

    /// Whether an exception is of a class, or of one of a tuple of classes.
    pub(super) fn catches(&mut self, thrown: &Value, types: &Value) -> Result<bool> {
        match types {
            Value::Class(class) => Ok(self.class_of(thrown).is_subclass(class)),
            Value::Tuple(items) => {
                for item in items.iter() {
                    if self.catches(thrown, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Opaque(_) => Ok(false),
            _ => Err(self.raise(
                "TypeError",
                "catching classes that do not inherit from BaseException is not allowed",
            )),
        }
    }

    /// The text of an exception: `ValueError: …`.
    pub(crate) fn exception_text(&mut self, value: &Value) -> (String, String) {
        let class = self.type_name(value).to_string();
        let text = self.str_of(value).unwrap_or_else(|_| String::new());
        (class, text)
    }
}
