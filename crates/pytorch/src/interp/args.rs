//! The arguments of a call, and how the crate's own functions take them.

use crate::ast::Name;
use crate::interp::{Interp, Result};
use crate::source::Span;
use crate::value::Value;

/// The arguments of one call.
#[derive(Clone, Default)]
pub(crate) struct Args {
    /// Those given by position.
    pub(crate) items: Vec<Value>,
    /// Those given by name.
    pub(crate) keywords: Vec<(Name, Value)>,
    /// Where those of `items` stand, where that is known; fewer for a method's receiver and `*args`.
    pub(crate) spans: Vec<Option<Span>>,
    /// Where those of `keywords` stand.
    pub(crate) keyword_spans: Vec<Option<Span>>,
}

/// Arguments in the order of a function's parameters.
pub(crate) struct Bound {
    /// A value for each parameter; `None` where it was not given.
    pub(crate) values: Vec<Option<Value>>,
    /// Where each stands.
    pub(crate) spans: Vec<Option<Span>>,
}

impl Args {
    /// Arguments by position alone.
    pub(crate) fn of(items: Vec<Value>) -> Self {
        let spans = vec![None; items.len()];
        Self { items, spans, ..Self::default() }
    }

    /// The same behind a first argument.
    pub(crate) fn with_first(mut self, first: Value) -> Self {
        self.items.insert(0, first);
        self.spans.insert(0, None);
        self
    }

    /// Matches the arguments with parameter names, as Python does. The last `optional` of them may be missing.
    ///
    /// # Errors
    /// TypeError with the signature, the nearest name to an unknown one, what is missing or too much.
    pub(crate) fn bind(
        self,
        interp: &mut Interp,
        function: &str,
        names: &[&str],
        optional: usize,
    ) -> Result<Bound> {
        let signature = || {
            let required = names.len() - optional;
            let shown: Vec<String> = names
                .iter()
                .enumerate()
                .map(|(i, name)| if i < required { (*name).to_string() } else { format!("{name}=…") })
                .collect();
            format!("{function}({})", shown.join(", "))
        };
        if self.items.len() > names.len() {
            let (most, found) = (names.len(), self.items.len());
            let arguments = if most == 1 { "argument" } else { "arguments" };
            let span = self.spans.get(most).copied().flatten();
            let error = interp
                .raise("TypeError", &format!("{function}() takes {most} {arguments}, {found} are given"));
            return Err(error.teach(|t| {
                t.code = "argument";
                t.span = span;
                t.notes.push(format!("it is {}", signature()));
                if names.first() == Some(&"tensors") {
                    t.helps.push(format!(
                        "the tensors are one argument, a list without a star: `{function}(tensors, dim=1)`"
                    ));
                }
            }));
        }
        let mut values: Vec<Option<Value>> = self.items.into_iter().map(Some).collect();
        let mut spans = self.spans;
        values.resize(names.len(), None);
        spans.resize(names.len(), None);
        for (i, (name, value)) in self.keywords.into_iter().enumerate() {
            let span = self.keyword_spans.get(i).copied().flatten();
            let Some(at) = names.iter().position(|n| **n == *name) else {
                let near = crate::nearest::nearest(&name, names.iter().copied()).map(str::to_owned);
                let message = format!("{function}() got an unexpected keyword argument '{name}'");
                let error = interp.raise("TypeError", &message);
                return Err(error.teach(|t| {
                    t.code = "argument";
                    t.span = span;
                    t.notes.push(format!("it is {}", signature()));
                    t.helps.extend(near.map(|near| format!("did you mean `{near}`?")));
                }));
            };
            if values[at].is_some() {
                let message = format!("{function}() got multiple values for argument '{name}'");
                let error = interp.raise("TypeError", &message);
                return Err(error.teach(|t| {
                    t.code = "argument";
                    t.span = span;
                    t.notes.push(format!("it is {}", signature()));
                }));
            }
            values[at] = Some(value);
            spans[at] = span;
        }
        let required = names.len() - optional;
        if let Some(missing) = (0..required).find(|&i| values[i].is_none()) {
            let message = format!("{function}() misses the argument '{}'", names[missing]);
            let error = interp.raise("TypeError", &message);
            return Err(error.teach(|t| {
                t.code = "argument";
                t.notes.push(format!("it is {}", signature()));
            }));
        }
        Ok(Bound { values, spans })
    }

    /// Takes between `least` and `most` arguments by position and none by name.
    ///
    /// # Errors
    /// TypeError for another number, or for names.
    pub(crate) fn positional(
        self,
        interp: &mut Interp,
        function: &str,
        least: usize,
        most: usize,
    ) -> Result<Vec<Value>> {
        if let Some((name, _)) = self.keywords.first() {
            return Err(
                interp.raise("TypeError", &format!("{function}() takes no argument '{name}' by name"))
            );
        }
        let found = self.items.len();
        if found < least || found > most {
            let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(interp
                .raise("TypeError", &format!("{function}() takes {expected} arguments, {found} are given")));
        }
        Ok(self.items)
    }
}

impl Bound {
    /// Takes the value of a parameter.
    pub(crate) fn take(&mut self, index: usize) -> Option<Value> {
        self.values[index].take()
    }

    /// Takes the value of a parameter; `None` if it is missing or Python's `None`.
    pub(crate) fn some(&mut self, index: usize) -> Option<Value> {
        self.values[index].take().filter(|value| !matches!(value, Value::None))
    }

    /// Takes the value of a parameter that must be there.
    pub(crate) fn required(&mut self, index: usize) -> Value {
        self.values[index].take().unwrap_or(Value::None)
    }
}
