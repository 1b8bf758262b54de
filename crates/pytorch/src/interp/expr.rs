//! Expressions.

use std::rc::Rc;

use super::{Args, Frame, Interp, Result};
use crate::ast::{
    Arg, ArgKind, Block, Clause, Collected, CompareOp, Comprehension, Expr, ExprKind, FPart, Name,
};
use crate::nearest::nearest;
use crate::value::{Dict, Scope, ScopeKind, Slice, Value};

impl Interp {
    /// Notes what is evaluated now.
    fn at(&mut self, expr: &Expr) {
        if let Some(frame) = self.frames.last_mut() {
            frame.span = expr.span;
        }
    }

    /// The scope of the frame that runs.
    pub(super) fn scope(&self) -> Option<Rc<Scope>> {
        self.frames.last().map(|frame| frame.scope.clone())
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, expr: &Expr) -> Result {
        self.step()?;
        match &expr.kind {
            ExprKind::None => Ok(Value::None),
            ExprKind::Ellipsis => Ok(Value::Ellipsis),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Int(n) => Ok(Value::Int(*n)),
            ExprKind::Float(x) => Ok(Value::Float(*x)),
            ExprKind::Str(text) => Ok(Value::Str(text.clone())),
            ExprKind::Bytes(bytes) => Ok(Value::Bytes(bytes.clone())),
            ExprKind::BigInt(text) => {
                self.at(expr);
                Err(self
                    .raise("OverflowError", &format!("{text} is beyond the 64 bits that integers have here")))
            }
            ExprKind::FString(parts) => self.f_string(parts).map(|text| Value::str(&text)),
            ExprKind::Name(name) => {
                self.at(expr);
                self.lookup(name)
            }
            ExprKind::Attribute { value, name, name_span } => {
                let value = self.eval(value)?;
                self.at(expr);
                self.get_attr(&value, name).map_err(|thrown| match &thrown.teaching {
                    // What is not there is underlined, and not the object before it.
                    Some(teaching) if teaching.code == "name" && teaching.span.is_none() => {
                        thrown.teach(|t| t.span = Some(*name_span))
                    }
                    _ => thrown,
                })
            }
            ExprKind::Subscript { value, index } => {
                let value = self.eval(value)?;
                let index = self.eval(index)?;
                self.at(expr);
                self.get_item(&value, &index)
            }
            ExprKind::Slice { start, stop, step } => {
                let mut part = |part: &Option<Box<Expr>>| match part {
                    Some(part) => self.eval(part),
                    None => Ok(Value::None),
                };
                let slice = Slice { start: part(start)?, stop: part(stop)?, step: part(step)? };
                Ok(Value::Slice(Rc::new(slice)))
            }
            ExprKind::Call { function, args } => {
                let function = self.eval(function)?;
                let args = self.args(args, &function)?;
                self.at(expr);
                self.call(&function, args)
            }
            ExprKind::Unary(op, operand) => {
                let operand = self.eval(operand)?;
                self.at(expr);
                self.unary(*op, &operand)
            }
            ExprKind::Binary(op, left, right) => {
                let left = self.eval(left)?;
                let right = self.eval(right)?;
                self.at(expr);
                self.binary(*op, &left, &right)
            }
            ExprKind::And(items) | ExprKind::Or(items) => {
                let until = matches!(&expr.kind, ExprKind::Or(_));
                let mut value = Value::None;
                for (i, item) in items.iter().enumerate() {
                    value = self.eval(item)?;
                    if i + 1 < items.len() {
                        self.at(item);
                        if self.truth(&value)? == until {
                            break;
                        }
                    }
                }
                Ok(value)
            }
            ExprKind::Compare { first, rest } => self.comparisons(expr, first, rest),
            ExprKind::If { test, body, orelse } => {
                let test_value = self.eval(test)?;
                self.at(test);
                if self.truth(&test_value)? { self.eval(body) } else { self.eval(orelse) }
            }
            ExprKind::Lambda(def) => self.make_function(def),
            ExprKind::List(items) => Ok(Value::list(self.items(items)?)),
            ExprKind::Tuple(items) => Ok(Value::tuple(self.items(items)?)),
            ExprKind::Set(items) => {
                let items = self.items(items)?;
                self.at(expr);
                let mut set = Dict::default();
                for item in items {
                    self.insert(&mut set, item, Value::None)?;
                }
                Ok(Value::Set { items: Rc::new(set.into()), frozen: false })
            }
            ExprKind::Dict(pairs) => {
                self.charge_holder()?;
                let mut dict = Dict::default();
                for (key, value) in pairs {
                    let Some(key) = key else {
                        let mapping = self.eval(value)?;
                        self.at(value);
                        for (key, value) in self.pairs(&mapping)? {
                            self.insert(&mut dict, key, value)?;
                        }
                        continue;
                    };
                    let key_value = self.eval(key)?;
                    let value = self.eval(value)?;
                    self.at(key);
                    self.insert(&mut dict, key_value, value)?;
                }
                Ok(Value::dict(dict))
            }
            ExprKind::Comprehension(c) => self.comprehension(expr, c),
            ExprKind::Starred(_) => {
                self.at(expr);
                Err(self.raise("TypeError", "a starred expression stands where it means nothing"))
            }
            ExprKind::Named(name, value) => {
                let value = self.eval(value)?;
                let mut scope = self.scope();
                while let Some(inner) = scope.clone().filter(|s| s.kind == ScopeKind::Comprehension) {
                    scope = inner.outer.clone();
                }
                if let Some(scope) = scope {
                    self.assign_name(&scope, name, value.clone());
                }
                Ok(value)
            }
            // A statement that is a `yield`, or assigns one, is the generator's.
            ExprKind::Yield(_) | ExprKind::YieldFrom(_) => {
                self.at(expr);
                Err(self.unsupported("`yield` within an expression: write `name = yield …` before it"))
            }
            ExprKind::Unsupported(what) => {
                self.at(expr);
                Err(self.unsupported(what))
            }
        }
    }

    /// The value of an expression as a function of a scope would see it.
    pub(super) fn eval_within(&mut self, scope: &Rc<Scope>, expr: &Expr) -> Result {
        self.frames.push(Frame {
            function: None,
            span: expr.span,
            is_prelude: scope.module.is_prelude,
            arguments: Vec::new(),
            class: None,
            receiver: None,
            scope: scope.clone(),
        });
        let result = self.eval(expr);
        self.frames.pop();
        result
    }

    /// Sets a key of a dict or a set under construction.
    pub(crate) fn insert(&mut self, dict: &mut Dict, key: Value, value: Value) -> Result<()> {
        if let Value::Opaque(opaque) = &key {
            return Err(self.opaque_error(&opaque.clone(), "this key"));
        }
        let cell = std::cell::RefCell::new(std::mem::take(dict));
        let result = self.put(&cell, key, value);
        *dict = cell.into_inner();
        result
    }

    /// The pairs of a mapping.
    pub(crate) fn pairs(&mut self, mapping: &Value) -> Result<Vec<(Value, Value)>> {
        match mapping.plain() {
            Value::Dict(dict) => {
                Ok(dict.borrow().map.values().map(|(k, v)| (k.clone(), v.clone())).collect())
            }
            Value::Opaque(opaque) => Err(self.opaque_error(&opaque, "this")),
            other if self.find_attr(&other, "keys")?.is_some() => {
                let keys = self.call_method(&other, "keys", Vec::new())?;
                let mut pairs = Vec::new();
                for key in self.collect(&keys)? {
                    let value = self.get_item(&other, &key)?;
                    pairs.push((key, value));
                }
                Ok(pairs)
            }
            other => {
                let name = self.type_name(&other);
                Err(self.raise("TypeError", &format!("'{name}' object is not a mapping")))
            }
        }
    }

    /// The values of expressions, starred ones spread out.
    fn items(&mut self, items: &[Expr]) -> Result<Vec<Value>> {
        self.charge_holder()?;
        self.charge(items.len())?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match &item.kind {
                ExprKind::Starred(inner) => {
                    let value = self.eval(inner)?;
                    self.at(inner);
                    values.extend(self.collect(&value)?);
                }
                _ => values.push(self.eval(item)?),
            }
        }
        Ok(values)
    }

    /// The arguments of a call.
    fn args(&mut self, list: &[Arg], function: &Value) -> Result<Args> {
        let mut args = Args::default();
        for arg in list {
            let value = self.eval(&arg.value)?;
            match &arg.kind {
                ArgKind::Positional => {
                    args.items.push(value);
                    args.spans.push(Some(arg.value.span));
                }
                ArgKind::Star => {
                    self.at(&arg.value);
                    if matches!(&value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
                        return Err(self.not_spread(function, &value, "* must be an iterable"));
                    }
                    for item in self.collect(&value)? {
                        args.items.push(item);
                        args.spans.push(None);
                    }
                }
                ArgKind::Keyword(name) => {
                    args.keywords.push((name.clone(), value));
                    args.keyword_spans.push(Some(arg.value.span));
                }
                ArgKind::DoubleStar => {
                    self.at(&arg.value);
                    if !matches!(value.plain(), Value::Dict(_) | Value::Opaque(_) | Value::Instance(_)) {
                        return Err(self.not_spread(function, &value, "** must be a mapping"));
                    }
                    for (key, value) in self.pairs(&value)? {
                        let Value::Str(name) = key else {
                            return Err(self.raise("TypeError", "keywords must be strings"));
                        };
                        args.keywords.push((name, value));
                        args.keyword_spans.push(None);
                    }
                }
            }
        }
        Ok(args)
    }

    /// The error for an argument that cannot be spread out.
    fn not_spread(&mut self, function: &Value, value: &Value, what: &str) -> Box<super::Thrown> {
        let found = self.type_name(value);
        let name = match function {
            Value::Function(function) => format!("{}.{}()", function.scope.module.name, function.qualified),
            Value::Class(class) => format!("{}.{}()", class.module, class.name),
            Value::Native(native) => format!("{}()", native.name),
            Value::Method(method) => match &method.function {
                Value::Function(function) => {
                    format!("{}.{}()", function.scope.module.name, function.qualified)
                }
                _ => self.type_name(function).to_string(),
            },
            _ => format!("{} object", self.type_name(function)),
        };
        self.raise("TypeError", &format!("{name} argument after {what}, not {found}"))
    }

    fn comparisons(&mut self, expr: &Expr, first: &Expr, rest: &[(CompareOp, Expr)]) -> Result {
        let mut left = self.eval(first)?;
        let mut result = Value::Bool(true);
        for (i, (op, right)) in rest.iter().enumerate() {
            let right = self.eval(right)?;
            self.at(expr);
            result = match op {
                CompareOp::Is => Value::Bool(left.is(&right)),
                CompareOp::IsNot => Value::Bool(!left.is(&right)),
                op => self.compare(*op, &left, &right)?,
            };
            if i + 1 < rest.len() && !self.truth(&result)? {
                break;
            }
            left = right;
        }
        Ok(result)
    }

    fn f_string(&mut self, parts: &[FPart]) -> Result<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                FPart::Text(part) => text.push_str(part),
                FPart::Value { value: expr, conversion, format } => {
                    let value = self.eval(expr)?;
                    let spec = self.f_string(format)?;
                    self.at(expr);
                    let value = match conversion {
                        Some('r' | 'a') => Value::str(&self.repr(&value)?),
                        Some(_) => Value::str(&self.str_of(&value)?),
                        None => value,
                    };
                    text.push_str(&self.format_value(&value, &spec)?);
                }
            }
            self.charge(text.len() / 64)?;
        }
        Ok(text)
    }

    fn comprehension(&mut self, expr: &Expr, c: &Rc<Comprehension>) -> Result {
        let Some(first) = c.clauses.first() else { return Ok(Value::None) };
        let first = self.eval(&first.iter)?;
        let Some(outer) = self.scope() else { return Ok(Value::None) };
        if c.into == Collected::Generator {
            self.at(expr);
            return self.generator_expression(c, &first);
        }
        let inner = Scope::within(&outer, ScopeKind::Comprehension, None);
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = inner;
        }
        let mut out = Collector { items: Vec::new(), dict: Dict::default() };
        let result = self.clauses(c, &c.clauses, Some(first), &mut out);
        if let Some(frame) = self.frames.last_mut() {
            frame.scope = outer;
        }
        self.at(expr);
        result?;
        Ok(match c.into {
            Collected::List | Collected::Generator => Value::list(out.items),
            Collected::Dict => Value::dict(out.dict),
            Collected::Set => Value::Set { items: Rc::new(out.dict.into()), frozen: false },
        })
    }

    fn clauses(
        &mut self,
        c: &Comprehension,
        clauses: &[Clause],
        source: Option<Value>,
        out: &mut Collector,
    ) -> Result<()> {
        let Some((clause, rest)) = clauses.split_first() else {
            let element = self.eval(&c.element)?;
            match (&c.key, c.into) {
                (Some(key), _) => {
                    let key_value = self.eval(key)?;
                    self.at(key);
                    self.insert(&mut out.dict, key_value, element)?;
                }
                (None, Collected::Set) => self.insert(&mut out.dict, element, Value::None)?,
                (None, _) => {
                    self.charge(1)?;
                    out.items.push(element);
                }
            }
            return Ok(());
        };
        let source = match source {
            Some(source) => source,
            None => self.eval(&clause.iter)?,
        };
        self.at(&clause.iter);
        let iter = self.iter(&source)?;
        'items: while let Some(item) = self.next(&iter)? {
            self.step()?;
            self.assign(&clause.target, item)?;
            for condition in &clause.conditions {
                let value = self.eval(condition)?;
                self.at(condition);
                if !self.truth(&value)? {
                    continue 'items;
                }
            }
            self.clauses(c, rest, None, out)?;
        }
        Ok(())
    }

    /// The value of a name.
    fn lookup(&mut self, name: &Name) -> Result {
        let Some(start) = self.scope() else { return Ok(Value::None) };
        let is_declared = start.declared.borrow().get(name).copied();
        let mut scope = if is_declared == Some(true) { None } else { Some(start.clone()) };
        let mut is_first = true;
        while let Some(current) = scope {
            // The names of a class's body are not seen from its functions.
            if (is_first || current.kind != ScopeKind::Class)
                && let Some(value) = current.get(name)
            {
                return Ok(value);
            }
            if current.kind == ScopeKind::Function
                && current.def.as_ref().is_some_and(|def| def.locals.contains(name))
                && current.declared.borrow().get(name).is_none()
            {
                let message =
                    format!("cannot access local variable '{name}' where it is not associated with a value");
                return Err(self.raise("UnboundLocalError", &message).teach(|t| {
                    t.code = "name";
                    t.helps.push(format!(
                        "`{name}` gets its value further down, or in a branch that did not run: set it before this line"
                    ));
                }));
            }
            is_first = is_first && current.kind == ScopeKind::Comprehension;
            scope = current.outer.clone();
        }
        if is_declared == Some(true)
            && let Some(value) = start.module.get(name)
        {
            return Ok(value);
        }
        if let Some(value) = self.builtins.get(name) {
            return Ok(value.clone());
        }
        if &**name == "__name__" {
            return Ok(Value::Str(start.module.name.clone()));
        }
        if &**name == "__file__" {
            let path = start.module.path.clone().unwrap_or_default();
            return Ok(Value::str(&path.display().to_string()));
        }
        if matches!(&**name, "__doc__" | "__package__" | "__spec__") {
            return Ok(Value::None);
        }
        Err(self.unknown_name(&start, name))
    }

    fn unknown_name(&mut self, start: &Rc<Scope>, name: &Name) -> Box<super::Thrown> {
        let mut known: Vec<Name> = self.builtins.keys().cloned().collect();
        let mut scope = Some(start.clone());
        while let Some(current) = scope {
            known.extend(current.vars.borrow().keys().cloned());
            scope = current.outer.clone();
        }
        let near = nearest(name, known.iter().map(|name| &**name)).map(str::to_owned);
        let receiver = self.frames.last().and_then(|frame| frame.receiver.clone());
        let is_attribute = match &receiver {
            Some(Value::Instance(instance)) => {
                instance.attrs.borrow().contains_key(name) || instance.class.lookup(name).is_some()
            }
            _ => false,
        };
        let mut layer = String::new();
        let import = match &**name {
            "nn" => Some("from torch import nn"),
            "F" => Some("import torch.nn.functional as F"),
            "torch" => Some("import torch"),
            "math" => Some("import math"),
            "OrderedDict" => Some("from collections import OrderedDict"),
            "partial" => Some("from functools import partial"),
            "np" => Some("import numpy as np"),
            "torchvision" => Some("import torchvision"),
            "os" => Some("import os"),
            "itertools" => Some("import itertools"),
            "List" | "Optional" | "Tuple" | "Union" | "Callable" | "Any" => Some("from typing import …"),
            "Tensor" => Some("from torch import Tensor"),
            "Conv2d" | "Linear" | "ReLU" | "MaxPool2d" | "BatchNorm2d" | "Dropout" | "Sequential"
            | "Flatten" | "Module" | "ModuleList" => {
                layer = format!("the layers are in `nn`: write `nn.{name}`");
                None
            }
            _ => None,
        };
        self.raise("NameError", &format!("name '{name}' is not defined")).teach(|t| {
            t.code = "name";
            if is_attribute {
                t.helps.push(format!("did you mean `self.{name}`?"));
            }
            t.helps.extend(import.map(|import| format!("`{import}` is missing at the head of the file")));
            if !layer.is_empty() {
                t.helps.push(layer);
            }
            if !is_attribute && import.is_none() {
                t.helps.extend(near.map(|near| format!("did you mean `{near}`?")));
            }
        })
    }

    /// Runs statements; where they end early is told.
    pub(super) fn block(&mut self, block: &Block) -> Result<super::stmt::Flow> {
        for stmt in block.iter() {
            match self.stmt(stmt)? {
                super::stmt::Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(super::stmt::Flow::Next)
    }
}

/// What a comprehension gathers.
struct Collector {
    items: Vec<Value>,
    dict: Dict,
}
