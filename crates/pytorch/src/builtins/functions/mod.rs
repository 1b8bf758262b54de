//! Python's built-in functions.

mod attributes;
mod numbers;
mod objects;
mod outside;
mod sequences;
mod sort;

pub(crate) use sequences::take_keyword;

use crate::value::Value;

/// The functions by name.
pub(super) fn names() -> Vec<(&'static str, Value)> {
    [sequences::names(), numbers::names(), objects::names(), attributes::names(), outside::names()].concat()
}
