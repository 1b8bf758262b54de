//! The pictures of a run.

pub(super) mod canvas;
mod confusion;
mod curves;

pub(super) use canvas::write;
pub(super) use confusion::{ConfusionChart, MAX_CHART};
pub(super) use curves::{Curves, best};
