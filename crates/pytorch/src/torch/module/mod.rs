//! `nn.Module`: what makes an object one, what its methods do.

mod containers;
mod text;
mod tree;

use std::rc::Rc;

pub(crate) use tree::children;
#[cfg(test)]
pub(crate) use tree::state;

use super::{CallFrame, Kind, ModuleState, parameter};
use crate::ast::Name;
use crate::interp::{Args, Interp, Result, Thrown};
use crate::nearest::nearest;
use crate::source::Span;
use crate::value::{Dict, Instance, NativeFn, Value};

/// The native functions of modules.
pub(crate) fn natives() -> Vec<(&'static str, NativeFn)> {
    let mut all: Vec<(&'static str, NativeFn)> = vec![
        ("module_class", module_class),
        ("module_init", init),
        ("module_call", call),
        ("add_module", add_module),
        ("register_parameter", register_parameter),
        ("register_buffer", register_buffer),
        ("apply", apply),
        ("train", train),
        ("requires_grad_", requires_grad),
        ("itself", itself),
        ("zero_grad", |_, _| Ok(Value::None)),
        ("load_state_dict", load_state_dict),
        ("register_hook", register_hook),
    ];
    all.extend(tree::natives());
    all.extend(text::natives());
    all.extend(containers::natives());
    all
}

/// The module that a method was called on.
///
/// # Errors
/// If it is none, or if `Module.__init__` did not run.
pub(crate) fn receiver(interp: &mut Interp, args: &Args) -> Result<Rc<Instance>> {
    match args.items.first() {
        Some(Value::Instance(instance)) if instance.module.borrow().is_some() => Ok(instance.clone()),
        Some(Value::Instance(instance)) if interp.is_module(instance) => {
            Err(not_initialized(interp, instance, "the module is used before Module.__init__() ran"))
        }
        other => {
            let found = other.map_or_else(|| "nothing".into(), |value| interp.type_name(value));
            Err(interp.raise("TypeError", &format!("an nn.Module is expected, got {found}")))
        }
    }
}

fn not_initialized(interp: &mut Interp, instance: &Instance, message: &str) -> Box<Thrown> {
    let class = instance.class.name.clone();
    let span = instance.class.span;
    interp.raise("AttributeError", message).teach(|t| {
        t.code = "module";
        t.labels
            .extend(span.map(|span| (span, format!("`{class}.__init__` has to call super().__init__()"))));
        t.helps.push(format!("call `super().__init__()` first in the `__init__` of `{class}`"));
    })
}

/// `_torch.module_class(cls)`: tells the interpreter which class `nn.Module` is.
fn module_class(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "module_class", 1, 1)?;
    if let Value::Class(class) = &items[0] {
        *interp.types.module.borrow_mut() = Some(class.clone());
    }
    Ok(Value::None)
}

/// `Module.__init__`.
fn init(interp: &mut Interp, args: Args) -> Result {
    let Some(Value::Instance(instance)) = args.items.first() else { return Ok(Value::None) };
    if let Some(extra) = args.items.get(1) {
        let (class, found) = (instance.class.name.clone(), interp.type_name(extra));
        let span = args.spans.get(1).copied().flatten();
        let error = interp.raise("TypeError", &format!("{class}.__init__() takes no arguments, got {found}"));
        return Err(error.teach(|t| {
            t.code = "argument";
            t.span = span;
            t.helps
                .push(format!("`super().__init__()` takes no arguments; does `{class}` define `__init__`?"));
        }));
    }
    begin(interp, instance)?;
    Ok(Value::None)
}

/// Gives an object the state of a module, once.
///
/// # Errors
/// When the limit of modules is reached.
pub(crate) fn begin(interp: &mut Interp, instance: &Instance) -> Result<()> {
    if instance.module.borrow().is_none() {
        interp.count_module()?;
        *instance.module.borrow_mut() = Some(ModuleState::default());
    }
    Ok(())
}

impl Interp {
    /// What setting an attribute of a module asks for: its state, and an own place for each module and parameter.
    ///
    /// # Errors
    /// For a module or a parameter before `Module.__init__` ran.
    pub(crate) fn module_set_attr(&mut self, instance: &Rc<Instance>, name: &str, new: &Value) -> Result<()> {
        if name == "training" {
            if let (Some(state), Value::Bool(training)) = (&mut *instance.module.borrow_mut(), new) {
                state.is_evaluating = !training;
            }
            return Ok(());
        }
        let what = match new {
            Value::Instance(child) if self.is_module(child) => "module",
            Value::Tensor(tensor) => match tensor.kind() {
                Kind::Parameter(parameter) if !parameter.is_buffer => "parameter",
                _ => return Ok(()),
            },
            Value::None => {
                let old = instance.attrs.borrow().get(name).cloned();
                if let Some(old) = old
                    && self.is_registered(&old)
                    && let Some(state) = &mut *instance.module.borrow_mut()
                {
                    state.declared.push((name.into(), matches!(old, Value::Instance(_))));
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let declared = (*instance.module.borrow())
            .as_ref()
            .map(|state| state.declared.iter().any(|(known, _)| **known == *name));
        let Some(declared) = declared else {
            let message = format!("cannot assign {what} before Module.__init__() call");
            return Err(not_initialized(self, instance, &message));
        };
        // A plain value gives way to it, and it comes behind those that are there.
        let old = instance.attrs.borrow().get(name).cloned();
        if let Some(old) = old
            && !declared
            && !self.is_registered(&old)
        {
            instance.attrs.borrow_mut().shift_remove(name);
        }
        Ok(())
    }

    /// Whether a value is a module or a parameter, which a module keeps in order.
    fn is_registered(&self, value: &Value) -> bool {
        match value {
            Value::Instance(child) => self.is_module(child),
            Value::Tensor(tensor) => matches!(tensor.kind(), Kind::Parameter(_)),
            _ => false,
        }
    }
}

/// `Module.__call__`: runs `forward` as a call of this module.
fn call(interp: &mut Interp, mut args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let object = args.items.remove(0);
    args.spans.drain(..1.min(args.spans.len()));
    let Some(forward) = interp.find_attr(&object, "forward")? else {
        return Err(no_forward(interp, &module));
    };
    interp.calls += 1;
    let frame = CallFrame { module: module.clone(), parent: interp.frame.take(), call: interp.calls };
    let frame = Rc::new(frame);
    interp.frame = Some(frame.clone());
    let result = interp.call(&forward, args);
    interp.frame = frame.parent.clone();
    let result = result?;
    if matches!(result, Value::None) {
        return Err(returns_nothing(interp, &module, &forward));
    }
    Ok(result)
}

fn no_forward(interp: &mut Interp, module: &Instance) -> Box<Thrown> {
    let class = module.class.name.clone();
    let span = module.class.span;
    let is_list = interp
        .modules
        .get("torch.nn")
        .and_then(|nn| nn.get("ModuleList"))
        .is_some_and(|list| matches!(list, Value::Class(list) if module.class.is_subclass(&list)));
    let own: Vec<_> = module.class.attrs.borrow().keys().cloned().collect();
    let near = nearest("forward", own.iter().map(|name| &**name)).map(str::to_owned);
    let message = format!("Module [{class}] is missing the required \"forward\" function");
    interp.raise("NotImplementedError", &message).teach(|t| {
        t.code = "module";
        t.labels.extend(span.map(|span| (span, format!("`{class}` has no method `forward`"))));
        match near {
            Some(near) => t.helps.push(format!("is `{near}` meant to be `forward`?")),
            None if is_list => t.helps.push(
                "a ModuleList is called one by one: `for layer in layers: x = layer(x)`; an nn.Sequential is called at once".into(),
            ),
            None => t.helps.push(format!("define `def forward(self, x):` in `{class}`, indented as `__init__` is")),
        }
    })
}

fn returns_nothing(interp: &mut Interp, module: &Instance, forward: &Value) -> Box<Thrown> {
    let class = module.class.name.clone();
    let function = match forward {
        Value::Method(method) => method.function.clone(),
        other => other.clone(),
    };
    let span = match function {
        Value::Function(function) => Some(function.def.name_span),
        _ => None,
    };
    let span = span.filter(|span| interp.sources.is_users(*span));
    interp.raise("TypeError", &format!("forward of `{class}` returns nothing")).teach(|t| {
        t.code = "module";
        t.span = span;
        t.label = Some("it ends without a value".into());
        t.helps.push("`return x` is missing at its end".into());
    })
}

/// A name that a child, a parameter or a buffer can have.
fn own_name(interp: &mut Interp, module: &Rc<Instance>, name: &Value, what: &str) -> Result<Name> {
    let Value::Str(name) = name else {
        let found = interp.type_name(name);
        return Err(interp.raise("TypeError", &format!("{what} name should be a string. Got {found}")));
    };
    if name.contains('.') {
        let message = format!("{what} name can't contain \".\", got: {name}");
        return Err(interp.raise("KeyError", &message));
    }
    if name.is_empty() {
        return Err(interp.raise("KeyError", &format!("{what} name can't be empty string \"\"")));
    }
    let old = module.attrs.borrow().get(name).cloned();
    let is_taken = match old {
        Some(Value::None) => false,
        Some(old) => !interp.is_registered(&old) && !matches!(old, Value::Tensor(_)),
        None => module.class.lookup(name).is_some(),
    };
    if is_taken {
        return Err(interp.raise("KeyError", &format!("attribute '{name}' already exists")));
    }
    Ok(name.clone())
}

/// Makes a value a child under a name.
pub(crate) fn add_child(interp: &mut Interp, module: &Rc<Instance>, name: &str, child: &Value) -> Result<()> {
    match child {
        Value::None => {}
        Value::Instance(instance) if interp.is_module(instance) => {}
        _ => return Err(not_a_module(interp, module, child, None)),
    }
    interp.charge(1)?;
    interp.module_set_attr(module, name, child)?;
    if matches!(child, Value::None)
        && let Some(state) = &mut *module.module.borrow_mut()
    {
        state.declared.push((name.into(), true));
    }
    module.attrs.borrow_mut().insert(name.into(), child.clone());
    Ok(())
}

/// What is given instead of a module, and what would be one.
fn not_a_module(interp: &mut Interp, module: &Instance, value: &Value, span: Option<Span>) -> Box<Thrown> {
    let class = module.class.name.clone();
    let found = match value {
        Value::Class(_) | Value::Function(_) | Value::Native(_) | Value::Method(_) => {
            interp.repr(value).unwrap_or_else(|_| interp.type_name(value).to_string())
        }
        _ => interp.type_name(value).to_string(),
    };
    let help = match value {
        Value::Class(given) => Some(format!("`{}()` with parentheses makes a layer of the class", given.name)),
        Value::List(_) | Value::Tuple(_) => {
            Some(format!("put a star before the list, `{class}(*layers)`: each layer is an argument of its own"))
        }
        Value::Function(_) | Value::Native(_) | Value::Method(_) => Some(
            "a function is no layer: take the module of the same name (`nn.ReLU()` for `F.relu`), or call it in `forward`".into(),
        ),
        Value::Iter(_) => Some(format!("put a star before it: `{class}(*layers)`")),
        _ => None,
    };
    interp.raise("TypeError", &format!("{found} is not a Module subclass")).teach(|t| {
        t.code = "argument";
        t.span = span;
        t.label = Some("an object of a module class is expected here".into());
        t.helps.extend(help);
    })
}

fn add_module(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut bound = args.bind(interp, "add_module", &["self", "name", "module"], 0)?;
    let name = own_name(interp, &module, &bound.required(1), "module")?;
    let span = bound.spans[2];
    let child = bound.required(2);
    match &child {
        Value::Instance(instance) if interp.is_module(instance) => {}
        Value::None => {}
        _ => return Err(not_a_module(interp, &module, &child, span)),
    }
    add_child(interp, &module, &name, &child)?;
    Ok(Value::None)
}

fn register_parameter(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut bound = args.bind(interp, "register_parameter", &["self", "name", "param"], 0)?;
    let name = own_name(interp, &module, &bound.required(1), "parameter")?;
    let value = bound.required(2);
    let is_parameter = matches!(&value, Value::Tensor(tensor) if matches!(tensor.kind(), Kind::Parameter(_)));
    if !is_parameter && !matches!(value, Value::None) {
        let found = interp.type_name(&value);
        let message =
            format!("cannot assign '{found}' object to parameter '{name}' (nn.Parameter or None required)");
        let error = interp.raise("TypeError", &message);
        return Err(error.teach(|t| {
            t.code = "argument";
            t.helps.push(format!("wrap the tensor: nn.Parameter({found})"));
        }));
    }
    interp.module_set_attr(&module, &name, &value)?;
    if matches!(value, Value::None)
        && let Some(state) = &mut *module.module.borrow_mut()
    {
        state.declared.push((name.clone(), false));
    }
    module.attrs.borrow_mut().insert(name, value);
    Ok(Value::None)
}

fn register_buffer(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut bound = args.bind(interp, "register_buffer", &["self", "name", "tensor", "persistent"], 1)?;
    let name = own_name(interp, &module, &bound.required(1), "buffer")?;
    let value = bound.required(2);
    let persistent = match bound.some(3) {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    if !matches!(value, Value::Tensor(_) | Value::None | Value::Opaque(_)) {
        let found = interp.type_name(&value);
        let message =
            format!("cannot assign '{found}' object to buffer '{name}' (torch Tensor or None required)");
        return Err(interp.raise("TypeError", &message));
    }
    interp.charge(1)?;
    let value = parameter::buffer(interp, value);
    if let Some(state) = &mut *module.module.borrow_mut() {
        state.buffers.retain(|(known, _)| *known != name);
        state.buffers.push((name.clone(), persistent));
    }
    module.attrs.borrow_mut().insert(name, value);
    Ok(Value::None)
}

/// `apply(fn)`: the children first, then the module itself.
fn apply(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut items = args.positional(interp, "apply", 2, 2)?;
    let function = items.remove(1);
    for (_, child) in tree::distinct(interp, &module) {
        interp.step()?;
        interp.call_method(&Value::Instance(child), "apply", vec![function.clone()])?;
    }
    interp.call_with(&function, vec![Value::Instance(module.clone())])?;
    Ok(Value::Instance(module))
}

/// `train(mode=True)`, of the module and all below it.
fn train(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut bound = args.bind(interp, "train", &["self", "mode"], 1)?;
    let training = match bound.take(1) {
        Some(value @ Value::Bool(_)) => value,
        None => Value::Bool(true),
        Some(_) => return Err(interp.raise("ValueError", "training mode is expected to be boolean")),
    };
    interp.set_own(&module, "training", training.clone())?;
    for (_, child) in tree::distinct(interp, &module) {
        interp.step()?;
        interp.call_method(&Value::Instance(child), "train", vec![training.clone()])?;
    }
    Ok(Value::Instance(module))
}

fn requires_grad(interp: &mut Interp, args: Args) -> Result {
    let module = receiver(interp, &args)?;
    let mut bound = args.bind(interp, "requires_grad_", &["self", "requires_grad"], 1)?;
    let on = match bound.take(1) {
        Some(value) => interp.truth(&value)?,
        None => true,
    };
    for named in tree::named_parameters(interp, &module, true)? {
        if let Some(parameter) = parameter::of(&named.value) {
            parameter.requires_grad.set(on);
        }
    }
    Ok(Value::Instance(module))
}

/// `to(…)`, `cuda()`, `float()`: where and how precisely a network runs is said elsewhere.
fn itself(_: &mut Interp, mut args: Args) -> Result {
    Ok(if args.items.is_empty() { Value::None } else { args.items.swap_remove(0) })
}

fn load_state_dict(interp: &mut Interp, args: Args) -> Result {
    receiver(interp, &args)?;
    let site = interp.site();
    interp.note(site, "load_state_dict is left out: a model file tells no weights");
    Ok(interp.opaque("torch.nn.Module.load_state_dict"))
}

fn register_hook(interp: &mut Interp, args: Args) -> Result {
    receiver(interp, &args)?;
    let site = interp.site();
    interp.note(site, "hooks are left out: they are not called");
    Ok(interp.opaque("torch.utils.hooks.RemovableHandle"))
}

/// A dict of what has names.
fn dict_of(interp: &mut Interp, all: impl IntoIterator<Item = (Name, Value)>) -> Result<Dict> {
    let mut dict = Dict { kind: crate::value::DictKind::Ordered, ..Dict::default() };
    for (name, value) in all {
        interp.charge(1)?;
        dict.set_str(&name, value);
    }
    Ok(dict)
}
