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
        Self::of_at_least(LEAST_FLOATS, (backward, table, twins), floats)
    }

    fn of_at_least(
        least: usize,
        (backward, table, twins): (&[BackwardStage], &[Parameter], &[Twin]),
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
            if end - start >= least || start == 0 {
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

#[cfg(test)]
mod tests {
    use super::super::Training;
    use super::*;
    use crate::graph::{Assembly, NodeId, ScopeId, SharedWeight};
    use crate::ops::{Conv2d, Op};
    use crate::optim::{Frozen, Optimizer};
    use crate::options::Options;
    use crate::state::initialize;

    /// Each layer's gradients lie in parts that do not leave before they are written, and all parts together are all gradients.
    #[test]
    fn parts_cover_the_gradients_and_wait_for_every_layer_that_writes_them() {
        let options = Options { threads: 1, ..Options::default() };
        let rule = (Optimizer::sgd(), &Frozen::default(), 0);
        let families = crate::zoo::entries().iter().filter(|entry| {
            let name = entry.name;
            name == "lenet" || name.ends_with("@small")
        });
        for entry in families {
            let (name, graph) = (entry.name, entry.model().build().unwrap());
            let training = Training::new(&graph, &initialize(&graph, 1), 2, rule, &options).unwrap();
            let backward = &training.program.plan.backward;
            let floats = training.gradients.len();
            for least in [1, 1000, LEAST_FLOATS] {
                let of = (&backward[..], &training.table[..], &training.twins[..]);
                let buckets = Buckets::of_at_least(least, of, floats);
                let mut ranges: Vec<_> = buckets.all().collect();
                ranges.sort_by_key(|range| range.start);
                let ends = ranges.iter().map(|range| range.end).collect::<Vec<_>>();
                let starts = ranges.iter().map(|range| range.start).collect::<Vec<_>>();
                assert_eq!(starts[0], 0, "{name}");
                assert_eq!(starts[1..], ends[..ends.len() - 1], "{name}");
                assert_eq!(ends.last(), Some(&floats), "{name}");
                assert!(least > 1000 || ranges.len() > 3, "{name}: {ranges:?}");
                for (number, back) in backward.iter().enumerate() {
                    for parameter in training.table.iter().filter(|parameter| parameter.stage == back.stage) {
                        for (whole, range) in &buckets.parts {
                            let apart =
                                parameter.range.end <= range.start || range.end <= parameter.range.start;
                            assert!(apart || number <= *whole, "{name} {}", parameter.spec.name);
                        }
                    }
                }
                let seen = (0..backward.len()).flat_map(|number| buckets.after(number));
                assert_eq!(seen.count(), ranges.len(), "{name}: each leaves once");
            }
        }
    }

    /// Two convolutions have the same weights, whose gradients are added up behind the pass.
    #[test]
    fn gradients_that_two_layers_write_leave_at_the_end() {
        let mut net = Assembly::new("twins", [4, 8, 8]).unwrap();
        let mut x = NodeId(0);
        for (path, op) in
            [("a", Op::from(Conv2d::new(4, 3))), ("b", Conv2d::new(4, 3).into()), ("flatten", Op::Flatten)]
        {
            x = net.node(ScopeId::ROOT, path, op, &[x]).unwrap();
        }
        let shared = SharedWeight { name: "b.weight".into(), first: "a.weight".into(), in_state_dict: true };
        net.share(shared);
        let graph = net.finish(x).unwrap();
        let options = Options { threads: 1, ..Options::default() };
        let rule = (Optimizer::sgd(), &Frozen::default(), 0);
        let training = Training::new(&graph, &initialize(&graph, 1), 2, rule, &options).unwrap();
        let all = 0..training.gradients.len();
        assert_eq!(training.buckets.late().collect::<Vec<_>>(), [all]);
        let early =
            (0..training.program.plan.backward.len()).flat_map(|number| training.buckets.after(number));
        assert_eq!(early.count(), 0);
    }
}
