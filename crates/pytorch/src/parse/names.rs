//! Which names a function assigns.

use crate::ast::{Block, ClassDef, Expr, ExprKind, FPart, Name, Parameters, Pattern, Stmt, StmtKind};

/// The names of parameters.
pub(super) fn of_parameters(parameters: &Parameters) -> Vec<Name> {
    let named = parameters.named.iter().map(|p| p.name.clone());
    named.chain(parameters.args.clone()).chain(parameters.kwargs.clone()).collect()
}

/// Adds the names that statements assign, those declared global or nonlocal left out.
pub(super) fn assigned(body: &Block, names: &mut Vec<Name>) {
    let mut walk = Walk { assigned: Vec::new(), declared: Vec::new() };
    walk.block(body);
    let Walk { assigned, declared } = walk;
    names.extend(assigned);
    names.retain(|name| !declared.contains(name));
    names.sort();
    names.dedup();
}

struct Walk {
    assigned: Vec<Name>,
    declared: Vec<Name>,
}

impl Walk {
    fn block(&mut self, body: &Block) {
        body.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(e) => self.expr(e),
            StmtKind::Assign { targets, value } => {
                targets.iter().for_each(|target| self.target(target));
                self.expr(value);
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.target(target);
                self.expr(value);
            }
            StmtKind::AnnAssign { target, value, .. } => {
                self.target(target);
                value.iter().for_each(|value| self.expr(value));
            }
            StmtKind::Return(value) => value.iter().for_each(|value| self.expr(value)),
            StmtKind::If { branches, orelse } => {
                for (test, body) in branches {
                    self.expr(test);
                    self.block(body);
                }
                self.block(orelse);
            }
            StmtKind::For { target, iter, body, orelse } => {
                self.target(target);
                self.expr(iter);
                self.block(body);
                self.block(orelse);
            }
            StmtKind::While { test, body, orelse } => {
                self.expr(test);
                self.block(body);
                self.block(orelse);
            }
            StmtKind::Function(f) => self.assigned.push(f.name.clone()),
            StmtKind::Class(class) => self.class(class),
            StmtKind::Import(names) => {
                for alias in names {
                    let top = alias.name.split('.').next().unwrap_or_default();
                    self.assigned.push(alias.asname.clone().unwrap_or_else(|| top.into()));
                }
            }
            StmtKind::ImportFrom { names, .. } => {
                for alias in names {
                    self.assigned.push(alias.asname.clone().unwrap_or_else(|| alias.name.clone()));
                }
            }
            StmtKind::Raise { exception, cause } => {
                exception.iter().chain(cause).for_each(|e| self.expr(e));
            }
            StmtKind::Try { body, handlers, orelse, finally } => {
                self.block(body);
                for handler in handlers {
                    self.assigned.extend(handler.name.clone());
                    self.block(&handler.body);
                }
                self.block(orelse);
                self.block(finally);
            }
            StmtKind::Assert { test, message } => {
                self.expr(test);
                message.iter().for_each(|message| self.expr(message));
            }
            StmtKind::With { items, body } => {
                for (context, target) in items {
                    self.expr(context);
                    target.iter().for_each(|target| self.target(target));
                }
                self.block(body);
            }
            StmtKind::Global(names) | StmtKind::Nonlocal(names) => {
                self.declared.extend(names.iter().cloned());
            }
            StmtKind::Delete(targets) => targets.iter().for_each(|target| self.target(target)),
            StmtKind::Match { subject, cases } => {
                self.expr(subject);
                for case in cases {
                    self.pattern(&case.pattern);
                    case.guard.iter().for_each(|guard| self.expr(guard));
                    self.block(&case.body);
                }
            }
            StmtKind::Break | StmtKind::Continue | StmtKind::Pass | StmtKind::Unsupported(_) => {}
        }
    }

    fn class(&mut self, class: &ClassDef) {
        self.assigned.push(class.name.clone());
    }

    fn target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name) => self.assigned.push(name.clone()),
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().for_each(|item| self.target(item)),
            ExprKind::Starred(inner) => self.target(inner),
            _ => self.expr(target),
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Capture(name) | Pattern::Rest(name) => self.assigned.extend(name.clone()),
            Pattern::As(inner, name) => {
                self.pattern(inner);
                self.assigned.push(name.clone());
            }
            Pattern::Or(patterns) | Pattern::Sequence(patterns) => {
                patterns.iter().for_each(|pattern| self.pattern(pattern));
            }
            Pattern::Class { positional, keywords, .. } => {
                positional.iter().for_each(|pattern| self.pattern(pattern));
                keywords.iter().for_each(|(_, pattern)| self.pattern(pattern));
            }
            Pattern::Mapping { items, rest } => {
                items.iter().for_each(|(_, pattern)| self.pattern(pattern));
                self.assigned.extend(rest.clone());
            }
            Pattern::Value(_) => {}
        }
    }

    fn parts(&mut self, parts: &[FPart]) {
        for part in parts {
            if let FPart::Value { value, format, .. } = part {
                self.expr(value);
                self.parts(format);
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Named(name, value) => {
                self.assigned.push(name.clone());
                self.expr(value);
            }
            ExprKind::Yield(value) => value.iter().for_each(|value| self.expr(value)),
            ExprKind::Attribute { value, .. }
            | ExprKind::Starred(value)
            | ExprKind::Unary(_, value)
            | ExprKind::YieldFrom(value) => self.expr(value),
            ExprKind::Subscript { value, index } => {
                self.expr(value);
                self.expr(index);
            }
            ExprKind::Slice { start, stop, step } => {
                start.iter().chain(stop).chain(step).for_each(|e| self.expr(e));
            }
            ExprKind::Call { function, args } => {
                self.expr(function);
                args.iter().for_each(|arg| self.expr(&arg.value));
            }
            ExprKind::Binary(_, a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::And(items)
            | ExprKind::Or(items)
            | ExprKind::List(items)
            | ExprKind::Tuple(items)
            | ExprKind::Set(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Compare { first, rest } => {
                self.expr(first);
                rest.iter().for_each(|(_, e)| self.expr(e));
            }
            ExprKind::If { test, body, orelse } => {
                [test, body, orelse].into_iter().for_each(|e| self.expr(e));
            }
            ExprKind::Dict(pairs) => {
                for (key, value) in pairs {
                    key.iter().for_each(|key| self.expr(key));
                    self.expr(value);
                }
            }
            // A walrus in a comprehension is the function's.
            ExprKind::Comprehension(c) => {
                self.expr(&c.element);
                c.key.iter().for_each(|key| self.expr(key));
                for clause in &c.clauses {
                    self.expr(&clause.iter);
                    clause.conditions.iter().for_each(|e| self.expr(e));
                }
            }
            ExprKind::FString(parts) => self.parts(parts),
            ExprKind::None
            | ExprKind::Ellipsis
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::BigInt(_)
            | ExprKind::Float(_)
            | ExprKind::Str(_)
            | ExprKind::Bytes(_)
            | ExprKind::Name(_)
            | ExprKind::Lambda(_)
            | ExprKind::Unsupported(_) => {}
        }
    }
}
