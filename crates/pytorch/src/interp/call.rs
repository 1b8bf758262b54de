//! Calls: what can be called, and how arguments become a function's names.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::stmt::Flow;
use super::{Args, Frame, Generator, Interp, Result, Thrown};
use crate::ast::{FunctionDef, Name};
use crate::nearest::nearest;
use crate::source::Span;
use crate::value::{Builtin, Dict, Function, Instance, Iter, Scope, ScopeKind, Value};

impl Interp {
    /// Calls a value with arguments by position.
    pub(crate) fn call_with(&mut self, function: &Value, items: Vec<Value>) -> Result {
        self.call(function, Args::of(items))
    }

    /// Calls a method of a value.
    pub(crate) fn call_method(&mut self, value: &Value, name: &str, items: Vec<Value>) -> Result {
        let method = self.get_attr(value, name)?;
        self.call_with(&method, items)
    }

    /// Calls a value.
    pub(crate) fn call(&mut self, function: &Value, args: Args) -> Result {
        self.step()?;
        match function {
            Value::Function(function) => self.call_function(function, args),
            Value::Native(native) => (native.call)(self, args),
            Value::Method(method) => {
                let method = method.clone();
                self.call(&method.function, args.with_first(method.receiver.clone()))
            }
            Value::Class(class) => self.instantiate(class, args),
            Value::StaticMethod(inner) | Value::ClassMethod(inner) => self.call(&inner.clone(), args),
            Value::Instance(instance) => match instance.class.lookup("__call__") {
                Some(call) => self.call(&call, args.with_first(function.clone())),
                None => {
                    let class = instance.class.clone();
                    if let Some(opaque) = class.mro.borrow().iter().find_map(|class| class.opaque.clone()) {
                        return Ok(self.opaque(&format!("{}()", opaque.path)));
                    }
                    Err(self.raise("TypeError", &format!("'{}' object is not callable", class.name)))
                }
            },
            Value::Opaque(opaque) => Ok(self.opaque(&format!("{}()", opaque.path))),
            _ => {
                let class = self.type_name(function);
                let help = self.uncalled(function);
                let error = self.raise("TypeError", &format!("'{class}' object is not callable"));
                Err(error.teach(|t| t.helps.extend(help)))
            }
        }
    }

    /// What is likely meant by a call of what cannot be called.
    fn uncalled(&self, value: &Value) -> Option<String> {
        let in_constructor = self.frames.iter().find_map(|frame| match (&frame.function, &frame.receiver) {
            (Some(name), Some(Value::Instance(object)))
                if name.ends_with("__init__") && self.is_module(object) =>
            {
                Some(object.class.name.clone())
            }
            _ => None,
        });
        Some(match (value, in_constructor) {
            (Value::Tensor(_), Some(class)) => format!(
                "images were given to `{class}(…)`, which makes a network: make it once, `net = {class}()`, and call that, \
                 `net(x)`"
            ),
            (Value::Tensor(_), None) => "a tensor is no layer: is an operator, such as `*`, missing before the bracket?".to_owned(),
            (Value::List(_) | Value::Tuple(_), _) => {
                "layers that are called one after another are an `nn.Sequential(*layers)`; those of a list are called \
                 one by one, `for layer in layers: x = layer(x)`, and belong in an `nn.ModuleList(layers)`"
                    .to_owned()
            }
            (Value::Dict(_), _) => "an item is taken with square brackets: `d[\"key\"]`".to_owned(),
            (Value::None, _) => "it is `None`: was the layer made, and does the function that gives it `return` it?".to_owned(),
            (Value::Int(_) | Value::Float(_), _) => "is an operator, such as `*`, missing before the bracket?".to_owned(),
            (Value::Str(_), _) => "this is a text: is a comma or an operator missing before the bracket?".to_owned(),
            (Value::Module(module), _) => format!("this is a module: call one of its functions, `{}.…(…)`", module.name),
            _ => return None,
        })
    }

    /// An object of a class, made by a call with these arguments.
    fn instantiate(&mut self, class: &Rc<crate::value::Class>, args: Args) -> Result {
        if let Some(builtin) = class.builtin {
            return match builtin {
                Builtin::Type if args.items.len() == 1 => Ok(Value::Class(self.class_of(&args.items[0]))),
                Builtin::Super | Builtin::Property | Builtin::StaticMethod | Builtin::ClassMethod => {
                    self.construct_descriptor(builtin, args)
                }
                _ => self.construct(builtin, args),
            };
        }
        if let Some(Value::Tuple(left)) = class.lookup("__abstractmethods__")
            && !left.is_empty()
        {
            return Err(self.is_abstract(class, &left));
        }
        if let Some(new @ Value::Function(_)) = class.lookup("__new__").map(|new| match new {
            Value::StaticMethod(inner) => (*inner).clone(),
            new => new,
        }) {
            let made = self.call(&new, args.clone().with_first(Value::Class(class.clone())))?;
            if let Value::Instance(instance) = &made
                && instance.class.is_subclass(class)
            {
                self.initialize(instance, args)?;
            }
            return Ok(made);
        }
        self.charge_holder()?;
        let instance = self.new_instance(class);
        self.initialize(&instance, args)?;
        Ok(Value::Instance(instance))
    }

    fn is_abstract(&mut self, class: &crate::value::Class, left: &[Value]) -> Box<Thrown> {
        let name =
            |value: &Value| if let Value::Str(name) = value { format!("'{name}'") } else { String::new() };
        let names: Vec<String> = left.iter().map(name).collect();
        let plural = if names.len() == 1 { "" } else { "s" };
        let message = format!(
            "Can't instantiate abstract class {} without an implementation for abstract method{plural} {}",
            class.name,
            names.join(", ")
        );
        self.raise("TypeError", &message)
    }

    /// An object that no constructor has seen yet.
    pub(crate) fn new_instance(&mut self, class: &Rc<crate::value::Class>) -> Rc<Instance> {
        let instance = Instance::new(class.clone());
        instance.made.set(Some(self.site()));
        Rc::new(instance)
    }

    fn initialize(&mut self, instance: &Rc<Instance>, args: Args) -> Result<()> {
        let class = instance.class.clone();
        let is_exception = self.types.named("BaseException").is_some_and(|base| class.is_subclass(&base));
        if is_exception {
            instance.attrs.borrow_mut().insert("args".into(), Value::tuple(args.items.clone()));
        }
        let receiver = Value::Instance(instance.clone());
        if let Some(init) = class.lookup("__init__") {
            let result = self.call(&init, args.with_first(receiver))?;
            if !matches!(result, Value::None | Value::Opaque(_)) {
                return Err(self.raise("TypeError", "__init__() should return None"));
            }
            return Ok(());
        }
        match class.builtin_base() {
            Some(builtin) if instance.payload.borrow().is_none() => {
                let payload = self.construct(builtin, args)?;
                *instance.payload.borrow_mut() = Some(payload);
            }
            Some(_) => {}
            None if is_exception || (args.items.is_empty() && args.keywords.is_empty()) => {}
            None if class.mro.borrow().iter().any(|class| class.opaque.is_some()) => {}
            None => {
                let message = format!("{}() takes no arguments", class.name);
                return Err(self.raise("TypeError", &message).teach(|t| {
                    t.code = "argument";
                    t.helps
                        .push("the class has no `__init__(self, …)` (two underscores on each side)".into());
                }));
            }
        }
        Ok(())
    }

    /// Runs a function.
    fn call_function(&mut self, function: &Rc<Function>, args: Args) -> Result {
        let def = function.def.clone();
        if self.frames.len() >= self.limits.depth {
            return Err(self.too_deep());
        }
        let scope = Scope::within(&function.scope, ScopeKind::Function, Some(def.clone()));
        let arguments = self.bind_parameters(function, args, &scope)?;
        let receiver = def.parameters.named.first().and_then(|first| scope.get(&first.name));
        if &*def.name == "__init__"
            && let Some(Value::Instance(instance)) = &receiver
            && instance.arguments.borrow().is_empty()
        {
            *instance.arguments.borrow_mut() = self.users_arguments(&arguments);
        }
        let is_prelude = !self.sources.is_users(def.span);
        let frame = Frame {
            function: Some(function.qualified.clone()),
            span: def.span,
            is_prelude,
            arguments,
            class: function.class.borrow().clone(),
            receiver,
            scope,
        };
        if def.is_generator {
            let generator = Generator::of_function(frame, &def.body);
            return Ok(Value::iter(Iter::Generator(Some(Box::new(generator)))));
        }
        self.frames.push(frame);
        let result = match &def.result {
            Some(expr) => self.eval(expr),
            None => self.block(&def.body).map(|flow| match flow {
                Flow::Return(value) => value,
                _ => Value::None,
            }),
        };
        self.frames.pop();
        result
    }

    /// The error for calls within each other without end, at the function of the user's that is in most of them.
    pub(super) fn too_deep(&mut self) -> Box<Thrown> {
        let mut counts: IndexMap<Name, (usize, Span)> = IndexMap::new();
        for frame in self.frames.iter().filter(|frame| !frame.is_prelude) {
            if let Some(name) = &frame.function {
                // The outermost of them makes the call that is repeated.
                counts.entry(name.clone()).or_insert((0, frame.span)).0 += 1;
            }
        }
        let most = counts.into_iter().max_by_key(|(_, (count, _))| *count);
        let (name, (_, span)) = most.unwrap_or_else(|| ("this".into(), (0, self.site())));
        let message = format!("maximum recursion depth exceeded: `{name}` calls itself without end");
        let help = match name.strip_suffix(".__init__") {
            Some(class) => {
                format!("each `{class}` makes another `{class}`: make another class here, or none")
            }
            None => format!(
                "let `{name}` return without this call in some case, or loop instead: `for i in range(n)`"
            ),
        };
        self.raise("RecursionError", &message).teach(|t| {
            t.code = "limit";
            t.helps.push(help);
            t.span = Some(span);
            t.label = Some("it is called again here".into());
        })
    }

    /// The ranges of arguments in the user's code.
    fn users_arguments(&self, arguments: &[(Name, Span)]) -> Vec<(Name, Span)> {
        let users = arguments.iter().filter_map(|(name, span)| {
            if self.sources.is_users(*span) {
                return Some((name.clone(), *span));
            }
            let passed = self.sources.text(*span).trim().to_owned();
            self.argument_span(&passed).map(|span| (name.clone(), span))
        });
        users.collect()
    }

    /// Sets a function's names from arguments; gives where each stands.
    fn bind_parameters(
        &mut self,
        function: &Rc<Function>,
        args: Args,
        scope: &Rc<Scope>,
    ) -> Result<Vec<(Name, Span)>> {
        let def = function.def.clone();
        let parameters = &def.parameters;
        let mut places = Vec::new();
        let mut values: Vec<Option<Value>> = vec![None; parameters.named.len()];
        let given = args.items.len();
        if given > parameters.positional && parameters.args.is_none() {
            return Err(self.too_many(function, &args));
        }
        let has_self = parameters.named.first().is_some_and(|first| matches!(&*first.name, "self" | "cls"));
        let mut items = args.items.into_iter();
        for (i, value) in items.by_ref().take(parameters.positional).enumerate() {
            values[i] = Some(value);
            if let Some(span) = args.spans.get(i).copied().flatten() {
                places.push((parameters.named[i].name.clone(), span));
            }
        }
        if let Some(rest) = &parameters.args {
            scope.set(rest.clone(), Value::tuple(items.collect()));
        }
        let mut extra = Dict::default();
        for (i, (name, value)) in args.keywords.into_iter().enumerate() {
            let span = args.keyword_spans.get(i).copied().flatten();
            let named = &parameters.named[parameters.positional_only..];
            match named.iter().position(|p| p.name == name) {
                Some(at) => {
                    let at = at + parameters.positional_only;
                    if values[at].is_some() {
                        let message =
                            format!("{}() got multiple values for argument '{name}'", function.qualified);
                        let error = self.raise("TypeError", &message);
                        let error = self.with_signature(error, function, span);
                        let error = error.teach(|t| {
                            t.label = Some("given by its name".to_owned());
                            if at < given {
                                t.helps.push(format!(
                                    "argument {} stands for `{}` already, by its place: leave one of them out",
                                    if has_self { at } else { at + 1 },
                                    parameters.named[at].name
                                ));
                            }
                        });
                        return Err(if given <= parameters.positional {
                            lacks_self(error, function)
                        } else {
                            error
                        });
                    }
                    values[at] = Some(value);
                    places.extend(span.map(|span| (name, span)));
                }
                None if parameters.kwargs.is_some() => {
                    self.charge(1)?;
                    extra.set_str(&name, value);
                }
                None if parameters.named[..parameters.positional_only].iter().any(|p| p.name == name) => {
                    let message = format!(
                        "{}() got some positional-only arguments passed as keyword arguments: '{name}'",
                        function.qualified
                    );
                    let error = self.raise("TypeError", &message);
                    return Err(self.with_signature(error, function, span));
                }
                None => {
                    let known = parameters.named.iter().map(|p| &*p.name);
                    let near = nearest(&name, known).map(str::to_owned);
                    let message =
                        format!("{}() got an unexpected keyword argument '{name}'", function.qualified);
                    let span = span.map(|span| self.with_keyword(span, &name));
                    let error = self.raise("TypeError", &message);
                    let is_users = self.sources.is_users(def.span);
                    let foreign = if is_users { None } else { super::foreign::argument(&name) };
                    return Err(self.with_signature(error, function, span).teach(|t| {
                        match (foreign, near) {
                            (Some(foreign), _) => t.helps.push(foreign.to_owned()),
                            (None, Some(near)) => t.helps.push(format!("did you mean `{near}`?")),
                            (None, None) => {}
                        }
                    }));
                }
            }
        }
        if let Some(rest) = &parameters.kwargs {
            scope.set(rest.clone(), Value::dict(extra));
        }
        let (mut missing, mut by_name) = (Vec::new(), Vec::new());
        for (i, parameter) in parameters.named.iter().enumerate() {
            match values[i].take().or_else(|| function.defaults[i].clone()) {
                Some(value) => scope.set(parameter.name.clone(), value),
                None if i < parameters.positional => missing.push(format!("'{}'", parameter.name)),
                None => by_name.push(format!("'{}'", parameter.name)),
            }
        }
        // Those that are given by name alone are told of where nothing else is missing.
        let kind = if missing.is_empty() { "keyword-only" } else { "positional" };
        if missing.is_empty() {
            missing = by_name;
        }
        if !missing.is_empty() {
            let (n, plural) = (missing.len(), if missing.len() == 1 { "" } else { "s" });
            let message = format!(
                "{}() missing {n} required {kind} argument{plural}: {}",
                function.qualified,
                listed(&missing)
            );
            let error = self.raise("TypeError", &message);
            let error = self.with_signature(error, function, None);
            return Err(error.teach(|t| {
                let names = missing.join(" and ").replace('\'', "`");
                t.label = Some(format!("{names} {} missing", if n == 1 { "is" } else { "are" }));
            }));
        }
        Ok(places)
    }

    fn too_many(&mut self, function: &Function, args: &Args) -> Box<Thrown> {
        let parameters = &function.def.parameters;
        let (most, given) = (parameters.positional, args.items.len());
        let least = function.defaults.iter().take(most).filter(|default| default.is_none()).count();
        let takes = if least == most { most.to_string() } else { format!("from {least} to {most}") };
        let plural = if most == 1 { "" } else { "s" };
        let by_name = &parameters.named[most..];
        let extra = args.keywords.iter().filter(|(name, _)| by_name.iter().any(|p| p.name == *name)).count();
        let found = match extra {
            0 => format!("{given} {}", if given == 1 { "was" } else { "were" }),
            _ => format!(
                "{given} positional argument{} (and {extra} keyword-only argument{}) were",
                if given == 1 { "" } else { "s" },
                if extra == 1 { "" } else { "s" }
            ),
        };
        let message =
            format!("{}() takes {takes} positional argument{plural} but {found} given", function.qualified);
        let span = args.spans.get(most).copied().flatten();
        let has_self = parameters.named.first().is_some_and(|first| matches!(&*first.name, "self" | "cls"));
        let error = self.raise("TypeError", &message);
        let is_layers = !self.sources.is_users(function.def.span) && &*function.def.name == "forward";
        let error = self.with_signature(error, function, span).teach(|t| {
            if has_self && most > 0 {
                t.label = Some("this one is too many".to_owned());
                t.notes.push(format!(
                    "`self` is counted: without it {} taken, {} given",
                    if least == most { format!("{} is", most - 1) } else { format!("{} to {} are", least - 1, most - 1) },
                    if given == 2 { "1 is".to_owned() } else { format!("{} are", given - 1) }
                ));
            }
            if is_layers {
                t.helps.push(
                    "a layer's settings are given where it is made; a call takes what it computes on alone: `layer(x)`".to_owned(),
                );
            }
        });
        if given == most + 1 { lacks_self(error, function) } else { error }
    }

    fn with_signature(&mut self, error: Box<Thrown>, function: &Function, span: Option<Span>) -> Box<Thrown> {
        let def = &function.def;
        let text = signature(self.sources.text(def.span), &function.qualified);
        let users = self.sources.is_users(def.span).then_some(def.span);
        error.teach(|t| {
            t.code = "argument";
            t.span = span;
            match users {
                Some(users) => t.labels.push((users, "it is defined here".into())),
                None => t.notes.push(format!("it is {text}")),
            }
        })
    }

    /// The range of `name=value`, from that of the value.
    fn with_keyword(&self, span: Span, name: &str) -> Span {
        let text = &self.sources.get(span.file).text;
        let before = text.get(..span.start as usize).unwrap_or_default().trim_end();
        match before.strip_suffix('=').map(str::trim_end).and_then(|before| before.strip_suffix(name)) {
            Some(before) => Span { start: before.len() as u32, ..span },
            None => span,
        }
    }

    /// A function of a definition, in the scope where it stands.
    pub(super) fn make_function(&mut self, def: &Rc<FunctionDef>) -> Result {
        self.charge_holder()?;
        let mut defaults = Vec::new();
        for parameter in &def.parameters.named {
            defaults.push(match &parameter.default {
                Some(default) => Some(self.eval(default)?),
                None => None,
            });
        }
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let qualified = match (&frame.function, frame.scope.kind) {
            (Some(outer), ScopeKind::Class) => Name::from(format!("{outer}.{}", def.name)),
            (Some(outer), _) => Name::from(format!("{outer}.<locals>.{}", def.name)),
            (None, _) => def.name.clone(),
        };
        // A function within a method sees its `super()`; the methods of a class get theirs when it is made.
        let class = if frame.scope.kind == ScopeKind::Class { None } else { frame.class.clone() };
        Ok(Value::Function(Rc::new(Function {
            def: def.clone(),
            qualified,
            defaults,
            scope: frame.scope.clone(),
            class: RefCell::new(class),
            attrs: RefCell::new(IndexMap::new()),
        })))
    }
}

/// `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`.
fn listed(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [before @ .., last] => format!("{}, and {last}", before.join(", ")),
        [] => String::new(),
    }
}

/// The help for a method whose first parameter is not the object.
fn lacks_self(error: Box<Thrown>, function: &Function) -> Box<Thrown> {
    let def = &function.def;
    let first = def.parameters.named.first();
    let is_method = function.class.borrow().is_some();
    if !is_method || first.is_some_and(|first| matches!(&*first.name, "self" | "cls")) {
        return error;
    }
    let (name, rest) = (&def.name, if def.parameters.named.is_empty() { "" } else { ", …" });
    error.teach(|t| {
        t.labels.retain(|(span, _)| *span != def.span);
        t.labels.push((def.span, "`self` is missing here".into()));
        t.helps.clear();
        t.notes
            .push("Python gives a method its object first: it is counted, and takes the first name".into());
        t.helps.push(format!("the object comes first: `def {name}(self{rest})`"));
    })
}

/// How a function is called, from the text of its definition: `Conv2d(in_channels, …)`.
pub(crate) fn signature(text: &str, qualified: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let inner = text.split_once('(').map_or("", |(_, inner)| inner.strip_suffix(')').unwrap_or(inner));
    let inner = inner.strip_prefix("self").unwrap_or(inner).trim_start_matches([',', ' ']);
    let inner = inner.replace(", device=None, dtype=None", "");
    let name = qualified.strip_suffix(".__init__").unwrap_or(qualified);
    format!("{}({inner})", name.rsplit('.').next().unwrap_or(name))
}
