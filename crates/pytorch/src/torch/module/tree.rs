//! The tree of a module: its children, parameters and buffers by their names, in PyTorch's order.

use std::collections::HashSet;
use std::rc::Rc;

use super::{dict_of, receiver};
use crate::ast::Name;
use crate::interp::{Args, Interp, Result};
use crate::torch::Kind;
use crate::value::{Instance, Iter, NativeFn, Value};

/// How deep modules may nest.
const MOST_DEPTH: usize = 500;

/// A value by its path.
#[derive(Clone)]
pub(crate) struct Named {
    /// `layer1.0.conv1.weight`.
    pub(crate) path: String,
    /// The parameter or the buffer.
    pub(crate) value: Value,
}

/// What is listed of each module.
#[derive(Clone, Copy)]
struct Wanted {
    parameters: bool,
    buffers: bool,
    /// Buffers that are not in the state dict too.
    transient: bool,
    /// Each object once.
    once: bool,
}

pub(super) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("children", |interp, args| {
            let module = receiver(interp, &args)?;
            let mut seen = HashSet::new();
            let all =
                children(interp, &module).into_iter().filter(|(_, child)| seen.insert(Rc::as_ptr(child)));
            Ok(iter(all.map(|(_, child)| Value::Instance(child)).collect()))
        }),
        ("named_children", |interp, args| {
            let module = receiver(interp, &args)?;
            let mut seen = HashSet::new();
            let all =
                children(interp, &module).into_iter().filter(|(_, child)| seen.insert(Rc::as_ptr(child)));
            Ok(iter(all.map(|(name, child)| pair(&name, Value::Instance(child))).collect()))
        }),
        ("modules", |interp, args| {
            let module = receiver(interp, &args)?;
            let all = named_modules(interp, &module)?;
            Ok(iter(all.into_iter().map(|(_, module)| Value::Instance(module)).collect()))
        }),
        ("named_modules", |interp, args| {
            let module = receiver(interp, &args)?;
            let mut bound =
                args.bind(interp, "named_modules", &["self", "memo", "prefix", "remove_duplicate"], 3)?;
            let prefix = text(bound.some(2));
            let all = named_modules(interp, &module)?;
            let all =
                all.into_iter().map(|(path, module)| pair(&join(&prefix, &path), Value::Instance(module)));
            Ok(iter(all.collect()))
        }),
        ("parameters", |interp, args| listed(interp, args, "parameters", true, false)),
        ("named_parameters", |interp, args| listed(interp, args, "named_parameters", true, true)),
        ("buffers", |interp, args| listed(interp, args, "buffers", false, false)),
        ("named_buffers", |interp, args| listed(interp, args, "named_buffers", false, true)),
        ("state_dict", state_dict),
        ("get_submodule", get_submodule),
        ("own_modules", |interp, args| {
            let module = receiver(interp, &args)?;
            let all =
                children(interp, &module).into_iter().map(|(name, child)| (name, Value::Instance(child)));
            Ok(Value::dict(dict_of(interp, all)?))
        }),
        ("own_parameters", |interp, args| own(interp, &args, false)),
        ("own_buffers", |interp, args| own(interp, &args, true)),
    ]
}

fn iter(items: Vec<Value>) -> Value {
    Value::iter(Iter::Items(items.into_iter()))
}

fn pair(name: &str, value: Value) -> Value {
    Value::tuple(vec![Value::str(name), value])
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::Str(text)) => text.to_string(),
        _ => String::new(),
    }
}

fn join(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        ("", name) => name.to_owned(),
        (prefix, "") => prefix.to_owned(),
        _ => format!("{prefix}.{name}"),
    }
}

/// The children of a module, by name.
pub(crate) fn children(interp: &Interp, module: &Instance) -> Vec<(Name, Rc<Instance>)> {
    let attrs = module.attrs.borrow();
    let modules = attrs.iter().filter_map(|(name, value)| match value {
        Value::Instance(child) if interp.is_module(child) => Some((name.clone(), child.clone())),
        _ => None,
    });
    modules.collect()
}

/// The children of a module, each once.
pub(super) fn distinct(interp: &Interp, module: &Instance) -> Vec<(Name, Rc<Instance>)> {
    let mut seen = HashSet::new();
    children(interp, module).into_iter().filter(|(_, child)| seen.insert(Rc::as_ptr(child))).collect()
}

/// The module and all below it by their paths, each once, depth first; its own path is empty.
///
/// # Errors
/// If they nest too deep, or without end.
pub(crate) fn named_modules(
    interp: &mut Interp,
    module: &Rc<Instance>,
) -> Result<Vec<(String, Rc<Instance>)>> {
    let mut seen = HashSet::from([Rc::as_ptr(module)]);
    let mut all = Vec::new();
    let mut waiting = vec![(String::new(), module.clone())];
    while let Some((path, module)) = waiting.pop() {
        interp.charge(1 + path.len())?;
        let below: Vec<(String, Rc<Instance>)> =
            children(interp, &module).into_iter().map(|(name, child)| (join(&path, &name), child)).collect();
        all.push((path, module));
        waiting.extend(below.into_iter().rev());
        // One that was listed on the way comes no more.
        while waiting.last().is_some_and(|(_, next)| !seen.insert(Rc::as_ptr(next))) {
            waiting.pop();
        }
    }
    Ok(all)
}

/// What a module itself has, in PyTorch's order: its parameters, then its buffers.
fn of_module(module: &Instance, wanted: Wanted) -> Vec<(Name, Value, bool)> {
    let attrs = module.attrs.borrow();
    let state = module.module.borrow();
    let buffers = state.as_ref().map(|state| state.buffers.as_slice()).unwrap_or_default();
    let mut all = Vec::new();
    if wanted.parameters {
        all.extend(attrs.iter().filter_map(|(name, value)| {
            let Value::Tensor(tensor) = value else { return None };
            let Kind::Parameter(parameter) = tensor.kind() else { return None };
            let is_weight = !parameter.is_buffer && !buffers.iter().any(|(buffer, _)| buffer == name);
            is_weight.then(|| (name.clone(), value.clone(), false))
        }));
    }
    if wanted.buffers {
        all.extend(buffers.iter().filter(|(_, persistent)| *persistent || wanted.transient).filter_map(
            |(name, _)| match attrs.get(name) {
                Some(value @ Value::Tensor(_)) => Some((name.clone(), value.clone(), true)),
                _ => None,
            },
        ));
    }
    all
}

fn collect(interp: &mut Interp, module: &Rc<Instance>, wanted: Wanted) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    walk(interp, module, "", 0, wanted, &mut |path, (name, value, _)| {
        let address = match &value {
            Value::Tensor(tensor) => match tensor.kind() {
                Kind::Parameter(parameter) => Some(Rc::as_ptr(&parameter) as usize),
                _ => value.address(),
            },
            _ => None,
        };
        if !wanted.once || address.is_none_or(|address| seen.insert(address)) {
            all.push(Named { path: join(path, &name), value });
        }
    })?;
    Ok(all)
}

fn walk(
    interp: &mut Interp,
    module: &Rc<Instance>,
    path: &str,
    depth: usize,
    wanted: Wanted,
    take: &mut impl FnMut(&str, (Name, Value, bool)),
) -> Result<()> {
    if depth > MOST_DEPTH {
        let message = format!("modules nest more than {MOST_DEPTH} levels deep, or without end");
        return Err(interp.raise("RecursionError", &message));
    }
    interp.charge(1)?;
    for own in of_module(module, wanted) {
        interp.charge(1)?;
        take(path, own);
    }
    for (name, child) in children(interp, module) {
        walk(interp, &child, &join(path, &name), depth + 1, wanted, take)?;
    }
    Ok(())
}

/// What the state dict holds: every parameter and buffer under each of its names.
///
/// # Errors
/// If modules nest too deep, or without end.
pub(crate) fn state(interp: &mut Interp, module: &Rc<Instance>) -> Result<Vec<Named>> {
    collect(interp, module, Wanted { parameters: true, buffers: true, transient: false, once: false })
}

/// The parameters by name, each once if asked for.
pub(crate) fn named_parameters(interp: &mut Interp, module: &Rc<Instance>, once: bool) -> Result<Vec<Named>> {
    collect(interp, module, Wanted { parameters: true, buffers: false, transient: false, once })
}

fn listed(interp: &mut Interp, args: Args, function: &str, parameters: bool, named: bool) -> Result {
    let module = receiver(interp, &args)?;
    let mut names = vec!["self", "recurse"];
    if named {
        names = vec!["self", "prefix", "recurse", "remove_duplicate"];
    }
    let mut bound = args.bind(interp, function, &names, names.len() - 1)?;
    let prefix = if named { text(bound.some(1)) } else { String::new() };
    let deep = match bound.take(if named { 2 } else { 1 }) {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    let once = match if named { bound.take(3) } else { None } {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    let wanted = Wanted { parameters, buffers: !parameters, transient: true, once };
    let all: Vec<(String, Value)> = if deep {
        collect(interp, &module, wanted)?.into_iter().map(|named| (named.path, named.value)).collect()
    } else {
        of_module(&module, wanted).into_iter().map(|(name, value, _)| (name.to_string(), value)).collect()
    };
    let all = all.into_iter();
    Ok(iter(if named {
        all.map(|(name, value)| pair(&join(&prefix, &name), value)).collect()
    } else {
        all.map(|(_, value)| value).collect()
    }))
}

fn own(interp: &mut Interp, args: &Args, buffers: bool) -> Result {
    let module = receiver(interp, args)?;
    let wanted = Wanted { parameters: !buffers, buffers, transient: true, once: false };
    let all = of_module(&module, wanted).into_iter().map(|(name, value, _)| (name, value));
    Ok(Value::dict(dict_of(interp, all)?))
}

fn state_dict(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let all = state(interp, &module)?;
    Ok(Value::dict(dict_of(interp, all.into_iter().map(|named| (Name::from(named.path), named.value)))?))
}

fn get_submodule(interp: &mut Interp, args: Args) -> Result {
    let mut module = receiver(interp, &args)?;
    let mut items = args.positional(interp, "get_submodule", 2, 2)?;
    let path = text(Some(items.swap_remove(1)));
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let child = children(interp, &module).into_iter().find(|(known, _)| **known == *name);
        let Some((_, child)) = child else {
            let message = format!("{} has no attribute `{name}`", module.class.name);
            return Err(interp.raise("AttributeError", &message));
        };
        module = child;
    }
    Ok(Value::Instance(module))
}
