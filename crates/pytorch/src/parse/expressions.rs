//! Expressions.

use std::rc::Rc;

use ruff_python_ast as py;

use super::Lower;
use crate::ast::{
    Arg, ArgKind, BinaryOp, Clause, Collected, CompareOp, Comprehension, Expr, ExprKind, FPart, FunctionDef,
    UnaryOp,
};

impl Lower {
    pub(super) fn expr(&mut self, expr: &py::Expr) -> Expr {
        let span = self.span(expr);
        let kind = self.deeper(span, |lower| lower.kind(expr)).unwrap_or(ExprKind::None);
        Expr { span, kind }
    }

    fn boxed(&mut self, expr: &py::Expr) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn optional(&mut self, expr: Option<&py::Expr>) -> Option<Box<Expr>> {
        expr.map(|expr| self.boxed(expr))
    }

    fn all(&mut self, exprs: &[py::Expr]) -> Vec<Expr> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn kind(&mut self, expr: &py::Expr) -> ExprKind {
        match expr {
            py::Expr::NoneLiteral(_) => ExprKind::None,
            py::Expr::EllipsisLiteral(_) => ExprKind::Ellipsis,
            py::Expr::BooleanLiteral(literal) => ExprKind::Bool(literal.value),
            py::Expr::NumberLiteral(literal) => match &literal.value {
                py::Number::Int(int) => match int.as_i64() {
                    Some(n) => ExprKind::Int(n),
                    None => ExprKind::BigInt(self.name(&int.to_string())),
                },
                py::Number::Float(x) => ExprKind::Float(*x),
                py::Number::Complex { .. } => ExprKind::Unsupported("complex numbers"),
            },
            py::Expr::StringLiteral(literal) => ExprKind::Str(self.name(literal.value.to_str())),
            py::Expr::BytesLiteral(literal) => ExprKind::Bytes(literal.value.bytes().collect()),
            py::Expr::FString(string) => ExprKind::FString(self.f_string(&string.value)),
            py::Expr::TString(_) => ExprKind::Unsupported("template strings"),
            py::Expr::Name(name) => ExprKind::Name(self.identifier(name.id.as_str())),
            py::Expr::Attribute(attribute) => ExprKind::Attribute {
                value: self.boxed(&attribute.value),
                name: self.identifier(attribute.attr.as_str()),
                name_span: self.span(&attribute.attr),
            },
            py::Expr::Subscript(subscript) => ExprKind::Subscript {
                value: self.boxed(&subscript.value),
                index: self.boxed(&subscript.slice),
            },
            py::Expr::Slice(slice) => ExprKind::Slice {
                start: self.optional(slice.lower.as_deref()),
                stop: self.optional(slice.upper.as_deref()),
                step: self.optional(slice.step.as_deref()),
            },
            py::Expr::Call(call) => {
                ExprKind::Call { function: self.boxed(&call.func), args: self.arguments(&call.arguments) }
            }
            py::Expr::UnaryOp(unary) => {
                let op = match unary.op {
                    py::UnaryOp::Not => UnaryOp::Not,
                    py::UnaryOp::USub => UnaryOp::Negative,
                    py::UnaryOp::UAdd => UnaryOp::Positive,
                    py::UnaryOp::Invert => UnaryOp::Invert,
                };
                ExprKind::Unary(op, self.boxed(&unary.operand))
            }
            py::Expr::BinOp(binary) => {
                let (left, right) = (self.boxed(&binary.left), self.boxed(&binary.right));
                ExprKind::Binary(operator(binary.op), left, right)
            }
            py::Expr::BoolOp(bool_op) => {
                let values = self.all(&bool_op.values);
                match bool_op.op {
                    py::BoolOp::And => ExprKind::And(values),
                    py::BoolOp::Or => ExprKind::Or(values),
                }
            }
            py::Expr::Compare(compare) => {
                let first = self.boxed(&compare.left);
                let ops = compare.ops.iter().map(|&op| comparison(op));
                let rest = ops.zip(compare.comparators.iter().map(|expr| self.expr(expr))).collect();
                ExprKind::Compare { first, rest }
            }
            py::Expr::If(choice) => ExprKind::If {
                test: self.boxed(&choice.test),
                body: self.boxed(&choice.body),
                orelse: self.boxed(&choice.orelse),
            },
            py::Expr::Lambda(lambda) => ExprKind::Lambda(self.lambda(lambda)),
            py::Expr::List(list) => ExprKind::List(self.all(&list.elts)),
            py::Expr::Tuple(tuple) => ExprKind::Tuple(self.all(&tuple.elts)),
            py::Expr::Set(set) => ExprKind::Set(self.all(&set.elts)),
            py::Expr::Dict(dict) => {
                let pairs = dict.items.iter();
                ExprKind::Dict(
                    pairs
                        .map(|item| (item.key.as_ref().map(|key| self.expr(key)), self.expr(&item.value)))
                        .collect(),
                )
            }
            py::Expr::ListComp(c) => self.comprehension(Collected::List, None, &c.elt, &c.generators),
            py::Expr::SetComp(c) => self.comprehension(Collected::Set, None, &c.elt, &c.generators),
            py::Expr::DictComp(c) => {
                self.comprehension(Collected::Dict, c.key.as_deref(), &c.value, &c.generators)
            }
            py::Expr::Generator(c) => self.comprehension(Collected::Generator, None, &c.elt, &c.generators),
            py::Expr::Starred(starred) => ExprKind::Starred(self.boxed(&starred.value)),
            py::Expr::Named(named) => match &*named.target {
                py::Expr::Name(name) => {
                    let name = self.identifier(name.id.as_str());
                    ExprKind::Named(name, self.boxed(&named.value))
                }
                _ => ExprKind::Unsupported("`:=` to anything but a name"),
            },
            py::Expr::Yield(y) => {
                self.yields = true;
                self.belongs(self.within.function, self.span(y), "yield", "function");
                ExprKind::Yield(self.optional(y.value.as_deref()))
            }
            py::Expr::YieldFrom(y) => {
                self.yields = true;
                self.belongs(self.within.function, self.span(y), "yield", "function");
                ExprKind::YieldFrom(self.boxed(&y.value))
            }
            py::Expr::Await(_) => ExprKind::Unsupported("await"),
            py::Expr::IpyEscapeCommand(_) => ExprKind::Unsupported("notebook commands"),
        }
    }

    fn lambda(&mut self, lambda: &py::ExprLambda) -> Rc<FunctionDef> {
        let span = self.span(lambda);
        let parameters = lambda.parameters.as_deref().map(|p| self.parameters(p)).unwrap_or_default();
        let around = self.yields;
        let within = super::Within { function: true, a_loop: false };
        let result = self.inside(within, |lower| lower.expr(&lambda.body));
        self.yields = around;
        let locals = super::names::of_parameters(&parameters);
        Rc::new(FunctionDef {
            name: self.name("<lambda>"),
            span,
            name_span: span,
            decorators: Vec::new(),
            parameters,
            body: Rc::from([]),
            result: Some(result),
            is_generator: false,
            locals,
            doc: None,
            returns: None,
        })
    }

    pub(super) fn arguments(&mut self, arguments: &py::Arguments) -> Vec<Arg> {
        let mut args: Vec<Arg> = Vec::new();
        for value in &arguments.args {
            let span = self.span(value);
            args.push(match value {
                py::Expr::Starred(starred) => {
                    Arg { span, kind: ArgKind::Star, value: self.expr(&starred.value) }
                }
                _ => Arg { span, kind: ArgKind::Positional, value: self.expr(value) },
            });
        }
        for keyword in &arguments.keywords {
            let span = self.span(keyword);
            let kind = match &keyword.arg {
                Some(name) => ArgKind::Keyword(self.identifier(name.as_str())),
                None => ArgKind::DoubleStar,
            };
            args.push(Arg { span, kind, value: self.expr(&keyword.value) });
        }
        args
    }

    fn comprehension(
        &mut self,
        into: Collected,
        key: Option<&py::Expr>,
        element: &py::Expr,
        generators: &[py::Comprehension],
    ) -> ExprKind {
        let clauses = generators.iter().map(|clause| Clause {
            target: self.expr(&clause.target),
            iter: self.expr(&clause.iter),
            conditions: self.all(&clause.ifs),
        });
        let clauses = clauses.collect();
        let key = key.map(|key| self.expr(key));
        ExprKind::Comprehension(Rc::new(Comprehension { into, key, element: self.expr(element), clauses }))
    }

    fn f_string(&mut self, value: &py::FStringValue) -> Vec<FPart> {
        let mut parts = Vec::new();
        for part in value {
            match part {
                py::FStringPart::Literal(literal) => parts.push(FPart::Text(self.name(literal.as_str()))),
                py::FStringPart::FString(string) => {
                    parts.extend(string.elements.iter().flat_map(|element| self.f_part(element)));
                }
            }
        }
        parts
    }

    fn f_part(&mut self, element: &py::InterpolatedStringElement) -> Vec<FPart> {
        match element {
            py::InterpolatedStringElement::Literal(literal) => vec![FPart::Text(self.name(&literal.value))],
            py::InterpolatedStringElement::Interpolation(part) => {
                let mut parts = Vec::new();
                let mut conversion = part.conversion.to_char();
                let spec = part.format_spec.as_deref();
                let format: Vec<FPart> = spec
                    .map(|spec| spec.elements.iter().flat_map(|element| self.f_part(element)).collect())
                    .unwrap_or_default();
                if let Some(debug) = &part.debug_text {
                    let text = format!("{}{}{}", debug.leading(), debug.expression(), debug.trailing());
                    parts.push(FPart::Text(self.name(&text)));
                    if conversion.is_none() && format.is_empty() {
                        conversion = Some('r');
                    }
                }
                parts.push(FPart::Value { value: self.expr(&part.expression), conversion, format });
                parts
            }
        }
    }
}

pub(super) fn operator(op: py::Operator) -> BinaryOp {
    match op {
        py::Operator::Add => BinaryOp::Add,
        py::Operator::Sub => BinaryOp::Sub,
        py::Operator::Mult => BinaryOp::Mul,
        py::Operator::MatMult => BinaryOp::MatMul,
        py::Operator::Div => BinaryOp::Div,
        py::Operator::FloorDiv => BinaryOp::FloorDiv,
        py::Operator::Mod => BinaryOp::Mod,
        py::Operator::Pow => BinaryOp::Pow,
        py::Operator::LShift => BinaryOp::LeftShift,
        py::Operator::RShift => BinaryOp::RightShift,
        py::Operator::BitAnd => BinaryOp::And,
        py::Operator::BitOr => BinaryOp::Or,
        py::Operator::BitXor => BinaryOp::Xor,
    }
}

fn comparison(op: py::CmpOp) -> CompareOp {
    match op {
        py::CmpOp::Eq => CompareOp::Eq,
        py::CmpOp::NotEq => CompareOp::NotEq,
        py::CmpOp::Lt => CompareOp::Less,
        py::CmpOp::LtE => CompareOp::LessEq,
        py::CmpOp::Gt => CompareOp::Greater,
        py::CmpOp::GtE => CompareOp::GreaterEq,
        py::CmpOp::Is => CompareOp::Is,
        py::CmpOp::IsNot => CompareOp::IsNot,
        py::CmpOp::In => CompareOp::In,
        py::CmpOp::NotIn => CompareOp::NotIn,
    }
}
