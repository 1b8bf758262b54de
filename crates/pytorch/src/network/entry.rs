//! Which network of a file is meant.

use std::rc::Rc;

use super::{Found, names_of};
use crate::ast::StmtKind;
use crate::diagnostic::{Diagnostic, Severity};
use crate::interp::{Args, Interp};
use crate::nearest::nearest;
use crate::session::diagnose;
use crate::source::FileId;
use crate::value::{Class, Function, Instance, Module, Value};

/// A network that can be named without more.
pub(super) struct Candidate {
    pub(super) name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A variable `model` or `net`.
    Named,
    /// Another variable that is a network.
    Variable,
    /// A class or a function that takes no arguments that it must be given.
    Callable,
}

/// Names that people give the network of a file.
const USUAL: [&str; 4] = ["model", "net", "network", "cnn"];

/// The networks of a file, those that are likeliest meant first.
pub(super) fn candidates(interp: &mut Interp, module: &Module) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (name, value) in names_of(module) {
        let kind = match &value {
            Value::Instance(instance) if interp.is_module(instance) => {
                if USUAL.contains(&&*name) {
                    Kind::Named
                } else {
                    Kind::Variable
                }
            }
            Value::Class(class) if is_network_class(interp, class, module) && class.name == name => {
                match takes_nothing(class.lookup("__init__").as_ref(), 1) {
                    true => Kind::Callable,
                    false => continue,
                }
            }
            Value::Function(function)
                if *function.scope.module.name == *module.name && !name.starts_with('_') =>
            {
                let is_free = takes_nothing(Some(&value), 0);
                match is_free && gives_network(interp, function) {
                    true => Kind::Callable,
                    false => continue,
                }
            }
            // `resnet20 = partial(resnet, depth=20)`.
            Value::Instance(instance) if is_callable(instance) && !name.starts_with('_') => {
                match makes_network(interp, &value) {
                    true => Kind::Callable,
                    false => continue,
                }
            }
            _ => continue,
        };
        found.push(Candidate { name: name.to_string(), kind });
    }
    found
}

/// Whether a class is a network that this file defines.
fn is_network_class(interp: &Interp, class: &Rc<Class>, module: &Module) -> bool {
    let base = interp.types.module.borrow().clone();
    let derives = base.is_some_and(|base| class.is_subclass(&base));
    derives && class.module == module.name && class.lookup("forward").is_some()
}

/// Whether nothing must be given to a function beyond its first `own` parameters.
fn takes_nothing(function: Option<&Value>, own: usize) -> bool {
    match function {
        Some(Value::Function(function)) => function.defaults.iter().skip(own).all(Option::is_some),
        _ => true,
    }
}

/// Whether a function, called without arguments, gives a network.
fn gives_network(interp: &mut Interp, function: &Rc<Function>) -> bool {
    let returns = function.def.body.iter().any(returns_value);
    returns && makes_network(interp, &Value::Function(function.clone()))
}

/// Whether an object, which is no network itself, can be called.
fn is_callable(instance: &Instance) -> bool {
    instance.class.lookup("__call__").is_some() && instance.module.borrow().is_none()
}

/// Whether a call without arguments gives a network.
fn makes_network(interp: &mut Interp, callable: &Value) -> bool {
    let (notes, left, tape) = (interp.notes.len(), interp.limits.steps, interp.tape.steps.len());
    let modules = interp.limits.modules;
    let result = interp.call(callable, Args::default());
    interp.notes.truncate(notes);
    interp.limits.steps = left;
    interp.limits.modules = modules;
    interp.tape.steps.truncate(tape);
    matches!(result, Ok(Value::Instance(instance)) if interp.is_module(&instance))
}

fn returns_value(stmt: &crate::ast::Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Return(value) => value.is_some(),
        StmtKind::If { branches, orelse } => {
            branches.iter().any(|(_, body)| body.iter().any(returns_value))
                || orelse.iter().any(returns_value)
        }
        StmtKind::For { body, .. } | StmtKind::While { body, .. } | StmtKind::With { body, .. } => {
            body.iter().any(returns_value)
        }
        StmtKind::Try { body, handlers, .. } => {
            body.iter().any(returns_value) || handlers.iter().any(|h| h.body.iter().any(returns_value))
        }
        _ => false,
    }
}

fn error(message: String, helps: Vec<String>) -> Vec<Diagnostic> {
    vec![Diagnostic { severity: Severity::Error, code: "entry", message, helps, ..Diagnostic::default() }]
}

/// The network that is named, or the only one.
pub(super) fn find(
    interp: &mut Interp,
    module: &Rc<Module>,
    entry: Option<&str>,
    file: FileId,
) -> Result<Found, Vec<Diagnostic>> {
    match entry {
        Some(entry) => named(interp, module, entry, file),
        None => only(interp, module, file),
    }
}

fn only(interp: &mut Interp, module: &Rc<Module>, file: FileId) -> Result<Found, Vec<Diagnostic>> {
    let mut all = candidates(interp, module);
    for kind in [Kind::Named, Kind::Variable] {
        if all.iter().filter(|candidate| candidate.kind == kind).count() == 1 {
            all.retain(|candidate| candidate.kind == kind);
        }
    }
    // A function that makes the only class's network, and that class, are one.
    if let [a, b] = &all[..]
        && let (Some(Value::Class(_)), Some(Value::Function(_))) = (module.get(&a.name), module.get(&b.name))
    {
        all.pop();
    }
    match &all[..] {
        [one] => named(interp, module, &one.name.clone(), file),
        [] => Err(none(interp, module)),
        several => {
            let names: Vec<String> = several.iter().map(|c| format!("`{}`", c.name)).collect();
            let path = interp.sources.path(file).display().to_string();
            let first = &several[0].name;
            let place = match module.get(first) {
                Some(Value::Class(class)) => class.span,
                Some(Value::Function(function)) => Some(function.def.name_span),
                _ => None,
            };
            let mut told = error(
                format!("the file has {} networks: {}", names.len(), names.join(", ")),
                vec![format!("name one of them behind a colon: {path}:{first}")],
            );
            told[0].span = place;
            told[0].label = place.map(|_| "this is one of them".to_owned());
            Err(told)
        }
    }
}

/// Why no network can be named without more.
fn none(interp: &mut Interp, module: &Rc<Module>) -> Vec<Diagnostic> {
    let mut helps = Vec::new();
    let mut class_span = None;
    for (name, value) in names_of(module) {
        if let Value::Class(class) = &value
            && is_network_class(interp, class, module)
            && let Some(Value::Function(init)) = class.lookup("__init__")
        {
            let needed = init.def.parameters.named.iter().zip(&init.defaults).skip(1);
            let needed: Vec<String> = needed
                .filter(|(_, default)| default.is_none())
                .map(|(parameter, _)| format!("{}=…", parameter.name))
                .collect();
            class_span = class_span.or(Some(init.def.span));
            helps.push(format!("`{name}` needs arguments: name it as `:{name}({})`", needed.join(", ")));
        }
    }
    if helps.is_empty()
        && let Some(told) = without_forward(interp, module)
    {
        return vec![told];
    }
    let left_out = interp.left_out.first().cloned();
    if let Some((span, reason)) = &left_out {
        let line = interp.sources.line(*span);
        helps.push(format!("line {line} was left out: {reason}"));
    }
    if helps.is_empty() {
        helps.push("a network is a class that derives from `nn.Module` and has `forward`, or a variable such as `model = nn.Sequential(…)`".into());
    }
    let mut told = error("the file has no network that can be made without arguments".into(), helps);
    if let Some((span, _)) = left_out {
        told[0].span = Some(span);
        told[0].label = Some("this was left out".into());
    } else if let Some(span) = class_span {
        told[0].span = Some(span);
    }
    told
}

/// A module of the file's that has no `forward`, and where it seems to be meant.
fn without_forward(interp: &Interp, module: &Module) -> Option<Diagnostic> {
    let base = interp.types.module.borrow().clone()?;
    let class = names_of(module).into_iter().rev().find_map(|(name, value)| match value {
        Value::Class(class)
            if class.is_subclass(&base) && class.name == name && class.module == module.name =>
        {
            Some(class)
        }
        _ => None,
    })?;
    let attrs = class.attrs.borrow();
    let methods: Vec<_> = attrs
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Function(function) => Some((name.clone(), function.def.clone())),
            _ => None,
        })
        .collect();
    let mut told = Diagnostic {
        code: "entry",
        message: format!("`{}` has no `forward`, which computes its output", class.name),
        span: class.span,
        ..Diagnostic::default()
    };
    let inner = methods.iter().find_map(|(outer, def)| {
        def.body.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Function(inner) if &*inner.name == "forward" => Some((outer.clone(), inner.name_span)),
            _ => None,
        })
    });
    let near = nearest("forward", methods.iter().map(|(name, _)| &**name)).map(str::to_owned);
    if let Some((outer, span)) = inner {
        told.span = Some(span);
        told.label = Some(format!("this stands inside of `{outer}`"));
        told.helps.push(format!("indent it as `def {outer}` is: it is a method of the class"));
    } else if let Some(near) = near.or_else(|| attrs.contains_key("call").then(|| "call".to_owned())) {
        let span = methods.iter().find(|(name, _)| **name == *near).map(|(_, def)| def.name_span);
        told.span = span.or(told.span);
        told.label = Some("PyTorch calls `forward`".into());
        told.helps.push(format!("is `{near}` meant to be `forward`?"));
    } else {
        told.helps
            .push(format!("define `def forward(self, x):` in `{}`, indented as `__init__` is", class.name));
    }
    Some(told)
}

fn named(
    interp: &mut Interp,
    module: &Rc<Module>,
    entry: &str,
    file: FileId,
) -> Result<Found, Vec<Diagnostic>> {
    let name = entry.split(['(', '.', '[']).next().unwrap_or(entry).trim();
    let Some(base) = module.get(name) else {
        let names = names_of(module);
        let known: Vec<String> = candidates(interp, module).into_iter().map(|c| c.name).collect();
        let near = nearest(name, names.iter().map(|(name, _)| &**name)).map(str::to_owned);
        let mut helps: Vec<String> = near.map(|near| format!("did you mean `{near}`?")).into_iter().collect();
        if !known.is_empty() {
            helps.push(format!("its networks are {}", known.join(", ")));
        }
        return Err(error(format!("the file has no `{name}`"), helps));
    };
    let defined = match &base {
        Value::Class(class) => class.span,
        Value::Function(function) => Some(function.def.span),
        _ => None,
    };
    let defined = defined.filter(|span| span.file == file).map_or(0, |span| span.start);
    let value = interp.evaluate_in(module, entry).and_then(|value| match &value {
        Value::Class(_) | Value::Function(_) => interp.call(&value, Args::default()),
        Value::Instance(instance) if is_callable(instance) => interp.call(&value, Args::default()),
        _ => Ok(value),
    });
    match value {
        Ok(Value::Instance(root)) if interp.is_module(&root) => {
            Ok(Found { name: entry.to_owned(), root, defined })
        }
        Ok(Value::Opaque(opaque)) => {
            let reason = interp.left_out.iter().find(|(span, _)| span.start == opaque.span.start);
            let reason = reason.map(|(_, reason)| reason.clone());
            let mut diagnostic = error(
                format!("`{entry}` depends on `{}`, which convnet does not know", opaque.path),
                reason.into_iter().collect(),
            );
            diagnostic[0].span = Some(opaque.span).filter(|span| interp.sources.is_users(*span));
            Err(diagnostic)
        }
        Ok(other) => {
            let class = interp.type_name(&other);
            Err(error(format!("`{entry}` gives a {class}, and a network is an nn.Module"), Vec::new()))
        }
        Err(thrown) => Err(vec![diagnose(interp, *thrown, file)]),
    }
}

/// All modules of a network, itself included, each once.
pub(super) fn modules(interp: &Interp, root: &Rc<Instance>) -> Vec<Rc<Instance>> {
    let mut all: Vec<Rc<Instance>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut waiting = vec![root.clone()];
    while let Some(module) = waiting.pop() {
        if !seen.insert(Rc::as_ptr(&module)) {
            continue;
        }
        for value in module.attrs.borrow().values() {
            if let Value::Instance(child) = value
                && interp.is_module(child)
            {
                waiting.push(child.clone());
            }
        }
        all.push(module);
    }
    all
}
