//! What Python's library needs beyond Python: dicts of other kinds, classes by name, copies.

use std::collections::HashMap;
use std::rc::Rc;

use super::absent::derived;
use crate::interp::{Args, Interp, Result};
use crate::torch::{Kind, ModuleState, Tensor};
use crate::value::{Builtin, Dict, DictKind, Instance, NativeFn, Value};

pub(super) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("ordered_dict_init", |interp, args| init(interp, args, DictKind::Ordered)),
        ("default_dict_init", default_dict_init),
        ("counter_init", counter_init),
        ("make_class", make_class),
        ("deepcopy", |interp, args| {
            let items = args.positional(interp, "deepcopy", 1, 2)?;
            deep(interp, &items[0], &mut HashMap::new(), 0)
        }),
        ("shallow_copy", |interp, args| {
            let items = args.positional(interp, "copy", 1, 1)?;
            shallow(interp, &items[0])
        }),
    ]
}

/// Sets the dict that an object of a class derived from dict is.
fn set_payload(interp: &mut Interp, receiver: &Value, args: Args, kind: DictKind) -> Result {
    let made = interp.construct(Builtin::Dict, args)?;
    if let (Value::Instance(instance), Value::Dict(dict)) = (receiver, &made) {
        dict.borrow_mut().kind = kind;
        *instance.payload.borrow_mut() = Some(made.clone());
    }
    Ok(Value::None)
}

/// Takes the object itself off the arguments.
fn split_receiver(mut args: Args) -> (Value, Args) {
    if args.items.is_empty() {
        return (Value::None, args);
    }
    let receiver = args.items.remove(0);
    args.spans.drain(..1.min(args.spans.len()));
    (receiver, args)
}

fn init(interp: &mut Interp, args: Args, kind: DictKind) -> Result {
    let (receiver, args) = split_receiver(args);
    set_payload(interp, &receiver, args, kind)
}

/// `defaultdict(factory, …)`.
fn default_dict_init(interp: &mut Interp, args: Args) -> Result {
    let (receiver, args) = split_receiver(args);
    let (factory, args) = split_receiver(args);
    set_payload(interp, &receiver, args, DictKind::Default(factory))
}

/// `Counter(iterable)`.
fn counter_init(interp: &mut Interp, args: Args) -> Result {
    let (receiver, mut args) = split_receiver(args);
    let first = args.items.first().map(Value::plain);
    let Some(first) = first.filter(|first| !matches!(first, Value::Dict(_) | Value::None)) else {
        args.items.retain(|item| !matches!(item, Value::None));
        return set_payload(interp, &receiver, args, DictKind::Counter);
    };
    let mut dict = Dict { kind: DictKind::Counter, ..Dict::default() };
    for item in interp.collect(&first)? {
        interp.charge(1)?;
        let Some(key) = item.key() else {
            let found = interp.type_name(&item);
            return Err(interp.raise("TypeError", &format!("unhashable type: '{found}'")));
        };
        let count = match dict.map.get(&key) {
            Some((_, Value::Int(n))) => n + 1,
            _ => 1,
        };
        dict.set(item, Value::Int(count));
    }
    if let Value::Instance(instance) = &receiver {
        *instance.payload.borrow_mut() = Some(Value::dict(dict));
    }
    Ok(Value::None)
}

/// `_torch.make_class(name, base)`.
fn make_class(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "make_class", 2, 2)?;
    let (Value::Str(name), Value::Class(base)) = (&items[0], &items[1]) else {
        return Err(interp.raise("TypeError", "a class has a name and a base"));
    };
    let module = interp.frames.iter().rev().find(|frame| !frame.is_prelude);
    let module = module.map_or_else(|| "builtins".into(), |frame| frame.scope.module.name.clone());
    Ok(Value::Class(derived(name, &module, base)))
}

fn shallow(interp: &mut Interp, value: &Value) -> Result {
    Ok(match value {
        Value::List(items) => {
            interp.charge(items.borrow().len())?;
            Value::list(items.borrow().clone())
        }
        Value::Dict(dict) => {
            interp.charge(dict.borrow().map.len())?;
            let mut copy = dict.borrow().clone();
            if matches!(copy.kind, DictKind::Attributes(_)) {
                copy.kind = DictKind::Plain;
            }
            Value::dict(copy)
        }
        Value::Instance(instance) => {
            let copy = blank(interp, instance);
            *copy.attrs.borrow_mut() = instance.attrs.borrow().clone();
            let payload = instance.payload.borrow().clone();
            if let Some(payload) = payload {
                let payload = shallow(interp, &payload)?;
                *copy.payload.borrow_mut() = Some(payload);
            }
            Value::Instance(copy)
        }
        other => other.clone(),
    })
}

/// An object of the same class and module state, without attributes.
fn blank(interp: &mut Interp, instance: &Rc<Instance>) -> Rc<Instance> {
    let copy = interp.new_instance(&instance.class);
    copy.made.set(instance.made.get());
    *copy.arguments.borrow_mut() = instance.arguments.borrow().clone();
    *copy.module.borrow_mut() = instance.module.borrow().as_ref().map(|state| ModuleState {
        buffers: state.buffers.clone(),
        declared: state.declared.clone(),
        is_evaluating: state.is_evaluating,
    });
    copy
}

/// How deep copied values may nest.
const MOST_DEPTH: usize = 200;

/// `copy.deepcopy`: what occurs twice is copied once.
fn deep(interp: &mut Interp, value: &Value, known: &mut HashMap<usize, Value>, depth: usize) -> Result {
    interp.charge(1)?;
    if depth > MOST_DEPTH {
        return Err(interp.raise("RecursionError", "deepcopy: this is nested too deep"));
    }
    let address = value.address();
    if let Some(copy) = address.and_then(|address| known.get(&address)) {
        return Ok(copy.clone());
    }
    let copy = match value {
        Value::List(items) => {
            let copy = Value::list(Vec::new());
            known.extend(address.map(|address| (address, copy.clone())));
            let items = items.borrow().clone();
            for item in &items {
                let item = deep(interp, item, known, depth + 1)?;
                if let Value::List(made) = &copy {
                    made.borrow_mut().push(item);
                }
            }
            copy
        }
        Value::Tuple(items) => {
            let items: Result<Vec<Value>> =
                items.iter().map(|item| deep(interp, item, known, depth + 1)).collect();
            Value::tuple(items?)
        }
        Value::Dict(dict) => {
            let copy = Dict { kind: dict.borrow().kind.clone(), ..Dict::default() };
            let made = Value::dict(copy);
            known.extend(address.map(|address| (address, made.clone())));
            let pairs: Vec<(Value, Value)> = dict.borrow().map.values().cloned().collect();
            for (key, value) in pairs {
                let value = deep(interp, &value, known, depth + 1)?;
                if let Value::Dict(made) = &made {
                    made.borrow_mut().set(key, value);
                }
            }
            made
        }
        Value::Tensor(tensor) => match tensor.kind() {
            Kind::Parameter(parameter) => {
                let at = Rc::as_ptr(&parameter) as usize;
                match known.get(&at) {
                    Some(copy) => copy.clone(),
                    None => {
                        let copy = interp.deepcopy_parameter(tensor)?;
                        known.insert(at, copy.clone());
                        copy
                    }
                }
            }
            kind => Value::Tensor(Tensor::of(kind)),
        },
        Value::Instance(instance) => {
            let copy = blank(interp, instance);
            known.extend(address.map(|address| (address, Value::Instance(copy.clone()))));
            let attrs: Vec<_> = instance.attrs.borrow().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
            for (name, value) in attrs {
                let value = deep(interp, &value, known, depth + 1)?;
                copy.attrs.borrow_mut().insert(name, value);
            }
            let payload = instance.payload.borrow().clone();
            if let Some(payload) = payload {
                let payload = deep(interp, &payload, known, depth + 1)?;
                *copy.payload.borrow_mut() = Some(payload);
            }
            Value::Instance(copy)
        }
        other => other.clone(),
    };
    known.extend(address.map(|address| (address, copy.clone())));
    Ok(copy)
}
