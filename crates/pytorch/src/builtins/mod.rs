//! Python's own functions, operators and text.

use crate::value::{Builtin, Native, Value};

pub(crate) fn method_of(_: Builtin, _: &str) -> Option<Native> {
    None
}
pub(crate) fn names() -> Vec<(&'static str, Value)> {
    Vec::new()
}
pub(crate) fn module(_: &str) -> Option<Vec<(&'static str, Value)>> {
    None
}
