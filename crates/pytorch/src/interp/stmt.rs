//! Statements.

use std::rc::Rc;

use super::{Interp, Result};
use crate::ast::{Block, Case, Expr, ExprKind, Handler, Name, Pattern, Stmt, StmtKind};
use crate::source::Span;
use crate::value::{Dict, DictKind, Scope, ScopeKind, Value};

/// How statements end.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
}

impl Interp {
    pub(super) fn here(&mut self, span: Span) {
        if let Some(frame) = self.frames.last_mut() {
            frame.span = span;
        }
    }

    /// Runs one statement.
    pub(super) fn stmt(&mut self, stmt: &Stmt) -> Result<Flow> {
        self.step()?;
        self.here(stmt.span);
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                self.eval(expr)?;
            }
            StmtKind::Assign { targets, value } => {
                let value = self.eval(value)?;
                for target in targets {
                    self.assign(target, value.clone())?;
                }
            }
            StmtKind::AugAssign { target, op, value } => {
                // What stands before the dot or the brackets is evaluated once.
                match &target.kind {
                    ExprKind::Attribute { value: object, name, .. } => {
                        let object = self.eval(object)?;
                        self.here(stmt.span);
                        let old = self.get_attr(&object, name)?;
                        let value = self.eval(value)?;
                        self.here(stmt.span);
                        let new = self.inplace(*op, &old, &value)?;
                        self.set_attr(&object, name, new)?;
                    }
                    ExprKind::Subscript { value: object, index } => {
                        let object = self.eval(object)?;
                        let index = self.eval(index)?;
                        self.here(stmt.span);
                        let old = self.get_item(&object, &index)?;
                        let value = self.eval(value)?;
                        self.here(stmt.span);
                        let new = self.inplace(*op, &old, &value)?;
                        self.set_item(&object, index, new)?;
                    }
                    _ => {
                        let old = self.eval(target)?;
                        let value = self.eval(value)?;
                        self.here(stmt.span);
                        let new = self.inplace(*op, &old, &value)?;
                        self.assign(target, new)?;
                    }
                }
            }
            StmtKind::AnnAssign { target, annotation, value } => {
                if let Some(value) = value {
                    let value = self.eval(value)?;
                    self.assign(target, value)?;
                }
                self.annotate(target, annotation)?;
            }
            StmtKind::Return(value) => {
                return Ok(Flow::Return(match value {
                    Some(value) => self.eval(value)?,
                    None => Value::None,
                }));
            }
            StmtKind::If { branches, orelse } => {
                let body = self.branch(branches, orelse)?;
                return self.block(body);
            }
            StmtKind::For { target, iter, body, orelse } => return self.for_loop(target, iter, body, orelse),
            StmtKind::While { test, body, orelse } => loop {
                if !self.test(test)? {
                    return self.block(orelse);
                }
                let flow = self.block(body).map_err(|error| match &*self.type_name(&error.value) {
                    "RuntimeError" if error.is_fatal => error.teach(|t| {
                        if t.code == "limit" && t.label.is_none() {
                            t.span = Some(test.span);
                            t.label = Some("the loop goes on as long as this holds".to_owned());
                        }
                    }),
                    _ => error,
                })?;
                match flow {
                    Flow::Break => break,
                    Flow::Return(value) => return Ok(Flow::Return(value)),
                    Flow::Next | Flow::Continue => {}
                }
                self.step()?;
            },
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Pass => {}
            StmtKind::Function(def) => {
                let mut value = self.make_function(def)?;
                for decorator in def.decorators.iter().rev() {
                    value = self.decorate(decorator, value)?;
                }
                self.bind_name(&def.name, value);
            }
            StmtKind::Class(def) => {
                let value = self.make_class(def)?;
                self.bind_name(&def.name, value);
            }
            StmtKind::Import(names) => {
                for alias in names {
                    self.here(alias.span);
                    self.import(alias)?;
                }
            }
            StmtKind::ImportFrom { module, names, level } => {
                self.import_from(module.as_ref(), names, *level)?;
            }
            StmtKind::Raise { exception, cause } => return Err(self.raise_stmt(exception, cause)),
            StmtKind::Try { body, handlers, orelse, finally } => {
                return self.try_stmt(body, handlers, orelse, finally);
            }
            StmtKind::Assert { test, message } => {
                let value = self.eval(test)?;
                self.here(test.span);
                if !self.truth(&value)? {
                    let args = match message {
                        Some(message) => vec![self.eval(message)?],
                        None => Vec::new(),
                    };
                    self.here(stmt.span);
                    let is_bare = args.is_empty();
                    let error = self.exception("AssertionError", args);
                    let tested = self.sources.text(test.span).to_owned();
                    return Err(self.throw(error).teach(|t| {
                        if is_bare {
                            t.label = Some(format!("`{tested}` does not hold"));
                        }
                    }));
                }
            }
            StmtKind::With { items, body } => return self.with(items, body),
            StmtKind::Global(names) => self.declare(names, true),
            StmtKind::Nonlocal(names) => self.declare(names, false),
            StmtKind::Delete(targets) => {
                for target in targets {
                    self.delete(target)?;
                }
            }
            StmtKind::Match { subject, cases } => {
                return match self.case(subject, cases)? {
                    Some(body) => self.block(body),
                    None => Ok(Flow::Next),
                };
            }
            StmtKind::Unsupported(what) => return Err(self.unsupported(what)),
        }
        Ok(Flow::Next)
    }

    /// The block of an `if` that is to be run.
    pub(super) fn branch<'a>(
        &mut self,
        branches: &'a [(Expr, Block)],
        orelse: &'a Block,
    ) -> Result<&'a Block> {
        for (test, body) in branches {
            if self.test(test)? {
                return Ok(body);
            }
        }
        Ok(orelse)
    }

    /// Whether a condition holds.
    pub(super) fn test(&mut self, test: &Expr) -> Result<bool> {
        let value = self.eval(test)?;
        self.here(test.span);
        self.truth(&value)
    }

    fn for_loop(&mut self, target: &Expr, iter: &Expr, body: &Block, orelse: &Block) -> Result<Flow> {
        let source = self.eval(iter)?;
        self.here(iter.span);
        let items = self.iter(&source)?;
        let length = match &source {
            Value::List(list) => list.borrow().len(),
            _ => 0,
        };
        loop {
            self.here(iter.span);
            let Some(item) = self.next(&items)? else { return self.block(orelse) };
            self.step()?;
            self.assign(target, item)?;
            let flow = self.block(body).map_err(|error| match &source {
                Value::List(list) if list.borrow().len() > length + 8 => {
                    let name = self.sources.text(iter.span).to_owned();
                    error.teach(|t| {
                        t.labels.push((iter.span, "the loop goes over this list".to_owned()));
                        t.helps = vec![format!("the loop makes `{name}` longer while it goes over it, so that it never ends: go over a copy, `list({name})`")];
                    })
                }
                _ => error,
            })?;
            match flow {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
        }
    }

    /// Keeps the annotation of a class's name, in order: dataclasses and NamedTuples read them. One that
    /// cannot be evaluated is kept as its text.
    fn annotate(&mut self, target: &Expr, annotation: &Expr) -> Result<()> {
        let Some(scope) = self.scope() else { return Ok(()) };
        let (ScopeKind::Class, ExprKind::Name(name)) = (scope.kind, &target.kind) else { return Ok(()) };
        let text = self.sources.text(annotation.span).trim().to_owned();
        if text.starts_with("ClassVar") {
            return Ok(());
        }
        let mut value = Value::str(&text);
        if !self.leaves_annotations(&scope.module) {
            let uses = self.opaque_uses;
            match self.eval(annotation) {
                Ok(evaluated) => value = evaluated,
                Err(thrown) if thrown.is_fatal => return Err(thrown),
                Err(_) => {}
            }
            self.opaque_uses = uses;
        }
        let known = scope.get("__annotations__");
        let dict = known.unwrap_or_else(|| Value::dict(Dict::default()));
        scope.set("__annotations__".into(), dict.clone());
        if let Value::Dict(dict) = dict {
            dict.borrow_mut().set_str(name, value);
        }
        Ok(())
    }

    fn declare(&mut self, names: &[Name], is_global: bool) {
        if let Some(scope) = self.scope() {
            for name in names {
                scope.declared.borrow_mut().insert(name.clone(), is_global);
            }
        }
    }

    /// Sets a name of the scope that runs.
    pub(super) fn bind_name(&mut self, name: &Name, value: Value) {
        if let Some(scope) = self.scope() {
            self.assign_name(&scope, name, value);
        }
    }

    /// Sets a name as seen from a scope: its own, or where it was declared to be.
    pub(super) fn assign_name(&mut self, scope: &Rc<Scope>, name: &Name, value: Value) {
        let declared = match scope.kind {
            ScopeKind::Function => scope.declared.borrow().get(name).copied(),
            _ => None,
        };
        match declared {
            None => scope.set(name.clone(), value),
            Some(true) => {
                if let Some(module) = &*scope.module.scope.borrow() {
                    module.set(name.clone(), value);
                }
            }
            Some(false) => {
                let mut outer = scope.outer.clone();
                while let Some(current) = outer {
                    if current.kind == ScopeKind::Function && current.vars.borrow().contains_key(name) {
                        current.set(name.clone(), value);
                        return;
                    }
                    outer = current.outer.clone();
                }
                scope.set(name.clone(), value);
            }
        }
    }

    /// Applies a decorator. One that is not known does nothing, and is told of.
    pub(super) fn decorate(&mut self, decorator: &Expr, value: Value) -> Result {
        let uses = self.opaque_uses;
        let result = self.eval(decorator).and_then(|function| {
            self.here(decorator.span);
            self.call_with(&function, vec![value.clone()])
        });
        match result {
            Ok(Value::Opaque(_)) => Ok(value),
            Err(thrown) if thrown.is_opaque || (self.opaque_uses > uses && !thrown.is_fatal) => Ok(value),
            result => result,
        }
    }

    fn raise_stmt(&mut self, exception: &Option<Expr>, cause: &Option<Expr>) -> Box<super::Thrown> {
        let value = match exception {
            None => match self.handling.last() {
                Some(value) => value.clone(),
                None => return self.raise("RuntimeError", "No active exception to reraise"),
            },
            Some(expr) => match self.eval(expr).and_then(|value| {
                self.here(expr.span);
                self.raised(&value)
            }) {
                Ok(value) => value,
                Err(thrown) => return thrown,
            },
        };
        if let Some(cause) = cause {
            match (self.eval(cause), &value) {
                (Ok(cause), Value::Instance(instance)) => {
                    instance.attrs.borrow_mut().insert("__cause__".into(), cause);
                }
                (Err(thrown), _) => return thrown,
                _ => {}
            }
        }
        self.throw(value)
    }

    fn try_stmt(
        &mut self,
        body: &Block,
        handlers: &[Handler],
        orelse: &Block,
        finally: &Block,
    ) -> Result<Flow> {
        let depth = self.frames.len();
        let scope = self.scope();
        let mut result = self.block(body);
        match result {
            Ok(Flow::Next) => result = self.block(orelse),
            Err(thrown) if !thrown.is_fatal && !thrown.is_opaque => {
                self.frames.truncate(depth);
                if let (Some(frame), Some(scope)) = (self.frames.last_mut(), scope) {
                    frame.scope = scope;
                }
                result = self.handle(thrown, handlers);
            }
            _ => {}
        }
        if !finally.is_empty() && !matches!(&result, Err(thrown) if thrown.is_fatal) {
            match self.block(finally)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        result
    }

    fn handle(&mut self, thrown: Box<super::Thrown>, handlers: &[Handler]) -> Result<Flow> {
        let Some(handler) = self.handler(&thrown, handlers)? else { return Err(thrown) };
        self.begin_handler(&thrown, handler);
        let result = self.block(&handler.body);
        self.end_handler(thrown, handler.name.as_ref(), result)
    }

    /// The handler of an exception.
    pub(super) fn handler<'a>(
        &mut self,
        thrown: &super::Thrown,
        handlers: &'a [Handler],
    ) -> Result<Option<&'a Handler>> {
        for handler in handlers {
            let catches = match &handler.types {
                None => true,
                Some(types) => {
                    let types = self.eval(types)?;
                    self.catches(&thrown.value, &types)?
                }
            };
            if catches {
                return Ok(Some(handler));
            }
        }
        Ok(None)
    }

    /// What comes before a handler's statements.
    pub(super) fn begin_handler(&mut self, thrown: &super::Thrown, handler: &Handler) {
        if let Some(name) = &handler.name {
            self.bind_name(name, thrown.value.clone());
        }
        self.handling.push(thrown.value.clone());
    }

    /// What comes behind a handler's statements, which ended so.
    pub(super) fn end_handler(
        &mut self,
        thrown: Box<super::Thrown>,
        name: Option<&Name>,
        result: Result<Flow>,
    ) -> Result<Flow> {
        self.handling.pop();
        if let (Some(name), Some(scope)) = (name, self.scope()) {
            scope.vars.borrow_mut().shift_remove(name);
        }
        match result {
            // A bare `raise` goes on with all that was known.
            Err(again) if again.value.is(&thrown.value) => Err(thrown),
            result => result,
        }
    }

    fn with(&mut self, items: &[(Expr, Option<Expr>)], body: &Block) -> Result<Flow> {
        let Some(((context, target), rest)) = items.split_first() else { return self.block(body) };
        let (manager, entered) = self.enter(context)?;
        let depth = self.frames.len();
        let result = match target.as_ref().map(|target| self.assign(target, entered)) {
            Some(Err(thrown)) => Err(thrown),
            _ => self.with(rest, body),
        };
        self.frames.truncate(depth);
        self.leave(&manager, result)
    }

    /// Enters a context: its manager, and what `as` names.
    pub(super) fn enter(&mut self, context: &Expr) -> Result<(Value, Value)> {
        let manager = self.eval(context)?;
        self.here(context.span);
        if let Value::Opaque(_) = &manager {
            return Ok((manager.clone(), manager));
        }
        let entered = self.call_method(&manager, "__enter__", Vec::new())?;
        Ok((manager, entered))
    }

    /// Leaves a context whose statements ended so.
    pub(super) fn leave(&mut self, manager: &Value, result: Result<Flow>) -> Result<Flow> {
        if matches!(manager, Value::Opaque(_)) {
            return result;
        }
        match result {
            Err(thrown) if !thrown.is_fatal => {
                let class = Value::Class(self.class_of(&thrown.value));
                let args = vec![class, thrown.value.clone(), Value::None];
                let swallowed = self.call_method(manager, "__exit__", args)?;
                if self.truth(&swallowed)? { Ok(Flow::Next) } else { Err(thrown) }
            }
            result => {
                self.call_method(manager, "__exit__", vec![Value::None, Value::None, Value::None])?;
                result
            }
        }
    }

    fn delete(&mut self, target: &Expr) -> Result<()> {
        match &target.kind {
            ExprKind::Name(name) => {
                let scope = self.scope();
                let removed = scope.and_then(|scope| scope.vars.borrow_mut().shift_remove(name));
                match removed {
                    Some(_) => Ok(()),
                    None => {
                        self.here(target.span);
                        Err(self.raise("NameError", &format!("name '{name}' is not defined")))
                    }
                }
            }
            ExprKind::Attribute { value, name, .. } => {
                let value = self.eval(value)?;
                self.here(target.span);
                self.del_attr(&value, name)
            }
            ExprKind::Subscript { value, index } => {
                let value = self.eval(value)?;
                let index = self.eval(index)?;
                self.here(target.span);
                self.del_item(&value, &index)
            }
            ExprKind::Tuple(items) | ExprKind::List(items) => {
                items.iter().try_for_each(|item| self.delete(item))
            }
            _ => Err(self.unsupported("`del` of this")),
        }
    }

    /// The block of the first case that holds.
    pub(super) fn case<'a>(&mut self, subject: &Expr, cases: &'a [Case]) -> Result<Option<&'a Block>> {
        let subject = self.eval(subject)?;
        for case in cases {
            if !self.matches(&case.pattern, &subject)? {
                continue;
            }
            let holds = match &case.guard {
                Some(guard) => {
                    let value = self.eval(guard)?;
                    self.truth(&value)?
                }
                None => true,
            };
            if holds {
                return Ok(Some(&case.body));
            }
        }
        Ok(None)
    }

    fn matches(&mut self, pattern: &Pattern, subject: &Value) -> Result<bool> {
        match pattern {
            Pattern::Value(expr) => {
                let value = self.eval(expr)?;
                match value {
                    Value::None | Value::Bool(_) => Ok(value.is(subject)),
                    value => self.equals(subject, &value),
                }
            }
            Pattern::Capture(name) | Pattern::Rest(name) => {
                if let Some(name) = name {
                    self.bind_name(name, subject.clone());
                }
                Ok(true)
            }
            Pattern::As(inner, name) => {
                let holds = self.matches(inner, subject)?;
                if holds {
                    self.bind_name(name, subject.clone());
                }
                Ok(holds)
            }
            Pattern::Or(patterns) => {
                for pattern in patterns {
                    if self.matches(pattern, subject)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Pattern::Sequence(patterns) => self.matches_sequence(patterns, subject),
            Pattern::Class { class, positional, keywords } => {
                let class = self.eval(class)?;
                if !self.catches(subject, &class)? {
                    return Ok(false);
                }
                if !self.matches_positional(&class, positional, subject)? {
                    return Ok(false);
                }
                for (name, pattern) in keywords {
                    match self.find_attr(subject, name)? {
                        Some(value) if self.matches(pattern, &value)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            Pattern::Mapping { items, rest } => self.matches_mapping(items, rest.as_ref(), subject),
        }
    }

    fn matches_mapping(
        &mut self,
        patterns: &[(Expr, Pattern)],
        rest: Option<&Name>,
        subject: &Value,
    ) -> Result<bool> {
        let Value::Dict(dict) = subject.plain() else { return Ok(false) };
        self.charge(dict.borrow().map.len())?;
        let mut others = dict.borrow().clone();
        others.kind = DictKind::Plain;
        for (key, pattern) in patterns {
            let key = self.eval(key)?;
            let key = self.key_of(&key)?;
            let Some((_, value)) = others.map.shift_remove(&key) else { return Ok(false) };
            if !self.matches(pattern, &value)? {
                return Ok(false);
            }
        }
        if let Some(rest) = rest {
            self.bind_name(rest, Value::dict(others));
        }
        Ok(true)
    }

    /// The patterns by position of a class: the value itself for a built-in type, else what `__match_args__` names.
    fn matches_positional(&mut self, class: &Value, patterns: &[Pattern], subject: &Value) -> Result<bool> {
        let Value::Class(class) = class else { return Ok(true) };
        if let ([pattern], Some(_)) = (patterns, class.builtin) {
            return self.matches(pattern, subject);
        }
        let names = match class.lookup("__match_args__") {
            Some(Value::Tuple(names)) => names.to_vec(),
            _ => Vec::new(),
        };
        if patterns.len() > names.len() {
            let (name, most, given) = (&class.name, names.len(), patterns.len());
            let plural = if most == 1 { "" } else { "s" };
            let message = format!("{name}() accepts {most} positional sub-pattern{plural} ({given} given)");
            return Err(self.raise("TypeError", &message));
        }
        for (name, pattern) in names.iter().zip(patterns) {
            let Value::Str(name) = name else { return Ok(false) };
            match self.find_attr(subject, name)? {
                Some(value) if self.matches(pattern, &value)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn matches_sequence(&mut self, patterns: &[Pattern], subject: &Value) -> Result<bool> {
        let items = match subject.plain() {
            Value::List(items) => items.borrow().clone(),
            Value::Tuple(items) => items.to_vec(),
            _ => return Ok(false),
        };
        let rest = patterns.iter().position(|pattern| matches!(pattern, Pattern::Rest(_)));
        let fits = match rest {
            Some(_) => items.len() + 1 >= patterns.len(),
            None => items.len() == patterns.len(),
        };
        if !fits {
            return Ok(false);
        }
        let mut at = 0;
        for pattern in patterns {
            let value = match pattern {
                Pattern::Rest(_) => {
                    let taken = items.len() + 1 - patterns.len();
                    at += taken;
                    Value::list(items[at - taken..at].to_vec())
                }
                _ => {
                    at += 1;
                    items[at - 1].clone()
                }
            };
            if !self.matches(pattern, &value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
