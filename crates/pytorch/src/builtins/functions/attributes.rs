//! Functions of names: `getattr`, `setattr`, `vars`, `dir`, `globals` …

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ast::Name;
use crate::interp::{Args, Interp, Result};
use crate::value::{Dict, NativeFn, Scope, ScopeKind, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    let functions: [(&'static str, NativeFn); 8] = [
        ("getattr", getattr),
        ("setattr", setattr),
        ("hasattr", hasattr),
        ("delattr", delattr),
        ("vars", vars),
        ("dir", dir),
        ("globals", globals),
        ("locals", locals),
    ];
    functions.map(|(name, call)| (name, Value::native(name, call))).to_vec()
}

fn name(interp: &mut Interp, value: &Value, function: &str) -> Result<Rc<str>> {
    match value.plain() {
        Value::Str(name) => Ok(name),
        other => {
            let found = interp.type_name(&other);
            let message = match function {
                "getattr" | "hasattr" => format!("{function}(): attribute name must be string"),
                _ => format!("attribute name must be string, not '{found}'"),
            };
            Err(interp.raise("TypeError", &message))
        }
    }
}

fn getattr(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "getattr", 2, 3)?;
    let attribute = name(interp, &items[1], "getattr")?;
    match items.get(2) {
        None => interp.get_attr(&items[0], &attribute),
        Some(default) => Ok(interp.find_attr(&items[0], &attribute)?.unwrap_or_else(|| default.clone())),
    }
}

fn setattr(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "setattr", 3, 3)?;
    let attribute = name(interp, &items[1], "setattr")?;
    interp.set_attr(&items[0], &attribute, items[2].clone())?;
    Ok(Value::None)
}

fn hasattr(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "hasattr", 2, 2)?;
    let attribute = name(interp, &items[1], "hasattr")?;
    Ok(Value::Bool(interp.find_attr(&items[0], &attribute)?.is_some()))
}

fn delattr(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "delattr", 2, 2)?;
    let attribute = name(interp, &items[1], "delattr")?;
    interp.del_attr(&items[0], &attribute)?;
    Ok(Value::None)
}

/// The names of a scope in order of the alphabet, as a dict.
fn scope_dict(interp: &mut Interp, scope: &Scope) -> Result {
    interp.charge(scope.vars.borrow().len())?;
    let vars = scope.vars.borrow();
    let sorted: BTreeMap<&Name, &Value> = vars.iter().collect();
    let mut dict = Dict::default();
    for (name, value) in sorted {
        dict.set_str(name, value.clone());
    }
    Ok(Value::dict(dict))
}

fn vars(interp: &mut Interp, args: Args) -> Result {
    let mut items = args.positional(interp, "vars", 0, 1)?;
    let Some(value) = items.pop() else { return local_dict(interp) };
    match &value {
        Value::Module(module) => {
            let scope = module.scope.borrow().clone();
            match scope {
                Some(scope) => scope_dict(interp, &scope),
                None => Ok(Value::dict(Dict::default())),
            }
        }
        Value::Instance(_) | Value::Class(_) | Value::Function(_) => interp.get_attr(&value, "__dict__"),
        _ => Err(interp.raise("TypeError", "vars() argument must have __dict__ attribute")),
    }
}

fn dir(interp: &mut Interp, args: Args) -> Result {
    let mut items = args.positional(interp, "dir", 0, 1)?;
    let mut names: Vec<Name> = Vec::new();
    match items.pop() {
        None => {
            if let Some(frame) = interp.frames.last() {
                names.extend(frame.scope.vars.borrow().keys().cloned());
            }
        }
        Some(Value::Module(module)) => {
            if let Some(scope) = &*module.scope.borrow() {
                names.extend(scope.vars.borrow().keys().cloned());
            }
        }
        Some(value) => {
            if let Value::Instance(instance) = &value {
                names.extend(instance.attrs.borrow().keys().cloned());
            }
            let class = match &value {
                Value::Class(class) => class.clone(),
                _ => interp.class_of(&value),
            };
            for class in class.mro.borrow().iter() {
                names.extend(class.attrs.borrow().keys().cloned());
            }
        }
    }
    interp.charge(names.len())?;
    names.sort();
    names.dedup();
    Ok(Value::list(names.into_iter().map(Value::Str).collect()))
}

fn globals(interp: &mut Interp, args: Args) -> Result {
    args.positional(interp, "globals", 0, 0)?;
    let mut scope = interp.frames.last().map(|frame| frame.scope.clone());
    while let Some(inner) = &scope
        && inner.kind != ScopeKind::Module
    {
        let outer = inner.outer.clone();
        scope = outer;
    }
    match scope {
        Some(scope) => scope_dict(interp, &scope),
        None => Ok(Value::dict(Dict::default())),
    }
}

fn local_dict(interp: &mut Interp) -> Result {
    match interp.frames.last().map(|frame| frame.scope.clone()) {
        Some(scope) => scope_dict(interp, &scope),
        None => Ok(Value::dict(Dict::default())),
    }
}

fn locals(interp: &mut Interp, args: Args) -> Result {
    args.positional(interp, "locals", 0, 0)?;
    local_dict(interp)
}
