//! Generators: functions that stop at each `yield`, and generator expressions. What is still to be done of a function's
//! statements lies in a list of tasks, so that it can be left and taken up again.

use std::rc::Rc;

use super::stmt::Flow;
use super::{Args, Frame, Interp, Result, Thrown};
use crate::ast::{Block, Comprehension, Expr, ExprKind, Name, StmtKind};
use crate::value::{Iter, Native, Scope, ScopeKind, Value};

/// A generator under way.
pub(crate) struct Generator {
    /// Its frame while it is not running; `None` once it has ended.
    frame: Option<Frame>,
    body: Body,
    /// What its `return` gave.
    returned: Value,
}

enum Body {
    /// What is to be done, next last, and the exceptions that it is handling.
    Function { tasks: Vec<Task>, handling: Vec<Value> },
    /// An iterator for each clause that is entered.
    Expression { comprehension: Rc<Comprehension>, sources: Vec<Value> },
}

/// What is to be done once the statements before it have ended, in one way or another. A statement is known by its block
/// and its place in it.
enum Task {
    /// The statements of a block from one on.
    Block(Block, usize),
    For(Block, usize, Value),
    While(Block, usize),
    /// The statements of a `try` are run.
    Try(Block, usize),
    /// Its `finally` is next.
    Finally(Block, usize),
    /// Its `finally` is run; then things end as they would have.
    After(Result<Flow>),
    Handler(Box<Thrown>, Option<Name>),
    /// The contexts of a `with` from one on.
    Enter(Block, usize, usize),
    Leave(Value),
    /// `yield from`.
    Delegate(Value),
    /// A `yield` waits for what is sent to it.
    Receive(Block, usize),
}

/// What a task leads to.
enum Step {
    /// The next task learns how this one ended.
    Go(Result<Flow>),
    /// The generator gives a value, and stops.
    Give(Value),
}

impl Generator {
    /// A generator function that was called.
    pub(super) fn of_function(frame: Frame, body: &Block) -> Self {
        let tasks = vec![Task::Block(body.clone(), 0)];
        Self {
            frame: Some(frame),
            body: Body::Function { tasks, handling: Vec::new() },
            returned: Value::None,
        }
    }
}

impl Interp {
    /// `(element for … in first)`: the first source is evaluated at once, all else when it is asked for.
    pub(super) fn generator_expression(&mut self, c: &Rc<Comprehension>, first: &Value) -> Result {
        let first = self.iter(first)?;
        let Some(frame) = self.frames.last() else { return Ok(Value::None) };
        let frame = Frame {
            function: frame.function.clone(),
            span: frame.span,
            is_prelude: frame.is_prelude,
            arguments: Vec::new(),
            class: frame.class.clone(),
            receiver: frame.receiver.clone(),
            scope: Scope::within(&frame.scope, ScopeKind::Comprehension, None),
        };
        let body = Body::Expression { comprehension: c.clone(), sources: vec![first] };
        let generator = Generator { frame: Some(frame), body, returned: Value::None };
        Ok(Value::iter(Iter::Generator(Some(Box::new(generator)))))
    }

    /// Goes on with a generator: its `yield` gives what is sent, or raises it.
    pub(super) fn resume(&mut self, generator: &mut Generator, sent: Result) -> Result<Option<Value>> {
        let Some(frame) = generator.frame.take() else { return sent.map(|_| None) };
        if self.frames.len() >= self.limits.depth {
            return Err(self.too_deep());
        }
        // An expression that is used where it stands is a part of the function's own frame.
        let depth = self.frames.len();
        let own = self.frames.last().map(|last| (last.scope.clone(), last.span));
        let is_inner = matches!(&generator.body, Body::Expression { .. })
            && own.as_ref().zip(frame.scope.outer.as_ref()).is_some_and(|((a, _), b)| Rc::ptr_eq(a, b));
        match self.frames.last_mut() {
            Some(last) if is_inner => {
                last.scope = frame.scope.clone();
                last.span = frame.span;
            }
            _ => self.frames.push(frame.clone()),
        }
        let result = match &mut generator.body {
            Body::Function { tasks, handling } => {
                let outside = self.handling.len();
                self.handling.append(handling);
                let result = self.proceed(tasks, sent, depth + 1);
                *handling = self.handling.split_off(outside.min(self.handling.len()));
                result
            }
            Body::Expression { comprehension, sources } => match sent {
                Ok(_) => self.next_element(comprehension, sources).map(|item| item.ok_or(Value::None)),
                Err(thrown) => Err(thrown),
            },
        };
        let span = self.frames.last().map_or(frame.span, |last| last.span);
        if is_inner {
            self.frames.truncate(depth);
            if let (Some(last), Some((scope, span))) = (self.frames.last_mut(), own) {
                last.scope = scope;
                last.span = span;
            }
        } else {
            self.frames.truncate(depth);
        }
        match result {
            Ok(Ok(item)) => {
                generator.frame = Some(Frame { span, ..frame });
                Ok(Some(item))
            }
            Ok(Err(returned)) => {
                generator.returned = returned;
                Ok(None)
            }
            Err(thrown) => Err(self.stopped(thrown)),
        }
    }

    /// A generator that raises StopIteration itself has a mistake in it.
    fn stopped(&mut self, thrown: Box<Thrown>) -> Box<Thrown> {
        let stop = self.types.named("StopIteration");
        if !stop.is_some_and(|stop| self.class_of(&thrown.value).is_subclass(&stop)) {
            return thrown;
        }
        self.raise("RuntimeError", "generator raised StopIteration")
    }

    /// Does what is to be done until a value is given (`Ok`), or all is done (`Err` with what was returned).
    fn proceed(
        &mut self,
        tasks: &mut Vec<Task>,
        sent: Result,
        depth: usize,
    ) -> Result<std::result::Result<Value, Value>> {
        let mut received = Value::None;
        let mut flow = match sent {
            Ok(value) => {
                received = value;
                Ok(Flow::Next)
            }
            Err(thrown) => Err(thrown),
        };
        while let Some(task) = tasks.pop() {
            self.step()?;
            if matches!(&flow, Err(thrown) if thrown.is_fatal) {
                tasks.clear();
                break;
            }
            self.frames.truncate(depth);
            flow = match self.task(task, flow, tasks, &mut received) {
                Ok(Step::Give(value)) => return Ok(Ok(value)),
                Ok(Step::Go(flow)) => flow,
                Err(thrown) => Err(thrown),
            };
        }
        match flow? {
            Flow::Return(value) => Ok(Err(value)),
            _ => Ok(Err(Value::None)),
        }
    }

    fn task(
        &mut self,
        task: Task,
        flow: Result<Flow>,
        tasks: &mut Vec<Task>,
        received: &mut Value,
    ) -> Result<Step> {
        match task {
            Task::Block(block, at) => match flow {
                Ok(Flow::Next) if at < block.len() => {
                    tasks.push(Task::Block(block.clone(), at + 1));
                    if block[at].yields {
                        self.step()?;
                        self.here(block[at].span);
                        self.begin(&block, at, tasks)
                    } else {
                        self.stmt(&block[at]).map(|flow| Step::Go(Ok(flow)))
                    }
                }
                flow => Ok(Step::Go(flow)),
            },
            Task::For(block, at, items) => {
                let StmtKind::For { target, iter, body, orelse } = &block[at].kind else { return next() };
                match flow {
                    Ok(Flow::Next | Flow::Continue) => {}
                    Ok(Flow::Break) => return next(),
                    flow => return Ok(Step::Go(flow)),
                }
                self.here(iter.span);
                match self.next(&items)? {
                    Some(item) => {
                        self.assign(target, item)?;
                        tasks.push(Task::For(block.clone(), at, items));
                        tasks.push(Task::Block(body.clone(), 0));
                    }
                    None => tasks.push(Task::Block(orelse.clone(), 0)),
                }
                next()
            }
            Task::While(block, at) => {
                let StmtKind::While { test, body, orelse } = &block[at].kind else { return next() };
                match flow {
                    Ok(Flow::Next | Flow::Continue) => {}
                    Ok(Flow::Break) => return next(),
                    flow => return Ok(Step::Go(flow)),
                }
                if self.test(test)? {
                    tasks.push(Task::While(block.clone(), at));
                    tasks.push(Task::Block(body.clone(), 0));
                } else {
                    tasks.push(Task::Block(orelse.clone(), 0));
                }
                next()
            }
            Task::Try(block, at) => {
                let StmtKind::Try { handlers, orelse, .. } = &block[at].kind else { return next() };
                tasks.push(Task::Finally(block.clone(), at));
                match flow {
                    Ok(Flow::Next) => tasks.push(Task::Block(orelse.clone(), 0)),
                    Err(thrown) if !thrown.is_opaque => match self.handler(&thrown, handlers)? {
                        Some(handler) => {
                            self.begin_handler(&thrown, handler);
                            tasks.push(Task::Handler(thrown, handler.name.clone()));
                            tasks.push(Task::Block(handler.body.clone(), 0));
                        }
                        None => return Err(thrown),
                    },
                    flow => return Ok(Step::Go(flow)),
                }
                next()
            }
            Task::Finally(block, at) => {
                let StmtKind::Try { finally, .. } = &block[at].kind else { return next() };
                tasks.push(Task::After(flow));
                tasks.push(Task::Block(finally.clone(), 0));
                next()
            }
            Task::After(before) => Ok(Step::Go(match flow {
                Ok(Flow::Next) => before,
                flow => flow,
            })),
            Task::Handler(thrown, name) => Ok(Step::Go(self.end_handler(thrown, name.as_ref(), flow))),
            Task::Enter(block, at, item) => {
                let StmtKind::With { items, body } = &block[at].kind else { return next() };
                let Ok(Flow::Next) = flow else { return Ok(Step::Go(flow)) };
                let Some((context, target)) = items.get(item) else {
                    tasks.push(Task::Block(body.clone(), 0));
                    return next();
                };
                let (manager, entered) = self.enter(context)?;
                tasks.push(Task::Leave(manager));
                if let Some(target) = target {
                    self.assign(target, entered)?;
                }
                tasks.push(Task::Enter(block.clone(), at, item + 1));
                next()
            }
            Task::Leave(manager) => self.leave(&manager, flow).map(|flow| Step::Go(Ok(flow))),
            Task::Delegate(inner) => {
                let sent = flow.map(|_| std::mem::replace(received, Value::None));
                match self.send(&inner, sent)? {
                    Some(value) => {
                        tasks.push(Task::Delegate(inner));
                        Ok(Step::Give(value))
                    }
                    None => {
                        *received = returned(&inner);
                        next()
                    }
                }
            }
            Task::Receive(block, at) => {
                let Ok(Flow::Next) = flow else { return Ok(Step::Go(flow)) };
                let value = std::mem::replace(received, Value::None);
                match &block[at].kind {
                    StmtKind::Assign { targets, .. } => {
                        for target in targets {
                            self.assign(target, value.clone())?;
                        }
                    }
                    StmtKind::AnnAssign { target, .. } => self.assign(target, value)?,
                    StmtKind::Return(_) => return Ok(Step::Go(Ok(Flow::Return(value)))),
                    _ => {}
                }
                next()
            }
        }
    }

    /// Begins a statement in which a `yield` stands.
    fn begin(&mut self, block: &Block, at: usize, tasks: &mut Vec<Task>) -> Result<Step> {
        match &block[at].kind {
            StmtKind::Expr(value)
            | StmtKind::Assign { value, .. }
            | StmtKind::AnnAssign { value: Some(value), .. }
            | StmtKind::Return(Some(value)) => match &value.kind {
                ExprKind::Yield(given) => {
                    let given = self.given(given.as_deref())?;
                    tasks.push(Task::Receive(block.clone(), at));
                    return Ok(Step::Give(given));
                }
                ExprKind::YieldFrom(source) => {
                    let source = self.eval(source)?;
                    self.here(value.span);
                    let inner = self.iter(&source)?;
                    tasks.push(Task::Receive(block.clone(), at));
                    tasks.push(Task::Delegate(inner));
                }
                _ => return self.stmt(&block[at]).map(|flow| Step::Go(Ok(flow))),
            },
            StmtKind::If { branches, orelse } => {
                let body = self.branch(branches, orelse)?;
                tasks.push(Task::Block(body.clone(), 0));
            }
            StmtKind::For { iter, .. } => {
                let source = self.eval(iter)?;
                self.here(iter.span);
                let items = self.iter(&source)?;
                tasks.push(Task::For(block.clone(), at, items));
            }
            StmtKind::While { .. } => tasks.push(Task::While(block.clone(), at)),
            StmtKind::Try { body, .. } => {
                tasks.push(Task::Try(block.clone(), at));
                tasks.push(Task::Block(body.clone(), 0));
            }
            StmtKind::With { .. } => tasks.push(Task::Enter(block.clone(), at, 0)),
            StmtKind::Match { subject, cases } => {
                if let Some(body) = self.case(subject, cases)? {
                    tasks.push(Task::Block(body.clone(), 0));
                }
            }
            // What yields within such a statement is told of by the expression.
            _ => return self.stmt(&block[at]).map(|flow| Step::Go(Ok(flow))),
        }
        next()
    }

    fn given(&mut self, value: Option<&Expr>) -> Result {
        match value {
            Some(value) => self.eval(value),
            None => Ok(Value::None),
        }
    }

    /// The next element of a generator expression.
    fn next_element(&mut self, c: &Comprehension, sources: &mut Vec<Value>) -> Result<Option<Value>> {
        'items: while let Some(source) = sources.last().cloned() {
            let clause = &c.clauses[sources.len() - 1];
            self.here(clause.iter.span);
            let Some(item) = self.next(&source)? else {
                sources.pop();
                continue;
            };
            self.assign(&clause.target, item)?;
            for condition in &clause.conditions {
                if !self.test(condition)? {
                    continue 'items;
                }
            }
            match c.clauses.get(sources.len()) {
                Some(inner) => {
                    let value = self.eval(&inner.iter)?;
                    self.here(inner.iter.span);
                    let inner = self.iter(&value)?;
                    sources.push(inner);
                }
                None => return self.eval(&c.element).map(Some),
            }
        }
        Ok(None)
    }

    /// The next item of an iterator, which a generator is sent a value for, or has an exception raised in it.
    fn send(&mut self, iter: &Value, sent: Result) -> Result<Option<Value>> {
        if let Value::Iter(state) = iter
            && let Ok(mut borrowed) = state.try_borrow_mut()
            && let Iter::Generator(generator) = &mut *borrowed
        {
            let Some(mut generator) = generator.take() else {
                return Err(self.raise("ValueError", "generator already executing"));
            };
            drop(borrowed);
            let result = self.resume(&mut generator, sent);
            *state.borrow_mut() = Iter::Generator(Some(generator));
            return result;
        }
        sent?;
        self.next(iter)
    }

    /// What `next` and `send` give: the item, or StopIteration with what was returned.
    fn item_or_stop(&mut self, iter: &Value, item: Option<Value>) -> Result {
        match item {
            Some(item) => Ok(item),
            None => {
                let args = match returned(iter) {
                    Value::None => Vec::new(),
                    value => vec![value],
                };
                let stop = self.exception("StopIteration", args);
                Err(self.throw(stop))
            }
        }
    }
}

fn next() -> Result<Step> {
    Ok(Step::Go(Ok(Flow::Next)))
}

/// What a generator that has ended returned.
fn returned(iter: &Value) -> Value {
    if let Value::Iter(state) = iter
        && let Ok(state) = state.try_borrow()
        && let Iter::Generator(Some(generator)) = &*state
    {
        return generator.returned.clone();
    }
    Value::None
}

/// The methods of iterators and generators.
pub(crate) fn method(name: &str) -> Option<Native> {
    Some(match name {
        "__iter__" => {
            Native { name: "iterator.__iter__", call: |interp, mut args| args.receiver(interp, "__iter__") }
        }
        "__next__" => Native {
            name: "iterator.__next__",
            call: |interp, mut args| {
                let iter = args.receiver(interp, "__next__")?;
                let item = interp.next(&iter)?;
                interp.item_or_stop(&iter, item)
            },
        },
        "send" => Native {
            name: "generator.send",
            call: |interp, mut args| {
                let iter = args.receiver(interp, "send")?;
                let value = args.positional(interp, "send", 1, 1)?.remove(0);
                let item = interp.send(&iter, Ok(value))?;
                interp.item_or_stop(&iter, item)
            },
        },
        "throw" => Native { name: "generator.throw", call: throw },
        "close" => Native { name: "generator.close", call: close },
        _ => return None,
    })
}

fn throw(interp: &mut Interp, mut args: Args) -> Result {
    let iter = args.receiver(interp, "throw")?;
    let given = args.positional(interp, "throw", 1, 3)?;
    let value =
        interp.raised(given.get(1).filter(|v| matches!(v, Value::Instance(_))).unwrap_or(&given[0]))?;
    let thrown = interp.throw(value);
    let item = interp.send(&iter, Err(thrown))?;
    interp.item_or_stop(&iter, item)
}

fn close(interp: &mut Interp, mut args: Args) -> Result {
    let iter = args.receiver(interp, "close")?;
    let exit = interp.exception("GeneratorExit", Vec::new());
    let thrown = interp.throw(exit.clone());
    match interp.send(&iter, Err(thrown)) {
        Ok(None) => Ok(Value::None),
        Ok(Some(_)) => Err(interp.raise("RuntimeError", "generator ignored GeneratorExit")),
        Err(thrown) if thrown.value.is(&exit) => Ok(Value::None),
        Err(thrown) => Err(thrown),
    }
}
