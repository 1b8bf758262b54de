//! `print(model)`: modules as PyTorch prints them.

use std::rc::Rc;

use super::{children, receiver};
use crate::interp::{Args, Interp, Result};
use crate::value::{Instance, NativeFn, Value};

pub(super) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![("module_repr", repr), ("module_list_repr", list_repr)]
}

/// The lines of a text behind the first one moved to the right.
fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// The class's name; a lazy layer's is the plain one once its input is known.
fn title(interp: &mut Interp, module: &Rc<Instance>) -> Result<String> {
    let object = Value::Instance(module.clone());
    let name = interp.call_method(&object, "_get_name", Vec::new())?;
    interp.str_of(&name)
}

fn repr(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let object = Value::Instance(module.clone());
    let extra = interp.call_method(&object, "extra_repr", Vec::new())?;
    let extra = interp.str_of(&extra)?;
    let mut lines: Vec<String> =
        if extra.is_empty() { Vec::new() } else { extra.split('\n').map(str::to_owned).collect() };
    let extra_lines = lines.len();
    for (name, child) in shown(interp, &module) {
        let text = match child {
            Some(child) => interp.repr(&Value::Instance(child))?,
            None => "None".to_owned(),
        };
        interp.charge(text.len())?;
        lines.push(format!("({name}): {}", indented(&text)));
    }
    let title = title(interp, &module)?;
    Ok(Value::str(&if lines.is_empty() {
        format!("{title}()")
    } else if extra_lines == 1 && lines.len() == 1 {
        format!("{title}({extra})")
    } else {
        format!("{title}(\n  {}\n)", lines.join("\n  "))
    }))
}

/// The children, and those that were set to `None`.
fn shown(interp: &Interp, module: &Instance) -> Vec<(crate::ast::Name, Option<Rc<Instance>>)> {
    let attrs = module.attrs.borrow();
    let state = module.module.borrow();
    let all = attrs.iter().filter_map(|(name, value)| match value {
        Value::Instance(child) if interp.is_module(child) => Some((name.clone(), Some(child.clone()))),
        Value::None => {
            let gone = state.as_ref().is_some_and(|state| {
                state.declared.iter().any(|(known, is_module)| known == name && *is_module)
            });
            gone.then(|| (name.clone(), None))
        }
        _ => None,
    });
    all.collect()
}

/// A `ModuleList`: equal ones that follow one another once, with their number.
fn list_repr(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut runs: Vec<(usize, usize, String)> = Vec::new();
    let all = children(interp, &module);
    for (i, (_, child)) in all.into_iter().enumerate() {
        let text = interp.repr(&Value::Instance(child))?;
        interp.charge(text.len())?;
        match runs.last_mut() {
            Some((_, last, known)) if *known == text => *last = i,
            _ => runs.push((i, i, text)),
        }
    }
    let title = title(interp, &module)?;
    if runs.is_empty() {
        return Ok(Value::str(&format!("{title}()")));
    }
    let lines: Vec<String> = runs
        .into_iter()
        .map(|(first, last, text)| {
            let text = indented(&text);
            match last - first + 1 {
                1 => format!("({first}): {text}"),
                n => format!("({first}-{last}): {n} x {text}"),
            }
        })
        .collect();
    Ok(Value::str(&format!("{title}(\n  {}\n)", lines.join("\n  "))))
}
