//! Statements, functions and classes.

use std::rc::Rc;

use ruff_python_ast as py;

use super::expressions::operator;
use super::{Lower, Within};
use crate::ast::{
    Alias, Block, Case, ClassDef, Expr, ExprKind, FunctionDef, Handler, Name, Parameter, Parameters, Stmt,
    StmtKind,
};

/// The text that a block begins with, if it does with one.
pub(crate) fn documentation(body: &Block) -> Option<Name> {
    match &body.first()?.kind {
        StmtKind::Expr(Expr { kind: ExprKind::Str(text), .. }) => Some(text.clone()),
        _ => None,
    }
}

impl Lower {
    pub(super) fn block(&mut self, body: &[py::Stmt]) -> Block {
        body.iter().map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&mut self, stmt: &py::Stmt) -> Stmt {
        let span = self.span(stmt);
        let around = std::mem::take(&mut self.yields);
        let kind = self.deeper(span, |lower| lower.stmt_kind(stmt)).unwrap_or(StmtKind::Pass);
        let yields = self.yields;
        self.yields |= around;
        Stmt { span, kind, yields }
    }

    fn stmt_kind(&mut self, stmt: &py::Stmt) -> StmtKind {
        match stmt {
            py::Stmt::Expr(s) => StmtKind::Expr(self.expr(&s.value)),
            py::Stmt::Assign(s) => StmtKind::Assign {
                targets: s.targets.iter().map(|target| self.expr(target)).collect(),
                value: self.expr(&s.value),
            },
            py::Stmt::AugAssign(s) => StmtKind::AugAssign {
                target: self.expr(&s.target),
                op: operator(s.op),
                value: self.expr(&s.value),
            },
            py::Stmt::AnnAssign(s) => StmtKind::AnnAssign {
                target: self.expr(&s.target),
                annotation: self.expr(&s.annotation),
                value: s.value.as_deref().map(|value| self.expr(value)),
            },
            py::Stmt::Return(s) => {
                self.belongs(self.within.function, self.span(s), "return", "function");
                StmtKind::Return(s.value.as_deref().map(|value| self.expr(value)))
            }
            py::Stmt::If(s) => {
                let mut branches = vec![(self.expr(&s.test), self.block(&s.body))];
                let mut orelse: Block = Rc::from([]);
                for clause in &s.elif_else_clauses {
                    let body = self.block(&clause.body);
                    match &clause.test {
                        Some(test) => branches.push((self.expr(test), body)),
                        None => orelse = body,
                    }
                }
                StmtKind::If { branches, orelse }
            }
            py::Stmt::For(s) if s.is_async => StmtKind::Unsupported("async"),
            py::Stmt::For(s) => StmtKind::For {
                target: self.expr(&s.target),
                iter: self.expr(&s.iter),
                body: self.looped(&s.body),
                orelse: self.block(&s.orelse),
            },
            py::Stmt::While(s) => StmtKind::While {
                test: self.expr(&s.test),
                body: self.looped(&s.body),
                orelse: self.block(&s.orelse),
            },
            py::Stmt::Break(s) => {
                self.belongs(self.within.a_loop, self.span(s), "break", "loop");
                StmtKind::Break
            }
            py::Stmt::Continue(s) => {
                self.belongs(self.within.a_loop, self.span(s), "continue", "loop");
                StmtKind::Continue
            }
            py::Stmt::Pass(_) => StmtKind::Pass,
            py::Stmt::FunctionDef(s) if s.is_async => StmtKind::Unsupported("async"),
            py::Stmt::FunctionDef(s) => StmtKind::Function(self.function(s)),
            py::Stmt::ClassDef(s) => StmtKind::Class(self.class(s)),
            py::Stmt::Import(s) => StmtKind::Import(self.aliases(&s.names)),
            py::Stmt::ImportFrom(s) => StmtKind::ImportFrom {
                module: s.module.as_ref().map(|module| self.name(module.as_str())),
                names: self.aliases(&s.names),
                level: s.level,
            },
            py::Stmt::Raise(s) => StmtKind::Raise {
                exception: s.exc.as_deref().map(|e| self.expr(e)),
                cause: s.cause.as_deref().map(|e| self.expr(e)),
            },
            py::Stmt::Try(s) => {
                let handlers = s.handlers.iter().map(|py::ExceptHandler::ExceptHandler(handler)| Handler {
                    types: handler.type_.as_deref().map(|types| self.expr(types)),
                    name: handler.name.as_ref().map(|name| self.identifier(name.as_str())),
                    body: self.block(&handler.body),
                });
                let handlers = handlers.collect();
                StmtKind::Try {
                    body: self.block(&s.body),
                    handlers,
                    orelse: self.block(&s.orelse),
                    finally: self.block(&s.finalbody),
                }
            }
            py::Stmt::Assert(s) => StmtKind::Assert {
                test: self.expr(&s.test),
                message: s.msg.as_deref().map(|message| self.expr(message)),
            },
            py::Stmt::With(s) if s.is_async => StmtKind::Unsupported("async"),
            py::Stmt::With(s) => StmtKind::With {
                items: s
                    .items
                    .iter()
                    .map(|item| {
                        let context = self.expr(&item.context_expr);
                        (context, item.optional_vars.as_deref().map(|target| self.expr(target)))
                    })
                    .collect(),
                body: self.block(&s.body),
            },
            py::Stmt::Global(s) => StmtKind::Global(self.identifiers(&s.names)),
            py::Stmt::Nonlocal(s) => StmtKind::Nonlocal(self.identifiers(&s.names)),
            py::Stmt::Delete(s) => {
                StmtKind::Delete(s.targets.iter().map(|target| self.expr(target)).collect())
            }
            py::Stmt::Match(s) => StmtKind::Match {
                subject: self.expr(&s.subject),
                cases: s
                    .cases
                    .iter()
                    .map(|case| Case {
                        pattern: self.pattern(&case.pattern),
                        guard: case.guard.as_deref().map(|guard| self.expr(guard)),
                        body: self.block(&case.body),
                    })
                    .collect(),
            },
            py::Stmt::TypeAlias(_) => StmtKind::Pass,
            py::Stmt::IpyEscapeCommand(_) => StmtKind::Unsupported("notebook commands"),
        }
    }

    fn identifiers(&mut self, names: &[py::Identifier]) -> Vec<Name> {
        names.iter().map(|name| self.identifier(name.as_str())).collect()
    }

    fn aliases(&mut self, names: &[py::Alias]) -> Vec<Alias> {
        let aliases = names.iter().map(|alias| Alias {
            span: self.span(alias),
            name: self.name(alias.name.as_str()),
            asname: alias.asname.as_ref().map(|name| self.name(name.as_str())),
        });
        aliases.collect()
    }

    fn function(&mut self, f: &py::StmtFunctionDef) -> Rc<FunctionDef> {
        let name_span = self.span(&f.name);
        let head = name_span.to(self.span(&*f.parameters));
        let parameters = self.parameters(&f.parameters);
        // Depth is counted from each function anew: its body runs in a frame of its own.
        let around = std::mem::take(&mut self.yields);
        let within = Within { function: true, a_loop: false };
        let body = self.inside(within, |lower| lower.block(&f.body));
        let is_generator = std::mem::replace(&mut self.yields, around);
        let mut locals = super::names::of_parameters(&parameters);
        super::names::assigned(&body, &mut locals);
        let doc = documentation(&body);
        Rc::new(FunctionDef {
            name: self.identifier(f.name.as_str()),
            span: head,
            name_span,
            decorators: f.decorator_list.iter().map(|d| self.expr(&d.expression)).collect(),
            parameters,
            is_generator,
            body,
            result: None,
            locals,
            doc,
            returns: f.returns.as_deref().map(|returns| self.expr(returns)),
        })
    }

    fn class(&mut self, c: &py::StmtClassDef) -> Rc<ClassDef> {
        let name_span = self.span(&c.name);
        let around = self.class.replace(c.name.as_str().to_owned());
        let body = self.inside(Within::default(), |lower| lower.block(&c.body));
        self.class = around;
        Rc::new(ClassDef {
            doc: documentation(&body),
            name: self.name(c.name.as_str()),
            name_span,
            decorators: c.decorator_list.iter().map(|d| self.expr(&d.expression)).collect(),
            bases: c.arguments.as_deref().map(|arguments| self.arguments(arguments)).unwrap_or_default(),
            body,
        })
    }

    pub(super) fn parameters(&mut self, parameters: &py::Parameters) -> Parameters {
        let named: Vec<Parameter> = parameters
            .posonlyargs
            .iter()
            .chain(&parameters.args)
            .chain(&parameters.kwonlyargs)
            .map(|p| Parameter {
                name: self.identifier(p.parameter.name.as_str()),
                annotation: p.parameter.annotation.as_deref().map(|annotation| self.expr(annotation)),
                default: p.default.as_deref().map(|default| self.expr(default)),
            })
            .collect();
        Parameters {
            named,
            positional_only: parameters.posonlyargs.len(),
            positional: parameters.posonlyargs.len() + parameters.args.len(),
            args: parameters.vararg.as_deref().map(|p| self.identifier(p.name.as_str())),
            kwargs: parameters.kwarg.as_deref().map(|p| self.identifier(p.name.as_str())),
        }
    }
}
