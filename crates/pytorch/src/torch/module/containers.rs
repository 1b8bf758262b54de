//! `Sequential`, `ModuleList`, `ModuleDict`, `ParameterList`.

use std::rc::Rc;

use super::{add_child, children, not_a_module, own_name, receiver};
use crate::interp::{Args, Interp, Result, Thrown};
use crate::source::Span;
use crate::torch::Kind;
use crate::value::{Dict, DictKind, Instance, Iter, NativeFn, Slice, Value};

pub(super) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("sequential_init", sequential_init),
        ("sequential_forward", sequential_forward),
        ("list_init", list_init),
        ("children_iter", |interp, args| {
            let module = receiver(interp, &args)?;
            let all: Vec<Value> =
                children(interp, &module).into_iter().map(|(_, c)| Value::Instance(c)).collect();
            Ok(Value::iter(Iter::Items(all.into_iter())))
        }),
        ("children_len", |interp, args| {
            let module = receiver(interp, &args)?;
            Ok(Value::Int(children(interp, &module).len() as i64))
        }),
        ("children_get", get),
        ("children_set", set),
        ("children_del", del),
        ("children_append", append),
        ("children_insert", insert),
        ("children_extend", extend),
        ("dict_update", dict_update),
        ("parameter_list_append", parameter_list_append),
    ]
}

/// The object whose `__init__` this is, as a module.
fn begin(interp: &mut Interp, args: &Args) -> Result<Rc<Instance>> {
    if let Some(Value::Instance(instance)) = args.items.first() {
        super::begin(interp, instance)?;
    }
    receiver(interp, args)
}

/// `Sequential(*modules)`, or of one dict.
fn sequential_init(interp: &mut Interp, args: Args) -> Result {
    let module = begin(interp, &args)?;
    if let [_, only] = args.items.as_slice()
        && let Value::Dict(dict) = only.plain()
    {
        let items: Vec<(Value, Value)> = dict.borrow().map.values().cloned().collect();
        let is_ordered = matches!(dict.borrow().kind, DictKind::Ordered);
        if !is_ordered {
            let span = args.spans.get(1).copied().flatten();
            return Err(not_ordered(interp, &module, only, span));
        }
        for (name, child) in items {
            let name = own_name(interp, &module, &name, "module")?;
            add_child(interp, &module, &name, &child)?;
        }
        return Ok(Value::None);
    }
    for (i, child) in args.items.iter().enumerate().skip(1) {
        if !matches!(child, Value::Instance(instance) if interp.is_module(instance)) {
            let span = args.spans.get(i).copied().flatten();
            return Err(not_a_module(interp, &module, child, span));
        }
        add_child(interp, &module, &(i - 1).to_string(), child)?;
    }
    Ok(Value::None)
}

fn not_ordered(interp: &mut Interp, module: &Rc<Instance>, dict: &Value, span: Option<Span>) -> Box<Thrown> {
    not_a_module(interp, module, dict, span).teach(|t| {
        t.helps.push("a Sequential with names takes an OrderedDict: `nn.Sequential(OrderedDict([('conv', nn.Conv2d(…)), …]))`".into());
    })
}

/// `Sequential.forward`: one after the other.
fn sequential_forward(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut items = args.positional(interp, "forward", 2, 2)?;
    let mut value = items.swap_remove(1);
    for (_, child) in children(interp, &module) {
        interp.step()?;
        value = interp.call_with(&Value::Instance(child), vec![value])?;
    }
    Ok(value)
}

/// `ModuleList(modules=None)`.
fn list_init(interp: &mut Interp, args: Args) -> Result {
    let module = begin(interp, &args)?;
    match args.items.get(1) {
        None | Some(Value::None) => Ok(Value::None),
        Some(given @ Value::Instance(instance))
            if interp.is_module(instance) && instance.class.lookup("__iter__").is_none() =>
        {
            let class = module.class.name.clone();
            let given = interp.type_name(given);
            let span = interp.argument_span("modules");
            let error = interp.raise("TypeError", &format!("'{given}' object is not iterable"));
            Err(error.teach(|t| {
                t.code = "argument";
                t.span = span;
                t.helps.push(format!("a {class} takes one list: `{class}([layer, layer])`"));
            }))
        }
        Some(modules) => push_all(interp, &module, &modules.clone()),
    }
}

fn push_all(interp: &mut Interp, module: &Rc<Instance>, modules: &Value) -> Result {
    let offset = children(interp, module).len();
    for (i, child) in interp.collect(modules)?.iter().enumerate() {
        if !matches!(child, Value::Instance(instance) if interp.is_module(instance)) {
            let span = interp.argument_span("modules");
            return Err(not_a_module(interp, module, child, span));
        }
        add_child(interp, module, &(offset + i).to_string(), child)?;
    }
    Ok(Value::None)
}

fn append(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let items = args.positional(interp, "append", 2, 2)?;
    let at = children(interp, &module).len();
    if !matches!(&items[1], Value::Instance(instance) if interp.is_module(instance)) {
        return Err(not_a_module(interp, &module, &items[1], None));
    }
    add_child(interp, &module, &at.to_string(), &items[1])?;
    Ok(items[0].clone())
}

fn extend(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let items = args.positional(interp, "extend", 2, 2)?;
    push_all(interp, &module, &items[1])?;
    Ok(items[0].clone())
}

/// Sets the children to a list, numbered anew.
fn renumber(interp: &mut Interp, module: &Rc<Instance>, all: &[Value]) -> Result<()> {
    for (name, _) in children(interp, module) {
        module.attrs.borrow_mut().shift_remove(&name);
    }
    for (i, child) in all.iter().enumerate() {
        add_child(interp, module, &i.to_string(), child)?;
    }
    Ok(())
}

fn insert(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let items = args.positional(interp, "insert", 3, 3)?;
    let mut all: Vec<Value> =
        children(interp, &module).into_iter().map(|(_, c)| Value::Instance(c)).collect();
    let Value::Int(at) = items[1] else {
        return Err(interp.raise("TypeError", "insert() takes a position and a module"));
    };
    if !matches!(&items[2], Value::Instance(instance) if interp.is_module(instance)) {
        return Err(not_a_module(interp, &module, &items[2], None));
    }
    let length = all.len() as i64;
    let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
    all.insert(at as usize, items[2].clone());
    renumber(interp, &module, &all)?;
    Ok(items[0].clone())
}

/// The place of an index, from either end.
fn place(interp: &mut Interp, index: &Value, length: usize) -> Result<usize> {
    let at = match index {
        Value::Int(at) => *at,
        Value::Bool(at) => i64::from(*at),
        _ => {
            let found = interp.type_name(index);
            return Err(
                interp.raise("TypeError", &format!("'{found}' object cannot be interpreted as an integer"))
            );
        }
    };
    let found = if at < 0 { at + length as i64 } else { at };
    if found < 0 || found >= length as i64 {
        let error = interp.raise("IndexError", &format!("index {at} is out of range"));
        return Err(error.teach(|t| {
            t.code = "index";
            t.notes.push(match length {
                0 => "it has no layers".to_owned(),
                _ => format!("it has {length} layers: 0 to {}", length - 1),
            });
        }));
    }
    Ok(found as usize)
}

/// `module[index]`; a slice is one of the same class, with the same names where it keeps names.
fn get(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let items = args.positional(interp, "__getitem__", 3, 3)?;
    let all = children(interp, &module);
    let keeps_names = interp.truth(&items[2])?;
    match &items[1] {
        Value::Slice(slice) => {
            let mut chosen = Vec::new();
            for at in positions(interp, slice, all.len())? {
                chosen.push(all[at].clone());
            }
            let class = Value::Class(module.class.clone());
            let argument = if keeps_names {
                let mut dict = Dict { kind: DictKind::Ordered, ..Dict::default() };
                for (name, child) in chosen {
                    dict.set_str(&name, Value::Instance(child));
                }
                Value::dict(dict)
            } else {
                Value::list(chosen.into_iter().map(|(_, child)| Value::Instance(child)).collect())
            };
            interp.call_with(&class, vec![argument])
        }
        index => {
            let at = place(interp, index, all.len())?;
            Ok(Value::Instance(all[at].1.clone()))
        }
    }
}

/// The positions that a slice chooses.
fn positions(interp: &mut Interp, slice: &Slice, length: usize) -> Result<Vec<usize>> {
    let all: Vec<Value> = (0..length).map(|at| Value::Int(at as i64)).collect();
    let chosen = interp.get_item(&Value::list(all), &Value::Slice(Rc::new(slice.clone())))?;
    let chosen = interp.collect(&chosen)?;
    Ok(chosen
        .iter()
        .filter_map(|at| if let Value::Int(at) = at { Some(*at as usize) } else { None })
        .collect())
}

fn set(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let items = args.positional(interp, "__setitem__", 3, 3)?;
    let all = children(interp, &module);
    let at = place(interp, &items[1], all.len())?;
    let name = all[at].0.clone();
    add_child(interp, &module, &name, &items[2])?;
    Ok(Value::None)
}

/// `del module[index]`: those behind it move up.
fn del(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let items = args.positional(interp, "__delitem__", 2, 2)?;
    let all = children(interp, &module);
    let gone = match &items[1] {
        Value::Slice(slice) => positions(interp, slice, all.len())?,
        index => vec![place(interp, index, all.len())?],
    };
    let kept: Vec<Value> =
        (0..all.len()).filter(|at| !gone.contains(at)).map(|at| Value::Instance(all[at].1.clone())).collect();
    renumber(interp, &module, &kept)?;
    Ok(Value::None)
}

/// `ModuleDict.update(modules)`: of a dict, a ModuleDict or pairs.
fn dict_update(interp: &mut Interp, args: Args) -> Result {
    let module = begin(interp, &args)?;
    let items = args.positional(interp, "update", 2, 2)?;
    let pairs: Vec<(Value, Value)> = match items[1].plain() {
        Value::None => Vec::new(),
        Value::Dict(dict) => dict.borrow().map.values().cloned().collect(),
        Value::Instance(other) if interp.is_module(&other) => {
            let all = children(interp, &other).into_iter();
            all.map(|(name, child)| (Value::Str(name), Value::Instance(child))).collect()
        }
        other => {
            let mut pairs = Vec::new();
            for pair in interp.collect(&other)? {
                let pair = interp.collect(&pair)?;
                let [name, child] = pair.as_slice() else {
                    return Err(interp.raise("ValueError", "a ModuleDict takes pairs of a name and a module"));
                };
                pairs.push((name.clone(), child.clone()));
            }
            pairs
        }
    };
    for (name, child) in pairs {
        let name = own_name(interp, &module, &name, "module")?;
        add_child(interp, &module, &name, &child)?;
    }
    Ok(Value::None)
}

/// `ParameterList.append(value)`.
fn parameter_list_append(interp: &mut Interp, args: Args) -> Result {
    let module = begin(interp, &args)?;
    let items = args.positional(interp, "append", 2, 2)?;
    let count = module.attrs.borrow().values().filter(|value| matches!(value, Value::Tensor(_))).count();
    let value = match &items[1] {
        Value::Tensor(tensor) => match tensor.kind() {
            Kind::Parameter(_) => items[1].clone(),
            _ => {
                let class = interp.modules.get("torch.nn").and_then(|nn| nn.get("Parameter"));
                match class {
                    Some(class) => interp.call_with(&class, vec![items[1].clone()])?,
                    None => items[1].clone(),
                }
            }
        },
        other => other.clone(),
    };
    interp.set_own(&module, &count.to_string(), value)?;
    Ok(items[0].clone())
}
