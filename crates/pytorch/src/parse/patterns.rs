//! Patterns of `match`.

use ruff_python_ast as py;

use super::Lower;
use crate::ast::{Expr, ExprKind, Pattern};

impl Lower {
    pub(super) fn pattern(&mut self, pattern: &py::Pattern) -> Pattern {
        let span = self.span(pattern);
        self.deeper(span, |lower| lower.pattern_kind(pattern)).unwrap_or(Pattern::Capture(None))
    }

    fn pattern_kind(&mut self, pattern: &py::Pattern) -> Pattern {
        let span = self.span(pattern);
        match pattern {
            py::Pattern::MatchValue(p) => Pattern::Value(self.expr(&p.value)),
            py::Pattern::MatchSingleton(p) => {
                let kind = match p.value {
                    py::Singleton::None => ExprKind::None,
                    py::Singleton::True => ExprKind::Bool(true),
                    py::Singleton::False => ExprKind::Bool(false),
                };
                Pattern::Value(Expr { span, kind })
            }
            py::Pattern::MatchSequence(p) => {
                Pattern::Sequence(p.patterns.iter().map(|p| self.pattern(p)).collect())
            }
            py::Pattern::MatchStar(p) => {
                Pattern::Rest(p.name.as_ref().map(|name| self.identifier(name.as_str())))
            }
            py::Pattern::MatchAs(p) => {
                let name = p.name.as_ref().map(|name| self.identifier(name.as_str()));
                match (&p.pattern, name) {
                    (Some(inner), Some(name)) => Pattern::As(Box::new(self.pattern(inner)), name),
                    (_, name) => Pattern::Capture(name),
                }
            }
            py::Pattern::MatchOr(p) => Pattern::Or(p.patterns.iter().map(|p| self.pattern(p)).collect()),
            py::Pattern::MatchClass(p) => Pattern::Class {
                class: self.expr(&p.cls),
                positional: p.arguments.patterns.iter().map(|p| self.pattern(p)).collect(),
                keywords: p
                    .arguments
                    .keywords
                    .iter()
                    .map(|k| (self.identifier(k.attr.as_str()), self.pattern(&k.pattern)))
                    .collect(),
            },
            py::Pattern::MatchMapping(p) => Pattern::Mapping {
                items: p.keys.iter().zip(&p.patterns).map(|(k, p)| (self.expr(k), self.pattern(p))).collect(),
                rest: p.rest.as_ref().map(|name| self.identifier(name.as_str())),
            },
        }
    }
}
