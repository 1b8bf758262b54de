//! The parts in which gradients travel to other ranks, while the backward pass goes on.

use std::ops::Range;

use super::super::table::{Parameter, Twin};
use crate::plan::BackwardStage;

/// Floats of a part, at least: fewer are more messages than they are worth.
const LEAST_FLOATS: usize = 1 << 18;

/// Ranges of the flat gradients, which cover them, and when each is whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets {
    /// The number of the step of the backward pass after which it is whole, and the range, in the order of these numbers.
    parts: Vec<(usize, Range<usize>)>,
}

impl Buckets {
    /// Of the parameters that learn, whose gradients take so many floats.
    pub(super) fn new(
        backward: &[BackwardStage],
        table: &[Parameter],
        twins: &[Twin],
        floats: usize,
    ) -> Self {
        let mut after: Vec<Option<usize>> = Vec::new();
        for (number, back) in backward.iter().enumerate() {
            after.resize(after.len().max(back.stage + 1), None);
            after[back.stage] = Some(number);
        }
        let written = |parameter: &Parameter| {
            let number = after.get(parameter.stage).copied().flatten().unwrap_or_default();
            (parameter.range.start, number)
        };
        let all = table.iter().chain(twins.iter().map(|twin| &twin.parameter));
        let mut starts: Vec<(usize, usize)> =
            all.filter(|parameter| parameter.range.end <= floats).map(written).collect();
        starts.sort_unstable();
        let mut parts: Vec<(usize, Range<usize>)> = Vec::new();
        // From the end, which is whole first.
        let mut end = floats;
        let mut latest = 0;
        for &(start, number) in starts.iter().rev() {
            latest = latest.max(number);
            let start = if start == starts[0].0 { 0 } else { start };
            if end - start >= LEAST_FLOATS || start == 0 {
                parts.push((latest, start..end));
                (end, latest) = (start, 0);
            }
        }
        if !twins.is_empty() {
            // Gradients of weights that several layers read are added up after the pass.
            parts = vec![(usize::MAX, 0..floats)];
        }
        parts.sort_by_key(|(number, _)| *number);
        Self { parts }
    }

    /// What is whole after a step of the backward pass and was not before.
    pub(super) fn after(&self, number: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        self.parts.iter().filter(move |(at, _)| *at == number).map(|(_, range)| range.clone())
    }

    /// What no step of the backward pass makes whole.
    pub(super) fn late(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.after(usize::MAX)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.parts.iter().map(|(_, range)| range.clone())
    }
}
